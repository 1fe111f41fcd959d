/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * translation.c - connections whose addresses this machine translates
 *
 * One ring of entries and two indices over it: by the responder's side, and, where the destination was translated, by the
 * address and port that were published. Of several connections to one published port the entry that came last is
 * found: targets of a port are alike, or are balanced over, and then any of them will do.
 */
#include "faultline/translation.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/index.h"

struct entry {
	struct fl_tuple origin, far;
	bool publishes; /* the destination was translated */
};

struct fl_translations {
	struct entry *list;
	uint32_t count, limit, hand;
	struct fl_index by_far, by_port;
};

struct fl_translations *fl_translations_new(uint32_t limit)
{
	struct fl_translations *t = fl_alloc(sizeof(*t));
	t->limit = limit < 8 ? 8 : limit;
	t->list = fl_alloc_array(t->limit, sizeof(*t->list));
	fl_index_init(&t->by_far, t->limit);
	fl_index_init(&t->by_port, t->limit);
	return t;
}

void fl_translations_free(struct fl_translations *t)
{
	if (!t)
		return;
	fl_index_fini(&t->by_far);
	fl_index_fini(&t->by_port);
	free(t->list);
	free(t);
}

bool fl_translations_empty(const struct fl_translations *t)
{
	return t->count == 0;
}

static uint32_t hash_tuple(const struct fl_tuple *u)
{
	uint8_t key[40] = { 0 };
	memcpy(key, &u->client, 16);
	memcpy(key + 16, &u->server, 16);
	memcpy(key + 32, &u->client_port, 2);
	memcpy(key + 34, &u->server_port, 2);
	key[36] = u->transport;
	return (uint32_t)(fl_hash_bytes(key, sizeof(key), fl_hash_seed()) >> 16);
}

static uint32_t hash_port(uint8_t transport, const struct fl_addr *address, uint16_t port)
{
	uint64_t seed = fl_hash_seed() ^ ((uint64_t)port << 8 | transport);
	return (uint32_t)(fl_hash_bytes(address, sizeof(*address), seed) >> 16);
}

static bool same_server(const struct fl_tuple *a, const struct fl_tuple *b)
{
	return a->server_port == b->server_port && a->transport == b->transport && fl_addr_equal(&a->server, &b->server);
}

static bool same_tuple(const struct fl_tuple *a, const struct fl_tuple *b)
{
	return same_server(a, b) && a->client_port == b->client_port && fl_addr_equal(&a->client, &b->client);
}

static uint32_t find_far(const struct fl_translations *t, const struct fl_tuple *far)
{
	uint32_t hash = hash_tuple(far), at = fl_index_home(&t->by_far, hash), i;
	while ((i = fl_index_next(&t->by_far, hash, &at)) != UINT32_MAX)
		if (same_tuple(&t->list[i].far, far))
			break;
	return i;
}

/* One entry a published port is in the index. */
static uint32_t find_port(const struct fl_translations *t, uint8_t transport, const struct fl_addr *address, uint16_t port)
{
	struct fl_tuple wanted = { .server = *address, .server_port = port, .transport = transport };
	uint32_t hash = hash_port(transport, address, port), at = fl_index_home(&t->by_port, hash), i;
	while ((i = fl_index_next(&t->by_port, hash, &at)) != UINT32_MAX)
		if (same_server(&t->list[i].origin, &wanted))
			break;
	return i;
}

static void unpublish(struct fl_translations *t, uint32_t i)
{
	const struct fl_tuple *o = &t->list[i].origin;
	if (t->list[i].publishes)
		fl_index_remove(&t->by_port, hash_port(o->transport, &o->server, o->server_port), i);
	t->list[i].publishes = false;
}

static uint32_t take_place(struct fl_translations *t, const struct fl_tuple *far)
{
	uint32_t i = find_far(t, far);
	if (i == UINT32_MAX && t->count < t->limit)
		return t->count++;
	if (i == UINT32_MAX) {
		i = t->hand;
		t->hand = (t->hand + 1) % t->limit;
	}
	unpublish(t, i);
	fl_index_remove(&t->by_far, hash_tuple(&t->list[i].far), i);
	return i;
}

void fl_translations_add(struct fl_translations *t, const struct fl_owner_record *r)
{
	struct entry e = {
		.origin = { r->local, r->remote, r->local_port, r->remote_port, r->transport },
		.far = { r->far_local, r->far_remote, r->far_local_port, r->far_remote_port, r->transport },
	};
	uint32_t i = take_place(t, &e.far);
	t->list[i] = e;
	fl_index_add(&t->by_far, hash_tuple(&e.far), i);
	if (same_server(&e.origin, &e.far))
		return;
	uint32_t before = find_port(t, r->transport, &r->remote, r->remote_port);
	if (before != UINT32_MAX)
		unpublish(t, before);
	t->list[i].publishes = true;
	fl_index_add(&t->by_port, hash_port(r->transport, &r->remote, r->remote_port), i);
}

bool fl_translations_origin(const struct fl_translations *t, const struct fl_tuple *seen, struct fl_tuple *origin)
{
	uint32_t i = find_far(t, seen);
	if (i == UINT32_MAX)
		return false;
	*origin = t->list[i].origin;
	return true;
}

bool fl_translations_behind(const struct fl_translations *t, uint8_t transport, struct fl_addr *address, uint16_t *port)
{
	uint32_t i = find_port(t, transport, address, *port);
	if (i == UINT32_MAX)
		return false;
	*address = t->list[i].far.server;
	*port = t->list[i].far.server_port;
	return true;
}
