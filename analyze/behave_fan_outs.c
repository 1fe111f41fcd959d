/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_fan_outs.c - many calls of one kind for one request, and ratios that changed while being watched
 *
 * How often a service calls something per request is a fact of every edge (fl_behave_edge.fan_out). It is a
 * finding where it says that something is wrong: clearly more than a couple of calls, which is what one query
 * per item of a list looks like; or another ratio in one part of the window than in the other. Traffic comes
 * in bursts, so both are judged with the variance that the buckets themselves show around the ratio, not as
 * if calls were independent.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/behave_internal.h"
#include "faultline/statistics.h"

#define COUPLE 2.0 /* calls per request that need no word */
#define CHANGE_MIN 1.5
#define CHANGE_P 1e-3 /* of each place a window is cut at, for all edges */
enum { INBOUND_MIN = 50, BUCKETS_MIN = 16, SIGMAS = 3 };

/* Calls and requests bucket by bucket, without times of failures, in which retries count. */
struct ratio {
	double calls[FL_SERIES_BUCKETS], requests[FL_SERIES_BUCKETS];
	int64_t edge_ns[FL_SERIES_BUCKETS];
	size_t count;
};

static bool is_disturbed(const struct fl_behaviour *f, const struct fl_series *s, size_t i)
{
	for (size_t k = 0; k < f->interval_count; k++)
		if (fl_behave_overlaps(s, i, f->intervals[k].start_ns, f->intervals[k].end_ns))
			return true;
	return false;
}

static void ratio_of(
	struct behave *b, const struct fl_behaviour *out, const struct fl_behaviour *in, struct ratio *r)
{
	struct fl_series grid = { 0 };
	r->count = 0;
	fl_series_merge(b->arena, &grid, &out->series);
	fl_series_merge(b->arena, &grid, &in->series);
	struct fl_series calls = grid, requests = grid;
	calls.bucket = fl_arena_array(b->arena, grid.count, sizeof(*grid.bucket));
	requests.bucket = fl_arena_array(b->arena, grid.count, sizeof(*grid.bucket));
	fl_series_merge(b->arena, &calls, &out->series);
	fl_series_merge(b->arena, &requests, &in->series);
	for (size_t i = 0; i < grid.count; i++) {
		if (is_disturbed(out, &grid, i) || is_disturbed(in, &grid, i) ||
			requests.bucket[i].started == 0)
			continue;
		r->calls[r->count] = calls.bucket[i].started;
		r->requests[r->count] = requests.bucket[i].started;
		r->edge_ns[r->count++] = fl_behave_edge_of(&grid, i);
	}
}

static double sum(const double *values, size_t from, size_t to)
{
	double total = 0;
	for (size_t i = from; i < to; i++)
		total += values[i];
	return total;
}

/* Variance of calls over their mean, around the ratio of each part. */
static double dispersion(const struct ratio *r, size_t cut)
{
	double square = 0;
	for (size_t part = 0; part < 2; part++) {
		size_t from = part == 0 ? 0 : cut, to = part == 0 ? cut : r->count;
		double rate = sum(r->calls, from, to) / sum(r->requests, from, to);
		for (size_t i = from; i < to && rate > 0; i++)
			square += pow(r->calls[i] - rate * r->requests[i], 2) / (rate * r->requests[i]);
	}
	return fmax(1, square / (double)(r->count - 2));
}

/* The cut with the least p, among quarters of the window; count when there is none. */
static size_t find_cut(const struct ratio *r, double *p)
{
	size_t best = r->count;
	*p = 1;
	for (size_t quarter = 1; quarter < 4; quarter++) {
		size_t cut = r->count * quarter / 4;
		double before = sum(r->calls, 0, cut), after = sum(r->calls, cut, r->count);
		double q = fl_rates_equal_p((uint64_t)before, sum(r->requests, 0, cut),
			(uint64_t)after, sum(r->requests, cut, r->count), dispersion(r, cut));
		if (q < *p)
			*p = q, best = cut;
	}
	return best;
}

static void find_change(struct behave *b, const struct behave_edge *e, size_t window, struct ratio *r)
{
	const struct fl_behaviour *out = e->window[window], *in = b->teams[e->from].window[window];
	double p;
	if (out == NULL || in == NULL)
		return;
	ratio_of(b, out, in, r);
	if (r->count < BUCKETS_MIN || sum(r->requests, 0, r->count) < INBOUND_MIN)
		return;
	size_t cut = find_cut(r, &p);
	if (cut == r->count || p > CHANGE_P / (double)b->edge_count)
		return;
	double before = sum(r->calls, 0, cut) / sum(r->requests, 0, cut);
	double after = sum(r->calls, cut, r->count) / sum(r->requests, cut, r->count);
	if (after < CHANGE_MIN * before)
		return;
	struct fl_behave_finding *f = fl_behave_add(b, FL_BEHAVE_FAN_OUT, e);
	f->ratio = after;
	f->ratio_before = before;
	f->p = p;
	f->start_ns = r->edge_ns[cut];
	f->end_ns = b->windows[window].end_ns;
	f->attempts = (uint64_t)sum(r->calls, 0, r->count);
	f->confidence = FL_CONFIDENCE_MEDIUM;
	f->severity = 42;
	f->why = fl_arena_printf(b->arena,
		"%s calls %s %.2g times per request, %.2g times before that (%s)",
		fl_behave_say(b, f->from), fl_behave_say(b, f->to), after, before,
		fl_behave_chance(b, p));
}

/* ---- many calls per request ---- */

static double requests_to(const struct fl_system_service *s)
{
	double sum_of = 0;
	for (size_t k = 0; k < s->record_count; k++)
		sum_of += (double)s->records[k].s->exchanges;
	return sum_of;
}

static double requests_of(const struct behave *b, size_t team)
{
	double sum_of = 0;
	for (size_t i = 0; i < b->teams[team].count; i++)
		sum_of += requests_to(&b->system->services[b->teams[team].services[i]]);
	return sum_of;
}

/* Of one caller and one far end. What was regressed counts calls; the plain ratio of exchanges counts their
 * retries, too. */
static double ratio_of_one(const struct fl_scan_dependency *d)
{
	if (d->behaviour == NULL)
		return d->fan_out;
	if (!isnan(d->behaviour->calls_per_inbound))
		return d->behaviour->calls_per_inbound;
	return d->fan_out * fl_behave_first_attempts(d->behaviour);
}

static double requests_of_caller(const struct behave *b, const struct behave_team *t, const char *id)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->ids[i], id) == 0)
			return requests_to(&b->system->services[t->services[i]]);
	return 0;
}

/* Calls spread over backends add up; replicas that call are weighed by their requests. */
double fl_behave_ratio(const struct behave *b, const struct behave_edge *e)
{
	double calls = 0, requests = 0, plain = 0;
	size_t callers = 0;
	for (size_t i = 0; i < e->dependency_count; i++) {
		const struct fl_dependency *d = e->dependencies[i];
		double ratio = ratio_of_one(d->merged),
		       of_caller = requests_of_caller(b, &b->teams[e->from], d->from_id);
		if (isnan(ratio))
			continue;
		bool first = i == 0 ||
			     strcmp(e->dependencies[i - 1]->from_id, d->from_id) != 0; /* sorted by caller */
		calls += ratio * of_caller;
		plain += ratio;
		requests += first ? of_caller : 0;
		callers += first;
	}
	if (callers == 0)
		return NAN;
	return requests > 0 ? calls / requests : plain / (double)callers;
}

/* Most attempts fail, and whether they are calls or retries of calls is not known. */
static bool may_be_retries(const struct behave_edge *e)
{
	if (e->all == NULL || fl_outcomes_failed(e->all) * 2 < fl_outcomes_decided(e->all))
		return false;
	return fl_retry_schedule(&e->all->retries).class == FL_RETRY_UNKNOWN;
}

static void find_many(struct behave *b, const struct behave_edge *e)
{
	double ratio = fl_behave_ratio(b, e);
	double requests = requests_of(b, e->from);
	/* Of n requests that each make a number of calls of the same order: error of the mean. */
	double error = ratio / sqrt(fmax(1, requests));
	if (e->merged->class != FL_CLASS_ON_REQUEST || requests < INBOUND_MIN ||
		!(ratio - SIGMAS * error > COUPLE) || may_be_retries(e))
		return;
	struct fl_behave_finding *f = fl_behave_add(b, FL_BEHAVE_FAN_OUT, e);
	f->ratio = ratio;
	f->start_ns = e->merged->first_seen_ns;
	f->end_ns = e->merged->last_seen_ns;
	for (size_t i = 0; i < e->dependency_count; i++)
		f->attempts += e->dependencies[i]->merged->exchanges;
	f->confidence = requests >= 10 * INBOUND_MIN ? FL_CONFIDENCE_HIGH : FL_CONFIDENCE_MEDIUM;
	f->severity = 30 + fmin(9, ratio);
	f->why = fl_arena_printf(b->arena,
		"%s calls %s %.2g times per request (%s calls, %s requests): one call per item, where "
		"one could do?",
		fl_behave_say(b, f->from), fl_behave_say(b, f->to), ratio, fl_arena_count(b->arena, f->attempts),
		fl_arena_count(b->arena, (uint64_t)llround(requests)));
}

void fl_behave_fan_outs(struct behave *b)
{
	struct ratio *r = fl_alloc(sizeof(*r));
	for (size_t i = 0; i < b->edge_count; i++) {
		if (b->edges[i].merged->class != FL_CLASS_ON_REQUEST)
			continue;
		find_many(b, &b->edges[i]);
		for (size_t w = 0; w < b->window_count; w++)
			find_change(b, &b->edges[i], w, r);
	}
	free(r);
}
