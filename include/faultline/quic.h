/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic.h - the ClientHello in QUIC's first packets
 *
 * A client's Initial packets are encrypted with keys that follow from their own header (RFC 9001
 * section 5.2): anyone on the path can read them. Read are version 1 (RFC 9000), version 2 (RFC 9369), the
 * drafts 22 to 34, and Google's: Q050 like these, Q043 to Q048 in the clear.
 */
#ifndef FAULTLINE_QUIC_H
#define FAULTLINE_QUIC_H

#include "faultline/hello_pool.h"
#include "faultline/tls.h"

enum {
	FL_QUIC_DATAGRAMS = 48,  /* of the client, in which its hello is looked for */
	FL_QUIC_MISS = 8,        /* an Initial that does not open counts as so many */
};

struct fl_quic;

/* Algorithms are fetched here, once. @pool is borrowed and must outlive it. */
struct fl_quic *fl_quic_new(struct fl_hello_pool *pool);
void fl_quic_free(struct fl_quic *q);
/* False when the cryptographic library does not offer what is needed: then nothing encrypted is read. */
bool fl_quic_able(const struct fl_quic *q);

/* Does the datagram begin with a packet of a QUIC version we know, a reserved version, or Version Negotiation? Cheap. */
bool fl_quic_probe(const uint8_t *data, size_t size);

/* A hash, never 0, of a connection id in the long header that the datagram begins with: whom it goes to, or (@from) whom it comes
 * from; 0 when there is none, and of the client's packets also when it is of another type than Initial. */
uint16_t fl_quic_id(const uint8_t *data, size_t size, bool from);

/**
 * fl_quic_client() - Read one datagram of the side that opened the connection
 * @q:     algorithms and store
 * @word:  the flow's word, zero at first; its place is freed when the result is not MORE
 * @data, @size: the datagram
 * @hello: out; has_sni as soon as the name is there, the rest when OK
 *
 * Packets that cannot be read (other versions, other types, damaged) are passed
 * over. After Retry, or a new version, the client begins anew under another key, and so do we.
 *
 * Return: OK: the hello is whole; MORE: offer the next datagram; MALFORMED: what was
 * decrypted is no ClientHello; UNSUPPORTED: no use to go on.
 */
enum fl_parse fl_quic_client(struct fl_quic *q, fl_hello_word *word, const uint8_t *data, size_t size,
			     struct fl_tls_hello *hello);

#endif
