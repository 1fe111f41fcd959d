/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <errno.h>

#include "faultline/options.h"
#include "faultline/units.h"

struct settings {
	bool quiet, all;
	const char *out;
	struct fl_strings in;
	int64_t count;
	double share;
	int64_t time_ns;
	uint64_t memory;
};

#define AT(member) offsetof(struct settings, member)

static const struct fl_option options[] = {
	{ "quiet", 'q', FL_OPTION_FLAG, AT(quiet), 0, 0, NULL, "say nothing" },
	{ "all", 'a', FL_OPTION_FLAG, AT(all), 0, 0, NULL, "everything" },
	{ "out", 'o', FL_OPTION_STRING, AT(out), 0, 0, "FILE",
	  "write to FILE instead of standard output, under a temporary name first, so that the file is whole or "
	  "not there at all" },
	{ "read", 'r', FL_OPTION_STRINGS, AT(in), 0, 0, "FILE", "read FILE" },
	{ "count", 'n', FL_OPTION_INTEGER, AT(count), 1, 100, "N", "how many" },
	{ "share", 0, FL_OPTION_DOUBLE, AT(share), 0, 1, "SHARE", "how much" },
	{ "for", 0, FL_OPTION_DURATION, AT(time_ns), 1, INT64_MAX, "TIME", "how long" },
	{ "keep", 0, FL_OPTION_AGE, AT(time_ns), 0, INT64_MAX, "AGE", "how old" },
	{ "a-name-longer-than-the-column", 0, FL_OPTION_SIZE, AT(memory), 1024, 1048576, "SIZE", "memory" },
	{ 0 },
};
static const struct fl_usage usage = {
	.command = "try",
	.synopsis = "[-q] [-a] [-r FILE]... [--count N] [--share SHARE] [--for TIME] [-o FILE] INPUT...",
	.about = "Tries the options.",
	.options = options,
	.notes = "One note.",
};

static const struct row {
	const char *name;
	const char *argv[8];
	const char *error; /* else: what they gave */
	struct settings settings;
	const char *in; /* all of --read, then "|", then all positional arguments */
} rows[] = {
	{ "nothing", { NULL }, NULL, { 0 }, "|" },
	{ "a long flag", { "--quiet" }, NULL, { .quiet = true }, "|" },
	{ "clustered letters", { "-qa" }, NULL, { .quiet = true, .all = true }, "|" },
	{ "a value behind its letter", { "-o", "f" }, NULL, { .out = "f" }, "|" },
	{ "a value glued to its letter", { "-of" }, NULL, { .out = "f" }, "|" },
	{ "a value at the end of a cluster", { "-qof" }, NULL, { .quiet = true, .out = "f" }, "|" },
	{ "a value behind a cluster", { "-qo", "f" }, NULL, { .quiet = true, .out = "f" }, "|" },
	{ "a long value with equals", { "--out=f" }, NULL, { .out = "f" }, "|" },
	{ "a long value behind", { "--out", "f" }, NULL, { .out = "f" }, "|" },
	{ "an empty value", { "--out=" }, NULL, { .out = "" }, "|" },
	{ "a value with equals in it", { "--out=a=b" }, NULL, { .out = "a=b" }, "|" },
	{ "a value that looks like an option", { "-o", "-q" }, NULL, { .out = "-q" }, "|" },
	{ "the last of two values", { "-oa", "-ob" }, NULL, { .out = "b" }, "|" },
	{ "a list in its order", { "-ra", "--read", "b", "--read=c" }, NULL, { 0 }, "a b c |" },
	{ "positional arguments anywhere", { "x", "-q", "y", "-of", "z" }, NULL, { .quiet = true, .out = "f" },
	  "| x y z" },
	{ "a lone dash is positional", { "-", "-o", "-" }, NULL, { .out = "-" }, "| -" },
	{ "options end at two dashes", { "-q", "--", "-a", "--", "x" }, NULL, { .quiet = true }, "| -a -- x" },
	{ "an empty argument is positional", { "" }, NULL, { 0 }, "| " },
	{ "an integer", { "-n42" }, NULL, { .count = 42 }, "|" },
	{ "the edges of a range", { "-n1", "--share", "1" }, NULL, { .count = 1, .share = 1 }, "|" },
	{ "a double", { "--share=0.25" }, NULL, { .share = 0.25 }, "|" },
	{ "a duration", { "--for", "1.5s" }, NULL, { .time_ns = 1500000000 }, "|" },
	{ "a size", { "--a-name-longer-than-the-column=64KiB" }, NULL, { .memory = 65536 }, "|" },

	{ "an unknown name", { "--nope=1" }, "no option --nope; 'faultline try --help' lists the options", { 0 }, "" },
	{ "a name cut short", { "--qui" }, "no option --qui; did you mean '--quiet'? 'faultline try --help' lists the options", { 0 }, "" },
	{ "a name with two letters swapped, and a value", { "--otu=f" },
	  "no option --otu; did you mean '--out'? 'faultline try --help' lists the options", { 0 }, "" },
	{ "a misspelt wish for help", { "--hlep" }, "no option --hlep; did you mean '--help'? 'faultline try --help' lists the options",
	  { 0 }, "" },
	{ "an unknown letter in a cluster", { "-qx" }, "no option -x; 'faultline try --help' lists the options",
	  { 0 }, "" },
	{ "a control character as a letter", { "-\x1b" }, "no option -?; 'faultline try --help' lists the options",
	  { 0 }, "" },
	{ "a flag with a value", { "--quiet=1" }, "--quiet: takes no value; see 'faultline try --help'", { 0 }, "" },
	{ "a missing value", { "--out" }, "--out: FILE is missing behind it; see 'faultline try --help'", { 0 }, "" },
	{ "a missing value of a letter", { "-qo" }, "--out: FILE is missing behind it; see 'faultline try --help'",
	  { 0 }, "" },
	{ "no integer", { "-n", "4x" }, "--count: '4x' is not a whole number; see 'faultline try --help'", { 0 }, "" },
	{ "an empty integer", { "--count=" }, "--count: '' is not a whole number; see 'faultline try --help'", { 0 },
	  "" },
	{ "an integer that overflows", { "-n99999999999999999999" },
	  "--count: '99999999999999999999' is not a whole number; see 'faultline try --help'", { 0 }, "" },
	{ "an integer out of range", { "-n101" },
	  "--count: '101' is not between 1 and 100; see 'faultline try --help'", { 0 }, "" },
	{ "a double out of range", { "--share", "-0.5" },
	  "--share: '-0.5' is not between 0 and 1; see 'faultline try --help'", { 0 }, "" },
	{ "not a number", { "--share=nan" }, "--share: 'nan' is not a number such as 0.05; see 'faultline try --help'", { 0 }, "" },
	{ "no duration", { "--for", "soon" },
	  "--for: 'soon' is not a duration such as 250ms, 30s, 5m, 2h; see 'faultline try --help'", { 0 }, "" },
	{ "a duration without a unit is seconds", { "--for", "5" }, NULL, { .time_ns = INT64_C(5000000000) }, "|" },
	{ "an age without a unit", { "--keep", "5" },
	  "--keep: '5' has no unit; give 5s, 5m or 5d; see 'faultline try --help'", { 0 }, "" },
	{ "an age", { "--keep", "5m" }, NULL, { .time_ns = INT64_C(300000000000) }, "|" },
	{ "an age of nothing", { "--keep", "0" }, NULL, { 0 }, "|" },
	{ "a duration out of range", { "--for", "0" }, "--for: '0' is not 1 ns or more; see 'faultline try --help'",
	  { 0 }, "" },
	{ "a size out of range", { "--a-name-longer-than-the-column", "2MiB" },
	  "--a-name-longer-than-the-column: '2MiB' is not between 1024 and 1048576; see 'faultline try --help'",
	  { 0 }, "" },
};

static void join(char *text, const struct settings *s, const struct fl_strings *positional)
{
	for (size_t i = 0; i < s->in.count; i++)
		text += sprintf(text, "%s ", s->in.list[i]);
	text += sprintf(text, "|");
	for (size_t i = 0; i < positional->count; i++)
		text += sprintf(text, " %s", positional->list[i]);
}

static void run_row(void **state)
{
	const struct row *row = *state;
	struct settings s = { 0 };
	struct fl_strings positional = { 0 };
	struct fl_error err = { "" };
	char text[128];
	int argc = 0;

	while (argc < 8 && row->argv[argc])
		argc++;
	int r = fl_options_parse(&usage, argc, (char **)(uintptr_t)row->argv, &s, &positional, &err);
	assert_string_equal(err.text, row->error ? row->error : "");
	assert_int_equal(r, row->error ? -EINVAL : FL_OPTIONS_OK);
	if (!row->error) {
		join(text, &s, &positional);
		assert_string_equal(text, row->in);
		fl_strings_fini(&s.in);
		s.in = (struct fl_strings){ 0 };
		if (row->settings.out) {
			assert_string_equal(s.out, row->settings.out);
			s.out = row->settings.out;
		}
		assert_memory_equal(&s, &row->settings, sizeof(s));
	}
	fl_strings_fini(&positional);
}

static void help_is_aligned_and_wrapped(void **state)
{
	static const char expected[] =
		"usage: faultline try [-q] [-a] [-r FILE]... [--count N] [--share SHARE]\n"
		"                     [--for TIME] [-o FILE] INPUT...\n"
		"\n"
		"Tries the options.\n"
		"\n"
		"Options:\n"
		"  -q, --quiet        say nothing\n"
		"  -a, --all          everything\n"
		"  -o, --out FILE     write to FILE instead of standard output, under a\n"
		"                     temporary name first, so that the file is whole or not\n"
		"                     there at all\n"
		"  -r, --read FILE    read FILE\n"
		"  -n, --count N      how many\n"
		"      --share SHARE  how much\n"
		"      --for TIME     how long\n"
		"      --keep AGE     how old\n"
		"      --a-name-longer-than-the-column SIZE\n"
		"                     memory\n"
		"      --help         show this text\n"
		"\n"
		"One note.\n";
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	fl_options_help(&usage, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void help_is_implied(void **state)
{
	static const char *const asked[] = { "--help", "-h", "-qh" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(asked); i++) {
		char *argv[] = { (char *)(uintptr_t)asked[i], NULL };
		struct settings s = { 0 };
		struct fl_strings positional = { 0 };
		struct fl_error err;
		assert_int_equal(fl_options_parse(&usage, 1, argv, &s, &positional, &err), FL_OPTIONS_HELP);
	}
}

static void a_list_grows(void **state)
{
	struct fl_strings s = { 0 };
	char texts[1000][8];

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		sprintf(texts[i], "%zu", i);
		fl_strings_add(&s, texts[i]);
	}
	assert_int_equal(s.count, 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_equal(s.list[i], texts[i]);
	fl_strings_fini(&s);
	assert_int_equal(s.count, 0);
}

int main(void)
{
	enum { R = FL_ARRAY_LEN(rows) };
	struct CMUnitTest tests[3 + R] = {
		cmocka_unit_test(help_is_aligned_and_wrapped),
		cmocka_unit_test(help_is_implied),
		cmocka_unit_test(a_list_grows),
	};

	for (size_t i = 0; i < R; i++)
		tests[3 + i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = run_row,
						    .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
