/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exchange.h - a bounded log of attempts: when each was made, how long it waited, how it ended
 *
 * Counters and histograms tell how much; which attempt followed which failure, who waited while who did not answer, and
 * what went on inside what, only single attempts tell. An attempt here is one exchange, or one connection that
 * failed before it could carry one (behaviour.h).
 *
 * An attempt that waits has a place of its own; it moves to the log when it ends, so a log that is cut at the end of a
 * window loses none, and each counts in the window in which it ended. The number of records is fixed at creation.
 * When they are used up the log thins: of the successes that are far from any failure of the same conversation every
 * second goes and the others stand for two; what they stood for stays known, what came of them does not. When
 * that frees too little the oldest go, and are counted.
 */
#ifndef FAULTLINE_EXCHANGE_H
#define FAULTLINE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faultline/behaviour.h"

/* No such time: it did not happen, or nobody saw when. */
#define FL_NO_TIME UINT32_MAX
#define FL_WAIT_MAX_US (UINT32_MAX - 1)

enum fl_attempt_flag {
	FL_ATTEMPT_CONNECT = 1,         /* a connection that carried no exchange */
	FL_ATTEMPT_READABLE = 2,        /* fingerprint tells the request, else it is 0 */
	FL_ATTEMPT_HEALTH = 4,          /* a health check by its path */
	FL_ATTEMPT_MULTIPLEXED = 8,     /* one of several at once in its connection, not told apart: what became of it is not known */
	FL_ATTEMPT_FIRST = 16,          /* the first exchange of its connection in view */
};

struct fl_attempt {
	int64_t start_ns;
	uint32_t wait_us;               /* to the first byte of the answer, or to the failure; FL_NO_TIME: not known, UNDECIDED: it still waits */
	uint32_t last_us;               /* CONNECT: from start to its last SYN; else FIRST: from its connection's first SYN to start; 0: not known */
	uint32_t conversation;          /* its serial (conversation.h) */
	uint32_t fingerprint;           /* of the request */
	uint32_t request_size;          /* bytes of its first segment */
	uint16_t client_port;
	uint8_t outcome : 4;            /* enum fl_outcome */
	bool repeated : 1;              /* the request was sent again by the kernel: nobody acknowledged it in time */
	bool marked : 1;                /* the log's own: of those that wait, the place is free */
	uint8_t flags;                  /* enum fl_attempt_flag in the lower five bits, above them log2 of how many it stands for */
};

enum { FL_ATTEMPT_LEVELS = 7 };
static inline uint32_t fl_attempt_weight(const struct fl_attempt *a)
{
	return UINT32_C(1) << (a->flags >> 5);
}

static inline bool fl_outcome_is_failure(uint8_t outcome)
{
	return outcome != FL_OUTCOME_ANSWERED && outcome != FL_OUTCOME_UNDECIDED;
}

struct fl_exchange_log;

/* @limit: records, waiting ones included; 0: nothing is kept, every call is fine. */
struct fl_exchange_log *fl_exchange_log_new(uint32_t limit);
void fl_exchange_log_free(struct fl_exchange_log *log);

/* One more that waits. Return: handle, from 1; 0 when there is no place (counted). O(1). */
uint32_t fl_exchange_log_open(struct fl_exchange_log *log, const struct fl_attempt *a);
/* The waiting one with this handle, which must be valid. */
struct fl_attempt *fl_exchange_log_waiting(struct fl_exchange_log *log, uint32_t handle);
/* It ended: into the log as it is now; the handle is no longer valid. O(1), thinning apart, which is amortised O(1). */
void fl_exchange_log_close(struct fl_exchange_log *log, uint32_t handle);
/* ... or was none after all. */
void fl_exchange_log_drop(struct fl_exchange_log *log, uint32_t handle);
/* One that has ended already. */
void fl_exchange_log_add(struct fl_exchange_log *log, const struct fl_attempt *a);

/* The newest of the last few that ended, with this conversation and port; NULL. */
struct fl_attempt *fl_exchange_log_recent(struct fl_exchange_log *log, uint32_t conversation, uint16_t client_port);
/* Those that ended and should not have counted: with this conversation and port, begun at @since_ns or later. One that stands for others, too,
 * stays. How many went. O(records). */
uint32_t fl_exchange_log_take_back(struct fl_exchange_log *log, uint32_t conversation, uint16_t client_port, int64_t since_ns);
/* Those that ended, in the order in which they did. */
const struct fl_attempt *fl_exchange_log_list(const struct fl_exchange_log *log, size_t *count);
/* Those that wait, in an order that is the same each time; *@at is where to go on, from 0. NULL: no more. */
const struct fl_attempt *fl_exchange_log_next_waiting(const struct fl_exchange_log *log, uint32_t *at);
/* A window is over: forget those that ended, and what was counted. Those that wait stay. */
void fl_exchange_log_cut(struct fl_exchange_log *log);

uint32_t fl_exchange_log_limit(const struct fl_exchange_log *log);
/* Attempts that are not there: thinned ones (others stand for them), those forgotten or refused. */
uint64_t fl_exchange_log_thinned(const struct fl_exchange_log *log);
uint64_t fl_exchange_log_lost(const struct fl_exchange_log *log);

#endif
