/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dtls.h - the ClientHello of DTLS 1.0 to 1.3 (RFC 6347, RFC 9147)
 */
#ifndef FAULTLINE_DTLS_H
#define FAULTLINE_DTLS_H

#include "faultline/hello_pool.h"
#include "faultline/tls.h"

enum { FL_DTLS_DATAGRAMS = 32 }; /* of the client, in which its hello is looked for */

/* Does the datagram begin with a plain handshake record of DTLS? Cheap. */
bool fl_dtls_probe(const uint8_t *data, size_t size);

/**
 * fl_dtls_client() - Read one datagram of the side that opened the connection
 * @pool:    where fragments wait; @word is the flow's, zero at first
 * @scratch: FL_HELLO_BYTES bytes, not read by the caller
 * @hello:   out, when OK
 *
 * Return: OK: the hello is whole; MORE: offer the next datagram; MALFORMED; UNSUPPORTED: no use
 * to go on. The place is freed when the result is not MORE.
 */
enum fl_parse fl_dtls_client(struct fl_hello_pool *pool, fl_hello_word *word, const uint8_t *data, size_t size,
			     uint8_t *scratch, struct fl_tls_hello *hello);

#endif
