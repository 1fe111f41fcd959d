/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statistics.h - the tests by which a finding is told from chance
 *
 * All are exact or conservative at small samples, deterministic, free of state and of order of input where
 * the order means nothing. Two-sided p unless the name says which tail. NaN in values is not allowed; a
 * result that cannot be had (too few values) is NaN, and NaN never passes a comparison with a level.
 */
#ifndef FAULTLINE_STATISTICS_H
#define FAULTLINE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

#include "faultline/histogram.h"

/* ---- trends ---- */

enum { FL_TREND_POINTS_MIN = 4, FL_TREND_POINTS_MAX = 1024 };
struct fl_trend_test {
	size_t points;                /* used; longer series are folded to means of equal runs of points */
	double slope;                 /* per unit of x: median of the slopes of all pairs (Theil-Sen) */
	double intercept;             /* median of y - slope * x */
	double slope_low, slope_high; /* 95 % interval (Sen 1968), widened by @inflation like @p */
	double s;                     /* Kendall's S: pairs that rise less pairs that fall */
	double p;                     /* Mann-Kendall, ties counted, variance times @inflation */
	double p_independent;         /* the same as if neighbours knew nothing of each other */
	double inflation; /* variance of S over that of independent values, >= 1 (Hamed & Rao 1998) */
};
/**
 * fl_trend_test() - Does @y go up or down with @x, how fast, and may it be chance?
 * @x:     strictly rising; seconds as a rule
 * @count: below FL_TREND_POINTS_MIN everything but @points is NaN
 *
 * Neighbouring buckets of a busy service resemble each other, and a test that takes them for independent
 * finds trends everywhere: the significant autocorrelations of the detrended ranks enlarge the variance.
 * Theil, 1950; Sen, JASA 63, 1968; Mann, Econometrica 13, 1945; Kendall, Rank Correlation Methods, 1970
 * (exact distribution up to 10 points without ties); Hamed & Rao, J. Hydrology 204, 1998. O(n^2 log n),
 * O(n^2) memory.
 */
struct fl_trend_test fl_trend_test(const double *x, const double *y, size_t count);

/* ---- counts and shares ---- */

/* P(X >= k) for X ~ Poisson(mean). */
double fl_poisson_at_least(uint64_t k, double mean);
/* Are two Poisson rates equal? @a counts in exposure @t_a (seconds, calls ...), @b in @t_b: conditional on
 * the sum, a is binomial (Przyborowski & Wilenski, Biometrika 31, 1940). The smaller tail doubled, at most 1.
 * @dispersion: variance over mean, by which the counts are divided where they vary more than Poisson's (retries, bursts);
 * below 1 counts as 1. */
double fl_rates_equal_p(uint64_t a, double t_a, uint64_t b, double t_b, double dispersion);
/* Are two shares equal? @a of @n_a, @b of @n_b (Fisher's exact test, the smaller tail doubled; of millions
 * the normal approximation). O(min(a + b, n_a)). */
double fl_shares_equal_p(uint64_t a, uint64_t n_a, uint64_t b, uint64_t n_b);
/* Interval of a share, Wilson 1927, at 95 %. 0..1 where n is 0. */
void fl_share_interval(uint64_t k, uint64_t n, double *low, double *high);

/* ---- distributions ---- */

struct fl_ks_test {
	double d; /* greatest distance of the two distribution functions */
	double p; /* asymptotic with Stephens' correction; conservative, for values within a bucket tie */
};
/* Two-sample Kolmogorov-Smirnov over histograms; NaN when one is empty. @dispersion: so many values weigh as much as one that is
 * independent of others; below 1 counts as 1. */
struct fl_ks_test fl_ks_histograms(
	const struct fl_histogram *a, const struct fl_histogram *b, double dispersion);

/* Type 7 of Hyndman & Fan 1996, of @values in any order (not changed); NaN when there are none. O(n log n).
 */
double fl_quantile(const double *values, size_t count, double q);
double fl_median(const double *values, size_t count);
/* Median distance from the median times 1.4826: the standard deviation of a normal sample, whatever a half of
 * the values does. */
double fl_median_deviation(const double *values, size_t count);

/* ---- many tests at once ---- */

/* Benjamini & Hochberg 1995: @q[i] is the least false-discovery rate at which test i is reported. NaN stay
 * NaN and do not count.
 * @q may be @p. O(n log n). */
void fl_benjamini_hochberg(const double *p, size_t count, double *q);

#endif
