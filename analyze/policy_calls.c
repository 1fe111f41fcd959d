/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_calls.c - where a system breaks its policy: how callers try again, and when they give up
 *
 * Both show only in failures, so most dependencies of a healthy system have neither, and violate nothing. One thing is known
 * without a failure: who waited for an answer longer than the bound has no timeout within it.
 */
#include <math.h>

#include "faultline/behave.h"
#include "policy_internal.h"

static bool is_of(const struct policy_calls *of, const struct fl_behave_edge *e)
{
	bool from = false;
	for (size_t i = 0; i < e->replica_count && !from; i++)
		from = fl_policy_fits(of->from, e->replicas[i]);
	return (from || fl_policy_fits(of->from, e->from)) && fl_policy_fits(of->to, e->to);
}

/* ---- retries ---- */

static bool tries_again(const struct fl_retry_schedule *r)
{
	return r->class != FL_RETRY_UNKNOWN && r->class != FL_RETRY_NONE;
}

static void check_schedule(struct policy_checking *c, const struct policy_retries *wanted, const struct fl_behave_edge *e)
{
	const struct fl_retry_schedule *r = &e->retry;
	struct fl_arena *a = c->r->arena;
	bool grows = r->class == FL_RETRY_LINEAR || r->class == FL_RETRY_EXPONENTIAL;
	const char *seen = r->gap_count == 0
				   ? fl_arena_printf(a, "retries are %s, %u attempts", r->name, r->attempts)
				   : fl_arena_printf(a, "retries are %s, %u attempts, the first pause %.3g s", r->name,
					     r->attempts, r->gaps_s[0]);
	if (wanted->pause && r->class == FL_RETRY_IMMEDIATE)
		fl_policy_violate(c, FL_RULE_RETRY_WITHOUT_PAUSE, e->from, e->to, wanted->of.at, seen);
	else if (wanted->growing && !grows)
		fl_policy_violate(c, FL_RULE_RETRY_NOT_GROWING, e->from, e->to, wanted->of.at, seen);
	else if (wanted->jitter && !r->jitter)
		fl_policy_violate(c, FL_RULE_RETRY_WITHOUT_JITTER, e->from, e->to, wanted->of.at, seen);
	if (r->attempts > wanted->max_attempts)
		fl_policy_violate(c, FL_RULE_RETRY_ATTEMPTS, e->from, e->to, wanted->of.at,
			fl_arena_printf(a, "%u attempts%s, and at most %g are allowed", r->attempts,
				r->attempts_at_least ? " or more" : "", wanted->max_attempts));
}

static void check_retries(struct policy_checking *c, const struct fl_behave_edge *e)
{
	c->r->retries_observed += e->retry.class != FL_RETRY_UNKNOWN ? 1 : 0;
	if (!tries_again(&e->retry))
		return;
	for (size_t i = 0; i < c->p->retry_count; i++) {
		if (!is_of(&c->p->retries[i].of, e))
			continue;
		check_schedule(c, &c->p->retries[i], e);
		return;
	}
}

/* ---- timeouts ---- */

static void check_bounds(struct policy_checking *c, const struct policy_timeouts *wanted, const struct fl_behave_edge *e,
	const char *phase, double seconds, double longest_s)
{
	struct fl_arena *a = c->r->arena;
	if (seconds < wanted->min_s)
		fl_policy_violate(c, FL_RULE_TIMEOUT_TOO_SHORT, e->from, e->to, wanted->of.at,
			fl_arena_printf(a, "gives up after %.3g s (%s), and it must be at least %.3g s", seconds, phase,
				wanted->min_s));
	if (seconds > wanted->max_s)
		fl_policy_violate(c, FL_RULE_TIMEOUT_TOO_LONG, e->from, e->to, wanted->of.at,
			fl_arena_printf(a, "gives up after %.3g s (%s), and it must be at most %.3g s", seconds, phase,
				wanted->max_s));
	else if (longest_s > wanted->max_s)
		fl_policy_violate(c, FL_RULE_TIMEOUT_TOO_LONG, e->from, e->to, wanted->of.at,
			fl_arena_printf(a, "waited %.3g s for an answer, and it must give up after at most %.3g s",
				longest_s, wanted->max_s));
}

static void check_timeout(struct policy_checking *c, const struct fl_behave_edge *e, const char *phase, double seconds,
	double longest_s)
{
	c->r->timeouts_observed += isnan(seconds) ? 0 : 1;
	for (size_t i = 0; i < c->p->timeout_count; i++) {
		const struct policy_timeouts *wanted = &c->p->timeouts[i];
		if (!is_of(&wanted->of, e) || (wanted->phase != NULL && wanted->phase[0] != phase[0]))
			continue;
		check_bounds(c, wanted, e, phase, seconds, longest_s);
		return;
	}
}

void fl_policy_check_calls(struct policy_checking *c)
{
	if (c->s->scans.count == 0 || (c->p->retry_count == 0 && c->p->timeout_count == 0))
		return;
	struct fl_behave *b = fl_behave(c->s);
	c->r->edges = b->edge_count;
	for (size_t i = 0; i < b->edge_count; i++) {
		const struct fl_behave_edge *e = &b->edges[i];
		check_retries(c, e);
		check_timeout(c, e, "connect", e->connect_timeout.seconds, NAN);
		check_timeout(c, e, "response", e->response_timeout.seconds, e->longest_answer_s);
	}
	fl_behave_free(b);
}
