/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_quic.c - datagrams of a QUIC or DTLS client: each behind two bytes of its length
 *
 * The first byte says which: DTLS, QUIC, or frames that are sealed here into an Initial, since no mutation
 * gets past the seal. With its upper bit set, every datagram is a flow of its own.
 */
#include "fuzz.h"

#include <string.h>

#include <openssl/evp.h>

#include "capture/quic_internal.h"
#include "faultline/dtls.h"
#include "faultline/quic.h"

static uint8_t scratch[FL_HELLO_BYTES];

static void check(enum fl_parse result, struct fl_hello_pool *pool, fl_hello_word word, const struct fl_tls_hello *h)
{
	fuzz_check_text(h->sni, sizeof h->sni);
	fuzz_check_text(h->alpn, sizeof h->alpn);
	fuzz_check(h->has_sni == (h->sni[0] != 0));
	fuzz_check(result != FL_PARSE_TRUNCATED);
	if (result != FL_PARSE_MORE)
		fuzz_check(!fl_hello_get(pool, word));
}

/* An Initial of version 1 around @frames; *@size of it in @packet. */
static void seal(struct quic_crypto *crypto, struct fl_slice frames, uint8_t *packet, size_t *size)
{
	static const uint8_t dcid[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	const size_t length = 4 + frames.size + 16, number_at = 18;
	const uint8_t header[22] = { 0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, (uint8_t)(0x40 | length >> 8),
				     (uint8_t)length };
	struct quic_keys keys;
	fuzz_check(quic_crypto_keys(crypto, quic_version(1), &(struct fl_slice){ dcid, 8 }, &keys));
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t mask[32];
	int n = 0;
	memcpy(packet, header, sizeof header);
	EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys.key, keys.iv);
	EVP_EncryptUpdate(c, NULL, &n, header, sizeof header);
	EVP_EncryptUpdate(c, packet + sizeof header, &n, frames.data, (int)frames.size);
	EVP_EncryptFinal_ex(c, packet + sizeof header + frames.size, &n);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, packet + sizeof header + frames.size);
	EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, keys.header, NULL);
	EVP_EncryptUpdate(c, mask, &n, packet + number_at + 4, 16);
	EVP_CIPHER_CTX_free(c);
	packet[0] ^= mask[0] & 0x0f;
	for (size_t i = 0; i < 4; i++)
		packet[number_at + i] ^= mask[1 + i];
	*size = number_at + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fl_hello_pool *pool;
	static struct fl_quic *quic;
	static struct quic_crypto *crypto;
	static uint8_t packet[1 << 14];
	if (!pool) {
		pool = fl_hello_pool_new(2);
		quic = fl_quic_new(pool);
		crypto = quic_crypto_new();
	}
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t how = fl_read_u8(&r);
	fl_hello_word word = 0;
	while (fl_reader_left(&r) > 2) {
		struct fl_tls_hello hello;
		memset(&hello, 0xa5, sizeof hello);
		struct fl_reader datagram = fl_read_sub(&r, fl_read_be16(&r));
		struct fl_slice d = fl_reader_rest(&datagram);
		enum fl_parse result;
		if (how & 1) {
			(void)fl_dtls_probe(d.data, d.size);
			result = fl_dtls_client(pool, &word, d.data, d.size, scratch, &hello);
		} else if ((how & 2) && d.size > 0 && d.size < 1 << 13) {
			size_t sealed;
			seal(crypto, d, packet, &sealed);
			result = fl_quic_client(quic, &word, packet, sealed, &hello);
		} else {
			(void)fl_quic_probe(d.data, d.size);
			result = fl_quic_client(quic, &word, d.data, d.size, &hello);
		}
		check(result, pool, word, &hello);
		if (how & 0x80)
			word = 0;
	}
	fl_hello_drop(pool, &word);
	return 0;
}
