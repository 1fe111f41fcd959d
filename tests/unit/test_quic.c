/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_quic.c - Initial packets sealed here, opened there
 *
 * The keys and the packets are compared with RFC 9001 appendix A and RFC 9369 appendix A first; what is sealed
 * with keys that hold there serves for all other tests: pieces, coalesced packets, Retry, changed ids, noise.
 */
#include "unit.h"

#include <assert.h>
#include <stdio.h>

#include <openssl/evp.h>

#include "capture/quic_internal.h"
#include "faultline/quic.h"

enum { V1 = 1, V2 = 0x6b3343cf, DATAGRAM = 1200, RESERVED = 0x1a2a3a4a };

/* The hello of both appendices, for example.com. */
static const char hello_hex[] =
	"010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c"
	"00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a"
	"00080006001d0017001800100007000504616c706e0005000501000000000033002600240"
	"01d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b"
	"0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001"
	"003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f"
	"088394c8f03e51570806048000ffff";
static uint8_t hello_bytes[400];
static size_t hello_size;

static size_t unhex(const char *text, uint8_t *out)
{
	size_t n = 0;
	for (unsigned value; sscanf(text + 2 * n, "%2x", &value) == 1; n++)
		out[n] = (uint8_t)value;
	return n;
}

struct bytes {
	uint8_t data[4000];
	size_t size;
};

static void put(struct bytes *to, const void *data, size_t size)
{
	assert_true(size <= sizeof(to->data) - to->size);
	memcpy(to->data + to->size, data, size);
	to->size += size;
}

static void put_u8(struct bytes *to, unsigned value)
{
	uint8_t byte = (uint8_t)value;
	put(to, &byte, 1);
}

static void put_be32(struct bytes *to, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put_u8(to, value >> shift & 0xff);
}

static void put_varint(struct bytes *to, size_t value) /* two bytes, as the appendices have it */
{
	put_u8(to, (unsigned)(0x40 | value >> 8));
	put_u8(to, value & 0xff);
}

static void put_crypto(struct bytes *to, size_t from, size_t end)
{
	put_u8(to, 6);
	if (from)
		put_varint(to, from);
	else
		put_u8(to, 0);
	put_varint(to, end - from);
	put(to, hello_bytes + from, end - from);
}

/* ---- sealing ----------------------------------------------------------- */

struct connection {
	uint32_t version;
	const char *keys_of;     /* connection id that the keys come from */
	const char *dcid;
	const char *token;
	unsigned type;           /* 0: Initial, as version 1 numbers */
};
static const struct connection first = { V1, "8394c8f03e515708", "8394c8f03e515708", "", 0 };

static struct quic_crypto *crypto;

static struct quic_keys keys_of(uint32_t version, const char *dcid_hex)
{
	uint8_t dcid[64];
	struct fl_slice id = { dcid, unhex(dcid_hex, dcid) };
	struct quic_keys keys;
	assert_true(quic_crypto_keys(crypto, quic_version(version), &id, &keys));
	return keys;
}

static void encrypt(const struct quic_keys *keys, const struct bytes *header, uint32_t number,
		    const struct bytes *frames, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12];
	int n;
	memcpy(nonce, keys->iv, 12);
	for (unsigned i = 0; i < 4; i++)
		nonce[8 + i] ^= (uint8_t)(number >> (24 - 8 * i));
	assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys->key, nonce), 1);
	assert_int_equal(EVP_EncryptUpdate(c, NULL, &n, header->data, (int)header->size), 1);
	assert_int_equal(EVP_EncryptUpdate(c, out, &n, frames->data, (int)frames->size), 1);
	assert_int_equal(EVP_EncryptFinal_ex(c, out + n, &n), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, out + frames->size), 1);
	EVP_CIPHER_CTX_free(c);
}

static void mask(const struct quic_keys *keys, uint8_t *packet, size_t number_at)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t pad[32];
	int n;
	assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, keys->header, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(c, pad, &n, packet + number_at + 4, 16), 1);
	packet[0] ^= pad[0] & 0x0f;
	for (size_t i = 0; i < 4; i++)
		packet[number_at + i] ^= pad[1 + i];
	EVP_CIPHER_CTX_free(c);
}

/* One packet with @frames, behind what @datagram has. */
static void put_packet(struct bytes *datagram, const struct connection *c, uint32_t number, const struct bytes *frames)
{
	struct bytes header = { .size = 0 };
	uint8_t dcid[64], token[64];
	unsigned second = c->version == V2;
	put_u8(&header, 0xc3 | ((c->type + second) & 3) << 4);
	put_be32(&header, c->version);
	put_u8(&header, (unsigned)unhex(c->dcid, dcid));
	put(&header, dcid, unhex(c->dcid, dcid));
	put_u8(&header, 0);
	if (c->type == 0) {
		put_u8(&header, (unsigned)unhex(c->token, token));
		put(&header, token, unhex(c->token, token));
	}
	put_varint(&header, 4 + frames->size + 16);
	put_be32(&header, number);
	struct quic_keys keys = keys_of(c->version == RESERVED ? 0xff00001d : c->version, c->keys_of);
	uint8_t *packet = datagram->data + datagram->size;
	put(datagram, header.data, header.size);
	assert_true(sizeof(datagram->data) - datagram->size > frames->size + 16);
	encrypt(&keys, &header, number, frames, datagram->data + datagram->size);
	datagram->size += frames->size + 16;
	mask(&keys, packet, header.size - 4);
}

static struct bytes sealed(const struct connection *c, uint32_t number, const struct bytes *frames)
{
	struct bytes datagram = { .size = 0 };
	put_packet(&datagram, c, number, frames);
	return datagram;
}

static struct bytes sealed_piece(const struct connection *c, uint32_t number, size_t from, size_t to)
{
	struct bytes frames = { .size = 0 };
	put_crypto(&frames, from, to);
	return sealed(c, number, &frames);
}

/* ---- the reader -------------------------------------------------------- */

static struct fl_hello_pool *pool;
static struct fl_quic *quic;
static struct fl_tls_hello hello;

static int set_up(void **state)
{
	(void)state;
	pool = fl_hello_pool_new(4);
	quic = fl_quic_new(pool);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fl_quic_free(quic);
	fl_hello_pool_free(pool);
	return 0;
}

static enum fl_parse offer(fl_hello_word *word, const struct bytes *datagram)
{
	uint8_t *copy = malloc(datagram->size ? datagram->size : 1);
	memcpy(copy, datagram->data, datagram->size);
	enum fl_parse result = fl_quic_client(quic, word, copy, datagram->size, &hello);
	free(copy);
	return result;
}

static void check_is_whole(enum fl_parse result)
{
	assert_int_equal(result, FL_PARSE_OK);
	assert_string_equal(hello.sni, "example.com");
	assert_string_equal(hello.alpn, "alpn");
}

/* ---- vectors ----------------------------------------------------------- */

struct vector {
	const char *name;
	uint32_t version;
	const char *key, *iv, *header, *packet_begin, *tag;
};

static const struct vector vectors[] = {
	{ "RFC 9001 appendix A", V1, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
	  "9f50449e04a0e810283a1e9933adedd2",
	  "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c",
	  "e221af44860018ab0856972e194cd934" },
	{ "RFC 9369 appendix A", V2, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
	  "45b95e15235d6f45a6b19cbcb0294ba9",
	  "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d6c", NULL },
};

static void vector_holds(void **state)
{
	const struct vector *v = *state;
	uint8_t expected[64];
	struct quic_keys keys = keys_of(v->version, first.dcid);
	assert_memory_equal(keys.key, (unhex(v->key, expected), expected), 16);
	assert_memory_equal(keys.iv, (unhex(v->iv, expected), expected), 12);
	assert_memory_equal(keys.header, (unhex(v->header, expected), expected), 16);
	struct connection c = first;
	c.version = v->version;
	struct bytes frames = { .size = 0 };
	put_crypto(&frames, 0, hello_size);
	frames.size = 1162; /* PADDING */
	struct bytes datagram = sealed(&c, 2, &frames);
	assert_int_equal(datagram.size, DATAGRAM);
	assert_memory_equal(datagram.data, expected, unhex(v->packet_begin, expected));
	if (v->tag)
		assert_memory_equal(datagram.data + DATAGRAM - 16, (unhex(v->tag, expected), expected), 16);
	fl_hello_word word = 0;
	assert_true(fl_quic_probe(datagram.data, datagram.size));
	check_is_whole(offer(&word, &datagram));
}

/* ---- versions ---------------------------------------------------------- */

struct version_row {
	const char *name;
	uint32_t version;
	bool readable;
};

static const struct version_row versions[] = {
	{ "version 1 is read", V1, true },
	{ "version 2 is read", V2, true },
	{ "draft 23 is read", 0xff000017, true },
	{ "draft 28 is read", 0xff00001c, true },
	{ "draft 29 is read", 0xff00001d, true },
	{ "draft 32 is read", 0xff000020, true },
	{ "draft 34 is read", 0xff000022, true },
	{ "draft 22 is read", 0xff000016, true },
	{ "what mvfst called draft 22 is read", 0xfaceb001, true },
	{ "draft 21 is not", 0xff000015, false },
	{ "draft 35 is not", 0xff000023, false },
	{ "mvfst is read", 0xfaceb002, true },
	{ "a reserved version is read where the newest draft's salt was used", RESERVED, true },
};

static void version_is_read_or_not(void **state)
{
	const struct version_row *row = *state;
	assert_int_equal(quic_version(row->version) != NULL, row->readable);
	if (!row->readable)
		return;
	struct connection c = first;
	c.version = row->version;
	struct bytes datagram = sealed_piece(&c, 0, 0, hello_size);
	fl_hello_word word = 0;
	assert_true(fl_quic_probe(datagram.data, datagram.size));
	check_is_whole(offer(&word, &datagram));
}

/* ---- pieces ------------------------------------------------------------ */

struct piece_row {
	const char *name;
	struct { size_t from, to; } pieces[8]; /* a packet each */
	bool whole;
};

static const struct piece_row piece_rows[] = {
	{ "a hello in one packet", { { 0, 241 } }, true },
	{ "in two packets", { { 0, 100 }, { 100, 241 } }, true },
	{ "in two packets, the second first", { { 100, 241 }, { 0, 100 } }, true },
	{ "overlapping", { { 0, 150 }, { 50, 200 }, { 100, 241 } }, true },
	{ "repeated", { { 0, 100 }, { 0, 100 }, { 0, 100 }, { 100, 241 } }, true },
	{ "in seven of any order",
	  { { 200, 241 }, { 1, 40 }, { 90, 91 }, { 40, 90 }, { 150, 200 }, { 91, 150 }, { 0, 1 } }, true },
	{ "with a hole it is not whole", { { 0, 100 }, { 101, 241 } }, false },
	{ "without its end it is not whole", { { 0, 240 } }, false },
};

static void pieces_in_datagrams(void **state)
{
	const struct piece_row *row = *state;
	fl_hello_word word = 0;
	enum fl_parse result = FL_PARSE_MORE;
	for (uint32_t i = 0; i < 8 && row->pieces[i].to; i++) {
		assert_int_equal(result, FL_PARSE_MORE);
		struct bytes datagram = sealed_piece(&first, i, row->pieces[i].from, row->pieces[i].to);
		result = offer(&word, &datagram);
	}
	if (row->whole)
		check_is_whole(result);
	else
		assert_int_equal(result, FL_PARSE_MORE);
}

static void pieces_coalesced(void **state)
{
	const struct piece_row *row = *state;
	struct bytes datagram = { .size = 0 };
	struct connection zero_rtt = first;
	zero_rtt.type = 1;
	for (uint32_t i = 0; i < 8 && row->pieces[i].to; i++) {
		struct bytes frames = { .size = 0 };
		put_crypto(&frames, row->pieces[i].from, row->pieces[i].to);
		put_packet(&datagram, &zero_rtt, i, &frames);
		put_packet(&datagram, &first, i, &frames);
	}
	fl_hello_word word = 0;
	enum fl_parse result = offer(&word, &datagram);
	if (row->whole)
		check_is_whole(result);
	else
		assert_int_equal(result, FL_PARSE_MORE);
}

static void pieces_in_one_packet(void **state)
{
	const struct piece_row *row = *state;
	struct bytes frames = { .size = 0 };
	for (size_t i = 0; i < 8 && row->pieces[i].to; i++) {
		put(&frames, "\0\1\0", 3); /* PADDING, PING */
		put_crypto(&frames, row->pieces[i].from, row->pieces[i].to);
	}
	put(&frames, "\2\5\0\2\1\0\0\0\0", 9); /* ACK of three ranges */
	put(&frames, "\3\5\0\0\1\1\2\3", 8);   /* ACK with ECN counts */
	put(&frames, "\x1c\1\0\3bye", 7);      /* CONNECTION_CLOSE */
	struct bytes datagram = sealed(&first, 0, &frames);
	fl_hello_word word = 0;
	enum fl_parse result = offer(&word, &datagram);
	if (row->whole)
		check_is_whole(result);
	else
		assert_int_equal(result, FL_PARSE_MORE);
}

/* ---- how connections go ------------------------------------------------ */

static void a_name_is_given_before_the_end(void **state)
{
	(void)state;
	struct bytes datagram = sealed_piece(&first, 0, 0, 200);
	fl_hello_word word = 0;
	assert_int_equal(offer(&word, &datagram), FL_PARSE_MORE);
	assert_true(hello.has_sni);
	assert_string_equal(hello.sni, "example.com");
}

static void after_retry_the_hello_begins_anew(void **state)
{
	(void)state;
	const struct connection retried = { V1, "0102030405060708090a", "0102030405060708090a", "f00ba4", 0 };
	struct bytes one = sealed_piece(&first, 0, 0, 100);
	struct bytes two = sealed_piece(&retried, 1, 100, 241), three = sealed_piece(&retried, 2, 0, 100);
	fl_hello_word word = 0;
	assert_int_equal(offer(&word, &one), FL_PARSE_MORE);
	assert_int_equal(offer(&word, &two), FL_PARSE_MORE);
	check_is_whole(offer(&word, &three));
}

static void the_servers_id_does_not_change_the_keys(void **state)
{
	(void)state;
	const struct connection later = { V1, "8394c8f03e515708", "aabbccdd", "", 0 };
	struct bytes one = sealed_piece(&first, 0, 0, 100), two = sealed_piece(&later, 1, 100, 241);
	fl_hello_word word = 0;
	assert_int_equal(offer(&word, &one), FL_PARSE_MORE);
	check_is_whole(offer(&word, &two));
}

static void another_version_with_the_same_id(void **state)
{
	(void)state;
	const struct connection later = { V2, "8394c8f03e515708", "aabbccdd", "", 0 };
	struct bytes one = sealed_piece(&first, 0, 0, 100), two = sealed_piece(&later, 1, 100, 241);
	fl_hello_word word = 0;
	assert_int_equal(offer(&word, &one), FL_PARSE_MORE);
	check_is_whole(offer(&word, &two));
}

static void after_version_negotiation_the_hello_begins_anew(void **state)
{
	(void)state;
	const struct connection draft = { 0xff00001d, "0011223344556677", "0011223344556677", "", 0 };
	struct bytes one = sealed_piece(&first, 0, 0, 100), two = sealed_piece(&draft, 0, 0, 241);
	one.data[4] = 99; /* a version that nobody knows */
	fl_hello_word word = 0;
	assert_int_equal(offer(&word, &one), FL_PARSE_MORE);
	check_is_whole(offer(&word, &two));
}

static void ids_tell_who_a_packet_goes_to(void **state)
{
	(void)state;
	struct bytes one = sealed_piece(&first, 0, 0, 241), again = sealed_piece(&first, 1, 0, 100), other = one, other_type = one;
	other.data[6] ^= 1;
	other_type.data[0] ^= 0x20; /* Handshake */
	uint16_t id = fl_quic_id(one.data, one.size, false);
	assert_true(id);
	assert_int_equal(fl_quic_id(again.data, again.size, false), id);
	assert_int_not_equal(fl_quic_id(other.data, other.size, false), id);
	assert_int_equal(fl_quic_id(other_type.data, other_type.size, false), 0);
	static const uint8_t answer[] = "\xe0\0\0\0\1\0\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08";
	assert_int_equal(fl_quic_id(answer, 15, true), id);
	for (size_t size = 0; size < 15; size++) {
		assert_int_equal(fl_quic_id(answer, size, true), 0);
		assert_int_equal(fl_quic_id(one.data, size < 14 ? size : 13, false), 0);
	}
	assert_int_equal(fl_quic_id((const uint8_t *)"Abcdefghi", 9, false), 0);
}

static void damaged_packets_are_passed_over_for_a_while(void **state)
{
	(void)state;
	struct bytes good = sealed_piece(&first, 0, 0, 241), bad = good;
	bad.data[100] ^= 1;
	fl_hello_word word = 0;
	assert_int_equal(offer(&word, &bad), FL_PARSE_MORE);
	check_is_whole(offer(&word, &good));
	word = 0;
	int n = 0;
	while (offer(&word, &bad) == FL_PARSE_MORE)
		n++;
	assert_in_range(n, 2, FL_QUIC_DATAGRAMS / FL_QUIC_MISS);
}

static void what_never_ends_is_given_up(void **state)
{
	(void)state;
	struct bytes datagram = sealed_piece(&first, 0, 0, 10);
	fl_hello_word word = 0;
	int n = 1;
	while (offer(&word, &datagram) == FL_PARSE_MORE)
		n++;
	assert_int_equal(n, FL_QUIC_DATAGRAMS);
	assert_null(fl_hello_get(pool, word));
}

static void frames_that_may_not_be_there_are_malformed(void **state)
{
	(void)state;
	static const char *const texts[] = { "\x08stream", "\x06\x40", "\x06\1\x44\1abc", "\2\5\1" };
	for (size_t i = 0; i < FL_ARRAY_LEN(texts); i++) {
		struct bytes frames = { .size = 0 };
		put(&frames, "\0\0\0\0", 4);
		put(&frames, texts[i], strlen(texts[i]));
		struct bytes datagram = sealed(&first, 0, &frames);
		fl_hello_word word = 0;
		assert_int_equal(offer(&word, &datagram), FL_PARSE_MALFORMED);
	}
}

static void a_server_hello_is_none(void **state)
{
	(void)state;
	struct bytes frames = { .size = 0 };
	put(&frames, "\6\0\4\2\0\0\0\0\0\0\0\0\0", 13);
	struct bytes datagram = sealed(&first, 0, &frames);
	fl_hello_word word = 0;
	assert_int_equal(offer(&word, &datagram), FL_PARSE_UNSUPPORTED);
}

static void noise_takes_no_place(void **state)
{
	(void)state;
	struct bytes mine = sealed_piece(&first, 0, 0, 100), rest = sealed_piece(&first, 1, 100, 241);
	fl_hello_word word = 0;
	assert_int_equal(offer(&word, &mine), FL_PARSE_MORE);
	for (int i = 0; i < 100; i++) {
		fl_hello_word other = 0;
		struct bytes noise = mine;
		noise.data[60] ^= (uint8_t)(i + 1);
		assert_int_equal(offer(&other, &noise), FL_PARSE_MORE);
	}
	assert_int_equal(fl_hello_pool_given_up(pool), 0);
	check_is_whole(offer(&word, &rest));
}

static void every_cut_of_a_datagram_is_survived(void **state)
{
	(void)state;
	struct bytes datagram = sealed_piece(&first, 0, 0, 241);
	size_t size = datagram.size;
	for (datagram.size = 0; datagram.size < size; datagram.size++) {
		fl_hello_word word = 0;
		assert_int_equal(offer(&word, &datagram), FL_PARSE_MORE);
		(void)fl_quic_probe(datagram.data, datagram.size);
	}
}

/* ---- Google ------------------------------------------------------------ */

#define CHLO "CHLO\2\0\0\0PAD\0\3\0\0\0SNI\0\x0a\0\0\0xxxG.Example"

struct google_row {
	const char *name;
	const char *data;
	size_t size;
	enum fl_parse result;
	const char *sni;
};
#define BYTES(text) text, sizeof(text) - 1

static const struct google_row google[] = {
	{ "Q043: the SNI of a CHLO in the clear", BYTES("\x0d" "12345678Q043\1hashhashhash\xa0\1" CHLO), FL_PARSE_OK, "g.examp" },
	{ "Q046: the same behind a long header", BYTES("\xc3Q046\x50" "12345678\0\0\0\1hashhashhash\xa0\1" CHLO), FL_PARSE_OK,
	  "g.examp" },
	{ "without CHLO there is more to come", BYTES("\x0d" "12345678Q043\1hashhashhash\xa0\1REJ"), FL_PARSE_MORE, "" },
	{ "ends of values that go back are malformed",
	  BYTES("\x0d" "12345678Q043\1CHLO\2\0\0\0PAD\0\3\0\0\0SNI\0\2\0\0\0xxxG"), FL_PARSE_MALFORMED, "" },
	{ "a table that is cut is malformed", BYTES("\x0d" "12345678Q043\1CHLO\2\0\0\0PAD\0\3\0\0\0SN"), FL_PARSE_MALFORMED,
	  "" },
	{ "a value beyond the end is passed over", BYTES("\x0d" "12345678Q043\1CHLO\1\0\0\0SNI\0\xff\0\0\0x"), FL_PARSE_OK,
	  "" },
};

static void google_hello(void **state)
{
	const struct google_row *row = *state;
	struct bytes datagram = { .size = 0 };
	put(&datagram, row->data, row->size);
	fl_hello_word word = 0;
	assert_true(fl_quic_probe(datagram.data, datagram.size));
	assert_int_equal(offer(&word, &datagram), row->result);
	assert_string_equal(hello.sni, row->sni);
}

/* ---- probe ------------------------------------------------------------- */

static void probe_refuses_what_is_no_quic(void **state)
{
	(void)state;
	static const struct { const char *data; size_t size; } no[] = {
		{ BYTES("") }, { BYTES("\xc0") }, { BYTES("\xc0\0\0\0\1") },
		{ BYTES("\xc0\0\0\0\1\x15" "12345678901234567890x\0") }, /* id of 21 bytes */
		{ BYTES("\xc0\0\0\0\3\0\0") },                         /* unknown version */
		{ BYTES("\x80\0\0\0\1\0\0") },                         /* without the fixed bit */
		{ BYTES("\x80\0\0\0\0\0\0\0\0\0\1") },                  /* negotiation without ids */
		{ BYTES("\x80\0\0\0\0\1x\0\0\0\1") },                   /* ... of half a version */
		{ BYTES("\x0d" "12345678R043") },
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(no); i++)
		assert_false(fl_quic_probe((const uint8_t *)no[i].data, no[i].size));
	assert_true(fl_quic_probe((const uint8_t *)"\x80\0\0\0\0\1x\0\0\0\0\1", 12));
}

enum { ROWS_MAX = 80 };
static struct CMUnitTest tests[ROWS_MAX];
static size_t test_count;

static void add(const char *name, CMUnitTestFunction f, const void *row)
{
	assert(test_count < ROWS_MAX);
	tests[test_count++] = (struct CMUnitTest){ name, f, set_up, tear_down, (void *)(uintptr_t)row };
}

int main(void)
{
	hello_size = unhex(hello_hex, hello_bytes);
	crypto = quic_crypto_new();
	for (size_t i = 0; i < FL_ARRAY_LEN(vectors); i++)
		add(vectors[i].name, vector_holds, &vectors[i]);
	for (size_t i = 0; i < FL_ARRAY_LEN(versions); i++)
		add(versions[i].name, version_is_read_or_not, &versions[i]);
	for (size_t i = 0; i < FL_ARRAY_LEN(piece_rows); i++) {
		add(piece_rows[i].name, pieces_in_datagrams, &piece_rows[i]);
		add(piece_rows[i].name, pieces_coalesced, &piece_rows[i]);
		add(piece_rows[i].name, pieces_in_one_packet, &piece_rows[i]);
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(google); i++)
		add(google[i].name, google_hello, &google[i]);
	add("a name is given before the hello is whole", a_name_is_given_before_the_end, NULL);
	add("after Retry the hello begins anew", after_retry_the_hello_begins_anew, NULL);
	add("the server's id does not change the keys", the_servers_id_does_not_change_the_keys, NULL);
	add("a compatible version goes on with the same id", another_version_with_the_same_id, NULL);
	add("after Version Negotiation the hello begins anew", after_version_negotiation_the_hello_begins_anew, NULL);
	add("ids tell whom a packet goes to", ids_tell_who_a_packet_goes_to, NULL);
	add("damaged packets are passed over for a while", damaged_packets_are_passed_over_for_a_while, NULL);
	add("what never ends is given up", what_never_ends_is_given_up, NULL);
	add("frames that may not be there are malformed", frames_that_may_not_be_there_are_malformed, NULL);
	add("a ServerHello is none", a_server_hello_is_none, NULL);
	add("noise takes no place", noise_takes_no_place, NULL);
	add("every cut of a datagram is survived", every_cut_of_a_datagram_is_survived, NULL);
	add("the probe refuses what is no QUIC", probe_refuses_what_is_no_quic, NULL);
	int failed = _cmocka_run_group_tests("quic", tests, test_count, NULL, NULL);
	quic_crypto_free(crypto);
	return failed;
}
