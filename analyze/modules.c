/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modules.c - parts of a fault tree that stand for one event: Dutuit and Rauzy's linear-time algorithm
 *
 * Dutuit, Rauzy: A linear-time algorithm to find modules of fault trees, IEEE Trans. Reliability 45(3), 1996.
 * A depth-first walk stamps every gate with the time of its first visit, of leaving it, and of its last
 * visit. A gate is a module when all its descendants are first seen after it was entered and last seen
 * before it was left: then nobody else looks at them.
 *
 * The walk is one over components, so that circles are whole. One with several gates is a module when,
 * besides, only one of its gates is used from outside (or is the top).
 */
#include <stdlib.h>

#include "fault_tree.h"
#include "faultline/status.h"

struct visit {
	uint64_t entered, left, last; /* 0: not yet */
	uint64_t first_below, last_below;
	fl_gate_id gate;   /* used from outside; FL_GATE_NONE: several */
	fl_gate_id member; /* where the walk goes on: gate and child */
	uint32_t child;
};

struct walk {
	const struct fl_fault_tree *t;
	struct visit *visits; /* of components */
	uint32_t *path;
	uint32_t depth;
	uint64_t clock;
};

static void look_at(struct walk *w, fl_gate_id x)
{
	uint32_t c = w->t->gates[x].component;
	struct visit *v = &w->visits[c];
	bool seen = v->entered > 0;
	v->last = ++w->clock;
	if (seen && v->gate != x)
		v->gate = FL_GATE_NONE;
	if (seen)
		return;
	*v = (struct visit){
		.entered = w->clock, .last = w->clock, .gate = x, .member = w->t->first_gate[c]
	};
	w->path[w->depth++] = c;
}

/* The next child of component @c that lies outside it; FL_GATE_NONE at the end. */
static fl_gate_id next_outside(const struct walk *w, uint32_t c)
{
	struct visit *v = &w->visits[c];
	for (; v->member < w->t->first_gate[c + 1]; v->member++, v->child = 0) {
		const struct fl_gate *gate = &w->t->gates[v->member];
		while (v->child < gate->count) {
			fl_gate_id x = w->t->children[gate->first + v->child++];
			if (w->t->gates[x].component != c)
				return x;
		}
	}
	return FL_GATE_NONE;
}

/* Children have lower numbers, so one pass upwards tells the earliest and latest look at descendants. */
static void spread(struct walk *w)
{
	for (uint32_t c = 0; c < w->t->component_count; c++) {
		struct visit *v = &w->visits[c];
		v->first_below = UINT64_MAX;
		v->last_below = 0;
		for (fl_gate_id x = w->t->first_gate[c]; x < w->t->first_gate[c + 1]; x++)
			for (uint32_t i = 0; i < w->t->gates[x].count; i++) {
				fl_gate_id y = w->t->children[w->t->gates[x].first + i];
				const struct visit *below = &w->visits[w->t->gates[y].component];
				if (below == v)
					continue;
				if (below->entered < v->first_below)
					v->first_below = below->entered;
				if (below->first_below < v->first_below)
					v->first_below = below->first_below;
				if (below->last > v->last_below)
					v->last_below = below->last;
				if (below->last_below > v->last_below)
					v->last_below = below->last_below;
			}
	}
}

bool *fl_fault_tree_modules(const struct fl_fault_tree *t)
{
	bool *modules = fl_alloc_array(t->gate_count, sizeof(*modules));
	struct walk w = { .t = t };
	if (t->gate_count == 0)
		return modules;
	w.visits = fl_alloc_array(t->component_count, sizeof(*w.visits));
	w.path = fl_alloc_array(t->component_count, sizeof(*w.path));
	look_at(&w, t->top);
	while (w.depth > 0) {
		uint32_t c = w.path[w.depth - 1];
		fl_gate_id x = next_outside(&w, c);
		if (x != FL_GATE_NONE) {
			look_at(&w, x);
			continue;
		}
		w.visits[c].left = ++w.clock;
		w.depth--;
	}
	spread(&w);
	for (uint32_t c = 0; c < t->component_count; c++) {
		const struct visit *v = &w.visits[c];
		if (v->gate == FL_GATE_NONE || t->gates[v->gate].kind == FL_GATE_BASIC)
			continue;
		modules[v->gate] = v->first_below > v->entered && v->last_below < v->left;
	}
	modules[t->top] = true;
	free(w.visits);
	free(w.path);
	return modules;
}
