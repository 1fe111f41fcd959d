/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http2.c - preface, frames and header blocks of HTTP/2
 *
 * Data is passed over by its length, wherever segments end, and so is every frame that says nothing of requests. A frame with
 * headers is waited for as a whole. Its block, which CONTINUATION frames may cut (RFC 9113 section 6.10), goes
 * piece by piece through libnghttp2's HPACK inflater. All blocks do, those of pushed requests too: each may change
 * what the next one means.
 *
 * The inflater gets its memory through us, each piece with its size in front, so that the budget knows what is
 * really taken. A table may be as large as browsers allow (64 KiB); which size the ends agreed on is not followed, for
 * a table that is too large only remembers more.
 */
#include "faultline/http2.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "faultline/request.h"
#include "wire_text.h"

#if FL_HAVE_HTTP2
#include <nghttp2/nghttp2.h>
#endif

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
_Static_assert(sizeof(preface) - 1 == FL_HTTP2_PREFACE, "the preface of RFC 9113 section 3.4");

enum fl_parse fl_http2_probe(const uint8_t *data, size_t size)
{
	size_t n = size < FL_HTTP2_PREFACE ? size : FL_HTTP2_PREFACE;
	if (n && memcmp(data, preface, n) != 0)
		return FL_PARSE_MALFORMED;
	return n == FL_HTTP2_PREFACE ? FL_PARSE_OK : FL_PARSE_MORE;
}

bool fl_grpc_failed(int status)
{
	enum { UNKNOWN = 2, DEADLINE_EXCEEDED = 4, UNIMPLEMENTED = 12, INTERNAL = 13, UNAVAILABLE = 14, DATA_LOSS = 15 };
	return status == UNKNOWN || status == DEADLINE_EXCEEDED || (status >= UNIMPLEMENTED && status <= DATA_LOSS);
}

enum { FRAME_HEAD = 9, FRAME_DATA = 0, FRAME_HEADERS = 1, FRAME_RESET = 3, FRAME_PUSH = 5, FRAME_GOAWAY = 7,
       FRAME_CONTINUATION = 9 };

bool fl_http2_has_headers(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	if (fl_http2_probe(data, size) == FL_PARSE_OK)
		fl_read_skip(&r, FL_HTTP2_PREFACE);
	while (fl_reader_left(&r) >= FRAME_HEAD) {
		uint32_t length = fl_read_be24(&r);
		uint8_t type = fl_read_u8(&r);
		fl_read_skip(&r, 1);
		uint32_t stream = fl_read_be32(&r);
		if (type == FRAME_HEADERS && stream % 2 && stream <= INT32_MAX)
			return true;
		if (type > FRAME_CONTINUATION || length > fl_reader_left(&r))
			return false;
		fl_read_skip(&r, length);
	}
	return false;
}

#if FL_HAVE_HTTP2
enum { FLAG_END_STREAM = 1, FLAG_END_HEADERS = 4, FLAG_PADDED = 8, FLAG_PRIORITY = 0x20 };
enum { TABLE_MAX = 65536, BLOCK_MAX = 4 * FL_HTTP2_BEGIN_MAX, GOAWAY_LEAST = 8 };

struct fl_http2_reader {
	struct fl_http2_budget *budget;
	nghttp2_mem memory;             /* the inflater borrows it */
	nghttp2_hd_inflater *inflater;
	uint32_t skip;                  /* payload bytes still to pass over */
	uint32_t ending;                /* stream that ends behind them, or 0 */
	uint32_t block;                 /* stream of the block that is being read, or 0 */
	bool pushed;                    /* ... of a request that the server answers unasked */
	struct fl_http2_event event;    /* ... as far as it was read */
};

/* ---- memory ---- */

/* In front of each piece of memory: its size with this, in the widest alignment. */
union size_of_piece {
	size_t size;
	max_align_t align;
};

static void *take(size_t size, void *context)
{
	struct fl_http2_budget *b = context;
	if (size > SIZE_MAX / 2 || b->limit - b->used < size + sizeof(union size_of_piece)) {
		b->refused++;
		return NULL;
	}
	size += sizeof(union size_of_piece);
	union size_of_piece *piece = calloc(1, size);
	if (!piece)
		fl_out_of_memory();
	b->used += size;
	piece->size = size;
	return piece + 1;
}

static void give_back(void *memory, void *context)
{
	struct fl_http2_budget *b = context;
	union size_of_piece *piece = memory;
	if (!piece)
		return;
	b->used -= (--piece)->size;
	free(piece);
}

static void *take_array(size_t count, size_t size, void *context)
{
	return size && count > SIZE_MAX / 2 / size ? NULL : take(count * size, context);
}

static void *take_again(void *memory, size_t size, void *context)
{
	void *larger = take(size, context);
	if (larger && memory) {
		size_t had = ((union size_of_piece *)memory - 1)->size - sizeof(union size_of_piece);
		memcpy(larger, memory, had < size ? had : size);
		give_back(memory, context);
	}
	return larger;
}

struct fl_http2_reader *fl_http2_reader_new(struct fl_http2_budget *budget)
{
	struct fl_http2_reader *h = take(sizeof(*h), budget);
	if (!h)
		return NULL;
	h->budget = budget;
	h->memory = (nghttp2_mem){ budget, take, give_back, take_array, take_again };
	if (nghttp2_hd_inflate_new2(&h->inflater, &h->memory) != 0) {
		give_back(h, budget);
		return NULL;
	}
	(void)nghttp2_hd_inflate_change_table_size(h->inflater, TABLE_MAX); /* fails within a block only */
	return h;
}

void fl_http2_reader_free(struct fl_http2_reader *h)
{
	if (!h)
		return;
	nghttp2_hd_inflate_del(h->inflater);
	give_back(h, h->budget);
}

/* ---- fields ---- */

/* "host:port", "[::1]:port"; RFC 3986 section 3.2, user information left out. */
static bool take_authority(struct fl_slice text, struct fl_http_request *q)
{
	const uint8_t *at = text.size ? memchr(text.data, '@', text.size) : NULL;
	if (at)
		text = (struct fl_slice){ at + 1, text.size - (size_t)(at + 1 - text.data) };
	size_t end = text.size, digits = 0;
	while (digits < end && digits < 6 && text.data[end - 1 - digits] >= '0' && text.data[end - 1 - digits] <= '9')
		digits++;
	uint32_t port = 0;
	if (digits < end && digits <= 5 && text.data[end - 1 - digits] == ':') {
		for (size_t i = end - digits; i < end; i++)
			port = port * 10 + (uint32_t)(text.data[i] - '0');
		text.size = end - digits - 1;
	}
	if (text.size >= 2 && text.data[0] == '[' && text.data[text.size - 1] == ']')
		text = (struct fl_slice){ text.data + 1, text.size - 2 };
	q->port = port <= UINT16_MAX ? (uint16_t)port : 0;
	return wire_copy_host(text, q->host, sizeof(q->host));
}

static void copy_printable(struct fl_slice from, char *to, size_t size, char stop)
{
	size_t n = 0;
	while (n < from.size && n + 1 < size && from.data[n] > ' ' && from.data[n] < 0x7f && from.data[n] != (uint8_t)stop) {
		to[n] = (char)from.data[n];
		n++;
	}
	to[n] = 0;
}

static bool is_named(const nghttp2_nv *nv, const char *name)
{
	return nv->namelen == strlen(name) && memcmp(nv->name, name, nv->namelen) == 0;
}

/* At most three digits, else -1. */
static int read_number(const nghttp2_nv *nv)
{
	int number = 0;
	if (nv->valuelen == 0 || nv->valuelen > 3)
		return -1;
	for (size_t i = 0; i < nv->valuelen; i++) {
		if (nv->value[i] < '0' || nv->value[i] > '9')
			return -1;
		number = number * 10 + (nv->value[i] - '0');
	}
	return number;
}

static void take_field(const nghttp2_nv *nv, struct fl_http2_event *e)
{
	struct fl_http_request *q = &e->request;
	struct fl_slice value = { nv->value, nv->valuelen };
	if (is_named(nv, ":authority") || (is_named(nv, "host") && !q->host[0])) {
		take_authority(value, q);
	} else if (is_named(nv, ":path")) {
		copy_printable(value, q->path, sizeof(q->path), '?');
		e->fingerprint ^= fl_request_field_fingerprint(value.data, value.size);
	} else if (is_named(nv, ":method")) {
		copy_printable(value, q->method, sizeof(q->method), 0);
		e->fingerprint ^= fl_request_field_fingerprint(value.data, value.size);
		q->connect = strcmp(q->method, "CONNECT") == 0;
	} else if (is_named(nv, ":status")) {
		int status = read_number(nv);
		e->status = status >= 100 && status <= 599 ? (unsigned)status : 0;
	} else if (is_named(nv, "grpc-status")) {
		e->grpc_status = read_number(nv);
	}
}

/* One piece of the block. */
static bool inflate_piece(nghttp2_hd_inflater *inflater, struct fl_slice piece, bool last, struct fl_http2_event *e)
{
	while (piece.size > 0 || last) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, piece.data, piece.size, last);
		if (used < 0)
			return false;
		piece.data += used;
		piece.size -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			take_field(&nv, e);
		else if (piece.size == 0 || (flags & NGHTTP2_HD_INFLATE_FINAL))
			return true;
	}
	return true;
}

/* ---- frames ---- */

struct frame {
	uint8_t type, flags;
	uint32_t stream;
	struct fl_reader payload;
};

/* The part of a HEADERS or PUSH_PROMISE frame that belongs to the block (RFC 9113 sections 6.2, 6.6). */
static bool headers_block(struct frame *f, struct fl_slice *block)
{
	uint8_t padding = f->flags & FLAG_PADDED ? fl_read_u8(&f->payload) : 0;
	if (f->type == FRAME_PUSH)
		fl_read_skip(&f->payload, 4);
	else if (f->flags & FLAG_PRIORITY)
		fl_read_skip(&f->payload, 5);
	*block = fl_reader_rest(&f->payload);
	if (f->payload.failed || padding > block->size)
		return false;
	block->size -= padding;
	return true;
}

/* The frame with headers that begins a block, or goes on with it. OK: the block is complete. MORE: it is not. */
static enum fl_parse read_block(struct fl_http2_reader *h, struct frame *f)
{
	struct fl_slice piece;
	uint64_t refused = h->budget->refused;
	if (f->type == FRAME_CONTINUATION) {
		piece = fl_reader_rest(&f->payload);
	} else {
		if (!f->stream || !headers_block(f, &piece))
			return FL_PARSE_MALFORMED;
		h->block = f->stream;
		h->pushed = f->type == FRAME_PUSH;
		h->event = (struct fl_http2_event){ .kind = FL_HTTP2_HEADERS, .stream = f->stream, .grpc_status = -1,
						    .end = f->type == FRAME_HEADERS && f->flags & FLAG_END_STREAM };
	}
	bool last = f->flags & FLAG_END_HEADERS;
	h->event.size += (uint32_t)piece.size;
	if (h->event.size > BLOCK_MAX)
		return FL_PARSE_UNSUPPORTED;
	if (!inflate_piece(h->inflater, piece, last, &h->event))
		return h->budget->refused > refused ? FL_PARSE_UNSUPPORTED : FL_PARSE_MALFORMED;
	if (!last)
		return FL_PARSE_MORE;
	nghttp2_hd_inflate_end_headers(h->inflater);
	h->block = 0;
	return h->pushed ? FL_PARSE_MORE : FL_PARSE_OK;
}

static bool has_block(uint8_t type)
{
	return type == FRAME_HEADERS || type == FRAME_PUSH || type == FRAME_CONTINUATION;
}

/* Of the frame that begins at @start, behind its head. */
static enum fl_parse read_goaway(struct fl_http2_reader *h, struct fl_reader *r, const struct fl_reader *start, uint32_t length,
				 struct fl_http2_event *e)
{
	uint32_t last = fl_read_be32(r) & INT32_MAX;
	if (r->failed) {
		*r = *start;
		return FL_PARSE_MORE;
	}
	h->skip = length - 4;
	*e = (struct fl_http2_event){ .kind = FL_HTTP2_GOAWAY, .stream = last, .grpc_status = -1 };
	return FL_PARSE_OK;
}

/* One frame at the start of @r. OK: an event. MORE: none; whether the frame is used up tells @r. */
static enum fl_parse read_frame(struct fl_http2_reader *h, struct fl_reader *r, struct fl_http2_event *e)
{
	struct fl_reader start = *r;
	uint32_t length = fl_read_be24(r);
	struct frame f;
	f.type = fl_read_u8(r);
	f.flags = fl_read_u8(r);
	f.stream = fl_read_be32(r) & INT32_MAX;
	if (r->failed) {
		*r = start;
		return FL_PARSE_MORE;
	}
	if ((f.type == FRAME_CONTINUATION) != (h->block != 0) || (h->block && f.stream != h->block))
		return FL_PARSE_MALFORMED;
	if (f.type == FRAME_GOAWAY && length >= GOAWAY_LEAST)
		return read_goaway(h, r, &start, length, e);
	if (!has_block(f.type)) {
		h->skip = length;
		h->ending = f.type == FRAME_DATA && f.flags & FLAG_END_STREAM ? f.stream : 0;
		if (f.type != FRAME_RESET)
			return FL_PARSE_MORE;
		*e = (struct fl_http2_event){ .kind = FL_HTTP2_RESET, .stream = f.stream, .grpc_status = -1 };
		return FL_PARSE_OK;
	}
	if (length > FL_HTTP2_BEGIN_MAX)
		return FL_PARSE_UNSUPPORTED;
	if (fl_reader_left(r) < length) {
		*r = start;
		return FL_PARSE_MORE;
	}
	f.payload = fl_read_sub(r, length);
	enum fl_parse result = read_block(h, &f);
	*e = h->event;
	return result;
}

static void skip_payload(struct fl_http2_reader *h, struct fl_reader *r)
{
	size_t left = fl_reader_left(r);
	uint32_t n = left < h->skip ? (uint32_t)left : h->skip;
	fl_read_skip(r, n);
	h->skip -= n;
}

enum fl_parse fl_http2_next(struct fl_http2_reader *h, const uint8_t *data, size_t size, size_t *used,
			    struct fl_http2_event *e)
{
	struct fl_reader r = fl_reader_over(data, size);
	enum fl_parse result = FL_PARSE_MORE;
	for (size_t left = size + 1; result == FL_PARSE_MORE && fl_reader_left(&r) < left;) {
		left = fl_reader_left(&r);
		skip_payload(h, &r);
		if (h->skip == 0 && h->ending) {
			*e = (struct fl_http2_event){ .kind = FL_HTTP2_END, .stream = h->ending, .grpc_status = -1 };
			h->ending = 0;
			result = FL_PARSE_OK;
		} else if (h->skip == 0) {
			result = read_frame(h, &r, e);
		}
	}
	*used = size - fl_reader_left(&r);
	return result;
}

bool fl_http2_pass(struct fl_http2_reader *h, size_t n)
{
	if (n > h->skip)
		return false;
	h->skip -= (uint32_t)n;
	return true;
}

static enum fl_parse first_request(struct fl_http2_reader *h, const uint8_t *data, size_t size, struct fl_http_request *q)
{
	struct fl_http2_event e;
	enum fl_parse result;
	size_t at = FL_HTTP2_PREFACE, used;
	do {
		result = fl_http2_next(h, data + at, size - at, &used, &e);
		at += used;
	} while (result == FL_PARSE_OK && e.kind != FL_HTTP2_HEADERS);
	if (result == FL_PARSE_OK)
		*q = e.request;
	return result;
}
#else
struct fl_http2_reader *fl_http2_reader_new(struct fl_http2_budget *budget)
{
	(void)budget;
	return NULL;
}

void fl_http2_reader_free(struct fl_http2_reader *h)
{
	(void)h;
}

enum fl_parse fl_http2_next(struct fl_http2_reader *h, const uint8_t *data, size_t size, size_t *used,
			    struct fl_http2_event *e)
{
	(void)h, (void)data, (void)size, (void)e;
	*used = 0;
	return FL_PARSE_UNSUPPORTED;
}

bool fl_http2_pass(struct fl_http2_reader *h, size_t n)
{
	(void)h, (void)n;
	return false;
}
#endif

enum fl_parse fl_http2_request(const uint8_t *data, size_t size, struct fl_http_request *q)
{
	memset(q, 0, sizeof(*q));
	enum fl_parse result = fl_http2_probe(data, size);
	if (result != FL_PARSE_OK)
		return result;
#if FL_HAVE_HTTP2
	struct fl_http2_budget plenty = { .limit = SIZE_MAX / 2 };
	struct fl_http2_reader *h = fl_http2_reader_new(&plenty);
	if (!h)
		fl_out_of_memory();
	result = first_request(h, data, size, q);
	fl_http2_reader_free(h);
	return result == FL_PARSE_MORE && size >= FL_HTTP2_BEGIN_MAX ? FL_PARSE_UNSUPPORTED : result;
#else
	return FL_PARSE_UNSUPPORTED;
#endif
}
