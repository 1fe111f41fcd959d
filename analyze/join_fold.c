/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join_fold.c - one far end that is known by name and by bare address is one dependency
 *
 * A connection that is older than the scan, or whose look-up went unseen, stands in a scan with its bare
 * address beside later connections of the same service to the same address that have a name. Taken as they
 * stand they would be two dependencies: half the weight each, and a loss and a gain in every comparison.
 *
 * A bare record takes the name when exactly one name of the same service has its address, port and transport,
 * over all scans. Two names are a choice nobody can make (hundreds share an address of a CDN), and the
 * name another service uses says nothing about this one. Resolvers are known by address and are left alone.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"

/* A name that a service used an address by. */
struct used {
	size_t service;
	struct fl_addr address;
	uint16_t port;
	const char *transport, *identity;
};

static int by_far_end(const struct used *x, const struct used *y)
{
	int order = (x->service > y->service) - (x->service < y->service);

	order = order ? order : fl_addr_compare(&x->address, &y->address);
	order = order ? order : (x->port > y->port) - (x->port < y->port);
	return order ? order : strcmp(x->transport, y->transport);
}

static int by_far_end_and_name(const void *a, const void *b)
{
	const struct used *x = a, *y = b;
	int order = by_far_end(x, y);

	return order ? order : strcmp(x->identity, y->identity);
}

static bool is_resolver(const struct fl_scan_dependency *d)
{
	return d->class == FL_CLASS_NAME_RESOLUTION;
}

static struct used used_as(const struct join_record *r, const struct fl_addr *address)
{
	return (struct used){ r->service, *address, r->d->port, r->d->transport, r->identity };
}

/* Names by far end, sorted and distinct; free() it. */
static struct used *collect_names(const struct join_record *list, size_t count, size_t *found)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < count; i++)
		n += list[i].d->name ? list[i].d->address_count : 0;
	struct used *names = fl_alloc_array(n, sizeof(*names));
	n = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; list[i].d->name && !is_resolver(list[i].d) && k < list[i].d->address_count;
			k++)
			names[n++] = used_as(&list[i], &list[i].d->addresses[k]);
	if (n > 1)
		qsort(names, n, sizeof(*names), by_far_end_and_name);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_far_end_and_name(&names[kept - 1], &names[i]) != 0)
			names[kept++] = names[i];
	*found = kept;
	return names;
}

/* The only name for the far end of @key; NULL: none, or several. */
static const char *only_name(const struct used *names, size_t count, const struct used *key)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (by_far_end(&names[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == count || by_far_end(&names[low], key) != 0)
		return NULL;
	return low + 1 < count && by_far_end(&names[low + 1], key) == 0 ? NULL : names[low].identity;
}

void fl_join_fold(struct join_record *list, size_t count)
{
	size_t found;
	struct used *names = collect_names(list, count, &found);

	for (size_t i = 0; i < count; i++) {
		const struct fl_scan_dependency *d = list[i].d;
		if (d->name || d->address_count != 1 || is_resolver(d))
			continue;
		struct used key = used_as(&list[i], &d->addresses[0]);
		const char *name = only_name(names, found, &key);
		list[i].identity = name ? name : list[i].identity;
	}
	free(names);
}
