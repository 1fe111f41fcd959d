/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diagram.c - decision diagrams: the store of nodes and of results
 *
 * Nodes are appended, so a child has a smaller id than its parent and whoever wants to pass over a diagram
 * from the top or from the ends goes through ids. The unique table is chains from buckets, newest first:
 * cutting the store back takes the newest node off its chain, again and again.
 *
 * The cache of results is one entry a slot; a collision forgets the older result, which costs time
 * only. It grows with the store up to CACHE_MAX entries.
 */
#include "diagram.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"

enum { FIRST_NODES = 1 << 10, CACHE_MAX = 1 << 22, OPERATION_BITS = 4 };
static_assert(FL_DD_OPERATION_END <= 1 << OPERATION_BITS, "an operation and an order share a word");

struct fl_dd_entry {        /* four in a cache line */
	uint32_t tag, a, b; /* tag: operation and order, 0 for an empty slot */
	fl_dd result;
};

static uint32_t hash3(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t h = ((uint64_t)a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 29;
	h = (h + c) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

void fl_dd_init(struct fl_dd_store *s, uint32_t node_limit)
{
	*s = (struct fl_dd_store){ .count = 2, .capacity = FIRST_NODES, .step_limit = UINT64_MAX };
	s->limit = node_limit < FIRST_NODES ? FIRST_NODES : node_limit;
	s->nodes = fl_alloc_array(s->capacity, sizeof(*s->nodes));
	s->buckets = fl_alloc_array(s->capacity, sizeof(*s->buckets));
	s->bucket_mask = s->capacity - 1;
	s->cache = fl_alloc_array(s->capacity, sizeof(*s->cache));
	s->cache_mask = s->capacity - 1;
	s->nodes[FL_DD_0].level = s->nodes[FL_DD_1].level = FL_DD_LEVEL_END;
}

void fl_dd_fini(struct fl_dd_store *s)
{
	free(s->nodes);
	free(s->buckets);
	free(s->cache);
	free(s->frames);
}

static uint32_t *bucket_of(const struct fl_dd_store *s, const struct fl_dd_node *n)
{
	return &s->buckets[hash3(n->low, n->high, n->level) & s->bucket_mask];
}

void fl_dd_cut(struct fl_dd_store *s, uint32_t count)
{
	assert(count >= 2 && count <= s->count);
	while (s->count > count) {
		struct fl_dd_node *n = &s->nodes[--s->count];
		*bucket_of(s, n) = n->next;
	}
	memset(s->cache, 0, ((size_t)s->cache_mask + 1) * sizeof(*s->cache));
	s->full = false;
}

static void grow(struct fl_dd_store *s)
{
	s->capacity = s->capacity < UINT32_MAX / 2 ? s->capacity * 2 : UINT32_MAX;
	s->nodes = fl_grow_array(s->nodes, s->capacity, sizeof(*s->nodes));
	free(s->buckets);
	s->buckets = fl_alloc_array(s->capacity, sizeof(*s->buckets));
	s->bucket_mask = s->capacity - 1;
	for (uint32_t i = 2; i < s->count; i++) {
		uint32_t *bucket = bucket_of(s, &s->nodes[i]);
		s->nodes[i].next = *bucket;
		*bucket = i;
	}
	if (s->capacity > CACHE_MAX)
		return;
	struct fl_dd_entry *old = s->cache;
	uint32_t old_size = s->cache_mask + 1;
	s->cache = fl_alloc_array(s->capacity, sizeof(*s->cache));
	s->cache_mask = s->capacity - 1;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].tag != 0)
			s->cache[hash3(old[i].a, old[i].b, old[i].tag) & s->cache_mask] = old[i];
	free(old);
}

fl_dd fl_dd_node(struct fl_dd_store *s, uint32_t level, fl_dd low, fl_dd high)
{
	struct fl_dd_node node = { .level = level, .low = low, .high = high };
	if (s->full || low == FL_DD_FULL || high == FL_DD_FULL)
		return FL_DD_FULL;
	uint32_t *bucket = bucket_of(s, &node);
	for (uint32_t i = *bucket; i != 0; i = s->nodes[i].next)
		if (s->nodes[i].low == low && s->nodes[i].high == high && s->nodes[i].level == level)
			return i;
	if (s->count >= s->limit) {
		s->full = true;
		return FL_DD_FULL;
	}
	if (s->count == s->capacity) {
		grow(s);
		bucket = bucket_of(s, &node);
	}
	node.next = *bucket;
	*bucket = s->count;
	s->nodes[s->count] = node;
	return s->count++;
}

fl_dd fl_bdd_node(struct fl_dd_store *s, uint32_t level, fl_dd low, fl_dd high)
{
	return low == high ? low : fl_dd_node(s, level, low, high);
}

fl_dd fl_zbdd_node(struct fl_dd_store *s, uint32_t level, fl_dd low, fl_dd high)
{
	return high == FL_DD_0 ? low : fl_dd_node(s, level, low, high);
}

static uint32_t tag_of(const struct fl_dd_frame *key)
{
	return key->order << OPERATION_BITS | (uint32_t)key->operation;
}

bool fl_dd_look_up(const struct fl_dd_store *s, const struct fl_dd_frame *key, fl_dd *result)
{
	uint32_t tag = tag_of(key);
	const struct fl_dd_entry *e = &s->cache[hash3(key->a, key->b, tag) & s->cache_mask];
	if (e->tag != tag || e->a != key->a || e->b != key->b)
		return false;
	*result = e->result;
	return true;
}

void fl_dd_remember(struct fl_dd_store *s, const struct fl_dd_frame *key, fl_dd result)
{
	uint32_t tag = tag_of(key);
	s->cache[hash3(key->a, key->b, tag) & s->cache_mask] =
		(struct fl_dd_entry){ .tag = tag, .a = key->a, .b = key->b, .result = result };
}

struct fl_dd_frame *fl_dd_push(struct fl_dd_store *s)
{
	if (s->frame_count == s->frame_capacity) {
		s->frame_capacity = fl_grown(s->frame_capacity, s->frame_count + 1);
		s->frames = fl_grow_array(s->frames, s->frame_capacity, sizeof(*s->frames));
	}
	return &s->frames[s->frame_count++];
}
