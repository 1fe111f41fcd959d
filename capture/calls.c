/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c - requests that are open at the same time: every one with its own name, time and answer
 *
 * Where a connection carries several requests at once, of different hosts where a proxy shares it, changes of direction
 * tell nothing. What does is up to the protocol (calls_http1.c, calls_http2.c); here a call begins, is answered,
 * fails and ends, whatever it was read from.
 *
 * A connection has a place in a pool, with what its protocol must remember and its open calls. All of it
 * comes out of one budget; a connection that finds too little left is counted and read as far as its first
 * request, as exchanges by change of direction.
 *
 * When bytes are missing and the connection loses its place, what is open then is undecided; what
 * was counted holds as a lower bound. Where the connection had one name, exchanges by change of direction go on under it;
 * where it had several nobody knows whose the next is, and nothing is counted.
 */
#include "calls_internal.h"

#include <stdlib.h>

enum { CONNECTION_LEAST = 2048 }; /* bytes that a connection takes at the very least */

/* ---- places ---- */

struct calls_pool *calls_pool_new(size_t bytes)
{
	struct calls_pool *pool = fl_alloc(sizeof(*pool));
	size_t limit = bytes / CONNECTION_LEAST;
	pool->limit = limit > UINT16_MAX ? UINT16_MAX : (uint32_t)limit;
	pool->places = fl_alloc_table(pool->limit ? pool->limit : 1, sizeof(*pool->places));
	pool->budget.limit = bytes - pool->limit * sizeof(*pool->places);
	return pool;
}

static void free_connection(struct calls_pool *pool, struct connection *c)
{
	fl_http2_reader_free(c->reader[FL_INITIATOR]);
	fl_http2_reader_free(c->reader[FL_RESPONDER]);
	pool->budget.used -= c->capacity * sizeof(*c->list);
	free(c->list);
	*c = (struct connection){ .next_free = pool->free };
	pool->free = (uint32_t)(c - pool->places) + 1;
}

void calls_pool_free(struct calls_pool *pool)
{
	if (!pool)
		return;
	for (uint32_t i = 0; i < pool->used; i++)
		free_connection(pool, &pool->places[i]);
	free(pool->places);
	free(pool);
}

size_t calls_pool_limit(const struct calls_pool *pool)
{
	return pool->budget.limit;
}

uint64_t calls_pool_refused(const struct calls_pool *pool)
{
	return pool->refused;
}

uint64_t calls_pool_crowded(const struct calls_pool *pool)
{
	return pool->crowded;
}

struct connection *calls_connection(const struct fl_scanner *s, const struct fl_flow *f)
{
	return &s->calls->places[f->user[FLOW_CALLS_PLACE]];
}

bool calls_take_place(struct fl_scanner *s, struct fl_flow *f, const struct connection *fresh)
{
	struct calls_pool *pool = s->calls;
	if (!pool->free && pool->used == pool->limit) {
		pool->refused++;
		return false;
	}
	uint32_t place = pool->free ? pool->free - 1 : pool->used++;
	if (pool->free)
		pool->free = pool->places[place].next_free;
	pool->places[place] = *fresh;
	f->user[FLOW_CALLS_PLACE] = place;
	flow_set(f, FLOW_CALLS);
	return true;
}

/* ---- calls ---- */

uint32_t calls_waited_us(const struct call *call, int64_t time_ns)
{
	int64_t us = (time_ns - call->start_ns) / 1000;
	return us < 0 ? 0 : us > FL_WAIT_MAX_US ? FL_WAIT_MAX_US : (uint32_t)us;
}

/* The flow's request is @call's from now on. */
static struct fl_conversation *conversation_of(struct fl_scanner *s, struct fl_flow *f, uint32_t name, int64_t time_ns)
{
	if (f->user[FLOW_REQUEST_NAME] != name)
		f->user[FLOW_CONVERSATION] = 0;
	f->user[FLOW_REQUEST_NAME] = name;
	return scanner_request_conversation(s, f, time_ns);
}

static void close_counted(struct fl_scanner *s, struct fl_flow *f, struct call *call, int64_t time_ns)
{
	if (call->counted)
		fl_inflight_close(s->inflight, flow_listener(f), time_ns);
	call->counted = false;
}

static void remove_call(struct connection *c, struct call *call)
{
	size_t behind = (size_t)(c->list + c->count - (call + 1));
	memmove(call, call + 1, behind * sizeof(*call));
	c->count--;
}

void calls_end_one(struct fl_scanner *s, struct fl_flow *f, struct call *call, enum fl_outcome outcome, int64_t time_ns)
{
	const struct fl_conversation *v = conversation_of(s, f, call->name, time_ns);
	scanner_attempt_call_end(s, call->attempt, v, outcome, call->wait_us);
	close_counted(s, f, call, time_ns);
	remove_call(calls_connection(s, f), call);
}

struct call *calls_new(struct fl_scanner *s, struct fl_flow *f, int64_t time_ns)
{
	struct connection *c = calls_connection(s, f);
	struct calls_pool *pool = s->calls;
	if (c->count == CALLS_MAX) {
		pool->crowded++;
		c->skip = 0, c->chunks = false; /* it may have been of that one's answer */
		calls_end_one(s, f, &c->list[0], FL_OUTCOME_UNDECIDED, time_ns);
	}
	if (c->count == c->capacity) {
		uint32_t more = c->capacity ? c->capacity : 4;
		if (pool->budget.limit - pool->budget.used < more * sizeof(*c->list))
			return NULL;
		pool->budget.used += more * sizeof(*c->list);
		c->capacity += more;
		c->list = fl_grow_array(c->list, c->capacity, sizeof(*c->list));
	}
	return &c->list[c->count++];
}

/* It was counted when it began. */
static void take_exchange(struct fl_flow *f, struct call *call)
{
	*call = (struct call){ .start_ns = f->exchange_start_ns, .name = f->user[FLOW_REQUEST_NAME], .wait_us = FL_NO_TIME,
			       .attempt = f->user[FLOW_SPAN], .counted = flow_has(f, FLOW_COUNTED_OPEN), .maybe_bare = true };
	f->user[FLOW_SPAN] = 0;
	f->exchange_start_ns = 0;
	flow_clear(f, FLOW_ANSWER_DUE);
	flow_clear(f, FLOW_COUNTED_OPEN);
}

struct call *calls_take_exchange(struct fl_scanner *s, struct fl_flow *f)
{
	if (!f->exchange_start_ns || !flow_has(f, FLOW_ANSWER_DUE))
		return NULL;
	struct call *call = calls_new(s, f, f->last_ns);
	s->calls->refused += !call;
	if (call)
		take_exchange(f, call);
	return call;
}

static void note_work(struct fl_scanner *s, struct fl_flow *f, struct call *call, bool health, int64_t time_ns)
{
	if (!flow_listener(f))
		flow_set_listener(f, fl_inflight_listener(s->inflight, &f->addr[FL_RESPONDER], f->port[FL_RESPONDER],
							  f->transport));
	if (!flow_listener(f) || health)
		return;
	fl_inflight_open(s->inflight, flow_listener(f), time_ns);
	call->counted = true;
}

void calls_count(struct fl_scanner *s, struct fl_flow *f, struct call *call, bool health, uint32_t size, uint32_t fingerprint)
{
	if (!f->exchanges)
		scanner_own_flow(s, f);
	struct fl_conversation *v = conversation_of(s, f, call->name, call->start_ns);
	f->exchanges++;
	call->attempt = scanner_attempt_call(s, f, v, call->start_ns, size, fingerprint, health);
	v->exchanges++;
	v->health += health;
	if (size < v->request_min)
		v->request_min = size;
	if (size > v->request_max)
		v->request_max = size;
	scanner_note_start(s, v, f, call->start_ns);
	if (flow_has(f, FLOW_TUNNEL)) { /* the proxy is used just as often */
		v = scanner_proxy_conversation(s, f, call->start_ns);
		v->exchanges++;
		scanner_note_start(s, v, f, call->start_ns);
	}
	note_work(s, f, call, health, call->start_ns);
}

void calls_answer(struct fl_scanner *s, struct fl_flow *f, struct call *call, bool failed, int64_t time_ns)
{
	struct fl_conversation *v = conversation_of(s, f, call->name, time_ns);
	struct fl_measures *d = fl_conversation_detail(s->conversations, &v->detail);
	if (flow_has(f, FLOW_TUNNEL)) {
		struct fl_conversation *proxy = scanner_proxy_conversation(s, f, time_ns);
		proxy->answered++;
		fl_conversation_success(s->conversations, proxy, time_ns);
	}
	call->answered = true;
	call->wait_us = calls_waited_us(call, time_ns);
	v->answered++;
	if (d && !call->late)
		fl_histogram_add(&d->first_byte, time_ns - call->start_ns);
	if (!failed)
		fl_conversation_success(s->conversations, v, time_ns);
	close_counted(s, f, call, time_ns);
}

void calls_fail(struct fl_scanner *s, struct fl_flow *f, struct call *call, int64_t time_ns)
{
	if (!call->failed)
		conversation_of(s, f, call->name, time_ns)->failures++;
	call->failed = true;
}

void calls_complete(struct fl_scanner *s, struct fl_flow *f, struct call *call, int64_t time_ns)
{
	struct fl_conversation *v = conversation_of(s, f, call->name, time_ns);
	struct fl_measures *d = call->answered ? fl_conversation_detail(s->conversations, &v->detail) : NULL;
	if (d && !call->late)
		fl_histogram_add(&d->duration, time_ns - call->start_ns);
	enum fl_outcome answered = call->failed ? FL_OUTCOME_ERROR : FL_OUTCOME_ANSWERED;
	calls_end_one(s, f, call, call->answered ? answered : FL_OUTCOME_UNDECIDED, time_ns);
}

void calls_leave(struct fl_scanner *s, struct fl_flow *f)
{
	free_connection(s->calls, calls_connection(s, f));
	flow_clear(f, FLOW_CALLS);
	f->user[FLOW_CALLS_PLACE] = CALLS_OVER;
	fl_stream_close(&f->stream[FL_INITIATOR], s->streams);
	fl_stream_close(&f->stream[FL_RESPONDER], s->streams);
}

/* ---- ends ---- */

/* What is counted under any of the flow's names is a lower bound. */
static void mark_names(struct fl_scanner *s, struct fl_flow *f)
{
	f->broken = true;
	f->user[FLOW_CONVERSATION] = 0;
	for (uint32_t at = f->user[FLOW_NAMES]; at; at = s->flow_names[at - 1].next)
		(void)conversation_of(s, f, at, f->last_ns);
}

void calls_lose(struct fl_scanner *s, struct fl_flow *f)
{
	struct connection *c = calls_connection(s, f);
	while (c->count > 0)
		calls_end_one(s, f, &c->list[c->count - 1], FL_OUTCOME_UNDECIDED, f->last_ns);
	mark_names(s, f);
	uint32_t first = f->user[FLOW_NAMES];
	bool several = first && s->flow_names[first - 1].next;
	calls_leave(s, f);
	f->user[FLOW_REQUEST_NAME] = first;
	flow_set(f, FLOW_MULTIPLEXED);
	if (several)
		f->user[FLOW_CALLS_PLACE] = CALLS_LOST;
}

static void end_open(struct fl_scanner *s, struct fl_flow *f, struct call *call, enum fl_flow_end how)
{
	bool unanswered = !call->answered && scanner_went_unanswered(s, f, call->start_ns, how);
	bool reset = f->flags_seen[FL_RESPONDER] & FL_TCP_RST;
	enum fl_outcome outcome = FL_OUTCOME_UNDECIDED;
	if (unanswered) {
		calls_fail(s, f, call, f->last_ns);
		call->wait_us = calls_waited_us(call, f->last_ns);
		outcome = reset ? FL_OUTCOME_RESET : FL_OUTCOME_RESPONSE_TIMEOUT;
	} else if (call->answered) {
		outcome = call->failed ? FL_OUTCOME_ERROR : FL_OUTCOME_ANSWERED;
	}
	calls_end_one(s, f, call, outcome, f->last_ns);
}

void calls_end(struct fl_scanner *s, struct fl_flow *f, enum fl_flow_end how)
{
	struct connection *c = calls_connection(s, f);
	bool hole = f->stream[FL_INITIATOR].store || f->stream[FL_RESPONDER].store;
	if (f->stream[FL_RESPONDER].store)
		flow_set(f, FLOW_ANSWER_UNSEEN);
	while (c->count > 0)
		end_open(s, f, &c->list[c->count - 1], how);
	if (hole) /* or half a frame */
		mark_names(s, f);
	calls_leave(s, f);
}

uint32_t calls_counted_open(const struct fl_scanner *s, const struct fl_flow *f)
{
	const struct connection *c = calls_connection(s, f);
	uint32_t open = 0;
	for (uint32_t i = 0; i < c->count; i++)
		open += c->list[i].counted;
	return open;
}
