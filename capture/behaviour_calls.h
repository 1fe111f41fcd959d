/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_calls.h - what the files share that put attempts together to calls
 *
 *   behaviour_calls.c      rounds over the attempts; what came of the calls
 *   behaviour_pauses.c     which pauses the caller makes
 *   behaviour_habits.c     how it calls where nothing fails: which requests cause calls, and how soon
 *   behaviour_chains.c     another way than rounds: all calls at a time, attempt after attempt
 *   behaviour_timeouts.c   when it gave up waiting
 */
#ifndef FAULTLINE_BEHAVIOUR_CALLS_H
#define FAULTLINE_BEHAVIOUR_CALLS_H

#include "behaviour_internal.h"

enum { PEAKS_MAX = 16, PENDING_MAX = 256 };

/* A failed attempt that was not followed yet, and what most others are told from it by: a next attempt of the same text begins at
 * the earliest at text_from_ns, another one at from_ns; none after to_ns. */
struct pending {
	struct attempt *attempt;
	int64_t text_from_ns, from_ns, text_to_ns, to_ns;
	uint32_t text;                          /* 0: anything may be the same */
};

struct calls {
	const struct attempt_group *g;
	const struct call_context *context;
	size_t first_part;                      /* of g there may be two parts, with others in between: where the second begins */
	int64_t part_end_ns[2];                 /* up to where each was in view */
	struct pending pending[2 * PENDING_MAX]; /* [first, end), by start; without an attempt: followed */
	size_t first_pending, end_pending, pending_count;
	double delay_s;                         /* from an inbound request to its call, median; NaN */
	double fresh_s;                         /* an inbound request this young explains a new call; NaN: nobody knows */
	bool habits_seen;                       /* both are of calls that nothing failed before */
	double pace_s;                          /* time between calls, median; NaN */
	double pause_s[FL_GAPS_MAX];            /* learnt; NaN */
	double shortest_s[FL_GAPS_MAX], longest_s[FL_GAPS_MAX]; /* of clear cases, with some room; NaN */
	double peaks_s[PEAKS_MAX];              /* pauses that come up more often than chance, before any is learnt */
	size_t peak_count;
	bool learnt;
	double goes_on[FL_GAPS_MAX];            /* share of failures of this number that were followed; NaN */
	bool firm[FL_GAPS_MAX];                 /* the pause of this number is nearly always the same */
	uint64_t calls_seen;                    /* failed at first, and told */
	bool exact;                             /* retries repeat the text of the request */
	uint16_t *used;                         /* by inbound request: calls that it explains so far */
	uint16_t quota;                         /* ... and may explain */
};

static inline bool calls_readable(const struct attempt *a)
{
	return a->flags & FL_ATTEMPT_READABLE;
}

/* Pauses of later attempts share a place. */
static inline size_t calls_place(const struct attempt *a)
{
	return a->number < FL_GAPS_MAX ? a->number : FL_GAPS_MAX - 1;
}

/* Does @a begin inside work of the caller, one piece of which is still open at @when_ns? */
static inline bool calls_inside(const struct attempt *a, int64_t when_ns)
{
	return a->open_until_ns >= when_ns;
}

/* May @b ask for what @a asked for? */
bool calls_may_be_same(const struct calls *c, const struct attempt *a, const struct attempt *b);

/* From the failure of @a to the begin of @b: of its connection when that was opened for it. */
double calls_pause(const struct attempt *a, const struct attempt *b);
double calls_off_peak(const struct calls *c, double pause_s); /* relative distance to the nearest peak */
bool calls_pause_fits(const struct calls *c, const struct attempt *a, double pause_s, double tolerance);
/* Pauses that come up more often than chance; needs no links. */
void calls_find_peaks(struct calls *c);
/* Where pauses crowd, else from those links that nothing else explains, else from all. */
void calls_learn_pauses(struct calls *c);

/* Inbound requests of the kinds (method and path) after which calls come. The list is *@into's own. */
void calls_choose_inbound(const struct attempt_group *g, const struct inbound_work *in, struct inbound_work *into);
/* How soon a call follows its inbound request, and how often calls come, where nothing fails. */
void calls_learn_habits(struct calls *c);
/* The inbound request that @b is a new call of. Index + 1; 0: none. */
size_t calls_explained_by(const struct calls *c, const struct attempt *b);
/* Of a new call that no fresh inbound request explains: the newest that is open; NULL. */
const struct attempt *calls_newest_open(const struct calls *c, const struct attempt *b);
bool calls_inbound_over(const struct attempt *inbound, int64_t when_ns);

/* Puts the attempts together anew, when that leaves clearly less over than the links do that are there. Return: it did. */
bool calls_put_together(struct calls *c);
/* Share of failed attempts that is left over, where calls overlap and texts do not tell them apart; 0..1. */
double calls_unexplained(const struct calls *c);
/* Calls that there were no inbound requests for, which are parts of others: share of the calls, and of the attempts; 0..1. */
double calls_torn(const struct calls *c, double *of_attempts);

/* How long callers waited before they gave up with @outcome; moves ends that are not known to where they must be. */
struct fl_spread calls_find_timeout(struct calls *c, enum fl_outcome outcome);

#endif
