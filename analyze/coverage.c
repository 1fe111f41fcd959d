/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * coverage.c - what all scans together saw, and did not see
 *
 * Counts add. Limits of one name are one limit, met as often as in all scans together; blind
 * spots of one kind are one. Unseen dependencies add over scans, as far as they are known; the scan
 * length that would see most of them is the longest any scan asks for.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"
#include "faultline/sort.h"
#include "faultline/units.h"

static void add_counts(struct fl_coverage *into, const struct fl_coverage *c)
{
	into->packets = fl_join_add(into->packets, c->packets);
	into->bytes = fl_join_add(into->bytes, c->bytes);
	into->dropped_kernel = fl_join_add(into->dropped_kernel, c->dropped_kernel);
	into->dropped_interface = fl_join_add(into->dropped_interface, c->dropped_interface);
	into->not_ip = fl_join_add(into->not_ip, c->not_ip);
	into->truncated = fl_join_add(into->truncated, c->truncated);
	into->malformed = fl_join_add(into->malformed, c->malformed);
	into->duplicates = fl_join_add(into->duplicates, c->duplicates);
	into->fragments = fl_join_add(into->fragments, c->fragments);
	into->parse_errors = fl_join_add(into->parse_errors, c->parse_errors);
	into->flows = fl_join_add(into->flows, c->flows);
	into->flows_named = fl_join_add(into->flows_named, c->flows_named);
	into->flows_unattributed = fl_join_add(into->flows_unattributed, c->flows_unattributed);
	into->name_answers = fl_join_add(into->name_answers, c->name_answers);
	if (!isnan(c->unseen_dependencies))
		into->unseen_dependencies = isnan(into->unseen_dependencies)
						    ? c->unseen_dependencies
						    : into->unseen_dependencies + c->unseen_dependencies;
	into->window_for_95_s = fmax(into->window_for_95_s, c->window_for_95_s); /* NaN gives way */
}

static int compare_optional(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int by_limit(const void *a, const void *b)
{
	const struct fl_scan_limit *x = a, *y = b;
	int order = compare_optional(x->name, y->name);

	return order ? order : compare_optional(y->what, x->what); /* NULL last */
}

static int by_spot(const void *a, const void *b)
{
	const struct fl_scan_blind_spot *x = a, *y = b;
	int order = compare_optional(x->kind, y->kind);

	order = order ? order : (x->count < y->count) - (x->count > y->count); /* its text is kept */
	return order ? order : compare_optional(y->text, x->text);
}

static void add_limits(struct fl_system *s)
{
	struct fl_coverage *into = &s->coverage;
	size_t n = 0;

	for (size_t i = 0; i < s->scans.count; i++)
		n += s->scans.list[i]->coverage.limit_count;
	struct fl_scan_limit *list = fl_arena_array(s->arena, n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < s->scans.count; i++)
		for (size_t k = 0; k < s->scans.list[i]->coverage.limit_count; k++)
			list[n++] = s->scans.list[i]->coverage.limits[k];
	if (n > 1)
		qsort(list, n, sizeof(*list), by_limit);
	into->limits = list;
	for (size_t i = 0; i < n; i++) {
		struct fl_scan_limit *last = into->limit_count ? &list[into->limit_count - 1] : NULL;
		if (!last || strcmp(last->name, list[i].name) != 0) {
			list[into->limit_count++] = list[i];
			continue;
		}
		last->hits = fl_join_add(last->hits, list[i].hits);
		last->limit = list[i].limit > last->limit ? list[i].limit : last->limit;
	}
}

static void add_blind_spots(struct fl_system *s)
{
	struct fl_coverage *into = &s->coverage;
	size_t n = 0;

	for (size_t i = 0; i < s->scans.count; i++)
		n += s->scans.list[i]->coverage.blind_spot_count;
	struct fl_scan_blind_spot *list = fl_arena_array(s->arena, n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < s->scans.count; i++)
		for (size_t k = 0; k < s->scans.list[i]->coverage.blind_spot_count; k++)
			list[n++] = s->scans.list[i]->coverage.blind_spots[k];
	if (n > 1)
		qsort(list, n, sizeof(*list), by_spot);
	into->blind_spots = list;
	for (size_t i = 0; i < n; i++) {
		struct fl_scan_blind_spot *last =
			into->blind_spot_count ? &list[into->blind_spot_count - 1] : NULL;
		if (!last || strcmp(last->kind, list[i].kind) != 0) {
			list[into->blind_spot_count++] = list[i];
			continue;
		}
		last->count = fl_join_add(last->count, list[i].count);
	}
}

/* ---- the same time twice ---- */

static int by_host_and_start(const void *va, const void *vb)
{
	const struct fl_watch *a = va, *b = vb;
	int order = strcmp(a->host, b->host);
	order = order != 0 ? order : (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
	return order != 0 ? order : (a->end_ns > b->end_ns) - (a->end_ns < b->end_ns);
}

struct fl_watch *fl_system_watches(const struct fl_system *s, size_t *count)
{
	size_t n = 0;
	for (size_t i = 0; i < s->scans.count; i++)
		n += s->scans.list[i]->host_count;
	struct fl_watch *list = fl_alloc_array(n + 1, sizeof(*list));
	*count = 0;
	for (size_t i = 0; i < s->scans.count; i++) {
		const struct fl_scan *scan = s->scans.list[i];
		for (size_t k = 0; k < scan->host_count && scan->end_ns > scan->start_ns; k++)
			list[(*count)++] = (struct fl_watch){ scan->hosts[k].name, scan->start_ns, scan->end_ns };
	}
	if (*count > 1)
		qsort(list, *count, sizeof(*list), by_host_and_start);
	return list;
}

static double seconds(int64_t start_ns, int64_t end_ns)
{
	return ((double)end_ns - (double)start_ns) / (double)FL_NS_PER_S;
}

/* How often a host was watched while an earlier scan watched it, for more than a tenth of the shorter. */
static uint64_t count_overlaps(const struct fl_watch *list, size_t count)
{
	uint64_t found = 0;
	struct fl_watch last = { "", 0, 0 }; /* of this host the one that ends last */
	for (size_t i = 0; i < count; i++) {
		const struct fl_watch *w = &list[i];
		bool same = i > 0 && strcmp(last.host, w->host) == 0;
		int64_t end_ns = w->end_ns < last.end_ns ? w->end_ns : last.end_ns;
		double shorter = fmin(seconds(w->start_ns, w->end_ns), seconds(last.start_ns, last.end_ns));
		found += same && seconds(w->start_ns, end_ns) > shorter / 10;
		if (!same || w->end_ns > last.end_ns)
			last = *w;
	}
	return found;
}

/* Counts of scans are added, and which exchanges two of them have both counted is in neither. */
static void add_overlaps(struct fl_system *s)
{
	size_t count;
	struct fl_watch *list = fl_system_watches(s, &count);
	uint64_t found = count_overlaps(list, count);
	free(list);
	if (found == 0)
		return;
	struct fl_coverage *c = &s->coverage;
	struct fl_scan_blind_spot *spots = fl_arena_array(s->arena, c->blind_spot_count + 1, sizeof(*spots));
	if (c->blind_spot_count > 0)
		memcpy(spots, c->blind_spots, c->blind_spot_count * sizeof(*spots));
	spots[c->blind_spot_count++] = (struct fl_scan_blind_spot){ "overlap", found,
		"scans watched a host while another scan watched it: what both saw counts twice; give one of them" };
	c->blind_spots = spots;
}

enum { DETECTIONS_MAX = 8 }; /* there are fewer ways */

/* The ways that hosts were told by, each once: "cooked, given". */
static void add_host_detection(struct fl_system *s)
{
	const char **list = fl_alloc_array(s->scans.count, sizeof(*list));
	size_t n = 0, told = 0;

	for (size_t i = 0; i < s->scans.count; i++)
		if (s->scans.list[i]->coverage.host_detection)
			list[n++] = s->scans.list[i]->coverage.host_detection;
	fl_sort_texts(list, n);
	for (size_t i = 0; i < n && told < DETECTIONS_MAX; i++) {
		if (i > 0 && strcmp(list[i - 1], list[i]) == 0)
			continue;
		s->coverage.host_detection = told++ == 0 ? list[i]
							 : fl_arena_printf(s->arena, "%s, %s",
								   s->coverage.host_detection, list[i]);
	}
	free(list);
}

static void add_window(struct fl_system *s, const struct fl_scan *scan, bool *any)
{
	if (scan->start_ns == 0 && scan->end_ns == 0)
		return; /* it saw no packet */
	s->start_ns = !*any || scan->start_ns < s->start_ns ? scan->start_ns : s->start_ns;
	s->end_ns = !*any || scan->end_ns > s->end_ns ? scan->end_ns : s->end_ns;
	s->watched_s += (double)((uint64_t)scan->end_ns - (uint64_t)scan->start_ns) / (double)FL_NS_PER_S;
	*any = true;
}

void fl_coverage_add_up(struct fl_system *s)
{
	bool any = false;

	s->coverage.unseen_dependencies = NAN;
	s->coverage.window_for_95_s = NAN;
	for (size_t i = 0; i < s->scans.count; i++) {
		add_counts(&s->coverage, &s->scans.list[i]->coverage);
		add_window(s, s->scans.list[i], &any);
	}
	add_limits(s);
	add_blind_spots(s);
	add_overlaps(s);
	add_host_detection(s);
}
