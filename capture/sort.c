/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sort.c - qsort() with its comparisons, which differ between numbers and texts alone; digits for long lists of numbers
 *
 * Digit by digit (least significant first, 11 bits each) keys are unsigned: a time has its sign turned, a double that is negative
 * all its bits. Digits in which all keys agree take no pass; times of one window differ in the lower half of theirs alone.
 */
#include "faultline/sort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"

enum { DIGIT_BITS = 11, DIGITS = 6, VALUES = 1 << DIGIT_BITS, SHORT = 200, STEPS_EACH = 1 };
static const uint64_t sign = UINT64_C(1) << 63;

int fl_compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

int fl_compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void fl_sort_u32(uint32_t *list, size_t count)
{
	if (count > 1)
		qsort(list, count, sizeof(*list), fl_compare_u32);
}

void fl_sort_texts(const char **list, size_t count)
{
	if (count > 1)
		qsort(list, count, sizeof(*list), fl_compare_texts);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static unsigned digit_of(uint64_t key, size_t digit)
{
	return (unsigned)(key >> (digit * DIGIT_BITS)) & (VALUES - 1);
}

/* Where each value's begin, when there are so many of each. */
static void begin_places(size_t places[static VALUES])
{
	for (size_t v = 0, at = 0; v < VALUES; v++) {
		size_t count = places[v];
		places[v] = at;
		at += count;
	}
}

/* One pass: @from to @to by this digit, what is equal in the same order. */
static void distribute(const uint64_t *from, uint64_t *to, size_t count, size_t digit)
{
	size_t places[VALUES] = { 0 };
	for (size_t i = 0; i < count; i++)
		places[digit_of(from[i], digit)]++;
	begin_places(places);
	for (size_t i = 0; i < count; i++)
		to[places[digit_of(from[i], digit)]++] = from[i];
}

static void sort_by_digits(uint64_t *list, size_t count)
{
	uint64_t *spare = fl_alloc_array(count, sizeof(*spare)), *from = list, *to = spare, differ = 0;
	for (size_t i = 1; i < count; i++)
		differ |= list[i] ^ list[0];
	for (size_t digit = 0; digit < DIGITS; digit++) {
		if (!digit_of(differ, digit))
			continue;
		distribute(from, to, count, digit);
		uint64_t *old = from;
		from = to;
		to = old;
	}
	if (from != list)
		memcpy(list, from, count * sizeof(*list));
	free(spare);
}

/* Times of answers are nearly in the order of their requests: each moves up a few places. False when that takes too many steps; what
 * was done is done. */
static bool settle(uint64_t *list, size_t count)
{
	size_t steps = STEPS_EACH * count;
	for (size_t i = 1; i < count; i++) {
		uint64_t key = list[i];
		size_t at = i;
		for (; at > 0 && list[at - 1] > key && steps > 0; at--, steps--)
			list[at] = list[at - 1];
		list[at] = key;
		if (!steps)
			return false;
	}
	return true;
}

static void sort_u64(uint64_t *list, size_t count)
{
	if (settle(list, count))
		return;
	if (count > SHORT)
		sort_by_digits(list, count);
	else if (count > 1)
		qsort(list, count, sizeof(*list), compare_u64);
}

/* Keys in a list of their own: a number's bits are read and written whole. */
static uint64_t *keys_of(const void *list, size_t count)
{
	uint64_t *keys = fl_alloc_array(count + 1, sizeof(*keys));
	if (count)
		memcpy(keys, list, count * sizeof(*keys));
	return keys;
}

void fl_sort_times(int64_t *list, size_t count)
{
	uint64_t *keys = keys_of(list, count);
	for (size_t i = 0; i < count; i++)
		keys[i] ^= sign;
	sort_u64(keys, count);
	for (size_t i = 0; i < count; i++)
		keys[i] ^= sign;
	if (count)
		memcpy(list, keys, count * sizeof(*keys));
	free(keys);
}

void fl_sort_seconds(double *list, size_t count)
{
	uint64_t *keys = keys_of(list, count);
	for (size_t i = 0; i < count; i++)
		keys[i] = keys[i] & sign ? ~keys[i] : keys[i] | sign;
	sort_u64(keys, count);
	for (size_t i = 0; i < count; i++)
		keys[i] = keys[i] & sign ? keys[i] & ~sign : ~keys[i];
	if (count)
		memcpy(list, keys, count * sizeof(*keys));
	free(keys);
}

/* ---- stamps ---- */

static uint64_t key_of(const struct fl_stamp *s)
{
	return (uint64_t)s->time_ns ^ sign;
}

static bool stamps_in_order(const struct fl_stamp *list, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (list[i].time_ns < list[i - 1].time_ns)
			return false;
	return true;
}

static void distribute_stamps(const struct fl_stamp *from, struct fl_stamp *to, size_t count, size_t digit)
{
	size_t places[VALUES] = { 0 };
	for (size_t i = 0; i < count; i++)
		places[digit_of(key_of(&from[i]), digit)]++;
	begin_places(places);
	for (size_t i = 0; i < count; i++)
		to[places[digit_of(key_of(&from[i]), digit)]++] = from[i];
}

void fl_sort_stamps(struct fl_stamp *list, size_t count)
{
	if (stamps_in_order(list, count))
		return;
	struct fl_stamp *spare = fl_alloc_array(count, sizeof(*spare)), *from = list, *to = spare;
	uint64_t differ = 0;
	for (size_t i = 1; i < count; i++)
		differ |= key_of(&list[i]) ^ key_of(&list[0]);
	for (size_t digit = 0; digit < DIGITS; digit++) {
		if (!digit_of(differ, digit))
			continue;
		distribute_stamps(from, to, count, digit);
		struct fl_stamp *old = from;
		from = to;
		to = old;
	}
	if (from != list)
		memcpy(list, from, count * sizeof(*list));
	free(spare);
}

size_t fl_sort_distinct_u32(uint32_t *list, size_t count)
{
	size_t kept = 0;
	fl_sort_u32(list, count);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || list[i] != list[kept - 1])
			list[kept++] = list[i];
	return kept;
}

size_t fl_sort_distinct_texts(const char **list, size_t count)
{
	size_t kept = 0;
	fl_sort_texts(list, count);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || strcmp(list[i], list[kept - 1]) != 0)
			list[kept++] = list[i];
	return kept;
}

static int compare_addresses(const void *a, const void *b)
{
	return fl_addr_compare(a, b);
}

size_t fl_sort_distinct_addresses(struct fl_addr *list, size_t count)
{
	size_t kept = 0;

	if (count > 1)
		qsort(list, count, sizeof(*list), compare_addresses);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !fl_addr_equal(&list[i], &list[kept - 1]))
			list[kept++] = list[i];
	return kept;
}
