/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_outages.c - dependencies that failed, and whether anybody further up could tell
 *
 * Whether a failure surfaced is asked of the answers that the caller itself gave: from its own scan (inbound
 * facts), and from the scans of those who call it. Errors: the failures a caller answered with, beyond its
 * usual share. Where several of its dependencies fail at a time, the errors follow those that surface, bucket
 * by bucket, for every failed call of theirs is one. So the set is looked for whose failed calls explain the
 * errors best, with and without the one in question; it is silent when the errors are clearly better
 * explained without. Delay: the time of answers, during against outside, as medians over buckets with their
 * noise.
 *
 * Where the scan of the caller tells which of its inbound exchanges the failed calls were part of, those go before
 * all sums: a caller that answers others with errors at that time is silent about this one all the same, and
 * its answers are late when these are.
 *
 * What counts below is failed calls, not failed attempts: an attempt that a further one made good is no
 * reason for an error. From the share f of attempts that fail and n attempts a call, a call fails throughout
 * with f^n.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/behave_internal.h"
#include "faultline/statistics.h"

#define SURFACED_SHARE 0.1 /* of failed calls: below, errors of the caller have other reasons */
#define SURFACED_P 0.01
#define DELAY_RATIO 1.2 /* a fifth slower */
#define DELAY_SIGMA 4.0
#define SPORADIC_P 1e-4 /* failures without an outage, against those of all other edges */
#define CERTAINTY_MIN 0.5  /* that it is known which inbound exchange a call was part of */
#define LATE_SHARE 0.5     /* of failed calls: a tenth is late by itself */
#define OWN_SHARE 0.25     /* of the window's failed calls: below, what became of them says nothing of this outage */
#define MISFIT_MIN 4.0  /* chi-square of one degree: p 0.05 */
enum { FAILURES_MIN = 5, COLUMNS_MAX = 16, ROUNDS = 16, BUCKETS_MIN = 3, CHAIN_MAX = 16 };
#define PASSED_ON 45 /* of severity: below what makes the next failure worse */

/* ---- failed calls ---- */

struct calls {
	double made, failed;
	bool masked;
};

static struct calls calls_of(const struct behave_edge *e, double attempts, double failures)
{
	struct fl_retry_schedule s = fl_retry_schedule(&e->all->retries);
	double n = s.class >= FL_RETRY_IMMEDIATE && s.attempts > 1 ? s.attempts : 1;
	double share = attempts > 0 ? fmin(1, failures / attempts) : 1;
	double per_call = share >= 1 ? n : (1 - pow(share, n)) / (1 - share);
	struct calls c = { attempts / per_call, attempts / per_call * pow(share, n), false };
	c.masked = n > 1 && c.failed < 0.1 * c.made * share;
	return c;
}

/* ---- a series on a wider grid ---- */

struct grid {
	int64_t start_ns, width_ns;
	size_t count;
};

static struct fl_series on_grid(struct behave *b, const struct grid *g, const struct fl_series *s)
{
	/* An empty series of that grid, over which the other is laid; merging widens it when it has to. */
	struct fl_series sum = { g->start_ns, g->width_ns, g->count,
		fl_arena_array(b->arena, g->count, sizeof(struct fl_series_bucket)) };
	fl_series_merge(b->arena, &sum, s);
	return sum;
}

/* The grid that all series of @caller's work in this window fit on. */
static struct grid common_grid(struct behave *b, const struct fl_series *const *list, size_t count)
{
	struct fl_series sum = { 0 };
	for (size_t i = 0; i < count; i++)
		fl_series_merge(b->arena, &sum, list[i]);
	return (struct grid){ sum.start_ns, sum.width_ns, sum.count };
}

/* Buckets outside of every outage and stall of the edge. */
static bool is_usual(const struct behave_edge *e, size_t window, const struct fl_series *s, size_t i)
{
	const struct fl_behaviour *f = e->window[window];
	for (size_t k = 0; k < f->interval_count; k++)
		if (fl_behave_overlaps(s, i, f->intervals[k].start_ns, f->intervals[k].end_ns))
			return false;
	return true;
}

/* ---- errors and delay ---- */

struct answers {
	uint64_t good, bad;
	double time[FL_SERIES_BUCKETS];
	size_t times;
};

static struct answers answers_of(const struct behave_edge *e, size_t window, const struct fl_series *s,
	const struct fl_interval *during)
{
	struct answers a = { .times = 0 };
	for (size_t i = 0; i < s->count; i++) {
		const struct fl_series_bucket *k = &s->bucket[i];
		if (during != NULL ? !fl_behave_overlaps(s, i, during->start_ns, during->end_ns)
				   : !is_usual(e, window, s, i))
			continue;
		a.good += k->answered;
		a.bad += k->failed;
		if (k->answered > 0)
			a.time[a.times++] = k->answer_s / k->answered;
	}
	return a;
}

/* Ratio of medians when it is beyond the noise of the buckets; else NaN. */
static double delay(const struct answers *during, const struct answers *outside)
{
	double usual = fl_median(outside->time, outside->times), now = fl_median(during->time, during->times);
	double noise = fl_median_deviation(outside->time, outside->times);
	if (during->times < BUCKETS_MIN || outside->times < BUCKETS_MIN)
		return NAN;
	double error = 1.25 * noise * sqrt(1 / (double)during->times + 1 / (double)outside->times);
	return now > DELAY_RATIO * usual && now - usual > DELAY_SIGMA * error ? now / usual : NAN;
}

/* ---- which of several failures the errors of a caller follow ---- */

struct explained {
	const struct fl_series *answers; /* of the caller, as itself or its callers saw them */
	size_t edge[COLUMNS_MAX]; /* edges that failed in this window; the first is the one that is asked
				     about */
	double failed_calls[COLUMNS_MAX]; /* per failed attempt */
	size_t count;
	bool usual_only; /* times of outages are left out */
};

/* Errors and failed calls bucket by bucket. */
struct fitting {
	double y[FL_SERIES_BUCKETS], weight[FL_SERIES_BUCKETS];
	double x[COLUMNS_MAX][FL_SERIES_BUCKETS];
	size_t rows, columns;
};

/* An error comes when the last attempt has failed, which may be a bucket later: sums of three. */
static void smooth(double *values, size_t rows)
{
	double before = 0;
	for (size_t r = 0; r < rows; r++) {
		double here = values[r];
		values[r] += before + (r + 1 < rows ? values[r + 1] : 0);
		before = here;
	}
}

static struct fitting *fitting_of(
	struct behave *b, size_t window, const struct explained *x, double usual_share)
{
	const struct fl_series *list[COLUMNS_MAX + 1] = { x->answers };
	struct fitting *f = fl_alloc(sizeof(*f));
	for (size_t i = 0; i < x->count; i++)
		list[i + 1] = &b->edges[x->edge[i]].window[window]->series;
	struct grid g = common_grid(b, list, x->count + 1);
	f->rows = g.count;
	f->columns = x->count;
	for (size_t i = 0; i < x->count + 1; i++) {
		struct fl_series s = on_grid(b, &g, list[i]);
		for (size_t r = 0; r < g.count && r < s.count; r++) {
			const struct fl_series_bucket *k = &s.bucket[r];
			if (x->usual_only && !is_usual(&b->edges[x->edge[0]], window, &s, r))
				continue;
			if (i == 0)
				f->y[r] = k->failed - usual_share * ((double)k->failed + k->answered);
			else
				f->x[i - 1][r] = k->failed * x->failed_calls[i - 1];
		}
	}
	smooth(f->y, f->rows);
	for (size_t i = 0; i < f->columns; i++)
		smooth(f->x[i], f->rows);
	for (size_t r = 0; r < f->rows; r++) {
		double counts = fabs(f->y[r]);
		for (size_t i = 0; i < f->columns; i++)
			counts += f->x[i][r];
		f->weight[r] = 1 / (3 * fmax(1, counts / 2)); /* sums of three carry everything three times */
	}
	return f;
}

static double misfit(const struct fitting *f, const bool *surfaced)
{
	double sum = 0;
	for (size_t r = 0; r < f->rows; r++) {
		double left = f->y[r];
		for (size_t i = 0; i < f->columns; i++)
			left -= surfaced[i] ? f->x[i][r] : 0;
		sum += left * left * f->weight[r];
	}
	return sum;
}

/* The least misfit over who else surfaced, by changing one or exchanging two as long as that helps. */
static double best_misfit(const struct fitting *f, bool first_surfaced)
{
	bool surfaced[COLUMNS_MAX] = { false };
	for (size_t i = 0; i < f->columns; i++)
		surfaced[i] = i > 0 || first_surfaced;
	double best = misfit(f, surfaced);
	for (int round = 0; round < ROUNDS; round++) {
		double before = best;
		for (size_t i = 1; i < f->columns; i++) {
			for (size_t k = i; k < f->columns; k++) {
				if (k > i && surfaced[i] == surfaced[k])
					continue;
				surfaced[i] = !surfaced[i];
				surfaced[k] = k > i ? !surfaced[k] : surfaced[k];
				double now = misfit(f, surfaced);
				if (now < best) {
					best = now;
					continue;
				}
				surfaced[i] = !surfaced[i];
				surfaced[k] = k > i ? !surfaced[k] : surfaced[k];
			}
		}
		if (!(best < before))
			break;
	}
	return best;
}

/* Are the errors explained clearly better without this one's failures? */
static bool is_swallowed(struct behave *b, size_t window, const struct explained *x, double usual_share)
{
	struct fitting *f = fitting_of(b, window, x, usual_share);
	double better = best_misfit(f, true) - best_misfit(f, false);
	free(f);
	return better > MISFIT_MIN;
}

/* What one witness says of one outage. */
struct verdict {
	double surfaced, delay;
	double late; /* share of the failed calls that made the exchange late that they were part of; NaN */
	bool heard;
};

static struct verdict hear(struct behave *b, size_t window, const struct behave_edge *e,
	const struct fl_interval *i, const struct calls *calls, const struct explained *x)
{
	struct verdict v = { NAN, NAN, NAN, false };
	struct answers outside = answers_of(e, window, x->answers, NULL);
	struct answers during = x->usual_only ? outside : answers_of(e, window, x->answers, i);
	if (during.good + during.bad == 0)
		return v;
	v.heard = true;
	v.surfaced = 0;
	v.delay = delay(&during, &outside);
	/* Of failures that come now and then all the time there is no time without. */
	double share = (double)outside.bad / fmax(1, (double)(outside.bad + outside.good));
	double p = x->usual_only || outside.good + outside.bad == 0
			   ? (during.bad > 0 ? 0 : 1)
			   : fl_shares_equal_p(during.bad, during.bad + during.good, outside.bad,
				     outside.bad + outside.good);
	share = x->usual_only ? 0 : share;
	double more = (double)during.bad - share * (double)(during.bad + during.good);
	/* A call that was made good by a further attempt is no reason for an error. */
	if (more > 0 && p < SURFACED_P && calls->failed >= 0.5 &&
		(x->count == 1 || !is_swallowed(b, window, x, share)))
		v.surfaced = fmin(1, more / calls->failed);
	return v;
}

/* What became of the very exchanges that the failed calls were part of, where these are known. They are those of the window, so
 * an outage whose attempts were made good has none of them. */
static void ask_exchanges(const struct behave_edge *e, size_t window, const struct calls *calls, struct verdict *v)
{
	const struct fl_surfacing *s = &e->window[window]->surfacing;
	if (s->failed_calls < FAILURES_MIN || !(s->certainty >= CERTAINTY_MIN) ||
		calls->failed < OWN_SHARE * (double)s->failed_calls)
		return;
	double failed = (double)s->surfaced_calls / (double)s->failed_calls;
	double late = (double)s->late_calls / (double)s->failed_calls;
	double others_failed = (double)s->other_failures / fmax(1, (double)s->others);
	double others_late = (double)s->other_late / fmax(1, (double)s->others);
	bool more = fl_shares_equal_p(s->surfaced_calls, s->failed_calls, s->other_failures, s->others) < SURFACED_P;
	v->heard = true;
	if (failed <= SURFACED_SHARE || (more && failed < others_failed))
		v->surfaced = 0;
	else if (v->surfaced > 0 || more || s->others == 0)
		v->surfaced = failed;
	v->late = late > others_late ? late : 0;
	if (v->late <= LATE_SHARE)
		v->delay = NAN;
}

/* ---- findings ---- */

struct outage {
	struct behave *b;
	size_t window, edge;
	size_t last_at; /* 1 + place of the last finding of this edge and window: intervals of the same
			   verdict are added to it; 0: none */
	size_t before_at; /* the same of the window before, for an outage that goes on over its end */
};

static const char *caller_of(struct behave *b, const struct behave_edge *e)
{
	return fl_behave_say(b, b->teams[e->from].ids[0]);
}

static const char *outage_why(
	struct behave *b, const struct behave_edge *e, const struct fl_behave_finding *f)
{
	const char *what = fl_arena_printf(b->arena, "%s failed %s of %s attempts of %s within %s",
		fl_behave_say(b, e->to_id), fl_arena_count(b->arena, f->failures), fl_arena_count(b->arena, f->attempts),
		caller_of(b, e), fl_behave_seconds(b, fl_behave_between(f->start_ns, f->end_ns)));
	if (isnan(f->surfaced))
		return fl_arena_printf(b->arena,
			"%s; nobody was seen to call %s then, so nobody can tell whether it mattered", what,
			caller_of(b, e));
	if (f->kind == FL_BEHAVE_SILENT_FAILURE && f->masked_by_retries)
		return fl_arena_printf(b->arena,
			"%s; further attempts made it good, and %s answered as usual", what, caller_of(b, e));
	if (f->kind == FL_BEHAVE_SILENT_FAILURE)
		return fl_arena_printf(b->arena,
			"%s; %s went on answering without errors or delay, so nothing shows further up", what,
			caller_of(b, e));
	if (f->surfaced > SURFACED_SHARE)
		what = fl_arena_printf(b->arena,
			"%s; %s answered with errors: %.0f %% of the failed calls surfaced", what,
			caller_of(b, e), 100 * fmin(1, f->surfaced));
	if (!isnan(f->delay_ratio))
		what = fl_arena_printf(b->arena, "%s; answers of %s took %.2g times as long", what,
			caller_of(b, e), f->delay_ratio);
	return what;
}

/* The finding of the window before that ends where this interval begins, within two buckets; 0: none. */
static size_t goes_on(const struct outage *o, const struct fl_interval *i)
{
	if (o->before_at == 0)
		return 0;
	const struct fl_behave_finding *f = &o->b->result->list[o->before_at - 1];
	int64_t near = 2 * o->b->edges[o->edge].window[o->window]->series.width_ns;
	return i->start_ns - f->end_ns <= near && f->end_ns <= i->end_ns ? o->before_at : 0;
}

static void tell(
	struct outage *o, const struct fl_interval *i, const struct verdict *v, const struct calls *calls)
{
	struct behave *b = o->b;
	const struct behave_edge *e = &b->edges[o->edge];
	bool late = v->late > LATE_SHARE;
	bool silent = v->heard && !(v->surfaced > SURFACED_SHARE) && isnan(v->delay) && !late;
	enum fl_behave_kind kind = silent ? FL_BEHAVE_SILENT_FAILURE : FL_BEHAVE_OUTAGE;
	o->last_at = o->last_at > 0 ? o->last_at : goes_on(o, i);
	struct fl_behave_finding *f = o->last_at > 0 ? &b->result->list[o->last_at - 1] : NULL;
	if (f == NULL || f->kind != kind || f->masked_by_retries != calls->masked) {
		f = fl_behave_add(b, kind, e);
		o->last_at = b->result->count;
		f->start_ns = i->start_ns;
		f->surfaced = v->heard ? 0 : NAN;
		f->masked_by_retries = calls->masked;
	}
	f->end_ns = i->end_ns;
	f->attempts += i->attempts;
	f->failures += i->failures;
	f->surfaced = fmax(f->surfaced, v->surfaced);
	f->delay_ratio = fmax(f->delay_ratio, v->delay);
	f->severity = (silent ? 50 : v->heard ? 80 : 40) + fmin(9, log10(1 + (double)f->failures));
	f->severity -= calls->masked ? 15 : 0;
	f->confidence = f->failures >= 4 * FAILURES_MIN ? FL_CONFIDENCE_HIGH : FL_CONFIDENCE_MEDIUM;
	f->why = outage_why(b, e, f);
	if (late && isnan(f->delay_ratio))
		f->why = fl_arena_printf(b->arena, "%s; %.0f %% of the failed calls made the answer of %s late", f->why,
			100 * v->late, caller_of(b, e));
}

/* The caller's own scan, then those who call it: an error or delay that one of them saw has surfaced. */
static struct verdict judge(
	struct outage *o, const struct fl_interval *i, const struct calls *calls, struct explained *x)
{
	struct behave *b = o->b;
	const struct behave_edge *e = &b->edges[o->edge];
	const struct behave_team *t = &b->teams[e->from];
	struct verdict all = { NAN, NAN, NAN, false };
	for (size_t k = 0; k < t->caller_count + 1; k++) {
		const struct fl_behaviour *f =
			k == 0 ? t->window[o->window] : b->edges[t->callers[k - 1]].window[o->window];
		if (f == NULL || f->series.count == 0 ||
			(k > 0 && b->edges[t->callers[k - 1]].merged->class == FL_CLASS_PROBE))
			continue;
		x->answers = &f->series;
		struct verdict v = hear(b, o->window, e, i, calls, x);
		all.heard = all.heard || v.heard;
		all.surfaced = fmax(all.surfaced, v.surfaced);
		all.delay = fmax(all.delay, v.delay);
	}
	ask_exchanges(e, o->window, calls, &all);
	return all;
}

static void add_column(const struct outage *o, struct explained *x, size_t edge)
{
	const struct behave_edge *e = &o->b->edges[edge];
	const struct fl_behaviour *f = e->window[o->window];
	double attempts = 0, failures = 0;
	for (size_t i = 0; i < f->interval_count; i++) {
		bool outage = f->intervals[i].kind == FL_INTERVAL_OUTAGE;
		attempts += outage ? (double)f->intervals[i].attempts : 0;
		failures += outage ? (double)f->intervals[i].failures : 0;
	}
	if (x->usual_only || failures <= 0) {
		attempts = (double)fl_outcomes_decided(f);
		failures = (double)fl_outcomes_failed(f);
	}
	x->edge[x->count] = edge;
	x->failed_calls[x->count++] = calls_of(e, attempts, failures).failed / fmax(1, failures);
}

/* Edges of the same caller that failed in this window; the outage's own first. */
static void gather_columns(const struct outage *o, struct explained *x)
{
	const struct behave *b = o->b;
	const struct behave_team *t = &b->teams[b->edges[o->edge].from];
	add_column(o, x, o->edge);
	for (size_t i = 0; i < t->call_count && x->count < COLUMNS_MAX; i++) {
		const struct behave_edge *e = &b->edges[t->calls[i]];
		if (t->calls[i] != o->edge && e->window[o->window] != NULL &&
			fl_outcomes_failed(e->window[o->window]) >= FAILURES_MIN)
			add_column(o, x, t->calls[i]);
	}
}

static void find_outages(struct outage *o)
{
	struct behave *b = o->b;
	const struct behave_edge *e = &b->edges[o->edge];
	const struct fl_behaviour *f = e->window[o->window];
	struct explained x = { .count = 0 };
	gather_columns(o, &x);
	for (size_t i = 0; i < f->interval_count; i++) {
		const struct fl_interval *k = &f->intervals[i];
		if (k->kind != FL_INTERVAL_OUTAGE || k->failures < FAILURES_MIN)
			continue;
		struct calls calls = calls_of(e, (double)k->attempts, (double)k->failures);
		struct verdict v = judge(o, k, &calls, &x);
		tell(o, k, &v, &calls);
	}
}

/* ---- failures without an outage ---- */

/* One now and then, outside of the outages; and more than edges of this system fail by themselves. */
static bool is_sporadic(
	const struct behave *b, const struct behave_edge *e, size_t window, const struct answers *own)
{
	double failed = 1, decided = 2; /* nothing fails never */
	for (size_t i = 0; i < b->edge_count; i++) {
		const struct fl_behaviour *other = b->edges[i].window[window];
		if (&b->edges[i] == e || other == NULL || other->interval_count > 0)
			continue;
		failed += (double)fl_outcomes_failed(other);
		decided += (double)fl_outcomes_decided(other);
	}
	return own->bad >= FAILURES_MIN && decided > 10 * failed &&
	       fl_poisson_at_least(own->bad, (double)(own->good + own->bad) * failed / decided) < SPORADIC_P;
}

/* From the first to the last bucket in which it failed. */
static struct fl_interval from_first_to_last(
	const struct behave_edge *e, size_t window, const struct answers *own)
{
	const struct fl_series *s = &e->window[window]->series;
	struct fl_interval i = { FL_INTERVAL_OUTAGE, 0, 0, own->good + own->bad, own->bad, 0 };
	for (size_t k = 0; k < s->count; k++) {
		if (s->bucket[k].failed == 0 || !is_usual(e, window, s, k))
			continue;
		i.start_ns = i.end_ns == 0 ? fl_behave_edge_of(s, k) : i.start_ns;
		i.end_ns = fl_behave_edge_of(s, k + 1);
	}
	return i;
}

static void find_sporadic(struct outage *o)
{
	struct behave *b = o->b;
	const struct behave_edge *e = &b->edges[o->edge];
	const struct fl_series *s = &e->window[o->window]->series;
	struct answers own = answers_of(e, o->window, s, NULL);
	struct explained x = { .usual_only = true };
	struct fl_interval whole = from_first_to_last(e, o->window, &own);
	if (!is_sporadic(b, e, o->window, &own))
		return;
	gather_columns(o, &x);
	struct calls calls = calls_of(e, (double)whole.attempts, (double)whole.failures);
	struct verdict v = judge(o, &whole, &calls, &x);
	v.delay = NAN; /* there is no other time to compare with */
	o->last_at = o->before_at = 0;
	tell(o, &whole, &v, &calls);
}

/* ---- which outage made which ---- */

/* Outages by the team that called: of team t those at [first[t], first[t + 1]). */
struct by_caller {
	size_t *first;
	struct fl_behave_finding **list;
};

static struct by_caller sort_by_caller(const struct behave *b)
{
	struct by_caller by = { fl_alloc_array(b->team_count + 2, sizeof(size_t)),
		fl_alloc_array(b->result->count + 1, sizeof(struct fl_behave_finding *)) };
	for (size_t i = 0; i < b->result->count; i++)
		if (b->result->list[i].kind == FL_BEHAVE_OUTAGE)
			by.first[b->edges[b->result->list[i].edge].from + 2]++;
	for (size_t t = 2; t < b->team_count + 2; t++)
		by.first[t] += by.first[t - 1];
	for (size_t i = 0; i < b->result->count; i++)
		if (b->result->list[i].kind == FL_BEHAVE_OUTAGE)
			by.list[by.first[b->edges[b->result->list[i].edge].from + 1]++] = &b->result->list[i];
	return by;
}

static bool is_same_time(const struct fl_behave_finding *a, const struct fl_behave_finding *b)
{
	return a->start_ns <= b->end_ns && b->start_ns <= a->end_ns;
}

/* An outage of what the far end itself calls, which surfaced there at that time. */
static const struct fl_behave_finding *outage_below(
	const struct behave *b, const struct by_caller *by, const struct fl_behave_finding *f)
{
	size_t team = b->edges[f->edge].to;
	const struct fl_behave_finding *worst = NULL;
	for (size_t i = team == BEHAVE_NONE ? 0 : by->first[team];
		team != BEHAVE_NONE && i < by->first[team + 1]; i++) {
		const struct fl_behave_finding *g = by->list[i];
		if (g->surfaced > SURFACED_SHARE && is_same_time(f, g) &&
			(worst == NULL || g->failures > worst->failures))
			worst = g;
	}
	return worst;
}

/* What only passes on the failures of something below is told as that, and after it. */
static void trace_outages(struct behave *b)
{
	struct by_caller by = sort_by_caller(b);
	for (size_t i = 0; i < by.first[b->team_count]; i++) {
		struct fl_behave_finding *f = by.list[i];
		const struct fl_behave_finding *g = outage_below(b, &by, f);
		for (int level = 0; g != NULL && level < CHAIN_MAX; level++) {
			f->passed_on = g->to;
			g = outage_below(b, &by, g);
		}
		if (f->passed_on == NULL)
			continue;
		f->severity -= PASSED_ON;
		f->why = fl_arena_printf(
			b->arena, "%s. It passes on failures of %s", f->why, fl_behave_say(b, f->passed_on));
	}
	free(by.first);
	free(by.list);
}

void fl_behave_outages(struct behave *b)
{
	size_t *last_at = fl_alloc_array(b->edge_count + 1, sizeof(*last_at));
	for (size_t w = 0; w < b->window_count; w++) {
		for (size_t i = 0; i < b->edge_count; i++) {
			struct outage o = { .b = b, .window = w, .edge = i, .before_at = last_at[i] };
			if (b->edges[i].window[w] == NULL || b->edges[i].merged->class == FL_CLASS_PROBE ||
				!b->edges[i].answered)
				continue;
			find_outages(&o);
			last_at[i] = o.last_at;
			find_sporadic(&o);
		}
	}
	free(last_at);
	trace_outages(b);
}
