/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * strpool.h - each name stored once, compared by id
 *
 * Ids are dense from 1 in the order of first use; FL_STR_NONE (0) is "no
 * string". A pool may have a limit in bytes: past it new strings are refused
 * and counted, known ones are still found.
 */
#ifndef FAULTLINE_STRPOOL_H
#define FAULTLINE_STRPOOL_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t fl_str;
#define FL_STR_NONE ((fl_str)0)

struct fl_strpool;

/* @limit_bytes: of text, index and overhead together; 0 = none. */
struct fl_strpool *fl_strpool_new(size_t limit_bytes);
void fl_strpool_free(struct fl_strpool *p);

/* Id of the @size bytes at @s, added when new; the bytes are copied and must
 * not contain a zero. FL_STR_NONE when the pool is full, or @size is 0.
 * Expected O(size). */
fl_str fl_strpool_add(struct fl_strpool *p, const char *s, size_t size);
fl_str fl_strpool_find(const struct fl_strpool *p, const char *s, size_t size);

/* String @id of @from in @to, added when new; FL_STR_NONE for FL_STR_NONE, and when @to is full. */
fl_str fl_strpool_move(struct fl_strpool *to, const struct fl_strpool *from, fl_str id);

/* Zero-terminated, valid until fl_strpool_free() (it never moves);
 * NULL for FL_STR_NONE. */
const char *fl_strpool_get(const struct fl_strpool *p, fl_str id);

uint32_t fl_strpool_count(const struct fl_strpool *p);
uint64_t fl_strpool_refused(const struct fl_strpool *p);
size_t fl_strpool_bytes(const struct fl_strpool *p);

#endif
