/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode_link.c - link headers other than Ethernet
 *
 * Each function takes one header and leaves the Ethernet type of what follows.
 *
 * 802.11 comes alone or behind a header that says how it was received: radiotap, Prism,
 * AVS, PPI. Of the frames only data frames carry IP, behind LLC and SNAP. Encrypted ones
 * and the later pieces of fragmented ones are nothing we read. Of an aggregate (A-MSDU) the subframe is taken that is
 * asked for: each is a packet.
 *
 * PPP comes bare, in HDLC framing (RFC 1662), behind a byte of direction, or as Cisco's
 * HDLC, which names Ethernet types.
 *
 * What BSD's and Linux's packet filters and Apple's tcpdump log has a head of its own.
 */
#include "decode_internal.h"

#include <string.h>

/* Link types by the numbers of <pcap/dlt.h>, beside those of decode_internal.h. */
enum {
	LINK_NULL = 0,
	LINK_PPP = 9,
	LINK_PPP_SERIAL = 50,
	LINK_PPP_ETHER = 51,
	LINK_C_HDLC = 104,
	LINK_FRAME_RELAY = 107,
	LINK_80211 = 105,
	LINK_LOOP = 108,
	LINK_ENC = 109,
	LINK_SLL = 113,
	LINK_PFLOG = 117,
	LINK_PRISM = 119,
	LINK_RADIOTAP = 127,
	LINK_AVS = 163,
	LINK_PPP_PPPD = 166,
	LINK_PPI = 192,
	LINK_PPP_WITH_DIR = 204,
	LINK_NFLOG = 239,
	LINK_PKTAP = 258,
	LINK_SLL2 = 276,
};

enum { ARPHRD_NETLINK = 824 }; /* cooked: the protocol field is no Ethernet type */

/* IEEE 802.11 section 9.2.4, frame control as a little-endian word */
enum {
	WLAN_VERSION_AND_TYPE = 0x000f,
	WLAN_DATA = 0x0008,
	WLAN_NO_DATA = 0x0040, /* subtypes: null functions and polls */
	WLAN_QOS = 0x0080,
	WLAN_TO_DS = 0x0100,
	WLAN_FROM_DS = 0x0200,
	WLAN_PROTECTED = 0x4000,
	WLAN_ORDER = 0x8000, /* QoS: an HT control field follows */
	QOS_AMSDU = 0x0080,
	AMSDU_HEAD = 14,
};

enum {
	RADIOTAP_TSFT = 1u << 0,
	RADIOTAP_FLAGS = 1u << 1,
	RADIOTAP_PADDED = 0x20, /* the header is padded to four bytes */
	PRISM_SIZE = 144,
	AVS_MAGIC = 0x80211, /* and three digits of version */
};

enum {
	PKTAP_PACKET = 1,
	NFLOG_PAYLOAD = 9,
	NLPID_IPV4 = 0xcc,
	NLPID_IPV6 = 0x8e,
};

enum {
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,
	HDLC_CISCO_UNICAST = 0x0f,
	HDLC_CISCO_MULTICAST = 0x8f,
};

static void wlan_addresses(const uint8_t *h, unsigned control, const uint8_t *fourth, struct fl_packet *p)
{
	const uint8_t *dst = control & WLAN_TO_DS ? h + 16 : h + 4;
	const uint8_t *src = control & WLAN_FROM_DS ? (fourth ? fourth : h + 16) : h + 10;
	memcpy(p->dst_mac, dst, 6);
	memcpy(p->src_mac, src, 6);
	p->has_mac = true;
}

/* IEEE 802.2: SNAP (RFC 1042, or 802.1H's 00-00-F8) names an Ethernet type. */
enum fl_parse decode_snap(struct layer *l)
{
	struct fl_reader h = take(l, 8);
	uint32_t llc = fl_read_be24(&h);
	uint32_t organisation = fl_read_be24(&h);
	l->ethertype = fl_read_be16(&h);
	if (h.failed)
		return too_short(l, 8);
	return llc == 0xaaaa03 && (organisation == 0 || organisation == 0xf8) ? FL_PARSE_OK
									      : FL_PARSE_UNSUPPORTED;
}

/* IEEE 802.11 section 9.3.2.2: destination, source and length before each subframe. */
static enum fl_parse decode_amsdu(struct layer *l, struct fl_packet *p)
{
	l->aggregate = true;
	for (unsigned left = l->subframe;; left--) {
		const uint8_t *h = l->at.at;
		struct fl_reader r = take(l, AMSDU_HEAD);
		l->no_subframe = r.failed;
		if (r.failed)
			return too_short(l, AMSDU_HEAD);
		memcpy(p->dst_mac, h, 6);
		memcpy(p->src_mac, h + 6, 6);
		fl_read_skip(&r, 12);
		uint32_t size = fl_read_be16(&r), padding = -(AMSDU_HEAD + size) & 3;
		if (size > l->wire) {
			l->no_subframe = left > 0; /* told of already */
			return FL_PARSE_MALFORMED;
		}
		if (left == 0) {
			limit(l, size);
			return decode_snap(l);
		}
		l->no_subframe = size == 0 || take(l, size + padding).failed;
		if (l->no_subframe)
			return FL_PARSE_UNSUPPORTED;
	}
}

static enum fl_parse decode_wlan(struct layer *l, struct fl_packet *p, bool padded)
{
	const uint8_t *h = l->at.at;
	struct fl_reader r = take(l, 24);
	if (r.failed)
		return too_short(l, 24);
	unsigned control = fl_read_le16(&r);
	if ((control & WLAN_VERSION_AND_TYPE) != WLAN_DATA || control & (WLAN_NO_DATA | WLAN_PROTECTED))
		return FL_PARSE_UNSUPPORTED;
	fl_read_skip(&r, 20);
	if (fl_read_le16(&r) & 0xf) /* a later piece of a fragmented frame */
		return FL_PARSE_UNSUPPORTED;
	bool four = (control & WLAN_TO_DS) && (control & WLAN_FROM_DS);
	bool qos = (control & WLAN_QOS) != 0;
	uint32_t more = (four ? 6u : 0) + (qos ? 2u : 0) + (qos && control & WLAN_ORDER ? 4u : 0);
	r = take(l, more + (padded ? -more & 3 : 0));
	if (r.failed)
		return too_short(l, more);
	wlan_addresses(h, control, four ? h + 24 : NULL, p);
	fl_read_skip(&r, four ? 6 : 0);
	return qos && fl_read_le16(&r) & QOS_AMSDU ? decode_amsdu(l, p) : decode_snap(l);
}

enum fl_parse decode_80211(struct layer *l, struct fl_packet *p)
{
	return decode_wlan(l, p, false);
}

/* radiotap.org: fields in the order of their bits, each at its own alignment; behind the first word of
 * bits further ones may come. */
static enum fl_parse decode_radiotap(struct layer *l, struct fl_packet *p)
{
	struct fl_reader r = l->at;
	fl_read_skip(&r, 2);
	uint32_t size = fl_read_le16(&r), used = 8;
	uint32_t present = fl_read_le32(&r), word = present;
	for (; word >> 31 && used < size; used += 4)
		word = fl_read_le32(&r);
	uint8_t flags = 0;
	if (present & RADIOTAP_FLAGS) {
		fl_read_skip(&r, present & RADIOTAP_TSFT ? (-used & 7) + 8 : 0);
		flags = fl_read_u8(&r);
	}
	if (size < 8)
		return FL_PARSE_MALFORMED;
	if (r.failed || take(l, size).failed)
		return FL_PARSE_TRUNCATED;
	return decode_wlan(l, p, flags & RADIOTAP_PADDED);
}

/* Prism's header has one length; some drivers write AVS's under its link type, which names its own. */
static enum fl_parse decode_prism(struct layer *l, struct fl_packet *p)
{
	struct fl_reader r = l->at;
	uint32_t magic = fl_read_be32(&r);
	uint32_t size = fl_read_be32(&r);
	if (magic >> 12 != AVS_MAGIC)
		size = PRISM_SIZE;
	if (r.failed || take(l, size).failed)
		return FL_PARSE_TRUNCATED;
	return decode_wlan(l, p, false);
}

/* Four bytes of address family in the byte order of the host that captured: families are
 * below 256, so the byte that is not zero tells the order. IPv6 has another number on each system. */
static enum fl_parse decode_loopback(struct layer *l)
{
	uint32_t family = fl_read_le32(&l->at);
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	if (family > 0xffff)
		family = family >> 24 | (family >> 8 & 0xff00) | (family & 0xffff ? 0x10000u : 0);
	switch (family) {
	case 2:
		l->ethertype = ETHERTYPE_IPV4;
		break;
	case 10: /* Linux */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* Darwin */
		l->ethertype = ETHERTYPE_IPV6;
		break;
	default:
		return FL_PARSE_UNSUPPORTED;
	}
	return FL_PARSE_OK;
}

static enum fl_parse decode_by_version(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint8_t version = fl_read_u8(&peek) >> 4;
	l->ethertype = version == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	if (peek.failed)
		return too_short(l, 1);
	return version == 4 || version == 6 ? FL_PARSE_OK : FL_PARSE_UNSUPPORTED;
}

/* Behind a header that names the link type of what follows. */
static enum fl_parse decode_inner_link(uint32_t link, struct layer *l, struct fl_packet *p)
{
	switch (link) {
	case LINK_ETHERNET:
		return decode_ethernet_head(l, p);
	case LINK_RAW:
	case LINK_RAW_OPENBSD:
	case LINK_RAW_FILE:
		return decode_by_version(l);
	case LINK_NULL:
	case LINK_LOOP:
		return decode_loopback(l);
	default:
		return FL_PARSE_UNSUPPORTED;
	}
}

/* CACE PPI: version, flags, length, link type of what follows, all little-endian. */
static enum fl_parse decode_ppi(struct layer *l, struct fl_packet *p)
{
	struct fl_reader r = l->at;
	fl_read_skip(&r, 2);
	uint32_t size = fl_read_le16(&r);
	uint32_t link = fl_read_le32(&r);
	if (r.failed || take(l, size).failed)
		return FL_PARSE_TRUNCATED;
	if (size < 8)
		return FL_PARSE_MALFORMED;
	return link == LINK_80211 ? decode_wlan(l, p, false) : decode_inner_link(link, l, p);
}

/* Apple's tcpdump, over all interfaces: length, kind of record, link type of what follows, all little-endian. */
static enum fl_parse decode_pktap(struct layer *l, struct fl_packet *p)
{
	struct fl_reader r = l->at;
	uint32_t size = fl_read_le32(&r);
	uint32_t record = fl_read_le32(&r);
	uint32_t link = fl_read_le32(&r);
	if (r.failed || take(l, size).failed)
		return FL_PARSE_TRUNCATED;
	if (size < 12)
		return FL_PARSE_MALFORMED;
	return record == PKTAP_PACKET ? decode_inner_link(link, l, p) : FL_PARSE_UNSUPPORTED;
}

/* libnetfilter_log: family, version, resource; then attributes, lengths and types in the byte order of who captured. The packet
 * is one of them. */
static enum fl_parse decode_nflog(struct layer *l)
{
	fl_read_skip(&l->at, 4);
	struct fl_reader peek = l->at;
	bool big = fl_read_le16(&peek) > fl_reader_left(&l->at);
	while (!l->at.failed) {
		uint32_t size = big ? fl_read_be16(&l->at) : fl_read_le16(&l->at);
		uint32_t type = big ? fl_read_be16(&l->at) : fl_read_le16(&l->at);
		if (type == NFLOG_PAYLOAD && !l->at.failed) {
			limit(l, size < 4 ? 0 : size - 4);
			return decode_by_version(l);
		}
		if (size < 4 && !l->at.failed)
			return FL_PARSE_MALFORMED;
		fl_read_skip(&l->at, (size_t)size - 4 + (-size & 3));
	}
	return FL_PARSE_TRUNCATED;
}

/* FreeBSD's and OpenBSD's: the head's length without padding, or address family, index and flags of an IPsec packet. */
static enum fl_parse decode_pflog(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint32_t size = fl_read_u8(&peek);
	return take(l, size + (-size & 3)).failed ? FL_PARSE_TRUNCATED : decode_by_version(l);
}

static enum fl_parse decode_enc(struct layer *l)
{
	return take(l, 12).failed ? FL_PARSE_TRUNCATED : decode_by_version(l);
}

/* RFC 2427: an address whose last byte is odd, control, what follows; Cisco's has an Ethernet type behind the address. */
static enum fl_parse decode_frame_relay(struct layer *l)
{
	unsigned size = 0;
	while (size < 4 && !l->at.failed && !(fl_read_u8(&l->at) & 1))
		size++;
	struct fl_reader cisco = l->at;
	uint8_t control = fl_read_u8(&l->at), protocol = fl_read_u8(&l->at);
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	l->ethertype = protocol == NLPID_IPV6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	if (control == 3)
		return protocol == NLPID_IPV6 || protocol == NLPID_IPV4 ? FL_PARSE_OK : FL_PARSE_UNSUPPORTED;
	l->at = cisco;
	l->ethertype = fl_read_be16(&l->at);
	return FL_PARSE_OK;
}

/* RFC 1661 section 2, RFC 1662 section 3.1: address and control may be left out, the protocol may be
 * one byte: it ends with the first odd one. */
enum fl_parse decode_ppp(struct layer *l)
{
	struct fl_reader peek = l->at;
	if (fl_read_be16(&peek) == 0xff03)
		fl_read_skip(&l->at, 2);
	uint32_t protocol = fl_read_u8(&l->at);
	if (!(protocol & 1))
		protocol = protocol << 8 | fl_read_u8(&l->at);
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	switch (protocol) {
	case PPP_IPV4:
		l->ethertype = ETHERTYPE_IPV4;
		return FL_PARSE_OK;
	case PPP_IPV6:
		l->ethertype = ETHERTYPE_IPV6;
		return FL_PARSE_OK;
	case PPP_MPLS:
		l->ethertype = ETHERTYPE_MPLS;
		return FL_PARSE_OK;
	default:
		return FL_PARSE_UNSUPPORTED;
	}
}

/* Address, control, Ethernet type. */
static enum fl_parse decode_cisco(struct layer *l)
{
	fl_read_skip(&l->at, 2);
	l->ethertype = fl_read_be16(&l->at);
	return l->at.failed ? FL_PARSE_TRUNCATED : FL_PARSE_OK;
}

static enum fl_parse decode_ppp_serial(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint8_t address = fl_read_u8(&peek);
	if (address == HDLC_CISCO_UNICAST || address == HDLC_CISCO_MULTICAST)
		return decode_cisco(l);
	return decode_ppp(l);
}

/* Packet types of LINUX_SLL and LINUX_SLL2, as in <linux/if_packet.h>. */
static uint8_t way_of(unsigned type)
{
	switch (type) {
	case 0:
		return FL_WAY_IN;
	case 1:
	case 2:
		return FL_WAY_GROUP;
	case 3:
		return FL_WAY_OTHER;
	case 4:
		return FL_WAY_OUT;
	default:
		return FL_WAY_UNKNOWN;
	}
}

static enum fl_parse decode_sll(struct layer *l, struct fl_packet *p)
{
	p->way = way_of(fl_read_be16(&l->at));
	uint16_t device = fl_read_be16(&l->at);
	fl_read_skip(&l->at, 10); /* address length and address */
	l->ethertype = fl_read_be16(&l->at);
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	return device == ARPHRD_NETLINK ? FL_PARSE_UNSUPPORTED : FL_PARSE_OK;
}

static enum fl_parse decode_sll2(struct layer *l, struct fl_packet *p)
{
	l->ethertype = fl_read_be16(&l->at);
	fl_read_skip(&l->at, 6); /* reserved, interface index */
	uint16_t device = fl_read_be16(&l->at);
	p->way = way_of(fl_read_u8(&l->at));
	fl_read_skip(&l->at, 9); /* address length and address */
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	return device == ARPHRD_NETLINK ? FL_PARSE_UNSUPPORTED : FL_PARSE_OK;
}

enum fl_parse decode_link_header(int link_type, struct layer *l, struct fl_packet *p)
{
	switch (link_type) {
	case LINK_SLL:
		return decode_sll(l, p);
	case LINK_SLL2:
		return decode_sll2(l, p);
	case LINK_NULL:
	case LINK_LOOP:
		return decode_loopback(l);
	case LINK_80211:
		return decode_80211(l, p);
	case LINK_RADIOTAP:
		return decode_radiotap(l, p);
	case LINK_PRISM:
	case LINK_AVS:
		return decode_prism(l, p);
	case LINK_PPI:
		return decode_ppi(l, p);
	case LINK_PKTAP:
		return decode_pktap(l, p);
	case LINK_NFLOG:
		return decode_nflog(l);
	case LINK_PFLOG:
		return decode_pflog(l);
	case LINK_ENC:
		return decode_enc(l);
	case LINK_FRAME_RELAY:
		return decode_frame_relay(l);
	case LINK_PPP:
	case LINK_PPP_SERIAL:
		return decode_ppp_serial(l);
	case LINK_C_HDLC:
		return decode_cisco(l);
	case LINK_PPP_PPPD: /* the direction stands where the address does */
		fl_read_skip(&l->at, 2);
		return decode_ppp(l);
	case LINK_PPP_WITH_DIR:
		fl_read_skip(&l->at, 1);
		return decode_ppp(l);
	case LINK_PPP_ETHER: /* RFC 2516 section 4 */
		fl_read_skip(&l->at, 6);
		return decode_ppp(l);
	default:
		return decode_rare_link(link_type, l, p);
	}
}

bool fl_decode_knows(int link_type)
{
	switch (link_type) {
	case LINK_NULL:
	case LINK_ETHERNET:
	case LINK_PPP:
	case LINK_RAW:
	case LINK_RAW_OPENBSD:
	case LINK_PPP_SERIAL:
	case LINK_PPP_ETHER:
	case LINK_RAW_FILE:
	case LINK_C_HDLC:
	case LINK_80211:
	case LINK_FRAME_RELAY:
	case LINK_LOOP:
	case LINK_ENC:
	case LINK_SLL:
	case LINK_PFLOG:
	case LINK_PRISM:
	case LINK_RADIOTAP:
	case LINK_AVS:
	case LINK_PPP_PPPD:
	case LINK_PPI:
	case LINK_PPP_WITH_DIR:
	case LINK_IPV4:
	case LINK_IPV6:
	case LINK_NFLOG:
	case LINK_PKTAP:
	case LINK_SLL2:
		return true;
	default:
		return decode_knows_rare_link(link_type);
	}
}
