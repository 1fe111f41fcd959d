/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * account.c - connections added to their conversations
 *
 * A connection is counted when its flow ends, since only then is it known how it went and what it is called. Where
 * windows are written up while flows go on, it is counted in parts, and a side table holds what was counted already
 * (struct flow_carry): bytes and packets since the last count, the attempt once, its outcome once.
 *
 * A connection that has only begun waits for the next window: its name is not known yet, and it might be refused. It
 * is counted once it has begun an exchange, is over, or is older than undecided_ns. The side table is made when the
 * first window is written up; a capture of one window never has it.
 */
#include "scanner_internal.h"

#include <string.h>

/* An attempt without answer at the end of the capture is undecided when it is younger. */
static const int64_t undecided_ns = INT64_C(3) * 1000000000;

static bool was_established(const struct fl_flow *f)
{
	if (f->transport != FL_TRANSPORT_TCP)
		return f->packets[FL_RESPONDER] > 0;
	/* Only the client's packets captured: what it sends after the SYN shows that it was answered. */
	bool one_sided = f->packets[FL_RESPONDER] == 0 && f->bytes[FL_INITIATOR] > 0 &&
			 f->flags_seen[FL_INITIATOR] & FL_TCP_ACK;
	bool spoke = f->bytes[FL_RESPONDER] > 0; /* its SYN-ACK was not captured */
	return f->established_ns || f->synack_ns || one_sided || spoke;
}

/* Packets of a connection that nobody has: scans with ACK, answers to forged SYNs, a RST or FIN long after the end. */
static bool is_stray(const struct fl_flow *f)
{
	if (!f->midstream || f->bytes[0] + f->bytes[1] > 0)
		return false;
	return !f->packets[0] || !f->packets[1] || (f->flags_seen[0] | f->flags_seen[1]) & (FL_TCP_RST | FL_TCP_FIN);
}

/* A datagram that expects no answer is not timed out. */
static bool expects_answer(const struct fl_flow *f)
{
	enum fl_application a = flow_application(f);
	return f->transport == FL_TRANSPORT_TCP || a == FL_APP_DNS || a == FL_APP_NTP || a == FL_APP_QUIC;
}

static bool is_closed(const struct fl_flow *f)
{
	unsigned both = f->flags_seen[FL_INITIATOR] & f->flags_seen[FL_RESPONDER];
	return f->transport == FL_TRANSPORT_TCP && was_established(f) &&
	       (both & FL_TCP_FIN || (f->flags_seen[0] | f->flags_seen[1]) & FL_TCP_RST);
}

static struct flow_carry *carry_of(const struct fl_scanner *s, const struct fl_flow *f)
{
	return s->carry ? &s->carry[fl_flow_number(s->flows, f)] : NULL;
}

bool account_start_is_old(struct fl_scanner *s, const struct fl_flow *f)
{
	struct flow_carry *c = carry_of(s, f);
	if (!c || !(c->done & CARRY_START))
		return false;
	c->done &= (uint8_t)~CARRY_START;
	return true;
}

static void count_attempt(struct fl_scanner *s, struct fl_flow *f, struct fl_conversation *v, struct flow_carry *c)
{
	if (!flow_has(f, FLOW_STARTED)) {
		scanner_note_start(s, v, f, f->first_ns);
		c->done |= CARRY_START;
	}
	if (f->first_ns < v->first_ns)
		v->first_ns = f->first_ns;
	if (f->midstream)
		v->connections.midstream++;
	else
		v->connections.tried++;
	c->done |= f->midstream ? CARRY_ATTEMPT | CARRY_OUTCOME : CARRY_ATTEMPT;
}

static void count_outcome(struct fl_scanner *s, const struct fl_flow *f, struct fl_conversation *v)
{
	struct fl_connections *c = &v->connections;
	if (was_established(f)) {
		c->established++;
	} else if (fl_flow_state(f) == FL_CONN_REJ || f->rst_after_syn || f->unreachable) {
		c->refused++;
	} else if (s->last_ns - f->first_ns > undecided_ns && expects_answer(f)) {
		c->timed_out++;
	}
	if (!was_established(f))
		fl_conversation_unreached(s->conversations, v, f->first_ns, f->last_ns);
}

static void count_handshake(struct fl_scanner *s, const struct fl_flow *f, struct fl_conversation *v)
{
	if (f->synack_ns && f->established_ns && f->syn_packets == 1)
		fl_locality_see_handshake(s->locality, &f->addr[FL_INITIATOR], &f->addr[FL_RESPONDER],
					  f->synack_ns - f->syn_ns, f->established_ns - f->synack_ns);
	bool timed = f->synack_ns && f->syn_ns;
	struct fl_measures *d = timed ? fl_conversation_detail(s->conversations, &v->detail) : NULL;
	if (d)
		fl_histogram_add(&d->connect, f->synack_ns - f->syn_ns);
}

/* The connection to the proxy is counted; this is the one behind it, as far as its answers tell. */
static void count_tunnel(struct fl_scanner *s, const struct fl_flow *f, struct flow_carry *c, bool over)
{
	struct fl_conversation *v = scanner_inner_conversation(s, f, f->last_ns);
	bool is_new = !(c->done & CARRY_INNER);
	if (is_new && f->first_ns < v->first_ns)
		v->first_ns = f->first_ns;
	if (is_new && f->midstream)
		v->connections.midstream++;
	else if (is_new)
		v->connections.tried++;
	v->connections.carried += !is_new && c->window != s->window;
	v->bytes_out += f->bytes[FL_INITIATOR] - (is_new ? 0 : c->bytes[FL_INITIATOR]);
	v->bytes_in += f->bytes[FL_RESPONDER] - (is_new ? 0 : c->bytes[FL_RESPONDER]);
	c->done |= CARRY_INNER;
	bool open = !f->midstream && !(c->done & CARRY_INNER_OUTCOME), answered = flow_has(f, FLOW_ANSWERED);
	bool failed = flow_has(f, FLOW_PROXIED) && flow_has(f, FLOW_TUNNEL_FAILED);
	bool reached = flow_has(f, FLOW_PROXIED) ? answered && !failed : flow_has(f, FLOW_TUNNEL_OPEN) || (answered && flow_has(f, FLOW_TLS));
	if (!open || (!over && !reached))
		return;
	v->connections.refused += failed;
	v->connections.established += reached;
	c->done |= CARRY_INNER_OUTCOME;
}

void account_refused(struct fl_scanner *s, const struct fl_flow *f, struct fl_conversation *v)
{
	struct flow_carry none = { 0 }, *c = carry_of(s, f);
	c = c ? c : &none;
	bool is_new = !(c->done & CARRY_INNER);
	v->connections.midstream += is_new && f->midstream;
	v->connections.tried += is_new && !f->midstream;
	v->connections.refused += !f->midstream;
	c->done &= (uint8_t)~(CARRY_INNER | CARRY_INNER_OUTCOME); /* of the next target */
}

/* Of its last request, the rest would be doubled; the proxy's of a tunnel. */
static struct fl_conversation *conversation_of(struct fl_scanner *s, struct fl_flow *f)
{
	if (flow_has(f, FLOW_TUNNEL))
		return scanner_proxy_conversation(s, f, f->last_ns);
	struct best_name name = { .source = FL_NAME_NONE };
	if (f->exchanges == 0) {
		if (!scanner_best_name(s, f, &name))
			name = (struct best_name){ .source = FL_NAME_NONE };
		return scanner_conversation(s, f, &name, f->last_ns);
	}
	struct fl_conversation *v = scanner_request_conversation(s, f, f->last_ns);
	/* What a later answer said of a name that was not dialled for. */
	if (v->key.name != FL_STR_NONE && v->key.name != f->user[FLOW_DNS_NAME] && scanner_request_name(s, f, &name) &&
	    name.name == v->key.name && name.chain)
		v->chain = name.chain;
	return v;
}

/* What is new since @c. */
static void count_connection(struct fl_scanner *s, struct fl_flow *f, struct flow_carry *c, bool over)
{
	uint32_t packets = f->packets[0] + f->packets[1];
	bool decided = !(c->done & CARRY_OUTCOME) && (over || f->midstream || was_established(f));
	if (packets == c->packets && !decided)
		return;
	if (flow_has(f, FLOW_TUNNEL))
		count_tunnel(s, f, c, over);
	struct fl_conversation *v = conversation_of(s, f);
	if (!(c->done & CARRY_ATTEMPT))
		count_attempt(s, f, v, c);
	else
		v->connections.carried += c->window != s->window && packets != c->packets;
	if (!(c->done & CARRY_OUTCOME) && decided) {
		count_outcome(s, f, v);
		count_handshake(s, f, v);
		c->done |= CARRY_OUTCOME;
	}
	if (over && !(c->done & CARRY_LOGGED)) {
		scanner_attempt_connection(s, f, v, was_established(f) || f->midstream);
		c->done |= CARRY_LOGGED;
	}
	if (!(c->done & CARRY_RESET) && !f->midstream && was_established(f) && fl_flow_state(f) == FL_CONN_RSTR) {
		v->connections.reset++;
		c->done |= CARRY_RESET;
	}
	v->connections.syn_retransmits += fl_flow_syn_retransmits(f) - c->syn_retransmits;
	v->bytes_out += f->bytes[FL_INITIATOR] - c->bytes[FL_INITIATOR];
	v->bytes_in += f->bytes[FL_RESPONDER] - c->bytes[FL_RESPONDER];
	v->empty += over && was_established(f) && !f->midstream && f->bytes[FL_INITIATOR] == 0;
	c->syn_retransmits = fl_flow_syn_retransmits(f);
	c->packets = packets;
	c->window = s->window;
	memcpy(c->bytes, f->bytes, sizeof(c->bytes));
}

void account_end(struct fl_scanner *s, struct fl_flow *f)
{
	struct flow_carry none = { 0 }, *c = carry_of(s, f);
	c = c ? c : &none;
	s->counters.flows += !(c->done & CARRY_ATTEMPT);
	if (!flow_has(f, FLOW_GROUP) && !is_stray(f))
		count_connection(s, f, c, true);
	*c = (struct flow_carry){ 0 };
}

void account_so_far(struct fl_scanner *s, struct fl_flow *f)
{
	struct flow_carry *c = carry_of(s, f);
	bool counted = c->done & CARRY_ATTEMPT, closed = is_closed(f);
	bool due = counted || closed || f->exchanges || s->last_ns - f->first_ns > undecided_ns;
	if (flow_has(f, FLOW_GROUP) || is_stray(f) || !due)
		return;
	count_connection(s, f, c, closed);
	s->counters.flows += !counted;
}
