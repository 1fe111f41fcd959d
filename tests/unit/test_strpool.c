/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdio.h>

#include "faultline/addr.h"
#include "faultline/status.h"
#include "faultline/strpool.h"

static fl_str add(struct fl_strpool *p, const char *s)
{
	return fl_strpool_add(p, s, strlen(s));
}

static void ids_are_dense_in_order_of_first_use(void **state)
{
	struct fl_strpool *p = fl_strpool_new(0);

	(void)state;
	assert_int_equal(add(p, "b"), 1);
	assert_int_equal(add(p, "a"), 2);
	assert_int_equal(add(p, "b"), 1);
	assert_int_equal(add(p, "ab"), 3);
	assert_int_equal(fl_strpool_count(p), 3);
	assert_string_equal(fl_strpool_get(p, 2), "a");
	fl_strpool_free(p);
}

static void nothing_is_no_string(void **state)
{
	struct fl_strpool *p = fl_strpool_new(0);

	(void)state;
	assert_int_equal(fl_strpool_add(p, "x", 0), FL_STR_NONE);
	assert_int_equal(fl_strpool_find(p, "x", 1), FL_STR_NONE);
	assert_null(fl_strpool_get(p, FL_STR_NONE));
	assert_int_equal(fl_strpool_refused(p), 0);
	fl_strpool_free(p);
	fl_strpool_free(NULL);
}

static void only_the_given_bytes_count(void **state)
{
	struct fl_strpool *p = fl_strpool_new(0);

	(void)state;
	assert_int_equal(fl_strpool_add(p, "abcdef", 3), 1);
	assert_string_equal(fl_strpool_get(p, 1), "abc");
	assert_int_equal(fl_strpool_find(p, "abcxyz", 3), 1);
	assert_int_equal(fl_strpool_find(p, "abcdef", 6), FL_STR_NONE);
	fl_strpool_free(p);
}

static void strings_never_move(void **state)
{
	enum { COUNT = 20000 };
	struct fl_strpool *p = fl_strpool_new(0);
	const char **at = fl_alloc_array(COUNT, sizeof(*at));
	char name[600];

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "%0*u.example", (int)(1 + i % 500), i);
		assert_int_equal(add(p, name), i + 1);
		at[i] = fl_strpool_get(p, i + 1);
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "%0*u.example", (int)(1 + i % 500), i);
		assert_ptr_equal(fl_strpool_get(p, i + 1), at[i]);
		assert_string_equal(at[i], name);
		assert_int_equal(fl_strpool_find(p, name, strlen(name)), i + 1);
	}
	free(at);
	fl_strpool_free(p);
}

/* Each limit at every size of string: it holds after each step, and what was added is found. */
static void the_limit_holds_at_every_moment(void **state)
{
	char name[5000];

	(void)state;
	for (size_t limit = 1; limit < 200000; limit = limit * 5 / 3 + 1) {
		struct fl_strpool *p = fl_strpool_new(limit);
		size_t overhead = fl_strpool_bytes(p); /* of the empty pool, which must exist */
		uint32_t added = 0;
		for (uint32_t i = 0; i < 3000; i++) {
			int size = (int)(i % 7 == 6 ? i : i % 40);
			snprintf(name, sizeof(name), "%0*u", size, i);
			fl_str id = add(p, name);
			if (id)
				assert_int_equal(id, ++added);
			assert_true(fl_strpool_bytes(p) <= (limit > overhead ? limit : overhead));
		}
		assert_int_equal(fl_strpool_count(p), added);
		assert_int_equal(fl_strpool_refused(p), 3000 - added);
		for (uint32_t id = 1; id <= added; id++) {
			const char *text = fl_strpool_get(p, id);
			assert_int_equal(fl_strpool_find(p, text, strlen(text)), id);
			assert_int_equal(add(p, text), id);
		}
		fl_strpool_free(p);
	}
}

static void a_limited_pool_is_of_use(void **state)
{
	struct fl_strpool *p = fl_strpool_new(1 << 20);
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "host-%u.example", i);
		add(p, name);
	}
	/* 20 bytes of text, 16 an entry, 4 to 8 in the index, and what doubling wastes */
	assert_in_range(fl_strpool_count(p), 10000, 30000);
	fl_strpool_free(p);
}

/* Single bits, lengths and zeros must each change the hash; with 64 bits none may be equal here. */
static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void hashes_tell_near_inputs_apart(void **state)
{
	enum { SIZES = 65, COUNT = SIZES * (SIZES * 8 + 1) };
	uint64_t *hash = fl_alloc_array(COUNT, sizeof(*hash));
	uint8_t bytes[SIZES] = { 0 };
	size_t n = 0;

	(void)state;
	for (size_t size = 0; size < SIZES; size++) {
		hash[n++] = fl_hash_bytes(bytes, size, 42);
		for (size_t bit = 0; bit < size * 8; bit++) {
			bytes[bit / 8] = (uint8_t)(1 << bit % 8);
			hash[n++] = fl_hash_bytes(bytes, size, 42);
			bytes[bit / 8] = 0;
		}
	}
	qsort(hash, n, sizeof(*hash), compare_u64);
	for (size_t i = 1; i < n; i++)
		assert_true(hash[i - 1] != hash[i]);
	free(hash);
}

/* Both halves are used, one for the slot: each input bit must move about half of the output bits. */
static void hashes_mix_every_bit(void **state)
{
	uint8_t bytes[40];

	(void)state;
	for (size_t size = 1; size <= sizeof(bytes); size++) {
		for (size_t bit = 0; bit < size * 8; bit++) {
			unsigned changed = 0;
			for (unsigned round = 0; round < 64; round++) {
				for (size_t i = 0; i < size; i++)
					bytes[i] = (uint8_t)(round * 41 + i * 7);
				uint64_t before = fl_hash_bytes(bytes, size, 7);
				bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
				uint64_t diff = before ^ fl_hash_bytes(bytes, size, 7);
				changed += (unsigned)__builtin_popcountll(diff);
			}
			assert_in_range(changed, 64 * 26, 64 * 38);
		}
	}
}

static void hashes_depend_on_the_seed(void **state)
{
	(void)state;
	assert_true(fl_hash_bytes("name", 4, 1) != fl_hash_bytes("name", 4, 2));
	assert_true(fl_hash_bytes("", 0, 1) != fl_hash_bytes("", 0, 2));
	assert_true(fl_hash_bytes("name", 4, 1) == fl_hash_bytes("name", 4, 1));
	assert_true(fl_hash_seed() == fl_hash_seed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_dense_in_order_of_first_use),
		cmocka_unit_test(nothing_is_no_string),
		cmocka_unit_test(only_the_given_bytes_count),
		cmocka_unit_test(strings_never_move),
		cmocka_unit_test(the_limit_holds_at_every_moment),
		cmocka_unit_test(a_limited_pool_is_of_use),
		cmocka_unit_test(hashes_tell_near_inputs_apart),
		cmocka_unit_test(hashes_mix_every_bit),
		cmocka_unit_test(hashes_depend_on_the_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
