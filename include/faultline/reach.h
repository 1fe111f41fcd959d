/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach.h - transitive dependencies with the path that leads to each
 *
 * Breadth-first over groups (any `needs`, also 0) from one node; among shortest
 * paths the one whose node ids come first. Reachability, not failure: see blast.h for that.
 */
#ifndef FAULTLINE_REACH_H
#define FAULTLINE_REACH_H

#include "faultline/system.h"

struct fl_reached {
	fl_node_id from, to;
	bool direct;                 /* one service, one endpoint */
	const fl_node_id *path;      /* from `from` to `to`, both included */
	size_t path_length;          /* nodes */
	double coupling;             /* product along the path; NaN when one is unknown */
	bool background;             /* a link of the path is a group with needs 0 */
	const struct fl_dependency *last; /* evidence of the last link; NULL for graph files */
};

struct fl_reach {
	struct fl_arena *arena;
	struct fl_reached *list;     /* sorted by from, scope (external first), to */
	size_t count;
	uint64_t dropped;            /* rows past one of the limits, not listed */
};
/* Rows, and nodes of all paths together: chains of thousands would make paths quadratic. */
enum { FL_REACH_MAX = 1000000, FL_REACH_PATHS_MAX = 8000000 };

/* Endpoints and resolvers that @from (FL_NODE_NONE: every service) depends on. In graph files, where no
 * node is an endpoint: every node reached (from every node, where none is a service). O(E log E) once and
 * O(V + E + length of the paths) a start. */
struct fl_reach *fl_reach(const struct fl_system *s, fl_node_id from);
void fl_reach_free(struct fl_reach *r);

#endif
