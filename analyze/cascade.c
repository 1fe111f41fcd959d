/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade.c - the course of things after a trigger, from event to event
 *
 * Between two events all that waits grows linearly. The next event is the nearest of: a pool or station is
 * full; the first stuck answer comes; an attempt times out, or its call gives up; what waits at a full
 * station has become so much that who comes now will time out. Each happens once, so their number is bounded
 * by the size of the network. At each event everything else follows anew from what waits (cascade_state.c).
 */
#include <stdlib.h>

#include "cascade_internal.h"

enum event_kind { NOTHING, POOL, PLACES, RELEASE, DOOM, WAVE, GIVE_UP };
struct event {
	double at;
	enum event_kind kind;
	uint32_t which; /* call or station */
};

/* The nearest event; or, once it is known, all that are due with it. */
struct events {
	struct event nearest;
	double until; /* below 0: it is not known yet */
	struct event *due;
	size_t count, capacity;
};
#define TOGETHER 2e-3 /* of the time since the trigger */

struct course {
	struct cascade_state s;
	struct fl_cascade *answer;
	struct fl_arena *arena;
	double *failing_since; /* of stations: told */
	size_t capacity;
};

/* ---- amounts ---- */

static double before_call(const struct cascade_state *s, uint32_t c)
{
	const struct fl_cascade_call *call = &s->n->calls[c];

	return s->base.rate[call->from] * call->use * call->calls * s->base.response[call->to];
}

static double before_station(const struct cascade_state *s, uint32_t i)
{
	return s->base.rate[i] * s->base.response[i];
}

static double growth_of_worked(const struct cascade_state *s, const double *callee_growth, uint32_t i)
{
	return fl_cascade_outside_growth(s, i) + callee_growth[i];
}

/* Sums over the calls to each station. */
static void sum_growth(
	const struct cascade_state *s, double (*growth)(const struct cascade_state *, uint32_t), double *sum)
{
	for (uint32_t i = 0; i < s->n->station_count; i++)
		sum[i] = 0;
	for (uint32_t c = 0; c < s->n->call_count; c++)
		sum[s->n->calls[c].to] += growth(s, c);
}

/* ---- steps ---- */

static void add_step(struct course *k, struct fl_cascade_step step)
{
	if (k->answer->step_count == k->capacity) {
		k->capacity = fl_grown(k->capacity, k->answer->step_count + 1);
		k->answer->steps = fl_grow_array(k->answer->steps, k->capacity, sizeof(step));
	}
	k->answer->assumed |= step.assumed;
	k->answer->steps[k->answer->step_count++] = step;
}

/* The order of calls matters where they fail. */
static uint32_t call_assumed(const struct course *k, uint32_t c)
{
	uint32_t assumed = k->s.n->calls[c].assumed;

	return k->s.calls[c].fail > FL_CASCADE_EPSILON ? assumed : assumed & ~(uint32_t)FL_ASSUMED_ORDER;
}

static void tell_call(struct course *k, enum fl_cascade_event event, uint32_t c)
{
	const struct fl_cascade_call *call = &k->s.n->calls[c];
	const struct call_state *x = &k->s.calls[c];
	struct cascade_flow flow =
		fl_cascade_flow(&k->s, c, event == FL_CASCADE_TIMES_OUT ? CASCADE_DUE : CASCADE_NOW);
	uint32_t assumed = call_assumed(k, c) | (k->s.n->stations[call->from].assumed & FL_ASSUMED_RATE);

	add_step(k, (struct fl_cascade_step){ .at_s = k->s.now,
			    .event = event,
			    .station = call->from,
			    .call = c,
			    .rate_per_s = flow.attempts,
			    .held_s = event == FL_CASCADE_TIMES_OUT ? call->timeout_s : x->wait,
			    .limit = call->limit,
			    .assumed = assumed });
}

static void tell_station(struct course *k, enum fl_cascade_event event, uint32_t i)
{
	const struct station_state *x = &k->s.stations[i];
	uint32_t assumed = k->s.n->stations[i].assumed;

	for (uint32_t c = k->s.base.first_call[i]; c < k->s.base.first_call[i + 1]; c++)
		if (k->s.calls[c].share > FL_CASCADE_EPSILON || k->s.calls[c].fail > FL_CASCADE_EPSILON)
			assumed |= call_assumed(k, c);
	for (uint32_t c = 0; c < k->s.n->call_count && event == FL_CASCADE_TRIGGER; c++)
		if (k->s.n->calls[c].to == i) /* what its callers do is the first thing that follows */
			assumed |= call_assumed(k, c);
	add_step(k, (struct fl_cascade_step){ .at_s = k->s.now,
			    .event = event,
			    .station = i,
			    .call = FL_CASCADE_CALL_NONE,
			    .rate_per_s = x->arrivals,
			    .held_s = x->held,
			    .limit = k->s.n->stations[i].limit,
			    .assumed = assumed });
}

static double unanswered(const struct cascade_state *s, uint32_t i)
{
	const struct station_state *x = &s->stations[i];

	return x->stuck * (1 - x->kept);
}

static double fails_now(const struct course *k, uint32_t i)
{
	const struct station_state *x = &k->s.stations[i];

	return k->s.t->mode == FL_CASCADE_FLAKY || x->released ? x->fail : 0;
}

/* What follows from an event at once: stations whose requests fail, entry points that stand still. */
static void tell_consequences(struct course *k, bool *stalled)
{
	for (uint32_t at = k->s.n->station_count; at-- > 0;) {
		uint32_t i = k->s.base.order[at];
		const struct fl_cascade_station *station = &k->s.n->stations[i];
		if (!isfinite(k->failing_since[i]) && fails_now(k, i) >= FL_CASCADE_LOST) {
			k->failing_since[i] = k->s.now;
			tell_station(k, FL_CASCADE_FAILS, i);
		}
		if (!stalled[i] && station->entry_weight > 0 && !isfinite(station->limit) &&
			k->s.stations[i].blocked >= FL_CASCADE_STALLED) {
			stalled[i] = true;
			tell_station(k, FL_CASCADE_STALLS, i);
		}
	}
}

/* ---- the next event ---- */

static void add_event(struct events *e, double now, double at, enum event_kind kind, uint32_t which)
{
	struct event event = { fmax(at, now), kind, which };

	if (e->until < 0 && at < e->nearest.at)
		e->nearest = event;
	if (e->until < 0 || at > e->until)
		return;
	if (e->count == e->capacity) {
		e->capacity = fl_grown(e->capacity, e->count + 1);
		e->due = fl_grow_array(e->due, e->capacity, sizeof(*e->due));
	}
	e->due[e->count++] = event;
}

static double wave_time(const struct fl_cascade_call *call, const struct call_state *x)
{
	double at = x->doomed;

	for (uint32_t k = 1; k <= x->waves + 1; k++)
		at += call->timeout_s + fl_cascade_gap(call, k);
	return at;
}

/* A queue so long that who joins it now times out. */
static double doom_time(const struct cascade_state *s, uint32_t c, double growth)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	const struct station_state *to = &s->stations[call->to];
	double done_per_s = fmin(to->arrivals, to->offered * to->kept);

	if (!isfinite(call->timeout_s) || isfinite(s->calls[c].doomed) || !to->full || !to->released)
		return INFINITY;
	if (to->worked >= call->timeout_s * done_per_s)
		return s->now;
	return growth > FL_CASCADE_EPSILON ? s->now + (call->timeout_s * done_per_s - to->worked) / growth
					   : INFINITY;
}

static void next_of_call(const struct cascade_state *s, uint32_t c, const double *worked, struct events *next)
{
	const struct fl_cascade_call *call = &s->n->calls[c];
	const struct call_state *x = &s->calls[c];
	double growth = fl_cascade_call_growth(s, c), now = s->now;

	if (!x->full && growth > FL_CASCADE_EPSILON)
		add_event(next, now, now + (call->limit - before_call(s, c) - x->waiting) / growth, POOL, c);
	if (x->release > now * (1 + 1e-12))
		add_event(next, now, x->release, RELEASE, c);
	if (x->through > now * (1 + 1e-12))
		add_event(next, now, x->through, RELEASE, c);
	add_event(next, now, doom_time(s, c, worked[call->to]), DOOM, c);
	if (isfinite(x->doomed) && x->waves + 1 < call->attempts)
		add_event(next, now, wave_time(call, x), WAVE, c);
	if (isfinite(x->doomed) && !x->gave_up)
		add_event(next, now, x->doomed + fl_cascade_patience(call), GIVE_UP, c);
}

static void find_events(const struct cascade_state *s, const double *worked, struct events *next)
{
	for (uint32_t c = 0; c < s->n->call_count; c++)
		next_of_call(s, c, worked, next);
	for (uint32_t i = 0; i < s->n->station_count; i++) {
		const struct station_state *x = &s->stations[i];
		double growth = growth_of_worked(s, worked, i);
		if (!x->full && growth > FL_CASCADE_EPSILON)
			add_event(next, s->now, s->now + (s->n->stations[i].limit - x->worked) / growth,
				PLACES, i);
		if (!x->released && x->release > s->now * (1 + 1e-12))
			add_event(next, s->now, x->release, RELEASE, i);
	}
}

/* ---- going on ---- */

static void grow_peaks(struct course *k, const double *live)
{
	for (uint32_t i = 0; i < k->s.n->station_count; i++)
		k->answer->stations[i].peak = fmax(k->answer->stations[i].peak, live[i]);
	for (uint32_t c = 0; c < k->s.n->call_count; c++)
		k->answer->calls[c].peak =
			fmax(k->answer->calls[c].peak, before_call(&k->s, c) + k->s.calls[c].waiting);
}

/* What waits at each station, on the wire. */
static void count_live(const struct cascade_state *s, double *live)
{
	for (uint32_t i = 0; i < s->n->station_count; i++)
		live[i] = before_station(s, i) + s->stations[i].outside;
	for (uint32_t c = 0; c < s->n->call_count; c++)
		live[s->n->calls[c].to] += s->calls[c].waiting;
}

/* What settles does so within the time that each is held, and then stays. */
static double grown(double was, double by, double settled, bool settles)
{
	return settles && (was - settled) * (was + by - settled) < 0 ? settled : was + by;
}

static void advance(struct course *k, double to, double *live)
{
	struct cascade_state *s = &k->s;
	double dt = to - s->now;

	/* all growth belongs to the state before: first the amounts of stations, which look at the calls */
	double *callee = fl_alloc_array(s->n->station_count, sizeof(*callee));
	sum_growth(s, fl_cascade_callee_growth, callee);
	for (uint32_t i = 0; i < s->n->station_count; i++) {
		struct station_state *x = &s->stations[i];
		double growth = fl_cascade_outside_growth(s, i);
		x->worked = fmax(0, x->worked + dt * (growth + callee[i]));
		x->outside = grown(x->outside, dt * growth, fl_cascade_settled_outside(s, i),
			x->released && x->kept >= 1 - FL_CASCADE_EPSILON);
	}
	for (uint32_t c = 0; c < s->n->call_count; c++) {
		struct call_state *x = &s->calls[c];
		x->waiting = grown(x->waiting, dt * fl_cascade_call_growth(s, c), fl_cascade_settled(s, c),
			s->now >= x->through && x->kept >= 1 - FL_CASCADE_EPSILON);
	}
	free(callee);
	s->now = to;
	count_live(s, live);
	grow_peaks(k, live);
}

static void happen(struct course *k, const struct event *e)
{
	struct cascade_state *s = &k->s;

	switch (e->kind) {
	case POOL:
		s->calls[e->which].full = true;
		s->calls[e->which].full_at = s->now;
		tell_call(k, FL_CASCADE_POOL_FULL, e->which);
		break;
	case PLACES:
		s->stations[e->which].full = true;
		s->stations[e->which].full_at = s->now;
		tell_station(k, FL_CASCADE_STATION_FULL, e->which);
		break;
	case DOOM:
		s->calls[e->which].doomed = s->now;
		break;
	case WAVE:
		s->calls[e->which].waves++;
		break;
	case GIVE_UP:
		s->calls[e->which].gave_up = true;
		break;
	case RELEASE: /* a matter of time alone */
	case NOTHING:
		break;
	}
}

static void tell_timeouts(struct course *k, bool *told)
{
	for (uint32_t c = 0; c < k->s.n->call_count; c++) {
		const struct call_state *x = &k->s.calls[c];
		if (told[c] || !isfinite(x->doomed) ||
			x->doomed + k->s.n->calls[c].timeout_s > k->s.now * (1 + 1e-12))
			continue;
		told[c] = true;
		tell_call(k, FL_CASCADE_TIMES_OUT, c);
	}
}

static void tell_trigger(struct course *k)
{
	for (uint32_t i = 0; i < k->s.n->station_count; i++)
		if (k->s.t->station[i] > 0)
			tell_station(k, FL_CASCADE_TRIGGER, i);
	for (uint32_t c = 0; c < k->s.n->call_count; c++)
		if (k->s.t->call[c] > 0)
			tell_call(k, FL_CASCADE_TRIGGER, c);
}

/* The first timeout of a call is no event of its own kind: a wave or giving up is due then, or later by the
 * backoff. */
static double next_timeout(const struct course *k, const bool *told)
{
	double at = INFINITY;

	for (uint32_t c = 0; c < k->s.n->call_count; c++)
		if (!told[c] && isfinite(k->s.calls[c].doomed))
			at = fmin(at, k->s.calls[c].doomed + k->s.n->calls[c].timeout_s);
	return at;
}

/* The next event and all that go with it, in @e. False: there is none before the end. */
static bool next_events(const struct course *k, const bool *told, const double *worked, struct events *e)
{
	const struct cascade_state *s = &k->s;
	double timeout = next_timeout(k, told);

	e->nearest = (struct event){ INFINITY, NOTHING, 0 };
	e->count = 0;
	e->until = -1;
	find_events(s, worked, e);
	add_event(e, s->now, timeout, NOTHING, 0);
	if (!(e->nearest.at < s->t->lasts_s))
		return false;
	e->until = e->nearest.at * (1 + TOGETHER);
	find_events(s, worked, e);
	return true;
}

static void run_course(struct course *k)
{
	struct cascade_state *s = &k->s;
	size_t calls = s->n->call_count, stations = s->n->station_count;
	double *live = fl_alloc_array(stations, sizeof(*live)),
	       *callee = fl_alloc_array(stations, sizeof(*callee));
	bool *stalled = fl_alloc_array(stations, sizeof(*stalled)),
	     *told = fl_alloc_array(calls, sizeof(*told));
	struct events e = { .count = 0 };

	fl_cascade_derive(s);
	tell_trigger(k);
	for (;;) {
		tell_timeouts(k, told);
		tell_consequences(k, stalled);
		sum_growth(s, fl_cascade_callee_growth, callee);
		if (!next_events(k, told, callee, &e))
			break;
		if (s->work > FL_CASCADE_WORK) {
			k->answer->cut_at_s = s->now;
			break;
		}
		advance(k, e.nearest.at, live);
		for (size_t i = 0; i < e.count; i++)
			happen(k, &e.due[i]);
		fl_cascade_derive(s);
		s->work += (double)(calls + stations) * 2;
	}
	advance(k, s->t->lasts_s, live);
	for (uint32_t i = 0; i < stations; i++)
		k->answer->stations[i].at_end = live[i];
	free(e.due);
	free(live);
	free(callee);
	free(stalled);
	free(told);
}

/* ---- the answer ---- */

static void begin(struct course *k)
{
	struct cascade_state *s = &k->s;

	fl_cascade_base(s->n, 1, k->arena, &s->base);
	s->rounds_cut = s->base.rounds_cut;
	s->stations = fl_arena_array(k->arena, s->n->station_count, sizeof(*s->stations));
	s->calls = fl_arena_array(k->arena, s->n->call_count, sizeof(*s->calls));
	for (uint32_t i = 0; i < s->n->station_count; i++) {
		k->failing_since[i] = INFINITY;
		s->stations[i] = (struct station_state){ .arrivals = s->base.rate[i],
			.offered = s->base.rate[i],
			.held = s->base.response[i],
			.kept = 1,
			.since = INFINITY,
			.release = INFINITY,
			.full_at = INFINITY };
		s->stations[i].worked = before_station(s, i);
		k->answer->stations[i].before = k->answer->stations[i].peak = before_station(s, i);
		k->answer->stations[i].rate_before = s->base.rate[i];
	}
	for (uint32_t c = 0; c < s->n->call_count; c++) {
		const struct fl_cascade_call *call = &s->n->calls[c];
		s->calls[c] = (struct call_state){ .attempts = 1,
			.attempts_due = 1,
			.kept = 1,
			.reach = 1,
			.since = INFINITY,
			.release = INFINITY,
			.through = INFINITY,
			.doomed = INFINITY,
			.full_at = INFINITY };
		k->answer->calls[c].before = k->answer->calls[c].peak = before_call(s, c);
		k->answer->calls[c].rate_before = s->base.rate[call->from] * call->use * call->calls;
	}
}

static void end_stations(struct course *k)
{
	struct cascade_state *s = &k->s;
	double *live = fl_alloc_array(s->n->station_count, sizeof(*live)), weight = 0;

	sum_growth(s, fl_cascade_call_growth, live);
	for (uint32_t i = 0; i < s->n->station_count; i++) {
		struct fl_cascade_work *w = &k->answer->stations[i];
		w->growth_per_s = live[i] + fl_cascade_outside_growth(s, i);
		w->rate_at_end = s->stations[i].arrivals;
		w->full_at_s = s->stations[i].full_at;
		w->unanswered = fmin(1, fmax(0, unanswered(s, i)));
		w->failing = fmin(1, fmax(0, fails_now(k, i))) * (1 - w->unanswered);
		k->answer->loss[i] = w->failing + w->unanswered;
		k->answer->steady = k->answer->steady && w->growth_per_s <= 1e-6;
		k->answer->expected_loss += s->n->stations[i].entry_weight * k->answer->loss[i];
		weight += s->n->stations[i].entry_weight;
	}
	if (weight > 0)
		k->answer->expected_loss /= weight;
	free(live);
}

static void end_calls(struct course *k)
{
	struct cascade_state *s = &k->s;

	for (uint32_t c = 0; c < s->n->call_count; c++) {
		const struct fl_cascade_call *call = &s->n->calls[c];
		struct fl_cascade_work *w = &k->answer->calls[c];
		w->at_end = before_call(s, c) + s->calls[c].waiting;
		w->growth_per_s = fl_cascade_call_growth(s, c);
		w->full_at_s = s->calls[c].full_at;
		w->rate_at_end = fl_cascade_flow(s, c, CASCADE_NOW).attempts;
		w->failing = s->calls[c].fail;
		if (s->calls[c].stuck > FL_CASCADE_EPSILON || s->calls[c].fail > FL_CASCADE_EPSILON)
			k->answer->assumed |= call_assumed(k, c) | s->n->stations[call->from].assumed;
		w->unanswered = s->calls[c].stuck * (1 - s->calls[c].kept);
	}
}

static int compare_steps(const void *va, const void *vb)
{
	const struct fl_cascade_step *a = va, *b = vb;

	if (a->at_s != b->at_s)
		return a->at_s < b->at_s ? -1 : 1;
	if (a->event != b->event)
		return a->event < b->event ? -1 : 1;
	if (a->station != b->station)
		return a->station < b->station ? -1 : 1;
	return (a->call > b->call) - (a->call < b->call);
}

struct fl_cascade *fl_cascade(
	const struct fl_cascade_network *n, const struct fl_cascade_trigger *t, struct fl_arena *a)
{
	struct fl_cascade *answer = fl_arena_alloc(a, sizeof(*answer));
	struct course k = { .s = { .n = n, .t = t }, .answer = answer, .arena = a };

	answer->stations = fl_arena_array(a, n->station_count, sizeof(*answer->stations));
	answer->calls = fl_arena_array(a, n->call_count, sizeof(*answer->calls));
	answer->loss = fl_arena_array(a, n->station_count, sizeof(*answer->loss));
	answer->steady = true;
	answer->cut_at_s = INFINITY;
	k.failing_since = fl_arena_array(a, n->station_count, sizeof(*k.failing_since));
	begin(&k);
	run_course(&k);
	end_stations(&k);
	end_calls(&k);
	if (answer->step_count > 1)
		qsort(answer->steps, answer->step_count, sizeof(*answer->steps), compare_steps);
	struct fl_cascade_step *steps = fl_arena_array(a, answer->step_count, sizeof(*steps));
	for (size_t i = 0; i < answer->step_count; i++)
		steps[i] = answer->steps[i];
	free(answer->steps);
	answer->steps = steps;
	answer->settles_s = !answer->steady          ? INFINITY
			    : answer->step_count > 0 ? steps[answer->step_count - 1].at_s
						     : 0;
	answer->rounds_cut = k.s.rounds_cut;
	answer->margin = fl_cascade_margin(n, t);
	return answer;
}
