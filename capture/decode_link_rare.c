/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode_link_rare.c - link headers of few captures: switches that tag frames for their processor, network analysers, InfiniBand
 *
 * Numbers and layouts as tcpdump.org lists them under link-layer header types. Most are an Ethernet frame with something in front or
 * behind its addresses.
 */
#include "decode_internal.h"

enum {
	LINK_ATM_RFC1483 = 100,
	LINK_FIREWIRE = 138, /* Apple's IP over IEEE 1394 */
	LINK_MPLS = 219,
	LINK_NETANALYZER = 240,
	LINK_NETANALYZER_TRANSPARENT = 241,
	LINK_IPOIB = 242,
	LINK_MPACKET = 274,
	LINK_BROADCOM = 281,
	LINK_BROADCOM_IN_FRONT = 282,
	LINK_DSA = 284,
	LINK_EDSA = 285,
	PREAMBLE = 8,
	ANALYZER_HEAD = 4,
	INFINIBAND_ROUTE = 40,
	FIREWIRE_ADDRESSES = 16,
	TAG = 4,
};

static enum fl_parse ethernet_behind(struct layer *l, struct fl_packet *p, uint32_t size)
{
	return take(l, size).failed ? FL_PARSE_TRUNCATED : decode_ethernet_head(l, p);
}

static enum fl_parse type_behind(struct layer *l, uint32_t size)
{
	fl_read_skip(&l->at, size);
	l->ethertype = fl_read_be16(&l->at);
	return l->at.failed ? FL_PARSE_TRUNCATED : FL_PARSE_OK;
}

/* Tags that stand where the type does, and the type behind them. */
static enum fl_parse tagged_ethernet(struct layer *l, struct fl_packet *p, uint32_t size)
{
	enum fl_parse parse = decode_ethernet_head(l, p);
	return parse == FL_PARSE_OK ? type_behind(l, size - 2) : parse;
}

/* IEEE 802.3br: the last byte of the preamble tells whole frames from pieces. */
static enum fl_parse decode_mpacket(struct layer *l, struct fl_packet *p)
{
	enum { WHOLE = 0xd5 };
	struct fl_reader peek = l->at;
	fl_read_skip(&peek, PREAMBLE - 1);
	uint8_t start = fl_read_u8(&peek);
	if (peek.failed)
		return FL_PARSE_TRUNCATED;
	return start == WHOLE ? ethernet_behind(l, p, PREAMBLE) : FL_PARSE_UNSUPPORTED;
}

/* RFC 4391 section 6: type, reserved; behind the route. */
static enum fl_parse decode_infiniband(struct layer *l)
{
	enum fl_parse parse = type_behind(l, INFINIBAND_ROUTE);
	return take(l, 2).failed ? FL_PARSE_TRUNCATED : parse;
}

static enum fl_parse decode_mpls_link(struct layer *l)
{
	l->ethertype = ETHERTYPE_MPLS;
	return FL_PARSE_OK;
}

enum fl_parse decode_rare_link(int link_type, struct layer *l, struct fl_packet *p)
{
	switch (link_type) {
	case LINK_ATM_RFC1483:
		return decode_snap(l);
	case LINK_FIREWIRE:
		return type_behind(l, FIREWIRE_ADDRESSES);
	case LINK_MPLS:
		return decode_mpls_link(l);
	case LINK_NETANALYZER:
		return ethernet_behind(l, p, ANALYZER_HEAD);
	case LINK_NETANALYZER_TRANSPARENT:
		return ethernet_behind(l, p, ANALYZER_HEAD + PREAMBLE);
	case LINK_IPOIB:
		return decode_infiniband(l);
	case LINK_MPACKET:
		return decode_mpacket(l, p);
	case LINK_BROADCOM_IN_FRONT:
		return ethernet_behind(l, p, TAG);
	case LINK_BROADCOM:
	case LINK_DSA:
		return tagged_ethernet(l, p, TAG);
	case LINK_EDSA:
		return tagged_ethernet(l, p, 2 * TAG);
	default:
		return FL_PARSE_UNSUPPORTED;
	}
}

bool decode_knows_rare_link(int link_type)
{
	switch (link_type) {
	case LINK_ATM_RFC1483:
	case LINK_FIREWIRE:
	case LINK_MPLS:
	case LINK_NETANALYZER:
	case LINK_NETANALYZER_TRANSPARENT:
	case LINK_IPOIB:
	case LINK_MPACKET:
	case LINK_BROADCOM:
	case LINK_BROADCOM_IN_FRONT:
	case LINK_DSA:
	case LINK_EDSA:
		return true;
	default:
		return false;
	}
}
