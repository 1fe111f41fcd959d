/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status.h - how faultline's functions fail
 *
 * Four kinds of trouble are kept apart:
 *   a bug in our code          assert()
 *   the operation failed       int: 0 or a negative errno value; functions a
 *                              user sees the failure of also fill fl_error
 *   the bytes are odd          enum fl_parse, counted, never an error
 *   the picture is incomplete  counters that end in the scan's coverage
 * Running out of memory ends the process: fl_alloc() and its kin never return
 * NULL. Capture tables do not grow without limit, they evict and count.
 * Library code never prints; commands print fl_error.text once.
 */
#ifndef FAULTLINE_STATUS_H
#define FAULTLINE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FL_ERROR_MAX = 512 }; /* bytes, with the final zero */

/* One sentence for the user: what, where (file and place), and the remedy.
 * Contains no control characters, whatever the file name was. */
struct fl_error {
	char text[FL_ERROR_MAX];
};

/* What a parser says of bytes from outside. */
enum fl_parse {
	FL_PARSE_OK,
	FL_PARSE_TRUNCATED,   /* the snap length cut it: may be well-formed */
	FL_PARSE_MORE,        /* a stream that is not complete yet */
	FL_PARSE_MALFORMED,   /* contradicts its specification */
	FL_PARSE_UNSUPPORTED, /* well-formed, but nothing we read */
};
enum { FL_PARSE_COUNT = FL_PARSE_UNSUPPORTED + 1 };

/* Exit codes of every command. */
enum { FL_EXIT_OK = 0, FL_EXIT_FOUND = 1, FL_EXIT_ERROR = 2 };

/**
 * fl_fail() - Fill @err and return @code
 * @err:  filled with the formatted sentence, control characters replaced by
 *        '?', cut at FL_ERROR_MAX; may be NULL
 * @code: negative errno value, returned unchanged
 */
int fl_fail(struct fl_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* One line on standard error, then exit with FL_EXIT_ERROR. */
_Noreturn void fl_out_of_memory(void);
/* For a process that runs for months: what is large goes back to the system when it is freed, however often it was freed before. */
void fl_fix_memory(void);
/* After much was freed at once: pages of the heap go back to the system, where the C library keeps them. */
void fl_trim_memory(void);

/* Allocation that cannot fail: prints one line to standard error and exits
 * with FL_EXIT_ERROR when the system has no memory left. Sizes are checked for
 * overflow. fl_alloc() and fl_alloc_array() return zeroed memory. Free with
 * free(). */
void *fl_alloc(size_t size);
void *fl_alloc_array(size_t count, size_t size);
/* The same for a table that is looked into all over: large pages where the kernel has them, so that a look-up that misses the
 * cache does not miss the page tables as well. */
void *fl_alloc_table(size_t count, size_t size);
void *fl_grow_array(void *old, size_t count, size_t size); /* not zeroed */
char *fl_copy_string(const char *s);                       /* NULL stays NULL */

/* Capacity for an array that must hold @needed items: doubles from 8. */
size_t fl_grown(size_t capacity, size_t needed);

#define FL_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
