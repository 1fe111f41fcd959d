/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.h - the flow table: biflows by 5-tuple, their TCP state, their end
 *
 * A flow is one transport connection or UDP exchange (RFC 7011 section 2, biflow RFC 5103).
 * The table has a fixed number of slots, allocated at start, hashed with a seed by open
 * addressing; flows hang in one list per time-out class in the order of their
 * last packet, so expiry looks only at heads and nothing is scanned. When it is full the
 * flow that was silent longest is ended early and counted as evicted.
 * A flow moves in its list only when an eighth of the time-out has passed since it
 * last moved: the order, and with it the moment of expiry and the choice of the flow to
 * evict, is exact to that eighth. Whether a packet belongs to an old flow or begins a
 * new one is decided by the packets' own times and is exact.
 * Time is the packets' time; nothing here reads a clock. Times may go backwards (merged
 * files): the table's clock is the latest time seen; a packet over a day ahead of it
 * moves it only when the next one is, too.
 */
#ifndef FAULTLINE_FLOW_H
#define FAULTLINE_FLOW_H

#include "faultline/decode.h"
#include "faultline/stream.h"
#include "faultline/strpool.h"

/* Zeek's conn_state. */
enum fl_conn_state {
	FL_CONN_OTH,    /* midstream: no SYN seen */
	FL_CONN_S0,     /* attempt seen, no reply */
	FL_CONN_S1,     /* established, not ended */
	FL_CONN_SF,     /* established, normal end */
	FL_CONN_REJ,    /* attempt rejected (RST answers SYN) */
	FL_CONN_S2,     /* established, close attempt by initiator, none by responder */
	FL_CONN_S3,     /* established, close attempt by responder, none by initiator */
	FL_CONN_RSTO,   /* established, initiator aborted */
	FL_CONN_RSTR,   /* responder aborted */
	FL_CONN_RSTOS0, /* initiator sent SYN then RST, no SYN-ACK seen */
	FL_CONN_RSTRH,  /* responder sent SYN-ACK then RST, no SYN seen */
	FL_CONN_SH,     /* initiator sent SYN then FIN, no SYN-ACK seen */
	FL_CONN_SHR,    /* responder sent SYN-ACK then FIN, no SYN seen */
};
const char *fl_conn_state_name(enum fl_conn_state s); /* "S0" ... */

enum fl_side { FL_INITIATOR = 0, FL_RESPONDER = 1 };

/* How the flow ended. */
enum fl_flow_end { FL_END_CLOSED, FL_END_IDLE, FL_END_EVICTED, FL_END_CAPTURE };

enum { FL_FLOW_RECENT = 8 };

/* 256 bytes. Hot fields first: a packet that changes no state touches two adjacent cache lines. */
struct fl_flow {
	/* identity; [0] initiator, [1] responder */
	struct fl_addr addr[2];
	uint16_t port[2];
	uint8_t transport;
	uint8_t flags_seen[2];        /* OR of tcp_flags */
	uint8_t list;                 /* table's own: time-out class */
	int64_t last_ns;
	/* End of the payload seen so far, to tell retransmissions. */
	uint32_t payload_end_seq[2];
	uint32_t packets[2];
	uint64_t bytes[2];            /* payload on the wire, retransmissions included */
	int64_t queued_ns;            /* table's own: its clock when this went to its list's tail */
	uint8_t state_bits;           /* table's own */
	uint8_t recent_at;            /* table's own: oldest of recent */
	uint8_t last_payload_side;    /* 0, 1, or 2 before any payload */
	bool midstream : 1;           /* TCP: no SYN was seen (initiator by SYN-ACK, lower port, first packet) */
	bool broken : 1;              /* payload was cut or lost: counts are lower bounds */
	bool rst_first_responder : 1; /* first RST came from the responder */
	bool rst_after_syn : 1;       /* RST before any SYN-ACK */
	bool unreachable : 1;         /* an ICMP error quoted it */
	uint8_t user_bits : 2;          /* as user[] below */
	bool user_flag : 1;             /* as user[] below */
	uint32_t recent[FL_FLOW_RECENT]; /* table's own: the last TCP packets, to fold duplicates */
	uint32_t exchanges;           /* begun */

	/* times, ns; a packet stamped 0 counts as 1 where 0 means none */
	int64_t first_ns;
	int64_t established_ns;       /* SYN-ACK was acknowledged; 0 = not */
	int64_t synack_ns;            /* first SYN-ACK; 0 = none */
	int64_t syn_ns;               /* last SYN before the SYN-ACK */
	int64_t first_payload_ns[2];  /* 0 = none */

	/* Exchanges by change of payload direction (see exchange rules in scanner.h). */
	int64_t exchange_start_ns;    /* open exchange; 0 = none */

	uint32_t syn_seq, synack_seq;
	uint16_t syn_packets;         /* SYNs of the initiator, over 2 ms apart; all but the first are retransmissions */

	/* Kept for the layer above, with user_bits and user_flag, zero at creation, never read here. */
	uint16_t user_half;
	struct fl_stream stream[2];
	uint32_t user[9];

	uint32_t next, prev;          /* table's own */
};

struct fl_flow_options {
	uint32_t capacity;            /* flows */
	int64_t tcp_attempt_ns;       /* unanswered attempts: 75 s */
	int64_t tcp_idle_ns;          /* established: 1 h by default */
	int64_t tcp_closed_ns;        /* after both FINs or a RST: 5 s */
	int64_t udp_idle_ns;          /* 60 s */
};
extern const struct fl_flow_options fl_flow_defaults;

struct fl_flow_counters {
	uint64_t created, ended[4];   /* by enum fl_flow_end; [EVICTED] goes into coverage */
	uint64_t duplicates;          /* packets seen twice within 2 ms, dropped */
};

/* Called once per flow when it ends; @flow dies on return. */
typedef void fl_flow_ended(void *context, struct fl_flow *flow, enum fl_flow_end how);

struct fl_flow_table;
struct fl_flow_table *fl_flow_table_new(const struct fl_flow_options *options, fl_flow_ended *ended,
					void *context);
void fl_flow_table_free(struct fl_flow_table *t); /* without calling ended */

/* Called with the flow that is likely to end next of its kind, for its owner to fetch what that will take. Nothing may change. */
typedef void fl_flow_due(void *context, const struct fl_flow *flow);
void fl_flow_table_on_due(struct fl_flow_table *t, fl_flow_due *due);

/* What one packet meant. */
struct fl_flow_packet {
	struct fl_flow *flow;
	enum fl_side side;            /* who sent it */
	bool created;                 /* the flow began with this packet */
	bool duplicate;               /* seen before: count nothing, parse nothing */
	bool retransmit;              /* payload brings no new byte */
};

/**
 * fl_flow_table_add() - Find or create the packet's flow and update it
 * @t: table; ends flows that are due by then first
 * @p: TCP or UDP packet
 *
 * A SYN on a flow that is closed or has another initial sequence number ends the
 * old flow and begins a new one (port reuse). The same packet within 2 ms is a
 * duplicate: same flags, window, sequence, acknowledgement and length for TCP; same length, first and last
 * bytes for UDP datagrams of 12 bytes and more. The direction of a TCP flow comes from SYN, SYN-ACK, else the
 * lower port is the responder (equal: the first sender initiates); UDP: the first
 * sender initiates, unless only its port is below 1024, or is that of DNS.
 * Payload that arrives in a SYN counts.
 *
 * Return: by value; flow is valid until the next call. O(1) expected.
 */
struct fl_flow_packet fl_flow_table_add(struct fl_flow_table *t, const struct fl_packet *p);

/* For a packet that is going to be added soon: its hash, with the place in memory where it leads to being fetched; then the
 * flow there. Neither changes anything. fl_flow_table_add_hashed() is fl_flow_table_add() with the hash known. */
uint32_t fl_flow_table_expect(const struct fl_flow_table *t, const struct fl_packet *p);
const struct fl_flow *fl_flow_table_expect_flow(const struct fl_flow_table *t, const struct fl_packet *p, uint32_t hash);
struct fl_flow_packet fl_flow_table_add_hashed(struct fl_flow_table *t, const struct fl_packet *p, uint32_t hash);

/* @p, of datagrams and just added to @f, begins another connection between the same ends: what was before it ends (its last packet is
 * taken for as late), and @f is a new flow with @p alone. */
void fl_flow_table_begin_again(struct fl_flow_table *t, struct fl_flow *f, const struct fl_packet *p);

/* An ICMP error quoted this packet: mark the flow, when there is one. */
void fl_flow_table_unreachable(struct fl_flow_table *t, const struct fl_packet *p);
/* The flow with these ends, in either direction, or NULL. Valid until the next fl_flow_table_add(). */
struct fl_flow *fl_flow_table_find(const struct fl_flow_table *t, const struct fl_addr *a, uint16_t a_port,
				   const struct fl_addr *b, uint16_t b_port, uint8_t transport);
/* Does a packet of the initiator acknowledge bytes of the responder past all that were captured (one more is its FIN)? Such
 * bytes arrived, so the capture lacks them: it drops, or it sees one direction only. */
bool fl_flow_acks_unseen(const struct fl_flow *f, const struct fl_packet *p);
/* What a packet of the initiator acknowledges counts as seen from here on. */
void fl_flow_acks_seen(struct fl_flow *f, const struct fl_packet *p);
/* What was taken for the responder opened the flow: sides change places. For connections that were met in their middle, whose ports
 * misled. */
void fl_flow_turn(struct fl_flow *f);
/* End everything, oldest first, and give the memory back; the table can be used again. */
void fl_flow_table_flush(struct fl_flow_table *t);

/* SYNs of the initiator that repeated one that was not answered. */
static inline uint32_t fl_flow_syn_retransmits(const struct fl_flow *f)
{
	return f->syn_packets > 1 ? f->syn_packets - 1u : 0;
}

/* Zeek's state of the flow as it is now. */
enum fl_conn_state fl_flow_state(const struct fl_flow *f);

/* Every flow that is open; @visit must not add packets. */
void fl_flow_table_walk(struct fl_flow_table *t, void (*visit)(void *context, struct fl_flow *flow), void *context);
/* 0 .. capacity - 1, of no other flow that is open now: for side tables. */
uint32_t fl_flow_number(const struct fl_flow_table *t, const struct fl_flow *f);

uint32_t fl_flow_table_count(const struct fl_flow_table *t);
const struct fl_flow_counters *fl_flow_table_counters(const struct fl_flow_table *t);

#endif
