/* SPDX-License-Identifier: BSD-2-Clause */
/* test_hosts_file.c - /etc/hosts as people write it, and as nobody should */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/hosts_file.h"
#include "faultline/status.h"

struct row {
	const char *name, *text, *address, *expected; /* NULL: no name */
};

static const struct row rows[] = {
	{ "a name", "10.0.0.5 db.internal\n", "10.0.0.5", "db.internal" },
	{ "the first of several names", "10.0.0.5\tdb.internal db other\n", "10.0.0.5", "db.internal" },
	{ "the first of several lines", "10.0.0.5 first\n10.0.0.5 second\n", "10.0.0.5", "first" },
	{ "a line without its end", "10.0.0.5 db", "10.0.0.5", "db" },
	{ "a line with a carriage return", "10.0.0.5 db\r\n", "10.0.0.5", "db" },
	{ "IPv6", "fd00::5 db6\n", "fd00::5", "db6" },
	{ "comments", "# 10.0.0.5 no\n10.0.0.5 yes # no\n", "10.0.0.5", "yes" },
	{ "a name behind a comment is none", "10.0.0.5 # db\n", "10.0.0.5", NULL },
	{ "an address alone", "10.0.0.5\n", "10.0.0.5", NULL },
	{ "capital letters become small", "10.0.0.5 DB.Internal\n", "10.0.0.5", "db.internal" },
	{ "loopback names the host itself", "127.0.0.1 localhost\n::1 localhost\n", "127.0.0.1", NULL },
	{ "hostile names are no names", "10.0.0.5 \x1b[2J<script>\n", "10.0.0.5", NULL },
	{ "what is no address is passed over", "ten.0.0.5 db\n10.0.0.6 web\n", "10.0.0.6", "web" },
	{ "another address", "10.0.0.5 db\n", "10.0.0.6", NULL },
	{ "nothing", "", "10.0.0.6", NULL },
};

static void look_up(void **state)
{
	const struct row *row = *state;
	struct fl_hosts *h = fl_hosts_parse(row->text, strlen(row->text));
	struct fl_addr a;
	assert_true(fl_addr_parse(row->address, &a));
	const char *name = fl_hosts_name(h, &a);
	assert_int_equal(name != NULL, row->expected != NULL);
	if (name)
		assert_string_equal(name, row->expected);
	fl_hosts_free(h);
}

static void names_beyond_all_measure_and_zeros_are_passed_over(void **state)
{
	char text[1200] = "10.0.0.5 ";
	struct fl_addr a;
	memset(text + 9, 'a', 1000);
	strcpy(text + 1009, "\n10.0.0.6 b");
	struct fl_hosts *h = fl_hosts_parse(text, 1020);
	assert_true(fl_addr_parse("10.0.0.5", &a));
	assert_null(fl_hosts_name(h, &a));
	assert_true(fl_addr_parse("10.0.0.6", &a));
	assert_string_equal(fl_hosts_name(h, &a), "b");
	fl_hosts_free(h);
	h = fl_hosts_parse("10.0\0.5 x\n", 10);
	assert_null(fl_hosts_name(h, &a));
	assert_null(fl_hosts_name(NULL, &a));
	fl_hosts_free(h);
	(void)state;
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + 1];
	size_t n = 0;
	for (; n < FL_ARRAY_LEN(rows); n++)
		tests[n] = (struct CMUnitTest){ rows[n].name, look_up, NULL, NULL, (void *)(uintptr_t)&rows[n] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(names_beyond_all_measure_and_zeros_are_passed_over);
	return _cmocka_run_group_tests("hosts_file", tests, n, NULL, NULL);
}
