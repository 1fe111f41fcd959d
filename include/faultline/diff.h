/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff.h - what changed between two sets of scans, honestly
 *
 * Dependencies are matched by stable identity (DESIGN 5): service by host and name;
 * endpoint by name with ephemeral labels normalised (replica numbers, hashes), by the scanned
 * service it leads to when reached by bare address, else by port and application. Rotated addresses are no
 * change. An added and a gone endpoint of one caller with the same registrable domain and port are one "moved".
 */
#ifndef FAULTLINE_DIFF_H
#define FAULTLINE_DIFF_H

#include "faultline/rank.h"

enum fl_change_kind { FL_CHANGE_ADDED, FL_CHANGE_GONE, FL_CHANGE_NOT_SEEN_YET, FL_CHANGE_MOVED,
		      FL_CHANGE_PROVIDER, FL_CHANGE_SPOF_NEW, FL_CHANGE_SPOF_LOST };
const char *fl_change_name(enum fl_change_kind k); /* "not-seen-yet" ... */

struct fl_change {
	enum fl_change_kind kind;
	const char *from, *to;       /* node ids, of the newer side where there is one; the systems' */
	const char *before, *after;  /* what differs, as text; NULL */
	double p;                    /* gone, not-seen-yet: Poisson probability of silence; else NaN */
	double expected;             /* exchanges expected in the newer window; else NaN */
	const char *why;             /* one sentence */
};

struct fl_diff {
	struct fl_arena *arena;
	struct fl_change *list;      /* sorted by kind, from, to */
	size_t count;
	uint64_t unchanged;          /* dependencies matched without a change */
	uint64_t address_only;       /* of them, those whose addresses rotated */
};

struct fl_diff *fl_diff(const struct fl_system *old, const struct fl_system *new);
void fl_diff_free(struct fl_diff *d);

#endif
