/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.h - memory that dies together
 *
 * For one loaded scan, one graph, one analysis run: many small objects, one
 * owner, one free. Not for flows or streams, which die one by one. Under
 * AddressSanitizer every object gets a poisoned red zone behind it.
 */
#ifndef FAULTLINE_ARENA_H
#define FAULTLINE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct fl_arena;

struct fl_arena *fl_arena_new(void);
void fl_arena_free(struct fl_arena *a); /* NULL is fine */

/* Zeroed, aligned for any type, valid until fl_arena_free(). Never NULL. */
void *fl_arena_alloc(struct fl_arena *a, size_t size);
void *fl_arena_array(struct fl_arena *a, size_t count, size_t size);
char *fl_arena_string(struct fl_arena *a, const char *s); /* NULL stays NULL */
char *fl_arena_string_n(struct fl_arena *a, const char *s, size_t size);
char *fl_arena_count(struct fl_arena *a, uint64_t n); /* in groups of three digits: "12 345" */
char *fl_arena_printf(struct fl_arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Bytes handed out so far, without overhead. */
size_t fl_arena_used(const struct fl_arena *a);

#endif
