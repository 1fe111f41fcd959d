/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode_internal.h - what the files of the decoder share
 *
 *   decode.c         Ethernet, raw IP; IP, TCP, UDP, ICMP, ARP: what every packet needs
 *   decode_link.c    other link headers: cooked, loopback, 802.11, PPP
 *   decode_link_rare.c  those of few captures
 *   decode_ethertype.c  tags of switches, frames in frames, LLC
 *   decode_tunnel.c  what carries frames inside packets
 */
#ifndef FAULTLINE_DECODE_INTERNAL_H
#define FAULTLINE_DECODE_INTERNAL_H

#include <string.h>

#include "faultline/decode.h"

/* Link types without a header, and Ethernet. 12 is DLT_RAW on Linux, 14 on OpenBSD, 101 in files. */
enum {
	LINK_ETHERNET = 1,
	LINK_RAW = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_RAW_FILE = 101,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_BRIDGING = 0x6558, /* in GRE and Geneve: an Ethernet frame follows */
	ETHERTYPE_VLAN = 0x8100,     /* IEEE 802.1Q */
	ETHERTYPE_QINQ = 0x88a8,     /* IEEE 802.1ad */
	ETHERTYPE_QINQ_OLD = 0x9100,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848, /* RFC 5332 */
	ETHERTYPE_NSH = 0x894f,      /* RFC 8300 */
	ETHERTYPE_PPPOE = 0x8864, /* session; discovery carries no IP */
};

enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IPV4 = 4,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_GRE = 47,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DESTINATION = 60,
	PROTOCOL_MOBILITY = 135,
	PROTOCOL_HIP = 139,
	PROTOCOL_SHIM6 = 140,
};

/* UDP destination ports that announce a tunnel. */
enum {
	PORT_L2TP = 1701,
	PORT_GTP_U = 2152,
	PORT_TEREDO = 3544,
	PORT_VXLAN = 4789,
	PORT_VXLAN_GPE = 4790,
	PORT_AYIYA = 5072,
	PORT_GENEVE = 6081,
	PORT_MPLS = 6635,
	PORT_VXLAN_LINUX = 8472, /* what Linux used before there was a number, and still does by default */
};

/* What lies inside a packet that was decoded, if anything does. */
enum inside { INSIDE_NOTHING, INSIDE_ETHERTYPE, INSIDE_ETHERNET, INSIDE_RAW, INSIDE_80211, INSIDE_PPP };

struct layer {
	struct fl_reader at; /* captured bytes from here on */
	uint32_t wire;       /* bytes from here on as the header above says */
	uint16_t ethertype;
	uint8_t protocol;   /* IP protocol number of what follows */
	uint8_t inside;     /* enum inside: decoding goes on there */
	uint8_t kind;       /* enum fl_tunnel that carries it */
	bool valid;         /* an IP or ARP header was found good */
	bool incomplete;    /* a first fragment alone: what follows goes on elsewhere */
	bool fragment;      /* what follows is a piece: */
	bool fragment_more; /* not the last */
	uint8_t subframe;   /* which one of an aggregate is wanted */
	bool aggregate;     /* it is one */
	bool routed;        /* see fl_packet */
	bool no_subframe;   /* ... that has no such */
	uint16_t fragment_offset;
	uint32_t fragment_id;
};

/* Why @need bytes are not there. */
static inline enum fl_parse too_short(const struct layer *l, uint32_t need)
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

/* An Ethernet head: addresses into @p, the type of what follows. */
static inline enum fl_parse decode_ethernet_head(struct layer *l, struct fl_packet *p)
{
	const uint8_t *h = fl_read_bytes(&l->at, 12);
	l->ethertype = fl_read_be16(&l->at);
	if (!h || l->at.failed)
		return FL_PARSE_TRUNCATED;
	memcpy(p->dst_mac, h, 6);
	memcpy(p->src_mac, h + 6, 6);
	p->has_mac = true;
	return FL_PARSE_OK;
}

/* Set @l->inside to what the packet carries and @l there; INSIDE_NOTHING and @l as it was when it
 * is no tunnel after all. */
enum fl_parse decode_gre(struct layer *l);
void decode_udp_tunnel(struct layer *l, uint16_t src_port, uint16_t dst_port);

/* One link header: @l->ethertype and @l at what it announces. decode_link_header(): all link types but
 * Ethernet and raw IP. */
enum fl_parse decode_link_header(int link_type, struct layer *l, struct fl_packet *p);
enum fl_parse decode_rare_link(int link_type, struct layer *l, struct fl_packet *p);
bool decode_knows_rare_link(int link_type);
enum fl_parse decode_80211(struct layer *l, struct fl_packet *p);
enum fl_parse decode_snap(struct layer *l);
/* Service function chains (RFC 8300 section 2.2): @l->ethertype, or a frame inside. */
enum fl_parse decode_nsh(struct layer *l);
/* A step behind @l->ethertype when that is none of those that decode.c knows: as decode_link_header(), or a frame inside. */
enum fl_parse decode_rare_ethertype(struct layer *l);
/* Is there an Ethernet type that networks have where a frame @at bytes from here would have it? */
bool decode_looks_like_ethernet(struct fl_reader r, size_t at);
enum fl_parse decode_ppp(struct layer *l);

#endif
