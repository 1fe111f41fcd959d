/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join_backends.c - interchangeable backends that are reached by bare address
 *
 * A proxy whose backends are configured by address makes one dependency for each; taken as they
 * stand, each would be a single point of failure. They are taken as one group where all evidence
 * says that they do the same work: one caller, the same port, transport and application,
 * calls spread over them (each at least a tenth of the busiest), and the services behind them
 * depend on the same things (Jaccard similarity of at least 0.8; 1 for exact replicas, less because a
 * window rarely shows every dependency of every replica). Services without dependencies of their own
 * are never taken as one: two databases on one port are not replicas because both need nothing.
 *
 * Where the far ends were not scanned, what they depend on is unknown. There the caller itself says that they are
 * one thing when it asks them for the same Host and that is the name of none of them, as a proxy does for a pool;
 * calls must be spread more evenly then (each at least a quarter of the busiest).
 *
 * Each candidate is compared with the first member of each set so far, so sets do not
 * depend on anything but the order of endpoints.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"

/* Sets of one caller that a candidate is compared with, and dependencies of a backend. Who has more is no
 * proxy and no replica; without limits a hostile scan makes the comparison quadratic. */
enum { SETS_MAX = 16, OWN_MAX = 256 };

struct set {
	size_t leader; /* dependency */
	uint64_t most; /* calls of the busiest */
	bool scanned;  /* its members are */
	size_t first;  /* where the first member leads */
	bool spread;   /* to more than one place */
	size_t number;
};

static int compare_optional(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static bool is_scanned(const struct join *j, const struct join_dependency *d)
{
	return j->targets[d->target].service != JOIN_NONE;
}

/* One address that belongs to no scanned host, asked for something that is not its name. */
static bool is_asked_for_pool(const struct join *j, const struct join_dependency *d)
{
	const struct join_target *t = &j->targets[d->target];

	return t->member_count == 1 && t->outside_count == 1 && d->merged->host_asked_count > 0;
}

static bool is_candidate(const struct join *j, const struct join_dependency *d)
{
	const struct fl_scan_dependency *m = d->merged;

	if (!d->in_graph || m->name || m->class != FL_CLASS_ON_REQUEST || fl_join_calls(m) == 0 ||
		d->target == JOIN_NONE)
		return false;
	return is_scanned(j, d) ? j->targets[d->target].service != d->service : is_asked_for_pool(j, d);
}

/* Next dependency of @s from @i on that counts as its own. */
static size_t next_own(const struct join *j, const struct join_service *s, size_t i)
{
	while (i < s->first_dependency + s->dependency_count &&
		(!j->dependencies[i].in_graph ||
			j->dependencies[i].merged->class == FL_CLASS_NAME_RESOLUTION))
		i++;
	return i;
}

static int compare_identity(const struct join_dependency *a, const struct join_dependency *b)
{
	int order = strcmp(a->identity, b->identity);

	order = order ? order : (a->merged->port > b->merged->port) - (a->merged->port < b->merged->port);
	return order ? order : strcmp(a->merged->transport, b->merged->transport);
}

/* Jaccard >= 0.8 of the endpoints of two services, both sorted; neither is empty. */
static bool same_dependencies(
	const struct join *j, const struct join_service *a, const struct join_service *b)
{
	size_t x = next_own(j, a, a->first_dependency), y = next_own(j, b, b->first_dependency);
	size_t x_end = a->first_dependency + a->dependency_count,
	       y_end = b->first_dependency + b->dependency_count;
	size_t common = 0, all = 0;

	if (a->own_count > OWN_MAX || b->own_count > OWN_MAX)
		return false;
	if (a == b)
		return a->own_count > 0;
	while (x < x_end || y < y_end) {
		int order = x == x_end   ? 1
			    : y == y_end ? -1
					 : compare_identity(&j->dependencies[x], &j->dependencies[y]);
		common += order == 0;
		all++;
		if (order <= 0)
			x = next_own(j, a, x + 1);
		if (order >= 0)
			y = next_own(j, b, y + 1);
	}
	return common > 0 && common * 5 >= all * 4;
}

static bool same_hosts_asked(const struct fl_scan_dependency *a, const struct fl_scan_dependency *b)
{
	bool same = a->host_asked_count == b->host_asked_count;

	for (size_t i = 0; same && i < a->host_asked_count; i++) /* both sorted */
		same = strcmp(a->hosts_asked[i], b->hosts_asked[i]) == 0;
	return same;
}

static bool alike(const struct join *j, const struct join_dependency *a, const struct join_dependency *b)
{
	const struct fl_scan_dependency *x = a->merged, *y = b->merged;
	size_t s = j->targets[a->target].service, t = j->targets[b->target].service;

	if (x->port != y->port || strcmp(x->transport, y->transport) != 0 ||
		compare_optional(x->application, y->application) != 0 || is_scanned(j, a) != is_scanned(j, b))
		return false;
	return is_scanned(j, a) ? same_dependencies(j, &j->services[s], &j->services[t])
				: same_hosts_asked(x, y);
}

static void join_set(struct set *set, const struct join_dependency *d)
{
	uint64_t calls = fl_join_calls(d->merged);

	set->most = calls > set->most ? calls : set->most;
}

/* At least a tenth of the calls of the busiest; a quarter where less is known. */
static bool carries_load(const struct set *set, const struct join_dependency *d)
{
	uint64_t part = set->scanned ? 10 : 4;

	return fl_join_calls(d->merged) >= set->most / part + (set->most % part != 0);
}

static size_t find_sets(const struct join *j, const struct join_service *s, struct set *sets, size_t *set_of)
{
	size_t count = 0;

	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct join_dependency *d = &j->dependencies[s->first_dependency + i];
		size_t k = 0;
		set_of[i] = JOIN_NONE;
		if (!is_candidate(j, d))
			continue;
		while (k < count && !alike(j, &j->dependencies[sets[k].leader], d))
			k++;
		if (k == SETS_MAX)
			continue;
		if (k == count)
			sets[count++] = (struct set){ .leader = s->first_dependency + i,
					.scanned = is_scanned(j, d),
					.first = JOIN_NONE };
		join_set(&sets[k], d);
		set_of[i] = k;
	}
	return count;
}

size_t fl_join_backends(const struct join *j, const struct join_service *service, size_t *set_of)
{
	struct set sets[SETS_MAX];
	size_t count = find_sets(j, service, sets, set_of), kept = 0;

	for (size_t i = 0; i < service->dependency_count; i++) {
		const struct join_dependency *d = &j->dependencies[service->first_dependency + i];
		if (set_of[i] == JOIN_NONE)
			continue;
		struct set *set = &sets[set_of[i]];
		size_t leads_to = set->scanned ? j->targets[d->target].service : d->target;
		if (!carries_load(set, d)) {
			set_of[i] = JOIN_NONE;
			continue;
		}
		set->spread = set->spread || (set->first != JOIN_NONE && set->first != leads_to);
		set->first = leads_to;
	}
	for (size_t k = 0; k < count; k++)
		sets[k].number = sets[k].spread ? kept++ : JOIN_NONE;
	for (size_t i = 0; i < service->dependency_count; i++)
		if (set_of[i] != JOIN_NONE)
			set_of[i] = sets[set_of[i]].number;
	return kept;
}
