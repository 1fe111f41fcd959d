/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packed.c - a FILE that compresses, and its counterpart that looks for separators
 *
 * The buffer of a packed text grows by a quarter: doubling would be half a buffer of nothing on the average.
 *
 * How large the tree of a JSON text is at most can be told while it passes: a value stands behind a comma or a bracket
 * that opens, a string has two quotes. What stands in strings makes the bound larger, never smaller.
 */
#include "capture/packed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "capture/json_internal.h"

enum { GROWTH_LEAST = 32 << 10, READ_STEP = 32 << 10 };

struct packing {
	struct packed *to;
	z_stream stream;
};

static void count_tree(struct packed *p, const char *text, size_t size)
{
	uint64_t values = 0, quotes = 0;
	for (size_t i = 0; i < size; i++) {
		values += text[i] == ',' || text[i] == '[' || text[i] == '{';
		quotes += text[i] == '"';
	}
	p->tree_max += values * FL_JSON_NODE_BYTES + quotes * FL_JSON_TEXT_BYTES / 2 + size;
}

static void deflate_some(struct packing *k, int flush)
{
	struct packed *p = k->to;
	int code = Z_OK;
	do {
		if (p->size == p->capacity) {
			p->capacity += p->capacity / 4 + GROWTH_LEAST;
			p->data = fl_grow_array(p->data, p->capacity, 1);
		}
		size_t room = p->capacity - p->size;
		k->stream.next_out = p->data + p->size;
		k->stream.avail_out = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
		code = deflate(&k->stream, flush);
		p->size = (size_t)(k->stream.next_out - p->data);
	} while (k->stream.avail_in || (flush == Z_FINISH && code != Z_STREAM_END));
}

static ssize_t put(void *cookie, const char *text, size_t size)
{
	struct packing *k = cookie;
	size_t part = size < READ_STEP ? size : READ_STEP;
	k->stream.next_in = (const Bytef *)text;
	k->stream.avail_in = (uInt)part;
	count_tree(k->to, text, part);
	deflate_some(k, Z_NO_FLUSH);
	k->to->text_size += part;
	return (ssize_t)part;
}

static int finish(void *cookie)
{
	struct packing *k = cookie;
	k->stream.avail_in = 0;
	deflate_some(k, Z_FINISH);
	deflateEnd(&k->stream);
	free(k);
	return 0;
}

FILE *packed_open(struct packed *p, int level)
{
	struct packing *k = fl_alloc(sizeof(*k));
	*p = (struct packed){ .tree_max = FL_JSON_NODE_BYTES };
	k->to = p;
	if (deflateInit(&k->stream, level) != Z_OK)
		fl_out_of_memory();
	FILE *f = fopencookie(k, "w", (cookie_io_functions_t){ .write = put, .close = finish });
	if (!f)
		fl_out_of_memory();
	return f;
}

void packed_fini(struct packed *p)
{
	free(p->data);
	*p = (struct packed){ 0 };
}

/* ---- the other way ---- */

struct unpacking {
	z_stream stream;
	bool ended;
	size_t piece_max;
	uint64_t left;      /* bytes of text that may still come */
	char *text;
	size_t begin, looked, end, capacity; /* the piece, up to where it has no separator, what is there */
};

struct unpacking *unpacking_new(const void *data, size_t size, size_t piece_max, uint64_t text_max)
{
	struct unpacking *u = fl_alloc(sizeof(*u));
	u->piece_max = piece_max;
	u->left = text_max;
	u->stream.next_in = data;
	u->stream.avail_in = size < UINT32_MAX ? (uInt)size : UINT32_MAX;
	if (inflateInit(&u->stream) != Z_OK)
		fl_out_of_memory();
	return u;
}

void unpacking_free(struct unpacking *u)
{
	if (!u)
		return;
	inflateEnd(&u->stream);
	free(u->text);
	free(u);
}

static int make_room(struct unpacking *u)
{
	if (u->begin) {
		u->end -= u->begin;
		u->looked -= u->begin;
		memmove(u->text, u->text + u->begin, u->end);
		u->begin = 0;
	}
	if (u->capacity - u->end >= READ_STEP)
		return 0;
	if (u->end > u->piece_max)
		return -EFBIG;
	u->capacity = u->end + READ_STEP + u->end / 2;
	u->text = fl_grow_array(u->text, u->capacity, 1);
	return 0;
}

static int inflate_some(struct unpacking *u)
{
	int status = make_room(u);
	if (status)
		return status;
	u->stream.next_out = (Bytef *)u->text + u->end;
	u->stream.avail_out = READ_STEP;
	int code = inflate(&u->stream, Z_NO_FLUSH);
	size_t came = READ_STEP - u->stream.avail_out;
	u->ended = code == Z_STREAM_END;
	if (code != Z_OK && !u->ended)
		return -EBADMSG; /* also when there is nothing more to read */
	if (came > u->left)
		return -EFBIG;
	u->left -= came;
	u->end += came;
	return 0;
}

int unpacking_next(struct unpacking *u, const char **text, size_t *size)
{
	for (;;) {
		const char *end = u->end > u->looked ? memchr(u->text + u->looked, PACKED_SEPARATOR, u->end - u->looked) : NULL;
		if (end) {
			*text = u->text + u->begin;
			*size = (size_t)(end - *text);
			u->begin = u->looked = (size_t)(end - u->text) + 1;
			return *size > u->piece_max ? -EFBIG : 1;
		}
		u->looked = u->end;
		if (u->ended)
			return u->begin == u->end ? 0 : -EBADMSG;
		int status = inflate_some(u);
		if (status)
			return status;
	}
}
