/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * strpool.c - each name stored once, compared by id
 *
 * Three parts: text blocks that never move, so a string's address is good as
 * long as the pool; an array of entries, one an id; an index of ids with open
 * addressing and linear probing, at most three quarters full. The hash is
 * seeded, because the names come from people who may want them to collide.
 *
 * The limit counts what is really allocated, old and new table together while
 * one grows, so it holds at every moment and not only on average. A string is
 * added only when text, entry and index slot can all be had; a refusal leaves
 * the pool as it was.
 */
#include "faultline/strpool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/addr.h"
#include "faultline/status.h"

enum {
	SLOTS_FIRST = 64,
	ENTRIES_FIRST = 32,
	BLOCK_FIRST = 1024,
	BLOCK_MAX = 64 * 1024,
};

struct block {
	struct block *next;
	size_t size;
	size_t used;
	char text[];
};

struct entry {
	const char *text;
	uint32_t size;
	uint32_t hash;
};

struct fl_strpool {
	uint64_t seed;
	size_t limit; /* SIZE_MAX when there is none */
	size_t bytes;
	struct block *newest;
	size_t block_size;     /* of the next one */
	struct entry *entries; /* of id i at [i - 1] */
	uint32_t count, capacity;
	uint32_t *slots;     /* ids; 0 is free */
	uint32_t slot_count; /* a power of two, or 0 */
	uint64_t refused;
};

struct fl_strpool *fl_strpool_new(size_t limit_bytes)
{
	struct fl_strpool *p = fl_alloc(sizeof(*p));

	p->seed = fl_hash_seed();
	p->limit = limit_bytes ? limit_bytes : SIZE_MAX;
	p->bytes = sizeof(*p);
	p->block_size = BLOCK_FIRST;
	return p;
}

void fl_strpool_free(struct fl_strpool *p)
{
	if (!p)
		return;
	for (struct block *b = p->newest, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(p->entries);
	free(p->slots);
	free(p);
}

static bool fits(const struct fl_strpool *p, size_t more)
{
	return p->bytes <= p->limit && more <= p->limit - p->bytes;
}

static uint32_t hash_of(const struct fl_strpool *p, const char *s, size_t size)
{
	return (uint32_t)(fl_hash_bytes(s, size, p->seed) >> 32);
}

static fl_str find_hashed(const struct fl_strpool *p, const char *s, size_t size, uint32_t hash)
{
	uint32_t mask = p->slot_count - 1;

	if (p->slot_count == 0)
		return FL_STR_NONE;
	for (uint32_t i = hash & mask; p->slots[i]; i = (i + 1) & mask) {
		const struct entry *e = &p->entries[p->slots[i] - 1];
		if (e->hash == hash && e->size == size && memcmp(e->text, s, size) == 0)
			return p->slots[i];
	}
	return FL_STR_NONE;
}

static void index_id(uint32_t *slots, uint32_t slot_count, uint32_t hash, fl_str id)
{
	uint32_t mask = slot_count - 1, i = hash & mask;

	while (slots[i])
		i = (i + 1) & mask;
	slots[i] = id;
}

static bool grow_index(struct fl_strpool *p)
{
	uint32_t count = p->slot_count ? p->slot_count * 2 : SLOTS_FIRST;

	if (p->slot_count > UINT32_MAX / 4 || !fits(p, count * sizeof(*p->slots)))
		return false;
	uint32_t *slots = fl_alloc_array(count, sizeof(*slots));
	for (uint32_t id = 1; id <= p->count; id++)
		index_id(slots, count, p->entries[id - 1].hash, id);
	p->bytes += count * sizeof(*slots);
	p->bytes -= p->slot_count * sizeof(*slots);
	free(p->slots);
	p->slots = slots;
	p->slot_count = count;
	return true;
}

static bool grow_entries(struct fl_strpool *p)
{
	uint32_t capacity = p->capacity ? p->capacity * 2 : ENTRIES_FIRST;

	if (p->capacity > UINT32_MAX / 4 || !fits(p, capacity * sizeof(*p->entries)))
		return false;
	p->entries = fl_grow_array(p->entries, capacity, sizeof(*p->entries));
	p->bytes += (capacity - p->capacity) * sizeof(*p->entries);
	p->capacity = capacity;
	return true;
}

static struct block *block_new(struct fl_strpool *p, size_t size)
{
	size_t wanted = sizeof(struct block) + size;

	if (!fits(p, wanted))
		return NULL;
	struct block *b = fl_alloc(wanted);
	b->size = size;
	p->bytes += wanted;
	return b;
}

/* A block with room for @size bytes, or NULL when the limit forbids one. */
static struct block *block_for(struct fl_strpool *p, size_t size)
{
	struct block *newest = p->newest, *b;

	if (newest && newest->size - newest->used >= size)
		return newest;
	if (size <= p->block_size / 4 && (b = block_new(p, p->block_size))) {
		b->next = newest;
		p->newest = b;
		if (p->block_size < BLOCK_MAX)
			p->block_size *= 2;
		return b;
	}
	/* Large, or the limit is near: one of exactly this size, behind the newest. */
	b = block_new(p, size);
	if (!b)
		return NULL;
	b->next = newest ? newest->next : NULL;
	if (newest)
		newest->next = b;
	else
		p->newest = b;
	return b;
}

static bool make_room(struct fl_strpool *p)
{
	if (p->count >= p->slot_count / 4 * 3 && !grow_index(p))
		return false;
	return p->count < p->capacity || grow_entries(p);
}

fl_str fl_strpool_add(struct fl_strpool *p, const char *s, size_t size)
{
	if (size == 0)
		return FL_STR_NONE;
	uint32_t hash = hash_of(p, s, size);
	fl_str id = find_hashed(p, s, size, hash);
	struct block *b = NULL;

	if (id != FL_STR_NONE)
		return id;
	if (size < UINT32_MAX && make_room(p))
		b = block_for(p, size + 1);
	if (!b) {
		p->refused++;
		return FL_STR_NONE;
	}
	char *text = memcpy(b->text + b->used, s, size); /* blocks are zeroed: so is its end */
	b->used += size + 1;
	p->entries[p->count++] = (struct entry){ .text = text, .size = (uint32_t)size, .hash = hash };
	index_id(p->slots, p->slot_count, hash, p->count);
	return p->count;
}

fl_str fl_strpool_find(const struct fl_strpool *p, const char *s, size_t size)
{
	return size ? find_hashed(p, s, size, hash_of(p, s, size)) : FL_STR_NONE;
}

fl_str fl_strpool_move(struct fl_strpool *to, const struct fl_strpool *from, fl_str id)
{
	const char *text = fl_strpool_get(from, id);

	return text ? fl_strpool_add(to, text, from->entries[id - 1].size) : FL_STR_NONE;
}

const char *fl_strpool_get(const struct fl_strpool *p, fl_str id)
{
	return id == FL_STR_NONE || id > p->count ? NULL : p->entries[id - 1].text;
}

uint32_t fl_strpool_count(const struct fl_strpool *p)
{
	return p->count;
}

uint64_t fl_strpool_refused(const struct fl_strpool *p)
{
	return p->refused;
}

size_t fl_strpool_bytes(const struct fl_strpool *p)
{
	return p->bytes;
}
