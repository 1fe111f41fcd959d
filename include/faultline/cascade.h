/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade.h - what a slow or flaky node does to those who call it, when, and whether it ends with its cause
 *
 * The network of calls: stations (services, and endpoints outside) work on requests; each request makes calls, one after
 * the other. A call is one attempt, or several when attempts fail. Work in flight is rate x time held (Little, 1961), so an
 * answer that takes longer piles up work at its caller until a limit is met; then what does not need the slow node
 * waits as well, and so do callers further up. Who waits longer than its timeout fails, and may try again: retries
 * multiply the rate, level by level.
 *
 * Two ways to the answer, which check each other in the tests: fl_cascade() in closed form, piecewise linear in time,
 * and fl_cascade_simulate(), request by request. Both take the same network, so a test may write one by hand.
 *
 * How requests behave, in both: arrivals from outside are steady; a station takes requests first come, first served,
 * @limit at once, the others queue; a request holds its place until all its calls are done; who waits for a place in a pool waits
 * without a timeout; the timeout of an attempt starts when it is sent; a station works on requests whose caller has given up,
 * since it cannot know; a failed required call fails the request, which goes on to no further call.
 */
#ifndef FAULTLINE_CASCADE_H
#define FAULTLINE_CASCADE_H

#include "faultline/arena.h"
#include "faultline/graph.h"

/* ---- the network ---- */

/* What had to be assumed, since nothing was measured or declared. Bits. */
enum fl_assumed {
	FL_ASSUMED_RATE = 1 << 0,     /* 1 request/s in all, as nothing was measured */
	FL_ASSUMED_TIME = 1 << 1,     /* answers at once */
	FL_ASSUMED_SHARE = 1 << 2,    /* calls per request: the coupling of the graph, one call each */
	FL_ASSUMED_LIMIT = 1 << 3,    /* no limit of requests at once */
	FL_ASSUMED_POOL = 1 << 4,     /* no limit of attempts at once */
	FL_ASSUMED_TIMEOUT = 1 << 5,  /* waits for ever */
	FL_ASSUMED_RETRIES = 1 << 6,  /* fails at the first failure */
	FL_ASSUMED_BACKOFF = 1 << 7,  /* tries again at once */
	FL_ASSUMED_SPREAD = 1 << 8,   /* calls are spread evenly over the members of a group */
	FL_ASSUMED_PLATEAU = 1 << 9,  /* a limit was not declared, but work was seen to stop growing there while more waited */
	FL_ASSUMED_ORDER = 1 << 10,   /* a failed call keeps no other from being made */
};
enum { FL_ASSUMED_COUNT = 11 };
/* A sentence for people, of one bit: "no timeout was seen or declared: callers wait for ever". */
const char *fl_assumed_text(enum fl_assumed bit);

struct fl_cascade_station {
	fl_node_id node;          /* of the graph; FL_NODE_NONE in networks without one */
	double arrivals_per_s;    /* from outside the network */
	double own_s;             /* time a request takes here without its calls */
	double limit;             /* requests worked on at once, >= 1; INFINITY: none */
	double entry_weight;      /* > 0: an entry point, with its share of all entries */
	uint32_t assumed;
};

enum { FL_CASCADE_ATTEMPTS_MAX = 16 };
struct fl_cascade_call {
	uint32_t from, to;        /* stations */
	fl_node_id endpoint;      /* what @from knows @to as; FL_NODE_NONE: as itself */
	double use;               /* share of @from's requests that make this call, 0..1 */
	double calls;             /* calls of a request that makes any, >= 1 */
	double limit;             /* attempts in flight at once, >= 1; INFINITY: none */
	double timeout_s;         /* > 0; INFINITY: waits for ever */
	uint32_t attempts;        /* of a call, 1..FL_CASCADE_ATTEMPTS_MAX; 1: no retries */
	double backoff_s, backoff_factor; /* wait before attempt 2; each further one is longer by the factor */
	bool required;            /* its failure fails the request */
	uint32_t choice;          /* calls of a station with the same one are alternatives: a request makes one of them at most */
	uint32_t assumed;
};
#define FL_CASCADE_NO_CHOICE UINT32_MAX

struct fl_cascade_network {
	struct fl_cascade_station *stations;
	struct fl_cascade_call *calls; /* sorted by from, alternatives together */
	uint32_t station_count, call_count;
	bool in_order;            /* calls stand in the order in which a request makes them, so one that fails keeps it from
				   * the later ones; else that is not known, and no call keeps it from another */
};

/* ---- the question ---- */

enum fl_cascade_mode { FL_CASCADE_SLOW, FL_CASCADE_FLAKY };
struct fl_cascade_trigger {
	enum fl_cascade_mode mode;
	double slow_s;            /* each answer comes this much later */
	double flaky;             /* share of attempts that is answered with a failure, 0..1 */
	double lasts_s;           /* how long it lasts: the time that is looked at */
	const double *station;    /* share of each station's requests that it concerns, where they are worked on: their place is held */
	const double *call;       /* share of each call's attempts that it concerns on their way: the callee is not held */
};

/* ---- the answer ---- */

enum fl_cascade_event {
	FL_CASCADE_TRIGGER,       /* @call: this call gets slow or flaky; else the station itself */
	FL_CASCADE_POOL_FULL,     /* all @limit attempts of @call are waiting; further requests wait at their station */
	FL_CASCADE_STATION_FULL,  /* all @limit places of the station are taken; further requests queue */
	FL_CASCADE_TIMES_OUT,     /* the first attempts of @call have waited for the timeout: they fail */
	FL_CASCADE_STALLS,        /* from now on nearly all requests of an entry point without a limit wait in a queue */
	FL_CASCADE_FAILS,         /* from now on at least half of the station's requests fail */
};
#define FL_CASCADE_LOST 0.5       /* share of requests from which on a station counts as failed or lost */
#define FL_CASCADE_STALLED 0.95   /* ... waiting in a queue, from which on it is said to stall */
#define FL_CASCADE_CALL_NONE UINT32_MAX

struct fl_cascade_step {
	double at_s;
	enum fl_cascade_event event;
	uint32_t station;         /* the one that suffers; of a call: the caller */
	uint32_t call;            /* FL_CASCADE_CALL_NONE */
	double rate_per_s;        /* at which it filled, or attempts are made */
	double held_s;            /* how long each is held */
	double limit;             /* that was met */
	uint32_t assumed;         /* without which this step would be another */
};

/* Work in flight, of a station (queue included) or a call (attempts on the wire), and the course of its rate. */
struct fl_cascade_work {
	double before, at_end, peak;
	double growth_per_s;      /* at the end; 0: steady */
	double rate_before, rate_at_end; /* requests or attempts per second */
	double full_at_s;         /* limit met; INFINITY: never */
	double failing;           /* share that fails at the end */
	double unanswered;        /* share that is neither answered nor failed in the long run: it piles up */
};

struct fl_cascade_margin {
	uint32_t station;         /* whose retries would keep it overloaded; UINT32_MAX: none can */
	double load;              /* x the load of now: from there on the overload outlives its cause; INFINITY: never */
	double capacity_per_s;    /* limit / time held */
	double amplification;     /* attempts per request when every attempt fails, the levels above multiplied */
	uint32_t assumed;
};

struct fl_cascade {
	struct fl_cascade_step *steps;  /* by time, then station, then call */
	size_t step_count;
	struct fl_cascade_work *stations, *calls;
	double *loss;             /* of each station at the end: failing + unanswered */
	double expected_loss;     /* over entry points, weighted */
	bool steady;              /* nothing grows any more at the end */
	double settles_s;         /* when that was reached; INFINITY */
	struct fl_cascade_margin margin;
	uint32_t assumed;         /* by any step */
	uint32_t rounds_cut;      /* iterations that did not settle within their limit */
	double cut_at_s;          /* FL_CASCADE_WORK was used up: after that only growth goes on; INFINITY: it was not */
};

/**
 * fl_cascade() - The course of things in closed form
 * Between two events every quantity grows linearly, so the next event follows by division: a limit met, the first answer
 * after a wait, a timeout. Events that follow each other within 0.2 % of the time since the trigger are taken together, so their
 * number is bounded by that, and by the size of the network; O(events x calls). Cycles: every pass over the network is iterated, at
 * most FL_CASCADE_ROUNDS times, and counted in rounds_cut when that did not do.
 * @a: owns the answer
 */
enum { FL_CASCADE_ROUNDS = 200 };
#define FL_CASCADE_WORK 1e8       /* visits of a station or call: some ten seconds */
struct fl_cascade *fl_cascade(const struct fl_cascade_network *n, const struct fl_cascade_trigger *t, struct fl_arena *a);

/* Bronson, Aghayev, Charapko, Zhu, "Metastable failures in distributed systems", HotOS 2021: a station with capacity
 * limit / time held that gets, once everything times out, amplification x its rate, stays overloaded without its cause as
 * soon as that product exceeds the capacity. The smallest such load over the stations that @t makes wait. */
struct fl_cascade_margin fl_cascade_margin(const struct fl_cascade_network *n, const struct fl_cascade_trigger *t);

/* ---- the same, request by request ---- */

struct fl_cascade_simulation {
	uint64_t seed;
	double load;              /* x the arrivals of the network */
	double warm_up_s;         /* before the trigger */
	double after_s;           /* looked at beyond its end */
	uint64_t events_max;      /* then it ends, @cut */
	const double *sample_s;   /* times since the trigger at which work is counted, rising */
	size_t sample_count;
};
struct fl_cascade_run {
	double *full_at_s;        /* of each station, then each call, since the trigger; INFINITY */
	double *in_flight;        /* of each sample: each station, then each call */
	double *answered, *failed, *arrived; /* of each station, during the trigger: counted by when that happened */
	double *answered_after, *failed_after, *arrived_after; /* in the second half of after_s */
	uint64_t events;
	bool cut;
};
/* Deterministic: the seed decides everything. O(events log events in flight). @a owns the answer. */
struct fl_cascade_run *fl_cascade_simulate(const struct fl_cascade_network *n, const struct fl_cascade_trigger *t,
					   const struct fl_cascade_simulation *s, struct fl_arena *a);

/* ---- from what was measured ---- */

struct fl_system;
/**
 * fl_cascade_network() - Rates, times, limits, retries and timeouts of a system
 * Measured where it was, declared in the model where that says so (which wins), else assumed. From a graph file: each
 * node is a station, each requirement a call to its members.
 * @a: owns the answer
 */
struct fl_cascade_network *fl_cascade_network(const struct fl_system *s, struct fl_arena *a);

/* What "@v is slow" concerns: the station of @v, the calls to it, or all stations on the host, provider or zone @v.
 * @caller: only the calls of this node; FL_NODE_NONE: everybody's. @t: station and call filled in. Return: how many stations
 * and calls it concerns; 0: nothing that carries traffic. */
uint32_t fl_cascade_concern(const struct fl_system *s, const struct fl_cascade_network *n, fl_node_id v, fl_node_id caller,
			    struct fl_cascade_trigger *t, struct fl_arena *a);

#endif
