/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <math.h>

#include "faultline/status.h"
#include "faultline/units.h"

enum { UNCHANGED = -77 };

#define NS(s) ((int64_t)(s) * FL_NS_PER_S)
#define T 1795266345 /* 2026-11-21T13:05:45Z */

enum what { TIME, TIME_TEXT, DURATION, DURATION_TEXT, SIZE, SIZE_TEXT };

/* Parsers: text to value, UNCHANGED where the text is refused. Formatters: value to text. */
static const struct row {
	enum what what;
	const char *text;
	int64_t value;
} rows[] = {
	{ TIME, "1970-01-01T00:00:00Z", 0 },
	{ TIME, "2026-11-21T13:05:45Z", NS(T) },
	{ TIME, "2026-11-21T13:05:45.123456Z", NS(T) + 123456000 },
	{ TIME, "2026-11-21T13:05:45.5Z", NS(T) + 500000000 },
	{ TIME, "2026-11-21T13:05:45.123456789Z", NS(T) + 123456789 },
	{ TIME, "2026-11-21T13:05:45.1234567899999Z", NS(T) + 123456789 },
	{ TIME, "2026-11-21t13:05:45z", NS(T) },
	{ TIME, "2026-11-21 13:05:45Z", NS(T) },
	{ TIME, "2026-11-21T15:05:45+02:00", NS(T) },
	{ TIME, "2026-11-21T07:35:45-05:30", NS(T) },
	{ TIME, "2024-02-29T00:00:00Z", NS(1709164800) },
	{ TIME, "2000-02-29T00:00:00Z", NS(951782400) },
	{ TIME, "1969-12-31T23:59:59.5Z", -500000000 },
	{ TIME, "2016-12-31T23:59:60Z", NS(1483228800) },
	{ TIME, "2262-04-11T23:47:16.854775807Z", INT64_MAX },
	{ TIME, "1677-09-21T00:12:43.145224192Z", INT64_MIN },
	{ TIME, "2262-04-11T23:47:16.854775808Z", UNCHANGED },
	{ TIME, "1677-09-21T00:12:43.145224191Z", UNCHANGED },
	{ TIME, "2023-02-29T00:00:00Z", UNCHANGED },
	{ TIME, "1900-02-29T00:00:00Z", UNCHANGED },
	{ TIME, "2026-13-01T00:00:00Z", UNCHANGED },
	{ TIME, "2026-00-01T00:00:00Z", UNCHANGED },
	{ TIME, "2026-04-31T00:00:00Z", UNCHANGED },
	{ TIME, "2026-11-21T24:00:00Z", UNCHANGED },
	{ TIME, "2026-11-21T13:60:00Z", UNCHANGED },
	{ TIME, "2026-11-21T13:05:61Z", UNCHANGED },
	{ TIME, "2026-11-21T13:05:45", UNCHANGED },
	{ TIME, "2026-11-21T13:05:45.Z", UNCHANGED },
	{ TIME, "2026-11-21T13:05:45Zx", UNCHANGED },
	{ TIME, "2026-11-21T13:05:45+0200", UNCHANGED },
	{ TIME, "2026-11-21", UNCHANGED },
	{ TIME, " 2026-11-21T13:05:45Z", UNCHANGED },
	{ TIME, "9999-12-31T23:59:59Z", UNCHANGED },
	{ TIME, "", UNCHANGED },
	{ TIME_TEXT, "1970-01-01T00:00:00Z", 0 },
	{ TIME_TEXT, "2026-11-21T13:05:45Z", NS(T) },
	{ TIME_TEXT, "2026-11-21T13:05:45.123456Z", NS(T) + 123456000 },
	{ TIME_TEXT, "2026-11-21T13:05:45.500000Z", NS(T) + 500000000 },
	{ TIME_TEXT, "2026-11-21T13:05:45.000000001Z", NS(T) + 1 },
	{ TIME_TEXT, "1969-12-31T23:59:59.999999999Z", -1 },
	{ TIME_TEXT, "2262-04-11T23:47:16.854775807Z", INT64_MAX },
	{ TIME_TEXT, "1677-09-21T00:12:43.145224192Z", INT64_MIN },
	{ DURATION, "250us", 250000 },
	{ DURATION, "250ms", 250000000 },
	{ DURATION, "1.5s", 1500000000 },
	{ DURATION, "0.1s", 100000000 },
	{ DURATION, "0.000000001", 1 },
	{ DURATION, "5m", NS(300) },
	{ DURATION, "2h", NS(7200) },
	{ DURATION, "7d", NS(604800) },
	{ DURATION, "1.5d", NS(129600) },
	{ DURATION, "90", NS(90) },
	{ DURATION, "0", 0 },
	{ DURATION, "106751d", NS(9223286400) },
	{ DURATION, "106752d", UNCHANGED },
	{ DURATION, "99999999999999999999s", UNCHANGED },
	{ DURATION, "-1s", UNCHANGED },
	{ DURATION, "+1s", UNCHANGED },
	{ DURATION, "1.s", UNCHANGED },
	{ DURATION, ".5s", UNCHANGED },
	{ DURATION, "1e3s", UNCHANGED },
	{ DURATION, "s", UNCHANGED },
	{ DURATION, "5 parsecs", UNCHANGED },
	{ DURATION, "5s ", UNCHANGED },
	{ DURATION, "", UNCHANGED },
	{ DURATION_TEXT, "0 s", 0 },
	{ DURATION_TEXT, "1 ns", 1 },
	{ DURATION_TEXT, "999 ns", 999 },
	{ DURATION_TEXT, "1 us", 1000 },
	{ DURATION_TEXT, "1.5 us", 1500 },
	{ DURATION_TEXT, "999 us", 999499 },
	{ DURATION_TEXT, "1 ms", 999500 },
	{ DURATION_TEXT, "250 ms", 250000000 },
	{ DURATION_TEXT, "12.3 ms", 12345678 },
	{ DURATION_TEXT, "1 s", 999600000 },
	{ DURATION_TEXT, "1.5 s", 1500000000 },
	{ DURATION_TEXT, "59.9 s", 59949999999 },
	{ DURATION_TEXT, "1 m", 59950000000 },
	{ DURATION_TEXT, "1 m 30 s", NS(90) },
	{ DURATION_TEXT, "2 m", 119700000000 },
	{ DURATION_TEXT, "1 h", 3599600000000 },
	{ DURATION_TEXT, "2 h 5 m", NS(7500) },
	{ DURATION_TEXT, "1 d", NS(86399) },
	{ DURATION_TEXT, "3 d 4 h", NS(3 * 86400 + 4 * 3600) },
	{ DURATION_TEXT, "-1.5 s", -1500000000 },
	{ DURATION_TEXT, "106751 d 23 h", INT64_MAX - NS(3000) },
	{ DURATION_TEXT, "-106752 d", INT64_MIN },
	{ SIZE, "4096", 4096 },
	{ SIZE, "64KiB", 65536 },
	{ SIZE, "64MiB", 67108864 },
	{ SIZE, "2GiB", INT64_C(2) << 30 },
	{ SIZE, "10MB", 10000000 },
	{ SIZE, "10 MB", 10000000 },
	{ SIZE, "1kB", 1000 },
	{ SIZE, "1.5GiB", INT64_C(3) << 29 },
	{ SIZE, "64mib", 67108864 },
	{ SIZE, "1TiB", INT64_C(1) << 40 },
	{ SIZE, "16777216TiB", UNCHANGED },
	{ SIZE, "18446744073709551616", UNCHANGED },
	{ SIZE, "-1", UNCHANGED },
	{ SIZE, "64M", UNCHANGED },
	{ SIZE, "KiB", UNCHANGED },
	{ SIZE, "0x10", UNCHANGED },
	{ SIZE_TEXT, "0 B", 0 },
	{ SIZE_TEXT, "999 B", 999 },
	{ SIZE_TEXT, "1 kB", 1000 },
	{ SIZE_TEXT, "876 MB", 876000000 },
	{ SIZE_TEXT, "1.23 GB", 1234567890 },
	{ SIZE_TEXT, "1 GB", 999600000 },
	{ SIZE_TEXT, "18.4 EB", -1 }, /* as uint64_t: the largest */
};

static void run_row(void **state)
{
	const struct row *row = *state;
	char text[FL_TIME_TEXT];
	int64_t value = UNCHANGED;
	uint64_t bytes = (uint64_t)UNCHANGED;
	bool accepted = row->value != UNCHANGED;

	switch (row->what) {
	case TIME:
		assert_int_equal(fl_time_parse(row->text, &value), accepted);
		assert_int_equal(value, row->value);
		break;
	case TIME_TEXT:
		assert_string_equal(fl_time_format(row->value, text), row->text);
		break;
	case DURATION:
		assert_int_equal(fl_duration_parse(row->text, &value), accepted);
		assert_int_equal(value, row->value);
		break;
	case DURATION_TEXT:
		assert_string_equal(fl_duration_format(row->value, text), row->text);
		break;
	case SIZE:
		assert_int_equal(fl_size_parse(row->text, &bytes), accepted);
		assert_int_equal(bytes, (uint64_t)row->value);
		break;
	case SIZE_TEXT:
		assert_string_equal(fl_size_format((uint64_t)row->value, text), row->text);
		break;
	}
}

static void times_survive_writing_and_reading(void **state)
{
	char text[FL_TIME_TEXT];

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		int64_t t = (int64_t)(i * UINT64_C(0x9e3779b97f4a7c15)), back = 0;
		assert_true(fl_time_parse(fl_time_format(t, text), &back));
		assert_int_equal(back, t);
	}
}

static void spans_of_any_times_fit(void **state)
{
	(void)state;
	assert_int_equal(fl_time_span(5, 3), -2);
	assert_int_equal(fl_time_span(INT64_MIN, INT64_MAX), INT64_MAX);
	assert_int_equal(fl_time_span(INT64_MAX, INT64_MIN), INT64_MIN);
	assert_int_equal(fl_ns_of_seconds(1.5), 1500000000);
	assert_int_equal(fl_ns_of_seconds(1e300), INT64_MAX);
	assert_int_equal(fl_ns_of_seconds(-INFINITY), INT64_MIN);
	assert_int_equal(fl_ns_of_seconds(NAN), 0);
}

int main(void)
{
	enum { ROWS = FL_ARRAY_LEN(rows) };
	struct CMUnitTest tests[ROWS + 2] = { 0 };

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].text, .test_func = run_row,
						.initial_state = (void *)(uintptr_t)&rows[i] };
	tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(times_survive_writing_and_reading);
	tests[ROWS + 1] = (struct CMUnitTest)cmocka_unit_test(spans_of_any_times_fit);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
