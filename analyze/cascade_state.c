/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade_state.c - what follows from the state between two events: shares, times, rates, growth
 *
 * Stuck work is what waits so long that it piles up: for a slow answer, for a place in a pool or at a station
 * that is full. From the callees up: which share of the attempts is stuck, of requests, how long they are
 * held, which share gets done in the long run (kept), which fails. From the callers down: the rates, since a
 * station that is full sends on only what it gets done. Both depend on each other where retries or circles
 * are, so the passes are repeated until nothing moves.
 *
 * A place that is held by a stuck request is held until its release: the time of the first stuck answer, or
 * of giving up. Until then nothing of it is done, so work grows by the full rate; from then on by what is not
 * kept.
 *
 * Requests make their calls one after the other, so of the calls that may be stuck, a request waits in one at
 * a time: its share is spread over them in proportion.
 */
#include "cascade_internal.h"

static bool past(const struct cascade_state *s, double when)
{
	return when <= s->now * (1 + 1e-12);
}

/* The part of the caller's sums that one call makes. */
struct sums {
	double free; /* share of requests that are not stuck */
	double unblocked;
	uint32_t choice; /* whose alternatives are being added up: */
	double chosen, blocked, failing, exposed;
	double unexposed;
	double weights;  /* of the shares, before they are scaled */
	double held, ok; /* ok: share of requests that do not fail */
	double kept_least, grows, release;
};

static double transit(const struct cascade_state *s, uint32_t c)
{
	return s->t->mode == FL_CASCADE_SLOW ? s->t->call[c] : 0;
}

static double own_slow(const struct cascade_state *s, uint32_t i)
{
	return s->t->mode == FL_CASCADE_SLOW ? s->t->station[i] : 0;
}

static double flaky(const struct cascade_state *s, double share)
{
	return s->t->mode == FL_CASCADE_FLAKY ? share * s->t->flaky : 0;
}

/* Time of an attempt that is stuck, queues left out. */
static double stuck_time(const struct cascade_state *s, uint32_t c)
{
	const struct station_state *to = &s->stations[s->n->calls[c].to];
	double usual = s->base.response[s->n->calls[c].to], direct = transit(s, c), via = to->stuck;
	double via_time = via > FL_CASCADE_EPSILON ? (to->held - (1 - via) * usual) / via : usual;

	if (direct + via <= FL_CASCADE_EPSILON)
		return usual;
	return (direct * (s->t->slow_s + usual) + via * fmax(via_time, usual)) / (direct + via);
}

static double fails_for_good(const struct cascade_state *s, uint32_t c)
{
	const struct call_state *x = &s->calls[c];

	return s->t->mode == FL_CASCADE_SLOW ? x->fail : x->fail * pow(x->again, s->n->calls[c].attempts - 1);
}

/* How many of @calls in a row are made when each is the last with this chance. */
static double up_to_last(double calls, double chance)
{
	return chance <= FL_CASCADE_EPSILON || calls <= 1 ? calls : (1 - pow(1 - chance, calls)) / chance;
}

/* Calls of a request that makes any: it goes on to none after one that failed, and has not gone on yet while
 * it is stuck. */
static double calls_made(const struct cascade_state *s, uint32_t c, bool by_now)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	const struct call_state *x = &s->calls[c];
	double failed = call->required ? fails_for_good(s, c) : 0, stuck = x->full ? 1 : x->stuck;

	return up_to_last(call->calls, by_now && !past(s, x->release) ? fmax(failed, stuck) : failed);
}

/* Attempts: what is slow for one is for the next, what is flaky is drawn anew. So of calls that fail for
 * being slow each makes all its attempts, and of others each attempt follows a failure of the one before.
 * Return: waits between them. */
static double derive_attempts(const struct cascade_state *s, uint32_t c)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	struct call_state *x = &s->calls[c];
	bool hopeless = isfinite(x->doomed), slow = s->t->mode == FL_CASCADE_SLOW;
	double chance = 1, gaps = 0;

	x->attempts = x->attempts_due = 0;
	for (uint32_t k = 0; k < call->attempts && chance > 0; k++) {
		if (k > 0)
			gaps += chance * fl_cascade_gap(call, k);
		x->attempts_due += chance;
		if (hopeless ? k <= x->waves : k == 0 || !slow || past(s, x->release))
			x->attempts += chance;
		chance = slow ? x->fail > FL_CASCADE_EPSILON : chance * (k == 0 ? x->fail : x->again);
	}
	return gaps;
}

static void derive_stuck(struct cascade_state *s, uint32_t c)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	const struct station_state *to = &s->stations[call->to];
	struct call_state *x = &s->calls[c];
	double direct = transit(s, c);

	x->stuck = to->choked ? 1 : 1 - (1 - direct) * (1 - to->stuck);
	if ((x->stuck > FL_CASCADE_EPSILON || x->full) && !isfinite(x->since))
		x->since = s->now;
	if (!isfinite(x->since))
		return;
	double via = fmax(to->release, x->since); /* an earlier release of the callee is one at once */
	double own = x->since + s->t->slow_s + s->base.response[call->to];
	x->release = direct <= FL_CASCADE_EPSILON     ? via
		     : to->stuck > FL_CASCADE_EPSILON ? fmin(own, via)
						      : own;
	if (call->timeout_s < x->release - x->since && !past(s, x->release) && !isfinite(x->doomed))
		x->doomed = x->since;
}

/* When a request of the caller that is stuck here is done with this call, one way or the other. */
static void derive_through(struct cascade_state *s, uint32_t c)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	struct call_state *x = &s->calls[c];
	double each = isfinite(x->doomed) ? x->doomed + fl_cascade_patience(call) - x->since
					  : x->release - x->since;

	if (!isfinite(x->doomed) && x->fail > FL_CASCADE_EPSILON)
		for (uint32_t k = 1; k < call->attempts; k++) /* it fails late, and is tried again */
			each += x->release - x->since + fl_cascade_gap(call, k);
	/* behind a queue the later calls wait no longer than the queue has become; one that failed in a
	 * required call makes no further one */
	double waits = 1 - (1 - transit(s, c)) * (1 - s->stations[call->to].waits);
	x->through = isfinite(x->since) ? x->since + each * (isfinite(x->doomed) && call->required
									    ? 1
									    : fmax(1, call->calls * waits))
					: INFINITY;
	if (isfinite(x->since) && isnan(x->through))
		x->through = INFINITY;
}

struct cascade_flow fl_cascade_flow(const struct cascade_state *s, uint32_t c, enum cascade_when when)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	const struct call_state *x = &s->calls[c];
	const struct station_state *from = &s->stations[call->from];
	double rate = when == CASCADE_NOW ? from->arrivals : from->offered;
	double retried = when == CASCADE_NOW ? from->again : from->offered_again;
	double made = calls_made(s, c, when == CASCADE_NOW),
	       first = (rate - retried) * call->use * made * x->reach;
	double attempts = when == CASCADE_DUE ? x->attempts_due : x->attempts;
	double stuck = first * x->stuck, again = retried * call->use * made;

	if (retried > 0 && from->waits > FL_CASCADE_EPSILON && x->stuck > FL_CASCADE_EPSILON)
		again = retried * fmin(1, fl_cascade_any(call, x->stuck) / from->waits) * made;
	if (s->t->mode == FL_CASCADE_FLAKY)
		return (struct cascade_flow){ first, stuck, first * attempts };
	if (x->stuck > FL_CASCADE_EPSILON)
		stuck += again;
	return (struct cascade_flow){ first + again, stuck, first + again + stuck * (attempts - 1) };
}

double fl_cascade_held(const struct cascade_state *s, uint32_t c)
{
	struct cascade_flow f = fl_cascade_flow(s, c, CASCADE_DUE);
	double usual = s->base.response[s->n->calls[c].to];
	double tries = s->t->mode == FL_CASCADE_SLOW ? s->calls[c].attempts_due : 1;

	if (!(f.attempts > 0) || s->t->mode == FL_CASCADE_FLAKY)
		return usual + s->calls[c].stuck * (s->calls[c].wait - usual);
	return ((f.calls - f.stuck) * usual + f.stuck * tries * s->calls[c].wait) / f.attempts;
}

/* Time that the calls of a mean request take. */
static double held_by(const struct cascade_state *s, uint32_t c, double gaps)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	const struct call_state *x = &s->calls[c];
	double usual = s->base.response[call->to], calls = call->use * calls_made(s, c, false) * x->reach;
	double troubled = s->t->mode == FL_CASCADE_SLOW ? x->stuck : 1, each = troubled * x->wait;

	if (s->t->mode == FL_CASCADE_FLAKY)
		each = usual + x->stuck * (x->wait - usual);
	return calls * ((1 - troubled) * usual + each * x->attempts_due + troubled * gaps);
}

/* Alternatives add up, other calls are made independently of each other. */
static void end_choice(struct sums *sum)
{
	sum->free *= 1 - fmin(1, sum->chosen);
	sum->unblocked *= 1 - fmin(1, sum->blocked);
	sum->ok *= 1 - fmin(1, sum->failing);
	sum->unexposed *= 1 - fmin(1, sum->exposed);
	sum->chosen = sum->blocked = sum->failing = sum->exposed = 0;
}

static void derive_call(struct cascade_state *s, uint32_t c, struct sums *sum)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	const struct station_state *to = &s->stations[call->to];
	struct call_state *x = &s->calls[c];

	derive_stuck(s, c);
	bool hopeless = isfinite(x->doomed);
	x->wait = fmax(s->base.response[call->to], hopeless ? call->timeout_s : stuck_time(s, c));
	x->fail = 1 - (1 - flaky(s, s->t->call[c])) * (1 - to->fail) *
			      (hopeless && past(s, x->doomed + call->timeout_s) ? 1 - x->stuck : 1);
	derive_through(s, c);
	double exposed = s->t->call[c] > 0 ? 1 : to->exposed;
	x->again = exposed > FL_CASCADE_EPSILON ? fmin(1, x->fail / exposed) : 0;
	if (call->choice == FL_CASCADE_NO_CHOICE || call->choice != sum->choice)
		end_choice(sum);
	x->reach = s->n->in_order ? sum->ok : 1;
	double gaps = derive_attempts(s, c);
	struct cascade_flow due = fl_cascade_flow(s, c, CASCADE_DUE);
	double demand = due.attempts * fl_cascade_held(s, c),
	       room = demand > call->limit ? call->limit / demand : 1;
	x->kept = hopeless ? room : fmin(room, x->stuck > FL_CASCADE_EPSILON ? to->kept : 1);
	double share = fl_cascade_any(call, x->full ? 1 : x->stuck);
	sum->choice = call->choice;
	sum->held += held_by(s, c, gaps);
	sum->failing += call->required ? fl_cascade_any(call, fails_for_good(s, c)) : 0;
	sum->exposed += call->required ? fl_cascade_any(call, exposed) : 0;
	sum->chosen += share;
	sum->blocked += fl_cascade_any(call, x->full ? 1 : to->blocked);
	sum->weights += x->share = share;
	if (share <= FL_CASCADE_EPSILON)
		return;
	sum->kept_least = fmin(sum->kept_least, x->kept);
	sum->grows += share * (1 - x->kept);
	sum->release = fmin(sum->release, x->through);
}

static double derive_station(struct cascade_state *s, uint32_t i)
{
	const struct fl_cascade_station *station = &s->n->stations[i];
	struct station_state *x = &s->stations[i], was = *x;
	double own = own_slow(s, i);
	struct sums sum = { .free = 1 - own,
		.unblocked = 1,
		.unexposed = 1,
		.choice = FL_CASCADE_NO_CHOICE,
		.weights = own,
		.held = station->own_s + own * s->t->slow_s,
		.ok = 1,
		.kept_least = 1,
		.release = INFINITY };

	if (own > FL_CASCADE_EPSILON)
		sum.release = s->t->slow_s + s->base.response[i]; /* it began at 0 */
	for (uint32_t c = s->base.first_call[i]; c < s->base.first_call[i + 1]; c++)
		derive_call(s, c, &sum);
	end_choice(&sum);
	double waits = 1 - sum.free;
	double long_held =
		waits > FL_CASCADE_EPSILON ? (sum.held - sum.free * s->base.response[i]) / waits : sum.held;
	double demand =
		(x->offered - x->offered_again) * sum.held + x->offered_again * fmax(long_held, sum.held);
	double capacity = demand > station->limit ? station->limit / demand : 1;
	x->held = fmin(sum.held, FL_CASCADE_HUGE);
	x->fail =
		1 -
		sum.ok * (1 - flaky(s, s->t->station[i])); /* which is seen in its answer, after its calls */
	x->exposed = s->t->station[i] > 0 ? 1 : 1 - sum.unexposed;
	x->waits = waits;
	x->blocked = x->full ? 1 : 1 - sum.unblocked;
	x->stuck = x->full ? 1 : waits;
	x->kept = fmin(capacity, x->full           ? sum.kept_least
				 : sum.weights > 0 ? 1 - sum.grows / sum.weights
						   : 1);
	if (x->stuck > FL_CASCADE_EPSILON && !isfinite(x->since))
		x->since = s->now;
	x->release = sum.release;
	x->released = x->released || past(s, x->release);
	/* too much for it, though nothing in it is stuck: it gets things done, but not all */
	x->choked = x->full || (capacity < 1 && (waits <= FL_CASCADE_EPSILON || x->released));
	if (x->choked && waits <= FL_CASCADE_EPSILON)
		x->released = true;
	if (x->released)
		x->release = fmin(x->release, s->now);
	for (uint32_t c = s->base.first_call[i]; c < s->base.first_call[i + 1]; c++)
		if (sum.weights > 0)
			s->calls[c].share *= x->stuck / sum.weights;
	return fmax(fabs(x->stuck - was.stuck),
		fmax(fabs(x->kept - was.kept),
			fmax(fabs(x->fail - was.fail), fabs(x->held - was.held) / fmax(1, x->held))));
}

double fl_cascade_done(const struct cascade_state *s, uint32_t i, double kept)
{
	const struct station_state *x = &s->stations[i];

	return x->arrivals > 0 ? fmin(1, kept * x->offered / x->arrivals) : 1;
}

/* Share of its calls that a station gets to make. */
static double sends(const struct cascade_state *s, uint32_t c)
{
	uint32_t i = s->n->calls[c].from;
	const struct station_state *from = &s->stations[i];
	const struct call_state *x = &s->calls[c];
	bool freed = past(s, fmin(x->release, x->doomed + s->n->calls[c].timeout_s));
	double places = !from->full ? 1 : from->released ? fl_cascade_done(s, i, from->kept) : 0;

	return fmin(places, !x->full ? 1 : freed ? fl_cascade_done(s, i, x->kept) : 0);
}

/* @next: what each station is sent; @again: of that, what is tried again for being stuck. */
static double derive_rates(struct cascade_state *s, enum cascade_when when, double *next, double *again)
{
	double moved = 0;

	for (uint32_t at = 0; at < s->n->station_count; at++) {
		uint32_t i = s->base.order[at];
		struct station_state *x = &s->stations[i];
		double rate = fmin(next[i], FL_CASCADE_HUGE),
		       *into = when == CASCADE_NOW ? &x->arrivals : &x->offered;
		moved = fmax(moved, fabs(rate - *into) / fmax(1, rate));
		*into = rate;
		*(when == CASCADE_NOW ? &x->again : &x->offered_again) = fmin(again[i], rate);
		next[i] = s->n->stations[i].arrivals_per_s;
		again[i] = 0;
		for (uint32_t c = s->base.first_call[i]; c < s->base.first_call[i + 1]; c++) {
			struct cascade_flow f = fl_cascade_flow(s, c, when);
			double part = when == CASCADE_NOW ? sends(s, c) : 1,
			       usual = f.calls * s->calls[c].stuck;
			next[s->n->calls[c].to] += part * f.attempts;
			if (s->t->mode == FL_CASCADE_SLOW)
				again[s->n->calls[c].to] +=
					part * fmax(0, f.stuck * s->calls[c].attempts - usual);
		}
	}
	return moved;
}

void fl_cascade_derive(struct cascade_state *s)
{
	size_t count = s->n->station_count;
	double moved = 1, *room = fl_alloc_array(count * 4, sizeof(*room));
	double *next = room, *again = room + count, *offered = again + count,
	       *offered_again = offered + count;

	for (uint32_t i = 0; i < count; i++)
		next[i] = offered[i] = s->n->stations[i].arrivals_per_s;
	/* what did not settle once will not the next time */
	uint32_t rounds = s->rounds_cut > 0 ? FL_CASCADE_ROUNDS / 10 : FL_CASCADE_ROUNDS;
	for (uint32_t round = 0; round < rounds && moved > FL_CASCADE_EPSILON; round++) {
		s->work += (double)s->n->station_count + s->n->call_count;
		moved = 0;
		for (uint32_t at = s->n->station_count; at-- > 0;)
			moved = fmax(moved, derive_station(s, s->base.order[at]));
		moved = fmax(moved, derive_rates(s, CASCADE_OFFERED, offered, offered_again));
		moved = fmax(moved, derive_rates(s, CASCADE_NOW, next, again));
	}
	s->rounds_cut += moved > FL_CASCADE_EPSILON;
	free(room);
}

/* ---- growth ---- */

static double stuck_rate(const struct cascade_state *s, uint32_t c)
{
	const struct station_state *from = &s->stations[s->n->calls[c].from];

	if (from->full || from->stuck <= FL_CASCADE_EPSILON)
		return 0;
	return (from->arrivals - from->again + from->again / from->stuck) * s->calls[c].share;
}

/* Little's law: what waits once as much is done as comes in. */
double fl_cascade_settled(const struct cascade_state *s, uint32_t c)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	const struct call_state *x = &s->calls[c];
	struct cascade_flow f = fl_cascade_flow(s, c, CASCADE_NOW);
	double usual = s->base.response[call->to], waits = f.stuck * x->attempts;

	if (s->t->mode == FL_CASCADE_FLAKY)
		waits = f.attempts * x->stuck;
	return fmax(0, (f.attempts - waits) * usual + waits * x->wait -
			       s->base.rate[call->from] * call->use * call->calls * usual);
}

double fl_cascade_call_growth(const struct cascade_state *s, uint32_t c)
{
	const struct call_state *x = &s->calls[c];

	if (x->full || stuck_rate(s, c) <= FL_CASCADE_EPSILON)
		return 0;
	const struct station_state *to = &s->stations[s->n->calls[c].to];

	if (isfinite(x->doomed) && to->released && !past(s, x->doomed + s->n->calls[c].timeout_s))
		return stuck_rate(s, c) *
		       (1 - fl_cascade_done(s, s->n->calls[c].to,
				    to->kept)); /* those before it are still answered in time */
	if (!past(s, x->through))
		return stuck_rate(s, c);
	if (x->kept < 1 - FL_CASCADE_EPSILON)
		return stuck_rate(s, c) * (1 - fl_cascade_done(s, s->n->calls[c].from, x->kept));
	return (fl_cascade_settled(s, c) - x->waiting) / fmax(fl_cascade_held(s, c), FL_CASCADE_EPSILON);
}

double fl_cascade_callee_growth(const struct cascade_state *s, uint32_t c)
{
	const struct call_state *x = &s->calls[c];
	const struct station_state *to = &s->stations[s->n->calls[c].to];
	/* the wait is on the way, or over as soon as the caller's is */
	double held_there = x->stuck > FL_CASCADE_EPSILON ? 1 - transit(s, c) / x->stuck : 0;

	if (held_there <= 0 || (x->full && !past(s, x->doomed + s->n->calls[c].timeout_s)))
		return 0;
	if (x->full) /* each timeout makes room for another attempt */
		return s->n->calls[c].limit / s->n->calls[c].timeout_s * held_there *
		       (to->released ? 1 - fl_cascade_done(s, s->n->calls[c].to, to->kept) : 1);
	if (isfinite(x->doomed))
		return stuck_rate(s, c) * held_there * (1 + x->waves) *
		       (to->released ? 1 - fl_cascade_done(s, s->n->calls[c].to, to->kept) : 1);
	return fl_cascade_call_growth(s, c) * held_there;
}

double fl_cascade_settled_outside(const struct cascade_state *s, uint32_t i)
{
	return s->n->stations[i].arrivals_per_s * fmax(0, s->stations[i].held - s->base.response[i]);
}

double fl_cascade_outside_growth(const struct cascade_state *s, uint32_t i)
{
	const struct station_state *x = &s->stations[i];
	double rate = s->n->stations[i].arrivals_per_s;

	if (!x->released)
		return rate * x->stuck;
	if (x->kept < 1 - FL_CASCADE_EPSILON)
		return rate * x->stuck * (1 - x->kept);
	return (fl_cascade_settled_outside(s, i) - x->outside) / fmax(x->held, FL_CASCADE_EPSILON);
}
