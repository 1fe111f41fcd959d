/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sort.h - the orders that many lists have: numbers by value, texts by byte
 *
 * O(n log n) in place; empty lists are fine, NULL too. What is equal stands once after the _distinct ones. Times and seconds are
 * many in scans: those that nearly are in order settle by moving up a little, others, from some hundred on, are put in order digit by
 * digit beside a copy; both in O(n).
 */
#ifndef FAULTLINE_SORT_H
#define FAULTLINE_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "faultline/addr.h"

/* For qsort() and bsearch() over uint32_t (node ids, string ids), and over const char *. */
int fl_compare_u32(const void *a, const void *b);
int fl_compare_texts(const void *a, const void *b);

void fl_sort_u32(uint32_t *list, size_t count);
void fl_sort_texts(const char **list, size_t count);
void fl_sort_times(int64_t *list, size_t count);
void fl_sort_seconds(double *list, size_t count); /* no NaN; -0 and 0 are equal */
/* Something's time, and which it is. By time; of equals as they stood. */
struct fl_stamp {
	int64_t time_ns;
	uint32_t number;
};
void fl_sort_stamps(struct fl_stamp *list, size_t count);
/* Return: how many are left, at the front. */
size_t fl_sort_distinct_u32(uint32_t *list, size_t count);
size_t fl_sort_distinct_texts(const char **list, size_t count);
size_t fl_sort_distinct_addresses(struct fl_addr *list, size_t count);

#endif
