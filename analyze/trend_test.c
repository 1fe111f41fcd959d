/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trend_test.c - Theil-Sen slope and Mann-Kendall test, with care for values that resemble their neighbours
 *
 * Chosen over least squares because one stalled bucket must not make a trend: the slope stands until 29 % of
 * the points are arbitrary, and the test looks only at which of two values is the larger.
 *
 * The correction for autocorrelation works on the ranks of what is left when the slope is taken out; a trend
 * itself is the strongest autocorrelation there is and must not count against itself. Only lags whose
 * correlation is beyond chance (5 %) enter, and the variance is never made smaller: a series that swings
 * about its mean is no better evidence than independent values.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/statistics.h"
#include "faultline/status.h"

#define Z_95 1.959963984540054 /* 97.5 % of the normal distribution */
enum { EXACT_MAX = 10 };       /* points; the normal approximation is good above (Kendall 1970) */

/* ---- points ---- */

struct points {
	double *x, *y;
	size_t count;
};

/* At most FL_TREND_POINTS_MAX: means of runs of equally many. */
static struct points fold(const double *x, const double *y, size_t count)
{
	size_t run = (count + FL_TREND_POINTS_MAX - 1) / FL_TREND_POINTS_MAX;
	struct points p = { NULL, NULL, 0 };
	run = run == 0 ? 1 : run;
	p.count = count / run; /* what is left at the end is less than a run */
	p.x = fl_alloc_array(p.count + 1, sizeof(double));
	p.y = fl_alloc_array(p.count + 1, sizeof(double));
	for (size_t i = 0; i < p.count * run; i++) {
		p.x[i / run] += x[i] / (double)run;
		p.y[i / run] += y[i] / (double)run;
	}
	return p;
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static int sign(double d)
{
	return (d > 0) - (d < 0);
}

/* ---- Mann-Kendall ---- */

static double kendall_s(const double *y, size_t n)
{
	double s = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			s += sign(y[j] - y[i]);
	return s;
}

/* Of S when the order is chance; *@tied says whether there were ties. */
static double variance_of_s(const double *y, size_t n, bool *tied)
{
	double *sorted = fl_alloc_array(n, sizeof(*sorted)), m = (double)n;
	double variance = m * (m - 1) * (2 * m + 5);
	*tied = false;
	memcpy(sorted, y, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_doubles);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && sorted[j] <= sorted[i]; j++)
			*tied = true;
		double t = (double)(j - i);
		variance -= t * (t - 1) * (2 * t + 5);
	}
	free(sorted);
	return variance / 18;
}

/* P(|S| >= s) over all orders of n different values: orders with k inversions, one value added at a time. */
static double exact_p(double s, size_t n)
{
	double ways[EXACT_MAX * (EXACT_MAX - 1) / 2 + 1] = { 1 }, total = 1, tail = 0;
	size_t most = 0;
	for (size_t values = 2; values <= n; values++) {
		most += values - 1;
		for (size_t k = most + 1; k-- > 0;) {
			double sum = 0;
			for (size_t moved = 0; moved < values && moved <= k; moved++)
				sum += ways[k - moved];
			ways[k] = sum;
		}
		total *= (double)values;
	}
	for (size_t k = 0; k <= most; k++)
		if (fabs((double)most - 2 * (double)k) >= fabs(s))
			tail += ways[k];
	return tail / total;
}

static double normal_p(double s, double variance)
{
	if (variance <= 0)
		return 1;
	double z = (fabs(s) - 1) / sqrt(variance); /* S goes in steps of two: continuity */
	return z <= 0 ? 1 : erfc(z / M_SQRT2);
}

/* ---- autocorrelation ---- */

struct place {
	double value;
	size_t index;
};

static int by_value(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Mid-ranks less their mean. */
static double *centred_ranks(const struct points *p, double slope)
{
	struct place *order = fl_alloc_array(p->count, sizeof(*order));
	double *rank = fl_alloc_array(p->count, sizeof(*rank));
	for (size_t i = 0; i < p->count; i++)
		order[i] = (struct place){ p->y[i] - slope * p->x[i], i };
	qsort(order, p->count, sizeof(*order), by_value);
	for (size_t i = 0, j; i < p->count; i = j) {
		for (j = i + 1; j < p->count && order[j].value <= order[i].value; j++)
			;
		for (size_t k = i; k < j; k++)
			rank[order[k].index] = ((double)i + (double)j - (double)p->count) / 2;
	}
	free(order);
	return rank;
}

/* n/n* of Hamed & Rao, equation 14. Lags up to a quarter of the series: beyond it correlations are made of
 * few pairs. */
static double inflation(const struct points *p, double slope)
{
	double *rank = centred_ranks(p, slope), n = (double)p->count, square = 0, sum = 0;
	for (size_t i = 0; i < p->count; i++)
		square += rank[i] * rank[i];
	for (size_t lag = 1; square > 0 && lag <= p->count / 4; lag++) {
		double product = 0, k = (double)lag;
		for (size_t i = 0; i + lag < p->count; i++)
			product += rank[i] * rank[i + lag];
		if (fabs(product / square) > Z_95 / sqrt(n))
			sum += (n - k) * (n - k - 1) * (n - k - 2) * product / square;
	}
	free(rank);
	return fmax(1, 1 + 2 * sum / (n * (n - 1) * (n - 2)));
}

/* ---- Theil-Sen ---- */

static double *sorted_slopes(const struct points *p, size_t *count)
{
	double *slope = fl_alloc_array(p->count * (p->count - 1) / 2, sizeof(*slope));
	size_t n = 0;
	for (size_t i = 0; i < p->count; i++)
		for (size_t j = i + 1; j < p->count; j++)
			slope[n++] = (p->y[j] - p->y[i]) / (p->x[j] - p->x[i]);
	qsort(slope, n, sizeof(*slope), compare_doubles);
	*count = n;
	return slope;
}

static double clamped_at(const double *sorted, size_t count, double at)
{
	return sorted[(size_t)fmin((double)(count - 1), fmax(0, at))];
}

static void fit(const struct points *p, double variance, struct fl_trend_test *t)
{
	size_t n;
	double *slope = sorted_slopes(p, &n), m = (double)n;
	double *left = fl_alloc_array(p->count, sizeof(*left));
	t->slope = n % 2 == 1 ? slope[n / 2] : (slope[n / 2 - 1] + slope[n / 2]) / 2;
	for (size_t i = 0; i < p->count; i++)
		left[i] = p->y[i] - t->slope * p->x[i];
	t->intercept = fl_median(left, p->count);
	t->inflation = inflation(p, t->slope);
	double reach = Z_95 * sqrt(variance * t->inflation);
	t->slope_low = clamped_at(slope, n, floor((m - reach) / 2) - 1);
	t->slope_high = clamped_at(slope, n, ceil((m + reach) / 2));
	free(left);
	free(slope);
}

struct fl_trend_test fl_trend_test(const double *x, const double *y, size_t count)
{
	struct fl_trend_test t = { count, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };
	bool tied;
	if (count < FL_TREND_POINTS_MIN)
		return t;
	struct points p = fold(x, y, count);
	double variance = variance_of_s(p.y, p.count, &tied);
	t.points = p.count;
	t.s = kendall_s(p.y, p.count);
	fit(&p, variance, &t);
	bool exact = p.count <= EXACT_MAX && !tied;
	t.p_independent = exact ? exact_p(t.s, p.count) : normal_p(t.s, variance);
	t.p = exact && t.inflation <= 1 ? t.p_independent
					: fmax(t.p_independent, normal_p(t.s, variance * t.inflation));
	free(p.x);
	free(p.y);
	return t;
}
