/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_statistics.c - published values, and what the tests say of series that are made of chance
 */
#include "unit.h"

#include <math.h>

#include "faultline/statistics.h"
#include "faultline/status.h"
#include "faultline/units.h"

static void near(double got, double wanted, double by)
{
	if (!(fabs(got - wanted) <= by))
		fail_msg("%.9g is not %.9g", got, wanted);
}

/* ---- tails ---- */

static void poisson_tails_are_those_of_the_tables(void **state)
{
	(void)state;
	near(fl_poisson_at_least(10, 3), 0.001102488, 1e-9);
	near(fl_poisson_at_least(0, 3), 1, 0);
	near(fl_poisson_at_least(1000063246, 1e9), 0.0228, 1e-4); /* two standard deviations */
}

static void a_lady_tasting_tea(void **state)
{
	(void)state;
	near(fl_shares_equal_p(3, 4, 1, 4), 34 / 70.0, 1e-12); /* Fisher 1935: one tail is 17/70 */
	near(fl_shares_equal_p(4, 4, 0, 4), 2 / 70.0, 1e-12);
	near(fl_shares_equal_p(5, 100, 10, 200), 1, 0);
	assert_true(isnan(fl_shares_equal_p(0, 0, 1, 5)));
	near(fl_shares_equal_p(UINT64_C(1) << 40, UINT64_C(1) << 50, UINT64_C(1) << 40, UINT64_C(1) << 50), 1,
		1e-9);
	assert_true(fl_shares_equal_p(1u << 30, UINT64_C(1) << 50, 1u << 31, UINT64_C(1) << 50) < 1e-9);
}

static void two_rates_conditional_on_their_sum(void **state)
{
	(void)state;
	near(fl_rates_equal_p(8, 60, 2, 60, 1), 2 * 56 / 1024.0, 1e-12);
	near(fl_rates_equal_p(0, 60, 10, 60, 1), 2 / 1024.0, 1e-12);
	near(fl_rates_equal_p(30, 60, 10, 20, 1), 1, 0.1);
	assert_true(isnan(fl_rates_equal_p(0, 60, 0, 60, 1)));
	assert_true(isnan(fl_rates_equal_p(3, 0, 2, 60, 1)));
	near(fl_rates_equal_p(16, 60, 4, 60, 2), fl_rates_equal_p(8, 60, 2, 60, 1), 1e-12);
	near(fl_rates_equal_p(8, 60, 2, 60, 0.5), fl_rates_equal_p(8, 60, 2, 60, 1), 1e-12);
}

static void the_interval_of_wilson(void **state)
{
	double low, high;
	(void)state;
	fl_share_interval(5, 10, &low, &high);
	near(low, 0.2366, 1e-4);
	near(high, 0.7634, 1e-4);
	fl_share_interval(0, 10, &low, &high);
	near(low, 0, 0);
	near(high, 0.2775, 1e-4);
	fl_share_interval(0, 0, &low, &high);
	near(high - low, 1, 0);
}

/* ---- quantiles and histograms ---- */

static void quantiles_do_not_mind_the_order(void **state)
{
	static const double four[] = { 4, 1, 3, 2 }, wild[] = { 1, 1, 2, 2, 4, 6, 9 };
	(void)state;
	near(fl_quantile(four, 4, 0.25), 1.75, 1e-12);
	near(fl_quantile(four, 4, 0), 1, 0);
	near(fl_quantile(four, 4, 1), 4, 0);
	near(fl_median(wild, 7), 2, 0);
	near(fl_median_deviation(wild, 7), 1.4826, 1e-12);
	assert_true(isnan(fl_median(wild, 0)));
}

static void fill(struct fl_histogram *h, int64_t from_ms, int64_t to_ms, int each)
{
	for (int64_t ms = from_ms; ms < to_ms; ms++)
		for (int i = 0; i < each; i++)
			fl_histogram_add(h, ms * (FL_NS_PER_S / 1000));
}

static void distributions_that_differ_by_half(void **state)
{
	struct fl_histogram a = { 0 }, b = { 0 }, c = { 0 }, none = { 0 };
	(void)state;
	fill(&a, 100, 200, 1);
	fill(&b, 100, 200, 2);
	fill(&c, 150, 250, 1);
	near(fl_ks_histograms(&a, &b, 1).d, 0, 1e-12);
	near(fl_ks_histograms(&a, &b, 1).p, 1, 1e-12);
	near(fl_ks_histograms(&a, &c, 1).d, 0.5, 0.06);
	assert_true(fl_ks_histograms(&a, &c, 1).p < 1e-6);
	assert_true(isnan(fl_ks_histograms(&a, &none, 1).p));
}

static void the_critical_value_of_kolmogorov(void **state)
{
	struct fl_histogram a = { 0 }, b = { 0 };
	(void)state;
	fill(&a, 1, 2, 5000);
	fill(&b, 1, 2, 5000 - 136); /* D = 0.0272 = 1.36 / sqrt(n m / (n + m)): the 5 % point */
	fill(&b, 8, 9, 136);
	near(fl_ks_histograms(&a, &b, 1).p, 0.049, 0.003);
}

/* The fifteen tests of Benjamini & Hochberg 1995, section 4: four are reported at 5 %. */
static void the_first_example_of_false_discovery_control(void **state)
{
	static const double p[] = { 0.0344, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0001, 0.0459,
		0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000, NAN };
	double q[16];
	size_t reported = 0;
	(void)state;
	fl_benjamini_hochberg(p, 16, q);
	for (size_t i = 0; i < 16; i++)
		reported += q[i] <= 0.05;
	assert_int_equal(reported, 4);
	near(q[3], 0.0095 * 15 / 4, 1e-12);
	near(q[7], 0.0015, 1e-12);
	near(q[14], 1, 0);
	assert_true(isnan(q[15]));
}

/* ---- trends ---- */

/* Sen 1968, section 6: slope 4, at 93 % within 26/7 .. 35/8; ours is of at least 95 %. */
static void the_example_of_sen(void **state)
{
	static const double x[] = { 1, 2, 3, 4, 10, 12, 18 }, y[] = { 9, 15, 19, 20, 45, 55, 78 };
	struct fl_trend_test t = fl_trend_test(x, y, 7);
	(void)state;
	near(t.slope, 4, 1e-12);
	assert_true(t.slope_low <= 26 / 7.0 && t.slope_low > 3);
	assert_true(t.slope_high >= 35 / 8.0 && t.slope_high <= 5);
	near(t.s, 21, 0);
	near(t.p, 2 / 5040.0, 1e-12);
}

/* Kendall's table as in Gilbert 1987, A18: one-sided probabilities. */
static void small_samples_are_exact(void **state)
{
	static const struct {
		double y[10];
		size_t count;
		double s, p;
	} rows[] = {
		{ { 1, 2, 3, 4 }, 4, 6, 0.042 },
		{ { 1, 2, 3, 4, 5 }, 5, 10, 0.0083 },
		{ { 2, 1, 3, 4, 5 }, 5, 8, 0.042 },
		{ { 5, 4, 3, 2, 1 }, 5, -10, 0.0083 },
		{ { 4, 3, 2, 1, 5, 6, 7, 8 }, 8, 16, 0.031 },
		{ { 2, 1, 4, 3, 5, 6, 7, 8, 10, 9 }, 10, 39, 0.000058 },
		{ { 6, 5, 4, 3, 2, 1, 7, 9, 8, 10 }, 10, 13, 0.146 },
	};
	static const double x[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++) {
		struct fl_trend_test t = fl_trend_test(x, rows[i].y, rows[i].count);
		near(t.s, rows[i].s, 0);
		near(t.p_independent / 2, rows[i].p, rows[i].p * 0.05);
	}
}

static void ties_and_constants_are_no_trend(void **state)
{
	double x[40], y[40];
	(void)state;
	for (size_t i = 0; i < 40; i++)
		x[i] = (double)i, y[i] = 7;
	near(fl_trend_test(x, y, 40).p, 1, 0);
	near(fl_trend_test(x, y, 40).slope, 0, 0);
	y[39] = 8;
	assert_true(fl_trend_test(x, y, 40).p > 0.05);
	assert_true(isnan(fl_trend_test(x, y, 3).p));
}

static double chance(uint64_t *seed) /* 0..1 */
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(*seed >> 11) / 9007199254740992.0;
}

static double normal(uint64_t *seed)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += chance(seed);
	return sum;
}

/* How often of 400 series without a trend, each value @memory times its neighbour, the test says there is
 * one. */
static void false_alarms(double memory, double *plain, double *corrected)
{
	uint64_t seed = 20260101;
	double x[100], y[100];
	*plain = *corrected = 0;
	for (int run = 0; run < 400; run++) {
		double last = 0;
		for (int i = 0; i < 100; i++) {
			x[i] = i;
			y[i] = last = memory * last + normal(&seed);
		}
		struct fl_trend_test t = fl_trend_test(x, y, 100);
		*plain += t.p_independent < 0.05 ? 1 / 400.0 : 0;
		*corrected += t.p < 0.05 ? 1 / 400.0 : 0;
	}
}

static void neighbours_that_resemble_each_other_make_no_trend(void **state)
{
	double plain, corrected;
	(void)state;
	false_alarms(0, &plain, &corrected);
	near(plain, 0.05, 0.03);
	assert_true(corrected <= plain);
	false_alarms(0.7, &plain, &corrected);
	assert_true(plain > 0.25);
	assert_true(corrected < plain / 2);
}

static void a_slope_is_found_under_noise_and_outliers(void **state)
{
	uint64_t seed = 7;
	double x[120], y[120];
	(void)state;
	for (int i = 0; i < 120; i++) {
		x[i] = 2 * i;
		y[i] = 5 + 0.071 * x[i] + normal(&seed) + (i % 17 == 0 ? 500 : 0);
	}
	struct fl_trend_test t = fl_trend_test(x, y, 120);
	near(t.slope, 0.071, 0.005);
	near(t.intercept, 5, 0.6);
	assert_true(t.p < 1e-9 && t.slope_low > 0.06 && t.slope_high < 0.08);
}

static void long_series_are_folded(void **state)
{
	enum { COUNT = 5000 };
	double *x = fl_alloc_array(COUNT, sizeof(*x)), *y = fl_alloc_array(COUNT, sizeof(*y));
	(void)state;
	for (int i = 0; i < COUNT; i++)
		x[i] = i, y[i] = 3 + 0.5 * i;
	struct fl_trend_test t = fl_trend_test(x, y, COUNT);
	near(t.slope, 0.5, 1e-12);
	near(t.intercept, 3, 1e-6);
	assert_true(t.points <= FL_TREND_POINTS_MAX);
	free(x);
	free(y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poisson_tails_are_those_of_the_tables),
		cmocka_unit_test(a_lady_tasting_tea),
		cmocka_unit_test(two_rates_conditional_on_their_sum),
		cmocka_unit_test(the_interval_of_wilson),
		cmocka_unit_test(quantiles_do_not_mind_the_order),
		cmocka_unit_test(distributions_that_differ_by_half),
		cmocka_unit_test(the_critical_value_of_kolmogorov),
		cmocka_unit_test(the_first_example_of_false_discovery_control),
		cmocka_unit_test(the_example_of_sen),
		cmocka_unit_test(small_samples_are_exact),
		cmocka_unit_test(ties_and_constants_are_no_trend),
		cmocka_unit_test(neighbours_that_resemble_each_other_make_no_trend),
		cmocka_unit_test(a_slope_is_found_under_noise_and_outliers),
		cmocka_unit_test(long_series_are_folded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
