/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * order_search.c - an order of variables in which the BDD of a module fits
 *
 * Several orders are tried under a small limit; those that came farthest are tried again under a larger one
 * (successive halving), so that a bad order costs little more than a good one would have taken. How far: AND and
 * OR operations done, the same number in every order.
 */
#include <stdlib.h>

#include "faultline/status.h"
#include "tree_diagram_internal.h"

enum { FIRST_LIMIT = 1 << 13, LIMIT_GROWTH = 8, STEPS_PER_NODE = 40, FORCE_MAX = 20000 };

static void arrange(struct fl_scopes *s, const struct fl_scope *scope, const fl_gate_id *order)
{
	for (uint32_t i = 0; i < scope->variable_count; i++) {
		fl_gate_id x = order[i];
		uint32_t level = scope->first_variable + i;
		uint32_t inner = s->scope_of[x];
		s->variables[level] = x;
		s->level_of[x] = level;
		s->weight[level] = inner == UINT32_MAX ? 1 : s->list[inner].shortest;
	}
}

/* A variable order that is tried, and how far it came under the last limit. */
struct contender {
	enum fl_order_heuristic heuristic;
	uint32_t preference;
	fl_gate_id *order;
	uint64_t joined;
};

static int farthest_first(const void *va, const void *vb)
{
	const struct contender *a = va, *b = vb;
	if (a->joined != b->joined)
		return a->joined > b->joined ? -1 : 1;
	return (a->preference > b->preference) - (a->preference < b->preference);
}

static void take_order(struct fl_diagram_builder *b, struct contender *c)
{
	if (c->order == NULL) {
		c->order = fl_alloc_array(b->scope->variable_count, sizeof(*c->order));
		fl_variable_order(b->s, b->scope, c->heuristic, c->order);
	}
	arrange(b->s, b->scope, c->order);
}

static fl_dd try_order(struct fl_diagram_builder *b, struct contender *c, uint32_t mark, uint32_t limit)
{
	take_order(b, c);
	b->joined = 0;
	fl_dd f = fl_diagram_within(b, mark, limit, (uint64_t)limit * STEPS_PER_NODE);
	c->joined = b->joined;
	if (f == FL_DD_FULL)
		fl_dd_cut(b->store, mark);
	return f;
}

/* Rounds of growing limits. Half of the orders, those that came farthest, go on to the next round; the last
 * round is for all, and leaves the best one first. */
static fl_dd find_order(struct fl_diagram_builder *b, struct contender *list, uint32_t count, uint32_t most,
	struct fl_evaluation *result)
{
	uint32_t mark = b->store->count, size = b->scope->gate_count + b->scope->variable_count;
	uint32_t limit = fl_sum32(FIRST_LIMIT, 4 * size), left = count;
	for (;;) {
		limit = limit < most ? limit : most;
		left = limit == most ? count : left;
		for (uint32_t i = 0; i < left; i++) {
			result->orders_tried++;
			fl_dd f = try_order(b, &list[i], mark, limit);
			if (f != FL_DD_FULL)
				return f;
		}
		qsort(list, left, sizeof(*list), farthest_first);
		if (limit == most)
			return FL_DD_FULL;
		left = (left + 1) / 2;
		limit = limit > UINT32_MAX / LIMIT_GROWTH ? UINT32_MAX : limit * LIMIT_GROWTH;
	}
}

bool fl_diagram_search(struct fl_diagram_builder *b, const struct fl_effort *effort, struct fl_evaluation *result)
{
	static const enum fl_order_heuristic preference[FL_ORDER_COUNT] = { FL_ORDER_FORCE,
		FL_ORDER_FORCE_SMALL, FL_ORDER_SMALL_FIRST, FL_ORDER_DEPTH_FIRST, FL_ORDER_LARGE_FIRST };
	struct contender list[FL_ORDER_COUNT];
	struct fl_scope *scope = b->scope;
	uint32_t size =
		scope->gate_count + scope->variable_count; /* what any diagram may be a few times of */
	uint32_t first = size > FORCE_MAX ? 2 : 0, count = size > FORCE_MAX ? 2 : FL_ORDER_COUNT;
	if (scope->gate_count == 1) { /* all orders are alike */
		first = 3;
		count = 1;
	}
	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct contender){ .heuristic = preference[first + i], .preference = i };
	b->sets = false;
	if (effort->bdd_nodes > 0)
		scope->bdd = find_order(b, list, count, fl_sum32(effort->bdd_nodes, 4 * size), result);
	if (scope->bdd == FL_DD_FULL)
		take_order(b, &list[0]);
	for (uint32_t i = 0; i < count; i++)
		free(list[i].order);
	return scope->bdd != FL_DD_FULL;
}
