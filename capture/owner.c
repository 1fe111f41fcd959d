/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.c - the bounded table of sockets and the services they belong to
 *
 * All sockets are in one array with one index by transport, ends and ports; the namespace is not part of the hash, so
 * that a look-up meets all namespaces that have such a socket and can choose. The array has three parts, each a ring
 * where the oldest makes room: half of it is for connections that begin while we watch, come by the thousand and are asked for within
 * a second; a quarter is for those that were there before (pools), a quarter for sockets without a peer (listeners), which came early and are
 * asked for at any time. A flood of one kind cannot push out the others.
 *
 * A new connection's place is free again as soon as its flow has found it; so the ring holds those whose packets are still to
 * come, and those that are never seen.
 *
 * A socket that comes again (same ends, same namespace) replaces its record: ports are reused. Where its end was told it stays beside the
 * next one for a while, since packets come later than records, and the time of the flow decides between them.
 *
 * Services are kept apart (owner_services.c), once each, under small numbers that flows can carry. Addresses with the namespace that has them decide for
 * sockets that are bound to no address, since every namespace has a port space of its own.
 */
#include "faultline/owner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "capture/owner_services.h"

static const int64_t reuse_ns = INT64_C(1) * 1000000000;
static const int64_t linger_ns = INT64_C(10) * 1000000000;
enum { TCP = 6, UDP = 17, ENDED_MAX = 8192 };
/* A namespace that is silent for so long may be gone, and its address another's: those of containers are given out again. */
static const int64_t home_ns = INT64_C(600) * 1000000000;
#define OPEN INT64_MAX

struct socket {
	struct fl_addr local, remote;
	int64_t since_ns, until_ns; /* OPEN: nobody told its end */
	uint32_t netns;
	uint16_t local_port, remote_port;
	uint16_t service;
	uint8_t transport, attribution;
	bool before, established, seen, used;
};

/* Part of the array: [from, from + limit). */
struct ring {
	uint32_t from, limit, count, hand;
	uint32_t free; /* first of the places that were given back + 1; the next stands in its netns */
};

/* A socket that was closed and is still found. */
struct ended {
	uint32_t place;
	int64_t until_ns;
};

struct home {
	struct fl_addr address;
	uint32_t netns;
	bool shared;        /* another has it, too, as of shared_ns */
	int64_t last_ns, shared_ns;
};

struct fl_owners {
	struct socket *list;
	struct ring fresh, standing, alone;
	struct fl_index by_ends;
	struct ended *ended;     /* a ring: the one that ended first is at ended_from */
	uint32_t ended_from, ended_count;
	struct owner_services services;
	struct home *homes;
	uint32_t home_count, home_hand;
	struct fl_index by_address;
	uint32_t netns;
	struct fl_owner_counters counters;
};

struct fl_owners *fl_owners_new(uint32_t limit, uint32_t netns)
{
	struct fl_owners *o = fl_alloc(sizeof(*o));
	uint32_t quarter = limit < 16 ? 4 : limit / 4, half = 2 * quarter;
	o->list = fl_alloc_array((size_t)half * 2, sizeof(*o->list));
	o->fresh = (struct ring){ .limit = half };
	o->standing = (struct ring){ .from = half, .limit = quarter };
	o->alone = (struct ring){ .from = half + quarter, .limit = quarter };
	fl_index_init(&o->by_ends, half * 2);
	o->ended = fl_alloc_array(ENDED_MAX, sizeof(*o->ended));
	fl_index_init(&o->by_address, FL_OWNER_ADDRESSES_MAX);
	o->homes = fl_alloc_array(FL_OWNER_ADDRESSES_MAX, sizeof(*o->homes));
	owner_services_init(&o->services);
	o->netns = netns;
	return o;
}

void fl_owners_free(struct fl_owners *o)
{
	if (!o)
		return;
	fl_index_fini(&o->by_ends);
	fl_index_fini(&o->by_address);
	free(o->list);
	free(o->ended);
	free(o->homes);
	owner_services_fini(&o->services);
	free(o);
}

/* ---- addresses ---- */

static struct home *home_of(const struct fl_owners *o, const struct fl_addr *a, uint32_t *hash)
{
	*hash = (uint32_t)(fl_hash_bytes(a, sizeof(*a), fl_hash_seed()) >> 16);
	uint32_t at = fl_index_home(&o->by_address, *hash), i;
	while ((i = fl_index_next(&o->by_address, *hash, &at)) != UINT32_MAX)
		if (fl_addr_equal(&o->homes[i].address, a))
			return &o->homes[i];
	return NULL;
}

/* Every namespace has the loopback and link-local ones. */
static bool is_everywhere(const struct fl_addr *a)
{
	return fl_addr_is_none(a) || fl_addr_is_loopback(a) || fl_addr_is_link_local(a) || fl_addr_is_multicast(a);
}

static void see_again(const struct fl_owners *o, struct home *h, uint32_t netns, int64_t now_ns)
{
	bool silent = h->netns != o->netns && now_ns - h->last_ns > home_ns;
	if (h->netns != netns && !silent) {
		h->shared = true;
		h->shared_ns = now_ns;
	} else {
		h->shared = h->shared && !silent && now_ns - h->shared_ns <= home_ns;
		h->last_ns = now_ns;
	}
	/* Nobody takes an address away from the scanner's own. */
	if (silent || netns == o->netns)
		h->netns = netns;
}

/* The oldest makes room. */
static uint32_t take_home(struct fl_owners *o)
{
	if (o->home_count < FL_OWNER_ADDRESSES_MAX)
		return o->home_count++;
	uint32_t i = o->home_hand, hash;
	o->home_hand = (i + 1) % FL_OWNER_ADDRESSES_MAX;
	(void)home_of(o, &o->homes[i].address, &hash);
	fl_index_remove(&o->by_address, hash, i);
	return i;
}

static void see_address(struct fl_owners *o, const struct fl_addr *a, uint32_t netns, int64_t now_ns)
{
	uint32_t hash;
	if (!netns || is_everywhere(a))
		return;
	struct home *h = home_of(o, a, &hash);
	if (h) {
		see_again(o, h, netns, now_ns);
		return;
	}
	uint32_t i = take_home(o);
	o->homes[i] = (struct home){ .address = *a, .netns = netns, .last_ns = now_ns };
	fl_index_add(&o->by_address, hash, i);
}

/* The only namespace that can be meant by @a; 0 when nothing tells. */
static uint32_t namespace_of(const struct fl_owners *o, const struct fl_addr *a)
{
	uint32_t hash;
	if (is_everywhere(a))
		return o->netns;
	const struct home *h = home_of(o, a, &hash);
	return h && !h->shared ? h->netns : 0;
}

/* ---- sockets ---- */

static uint32_t hash_ends(uint8_t transport, const struct fl_addr *local, uint16_t local_port,
			  const struct fl_addr *remote, uint16_t remote_port)
{
	uint8_t key[40] = { 0 };
	memcpy(key, local, 16);
	memcpy(key + 16, remote, 16);
	memcpy(key + 32, &local_port, 2);
	memcpy(key + 34, &remote_port, 2);
	key[36] = transport;
	return (uint32_t)(fl_hash_bytes(key, sizeof(key), fl_hash_seed()) >> 16);
}

static uint32_t hash_socket(const struct socket *s)
{
	return hash_ends(s->transport, &s->local, s->local_port, &s->remote, s->remote_port);
}

static bool same_ends(const struct socket *a, const struct socket *b)
{
	return a->transport == b->transport && a->local_port == b->local_port && a->remote_port == b->remote_port &&
	       fl_addr_equal(&a->local, &b->local) && fl_addr_equal(&a->remote, &b->remote);
}

/* The one that is open. */
static uint32_t find_same(const struct fl_owners *o, const struct socket *s, uint32_t hash)
{
	uint32_t at = fl_index_home(&o->by_ends, hash), i;
	while ((i = fl_index_next(&o->by_ends, hash, &at)) != UINT32_MAX)
		if (o->list[i].until_ns == OPEN && o->list[i].netns == s->netns && same_ends(&o->list[i], s))
			break;
	return i;
}

static uint32_t take_place(struct fl_owners *o, struct ring *r)
{
	uint32_t i = r->free;
	if (i) {
		r->free = o->list[i - 1].netns;
		return i - 1;
	}
	if (r->count < r->limit)
		return r->from + r->count++;
	i = r->from + r->hand;
	r->hand = (r->hand + 1) % r->limit;
	fl_index_remove(&o->by_ends, hash_socket(&o->list[i]), i);
	o->counters.evicted++;
	return i;
}

static void free_place(struct fl_owners *o, uint32_t i)
{
	struct ring *r = i < o->standing.from ? &o->fresh : i < o->alone.from ? &o->standing : &o->alone;
	fl_index_remove(&o->by_ends, hash_socket(&o->list[i]), i);
	o->list[i] = (struct socket){ .netns = r->free };
	r->free = i + 1;
}

/* A connection of its own time belongs to one flow; when that has its owner, nobody asks again. */
static void give_back(struct fl_owners *o, struct socket *s)
{
	uint32_t i = (uint32_t)(s - o->list);
	if (s->transport == TCP && !fl_addr_is_none(&s->remote) && i < o->standing.from && s->service)
		free_place(o, i);
}

/* The one that ended first; its place may have been taken by another since. */
static void drop_ended(struct fl_owners *o)
{
	const struct ended *e = &o->ended[o->ended_from];
	const struct socket *s = &o->list[e->place];
	if (s->used && s->until_ns == e->until_ns)
		free_place(o, e->place);
	o->ended_from = (o->ended_from + 1) % ENDED_MAX;
	o->ended_count--;
}

static void end_socket(struct fl_owners *o, const struct socket *ends, int64_t until_ns)
{
	uint32_t i = find_same(o, ends, hash_socket(ends));
	while (o->ended_count && (o->ended_count == ENDED_MAX || o->ended[o->ended_from].until_ns < until_ns - linger_ns))
		drop_ended(o);
	if (i == UINT32_MAX || until_ns == OPEN)
		return;
	o->list[i].until_ns = until_ns;
	o->ended[(o->ended_from + o->ended_count++) % ENDED_MAX] = (struct ended){ i, until_ns };
}

static struct socket socket_of(const struct fl_owner_record *r)
{
	struct socket s = { .local = r->local, .local_port = r->local_port, .since_ns = r->since_ns, .until_ns = OPEN, .netns = r->netns,
			    .transport = r->transport, .before = r->before != 0, .established = r->established != 0,
			    .attribution = r->attribution == FL_ATTRIBUTION_EXACT ? FL_ATTRIBUTION_EXACT
										  : FL_ATTRIBUTION_POLLED };
	s.used = true;
	if (r->kind == FL_OWNER_CONNECTION) {
		s.remote = r->remote;
		s.remote_port = r->remote_port;
	}
	return s;
}

void fl_owners_add(struct fl_owners *o, const struct fl_owner_record *r)
{
	if (r->kind == FL_OWNER_TRANSLATION)
		return;
	o->counters.records++;
	see_address(o, &r->local, r->netns, r->since_ns);
	if (r->kind == FL_OWNER_ADDRESS)
		return;
	struct socket s = socket_of(r);
	if (r->closed) {
		end_socket(o, &s, r->since_ns);
		return;
	}
	s.service = (uint16_t)owner_services_number(&o->services, r);
	o->counters.services_refused = o->services.refused;
	o->counters.services_of_one = o->services.refused_to_one;
	uint32_t hash = hash_socket(&s), i = find_same(o, &s, hash);
	if (i == UINT32_MAX) {
		i = take_place(o, fl_addr_is_none(&s.remote) ? &o->alone : s.before ? &o->standing : &o->fresh);
		fl_index_add(&o->by_ends, hash, i);
	} else if (r->again) {
		o->list[i].established |= s.established;
		/* There may have been no place for its service when it was told first. */
		if (!o->list[i].service)
			o->list[i].service = s.service;
		return;
	}
	o->list[i] = s;
}

bool fl_owners_empty(const struct fl_owners *o)
{
	return o->fresh.count + o->standing.count + o->alone.count == 0;
}

/* ---- look-ups ---- */

static bool in_time(const struct socket *s, const struct fl_owner_question *q)
{
	if (s->until_ns < q->began_ns)
		return false;
	if (s->transport == TCP)
		return q->midstream || fl_addr_is_none(&s->remote) || s->since_ns >= q->began_ns - reuse_ns;
	/* Told with its first datagram: what was sent long before is another's. */
	return s->before || s->attribution != FL_ATTRIBUTION_EXACT || s->since_ns <= q->began_ns ||
	       s->since_ns - q->began_ns < reuse_ns;
}

/* Of the sockets with these ends: the one in @only when that is known, else the scanner's own, else what all agree on. Of those in one
 * namespace that had the port in turn, the first that was closed later. */
static struct socket *choose(struct fl_owners *o, const struct socket *ends, const struct fl_owner_question *q,
			     uint32_t only)
{
	uint32_t hash = hash_socket(ends), at = fl_index_home(&o->by_ends, hash), i;
	struct socket *found = NULL;
	bool several = false;
	while ((i = fl_index_next(&o->by_ends, hash, &at)) != UINT32_MAX) {
		struct socket *s = &o->list[i];
		if (!same_ends(s, ends) || !in_time(s, q) || (only && s->netns != only))
			continue;
		if (!found || found->netns == s->netns) {
			found = found && found->until_ns <= s->until_ns ? found : s;
		} else if (s->netns == o->netns) {
			found = s;
		} else if (found->netns != o->netns) {
			several = several || found->service != s->service;
		}
	}
	several = several && found->netns != o->netns;
	o->counters.ambiguous += several;
	return several ? NULL : found;
}

static struct socket *find_alone(struct fl_owners *o, const struct fl_owner_question *q, uint32_t only)
{
	struct socket ends = { .local = q->local, .local_port = q->local_port, .transport = q->transport };
	struct socket *s = choose(o, &ends, q, only);
	if (s)
		return s;
	ends.local = (struct fl_addr){ 0 };
	return choose(o, &ends, q, only);
}

static struct fl_owned owned_by(const struct socket *s)
{
	return (struct fl_owned){ s->service, (enum fl_attribution)s->attribution, s->before };
}

bool fl_owners_find(struct fl_owners *o, const struct fl_owner_question *q, struct fl_owned *owned)
{
	struct socket ends = { .local = q->local, .local_port = q->local_port, .remote = q->remote,
			       .remote_port = q->remote_port, .transport = q->transport };
	uint32_t only = namespace_of(o, &q->local);
	struct socket *s = choose(o, &ends, q, only);
	if (!s)
		s = find_alone(o, q, only);
	if (!s)
		return false;
	s->seen = true;
	*owned = owned_by(s);
	give_back(o, s);
	return owned->service != 0;
}

bool fl_owners_listener(struct fl_owners *o, uint8_t transport, const struct fl_addr *address, uint16_t port,
			struct fl_owned *owned)
{
	struct fl_owner_question q = { .local = *address, .local_port = port, .transport = transport, .began_ns = OPEN };
	const struct socket *s = find_alone(o, &q, namespace_of(o, address));
	if (s)
		*owned = owned_by(s);
	return s && owned->service;
}

/* ---- what nobody asked for ---- */

/* Standing ones first, each ring from its oldest: the order in which they came. NULL at the end. */
static const struct socket *next_socket(const struct fl_owners *o, uint32_t *at)
{
	const struct ring *rings[] = { &o->alone, &o->standing, &o->fresh };
	uint32_t n = *at;
	for (size_t r = 0; r < FL_ARRAY_LEN(rings); r++) {
		if (n < rings[r]->count) {
			++*at;
			return &o->list[rings[r]->from + (rings[r]->hand + n) % rings[r]->count];
		}
		n -= rings[r]->count;
	}
	return NULL;
}

static bool listens(const struct fl_owners *o, const struct socket *s)
{
	struct socket ends = { .local = s->local, .local_port = s->local_port, .transport = s->transport, .netns = s->netns };
	if (find_same(o, &ends, hash_socket(&ends)) != UINT32_MAX)
		return true;
	ends.local = (struct fl_addr){ 0 };
	return find_same(o, &ends, hash_socket(&ends)) != UINT32_MAX;
}

/* In another namespace, with an address that is the scanner's own or everybody's: other packets than those that can be seen here. */
static bool is_elsewhere(const struct fl_owners *o, const struct socket *s)
{
	uint32_t hash;
	if (!s->netns || s->netns == o->netns)
		return false;
	if (is_everywhere(&s->local))
		return true;
	const struct home *h = home_of(o, &s->local, &hash);
	return h && h->netns == o->netns;
}

static bool may_be_unseen(const struct fl_owners *o, const struct socket *s)
{
	return !is_elsewhere(o, s) && s->used && s->until_ns == OPEN && !fl_addr_is_none(&s->remote) && (!s->seen || (s->before && s->transport == TCP));
}

bool fl_owners_unseen(const struct fl_owners *o, uint32_t *at, struct fl_owner_unseen *unseen)
{
	const struct socket *s;
	while ((s = next_socket(o, at)) && !may_be_unseen(o, s))
		;
	if (!s)
		return false;
	*unseen = (struct fl_owner_unseen){ .client = s->local, .client_port = s->local_port, .server = s->remote,
					    .server_port = s->remote_port, .transport = s->transport,
					    .owned = owned_by(s), .since_ns = s->since_ns,
					    .established = s->established, .seen = s->seen };
	if (listens(o, s)) {
		unseen->inbound = true;
		unseen->client = s->remote;
		unseen->client_port = s->remote_port;
		unseen->server = s->local;
		unseen->server_port = s->local_port;
	}
	return true;
}

const struct fl_owner_service *fl_owners_service(const struct fl_owners *o, uint32_t service)
{
	assert(service > 0 && service < o->services.count && o->services.list[service].name[0]);
	return &o->services.list[service];
}

uint32_t fl_owners_service_count(const struct fl_owners *o)
{
	return o->services.count - 1 - o->services.free_count;
}

bool fl_owners_crowded(const struct fl_owners *o)
{
	return owner_services_crowded(&o->services);
}

void fl_owners_forget(struct fl_owners *o, bool used[static FL_OWNER_SERVICES_MAX])
{
	for (uint32_t i = 0; i < o->fresh.limit + o->standing.limit + o->alone.limit; i++)
		if (o->list[i].used)
			used[o->list[i].service] = true;
	owner_services_sweep(&o->services, used);
}

const struct fl_owner_counters *fl_owners_counters(const struct fl_owners *o)
{
	return &o->counters;
}

uint32_t fl_owners_limit(const struct fl_owners *o)
{
	return o->fresh.limit + o->standing.limit + o->alone.limit;
}
