/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fragment.h - IP fragments put together, in fixed memory
 *
 * Everything is allocated once. Where memory or slots run out, and when a datagram is older than
 * FL_FRAGMENT_TIMEOUT_S of packet time, the oldest is given up; what is known of its
 * beginning is handed out, for a first fragment alone says who talks to whom.
 *
 * Fragments are accepted in any order. Of IPv4 they may overlap where they agree; where they differ in a byte or about the end, the whole
 * datagram is dropped, as Linux does since 4.19: which of the two a receiver takes depends on its system (Shankar and Paxson, Active
 * mapping, 2003). In IPv6 any overlap drops it, with the pieces still to come (RFC 5722). Pieces that the snap length cut
 * count as there; the datagram then ends where the first of them was cut.
 */
#ifndef FAULTLINE_FRAGMENT_H
#define FAULTLINE_FRAGMENT_H

#include "faultline/decode.h"

enum { FL_FRAGMENT_TIMEOUT_S = 30 }; /* as Linux; RFC 8200 section 4.5 has 60 */

struct fl_fragments;

struct fl_fragment_counters {
	uint64_t fragments;  /* handed in */
	uint64_t whole;      /* datagrams put together */
	uint64_t duplicates; /* fragments that were there already */
	uint64_t overlaps;   /* fragments of which a part was there already */
	uint64_t malformed;  /* fragments of impossible size or place */
	uint64_t late;       /* datagrams given up by age, or incomplete at the end */
	uint64_t crowded;    /* datagrams given up for want of memory */
	uint64_t refused;    /* datagrams of fragments that differ; of IPv6, that overlap */
};

/* @limit: bytes for the payload of fragments, at least 256 KiB. */
struct fl_fragments *fl_fragments_new(size_t limit);
void fl_fragments_free(struct fl_fragments *f); /* NULL is fine */

/**
 * fl_fragments_add() - Take one fragment
 * @p: as fl_decode() left it with MORE, with time and length. With OK it is the whole
 *     datagram for fl_decode_datagram(): @p->len that of all pieces, @p->payload borrowed until the next
 *     OK
 *
 * Return: OK when the datagram is whole, MORE when the fragment is kept or of no use,
 * MALFORMED when it can be part of no datagram.
 */
enum fl_parse fl_fragments_add(struct fl_fragments *f, struct fl_packet *p);

/**
 * fl_fragments_give_up() - Give up one datagram, if one must be
 * @now_ns: only what is too old for this time, or in the way of the next fragment
 * @all:    any, at the end of a capture
 * @p:      out: the first fragment's packet with what is known of the datagram's beginning and
 *          @fragment_more set, for fl_decode_datagram(); borrowed until the next true
 *
 * To be called until it returns false before each fl_fragments_add().
 *
 * Return: whether there is a beginning; datagrams without are given up in silence.
 */
bool fl_fragments_give_up(struct fl_fragments *f, int64_t now_ns, bool all, struct fl_packet *p);

const struct fl_fragment_counters *fl_fragments_counters(const struct fl_fragments *f);

#endif
