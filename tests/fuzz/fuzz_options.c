/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_options.c - any lines as the arguments of a command with every kind of option */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "faultline/options.h"
#include "faultline/units.h"

enum { TEXT_MAX = 1024, ARGUMENTS_MAX = 64 };

struct options {
	bool flag;
	const char *string;
	struct fl_strings strings;
	int64_t integer, duration_ns;
	double share;
	uint64_t bytes;
};

static const struct fl_option table[] = {
	{ "flag", 'f', FL_OPTION_FLAG, offsetof(struct options, flag), 0, 0, NULL, "a flag" },
	{ "out", 'o', FL_OPTION_STRING, offsetof(struct options, string), 0, 0, "FILE", "a string" },
	{ "read", 'r', FL_OPTION_STRINGS, offsetof(struct options, strings), 0, 0, "FILE", "strings" },
	{ "top", 'n', FL_OPTION_INTEGER, offsetof(struct options, integer), 1, 100, "N", "an integer" },
	{ "share", 0, FL_OPTION_DOUBLE, offsetof(struct options, share), 0, 1, "P", "a double" },
	{ "for", 0, FL_OPTION_DURATION, offsetof(struct options, duration_ns), 0, 3600 * FL_NS_PER_S, "TIME",
	  "a duration" },
	{ "size", 's', FL_OPTION_SIZE, offsetof(struct options, bytes), 0, 0, "SIZE", "a size" },
	{ .name = NULL },
};
static const struct fl_usage usage = { "fuzz", "[-f] [FILE]...", "Takes anything.", table, NULL };

static void check_options(const struct options *o)
{
	fuzz_check(o->integer >= 1 && o->integer <= 100);
	fuzz_check(o->share >= 0 && o->share <= 1);
	fuzz_check(o->duration_ns >= 0 && o->duration_ns <= 3600 * FL_NS_PER_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *silenced; /* --help goes to standard output */
	if (!silenced)
		silenced = freopen("/dev/null", "w", stdout);

	char text[TEXT_MAX] = "";
	memcpy(text, data, size < TEXT_MAX - 1 ? size : TEXT_MAX - 1);
	char *arguments[ARGUMENTS_MAX + 1] = { NULL };
	int count = 0;
	for (char *rest = text, *word; count < ARGUMENTS_MAX && (word = strsep(&rest, "\n"));)
		arguments[count++] = word;

	struct options o = { .integer = 1 };
	struct fl_strings positional = { 0 };
	struct fl_error err = { "" };
	int result = fl_options_parse(&usage, count, arguments, &o, &positional, &err);
	if (result < 0)
		fuzz_check(err.text[0] && memchr(err.text, 0, sizeof err.text) && !strpbrk(err.text, "\n\r\033"));
	else
		check_options(&o);
	fl_strings_fini(&positional);
	fl_strings_fini(&o.strings);
	return 0;
}
