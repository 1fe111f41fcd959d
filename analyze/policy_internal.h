/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_internal.h - statements of a policy
 *
 *   policy_read.c     from text to statements      policy_check.c     externals, single points, coverage
 *   policy_calls.c    retries and timeouts         policy_write.c     a policy from scans
 */
#ifndef FAULTLINE_ANALYZE_POLICY_INTERNAL_H
#define FAULTLINE_ANALYZE_POLICY_INTERNAL_H

#include "faultline/arena.h"
#include "faultline/policy.h"
#include "model_internal.h"

/* Patterns: '*' stands for any text; NULL: any. */
struct policy_external {
	struct model_place at;
	const char *name, *provider, *from; /* name: also an address or network */
	double port;                        /* NaN: any */
	const char *owner, *reason;
	int64_t expires_ns;                 /* the end of that day; INT64_MAX: never */
	const char *expires;                /* as written; NULL: never */
};
struct policy_calls {
	struct model_place at;
	const char *from, *to;
};
struct policy_retries {
	struct policy_calls of;
	bool pause, growing, jitter;
	double max_attempts;                /* NaN: any */
};
struct policy_timeouts {
	struct policy_calls of;
	const char *phase;                  /* "connect", "response"; NULL: both */
	double min_s, max_s;                /* NaN: no bound */
};
struct policy_coverage {
	struct model_place max_drop_at, min_named_at, min_attributed_at, min_window_at;
	double max_drop_share, min_named_share, min_attributed_share, min_window_s; /* NaN: no bound */
};

struct fl_policy {
	struct fl_arena *arena;
	const char *name;
	bool has_external, has_single_points;
	struct model_place external_at, single_points_at;
	struct policy_external *externals;
	struct policy_retries *retries;
	struct policy_timeouts *timeouts;
	const char **single_points;         /* patterns, or parts of ids */
	struct model_place *single_point_places;
	size_t external_count, retry_count, timeout_count, single_point_count;
	struct policy_coverage coverage;
};

/* ---- the result under way ---- */

struct policy_checking {
	const struct fl_policy *p;
	const struct fl_system *s;
	struct fl_policy_result *r;
	size_t capacity, unused_capacity;
};
void fl_policy_violate(struct policy_checking *c, enum fl_policy_rule rule, const char *from, const char *to,
	struct model_place at, const char *why);
/* A pattern over an id, or over it without its kind; NULL fits everything. */
bool fl_policy_fits(const char *pattern, const char *id);

/* policy_calls.c */
void fl_policy_check_calls(struct policy_checking *c);

#endif
