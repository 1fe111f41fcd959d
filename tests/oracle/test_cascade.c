/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cascade.c - the closed form and the simulation of what slow and flaky nodes do, against each other
 *
 * Random small networks: trees and some with a second way to a station, with and without limits, pools, timeouts and
 * retries. Rates are a hundred and more, so that what is counted is not mostly chance; limits are not within reach of what is
 * usually in flight.
 */
#include "../unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "faultline/cascade.h"
#include "naive.h"

enum { STATIONS_MAX = 6, CALLS_MAX = 8 };

struct drawn {
	struct fl_cascade_station stations[STATIONS_MAX];
	struct fl_cascade_call calls[CALLS_MAX];
	struct fl_cascade_network n;
	double on_station[STATIONS_MAX], on_call[CALLS_MAX];
	struct fl_cascade_trigger t;
};

static double between(uint64_t *state, double low, double high)
{
	return low + (high - low) * naive_below(state, 1000001) / 1e6;
}

static bool once_in(uint64_t *state, uint32_t times)
{
	return naive_below(state, times) == 0;
}

static void draw_call(struct drawn *d, uint64_t *state, uint32_t from, uint32_t to, bool timeouts)
{
	struct fl_cascade_call *c = &d->calls[d->n.call_count++];
	*c = (struct fl_cascade_call){ .from = from, .to = to, .endpoint = FL_NODE_NONE, .use = 1, .calls = 1,
		.limit = INFINITY, .timeout_s = INFINITY, .attempts = 1, .backoff_factor = 1, .required = true };
	if (once_in(state, 2))
		c->use = between(state, 0.3, 1);
	if (once_in(state, 5))
		c->calls = 2;
	if (timeouts && once_in(state, 2)) {
		c->timeout_s = between(state, 0.5, 3);
		c->attempts = 1 + naive_below(state, 3);
		c->backoff_s = once_in(state, 2) ? 0 : between(state, 0.1, 0.5);
	}
}

static int by_from(const void *va, const void *vb)
{
	const struct fl_cascade_call *a = va, *b = vb;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

/* Limits well above what is usually in flight. */
static void draw_limits(struct drawn *d, uint64_t *state)
{
	double rate[STATIONS_MAX] = { 0 }, time[STATIONS_MAX] = { 0 };
	for (uint32_t i = d->n.station_count; i-- > 0;) {
		time[i] = d->stations[i].own_s;
		for (uint32_t c = 0; c < d->n.call_count; c++)
			if (d->calls[c].from == i)
				time[i] += d->calls[c].use * d->calls[c].calls * time[d->calls[c].to];
	}
	for (uint32_t i = 0; i < d->n.station_count; i++) {
		rate[i] += d->stations[i].arrivals_per_s;
		for (uint32_t c = 0; c < d->n.call_count; c++)
			if (d->calls[c].from == i)
				rate[d->calls[c].to] += rate[i] * d->calls[c].use * d->calls[c].calls;
		if (i > 0 && once_in(state, 2))
			d->stations[i].limit = ceil(rate[i] * time[i] * between(state, 2, 5) + between(state, 20, 200));
	}
	for (uint32_t c = 0; c < d->n.call_count; c++)
		if (once_in(state, 3))
			d->calls[c].limit = ceil(rate[d->calls[c].from] * d->calls[c].use * d->calls[c].calls *
							 time[d->calls[c].to] * between(state, 2, 5) +
						 between(state, 20, 100));
}

static void draw_network(struct drawn *d, uint64_t seed, bool timeouts)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 11;
	*d = (struct drawn){ .n = { d->stations, d->calls, 2 + naive_below(&state, STATIONS_MAX - 2), 0 } };
	for (uint32_t i = 0; i < d->n.station_count; i++)
		d->stations[i] = (struct fl_cascade_station){ .node = FL_NODE_NONE, .limit = INFINITY,
			.own_s = between(&state, 0.001, 0.02) };
	d->stations[0].arrivals_per_s = between(&state, 100, 400);
	d->stations[0].entry_weight = 1;
	for (uint32_t i = 1; i < d->n.station_count; i++)
		draw_call(d, &state, naive_below(&state, i), i, timeouts);
	qsort(d->calls, d->n.call_count, sizeof(d->calls[0]), by_from);
	draw_limits(d, &state);
	d->t = (struct fl_cascade_trigger){ .station = d->on_station, .call = d->on_call };
}

/* ---- slow ---- */

struct totals { unsigned networks, limits, times_ok, amounts, amounts_ok; double worst; };

static void aim(struct drawn *d, uint64_t seed)
{
	uint64_t state = seed * 77 + 5;
	uint32_t target = 1 + naive_below(&state, d->n.station_count - 1);
	d->t.mode = FL_CASCADE_SLOW;
	d->t.slow_s = between(&state, 0.5, 6);
	if (once_in(&state, 2))
		d->on_station[target] = 1;
	for (uint32_t c = 0; c < d->n.call_count && d->on_station[target] == 0; c++)
		d->on_call[c] = d->calls[c].to == target;
}

int main(int argc, char **argv)
{
	unsigned bad=0, all=0;
	int from = argc>1?atoi(argv[1]):0, to = argc>2?atoi(argv[2]):50; bool tm = argc>3 && atoi(argv[3]); bool v = argc>4;
	for (int seed=from; seed<to; seed++) {
		struct drawn d; draw_network(&d,(uint64_t)seed,tm); aim(&d,(uint64_t)seed);
		static const double at[]={0.5,1.5,4,8};
		struct fl_arena *a=fl_arena_new();
		d.t.lasts_s=8.001;
		struct fl_cascade_simulation how={.seed=(uint64_t)seed,.load=1,.warm_up_s=2,.events_max=20000000,.sample_s=at,.sample_count=4};
		struct fl_cascade_run *r=fl_cascade_simulate(&d.n,&d.t,&how,a);
		bool seedbad=false; char buf[8192]; size_t u=0; buf[0]=0;
		for(int k=0;k<4;k++){ d.t.lasts_s=at[k]; struct fl_cascade *x=fl_cascade(&d.n,&d.t,a);
			if(x->rounds_cut) u+=(size_t)snprintf(buf+u,sizeof buf-u,"  CUT %u\n",x->rounds_cut);
			size_t w=d.n.station_count+d.n.call_count;
			for(size_t i=0;i<w;i++){ double c=i<d.n.station_count?x->stations[i].at_end:x->calls[i-d.n.station_count].at_end, s=r->in_flight[(size_t)k*w+i];
				bool b=fabs(c-s)>0.15*fmax(c,s)+4*sqrt(fmax(c,s))+3; all++; bad+=b; seedbad|=b;
				if(v) u+=(size_t)snprintf(buf+u,sizeof buf-u,"  t=%.1f %s%zu closed %.1f sim %.1f %s\n",at[k],i<d.n.station_count?"st":"call",i<d.n.station_count?i:i-d.n.station_count,c,s,b?"<<<":""); }
			if(k==3) for(size_t i=0;i<w;i++){ double c=i<d.n.station_count?x->stations[i].full_at_s:x->calls[i-d.n.station_count].full_at_s, s=r->full_at_s[i]; bool b= isfinite(c)!=isfinite(s) ? fmin(c,s)<7 : isfinite(c) && fabs(c-s)>(0.15+3/sqrt(i<d.n.station_count?d.stations[i].limit:d.calls[i-d.n.station_count].limit))*fmax(c,s)+0.15; all++; bad+=b; seedbad|=b;
				if(v && (isfinite(c)||isfinite(s))) u+=(size_t)snprintf(buf+u,sizeof buf-u,"  full %s%zu closed %.2f sim %.2f %s\n",i<d.n.station_count?"st":"call",i<d.n.station_count?i:i-d.n.station_count,c,s,b?"<<<":"");}
		}
		if(seedbad){ printf("seed %d D %.2f\n",seed,d.t.slow_s); 
		 if(v){for(uint32_t i=0;i<d.n.station_count;i++) printf("  station %u arr %.0f own %.3f limit %.0f hit %.0f\n",i,d.stations[i].arrivals_per_s,d.stations[i].own_s,d.stations[i].limit,d.on_station[i]);
		 for(uint32_t c=0;c<d.n.call_count;c++) printf("  call%u %u>%u use %.2f x%.0f limit %.0f T %.2f A%u gap %.2f hit %.0f\n",c,d.calls[c].from,d.calls[c].to,d.calls[c].use,d.calls[c].calls,d.calls[c].limit,d.calls[c].timeout_s,d.calls[c].attempts,d.calls[c].backoff_s,d.on_call[c]);
		 fputs(buf,stdout);} }
		fl_arena_free(a);
	}
	printf("bad %u of %u\n",bad,all);
}
