/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade_internal.h - the state of a course of things, between two events
 *
 *   cascade_base.c    order of stations; rates and times before the trigger
 *   cascade_state.c   what follows from the state
 *   cascade.c         events, steps, answer
 *   cascade_margin.c  metastability
 *   cascade_network.c a network from what was measured
 *   cascade_sim.c     request by request
 */
#ifndef FAULTLINE_ANALYZE_CASCADE_INTERNAL_H
#define FAULTLINE_ANALYZE_CASCADE_INTERNAL_H

#include <math.h>
#include <stdlib.h>

#include "faultline/cascade.h"

#define FL_CASCADE_EPSILON 1e-9 /* a share or step below it is none */
#define FL_CASCADE_HUGE 1e12    /* rates and times of loops that feed themselves stop here */

/* Before the trigger: stations in an order with callers first as far as loops allow, rates, times. */
struct cascade_base {
	uint32_t *order;
	uint32_t *first_call; /* of a station; station_count + 1 */
	double *rate;         /* requests per second of a station */
	double *response;     /* time of a request in it */
	uint32_t rounds_cut;
};
void fl_cascade_base(
	const struct fl_cascade_network *n, double load, struct fl_arena *a, struct cascade_base *base);

/* Wait before attempt @k + 1, k from 1. */
double fl_cascade_gap(const struct fl_cascade_call *c, uint32_t k);
/* From the start of a call to giving up when every attempt waits for its timeout. */
double fl_cascade_patience(const struct fl_cascade_call *c);
/* Share of requests that meet something with share @each in their calls of @c. */
double fl_cascade_any(const struct fl_cascade_call *c, double each);

struct station_state {
	double arrivals; /* requests per second now */
	double again;    /* of them, by retries of what is stuck: they will be, too */
	double offered, offered_again; /* ... if no limit held up their callers */
	double stuck;    /* share of them that will wait */
	double waits;    /* ... once they have a place */
	double blocked;  /* ... in a queue or for a pool, here or further down */
	double held;     /* mean time in a place, queues left out */
	double kept;    /* share of what is offered that gets done in the long run: capacity / demand, at most 1 */
	double fail;    /* share answered with a failure */
	double exposed; /* share of requests that may fail at all: those that use what fails */
	double since;   /* first stuck; INFINITY */
	double release; /* when the first stuck request gets done; INFINITY: unknown */
	double outside; /* requests from outside that wait */
	double worked;  /* requests here, given up ones included */
	bool full, choked, released;
	double full_at;
};

struct call_state {
	double stuck;        /* share of attempts that will wait */
	double fail;         /* share of first attempts that fail */
	double again;        /* ... and of those that follow a failure: it is a request that may fail */
	double reach;        /* share of requests that come so far: no required call before has failed */
	double attempts;     /* per call that fails or is stuck, now */
	double attempts_due; /* ... once all that retry have done so */
	double share;        /* of the caller's requests that wait here first */
	double kept;
	double wait;           /* time of an attempt that is stuck, queues left out, or its timeout */
	double since, release; /* as above; release: of the attempt */
	double through;        /* when the caller's request is done with all its calls here */
	double doomed;         /* from when on attempts will time out; INFINITY */
	double waiting;        /* attempts that wait, on the wire */
	double at_callee;      /* those and the given up ones */
	uint32_t waves;        /* retries that have begun */
	bool full, gave_up;
	double full_at;
};

struct cascade_state {
	const struct fl_cascade_network *n;
	const struct fl_cascade_trigger *t;
	struct cascade_base base;
	double now;
	struct station_state *stations;
	struct call_state *calls;
	uint32_t rounds_cut;
	double work;         /* visits so far */
};

/* Everything but counts and flags, from counts and flags. */
void fl_cascade_derive(struct cascade_state *s);
/* Calls per second, and those of them that will be stuck: of what comes now; of what is offered; and with all attempts that are due. */
struct cascade_flow {
	double calls, stuck, attempts;
};
enum cascade_when { CASCADE_NOW, CASCADE_OFFERED, CASCADE_DUE };
struct cascade_flow fl_cascade_flow(const struct cascade_state *s, uint32_t call, enum cascade_when when);
/* Share of what comes to a station, or of the calls it would make, that gets done, in the long run. */
double fl_cascade_done(const struct cascade_state *s, uint32_t station, double kept);
/* Mean time of an attempt. */
double fl_cascade_held(const struct cascade_state *s, uint32_t call);
/* What waits of a call once as much of it is done as comes in. */
double fl_cascade_settled(const struct cascade_state *s, uint32_t call);
double fl_cascade_settled_outside(const struct cascade_state *s, uint32_t station);
/* Growth per second of what waits. */
double fl_cascade_call_growth(const struct cascade_state *s, uint32_t call);
double fl_cascade_callee_growth(const struct cascade_state *s, uint32_t call);
double fl_cascade_outside_growth(const struct cascade_state *s, uint32_t station);

#endif
