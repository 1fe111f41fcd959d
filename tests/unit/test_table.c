/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "faultline/report.h"
#include "faultline/status.h"

enum { COLUMNS = 3 };
#define CUT "\xe2\x80\xa6"

static const struct row {
	const char *name;
	uint64_t numeric;
	unsigned width;
	const char *cells[4][COLUMNS]; /* the first row has the headings */
	const char *expected;
} rows[] = {
	{ "headings alone", 0, 0, { { "NODE", "LOST", "WHY" } }, "NODE  LOST  WHY\n" },
	{ "columns are as wide as their widest cell",
	  0, 0, { { "NODE", "LOST", "WHY" }, { "database", "3", "only one" }, { "x", "12", "y" } },
	  "NODE      LOST  WHY\n"
	  "database  3     only one\n"
	  "x         12    y\n" },
	{ "numbers stand at the right",
	  2, 0, { { "NODE", "LOST", "WHY" }, { "db", "3", "a" }, { "edge", "12345", "b" } },
	  "NODE   LOST  WHY\n"
	  "db        3  a\n"
	  "edge  12345  b\n" },
	{ "a number in the last column", 4, 0, { { "A", "B", "LOST" }, { "a", "b", "3" } },
	  "A  B  LOST\n"
	  "a  b     3\n" },
	{ "an absent cell is a dash", 0, 0, { { "A", "B", "C" }, { NULL, "b", NULL } },
	  "A  B  C\n"
	  "-  b  -\n" },
	{ "no line ends in blanks", 0, 0, { { "A", "BBBB", "C" }, { "a", "b", "" } },
	  "A  BBBB  C\n"
	  "a  b\n" },
	{ "characters are counted, not bytes", 0, 0,
	  { { "A", "B", "C" }, { "d\xc3\xb6ner", "b", "c" }, { "\xe2\x82\xac", "b", "c" } },
	  "A      B  C\n"
	  "d\xc3\xb6ner  b  c\n"
	  "\xe2\x82\xac      b  c\n" },
	{ "wide characters take two columns", 0, 0, { { "A", "B", "C" }, { "\xe6\x97\xa5\xe6\x9c\xac", "b", "c" } },
	  "A     B  C\n"
	  "\xe6\x97\xa5\xe6\x9c\xac  b  c\n" },
	{ "combining marks take none", 0, 0, { { "AA", "B", "C" }, { "e\xcc\x81", "b", "c" } },
	  "AA  B  C\n"
	  "e\xcc\x81   b  c\n" },
	{ "cells are escaped", 0, 0, { { "A", "B", "C" }, { "a\x1b[2J", "b\nb", "\xff" } },
	  "A      B    C\n"
	  "a\xef\xbf\xbd[2J  b\xef\xbf\xbd" "b  \xef\xbf\xbd\n" },
	{ "a table that fits is not cut", 0, 20, { { "A", "B", "C" }, { "aaaaaaaaaaaa", "b", "ccc" } },
	  "A             B  C\n"
	  "aaaaaaaaaaaa  b  ccc\n" },
	{ "the widest text is cut", 0, 19, { { "A", "B", "C" }, { "aaaaaaaaaaaa", "b", "ccc" } },
	  "A            B  C\n"
	  "aaaaaaaaaa" CUT "  b  ccc\n" },
	{ "cells that fit into a cut column are whole", 0, 19,
	  { { "A", "B", "C" }, { "aaaaaaaaaaaa", "b", "ccc" }, { "aaaaaaaaaaa", "b", "ccc" } },
	  "A            B  C\n"
	  "aaaaaaaaaa" CUT "  b  ccc\n"
	  "aaaaaaaaaaa  b  ccc\n" },
	{ "two wide columns are cut to the same width", 0, 25,
	  { { "A", "B", "C" }, { "aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "c" } },
	  "A           B           C\n"
	  "aaaaaaaaa" CUT "  bbbbbbbbb" CUT "  c\n" },
	{ "numbers are not cut", 1, 20, { { "A", "B", "C" }, { "123456789012345678901", "bbbbbbbbbbbb", "c" } },
	  "                    A  B         C\n"
	  "123456789012345678901  bbbbbbb" CUT "  c\n" },
	{ "a wide character is not cut in two", 0, 13,
	  { { "A", "B", "C" }, { "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5", "b", "c" } },
	  "A         B  C\n"
	  "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5" CUT "   b  c\n" },
	{ "a last cell that does not fit stands beneath its row, broken at blanks", 0, 40,
	  { { "A", "B", "WHY" }, { "a", "bbbbbbbbbbbbbbbbbbbb", "one two three four five six seven eight nine" },
	    { "a", "b", "one" } },
	  "A  B                     WHY\na  bbbbbbbbbbbbbbbbbbbb\n        one two three four five six\n"
	  "        seven eight nine\na  b                     one\n" },
	{ "headings are broken before anything is cut", 2, 24,
	  { { "A", "LOST OF ALL", "B" }, { "aaaaaaaaaaaa", "3", "b" } },
	  "A             LOST  B\n                OF\n               ALL\naaaaaaaaaaaa     3  b\n" },
	{ "a remark takes the rest of the line and widens no column", 0, 0,
	  { { "A", "B", "C" }, { "a", "b", "c" }, { "", "also: a long remark", "" } },
	  "A  B  C\na  b  c\n   also: a long remark\n" },
	{ "very narrow terminals still get eight characters a column", 0, 1,
	  { { "A", "B", "C" }, { "aaaaaaaaaaaa", "b", "c" } },
	  "A         B  C\n"
	  "aaaaaaa" CUT "  b  c\n" },
};

static void run_row(void **state)
{
	const struct row *row = *state;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct fl_table *t = fl_table_new(row->cells[0], COLUMNS);

	assert_non_null(out);
	for (size_t i = 1; i < 4 && row->cells[i][1]; i++)
		fl_table_row(t, row->cells[i]);
	fl_table_write(t, out, row->numeric, row->width);
	fclose(out);
	assert_string_equal(text, row->expected);
	free(text);
}

static void a_huge_cell_is_cut_quickly(void **state)
{
	enum { HUGE = 4 << 20 };
	char *huge = fl_alloc(HUGE + 1), *text = NULL;
	const char *const headings[] = { "A", "B" };
	const char *const cells[] = { huge, huge };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	memset(huge, 'x', HUGE);
	struct fl_table *t = fl_table_new(headings, 2);
	fl_table_row(t, cells);
	fl_table_write(t, out, 0, 80);
	fclose(out);
	size_t lines = 0;
	for (const char *at = text; *at != '\0'; lines++) {
		size_t length = strcspn(at, "\n");
		assert_true(length <= 80 + 2 + 2); /* an ellipsis has three bytes, and stands behind a full line */
		at += length + 1;
	}
	assert_int_equal(lines, 1 + 1 + 8);
	free(text);
	free(huge);
}

static void a_terminal_tells_its_width(void **state)
{
	struct winsize size = { .ws_col = 132, .ws_row = 40 };
	int master, slave;

	(void)state;
	if (openpty(&master, &slave, NULL, NULL, &size) != 0)
		skip();
	FILE *out = fdopen(slave, "w");
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	assert_int_equal(fl_terminal_width(out), 132);
	assert_true(fl_terminal_colour(out));
	setenv("NO_COLOR", "1", 1);
	assert_false(fl_terminal_colour(out));
	setenv("NO_COLOR", "", 1);
	assert_true(fl_terminal_colour(out));
	setenv("TERM", "dumb", 1);
	assert_false(fl_terminal_colour(out));
	size.ws_col = 0;
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	assert_int_equal(fl_terminal_width(out), 80);
	fclose(out);
	close(master);
}

static void a_file_has_no_width_and_no_colour(void **state)
{
	char buffer[8];
	FILE *file = fopen("/dev/null", "w"), *memory = fmemopen(buffer, sizeof(buffer), "w");

	(void)state;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	assert_int_equal(fl_terminal_width(file), 0);
	assert_false(fl_terminal_colour(file));
	assert_int_equal(fl_terminal_width(memory), 0);
	assert_false(fl_terminal_colour(memory));
	fclose(file);
	fclose(memory);
}

int main(void)
{
	enum { R = FL_ARRAY_LEN(rows) };
	struct CMUnitTest tests[3 + R] = {
		cmocka_unit_test(a_huge_cell_is_cut_quickly),
		cmocka_unit_test(a_terminal_tells_its_width),
		cmocka_unit_test(a_file_has_no_width_and_no_colour),
	};

	for (size_t i = 0; i < R; i++)
		tests[3 + i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = run_row,
						    .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
