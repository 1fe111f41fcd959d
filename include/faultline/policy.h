/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.h - what a team has agreed on, and where a system breaks it
 *
 * faultline.policy/1 (schema: analyze/faultline.policy.schema.json), JSON with comments and trailing commas. A policy is
 * for a pipeline to fail on, so everything in it must be understood: a member nobody knows is an error with its place, not a remark.
 * The rules:
 *
 *   external        every external dependency must be allowed, by name, address or provider, with an owner, a reason and,
 *                   where it is to be looked at again, a date
 *   retries         who tries again waits first, grows the pauses, draws them at random, ends after so many attempts
 *   timeouts        callers give up neither sooner nor later than this
 *   single_points   no single point of failure but these, or but those of older scans
 *   coverage        the scans saw enough for the rest to mean something
 *
 * Of retries and timeouts the first statement that fits a caller and its dependency counts. What was not observed
 * violates nothing; how much that is, is told. Today is the end of the window that was watched: the same scans and the same policy
 * give the same answer for ever.
 */
#ifndef FAULTLINE_POLICY_H
#define FAULTLINE_POLICY_H

#include "faultline/diff.h"

struct fl_policy;
enum { FL_POLICY_FILE_MAX = 64 << 20 };

/* The error names file, line and column, and the remedy. */
int fl_policy_read(struct fl_policy **p, const char *path, struct fl_error *err);
/* The same for text in memory. */
int fl_policy_parse(struct fl_policy **p, const char *name, const char *text, size_t size, struct fl_error *err);
void fl_policy_free(struct fl_policy *p); /* NULL is fine */

enum fl_policy_rule {
	FL_RULE_EXTERNAL_NOT_ALLOWED,
	FL_RULE_EXTERNAL_EXPIRED,
	FL_RULE_RETRY_WITHOUT_PAUSE,   /* tries again at once */
	FL_RULE_RETRY_NOT_GROWING,     /* pauses that do not grow */
	FL_RULE_RETRY_WITHOUT_JITTER,
	FL_RULE_RETRY_ATTEMPTS,
	FL_RULE_TIMEOUT_TOO_SHORT,
	FL_RULE_TIMEOUT_TOO_LONG,
	FL_RULE_SINGLE_POINT,
	FL_RULE_COVERAGE_DROPS,
	FL_RULE_COVERAGE_NAMES,
	FL_RULE_COVERAGE_SERVICES,     /* flows of no known service */
	FL_RULE_COVERAGE_WINDOW,
	FL_RULE_COUNT
};
const char *fl_policy_rule_name(enum fl_policy_rule r); /* "external-not-allowed" ... */
const char *fl_policy_rule_text(enum fl_policy_rule r); /* a sentence */

struct fl_violation {
	enum fl_policy_rule rule;
	const char *from, *to;   /* node ids; NULL where the rule is about the scans */
	const char *why;         /* one sentence with the numbers */
	uint32_t line, column;   /* of the statement in the policy file */
};
struct fl_policy_note {      /* a statement that nothing supports */
	const char *why;
	uint32_t line, column;
};

struct fl_policy_result {
	struct fl_arena *arena;
	const char *file;
	struct fl_violation *list;   /* by rule, from, to, place */
	size_t count;
	struct fl_policy_note *unused; /* by place: allowed, and not seen */
	size_t unused_count;
	uint64_t externals;          /* external dependencies that were looked at */
	uint64_t edges;              /* dependencies whose retries and timeouts were looked for */
	uint64_t retries_observed, timeouts_observed; /* of them */
	uint64_t single_points;      /* that were looked at; with older scans, the new ones */
};

/* @old: older scans, whose single points of failure are no violation; NULL: only what the policy allows is none. A
 * graph file has no evidence: of one only single points are checked. */
struct fl_policy_result *fl_policy_check(const struct fl_policy *p, const struct fl_system *s,
	const struct fl_system *old);
void fl_policy_result_free(struct fl_policy_result *r);

/* A policy that holds for @s as it is, with comments. Same scans, same bytes. */
void fl_policy_write(FILE *out, const struct fl_system *s);
/* The same as JSON for programs: without the comments, and so without who uses what and how that was seen. */
int fl_policy_write_plain(FILE *out, const struct fl_system *s, struct fl_error *err);

#endif
