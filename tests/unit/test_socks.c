/* SPDX-License-Identifier: BSD-2-Clause */
/* test_socks.c - what clients say to a SOCKS proxy, whole and at every cut */
#include "unit.h"

#include "faultline/socks.h"

#define BYTES(text) text, sizeof(text) - 1

struct row {
	const char *name;
	const char *bytes;
	size_t size;
	enum fl_parse result;
	const char *host;
	uint16_t port;
};

static const struct row rows[] = {
	{ "a name", BYTES("\5\1\0" "\5\1\0\3\4A.ex\1\xbb"), FL_PARSE_OK, "a.ex", 443 },
	{ "a name behind a password", BYTES("\5\2\0\2" "\1\2me\3pwd" "\5\1\0\3\4a.ex\1\xbb"), FL_PARSE_OK, "a.ex", 443 },
	{ "an IPv4 address", BYTES("\5\1\0" "\5\1\0\1\xc0\0\2\1\0\x50"), FL_PARSE_OK, "192.0.2.1", 80 },
	{ "an IPv6 address", BYTES("\5\1\0" "\5\1\0\4\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\x50"), FL_PARSE_OK,
	  "2001:db8::1", 80 },
	{ "SOCKS 4", BYTES("\4\1\0\x50\xc0\0\2\1me\0"), FL_PARSE_OK, "192.0.2.1", 80 },
	{ "SOCKS 4a", BYTES("\4\1\0\x50\0\0\0\1\0" "a.ex\0"), FL_PARSE_OK, "a.ex", 80 },
	{ "the greeting alone", BYTES("\5\1\0"), FL_PARSE_MORE, "", 0 },
	{ "no methods", BYTES("\5\0" "\5\1\0\3\4a.ex\1\xbb"), FL_PARSE_MALFORMED, "", 0 },
	{ "a method that is not assigned", BYTES("\5\1\x33"), FL_PARSE_MALFORMED, "", 0 },
	{ "something else behind the greeting", BYTES("\5\1\0" "GET"), FL_PARSE_MALFORMED, "", 0 },
	{ "BIND is no dependency", BYTES("\5\1\0" "\5\2\0\3\4a.ex\1\xbb"), FL_PARSE_MALFORMED, "", 0 },
	{ "an unknown type of address", BYTES("\5\1\0" "\5\1\0\2\4a.ex\1\xbb"), FL_PARSE_MALFORMED, "", 0 },
	{ "an empty name", BYTES("\5\1\0" "\5\1\0\3\0\1\xbb"), FL_PARSE_MALFORMED, "", 0 },
	{ "SOCKS 4 to port 0", BYTES("\4\1\0\0\xc0\0\2\1me\0"), FL_PARSE_MALFORMED, "", 0 },
	{ "SOCKS 4 with more behind it", BYTES("\4\1\0\x50\xc0\0\2\1me\0x"), FL_PARSE_MALFORMED, "", 0 },
	{ "another version", BYTES("\6\1\0"), FL_PARSE_MALFORMED, "", 0 },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct fl_socks_request q;
	for (size_t size = 0; size <= row->size; size++) {
		uint8_t *copy = malloc(size ? size : 1);
		memcpy(copy, row->bytes, size);
		enum fl_parse result = fl_socks_request(copy, size, &q);
		free(copy);
		if (size < row->size && row->result == FL_PARSE_OK)
			assert_int_equal(result, FL_PARSE_MORE);
		else if (size == row->size)
			assert_int_equal(result, row->result);
	}
	assert_string_equal(q.host, row->host);
	assert_int_equal(q.port, row->port);
}

int main(void)
{
	static struct CMUnitTest tests[FL_ARRAY_LEN(rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = check_row,
						.initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests_name("socks", tests, NULL, NULL);
}
