/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * families.c - three families of random failure graphs, the same edges each time
 *
 * Integers only, so that no rounding of a library makes another graph: the power law of `tree` is the
 * smallest of several draws.
 */
#include "families.h"

#include <stdlib.h>
#include <string.h>

enum { DEGREE = 8, NEAR = 100, SMALLEST_OF = 27, FORWARD = 1000 };

static uint64_t next_random(struct family *f) /* splitmix64 */
{
	uint64_t z = f->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t below(struct family *f, uint32_t bound)
{
	return (uint32_t)((next_random(f) >> 32) * bound >> 32);
}

/* Uniform: pairs drawn first, then sorted by the later one. */
static void draw_pairs(struct family *f)
{
	uint32_t pairs = f->order < 2 ? 0 : DEGREE * f->order;
	uint32_t *later = calloc(pairs + 1, sizeof(*later)), *earlier = calloc(pairs + 1, sizeof(*earlier));
	f->first = calloc((size_t)f->order + 2, sizeof(*f->first));
	f->to = calloc(pairs + 1, sizeof(*f->to));
	for (uint32_t i = 0; i < pairs; i++) {
		uint32_t a = below(f, f->order), b = below(f, f->order - 1);
		b += b >= a;
		later[i] = a > b ? a : b;
		earlier[i] = a > b ? b : a;
		f->first[later[i] + 2]++;
	}
	for (uint32_t v = 0; v < f->order; v++)
		f->first[v + 2] += f->first[v + 1];
	for (uint32_t i = 0; i < pairs; i++)
		f->to[f->first[later[i] + 1]++] = earlier[i];
	free(later);
	free(earlier);
}

bool family_init(struct family *f, const char *name, uint32_t order)
{
	*f = (struct family){ .name = name, .order = order, .state = order };
	if (strcmp(name, "uniform") == 0)
		draw_pairs(f);
	return strcmp(name, "uniform") == 0 || strcmp(name, "tree") == 0 || strcmp(name, "layered") == 0;
}

void family_fini(struct family *f)
{
	free(f->first);
	free(f->to);
}

static uint32_t draw_tree(struct family *f, uint32_t i)
{
	uint32_t smallest = below(f, i);
	for (int n = 1; n < SMALLEST_OF; n++) {
		uint32_t other = below(f, i);
		smallest = other < smallest ? other : smallest;
	}
	return smallest;
}

static uint32_t draw_layered(struct family *f, uint32_t i)
{
	uint32_t near = i < NEAR ? i : NEAR;
	if (i + 1 < f->order && below(f, FORWARD) == 0) {
		uint32_t after = f->order - 1 - i;
		return i + 1 + below(f, after < NEAR ? after : NEAR);
	}
	return below(f, 2) == 0 ? i - 1 - below(f, near) : below(f, i);
}

static uint32_t add_distinct(uint32_t *list, uint32_t count, uint32_t item)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == item)
			return count;
	list[count] = item;
	return count + 1;
}

uint32_t family_next(struct family *f, uint32_t i, uint32_t required[REQUIRED_MAX])
{
	uint32_t count = 0;
	if (strcmp(f->name, "uniform") == 0) {
		for (uint32_t k = f->first[i]; k < f->first[i + 1] && count < REQUIRED_MAX; k++)
			count = add_distinct(required, count, f->to[k]);
		return count;
	}
	for (uint32_t k = 0; i > 0 && k < 2 * DEGREE && count < DEGREE && count < i; k++) {
		uint32_t other = strcmp(f->name, "tree") == 0 ? draw_tree(f, i) : draw_layered(f, i);
		count = add_distinct(required, count, other);
	}
	return count;
}

uint32_t family_groups(
	bool redundant, uint32_t count, uint32_t sizes[REQUIRED_MAX], uint32_t needs[REQUIRED_MAX])
{
	uint32_t groups = 0;
	if (redundant && count >= 2) {
		sizes[groups] = 2;
		needs[groups++] = 1;
		count -= 2;
	}
	if (redundant && count >= 3) {
		sizes[groups] = 3;
		needs[groups++] = 2;
		count -= 3;
	}
	for (; count > 0; count--) {
		sizes[groups] = 1;
		needs[groups++] = 1;
	}
	return groups;
}
