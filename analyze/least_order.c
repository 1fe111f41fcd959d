/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * least_order.c - an order below which a module has no cut set, without looking for any
 *
 * One pass over the gates, from those of the children: an OR needs the least of them, what needs several at
 * once needs at least the largest of the least ones, since children may share their events; different
 * variables share none and add up. Where thousands must fail together, nobody then has to look for sets of
 * one, of two, of three.
 */
#include <stdlib.h>

#include "faultline/status.h"
#include "tree_diagram.h"

static int compare_orders(const void *va, const void *vb)
{
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;
	return (a > b) - (a < b);
}

/* From those of the children, in @list: of @wanted that fail together one is the largest; variables add up.
 */
static uint32_t least_of_gate(uint32_t *list, uint32_t count, uint32_t wanted, bool variables)
{
	uint32_t sum = 0;
	if (count > 1)
		qsort(list, count, sizeof(*list), compare_orders);
	for (uint32_t i = 0; variables && i < wanted; i++)
		sum = sum > UINT32_MAX - list[i] ? UINT32_MAX : sum + list[i];
	return variables ? sum : list[wanted - 1];
}

static uint32_t wanted_children(const struct fl_gate *gate)
{
	if (gate->kind == FL_GATE_OR)
		return 1;
	return gate->kind == FL_GATE_AND ? gate->count : gate->threshold;
}

uint32_t fl_scope_least_order(const struct fl_scopes *s, const struct fl_scope *scope)
{
	const fl_gate_id *gates = s->gates + scope->first_gate;
	uint32_t *least = fl_alloc_array(s->tree->gate_count, sizeof(*least)), *list = NULL, found;
	size_t capacity = 0;
	for (uint32_t i = 0; i < scope->variable_count; i++)
		least[s->variables[scope->first_variable + i]] = s->weight[scope->first_variable + i];
	for (uint32_t i = 0; i < scope->gate_count; i++) {
		const struct fl_gate *gate = &s->tree->gates[gates[i]];
		const fl_gate_id *children = s->tree->children + gate->first;
		bool variables = true;
		if (gate->count > capacity) {
			capacity = fl_grown(capacity, gate->count);
			list = fl_grow_array(list, capacity, sizeof(*list));
		}
		for (uint32_t c = 0; c < gate->count; c++) {
			list[c] = least[children[c]];
			variables = variables && s->level_of[children[c]] != UINT32_MAX &&
				    (c == 0 || children[c] != children[c - 1]);
		}
		least[gates[i]] = least_of_gate(list, gate->count, wanted_children(gate), variables);
	}
	found = least[scope->root];
	free(least);
	free(list);
	return found;
}
