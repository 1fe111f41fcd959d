/* SPDX-License-Identifier: BSD-2-Clause */
/* test_http.c - request heads, what only looks like one, and status lines */
#include "unit.h"

#include <stdio.h>

#include "faultline/http.h"

#define BYTES(text) text, sizeof(text) - 1

struct row {
	const char *name;
	const char *bytes;
	size_t size;
	enum fl_parse result;
	const char *method, *host;
	uint16_t port;
	const char *path;
	uint64_t content_length;
	size_t left; /* bytes behind the head */
};

static const struct row rows[] = {
	{ "a plain request", BYTES("GET /a/b HTTP/1.1\r\nHost: www.Example.COM\r\nAccept: */*\r\n\r\n"), FL_PARSE_OK, "GET",
	  "www.example.com", 0, "/a/b", 0, 0 },
	{ "the query is not kept", BYTES("GET /a?key=secret HTTP/1.1\r\nHost: a\r\n\r\n"), FL_PARSE_OK, "GET", "a", 0, "/a", 0,
	  0 },
	{ "a port in the Host field", BYTES("GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n"), FL_PARSE_OK, "GET", "a.example",
	  8080, "/", 0, 0 },
	{ "a port that is none is none", BYTES("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"), FL_PARSE_OK, "GET", "a", 0, "/", 0,
	  0 },
	{ "an IPv6 host loses its brackets", BYTES("GET / HTTP/1.1\r\nHost: [2001:DB8::1]:81\r\n\r\n"), FL_PARSE_OK, "GET",
	  "2001:db8::1", 81, "/", 0, 0 },
	{ "an IPv6 host without port", BYTES("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n"), FL_PARSE_OK, "GET", "::1", 0, "/", 0, 0 },
	{ "an IPv6 host that lacks its brackets", BYTES("GET / HTTP/1.1\r\nHost: fe80::1\r\n\r\n"), FL_PARSE_OK, "GET",
	  "fe80::1", 0, "/", 0, 0 },
	{ "the final dot of a host goes", BYTES("GET / HTTP/1.1\r\nHost: a.example.:80\r\n\r\n"), FL_PARSE_OK, "GET",
	  "a.example", 80, "/", 0, 0 },
	{ "no Host field is no host", BYTES("GET / HTTP/1.0\r\n\r\n"), FL_PARSE_OK, "GET", "", 0, "/", 0, 0 },
	{ "an empty Host field is no host", BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), FL_PARSE_OK, "GET", "", 0, "/", 0, 0 },
	{ "of two Host fields the first counts", BYTES("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), FL_PARSE_OK, "GET",
	  "a", 0, "/", 0, 0 },
	{ "the field's name in any case, blanks around its value", BYTES("GET / HTTP/1.1\r\nhOST:\t a \t\r\n\r\n"), FL_PARSE_OK,
	  "GET", "a", 0, "/", 0, 0 },
	{ "another field that begins like Host", BYTES("GET / HTTP/1.1\r\nHostile: b\r\nHost: a\r\n\r\n"), FL_PARSE_OK, "GET",
	  "a", 0, "/", 0, 0 },
	{ "a Host field on the next line", BYTES("GET / HTTP/1.1\r\nHost:\r\n a.example\r\n\r\n"), FL_PARSE_OK, "GET",
	  "a.example", 0, "/", 0, 0 },
	{ "a Host inside a folded field is not one", BYTES("GET / HTTP/1.1\r\nX: y\r\n Host: evil\r\nHost: a\r\n\r\n"),
	  FL_PARSE_OK, "GET", "a", 0, "/", 0, 0 },
	{ "bytes that no host has are escaped", BYTES("GET / HTTP/1.1\r\nHost: <a\x1b\xff>\r\n\r\n"), FL_PARSE_OK, "GET",
	  "\\060a\\027\\255\\062", 0, "/", 0, 0 },
	{ "lines may end in LF alone", BYTES("GET / HTTP/1.1\nHost: a\n\n"), FL_PARSE_OK, "GET", "a", 0, "/", 0, 0 },
	{ "an empty line before the request is forgiven", BYTES("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), FL_PARSE_OK, "GET",
	  "a", 0, "/", 0, 0 },
	{ "a line without colon is passed over", BYTES("GET / HTTP/1.1\r\nnonsense\r\nHost: a\r\n\r\n"), FL_PARSE_OK, "GET",
	  "a", 0, "/", 0, 0 },
	{ "an absolute target names the host, not the Host field",
	  BYTES("GET http://h.example:81/p?q HTTP/1.1\r\nHost: other\r\n\r\n"), FL_PARSE_OK, "GET", "h.example", 81, "/p", 0,
	  0 },
	{ "an absolute target without path", BYTES("GET http://H.example HTTP/1.1\r\n\r\n"), FL_PARSE_OK, "GET", "h.example",
	  80, "/", 0, 0 },
	{ "a user in the target is no part of the host", BYTES("GET http://a:b@c@h/ HTTP/1.1\r\n\r\n"), FL_PARSE_OK, "GET",
	  "h", 80, "/", 0, 0 },
	{ "a URL inside the path is no host", BYTES("GET /r?to=http://x/ HTTP/1.1\r\nHost: a\r\n\r\n"), FL_PARSE_OK, "GET",
	  "a", 0, "/r", 0, 0 },
	{ "CONNECT names the tunnel's end", BYTES("CONNECT db.example:443 HTTP/1.1\r\nHost: proxy\r\n\r\n"), FL_PARSE_OK,
	  "CONNECT", "db.example", 443, "", 0, 0 },
	{ "CONNECT to an IPv6 address", BYTES("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n"), FL_PARSE_OK, "CONNECT",
	  "2001:db8::1", 443, "", 0, 0 },
	{ "the asterisk is a target", BYTES("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), FL_PARSE_OK, "OPTIONS", "a", 0, "*", 0,
	  0 },
	{ "the body is not the head's", BYTES("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"), FL_PARSE_OK, "POST", "", 0,
	  "/", 5, 5 },
	{ "a length given twice in one field", BYTES("POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n"), FL_PARSE_OK, "POST",
	  "", 0, "/", 5, 0 },
	{ "the largest length", BYTES("POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n"), FL_PARSE_OK, "POST",
	  "", 0, "/", UINT64_MAX, 0 },
	{ "chunks make the length void", BYTES("PUT / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"),
	  FL_PARSE_OK, "PUT", "", 0, "/", 0, 0 },
	{ "a method of WebDAV", BYTES("VERSION-CONTROL /d HTTP/1.1\r\nHost: a\r\n\r\n"), FL_PARSE_OK, "VERSION-CONTROL", "a",
	  0, "/d", 0, 0 },
	{ "a method of somebody's own", BYTES("PURGE /d HTTP/1.1\r\nHost: a\r\n\r\n"), FL_PARSE_OK, "PURGE", "a", 0, "/d", 0,
	  0 },
	{ "binary in the path is not shown", BYTES("GET /a\x1b[31m\xc3\xa9 HTTP/1.1\r\n\r\n"), FL_PARSE_OK, "GET", "", 0,
	  "/a?[31m??", 0, 0 },

	{ "without the empty line there is more to come", BYTES("GET / HTTP/1.1\r\nHost: a\r\n"), FL_PARSE_MORE, "GET", "a", 0,
	  "/", 0, 0 },
	{ "a host whose line is cut is not told yet", BYTES("GET / HTTP/1.1\r\nHost: api.exa"), FL_PARSE_MORE, "GET", "", 0,
	  "/", 0, 0 },
	{ "a request line that is cut", BYTES("GET /index"), FL_PARSE_MORE, "", "", 0, "", 0, 0 },
	{ "a method in lower case is refused", BYTES("get / HTTP/1.1\r\n\r\n"), FL_PARSE_MALFORMED, "", "", 0, "", 0, 0 },
	{ "a length that is no number is refused", BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
	  FL_PARSE_MALFORMED, "POST", "a", 0, "/", 0, 0 },
	{ "a length above 64 bits is refused",
	  BYTES("POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n"), FL_PARSE_MALFORMED, "POST", "", 0, "/", 0,
	  0 },
	{ "the preface of HTTP/2 is refused", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), FL_PARSE_MALFORMED, "", "", 0, "", 0,
	  0 },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct fl_http_request q;
	memset(&q, 0xa5, sizeof q);
	assert_int_equal(fl_http_request((const uint8_t *)row->bytes, row->size, &q), row->result);
	assert_string_equal(q.method, row->method);
	assert_string_equal(q.host, row->host);
	assert_int_equal(q.port, row->port);
	assert_string_equal(q.path, row->path);
	assert_int_equal(q.connect, strcmp(row->method, "CONNECT") == 0);
	if (row->result != FL_PARSE_OK)
		return;
	assert_true(q.content_length == row->content_length);
	assert_int_equal(q.head_size, row->size - row->left);
	for (size_t size = 0; size < q.head_size; size++) {
		struct fl_http_request part;
		assert_int_equal(fl_http_request((const uint8_t *)row->bytes, size, &part), FL_PARSE_MORE);
	}
}

struct sentence {
	const char *name;
	const char *bytes;
	size_t size;
	enum fl_parse result;
};

static const struct sentence probes[] = {
	{ "nothing yet is more", BYTES(""), FL_PARSE_MORE },
	{ "a method is more", BYTES("GET"), FL_PARSE_MORE },
	{ "a method and a blank is more", BYTES("GET "), FL_PARSE_MORE },
	{ "a method and a slash will do", BYTES("GET /"), FL_PARSE_OK },
	{ "a scheme is more", BYTES("GET http:"), FL_PARSE_MORE },
	{ "a scheme and its slashes will do", BYTES("GET http://"), FL_PARSE_OK },
	{ "a request line of a whole will do", BYTES("GET / HTTP/1.0\n"), FL_PARSE_OK },
	{ "a long line whose end is not in sight will do", BYTES("GET /0123456789/0123456789/0123456789/0123456789"), FL_PARSE_OK },
	{ "CONNECT and half a host is more", BYTES("CONNECT db.ex"), FL_PARSE_MORE },
	{ "CONNECT and a host will do", BYTES("CONNECT db.example:443 "), FL_PARSE_OK },
	{ "CONNECT without port is refused", BYTES("CONNECT db.example HTTP/1.1\r\n"), FL_PARSE_MALFORMED },
	{ "CONNECT of NATS is refused", BYTES("CONNECT {\"verbose\":false}\r\n"), FL_PARSE_MALFORMED },
	{ "a line without version is refused", BYTES("GET /\r\n"), FL_PARSE_MALFORMED },
	{ "a file of FTP is refused", BYTES("RETR /pub/file.txt\r\n"), FL_PARSE_MALFORMED },
	{ "a sender of SMTP is refused", BYTES("MAIL FROM:<a@b.example>\r\n"), FL_PARSE_MALFORMED },
	{ "a greeting of SMTP is refused", BYTES("EHLO client.example\r\n"), FL_PARSE_MALFORMED },
	{ "a key of Redis is refused", BYTES("GET key\r\n"), FL_PARSE_MALFORMED },
	{ "a greeting of SSH is refused", BYTES("SSH-2.0-OpenSSH_9.2\r\n"), FL_PARSE_MALFORMED },
	{ "RTSP by its scheme is refused", BYTES("OPTIONS rtsp://cam/"), FL_PARSE_MALFORMED },
	{ "RTSP by its version is refused", BYTES("OPTIONS * RTSP/1.0\r\n"), FL_PARSE_MALFORMED },
	{ "RTSP with a path is refused", BYTES("SETUP /stream RTSP/1.0\r\n"), FL_PARSE_MALFORMED },
	{ "SIP is refused", BYTES("INVITE sip:bob@b.example SIP/2.0\r\n"), FL_PARSE_MALFORMED },
	{ "HTTP/2 is refused as soon as its version shows", BYTES("PRI * HTTP/2"), FL_PARSE_MALFORMED },
	{ "an answer is no request", BYTES("HTTP/1.1 200 OK\r\n"), FL_PARSE_MALFORMED },
	{ "TLS is refused", BYTES("\x16\3\1\2\0\1"), FL_PARSE_MALFORMED },
	{ "zeros are refused", BYTES("\0\0\0\0"), FL_PARSE_MALFORMED },
	{ "a word of sixteen letters is refused", BYTES("ABCDEFGHIJKLMNOP /"), FL_PARSE_MALFORMED },
	{ "two blanks are refused", BYTES("GET  / HTTP/1.1\r\n"), FL_PARSE_MALFORMED },
	{ "empty lines alone are more", BYTES("\r\n\r\n"), FL_PARSE_MORE },
	{ "three empty lines are refused", BYTES("\r\n\r\n\r\nGET / HTTP/1.1\r\n"), FL_PARSE_MALFORMED },
};

static void check_probe(void **state)
{
	const struct sentence *row = *state;
	assert_int_equal(fl_http_probe((const uint8_t *)row->bytes, row->size), row->result);
}

static const struct {
	const char *line;
	unsigned status;
} statuses[] = {
	{ "HTTP/1.1 200 OK\r\n", 200 }, { "HTTP/1.0 503\r\n", 503 },     { "HTTP/1.1 404", 404 },
	{ "HTTP/1.1 100 Continue", 100 }, { "HTTP/1.1 599 x", 599 },     { "HTTP/1.1 600 x", 0 },
	{ "HTTP/1.1 099 x", 0 },        { "HTTP/1.1 2000 x", 0 },        { "HTTP/1.1 20x x", 0 },
	{ "HTTP/1.1  200 OK", 0 },      { "HTTP/2.0 200 OK", 0 },        { "HTTP/1.1 20", 0 },
	{ "RTSP/1.0 200 OK", 0 },       { "GET / HTTP/1.1", 0 },         { "", 0 },
};

static void check_statuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(statuses); i++) {
		const char *line = statuses[i].line;
		assert_int_equal(fl_http_status((const uint8_t *)line, strlen(line)), statuses[i].status);
	}
}

static uint8_t head[2 * FL_HTTP_HEAD_MAX];

/* A head of just @size bytes with its end. */
static enum fl_parse parse_head_of(size_t size, struct fl_http_request *q)
{
	static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	memset(head, 'x', sizeof head);
	memcpy(head, start, sizeof start - 1);
	memcpy(head + size - 4, "\r\n\r\n", 4);
	return fl_http_request(head, size, q);
}

static void longest_head(void **state)
{
	(void)state;
	struct fl_http_request q;
	assert_int_equal(parse_head_of(FL_HTTP_HEAD_MAX, &q), FL_PARSE_OK);
	assert_int_equal(q.head_size, FL_HTTP_HEAD_MAX);
	assert_int_equal(parse_head_of(FL_HTTP_HEAD_MAX + 1, &q), FL_PARSE_UNSUPPORTED);
	assert_string_equal(q.host, "a");
}

/* How far it was looked at, what was known, what is there now. */
static void heads_that_wait_are_read_again_for_what_matters(void **state)
{
	static const struct {
		const char *before, *more;
		bool host_read, goes_on;
	} table[] = {
		{ "GET / HT", "TP/1.1\r\n", false, false },
		{ "GET / HTTP/1.1\r\n", "Cookie: a", false, true },
		{ "GET / HTTP/1.1\r\nCookie: a", "bc\r\nX-Host: y\r\n", false, true },
		{ "GET / HTTP/1.1\r\nCookie: a\r\nHo", "st: a", false, true },
		{ "GET / HTTP/1.1\r\nCookie: a\r\nHo", "st: a\r\n", false, false },
		{ "GET / HTTP/1.1\r\nCookie: a\r\nHo", "st\r\nHostess: a\r\n", false, true }, /* reading them again would find no more */
		{ "GET / HTTP/1.1\r\nhost: a\r\nHo", "st: a\r\nCookie: x\r\n", true, true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nCookie: a\r", "\n\r", true, true },
		{ "GET / HTTP/1.1\r\nHost: a\r\nCookie: a\r", "\n\r\n", true, false },
		{ "GET / HTTP/1.1\nHost: a\n", "\n", true, false },
	};
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(table); i++) {
		char text[128];
		int size = snprintf(text, sizeof(text), "%s%s", table[i].before, table[i].more);
		const char *line = strrchr(table[i].before, '\n');
		size_t looked = line ? (size_t)(line + 1 - table[i].before) : 0;
		bool goes_on = fl_http_head_goes_on((const uint8_t *)text, (size_t)size, &looked, table[i].host_read);
		if (goes_on != table[i].goes_on)
			fail_msg("row %zu", i);
		if (goes_on)
			assert_true(looked == 0 || text[looked - 1] == '\n');
	}
}

/* A host of @size letters. */
static void parse_host_of(size_t size, struct fl_http_request *q)
{
	int n = snprintf((char *)head, sizeof head, "GET / HTTP/1.1\r\nHost: %0*d\r\n\r\n", (int)size, 0);
	assert_int_equal(fl_http_request(head, (size_t)n, q), FL_PARSE_OK);
}

static void longest_host(void **state)
{
	(void)state;
	struct fl_http_request q;
	parse_host_of(255, &q);
	assert_int_equal(strlen(q.host), 255);
	parse_host_of(256, &q);
	assert_string_equal(q.host, "");
}

static const struct chunks_row {
	const char *name, *text;
	enum fl_parse result;
	size_t used;
	uint64_t skip;
} chunks[] = {
	{ "one chunk and the last", "5\r\nhello\r\n0\r\n\r\nGET", FL_PARSE_OK, 15, 0 },
	{ "extensions and trailers", "5;a=\"b\"\r\nhello\r\n000 ; x\r\nX: 1\r\nY: 2\r\n\r\n", FL_PARSE_OK, 39, 0 },
	{ "bare line ends", "A\n0123456789\r\n0\n\n", FL_PARSE_OK, 17, 0 },
	{ "a chunk that goes on behind", "1f4\r\nhello", FL_PARSE_MORE, 10, 497 },
	{ "its end is missing", "5\r\nhello", FL_PARSE_MORE, 8, 2 },
	{ "a head in the making", "5\r\nhello\r\n1", FL_PARSE_MORE, 10, 0 },
	{ "trailers in the making", "0\r\nX: 1\r\n", FL_PARSE_MORE, 0, 0 },
	{ "nothing", "", FL_PARSE_MORE, 0, 0 },
	{ "a request", "GET / HTTP/1.1\r\n", FL_PARSE_MALFORMED, 0, 0 },
	{ "a request that begins like a number", "DELETE / HTTP/1.1\r\n\r\n", FL_PARSE_MALFORMED, 0, 0 },
	{ "a number that no chunk has", "1234567890abcdef\r\n", FL_PARSE_MALFORMED, 0, 0 },
	{ "no number behind a chunk", "1\r\na\r\n\r\n", FL_PARSE_MALFORMED, 6, 0 },
};

static void check_chunks(void **state)
{
	const struct chunks_row *row = *state;
	size_t used = 99;
	uint64_t skip = 99;
	assert_int_equal(fl_http_chunks((const uint8_t *)row->text, strlen(row->text), &used, &skip), row->result);
	assert_int_equal(used, row->used);
	assert_int_equal(skip, row->skip);
}

int main(void)
{
	static struct CMUnitTest tests[FL_ARRAY_LEN(rows) + FL_ARRAY_LEN(probes) + FL_ARRAY_LEN(chunks) + 4];
	size_t n = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = check_row,
						  .initial_state = (void *)(uintptr_t)&rows[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(probes); i++)
		tests[n++] = (struct CMUnitTest){ .name = probes[i].name, .test_func = check_probe,
						  .initial_state = (void *)(uintptr_t)&probes[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(chunks); i++)
		tests[n++] = (struct CMUnitTest){ .name = chunks[i].name, .test_func = check_chunks,
						  .initial_state = (void *)(uintptr_t)&chunks[i] };
	tests[n++] = (struct CMUnitTest){ .name = "status lines give their code", .test_func = check_statuses };
	tests[n++] = (struct CMUnitTest){ .name = "a head has at most 65536 bytes", .test_func = longest_head };
	tests[n++] = (struct CMUnitTest){ .name = "a host that is too long is none", .test_func = longest_host };
	tests[n++] = (struct CMUnitTest){ .name = "a head that waits is read again for what matters",
					  .test_func = heads_that_wait_are_read_again_for_what_matters };
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
