/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect_tls.c - TLS: the hello's names, and where handshakes end
 */
#include "dissect_internal.h"

#include <string.h>

enum {
	HANDSHAKE_SEGMENTS = 12,   /* that a client's handshake may take before its Finished must have come */
	DOT_PORT = 853,
};

void dissect_note_hello(struct fl_scanner *s, struct fl_flow *f, enum fl_name_source source)
{
	if (s->hello.has_sni)
		scanner_note_name(s, f, source, s->hello.sni, 0);
	if (s->hello.ech && !flow_has(f, FLOW_ECH)) {
		s->counters.ech++;
		flow_set(f, FLOW_ECH);
	}
	s->counters.esni += s->hello.esni;
	const char *alpn = s->hello.alpn;
	bool http = strcmp(alpn, "h2") == 0 || strncmp(alpn, "h3", 2) == 0;
	if (http)
		flow_set(f, FLOW_MULTIPLEXED);
	/* RFC 7858, RFC 9250; what goes to their port is counted when the scan is written */
	bool dns = strcmp(alpn, "dot") == 0 || strcmp(alpn, "doq") == 0 ||
		   (http && s->hello.has_sni && scanner_is_resolver_name(s->hello.sni));
	s->counters.encrypted_dns += dns && f->port[FL_RESPONDER] != DOT_PORT;
}

void dissect_hello(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	enum fl_parse result = fl_tls_client_hello(bytes->data, bytes->size, s->tls_scratch, &s->hello, NULL);
	flow_set(f, FLOW_TLS);
	flow_set_application(f, FL_APP_TLS);
	if (result == FL_PARSE_MORE) {
		if (s->hello.has_sni) /* the rest may never come: lost, or cut off */
			scanner_note_name(s, f, FL_NAME_TLS_SNI, s->hello.sni, 0);
		fl_stream_consume(stream, s->streams, 0);
		return;
	}
	/* A name that was read stands, whatever is odd about what surrounds it. */
	if (result == FL_PARSE_OK || s->hello.has_sni)
		dissect_note_hello(s, f, FL_NAME_TLS_SNI);
	s->counters.parse_errors += result == FL_PARSE_MALFORMED;
	flow_set(f, FLOW_TLS_HELLO);
	fl_stream_close(stream, s->streams);
}

/* Length of a TLS 1.3 alert (close_notify): alert, content type, tag (RFC 8446 sections 5.2 and 6). */
enum { PROTECTED_ALERT = 2 + 1 + 16 };

/* Lengths of a protected Finished: verify data, header, content type, tag (RFC 8446 section 4.4.4). */
static bool finished_length(uint16_t length)
{
	return length == 4 + 32 + 1 + 16 || length == 4 + 48 + 1 + 16;
}

/* Does the segment hold application data, not only handshake? A segment that begins inside a record
 * continues what came before and changes nothing. */
bool dissect_tls_has_data(struct fl_flow *f, enum fl_side side, const struct fl_slice *payload)
{
	struct fl_reader r = fl_reader_over(payload->data, payload->size);
	while (fl_reader_left(&r) >= 5) {
		uint8_t type = fl_read_u8(&r);
		uint8_t major = fl_read_u8(&r);
		fl_read_skip(&r, 1);
		uint16_t length = fl_read_be16(&r);
		if (type < RECORD_CHANGE_CIPHER || type > RECORD_DATA || major != 3)
			return f->last_payload_side == side;
		if (type == RECORD_HANDSHAKE && side == FL_INITIATOR)
			flow_set(f, FLOW_TLS_OLD);
		if (type == RECORD_DATA && length != PROTECTED_ALERT) {
			bool finished = side == FL_INITIATOR && !flow_has(f, FLOW_TLS_OLD) &&
					!flow_has(f, FLOW_TLS_FINISHED) && finished_length(length);
			/* TLS 1.3: certificates of the client come before its Finished */
			bool handshake = side == FL_INITIATOR && !flow_has(f, FLOW_TLS_OLD) &&
					 !flow_has(f, FLOW_TLS_FINISHED) &&
					 f->user[FLOW_SEGMENTS] < HANDSHAKE_SEGMENTS;
			if (!finished && !handshake)
				return true;
			if (finished)
				{
				flow_set(f, FLOW_TLS_FINISHED);
				flow_set(f, FLOW_TICKET_DUE);
			}
		}
		fl_read_skip(&r, length);
	}
	return false;
}
