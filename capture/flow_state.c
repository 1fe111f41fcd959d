/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_state.c - what the packets of a TCP flow mean: its state, and where the next one begins
 *
 * States are Zeek's as its documentation of conn_state words them (conn.log,
 * https://docs.zeek.org): what was not seen is never assumed, so a connection of
 * which only one side was captured is no S1, and one of which the SYN-ACK is missing ends as SH or RSTOS0, like in Zeek.
 *
 * A 5-tuple is used again and again. Only a SYN can begin the next connection on it, and a
 * SYN-ACK where the SYN was missed; the initial sequence number tells a new connection from
 * a repeated packet of the old one.
 */
#include "flow_internal.h"

#include <assert.h>
#include <string.h>

const char *fl_conn_state_name(enum fl_conn_state s)
{
	static const char *const names[] = {
		[FL_CONN_OTH] = "OTH",
		[FL_CONN_S0] = "S0",
		[FL_CONN_S1] = "S1",
		[FL_CONN_SF] = "SF",
		[FL_CONN_REJ] = "REJ",
		[FL_CONN_S2] = "S2",
		[FL_CONN_S3] = "S3",
		[FL_CONN_RSTO] = "RSTO",
		[FL_CONN_RSTR] = "RSTR",
		[FL_CONN_RSTOS0] = "RSTOS0",
		[FL_CONN_RSTRH] = "RSTRH",
		[FL_CONN_SH] = "SH",
		[FL_CONN_SHR] = "SHR",
	};
	assert((size_t)s < FL_ARRAY_LEN(names));
	return names[s];
}

static bool syn_begins_anew(const struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	if (side == FL_INITIATOR) /* a SYN-ACK that came first has told the number, too */
		return !(f->state_bits & (SYN_SEEN | SYNACK_SEEN)) || p->tcp_seq != f->syn_seq;
	if (f->state_bits & SYNACK_SEEN)
		return p->tcp_seq != f->synack_seq;
	/* Both sides at once (RFC 9293 figure 8), while the first SYN is without an answer. */
	return !(f->state_bits & SYN_SEEN) || f->list != LIST_ATTEMPT;
}

static bool synack_begins_anew(const struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	if (!(f->state_bits & (SYN_SEEN | SYNACK_SEEN)))
		return true; /* the next connection, its SYN was missed */
	if (f->list != LIST_CLOSED)
		return false;
	if (side == FL_INITIATOR)
		return p->tcp_seq != f->syn_seq;
	return f->state_bits & SYNACK_SEEN ? p->tcp_seq != f->synack_seq : p->tcp_ack != f->syn_seq + 1;
}

bool fl_flow_begins_anew(const struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	return p->tcp_flags & FL_TCP_ACK ? synack_begins_anew(f, p, side) : syn_begins_anew(f, p, side);
}

/* The number in a reset may be anything. */
static bool has_ack(const struct fl_packet *p)
{
	return p->transport == FL_TRANSPORT_TCP && (p->tcp_flags & (FL_TCP_ACK | FL_TCP_RST)) == FL_TCP_ACK;
}

bool fl_flow_acks_unseen(const struct fl_flow *f, const struct fl_packet *p)
{
	return has_ack(p) && (f->state_bits & END_KNOWN << FL_RESPONDER) &&
	       (int32_t)(p->tcp_ack - f->payload_end_seq[FL_RESPONDER]) > 1;
}

void fl_flow_acks_seen(struct fl_flow *f, const struct fl_packet *p)
{
	bool known = f->state_bits & END_KNOWN << FL_RESPONDER;
	if (!has_ack(p) || (known && (int32_t)(p->tcp_ack - f->payload_end_seq[FL_RESPONDER]) <= 0))
		return;
	f->payload_end_seq[FL_RESPONDER] = p->tcp_ack;
	f->state_bits |= END_KNOWN << FL_RESPONDER;
}

/* Of an array of two. */
static void swap(void *pair, size_t each)
{
	uint8_t first[sizeof(struct fl_addr)], *p = pair;
	assert(each <= sizeof(first));
	memcpy(first, p, each);
	memcpy(p, p + each, each);
	memcpy(p + each, first, each);
}

void fl_flow_turn(struct fl_flow *f)
{
	swap(f->addr, sizeof(f->addr[0]));
	swap(f->port, sizeof(f->port[0]));
	swap(f->flags_seen, sizeof(f->flags_seen[0]));
	swap(f->payload_end_seq, sizeof(f->payload_end_seq[0]));
	swap(f->packets, sizeof(f->packets[0]));
	swap(f->bytes, sizeof(f->bytes[0]));
	swap(f->first_payload_ns, sizeof(f->first_payload_ns[0]));
	swap(f->stream, sizeof(f->stream[0]));
	unsigned known = f->state_bits & (END_KNOWN | END_KNOWN << 1);
	bool one = known == END_KNOWN || known == END_KNOWN << 1;
	f->state_bits = (uint8_t)(one ? f->state_bits ^ (END_KNOWN | END_KNOWN << 1) : f->state_bits);
	f->rst_first_responder = (f->state_bits & RST_SEEN) && !f->rst_first_responder;
	if (f->last_payload_side < 2)
		f->last_payload_side = !f->last_payload_side;
}

static enum fl_conn_state udp_state(const struct fl_flow *f)
{
	if (f->packets[FL_INITIATOR])
		return f->packets[FL_RESPONDER] ? FL_CONN_SF : FL_CONN_S0;
	return f->packets[FL_RESPONDER] ? FL_CONN_SHR : FL_CONN_OTH;
}

/* A reset by who had said FIN before, of a connection that the other closed, too, is the habit of some stacks. */
static bool was_reset(const struct fl_flow *f)
{
	bool closed = f->flags_seen[FL_INITIATOR] & f->flags_seen[FL_RESPONDER] & FL_TCP_FIN;
	return (f->state_bits & RST_SEEN) && !((f->state_bits & RST_BEHIND_FIN) && closed);
}

/* SYN, and no SYN-ACK. What else the responder said shows that there was one. */
static enum fl_conn_state attempt_state(const struct fl_flow *f)
{
	bool spoke = f->bytes[FL_RESPONDER] > 0;
	if (was_reset(f) && f->rst_first_responder)
		return spoke ? FL_CONN_RSTR : FL_CONN_REJ;
	if (was_reset(f))
		return FL_CONN_RSTOS0;
	if (f->flags_seen[FL_INITIATOR] & FL_TCP_FIN)
		return FL_CONN_SH;
	if (f->flags_seen[FL_RESPONDER] & FL_TCP_FIN)
		return FL_CONN_S3;
	return spoke ? FL_CONN_OTH : FL_CONN_S0;
}

/* SYN-ACK, and nothing of the initiator that lives. */
static enum fl_conn_state answer_state(const struct fl_flow *f)
{
	if (f->state_bits & RST_SEEN)
		return f->rst_first_responder ? FL_CONN_RSTRH : FL_CONN_RSTO;
	return f->flags_seen[FL_RESPONDER] & FL_TCP_FIN ? FL_CONN_SHR : FL_CONN_OTH;
}

enum fl_conn_state fl_flow_state(const struct fl_flow *f)
{
	if (f->transport != FL_TRANSPORT_TCP)
		return udp_state(f);
	unsigned bits = f->state_bits;
	if (!(bits & (SYN_SEEN | SYNACK_SEEN)))
		return FL_CONN_OTH;
	bool fin[2] = { f->flags_seen[0] & FL_TCP_FIN, f->flags_seen[1] & FL_TCP_FIN };
	bool refused = (bits & RST_SEEN) && f->rst_after_syn && !f->bytes[FL_RESPONDER];
	if (!(bits & SYNACK_SEEN) || refused)
		return attempt_state(f);
	if (!(bits & SYN_SEEN) && !f->established_ns)
		return answer_state(f);
	if (was_reset(f))
		return f->rst_first_responder ? FL_CONN_RSTR : FL_CONN_RSTO;
	if (fin[FL_INITIATOR])
		return fin[FL_RESPONDER] ? FL_CONN_SF : FL_CONN_S2;
	return fin[FL_RESPONDER] ? FL_CONN_S3 : FL_CONN_S1;
}
