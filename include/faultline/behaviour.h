/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour.h - how exchanges went, over time: what one capture point can tell of retries, timeouts and stalls
 *
 * Facts, not findings: each follows from the packets of one capture point in one window. What they mean, with the other
 * hosts' facts beside them, is said above (behave.h).
 *
 * Words. An attempt is one try of a caller to have something done: an exchange, or a connection that failed before it
 * could carry one. A call is a run of attempts for the same thing: the first, and the retries that followed its failures.
 * Of attempts that carry readable requests the request tells which belong together (method, target and length),
 * of encrypted ones the length and the time.
 */
#ifndef FAULTLINE_BEHAVIOUR_H
#define FAULTLINE_BEHAVIOUR_H

#include <stddef.h>
#include <stdint.h>

/* How an attempt ended. */
enum fl_outcome {
	FL_OUTCOME_ANSWERED,            /* with no sign of failure */
	FL_OUTCOME_ERROR,               /* an answer that says failure: HTTP 5xx, SERVFAIL, an SQL or Redis error of the server's making */
	FL_OUTCOME_REFUSED,             /* RST or ICMP error to the attempt to connect */
	FL_OUTCOME_CONNECT_TIMEOUT,     /* no answer to the attempt to connect; the caller gave up */
	FL_OUTCOME_RESPONSE_TIMEOUT,    /* connected, asked, and the caller gave up waiting (its FIN or RST came first) */
	FL_OUTCOME_RESET,               /* the far end closed or reset instead of answering */
	FL_OUTCOME_UNDECIDED,           /* still open when the window ended, or lost to a limit; no failure */
	FL_OUTCOME_COUNT
};
const char *fl_outcome_name(enum fl_outcome o); /* "answered", "connect-timeout" ... */

/* Five numbers of a sample, in seconds. All NaN when count is 0. */
struct fl_spread {
	uint64_t count;
	double min, p10, p50, p90, max;
};

enum { FL_SERIES_BUCKETS = 128 };
struct fl_series_bucket {
	uint32_t started, answered, failed; /* attempts by when each of it happened */
	uint32_t in_flight_max;             /* most attempts waiting at once */
	double in_flight_s;                 /* attempts x seconds waited within the bucket; over the width: the mean in flight */
	double answer_s;                    /* sum of times to first byte of those answered in it */
};
/* Edges are multiples of the width since the epoch; the width is a power of two seconds, from 1/8 s, so that the series of one
 * window and of several hosts lie on each other. */
struct fl_series {
	int64_t start_ns, width_ns;         /* edge of bucket[0] */
	size_t count;                       /* <= FL_SERIES_BUCKETS */
	struct fl_series_bucket *bucket;    /* in the scan's arena */
};

enum { FL_ATTEMPTS_MAX = 16, FL_GAPS_MAX = 8 };
struct fl_retries {
	/* In a storm calls of the first seconds are looked at, and counts scaled up to all failed attempts. */
	uint64_t calls;                     /* whose first attempt failed and whose going on was in view; 0: none, or it cannot be told
	                                     * which attempts are retries */
	uint64_t retried;                   /* of them, tried again */
	uint64_t recovered[FL_ATTEMPTS_MAX];/* calls that succeeded at attempt i + 1 (i > 0); the last: there or later */
	uint64_t gave_up[FL_ATTEMPTS_MAX];  /* calls that failed at every one of i + 1 attempts */
	struct fl_spread gap[FL_GAPS_MAX];  /* from the failure of attempt i + 1 to the start of attempt i + 2 */
	uint64_t other_address;             /* retries that went to another address than the attempt before */
	int64_t first_ns, last_ns;          /* first and last retry; 0 = none */
	double unexplained;                 /* share of failed attempts that may belong to other calls, where calls were open at once: those of
	                                     * calls with another number of attempts than most, and calls that there were no
	                                     * requests for; 0..1 */
};

/* Calls that failed at every attempt, and what became of the inbound exchanges that they were part of. Which one a call
 * belongs to is a matter of likelihood where several were open (behaviour_surfacing.c); counts are rounded sums of it. Others
 * tell what would be seen by chance: inbound exchanges of the same kinds, begun in the same seconds, without such a call. */
struct fl_surfacing {
	uint64_t failed_calls;              /* whose inbound exchange was in view, and could tell of a failure */
	uint64_t surfaced_calls;            /* of them, those whose inbound exchange failed */
	uint64_t late_calls;                /* ... was answered well, but later than nine of ten usually are */
	uint64_t others, other_failures, other_late;
	double certainty;                   /* 1: it is clear which exchange each call belongs to; NaN without failed calls */
};

enum fl_interval_kind { FL_INTERVAL_STALL, FL_INTERVAL_OUTAGE };
/* A stall: work waited and no answer came, for far longer than this endpoint's usual time. An outage: attempts failed nearly
 * all, or at a share far above the usual. */
struct fl_interval {
	enum fl_interval_kind kind;
	int64_t start_ns, end_ns;           /* first attempt concerned began; first good answer after it, or end of window */
	uint64_t attempts, failures;        /* begun within it; failed within it */
	uint32_t in_flight_max;
};
enum { FL_INTERVALS_MAX = 32 };

struct fl_behaviour {
	uint64_t outcome[FL_OUTCOME_COUNT];
	struct fl_series series;
	struct fl_retries retries;
	struct fl_spread connect_timeout;   /* how long callers waited to be connected before they gave up */
	struct fl_spread response_timeout;  /* how long they waited for an answer before they gave up */
	struct fl_interval *intervals;      /* by start; at most FL_INTERVALS_MAX, in the scan's arena */
	size_t interval_count;
	uint32_t in_flight_max;
	double in_flight_plateau_s;         /* time spent at in_flight_max while work waited: a limit was met; 0 = none */
	/* Dependencies: is it this service's inbound work that causes it? */
	double calls_per_inbound;           /* non-negative regression over the buckets, all dependencies of the host at once */
	double nested_share;                /* of calls, inside an open inbound exchange of the service */
	double coupling_p;                  /* permutation test of the two; NaN when there is too little */
	struct fl_surfacing surfacing;
};

/* Attempts of all outcomes but UNDECIDED, and of them those that failed. */
uint64_t fl_outcomes_decided(const struct fl_behaviour *b);
uint64_t fl_outcomes_failed(const struct fl_behaviour *b);

/**
 * fl_behaviour_merge() - Add what one window or capture point saw to what others saw
 * @a:    for what is made
 * @into: made when NULL and there is something to add; never shares memory with @from
 * @from: may be NULL
 *
 * Counts add up. Quantiles of a spread become those of the mixture, each part taken as linear between its five
 * numbers. The series takes the wider of the two widths and doubles it until both windows fit; in_flight_max of
 * a bucket is the larger one. Intervals of a kind that touch become one; past FL_INTERVALS_MAX the shortest go.
 * Ratios are weighed by the attempts behind them. Spreads and ratios depend on the order of merges a little: merge in
 * a fixed one.
 */
struct fl_arena;
void fl_behaviour_merge(struct fl_arena *a, struct fl_behaviour **into, const struct fl_behaviour *from);
void fl_spread_merge(struct fl_spread *into, const struct fl_spread *from);
void fl_series_merge(struct fl_arena *a, struct fl_series *into, const struct fl_series *from);

#endif
