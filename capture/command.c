/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.c - what all commands say in the same way
 */
#include "faultline/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "faultline/escape.h"

static void say(const char *name, const char *kind, const char *text)
{
	fputs("faultline ", stderr);
	fl_escape_write(stderr, FL_LANGUAGE_TERMINAL, name);
	fprintf(stderr, ": %s", kind);
	fl_escape_write(stderr, FL_LANGUAGE_TERMINAL, text);
	fputc('\n', stderr);
}

int fl_command_fail(const char *name, const struct fl_error *err)
{
	say(name, "", err->text);
	return FL_EXIT_ERROR;
}

void fl_command_warn(const char *name, const char *format, ...)
{
	char text[FL_ERROR_MAX];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	say(name, "warning: ", text);
}
