/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * path.c - how one node depends on another: the shortest and the strongest way
 *
 * One search with a heap, twice: the cost of a link is 1, or -log of its coupling (Dijkstra, Numerische
 * Mathematik 1, 1959: no cost is negative). A coupling of 0 would cost infinity and make a way that is there
 * unfindable; it counts as 1e-12. Ties are broken by the number of links, then by the order in which nodes are
 * settled, which is by id: the result is the same on every machine.
 *
 * The second criterion of the shortest way is whether a link is waited for: of two equally short ways the one without
 * background uses is the one a person means, so a background link costs a little more than one, less than two. For
 * the strongest way it costs more than any coupling does.
 */
#include "faultline/path.h"

#include <math.h>
#include <stdlib.h>

#define COUPLING_LEAST 1e-12
#define BACKGROUND_EXTRA 1e-7 /* of a link; no way has 1e7 of them that matter */
#define BACKGROUND_WEAKNESS 30.0 /* more than a coupling can cost: no request goes that way */
#define SAME 1e-12            /* costs that differ by rounding only */

struct place {
	double cost;
	uint32_t hops;
	fl_node_id node;
};

struct heap {
	struct place *list;
	size_t count, capacity;
};

static bool before(const struct place *a, const struct place *b)
{
	if (fabs(a->cost - b->cost) > SAME)
		return a->cost < b->cost;
	if (a->hops != b->hops)
		return a->hops < b->hops;
	return a->node < b->node;
}

static void push(struct heap *h, struct place p)
{
	size_t i = h->count++;

	if (h->count > h->capacity) {
		h->capacity = fl_grown(h->capacity, h->count);
		h->list = fl_grow_array(h->list, h->capacity, sizeof(*h->list));
	}
	for (; i > 0 && before(&p, &h->list[(i - 1) / 2]); i = (i - 1) / 2)
		h->list[i] = h->list[(i - 1) / 2];
	h->list[i] = p;
}

static struct place pop(struct heap *h)
{
	struct place top = h->list[0], last = h->list[--h->count];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
		if (child + 1 < h->count && before(&h->list[child + 1], &h->list[child]))
			child++;
		if (!before(&h->list[child], &last))
			break;
		h->list[i] = h->list[child];
	}
	h->list[i] = last;
	return top;
}

struct search {
	const struct fl_graph *graph;
	bool by_strength;
	struct place *best; /* of a node: cost and hops of the way; hops UINT32_MAX: none yet */
	fl_node_id *via;
	fl_group_id *group; /* that led here */
	bool *settled;
	struct heap heap;
};

static double cost_of(const struct search *x, const struct fl_group *group)
{
	if (!x->by_strength)
		return group->needs == 0 ? 1 + BACKGROUND_EXTRA : 1;
	return (group->needs == 0 ? BACKGROUND_WEAKNESS : 0) - log(fmax(group->coupling, COUPLING_LEAST));
}

static void relax(struct search *x, const struct place *at, fl_group_id i)
{
	const struct fl_group *group = fl_graph_group(x->graph, i);

	for (uint32_t m = 0; m < group->member_count; m++) {
		fl_node_id v = group->members[m];
		struct place next = { at->cost + cost_of(x, group), at->hops + 1, v };
		if (x->settled[v] || (x->best[v].hops != UINT32_MAX && !before(&next, &x->best[v])))
			continue;
		x->best[v] = next;
		x->via[v] = at->node;
		x->group[v] = i;
		push(&x->heap, next);
	}
}

static bool run(struct search *x, fl_node_id from, fl_node_id to)
{
	uint32_t order = fl_graph_order(x->graph), count;

	for (fl_node_id v = 0; v < order; v++) {
		x->best[v] = (struct place){ .hops = UINT32_MAX };
		x->settled[v] = false;
	}
	x->heap.count = 0;
	x->best[from] = (struct place){ .node = from };
	push(&x->heap, x->best[from]);
	while (x->heap.count > 0 && !x->settled[to]) {
		struct place at = pop(&x->heap);
		if (x->settled[at.node])
			continue;
		x->settled[at.node] = true;
		fl_group_id first = fl_graph_groups_of(x->graph, at.node, &count);
		for (uint32_t i = 0; i < count; i++)
			relax(x, &at, first + i);
	}
	return x->settled[to];
}

static const struct fl_dependency *evidence_of(const struct fl_system *s, fl_node_id from, fl_node_id to)
{
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].from == from && s->dependencies[i].to == to &&
			s->dependencies[i].group != FL_GROUP_NONE)
			return &s->dependencies[i];
	return NULL;
}

static struct fl_path trace(const struct search *x, const struct fl_system *s, struct fl_arena *a, fl_node_id to)
{
	struct fl_path p = { .coupling = 1 };

	p.count = x->best[to].hops;
	struct fl_path_link *links = fl_arena_array(a, p.count, sizeof(*links));
	fl_node_id v = to;
	for (size_t i = p.count; i-- > 0; v = x->via[v]) {
		const struct fl_group *group = fl_graph_group(x->graph, x->group[v]);
		links[i] = (struct fl_path_link){ .from = x->via[v],
			.to = v,
			.group = x->group[v],
			.coupling = group->coupling,
			.evidence = evidence_of(s, x->via[v], v) };
		p.coupling *= group->coupling;
		p.background = p.background || group->needs == 0;
	}
	p.links = links;
	return p;
}

struct fl_paths *fl_paths(const struct fl_system *s, fl_node_id from, fl_node_id to)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_paths *p = fl_arena_alloc(a, sizeof(*p));
	uint32_t order = fl_graph_order(s->graph);
	struct search x = { .graph = s->graph };

	p->arena = a;
	x.best = fl_alloc_array(order, sizeof(*x.best));
	x.via = fl_alloc_array(order, sizeof(*x.via));
	x.group = fl_alloc_array(order, sizeof(*x.group));
	x.settled = fl_alloc_array(order, sizeof(*x.settled));
	p->found = run(&x, from, to);
	if (p->found) {
		p->shortest = trace(&x, s, a, to);
		x.by_strength = true;
		(void)run(&x, from, to);
		p->strongest = trace(&x, s, a, to);
	}
	free(x.best);
	free(x.via);
	free(x.group);
	free(x.settled);
	free(x.heap.list);
	return p;
}

void fl_paths_free(struct fl_paths *p)
{
	if (p != NULL)
		fl_arena_free(p->arena);
}
