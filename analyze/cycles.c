/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cycles.c - circular dependencies
 *
 * Strongly connected components by Tarjan's algorithm (SIAM Journal on Computing 1(2), 1972) with a stack of our own,
 * since a chain of a million nodes would end a recursion. What can come up from nothing is the mirror of the blast
 * radius: a least fixed point, too, with a counter of members that are up in each group and one of groups that still wait
 * in each node. What lies outside a component counts as up there: whether it can start is its own question.
 */
#include "faultline/cycles.h"

#include <stdlib.h>

enum { NO_COMPONENT = 0 };

struct frame {
	fl_node_id node;
	fl_group_id group;
	uint32_t member;
};

struct tarjan {
	const struct fl_graph *graph;
	uint32_t *number, *low; /* from 1; 0: not seen */
	uint32_t *component;    /* from 1 */
	fl_node_id *stack;
	struct frame *frames;
	size_t stacked, depth;
	uint32_t next, components;
};

/* ---- strongly connected components ---- */

static void enter(struct tarjan *t, fl_node_id v)
{
	uint32_t count;

	t->number[v] = t->low[v] = ++t->next;
	t->stack[t->stacked++] = v;
	t->frames[t->depth++] = (struct frame){ v, fl_graph_groups_of(t->graph, v, &count), 0 };
}

static void leave(struct tarjan *t, fl_node_id v)
{
	if (t->low[v] == t->number[v]) {
		t->components++;
		fl_node_id w;
		do {
			w = t->stack[--t->stacked];
			t->component[w] = t->components;
		} while (w != v);
	}
	t->depth--;
	if (t->depth > 0) {
		fl_node_id above = t->frames[t->depth - 1].node;
		t->low[above] = t->low[v] < t->low[above] ? t->low[v] : t->low[above];
	}
}

/* The next required member of the node on top; FL_NODE_NONE at the end. */
static fl_node_id next_member(struct tarjan *t)
{
	struct frame *f = &t->frames[t->depth - 1];
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(t->graph, f->node, &count);

	while (f->group < first + count) {
		const struct fl_group *group = fl_graph_group(t->graph, f->group);
		if (group->needs > 0 && f->member < group->member_count)
			return group->members[f->member++];
		f->group++;
		f->member = 0;
	}
	return FL_NODE_NONE;
}

static void find_components(struct tarjan *t)
{
	for (fl_node_id root = 0; root < fl_graph_order(t->graph); root++) {
		if (t->number[root] == 0)
			enter(t, root);
		while (t->depth > 0) {
			fl_node_id v = t->frames[t->depth - 1].node, w = next_member(t);
			if (w == FL_NODE_NONE)
				leave(t, v);
			else if (t->number[w] == 0)
				enter(t, w);
			else if (t->component[w] == NO_COMPONENT && t->number[w] < t->low[v])
				t->low[v] = t->number[w];
		}
	}
}

/* ---- what comes up from nothing ---- */

/* Groups of each node that still wait, with everything outside its component up. */
static void count_waiting(const struct tarjan *t, uint32_t *have, uint32_t *waiting)
{
	for (fl_group_id i = 0; i < fl_graph_group_count(t->graph); i++) {
		const struct fl_group *group = fl_graph_group(t->graph, i);
		for (uint32_t m = 0; m < group->member_count; m++)
			have[i] += t->component[group->members[m]] != t->component[group->of];
		waiting[group->of] += have[i] < group->needs;
	}
}

static bool *come_up(const struct tarjan *t)
{
	const struct fl_graph *g = t->graph;
	uint32_t order = fl_graph_order(g), count, n = 0;
	bool *up = fl_alloc_array(order, sizeof(*up));
	uint32_t *waiting = fl_alloc_array(order, sizeof(*waiting));
	uint32_t *have = fl_alloc_array(fl_graph_group_count(g), sizeof(*have));
	fl_node_id *queue = fl_alloc_array(order, sizeof(*queue));

	count_waiting(t, have, waiting);
	for (fl_node_id v = 0; v < order; v++)
		if (waiting[v] == 0)
			queue[n++] = v;
	for (uint32_t i = 0; i < n; i++) {
		up[queue[i]] = true;
		const fl_group_id *in = fl_graph_memberships(g, queue[i], &count);
		for (uint32_t k = 0; k < count; k++) {
			const struct fl_group *group = fl_graph_group(g, in[k]);
			if (t->component[group->of] == t->component[queue[i]] &&
				++have[in[k]] == group->needs && --waiting[group->of] == 0)
				queue[n++] = group->of;
		}
	}
	free(waiting);
	free(have);
	free(queue);
	return up;
}

/* ---- findings ---- */

struct making {
	const struct tarjan *t;
	const bool *up;
	struct fl_cycles *result;
	fl_node_id *nodes; /* sorted by component, then id */
	fl_node_id *queue, *via;
	uint32_t *seen; /* component whose search saw the node */
};

static bool requires_itself(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, v, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		for (uint32_t m = 0; group->needs > 0 && m < group->member_count; m++)
			if (group->members[m] == v)
				return true;
	}
	return false;
}

/* Breadth-first inside the component; returns the node whose next step is @start again. */
static fl_node_id search_round(struct making *m, fl_node_id start)
{
	const struct fl_graph *g = m->t->graph;
	uint32_t component = m->t->component[start], count, n = 0;

	m->queue[n++] = start;
	m->seen[start] = component;
	for (uint32_t i = 0; i < n; i++) {
		fl_group_id first = fl_graph_groups_of(g, m->queue[i], &count);
		for (uint32_t k = 0; k < count; k++) {
			const struct fl_group *group = fl_graph_group(g, first + k);
			for (uint32_t x = 0; group->needs > 0 && x < group->member_count; x++) {
				fl_node_id w = group->members[x];
				if (w == start)
					return m->queue[i];
				if (m->t->component[w] != component || m->seen[w] == component)
					continue;
				m->seen[w] = component;
				m->via[w] = m->queue[i];
				m->queue[n++] = w;
			}
		}
	}
	return FL_NODE_NONE; /* not in a component of more than one node */
}

static void find_way(struct making *m, struct fl_cycle *c)
{
	fl_node_id start = c->nodes[0], last = search_round(m, start);
	size_t length = 2;

	for (fl_node_id v = last; v != start; v = m->via[v])
		length++;
	fl_node_id *way = fl_arena_array(m->result->arena, length, sizeof(*way));
	way[0] = way[length - 1] = start;
	size_t at = length - 2;
	for (fl_node_id v = last; v != start; v = m->via[v])
		way[at--] = v;
	c->way = way;
	c->way_length = length;
}

static void add_cycle(struct making *m, const fl_node_id *nodes, size_t count)
{
	struct fl_cycle *c = &m->result->list[m->result->count++];
	fl_node_id *copy = fl_arena_array(m->result->arena, count, sizeof(*copy));

	for (size_t i = 0; i < count; i++) {
		copy[i] = nodes[i];
		c->deadlock = c->deadlock || !m->up[nodes[i]];
	}
	c->nodes = copy;
	c->node_count = count;
	find_way(m, c);
}

static int compare_cycles(const void *va, const void *vb)
{
	const struct fl_cycle *a = va, *b = vb;

	if (a->deadlock != b->deadlock)
		return a->deadlock ? -1 : 1;
	if (a->node_count != b->node_count)
		return a->node_count > b->node_count ? -1 : 1;
	return (a->nodes[0] > b->nodes[0]) - (a->nodes[0] < b->nodes[0]);
}

/* Nodes by component, by counting: ids stay in order. */
static fl_node_id *sort_by_component(const struct tarjan *t, size_t *first)
{
	uint32_t order = fl_graph_order(t->graph);
	fl_node_id *nodes = fl_alloc_array(order, sizeof(*nodes));

	for (fl_node_id v = 0; v < order; v++)
		first[t->component[v] + 1]++;
	for (uint32_t c = 1; c <= t->components + 1; c++)
		first[c] += first[c - 1];
	for (fl_node_id v = 0; v < order; v++)
		nodes[first[t->component[v]]++] = v;
	for (uint32_t c = t->components + 1; c > 0; c--)
		first[c] = first[c - 1];
	first[0] = 0;
	return nodes;
}

static void make_list(struct making *m)
{
	const struct tarjan *t = m->t;
	size_t *first = fl_alloc_array((size_t)t->components + 2, sizeof(*first));

	m->nodes = sort_by_component(t, first);
	size_t wanted = 0;
	for (uint32_t c = 1; c <= t->components; c++) {
		const fl_node_id *nodes = &m->nodes[first[c]];
		wanted += first[c + 1] - first[c] > 1 || requires_itself(t->graph, nodes[0]);
	}
	m->result->list = fl_arena_array(m->result->arena, wanted, sizeof(*m->result->list));
	for (uint32_t c = 1; c <= t->components && wanted > 0; c++) {
		const fl_node_id *nodes = &m->nodes[first[c]];
		size_t count = first[c + 1] - first[c];
		if (count > 1 || requires_itself(t->graph, nodes[0]))
			add_cycle(m, nodes, count);
	}
	free(first);
	free(m->nodes);
}

struct fl_cycles *fl_cycles(const struct fl_graph *g)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_cycles *result = fl_arena_alloc(a, sizeof(*result));
	uint32_t order = fl_graph_order(g);
	struct tarjan t = { .graph = g };

	result->arena = a;
	t.number = fl_alloc_array(order, sizeof(*t.number));
	t.low = fl_alloc_array(order, sizeof(*t.low));
	t.component = fl_alloc_array(order, sizeof(*t.component));
	t.stack = fl_alloc_array(order, sizeof(*t.stack));
	t.frames = fl_alloc_array(order, sizeof(*t.frames));
	find_components(&t);
	bool *up = come_up(&t);
	struct making m = { .t = &t, .up = up, .result = result };
	m.queue = fl_alloc_array(order, sizeof(*m.queue));
	m.via = fl_alloc_array(order, sizeof(*m.via));
	m.seen = fl_alloc_array(order, sizeof(*m.seen));
	make_list(&m);
	if (result->count > 1)
		qsort(result->list, result->count, sizeof(*result->list), compare_cycles);
	free(m.queue);
	free(m.via);
	free(m.seen);
	free(up);
	free(t.number);
	free(t.low);
	free(t.component);
	free(t.stack);
	free(t.frames);
	return result;
}

void fl_cycles_free(struct fl_cycles *c)
{
	if (c != NULL)
		fl_arena_free(c->arena);
}
