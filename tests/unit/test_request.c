/* SPDX-License-Identifier: BSD-2-Clause */
/* test_request.c - what requests are, which are equal, which answers are failures */
#include "unit.h"

#include <string.h>

#include "faultline/request.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

struct answer_row {
	const char *sentence;
	enum fl_application application;
	const char *bytes;
	size_t size;
	bool failed;
};
#define ANSWER(sentence, application, text, failed) { sentence, application, text, sizeof(text) - 1, failed }

static const struct answer_row answers[] = {
	ANSWER("500 is the server's failure", FL_APP_HTTP, "HTTP/1.1 500 Oops\r\n\r\n", true),
	ANSWER("404 is none", FL_APP_HTTP, "HTTP/1.1 404 Not Found\r\n\r\n", false),
	ANSWER("429 is none of the server's making", FL_APP_HTTP, "HTTP/1.1 429 Slow down\r\n\r\n", false),
	ANSWER("no HTTP is no failure", FL_APP_HTTP, "hello", false),
	ANSWER("too many connections", FL_APP_POSTGRESQL, "E\0\0\0\x1bSFATAL\0C53300\0Mtoo many\0\0", true),
	ANSWER("a cancelled statement, behind ParseComplete and a notice", FL_APP_POSTGRESQL,
	       "1\0\0\0\4N\0\0\0\x0eSNOTICE\0\0\0E\0\0\0\x12SERROR\0C57014\0\0", true),
	ANSWER("a unique key is the statement's fault", FL_APP_POSTGRESQL, "E\0\0\0\x12SERROR\0C23505\0\0", false),
	ANSWER("an unknown table, too", FL_APP_POSTGRESQL, "E\0\0\0\x12SERROR\0C42P01\0\0", false),
	ANSWER("rows are an answer", FL_APP_POSTGRESQL, "T\0\0\0\6\0\0D\0\0\0\6\0\0", false),
	ANSWER("an error whose fields end nowhere", FL_APP_POSTGRESQL, "E\0\0\0\x12SERROR", false),
	ANSWER("a length below the smallest", FL_APP_POSTGRESQL, "E\0\0\0\1SERROR\0C53300\0\0", false),
	ANSWER("lock wait timeout", FL_APP_MYSQL, "\x20\0\0\1\xff\xb5\4#HY000Lock wait", true),
	ANSWER("too many connections by its state", FL_APP_MYSQL, "\x20\0\0\1\xff\x01\x02#08004Too many", true),
	ANSWER("duplicate entry", FL_APP_MYSQL, "\x20\0\0\1\xff\x26\4#23000Duplicate", false),
	ANSWER("OK packet", FL_APP_MYSQL, "\7\0\0\1\0\0\0\2\0\0\0", false),
	ANSWER("loading", FL_APP_REDIS, "-LOADING Redis is loading\r\n", true),
	ANSWER("out of memory", FL_APP_REDIS, "-OOM command not allowed\r\n", true),
	ANSWER("a script is running", FL_APP_REDIS, "-BUSY Redis is busy\r\n", true),
	ANSWER("a consumer group that exists is no busy server", FL_APP_REDIS, "-BUSYGROUP exists\r\n", false),
	ANSWER("some error", FL_APP_REDIS, "-ERR max number of clients reached\r\n", true),
	ANSWER("a command that nobody knows", FL_APP_REDIS, "-ERR unknown command 'FOO'\r\n", false),
	ANSWER("a value", FL_APP_REDIS, "$2\r\nok\r\n", false),
	ANSWER("SERVFAIL", FL_APP_DNS, "\x12\x34\x81\x82\0\1\0\0\0\0\0\0", true),
	ANSWER("NXDOMAIN is an answer", FL_APP_DNS, "\x12\x34\x81\x83\0\1\0\0\0\0\0\0", false),
	ANSWER("nothing is nothing", FL_APP_DNS, "", false),
};

static void answers_say_who_failed(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(answers); i++) {
		const struct answer_row *a = &answers[i];
		bool udp = a->application == FL_APP_DNS;
		if (fl_answer_failed(a->application, udp, (const uint8_t *)a->bytes, a->size) != a->failed)
			fail_msg("%s", a->sentence);
	}
	(void)state;
}

struct kind_row {
	const char *sentence;
	enum fl_application application;
	const char *bytes;
	size_t size;
	enum fl_request_kind kind;
};
#define KIND(sentence, application, text, kind) { sentence, application, text, sizeof(text) - 1, kind }

static const struct kind_row kinds[] = {
	KIND("start-up", FL_APP_POSTGRESQL, "\0\0\0\x16\0\3\0\0user\0me\0\0", FL_REQUEST_SESSION),
	KIND("SSLRequest", FL_APP_POSTGRESQL, "\0\0\0\x08\4\xd2\x16\x2f", FL_REQUEST_SESSION),
	KIND("password", FL_APP_POSTGRESQL, "p\0\0\0\x08xxx\0", FL_REQUEST_SESSION),
	KIND("goodbye", FL_APP_POSTGRESQL, "X\0\0\0\4", FL_REQUEST_SESSION),
	KIND("query", FL_APP_POSTGRESQL, "Q\0\0\0\x0dSELECT 1\0", FL_REQUEST_WORK),
	KIND("login has a sequence number", FL_APP_MYSQL, "\x20\0\0\1\x85\xa6\x0f\0", FL_REQUEST_SESSION),
	KIND("quit", FL_APP_MYSQL, "\1\0\0\0\1", FL_REQUEST_SESSION),
	KIND("a statement is closed without an answer", FL_APP_MYSQL, "\5\0\0\0\x19\1\0\0\0", FL_REQUEST_SESSION),
	KIND("query", FL_APP_MYSQL, "\x09\0\0\0\3SELECT 1", FL_REQUEST_WORK),
	KIND("AUTH", FL_APP_REDIS, "*2\r\n$4\r\nAUTH\r\n$3\r\nabc\r\n", FL_REQUEST_SESSION),
	KIND("GET", FL_APP_REDIS, "*2\r\n$3\r\nGET\r\n$3\r\nabc\r\n", FL_REQUEST_WORK),
	KIND("blpop waits for somebody else", FL_APP_REDIS, "*3\r\n$5\r\nblpop\r\n$3\r\nabc\r\n$1\r\n0\r\n", FL_REQUEST_WAITS),
	KIND("cut short", FL_APP_REDIS, "*3\r\n$5\r", FL_REQUEST_WORK),
	KIND("senders of messages wait for nothing", FL_APP_MQTT, "0\x05\0\3a/b", FL_REQUEST_SENDS),
};

static void sessions_are_no_work(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++)
		if (fl_request_kind(kinds[i].application, (const uint8_t *)kinds[i].bytes, kinds[i].size) != kinds[i].kind)
			fail_msg("%s", kinds[i].sentence);
	(void)state;
}

static uint32_t http_print(const char *text)
{
	return fl_request_fingerprint(FL_APP_HTTP, false, (const uint8_t *)text, strlen(text));
}

static void requests_are_equal_by_method_target_and_body(void **state)
{
	uint32_t one = http_print("POST /pay/17?x=1 HTTP/1.1\r\nHost: a\r\nTry: 1\r\n\r\n{1}");
	assert_int_equal(one, http_print("POST /pay/17?x=1 HTTP/1.1\r\nHost: a\r\nTry: 2\r\n\r\n{1}"));
	uint32_t body = http_print("POST /pay/17?x=1 HTTP/1.1\r\nHost: a\r\nTry: 1\r\n\r\n{2}");
	uint32_t other = http_print("POST /pay/18?x=2 HTTP/1.1\r\nHost: a\r\nTry: 1\r\n\r\n{1}");
	assert_int_not_equal(one, body);
	assert_int_not_equal(one, other);
	assert_int_equal(one >> 16, other >> 16); /* the same shape */
	assert_int_equal(one >> 16, body >> 16);
	assert_int_not_equal(one >> 16, http_print("GET /pay/17?x=1 HTTP/1.1\r\nHost: a\r\n\r\n") >> 16);
	assert_int_not_equal(one >> 16, http_print("POST /refund/17 HTTP/1.1\r\nHost: a\r\n\r\n") >> 16);
	(void)state;
}

static void statements_have_the_shape_of_their_text_without_values(void **state)
{
	const char *first = "Q\0\0\0\x33SELECT * FROM t WHERE id = 17 AND name = 'x y'";
	const char *second = "Q\0\0\0\x33SELECT * FROM t WHERE id = 42 AND name = 'zzz'";
	uint32_t a = fl_request_fingerprint(FL_APP_POSTGRESQL, false, (const uint8_t *)first, 52);
	uint32_t b = fl_request_fingerprint(FL_APP_POSTGRESQL, false, (const uint8_t *)second, 52);
	assert_int_not_equal(a, b);
	assert_int_equal(a >> 16, b >> 16);
	(void)state;
}

static void questions_are_equal_by_their_name_alone(void **state)
{
	uint32_t a = fl_request_fingerprint(FL_APP_DNS, true, BYTES("\x11\x11\1\0\0\1\0\0\0\0\0\0\3www\1a\0\0\1\0\1"));
	uint32_t b = fl_request_fingerprint(FL_APP_DNS, true, BYTES("\x22\x22\1\0\0\1\0\0\0\0\0\0\3wWw\1A\0\0\x1c\0\1"));
	uint32_t c = fl_request_fingerprint(FL_APP_DNS, true, BYTES("\x11\x11\1\0\0\1\0\0\0\0\0\0\3ww2\1a\0\0\1\0\1"));
	assert_int_equal(a, b);
	assert_int_not_equal(a, c);
	assert_int_equal(fl_request_fingerprint(FL_APP_DNS, true, BYTES("\x11")), 0);
	(void)state;
}

static size_t put_record(uint8_t *at, uint8_t type, uint16_t size)
{
	at[0] = type, at[1] = 3, at[2] = 3, at[3] = (uint8_t)(size >> 8), at[4] = (uint8_t)size;
	return 5u + size;
}

static void tickets_are_records_of_one_length(void **state)
{
	uint8_t bytes[2048] = { 0 };
	size_t one = put_record(bytes, 23, 250), two = one + put_record(bytes + one, 23, 250);
	assert_int_equal(fl_answer_tickets(bytes, one), 1);
	assert_int_equal(fl_answer_tickets(bytes, two), 2);
	size_t three = two + put_record(bytes + two, 23, 400);
	assert_int_equal(fl_answer_tickets(bytes, three), 0);
	assert_int_equal(fl_answer_tickets(bytes + 3, two), 0);
	assert_int_equal(fl_answer_tickets(bytes, 0), 0);
	(void)state;
}

static void a_finished_in_front_is_no_part_of_the_request(void **state)
{
	uint8_t bytes[1024] = { 0 };
	size_t at = put_record(bytes, 20, 1);
	at += put_record(bytes + at, 23, 53);
	at += put_record(bytes + at, 23, 180);
	assert_int_equal(fl_request_tls_size(bytes, at), 180);
	size_t bare = put_record(bytes, 23, 180);
	assert_int_equal(fl_request_tls_size(bytes, bare), 180);
	assert_int_equal(fl_request_tls_size(bytes, 60), 180); /* cut: the length says so */
	assert_int_equal(fl_request_tls_size(bytes + 1, 60), 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_say_who_failed),
		cmocka_unit_test(sessions_are_no_work),
		cmocka_unit_test(requests_are_equal_by_method_target_and_body),
		cmocka_unit_test(statements_have_the_shape_of_their_text_without_values),
		cmocka_unit_test(questions_are_equal_by_their_name_alone),
		cmocka_unit_test(tickets_are_records_of_one_length),
		cmocka_unit_test(a_finished_in_front_is_no_part_of_the_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
