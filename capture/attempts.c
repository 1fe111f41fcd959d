/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attempts.c - from what happens to a flow to the log of attempts
 *
 * An attempt is opened with its exchange and waits until something tells how it ended: the first byte of an answer, the
 * caller's FIN or RST (it gave up), the far end's (it went away). While it waits the flow holds its handle where
 * later the span of the answer stands (FLOW_SPAN).
 *
 * Whose goodbye it was. A caller that closes within a moment of its last words never waited: the last words were its
 * goodbye, or it only closed its half. After that moment its FIN means that it gave up. The server's process often
 * answers afterwards, to nobody; that answer changes nothing.
 *
 * Connections that carried no exchange are added when they end, when it is known how. A caller that gives up a
 * connection attempt sends nothing at all, so when it did is found out from what it did next (behaviour_calls.c);
 * here only its last SYN is noted.
 */
#include "scanner_internal.h"

#include "faultline/request.h"

/* A close this soon after the last words is a goodbye. */
static const int64_t goodbye_ns = INT64_C(3) * 1000000;
/* A rejection follows the answer within this. */
static const int64_t rejected_ns = INT64_C(50) * 1000000;
static const int64_t undecided_ns = INT64_C(3) * 1000000000;
/* A resolver's question that comes again on the same socket after this is another try; sooner it is the other address family. */
static const int64_t asked_again_ns = INT64_C(300) * 1000000;

static uint32_t offset_us(int64_t from_ns, int64_t to_ns)
{
	int64_t us = (to_ns - from_ns) / 1000;
	return us < 0 ? 0 : us > FL_WAIT_MAX_US ? FL_WAIT_MAX_US : (uint32_t)us;
}

static bool is_udp(const struct fl_flow *f)
{
	return f->transport != FL_TRANSPORT_TCP;
}

/* Protocols of which an unanswered datagram means something. */
static bool is_asking(const struct fl_flow *f, enum fl_application a)
{
	return f->transport == FL_TRANSPORT_TCP || a == FL_APP_DNS || a == FL_APP_NTP || a == FL_APP_RADIUS;
}

static struct fl_attempt *waiting(struct fl_scanner *s, const struct fl_flow *f)
{
	bool due = flow_has(f, FLOW_ANSWER_DUE) && f->user[FLOW_SPAN];
	return due ? fl_exchange_log_waiting(s->attempts, f->user[FLOW_SPAN]) : NULL;
}

void scanner_attempt_begin(struct fl_scanner *s, struct fl_flow *f, const struct fl_conversation *v, const struct fl_packet *p)
{
	enum fl_application app = flow_application(f);
	f->user[FLOW_SPAN] = 0;
	if (s->options.no_behaviour)
		return;
	if (!is_asking(f, app) || flow_has(f, FLOW_GROUP))
		return;
	if (fl_request_kind(app, p->payload.data, p->payload.size) != FL_REQUEST_WORK)
		return;
	uint32_t print = flow_has(f, FLOW_TLS) ? 0 : fl_request_fingerprint(app, is_udp(f), p->payload.data, p->payload.size);
	uint32_t tls = flow_has(f, FLOW_TLS) ? fl_request_tls_size(p->payload.data, p->payload.size) : 0;
	struct fl_attempt a = {
		.start_ns = p->time_ns, .wait_us = FL_NO_TIME, .last_us = 0, .conversation = v->serial, .fingerprint = print,
		.request_size = tls ? tls : p->payload_len, .client_port = f->port[FL_INITIATOR],
		.outcome = FL_OUTCOME_UNDECIDED,
	};
	unsigned flags = print ? FL_ATTEMPT_READABLE : 0;
	flags |= flow_has(f, FLOW_HEALTH) ? FL_ATTEMPT_HEALTH : 0;
	flags |= flow_has(f, FLOW_MULTIPLEXED) ? FL_ATTEMPT_MULTIPLEXED : 0;
	flags |= f->exchanges <= 1 ? FL_ATTEMPT_FIRST : 0;
	a.flags = (uint8_t)flags;
	f->user[FLOW_SPAN] = fl_exchange_log_open(s->attempts, &a);
}

void scanner_attempt_more(struct fl_scanner *s, const struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_attempt *a = waiting(s, f);
	if (a)
		a->last_us = offset_us(a->start_ns, p->time_ns);
}

/* The same question again: the last one is given up. Another question beside it is not told apart. */
void scanner_attempt_again(struct fl_scanner *s, struct fl_flow *f, const struct fl_conversation *v, const struct fl_packet *p)
{
	struct fl_attempt *a = waiting(s, f);
	if (!a || p->time_ns - a->start_ns < asked_again_ns)
		return;
	a->outcome = FL_OUTCOME_RESPONSE_TIMEOUT;
	a->wait_us = offset_us(a->start_ns, p->time_ns);
	fl_exchange_log_close(s->attempts, f->user[FLOW_SPAN]);
	scanner_attempt_begin(s, f, v, p);
}

/* The caller's kernel rejects an answer: nobody waits for it any more. Its FIN was held back behind a request that was not
 * acknowledged, so when it gave up is not known. */
static void reject_answer(struct fl_scanner *s, const struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_conversation_place place = { f->user[FLOW_CONVERSATION], f->user_half };
	const struct fl_conversation *v = fl_conversation_there(s->conversations, place);
	struct fl_attempt *a = v ? fl_exchange_log_recent(s->attempts, v->serial, f->port[FL_INITIATOR]) : NULL;
	if (!a || !a->repeated || fl_outcome_is_failure(a->outcome) || a->wait_us == FL_NO_TIME)
		return;
	if (p->time_ns - (a->start_ns + (int64_t)a->wait_us * 1000) > rejected_ns)
		return;
	a->outcome = FL_OUTCOME_RESPONSE_TIMEOUT;
	a->wait_us = FL_NO_TIME;
}

void scanner_attempt_repeated(struct fl_scanner *s, const struct fl_flow *f)
{
	struct fl_attempt *a = waiting(s, f);
	if (a)
		a->repeated = true;
}

void scanner_attempt_unseen(struct fl_scanner *s, const struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_attempt *a = waiting(s, f);
	if (a && a->outcome == FL_OUTCOME_UNDECIDED && a->wait_us == FL_NO_TIME)
		a->wait_us = offset_us(a->start_ns, p->time_ns);
}

void scanner_attempt_goodbye(struct fl_scanner *s, const struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	struct fl_attempt *a = waiting(s, f);
	if (!a && side == FL_INITIATOR && p->tcp_flags & FL_TCP_RST)
		reject_answer(s, f, p);
	if (!a || a->outcome != FL_OUTCOME_UNDECIDED || a->wait_us != FL_NO_TIME || flow_has(f, FLOW_MULTIPLEXED) ||
		flow_has(f, FLOW_MAYBE_ANSWERED) || flow_has(f, FLOW_ANSWER_UNSEEN))
		return;
	int64_t last_ns = a->start_ns + (int64_t)a->last_us * 1000;
	a->wait_us = offset_us(a->start_ns, p->time_ns);
	if (side == FL_INITIATOR && p->time_ns - last_ns < goodbye_ns)
		return;
	a->outcome = side == FL_INITIATOR ? FL_OUTCOME_RESPONSE_TIMEOUT : FL_OUTCOME_RESET;
}

void scanner_attempt_so_far(struct fl_scanner *s, const struct fl_flow *f)
{
	struct fl_attempt *a = waiting(s, f);
	struct fl_conversation_place place = { f->user[FLOW_CONVERSATION], f->user_half };
	const struct fl_conversation *v = a ? fl_conversation_there(s->conversations, place) : NULL;
	if (v)
		a->conversation = v->serial;
}

/* It has ended; @v may be another conversation than when it began. */
static void settle(struct fl_scanner *s, struct fl_flow *f, struct fl_attempt *a, const struct fl_conversation *v)
{
	a->conversation = v->serial;
	a->last_us = a->flags & FL_ATTEMPT_FIRST && !f->midstream ? offset_us(f->first_ns, a->start_ns) : 0;
	fl_exchange_log_close(s->attempts, f->user[FLOW_SPAN]);
	f->user[FLOW_SPAN] = 0;
}

void scanner_attempt_answer(struct fl_scanner *s, struct fl_flow *f, const struct fl_conversation *v, const struct fl_packet *p,
			    bool failed)
{
	struct fl_attempt *a = waiting(s, f);
	if (!a)
		return;
	if (a->outcome == FL_OUTCOME_UNDECIDED) {
		a->outcome = failed ? FL_OUTCOME_ERROR : FL_OUTCOME_ANSWERED;
		a->wait_us = offset_us(a->start_ns, p->time_ns);
	}
	settle(s, f, a, v);
}

/* No answer came, and no goodbye either that says why. */
static void decide(const struct fl_flow *f, struct fl_attempt *a, enum fl_flow_end how, bool failed)
{
	if (a->outcome != FL_OUTCOME_UNDECIDED || flow_has(f, FLOW_ANSWER_UNSEEN))
		return;
	if (f->unreachable)
		a->outcome = FL_OUTCOME_REFUSED;
	else if (is_udp(f) && failed && how != FL_END_EVICTED)
		a->outcome = FL_OUTCOME_RESPONSE_TIMEOUT;
	else if (flow_has(f, FLOW_MAYBE_ANSWERED))
		a->outcome = FL_OUTCOME_ANSWERED;
	else if (how != FL_END_CAPTURE && a->wait_us == FL_NO_TIME)
		a->wait_us = offset_us(a->start_ns, f->last_ns);
}

void scanner_attempt_end(struct fl_scanner *s, struct fl_flow *f, const struct fl_conversation *v, enum fl_flow_end how, bool failed)
{
	struct fl_attempt *a = waiting(s, f);
	if (!a)
		return;
	decide(f, a, how, failed);
	settle(s, f, a, v);
}

/* ---- several at once ---- */

uint32_t scanner_attempt_call(struct fl_scanner *s, const struct fl_flow *f, const struct fl_conversation *v, int64_t start_ns,
			      uint32_t size, uint32_t fingerprint, bool health)
{
	bool led = f->exchanges <= 1 && !f->midstream;
	struct fl_attempt a = {
		.start_ns = start_ns, .wait_us = FL_NO_TIME, .last_us = led ? offset_us(f->first_ns, start_ns) : 0,
		.conversation = v->serial, .fingerprint = fingerprint, .request_size = size,
		.client_port = f->port[FL_INITIATOR], .outcome = FL_OUTCOME_UNDECIDED,
	};
	unsigned flags = fingerprint ? FL_ATTEMPT_READABLE : 0;
	flags |= health ? FL_ATTEMPT_HEALTH : 0;
	flags |= f->exchanges <= 1 ? FL_ATTEMPT_FIRST : 0;
	a.flags = (uint8_t)flags;
	return s->options.no_behaviour ? 0 : fl_exchange_log_open(s->attempts, &a);
}

void scanner_attempt_call_end(struct fl_scanner *s, uint32_t handle, const struct fl_conversation *v, enum fl_outcome outcome,
			      uint32_t wait_us)
{
	if (!handle)
		return;
	struct fl_attempt *a = fl_exchange_log_waiting(s->attempts, handle);
	a->conversation = v->serial;
	a->outcome = outcome & 0xf;
	a->wait_us = wait_us;
	fl_exchange_log_close(s->attempts, handle);
}

/* ---- connections without an exchange ---- */

static enum fl_outcome outcome_of_attempt(const struct fl_scanner *s, const struct fl_flow *f)
{
	enum fl_conn_state state = fl_flow_state(f);
	if (state == FL_CONN_REJ || f->unreachable || (f->rst_after_syn && state != FL_CONN_RSTOS0))
		return FL_OUTCOME_REFUSED;
	bool given_up = state == FL_CONN_RSTOS0 || s->last_ns - f->first_ns > undecided_ns;
	return given_up ? FL_OUTCOME_CONNECT_TIMEOUT : FL_OUTCOME_UNDECIDED;
}

/* Connected, spoke, and never got to an exchange: the handshake of TLS failed, or nobody was at home. */
static enum fl_outcome outcome_of_greeting(const struct fl_flow *f)
{
	if (f->bytes[FL_INITIATOR] == 0 || f->bytes[FL_RESPONDER] > 0)
		return FL_OUTCOME_UNDECIDED;
	switch (fl_flow_state(f)) {
	case FL_CONN_RSTR: case FL_CONN_S3:
		return FL_OUTCOME_RESET;
	case FL_CONN_RSTO: case FL_CONN_S2: case FL_CONN_SF:
		return f->last_ns - f->first_ns > goodbye_ns ? FL_OUTCOME_RESPONSE_TIMEOUT : FL_OUTCOME_UNDECIDED;
	default:
		return FL_OUTCOME_UNDECIDED;
	}
}

void scanner_attempt_connection(struct fl_scanner *s, const struct fl_flow *f, const struct fl_conversation *v, bool established)
{
	if (f->transport != FL_TRANSPORT_TCP || f->midstream || f->exchanges)
		return;
	enum fl_outcome outcome = established ? outcome_of_greeting(f) : outcome_of_attempt(s, f);
	if (established && outcome == FL_OUTCOME_UNDECIDED)
		return;
	bool timed = outcome != FL_OUTCOME_CONNECT_TIMEOUT || fl_flow_state(f) == FL_CONN_RSTOS0;
	struct fl_attempt a = {
		.start_ns = f->first_ns, .wait_us = FL_NO_TIME, .last_us = offset_us(f->first_ns, f->last_ns),
		.conversation = v->serial, .client_port = f->port[FL_INITIATOR],
		.flags = FL_ATTEMPT_CONNECT | FL_ATTEMPT_FIRST,
	};
	a.outcome = outcome & 0xf;
	if (timed && outcome != FL_OUTCOME_UNDECIDED)
		a.wait_us = a.last_us;
	fl_exchange_log_add(s->attempts, &a);
}
