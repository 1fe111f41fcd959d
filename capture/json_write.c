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

static void write_string(FILE *out, const char *text)
{
	size_t size = text ? strlen(text) : 0;

	fputc('"', out);
	for (size_t at = 0, length; at < size; at += length) {
		uint32_t c;

		length = fl_utf8_decode(text + at, size - at, &c);
		if (c == FL_UTF8_BAD) {
			fputs(FL_UTF8_REPLACEMENT, out);
		} else if (fl_utf8_is_harmful(c)) {
			write_escaped(out, c);
		} else {
			if (c == '"' || c == '\\')
				fputc('\\', out);
			fwrite(text + at, 1, length, out);
		}
	}
	fputc('"', out);
}

static void write_number(FILE *out, double value)
{
	char text[40];

	if (!isfinite(value)) {
		fputs("null", out);
		return;
	}
	if (value == trunc(value) && fabs(value) < 1e21) {
		fprintf(out, "%.0f", value == 0 ? 0.0 : value); /* no "-0" */
		return;
	}
	/* A decimal of 15 digits or fewer survives %.15g; 17 always do. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	fputs(text, out);
}

static bool is_container(const cJSON *item)
{
	return cJSON_IsObject(item) || cJSON_IsArray(item);
}

static void write_scalar(FILE *out, const cJSON *item)
{
	if (cJSON_IsString(item))
		write_string(out, item->valuestring);
	else if (cJSON_IsNumber(item))
		write_number(out, item->valuedouble);
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
	for (size_t i = 0; i < w->depth; i++)
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
		write_string(w->out, item->string);
		fputs(w->pretty ? ": " : ":", w->out);
	}
	write_item(w, item);
}

static void write_tree(FILE *out, const cJSON *root, bool pretty)
{
	struct writer w = { .out = out, .pretty = pretty };

	write_item(&w, root);
	while (w.depth > 0) {
		if (w.path[w.depth - 1].next)
			write_next(&w);
		else
			write_end(&w);
	}
	fputc('\n', out);
}

void fl_json_write(FILE *out, const cJSON *root)
{
	write_tree(out, root, true);
}

void fl_json_write_line(FILE *out, const cJSON *root)
{
	write_tree(out, root, false);
}
