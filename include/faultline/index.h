/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index.h - open-addressed index over the entries of somebody's array
 *
 * Holds (hash, entry number) pairs; the array and the comparison of keys stay with the owner. Linear
 * probing, removal by backward shift (Knuth, TAOCP volume 3, 6.4 algorithm R), no
 * tombstones, never more than half full, fixed size. Which entry is found never depends on the hash, so
 * nothing that is printed does.
 */
#ifndef FAULTLINE_INDEX_H
#define FAULTLINE_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "faultline/status.h"

struct fl_index_place {
	uint32_t entry; /* number + 1; 0 = free */
	uint32_t hash;
};

struct fl_index {
	struct fl_index_place *places;
	uint32_t mask;
};

/* For at most @limit entries at a time. Free with fl_index_fini(). */
static inline void fl_index_init(struct fl_index *x, uint32_t limit)
{
	uint32_t places = 16;
	while (places < limit * UINT64_C(2) && places < UINT32_C(1) << 31)
		places *= 2;
	x->places = (struct fl_index_place *)fl_alloc_table(places, sizeof(*x->places));
	x->mask = places - 1;
}

static inline void fl_index_fini(struct fl_index *x)
{
	free(x->places);
	x->places = NULL;
}

/* Walk over entries with this hash: begin with fl_index_home(), each call gives the next entry number
 * and moves @at behind it; UINT32_MAX at the end. */
static inline uint32_t fl_index_home(const struct fl_index *x, uint32_t hash)
{
	return hash & x->mask;
}

/* A look-up of @hash is about to come: its place is fetched. */
static inline void fl_index_expect(const struct fl_index *x, uint32_t hash)
{
	__builtin_prefetch(&x->places[hash & x->mask]);
}

static inline uint32_t fl_index_next(const struct fl_index *x, uint32_t hash, uint32_t *at)
{
	for (; x->places[*at].entry; *at = (*at + 1) & x->mask) {
		if (x->places[*at].hash != hash)
			continue;
		uint32_t entry = x->places[*at].entry - 1;
		*at = (*at + 1) & x->mask;
		return entry;
	}
	return UINT32_MAX;
}

static inline void fl_index_add(struct fl_index *x, uint32_t hash, uint32_t entry)
{
	uint32_t at = hash & x->mask;
	while (x->places[at].entry)
		at = (at + 1) & x->mask;
	x->places[at] = (struct fl_index_place){ entry + 1, hash };
}

static inline void fl_index_remove(struct fl_index *x, uint32_t hash, uint32_t entry)
{
	uint32_t at = hash & x->mask;
	while (x->places[at].entry != entry + 1) {
		if (!x->places[at].entry)
			return;
		at = (at + 1) & x->mask;
	}
	for (uint32_t hole = at;;) {
		at = (at + 1) & x->mask;
		if (!x->places[at].entry) {
			x->places[hole].entry = 0;
			return;
		}
		if (((at - x->places[at].hash) & x->mask) >= ((at - hole) & x->mask)) {
			x->places[hole] = x->places[at];
			hole = at;
		}
	}
}

#endif
