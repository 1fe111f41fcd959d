/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade_base.c - a network of calls before anything happens to it
 *
 * Rates go from callers to callees, times from callees to callers. In an order with callers first one pass
 * each does; where calls go round in a circle, the passes are repeated until nothing moves. A circle that
 * makes more than one request of each has no finite answer: it is stopped at FL_CASCADE_HUGE or after
 * FL_CASCADE_ROUNDS, and said.
 */
#include "cascade_internal.h"

static const char *const assumed_texts[FL_ASSUMED_COUNT] = {
	"no rate was measured: 1 request/s over all entry points",
	"no time was measured: answers at once",
	"calls per request were not measured: the coupling of the graph, one call each",
	"no limit of requests at once is known: there is none",
	"no limit of calls at once is known: there is none",
	"no timeout was seen or declared: callers wait for ever",
	"no retry was seen or declared: a failed call fails the request",
	"no wait before retries was seen or declared: they follow at once",
	"calls are spread evenly over the members of a group",
	"the limit was not declared: work was seen to stop growing there while more waited",
	"the order of calls is not known: one that fails keeps no other from being made",
};

const char *fl_assumed_text(enum fl_assumed bit)
{
	for (unsigned i = 0; i < FL_ASSUMED_COUNT; i++)
		if (bit == 1u << i)
			return assumed_texts[i];
	return "";
}

double fl_cascade_gap(const struct fl_cascade_call *c, uint32_t k)
{
	return c->backoff_s > 0 ? c->backoff_s * pow(c->backoff_factor, k - 1) : 0;
}

double fl_cascade_patience(const struct fl_cascade_call *c)
{
	double sum = c->attempts * c->timeout_s;

	for (uint32_t k = 1; k < c->attempts; k++)
		sum += fl_cascade_gap(c, k);
	return sum;
}

double fl_cascade_any(const struct fl_cascade_call *c, double each)
{
	if (each <= 0 || each >= 1 || c->calls <= 1)
		return c->use * each;
	return c->use * (1 - pow(1 - each, c->calls));
}

/* Callers first (Kahn); what is left when only circles are, in their order. */
static void put_in_order(const struct fl_cascade_network *n, struct fl_arena *a, struct cascade_base *base)
{
	uint32_t *callers = fl_arena_array(a, n->station_count, sizeof(*callers)), done = 0, next = 0;
	bool *placed = fl_arena_array(a, n->station_count, sizeof(*placed));

	for (uint32_t c = 0; c < n->call_count; c++)
		callers[n->calls[c].to] += n->calls[c].from != n->calls[c].to;
	for (uint32_t i = 0; i < n->station_count; i++)
		if (callers[i] == 0) {
			placed[i] = true;
			base->order[done++] = i;
		}
	for (uint32_t at = 0; at < n->station_count; at++) {
		for (; at == done; next++)
			if (!placed[next]) {
				placed[next] = true;
				base->order[done++] = next;
			}
		uint32_t i = base->order[at];
		for (uint32_t c = base->first_call[i]; c < base->first_call[i + 1]; c++) {
			uint32_t to = n->calls[c].to;
			if (to != i && --callers[to] == 0 && !placed[to]) {
				placed[to] = true;
				base->order[done++] = to;
			}
		}
	}
}

/* @next: what each station is sent; what goes back to a station that had its turn counts in the next pass. */
static double rate_pass(
	const struct fl_cascade_network *n, double load, double *next, struct cascade_base *base)
{
	double moved = 0;

	for (uint32_t at = 0; at < n->station_count; at++) {
		uint32_t i = base->order[at];
		double rate = fmin(next[i], FL_CASCADE_HUGE);
		moved = fmax(moved, fabs(rate - base->rate[i]) / fmax(1, rate));
		base->rate[i] = rate;
		next[i] = n->stations[i].arrivals_per_s * load;
		for (uint32_t c = base->first_call[i]; c < base->first_call[i + 1]; c++)
			next[n->calls[c].to] += rate * n->calls[c].use * n->calls[c].calls;
	}
	return moved;
}

static double time_pass(const struct fl_cascade_network *n, struct cascade_base *base)
{
	double moved = 0;

	for (uint32_t at = n->station_count; at-- > 0;) {
		uint32_t i = base->order[at];
		double time = n->stations[i].own_s;
		for (uint32_t c = base->first_call[i]; c < base->first_call[i + 1]; c++)
			time += n->calls[c].use * n->calls[c].calls * base->response[n->calls[c].to];
		time = fmin(time, FL_CASCADE_HUGE);
		moved = fmax(moved, fabs(time - base->response[i]) / fmax(1, time));
		base->response[i] = time;
	}
	return moved;
}

void fl_cascade_base(
	const struct fl_cascade_network *n, double load, struct fl_arena *a, struct cascade_base *base)
{
	double *next = fl_arena_array(a, n->station_count, sizeof(*next)), moved = 1;

	*base = (struct cascade_base){
		.order = fl_arena_array(a, n->station_count, sizeof(*base->order)),
		.first_call = fl_arena_array(a, (size_t)n->station_count + 1, sizeof(*base->first_call)),
		.rate = fl_arena_array(a, n->station_count, sizeof(*base->rate)),
		.response = fl_arena_array(a, n->station_count, sizeof(*base->response)),
	};
	for (uint32_t c = 0; c < n->call_count; c++)
		base->first_call[n->calls[c].from + 1]++;
	for (uint32_t i = 0; i < n->station_count; i++)
		base->first_call[i + 1] += base->first_call[i];
	put_in_order(n, a, base);
	for (uint32_t i = 0; i < n->station_count; i++)
		next[i] = n->stations[i].arrivals_per_s * load;
	for (uint32_t round = 0; round < FL_CASCADE_ROUNDS && moved > FL_CASCADE_EPSILON; round++)
		moved = fmax(rate_pass(n, load, next, base), time_pass(n, base));
	for (uint32_t i = 0; i < n->station_count && moved <= FL_CASCADE_EPSILON; i++)
		if (base->rate[i] >= FL_CASCADE_HUGE || base->response[i] >= FL_CASCADE_HUGE)
			moved = 1; /* it stands still only because it was stopped */
	base->rounds_cut += moved > FL_CASCADE_EPSILON;
}
