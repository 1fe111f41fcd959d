/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach.h - transitive dependencies with the path that leads to each
 *
 * Over groups (any `needs`, also 0) from one node. The path told is the one whose link with the fewest exchanges has
 * the most; then the shortest, then the one whose node ids come first. Reachability, not failure: see blast.h for that.
 */
#ifndef FAULTLINE_REACH_H
#define FAULTLINE_REACH_H

#include "faultline/system.h"

struct fl_reached {
	fl_node_id from, to;
	bool direct;                 /* one service, one endpoint */
	const fl_node_id *path;      /* from `from` to `to`, both included */
	size_t path_length;          /* nodes */
	/* Direct: that of the link, NaN when unknown. Else the share of its work that `from` loses when `to` is down,
	 * over all ways, as a ranking has it (unknown links count as 1); with fl_reach.products the product along
	 * the path, NaN when one is unknown. */
	double coupling;
	bool background;             /* a link of the path is a group with needs 0, and nothing is lost */
	const struct fl_dependency *last; /* evidence of the last link; NULL for graph files */
	uint64_t exchanges, failures; /* over all services by which `from` reaches it; direct: of the link */
	uint32_t other_ways;         /* besides the path, less than FL_REACH_WAYS_MAX; 0 with products */
};

struct fl_reach {
	struct fl_arena *arena;
	struct fl_reached *list;     /* sorted by from, scope (external first), to */
	size_t count;
	uint64_t dropped;            /* rows past one of the limits, not listed */
	bool products;               /* too large: couplings are products along the paths */
};
/* Rows, and nodes of all paths together: chains of thousands would make paths quadratic. */
enum { FL_REACH_MAX = 1000000, FL_REACH_PATHS_MAX = 8000000 };
/* Above so many nodes, or links in proportion, shares and ways are not worked out. */
enum { FL_REACH_EXACT_NODES = 5000, FL_REACH_WAYS_MAX = 1000 };

/* Endpoints and resolvers that @from (FL_NODE_NONE: every service) depends on. In graph files, where no
 * node is an endpoint: every node reached (from every node, where none is a service). O(E log E) once,
 * O(V + E + length of the paths) a start, O(E log E) while shares are exact, and then O(V + E) for each far end. */
struct fl_reach *fl_reach(const struct fl_system *s, fl_node_id from);
void fl_reach_free(struct fl_reach *r);

#endif
