/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_silence.c - how probable it is that a window shows nothing of what goes on all the same
 *
 * The rule stands in diff.c: what one side has is expected of the other by its rate, its window and, for what requests cause,
 * the number of requests; calls that come together are one event. What several callers began or ceased to use
 * at once adds up.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"

#define REMEMBERED_S 300.0 /* that resolvers' clients go without a look-up; most names live as long, or less */

double fl_diff_watched_s(const struct fl_diffing *w, int side, const char *host)
{
	return fl_watched_s(&w->sides[side].watched, w->a, host);
}

/* Inbound exchanges of the service that makes these uses; 0 where none are known. */
static double inbound_of(const struct fl_system *s, const char *id)
{
	const struct fl_system_service *service = fl_diff_find_service(s, id);
	double sum = 0;
	for (size_t i = 0; service != NULL && i < service->record_count; i++)
		sum += (double)service->records[i].s->exchanges;
	return sum;
}

/* How many times the other side's window would hold what this one held of @use: by the time watched, and for what
 * requests cause not more than by their number, where that is known. */
static double window_ratio(const struct fl_diffing *w, int side, const struct fl_use *use)
{
	double window = use->evidence->window_s, ratio = window > 0 ? fl_diff_watched_s(w, !side, use->host) / window : 0;
	const struct fl_system *other = w->sides[!side].system;
	if (use->evidence->merged->class != FL_CLASS_ON_REQUEST || fl_diff_find_service(other, use->from) == NULL)
		return ratio;
	double inbound = inbound_of(w->sides[side].system, use->from);
	return inbound > 0 ? fmin(ratio, inbound_of(other, use->from) / inbound) : ratio;
}

static struct fl_silence silence_of(struct fl_diffing *w, int side, const struct fl_use_group *g)
{
	struct fl_silence s = { NAN, NAN };
	struct fl_amounts amounts;
	if (g->uses[side][0]->evidence == NULL)
		return s;
	s.expected = 0;
	for (size_t i = 0; i < g->counts[side]; i++) {
		const struct fl_use *use = g->uses[side][i];
		if (use->evidence == NULL || !use->counts)
			continue;
		const struct fl_scan_dependency *m = use->evidence->merged;
		double events = m->exchanges > 0 ? (double)m->exchanges : (double)m->connections.established;
		if (m->class == FL_CLASS_START_UP)
			events = 1;
		if (m->class == FL_CLASS_NAME_RESOLUTION)
			events = fmin(events, fmax(1, use->evidence->window_s / REMEMBERED_S));
		s.expected += events * window_ratio(w, side, use);
	}
	w->scratch = fl_arena_new();
	fl_amounts_of_uses(&amounts, w, side, g);
	s.p = exp(-s.expected / fl_burst_of(&amounts));
	fl_arena_free(w->scratch);
	return s;
}

/* One thing that several callers began to use, or ceased to, and that the other side does not know at all: what each of
 * them would have done there adds up. Replicas share the calls, and each alone may have made too few to tell. */
static int by_target(const void *va, const void *vb)
{
	const struct fl_use_group *a = *(struct fl_use_group *const *)va, *b = *(struct fl_use_group *const *)vb;
	int order = strcmp(fl_first_use(a)->to_key, fl_first_use(b)->to_key);
	return order != 0 ? order : (a > b) - (a < b); /* places in one array, which is sorted */
}

static void combine(struct fl_use_group **list, size_t count)
{
	bool known[2] = { false, false };
	double p = 1;
	for (size_t i = 0; i < count; i++)
		for (int side = 0; side < 2; side++)
			known[side] |= list[i]->present[side];
	for (size_t i = 0; i < count; i++)
		if (!isnan(list[i]->silence.p))
			p *= list[i]->silence.p;
	for (size_t i = 0; i < count && !(known[0] && known[1]); i++)
		if (!isnan(list[i]->silence.p) && list[i]->silence.p < 1)
			list[i]->silence.p = p;
}

void fl_diff_silences(struct fl_diffing *w)
{
	struct fl_use_group **list = fl_alloc_array(w->group_count, sizeof(*list));
	for (size_t i = 0; i < w->group_count; i++) {
		struct fl_use_group *g = list[i] = &w->groups[i];
		g->silence = (struct fl_silence){ NAN, NAN };
		if (fl_is_added(g) || fl_is_missing(g))
			g->silence = silence_of(w, fl_is_added(g), g);
	}
	if (w->group_count > 1)
		qsort(list, w->group_count, sizeof(*list), by_target);
	for (size_t i = 0, end; i < w->group_count; i = end) {
		for (end = i + 1; end < w->group_count &&
				  strcmp(fl_first_use(list[i])->to_key, fl_first_use(list[end])->to_key) == 0;)
			end++;
		combine(list + i, end - i);
	}
	free(list);
}
