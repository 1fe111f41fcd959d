/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * max_flow.c - Dinic's algorithm as loops, with a log of changes
 *
 * A search from the source numbers levels and stops on the level of the sink; then paths that go up one
 * level an arc are filled until none is left. Flow on an arc is what its reverse arc has gained. Unit
 * networks, which cuts of vertices are, need O(sqrt(V)) such rounds, in practice a handful.
 */
#include "max_flow.h"

#include <assert.h>
#include <stdlib.h>

#include "faultline/status.h"

void fl_flow_init(struct fl_flow *f, uint32_t count, const struct fl_flow_arc *arcs, size_t arc_count,
	uint32_t source, uint32_t sink)
{
	*f = (struct fl_flow){ .count = count, .source = source, .sink = sink };
	size_t *at = fl_alloc_array((size_t)count + 2, sizeof(*at));
	f->to = fl_alloc_array(arc_count * 2, sizeof(*f->to));
	f->reverse = fl_alloc_array(arc_count * 2, sizeof(*f->reverse));
	f->capacity = fl_alloc_array(arc_count * 2, sizeof(*f->capacity));
	f->own = fl_alloc_array(arc_count * 2, sizeof(*f->own));
	f->level = fl_alloc_array(count, sizeof(*f->level));
	f->next = fl_alloc_array(count, sizeof(*f->next));
	f->queue = fl_alloc_array(count, sizeof(*f->queue));
	f->path = fl_alloc_array(count, sizeof(*f->path));
	for (size_t i = 0; i < arc_count; i++) {
		at[arcs[i].from + 2]++;
		at[arcs[i].to + 2]++;
	}
	for (uint32_t v = 0; v < count; v++)
		at[v + 2] += at[v + 1];
	for (size_t i = 0; i < arc_count; i++) {
		size_t a = at[arcs[i].from + 1]++, b = at[arcs[i].to + 1]++;
		f->to[a] = arcs[i].to;
		f->to[b] = arcs[i].from;
		f->reverse[a] = b;
		f->reverse[b] = a;
		f->capacity[a] = arcs[i].capacity;
		f->own[a] = true;
	}
	f->first = at;
}

void fl_flow_fini(struct fl_flow *f)
{
	free(f->first);
	free(f->to);
	free(f->reverse);
	free(f->capacity);
	free(f->own);
	free(f->level);
	free(f->next);
	free(f->queue);
	free(f->path);
	free(f->log);
}

void fl_flow_set(struct fl_flow *f, size_t arc, uint32_t capacity)
{
	if (f->logging) {
		if (f->log_count == f->log_capacity) {
			f->log_capacity = fl_grown(f->log_capacity, f->log_count + 1);
			f->log = fl_grow_array(f->log, f->log_capacity, sizeof(*f->log));
		}
		f->log[f->log_count++] = (struct fl_flow_change){ .arc = arc, .capacity = f->capacity[arc] };
	}
	f->capacity[arc] = capacity;
}

void fl_flow_undo(struct fl_flow *f, size_t mark)
{
	while (f->log_count > mark) {
		f->log_count--;
		f->capacity[f->log[f->log_count].arc] = f->log[f->log_count].capacity;
	}
}

static void push(struct fl_flow *f, size_t arc, uint32_t amount)
{
	size_t back = f->reverse[arc];
	fl_flow_set(f, arc, f->capacity[arc] - amount);
	fl_flow_set(f, back, f->capacity[back] + amount);
}

static bool search(struct fl_flow *f)
{
	while (f->queued > 0)
		f->level[f->queue[--f->queued]] = 0;
	f->level[f->source] = 1;
	f->queue[f->queued++] = f->source;
	for (uint32_t i = 0; i < f->queued; i++) {
		uint32_t v = f->queue[i];
		if (f->level[f->sink] != 0 && f->level[v] >= f->level[f->sink])
			break;
		f->next[v] = f->first[v];
		f->work += f->first[v + 1] - f->first[v];
		for (size_t arc = f->first[v]; arc < f->first[v + 1]; arc++) {
			uint32_t w = f->to[arc];
			if (f->capacity[arc] == 0 || f->level[w] != 0)
				continue;
			f->level[w] = f->level[v] + 1;
			f->queue[f->queued++] = w;
		}
	}
	return f->level[f->sink] != 0;
}

static uint32_t fill_path(struct fl_flow *f, size_t length)
{
	uint32_t amount = FL_FLOW_INFINITE;
	for (size_t i = 0; i < length; i++)
		if (f->capacity[f->path[i]] < amount)
			amount = f->capacity[f->path[i]];
	for (size_t i = 0; i < length && amount < FL_FLOW_INFINITE / 2; i++)
		push(f, f->path[i], amount);
	return amount;
}

/* Fill paths along levels until none is left. */
static uint32_t block(struct fl_flow *f)
{
	uint32_t total = 0, v = f->source;
	size_t length = 0;
	for (;;) {
		if (v == f->sink) {
			uint32_t amount = fill_path(f, length);
			if (amount >= FL_FLOW_INFINITE / 2)
				return FL_FLOW_INFINITE;
			total += amount;
			/* Back to the first arc that is full now. */
			size_t keep = 0;
			while (keep < length && f->capacity[f->path[keep]] > 0)
				keep++;
			length = keep;
			v = f->to[f->reverse[f->path[keep]]];
			continue;
		}
		size_t arc = f->next[v];
		while (arc < f->first[v + 1] &&
			(f->capacity[arc] == 0 || f->level[f->to[arc]] != f->level[v] + 1 ||
				(f->level[f->to[arc]] >= f->level[f->sink] && f->to[arc] != f->sink)))
			arc++;
		f->work += arc - f->next[v] + 1;
		f->next[v] = arc;
		if (arc < f->first[v + 1]) {
			f->path[length++] = arc;
			v = f->to[arc];
		} else if (length == 0) {
			return total;
		} else {
			arc = f->path[--length];
			v = f->to[f->reverse[arc]];
			f->next[v]++;
		}
	}
}

uint32_t fl_flow_augment(struct fl_flow *f)
{
	uint32_t total = 0;
	while (search(f)) {
		uint32_t amount = block(f);
		if (amount >= FL_FLOW_INFINITE - total)
			return FL_FLOW_INFINITE;
		total += amount;
	}
	return total;
}

/* An arc of @v that carries flow, out of it or into it (then the reverse arc is meant); some is known to. */
static size_t flowing(struct fl_flow *f, uint32_t v, bool out)
{
	size_t arc = f->first[v];
	while (f->own[arc] != out || f->capacity[out ? f->reverse[arc] : arc] == 0) {
		arc++;
		assert(arc < f->first[v + 1]);
	}
	f->work += arc - f->first[v] + 1;
	return arc;
}

static void take_back(struct fl_flow *f, size_t arc)
{
	push(f, f->reverse[arc], 1);
}

void fl_flow_cancel(struct fl_flow *f, size_t arc)
{
	uint32_t up = f->to[f->reverse[arc]], down = f->to[arc];
	assert(f->own[arc] && f->capacity[f->reverse[arc]] > 0);
	take_back(f, arc);
	while (down != f->sink) {
		size_t next = flowing(f, down, true);
		take_back(f, next);
		down = f->to[next];
	}
	while (up != f->source) {
		size_t next = flowing(f, up, false);
		take_back(f, f->reverse[next]);
		up = f->to[next];
	}
}
