/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach_ways.h - of all ways from one node to others: the widest, how many there are, what is exchanged on them
 */
#ifndef FAULTLINE_ANALYZE_REACH_WAYS_H
#define FAULTLINE_ANALYZE_REACH_WAYS_H

#include "faultline/reach.h"

/* "from uses to": a pair, whatever the groups it is in. */
struct fl_link {
	fl_node_id from, to;
	double coupling;
	bool background;
	const struct fl_dependency *evidence; /* NULL */
};

struct fl_links {
	const struct fl_link *list; /* sorted by from, to */
	const size_t *first;        /* of a node; order + 1 */
	uint32_t order;
};

/* All arrays by node, of those reached from the start of the last run. */
struct fl_ways {
	size_t *via;         /* link that the way comes by */
	uint32_t *depth;     /* links from the start */
	uint32_t *count;     /* ways, up to FL_REACH_WAYS_MAX; those that go round in circles left out */
	uint64_t *exchanges; /* over all links to it from nodes reached */
	uint64_t *failures;
	struct fl_ways_scratch *scratch;
};

struct fl_ways *fl_ways_new(const struct fl_links *links);
void fl_ways_free(struct fl_ways *w); /* NULL is fine */
/* @reached: what a breadth-first search found, in its order, the start first. The way to a node is the one whose
 * link with the fewest exchanges has the most, by powers of two; of such the shortest, then the one found first. */
void fl_ways_run(struct fl_ways *w, const struct fl_links *links, const fl_node_id *reached, size_t count);

#endif
