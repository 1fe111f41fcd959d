/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_merge.c - facts about exchanges from several windows and capture points, added up
 *
 * A series is laid over another on the grid that both share: widths are powers of two and edges multiples of
 * the width, so every bucket falls into exactly one of the wider grid. Files can claim any times: all
 * differences are taken in 64 bits without sign, and a series that breaks its contract (width, count) is left
 * out.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/arena.h"
#include "faultline/behaviour.h"
#include "faultline/status.h"

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint32_t add32(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

uint64_t fl_outcomes_decided(const struct fl_behaviour *b)
{
	return add(b->outcome[FL_OUTCOME_ANSWERED], fl_outcomes_failed(b));
}

uint64_t fl_outcomes_failed(const struct fl_behaviour *b)
{
	uint64_t sum = 0;
	for (int i = FL_OUTCOME_ERROR; i <= FL_OUTCOME_RESET; i++)
		sum = add(sum, b->outcome[i]);
	return sum;
}

/* ---- spreads ---- */

/* Share of the sample that is at most @x. */
static double share_below(const struct fl_spread *s, double x)
{
	const double value[] = { s->min, s->p10, s->p50, s->p90, s->max };
	static const double share[] = { 0, 0.1, 0.5, 0.9, 1 };
	if (x < s->min)
		return 0;
	for (size_t i = 1; i < FL_ARRAY_LEN(value); i++)
		if (x < value[i])
			return share[i - 1] +
			       (share[i] - share[i - 1]) * (x - value[i - 1]) / (value[i] - value[i - 1]);
	return 1;
}

/* The value that has @q of the two samples below it, by halving: both functions only rise. */
static double mixture_quantile(const struct fl_spread *a, const struct fl_spread *b, double q)
{
	double low = fmin(a->min, b->min), high = fmax(a->max, b->max);
	double n = (double)a->count, m = (double)b->count;
	for (int i = 0; i < 60 && low < high; i++) {
		double middle = low + (high - low) / 2;
		if (share_below(a, middle) * n + share_below(b, middle) * m < q * (n + m))
			low = middle;
		else
			high = middle;
	}
	return high;
}

void fl_spread_merge(struct fl_spread *into, const struct fl_spread *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0) {
		*into = *from;
		return;
	}
	struct fl_spread sum = { add(into->count, from->count), fmin(into->min, from->min),
		mixture_quantile(into, from, 0.1), mixture_quantile(into, from, 0.5),
		mixture_quantile(into, from, 0.9), fmax(into->max, from->max) };
	*into = sum;
}

/* ---- series ---- */

static bool is_sound(const struct fl_series *s)
{
	return s->count > 0 && s->count <= FL_SERIES_BUCKETS && s->width_ns > 0 &&
	       s->width_ns <= INT64_MAX / FL_SERIES_BUCKETS && s->bucket != NULL;
}

static int64_t edge_below(int64_t time_ns, int64_t width_ns)
{
	int64_t into_bucket = time_ns % width_ns;
	into_bucket += into_bucket < 0 ? width_ns : 0;
	return time_ns < INT64_MIN + into_bucket ? INT64_MIN : time_ns - into_bucket;
}

static uint64_t bucket_at(int64_t time_ns, int64_t start_ns, int64_t width_ns)
{
	return ((uint64_t)time_ns - (uint64_t)start_ns) / (uint64_t)width_ns;
}

static int64_t last_edge(const struct fl_series *s)
{
	int64_t length = (int64_t)(s->count - 1) * s->width_ns;
	return s->start_ns > INT64_MAX - length ? INT64_MAX : s->start_ns + length;
}

static void lay_over(struct fl_series *into, const struct fl_series *from)
{
	for (size_t i = 0; i < from->count; i++) {
		int64_t after = (int64_t)i * from->width_ns;
		int64_t time = from->start_ns > INT64_MAX - after ? INT64_MAX : from->start_ns + after;
		uint64_t at = bucket_at(time, into->start_ns, into->width_ns);
		if (at >= into->count)
			continue; /* a grid that is none */
		struct fl_series_bucket *b = &into->bucket[at];
		const struct fl_series_bucket *more = &from->bucket[i];
		b->started = add32(b->started, more->started);
		b->answered = add32(b->answered, more->answered);
		b->failed = add32(b->failed, more->failed);
		b->in_flight_max =
			more->in_flight_max > b->in_flight_max ? more->in_flight_max : b->in_flight_max;
		b->in_flight_s += more->in_flight_s;
		b->answer_s += more->answer_s;
	}
}

void fl_series_merge(struct fl_arena *a, struct fl_series *into, const struct fl_series *from)
{
	struct fl_series sum = { 0 };
	const struct fl_series *parts[] = { into, from };
	int64_t first = INT64_MAX, last = INT64_MIN;
	if (!is_sound(from))
		return;
	for (size_t i = is_sound(into) ? 0 : 1; i < 2; i++) {
		first = parts[i]->start_ns < first ? parts[i]->start_ns : first;
		last = last_edge(parts[i]) > last ? last_edge(parts[i]) : last;
		sum.width_ns = parts[i]->width_ns > sum.width_ns ? parts[i]->width_ns : sum.width_ns;
	}
	while (sum.start_ns = edge_below(first, sum.width_ns),
		bucket_at(last, sum.start_ns, sum.width_ns) >= FL_SERIES_BUCKETS)
		sum.width_ns *= 2;
	sum.count = (size_t)bucket_at(last, sum.start_ns, sum.width_ns) + 1;
	sum.bucket = fl_arena_array(a, sum.count, sizeof(*sum.bucket));
	for (size_t i = is_sound(into) ? 0 : 1; i < 2; i++)
		lay_over(&sum, parts[i]);
	*into = sum;
}

/* ---- retries and intervals ---- */

static void merge_retries(struct fl_retries *into, const struct fl_retries *from)
{
	double here = (double)into->calls, there = (double)from->calls;
	if (there > 0)
		into->unexplained = (into->unexplained * here + from->unexplained * there) / (here + there);
	into->calls = add(into->calls, from->calls);
	into->retried = add(into->retried, from->retried);
	for (size_t i = 0; i < FL_ATTEMPTS_MAX; i++) {
		into->recovered[i] = add(into->recovered[i], from->recovered[i]);
		into->gave_up[i] = add(into->gave_up[i], from->gave_up[i]);
	}
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		fl_spread_merge(&into->gap[i], &from->gap[i]);
	into->other_address = add(into->other_address, from->other_address);
	if (from->first_ns != 0 && (into->first_ns == 0 || from->first_ns < into->first_ns))
		into->first_ns = from->first_ns;
	into->last_ns = from->last_ns > into->last_ns ? from->last_ns : into->last_ns;
}

static int by_kind_and_start(const void *a, const void *b)
{
	const struct fl_interval *x = a, *y = b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return (x->end_ns > y->end_ns) - (x->end_ns < y->end_ns);
}

static uint64_t length_of(const struct fl_interval *i)
{
	return i->end_ns < i->start_ns ? 0 : (uint64_t)i->end_ns - (uint64_t)i->start_ns;
}

static int longest_first(const void *a, const void *b)
{
	const struct fl_interval *x = a, *y = b;
	if (length_of(x) != length_of(y))
		return length_of(x) > length_of(y) ? -1 : 1;
	return by_kind_and_start(a, b);
}

static int by_start(const void *a, const void *b)
{
	const struct fl_interval *x = a, *y = b;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return by_kind_and_start(a, b);
}

static size_t unite(struct fl_interval *list, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct fl_interval *last = kept > 0 ? &list[kept - 1] : NULL;
		if (last == NULL || last->kind != list[i].kind || list[i].start_ns > last->end_ns) {
			list[kept++] = list[i];
			continue;
		}
		last->end_ns = list[i].end_ns > last->end_ns ? list[i].end_ns : last->end_ns;
		last->attempts = add(last->attempts, list[i].attempts);
		last->failures = add(last->failures, list[i].failures);
		last->in_flight_max = list[i].in_flight_max > last->in_flight_max ? list[i].in_flight_max
										  : last->in_flight_max;
	}
	return kept;
}

static void merge_intervals(struct fl_arena *a, struct fl_behaviour *into, const struct fl_behaviour *from)
{
	size_t count = into->interval_count + from->interval_count;
	struct fl_interval *list = fl_arena_array(a, count, sizeof(*list));
	if (into->interval_count > 0)
		memcpy(list, into->intervals, into->interval_count * sizeof(*list));
	if (from->interval_count > 0)
		memcpy(list + into->interval_count, from->intervals, from->interval_count * sizeof(*list));
	if (count > 1)
		qsort(list, count, sizeof(*list), by_kind_and_start);
	count = unite(list, count);
	if (count > FL_INTERVALS_MAX) {
		qsort(list, count, sizeof(*list), longest_first);
		count = FL_INTERVALS_MAX;
	}
	if (count > 1)
		qsort(list, count, sizeof(*list), by_start);
	into->intervals = list;
	into->interval_count = count;
}

/* ---- all of it ---- */

static double weighed(double a, double weight_a, double b, double weight_b)
{
	if (isnan(a) || isnan(b) || weight_a + weight_b <= 0)
		return isnan(a) ? b : a;
	return (a * weight_a + b * weight_b) / (weight_a + weight_b);
}

static void merge_surfacing(struct fl_surfacing *into, const struct fl_surfacing *from)
{
	into->certainty = weighed(into->certainty, (double)into->failed_calls, from->certainty, (double)from->failed_calls);
	into->failed_calls = add(into->failed_calls, from->failed_calls);
	into->surfaced_calls = add(into->surfaced_calls, from->surfaced_calls);
	into->late_calls = add(into->late_calls, from->late_calls);
	into->others = add(into->others, from->others);
	into->other_failures = add(into->other_failures, from->other_failures);
	into->other_late = add(into->other_late, from->other_late);
}

static struct fl_behaviour *empty(struct fl_arena *a)
{
	static const struct fl_spread none = { 0, NAN, NAN, NAN, NAN, NAN };
	struct fl_behaviour *b = fl_arena_alloc(a, sizeof(*b));
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		b->retries.gap[i] = none;
	b->connect_timeout = b->response_timeout = none;
	b->calls_per_inbound = b->nested_share = b->coupling_p = b->surfacing.certainty = NAN;
	return b;
}

void fl_behaviour_merge(struct fl_arena *a, struct fl_behaviour **into, const struct fl_behaviour *from)
{
	if (from == NULL)
		return;
	struct fl_behaviour *b = *into = *into != NULL ? *into : empty(a);
	double old = (double)fl_outcomes_decided(b), more = (double)fl_outcomes_decided(from);
	b->calls_per_inbound = weighed(b->calls_per_inbound, old, from->calls_per_inbound, more);
	b->nested_share = weighed(b->nested_share, old, from->nested_share, more);
	b->coupling_p = fmin(b->coupling_p, from->coupling_p); /* NaN gives way */
	for (size_t i = 0; i < FL_OUTCOME_COUNT; i++)
		b->outcome[i] = add(b->outcome[i], from->outcome[i]);
	merge_surfacing(&b->surfacing, &from->surfacing);
	fl_series_merge(a, &b->series, &from->series);
	merge_retries(&b->retries, &from->retries);
	fl_spread_merge(&b->connect_timeout, &from->connect_timeout);
	fl_spread_merge(&b->response_timeout, &from->response_timeout);
	merge_intervals(a, b, from);
	if (from->in_flight_max > b->in_flight_max)
		b->in_flight_plateau_s = 0;
	if (from->in_flight_max >= b->in_flight_max)
		b->in_flight_plateau_s += from->in_flight_plateau_s;
	b->in_flight_max = from->in_flight_max > b->in_flight_max ? from->in_flight_max : b->in_flight_max;
}
