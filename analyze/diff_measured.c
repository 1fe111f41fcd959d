/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_measured.c - more or fewer calls, slower or faster ones, more or fewer failures
 *
 * Two windows of one unchanged system never measure the same. Each pair of dependencies gives a few tests:
 *
 *   fan-out   calls per inbound exchange of the caller: conditional binomial, the exposures being the inbound exchanges, so
 *             that twice the users are no change
 *   rate      calls/s, for what no inbound exchange causes (background), the exposures being the times watched
 *   failures  share of attempts that failed: the same, the exposures being attempts
 *   latency   time to first byte: Kolmogorov-Smirnov over the histograms
 *
 * all at counts divided by their dispersion (diff_amounts.c). Where the two sides do not agree whether a dependency is caused by
 * requests, the fan-out and the rate must both have changed: each alone may be no more than another load. All p of one comparison go
 * through Benjamini-Hochberg together, and what is left must have an effect of the threshold.
 *
 * The effect of a latency is the ratio of geometric means, the outermost 2 % left out: a median jumps when 49 % of
 * the answers that come from a cache become 51 %, and a mean follows its three worst answers. What is told is the quantile that moved
 * most. An answer that nobody waited for is not in the histogram, so a shorter timeout would look like a faster callee:
 * both sides are compared up to the shorter timeout only, with those who gave up counted there (censored).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"
#include "faultline/statistics.h"
#include "faultline/units.h"

enum {
	INBOUND_MIN = 20,  /* exchanges of the caller, on either side */
	ATTEMPTS_MIN = 20,
	ANSWERS_MIN = 50,
	GAVE_UP_MIN = 3,   /* before a timeout is one */
};
#define TRIMMED 0.02
#define LATENCY_MIN 1e-3 /* s; of less the capture point and its scheduler have as much a part as the callee */

struct candidate {
	struct fl_change change;
	double effect; /* ratio, >= 1 */
};

struct measured {
	struct fl_diffing *w;
	struct candidate *list;
	size_t count, capacity;
};

static double ratio_of(double before, double after)
{
	if (before <= 0 || after <= 0)
		return before == after ? 1 : INFINITY;
	return after > before ? after / before : before / after;
}

static void add(struct measured *m, const struct fl_change *change, double effect)
{
	if (m->count == m->capacity) {
		m->capacity = fl_grown(m->capacity, m->count + 1);
		m->list = fl_grow_array(m->list, m->capacity, sizeof(*m->list));
	}
	m->list[m->count] = (struct candidate){ *change, effect };
	m->list[m->count++].change.expected = NAN;
}

/* ---- counts ---- */

static const char *number(struct fl_arena *a, double value)
{
	double size = fabs(value);
	int digits = size >= 100 || size <= 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 2 - (int)floor(log10(size));
	return fl_arena_printf(a, "%.*f", digits > 6 ? 6 : digits, value);
}

static double divide(double n, double by)
{
	return by > 0 ? n / by : NAN;
}

struct pair {
	const struct fl_use *use;   /* of the newer side */
	const char *from, *to;
	bool partial; /* not all calls of one side are counted */
	struct fl_amounts before, after;
};

static struct fl_change measured_change(const struct pair *p, enum fl_change_kind kind, const char *quantity,
	double before, double after)
{
	return (struct fl_change){ .kind = kind, .from = p->from, .to = p->to, .quantity = quantity,
		.before_value = before, .after_value = after, .p = NAN, .q = NAN, .expected = NAN };
}

static struct fl_change fan_out_of(struct measured *m, const struct pair *p)
{
	struct fl_arena *a = m->w->a;
	const struct fl_amounts *b = &p->before, *n = &p->after;
	struct fl_change c = measured_change(p, FL_CHANGE_FAN_OUT, "calls per inbound request",
		divide((double)b->calls, (double)b->inbound), divide((double)n->calls, (double)n->inbound));
	c.p = fl_rates_equal_p(b->calls, (double)b->inbound, n->calls, (double)n->inbound,
		fmax(fl_dispersion_of_fan_out(b), fl_dispersion_of_fan_out(n)));
	c.before = fl_arena_printf(a, "%s calls a request", number(a, c.before_value));
	c.after = fl_arena_printf(a, "%s calls a request", number(a, c.after_value));
	c.why = fl_arena_printf(a, "%s calls in %s inbound requests before, %s in %s after",
		fl_arena_count(a, b->calls), fl_arena_count(a, b->inbound), fl_arena_count(a, n->calls),
		fl_arena_count(a, n->inbound));
	return c;
}

static struct fl_change rate_of(struct measured *m, const struct pair *p)
{
	struct fl_arena *a = m->w->a;
	const struct fl_amounts *b = &p->before, *n = &p->after;
	struct fl_change c = measured_change(p, FL_CHANGE_RATE, "calls per second",
		divide((double)b->calls, b->window_s), divide((double)n->calls, n->window_s));
	c.p = fl_rates_equal_p(b->calls, b->window_s, n->calls, n->window_s,
		fmax(fl_dispersion_of_rate(b), fl_dispersion_of_rate(n)));
	c.before = fl_arena_printf(a, "%s calls/s", number(a, c.before_value));
	c.after = fl_arena_printf(a, "%s calls/s", number(a, c.after_value));
	c.why = fl_arena_printf(a, "%s calls in %.0f s before, %s in %.0f s after; no inbound request causes them",
		fl_arena_count(a, b->calls), b->window_s, fl_arena_count(a, n->calls), n->window_s);
	return c;
}

static void test_calls(struct measured *m, const struct pair *p)
{
	const struct fl_amounts *b = &p->before, *n = &p->after;
	bool request = b->on_request || n->on_request, timed = b->timed || n->timed;
	bool inbound = b->inbound >= INBOUND_MIN && n->inbound >= INBOUND_MIN;
	if (p->partial || b->lower_bound || n->lower_bound || b->window_s <= 0 || n->window_s <= 0) {
		m->w->d->too_few++;
		return;
	}
	struct fl_change rate = rate_of(m, p);
	double effect = ratio_of(rate.before_value, rate.after_value);
	if (!inbound || (timed && !request)) {
		if (b->inbound > 0 && !timed) /* too little of what causes it */
			m->w->d->too_few++;
		else
			add(m, &rate, effect);
		return;
	}
	struct fl_change fan_out = fan_out_of(m, p);
	double fan_effect = ratio_of(fan_out.before_value, fan_out.after_value);
	if (timed) { /* cannot be told which it is */
		fan_out.p = fmax(fan_out.p, rate.p);
		fan_effect = fmin(fan_effect, effect);
	}
	add(m, &fan_out, fan_effect);
}

/* Half a failure is added, so that none of many is less than none of few. */
static double share_of(const struct fl_amounts *m)
{
	return ((double)m->failures + 0.5) / ((double)m->attempts + 1);
}

static void test_failures(struct measured *m, const struct pair *p)
{
	struct fl_arena *a = m->w->a;
	const struct fl_amounts *b = &p->before, *n = &p->after;
	if (b->attempts < ATTEMPTS_MIN || n->attempts < ATTEMPTS_MIN) {
		m->w->d->too_few++;
		return;
	}
	struct fl_change c = measured_change(p, FL_CHANGE_FAILURES, "share of calls that failed",
		divide((double)b->failures, (double)b->attempts), divide((double)n->failures, (double)n->attempts));
	c.p = fl_rates_equal_p(b->failures, (double)b->attempts, n->failures, (double)n->attempts,
		fmax(fl_dispersion_of_failures(b), fl_dispersion_of_failures(n)));
	c.before = fl_arena_printf(a, "%s %% fail", number(a, c.before_value * 100));
	c.after = fl_arena_printf(a, "%s %% fail", number(a, c.after_value * 100));
	c.why = fl_arena_printf(a, "%s of %s calls failed before, %s of %s after",
		fl_arena_count(a, b->failures), fl_arena_count(a, b->attempts), fl_arena_count(a, n->failures),
		fl_arena_count(a, n->attempts));
	add(m, &c, ratio_of(share_of(b), share_of(n)));
}

/* ---- latency ---- */

/* Where callers give up; infinity where they were not seen to. */
static double given_up_s(const struct fl_amounts *m)
{
	const struct fl_behaviour *b = m->behaviour;
	return b == NULL || b->response_timeout.count < GAVE_UP_MIN ? INFINITY : b->response_timeout.p10;
}

/* Everything from @limit on stands in one bucket, with those who gave up. */
static void censor(struct fl_histogram *h, const struct fl_amounts *m, double limit)
{
	unsigned last = 0;
	*h = *m->first_byte;
	if (isinf(limit))
		return;
	while (last + 1 < FL_HISTOGRAM_BUCKETS && fl_histogram_upper(last) <= limit)
		last++;
	uint64_t sum = 0, given_up = isinf(given_up_s(m)) ? 0 : m->behaviour->outcome[FL_OUTCOME_RESPONSE_TIMEOUT];
	for (unsigned i = last; i < FL_HISTOGRAM_BUCKETS; i++) {
		sum += h->bucket[i];
		h->bucket[i] = 0;
	}
	sum = sum > given_up ? sum : given_up; /* a callee may answer calls that were given up */
	h->bucket[last] = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static double middle(unsigned i)
{
	double low = fl_histogram_lower(i), high = fl_histogram_upper(i);
	return i == 0 ? high / 2 : isinf(high) ? low : sqrt(low * high);
}

/* Mean logarithm between the two trimmed ends. */
static double mean_log(const struct fl_histogram *h)
{
	double total = 0, below = 0, sum = 0, weight = 0;
	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
		total += h->bucket[i];
	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		double low = fmax(below, TRIMMED * total), high = fmin(below + h->bucket[i], (1 - TRIMMED) * total);
		below += h->bucket[i];
		if (high <= low)
			continue;
		sum += (high - low) * log(middle(i));
		weight += high - low;
	}
	return weight > 0 ? sum / weight : NAN;
}

static double quantile(const struct fl_histogram *h, double q)
{
	double total = 0, below = 0;
	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
		total += h->bucket[i];
	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		below += h->bucket[i];
		if (h->bucket[i] > 0 && below >= q * total)
			return middle(i);
	}
	return NAN;
}

static const char *duration(struct fl_arena *a, double seconds)
{
	return seconds < 1 ? fl_arena_printf(a, "%s ms", number(a, seconds * 1e3))
			   : fl_arena_printf(a, "%s s", number(a, seconds));
}

static uint64_t answers_of(const struct fl_amounts *m)
{
	return m->first_byte == NULL ? 0 : m->first_byte->count;
}

/* The median, unless the change is in the slow tenth. */
static void say_latency(struct fl_arena *a, struct fl_change *c, const struct fl_histogram *before,
	const struct fl_histogram *after, double threshold)
{
	static const struct { double q; const char *name, *text; } told[] = {
		{ 0.5, "median time to first byte", "half of the answers within" },
		{ 0.9, "90th percentile of time to first byte", "nine of ten answers within" },
		{ 0.97, "97th percentile of time to first byte", "97 of 100 answers within" },
	};
	size_t best = 0;
	for (size_t i = FL_ARRAY_LEN(told); i-- > 0;)
		if (ratio_of(quantile(before, told[i].q), quantile(after, told[i].q)) >= threshold)
			best = i;
	c->quantity = told[best].name;
	c->before_value = quantile(before, told[best].q);
	c->after_value = quantile(after, told[best].q);
	c->before = fl_arena_printf(a, "%s %s", told[best].text, duration(a, c->before_value));
	c->after = fl_arena_printf(a, "%s %s", told[best].text, duration(a, c->after_value));
	c->why = fl_arena_printf(a, "median %s before, %s after; 90th percentile %s before, %s after",
		duration(a, quantile(before, 0.5)), duration(a, quantile(after, 0.5)),
		duration(a, quantile(before, 0.9)), duration(a, quantile(after, 0.9)));
}

static void test_latency(struct measured *m, const struct pair *p)
{
	const struct fl_amounts *b = &p->before, *n = &p->after;
	struct fl_histogram before, after;
	if (answers_of(b) < ANSWERS_MIN || answers_of(n) < ANSWERS_MIN) {
		m->w->d->too_few++;
		return;
	}
	double limit = fmin(given_up_s(b), given_up_s(n));
	censor(&before, b, limit);
	censor(&after, n, limit);
	struct fl_change c = measured_change(p, FL_CHANGE_LATENCY, "", NAN, NAN);
	c.p = fl_ks_histograms(&before, &after, fmax(fl_dispersion_of_latency(b), fl_dispersion_of_latency(n)))
		      .p;
	say_latency(m->w->a, &c, &before, &after, m->w->options->threshold);
	bool matters = fabs(c.after_value - c.before_value) >= LATENCY_MIN;
	add(m, &c, matters ? exp(fabs(mean_log(&before) - mean_log(&after))) : 1);
}

/* ---- pairs ---- */

/* What the newer side has of it; NULL: nothing to compare. */
static const struct fl_use_group *newer_of(const struct fl_use_group *g)
{
	if (!g->present[0] || g->uses[0][0]->evidence == NULL)
		return NULL;
	if (g->present[1])
		return g->real[0] || g->real[1] ? g : NULL;
	return g->other != NULL && g->other->uses[1][0]->evidence != NULL ? g->other : NULL;
}

static void compare(struct measured *m, struct pair *p)
{
	test_calls(m, p);
	test_failures(m, p);
	test_latency(m, p);
	fl_diff_reactions(m->w, p->use, &p->before, &p->after);
}

static void compare_groups(struct measured *m)
{
	for (size_t i = 0; i < m->w->group_count; i++) {
		const struct fl_use_group *old = &m->w->groups[i], *new = newer_of(old);
		if (new == NULL)
			continue;
		struct pair *p = fl_alloc(sizeof(*p));
		m->w->scratch = fl_arena_new();
		p->use = new->uses[1][0];
		p->from = p->use->from;
		p->to = p->use->to;
		p->partial = old->partial;
		fl_amounts_of_uses(&p->before, m->w, 0, old);
		fl_amounts_of_uses(&p->after, m->w, 1, new);
		compare(m, p);
		fl_arena_free(m->w->scratch);
		free(p);
	}
}

/* ---- what holds ---- */

static void report(struct measured *m)
{
	double *p = fl_alloc_array(m->count, sizeof(*p));
	for (size_t i = 0; i < m->count; i++)
		p[i] = m->list[i].change.p;
	fl_benjamini_hochberg(p, m->count, p);
	m->w->d->tests = m->count;
	for (size_t i = 0; i < m->count; i++) {
		struct fl_change *c = &m->list[i].change;
		c->q = p[i];
		if (c->q <= m->w->options->discovery_rate && m->list[i].effect >= m->w->options->threshold)
			fl_diff_add(m->w->d, &m->w->capacity, c);
	}
	free(p);
}

void fl_diff_measured(struct fl_diffing *w)
{
	struct measured m = { .w = w };
	compare_groups(&m);
	report(&m);
	free(m.list);
}

/* ---- entry points ---- */

static double load_of(const struct fl_system *s, const char *id)
{
	const struct fl_system_service *service = fl_diff_find_service(s, id);
	double exchanges = 0, seconds = 0;
	for (size_t i = 0; service != NULL && i < service->record_count; i++) {
		const struct fl_scan *scan = s->scans.list[service->records[i].scan];
		exchanges += (double)service->records[i].s->exchanges;
		seconds += ((double)scan->end_ns - (double)scan->start_ns) / (double)FL_NS_PER_S;
	}
	return seconds > 0 ? exchanges / seconds : NAN;
}

void fl_diff_load(struct fl_diffing *w)
{
	const struct fl_system *old = w->sides[0].system, *new = w->sides[1].system;
	uint32_t count;
	const struct fl_entry_point *points = fl_graph_entry_points(new->graph, &count);
	w->d->load_before = w->d->load_after = NAN;
	for (uint32_t i = 0; i < count; i++) {
		const char *id = fl_graph_node(new->graph, points[i].node)->id;
		double before = load_of(old, id), after = load_of(new, id);
		if (isnan(before) || isnan(after))
			continue;
		w->d->load_before = (isnan(w->d->load_before) ? 0 : w->d->load_before) + before;
		w->d->load_after = (isnan(w->d->load_after) ? 0 : w->d->load_after) + after;
	}
}
