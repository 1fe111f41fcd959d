/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls_http2.c - the calls of an HTTP/2 connection: its streams
 *
 * A call is one stream: it begins with the block that has a method, is answered by the first
 * block with a final status, and ends with the server's END_STREAM or anybody's RST_STREAM. gRPC says in its trailers
 * how the call went, so whether it failed may be known later than that it was answered.
 *
 * A connection is followed from its preface on, or from the answer that says that it goes on in HTTP/2 (101 to an offer of h2c, RFC 7540
 * section 3.2): then the request that offered it is stream 1, and the preface comes when the client has that answer.
 *
 * Compression needs every byte. When one is missing the connection loses its place.
 */
#include "calls_internal.h"

/* ---- begin ---- */

bool calls_begin(struct fl_scanner *s, struct fl_flow *f)
{
	struct fl_http2_budget *budget = &s->calls->budget;
	struct connection fresh = { .next_free = 0 };
	if (s->options.light) /* most frames will not come */
		return false;
	fresh.reader[FL_INITIATOR] = fl_http2_reader_new(budget);
	fresh.reader[FL_RESPONDER] = fresh.reader[FL_INITIATOR] ? fl_http2_reader_new(budget) : NULL;
	if (fresh.reader[FL_RESPONDER] && calls_take_place(s, f, &fresh))
		return true;
	s->calls->refused += !fresh.reader[FL_RESPONDER];
	fl_http2_reader_free(fresh.reader[FL_INITIATOR]);
	fl_http2_reader_free(fresh.reader[FL_RESPONDER]);
	return false;
}

bool calls_begin_upgraded(struct fl_scanner *s, struct fl_flow *f)
{
	if (!calls_begin(s, f))
		return false;
	calls_connection(s, f)->preface_due = true;
	struct call *call = calls_take_exchange(s, f);
	if (call)
		call->stream = 1;
	return true;
}

/* ---- calls ---- */

static struct call *find_call(struct connection *c, uint32_t stream)
{
	for (uint32_t i = c->count; i-- > 0;)
		if (c->list[i].stream == stream)
			return &c->list[i];
	return NULL;
}

/* Return: false when there is no memory for it. */
static bool begin_call(struct fl_scanner *s, struct fl_flow *f, const struct fl_http2_event *e, int64_t time_ns)
{
	struct call *call = calls_new(s, f, time_ns);
	if (!call)
		return false;
	uint32_t before = f->user[FLOW_REQUEST_NAME];
	f->user[FLOW_REQUEST_NAME] = 0; /* a request without authority is for the address */
	if (e->request.host[0])
		scanner_note_name(s, f, FL_NAME_HTTP_HOST, e->request.host, 0);
	uint32_t name = f->user[FLOW_REQUEST_NAME];
	f->user[FLOW_REQUEST_NAME] = before;
	*call = (struct call){ .start_ns = time_ns, .stream = e->stream, .name = name, .wait_us = FL_NO_TIME };
	calls_count(s, f, call, scanner_is_health_path(e->request.path), e->size, e->fingerprint);
	return true;
}

/* Before an answer it is a failure, whoever gives up. A client that has had enough of an answer is none, and a server that breaks
 * one off has answered. */
static void reset_call(struct fl_scanner *s, struct fl_flow *f, struct call *call, enum fl_side side, int64_t time_ns)
{
	if (call->answered) {
		calls_complete(s, f, call, time_ns);
		return;
	}
	calls_fail(s, f, call, time_ns);
	call->wait_us = calls_waited_us(call, time_ns);
	calls_end_one(s, f, call, side == FL_INITIATOR ? FL_OUTCOME_RESPONSE_TIMEOUT : FL_OUTCOME_RESET, time_ns);
}

/* ---- events ---- */

/* Return: false when the calls cannot be followed any further. */
static bool see_client(struct fl_scanner *s, struct fl_flow *f, const struct fl_http2_event *e, int64_t time_ns)
{
	struct call *call = find_call(calls_connection(s, f), e->stream);
	if (e->kind == FL_HTTP2_RESET && call)
		reset_call(s, f, call, FL_INITIATOR, time_ns);
	else if (e->kind == FL_HTTP2_HEADERS && !call && e->request.method[0])
		return begin_call(s, f, e, time_ns);
	return true;
}

/* The server goes and says which stream is the last that it works on: what is open above it failed, and may be tried again. */
static void see_goaway(struct fl_scanner *s, struct fl_flow *f, uint32_t last, int64_t time_ns)
{
	struct connection *c = calls_connection(s, f);
	for (uint32_t i = c->count; i-- > 0;)
		if (c->list[i].stream > last && !c->list[i].answered)
			reset_call(s, f, &c->list[i], FL_RESPONDER, time_ns);
}

static void see_server(struct fl_scanner *s, struct fl_flow *f, const struct fl_http2_event *e, int64_t time_ns)
{
	if (e->kind == FL_HTTP2_GOAWAY) {
		see_goaway(s, f, e->stream, time_ns);
		return;
	}
	struct call *call = find_call(calls_connection(s, f), e->stream);
	if (!call)
		return;
	if (e->kind == FL_HTTP2_RESET) {
		reset_call(s, f, call, FL_RESPONDER, time_ns);
		return;
	}
	bool failed = e->kind == FL_HTTP2_HEADERS && (e->status >= 500 || fl_grpc_failed(e->grpc_status));
	if (e->kind == FL_HTTP2_HEADERS && e->status >= 200 && !call->answered)
		calls_answer(s, f, call, failed, time_ns);
	if (failed)
		calls_fail(s, f, call, time_ns);
	if (e->kind == FL_HTTP2_END || e->end)
		calls_complete(s, f, call, time_ns);
}

/* Bytes of the preface where it is due, 0: it is not complete. False: it is none. */
static bool pass_preface(struct connection *c, const struct fl_slice *bytes, size_t *used)
{
	enum fl_parse preface = c->preface_due ? fl_http2_probe(bytes->data, bytes->size) : FL_PARSE_MORE;
	*used = preface == FL_PARSE_OK ? FL_HTTP2_PREFACE : 0;
	c->preface_due = c->preface_due && preface != FL_PARSE_OK;
	return preface != FL_PARSE_MALFORMED;
}

bool calls_pass(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, size_t n)
{
	const struct connection *c = calls_connection(s, f);
	return !c->preface_due && fl_http2_pass(c->reader[side], n);
}

size_t calls_read(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_slice *bytes, int64_t time_ns)
{
	struct fl_http2_event e;
	size_t at = 0, used;
	if (side == FL_INITIATOR && !pass_preface(calls_connection(s, f), bytes, &at)) {
		calls_lose(s, f);
		return 0;
	}
	if (side == FL_INITIATOR && calls_connection(s, f)->preface_due)
		return 0;
	for (;;) {
		struct fl_http2_reader *reader = calls_connection(s, f)->reader[side];
		enum fl_parse result = fl_http2_next(reader, bytes->data + at, bytes->size - at, &used, &e);
		at += used;
		if (result == FL_PARSE_MORE)
			return at;
		s->counters.parse_errors += result == FL_PARSE_MALFORMED;
		s->calls->refused += result == FL_PARSE_UNSUPPORTED;
		bool follows = result == FL_PARSE_OK;
		if (follows && side == FL_RESPONDER)
			see_server(s, f, &e, time_ns);
		else if (follows && !see_client(s, f, &e, time_ns))
			s->calls->refused++, follows = false;
		if (!follows) {
			calls_lose(s, f);
			return at;
		}
	}
}
