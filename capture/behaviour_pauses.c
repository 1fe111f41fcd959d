/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_pauses.c - which pauses a caller makes between a failure and its next try
 *
 * Before any attempt is put to another, pauses that come up more often than chance are looked for in the times between each
 * failure and everything that began after it (a correlogram): among many calls at once that is all there is to go by.
 * Later, links tell: where their pauses crowd, else those that nothing else explains, else all.
 */
#include "behaviour_calls.h"

#include <math.h>

enum { LAG_BINS = 1940, LOOK_AHEAD = 400, LOOKED_AT_MAX = 4000, AROUND = 40, MODE_LEAST = 4, MODE_PART = 4, HABIT_LEAST = 5 };
static const int64_t slack_ns = 200000; /* two packets that were captured in the other order */
static const double end_tolerance = 0.05, pause_floor_s = 0.001, firm_least_s = 0.02;
static const double peak_tolerance = 0.03, peak_floor_s = 0.1, peak_height = 1.3, peak_sigmas = 6, peak_share = 0.1;
static const double lag_first_s = 0.002, lag_step = 1.005;

double calls_pause(const struct attempt *a, const struct attempt *b)
{
	int64_t begin = b->begin_ns + slack_ns >= a->end_ns ? b->begin_ns : b->start_ns;
	double s = (double)(begin - a->end_ns) / 1e9;
	return s < 0 ? 0 : s;
}

double calls_off_peak(const struct calls *c, double pause_s)
{
	double least = INFINITY;
	for (size_t i = 0; i < c->peak_count; i++) {
		double off = fabs(pause_s - c->peaks_s[i]) / (c->peaks_s[i] + peak_floor_s);
		least = off < least ? off : least;
	}
	return least;
}

bool calls_pause_fits(const struct calls *c, const struct attempt *a, double pause_s, double tolerance)
{
	if (!c->learnt)
		return calls_off_peak(c, pause_s) < peak_tolerance;
	size_t i = calls_place(a);
	double known = c->pause_s[i], guessed = a->end_known ? 0 : end_tolerance * (double)(a->end_ns - a->start_ns) / 1e9;
	return !isnan(known) && fabs(pause_s - known) <= pause_floor_s + guessed + tolerance * known;
}

/* ---- pauses that come up more often than chance ---- */

/* A lag of bin i is from edge(i) to edge(i + 1); bin 0 is below the first edge. */
static double lag_edge(size_t i)
{
	return i == 0 ? 0 : lag_first_s * pow(lag_step, (double)(i - 1));
}

static size_t lag_bin(double lag_s)
{
	return lag_s < lag_first_s ? 0 : 1 + (size_t)(log(lag_s / lag_first_s) / log(lag_step));
}

/* Times from failures to all later begins inside the same open inbound work: retries pile up, other calls spread evenly. */
static size_t count_lags(const struct calls *c, double lags[static LAG_BINS])
{
	size_t failed = 0, step = c->g->count / LOOKED_AT_MAX + 1;
	for (size_t i = 0; i < c->g->count; i += step) {
		const struct attempt *a = c->g->list[i];
		if (!attempt_failed(a) || !a->end_known || !calls_inside(a, a->begin_ns))
			continue;
		failed++;
		for (size_t k = i + 1; k < c->g->count && k - i < LOOK_AHEAD; k++) {
			const struct attempt *b = c->g->list[k];
			if (!calls_inside(a, b->begin_ns))
				break;
			size_t bin = lag_bin(calls_pause(a, b));
			if (b->start_ns + slack_ns >= a->end_ns && bin < LAG_BINS && calls_may_be_same(c, a, b))
				lags[bin]++;
		}
	}
	return failed;
}

/* Per second, over the bins around, without those of a peak itself. */
static double usual_density(const double lags[static LAG_BINS], size_t at)
{
	double count = 0, width = 0;
	for (size_t i = at > AROUND ? at - AROUND : 0; i < at + AROUND + 2 && i < LAG_BINS; i++) {
		if (i + 4 >= at && i <= at + 5)
			continue;
		count += lags[i];
		width += lag_edge(i + 1) - lag_edge(i);
	}
	return width > 0 ? count / width : 0;
}

void calls_find_peaks(struct calls *c)
{
	double lags[LAG_BINS] = { 0 };
	if (!c->context->inbound)
		return;
	size_t failed = count_lags(c, lags);
	for (size_t i = 0; i + 1 < LAG_BINS && c->peak_count < PEAKS_MAX; i++) {
		double count = lags[i] + lags[i + 1], width = lag_edge(i + 2) - lag_edge(i), usual = usual_density(lags, i) * width;
		bool top = (i == 0 || count >= lags[i - 1] + lags[i]) && (i + 2 >= LAG_BINS || count > lags[i + 1] + lags[i + 2]);
		if (top && count >= MODE_LEAST && count >= peak_share * (double)failed &&
		    count >= peak_height * usual + peak_sigmas * sqrt(usual))
			c->peaks_s[c->peak_count++] = i == 0 ? 0 : (lag_edge(i) * lags[i] + lag_edge(i + 1) * lags[i + 1]) / count * sqrt(lag_step);
	}
}
/* ---- from links ---- */

/* Centre of the tenth-wide window that holds most of a sorted sample, when that is a good part of it; NaN. */
static double mode_of(const struct sample *s, bool *firm)
{
	size_t most = 0, first = 0;
	for (size_t i = 0, to = 0; i < s->count; i++) {
		while (to < s->count && s->list[to] <= s->list[i] * 1.1 + pause_floor_s)
			to++;
		if (to - i > most) {
			most = to - i;
			first = i;
		}
	}
	*firm = most >= MODE_LEAST && most * 5 >= s->count * 3;
	return most >= MODE_LEAST && most * MODE_PART >= s->count ? s->list[first + most / 2] : NAN;
}

static void learn_from(struct calls *c, bool clear, double modes[static FL_GAPS_MAX])
{
	struct sample gaps[FL_GAPS_MAX] = { 0 };
	size_t failed[FL_GAPS_MAX] = { 0 }, followed[FL_GAPS_MAX] = { 0 };
	for (size_t i = 0; i < c->g->count; i++) {
		const struct attempt *a = c->g->list[i];
		size_t n = calls_place(a);
		failed[n] += attempt_failed(a);
		followed[n] += a->retry != NULL;
		if (a->retry && (a->clear || !clear))
			sample_add(&gaps[n], calls_pause(a, a->retry));
	}
	for (size_t i = 0; i < FL_GAPS_MAX; i++) {
		struct fl_spread spread = sample_spread(&gaps[i]);
		if (spread.count >= 3)
			c->pause_s[i] = spread.p50;
		if (clear && spread.count >= HABIT_LEAST) {
			c->shortest_s[i] = spread.p10 * 0.7 - pause_floor_s;
			c->longest_s[i] = spread.p90 * 1.4 + pause_floor_s;
		}
		bool firm;
		double mode = mode_of(&gaps[i], &firm);
		if (!clear) {
			modes[i] = mode;
			c->firm[i] = firm && mode > firm_least_s;
		}
		if (clear && !isnan(modes[i])) {
			c->pause_s[i] = modes[i];
			c->shortest_s[i] = fmin(c->shortest_s[i], modes[i] * 0.8 - pause_floor_s);
			c->longest_s[i] = fmax(c->longest_s[i], modes[i] * 1.25 + pause_floor_s);
		}
		c->goes_on[i] = failed[i] >= 5 ? (double)followed[i] / (double)failed[i] : NAN;
		sample_fini(&gaps[i]);
	}
}

void calls_learn_pauses(struct calls *c)
{
	double modes[FL_GAPS_MAX];
	learn_from(c, false, modes);
	learn_from(c, true, modes);
	c->learnt = true;
}
