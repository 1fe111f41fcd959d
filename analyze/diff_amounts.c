/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_amounts.c - what was measured of one side, and how much of it counts
 *
 * A test that takes every call for independent of the next finds changes everywhere: calls come in bursts,
 * pages cause ten at once, caches expire, jobs run by the clock. So the window is cut into blocks, and the variance of what
 * falls into them, over what it would be for independent calls, is the dispersion by which all counts are divided before they
 * are tested (quasi-likelihood: Wedderburn, Biometrika 61, 1974; McCullagh & Nelder, Generalized Linear Models, 4.5). The
 * residuals are pooled, sum of (n - e)^2 over sum of e, which bears blocks where little or nothing is expected.
 *
 * Blocks are looked at as they are and joined by twos, fours, eights, down to quarters of the window: a dependence that reaches
 * further than a block shows only there, and so does a window that is no steady one (a cache that fills). The greatest dispersion
 * counts. An estimate from B blocks has itself a relative standard error of
 * sqrt(2 / (B - 1)); one of it is added, so that few blocks make a test careful, not bold. Without a time line nothing is
 * known, and ASSUMED stands for it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"
#include "faultline/units.h"

#define ASSUMED 3.0
enum { BLOCKS_MAX = 256, JOINED_MIN = 4 };

/* ---- adding up ---- */

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static int by_id(const void *key, const void *service)
{
	return strcmp(key, ((const struct fl_system_service *)service)->id);
}

const struct fl_system_service *fl_diff_find_service(const struct fl_system *s, const char *id)
{
	return s->service_count == 0 ? NULL
				     : bsearch(id, s->services, s->service_count, sizeof(*s->services), by_id);
}

static void add_span(struct fl_amounts *m, const struct fl_scan *scan)
{
	m->spans[m->span_count++] = (struct fl_span){ (double)scan->start_ns / (double)FL_NS_PER_S,
		(double)scan->end_ns / (double)FL_NS_PER_S };
}

/* @use is one of several: sums need memory of their own. */
struct sums {
	struct fl_measures *calls;
	struct fl_timeline *inbound; /* of a month of windows there are thousands to add: only what is needed */
	struct fl_behaviour *behaviour;
};

static void add_service(struct fl_amounts *m, struct fl_diffing *w, int side, const struct fl_system_service *s,
	struct sums *sums)
{
	const struct fl_system *system = w->sides[side].system;
	for (size_t i = 0; s != NULL && i < s->record_count; i++) {
		const struct fl_scan_service *record = s->records[i].s;
		m->inbound = add(m->inbound, record->exchanges);
		if (record->measures != NULL)
			fl_timeline_merge(sums->inbound, &record->measures->timeline);
		if (i == 0 || s->records[i - 1].scan != s->records[i].scan)
			add_span(m, system->scans.list[s->records[i].scan]);
	}
}

static void count_attempts(struct fl_amounts *m, const struct fl_scan_dependency *d)
{
	const struct fl_connections *c = &d->connections;
	uint64_t unconnected = add(c->refused, c->timed_out);
	if (d->behaviour != NULL && fl_outcomes_decided(d->behaviour) > 0) {
		m->attempts = add(m->attempts, fl_outcomes_decided(d->behaviour));
		m->failures = add(m->failures, fl_outcomes_failed(d->behaviour));
		return;
	}
	m->attempts = add(m->attempts, add(d->exchanges, unconnected));
	m->failures = add(m->failures, add(d->failures < d->exchanges ? d->failures : d->exchanges, unconnected));
}

static void add_use(struct fl_amounts *m, struct fl_diffing *w, const struct fl_use *use, struct sums *sums)
{
	const struct fl_scan_dependency *d = use->evidence->merged;
	m->calls = add(m->calls, d->exchanges > 0 ? d->exchanges : d->connections.established);
	m->window_s += use->evidence->window_s;
	m->lower_bound |= d->exchanges_lower_bound;
	m->on_request |= d->class == FL_CLASS_ON_REQUEST || d->class == FL_CLASS_NAME_RESOLUTION ||
			 d->class == FL_CLASS_RARE;
	m->timed |= d->class == FL_CLASS_BACKGROUND || d->class == FL_CLASS_START_UP;
	count_attempts(m, d);
	fl_measures_merge(w->scratch, &sums->calls, d->measures);
	fl_behaviour_merge(w->scratch, &sums->behaviour, d->behaviour);
}

static void take_measures(struct fl_amounts *m, const struct sums *sums)
{
	m->first_byte = sums->calls == NULL ? NULL : &sums->calls->first_byte;
	m->connect = sums->calls == NULL ? NULL : &sums->calls->connect;
	m->calls_line = sums->calls == NULL ? NULL : &sums->calls->timeline;
	m->inbound_line = sums->inbound;
	m->behaviour = sums->behaviour;
}

static size_t count_spans(const struct fl_use_group *g, int side, const struct fl_system *s)
{
	size_t total = 0;
	for (size_t i = 0; i < g->counts[side]; i++) {
		const struct fl_use *use = g->uses[side][i];
		const struct fl_system_service *service = fl_diff_find_service(s, use->from);
		total += (service == NULL ? 0 : service->record_count) + use->evidence->record_count;
	}
	return total;
}

void fl_amounts_of_uses(struct fl_amounts *m, struct fl_diffing *w, int side, const struct fl_use_group *g)
{
	const struct fl_system *s = w->sides[side].system;
	struct sums sums = { NULL, fl_arena_alloc(w->scratch, sizeof(struct fl_timeline)), NULL };
	*m = (struct fl_amounts){ .calls = 0 };
	m->spans = fl_arena_array(w->scratch, count_spans(g, side, s), sizeof(*m->spans));
	for (size_t i = 0; i < g->counts[side]; i++) {
		const struct fl_use *use = g->uses[side][i];
		const struct fl_system_service *service = fl_diff_find_service(s, use->from);
		bool first = i == 0 || strcmp(g->uses[side][i - 1]->from, use->from) != 0; /* sorted by it */
		add_use(m, w, use, &sums);
		if (first)
			add_service(m, w, side, service, &sums);
		for (size_t k = 0; (service == NULL || service->record_count == 0) && k < use->evidence->record_count;
			k++)
			add_span(m, s->scans.list[use->evidence->records[k].scan]);
	}
	take_measures(m, &sums);
}

/* ---- blocks ---- */

/* Counts and what is expected, by blocks that lie on each other. */
struct blocks {
	double start, width;
	size_t count;
	double seconds[BLOCKS_MAX]; /* of the block that were watched */
	double n[BLOCKS_MAX], e[BLOCKS_MAX];
};

static bool lay_out(struct blocks *b, const struct fl_amounts *m, double width)
{
	double start = INFINITY, end = -INFINITY;
	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < m->span_count; i++) {
		start = fmin(start, m->spans[i].start);
		end = fmax(end, m->spans[i].end);
	}
	if (!(end > start) || !(width > 0))
		return false;
	while ((end - start) / width > BLOCKS_MAX - 2)
		width *= 2;
	b->width = width;
	b->start = floor(start / width) * width;
	b->count = (size_t)ceil((end - b->start) / width);
	for (size_t i = 0; i < m->span_count; i++) {
		const struct fl_span *span = &m->spans[i];
		size_t first = (size_t)fmax(0, (span->start - b->start) / width); /* rounding */
		for (size_t k = first; k < b->count && b->start + (double)k * width < span->end; k++)
			b->seconds[k] += fmin(span->end, b->start + (double)(k + 1) * width) -
					 fmax(span->start, b->start + (double)k * width);
	}
	return true;
}

/* What falls outside the window by a bucket's width goes to its ends. */
static void add_at(const struct blocks *b, double *list, double time, double amount)
{
	double at = floor((time - b->start) / b->width);
	size_t block = at > 0 ? (size_t)fmin(at, (double)(b->count - 1)) : 0;
	list[block] += amount;
}

static void add_line(const struct blocks *b, double *list, const struct fl_timeline *t)
{
	for (size_t i = 0; t != NULL && t->width_ns > 0 && i < FL_TIMELINE_BUCKETS; i++)
		if (t->bucket[i] > 0)
			add_at(b, list, ((double)t->start_ns + ((double)i + 0.5) * (double)t->width_ns) /
				(double)FL_NS_PER_S, t->bucket[i]);
}

static double width_s(const struct fl_timeline *t)
{
	return t == NULL || t->width_ns <= 0 ? 0 : (double)t->width_ns / (double)FL_NS_PER_S;
}

/* Only blocks that were watched and where something could happen say something. */
static void drop_idle(struct blocks *b)
{
	size_t kept = 0;
	for (size_t i = 0; i < b->count; i++)
		if (b->e[i] > 0 || b->n[i] > 0) {
			b->n[kept] = b->n[i];
			b->e[kept++] = b->e[i];
		}
	b->count = kept;
}

/* Expectations are brought to the sum of what was counted. */
static void scale(struct blocks *b)
{
	double n = 0, e = 0;
	for (size_t i = 0; i < b->count; i++) {
		n += b->n[i];
		e += b->e[i];
	}
	for (size_t i = 0; i < b->count; i++)
		b->e[i] *= e > 0 ? n / e : 0;
}

static double pooled(const struct blocks *b, size_t joined, size_t *blocks)
{
	double squares = 0, expected = 0;
	*blocks = b->count / joined;
	for (size_t i = 0; i < *blocks; i++) {
		double n = 0, e = 0;
		for (size_t k = i * joined; k < (i + 1) * joined; k++) {
			n += b->n[k];
			e += b->e[k];
		}
		squares += (n - e) * (n - e);
		expected += e;
	}
	if (*blocks < 2 || expected <= 0)
		return NAN;
	return squares / expected * (double)*blocks / (double)(*blocks - 1);
}

/* NaN: nothing is known. */
static double greatest(struct blocks *b)
{
	double worst = NAN;
	drop_idle(b);
	scale(b);
	for (size_t joined = 1; joined == 1 || b->count / joined >= JOINED_MIN; joined *= 2) {
		size_t blocks;
		double one = fmax(1, pooled(b, joined, &blocks));
		if (blocks < 2)
			break;
		worst = fmax(worst, one * (1 + sqrt(2 / (double)(blocks - 1))));
	}
	return worst;
}

static double or_assumed(double dispersion)
{
	return isnan(dispersion) ? ASSUMED : dispersion;
}

static double of_rate(const struct fl_amounts *m)
{
	struct blocks b;
	if (width_s(m->calls_line) <= 0 || !lay_out(&b, m, width_s(m->calls_line)))
		return NAN;
	add_line(&b, b.n, m->calls_line);
	memcpy(b.e, b.seconds, sizeof(b.e));
	return greatest(&b);
}

double fl_dispersion_of_rate(const struct fl_amounts *m)
{
	return or_assumed(of_rate(m));
}

double fl_burst_of(const struct fl_amounts *m)
{
	double burst = of_rate(m);
	return isnan(burst) ? 1 : burst;
}

double fl_dispersion_of_fan_out(const struct fl_amounts *m)
{
	struct blocks b;
	double width = fmax(width_s(m->calls_line), width_s(m->inbound_line));
	if (width_s(m->calls_line) <= 0 || width_s(m->inbound_line) <= 0 || !lay_out(&b, m, width))
		return ASSUMED;
	add_line(&b, b.n, m->calls_line);
	add_line(&b, b.e, m->inbound_line);
	return or_assumed(greatest(&b));
}

/* ---- from the series of attempts ---- */

static double series_width_s(const struct fl_amounts *m)
{
	return m->behaviour == NULL || m->behaviour->series.count == 0
		       ? 0
		       : (double)m->behaviour->series.width_ns / (double)FL_NS_PER_S;
}

static double series_time(const struct fl_series *s, size_t i)
{
	return ((double)s->start_ns + ((double)i + 0.5) * (double)s->width_ns) / (double)FL_NS_PER_S;
}

double fl_dispersion_of_failures(const struct fl_amounts *m)
{
	struct blocks b;
	if (m->failures == 0)
		return 1;
	if (!lay_out(&b, m, series_width_s(m)))
		return ASSUMED;
	const struct fl_series *s = &m->behaviour->series;
	for (size_t i = 0; i < s->count; i++) {
		add_at(&b, b.n, series_time(s, i), s->bucket[i].failed);
		add_at(&b, b.e, series_time(s, i), (double)s->bucket[i].failed + s->bucket[i].answered);
	}
	return or_assumed(greatest(&b));
}

/* Middle of a bucket; its ends where it has no other. */
static double middle(unsigned i)
{
	double low = fl_histogram_lower(i), high = fl_histogram_upper(i);
	return isinf(high) ? low : (low + high) / 2;
}

static double variance_of(const struct fl_histogram *h)
{
	double n = 0, sum = 0, squares = 0;
	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		n += h->bucket[i];
		sum += h->bucket[i] * middle(i);
		squares += h->bucket[i] * middle(i) * middle(i);
	}
	return n > 1 ? fmax(0, (squares - sum * sum / n) / (n - 1)) : 0;
}

/* Variance of the blocks' means, each weighed by its answers, over that of single answers. */
static double between(const struct blocks *b, size_t joined, double variance, size_t *blocks)
{
	double n = 0, sum = 0, squares = 0;
	*blocks = 0;
	for (size_t i = 0; i < b->count; i++) {
		n += b->n[i];
		sum += b->e[i];
	}
	for (size_t i = 0; i < b->count / joined; i++) {
		double answers = 0, time = 0;
		for (size_t k = i * joined; k < (i + 1) * joined; k++) {
			answers += b->n[k];
			time += b->e[k];
		}
		if (answers <= 0)
			continue;
		double off = time / answers - sum / n;
		squares += answers * off * off;
		(*blocks)++;
	}
	return *blocks < 2 ? NAN : squares / (double)(*blocks - 1) / variance;
}

double fl_dispersion_of_latency(const struct fl_amounts *m)
{
	struct blocks b;
	double variance = m->first_byte == NULL ? 0 : variance_of(m->first_byte), worst = NAN;
	if (variance <= 0 || !lay_out(&b, m, series_width_s(m)))
		return ASSUMED;
	const struct fl_series *s = &m->behaviour->series;
	for (size_t i = 0; i < s->count; i++) {
		add_at(&b, b.n, series_time(s, i), s->bucket[i].answered);
		add_at(&b, b.e, series_time(s, i), s->bucket[i].answer_s);
	}
	for (size_t joined = 1; joined == 1 || b.count / joined >= JOINED_MIN; joined *= 2) {
		size_t blocks;
		double one = fmax(1, between(&b, joined, variance, &blocks));
		if (blocks >= 2)
			worst = fmax(worst, one * (1 + sqrt(2 / (double)(blocks - 1))));
	}
	return or_assumed(worst);
}
