/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svg_inline.c - an SVG document made an element of an HTML page
 *
 * Graphviz writes a prolog, a document type, comments with the names of nodes, titles that browsers show
 * as tool tips ("n17"), and ids that are the same in every picture. None of that belongs into a page
 * with ten pictures. The text is ours (our labels, escaped, through Graphviz), so a scanner of tags
 * is enough; whatever does not look like a tag of an SVG ends the copy rather than being passed on.
 */
#include <stdlib.h>
#include <string.h>

#include "faultline/escape.h"
#include "reports/digest_internal.h"

struct svg {
	const char *at, *end;
};

static bool starts(const struct svg *s, const char *text)
{
	size_t n = strlen(text);
	return (size_t)(s->end - s->at) >= n && memcmp(s->at, text, n) == 0;
}

/* Behind the next @text; the end when there is none. */
static void skip_past(struct svg *s, const char *text)
{
	const char *found = memmem(s->at, (size_t)(s->end - s->at), text, strlen(text));
	s->at = found == NULL ? s->end : found + strlen(text);
}

static void write_attribute(FILE *out, const char *name, size_t name_size, const char *value, size_t size,
	const char *prefix)
{
	static const char *const dropped[] = { "xlink:href", "xmlns:xlink", "href", "class", "width", "height" };
	for (size_t i = 0; i < FL_ARRAY_LEN(dropped); i++)
		if (strlen(dropped[i]) == name_size && memcmp(dropped[i], name, name_size) == 0)
			return;
	if (name_size >= 2 && (name[0] == 'o' || name[0] == 'O') && (name[1] == 'n' || name[1] == 'N'))
		return; /* no handlers, whoever wrote them */
	bool id = name_size == 2 && memcmp(name, "id", 2) == 0;
	fprintf(out, " %.*s=\"%s%s%.*s\"", (int)name_size, name, id ? prefix : "", id ? "-" : "", (int)size,
		value);
}

/* name="value" pairs up to '>' or "/>", which stays. */
static void copy_attributes(FILE *out, struct svg *s, const char *prefix)
{
	for (;;) {
		while (s->at < s->end && strchr(" \t\r\n", *s->at) != NULL)
			s->at++;
		const char *name = s->at;
		while (s->at < s->end && strchr("= \t\r\n/>", *s->at) == NULL)
			s->at++;
		size_t name_size = (size_t)(s->at - name);
		if (name_size == 0 || s->end - s->at < 2 || s->at[0] != '=' || s->at[1] != '"')
			return;
		const char *value = s->at + 2;
		const char *quote = memchr(value, '"', (size_t)(s->end - value));
		if (quote == NULL) {
			s->at = s->end;
			return;
		}
		write_attribute(out, name, name_size, value, (size_t)(quote - value), prefix);
		s->at = quote + 1;
	}
}

static void copy_tag(FILE *out, struct svg *s, const char *prefix)
{
	const char *name = s->at++; /* '<' */
	while (s->at < s->end && strchr(" \t\r\n/>", *s->at) == NULL)
		s->at++;
	if (s->at == name + 1 && s->at < s->end && *s->at == '/') /* "</g": the slash is not an end */
		while (s->at < s->end && *s->at != '>')
			s->at++;
	fwrite(name, 1, (size_t)(s->at - name), out);
	copy_attributes(out, s, prefix);
	while (s->at < s->end && *s->at != '>')
		fputc(*s->at++, out);
	if (s->at < s->end)
		fputc(*s->at++, out);
}

/* Width of <svg width="123pt"; 0 when there is none. */
static unsigned width_pt(const struct svg *s)
{
	static const char key[] = "width=\"";
	const char *found = memmem(s->at, (size_t)(s->end - s->at), key, sizeof(key) - 1);
	if (found == NULL)
		return 0;
	char *end;
	unsigned long width = strtoul(found + sizeof(key) - 1, &end, 10);
	return width > 100000 ? 100000 : (unsigned)width;
}

/* On a screen a picture shrinks to three fifths at most (letters of 7 pt), then it can be scrolled; it is never
 * blown up. Paper scales it to the page, see the style. */
static void write_head(FILE *out, unsigned width, const char *label)
{
	fputs("<svg role=\"img\" aria-label=\"", out);
	fl_escape_write(out, FL_LANGUAGE_HTML, label);
	fputs("\"", out);
	if (width > 0)
		fprintf(out, " style=\"width:%upt;min-width:%upt\"", width, width > 480 ? width * 3 / 5 : 0);
}

void fl_svg_write_inline(FILE *out, const char *data, size_t size, const char *prefix, const char *label)
{
	struct svg s = { data, data + size };
	skip_past(&s, "<svg");
	if (s.at == s.end)
		return;
	write_head(out, width_pt(&s), label);
	copy_attributes(out, &s, prefix);
	while (s.at < s.end) {
		if (starts(&s, "<!--"))
			skip_past(&s, "-->");
		else if (starts(&s, "<title>"))
			skip_past(&s, "</title>");
		else if (starts(&s, "<a ") || starts(&s, "<a>") || starts(&s, "</a>") || starts(&s, "<?"))
			skip_past(&s, ">");
		else if (*s.at == '<')
			copy_tag(out, &s, prefix);
		else if (*s.at == '\n' && starts(&s, "\n\n"))
			s.at++;
		else
			fputc(*s.at++, out);
	}
}
