/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.h - requests of one connection that are open at the same time, each with its own name and answer
 *
 * A flow with FLOW_CALLS has a place in the pool, whose number stands in FLOW_CALLS_PLACE; its exchanges are counted
 * here, call by call, and not by changes of direction. See calls.c.
 */
#ifndef FAULTLINE_CALLS_H
#define FAULTLINE_CALLS_H

#include "scanner_internal.h"

enum { CALLS_MAX = 256 }; /* open at a time in one connection; RFC 9113 section 6.5.2 recommends to allow 100 */

/* @bytes: memory for all connections together. */
struct calls_pool *calls_pool_new(size_t bytes);
void calls_pool_free(struct calls_pool *pool);
size_t calls_pool_limit(const struct calls_pool *pool);
/* Connections that found no place or memory, or whose memory was used up later; calls beyond CALLS_MAX. */
uint64_t calls_pool_refused(const struct calls_pool *pool);
uint64_t calls_pool_crowded(const struct calls_pool *pool);

/* The initiator's stream of @f begins with HTTP/2's preface. False: there is no place. */
bool calls_begin(struct fl_scanner *s, struct fl_flow *f);
/* The responder goes on in HTTP/2, as the request that is open offered. The next byte of either side is the first of HTTP/2. */
bool calls_begin_upgraded(struct fl_scanner *s, struct fl_flow *f);
/* HTTP/1: a request follows one that is not answered yet. That one becomes a call when its exchange is open. False: no place. */
bool calls_begin_pipeline(struct fl_scanner *s, struct fl_flow *f);
/* ... the request that was noted at the flow last. */
struct calls_request {
	int64_t time_ns;
	uint32_t size;
	uint32_t fingerprint;           /* of its text (request.h) */
	bool bare;                      /* its answer has no body */
	bool late;                      /* when it came is not known: it waited behind a hole */
};
void calls_add(struct fl_scanner *s, struct fl_flow *f, const struct calls_request *request);
/* ... bytes of answers, which come in the order of the requests. @stream: they are in order, and what is not used comes again. */
size_t calls_read_answers(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, bool stream, int64_t time_ns);
/* ... @n bytes of answers are missing. Whether they can be passed over: they are inside a body, or nobody waits for an answer. Then they are. */
bool calls_pass_answers(struct fl_scanner *s, struct fl_flow *f, size_t n, int64_t time_ns);
/* ... an answer is missing: whose the next one is nobody knows. */
void calls_skip_answers(struct fl_scanner *s, struct fl_flow *f);
bool calls_are_pipelined(const struct fl_scanner *s, const struct fl_flow *f);

/* Bytes of @side, in order. Return: how many are used; a flow whose calls cannot be followed any further has lost FLOW_CALLS. */
size_t calls_read(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_slice *bytes, int64_t time_ns);
/* @n bytes of @side are missing. Whether they can be passed over: they say nothing of calls. Then they are. */
bool calls_pass(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, size_t n);
/* Bytes are missing: what is open is undecided, what comes is not counted. */
void calls_lose(struct fl_scanner *s, struct fl_flow *f);
/* The flow ends. */
void calls_end(struct fl_scanner *s, struct fl_flow *f, enum fl_flow_end how);
/* How many of the flow's calls its listener counts as open. */
uint32_t calls_counted_open(const struct fl_scanner *s, const struct fl_flow *f);

#endif
