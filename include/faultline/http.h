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
/* Bytes of the body behind an answer's head, as its fields tell; UINT64_MAX: up to where chunks or the connection end. *@head_size is 0
 * while the head is not complete. That answers to HEAD and some codes have none is for the caller to know. */
uint64_t fl_http_answer_body(const uint8_t *data, size_t size, size_t *head_size);

#endif
