/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_tls.c - ClientHellos built from parts, cut into records in every way
 *
 * A row names the extensions of a hello. The cutting is tested apart: whatever the size of records, the
 * same must come out, at every prefix of the stream nothing must be refused, and the SNI
 * must be there as soon as its last byte is.
 */
#include "unit.h"

#include "faultline/tls.h"

#define BYTES(text) text, sizeof(text) - 1

struct row {
	const char *name;
	const char *extensions; /* the whole block, without its length; NULL: none at all */
	size_t size;
	enum fl_parse result;
	const char *sni;        /* NULL: none */
	const char *alpn;
	uint16_t version;
	bool ech, esni;
};

#define SNI_A "\0\0\0\6\0\4\0\0\1a"

static const struct row rows[] = {
	{ "without extensions there is no SNI", NULL, 0, FL_PARSE_OK, NULL, "", 0x0303, false, false },
	{ "an empty block of extensions is good", BYTES(""), FL_PARSE_OK, NULL, "", 0x0303, false, false },
	{ "the SNI comes out in lower case without final dot", BYTES("\0\0\0\x0e\0\x0c\0\0\x09" "wWw.A.Ex."), FL_PARSE_OK,
	  "www.a.ex", "", 0x0303, false, false },
	{ "an SNI of one byte", BYTES(SNI_A), FL_PARSE_OK, "a", "", 0x0303, false, false },
	{ "other types of names are passed over", BYTES("\0\0\0\x0a\0\x08\7\0\1x\0\0\1a"), FL_PARSE_OK, "a", "", 0x0303,
	  false, false },
	{ "of two names the first counts", BYTES("\0\0\0\x0a\0\x08\0\0\1a\0\0\1b"), FL_PARSE_OK, "a", "", 0x0303, false,
	  false },
	{ "bytes that no host has are escaped", BYTES("\0\0\0\x0a\0\x08\0\0\5a\0<b\xff"), FL_PARSE_OK,
	  "a\\000\\060b\\255", "", 0x0303, false, false },
	{ "an empty name is none", BYTES("\0\0\0\5\0\3\0\0\0"), FL_PARSE_OK, NULL, "", 0x0303, false, false },
	{ "a list that is longer than its extension is malformed", BYTES("\0\0\0\6\0\5\0\0\1a"), FL_PARSE_MALFORMED, NULL,
	  "", 0x0303, false, false },
	{ "a name that is longer than its list is malformed", BYTES("\0\0\0\6\0\4\0\0\2a"), FL_PARSE_MALFORMED, NULL, "",
	  0x0303, false, false },
	{ "an extension that is longer than the block is malformed, the SNI before it stays",
	  BYTES(SNI_A "\0\x10\0\x09\0"), FL_PARSE_MALFORMED, "a", "", 0x0303, false, false },
	{ "the first protocol of ALPN counts", BYTES("\0\x10\0\x0e\0\x0c\2h2\x08http/1.1"), FL_PARSE_OK, NULL, "h2", 0x0303,
	  false, false },
	{ "a protocol strewn in is passed over", BYTES("\0\x10\0\x08\0\6\2\x1a\x1a\2h2"), FL_PARSE_OK, NULL, "h2", 0x0303,
	  false, false },
	{ "a binary protocol is not shown", BYTES("\0\x10\0\5\0\3\2\x1b" "2"), FL_PARSE_OK, NULL, "", 0x0303, false,
	  false },
	{ "an empty ALPN is malformed", BYTES("\0\x10\0\2\0\0"), FL_PARSE_MALFORMED, NULL, "", 0x0303, false, false },
	{ "the highest version offered counts, not the first nor one strewn in",
	  BYTES("\0\x2b\0\7\6\x3a\x3a\3\3\3\4"), FL_PARSE_OK, NULL, "", 0x0304, false, false },
	{ "a draft of TLS 1.3 is above 1.2", BYTES("\0\x2b\0\5\4\x7f\x1c\3\3"), FL_PARSE_OK, NULL, "", 0x7f1c, false,
	  false },
	{ "TLS 1.3 is above its drafts", BYTES("\0\x2b\0\5\4\3\4\x7f\x1c"), FL_PARSE_OK, NULL, "", 0x0304, false, false },
	{ "an encrypted ClientHello is seen beside the outer name", BYTES(SNI_A "\xfe\x0d\0\2xx"), FL_PARSE_OK, "a", "",
	  0x0303, true, false },
	{ "an encrypted server name is seen", BYTES("\xff\xce\0\2xx"), FL_PARSE_OK, NULL, "", 0x0303, false, true },
	{ "GREASE extensions are nothing", BYTES("\x0a\x0a\0\0" SNI_A "\xfa\xfa\0\1x"), FL_PARSE_OK, "a", "", 0x0303, false,
	  false },
};

/* ---- building ---------------------------------------------------------- */

struct bytes {
	uint8_t data[400000];
	size_t size;
};

static struct bytes message, stream;
static uint8_t scratch[FL_TLS_HELLO_MAX];
static struct fl_tls_hello hello;

static void put(struct bytes *to, const void *data, size_t size)
{
	memcpy(to->data + to->size, data, size);
	to->size += size;
}

static void put_be16(struct bytes *to, size_t value)
{
	const uint8_t two[2] = { (uint8_t)(value >> 8), (uint8_t)value };
	put(to, two, 2);
}

static void build_message(const char *extensions, size_t size)
{
	message.size = 0;
	put(&message, "\1\0\0\0\3\3", 6);
	put(&message, "0123456789abcdef0123456789abcdef", 32);
	put(&message, BYTES("\0\0\2\x13\1\1\0"));
	if (extensions) {
		put_be16(&message, size);
		put(&message, extensions, size);
	}
	message.data[1] = (uint8_t)((message.size - 4) >> 16);
	message.data[2] = (uint8_t)((message.size - 4) >> 8);
	message.data[3] = (uint8_t)(message.size - 4);
}

static void put_record(const void *data, size_t size)
{
	put(&stream, "\x16\3\1", 3);
	put_be16(&stream, size);
	put(&stream, data, size);
}

/* The message in records of @each bytes, from byte @from of it to byte @to. */
static void put_records(size_t from, size_t to, size_t each)
{
	for (size_t at = from; at < to; at += each)
		put_record(message.data + at, to - at < each ? to - at : each);
}

static enum fl_parse parse(size_t size, size_t *used)
{
	/* A copy of just this size lets sanitizers see a byte too many. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	memcpy(copy, stream.data, size);
	enum fl_parse result = fl_tls_client_hello(copy, size, scratch, &hello, used);
	free(copy);
	return result;
}

static void check_hello(const struct row *row)
{
	assert_int_equal(hello.has_sni, row->sni != NULL);
	assert_string_equal(hello.sni, row->sni ? row->sni : "");
	assert_string_equal(hello.alpn, row->alpn);
	assert_int_equal(hello.version, row->version);
	assert_int_equal(hello.ech, row->ech);
	assert_int_equal(hello.esni, row->esni);
}

/* ---- tests ------------------------------------------------------------- */

static void check_row(void **state)
{
	const struct row *row = *state;
	build_message(row->extensions, row->size);
	static const size_t cuts[] = { 16384, 100, 7, 4, 3, 1 };
	for (size_t i = 0; i < FL_ARRAY_LEN(cuts); i++) {
		stream.size = 0;
		put_records(0, message.size, cuts[i]);
		size_t used = 0, end = stream.size;
		put(&stream, BYTES("\x14\3\3\0\1\1"));
		assert_int_equal(parse(stream.size, &used), row->result);
		check_hello(row);
		assert_int_equal(used, row->result == FL_PARSE_OK ? end : 0);
	}
	struct fl_reader r = fl_reader_over(message.data, message.size);
	assert_int_equal(fl_tls_hello_message(&r, &hello), row->result);
	check_hello(row);
}

static void every_prefix(void **state)
{
	(void)state;
	static const char block[] = "\x0a\x0a\0\0" SNI_A "\0\x33\0\x20" "key share key share key share key";
	build_message(block, sizeof block - 2); /* 32 bytes of key share, no zero */
	for (size_t each = 1; each < 120; each++) {
		stream.size = 0;
		put_records(0, message.size, each);
		size_t sni_end = 4 + 2 + 32 + 7 + 2 + 4 + 10;
		size_t sni_at = sni_end + 5 * ((sni_end + each - 1) / each);
		for (size_t size = 0; size < stream.size; size++) {
			assert_int_equal(parse(size, NULL), FL_PARSE_MORE);
			assert_int_equal(hello.has_sni, size >= sni_at);
		}
		assert_int_equal(parse(stream.size, NULL), FL_PARSE_OK);
	}
}

static void odd_records_between(void **state)
{
	(void)state;
	static const struct {
		const char *record;
		size_t size;
	} odd[] = {
		{ BYTES("\x16\3\1\0\0") },                 /* empty */
		{ BYTES("\x15\3\1\0\2\2\x28") },           /* alert */
		{ BYTES("\x17\3\3\0\1x") },                /* data */
		{ BYTES("\x16\2\1\0\1x") },                /* version */
		{ BYTES("\x16\3\1\x40\1x") },              /* longer than 2^14 */
	};
	build_message(BYTES(SNI_A));
	for (size_t i = 0; i < FL_ARRAY_LEN(odd); i++) {
		stream.size = 0;
		put_records(0, 30, 30);
		put(&stream, odd[i].record, odd[i].size);
		put_records(30, message.size, 1000);
		assert_int_equal(parse(stream.size, NULL), FL_PARSE_MALFORMED);
	}
}

static void more_in_the_last_record(void **state)
{
	(void)state;
	build_message(BYTES(SNI_A));
	size_t whole = message.size;
	put(&message, BYTES("\x0b\0\0\1x"));
	stream.size = 0;
	put_records(0, whole - 5, 20);
	put_records(whole - 5, message.size, 1000);
	size_t used = 0;
	assert_int_equal(parse(stream.size, &used), FL_PARSE_OK);
	assert_int_equal(used, stream.size);
	assert_int_equal(parse(stream.size - 1, NULL), FL_PARSE_MORE);
	assert_true(hello.has_sni);
}

static void large_hello(void **state)
{
	(void)state;
	static char block[60000];
	memcpy(block, "\0\x33\xea\x60", 4);
	block[2] = (char)((sizeof block - 14) >> 8);
	block[3] = (char)((sizeof block - 14) & 0xff);
	memcpy(block + sizeof block - 10, SNI_A, 10);
	build_message(block, sizeof block);
	stream.size = 0;
	put_records(0, message.size, 16384);
	assert_int_equal(parse(stream.size, NULL), FL_PARSE_OK);
	assert_string_equal(hello.sni, "a");
	stream.size = 0;
	put_records(0, message.size, 1);
	assert_int_equal(parse(stream.size, NULL), FL_PARSE_OK);
}

struct sentence {
	const char *name;
	const char *bytes;
	size_t size;
	enum fl_parse probe, result;
};

static const struct sentence sentences[] = {
	{ "nothing yet is more", BYTES(""), FL_PARSE_MORE, FL_PARSE_MORE },
	{ "one byte of a record is more", BYTES("\x16"), FL_PARSE_MORE, FL_PARSE_MORE },
	{ "a record's header is more", BYTES("\x16\3\1\0\x40"), FL_PARSE_MORE, FL_PARSE_MORE },
	{ "a first byte of a hello is more", BYTES("\x16\3\1\0\x40\1"), FL_PARSE_OK, FL_PARSE_MORE },
	{ "a ServerHello is not read", BYTES("\x16\3\3\0\x40\2\0\0\x3c"), FL_PARSE_OK, FL_PARSE_UNSUPPORTED },
	{ "an alert is no handshake", BYTES("\x15\3\1\0\2\2\x28"), FL_PARSE_MALFORMED, FL_PARSE_MALFORMED },
	{ "another major version is none", BYTES("\x16\4\1\0\x40\1"), FL_PARSE_MALFORMED, FL_PARSE_MALFORMED },
	{ "an empty first record is refused", BYTES("\x16\3\1\0\0\x16"), FL_PARSE_MALFORMED, FL_PARSE_MALFORMED },
	{ "a record above 2^14 is refused", BYTES("\x16\3\1\x40\1\1"), FL_PARSE_MALFORMED, FL_PARSE_MALFORMED },
	{ "a hello in SSLv2's frame is not read", BYTES("\x80\x2e\1\3\1\0\x15"), FL_PARSE_MALFORMED,
	  FL_PARSE_UNSUPPORTED },
	{ "an SSLv2 hello is not read", BYTES("\x80\x2e\1\0\2\0\x15"), FL_PARSE_MALFORMED, FL_PARSE_UNSUPPORTED },
	{ "a start of SSLv2's frame is more", BYTES("\x80\x2e\1\3"), FL_PARSE_MALFORMED, FL_PARSE_MORE },
	{ "text is no TLS", BYTES("GET / HTTP/1.1"), FL_PARSE_MALFORMED, FL_PARSE_MALFORMED },
	{ "a length that no hello can have is refused", BYTES("\x16\3\1\0\x40\1\xff\0\0"), FL_PARSE_OK,
	  FL_PARSE_MALFORMED },
	{ "a hello that is possible but above the limit is not waited for", BYTES("\x16\3\1\0\x40\1\1\0\0"), FL_PARSE_OK,
	  FL_PARSE_UNSUPPORTED },
	{ "a hello without room for its fields is refused", BYTES("\x16\3\1\0\6\1\0\0\2\3\3"), FL_PARSE_OK,
	  FL_PARSE_MALFORMED },
	{ "a hello of version 2 is refused", BYTES("\x16\3\1\0\x40\1\0\0\x3c\2\0"), FL_PARSE_OK, FL_PARSE_MALFORMED },
};

static void check_sentence(void **state)
{
	const struct sentence *row = *state;
	stream.size = 0;
	put(&stream, row->bytes, row->size);
	assert_int_equal(fl_tls_probe(stream.data, stream.size), row->probe);
	assert_int_equal(parse(stream.size, NULL), row->result);
	assert_false(hello.has_sni);
}

int main(void)
{
	static struct CMUnitTest tests[FL_ARRAY_LEN(rows) + FL_ARRAY_LEN(sentences) + 4];
	size_t n = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = check_row,
						  .initial_state = (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(sentences); i++)
		tests[n++] = (struct CMUnitTest){ .name = sentences[i].name, .test_func = check_sentence,
						  .initial_state = (void *)(uintptr_t)&sentences[i] };
	tests[n++] = (struct CMUnitTest){ .name = "every prefix is more, with the SNI as soon as it is there",
					  .test_func = every_prefix };
	tests[n++] = (struct CMUnitTest){ .name = "records that do not belong inside a hello are refused",
					  .test_func = odd_records_between };
	tests[n++] = (struct CMUnitTest){ .name = "a record may hold more than the hello's end",
					  .test_func = more_in_the_last_record };
	tests[n++] = (struct CMUnitTest){ .name = "a hello of 60 KB is read, even byte by byte",
					  .test_func = large_hello };
	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
