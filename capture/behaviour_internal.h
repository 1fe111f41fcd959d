/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_internal.h - what the files that turn the log of attempts into facts share
 *
 *   behaviour.c            the log joined with dependencies and services; which get facts; the window's ends
 *   behaviour_calls.c      which attempt retries which; gaps; when callers gave up: with behaviour_pauses.c, behaviour_habits.c
 *                          and behaviour_timeouts.c (behaviour_calls.h)
 *   behaviour_series.c     counts over time, work in flight
 *   behaviour_intervals.c  stalls and outages
 *   behaviour_coupling.c   calls per inbound request; is it chance?
 *   behaviour_surfacing.c  what became of the inbound work that failed calls were part of
 *   behaviour_attribution.c  whose calls they are, where nobody says so
 */
#ifndef FAULTLINE_BEHAVIOUR_INTERNAL_H
#define FAULTLINE_BEHAVIOUR_INTERNAL_H

#include "faultline/exchange.h"
#include "summary_internal.h"

/* A record of the log, with what it belongs to. */
struct attempt {
	int64_t start_ns;
	int64_t begin_ns;       /* of its connection, when that was opened for it; else start */
	int64_t open_until_ns;  /* the latest end of the caller's work that was open at begin; INT64_MIN: none, or not known */
	int64_t end_ns;         /* answered, failed or given up; never before start */
	uint32_t conversation;  /* index in the table */
	uint32_t dependency, service; /* of a local caller, of a local callee: index + 1; 0: none */
	uint32_t fingerprint, request_size;
	uint32_t same;          /* attempts of its group with this fingerprint */
	struct attempt *retry;  /* the attempt that followed its failure */
	const struct attempt *parent; /* inbound request that it most likely belongs to */
	uint32_t number;        /* 0: the call's first attempt */
	uint16_t client_port;
	uint8_t outcome, flags;
	bool looked_at;         /* put together to calls; else one of too many */
	bool orphan;            /* begins inside open work, and neither a failure nor a fresh request explains it */
	bool failed_for_good;   /* first attempt of a call that failed at each, and whose going on was in view */
	bool clear;             /* nothing else explains the retry */
	bool end_known;         /* else end_ns is the least that it can be */
	bool waiting;           /* when the window ended */
	bool goes_on;           /* ... and still does: in flight here, counted in the window in which it ends */
};

static inline uint32_t attempt_weight(const struct attempt *a)
{
	return UINT32_C(1) << (a->flags >> 5);
}

static inline bool attempt_failed(const struct attempt *a)
{
	return fl_outcome_is_failure(a->outcome);
}

/* Attempts of one dependency, or towards one service, by start. */
struct attempt_group {
	struct attempt **list;
	size_t count;
};

/* Inbound work of one service, to ask what was open when. */
struct inbound_work {
	struct attempt_group all;
	int64_t *reach_ns;      /* the latest end of all[0..i] */
};
/* Index of the last that began at or before @when_ns, + 1. */
size_t inbound_before(const struct inbound_work *in, int64_t when_ns);
void inbound_reach(struct inbound_work *in); /* makes reach_ns of all */
/* Was one and the same open at @from_ns and still at @to_ns? */
bool inbound_open(const struct inbound_work *in, int64_t from_ns, int64_t to_ns);

/* Numbers of a sample, and their spread. */
struct sample {
	double *list;
	size_t count, capacity;
};
void sample_add(struct sample *s, double value);
struct fl_spread sample_spread(struct sample *s); /* sorts it */
void sample_fini(struct sample *s);
/* To the microsecond, which is what captures have; texts stay short. */
double rounded(double seconds);
double sorted_quantile(const double *sorted, size_t count, double q);

struct call_context {
	const struct inbound_work *inbound;     /* of the caller; NULL: none, or not known */
	int64_t window_end_ns;
	double period_s;                        /* beat of the calls; NaN */
	const struct fl_conversations *conversations;
};
/* Which attempts retry which, and when callers gave up: sets retry, number and end_ns in @g, and in @b retries and time-outs.
 * Attempts of one caller to one endpoint. Return: calls that failed at one address succeeded at another, more of them than
 * were lost because they did not try one. */
bool behaviour_calls(struct fl_behaviour *b, const struct attempt_group *g, const struct call_context *context);

/* Counts over time; peaks. @caller: inbound work of the same service, which may have waited for a place; NULL. */
void behaviour_series(struct fl_behaviour *b, struct fl_arena *arena, const struct attempt_group *g,
		      const struct fl_series *window, const struct attempt_group *caller);

/* Inbound requests of all services of a host over time, to explain calls by. */
struct coupling_model {
	double **requests;      /* by service, by bucket */
	size_t services, buckets;
	double *matrix;         /* services x services */
};
double *coupling_requests(const struct attempt_group *inbound, const struct fl_series *window);
void coupling_prepare(struct coupling_model *m);
/* b[service]: calls per request; of the calls inside @nested_in's open work. */
void coupling_solve(struct coupling_model *m, const struct attempt_group *calls, const struct fl_series *window,
		    const struct inbound_work *nested_in, double *b);
double coupling_nested_share(const struct attempt_group *calls, const struct inbound_work *in);
/* How likely chance ties @g as closely to @in; NaN: too little. */
double coupling_p(const struct attempt_group *g, const struct inbound_work *in, int64_t start_ns, int64_t end_ns);

/* What became of the inbound exchanges that calls of @g which failed for good were part of; to be called when calls are
 * put together. */
void behaviour_surfacing(struct fl_surfacing *out, const struct attempt_group *g, const struct inbound_work *in);

/* Share of the attempts of @g that each of @services most likely made, the rest being nobody's. Return: how many were looked at. */
size_t attribution_shares(const struct attempt_group *g, const struct inbound_work *const *services, size_t service_count,
			  double window_s, double *shares);

/* Stalls and outages; to be called when the ends are known. Stalls are looked for in each client's attempts and in those for one
 * path, too: while one waits, others may be answered. */
void behaviour_intervals(struct fl_behaviour *b, struct fl_arena *arena, const struct attempt_group *g,
			 const struct fl_conversations *conversations, int64_t window_end_ns);

#endif
