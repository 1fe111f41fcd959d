/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join_targets.c - endpoints and resolvers, and where they lead
 *
 * A target is shared by all services that use it, with one exception: what is reached at a loopback
 * address is another thing on every host. Such targets are kept apart by host, and where two hosts
 * use the same one, their ids end in "@HOST".
 *
 * A target leads to the scanned service that owns address and port; to the host, when the host was
 * scanned but not what listens there; else to the bare address. Addresses that never answered anybody
 * are no redundancy and are left out, unless a scanned service is known to answer there. The order of
 * preference is per address; the members together are one group of which one is needed.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"

#include "faultline/sort.h"

/* One use of a target by one dependency. */
struct use {
	bool resolver;
	const char *identity, *near_host; /* near_host: "" where the target is not tied to a host */
	uint16_t port;                    /* 0 for resolvers: one resolver, whatever the port */
	struct fl_addr address;           /* of the resolver */
	const char *transport;
	size_t dependency;
};

static int by_name_and_port(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int order = (int)x->resolver - (int)y->resolver;

	order = order ? order : strcmp(x->identity, y->identity);
	order = order ? order : (x->port > y->port) - (x->port < y->port);
	return order ? order : strcmp(x->transport, y->transport);
}

static int by_target(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int order = by_name_and_port(a, b);

	return order ? order : strcmp(x->near_host, y->near_host);
}

static int by_use(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int order = by_target(a, b);

	return order ? order : (x->dependency > y->dependency) - (x->dependency < y->dependency);
}

static bool all_loopback(const struct fl_scan_dependency *d)
{
	for (size_t i = 0; i < d->address_count; i++)
		if (!fl_addr_is_loopback(&d->addresses[i]))
			return false;
	return d->address_count > 0;
}

static bool is_resolver(const struct join_dependency *d)
{
	return d->merged->class == FL_CLASS_NAME_RESOLUTION && d->merged->address_count > 0;
}

static struct use *collect_uses(struct join *j, size_t *count)
{
	size_t n = 0;

	for (size_t i = 0; i < j->dependency_count; i++)
		n += is_resolver(&j->dependencies[i]) ? j->dependencies[i].merged->address_count : 1;
	struct use *list = fl_alloc_array(n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < j->dependency_count; i++) {
		const struct join_dependency *d = &j->dependencies[i];
		const struct fl_scan_dependency *m = d->merged;
		if (!is_resolver(d)) {
			list[n++] = (struct use){ false, d->identity, all_loopback(m) ? m->host : "", m->port,
				{ { 0 } }, m->transport, i };
			continue;
		}
		for (size_t k = 0; k < m->address_count; k++) {
			char text[FL_ADDR_TEXT];
			fl_addr_format(&m->addresses[k], text);
			list[n++] = (struct use){ true, fl_arena_string(j->arena, text),
				fl_addr_is_loopback(&m->addresses[k]) ? m->host : "", 0, m->addresses[k], "",
				i };
		}
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_use);
	*count = n;
	return list;
}

static const char *target_id(struct join *j, const struct use *u, bool tell_host)
{
	const char *at = tell_host ? "@" : "", *host = tell_host ? u->near_host : "";

	if (u->resolver)
		return fl_arena_printf(j->arena, "resolver:%s%s%s", u->identity, at, host);
	return fl_arena_printf(
		j->arena, "endpoint:%s:%u/%s%s%s", u->identity, (unsigned)u->port, u->transport, at, host);
}

/* Does the same name and port stand for more than one target? */
static bool has_namesake(const struct use *list, size_t count, size_t first, size_t end)
{
	return (first > 0 && by_name_and_port(&list[first - 1], &list[first]) == 0) ||
	       (end < count && by_name_and_port(&list[end], &list[first]) == 0);
}

/* What dependencies say of the target: those in the graph, else all. */
static void summarise(struct join *j, struct join_target *t)
{
	const struct fl_scan_dependency *provider = NULL;

	t->scope = FL_SCOPE_LOCAL;
	for (size_t i = 0; i < t->dependency_count; i++)
		t->in_graph = t->in_graph || j->dependencies[t->dependencies[i]].in_graph;
	for (size_t i = 0; i < t->dependency_count; i++) {
		const struct join_dependency *d = &j->dependencies[t->dependencies[i]];
		const struct fl_scan_dependency *m = d->merged;
		if (t->in_graph && !d->in_graph)
			continue;
		t->failover_seen = t->failover_seen || m->failover_seen;
		t->scope = m->scope > t->scope ? m->scope : t->scope;
		if (m->provider && (!provider || m->last_seen_ns > provider->last_seen_ns ||
					   (m->last_seen_ns == provider->last_seen_ns &&
						   strcmp(m->provider, provider->provider) < 0)))
			provider = m;
	}
	t->provider = provider && !t->resolver ? provider->provider : NULL;
}

static void group_targets(struct join *j)
{
	size_t count;
	struct use *list = collect_uses(j, &count);
	size_t *dependencies = fl_arena_array(j->arena, count, sizeof(*dependencies));

	j->targets = fl_arena_array(j->arena, count, sizeof(*j->targets));
	for (size_t i = 0, end; i < count; i = end) {
		size_t number = j->target_count++;
		struct join_target *t = &j->targets[number];
		for (end = i; end < count && by_target(&list[i], &list[end]) == 0; end++) {
			struct join_dependency *d = &j->dependencies[list[end].dependency];
			dependencies[end] = list[end].dependency;
			if (d->target == JOIN_NONE || number < d->target)
				d->target = number;
		}
		t->resolver = list[i].resolver;
		t->address = list[i].address;
		t->identity = list[i].identity;
		t->near_host = *list[i].near_host ? list[i].near_host : NULL;
		t->id = target_id(j, &list[i], t->near_host && has_namesake(list, count, i, end));
		t->dependencies = &dependencies[i];
		t->dependency_count = end - i;
		t->service = JOIN_NONE;
		summarise(j, t);
	}
	free(list);
}

/* --- where they lead --- */

struct leads {
	struct join *j;
	struct join_target *t;
	size_t *services;   /* all services reached */
	const char **hosts; /* scanned hosts with nothing known at the port */
	size_t service_count, host_count;
};

static size_t service_at(
	const struct leads *l, const char *host, const struct fl_addr *a, const struct fl_scan_dependency *d)
{
	size_t service = fl_join_listener(l->j, host, a, d->port, d->transport);

	if (service == JOIN_NONE && l->t->resolver)
		service = fl_join_listener(l->j, host, a, 53, "udp"); /* RFC 1035 section 4.2 */
	if (service == JOIN_NONE && l->t->resolver)
		service = fl_join_listener(l->j, host, a, 53, "tcp");
	return service;
}

static void lead_to_own_host(struct leads *l, const struct fl_addr *a, const struct fl_scan_dependency *d)
{
	size_t service = service_at(l, d->host, a, d);

	if (service == JOIN_NONE)
		l->hosts[l->host_count++] = d->host;
	else
		l->services[l->service_count++] = service;
}

/* Of several owners those count whose service was seen to answer at this very address: one address that
 * moves between hosts is no redundancy of services that happen to share a port. Else those where
 * something is known to listen; a host only where nothing is. */
static void lead_to_owners(struct leads *l, const struct join_owner *owners, size_t count,
	const struct fl_addr *a, const struct fl_scan_dependency *d)
{
	size_t before = l->service_count, at_address = before;

	for (size_t i = 0; i < count; i++) {
		size_t service = service_at(l, owners[i].host, a, d);
		if (service == JOIN_NONE)
			continue;
		l->services[l->service_count++] = service;
		if (fl_join_answers_at(&l->j->services[service], a))
			l->services[at_address++] = service;
	}
	if (at_address > before)
		l->service_count = at_address;
	for (size_t i = 0; i < count && l->service_count == before; i++)
		l->hosts[l->host_count++] = owners[i].host;
}

static void lead_to_address(struct leads *l, const struct fl_addr *a, const struct fl_scan_dependency *d)
{
	size_t count, first = fl_join_owners(l->j, a, &count);

	if (fl_join_owns(l->j, d->host, a))
		lead_to_own_host(l, a, d); /* it never leaves the near host */
	else if (count > 0)
		lead_to_owners(l, &l->j->owners[first], count, a, d);
	else
		l->t->outside[l->t->outside_count++] = *a;
}

static int by_address(const void *a, const void *b)
{
	return fl_addr_compare(a, b);
}

static bool failed_at(const struct fl_scan_dependency *d, const struct fl_addr *a)
{
	return d->failed_address_count > 0 &&
	       bsearch(a, d->failed_addresses, d->failed_address_count, sizeof(*a), by_address) != NULL;
}

/* A scanned service is known to answer there, whoever failed to reach it. */
static bool known_to_answer(const struct join *j, const struct fl_addr *a, const struct fl_scan_dependency *d)
{
	size_t count, first = fl_join_owners(j, a, &count);

	for (size_t i = 0; i < count; i++)
		if (fl_join_listener(j, j->owners[first + i].host, a, d->port, d->transport) != JOIN_NONE)
			return true;
	return false;
}

/* Addresses that dependency @d has for target @t. */
static const struct fl_addr *addresses_of(
	const struct join_target *t, const struct fl_scan_dependency *d, size_t *count)
{
	*count = t->resolver ? 1 : d->address_count;
	return t->resolver ? &t->address : d->addresses;
}

/* @answered: only addresses that answered this dependency, or are known to answer. */
static void follow_dependency(struct leads *l, const struct fl_scan_dependency *d, bool answered)
{
	size_t count;
	const struct fl_addr *list = addresses_of(l->t, d, &count);

	for (size_t i = 0; i < count; i++)
		if (!answered || !failed_at(d, &list[i]) || known_to_answer(l->j, &list[i], d))
			lead_to_address(l, &list[i], d);
}

static void follow(struct leads *l, bool answered)
{
	for (size_t i = 0; i < l->t->dependency_count; i++) {
		const struct join_dependency *d = &l->j->dependencies[l->t->dependencies[i]];
		if (d->in_graph)
			follow_dependency(l, d->merged, answered);
	}
}

static int by_number(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint32_t node(struct join *j, const char *kind, const char *name)
{
	return fl_graph_builder_node(j->builder, fl_arena_printf(j->arena, "%s:%s", kind, name), kind);
}

/* Does a service use the target, or, with @of_host, the host of which no service is known? */
static bool is_used_by(const struct leads *l, bool of_host)
{
	for (size_t i = 0; i < l->t->dependency_count; i++) {
		const struct join_dependency *d = &l->j->dependencies[l->t->dependencies[i]];
		if (d->in_graph && fl_is_host_service(l->j->services[d->service].id) == of_host)
			return true;
	}
	return false;
}

static void add_services(struct leads *l)
{
	struct join_target *t = l->t;
	bool by_service = is_used_by(l, false), by_host = is_used_by(l, true);

	if (l->service_count > 1)
		qsort(l->services, l->service_count, sizeof(*l->services), by_number);
	for (size_t i = 0; i < l->service_count; i++) {
		if (i > 0 && l->services[i] == l->services[i - 1])
			continue;
		struct join_service *s = &l->j->services[l->services[i]];
		s->called = s->called || by_service;
		s->called_by_host = s->called_by_host || by_host;
		if (s->node == JOIN_NO_NODE)
			s->node = fl_graph_builder_node(l->j->builder, s->id, "service");
		t->members[t->member_count++] = s->node;
		t->service = l->services[i];
	}
}

static void add_hosts(struct leads *l)
{
	struct join_target *t = l->t;

	fl_sort_texts(l->hosts, l->host_count);
	for (size_t i = 0; i < l->host_count; i++)
		if (i == 0 || strcmp(l->hosts[i], l->hosts[i - 1]) != 0)
			t->members[t->member_count++] = node(l->j, "host", l->hosts[i]);
}

static void add_addresses(struct leads *l)
{
	struct join_target *t = l->t;

	t->outside_count = fl_sort_distinct_addresses(t->outside, t->outside_count);
	for (size_t i = 0; i < t->outside_count; i++) {
		char text[FL_ADDR_TEXT];
		t->members[t->member_count++] = node(l->j, "address", fl_addr_format(&t->outside[i], text));
	}
}

/* How many members @t can have at most: each address can have several owners. */
static size_t leads_room(const struct join *j, const struct join_target *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->dependency_count; i++) {
		size_t count, owners;
		const struct fl_addr *list =
			addresses_of(t, j->dependencies[t->dependencies[i]].merged, &count);
		for (size_t k = 0; k < count; k++) {
			fl_join_owners(j, &list[k], &owners);
			n += owners > 1 ? owners : 1;
		}
	}
	return n;
}

static void lead(struct join *j, struct join_target *t)
{
	size_t room = leads_room(j, t);
	struct leads l = { .j = j, .t = t };

	l.services = fl_alloc_array(room, sizeof(*l.services));
	l.hosts = fl_alloc_array(room, sizeof(*l.hosts));
	t->outside = fl_alloc_array(room, sizeof(*t->outside));
	follow(&l, true);
	if (l.service_count + l.host_count + t->outside_count == 0)
		follow(&l, false);
	t->members = fl_arena_array(
		j->arena, l.service_count + l.host_count + t->outside_count, sizeof(*t->members));
	add_services(&l);
	/* One resolver asked by UDP and TCP is one service, also where only one port was seen. */
	if (!t->resolver || l.service_count == 0)
		add_hosts(&l);
	struct fl_addr *outside = t->outside;
	add_addresses(&l);
	t->outside = fl_arena_array(j->arena, t->outside_count, sizeof(*outside));
	for (size_t i = 0; i < t->outside_count; i++)
		t->outside[i] = outside[i];
	if (t->member_count != 1)
		t->service = JOIN_NONE;
	free(outside);
	free(l.services);
	free(l.hosts);
}

void fl_join_targets(struct join *j)
{
	group_targets(j);
	for (size_t i = 0; i < j->target_count; i++) {
		struct join_target *t = &j->targets[i];
		if (!t->in_graph)
			continue;
		t->node = fl_graph_builder_node(j->builder, t->id, t->resolver ? "resolver" : "endpoint");
		lead(j, t);
	}
}
