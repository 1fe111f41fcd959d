/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - one table per command, one parser for all
 *
 * From the table come the parser, the range check, --help and the option list
 * of the man page. "-o FILE", "-oFILE", "--out FILE", "--out=FILE" and "--" work;
 * positional arguments may stand anywhere. --help is implied.
 */
#ifndef FAULTLINE_OPTIONS_H
#define FAULTLINE_OPTIONS_H

#include <stddef.h>
#include <stdio.h>

#include "faultline/status.h"

enum fl_option_kind {
	FL_OPTION_FLAG,     /* bool */
	FL_OPTION_STRING,   /* const char *, points into argv */
	FL_OPTION_STRINGS,  /* struct fl_strings, may be given several times */
	FL_OPTION_INTEGER,  /* int64_t, @min..@max */
	FL_OPTION_DOUBLE,   /* double, @min..@max */
	FL_OPTION_DURATION, /* int64_t nanoseconds, @min..@max nanoseconds */
	FL_OPTION_AGE,      /* the same; only with its unit: what is older will be deleted, and who types "5" may mean days */
	FL_OPTION_SIZE,     /* uint64_t bytes, @min..@max */
};

struct fl_strings {
	const char **list; /* free(list) by fl_strings_fini() */
	size_t count;
};
void fl_strings_add(struct fl_strings *s, const char *text);
void fl_strings_fini(struct fl_strings *s);

struct fl_option {
	const char *name;     /* without dashes; NULL ends the table */
	char letter;          /* 0 = none */
	enum fl_option_kind kind;
	size_t offset;        /* offsetof() in the command's options struct */
	int64_t min, max;     /* both 0: no range */
	const char *argument; /* "FILE", as shown in the help; NULL for flags */
	const char *help;     /* one sentence, no full stop */
};

struct fl_usage {
	const char *command;  /* "scan" */
	const char *synopsis; /* "[-i IFACE]... [-r FILE]..."; a line for each form of the command */
	const char *about;    /* one or two sentences */
	const struct fl_option *options;
	const char *notes;    /* more lines for --help; may be NULL */
};

/* What fl_options_parse() found: go on, or the help was printed. */
enum fl_options_result { FL_OPTIONS_OK, FL_OPTIONS_HELP };

/**
 * fl_options_parse() - Read the arguments of one command
 * @usage:      table and texts
 * @argc/@argv: behind the command's name
 * @into:       the command's options struct, already holding the defaults
 * @positional: the other arguments, in order; initialise with {0}, free with
 *              fl_strings_fini()
 * @err:        one line: what is wrong with which option, and where to look
 *
 * Return: FL_OPTIONS_OK, FL_OPTIONS_HELP (help is on standard output), or
 * -EINVAL.
 */
int fl_options_parse(const struct fl_usage *usage, int argc, char **argv, void *into,
		     struct fl_strings *positional, struct fl_error *err);
void fl_options_help(const struct fl_usage *usage, FILE *out);

#endif
