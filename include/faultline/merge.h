/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * merge.h - packets of several sources in the order of their stamps
 *
 * One host on several interfaces, or in several files, is one story: a look-up on one interface names a connection on
 * another, and a packet that both saw must be recognised as one. Each source waits with its next packet; the earliest goes first.
 * A live source that has nothing now may still bring something older: until it does, only packets older than a
 * given time are handed out.
 */
#ifndef FAULTLINE_MERGE_H
#define FAULTLINE_MERGE_H

#include "faultline/source.h"

enum { FL_MERGE_MAX = 64 };

struct fl_merge {
	struct fl_merge_source {
		struct fl_source *source; /* owned by the caller */
		size_t at, count;         /* those of @packets that wait */
		bool ended;
		struct fl_packet packets[FL_SOURCE_BATCH];
	} list[FL_MERGE_MAX];
	size_t count;
	int64_t last_ns;              /* packets with later stamps wait; 0: none does */
};

/* At most FL_MERGE_MAX. */
void fl_merge_add(struct fl_merge *m, struct fl_source *source);

/**
 * fl_merge_batch() - The earliest packets of all sources
 * @m:             sources
 * @settled_ns:    packets up to this stamp may go although a source has none waiting; INT64_MAX for files
 * @list:          out: at most FL_SOURCE_BATCH, in order; borrowed until the next call; the interface of each is its
 *                 source's index
 * @count:         out: how many
 *
 * Return: 1 with at least one, 0 (none now), FL_SOURCE_END when all have ended, negative errno with @err filled.
 */
int fl_merge_batch(struct fl_merge *m, int64_t settled_ns, const struct fl_packet *list[static FL_SOURCE_BATCH],
		   size_t *count, struct fl_error *err);

#endif
