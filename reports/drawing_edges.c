/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drawing_edges.c - the failure graph as a person would sketch it: the arrows
 *
 * Every requirement group of a drawn node becomes arrows to whatever stands for its members. A service's
 * host is the box it stands in and an endpoint's addresses are its text, so they get none. A group
 * that needs fewer than it has gets a small node "1 of 2" between, unless it belongs to an
 * endpoint, which says so itself, or asks resolvers. Groups are often several between one pair (two ports, one of them background):
 * on paper that is one arrow with the strongest use.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/drawing_build.h"

const char *fl_redundancy_remark(const struct fl_group *g)
{
	switch (g->redundancy) {
	case FL_REDUNDANCY_NONE:
		return "";
	case FL_REDUNDANCY_ASSUMED:
		return " (assumed)";
	case FL_REDUNDANCY_CONFIRMED:
		return " (confirmed)";
	}
	return "";
}

struct edge_list {
	struct fl_drawn_edge *list;
	size_t count, capacity;
};

static void add_edge(struct edge_list *e, struct fl_drawn_edge edge)
{
	if (edge.from == edge.to)
		return;
	if (e->count == e->capacity) {
		e->capacity = fl_grown(e->capacity, e->count + 1);
		e->list = fl_grow_array(e->list, e->capacity, sizeof(*e->list));
	}
	e->list[e->count++] = edge;
}

/* Dependencies by the group they became, for ports and fan-out; NULL entries where there is none. */
static const struct fl_dependency **index_dependencies(const struct fl_building *b)
{
	const struct fl_system *s = b->picture->system;
	size_t groups = fl_graph_group_count(b->graph);
	const struct fl_dependency **by_group = fl_alloc_array(groups + 1, sizeof(struct fl_dependency *));
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].group < groups && by_group[s->dependencies[i].group] == NULL)
			by_group[s->dependencies[i].group] = &s->dependencies[i];
	return by_group;
}

/* ":5432" for an arrow to a service; NULL when the service's name ends in it anyway. */
static const char *port_text(const struct fl_building *b, const struct fl_dependency *dep, uint32_t to)
{
	if (dep == NULL || dep->merged == NULL || b->drawing->nodes[to].kind != FL_DRAWN_SERVICE)
		return NULL;
	const char *name = b->drawing->nodes[to].lines[0];
	const struct fl_scan_dependency *m = dep->merged;
	const char *port = fl_arena_printf(b->drawing->arena, "%u", m->port);
	size_t n = strlen(name), p = strlen(port);
	if (n > p && strcmp(name + n - p, port) == 0)
		return NULL;
	bool tcp = m->transport == NULL || strcmp(m->transport, "tcp") == 0;
	return fl_arena_printf(b->drawing->arena, ":%s%s", port, tcp ? "" : "/udp");
}

static struct fl_drawn_edge edge_of(const struct fl_building *b, const struct fl_group *g,
	const struct fl_dependency *dep, uint32_t from, uint32_t to)
{
	bool known = dep != NULL && dep->merged != NULL;
	return (struct fl_drawn_edge){
		.from = from,
		.to = to,
		.background = g->needs == 0,
		.optional = g->needs == 0 || g->coupling < 0.5,
		.coupling = g->coupling,
		.fan_out = known ? dep->merged->fan_out : (double)NAN,
		.port = port_text(b, dep, to),
	};
}

/* What is drawn for member @v; FL_DRAWN_NONE for text and boxes. */
static uint32_t drawn_for(const struct fl_building *b, fl_node_id v)
{
	return b->role[v] == FL_ROLE_NODE || b->role[v] == FL_ROLE_FOLDED ? b->index_of[v] : FL_DRAWN_NONE;
}

static uint32_t add_choice(struct fl_building *b, const struct fl_group *g)
{
	struct fl_drawing *d = b->drawing;
	struct fl_drawn_node *n = &d->nodes[d->node_count];
	*n = (struct fl_drawn_node){
		.kind = FL_DRAWN_CHOICE,
		.node = FL_NODE_NONE,
		.cluster = FL_DRAWN_NONE,
		.step = b->picture->blast == NULL ? FL_STEP_UNKNOWN : FL_STEP_SURVIVES,
		.line_count = 1,
	};
	n->lines[0] = fl_arena_printf(d->arena, "%u of %u%s", g->needs, g->member_count,
		fl_redundancy_remark(g));
	return (uint32_t)d->node_count++;
}

/* A choice is worth a node where members that can be told apart stand behind it. */
static bool wants_choice(const struct fl_building *b, const struct fl_group *g)
{
	if (g->needs == 0 || g->needs >= g->member_count || fl_graph_is_kind(b->graph, g->of, "endpoint") ||
		fl_graph_is_kind(b->graph, g->members[0], "resolver")) /* every service has that one */
		return false;
	uint32_t first = FL_DRAWN_NONE;
	for (uint32_t i = 0; i < g->member_count; i++) {
		uint32_t at = drawn_for(b, g->members[i]);
		if (at == FL_DRAWN_NONE)
			continue;
		if (first != FL_DRAWN_NONE && at != first)
			return true;
		first = at;
	}
	return false;
}

static void add_group(struct fl_building *b, struct edge_list *e, const struct fl_group *g,
	const struct fl_dependency *dep)
{
	uint32_t from = b->index_of[g->of];
	uint32_t via = from;
	if (wants_choice(b, g)) {
		via = add_choice(b, g);
		add_edge(e, edge_of(b, g, dep, from, via));
		dep = NULL; /* its figures stand on the first arrow */
	}
	for (uint32_t i = 0; i < g->member_count; i++) {
		uint32_t to = drawn_for(b, g->members[i]);
		if (to == FL_DRAWN_NONE)
			continue;
		struct fl_drawn_edge edge = edge_of(b, g, dep, via, to);
		edge.resolving = fl_graph_is_kind(b->graph, g->members[i], "resolver");
		if (via != from)
			edge.coupling = NAN;
		add_edge(e, edge);
	}
}

static void add_users(struct fl_building *b, struct edge_list *e)
{
	struct fl_drawing *d = b->drawing;
	uint32_t count;
	const struct fl_entry_point *entries = fl_graph_entry_points(b->graph, &count);
	if (count == 0)
		return;
	uint32_t users = (uint32_t)d->node_count++;
	d->nodes[users] = (struct fl_drawn_node){
		.kind = FL_DRAWN_USERS,
		.node = FL_NODE_NONE,
		.cluster = FL_DRAWN_NONE,
		.step = b->picture->blast == NULL ? FL_STEP_UNKNOWN : FL_STEP_SURVIVES,
		.lines = { "users" },
		.line_count = 1,
	};
	for (uint32_t i = 0; i < count; i++) {
		uint32_t to = drawn_for(b, entries[i].node);
		if (to == FL_DRAWN_NONE)
			continue;
		struct fl_drawn_edge edge = { .from = users, .to = to, .fan_out = NAN };
		edge.coupling = count > 1 ? entries[i].weight : (double)NAN;
		add_edge(e, edge);
	}
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* By ends; between the same two ends the strongest use first. */
static int compare_edges(const void *left, const void *right)
{
	const struct fl_drawn_edge *a = left, *b = right;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	if (a->resolving != b->resolving)
		return a->resolving ? 1 : -1;
	if (a->background != b->background)
		return a->background ? 1 : -1;
	if (a->coupling > b->coupling || a->coupling < b->coupling)
		return a->coupling > b->coupling ? -1 : 1;
	return compare_text(a->port, b->port);
}

static size_t fold_edges(struct fl_drawn_edge *list, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		bool again = kept > 0 && list[i].from == list[kept - 1].from &&
			     list[i].to == list[kept - 1].to;
		if (!again)
			list[kept++] = list[i];
		else if (compare_text(list[i].port, list[kept - 1].port) != 0)
			list[kept - 1].port = NULL; /* several: the arrow means all of them */
	}
	return kept;
}

struct popular { uint32_t resolving, background; };

static bool is_knot(const struct fl_drawn_edge *e, const struct popular *p)
{
	enum { RESOLVING_MAX = 8, BACKGROUND_MAX = 4 };
	if (e->resolving)
		return p->resolving > RESOLVING_MAX;
	return e->background && p->background > BACKGROUND_MAX;
}

static void add_remark(struct fl_drawn_node *n, const char *remark)
{
	for (size_t i = 0; i < n->line_count; i++)
		if (strcmp(n->lines[i], remark) == 0)
			return;
	if (n->line_count < FL_DRAWN_LINES)
		n->lines[n->line_count++] = remark;
}

/* What everybody asks for names or uses in the background (time, packages) would be a knot of arrows that says
 * little: its node says by how many instead. Returns how many arrows are left. */
static size_t untie_knots(struct fl_drawing *d, struct fl_drawn_edge *list, size_t count)
{
	struct popular *popular = fl_alloc_array(d->node_count + 1, sizeof(*popular));
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		popular[list[i].to].resolving += list[i].resolving;
		popular[list[i].to].background += list[i].background && !list[i].resolving;
	}
	for (size_t i = 0; i < count; i++) {
		const struct popular *p = &popular[list[i].to];
		if (!is_knot(&list[i], p))
			list[kept++] = list[i];
		else if (list[i].resolving)
			add_remark(&d->nodes[list[i].to],
				fl_arena_printf(d->arena, "resolver of %u nodes", p->resolving));
		else
			add_remark(&d->nodes[list[i].to],
				fl_arena_printf(d->arena, "background of %u nodes", p->background));
	}
	free(popular);
	return kept;
}

void fl_building_add_edges(struct fl_building *b)
{
	struct edge_list e = { 0 };
	const struct fl_dependency **by_group = index_dependencies(b);
	uint32_t groups = fl_graph_group_count(b->graph);
	for (fl_group_id i = 0; i < groups; i++) {
		const struct fl_group *g = fl_graph_group(b->graph, i);
		if (b->role[g->of] == FL_ROLE_NODE)
			add_group(b, &e, g, by_group[i]);
	}
	add_users(b, &e);
	free(by_group);

	struct fl_drawing *d = b->drawing;
	if (e.count > 0)
		qsort(e.list, e.count, sizeof(*e.list), compare_edges);
	d->edge_count = untie_knots(d, e.list, fold_edges(e.list, e.count));
	d->edges = fl_arena_array(d->arena, d->edge_count + 1, sizeof(*d->edges));
	if (d->edge_count > 0)
		memcpy(d->edges, e.list, d->edge_count * sizeof(*d->edges));
	free(e.list);
}
