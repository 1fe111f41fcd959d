/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_edges.c - who calls what, with the facts of all replicas, in each window
 *
 * A team is a set of services that stand for one another: the graph has them in a group with members to
 * spare. The caller of an edge is a team; what it calls is an endpoint, or all interchangeable backends that
 * it reaches by bare address and that are one team.
 *
 * Windows: scans of several hosts never begin at the same instant, and a watch cuts them every few minutes. A
 * scan belongs to the window that began last before the middle of its own time; else it begins a new one.
 * Facts of one window lie on each other bucket by bucket, those of several windows would be smeared, so they
 * are kept apart.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/behave_internal.h"

/* ---- windows ---- */

static int by_start(const void *a, const void *b)
{
	const struct fl_scan *const *x = a, *const *y = b;
	if ((*x)->start_ns != (*y)->start_ns)
		return (*x)->start_ns < (*y)->start_ns ? -1 : 1;
	return ((*x)->end_ns > (*y)->end_ns) - ((*x)->end_ns < (*y)->end_ns);
}

static uint64_t length(int64_t start_ns, int64_t end_ns)
{
	return end_ns < start_ns ? 0 : (uint64_t)end_ns - (uint64_t)start_ns;
}

/* Window of each scan of the set, by its place there. */
static size_t *find_windows(struct behave *b)
{
	const struct fl_scan_set *set = &b->system->scans;
	struct fl_scan **order = fl_alloc_array(set->count + 1, sizeof(struct fl_scan *));
	size_t *window_of = fl_arena_array(b->arena, set->count + 1, sizeof(*window_of));
	b->windows = fl_arena_array(b->arena, set->count, sizeof(*b->windows));
	for (size_t i = 0; i < set->count; i++)
		order[i] = set->list[i];
	qsort(order, set->count, sizeof(*order), by_start);
	for (size_t i = 0; i < set->count; i++) {
		struct behave_window *w = b->window_count > 0 ? &b->windows[b->window_count - 1] : NULL;
		if (w == NULL ||
			length(w->start_ns, order[i]->start_ns) * 2 > length(w->start_ns, w->end_ns)) {
			w = &b->windows[b->window_count++];
			*w = (struct behave_window){ order[i]->start_ns, order[i]->end_ns };
		}
		w->end_ns = order[i]->end_ns > w->end_ns ? order[i]->end_ns : w->end_ns;
	}
	free(order);
	for (size_t i = 0, k; i < set->count; i++) {
		for (k = b->window_count - 1; k > 0 && b->windows[k].start_ns > set->list[i]->start_ns; k--)
			;
		window_of[i] = k;
	}
	return window_of;
}

/* ---- teams ---- */

static size_t root_of(size_t *parent, size_t i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

static void unite(size_t *parent, size_t a, size_t b)
{
	size_t x = root_of(parent, a), y = root_of(parent, b);
	if (x < y)
		parent[y] = x;
	else
		parent[x] = y;
}

struct teaming {
	struct behave *b;
	size_t *service_of; /* by graph node: index of the system's services; BEHAVE_NONE */
	size_t *parent;     /* by service */
	size_t *team_of;    /* by service */
};

static bool is_spare(const struct fl_group *g)
{
	return g->needs > 0 && g->needs < g->member_count;
}

/* Services that @v stands for: itself, or where an endpoint leads. Unites them, returns one. */
static size_t services_behind(struct teaming *t, fl_node_id v)
{
	const struct fl_graph *g = t->b->system->graph;
	size_t found = t->service_of[v];
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, v, &count);
	if (found != BEHAVE_NONE || !fl_graph_is_kind(g, v, "endpoint"))
		return found;
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		for (uint32_t k = 0; k < group->member_count; k++) {
			size_t s = t->service_of[group->members[k]];
			if (s != BEHAVE_NONE && found == BEHAVE_NONE)
				found = s;
			if (s != BEHAVE_NONE && is_spare(group))
				unite(t->parent, found, s);
		}
	}
	return found;
}

static void unite_replicas(struct teaming *t)
{
	const struct fl_graph *g = t->b->system->graph;
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		size_t first = BEHAVE_NONE;
		for (uint32_t k = 0; is_spare(group) && k < group->member_count; k++) {
			if (fl_graph_is_kind(g, group->members[k], "resolver"))
				continue;
			size_t s = services_behind(t, group->members[k]);
			if (s != BEHAVE_NONE && first != BEHAVE_NONE)
				unite(t->parent, first, s);
			first = first == BEHAVE_NONE ? s : first;
		}
	}
}

static void add_member(struct behave *b, struct behave_team *team, size_t service, const size_t *window_of)
{
	const struct fl_system_service *s = &b->system->services[service];
	size_t k = 0;
	team->services[team->count] = service;
	team->ids[team->count++] = s->id;
	while (k < team->host_count && strcmp(team->hosts[k], s->host) < 0)
		k++;
	if (k == team->host_count || strcmp(team->hosts[k], s->host) != 0) {
		memmove(&team->hosts[k + 1], &team->hosts[k], (team->host_count - k) * sizeof(*team->hosts));
		team->hosts[k] = s->host;
		team->host_count++;
	}
	for (size_t i = 0; i < s->record_count; i++)
		fl_behaviour_merge(
			b->arena, &team->window[window_of[s->records[i].scan]], s->records[i].s->behaviour);
}

static struct fl_behaviour *all_windows(struct behave *b, struct fl_behaviour *const *window)
{
	struct fl_behaviour *all = NULL;
	for (size_t i = 0; i < b->window_count; i++)
		fl_behaviour_merge(b->arena, &all, window[i]);
	return all;
}

static void make_teams(struct teaming *t, const size_t *window_of)
{
	struct behave *b = t->b;
	const struct fl_system *s = b->system;
	b->teams = fl_arena_array(b->arena, s->service_count, sizeof(*b->teams));
	size_t *size = fl_alloc_array(s->service_count + 1, sizeof(*size));
	for (size_t i = 0; i < s->service_count; i++)
		size[root_of(t->parent, i)]++;
	for (size_t i = 0; i < s->service_count; i++) {
		size_t root = root_of(t->parent, i);
		if (root == i) {
			t->team_of[i] = b->team_count++;
			struct behave_team *team = &b->teams[t->team_of[i]];
			team->ids = fl_arena_array(b->arena, size[i], sizeof(*team->ids));
			team->services = fl_arena_array(b->arena, size[i], sizeof(*team->services));
			team->hosts = fl_arena_array(b->arena, size[i], sizeof(*team->hosts));
			team->window = fl_arena_array(b->arena, b->window_count, sizeof(*team->window));
		}
		t->team_of[i] = t->team_of[root];
		add_member(b, &b->teams[t->team_of[i]], i, window_of);
	}
	for (size_t i = 0; i < b->team_count; i++)
		b->teams[i].all = all_windows(b, b->teams[i].window);
	free(size);
}

/* ---- edges ---- */

/* A dependency and the edge it is part of: (team of the caller, far end). */
struct part {
	size_t from;
	const char *far; /* id of the endpoint; of backends by bare address "team N" */
	size_t to;
	const struct fl_dependency *d;
};

static int by_edge(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int order = (x->from > y->from) - (x->from < y->from);
	order = order != 0 ? order : strcmp(x->far, y->far);
	if (order == 0 && (x->d->merged->class == FL_CLASS_PROBE) != (y->d->merged->class == FL_CLASS_PROBE))
		order = x->d->merged->class == FL_CLASS_PROBE ? 1 : -1;
	return order;
}

static int by_part(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int order = by_edge(a, b);
	return order != 0 ? order : (x->d > y->d) - (x->d < y->d); /* places in one array, which is sorted */
}

static size_t team_of_id(const struct teaming *t, const char *id)
{
	const struct fl_system *s = t->b->system;
	size_t low = 0, high = s->service_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(id, s->services[middle].id);
		if (order == 0)
			return t->team_of[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return BEHAVE_NONE;
}

static struct part part_of(struct teaming *t, const struct fl_dependency *d)
{
	struct behave *b = t->b;
	struct part p = { team_of_id(t, d->from_id), d->to_id, BEHAVE_NONE, d };
	size_t service = d->to == FL_NODE_NONE ? BEHAVE_NONE : services_behind(t, d->to);
	p.to = service == BEHAVE_NONE ? BEHAVE_NONE : t->team_of[service];
	if (p.to != BEHAVE_NONE && b->teams[p.to].count > 1 && d->merged->name == NULL)
		p.far = fl_arena_printf(b->arena, "team %zu", p.to);
	return p;
}

static void add_facts(
	struct behave *b, struct behave_edge *e, const struct fl_dependency *d, const size_t *window_of)
{
	for (size_t i = 0; i < d->record_count; i++)
		fl_behaviour_merge(
			b->arena, &e->window[window_of[d->records[i].scan]], d->records[i].d->behaviour);
	if (d->merged->measures != NULL) {
		if (e->first_byte == NULL)
			e->first_byte = fl_arena_alloc(b->arena, sizeof(*e->first_byte));
		fl_histogram_merge(e->first_byte, &d->merged->measures->first_byte);
	}
	e->syn_retransmits += d->merged->connections.syn_retransmits;
	e->failover_seen = e->failover_seen || d->merged->failover_seen;
	e->answered = e->answered || d->merged->answered;
}

static void make_edge(struct behave *b, const struct part *parts, size_t count, const size_t *window_of)
{
	struct behave_edge *e = &b->edges[b->edge_count++];
	e->from = parts[0].from;
	e->to = parts[0].to;
	e->to_id = parts[0].d->to_id;
	e->merged = parts[0].d->merged;
	e->dependencies = fl_arena_array(b->arena, count, sizeof(*e->dependencies));
	e->window = fl_arena_array(b->arena, b->window_count, sizeof(*e->window));
	for (size_t i = 0; i < count; i++) {
		e->dependencies[e->dependency_count++] = parts[i].d;
		add_facts(b, e, parts[i].d, window_of);
	}
	e->all = all_windows(b, e->window);
}

static void make_edges(struct teaming *t, const size_t *window_of)
{
	struct behave *b = t->b;
	const struct fl_system *s = b->system;
	struct part *parts = fl_alloc_array(s->dependency_count + 1, sizeof(*parts));
	size_t count = 0;
	for (size_t i = 0; i < s->dependency_count; i++) {
		parts[count] = part_of(t, &s->dependencies[i]);
		count += parts[count].from != BEHAVE_NONE;
	}
	qsort(parts, count, sizeof(*parts), by_part);
	b->edges = fl_arena_array(b->arena, count, sizeof(*b->edges));
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && by_edge(&parts[i], &parts[end]) == 0;)
			end++;
		make_edge(b, &parts[i], end - i, window_of);
	}
	free(parts);
}

/* ---- who is next to whom ---- */

static void link_teams(struct behave *b)
{
	for (size_t i = 0; i < b->edge_count; i++) {
		b->teams[b->edges[i].from].call_count++;
		if (b->edges[i].to != BEHAVE_NONE)
			b->teams[b->edges[i].to].caller_count++;
	}
	for (size_t i = 0; i < b->team_count; i++) {
		struct behave_team *t = &b->teams[i];
		t->calls = fl_arena_array(b->arena, t->call_count, sizeof(*t->calls));
		t->callers = fl_arena_array(b->arena, t->caller_count, sizeof(*t->callers));
		t->call_count = t->caller_count = 0;
	}
	for (size_t i = 0; i < b->edge_count; i++) {
		struct behave_team *from = &b->teams[b->edges[i].from];
		from->calls[from->call_count++] = i;
		if (b->edges[i].to != BEHAVE_NONE) {
			struct behave_team *to = &b->teams[b->edges[i].to];
			to->callers[to->caller_count++] = i;
		}
	}
}

void fl_behave_edges(struct behave *b)
{
	const struct fl_system *s = b->system;
	uint32_t order = fl_graph_order(s->graph);
	struct teaming t = { b, fl_alloc_array(order + 1, sizeof(size_t)),
		fl_alloc_array(s->service_count + 1, sizeof(size_t)),
		fl_alloc_array(s->service_count + 1, sizeof(size_t)) };
	const size_t *window_of = b->window_of = find_windows(b);
	for (uint32_t v = 0; v < order; v++)
		t.service_of[v] = BEHAVE_NONE;
	for (size_t i = 0; i < s->service_count; i++) {
		t.parent[i] = i;
		if (s->services[i].node != FL_NODE_NONE)
			t.service_of[s->services[i].node] = i;
	}
	unite_replicas(&t);
	make_teams(&t, window_of);
	make_edges(&t, window_of);
	link_teams(b);
	free(t.service_of);
	free(t.parent);
	free(t.team_of);
}
