/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deps.c - the rows of `faultline deps`
 *
 * Two sources make one list. Reach gives what services use through the graph, with paths; the
 * system's dependencies give what was seen but is no part of the graph (probes,
 * attempts nobody answered), which reach cannot know. A dependency in the graph is a
 * path of one link and comes from reach, so it is not listed twice.
 *
 * A caller that asks several resolvers has one record for all of them, tied to the first; the
 * others are members of the same group and share its evidence.
 */
#include "reports/deps.h"

#include <stdlib.h>
#include <string.h>

static int compare_rows(const void *va, const void *vb)
{
	const struct fl_deps_row *a = va, *b = vb;
	int order = strcmp(a->from, b->from);
	if (order == 0 && a->direct != b->direct)
		return a->direct ? -1 : 1;
	if (order == 0 && a->scope != b->scope)
		return a->scope > b->scope ? -1 : 1;
	return order != 0 ? order : strcmp(a->to, b->to);
}

/* The dependency whose group has @to beside the endpoint it names; NULL. */
static const struct fl_dependency *shared_evidence(const struct fl_system *s, fl_node_id from, fl_node_id to)
{
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_dependency *d = &s->dependencies[i];
		if (d->from != from || d->from == FL_NODE_NONE || d->group == FL_GROUP_NONE)
			continue;
		const struct fl_group *group = fl_graph_group(s->graph, d->group);
		for (uint32_t m = 0; m < group->member_count; m++)
			if (group->members[m] == to)
				return d;
	}
	return NULL;
}

static void add_reached(struct fl_deps *d, const struct fl_system *s)
{
	for (size_t i = 0; i < d->reach->count; i++) {
		const struct fl_reached *r = &d->reach->list[i];
		const struct fl_dependency *last = r->last;
		if (last == NULL && r->path_length > 1)
			last = shared_evidence(s, r->path[r->path_length - 2], r->to);
		d->list[d->count++] = (struct fl_deps_row){ .from = fl_graph_node(s->graph, r->from)->id,
			.to = fl_graph_node(s->graph, r->to)->id,
			.to_node = r->to,
			.direct = r->direct,
			.scope = fl_system_scope(s, r->to),
			.reached = r,
			.last = last };
	}
}

static void add_unjoined(struct fl_deps *d, const struct fl_system *s, fl_node_id of)
{
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_dependency *seen = &s->dependencies[i];
		if (seen->from != FL_NODE_NONE && seen->to != FL_NODE_NONE && seen->group != FL_GROUP_NONE)
			continue; /* a link of the graph */
		if (of != FL_NODE_NONE && strcmp(seen->from_id, fl_graph_node(s->graph, of)->id) != 0)
			continue;
		d->list[d->count++] = (struct fl_deps_row){ .from = seen->from_id,
			.to = seen->to_id,
			.to_node = FL_NODE_NONE,
			.direct = true,
			.scope = seen->merged->scope,
			.last = seen };
	}
}

struct fl_deps *fl_deps_new(const struct fl_system *s, fl_node_id of)
{
	struct fl_deps *d = fl_alloc(sizeof(*d));
	d->arena = fl_arena_new();
	d->reach = fl_reach(s, of);
	d->of = of;
	d->list = fl_arena_array(d->arena, d->reach->count + s->dependency_count, sizeof(*d->list));
	add_reached(d, s);
	add_unjoined(d, s, of);
	if (d->count > 1)
		qsort(d->list, d->count, sizeof(*d->list), compare_rows);
	return d;
}

void fl_deps_free(struct fl_deps *d)
{
	if (d == NULL)
		return;
	fl_reach_free(d->reach);
	fl_arena_free(d->arena);
	free(d);
}

double fl_deps_coupling(const struct fl_deps_row *row)
{
	return row->reached != NULL ? row->reached->coupling : row->last->merged->coupling;
}

const char *fl_deps_parse_id(struct fl_arena *a, const char *id, unsigned *port, const char **transport)
{
	const char *name = strncmp(id, "endpoint:", 9) == 0 ? id + 9 : NULL;
	const char *colon = name == NULL ? NULL : strrchr(name, ':');
	const char *slash = colon == NULL ? NULL : strchr(colon, '/');
	*port = 0;
	*transport = NULL;
	if (slash == NULL)
		return NULL;
	unsigned long number = strtoul(colon + 1, NULL, 10);
	*port = number <= UINT16_MAX ? (unsigned)number : 0;
	*transport = fl_arena_string_n(a, slash + 1, strcspn(slash + 1, "@"));
	return fl_arena_string_n(a, name, (size_t)(colon - name));
}
