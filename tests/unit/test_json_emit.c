/* SPDX-License-Identifier: BSD-2-Clause */
/* test_json_emit.c - what is emitted is byte for byte what the tree printer makes of the same content */
#include "unit.h"

#include <math.h>

#include "faultline/json.h"
#include "faultline/json_emit.h"
#include "faultline/units.h"

static char *emitted(void (*make)(struct fl_json_emit *e))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct fl_json_emit e;
	assert_non_null(out);
	fl_json_emit_begin(&e, out);
	make(&e);
	fl_json_emit_end(&e);
	fclose(out);
	return text;
}

static void assert_like_the_tree(void (*make)(struct fl_json_emit *e))
{
	char *first = emitted(make), *second = NULL;
	size_t size = 0;
	cJSON *root = NULL;
	struct fl_error err;
	if (fl_json_parse("emitted", first, strlen(first), &root, &err) != 0)
		fail_msg("%s in %s", err.text, first);
	FILE *out = open_memstream(&second, &size);
	assert_non_null(out);
	fl_json_write(out, root);
	fclose(out);
	assert_string_equal(first, second);
	cJSON_Delete(root);
	free(first);
	free(second);
}

static void scalars(struct fl_json_emit *e)
{
	fl_json_emit_object(e, NULL);
	fl_json_emit_string(e, "plain", "api.vendor.example");
	fl_json_emit_string(e, "empty", "");
	fl_json_emit_string(e, "none", NULL);
	fl_json_emit_string(e, "hostile", "a\"b\\c\n\x1b[31m\xc3\xa4\xff");
	fl_json_emit_string(e, "key \"quoted\"", "x");
	fl_json_emit_u64(e, "zero", 0);
	fl_json_emit_u64(e, "exact", (UINT64_C(1) << 53) - 1);
	fl_json_emit_u64(e, "digits", UINT64_MAX);
	fl_json_emit_double(e, "third", 1.0 / 3);
	fl_json_emit_double(e, "whole", 4096);
	fl_json_emit_double(e, "large", 1e20);
	fl_json_emit_double(e, "negative", -1.5);
	fl_json_emit_double(e, "nan", NAN);
	fl_json_emit_bool(e, "yes", true);
	fl_json_emit_bool(e, "no", false);
	fl_json_emit_time(e, "time", INT64_C(1795258726547000123));
	fl_json_emit_close(e);
}

static void nested(struct fl_json_emit *e)
{
	static const char *const names[] = { "a", "b" };
	fl_json_emit_object(e, NULL);
	fl_json_emit_object(e, "empty object");
	fl_json_emit_close(e);
	fl_json_emit_array(e, "empty list", false);
	fl_json_emit_close(e);
	fl_json_emit_strings(e, "no strings", NULL, 0);
	fl_json_emit_strings(e, "strings", names, 2);
	fl_json_emit_array(e, "objects", false);
	for (int i = 0; i < 3; i++) {
		fl_json_emit_object(e, NULL);
		fl_json_emit_u64(e, "i", (uint64_t)i);
		fl_json_emit_array(e, "pairs", false);
		for (int k = 0; k < i; k++) {
			fl_json_emit_array(e, NULL, true);
			fl_json_emit_u64(e, NULL, (uint64_t)k);
			fl_json_emit_u64(e, NULL, 7);
			fl_json_emit_close(e);
		}
		fl_json_emit_close(e);
		fl_json_emit_close(e);
	}
	fl_json_emit_close(e);
	fl_json_emit_close(e);
}

static void longer_than_the_buffer(struct fl_json_emit *e)
{
	static char text[3 * FL_JSON_EMIT_BUFFER];
	memset(text, 'x', sizeof(text) - 1);
	fl_json_emit_object(e, NULL);
	fl_json_emit_string(e, "long", text);
	fl_json_emit_array(e, "many", true);
	for (int i = 0; i < 80000; i++)
		fl_json_emit_u64(e, NULL, (uint64_t)i);
	fl_json_emit_close(e);
	fl_json_emit_close(e);
}

/* Of one minute, of another that takes its place among those that are remembered, of before the epoch. */
static const int64_t times[] = {
	INT64_C(1795258726547000123), INT64_C(1795258726547001000), INT64_C(1795258740000000000) - 1, INT64_C(1795258740000000000),
	INT64_C(1795258726000000000), INT64_C(1795258726000000000) + FL_JSON_EMIT_MINUTES * INT64_C(60000000000),
	INT64_C(1795258727000000000), 0, 1, -1, INT64_C(-60000000000), INT64_C(-60000000000) * FL_JSON_EMIT_MINUTES - 1, 59,
	INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1,
};

static void instants(struct fl_json_emit *e)
{
	fl_json_emit_array(e, NULL, true);
	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < FL_ARRAY_LEN(times); i++)
			fl_json_emit_time(e, NULL, times[i]);
	fl_json_emit_close(e);
}

static void times_are_those_of_the_units(void **state)
{
	char *text = emitted(instants), *at = text;
	for (size_t i = 0; i < 2 * FL_ARRAY_LEN(times); i++) {
		char wanted[FL_TIME_TEXT + 2], time[FL_TIME_TEXT];
		int size = snprintf(wanted, sizeof(wanted), "\"%s\"", fl_time_format(times[i % FL_ARRAY_LEN(times)], time));
		at = strchr(at, '"');
		assert_non_null(at);
		assert_memory_equal(at, wanted, (size_t)size);
		at += size;
	}
	free(text);
	(void)state;
}

static void scalars_are_printed_as_in_a_tree(void **state)
{
	assert_like_the_tree(scalars);
	(void)state;
}

static void lists_and_objects_are_laid_out_as_in_a_tree(void **state)
{
	assert_like_the_tree(nested);
	(void)state;
}

static void what_is_longer_than_the_buffer_is_whole(void **state)
{
	assert_like_the_tree(longer_than_the_buffer);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_printed_as_in_a_tree),
		cmocka_unit_test(lists_and_objects_are_laid_out_as_in_a_tree),
		cmocka_unit_test(what_is_longer_than_the_buffer_is_whole),
		cmocka_unit_test(times_are_those_of_the_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
