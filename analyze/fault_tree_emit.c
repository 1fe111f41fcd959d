/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_tree_emit.c - a draft becomes the tree: folded where nothing is shared, numbered children first
 *
 * Gates are kept in the order in which they are reached; a folded gate has no place, its children are its parent's. Gates
 * of a circle are never folded, for whoever evaluates them iterates there.
 */
#include "fault_tree_draft.h"

#include <stdlib.h>
#include <string.h>

#include "components.h"
#include "faultline/status.h"

void draft_append(struct draft_list *l, uint32_t item)
{
	if (l->count == l->capacity) {
		l->capacity = fl_grown(l->capacity, l->count + 1);
		l->items = fl_grow_array(l->items, l->capacity, sizeof(*l->items));
	}
	l->items[l->count++] = item;
}

/* What the final tree is made of: gates that are reached and not folded into their parent. */
struct emission {
	uint32_t *uses;        /* by gates that are reached */
	bool *reached, *alone; /* alone: in no circle */
	size_t *first;         /* children after flattening, by place in kept */
	uint32_t *kept, *place;
	uint32_t kept_count;
	struct draft_list to;
};

static void count_uses(const struct draft *d, uint32_t top, struct emission *e)
{
	uint32_t *queue = fl_alloc_array(d->gate_count, sizeof(*queue));
	size_t queued = 1;
	queue[0] = top;
	e->reached[top] = true;
	e->uses[top] = 2; /* never folded */
	for (size_t next = 0; next < queued; next++) {
		const struct fl_gate *gate = &d->gates[queue[next]];
		for (uint32_t i = 0; i < gate->count; i++) {
			uint32_t child = d->children[gate->first + i];
			e->uses[child] += e->uses[child] < 2;
			if (e->reached[child])
				continue;
			e->reached[child] = true;
			queue[queued++] = child;
		}
	}
	free(queue);
}

static void find_circles(const struct draft *d, struct emission *e)
{
	size_t *first = fl_alloc_array(d->gate_count + 1, sizeof(*first));
	uint32_t *to = fl_alloc_array(d->child_count, sizeof(*to));
	uint32_t *component = fl_alloc_array(d->gate_count, sizeof(*component));
	uint32_t *size = fl_alloc_array(d->gate_count, sizeof(*size));
	for (size_t x = 0; x < d->gate_count; x++) {
		first[x + 1] = first[x];
		for (uint32_t i = 0; e->reached[x] && i < d->gates[x].count; i++)
			to[first[x + 1]++] = d->children[d->gates[x].first + i];
	}
	fl_components((uint32_t)d->gate_count, first, to, component, NULL);
	for (size_t x = 0; x < d->gate_count; x++)
		size[component[x]]++;
	for (size_t x = 0; x < d->gate_count; x++)
		e->alone[x] = size[component[x]] == 1;
	free(first);
	free(to);
	free(component);
	free(size);
}

static bool folds(const struct draft *d, const struct emission *e, enum fl_gate_kind kind, uint32_t child)
{
	return (kind == FL_GATE_OR || kind == FL_GATE_AND) && d->gates[child].kind == kind &&
	       e->uses[child] == 1 && e->alone[child];
}

static void keep(struct emission *e, uint32_t x)
{
	if (e->place[x] != DRAFT_NONE)
		return;
	e->place[x] = e->kept_count;
	e->kept[e->kept_count++] = x;
}

/* Children of gate @x, those of folded gates in their place, as places. */
static void emit_children(const struct draft *d, struct emission *e, uint32_t x, struct draft_list *open)
{
	const struct fl_gate *gate = &d->gates[x];
	size_t start = e->to.count;
	open->count = 0;
	draft_append(open, x);
	while (open->count > 0) {
		const struct fl_gate *from = &d->gates[open->items[--open->count]];
		for (uint32_t i = 0; i < from->count; i++) {
			uint32_t child = d->children[from->first + i];
			if (folds(d, e, gate->kind, child)) {
				draft_append(open, child);
				continue;
			}
			keep(e, child);
			draft_append(&e->to, e->place[child]);
		}
	}
	struct fl_gate flat = *gate;
	flat.count = (uint32_t)(e->to.count - start);
	draft_settle_kind(&flat, flat.count == 0 ? NULL : e->to.items + start);
	e->to.count = start + flat.count;
}

static void lay_out(const struct draft *d, uint32_t top, struct emission *e)
{
	struct draft_list open = { 0 };
	e->uses = fl_alloc_array(d->gate_count, sizeof(*e->uses));
	e->reached = fl_alloc_array(d->gate_count, sizeof(*e->reached));
	e->alone = fl_alloc_array(d->gate_count, sizeof(*e->alone));
	e->first = fl_alloc_array(d->gate_count + 1, sizeof(*e->first));
	e->kept = fl_alloc_array(d->gate_count, sizeof(*e->kept));
	e->place = fl_alloc_array(d->gate_count, sizeof(*e->place));
	memset(e->place, 0xff, d->gate_count * sizeof(*e->place));
	count_uses(d, top, e);
	find_circles(d, e);
	keep(e, top);
	for (uint32_t next = 0; next < e->kept_count; next++) {
		emit_children(d, e, e->kept[next], &open);
		e->first[next + 1] = e->to.count;
	}
	free(open.items);
}

static void emission_fini(struct emission *e)
{
	free(e->uses);
	free(e->reached);
	free(e->alone);
	free(e->first);
	free(e->kept);
	free(e->place);
	free(e->to.items);
}

/* Places in the order of their components; returns place -> gate id and fills first_gate. */
static uint32_t *number_gates(struct fl_fault_tree *t, const struct emission *e, uint32_t *component)
{
	uint32_t *id = fl_alloc_array(e->kept_count, sizeof(*id));
	t->component_count = fl_components(e->kept_count, e->first, e->to.items, component, NULL);
	uint32_t *at = fl_alloc_array((size_t)t->component_count + 2, sizeof(*at));
	for (uint32_t i = 0; i < e->kept_count; i++)
		at[component[i] + 2]++;
	for (uint32_t c = 0; c < t->component_count; c++)
		at[c + 2] += at[c + 1];
	for (uint32_t i = 0; i < e->kept_count; i++)
		id[i] = at[component[i] + 1]++;
	t->first_gate = at;
	return id;
}

static void build_tree(struct fl_fault_tree *t, const struct draft *d, const struct emission *e)
{
	uint32_t *component = fl_alloc_array(e->kept_count, sizeof(*component));
	uint32_t *id = number_gates(t, e, component);
	t->gate_count = e->kept_count;
	t->top = id[0];
	t->gates = fl_alloc_array(t->gate_count, sizeof(*t->gates));
	t->children = fl_alloc_array(e->to.count, sizeof(*t->children));
	t->child_count = e->to.count;
	t->circular = t->component_count < t->gate_count;
	for (uint32_t i = 0; i < e->kept_count; i++) {
		struct fl_gate gate = d->gates[e->kept[i]];
		gate.first = e->first[i];
		gate.count = (uint32_t)(e->first[i + 1] - e->first[i]);
		gate.component = component[i];
		for (uint32_t c = 0; c < gate.count; c++)
			t->children[gate.first + c] = id[e->to.items[gate.first + c]];
		t->basic_count += gate.kind == FL_GATE_BASIC;
		t->gates[id[i]] = gate;
	}
	free(component);
	free(id);
}

void draft_emit(const struct draft *d, uint32_t top, struct fl_fault_tree *t)
{
	struct emission e = { 0 };
	lay_out(d, top, &e);
	build_tree(t, d, &e);
	emission_fini(&e);
}
