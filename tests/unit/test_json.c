/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultline/json.h"

/* @written: as one line, where it is read; else the begin of the error is @error. */
static const struct row {
	const char *name;
	const char *text;
	const char *written;
	const char *error;
} rows[] = {
	{ "an object", " {\"b\": 1, \"a\": [true, false, null]} \n", "{\"b\":1,\"a\":[true,false,null]}", NULL },
	{ "a scalar alone", "7", "7", NULL },
	{ "empty containers", "{\"a\":{},\"b\":[]}", "{\"a\":{},\"b\":[]}", NULL },
	{ "nested containers", "[[[1],[]],{\"a\":{\"b\":[2]}}]", "[[[1],[]],{\"a\":{\"b\":[2]}}]", NULL },
	{ "a byte order mark", "\xef\xbb\xbf{}", "{}", NULL },
	{ "all escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\"",
	  "\"\\\"\\\\/\\b\\f\\n\\r\\tA\xf0\x9f\x98\x80\"", NULL },
	{ "control characters come out escaped", "\"\\u001b\\u007f\\u009b\\u202e\\u000b\"",
	  "\"\\u001b\\u007f\\u009b\\u202e\\u000b\"", NULL },
	{ "a raw C1 character comes out escaped", "\"\xc2\x9b\"", "\"\\u009b\"", NULL },
	{ "integers have no exponent", "[1e3,1000000000000000,123456789012345680000]",
	  "[1000,1000000000000000,123456789012345683968]", NULL },
	{ "doubles have the fewest digits", "[0.1,1.5e-7,0.30000000000000004,2.5e300]",
	  "[0.1,1.5e-07,0.30000000000000004,2.5e+300]", NULL },
	{ "minus zero is zero", "-0.0", "0", NULL },
	{ "what is too large is null", "1e999", "null", NULL },

	{ "nothing", "", NULL, "t: empty" },
	{ "blanks alone", " \n\t", NULL, "t: empty" },
	{ "an object that does not end", "{\"a\": 1", NULL, "t: line 1, column 8: the text ends too early" },
	{ "an opened object alone", "{", NULL, "t: line 1, column 2: the text ends too early" },
	{ "an array that does not end", "[1,\n2,", NULL, "t: line 2, column 3: the text ends too early" },
	{ "a comma before the end of an object", "{\"a\":1,}", NULL, "t: line 1, column 8: a member name" },
	{ "a comma before the end of an array", "[1,]", NULL, "t: line 1, column 4: a value is wanted" },
	{ "a missing comma", "{\"a\":1\n \"b\":2}", NULL, "t: line 2, column 2: ',' or '}' is wanted" },
	{ "a missing colon", "{\"a\" 1}", NULL, "t: line 1, column 6: ':' is wanted" },
	{ "the wrong bracket", "[1}", NULL, "t: line 1, column 3: ',' or ']' is wanted" },
	{ "a second value", "{} {}", NULL, "t: line 1, column 4: something follows" },
	{ "a bare word", "{\"a\": yes}", NULL, "t: line 1, column 7: a value is wanted" },
	{ "a cut word", "[nul", NULL, "t: line 1, column 2: a value is wanted" },
	{ "a comment", "/* x */ {}", NULL, "t: line 1, column 1: a value is wanted" },
	{ "single quotes", "{'a': 1}", NULL, "t: line 1, column 2: a member name" },
	{ "a form feed as a blank", "[\f1]", NULL, "t: line 1, column 2: a value is wanted" },
	{ "columns count characters", "[\"\xc3\xa4\xe2\x82\xac\", x]", NULL, "t: line 1, column 8: a value" },
	{ "a string without end", "[\"abc", NULL, "t: line 1, column 6: a string does not end" },
	{ "a string that ends in a backslash", "[\"abc\\", NULL, "t: line 1, column 7: a string does not end" },
	{ "a line end inside a string", "[\"a\nb\"]", NULL, "t: line 1, column 4: a control character" },
	{ "an unknown escape", "\"\\x41\"", NULL, "t: line 1, column 3: no such escape" },
	{ "three hexadecimal digits", "\"\\u12g4\"", NULL, "t: line 1, column 6: four hexadecimal" },
	{ "an escaped zero", "\"a\\u0000b\"", NULL, "t: line 1, column 9: \\u0000" },
	{ "the first half of a pair alone", "\"\\ud83dx\"", NULL, "t: line 1, column 8: the first half" },
	{ "the first half twice", "\"\\ud83d\\ud83d\"", NULL, "t: line 1, column 14: the first half" },
	{ "the second half alone", "\"\\ude00\"", NULL, "t: line 1, column 8: the second half" },
	{ "a byte that is no UTF-8", "\"a\xff\"", NULL, "t: line 1, column 3: a string is not valid UTF-8" },
	{ "an overlong character", "\"\xc0\xaf\"", NULL, "t: line 1, column 2: a string is not valid UTF-8" },
	{ "a surrogate in UTF-8", "\"\xed\xa0\x80\"", NULL, "t: line 1, column 2: a string is not valid UTF-8" },
	{ "a needless zero", "[01]", NULL, "t: line 1, column 3: a number begins with a needless zero" },
	{ "a plus sign", "[+1]", NULL, "t: line 1, column 2: a value is wanted" },
	{ "a point without digits", "[1.]", NULL, "t: line 1, column 4: a digit is wanted" },
	{ "an exponent without digits", "[1e+]", NULL, "t: line 1, column 5: a digit is wanted" },
	{ "a minus alone", "[-]", NULL, "t: line 1, column 3: a digit is wanted" },
	{ "a hexadecimal number", "[0x10]", NULL, "t: line 1, column 3: ',' or ']' is wanted" },
	{ "a number of 63 digits", "[123456789012345678901234567890123456789012345678901234567890123]", NULL,
	  "t: line 1, column 2: a number has too many digits" },
	{ "a member twice", "{\n \"s\": \"{\\\"{\", \"x\": [{\"a\":1}, {\"b\":1,\"c\":2,\"b\":3}]}", NULL,
	  "t: line 2, column 30: the object that begins here has two members \"b\"; remove one" },
	{ "a member twice, once escaped", "{\"a\":1,\"\\u0061\":2}", NULL, "t: line 1, column 1: the object" },
	{ "members that differ in case are two", "{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}", NULL },
};

static char *written(const cJSON *root, bool pretty)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	if (pretty)
		fl_json_write(out, root);
	else
		fl_json_write_compact(out, root);
	fclose(out);
	return text;
}

static void run_row(void **state)
{
	const struct row *row = *state;
	struct fl_error err = { "" };
	cJSON *root = NULL;
	/* A copy without final zero, so that a sanitizer sees a read behind it. */
	size_t size = strlen(row->text);
	char *copy = memcpy(malloc(size ? size : 1), row->text, size);

	int r = fl_json_parse("t", copy, size, &root, &err);
	free(copy);
	if (row->error) {
		assert_int_equal(r, -EINVAL);
		assert_null(root);
		err.text[strlen(row->error)] = '\0';
		assert_string_equal(err.text, row->error);
		return;
	}
	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	char *text = written(root, false);
	assert_string_equal(text, row->written);
	free(text);
	cJSON_Delete(root);
}

static int parse(const char *text, size_t size, cJSON **root, struct fl_error *err)
{
	return fl_json_parse("t", text, size, root, err);
}

static void depth_is_limited(void **state)
{
	char text[2 * FL_JSON_DEPTH_MAX + 4];
	struct fl_error err;
	cJSON *root = NULL;

	(void)state;
	memset(text, '[', FL_JSON_DEPTH_MAX);
	text[FL_JSON_DEPTH_MAX] = '1';
	memset(text + FL_JSON_DEPTH_MAX + 1, ']', FL_JSON_DEPTH_MAX);
	assert_int_equal(parse(text, 2 * FL_JSON_DEPTH_MAX + 1, &root, &err), 0);
	char *line = written(root, false);
	assert_memory_equal(line, text, 2 * FL_JSON_DEPTH_MAX + 1);
	free(line);
	cJSON_Delete(root);

	size_t size = 1000000;
	char *deep = malloc(size);
	memset(deep, '[', size);
	assert_int_equal(parse(deep, size, &root, &err), -EINVAL);
	assert_non_null(strstr(err.text, "column 65: nested deeper"));
	free(deep);
}

/* 200 000 members of one object, sorted the wrong way, the last a repetition: no square of it. */
static void a_huge_object_is_searched_quickly(void **state)
{
	enum { COUNT = 200000 };
	char *text = malloc(COUNT * 16 + 16), *end = text;
	struct fl_error err;
	cJSON *root = NULL;

	(void)state;
	*end++ = '{';
	for (int i = COUNT; i > 0; i--)
		end += sprintf(end, "\"k%07d\":%d,", i, i % 10);
	size_t prefix = (size_t)(end - text);
	memcpy(end, "\"k0000500\":1}", 13);
	assert_int_equal(parse(text, prefix + 13, &root, &err), -EINVAL);
	assert_non_null(strstr(err.text, "two members \"k0000500\""));
	text[prefix - 1] = '}';
	assert_int_equal(parse(text, prefix, &root, &err), 0);
	assert_int_equal(cJSON_GetArraySize(root), COUNT);
	cJSON_Delete(root);
	free(text);
}

static void members_of_other_types_are_absent(void **state)
{
	static const char text[] =
		"{\"s\":\"x\",\"n\":1.5,\"t\":true,\"z\":null,\"a\":[],\"big\":\"18446744073709551615\","
		"\"over\":\"18446744073709551616\",\"minus\":-1,\"count\":9007199254740991,\"huge\":2e19,"
		"\"inf\":1e999,\"time\":\"1970-01-01T00:00:01Z\",\"sign\":\"+1\",\"empty\":\"\"}";
	struct fl_error err;
	cJSON *o = NULL;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &o, &err), 0);
	assert_non_null(fl_json_get(o, "z"));
	assert_null(fl_json_get(o, "S"));
	assert_null(fl_json_get(fl_json_get(o, "a"), "s"));
	assert_null(fl_json_get(NULL, "s"));
	assert_non_null(fl_json_array(o, "a"));
	assert_null(fl_json_array(o, "s"));
	assert_string_equal(fl_json_string(o, "s"), "x");
	assert_null(fl_json_string(o, "n"));
	assert_null(fl_json_string(o, "none"));
	assert_true(fl_json_u64(o, "big", 7) == UINT64_MAX);
	assert_int_equal(fl_json_u64(o, "over", 7), 7);
	assert_int_equal(fl_json_u64(o, "minus", 7), 7);
	assert_int_equal(fl_json_u64(o, "n", 7), 7);
	assert_int_equal(fl_json_u64(o, "huge", 7), 7);
	assert_int_equal(fl_json_u64(o, "sign", 7), 7);
	assert_int_equal(fl_json_u64(o, "empty", 7), 7);
	assert_true(fl_json_u64(o, "count", 7) == UINT64_C(9007199254740991));
	cJSON_Delete(o);
}

static void what_is_added_reads_back(void **state)
{
	static const char *const list[] = { "a", "b\xff", NULL };
	const struct fl_addr address[] = { fl_addr_v4((const uint8_t[]){ 192, 0, 2, 1 }) };
	cJSON *o = cJSON_CreateObject();

	(void)state;
	fl_json_add_u64(o, "small", UINT64_C(9007199254740991));
	fl_json_add_u64(o, "large", UINT64_C(9007199254740992));
	fl_json_add_u64(o, "largest", UINT64_MAX);
	fl_json_add_double(o, "nan", NAN);
	fl_json_add_double(o, "third", 1.0 / 3);
	fl_json_add_string(o, "text", "a\xffz");
	fl_json_add_string(o, "none", NULL);
	fl_json_add_time(o, "time", 1);
	fl_json_add_strings(o, "list", list, 3);
	fl_json_add_addresses(o, "addresses", address, 1);
	assert_string_equal(fl_json_string(o, "text"), "a\xef\xbf\xbdz");
	char *text = written(o, true);
	assert_string_equal(text, "{\n"
				  "  \"small\": 9007199254740991,\n"
				  "  \"large\": \"9007199254740992\",\n"
				  "  \"largest\": \"18446744073709551615\",\n"
				  "  \"nan\": null,\n"
				  "  \"third\": 0.3333333333333333,\n"
				  "  \"text\": \"a\xef\xbf\xbdz\",\n"
				  "  \"none\": null,\n"
				  "  \"time\": \"1970-01-01T00:00:00.000000001Z\",\n"
				  "  \"list\": [\"a\", \"b\xef\xbf\xbd\", null],\n"
				  "  \"addresses\": [\"192.0.2.1\"]\n"
				  "}\n");
	free(text);
	cJSON_Delete(o);
}

static void doubles_read_back_to_the_last_bit(void **state)
{
	struct fl_error err;

	(void)state;
	for (uint64_t i = 1; i < 20000; i++) {
		uint64_t bits = i * UINT64_C(0x9e3779b97f4a7c15);
		double value;
		cJSON *root = NULL;
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		cJSON *number = cJSON_CreateNumber(value);
		char *text = written(number, false);
		assert_int_equal(parse(text, strlen(text), &root, &err), 0);
		assert_true(root->valuedouble == value);
		free(text);
		cJSON_Delete(number);
		cJSON_Delete(root);
	}
}

/* These are written without printf(). */
static void whole_nanoseconds_are_written_as_fifteen_digits_would(void **state)
{
	(void)state;
	for (uint64_t i = 1; i < 50000; i++) {
		uint64_t bits = i * UINT64_C(0x9e3779b97f4a7c15);
		double value = (double)(i % 3 ? bits % 1000000000000000 >> bits % 40 : i) / 1e9;
		char expected[64];
		cJSON *number = cJSON_CreateNumber(value);
		char *text = written(number, false);
		snprintf(expected, sizeof(expected), "%.15g", value);
		assert_string_equal(text, expected);
		free(text);
		cJSON_Delete(number);
	}
}

static const struct schema_row {
	const char *name, *text, *error;
} schemas[] = {
	{ "the wanted schema", "{\"schema\":\"faultline.scan/1\"}", NULL },
	{ "another major version", "{\"schema\":\"faultline.scan/2\"}",
	  "t: schema is \"faultline.scan/2\", this faultline reads version 1; use a newer one" },
	{ "another kind", "{\"schema\":\"faultline.graph/1\"}",
	  "t: schema is \"faultline.graph/1\"; \"faultline.scan/1\" is wanted" },
	{ "a longer kind", "{\"schema\":\"faultline.scanner/1\"}",
	  "t: schema is \"faultline.scanner/1\"; \"faultline.scan/1\" is wanted" },
	{ "no number", "{\"schema\":\"faultline.scan/\"}",
	  "t: schema is \"faultline.scan/\"; \"faultline.scan/1\" is wanted" },
	{ "more than a number", "{\"schema\":\"faultline.scan/1x\"}",
	  "t: schema is \"faultline.scan/1x\"; \"faultline.scan/1\" is wanted" },
	{ "no schema", "{}", "t: no \"schema\" in it; \"faultline.scan/1\" is wanted" },
	{ "a schema that is no text", "{\"schema\":1}", "t: no \"schema\" in it; \"faultline.scan/1\" is wanted" },
	{ "no object", "[1]", "t: an object with \"schema\": \"faultline.scan/1\" is wanted; was it written by faultline?" },
};

static void run_schema(void **state)
{
	const struct schema_row *row = *state;
	struct fl_error err = { "" };
	cJSON *root = NULL;

	assert_int_equal(parse(row->text, strlen(row->text), &root, &err), 0);
	assert_int_equal(fl_json_check_schema("t", root, "scan", 1, &err), row->error ? -EINVAL : 0);
	assert_string_equal(err.text, row->error ? row->error : "");
	cJSON_Delete(root);
}

static void files(void **state)
{
	char directory[] = "/tmp/fl-json-XXXXXX", path[64];
	struct fl_error err;
	struct fl_json_text text;

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(fl_json_read_text(directory, &text, &err), -EISDIR);
	assert_non_null(strstr(err.text, "directory; name a file in it"));
	snprintf(path, sizeof(path), "%s/a", directory);
	assert_int_equal(fl_json_read_text(path, &text, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(fl_json_read_text(path, &text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/a: empty"));
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "{\"pad\":\"%0100000d\",\n\"a\":1}", 7);
	fclose(f);
	assert_int_equal(fl_json_read_text(path, &text, &err), 0);
	assert_true(text.size > 100000);
	fl_json_text_fini(&text);
	unlink(path);
	rmdir(directory);
	assert_int_equal(fl_json_read_text("/dev/zero", &text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "zero bytes"));
}

int main(void)
{
	enum { R = FL_ARRAY_LEN(rows), S = FL_ARRAY_LEN(schemas), OTHERS = 6 };
	struct CMUnitTest tests[OTHERS + R + S] = {
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(a_huge_object_is_searched_quickly),
		cmocka_unit_test(members_of_other_types_are_absent),
		cmocka_unit_test(what_is_added_reads_back),
		cmocka_unit_test(doubles_read_back_to_the_last_bit),
		cmocka_unit_test(whole_nanoseconds_are_written_as_fifteen_digits_would),
		cmocka_unit_test(files),
	};

	for (size_t i = 0; i < R; i++)
		tests[OTHERS + i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = run_row,
							 .initial_state = (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < S; i++)
		tests[OTHERS + R + i] = (struct CMUnitTest){ .name = schemas[i].name, .test_func = run_schema,
							     .initial_state = (void *)(uintptr_t)&schemas[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
