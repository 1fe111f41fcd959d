/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls_internal.h - what the files share that follow several requests of a connection at once
 *
 *   calls.c        places of connections, what becomes of calls, the end of connections
 *   calls_http1.c  requests in a row (pipelining)
 *   calls_http2.c  streams
 */
#ifndef FAULTLINE_CALLS_INTERNAL_H
#define FAULTLINE_CALLS_INTERNAL_H

#include "calls.h"

struct call {
	int64_t start_ns;
	uint32_t stream;
	uint32_t name;          /* flow_name + 1, as FLOW_REQUEST_NAME */
	uint32_t attempt;       /* handle in the log, or 0 */
	uint32_t wait_us;       /* to the answer */
	bool answered, failed;
	bool counted;           /* its listener counts it as open */
	bool late;              /* it began earlier than start_ns, nobody knows when */
	bool bare, maybe_bare;  /* HTTP/1: its answer has no body (HEAD); its method is not known any more */
};

struct connection {
	struct fl_http2_reader *reader[2]; /* HTTP/1 has none */
	bool preface_due;       /* HTTP/2: the client's preface is still to come */
	bool chunks;            /* HTTP/1: the newest answer's body comes in chunks */
	bool body_begun;        /* ... and some of it has come */
	uint64_t skip;          /* ... bytes of it, or of its chunk, to come */
	struct call *list;      /* in order of their beginning */
	uint32_t count, capacity;
	uint32_t next_free;     /* + 1 */
};

struct calls_pool {
	struct fl_http2_budget budget;
	struct connection *places;
	uint32_t limit, used, free; /* free: + 1 */
	uint64_t refused, crowded;
};

struct connection *calls_connection(const struct fl_scanner *s, const struct fl_flow *f);
/* @f gets a place with what is @fresh in it. False: there is none. */
bool calls_take_place(struct fl_scanner *s, struct fl_flow *f, const struct connection *fresh);
/* ... and gives it back. */
void calls_leave(struct fl_scanner *s, struct fl_flow *f);

/* A place for one more call; NULL when there is no memory. Of more than CALLS_MAX the oldest is undecided. */
struct call *calls_new(struct fl_scanner *s, struct fl_flow *f, int64_t time_ns);
/* The exchange that is open at the flow, as a call. NULL: none is, or there is no memory (counted). */
struct call *calls_take_exchange(struct fl_scanner *s, struct fl_flow *f);
/* @call is new and has a name: count it. */
void calls_count(struct fl_scanner *s, struct fl_flow *f, struct call *call, bool health, uint32_t size, uint32_t fingerprint);
/* The answer's head came; it failed; its answer is complete, which ends it; it is over, one way or another. */
void calls_answer(struct fl_scanner *s, struct fl_flow *f, struct call *call, bool failed, int64_t time_ns);
void calls_fail(struct fl_scanner *s, struct fl_flow *f, struct call *call, int64_t time_ns);
void calls_complete(struct fl_scanner *s, struct fl_flow *f, struct call *call, int64_t time_ns);
void calls_end_one(struct fl_scanner *s, struct fl_flow *f, struct call *call, enum fl_outcome outcome, int64_t time_ns);
/* From the call's begin until then, as the log counts it. */
uint32_t calls_waited_us(const struct call *call, int64_t time_ns);

#endif
