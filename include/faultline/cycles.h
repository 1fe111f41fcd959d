/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cycles.h - circular dependencies: what can never start again once all of it is down
 *
 * A cycle does not fail by itself (graph.h), so no ranking shows it; it shows when a data centre is started from cold. A
 * circular dependency here is a strongly connected component of required groups (needs > 0) with more than one
 * node, or one that requires itself. It is a deadlock when its nodes cannot all come up from nothing: with all of
 * them down and everything else up, a node comes up when each of its groups has `needs` members up. A cycle that a
 * replica outside it can break is listed, but is none.
 */
#ifndef FAULTLINE_CYCLES_H
#define FAULTLINE_CYCLES_H

#include "faultline/arena.h"
#include "faultline/graph.h"

struct fl_cycle {
	const fl_node_id *nodes;     /* of the component, sorted */
	size_t node_count;
	const fl_node_id *way;       /* a shortest way round from its first node, which stands at both ends */
	size_t way_length;
	bool deadlock;
};

struct fl_cycles {
	struct fl_arena *arena;
	struct fl_cycle *list;       /* deadlocks first, larger first, then by first node */
	size_t count;
};

/* O(V + E). */
struct fl_cycles *fl_cycles(const struct fl_graph *g);
void fl_cycles_free(struct fl_cycles *c);

#endif
