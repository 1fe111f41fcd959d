/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siblings.c - children of a gate that nothing else uses become one module
 *
 * a + b + c + d where only c and d are used elsewhere too is (a + b) + c + d, and a + b is a module that no
 * gate had. For those who order variables it is one variable instead of two. Only in ORs and ANDs
 * outside circles, and only where some child is left over.
 */
#include <stdlib.h>

#include "fault_tree.h"
#include "faultline/status.h"

struct regrouping {
	const struct fl_fault_tree *old;
	struct fl_fault_tree *new;
	uint32_t *uses;
	bool *modules;
	fl_gate_id *id; /* old -> new */
};

static bool is_private(const struct regrouping *r, fl_gate_id x)
{
	return r->uses[x] == 1 && (r->old->gates[x].kind == FL_GATE_BASIC || r->modules[x]);
}

/* Private children of @x when they are to be a gate; else 0. */
static uint32_t privates(const struct regrouping *r, fl_gate_id x)
{
	const struct fl_gate *gate = &r->old->gates[x];
	uint32_t c = gate->component, count = 0;
	if (gate->kind != FL_GATE_OR && gate->kind != FL_GATE_AND)
		return 0;
	if (r->old->first_gate[c + 1] - r->old->first_gate[c] > 1)
		return 0;
	for (uint32_t i = 0; i < gate->count; i++)
		count += is_private(r, r->old->children[gate->first + i]);
	return count > 1 && count < gate->count ? count : 0;
}

static void open_component(struct fl_fault_tree *t)
{
	t->first_gate[t->component_count++] = t->gate_count;
}

static fl_gate_id add_gate(struct fl_fault_tree *t, struct fl_gate gate)
{
	gate.component = t->component_count - 1;
	t->gates[t->gate_count] = gate;
	return t->gate_count++;
}

/* The gate of the private children of @x, in a component of its own. */
static fl_gate_id add_group(struct regrouping *r, fl_gate_id x, uint32_t count)
{
	struct fl_fault_tree *t = r->new;
	struct fl_gate group = r->old->gates[x];
	const fl_gate_id *children = r->old->children + group.first;
	uint32_t all = group.count;
	group.first = t->child_count;
	group.count = count;
	for (uint32_t i = 0; i < all; i++)
		if (is_private(r, children[i]))
			t->children[t->child_count++] = r->id[children[i]];
	open_component(t);
	return add_gate(t, group);
}

/* Children in the new numbers; those of a circle may get theirs later, so this comes last. */
static void add_children(struct regrouping *r, fl_gate_id x, fl_gate_id group)
{
	struct fl_fault_tree *t = r->new;
	const struct fl_gate *old = &r->old->gates[x];
	struct fl_gate *gate = &t->gates[r->id[x]];
	gate->first = t->child_count;
	for (uint32_t i = 0; i < old->count; i++) {
		fl_gate_id child = r->old->children[old->first + i];
		if (group == FL_GATE_NONE || !is_private(r, child))
			t->children[t->child_count++] = r->id[child];
	}
	if (group != FL_GATE_NONE)
		t->children[t->child_count++] = group;
	gate->count = (uint32_t)(t->child_count - gate->first);
}

static void regroup(struct regrouping *r)
{
	const struct fl_fault_tree *old = r->old;
	for (uint32_t c = 0; c < old->component_count; c++) {
		fl_gate_id first = old->first_gate[c], group = FL_GATE_NONE;
		uint32_t count = privates(r, first);
		if (count > 0)
			group = add_group(r, first, count);
		open_component(r->new);
		for (fl_gate_id x = first; x < old->first_gate[c + 1]; x++)
			r->id[x] = add_gate(r->new, old->gates[x]);
		for (fl_gate_id x = first; x < old->first_gate[c + 1]; x++)
			add_children(r, x, group);
	}
	r->new->first_gate[r->new->component_count] = r->new->gate_count;
	r->new->top = r->id[old->top];
}

struct fl_fault_tree *fl_fault_tree_gather(struct fl_fault_tree *t)
{
	struct regrouping r = { .old = t };
	uint32_t groups = 0;
	if (t->gate_count == 0)
		return t;
	r.modules = fl_fault_tree_modules(t);
	r.uses = fl_alloc_array(t->gate_count, sizeof(*r.uses));
	for (size_t i = 0; i < t->child_count; i++)
		r.uses[t->children[i]]++;
	for (fl_gate_id x = 0; x < t->gate_count; x++)
		groups += privates(&r, x) > 0;
	if (groups > 0) {
		r.new = fl_alloc(sizeof(*r.new));
		*r.new = *t;
		r.id = fl_alloc_array(t->gate_count, sizeof(*r.id));
		r.new->gates = fl_alloc_array((size_t)t->gate_count + groups, sizeof(*r.new->gates));
		r.new->children = fl_alloc_array(t->child_count + groups, sizeof(*r.new->children));
		r.new->first_gate =
			fl_alloc_array((size_t)t->component_count + groups + 1, sizeof(*r.new->first_gate));
		r.new->gate_count = r.new->component_count = 0;
		r.new->child_count = 0;
		t->events = NULL; /* moved */
		regroup(&r);
		fl_fault_tree_free(t);
		t = r.new;
	}
	free(r.modules);
	free(r.uses);
	free(r.id);
	return t;
}
