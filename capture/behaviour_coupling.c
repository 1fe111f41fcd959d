/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_coupling.c - is it a service's inbound work that causes a call, and how many calls does a request cause?
 *
 * Nesting (NSDMiner, Natarajan et al., LISA 2012) asks whether calls begin while inbound work is open; on a busy service
 * they always do. Delay spikes (Orion, Chen et al., OSDI 2008) ask whether calls follow inbound requests after a
 * typical delay. The permutation test shifts the calls around the window, which keeps their own rhythm and breaks their
 * tie to the requests: its p is the share of shifts in which both signs together are as strong. It stops when the answer is
 * clearly no (Besag and Clifford, Biometrika 1991), draws from a generator with a fixed seed, and looks at
 * no more than some hundred calls, so a scan is the same each time and cheap.
 *
 * Calls per request: over equal buckets of time, nested calls of one dependency are explained by the inbound requests of all
 * services of its host at once, by least squares with coefficients from 0 up (coordinate descent on the normal
 * equations). Buckets weigh as much as the inverse of their requests, since counts vary as they are large; with a
 * single service that is calls over requests.
 */
#include "behaviour_internal.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST = 8, CALLS_MAX = 128, SHIFTS = 199, ENOUGH = 10, BINS = 40, SWEEPS = 300 };

/* ---- calls per request ---- */

static void count_buckets(const struct attempt_group *g, const struct fl_series *window, double *into,
			  const struct inbound_work *nested_in)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct attempt *a = g->list[i];
		if (a->goes_on || a->start_ns < window->start_ns || (nested_in && (a->number || !inbound_open(nested_in, a->start_ns, a->start_ns))))
			continue;
		size_t at = (size_t)((a->start_ns - window->start_ns) / window->width_ns);
		into[at < window->count ? at : window->count - 1] += attempt_weight(a);
	}
}

double *coupling_requests(const struct attempt_group *inbound, const struct fl_series *window)
{
	double *counts = fl_alloc_array(window->count + 1, sizeof(*counts));
	count_buckets(inbound, window, counts, NULL);
	return counts;
}

static void normal_equations(struct coupling_model *m, const double *calls, double *right)
{
	for (size_t t = 0; t < m->buckets; t++) {
		double all = 0;
		for (size_t s = 0; s < m->services; s++)
			all += m->requests[s][t];
		if (all <= 0)
			continue;
		for (size_t s = 0; s < m->services; s++)
			right[s] += m->requests[s][t] * calls[t] / all;
	}
}

void coupling_prepare(struct coupling_model *m)
{
	m->matrix = fl_alloc_array(m->services * m->services + 1, sizeof(double));
	for (size_t t = 0; t < m->buckets; t++) {
		double all = 0;
		for (size_t s = 0; s < m->services; s++)
			all += m->requests[s][t];
		for (size_t s = 0; all > 0 && s < m->services; s++)
			for (size_t k = 0; k < m->services; k++)
				m->matrix[s * m->services + k] += m->requests[s][t] * m->requests[k][t] / all;
	}
}

static void solve(const struct coupling_model *m, const double *right, double *b)
{
	for (int sweep = 0; sweep < SWEEPS; sweep++) {
		double moved = 0;
		for (size_t s = 0; s < m->services; s++) {
			const double *row = m->matrix + s * m->services;
			double rest = right[s];
			for (size_t k = 0; k < m->services; k++)
				rest -= k == s ? 0 : row[k] * b[k];
			double next = row[s] > 0 && rest > 0 ? rest / row[s] : 0;
			moved += fabs(next - b[s]);
			b[s] = next;
		}
		if (moved < 1e-9)
			return;
	}
}

void coupling_solve(struct coupling_model *m, const struct attempt_group *calls, const struct fl_series *window,
		    const struct inbound_work *nested_in, double *b)
{
	double *counts = fl_alloc_array(m->buckets + 1, sizeof(*counts));
	double *right = fl_alloc_array(m->services + 1, sizeof(*right));
	count_buckets(calls, window, counts, nested_in);
	for (size_t s = 0; s < m->services; s++)
		b[s] = 0;
	normal_equations(m, counts, right);
	solve(m, right, b);
	free(counts);
	free(right);
}

/* ---- nesting ---- */

double coupling_nested_share(const struct attempt_group *calls, const struct inbound_work *in)
{
	double all = 0, nested = 0;
	for (size_t i = 0; i < calls->count; i++) {
		const struct attempt *a = calls->list[i];
		if (a->number)
			continue;
		all += attempt_weight(a);
		nested += inbound_open(in, a->start_ns, a->start_ns) ? attempt_weight(a) : 0;
	}
	return all > 0 ? nested / all : NAN;
}

/* ---- permutation ---- */

static uint64_t next_random(uint64_t *state) /* xorshift64*, Vigna 2016 */
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Share of calls inside open work plus share of them in the fullest bin of delays (bins are half octaves of microseconds). */
static double strength(const struct inbound_work *in, const int64_t *calls, size_t n)
{
	unsigned bins[BINS + 1] = { 0 }, most = 0, nested = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = inbound_before(in, calls[i]);
		if (!at)
			continue;
		nested += in->reach_ns[at - 1] >= calls[i];
		double us = (double)(calls[i] - in->all.list[at - 1]->start_ns) / 1e3;
		double bin = us < 1 ? 0 : 2 * log2(us) - 10; /* below 32 us all the same */
		unsigned *b = &bins[bin < 0 ? 0 : bin > BINS ? BINS : (size_t)bin];
		if (++*b > most)
			most = *b;
	}
	return (double)(nested + most) / (double)n;
}

static size_t pick_calls(const struct attempt_group *g, int64_t *into)
{
	size_t firsts = 0, n = 0, at = 0;
	for (size_t i = 0; i < g->count; i++)
		firsts += g->list[i]->number == 0;
	size_t step = firsts / CALLS_MAX + 1;
	for (size_t i = 0; i < g->count && n < CALLS_MAX; i++)
		if (g->list[i]->number == 0 && at++ % step == 0)
			into[n++] = g->list[i]->start_ns;
	return n;
}

double coupling_p(const struct attempt_group *g, const struct inbound_work *in, int64_t start_ns, int64_t end_ns)
{
	int64_t calls[CALLS_MAX], shifted[CALLS_MAX];
	size_t n = pick_calls(g, calls);
	if (n < LEAST || in->all.count < LEAST || end_ns - start_ns < INT64_C(1000000000))
		return NAN;
	double observed = strength(in, calls, n) - 1e-12;
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	int64_t window = end_ns - start_ns;
	unsigned as_strong = 0;
	for (unsigned k = 1; k <= SHIFTS; k++) {
		int64_t by = (int64_t)(next_random(&state) % (uint64_t)window);
		for (size_t i = 0; i < n; i++)
			shifted[i] = start_ns + ((calls[i] - start_ns) % window + by + window) % window;
		as_strong += strength(in, shifted, n) >= observed;
		if (as_strong == ENOUGH)
			return (double)ENOUGH / k;
	}
	return (as_strong + 1.0) / (SHIFTS + 1);
}
