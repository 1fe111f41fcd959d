/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <math.h>

#include "faultline/histogram.h"
#include "faultline/status.h"
#include "faultline/units.h"

/* The bucket a single duration falls into. */
static unsigned bucket_of(int64_t ns)
{
	struct fl_histogram h = { 0 };

	fl_histogram_add(&h, ns);
	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
		if (h.bucket[i])
			return i;
	return FL_HISTOGRAM_BUCKETS;
}

static void edges_are_eighths_of_octaves(void **state)
{
	(void)state;
	assert_true(fl_histogram_lower(0) == 0);
	assert_true(fl_histogram_lower(1) == ldexp(1, -20));
	assert_true(fl_histogram_lower(9) == ldexp(1, -19));
	assert_true(fl_histogram_lower(161) == 1);
	assert_true(fl_histogram_upper(256) == 4096);
	assert_true(fl_histogram_lower(257) == 4096);
	assert_true(isinf(fl_histogram_upper(257)));
	for (unsigned i = 1; i < FL_HISTOGRAM_BUCKETS - 1; i++) {
		assert_true(fl_histogram_upper(i) == fl_histogram_lower(i + 1));
		double width = fl_histogram_upper(i) / fl_histogram_lower(i);
		assert_true(width > 1.0904 && width < 1.0906);
	}
}

static void each_duration_lies_between_its_edges(void **state)
{
	(void)state;
	for (unsigned i = 1; i < FL_HISTOGRAM_BUCKETS; i++) {
		int64_t first = (int64_t)ceil(fl_histogram_lower(i) * 1e9);
		for (int64_t ns = first - 2; ns <= first + 2; ns++) {
			unsigned b = bucket_of(ns);
			assert_true(fl_histogram_lower(b) <= (double)ns / 1e9);
			assert_true((double)ns / 1e9 < fl_histogram_upper(b));
		}
	}
}

static void extremes_have_buckets(void **state)
{
	(void)state;
	assert_int_equal(bucket_of(0), 0);
	assert_int_equal(bucket_of(-5), 0);
	assert_int_equal(bucket_of(INT64_MIN), 0);
	assert_int_equal(bucket_of(953), 0);
	assert_int_equal(bucket_of(954), 1);
	assert_int_equal(bucket_of(FL_NS_PER_S), 161);
	assert_int_equal(bucket_of(4096 * FL_NS_PER_S - 1), 256);
	assert_int_equal(bucket_of(4096 * FL_NS_PER_S), 257);
	assert_int_equal(bucket_of(INT64_MAX), 257);
}

static void quantiles_are_upper_edges(void **state)
{
	struct fl_histogram h = { 0 };

	(void)state;
	assert_true(isnan(fl_histogram_quantile(&h, 0.5)));
	for (int i = 0; i < 99; i++)
		fl_histogram_add(&h, FL_NS_PER_S / 1000); /* 1 ms */
	fl_histogram_add(&h, 5 * FL_NS_PER_S);
	assert_int_equal(h.count, 100);
	double ms = fl_histogram_upper(bucket_of(FL_NS_PER_S / 1000));
	double five = fl_histogram_upper(bucket_of(5 * FL_NS_PER_S));
	assert_true(fl_histogram_quantile(&h, 0) == ms);
	assert_true(fl_histogram_quantile(&h, 0.5) == ms);
	assert_true(fl_histogram_quantile(&h, 0.99) == ms);
	assert_true(fl_histogram_quantile(&h, 0.991) == five);
	assert_true(fl_histogram_quantile(&h, 1) == five);
	assert_true(fl_histogram_quantile(&h, 7) == five);
}

static void merging_is_adding(void **state)
{
	struct fl_histogram all = { 0 }, part[2] = { 0 };

	(void)state;
	for (int64_t i = 0; i < 1000; i++) {
		fl_histogram_add(&all, i * i * 1000);
		fl_histogram_add(&part[i % 2], i * i * 1000);
	}
	struct fl_histogram ab = part[0], ba = part[1];
	fl_histogram_merge(&ab, &part[1]);
	fl_histogram_merge(&ba, &part[0]);
	assert_memory_equal(&ab, &all, sizeof(all));
	assert_memory_equal(&ba, &all, sizeof(all));
}

static void counts_saturate(void **state)
{
	struct fl_histogram h = { .count = UINT64_MAX, .bucket = { [3] = UINT32_MAX } };
	struct fl_histogram other = { .count = 5, .bucket = { [3] = 5 } };

	(void)state;
	fl_histogram_merge(&h, &other);
	assert_true(h.count == UINT64_MAX && h.bucket[3] == UINT32_MAX);
	fl_histogram_add(&h, (int64_t)(fl_histogram_lower(3) * 1e9) + 1);
	assert_true(h.count == UINT64_MAX && h.bucket[3] == UINT32_MAX);
	assert_true(fl_histogram_quantile(&h, 0.5) == fl_histogram_upper(3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_are_eighths_of_octaves),
		cmocka_unit_test(each_duration_lies_between_its_edges),
		cmocka_unit_test(extremes_have_buckets),
		cmocka_unit_test(quantiles_are_upper_edges),
		cmocka_unit_test(merging_is_adding),
		cmocka_unit_test(counts_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
