/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * families.h - three families of random failure graphs, the same edges each time
 *
 *   tree     power law: everybody leans on few that everybody leans on; failures stay small
 *   uniform  an edge between any two nodes is as likely as any other, the later requires the earlier
 *   layered  half of what a node requires is near (at most 100 before it), half anywhere before it, and one
 *            edge in a thousand points forward, so that there are cycles; failures go as far as they can
 *
 * Every node requires 8 others (fewer where there are not as many). With redundancy the first two are
 * one group that needs 1, the next three one that needs 2, the rest is required one by one.
 */
#ifndef FAULTLINE_BENCH_FAMILIES_H
#define FAULTLINE_BENCH_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REQUIRED_MAX = 24 };

struct family {
	const char *name;
	uint32_t order;
	uint64_t state; /* of the generator */
	uint32_t *first, *to; /* uniform only: drawn at once, by node */
};

/* False for a name that is none. */
bool family_init(struct family *f, const char *name, uint32_t order);
void family_fini(struct family *f);
/* What node @i requires, distinct; for i = 0, 1, ... in this order. Returns how many. */
uint32_t family_next(struct family *f, uint32_t i, uint32_t required[REQUIRED_MAX]);
/* Sizes and needs of the groups @count requirements fall into; returns the number of groups. */
uint32_t family_groups(bool redundant, uint32_t count, uint32_t sizes[REQUIRED_MAX], uint32_t needs[REQUIRED_MAX]);

#endif
