/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * escape.c - names from the wire, made harmless for each output language
 *
 * One walk over the characters for all languages: decode, replace what no
 * language may see, then let the language's rule write the character. A rule
 * sees the whole text and the place in it, since Markdown and CSV have markup
 * that depends on where a character stands; it has no state of its own.
 *
 * Markdown: what is markup anywhere is escaped everywhere. What is markup only
 * at the begin of a line (lists, headings, rules) or only inside an automatic
 * link ("www.", "://") is escaped there alone, since host names are full of
 * dots and dashes and the text is read in raw form as well. A host name cannot
 * be kept from being shown as a mail address by GitHub; that opens nothing.
 */
#include "faultline/escape.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "faultline/status.h"
#include "faultline/utf8.h"

typedef void escape_rule(FILE *out, const char *text, size_t at, size_t length);

static void write_as_it_is(FILE *out, const char *text, size_t at, size_t length)
{
	fwrite(text + at, 1, length, out);
}

static void write_html(FILE *out, const char *text, size_t at, size_t length)
{
	switch (text[at]) {
	case '&':
		fputs("&amp;", out);
		break;
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	case '\'':
		fputs("&#39;", out);
		break;
	default:
		fwrite(text + at, 1, length, out);
	}
}

/* Entities are good in a file and in a label handed to cgraph alike; a backslash needs its double,
 * because Graphviz resolves entities before it looks for "\n" and the like. */
static void write_dot(FILE *out, const char *text, size_t at, size_t length)
{
	if (text[at] == '\\')
		fputs("\\\\", out);
	else if (text[at] == '\'')
		fputc('\'', out);
	else
		write_html(out, text, at, length);
}

static bool only_digits(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

/* Would @text[at] be markup because of where it stands? */
static bool is_markup_here(const char *text, size_t at)
{
	switch (text[at]) {
	case '-':
	case '+':
	case '=':
	case '#':
		return at == 0;
	case ')':
		return only_digits(text, at);
	case '.':
		return only_digits(text, at) || (at >= 3 && strncasecmp(text + at - 3, "www", 3) == 0);
	case ':':
		return strncmp(text + at, "://", 3) == 0;
	default:
		return false;
	}
}

static void write_markdown(FILE *out, const char *text, size_t at, size_t length)
{
	if (text[at] == ' ' && at == 0) { /* four of them would be a code block */
		fputs("&#32;", out);
		return;
	}
	if (text[at] == '<' || text[at] == '>' || text[at] == '&') {
		write_html(out, text, at, length);
		return;
	}
	if (strchr("\\`*_[]|~!{}$^", text[at]) || is_markup_here(text, at))
		fputc('\\', out);
	fwrite(text + at, 1, length, out);
}

static void write_csv(FILE *out, const char *text, size_t at, size_t length)
{
	if (at == 0 && strchr("=+-@", text[at]))
		fputc('\'', out);
	if (text[at] == '"')
		fputc('"', out);
	fwrite(text + at, 1, length, out);
}

static escape_rule *const rules[] = {
	[FL_LANGUAGE_TERMINAL] = write_as_it_is,
	[FL_LANGUAGE_HTML] = write_html,
	[FL_LANGUAGE_DOT] = write_dot,
	[FL_LANGUAGE_MARKDOWN] = write_markdown,
	[FL_LANGUAGE_CSV] = write_csv,
};

static void escape(FILE *out, enum fl_language language, const char *text, size_t max_characters)
{
	size_t size = text ? strlen(text) : 0, taken = 0;

	for (size_t at = 0, length; at < size; at += length, taken++) {
		uint32_t character;

		if (max_characters && taken == max_characters) {
			fputs("\xe2\x80\xa6", out);
			return;
		}
		length = fl_utf8_decode(text + at, size - at, &character);
		if (fl_utf8_is_harmful(character))
			fputs(FL_UTF8_REPLACEMENT, out);
		else
			rules[language](out, text, at, length);
	}
}

void fl_escape_write(FILE *out, enum fl_language language, const char *text)
{
	escape(out, language, text, 0);
}

char *fl_escape_string(enum fl_language language, const char *text, size_t max_characters)
{
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);

	if (!out)
		fl_out_of_memory();
	escape(out, language, text, max_characters);
	if (fclose(out) != 0)
		fl_out_of_memory();
	return result;
}
