/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scanner_exchanges.c - payload of a flow to exchanges: what opens one, what answers it, what came to nothing
 *
 * Where nothing tells requests apart, a change of direction does: payload of the initiator behind payload of the responder opens an
 * exchange, the responder's next payload answers it. Datagrams of DNS are exchanges each, and calls that are read one by one
 * (calls.h) do not come here. An exchange is counted at its conversation when it opens; how it went when that is known.
 */
#include "scanner_internal.h"

#include "calls.h"
#include "faultline/request.h"

/* An exchange without answer at the end of the capture is undecided when it is younger. */
static const int64_t undecided_exchange_ns = INT64_C(10) * 1000000000;

void scanner_note_start(struct fl_scanner *s, struct fl_conversation *v, struct fl_flow *f, int64_t now_ns)
{
	flow_set(f, FLOW_STARTED);
	if (account_start_is_old(s, f))
		return;
	fl_inflight_nest(s->inflight, &f->addr[FL_INITIATOR], v->nested);
	fl_conversation_start(s->conversations, v, now_ns);
}

/* Only with evidence: the far end reset, or a client that asked went away or waited in vain. What is
 * under way when the capture ends, or in a flow that is given up for room, is undecided; and a sender of logs or metrics never
 * waited for anything. */
bool scanner_went_unanswered(const struct fl_scanner *s, const struct fl_flow *f, int64_t start_ns, enum fl_flow_end how)
{
	if (flow_has(f, FLOW_MAYBE_ANSWERED) || flow_has(f, FLOW_ANSWER_UNSEEN))
		return false;
	if (how == FL_END_EVICTED || (how == FL_END_CAPTURE && s->last_ns - start_ns < undecided_exchange_ns))
		return false;
	if (f->transport != FL_TRANSPORT_TCP)
		return flow_application(f) == FL_APP_DNS || flow_application(f) == FL_APP_NTP;
	if (f->flags_seen[FL_RESPONDER] & FL_TCP_RST || flow_has(f, FLOW_ANSWERED))
		return true;
	return flow_application(f) != FL_APP_UNKNOWN && flow_application(f) != FL_APP_SYSLOG &&
	       flow_application(f) != FL_APP_STATSD && flow_application(f) != FL_APP_GRAPHITE && flow_application(f) != FL_APP_INFLUXDB;
}

void scanner_close_exchange(struct fl_scanner *s, struct fl_flow *f, int64_t now_ns, enum fl_flow_end how)
{
	if (!f->exchange_start_ns)
		return;
	struct fl_conversation *v = scanner_request_conversation(s, f, f->last_ns);
	bool unanswered = flow_has(f, FLOW_ANSWER_DUE) && scanner_went_unanswered(s, f, f->exchange_start_ns, how);
	if (flow_has(f, FLOW_ANSWER_DUE))
		scanner_attempt_end(s, f, v, how, unanswered);
	if (flow_has(f, FLOW_ANSWER_DUE) && flow_has(f, FLOW_ANSWER_UNSEEN)) {
		s->counters.answers_unseen++;
	} else if (flow_has(f, FLOW_ANSWER_DUE) && flow_has(f, FLOW_MAYBE_ANSWERED)) {
		v->answered++;
	} else if (flow_has(f, FLOW_ANSWER_DUE)) {
		v->failures += unanswered;
	} else {
		struct fl_measures *d = fl_conversation_detail(s->conversations, &v->detail);
		if (d)
			fl_histogram_add(&d->duration, (int64_t)f->user[FLOW_SPAN] * 1000);
	}
	if (flow_has(f, FLOW_COUNTED_OPEN))
		fl_inflight_close(s->inflight, flow_listener(f), now_ns);
	flow_clear(f, FLOW_COUNTED_OPEN);
	flow_clear(f, FLOW_ANSWER_DUE);
	flow_clear(f, FLOW_MAYBE_ANSWERED);
	flow_clear(f, FLOW_ANSWER_UNSEEN);
	f->exchange_start_ns = 0;
}

/* The open exchange is a request of @size bytes to @v. */
static void count_request(struct fl_scanner *s, struct fl_flow *f, struct fl_conversation *v, uint32_t size)
{
	v->exchanges++;
	v->health += flow_has(f, FLOW_HEALTH);
	v->request_min = size < v->request_min ? size : v->request_min;
	v->request_max = size > v->request_max ? size : v->request_max;
	scanner_note_start(s, v, f, f->exchange_start_ns);
}

/* The proxy is used just as often. Last: making room for its conversation may end another. */
static void count_proxied(struct fl_scanner *s, struct fl_flow *f)
{
	struct fl_conversation *v = scanner_proxy_conversation(s, f, f->exchange_start_ns);
	v->exchanges++;
	scanner_note_start(s, v, f, f->exchange_start_ns);
}

static void open_exchange(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	scanner_close_exchange(s, f, p->time_ns, FL_END_CLOSED);
	if (!f->exchanges)
		scanner_own_flow(s, f);
	struct fl_conversation *v = scanner_request_conversation(s, f, p->time_ns);
	f->exchanges++;
	f->exchange_start_ns = p->time_ns;
	fl_flow_acks_seen(f, p);
	scanner_attempt_begin(s, f, v, p);
	flow_set(f, FLOW_ANSWER_DUE);
	count_request(s, f, v, p->payload_len);
	if (flow_has(f, FLOW_TUNNEL))
		count_proxied(s, f);
	if (!flow_listener(f))
		flow_set_listener(f, fl_inflight_listener(s->inflight, &f->addr[FL_RESPONDER],
							  f->port[FL_RESPONDER], f->transport));
	if (flow_listener(f) && !flow_has(f, FLOW_HEALTH)) {
		fl_inflight_open(s->inflight, flow_listener(f), p->time_ns);
		flow_set(f, FLOW_COUNTED_OPEN);
	}
}

static void take_back_request(struct fl_conversation *v, bool health)
{
	v->exchanges -= v->exchanges > 0;
	v->starts -= v->starts > 0;
	v->health -= health && v->health > 0;
}

void scanner_rename_exchange(struct fl_scanner *s, struct fl_flow *f, const struct counted_exchange *counted, uint32_t size)
{
	f->user[FLOW_CONVERSATION] = 0; /* the name is news */
	struct fl_conversation *v = scanner_request_conversation(s, f, f->last_ns);
	struct fl_conversation *before = fl_conversation_there(s->conversations, counted->place);
	if (!before || before == v)
		return;
	take_back_request(before, counted->health);
	count_request(s, f, v, size);
	if (flow_has(f, FLOW_TUNNEL) && !counted->tunnel)
		count_proxied(s, f);
}

/* The proxy says that it has no connection to the target (RFC 9110 section 9.3.6, RFC 1928 section 6). */
static bool tunnel_refused(const struct fl_flow *f, const struct fl_packet *p)
{
	const struct fl_slice *d = &p->payload;
	unsigned status = flow_has(f, FLOW_HTTP) ? fl_http_status(d->data, d->size) : 0;
	if (flow_has(f, FLOW_PROXIED)) /* other errors are the target's own */
		return status == 502 || status == 504;
	if (flow_has(f, FLOW_HTTP))
		return status >= 300;
	return flow_application(f) == FL_APP_SOCKS && d->size >= 8 && ((d->data[0] == 5 && d->data[1] && !d->data[2]) ||
									(d->data[0] == 0 && d->data[1] > 90 && d->data[1] < 94));
}

static bool is_failure(const struct fl_scanner *s, const struct fl_flow *f, const struct fl_packet *p)
{
	/* SERVFAIL or REFUSED: the resolver failed, the name need not */
	if (f->port[FL_RESPONDER] == 53)
		return s->resolver_failed;
	bool udp = f->transport != FL_TRANSPORT_TCP;
	return !flow_has(f, FLOW_TLS) && fl_answer_failed(flow_application(f), udp, p->payload.data, p->payload.size);
}

static void note_span(struct fl_flow *f, int64_t now_ns)
{
	int64_t span_us = (now_ns - f->exchange_start_ns) / 1000;
	f->user[FLOW_SPAN] = span_us < 0 ? 0 : span_us > UINT32_MAX ? UINT32_MAX : (uint32_t)span_us;
}

/* There is no tunnel: what comes next is between client and proxy. */
static void leave_tunnel(struct fl_flow *f)
{
	flow_clear(f, FLOW_TUNNEL);
	flow_clear(f, FLOW_PROXIED);
	f->user[FLOW_REQUEST_NAME] = f->user[FLOW_CONVERSATION] = 0;
}

/* The answer of a proxy. Return: it is the target's, too, or says that the target was reached. Who is asked for a password first has not got
 * so far as to ask the target, which has not failed. */
static bool proxy_passes(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	enum { PASSWORD_WANTED = 407 };
	bool proxied = flow_has(f, FLOW_PROXIED), refused = tunnel_refused(f, p);
	bool wanted = flow_has(f, FLOW_HTTP) && fl_http_status(p->payload.data, p->payload.size) == PASSWORD_WANTED;
	struct fl_conversation *proxy = scanner_proxy_conversation(s, f, p->time_ns);
	proxy->answered++;
	fl_conversation_success(s->conversations, proxy, p->time_ns);
	if (proxied && !wanted) {
		flow_clear(f, FLOW_TUNNEL_FAILED);
		if (refused)
			flow_set(f, FLOW_TUNNEL_FAILED);
		return true;
	}
	if (!proxied && (flow_has(f, FLOW_TUNNEL_OPEN) || !refused)) {
		flow_set(f, FLOW_TUNNEL_OPEN);
		return true;
	}
	struct fl_conversation *target = scanner_request_conversation(s, f, p->time_ns);
	if (wanted) {
		scanner_attempt_end(s, f, target, FL_END_EVICTED, false);
	} else {
		target->failures++;
		account_refused(s, f, target);
		scanner_attempt_answer(s, f, target, p, true);
	}
	leave_tunnel(f);
	return false;
}

static void count_answer(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_conversation *v = scanner_request_conversation(s, f, p->time_ns);
	v->answered++;
	struct fl_measures *d = fl_conversation_detail(s->conversations, &v->detail);
	if (d)
		fl_histogram_add(&d->first_byte, p->time_ns - f->exchange_start_ns);
	/* An error answer is a failure of the work, but no reason to turn to another address. */
	bool failed = is_failure(s, f, p);
	if (failed)
		v->failures++;
	else
		fl_conversation_success(s->conversations, v, p->time_ns);
	scanner_attempt_answer(s, f, v, p, failed);
}

static void answer_exchange(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	/* After the client's Finished a server sends session tickets, which look like an answer and are none: several records of
	 * one length. A single one may be either: it decides nothing, those behind it do. */
	unsigned tickets = flow_has(f, FLOW_TICKET_DUE) ? fl_answer_tickets(p->payload.data, p->payload.size) : 0;
	bool ticket = tickets > 0;
	flow_clear(f, FLOW_TICKET_DUE);
	if (!f->exchange_start_ns)
		return;
	if (tickets == 1)
		flow_set(f, FLOW_MAYBE_ANSWERED);
	if (!flow_has(f, FLOW_ANSWER_DUE))
		note_span(f, p->time_ns);
	if (!flow_has(f, FLOW_ANSWER_DUE) || ticket)
		return;
	if (!flow_has(f, FLOW_TUNNEL) || proxy_passes(s, f, p))
		count_answer(s, f, p);
	flow_clear(f, FLOW_ANSWER_DUE);
	flow_clear(f, FLOW_MAYBE_ANSWERED);
	flow_clear(f, FLOW_ANSWER_UNSEEN);
	note_span(f, p->time_ns);
	if (flow_has(f, FLOW_COUNTED_OPEN))
		fl_inflight_close(s->inflight, flow_listener(f), p->time_ns);
	flow_clear(f, FLOW_COUNTED_OPEN);
}

/* Resolvers ask for A and AAAA from one socket before either is answered: every query is an exchange of its own. What was not
 * answered is known when the flow ends. */
static void see_dns_datagram(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	bool due = flow_has(f, FLOW_ANSWER_DUE);
	if (side == FL_INITIATOR && !due) {
		open_exchange(s, f, p);
		return;
	}
	if (side == FL_RESPONDER && (due || !f->exchange_start_ns)) {
		answer_exchange(s, f, p);
		return;
	}
	struct fl_conversation *v = scanner_request_conversation(s, f, p->time_ns);
	if (side == FL_INITIATOR) {
		f->exchanges++;
		v->exchanges++;
		scanner_attempt_again(s, f, v, p);
		scanner_note_start(s, v, f, p->time_ns);
	} else {
		v->answered++;
		v->failures += is_failure(s, f, p);
	}
}

/* Queries beyond the one that is still open, which scanner_close_exchange() counts. */
void scanner_count_unanswered_queries(struct fl_scanner *s, struct fl_flow *f)
{
	uint32_t answered = f->packets[FL_RESPONDER] + flow_has(f, FLOW_ANSWER_DUE);
	if (flow_application(f) == FL_APP_DNS && f->transport == FL_TRANSPORT_UDP && f->packets[FL_INITIATOR] > answered)
		scanner_request_conversation(s, f, f->last_ns)->failures += f->packets[FL_INITIATOR] - answered;
}

/* Of an answer in HTTP/1, where a packet begins with one; 0 in any other. */
static unsigned status_of(const struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	bool of_proxy = flow_has(f, FLOW_TUNNEL) && !flow_has(f, FLOW_PROXIED) && !flow_has(f, FLOW_TUNNEL_OPEN);
	if (side != FL_RESPONDER || !flow_has(f, FLOW_HTTP) || of_proxy)
		return 0;
	return fl_http_status(p->payload.data, p->payload.size);
}

/* 100 Continue and its like: neither the answer nor a change of sides (RFC 9110 section 15.2). */
static bool is_interim(unsigned status)
{
	return status >= 100 && status < 200 && status != FL_HTTP_SWITCHING;
}

/* 101 to an offer that was not captured (those that were: dissect_upgrade()). What follows may be WebSocket (RFC 6455): who speaks when is
 * theirs, and turns are no requests. HTTP/2 has calls to read. */
static void leave_http(struct fl_flow *f)
{
	if (!flow_has(f, FLOW_CALLS | FLOW_MULTIPLEXED | FLOW_UPGRADE))
		f->user[FLOW_CALLS_PLACE] = CALLS_LOST;
}

/* Names, HTTP and tunnels tell which conversation a request belongs to. */
static bool dissect(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	const uint32_t telling = FLOW_HTTP | FLOW_TUNNEL;
	uint32_t name = f->user[FLOW_REQUEST_NAME], state = f->user[FLOW_STATE];
	bool counts = scanner_dissect(s, f, side, p);
	if (f->user[FLOW_REQUEST_NAME] != name || ((f->user[FLOW_STATE] ^ state) & telling))
		f->user[FLOW_CONVERSATION] = 0;
	return counts;
}

/* Of a stream that is still read. */
static bool fills_hole(const struct fl_stream *stream, const struct fl_packet *p)
{
	uint32_t end = p->tcp_seq + p->payload_len;
	return stream->started && !stream->closed && (int32_t)(end - stream->next_seq) > 0;
}

/* The ports of a connection that was met in its middle may mislead; the first words that tell decide. What they made exchanges
 * of were none. */
bool scanner_turn_around(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (f->synack_ns || f->user[FLOW_NAMES] || flow_has(f, FLOW_TLS | FLOW_HTTP | FLOW_CALLS) ||
	    !scanner_speaks_for_other(side, &p->payload))
		return false;
	scanner_close_exchange(s, f, p->time_ns, FL_END_EVICTED);
	if (f->exchanges)
		scanner_take_back_exchanges(s, f);
	fl_flow_turn(f);
	f->user[FLOW_ENDS] = f->user[FLOW_CONVERSATION] = f->user[FLOW_SEGMENTS] = 0;
	f->exchanges = 0;
	scanner_own_flow(s, f);
	return true;
}

void scanner_see_payload(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, bool retransmit, const struct fl_packet *p)
{
	if (flow_has(f, FLOW_GROUP))
		return;
	if (retransmit && !fills_hole(&f->stream[side], p))
		return;
	/* The next request may name another host: what is open is settled under its own name first. */
	if (side == FL_INITIATOR && flow_has(f, FLOW_HTTP) && f->last_payload_side == FL_RESPONDER && !retransmit) {
		if (flow_has(f, FLOW_ANSWER_DUE) && !flow_has(f, FLOW_UPGRADE)) /* no more of it came than its beginning */
			fl_stream_close(&f->stream[FL_RESPONDER], s->streams);
		scanner_close_exchange(s, f, p->time_ns, FL_END_CLOSED);
	}
	bool counts = dissect(s, f, side, p), due = flow_has(f, FLOW_ANSWER_DUE);
	struct fl_packet whole;
	if (side == FL_RESPONDER && due && counts && !retransmit && (p->payload.size < FL_HTTP_STATUS_LEAST || f->stream[FL_RESPONDER].store)) {
		whole = *p;
		f->last_payload_side = FL_RESPONDER;
		if (scanner_awaits_status(s, f, p, &whole.payload)) {
			if (!flow_has(f, FLOW_TUNNEL))
				flow_set(f, FLOW_MAYBE_ANSWERED); /* an answer began */
			return;
		}
		p = &whole;
	}
	unsigned status = status_of(f, side, p);
	if (retransmit || (is_interim(status) && !flow_lost_calls(f))) /* the last of them may be the answer */
		return;
	if (!f->first_payload_ns[side])
		f->first_payload_ns[side] = p->time_ns;
	if (flow_application(f) == FL_APP_DNS && f->transport == FL_TRANSPORT_UDP && counts)
		see_dns_datagram(s, f, side, p);
	else if (counts && side == FL_INITIATOR && f->last_payload_side != FL_INITIATOR)
		open_exchange(s, f, p);
	else if (counts && side == FL_RESPONDER)
		answer_exchange(s, f, p);
	else if (counts)
		scanner_attempt_more(s, f, p);
	if (due && status == FL_HTTP_SWITCHING)
		leave_http(f);
	if (counts)
		f->last_payload_side = (uint8_t)side;
	if (side == FL_RESPONDER)
		flow_set(f, FLOW_ANSWERED);
}
