/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h - heads of HTTP/1 requests and answers (RFC 9112)
 */
#ifndef FAULTLINE_HTTP_H
#define FAULTLINE_HTTP_H

#include "faultline/reader.h"
#include "faultline/status.h"

enum { FL_HTTP_HOST_MAX = 256, FL_HTTP_PATH_MAX = 64, FL_HTTP_HEAD_MAX = 16384 };

struct fl_http_request {
	char method[16];
	char host[FL_HTTP_HOST_MAX]; /* lower case, without port; from an absolute or
				      * authority (CONNECT) target, else the Host
				      * field; "" when there is none. Bytes that no host
				      * has are written as \DDD */
	uint16_t port;               /* 0 when none was named; of an absolute target its scheme's */
	char path[FL_HTTP_PATH_MAX]; /* target's path, cut, without query; printable */
	bool connect;                /* CONNECT: host is the tunnel's target */
	bool absolute;               /* the target is a whole URI, as proxies are asked (RFC 9112 section 3.2.2) */
	size_t head_size;            /* bytes up to and with the empty line */
	uint64_t content_length;     /* 0 when none or chunked */
	bool chunked;
	bool upgrade_h2c;            /* offers to go on in HTTP/2 (RFC 7540 section 3.2) */
};

/* Does it begin like a request line (method token, space, target ... )? OK,
 * MORE (a prefix of one), MALFORMED (no). Cheap: looks at 16 bytes. */
enum fl_parse fl_http_probe(const uint8_t *data, size_t size);

/* Parse one request head. OK; MORE when the empty line is not there yet (@q
 * holds what was read so far, host included once its line is whole); MALFORMED when it is no HTTP request or the head
 * is longer than FL_HTTP_HEAD_MAX. */
enum fl_parse fl_http_request(const uint8_t *data, size_t size, struct fl_http_request *q);

/* Status code 100..599 of an answer's status line; 0 when it is none. */
unsigned fl_http_status(const uint8_t *data, size_t size);
/* Where the body ends behind an answer's head of @head_size bytes, 0 while that is not complete. That answers to HEAD and some codes
 * have none is for the caller to know. */
struct fl_http_body {
	size_t head_size;
	uint64_t length;             /* UINT64_MAX: up to where chunks or the connection end */
	bool chunked;
};
struct fl_http_body fl_http_answer_body(const uint8_t *data, size_t size);

/**
 * fl_http_chunks() - Pass over the chunks of a body (RFC 9112 section 7.1)
 * @data, @size: contiguous bytes from the head of a chunk on
 * @used: out, bytes that need not be given again
 * @skip: out, bytes behind @size that need not be given either
 *
 * Return: OK: *used is where the body ends, its trailers included; MORE; MALFORMED: there is no chunk.
 */
enum fl_parse fl_http_chunks(const uint8_t *data, size_t size, size_t *used, uint64_t *skip);

#endif
