/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * condensed.h - the failure graph with what always fails together folded into one, in an order to work in
 *
 * Things are what is left after folding every cycle of requirements without slack: all its nodes fail as
 * soon as one does. They stand in an order in which a thing comes after what it requires, except inside a
 * ring: things that require each other over groups with slack, [ring_first, ring_last] for each of them.
 *
 * Of each thing: `hard`, the things whose failure alone fails it; `soft`, groups that break when `breaks_at`
 * of the listed members are down (one that stands for several is listed several times); the same
 * seen from below: `fails`, whom it fails alone, and `weakens`, the soft groups it is listed in.
 */
#ifndef FAULTLINE_ANALYZE_CONDENSED_H
#define FAULTLINE_ANALYZE_CONDENSED_H

#include "faultline/graph.h"

/* A node is counted in one of four classes: service or not, entry point or not. */
enum { FL_CLASS_SERVICE = 1, FL_CLASS_ENTRY = 2, FL_CLASSES = 4 };

struct fl_soft_group {
	size_t first; /* member */
	uint32_t of, count, breaks_at;
};

struct fl_weakening {
	uint32_t group, of;
};

struct fl_condensed {
	uint32_t order, nodes;              /* things; nodes of the graph */
	uint32_t *thing_of;                 /* of each node of the graph */
	uint32_t (*weight)[FL_CLASSES];     /* of each thing: nodes in each class */
	size_t *first_hard, *first_fails;   /* order + 1 */
	uint32_t *hard, *fails;
	size_t *first_soft, *first_weakens; /* order + 1 */
	struct fl_soft_group *soft;
	uint32_t *soft_members;
	struct fl_weakening *weakens;
	uint32_t *ring_first, *ring_last;   /* itself where it is in no ring */
};

struct fl_condensed *fl_condense(const struct fl_graph *g);
void fl_condensed_free(struct fl_condensed *c); /* NULL is fine */

#endif
