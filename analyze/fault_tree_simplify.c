/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_tree_simplify.c - what can fail, without detours, and what alone fails the top
 *
 * Failure is counted upwards: a gate fails when as many children as it wants have failed. All basic events at once
 * tell what can fail at all; each by itself tells the singles.
 */
#include "fault_tree_draft.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/sort.h"
#include "faultline/status.h"

#define SINGLES_WORK (UINT64_C(50) << 20) /* looks at parents */

void draft_settle_kind(struct fl_gate *gate, uint32_t *list)
{
	if (gate->kind == FL_GATE_ATLEAST && gate->threshold == 1)
		gate->kind = FL_GATE_OR;
	if (gate->kind == FL_GATE_ATLEAST && gate->threshold >= gate->count)
		gate->kind = FL_GATE_AND;
	if (gate->kind == FL_GATE_OR || gate->kind == FL_GATE_AND)
		gate->count = (uint32_t)fl_sort_distinct_u32(list, gate->count);
	else
		fl_sort_u32(list, gate->count);
}

/* ---- prune and alias ---- */

static uint32_t wanted(const struct fl_gate *gate)
{
	if (gate->kind == FL_GATE_OR)
		return 1;
	return gate->kind == FL_GATE_AND ? gate->count : gate->threshold;
}

/* Parents of x are parents[first[x]] .. parents[first[x + 1] - 1]; @first has gate_count + 2 zeros. */
static void find_parents(const struct draft *d, size_t *first, uint32_t *parents)
{
	for (size_t x = 0; x < d->gate_count; x++)
		for (uint32_t i = 0; i < d->gates[x].count; i++)
			first[d->children[d->gates[x].first + i] + 2]++;
	for (size_t x = 0; x < d->gate_count; x++)
		first[x + 2] += first[x + 1];
	for (uint32_t x = 0; x < d->gate_count; x++)
		for (uint32_t i = 0; i < d->gates[x].count; i++)
			parents[first[d->children[d->gates[x].first + i] + 1]++] = x;
}

/* The least fixed point when every basic event has failed, but for singles that were taken out. */
static void find_failing(struct draft *d)
{
	size_t *first = fl_alloc_array(d->gate_count + 2, sizeof(*first));
	uint32_t *parents = fl_alloc_array(d->child_count, sizeof(*parents));
	uint32_t *lost = fl_alloc_array(d->gate_count, sizeof(*lost));
	uint32_t *queue = fl_alloc_array(d->gate_count, sizeof(*queue));
	size_t queued = 0;
	find_parents(d, first, parents);
	memset(d->can_fail, 0, d->gate_count * sizeof(*d->can_fail));
	for (uint32_t x = 0; x < d->gate_count; x++)
		if (d->gates[x].kind == FL_GATE_BASIC && !d->single[x]) {
			d->can_fail[x] = true;
			queue[queued++] = x;
		}
	for (size_t next = 0; next < queued; next++)
		for (size_t i = first[queue[next]]; i < first[queue[next] + 1]; i++) {
			uint32_t x = parents[i];
			if (d->can_fail[x] || ++lost[x] < wanted(&d->gates[x]))
				continue;
			d->can_fail[x] = true;
			queue[queued++] = x;
		}
	free(first);
	free(parents);
	free(lost);
	free(queue);
}

static void prune(struct draft *d)
{
	for (size_t x = 0; x < d->gate_count; x++) {
		struct fl_gate *gate = &d->gates[x];
		uint32_t *list = gate->count == 0 ? NULL : d->children + gate->first, kept = 0;
		if (!d->can_fail[x] || gate->kind == FL_GATE_BASIC)
			continue;
		for (uint32_t i = 0; i < gate->count; i++)
			if (d->can_fail[list[i]])
				list[kept++] = list[i];
		gate->count = kept;
		draft_settle_kind(gate, list);
	}
}

/* The gate that @x is another name of. A circle of such names cannot fail and was pruned. */
static uint32_t resolve(const struct draft *d, uint32_t *alias, uint32_t x)
{
	uint32_t end = x;
	while (alias[end] != end)
		end = alias[end];
	while (alias[x] != end) {
		uint32_t next = alias[x];
		alias[x] = end;
		x = next;
	}
	assert(d->can_fail[end]);
	return end;
}

static void resolve_aliases(struct draft *d)
{
	uint32_t *alias = fl_alloc_array(d->gate_count, sizeof(*alias));
	for (uint32_t x = 0; x < d->gate_count; x++) {
		const struct fl_gate *gate = &d->gates[x];
		bool single = d->can_fail[x] && gate->kind != FL_GATE_BASIC && gate->count == 1;
		alias[x] = single ? d->children[gate->first] : x;
	}
	for (size_t x = 0; x < d->gate_count; x++) {
		struct fl_gate *gate = &d->gates[x];
		if (!d->can_fail[x] || gate->kind == FL_GATE_BASIC)
			continue;
		for (uint32_t i = 0; i < gate->count; i++) {
			uint32_t *child = &d->children[gate->first + i];
			*child = resolve(d, alias, *child);
		}
		draft_settle_kind(gate, d->children + gate->first);
	}
	free(alias);
}

uint32_t draft_simplify(struct draft *d, uint32_t top)
{
	find_failing(d);
	if (!d->can_fail[top])
		return DRAFT_NONE;
	prune(d);
	resolve_aliases(d);
	while (d->gates[top].kind != FL_GATE_BASIC && d->gates[top].count == 1)
		top = d->children[d->gates[top].first];
	return top;
}

/* ---- events that alone fail the top ---- */

struct alone {
	struct draft *d;
	size_t *first;
	uint32_t *parents, *lost, *lost_in, *failed_in, *queue;
	uint64_t work;
};

/* Whether the failure of @event alone reaches @top; gates are counted anew for each event. */
static bool fails_alone(struct alone *a, uint32_t event, uint32_t top)
{
	size_t queued = 1;
	uint32_t run = event + 1;
	a->queue[0] = event;
	a->failed_in[event] = run;
	for (size_t next = 0; next < queued && a->failed_in[top] != run; next++)
		for (size_t i = a->first[a->queue[next]]; i < a->first[a->queue[next] + 1]; i++) {
			uint32_t x = a->parents[i];
			a->work++;
			if (a->failed_in[x] == run || !a->d->can_fail[x])
				continue;
			if (a->lost_in[x] != run)
				a->lost[x] = 0;
			a->lost_in[x] = run;
			if (++a->lost[x] < wanted(&a->d->gates[x]))
				continue;
			a->failed_in[x] = run;
			a->queue[queued++] = x;
		}
	return a->failed_in[top] == run;
}

uint32_t draft_find_singles(struct draft *d, uint32_t top)
{
	struct alone a = { .d = d };
	uint32_t found = 0;
	a.first = fl_alloc_array(d->gate_count + 2, sizeof(*a.first));
	a.parents = fl_alloc_array(d->child_count, sizeof(*a.parents));
	a.lost = fl_alloc_array(d->gate_count, sizeof(*a.lost));
	a.lost_in = fl_alloc_array(d->gate_count, sizeof(*a.lost_in));
	a.failed_in = fl_alloc_array(d->gate_count, sizeof(*a.failed_in));
	a.queue = fl_alloc_array(d->gate_count, sizeof(*a.queue));
	find_parents(d, a.first, a.parents);
	for (uint32_t x = 0; x < d->gate_count && a.work < SINGLES_WORK; x++)
		if (x != top && d->gates[x].kind == FL_GATE_BASIC && fails_alone(&a, x, top)) {
			d->single[x] = true;
			found++;
		}
	free(a.first);
	free(a.parents);
	free(a.lost);
	free(a.lost_in);
	free(a.failed_in);
	free(a.queue);
	return found;
}
