/* SPDX-License-Identifier: BSD-2-Clause */
/* test_keeper.c - the keeper against parsers that were taken over: what they send, and what they do not do */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/keeper.h"
#include "faultline/store.h"
#include "faultline/units.h"

enum { OUT_MAX = 8 << 20 };

/* A parser that does nothing: its end of the channel is ours. */
struct bench {
	struct keeper k;
	struct channel parser;
};

static struct bench bench_new(void)
{
	int fds[2];
	struct bench b = { .k = { .point = "host", .words = { .fd = -1 }, .tree_max = keeper_tree_max(16 << 20) } };
	b.k.pid = fork();
	if (b.k.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	assert_true(b.k.pid > 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	channel_init(&b.k.channel, fds[0], OUT_MAX, PARSER_DOCUMENTS);
	channel_init(&b.parser, fds[1], OUT_MAX, 0);
	return b;
}

static void bench_fini(struct bench *b)
{
	keeper_fini(&b->k);
	channel_fini(&b->parser);
}

static void send_windows(struct bench *b, int count)
{
	for (int i = 0; i < count; i++)
		assert_true(channel_send(&b->parser, MESSAGE_WINDOW, "{}", 2));
	assert_int_equal(channel_flush(&b->parser), 0);
}

static void drop_windows(struct keeper *k)
{
	struct fl_error err;
	while (k->window_count)
		assert_null(keeper_take(k, 0, 0, &err)); /* "{}" is no scan */
}

static void a_parser_that_hangs_up_and_stays_is_ended(void **state)
{
	struct bench b = bench_new();
	(void)state;
	alarm(120);
	channel_fini(&b.parser);
	keeper_step(&b.k);
	alarm(0);
	assert_int_equal(b.k.state, KEEPER_LOST);
	assert_int_equal(b.k.pid, -1);
	bench_fini(&b);
}

static void a_parser_that_is_silent_for_a_minute_is_ended(void **state)
{
	struct bench b = bench_new();
	(void)state;
	b.k.heard_ns = live_now(CLOCK_MONOTONIC) - 59 * FL_NS_PER_S;
	assert_false(keeper_end_silent(&b.k));
	b.k.heard_ns -= 2 * FL_NS_PER_S;
	assert_true(keeper_end_silent(&b.k));
	channel_fini(&b.parser); /* as its end does */
	keeper_step(&b.k);
	assert_int_equal(b.k.state, KEEPER_LOST);
	assert_non_null(strstr(b.k.why, "said nothing"));
	bench_fini(&b);
}

static void windows_that_nobody_asked_for_end_the_parser(void **state)
{
	struct bench b = bench_new();
	(void)state;
	assert_true(keeper_cut(&b.k, 1, 1));
	assert_true(keeper_cut(&b.k, 2, 2));
	send_windows(&b, 3); /* the last by itself: no interface is left */
	keeper_step(&b.k);
	assert_int_equal(b.k.state, KEEPER_RUNS);
	assert_int_equal(b.k.window_count, 3);
	drop_windows(&b.k);
	send_windows(&b, 1);
	keeper_step(&b.k);
	assert_int_equal(b.k.state, KEEPER_LOST);
	assert_int_equal(b.k.window_count, 0);
	bench_fini(&b);
}

static void the_end_behind_four_windows_is_seen(void **state)
{
	struct bench b = bench_new();
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(keeper_cut(&b.k, i, i));
	send_windows(&b, 4);
	assert_true(channel_send(&b.parser, MESSAGE_WINDOW, "{}", 2));
	assert_true(channel_send(&b.parser, MESSAGE_END, NULL, 0));
	assert_int_equal(channel_flush(&b.parser), 0);
	channel_fini(&b.parser);
	for (int i = 0; i < 3; i++) {
		keeper_step(&b.k);
		drop_windows(&b.k);
	}
	assert_int_equal(b.k.state, KEEPER_ENDED);
	bench_fini(&b);
}

static void a_flood_of_owners_does_not_push_out_a_cut(void **state)
{
	struct bench b = bench_new();
	const struct fl_owner_record r = { .service = "flood" };
	(void)state;
	while (b.k.owners_lost < 1000)
		keeper_owner(&b.k, &r);
	assert_true(keeper_cut(&b.k, 1, 1));
	keeper_finish(&b.k, 2);
	assert_true(b.k.finishing);
	assert_int_equal(b.k.cuts, 1);
	bench_fini(&b);
}

/* Two bytes of text are eighty of a tree. */
static void a_scan_of_very_many_values_is_refused_before_it_takes_memory(void **state)
{
	enum { VALUES = 16 << 20 };
	struct bench b = bench_new();
	struct fl_error err;
	struct rusage before, after;
	char *text = malloc(2 * (size_t)VALUES + 1);
	(void)state;
	for (size_t i = 0; i < VALUES; i++)
		memcpy(text + 2 * i, i ? ",0" : "[0", 2);
	text[2 * (size_t)VALUES] = ']';
	b.k.windows[0] = text;
	b.k.window_sizes[0] = 2 * (size_t)VALUES + 1;
	b.k.window_count = 1;
	getrusage(RUSAGE_SELF, &before);
	assert_null(keeper_take(&b.k, 0, 0, &err));
	getrusage(RUSAGE_SELF, &after);
	assert_non_null(strstr(err.text, "more than 256 MiB"));
	assert_true(after.ru_maxrss - before.ru_maxrss < 16 << 10); /* KiB */
	bench_fini(&b);
}

static void the_limit_of_values_follows_the_memory_up_to_that_of_a_store(void **state)
{
	(void)state;
	assert_int_equal(keeper_tree_max(16 << 20), 256 << 20);
	assert_int_equal(keeper_tree_max(64 << 20), 640 << 20);
	assert_int_equal(keeper_tree_max(UINT64_MAX), FL_STORE_TREE_MAX);
}

static void what_a_parser_says_is_shown_in_harmless_lines(void **state)
{
	static const char said[] = "first\n\nlevel=info\x1b[2J\r\xff\nlast";
	static const char *const shown[] = { "first", "level=info?[2J??", "last" };
	char text[WORDS_LINE_MAX];
	struct words w;
	int fds[2];
	(void)state;
	assert_int_equal(pipe(fds), 0);
	words_init(&w, fds[0]);
	assert_int_equal(write(fds[1], said, sizeof(said) - 1), sizeof(said) - 1);
	close(fds[1]);
	for (size_t i = 0; i < FL_ARRAY_LEN(shown); i++) {
		assert_true(words_next(&w, text));
		assert_string_equal(text, shown[i]);
	}
	assert_false(words_next(&w, text));
	assert_int_equal(w.fd, -1);
	words_fini(&w);
}

static void a_parser_that_never_stops_talking_is_read_and_not_shown(void **state)
{
	enum { ROUNDS = 100, ROUND = 32 << 10 };
	char text[WORDS_LINE_MAX] = "", *noise = fl_alloc(ROUND);
	struct words w;
	size_t lines = 0;
	int fds[2];
	(void)state;
	memset(noise, 'x', ROUND);
	for (size_t i = 299; i < ROUND; i += 300)
		noise[i] = '\n';
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	words_init(&w, fds[0]);
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(write(fds[1], noise, ROUND), ROUND);
		while (words_next(&w, text)) {
			assert_in_range(strlen(text), 1, WORDS_LINE_MAX - 1);
			lines++;
		}
	}
	assert_int_equal(lines, WORDS_LINES_MAX + 1);
	assert_non_null(strstr(text, "not shown"));
	close(fds[1]);
	words_fini(&w);
	free(noise);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parser_that_hangs_up_and_stays_is_ended),
		cmocka_unit_test(a_parser_that_is_silent_for_a_minute_is_ended),
		cmocka_unit_test(windows_that_nobody_asked_for_end_the_parser),
		cmocka_unit_test(the_end_behind_four_windows_is_seen),
		cmocka_unit_test(a_flood_of_owners_does_not_push_out_a_cut),
		cmocka_unit_test(a_scan_of_very_many_values_is_refused_before_it_takes_memory),
		cmocka_unit_test(what_a_parser_says_is_shown_in_harmless_lines),
		cmocka_unit_test(a_parser_that_never_stops_talking_is_read_and_not_shown),
		cmocka_unit_test(the_limit_of_values_follows_the_memory_up_to_that_of_a_store),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
