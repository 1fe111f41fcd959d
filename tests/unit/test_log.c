/* SPDX-License-Identifier: BSD-2-Clause */
/* test_log.c - logfmt: what is quoted, and that no value can make a line of its own */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "capture/log.h"
#include "faultline/status.h"

struct log_row {
	const char *name, *value, *line;
};

static struct log_row rows[] = {
	{ "a plain value stands as it is", "eth0", " k=eth0\n" },
	{ "blanks are quoted", "a b", " k=\"a b\"\n" },
	{ "nothing is quoted", "", " k=\"\"\n" },
	{ "an equals sign is quoted", "a=b", " k=\"a=b\"\n" },
	{ "quotes and backslashes are escaped", "a\"b\\", " k=\"a\\\"b\\\\\"\n" },
	{ "a line feed makes no line", "x\ntime=0 event=fake", " k=\"x\\x0atime=0 event=fake\"\n" },
	{ "escape sequences of terminals are written out", "\033[31m", " k=\"\\x1b[31m\"\n" },
	{ "bytes beyond ASCII are written out", "\xc3\xa4", " k=\"\\xc3\\xa4\"\n" },
};

static void written_as_it_should(void **state)
{
	const struct log_row *row = *state;
	char *text = NULL;
	size_t size;
	struct fl_log log = { .out = open_memstream(&text, &size) };
	struct log_line l = log_begin(&log, "info", "test");
	log_text(&l, "k", row->value);
	log_text(&l, "none", NULL);
	log_end(&l);
	fclose(log.out);
	assert_non_null(strstr(text, " level=info event=test"));
	assert_string_equal(strstr(text, "event=test") + strlen("event=test"), row->line);
	free(text);
}

static void a_line_that_is_too_long_is_cut_and_ended(void **state)
{
	char *text = NULL, value[5000];
	size_t size;
	struct fl_log log = { .out = open_memstream(&text, &size) };
	(void)state;
	memset(value, '\1', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	struct log_line l = log_begin(&log, "info", "test");
	log_text(&l, "k", value);
	log_number(&l, "n", 1);
	log_end(&l);
	fclose(log.out);
	assert_true(size <= sizeof(l.text) && text[size - 1] == '\n' && strchr(text, '\n') == text + size - 1);
	assert_string_equal(text + size - 6, "\\x01\"\n"); /* no half of an escape, no open quote, nothing behind what is cut */
	free(text);
}

static void lines_that_nobody_takes_are_lost_and_counted(void **state)
{
	enum { LINES = 300 };
	char text[1 << 16];
	int ends[2];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 8192) > 0);
	struct fl_log log = { .out = fdopen(ends[1], "w") };
	for (int i = 0; i < LINES; i++) {
		struct log_line l = log_begin(&log, "info", "test");
		log_end(&l);
	}
	assert_in_range(log.lost, LINES / 2, LINES - 1);
	assert_true(read(ends[0], text, sizeof(text)) > 0);
	struct log_line l = log_begin(&log, "info", "last");
	log_end(&l);
	fclose(log.out);
	ssize_t size = read(ends[0], text, sizeof(text) - 1);
	assert_true(size > 0);
	text[size] = 0;
	char *told = strstr(text, " event=log-lines-lost lines=");
	assert_true(told && strstr(told, " event=last\n"));
	close(ends[0]);
}

static void lines_to_a_reader_that_is_gone_are_lost_and_counted(void **state)
{
	int ends[2];
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as a watch does */
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	struct fl_log log = { .out = fdopen(ends[1], "w") };
	for (int i = 0; i < 3; i++) {
		struct log_line l = log_begin(&log, "info", "test");
		log_end(&l);
	}
	assert_int_equal(log.lost, 3);
	fclose(log.out);
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + 3] = {
		cmocka_unit_test(a_line_that_is_too_long_is_cut_and_ended),
		cmocka_unit_test(lines_that_nobody_takes_are_lost_and_counted),
		cmocka_unit_test(lines_to_a_reader_that_is_gone_are_lost_and_counted),
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[i + 3] = (struct CMUnitTest){ .name = rows[i].name, .test_func = written_as_it_should,
						    .initial_state = &rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
