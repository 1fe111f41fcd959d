/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_flow.c - conversations as tables of packets, and what the flow table makes of them
 *
 * C is the client 10.0.0.1:40000, S the server 10.0.0.2:443. The end of every flow is
 * written down in the order in which the table reports it.
 */
#include "unit.h"

#include "faultline/flow.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define START (INT64_C(1700000000) * SECOND)

enum { F = FL_TCP_FIN, S = FL_TCP_SYN, R = FL_TCP_RST, A = FL_TCP_ACK, P = FL_TCP_PSH };
enum { MAX_STEPS = 14, MAX_ENDED = 8 };

struct step {
	double ms;
	char from;        /* 'C' or 'S'; 0 ends the table */
	unsigned flags;
	uint32_t seq, ack, len;
};

struct row {
	const char *name;
	const char *expected; /* the states of the ended flows, in order */
	struct step steps[MAX_STEPS];
	unsigned duplicates, syn_packets, syn_retransmits; /* the latter of the last flow */
	bool established, midstream, client_initiates;
};

struct log {
	unsigned count;
	struct fl_flow flow[MAX_ENDED];
	enum fl_flow_end how[MAX_ENDED];
};

static void note_end(void *context, struct fl_flow *flow, enum fl_flow_end how)
{
	struct log *log = context;
	assert_true(log->count < MAX_ENDED);
	log->flow[log->count] = *flow;
	log->how[log->count++] = how;
}

static struct fl_packet packet(char from, double ms, uint8_t transport)
{
	static const uint8_t client[4] = { 10, 0, 0, 1 }, server[4] = { 10, 0, 0, 2 };
	struct fl_packet p = { .time_ns = START + (int64_t)(ms * (double)MS), .transport = transport };
	p.src = fl_addr_v4(from == 'C' ? client : server);
	p.dst = fl_addr_v4(from == 'C' ? server : client);
	p.src_port = from == 'C' ? 40000 : 443;
	p.dst_port = from == 'C' ? 443 : 40000;
	return p;
}

static struct fl_flow_packet tcp(struct fl_flow_table *t, const struct step *s)
{
	struct fl_packet p = packet(s->from, s->ms, FL_TRANSPORT_TCP);
	p.tcp_flags = (uint8_t)s->flags;
	p.tcp_seq = s->seq;
	p.tcp_ack = s->ack;
	p.payload_len = s->len;
	p.payload.size = s->len;
	return fl_flow_table_add(t, &p);
}

static struct fl_flow_packet udp(struct fl_flow_table *t, char from, double ms, uint16_t src, uint16_t dst)
{
	struct fl_packet p = packet(from, ms, FL_TRANSPORT_UDP);
	p.src_port = src;
	p.dst_port = dst;
	p.payload_len = 10;
	p.payload.size = 10;
	return fl_flow_table_add(t, &p);
}

static struct fl_flow_table *new_table(uint32_t capacity, struct log *log)
{
	struct fl_flow_options o = fl_flow_defaults;
	o.capacity = capacity;
	return fl_flow_table_new(&o, note_end, log);
}

#define HANDSHAKE { 0, 'C', S, 100, 0, 0 }, { 10, 'S', S | A, 500, 101, 0 }, { 11, 'C', A, 101, 501, 0 }
#define HANDSHAKE_AT(ms, c, s) \
	{ ms, 'C', S, c, 0, 0 }, { ms + 10, 'S', S | A, s, c + 1, 0 }, { ms + 11, 'C', A, c + 1, s + 1, 0 }

static struct row rows[] = {
	{ "SYN alone is S0", "S0", { { 0, 'C', S, 100, 0, 0 } }, 0, 1, 0, false, false, true },
	{ "SYN repeated after a second is one attempt", "S0",
	  { { 0, 'C', S, 100, 0, 0 }, { 1000, 'C', S, 100, 0, 0 }, { 3000, 'C', S, 100, 0, 0 } }, 0, 3, 2, false,
	  false, true },
	{ "SYN repeated within 2 ms is one packet", "S0",
	  { { 0, 'C', S, 100, 0, 0 }, { 0.05, 'C', S, 100, 0, 0 }, { 1.8, 'C', S, 100, 0, 0 } }, 2, 1, 0, false,
	  false, true },
	{ "a copy stamped a little before its original is a copy", "S0",
	  { { 0, 'C', S, 100, 0, 0 }, { -0.02, 'C', S, 100, 0, 0 } }, 1, 1, 0, false, false, true },
	{ "SYN with another number on an attempt is another attempt", "S0 S0",
	  { { 0, 'C', S, 100, 0, 0 }, { 500, 'C', S, 900, 0, 0 } }, 0, 1, 0, false, false, true },
	{ "SYN answered by RST is REJ", "REJ", { { 0, 'C', S, 100, 0, 0 }, { 1, 'S', R | A, 0, 101, 0 } }, 0, 1,
	  0, false, false, true },
	{ "refused, tried again with the same number, let in", "S1",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'S', R | A, 0, 101, 0 }, { 500, 'C', S, 100, 0, 0 },
	    { 501, 'S', S | A, 500, 101, 0 }, { 502, 'C', A, 101, 501, 0 }, { 9000, 'C', P | A, 101, 501, 5 } },
	  0, 2, 1, true, false, true },
	{ "refused twice is REJ", "REJ",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'S', R | A, 0, 101, 0 }, { 500, 'C', S, 100, 0, 0 },
	    { 501, 'S', R | A, 0, 101, 0 } }, 0, 2, 1, false, false, true },
	{ "challenge ACK, RST, same SYN again, handshake", "S1",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'S', A, 700, 50, 0 }, { 2, 'C', R, 50, 0, 0 },
	    { 3000, 'C', S, 100, 0, 0 }, { 3010, 'S', S | A, 500, 101, 0 }, { 3011, 'C', A, 101, 501, 0 } }, 0,
	  2, 1, true, false, true },
	{ "SYN then RST of the initiator is RSTOS0", "RSTOS0",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'C', R, 101, 0, 0 } }, 0, 1, 0, false, false, true },
	{ "SYN then FIN, nothing of the responder, is SH", "SH",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'C', F | A, 101, 501, 0 } }, 0, 1, 0, false, false, true },
	{ "no SYN-ACK, but an answer, is OTH", "OTH",
	  { { 0, 'C', S, 100, 0, 0 }, { 2, 'C', P | A, 101, 501, 5 }, { 3, 'S', P | A, 501, 106, 7 } }, 0, 1, 0, false, false, true },
	{ "no SYN-ACK, an answer and FINs, is SH", "SH",
	  { { 0, 'C', S, 100, 0, 0 }, { 2, 'C', P | A, 101, 501, 5 }, { 3, 'S', P | A, 501, 106, 7 }, { 4, 'C', F | A, 106, 508, 0 },
	    { 5, 'S', F | A, 508, 107, 0 } }, 0, 1, 0, false, false, true },
	{ "no SYN-ACK, an answer and a RST, is RSTOS0", "RSTOS0",
	  { { 0, 'C', S, 100, 0, 0 }, { 2, 'C', P | A, 101, 501, 5 }, { 3, 'S', P | A, 501, 106, 7 }, { 4, 'C', R | A, 106, 508, 0 } }, 0,
	  1, 0, false, false, true },
	{ "SYN and SYN-ACK, never acknowledged", "S1",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'S', S | A, 500, 101, 0 }, { 1001, 'S', S | A, 500, 101, 0 } }, 0, 1,
	  0, false, false, true },
	{ "a half-open scan ends RSTO", "RSTO",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'S', S | A, 500, 101, 0 }, { 2, 'C', R, 101, 0, 0 } }, 0, 1, 0, false,
	  false, true },
	{ "handshake is S1", "S1", { HANDSHAKE }, 0, 1, 0, true, false, true },
	{ "a lost ACK: data acknowledges the SYN-ACK, too", "S1",
	  { { 0, 'C', S, 100, 0, 0 }, { 10, 'S', S | A, 500, 101, 0 }, { 11, 'C', P | A, 101, 501, 5 } }, 0, 1,
	  0, true, false, true },
	{ "FIN of both is SF", "SF",
	  { HANDSHAKE, { 20, 'C', F | A, 101, 501, 0 }, { 30, 'S', F | A, 501, 102, 0 },
	    { 31, 'C', A, 102, 502, 0 } }, 0, 1, 0, true, false, true },
	{ "FIN of the initiator only is S2", "S2", { HANDSHAKE, { 20, 'C', F | A, 101, 501, 0 } }, 0, 1, 0, true,
	  false, true },
	{ "FIN of the responder only is S3", "S3", { HANDSHAKE, { 20, 'S', F | A, 501, 101, 0 } }, 0, 1, 0, true,
	  false, true },
	{ "RST of the initiator is RSTO", "RSTO", { HANDSHAKE, { 20, 'C', R | A, 101, 501, 0 } }, 0, 1, 0, true,
	  false, true },
	{ "RST of the responder is RSTR", "RSTR", { HANDSHAKE, { 20, 'S', R | A, 501, 101, 0 } }, 0, 1, 0, true,
	  false, true },
	{ "the first RST counts", "RSTR",
	  { HANDSHAKE, { 20, 'S', R | A, 501, 101, 0 }, { 21, 'C', R, 101, 0, 0 } }, 0, 1, 0, true, false, true },
	{ "FIN answered by RST is RSTR", "RSTR",
	  { HANDSHAKE, { 20, 'C', F | A, 101, 501, 0 }, { 21, 'S', R | A, 501, 102, 0 } }, 0, 1, 0, true, false,
	  true },
	{ "RST after both FINs changes nothing", "SF",
	  { HANDSHAKE, { 20, 'C', F | A, 101, 501, 0 }, { 21, 'S', F | A, 501, 102, 0 },
	    { 22, 'C', R, 102, 0, 0 } }, 0, 1, 0, true, false, true },
	{ "FIN and RST of the initiator, then FIN of the responder, is SF", "SF",
	  { HANDSHAKE, { 20, 'C', F | A, 101, 501, 0 }, { 21, 'C', R, 102, 0, 0 }, { 22, 'S', F | A, 501, 102, 0 } }, 0, 1, 0, true,
	  false, true },
	{ "RST of the initiator, then FINs, is RSTO", "RSTO",
	  { HANDSHAKE, { 20, 'C', R, 101, 0, 0 }, { 21, 'C', F | A, 101, 501, 0 }, { 22, 'S', F | A, 501, 102, 0 } }, 0, 1, 0, true,
	  false, true },
	{ "SYN-ACK first: its receiver initiates", "S1",
	  { { 0, 'S', S | A, 500, 101, 0 }, { 1, 'C', A, 101, 501, 0 } }, 0, 0, 0, true, true, true },
	{ "SYN-ACK alone is OTH", "OTH", { { 0, 'S', S | A, 500, 101, 0 } }, 0, 0, 0, false, true, true },
	{ "SYN-ACK then FIN is SHR", "SHR", { { 0, 'S', S | A, 500, 101, 0 }, { 1, 'S', F | A, 501, 101, 0 } }, 0,
	  0, 0, false, true, true },
	{ "SYN-ACK then RST is RSTRH", "RSTRH", { { 0, 'S', S | A, 500, 101, 0 }, { 1, 'S', R, 501, 0, 0 } }, 0,
	  0, 0, false, true, true },
	{ "SYN-ACK captured before its SYN", "S1",
	  { { 0, 'S', S | A, 500, 101, 0 }, { 0.01, 'C', S, 100, 0, 0 }, { 1, 'C', A, 101, 501, 0 } }, 0, 1, 0,
	  true, false, true },
	{ "no SYN: the lower port responds, and it is OTH", "OTH",
	  { { 0, 'S', P | A, 900, 200, 100 }, { 1, 'C', A, 200, 1000, 0 }, { 2, 'C', F | A, 200, 1000, 0 } }, 0,
	  0, 0, false, true, true },
	{ "simultaneous open is one flow", "S1",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'S', S, 500, 0, 0 }, { 2, 'C', S | A, 100, 501, 0 },
	    { 3, 'S', S | A, 500, 101, 0 }, { 4, 'C', A, 101, 501, 0 } }, 0, 1, 0, true, false, true },
	{ "port reuse after FINs begins a new flow", "SF S1",
	  { HANDSHAKE, { 20, 'C', F | A, 101, 501, 0 }, { 30, 'S', F | A, 501, 102, 0 },
	    HANDSHAKE_AT(1000, 9000, 8000) }, 0, 1, 0, true, false, true },
	{ "port reuse after a refusal begins a new flow", "REJ REJ",
	  { { 0, 'C', S, 100, 0, 0 }, { 1, 'S', R | A, 0, 101, 0 }, { 500, 'C', S, 200, 0, 0 },
	    { 501, 'S', R | A, 0, 201, 0 } }, 0, 1, 0, false, false, true },
	{ "port reuse by the other side after FINs begins a new flow", "SF S0",
	  { HANDSHAKE, { 20, 'C', F | A, 101, 501, 0 }, { 30, 'S', F | A, 501, 102, 0 },
	    { 1000, 'S', S, 7000, 0, 0 } }, 0, 1, 0, false, false, false },
	{ "SYN on a mid-stream flow begins a new flow", "OTH S0",
	  { { 0, 'C', P | A, 900, 200, 100 }, { 5, 'C', S, 100, 0, 0 } }, 0, 1, 0, false, false, true },
	{ "SYN-ACK on a mid-stream flow begins a new flow", "OTH OTH",
	  { { 0, 'C', P | A, 900, 200, 100 }, { 5, 'S', S | A, 100, 901, 0 } }, 0, 0, 0, false, true, true },
	{ "every packet twice, interleaved, counts once", "SF",
	  { { 0, 'C', S, 100, 0, 0 }, { 0.03, 'C', S, 100, 0, 0 }, { 1, 'S', S | A, 500, 101, 0 },
	    { 1.01, 'C', A, 101, 501, 0 }, { 1.03, 'S', S | A, 500, 101, 0 }, { 1.04, 'C', A, 101, 501, 0 },
	    { 1.05, 'C', P | A, 101, 501, 10 }, { 1.06, 'C', P | A, 101, 501, 10 },
	    { 30, 'C', F | A, 111, 501, 0 }, { 30.01, 'C', F | A, 111, 501, 0 }, { 31, 'S', F | A, 501, 112, 0 },
	    { 31.05, 'S', F | A, 501, 112, 0 } }, 6, 1, 0, true, false, true },
	{ "a time that goes back two hours ends nothing", "S1",
	  { HANDSHAKE, { -7200000, 'C', P | A, 101, 501, 5 }, { 20, 'S', A, 501, 106, 0 } }, 0, 1, 0, true,
	  false, true },
	{ "one stamp decades ahead ends nothing", "S1",
	  { { 0, 'C', S, 100, 0, 0 }, { 1.5e12, 'S', S | A, 500, 101, 0 }, { 11, 'C', A, 101, 501, 0 } }, 0, 1, 0,
	  true, false, true },
	{ "two captures years apart in one file", "S0 S1",
	  { { 0, 'C', S, 100, 0, 0 }, { 1.5e11, 'C', S, 900, 0, 0 }, { 1.5e11 + 10, 'S', S | A, 500, 901, 0 },
	    { 1.5e11 + 11, 'C', A, 901, 501, 0 } }, 0, 1, 0, true, false, true },
	{ "an attempt silent for over 75 s is over", "S0 S0",
	  { { 0, 'C', S, 100, 0, 0 }, { 76000, 'C', S, 100, 0, 0 } }, 0, 1, 0, false, false, true },
	{ "an established flow may be silent for an hour", "S1",
	  { HANDSHAKE, { 3500000, 'C', P | A, 101, 501, 5 } }, 0, 1, 0, true, false, true },
	{ "after more than an hour it is another flow", "S1 OTH",
	  { HANDSHAKE, { 3700000, 'C', P | A, 101, 501, 5 } }, 0, 0, 0, false, true, true },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(16, &log);
	for (size_t i = 0; i < MAX_STEPS && row->steps[i].from; i++)
		tcp(t, &row->steps[i]);
	fl_flow_table_flush(t);
	char states[64] = "";
	for (unsigned i = 0; i < log.count; i++) {
		strcat(states, i ? " " : "");
		strcat(states, fl_conn_state_name(fl_flow_state(&log.flow[i])));
	}
	assert_string_equal(states, row->expected);
	const struct fl_flow *last = &log.flow[log.count - 1];
	assert_int_equal(fl_flow_table_counters(t)->duplicates, row->duplicates);
	assert_int_equal(last->syn_packets, row->syn_packets);
	assert_int_equal(fl_flow_syn_retransmits(last), row->syn_retransmits);
	assert_int_equal(last->established_ns != 0, row->established);
	assert_int_equal(last->midstream, row->midstream);
	assert_int_equal(last->addr[FL_INITIATOR].bytes[15], row->client_initiates ? 1 : 2);
	assert_int_equal(fl_flow_table_count(t), 0);
	assert_true(last->first_ns <= last->last_ns);
	fl_flow_table_free(t);
}

static void times_of_a_handshake(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(4, &log);
	const struct step steps[] = { { 0, 'C', S, 100, 0, 0 }, { 1000, 'C', S, 100, 0, 0 },
		{ 1010, 'S', S | A, 500, 101, 0 }, { 1011, 'C', A, 101, 501, 0 }, { 2010, 'S', S | A, 500, 101, 0 } };
	for (size_t i = 0; i < FL_ARRAY_LEN(steps); i++)
		tcp(t, &steps[i]);
	fl_flow_table_flush(t);
	assert_int_equal(log.flow[0].syn_ns, START + 1000 * MS);
	assert_int_equal(log.flow[0].synack_ns, START + 1010 * MS);
	assert_int_equal(log.flow[0].established_ns, START + 1011 * MS);
	assert_int_equal(log.flow[0].last_payload_side, 2);
	fl_flow_table_free(t);
}

static void retransmissions_are_told_from_new_bytes(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(4, &log);
	static const struct { struct step step; bool retransmit; } steps[] = {
		{ { 0, 'C', S, 0xfffffff0, 0, 0 }, false },
		{ { 10, 'S', S | A, 500, 0xfffffff1, 0 }, false },
		{ { 11, 'C', A, 0xfffffff1, 501, 0 }, false },
		{ { 12, 'C', P | A, 0xfffffff1, 501, 100 }, false },  /* over the end of the number space */
		{ { 312, 'C', P | A, 0xfffffff1, 501, 100 }, true },
		{ { 313, 'C', P | A, 0xfffffff1, 501, 120 }, false }, /* 20 of them are new */
		{ { 60000, 'C', A, 104, 501, 1 }, true },             /* keep-alive with a byte */
		{ { 60001, 'S', P | A, 501, 105, 7 }, false },
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(steps); i++)
		assert_int_equal(tcp(t, &steps[i].step).retransmit, steps[i].retransmit);
	fl_flow_table_flush(t);
	assert_int_equal(log.flow[0].bytes[FL_INITIATOR], 100 + 100 + 120 + 1);
	assert_int_equal(log.flow[0].bytes[FL_RESPONDER], 7);
	assert_int_equal(log.flow[0].packets[FL_INITIATOR], 6);
	assert_int_equal(log.flow[0].payload_end_seq[FL_INITIATOR], 105);
	fl_flow_table_free(t);
}

static void a_batch_of_copies_behind_eight_packets(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(4, &log);
	for (unsigned copy = 0; copy < 2; copy++)
		for (unsigned i = 0; i < 8; i++) {
			struct step s = { 0.01 * i + 0.1 * copy, 'C', A, 1000 + 100 * i, 1, 100 };
			assert_int_equal(tcp(t, &s).duplicate, copy);
		}
	assert_int_equal(fl_flow_table_counters(t)->duplicates, 8);
	fl_flow_table_free(t);
}

static void udp_direction_and_states(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(8, &log);
	assert_int_equal(udp(t, 'C', 0, 40000, 53).side, FL_INITIATOR);
	assert_int_equal(udp(t, 'S', 1, 53, 40000).side, FL_RESPONDER);
	assert_int_equal(udp(t, 'S', 2, 53, 40001).side, FL_RESPONDER);   /* answer whose question was missed */
	assert_int_equal(udp(t, 'S', 3, 5353, 40002).side, FL_INITIATOR); /* high ports: who speaks first */
	assert_int_equal(udp(t, 'C', 4, 123, 123).side, FL_INITIATOR);
	assert_false(udp(t, 'C', 4.01, 123, 123).duplicate);
	fl_flow_table_flush(t);
	assert_int_equal(log.count, 4);
	assert_int_equal(fl_flow_state(&log.flow[0]), FL_CONN_SF);
	assert_int_equal(fl_flow_state(&log.flow[1]), FL_CONN_SHR);
	assert_int_equal(log.flow[1].port[FL_INITIATOR], 40001);
	assert_int_equal(fl_flow_state(&log.flow[2]), FL_CONN_S0);
	assert_int_equal(log.flow[3].packets[FL_INITIATOR], 2);
	fl_flow_table_free(t);
}

static void a_datagram_seen_twice_is_a_duplicate_and_another_is_not(void **state)
{
	static const uint8_t query[] = "0123456789abcdef", other[] = "0123456789abcdeX", tiny[] = "ping";
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(8, &log);
	struct fl_packet p = packet('C', 0, FL_TRANSPORT_UDP);
	p.src_port = 40000;
	p.dst_port = 53;
	p.payload = (struct fl_slice){ query, 16 };
	p.payload_len = 16;
	assert_false(fl_flow_table_add(t, &p).duplicate);
	p.time_ns += 50000;
	assert_true(fl_flow_table_add(t, &p).duplicate);
	p.payload.data = other;
	assert_false(fl_flow_table_add(t, &p).duplicate);
	p.payload = (struct fl_slice){ tiny, 4 };
	p.payload_len = 4;
	assert_false(fl_flow_table_add(t, &p).duplicate);
	assert_false(fl_flow_table_add(t, &p).duplicate); /* too short to tell */
	p.payload = (struct fl_slice){ query, 16 };
	p.payload_len = 16;
	p.time_ns += 3000000;
	assert_false(fl_flow_table_add(t, &p).duplicate); /* asked again */
	fl_flow_table_free(t);
	(void)state;
}

static void a_datagram_that_begins_again_ends_what_was_before_it(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(8, &log);
	udp(t, 'C', 0, 40000, 443);
	udp(t, 'S', 1, 443, 40000);
	struct fl_flow_packet seen = udp(t, 'C', 5, 40000, 443);
	struct fl_packet p = packet('C', 5, FL_TRANSPORT_UDP);
	p.payload_len = 10;
	p.payload.size = 10;
	seen.flow->user[0] = 7;
	fl_flow_table_begin_again(t, seen.flow, &p);
	assert_int_equal(log.count, 1);
	assert_int_equal(log.flow[0].packets[FL_INITIATOR], 1);
	assert_int_equal(log.flow[0].bytes[FL_INITIATOR], 10);
	assert_int_equal(log.flow[0].user[0], 7);
	assert_int_equal(fl_flow_table_count(t), 1);
	struct fl_flow_packet next = udp(t, 'S', 6, 443, 40000);
	assert_ptr_equal(next.flow, seen.flow);
	assert_false(next.created);
	fl_flow_table_flush(t);
	assert_int_equal(log.count, 2);
	assert_int_equal(log.flow[1].packets[FL_INITIATOR], 1);
	assert_int_equal(log.flow[1].packets[FL_RESPONDER], 1);
	assert_int_equal(log.flow[1].first_ns, START + 5 * MS);
	assert_int_equal(log.flow[1].user[0], 0);
	assert_int_equal(fl_flow_table_counters(t)->created, 2);
	fl_flow_table_free(t);
}

static void udp_flow_ends_after_a_minute_and_begins_again(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(8, &log);
	udp(t, 'C', 0, 40000, 53);
	assert_false(udp(t, 'C', 59000, 40000, 53).created);
	assert_false(udp(t, 'C', 118000, 40000, 53).created); /* kept alive: expiry must not strike at 60 s */
	assert_true(udp(t, 'C', 179000, 40000, 53).created);
	assert_int_equal(log.count, 1);
	assert_int_equal(log.how[0], FL_END_IDLE);
	assert_int_equal(log.flow[0].last_ns, START + 118000 * MS);
	udp(t, 'C', 179000 + 68000, 40001, 53); /* an eighth late at most */
	assert_int_equal(log.count, 2);
	fl_flow_table_free(t);
}

static void closed_flows_leave_after_seconds(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(8, &log);
	const struct step steps[] = { HANDSHAKE, { 20, 'C', F | A, 101, 501, 0 }, { 30, 'S', F | A, 501, 102, 0 },
		{ 4000, 'S', F | A, 501, 102, 0 } };
	for (size_t i = 0; i < FL_ARRAY_LEN(steps); i++)
		assert_int_equal(tcp(t, &steps[i]).created, i == 0);
	udp(t, 'C', 9800, 40000, 53);
	assert_int_equal(log.count, 1);
	assert_int_equal(log.how[0], FL_END_CLOSED);
	fl_flow_table_free(t);
}

static void a_full_table_ends_the_flow_silent_longest(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(3, &log);
	for (unsigned i = 0; i < 3; i++)
		udp(t, 'C', 1000.0 * i, (uint16_t)(40000 + i), 53);
	udp(t, 'C', 20000, 40000, 53); /* over an eighth of the time-out: goes to the tail */
	assert_true(udp(t, 'C', 20001, 41000, 53).created);
	assert_int_equal(log.count, 1);
	assert_int_equal(log.how[0], FL_END_EVICTED);
	assert_int_equal(log.flow[0].port[FL_INITIATOR], 40001);
	assert_int_equal(fl_flow_table_count(t), 3);
	fl_flow_table_free(t);
}

static void icmp_marks_the_attempt(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(3, &log);
	struct step syn = { 0, 'C', S, 100, 0, 0 };
	tcp(t, &syn);
	struct fl_packet p = packet('S', 1, 1);
	p.quotes = true;
	p.quoted_transport = FL_TRANSPORT_TCP;
	p.quoted_src = p.dst;
	p.quoted_dst = p.src;
	p.quoted_src_port = 40000;
	p.quoted_dst_port = 444;
	fl_flow_table_unreachable(t, &p);
	p.quoted_dst_port = 443;
	p.quoted_transport = FL_TRANSPORT_UDP;
	fl_flow_table_unreachable(t, &p);
	assert_false(tcp(t, &syn).flow->unreachable);
	p.quoted_transport = FL_TRANSPORT_TCP;
	fl_flow_table_unreachable(t, &p);
	assert_true(tcp(t, &syn).flow->unreachable);
	fl_flow_table_free(t);
}

static void cut_payload_breaks_the_flow(void **state)
{
	(void)state;
	struct log log = { 0 };
	struct fl_flow_table *t = new_table(3, &log);
	struct fl_packet p = packet('C', 0, FL_TRANSPORT_UDP);
	static const uint8_t bytes[60];
	p.payload_len = 100;
	p.payload = (struct fl_slice){ bytes, sizeof(bytes) };
	struct fl_flow_packet r = fl_flow_table_add(t, &p);
	assert_true(r.flow->broken);
	assert_int_equal(r.flow->bytes[FL_INITIATOR], 100);
	fl_flow_table_free(t);
}

/* Against a plain array: random ports on a table far too small, so that deletion shifts all the time.
 * Time moves on with every packet and over an eighth of the time-out, so the order is exact. */
static void random_flows_agree_with_a_plain_array(void **state)
{
	(void)state;
	enum { PORTS = 200, ROOM = 37, ROUNDS = 20000 };
	static int64_t last[PORTS];
	memset(last, 0xff, sizeof(last));
	struct fl_flow_options o = fl_flow_defaults;
	o.capacity = ROOM;
	struct fl_flow_table *t = fl_flow_table_new(&o, NULL, NULL);
	uint32_t random = 12345, alive = 0, evicted = 0;
	for (int64_t i = 0; i < ROUNDS; i++) {
		random = random * 1664525u + 1013904223u;
		unsigned port = random >> 16 & 0xff;
		if (port >= PORTS)
			continue;
		bool is_new = last[port] < 0;
		if (is_new && alive == ROOM) {
			unsigned oldest = PORTS;
			for (unsigned k = 0; k < PORTS; k++)
				if (last[k] >= 0 && (oldest == PORTS || last[k] < last[oldest]))
					oldest = k;
			last[oldest] = -1;
			evicted++;
		} else if (is_new) {
			alive++;
		}
		last[port] = i;
		bool forth = random & 0x8000;
		struct fl_flow_packet r = udp(t, forth ? 'C' : 'S', 0.001 * (double)i,
			(uint16_t)(forth ? 40000 + port : 2000), (uint16_t)(forth ? 2000 : 40000 + port));
		/* Without a move to the tail the table evicts by first packet: make it move. */
		r.flow->queued_ns = INT64_MIN / 2;
		(void)udp(t, forth ? 'C' : 'S', 0.001 * (double)i, (uint16_t)(forth ? 40000 + port : 2000),
			(uint16_t)(forth ? 2000 : 40000 + port));
		assert_int_equal(r.created, is_new);
		assert_int_equal(fl_flow_table_count(t), alive);
	}
	assert_int_equal(fl_flow_table_counters(t)->ended[FL_END_EVICTED], evicted);
	assert_true(evicted > 1000);
	fl_flow_table_free(t);
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	static struct CMUnitTest table[ROWS];
	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = check_row,
			.initial_state = &rows[i] };
	const struct CMUnitTest others[] = {
		cmocka_unit_test(times_of_a_handshake),
		cmocka_unit_test(retransmissions_are_told_from_new_bytes),
		cmocka_unit_test(a_batch_of_copies_behind_eight_packets),
		cmocka_unit_test(udp_direction_and_states),
		cmocka_unit_test(a_datagram_seen_twice_is_a_duplicate_and_another_is_not),
		cmocka_unit_test(a_datagram_that_begins_again_ends_what_was_before_it),
		cmocka_unit_test(udp_flow_ends_after_a_minute_and_begins_again),
		cmocka_unit_test(closed_flows_leave_after_seconds),
		cmocka_unit_test(a_full_table_ends_the_flow_silent_longest),
		cmocka_unit_test(icmp_marks_the_attempt),
		cmocka_unit_test(cut_payload_breaks_the_flow),
		cmocka_unit_test(random_flows_agree_with_a_plain_array),
	};
	int failed = cmocka_run_group_tests_name("conversations", table, NULL, NULL);
	return failed + cmocka_run_group_tests_name("rest", others, NULL, NULL);
}
