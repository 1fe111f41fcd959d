/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade_sim.c - a network of calls, request by request
 *
 * A discrete-event simulation: a heap of what is due, by time and then by order of making, so that one seed
 * gives one run. A request sits at one station. It waits for a place there, does its own work, makes its
 * calls one after the other, and answers. An attempt is a request at the callee that knows who waits for it;
 * who has given up is known no more, and the attempt goes on for nobody. What waits for an attempt is told by
 * a number that changes whenever the wait ends, so that timeouts and answers that come too late find nobody.
 *
 * It shares no formula with the closed form: whether the two agree is what the tests ask.
 */
#include <stdlib.h>
#include <string.h>

#include "cascade_internal.h"

#define NOBODY UINT32_MAX

struct request {
	uint32_t station, parent, next; /* next: in a queue, or of the free ones */
	uint32_t wait;                  /* number of the wait of this request; changes when that ends */
	uint32_t parent_wait;           /* number of the parent's wait for this one */
	uint32_t child;                 /* attempt that is waited for; NOBODY */
	uint32_t call, attempt;
	uint32_t calls_left;
	bool on_the_way, failing; /* its answer is slow; will be a failure */
	uint64_t key;             /* what is asked for; the same in every attempt of a call */
	bool placed;
};

enum due_kind { ARRIVE, WORKED, DELIVER, TIMEOUT, AGAIN };
struct due {
	double at;
	uint64_t order;
	enum due_kind kind;
	uint32_t which, wait; /* station (ARRIVE), request */
	bool ok;
};

struct queue {
	uint32_t first, last;
};

struct simulation {
	const struct fl_cascade_network *n;
	const struct fl_cascade_trigger *t;
	const struct fl_cascade_simulation *how;
	struct fl_cascade_run *run;
	struct cascade_base base;
	struct due *heap;
	size_t due_count, due_capacity;
	uint64_t made, random;
	struct request *requests;
	uint32_t request_count, request_capacity, unused;
	struct queue *places, *pools;
	double *busy, *sent, *outside;
	double now;
};

/* SplitMix64 (Steele, Lea, Flood 2014): the generator, and to mix what a choice hangs on. */
static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static double unit(uint64_t z)
{
	return (double)(z >> 11) * 0x1p-53;
}

static uint64_t draw_key(struct simulation *s)
{
	uint64_t z = mix(s->random);

	s->random += UINT64_C(0x9e3779b97f4a7c15);
	return z;
}

static double draw(struct simulation *s)
{
	return unit(draw_key(s));
}

/* What a request asks for decides its choices: another attempt makes the same. */
enum choice { USE, CALLS, SLOW, CHILD };
static uint64_t choose(const struct simulation *s, uint32_t r, enum choice what)
{
	const struct request *x = &s->requests[r];

	return mix(mix(x->key + x->call) ^ ((uint64_t)x->calls_left << 8 | what));
}

/* ---- the heap ---- */

static bool earlier(const struct due *a, const struct due *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void push(struct simulation *s, double at, enum due_kind kind, uint32_t which, uint32_t wait, bool ok)
{
	struct due d = { at, s->made++, kind, which, wait, ok };
	size_t i = s->due_count++;

	if (s->due_count > s->due_capacity) {
		s->due_capacity = fl_grown(s->due_capacity, s->due_count);
		s->heap = fl_grow_array(s->heap, s->due_capacity, sizeof(*s->heap));
	}
	for (; i > 0 && earlier(&d, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = d;
}

static struct due pop(struct simulation *s)
{
	struct due top = s->heap[0], last = s->heap[--s->due_count];
	size_t i = 0;

	for (size_t child = 1; child < s->due_count; child = 2 * i + 1) {
		if (child + 1 < s->due_count && earlier(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!earlier(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	if (s->due_count > 0)
		s->heap[i] = last;
	return top;
}

/* ---- requests and queues ---- */

static uint32_t new_request(struct simulation *s, uint32_t station, uint32_t parent)
{
	uint32_t r = s->unused;

	if (r != NOBODY) {
		s->unused = s->requests[r].next;
	} else {
		if (s->request_count == s->request_capacity) {
			s->request_capacity =
				(uint32_t)fl_grown(s->request_capacity, (size_t)s->request_count + 1);
			s->requests = fl_grow_array(s->requests, s->request_capacity, sizeof(*s->requests));
		}
		r = s->request_count++;
		s->requests[r].wait = 0;
	}
	struct request *x = &s->requests[r];
	*x = (struct request){ .station = station,
		.parent = parent,
		.next = NOBODY,
		.child = NOBODY,
		.wait = x->wait + 1,
		.parent_wait = parent == NOBODY ? 0 : s->requests[parent].wait };
	return r;
}

static void enqueue(struct simulation *s, struct queue *q, uint32_t r)
{
	s->requests[r].next = NOBODY;
	if (q->first == NOBODY)
		q->first = r;
	else
		s->requests[q->last].next = r;
	q->last = r;
}

static uint32_t dequeue(struct simulation *s, struct queue *q)
{
	uint32_t r = q->first;

	if (r != NOBODY)
		q->first = s->requests[r].next;
	return r;
}

static bool triggered(const struct simulation *s)
{
	return s->now >= 0 && s->now < s->t->lasts_s;
}

static bool slow(const struct simulation *s, uint32_t r, double share)
{
	return s->t->mode == FL_CASCADE_SLOW && triggered(s) && share > 0 && unit(choose(s, r, SLOW)) < share;
}

static bool flaky(struct simulation *s, double share)
{
	return s->t->mode == FL_CASCADE_FLAKY && triggered(s) && share > 0 && draw(s) < share * s->t->flaky;
}

/* ---- a request's way ---- */

static void take_place(struct simulation *s, uint32_t r)
{
	struct request *x = &s->requests[r];
	const struct fl_cascade_station *station = &s->n->stations[x->station];
	double work = station->own_s + (slow(s, r, s->t->station[x->station]) ? s->t->slow_s : 0);

	x->placed = true;
	s->busy[x->station]++;
	if (s->now >= 0 && s->busy[x->station] >= station->limit && !isfinite(s->run->full_at_s[x->station]))
		s->run->full_at_s[x->station] = s->now;
	x->failing = x->failing || flaky(s, s->t->station[x->station]);
	x->call = s->base.first_call[x->station];
	push(s, s->now + work, WORKED, r, x->wait, true);
}

static double *counter(struct simulation *s, double *during, double *after)
{
	if (triggered(s))
		return during;
	return s->now >= s->t->lasts_s + s->how->after_s / 2 ? after : NULL;
}

static void count(struct simulation *s, uint32_t station, double *during, double *after)
{
	double *where = counter(s, during, after);

	if (where != NULL)
		where[station]++;
}

static void come(struct simulation *s, uint32_t r)
{
	uint32_t i = s->requests[r].station;

	count(s, i, s->run->arrived, s->run->arrived_after);
	if (s->busy[i] < s->n->stations[i].limit)
		take_place(s, r);
	else
		enqueue(s, &s->places[i], r);
}

static void send_attempt(struct simulation *s, uint32_t r)
{
	uint32_t c = s->requests[r].call, child;
	const struct fl_cascade_call *call = &s->n->calls[c];

	if (++s->sent[c] >= call->limit && s->now >= 0 &&
		!isfinite(s->run->full_at_s[s->n->station_count + c]))
		s->run->full_at_s[s->n->station_count + c] = s->now;
	if (isfinite(call->timeout_s))
		push(s, s->now + call->timeout_s, TIMEOUT, r, s->requests[r].wait, false);
	child = new_request(s, call->to, r);
	s->requests[r].child = child;
	s->requests[child].on_the_way = slow(s, r, s->t->call[c]);
	s->requests[child].key = choose(s, r, CHILD);
	s->requests[child].failing = flaky(s, s->t->call[c]);
	come(s, child);
}

static void try_call(struct simulation *s, uint32_t r)
{
	uint32_t c = s->requests[r].call;

	s->requests[r].attempt++;
	if (s->sent[c] < s->n->calls[c].limit)
		send_attempt(s, r);
	else
		enqueue(s, &s->pools[c], r);
}

static void answer(struct simulation *s, uint32_t r, bool ok)
{
	struct request *x = &s->requests[r];
	uint32_t i = x->station, waiting;

	ok = ok && !x->failing;
	s->busy[i]--;
	count(s, i, ok ? s->run->answered : s->run->failed,
		ok ? s->run->answered_after : s->run->failed_after);
	if (x->parent != NOBODY)
		push(s, s->now + (x->on_the_way ? s->t->slow_s : 0), DELIVER, x->parent, x->parent_wait, ok);
	else if (x->parent_wait == 0)
		s->outside[i]--;
	x->wait++;
	x->next = s->unused;
	s->unused = r;
	waiting = dequeue(s, &s->places[i]);
	if (waiting != NOBODY)
		take_place(s, waiting);
}

/* Of alternatives one number picks at most one. */
static bool uses(const struct simulation *s, uint32_t r)
{
	const struct request *x = &s->requests[r];
	uint32_t c = x->call;
	double low = 0;

	for (uint32_t k = c;
		k > s->base.first_call[x->station] && s->n->calls[c].choice != FL_CASCADE_NO_CHOICE &&
		s->n->calls[k - 1].choice == s->n->calls[c].choice;
		c = --k)
		low += s->n->calls[k - 1].use;
	double u = unit(mix(mix(x->key + c) ^ USE));
	return u >= low && u < low + s->n->calls[x->call].use;
}

/* The next call that this request makes, if any. */
static void go_on(struct simulation *s, uint32_t r)
{
	struct request *x = &s->requests[r];

	while (x->calls_left == 0 && x->call < s->base.first_call[x->station + 1]) {
		const struct fl_cascade_call *call = &s->n->calls[x->call];
		double whole = floor(call->calls);
		if (uses(s, r))
			x->calls_left = (uint32_t)whole + (unit(choose(s, r, CALLS)) < call->calls - whole);
		if (x->calls_left == 0)
			x->call++;
	}
	x->attempt = 0;
	if (x->calls_left > 0)
		try_call(s, r);
	else
		answer(s, r, true);
}

static void attempt_over(struct simulation *s, uint32_t r, bool ok)
{
	struct request *x = &s->requests[r];
	const struct fl_cascade_call *call = &s->n->calls[x->call];
	uint32_t c = x->call, waiting;

	x->wait++;
	x->child = NOBODY;
	s->sent[c]--;
	waiting = dequeue(s, &s->pools[c]);
	if (waiting != NOBODY)
		send_attempt(s, waiting);
	x = &s->requests[r]; /* they may have moved */
	if (!ok && x->attempt < call->attempts) {
		push(s, s->now + fl_cascade_gap(call, x->attempt), AGAIN, r, x->wait, false);
		return;
	}
	if (!ok && call->required) {
		answer(s, r, false);
		return;
	}
	if (--x->calls_left == 0)
		x->call++;
	go_on(s, r);
}

/* ---- the run ---- */

static void arrive(struct simulation *s, uint32_t i)
{
	uint32_t r = new_request(s, i, NOBODY);

	s->requests[r].key = draw_key(s);
	s->outside[i]++;
	come(s, r);
	push(s, s->now + 1 / (s->n->stations[i].arrivals_per_s * s->how->load), ARRIVE, i, 0, true);
}

static void happen(struct simulation *s, const struct due *d)
{
	if (d->kind == ARRIVE) {
		arrive(s, d->which);
		return;
	}
	if (s->requests[d->which].wait != d->wait)
		return;
	switch (d->kind) {
	case WORKED:
		go_on(s, d->which);
		break;
	case TIMEOUT: {
		struct request *child = &s->requests[s->requests[d->which].child];
		if (child->parent == d->which && child->parent_wait == d->wait)
			child->parent = NOBODY; /* it goes on for nobody; parent_wait tells it from one from
						   outside */
		attempt_over(s, d->which, false);
		break;
	}
	case DELIVER:
		attempt_over(s, d->which, d->ok);
		break;
	case AGAIN:
		try_call(s, d->which);
		break;
	case ARRIVE:
		break;
	}
}

static void sample(struct simulation *s, size_t at)
{
	double *in = &s->run->in_flight[at * ((size_t)s->n->station_count + s->n->call_count)];

	for (uint32_t i = 0; i < s->n->station_count; i++)
		in[i] = s->outside[i];
	for (uint32_t c = 0; c < s->n->call_count; c++) {
		in[s->n->station_count + c] = s->sent[c];
		in[s->n->calls[c].to] += s->sent[c];
	}
}

static void begin(struct simulation *s, struct fl_arena *a)
{
	size_t stations = s->n->station_count, all = stations + s->n->call_count;
	struct fl_cascade_run *run = s->run;

	fl_cascade_base(s->n, s->how->load, a, &s->base);
	run->full_at_s = fl_arena_array(a, all, sizeof(double));
	run->in_flight = fl_arena_array(a, all * s->how->sample_count, sizeof(double));
	run->answered = fl_arena_array(a, stations, sizeof(double));
	run->failed = fl_arena_array(a, stations, sizeof(double));
	run->arrived = fl_arena_array(a, stations, sizeof(double));
	run->answered_after = fl_arena_array(a, stations, sizeof(double));
	run->failed_after = fl_arena_array(a, stations, sizeof(double));
	run->arrived_after = fl_arena_array(a, stations, sizeof(double));
	s->busy = fl_arena_array(a, stations, sizeof(double));
	s->outside = fl_arena_array(a, stations, sizeof(double));
	s->sent = fl_arena_array(a, s->n->call_count, sizeof(double));
	s->places = fl_arena_array(a, stations, sizeof(*s->places));
	s->pools = fl_arena_array(a, s->n->call_count, sizeof(*s->pools));
	for (size_t i = 0; i < all; i++)
		run->full_at_s[i] = INFINITY;
	for (size_t i = 0; i < stations; i++)
		s->places[i].first = NOBODY;
	for (uint32_t c = 0; c < s->n->call_count; c++)
		s->pools[c].first = NOBODY;
	for (uint32_t i = 0; i < stations; i++)
		if (s->n->stations[i].arrivals_per_s > 0 && s->how->load > 0)
			push(s,
				-s->how->warm_up_s +
					draw(s) / (s->n->stations[i].arrivals_per_s * s->how->load),
				ARRIVE, i, 0, true);
}

struct fl_cascade_run *fl_cascade_simulate(const struct fl_cascade_network *n,
	const struct fl_cascade_trigger *t, const struct fl_cascade_simulation *how, struct fl_arena *a)
{
	struct simulation s = { .n = n,
		.t = t,
		.how = how,
		.run = fl_arena_alloc(a, sizeof(*s.run)),
		.random = how->seed,
		.unused = NOBODY };
	double end = t->lasts_s + how->after_s;
	size_t sampled = 0;

	begin(&s, a);
	while (s.due_count > 0 && s.heap[0].at < end) {
		struct due d = pop(&s);
		for (; sampled < how->sample_count && how->sample_s[sampled] <= d.at; sampled++)
			sample(&s, sampled);
		s.now = d.at;
		happen(&s, &d);
		if (++s.run->events >= how->events_max) {
			s.run->cut = true;
			break;
		}
	}
	for (; sampled < how->sample_count && !s.run->cut; sampled++)
		sample(&s, sampled);
	free(s.heap);
	free(s.requests);
	return s.run;
}
