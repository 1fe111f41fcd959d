/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - one table per command, one parser for all
 *
 * The parser walks over the arguments once. What stands for an option is found
 * in the table, its value is read by the function of its kind and stored at
 * the option's offset; nothing else knows what options a command has. The help
 * is printed from the same table, so it cannot promise what is not there.
 */
#include "faultline/options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/nearest.h"
#include "faultline/units.h"

void fl_strings_add(struct fl_strings *s, const char *text)
{
	/* The capacity is a function of the count, so it need not be kept. */
	if (s->count == 0 || fl_grown(0, s->count) == s->count) {
		size_t capacity = fl_grown(0, s->count + 1);
		s->list = fl_grow_array(s->list, capacity, sizeof(*s->list));
	}
	s->list[s->count++] = text;
}

void fl_strings_fini(struct fl_strings *s)
{
	free(s->list);
	*s = (struct fl_strings){ 0 };
}

struct parser {
	const struct fl_usage *usage;
	char **argv;
	int argc;
	int at; /* the argument behind the current one */
	char *into;
	struct fl_error *err;
};

static int fail_value(
	const struct parser *p, const struct fl_option *o, const char *value, const char *wanted)
{
	return fl_fail(p->err, -EINVAL, "--%s: '%.80s' is not %s; see 'faultline %s --help'", o->name, value,
		wanted, p->usage->command);
}

static bool has_range(const struct fl_option *o)
{
	return o->min != 0 || o->max != 0;
}

/* An edge of the range as a person would write it. */
static void format_edge(const struct fl_option *o, int64_t edge, char text[static FL_TIME_TEXT])
{
	if (o->kind == FL_OPTION_DURATION || o->kind == FL_OPTION_AGE)
		fl_duration_format(edge, text);
	else
		snprintf(text, FL_TIME_TEXT, "%" PRId64, edge);
}

static int fail_range(const struct parser *p, const struct fl_option *o, const char *value)
{
	char low[FL_TIME_TEXT], high[FL_TIME_TEXT], wanted[2 * FL_TIME_TEXT + 32];

	format_edge(o, o->min, low);
	format_edge(o, o->max, high);
	if (o->max == INT64_MAX)
		snprintf(wanted, sizeof(wanted), "%s or more", low);
	else
		snprintf(wanted, sizeof(wanted), "between %s and %s", low, high);
	return fail_value(p, o, value, wanted);
}

static int store_integer(const struct parser *p, const struct fl_option *o, const char *value)
{
	char *end;

	errno = 0;
	long long v = strtoll(value, &end, 10);
	if (end == value || *end || errno || value[0] == ' ')
		return fail_value(p, o, value, "a whole number");
	if (has_range(o) && (v < o->min || v > o->max))
		return fail_range(p, o, value);
	*(int64_t *)(void *)(p->into + o->offset) = v;
	return 0;
}

static int store_double(const struct parser *p, const struct fl_option *o, const char *value)
{
	char *end;
	double v = strtod(value, &end);

	if (end == value || *end || !isfinite(v) || value[0] == ' ')
		return fail_value(p, o, value, "a number such as 0.05");
	if (has_range(o) && (v < (double)o->min || v > (double)o->max))
		return fail_range(p, o, value);
	*(double *)(void *)(p->into + o->offset) = v;
	return 0;
}

/* A bare number other than 0. */
static bool lacks_unit(const char *value, int64_t duration_ns)
{
	return duration_ns > 0 && value[strspn(value, "0123456789. ")] == '\0';
}

static int store_duration(const struct parser *p, const struct fl_option *o, const char *value)
{
	int64_t v;

	if (!fl_duration_parse(value, &v))
		return fail_value(p, o, value, "a duration such as 250ms, 30s, 5m, 2h");
	if (o->kind == FL_OPTION_AGE && lacks_unit(value, v))
		return fl_fail(p->err, -EINVAL, "--%s: '%.20s' has no unit; give %.20ss, %.20sm or %.20sd; see 'faultline %s --help'", o->name,
			value, value, value, value, p->usage->command);
	if (has_range(o) && (v < o->min || v > o->max))
		return fail_range(p, o, value);
	*(int64_t *)(void *)(p->into + o->offset) = v;
	return 0;
}

static int store_size(const struct parser *p, const struct fl_option *o, const char *value)
{
	uint64_t v;

	if (!fl_size_parse(value, &v))
		return fail_value(p, o, value, "a size such as 4096, 64KiB, 2GiB");
	if (has_range(o) && (v < (uint64_t)o->min || v > (uint64_t)o->max))
		return fail_range(p, o, value);
	*(uint64_t *)(void *)(p->into + o->offset) = v;
	return 0;
}

static int store(const struct parser *p, const struct fl_option *o, const char *value)
{
	void *target = p->into + o->offset;

	switch (o->kind) {
	case FL_OPTION_FLAG:
		*(bool *)target = true;
		return 0;
	case FL_OPTION_STRING:
		*(const char **)target = value;
		return 0;
	case FL_OPTION_STRINGS:
		fl_strings_add(target, value);
		return 0;
	case FL_OPTION_INTEGER:
		return store_integer(p, o, value);
	case FL_OPTION_DOUBLE:
		return store_double(p, o, value);
	case FL_OPTION_DURATION:
	case FL_OPTION_AGE:
		return store_duration(p, o, value);
	case FL_OPTION_SIZE:
		return store_size(p, o, value);
	}
	return 0;
}

static const struct fl_option *find_name(const struct fl_usage *usage, const char *name, size_t size)
{
	for (const struct fl_option *o = usage->options; o && o->name; o++)
		if (strlen(o->name) == size && memcmp(o->name, name, size) == 0)
			return o;
	return NULL;
}

static const struct fl_option *find_letter(const struct fl_usage *usage, char letter)
{
	for (const struct fl_option *o = usage->options; o && o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

/* The next argument as the value of @o, or an error. */
static int store_next(struct parser *p, const struct fl_option *o)
{
	if (p->at < p->argc)
		return store(p, o, p->argv[p->at++]);
	return fl_fail(p->err, -EINVAL, "--%s: %s is missing behind it; see 'faultline %s --help'", o->name,
		o->argument ? o->argument : "its value", p->usage->command);
}

static int fail_flag(const struct parser *p, const struct fl_option *o)
{
	return fl_fail(p->err, -EINVAL, "--%s: takes no value; see 'faultline %s --help'", o->name,
		p->usage->command);
}

static int fail_name(const struct parser *p, const char *name, size_t size)
{
	struct fl_nearest near = { .text = name, .size = size };

	for (const struct fl_option *o = p->usage->options; o && o->name; o++)
		fl_nearest_offer(&near, o->name);
	fl_nearest_offer(&near, "help");
	return fl_fail(p->err, -EINVAL, "no option --%.*s; %s%s%s'faultline %s --help' lists the options", size > 80 ? 80 : (int)size,
		name, near.best ? "did you mean '--" : "", near.best ? near.best : "", near.best ? "'? " : "", p->usage->command);
}

/* "--name", "--name=value". */
static int parse_long(struct parser *p, const char *name)
{
	const char *equals = strchr(name, '=');
	size_t size = equals ? (size_t)(equals - name) : strlen(name);
	const struct fl_option *o = find_name(p->usage, name, size);

	if (!o) {
		if (strcmp(name, "help") == 0)
			return FL_OPTIONS_HELP;
		return fail_name(p, name, size);
	}
	if (o->kind == FL_OPTION_FLAG)
		return equals ? fail_flag(p, o) : store(p, o, NULL);
	return equals ? store(p, o, equals + 1) : store_next(p, o);
}

/* "-v", "-vo", "-oFILE", "-o FILE": flags, and at the end one option with a value. */
static int parse_letters(struct parser *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct fl_option *o = find_letter(p->usage, *letters);

		if (!o && *letters == 'h')
			return FL_OPTIONS_HELP;
		if (!o)
			return fl_fail(p->err, -EINVAL,
				"no option -%c; 'faultline %s --help' lists the options", *letters,
				p->usage->command);
		if (o->kind != FL_OPTION_FLAG)
			return letters[1] ? store(p, o, letters + 1) : store_next(p, o);
		(void)store(p, o, NULL);
	}
	return FL_OPTIONS_OK;
}

int fl_options_parse(const struct fl_usage *usage, int argc, char **argv, void *into,
	struct fl_strings *positional, struct fl_error *err)
{
	struct parser p = { .usage = usage, .argv = argv, .argc = argc, .into = into, .err = err };
	bool options_ended = false;
	int r = FL_OPTIONS_OK;

	while (p.at < argc && r == FL_OPTIONS_OK) {
		const char *argument = argv[p.at++];

		if (options_ended || argument[0] != '-' || argument[1] == '\0')
			fl_strings_add(positional, argument);
		else if (strcmp(argument, "--") == 0)
			options_ended = true;
		else if (argument[1] == '-')
			r = parse_long(&p, argument + 2);
		else
			r = parse_letters(&p, argument + 1);
	}
	if (r == FL_OPTIONS_HELP)
		fl_options_help(usage, stdout);
	return r;
}

/* ---- help ---- */

enum {
	HELP_WIDTH = 80,
	HELP_COLUMN = 28, /* where the sentences begin, unless all options are shorter */
	LABEL_MAX = 128,
};

/* Up to the next space that is not inside brackets, or the end of the line: "[-i IFACE]..." stays together. */
static size_t word_length(const char *text)
{
	size_t n = 0;

	for (int depth = 0; text[n] && text[n] != '\n' && (text[n] != ' ' || depth > 0); n++)
		depth += (text[n] == '[') - (text[n] == ']');
	return n;
}

/* @text up to its end or its line's in lines that end before HELP_WIDTH, each but the first indented; @column: where it
 * starts. Returns where it ended. */
static const char *write_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
	bool first = true;

	while (*text && *text != '\n') {
		size_t word = word_length(text);

		if (word == 0) {
			text++;
			continue;
		}
		if (!first && column + 1 + word > HELP_WIDTH - 1) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, word, out);
		column += word;
		text += word;
		first = false;
	}
	fputc('\n', out);
	return text;
}

/* Every line of the synopsis is a form of the command. */
static void write_synopsis(FILE *out, const struct fl_usage *usage)
{
	const char *text = usage->synopsis, *before = "usage:";

	while (*text) {
		int n = fprintf(out, "%6s faultline %s ", before, usage->command);
		text = write_wrapped(out, text, n > 0 ? (size_t)n : 0, n > 0 ? (size_t)n : 0);
		text += *text == '\n';
		before = "";
	}
}

/* "-o, --out FILE"; returns its length. */
static size_t format_label(const struct fl_option *o, char label[static LABEL_MAX])
{
	char letter[] = { '-', o->letter, ',', ' ', '\0' };
	int n = snprintf(label, LABEL_MAX, "%s--%s%s%s", o->letter ? letter : "    ", o->name,
		o->argument ? " " : "", o->argument ? o->argument : "");

	return n < 0 ? 0 : n < LABEL_MAX ? (size_t)n : LABEL_MAX - 1;
}

static void write_option(FILE *out, const struct fl_option *o, size_t column)
{
	char label[LABEL_MAX];
	size_t size = format_label(o, label);

	fprintf(out, "  %s", label);
	if (size + 4 > column) {
		fputc('\n', out);
		size = 0;
		fprintf(out, "%*s", (int)column, "");
	} else {
		fprintf(out, "%*s", (int)(column - size - 2), "");
	}
	write_wrapped(out, o->help, column, column);
}

static const struct fl_option help_option = { .name = "help", .help = "show this text" };

static size_t help_column(const struct fl_usage *usage)
{
	char label[LABEL_MAX];
	size_t widest = format_label(&help_option, label);

	for (const struct fl_option *o = usage->options; o && o->name; o++) {
		size_t size = format_label(o, label);
		if (size + 4 <= HELP_COLUMN && size > widest)
			widest = size;
	}
	return widest + 4;
}

void fl_options_help(const struct fl_usage *usage, FILE *out)
{
	size_t column = help_column(usage);

	write_synopsis(out, usage);
	fputc('\n', out);
	write_wrapped(out, usage->about, 0, 0);
	fputs("\nOptions:\n", out);
	for (const struct fl_option *o = usage->options; o && o->name; o++)
		write_option(out, o, column);
	write_option(out, &help_option, column);
	if (usage->notes) {
		size_t size = strlen(usage->notes);
		fprintf(out, "\n%s%s", usage->notes, size && usage->notes[size - 1] == '\n' ? "" : "\n");
	}
}
