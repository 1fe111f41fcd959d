/* SPDX-License-Identifier: BSD-2-Clause */
/* test_calls.c - HTTP/2 in the clear: each request under its own name, with its own answer. Blocks are made by libnghttp2. */
#include "unit.h"

#include <math.h>

#include "config.h"
#include "faultline/http2.h"
#include "traffic.h"

#define HOST "10.0.0.1"
#define PROXY "10.0.0.2"
#define BYTES_MAX 65536

#if FL_HAVE_HTTP2
#include <nghttp2/nghttp2.h>

enum { DATA = 0, HEADERS = 1, RESET = 3, SETTINGS = 4, CONTINUATION = 9, END_STREAM = 1, END_HEADERS = 4 };

/* One direction as it is written. */
struct writer {
	nghttp2_hd_deflater *deflater;
	uint8_t bytes[BYTES_MAX];
	size_t size;
};

/* A connection from the host to its proxy. */
struct h2 {
	struct net net;
	struct conn conn;
	struct writer side[2];
};

static void put_frame(struct writer *w, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
	uint8_t head[9] = { (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type, flags, (uint8_t)(stream >> 24),
			    (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream };
	assert_true(w->size + sizeof(head) + size <= BYTES_MAX);
	memcpy(w->bytes + w->size, head, sizeof(head));
	if (size)
		memcpy(w->bytes + w->size + sizeof(head), payload, size);
	w->size += sizeof(head) + size;
}

/* @pieces: frames that the block is cut into. */
static void put_block(struct writer *w, uint32_t stream, bool end, const char *(*fields)[2], size_t count, size_t pieces)
{
	nghttp2_nv nv[16];
	uint8_t block[4096];
	for (size_t i = 0; i < count; i++)
		nv[i] = (nghttp2_nv){ (uint8_t *)(uintptr_t)fields[i][0], (uint8_t *)(uintptr_t)fields[i][1],
				      strlen(fields[i][0]), strlen(fields[i][1]), NGHTTP2_NV_FLAG_NONE };
	ssize_t size = nghttp2_hd_deflate_hd(w->deflater, block, sizeof(block), nv, count);
	assert_true(size > 0);
	size_t at = 0;
	for (size_t i = 0; i < pieces; i++) {
		size_t to = i + 1 == pieces ? (size_t)size : (size_t)size * (i + 1) / pieces;
		uint8_t flags = (uint8_t)((i == 0 && end ? END_STREAM : 0) | (i + 1 == pieces ? END_HEADERS : 0));
		put_frame(w, i ? CONTINUATION : HEADERS, flags, stream, block + at, to - at);
		at = to;
	}
}

static void put_request(struct h2 *h, uint32_t stream, const char *authority, const char *path)
{
	const char *fields[][2] = { { ":method", "POST" }, { ":scheme", "http" }, { ":authority", authority }, { ":path", path },
				    { "user-agent", "a client of some length" } };
	put_block(&h->side[0], stream, true, fields, FL_ARRAY_LEN(fields), 1);
}

static void put_answer(struct h2 *h, uint32_t stream, const char *status)
{
	const char *fields[][2] = { { ":status", status }, { "server", "a server of some length" } };
	put_block(&h->side[1], stream, true, fields, FL_ARRAY_LEN(fields), 1);
}

static void put_grpc_answer(struct h2 *h, uint32_t stream, const char *status)
{
	const char *fields[][2] = { { ":status", "200" }, { "content-type", "application/grpc" } };
	const char *trailers[][2] = { { "grpc-status", status }, { "grpc-message", "as it went" } };
	put_block(&h->side[1], stream, false, fields, FL_ARRAY_LEN(fields), 1);
	put_frame(&h->side[1], DATA, 0, stream, "\0\0\0\0\2ok", 7);
	put_block(&h->side[1], stream, true, trailers, FL_ARRAY_LEN(trailers), 1);
}

/* What was put, in segments of @step bytes. */
static void h2_send(struct h2 *h, int side, size_t step)
{
	struct writer *w = &h->side[side];
	for (size_t at = 0; at < w->size; at += step)
		tcp_say(&h->net, &h->conn, side, w->bytes + at, w->size - at < step ? w->size - at : step);
	w->size = 0;
}

static void h2_open_with(struct h2 *h, uint64_t memory)
{
	struct fl_scanner_options o = { .point = "web", .source = "file", .memory = memory };
	memset(h, 0, sizeof(*h));
	h->net = (struct net){ fl_scanner_new(&o), T0 };
	h->conn = tcp_conn(HOST, 41000, PROXY, 8080);
	for (int i = 0; i < 2; i++)
		assert_int_equal(nghttp2_hd_deflate_new(&h->side[i].deflater, 4096), 0);
	tcp_open(&h->net, &h->conn);
	memcpy(h->side[0].bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FL_HTTP2_PREFACE);
	h->side[0].size = FL_HTTP2_PREFACE;
	put_frame(&h->side[0], SETTINGS, 0, 0, NULL, 0);
	put_frame(&h->side[1], SETTINGS, 0, 0, NULL, 0);
}

static void h2_open(struct h2 *h)
{
	h2_open_with(h, 16 << 20);
}

static struct fl_scan *h2_scan(struct h2 *h)
{
	for (int i = 0; i < 2; i++)
		nghttp2_hd_deflate_del(h->side[i].deflater);
	return net_scan(&h->net);
}

/* Of the dependency with this name: exchanges * 100 + failures; -1 without. */
static long counted(const struct fl_scan *s, const char *name)
{
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].name && strcmp(s->dependencies[i].name, name) == 0)
			return (long)(s->dependencies[i].exchanges * 100 + s->dependencies[i].failures);
	return -1;
}

static const struct fl_scan_dependency *named(const struct fl_scan *s, const char *name)
{
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].name && strcmp(s->dependencies[i].name, name) == 0)
			return &s->dependencies[i];
	fail_msg("no dependency %s", name);
	return NULL;
}

static void each_request_counts_under_its_own_name(void **state)
{
	(void)state;
	for (size_t step = 5; step < 200; step += step < 30 ? 1 : 23) {
		struct h2 h;
		h2_open(&h);
		for (uint32_t i = 0; i < 10; i++) {
			put_request(&h, 2 * i + 1, i % 2 ? "a.internal:8080" : "b.internal", "/work");
			h2_send(&h, 0, step);
			put_answer(&h, 2 * i + 1, i == 3 ? "503" : "200");
			h2_send(&h, 1, step);
		}
		tcp_close(&h.net, &h.conn);
		struct fl_scan *s = h2_scan(&h);
		assert_int_equal(counted(s, "a.internal"), 501);
		assert_int_equal(counted(s, "b.internal"), 500);
		assert_int_equal(s->dependency_count, 2); /* nor is a preface in pieces a request */
		assert_false(named(s, "a.internal")->exchanges_lower_bound);
		fl_scan_free(s);
	}
}

static void answers_come_in_any_order(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	put_request(&h, 1, "slow.internal", "/");
	put_request(&h, 3, "bad.internal", "/");
	put_request(&h, 5, "good.internal", "/");
	h2_send(&h, 0, 1000);
	put_answer(&h, 5, "200");
	put_answer(&h, 3, "500");
	h2_send(&h, 1, 1000);
	h.net.now += SECOND;
	put_answer(&h, 1, "200");
	h2_send(&h, 1, 1000);
	tcp_close(&h.net, &h.conn);
	struct fl_scan *s = h2_scan(&h);
	assert_int_equal(counted(s, "slow.internal"), 100);
	assert_int_equal(counted(s, "bad.internal"), 101);
	assert_int_equal(counted(s, "good.internal"), 100);
	assert_true(fl_histogram_quantile(&named(s, "slow.internal")->measures->first_byte, 0.5) > 0.9);
	assert_true(fl_histogram_quantile(&named(s, "good.internal")->measures->first_byte, 0.5) < 0.9);
	fl_scan_free(s);
}

static void a_block_may_be_cut_into_frames(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	const char *fields[][2] = { { ":method", "GET" }, { ":authority", "cut.internal" }, { ":path", "/a/rather/long/path/to/it" } };
	put_block(&h.side[0], 1, true, fields, FL_ARRAY_LEN(fields), 5);
	put_request(&h, 3, "next.internal", "/");
	h2_send(&h, 0, 11);
	struct fl_scan *s = h2_scan(&h);
	assert_int_equal(counted(s, "cut.internal"), 100);
	assert_int_equal(counted(s, "next.internal"), 100);
	fl_scan_free(s);
}

static void a_status_of_grpc_in_trailers_is_a_failure_when_the_server_is_at_fault(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	static const char *const status[] = { "0", "14", "5", "13", "0" };
	for (uint32_t i = 0; i < FL_ARRAY_LEN(status); i++) {
		put_request(&h, 2 * i + 1, "rpc.internal", "/shop.Orders/Get");
		put_frame(&h.side[0], DATA, END_STREAM, 2 * i + 1, "\0\0\0\0\2hi", 7);
		h2_send(&h, 0, 1000);
		put_grpc_answer(&h, 2 * i + 1, status[i]);
		h2_send(&h, 1, 50);
	}
	tcp_close(&h.net, &h.conn);
	struct fl_scan *s = h2_scan(&h);
	assert_int_equal(counted(s, "rpc.internal"), 502);
	fl_scan_free(s);
}

static void a_call_that_either_side_resets_before_its_answer_failed(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	put_request(&h, 1, "api.internal", "/");
	put_request(&h, 3, "api.internal", "/");
	put_request(&h, 5, "api.internal", "/");
	h2_send(&h, 0, 1000);
	put_frame(&h.side[0], RESET, 0, 1, "\0\0\0\x08", 4);
	h2_send(&h, 0, 5);
	put_frame(&h.side[1], RESET, 0, 3, "\0\0\0\x07", 4);
	put_answer(&h, 5, "200");
	put_frame(&h.side[1], RESET, 0, 5, "\0\0\0\0", 4);
	h2_send(&h, 1, 1000);
	tcp_close(&h.net, &h.conn);
	struct fl_scan *s = h2_scan(&h);
	assert_int_equal(counted(s, "api.internal"), 302);
	fl_scan_free(s);
}

static void the_body_of_a_request_is_not_read(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	const char *fields[][2] = { { ":method", "PUT" }, { ":authority", "store.internal" }, { ":path", "/" } };
	put_block(&h.side[0], 1, false, fields, FL_ARRAY_LEN(fields), 1);
	uint8_t body[16384];
	memset(body, 1, sizeof(body)); /* like frames with headers */
	put_frame(&h.side[0], DATA, 0, 1, body, sizeof(body));
	put_frame(&h.side[0], DATA, END_STREAM, 1, body, sizeof(body));
	put_request(&h, 3, "next.internal", "/");
	h2_send(&h, 0, 1448);
	struct fl_scan *s = h2_scan(&h);
	assert_int_equal(counted(s, "store.internal"), 100);
	assert_int_equal(counted(s, "next.internal"), 100);
	fl_scan_free(s);
}

/* A segment that is sent and not captured: bytes [from, to) of what was put. */
static void send_but(struct h2 *h, int side, size_t from, size_t to)
{
	struct writer *w = &h->side[side];
	tcp_say(&h->net, &h->conn, side, w->bytes, from);
	h->conn.seq[side] += (uint32_t)(to - from);
	tcp_say(&h->net, &h->conn, side, w->bytes + to, w->size - to);
	w->size = 0;
}

/* A hole in data is passed over, be it of the request or of the answer; nothing is a lower bound for it. */
static void a_hole_in_data_is_passed_over(void **state)
{
	(void)state;
	static const char data[3000];
	for (int side = 0; side < 2; side++) {
		struct h2 h;
		h2_open(&h);
		put_request(&h, 1, "a.internal", "/");
		h2_send(&h, 0, 1000);
		const char *fields[][2] = { { ":status", "200" } };
		put_block(&h.side[1], 1, false, fields, 1, 1);
		h2_send(&h, 1, 1000);
		put_frame(&h.side[side], DATA, side ? END_STREAM : 0, 1, data, sizeof(data));
		size_t behind = h.side[side].size;
		put_request(&h, 3, "b.internal", "/");
		put_request(&h, 5, "c.internal", "/");
		if (side == 0)
			send_but(&h, 0, 500, behind);
		else
			h2_send(&h, 0, 1000);
		put_answer(&h, 3, "500");
		put_answer(&h, 5, "200");
		if (side == 1)
			send_but(&h, 1, 9 + 1400, 9 + 2800);
		else
			h2_send(&h, 1, 1000);
		tcp_close(&h.net, &h.conn);
		struct fl_scan *s = h2_scan(&h);
		assert_int_equal(counted(s, "a.internal"), 100);
		assert_int_equal(counted(s, "b.internal"), 101);
		assert_int_equal(counted(s, "c.internal"), 100);
		assert_false(named(s, "c.internal")->exchanges_lower_bound);
		fl_scan_free(s);
	}
}

/* Its settings need not wait for the preface. What comes next may repeat them, or come before them. */
static void a_server_may_speak_first(void **state)
{
	(void)state;
	for (size_t repeated = 0; repeated < 9; repeated++) {
		struct h2 h;
		h2_open(&h);
		uint8_t settings[9];
		memcpy(settings, h.side[1].bytes, sizeof(settings));
		h2_send(&h, 1, 1000);
		put_request(&h, 1, "a.internal", "/");
		h2_send(&h, 0, 1000);
		put_answer(&h, 1, "500");
		memmove(h.side[1].bytes + repeated, h.side[1].bytes, h.side[1].size);
		memcpy(h.side[1].bytes, settings + sizeof(settings) - repeated, repeated);
		h.side[1].size += repeated;
		h.conn.seq[1] -= (uint32_t)repeated;
		h2_send(&h, 1, 1000);
		struct fl_scan *s = h2_scan(&h);
		assert_int_equal(counted(s, "a.internal"), 101);
		fl_scan_free(s);
	}
}

/* Its pieces come in any order, and the first to come looks like nothing: that was no exchange. */
static void the_preface_may_be_overtaken(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	put_request(&h, 1, "a.internal", "/");
	struct conn late = h.conn, *c = &h.conn;
	c->seq[0] += 20;
	tcp_say(&h.net, c, 0, h.side[0].bytes + 20, h.side[0].size - 20);
	tcp_say(&h.net, &late, 0, h.side[0].bytes, 20);
	put_answer(&h, 1, "200");
	h2_send(&h, 1, 1000);
	tcp_close(&h.net, c);
	struct fl_scan *s = h2_scan(&h);
	assert_int_equal(counted(s, "a.internal"), 100);
	assert_int_equal(s->dependency_count, 1);
	fl_scan_free(s);
}

/* The other side acknowledges what is missing: what is lost is lost at once, not when more than is kept waits behind it. */
static void a_hole_that_is_acknowledged_is_not_waited_for(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	put_request(&h, 1, "a.internal", "/");
	h2_send(&h, 0, 1000);
	put_answer(&h, 1, "200");
	h2_send(&h, 1, 1000);
	put_request(&h, 3, "a.internal", "/lost");
	size_t lost = h.side[0].size;
	put_request(&h, 5, "a.internal", "/");
	send_but(&h, 0, 0, lost);
	put_answer(&h, 3, "200");
	put_answer(&h, 5, "200");
	h2_send(&h, 1, 1000);
	for (uint32_t i = 0; i < 3; i++) {
		put_request(&h, 7 + 2 * i, "a.internal", "/");
		h2_send(&h, 0, 1000);
		put_answer(&h, 7 + 2 * i, "200");
		h2_send(&h, 1, 1000);
	}
	tcp_close(&h.net, &h.conn);
	struct fl_scan *s = h2_scan(&h);
	assert_true(counted(s, "a.internal") >= 400);
	assert_true(named(s, "a.internal")->exchanges_lower_bound);
	assert_int_equal(s->coverage.blind_spot_count, 1);
	assert_string_equal(s->coverage.blind_spots[0].kind, "holes");
	fl_scan_free(s);
}

/* A segment that nobody captured, and then more than is kept behind a hole. */
static void lose_a_segment(struct h2 *h)
{
	uint8_t body[16384] = { 0 };
	put_request(h, 11, "a.internal", "/");
	h->conn.seq[0] += (uint32_t)h->side[0].size;
	h->side[0].size = 0;
	for (int i = 0; i < 10; i++) {
		put_frame(&h->side[0], DATA, 0, 11, body, sizeof(body));
		h2_send(h, 0, 1448);
	}
}

static void after_a_lost_segment_counts_are_lower_bounds(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	put_request(&h, 1, "a.internal", "/");
	put_request(&h, 3, "b.internal", "/");
	h2_send(&h, 0, 1000);
	put_answer(&h, 1, "200");
	put_answer(&h, 3, "200");
	h2_send(&h, 1, 1000);
	lose_a_segment(&h);
	put_answer(&h, 11, "500");
	h2_send(&h, 1, 1000);
	put_request(&h, 13, "c.internal", "/");
	h2_send(&h, 0, 1000);
	tcp_close(&h.net, &h.conn);
	struct fl_scan *s = h2_scan(&h);
	assert_int_equal(counted(s, "a.internal"), 100);
	assert_int_equal(counted(s, "b.internal"), 100);
	assert_int_equal(counted(s, "c.internal"), -1);
	assert_true(named(s, "a.internal")->exchanges_lower_bound);
	assert_true(named(s, "b.internal")->exchanges_lower_bound);
	fl_scan_free(s);
}

static void after_a_lost_segment_a_connection_of_one_name_goes_on(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	put_request(&h, 1, "a.internal", "/");
	h2_send(&h, 0, 1000);
	put_answer(&h, 1, "200");
	h2_send(&h, 1, 1000);
	lose_a_segment(&h);
	for (uint32_t i = 0; i < 3; i++) {
		put_answer(&h, 11 + 2 * i, "200");
		h2_send(&h, 1, 1000);
		put_request(&h, 13 + 2 * i, "a.internal", "/");
		h2_send(&h, 0, 1000);
		for (int turn = 0; turn < 4; turn++) { /* what asks for nothing and answers nothing */
			put_frame(&h.side[turn & 1], turn & 1 ? SETTINGS : 8, 0, 0, "\0\0\1\0", turn & 1 ? 0 : 4);
			h2_send(&h, turn & 1, 1000);
		}
	}
	struct fl_scan *s = h2_scan(&h);
	assert_true(counted(s, "a.internal") >= 300);
	assert_true(counted(s, "a.internal") < 700); /* of six */
	assert_true(named(s, "a.internal")->exchanges_lower_bound);
	fl_scan_free(s);
}

static void an_answer_that_was_not_captured_is_no_failure(void **state)
{
	(void)state;
	for (int behind = 0; behind < 2; behind++) {
		struct h2 h;
		h2_open(&h);
		put_request(&h, 1, "a.internal", "/");
		put_request(&h, 3, "a.internal", "/");
		h2_send(&h, 0, 1000);
		put_answer(&h, 1, "200");
		h.conn.seq[1] += (uint32_t)h.side[1].size;
		h.side[1].size = 0;
		if (behind) {
			put_answer(&h, 3, "200");
			h2_send(&h, 1, 1000);
		}
		h.net.now += 20 * SECOND;
		tcp_close(&h.net, &h.conn);
		struct fl_scan *s = h2_scan(&h);
		assert_int_equal(counted(s, "a.internal"), 200);
		fl_scan_free(s);
	}
}

static bool has_limit(const struct fl_scan *s, const char *name)
{
	for (size_t i = 0; i < s->coverage.limit_count; i++)
		if (strcmp(s->coverage.limits[i].name, name) == 0)
			return true;
	return false;
}

/* A table full of what the client chose, in many connections at once. */
static void memory_that_clients_ask_for_ends_at_the_limit(void **state)
{
	(void)state;
	struct h2 h;
	char value[2000], name[32];
	h2_open(&h);
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = 0;
	for (unsigned i = 0; i < 400; i++) {
		struct conn c = tcp_conn(HOST, (uint16_t)(42000 + i), PROXY, 8080);
		tcp_open(&h.net, &c);
		nghttp2_hd_deflate_del(h.side[0].deflater);
		assert_int_equal(nghttp2_hd_deflate_new(&h.side[0].deflater, 4096), 0);
		h.side[0].size = FL_HTTP2_PREFACE;
		memcpy(h.side[0].bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FL_HTTP2_PREFACE);
		snprintf(name, sizeof(name), "n%u.internal", i);
		const char *fields[][2] = { { ":method", "GET" }, { ":authority", name }, { ":path", "/" }, { "x-value", value } };
		put_block(&h.side[0], 1, true, fields, FL_ARRAY_LEN(fields), 1);
		tcp_say(&h.net, &c, 0, h.side[0].bytes, h.side[0].size);
		h.side[0].size = 0;
	}
	struct fl_scan *s = h2_scan(&h);
	assert_true(has_limit(s, "HTTP/2 connections"));
	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "n%u.internal", i);
		assert_int_equal(counted(s, name), 100);
	}
	fl_scan_free(s);
}

static void of_too_many_calls_at_once_the_oldest_are_undecided(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	for (uint32_t i = 0; i < 300; i++)
		put_request(&h, 2 * i + 1, "api.internal", "/");
	h2_send(&h, 0, 1448);
	for (uint32_t i = 0; i < 300; i++)
		put_answer(&h, 2 * i + 1, "500");
	h2_send(&h, 1, 1448);
	tcp_close(&h.net, &h.conn);
	struct fl_scan *s = h2_scan(&h);
	assert_int_equal(counted(s, "api.internal"), 30000 + 256);
	assert_true(has_limit(s, "HTTP/2 calls"));
	fl_scan_free(s);
}

/* ---- what the caller does when calls fail ---- */

#define MS (SECOND / 1000)
#define USER "192.0.2.7"

enum h2_failure { SAYS_UNAVAILABLE, RESETS_STREAM, GIVES_UP, GOES_AWAY };

static const struct h2_policy {
	const char *sentence;
	enum h2_failure failure;
	int64_t wait_ms, pause_ms[3];
	size_t retries;
	enum fl_outcome outcome;
} h2_policies[] = {
	{ "no retry", SAYS_UNAVAILABLE, .retries = 0, .outcome = FL_OUTCOME_ERROR },
	{ "retries at once", SAYS_UNAVAILABLE, .retries = 2, .outcome = FL_OUTCOME_ERROR },
	{ "retries that wait twice as long each time", RESETS_STREAM, .pause_ms = { 100, 200, 400 }, .retries = 3,
	  .outcome = FL_OUTCOME_RESET },
	{ "a deadline of 300 ms, and one retry", GIVES_UP, .wait_ms = 300, .pause_ms = { 150 }, .retries = 1,
	  .outcome = FL_OUTCOME_RESPONSE_TIMEOUT },
	{ "what the server will not work on", GOES_AWAY, .pause_ms = { 50, 50 }, .retries = 2, .outcome = FL_OUTCOME_RESET },
};

static void put_be32_frame(struct writer *w, uint8_t type, uint32_t stream, uint32_t first, uint32_t second)
{
	uint8_t payload[8] = { (uint8_t)(first >> 24), (uint8_t)(first >> 16), (uint8_t)(first >> 8), (uint8_t)first, 0, 0, 0,
			       (uint8_t)second };
	put_frame(w, type, 0, stream, payload, type == RESET ? 4 : 8);
}

static void h2_attempt(struct h2 *h, const struct h2_policy *p, uint32_t stream, int i, bool well)
{
	enum { GO_AWAY = 7, CANCEL = 8, UNAVAILABLE_FRAME = 2 };
	char path[40];
	snprintf(path, sizeof(path), "/rates/%d", i);
	put_request(h, stream, "api.internal", path);
	h2_send(h, 0, 1000);
	h->net.now += 4 * MS;
	if (well || p->failure == SAYS_UNAVAILABLE)
		put_grpc_answer(h, stream, well ? "0" : "14");
	else if (p->failure == RESETS_STREAM)
		put_be32_frame(&h->side[1], RESET, stream, UNAVAILABLE_FRAME, 0);
	else if (p->failure == GOES_AWAY)
		put_be32_frame(&h->side[1], GO_AWAY, 0, stream - 2, 0);
	h2_send(h, 1, 1000);
	if (well || p->failure != GIVES_UP)
		return;
	h->net.now += (p->wait_ms - 5) * MS;
	put_be32_frame(&h->side[0], RESET, stream, CANCEL, 0);
	h2_send(h, 0, 1000);
}

/* One request of a user, another call that always works beside it, and the call that may fail with its retries. */
static void h2_request(struct h2 *h, const struct h2_policy *p, struct conn *user, uint32_t *stream, int i, bool ill)
{
	char inbound[80];
	snprintf(inbound, sizeof(inbound), "GET /shop/%d HTTP/1.1\r\nHost: www\r\n\r\n", i);
	tcp_text(&h->net, user, 0, inbound);
	h->net.now += 2 * MS;
	put_request(h, *stream, "other.internal", "/users");
	uint32_t other = *stream;
	*stream += 2;
	for (size_t a = 0; a <= p->retries; a++) {
		h2_attempt(h, p, *stream, i, !ill);
		*stream += 2;
		if (!ill)
			break;
		if (a < p->retries)
			h->net.now += p->pause_ms[a] * MS;
	}
	put_answer(h, other, "200");
	h2_send(h, 1, 1000);
	tcp_text(&h->net, user, 1, ill ? "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void check_h2_policy(const struct h2_policy *p, const struct fl_behaviour *b)
{
	const struct fl_retries *r = &b->retries;
	if (b->outcome[p->outcome] != 20 * (p->retries + 1))
		fail_msg("%s: %d failures", p->sentence, (int)b->outcome[p->outcome]);
	if (r->calls != 20 || r->retried != (p->retries ? 20 : 0) || r->gave_up[p->retries] != 20)
		fail_msg("%s: %d calls failed, %d were tried again", p->sentence, (int)r->calls, (int)r->retried);
	for (size_t i = 0; i < p->retries; i++)
		if (r->gap[i].count != 20 || fabs(r->gap[i].p50 - (double)p->pause_ms[i] / 1e3) > 0.012)
			fail_msg("%s: pause %zu is %g", p->sentence, i, r->gap[i].p50);
	if (p->wait_ms && (b->response_timeout.count == 0 || fabs(b->response_timeout.p50 - (double)p->wait_ms / 1e3) > 0.01))
		fail_msg("%s: gives up after %g", p->sentence, b->response_timeout.p50);
}

static void retries_of_calls_are_known(void **state)
{
	(void)state;
	for (size_t k = 0; k < FL_ARRAY_LEN(h2_policies); k++) {
		const struct h2_policy *p = &h2_policies[k];
		struct h2 h;
		uint32_t stream = 1;
		h2_open(&h);
		struct conn user = tcp_conn(USER, 30000, HOST, 80);
		tcp_open(&h.net, &user);
		int64_t begin = h.net.now;
		for (int i = 0; i < 60; i++) {
			int64_t due = begin + (int64_t)i * 400 * MS + (i * 7919 % 100) * MS;
			h.net.now = h.net.now > due ? h.net.now + 20 * MS : due;
			h2_request(&h, p, &user, &stream, i, i >= 20 && i < 40);
		}
		h.net.now += 30 * SECOND;
		tcp_close(&h.net, &user);
		struct fl_scan *s = h2_scan(&h);
		assert_non_null(named(s, "api.internal")->behaviour);
		check_h2_policy(p, named(s, "api.internal")->behaviour);
		assert_int_equal(named(s, "other.internal")->failures, 0);
		fl_scan_free(s);
	}
}

/* ---- from HTTP/1 to HTTP/2 ---- */

#define OFFER "GET /first HTTP/1.1\r\nHost: a.internal\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" \
	"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
#define TAKEN "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

/* @early: the answer comes before the preface, else behind it. */
static void upgrade(struct h2 *h, size_t step, bool early, bool body)
{
	uint8_t settings[9] = { 0, 0, 0, 4 };
	h2_open(h);
	h->side[0].size = h->side[1].size = 0;
	const char *offer = body ? "POST /first HTTP/1.1\r\nHost: a.internal\r\nUpgrade: foo, H2C\r\nContent-Length: 4\r\n\r\nbody" : OFFER;
	memcpy(h->side[0].bytes, offer, strlen(offer));
	h->side[0].size = strlen(offer);
	h2_send(h, 0, step);
	memcpy(h->side[1].bytes, TAKEN, sizeof(TAKEN) - 1);
	memcpy(h->side[1].bytes + sizeof(TAKEN) - 1, settings, sizeof(settings));
	h->side[1].size = sizeof(TAKEN) - 1 + sizeof(settings);
	if (early)
		put_answer(h, 1, "500");
	h2_send(h, 1, step);
	memcpy(h->side[0].bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FL_HTTP2_PREFACE);
	h->side[0].size = FL_HTTP2_PREFACE;
	put_frame(&h->side[0], SETTINGS, 0, 0, NULL, 0);
	put_request(h, 3, "b.internal", "/");
	h2_send(h, 0, step);
	if (!early)
		put_answer(h, 1, "500");
	put_answer(h, 3, "200");
	h2_send(h, 1, step);
	put_request(h, 5, "a.internal", "/");
	h2_send(h, 0, step);
	put_answer(h, 5, "200");
	h2_send(h, 1, step);
	tcp_close(&h->net, &h->conn);
}

static void an_offer_of_http2_that_is_taken_is_followed(void **state)
{
	(void)state;
	for (size_t i = 0; i < 120; i++) {
		struct h2 h;
		upgrade(&h, i < 4 ? 1000 : sizeof(TAKEN) - 1 + i, i & 1, i & 2);
		struct fl_scan *s = h2_scan(&h);
		if (counted(s, "a.internal") != 201 || counted(s, "b.internal") != 100)
			fail_msg("%zu: %ld, %ld", i, counted(s, "a.internal"), counted(s, "b.internal"));
		assert_false(named(s, "a.internal")->exchanges_lower_bound);
		fl_scan_free(s);
	}
}

static void the_head_of_the_answer_that_takes_it_may_be_in_pieces(void **state)
{
	(void)state;
	for (size_t step = 3; step < sizeof(TAKEN); step++) {
		struct h2 h;
		upgrade(&h, step, false, false);
		struct fl_scan *s = h2_scan(&h);
		assert_int_equal(counted(s, "b.internal"), 100);
		fl_scan_free(s);
	}
}

static void an_offer_that_is_not_taken_is_a_request(void **state)
{
	(void)state;
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(HOST, 41000, PROXY, 8080);
	tcp_open(&n, &c);
	for (int i = 0; i < 3; i++) {
		tcp_text(&n, &c, 0, OFFER);
		tcp_text(&n, &c, 1, i == 1 ? "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	}
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(counted(s, "a.internal"), 301);
	assert_false(named(s, "a.internal")->exchanges_lower_bound);
	fl_scan_free(s);
}

/* ---- HTTP/1 ---- */

#define GET(host) "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define POST(host) "POST / HTTP/1.1\r\nHost: " host "\r\nContent-Length: 4\r\n\r\nbody"
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
#define OK OK_HEAD "hello"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
#define BROKEN "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

/* What two sides of HTTP/1 say, in turn, in segments of @step bytes; "" is a pause. */
static struct fl_scan *pipelined(const char *const *said, size_t count, size_t step)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(HOST, 41000, PROXY, 8080);
	tcp_open(&n, &c);
	for (size_t i = 0; i < count; i++)
		for (size_t at = 0, size = strlen(said[i]); at < size; at += step)
			tcp_say(&n, &c, i % 2 == 1, said[i] + at, size - at < step ? size - at : step);
	tcp_close(&n, &c);
	return net_scan(&n);
}

static void requests_in_a_row_count_under_their_own_hosts(void **state)
{
	(void)state;
	static const char *const said[] = { GET("a.internal") GET("b.internal") POST("a.internal") GET("c.internal"),
					    OK BROKEN CHUNKED OK, GET("a.internal"), BROKEN };
	struct fl_scan *s = pipelined(said, FL_ARRAY_LEN(said), 1000);
	assert_int_equal(counted(s, "a.internal"), 301);
	assert_int_equal(counted(s, "b.internal"), 101);
	assert_int_equal(counted(s, "c.internal"), 100);
	fl_scan_free(s);
}

static void the_open_exchange_becomes_the_first_of_the_row(void **state)
{
	(void)state;
	static const char *const said[] = { GET("x.internal"), OK, GET("a.internal"), "", GET("b.internal"), "", GET("c.internal"), "",
					    "", OK, "", BROKEN, "", OK };
	struct fl_scan *s = pipelined(said, FL_ARRAY_LEN(said), 1000);
	assert_int_equal(counted(s, "x.internal"), 100);
	assert_int_equal(counted(s, "a.internal"), 100);
	assert_int_equal(counted(s, "b.internal"), 101);
	assert_int_equal(counted(s, "c.internal"), 100);
	fl_scan_free(s);
}

static void the_body_of_an_answer_may_look_like_an_answer(void **state)
{
	(void)state;
	static const char *const said[] = { GET("a.internal") GET("b.internal") GET("c.internal"),
					    "HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n0123\r\n\r\nHTTP/1.1 500 A\r\n\r\nAAAAAAAA" OK BROKEN };
	struct fl_scan *s = pipelined(said, FL_ARRAY_LEN(said), 1000);
	assert_int_equal(counted(s, "a.internal"), 100);
	assert_int_equal(counted(s, "b.internal"), 100);
	assert_int_equal(counted(s, "c.internal"), 101);
	fl_scan_free(s);
}

static void an_answer_to_head_has_no_body(void **state)
{
	(void)state;
	static const char *const said[] = { "HEAD / HTTP/1.1\r\nHost: a.internal\r\n\r\n" GET("b.internal") GET("c.internal"),
					    (OK_HEAD BROKEN), "", OK };
	struct fl_scan *s = pipelined(said, FL_ARRAY_LEN(said), 1000);
	assert_int_equal(counted(s, "a.internal"), 100);
	assert_int_equal(counted(s, "b.internal"), 101);
	assert_int_equal(counted(s, "c.internal"), 100);
	fl_scan_free(s);
}

#define LONG "0123456789012345678901234567890123456789"
#define POST_LONG(host) "POST / HTTP/1.1\r\nHost: " host "\r\nContent-Length: 80\r\n\r\n" LONG LONG
#define POST_CHUNKED(host) "POST / HTTP/1.1\r\nHost: " host "\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" \
	"28;last=no\r\n" LONG "\r\n0000A\r\nGET / HTTP\r\n0\r\nX-Check: 1\r\n\r\n"
#define HEAD(host) "HEAD / HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define GZIPPED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n13\r\nx\r\n\r\nHTTP/1.1 500 x\r\n0\r\n\r\n"
#define NO_CONTENT "HTTP/1.1 204 No\r\n\r\n"
#define UNCHANGED "HTTP/1.1 304 Not\r\nContent-Length: 500\r\n\r\n"
#define INTERIM "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"

/* What is said does not depend on where segments end, once it is known that requests do not wait for answers. */
static void bodies_are_passed_over_wherever_segments_end(void **state)
{
	(void)state;
	static const char *const said[] = {
		"", "", GET("a.internal") GET("a.internal"), OK OK,
		POST_LONG("b.internal") GET("c.internal") POST_CHUNKED("d.internal") HEAD("e.internal") GET("f.internal")
		POST_LONG("g.internal") GET("h.internal") POST_CHUNKED("i.internal") GET("j.internal"),
		OK BROKEN GZIPPED OK_HEAD BROKEN INTERIM NO_CONTENT UNCHANGED INTERIM BROKEN OK };
	static const char *const names[] = { "b", "c", "d", "e", "f", "g", "h", "i", "j" };
	static const long wanted[] = { 100, 101, 100, 100, 101, 100, 100, 101, 100 };
	for (size_t step = 3; step < 900; step += step < 120 ? 1 : 97) {
		struct net n = net_new("web", NULL, NULL);
		struct conn c = tcp_conn(HOST, 41000, PROXY, 8080);
		tcp_open(&n, &c);
		for (size_t i = 0; i < FL_ARRAY_LEN(said); i++) {
			size_t cut = i < 4 ? 1000 : step;
			for (size_t at = 0, size = strlen(said[i]); at < size; at += cut)
				tcp_say(&n, &c, i % 2 == 1, said[i] + at, size - at < cut ? size - at : cut);
		}
		tcp_close(&n, &c);
		struct fl_scan *s = net_scan(&n);
		for (size_t i = 0; i < FL_ARRAY_LEN(names); i++) {
			char name[20];
			snprintf(name, sizeof(name), "%s.internal", names[i]);
			if (counted(s, name) != wanted[i])
				fail_msg("%s in steps of %zu: %ld", name, step, counted(s, name));
		}
		fl_scan_free(s);
	}
}

/* One behind the other, no pipelining: the request behind a body that was not sent is found, too. */
static void a_body_that_is_refused_does_not_hide_the_next_request(void **state)
{
	(void)state;
	static const char *const said[] = {
		"PUT / HTTP/1.1\r\nHost: a.internal\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n",
		"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", GET("b.internal"), BROKEN,
		"PUT / HTTP/1.1\r\nHost: a.internal\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "DELETE / HTTP/1.1\r\nHost: c.internal\r\n\r\n", OK };
	struct fl_scan *s = pipelined(said, FL_ARRAY_LEN(said), 1000);
	assert_int_equal(counted(s, "a.internal"), 200);
	assert_int_equal(counted(s, "b.internal"), 101);
	assert_int_equal(counted(s, "c.internal"), 100);
	fl_scan_free(s);
}

/* What the capture lacks does not hide what comes behind. */
static void a_lost_segment_does_not_hide_the_next_request(void **state)
{
	(void)state;
	static const char *const said[][2] = {
		{ "GET / HTTP/1.1\r\nHost: a.internal\r\nCookie: ", "x=1\r\n\r\n" },
		{ "PUT / HTTP/1.1\r\nHost: a.internal\r\nContent-Length: 8\r\n\r\n", "12345678" },
		{ "PUT / HTTP/1.1\r\nHost: a.internal\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n0\r\n\r\n" },
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(said); i++) {
		struct net n = net_new("web", NULL, NULL);
		struct conn c = tcp_conn(HOST, 41000, PROXY, 8080);
		tcp_open(&n, &c);
		tcp_text(&n, &c, 0, said[i][0]);
		c.seq[0] += (uint32_t)strlen(said[i][1]);
		tcp_text(&n, &c, 1, OK);
		tcp_text(&n, &c, 0, GET("b.internal"));
		tcp_text(&n, &c, 1, BROKEN);
		tcp_text(&n, &c, 0, GET("c.internal"));
		tcp_text(&n, &c, 1, OK);
		tcp_close(&n, &c);
		struct fl_scan *s = net_scan(&n);
		assert_int_equal(counted(s, "a.internal"), 100);
		assert_int_equal(counted(s, "b.internal"), 101);
		assert_int_equal(counted(s, "c.internal"), 100);
		fl_scan_free(s);
	}
}

static void a_head_in_two_segments_is_one_request(void **state)
{
	(void)state;
	static const char *const said[] = { GET("a.internal"), OK, GET("b.internal"), BROKEN, GET("a.internal"), OK };
	for (size_t step = 4; step < 40; step++) {
		struct fl_scan *s = pipelined(said, FL_ARRAY_LEN(said), step);
		assert_true(counted(s, "a.internal") >= 100);
		assert_true(counted(s, "a.internal") + counted(s, "b.internal") < 400);
		fl_scan_free(s);
	}
}

static void calls_go_on_over_windows(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	put_request(&h, 1, "a.internal", "/");
	put_request(&h, 3, "b.internal", "/");
	h2_send(&h, 0, 1000);
	struct fl_scan *first = fl_scanner_cut(h.net.scanner, h.net.now);
	put_answer(&h, 3, "500");
	put_answer(&h, 1, "200");
	h2_send(&h, 1, 1000);
	struct fl_scan *second = h2_scan(&h);
	assert_int_equal(counted(first, "a.internal"), 100);
	assert_int_equal(counted(first, "b.internal"), 100);
	assert_int_equal(counted(second, "a.internal"), 0);
	assert_int_equal(counted(second, "b.internal"), 1);
	fl_scan_free(first);
	fl_scan_free(second);
}

/* Every prefix, and every number of bytes of memory up to what is needed, gives an end. */
static void a_reader_survives_any_budget(void **state)
{
	(void)state;
	struct h2 h;
	h2_open(&h);
	h.side[0].size = 0;
	for (uint32_t i = 0; i < 8; i++)
		put_request(&h, 2 * i + 1, i % 2 ? "a.internal" : "b.internal", i % 3 ? "/one" : "/two");
	unsigned complete = 0;
	for (size_t limit = 0; limit < 8000; limit += 16) {
		struct fl_http2_budget b = { .limit = limit };
		struct fl_http2_reader *reader = fl_http2_reader_new(&b);
		struct fl_http2_event e;
		enum fl_parse result = reader ? FL_PARSE_OK : FL_PARSE_UNSUPPORTED;
		unsigned events = 0;
		for (size_t at = 0, used; result == FL_PARSE_OK; at += used, events += result == FL_PARSE_OK)
			result = fl_http2_next(reader, h.side[0].bytes + at, h.side[0].size - at, &used, &e);
		assert_true(result == FL_PARSE_MORE ? events == 8 : result == FL_PARSE_UNSUPPORTED && b.refused > 0);
		assert_true(b.used <= limit);
		complete += events == 8;
		fl_http2_reader_free(reader);
		assert_int_equal(b.used, 0);
	}
	assert_true(complete > 0);
	fl_scan_free(h2_scan(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_counts_under_its_own_name),
		cmocka_unit_test(answers_come_in_any_order),
		cmocka_unit_test(a_block_may_be_cut_into_frames),
		cmocka_unit_test(a_status_of_grpc_in_trailers_is_a_failure_when_the_server_is_at_fault),
		cmocka_unit_test(a_call_that_either_side_resets_before_its_answer_failed),
		cmocka_unit_test(the_body_of_a_request_is_not_read),
		cmocka_unit_test(a_hole_in_data_is_passed_over),
		cmocka_unit_test(a_server_may_speak_first),
		cmocka_unit_test(the_preface_may_be_overtaken),
		cmocka_unit_test(a_hole_that_is_acknowledged_is_not_waited_for),
		cmocka_unit_test(after_a_lost_segment_counts_are_lower_bounds),
		cmocka_unit_test(after_a_lost_segment_a_connection_of_one_name_goes_on),
		cmocka_unit_test(an_answer_that_was_not_captured_is_no_failure),
		cmocka_unit_test(memory_that_clients_ask_for_ends_at_the_limit),
		cmocka_unit_test(of_too_many_calls_at_once_the_oldest_are_undecided),
		cmocka_unit_test(retries_of_calls_are_known),
		cmocka_unit_test(requests_in_a_row_count_under_their_own_hosts),
		cmocka_unit_test(the_open_exchange_becomes_the_first_of_the_row),
		cmocka_unit_test(the_body_of_an_answer_may_look_like_an_answer),
		cmocka_unit_test(an_answer_to_head_has_no_body),
		cmocka_unit_test(an_offer_of_http2_that_is_taken_is_followed),
		cmocka_unit_test(the_head_of_the_answer_that_takes_it_may_be_in_pieces),
		cmocka_unit_test(an_offer_that_is_not_taken_is_a_request),
		cmocka_unit_test(bodies_are_passed_over_wherever_segments_end),
		cmocka_unit_test(a_body_that_is_refused_does_not_hide_the_next_request),
		cmocka_unit_test(a_lost_segment_does_not_hide_the_next_request),
		cmocka_unit_test(a_head_in_two_segments_is_one_request),
		cmocka_unit_test(calls_go_on_over_windows),
		cmocka_unit_test(a_reader_survives_any_budget),
	};
	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
#else
int main(void)
{
	return 0;
}
#endif
