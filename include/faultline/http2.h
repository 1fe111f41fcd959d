/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http2.h - the first request of an HTTP/2 connection in the clear (RFC 9113 section 3.3, prior knowledge)
 *
 * Later requests are not read: they nearly always have the first one's authority, and reading them would mean
 * to follow every frame. The build may lack it (meson option http2); then all is UNSUPPORTED.
 */
#ifndef FAULTLINE_HTTP2_H
#define FAULTLINE_HTTP2_H

#include "faultline/http.h"

enum { FL_HTTP2_BEGIN_MAX = 65536 }; /* bytes in which the first request must be */

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

#endif
