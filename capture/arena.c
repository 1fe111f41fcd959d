/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c - memory that dies together
 *
 * A chain of blocks, each twice the one before up to a limit; objects are cut
 * off the newest block. An object larger than a quarter of the next block gets
 * a block of its own behind the newest, so that it does not waste the rest.
 *
 * Blocks come zeroed from the system, and nothing is ever given back before
 * the end, so objects are zeroed without another pass. Under AddressSanitizer
 * all that was not handed out is poisoned, and RED_ZONE bytes stay so behind
 * each object: an arena must not hide overflows from the sanitizer.
 */
#include "faultline/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"

#if defined(__SANITIZE_ADDRESS__)
#define FL_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FL_ASAN 1
#endif
#endif

#ifdef FL_ASAN
#include <sanitizer/asan_interface.h>
enum { RED_ZONE = 16 };
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
enum { RED_ZONE = 0 };
#endif

enum {
	ALIGNMENT = alignof(max_align_t),
	BLOCK_FIRST = 4096,
	BLOCK_MAX = 1 << 20, /* past it doubling saves nothing */
};

struct block {
	struct block *next;
	size_t size; /* of data[] */
	size_t used;
	alignas(max_align_t) unsigned char data[];
};

struct fl_arena {
	struct block *newest;
	size_t block_size; /* of the next one */
	size_t handed_out;
};

struct fl_arena *fl_arena_new(void)
{
	struct fl_arena *a = fl_alloc(sizeof(*a));

	a->block_size = BLOCK_FIRST;
	return a;
}

void fl_arena_free(struct fl_arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->newest, *next; b; b = next) {
		next = b->next;
		ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
		free(b);
	}
	free(a);
}

static struct block *block_new(size_t size)
{
	if (size > SIZE_MAX - sizeof(struct block))
		fl_out_of_memory();
	struct block *b = fl_alloc_table(1, sizeof(*b) + size); /* a large one is an array that will be filled */

	b->size = size;
	ASAN_POISON_MEMORY_REGION(b->data, b->size);
	return b;
}

/* A block with @size free bytes; it becomes the newest unless the object is large. */
static struct block *block_for(struct fl_arena *a, size_t size)
{
	struct block *newest = a->newest;

	if (newest && newest->size - newest->used >= size)
		return newest;
	if (newest && size > a->block_size / 4) {
		struct block *own = block_new(size);
		own->next = newest->next;
		newest->next = own;
		return own;
	}
	struct block *b = block_new(size > a->block_size ? size : a->block_size);
	b->next = newest;
	a->newest = b;
	if (a->block_size < BLOCK_MAX)
		a->block_size *= 2;
	return b;
}

void *fl_arena_alloc(struct fl_arena *a, size_t size)
{
	if (size > SIZE_MAX - RED_ZONE - 2 * ALIGNMENT)
		fl_out_of_memory();
	size_t room = (size + RED_ZONE + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct block *b = block_for(a, room ? room : ALIGNMENT);
	void *object = b->data + b->used;

	b->used += room ? room : ALIGNMENT;
	a->handed_out += size;
	ASAN_UNPOISON_MEMORY_REGION(object, size);
	return object;
}

void *fl_arena_array(struct fl_arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		fl_out_of_memory();
	return fl_arena_alloc(a, count * size);
}

char *fl_arena_string(struct fl_arena *a, const char *s)
{
	return s ? fl_arena_string_n(a, s, strlen(s)) : NULL;
}

char *fl_arena_string_n(struct fl_arena *a, const char *s, size_t size)
{
	if (size == SIZE_MAX)
		fl_out_of_memory();
	char *copy = fl_arena_alloc(a, size + 1);

	if (size)
		memcpy(copy, s, size);
	return copy;
}

char *fl_arena_count(struct fl_arena *a, uint64_t n)
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	char *text = fl_arena_alloc(a, 2 * sizeof(digits)), *out = text;
	for (int i = 0; i < size; i++) {
		if (i > 0 && (size - i) % 3 == 0)
			*out++ = ' ';
		*out++ = digits[i];
	}
	return text;
}

char *fl_arena_printf(struct fl_arena *a, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = fl_arena_alloc(a, size < 0 ? 1 : (size_t)size + 1);
	if (size > 0)
		vsnprintf(text, (size_t)size + 1, format, again);
	va_end(again);
	return text;
}

size_t fl_arena_used(const struct fl_arena *a)
{
	return a->handed_out;
}
