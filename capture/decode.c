/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.c - link, network and transport headers of one frame
 *
 * Every layer is a function that takes a struct layer (where we are, how many
 * bytes the header above says there are) and leaves it at the start of the next
 * one. Two lengths run side by side: what was captured (the reader's end) and
 * what was on the wire (@wire). Where the bytes run out, the two tell a frame
 * that the snap length cut (TRUNCATED) from one that contradicts itself
 * (MALFORMED). An IP header cuts the reader's end down to its own total length,
 * so Ethernet padding never counts as payload.
 *
 * A header of fixed length is taken whole, one bounds check, and then read by a
 * reader over exactly these bytes: the compiler sees that it cannot run out and
 * drops the other checks, so the code reads like the RFC's diagram and costs
 * what pointer arithmetic would.
 *
 * IP in IP (RFC 2003, RFC 4213) is followed to the innermost header, because a
 * flow's ends are its addresses; other tunnels are not opened here.
 * Checksums are not looked at: on the sending host they are not there yet.
 */
#include "faultline/decode.h"

#include <string.h>

/* Link types by the numbers of <pcap/dlt.h>; 12 is DLT_RAW on Linux, 14 on OpenBSD. */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_RAW_FILE = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100, /* IEEE 802.1Q */
	ETHERTYPE_QINQ = 0x88a8, /* IEEE 802.1ad */
	ETHERTYPE_QINQ_OLD = 0x9100,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_PPPOE = 0x8864, /* session; discovery carries no IP */
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	ARPHRD_NETLINK = 824, /* cooked: the protocol field is no Ethernet type */
};

enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IPV4 = 4,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DESTINATION = 60,
	PROTOCOL_MOBILITY = 135,
	PROTOCOL_HIP = 139,
	PROTOCOL_SHIM6 = 140,
};

enum {
	MAX_EXTENSIONS = 16, /* decode.h; RFC 8200 section 4.1 names at most seven */
	MAX_TUNNELS = 4,     /* IP headers in IP headers; more is an attack or a loop */
	MAX_LABELS = 16,     /* MPLS; networks stack a handful */
};

struct layer {
	struct fl_reader at; /* captured bytes from here on */
	uint32_t wire;       /* bytes from here on as the header above says */
	uint16_t ethertype;
	uint8_t protocol; /* IP protocol number of what follows */
	bool fragment;    /* first fragment: what follows goes on elsewhere */
};

/* Why @need bytes are not there. */
static enum fl_parse too_short(const struct layer *l, uint32_t need)
{
	return l->wire < need ? FL_PARSE_MALFORMED : FL_PARSE_TRUNCATED;
}

/* The next @size bytes as a reader of their own; failed when they are not all there. */
static inline struct fl_reader take(struct layer *l, uint32_t size)
{
	struct fl_reader none = { .failed = true };
	if (l->wire < size)
		return none;
	const uint8_t *p = fl_read_bytes(&l->at, size);
	if (!p)
		return none;
	l->wire -= size;
	return (struct fl_reader){ .at = p, .end = p + size };
}

/* The header says that @wire bytes follow it; what lies behind them is padding. */
static inline void limit(struct layer *l, uint32_t wire)
{
	l->wire = wire;
	if (fl_reader_left(&l->at) > wire)
		l->at.end = l->at.at + wire;
}

static inline void read_v4(struct fl_reader *r, struct fl_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	memcpy(a->bytes, mapped, sizeof(mapped));
	const uint8_t *p = fl_read_bytes(r, 4);
	if (p)
		memcpy(a->bytes + sizeof(mapped), p, 4);
}

static inline void read_v6(struct fl_reader *r, struct fl_addr *a)
{
	const uint8_t *p = fl_read_bytes(r, 16);
	if (p)
		memcpy(a->bytes, p, 16);
}

/* RFC 791 section 3.1. Offloading drivers and BIG TCP show a total length of 0: then all that was
 * captured belongs to the packet. @strict is off for headers quoted by ICMP, which quote no more than
 * eight bytes of what they say. */
static inline enum fl_parse decode_ipv4(struct layer *l, struct fl_addr *src, struct fl_addr *dst)
{
	struct fl_reader h = take(l, 20);
	if (h.failed)
		return too_short(l, 20);
	uint8_t version = fl_read_u8(&h);
	fl_read_skip(&h, 1);
	uint32_t total = fl_read_be16(&h);
	fl_read_skip(&h, 2);
	uint16_t fragment = fl_read_be16(&h);
	fl_read_skip(&h, 1);
	l->protocol = fl_read_u8(&h);
	fl_read_skip(&h, 2);
	read_v4(&h, src);
	read_v4(&h, dst);

	uint32_t header = (version & 0xfu) * 4;
	if (version >> 4 != 4 || header < 20 || (total && (total < header || total - 20 > l->wire)))
		return FL_PARSE_MALFORMED;
	limit(l, total ? total - 20 : (uint32_t)fl_reader_left(&l->at));
	if (header > 20 && take(l, header - 20).failed)
		return too_short(l, header - 20);
	l->fragment = (fragment & 0x2000) != 0; /* more fragments */
	return fragment & 0x1fff ? FL_PARSE_UNSUPPORTED : FL_PARSE_OK;
}

static bool is_extension(uint8_t protocol)
{
	switch (protocol) {
	case PROTOCOL_HOP_BY_HOP:
	case PROTOCOL_ROUTING:
	case PROTOCOL_FRAGMENT:
	case PROTOCOL_AUTHENTICATION:
	case PROTOCOL_DESTINATION:
	case PROTOCOL_MOBILITY:
	case PROTOCOL_HIP:
	case PROTOCOL_SHIM6:
		return true;
	default:
		return false;
	}
}

/* RFC 8200 section 4; the length counts 8 octets past the first 8, in AH 4 octets minus 2
 * (RFC 4302 section 2.2), and a fragment header has none. */
static enum fl_parse decode_extension(struct layer *l)
{
	uint8_t kind = l->protocol;
	struct fl_reader h = take(l, 8);
	if (h.failed)
		return too_short(l, 8);
	l->protocol = fl_read_u8(&h);
	uint32_t more = fl_read_u8(&h);
	if (kind == PROTOCOL_FRAGMENT) {
		uint16_t fragment = fl_read_be16(&h);
		l->fragment = (fragment & 1) != 0;
		return fragment & 0xfff8 ? FL_PARSE_UNSUPPORTED : FL_PARSE_OK;
	}
	more *= kind == PROTOCOL_AUTHENTICATION ? 4 : 8;
	return take(l, more).failed ? too_short(l, more) : FL_PARSE_OK;
}

/* A payload length of 0 belongs to a jumbogram (RFC 2675, Linux BIG TCP): all that was captured. */
static inline enum fl_parse decode_ipv6(struct layer *l, struct fl_addr *src, struct fl_addr *dst)
{
	struct fl_reader h = take(l, 40);
	if (h.failed)
		return too_short(l, 40);
	uint8_t version = fl_read_u8(&h);
	fl_read_skip(&h, 3);
	uint32_t size = fl_read_be16(&h);
	l->protocol = fl_read_u8(&h);
	fl_read_skip(&h, 1);
	read_v6(&h, src);
	read_v6(&h, dst);
	if (version >> 4 != 6 || size > l->wire)
		return FL_PARSE_MALFORMED;
	limit(l, size || l->protocol != PROTOCOL_HOP_BY_HOP ? size : (uint32_t)fl_reader_left(&l->at));
	for (unsigned i = 0; is_extension(l->protocol); i++) {
		if (i == MAX_EXTENSIONS)
			return FL_PARSE_UNSUPPORTED;
		enum fl_parse parse = decode_extension(l);
		if (parse != FL_PARSE_OK)
			return parse;
	}
	return FL_PARSE_OK;
}

/* RFC 9293 section 3.1 */
static inline enum fl_parse decode_tcp(struct layer *l, struct fl_packet *p)
{
	struct fl_reader h = take(l, 20);
	if (h.failed)
		return too_short(l, 20);
	p->src_port = fl_read_be16(&h);
	p->dst_port = fl_read_be16(&h);
	p->tcp_seq = fl_read_be32(&h);
	p->tcp_ack = fl_read_be32(&h);
	uint32_t header = (uint32_t)(fl_read_u8(&h) >> 4) * 4;
	p->tcp_flags = fl_read_u8(&h);
	p->tcp_window = fl_read_be16(&h);
	if (header < 20)
		return FL_PARSE_MALFORMED;
	if (header > 20 && take(l, header - 20).failed)
		return too_short(l, header - 20);
	return FL_PARSE_OK;
}

/* RFC 768; a length of 0 goes with an IPv6 jumbogram (RFC 2675 section 4). */
static inline enum fl_parse decode_udp(struct layer *l, struct fl_packet *p)
{
	struct fl_reader h = take(l, 8);
	if (h.failed)
		return too_short(l, 8);
	p->src_port = fl_read_be16(&h);
	p->dst_port = fl_read_be16(&h);
	uint32_t size = fl_read_be16(&h);
	if (size == 0)
		return FL_PARSE_OK;
	if (size < 8 || (size - 8 > l->wire && !l->fragment))
		return FL_PARSE_MALFORMED;
	limit(l, size - 8);
	return FL_PARSE_OK;
}

/* The header that an ICMP error quotes. It is cut by design (RFC 792: eight bytes of the transport
 * header), so its lengths are not compared with what is there. */
static bool decode_quoted(struct fl_reader r, bool v6, struct fl_packet *p)
{
	/* The rest of the quoted packet is not here: believe any length. */
	struct layer l = { .at = r, .wire = UINT32_MAX };
	enum fl_parse parse = v6 ? decode_ipv6(&l, &p->quoted_src, &p->quoted_dst)
				 : decode_ipv4(&l, &p->quoted_src, &p->quoted_dst);
	if (parse != FL_PARSE_OK)
		return false;
	if (l.protocol != FL_TRANSPORT_TCP && l.protocol != FL_TRANSPORT_UDP)
		return false;
	p->quoted_src_port = fl_read_be16(&l.at);
	p->quoted_dst_port = fl_read_be16(&l.at);
	p->quoted_transport = l.protocol;
	return !l.at.failed;
}

/* RFC 792 types 3 and 11, RFC 4443 types 1 and 3: eight bytes, then the packet in error. */
static void decode_icmp(const struct layer *l, struct fl_packet *p)
{
	struct fl_reader r = l->at;
	bool v6 = l->protocol == PROTOCOL_ICMPV6;
	uint8_t type = fl_read_u8(&r);
	fl_read_skip(&r, 7);
	if (r.failed || !(v6 ? type == 1 || type == 3 : type == 3 || type == 11))
		return;
	p->quotes = decode_quoted(r, v6, p);
	if (p->quotes)
		return;
	memset(&p->quoted_src, 0, sizeof(p->quoted_src));
	memset(&p->quoted_dst, 0, sizeof(p->quoted_dst));
	p->quoted_src_port = p->quoted_dst_port = 0;
	p->quoted_transport = 0;
}

static inline enum fl_parse decode_transport(struct layer *l, struct fl_packet *p)
{
	enum fl_parse parse = FL_PARSE_OK;
	if (l->protocol == FL_TRANSPORT_TCP)
		parse = decode_tcp(l, p);
	else if (l->protocol == FL_TRANSPORT_UDP)
		parse = decode_udp(l, p);
	else if (l->protocol == PROTOCOL_ICMP || l->protocol == PROTOCOL_ICMPV6)
		decode_icmp(l, p);
	p->transport = l->protocol;
	p->payload = fl_reader_rest(&l->at);
	p->payload_len = l->wire;
	return parse;
}

static inline enum fl_parse decode_ip(struct layer *l, struct fl_packet *p)
{
	bool v6 = l->ethertype == ETHERTYPE_IPV6;
	for (unsigned i = 0; i < MAX_TUNNELS; i++) {
		enum fl_parse parse =
			v6 ? decode_ipv6(l, &p->src, &p->dst) : decode_ipv4(l, &p->src, &p->dst);
		if (parse != FL_PARSE_OK)
			return parse;
		if (l->protocol != PROTOCOL_IPV4 && l->protocol != PROTOCOL_IPV6)
			return decode_transport(l, p);
		v6 = l->protocol == PROTOCOL_IPV6;
	}
	return FL_PARSE_UNSUPPORTED;
}

/* No link header, or one that does not say what follows: the version tells. */
static enum fl_parse decode_raw(struct layer *l, struct fl_packet *p)
{
	struct fl_reader peek = l->at;
	uint8_t version = fl_read_u8(&peek) >> 4;
	if (peek.failed)
		return FL_PARSE_TRUNCATED;
	if (version != 4 && version != 6)
		return FL_PARSE_MALFORMED;
	l->ethertype = version == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	return decode_ip(l, p);
}

/* RFC 3032 section 2.1: labels until the bottom of the stack. What follows is IP or a pseudowire; its
 * control word begins with 0 (RFC 4385), an Ethernet address may look like IP. */
static enum fl_parse decode_mpls(struct layer *l, struct fl_packet *p)
{
	uint32_t label = 0;
	for (unsigned i = 0; i < MAX_LABELS && !(label & 0x100); i++)
		label = fl_read_be32(&l->at);
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	enum fl_parse parse = label & 0x100 ? decode_raw(l, p) : FL_PARSE_UNSUPPORTED;
	return parse == FL_PARSE_MALFORMED ? FL_PARSE_UNSUPPORTED : parse;
}

/* RFC 2516 section 4: version and type 1, code, session, length; then PPP's protocol. */
static enum fl_parse decode_pppoe(struct layer *l, struct fl_packet *p)
{
	fl_read_skip(&l->at, 6);
	uint16_t protocol = fl_read_be16(&l->at);
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	if (protocol != PPP_IPV4 && protocol != PPP_IPV6)
		return FL_PARSE_UNSUPPORTED;
	l->ethertype = protocol == PPP_IPV6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	return decode_ip(l, p);
}

/* RFC 826, for IPv4 over anything; of other protocols nothing is said. */
static enum fl_parse decode_arp(struct layer *l, struct fl_packet *p)
{
	fl_read_skip(&l->at, 2); /* hardware */
	uint16_t protocol = fl_read_be16(&l->at);
	uint8_t hardware_size = fl_read_u8(&l->at), protocol_size = fl_read_u8(&l->at);
	uint16_t operation = fl_read_be16(&l->at);
	fl_read_skip(&l->at, hardware_size);
	const uint8_t *sender = fl_read_bytes(&l->at, 4);
	fl_read_skip(&l->at, hardware_size);
	const uint8_t *target = fl_read_bytes(&l->at, 4);
	if (protocol != ETHERTYPE_IPV4 || protocol_size != 4 || operation < 1 || operation > 2)
		return FL_PARSE_UNSUPPORTED;
	if (l->at.failed || !sender || !target)
		return FL_PARSE_TRUNCATED;
	p->arp = (uint8_t)operation;
	p->src = fl_addr_v4(sender);
	p->dst = fl_addr_v4(target);
	return FL_PARSE_OK;
}

/* What an Ethernet type announces, behind any stack of VLAN tags. */
static inline enum fl_parse decode_ethertype(struct layer *l, struct fl_packet *p)
{
	while (l->ethertype == ETHERTYPE_VLAN || l->ethertype == ETHERTYPE_QINQ ||
		l->ethertype == ETHERTYPE_QINQ_OLD) {
		fl_read_skip(&l->at, 2);
		l->ethertype = fl_read_be16(&l->at);
		if (l->at.failed)
			return FL_PARSE_TRUNCATED;
	}
	switch (l->ethertype) {
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6:
		return decode_ip(l, p);
	case ETHERTYPE_ARP:
		return decode_arp(l, p);
	case ETHERTYPE_MPLS:
		return decode_mpls(l, p);
	case ETHERTYPE_PPPOE:
		return decode_pppoe(l, p);
	default:
		return FL_PARSE_UNSUPPORTED;
	}
}

static inline enum fl_parse decode_ethernet(struct layer *l, struct fl_packet *p)
{
	const uint8_t *h = fl_read_bytes(&l->at, 12);
	l->ethertype = fl_read_be16(&l->at);
	if (!h || l->at.failed)
		return FL_PARSE_TRUNCATED;
	memcpy(p->dst_mac, h, 6);
	memcpy(p->src_mac, h + 6, 6);
	p->has_mac = true;
	return decode_ethertype(l, p);
}

/* Packet types of LINUX_SLL and LINUX_SLL2, as in <linux/if_packet.h>. */
static uint8_t way_of(unsigned type)
{
	switch (type) {
	case 0:
		return FL_WAY_IN;
	case 1:
	case 2:
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
	return device == ARPHRD_NETLINK ? FL_PARSE_UNSUPPORTED : decode_ethertype(l, p);
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
	return device == ARPHRD_NETLINK ? FL_PARSE_UNSUPPORTED : decode_ethertype(l, p);
}

/* Four bytes of address family in the byte order of the host that captured: families are
 * below 256, so the byte that is not zero tells the order. IPv6 has another number on each system. */
static enum fl_parse decode_loopback(struct layer *l, struct fl_packet *p)
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
	return decode_ip(l, p);
}

static enum fl_parse decode_link(int link_type, struct layer *l, struct fl_packet *p)
{
	switch (link_type) {
	case LINK_ETHERNET:
		return decode_ethernet(l, p);
	case LINK_SLL:
		return decode_sll(l, p);
	case LINK_SLL2:
		return decode_sll2(l, p);
	case LINK_NULL:
	case LINK_LOOP:
		return decode_loopback(l, p);
	case LINK_RAW:
	case LINK_RAW_OPENBSD:
	case LINK_RAW_FILE:
	case LINK_IPV4:
	case LINK_IPV6:
		return decode_raw(l, p);
	default:
		return FL_PARSE_UNSUPPORTED;
	}
}

/* Everything but what the source filled in. */
static inline void clear(struct fl_packet *p)
{
	memset((char *)p + offsetof(struct fl_packet, src), 0, sizeof(*p) - offsetof(struct fl_packet, src));
}

enum fl_parse fl_decode(int link_type, const uint8_t *data, uint32_t caplen, struct fl_packet *p)
{
	/* How long the frame was on the wire is the source's to know: until an IP header says more,
	 * missing bytes are the snap length's doing. */
	struct layer l = { .at = fl_reader_over(data, caplen), .wire = UINT32_MAX };
	clear(p);
	enum fl_parse parse = decode_link(link_type, &l, p);
	if (parse != FL_PARSE_OK)
		clear(p);
	return parse;
}

bool fl_decode_knows(int link_type)
{
	switch (link_type) {
	case LINK_ETHERNET:
	case LINK_SLL:
	case LINK_SLL2:
	case LINK_NULL:
	case LINK_LOOP:
	case LINK_RAW:
	case LINK_RAW_OPENBSD:
	case LINK_RAW_FILE:
	case LINK_IPV4:
	case LINK_IPV6:
		return true;
	default:
		return false;
	}
}
