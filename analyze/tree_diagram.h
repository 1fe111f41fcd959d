/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree_diagram.h - the diagrams of a fault tree: one BDD and one ZBDD a module
 *
 * Each module is evaluated by itself, over its own variables: basic events, and modules inside it, each of which
 * is one variable. All diagrams live in one store; the variables of a module are a
 * run of levels.
 */
#ifndef FAULTLINE_ANALYZE_TREE_DIAGRAM_H
#define FAULTLINE_ANALYZE_TREE_DIAGRAM_H

#include "diagram.h"
#include "fault_tree.h"

/* A module and what is evaluated with it. */
struct fl_scope {
	fl_gate_id root;
	uint32_t first_gate, gate_count;         /* into fl_scopes.gates, ascending, root last but in circles */
	uint32_t first_variable, variable_count; /* into fl_scopes.variables; also its levels */
	fl_dd first_node; /* in the store; of it and of no other scope from there to its roots */
	fl_dd bdd;  /* FL_DD_FULL: did not fit */
	fl_dd zbdd; /* minimal cut sets */
	uint32_t complete; /* the order up to which zbdd has all sets; FL_DD_NO_ORDER */
	uint32_t shortest; /* order of its smallest cut set, in basic events */
};

struct fl_scopes {
	const struct fl_fault_tree *tree;
	struct fl_scope *list;  /* inner modules first, the top last */
	uint32_t count;
	fl_gate_id *gates;
	fl_gate_id *variables;  /* by level: a basic event or the root of a module */
	uint32_t variable_count;
	uint32_t *level_of;     /* by gate; of variables */
	uint32_t *scope_of;     /* by gate; of roots: their scope. UINT32_MAX */
	uint32_t *weight;       /* by level: order of the smallest cut set of the variable */
};

struct fl_scopes *fl_scopes_new(const struct fl_fault_tree *t);
void fl_scopes_free(struct fl_scopes *s);

/* How hard to try. Counts, not times: the same input gives the same answer everywhere. */
struct fl_effort {
	uint32_t bdd_nodes;  /* a module's BDD may grow to this many nodes, in each of the orders tried; 0: none is tried */
	uint32_t zbdd_nodes; /* where it does not fit, the ZBDD built instead */
	uint64_t zbdd_steps;
	bool exact_only;     /* stop at the first module whose BDD does not fit */
	uint32_t order;      /* wanted; FL_DD_NO_ORDER: all */
};

struct fl_evaluation {
	bool exact;           /* every BDD fitted */
	uint32_t complete;    /* cut sets are complete up to this order */
	uint32_t truncated;   /* modules whose BDD did not fit */
	uint32_t orders_tried;
};

/* Diagrams of all modules, inner ones first. */
void fl_scopes_evaluate(struct fl_scopes *s, struct fl_dd_store *store, const struct fl_effort *effort,
	struct fl_evaluation *result);

/* ---- least_order.c ---- */

/* No cut set of @scope has fewer basic events. Its variables have weights. Gates in circles count as 0. */
uint32_t fl_scope_least_order(const struct fl_scopes *s, const struct fl_scope *scope);

/* ---- variable_order.c ---- */

enum fl_order_heuristic {
	FL_ORDER_DEPTH_FIRST, /* as the children stand */
	FL_ORDER_SMALL_FIRST, /* depth-first, the child with the fewest events first */
	FL_ORDER_LARGE_FIRST,
	FL_ORDER_FORCE,       /* Aloul, Markov and Sakallah, GLSVLSI 2003, from depth-first */
	FL_ORDER_FORCE_SMALL, /* ... from the smallest first */
	FL_ORDER_COUNT,
};

/* The variables of @scope in the order of @heuristic, into @out. */
void fl_variable_order(const struct fl_scopes *s, const struct fl_scope *scope,
	enum fl_order_heuristic heuristic, fl_gate_id *out);

#endif
