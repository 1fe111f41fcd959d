/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inflight.c - counters of open work per listener
 *
 * A plain array of listeners behind two indexes: by (address, port,
 * transport) and by address alone (first listener of it; the others follow by `next`). Nothing is
 * ever removed: a host has few ports that answer, and the table has a limit.
 */
#include "faultline/inflight.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/index.h"

struct fl_inflight {
	struct fl_listener *list;
	uint32_t count, limit;
	struct fl_index by_listener, by_address; /* the latter: newest of each address */
	uint64_t refused;
};

struct fl_inflight *fl_inflight_new(uint32_t limit)
{
	struct fl_inflight *f = fl_alloc(sizeof(*f));
	f->limit = limit;
	f->list = fl_alloc_array(limit ? limit : 1, sizeof(*f->list));
	fl_index_init(&f->by_listener, limit);
	fl_index_init(&f->by_address, limit);
	return f;
}

void fl_inflight_free(struct fl_inflight *f)
{
	if (!f)
		return;
	free(f->list);
	fl_index_fini(&f->by_listener);
	fl_index_fini(&f->by_address);
	free(f);
}

static uint32_t hash_address(const struct fl_addr *a, uint32_t port_and_transport)
{
	return (uint32_t)(fl_hash_bytes(a, sizeof(*a), fl_hash_seed() ^ port_and_transport) >> 16);
}

/* Newest listener in the address's chain; UINT32_MAX. */
static uint32_t newest_of(const struct fl_inflight *f, const struct fl_addr *a)
{
	uint32_t hash = hash_address(a, 0), at = fl_index_home(&f->by_address, hash), i;
	while ((i = fl_index_next(&f->by_address, hash, &at)) != UINT32_MAX)
		if (fl_addr_equal(&f->list[i].address, a))
			return i;
	return UINT32_MAX;
}

static uint32_t find(const struct fl_inflight *f, const struct fl_addr *a, uint16_t port, uint8_t transport)
{
	uint32_t hash = hash_address(a, (uint32_t)port << 8 | transport);
	uint32_t at = fl_index_home(&f->by_listener, hash), i;
	while ((i = fl_index_next(&f->by_listener, hash, &at)) != UINT32_MAX)
		if (f->list[i].port == port && f->list[i].transport == transport &&
		    fl_addr_equal(&f->list[i].address, a))
			return i;
	return UINT32_MAX;
}

uint32_t fl_inflight_listener(struct fl_inflight *f, const struct fl_addr *address, uint16_t port,
			      uint8_t transport)
{
	uint32_t i = find(f, address, port, transport);
	if (i != UINT32_MAX)
		return i + 1;
	if (f->count == f->limit) {
		f->refused++;
		return 0;
	}
	i = f->count++;
	struct fl_listener *l = &f->list[i];
	*l = (struct fl_listener){ .address = *address, .port = port, .transport = transport };
	fl_index_add(&f->by_listener, hash_address(address, (uint32_t)port << 8 | transport), i);
	uint32_t newest = newest_of(f, address);
	if (newest != UINT32_MAX && f->list[newest].slot + 1 >= FL_NESTED_SLOTS) {
		l->slot = FL_NESTED_SLOTS; /* not in the chain: walks stay short whatever the ports */
		return i + 1;
	}
	if (newest != UINT32_MAX) {
		l->next = newest + 1;
		l->slot = (uint8_t)(f->list[newest].slot + 1);
		fl_index_remove(&f->by_address, hash_address(address, 0), newest);
	}
	fl_index_add(&f->by_address, hash_address(address, 0), i);
	return i + 1;
}

void fl_inflight_open(struct fl_inflight *f, uint32_t listener, int64_t now_ns)
{
	if (!listener)
		return;
	struct fl_listener *l = &f->list[listener - 1];
	l->exchanges++;
	if (l->open++ == 0)
		l->busy_since_ns = now_ns;
}

void fl_inflight_close(struct fl_inflight *f, uint32_t listener, int64_t now_ns)
{
	if (!listener)
		return;
	struct fl_listener *l = &f->list[listener - 1];
	assert(l->open > 0);
	if (--l->open == 0 && now_ns > l->busy_since_ns)
		l->busy_ns += now_ns - l->busy_since_ns;
}

void fl_inflight_settle(struct fl_inflight *f, int64_t now_ns)
{
	for (uint32_t i = 0; i < f->count; i++) {
		struct fl_listener *l = &f->list[i];
		if (!l->open || now_ns <= l->busy_since_ns)
			continue;
		l->busy_ns += now_ns - l->busy_since_ns;
		l->busy_since_ns = now_ns;
	}
}

void fl_inflight_nest(const struct fl_inflight *f, const struct fl_addr *client,
		      uint32_t nested[static FL_NESTED_SLOTS])
{
	uint32_t newest = newest_of(f, client);
	for (uint32_t at = newest == UINT32_MAX ? 0 : newest + 1; at; at = f->list[at - 1].next) {
		const struct fl_listener *l = &f->list[at - 1];
		if (l->open)
			nested[l->slot]++;
	}
}

const struct fl_listener *fl_inflight_find(const struct fl_inflight *f, const struct fl_addr *address,
					   uint16_t port, uint8_t transport)
{
	uint32_t i = find(f, address, port, transport);
	return i == UINT32_MAX ? NULL : &f->list[i];
}

size_t fl_inflight_count(const struct fl_inflight *f)
{
	return f->count;
}

const struct fl_listener *fl_inflight_get(const struct fl_inflight *f, size_t i)
{
	assert(i < f->count);
	return &f->list[i];
}

uint64_t fl_inflight_refused(const struct fl_inflight *f)
{
	return f->refused;
}
