/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect_dns.c - DNS over datagrams and streams: what is asked and what names addresses
 *
 * Anybody can send a datagram that looks like an answer. A client takes only one that has the id and the question of a query
 * it sent from the same port, and so do we: a flow of datagrams remembers its last queries by marks of 15 bits, with a bit for those that were
 * answered, four in a word. Where more than four wait at a time (forwarders with one port), or a query could not be read, nobody can tell
 * any more, and every answer behind a query counts as asked for. Over TCP a forged answer would need the numbers of the connection.
 *
 * An answer that was not asked for is listed, since it was there, and names nothing.
 */
#include "dissect_internal.h"

enum {
	RCODE_SERVFAIL = 2, RCODE_REFUSED = 5,
	OPCODE_QUERY = 0,
	MARKS = 4, MARK_BITS = 16, MARK_MASK = 0xffff,
	ANSWERED = 1,
	CANNOT_TELL = 1, /* fl_flow.user_bits */
};

/* ---- what was asked ---- */

static uint16_t mark_of(const struct fl_dns_message *m)
{
	uint64_t hash = fl_hash_bytes(m->qname, strlen(m->qname), (uint64_t)m->id << 16 | m->qtype);
	return (uint16_t)(hash >> 40 | 2) & ~ANSWERED & MARK_MASK;
}

static unsigned mark_at(uint64_t marks, unsigned i)
{
	return (unsigned)(marks >> i * MARK_BITS) & MARK_MASK;
}

/* Which of @marks it is; MARKS: none. */
static unsigned find_mark(uint64_t marks, unsigned mark)
{
	unsigned i = 0;
	while (i < MARKS && (mark_at(marks, i) & ~(unsigned)ANSWERED) != mark)
		i++;
	return i;
}

/* The oldest that was answered, or none that there is; MARKS: all wait. */
static unsigned place_for_mark(uint64_t marks)
{
	unsigned i = MARKS;
	while (i > 0 && mark_at(marks, i - 1) && !(mark_at(marks, i - 1) & ANSWERED))
		i--;
	return i > 0 ? i - 1 : MARKS;
}

/* @i goes, what is newer moves up. */
static uint64_t put_mark(uint64_t marks, unsigned i, unsigned mark)
{
	uint64_t below = (UINT64_C(1) << i * MARK_BITS) - 1, place = (uint64_t)MARK_MASK << i * MARK_BITS;
	return (marks & ~below & ~place) | (marks & below) << MARK_BITS | mark;
}

static void note_query(struct fl_flow *f, const struct fl_dns_message *m, bool readable)
{
	unsigned mark = mark_of(m), i = 0;
	uint64_t marks = flow_marks(f);
	if (marks || !readable) { /* most flows have one query */
		i = readable ? find_mark(marks, mark) : MARKS;
		i = i == MARKS && readable ? place_for_mark(marks) : i;
	}
	if (i == MARKS)
		f->user_bits = CANNOT_TELL;
	else
		flow_set_marks(f, put_mark(marks, i, mark));
}

static bool was_asked(struct fl_flow *f, const struct fl_dns_message *m)
{
	uint64_t marks = flow_marks(f);
	unsigned i = find_mark(marks, mark_of(m));
	if (i == MARKS)
		return f->user_bits == CANNOT_TELL;
	flow_set_marks(f, marks | (uint64_t)ANSWERED << i * MARK_BITS);
	return true;
}

/* ---- messages ---- */

/* Return: whether the message is one that its receiver takes for what it seems. */
static bool read_message(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, int64_t time_ns, struct fl_slice bytes)
{
	struct fl_reader r = fl_reader_over(bytes.data, bytes.size);
	struct fl_dns_message *m = &s->dns;
	enum fl_parse result = fl_dns_parse(&r, m);
	bool readable = result != FL_PARSE_MALFORMED || m->qname[0], udp = f->transport != FL_TRANSPORT_TCP;
	if (result == FL_PARSE_MALFORMED)
		s->counters.parse_errors++;
	if (udp && !m->response)
		note_query(f, m, readable);
	if (!readable && m->address_count == 0) /* cut off in front of all that tells */
		return true;
	flow_set_application(f, FL_APP_DNS);
	if (!m->response || m->opcode != OPCODE_QUERY)
		return true;
	bool spoken = f->packets[!side], asked = spoken && (!udp || !m->question_count || was_asked(f, m)), taken = asked || !spoken;
	s->counters.answers_unasked += !taken;
	if (taken)
		s->resolver_failed |= m->rcode == RCODE_SERVFAIL || m->rcode == RCODE_REFUSED;
	if (!m->question_count) /* an error, or a zone transfer goes on (RFC 5936 section 2.2) */
		return taken;
	fl_names_add(s->names, &f->addr[!side], &f->addr[side], f->transport, time_ns, m, asked ? FL_ASKED : FL_NOT_ASKED);
	if (asked && fl_locality_is_own(s->locality, &f->addr[!side]))
		fl_names_bind(s->names, &scanner_own_host, time_ns, m);
	return taken;
}

bool dissect_dns_datagram(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	s->resolver_failed = false;
	return read_message(s, f, side, p->time_ns, p->payload);
}

bool dissect_dns_stream(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	struct fl_slice bytes;
	struct fl_stream *stream = &f->stream[side];
	s->resolver_failed = false;
	if (stream->closed)
		return true;
	if (side == FL_RESPONDER && !stream->started && f->synack_ns) /* the first segment may be overtaken */
		fl_stream_start(stream, f->synack_seq + 1);
	enum fl_parse state = fl_stream_add(stream, s->streams, dissect_seq(p), p->payload.data, p->payload.size,
					    p->payload_len - p->payload.size, &bytes);
	size_t used = 0;
	bool cut = state == FL_PARSE_TRUNCATED; /* nothing more will come: the last message is read as far as it is there */
	while ((state == FL_PARSE_OK || cut) && bytes.size - used >= 2) {
		struct fl_reader r = fl_reader_over(bytes.data + used, bytes.size - used);
		size_t length = fl_read_be16(&r);
		if (fl_reader_left(&r) < length && !cut)
			break;
		length = fl_reader_left(&r) < length ? fl_reader_left(&r) : length;
		read_message(s, f, side, p->time_ns, (struct fl_slice){ bytes.data + used + 2, length });
		used += 2 + length;
	}
	if (state == FL_PARSE_OK && bytes.size)
		fl_stream_consume(stream, s->streams, used);
	return used > 0 || stream->closed;
}
