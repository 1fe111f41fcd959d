/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_attribution.c - which of a host's services made these calls, when packets are all there is
 *
 * Calls are taken as a point process: each open inbound request of service s causes calls at a rate that depends on its
 * age, h_s(age), and whatever the host does by itself adds a constant rate. Which h explains the calls best is found by
 * expectation and maximisation (Dempster, Laird and Rubin, 1977; for such processes Veen and Schoenberg, JASA 2008), all services at
 * once: each call is shared among the requests that were open, as their rates at that moment; the shares give the
 * rates. One model so holds what nesting, delay spikes and the regression of rates each see a part of: calls
 * outside a service's open work speak against it, calls at a typical age speak for it, and a service whose requests
 * come and go with the calls is preferred to one that is merely always busy.
 *
 * Ages are in half octaves from 0.1 ms to an hour. At most some hundred calls are looked at, evenly chosen.
 */
#include "behaviour_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 48, CALLS_MAX = 600, OPEN_MAX = 64, LOOK_BACK = 512, STEPS = 40 };
static const double first_age_s = 0.0001;

/* One request that was open at one call. */
struct cause {
	uint32_t call;
	uint16_t service, bin;
};

struct model {
	struct cause *causes;
	size_t count, capacity;
	const struct inbound_work *const *services;
	size_t service_count, calls;
	double *exposure, *rate, *mass; /* by service and bin */
	double background, window_s;
};

static size_t bin_of(double age_s)
{
	double bin = age_s <= first_age_s ? 0 : 1 + 2 * log2(age_s / first_age_s);
	return bin < BINS - 1 ? (size_t)bin : BINS - 1;
}

/* Begin of a bin's ages. */
static double age_of(size_t bin)
{
	return bin == 0 ? 0 : first_age_s * exp2((double)(bin - 1) / 2);
}

static void add_cause(struct model *m, size_t call, size_t service, size_t bin)
{
	if (m->count == m->capacity) {
		m->capacity = fl_grown(m->capacity, m->count + 1);
		m->causes = fl_grow_array(m->causes, m->capacity, sizeof(*m->causes));
	}
	m->causes[m->count++] = (struct cause){ (uint32_t)call, (uint16_t)service, (uint16_t)bin };
}

/* Requests open at each call. */
static void find_causes(struct model *m, const int64_t *calls)
{
	for (size_t c = 0; c < m->calls; c++)
		for (size_t s = 0; s < m->service_count; s++) {
			const struct inbound_work *in = m->services[s];
			size_t at = inbound_before(in, calls[c]), found = 0, looked = 0;
			for (; at > 0 && in->reach_ns[at - 1] >= calls[c] && found < OPEN_MAX && looked < LOOK_BACK; at--, looked++) {
				const struct attempt *a = in->all.list[at - 1];
				if (a->end_ns < calls[c])
					continue;
				add_cause(m, c, s, bin_of((double)(calls[c] - a->start_ns) / 1e9));
				found++;
			}
		}
}

/* Time that requests of each service were open at each age. */
static void find_exposure(struct model *m)
{
	for (size_t s = 0; s < m->service_count; s++)
		for (size_t i = 0; i < m->services[s]->all.count; i++) {
			const struct attempt *a = m->services[s]->all.list[i];
			double open = (double)(a->end_ns - a->start_ns) / 1e9;
			for (size_t b = 0; b < BINS && age_of(b) < open; b++) {
				double end = b + 1 < BINS && age_of(b + 1) < open ? age_of(b + 1) : open;
				m->exposure[s * BINS + b] += attempt_weight(a) * (end - age_of(b));
			}
		}
}

/* Share each call among its causes and the background, by their rates; *@own is the background's mass. */
static void expect(struct model *m, double *own)
{
	*own = 0;
	memset(m->mass, 0, m->service_count * BINS * sizeof(double));
	size_t at = 0;
	for (size_t c = 0; c < m->calls; c++) {
		size_t from = at;
		double all = m->background;
		for (; at < m->count && m->causes[at].call == c; at++)
			all += m->rate[m->causes[at].service * (size_t)BINS + m->causes[at].bin];
		if (all <= 0)
			continue;
		for (size_t i = from; i < at; i++) {
			size_t k = m->causes[i].service * (size_t)BINS + m->causes[i].bin;
			m->mass[k] += m->rate[k] / all;
		}
		*own += m->background / all;
	}
}

static void maximise(struct model *m, double own)
{
	for (size_t k = 0; k < m->service_count * BINS; k++)
		m->rate[k] = m->exposure[k] > 0 ? m->mass[k] / m->exposure[k] : 0;
	m->background = own / m->window_s;
}

static size_t choose_calls(const struct attempt_group *g, int64_t calls[static CALLS_MAX])
{
	size_t n = 0, step = g->count / CALLS_MAX + 1;
	for (size_t i = 0; i < g->count && n < CALLS_MAX; i += step)
		calls[n++] = g->list[i]->start_ns;
	return n;
}

size_t attribution_shares(const struct attempt_group *g, const struct inbound_work *const *services, size_t service_count,
			  double window_s, double *shares)
{
	int64_t calls[CALLS_MAX];
	struct model m = { .services = services, .service_count = service_count, .window_s = window_s > 0 ? window_s : 1 };
	m.calls = choose_calls(g, calls);
	m.exposure = fl_alloc_array(service_count * BINS + 1, sizeof(double));
	m.rate = fl_alloc_array(service_count * BINS + 1, sizeof(double));
	m.mass = fl_alloc_array(service_count * BINS + 1, sizeof(double));
	find_causes(&m, calls);
	find_exposure(&m);
	double own = 0, flat = (double)m.calls / m.window_s;
	m.background = flat;
	for (size_t k = 0; k < service_count * BINS; k++)
		m.rate[k] = m.exposure[k] > 0 ? flat : 0;
	for (int i = 0; i < STEPS; i++) {
		expect(&m, &own);
		maximise(&m, own);
	}
	for (size_t s = 0; s < service_count; s++) {
		shares[s] = 0;
		for (size_t b = 0; b < BINS; b++)
			shares[s] += m.calls ? m.mass[s * BINS + b] / (double)m.calls : 0;
	}
	free(m.causes);
	free(m.exposure);
	free(m.rate);
	free(m.mass);
	return m.calls;
}
