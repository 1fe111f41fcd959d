/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conversation.c - the bounded table of conversations
 *
 * Conversations live in one array in the order they were first seen; an
 * index finds them. Eviction looks at a window of
 * WINDOW neighbours in the array (a clock hand walks on), takes the least useful and lets the
 * newcomer have its place, so the array never moves and the choice does not depend
 * on the hash. A full table is far larger than the caches, so what the next eviction and the one after it will read is fetched
 * ahead: first of all neighbours what decides, then of the one that it will probably be everything that has to be undone.
 *
 * Siblings (same client, name, port and transport, other server address) hang in a ring. A connection that fails at one and
 * is followed at once by success at another, before any other success, looks like a fail-over. Who takes addresses in turn
 * shows the same now and then, so "at once" is measured by how often the caller comes anyway; the log of attempts, which
 * knows calls, is asked first (behaviour_calls.c). The ring is found through a second index by that shorter key, which points at
 * any one member.
 */
#include "faultline/conversation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/index.h"

enum { WINDOW = 16, RING_MAX = 32, LINE = 64 };
static const int64_t connect_retry_ns = INT64_C(1000000000); /* first repetition of a SYN: RFC 6298 section 2 */
static const int64_t query_retry_ns = INT64_C(5100000000);   /* 5 s: resolv.conf(5), timeout */
static const double of_pace = 0.125;                         /* ... and of the usual time between starts */

/* How many names clients asked one listener for. */
struct listener_names {
	struct fl_addr server;
	uint32_t names;
	uint16_t port;
	uint8_t transport;
};

/* Under which a conversation stands in the two indexes. */
struct hashes {
	uint32_t key, group;
};

struct fl_conversations {
	struct fl_conversation *list; /* aligned inside @memory */
	void *memory;
	struct hashes *hashes;
	uint64_t seed;
	uint32_t count, limit, hand, serial;
	struct fl_index by_key, by_group; /* the latter: one of each ring */
	struct fl_measures *details;
	uint32_t detail_count, detail_limit;
	uint32_t *free_details;
	uint32_t free_count;
	struct listener_names *listeners;
	uint32_t listener_count;
	struct fl_index by_listener;
	struct fl_index asked; /* (name, listener): hashes alone, entry is the listener */
	uint32_t asked_count;
	uint64_t evicted, without_detail, folded;
};

struct fl_conversations *fl_conversations_new(uint32_t limit, uint32_t details)
{
	struct fl_conversations *c = fl_alloc(sizeof(*c));
	c->limit = limit < WINDOW ? WINDOW : limit;
	/* One more than needed, to begin on a cache line. */
	_Static_assert(sizeof(struct fl_conversation) == 5 * LINE, "five cache lines; see conversation.h");
	c->memory = fl_alloc_table((size_t)c->limit + 1, sizeof(*c->list));
	c->list = (struct fl_conversation *)(((uintptr_t)c->memory + LINE - 1) & ~(uintptr_t)(LINE - 1));
	c->hashes = fl_alloc_table(c->limit, sizeof(*c->hashes));
	c->seed = fl_hash_seed();
	fl_index_init(&c->by_key, c->limit);
	fl_index_init(&c->by_group, c->limit);
	fl_index_init(&c->by_listener, c->limit);
	fl_index_init(&c->asked, c->limit);
	c->listeners = fl_alloc_array(c->limit, sizeof(*c->listeners));
	c->detail_limit = details;
	c->details = fl_alloc_table(details ? details : 1, sizeof(*c->details));
	c->free_details = fl_alloc_array(details ? details : 1, sizeof(*c->free_details));
	return c;
}

void fl_conversations_free(struct fl_conversations *c)
{
	if (!c)
		return;
	free(c->memory);
	free(c->hashes);
	fl_index_fini(&c->by_key);
	fl_index_fini(&c->by_group);
	fl_index_fini(&c->by_listener);
	fl_index_fini(&c->asked);
	free(c->listeners);
	free(c->details);
	free(c->free_details);
	free(c);
}

static inline uint32_t hash_key(const struct fl_conversations *c, const struct fl_conversation_key *k)
{
	return (uint32_t)(fl_hash_bytes(k, sizeof(*k), c->seed) >> 16);
}

static inline uint32_t hash_group(const struct fl_conversations *c, const struct fl_conversation_key *k)
{
	uint32_t words[7];
	memcpy(words, &k->client, 16);
	words[4] = k->name;
	words[5] = (uint32_t)k->port << 8 | k->transport;
	words[6] = k->owner;
	return (uint32_t)(fl_hash_bytes(words, sizeof(words), c->seed) >> 16);
}

static bool same_group(const struct fl_conversation_key *a, const struct fl_conversation_key *b)
{
	return a->name == b->name && a->port == b->port && a->transport == b->transport && a->owner == b->owner &&
	       fl_addr_equal(&a->client, &b->client);
}

static uint32_t find_key(const struct fl_conversations *c, const struct fl_conversation_key *k, uint32_t hash)
{
	uint32_t at = fl_index_home(&c->by_key, hash), i;
	while ((i = fl_index_next(&c->by_key, hash, &at)) != UINT32_MAX)
		if (memcmp(&c->list[i].key, k, sizeof(*k)) == 0)
			break;
	return i;
}

static uint32_t find_group(const struct fl_conversations *c, const struct fl_conversation_key *k, uint32_t hash)
{
	uint32_t at = fl_index_home(&c->by_group, hash), i;
	while ((i = fl_index_next(&c->by_group, hash, &at)) != UINT32_MAX)
		if (same_group(&c->list[i].key, k))
			break;
	return i;
}

static void join_ring(struct fl_conversations *c, uint32_t i, uint32_t hash)
{
	struct fl_conversation *v = &c->list[i];
	uint32_t other = find_group(c, &v->key, hash);
	v->sibling = v->sibling_before = i;
	if (other == UINT32_MAX) {
		fl_index_add(&c->by_group, hash, i);
		return;
	}
	v->sibling = c->list[other].sibling;
	v->sibling_before = other;
	c->list[v->sibling].sibling_before = i;
	c->list[other].sibling = i;
}

static void leave_ring(struct fl_conversations *c, uint32_t i)
{
	struct fl_conversation *v = &c->list[i];
	uint32_t hash = c->hashes[i].group, before = v->sibling_before;
	bool known = find_group(c, &v->key, hash) == i;
	if (known)
		fl_index_remove(&c->by_group, hash, i);
	if (before == i)
		return;
	c->list[before].sibling = v->sibling;
	c->list[v->sibling].sibling_before = before;
	if (known)
		fl_index_add(&c->by_group, hash, before);
}

/* @step, at most the limit, behind @at on the clock's face. */
static inline uint32_t further(const struct fl_conversations *c, uint32_t at, uint32_t step)
{
	uint32_t sum = at + step;
	return sum < c->limit ? sum : sum - c->limit;
}

static inline bool was_answered(const struct fl_conversation *v)
{
	return (v->connections.established | v->connections.midstream | v->answered) != 0;
}

/* Never answered before answered, then the one silent longest. */
static uint32_t least_useful(const struct fl_conversations *c, uint32_t from)
{
	uint32_t worst = from;
	bool answered = was_answered(&c->list[from]);
	int64_t last_ns = c->list[from].last_ns;
	for (uint32_t i = 1; i < WINDOW; i++) {
		uint32_t at = further(c, from, i);
		const struct fl_conversation *v = &c->list[at];
		bool v_answered = was_answered(v), less = v_answered != answered ? answered : v->last_ns < last_ns;
		worst = less ? at : worst;
		last_ns = less ? v->last_ns : last_ns;
		answered = less ? v_answered : answered;
	}
	return worst;
}

/* The window that is looked at next has been fetched at the last eviction: who will probably go is known, and with it all that will be
 * touched then. Of the window behind it what decides is fetched now. */
static void fetch_ahead(const struct fl_conversations *c)
{
	uint32_t next = least_useful(c, c->hand), after = further(c, c->hand, WINDOW);
	fl_conversation_expect(c, next + 1);
	fl_index_expect(&c->by_key, c->hashes[next].key);
	fl_index_expect(&c->by_group, c->hashes[next].group);
	for (uint32_t i = 0; i < WINDOW; i++)
		__builtin_prefetch(&c->list[further(c, after, i)].last_ns);
	__builtin_prefetch(&c->hashes[after]);
	__builtin_prefetch(&c->hashes[further(c, after, WINDOW - 1)]);
}

static uint32_t evict(struct fl_conversations *c)
{
	uint32_t worst = least_useful(c, c->hand);
	c->hand = further(c, c->hand, WINDOW);
	leave_ring(c, worst);
	fl_index_remove(&c->by_key, c->hashes[worst].key, worst);
	if (c->list[worst].detail)
		c->free_details[c->free_count++] = c->list[worst].detail;
	c->evicted++;
	fetch_ahead(c);
	return worst;
}

/* ---- names of a listener ---- */

static uint32_t hash_listener(const struct fl_conversations *c, const struct fl_conversation_key *k)
{
	uint64_t seed = c->seed ^ ((uint64_t)k->port << 8 | k->transport);
	return (uint32_t)(fl_hash_bytes(&k->server, sizeof(k->server), seed) >> 16);
}

static struct listener_names *names_of(struct fl_conversations *c, const struct fl_conversation_key *k)
{
	uint32_t hash = hash_listener(c, k), at = fl_index_home(&c->by_listener, hash), i;
	while ((i = fl_index_next(&c->by_listener, hash, &at)) != UINT32_MAX)
		if (c->listeners[i].port == k->port && c->listeners[i].transport == k->transport &&
		    fl_addr_equal(&c->listeners[i].server, &k->server))
			return &c->listeners[i];
	if (c->listener_count == c->limit)
		return NULL;
	fl_index_add(&c->by_listener, hash, c->listener_count);
	struct listener_names *l = &c->listeners[c->listener_count++];
	*l = (struct listener_names){ .server = k->server, .port = k->port, .transport = k->transport };
	return l;
}

/* Did anybody ask this listener for this name before? Told by 32 bits of hash; notes it. Of more than fit, each conversation counts
 * as a name. */
static bool was_asked(struct fl_conversations *c, const struct fl_conversation_key *k, const struct listener_names *l)
{
	uint32_t words[] = { k->name, (uint32_t)(l - c->listeners) }, i;
	uint32_t hash = (uint32_t)(fl_hash_bytes(words, sizeof(words), c->seed) >> 16);
	uint32_t at = fl_index_home(&c->asked, hash);
	while ((i = fl_index_next(&c->asked, hash, &at)) != UINT32_MAX)
		if (i == words[1])
			return true;
	if (c->asked_count < c->limit && l->names < FL_NAMES_OF_LISTENER) {
		fl_index_add(&c->asked, hash, words[1]);
		c->asked_count++;
	}
	return false;
}

/* May a new conversation have this name, or was the listener asked for too many? */
static bool admit_name(struct fl_conversations *c, const struct fl_conversation_key *k)
{
	if (k->name == FL_STR_NONE || k->name_source > FL_NAME_HTTP_HOST)
		return true;
	struct listener_names *l = names_of(c, k);
	if (!l || was_asked(c, k, l))
		return l;
	if (l->names == FL_NAMES_OF_LISTENER)
		return false;
	l->names++;
	return true;
}

struct fl_conversation *fl_conversation_at(struct fl_conversations *c, const struct fl_conversation_key *key,
					   int64_t now_ns)
{
	uint32_t hash = hash_key(c, key), group = hash_group(c, key);
	fl_index_expect(&c->by_key, hash);
	fl_index_expect(&c->by_group, group);
	uint32_t i = find_key(c, key, hash);
	if (i != UINT32_MAX)
		return &c->list[i];
	if (!admit_name(c, key)) {
		struct fl_conversation_key unnamed = *key;
		unnamed.name = FL_STR_NONE;
		unnamed.name_source = FL_NAME_NONE;
		c->folded++;
		return fl_conversation_at(c, &unnamed, now_ns); /* once: it has no name */
	}
	i = c->count < c->limit ? c->count++ : evict(c);
	fl_index_add(&c->by_key, hash, i);
	c->hashes[i] = (struct hashes){ hash, group };
	struct fl_conversation *v = &c->list[i];
	*v = (struct fl_conversation){ .key = *key, .serial = ++c->serial, .first_ns = now_ns, .last_ns = now_ns,
				       .request_min = UINT32_MAX, .generation = (uint16_t)(v->generation + 1) };
	join_ring(c, i, group);
	return v;
}

struct fl_conversation_place fl_conversation_place(const struct fl_conversations *c, const struct fl_conversation *v)
{
	return (struct fl_conversation_place){ (uint32_t)(v - c->list) + 1, v->generation };
}

struct fl_conversation *fl_conversation_there(const struct fl_conversations *c, struct fl_conversation_place place)
{
	if (place.number == 0 || place.number > c->count)
		return NULL;
	struct fl_conversation *v = &c->list[place.number - 1];
	return v->generation == place.generation ? v : NULL;
}

void fl_conversation_expect(const struct fl_conversations *c, uint32_t number)
{
	if (number == 0 || number > c->count)
		return;
	for (size_t at = 0; at < sizeof(*c->list); at += LINE)
		__builtin_prefetch((const char *)&c->list[number - 1] + at);
}

struct fl_measures *fl_conversation_detail(struct fl_conversations *c, uint32_t *detail)
{
	if (*detail)
		return &c->details[*detail - 1];
	if (c->free_count) {
		*detail = c->free_details[--c->free_count];
		c->details[*detail - 1] = (struct fl_measures){ 0 };
	} else if (c->detail_count < c->detail_limit) {
		*detail = ++c->detail_count;
	} else {
		c->without_detail++;
		return NULL;
	}
	return &c->details[*detail - 1];
}

void fl_conversation_start(struct fl_conversations *c, struct fl_conversation *v, int64_t now_ns)
{
	if (v->starts++) {
		double gap = (double)(now_ns - v->last_start_ns) / 1e9;
		double delta = gap - v->gap_mean_s;
		v->gap_mean_s += delta / (double)(v->starts - 1);
		v->gap_m2 += delta * (gap - v->gap_mean_s);
	}
	v->last_start_ns = now_ns;
	if (now_ns > v->last_ns)
		v->last_ns = now_ns;
	bool answered = v->detail || v->answered || v->connections.established || v->connections.midstream;
	struct fl_measures *d = answered ? fl_conversation_detail(c, &v->detail) : NULL;
	if (d)
		fl_timeline_add(&d->timeline, now_ns, 1);
}

static bool any_success(const struct fl_conversations *c, const struct fl_conversation *v, int64_t from_ns, int64_t before_ns)
{
	for (int i = 0; i < RING_MAX; i++, v = &c->list[v->sibling])
		if ((v->last_success_ns >= from_ns && v->last_success_ns < before_ns) ||
		    (v->before_success_ns >= from_ns && v->before_success_ns < before_ns))
			return true;
	return false;
}

static int64_t at_once_ns(const struct fl_conversation *v)
{
	int64_t usual_ns = v->key.port == 53 ? query_retry_ns : connect_retry_ns;
	double pace_ns = v->gap_mean_s * 1e9 * of_pace;
	return v->starts < 2 || pace_ns > (double)usual_ns ? usual_ns : (int64_t)pace_ns;
}

/* Is the latest success of @v what followed the latest failure of @failed? Then that failure is used up. */
static void follow_failure(const struct fl_conversations *c, struct fl_conversation *failed, struct fl_conversation *v)
{
	int64_t when_ns = v->last_success_ns;
	if (!failed->unreached_ns || when_ns < failed->unreached_ns || when_ns - failed->unreached_ns > at_once_ns(v) ||
	    fl_addr_equal(&failed->key.server, &v->key.server) || any_success(c, v, failed->unreached_from_ns, when_ns))
		return;
	v->failovers++;
	failed->unreached_ns = 0;
}

void fl_conversation_success(struct fl_conversations *c, struct fl_conversation *v, int64_t when_ns)
{
	uint32_t self = (uint32_t)(v - c->list);
	if (when_ns < v->last_success_ns)
		return;
	v->before_success_ns = v->last_success_ns;
	v->last_success_ns = when_ns;
	for (uint32_t i = 0, at = v->sibling; at != self && i < RING_MAX; i++, at = c->list[at].sibling)
		follow_failure(c, &c->list[at], v);
}

void fl_conversation_unreached(struct fl_conversations *c, struct fl_conversation *v, int64_t from_ns, int64_t until_ns)
{
	uint32_t self = (uint32_t)(v - c->list);
	v->unreached++;
	if (until_ns < v->unreached_ns)
		return;
	v->unreached_from_ns = from_ns;
	v->unreached_ns = until_ns;
	for (uint32_t i = 0, at = v->sibling; at != self && i < RING_MAX; i++, at = c->list[at].sibling)
		follow_failure(c, v, &c->list[at]);
}

bool fl_conversation_failover(const struct fl_conversations *c, const struct fl_conversation *v)
{
	uint32_t self = (uint32_t)(v - c->list);
	uint64_t unreached = v->unreached, failovers = v->failovers;
	for (uint32_t i = 0, at = v->sibling; at != self && i < RING_MAX; i++, at = c->list[at].sibling) {
		unreached += c->list[at].unreached;
		failovers += c->list[at].failovers;
	}
	return v->failovers > 0 && failovers >= unreached - unreached / 2;
}

size_t fl_conversation_count(const struct fl_conversations *c)
{
	return c->count;
}

const struct fl_conversation *fl_conversation_get(const struct fl_conversations *c, size_t i)
{
	assert(i < c->count);
	return &c->list[i];
}

const struct fl_measures *fl_conversation_get_detail(const struct fl_conversations *c, uint32_t detail)
{
	return detail ? &c->details[detail - 1] : NULL;
}

uint64_t fl_conversations_folded(const struct fl_conversations *c)
{
	return c->folded;
}

uint64_t fl_conversations_evicted(const struct fl_conversations *c)
{
	return c->evicted;
}

uint64_t fl_conversations_without_detail(const struct fl_conversations *c)
{
	return c->without_detail;
}

uint32_t fl_conversations_limit(const struct fl_conversations *c)
{
	return c->limit;
}

uint32_t fl_conversations_detail_limit(const struct fl_conversations *c)
{
	return c->detail_limit;
}
