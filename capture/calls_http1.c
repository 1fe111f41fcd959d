/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls_http1.c - the calls of an HTTP/1 connection in which requests do not wait for answers
 *
 * A client may send the next request before it has the answer (pipelining, RFC 9112 section 9.3.2). Answers come
 * in the order of requests. From the first time on that a connection does so its requests are calls; of answers
 * the heads are found by the lengths of bodies, or where the length is not told by what looks like the next head.
 */
#include "calls_internal.h"

#include <string.h>

#include "faultline/request.h"

/* ---- begin ---- */

bool calls_are_pipelined(const struct fl_scanner *s, const struct fl_flow *f)
{
	return flow_has(f, FLOW_CALLS) && !calls_connection(s, f)->reader[FL_INITIATOR];
}

/* Answers are read from where the next one must begin. */
static void start_answers(struct fl_flow *f, struct fl_stream_pool *pool)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	fl_stream_close(stream, pool);
	*stream = (struct fl_stream){ 0 };
	fl_stream_start(stream, f->payload_end_seq[FL_RESPONDER]);
}

bool calls_begin_pipeline(struct fl_scanner *s, struct fl_flow *f)
{
	static const struct connection fresh;
	bool open = f->exchange_start_ns && flow_has(f, FLOW_ANSWER_DUE);
	if (!calls_take_place(s, f, &fresh))
		return false;
	if (open && !calls_take_exchange(s, f)) {
		calls_leave(s, f);
		return false;
	}
	start_answers(f, s->streams);
	return true;
}

void calls_add(struct fl_scanner *s, struct fl_flow *f, const struct calls_request *request)
{
	struct call *call = calls_new(s, f, request->time_ns);
	if (!call) {
		s->calls->refused++;
		return;
	}
	*call = (struct call){ .start_ns = request->time_ns, .name = f->user[FLOW_REQUEST_NAME], .wait_us = FL_NO_TIME,
			       .bare = request->bare, .late = request->late };
	f->user[FLOW_CONVERSATION] = 0; /* the name is news */
	calls_count(s, f, call, flow_has(f, FLOW_HEALTH), request->size, request->fingerprint);
}

/* ---- answers ---- */

/* Behind the head of the answer to the first call. */
static void begin_body(struct fl_scanner *s, struct fl_flow *f, unsigned status, const struct fl_http_body *body, int64_t time_ns)
{
	struct connection *c = calls_connection(s, f);
	bool none = c->list[0].bare || status == 204 || status == 304;
	c->body_begun = false;
	c->chunks = !none && body->chunked;
	c->skip = none || body->length == UINT64_MAX ? 0 : body->length; /* not told: it ends where the next one begins */
	if (none || body->length == 0)
		calls_complete(s, f, &c->list[0], time_ns);
}

/* What follows is no HTTP/1: who waits for an answer in it will not get it. */
static void leave_http(struct fl_scanner *s, struct fl_flow *f, int64_t time_ns)
{
	struct connection *c = calls_connection(s, f);
	calls_complete(s, f, &c->list[0], time_ns);
	while (c->count > 0)
		calls_end_one(s, f, &c->list[c->count - 1], FL_OUTCOME_UNDECIDED, time_ns);
	calls_leave(s, f);
	f->user[FLOW_CALLS_PLACE] = CALLS_LOST;
}

/* The head of the next answer, which ends the one before. Return: bytes used; 0: it comes again with more. */
static size_t begin_answer(struct fl_scanner *s, struct fl_flow *f, unsigned status, const struct fl_slice *bytes, bool stream,
			   int64_t time_ns)
{
	struct connection *c = calls_connection(s, f);
	struct fl_http_body body = fl_http_answer_body(bytes->data, bytes->size);
	if (!body.head_size && stream && bytes->size < FL_HTTP_ANSWER_MAX)
		return 0;
	size_t used = body.head_size ? body.head_size : bytes->size;
	if (status < 200 && status != FL_HTTP_SWITCHING)
		return used;
	if (c->list[0].answered)
		calls_complete(s, f, &c->list[0], time_ns);
	if (c->count == 0)
		return bytes->size;
	struct call *call = &c->list[0];
	calls_answer(s, f, call, status >= 500, time_ns);
	if (status >= 500)
		calls_fail(s, f, call, time_ns);
	if (status == FL_HTTP_SWITCHING)
		leave_http(s, f, time_ns);
	else
		begin_body(s, f, status, &body, time_ns);
	return used;
}

static size_t skip_body(struct fl_scanner *s, struct fl_flow *f, size_t left, int64_t time_ns)
{
	struct connection *c = calls_connection(s, f);
	size_t n = c->skip < left ? (size_t)c->skip : left;
	c->skip -= n;
	c->body_begun = true;
	if (c->skip == 0 && !c->chunks)
		calls_complete(s, f, &c->list[0], time_ns);
	return n;
}

static size_t pass_chunks(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, int64_t time_ns)
{
	struct connection *c = calls_connection(s, f);
	size_t used;
	enum fl_parse result = fl_http_chunks(bytes->data, bytes->size, &used, &c->skip);
	c->body_begun = true;
	c->chunks = result == FL_PARSE_MORE;
	if (result == FL_PARSE_OK)
		calls_complete(s, f, &c->list[0], time_ns);
	return used;
}

/* From where on an answer may begin; the size when there is none in sight. */
static size_t next_answer(const struct fl_slice *bytes)
{
	static const char mark[] = "\r\n\r\nHTTP/1.";
	const uint8_t *at = memmem(bytes->data, bytes->size, mark, sizeof(mark) - 1);
	return at ? (size_t)(at - bytes->data) + 4 : bytes->size;
}

/* May a status line come of this, when there is more of it? */
static bool may_be_status(const struct fl_slice *bytes)
{
	static const char line[] = "HTTP/1.";
	size_t n = bytes->size < sizeof(line) - 1 ? bytes->size : sizeof(line) - 1;
	return bytes->size < 13 && memcmp(bytes->data, line, n) == 0;
}

/* Return: bytes used; 0: more must come first. */
static size_t read_answer(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, bool stream, int64_t time_ns)
{
	const struct connection *c = calls_connection(s, f);
	/* The answer to HEAD tells the length of a body that does not come: the next answer does. */
	bool inside = (c->skip || c->chunks) && (c->body_begun || !c->list[0].maybe_bare);
	unsigned status = inside ? 0 : fl_http_status(bytes->data, bytes->size);
	if (status)
		return begin_answer(s, f, status, bytes, stream, time_ns);
	if (c->skip)
		return skip_body(s, f, bytes->size, time_ns);
	if (c->chunks)
		return pass_chunks(s, f, bytes, time_ns);
	return stream && may_be_status(bytes) ? 0 : next_answer(bytes);
}

/* Where only segments are known, what is cut at their border is not found. */
static void forget_body(struct connection *c)
{
	c->skip = 0;
	c->chunks = false;
}

size_t calls_read_answers(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, bool stream, int64_t time_ns)
{
	struct connection *c = calls_connection(s, f);
	size_t at = 0;
	if (!stream && fl_http_status(bytes->data, bytes->size))
		forget_body(c);
	while (at < bytes->size && flow_has(f, FLOW_CALLS) && c->count > 0) {
		struct fl_slice rest = { bytes->data + at, bytes->size - at };
		size_t used = read_answer(s, f, &rest, stream, time_ns);
		if (used == 0)
			return at;
		at += used;
	}
	return bytes->size;
}

bool calls_pass_answers(struct fl_scanner *s, struct fl_flow *f, size_t n, int64_t time_ns)
{
	const struct connection *c = calls_connection(s, f);
	if (c->count == 0)
		return true;
	if (c->skip < n || (!c->body_begun && c->list[0].maybe_bare))
		return false;
	(void)skip_body(s, f, n, time_ns);
	return true;
}

void calls_skip_answers(struct fl_scanner *s, struct fl_flow *f)
{
	struct connection *c = calls_connection(s, f);
	while (c->count > 0)
		calls_end_one(s, f, &c->list[c->count - 1], FL_OUTCOME_UNDECIDED, f->last_ns);
	forget_body(c);
	fl_stream_close(&f->stream[FL_RESPONDER], s->streams);
	f->broken = true;
}
