/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect_internal.h - what the files share that read payload
 *
 *   dissect.c        which protocol a stream is of
 *   dissect_udp.c    which one a datagram; QUIC, DTLS
 *   dissect_dns.c    queries and answers
 *   dissect_tls.c    hellos, the end of handshakes
 *   dissect_http.c   requests of HTTP/1
 *   dissect_calls.c  HTTP/2, and requests of HTTP/1 in a row
 *   preamble.c       what may stand before a hello
 *   flow_names.c     names that were found
 */
#ifndef FAULTLINE_DISSECT_INTERNAL_H
#define FAULTLINE_DISSECT_INTERNAL_H

#include "scanner_internal.h"

enum { DISSECT_DNS_PORT = 53 };
enum { RECORD_CHANGE_CIPHER = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 }; /* RFC 8446 section 5.1 */

/* A SYN has a number of its own in front of what it carries (RFC 7413). */
static inline uint32_t dissect_seq(const struct fl_packet *p)
{
	return p->tcp_seq + (p->tcp_flags & FL_TCP_SYN ? 1 : 0);
}

/* A datagram; a segment or datagram of DNS. Return: whether it counts for exchanges. */
bool dissect_udp(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p);
bool dissect_dns_datagram(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p);
/* ... when a message has come to its end, or nobody can tell any more. */
bool dissect_dns_stream(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p);

/* A stream goes on at @seq. */
void dissect_restart(struct fl_scanner *s, struct fl_stream *stream, uint32_t seq);
/* The responder's stream goes on behind what it has said; where that is not known, with its next segment. */
void dissect_answers_from_here(struct fl_scanner *s, struct fl_flow *f);

/* Does a client's stream, or what is left of it, begin with something that a hello follows at once? OK: *@used bytes, of which some may be
 * to come, are passed over; MORE; MALFORMED: no. */
enum fl_parse preamble_parse(const uint8_t *data, size_t size, size_t *used);

/* s->hello was read: its name and blind spots. */
void dissect_note_hello(struct fl_scanner *s, struct fl_flow *f, enum fl_name_source source);
/* The initiator's stream begins with a ClientHello. */
void dissect_hello(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes);
/* Does the segment hold application data, not only handshake? A segment that begins inside a record
 * continues what came before and changes nothing. */
bool dissect_tls_has_data(struct fl_flow *f, enum fl_side side, const struct fl_slice *payload);

/* @port: of the target behind a proxy; 0: the name is the responder's. */
void dissect_note_target(struct fl_scanner *s, struct fl_flow *f, const char *host, uint16_t port);

/* The segment with which requests came. */
struct request_run {
	int64_t time_ns;
	uint32_t size;
	bool begun;  /* the first head began in an earlier one */
	bool unseen; /* it acknowledges an answer that was not captured */
	bool late;   /* it waited behind a hole, and other segments may have come with it */
	uint32_t heads; /* so far */
	struct fl_slice last; /* text of the newest head so far, with what is there of its body */
};

/* The initiator's stream at a head, or where f->user_bits say: all heads in @bytes are noted, bodies passed over. */
void dissect_requests(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, struct request_run *run);

/* The initiator's stream begins with the preface of HTTP/2. */
void dissect_http2(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, int64_t time_ns);
/* A segment of either side of a connection that is followed: HTTP/2; HTTP/1; the answer to an offer of another protocol. */
void dissect_calls(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p);
void dissect_pipeline(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p);
/* Return: it is the last answer of HTTP/1. */
bool dissect_upgrade(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p);
/* A hole in what @side sent will not be filled any more, of a connection that is followed, or whose answer is waited for. */
void dissect_lost(struct fl_scanner *s, struct fl_flow *f, enum fl_side side);
/* A segment of the initiator of a stream that may still be identified. Return: it may be the beginning of what has no exchanges, or
 * counts them itself (a hello, the preface of HTTP/2), or is the rest of a request that was answered before it was all there. */
bool dissect_initiator(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p);

#endif
