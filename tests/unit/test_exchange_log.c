/* SPDX-License-Identifier: BSD-2-Clause */
/* test_exchange_log.c - nothing is lost that is not counted, failures and what is near them stay */
#include "unit.h"

#include "faultline/exchange.h"

#define SECOND INT64_C(1000000000)

static struct fl_attempt attempt(int64_t second, uint32_t conversation, enum fl_outcome outcome)
{
	struct fl_attempt a = { .start_ns = second * SECOND, .conversation = conversation, .wait_us = 10 };
	a.outcome = outcome & 0xf;
	return a;
}

static uint64_t weight_of(const struct fl_exchange_log *log, bool failures)
{
	size_t n;
	const struct fl_attempt *list = fl_exchange_log_list(log, &n);
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		if (fl_outcome_is_failure(list[i].outcome) == failures)
			sum += fl_attempt_weight(&list[i]);
	return sum;
}

static void a_record_takes_thirty_two_bytes(void **state)
{
	assert_int_equal(sizeof(struct fl_attempt), 32);
	(void)state;
}

static void thinning_keeps_sums_failures_and_their_neighbours(void **state)
{
	struct fl_exchange_log *log = fl_exchange_log_new(1024);
	for (int64_t i = 0; i < 5000; i++) {
		struct fl_attempt a = attempt(i, (uint32_t)(i % 3), i % 1000 == 500 ? FL_OUTCOME_ERROR : FL_OUTCOME_ANSWERED);
		fl_exchange_log_add(log, &a);
	}
	assert_int_equal(weight_of(log, true), 5);
	assert_int_equal(weight_of(log, false) + fl_exchange_log_lost(log), 4995);
	assert_int_equal(fl_exchange_log_lost(log), 0);
	assert_true(fl_exchange_log_thinned(log) > 3000);
	size_t n;
	const struct fl_attempt *list = fl_exchange_log_list(log, &n);
	unsigned near = 0;
	for (size_t i = 0; i < n; i++)
		near += list[i].conversation == 0 && list[i].start_ns > 4481 * SECOND && list[i].start_ns < 4519 * SECOND;
	assert_int_equal(near, 13); /* every third from 4482 on */
	fl_exchange_log_free(log);
	(void)state;
}

static void failures_alone_that_are_too_many_go_oldest_first_and_are_counted(void **state)
{
	struct fl_exchange_log *log = fl_exchange_log_new(512);
	for (int64_t i = 0; i < 3000; i++) {
		struct fl_attempt a = attempt(i, 1, FL_OUTCOME_RESET);
		fl_exchange_log_add(log, &a);
	}
	size_t n;
	const struct fl_attempt *list = fl_exchange_log_list(log, &n);
	assert_int_equal(n + fl_exchange_log_lost(log), 3000);
	assert_int_equal(list[n - 1].start_ns, 2999 * SECOND);
	fl_exchange_log_free(log);
	(void)state;
}

static void what_waits_survives_a_cut_and_counts_when_it_ends(void **state)
{
	struct fl_exchange_log *log = fl_exchange_log_new(64);
	struct fl_attempt a = attempt(1, 7, FL_OUTCOME_UNDECIDED);
	uint32_t handle = fl_exchange_log_open(log, &a);
	assert_int_not_equal(handle, 0);
	fl_exchange_log_add(log, &a);
	fl_exchange_log_cut(log);
	size_t n;
	fl_exchange_log_list(log, &n);
	assert_int_equal(n, 0);
	fl_exchange_log_waiting(log, handle)->outcome = FL_OUTCOME_ANSWERED;
	fl_exchange_log_close(log, handle);
	const struct fl_attempt *list = fl_exchange_log_list(log, &n);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].conversation, 7);
	assert_int_equal(fl_exchange_log_open(log, &a), handle); /* its place is free again */
	fl_exchange_log_free(log);
	(void)state;
}

static void places_for_waiting_ones_are_limited_and_counted(void **state)
{
	struct fl_exchange_log *log = fl_exchange_log_new(80);
	struct fl_attempt a = attempt(1, 7, FL_OUTCOME_UNDECIDED);
	for (int i = 0; i < 11; i++)
		assert_int_not_equal(fl_exchange_log_open(log, &a), 0);
	assert_int_equal(fl_exchange_log_open(log, &a), 0);
	assert_int_equal(fl_exchange_log_lost(log), 1);
	fl_exchange_log_free(log);
	(void)state;
}

static void what_should_not_have_counted_is_taken_back_and_nothing_else(void **state)
{
	struct fl_exchange_log *log = fl_exchange_log_new(80);
	for (uint32_t i = 0; i < 12; i++) {
		struct fl_attempt a = attempt(1000 + i, 7 + i % 2, FL_OUTCOME_ANSWERED);
		a.client_port = (uint16_t)(40000 + i % 3);
		a.flags |= i == 8 ? 1 << 5 : 0;
		fl_exchange_log_add(log, &a);
	}
	int64_t since = attempt(1003, 7, FL_OUTCOME_ANSWERED).start_ns;
	/* 2 came before, 8 stands for two */
	assert_int_equal(fl_exchange_log_take_back(log, 7, 40002, since), 0);
	/* 0 came before, 6 goes */
	assert_int_equal(fl_exchange_log_take_back(log, 7, 40000, since), 1);
	size_t n;
	const struct fl_attempt *list = fl_exchange_log_list(log, &n);
	assert_int_equal(n, 11);
	for (size_t i = 0; i < n; i++)
		assert_false(list[i].client_port == 40000 && list[i].conversation == 7 && list[i].start_ns >= since);
	fl_exchange_log_free(log);
	(void)state;
}

static void a_log_of_nothing_keeps_nothing(void **state)
{
	struct fl_exchange_log *log = fl_exchange_log_new(0);
	struct fl_attempt a = attempt(1, 7, FL_OUTCOME_ANSWERED);
	assert_int_equal(fl_exchange_log_open(log, &a), 0);
	fl_exchange_log_add(log, &a);
	size_t n;
	fl_exchange_log_list(log, &n);
	assert_int_equal(n, 0);
	assert_int_equal(fl_exchange_log_lost(log), 0);
	fl_exchange_log_free(log);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_takes_thirty_two_bytes),
		cmocka_unit_test(thinning_keeps_sums_failures_and_their_neighbours),
		cmocka_unit_test(failures_alone_that_are_too_many_go_oldest_first_and_are_counted),
		cmocka_unit_test(what_waits_survives_a_cut_and_counts_when_it_ends),
		cmocka_unit_test(places_for_waiting_ones_are_limited_and_counted),
		cmocka_unit_test(what_should_not_have_counted_is_taken_back_and_nothing_else),
		cmocka_unit_test(a_log_of_nothing_keeps_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
