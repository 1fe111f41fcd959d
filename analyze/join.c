/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join.c - many scans become one system
 *
 * Steps, each over what the one before has sorted:
 *   1 services over all scans, owners of addresses, ports that answer   join_services.c
 *   2 records of one service and far end added up                       join_records.c
 *   3 endpoints and resolvers, and where they lead                      join_targets.c
 *   4 requirement groups and entry points                               join_groups.c
 *   5 freezing, the list of dependencies, what nodes are called          here
 *   before 1 and after 4 a model, when there is one, is applied         model_scans.c, model_apply.c
 *
 * Determinism: the set of scans is sorted by content and has no scan twice before anything is looked at,
 * every choice after that is by content. So the result depends on the set of scans alone.
 *
 * What is no part of the graph (probes, what never answered) is in the list of dependencies all the
 * same, with the id the far end would have. A service that only probes ever talked to (an exporter, a port that a
 * scan of ports found open) and that uses nothing itself carries nothing that could fail: it is counted, no more.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"
#include "analyze/model_internal.h"
#include "faultline/units.h"

enum { TITLE_HOSTS = 4 };

/* Somebody talked to it, and all who did were probes; and it uses nothing. */
static bool is_only_probed(const struct join *j, const struct join_service *s)
{
	size_t clients = 0;

	for (size_t i = 0; i < s->dependency_count; i++)
		if (j->dependencies[s->first_dependency + i].in_graph)
			return false;
	for (size_t i = 0; i < s->sighting_count; i++) {
		const struct fl_scan_service *r = s->sightings[i].record;
		for (size_t k = 0; r && k < r->client_count; k++, clients++)
			if (!r->clients[k].probe)
				return false;
		if (r && r->clients_dropped > 0)
			return false;
	}
	return clients > 0;
}

/* Those only probed get a node when a dependency turns out to lead there, see join_targets.c. */
static void add_service_nodes(struct join *j)
{
	for (size_t i = 0; i < j->service_count; i++) {
		struct join_service *s = &j->services[i];
		s->node = JOIN_NO_NODE;
		if (!is_only_probed(j, s))
			s->node = fl_graph_builder_node(j->builder, s->id, "service");
	}
}

static size_t count_left_out(const struct join *j)
{
	size_t count = 0;

	for (size_t i = 0; i < j->service_count; i++)
		count += j->services[i].node == JOIN_NO_NODE;
	return count;
}

/* The group of @from that has @to among its members. Whichever of the two lists is shorter is searched. */
static fl_group_id find_group(const struct fl_graph *g, fl_node_id from, fl_node_id to)
{
	uint32_t own_count, membership_count;
	fl_group_id first = fl_graph_groups_of(g, from, &own_count);
	const fl_group_id *memberships = fl_graph_memberships(g, to, &membership_count);

	for (uint32_t i = 0; i < membership_count && membership_count <= own_count; i++)
		if (fl_graph_group(g, memberships[i])->of == from)
			return memberships[i];
	for (uint32_t i = 0; i < own_count && membership_count > own_count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		for (uint32_t k = 0; k < group->member_count; k++)
			if (group->members[k] == to)
				return first + i;
	}
	return FL_GROUP_NONE;
}

static int by_ends(const void *a, const void *b)
{
	const struct fl_dependency *x = a, *y = b;
	int order = strcmp(x->from_id, y->from_id);

	order = order ? order : strcmp(x->to_id, y->to_id);
	order = order ? order : (x->merged->port > y->merged->port) - (x->merged->port < y->merged->port);
	order = order ? order : strcmp(x->merged->transport, y->merged->transport);
	return order ? order : (x->merged->name != NULL) - (y->merged->name != NULL);
}

static void list_dependencies(struct join *j)
{
	struct fl_system *s = j->system;

	s->dependencies = fl_arena_array(s->arena, j->dependency_count, sizeof(*s->dependencies));
	s->dependency_count = j->dependency_count;
	for (size_t i = 0; i < j->dependency_count; i++) {
		const struct join_dependency *d = &j->dependencies[i];
		struct fl_dependency *out = &s->dependencies[i];
		out->from_id = j->services[d->service].id;
		out->to_id = j->targets[d->target].id;
		out->from = fl_graph_find(s->graph, out->from_id);
		out->to = fl_graph_find(s->graph, out->to_id);
		out->merged = d->merged;
		out->records = d->records;
		out->record_count = d->record_count;
		out->window_s = d->window_s;
		out->group = d->in_graph && out->from != FL_NODE_NONE && out->to != FL_NODE_NONE
				     ? find_group(s->graph, out->from, out->to)
				     : FL_GROUP_NONE;
	}
	if (s->dependency_count > 1)
		qsort(s->dependencies, s->dependency_count, sizeof(*s->dependencies), by_ends);
}

static int by_service_id(const void *a, const void *b)
{
	return strcmp(((const struct fl_system_service *)a)->id, ((const struct fl_system_service *)b)->id);
}

static void list_services(struct join *j)
{
	struct fl_system *s = j->system;

	s->services = fl_arena_array(s->arena, j->service_count, sizeof(*s->services));
	for (size_t i = 0; i < j->service_count; i++) {
		const struct join_service *in = &j->services[i];
		struct fl_service_record *records =
			fl_arena_array(s->arena, in->sighting_count, sizeof(*records));
		size_t count = 0;
		for (size_t k = 0; k < in->sighting_count; k++)
			if (in->sightings[k].record)
				records[count++] = (struct fl_service_record){ in->sightings[k].scan,
					in->sightings[k].record };
		s->services[s->service_count++] = (struct fl_system_service){ fl_graph_find(s->graph, in->id), in->id,
			in->host, in->name, records, count };
	}
	if (s->service_count > 1)
		qsort(s->services, s->service_count, sizeof(*s->services), by_service_id);
}

static void tell_scopes(struct join *j)
{
	struct fl_system *s = j->system;

	for (size_t i = 0; i < j->target_count; i++) {
		const struct join_target *t = &j->targets[i];
		fl_node_id v = fl_graph_find(s->graph, t->id);
		if (v == FL_NODE_NONE)
			continue;
		fl_system_set_scope(s, v, t->scope);
		for (size_t k = 0; k < t->outside_count; k++) {
			char id[FL_ADDR_TEXT + 8] = "address:";
			fl_addr_format(&t->outside[k], id + 8);
			v = fl_graph_find(s->graph, id);
			/* Known to one caller as its own network: internal to all. */
			if (v != FL_NODE_NONE && t->scope < fl_system_scope(s, v))
				fl_system_set_scope(s, v, FL_SCOPE_INTERNAL);
		}
	}
}

/* "a, b, c, d and 12 more" */
static const char *title_of(const struct join *j)
{
	const char *title = "";
	size_t shown = j->host_count > TITLE_HOSTS + 1 ? TITLE_HOSTS : j->host_count;

	if (shown == 0)
		return "no host";
	for (size_t i = 0; i < shown; i++)
		title = fl_arena_printf(j->arena, "%s%s%s", title, i > 0 ? ", " : "", j->hosts[i]);
	if (shown < j->host_count)
		title = fl_arena_printf(j->arena, "%s and %zu more", title, j->host_count - shown);
	return title;
}

struct fl_system *fl_system_join(struct fl_scan_set *set)
{
	return fl_system_join_model(set, NULL);
}

struct fl_system *fl_system_join_model(struct fl_scan_set *set, struct fl_model *m)
{
	struct fl_system *s = fl_system_new();
	struct join j = { .system = s, .arena = s->arena, .model = m };

	fl_model_rename_scans(m, set);
	s->scans = *set;
	*set = (struct fl_scan_set){ 0 };
	fl_scan_set_normalise(&s->scans);
	fl_coverage_add_up(s);
	j.builder = fl_graph_builder_new();
	fl_join_services(&j);
	fl_join_records(&j);
	add_service_nodes(&j);
	fl_join_targets(&j);
	s->probed_services = count_left_out(&j);
	fl_join_groups(&j);
	s->requirements_assumed = true;
	s->entry_points_assumed = s->entry_points_assumed && (!m || m->entry_count == 0);
	s->graph = fl_model_apply(m, fl_graph_freeze(&j.builder), false);
	fl_system_describe_nodes(s);
	list_dependencies(&j);
	list_services(&j);
	tell_scopes(&j);
	s->title = title_of(&j);
	fl_model_finish(m, s);
	return s;
}
