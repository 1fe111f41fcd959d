/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_internal.h - what the steps of fl_behave() share
 *
 * Steps: edges, teams and windows (behave_edges.c); then one file for each kind of finding, each of which
 * reads the facts and adds findings; then order and wording (behave.c).
 */
#ifndef FAULTLINE_BEHAVE_INTERNAL_H
#define FAULTLINE_BEHAVE_INTERNAL_H

#include <string.h>

#include "faultline/behave.h"

#define BEHAVE_NONE SIZE_MAX

/* Replicas of one service: members of one group of the graph, of which fewer are needed than there are. */
struct behave_team {
	const char **ids, **hosts; /* services by id; hosts sorted, distinct */
	size_t count, host_count;
	size_t *services;             /* of the system, in the order of ids */
	struct fl_behaviour **window; /* inbound facts, by window; NULL: none */
	const struct fl_behaviour *all;
	size_t *callers; /* edges that lead to it */
	size_t caller_count;
	size_t *calls; /* edges it is the caller of */
	size_t call_count;
};

struct behave_edge {
	size_t from, to;                           /* teams; to: BEHAVE_NONE outside of all scans */
	const char *to_id;                         /* endpoint; of several backends the first */
	const struct fl_dependency **dependencies; /* of all replicas, by from_id, to_id */
	size_t dependency_count;
	const struct fl_scan_dependency *merged; /* of the first */
	struct fl_behaviour **window;            /* by window; NULL: none */
	const struct fl_behaviour *all;
	struct fl_histogram *first_byte; /* of all; NULL */
	uint64_t syn_retransmits;
	bool failover_seen, answered;
};

/* Scans of one time. Trends, stalls and outages are looked at in each by itself. */
struct behave_window {
	int64_t start_ns, end_ns;
};

struct behave {
	struct fl_behave *result;
	struct fl_arena *arena;
	const struct fl_system *system;
	struct behave_team *teams; /* by first id */
	size_t team_count;
	struct behave_edge *edges; /* by first from_id, to_id */
	size_t edge_count;
	struct behave_window *windows; /* by start */
	size_t window_count;
	size_t *window_of; /* by scan of the system */
	size_t capacity;   /* of result->list */
};

void fl_behave_edges(struct behave *b);

/* One finding of @e, with its ends, replicas, hosts filled; the numbers are the caller's to fill. */
struct fl_behave_finding *fl_behave_add(
	struct behave *b, enum fl_behave_kind kind, const struct behave_edge *e);
/* The same for a team without a caller in any scan. */
struct fl_behave_finding *fl_behave_add_inbound(struct behave *b, enum fl_behave_kind kind, size_t team);

void fl_behave_retries(struct behave *b); /* retries, timeouts, fail-over */
void fl_behave_stalls(struct behave *b);
void fl_behave_outages(struct behave *b); /* that surfaced, and silent failures */
void fl_behave_trends(struct behave *b);  /* after stalls and outages, whose times they leave out */
void fl_behave_fan_outs(struct behave *b);
void fl_behave_loss(struct behave *b); /* last: marks what packets that were not captured may have made */

/* Share of attempts that are no retries. */
double fl_behave_first_attempts(const struct fl_behaviour *b);
/* Calls per inbound request, retries not counted; NaN. */
double fl_behave_ratio(const struct behave *b, const struct behave_edge *e);

/* ---- time and series ---- */

/* @time_ns + @span_ns, saturating: files can claim any times. */
static inline int64_t fl_behave_after(int64_t time_ns, int64_t span_ns)
{
	return time_ns > INT64_MAX - span_ns ? INT64_MAX : time_ns + span_ns;
}
static inline double fl_behave_between(int64_t start_ns, int64_t end_ns)
{
	return ((double)end_ns - (double)start_ns) / 1e9;
}
/* Edge of bucket @i; of the one behind it, its end. */
static inline int64_t fl_behave_edge_of(const struct fl_series *s, size_t i)
{
	return fl_behave_after(s->start_ns, (int64_t)i * s->width_ns);
}
static inline double fl_behave_width(const struct fl_series *s)
{
	return (double)s->width_ns / 1e9;
}
/* Does bucket @i have time in common with [start, end]? */
static inline bool fl_behave_overlaps(const struct fl_series *s, size_t i, int64_t start_ns, int64_t end_ns)
{
	return fl_behave_edge_of(s, i) <= end_ns && fl_behave_edge_of(s, i + 1) > start_ns;
}

/* Sum over the buckets that overlap [start, end], or with @outside over all others. */
struct behave_sum {
	uint64_t started, answered, failed;
	double in_flight_s, answer_s, seconds;
	uint32_t in_flight_max;
	size_t buckets;
};
struct behave_sum fl_behave_sum(const struct fl_series *s, int64_t start_ns, int64_t end_ns, bool outside);

/* Of ids and labels in sentences: without kind, made safe elsewhere. */
const char *fl_behave_say(const struct behave *b, const char *id);
const char *fl_behave_seconds(struct behave *b, double seconds); /* "1.5 s", "250 ms" */
const char *fl_behave_chance(struct behave *b, double p);	 /* "p 0.002"; what is too small to matter: "p < 0.000001" */

#endif
