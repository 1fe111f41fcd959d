/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * variable_order.c - in which order a diagram should decide
 *
 * The size of a diagram hangs on it by factors of a thousand, and no rule is best for every tree, so several
 * are offered and the caller tries them under a limit.
 *
 * Depth-first orders keep events together that meet in a gate. FORCE (Aloul, Markov, Sakallah: FORCE, a fast
 * and easy-to-implement variable-ordering heuristic, GLSVLSI 2003) moves every event and gate to the centre
 * of its neighbours, sorts, and repeats while the total span of the gates shrinks.
 */
#include <stdlib.h>

#include "faultline/status.h"
#include "tree_diagram.h"

enum { FORCE_ROUNDS = 60, FORCE_PATIENCE = 6, FORCE_WORK = 4000000 };

struct keyed {
	double key;
	uint32_t item;
};

static int compare_keyed(const void *va, const void *vb)
{
	const struct keyed *a = va, *b = vb;
	if (a->key < b->key || a->key > b->key)
		return a->key < b->key ? -1 : 1;
	return (a->item > b->item) - (a->item < b->item);
}

/* A scope with its gates and variables numbered 0 .. gate_count + variable_count - 1, gates first. */
struct local {
	const struct fl_scopes *s;
	const struct fl_scope *scope;
	uint32_t count;
	double *size;       /* events below, with repetition */
	uint32_t *preorder; /* locals as a depth-first walk meets them */
};

static uint32_t place_of(const struct local *l, fl_gate_id x)
{
	uint32_t level = l->s->level_of[x];
	if (level != UINT32_MAX && x != l->scope->root)
		return l->scope->gate_count + (level - l->scope->first_variable);
	const fl_gate_id *gates = l->s->gates + l->scope->first_gate;
	uint32_t low = 0, high = l->scope->gate_count;
	while (low + 1 < high) {
		uint32_t middle = low + (high - low) / 2;
		if (gates[middle] <= x)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static const struct fl_gate *gate_at(const struct local *l, uint32_t place)
{
	return &l->s->tree->gates[l->s->gates[l->scope->first_gate + place]];
}

static void measure(struct local *l)
{
	uint32_t gates = l->scope->gate_count;
	for (uint32_t i = 0; i < l->count; i++)
		l->size[i] = i < gates ? 0 : 1;
	for (uint32_t i = 0; i < gates; i++) {
		const struct fl_gate *gate = gate_at(l, i);
		for (uint32_t c = 0; c < gate->count; c++)
			l->size[i] += l->size[place_of(l, l->s->tree->children[gate->first + c])];
	}
}

/* sign: 0 as they stand, 1 small first, -1 large first */
static void walk(struct local *l, double sign)
{
	size_t edges = 1, depth = 0;
	uint32_t met = 0;
	for (uint32_t i = 0; i < l->scope->gate_count; i++)
		edges += gate_at(l, i)->count;
	struct keyed *open = fl_alloc_array(edges + 1, sizeof(*open));
	bool *seen = fl_alloc_array(l->count, sizeof(*seen));
	open[depth++].item = place_of(l, l->scope->root);
	while (depth > 0) {
		uint32_t place = open[--depth].item;
		if (seen[place])
			continue;
		seen[place] = true;
		l->preorder[met++] = place;
		if (place >= l->scope->gate_count)
			continue;
		const struct fl_gate *gate = gate_at(l, place);
		for (uint32_t c = 0; c < gate->count; c++) {
			uint32_t child = place_of(l, l->s->tree->children[gate->first + c]);
			/* Last in, first out. */
			open[depth + c] = (struct keyed){ .item = child,
				.key = sign < 0 || sign > 0 ? -sign * l->size[child] : -(double)c };
		}
		if (gate->count > 1)
			qsort(open + depth, gate->count, sizeof(*open), compare_keyed);
		depth += gate->count;
	}
	free(open);
	free(seen);
}

struct force {
	struct local *l;
	double *position, *sum;
	uint32_t *degree;
	struct keyed *sorted;
	uint32_t *best;
};

/* One round; returns the span of all gates before it. */
static double pull(struct force *f)
{
	struct local *l = f->l;
	double span = 0;
	for (uint32_t i = 0; i < l->count; i++) {
		f->sum[i] = 0;
		f->degree[i] = 0;
	}
	for (uint32_t i = 0; i < l->scope->gate_count; i++) {
		const struct fl_gate *gate = gate_at(l, i);
		const fl_gate_id *children = l->s->tree->children + gate->first;
		double total = f->position[i], low = total, high = total;
		for (uint32_t c = 0; c < gate->count; c++) {
			double at = f->position[place_of(l, children[c])];
			total += at;
			low = at < low ? at : low;
			high = at > high ? at : high;
		}
		span += high - low;
		total /= (double)gate->count + 1;
		f->sum[i] += total;
		f->degree[i]++;
		for (uint32_t c = 0; c < gate->count; c++) {
			uint32_t child = place_of(l, children[c]);
			f->sum[child] += total;
			f->degree[child]++;
		}
	}
	return span;
}

static void settle(struct force *f)
{
	for (uint32_t i = 0; i < f->l->count; i++)
		f->sorted[i] = (struct keyed){ .item = i, .key = f->sum[i] / f->degree[i] };
	qsort(f->sorted, f->l->count, sizeof(*f->sorted), compare_keyed);
	for (uint32_t i = 0; i < f->l->count; i++)
		f->position[f->sorted[i].item] = i;
}

static void improve(struct local *l)
{
	struct force f = { .l = l };
	double least = -1;
	uint32_t rounds = FORCE_WORK / (l->count + 1), idle = 0;
	f.position = fl_alloc_array(l->count, sizeof(*f.position));
	f.sum = fl_alloc_array(l->count, sizeof(*f.sum));
	f.degree = fl_alloc_array(l->count, sizeof(*f.degree));
	f.sorted = fl_alloc_array(l->count, sizeof(*f.sorted));
	f.best = fl_alloc_array(l->count, sizeof(*f.best));
	for (uint32_t i = 0; i < l->count; i++) {
		f.position[l->preorder[i]] = i;
		f.sorted[i].item = l->preorder[i];
	}
	for (uint32_t round = 0; round < FORCE_ROUNDS && round <= rounds && idle < FORCE_PATIENCE; round++) {
		double span = pull(&f);
		idle++;
		if (least < 0 || span < least) {
			least = span;
			idle = 0;
			for (uint32_t i = 0; i < l->count; i++)
				f.best[i] = f.sorted[i].item;
		}
		settle(&f);
	}
	for (uint32_t i = 0; i < l->count; i++)
		l->preorder[i] = f.best[i];
	free(f.position);
	free(f.sum);
	free(f.degree);
	free(f.sorted);
	free(f.best);
}

void fl_variable_order(const struct fl_scopes *s, const struct fl_scope *scope,
	enum fl_order_heuristic heuristic, fl_gate_id *out)
{
	static const double signs[FL_ORDER_COUNT] = {
		[FL_ORDER_SMALL_FIRST] = 1, [FL_ORDER_LARGE_FIRST] = -1, [FL_ORDER_FORCE_SMALL] = 1
	};
	struct local l = { .s = s, .scope = scope, .count = scope->gate_count + scope->variable_count };
	uint32_t found = 0;
	fl_gate_id *variables = fl_alloc_array(scope->variable_count, sizeof(*variables));
	l.size = fl_alloc_array(l.count, sizeof(*l.size));
	l.preorder = fl_alloc_array(l.count, sizeof(*l.preorder));
	measure(&l);
	walk(&l, signs[heuristic]);
	if (heuristic == FL_ORDER_FORCE || heuristic == FL_ORDER_FORCE_SMALL)
		improve(&l);
	for (uint32_t i = 0; i < l.count; i++)
		if (l.preorder[i] >= scope->gate_count)
			variables[found++] =
				s->variables[scope->first_variable + l.preorder[i] - scope->gate_count];
	for (uint32_t i = 0; i < found; i++)
		out[i] = variables[i];
	free(variables);
	free(l.size);
	free(l.preorder);
}
