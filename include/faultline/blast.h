/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blast.h - what fails when these fail: least fixed point of the failure graph
 *
 * See graph.h for the rule. Worklist with a counter of failed members per group; O(V + E)
 * for one question, exact with cycles and k of n.
 */
#ifndef FAULTLINE_BLAST_H
#define FAULTLINE_BLAST_H

#include "faultline/arena.h"
#include "faultline/graph.h"

struct fl_blast_step {
	fl_node_id node;
	fl_group_id group;    /* that broke; FL_GROUP_NONE for the initial failure */
	fl_node_id because;   /* the member whose failure broke it */
	uint32_t depth;       /* steps from the initial failure */
};

struct fl_blast {
	struct fl_blast_step *steps; /* initial nodes first, then by depth, then id */
	size_t count;
	uint32_t nodes_lost;         /* initial nodes left out, as below */
	uint32_t services_lost;
	uint32_t entry_points_lost;  /* an entry point that itself is the cause counts */
	double entry_weight_lost;    /* share of entry-point exchanges, 0..1, in the fixed-point sense */
	double *loss;                /* expected loss of every node, 0..1; see fl_expected_loss() */
	double expected_loss;        /* over entry points, weighted; without any: mean over all other nodes */
};

/* @a owns the result. */
struct fl_blast *fl_blast(const struct fl_graph *g, const fl_node_id *failed, size_t count,
			  struct fl_arena *a);

/**
 * fl_expected_loss() - Share of its work each node loses when @failed are down
 * loss(x) = 1 for failed nodes. A node loses 1 - prod over groups (1 - coupling * loss(group)). A group
 * with spare members (needs < members) loses the needs-th smallest loss of its members: for needs = 1 the
 * smallest, since members that lose a share to one cause lose the same requests. A group that needs every
 * member loses the mean; one with needs 0 nothing. Cycles: iterated from 0 until no value moves by 1e-9
 * (monotone, bounded; at most 1000 rounds).
 * @loss: out, fl_graph_order(g) entries
 */
void fl_expected_loss(const struct fl_graph *g, const fl_node_id *failed, size_t count, double *loss);

#endif
