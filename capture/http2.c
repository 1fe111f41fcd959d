/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http2.c - preface, frames, and the header block of the first request
 *
 * Frames before the first HEADERS (SETTINGS, WINDOW_UPDATE, PRIORITY) are passed over by their length. The block,
 * which CONTINUATION frames may cut (RFC 9113 section 6.10), goes piece by piece through libnghttp2's HPACK inflater;
 * as it is the connection's first, no state from before is missing.
 */
#include "faultline/http2.h"

#include <string.h>

#include "config.h"
#include "wire_text.h"

#if FL_HAVE_HTTP2
#include <nghttp2/nghttp2.h>
#endif

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum { PREFACE_SIZE = sizeof(preface) - 1 };

enum fl_parse fl_http2_probe(const uint8_t *data, size_t size)
{
	size_t n = size < PREFACE_SIZE ? size : PREFACE_SIZE;
	if (n && memcmp(data, preface, n) != 0)
		return FL_PARSE_MALFORMED;
	return n == PREFACE_SIZE ? FL_PARSE_OK : FL_PARSE_MORE;
}

#if FL_HAVE_HTTP2
enum { FRAME_HEADERS = 1, FRAME_CONTINUATION = 9, FLAG_END_HEADERS = 4, FLAG_PADDED = 8, FLAG_PRIORITY = 0x20 };

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

static void take_field(const nghttp2_nv *nv, struct fl_http_request *q)
{
	struct fl_slice value = { nv->value, nv->valuelen };
	if (is_named(nv, ":authority") || (is_named(nv, "host") && !q->host[0]))
		take_authority(value, q);
	else if (is_named(nv, ":path"))
		copy_printable(value, q->path, sizeof(q->path), '?');
	else if (is_named(nv, ":method"))
		copy_printable(value, q->method, sizeof(q->method), 0);
	q->connect = strcmp(q->method, "CONNECT") == 0;
}

/* One piece of the block. */
static bool inflate_piece(nghttp2_hd_inflater *inflater, struct fl_slice piece, bool last, struct fl_http_request *q)
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
			take_field(&nv, q);
		else if (piece.size == 0 || (flags & NGHTTP2_HD_INFLATE_FINAL))
			return true;
	}
	return true;
}

struct frame {
	uint8_t type, flags;
	uint32_t stream;
	struct fl_reader payload;
};

static bool read_frame(struct fl_reader *r, struct frame *f)
{
	uint32_t length = fl_read_be24(r);
	f->type = fl_read_u8(r);
	f->flags = fl_read_u8(r);
	f->stream = fl_read_be32(r) & INT32_MAX;
	f->payload = fl_read_sub(r, length);
	return !r->failed;
}

/* The part of a HEADERS frame that belongs to the block (RFC 9113 section 6.2). */
static bool headers_block(struct frame *f, struct fl_slice *block)
{
	uint8_t padding = f->flags & FLAG_PADDED ? fl_read_u8(&f->payload) : 0;
	if (f->flags & FLAG_PRIORITY)
		fl_read_skip(&f->payload, 5);
	*block = fl_reader_rest(&f->payload);
	if (f->payload.failed || padding > block->size)
		return false;
	block->size -= padding;
	return true;
}

/* From the HEADERS frame @f on. */
static enum fl_parse read_block(struct fl_reader *r, struct frame *f, nghttp2_hd_inflater *inflater,
				struct fl_http_request *q)
{
	struct fl_slice piece;
	uint32_t stream = f->stream;
	if (!headers_block(f, &piece))
		return FL_PARSE_MALFORMED;
	for (;;) {
		bool last = f->flags & FLAG_END_HEADERS;
		if (!inflate_piece(inflater, piece, last, q))
			return FL_PARSE_MALFORMED;
		if (last)
			return FL_PARSE_OK;
		if (!read_frame(r, f))
			return FL_PARSE_MORE;
		if (f->type != FRAME_CONTINUATION || f->stream != stream)
			return FL_PARSE_MALFORMED;
		piece = fl_reader_rest(&f->payload);
	}
}

static enum fl_parse read_first_block(struct fl_reader *r, struct fl_http_request *q)
{
	struct frame f;
	do {
		if (!read_frame(r, &f))
			return FL_PARSE_MORE;
	} while (f.type != FRAME_HEADERS);
	nghttp2_hd_inflater *inflater;
	if (nghttp2_hd_inflate_new(&inflater) != 0)
		fl_out_of_memory();
	enum fl_parse result = read_block(r, &f, inflater, q);
	nghttp2_hd_inflate_del(inflater);
	return result;
}
#endif

enum fl_parse fl_http2_request(const uint8_t *data, size_t size, struct fl_http_request *q)
{
	memset(q, 0, sizeof(*q));
	enum fl_parse result = fl_http2_probe(data, size);
	if (result != FL_PARSE_OK)
		return result;
#if FL_HAVE_HTTP2
	struct fl_reader r = fl_reader_over(data, size);
	fl_read_skip(&r, PREFACE_SIZE);
	result = read_first_block(&r, q);
	if (result != FL_PARSE_OK)
		memset(q, 0, sizeof(*q));
	return result == FL_PARSE_MORE && size >= FL_HTTP2_BEGIN_MAX ? FL_PARSE_UNSUPPORTED : result;
#else
	return FL_PARSE_UNSUPPORTED;
#endif
}
