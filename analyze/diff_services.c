/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_services.c - a service that goes by another name on the other side
 *
 * A scan that does not see the process calls a service by its port, so a release that moves it to another port, or an
 * agent that now sees the unit, renames it, and everything it uses would be gone and new. Of the services of one host that
 * only one side knows, two are one when they listen on the same port, or when the same services call them; and only when no other
 * pair of that host would do as well. The newer one's uses then count as the older one's. That its callers
 * connect to another port stays a change: they had to be changed for it.
 */
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"

struct caller { const char *key; const char *from; }; /* of a service, who calls it */

struct service {
	const char *key, *host;           /* stable */
	const struct fl_system_service *s;
	size_t first_caller, caller_count;
};

struct side {
	struct service *list;             /* sorted by key */
	size_t count;
	struct caller *callers;           /* sorted by key, from; distinct */
	size_t caller_count;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct service *)a)->key, ((const struct service *)b)->key);
}

static int by_key_and_from(const void *va, const void *vb)
{
	const struct caller *a = va, *b = vb;
	int order = strcmp(a->key, b->key);
	return order != 0 ? order : strcmp(a->from, b->from);
}

static void collect_callers(struct side *side, struct fl_diffing *w, bool newer)
{
	size_t kept = 0;
	side->callers = fl_arena_array(w->a, w->use_count, sizeof(*side->callers));
	for (size_t i = 0; i < w->use_count; i++) {
		const struct fl_use *use = w->uses[i];
		const char *port = use->target_key == NULL ? NULL : strrchr(use->target_key, ':');
		if (use->newer == newer && use->counts && port != NULL)
			side->callers[side->caller_count++] = (struct caller){
				fl_arena_string_n(w->a, use->target_key, (size_t)(port - use->target_key)), use->from_key };
	}
	if (side->caller_count > 1)
		qsort(side->callers, side->caller_count, sizeof(*side->callers), by_key_and_from);
	for (size_t i = 0; i < side->caller_count; i++)
		if (kept == 0 || by_key_and_from(&side->callers[kept - 1], &side->callers[i]) != 0)
			side->callers[kept++] = side->callers[i];
	side->caller_count = kept;
}

static void find_callers(const struct side *side, struct service *s)
{
	size_t low = 0, high = side->caller_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(side->callers[middle].key, s->key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	s->first_caller = low;
	while (low + s->caller_count < side->caller_count &&
		strcmp(side->callers[low + s->caller_count].key, s->key) == 0)
		s->caller_count++;
}

static void collect(struct side *side, struct fl_diffing *w, bool newer)
{
	const struct fl_system *s = w->sides[newer].system;
	collect_callers(side, w, newer);
	side->list = fl_arena_array(w->a, s->service_count, sizeof(*side->list));
	for (size_t i = 0; i < s->service_count; i++) {
		const struct fl_system_service *service = &s->services[i];
		if (fl_is_host_service(service->id))
			continue;
		struct service *one = &side->list[side->count++];
		one->s = service;
		one->key = fl_identity_service(w->a, service->id);
		one->host = fl_identity_name(w->a, service->host);
		find_callers(side, one);
	}
	if (side->count > 1)
		qsort(side->list, side->count, sizeof(*side->list), by_key);
}

static bool knows(const struct side *side, const struct service *s)
{
	return side->count > 0 && bsearch(s, side->list, side->count, sizeof(*side->list), by_key) != NULL;
}

/* ---- alike? ---- */

static bool listens(const struct fl_system_service *s, const struct fl_scan_port *port)
{
	for (size_t i = 0; i < s->record_count; i++)
		for (size_t k = 0; k < s->records[i].s->port_count; k++) {
			const struct fl_scan_port *own = &s->records[i].s->ports[k];
			if (own->port == port->port && strcmp(own->transport, port->transport) == 0)
				return true;
		}
	return false;
}

static bool same_port(const struct service *a, const struct service *b)
{
	for (size_t i = 0; i < a->s->record_count; i++)
		for (size_t k = 0; k < a->s->records[i].s->port_count; k++)
			if (listens(b->s, &a->s->records[i].s->ports[k]))
				return true;
	return false;
}

/* More than half of all that call either. */
static bool same_callers(const struct side *sides, const struct service *a, const struct service *b)
{
	size_t i = 0, k = 0, common = 0;
	while (i < a->caller_count && k < b->caller_count) {
		int order = strcmp(sides[0].callers[a->first_caller + i].from, sides[1].callers[b->first_caller + k].from);
		common += order == 0;
		i += order <= 0;
		k += order >= 0;
	}
	return 2 * common > a->caller_count + b->caller_count - common;
}

static bool alike(const struct side *sides, const struct service *old, const struct service *new)
{
	return strcmp(old->host, new->host) == 0 && (same_port(old, new) || same_callers(sides, old, new));
}

/* ---- renaming ---- */

static void rename_uses(struct fl_diffing *w, const char *from, const char *to)
{
	for (size_t i = 0; i < w->use_count; i++)
		if (w->uses[i]->newer && strcmp(w->uses[i]->from_key, from) == 0)
			w->uses[i]->from_key = to;
}

enum { ALONE_MAX = 500 }; /* services of one side only that are tried; more is another system */

static size_t alone(const struct side *of, const struct side *other, const struct service **list)
{
	size_t count = 0;
	for (size_t i = 0; i < of->count && count < ALONE_MAX; i++)
		if (!knows(other, &of->list[i]))
			list[count++] = &of->list[i];
	return count;
}

void fl_diff_services(struct fl_diffing *w)
{
	struct side sides[2] = { { .count = 0 }, { .count = 0 } };
	const struct service *old[ALONE_MAX], *new[ALONE_MAX];
	for (int newer = 0; newer < 2; newer++)
		collect(&sides[newer], w, newer != 0);
	size_t old_count = alone(&sides[0], &sides[1], old), new_count = alone(&sides[1], &sides[0], new);
	for (size_t i = 0; i < old_count; i++) {
		const struct service *match = NULL;
		size_t matches = 0, back = 0;
		for (size_t k = 0; k < new_count; k++)
			if (alike(sides, old[i], new[k])) {
				match = new[k];
				matches++;
			}
		for (size_t k = 0; k < old_count && matches == 1; k++)
			back += alike(sides, old[k], match);
		if (matches != 1 || back != 1)
			continue;
		rename_uses(w, match->key, old[i]->key);
		w->d->renamed_services++;
	}
}
