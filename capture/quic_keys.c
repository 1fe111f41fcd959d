/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_keys.c - from a connection id to the frames of an Initial packet
 *
 * RFC 9001: section 5.2 derives the secret by HKDF from a salt that belongs to the
 * version and the Destination Connection ID of the client's first packet; section 5.4 takes a
 * mask off the header; section 5.3 opens AES-128-GCM. The server's keys are never needed.
 *
 * HKDF is made of HMAC here (RFC 5869): every output we want is shorter than one hash, so that a step is one HMAC;
 * libcrypto's own HKDF object costs twice as much. Contexts are made once and reused. A
 * library context of our own keeps configuration files of the system out.
 */
#include "quic_internal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "faultline/status.h"

enum { HASH = 32, SALT_SIZE = 20 };
enum salt {
	SALT_DRAFT_22, SALT_DRAFT_23, SALT_DRAFT_29, SALT_1, SALT_2, SALT_2_DRAFT, SALT_Q050, SALT_T050, SALT_T051, SALTS
};

static const uint8_t salts[][SALT_SIZE] = {
	[SALT_DRAFT_22] = { 0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
			    0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a },
	[SALT_DRAFT_23] = { 0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
			    0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02 },
	[SALT_DRAFT_29] = { 0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
			    0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99 },
	/* RFC 9001 section 5.2; drafts 33 and 34 have it already */
	[SALT_1] = { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
		     0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a },
	/* RFC 9369 section 3.3.1 */
	[SALT_2] = { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
		     0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 },
	[SALT_2_DRAFT] = { 0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
			   0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3 },
	[SALT_Q050] = { 0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
			0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45 },
	[SALT_T050] = { 0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
			0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10 },
	[SALT_T051] = { 0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
			0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d },
};

const struct quic_version *quic_version(uint32_t number)
{
	static const struct quic_version versions[] = {
		{ 0x00000001, SALT_1, false },       { 0x6b3343cf, SALT_2, true },
		{ 0x709a50c4, SALT_2_DRAFT, true },  { 0x51303530, SALT_Q050, false },
		{ 0x54303530, SALT_T050, false },    { 0x54303531, SALT_T051, false },
		/* mvfst, by the drafts it followed */
		{ 0xfaceb001, SALT_DRAFT_22, false }, { 0xfaceb003, SALT_1, false },
		{ 0xfaceb002, SALT_DRAFT_23, false }, { 0xfaceb00e, SALT_DRAFT_23, false },
		{ 0xfaceb011, SALT_DRAFT_23, false }, { 0xfaceb013, SALT_DRAFT_23, false },
	};
	static const struct quic_version drafts[] = {
		{ 0xff000016, SALT_DRAFT_22, false }, { 0xff000017, SALT_DRAFT_23, false }, { 0xff00001d, SALT_DRAFT_29, false },
		{ 0xff000021, SALT_1, false },
	};
	/* RFC 9000 section 15: never spoken; ngtcp2 hides such a hello by the salt of the newest draft. */
	static const struct quic_version reserved = { 0x0a0a0a0a, SALT_DRAFT_29, false };
	for (size_t i = 0; i < FL_ARRAY_LEN(versions); i++)
		if (versions[i].number == number)
			return &versions[i];
	if ((number & 0x0f0f0f0f) == 0x0a0a0a0a)
		return &reserved;
	if (number >> 8 != 0xff0000 || (number & 0xff) < 22 || (number & 0xff) > 34)
		return NULL;
	unsigned draft = number & 0xff;
	return &drafts[(draft >= 23) + (draft >= 29) + (draft >= 33)];
}

struct quic_crypto {
	OSSL_LIB_CTX *library;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac;
	EVP_MAC_CTX *salted[SALTS]; /* keyed with the salt */
	bool keeps_keys;            /* a context without a new key begins again with the one it has */
	EVP_CIPHER *aead, *block;
	EVP_CIPHER_CTX *open, *mask;
};

/* @key NULL: the one that @mac has. */
static bool hmac(EVP_MAC_CTX *mac, const uint8_t *key, size_t key_size, const uint8_t *data, size_t size, uint8_t out[static HASH])
{
	size_t written = 0;
	return EVP_MAC_init(mac, key, key_size, NULL) == 1 && EVP_MAC_update(mac, data, size) == 1 &&
	       EVP_MAC_final(mac, out, &written, HASH) == 1 && written == HASH;
}

/* Setting a key costs as much as hashing with it. Early releases of OpenSSL 3.0 do not begin again without one. */
static bool key_salts(struct quic_crypto *c)
{
	uint8_t first[HASH], again[HASH];
	for (size_t i = 0; i < SALTS; i++) {
		c->salted[i] = EVP_MAC_CTX_dup(c->mac);
		if (!c->salted[i] || !hmac(c->salted[i], salts[i], SALT_SIZE, salts[i], SALT_SIZE, first))
			return false;
		c->keeps_keys = hmac(c->salted[i], NULL, 0, salts[i], SALT_SIZE, again) && memcmp(first, again, HASH) == 0;
	}
	return true;
}

static bool fetch(struct quic_crypto *c)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
				      OSSL_PARAM_construct_end() };
	c->library = OSSL_LIB_CTX_new();
	c->hmac = c->library ? EVP_MAC_fetch(c->library, "HMAC", NULL) : NULL;
	c->aead = c->library ? EVP_CIPHER_fetch(c->library, "AES-128-GCM", NULL) : NULL;
	c->block = c->library ? EVP_CIPHER_fetch(c->library, "AES-128-ECB", NULL) : NULL;
	if (!c->hmac || !c->aead || !c->block)
		return false;
	c->mac = EVP_MAC_CTX_new(c->hmac);
	c->open = EVP_CIPHER_CTX_new();
	c->mask = EVP_CIPHER_CTX_new();
	return c->mac && c->open && c->mask && EVP_MAC_CTX_set_params(c->mac, params) == 1 && key_salts(c) &&
	       EVP_DecryptInit_ex2(c->open, c->aead, NULL, NULL, NULL) == 1 &&
	       EVP_EncryptInit_ex2(c->mask, c->block, NULL, NULL, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(c->mask, 0) == 1;
}

struct quic_crypto *quic_crypto_new(void)
{
	struct quic_crypto *c = fl_alloc(sizeof(*c));
	if (fetch(c))
		return c;
	quic_crypto_free(c);
	return NULL;
}

void quic_crypto_free(struct quic_crypto *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->open);
	EVP_CIPHER_CTX_free(c->mask);
	EVP_CIPHER_free(c->aead);
	EVP_CIPHER_free(c->block);
	EVP_MAC_CTX_free(c->mac);
	for (size_t i = 0; i < SALTS; i++)
		EVP_MAC_CTX_free(c->salted[i]);
	EVP_MAC_free(c->hmac);
	OSSL_LIB_CTX_free(c->library);
	free(c);
}

/* HKDF-Expand-Label (RFC 8446 section 7.1) with an empty context and at most one hash of output. @secret NULL: the one before. */
static bool expand(struct quic_crypto *c, const uint8_t *secret, const char *label, uint8_t *out, size_t size)
{
	uint8_t info[40], hash[HASH];
	size_t length = strlen(label);
	info[0] = 0;
	info[1] = (uint8_t)size;
	info[2] = (uint8_t)(6 + length);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, length);
	info[9 + length] = 0;
	info[10 + length] = 1; /* RFC 5869 section 2.3: the first block */
	if (!hmac(c->mac, secret, secret ? HASH : 0, info, 11 + length, hash))
		return false;
	memcpy(out, hash, size);
	return true;
}

bool quic_crypto_keys(struct quic_crypto *c, const struct quic_version *v, const struct fl_slice *dcid,
		      struct quic_keys *keys)
{
	uint8_t initial[HASH], client[HASH];
	const uint8_t *salt = c->keeps_keys ? NULL : salts[v->salt], *again = c->keeps_keys ? NULL : client;
	return hmac(c->salted[v->salt], salt, salt ? SALT_SIZE : 0, dcid->data, dcid->size, initial) &&
	       expand(c, initial, "client in", client, sizeof(client)) &&
	       expand(c, client, v->second ? "quicv2 key" : "quic key", keys->key, sizeof(keys->key)) &&
	       expand(c, again, v->second ? "quicv2 iv" : "quic iv", keys->iv, sizeof(keys->iv)) &&
	       expand(c, again, v->second ? "quicv2 hp" : "quic hp", keys->header, sizeof(keys->header));
}

/* RFC 9001 section 5.4: @header gets the packet's header, in the clear. */
static size_t unmask(struct quic_crypto *c, const struct quic_keys *keys, const uint8_t *packet, size_t number_at,
		     uint8_t *header)
{
	uint8_t mask[QUIC_SAMPLE];
	int written = 0;
	if (EVP_EncryptInit_ex2(c->mask, NULL, keys->header, NULL, NULL) != 1 ||
	    EVP_EncryptUpdate(c->mask, mask, &written, packet + number_at + 4, QUIC_SAMPLE) != 1 ||
	    written != QUIC_SAMPLE)
		return 0;
	memcpy(header, packet, number_at + 4);
	header[0] ^= mask[0] & 0x0f;
	size_t number_size = (header[0] & 3u) + 1;
	for (size_t i = 0; i < number_size; i++)
		header[number_at + i] ^= mask[1 + i];
	return number_size;
}

bool quic_crypto_open(struct quic_crypto *c, const struct quic_keys *keys, const uint8_t *packet, size_t size,
		      size_t number_at, uint8_t *out, struct fl_slice *frames)
{
	if (size > QUIC_DATAGRAM_MAX || number_at > size || size - number_at < 4 + QUIC_SAMPLE)
		return false;
	/* The header goes to the end of @out, where no frame will be: frames are shorter by the header. */
	uint8_t *header = out + QUIC_DATAGRAM_MAX - (number_at + 4);
	size_t number_size = unmask(c, keys, packet, number_at, header);
	if (!number_size)
		return false;
	size_t header_size = number_at + number_size;
	uint8_t nonce[12];
	memcpy(nonce, keys->iv, sizeof(nonce));
	/* A connection's first packets have small numbers: what was cut off them is zero (section 17.1 of RFC 9000). */
	for (size_t i = 0; i < number_size; i++)
		nonce[sizeof(nonce) - number_size + i] ^= header[number_at + i];
	size_t text = size - header_size - QUIC_TAG;
	uint8_t tag[QUIC_TAG];
	memcpy(tag, packet + size - QUIC_TAG, QUIC_TAG);
	int n = 0, last = 0;
	bool opened = EVP_DecryptInit_ex2(c->open, NULL, keys->key, nonce, NULL) == 1 &&
		      EVP_CIPHER_CTX_ctrl(c->open, EVP_CTRL_AEAD_SET_TAG, QUIC_TAG, tag) == 1 &&
		      EVP_DecryptUpdate(c->open, NULL, &n, header, (int)header_size) == 1 &&
		      EVP_DecryptUpdate(c->open, out, &n, packet + header_size, (int)text) == 1 &&
		      EVP_DecryptFinal_ex(c->open, out + n, &last) == 1;
	*frames = (struct fl_slice){ out, opened ? text : 0 };
	return opened;
}
