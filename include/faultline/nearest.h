/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nearest.h - what a person who misspelt something may have meant
 */
#ifndef FAULTLINE_NEAREST_H
#define FAULTLINE_NEAREST_H

#include <stddef.h>

enum { FL_TYPED_MAX = 64 }; /* bytes; longer texts are near to nothing, since the distance is quadratic */

/**
 * fl_typing_distance() - Slips of the finger between two texts
 * @text: what was typed, @text_size bytes
 * @word: what may be meant, @word_size bytes
 *
 * Bytes to insert, to leave out, to replace, and neighbours to swap: the optimal string alignment distance. @text_size times
 * @word_size steps. UINT_MAX where @text is longer than FL_TYPED_MAX, or @word than twice that.
 */
unsigned fl_typing_distance(const char *text, size_t text_size, const char *word, size_t word_size);

/* How far a slip may be from what was meant: a text of @size bytes that is further away is another one. */
unsigned fl_typing_limit(size_t size);

/* The nearest of several words: fill @text and @size, offer every word, read @best (NULL: none is near). Of equally near ones the first
 * stays. A word that begins with the text is as near as one slip. */
struct fl_nearest {
	const char *text; /* borrowed, as all words are */
	size_t size;
	const char *best;
	unsigned distance;
};
void fl_nearest_offer(struct fl_nearest *n, const char *word);

#endif
