/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hello_pool.c - places for ClientHellos in the making
 *
 * A flow's word holds the number of its place, the place's generation, and a count of
 * datagrams. A place that is given to another flow gets a new generation, so the old flow's word
 * no longer fits: nobody has to be told. Sixteen bits of generation may come round while
 * a flow waits; the pieces of two hellos are then mixed and fit nothing, which costs that one name.
 *
 * Which bytes are there is a bit each: browsers cut a hello into dozens of pieces in any
 * order on purpose, and an enemy may do worse; a list of ranges would need a limit, bits do not.
 * In order, which is how nearly all hellos come, no bit is touched.
 *
 * The longest idle place is searched for by walking all of them: there are few, and it happens only
 * when all are taken.
 */
#include "faultline/hello_pool.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT_MASK = 0xff, PLACE_SHIFT = 8, GENERATION_SHIFT = 16, GENERATION_MASK = 0xffff };

struct fl_hello_pool {
	struct fl_hello_parts *places;
	uint32_t count, next_free; /* next_free: where to look first */
	uint64_t clock, given_up;
};

struct fl_hello_pool *fl_hello_pool_new(uint32_t places)
{
	struct fl_hello_pool *pool = fl_alloc(sizeof(*pool));
	pool->count = places < 1 ? 1 : places > FL_HELLO_PLACES_MAX ? FL_HELLO_PLACES_MAX : places;
	pool->places = fl_alloc_array(pool->count, sizeof(*pool->places));
	return pool;
}

void fl_hello_pool_free(struct fl_hello_pool *pool)
{
	if (!pool)
		return;
	free(pool->places);
	free(pool);
}

struct fl_hello_parts *fl_hello_get(struct fl_hello_pool *pool, fl_hello_word word)
{
	uint32_t place = word >> PLACE_SHIFT & 0xff;
	if (place == 0 || place > pool->count)
		return NULL;
	struct fl_hello_parts *parts = &pool->places[place - 1];
	if (!parts->touched || parts->generation != word >> GENERATION_SHIFT)
		return NULL;
	parts->touched = ++pool->clock;
	return parts;
}

static void release(struct fl_hello_pool *pool, struct fl_hello_parts *parts)
{
	memset(parts->present, 0, parts->end / 8 + (parts->end % 8 != 0));
	memset(parts->note, 0, sizeof(parts->note));
	parts->have = parts->end = 0;
	parts->touched = 0;
	parts->contradicted = false;
	parts->generation = (parts->generation + 1) & GENERATION_MASK;
	pool->next_free = (uint32_t)(parts - pool->places);
}

static uint32_t free_place(struct fl_hello_pool *pool)
{
	uint32_t oldest = 0;
	for (uint32_t i = 0; i < pool->count; i++) {
		uint32_t at = (pool->next_free + i) % pool->count;
		if (!pool->places[at].touched)
			return at;
		if (pool->places[at].touched < pool->places[oldest].touched)
			oldest = at;
	}
	release(pool, &pool->places[oldest]);
	pool->given_up++;
	return oldest;
}

struct fl_hello_parts *fl_hello_take(struct fl_hello_pool *pool, fl_hello_word *word)
{
	fl_hello_drop(pool, word);
	uint32_t place = free_place(pool);
	struct fl_hello_parts *parts = &pool->places[place];
	parts->touched = ++pool->clock;
	*word = parts->generation << GENERATION_SHIFT | (place + 1) << PLACE_SHIFT | (*word & COUNT_MASK);
	return parts;
}

void fl_hello_drop(struct fl_hello_pool *pool, fl_hello_word *word)
{
	struct fl_hello_parts *parts = fl_hello_get(pool, *word);
	if (parts)
		release(pool, parts);
	*word &= COUNT_MASK;
}

uint32_t fl_hello_count(fl_hello_word word)
{
	return word & COUNT_MASK;
}

void fl_hello_add_count(fl_hello_word *word, uint32_t n)
{
	uint32_t count = *word & COUNT_MASK;
	count = n > COUNT_MASK - count ? COUNT_MASK : count + n;
	*word = (*word & ~(uint32_t)COUNT_MASK) | count;
}

static bool is_present(const struct fl_hello_parts *parts, uint32_t at)
{
	return parts->present[at / 8] >> at % 8 & 1;
}

/* What is there already stays. */
static void add_behind_hole(struct fl_hello_parts *parts, uint32_t from, const uint8_t *data, uint32_t size)
{
	for (uint32_t i = 0; i < size;) {
		uint32_t at = from + i;
		uint8_t *present = &parts->present[at / 8];
		if (at % 8 == 0 && size - i >= 8 && *present == 0) {
			memcpy(parts->data + at, data + i, 8);
			*present = 0xff;
			i += 8;
			continue;
		}
		if (!is_present(parts, at)) {
			parts->data[at] = data[i];
			*present |= (uint8_t)(1u << at % 8);
		}
		parts->contradicted |= parts->data[at] != data[i];
		i++;
	}
}

/* The first byte from @at on that is not there, at most @end. */
static uint32_t first_hole(const struct fl_hello_parts *parts, uint32_t at, uint32_t end)
{
	while (at < end && is_present(parts, at))
		at += at % 8 == 0 && end - at >= 8 && parts->present[at / 8] == 0xff ? 8 : 1;
	return at;
}

bool fl_hello_add(struct fl_hello_parts *parts, uint64_t offset, const uint8_t *data, size_t size)
{
	if (offset >= FL_HELLO_BYTES)
		return size == 0;
	bool fits = size <= FL_HELLO_BYTES - offset;
	uint32_t from = (uint32_t)offset;
	uint32_t to = fits ? from + (uint32_t)size : FL_HELLO_BYTES;
	uint32_t skip = from < parts->have ? parts->have - from : 0, known = skip < to - from ? skip : to - from;
	parts->contradicted |= known && memcmp(parts->data + from, data, known) != 0;
	if (to <= parts->have)
		return fits;
	from += skip;
	if (from == parts->have && parts->end == parts->have) {
		memcpy(parts->data + from, data + skip, to - from);
		parts->have = parts->end = to;
		return fits;
	}
	add_behind_hole(parts, from, data + skip, to - from);
	if (to > parts->end)
		parts->end = to;
	parts->have = first_hole(parts, parts->have, parts->end);
	return fits;
}

struct fl_slice fl_hello_ready(const struct fl_hello_parts *parts)
{
	return (struct fl_slice){ parts->data, parts->have };
}

uint32_t fl_hello_pool_places(const struct fl_hello_pool *pool)
{
	return pool->count;
}

uint64_t fl_hello_pool_given_up(const struct fl_hello_pool *pool)
{
	return pool->given_up;
}
