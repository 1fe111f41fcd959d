/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join_services.c - services over all scans, and who answers at an address
 *
 * Identity of a host is its name, of a service host and name: neither changes with a restart or
 * a release, so scans of different times fall together. An address can have several owners (an
 * address that floats between two hosts, a container bridge that is the same everywhere); all of
 * them are kept, and the caller decides. Loopback addresses belong to whoever asks and are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"
#include "faultline/units.h"
#include "faultline/sort.h"

static int by_sighting(const void *a, const void *b)
{
	const struct join_sighting *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	order = order ? order : strcmp(x->name, y->name);
	order = order ? order : (x->scan > y->scan) - (x->scan < y->scan);
	order = order ? order : (y->record != NULL) - (x->record != NULL);
	return order ? order : (x->record > y->record) - (x->record < y->record); /* place in one array */
}

static bool same_place(const struct join_sighting *a, const struct join_sighting *b)
{
	return a->scan == b->scan && strcmp(a->host, b->host) == 0 && strcmp(a->name, b->name) == 0;
}

/* Every service that a scan lists, and those that only its dependencies name. */
static struct join_sighting *collect_sightings(struct join *j, size_t *count)
{
	const struct fl_scan_set *set = &j->system->scans;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < set->count; i++)
		n += set->list[i]->service_count + set->list[i]->dependency_count;
	struct join_sighting *list = fl_arena_array(j->arena, n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < set->count; i++) {
		const struct fl_scan *s = set->list[i];
		for (size_t k = 0; k < s->service_count; k++)
			list[n++] = (struct join_sighting){ s->services[k].host, s->services[k].name,
				&s->services[k], i };
		for (size_t k = 0; k < s->dependency_count; k++)
			list[n++] = (struct join_sighting){ s->dependencies[k].host,
				s->dependencies[k].service, NULL, i };
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_sighting);
	for (size_t i = 0; i < n; i++)
		if (list[i].record || kept == 0 || !same_place(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	*count = kept;
	return list;
}

static void add_up_service(struct join *j, struct join_service *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->sighting_count; i++)
		n += s->sightings[i].record ? s->sightings[i].record->address_count : 0;
	s->addresses = fl_arena_array(j->arena, n, sizeof(*s->addresses));
	for (size_t i = 0; i < s->sighting_count; i++) {
		const struct fl_scan_service *r = s->sightings[i].record;
		if (!r)
			continue;
		for (size_t k = 0; k < r->address_count; k++)
			s->addresses[s->address_count++] = r->addresses[k];
		s->exchanges = fl_join_add(s->exchanges, r->exchanges);
		s->connections = fl_join_add(s->connections, r->connections);
		s->last_seen_ns = r->last_seen_ns > s->last_seen_ns ? r->last_seen_ns : s->last_seen_ns;
	}
	s->address_count = fl_sort_distinct_addresses(s->addresses, s->address_count);
}

static void group_services(struct join *j)
{
	size_t count;
	const struct join_sighting *list = collect_sightings(j, &count);

	j->services = fl_arena_array(j->arena, count, sizeof(*j->services));
	for (size_t i = 0, end; i < count; i = end) {
		struct join_service *s = &j->services[j->service_count++];
		for (end = i + 1; end < count && strcmp(list[i].host, list[end].host) == 0 &&
				  strcmp(list[i].name, list[end].name) == 0;)
			end++;
		s->host = list[i].host;
		s->name = list[i].name;
		s->id = fl_arena_printf(j->arena, "service:%s/%s", s->host, s->name);
		s->sightings = &list[i];
		s->sighting_count = end - i;
		add_up_service(j, s);
	}
}

static int by_owner(const void *a, const void *b)
{
	const struct join_owner *x = a, *y = b;
	int order = fl_addr_compare(&x->address, &y->address);

	return order ? order : strcmp(x->host, y->host);
}

static void collect_owners(struct join *j)
{
	const struct fl_scan_set *set = &j->system->scans;
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < set->count; i++)
		for (size_t k = 0; k < set->list[i]->host_count; k++)
			n += set->list[i]->hosts[k].address_count;
	struct join_owner *list = fl_arena_array(j->arena, n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < set->count; i++) {
		for (size_t k = 0; k < set->list[i]->host_count; k++) {
			const struct fl_scan_host *h = &set->list[i]->hosts[k];
			for (size_t a = 0; a < h->address_count; a++)
				if (!fl_addr_is_loopback(&h->addresses[a]) &&
					!fl_addr_is_none(&h->addresses[a]))
					list[n++] = (struct join_owner){ h->addresses[a], h->name };
		}
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_owner);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_owner(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	j->owners = list;
	j->owner_count = kept;
}

static int by_listener(const void *a, const void *b)
{
	const struct join_listener *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	order = order ? order : strcmp(x->transport, y->transport);
	return order ? order : (x->port > y->port) - (x->port < y->port);
}

/* Latest first: names change ("port-8080" until the agent learns better). */
static int by_listener_and_time(const void *a, const void *b)
{
	const struct join_listener *x = a, *y = b;
	int order = by_listener(a, b);

	order = order ? order : (x->last_seen_ns < y->last_seen_ns) - (x->last_seen_ns > y->last_seen_ns);
	return order ? order : (x->service > y->service) - (x->service < y->service);
}

static void collect_listeners(struct join *j)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < j->service_count; i++)
		for (size_t k = 0; k < j->services[i].sighting_count; k++)
			n += j->services[i].sightings[k].record
				     ? j->services[i].sightings[k].record->port_count
				     : 0;
	struct join_listener *list = fl_arena_array(j->arena, n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < j->service_count; i++) {
		for (size_t k = 0; k < j->services[i].sighting_count; k++) {
			const struct fl_scan_service *r = j->services[i].sightings[k].record;
			for (size_t p = 0; r && p < r->port_count; p++)
				list[n++] =
					(struct join_listener){ j->services[i].host, r->ports[p].transport,
						r->ports[p].port, j->services[i].last_seen_ns, i };
		}
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_listener_and_time);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_listener_and_time(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	j->listeners = list;
	j->listener_count = kept;
}

struct host_window {
	const char *host;
	size_t scan;
	double window_s;
};

static int by_host_and_scan(const void *a, const void *b)
{
	const struct host_window *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	return order ? order : (x->scan > y->scan) - (x->scan < y->scan);
}

/* Hosts, and how long each was watched: a scan that names a host twice counts once. */
static void collect_hosts(struct join *j)
{
	const struct fl_scan_set *set = &j->system->scans;
	size_t n = 0;

	for (size_t i = 0; i < set->count; i++)
		n += set->list[i]->host_count;
	struct host_window *list = fl_arena_array(j->arena, n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < set->count; i++) {
		const struct fl_scan *s = set->list[i];
		double window_s = (double)((uint64_t)s->end_ns - (uint64_t)s->start_ns) / (double)FL_NS_PER_S;
		for (size_t k = 0; k < s->host_count; k++)
			list[n++] = (struct host_window){ s->hosts[k].name, i, window_s };
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), by_host_and_scan);
	j->hosts = fl_arena_array(j->arena, n, sizeof(*j->hosts));
	j->host_window_s = fl_arena_array(j->arena, n, sizeof(*j->host_window_s));
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && by_host_and_scan(&list[i - 1], &list[i]) == 0)
			continue;
		if (i == 0 || strcmp(list[i - 1].host, list[i].host) != 0)
			j->hosts[j->host_count++] = list[i].host;
		j->host_window_s[j->host_count - 1] += list[i].window_s;
	}
}

void fl_join_services(struct join *j)
{
	group_services(j);
	collect_owners(j);
	collect_listeners(j);
	collect_hosts(j);
}

size_t fl_join_find_service(const struct join *j, const char *host, const char *name)
{
	size_t low = 0, high = j->service_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(host, j->services[middle].host);
		order = order ? order : strcmp(name, j->services[middle].name);
		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return JOIN_NONE;
}

size_t fl_join_host(const struct join *j, const char *host)
{
	size_t low = 0, high = j->host_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(host, j->hosts[middle]);
		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return JOIN_NONE;
}

bool fl_join_owns(const struct join *j, const char *host, const struct fl_addr *a)
{
	struct join_owner key = { *a, host };

	return fl_addr_is_loopback(a) || (j->owner_count > 0 && bsearch(&key, j->owners, j->owner_count,
									sizeof(key), by_owner) != NULL);
}

size_t fl_join_owners(const struct join *j, const struct fl_addr *a, size_t *count)
{
	size_t low = 0, high = j->owner_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (fl_addr_compare(&j->owners[middle].address, a) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*count = 0;
	while (*count < JOIN_OWNERS_MAX && low + *count < j->owner_count &&
		fl_addr_equal(&j->owners[low + *count].address, a))
		++*count;
	return low;
}

static int by_address(const void *a, const void *b)
{
	return fl_addr_compare(a, b);
}

bool fl_join_answers_at(const struct join_service *s, const struct fl_addr *a)
{
	return s->address_count > 0 &&
	       bsearch(a, s->addresses, s->address_count, sizeof(*a), by_address) != NULL;
}

size_t fl_join_listener(const struct join *j, const char *host, const struct fl_addr *address, uint16_t port,
	const char *transport)
{
	struct join_listener key = { .host = host, .transport = transport, .port = port };
	size_t low = 0, high = j->listener_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_listener(&j->listeners[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* The latest that was seen at the address itself, else the latest. */
	for (size_t i = low; i < j->listener_count && i - low < JOIN_LISTENERS_MAX; i++) {
		if (by_listener(&j->listeners[i], &key) != 0)
			break;
		if (fl_join_answers_at(&j->services[j->listeners[i].service], address))
			return j->listeners[i].service;
	}
	if (low < j->listener_count && by_listener(&j->listeners[low], &key) == 0)
		return j->listeners[low].service;
	return JOIN_NONE;
}
