/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_emit.h - JSON written as it is made, for documents of a hundred thousand records
 *
 * No tree: every call writes one value, into a buffer of its own. The bytes are those of fl_json_write() for the same
 * content. In objects every value has a @key, in arrays NULL. Calls must nest; depth is at most FL_JSON_EMIT_DEPTH.
 */
#ifndef FAULTLINE_JSON_EMIT_H
#define FAULTLINE_JSON_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "faultline/addr.h"

enum {
	FL_JSON_EMIT_DEPTH = 16,
	FL_JSON_EMIT_PIECE = 262144, /* what is written at a time; a file that grows by that has large pages in the kernel's cache */
	FL_JSON_EMIT_BUFFER = FL_JSON_EMIT_PIECE + 4096,
	FL_JSON_EMIT_KNOWN = 64,
	FL_JSON_EMIT_NUMBER = 31,
	FL_JSON_EMIT_MINUTES = 16,
	FL_JSON_EMIT_MINUTE = 17,
};

struct fl_json_emit {
	FILE *out;
	unsigned depth;
	struct {
		bool array, flat, any; /* flat: an array of scalars, on one line */
	} level[FL_JSON_EMIT_DEPTH];
	struct {
		double value; /* 0: none */
		uint8_t size;
		char text[FL_JSON_EMIT_NUMBER];
	} known[FL_JSON_EMIT_KNOWN]; /* fractions written last: quantiles are few different ones */
	struct {
		int64_t number; /* since the epoch, + 1; 0: none */
		char text[FL_JSON_EMIT_MINUTE];
	} minutes[FL_JSON_EMIT_MINUTES]; /* written last, as times begin in them */
	size_t used;
	char buffer[FL_JSON_EMIT_BUFFER];
};

void fl_json_emit_begin(struct fl_json_emit *e, FILE *out);
void fl_json_emit_end(struct fl_json_emit *e); /* final newline and flush to @out */

/* A member's name with its length, which the compiler knows of a constant; NULL in an array. */
struct fl_json_key {
	const char *text;
	size_t size;
};
static inline struct fl_json_key fl_json_key(const char *text)
{
	return (struct fl_json_key){ text, text ? strlen(text) : 0 };
}

void fl_json_emit_container_of(struct fl_json_emit *e, struct fl_json_key key, bool array, bool flat);
void fl_json_emit_string_of(struct fl_json_emit *e, struct fl_json_key key, const char *value);
void fl_json_emit_u64_of(struct fl_json_emit *e, struct fl_json_key key, uint64_t value);
void fl_json_emit_double_of(struct fl_json_emit *e, struct fl_json_key key, double value);
void fl_json_emit_bool_of(struct fl_json_emit *e, struct fl_json_key key, bool value);
void fl_json_emit_time_of(struct fl_json_emit *e, struct fl_json_key key, int64_t time_ns);

static inline void fl_json_emit_object(struct fl_json_emit *e, const char *key)
{
	fl_json_emit_container_of(e, fl_json_key(key), false, false);
}

static inline void fl_json_emit_array(struct fl_json_emit *e, const char *key, bool flat)
{
	fl_json_emit_container_of(e, fl_json_key(key), true, flat);
}

void fl_json_emit_close(struct fl_json_emit *e); /* the innermost object or array */

static inline void fl_json_emit_string(struct fl_json_emit *e, const char *key, const char *value) /* NULL: null */
{
	fl_json_emit_string_of(e, fl_json_key(key), value);
}

static inline void fl_json_emit_u64(struct fl_json_emit *e, const char *key, uint64_t value) /* exact, see json.h */
{
	fl_json_emit_u64_of(e, fl_json_key(key), value);
}

static inline void fl_json_emit_double(struct fl_json_emit *e, const char *key, double value) /* not finite: null */
{
	fl_json_emit_double_of(e, fl_json_key(key), value);
}

static inline void fl_json_emit_bool(struct fl_json_emit *e, const char *key, bool value)
{
	fl_json_emit_bool_of(e, fl_json_key(key), value);
}

static inline void fl_json_emit_time(struct fl_json_emit *e, const char *key, int64_t time_ns)
{
	fl_json_emit_time_of(e, fl_json_key(key), time_ns);
}

void fl_json_emit_address(struct fl_json_emit *e, const char *key, const struct fl_addr *a); /* none: null */

/* Whole flat arrays. */
void fl_json_emit_strings(struct fl_json_emit *e, const char *key, const char *const *list, size_t n);
void fl_json_emit_addresses(struct fl_json_emit *e, const char *key, const struct fl_addr *list, size_t n);

#endif
