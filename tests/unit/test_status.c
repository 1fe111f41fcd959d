/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <errno.h>

#include "faultline/status.h"

static const struct row {
	const char *name;
	const char *text;
	const char *expected;
} rows[] = {
	{ "plain text stays as it is", "cannot read a.json: no such file", "cannot read a.json: no such file" },
	{ "an umlaut stays as it is", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	{ "an escape sequence loses its escape", "a\x1b[31mb", "a?[31mb" },
	{ "line ends and tabs are replaced", "a\nb\rc\td", "a?b?c?d" },
	{ "DEL is replaced", "a\x7f", "a?" },
	{ "C1 control characters in UTF-8 are replaced", "a\xc2\x9b" "31m", "a?31m" },
	{ "a raw C1 byte is replaced", "a\x9b" "31m", "a?31m" },
	{ "a right-to-left override is replaced", "a\xe2\x80\xae" "b", "a?b" },
	{ "a cut character at the end is replaced", "a\xe2\x82", "a?" },
	{ "nothing stays nothing", "", "" },
};

static void run_row(void **state)
{
	const struct row *row = *state;
	struct fl_error err;

	assert_int_equal(fl_fail(&err, -EINVAL, "%s", row->text), -EINVAL);
	assert_string_equal(err.text, row->expected);
}

static void without_place(void **state)
{
	(void)state;
	assert_int_equal(fl_fail(NULL, -ENOENT, "%s", "nobody listens"), -ENOENT);
}

static void old_text_in_new(void **state)
{
	struct fl_error err;

	(void)state;
	fl_fail(&err, -1, "inner");
	fl_fail(&err, -1, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner");
}

static void long_text(void **state)
{
	struct fl_error err;
	char text[2 * FL_ERROR_MAX];

	(void)state;
	/* Each place where a three-byte character can meet the limit. */
	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		text[sizeof(text) - 4] = '\0';
		fl_fail(&err, -1, "%s", text);
		size_t size = strlen(err.text);
		assert_in_range(size, FL_ERROR_MAX - 3, FL_ERROR_MAX - 1);
		assert_int_equal((size - shift) % 3, 0);
		assert_memory_equal(err.text, text, size);
	}
}

static void allocation(void **state)
{
	(void)state;
	unsigned char *p = fl_alloc_array(3, 5);
	for (size_t i = 0; i < 15; i++)
		assert_int_equal(p[i], 0);
	p[14] = 7;
	p = fl_grow_array(p, 100, 5);
	assert_int_equal(p[14], 7);
	free(p);
	void *empty = fl_alloc(0);
	assert_non_null(empty);
	empty = fl_grow_array(empty, 0, 8);
	assert_non_null(empty);
	free(empty);
	assert_null(fl_copy_string(NULL));
	char *copy = fl_copy_string("abc");
	assert_string_equal(copy, "abc");
	free(copy);
}

static void growth(void **state)
{
	(void)state;
	assert_int_equal(fl_grown(0, 1), 8);
	assert_int_equal(fl_grown(8, 9), 16);
	assert_int_equal(fl_grown(8, 100), 128);
	assert_int_equal(fl_grown(64, 3), 64);
	assert_true(fl_grown(8, SIZE_MAX) == SIZE_MAX);
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + 5] = {
		cmocka_unit_test(without_place), cmocka_unit_test(old_text_in_new),
		cmocka_unit_test(long_text),     cmocka_unit_test(allocation),
		cmocka_unit_test(growth),
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[i + 5] = (struct CMUnitTest){ .name = rows[i].name, .test_func = run_row,
						    .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
