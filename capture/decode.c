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
 * Nearly all frames are Ethernet, IPv4 without options, TCP or UDP, whole and in no tunnel: decode_plain() takes those in one
 * look at fixed places, and says no to everything else, so that what is odd is judged in one place, layer by layer.
 *
 * A header of fixed length is taken whole, one bounds check, and then read by a
 * reader over exactly these bytes: the compiler sees that it cannot run out and
 * drops the other checks, so the code reads like the RFC's diagram and costs
 * what pointer arithmetic would.
 *
 * What a packet carries inside (decode_tunnel.c) is noted in @inside, and a loop goes on
 * there: nesting costs no stack, and packets without tunnels pay one comparison. When a UDP port
 * promised a tunnel and no good IP header was found, the loop gives back the plain packet.
 *
 * Fragments are not put together here, for that needs memory of other packets. The place of
 * a piece goes out with FL_PARSE_MORE, and fl_decode_datagram() takes the whole up again.
 * Checksums are not looked at: on the sending host they are not there yet.
 */
#include "decode_internal.h"

#include <string.h>

enum {
	MAX_EXTENSIONS = 16, /* decode.h; RFC 8200 section 4.1 names at most seven */
	MAX_LABELS = 16,     /* MPLS; networks stack a handful */
	ETHERNET_SIZE = 14,
	IPV4_SIZE = 20, /* without options; so is TCP's */
	TCP_SIZE = 20,
	UDP_SIZE = 8,
};

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

static void note_fragment(struct layer *l, uint16_t offset, bool more, uint32_t id)
{
	l->fragment = true;
	l->fragment_offset = offset;
	l->fragment_more = more;
	l->fragment_id = id;
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
	uint16_t id = fl_read_be16(&h);
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
	if (__builtin_expect(fragment & 0x3fff, 0))
		note_fragment(l, (uint16_t)(fragment << 3), fragment & 0x2000, id);
	return FL_PARSE_OK;
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

/* Where a packet goes in the end that is still on a route: the ends of a flow are those that its answers have, too. @body: behind
 * the first eight bytes; segments of RFC 8754 are listed from the last one on. Return: whether it was told. */
static bool heed_route(uint8_t type, struct fl_reader body, struct fl_addr *dst)
{
	enum { ADDRESS = 16, SOURCE_ROUTE = 0 /* RFC 2460 */, MOBILE = 2 /* RFC 6275 */, SEGMENTS = 4 };
	size_t size = fl_reader_left(&body);
	if ((type != SOURCE_ROUTE && type != MOBILE && type != SEGMENTS) || size < ADDRESS || !dst)
		return false;
	fl_read_skip(&body, type == SEGMENTS ? 0 : size - ADDRESS);
	read_v6(&body, dst);
	return true;
}

/* RFC 8200 section 4; the length counts 8 octets past the first 8, in AH 4 octets minus 2
 * (RFC 4302 section 2.2), and a fragment header has none. */
static enum fl_parse decode_extension(struct layer *l, struct fl_addr *dst)
{
	uint8_t kind = l->protocol;
	struct fl_reader h = take(l, 8);
	if (h.failed)
		return too_short(l, 8);
	l->protocol = fl_read_u8(&h);
	uint32_t more = fl_read_u8(&h);
	if (kind == PROTOCOL_FRAGMENT) {
		uint16_t fragment = fl_read_be16(&h);
		if (fragment & 0xfff9) /* else atomic, RFC 6946: whole in one piece */
			note_fragment(l, fragment & 0xfff8, fragment & 1, fl_read_be32(&h));
		return FL_PARSE_OK;
	}
	more *= kind == PROTOCOL_AUTHENTICATION ? 4 : 8;
	struct fl_reader body = take(l, more);
	if (body.failed)
		return too_short(l, more);
	uint8_t type = fl_read_u8(&h);
	if (kind == PROTOCOL_ROUTING && fl_read_u8(&h) > 0)
		l->routed |= heed_route(type, body, dst);
	return FL_PARSE_OK;
}

static enum fl_parse decode_extensions(struct layer *l, struct fl_addr *dst)
{
	enum fl_parse parse = FL_PARSE_OK;
	for (unsigned i = 0; parse == FL_PARSE_OK && is_extension(l->protocol) && !l->fragment; i++)
		parse = i == MAX_EXTENSIONS ? FL_PARSE_MORE : decode_extension(l, dst);
	return parse;
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
	return is_extension(l->protocol) ? decode_extensions(l, dst) : FL_PARSE_OK;
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
	if (size < 8 || (size - 8 > l->wire && !l->incomplete))
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
	if (parse != FL_PARSE_OK || l.fragment_offset)
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

static inline enum fl_parse decode_transport(struct layer *l, struct fl_packet *p);

/* RFC 4302: behind it the packet goes on. In IPv6 it is one of the extension headers. */
static enum fl_parse decode_authenticated(struct layer *l, struct fl_packet *p)
{
	enum fl_parse parse = FL_PARSE_OK;
	for (unsigned i = 0; parse == FL_PARSE_OK && l->protocol == PROTOCOL_AUTHENTICATION; i++)
		parse = i == MAX_EXTENSIONS ? FL_PARSE_UNSUPPORTED : decode_extension(l, NULL);
	return parse == FL_PARSE_OK ? decode_transport(l, p) : parse;
}

/* Rare transports; what the packet itself says is in @p already. */
static enum fl_parse decode_other(struct layer *l, struct fl_packet *p)
{
	switch (l->protocol) {
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		decode_icmp(l, p);
		return FL_PARSE_OK;
	case PROTOCOL_IPV4:
	case PROTOCOL_IPV6:
		l->ethertype = l->protocol == PROTOCOL_IPV6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
		l->inside = INSIDE_ETHERTYPE;
		l->kind = FL_TUNNEL_IP;
		return FL_PARSE_OK;
	case PROTOCOL_GRE:
		return decode_gre(l);
	case PROTOCOL_AUTHENTICATION: /* once: another protocol follows */
		return decode_authenticated(l, p);
	default:
		return FL_PARSE_OK;
	}
}

static inline bool is_tunnel_port(uint16_t src, uint16_t dst)
{
	switch (dst) {
	case PORT_L2TP:
	case PORT_GTP_U:
	case PORT_TEREDO:
	case PORT_VXLAN:
	case PORT_VXLAN_GPE:
	case PORT_AYIYA:
	case PORT_GENEVE:
	case PORT_MPLS:
	case PORT_VXLAN_LINUX:
		return true;
	default:
		return src == PORT_TEREDO || src == PORT_AYIYA || src == PORT_L2TP;
	}
}

static inline enum fl_parse decode_transport(struct layer *l, struct fl_packet *p)
{
	enum fl_parse parse = FL_PARSE_OK;
	if (l->protocol == FL_TRANSPORT_TCP)
		parse = decode_tcp(l, p);
	else if (l->protocol == FL_TRANSPORT_UDP)
		parse = decode_udp(l, p);
	p->transport = l->protocol;
	p->payload = fl_reader_rest(&l->at);
	p->payload_len = l->wire;
	if (l->protocol == FL_TRANSPORT_TCP || parse != FL_PARSE_OK)
		return parse;
	if (l->protocol != FL_TRANSPORT_UDP)
		return decode_other(l, p);
	if (__builtin_expect(is_tunnel_port(p->src_port, p->dst_port), 0))
		decode_udp_tunnel(l, p->src_port, p->dst_port);
	return FL_PARSE_OK;
}

static enum fl_parse hand_on(const struct layer *l, bool v6, struct fl_packet *p)
{
	p->transport = l->protocol;
	p->payload = fl_reader_rest(&l->at);
	p->payload_len = l->wire;
	p->fragment_v6 = v6;
	p->fragment_more = l->fragment_more;
	p->fragment_offset = l->fragment_offset;
	p->fragment_id = l->fragment_id;
	return FL_PARSE_MORE;
}

/* More extension headers than there may be is told by MORE. */
static enum fl_parse no_ip(enum fl_parse parse, struct fl_packet *p)
{
	if (parse != FL_PARSE_MORE)
		return parse;
	p->too_deep = true;
	return FL_PARSE_UNSUPPORTED;
}

static inline enum fl_parse decode_ip(struct layer *l, struct fl_packet *p)
{
	bool v6 = l->ethertype == ETHERTYPE_IPV6;
	enum fl_parse parse = v6 ? decode_ipv6(l, &p->src, &p->dst) : decode_ipv4(l, &p->src, &p->dst);
	if (parse != FL_PARSE_OK)
		return no_ip(parse, p);
	l->valid = true;
	return __builtin_expect(l->fragment, 0) ? hand_on(l, v6, p) : decode_transport(l, p);
}

/* No link header, or one that does not say what follows: the version tells. */
static enum fl_parse decode_raw(struct layer *l, struct fl_packet *p)
{
	struct fl_reader peek = l->at;
	uint8_t version = fl_read_u8(&peek) >> 4;
	if (peek.failed)
		return too_short(l, 1);
	if (version != 4 && version != 6)
		return FL_PARSE_MALFORMED;
	l->ethertype = version == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	return decode_ip(l, p);
}

/* A frame behind labels, with a control word that begins with 0 (RFC 4385) or without: an Ethernet type tells. */
static enum fl_parse decode_pseudowire(struct layer *l)
{
	struct fl_reader peek = l->at;
	bool word = fl_read_u8(&peek) >> 4 == 0 && !peek.failed;
	bool bare = decode_looks_like_ethernet(l->at, 0) && !(word && decode_looks_like_ethernet(l->at, 4));
	if (!word && !bare)
		return FL_PARSE_UNSUPPORTED;
	fl_read_skip(&l->at, bare ? 0 : 4);
	l->inside = INSIDE_ETHERNET;
	l->kind = FL_TUNNEL_PSEUDOWIRE;
	return FL_PARSE_OK;
}

/* RFC 3032 section 2.1: labels until the bottom of the stack. What follows is IP, or a
 * pseudowire. */
static enum fl_parse decode_mpls(struct layer *l, struct fl_packet *p)
{
	uint32_t label = 0;
	for (unsigned i = 0; i < MAX_LABELS && !(label & 0x100); i++)
		label = fl_read_be32(&l->at);
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	if (!(label & 0x100))
		return FL_PARSE_UNSUPPORTED;
	struct layer behind = *l;
	enum fl_parse parse = decode_raw(l, p);
	if (parse != FL_PARSE_MALFORMED || l->valid)
		return parse;
	*l = behind;
	return decode_pseudowire(l);
}

/* RFC 2516 section 4: version and type 1, code, session, length; then PPP's protocol. */
static enum fl_parse decode_pppoe(struct layer *l, struct fl_packet *p)
{
	fl_read_skip(&l->at, 6);
	enum fl_parse parse = decode_ppp(l);
	if (parse != FL_PARSE_OK)
		return parse;
	return l->ethertype == ETHERTYPE_MPLS ? decode_mpls(l, p) : decode_ip(l, p);
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
	l->valid = true;
	p->arp = (uint8_t)operation;
	p->src = fl_addr_v4(sender);
	p->dst = fl_addr_v4(target);
	return FL_PARSE_OK;
}

/* What an Ethernet type announces, behind any stack of tags. */
static inline enum fl_parse decode_ethertype(struct layer *l, struct fl_packet *p)
{
	for (;;) {
		while (l->ethertype == ETHERTYPE_VLAN || l->ethertype == ETHERTYPE_QINQ ||
			l->ethertype == ETHERTYPE_QINQ_OLD) {
			fl_read_skip(&l->at, 2);
			l->ethertype = fl_read_be16(&l->at);
			if (l->at.failed)
				return FL_PARSE_TRUNCATED;
		}
		enum fl_parse parse;
		switch (l->ethertype) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return decode_ip(l, p);
		case ETHERTYPE_ARP:
			return decode_arp(l, p);
		case ETHERTYPE_MPLS:
		case ETHERTYPE_MPLS_UPSTREAM:
			return decode_mpls(l, p);
		case ETHERTYPE_PPPOE:
			return decode_pppoe(l, p);
		default: /* each step takes bytes */
			parse = decode_rare_ethertype(l);
			if (parse != FL_PARSE_OK || l->inside != INSIDE_NOTHING)
				return parse;
		}
	}
}

static inline enum fl_parse decode_ethernet(struct layer *l, struct fl_packet *p)
{
	enum fl_parse parse = decode_ethernet_head(l, p);
	return parse == FL_PARSE_OK ? decode_ethertype(l, p) : parse;
}

static inline enum fl_parse decode_link(int link_type, struct layer *l, struct fl_packet *p)
{
	switch (link_type) {
	case LINK_ETHERNET:
		return decode_ethernet(l, p);
	case LINK_RAW:
	case LINK_RAW_OPENBSD:
	case LINK_RAW_FILE:
	case LINK_IPV4:
	case LINK_IPV6:
		return decode_raw(l, p);
	default:
		break;
	}
	enum fl_parse parse = decode_link_header(link_type, l, p);
	return parse == FL_PARSE_OK ? decode_ethertype(l, p) : parse;
}

/* Everything but what the source filled in. */
static inline void clear(struct fl_packet *p)
{
	memset((char *)p + offsetof(struct fl_packet, src), 0, sizeof(*p) - offsetof(struct fl_packet, src));
}

/* One step inwards; all that @p keeps is how it came here. */
static enum fl_parse decode_inside(struct layer *l, struct fl_packet *p)
{
	enum inside inside = l->inside;
	uint8_t tunnels = p->tunnels, kind = l->kind;
	clear(p);
	p->tunnels = (uint8_t)(tunnels + 1);
	p->tunnel = kind;
	l->inside = INSIDE_NOTHING;
	l->valid = false;
	enum fl_parse parse = FL_PARSE_OK;
	switch (inside) {
	case INSIDE_ETHERNET:
		if (l->wire < ETHERNET_SIZE)
			return FL_PARSE_MALFORMED;
		l->wire -= ETHERNET_SIZE;
		return decode_ethernet(l, p);
	case INSIDE_RAW:
		return decode_raw(l, p);
	case INSIDE_80211:
		parse = decode_80211(l, p);
		break;
	case INSIDE_PPP:
		parse = decode_ppp(l);
		break;
	case INSIDE_ETHERTYPE:
	case INSIDE_NOTHING:
		break;
	}
	return parse == FL_PARSE_OK ? decode_ethertype(l, p) : parse;
}

/* Everything inside, from the first tunnel to the innermost header. */
static __attribute__((noinline)) enum fl_parse decode_tunnels(struct layer *l, struct fl_packet *p)
{
	enum fl_parse parse = FL_PARSE_OK;
	while (parse == FL_PARSE_OK && l->inside != INSIDE_NOTHING) {
		if (p->tunnels == FL_TUNNELS_MAX) {
			p->too_deep = true;
			return FL_PARSE_UNSUPPORTED;
		}
		struct fl_packet outer = *p;
		if (l->incomplete) /* as far as anybody knows there is more */
			l->wire = UINT32_MAX;
		l->incomplete = false;
		parse = decode_inside(l, p);
		bool nothing = parse == FL_PARSE_MALFORMED || parse == FL_PARSE_UNSUPPORTED;
		if (nothing && !l->valid && !p->too_deep && outer.transport == FL_TRANSPORT_UDP) {
			*p = outer;
			return FL_PARSE_OK;
		}
	}
	return parse;
}

/* A frame without IP leaves nothing in @p but why. */
static enum fl_parse give_up(enum fl_parse parse, struct fl_packet *p)
{
	bool too_deep = p->too_deep;
	clear(p);
	p->too_deep = too_deep;
	return parse;
}

/* The TCP header of a plain frame; false: not one for here. @ip is the captured IP packet, @size bytes of it, @total as it says. */
static inline bool plain_tcp(const uint8_t *ip, uint32_t size, uint32_t total, struct fl_packet *p)
{
	struct fl_reader h = fl_reader_over(ip + IPV4_SIZE, TCP_SIZE);
	p->src_port = fl_read_be16(&h);
	p->dst_port = fl_read_be16(&h);
	p->tcp_seq = fl_read_be32(&h);
	p->tcp_ack = fl_read_be32(&h);
	uint32_t headers = IPV4_SIZE + (uint32_t)(fl_read_u8(&h) >> 4) * 4;
	p->tcp_flags = fl_read_u8(&h);
	p->tcp_window = fl_read_be16(&h);
	if (headers < IPV4_SIZE + TCP_SIZE || headers > size)
		return false;
	p->payload = (struct fl_slice){ ip + headers, size - headers };
	p->payload_len = total - headers;
	return true;
}

static inline bool plain_udp(const uint8_t *ip, uint32_t size, uint32_t total, struct fl_packet *p)
{
	struct fl_reader h = fl_reader_over(ip + IPV4_SIZE, UDP_SIZE);
	p->src_port = fl_read_be16(&h);
	p->dst_port = fl_read_be16(&h);
	uint32_t length = fl_read_be16(&h), headers = IPV4_SIZE + UDP_SIZE;
	if (length < UDP_SIZE || length > total - IPV4_SIZE || is_tunnel_port(p->src_port, p->dst_port))
		return false;
	p->payload_len = length - UDP_SIZE;
	p->payload = (struct fl_slice){ ip + headers, size - headers < p->payload_len ? size - headers : p->payload_len };
	return true;
}

/* Decodes a plain frame into @p, which is clear; false with @p half written when the frame is another. */
static inline bool decode_plain(const uint8_t *data, uint32_t caplen, struct fl_packet *p)
{
	if (caplen < ETHERNET_SIZE + IPV4_SIZE + TCP_SIZE)
		return false;
	const uint8_t *ip = data + ETHERNET_SIZE;
	struct fl_reader h = fl_reader_over(data + 12, 2 + IPV4_SIZE);
	uint16_t ethertype = fl_read_be16(&h);
	uint8_t version = fl_read_u8(&h);
	fl_read_skip(&h, 1);
	uint32_t total = fl_read_be16(&h), size = caplen - ETHERNET_SIZE;
	fl_read_skip(&h, 2);
	uint16_t fragment = fl_read_be16(&h);
	fl_read_skip(&h, 1);
	uint8_t protocol = fl_read_u8(&h);
	if (ethertype != ETHERTYPE_IPV4 || version != 0x45 || fragment & 0x3fff || total < IPV4_SIZE + UDP_SIZE)
		return false;
	size = size < total ? size : total;
	if (protocol == FL_TRANSPORT_TCP ? !plain_tcp(ip, size, total, p)
					 : protocol != FL_TRANSPORT_UDP || !plain_udp(ip, size, total, p))
		return false;
	memcpy(p->dst_mac, data, 6);
	memcpy(p->src_mac, data + 6, 6);
	p->has_mac = true;
	p->src = fl_addr_v4(ip + 12);
	p->dst = fl_addr_v4(ip + 16);
	p->transport = protocol;
	return true;
}

/* Layer by layer. A function of its own, that plain frames need not set up what this does. */
static enum fl_parse decode_frame(int link_type, struct layer *l, struct fl_packet *p)
{
	clear(p);
	enum fl_parse parse = decode_link(link_type, l, p);
	if (__builtin_expect(l->inside != INSIDE_NOTHING, 0) && parse == FL_PARSE_OK)
		parse = decode_tunnels(l, p);
	return parse == FL_PARSE_OK || parse == FL_PARSE_MORE ? parse : give_up(parse, p);
}

/* How long the frame was on the wire is the source's to know: until an IP header says more, missing bytes are the snap
 * length's doing. */
static __attribute__((noinline)) enum fl_parse decode_layers(int link_type, const uint8_t *data, uint32_t caplen, struct fl_packet *p)
{
	struct layer l = { .at = fl_reader_over(data, caplen), .wire = UINT32_MAX };
	enum fl_parse parse = decode_frame(link_type, &l, p);
	p->aggregate = l.aggregate;
	p->routed = l.routed;
	return parse;
}

bool fl_decode_subframe(int link_type, const uint8_t *data, uint32_t caplen, uint8_t nth, struct fl_packet *p, enum fl_parse *parse)
{
	struct layer l = { .at = fl_reader_over(data, caplen), .wire = UINT32_MAX, .subframe = nth };
	*parse = decode_frame(link_type, &l, p);
	p->routed = l.routed;
	return l.aggregate && !l.no_subframe;
}

enum fl_parse fl_decode(int link_type, const uint8_t *data, uint32_t caplen, struct fl_packet *p)
{
	if (link_type == LINK_ETHERNET) {
		clear(p);
		if (__builtin_expect(decode_plain(data, caplen, p), 1))
			return FL_PARSE_OK;
	}
	return decode_layers(link_type, data, caplen, p);
}

/* Behind the IP header of a datagram put together; more extension headers may be there. */
static enum fl_parse decode_datagram(struct layer *l, bool v6, struct fl_packet *p)
{
	enum fl_parse parse = v6 ? decode_extensions(l, &p->dst) : FL_PARSE_OK;
	if (parse != FL_PARSE_OK)
		return no_ip(parse, p);
	l->valid = true;
	if (l->fragment)
		return hand_on(l, v6, p);
	parse = decode_transport(l, p);
	return parse == FL_PARSE_OK && l->inside != INSIDE_NOTHING ? decode_tunnels(l, p) : parse;
}

enum fl_parse fl_decode_datagram(struct fl_packet *p)
{
	struct layer l = { .at = fl_reader_over(p->payload.data, p->payload.size),
		.wire = p->payload_len,
		.protocol = p->transport,
		.incomplete = p->fragment_more };
	bool v6 = p->fragment_v6;
	p->fragment_v6 = p->fragment_more = false;
	p->fragment_offset = 0;
	p->fragment_id = 0;
	enum fl_parse parse = decode_datagram(&l, v6, p);
	p->routed |= l.routed;
	return parse == FL_PARSE_OK || parse == FL_PARSE_MORE ? parse : give_up(parse, p);
}
