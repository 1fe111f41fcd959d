/* SPDX-License-Identifier: BSD-2-Clause */
/* test_hello_pool.c - pieces in any order, places given up, words that outlive their place */
#include "unit.h"

#include "faultline/hello_pool.h"

struct piece {
	uint64_t at;
	const char *text;
};

struct row {
	const char *name;
	struct piece pieces[6];
	const char *ready;
	bool fits, contradicted;
};

static const struct row rows[] = {
	{ "in order", { { 0, "abc" }, { 3, "def" } }, "abcdef", true, false },
	{ "behind a hole nothing is ready", { { 3, "def" } }, "", true, false },
	{ "the hole is filled last", { { 3, "def" }, { 0, "abc" } }, "abcdef", true, false },
	{ "every second byte, then the others", { { 1, "b" }, { 3, "d" }, { 0, "a" }, { 2, "c" } }, "abcd", true, false },
	{ "of bytes that come twice in order the first copy stays", { { 0, "abc" }, { 1, "xyz" } }, "abcz", true, true },
	{ "of bytes that come twice behind a hole the first copy stays", { { 2, "cd" }, { 0, "abxy" } }, "abcd", true, true },
	{ "a copy over pieces behind a hole agrees", { { 2, "cd" }, { 9, "j" }, { 0, "abcdefghij" } }, "abcdefghij", true, false },
	{ "a copy of what is ready that differs", { { 0, "abc" }, { 0, "abx" } }, "abc", true, true },
	{ "a copy changes nothing", { { 0, "abc" }, { 0, "abc" }, { 1, "b" } }, "abc", true, false },
	{ "a piece over the end of what is there and a hole", { { 0, "ab" }, { 5, "f" }, { 1, "bcde" } }, "abcdef", true, false },
	{ "an empty piece is none", { { 0, "ab" }, { 7, "" } }, "ab", true, false },
	{ "an empty piece far away is none", { { 0, "ab" }, { UINT64_MAX, "" } }, "ab", true, false },
	{ "beyond the limit nothing fits", { { 0, "ab" }, { FL_HELLO_BYTES, "x" } }, "ab", false, false },
	{ "across the limit the end does not fit", { { 0, "ab" }, { FL_HELLO_BYTES - 1, "xy" } }, "ab", false, false },
	{ "the largest offset does not wrap", { { 0, "ab" }, { UINT64_MAX, "xy" } }, "ab", false, false },
};

static void pieces_come_together(void **state)
{
	const struct row *row = *state;
	struct fl_hello_pool *pool = fl_hello_pool_new(2);
	fl_hello_word word = 0;
	for (int round = 0; round < 2; round++) { /* the second in a place that was used */
		struct fl_hello_parts *parts = fl_hello_take(pool, &word);
		bool fits = true;
		for (size_t i = 0; i < FL_ARRAY_LEN(row->pieces) && row->pieces[i].text; i++)
			fits &= fl_hello_add(parts, row->pieces[i].at, (const uint8_t *)row->pieces[i].text,
					     strlen(row->pieces[i].text));
		struct fl_slice ready = fl_hello_ready(parts);
		assert_int_equal(ready.size, strlen(row->ready));
		assert_memory_equal(ready.data, row->ready, ready.size);
		assert_int_equal(fits, row->fits);
		assert_int_equal(parts->contradicted, row->contradicted);
		fl_hello_drop(pool, &word);
	}
	fl_hello_pool_free(pool);
}

static void the_longest_idle_place_is_given_up(void **state)
{
	(void)state;
	struct fl_hello_pool *pool = fl_hello_pool_new(2);
	fl_hello_word a = 0, b = 0, c = 0;
	fl_hello_add(fl_hello_take(pool, &a), 0, (const uint8_t *)"a", 1);
	fl_hello_add(fl_hello_take(pool, &b), 0, (const uint8_t *)"b", 1);
	assert_non_null(fl_hello_get(pool, a));
	assert_int_equal(fl_hello_pool_given_up(pool), 0);
	struct fl_hello_parts *parts = fl_hello_take(pool, &c);
	assert_int_equal(fl_hello_ready(parts).size, 0);
	assert_int_equal(fl_hello_pool_given_up(pool), 1);
	assert_null(fl_hello_get(pool, b));
	assert_non_null(fl_hello_get(pool, a));
	fl_hello_drop(pool, &b); /* not c's place */
	assert_ptr_equal(fl_hello_get(pool, c), parts);
	fl_hello_pool_free(pool);
}

static void the_count_stays_with_the_word(void **state)
{
	(void)state;
	struct fl_hello_pool *pool = fl_hello_pool_new(1);
	fl_hello_word word = 0;
	fl_hello_add_count(&word, 3);
	assert_non_null(fl_hello_take(pool, &word));
	fl_hello_add_count(&word, 4);
	assert_int_equal(fl_hello_count(word), 7);
	assert_non_null(fl_hello_get(pool, word));
	fl_hello_drop(pool, &word);
	assert_int_equal(fl_hello_count(word), 7);
	fl_hello_add_count(&word, UINT32_MAX);
	assert_int_equal(fl_hello_count(word), 255);
	assert_null(fl_hello_get(pool, word));
	fl_hello_pool_free(pool);
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + 2];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = pieces_come_together,
						.initial_state = (void *)(uintptr_t)&rows[i] };
	tests[FL_ARRAY_LEN(rows)] = (struct CMUnitTest)cmocka_unit_test(the_longest_idle_place_is_given_up);
	tests[FL_ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(the_count_stays_with_the_word);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
