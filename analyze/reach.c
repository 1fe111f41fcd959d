/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach.c - transitive dependencies with the path that leads to each
 *
 * A breadth-first search per start over "v uses m": m is a member of a group of v, whatever
 * its `needs`. A background use is a use; that nothing waits for it stands in the row. The
 * queue is first in, first out and the neighbours of a node are taken in
 * ascending order, so nodes leave the queue in the order of their paths compared node by
 * node, and the first to find a node has the smallest of the shortest paths.
 *
 * Links are distinct (v, m) pairs, flattened once for all starts and sorted: where
 * several groups hold the same pair, one that is waited for wins over background, then the larger
 * coupling. The coupling of a link is that of the dependency seen there, which may be
 * unknown (NaN makes the product unknown too); links without evidence, such as an
 * endpoint to its address, take the group's, which is 1.
 *
 * Rows are kept for endpoints and resolvers only; hosts, addresses and providers are ways,
 * not things a service uses. A file without endpoints (drawn by hand, made by other
 * tools) has no such distinction, so there every node is worth a row.
 */
#include "faultline/reach.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

struct link {
	fl_node_id from, to;
	double coupling;
	bool background;
	const struct fl_dependency *evidence; /* NULL */
};

struct search {
	const struct fl_system *system;
	struct link *links; /* sorted by from, to */
	size_t link_count;
	size_t *first;   /* order + 1 */
	bool *wanted;    /* rows are kept for these */
	uint32_t *epoch; /* start + 1 of the search that saw the node last */
	size_t *via;     /* link that found it */
	uint32_t *depth;
	fl_node_id *queue;
	struct fl_reach *reach;
	size_t capacity, path_nodes;
	struct fl_reached *rows;
};

/* ---- links ---- */

static int compare_pairs(fl_node_id a_from, fl_node_id a_to, fl_node_id b_from, fl_node_id b_to)
{
	if (a_from != b_from)
		return a_from < b_from ? -1 : 1;
	return (a_to > b_to) - (a_to < b_to);
}

static int compare_links(const void *va, const void *vb)
{
	const struct link *a = va, *b = vb;
	int order = compare_pairs(a->from, a->to, b->from, b->to);
	if (order != 0)
		return order;
	if (a->background != b->background)
		return a->background ? 1 : -1;
	return (b->coupling > a->coupling) - (b->coupling < a->coupling);
}

static int compare_evidence(const void *va, const void *vb)
{
	const struct fl_dependency *a = *(const struct fl_dependency *const *)va;
	const struct fl_dependency *b = *(const struct fl_dependency *const *)vb;
	int order = compare_pairs(a->from, a->to, b->from, b->to);
	return order != 0 ? order : (a > b) - (a < b); /* of one array: its order */
}

/* Dependencies sort as links do, so both are walked side by side. */
static void attach_evidence(struct search *s)
{
	const struct fl_system *system = s->system;
	const struct fl_dependency **sorted = fl_alloc_array(system->dependency_count, sizeof(*sorted));
	size_t count = 0, next = 0;
	for (size_t i = 0; i < system->dependency_count; i++) {
		const struct fl_dependency *d = &system->dependencies[i];
		if (d->from != FL_NODE_NONE && d->to != FL_NODE_NONE)
			sorted[count++] = d;
	}
	if (count > 1)
		qsort(sorted, count, sizeof(*sorted), compare_evidence);
	for (size_t i = 0; i < s->link_count; i++) {
		struct link *link = &s->links[i];
		while (next < count &&
			compare_pairs(sorted[next]->from, sorted[next]->to, link->from, link->to) < 0)
			next++;
		if (next == count ||
			compare_pairs(sorted[next]->from, sorted[next]->to, link->from, link->to) != 0)
			continue;
		link->evidence = sorted[next];
		link->coupling = sorted[next]->merged->coupling;
	}
	free(sorted);
}

static void make_links(struct search *s)
{
	const struct fl_graph *g = s->system->graph;
	size_t total = 0, kept = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++)
		total += fl_graph_group(g, i)->member_count;
	s->links = fl_alloc_array(total, sizeof(*s->links));
	total = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		for (uint32_t m = 0; m < group->member_count; m++)
			s->links[total++] = (struct link){ .from = group->of,
				.to = group->members[m],
				.coupling = group->coupling,
				.background = group->needs == 0 };
	}
	if (total > 1)
		qsort(s->links, total, sizeof(*s->links), compare_links);
	s->first = fl_alloc_array((size_t)fl_graph_order(g) + 1, sizeof(*s->first));
	for (size_t i = 0; i < total; i++) {
		if (kept > 0 && s->links[kept - 1].from == s->links[i].from &&
			s->links[kept - 1].to == s->links[i].to)
			continue;
		s->links[kept++] = s->links[i];
		s->first[s->links[i].from + 1]++;
	}
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		s->first[v + 1] += s->first[v];
	s->link_count = kept;
	attach_evidence(s);
}

/* ---- one start ---- */

static void add_row(struct search *s, fl_node_id from, fl_node_id to)
{
	size_t length = (size_t)s->depth[to] + 1;
	if (s->reach->count == FL_REACH_MAX || length > FL_REACH_PATHS_MAX - s->path_nodes) {
		s->reach->dropped++;
		return;
	}
	s->path_nodes += length;
	if (s->reach->count == s->capacity) {
		s->capacity = fl_grown(s->capacity, s->reach->count + 1);
		s->rows = fl_grow_array(s->rows, s->capacity, sizeof(*s->rows));
	}
	fl_node_id *path = fl_arena_array(s->reach->arena, length, sizeof(*path));
	struct fl_reached row = { .from = from,
		.to = to,
		.direct = length == 2,
		.path = path,
		.path_length = length,
		.coupling = 1,
		.last = s->links[s->via[to]].evidence };
	fl_node_id v = to;
	for (size_t i = length - 1; i > 0; i--) {
		const struct link *link = &s->links[s->via[v]];
		path[i] = v;
		row.coupling *= link->coupling;
		row.background |= link->background;
		v = link->from;
	}
	path[0] = from;
	assert(v == from);
	s->rows[s->reach->count++] = row;
}

static void search_from(struct search *s, fl_node_id from)
{
	uint32_t epoch = from + 1;
	size_t head = 0, tail = 0;
	s->queue[tail++] = from;
	s->epoch[from] = epoch;
	s->depth[from] = 0;
	while (head < tail) {
		fl_node_id v = s->queue[head++];
		for (size_t i = s->first[v]; i < s->first[v + 1]; i++) {
			fl_node_id to = s->links[i].to;
			if (s->epoch[to] == epoch)
				continue;
			s->epoch[to] = epoch;
			s->via[to] = i;
			s->depth[to] = s->depth[v] + 1;
			s->queue[tail++] = to;
			if (s->wanted[to])
				add_row(s, from, to);
		}
	}
}

/* ---- the whole ---- */

struct sorted_row {
	struct fl_reached row;
	enum fl_scope scope;
};

static int compare_rows(const void *va, const void *vb)
{
	const struct sorted_row *a = va, *b = vb;
	if (a->row.from != b->row.from)
		return a->row.from < b->row.from ? -1 : 1;
	if (a->scope != b->scope)
		return a->scope > b->scope ? -1 : 1; /* external is the last of the enum */
	return (a->row.to > b->row.to) - (a->row.to < b->row.to);
}

static void sort_rows(struct search *s)
{
	struct fl_reach *reach = s->reach;
	struct sorted_row *sorted = fl_alloc_array(reach->count, sizeof(*sorted));
	for (size_t i = 0; i < reach->count; i++)
		sorted[i] = (struct sorted_row){ .row = s->rows[i],
			.scope = fl_system_scope(s->system, s->rows[i].to) };
	if (reach->count > 1)
		qsort(sorted, reach->count, sizeof(*sorted), compare_rows);
	reach->list = fl_arena_array(reach->arena, reach->count, sizeof(*reach->list));
	for (size_t i = 0; i < reach->count; i++)
		reach->list[i] = sorted[i].row;
	free(sorted);
}

static bool has_kind(const struct fl_graph *g, const char *kind)
{
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		if (fl_graph_is_kind(g, v, kind))
			return true;
	return false;
}

static void search_all(struct search *s, fl_node_id from)
{
	const struct fl_graph *g = s->system->graph;
	bool services = has_kind(g, "service");
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		if (from == FL_NODE_NONE ? !services || fl_graph_is_kind(g, v, "service") : v == from)
			search_from(s, v);
}

static void begin(struct search *s)
{
	const struct fl_graph *g = s->system->graph;
	uint32_t order = fl_graph_order(g);
	bool endpoints = has_kind(g, "endpoint");
	make_links(s);
	s->wanted = fl_alloc_array(order, sizeof(*s->wanted));
	s->epoch = fl_alloc_array(order, sizeof(*s->epoch));
	s->via = fl_alloc_array(order, sizeof(*s->via));
	s->depth = fl_alloc_array(order, sizeof(*s->depth));
	s->queue = fl_alloc_array(order, sizeof(*s->queue));
	for (fl_node_id v = 0; v < order; v++)
		s->wanted[v] = !endpoints || fl_graph_is_kind(g, v, "endpoint") ||
			       fl_graph_is_kind(g, v, "resolver");
}

static void end(struct search *s)
{
	free(s->links);
	free(s->first);
	free(s->wanted);
	free(s->epoch);
	free(s->via);
	free(s->depth);
	free(s->queue);
	free(s->rows);
}

struct fl_reach *fl_reach(const struct fl_system *system, fl_node_id from)
{
	struct fl_arena *arena = fl_arena_new();
	struct fl_reach *reach = fl_arena_alloc(arena, sizeof(*reach));
	struct search s = { .system = system, .reach = reach };
	reach->arena = arena;
	begin(&s);
	search_all(&s, from);
	sort_rows(&s);
	end(&s);
	return reach;
}

void fl_reach_free(struct fl_reach *r)
{
	if (r != NULL)
		fl_arena_free(r->arena);
}
