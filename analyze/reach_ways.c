/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach_ways.c - of all ways from one node to others: the widest, how many there are, what is exchanged on them
 *
 * The widest way is Dijkstra's with the smallest width of the links in place of the sum of lengths. Links
 * without evidence (an endpoint and its address) are as wide as what they continue.
 *
 * Ways are counted without going round in circles: a depth-first search orders the nodes, links back to
 * a node that is being visited are left out, and what is left has no cycle. Counting all simple ways would take
 * exponential time; the number tells "one" from "a few" from "many", no more.
 */
#include "reach_ways.h"

#include <math.h>
#include <stdlib.h>

struct waiting { /* in the heap */
	uint64_t width;
	uint32_t depth, found; /* found: place in the breadth-first search */
	fl_node_id node;
	size_t link;
};

enum visit { UNSEEN, OPEN, DONE };

struct fl_ways_scratch {
	struct waiting *heap;
	size_t heap_count, heap_room;
	uint64_t *width;
	uint32_t *found;
	bool *settled;
	uint8_t *visit;
	size_t *next; /* link to follow */
	fl_node_id *stack, *finished;
};

struct fl_ways *fl_ways_new(const struct fl_links *links)
{
	struct fl_ways *w = fl_alloc(sizeof(*w));
	struct fl_ways_scratch *s = fl_alloc(sizeof(*s));
	w->via = fl_alloc_array(links->order, sizeof(*w->via));
	w->depth = fl_alloc_array(links->order, sizeof(*w->depth));
	w->count = fl_alloc_array(links->order, sizeof(*w->count));
	w->exchanges = fl_alloc_array(links->order, sizeof(*w->exchanges));
	w->failures = fl_alloc_array(links->order, sizeof(*w->failures));
	s->width = fl_alloc_array(links->order, sizeof(*s->width));
	s->found = fl_alloc_array(links->order, sizeof(*s->found));
	s->settled = fl_alloc_array(links->order, sizeof(*s->settled));
	s->visit = fl_alloc_array(links->order, sizeof(*s->visit));
	s->next = fl_alloc_array(links->order, sizeof(*s->next));
	s->stack = fl_alloc_array(links->order, sizeof(*s->stack));
	s->finished = fl_alloc_array(links->order, sizeof(*s->finished));
	w->scratch = s;
	return w;
}

void fl_ways_free(struct fl_ways *w)
{
	if (w == NULL)
		return;
	free(w->scratch->heap);
	free(w->scratch->width);
	free(w->scratch->found);
	free(w->scratch->settled);
	free(w->scratch->visit);
	free(w->scratch->next);
	free(w->scratch->stack);
	free(w->scratch->finished);
	free(w->scratch);
	free(w->via);
	free(w->depth);
	free(w->count);
	free(w->exchanges);
	free(w->failures);
	free(w);
}

/* ---- the widest ---- */

static bool goes_before(const struct waiting *a, const struct waiting *b)
{
	if (a->width != b->width)
		return a->width > b->width;
	if (a->depth != b->depth)
		return a->depth < b->depth;
	return a->found != b->found ? a->found < b->found : a->link < b->link;
}

static void push(struct fl_ways_scratch *s, struct waiting item)
{
	if (s->heap_count == s->heap_room) {
		s->heap_room = fl_grown(s->heap_room, s->heap_count + 1);
		s->heap = fl_grow_array(s->heap, s->heap_room, sizeof(*s->heap));
	}
	size_t i = s->heap_count++;
	for (; i > 0 && goes_before(&item, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = item;
}

static struct waiting pop(struct fl_ways_scratch *s)
{
	struct waiting top = s->heap[0], last = s->heap[--s->heap_count];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < s->heap_count; i = child) {
		child += child + 1 < s->heap_count && goes_before(&s->heap[child + 1], &s->heap[child]);
		if (!goes_before(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
	}
	if (s->heap_count > 0)
		s->heap[i] = last;
	return top;
}

/* A power of two: replicas with about as many exchanges count as the same, so that it is always the first of them
 * that is told, as in rankings. */
static uint64_t width_of(const struct fl_scan_dependency *d)
{
	return (uint64_t)ilogb((double)d->exchanges + 1);
}

static void push_links_of(struct fl_ways *w, const struct fl_links *links, fl_node_id v)
{
	struct fl_ways_scratch *s = w->scratch;
	for (size_t i = links->first[v]; i < links->first[v + 1]; i++) {
		const struct fl_link *link = &links->list[i];
		uint64_t width = s->width[v];
		if (s->settled[link->to])
			continue;
		if (link->evidence != NULL && width_of(link->evidence->merged) < width)
			width = width_of(link->evidence->merged);
		push(s, (struct waiting){ width, w->depth[v] + 1, s->found[v], link->to, i });
	}
}

static void find_widest(struct fl_ways *w, const struct fl_links *links, const fl_node_id *reached, size_t count)
{
	struct fl_ways_scratch *s = w->scratch;
	for (size_t i = 0; i < count; i++) {
		s->settled[reached[i]] = false;
		s->found[reached[i]] = (uint32_t)i;
	}
	s->width[reached[0]] = UINT64_MAX;
	s->settled[reached[0]] = true;
	w->depth[reached[0]] = 0;
	push_links_of(w, links, reached[0]);
	while (s->heap_count > 0) {
		struct waiting top = pop(s);
		if (s->settled[top.node])
			continue;
		s->settled[top.node] = true;
		s->width[top.node] = top.width;
		w->depth[top.node] = top.depth;
		w->via[top.node] = top.link;
		push_links_of(w, links, top.node);
	}
}

/* ---- how many, how much ---- */

/* Nodes in the order in which they are left; the start last. Returns how many. */
static size_t visit_all(struct fl_ways_scratch *s, const struct fl_links *links, fl_node_id start)
{
	size_t depth = 0, finished = 0;
	s->stack[depth++] = start;
	s->visit[start] = OPEN;
	s->next[start] = links->first[start];
	while (depth > 0) {
		fl_node_id v = s->stack[depth - 1];
		if (s->next[v] == links->first[v + 1]) {
			s->visit[v] = DONE;
			s->finished[finished++] = v;
			depth--;
			continue;
		}
		fl_node_id to = links->list[s->next[v]++].to;
		if (s->visit[to] != UNSEEN)
			continue;
		s->visit[to] = OPEN;
		s->next[to] = links->first[to];
		s->stack[depth++] = to;
	}
	return finished;
}

static void count_ways(struct fl_ways *w, const struct fl_links *links, const fl_node_id *reached, size_t count)
{
	struct fl_ways_scratch *s = w->scratch;
	for (size_t i = 0; i < count; i++) {
		s->visit[reached[i]] = UNSEEN;
		w->count[reached[i]] = 0;
	}
	size_t finished = visit_all(s, links, reached[0]);
	for (size_t i = 0; i < finished; i++)
		s->found[s->finished[i]] = (uint32_t)i;
	w->count[reached[0]] = 1;
	while (finished-- > 0) {
		fl_node_id v = s->finished[finished];
		for (size_t i = links->first[v]; i < links->first[v + 1]; i++) {
			fl_node_id to = links->list[i].to;
			if (s->found[to] >= s->found[v]) /* left later: the link leads back */
				continue;
			w->count[to] += w->count[v];
			w->count[to] = w->count[to] < FL_REACH_WAYS_MAX ? w->count[to] : FL_REACH_WAYS_MAX;
		}
	}
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add_up(struct fl_ways *w, const struct fl_links *links, const fl_node_id *reached, size_t count)
{
	for (size_t i = 0; i < count; i++)
		w->exchanges[reached[i]] = w->failures[reached[i]] = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t k = links->first[reached[i]]; k < links->first[reached[i] + 1]; k++) {
			const struct fl_link *link = &links->list[k];
			if (link->evidence == NULL)
				continue;
			const struct fl_scan_dependency *m = link->evidence->merged;
			w->exchanges[link->to] = add(w->exchanges[link->to], m->exchanges);
			w->failures[link->to] = add(w->failures[link->to], m->failures);
		}
}

void fl_ways_run(struct fl_ways *w, const struct fl_links *links, const fl_node_id *reached, size_t count)
{
	find_widest(w, links, reached, count);
	count_ways(w, links, reached, count);
	add_up(w, links, reached, count);
}
