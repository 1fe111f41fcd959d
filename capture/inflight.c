/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inflight.c - counters of open work per listener
 *
 * A plain array of listeners behind two open-addressed indexes: by (address, port,
 * transport) and by address alone (first listener of it; the others follow by `next`). Nothing is
 * ever removed: a host has few ports that answer, and the table has a limit.
 */
#include "faultline/inflight.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct fl_inflight {
	struct fl_listener *list;
	uint32_t count, limit;
	uint32_t *by_listener, *by_address; /* listener + 1 */
	uint32_t mask;
	uint64_t refused;
};

struct fl_inflight *fl_inflight_new(uint32_t limit)
{
	struct fl_inflight *f = fl_alloc(sizeof(*f));
	uint32_t places = 16;
	while (places < limit * 2)
		places *= 2;
	f->limit = limit;
	f->list = fl_alloc_array(limit ? limit : 1, sizeof(*f->list));
	f->by_listener = fl_alloc_array(places, sizeof(*f->by_listener));
	f->by_address = fl_alloc_array(places, sizeof(*f->by_address));
	f->mask = places - 1;
	return f;
}

void fl_inflight_free(struct fl_inflight *f)
{
	if (!f)
		return;
	free(f->list);
	free(f->by_listener);
	free(f->by_address);
	free(f);
}

static uint32_t *address_slot(const struct fl_inflight *f, const struct fl_addr *a)
{
	uint32_t at = (uint32_t)(fl_hash_bytes(a, sizeof(*a), fl_hash_seed()) >> 16) & f->mask;
	while (f->by_address[at] && !fl_addr_equal(&f->list[f->by_address[at] - 1].address, a))
		at = (at + 1) & f->mask;
	return &f->by_address[at];
}

static uint32_t *listener_slot(const struct fl_inflight *f, const struct fl_addr *a, uint16_t port,
			       uint8_t transport)
{
	uint64_t seed = fl_hash_seed() ^ ((uint64_t)port << 8 | transport);
	uint32_t at = (uint32_t)(fl_hash_bytes(a, sizeof(*a), seed) >> 16) & f->mask;
	for (; f->by_listener[at]; at = (at + 1) & f->mask) {
		const struct fl_listener *l = &f->list[f->by_listener[at] - 1];
		if (l->port == port && l->transport == transport && fl_addr_equal(&l->address, a))
			break;
	}
	return &f->by_listener[at];
}

uint32_t fl_inflight_listener(struct fl_inflight *f, const struct fl_addr *address, uint16_t port,
			      uint8_t transport)
{
	uint32_t *slot = listener_slot(f, address, port, transport);
	if (*slot)
		return *slot;
	if (f->count == f->limit) {
		f->refused++;
		return 0;
	}
	struct fl_listener *l = &f->list[f->count++];
	*slot = f->count;
	*l = (struct fl_listener){ .address = *address, .port = port, .transport = transport };
	uint32_t *first = address_slot(f, address);
	if (*first && f->list[*first - 1].slot + 1 >= FL_NESTED_SLOTS) {
		l->slot = FL_NESTED_SLOTS; /* not in the chain: walks stay short whatever the ports */
		return f->count;
	}
	if (*first) {
		l->next = *first;
		l->slot = (uint8_t)(f->list[*first - 1].slot + 1);
	}
	*first = f->count;
	return f->count;
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

void fl_inflight_nest(const struct fl_inflight *f, const struct fl_addr *client,
		      uint32_t nested[static FL_NESTED_SLOTS])
{
	for (uint32_t at = *address_slot(f, client); at; at = f->list[at - 1].next) {
		const struct fl_listener *l = &f->list[at - 1];
		if (l->open)
			nested[l->slot]++;
	}
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
