/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade_margin.c - the load at which an overload outlives its cause
 *
 * A metastable failure (Bronson et al., HotOS 2021) is kept up by what it causes. Here: a station has more to
 * do than it can, so whoever calls it times out, and tries again; what was given up is worked on all the
 * same. While everything times out the station gets its rate times the attempts of each call, and of the
 * calls above, since a caller that failed is itself called again. If that is more than its capacity, the
 * queue never gets shorter, and the cause may be long gone.
 *
 * The amplified rate is the load times a number while nothing else limits it; pools and places of callers
 * may, since an attempt that waits for its timeout holds them. So the load is found by halving an interval:
 * the amplified rate rises with it.
 */
#include "cascade_internal.h"

enum { HALVINGS = 60 };

struct storm {
	const struct fl_cascade_network *n;
	const struct cascade_base *base;
	uint32_t target;
	double *fail;     /* of stations, while @target answers too late */
	double *attempts; /* of calls */
	double *held;     /* of a place at each station, so */
	double *rate, *next;
	double rate_now; /* of @target, without a storm */
};

/* From the callees up: who fails, how often calls are tried, how long places are held. */
static void who_fails(struct storm *m)
{
	const struct fl_cascade_network *n = m->n;

	for (uint32_t i = 0; i < n->station_count; i++)
		m->fail[i] = 0;
	for (uint32_t round = 0; round < 2; round++) /* the second is for what is in a circle */
		for (uint32_t at = n->station_count; at-- > 0;) {
			uint32_t i = m->base->order[at];
			double ok = 1, failing = 0;
			uint32_t choice = FL_CASCADE_NO_CHOICE;
			m->held[i] = n->stations[i].own_s;
			for (uint32_t c = m->base->first_call[i]; c < m->base->first_call[i + 1]; c++) {
				const struct fl_cascade_call *call = &n->calls[c];
				bool late = call->to == m->target && isfinite(call->timeout_s);
				double each = late ? 1 : m->fail[call->to], chance = 1, gaps = 0;
				m->attempts[c] = 0;
				for (uint32_t k = 0; k < call->attempts; k++) {
					gaps += k > 0 ? chance * fl_cascade_gap(call, k) : 0;
					m->attempts[c] += chance;
					chance *= each;
				}
				double time =
					late ? call->timeout_s : fmin(m->held[call->to], call->timeout_s);
				m->held[i] += call->use * call->calls * (m->attempts[c] * time + gaps);
				if (call->choice == FL_CASCADE_NO_CHOICE || call->choice != choice) {
					ok *= 1 - fmin(1, failing);
					failing = 0;
				}
				choice = call->choice;
				failing += call->required ? fl_cascade_any(call, chance) : 0;
			}
			m->fail[i] = 1 - ok * (1 - fmin(1, failing));
		}
}

/* What @target gets at this load. */
static double storm_rate(struct storm *m, double load)
{
	const struct fl_cascade_network *n = m->n;

	for (uint32_t i = 0; i < n->station_count; i++)
		m->next[i] = n->stations[i].arrivals_per_s * load;
	for (uint32_t at = 0; at < n->station_count; at++) {
		uint32_t i = m->base->order[at];
		m->rate[i] = m->next[i];
		double works = i == m->target || !(m->held[i] > 0)
				       ? m->rate[i]
				       : fmin(m->rate[i], n->stations[i].limit / m->held[i]);
		for (uint32_t c = m->base->first_call[i]; c < m->base->first_call[i + 1]; c++) {
			const struct fl_cascade_call *call = &n->calls[c];
			double sent = works * call->use * call->calls * m->attempts[c];
			if (call->to == m->target && isfinite(call->timeout_s))
				sent = fmin(sent, call->limit / call->timeout_s);
			m->next[call->to] += sent;
		}
	}
	return m->next[m->target];
}

static double smallest_load(struct storm *m, double capacity)
{
	double low = 0, high = capacity / m->rate_now;

	if (storm_rate(m, high) <= capacity * (1 + 1e-9))
		return INFINITY; /* it takes as much load without any retry */
	for (int i = 0; i < HALVINGS; i++) {
		double middle = (low + high) / 2;
		*(storm_rate(m, middle) > capacity ? &high : &low) = middle;
	}
	return high;
}

/* The triggered stations and callees, and who calls them. */
static bool *concerned(const struct fl_cascade_network *n, const struct fl_cascade_trigger *t,
	const struct cascade_base *base, struct fl_arena *a)
{
	bool *is = fl_arena_array(a, n->station_count, sizeof(*is));

	for (uint32_t i = 0; i < n->station_count; i++)
		is[i] = t->station[i] > 0;
	for (uint32_t c = 0; c < n->call_count; c++)
		if (t->call[c] > 0)
			is[n->calls[c].from] = is[n->calls[c].to] = true;
	for (uint32_t at = n->station_count; at-- > 0;) {
		uint32_t i = base->order[at];
		for (uint32_t c = base->first_call[i]; c < base->first_call[i + 1]; c++)
			is[i] = is[i] || is[n->calls[c].to];
	}
	return is;
}

static uint32_t assumptions(const struct storm *m)
{
	uint32_t assumed = m->n->stations[m->target].assumed;

	for (uint32_t c = 0; c < m->n->call_count; c++)
		if (m->attempts[c] > 1 || m->n->calls[c].to == m->target)
			assumed |= m->n->calls[c].assumed;
	return assumed;
}

struct fl_cascade_margin fl_cascade_margin(
	const struct fl_cascade_network *n, const struct fl_cascade_trigger *t)
{
	struct fl_cascade_margin least = { UINT32_MAX, INFINITY, NAN, NAN, 0 };
	struct fl_arena *a = fl_arena_new();
	struct cascade_base base;
	struct storm m = { .n = n,
		.base = &base,
		.fail = fl_arena_array(a, n->station_count, sizeof(double)),
		.attempts = fl_arena_array(a, n->call_count, sizeof(double)),
		.held = fl_arena_array(a, n->station_count, sizeof(double)),
		.rate = fl_arena_array(a, n->station_count, sizeof(double)),
		.next = fl_arena_array(a, n->station_count, sizeof(double)) };

	fl_cascade_base(n, 1, a, &base);
	const bool *is = concerned(n, t, &base, a);
	for (uint32_t i = 0; i < n->station_count; i++) {
		if (!is[i] || !isfinite(n->stations[i].limit) || !(base.response[i] > 0) ||
			!(base.rate[i] > 0))
			continue;
		m.target = i;
		m.rate_now = base.rate[i];
		who_fails(&m);
		double capacity = n->stations[i].limit / base.response[i], load = smallest_load(&m, capacity);
		if (load < least.load)
			least = (struct fl_cascade_margin){ i, load, capacity,
				capacity / (load * base.rate[i]), assumptions(&m) };
	}
	fl_arena_free(a);
	return least;
}
