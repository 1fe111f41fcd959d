/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_surfacing.c - calls that failed for good, and what became of the inbound exchanges that they were part of
 *
 * A service that is asked many things at once and has many dependencies fails in sum whenever one of them does. Whether the
 * failures of this one show is told by the exchanges that its failed calls were part of, not by all of them.
 *
 * A call is part of an inbound exchange that was open from its first attempt to the end of its last. Where several were, three
 * things tell: how long after its begin this dependency is called, how long before its end the call is over, and which
 * kinds of requests (method and path) call it. Each is a rate per second for which requests were open, taken from the
 * calls of the window by expectation and maximisation like whose calls they are (behaviour_attribution.c); the three are taken as
 * independent. Calls that failed have a distribution of their own of the time to the exchange's end: a fallback takes a
 * way of its own. Every candidate then counts with its share.
 *
 * Chance is told by exchanges of the same kinds that begin while calls fail and are part of none that did. Inbound
 * exchanges that cannot tell of a failure (encrypted, several at once in a connection, not over) are left out.
 */
#include "behaviour_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/units.h"

enum { BINS = 48, FAILED_MAX = 4096, GOOD_MAX = 600, OPEN_MAX = 64, LOOK_BACK = 512, STEPS = 25, LEAST = 8, REST_KINDS = 2 };
static const double first_age_s = 0.0001;
static const double prior = 0.5; /* of a call, for each bin and kind: what was not seen is not impossible */
static const double late_quantile = 0.9, linked_share = 0.5;
static const int64_t slack_ns = 200000;
static const int64_t given_up_ns = INT64_C(10) * FL_NS_PER_S;

struct call {
	int64_t begin_ns, end_ns;
	bool failed;
	size_t causes;          /* from there */
};

struct cause {
	double share;
	uint32_t inbound, kind;
	uint8_t age, rest;
};

/* Rate of calls by a bin, from shares of calls over time that was open. */
struct rates {
	double *rate, *mass, *exposure;
	size_t count;
};

struct surfacing {
	const struct inbound_work *in;
	struct call *calls;
	size_t call_count, failed;
	size_t stands_for;      /* failed calls for each that is looked at */
	struct cause *causes;
	size_t cause_count, cause_capacity;
	uint32_t *kind;         /* by inbound exchange */
	struct rates ages, rests[REST_KINDS], kinds; /* rests: of good calls, of failed ones */
	double *linked;         /* by inbound exchange: failed calls that are part of it */
};

/* ---- calls ---- */

static size_t count_calls(const struct attempt_group *g, bool failed)
{
	size_t n = 0;
	for (size_t i = 0; i < g->count; i++) {
		const struct attempt *a = g->list[i];
		n += a->looked_at && a->number == 0 && (failed ? a->failed_for_good : a->outcome == FL_OUTCOME_ANSWERED);
	}
	return n;
}

/* Failed ones and good ones, of each evenly chosen ones when there are many. */
static void choose_calls(struct surfacing *s, const struct attempt_group *g)
{
	size_t failed = count_calls(g, true), good = count_calls(g, false), at[2] = { 0, 0 };
	size_t step[2] = { good / GOOD_MAX + 1, failed / FAILED_MAX + 1 };
	s->stands_for = step[true];
	if (!failed)
		return;
	s->calls = fl_alloc_array(good / step[false] + failed / step[true] + 3, sizeof(*s->calls));
	for (size_t i = 0; i < g->count; i++) {
		const struct attempt *a = g->list[i], *last = a;
		if (!a->looked_at || a->number || !(a->failed_for_good || a->outcome == FL_OUTCOME_ANSWERED) ||
		    at[a->failed_for_good]++ % step[a->failed_for_good])
			continue;
		while (last->retry)
			last = last->retry;
		s->calls[s->call_count++] = (struct call){ a->begin_ns, last->end_ns, a->failed_for_good, 0 };
		s->failed += a->failed_for_good;
	}
}

/* ---- kinds of inbound requests ---- */

static int compare_numbers(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
	return (a > b) - (a < b);
}

/* Numbers the shapes of all requests; returns how many there are. */
static size_t number_kinds(struct surfacing *s)
{
	size_t n = s->in->all.count, kept = 0;
	uint32_t *shapes = fl_alloc_array(n + 1, sizeof(*shapes));
	s->kind = fl_alloc_array(n + 1, sizeof(*s->kind));
	for (size_t i = 0; i < n; i++)
		shapes[i] = s->in->all.list[i]->fingerprint >> 16;
	qsort(shapes, n, sizeof(*shapes), compare_numbers);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || shapes[kept - 1] != shapes[i])
			shapes[kept++] = shapes[i];
	for (size_t i = 0; i < n; i++) {
		uint32_t key = s->in->all.list[i]->fingerprint >> 16;
		s->kind[i] = (uint32_t)((uint32_t *)bsearch(&key, shapes, kept, sizeof(key), compare_numbers) - shapes);
	}
	free(shapes);
	return kept;
}

/* ---- candidates ---- */

static uint8_t bin_of(double age_s)
{
	double bin = age_s <= first_age_s ? 0 : 1 + 2 * log2(age_s / first_age_s);
	return (uint8_t)(bin < BINS - 1 ? bin : BINS - 1);
}

static double age_of(size_t bin)
{
	return bin == 0 ? 0 : first_age_s * exp2((double)(bin - 1) / 2);
}

/* A request that its client gave up is worked on for some time still. */
static int64_t worked_on_until(const struct attempt *inbound)
{
	return inbound->end_ns + (inbound->outcome == FL_OUTCOME_RESPONSE_TIMEOUT ? given_up_ns : 0);
}

static void add_cause(struct surfacing *s, const struct call *c, size_t inbound)
{
	const struct attempt *a = s->in->all.list[inbound];
	double age = (double)(c->begin_ns - a->start_ns) / 1e9, rest = (double)(worked_on_until(a) - c->end_ns) / 1e9;
	if (s->cause_count == s->cause_capacity) {
		s->cause_capacity = fl_grown(s->cause_capacity, s->cause_count + 1);
		s->causes = fl_grow_array(s->causes, s->cause_capacity, sizeof(*s->causes));
	}
	s->causes[s->cause_count++] = (struct cause){ .inbound = (uint32_t)inbound, .kind = s->kind[inbound],
						      .age = bin_of(age), .rest = bin_of(rest) };
}

static void find_causes(struct surfacing *s)
{
	for (size_t i = 0; i < s->call_count; i++) {
		struct call *c = &s->calls[i];
		size_t looked = 0;
		c->causes = s->cause_count;
		for (size_t at = inbound_before(s->in, c->begin_ns + slack_ns);
		     at > 0 && s->in->reach_ns[at - 1] + slack_ns >= c->end_ns && looked < LOOK_BACK &&
		     s->cause_count - c->causes < OPEN_MAX; at--, looked++)
			if (worked_on_until(s->in->all.list[at - 1]) + slack_ns >= c->end_ns)
				add_cause(s, c, at - 1);
	}
	s->calls[s->call_count].causes = s->cause_count;
}

/* ---- rates ---- */

static void make_rates(struct rates *r, size_t count)
{
	r->count = count;
	r->rate = fl_alloc_array(count + 1, sizeof(double));
	r->mass = fl_alloc_array(count + 1, sizeof(double));
	r->exposure = fl_alloc_array(count + 1, sizeof(double));
}

static void free_rates(struct rates *r)
{
	free(r->rate);
	free(r->mass);
	free(r->exposure);
}

static void update(struct rates *r)
{
	double mass = 0, exposure = 0;
	for (size_t i = 0; i < r->count; i++) {
		mass += r->mass[i];
		exposure += r->exposure[i];
	}
	double usual = exposure > 0 ? mass / exposure : 0;
	for (size_t i = 0; i < r->count; i++)
		r->rate[i] = usual > 0 ? (r->mass[i] + prior * usual) / (r->exposure[i] + prior) / usual : 1;
	memset(r->mass, 0, r->count * sizeof(double));
}

/* Time for which requests were open, by age and by the time to their end, in which alike; and by kind. */
static void find_exposure(struct surfacing *s)
{
	for (size_t i = 0; i < s->in->all.count; i++) {
		const struct attempt *a = s->in->all.list[i];
		double open = (double)(a->end_ns - a->start_ns) / 1e9, weight = attempt_weight(a);
		s->kinds.exposure[s->kind[i]] += weight;
		for (size_t b = 0; b < BINS && age_of(b) < open; b++)
			s->ages.exposure[b] += weight * (fmin(age_of(b + 1), open) - age_of(b));
	}
	for (size_t k = 0; k < REST_KINDS; k++)
		memcpy(s->rests[k].exposure, s->ages.exposure, BINS * sizeof(double));
}

static double rate_of(const struct surfacing *s, const struct call *c, const struct cause *x)
{
	return s->ages.rate[x->age] * s->rests[c->failed].rate[x->rest] * s->kinds.rate[x->kind] *
	       attempt_weight(s->in->all.list[x->inbound]);
}

static void share_calls(struct surfacing *s)
{
	for (size_t i = 0; i < s->call_count; i++) {
		const struct call *c = &s->calls[i];
		double all = 0;
		for (size_t k = c->causes; k < c[1].causes; k++)
			all += rate_of(s, c, &s->causes[k]);
		for (size_t k = c->causes; k < c[1].causes; k++) {
			struct cause *x = &s->causes[k];
			x->share = all > 0 ? rate_of(s, c, x) / all : 0;
			s->ages.mass[x->age] += x->share;
			s->rests[c->failed].mass[x->rest] += x->share;
			s->kinds.mass[x->kind] += x->share;
		}
	}
}

static void learn(struct surfacing *s)
{
	size_t kinds = number_kinds(s);
	make_rates(&s->ages, BINS);
	make_rates(&s->kinds, kinds);
	for (size_t k = 0; k < REST_KINDS; k++)
		make_rates(&s->rests[k], BINS);
	find_causes(s);
	find_exposure(s);
	for (int i = 0; i < STEPS; i++) {
		update(&s->ages);
		update(&s->kinds);
		for (size_t k = 0; k < REST_KINDS; k++)
			update(&s->rests[k]);
		share_calls(s);
	}
}

/* ---- what became of them ---- */

static bool can_tell(const struct attempt *a)
{
	if (a->outcome == FL_OUTCOME_UNDECIDED || a->flags & FL_ATTEMPT_MULTIPLEXED)
		return false;
	return attempt_failed(a) || a->flags & FL_ATTEMPT_READABLE;
}

/* Kinds that this dependency is called by at least half as often as by all. */
static bool is_concerned(const struct surfacing *s, size_t inbound)
{
	return s->kinds.rate[s->kind[inbound]] >= 0.5;
}

/* Longest that nine of ten good answers take that are no part of a failed call; infinite: too few. */
static int64_t late_after(const struct surfacing *s)
{
	struct sample usual = { 0 };
	for (size_t i = 0; i < s->in->all.count; i++) {
		const struct attempt *a = s->in->all.list[i];
		if (a->outcome == FL_OUTCOME_ANSWERED && s->linked[i] < linked_share && is_concerned(s, i))
			sample_add(&usual, (double)(a->end_ns - a->start_ns) / 1e9);
	}
	(void)sample_spread(&usual);
	double late = usual.count >= LEAST ? sorted_quantile(usual.list, usual.count, late_quantile) : NAN;
	sample_fini(&usual);
	return isnan(late) ? INT64_MAX : (int64_t)(late * 1e9);
}

static bool is_late(const struct attempt *a, int64_t late_ns)
{
	return a->outcome == FL_OUTCOME_ANSWERED && a->end_ns - a->start_ns > late_ns;
}

static void count_linked(const struct surfacing *s, struct fl_surfacing *out, int64_t late_ns)
{
	double known = 0, failed = 0, late = 0, certain = 0;
	for (size_t i = 0; i < s->call_count; i++) {
		const struct call *c = &s->calls[i];
		for (size_t k = c->causes; c->failed && k < c[1].causes; k++) {
			const struct attempt *a = s->in->all.list[s->causes[k].inbound];
			double share = can_tell(a) ? s->causes[k].share : 0;
			known += share;
			failed += attempt_failed(a) ? share : 0;
			late += is_late(a, late_ns) ? share : 0;
			certain += share * s->causes[k].share;
		}
	}
	double scale = (double)s->stands_for;
	out->failed_calls = (uint64_t)llround(scale * known);
	out->surfaced_calls = (uint64_t)llround(scale * fmin(failed, known));
	out->late_calls = (uint64_t)llround(scale * fmin(late, known));
	out->certainty = known > 0 ? rounded(fmin(1, certain / known)) : NAN;
}

/* Seconds in which calls failed: of the first attempts' begins. */
static bool *mark_seconds(const struct surfacing *s, int64_t from_ns, size_t count)
{
	bool *marked = fl_alloc_array(count + 1, sizeof(*marked));
	for (size_t i = 0; i < s->call_count; i++) {
		int64_t at = (s->calls[i].begin_ns - from_ns) / FL_NS_PER_S;
		if (s->calls[i].failed && at >= 0 && (uint64_t)at < count)
			marked[at] = true;
	}
	return marked;
}

static void count_others(const struct surfacing *s, struct fl_surfacing *out, int64_t late_ns)
{
	enum { SECONDS_MAX = 1 << 20 };
	struct attempt *const *list = s->in->all.list;
	size_t n = s->in->all.count;
	int64_t from_ns = list[0]->start_ns, seconds = (list[n - 1]->start_ns - from_ns) / FL_NS_PER_S + 1;
	size_t count = seconds < SECONDS_MAX ? (size_t)seconds : SECONDS_MAX;
	bool *marked = mark_seconds(s, from_ns, count);
	for (size_t i = 0; i < n; i++) {
		size_t at = (size_t)((list[i]->start_ns - from_ns) / FL_NS_PER_S);
		if (at >= count || !marked[at] || s->linked[i] >= linked_share || !can_tell(list[i]) || !is_concerned(s, i))
			continue;
		out->others += attempt_weight(list[i]);
		out->other_failures += attempt_failed(list[i]) ? attempt_weight(list[i]) : 0;
		out->other_late += is_late(list[i], late_ns) ? attempt_weight(list[i]) : 0;
	}
	free(marked);
}

void behaviour_surfacing(struct fl_surfacing *out, const struct attempt_group *g, const struct inbound_work *in)
{
	struct surfacing s = { .in = in };
	choose_calls(&s, g);
	if (s.failed && in->all.count) {
		learn(&s);
		s.linked = fl_alloc_array(in->all.count + 1, sizeof(*s.linked));
		for (size_t i = 0; i < s.call_count; i++)
			for (size_t k = s.calls[i].causes; s.calls[i].failed && k < s.calls[i + 1].causes; k++)
				s.linked[s.causes[k].inbound] += s.causes[k].share;
		int64_t late_ns = late_after(&s);
		count_linked(&s, out, late_ns);
		if (out->failed_calls && s.stands_for == 1)
			count_others(&s, out, late_ns);
	}
	free_rates(&s.ages);
	free_rates(&s.kinds);
	for (size_t k = 0; k < REST_KINDS; k++)
		free_rates(&s.rests[k]);
	free(s.calls);
	free(s.causes);
	free(s.kind);
	free(s.linked);
}
