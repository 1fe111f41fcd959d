/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_series.c - attempts counted over time, and how many waited at once
 *
 * One sweep over starts and ends in the order of time; ends come first where both fall together, so a caller that
 * asks the next thing at once never counts twice. Where the log was thinned an attempt stands for several: sums
 * use its weight, peaks do not.
 */
#include "behaviour_internal.h"

#include <stdlib.h>

enum { BEGINS = 1, ENDS = 0, OF_CALLER = 2 };
/* Less time than this at the top is no sign of a limit. */
static const int64_t plateau_least_ns = INT64_C(500000000);

struct event {
	int64_t time_ns;
	int kind;               /* BEGINS or ENDS, plus OF_CALLER */
};

static int compare_events(const void *pa, const void *pb)
{
	const struct event *a = pa, *b = pb;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return (a->kind & BEGINS) - (b->kind & BEGINS);
}

static size_t add_events(struct event *list, const struct attempt_group *g, int kind)
{
	size_t count = 0;
	for (size_t i = 0; g && i < g->count; i++) {
		const struct attempt *a = g->list[i];
		if (a->end_ns <= a->start_ns)
			continue;
		list[count++] = (struct event){ a->start_ns, kind | BEGINS };
		list[count++] = (struct event){ a->end_ns, kind | ENDS };
	}
	return count;
}

static size_t bucket_of(const struct fl_series *s, int64_t time_ns)
{
	if (time_ns <= s->start_ns)
		return 0;
	size_t i = (size_t)((time_ns - s->start_ns) / s->width_ns);
	return i < s->count ? i : s->count - 1;
}

static void add_counts(const struct fl_series *s, const struct attempt *a)
{
	uint32_t weight = attempt_weight(a);
	if (a->goes_on)
		return;
	struct fl_series_bucket *ended = &s->bucket[bucket_of(s, a->end_ns)];
	s->bucket[bucket_of(s, a->start_ns)].started += weight;
	if (attempt_failed(a))
		ended->failed += weight;
	if (a->outcome != FL_OUTCOME_ANSWERED)
		return;
	ended->answered += weight;
	ended->answer_s += weight * ((double)(a->end_ns - a->start_ns) / 1e9);
}

static void add_waiting(const struct fl_series *s, const struct attempt *a)
{
	size_t to = bucket_of(s, a->end_ns);
	for (size_t i = bucket_of(s, a->start_ns); i <= to; i++) {
		int64_t begin = s->start_ns + (int64_t)i * s->width_ns, end = begin + s->width_ns;
		begin = a->start_ns > begin ? a->start_ns : begin;
		end = a->end_ns < end ? a->end_ns : end;
		if (end > begin)
			s->bucket[i].in_flight_s += attempt_weight(a) * ((double)(end - begin) / 1e9);
	}
}

static uint32_t find_peaks(const struct fl_series *s, const struct event *events, size_t count)
{
	uint32_t level = 0, most = 0;
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		for (size_t to = bucket_of(s, events[i].time_ns); at < to; at++)
			if (level > s->bucket[at + 1].in_flight_max)
				s->bucket[at + 1].in_flight_max = level;
		level = events[i].kind & BEGINS ? level + 1 : level - 1;
		if (level > s->bucket[at].in_flight_max)
			s->bucket[at].in_flight_max = level;
		most = level > most ? level : most;
	}
	return most;
}

/* Time at the top while the caller had more work open than that. */
static double find_plateau(struct event *events, size_t count, uint32_t top)
{
	int64_t total_ns = 0, since_ns = 0;
	uint32_t level = 0, caller = 0;
	bool at_top = false;
	qsort(events, count, sizeof(*events), compare_events);
	for (size_t i = 0; i < count; i++) {
		uint32_t *changes = events[i].kind & OF_CALLER ? &caller : &level;
		*changes = events[i].kind & BEGINS ? *changes + 1 : *changes - 1;
		bool now = level == top && caller > top;
		if (now && !at_top)
			since_ns = events[i].time_ns;
		if (!now && at_top)
			total_ns += events[i].time_ns - since_ns;
		at_top = now;
	}
	return total_ns >= plateau_least_ns ? (double)total_ns / 1e9 : 0;
}

void behaviour_series(struct fl_behaviour *b, struct fl_arena *arena, const struct attempt_group *g,
		      const struct fl_series *window, const struct attempt_group *caller)
{
	struct fl_series *s = &b->series;
	*s = *window;
	s->bucket = fl_arena_array(arena, s->count, sizeof(*s->bucket));
	for (size_t i = 0; i < g->count; i++) {
		add_counts(s, g->list[i]);
		add_waiting(s, g->list[i]);
	}
	for (size_t i = 0; i < s->count; i++) {
		s->bucket[i].in_flight_s = rounded(s->bucket[i].in_flight_s);
		s->bucket[i].answer_s = rounded(s->bucket[i].answer_s);
	}
	struct event *events = fl_alloc_array(2 * (g->count + (caller ? caller->count : 0)) + 1, sizeof(*events));
	size_t count = add_events(events, g, 0);
	qsort(events, count, sizeof(*events), compare_events);
	b->in_flight_max = find_peaks(s, events, count);
	b->in_flight_plateau_s = 0;
	if (caller && b->in_flight_max >= 2) {
		count += add_events(events + count, caller, OF_CALLER);
		b->in_flight_plateau_s = find_plateau(events, count, b->in_flight_max);
	}
	free(events);
}
