/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cascade.c - the closed form and the simulation of what slow and flaky nodes do, against each other
 *
 * Random small networks: trees and some with a second way to a station, with and without limits, pools,
 * timeouts and retries. Rates are a hundred and more, so that what is counted is not mostly chance; limits
 * are not within reach of what is usually in flight.
 */
#include "../unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "faultline/cascade.h"
#include "naive.h"

enum { STATIONS_MAX = 6, CALLS_MAX = 8 };

struct drawn {
	struct fl_cascade_station stations[STATIONS_MAX];
	struct fl_cascade_call calls[CALLS_MAX];
	struct fl_cascade_network n;
	double on_station[STATIONS_MAX], on_call[CALLS_MAX];
	struct fl_cascade_trigger t;
};

static double between(uint64_t *state, double low, double high)
{
	return low + (high - low) * naive_below(state, 1000001) / 1e6;
}

static bool once_in(uint64_t *state, uint32_t times)
{
	return naive_below(state, times) == 0;
}

static void draw_call(struct drawn *d, uint64_t *state, uint32_t from, uint32_t to, bool timeouts)
{
	struct fl_cascade_call *c = &d->calls[d->n.call_count++];
	*c = (struct fl_cascade_call){ .from = from,
		.to = to,
		.endpoint = FL_NODE_NONE,
		.use = 1,
		.calls = 1,
		.limit = INFINITY,
		.timeout_s = INFINITY,
		.attempts = 1,
		.backoff_factor = 1,
		.required = true,
		.choice = FL_CASCADE_NO_CHOICE };
	if (once_in(state, 2))
		c->use = between(state, 0.3, 1);
	if (once_in(state, 5))
		c->calls = 2;
	if (timeouts && once_in(state, 2)) {
		c->timeout_s = between(state, 0.5, 3);
		c->attempts = 1 + naive_below(state, 3);
		c->backoff_s = once_in(state, 2) ? 0 : between(state, 0.1, 0.5);
	}
}

static int by_from(const void *va, const void *vb)
{
	const struct fl_cascade_call *a = va, *b = vb;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

/* Limits well above what is usually in flight. */
static void draw_limits(struct drawn *d, uint64_t *state)
{
	double rate[STATIONS_MAX] = { 0 }, time[STATIONS_MAX] = { 0 };
	for (uint32_t i = d->n.station_count; i-- > 0;) {
		time[i] = d->stations[i].own_s;
		for (uint32_t c = 0; c < d->n.call_count; c++)
			if (d->calls[c].from == i)
				time[i] += d->calls[c].use * d->calls[c].calls * time[d->calls[c].to];
	}
	for (uint32_t i = 0; i < d->n.station_count; i++) {
		rate[i] += d->stations[i].arrivals_per_s;
		for (uint32_t c = 0; c < d->n.call_count; c++)
			if (d->calls[c].from == i)
				rate[d->calls[c].to] += rate[i] * d->calls[c].use * d->calls[c].calls;
		if (i > 0 && once_in(state, 2))
			d->stations[i].limit =
				ceil(rate[i] * time[i] * between(state, 2, 5) + between(state, 20, 200));
	}
	for (uint32_t c = 0; c < d->n.call_count; c++)
		if (once_in(state, 3))
			d->calls[c].limit =
				ceil(rate[d->calls[c].from] * d->calls[c].use * d->calls[c].calls *
						time[d->calls[c].to] * between(state, 2, 5) +
					between(state, 20, 100));
}

static void draw_network(struct drawn *d, uint64_t seed, bool timeouts)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 11;
	*d = (struct drawn){ .n = { d->stations, d->calls, 2 + naive_below(&state, STATIONS_MAX - 2), 0, true } };
	for (uint32_t i = 0; i < d->n.station_count; i++)
		d->stations[i] = (struct fl_cascade_station){
			.node = FL_NODE_NONE, .limit = INFINITY, .own_s = between(&state, 0.001, 0.02)
		};
	d->stations[0].arrivals_per_s = between(&state, 100, 400);
	d->stations[0].entry_weight = 1;
	for (uint32_t i = 1; i < d->n.station_count; i++)
		draw_call(d, &state, naive_below(&state, i), i, timeouts);
	qsort(d->calls, d->n.call_count, sizeof(d->calls[0]), by_from);
	draw_limits(d, &state);
	d->t = (struct fl_cascade_trigger){ .station = d->on_station, .call = d->on_call };
}

/* ---- what is compared ---- */

/* Each amount in flight and each time at which a limit is met must agree within @share, what chance does to
 * such a number
 * (@chance standard deviations of a Poisson count of its size), and a little. So many of a thousand may not:
 * limits that are met so narrowly that chance decides, and waves of retries that the closed form takes as
 * one. */
struct agreement {
	const char *what;
	unsigned networks, values, apart, unsettled;
};
enum { THOUSANDTHS = 4 };
#define SHARE 0.15
#define CHANCE 4.0
#define LITTLE 3.0
#define LITTLE_S 0.15

static void agree(struct agreement *g, bool same, uint64_t seed, const char *where, uint32_t which,
	double closed, double run)
{
	g->values++;
	g->apart += !same;
	if (!same)
		print_message("%s, seed %llu: %s %u: closed %.4g, simulated %.4g\n", g->what,
			(unsigned long long)seed, where, which, closed, run);
}

static void end_agreement(const struct agreement *g)
{
	print_message("%s: %u networks, %u values, %u apart; %u networks in which passes did not settle\n",
		g->what, g->networks, g->values, g->apart, g->unsettled);
	assert_true(g->unsettled * 100 <= g->networks);
	assert_true(g->apart * 1000 <= g->values * THOUSANDTHS);
}

static bool same_amount(double closed, double run)
{
	double large = fmax(closed, run);
	return fabs(closed - run) <= SHARE * large + CHANCE * sqrt(large) + LITTLE;
}

/* A limit of which only one of the two says that it is met, close to the end of what is looked at, says
 * nothing. */
static bool same_time(double closed, double run, double limit, double lasts_s)
{
	double share = SHARE + CHANCE / sqrt(limit);
	if (!isfinite(closed) || !isfinite(run))
		return fmin(closed, run) > lasts_s * (1 - share);
	return fabs(closed - run) <= share * fmax(closed, run) + LITTLE_S;
}

static void compare(struct agreement *g, struct drawn *d, uint64_t seed)
{
	static const double at[] = { 0.5, 1.5, 4, 8 };
	struct fl_arena *a = fl_arena_new();
	struct fl_cascade_simulation how = { .seed = seed,
		.load = 1,
		.warm_up_s = 2,
		.events_max = 20000000,
		.sample_s = at,
		.sample_count = FL_ARRAY_LEN(at) };
	size_t stations = d->n.station_count, all = stations + d->n.call_count;
	d->t.lasts_s = at[FL_ARRAY_LEN(at) - 1] + 0.001;
	const struct fl_cascade_run *run = fl_cascade_simulate(&d->n, &d->t, &how, a);
	assert_false(run->cut);
	unsigned unsettled = 0;
	g->networks++;
	for (size_t k = 0; k < FL_ARRAY_LEN(at); k++) {
		d->t.lasts_s = at[k];
		const struct fl_cascade *c = fl_cascade(&d->n, &d->t, a);
		unsettled += c->rounds_cut > 0;
		for (uint32_t i = 0; i < all; i++) {
			const struct fl_cascade_work *w =
				i < stations ? &c->stations[i] : &c->calls[i - stations];
			double simulated = run->in_flight[k * all + i];
			agree(g, same_amount(w->at_end, simulated), seed,
				i < stations ? "in flight at station" : "in flight of call",
				i < stations ? i : i - (uint32_t)stations, w->at_end, simulated);
			double limit = i < stations ? d->stations[i].limit : d->calls[i - stations].limit;
			if (k + 1 == FL_ARRAY_LEN(at) && isfinite(limit))
				agree(g, same_time(w->full_at_s, run->full_at_s[i], limit, at[k]), seed,
					i < stations ? "limit of station" : "limit of call",
					i < stations ? i : i - (uint32_t)stations, w->full_at_s,
					run->full_at_s[i]);
		}
	}
	g->unsettled += unsettled > 0;
	fl_arena_free(a);
}

/* ---- slow ---- */

enum { NETWORKS = 300 };

static void aim(struct drawn *d, uint64_t seed)
{
	uint64_t state = seed * 77 + 5;
	uint32_t target = 1 + naive_below(&state, d->n.station_count - 1);
	d->t.mode = FL_CASCADE_SLOW;
	d->t.slow_s = between(&state, 0.5, 6);
	if (once_in(&state, 2))
		d->on_station[target] = 1;
	for (uint32_t c = 0; c < d->n.call_count && d->on_station[target] == 0; c++)
		d->on_call[c] = d->calls[c].to == target;
}

static void slow_without_timeouts(void **state)
{
	struct agreement g = { .what = "slow" };
	(void)state;
	for (uint64_t seed = 0; seed < NETWORKS; seed++) {
		struct drawn d;
		draw_network(&d, seed, false);
		aim(&d, seed);
		compare(&g, &d, seed);
	}
	end_agreement(&g);
}

static void slow_with_timeouts(void **state)
{
	struct agreement g = { .what = "slow, with timeouts and retries" };
	(void)state;
	for (uint64_t seed = 0; seed < NETWORKS; seed++) {
		struct drawn d;
		draw_network(&d, seed, true);
		aim(&d, seed);
		compare(&g, &d, seed);
	}
	end_agreement(&g);
}

/* ---- flaky ---- */

static void draw_flaky(struct drawn *d, uint64_t seed)
{
	uint64_t state = seed * 131 + 3;
	draw_network(d, seed, false);
	for (uint32_t c = 0; c < d->n.call_count; c++) {
		d->calls[c].limit = INFINITY;
		d->calls[c].attempts = 1 + naive_below(&state, 4);
		d->calls[c].required = !once_in(&state, 4);
	}
	for (uint32_t i = 0; i < d->n.station_count; i++)
		d->stations[i].limit = INFINITY;
	d->t.mode = FL_CASCADE_FLAKY;
	d->t.flaky = between(&state, 0.02, 0.6);
	d->t.lasts_s = 20;
	d->on_station[1 + naive_below(&state, d->n.station_count - 1)] = 1;
}

/* Attempts and failures per second of every station: each attempt is drawn anew, so both follow from the
 * share alone. */
static void flaky(void **state)
{
	struct agreement g = { .what = "flaky" };
	(void)state;
	for (uint64_t seed = 0; seed < NETWORKS; seed++) {
		struct fl_arena *a = fl_arena_new();
		struct drawn d;
		draw_flaky(&d, seed);
		struct fl_cascade_simulation how = {
			.seed = seed, .load = 1, .warm_up_s = 2, .events_max = 20000000
		};
		const struct fl_cascade_run *run = fl_cascade_simulate(&d.n, &d.t, &how, a);
		const struct fl_cascade *c = fl_cascade(&d.n, &d.t, a);
		g.networks++;
		for (uint32_t i = 0; i < d.n.station_count; i++) {
			double arrived = c->stations[i].rate_at_end * d.t.lasts_s,
			       failed = arrived * c->stations[i].failing;
			agree(&g, same_amount(arrived, run->arrived[i]), seed, "requests of station", i,
				arrived, run->arrived[i]);
			agree(&g, same_amount(failed, run->failed[i]), seed, "failures of station", i, failed,
				run->failed[i]);
		}
		fl_arena_free(a);
	}
	end_agreement(&g);
}

/* ---- the margin ---- */

/* A chain whose end gets slow for a while; calls all along it may be tried again. */
static void draw_chain(struct drawn *d, uint64_t seed)
{
	uint64_t state = seed * 999 + 1;
	*d = (struct drawn){ .n = { d->stations, d->calls, 2 + naive_below(&state, 2), 0, true } };
	uint32_t last = d->n.station_count - 1;
	for (uint32_t i = 0; i <= last; i++)
		d->stations[i] = (struct fl_cascade_station){
			.node = FL_NODE_NONE, .limit = INFINITY, .own_s = 0.005
		};
	for (uint32_t i = 0; i < last; i++) {
		draw_call(d, &state, i, i + 1, false);
		d->calls[i].use = d->calls[i].calls = 1;
		d->calls[i].timeout_s = between(&state, 0.5, 1) * (i + 1 == last ? 1 : 8);
		d->calls[i].attempts =
			i + 1 == last ? 2 + naive_below(&state, 3) : 1 + naive_below(&state, 2);
		d->calls[i].backoff_s = once_in(&state, 2) ? 0 : 0.1;
	}
	d->stations[last].own_s = between(&state, 0.05, 0.1);
	d->stations[last].limit = 5 + naive_below(&state, 10);
	d->stations[0].arrivals_per_s = 0.2 * d->stations[last].limit / d->stations[last].own_s;
	d->stations[0].entry_weight = 1;
	d->on_station[last] = 1;
	d->t = (struct fl_cascade_trigger){ .mode = FL_CASCADE_SLOW,
		.slow_s = 3,
		.lasts_s = 12,
		.station = d->on_station,
		.call = d->on_call };
}

static double failing_after(const struct drawn *d, uint64_t seed, double load)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_cascade_simulation how = {
		.seed = seed, .load = load, .warm_up_s = 2, .after_s = 200, .events_max = 20000000
	};
	const struct fl_cascade_run *run = fl_cascade_simulate(&d->n, &d->t, &how, a);
	double share = run->failed_after[0] / fmax(1, run->failed_after[0] + run->answered_after[0]);
	assert_false(run->cut);
	fl_arena_free(a);
	return share;
}

static void margin(void **state)
{
	unsigned tried = 0, ends = 0, lasts = 0;
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct drawn d;
		draw_chain(&d, seed);
		struct fl_cascade_margin m = fl_cascade_margin(&d.n, &d.t);
		assert_int_equal(m.station, d.n.station_count - 1);
		double below = failing_after(&d, seed, 0.8 * m.load),
		       above = failing_after(&d, seed, 1.2 * m.load);
		tried++;
		ends += below < 0.1;
		lasts += above > 0.5;
		if (below >= 0.1 || above <= 0.5)
			print_message("seed %llu: margin %.3g: failing long after: %.3g at 0.8 of it, %.3g "
				      "at 1.2\n",
				(unsigned long long)seed, m.load, below, above);
	}
	print_message("margin: %u chains; below it %u recover, above it %u do not\n", tried, ends, lasts);
	assert_true(ends * 100 >= tried * 95 && lasts * 100 >= tried * 95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_without_timeouts),
		cmocka_unit_test(slow_with_timeouts),
		cmocka_unit_test(flaky),
		cmocka_unit_test(margin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
