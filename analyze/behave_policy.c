/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_policy.c - what a caller does when a call fails, read off the pauses it makes and the waits it gives
 * up
 *
 * A schedule is a rule for the size of pauses; what is seen are samples of each pause. The medians carry the
 * rule, for a pause may be cut or drawn out by anything; how far a median may be off follows from the spread
 * of its own sample. Growth is what exceeds that. The choice between linear and exponential is which of the
 * two, fitted with those weights, leaves less; a pause that stops growing at the end was capped, which is
 * part of the rule and not of the choice.
 *
 * Some pauses of a busy caller are none: an attempt was taken for the retry of another call. They lie
 * anywhere, mostly below. A timer shows all the same, as many values at one place: so the width of a pause is
 * twice the narrower side of its median.
 *
 * Below IMMEDIATE_S a pause lets nothing recover and is the time that a program takes to try again.
 */
#include <math.h>
#include <string.h>

#include "analyze/behave_internal.h"
#include "faultline/statistics.h"

#define IMMEDIATE_S 0.010       /* new connection, look-up and a busy scheduler included */
#define UNSTEADY_S 0.050        /* ... when it is not even steady, which a timer would be */
#define TIMER_NOISE_S 0.004     /* a timer fires late by up to a few milliseconds on a busy host */
#define JITTER_SHARE 0.12       /* spread of a pause over its size that no timer makes by itself */
#define SELDOM 0.25             /* share of failed calls: programs that retry do so after most failures */
#define NORMAL_P10_TO_P90 2.563 /* standard deviations of a normal sample between these quantiles */
/* Shares of attempts that may belong to other calls, up to which a policy is told. Chosen on made storms of known policy
 * (tests/e2e/variety.py), where wrong pauses or attempts began there; one in thirty of other storms was still told wrong. */
#define UNEXPLAINED_DRAWN 0.12
#define UNEXPLAINED_STEADY 0.4
enum { CALLS_MIN = 5 };         /* if half of them were tried again, five without one had p = 0.03 */

/* ---- pauses ---- */

struct pauses {
	double size[FL_GAPS_MAX], error[FL_GAPS_MAX]; /* medians and their standard errors */
	double spread[FL_GAPS_MAX]; /* p10 to p90, beyond what a timer makes; NaN: a single one */
	size_t count;
};

static struct pauses pauses_of(const struct fl_retries *r, size_t most)
{
	struct pauses p = { .count = 0 };
	for (size_t i = 0; i < FL_GAPS_MAX && i < most && r->gap[i].count > 0; i++) {
		const struct fl_spread *g = &r->gap[i];
		double n = (double)g->count, width = 2 * fmin(g->p90 - g->p50, g->p50 - g->p10);
		p.size[i] = fmax(0, g->p50);
		p.error[i] = hypot(1.25 * width / NORMAL_P10_TO_P90 / sqrt(n), TIMER_NOISE_S / 2);
		p.spread[i] = g->count < 2 ? NAN : fmax(0, width - TIMER_NOISE_S);
		p.count = i + 1;
	}
	return p;
}

static bool is_immediate(const struct pauses *p)
{
	double largest = 0;
	size_t steady = 0;
	for (size_t i = 0; i < p->count; i++) {
		largest = fmax(largest, p->size[i]);
		steady += !(p->spread[i] > p->size[i]);
	}
	return largest <= IMMEDIATE_S ||
	       (largest <= UNSTEADY_S && steady == 0 && !(p->size[p->count - 1] > 1.5 * p->size[0]));
}

static bool is_jittered(const struct fl_retries *r, const struct pauses *p)
{
	double wide = 0, all = 0;
	for (size_t i = 0; i < p->count; i++) {
		if (isnan(p->spread[i]))
			continue;
		all += (double)r->gap[i].count;
		wide += p->spread[i] > JITTER_SHARE * p->size[i] ? (double)r->gap[i].count : 0;
	}
	return wide * 2 > all;
}

static bool differ(const struct pauses *p, size_t i, size_t k)
{
	double noise = hypot(p->error[i], p->error[k]), size = fmax(p->size[i], p->size[k]);
	return fabs(p->size[i] - p->size[k]) > fmax(3 * noise, 0.15 * size);
}

/* ---- growth ---- */

struct line {
	double at_zero, slope, residual;
};

/* y = at_zero + slope * i, weighed by the errors; the residual is the mean square in units of the error. */
static struct line fit(const double *y, const double *error, size_t count)
{
	double w = 0, x = 0, yy = 0, xx = 0, xy = 0;
	struct line l = { 0, 0, 0 };
	for (size_t i = 0; i < count; i++) {
		double weight = 1 / (error[i] * error[i]), k = (double)i;
		w += weight, x += weight * k, yy += weight * y[i], xx += weight * k * k,
			xy += weight * k * y[i];
	}
	double det = w * xx - x * x;
	l.slope = det > 0 ? (w * xy - x * yy) / det : 0;
	l.at_zero = (yy - l.slope * x) / w;
	for (size_t i = 0; i < count; i++) {
		double off = (y[i] - l.at_zero - l.slope * (double)i) / error[i];
		l.residual += off * off / (double)count;
	}
	return l;
}

/* Pauses before a cap: those that still grow. */
static size_t growing(const struct pauses *p)
{
	size_t n = p->count;
	while (n > 2 && !differ(p, n - 1, n - 2))
		n--;
	return n;
}

static bool grows_throughout(const struct pauses *p, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (p->size[i] < p->size[i - 1])
			return false;
	return true;
}

static enum fl_retry_class growth(const struct pauses *p, double *factor)
{
	double logs[FL_GAPS_MAX], log_error[FL_GAPS_MAX], error[FL_GAPS_MAX];
	bool any = false;
	*factor = NAN;
	for (size_t i = 1; i < p->count; i++)
		any = any || differ(p, 0, i);
	if (!any)
		return FL_RETRY_FIXED;
	size_t n = growing(p);
	if (!grows_throughout(p, n) || p->size[0] <= 0)
		return FL_RETRY_IRREGULAR;
	for (size_t i = 0; i < n; i++) {
		/* Rules are never followed to the last millisecond: answers, queues and clocks take their two
		 * per cent. */
		error[i] = hypot(p->error[i], 0.02 * p->size[i]);
		logs[i] = log(p->size[i]);
		log_error[i] = error[i] / p->size[i];
	}
	struct line exponential = fit(logs, log_error, n), linear = fit(p->size, error, n);
	*factor = exp(exponential.slope);
	if (n == 2 || exponential.residual <= linear.residual)
		return FL_RETRY_EXPONENTIAL;
	*factor = linear.slope / linear.at_zero;
	return FL_RETRY_LINEAR;
}

/* ---- attempts ---- */

/* Most calls that gave up after a retry did so after this many attempts; of equals the more. */
static unsigned attempts_of(const struct fl_retries *r, bool *at_least)
{
	unsigned best = 0, recovered = 0;
	for (unsigned i = 1; i < FL_ATTEMPTS_MAX; i++) {
		if (r->gave_up[i] > 0 && r->gave_up[i] >= r->gave_up[best == 0 ? i : best])
			best = i;
		/* One or two of many may be two calls that were taken for one. */
		bool told = r->recovered[i] > 0 &&
			    (recovered == 0 || r->recovered[i] > 2 || r->recovered[i] * 10 > r->retried);
		recovered = told ? i : recovered;
	}
	*at_least = best == 0 || best == FL_ATTEMPTS_MAX - 1;
	return (best == 0 ? recovered : best) + 1;
}

static double attempts_per_failed_call(const struct fl_retries *r)
{
	double attempts = 0, calls = 0;
	for (size_t i = 0; i < FL_ATTEMPTS_MAX; i++) {
		attempts += (double)r->gave_up[i] * (double)(i + 1);
		calls += (double)r->gave_up[i];
	}
	return calls > 0 ? attempts / calls : NAN;
}

double fl_behave_first_attempts(const struct fl_behaviour *b)
{
	double again = 0, decided = (double)fl_outcomes_decided(b);
	for (size_t i = 1; i < FL_ATTEMPTS_MAX; i++)
		again += (double)i * ((double)b->retries.gave_up[i] + (double)b->retries.recovered[i]);
	if (decided <= 0 || fl_retry_schedule(&b->retries).class < FL_RETRY_IMMEDIATE)
		return 1;
	return fmax(0, 1 - again / decided);
}

static enum fl_confidence by_number(uint64_t n)
{
	return n >= 20 ? FL_CONFIDENCE_HIGH : n >= CALLS_MIN ? FL_CONFIDENCE_MEDIUM : FL_CONFIDENCE_LOW;
}

static const char *class_name(enum fl_retry_class c, bool jitter)
{
	static const char *const names[][2] = {
		{ "not observed", "not observed" },
		{ "none", "none" },
		{ "immediate", "immediate" },
		{ "fixed", "fixed-jitter" },
		{ "linear", "linear-jitter" },
		{ "exponential", "exponential-jitter" },
		{ "irregular", "irregular" },
	};
	return names[c][jitter];
}

/* Tried again so seldom that it may be chance: another call for the same thing. */
static bool hardly_ever(const struct fl_retries *r)
{
	double low, high;
	uint64_t retried = r->retried < r->calls ? r->retried : r->calls;
	fl_share_interval(retried, r->calls, &low, &high);
	return r->calls >= CALLS_MIN && (r->retried == 0 || high < SELDOM);
}

static struct fl_retry_schedule said(struct fl_retry_schedule s)
{
	s.name = s.unclear ? "unknown" : class_name(s.class, s.jitter);
	return s;
}

struct fl_retry_schedule fl_retry_schedule(const struct fl_retries *r)
{
	struct fl_retry_schedule s = { .factor = NAN,
		.confidence = by_number(r->calls),
		.attempts_per_failed_call = attempts_per_failed_call(r) };
	if (hardly_ever(r)) {
		s.class = FL_RETRY_NONE;
		s.attempts = 1;
		return said(s);
	}
	s.attempts = r->retried > 0 ? attempts_of(r, &s.attempts_at_least) : 0;
	struct pauses p = pauses_of(r, s.attempts > 0 ? s.attempts - 1 : 0);
	bool drawn = p.count > 0 && is_jittered(r, &p) && !is_immediate(&p);
	if (r->retried > 0 && r->unexplained > (drawn ? UNEXPLAINED_DRAWN : UNEXPLAINED_STEADY)) {
		s.confidence = FL_CONFIDENCE_LOW;
		s.unclear = true;
		s.attempts = 0;
		s.attempts_at_least = false;
		return said(s);
	}
	if (p.count == 0)
		return said(s);
	s.confidence = by_number(r->retried);
	s.gap_count = p.count;
	memcpy(s.gaps_s, p.size, p.count * sizeof(*p.size));
	s.class = is_immediate(&p) ? FL_RETRY_IMMEDIATE : growth(&p, &s.factor);
	s.jitter = s.class >= FL_RETRY_FIXED && s.class <= FL_RETRY_EXPONENTIAL && drawn;
	if ((p.count < 3 || s.jitter) && s.class == FL_RETRY_EXPONENTIAL && s.confidence == FL_CONFIDENCE_HIGH)
		s.confidence = FL_CONFIDENCE_MEDIUM;
	return said(s);
}

/* ---- timeouts ---- */

struct fl_timeout fl_timeout_of(const struct fl_spread *w)
{
	struct fl_timeout t = { NAN, false, FL_CONFIDENCE_LOW };
	if (w->count == 0)
		return t;
	bool gathered = w->p90 - w->p10 <= 0.1 * w->p50;
	bool at_the_end = w->count >= 2 * CALLS_MIN && w->max - w->p90 <= 0.1 * w->max;
	t.seconds = gathered || !at_the_end ? w->p50 : w->p90;
	t.sharp = (gathered || at_the_end) && w->count > 1;
	if (t.sharp)
		t.confidence = w->count >= CALLS_MIN && gathered ? FL_CONFIDENCE_HIGH : FL_CONFIDENCE_MEDIUM;
	return t;
}
