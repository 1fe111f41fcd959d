/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scanner.c - packets to flows, exchanges to conversations
 *
 * What happens to a packet: the flow table finds its flow; a new flow is given the name
 * that its client's last DNS answer had for the server; payload that is new goes to
 * the dissector; a change of direction opens or answers an exchange. Exchanges are
 * added to their conversation at once, connections when their flow ends, since only then
 * is it known how they went.
 *
 * Which side is ours does not matter here: it is decided when the scan is written.
 *
 * The memory limit is divided once, at creation, in fixed shares (see shares below). What a
 * table cannot hold is counted and ends in the scan's coverage.
 */
#include "scanner_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "config.h"
#include "faultline/request.h"

/* Parts of the memory for tables, in percent. */
enum {
	SHARE_FLOWS = 40,
	SHARE_STREAMS = 5,
	SHARE_CALLS = 2,
	SHARE_STRINGS = 8,
	SHARE_CONVERSATIONS = 12,
	SHARE_DETAILS = 8,
	SHARE_ANSWERS = 5,
	SHARE_BINDINGS = 5,
	SHARE_INFLIGHT = 1,
	SHARE_HELLOS = 2,
	SHARE_ATTEMPTS = 6,
	SHARE_OWNERS = 4,
	SHARE_TRANSLATIONS = 1,
};

/* A flow in its table: the flow, its slot in the index, two names. */
enum { FLOW_COST = sizeof(struct fl_flow) + 16 + 2 * sizeof(struct flow_name) };
/* A socket in the table of owners: itself and its slot in the index. */
enum { OWNER_COST = 64 + 16, TRANSLATION_COST = 96 + 32 };
enum { SWITCHING_PROTOCOLS = 101 };
enum { LISTENERS_MAX = 65535 }; /* a flow has 16 bits for its own */
/* An exchange without answer at the end of the capture is undecided when it is younger. */
static const int64_t undecided_exchange_ns = INT64_C(10) * 1000000000;

static const int64_t day_ns = INT64_C(86400) * 1000000000;

static uint32_t share(uint64_t memory, unsigned percent, size_t cost)
{
	uint64_t n = memory / 100 * percent / cost;
	return n < 64 ? 64 : n > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)n;
}

/* ---- conversations ---- */

static void touch(struct fl_conversation *v, const struct fl_flow *f, int64_t now_ns)
{
	v->multiplexed |= flow_has(f, FLOW_MULTIPLEXED);
	v->broken |= f->broken;
	v->polled |= flow_has(f, FLOW_OWNER_POLLED);
	v->unseen = false;
	if (now_ns > v->last_ns)
		v->last_ns = now_ns;
}

/* What the flow tells about the responder under @name. */
static void touch_responder(struct fl_conversation *v, const struct fl_flow *f, int64_t now_ns)
{
	if (f->user[FLOW_DNS_NAME]) {
		v->dns_name = f->user[FLOW_DNS_NAME];
		v->dns_chain = f->user[FLOW_DNS_CHAIN];
	}
	if (v->application == FL_APP_UNKNOWN || v->application == FL_APP_TLS)
		v->application = (uint8_t)flow_application(f);
	touch(v, f, now_ns);
}

static void touch_target(struct fl_conversation *v, const struct fl_flow *f, int64_t now_ns)
{
	v->inner = true;
	if (flow_has(f, FLOW_TLS))
		v->application = FL_APP_TLS;
	touch(v, f, now_ns);
}

struct fl_conversation *scanner_conversation(struct fl_scanner *s, const struct fl_flow *f,
					     const struct best_name *name, int64_t now_ns)
{
	struct fl_conversation_key key = {
		.client = f->addr[FL_INITIATOR], .server = f->addr[FL_RESPONDER],
		.port = f->port[FL_RESPONDER], .transport = f->transport,
		.name = name->name, .name_source = (uint8_t)name->source, .owner = flow_owner(f),
	};
	struct fl_conversation *v = fl_conversation_at(s->conversations, &key, now_ns);
	if (name->chain)
		v->chain = name->chain;
	touch_responder(v, f, now_ns);
	return v;
}

/* With the target behind a proxy. What the address is called in DNS is the proxy's name. */
struct fl_conversation *scanner_inner_conversation(struct fl_scanner *s, const struct fl_flow *f, int64_t now_ns)
{
	const struct flow_name *target = scanner_inner_name(s, f);
	struct fl_conversation_key key = {
		.client = f->addr[FL_INITIATOR], .server = f->addr[FL_RESPONDER], .port = target->port,
		.transport = f->transport, .name = target->name, .name_source = target->source,
		.owner = flow_owner(f),
	};
	if (fl_addr_parse(fl_strpool_get(s->strings, target->name), &key.server)) {
		key.name = FL_STR_NONE;
		key.name_source = FL_NAME_NONE;
	}
	struct fl_conversation *v = fl_conversation_at(s->conversations, &key, now_ns);
	touch_target(v, f, now_ns);
	return v;
}

struct fl_conversation *scanner_proxy_conversation(struct fl_scanner *s, const struct fl_flow *f, int64_t now_ns)
{
	struct best_name name = { .source = FL_NAME_NONE };
	if (!scanner_outer_name(s, f, &name))
		name = (struct best_name){ .source = FL_NAME_NONE };
	return scanner_conversation(s, f, &name, now_ns);
}

static struct fl_conversation *find_request_conversation(struct fl_scanner *s, const struct fl_flow *f, int64_t now_ns)
{
	if (flow_has(f, FLOW_TUNNEL))
		return scanner_inner_conversation(s, f, now_ns);
	struct best_name name = { .source = FL_NAME_NONE };
	bool unnamed_request = flow_has(f, FLOW_HTTP | FLOW_CALLS) && !f->user[FLOW_REQUEST_NAME];
	if (unnamed_request || !scanner_request_name(s, f, &name))
		name = (struct best_name){ .source = FL_NAME_NONE };
	if (unnamed_request && f->user[FLOW_DNS_NAME])
		name = (struct best_name){ f->user[FLOW_DNS_NAME], f->user[FLOW_DNS_CHAIN], FL_NAME_DNS };
	return scanner_conversation(s, f, &name, now_ns);
}

/* A look-up costs several cache misses and a request needs its conversation four times, so the flow remembers where it was. That
 * holds while the conversation has its place and the flow its names (see_payload() forgets it when they change); of a flow
 * without any name, while no answer can have named its responder. */
static struct fl_conversation *remembered_conversation(const struct fl_scanner *s, const struct fl_flow *f)
{
	struct fl_conversation_place place = { f->user[FLOW_CONVERSATION], f->user_half };
	struct fl_conversation *v = fl_conversation_there(s->conversations, place);
	if (!v || !fl_addr_equal(&v->key.client, &f->addr[FL_INITIATOR]))
		return NULL;
	bool named = f->user[FLOW_NAMES] || f->user[FLOW_DNS_NAME];
	return named || !fl_names_may_know(s->names, &f->addr[FL_RESPONDER]) ? v : NULL;
}

struct fl_conversation *scanner_request_conversation(struct fl_scanner *s, struct fl_flow *f, int64_t now_ns)
{
	struct fl_conversation *v = remembered_conversation(s, f);
	if (!v) {
		v = find_request_conversation(s, f, now_ns);
		struct fl_conversation_place place = fl_conversation_place(s->conversations, v);
		f->user[FLOW_CONVERSATION] = place.number;
		f->user_half = place.generation;
		return v;
	}
	if (flow_has(f, FLOW_TUNNEL)) {
		touch_target(v, f, now_ns);
		return v;
	}
	if (v->key.name == f->user[FLOW_DNS_NAME] && f->user[FLOW_DNS_CHAIN])
		v->chain = f->user[FLOW_DNS_CHAIN];
	touch_responder(v, f, now_ns);
	return v;
}

void scanner_note_start(struct fl_scanner *s, struct fl_conversation *v, struct fl_flow *f, int64_t now_ns)
{
	flow_set(f, FLOW_STARTED);
	if (account_start_is_old(s, f))
		return;
	fl_inflight_nest(s->inflight, &f->addr[FL_INITIATOR], v->nested);
	fl_conversation_start(s->conversations, v, now_ns);
}

/* ---- exchanges ---- */

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

static void close_exchange(struct fl_scanner *s, struct fl_flow *f, int64_t now_ns, enum fl_flow_end how)
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

static void open_exchange(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	close_exchange(s, f, p->time_ns, FL_END_CLOSED);
	if (!f->exchanges)
		scanner_own_flow(s, f);
	struct fl_conversation *v = scanner_request_conversation(s, f, p->time_ns);
	f->exchanges++;
	f->exchange_start_ns = p->time_ns;
	fl_flow_acks_seen(f, p);
	scanner_attempt_begin(s, f, v, p);
	flow_set(f, FLOW_ANSWER_DUE);
	v->exchanges++;
	v->health += flow_has(f, FLOW_HEALTH);
	if (p->payload_len < v->request_min)
		v->request_min = p->payload_len;
	if (p->payload_len > v->request_max)
		v->request_max = p->payload_len;
	scanner_note_start(s, v, f, p->time_ns);
	if (flow_has(f, FLOW_TUNNEL)) { /* the proxy is used just as often */
		v = scanner_proxy_conversation(s, f, p->time_ns);
		v->exchanges++;
		scanner_note_start(s, v, f, p->time_ns);
	}
	if (!flow_listener(f))
		flow_set_listener(f, fl_inflight_listener(s->inflight, &f->addr[FL_RESPONDER],
							  f->port[FL_RESPONDER], f->transport));
	if (flow_listener(f) && !flow_has(f, FLOW_HEALTH)) {
		fl_inflight_open(s->inflight, flow_listener(f), p->time_ns);
		flow_set(f, FLOW_COUNTED_OPEN);
	}
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
	if (flow_has(f, FLOW_TUNNEL) && !flow_has(f, FLOW_PROXIED))
		return flow_has(f, FLOW_TUNNEL_FAILED);
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
	if (flow_has(f, FLOW_TUNNEL)) {
		struct fl_conversation *proxy = scanner_proxy_conversation(s, f, p->time_ns);
		proxy->answered++;
		fl_conversation_success(s->conversations, proxy, p->time_ns);
		if (tunnel_refused(f, p))
			flow_set(f, FLOW_TUNNEL_FAILED);
		else
			flow_clear(f, FLOW_TUNNEL_FAILED);
	}
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

/* Queries beyond the one that is still open, which close_exchange() counts. */
static void count_unanswered_queries(struct fl_scanner *s, struct fl_flow *f)
{
	uint32_t answered = f->packets[FL_RESPONDER] + flow_has(f, FLOW_ANSWER_DUE);
	if (flow_application(f) == FL_APP_DNS && f->transport == FL_TRANSPORT_UDP && f->packets[FL_INITIATOR] > answered)
		scanner_request_conversation(s, f, f->last_ns)->failures += f->packets[FL_INITIATOR] - answered;
}

/* Of an answer in HTTP/1, where a packet begins with one; 0 in any other. */
static unsigned status_of(const struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (side != FL_RESPONDER || !flow_has(f, FLOW_HTTP) || (flow_has(f, FLOW_TUNNEL) && !flow_has(f, FLOW_PROXIED)))
		return 0;
	return fl_http_status(p->payload.data, p->payload.size);
}

/* 100 Continue and its like: neither the answer nor a change of sides (RFC 9110 section 15.2). */
static bool is_interim(unsigned status)
{
	return status >= 100 && status < 200 && status != SWITCHING_PROTOCOLS;
}

/* What follows is WebSocket or the like (RFC 6455): who speaks when is theirs, and turns are no requests. HTTP/2 has calls to read. */
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
static bool turn_around(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (f->synack_ns || f->user[FLOW_NAMES] || flow_has(f, FLOW_TLS | FLOW_HTTP | FLOW_CALLS) ||
	    !scanner_speaks_for_other(side, &p->payload))
		return false;
	close_exchange(s, f, p->time_ns, FL_END_EVICTED);
	if (f->exchanges)
		scanner_take_back_exchanges(s, f);
	fl_flow_turn(f);
	f->user[FLOW_ENDS] = f->user[FLOW_CONVERSATION] = f->user[FLOW_SEGMENTS] = 0;
	f->exchanges = 0;
	scanner_own_flow(s, f);
	return true;
}

static __attribute__((noinline)) void see_payload(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, bool retransmit,
						  const struct fl_packet *p)
{
	if (flow_has(f, FLOW_GROUP))
		return;
	if (retransmit && !fills_hole(&f->stream[side], p))
		return;
	/* The next request may name another host: what is open is settled under its own name first. */
	if (side == FL_INITIATOR && flow_has(f, FLOW_HTTP) && f->last_payload_side == FL_RESPONDER && !retransmit)
		close_exchange(s, f, p->time_ns, FL_END_CLOSED);
	bool counts = dissect(s, f, side, p), due = flow_has(f, FLOW_ANSWER_DUE);
	unsigned status = status_of(f, side, p);
	if (retransmit || is_interim(status))
		return;
	if (!f->first_payload_ns[side])
		f->first_payload_ns[side] = p->time_ns;
	if (flow_application(f) == FL_APP_DNS && f->transport == FL_TRANSPORT_UDP)
		see_dns_datagram(s, f, side, p);
	else if (counts && side == FL_INITIATOR && f->last_payload_side != FL_INITIATOR)
		open_exchange(s, f, p);
	else if (counts && side == FL_RESPONDER)
		answer_exchange(s, f, p);
	else if (counts)
		scanner_attempt_more(s, f, p);
	if (due && status == SWITCHING_PROTOCOLS)
		leave_http(f);
	if (counts)
		f->last_payload_side = (uint8_t)side;
	if (side == FL_RESPONDER)
		flow_set(f, FLOW_ANSWERED);
}

/* ---- flows ---- */

static bool to_group(const struct fl_packet *p)
{
	/* Only the MAC tells a subnet's broadcast; IPv6 has none. */
	bool broadcast = p->has_mac && (p->dst_mac[0] & 1) && fl_addr_is_v4(&p->dst);
	return fl_addr_is_multicast(&p->dst) || fl_addr_is_none(&p->src) || broadcast || p->way == FL_WAY_GROUP;
}

static __attribute__((noinline)) void begin_flow(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	fl_locality_see(s->locality, p);
	if (to_group(p) || scanner_is_translated_twin(s, f))
		flow_set(f, FLOW_GROUP);
	scanner_own_flow(s, f);
	/* Reassembly begins behind the SYN, so a first segment that overtakes is not taken for the first. */
	if (f->transport == FL_TRANSPORT_TCP && !f->midstream)
		fl_stream_start(&f->stream[FL_INITIATOR], f->syn_seq + 1);
	struct fl_binding binding;
	if (!f->midstream && scanner_last_binding(s, f, &binding)) {
		f->user[FLOW_DNS_NAME] = binding.name;
		f->user[FLOW_DNS_CHAIN] = binding.chain;
	}
	if (f->midstream)
		silent_recall(s, f);
}

static void end_flow(void *context, struct fl_flow *f, enum fl_flow_end how)
{
	struct fl_scanner *s = context;
	scanner_own_flow(s, f);
	if (!flow_has(f, FLOW_GROUP))
		count_unanswered_queries(s, f);
	if (flow_has(f, FLOW_CALLS))
		calls_end(s, f, how);
	close_exchange(s, f, f->last_ns, how);
	account_end(s, f);
	if (s->options.flows)
		scanner_log_flow(s, f);
	if (how == FL_END_IDLE || how == FL_END_EVICTED)
		silent_keep(s, f);
	scanner_forget_names(s, f);
	fl_stream_close(&f->stream[0], s->streams);
	fl_stream_close(&f->stream[1], s->streams);
	if (f->transport == FL_TRANSPORT_UDP)
		fl_hello_drop(s->hellos, &f->user[FLOW_HELLO]);
}

static void expect_end(void *context, const struct fl_flow *f)
{
	const struct fl_scanner *s = context;
	fl_conversation_expect(s->conversations, f->user[FLOW_CONVERSATION]);
	if (f->user[FLOW_NAMES])
		__builtin_prefetch(&s->flow_names[f->user[FLOW_NAMES] - 1]);
}

/* ---- the pipeline ---- */

void scanner_new_window_tables(struct fl_scanner *s)
{
	uint64_t memory = s->options.memory;
	s->conversations = fl_conversations_new(share(memory, SHARE_CONVERSATIONS, FL_CONVERSATION_COST),
						share(memory, SHARE_DETAILS, sizeof(struct fl_measures)));
	uint32_t listeners = share(memory, SHARE_INFLIGHT, sizeof(struct fl_listener) + 16);
	s->inflight = fl_inflight_new(listeners < LISTENERS_MAX ? listeners : LISTENERS_MAX);
}

struct fl_scanner *fl_scanner_new(const struct fl_scanner_options *options)
{
	struct fl_scanner *s = fl_alloc(sizeof(*s));
	uint64_t memory = options->memory;
	s->options = *options;
	s->string_limit = (size_t)(memory / 100 * SHARE_STRINGS);
	s->strings = fl_strpool_new(s->string_limit);
	s->streams = fl_stream_pool_new((size_t)(memory / 100 * SHARE_STREAMS));
	s->hellos = fl_hello_pool_new(share(memory, SHARE_HELLOS, sizeof(struct fl_hello_parts)));
	s->quic = fl_quic_new(s->hellos);
	struct fl_flow_options flow_options = fl_flow_defaults;
	flow_options.capacity = s->flow_capacity = share(memory, SHARE_FLOWS, FLOW_COST);
	s->flows = fl_flow_table_new(&flow_options, end_flow, s);
	fl_flow_table_on_due(s->flows, expect_end);
	struct fl_names_options name_options = {
		.text = (size_t)(memory / 100 * SHARE_STRINGS / 4 * 3),
		.bindings = share(memory, SHARE_BINDINGS, 2 * sizeof(struct fl_binding) + 96),
		.answers = share(memory, SHARE_ANSWERS, sizeof(struct fl_answer) + 3 * sizeof(struct fl_addr)),
	};
	s->names = fl_names_new(s->strings, &name_options);
	s->binding_limit = name_options.bindings;
	scanner_new_window_tables(s);
	uint32_t attempts = options->no_behaviour ? 0 : share(memory, SHARE_ATTEMPTS, sizeof(struct fl_attempt));
	s->attempts = fl_exchange_log_new(attempts);
	s->calls = calls_pool_new((size_t)(memory / 100 * SHARE_CALLS));
	s->translations = fl_translations_new(share(memory, SHARE_TRANSLATIONS, TRANSLATION_COST));
	s->owners = fl_owners_new(share(memory, SHARE_OWNERS, OWNER_COST), options->netns);
	s->locality = fl_locality_new();
	fl_locality_inside(s->locality, options->internal, options->internal_count);
	s->flow_name_limit = 2 * s->flow_capacity;
	s->flow_names = fl_alloc_table(s->flow_name_limit, sizeof(*s->flow_names));
	s->silent = silent_new();
	s->tls_scratch = fl_alloc(FL_TLS_HELLO_MAX);
	return s;
}

void fl_scanner_free(struct fl_scanner *s)
{
	if (!s)
		return;
	fl_flow_table_free(s->flows);
	fl_stream_pool_free(s->streams);
	fl_quic_free(s->quic);
	fl_hello_pool_free(s->hellos);
	fl_names_free(s->names);
	fl_conversations_free(s->conversations);
	fl_inflight_free(s->inflight);
	fl_exchange_log_free(s->attempts);
	calls_pool_free(s->calls);
	fl_owners_free(s->owners);
	fl_translations_free(s->translations);
	fl_hosts_free(s->hosts);
	fl_locality_free(s->locality);
	fl_strpool_free(s->strings);
	free(s->flow_names);
	free(s->carry);
	silent_free(s->silent);
	free(s->tls_scratch);
	free(s);
}

struct fl_locality *fl_scanner_locality(struct fl_scanner *s)
{
	return s->locality;
}

/* The window is from the first to the last packet; a stamp a day off that the next packet does not share is damage. */
static inline void see_time(struct fl_scanner *s, int64_t time_ns)
{
	if (s->timed && time_ns >= s->first_ns && time_ns <= s->last_ns)
		return;
	if (!s->timed) {
		s->timed = true;
		s->first_ns = s->last_ns = s->odd_ns = time_ns;
		return;
	}
	if ((time_ns > s->last_ns + day_ns || time_ns < s->first_ns - day_ns) &&
	    (time_ns > s->odd_ns + day_ns || time_ns < s->odd_ns - day_ns)) {
		s->odd_ns = time_ns;
		return;
	}
	if (time_ns < s->first_ns)
		s->first_ns = time_ns;
	if (time_ns > s->last_ns)
		s->last_ns = time_ns;
}

static __attribute__((noinline)) void see_other(struct fl_scanner *s, const struct fl_packet *p)
{
	if (p->arp)
		fl_locality_see_arp(s->locality, p);
	if (p->quotes) {
		s->counters.icmp_errors++;
		fl_flow_table_unreachable(s->flows, p);
	}
}

static bool has_flow(const struct fl_packet *p)
{
	return p->transport == FL_TRANSPORT_TCP || p->transport == FL_TRANSPORT_UDP;
}

static inline void see_packet(struct fl_scanner *s, const struct fl_packet *p, uint32_t hash)
{
	s->counters.packets += p->len > 0; /* else it came in one frame with another */
	s->counters.bytes += p->len;
	see_time(s, p->time_ns);
	if (!has_flow(p)) {
		see_other(s, p);
		return;
	}
	struct fl_flow_packet seen = fl_flow_table_add_hashed(s->flows, p, hash);
	if (seen.duplicate)
		return;
	if (seen.created) {
		begin_flow(s, seen.flow, p);
	} else if (seen.side == FL_RESPONDER && !flow_has(seen.flow, FLOW_BOTH_WAYS)) {
		flow_set(seen.flow, FLOW_BOTH_WAYS);
		fl_locality_see(s->locality, p);
	}
	if (p->payload_len && seen.flow->midstream && turn_around(s, seen.flow, seen.side, p))
		seen.side = seen.side == FL_INITIATOR ? FL_RESPONDER : FL_INITIATOR;
	if (p->payload_len)
		see_payload(s, seen.flow, seen.side, seen.retransmit, p);
	if (seen.side == FL_INITIATOR && flow_has(seen.flow, FLOW_ANSWER_DUE | FLOW_CALLS) && fl_flow_acks_unseen(seen.flow, p)) {
		flow_set(seen.flow, FLOW_ANSWER_UNSEEN);
		scanner_attempt_unseen(s, seen.flow, p);
	}
	if (p->tcp_flags & (FL_TCP_FIN | FL_TCP_RST))
		scanner_attempt_goodbye(s, seen.flow, seen.side, p);
	else if (seen.retransmit && seen.side == FL_INITIATOR && flow_has(seen.flow, FLOW_ANSWER_DUE))
		scanner_attempt_repeated(s, seen.flow);
}

void fl_scanner_packet(struct fl_scanner *s, const struct fl_packet *p)
{
	see_packet(s, p, has_flow(p) ? fl_flow_table_expect(s->flows, p) : 0);
}

/* A packet's slot, flow and conversation lie anywhere in tables larger than the caches, each known only when the one before was
 * read. Asked for in turn for all packets at hand, they come while the others are asked for. */
void fl_scanner_packets(struct fl_scanner *s, const struct fl_packet *const *list, size_t count)
{
	uint32_t hash[FL_SOURCE_BATCH] = { 0 };
	const struct fl_flow *flow[FL_SOURCE_BATCH] = { NULL };
	assert(count <= FL_SOURCE_BATCH);
	for (size_t i = 0; i < count; i++)
		if (has_flow(list[i]))
			hash[i] = fl_flow_table_expect(s->flows, list[i]);
	for (size_t i = 0; i < count; i++)
		if (has_flow(list[i]))
			flow[i] = fl_flow_table_expect_flow(s->flows, list[i], hash[i]);
	for (size_t i = 0; i < count; i++)
		if (flow[i] && list[i]->payload_len)
			fl_conversation_expect(s->conversations, flow[i]->user[FLOW_CONVERSATION]);
	for (size_t i = 0; i < count; i++)
		see_packet(s, list[i], hash[i]);
}

void fl_scanner_window(struct fl_scanner *s, int64_t start_ns, int64_t end_ns)
{
	s->start_ns = start_ns;
	s->end_ns = end_ns;
}

void fl_scanner_counters(struct fl_scanner *s, const struct fl_source_counters *c)
{
	s->counters.truncated += c->parse[FL_PARSE_TRUNCATED] + c->further[FL_PARSE_TRUNCATED];
	s->counters.malformed += c->parse[FL_PARSE_MALFORMED] + c->further[FL_PARSE_MALFORMED];
	s->counters.unsupported += c->parse[FL_PARSE_UNSUPPORTED] + c->further[FL_PARSE_UNSUPPORTED];
	s->counters.dropped_kernel += c->dropped_kernel;
	s->counters.dropped_interface += c->dropped_interface;
	s->counters.filtered += c->filtered;
	s->counters.cut_short += c->cut_short;
	s->counters.lost_interface += c->lost_interface;
	s->counters.fragments += c->parse[FL_PARSE_MORE];
	s->counters.datagrams_lost += c->fragments.late + c->fragments.crowded + c->fragments.refused;
}

void fl_scanner_interrupted(struct fl_scanner *s)
{
	s->counters.interrupted = 1;
}

struct fl_scanner_progress fl_scanner_progress(const struct fl_scanner *s)
{
	return (struct fl_scanner_progress){ s->counters.packets, fl_flow_table_count(s->flows),
					     fl_conversation_count(s->conversations) };
}

struct fl_scan *fl_scanner_finish(struct fl_scanner *s)
{
	fl_flow_table_flush(s->flows);
	scanner_count_unseen(s);
	fl_locality_decide(s->locality);
	return scanner_summarise(s);
}
