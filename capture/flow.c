/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.c - the flow table
 *
 * Three arrays, allocated once; pages that were never used cost nothing:
 *   index   from a flow's 32-bit hash to its place in the pool (index.h). A look-up
 *           compares hashes inside one cache line and touches a flow only when all
 *           32 bits agree.
 *   flows   the pool. Ids are index + 1; 0 is none. Freed ones form a stack.
 *   lists   one per time-out class, linked by id.
 *
 * The hash adds a keyed hash of either endpoint, so both directions agree without
 * comparing the endpoints; the keys come from the process's seed, so nobody outside can
 * choose ports that collide. It decides nothing that is printed: flows end in
 * the order of the lists.
 *
 * The clock is the latest packet time seen. Lists are ordered by the clock at which a
 * flow was queued, which never goes back whatever the packets say. A packet does not
 * move its flow unless it was queued more than an eighth of the time-out ago
 * (flow.h); a flow whose queueing is nine eighths of the time-out old is then
 * silent for at least one, and ends without a second look.
 */
#include "flow_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faultline/index.h"

/* A packet this far ahead of all others is believed when the next one agrees: damaged stamps lie
 * decades off, and one of them would end every flow. */
static const int64_t LEAP_NS = 24 * 3600 * 1000000000LL;

enum { PRIVILEGED_PORTS = 1024, DNS_PORT = 53 };

struct list {
	uint32_t head, tail;
	int64_t timeout_ns, slack_ns;
};

struct fl_flow_table {
	struct fl_index index;
	struct fl_flow *flows; /* aligned inside @memory */
	void *memory;
	uint32_t capacity, used, free, count;
	int64_t clock_ns;
	int64_t leap_ns;    /* a packet's time too far ahead to be believed alone */
	uint32_t leap_flow; /* the flow it began; 0 = none */
	int64_t due_ns;     /* nothing is due before */
	uint64_t seed[3];
	struct list lists[LIST_COUNT];
	fl_flow_ended *ended;
	fl_flow_due *due;
	void *context;
	struct fl_flow_counters counters;
};

/* The ends of a packet, as it stands or as an ICMP error quotes it. */
struct ends {
	const struct fl_addr *src, *dst;
	uint16_t src_port, dst_port;
	uint8_t transport;
};

const struct fl_flow_options fl_flow_defaults = {
	.capacity = 262144,
	.tcp_attempt_ns = 75 * 1000000000LL,
	.tcp_idle_ns = 3600 * 1000000000LL,
	.tcp_closed_ns = 5 * 1000000000LL,
	.udp_idle_ns = 60 * 1000000000LL,
};

/* --- hash table ----------------------------------------------------------------------------- */

static inline uint64_t hash_endpoint(const uint64_t seed[3], const struct fl_addr *a, uint16_t port)
{
	uint64_t high, low;
	memcpy(&high, a->bytes, sizeof(high));
	memcpy(&low, a->bytes + sizeof(high), sizeof(low));
	return fl_hash_fold((high ^ seed[0]) + port * seed[2], low ^ seed[1]);
}

static inline struct ends ends_of(const struct fl_packet *p)
{
	return (struct ends){ &p->src, &p->dst, p->src_port, p->dst_port, p->transport };
}

static inline uint32_t hash_ends(const struct fl_flow_table *t, const struct ends *e)
{
	uint64_t sum = hash_endpoint(t->seed, e->src, e->src_port) +
		       hash_endpoint(t->seed, e->dst, e->dst_port) + e->transport;
	sum = fl_hash_fold(sum, t->seed[2]);
	return (uint32_t)(sum ^ sum >> 32);
}

static inline bool same_addr(const struct fl_addr *a, const struct fl_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static inline bool sent_by(const struct fl_flow *f, const struct ends *e, unsigned side)
{
	return f->port[side] == e->src_port && f->port[!side] == e->dst_port &&
	       same_addr(&f->addr[side], e->src) && same_addr(&f->addr[!side], e->dst);
}

static inline struct fl_flow *find(
	const struct fl_flow_table *t, const struct ends *e, uint32_t hash, unsigned *side)
{
	uint32_t at = fl_index_home(&t->index, hash), i;
	while ((i = fl_index_next(&t->index, hash, &at)) != UINT32_MAX) {
		struct fl_flow *f = &t->flows[i];
		if (f->transport != e->transport)
			continue;
		*side = !sent_by(f, e, FL_INITIATOR);
		if (*side == FL_INITIATOR || sent_by(f, e, FL_RESPONDER))
			return f;
	}
	return NULL;
}

static uint32_t hash_flow(const struct fl_flow_table *t, const struct fl_flow *f)
{
	struct ends e = { &f->addr[0], &f->addr[1], f->port[0], f->port[1], f->transport };
	return hash_ends(t, &e);
}

/* --- time-out lists --------------------------------------------------------------------------- */

static inline struct fl_flow *flow_of(const struct fl_flow_table *t, uint32_t id)
{
	return id ? &t->flows[id - 1] : NULL;
}

/* All of it, or what a packet without payload changes. */
static inline void fetch_flow(const struct fl_flow *f, bool all)
{
	enum { LINE = 64 };
	const char *line = (const char *)f;
	__builtin_prefetch(line);
	__builtin_prefetch(line + LINE);
	if (all) {
		__builtin_prefetch(line + 2 * LINE);
		__builtin_prefetch(line + 3 * LINE);
	}
}

static inline uint32_t id_of(const struct fl_flow_table *t, const struct fl_flow *f)
{
	return (uint32_t)(f - t->flows) + 1;
}

/* Times are any 64-bit value a file may hold: sums saturate. */
static inline int64_t later(int64_t ns, int64_t by)
{
	int64_t sum;
	return __builtin_add_overflow(ns, by, &sum) ? INT64_MAX : sum;
}

static inline int64_t due_of(const struct list *l, const struct fl_flow *f)
{
	return later(f->queued_ns, l->timeout_ns + l->slack_ns);
}

static void unlink_flow(struct fl_flow_table *t, struct fl_flow *f)
{
	struct list *l = &t->lists[f->list];
	if (f->prev)
		t->flows[f->prev - 1].next = f->next;
	else
		l->head = f->next;
	if (f->next)
		t->flows[f->next - 1].prev = f->prev;
	else
		l->tail = f->prev;
}

static void link_flow(struct fl_flow_table *t, struct fl_flow *f, enum list_class class)
{
	struct list *l = &t->lists[class];
	uint32_t id = id_of(t, f);
	f->list = (uint8_t) class;
	f->queued_ns = t->clock_ns;
	f->next = 0;
	f->prev = l->tail;
	if (l->tail)
		t->flows[l->tail - 1].next = id;
	else
		l->head = id;
	l->tail = id;
	/* Behind others it is due after them. */
	if (l->head == id && due_of(l, f) < t->due_ns)
		t->due_ns = due_of(l, f);
}

static void move_flow(struct fl_flow_table *t, struct fl_flow *f, enum list_class class)
{
	unlink_flow(t, f);
	link_flow(t, f, class);
}

static void end_flow(struct fl_flow_table *t, struct fl_flow *f, enum fl_flow_end how)
{
	uint32_t id = id_of(t, f);
	unlink_flow(t, f);
	fl_index_remove(&t->index, hash_flow(t, f), id - 1);
	t->counters.ended[how]++;
	t->count--;
	if (t->leap_flow == id)
		t->leap_flow = 0;
	if (t->ended)
		t->ended(t->context, f, how);
	f->next = t->free;
	t->free = id;
}

static enum fl_flow_end end_of(const struct fl_flow *f)
{
	return f->list == LIST_CLOSED ? FL_END_CLOSED : FL_END_IDLE;
}

/* @f stands at the head of its list now and @f->next behind it: what ending the one takes, and the other itself, are fetched
 * while packets come in between. */
static void fetch_due(const struct fl_flow_table *t, const struct fl_flow *f)
{
	fl_index_expect(&t->index, hash_flow(t, f));
	if (t->due)
		t->due(t->context, f);
	if (f->next)
		fetch_flow(&t->flows[f->next - 1], true);
}

static __attribute__((noinline)) void expire(struct fl_flow_table *t)
{
	t->due_ns = INT64_MAX;
	for (unsigned i = 0; i < LIST_COUNT; i++) {
		struct list *l = &t->lists[i];
		struct fl_flow *f;
		uint32_t before = l->head;
		while ((f = flow_of(t, l->head)) && due_of(l, f) <= t->clock_ns)
			end_flow(t, f, end_of(f));
		if (f && l->head != before)
			fetch_due(t, f);
		if (f && due_of(l, f) < t->due_ns)
			t->due_ns = due_of(l, f);
	}
}

/* The one queued first over all lists; NULL when there is none. */
static struct fl_flow *silent_longest(const struct fl_flow_table *t)
{
	struct fl_flow *oldest = NULL;
	for (unsigned i = 0; i < LIST_COUNT; i++) {
		struct fl_flow *f = flow_of(t, t->lists[i].head);
		if (f && (!oldest || f->queued_ns < oldest->queued_ns))
			oldest = f;
	}
	return oldest;
}

/* --- begin ------------------------------------------------------------------------------------- */

static void evict(struct fl_flow_table *t)
{
	struct fl_flow *f = silent_longest(t);
	const struct list *l = &t->lists[f->list];
	end_flow(t, f, FL_END_EVICTED);
	if (l->head)
		fetch_due(t, flow_of(t, l->head));
}

static struct fl_flow *take_flow(struct fl_flow_table *t)
{
	if (t->count == t->capacity)
		evict(t);
	struct fl_flow *f = flow_of(t, t->free);
	if (!f)
		return &t->flows[t->used++]; /* never used: still zero */
	t->free = f->next;
	memset(f, 0, sizeof(*f));
	return f;
}

/* Which side sent the first packet (flow.h has the rules). */
static unsigned first_side(const struct fl_packet *p)
{
	if (p->transport == FL_TRANSPORT_UDP)
		return (p->src_port < PRIVILEGED_PORTS && p->dst_port >= PRIVILEGED_PORTS) ||
		       (p->src_port == DNS_PORT && p->dst_port != DNS_PORT);
	if (p->tcp_flags & FL_TCP_SYN)
		return (p->tcp_flags & FL_TCP_ACK) != 0;
	return p->src_port < p->dst_port;
}

static __attribute__((noinline)) struct fl_flow *begin_flow(
	struct fl_flow_table *t, const struct fl_packet *p, uint32_t hash)
{
	struct fl_flow *f = take_flow(t);
	unsigned side = first_side(p);
	f->addr[side] = p->src;
	f->addr[!side] = p->dst;
	f->port[side] = p->src_port;
	f->port[!side] = p->dst_port;
	f->transport = p->transport;
	f->first_ns = f->last_ns = p->time_ns;
	f->last_payload_side = 2;
	fl_index_add(&t->index, hash, id_of(t, f) - 1);
	bool tcp = p->transport == FL_TRANSPORT_TCP;
	f->midstream = tcp;
	link_flow(t, f, !tcp ? LIST_UDP : p->tcp_flags & FL_TCP_SYN ? LIST_ATTEMPT : LIST_IDLE);
	t->count++;
	t->counters.created++;
	return f;
}

/* --- does the packet belong to the flow of its 5-tuple? ---------------------------------------- */

static inline bool begins_anew(const struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	return (p->tcp_flags & (FL_TCP_SYN | FL_TCP_RST)) == FL_TCP_SYN && fl_flow_begins_anew(f, p, side);
}

/* Ends @f when the packet is not part of it any more; late packets stay with a closed flow. */
static inline bool still_alive(
	struct fl_flow_table *t, struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	if (f->list != LIST_CLOSED && flow_elapsed(f->last_ns, p->time_ns) > t->lists[f->list].timeout_ns) {
		end_flow(t, f, FL_END_IDLE);
		return false;
	}
	if (p->transport == FL_TRANSPORT_TCP && begins_anew(f, p, side)) {
		end_flow(t, f, FL_END_CLOSED);
		return false;
	}
	return true;
}

/* --- public ------------------------------------------------------------------------------------- */

static inline void count_packet(
	struct fl_flow_table *t, struct fl_flow *f, const struct fl_packet *p, unsigned side)
{
	f->packets[side]++;
	f->bytes[side] += p->payload_len;
	if (p->payload.size < p->payload_len)
		f->broken = true;
	if (p->time_ns >= f->last_ns)
		f->last_ns = p->time_ns;
	else if (p->time_ns < f->first_ns)
		f->first_ns = p->time_ns;
	if (flow_elapsed(f->queued_ns, t->clock_ns) > t->lists[f->list].slack_ns)
		move_flow(t, f, f->list);
}

/* Moves the clock on; false when the packet's time is not believed. */
static bool advance(struct fl_flow_table *t, int64_t now)
{
	if (t->clock_ns != INT64_MIN && flow_elapsed(t->clock_ns, now) > LEAP_NS) {
		int64_t apart = flow_elapsed(t->leap_ns, now);
		t->leap_ns = now;
		if (apart > LEAP_NS || apart < -LEAP_NS)
			return false;
	}
	t->clock_ns = now;
	struct fl_flow *begun = flow_of(t, t->leap_flow);
	t->leap_flow = 0;
	if (begun && begun->last_ns >= later(now, -LEAP_NS)) /* it was right: queued in its own time */
		move_flow(t, begun, begun->list);
	if (now >= t->due_ns)
		expire(t);
	return true;
}

static inline struct fl_flow_packet add(struct fl_flow_table *t, const struct fl_packet *p, uint32_t hash)
{
	struct ends e = ends_of(p);
	unsigned side;
	struct fl_flow *f = find(t, &e, hash, &side);
	struct fl_flow_packet result = { 0 };
	if (!f || !still_alive(t, f, p, side)) {
		f = begin_flow(t, p, hash);
		side = first_side(p);
		result.created = true;
	}
	result.flow = f;
	result.side = side ? FL_RESPONDER : FL_INITIATOR;
	struct flow_news news = flow_see_packet(f, p, side, result.created);
	if (news.duplicate) {
		t->counters.duplicates++;
		result.duplicate = true;
		return result;
	}
	result.retransmit = news.retransmit;
	if (news.list != f->list)
		move_flow(t, f, news.list);
	count_packet(t, f, p, side);
	return result;
}

void fl_flow_table_begin_again(struct fl_flow_table *t, struct fl_flow *f, const struct fl_packet *p)
{
	unsigned side = !same_addr(&f->addr[0], &p->src) || f->port[0] != p->src_port;
	assert(f->transport != FL_TRANSPORT_TCP && f->packets[side] > 0);
	f->packets[side]--;
	f->bytes[side] -= p->payload_len;
	t->counters.ended[FL_END_CLOSED]++;
	t->counters.created++;
	if (t->ended)
		t->ended(t->context, f, FL_END_CLOSED);
	struct fl_flow old = *f;
	*f = (struct fl_flow){ .transport = old.transport, .list = old.list, .queued_ns = old.queued_ns, .next = old.next, .prev = old.prev,
			       .recent_at = old.recent_at, .first_ns = p->time_ns, .last_ns = p->time_ns, .last_payload_side = 2 };
	memcpy(f->addr, old.addr, sizeof(f->addr));
	memcpy(f->port, old.port, sizeof(f->port));
	memcpy(f->recent, old.recent, sizeof(f->recent));
	f->packets[side] = 1;
	f->bytes[side] = p->payload_len;
	f->broken = p->payload.size < p->payload_len;
}

/* A time that is not believed must not end or stretch a flow that is there. It may begin one: after a
 * gap between two captures in one file it is right. */
static __attribute__((noinline)) struct fl_flow_packet add_unbelieved(
	struct fl_flow_table *t, const struct fl_packet *p, uint32_t hash)
{
	struct ends e = ends_of(p);
	struct fl_packet copy = *p;
	unsigned side;
	const struct fl_flow *f = find(t, &e, hash, &side);
	if (f && !(p->transport == FL_TRANSPORT_TCP && begins_anew(f, p, side)))
		copy.time_ns = t->clock_ns;
	struct fl_flow_packet result = add(t, &copy, hash);
	t->leap_flow = result.created ? id_of(t, result.flow) : 0;
	return result;
}

struct fl_flow_packet fl_flow_table_add_hashed(struct fl_flow_table *t, const struct fl_packet *p, uint32_t hash)
{
	assert(p->transport == FL_TRANSPORT_TCP || p->transport == FL_TRANSPORT_UDP);
	if (p->time_ns > t->clock_ns && !advance(t, p->time_ns))
		return add_unbelieved(t, p, hash);
	return add(t, p, hash);
}

struct fl_flow_packet fl_flow_table_add(struct fl_flow_table *t, const struct fl_packet *p)
{
	struct ends e = ends_of(p);
	return fl_flow_table_add_hashed(t, p, hash_ends(t, &e));
}

uint32_t fl_flow_table_expect(const struct fl_flow_table *t, const struct fl_packet *p)
{
	struct ends e = ends_of(p);
	uint32_t hash = hash_ends(t, &e);
	fl_index_expect(&t->index, hash);
	return hash;
}

const struct fl_flow *fl_flow_table_expect_flow(const struct fl_flow_table *t, const struct fl_packet *p, uint32_t hash)
{
	uint32_t at = fl_index_home(&t->index, hash), i = fl_index_next(&t->index, hash, &at);
	if (i == UINT32_MAX)
		return NULL;
	fetch_flow(&t->flows[i], p->payload_len > 0);
	return &t->flows[i];
}

void fl_flow_table_unreachable(struct fl_flow_table *t, const struct fl_packet *p)
{
	if (!p->quotes)
		return;
	struct ends e = { &p->quoted_src, &p->quoted_dst, p->quoted_src_port, p->quoted_dst_port,
		p->quoted_transport };
	unsigned side;
	struct fl_flow *f = find(t, &e, hash_ends(t, &e), &side);
	if (f)
		f->unreachable = true;
}

struct fl_flow *fl_flow_table_find(const struct fl_flow_table *t, const struct fl_addr *a, uint16_t a_port,
				   const struct fl_addr *b, uint16_t b_port, uint8_t transport)
{
	struct ends e = { a, b, a_port, b_port, transport };
	unsigned side;
	return find(t, &e, hash_ends(t, &e), &side);
}

/* Nothing is in use: the memory goes back, and is zero when it is touched again. Writing up what was seen wants room. */
static void give_back(struct fl_flow_table *t)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1, begin = (uintptr_t)t->flows;
	uintptr_t end = begin + t->used * sizeof(*t->flows);
	uintptr_t first = (begin + page) & ~page, last = end & ~page;
	if (first >= last || madvise((void *)first, last - first, MADV_DONTNEED) != 0)
		return;
	memset(t->flows, 0, first - begin);
	memset((void *)last, 0, end - last);
	t->used = t->free = 0;
}

void fl_flow_table_flush(struct fl_flow_table *t)
{
	struct fl_flow *f;
	while ((f = silent_longest(t))) {
		if (f->next)
			fetch_due(t, flow_of(t, f->next));
		end_flow(t, f, FL_END_CAPTURE);
	}
	give_back(t);
}

struct fl_flow_table *fl_flow_table_new(
	const struct fl_flow_options *options, fl_flow_ended *ended, void *context)
{
	assert(options->capacity > 0 && options->capacity <= UINT32_C(1) << 30);
	struct fl_flow_table *t = fl_alloc(sizeof(*t));
	fl_index_init(&t->index, options->capacity);
	/* One flow more than needed, to begin on a cache line. */
	_Static_assert(sizeof(struct fl_flow) == 256, "four cache lines; see flow.h");
	uintptr_t line = sizeof(struct fl_flow) - 1;
	t->memory = fl_alloc_table((size_t)options->capacity + 1, sizeof(*t->flows));
	t->flows = (struct fl_flow *)(((uintptr_t)t->memory + line) & ~line);
	t->capacity = options->capacity;
	t->clock_ns = t->leap_ns = INT64_MIN;
	t->due_ns = INT64_MAX;
	uint64_t seed = fl_hash_seed();
	for (unsigned i = 0; i < 3; i++)
		t->seed[i] = fl_hash_bytes(&i, sizeof(i), seed) | 1;
	const int64_t timeouts[LIST_COUNT] = {
		[LIST_ATTEMPT] = options->tcp_attempt_ns,
		[LIST_IDLE] = options->tcp_idle_ns,
		[LIST_CLOSED] = options->tcp_closed_ns,
		[LIST_UDP] = options->udp_idle_ns,
	};
	for (unsigned i = 0; i < LIST_COUNT; i++) {
		t->lists[i].timeout_ns = timeouts[i];
		t->lists[i].slack_ns = timeouts[i] / 8;
	}
	t->ended = ended;
	t->context = context;
	return t;
}

void fl_flow_table_on_due(struct fl_flow_table *t, fl_flow_due *due)
{
	t->due = due;
}

void fl_flow_table_free(struct fl_flow_table *t)
{
	if (!t)
		return;
	fl_index_fini(&t->index);
	free(t->memory);
	free(t);
}

void fl_flow_table_walk(struct fl_flow_table *t, void (*visit)(void *context, struct fl_flow *flow), void *context)
{
	for (unsigned i = 0; i < LIST_COUNT; i++)
		for (struct fl_flow *f = flow_of(t, t->lists[i].head); f; f = flow_of(t, f->next))
			visit(context, f);
}

uint32_t fl_flow_number(const struct fl_flow_table *t, const struct fl_flow *f)
{
	return id_of(t, f) - 1;
}

uint32_t fl_flow_table_count(const struct fl_flow_table *t)
{
	return t->count;
}

const struct fl_flow_counters *fl_flow_table_counters(const struct fl_flow_table *t)
{
	return &t->counters;
}
