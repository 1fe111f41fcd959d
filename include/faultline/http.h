/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h - heads of HTTP/1 requests and answers (RFC 9112)
 */
#ifndef FAULTLINE_HTTP_H
#define FAULTLINE_HTTP_H

#include "faultline/reader.h"
#include "faultline/status.h"

enum { FL_HTTP_HOST_MAX = 256, FL_HTTP_PATH_MAX = 64,
       FL_HTTP_STATUS_LEAST = 13,     /* bytes that tell a status line */
       FL_HTTP_SWITCHING = 101,       /* Switching Protocols, RFC 9110 section 15.2.2 */
       FL_HTTP_HEAD_MAX = 65536,      /* of a request; most servers take 8 to 64 KiB */
       FL_HTTP_ANSWER_MAX = 16384 };  /* of an answer; of a chunk's head or trailers */

/* What a connection may go on in (RFC 9110 section 7.8). */
enum fl_http_upgrade { FL_HTTP_UPGRADE_NONE,
		       FL_HTTP_UPGRADE_OTHER,  /* WebSocket (RFC 6455) and whatever else is no HTTP/1 */
		       FL_HTTP_UPGRADE_TLS,    /* RFC 2817 */
		       FL_HTTP_UPGRADE_H2C };  /* HTTP/2 in the clear (RFC 7540 section 3.2) */

struct fl_http_request {
	char method[16];
	char host[FL_HTTP_HOST_MAX]; /* lower case, without port; from an absolute or
				      * authority (CONNECT) target, else the Host
				      * field; "" when there is none. Bytes that no host
				      * has are written as \DDD */
	uint16_t port;               /* 0 when none was named; of an absolute target its scheme's */
	bool host_read;              /* @host is final: the target's, or a field's, though that may hold none */
	char path[FL_HTTP_PATH_MAX]; /* target's path, cut, without query; printable */
	bool connect;                /* CONNECT: host is the tunnel's target */
	bool absolute;               /* the target is a whole URI, as proxies are asked (RFC 9112 section 3.2.2) */
	size_t head_size;            /* bytes up to and with the empty line */
	uint64_t content_length;     /* 0 when none or chunked */
	bool chunked;
	enum fl_http_upgrade upgrade; /* offered; of several the last in their order above */
};

/* Does it begin like a request line (method token, space, target ... )? OK,
 * MORE (a prefix of one), MALFORMED (no). Cheap: looks at 16 bytes. */
enum fl_parse fl_http_probe(const uint8_t *data, size_t size);

/* Parse one request head. OK; MORE when the empty line is not there yet (@q
 * holds what was read so far, host included once its line is whole); MALFORMED when it is no HTTP request; UNSUPPORTED when the head
 * is longer than FL_HTTP_HEAD_MAX. */
enum fl_parse fl_http_request(const uint8_t *data, size_t size, struct fl_http_request *q);

/**
 * fl_http_head_goes_on() - Is there nothing new in a head that was read as far as it was there?
 * @data, @size: the head from its beginning on, now
 * @looked: in: how far it was looked at, 0 at first; out: for the next time
 * @host_read: the Host is known, only the head's end is waited for
 *
 * Return: false: fl_http_request() would find more in it. Cost: of what is new and the line it begins in, where reading again costs
 * the whole head.
 */
bool fl_http_head_goes_on(const uint8_t *data, size_t size, size_t *looked, bool host_read);

/* Status code 100..599 of an answer's status line; 0 when it is none. */
unsigned fl_http_status(const uint8_t *data, size_t size);
/* Where the body ends behind an answer's head of @head_size bytes, 0 while that is not complete. That answers to HEAD and some codes
 * have none is for the caller to know. */
struct fl_http_body {
	size_t head_size;
	uint64_t length;             /* UINT64_MAX: up to where chunks or the connection end */
	bool chunked;
	enum fl_http_upgrade upgrade; /* behind 101: what is spoken from here on */
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
