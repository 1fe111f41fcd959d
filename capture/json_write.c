/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_write.c - trees as text, the same bytes for the same values
 *
 * cJSON's printer takes 15 digits for good where the value differs in the last
 * bit, writes large integers with an exponent, makes the whole text in memory
 * and lets invalid UTF-8 through. This one writes straight to the file:
 *
 *   numbers   the fewest digits that read back as the same double; integers
 *             below 10^21 without exponent; what is not finite as null
 *   strings   UTF-8, bad bytes as U+FFFD; control characters (C1 too) and
 *             bidirectional overrides as \uXXXX, since people print JSON on
 *             their terminals
 *   layout    two spaces a level; an array of scalars stays on one line
 *
 * The way through the tree is an array of FL_JSON_DEPTH_MAX places, no
 * recursion; what lies deeper, which no tree of ours does, is written as null.
 */
#include "json_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/utf8.h"

struct writer {
	FILE *out;
	bool pretty;
	unsigned indent; /* levels outside of what is written here */
	size_t depth;
	struct level {
		const cJSON *container;
		const cJSON *next; /* member that is written next */
		bool flat;         /* an array of scalars */
	} path[FL_JSON_DEPTH_MAX];
};

static void write_escaped(FILE *out, uint32_t c)
{
	static const char letters[] = "btn\0fr"; /* of U+0008 to U+000D */

	if (c >= 8 && c <= 13 && letters[c - 8])
		fprintf(out, "\\%c", letters[c - 8]);
	else
		fprintf(out, "\\u%04x", c);
}

static void write_special(FILE *out, uint32_t c)
{
	if (c == FL_UTF8_BAD)
		fputs(FL_UTF8_REPLACEMENT, out);
	else if (c == '"' || c == '\\')
		fprintf(out, "\\%c", (char)c);
	else
		write_escaped(out, c);
}

void fl_json_put_string(FILE *out, const char *text)
{
	size_t size = text ? strlen(text) : 0, plain = 0; /* begin of what needs no escape */

	fputc('"', out);
	for (size_t at = 0, length; at < size; at += length) {
		uint32_t c;

		length = fl_utf8_decode(text + at, size - at, &c);
		if (c != '"' && c != '\\' && !fl_utf8_is_harmful(c))
			continue;
		fwrite(text + plain, 1, at - plain, out);
		write_special(out, c);
		plain = at + length;
	}
	if (size > plain)
		fwrite(text + plain, 1, size - plain, out);
	fputc('"', out);
}

/* Times are often whole nanoseconds: decimals of at most 15 digits, which survive the way through a double, so that they are what
 * "%.15g" prints. 0 when @value is none, or would be written with an exponent. */
static size_t nanoseconds_text(double value, char text[static FL_JSON_NUMBER_TEXT])
{
	if (!(value >= 1e-4 && value < 1e6))
		return 0;
	uint64_t whole = (uint64_t)(value * 1e9 + 0.5);
	if ((double)whole / 1e9 != value || whole >= UINT64_C(1000000000000000))
		return 0;
	char digits[16];
	size_t at = sizeof(digits), size = 0, last = 0;
	for (; at > 0; whole /= 10)
		digits[--at] = (char)('0' + whole % 10);
	while (at < 6 && digits[at] == '0')
		at++;
	for (; at < sizeof(digits); at++) {
		if (at == 7)
			text[size++] = '.';
		text[size++] = digits[at];
		if (digits[at] != '0' || at == 6)
			last = size;
	}
	text[last] = '\0';
	return last;
}

size_t fl_json_number_text(double value, char text[static FL_JSON_NUMBER_TEXT])
{
	if (!isfinite(value))
		return (size_t)snprintf(text, FL_JSON_NUMBER_TEXT, "null");
	if (value == trunc(value) && fabs(value) < 1e21)
		return (size_t)snprintf(text, FL_JSON_NUMBER_TEXT, "%.0f", value == 0 ? 0.0 : value); /* no "-0" */
	size_t short_size = nanoseconds_text(value, text);
	if (short_size)
		return short_size;
	/* A decimal of 15 digits or fewer survives %.15g; 17 always do. */
	int size = 0;
	for (int digits = 15; digits <= 17; digits++) {
		size = snprintf(text, FL_JSON_NUMBER_TEXT, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return (size_t)size;
}

static void put_number(FILE *out, double value)
{
	char text[FL_JSON_NUMBER_TEXT];
	fwrite(text, 1, fl_json_number_text(value, text), out);
}

static bool is_container(const cJSON *item)
{
	return cJSON_IsObject(item) || cJSON_IsArray(item);
}

static void write_scalar(FILE *out, const cJSON *item)
{
	if (cJSON_IsString(item))
		fl_json_put_string(out, item->valuestring);
	else if (cJSON_IsNumber(item))
		put_number(out, item->valuedouble);
	else if (cJSON_IsBool(item))
		fputs(cJSON_IsTrue(item) ? "true" : "false", out);
	else if (is_container(item) && !item->child)
		fputs(cJSON_IsObject(item) ? "{}" : "[]", out);
	else
		fputs("null", out);
}

static void write_break(const struct writer *w)
{
	if (!w->pretty)
		return;
	fputc('\n', w->out);
	for (size_t i = 0; i < w->indent + w->depth; i++)
		fputs("  ", w->out);
}

static bool is_flat(const cJSON *container)
{
	if (!cJSON_IsArray(container))
		return false;
	for (const cJSON *m = container->child; m; m = m->next)
		if (is_container(m) && m->child)
			return false;
	return true;
}

/* A scalar is written, a container entered. */
static void write_item(struct writer *w, const cJSON *item)
{
	if (!is_container(item) || !item->child) {
		write_scalar(w->out, item);
		return;
	}
	if (w->depth == FL_JSON_DEPTH_MAX) {
		fputs("null", w->out);
		return;
	}
	fputc(cJSON_IsObject(item) ? '{' : '[', w->out);
	w->path[w->depth++] = (struct level){ item, item->child, is_flat(item) };
}

static void write_end(struct writer *w)
{
	struct level *level = &w->path[--w->depth];

	if (!level->flat)
		write_break(w);
	fputc(cJSON_IsObject(level->container) ? '}' : ']', w->out);
}

static void write_next(struct writer *w)
{
	struct level *level = &w->path[w->depth - 1];
	const cJSON *item = level->next;

	if (item != level->container->child)
		fputs(w->pretty && level->flat ? ", " : ",", w->out);
	if (!level->flat)
		write_break(w);
	level->next = item->next;
	if (cJSON_IsObject(level->container)) {
		fl_json_put_string(w->out, item->string);
		fputs(w->pretty ? ": " : ":", w->out);
	}
	write_item(w, item);
}

static void write_tree(FILE *out, const cJSON *root, bool pretty, unsigned indent)
{
	struct writer w = { .out = out, .pretty = pretty, .indent = indent };

	write_item(&w, root);
	while (w.depth > 0) {
		if (w.path[w.depth - 1].next)
			write_next(&w);
		else
			write_end(&w);
	}
}

void fl_json_write(FILE *out, const cJSON *root)
{
	write_tree(out, root, true, 0);
	fputc('\n', out);
}

void fl_json_write_compact(FILE *out, const cJSON *root)
{
	write_tree(out, root, false, 0);
}

static void write_indent(FILE *out, unsigned indent)
{
	fputc('\n', out);
	for (unsigned i = 0; i < indent; i++)
		fputs("  ", out);
}

void fl_json_stream_begin(struct fl_json_stream *s, FILE *out, unsigned indent)
{
	*s = (struct fl_json_stream){ .out = out, .indent = indent + 1 };
	fputc('{', out);
}

static void stream_key(struct fl_json_stream *s, const char *key)
{
	fputs(s->members++ ? "," : "", s->out);
	write_indent(s->out, s->indent);
	fl_json_put_string(s->out, key);
	fputs(": ", s->out);
}

void fl_json_stream_members(struct fl_json_stream *s, const cJSON *object)
{
	for (const cJSON *m = object->child; m; m = m->next) {
		stream_key(s, m->string);
		write_tree(s->out, m, true, s->indent);
	}
}

void fl_json_stream_list(struct fl_json_stream *s, const char *key)
{
	stream_key(s, key);
	fputc('[', s->out);
	s->items = 0;
}

static void stream_next(struct fl_json_stream *s)
{
	fputs(s->items++ ? "," : "", s->out);
	write_indent(s->out, s->indent + 1);
}

void fl_json_stream_item(struct fl_json_stream *s, cJSON *item)
{
	stream_next(s);
	write_tree(s->out, item, true, s->indent + 1);
	cJSON_Delete(item);
}

void fl_json_stream_list_end(struct fl_json_stream *s)
{
	if (s->items)
		write_indent(s->out, s->indent);
	fputc(']', s->out);
}

void fl_json_stream_end(struct fl_json_stream *s)
{
	write_indent(s->out, s->indent - 1);
	fputc('}', s->out);
}
