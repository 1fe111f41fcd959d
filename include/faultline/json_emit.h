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

#include "faultline/addr.h"

enum { FL_JSON_EMIT_DEPTH = 16, FL_JSON_EMIT_BUFFER = 65536, FL_JSON_EMIT_KNOWN = 64, FL_JSON_EMIT_NUMBER = 31 };

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
	size_t used;
	char buffer[FL_JSON_EMIT_BUFFER];
};

void fl_json_emit_begin(struct fl_json_emit *e, FILE *out);
void fl_json_emit_end(struct fl_json_emit *e); /* final newline and flush to @out */

void fl_json_emit_object(struct fl_json_emit *e, const char *key);
void fl_json_emit_array(struct fl_json_emit *e, const char *key, bool flat);
void fl_json_emit_close(struct fl_json_emit *e); /* the innermost object or array */

void fl_json_emit_string(struct fl_json_emit *e, const char *key, const char *value); /* NULL: null */
void fl_json_emit_u64(struct fl_json_emit *e, const char *key, uint64_t value);       /* exact, see json.h */
void fl_json_emit_double(struct fl_json_emit *e, const char *key, double value);      /* not finite: null */
void fl_json_emit_bool(struct fl_json_emit *e, const char *key, bool value);
void fl_json_emit_time(struct fl_json_emit *e, const char *key, int64_t time_ns);
void fl_json_emit_address(struct fl_json_emit *e, const char *key, const struct fl_addr *a); /* none: null */

/* Whole flat arrays. */
void fl_json_emit_strings(struct fl_json_emit *e, const char *key, const char *const *list, size_t n);
void fl_json_emit_addresses(struct fl_json_emit *e, const char *key, const struct fl_addr *list, size_t n);

#endif
