/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diagram.h - decision diagrams: BDDs and ZBDDs in one store
 *
 * A node decides one variable; variables are levels, the smallest on top. Read as a BDD (Bryant, IEEE ToC 35(8),
 * 1986) a node is the function "if failed then high else low"; read as a ZBDD (Minato, DAC 1993) it is the family
 * of the sets of low and, with the variable added, those of high. Both are reduced and
 * shared, so equal things have equal ids.
 *
 * Our functions are monotone (a failure repairs nothing), so AND and OR are all that is needed, and
 * the sets are minimal cut sets: families in which no set holds another.
 *
 * Nodes are never freed, but the store can be cut back to an earlier size. Limits on nodes and on
 * steps end an operation with FL_DD_FULL, from then on every operation gives FL_DD_FULL until
 * fl_dd_cut(). Nothing recurses.
 */
#ifndef FAULTLINE_ANALYZE_DIAGRAM_H
#define FAULTLINE_ANALYZE_DIAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t fl_dd;
#define FL_DD_0 0u              /* never fails; no set */
#define FL_DD_1 1u              /* fails; the empty set alone */
#define FL_DD_FULL UINT32_MAX
#define FL_DD_LEVEL_END UINT32_MAX /* of the two ends */
#define FL_DD_NO_ORDER UINT32_MAX  /* no limit on the order of sets */
#define FL_DD_ORDER_MAX ((1u << 28) - 2) /* larger limits are none */

struct fl_dd_node {
	uint32_t level;
	fl_dd low, high; /* smaller ids than their parent */
	uint32_t next;   /* in its bucket */
};

struct fl_dd_frame;
struct fl_dd_entry;

struct fl_dd_store {
	struct fl_dd_node *nodes;
	uint32_t count, capacity, limit;
	uint32_t *buckets;
	uint32_t bucket_mask;
	struct fl_dd_entry *cache;
	uint32_t cache_mask;
	uint64_t steps, step_limit;
	bool full;
	struct fl_dd_frame *frames;
	size_t frame_count, frame_capacity;
	const uint32_t *weight; /* of a level: the order it adds to a set; NULL: 1 */
};

void fl_dd_init(struct fl_dd_store *s, uint32_t node_limit);
void fl_dd_fini(struct fl_dd_store *s);
/* Forget all nodes from @count on, and that the store was full. Steps go on counting. */
void fl_dd_cut(struct fl_dd_store *s, uint32_t count);
/* Bytes that a node costs, with its share of tables. */
enum { FL_DD_NODE_BYTES = 48 };

/* The node itself, by the rule of a BDD (equal ends: that end) or a ZBDD (high empty: low). */
fl_dd fl_bdd_node(struct fl_dd_store *s, uint32_t level, fl_dd low, fl_dd high);
fl_dd fl_zbdd_node(struct fl_dd_store *s, uint32_t level, fl_dd low, fl_dd high);

fl_dd fl_bdd_and(struct fl_dd_store *s, fl_dd f, fl_dd g);
fl_dd fl_bdd_or(struct fl_dd_store *s, fl_dd f, fl_dd g);

/* Minimal sets of either; of unions of one of each, of order at most @order. */
fl_dd fl_zbdd_union(struct fl_dd_store *s, fl_dd f, fl_dd g);
fl_dd fl_zbdd_product(struct fl_dd_store *s, fl_dd f, fl_dd g, uint32_t order);
/* Minimal cut sets of a monotone BDD, up to @order (Rauzy, Rel. Eng. and System Safety 40, 1993). */
fl_dd fl_zbdd_minimal(struct fl_dd_store *s, fl_dd bdd, uint32_t order);

/* ---- for bdd.c and zbdd.c ---- */

enum fl_dd_operation {
	FL_DD_AND = 1,
	FL_DD_OR,
	FL_DD_MINIMAL, /* of BDD a, order */
	FL_DD_OUTSIDE, /* sets of a that do not fail BDD b */
	FL_DD_UNION,
	FL_DD_PRODUCT, /* of a and b, order */
	FL_DD_WITHOUT, /* sets of a that hold no set of b */
	FL_DD_SHORT,   /* sets of a up to order */
	FL_DD_OPERATION_END,
};

struct fl_dd_frame {
	enum fl_dd_operation operation;
	uint32_t state;
	fl_dd a, b;
	uint32_t order, level;
	fl_dd low, high; /* results so far */
};

bool fl_dd_look_up(const struct fl_dd_store *s, const struct fl_dd_frame *key, fl_dd *result);
void fl_dd_remember(struct fl_dd_store *s, const struct fl_dd_frame *key, fl_dd result);
fl_dd fl_dd_node(struct fl_dd_store *s, uint32_t level, fl_dd low, fl_dd high);
struct fl_dd_frame *fl_dd_push(struct fl_dd_store *s);

#endif
