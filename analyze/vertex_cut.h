/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vertex_cut.h - the smallest cut sets where only paths matter
 *
 * In a network (a fat tree of switches, say) a node is up while some path of devices leads from it to a root that
 * is up. Then the minimal cut sets are the minimal vertex cuts, and the k smallest are found by maximum
 * flows, with no diagram: thousands of devices, cut sets of a thousand members.
 */
#ifndef FAULTLINE_ANALYZE_VERTEX_CUT_H
#define FAULTLINE_ANALYZE_VERTEX_CUT_H

#include "fault_tree.h"

/* A network: arcs between vertices; an event is a vertex that can be cut, others cannot. Source and sink too. */
struct fl_network {
	uint32_t vertex_count, source, sink;
	fl_node_id *event;    /* by vertex; FL_NODE_NONE: cannot be cut */
	size_t *first;        /* vertex_count + 1, into to */
	uint32_t *to;         /* sorted, distinct */
};

/* The network of @t, or NULL when it has not the form of one. */
struct fl_network *fl_network_new(const struct fl_fault_tree *t);
void fl_network_free(struct fl_network *n); /* NULL is fine */

/* Called with each minimal cut, smallest first; false ends the search. */
typedef bool fl_vertex_cut_found(void *context, const fl_node_id *members, uint32_t count);

/**
 * fl_vertex_cuts() - All minimal vertex cuts, smallest first
 * @most_work: arcs looked at
 * Return: true when the search was ended by @found or had no more; false: @most_work or @memory was met
 */
bool fl_vertex_cuts(const struct fl_network *n, uint64_t most_work, uint64_t memory,
	fl_vertex_cut_found *found, void *context);

#endif
