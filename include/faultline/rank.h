/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rank.h - single points of failure, worst first
 *
 * A single point of failure is a node whose lone failure fails an entry point (or, where a graph
 * has none, any other node). Ranked by entry points lost, expected loss, services lost, nodes lost,
 * then id. Nodes that fail together as one thing (an endpoint, its only address,
 * the provider of that address; a host and its only service) share the rank of the one a
 * person would act on: the others name it in @same_as.
 *
 * Each costs a fixed point of its own, O(V + E) of what it reaches. Where all of them would be more than
 * FL_RANK_WORK, the counts of fl_blast_all() say which are the worst, and only these are listed.
 */
#ifndef FAULTLINE_RANK_H
#define FAULTLINE_RANK_H

#include "faultline/blast.h"
#include "faultline/system.h"

struct fl_spof {
	uint32_t rank;               /* from 1; equal for those with the same same_as */
	fl_node_id node;
	fl_node_id same_as;          /* representative; itself for representatives */
	fl_node_id *entry_points_lost;
	uint32_t entry_point_count;
	uint32_t services_lost, nodes_lost;
	double expected_loss;        /* of entry-point exchanges, 0..1 */
	const char *redundancy;      /* "none", "assumed", "confirmed": of the groups it is in */
	const char *why;             /* one sentence: the path to the worst entry point */
};

#define FL_RANK_WORK UINT64_C(500000000)         /* requirements looked at: seconds */
#define FL_RANK_ENTRY_POINTS (UINT64_C(64) << 20) /* in all lists of entry points lost: 256 MiB */

struct fl_ranking {
	struct fl_arena *arena;
	struct fl_spof *list;        /* representatives first within a rank */
	size_t count;
	uint64_t dropped;            /* past FL_RANK_WORK or FL_RANK_ENTRY_POINTS, not in the list: those that take
	                              * fewest entry points, then services, then nodes */
};

struct fl_ranking *fl_rank(const struct fl_system *s);
/* The same with another limit than FL_RANK_WORK. */
struct fl_ranking *fl_rank_within(const struct fl_system *s, uint64_t work);
void fl_ranking_free(struct fl_ranking *r);

/* Blast radius of every node by itself: nodes_lost, services_lost, entry_points_lost; out has
 * fl_graph_order() rows. O(V (V + E)). */
struct fl_blast_row { uint32_t nodes_lost, services_lost, entry_points_lost; };
void fl_blast_all(const struct fl_graph *g, struct fl_blast_row *rows);

#endif
