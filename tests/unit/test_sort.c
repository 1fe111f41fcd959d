/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sort.c - lists of numbers come out in order, short and long, of either sign */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "faultline/sort.h"
#include "faultline/status.h"

struct row {
	const char *sentence;
	size_t count;
	int64_t first, step_max;        /* made by chance within [first, first + step_max) */
	int64_t pace;                   /* each begins that much later than the one before */
};

static uint64_t dice(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void comes_out_in_order(void **state)
{
	const struct row *row = *state;
	uint64_t seed = 7, sum = 0, sum_after = 0;
	int64_t *times = calloc(row->count + 1, sizeof(*times));
	double *seconds = calloc(row->count + 1, sizeof(*seconds));
	for (size_t i = 0; i < row->count; i++) {
		times[i] = row->first + (int64_t)(dice(&seed) % (uint64_t)row->step_max) + (int64_t)i * row->pace;
		seconds[i] = (double)times[i] / 3;
		sum += (uint64_t)times[i];
	}
	fl_sort_times(times, row->count);
	fl_sort_seconds(seconds, row->count);
	for (size_t i = 0; i < row->count; i++) {
		sum_after += (uint64_t)times[i];
		assert_true(i == 0 || times[i - 1] <= times[i]);
		assert_true(fabs(seconds[i] - (double)times[i] / 3) <= 0);
	}
	assert_true(sum == sum_after);
	free(times);
	free(seconds);
}

static void stamps_of_one_time_keep_their_order(void **state)
{
	const struct row *row = *state;
	uint64_t seed = 7, sum = 0;
	struct fl_stamp *list = calloc(row->count + 1, sizeof(*list));
	for (size_t i = 0; i < row->count; i++)
		list[i] = (struct fl_stamp){ row->first + (int64_t)(dice(&seed) % (uint64_t)row->step_max) + (int64_t)i * row->pace, (uint32_t)i };
	fl_sort_stamps(list, row->count);
	for (size_t i = 0; i < row->count; i++) {
		sum += list[i].number;
		assert_true(i == 0 || list[i - 1].time_ns < list[i].time_ns ||
			    (list[i - 1].time_ns == list[i].time_ns && list[i - 1].number < list[i].number));
	}
	assert_true(sum == (row->count ? (uint64_t)row->count * (row->count - 1) / 2 : 0));
	free(list);
}

static const struct row rows[] = {
	{ "nothing is in order", 0, 0, 1, 0 },
	{ "one number is in order", 1, -5, 3, 0 },
	{ "a short list is put in order", 50, -1000, 2000, 0 },
	{ "a long list of close numbers is put in order", 5000, 0, 100, 0 },
	{ "a long list of both signs is put in order", 5000, -(INT64_C(1) << 40), INT64_C(1) << 41, 0 },
	{ "a long list of times since the epoch is put in order", 5000, INT64_C(1764000000000000000), INT64_C(60000000000), 0 },
	{ "a list that nearly is in order is put in order", 5000, -20000, 30, 10 },
	{ "a list that is in order stays as it is", 5000, -20000, 10, 10 },
	{ "a list in the order turned around is put in order", 5000, 20000, 1, -7 },
};

int main(void)
{
	enum { ROWS = FL_ARRAY_LEN(rows) };
	struct CMUnitTest tests[2 * ROWS];
	for (size_t i = 0; i < ROWS; i++) {
		tests[i] = (struct CMUnitTest){ rows[i].sentence, comes_out_in_order, NULL, NULL, (void *)(uintptr_t)&rows[i] };
		tests[ROWS + i] = (struct CMUnitTest){ rows[i].sentence, stamps_of_one_time_keep_their_order, NULL, NULL,
						       (void *)(uintptr_t)&rows[i] };
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
