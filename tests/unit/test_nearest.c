/* SPDX-License-Identifier: BSD-2-Clause */
/* test_nearest.c - what was meant by a text with slips in it */
#include "unit.h"

#include <string.h>

#include "faultline/nearest.h"
#include "faultline/status.h"

static const struct distance_row {
	const char *name, *text, *word;
	unsigned distance;
} distances[] = {
	{ "the same text is no slip away", "rank", "rank", 0 },
	{ "two neighbours swapped are one slip", "rnak", "rank", 1 },
	{ "a letter too many is one", "rankk", "rank", 1 },
	{ "a letter too few is one", "rak", "rank", 1 },
	{ "another letter is one", "rink", "rank", 1 },
	{ "a swap at either end counts once each", "arkn", "rank", 2 },
	{ "an empty text lacks every letter", "", "rank", 4 },
	{ "an empty word has every letter too few", "rank", "", 4 },
	{ "two swaps that overlap are not one", "cab", "abc", 2 },
};

static void slips_are_counted(void **state)
{
	const struct distance_row *row = *state;
	assert_int_equal(fl_typing_distance(row->text, strlen(row->text), row->word, strlen(row->word)), row->distance);
}

static const struct nearest_row {
	const char *name, *text, *best;
} nearests[] = {
	{ "a swap finds its word", "rnak", "rank" },
	{ "what a word begins with finds it", "intern", "internal" },
	{ "of equally near ones the first stays", "inter", "interface" },
	{ "one letter is no beginning", "i", NULL },
	{ "another word finds nothing", "frobnicate", NULL },
	{ "short words with all letters wrong are not near", "xy", NULL },
	{ "an empty text finds nothing", "", NULL },
	{ "a text longer than any is near to nothing",
	  "rankrankrankrankrankrankrankrankrankrankrankrankrankrankrankrankr", NULL },
};

static void the_nearest_is_found(void **state)
{
	static const char *const words[] = { "o", "of", "rank", "risk", "interface", "internal" };
	const struct nearest_row *row = *state;
	struct fl_nearest near = { .text = row->text, .size = strlen(row->text) };
	for (size_t i = 0; i < FL_ARRAY_LEN(words); i++)
		fl_nearest_offer(&near, words[i]);
	assert_string_equal(near.best ? near.best : "nothing", row->best ? row->best : "nothing");
}

int main(void)
{
	enum { D = FL_ARRAY_LEN(distances), N = FL_ARRAY_LEN(nearests) };
	struct CMUnitTest tests[D + N];
	for (size_t i = 0; i < D; i++)
		tests[i] = (struct CMUnitTest){ .name = distances[i].name, .test_func = slips_are_counted,
						.initial_state = (void *)(uintptr_t)&distances[i] };
	for (size_t i = 0; i < N; i++)
		tests[D + i] = (struct CMUnitTest){ .name = nearests[i].name, .test_func = the_nearest_is_found,
						    .initial_state = (void *)(uintptr_t)&nearests[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
