/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * network.c - a fault tree read as a network of paths
 *
 * Read for success, an AND of failures is a choice (one child up is enough) and an OR is a row (all must
 * be up). A choice becomes a vertex with an arc to each child; a row becomes a chain, each child leading on
 * to the next: what leads on from the end of a child is its continuation. The tree has the form of a network
 * when everything that is used more than once has one and the same continuation; then a path from the source
 * to the sink is a set of events that keeps the top up, and the other way round.
 *
 * In a row only one child may be used elsewhere too, since just one can stand last; the others are modules
 * or private events.
 *
 * Not in this form: k of n with k > 1 missing, circles (a circle keeps itself up without any sink).
 */
#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"
#include "vertex_cut.h"

#define UNKNOWN UINT32_MAX

struct arc {
	uint32_t from, to;
};

struct drawing {
	const struct fl_fault_tree *t;
	bool *modules;
	uint32_t *uses;
	uint32_t *entry; /* by gate: vertex where its paths begin */
	uint32_t *exit;  /* by gate: the vertex they lead on to; UNKNOWN: not drawn yet */
	struct fl_network *n;
	struct arc *arcs;
	size_t arc_count, arc_capacity;
	size_t vertex_capacity;
};

static uint32_t add_vertex(struct drawing *d, fl_node_id event)
{
	struct fl_network *n = d->n;
	if (n->vertex_count == d->vertex_capacity) {
		d->vertex_capacity = fl_grown(d->vertex_capacity, (size_t)n->vertex_count + 1);
		n->event = fl_grow_array(n->event, d->vertex_capacity, sizeof(*n->event));
	}
	n->event[n->vertex_count] = event;
	return n->vertex_count++;
}

static void add_arc(struct drawing *d, uint32_t from, uint32_t to)
{
	if (d->arc_count == d->arc_capacity) {
		d->arc_capacity = fl_grown(d->arc_capacity, d->arc_count + 1);
		d->arcs = fl_grow_array(d->arcs, d->arc_capacity, sizeof(*d->arcs));
	}
	d->arcs[d->arc_count++] = (struct arc){ .from = from, .to = to };
}

static bool is_shared(const struct drawing *d, fl_gate_id x)
{
	return d->uses[x] > 1 || (d->t->gates[x].kind != FL_GATE_BASIC && !d->modules[x]);
}

/* Give @x its continuation; false when it has another one. */
static bool lead_on(struct drawing *d, fl_gate_id x, uint32_t to)
{
	if (d->exit[x] == UNKNOWN)
		d->exit[x] = to;
	return d->exit[x] == to;
}

/*
 * Parents stand after their children, so going down through the numbers finds every parent of a gate drawn
 * before it. A row hands continuations to its children from the last to the first, which needs the entry
 * of a child before the child is drawn: each gate has its entry vertex from the beginning.
 */
static bool draw_row(struct drawing *d, fl_gate_id x)
{
	const struct fl_gate *gate = &d->t->gates[x];
	const fl_gate_id *children = d->t->children + gate->first;
	uint32_t next = d->exit[x], shared = UNKNOWN;
	for (uint32_t i = 0; i < gate->count; i++) {
		if (!is_shared(d, children[i]))
			continue;
		if (shared != UNKNOWN)
			return false;
		shared = children[i];
	}
	if (shared != UNKNOWN) {
		if (!lead_on(d, shared, next))
			return false;
		next = d->entry[shared];
	}
	for (uint32_t i = 0; i < gate->count; i++) {
		if (children[i] == shared)
			continue;
		if (!lead_on(d, children[i], next))
			return false;
		next = d->entry[children[i]];
	}
	add_arc(d, d->entry[x], next);
	return true;
}

static bool draw_choice(struct drawing *d, fl_gate_id x)
{
	const struct fl_gate *gate = &d->t->gates[x];
	for (uint32_t i = 0; i < gate->count; i++) {
		fl_gate_id child = d->t->children[gate->first + i];
		if (!lead_on(d, child, d->exit[x]))
			return false;
		add_arc(d, d->entry[x], d->entry[child]);
	}
	return true;
}

static bool draw(struct drawing *d)
{
	const struct fl_fault_tree *t = d->t;
	for (fl_gate_id x = 0; x < t->gate_count; x++)
		d->entry[x] =
			add_vertex(d, t->gates[x].kind == FL_GATE_BASIC ? t->gates[x].node : FL_NODE_NONE);
	d->n->sink = add_vertex(d, FL_NODE_NONE);
	d->n->source = d->entry[t->top];
	d->exit[t->top] = d->n->sink;
	for (fl_gate_id x = t->gate_count; x-- > 0;) {
		bool ok = true;
		switch (t->gates[x].kind) {
		case FL_GATE_BASIC:
			add_arc(d, d->entry[x], d->exit[x]);
			break;
		case FL_GATE_OR:
			ok = draw_row(d, x);
			break;
		case FL_GATE_AND:
			ok = draw_choice(d, x);
			break;
		case FL_GATE_ATLEAST:
			return false;
		}
		if (!ok)
			return false;
	}
	return true;
}

static int compare_ends(const void *va, const void *vb)
{
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;
	return (a > b) - (a < b);
}

static void index_arcs(struct drawing *d)
{
	struct fl_network *n = d->n;
	n->first = fl_alloc_array((size_t)n->vertex_count + 2, sizeof(*n->first));
	n->to = fl_alloc_array(d->arc_count, sizeof(*n->to));
	for (size_t i = 0; i < d->arc_count; i++)
		n->first[d->arcs[i].from + 2]++;
	for (uint32_t v = 0; v < n->vertex_count; v++)
		n->first[v + 2] += n->first[v + 1];
	for (size_t i = 0; i < d->arc_count; i++)
		n->to[n->first[d->arcs[i].from + 1]++] = d->arcs[i].to;
	for (uint32_t v = 0; v < n->vertex_count; v++)
		if (n->first[v + 1] - n->first[v] > 1)
			qsort(n->to + n->first[v], n->first[v + 1] - n->first[v], sizeof(*n->to),
				compare_ends);
}

struct fl_network *fl_network_new(const struct fl_fault_tree *t)
{
	struct drawing d = { .t = t };
	if (t->gate_count == 0 || t->circular)
		return NULL;
	d.n = fl_alloc(sizeof(*d.n));
	d.modules = fl_fault_tree_modules(t);
	d.uses = fl_alloc_array(t->gate_count, sizeof(*d.uses));
	d.entry = fl_alloc_array(t->gate_count, sizeof(*d.entry));
	d.exit = fl_alloc_array(t->gate_count, sizeof(*d.exit));
	memset(d.exit, 0xff, t->gate_count * sizeof(*d.exit));
	for (size_t i = 0; i < t->child_count; i++)
		d.uses[t->children[i]]++;
	if (draw(&d)) {
		index_arcs(&d);
	} else {
		fl_network_free(d.n);
		d.n = NULL;
	}
	free(d.modules);
	free(d.uses);
	free(d.entry);
	free(d.exit);
	free(d.arcs);
	return d.n;
}

void fl_network_free(struct fl_network *n)
{
	if (n == NULL)
		return;
	free(n->event);
	free(n->first);
	free(n->to);
	free(n);
}
