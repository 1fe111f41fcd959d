/* SPDX-License-Identifier: BSD-2-Clause */
/* test_http2.c - connections with prior knowledge up to their first request */
#include "unit.h"

#include "config.h"
#include "faultline/http2.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"
#define WINDOW "\0\0\4\x08\0\0\0\0\0\0\0\xff\xff"
/* RFC 7541 appendix C.4.1: GET http://www.example.com/ */
#define BLOCK "\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"
#define BYTES(text) text, sizeof(text) - 1

struct row {
	const char *name;
	const char *bytes;
	size_t size;
	enum fl_parse result;
	const char *host;
	uint16_t port;
	const char *path;
	bool connect;
};

static const struct row rows[] = {
	{ "the authority of the first request", BYTES(PREFACE SETTINGS WINDOW "\0\0\x11\1\5\0\0\0\1" BLOCK), FL_PARSE_OK,
	  "www.example.com", 0, "/", false },
	{ "a block that a CONTINUATION goes on with",
	  BYTES(PREFACE SETTINGS "\0\0\4\1\1\0\0\0\1\x82\x86\x84\x41" "\0\0\x0d\x09\4\0\0\0\1\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
	  FL_PARSE_OK, "www.example.com", 0, "/", false },
	{ "padding and priority are no part of the block",
	  BYTES(PREFACE "\0\0\x19\1\x2d\0\0\0\1\2\0\0\0\3\x10" BLOCK "\0\0"), FL_PARSE_OK, "www.example.com", 0, "/", false },
	{ "port, user and query are left out", BYTES(PREFACE "\0\0\x14\1\5\0\0\0\1\x82\x04\4/a?b\x41\x0bme@h.ex:808"),
	  FL_PARSE_OK, "h.ex", 808, "/a", false },
	{ "an address in brackets", BYTES(PREFACE "\0\0\x0a\1\5\0\0\0\1\x82\x41\7[::1]:1"), FL_PARSE_OK, "::1", 1, "",
	  false },
	{ "a Host field where there is no authority", BYTES(PREFACE "\0\0\5\1\5\0\0\0\1\x82\x66\2Hx"), FL_PARSE_OK, "hx", 0, "",
	  false },
	{ "CONNECT", BYTES(PREFACE "\0\0\x0f\1\5\0\0\0\1\x42\7CONNECT\x41\4" "a:22"), FL_PARSE_OK, "a", 22, "", true },
	{ "without a request there is more to come", BYTES(PREFACE SETTINGS WINDOW), FL_PARSE_MORE, "", 0, "", false },
	{ "half a preface", BYTES("PRI * HTT"), FL_PARSE_MORE, "", 0, "", false },
	{ "another preface", BYTES("PRI * HTTP/3.0"), FL_PARSE_MALFORMED, "", 0, "", false },
	{ "a block of another stream in between", BYTES(PREFACE "\0\0\1\1\1\0\0\0\1\x82" "\0\0\1\x09\4\0\0\0\3\x86"),
	  FL_PARSE_MALFORMED, "", 0, "", false },
	{ "padding longer than its frame", BYTES(PREFACE "\0\0\2\1\x0c\0\0\0\1\x09\x82"), FL_PARSE_MALFORMED, "", 0, "", false },
	{ "an index beyond the table", BYTES(PREFACE "\0\0\1\1\5\0\0\0\1\xff"), FL_PARSE_MALFORMED, "", 0, "", false },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct fl_http_request q;
#if !FL_HAVE_HTTP2
	skip();
#endif
	for (size_t size = 0; size <= row->size; size++) {
		uint8_t *copy = malloc(size ? size : 1);
		memcpy(copy, row->bytes, size);
		enum fl_parse result = fl_http2_request(copy, size, &q);
		free(copy);
		if (size < row->size && row->result != FL_PARSE_MALFORMED)
			assert_int_equal(result, FL_PARSE_MORE);
		else if (size == row->size)
			assert_int_equal(result, row->result);
	}
	assert_string_equal(q.host, row->host);
	assert_string_equal(q.path, row->path);
	assert_int_equal(q.port, row->port);
	assert_int_equal(q.connect, row->connect);
}

int main(void)
{
	static struct CMUnitTest tests[FL_ARRAY_LEN(rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = check_row,
						.initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("http2", tests, NULL, NULL);
}
