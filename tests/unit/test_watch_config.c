/* SPDX-License-Identifier: BSD-2-Clause */
/* test_watch_config.c - options out of a file: what is taken, what is refused and where, what differs */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/watch.h"
#include "faultline/units.h"

static char path[] = "/tmp/fl-watch-conf-XXXXXX";

static int write_file(const char *text)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return -1;
	fputs(text, f);
	return fclose(f);
}

static int read_config(struct watch_config **c, const char *text, struct fl_error *err)
{
	static char store[] = "--store=a.db", option[] = "--config", every[] = "--every=7s";
	char *argv[] = { store, option, path, every };
	assert_int_equal(write_file(text), 0);
	return watch_config_read(c, 4, argv, err);
}

struct bad_row {
	const char *name, *text, *says;
};

static struct bad_row bad_rows[] = {
	{ "a line without a value names its place", "keep = 1d\ninterface\n", ":2: 'interface' wants a value" },
	{ "an option that does not exist", "\n\ncolour = red\n", ":3: " },
	{ "a value out of range", "keep-size = 1B\n", ":1: " },
	{ "a file does not name another", "config = b\n", ":1: 'config' does not belong here" },
	{ "a flag is yes or no", "light = maybe\n", ":1: light is yes or no" },
	{ "no option name", "= 3\n", ":1: " },
	{ "blanks in a name", "keep size = 3\n", ":1: " },
	{ "an attribution that nobody knows", "attribution = oracle\n", "oracle" },
	{ "rings that leave nothing for the tables", "memory = 16MiB\nbuffer = 8MiB\n", "too little" },
};

static void refused_with_its_place(void **state)
{
	const struct bad_row *row = *state;
	struct watch_config *c = NULL;
	struct fl_error err = { "" };
	assert_true(read_config(&c, row->text, &err) < 0);
	if (!strstr(err.text, row->says))
		fail_msg("%s", err.text);
	assert_null(c);
}

static void the_command_line_wins_and_lists_add_up(void **state)
{
	struct watch_config *c = NULL;
	struct fl_error err = { "" };
	(void)state;
	assert_int_equal(read_config(&c, "# comment\n every=3s \ninterface = eth0\ninterface=eth1\nlight\nkeep = 2d", &err), 0);
	assert_int_equal(c->options.every_ns, 7 * FL_NS_PER_S);
	assert_int_equal(c->options.keep_ns, 2 * 86400 * FL_NS_PER_S);
	assert_int_equal(c->options.scan.interfaces.count, 2);
	assert_string_equal(c->options.scan.interfaces.list[1], "eth1");
	assert_true(c->options.scan.light);
	watch_config_free(c);
}

static void collect(void *context, const char *name, const char *old, const char *new)
{
	char *text = context;
	sprintf(text + strlen(text), "%s:%s>%s ", name, old, new);
}

static void differences_are_told_by_option(void **state)
{
	struct watch_config *a = NULL, *b = NULL;
	struct fl_error err = { "" };
	char text[500] = "";
	(void)state;
	assert_int_equal(read_config(&a, "interface = eth0\nlight\n", &err), 0);
	assert_int_equal(read_config(&b, "interface = eth0\ninterface = eth1\nkeep-size=2MiB", &err), 0);
	assert_int_equal(watch_config_differences(a, b, collect, text), 3);
	assert_string_equal(text, "interface:eth0>eth0,eth1 keep-size:1073741824>2097152 light:yes>no ");
	assert_int_equal(watch_config_differences(a, a, collect, text), 0);
	watch_config_free(a);
	watch_config_free(b);
}

static void what_the_command_line_overrides_is_told(void **state)
{
	struct watch_config *c = NULL;
	struct fl_error err = { "" };
	char text[500] = "";
	(void)state;
	assert_int_equal(read_config(&c, "every = 3s\nkeep = 2d\nstore = b.db\ninterface = eth0\nlight = no\n", &err), 0);
	assert_int_equal(watch_config_overridden(c, collect, text), 2);
	assert_string_equal(text, "every:3s>7s store:b.db>a.db ");
	watch_config_free(c);
	text[0] = '\0';
	assert_int_equal(read_config(&c, "every = 7s\n", &err), 0);
	assert_int_equal(watch_config_overridden(c, collect, text), 0);
	watch_config_free(c);
}

static void a_flag_that_the_file_sets_to_no_is_overridden_too(void **state)
{
	static char store[] = "--store=a.db", option[] = "--config", light[] = "--light";
	char *argv[] = { store, option, path, light }, text[500] = "";
	struct watch_config *c = NULL;
	struct fl_error err = { "" };
	(void)state;
	assert_int_equal(write_file("light = no\n"), 0);
	assert_int_equal(watch_config_read(&c, 4, argv, &err), 0);
	assert_int_equal(watch_config_overridden(c, collect, text), 1);
	assert_string_equal(text, "light:no>yes ");
	watch_config_free(c);
}

static void lists_differ_behind_what_is_shown(void **state)
{
	struct watch_config *a = NULL, *b = NULL;
	struct fl_error err = { "" };
	char text[4000] = "", lines[2000] = "";
	(void)state;
	for (int i = 0; i < 60; i++)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "internal = 203.0.%d.0/24\n", i);
	assert_int_equal(read_config(&a, lines, &err), 0);
	strcat(lines, "internal = 198.51.100.0/24\n");
	assert_int_equal(read_config(&b, lines, &err), 0);
	assert_int_equal(watch_config_differences(a, b, collect, text), 1);
	assert_int_equal(watch_config_differences(b, b, collect, text), 0);
	watch_config_free(a);
	watch_config_free(b);
}

/* At a change nobody waits: windows go on meanwhile. */
static void pipes_and_folders_are_refused_without_waiting(void **state)
{
	static char store[] = "--store=a.db", option[] = "--config", pipe[] = "/tmp/fl-watch-pipe-XXXXXX", folder[] = "/tmp";
	static char *const bad[] = { pipe, folder };
	struct watch_config *c = NULL;
	struct fl_error err = { "" };
	(void)state;
	int fd = mkstemp(pipe);
	assert_true(fd >= 0 && close(fd) == 0 && unlink(pipe) == 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++) {
		char *argv[] = { store, option, bad[i] };
		assert_int_equal(watch_config_read(&c, 3, argv, &err), -EINVAL);
		assert_non_null(strstr(err.text, "is no regular file"));
	}
	unlink(pipe);
}

static void a_file_of_comments_without_end_is_refused(void **state)
{
	enum { LINES = 30000 };
	struct watch_config *c = NULL;
	struct fl_error err = { "" };
	char *text = malloc(2 * LINES + 1);
	(void)state;
	assert_non_null(text);
	for (int i = 0; i < LINES; i++)
		memcpy(text + (ptrdiff_t)2 * i, "#\n", 3);
	assert_int_equal(read_config(&c, text, &err), -EINVAL);
	assert_non_null(strstr(err.text, ":20001: "));
	free(text);
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(bad_rows) + 7] = {
		cmocka_unit_test(the_command_line_wins_and_lists_add_up),
		cmocka_unit_test(differences_are_told_by_option),
		cmocka_unit_test(what_the_command_line_overrides_is_told),
		cmocka_unit_test(a_flag_that_the_file_sets_to_no_is_overridden_too),
		cmocka_unit_test(lists_differ_behind_what_is_shown),
		cmocka_unit_test(pipes_and_folders_are_refused_without_waiting),
		cmocka_unit_test(a_file_of_comments_without_end_is_refused),
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(bad_rows); i++)
		tests[i + 7] = (struct CMUnitTest){ .name = bad_rows[i].name, .test_func = refused_with_its_place,
						    .initial_state = &bad_rows[i] };
	int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
