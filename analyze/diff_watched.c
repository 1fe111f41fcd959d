/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_watched.c - how long each host was watched
 *
 * Silence means something only where somebody listened. Hosts of the two sides are compared by their names,
 * and where the name is not known by its stable part (api-7d9f8c6b5-x2x4q and api-5c6d7f9b8-k9m2p are one):
 * among those the one that was watched longest counts. Two sorted lists, so that a fleet that was scanned
 * anew under other names costs no more than one that kept them.
 */
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"
#include "faultline/units.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fl_watched_host *)a)->name, ((const struct fl_watched_host *)b)->name);
}

static int by_name_and_scan(const void *va, const void *vb)
{
	const struct fl_watched_host *a = va, *b = vb;
	int order = by_name(a, b);
	return order != 0 ? order : (a->scan > b->scan) - (a->scan < b->scan);
}

static int by_name_longest_first(const void *va, const void *vb)
{
	const struct fl_watched_host *a = va, *b = vb;
	int order = by_name(a, b);
	return order != 0 ? order : (a->seconds < b->seconds) - (a->seconds > b->seconds);
}

/* Every host of every scan; a scan that names a host twice counts once. */
static size_t add_up(const struct fl_system *s, struct fl_watched_host *list)
{
	size_t count = 0, kept = 0;
	for (size_t i = 0; i < s->scans.count; i++) {
		const struct fl_scan *scan = s->scans.list[i];
		double seconds = (double)((uint64_t)scan->end_ns - (uint64_t)scan->start_ns) / FL_NS_PER_S;
		for (size_t h = 0; h < scan->host_count; h++)
			list[count++] = (struct fl_watched_host){ scan->hosts[h].name, seconds, i };
	}
	if (count > 1)
		qsort(list, count, sizeof(*list), by_name_and_scan);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || strcmp(list[kept - 1].name, list[i].name) != 0) {
			list[kept++] = list[i];
			continue;
		}
		struct fl_watched_host *host = &list[kept - 1];
		host->seconds += host->scan == list[i].scan ? 0 : list[i].seconds;
		host->scan = list[i].scan;
	}
	return kept;
}

void fl_watched_init(struct fl_watched *w, struct fl_arena *a, const struct fl_system *s)
{
	size_t total = 0, kept = 0;
	for (size_t i = 0; i < s->scans.count; i++)
		total += s->scans.list[i]->host_count;
	w->hosts = fl_arena_array(a, total, sizeof(*w->hosts));
	w->stable = fl_arena_array(a, total, sizeof(*w->stable));
	w->host_count = add_up(s, w->hosts);
	for (size_t i = 0; i < w->host_count; i++) {
		w->stable[i] = w->hosts[i];
		w->stable[i].name = fl_identity_name(a, w->hosts[i].name);
	}
	if (w->host_count > 1)
		qsort(w->stable, w->host_count, sizeof(*w->stable), by_name_longest_first);
	for (size_t i = 0; i < w->host_count; i++)
		if (kept == 0 || by_name(&w->stable[kept - 1], &w->stable[i]) != 0)
			w->stable[kept++] = w->stable[i];
	w->stable_count = kept;
}

static double find(const struct fl_watched_host *list, size_t count, const char *name)
{
	struct fl_watched_host key = { .name = name };
	const struct fl_watched_host *found =
		count > 0 ? bsearch(&key, list, count, sizeof(*list), by_name) : NULL;
	return found == NULL ? 0 : found->seconds;
}

double fl_watched_s(const struct fl_watched *w, struct fl_arena *a, const char *host)
{
	double seconds = find(w->hosts, w->host_count, host);
	return seconds > 0 ? seconds : find(w->stable, w->stable_count, fl_identity_name(a, host));
}
