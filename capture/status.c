/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status.c - how functions fail, and the allocation that cannot
 *
 * Error sentences carry file names, member names and values that came from
 * outside, and they end on a terminal. They are cleaned here, once, after
 * formatting, so that no caller can forget it. The sentence is formatted into
 * a buffer of its own first: callers like to put the old text of the same
 * fl_error into the new one.
 *
 * Memory that the system refuses ends the process. Every table with a limit
 * stays far from that point, and an analysis that lacks memory has no better
 * answer than to say so; in return no algorithm has an error path for it.
 */
#include "faultline/status.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "faultline/utf8.h"

/* Copy @from with harmful characters as '?'; never longer than @from. */
static void copy_clean(char *to, const char *from, size_t size)
{
	while (size > 0) {
		uint32_t character;
		size_t length = fl_utf8_decode(from, size, &character);

		if (fl_utf8_is_harmful(character)) {
			*to++ = '?';
		} else {
			memcpy(to, from, length);
			to += length;
		}
		from += length;
		size -= length;
	}
	*to = '\0';
}

/* Bytes of @text without the character that the end of the buffer cut in two. */
static size_t without_cut_character(const char *text, size_t size)
{
	size_t back = 1;

	while (back < 4 && back < size && ((unsigned char)text[size - back] & 0xc0) == 0x80)
		back++;
	unsigned char first = (unsigned char)text[size - back];
	size_t wants = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	return wants > back ? size - back : size;
}

int fl_fail(struct fl_error *err, int code, const char *format, ...)
{
	char text[FL_ERROR_MAX];
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	int wanted = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (wanted < 0) /* the format is ours, so this is a number too large to print */
		wanted = snprintf(text, sizeof(text), "failed with error %d", -code);
	size_t size = (size_t)wanted;
	if (size >= sizeof(text))
		size = without_cut_character(text, sizeof(text) - 1);
	copy_clean(err->text, text, size);
	return code;
}

void fl_out_of_memory(void)
{
	fputs("faultline: out of memory; give it more, or fewer inputs at once\n", stderr);
	exit(FL_EXIT_ERROR);
}

void fl_fix_memory(void)
{
#ifdef __GLIBC__
	enum { LARGE = 256 << 10, TRIM = 1 << 20 };
	mallopt(M_MMAP_THRESHOLD, LARGE);
	mallopt(M_TRIM_THRESHOLD, TRIM);
#endif
}

void fl_trim_memory(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

void *fl_alloc(size_t size)
{
	return fl_alloc_array(1, size);
}

void *fl_alloc_array(size_t count, size_t size)
{
	void *p = count && size ? calloc(count, size) : calloc(1, 1);

	if (!p)
		fl_out_of_memory();
	return p;
}

void *fl_alloc_table(size_t count, size_t size)
{
	enum { HUGE_PAGE = 2 << 20 };
	void *memory = fl_alloc_array(count, size);
	uintptr_t page = HUGE_PAGE - 1;
	uintptr_t begin = ((uintptr_t)memory + page) & ~page;
	uintptr_t end = ((uintptr_t)memory + count * size) & ~page;
	if (begin < end)
		(void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
	return memory;
}

void *fl_grow_array(void *old, size_t count, size_t size)
{
	void *p = count && size ? reallocarray(old, count, size) : realloc(old, 1);

	if (!p)
		fl_out_of_memory();
	return p;
}

char *fl_copy_string(const char *s)
{
	if (!s)
		return NULL;
	size_t size = strlen(s) + 1;
	return memcpy(fl_alloc(size), s, size);
}

size_t fl_grown(size_t capacity, size_t needed)
{
	if (capacity < 8)
		capacity = 8;
	while (capacity < needed) {
		if (capacity > SIZE_MAX / 2)
			return needed;
		capacity *= 2;
	}
	return capacity;
}
