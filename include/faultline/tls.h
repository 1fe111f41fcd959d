/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls.h - what a ClientHello says (RFC 8446, 6066 section 3, 7301; ECH RFC 9849)
 *
 * The hello may span several records, and records several segments: the
 * caller hands all contiguous bytes of the stream so far and is told MORE until
 * the hello is whole. Without a whole hello the SNI is given as soon as its
 * bytes are there.
 */
#ifndef FAULTLINE_TLS_H
#define FAULTLINE_TLS_H

#include "faultline/reader.h"
#include "faultline/status.h"

enum {
	FL_TLS_NAME_MAX = 256,        /* RFC 1035 name and zero */
	FL_TLS_HELLO_MAX = 65536,     /* handshake bytes we wait for */
	FL_TLS_ALPN_MAX = 64,
};

struct fl_tls_hello {
	bool has_sni;
	char sni[FL_TLS_NAME_MAX];    /* lower case; only bytes of a host name, others as \DDD */
	char alpn[FL_TLS_ALPN_MAX];   /* first protocol offered, printable or "" */
	uint16_t version;             /* highest offered */
	bool ech;                     /* encrypted_client_hello present: the SNI may be the
				       * outer, public name. GREASE cannot be told apart */
	bool esni;                    /* draft encrypted_server_name */
	bool contradicted;            /* QUIC, DTLS: pieces of it differ where they overlap; nothing was read */
};

/* Does the stream's beginning look like a TLS handshake record? MORE with fewer
 * than 6 bytes that fit so far; OK yes; MALFORMED no. */
enum fl_parse fl_tls_probe(const uint8_t *data, size_t size);

/**
 * fl_tls_client_hello() - Parse the ClientHello at the start of a stream
 * @data, @size: contiguous bytes from the first record on
 * @scratch:     FL_TLS_HELLO_MAX bytes where records are joined when the hello spans
 *               several; not read by the caller
 * @hello:       out
 * @used:        out: bytes up to the end of the hello's last record, when OK; may be NULL
 *
 * Return: OK; MORE (hello->has_sni may already be set); MALFORMED;
 * UNSUPPORTED for a handshake that does not begin with a ClientHello
 * (ServerHello, SSLv2).
 */
enum fl_parse fl_tls_client_hello(const uint8_t *data, size_t size, uint8_t *scratch,
				  struct fl_tls_hello *hello, size_t *used);

/* The handshake message itself (type 1, length, body), as QUIC carries it. */
enum fl_parse fl_tls_hello_message(struct fl_reader *r, struct fl_tls_hello *hello);

#endif
