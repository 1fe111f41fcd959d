/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_retries.c - findings about what callers do when a call fails: retries, timeouts, fail-over
 *
 * These are policies of programs, so facts of all windows and replicas add up. What it costs is told in two
 * numbers. The amplification follows from calls: how many attempts a call becomes that fails throughout,
 * times the same of the callers above it that retried in the same time; it is what a dependency gets at the
 * moment it can bear least. The load ratio is what was seen: attempts per second while it failed over those
 * when it did not.
 */
#include <math.h>

#include "analyze/behave_internal.h"

#define ELSEWHERE 0.9     /* of the retries */
#define FAILED_SHARE 0.01 /* of the attempts */
enum { CHAIN_MAX = 8 };   /* callers above one another that are looked at */
enum {
	RETRIED_MIN = 3
}; /* a connection that was closed when idle is tried again by every library, now and then */
enum { GAVE_UP_MIN = 5 }; /* calls, to say that no other address was tried */
enum { FAILED_MIN = 5 };  /* attempts, for a timeout to be a finding; or FAILED_SHARE of them */

/* ---- amplification ---- */

static bool overlap(const struct fl_retries *a, const struct fl_retries *b)
{
	return a->first_ns != 0 && b->first_ns != 0 && a->first_ns <= b->last_ns && b->first_ns <= a->last_ns;
}

/* Attempts of a call that fails throughout. Where most calls gave up after the same number that is it:
 * shorter runs are calls of which a part was taken for another one. */
static double attempts_when_failing(const struct fl_retries *r, const struct fl_retry_schedule *s)
{
	uint64_t all = 0;
	for (size_t i = 0; i < FL_ATTEMPTS_MAX; i++)
		all += r->gave_up[i];
	bool agreed = s->attempts > 0 && !s->attempts_at_least && r->gave_up[s->attempts - 1] > all / 2;
	return agreed ? s->attempts : s->attempts_per_failed_call;
}

/* The edge into @team that multiplied most in the time of @r. */
static const struct behave_edge *worst_caller(
	const struct behave *b, size_t team, const struct fl_retries *r, double *times)
{
	const struct behave_edge *worst = NULL;
	*times = 1;
	for (size_t i = 0; i < b->teams[team].caller_count; i++) {
		const struct behave_edge *e = &b->edges[b->teams[team].callers[i]];
		if (e->all == NULL || e->from == team || !overlap(&e->all->retries, r))
			continue;
		struct fl_retry_schedule s = fl_retry_schedule(&e->all->retries);
		if (s.class < FL_RETRY_IMMEDIATE || !(attempts_when_failing(&e->all->retries, &s) > *times))
			continue;
		worst = e;
		*times = attempts_when_failing(&e->all->retries, &s);
	}
	return worst;
}

/* Attempts for one call of the first of the chain; the chain as "a > b > c" when it is longer than this edge.
 */
static double amplification(struct behave *b, const struct behave_edge *e, double own, const char **chain)
{
	double product = own, times;
	*chain = NULL;
	for (int level = 0; level < CHAIN_MAX && e != NULL; level++) {
		const char *below = *chain != NULL ? *chain : fl_behave_say(b, b->teams[e->from].ids[0]);
		e = worst_caller(b, e->from, &e->all->retries, &times);
		product *= times;
		if (e != NULL)
			*chain = fl_arena_printf(
				b->arena, "%s > %s", fl_behave_say(b, b->teams[e->from].ids[0]), below);
	}
	return product;
}

/* Outside of outages and stalls, and within the time in which anything was called at all. */
static double usual_rate(const struct fl_behaviour *f)
{
	const struct fl_series *s = &f->series;
	size_t first = 0, last = s->count;
	double started = 0, seconds = 0;
	while (first < last && s->bucket[first].started == 0)
		first++;
	while (last > first && s->bucket[last - 1].started == 0)
		last--;
	for (size_t k = first; k < last; k++) {
		bool ill = false;
		for (size_t n = 0; n < f->interval_count && !ill; n++)
			ill = fl_behave_overlaps(s, k, f->intervals[n].start_ns, f->intervals[n].end_ns);
		started += ill ? 0 : s->bucket[k].started;
		seconds += ill ? 0 : fl_behave_width(s);
	}
	return seconds > 0 ? started / seconds : NAN;
}

static double load_ratio(const struct behave *b, const struct behave_edge *e)
{
	double worst = NAN;
	for (size_t w = 0; w < b->window_count; w++) {
		const struct fl_behaviour *f = e->window[w];
		for (size_t i = 0; f != NULL && i < f->interval_count; i++) {
			const struct fl_interval *k = &f->intervals[i];
			double seconds = fl_behave_between(k->start_ns, k->end_ns), usual = usual_rate(f);
			if (k->kind != FL_INTERVAL_OUTAGE || k->failures * 2 < k->attempts || seconds <= 0)
				continue;
			worst = fmax(worst, (double)k->attempts / seconds / usual); /* NaN gives way */
		}
	}
	return worst;
}

/* ---- retries ---- */

static uint64_t sum_of(const uint64_t counts[FL_ATTEMPTS_MAX])
{
	uint64_t sum = 0;
	for (size_t i = 0; i < FL_ATTEMPTS_MAX; i++)
		sum += counts[i];
	return sum;
}

static const char *pauses_text(struct behave *b, const struct fl_retry_schedule *s)
{
	const char *text = "";
	for (size_t i = 0; i < s->gap_count; i++)
		text = fl_arena_printf(
			b->arena, "%s%s%s", text, i > 0 ? ", " : "", fl_behave_seconds(b, s->gaps_s[i]));
	return text;
}

static const char *schedule_text(struct behave *b, const struct fl_retry_schedule *s)
{
	static const char *const growth[] = { "", "", "", "", ", each longer by the same",
		", each longer by a factor", ", by no rule" };
	if (s->class == FL_RETRY_NONE)
		return "does not retry";
	if (s->unclear && isnan(s->attempts_per_failed_call))
		return "tries calls again; pauses could not be told, as calls overlap";
	if (s->unclear)
		return fl_arena_printf(b->arena, "tries calls again: %.2g attempts a failed call on average; pauses could "
			"not be told, as calls overlap", s->attempts_per_failed_call);
	if (s->class == FL_RETRY_IMMEDIATE)
		return fl_arena_printf(b->arena, "retries at once, without a pause: %s%u attempts a call",
			s->attempts_at_least ? "at least " : "", s->attempts);
	return fl_arena_printf(b->arena, "retries after %s%s%s: %s%u attempts a call", pauses_text(b, s),
		growth[s->class], s->jitter ? ", drawn at random" : "",
		s->attempts_at_least ? "at least " : "", s->attempts);
}

/* "; 12 calls failed at first, 9 were tried again, ..."; of those who do not retry only how many failed. */
static const char *counts_text(struct behave *b, const struct fl_retries *r)
{
	if (r->retried == 0)
		return fl_arena_printf(b->arena, "%s calls failed, none was tried again", fl_arena_count(b->arena, r->calls));
	return fl_arena_printf(b->arena,
		"%s calls failed at first, %s were tried again, %s of them recovered, %s gave up",
		fl_arena_count(b->arena, r->calls), fl_arena_count(b->arena, r->retried),
		fl_arena_count(b->arena, sum_of(r->recovered)), fl_arena_count(b->arena, sum_of(r->gave_up)));
}

static const char *retry_why(
	struct behave *b, const struct behave_edge *e, const struct fl_behave_finding *f, const char *chain)
{
	const char *text = fl_arena_printf(b->arena, "%s; %s", schedule_text(b, &f->retry),
		counts_text(b, &e->all->retries));
	if (f->amplification > 1.05)
		text = fl_arena_printf(b->arena, "%s. When all fail, one call becomes %.2g attempts%s%s%s",
			text, f->amplification, chain != NULL ? " (retries multiply along " : "",
			chain != NULL ? chain : "", chain != NULL ? ")" : "");
	if (f->load_ratio > 1.05)
		text = fl_arena_printf(b->arena, "%s; while it failed it got %.2g times the usual load", text,
			f->load_ratio);
	if (f->syn_retransmits > 0)
		text = fl_arena_printf(b->arena, "%s; besides, the kernel repeated %s connection attempts",
			text, fl_arena_count(b->arena, f->syn_retransmits));
	return text;
}

static double retry_severity(const struct fl_behave_finding *f)
{
	if (f->retry.unclear)
		return 10;
	bool steady = f->retry.class == FL_RETRY_IMMEDIATE || f->retry.class == FL_RETRY_FIXED;
	if (f->retry.class == FL_RETRY_NONE)
		return 5;
	return (steady ? 60 : 25) + fmin(9, isnan(f->amplification) ? 0 : f->amplification);
}

static void find_retries(struct behave *b, const struct behave_edge *e)
{
	const struct fl_retries *r = &e->all->retries;
	struct fl_retry_schedule s = fl_retry_schedule(r);
	const char *chain = NULL;
	/* Another attempt at another address is fail-over, which is told as such. */
	bool elsewhere = (double)r->other_address >= ELSEWHERE * (double)r->retried;
	if ((s.class >= FL_RETRY_IMMEDIATE && elsewhere) || (s.class == FL_RETRY_UNKNOWN && !s.unclear) || !e->answered ||
		(s.class != FL_RETRY_NONE && r->retried < RETRIED_MIN))
		return;
	struct fl_behave_finding *f = fl_behave_add(b, FL_BEHAVE_RETRY, e);
	f->retry = s;
	f->confidence = s.confidence;
	f->start_ns = r->first_ns != 0 ? r->first_ns : e->merged->first_seen_ns;
	f->end_ns = r->last_ns != 0 ? r->last_ns : e->merged->last_seen_ns;
	f->calls = r->calls;
	f->retried = r->retried;
	f->attempts = fl_outcomes_decided(e->all);
	f->failures = fl_outcomes_failed(e->all);
	f->syn_retransmits = e->syn_retransmits;
	if (s.class >= FL_RETRY_IMMEDIATE && !isnan(s.attempts_per_failed_call))
		f->amplification = amplification(b, e, attempts_when_failing(r, &s), &chain);
	f->load_ratio = load_ratio(b, e);
	f->severity = retry_severity(f);
	f->why = retry_why(b, e, f, chain);
}

/* ---- timeouts ---- */

static void find_timeout(struct behave *b, const struct behave_edge *e, bool connect)
{
	const struct fl_spread *waits = connect ? &e->all->connect_timeout : &e->all->response_timeout;
	struct fl_timeout t = fl_timeout_of(waits);
	uint64_t failed = fl_outcomes_failed(e->all);
	/* Two that were given up in hours of good answers are no news, though the edge tells them. */
	bool news =
		failed >= FAILED_MIN || (double)failed >= FAILED_SHARE * (double)fl_outcomes_decided(e->all);
	if (waits->count < 2 || !news || !e->answered)
		return;
	struct fl_behave_finding *f = fl_behave_add(b, FL_BEHAVE_TIMEOUT, e);
	f->connect = connect;
	f->seconds = t.seconds;
	f->sharp = t.sharp;
	f->spread = *waits;
	f->confidence = t.confidence;
	f->start_ns = e->merged->first_seen_ns;
	f->end_ns = e->merged->last_seen_ns;
	f->attempts = fl_outcomes_decided(e->all);
	f->failures = waits->count;
	f->severity = 20;
	f->why = fl_arena_printf(b->arena,
		t.sharp ? "gives up %s after %s: %s waits were given up, after %s to %s"
			: "gives up %s at no one time, half of them within %s: %s waits were given up, "
			  "after %s to %s",
		connect ? "connecting" : "waiting for an answer", fl_behave_seconds(b, t.seconds),
		fl_arena_count(b->arena, waits->count), fl_behave_seconds(b, waits->min),
		fl_behave_seconds(b, waits->max));
}

/* ---- fail-over ---- */

static size_t address_count(const struct behave_edge *e)
{
	size_t most = 0;
	for (size_t i = 0; i < e->dependency_count; i++)
		most = e->dependencies[i]->merged->address_count > most
			       ? e->dependencies[i]->merged->address_count
			       : most;
	return most;
}

static void find_failover(struct behave *b, const struct behave_edge *e)
{
	const struct fl_retries *r = &e->all->retries;
	uint64_t recovered = sum_of(r->recovered), gave_up = sum_of(r->gave_up);
	bool confirmed = e->failover_seen;
	/* An answer that says failure comes from somebody; only silence and refusal ask for another address.
	 */
	uint64_t unreachable =
		e->all->outcome[FL_OUTCOME_REFUSED] + e->all->outcome[FL_OUTCOME_CONNECT_TIMEOUT];
	bool missing = address_count(e) > 1 && r->other_address == 0 && !confirmed &&
		       gave_up >= GAVE_UP_MIN && recovered == 0 && unreachable >= GAVE_UP_MIN;
	if ((!confirmed && !missing) || !e->answered || e->merged->class == FL_CLASS_NAME_RESOLUTION)
		return;
	struct fl_behave_finding *f = fl_behave_add(b, FL_BEHAVE_FAILOVER, e);
	f->confirmed = confirmed;
	f->start_ns = r->first_ns != 0 ? r->first_ns : e->merged->first_seen_ns;
	f->end_ns = r->last_ns != 0 ? r->last_ns : e->merged->last_seen_ns;
	f->attempts = r->other_address > UINT64_MAX - r->calls ? UINT64_MAX : r->calls + r->other_address;
	f->failures = r->calls;
	f->severity = confirmed ? 12 : 40;
	f->confidence = confirmed && r->other_address < 2 ? FL_CONFIDENCE_MEDIUM : FL_CONFIDENCE_HIGH;
	if (confirmed && r->other_address > 0)
		f->why = fl_arena_printf(b->arena,
			"goes on to another address: %s attempts after a failure did, %s calls recovered",
			fl_arena_count(b->arena, r->other_address), fl_arena_count(b->arena, recovered));
	else if (confirmed)
		f->why = "goes on to another address: a failure was followed by success on another one";
	else
		f->why = fl_arena_printf(b->arena,
			"has %zu addresses to choose from, yet %s calls failed and none went to another "
			"one",
			address_count(e), fl_arena_count(b->arena, gave_up));
}

void fl_behave_retries(struct behave *b)
{
	for (size_t i = 0; i < b->edge_count; i++) {
		const struct behave_edge *e = &b->edges[i];
		if (e->all == NULL || e->merged->class == FL_CLASS_PROBE)
			continue;
		find_retries(b, e);
		find_timeout(b, e, true);
		find_timeout(b, e, false);
		find_failover(b, e);
	}
}
