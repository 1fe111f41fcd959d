/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave.h - how a system behaves when something fails or grows: what scans of its hosts say together
 *
 * From facts (behaviour.h) to findings. An edge is a caller and what it calls: replicas of a service are one
 * caller, and interchangeable backends reached by bare address are one far end. Facts of an edge add up over
 * replicas and windows; what happens in time (outages, stalls, drifts) is looked at window by window, all
 * hosts of that time together.
 *
 * What was not seen is not said: a caller whose dependency never failed has no retry policy here and no
 * timeout. Every finding says where its evidence is from, and how sure it is: HIGH    tests reject chance by
 * far, or many independent observations agree MEDIUM  few observations, or one side of it was not scanned LOW
 * a single observation; worth a look, not a decision
 */
#ifndef FAULTLINE_BEHAVE_H
#define FAULTLINE_BEHAVE_H

#include "faultline/behaviour.h"
#include "faultline/system.h"

enum fl_behave_kind {
	FL_BEHAVE_STALL,  /* work piled up behind a far end that did not answer */
	FL_BEHAVE_OUTAGE, /* a dependency failed, and callers of its caller saw it */
	FL_BEHAVE_RETRY,
	FL_BEHAVE_SILENT_FAILURE, /* a dependency failed, and callers of its caller saw neither errors nor
				     delay */
	FL_BEHAVE_TREND,
	FL_BEHAVE_FAN_OUT,
	FL_BEHAVE_TIMEOUT,
	FL_BEHAVE_FAILOVER,
	FL_BEHAVE_COUNT
};
const char *fl_behave_kind_name(enum fl_behave_kind k); /* "silent-failure" ... */

enum fl_confidence { FL_CONFIDENCE_HIGH, FL_CONFIDENCE_MEDIUM, FL_CONFIDENCE_LOW };
const char *fl_confidence_name(enum fl_confidence c);

/* ---- what single facts mean ---- */

enum fl_retry_class {
	FL_RETRY_UNKNOWN,   /* no failure was seen, or too few to tell */
	FL_RETRY_NONE,      /* calls failed, and nothing was tried again */
	FL_RETRY_IMMEDIATE, /* no pause that would let anything recover */
	FL_RETRY_FIXED,
	FL_RETRY_LINEAR,
	FL_RETRY_EXPONENTIAL,
	FL_RETRY_IRREGULAR, /* pauses that follow none of these */
};
struct fl_retry_schedule {
	enum fl_retry_class class;
	bool jitter;                /* FIXED to EXPONENTIAL: pauses are drawn at random around their size */
	bool unclear;               /* UNKNOWN: calls are tried again, but too many may be put together wrongly to tell how */
	const char *name;           /* "exponential-jitter"; of UNKNOWN "not observed", or "unknown" when unclear */
	unsigned attempts;          /* of a call that fails throughout, the first included; 0: unknown */
	bool attempts_at_least;     /* every call recovered before it had used them up */
	double gaps_s[FL_GAPS_MAX]; /* medians: from a failure to the next attempt */
	size_t gap_count;
	double factor; /* EXPONENTIAL: of a pause to the one before; LINEAR: of the increment to the first;
			  else NaN */
	double attempts_per_failed_call; /* mean over calls that gave up; NaN */
	enum fl_confidence confidence;
};
/* From medians and spreads of the pauses alone: growth is told from the noise that they themselves show. One
 * pause is called fixed; of two that grow nothing tells linear from exponential, which is the more common and
 * is said, with less confidence. */
struct fl_retry_schedule fl_retry_schedule(const struct fl_retries *r);

/* The timeout behind a sample of waits that were given up. Waits that are cut short by a caller's own caller
 * are below it, so it is where waits gather at the upper end. seconds is NaN when none was given up. */
struct fl_timeout {
	double seconds;
	bool sharp; /* most waits are within a tenth of it */
	enum fl_confidence confidence;
};
struct fl_timeout fl_timeout_of(const struct fl_spread *waits);

/* ---- findings ---- */

enum fl_quantity { FL_QUANTITY_IN_FLIGHT, FL_QUANTITY_RATE, FL_QUANTITY_LATENCY };
const char *fl_quantity_name(enum fl_quantity q); /* "in-flight", "rate", "latency" */

/* A node that a stall reached. */
struct fl_reached_by_stall {
	const char *id;
	double after_s; /* from the stall's start until work in flight exceeded all that was usual */
	double in_flight_peak;
	bool at_limit; /* it stopped growing there while work waited */
};

struct fl_behave_finding {
	enum fl_behave_kind kind;
	const char *from, *to; /* node ids; from is NULL where callers are outside of all scans */
	const char **replicas; /* all of the caller, sorted; the first is @from */
	size_t replica_count;
	const char **hosts; /* whose scans it is from, sorted */
	size_t host_count;
	int64_t start_ns, end_ns; /* of what it tells */
	enum fl_confidence confidence;
	uint64_t attempts, failures; /* it rests on: within the time, where it has one */
	double severity;             /* for the order of findings; no unit */
	bool uncaptured;             /* no more than what packets that the scans lack would look like; said in @why, LOW */
	size_t edge;                 /* private; SIZE_MAX: none */
	const char *why;             /* one or two sentences with the numbers */

	/* RETRY */
	struct fl_retry_schedule retry;
	uint64_t calls, retried;  /* calls whose first attempt failed; of them, tried again */
	double amplification;     /* attempts that reach @to for one call further up, when all of them fail:
				   * retries here times     those of the callers above; NaN unless calls were seen to
				   * give up */
	double load_ratio;        /* attempts per second in the outage over those outside of it; NaN */
	uint64_t syn_retransmits; /* of the kernel; no retries */
	/* TIMEOUT */
	bool connect; /* phase: connect; else response */
	double seconds;
	bool sharp;
	struct fl_spread spread;
	/* FAILOVER */
	bool confirmed;
	/* STALL: from, to is the edge where it began */
	struct fl_reached_by_stall *order; /* back to front */
	size_t order_count;
	double in_flight_peak;        /* the most of all nodes in the order */
	const char **answered_others; /* callers that @to went on answering, by id */
	size_t answered_other_count;
	double drained_s; /* from the end until work in flight was usual again everywhere; NaN: not within the
			     window */
	/* OUTAGE, SILENT_FAILURE */
	double surfaced; /* failures of the caller's own answers above its usual, per failed call; NaN: nobody
			    to ask */
	double delay_ratio;     /* its answers' time during over outside; NaN */
	bool masked_by_retries; /* calls that failed were saved by a further attempt */
	const char *passed_on;  /* OUTAGE: what failed further down at that time, the deepest; NULL: it began
				   here */
	/* TREND */
	enum fl_quantity quantity;
	bool over_windows;                           /* of whole windows, else within one */
	double slope_per_s, p, from_value, to_value; /* fitted at the start and the end */
	double limit, limit_in_s;  /* what it runs into and when, from the end of the window; NaN: no limit is
				      known */
	const char *limit_kind;    /* "declared limit", "observed plateau", "timeout"; NULL */
	const char **inherited_by; /* nodes further up that show it as well */
	size_t inherited_count;
	/* FAN_OUT */
	double ratio, ratio_before; /* calls per inbound request; before: NaN, or another value earlier in the
				       window */
};

/* An edge and what is known of it, also where that is nothing. */
struct fl_behave_edge {
	const char *from, *to;
	const char **replicas;
	size_t replica_count;
	const struct fl_scan_dependency *dependency; /* of the first replica, all windows */
	const struct fl_behaviour *behaviour;        /* all replicas, all windows; NULL: no facts */
	struct fl_retry_schedule retry;
	struct fl_timeout connect_timeout, response_timeout;
	double fan_out;          /* calls per inbound request; NaN */
	double longest_answer_s; /* no timeout is shorter than an answer that was waited for; NaN */
};

struct fl_behave {
	struct fl_arena *arena;
	struct fl_behave_finding *list; /* worst first */
	size_t count;
	struct fl_behave_edge *edges; /* sorted by from, to */
	size_t edge_count;
	size_t windows;       /* times that were looked at */
	size_t without_facts; /* edges whose scans hold none: older scans, or too little was seen */
	uint64_t trends_tested;
};

/* O(edges x windows) but for the tests of trends, which only those series get that rise or fall at all.
 * Nothing for a graph file. */
struct fl_behave *fl_behave(const struct fl_system *s);
void fl_behave_free(struct fl_behave *b);

#endif
