/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cutset_internal.h - what the files of cutset.h share: numbers on diagrams
 */
#ifndef FAULTLINE_ANALYZE_CUTSET_INTERNAL_H
#define FAULTLINE_ANALYZE_CUTSET_INTERNAL_H

#include "faultline/arena.h"
#include "faultline/cutset.h"
#include "tree_diagram.h"

/* ---- cutset_count.c: how many sets of which order ---- */

/* Of one diagram: count[i] sets of order least + i. */
struct fl_order_counts {
	const fl_count *count;
	uint32_t least, terms;
};

struct fl_counts {
	struct fl_order_counts *of; /* by node of the store; terms 0: not reached or none */
	struct fl_counts_block *blocks;
	size_t terms, term_limit;
	uint32_t order; /* larger sets are not counted */
	bool saturated; /* a count is above 2^128 - 1 */
};

/* Counts of every scope's ZBDD up to @order, or to less when @term_limit is met. */
void fl_counts_init(struct fl_counts *c, const struct fl_scopes *s, const struct fl_dd_store *store,
	uint32_t order, size_t term_limit);
void fl_counts_fini(struct fl_counts *c);
bool fl_counts_has(const struct fl_counts *c, fl_dd f, uint32_t order);

/* ---- cutset_list.c: the sets themselves ---- */

/* Append sets of exactly @order to out->sets, the first @most in an order of the diagram's; the list of a
 * whole order is sorted by members. Returns how many there are now. */
void fl_cutset_list(struct fl_cutsets *out, const struct fl_counts *c, const struct fl_scopes *s,
	const struct fl_dd_store *store, uint32_t order, uint64_t most);
/* By members: sets @first .. @end - 1, which have one order. */
void fl_cutset_sort(struct fl_cutsets *out, size_t first, size_t end);
void fl_cutset_add(struct fl_cutsets *out, const fl_node_id *members, uint32_t order);

/* ---- importance.c: probabilities ---- */

/* @p: by gate, of basic events. Fills probability, rare_event and importance. */
void fl_cutset_measure(struct fl_cutsets *out, const struct fl_scopes *s, const struct fl_dd_store *store,
	const double *p, bool exact);
void fl_cutset_sort_importance(struct fl_cutsets *out);

#endif
