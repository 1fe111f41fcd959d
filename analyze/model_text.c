/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_text.c - JSON as people write it, and where in it each value stands
 *
 * Comments and a comma behind the last item are overwritten with spaces before the JSON reader sees them, so line and
 * column of everything else, and of every error, stay those of the file. The JSON library keeps no places.
 * They are found again by walking the text beside the tree: both hold the values in the same order, each before those
 * inside it. The text is known to be JSON by then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_internal.h"

enum { BEGIN_SHOWN = 24 /* bytes of a file that is of no kind of ours */ };

/* ---- comments ---- */

static size_t line_of(const char *text, size_t at, size_t *column)
{
	size_t line = 1, start = 0;

	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	*column = 1;
	for (size_t i = start; i < at; i++)
		*column += ((unsigned char)text[i] & 0xc0) != 0x80; /* characters, not bytes */
	return line;
}

/* Behind the string that begins at @i, or the end. */
static size_t skip_string(const char *text, size_t size, size_t i)
{
	for (i++; i < size && text[i] != '"'; i++)
		if (text[i] == '\\')
			i++;
	return i < size ? i + 1 : size;
}

static size_t blank_line(char *text, size_t size, size_t i)
{
	while (i < size && text[i] != '\n')
		text[i++] = ' ';
	return i;
}

/* Behind the comment, or 0 when it has no end. */
static size_t blank_block(char *text, size_t size, size_t i)
{
	text[i++] = ' ';
	text[i++] = ' ';
	for (; i + 1 < size; i++) {
		if (text[i] == '*' && text[i + 1] == '/') {
			text[i] = text[i + 1] = ' ';
			return i + 2;
		}
		if (text[i] != '\n')
			text[i] = ' ';
	}
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void blank_last_commas(char *text, size_t size)
{
	size_t comma = SIZE_MAX;

	for (size_t i = 0; i < size;) {
		if (text[i] == '"') {
			i = skip_string(text, size, i);
			comma = SIZE_MAX;
			continue;
		}
		if ((text[i] == '}' || text[i] == ']') && comma != SIZE_MAX)
			text[comma] = ' ';
		if (text[i] == ',')
			comma = i;
		else if (!is_space(text[i]))
			comma = SIZE_MAX;
		i++;
	}
}

int fl_model_plain(const char *name, char *text, size_t size, struct fl_error *err)
{
	for (size_t i = 0; i < size;) {
		if (text[i] == '"') {
			i = skip_string(text, size, i);
		} else if (i + 1 < size && text[i] == '/' && text[i + 1] == '/') {
			i = blank_line(text, size, i);
		} else if (i + 1 < size && text[i] == '/' && text[i + 1] == '*') {
			size_t column, line = line_of(text, i, &column), end = blank_block(text, size, i);
			if (end == 0)
				return fl_fail(err, -EINVAL, "%s:%zu:%zu: this comment has no end; close it with */",
					name, line, column);
			i = end;
		} else {
			i++;
		}
	}
	blank_last_commas(text, size);
	return 0;
}

/* ---- places ---- */

struct spot {
	const cJSON *item;
	struct model_place at;
};

struct model_places {
	struct spot *list;
	size_t count, capacity;
};

struct walk {
	const char *text, *original;
	size_t size, i;
	size_t counted; /* lines and columns are counted up to here */
	struct model_place at;
};

static void count_to(struct walk *w, size_t to)
{
	for (; w->counted < to; w->counted++) {
		if (w->original[w->counted] == '\n') {
			w->at.line++;
			w->at.column = 1;
		} else {
			w->at.column += ((unsigned char)w->original[w->counted] & 0xc0) != 0x80;
		}
	}
}

static bool is_key(const struct walk *w, size_t end)
{
	while (end < w->size && is_space(w->text[end]))
		end++;
	return end < w->size && w->text[end] == ':';
}

/* The place of the next value; the walk goes on inside of it. */
static struct model_place next_value(struct walk *w)
{
	while (w->i < w->size) {
		char c = w->text[w->i];
		size_t begin = w->i;
		if (is_space(c) || strchr(",:}]", c) != NULL || ((unsigned char)c & 0x80) != 0) {
			w->i++; /* a byte order mark has the high bit set */
			continue;
		}
		if (c == '"') {
			w->i = skip_string(w->text, w->size, w->i);
			if (is_key(w, w->i))
				continue;
		} else if (c == '{' || c == '[') {
			w->i++;
		} else {
			while (w->i < w->size && !is_space(w->text[w->i]) &&
				strchr(",:}]", w->text[w->i]) == NULL)
				w->i++;
		}
		count_to(w, begin);
		return w->at;
	}
	return w->at;
}

static int by_item(const void *va, const void *vb)
{
	uintptr_t a = (uintptr_t)((const struct spot *)va)->item, b = (uintptr_t)((const struct spot *)vb)->item;

	return (a > b) - (a < b);
}

struct model_places *fl_model_places_new(const char *plain, const char *text, size_t size, const cJSON *root)
{
	struct model_places *p = fl_alloc(sizeof(*p));
	struct walk w = { .text = plain, .original = text, .size = size, .at = { 1, 1 } };
	const cJSON *above[FL_JSON_DEPTH_MAX + 2];
	size_t depth = 0;

	for (const cJSON *item = root; item != NULL;) {
		if (p->count == p->capacity) {
			p->capacity = fl_grown(p->capacity, p->count + 1);
			p->list = fl_grow_array(p->list, p->capacity, sizeof(*p->list));
		}
		p->list[p->count++] = (struct spot){ item, next_value(&w) };
		if (item->child != NULL && depth < FL_ARRAY_LEN(above)) {
			above[depth++] = item;
			item = item->child;
			continue;
		}
		while (item != root && item->next == NULL && depth > 0)
			item = above[--depth];
		item = item == root ? NULL : item->next;
	}
	if (p->count > 1)
		qsort(p->list, p->count, sizeof(*p->list), by_item);
	return p;
}

void fl_model_places_free(struct model_places *p)
{
	if (p == NULL)
		return;
	free(p->list);
	free(p);
}

struct model_place fl_model_place(const struct model_places *p, const cJSON *item)
{
	struct spot key = { .item = item };
	const struct spot *found = item == NULL || p->count == 0
					   ? NULL
					   : bsearch(&key, p->list, p->count, sizeof(key), by_item);

	return found == NULL ? (struct model_place){ 1, 1 } : found->at;
}

int fl_model_load(const char *path, const char *wants, size_t most, char **text, size_t *size, struct fl_error *err)
{
	FILE *file = fopen(path, "re");
	size_t capacity = 0;

	*text = NULL;
	*size = 0;
	if (file == NULL)
		return fl_fail(err, -errno, "%s: %s; %s", path, strerror(errno), wants);
	for (size_t got = 1; got > 0 && *size <= most;) {
		capacity = fl_grown(capacity, *size + 65536);
		*text = fl_grow_array(*text, capacity, 1);
		errno = 0;
		got = fread(*text + *size, 1, capacity - *size, file);
		*size += got;
	}
	int failed = ferror(file) ? (errno != 0 ? errno : EIO) : 0;
	fclose(file);
	if (failed != 0)
		return fl_fail(err, -failed, "%s: %s; %s", path, strerror(failed), wants);
	if (*size > most)
		return fl_fail(err, -EFBIG, "%s: larger than %zu MiB; %s", path, most >> 20, wants);
	if (memchr(*text, 0, *size) != NULL)
		return fl_fail(err, -EINVAL, "%s: not JSON, it holds zero bytes, perhaps a capture; %s", path, wants);
	return 0;
}

/* Behind blanks, comments with an end, and a byte order mark. */
static size_t skip_preface(const char *text, size_t size)
{
	size_t i = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (i < size) {
		const char *end = NULL;
		if (is_space(text[i])) {
			i++;
			continue;
		}
		if (i + 1 < size && text[i] == '/' && text[i + 1] == '/')
			end = memchr(text + i, '\n', size - i);
		else if (i + 1 < size && text[i] == '/' && text[i + 1] == '*')
			end = memmem(text + i + 2, size - i - 2, "*/", 2);
		if (end == NULL)
			return i;
		i = (size_t)(end - text) + (text[i + 1] == '*' ? 2 : 1);
	}
	return i;
}

/* A file of another kind altogether: what a JSON reader would say of its first letter helps nobody. */
static int check_kind(const char *name, const char *kind, const char *text, size_t size, struct fl_error *err)
{
	size_t at = skip_preface(text, size), line = 0;

	if (at < size && (text[at] == '{' || text[at] == '/'))
		return 0;
	while (at + line < size && line < BEGIN_SHOWN && text[at + line] != '\n' && ((unsigned char)text[at + line] & 0x80) == 0)
		line++;
	const char *remedy = fl_json_kind_remedy(kind);
	if (line == 0)
		return fl_fail(err, -EINVAL, "%s: no %s, %s; an object with \"schema\": \"faultline.%s/1\" is wanted%s", name, kind,
			at == size ? "nothing is in it" : "it is no text", kind, remedy);
	return fl_fail(err, -EINVAL, "%s: no %s, it begins with '%.*s'; an object with \"schema\": \"faultline.%s/1\" is wanted%s", name,
		kind, (int)line, text + at, kind, remedy);
}

int fl_model_tree(const char *name, const char *kind, const char *text, size_t size, cJSON **root, struct model_places **places,
	struct fl_error *err)
{
	char *plain = fl_alloc(size + 1);

	memcpy(plain, text, size);
	int code = check_kind(name, kind, text, size, err);
	if (code == 0)
		code = fl_model_plain(name, plain, size, err);
	if (code == 0)
		code = fl_json_parse(name, plain, size, root, err);
	if (code == 0)
		*places = fl_model_places_new(plain, text, size, *root);
	free(plain);
	return code;
}
