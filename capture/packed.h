/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packed.h - text that is compressed while it is written, and unpacked a piece at a time
 *
 * Scans are forty times as large as text as they are packed. Neither who writes one nor who reads it has the whole text in memory.
 */
#ifndef FAULTLINE_PACKED_H
#define FAULTLINE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "faultline/status.h"

/* In the form of RFC 1950. Memory is the owner's: packed_fini(). */
struct packed {
	unsigned char *data;
	size_t size, capacity;
	uint64_t text_size;   /* bytes that were written */
	uint64_t tree_max;    /* bytes that the tree of it takes at most, when it is JSON: see fl_json_parse_bounded() */
};

enum { PACKED_FAST = 1, PACKED_SMALL = 6 };

/* What is written to the file goes into @p, which is begun anew, and is complete when the file is closed. */
FILE *packed_open(struct packed *p, int level);
void packed_fini(struct packed *p);

/* Texts behind each other, each ended by this byte, which no JSON text contains. */
enum { PACKED_SEPARATOR = 0x1e };

struct unpacking;
/* @data is borrowed. No piece may be larger than @piece_max, all together not larger than @text_max bytes. */
struct unpacking *unpacking_new(const void *data, size_t size, size_t piece_max, uint64_t text_max);
void unpacking_free(struct unpacking *u);
/* The next piece: 1, with @text borrowed until the next call; 0 after the last; -EBADMSG: damaged, or cut short; -EFBIG. */
int unpacking_next(struct unpacking *u, const char **text, size_t *size);

#endif
