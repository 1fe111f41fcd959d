/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_stream.c - segments in, bytes in order out
 *
 * Every stream begins shortly before the end of the sequence number space, so every
 * row crosses it.
 */
#include "unit.h"

#include "faultline/stream.h"

enum { FIRST = -3, MAX_SEGMENTS = 8 };

struct segment {
	int at;            /* offset of the first byte; 99 ends the table */
	const char *bytes;
	size_t take;       /* consume this many of what is given; 99: all */
	const char *out;   /* what must be given */
	enum fl_parse parse;
	size_t missing;
};

struct row {
	const char *name;
	struct segment segments[MAX_SEGMENTS];
	bool closed;
};

#define END { 99, NULL, 0, NULL, FL_PARSE_OK, 0 }

static struct row rows[] = {
	{ "in order and taken: never stored",
	  { { 0, "abc", 99, "abc", FL_PARSE_OK, 0 }, { 3, "def", 99, "def", FL_PARSE_OK, 0 }, END }, false },
	{ "bytes left over are given again with more",
	  { { 0, "abc", 1, "abc", FL_PARSE_OK, 0 }, { 3, "de", 0, "bcde", FL_PARSE_OK, 0 },
	    { 5, "f", 99, "bcdef", FL_PARSE_OK, 0 }, { 6, "g", 99, "g", FL_PARSE_OK, 0 }, END }, false },
	{ "a hole keeps what is behind it",
	  { { 3, "def", 0, "", FL_PARSE_MORE, 0 }, { 0, "abc", 99, "abcdef", FL_PARSE_OK, 0 }, END }, false },
	{ "two holes, filled from the back",
	  { { 6, "gh", 0, "", FL_PARSE_MORE, 0 }, { 2, "cd", 0, "", FL_PARSE_MORE, 0 },
	    { 4, "ef", 0, "", FL_PARSE_MORE, 0 }, { 0, "ab", 99, "abcdefgh", FL_PARSE_OK, 0 }, END }, false },
	{ "retransmission brings nothing",
	  { { 0, "abc", 99, "abc", FL_PARSE_OK, 0 }, { 0, "xyz", 99, "", FL_PARSE_OK, 0 },
	    { 1, "xy", 99, "", FL_PARSE_OK, 0 }, END }, false },
	{ "retransmission with new bytes gives the new ones",
	  { { 0, "abc", 99, "abc", FL_PARSE_OK, 0 }, { 1, "xyde", 99, "de", FL_PARSE_OK, 0 }, END }, false },
	{ "retransmission of bytes that wait to be taken brings nothing",
	  { { 0, "abc", 0, "abc", FL_PARSE_OK, 0 }, { 0, "abc", 0, "", FL_PARSE_OK, 0 },
	    { 3, "d", 99, "abcd", FL_PARSE_OK, 0 }, END }, false },
	{ "a copy that agrees, over pieces behind a hole",
	  { { 3, "de", 0, "", FL_PARSE_MORE, 0 }, { 2, "cdef", 0, "", FL_PARSE_MORE, 0 },
	    { 0, "abcdefgh", 99, "abcdefgh", FL_PARSE_OK, 0 }, END }, false },
	{ "a copy that differs in bytes that wait to be taken ends the stream",
	  { { 0, "abc", 0, "abc", FL_PARSE_OK, 0 }, { 0, "abx", 0, "", FL_PARSE_MALFORMED, 0 }, { 3, "d", 0, "", FL_PARSE_OK, 0 }, END }, true },
	{ "a copy that differs behind a hole ends the stream",
	  { { 3, "def", 0, "", FL_PARSE_MORE, 0 }, { 2, "cxef", 0, "", FL_PARSE_MALFORMED, 0 }, { 0, "abc", 0, "", FL_PARSE_OK, 0 }, END }, true },
	{ "a copy that differs in the last of three pieces ends the stream",
	  { { 2, "c", 0, "", FL_PARSE_MORE, 0 }, { 4, "e", 0, "", FL_PARSE_MORE, 0 }, { 6, "g", 0, "", FL_PARSE_MORE, 0 },
	    { 0, "abcdefx", 0, "", FL_PARSE_MALFORMED, 0 }, END }, true },
	{ "a copy that differs in bytes that were taken is none",
	  { { 0, "abc", 2, "abc", FL_PARSE_OK, 0 }, { 0, "xxcd", 99, "cd", FL_PARSE_OK, 0 }, END }, false },
	{ "one byte that differs ends the stream, too",
	  { { 0, "abc", 0, "abc", FL_PARSE_OK, 0 }, { 2, "x", 0, "", FL_PARSE_MALFORMED, 0 }, END }, true },
	{ "the same segment behind a hole twice",
	  { { 3, "def", 0, "", FL_PARSE_MORE, 0 }, { 3, "def", 0, "", FL_PARSE_MORE, 0 },
	    { 0, "abc", 99, "abcdef", FL_PARSE_OK, 0 }, END }, false },
	{ "taking less than there is behind a filled hole",
	  { { 2, "cd", 0, "", FL_PARSE_MORE, 0 }, { 6, "g", 0, "", FL_PARSE_MORE, 0 },
	    { 0, "ab", 3, "abcd", FL_PARSE_OK, 0 }, { 4, "ef", 99, "defg", FL_PARSE_OK, 0 }, END }, false },
	{ "cut bytes close the stream, what came before is given",
	  { { 0, "abc", 99, "abc", FL_PARSE_TRUNCATED, 5 }, { 8, "x", 0, "", FL_PARSE_OK, 0 }, END }, true },
	{ "cut bytes behind stored ones: all in order is given",
	  { { 0, "ab", 0, "ab", FL_PARSE_OK, 0 }, { 2, "cd", 0, "abcd", FL_PARSE_TRUNCATED, 1 }, END }, true },
	{ "cut bytes that are known already do no harm",
	  { { 0, "abcdef", 99, "abcdef", FL_PARSE_OK, 0 }, { 0, "ab", 0, "", FL_PARSE_OK, 4 },
	    { 6, "g", 99, "g", FL_PARSE_OK, 0 }, END }, false },
	{ "cut bytes of which some are new close the stream",
	  { { 0, "abcdef", 99, "abcdef", FL_PARSE_OK, 0 }, { 0, "ab", 0, "", FL_PARSE_TRUNCATED, 5 }, END },
	  true },
	{ "an empty segment says nothing", { { 0, "", 0, "", FL_PARSE_OK, 0 }, END }, false },
	{ "a segment past the window gives the stream up",
	  { { FL_STREAM_WINDOW, "x", 0, "", FL_PARSE_TRUNCATED, 0 }, END }, true },
	{ "the last byte of the window is kept",
	  { { FL_STREAM_WINDOW - 1, "x", 0, "", FL_PARSE_MORE, 0 }, { 0, "a", 99, "a", FL_PARSE_OK, 0 }, END },
	  false },
};

static uint32_t seq_of(int offset)
{
	return (uint32_t)(FIRST + offset);
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct fl_stream_pool *pool = fl_stream_pool_new(1 << 20);
	struct fl_stream s = { 0 };
	fl_stream_start(&s, seq_of(0));
	for (const struct segment *g = row->segments; g->at != 99; g++) {
		struct fl_slice out;
		size_t size = strlen(g->bytes);
		char *packet = malloc(size + 1); /* gone after consume, as a packet is */
		assert_non_null(packet);
		memcpy(packet, g->bytes, size + 1);
		enum fl_parse parse =
			fl_stream_add(&s, pool, seq_of(g->at), (uint8_t *)packet, size, g->missing, &out);
		assert_int_equal(parse, g->parse);
		assert_int_equal(out.size, strlen(g->out));
		if (out.size)
			assert_memory_equal(out.data, g->out, out.size);
		if (out.size)
			fl_stream_consume(&s, pool, g->take == 99 ? out.size : g->take);
		free(packet);
	}
	assert_int_equal(s.closed, row->closed);
	if (s.closed)
		assert_int_equal(fl_stream_pool_used(pool), 0);
	fl_stream_close(&s, pool);
	assert_int_equal(fl_stream_pool_used(pool), 0);
	fl_stream_pool_free(pool);
}

static void a_zero_byte_again_is_a_keep_alive(void **state)
{
	(void)state;
	struct fl_stream_pool *pool = fl_stream_pool_new(1 << 20);
	struct fl_stream s = { 0 };
	struct fl_slice out;
	assert_int_equal(fl_stream_add(&s, pool, 7, (const uint8_t *)"abc", 3, 0, &out), FL_PARSE_OK);
	fl_stream_consume(&s, pool, 0);
	assert_int_equal(fl_stream_add(&s, pool, 9, (const uint8_t *)"", 1, 0, &out), FL_PARSE_OK);
	assert_int_equal(fl_stream_add(&s, pool, 10, (const uint8_t *)"d", 1, 0, &out), FL_PARSE_OK);
	assert_memory_equal(out.data, "abcd", 4);
	assert_int_equal(fl_stream_pool_contradicted(pool), 0);
	assert_int_equal(fl_stream_add(&s, pool, 8, (const uint8_t *)"x", 1, 0, &out), FL_PARSE_MALFORMED);
	assert_int_equal(fl_stream_pool_contradicted(pool), 1);
	assert_int_equal(fl_stream_pool_refused(pool), 0);
	fl_stream_pool_free(pool);
}

static void a_stream_without_a_start_starts_at_its_first_segment(void **state)
{
	(void)state;
	struct fl_stream_pool *pool = fl_stream_pool_new(1 << 20);
	struct fl_stream s = { 0 };
	struct fl_slice out;
	assert_int_equal(fl_stream_add(&s, pool, 77, (const uint8_t *)"abc", 3, 0, &out), FL_PARSE_OK);
	assert_int_equal(out.size, 3);
	fl_stream_consume(&s, pool, 3);
	assert_int_equal(s.next_seq, 80);
	fl_stream_pool_free(pool);
}

static void a_full_pool_gives_streams_up_and_counts_them(void **state)
{
	(void)state;
	struct fl_stream_pool *pool = fl_stream_pool_new(3 * FL_STREAM_BLOCK);
	struct fl_stream s[4] = { { 0 } };
	struct fl_slice out;
	for (unsigned i = 0; i < 4; i++) {
		fl_stream_start(&s[i], 0);
		enum fl_parse parse = fl_stream_add(&s[i], pool, 10, (const uint8_t *)"abc", 3, 0, &out);
		assert_int_equal(parse, i < 3 ? FL_PARSE_MORE : FL_PARSE_TRUNCATED);
	}
	assert_true(s[3].closed);
	assert_int_equal(fl_stream_pool_refused(pool), 1);
	assert_int_equal(fl_stream_pool_used(pool), 3 * FL_STREAM_BLOCK);
	fl_stream_close(&s[0], pool);
	struct fl_stream again = { 0 };
	(void)fl_stream_add(&again, pool, 0, (const uint8_t *)"abc", 3, 0, &out);
	fl_stream_consume(&again, pool, 1);
	assert_false(again.closed);
	assert_int_equal(fl_stream_pool_used(pool), 3 * FL_STREAM_BLOCK);
	fl_stream_pool_free(pool);
}

static void a_pool_without_memory_still_passes_bytes_through(void **state)
{
	(void)state;
	struct fl_stream_pool *pool = fl_stream_pool_new(0);
	struct fl_stream s = { 0 };
	struct fl_slice out;
	assert_int_equal(fl_stream_add(&s, pool, 1, (const uint8_t *)"abc", 3, 0, &out), FL_PARSE_OK);
	assert_int_equal(out.size, 3);
	fl_stream_consume(&s, pool, 2);
	assert_true(s.closed);
	fl_stream_pool_free(pool);
}

static void too_many_holes_give_the_stream_up(void **state)
{
	(void)state;
	struct fl_stream_pool *pool = fl_stream_pool_new(1 << 20);
	struct fl_stream s = { 0 };
	struct fl_slice out;
	fl_stream_start(&s, 0);
	for (uint32_t i = 1; i <= 64; i++)
		assert_int_equal(fl_stream_add(&s, pool, 2 * i, (const uint8_t *)"x", 1, 0, &out),
			FL_PARSE_MORE);
	assert_int_equal(fl_stream_add(&s, pool, 2 * 65, (const uint8_t *)"x", 1, 0, &out), FL_PARSE_TRUNCATED);
	assert_int_equal(fl_stream_pool_refused(pool), 1);
	assert_int_equal(fl_stream_pool_used(pool), 0);
	fl_stream_pool_free(pool);
}

static void freed_pieces_join_to_a_window_again(void **state)
{
	(void)state;
	enum { STREAMS = 64 };
	struct fl_stream_pool *pool = fl_stream_pool_new(FL_STREAM_WINDOW);
	static uint8_t window[FL_STREAM_WINDOW];
	struct fl_slice out;
	struct fl_stream s[STREAMS] = { { 0 } };
	for (unsigned i = 0; i < STREAMS; i++) {
		(void)fl_stream_add(&s[i], pool, 0, window, 10, 0, &out);
		fl_stream_consume(&s[i], pool, 0);
	}
	assert_int_equal(fl_stream_pool_used(pool), FL_STREAM_WINDOW);
	for (unsigned i = 0; i < STREAMS; i++)
		fl_stream_close(&s[i * 37 % STREAMS], pool);
	struct fl_stream large = { 0 };
	(void)fl_stream_add(&large, pool, 0, window, sizeof(window), 0, &out);
	fl_stream_consume(&large, pool, 0);
	assert_false(large.closed);
	assert_int_equal(fl_stream_pool_used(pool), FL_STREAM_WINDOW);
	fl_stream_pool_free(pool);
}

static uint32_t next_random(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 8;
}

/* Random cuts of one text, out of order, overlapping, repeated; random appetite. What is taken must be the
 * text from its beginning. */
static void random_segments_give_the_text(void **state)
{
	(void)state;
	enum { TEXT = 20000, ROUNDS = 300 };
	static uint8_t text[TEXT];
	uint32_t random = 1;
	for (size_t i = 0; i < TEXT; i++)
		text[i] = (uint8_t)next_random(&random);
	struct fl_stream_pool *pool = fl_stream_pool_new(1 << 20);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct fl_stream s = { 0 };
		uint32_t first = 0u - next_random(&random) % TEXT;
		size_t taken = 0;
		fl_stream_start(&s, first);
		while (taken < TEXT && !s.closed) {
			size_t at = taken + next_random(&random) % 4000;
			at = at > 1000 ? at - 1000 : 0;
			at = at < TEXT ? at : TEXT - 1;
			size_t size = 1 + next_random(&random) % 1500;
			size = size < TEXT - at ? size : TEXT - at;
			struct fl_slice out;
			(void)fl_stream_add(&s, pool, first + (uint32_t)at, text + at, size, 0, &out);
			if (out.size == 0)
				continue;
			assert_true(out.size <= TEXT - taken);
			assert_memory_equal(out.data, text + taken, out.size);
			size_t n = round % 2 ? out.size : next_random(&random) % (out.size + 1);
			fl_stream_consume(&s, pool, n);
			taken += n;
			/* What waits is only shown again with more: take it when the text is complete. */
			if (taken + (out.size - n) == TEXT)
				break;
		}
		fl_stream_close(&s, pool);
		assert_int_equal(fl_stream_pool_used(pool), 0);
	}
	assert_int_equal(fl_stream_pool_refused(pool), 0);
	fl_stream_pool_free(pool);
}

struct resume_row {
	const char *name;
	uint32_t kept;         /* bytes of the text that the reader has and waits with */
	uint32_t pieces[4][2]; /* that come behind: from, to; 0, 0 ends them */
	uint32_t marks[3];     /* 0 ends them */
	uint32_t ack;
	bool given_up;
	const char *out;       /* "" and given_up: the stream is closed */
};

static struct resume_row resume_rows[] = {
	{ "nothing is missing: what is acknowledged changes nothing", 3, { { 0 } }, { 0 }, 3, false, "" },
	{ "a hole that is acknowledged in part is waited for", 0, { { 4, 8 } }, { 4 }, 3, false, "" },
	{ "behind a hole that is acknowledged reading goes on at the mark", 0, { { 4, 8 } }, { 4 }, 4, true, "efgh" },
	{ "a mark inside a piece leaves what comes before it", 0, { { 4, 6 }, { 6, 9 } }, { 6 }, 9, true, "ghi" },
	{ "what waited in front of the hole is forgotten", 2, { { 4, 8 } }, { 4 }, 8, true, "efgh" },
	{ "without a mark the stream is closed", 0, { { 4, 8 } }, { 0 }, 8, true, "" },
	{ "a mark behind a second hole waits until that is acknowledged", 0, { { 4, 6 }, { 8, 10 } }, { 8 }, 6, false, "" },
	{ "... and counts then", 0, { { 4, 6 }, { 8, 10 } }, { 8 }, 10, true, "ij" },
	{ "the first mark counts", 0, { { 4, 6 }, { 8, 10 } }, { 8, 4 }, 10, true, "ef" },
	{ "of a piece the first mark counts", 0, { { 4, 6 }, { 6, 9 } }, { 4, 6 }, 9, true, "efghi" },
	{ "a mark where nothing is stored is none", 0, { { 4, 8 } }, { 2, 9 }, 10, true, "" },
	{ "an old acknowledgement changes nothing", 0, { { 4, 8 } }, { 4 }, (uint32_t)-5, false, "" },
};

static void check_resume_row(void **state)
{
	const struct resume_row *row = *state;
	static const char text[] = "abcdefghijklmnopqrstuvwxyz";
	struct fl_stream_pool *pool = fl_stream_pool_new(1 << 16);
	struct fl_stream s = { 0 };
	struct fl_slice out;
	fl_stream_start(&s, seq_of(0));
	(void)fl_stream_add(&s, pool, seq_of(0), (const uint8_t *)text, row->kept, 0, &out);
	fl_stream_consume(&s, pool, 0);
	for (size_t i = 0; i < 4 && row->pieces[i][1]; i++)
		assert_int_equal(fl_stream_add(&s, pool, seq_of((int)row->pieces[i][0]), (const uint8_t *)text + row->pieces[i][0],
					       row->pieces[i][1] - row->pieces[i][0], 0, &out), FL_PARSE_MORE);
	for (size_t i = 0; i < 3 && row->marks[i]; i++)
		fl_stream_mark(&s, pool, seq_of((int)row->marks[i]));
	assert_int_equal(fl_stream_hole(&s, pool), row->pieces[0][1] && !row->kept ? row->pieces[0][0] : 0);
	assert_int_equal(fl_stream_resume(&s, pool, seq_of((int)row->ack), &out), row->given_up);
	assert_int_equal(out.size, strlen(row->out));
	if (out.size)
		assert_memory_equal(out.data, row->out, out.size);
	assert_int_equal(s.closed, row->given_up && !*row->out);
	if (out.size)
		fl_stream_consume(&s, pool, out.size);
	fl_stream_close(&s, pool);
	assert_int_equal(fl_stream_pool_used(pool), 0);
	fl_stream_pool_free(pool);
}

static void marks_beyond_those_that_are_kept_close_the_stream_in_the_end(void **state)
{
	(void)state;
	struct fl_stream_pool *pool = fl_stream_pool_new(1 << 16);
	struct fl_stream s = { 0 };
	struct fl_slice out;
	uint32_t resumed = 0;
	fl_stream_start(&s, 0);
	for (uint32_t i = 1; i <= 20; i++) {
		assert_int_equal(fl_stream_add(&s, pool, 4 * i, (const uint8_t *)"ab", 2, 0, &out), FL_PARSE_MORE);
		fl_stream_mark(&s, pool, 4 * i);
	}
	while (fl_stream_resume(&s, pool, 100, &out) && out.size) {
		assert_int_equal(out.size, 2);
		assert_int_equal(s.next_seq, 4 * ++resumed);
		fl_stream_consume(&s, pool, 2);
	}
	assert_true(resumed >= 8 && resumed < 20);
	assert_true(s.closed);
	assert_int_equal(fl_stream_pool_used(pool), 0);
	fl_stream_pool_free(pool);
}

/* What is passed over may lie in front of, in or behind what came; bytes behind it stay. */
static void what_is_skipped_is_gone_and_what_lies_behind_stays(void **state)
{
	static const struct {
		uint32_t at, size, skip; /* text that comes, then what is passed over */
		const char *left;
	} steps[] = {
		{ 0, 4, 2, "cd" }, { 8, 4, 3, "" }, { 14, 2, 3, "ijkl" }, { 12, 2, 9, "" }, { 17, 3, 1, "st" },
	};
	static const char text[] = "abcdefghijklmnopqrstuvwxyz";
	struct fl_stream_pool *pool = fl_stream_pool_new(1 << 16);
	struct fl_stream s = { 0 };
	fl_stream_start(&s, 7);
	for (size_t i = 0; i < FL_ARRAY_LEN(steps); i++) {
		struct fl_slice out;
		(void)fl_stream_add(&s, pool, 7 + steps[i].at, (const uint8_t *)text + steps[i].at, steps[i].size, 0, &out);
		out = fl_stream_skip(&s, pool, steps[i].skip);
		assert_int_equal(out.size, strlen(steps[i].left));
		if (out.size)
			assert_memory_equal(out.data, steps[i].left, out.size);
		fl_stream_consume(&s, pool, 0);
	}
	fl_stream_close(&s, pool);
	assert_int_equal(fl_stream_pool_used(pool), 0);
	fl_stream_pool_free(pool);
	(void)state;
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	static struct CMUnitTest table[ROWS];
	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct CMUnitTest){ .name = rows[i].name, .test_func = check_row,
			.initial_state = &rows[i] };
	const struct CMUnitTest others[] = {
		cmocka_unit_test(a_zero_byte_again_is_a_keep_alive),
		cmocka_unit_test(a_stream_without_a_start_starts_at_its_first_segment),
		cmocka_unit_test(a_full_pool_gives_streams_up_and_counts_them),
		cmocka_unit_test(a_pool_without_memory_still_passes_bytes_through),
		cmocka_unit_test(too_many_holes_give_the_stream_up),
		cmocka_unit_test(freed_pieces_join_to_a_window_again),
		cmocka_unit_test(random_segments_give_the_text),
		cmocka_unit_test(what_is_skipped_is_gone_and_what_lies_behind_stays),
		cmocka_unit_test(marks_beyond_those_that_are_kept_close_the_stream_in_the_end),
	};
	static struct CMUnitTest resume_table[FL_ARRAY_LEN(resume_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(resume_rows); i++)
		resume_table[i] = (struct CMUnitTest){ .name = resume_rows[i].name, .test_func = check_resume_row,
			.initial_state = &resume_rows[i] };
	int failed = cmocka_run_group_tests_name("segments", table, NULL, NULL);
	failed += cmocka_run_group_tests_name("holes", resume_table, NULL, NULL);
	return failed + cmocka_run_group_tests_name("rest", others, NULL, NULL);
}
