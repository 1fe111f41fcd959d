/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * histogram.c - mergeable log-bucket histogram of durations
 *
 * Bucket 0 is below 2^-20 s, bucket 1 + 8 o + k begins at 2^(o - 20 + k/8) s for
 * the octaves o = 0..31, the last begins at 2^12 s. An edge is one of eight
 * constants scaled by a power of two, which is exact, and a duration is
 * compared with the very numbers that fl_histogram_lower() returns. No
 * logarithm is taken: its last bit differs between C libraries, and a value at
 * an edge would then fall into different buckets on different machines.
 */
#include "faultline/histogram.h"

#include <math.h>
#include <string.h>

#include "faultline/status.h"

enum {
	STEPS = 8,
	OCTAVES = 32,
	FIRST_EXPONENT = -20,
	LAST = FL_HISTOGRAM_BUCKETS - 1,
};
_Static_assert(FL_HISTOGRAM_BUCKETS == STEPS * OCTAVES + 2, "one below, one above");
#define FIRST_EDGE 0x1p-20
#define LAST_EDGE 0x1p12

/* 2^(k/8), correctly rounded */
static const double step[STEPS] = {
	1.0,
	0x1.172b83c7d517bp+0,
	0x1.306fe0a31b715p+0,
	0x1.4bfdad5362a27p+0,
	0x1.6a09e667f3bcdp+0,
	0x1.8ace5422aa0dbp+0,
	0x1.ae89f995ad3adp+0,
	0x1.d5818dcfba487p+0,
};

/* A double's bits (IEEE 754): eleven of exponent, 52 of mantissa; those of positive numbers are in the numbers' order. */
enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1023 };

static uint64_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static unsigned bucket_of(int64_t duration_ns)
{
	double seconds = duration_ns > 0 ? (double)duration_ns / 1e9 : 0;
	const uint64_t one = (uint64_t)EXPONENT_BIAS << MANTISSA_BITS, mantissa_mask = ((uint64_t)1 << MANTISSA_BITS) - 1;

	if (seconds < FIRST_EDGE)
		return 0;
	if (seconds >= LAST_EDGE)
		return LAST;
	uint64_t bits = bits_of(seconds), mantissa = one | (bits & mantissa_mask); /* of a number from 1 to below 2 */
	unsigned octave = (unsigned)(bits >> MANTISSA_BITS) - (unsigned)(EXPONENT_BIAS + FIRST_EXPONENT), k = 0;
	for (unsigned i = 1; i < STEPS; i++)
		k += mantissa >= bits_of(step[i]);
	return 1 + STEPS * octave + k;
}

void fl_histogram_add(struct fl_histogram *h, int64_t duration_ns)
{
	uint32_t *bucket = &h->bucket[bucket_of(duration_ns)];

	if (h->count < UINT64_MAX)
		h->count++;
	if (*bucket < UINT32_MAX)
		(*bucket)++;
}

void fl_histogram_merge(struct fl_histogram *into, const struct fl_histogram *from)
{
	/* Saturating addition is associative and commutative too. */
	if (__builtin_add_overflow(into->count, from->count, &into->count))
		into->count = UINT64_MAX;
	for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
		if (__builtin_add_overflow(into->bucket[i], from->bucket[i], &into->bucket[i]))
			into->bucket[i] = UINT32_MAX;
}

double fl_histogram_quantile(const struct fl_histogram *h, double q)
{
	uint64_t total = 0, below = 0;
	unsigned last = 0;

	/* Not @count: where a bucket is saturated the two differ. */
	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
		total += h->bucket[i];
	if (total == 0)
		return NAN;
	double rank = ceil(fmin(fmax(q, 0), 1) * (double)total);
	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		if (h->bucket[i] == 0)
			continue;
		last = i;
		below += h->bucket[i];
		if ((double)below >= rank)
			break;
	}
	return fl_histogram_upper(last);
}

double fl_histogram_lower(unsigned i)
{
	if (i == 0)
		return 0;
	if (i >= LAST)
		i = LAST;
	return ldexp(step[(i - 1) % STEPS], (int)((i - 1) / STEPS) + FIRST_EXPONENT);
}

double fl_histogram_upper(unsigned i)
{
	return i >= LAST ? INFINITY : fl_histogram_lower(i + 1);
}
