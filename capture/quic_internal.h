/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_internal.h - versions of QUIC and the keys of Initial packets
 */
#ifndef FAULTLINE_QUIC_INTERNAL_H
#define FAULTLINE_QUIC_INTERNAL_H

#include "faultline/reader.h"

enum { QUIC_CID_MAX = 20, QUIC_TAG = 16, QUIC_SAMPLE = 16, QUIC_DATAGRAM_MAX = 65536 };

struct quic_version {
	uint32_t number;
	uint8_t salt;         /* which */
	bool second;          /* labels and packet types of RFC 9369 */
};
/* NULL for versions whose Initials we cannot open. */
const struct quic_version *quic_version(uint32_t number);

struct quic_keys {
	uint8_t key[16], iv[12], header[16];
};

struct quic_crypto;
struct quic_crypto *quic_crypto_new(void); /* NULL when the library lacks an algorithm */
void quic_crypto_free(struct quic_crypto *c);

/* Keys of the client's Initials that began with this connection id. */
bool quic_crypto_keys(struct quic_crypto *c, const struct quic_version *v, const struct fl_slice *dcid,
		      struct quic_keys *keys);
/**
 * quic_crypto_open() - Take off header protection and encryption
 * @packet, @size: one packet, from its first byte to the end of its payload
 * @number_at: where its packet number begins
 * @out: QUIC_DATAGRAM_MAX bytes for the frames
 *
 * Return: whether the packet is authentic; then *@frames are in @out.
 */
bool quic_crypto_open(struct quic_crypto *c, const struct quic_keys *keys, const uint8_t *packet, size_t size,
		      size_t number_at, uint8_t *out, struct fl_slice *frames);

#endif
