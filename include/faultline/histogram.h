/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * histogram.h - mergeable log-bucket histogram of durations
 *
 * 1 us to 2^12 s (68 min) in buckets of 1/8 octave (at most 9.1 % wide), one below
 * and one above; adding is O(1), merging is adding counts, so any order of
 * merges gives the same histogram. Quantiles are exact to the bucket.
 */
#ifndef FAULTLINE_HISTOGRAM_H
#define FAULTLINE_HISTOGRAM_H

#include <stdint.h>

enum { FL_HISTOGRAM_BUCKETS = 258 };

struct fl_histogram {
	uint64_t count;
	uint32_t bucket[FL_HISTOGRAM_BUCKETS]; /* saturating */
};

void fl_histogram_add(struct fl_histogram *h, int64_t duration_ns); /* < 0 counts as 0 */
void fl_histogram_merge(struct fl_histogram *into, const struct fl_histogram *from);
/* Upper edge of the bucket that holds the @q quantile (0..1), in seconds;
 * NaN when empty. */
double fl_histogram_quantile(const struct fl_histogram *h, double q);
/* Edges of bucket @i in seconds; the first begins at 0, the last ends at
 * infinity. Bucket i of a scan file is the same bucket on every machine. */
double fl_histogram_lower(unsigned i);
double fl_histogram_upper(unsigned i);

#endif
