/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode_tunnel.c - packets that carry packets
 *
 * A flow's ends are the innermost addresses, so what a tunnel carries is decoded and the
 * tunnel itself is only counted. GRE has a protocol number and is taken at its word. A UDP port is
 * no proof: any client may have been given 4789 as its own. Hence every field that the
 * specification fixes is compared here, and decode.c goes back to plain UDP when there is no
 * good IP header inside.
 *
 * Functions here only step over headers; decode.c's loop goes on inside, so that no nesting
 * recurs.
 */
#include "decode_internal.h"

enum {
	GTP_EXTENSIONS_MAX = 8, /* 3GPP TS 29.281 defines seven */
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACKNOWLEDGE = 0x0080, /* version 1 */
	GRE_PPP = 0x880b,
	GRE_WCCP = 0x883e,
	GRE_ERSPAN = 0x88be, /* types I and II */
	GRE_ERSPAN3 = 0x22eb,
};

static void found(struct layer *l, enum inside what, enum fl_tunnel kind)
{
	l->inside = (uint8_t)what;
	l->kind = (uint8_t)kind;
}

/* draft-foschiano-erspan-03: type I has no header of its own and GRE no sequence number; type II 8
 * bytes; type III 12, and 8 more when its last bit says so. */
static enum fl_parse inside_erspan(struct layer *l, uint16_t protocol, uint16_t flags)
{
	uint32_t size = protocol == GRE_ERSPAN3 ? 12 : flags & GRE_SEQUENCE ? 8 : 0;
	struct fl_reader h = take(l, size);
	if (h.failed)
		return too_short(l, size);
	if (protocol == GRE_ERSPAN3) {
		fl_read_skip(&h, 11);
		uint32_t more = fl_read_u8(&h) & 1 ? 8 : 0;
		if (take(l, more).failed)
			return too_short(l, more);
	}
	found(l, INSIDE_ETHERNET, FL_TUNNEL_ERSPAN);
	return FL_PARSE_OK;
}

/* WCCP (draft-wilson-wrec-wccp-v2-01): version 1 has nothing, version 2 four bytes before the packet;
 * an IP version in the first byte tells. */
static enum fl_parse inside_wccp(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint8_t version = fl_read_u8(&peek) >> 4;
	if (version != 4 && take(l, 4).failed)
		return too_short(l, 4);
	found(l, INSIDE_RAW, FL_TUNNEL_GRE);
	return FL_PARSE_OK;
}

/* Aruba's access points number their tunnels in the protocol field: 802.11 frames. */
static bool is_aruba(uint16_t protocol)
{
	return (protocol & 0x0f) == 0 &&
	       ((protocol >= 0x8200 && protocol <= 0x83f0) ||
		       (protocol >= 0x9000 && protocol <= 0x93f0 && protocol != 0x9100));
}

static enum fl_parse inside_gre(struct layer *l, uint16_t protocol, uint16_t flags)
{
	switch (protocol) {
	case GRE_ERSPAN:
	case GRE_ERSPAN3:
		return inside_erspan(l, protocol, flags);
	case GRE_WCCP:
		return inside_wccp(l);
	case GRE_PPP:
		found(l, INSIDE_PPP, FL_TUNNEL_GRE);
		return FL_PARSE_OK;
	case ETHERTYPE_BRIDGING:
		found(l, INSIDE_ETHERNET, FL_TUNNEL_GRE);
		return FL_PARSE_OK;
	default:
		found(l, is_aruba(protocol) ? INSIDE_80211 : INSIDE_ETHERTYPE, FL_TUNNEL_GRE);
		l->ethertype = protocol;
		return FL_PARSE_OK;
	}
}

/* RFC 2784, 2890; version 1 is PPTP's (RFC 2637 section 4.1). Source routes (RFC 1701) are extinct.
 * A keep-alive, and PPTP's bare acknowledgement, carry nothing: a packet like any other without ports. */
enum fl_parse decode_gre(struct layer *l)
{
	struct layer before = *l;
	struct fl_reader h = take(l, 4);
	uint16_t flags = fl_read_be16(&h);
	uint16_t protocol = fl_read_be16(&h);
	if (h.failed)
		return too_short(l, 4);
	unsigned version = flags & 7;
	if (flags & GRE_ROUTING || version > 1 || (version == 1 && protocol != GRE_PPP))
		return FL_PARSE_UNSUPPORTED;
	uint32_t size = (flags & GRE_CHECKSUM ? 4u : 0) + (flags & GRE_KEY ? 4u : 0) +
			(flags & GRE_SEQUENCE ? 4u : 0) + (version == 1 && flags & GRE_ACKNOWLEDGE ? 4u : 0);
	if (take(l, size).failed)
		return too_short(l, size);
	if (l->wire == 0 || protocol == 0) {
		*l = before;
		return FL_PARSE_OK;
	}
	return inside_gre(l, protocol, flags);
}

/* RFC 7348 section 5. The flags that the group policy extension adds are let pass. */
static bool open_vxlan(struct layer *l)
{
	struct fl_reader h = take(l, 8);
	uint8_t flags = fl_read_u8(&h);
	fl_read_skip(&h, 6);
	uint8_t reserved = fl_read_u8(&h);
	found(l, INSIDE_ETHERNET, FL_TUNNEL_VXLAN);
	return !h.failed && (flags & 0x7f) == 0x08 && reserved == 0;
}

/* RFC 8926 section 3.4 */
static bool open_geneve(struct layer *l)
{
	struct fl_reader h = take(l, 8);
	uint8_t first = fl_read_u8(&h);
	uint8_t flags = fl_read_u8(&h);
	l->ethertype = fl_read_be16(&h);
	fl_read_skip(&h, 3);
	uint8_t reserved = fl_read_u8(&h);
	if (h.failed || first >> 6 != 0 || (flags & 0x3f) != 0 || reserved != 0)
		return false;
	found(l, l->ethertype == ETHERTYPE_BRIDGING ? INSIDE_ETHERNET : INSIDE_ETHERTYPE, FL_TUNNEL_GENEVE);
	return !take(l, (first & 0x3fu) * 4).failed;
}

/* 3GPP TS 29.281 section 5: version 1, protocol type GTP, message G-PDU (255); with any of the flags
 * four more bytes, the last of which names the first of a chain of extension headers. */
static bool open_gtp(struct layer *l)
{
	struct fl_reader h = take(l, 8);
	uint8_t flags = fl_read_u8(&h);
	uint8_t message = fl_read_u8(&h);
	uint16_t size = fl_read_be16(&h);
	if (h.failed || flags >> 4 != 3 || message != 255 || size > l->wire)
		return false;
	limit(l, size);
	if (flags & 7) {
		h = take(l, 4);
		fl_read_skip(&h, 3);
		uint8_t next = fl_read_u8(&h);
		for (unsigned i = 0; next && flags & 4; i++) {
			struct fl_reader peek = l->at;
			uint32_t length = fl_read_u8(&peek) * 4u;
			struct fl_reader e = take(l, length);
			if (i == GTP_EXTENSIONS_MAX || length == 0 || e.failed)
				return false;
			fl_read_skip(&e, length - 1);
			next = fl_read_u8(&e);
		}
	}
	found(l, INSIDE_RAW, FL_TUNNEL_GTP);
	return !h.failed;
}

/* One end is a Teredo client (2001::/32) or the router it asks (fe80::/10). */
static bool teredo_ends(struct fl_reader ip)
{
	fl_read_skip(&ip, 8);
	uint32_t src = fl_read_be32(&ip);
	fl_read_skip(&ip, 12);
	uint32_t dst = fl_read_be32(&ip);
	return !ip.failed && (src == 0x20010000 || dst == 0x20010000 || src >> 22 == 0xfe80 >> 6 ||
				     dst >> 22 == 0xfe80 >> 6);
}

/* RFC 4380 section 5.1.1: an authentication and an origin indication may come first. */
static bool open_teredo(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint16_t first = fl_read_be16(&peek);
	if (first == 1) {
		uint32_t client = fl_read_u8(&peek), value = fl_read_u8(&peek);
		if (peek.failed || take(l, 4 + client + value + 9).failed)
			return false;
		peek = l->at;
		first = fl_read_be16(&peek);
	}
	if (first == 0 && take(l, 8).failed)
		return false;
	peek = l->at;
	found(l, INSIDE_RAW, FL_TUNNEL_TEREDO);
	return fl_read_u8(&peek) >> 4 == 6 && teredo_ends(l->at);
}

/* draft-ietf-nvo3-vxlan-gpe-13: the flag P, and what follows in the fourth byte. */
static bool open_vxlan_gpe(struct layer *l)
{
	enum { GPE_P = 0x04, GPE_IPV4 = 1, GPE_IPV6 = 2, GPE_ETHERNET = 3, GPE_NSH = 4, GPE_MPLS = 5 };
	struct fl_reader h = take(l, 8);
	uint8_t flags = fl_read_u8(&h);
	fl_read_skip(&h, 2);
	uint8_t next = fl_read_u8(&h);
	fl_read_skip(&h, 3);
	uint8_t reserved = fl_read_u8(&h);
	if (h.failed || !(flags & GPE_P) || flags & 0xf0 || reserved != 0)
		return false;
	static const uint16_t types[] = { [GPE_IPV4] = ETHERTYPE_IPV4, [GPE_IPV6] = ETHERTYPE_IPV6, [GPE_ETHERNET] = ETHERTYPE_BRIDGING,
					  [GPE_NSH] = ETHERTYPE_NSH, [GPE_MPLS] = ETHERTYPE_MPLS };
	l->ethertype = next < FL_ARRAY_LEN(types) ? types[next] : 0;
	found(l, next == GPE_ETHERNET ? INSIDE_ETHERNET : INSIDE_ETHERTYPE, FL_TUNNEL_VXLAN);
	return l->ethertype != 0;
}

/* RFC 2661 section 3.1: of data messages, whose length, sequence numbers and padding may be left out; PPP inside. Only a PPP header that
 * names IP is taken. */
static bool open_l2tp(struct layer *l)
{
	enum { CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200, RESERVED = 0x34f0, VERSION = 2 };
	struct fl_reader h = take(l, 2);
	uint16_t flags = fl_read_be16(&h);
	if (h.failed || flags & (CONTROL | RESERVED) || (flags & 0xf) != VERSION)
		return false;
	uint32_t size = (flags & LENGTH ? 2u : 0) + 4 + (flags & SEQUENCE ? 4u : 0);
	if (take(l, size).failed)
		return false;
	if (flags & OFFSET) {
		h = take(l, 2);
		uint32_t padding = fl_read_be16(&h);
		if (h.failed || take(l, padding).failed)
			return false;
	}
	struct layer inside = *l;
	found(l, INSIDE_PPP, FL_TUNNEL_L2TP);
	return decode_ppp(&inside) == FL_PARSE_OK;
}

/* draft-massar-v6ops-ayiya-02: sizes of identity and signature, kinds of them, what to do with it, what follows; time,
 * identity, signature. */
static bool open_ayiya(struct layer *l)
{
	enum { FORWARD = 1 };
	struct fl_reader h = take(l, 8);
	uint8_t identity = fl_read_u8(&h) >> 4, signature = fl_read_u8(&h) >> 4, code = fl_read_u8(&h) & 0xf, next = fl_read_u8(&h);
	if (h.failed || code != FORWARD || (next != PROTOCOL_IPV6 && next != PROTOCOL_IPV4))
		return false;
	l->ethertype = next == PROTOCOL_IPV6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	found(l, INSIDE_ETHERTYPE, FL_TUNNEL_IP);
	return !take(l, (UINT32_C(1) << identity) + signature * 4u).failed;
}

/* Is it an IP packet of just this size, or an Ethernet frame (with a control word: RFC 4385)? */
static bool fits_behind_labels(const struct layer *l)
{
	struct fl_reader h = l->at;
	uint8_t version = fl_read_u8(&h) >> 4;
	fl_read_skip(&h, 1);
	uint32_t size = fl_read_be16(&h), extra = 0;
	if (version == 6) {
		size = fl_read_be16(&h);
		extra = 40;
	}
	if (!h.failed && (version == 4 || version == 6) && (size + extra == l->wire || (l->incomplete && size + extra > l->wire)))
		return true;
	return decode_looks_like_ethernet(l->at, 0) || (version == 0 && decode_looks_like_ethernet(l->at, 4));
}

/* RFC 7510 section 3. Its header has nothing to know it by, and clients have the port, too: what stands behind the labels tells. */
static bool open_mpls(struct layer *l)
{
	enum { BOTTOM = 0x100, LABELS_MAX = 16 };
	struct layer behind = *l;
	bool bottom = false;
	for (unsigned i = 0; i < LABELS_MAX && !bottom; i++) {
		struct fl_reader h = take(&behind, 4);
		bottom = fl_read_be32(&h) & BOTTOM;
		if (h.failed)
			return false;
	}
	l->ethertype = ETHERTYPE_MPLS;
	found(l, INSIDE_ETHERTYPE, FL_TUNNEL_IP);
	return bottom && fits_behind_labels(&behind);
}

static bool open_by_port(struct layer *l, uint16_t src_port, uint16_t dst_port)
{
	switch (dst_port) {
	case PORT_VXLAN:
	case PORT_VXLAN_LINUX:
		return open_vxlan(l);
	case PORT_VXLAN_GPE:
		return open_vxlan_gpe(l);
	case PORT_AYIYA:
		return open_ayiya(l);
	case PORT_MPLS:
		return open_mpls(l);
	case PORT_L2TP:
		return open_l2tp(l);
	case PORT_GENEVE:
		return open_geneve(l);
	case PORT_GTP_U:
		return open_gtp(l);
	case PORT_TEREDO:
		return open_teredo(l);
	default:
		return src_port == PORT_L2TP ? open_l2tp(l) : src_port == PORT_TEREDO && open_teredo(l);
	}
}

void decode_udp_tunnel(struct layer *l, uint16_t src_port, uint16_t dst_port)
{
	struct layer before = *l;
	if (!open_by_port(l, src_port, dst_port))
		*l = before;
}
