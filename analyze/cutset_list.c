/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cutset_list.c - minimal cut sets read off their diagrams, by order
 *
 * The counts say which node still has a set of which order, so a walk for sets of exactly n members never
 * enters a branch without one: each set costs its members and the levels it passes, however many there are.
 *
 * What is still to be done on the way is an agenda: (diagram, order) pairs, since a module that is taken is
 * itself a diagram to choose from. Agendas share their tails, and live on a stack that falls back with every
 * choice that is undone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cutset_internal.h"
#include "faultline/sort.h"
#include "faultline/status.h"

#define END UINT32_MAX

struct item { /* of an agenda */
	fl_dd f;
	uint32_t order, next;
};

struct choice {
	uint32_t agenda, items, members; /* heights to fall back to */
	fl_gate_id event;                /* to add first; FL_GATE_NONE */
};

struct listing {
	struct fl_cutsets *out;
	const struct fl_counts *counts;
	const struct fl_scopes *s;
	const struct fl_dd_store *store;
	struct item *items;
	size_t item_count, item_capacity;
	struct choice *choices;
	size_t choice_count, choice_capacity;
	fl_node_id *members, *sorted;
	uint32_t member_count;
};

void fl_cutset_add(struct fl_cutsets *out, const fl_node_id *members, uint32_t order)
{
	/* The array doubles inside the arena: what is left behind is at most as much again. */
	if ((out->set_count & (out->set_count - 1)) == 0) {
		struct fl_cut_set *sets = fl_arena_array(
			out->arena, out->set_count == 0 ? 1 : out->set_count * 2, sizeof(*sets));
		if (out->set_count > 0)
			memcpy(sets, out->sets, out->set_count * sizeof(*sets));
		out->sets = sets;
	}
	fl_node_id *list = fl_arena_array(out->arena, order, sizeof(*list));
	memcpy(list, members, order * sizeof(*list));
	fl_sort_u32(list, order);
	out->sets[out->set_count++] = (struct fl_cut_set){ .members = list, .order = order };
}

static uint32_t push_item(struct listing *l, fl_dd f, uint32_t order, uint32_t next)
{
	if (l->item_count == l->item_capacity) {
		l->item_capacity = fl_grown(l->item_capacity, l->item_count + 1);
		l->items = fl_grow_array(l->items, l->item_capacity, sizeof(*l->items));
	}
	l->items[l->item_count] = (struct item){ .f = f, .order = order, .next = next };
	return (uint32_t)l->item_count++;
}

static void push_choice(struct listing *l, uint32_t agenda, fl_gate_id event)
{
	if (l->choice_count == l->choice_capacity) {
		l->choice_capacity = fl_grown(l->choice_capacity, l->choice_count + 1);
		l->choices = fl_grow_array(l->choices, l->choice_capacity, sizeof(*l->choices));
	}
	l->choices[l->choice_count++] = (struct choice){
		.agenda = agenda, .items = (uint32_t)l->item_count, .members = l->member_count, .event = event
	};
}

/* The ways to go on from the diagram @f with exactly @order members, @rest after it. */
static void push_ways(struct listing *l, fl_dd f, uint32_t order, uint32_t rest)
{
	const struct fl_dd_node n = l->store->nodes[f];
	fl_gate_id x = l->s->variables[n.level];
	uint32_t inner = l->s->scope_of[x];
	if (inner == UINT32_MAX) {
		if (order > 0 && fl_counts_has(l->counts, n.high, order - 1)) {
			uint32_t agenda = push_item(l, n.high, order - 1, rest);
			push_choice(l, agenda, x);
		}
	} else {
		fl_dd module = l->s->list[inner].zbdd;
		const struct fl_order_counts *of = &l->counts->of[module];
		for (uint32_t i = 0; i < of->terms && of->least + i <= order; i++) {
			uint32_t taken = of->least + i;
			if (of->count[i] == 0 || !fl_counts_has(l->counts, n.high, order - taken))
				continue;
			uint32_t agenda = push_item(l, n.high, order - taken, rest);
			push_choice(l, push_item(l, module, taken, agenda), FL_GATE_NONE);
		}
	}
	if (fl_counts_has(l->counts, n.low, order)) {
		uint32_t agenda = push_item(l, n.low, order, rest);
		push_choice(l, agenda, FL_GATE_NONE);
	}
}

static void follow(struct listing *l, const struct choice *c)
{
	l->member_count = c->members;
	l->item_count = c->items;
	if (c->event != FL_GATE_NONE)
		l->members[l->member_count++] = l->s->tree->gates[c->event].node;
	uint32_t agenda = c->agenda;
	while (agenda != END && l->items[agenda].f == FL_DD_1)
		agenda = l->items[agenda].next;
	if (agenda == END) {
		fl_cutset_add(l->out, l->members, l->member_count);
		return;
	}
	struct item item = l->items[agenda];
	push_ways(l, item.f, item.order, item.next);
}

void fl_cutset_list(struct fl_cutsets *out, const struct fl_counts *c, const struct fl_scopes *s,
	const struct fl_dd_store *store, uint32_t order, uint64_t most)
{
	struct listing l = { .out = out, .counts = c, .s = s, .store = store };
	size_t first = out->set_count;
	fl_dd root = s->list[s->count - 1].zbdd;
	if (!fl_counts_has(c, root, order) || most == 0)
		return;
	l.members = fl_alloc_array(order, sizeof(*l.members));
	push_choice(&l, push_item(&l, root, order, END), FL_GATE_NONE);
	l.choices[0].items = 1;
	while (l.choice_count > 0 && out->set_count - first < most) {
		struct choice choice = l.choices[--l.choice_count];
		follow(&l, &choice);
	}
	free(l.members);
	free(l.items);
	free(l.choices);
}

static int compare_sets(const void *va, const void *vb)
{
	const struct fl_cut_set *a = va, *b = vb;
	for (uint32_t i = 0; i < a->order && i < b->order; i++)
		if (a->members[i] != b->members[i])
			return a->members[i] < b->members[i] ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

void fl_cutset_sort(struct fl_cutsets *out, size_t first, size_t end)
{
	if (end > first + 1)
		qsort(out->sets + first, end - first, sizeof(*out->sets), compare_sets);
}
