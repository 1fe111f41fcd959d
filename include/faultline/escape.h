/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * escape.h - names from the wire, made harmless for each output language
 *
 * Every string that came from packets, files or the command line passes here
 * on its way out. In every language: invalid UTF-8 becomes U+FFFD, control
 * characters (C0, DEL, C1), bidirectional overrides (U+202A..E, U+2066..9) and
 * line separators become U+FFFD too.
 */
#ifndef FAULTLINE_ESCAPE_H
#define FAULTLINE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

enum fl_language {
	FL_LANGUAGE_TERMINAL,  /* one line of plain text */
	FL_LANGUAGE_HTML,      /* text and double-quoted attribute values, also XML */
	FL_LANGUAGE_DOT,       /* inside a double-quoted DOT string or label given
				* to cgraph: '"', '\\', and '&' '<' '>' as entities */
	FL_LANGUAGE_MARKDOWN,  /* inline text and table cells: no markup, no HTML */
	FL_LANGUAGE_CSV,       /* inside a double-quoted field; formula starters
				* = + - @ get a leading apostrophe */
};

/* Write @text (zero-terminated, may be NULL: nothing) escaped to @out. */
void fl_escape_write(FILE *out, enum fl_language language, const char *text);
/* The same as a string of its own; free() it. At most @max_characters
 * characters of the input are taken (0 = all), a cut is shown as U+2026. */
char *fl_escape_string(enum fl_language language, const char *text, size_t max_characters);

#endif
