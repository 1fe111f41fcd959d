/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scanner.c - packets to flows, exchanges to conversations
 *
 * What happens to a packet: the flow table finds its flow; a new flow is given the name
 * that its client's last DNS answer had for the server; payload that is new goes to
 * the dissector and opens or answers an exchange (scanner_exchanges.c). Exchanges are
 * added to their conversation at once (scanner_conversations.c), connections when their flow ends, since only then
 * is it known how they went (account.c).
 *
 * Which side is ours does not matter here: it is decided when the scan is written.
 *
 * The memory limit is divided once, at creation, in fixed shares (see shares below). What a
 * table cannot hold is counted and ends in the scan's coverage.
 */
#include "scanner_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "calls.h"

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
enum { LISTENERS_MAX = 65535 }; /* a flow has 16 bits for its own */
static const int64_t day_ns = INT64_C(86400) * 1000000000;

static uint32_t share(uint64_t memory, unsigned percent, size_t cost)
{
	uint64_t n = memory / 100 * percent / cost;
	return n < 64 ? 64 : n > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)n;
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

void scanner_begin_again(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	fl_flow_table_begin_again(s->flows, f, p);
	begin_flow(s, f, p);
}

static void end_flow(void *context, struct fl_flow *f, enum fl_flow_end how)
{
	struct fl_scanner *s = context;
	scanner_own_flow(s, f);
	if (!flow_has(f, FLOW_GROUP))
		scanner_count_unanswered_queries(s, f);
	if (flow_has(f, FLOW_CALLS))
		calls_end(s, f, how);
	scanner_close_exchange(s, f, f->last_ns, how);
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

enum { PROTOCOL_ESP = 50 }; /* RFC 4303 */

static __attribute__((noinline)) void see_other(struct fl_scanner *s, const struct fl_packet *p)
{
	if (p->arp)
		fl_locality_see_arp(s->locality, p);
	s->counters.sealed += p->transport == PROTOCOL_ESP;
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
	if (__builtin_expect(seen.duplicate, 0)) {
		if (p->transport == FL_TRANSPORT_TCP && seen.flow->stream[seen.side].store)
			scanner_compare_copy(s, seen.flow, seen.side, p);
		return;
	}
	if (seen.created) {
		begin_flow(s, seen.flow, p);
	} else if (seen.side == FL_RESPONDER && !flow_has(seen.flow, FLOW_BOTH_WAYS)) {
		flow_set(seen.flow, FLOW_BOTH_WAYS);
		fl_locality_see(s->locality, p);
	}
	if (p->payload_len && seen.flow->midstream && scanner_turn_around(s, seen.flow, seen.side, p))
		seen.side = seen.side == FL_INITIATOR ? FL_RESPONDER : FL_INITIATOR;
	if (p->payload_len)
		scanner_see_payload(s, seen.flow, seen.side, seen.retransmit, p);
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
	s->counters.datagrams_lost += c->fragments.late + c->fragments.crowded;
	s->counters.contradicted += c->fragments.refused;
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
