/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.h - what another process writes to its standard error, line by line, as data
 *
 * A process that parses packets may be taken over; what it says is shown as its words, never as ours. Lines are cut, bytes that are not
 * printable ASCII become '?', and after WORDS_LINES_MAX lines of one process the others are read and thrown away.
 */
#ifndef FAULTLINE_WORDS_H
#define FAULTLINE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_LINE_MAX = 240 /* bytes, with the final zero */, WORDS_LINES_MAX = 256 };

struct words {
	int fd;                     /* reading end of a pipe, not blocking; -1: none, or it ended */
	char line[WORDS_LINE_MAX];
	size_t used;
	uint32_t lines;
	char in[512];               /* read, from in_at on not looked at yet */
	size_t in_at, in_used;
};

/* Takes over @fd. */
void words_init(struct words *w, int fd);
void words_fini(struct words *w);

/* The next line, when one is there; at most 64 KiB are read in a call. @text: printable ASCII, not empty. */
bool words_next(struct words *w, char text[static WORDS_LINE_MAX]);

#endif
