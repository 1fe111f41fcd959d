/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect.c - what a flow's payload says: names, application, exchange boundaries
 *
 * The initiator's stream is reassembled only while something is still to be learnt from its
 * beginning: the first ClientHello or the first request head, wherever the segment borders
 * are. Of HTTP the next head is then read behind the body of the last one, in segments of any size and order (dissect_http.c); where
 * that place was lost, where a segment begins with a request. A ClientHello is found where a segment begins with one, too, which finds
 * STARTTLS, SSLRequest, CONNECT and SOCKS without knowing them. Bulk data thus costs a look at its first bytes at most.
 *
 * DNS over TCP keeps its stream: every message counts (dissect_dns.c). So does HTTP/2 in the clear, in both directions (dissect_calls.c).
 */
#include "dissect_internal.h"

#include <string.h>

#include "calls.h"
#include "faultline/request.h"

enum {
	IDENTIFY_SEGMENTS = 8,     /* payload packets of the initiator that may still identify */
	HELLO_SEGMENTS = 64,       /* ... in which a late ClientHello is looked for */
};

void dissect_restart(struct fl_scanner *s, struct fl_stream *stream, uint32_t seq)
{
	fl_stream_close(stream, s->streams);
	*stream = (struct fl_stream){ 0 };
	fl_stream_start(stream, seq);
}

void dissect_answers_from_here(struct fl_scanner *s, struct fl_flow *f)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	fl_stream_close(stream, s->streams);
	*stream = (struct fl_stream){ 0 };
	if (f->bytes[FL_RESPONDER])
		fl_stream_start(stream, f->payload_end_seq[FL_RESPONDER]);
	else if (f->synack_ns)
		fl_stream_start(stream, f->synack_seq + 1);
}

/* ---- the initiator's stream ---- */

/* Does a segment begin like something that we read, whatever came before? @in_body: that may be a body, which may hold what looks like
 * a request, so nothing in it is believed. */
static bool is_beginning(const struct fl_flow *f, const struct fl_slice *d, bool in_body)
{
	if (d->size == 0)
		return false;
	if (f->user[FLOW_SEGMENTS] < HELLO_SEGMENTS && d->data[0] == RECORD_HANDSHAKE && (d->size < 6 || d->data[5] == 1) &&
	    fl_tls_probe(d->data, d->size) != FL_PARSE_MALFORMED)
		return true;
	return !in_body && !flow_has(f, FLOW_TLS) && d->data[0] >= 'A' && d->data[0] <= 'Z' &&
	       fl_http_probe(d->data, d->size) == FL_PARSE_OK;
}

/* A closed stream is opened again at a beginning. */
static void reopen_stream(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	bool in_body = flow_has(f, FLOW_BODY) && f->last_payload_side == FL_INITIATOR;
	if (!is_beginning(f, &p->payload, in_body))
		return;
	f->user_bits = 0;
	dissect_restart(s, &f->stream[FL_INITIATOR], dissect_seq(p));
}

/* A segment was stored behind a hole. Bodies of known length are passed over, so what comes is behind them. */
static void mark_beginning(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	bool in_body = f->user_bits == FLOW_IN_CHUNKS || (f->user_bits == FLOW_IN_HEAD && flow_has(f, FLOW_BODY));
	if (is_beginning(f, &p->payload, in_body))
		fl_stream_mark(&f->stream[FL_INITIATOR], s->streams, dissect_seq(p));
}

/* Does the client say something new where the rest of a request was expected? It was answered before any of its body was sent
 * (@at_body), which then may never come (RFC 9110 section 10.1.1); or, behind a gap, the rest was not captured. */
static bool leaves_request(const struct fl_scanner *s, const struct fl_flow *f, const struct fl_packet *p, bool at_body)
{
	const struct fl_stream *stream = &f->stream[FL_INITIATOR];
	int32_t offset = (int32_t)(dissect_seq(p) - stream->next_seq);
	bool answered = f->last_payload_side == FL_RESPONDER || fl_flow_acks_unseen(f, p);
	if (!answered || flow_has(f, FLOW_CALLS))
		return false;
	return at_body || (offset > 0 && offset > (int32_t)fl_stream_waiting(stream, s->streams));
}

/* The stream begins behind what may stand before a hello; *@bytes are what there is of it. Return: MORE, MALFORMED: there is none (left). */
static enum fl_parse pass_preambles(struct fl_scanner *s, struct fl_flow *f, struct fl_slice *bytes)
{
	size_t size;
	enum fl_parse result;
	while ((result = preamble_parse(bytes->data, bytes->size, &size)) == FL_PARSE_OK) {
		flow_set_application(f, fl_application_tcp(FL_INITIATOR, bytes->data, bytes->size));
		*bytes = fl_stream_skip(&f->stream[FL_INITIATOR], s->streams, size);
	}
	return result;
}

/* Return: as dissect_initiator(). */
static bool identify(struct fl_scanner *s, struct fl_flow *f, struct fl_slice *bytes, struct request_run *run)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	if (f->user_bits) {
		dissect_requests(s, f, bytes, run);
		return false;
	}
	enum fl_parse preamble = pass_preambles(s, f, bytes);
	if (!bytes->size)
		return false;
	enum fl_parse tls = fl_tls_probe(bytes->data, bytes->size);
	if (tls == FL_PARSE_OK) {
		dissect_hello(s, f, bytes);
		return false;
	}
	enum fl_parse http2 = fl_http2_probe(bytes->data, bytes->size);
	if (http2 == FL_PARSE_OK) {
		dissect_http2(s, f, bytes, run->time_ns);
		return false;
	}
	enum fl_parse http = fl_http_probe(bytes->data, bytes->size);
	if (http == FL_PARSE_OK) {
		dissect_requests(s, f, bytes, run);
		return false;
	}
	enum fl_parse socks = fl_socks_request(bytes->data, bytes->size, &s->socks);
	if (socks == FL_PARSE_OK) {
		flow_set_application(f, FL_APP_SOCKS);
		dissect_note_target(s, f, s->socks.host, s->socks.port);
		fl_stream_close(stream, s->streams);
		return false;
	}
	bool more = preamble == FL_PARSE_MORE || socks == FL_PARSE_MORE || tls == FL_PARSE_MORE || http == FL_PARSE_MORE || http2 == FL_PARSE_MORE;
	bool begun = http == FL_PARSE_MORE && flow_has(f, FLOW_HTTP);
	if (begun || (more && f->user[FLOW_SEGMENTS] < HELLO_SEGMENTS)) {
		fl_stream_consume(stream, s->streams, 0);
		return tls == FL_PARSE_MORE || http2 == FL_PARSE_MORE;
	}
	flow_set_application(f, fl_application_tcp(FL_INITIATOR, bytes->data, bytes->size));
	if (flow_application(f) == FL_APP_HTTP2)
		flow_set(f, FLOW_MULTIPLEXED);
	fl_stream_close(stream, s->streams);
	return false;
}

/* A turn of the client's begins and its head is not known, or not yet: of a connection with several names nobody knows whose it is. */
static void forget_host(const struct fl_scanner *s, struct fl_flow *f)
{
	uint32_t first = f->user[FLOW_NAMES];
	bool several = first && s->flow_names[first - 1].next;
	if (several && flow_has(f, FLOW_HTTP) && !flow_has(f, FLOW_TLS | FLOW_TUNNEL | FLOW_CALLS))
		f->user[FLOW_REQUEST_NAME] = 0;
}

/* What was read of a hello so far is in bytes of which another copy says otherwise. */
static void forget_hello(struct fl_scanner *s, struct fl_flow *f)
{
	if (!flow_has(f, FLOW_TLS) || flow_has(f, FLOW_TLS_HELLO))
		return;
	scanner_drop_names(s, f, FL_NAME_TLS_SNI);
	flow_set(f, FLOW_TLS_HELLO);
}

void scanner_compare_copy(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	struct fl_slice bytes;
	struct fl_stream *stream = &f->stream[side];
	enum fl_parse state = fl_stream_add(stream, s->streams, dissect_seq(p), p->payload.data, p->payload.size, 0, &bytes);
	if (bytes.size) /* for the next segment to be read with */
		fl_stream_consume(stream, s->streams, 0);
	if (state == FL_PARSE_MALFORMED && side == FL_INITIATOR)
		forget_hello(s, f);
}

static bool read_initiator(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	if (!flow_has(f, FLOW_CALLS))
		f->user[FLOW_SEGMENTS]++;
	bool at_body = f->user_bits == FLOW_AT_BODY;
	if (at_body)
		f->user_bits = 0;
	if (stream->closed || leaves_request(s, f, p, at_body))
		reopen_stream(s, f, p);
	if (stream->closed) {
		/* A connection older than the capture may begin in the middle of a request. */
		if (flow_application(f) == FL_APP_UNKNOWN && f->user[FLOW_SEGMENTS] <= IDENTIFY_SEGMENTS)
			flow_set_application(f, fl_application_tcp(FL_INITIATOR, p->payload.data, p->payload.size));
		return false;
	}
	struct fl_slice bytes;
	bool begun = stream->store;
	enum fl_parse state = fl_stream_add(stream, s->streams, dissect_seq(p), p->payload.data, p->payload.size,
					    p->payload_len - p->payload.size, &bytes);
	if (state == FL_PARSE_TRUNCATED)
		s->counters.cut_payload++;
	if (state == FL_PARSE_MALFORMED)
		forget_hello(s, f);
	/* Of a SYN only a hello is read, which counts when the client shows that it is there (scanner_believes()). */
	if (p->tcp_flags & FL_TCP_SYN && fl_tls_probe(p->payload.data, p->payload.size) == FL_PARSE_MALFORMED) {
		fl_stream_close(stream, s->streams);
		return false;
	}
	if (state == FL_PARSE_MORE)
		mark_beginning(s, f, p);
	if (!bytes.size)
		return false;
	struct request_run run = { .time_ns = p->time_ns, .size = p->payload_len, .begun = begun, .unseen = fl_flow_acks_unseen(f, p) };
	return identify(s, f, &bytes, &run);
}

/* Does it end in front of @next, where the next head is? */
static bool is_in_body(const struct fl_flow *f, const struct fl_packet *p, uint32_t next)
{
	return flow_has(f, FLOW_BODY) && !f->stream[FL_INITIATOR].closed && (int32_t)(dissect_seq(p) + p->payload_len - next) <= 0;
}

bool dissect_initiator(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	uint32_t next = f->stream[FL_INITIATOR].next_seq;
	bool turn = f->last_payload_side != FL_INITIATOR, in_body = turn && is_in_body(f, p, next);
	if (turn)
		f->user_flag = false;
	bool waits = read_initiator(s, f, p);
	if (in_body && !f->user_flag && f->stream[FL_INITIATOR].next_seq == next) /* it was answered early */
		return true;
	if (turn && !f->user_flag)
		forget_host(s, f);
	return waits;
}

/* Requests behind a hole: @p says that the responder has what is missing. Return: there is no such hole any more. */
static bool resume_requests(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	struct fl_slice bytes;
	bool followed = flow_has(f, FLOW_CALLS), first = !flow_has(f, FLOW_HTTP);
	if (!fl_stream_resume(stream, s->streams, p->tcp_ack, &bytes))
		return true;
	s->counters.holes++;
	f->broken = true;
	f->user_bits = 0;
	if (flow_has(f, FLOW_TLS)) /* given up */
		flow_set(f, FLOW_TLS_HELLO);
	struct request_run run = { .time_ns = p->time_ns, .size = (uint32_t)bytes.size, .begun = first, .late = true };
	if (bytes.size)
		(void)identify(s, f, &bytes, &run);
	if ((!followed && flow_has(f, FLOW_CALLS)) || flow_has(f, FLOW_UPGRADE)) /* answers are read from this very packet on */
		dissect_restart(s, &f->stream[FL_RESPONDER], dissect_seq(p));
	return false;
}

/* The other side has what it acknowledges: a hole in that is the capture's. */
static void heed_acknowledgement(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	struct fl_slice none;
	if (!(p->tcp_flags & FL_TCP_ACK) || p->tcp_flags & (FL_TCP_RST | FL_TCP_SYN))
		return;
	bool requests = side == FL_INITIATOR && (!flow_has(f, FLOW_CALLS) || calls_are_pipelined(s, f));
	if (requests) {
		while (!resume_requests(s, f, p))
			continue;
	} else if (fl_stream_resume(&f->stream[side], s->streams, p->tcp_ack, &none)) {
		s->counters.holes++;
		dissect_lost(s, f, side);
	}
}

/* ---- TCP and UDP ---- */

/* A ClientHello and a request come from who opened the connection, a ServerHello and an answer from the other. */
bool scanner_speaks_for_other(enum fl_side side, const struct fl_slice *d)
{
	bool record = d->size > 5 && fl_tls_probe(d->data, d->size) == FL_PARSE_OK;
	if (side == FL_INITIATOR)
		return (record && d->data[5] == 2) || fl_http_status(d->data, d->size);
	return (record && d->data[5] == 1) || (fl_http_probe(d->data, d->size) == FL_PARSE_OK && memchr(d->data, '\n', d->size));
}

static bool dissect_tcp(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (f->port[FL_RESPONDER] == DISSECT_DNS_PORT)
		return dissect_dns_stream(s, f, side, p);
	if (f->stream[!side].store)
		heed_acknowledgement(s, f, side == FL_INITIATOR ? FL_RESPONDER : FL_INITIATOR, p);
	if (flow_has(f, FLOW_CALLS)) {
		if (calls_are_pipelined(s, f))
			dissect_pipeline(s, f, side, p);
		else
			dissect_calls(s, f, side, p);
		return false;
	}
	if (flow_lost_calls(f))
		return false;
	bool before_hello = !flow_has(f, FLOW_TLS_HELLO);
	if (side == FL_INITIATOR) {
		if (dissect_initiator(s, f, p))
			return false;
	} else if (flow_has(f, FLOW_UPGRADE)) {
		if (dissect_upgrade(s, f, p))
			return !flow_has(f, FLOW_CALLS);
	} else if (flow_application(f) == FL_APP_UNKNOWN && !flow_has(f, FLOW_ANSWERED)) {
		flow_set_application(f, fl_application_tcp(side, p->payload.data, p->payload.size));
	}
	if (!flow_has(f, FLOW_TLS)) {
		bool counts = !flow_has(f, FLOW_CALLS) && !flow_lost_calls(f);
		return counts && (!flow_has(f, FLOW_MULTIPLEXED) || fl_http2_has_headers(p->payload.data, p->payload.size));
	}
	return !(before_hello && side == FL_INITIATOR) && dissect_tls_has_data(f, side, &p->payload);
}

bool scanner_dissect(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (f->transport == FL_TRANSPORT_TCP)
		return dissect_tcp(s, f, side, p);
	return dissect_udp(s, f, side, p);
}
