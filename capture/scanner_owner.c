/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scanner_owner.c - flows and their owners; connections of which no packet came
 *
 * The owner of a flow is who opened it. It is looked up when the flow begins, before its first exchange and when it ends, for as long
 * as nobody is known, and when a record comes for a flow that has begun: records may come after the packets they are about. Until then it counts under
 * nobody; the summary gives such counts to the one service that is known to use the same endpoint.
 *
 * Connections that nobody sent anything on while we watched (pools) are known from the socket table alone. They become conversations
 * at the end, as connections older than the scan, with no exchange.
 */
#include "scanner_internal.h"

#include <string.h>

#include "calls.h"

/* The record came after the first packet. */
static void own_begun_flow(struct fl_scanner *s, const struct fl_owner_record *r)
{
	struct fl_flow *f = fl_flow_table_find(s->flows, &r->local, r->local_port, &r->remote, r->remote_port, r->transport);
	if (f && f->port[FL_INITIATOR] == r->local_port && fl_addr_equal(&f->addr[FL_INITIATOR], &r->local))
		scanner_own_flow(s, f);
}

/* Of all conversations that the flow was part of: it gets another when its name or owner is told. */
static void take_back_attempts(struct fl_scanner *s, const struct fl_flow *f)
{
	for (size_t i = 0; i < fl_conversation_count(s->conversations); i++) {
		const struct fl_conversation *v = fl_conversation_get(s->conversations, i);
		const struct fl_conversation_key *k = &v->key;
		if (k->port == f->port[FL_RESPONDER] && k->transport == f->transport && fl_addr_equal(&k->client, &f->addr[FL_INITIATOR]) &&
		    fl_addr_equal(&k->server, &f->addr[FL_RESPONDER]))
			(void)fl_exchange_log_take_back(s->attempts, v->serial, f->port[FL_INITIATOR], f->first_ns);
	}
}

/* Which of the exchanges were answered, failed or were probes nobody knows any more: not more than are left. */
void scanner_take_back_exchanges(struct fl_scanner *s, struct fl_flow *f)
{
	if (flow_has(f, FLOW_CALLS))
		calls_lose(s, f);
	struct fl_conversation *v = scanner_request_conversation(s, f, f->last_ns);
	if (flow_has(f, FLOW_ANSWER_DUE))
		scanner_attempt_end(s, f, v, FL_END_EVICTED, false);
	v->exchanges -= v->exchanges < f->exchanges ? v->exchanges : f->exchanges;
	v->starts -= v->starts < f->exchanges ? v->starts : f->exchanges;
	v->answered = v->answered < v->exchanges ? v->answered : v->exchanges;
	v->failures = v->failures < v->exchanges ? v->failures : v->exchanges;
	v->health = v->health < v->exchanges ? v->health : v->exchanges;
}

/* A translation was told after the first packets of its far side: the rest is not counted, and of what was the exchanges are taken back.
 * Connections are counted at their end. A part that is in a window already stays there. */
static void drop_begun_twin(struct fl_scanner *s, const struct fl_owner_record *r)
{
	struct fl_flow *f = fl_flow_table_find(s->flows, &r->far_local, r->far_local_port, &r->far_remote, r->far_remote_port,
					       r->transport);
	if (!f || flow_has(f, FLOW_GROUP) || (s->carry && s->carry[fl_flow_number(s->flows, f)].done) ||
	    !scanner_is_translated_twin(s, f))
		return;
	if (f->exchanges) {
		scanner_take_back_exchanges(s, f);
		take_back_attempts(s, f);
	}
	if (flow_has(f, FLOW_COUNTED_OPEN))
		fl_inflight_close(s->inflight, flow_listener(f), f->last_ns);
	flow_clear(f, FLOW_COUNTED_OPEN); /* no answer to come would */
	flow_clear(f, FLOW_ANSWER_DUE);
	f->exchange_start_ns = 0;
	flow_set(f, FLOW_GROUP);
}

void fl_scanner_owner(struct fl_scanner *s, const struct fl_owner_record *r)
{
	/* Without packets short ones count, too. */
	if (r->closed && s->options.unseen == FL_UNSEEN_ALL)
		return;
	if (r->kind == FL_OWNER_TRANSLATION)
		fl_translations_add(s->translations, r);
	else
		fl_owners_add(s->owners, r);
	if (r->kind == FL_OWNER_TRANSLATION)
		drop_begun_twin(s, r);
	if (r->kind == FL_OWNER_CONNECTION && !r->closed)
		own_begun_flow(s, r);
	if (r->kind == FL_OWNER_ADDRESS && s->attribution.all_namespaces)
		fl_locality_declare(s->locality, &r->local, "interface");
}

void fl_scanner_attribution(struct fl_scanner *s, const struct fl_attribution_state *state)
{
	s->attribution = *state;
	s->attribution.way[sizeof(state->way) - 1] = 0;
	s->attribution.why[sizeof(state->why) - 1] = 0;
}

void fl_scanner_hosts(struct fl_scanner *s, struct fl_hosts *hosts)
{
	fl_hosts_free(s->hosts);
	s->hosts = hosts;
}

static bool origin_of(const struct fl_scanner *s, const struct fl_flow *f, struct fl_tuple *origin)
{
	struct fl_tuple seen = { f->addr[FL_INITIATOR], f->addr[FL_RESPONDER], f->port[FL_INITIATOR], f->port[FL_RESPONDER],
				 f->transport };
	return !fl_translations_empty(s->translations) && fl_translations_origin(s->translations, &seen, origin);
}

bool scanner_is_translated_twin(struct fl_scanner *s, const struct fl_flow *f)
{
	struct fl_tuple o;
	if (!origin_of(s, f, &o) ||
	    !fl_flow_table_find(s->flows, &o.client, o.client_port, &o.server, o.server_port, o.transport))
		return false;
	s->counters.translated++;
	return true;
}

bool scanner_listener(struct fl_scanner *s, uint8_t transport, struct fl_addr address, uint16_t port, struct fl_owned *owned)
{
	(void)fl_translations_behind(s->translations, transport, &address, &port);
	return fl_owners_listener(s->owners, transport, &address, port, owned);
}

void scanner_own_flow(struct fl_scanner *s, struct fl_flow *f)
{
	struct fl_tuple origin;
	struct fl_owned owned;
	if (flow_owner(f) || fl_owners_empty(s->owners))
		return;
	struct fl_owner_question q = {
		.local = f->addr[FL_INITIATOR], .remote = f->addr[FL_RESPONDER], .local_port = f->port[FL_INITIATOR],
		.remote_port = f->port[FL_RESPONDER], .transport = f->transport, .midstream = f->midstream,
		.began_ns = f->first_ns,
	};
	/* Seen behind the translation alone: the opener knows the other side of it. */
	if (origin_of(s, f, &origin)) {
		q.local = origin.client;
		q.remote = origin.server;
		q.local_port = origin.client_port;
		q.remote_port = origin.server_port;
	}
	if (!fl_owners_find(s->owners, &q, &owned))
		return;
	f->user[FLOW_ENDS] |= owned.service << 16;
	f->user[FLOW_CONVERSATION] = 0;
	if (owned.attribution != FL_ATTRIBUTION_EXACT)
		flow_set(f, FLOW_OWNER_POLLED);
}

/* The accepted side of a connection is in the table, too: packets that were matched to the opener's record are its as well. */
static bool is_known_flow(const struct fl_scanner *s, const struct fl_owner_unseen *u)
{
	return u->inbound && fl_locality_is_own(s->locality, &u->client);
}

static void count_unseen(struct fl_scanner *s, const struct fl_owner_unseen *u)
{
	struct fl_conversation_key key = {
		.client = u->client, .server = u->server, .port = u->server_port, .transport = u->transport,
		.name_source = FL_NAME_NONE, .owner = u->inbound ? 0 : u->owned.service,
	};
	struct fl_conversation *v = fl_conversation_at(s->conversations, &key, u->since_ns);
	bool known = v->connections.tried || v->connections.midstream;
	v->broken = true; /* what it carried before is not known */
	v->polled = v->polled || u->owned.attribution != FL_ATTRIBUTION_EXACT;
	if (u->owned.before && u->transport == FL_TRANSPORT_TCP) {
		v->connections.midstream++;
	} else {
		v->connections.tried++;
		v->connections.established += u->established;
	}
	v->unseen = v->unseen || !known;
	s->counters.unseen++;
}

/* Its packets came in this window, or in an earlier one and nobody tells whether it is still there. */
static bool had_packets(const struct fl_scanner *s, const struct fl_owner_unseen *u)
{
	if (!u->seen || !s->attribution.ends_told)
		return u->seen;
	const struct fl_flow *f =
		fl_flow_table_find(s->flows, &u->client, u->client_port, &u->server, u->server_port, u->transport);
	return f && f->last_ns >= s->start_ns;
}

/* With every window where somebody tells when such a socket is closed, else once: later windows cannot know that it is still there.
 * On our own host both ends are in the table; the opener's tells all. */
void scanner_count_unseen(struct fl_scanner *s)
{
	struct fl_owner_unseen u;
	if (s->options.unseen == FL_UNSEEN_LEFT_OUT || (s->unseen_counted && !s->attribution.ends_told))
		return;
	for (uint32_t at = 0; fl_owners_unseen(s->owners, &at, &u);) {
		bool wanted = s->options.unseen == FL_UNSEEN_ALL ||
			      (u.owned.before && u.transport == FL_TRANSPORT_TCP);
		const struct fl_addr *near = u.inbound ? &u.server : &u.client;
		if (wanted && fl_locality_is_own(s->locality, near) && !is_known_flow(s, &u) && !had_packets(s, &u))
			count_unseen(s, &u);
	}
	s->unseen_counted = true;
}
