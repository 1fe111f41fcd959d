/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socks.h - the target that a client asks a SOCKS proxy for (RFC 1928, RFC 1929, SOCKS 4 and 4a)
 */
#ifndef FAULTLINE_SOCKS_H
#define FAULTLINE_SOCKS_H

#include "faultline/reader.h"
#include "faultline/status.h"

enum { FL_SOCKS_HOST_MAX = 256 };

struct fl_socks_request {
	char host[FL_SOCKS_HOST_MAX]; /* lower case, or an address as text */
	uint16_t port;
};

/* Read what the client sent so far, from its first byte on: the greeting, a password if it sent one, the
 * request. OK with @q filled; MORE; MALFORMED: no SOCKS, or no CONNECT. */
enum fl_parse fl_socks_request(const uint8_t *data, size_t size, struct fl_socks_request *q);

#endif
