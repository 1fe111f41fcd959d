/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <stdalign.h>

#include "faultline/arena.h"
#include "faultline/status.h"

static void objects_are_zeroed_aligned_apart(void **state)
{
	struct fl_arena *a = fl_arena_new();
	unsigned char *object[400];
	size_t handed_out = 0;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(object); i++) {
		size_t size = i * 37 % 5000; /* small ones, and some larger than a block */
		object[i] = fl_arena_alloc(a, size);
		handed_out += size;
		assert_int_equal((uintptr_t)object[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(object[i][k], 0);
		memset(object[i], (int)(i % 251 + 1), size);
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(object); i++)
		for (size_t k = 0; k < i * 37 % 5000; k++)
			assert_int_equal(object[i][k], i % 251 + 1);
	assert_int_equal(fl_arena_used(a), handed_out);
	fl_arena_free(a);
}

static void empty_objects_differ(void **state)
{
	struct fl_arena *a = fl_arena_new();

	(void)state;
	void *first = fl_arena_alloc(a, 0), *second = fl_arena_array(a, 0, 8);
	assert_non_null(first);
	assert_ptr_not_equal(first, second);
	assert_int_equal(fl_arena_used(a), 0);
	fl_arena_free(a);
}

static void strings(void **state)
{
	struct fl_arena *a = fl_arena_new();

	(void)state;
	assert_null(fl_arena_string(a, NULL));
	assert_string_equal(fl_arena_string(a, "edge"), "edge");
	assert_string_equal(fl_arena_string_n(a, "edge-1", 4), "edge");
	assert_string_equal(fl_arena_string_n(a, NULL, 0), "");
	assert_string_equal(fl_arena_printf(a, "%s:%d", "db", 5432), "db:5432");
	char *big = fl_arena_printf(a, "%*d", 100000, 1);
	assert_int_equal(strlen(big), 100000);
	fl_arena_free(a);
}

static void a_large_object_leaves_the_block_in_use(void **state)
{
	struct fl_arena *a = fl_arena_new();

	(void)state;
	char *before = fl_arena_alloc(a, 16);
	char *large = fl_arena_alloc(a, 1 << 20);
	char *after = fl_arena_alloc(a, 16);
	memset(large, 'x', 1 << 20);
	assert_true(after > before && after - before <= 64);
	fl_arena_free(a);
}

static void freeing_nothing(void **state)
{
	(void)state;
	fl_arena_free(NULL);
	fl_arena_free(fl_arena_new());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_zeroed_aligned_apart),
		cmocka_unit_test(empty_objects_differ),
		cmocka_unit_test(strings),
		cmocka_unit_test(a_large_object_leaves_the_block_in_use),
		cmocka_unit_test(freeing_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
