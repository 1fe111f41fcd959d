/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_behaviour_merge.c - facts of several windows added up
 */
#include "unit.h"

#include <math.h>

#include "faultline/arena.h"
#include "faultline/behaviour.h"
#include "faultline/units.h"

static int setup(void **state)
{
	*state = fl_arena_new();
	return 0;
}

static int teardown(void **state)
{
	fl_arena_free(*state);
	return 0;
}

static struct fl_series series(
	struct fl_arena *a, int64_t start_s, int64_t width_s, size_t count, uint32_t started)
{
	struct fl_series s = { start_s * FL_NS_PER_S, width_s * FL_NS_PER_S, count,
		fl_arena_array(a, count, sizeof(*s.bucket)) };
	for (size_t i = 0; i < count; i++)
		s.bucket[i] = (struct fl_series_bucket){ started, started, 0, 2, 1.5, 0.25 };
	return s;
}

static uint64_t total(const struct fl_series *s)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->count; i++)
		sum += s->bucket[i].started;
	return sum;
}

static void two_hosts_of_one_window_lie_on_each_other(void **state)
{
	struct fl_series a = series(*state, 1000, 1, 60, 3), b = series(*state, 1010, 2, 25, 4);
	fl_series_merge(*state, &a, &b);
	assert_int_equal(a.width_ns, 2 * FL_NS_PER_S);
	assert_int_equal(a.start_ns, 1000 * FL_NS_PER_S);
	assert_int_equal(a.count, 30);
	assert_int_equal(a.bucket[0].started, 6);
	assert_int_equal(a.bucket[5].started, 10);
	assert_int_equal(a.bucket[5].in_flight_max, 2);
	assert_true(fabs(a.bucket[5].in_flight_s - 4.5) < 1e-9);
}

static void windows_a_day_apart_get_wider_buckets_and_lose_nothing(void **state)
{
	struct fl_series a = series(*state, 1795260780, 1, 90, 3),
			 b = series(*state, 1795260780 + 86400, 1, 90, 4);
	fl_series_merge(*state, &a, &b);
	assert_int_equal(a.width_ns, 1024 * FL_NS_PER_S);
	assert_true(a.count <= FL_SERIES_BUCKETS && a.start_ns % a.width_ns == 0);
	assert_int_equal(total(&a), 90 * 7);
}

static void a_series_that_breaks_its_contract_is_left_out(void **state)
{
	struct fl_series a = series(*state, 0, 1, 4, 1), bad = a, far = series(*state, 0, 1, 2, 5);
	bad.count = 5000;
	fl_series_merge(*state, &a, &bad);
	bad = series(*state, 0, 1, 4, 1);
	bad.width_ns = 0;
	fl_series_merge(*state, &a, &bad);
	assert_int_equal(total(&a), 4);
	far.start_ns = INT64_MIN;
	fl_series_merge(*state, &a, &far);
	far.start_ns = INT64_MAX;
	fl_series_merge(*state, &a, &far);
	assert_true(a.count <= FL_SERIES_BUCKETS);
}

static void quantiles_are_those_of_the_mixture(void **state)
{
	struct fl_spread a = { 100, 0.5, 0.5, 0.5, 0.5, 0.5 }, b = { 300, 1.5, 1.5, 1.5, 1.5, 1.5 };
	struct fl_spread none = { 0, NAN, NAN, NAN, NAN, NAN };
	(void)state;
	fl_spread_merge(&a, &b);
	fl_spread_merge(&a, &none);
	assert_int_equal(a.count, 400);
	assert_true(fabs(a.p10 - 0.5) < 1e-6 && fabs(a.p50 - 1.5) < 1e-6 && fabs(a.p90 - 1.5) < 1e-6);
	struct fl_spread c = { 10, 1, 1.4, 3, 4.6, 5 }, d = c;
	fl_spread_merge(&c, &d);
	assert_true(fabs(c.p50 - 3) < 1e-6 && fabs(c.p90 - 4.6) < 1e-6);
	fl_spread_merge(&none, &d);
	assert_int_equal(none.count, 10);
}

static void an_outage_across_two_windows_is_one(void **state)
{
	struct fl_interval first = { FL_INTERVAL_OUTAGE, 10, 20, 5, 5, 2 },
			   second[] = { { FL_INTERVAL_STALL, 12, 13, 1, 0, 9 },
				   { FL_INTERVAL_OUTAGE, 20, 30, 7, 6, 3 } };
	struct fl_behaviour a = { .intervals = &first,
		.interval_count = 1,
		.calls_per_inbound = 1,
		.outcome = { [FL_OUTCOME_ANSWERED] = 10 },
		.in_flight_max = 4,
		.in_flight_plateau_s = 2 };
	struct fl_behaviour b = { .intervals = second,
		.interval_count = 2,
		.calls_per_inbound = 4,
		.outcome = { [FL_OUTCOME_ERROR] = 20 },
		.in_flight_max = 8,
		.in_flight_plateau_s = 3,
		.retries = { .calls = 3, .retried = 2, .gave_up = { 1, 2 }, .first_ns = 5, .last_ns = 9 } };
	struct fl_behaviour *sum = NULL;
	fl_behaviour_merge(*state, &sum, &a);
	fl_behaviour_merge(*state, &sum, NULL);
	fl_behaviour_merge(*state, &sum, &b);
	assert_int_equal(sum->interval_count, 2);
	assert_int_equal(sum->intervals[0].end_ns, 30);
	assert_int_equal(sum->intervals[0].failures, 11);
	assert_int_equal(sum->intervals[1].kind, FL_INTERVAL_STALL);
	assert_true(fabs(sum->calls_per_inbound - 3) < 1e-9);
	assert_true(fabs(sum->in_flight_plateau_s - 3) < 1e-9);
	assert_int_equal(sum->retries.gave_up[1], 2);
	assert_int_equal(sum->retries.first_ns, 5);
	assert_int_equal(fl_outcomes_failed(sum), 20);
	assert_int_equal(fl_outcomes_decided(sum), 30);
}

static void past_the_limit_the_shortest_intervals_go(void **state)
{
	struct fl_interval list[FL_INTERVALS_MAX];
	struct fl_behaviour *sum = NULL, b = { .intervals = list, .interval_count = FL_INTERVALS_MAX };
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < FL_INTERVALS_MAX; i++)
			list[i] = (struct fl_interval){ FL_INTERVAL_STALL, 1000 * i + 100 * round,
				1000 * i + 100 * round + 10 + round * 30, 1, 1, 1 };
		fl_behaviour_merge(*state, &sum, &b);
	}
	assert_int_equal(sum->interval_count, FL_INTERVALS_MAX);
	for (int i = 0; i < FL_INTERVALS_MAX; i++)
		assert_int_equal(sum->intervals[i].start_ns, 1000 * i + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hosts_of_one_window_lie_on_each_other),
		cmocka_unit_test(windows_a_day_apart_get_wider_buckets_and_lose_nothing),
		cmocka_unit_test(a_series_that_breaks_its_contract_is_left_out),
		cmocka_unit_test(quantiles_are_those_of_the_mixture),
		cmocka_unit_test(an_outage_across_two_windows_is_one),
		cmocka_unit_test(past_the_limit_the_shortest_intervals_go),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
