/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_timeouts.c - how long callers waited before they gave up
 *
 * When a caller gave up a connection attempt is not in its packets. What it did next is: another attempt, or its own
 * answer. These are upper bounds, its last SYN is a lower one; the true time-out is where upper bounds crowd.
 */
#include "behaviour_calls.h"

#include <math.h>
#include <stdlib.h>

#include "faultline/sort.h"

enum { CROWD_PART = 5, CROWD_LEAST = 2 };

static double least_wait(const struct attempt *a)
{
	return (double)(a->end_ns - a->start_ns) / 1e9;
}

/* The next that the caller did, in seconds from the start of @a: tried again, asked somebody else, or answered. */
static double next_sign(const struct attempt *a)
{
	if (a->retry) /* a connection that is older was not opened for it */
		return (double)((a->retry->begin_ns > a->end_ns ? a->retry->begin_ns : a->retry->start_ns) - a->start_ns) / 1e9;
	if (a->parent && a->parent->end_known && a->parent->end_ns >= a->end_ns)
		return (double)(a->parent->end_ns - a->start_ns) / 1e9;
	return NAN;
}

/* Where the values crowd: the lower edge of the first window, a tenth wide, that holds a good part of them: the time-out itself,
 * while tries that followed after a pause crowd further up. */
static double crowd(struct sample *s)
{
	fl_sort_seconds(s->list, s->count);
	for (size_t i = 0, to = 0; i < s->count; i++) {
		while (to < s->count && s->list[to] <= s->list[i] * 1.1 + 0.002)
			to++;
		if (to - i >= CROWD_LEAST && (to - i) * CROWD_PART >= s->count)
			return s->list[i];
	}
	return NAN;
}

static bool end_is_hidden(const struct attempt *a)
{
	return !a->end_known && (a->outcome == FL_OUTCOME_CONNECT_TIMEOUT || a->outcome == FL_OUTCOME_RESPONSE_TIMEOUT);
}

struct fl_spread calls_find_timeout(struct calls *c, enum fl_outcome outcome)
{
	struct sample signs = { 0 }, waits = { 0 };
	for (size_t i = 0; i < c->g->count; i++) {
		const struct attempt *a = c->g->list[i];
		double sign = a->outcome == outcome && end_is_hidden(a) ? next_sign(a) : NAN;
		if (!isnan(sign) && sign >= least_wait(a))
			sample_add(&signs, sign);
	}
	double edge = signs.count ? crowd(&signs) : NAN;
	for (size_t i = 0; i < c->g->count; i++) {
		struct attempt *a = c->g->list[i];
		if (a->outcome == outcome && a->end_known)
			sample_add(&waits, least_wait(a));
		if (a->outcome != outcome || !end_is_hidden(a) || isnan(edge))
			continue;
		double sign = next_sign(a);
		if (sign >= edge && sign <= edge * 1.1 + 0.002)
			sample_add(&waits, sign);
		if (least_wait(a) < edge)
			a->end_ns = a->start_ns + (int64_t)(edge * 1e9);
	}
	struct fl_spread spread = sample_spread(&waits);
	sample_fini(&signs);
	sample_fini(&waits);
	return spread;
}
