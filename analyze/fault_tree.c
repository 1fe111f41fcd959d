/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_tree.c - why one node fails, as a formula: built from the graph, then made small
 *
 * What is done, in this order, each in linear time but for sorting members:
 *
 *   cone      only what the top requires
 *   merge     nodes that require each other without slack fail together: one gate for a strongly connected
 *             component of such requirements. Its own members inside a group of its own are dropped: the
 *             least fixed point of x = f(x) is f(nothing)
 *   prune     what cannot fail, even when all basic events do, is left out
 *   alias     gates of one child are that child
 *   single    events that alone fail the top stand beside it in an OR, and nowhere else: x + f(x, ...) is
 *             x + f(nothing, ...). The rest is pruned again and is often much smaller
 *   flatten   an OR inside an OR that nothing else uses is its parent's, so is an AND in an AND; this turns
 *             long chains into one gate
 *   number    components first to last, children before parents
 *   gather    children of a gate that nothing else uses, modules and events, become a gate of their own, a
 *             module: fewer variables for the gates that share
 *
 * Circles that go through redundancy stay; whoever evaluates the gates iterates there, from nothing failed.
 */
#include "fault_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "components.h"
#include "fault_tree_draft.h"
#include "faultline/sort.h"
#include "faultline/status.h"

bool fl_is_basic(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, v, &count);
	for (uint32_t i = 0; i < count; i++)
		if (fl_graph_group(g, first + i)->needs > 0)
			return false;
	return true;
}

/* ---- lists ---- */

static void push_child(struct draft *d, uint32_t child)
{
	if (d->child_count == d->child_capacity) {
		d->child_capacity = fl_grown(d->child_capacity, d->child_count + 1);
		d->children = fl_grow_array(d->children, d->child_capacity, sizeof(*d->children));
	}
	d->children[d->child_count++] = child;
}

static uint32_t push_gate(struct draft *d, struct fl_gate gate)
{
	if (d->gate_count == d->gate_capacity) {
		d->gate_capacity = fl_grown(d->gate_capacity, d->gate_count + 1);
		d->gates = fl_grow_array(d->gates, d->gate_capacity, sizeof(*d->gates));
	}
	assert(d->gate_count < DRAFT_NONE);
	d->gates[d->gate_count] = gate;
	return (uint32_t)d->gate_count++;
}

/* ---- cone and classes ---- */

static void find(struct draft *d, fl_node_id v)
{
	if (d->place[v] != DRAFT_NONE)
		return;
	d->place[v] = d->cone_count;
	d->cone[d->cone_count++] = v;
}

static void find_cone(struct draft *d, fl_node_id top)
{
	uint32_t order = fl_graph_order(d->g), count;
	d->cone = fl_alloc_array(order, sizeof(*d->cone));
	d->place = fl_alloc_array(order, sizeof(*d->place));
	memset(d->place, 0xff, order * sizeof(*d->place));
	find(d, top);
	for (uint32_t next = 0; next < d->cone_count; next++) {
		fl_group_id first = fl_graph_groups_of(d->g, d->cone[next], &count);
		for (uint32_t i = 0; i < count; i++) {
			const struct fl_group *group = fl_graph_group(d->g, first + i);
			for (uint32_t m = 0; group->needs > 0 && m < group->member_count; m++)
				find(d, group->members[m]);
		}
	}
}

/* Nodes that fail together have one class: components of the requirements without slack. */
static void merge_classes(struct draft *d)
{
	size_t *first = fl_alloc_array((size_t)d->cone_count + 1, sizeof(*first)), capacity = 0, edges = 0;
	uint32_t *to = NULL, count;
	for (uint32_t v = 0; v < d->cone_count; v++) {
		fl_group_id start = fl_graph_groups_of(d->g, d->cone[v], &count);
		for (uint32_t i = 0; i < count; i++) {
			const struct fl_group *group = fl_graph_group(d->g, start + i);
			if (group->needs == 0 || group->needs < group->member_count)
				continue;
			if (edges + group->member_count > capacity) {
				capacity = fl_grown(capacity, edges + group->member_count);
				to = fl_grow_array(to, capacity, sizeof(*to));
			}
			for (uint32_t m = 0; m < group->member_count; m++)
				to[edges++] = d->place[group->members[m]];
		}
		first[v + 1] = edges;
	}
	d->class_of = fl_alloc_array(d->cone_count, sizeof(*d->class_of));
	d->class_count = fl_components(d->cone_count, first, to, d->class_of, NULL);
	free(first);
	free(to);
}

/* ---- gates ---- */

/* Children of a group without those of class @self; returns how many. */
static uint32_t push_members(struct draft *d, const struct fl_group *group, uint32_t self)
{
	uint32_t count = 0;
	for (uint32_t m = 0; m < group->member_count; m++) {
		uint32_t class = d->class_of[d->place[group->members[m]]];
		if (class == self)
			continue;
		push_child(d, class);
		count++;
	}
	return count;
}

/* The gate of a group with slack; DRAFT_NONE when it cannot break. */
static uint32_t make_group(struct draft *d, const struct fl_group *group, uint32_t self)
{
	struct fl_gate gate = { .kind = FL_GATE_ATLEAST,
		.threshold = group->member_count - group->needs + 1,
		.first = d->child_count,
		.node = FL_NODE_NONE };
	gate.count = push_members(d, group, self);
	if (gate.count < gate.threshold) {
		d->child_count = gate.first;
		return DRAFT_NONE;
	}
	draft_settle_kind(&gate, d->children + gate.first);
	d->child_count = gate.first + gate.count;
	return push_gate(d, gate);
}

static void gather_groups(struct draft *d, fl_node_id v, uint32_t self, struct draft_list *any)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(d->g, v, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(d->g, first + i);
		if (group->needs == group->member_count) {
			size_t start = d->child_count;
			push_members(d, group, self);
			while (d->child_count > start)
				draft_append(any, d->children[--d->child_count]);
		} else if (group->needs > 0) {
			uint32_t gate = make_group(d, group, self);
			if (gate != DRAFT_NONE)
				draft_append(any, gate);
		}
	}
}

/* Places sorted by class: members of class c are [first[c], first[c + 1]). */
static uint32_t *bucket_classes(const struct draft *d, uint32_t **first)
{
	uint32_t *at = fl_alloc_array((size_t)d->class_count + 2, sizeof(*at));
	uint32_t *places = fl_alloc_array(d->cone_count, sizeof(*places));
	for (uint32_t v = 0; v < d->cone_count; v++)
		at[d->class_of[v] + 2]++;
	for (uint32_t c = 0; c < d->class_count; c++)
		at[c + 2] += at[c + 1];
	for (uint32_t v = 0; v < d->cone_count; v++)
		places[at[d->class_of[v] + 1]++] = v;
	*first = at;
	return places;
}

static void make_gates(struct draft *d)
{
	uint32_t *first, *places = bucket_classes(d, &first);
	struct draft_list any = { 0 };
	d->gate_count = d->gate_capacity = d->class_count;
	d->gates = fl_alloc_array(d->class_count, sizeof(*d->gates));
	for (uint32_t c = 0; c < d->class_count; c++) {
		fl_node_id v = d->cone[places[first[c]]];
		struct fl_gate gate = { .kind = FL_GATE_OR, .node = FL_NODE_NONE };
		any.count = 0;
		if (first[c + 1] - first[c] == 1 && fl_is_basic(d->g, v)) {
			gate.kind = FL_GATE_BASIC;
			gate.node = v;
		}
		for (uint32_t i = first[c]; i < first[c + 1]; i++)
			gather_groups(d, d->cone[places[i]], c, &any);
		gate.count = (uint32_t)fl_sort_distinct_u32(any.items, any.count);
		gate.first = d->child_count;
		for (uint32_t i = 0; i < gate.count; i++)
			push_child(d, any.items[i]);
		d->gates[c] = gate;
	}
	free(any.items);
	free(first);
	free(places);
}

static void draft_fini(struct draft *d)
{
	free(d->cone);
	free(d->place);
	free(d->class_of);
	free(d->gates);
	free(d->children);
	free(d->can_fail);
	free(d->single);
}

static void list_events(struct fl_fault_tree *t, const struct draft *d)
{
	t->events = fl_alloc_array(d->class_count, sizeof(*t->events));
	for (uint32_t c = 0; c < d->class_count; c++)
		if (d->gates[c].kind == FL_GATE_BASIC)
			t->events[t->event_count++] = d->gates[c].node;
	fl_sort_u32(t->events, t->event_count);
}

/* A new top: any of the singles, or what is left of the old top without them. */
static uint32_t set_apart(struct draft *d, uint32_t top)
{
	uint32_t rest = draft_simplify(d, top);
	struct fl_gate gate = { .kind = FL_GATE_OR, .first = d->child_count, .node = FL_NODE_NONE };
	for (uint32_t x = 0; x < d->gate_count; x++)
		if (d->single[x])
			push_child(d, x);
	if (rest != DRAFT_NONE)
		push_child(d, rest);
	gate.count = (uint32_t)(d->child_count - gate.first);
	if (gate.count == 1)
		return d->children[gate.first];
	return push_gate(d, gate);
}

struct fl_fault_tree *fl_fault_tree_new(const struct fl_graph *g, fl_node_id top)
{
	struct fl_fault_tree *t = fl_alloc(sizeof(*t));
	struct draft d = { .g = g };
	find_cone(&d, top);
	merge_classes(&d);
	make_gates(&d);
	list_events(t, &d);
	d.can_fail = fl_alloc_array(d.gate_count, sizeof(*d.can_fail));
	d.single = fl_alloc_array(d.gate_count, sizeof(*d.single));
	uint32_t root = draft_simplify(&d, d.class_of[d.place[top]]);
	if (root != DRAFT_NONE && draft_find_singles(&d, root) > 0)
		root = set_apart(&d, root);
	if (root != DRAFT_NONE)
		draft_emit(&d, root, t);
	draft_fini(&d);
	return fl_fault_tree_gather(t);
}

void fl_fault_tree_free(struct fl_fault_tree *t)
{
	if (t == NULL)
		return;
	free(t->gates);
	free(t->children);
	free(t->first_gate);
	free(t->events);
	free(t);
}
