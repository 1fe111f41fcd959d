/* SPDX-License-Identifier: BSD-2-Clause */
/* fault_tree_draft.h - a fault tree under construction, between the steps that fault_tree.c names */
#ifndef FAULTLINE_FAULT_TREE_DRAFT_H
#define FAULTLINE_FAULT_TREE_DRAFT_H

#include "fault_tree.h"

#define DRAFT_NONE UINT32_MAX /* no place, no gate */

/* Gates under construction; the first class_count are classes of nodes, then come groups with slack. */
struct draft {
	const struct fl_graph *g;
	fl_node_id *cone; /* nodes, in the order in which they were found */
	uint32_t cone_count;
	uint32_t *place;    /* of a node in cone; DRAFT_NONE */
	uint32_t *class_of; /* of a place */
	uint32_t class_count;
	struct fl_gate *gates;
	size_t gate_count, gate_capacity;
	uint32_t *children;
	size_t child_count, child_capacity;
	bool *can_fail;
	bool *single; /* events taken out, since they alone fail the top */
};

/* OR and AND are sets; a count that leaves no choice makes them of ATLEAST. @list: the gate's children, put in order. */
void draft_settle_kind(struct fl_gate *gate, uint32_t *list);

struct draft_list {
	uint32_t *items;
	size_t count, capacity;
};

void draft_append(struct draft_list *l, uint32_t item);

/* prune and alias: what can fail, without detours. The gate that now is @top, DRAFT_NONE when it cannot fail. */
uint32_t draft_simplify(struct draft *d, uint32_t top);
/* single: marks events that alone fail @top; how many. Stops early in large trees, which costs nothing but the advantage. */
uint32_t draft_find_singles(struct draft *d, uint32_t top);
/* flatten and number: the gates that @top reaches become @t's. */
void draft_emit(const struct draft *d, uint32_t top, struct fl_fault_tree *t);

#endif
