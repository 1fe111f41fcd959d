/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_reactions.c - what callers do when something fails: timeouts and retries
 *
 * A timeout shows only when somebody gives up. Seen on both sides, the two are compared. Seen on one side only, the other
 * has not observed it, and that alone is no change: maybe nobody had to wait that long. But where callers there were seen to
 * wait clearly longer than the timeout for an answer and got it, they cannot have had that timeout, and the change is certain;
 * unless that happens beside the timeout as well: then it is that of some calls only. (A callee may answer calls that were given
 * up; as many late answers as that say nothing.)
 *
 * Retries are compared where both sides saw enough failures to tell their schedule with more than a single observation. Another class
 * is a change, jitter alone is none: it is told from the spread of pauses, of which a few say little. So are another number of attempts,
 * where neither side only knows a least one, and first pauses that differ by the threshold.
 */
#include <math.h>
#include <string.h>

#include "diff_internal.h"
#include "faultline/behave.h"

#define OUTWAITED 1.2 /* of the timeout: two buckets of the histogram */
enum { GAVE_UP_MIN = 3, OUTWAITED_MIN = 3, RETRIED_MIN = 3, FAILED_MIN = 5 };

/* NaN: not observed. */
static double timeout_of(const struct fl_spread *s)
{
	if (s == NULL || s->count < GAVE_UP_MIN)
		return NAN;
	struct fl_timeout t = fl_timeout_of(s);
	return t.sharp ? t.seconds : NAN;
}

/* Waits that were answered after more than @limit. */
static uint64_t outwaited(const struct fl_histogram *h, double limit)
{
	uint64_t count = 0;
	for (unsigned i = 0; h != NULL && i < FL_HISTOGRAM_BUCKETS; i++)
		if (fl_histogram_lower(i) >= limit)
			count += h->bucket[i];
	return count;
}

static const char *duration(struct fl_arena *a, double seconds)
{
	return seconds < 1 ? fl_arena_printf(a, "%.3g ms", seconds * 1e3) : fl_arena_printf(a, "%.3g s", seconds);
}

static const char *gave_up(struct fl_arena *a, double seconds)
{
	return fl_arena_printf(a, "gives up after %s", duration(a, seconds));
}

static const char *waited(struct fl_arena *a, const struct fl_histogram *h)
{
	return fl_arena_printf(a, "not observed, waited up to %s", duration(a, fl_histogram_quantile(h, 1)));
}

struct phase {
	const char *quantity, *name;
	const struct fl_spread *seen[2];     /* NULL: none */
	const struct fl_histogram *waits[2];
};

static const char *why(struct fl_arena *a, const struct phase *p, const bool *seen, uint64_t longer)
{
	if (seen[0] && seen[1])
		return fl_arena_printf(a, "%s calls were given up before, %s after, each side after nearly the same time",
			fl_arena_count(a, p->seen[0]->count), fl_arena_count(a, p->seen[1]->count));
	int with = seen[1];
	return fl_arena_printf(a,
		"%s calls were given up %s after nearly the same time; %s that was not observed, but %s %s came after "
		"a longer wait",
		fl_arena_count(a, p->seen[with]->count), with ? "after the change" : "before the change",
		with ? "before," : "after,", fl_arena_count(a, longer), p->name);
}

static void compare(struct fl_diffing *w, const struct fl_use *use, const struct phase *p)
{
	bool seen[2];
	double s[2];
	uint64_t longer = 0;
	for (int i = 0; i < 2; i++) {
		s[i] = timeout_of(p->seen[i]);
		seen[i] = !isnan(s[i]);
	}
	if (!seen[0] && !seen[1])
		return;
	double threshold = w->options->threshold;
	if (seen[0] && seen[1]) {
		double ratio = s[1] / s[0];
		if (ratio < threshold && ratio * threshold > 1)
			return;
	} else {
		int with = seen[1];
		longer = outwaited(p->waits[!with], s[with] * OUTWAITED);
		uint64_t beside = outwaited(p->waits[with], s[with] * OUTWAITED);
		if (longer < OUTWAITED_MIN || beside >= p->seen[with]->count + OUTWAITED_MIN)
			return;
	}
	struct fl_change c = { .kind = FL_CHANGE_TIMEOUT, .from = use->from, .to = use->to, .quantity = p->quantity,
		.p = NAN, .q = NAN, .expected = NAN };
	c.before_value = s[0];
	c.after_value = s[1];
	c.before = seen[0] ? gave_up(w->a, s[0]) : waited(w->a, p->waits[0]);
	c.after = seen[1] ? gave_up(w->a, s[1]) : waited(w->a, p->waits[1]);
	c.why = why(w->a, p, seen, longer);
	fl_diff_add(w->d, &w->capacity, &c);
}

/* ---- retries ---- */

static bool is_known(const struct fl_retries *r, const struct fl_retry_schedule *s)
{
	if (s->class == FL_RETRY_UNKNOWN || s->confidence == FL_CONFIDENCE_LOW || r->calls < FAILED_MIN)
		return false;
	return s->class == FL_RETRY_NONE || r->retried >= RETRIED_MIN;
}

/* Pauses that grow, or that stay as they are, or are none: what of it they follow takes many to tell. */
static int kind_of(const struct fl_retry_schedule *s)
{
	if (s->class == FL_RETRY_LINEAR || s->class == FL_RETRY_EXPONENTIAL)
		return FL_RETRY_EXPONENTIAL;
	return s->class == FL_RETRY_IRREGULAR ? FL_RETRY_FIXED : (int)s->class;
}

static bool same_schedule(const struct fl_retry_schedule *a, const struct fl_retry_schedule *b, double threshold)
{
	bool counted = a->attempts > 0 && b->attempts > 0 && !a->attempts_at_least && !b->attempts_at_least;
	if (kind_of(a) != kind_of(b) || (counted && a->attempts != b->attempts))
		return false;
	if (a->gap_count == 0 || b->gap_count == 0 || kind_of(a) == FL_RETRY_IMMEDIATE)
		return true;
	double ratio = b->gaps_s[0] / a->gaps_s[0];
	return ratio < threshold && ratio * threshold > 1;
}

static const char *say_schedule(struct fl_arena *a, const struct fl_retry_schedule *s)
{
	const char *text = s->name;
	if (s->class == FL_RETRY_NONE)
		return "none";
	if (s->attempts > 0)
		text = fl_arena_printf(a, "%s, %u attempts%s", text, s->attempts, s->attempts_at_least ? " or more" : "");
	return s->gap_count == 0 ? text : fl_arena_printf(a, "%s, first pause %s", text, duration(a, s->gaps_s[0]));
}

static void compare_retries(struct fl_diffing *w, const struct fl_use *use, const struct fl_retries *before,
	const struct fl_retries *after)
{
	struct fl_retry_schedule old = fl_retry_schedule(before), new = fl_retry_schedule(after);
	if (!is_known(before, &old) || !is_known(after, &new) || same_schedule(&old, &new, w->options->threshold))
		return;
	fl_diff_add(w->d, &w->capacity,
		&(struct fl_change){ .kind = FL_CHANGE_RETRY, .from = use->from, .to = use->to,
			.before = say_schedule(w->a, &old), .after = say_schedule(w->a, &new), .p = NAN, .expected = NAN,
			.why = fl_arena_printf(w->a, "%s calls failed at first before, %s of them were tried again; after, "
						     "%s of %s", fl_arena_count(w->a, before->calls),
				fl_arena_count(w->a, before->retried), fl_arena_count(w->a, after->retried),
				fl_arena_count(w->a, after->calls)) });
}

void fl_diff_reactions(struct fl_diffing *w, const struct fl_use *use, const struct fl_amounts *before,
	const struct fl_amounts *after)
{
	const struct fl_behaviour *b = before->behaviour, *n = after->behaviour;
	const struct phase phases[] = {
		{ "connect timeout", "connections", { b == NULL ? NULL : &b->connect_timeout, n == NULL ? NULL : &n->connect_timeout },
			{ before->connect, after->connect } },
		{ "response timeout", "answers", { b == NULL ? NULL : &b->response_timeout, n == NULL ? NULL : &n->response_timeout },
			{ before->first_byte, after->first_byte } },
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(phases); i++)
		compare(w, use, &phases[i]);
	if (b != NULL && n != NULL)
		compare_retries(w, use, &b->retries, &n->retries);
}
