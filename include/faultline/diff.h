/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff.h - what changed between two sets of scans, honestly
 *
 * Dependencies are matched by stable identity (DESIGN 5): service by host and name, where only its port
 * is known by who calls it; endpoint by name with ephemeral labels normalised (replica numbers, hashes), by the scanned
 * service it leads to when reached by bare address, else by port and application. Rotated addresses are no
 * change. An added and a gone endpoint of one caller with the same registrable domain and port are one "moved".
 *
 * Of what stayed, what was measured is compared: calls per inbound request, rate of what no request causes, share of
 * failures, time to first byte. A difference is a change when a test rejects that both windows are one (Benjamini-Hochberg
 * over all of them) and the effect is large enough to matter. Traffic comes in bursts: counts are weighed by the variance
 * they show over the window's own blocks, not as if each were independent. What callers do when something fails (retries,
 * timeouts) is compared where both sides saw it; where one did not, nothing is said, but for a timeout that the other
 * side visibly outwaited.
 */
#ifndef FAULTLINE_DIFF_H
#define FAULTLINE_DIFF_H

#include "faultline/rank.h"

enum fl_change_kind {
	FL_CHANGE_ADDED,
	FL_CHANGE_GONE,
	FL_CHANGE_NOT_SEEN_YET,     /* one side only, and the other was too short to have seen it for sure */
	FL_CHANGE_MOVED,
	FL_CHANGE_PROVIDER,
	FL_CHANGE_FAN_OUT,          /* calls per inbound exchange of the caller */
	FL_CHANGE_RATE,             /* calls/s of what no inbound exchange causes */
	FL_CHANGE_LATENCY,          /* median time to first byte, s */
	FL_CHANGE_FAILURES,         /* share of calls that failed, 0..1 */
	FL_CHANGE_RETRY,
	FL_CHANGE_TIMEOUT,          /* s */
	FL_CHANGE_SPOF_NEW,
	FL_CHANGE_SPOF_LOST,
	FL_CHANGE_SHARED_FATE_NEW,  /* from: the group, to: what it shares */
	FL_CHANGE_SHARED_FATE_LOST,
	FL_CHANGE_COUNT
};
const char *fl_change_name(enum fl_change_kind k); /* "not-seen-yet" ... */

struct fl_change {
	enum fl_change_kind kind;
	const char *from, *to;       /* node ids, of the newer side where there is one; the systems' */
	const char *before, *after;  /* what differs, as text; NULL: nothing there */
	const char *quantity;        /* measured kinds: "response timeout", "calls per inbound request"; else NULL */
	double before_value, after_value; /* measured kinds, in the unit above; NaN: not observed, or no number */
	double p;                    /* of the silence, of the test; NaN: no test */
	double q;                    /* p adjusted for the number of tests; NaN */
	double expected;             /* exchanges expected in the window that saw none; else NaN */
	const char *why;             /* one sentence */
};

struct fl_diff_options {
	double threshold;            /* least effect of a measured change, as a ratio >= 1 */
	double discovery_rate;       /* of Benjamini-Hochberg */
};
#define FL_DIFF_THRESHOLD 1.5        /* DESIGN 5 */
#define FL_DIFF_DISCOVERY_RATE 0.05

struct fl_diff {
	struct fl_arena *arena;
	struct fl_change *list;      /* sorted by kind, from, to */
	size_t count;
	uint64_t unchanged;          /* dependencies matched without a structural change */
	uint64_t address_only;       /* of them, those whose addresses rotated */
	uint64_t tests;              /* differences that were tested */
	uint64_t too_few;            /* ... that could not be: too little was seen on one side */
	uint64_t renamed_services;   /* matched by host and callers, under another port */
	double load_before, load_after; /* inbound exchanges/s of the entry points both sides know; NaN */
};

/* @o: NULL for the defaults. Both systems outlive the result. */
struct fl_diff *fl_diff(const struct fl_system *old, const struct fl_system *new, const struct fl_diff_options *o);
void fl_diff_free(struct fl_diff *d);
/* Whether there is a change; what was merely not seen yet is none. */
bool fl_diff_differs(const struct fl_diff *d);

#endif
