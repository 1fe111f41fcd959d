/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statistics.c - tail probabilities, two-sample tests, quantiles, false-discovery control
 *
 * Everything about counts comes down to two functions: the regularised incomplete gamma (Poisson) and beta
 * (binomial) functions. Both are evaluated by a series or a continued fraction, whichever converges on that
 * side; the continued fractions by Lentz's method (Abramowitz & Stegun 6.5.29, 6.5.31, 26.5.8). Their
 * relative precision is near 1e-12, which is far more than any decision here needs. They take some sqrt(n)
 * terms, Fisher's test n: above LARGE the normal distribution stands for all of them, as files can hold any
 * counts.
 */
#include "faultline/statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"

enum { ITERATIONS = 20000 }; /* the gamma series at its peak takes some 6 sqrt(a) terms */
#define LARGE 1e6
#define PRECISION 1e-14
#define TINY 1e-300

static double log_gamma(double x)
{
	int sign;
	return lgamma_r(x, &sign); /* lgamma() writes a global */
}

static double normal_above(double z)
{
	return erfc(z / M_SQRT2) / 2;
}

/* ---- incomplete gamma ---- */

/* How many standard deviations x is above a; Wilson & Hilferty 1931. */
static double gamma_z(double a, double x)
{
	return 3 * sqrt(a) * (cbrt(x / a) - 1 + 1 / (9 * a));
}

static double gamma_series(double a, double x)
{
	double term = 1 / a, sum = term;
	for (int i = 1; i < ITERATIONS && term > sum * PRECISION; i++) {
		term *= x / (a + i);
		sum += term;
	}
	return sum * exp(a * log(x) - x - log_gamma(a));
}

static double gamma_fraction(double a, double x)
{
	double b = x + 1 - a, c = 1 / TINY, d = 1 / b, h = d;
	for (int i = 1; i < ITERATIONS; i++) {
		double an = -i * (i - a);
		b += 2;
		d = an * d + b;
		c = b + an / c;
		d = 1 / (fabs(d) < TINY ? TINY : d);
		c = fabs(c) < TINY ? TINY : c;
		h *= d * c;
		if (fabs(d * c - 1) < PRECISION)
			break;
	}
	return h * exp(a * log(x) - x - log_gamma(a));
}

/* P(a, x). */
static double gamma_lower(double a, double x)
{
	if (x <= 0 || a > LARGE)
		return x <= 0 ? 0 : normal_above(-gamma_z(a, x));
	return x < a + 1 ? gamma_series(a, x) : 1 - gamma_fraction(a, x);
}

double fl_poisson_at_least(uint64_t k, double mean)
{
	if (k == 0 || isinf(mean))
		return 1;
	return gamma_lower((double)k, mean);
}

/* ---- incomplete beta ---- */

static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	d = 1 / (fabs(d) < TINY ? TINY : d);
	double h = d;
	for (int m = 1; m < ITERATIONS; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step = 1;
		for (int i = 0; i < 2; i++) {
			double an = i == 0 ? even : odd;
			d = 1 + an * d;
			c = 1 + an / c;
			d = 1 / (fabs(d) < TINY ? TINY : d);
			c = fabs(c) < TINY ? TINY : c;
			step = d * c;
			h *= step;
		}
		if (fabs(step - 1) < PRECISION)
			break;
	}
	return h;
}

/* I_x(a, b) */
static double beta_regularised(double a, double b, double x)
{
	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	if (a + b > LARGE && fmin(a, b) > 100) {
		double mean = a / (a + b);
		return normal_above((mean - x) / sqrt(mean * (1 - mean) / (a + b + 1)));
	}
	double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* ---- two rates, two shares ---- */

/* The beta function does not mind counts that are no whole numbers, so dispersion needs no rounding. */
static double rates_equal(double a, double t_a, double b, double t_b)
{
	double share = t_a / (t_a + t_b);
	if (!(t_a > 0) || !(t_b > 0) || a + b <= 0)
		return NAN;
	double at_least = a <= 0 ? 1 : beta_regularised(a, b + 1, share);
	double at_most = b <= 0 ? 1 : beta_regularised(b, a + 1, 1 - share);
	return fmin(1, 2 * fmin(at_least, at_most));
}

double fl_rates_equal_p(uint64_t a, double t_a, uint64_t b, double t_b, double dispersion)
{
	double by = dispersion > 1 ? dispersion : 1;
	return rates_equal((double)a / by, t_a, (double)b / by, t_b);
}

static double log_choose(double n, double k)
{
	return log_gamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1);
}

/* Hypergeometric tail from @a outwards, in the direction of @step. */
static double fisher_tail(double a, double n_a, double sum, double all, int step)
{
	double least = fmax(0, sum - (all - n_a)), most = fmin(sum, n_a);
	double total = log_choose(all, sum), tail = 0;
	for (double k = a; k >= least && k <= most; k += step) {
		double one = exp(log_choose(n_a, k) + log_choose(all - n_a, sum - k) - total);
		tail += one;
		if (one < tail * PRECISION)
			break;
	}
	return tail;
}

double fl_shares_equal_p(uint64_t a, uint64_t n_a, uint64_t b, uint64_t n_b)
{
	assert(a <= n_a && b <= n_b);
	if (n_a == 0 || n_b == 0)
		return NAN;
	double sum = (double)a + (double)b, all = (double)n_a + (double)n_b;
	if (fmin(sum, (double)n_a) > LARGE) {
		double share = sum / all,
		       noise = sqrt(share * (1 - share) * (1 / (double)n_a + 1 / (double)n_b));
		double apart = fabs((double)a / (double)n_a - (double)b / (double)n_b);
		return noise > 0 ? 2 * normal_above(apart / noise) : 1;
	}
	double up = fisher_tail((double)a, (double)n_a, sum, all, 1);
	double down = fisher_tail((double)a, (double)n_a, sum, all, -1);
	return fmin(1, 2 * fmin(up, down));
}

void fl_share_interval(uint64_t k, uint64_t n, double *low, double *high)
{
	const double z = 1.959963984540054; /* 97.5 % of the normal distribution */
	*low = 0;
	*high = 1;
	if (n == 0)
		return;
	double m = (double)n, share = (double)k / m;
	double centre = share + z * z / (2 * m),
	       width = z * sqrt((share * (1 - share) + z * z / (4 * m)) / m);
	*low = k == 0 ? 0 : (centre - width) / (1 + z * z / m);
	*high = k == n ? 1 : (centre + width) / (1 + z * z / m);
}

/* ---- distributions ---- */

/* Q_KS of Kolmogorov, 1933; the series converges at once but for tiny arguments, where it is 1. */
static double kolmogorov(double x)
{
	double sum = 0;
	if (x < 0.2)
		return 1;
	for (int i = 1; i <= 100; i++) {
		double term = exp(-2.0 * i * i * x * x);
		sum += i % 2 == 1 ? term : -term;
		if (term < PRECISION)
			break;
	}
	return fmin(1, fmax(0, 2 * sum));
}

static double bucket_sum(const struct fl_histogram *h)
{
	double sum = 0;
	for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS; i++)
		sum += h->bucket[i];
	return sum;
}

struct fl_ks_test fl_ks_histograms(
	const struct fl_histogram *a, const struct fl_histogram *b, double dispersion)
{
	struct fl_ks_test t = { NAN, NAN };
	double n = bucket_sum(a), m = bucket_sum(b), f = 0, g = 0;
	if (n <= 0 || m <= 0)
		return t;
	t.d = 0;
	for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		f += a->bucket[i];
		g += b->bucket[i];
		t.d = fmax(t.d, fabs(f / n - g / m));
	}
	double effective = sqrt(n * m / (n + m) / fmax(1, dispersion));
	t.p = kolmogorov((effective + 0.12 + 0.11 / effective) * t.d); /* Stephens 1970 */
	return t;
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

double fl_quantile(const double *values, size_t count, double q)
{
	if (count == 0)
		return NAN;
	double *sorted = fl_alloc_array(count, sizeof(*sorted));
	memcpy(sorted, values, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_doubles);
	double at = fmin(1, fmax(0, q)) * (double)(count - 1);
	size_t below = (size_t)at;
	double value = sorted[below];
	if (below + 1 < count)
		value += (at - (double)below) * (sorted[below + 1] - value);
	free(sorted);
	return value;
}

double fl_median(const double *values, size_t count)
{
	return fl_quantile(values, count, 0.5);
}

double fl_median_deviation(const double *values, size_t count)
{
	if (count == 0)
		return NAN;
	double middle = fl_median(values, count), *distance = fl_alloc_array(count, sizeof(*distance));
	for (size_t i = 0; i < count; i++)
		distance[i] = fabs(values[i] - middle);
	double result = 1.4826 * fl_median(distance, count); /* 1 / normal quantile of 3/4 */
	free(distance);
	return result;
}

/* ---- many tests ---- */

struct ranked {
	double p;
	size_t index;
};

static int by_p(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->p != y->p)
		return x->p < y->p ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

void fl_benjamini_hochberg(const double *p, size_t count, double *q)
{
	struct ranked *r = fl_alloc_array(count + 1, sizeof(*r));
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		if (isnan(p[i]))
			q[i] = NAN;
		else
			r[n++] = (struct ranked){ p[i], i };
	}
	qsort(r, n, sizeof(*r), by_p);
	double least = 1;
	for (size_t i = n; i-- > 0;) {
		least = fmin(least, r[i].p * (double)n / (double)(i + 1));
		q[r[i].index] = least;
	}
	free(r);
}
