/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http2.h - the frames of one direction of an HTTP/2 connection in the clear (RFC 9113 section 3.3, prior knowledge)
 *
 * Header blocks are compressed with what was said before on the connection (RFC 7541), so a reader needs every byte from
 * the beginning on: after a hole it is of no use. What it remembers takes memory that the far side chooses; all
 * readers share a budget, and who does not get what it asks for is given up. The build may lack it (meson option
 * http2); then all is UNSUPPORTED.
 */
#ifndef FAULTLINE_HTTP2_H
#define FAULTLINE_HTTP2_H

#include "faultline/http.h"

enum { FL_HTTP2_PREFACE = 24,       /* bytes that a client begins with */
       FL_HTTP2_BEGIN_MAX = 65536 }; /* bytes in which the first request must be; also of a frame with headers */

/* Bytes for all that share it. */
struct fl_http2_budget {
	size_t limit, used;
	uint64_t refused;               /* how often it had not enough */
};

struct fl_http2_reader;

/* @budget outlives the reader. NULL when it has too little left (counted), or the build lacks HTTP/2. */
struct fl_http2_reader *fl_http2_reader_new(struct fl_http2_budget *budget);
void fl_http2_reader_free(struct fl_http2_reader *h);

enum fl_http2_kind {
	FL_HTTP2_HEADERS,               /* a block: of a request, an answer, or trailers */
	FL_HTTP2_END,                   /* the stream's last data */
	FL_HTTP2_RESET,                 /* RST_STREAM */
	FL_HTTP2_GOAWAY,                /* streams above this one are not worked on (RFC 9113 section 6.8) */
};

struct fl_http2_event {
	enum fl_http2_kind kind;
	uint32_t stream;
	bool end;                       /* HEADERS: nothing follows in this direction */
	uint32_t size;                  /* HEADERS: bytes of the block as it was sent */
	uint32_t fingerprint;           /* HEADERS: of method and whole path (request.h); 0: the block is no request's */
	unsigned status;                /* 100 .. 599; 0: the block has none */
	int grpc_status;                /* -1: the block has none */
	struct fl_http_request request; /* method is "" where the block is no request's; as in HTTP/1, the rest is zero */
};

/**
 * fl_http2_next() - Read frames up to the next event
 * @h: the direction's reader
 * @data, @size: contiguous bytes, behind the preface and behind what was used before
 * @used: out, bytes that need not be given again
 * @e: out, when OK
 *
 * Return: OK: an event, there may be more behind *used; MORE: nothing until more bytes come; MALFORMED, UNSUPPORTED (a block that is
 * too long, or no memory is left): the reader is of no use any more.
 */
enum fl_parse fl_http2_next(struct fl_http2_reader *h, const uint8_t *data, size_t size, size_t *used,
			    struct fl_http2_event *e);

/* @n bytes behind those that were used last are missing. Whether they can be passed over: they are inside a frame that says nothing of
 * requests. Then they are. */
bool fl_http2_pass(struct fl_http2_reader *h, size_t n);

/* Does a segment that begins with a frame, or with the preface, hold one that begins a request or an answer? For connections that cannot
 * be followed: what else is sent (windows, settings, data) goes to and fro and asks for nothing. */
bool fl_http2_has_headers(const uint8_t *data, size_t size);

/* Does the stream begin with the client's preface? OK, MORE (so far), MALFORMED (no). */
enum fl_parse fl_http2_probe(const uint8_t *data, size_t size);

/**
 * fl_http2_request() - Read the first request of a client's stream
 * @data, @size: contiguous bytes from the preface on
 * @q: out, when OK: method, host, port, path, connect as in HTTP/1; the rest is zero
 *
 * Nothing is kept between calls. Return: OK, MORE, MALFORMED, UNSUPPORTED.
 */
enum fl_parse fl_http2_request(const uint8_t *data, size_t size, struct fl_http_request *q);

/* Does a gRPC status say that the server failed (UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS)? The
 * OpenTelemetry conventions for RPC draw the line there. */
bool fl_grpc_failed(int status);

#endif
