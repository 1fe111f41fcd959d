/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * naive.h - random failure graphs, and slow, obvious answers about them
 *
 * Written from the definitions alone, on plain arrays, sharing nothing with the
 * library: what both get wrong the same way they must have understood the same way.
 */
#ifndef FAULTLINE_TEST_NAIVE_H
#define FAULTLINE_TEST_NAIVE_H

#include "faultline/graph.h"

enum { NAIVE_NODES = 24, NAIVE_GROUPS = 60, NAIVE_MEMBERS = 5 };

struct naive_group {
	uint32_t of, needs, count, members[NAIVE_MEMBERS];
	double coupling;
};

struct naive_graph {
	uint64_t seed;
	uint32_t order, group_count;
	struct naive_group groups[NAIVE_GROUPS];
	bool entry[NAIVE_NODES];
	double weight[NAIVE_NODES]; /* sums to 1 over entry points */
	uint32_t entry_count;
	const char *kind[NAIVE_NODES];
	fl_node_id id[NAIVE_NODES]; /* place of node i in the frozen graph */
};

/* The same seed, the same graph. */
void naive_random(struct naive_graph *n, uint64_t seed);
struct fl_graph *naive_freeze(struct naive_graph *n);
uint32_t naive_below(uint64_t *state, uint32_t bound);

/* Everything that fails with @failed; repeats all groups until nothing changes. */
void naive_fixed_point(const struct naive_graph *n, const bool *failed, bool *lost);
/* Rounds over all nodes until they are still, whose number is returned. */
unsigned naive_loss(const struct naive_graph *n, const bool *failed, double *loss);

#endif
