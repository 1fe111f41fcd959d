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
		struct fl_packet packet;  /* the one that waits */
		bool waits, ended;
	} list[FL_MERGE_MAX];
	size_t count;
	size_t last;                      /* given out by the previous call; its bytes are valid until this one */
	bool given;
};

/* At most FL_MERGE_MAX. */
void fl_merge_add(struct fl_merge *m, struct fl_source *source);

/**
 * fl_merge_next() - The earliest packet of all sources
 * @m:             sources
 * @settled_ns:    packets up to this stamp may go although a source has none waiting; INT64_MAX for files
 * @p:             out; borrowed until the next call; its interface is the source's index
 *
 * Return: 1, 0 (none now), FL_SOURCE_END when all have ended, negative errno with @err filled.
 */
int fl_merge_next(struct fl_merge *m, int64_t settled_ns, const struct fl_packet **p, struct fl_error *err);

#endif
