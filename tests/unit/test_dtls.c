/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dtls.c - ClientHellos of DTLS in fragments, with cookie, twice */
#include "unit.h"

#include "faultline/dtls.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define RANDOM "0123456789abcdef0123456789abcdef"
#define REST "\0\2\x13\1\1\0\0\x0a\0\0\0\6\0\4\0\0\1a"
#define BODY "\xfe\xfd" RANDOM "\0\0" REST                /* 56 bytes */
#define BODY_COOKIE "\xfe\xff" RANDOM "\2id\4cook" REST

static struct fl_hello_pool *pool;
static struct fl_tls_hello hello;
static uint8_t scratch[FL_HELLO_BYTES];

struct datagram {
	uint8_t data[512];
	size_t size;
};

static void put(struct datagram *d, const void *data, size_t size)
{
	memcpy(d->data + d->size, data, size);
	d->size += size;
}

/* A record with one fragment of @body. */
static void put_fragment(struct datagram *d, uint8_t number, const uint8_t *body, size_t length, size_t from, size_t to)
{
	size_t size = to - from;
	const uint8_t header[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, (uint8_t)(size + 12),
				   1, 0, 0, (uint8_t)length, 0, number, 0, 0, (uint8_t)from, 0, 0, (uint8_t)size };
	put(d, header, sizeof(header));
	put(d, body + from, size);
}

static enum fl_parse offer(fl_hello_word *word, const struct datagram *d)
{
	uint8_t *copy = malloc(d->size ? d->size : 1);
	memcpy(copy, d->data, d->size);
	enum fl_parse result = fl_dtls_client(pool, word, copy, d->size, scratch, &hello);
	free(copy);
	return result;
}

static int set_up(void **state)
{
	(void)state;
	pool = fl_hello_pool_new(2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fl_hello_pool_free(pool);
	return 0;
}

static void a_hello_in_one_record(void **state)
{
	(void)state;
	struct datagram d = { .size = 0 };
	fl_hello_word word = 0;
	put_fragment(&d, 0, BYTES(BODY), 0, sizeof(BODY) - 1);
	assert_true(fl_dtls_probe(d.data, d.size));
	assert_int_equal(offer(&word, &d), FL_PARSE_OK);
	assert_string_equal(hello.sni, "a");
	assert_int_equal(hello.version, 0x0303);
}

static void the_cookie_is_no_part_of_it(void **state)
{
	(void)state;
	struct datagram d = { .size = 0 };
	fl_hello_word word = 0;
	put_fragment(&d, 1, BYTES(BODY_COOKIE), 0, sizeof(BODY_COOKIE) - 1);
	assert_int_equal(offer(&word, &d), FL_PARSE_OK);
	assert_string_equal(hello.sni, "a");
	assert_int_equal(hello.version, 0x0302);
}

static void fragments_come_in_any_order(void **state)
{
	(void)state;
	struct datagram one = { .size = 0 }, two = { .size = 0 };
	fl_hello_word word = 0;
	put_fragment(&one, 0, BYTES(BODY), 40, sizeof(BODY) - 1);
	put_fragment(&two, 0, BYTES(BODY), 0, 20);
	put_fragment(&two, 0, BYTES(BODY), 10, 45);
	assert_int_equal(offer(&word, &one), FL_PARSE_MORE);
	assert_int_equal(offer(&word, &two), FL_PARSE_OK);
	assert_string_equal(hello.sni, "a");
}

static void the_second_hello_begins_anew(void **state)
{
	(void)state;
	struct datagram one = { .size = 0 }, two = { .size = 0 }, three = { .size = 0 };
	fl_hello_word word = 0;
	put_fragment(&one, 0, BYTES(BODY), 0, 20);
	put_fragment(&two, 1, BYTES(BODY_COOKIE), 30, sizeof(BODY_COOKIE) - 1);
	put_fragment(&three, 1, BYTES(BODY_COOKIE), 0, 30);
	assert_int_equal(offer(&word, &one), FL_PARSE_MORE);
	assert_int_equal(offer(&word, &two), FL_PARSE_MORE);
	assert_int_equal(offer(&word, &three), FL_PARSE_OK);
	assert_string_equal(hello.sni, "a");
}

static void odd_fragments(void **state)
{
	(void)state;
	static const struct { size_t at; uint8_t value; enum fl_parse result; } changes[] = {
		{ 13, 2, FL_PARSE_UNSUPPORTED },  /* a ServerHello */
		{ 14, 1, FL_PARSE_UNSUPPORTED },  /* longer than we wait for */
		{ 16, 2, FL_PARSE_MALFORMED },    /* fragment longer than the message */
		{ 21, 9, FL_PARSE_MALFORMED },    /* fragment behind its end */
		{ 24, 200, FL_PARSE_MALFORMED },  /* longer than the record */
		{ 17, 9, FL_PARSE_MALFORMED },    /* ninety-ninth message */
		{ 25, 3, FL_PARSE_MALFORMED },    /* a TLS version */
		{ 1, 3, FL_PARSE_MORE },          /* a TLS record */
		{ 4, 1, FL_PARSE_MORE },          /* encrypted */
		{ 13, 0x60, FL_PARSE_MORE },      /* no handshake message */
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(changes); i++) {
		struct datagram d = { .size = 0 };
		fl_hello_word word = 0;
		put_fragment(&d, 0, BYTES(BODY), 0, sizeof(BODY) - 1);
		d.data[changes[i].at] = changes[i].value;
		assert_int_equal(offer(&word, &d), changes[i].result);
	}
}

static void what_never_ends_is_given_up(void **state)
{
	(void)state;
	struct datagram d = { .size = 0 };
	fl_hello_word word = 0;
	put_fragment(&d, 0, BYTES(BODY), 0, 20);
	int n = 1;
	while (offer(&word, &d) == FL_PARSE_MORE)
		n++;
	assert_int_equal(n, FL_DTLS_DATAGRAMS);
	assert_null(fl_hello_get(pool, word));
}

static void every_cut_is_survived(void **state)
{
	(void)state;
	struct datagram d = { .size = 0 };
	put_fragment(&d, 0, BYTES(BODY), 0, sizeof(BODY) - 1);
	size_t size = d.size;
	for (d.size = 0; d.size < size; d.size++) {
		fl_hello_word word = 0;
		assert_int_equal(offer(&word, &d), FL_PARSE_MORE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_hello_in_one_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_cookie_is_no_part_of_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fragments_come_in_any_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_second_hello_begins_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(odd_fragments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_never_ends_is_given_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_cut_is_survived, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
