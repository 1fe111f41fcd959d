/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_tree.h - why one node fails, as a formula
 *
 * A fault tree (NUREG-0492, 1981) says with gates over basic events when its top fails. Here basic events are
 * the nodes without requirements; a group of m members that needs n is a gate that fails when m - n + 1
 * members do. A tree in name only: gates are shared, and requirements in circles make circles of gates, whose
 * meaning is the least fixed point (nothing fails by itself).
 */
#ifndef FAULTLINE_ANALYZE_FAULT_TREE_H
#define FAULTLINE_ANALYZE_FAULT_TREE_H

#include "faultline/graph.h"

typedef uint32_t fl_gate_id;
#define FL_GATE_NONE UINT32_MAX

enum fl_gate_kind {
	FL_GATE_BASIC,   /* a node without requirements */
	FL_GATE_OR,      /* fails with any child */
	FL_GATE_AND,     /* fails with all children */
	FL_GATE_ATLEAST, /* fails with @threshold children, 2 .. count - 1; a child may stand there twice */
};

struct fl_gate {
	enum fl_gate_kind kind;
	uint32_t threshold;
	size_t first;     /* of its children, in fl_fault_tree.children */
	uint32_t count;
	uint32_t component;
	fl_node_id node;  /* basic events; else FL_NODE_NONE */
};

/*
 * Gates are numbered by component, and components so that children stand before their parents: only inside a
 * component of several gates (a circle) does a gate have a child with a higher number.
 * Every gate can fail: what nothing can bring down is left out.
 */
struct fl_fault_tree {
	struct fl_gate *gates;
	uint32_t gate_count; /* 0: the top never fails */
	fl_gate_id *children;
	size_t child_count;
	uint32_t *first_gate; /* of each component, component_count + 1 */
	uint32_t component_count;
	uint32_t basic_count;
	fl_gate_id top;
	bool circular;
	fl_node_id *events; /* all nodes without requirements that the top requires, also those that cannot matter */
	uint32_t event_count;
};

/* O(V + E log E) of what @top requires. */
struct fl_fault_tree *fl_fault_tree_new(const struct fl_graph *g, fl_node_id top);
void fl_fault_tree_free(struct fl_fault_tree *t); /* NULL is fine */

/* A node that no group of others can bring down: it has no group with needs >= 1. */
bool fl_is_basic(const struct fl_graph *g, fl_node_id v);

/*
 * Modules (Dutuit and Rauzy, IEEE Trans. Reliability 45(3), 1996): gates whose descendants are used
 * nowhere else, so that they count as one event for what stands above. *modules: one flag a
 * gate; the top always is one. Linear in the size of the tree. free() it.
 */
bool *fl_fault_tree_modules(const struct fl_fault_tree *t);

/* siblings.c: @t, or in its place (then it is freed) a tree of the same meaning with more modules. */
struct fl_fault_tree *fl_fault_tree_gather(struct fl_fault_tree *t);

#endif
