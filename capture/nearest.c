/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nearest.c - what a person who misspelt something may have meant
 *
 * Two letters in the wrong order are the commonest slip ("rnak"), and count as one, which plain Levenshtein distance takes for
 * two; three rows of the table are kept, since a swap reaches back over one. Words that are proposed are few and
 * ours (commands, options) or those of a graph, so no index is kept: every word is tried.
 */
#include "faultline/nearest.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

enum { SHORT = 4 }; /* below it two slips make any word of any other */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned fl_typing_distance(const char *text, size_t text_size, const char *word, size_t word_size)
{
	unsigned rows[3][FL_TYPED_MAX + 1]; /* of the letter of @word, the one before, and before that */

	if (text_size > FL_TYPED_MAX || word_size > 2 * FL_TYPED_MAX)
		return UINT_MAX;
	for (unsigned i = 0; i <= text_size; i++)
		rows[0][i] = i;
	for (size_t j = 1; j <= word_size; j++) {
		unsigned *row = rows[j % 3];
		const unsigned *before = rows[(j + 2) % 3], *earlier = rows[(j + 1) % 3];

		row[0] = (unsigned)j;
		for (size_t i = 1; i <= text_size; i++) {
			row[i] = least(before[i - 1] + (text[i - 1] != word[j - 1]), least(row[i - 1], before[i]) + 1);
			if (i > 1 && j > 1 && text[i - 1] == word[j - 2] && text[i - 2] == word[j - 1])
				row[i] = least(row[i], earlier[i - 2] + 1);
		}
	}
	return rows[word_size % 3][text_size];
}

unsigned fl_typing_limit(size_t size)
{
	return size < SHORT ? 1 : 2;
}

void fl_nearest_offer(struct fl_nearest *n, const char *word)
{
	size_t size = strlen(word);
	bool begins = n->size >= 2 && size > n->size && memcmp(word, n->text, n->size) == 0;
	unsigned distance = begins ? 1 : fl_typing_distance(n->text, n->size, word, size);

	/* A word all of whose letters are wrong is not near, however short it is. */
	if (distance > fl_typing_limit(n->size) || distance >= size || (n->best && distance >= n->distance))
		return;
	n->best = word;
	n->distance = distance;
}
