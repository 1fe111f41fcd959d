/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reach.c - transitive dependencies with the path that leads to each
 *
 * A breadth-first search per start over "v uses m": m is a member of a group of v, whatever
 * its `needs`. A background use is a use; that nothing waits for it stands in the row. The
 * queue is first in, first out and the neighbours of a node are taken in
 * ascending order, so nodes leave the queue in the order of their paths compared node by
 * node, and the first to find a node has the smallest of the shortest paths. Where packets were seen,
 * the path told is the one with the most exchanges instead (reach_ways.c).
 *
 * Links are distinct (v, m) pairs, flattened once for all starts and sorted: where
 * several groups hold the same pair, one that is waited for wins over background, then the larger
 * coupling. The coupling of a link is that of the dependency seen there, which may be
 * unknown; links without evidence, such as an endpoint to its address, take the group's, which is 1.
 *
 * The coupling of a row of several links is what the start loses when the far end is down, by the
 * same rule that a ranking uses: the product along one path knows neither of other ways to the same end nor of
 * replicas, and would contradict it. That takes a run over the graph for each far end; beyond
 * FL_REACH_EXACT_NODES nodes, or where the runs would take too long, it is the product all the same.
 *
 * Rows are kept for endpoints and resolvers only; hosts, addresses and providers are ways,
 * not things a service uses. A graph file without endpoints (drawn by hand, made by other
 * tools) has no such distinction, so there every node is worth a row; scans without endpoints saw none used.
 */
#include "faultline/reach.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "loss.h"
#include "reach_ways.h"

/* Nodes times links that exact shares and ways are worked out for: some seconds. */
#define WORK_MAX 4e8

struct search {
	const struct fl_system *system;
	struct fl_link *links; /* sorted by from, to */
	size_t link_count;
	size_t *first;   /* order + 1 */
	bool *wanted;    /* rows are kept for these */
	uint32_t *epoch; /* start + 1 of the search that saw the node last */
	size_t *via;     /* link that found it */
	uint32_t *depth;
	fl_node_id *queue;
	struct fl_ways *ways; /* NULL: too large, or nothing was seen */
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
	const struct fl_link *a = va, *b = vb;
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
		struct fl_link *link = &s->links[i];
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
			s->links[total++] = (struct fl_link){ .from = group->of,
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

/* The link from one node to the other; links are sorted. */
static const struct fl_link *find_link(const struct search *s, fl_node_id from, fl_node_id to)
{
	size_t low = s->first[from], high = s->first[from + 1];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->links[middle].to < to)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->first[from + 1] && s->links[low].to == to ? &s->links[low] : NULL;
}

/* The path that @via leaves behind, product and background of its links. */
static void trace(const struct search *s, struct fl_reached *row, fl_node_id *path, const size_t *via)
{
	fl_node_id v = row->to;
	for (size_t i = row->path_length - 1; i > 0; i--) {
		const struct fl_link *link = row->direct ? find_link(s, row->from, row->to) : &s->links[via[v]];
		path[i] = v;
		row->coupling *= link->coupling;
		row->background |= link->background;
		row->last = i + 1 == row->path_length ? link->evidence : row->last;
		v = link->from;
	}
	path[0] = row->from;
	assert(v == row->from);
}

static void add_row(struct search *s, fl_node_id from, fl_node_id to)
{
	bool direct = find_link(s, from, to) != NULL;
	size_t length = direct ? 2 : (size_t)(s->ways != NULL ? s->ways->depth[to] : s->depth[to]) + 1;
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
		.direct = direct,
		.path = path,
		.path_length = length,
		.coupling = 1 };
	trace(s, &row, path, s->ways != NULL ? s->ways->via : s->via);
	const struct fl_scan_dependency *last = row.last != NULL ? row.last->merged : NULL;
	row.exchanges = last != NULL ? last->exchanges : 0;
	row.failures = last != NULL ? last->failures : 0;
	if (s->ways != NULL) {
		row.other_ways = s->ways->count[to] > 0 ? s->ways->count[to] - 1 : 0;
		row.exchanges = direct ? row.exchanges : s->ways->exchanges[to];
		row.failures = direct ? row.failures : s->ways->failures[to];
	}
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
		}
	}
	if (s->ways != NULL)
		fl_ways_run(s->ways, &(struct fl_links){ s->links, s->first, fl_graph_order(s->system->graph) },
			s->queue, tail);
	for (size_t i = 1; i < tail; i++)
		if (s->wanted[s->queue[i]])
			add_row(s, from, s->queue[i]);
}

/* ---- shares ---- */

static int compare_ends(const void *va, const void *vb)
{
	const struct fl_reached *a = *(struct fl_reached *const *)va, *b = *(struct fl_reached *const *)vb;
	return compare_pairs(a->to, a->from, b->to, b->from);
}

/* What each start loses when the far end is down, in place of the product. */
static void set_shares(struct search *s)
{
	struct fl_reached **rows = fl_alloc_array(s->reach->count, sizeof(*rows));
	struct fl_loss *loss = fl_loss_new(s->system->graph);
	const double *lost = NULL;
	size_t count = 0;
	for (size_t i = 0; i < s->reach->count; i++)
		if (!s->rows[i].direct)
			rows[count++] = &s->rows[i];
	if (count > 1)
		qsort(rows, count, sizeof(*rows), compare_ends);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || rows[i]->to != rows[i - 1]->to)
			lost = fl_loss_run(loss, &rows[i]->to, 1);
		rows[i]->coupling = round(lost[rows[i]->from] * 1e12) / 1e12; /* 1 - (1 - 0.2) is 0.2 */
		rows[i]->background = rows[i]->background && !(rows[i]->coupling > 0);
	}
	fl_loss_free(loss);
	free(rows);
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

/* Is all that can be told of each row worked out? */
static bool is_exact(const struct search *s)
{
	uint32_t order = fl_graph_order(s->system->graph);
	return order <= FL_REACH_EXACT_NODES && (double)order * (double)s->link_count <= WORK_MAX;
}

static void begin(struct search *s)
{
	const struct fl_graph *g = s->system->graph;
	uint32_t order = fl_graph_order(g);
	bool endpoints = s->system->scans.count > 0 || has_kind(g, "endpoint");
	make_links(s);
	s->wanted = fl_alloc_array(order, sizeof(*s->wanted));
	s->epoch = fl_alloc_array(order, sizeof(*s->epoch));
	s->via = fl_alloc_array(order, sizeof(*s->via));
	s->depth = fl_alloc_array(order, sizeof(*s->depth));
	s->queue = fl_alloc_array(order, sizeof(*s->queue));
	for (fl_node_id v = 0; v < order; v++)
		s->wanted[v] = !endpoints || fl_graph_is_kind(g, v, "endpoint") ||
			       fl_graph_is_kind(g, v, "resolver");
	s->reach->products = !is_exact(s);
	if (!s->reach->products && s->system->dependency_count > 0)
		s->ways = fl_ways_new(&(struct fl_links){ s->links, s->first, order });
}

static void end(struct search *s)
{
	fl_ways_free(s->ways);
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
	if (!reach->products)
		set_shares(&s);
	sort_rows(&s);
	end(&s);
	return reach;
}

void fl_reach_free(struct fl_reach *r)
{
	if (r != NULL)
		fl_arena_free(r->arena);
}
