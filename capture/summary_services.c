/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * summary_services.c - what the local hosts answered on
 *
 * A service is the owner of the listening socket, where somebody could tell (owner.h): all its ports are one service, and it is
 * a service, too, when it only opens connections. From packets alone a service is a port; TCP and UDP of one port are one
 * service (DNS, HTTP/3). Only ports that answered count: a port that was tried and
 * refused is no service.
 */
#include "summary_internal.h"

#include "faultline/sort.h"

#include <stdlib.h>
#include <string.h>

struct inbound {
	uint32_t host, owner;
	const char *name;        /* of the owner, or NULL */
	uint16_t port;
	const struct fl_conversation *v; /* NULL: the owner opens connections from here */
};

static int compare_services(const struct inbound *a, const struct inbound *b)
{
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	if (!a->name != !b->name)
		return a->name ? -1 : 1;
	if (a->name)
		return strcmp(a->name, b->name);
	return (a->port > b->port) - (a->port < b->port);
}

/* A service's entries by client; those without a conversation come first. */
static int compare_inbound(const void *pa, const void *pb)
{
	const struct inbound *a = pa, *b = pb;
	int order = compare_services(a, b);
	if (order || !a->v || !b->v)
		return order ? order : (a->v != NULL) - (b->v != NULL);
	return fl_addr_compare(&a->v->key.client, &b->v->key.client);
}

static int compare_by_port(const void *pa, const void *pb)
{
	const struct inbound *a = pa, *b = pb;
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return compare_services(a, b);
}

static bool answered(const struct fl_conversation *v)
{
	return v->connections.established || v->connections.midstream || v->connections.carried || v->answered;
}

static struct inbound inbound_of(const struct summary *m, uint32_t host, uint32_t owner, const struct fl_conversation *v)
{
	return (struct inbound){ .host = host, .owner = owner, .v = v, .port = v ? v->key.port : 0,
				 .name = owner ? fl_owners_service(m->scanner->owners, owner)->name : NULL };
}

static uint32_t listener_of(const struct summary *m, const struct fl_conversation *v)
{
	struct fl_owned owned;
	return scanner_listener(m->scanner, v->key.transport, v->key.server, v->key.port, &owned) ? owned.service : 0;
}

/* Of a port some listeners may be known and others not; where all that are known are one, it is that one. */
static void share_owners(struct inbound *list, size_t n)
{
	if (n)
		qsort(list, n, sizeof(*list), compare_by_port);
	for (size_t i = 0, from = 0; i < n; i++) {
		if (i + 1 < n && list[i + 1].host == list[i].host && list[i + 1].port == list[i].port)
			continue;
		/* Those with an owner come first. */
		size_t known = from;
		while (known <= i && list[known].owner == list[from].owner)
			known++;
		for (; list[from].owner && known <= i && !list[known].owner; known++) {
			list[known].owner = list[from].owner;
			list[known].name = list[from].name;
		}
		from = i + 1;
	}
}

static size_t collect(const struct summary *m, struct inbound **list)
{
	const struct fl_conversations *table = m->scanner->conversations;
	size_t n = fl_conversation_count(table), count = 0;
	*list = fl_alloc_array(2 * n + 1, sizeof(**list));
	for (size_t i = 0; i < n; i++) {
		const struct fl_conversation *v = fl_conversation_get(table, i);
		uint32_t host = summary_host_of(m, &v->key.server);
		/* A local proxy does not listen on the ports of its targets. */
		if (host != NO_HOST && answered(v) && !v->inner)
			(*list)[count++] = inbound_of(m, host, listener_of(m, v), v);
	}
	share_owners(*list, count);
	for (size_t i = 0; i < n; i++) {
		const struct fl_conversation *v = fl_conversation_get(table, i);
		uint32_t host = v->key.owner ? summary_host_of(m, &v->key.client) : NO_HOST;
		if (host != NO_HOST)
			(*list)[count++] = inbound_of(m, host, v->key.owner, NULL);
	}
	if (count)
		qsort(*list, count, sizeof(**list), compare_inbound);
	return count;
}

static int compare_ports(const void *pa, const void *pb)
{
	const struct fl_scan_port *a = pa, *b = pb;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return strcmp(a->transport, b->transport);
}

static void add_port(struct fl_scan_service *s, const struct fl_conversation *v)
{
	const char *transport = summary_transport(v->key.transport);
	const char *application = fl_application_name((enum fl_application)v->application);
	for (size_t i = 0; i < s->port_count; i++) {
		if (s->ports[i].port != v->key.port || strcmp(s->ports[i].transport, transport) != 0)
			continue;
		if (!s->ports[i].application && application)
			s->ports[i].application = application;
		return;
	}
	s->ports[s->port_count++] = (struct fl_scan_port){
		v->key.port, transport, application };
	qsort(s->ports, s->port_count, sizeof(*s->ports), compare_ports);
}

/* Conversations come sorted by client, so a client's are neighbours. */
static void add_client(struct fl_scan_service *s, const struct fl_conversation *v)
{
	struct fl_scan_client *last = s->client_count ? &s->clients[s->client_count - 1] : NULL;
	if (!last || !fl_addr_equal(&last->address, &v->key.client)) {
		if (s->client_count == FL_SCAN_CLIENTS_MAX) {
			s->clients_dropped++;
			return;
		}
		last = &s->clients[s->client_count++];
		*last = (struct fl_scan_client){ .address = v->key.client, .probe = true };
	}
	last->connections += v->connections.established + v->connections.midstream;
	last->exchanges += v->exchanges;
	last->probe = last->probe && summary_is_probe(v);
}

static void add_up(struct summary *m, struct service_row *row, const struct fl_conversation *v)
{
	struct fl_scan_service *s = row->service;
	const struct fl_measures *d = fl_conversation_get_detail(m->scanner->conversations, v->detail);
	add_port(s, v);
	add_client(s, v);
	s->connections += v->connections.established + v->connections.midstream;
	s->exchanges += v->exchanges;
	s->failures += v->failures;
	row->requests += v->exchanges - v->health;
	row->candidate = row->candidate || !summary_is_probe(v);
	if (!s->first_seen_ns || v->first_ns < s->first_seen_ns)
		s->first_seen_ns = v->first_ns;
	if (v->last_ns > s->last_seen_ns)
		s->last_seen_ns = v->last_ns;
	if (d) {
		struct fl_measures *measures = fl_measures_of(m->arena, &s->measures);
		fl_histogram_merge(&measures->first_byte, &d->first_byte);
		fl_timeline_merge(&measures->timeline, &d->timeline);
	}
}

static void add_virtual_hosts(struct summary *m, struct fl_scan_service *s, const struct inbound *list, size_t n)
{
	const char **names = fl_alloc_array(n + 1, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		const struct fl_conversation *v = list[i].v;
		if (v->key.name && v->key.name_source <= FL_NAME_HTTP_HOST)
			names[count++] = summary_string(m, v->key.name);
	}
	s->virtual_host_count = fl_sort_distinct_texts(names, count);
	if (count)
		s->virtual_hosts = fl_arena_array(m->arena, count, sizeof(*names));
	for (size_t i = 0; i < s->virtual_host_count; i++)
		s->virtual_hosts[i] = names[i];
	free(names);
}

static void add_addresses(struct summary *m, struct fl_scan_service *s, const struct inbound *list, size_t n)
{
	struct fl_addr *addresses = fl_alloc_array(n, sizeof(*addresses));
	for (size_t i = 0; i < n; i++)
		addresses[i] = list[i].v->key.server;
	s->address_count = n;
	s->addresses = summary_addresses(m, addresses, &s->address_count);
	free(addresses);
}

static void add_busy_time(struct summary *m)
{
	const struct fl_inflight *f = m->scanner->inflight;
	for (size_t i = 0; i < fl_inflight_count(f); i++) {
		const struct fl_listener *l = fl_inflight_get(f, i);
		uint32_t host = summary_host_of(m, &l->address);
		struct service_row *row = host == NO_HOST ? NULL : summary_service(m, host, l->port);
		if (row && l->busy_ns > row->busy_ns)
			row->busy_ns = l->busy_ns;
	}
}

static void add_port_rows(struct summary *m, const struct fl_scan_service *s)
{
	struct port_row *last = m->port_count ? &m->ports[m->port_count - 1] : NULL;
	uint32_t service = (uint32_t)(m->service_count - 1);
	for (size_t i = 0; i < s->port_count; i++)
		if (!last || last->service != service || last->port != s->ports[i].port) {
			last = &m->ports[m->port_count++];
			*last = (struct port_row){ m->services[service].host, service, s->ports[i].port };
		}
}

static void name_service(struct summary *m, struct fl_scan_service *s, const struct inbound *first)
{
	s->host = m->scan->hosts[first->host].name;
	s->uid = -1;
	if (!first->owner) {
		s->name = fl_arena_printf(m->arena, "port-%u", first->port);
		return;
	}
	const struct fl_owner_service *owner = fl_owners_service(m->scanner->owners, first->owner);
	s->name = fl_arena_string(m->arena, owner->name);
	s->command = *owner->command ? fl_arena_string(m->arena, owner->command) : NULL;
	s->uid = owner->uid;
}

static void add_service(struct summary *m, const struct inbound *list, size_t n)
{
	struct service_row *row = &m->services[m->service_count];
	struct fl_scan_service *s = &m->scan->services[m->service_count++];
	*row = (struct service_row){ .host = list[0].host, .owner = list[0].owner, .service = s };
	name_service(m, s, &list[0]);
	while (n && !list->v) {
		list++;
		n--;
	}
	if (!n)
		return;
	s->ports = fl_arena_array(m->arena, n, sizeof(*s->ports));
	s->clients = fl_arena_array(m->arena, n < FL_SCAN_CLIENTS_MAX ? n : FL_SCAN_CLIENTS_MAX,
				    sizeof(*s->clients));
	const struct fl_conversations *table = m->scanner->conversations;
	for (size_t i = 0; i < n; i++) {
		add_up(m, row, list[i].v);
		m->service_of[list[i].v - fl_conversation_get(table, 0)] = (uint32_t)m->service_count;
	}
	summary_seen(m, s->first_seen_ns, s->last_seen_ns, &s->first_seen_ns, &s->last_seen_ns);
	add_virtual_hosts(m, s, list, n);
	add_addresses(m, s, list, n);
	add_port_rows(m, s);
}

/* What only opens connections was first seen with the first of them. */
static void set_times(struct summary *m)
{
	const struct fl_conversations *table = m->scanner->conversations;
	for (size_t i = 0; i < fl_conversation_count(table); i++) {
		const struct fl_conversation *v = fl_conversation_get(table, i);
		uint32_t host = v->key.owner ? summary_host_of(m, &v->key.client) : NO_HOST;
		struct service_row *row = host == NO_HOST ? NULL : summary_owned(m, host, v->key.owner);
		if (!row)
			continue;
		struct fl_scan_service *s = row->service;
		if (!s->first_seen_ns || v->first_ns < s->first_seen_ns)
			s->first_seen_ns = v->first_ns;
		if (v->last_ns > s->last_seen_ns)
			s->last_seen_ns = v->last_ns;
	}
}

size_t summary_first_service(const struct summary *m, uint32_t host)
{
	size_t low = 0, high = m->service_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (m->services[mid].host < host)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int compare_port_rows(const void *pa, const void *pb)
{
	const struct port_row *a = pa, *b = pb;
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return (a->service > b->service) - (a->service < b->service);
}

struct service_row *summary_service(const struct summary *m, uint32_t host, uint16_t port)
{
	size_t low = 0, high = m->port_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct port_row *r = &m->ports[mid];
		if (r->host < host || (r->host == host && r->port < port))
			low = mid + 1;
		else
			high = mid;
	}
	if (low == m->port_count || m->ports[low].host != host || m->ports[low].port != port)
		return NULL;
	return &m->services[m->ports[low].service];
}

struct service_row *summary_owned(const struct summary *m, uint32_t host, uint32_t owner)
{
	const char *name = fl_owners_service(m->scanner->owners, owner)->name;
	size_t from = summary_first_service(m, host), low = from, high = from;
	while (high < m->service_count && m->services[high].host == host && m->services[high].owner)
		high++;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(m->services[mid].service->name, name);
		if (order == 0)
			return &m->services[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void summary_services(struct summary *m)
{
	struct inbound *list;
	size_t n = collect(m, &list), groups = 0;
	for (size_t i = 0; i < n; i++)
		groups += i == 0 || compare_services(&list[i - 1], &list[i]) != 0;
	/* Room for one service a host that dependencies without a known service belong to. */
	m->scan->services = fl_arena_array(m->arena, groups + m->scan->host_count + 1, sizeof(*m->scan->services));
	m->services = fl_alloc_array(groups + 1, sizeof(*m->services));
	m->ports = fl_alloc_array(n + 1, sizeof(*m->ports));
	for (size_t i = 0, from = 0; i < n; i++) {
		if (i + 1 < n && compare_services(&list[i], &list[i + 1]) == 0)
			continue;
		add_service(m, list + from, i + 1 - from);
		from = i + 1;
	}
	if (m->port_count)
		qsort(m->ports, m->port_count, sizeof(*m->ports), compare_port_rows);
	m->scan->service_count = m->service_count;
	set_times(m);
	add_busy_time(m);
	free(list);
}
