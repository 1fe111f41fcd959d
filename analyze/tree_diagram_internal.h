/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree_diagram_internal.h - what evaluating a module and finding an order for it share
 */
#ifndef FAULTLINE_ANALYZE_TREE_DIAGRAM_INTERNAL_H
#define FAULTLINE_ANALYZE_TREE_DIAGRAM_INTERNAL_H

#include "tree_diagram.h"

/* BDDs, or minimal cut sets up to an order. */
struct fl_diagram_builder {
	struct fl_scopes *s;
	struct fl_scope *scope;
	struct fl_dd_store *store;
	bool sets;
	uint32_t order;
	fl_dd *value; /* by gate */
	fl_dd *list;  /* room for the children of one gate */
	size_t list_capacity;
	uint64_t joined; /* operations that came to an end */
};

/* ---- tree_diagram.c ---- */

/* The scope's diagram in the order of variables that is set, with at most @nodes above @mark and @steps;
 * FL_DD_FULL. */
fl_dd fl_diagram_within(struct fl_diagram_builder *b, uint32_t mark, uint32_t nodes, uint64_t steps);

/* ---- order_search.c ---- */

/* The BDD of b->scope in the first order and under the smallest limit in which it fits, into the scope. False when
 * it fits in none; the best order is set then. */
bool fl_diagram_search(
	struct fl_diagram_builder *b, const struct fl_effort *effort, struct fl_evaluation *result);

static inline uint32_t fl_sum32(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

#endif
