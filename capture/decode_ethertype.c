/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode_ethertype.c - Ethernet types that few frames have
 *
 * Tags of switches name the Ethernet type of what follows, as VLAN tags do, at a fixed distance. Others
 * carry a whole frame. 802.3 has a length in the place of the type, and LLC (IEEE 802.2) behind it.
 *
 * Only what leaves the packet readable is here: of MACsec frames those that are signed, not encrypted.
 */
#include "decode_internal.h"

enum {
	ETHERTYPE_LEAST = 0x0600, /* less is a length */
	ETHERTYPE_PPP = 0x880b,
	ETHERTYPE_TRILL = 0x22f3,
	ETHERTYPE_MACSEC = 0x88e5,
	ETHERTYPE_BACKBONE = 0x88e7,
	ETHERTYPE_VNTAG = 0x8926,
	ETHERTYPE_HSR = 0x892f,
	ETHERTYPE_ETAG = 0x893f,
	ETHERTYPE_FABRICPATH = 0x8903,
	ETHERTYPE_CISCO_METADATA = 0x8909,
	ETHERTYPE_RTAG = 0xf1c1,
	ETHERTYPE_EDSA = 0xdada,
	ISL_BEHIND_SNAP = 4, /* index, reserved: 26 bytes in all */
	ADDRESSES = 12, /* bytes in front of a frame's type */
	MACSEC_CHANGED = 0x0c,
	MACSEC_SCI = 0x20,
	NSH_IPV4 = 1, NSH_IPV6 = 2, NSH_ETHERNET = 3, NSH_MPLS = 5,
	LLC_IP = 0x060603,
	LLC_SNAP = 0xaaaa03,
	SNAP_SIZE = 8,
	CISCO = 0x00000c,
};

static enum fl_parse type_behind(struct layer *l, size_t size)
{
	fl_read_skip(&l->at, size);
	l->ethertype = fl_read_be16(&l->at);
	return l->at.failed ? FL_PARSE_TRUNCATED : FL_PARSE_OK;
}

static enum fl_parse frame_behind(struct layer *l, size_t size)
{
	fl_read_skip(&l->at, size);
	l->inside = INSIDE_ETHERNET;
	l->kind = FL_TUNNEL_PSEUDOWIRE;
	return l->at.failed ? FL_PARSE_TRUNCATED : FL_PARSE_OK;
}

/* Cisco's Inter-Switch Link looks like 802.3 with SNAP of Cisco's own, and has a frame inside. */
static bool is_isl(const struct layer *l)
{
	struct fl_reader peek = l->at;
	fl_read_skip(&peek, 3);
	return fl_read_be24(&peek) == CISCO && decode_looks_like_ethernet(l->at, SNAP_SIZE + ISL_BEHIND_SNAP);
}

/* IEEE 802.2. */
static enum fl_parse decode_llc(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint32_t llc = fl_read_be24(&peek);
	if (peek.failed)
		return FL_PARSE_TRUNCATED;
	if (llc == LLC_SNAP && is_isl(l))
		return frame_behind(l, SNAP_SIZE + ISL_BEHIND_SNAP);
	if (llc == LLC_SNAP)
		return decode_snap(l);
	fl_read_skip(&l->at, 3);
	l->ethertype = ETHERTYPE_IPV4;
	return llc == LLC_IP ? FL_PARSE_OK : FL_PARSE_UNSUPPORTED;
}

/* RFC 6325 section 3.2: options are counted in words, in the five bits before the hop count. */
static enum fl_parse decode_trill(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint32_t words = fl_read_be16(&peek) >> 6 & 0x1f;
	return frame_behind(l, 6 + words * 4);
}

/* IEEE 802.1AE section 9.3. The check value at the end is padding to what it guards. */
static enum fl_parse decode_macsec(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint8_t control = fl_read_u8(&peek);
	if (control & MACSEC_CHANGED)
		return FL_PARSE_UNSUPPORTED;
	return type_behind(l, control & MACSEC_SCI ? 14 : 6);
}

enum fl_parse decode_nsh(struct layer *l)
{
	struct fl_reader peek = l->at;
	uint32_t words = fl_read_be16(&peek) & 0x3f;
	fl_read_skip(&peek, 1);
	uint8_t next = fl_read_u8(&peek);
	if (peek.failed)
		return FL_PARSE_TRUNCATED;
	if (next == NSH_ETHERNET)
		return frame_behind(l, words * 4);
	l->ethertype = next == NSH_IPV6 ? ETHERTYPE_IPV6 : next == NSH_MPLS ? ETHERTYPE_MPLS : ETHERTYPE_IPV4;
	fl_read_skip(&l->at, words * 4);
	if (l->at.failed)
		return FL_PARSE_TRUNCATED;
	return words >= 2 && (next == NSH_IPV4 || next == NSH_IPV6 || next == NSH_MPLS) ? FL_PARSE_OK : FL_PARSE_UNSUPPORTED;
}

static enum fl_parse decode_ppp_type(struct layer *l)
{
	l->inside = INSIDE_PPP;
	l->kind = FL_TUNNEL_IP;
	return FL_PARSE_OK;
}

enum fl_parse decode_rare_ethertype(struct layer *l)
{
	switch (l->ethertype) {
	case ETHERTYPE_VNTAG:
	case ETHERTYPE_HSR:  /* IEC 62439-3: path, size, sequence number */
	case ETHERTYPE_RTAG: /* IEEE 802.1CB */
		return type_behind(l, 4);
	case ETHERTYPE_EDSA: /* switches of Marvell to their processor: reserved, tag */
		return type_behind(l, 6);
	case ETHERTYPE_CISCO_METADATA: /* version, length, one option with its value */
		return type_behind(l, 6);
	case ETHERTYPE_ETAG: /* IEEE 802.1BR */
		return type_behind(l, 6);
	case ETHERTYPE_BACKBONE: /* IEEE 802.1ah */
		return frame_behind(l, 4);
	case ETHERTYPE_FABRICPATH: /* what stood in front were addresses of switches */
		return frame_behind(l, 2);
	case ETHERTYPE_BRIDGING:
		return frame_behind(l, 0);
	case ETHERTYPE_TRILL:
		return decode_trill(l);
	case ETHERTYPE_MACSEC:
		return decode_macsec(l);
	case ETHERTYPE_NSH:
		return decode_nsh(l);
	case ETHERTYPE_PPP:
		return decode_ppp_type(l);
	default:
		return l->ethertype < ETHERTYPE_LEAST ? decode_llc(l) : FL_PARSE_UNSUPPORTED;
	}
}

bool decode_looks_like_ethernet(struct fl_reader r, size_t at)
{
	fl_read_skip(&r, at + ADDRESSES);
	uint16_t type = fl_read_be16(&r);
	if (r.failed)
		return false;
	switch (type) {
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6:
	case ETHERTYPE_ARP:
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_MPLS:
	case ETHERTYPE_PPPOE:
		return true;
	default:
		return false;
	}
}
