/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.h - what a request in the clear is, and whether its answer says failure
 *
 * Pure functions over the first segment of a request or an answer, of protocols that are read: HTTP/1 (RFC 9112),
 * PostgreSQL (its manual, chapter "Frontend/Backend Protocol"), MySQL ("Client/Server Protocol"), Redis (RESP2 and RESP3), DNS (RFC 1035).
 * Any bytes are fine.
 */
#ifndef FAULTLINE_REQUEST_H
#define FAULTLINE_REQUEST_H

#include "faultline/application.h"
#include "faultline/reader.h"

enum fl_request_kind {
	FL_REQUEST_WORK,        /* asks for something, and waits */
	FL_REQUEST_SESSION,     /* begins or ends the session: start-up, log-in, choice of a database, goodbye */
	FL_REQUEST_WAITS,       /* waits for something to happen: subscriptions, blocking pops */
	FL_REQUEST_SENDS,       /* of a protocol in which senders wait for nothing */
};
enum fl_request_kind fl_request_kind(enum fl_application a, const uint8_t *data, size_t size);

/* Of the request's text: equal for equal requests, on any machine. The upper half is of its shape (method and path, statement or
 * command, without numbers and quoted texts), the lower of all of it, HTTP fields apart, which change from try to try. 0 where nothing is read. */
uint32_t fl_request_fingerprint(enum fl_application a, bool udp, const uint8_t *data, size_t size);
/* Of one field of a request that comes in fields, HTTP/2's method or path; of several: the exclusive or. */
uint32_t fl_request_field_fingerprint(const uint8_t *data, size_t size);

/* Bytes of application data in a segment of TLS records, as their lengths say, a Finished at its start left out.
 * 0: none, or not at a record's border. */
uint32_t fl_request_tls_size(const uint8_t *data, size_t size);

/* Session tickets that the first segment behind a TLS 1.3 handshake may hold, and nothing else: one to four records of one
 * length. A server sends them unasked (RFC 8446 section 4.6.1). 0: there is something else. */
unsigned fl_answer_tickets(const uint8_t *data, size_t size);

/* Does the answer say that the server failed: HTTP 5xx, SQL errors that are not the statement's fault (SQLSTATE classes 08, 53, 57,
 * 58, XX; MySQL's numbers of the same meaning), Redis errors that are not the command's fault, SERVFAIL and REFUSED? */
bool fl_answer_failed(enum fl_application a, bool udp, const uint8_t *data, size_t size);

#endif
