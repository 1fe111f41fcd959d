/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sort.c - qsort() with its comparisons, which differ between numbers and texts alone
 */
#include "faultline/sort.h"

#include <stdlib.h>
#include <string.h>

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
