/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c - requests that are open at the same time: every one with its own name, time and answer
 *
 * A connection of HTTP/2 carries many requests at once, of different hosts where a proxy shares it. So changes of direction
 * tell nothing; streams do. A call is one stream: it begins with the block that has a method, is answered by the first
 * block with a final status, and ends with the server's END_STREAM or anybody's RST_STREAM. gRPC says in its trailers
 * how the call went, so whether it failed may be known later than that it was answered.
 *
 * A connection has a place in a pool from its preface on: two readers of frames, one a direction, and its open calls. All of it
 * comes out of one budget; a connection that finds too little left is counted and read as far as its first
 * request, as exchanges by change of direction.
 *
 * In HTTP/1 a client may send the next request before it has the answer (pipelining, RFC 9112 section 9.3.2). Answers come
 * in the order of requests. From the first time on that a connection does so its requests are calls, too; of answers
 * the heads are found by the lengths of bodies, or where the length is not told by what looks like the next head.
 *
 * Compression needs every byte. When one is missing the connection loses its place. What is open then is undecided; what
 * was counted holds as a lower bound. Where the connection had one name, exchanges by change of direction go on under it;
 * where it had several nobody knows whose the next is, and nothing is counted.
 */
#include "calls.h"

#include <stdlib.h>

struct call {
	int64_t start_ns;
	uint32_t stream;
	uint32_t name;          /* flow_name + 1, as FLOW_REQUEST_NAME */
	uint32_t attempt;       /* handle in the log, or 0 */
	uint32_t wait_us;       /* to the answer */
	bool answered, failed;
	bool counted;           /* its listener counts it as open */
};

struct connection {
	struct fl_http2_reader *reader[2]; /* HTTP/1 has none */
	uint64_t skip;          /* HTTP/1: bytes of the newest answer's body to come */
	bool body_begun;        /* ... and some have come */
	struct call *list;      /* in order of their beginning */
	uint32_t count, capacity;
	uint32_t next_free;     /* + 1 */
};

struct calls_pool {
	struct fl_http2_budget budget;
	struct connection *places;
	uint32_t limit, used, free; /* free: + 1 */
	uint64_t refused, crowded;
};

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

static struct connection *connection_of(const struct fl_scanner *s, const struct fl_flow *f)
{
	return &s->calls->places[f->user[FLOW_CALLS_PLACE]];
}

static bool take_place(struct fl_scanner *s, struct fl_flow *f, const struct connection *fresh)
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

bool calls_begin(struct fl_scanner *s, struct fl_flow *f)
{
	struct fl_http2_budget *budget = &s->calls->budget;
	struct connection fresh = { .next_free = 0 };
	if (s->options.light) /* most frames will not come */
		return false;
	fresh.reader[FL_INITIATOR] = fl_http2_reader_new(budget);
	fresh.reader[FL_RESPONDER] = fresh.reader[FL_INITIATOR] ? fl_http2_reader_new(budget) : NULL;
	if (fresh.reader[FL_RESPONDER] && take_place(s, f, &fresh))
		return true;
	s->calls->refused += !fresh.reader[FL_RESPONDER];
	fl_http2_reader_free(fresh.reader[FL_INITIATOR]);
	fl_http2_reader_free(fresh.reader[FL_RESPONDER]);
	return false;
}

bool calls_are_pipelined(const struct fl_scanner *s, const struct fl_flow *f)
{
	return flow_has(f, FLOW_CALLS) && !connection_of(s, f)->reader[FL_INITIATOR];
}

/* ---- calls ---- */

static uint32_t waited_us(const struct call *call, int64_t time_ns)
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

static struct call *find_call(struct connection *c, uint32_t stream)
{
	for (uint32_t i = c->count; i-- > 0;)
		if (c->list[i].stream == stream)
			return &c->list[i];
	return NULL;
}

/* It is over, one way or another. */
static void end_call(struct fl_scanner *s, struct fl_flow *f, struct call *call, enum fl_outcome outcome, int64_t time_ns)
{
	const struct fl_conversation *v = conversation_of(s, f, call->name, time_ns);
	scanner_attempt_call_end(s, call->attempt, v, outcome, call->wait_us);
	close_counted(s, f, call, time_ns);
	remove_call(connection_of(s, f), call);
}

/* A place for one more; NULL when there is no memory. Of more than CALLS_MAX the oldest is undecided. */
static struct call *new_call(struct fl_scanner *s, struct fl_flow *f, int64_t time_ns)
{
	struct connection *c = connection_of(s, f);
	struct calls_pool *pool = s->calls;
	if (c->count == CALLS_MAX) {
		pool->crowded++;
		c->skip = 0; /* it may have been of that one's answer */
		end_call(s, f, &c->list[0], FL_OUTCOME_UNDECIDED, time_ns);
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

/* @call is new and has a name. */
static void count_call(struct fl_scanner *s, struct fl_flow *f, struct call *call, bool health, uint32_t size, uint32_t fingerprint)
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
	note_work(s, f, call, health, call->start_ns);
}

/* Return: false when there is no memory for it. */
static bool begin_call(struct fl_scanner *s, struct fl_flow *f, const struct fl_http2_event *e, int64_t time_ns)
{
	struct call *call = new_call(s, f, time_ns);
	if (!call)
		return false;
	uint32_t before = f->user[FLOW_REQUEST_NAME];
	f->user[FLOW_REQUEST_NAME] = 0; /* a request without authority is for the address */
	if (e->request.host[0])
		scanner_note_name(s, f, FL_NAME_HTTP_HOST, e->request.host, 0);
	uint32_t name = f->user[FLOW_REQUEST_NAME];
	f->user[FLOW_REQUEST_NAME] = before;
	*call = (struct call){ .start_ns = time_ns, .stream = e->stream, .name = name, .wait_us = FL_NO_TIME };
	count_call(s, f, call, scanner_is_health_path(e->request.path), e->size, e->fingerprint);
	return true;
}

static void answer_call(struct fl_scanner *s, struct fl_flow *f, struct call *call, bool failed, int64_t time_ns)
{
	struct fl_conversation *v = conversation_of(s, f, call->name, time_ns);
	struct fl_measures *d = fl_conversation_detail(s->conversations, &v->detail);
	call->answered = true;
	call->wait_us = waited_us(call, time_ns);
	v->answered++;
	if (d)
		fl_histogram_add(&d->first_byte, time_ns - call->start_ns);
	if (!failed)
		fl_conversation_success(s->conversations, v, time_ns);
	close_counted(s, f, call, time_ns);
}

static void fail_call(struct fl_scanner *s, struct fl_flow *f, struct call *call, int64_t time_ns)
{
	if (!call->failed)
		conversation_of(s, f, call->name, time_ns)->failures++;
	call->failed = true;
}

static void complete_call(struct fl_scanner *s, struct fl_flow *f, struct call *call, int64_t time_ns)
{
	struct fl_conversation *v = conversation_of(s, f, call->name, time_ns);
	struct fl_measures *d = call->answered ? fl_conversation_detail(s->conversations, &v->detail) : NULL;
	if (d)
		fl_histogram_add(&d->duration, time_ns - call->start_ns);
	enum fl_outcome answered = call->failed ? FL_OUTCOME_ERROR : FL_OUTCOME_ANSWERED;
	end_call(s, f, call, call->answered ? answered : FL_OUTCOME_UNDECIDED, time_ns);
}

/* Before an answer it is a failure, whoever gives up. A client that has had enough of an answer is none, and a server that breaks
 * one off has answered. */
static void reset_call(struct fl_scanner *s, struct fl_flow *f, struct call *call, enum fl_side side, int64_t time_ns)
{
	if (call->answered) {
		complete_call(s, f, call, time_ns);
		return;
	}
	fail_call(s, f, call, time_ns);
	call->wait_us = waited_us(call, time_ns);
	end_call(s, f, call, side == FL_INITIATOR ? FL_OUTCOME_RESPONSE_TIMEOUT : FL_OUTCOME_RESET, time_ns);
}

static void leave(struct fl_scanner *s, struct fl_flow *f)
{
	free_connection(s->calls, connection_of(s, f));
	flow_clear(f, FLOW_CALLS);
	f->user[FLOW_CALLS_PLACE] = CALLS_OVER;
	fl_stream_close(&f->stream[FL_INITIATOR], s->streams);
	fl_stream_close(&f->stream[FL_RESPONDER], s->streams);
}

/* ---- events ---- */

/* Return: false when the calls cannot be followed any further. */
static bool see_client(struct fl_scanner *s, struct fl_flow *f, const struct fl_http2_event *e, int64_t time_ns)
{
	struct call *call = find_call(connection_of(s, f), e->stream);
	if (e->kind == FL_HTTP2_RESET && call)
		reset_call(s, f, call, FL_INITIATOR, time_ns);
	else if (e->kind == FL_HTTP2_HEADERS && !call && e->request.method[0])
		return begin_call(s, f, e, time_ns);
	return true;
}

/* The server goes and says which stream is the last that it works on: what is open above it failed, and may be tried again. */
static void see_goaway(struct fl_scanner *s, struct fl_flow *f, uint32_t last, int64_t time_ns)
{
	struct connection *c = connection_of(s, f);
	for (uint32_t i = c->count; i-- > 0;)
		if (c->list[i].stream > last && !c->list[i].answered)
			reset_call(s, f, &c->list[i], FL_RESPONDER, time_ns);
}

static void see_server(struct fl_scanner *s, struct fl_flow *f, const struct fl_http2_event *e, int64_t time_ns)
{
	if (e->kind == FL_HTTP2_GOAWAY) {
		see_goaway(s, f, e->stream, time_ns);
		return;
	}
	struct call *call = find_call(connection_of(s, f), e->stream);
	if (!call)
		return;
	if (e->kind == FL_HTTP2_RESET) {
		reset_call(s, f, call, FL_RESPONDER, time_ns);
		return;
	}
	bool failed = e->kind == FL_HTTP2_HEADERS && (e->status >= 500 || fl_grpc_failed(e->grpc_status));
	if (e->kind == FL_HTTP2_HEADERS && e->status >= 200 && !call->answered)
		answer_call(s, f, call, failed, time_ns);
	if (failed)
		fail_call(s, f, call, time_ns);
	if (e->kind == FL_HTTP2_END || e->end)
		complete_call(s, f, call, time_ns);
}

size_t calls_read(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_slice *bytes, int64_t time_ns)
{
	struct fl_http2_event e;
	size_t at = 0, used;
	for (;;) {
		struct fl_http2_reader *reader = connection_of(s, f)->reader[side];
		enum fl_parse result = fl_http2_next(reader, bytes->data + at, bytes->size - at, &used, &e);
		at += used;
		if (result == FL_PARSE_MORE)
			return at;
		s->counters.parse_errors += result == FL_PARSE_MALFORMED;
		s->calls->refused += result == FL_PARSE_UNSUPPORTED;
		bool follows = result == FL_PARSE_OK;
		if (follows && side == FL_RESPONDER)
			see_server(s, f, &e, time_ns);
		else if (follows && !see_client(s, f, &e, time_ns))
			s->calls->refused++, follows = false;
		if (!follows) {
			calls_lose(s, f);
			return at;
		}
	}
}

/* ---- HTTP/1 ---- */

/* The exchange that is open at the flow. It was counted when it began. */
static void take_open_exchange(struct fl_flow *f, struct call *call)
{
	*call = (struct call){ .start_ns = f->exchange_start_ns, .name = f->user[FLOW_REQUEST_NAME], .wait_us = FL_NO_TIME,
			       .attempt = f->user[FLOW_SPAN], .counted = flow_has(f, FLOW_COUNTED_OPEN) };
	f->user[FLOW_SPAN] = 0;
	f->exchange_start_ns = 0;
	flow_clear(f, FLOW_ANSWER_DUE);
	flow_clear(f, FLOW_COUNTED_OPEN);
}

bool calls_begin_pipeline(struct fl_scanner *s, struct fl_flow *f)
{
	static const struct connection fresh;
	bool open = f->exchange_start_ns && flow_has(f, FLOW_ANSWER_DUE);
	if (!take_place(s, f, &fresh))
		return false;
	struct call *call = open ? new_call(s, f, f->last_ns) : NULL;
	if (call)
		take_open_exchange(f, call);
	if (!open || call)
		return true;
	s->calls->refused++;
	leave(s, f);
	return false;
}

void calls_add(struct fl_scanner *s, struct fl_flow *f, uint32_t size, uint32_t fingerprint, int64_t time_ns)
{
	struct call *call = new_call(s, f, time_ns);
	if (!call) {
		s->calls->refused++;
		return;
	}
	*call = (struct call){ .start_ns = time_ns, .name = f->user[FLOW_REQUEST_NAME], .wait_us = FL_NO_TIME };
	f->user[FLOW_CONVERSATION] = 0; /* the name is news */
	count_call(s, f, call, flow_has(f, FLOW_HEALTH), size, fingerprint);
}

/* The head of the next answer, which ends the one before. Return: bytes used; 0 when its head is not complete. */
static size_t begin_answer(struct fl_scanner *s, struct fl_flow *f, unsigned status, const struct fl_slice *bytes, int64_t time_ns)
{
	struct connection *c = connection_of(s, f);
	size_t head;
	uint64_t body = fl_http_answer_body(bytes->data, bytes->size, &head);
	if (status < 200 && status != 101)
		return head;
	if (c->list[0].answered)
		complete_call(s, f, &c->list[0], time_ns);
	if (c->count == 0)
		return 0;
	struct call *call = &c->list[0];
	answer_call(s, f, call, status >= 500, time_ns);
	if (status >= 500)
		fail_call(s, f, call, time_ns);
	c->skip = status == 204 || status == 304 ? 0 : head ? body : UINT64_MAX;
	if (c->skip == 0)
		complete_call(s, f, call, time_ns);
	if (c->skip == UINT64_MAX) /* it ends where the next one begins */
		c->skip = 0;
	c->body_begun = false;
	return head;
}

static size_t skip_body(struct fl_scanner *s, struct fl_flow *f, size_t left, int64_t time_ns)
{
	struct connection *c = connection_of(s, f);
	size_t n = c->skip < left ? (size_t)c->skip : left;
	c->skip -= n;
	c->body_begun = true;
	if (c->skip == 0)
		complete_call(s, f, &c->list[0], time_ns);
	return n;
}

/* From where on an answer may begin; the size when there is none in sight. */
static size_t next_answer(const struct fl_slice *bytes)
{
	static const char mark[] = "\r\n\r\nHTTP/1.";
	const uint8_t *at = memmem(bytes->data, bytes->size, mark, sizeof(mark) - 1);
	return at ? (size_t)(at - bytes->data) + 4 : bytes->size;
}

void calls_read_answers(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, int64_t time_ns)
{
	const struct connection *c = connection_of(s, f);
	for (size_t at = 0, used; at < bytes->size && c->count > 0; at += used) {
		struct fl_slice rest = { bytes->data + at, bytes->size - at };
		/* An answer to HEAD tells the length of a body that does not come: the next answer does. */
		unsigned status = c->skip && c->body_begun ? 0 : fl_http_status(rest.data, rest.size);
		if (status)
			used = begin_answer(s, f, status, &rest, time_ns);
		else
			used = c->skip ? skip_body(s, f, rest.size, time_ns) : next_answer(&rest);
		if (used == 0)
			return;
	}
}

void calls_skip_answers(struct fl_scanner *s, struct fl_flow *f)
{
	struct connection *c = connection_of(s, f);
	while (c->count > 0)
		end_call(s, f, &c->list[c->count - 1], FL_OUTCOME_UNDECIDED, f->last_ns);
	c->skip = 0;
	f->broken = true;
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
	struct connection *c = connection_of(s, f);
	while (c->count > 0)
		end_call(s, f, &c->list[c->count - 1], FL_OUTCOME_UNDECIDED, f->last_ns);
	mark_names(s, f);
	uint32_t first = f->user[FLOW_NAMES];
	bool several = first && s->flow_names[first - 1].next;
	leave(s, f);
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
		fail_call(s, f, call, f->last_ns);
		call->wait_us = waited_us(call, f->last_ns);
		outcome = reset ? FL_OUTCOME_RESET : FL_OUTCOME_RESPONSE_TIMEOUT;
	} else if (call->answered) {
		outcome = call->failed ? FL_OUTCOME_ERROR : FL_OUTCOME_ANSWERED;
	}
	end_call(s, f, call, outcome, f->last_ns);
}

void calls_end(struct fl_scanner *s, struct fl_flow *f, enum fl_flow_end how)
{
	struct connection *c = connection_of(s, f);
	bool hole = f->stream[FL_INITIATOR].store || f->stream[FL_RESPONDER].store;
	if (f->stream[FL_RESPONDER].store)
		flow_set(f, FLOW_ANSWER_UNSEEN);
	while (c->count > 0)
		end_open(s, f, &c->list[c->count - 1], how);
	if (hole) /* or half a frame */
		mark_names(s, f);
	leave(s, f);
}

uint32_t calls_counted_open(const struct fl_scanner *s, const struct fl_flow *f)
{
	const struct connection *c = connection_of(s, f);
	uint32_t open = 0;
	for (uint32_t i = 0; i < c->count; i++)
		open += c->list[i].counted;
	return open;
}
