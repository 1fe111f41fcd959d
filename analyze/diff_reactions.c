/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_reactions.c - what callers do when something fails: timeouts
 *
 * A timeout shows only when somebody gives up. Seen on both sides, the two are compared. Seen on one side only, the other
 * has not observed it, and that alone is no change: maybe nobody had to wait that long. But where callers there were seen to
 * wait longer than the timeout, by the threshold, for an answer and got it, they cannot have had that timeout, and the change is certain.
 */
#include <math.h>
#include <string.h>

#include "diff_internal.h"

enum { GAVE_UP_MIN = 3, OUTWAITED_MIN = 3 };
#define NARROW 0.25 /* of the median: 80 % of those who gave up agree so well, or it is no timeout */

static bool observed(const struct fl_spread *s)
{
	return s->count >= GAVE_UP_MIN && s->p90 - s->p10 <= NARROW * s->p50;
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

static const char *gave_up(struct fl_arena *a, const struct fl_spread *s)
{
	return fl_arena_printf(a, "gives up after %s", duration(a, s->p50));
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
		return fl_arena_printf(a, "%llu calls were given up before, %llu after, each side after nearly the same time",
			(unsigned long long)p->seen[0]->count, (unsigned long long)p->seen[1]->count);
	int with = seen[1];
	return fl_arena_printf(a,
		"%llu calls were given up %s after nearly the same time; %s that was not observed, but %llu %s came after "
		"a longer wait",
		(unsigned long long)p->seen[with]->count, with ? "after the change" : "before the change",
		with ? "before," : "after,", (unsigned long long)longer, p->name);
}

static void compare(struct fl_diffing *w, const struct fl_use *use, const struct phase *p)
{
	bool seen[2];
	uint64_t longer = 0;
	for (int i = 0; i < 2; i++)
		seen[i] = p->seen[i] != NULL && observed(p->seen[i]);
	if (!seen[0] && !seen[1])
		return;
	double threshold = w->options->threshold;
	if (seen[0] && seen[1]) {
		double ratio = p->seen[1]->p50 / p->seen[0]->p50;
		if (ratio < threshold && ratio * threshold > 1)
			return;
	} else {
		int with = seen[1];
		longer = outwaited(p->waits[!with], p->seen[with]->p50 * threshold);
		if (longer < OUTWAITED_MIN)
			return;
	}
	struct fl_change c = { .kind = FL_CHANGE_TIMEOUT, .from = use->from, .to = use->to, .quantity = p->quantity,
		.p = NAN, .q = NAN, .expected = NAN };
	c.before_value = seen[0] ? p->seen[0]->p50 : NAN;
	c.after_value = seen[1] ? p->seen[1]->p50 : NAN;
	c.before = seen[0] ? gave_up(w->a, p->seen[0]) : waited(w->a, p->waits[0]);
	c.after = seen[1] ? gave_up(w->a, p->seen[1]) : waited(w->a, p->waits[1]);
	c.why = why(w->a, p, seen, longer);
	fl_diff_add(w->d, &w->capacity, &c);
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
}
