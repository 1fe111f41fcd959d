/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join_groups.c - the requirement groups and entry points of the failure graph
 *
 *   service  -> host                 1 of 1
 *   service  -> endpoint             1 of 1; background, rare and start-up uses 0 of 1
 *   service  -> all its resolvers    1 of n: stub resolvers try the next one
 *   service  -> interchangeable backends 1 of n, see join_backends.c
 *   target   -> where it leads       1 of n
 *   address  -> provider             when every name seen for the address has this one
 *   endpoint -> provider             when its address serves names of several providers
 *
 * An entry point is a service that somebody outside all scanned hosts used, other than by probes. Where scans
 * show no outside client at all (one host that only opens connections), every service that
 * has dependencies and that no scanned service calls is taken for one: an assumption, but
 * without it nothing could be ranked. What connections of a host cannot be given to ("service:HOST/host") is
 * a client rather than a service: who is called by such alone is an entry point, they themselves only when
 * there is nothing else.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"
#include "faultline/units.h"

enum { EVIDENCE_MAX = 256 };

struct evidence {
	uint64_t exchanges, connections;
	int64_t first_ns, last_ns;
	bool lower_bound;
	double coupling; /* sum; NaN once one is unknown */
	bool failover_seen;
};

static struct evidence evidence_of(const struct fl_scan_dependency *d)
{
	return (struct evidence){
		.exchanges = d->exchanges,
		.connections = fl_join_add(d->connections.established, d->connections.midstream),
		.first_ns = d->first_seen_ns,
		.last_ns = d->last_seen_ns,
		.lower_bound = d->exchanges_lower_bound,
		.coupling = d->coupling,
		.failover_seen = d->failover_seen,
	};
}

static void add_evidence(struct evidence *into, const struct fl_scan_dependency *d, bool first)
{
	struct evidence e = evidence_of(d);

	if (first) {
		*into = e;
		return;
	}
	into->exchanges = fl_join_add(into->exchanges, e.exchanges);
	into->connections = fl_join_add(into->connections, e.connections);
	into->first_ns = e.first_ns < into->first_ns ? e.first_ns : into->first_ns;
	into->last_ns = e.last_ns > into->last_ns ? e.last_ns : into->last_ns;
	into->lower_bound = into->lower_bound || e.lower_bound;
	into->coupling += e.coupling;
	into->failover_seen = into->failover_seen || e.failover_seen;
}

static int64_t whole_second(int64_t t)
{
	int64_t rest = t % FL_NS_PER_S;

	return t - (rest < 0 && t > INT64_MIN + FL_NS_PER_S ? rest + FL_NS_PER_S : rest);
}

/* "412 exchanges, 12 connections, 2026-11-21T12:00:00Z to 2026-11-21T12:02:00Z, name from tls-sni" */
static const char *evidence_text(const struct evidence *e, const char *source, char text[static EVIDENCE_MAX])
{
	char first[FL_TIME_TEXT], last[FL_TIME_TEXT];

	fl_time_format(whole_second(e->first_ns), first);
	fl_time_format(whole_second(e->last_ns), last);
	snprintf(text, EVIDENCE_MAX, "%s%llu %s, %llu %s, %s to %s, %s", e->lower_bound ? "at least " : "",
		(unsigned long long)e->exchanges, e->exchanges == 1 ? "exchange" : "exchanges",
		(unsigned long long)e->connections, e->connections == 1 ? "connection" : "connections", first,
		last, source);
	return text;
}

static double group_coupling(double sum)
{
	return isnan(sum) ? 1 : fmin(sum, 1);
}

static enum fl_redundancy redundancy_of(size_t members, bool failover_seen)
{
	if (members < 2)
		return FL_REDUNDANCY_NONE;
	return failover_seen ? FL_REDUNDANCY_CONFIRMED : FL_REDUNDANCY_ASSUMED;
}

static uint32_t node(struct join *j, const char *kind, const char *name)
{
	return fl_graph_builder_node(j->builder, fl_arena_printf(j->arena, "%s:%s", kind, name), kind);
}

/* --- services --- */

static void require_one(struct join *j, struct join_service *s, const struct join_dependency *d)
{
	const struct fl_scan_dependency *m = d->merged;
	const char *word = fl_name_source_name(m->name_source);
	struct evidence e = evidence_of(m);
	char text[EVIDENCE_MAX], source[64];
	uint32_t needs = m->class == FL_CLASS_ON_REQUEST ? 1 : 0;

	snprintf(source, sizeof(source), word ? "name from %s" : m->name ? "named" : "bare address", word);
	fl_graph_builder_group(j->builder, s->node, needs, &j->targets[d->target].node, 1,
		group_coupling(m->coupling), FL_REDUNDANCY_NONE, evidence_text(&e, source, text));
}

static void require_backends(struct join *j, struct join_service *s, const size_t *set_of, size_t set)
{
	uint32_t *members = fl_alloc_array(s->dependency_count, sizeof(*members));
	size_t count = 0;
	struct evidence e = { 0 };
	char text[EVIDENCE_MAX], source[64];
	bool scanned = false;

	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct join_dependency *d = &j->dependencies[s->first_dependency + i];
		if (set_of[i] != set)
			continue;
		scanned = j->targets[d->target].service != JOIN_NONE;
		add_evidence(&e, d->merged, count == 0);
		members[count++] = j->targets[d->target].node;
	}
	snprintf(source, sizeof(source),
		scanned ? "%zu backends by bare address with the same dependencies"
			: "same Host asked of %zu addresses that were not scanned",
		count);
	fl_graph_builder_group(j->builder, s->node, 1, members, count, group_coupling(e.coupling),
		redundancy_of(count, e.failover_seen), evidence_text(&e, source, text));
	free(members);
}

static void require_endpoints(struct join *j, struct join_service *s)
{
	size_t *set_of = fl_alloc_array(s->dependency_count, sizeof(*set_of));
	size_t sets = fl_join_backends(j, s, set_of);

	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct join_dependency *d = &j->dependencies[s->first_dependency + i];
		s->depends = s->depends || d->in_graph;
		if (d->in_graph && set_of[i] == JOIN_NONE && d->merged->class != FL_CLASS_NAME_RESOLUTION)
			require_one(j, s, d);
	}
	for (size_t set = 0; set < sets; set++)
		require_backends(j, s, set_of, set);
	free(set_of);
}

static void require_host(struct join *j, struct join_service *s)
{
	uint32_t host = node(j, "host", s->host);

	fl_graph_builder_group(j->builder, s->node, 1, &host, 1, 1, FL_REDUNDANCY_NONE, "runs on it");
}

/* --- resolvers --- */

struct asks {
	size_t service, dependency;
	uint32_t node;
};

static int by_service(const void *a, const void *b)
{
	const struct asks *x = a, *y = b;
	int order = (x->service > y->service) - (x->service < y->service);

	order = order ? order : (x->dependency > y->dependency) - (x->dependency < y->dependency);
	return order ? order : (x->node > y->node) - (x->node < y->node);
}

static struct asks *collect_asks(const struct join *j, size_t *count)
{
	size_t n = 0;

	for (size_t i = 0; i < j->target_count; i++)
		n += j->targets[i].dependency_count;
	struct asks *list = fl_alloc_array(n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < j->target_count; i++) {
		const struct join_target *t = &j->targets[i];
		for (size_t k = 0; t->in_graph && k < t->dependency_count; k++) {
			const struct join_dependency *d = &j->dependencies[t->dependencies[k]];
			if (d->in_graph && d->merged->class == FL_CLASS_NAME_RESOLUTION)
				list[n++] = (struct asks){ d->service, t->dependencies[k], t->node };
		}
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_service);
	*count = n;
	return list;
}

static size_t distinct(uint32_t *list, size_t count);

static void require_resolvers_of(struct join *j, const struct asks *list, size_t count)
{
	uint32_t *members = fl_alloc_array(count, sizeof(*members));
	struct evidence e = { 0 };
	char text[EVIDENCE_MAX], source[64];

	for (size_t i = 0; i < count; i++) {
		members[i] = list[i].node;
		if (i == 0 || list[i].dependency != list[i - 1].dependency)
			add_evidence(&e, j->dependencies[list[i].dependency].merged, i == 0);
	}
	size_t n = distinct(members, count);
	snprintf(source, sizeof(source), n == 1 ? "the only resolver it asked" : "%zu resolvers", n);
	fl_graph_builder_group(j->builder, j->services[list[0].service].node, 1, members, n,
		group_coupling(e.coupling), redundancy_of(n, e.failover_seen),
		evidence_text(&e, source, text));
	free(members);
}

static int by_node(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static size_t distinct(uint32_t *list, size_t count)
{
	size_t kept = 0;

	qsort(list, count, sizeof(*list), by_node);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || list[kept - 1] != list[i])
			list[kept++] = list[i];
	return kept;
}

static void require_resolvers(struct join *j)
{
	size_t count;
	struct asks *list = collect_asks(j, &count);

	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && list[end].service == list[i].service;)
			end++;
		require_resolvers_of(j, &list[i], end - i);
	}
	free(list);
}

/* --- targets, addresses, providers --- */

static void require_members(struct join *j, const struct join_target *t)
{
	char text[EVIDENCE_MAX];
	size_t n = t->member_count;

	if (n == 0)
		return;
	snprintf(text, sizeof(text), "it leads to %zu %s%s", n, n == 1 ? "place" : "places",
		n > 1 && t->failover_seen ? ", fail-over was seen"
		: n > 1                   ? ", fail-over is assumed"
					  : "");
	fl_graph_builder_group(
		j->builder, t->node, 1, t->members, n, 1, redundancy_of(n, t->failover_seen), text);
}

struct hosting {
	struct fl_addr address;
	const char *provider;
};

static int by_hosting(const void *a, const void *b)
{
	const struct hosting *x = a, *y = b;
	int order = fl_addr_compare(&x->address, &y->address);

	return order ? order : strcmp(x->provider, y->provider);
}

/* Who is behind each outside address; distinct. */
static struct hosting *collect_hosting(const struct join *j, size_t *count)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < j->target_count; i++)
		n += j->targets[i].provider ? j->targets[i].outside_count : 0;
	struct hosting *list = fl_alloc_array(n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < j->target_count; i++)
		for (size_t k = 0; j->targets[i].provider && k < j->targets[i].outside_count; k++)
			list[n++] = (struct hosting){ j->targets[i].outside[k], j->targets[i].provider };
	if (n > 1)
		qsort(list, n, sizeof(*list), by_hosting);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_hosting(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	*count = kept;
	return list;
}

static void require_provider(struct join *j, uint32_t of, const char *provider, const char *why)
{
	uint32_t p = node(j, "provider", provider);

	fl_graph_builder_group(j->builder, of, 1, &p, 1, 1, FL_REDUNDANCY_NONE, why);
}

/* Has @a names of more than one provider? @list is sorted. */
static bool is_shared(const struct hosting *list, size_t count, const struct fl_addr *a)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (fl_addr_compare(&list[middle].address, a) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low + 1 < count && fl_addr_equal(&list[low + 1].address, a);
}

static void require_providers(struct join *j)
{
	size_t count;
	struct hosting *list = collect_hosting(j, &count);

	for (size_t i = 0; i < count; i++) {
		char text[FL_ADDR_TEXT];
		if (!is_shared(list, count, &list[i].address))
			require_provider(j, node(j, "address", fl_addr_format(&list[i].address, text)),
				list[i].provider, "all names seen for the address end there");
	}
	for (size_t i = 0; i < j->target_count; i++) {
		const struct join_target *t = &j->targets[i];
		bool direct = t->in_graph && t->provider && t->member_count == 0;
		for (size_t k = 0; t->in_graph && t->provider && k < t->outside_count && !direct; k++)
			direct = is_shared(list, count, &t->outside[k]);
		if (direct)
			require_provider(j, t->node, t->provider, "its name ends there");
	}
	free(list);
}

/* --- entry points --- */

static bool is_outside(const struct join *j, const struct fl_scan_client *c)
{
	size_t owners;

	fl_join_owners(j, &c->address, &owners);
	return owners == 0 && !c->probe && !fl_addr_is_loopback(&c->address) && !fl_addr_is_none(&c->address);
}

/* Calls of outside clients: exchanges, or connections where no exchange was counted. Where a list of clients
 * was cut, what the listed ones do not account for is outside too: scanned hosts are few. */
static double outside_calls(const struct join *j, const struct join_service *s)
{
	double exchanges = 0, connections = 0, listed = 0, all = 0;
	bool cut = false;

	for (size_t i = 0; i < s->sighting_count; i++) {
		const struct fl_scan_service *r = s->sightings[i].record;
		for (size_t k = 0; r && k < r->client_count; k++) {
			listed += (double)r->clients[k].exchanges;
			if (!is_outside(j, &r->clients[k]))
				continue;
			exchanges += (double)r->clients[k].exchanges;
			connections += (double)r->clients[k].connections;
		}
		cut = cut || (r && r->clients_dropped > 0);
		all += r ? (double)r->exchanges : 0;
	}
	if (cut && exchanges > 0 && all > listed)
		exchanges += all - listed;
	return exchanges > 0 ? exchanges : connections;
}

static bool could_be_entry_point(const struct join_service *s, bool host_services)
{
	if (s->node == JOIN_NO_NODE || s->called || fl_is_host_service(s->id) != host_services)
		return false;
	return s->depends || (s->called_by_host && !host_services);
}

static size_t assume_entry_points(struct join *j, bool host_services)
{
	size_t found = 0;

	for (size_t i = 0; i < j->service_count; i++) {
		const struct join_service *s = &j->services[i];
		if (!could_be_entry_point(s, host_services))
			continue;
		fl_graph_builder_entry_point(j->builder, s->node, s->exchanges > 0 ? (double)s->exchanges : 1);
		found++;
	}
	return found;
}

static void mark_entry_points(struct join *j)
{
	size_t found = 0;

	for (size_t i = 0; i < j->service_count; i++) {
		double calls = outside_calls(j, &j->services[i]);
		if (calls <= 0 || j->services[i].node == JOIN_NO_NODE)
			continue;
		fl_graph_builder_entry_point(j->builder, j->services[i].node, calls);
		found++;
	}
	if (found > 0)
		return;
	j->system->entry_points_assumed = assume_entry_points(j, false) > 0 || assume_entry_points(j, true) > 0;
}

void fl_join_groups(struct join *j)
{
	for (size_t i = 0; i < j->host_count; i++)
		node(j, "host", j->hosts[i]);
	for (size_t i = 0; i < j->service_count; i++) {
		if (j->services[i].node == JOIN_NO_NODE)
			continue;
		require_host(j, &j->services[i]);
		require_endpoints(j, &j->services[i]);
	}
	require_resolvers(j);
	for (size_t i = 0; i < j->target_count; i++)
		if (j->targets[i].in_graph)
			require_members(j, &j->targets[i]);
	require_providers(j);
	mark_entry_points(j);
}
