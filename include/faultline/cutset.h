/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cutset.h - what must fail together for a node to fail: minimal cut sets
 *
 * A minimal cut set ("risk group") of v is a minimal set of nodes without requirements whose joint failure
 * fails v. A node is without requirements when it has no group with needs >= 1; it fails by itself only, with its
 * failure_probability, independently of the others. Nodes with requirements fail through them alone.
 *
 * What the structure allows is chosen by the program and named in @method:
 *   "bdd+zbdd"    exact: a BDD a module, minimal cut sets as its ZBDD, counted there and not one by one
 *   "zbdd"        no BDD fits: cut sets of all orders up to one, bottom up
 *   "vertex-cut"  only paths matter and no BDD fits: the smallest vertex cuts, by maximum flows; @by_order and
 *                 @total count those that were found
 *   "none"        nothing can bring the node down
 * Every limit that was met is a sentence in @limits.
 */
#ifndef FAULTLINE_CUTSET_H
#define FAULTLINE_CUTSET_H

#include "faultline/graph.h"

__extension__ typedef unsigned __int128 fl_count;

struct fl_cutset_options {
	uint32_t order;      /* only sets of at most this many nodes; 0: any */
	uint64_t smallest;   /* list this many of the smallest; 0: all that fit */
	uint64_t memory;     /* bytes for diagrams, counts and lists; 0: 2 GiB */
	double probability;  /* of nodes that state none; NaN: unknown */
};

struct fl_cut_set {
	const fl_node_id *members; /* ascending */
	uint32_t order;
	double probability;        /* product of its members'; NaN when one is unknown */
};

enum fl_probability_kind {
	FL_PROBABILITY_UNKNOWN,     /* a node states none */
	FL_PROBABILITY_EXACT,
	FL_PROBABILITY_UPPER_BOUND, /* min-cut upper bound, 1 - prod(1 - P(cut set)), all cut sets */
	FL_PROBABILITY_PARTIAL,     /* the same over the cut sets that are known: larger ones are missing */
};

/*
 * Importance of a node x for the top, as in NUREG/CR-4639 style texts.
 *   birnbaum         P(top | x failed) - P(top | x up)
 *   fussell_vesely   1 - P(top | x up) / P(top). Others print P(x failed | top), which is p(x) raw(x), under that
 *                    name (diagnostic importance)
 *   raw              P(top | x failed) / P(top): risk achievement worth
 * From the rare-event sum over the known cut sets where the probability is not exact.
 */
struct fl_importance {
	fl_node_id node;
	double birnbaum, fussell_vesely, raw; /* NaN: P(top) is 0 */
};

struct fl_cutsets {
	const char *method;
	struct fl_cut_set *sets; /* by order, then members */
	size_t set_count;
	fl_count *by_order;      /* [n]: cut sets of n nodes, n <= largest_order; [0] is 0 */
	uint32_t largest_order;
	fl_count total;
	double probability;      /* see @probability_kind */
	enum fl_probability_kind probability_kind;
	double rare_event;       /* sum of P(cut set) over the known sets: of all, an upper bound; NaN */
	struct fl_importance *importance; /* by Fussell-Vesely, largest first, then by node */
	size_t importance_count;
	uint32_t basic_events;   /* nodes without requirements that the top requires */
	uint32_t unknown_probabilities;
	uint32_t own_probabilities; /* nodes with requirements that state a probability: not used */
	const char **limits;
	size_t limit_count;
	struct fl_arena *arena;  /* owns all of it */
};

struct fl_cutsets *fl_cutsets(const struct fl_graph *g, fl_node_id top, const struct fl_cutset_options *o);
void fl_cutsets_free(struct fl_cutsets *c); /* NULL is fine */

#endif
