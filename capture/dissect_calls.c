/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect_calls.c - connections whose requests do not wait for answers: bytes of both sides to calls.c
 *
 * HTTP/2 from its preface on, or from the answer that takes up an offer of it; HTTP/1 from the first request that came
 * before the answer to another.
 */
#include "dissect_internal.h"

#include <string.h>

#include "calls.h"

/* There is no room to follow the connection: its first request stands for all. */
static void read_first_call(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	flow_set(f, FLOW_MULTIPLEXED);
	enum fl_parse result = fl_http2_request(bytes->data, bytes->size, &s->request);
	if (result == FL_PARSE_MORE) {
		fl_stream_consume(stream, s->streams, 0);
		return;
	}
	if (result == FL_PARSE_OK && s->request.host[0])
		dissect_note_target(s, f, s->request.host, 0); /* CONNECT here opens one stream of many */
	if (scanner_is_health_path(s->request.path))
		flow_set(f, FLOW_HEALTH);
	s->counters.parse_errors += result == FL_PARSE_MALFORMED;
	fl_stream_close(stream, s->streams);
}

void dissect_http2(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, int64_t time_ns)
{
	bool first = !flow_has(f, FLOW_MULTIPLEXED);
	flow_set_application(f, FL_APP_HTTP2);
	if (first && f->exchanges && !flow_has(f, FLOW_HTTP)) { /* pieces that came before the preface were none */
		scanner_close_exchange(s, f, time_ns, FL_END_EVICTED);
		scanner_take_back_exchanges(s, f);
		f->exchanges = 0;
	}
	if (!first || !calls_begin(s, f)) {
		read_first_call(s, f, bytes);
		return;
	}
	dissect_answers_from_here(s, f); /* settings may have come, and say nothing of calls */
	struct fl_slice behind = { bytes->data + FL_HTTP2_PREFACE, bytes->size - FL_HTTP2_PREFACE };
	size_t used = calls_read(s, f, FL_INITIATOR, &behind, time_ns);
	fl_stream_consume(&f->stream[FL_INITIATOR], s->streams, FL_HTTP2_PREFACE + used);
}

/* What is missing is not waited for where it says nothing of calls, such as a piece of a body. */
static void pass_holes(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, int64_t time_ns)
{
	struct fl_stream *stream = &f->stream[side];
	size_t hole;
	while ((hole = fl_stream_hole(stream, s->streams))) {
		bool http1 = calls_are_pipelined(s, f);
		if (!(http1 ? calls_pass_answers(s, f, hole, time_ns) : calls_pass(s, f, side, hole)))
			return;
		struct fl_slice behind = fl_stream_skip(stream, s->streams, hole);
		size_t used = http1 ? calls_read_answers(s, f, &behind, true, time_ns) : calls_read(s, f, side, &behind, time_ns);
		fl_stream_consume(stream, s->streams, used);
	}
}

/* A segment of either side, of a connection that is followed. */
void dissect_calls(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[side];
	struct fl_slice bytes;
	enum fl_parse state = fl_stream_add(stream, s->streams, dissect_seq(p), p->payload.data, p->payload.size,
					    p->payload_len - p->payload.size, &bytes);
	if (bytes.size)
		fl_stream_consume(stream, s->streams, calls_read(s, f, side, &bytes, p->time_ns));
	if (stream->store)
		pass_holes(s, f, side, p->time_ns);
	s->counters.cut_payload += p->payload.size < p->payload_len && state == FL_PARSE_TRUNCATED;
	if (flow_has(f, FLOW_CALLS) && stream->closed)
		calls_lose(s, f);
}

/* Of requests in a row. When bytes are missing, an answer is found where a segment begins with one. */
static void dissect_answers(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	struct fl_slice bytes = { NULL, 0 };
	if (!stream->closed)
		(void)fl_stream_add(stream, s->streams, dissect_seq(p), p->payload.data, p->payload.size,
				    p->payload_len - p->payload.size, &bytes);
	if (bytes.size)
		fl_stream_consume(stream, s->streams, calls_read_answers(s, f, &bytes, true, p->time_ns));
	else if (stream->closed && p->payload.size)
		(void)calls_read_answers(s, f, &p->payload, false, p->time_ns);
	if (stream->store)
		pass_holes(s, f, FL_RESPONDER, p->time_ns);
}

void dissect_lost(struct fl_scanner *s, struct fl_flow *f, enum fl_side side)
{
	if (!flow_has(f, FLOW_CALLS))
		fl_stream_close(&f->stream[side], s->streams); /* of an answer */
	else if (calls_are_pipelined(s, f))
		calls_skip_answers(s, f);
	else
		calls_lose(s, f);
}

/* HTTP/1, where requests come before the answers to others. */
void dissect_pipeline(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (side == FL_INITIATOR && fl_flow_acks_unseen(f, p))
		calls_skip_answers(s, f);
	if (side == FL_INITIATOR)
		(void)dissect_initiator(s, f, p);
	else
		dissect_answers(s, f, p);
	f->last_payload_side = (uint8_t)side;
}

bool scanner_awaits_status(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p, struct fl_slice *bytes)
{
	static const char line[FL_HTTP_STATUS_LEAST] = "HTTP/1.";
	const size_t told = strlen(line);
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	*bytes = p->payload;
	if (!flow_has(f, FLOW_HTTP) || flow_has(f, FLOW_CALLS | FLOW_UPGRADE | FLOW_TLS) || p->payload.size < p->payload_len)
		return false;
	if (!stream->store)
		dissect_restart(s, stream, dissect_seq(p));
	(void)fl_stream_add(stream, s->streams, dissect_seq(p), p->payload.data, p->payload.size, 0, bytes);
	bool begins = !bytes->size || memcmp(bytes->data, line, bytes->size < told ? bytes->size : told) == 0;
	if (bytes->size < FL_HTTP_STATUS_LEAST && begins && !stream->closed) {
		fl_stream_consume(stream, s->streams, 0);
		return true;
	}
	if (!bytes->size)
		*bytes = p->payload;
	fl_stream_close(stream, s->streams);
	return false;
}

/* A hello is to come. */
static void go_on_in_tls(struct fl_scanner *s, struct fl_flow *f)
{
	flow_clear(f, FLOW_HTTP);
	flow_replace_application(f, FL_APP_UNKNOWN);
	f->user[FLOW_SEGMENTS] = 0;
	dissect_restart(s, &f->stream[FL_INITIATOR], f->payload_end_seq[FL_INITIATOR]);
}

/* Both sides speak HTTP/2 behind the @head bytes of the answer. */
static void go_on_in_http2(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, size_t head, int64_t time_ns)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	if (!calls_begin_upgraded(s, f)) {
		flow_set(f, FLOW_MULTIPLEXED);
		fl_stream_close(stream, s->streams);
		return;
	}
	dissect_restart(s, &f->stream[FL_INITIATOR], f->payload_end_seq[FL_INITIATOR]);
	struct fl_slice behind = { bytes->data + head, bytes->size - head };
	size_t used = calls_read(s, f, FL_RESPONDER, &behind, time_ns);
	fl_stream_consume(stream, s->streams, head + used);
}

/* The status of the answer behind those that are only on the way (RFC 9110 section 15.2), @at; 0: not there yet, or none. */
static unsigned final_status(const struct fl_slice *bytes, struct fl_http_body *answer, size_t *at)
{
	*answer = (struct fl_http_body){ .head_size = 0 };
	for (*at = 0; *at < bytes->size; *at += answer->head_size) {
		unsigned status = fl_http_status(bytes->data + *at, bytes->size - *at);
		if (status && status < 200)
			*answer = fl_http_answer_body(bytes->data + *at, bytes->size - *at);
		if (status == 0 || status >= 200 || status == FL_HTTP_SWITCHING)
			return status;
		if (!answer->head_size)
			return FL_HTTP_SWITCHING; /* or will be: its end is to come */
	}
	return 0;
}

/* Behind the head of the answer. What follows WebSocket and the like is theirs: who speaks when, and turns are no requests. */
static void switch_protocols(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, const struct fl_http_body *answer,
			     size_t at, int64_t time_ns)
{
	if (answer->upgrade == FL_HTTP_UPGRADE_H2C) {
		go_on_in_http2(s, f, bytes, at + answer->head_size, time_ns);
		return;
	}
	fl_stream_close(&f->stream[FL_RESPONDER], s->streams);
	if (answer->upgrade == FL_HTTP_UPGRADE_TLS) {
		go_on_in_tls(s, f);
		return;
	}
	fl_stream_close(&f->stream[FL_INITIATOR], s->streams);
	f->user[FLOW_CALLS_PLACE] = CALLS_LOST;
}

/* The answer to an offer of another protocol: 101 takes it up (RFC 9110 section 7.8). */
bool dissect_upgrade(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	struct fl_slice bytes;
	(void)fl_stream_add(stream, s->streams, dissect_seq(p), p->payload.data, p->payload.size, p->payload_len - p->payload.size, &bytes);
	if (!bytes.size && stream->closed)
		flow_clear(f, FLOW_UPGRADE);
	if (!bytes.size)
		return false;
	struct fl_http_body answer;
	size_t at;
	unsigned status = final_status(&bytes, &answer, &at);
	struct fl_slice rest = { bytes.data + at, bytes.size - at };
	bool waits = status ? status == FL_HTTP_SWITCHING && !answer.head_size : rest.size < FL_HTTP_STATUS_LEAST;
	if (waits && rest.size < FL_HTTP_ANSWER_MAX && !stream->closed) {
		fl_stream_consume(stream, s->streams, at);
		return false;
	}
	bool taken = status == FL_HTTP_SWITCHING && answer.head_size;
	flow_clear(f, FLOW_UPGRADE);
	if (taken)
		switch_protocols(s, f, &bytes, &answer, at, p->time_ns);
	else
		fl_stream_close(stream, s->streams);
	return taken;
}
