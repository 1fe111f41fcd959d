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

#include "faultline/sort.h"

enum { BEGINS = 1, ENDS = 0, OF_CALLER = 2 };
/* Less time than this at the top is no sign of a limit. */
static const int64_t plateau_least_ns = INT64_C(500000000);

struct event {
	int64_t time_ns;
	int kind;               /* BEGINS or ENDS, plus OF_CALLER */
};

/* Begins or ends of one group, in order. */
struct times {
	int64_t *list;
	size_t count, at;
	int kind;
};

static struct times times_of(const struct attempt_group *g, int kind)
{
	struct times t = { .list = fl_alloc_array(g->count + 1, sizeof(*t.list)), .kind = kind };
	for (size_t i = 0; i < g->count; i++) {
		const struct attempt *a = g->list[i];
		if (a->end_ns > a->start_ns)
			t.list[t.count++] = kind & BEGINS ? a->start_ns : a->end_ns;
	}
	if (!(kind & BEGINS)) /* groups are in order of begins */
		fl_sort_times(t.list, t.count);
	return t;
}

/* The list whose next comes first; of equals an end; NULL: all are through. */
static struct times *earliest(struct times *lists, size_t count)
{
	struct times *first = NULL;
	for (size_t i = 0; i < count; i++)
		if (lists[i].at < lists[i].count && (!first || lists[i].list[lists[i].at] < first->list[first->at]))
			first = &lists[i];
	return first;
}

/* Of @g, and of @caller when it is not NULL; *@count of them, to be freed. */
static struct event *events_of(const struct attempt_group *g, const struct attempt_group *caller, size_t *count)
{
	struct times lists[4] = { times_of(g, ENDS) }, *next;
	size_t n = 1, at = 0;
	if (caller)
		lists[n++] = times_of(caller, OF_CALLER | ENDS);
	lists[n++] = times_of(g, BEGINS);
	if (caller)
		lists[n++] = times_of(caller, OF_CALLER | BEGINS);
	struct event *events = fl_alloc_array(2 * (g->count + (caller ? caller->count : 0)) + 1, sizeof(*events));
	while ((next = earliest(lists, n)) != NULL)
		events[at++] = (struct event){ next->list[next->at++], next->kind };
	for (size_t i = 0; i < n; i++)
		free(lists[i].list);
	*count = at;
	return events;
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
static double find_plateau(const struct event *events, size_t count, uint32_t top)
{
	int64_t total_ns = 0, since_ns = 0;
	uint32_t level = 0, caller = 0;
	bool at_top = false;
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
	size_t count;
	struct event *events = events_of(g, NULL, &count);
	b->in_flight_max = find_peaks(s, events, count);
	b->in_flight_plateau_s = 0;
	free(events);
	if (!caller || b->in_flight_max < 2)
		return;
	events = events_of(g, caller, &count);
	b->in_flight_plateau_s = find_plateau(events, count, b->in_flight_max);
	free(events);
}
