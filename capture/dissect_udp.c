/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect_udp.c - what datagrams say: DNS, QUIC, DTLS, and what else is known by its first bytes
 *
 * Programs use one socket for connection after connection, and QUIC tells them apart by their ids: behind a hello another may come on the
 * same ports, for another name. It is another dependency, and its flow begins where its name is known. Most long
 * headers behind a hello are of the same connection, whose ids are noted as marks (16 bits each, four in a word): the one that the client
 * made up, those that the server chose. Only an Initial to an id that is none of them is opened, with the keys that follow
 * from this id: only a connection's first packets can be.
 */
#include "dissect_internal.h"

enum {
	IDENTIFY_DATAGRAMS = 8,
	MARKS = 4, MARK_BITS = 16, MARK_MASK = 0xffff,
	RETIRED_QUIC_BIT = 0x40, /* of the first byte: set in all short headers, and not in Google's old ones */
	LONG_HEADER = 0x80,
};

static const uint64_t both_at_once_ns = UINT64_C(1000000000);

static bool may_tell_connection(const struct fl_slice *d)
{
	return d->size && (d->data[0] & (LONG_HEADER | RETIRED_QUIC_BIT)) != RETIRED_QUIC_BIT;
}

/* Notes the id; false when it was noted before. */
static bool is_new_id(struct fl_flow *f, uint16_t id)
{
	uint64_t marks = flow_marks(f);
	for (unsigned i = 0; i < MARKS; i++)
		if ((marks >> i * MARK_BITS & MARK_MASK) == id)
			return false;
	flow_set_marks(f, marks << MARK_BITS | id);
	return true;
}

/* What was read of a hello behind one that is complete: is it to another name? */
static bool goes_elsewhere(const struct fl_scanner *s, const struct fl_flow *f, enum fl_parse result, enum fl_name_source source)
{
	if (!s->hello.has_sni)
		return result == FL_PARSE_OK && f->user[FLOW_NAMES];
	return !scanner_carries_name(s, f, source, s->hello.sni);
}

/* The connection before has only begun: both may go on at once (quic-go shares a socket), and whose an answer is nobody can tell.
 * What is there already stays. */
static bool began_just_now(const struct fl_flow *f, const struct fl_packet *p)
{
	return !flow_has(f, FLOW_ANSWERED) && (uint64_t)p->time_ns - (uint64_t)f->first_ns < both_at_once_ns;
}

/* From here on the packets between these ports are of another connection. What there is of its hello goes along. */
static void begin_again(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	uint32_t state = f->user[FLOW_STATE] & (FLOW_APPLICATION_MASK | FLOW_MULTIPLEXED | FLOW_TLS), hello = f->user[FLOW_HELLO];
	uint64_t marks = flow_marks(f);
	f->user[FLOW_HELLO] = 0;
	scanner_begin_again(s, f, p);
	f->user[FLOW_STATE] |= state;
	f->user[FLOW_HELLO] = hello;
	flow_set_marks(f, marks);
}

/* Return: whether the datagram counts for exchanges: not while the hello still comes in. */
static bool note_hello(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p, enum fl_parse result, enum fl_name_source source)
{
	s->counters.contradicted += s->hello.contradicted;
	if (s->hello.contradicted && !flow_has(f, FLOW_TLS_HELLO))
		scanner_drop_names(s, f, source);
	if (flow_has(f, FLOW_TLS_HELLO)) {
		bool elsewhere = goes_elsewhere(s, f, result, source);
		if (result == FL_PARSE_OK)
			f->user[FLOW_HELLO] = 0; /* it counts those in vain */
		if (!elsewhere || began_just_now(f, p))
			return true;
		begin_again(s, f, p);
	}
	if (result == FL_PARSE_MORE) {
		if (s->hello.has_sni)
			scanner_note_name(s, f, source, s->hello.sni, 0);
		return flow_has(f, FLOW_ANSWERED);
	}
	if (result == FL_PARSE_OK || s->hello.has_sni)
		dissect_note_hello(s, f, source);
	s->counters.parse_errors += result == FL_PARSE_MALFORMED;
	flow_set(f, FLOW_TLS_HELLO);
	return true;
}

static bool read_quic(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	if (p->payload.size < p->payload_len)
		s->counters.cut_payload++;
	enum fl_parse result = fl_quic_client(s->quic, &f->user[FLOW_HELLO], p->payload.data, p->payload.size, &s->hello);
	return note_hello(s, f, p, result, FL_NAME_QUIC_SNI);
}

static bool dissect_quic(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	flow_set(f, FLOW_MULTIPLEXED);
	bool done = flow_has(f, FLOW_TLS_HELLO);
	if (!may_tell_connection(&p->payload))
		return done || side == FL_RESPONDER ? true : read_quic(s, f, p);
	uint16_t id = fl_quic_id(p->payload.data, p->payload.size, side == FL_RESPONDER);
	bool is_new = id && is_new_id(f, id);
	if (side == FL_RESPONDER || (done && !is_new && !fl_hello_get(s->hellos, f->user[FLOW_HELLO])))
		return true;
	if (done && (!id || fl_hello_count(f->user[FLOW_HELLO]) >= FL_QUIC_DATAGRAMS))
		return true;
	return read_quic(s, f, p);
}

static bool dissect_dtls(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	flow_set(f, FLOW_TLS);
	enum fl_parse result = fl_dtls_client(s->hellos, &f->user[FLOW_HELLO], p->payload.data, p->payload.size, s->tls_scratch, &s->hello);
	return note_hello(s, f, p, result, FL_NAME_TLS_SNI);
}

/* Behind STUN, with which it may share a port (RFC 9443), or behind anything that was not known. */
static bool begins_quic(const struct fl_flow *f, enum fl_side side, const struct fl_slice *payload)
{
	enum fl_application a = flow_application(f);
	bool long_header = payload->size && (payload->data[0] & LONG_HEADER);
	return side == FL_INITIATOR && long_header && (a == FL_APP_STUN || a == FL_APP_UNKNOWN) &&
	       fl_quic_probe(payload->data, payload->size);
}

/* A hello that is being looked for may be in any record; behind it another begins one. */
static bool may_be_dtls(const struct fl_flow *f, const struct fl_slice *payload)
{
	bool done = flow_has(f, FLOW_TLS_HELLO), begun = flow_has(f, FLOW_TLS);
	if (begun != done)
		return begun;
	return payload->size && payload->data[0] == RECORD_HANDSHAKE && fl_dtls_probe(payload->data, payload->size);
}

bool dissect_udp(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (f->port[FL_RESPONDER] == DISSECT_DNS_PORT)
		return dissect_dns_datagram(s, f, side, p);
	if (flow_application(f) == FL_APP_UNKNOWN && fl_hello_count(f->user[FLOW_HELLO]) < IDENTIFY_DATAGRAMS) {
		fl_hello_add_count(&f->user[FLOW_HELLO], 1);
		flow_set_application(f, fl_application_udp(f->port[FL_RESPONDER], p->payload.data, p->payload.size));
	}
	if (side == FL_INITIATOR && may_be_dtls(f, &p->payload))
		return dissect_dtls(s, f, p);
	if (begins_quic(f, side, &p->payload))
		flow_replace_application(f, FL_APP_QUIC);
	return flow_application(f) == FL_APP_QUIC ? dissect_quic(s, f, side, p) : true;
}
