/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_packet.c - what one more packet does to its flow: is it a copy, does it bring anything new, which flags and numbers does it add
 *
 * Duplicates: mirrors and bridges show a packet several times within microseconds, with
 * up to a driver's batch (8, gro_normal_batch in Linux) of other packets between.
 * Each flow keeps hash and time of its last 8 TCP packets; payload that goes past all
 * that was seen cannot be a copy and skips the search. With 24 bits of hash one packet in two
 * million that is no copy is taken for one.
 *
 * What the flags and numbers mean together is in flow_state.c; where the flow waits for its time-out in flow.c.
 */
#include "flow_internal.h"

#include <string.h>

#include "faultline/hash.h"

/* Two sightings of one packet lie microseconds apart; the shortest minimum RTO in use (Linux in
 * data centres) is 5 ms. A word of @recent is 24 bits of hash and 8 bits of time in ticks of 2^17 ns.
 * All of it is forgotten after a silence of DUPLICATE_NS, so no entry is older than 7 such
 * silences and the time, which repeats after 33 ms, is not ambiguous. */
enum {
	DUPLICATE_NS = 2000000,
	TICK_BITS = 17,
	DUPLICATE_TICKS = DUPLICATE_NS >> TICK_BITS,
	HASH_MASK = 0xffffff
};

/* 24 bits, never 0, so that it differs from an unused entry. */
static inline uint32_t packet_hash(const struct fl_packet *p, unsigned side)
{
	uint64_t numbers = (uint64_t)p->tcp_seq << 32 | p->tcp_ack;
	uint64_t rest = (uint64_t)p->payload_len << 32 | (uint64_t)p->tcp_window << 16 |
			(uint64_t)p->tcp_flags << 8 | side;
	/* Odd constants from the binary digits of pi and e. */
	uint64_t h = fl_hash_fold(numbers ^ 0x243f6a8885a308d3u, rest ^ 0xb7e151628aed2a6bu) >> 40;
	return h ? (uint32_t)h : 1;
}

enum { DATAGRAM_MIN = 12 }; /* bytes, below which two may well be alike; a DNS header is as long */

/* The same for datagrams: length, and the first and last bytes, where ids and counters stand. */
static inline uint32_t datagram_hash(const struct fl_packet *p, unsigned side)
{
	size_t size = p->payload.size, part = size < 32 ? size : 32;
	uint64_t h = fl_hash_bytes(p->payload.data, part, (uint64_t)p->payload_len << 1 | side);
	h = fl_hash_bytes(p->payload.data + size - part, part, h) >> 40;
	return h ? (uint32_t)h : 1;
}

static inline uint32_t end_known(unsigned side)
{
	return (uint32_t)END_KNOWN << side;
}

static inline uint32_t payload_seq(const struct fl_packet *p)
{
	return p->tcp_seq + (p->tcp_flags & FL_TCP_SYN ? 1 : 0);
}

/* Payload bytes past all that were seen. */
static inline bool brings_new(const struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	if (p->payload_len == 0)
		return false;
	uint32_t past = payload_seq(p) + p->payload_len - f->payload_end_seq[side];
	return !(f->state_bits & end_known(side)) || (int32_t)past > 0;
}

static inline bool is_recent(const struct fl_flow *f, uint32_t hash, uint32_t now)
{
	unsigned hits = 0;
	for (unsigned i = 0; i < FL_FLOW_RECENT; i++) {
		uint32_t age = now - (f->recent[i] >> 24); /* either sign: stamps of two processors */
		hits |= (unsigned)((f->recent[i] & HASH_MASK) == hash) &
			(unsigned)(((age + DUPLICATE_TICKS) & 0xff) <= 2 * DUPLICATE_TICKS);
	}
	return hits;
}

/* Remembers the packet unless it is a copy of one of the last. */
static inline bool seen_before(struct fl_flow *f, const struct fl_packet *p, uint32_t hash, bool is_new)
{
	uint32_t now = (uint32_t)((uint64_t)p->time_ns >> TICK_BITS);
	int64_t gap = flow_elapsed(f->last_ns, p->time_ns);
	if (gap > DUPLICATE_NS || gap < -DUPLICATE_NS)
		memset(f->recent, 0, sizeof(f->recent));
	else if (!is_new && is_recent(f, hash, now))
		return true;
	unsigned at = f->recent_at % FL_FLOW_RECENT;
	f->recent[at] = now << 24 | hash;
	f->recent_at = (uint8_t)(at + 1);
	return false;
}

static inline int64_t stamp(const struct fl_packet *p)
{
	return p->time_ns ? p->time_ns : 1;
}

static enum list_class initiator_syn(struct fl_flow *f, const struct fl_packet *p)
{
	int64_t gap = flow_elapsed(f->syn_ns, p->time_ns);
	bool first = !(f->state_bits & SYN_SEEN);
	if (!first && gap <= DUPLICATE_NS && gap >= -DUPLICATE_NS)
		return (enum list_class)f->list;
	f->syn_packets = (uint16_t)(f->syn_packets + (f->syn_packets < UINT16_MAX));
	if (first || !(f->state_bits & SYNACK_SEEN))
		f->syn_ns = stamp(p);
	f->syn_seq = p->tcp_seq;
	f->state_bits |= SYN_SEEN;
	f->midstream = false;
	/* Reset before it was answered, and tried again with the same number: Windows does so when it is
	 * refused, Linux when the port's last user was not quite gone (RFC 5961 section 4). */
	if (!(f->state_bits & RST_SEEN) || !f->rst_after_syn)
		return (enum list_class)f->list;
	f->state_bits &= (uint8_t)~RST_SEEN;
	f->rst_after_syn = f->rst_first_responder = false;
	return LIST_ATTEMPT;
}

static void responder_syn(struct fl_flow *f, const struct fl_packet *p)
{
	if (f->state_bits & SYNACK_SEEN)
		return;
	f->state_bits = (uint8_t)(f->state_bits | SYNACK_SEEN | end_known(FL_RESPONDER));
	f->synack_ns = stamp(p);
	f->synack_seq = p->tcp_seq;
	f->payload_end_seq[FL_RESPONDER] = p->tcp_seq + 1;
	if (!(f->state_bits & SYN_SEEN)) {
		f->syn_seq = p->tcp_ack - 1;
		f->payload_end_seq[FL_INITIATOR] = p->tcp_ack;
		f->state_bits = (uint8_t)(f->state_bits | end_known(FL_INITIATOR));
	}
}

/* Return: whether both sides are done. */
static bool close_side(struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	unsigned own = p->tcp_flags | f->flags_seen[side];
	if ((p->tcp_flags & FL_TCP_RST) && !(f->state_bits & RST_SEEN)) {
		f->state_bits |= f->flags_seen[side] & FL_TCP_FIN ? RST_SEEN | RST_BEHIND_FIN : RST_SEEN;
		f->rst_first_responder = side == FL_RESPONDER;
		f->rst_after_syn = (f->state_bits & (SYN_SEEN | SYNACK_SEEN)) == SYN_SEEN;
	}
	return (f->state_bits & RST_SEEN) || (own & f->flags_seen[!side] & FL_TCP_FIN);
}

static inline void note_payload_end(struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	bool known = f->state_bits & end_known(side);
	/* A reset's number may be anything; a keep-alive's byte lies before the end. */
	if (!known && (p->tcp_flags & FL_TCP_RST))
		return;
	uint32_t end = payload_seq(p) + p->payload_len;
	if (!known || (p->payload_len > 0 && (int32_t)(end - f->payload_end_seq[side]) > 0))
		f->payload_end_seq[side] = end;
	f->state_bits = (uint8_t)(f->state_bits | end_known(side));
}

/* Return: the list that the flow belongs to now. */
static inline enum list_class update_tcp(struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	enum list_class list = (enum list_class)f->list;
	unsigned flags = p->tcp_flags;
	if ((flags & (FL_TCP_SYN | FL_TCP_RST)) == FL_TCP_SYN) {
		if (side == FL_RESPONDER)
			responder_syn(f, p);
		else if (!(flags & FL_TCP_ACK))
			list = initiator_syn(f, p);
	}
	if (side == FL_INITIATOR && !f->established_ns && (f->state_bits & SYNACK_SEEN) &&
		!(flags & FL_TCP_RST) && (flags & FL_TCP_ACK || (p->payload_len && !(flags & FL_TCP_SYN)))) {
		f->established_ns = stamp(p);
		list = list == LIST_ATTEMPT ? LIST_IDLE : list;
	}
	if ((flags & (FL_TCP_FIN | FL_TCP_RST)) && close_side(f, p, side))
		list = LIST_CLOSED;
	note_payload_end(f, p, side);
	f->flags_seen[side] = (uint8_t)(f->flags_seen[side] | flags);
	return list;
}

struct flow_news flow_see_packet(struct fl_flow *f, const struct fl_packet *p, unsigned side, bool created)
{
	struct flow_news news = { .list = (enum list_class)f->list };
	if (p->transport == FL_TRANSPORT_TCP) {
		bool is_new = brings_new(f, p, side);
		news.duplicate = seen_before(f, p, packet_hash(p, side), is_new || created);
		news.retransmit = p->payload_len > 0 && !is_new;
		if (!news.duplicate)
			news.list = update_tcp(f, p, side);
	} else if (p->payload.size >= DATAGRAM_MIN) {
		news.duplicate = seen_before(f, p, datagram_hash(p, side), created);
	}
	return news;
}
