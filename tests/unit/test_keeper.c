/* SPDX-License-Identifier: BSD-2-Clause */
/* test_keeper.c - the keeper against parsers that were taken over: what they send, and what they do not do */
#include "unit.h"

#include <fcntl.h>
#include <stddef.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/keeper.h"
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
	struct bench b = { .k = { .point = "host", .words = { .fd = -1 }, .memory = 16 << 20 } };
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
	struct keeper_window w;
	while (k->window_count)
		assert_false(keeper_take(k, 0, 0, &w, &err)); /* "{}" is no scan */
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

static const char head[] =
	"h{\"schema\":\"faultline.scan/1\",\"point\":\"p\",\"source\":\"live\",\"window\":{\"start\":\"2026-01-01T00:00:00Z\","
	"\"end\":\"2026-01-01T00:01:00Z\"},\"hosts\":[{\"name\":\"p\",\"addresses\":[]}],\"coverage\":{}}\x1e";
static const char dependency[] =
	"d{\"host\":\"p\",\"service\":\"s\",\"name\":\"n.example\",\"port\":80,\"transport\":\"tcp\",\"connections\":{}}\x1e";
static const char service[] = "s{\"host\":\"p\",\"name\":\"s\"}\x1e";

/* A window of these texts, as a parser would have packed them. */
static void window_of(struct keeper *k, const char *first, const char *text, size_t times, const char *last)
{
	struct packed packed;
	FILE *out = packed_open(&packed, PACKED_FAST);
	fputs(first, out);
	for (size_t i = 0; i < times; i++)
		fputs(text, out);
	fputs(last, out);
	assert_int_equal(fclose(out), 0);
	k->windows[0] = (char *)packed.data;
	k->window_sizes[0] = packed.size;
	k->window_count = 1;
}

struct refusal {
	const char *name, *first, *text, *last, *why;
	size_t times;
	uint64_t text_max; /* 0: the keeper's */
};
static const struct refusal refusals[] = {
	{ "a value of very many values is refused before it takes memory", head, ",0", "]}\x1e", "take more than 48 MiB", 1 << 20, 0 },
	{ "a record without an end is refused before it takes memory", head, "          ", "", "too much memory", 1 << 20, 0 },
	{ "records without end are refused", head, service, "", "too much memory", 20000, 256 << 10 },
	{ "records in another order are refused", head, dependency, service, "damaged", 1, 0 },
	{ "records before the head are refused", dependency, service, head, "damaged", 1, 0 },
	{ "a second head is refused", head, service, head, "damaged", 1, 0 },
	{ "a letter that nobody knows is refused", head, "x{}\x1e", "", "damaged", 1, 0 },
	{ "a record of no letter is refused", head, "\x1e", "", "damaged", 1, 0 },
	{ "a record that is no object is refused", head, "n[]\x1e", "", "not an object", 1, 0 },
	{ "a record that is no JSON is refused", head, "n{\x1e", "", "ends too early", 1, 0 },
	{ "a text behind the last record is refused", head, service, "s{}", "damaged", 1, 0 },
	{ "a record that names an unknown host is refused", head, "s{\"host\":\"q\",\"name\":\"s\"}\x1e", "", "no host of that name", 1, 0 },
	{ "nothing is no scan", "", "", "", "damaged", 1, 0 },
};

static void what_is_no_window_is_refused(void **state)
{
	const struct refusal *row = *state;
	struct bench b = bench_new();
	struct fl_error err;
	struct rusage before, after;
	struct keeper_window w = { 0 };
	char first[512];
	snprintf(first, sizeof(first), "%s%s", row->first, row->text[0] == ',' ? "n{\"name\":[0" : "");
	window_of(&b.k, first, row->text, row->times, row->last);
	FILE *out = fopen("/dev/null", "w");
	getrusage(RUSAGE_SELF, &before);
	bool taken = keeper_take(&b.k, 0, 0, &w, &err);
	w.pieces.text_max = row->text_max ? row->text_max : w.pieces.text_max;
	assert_true(!taken || keeper_window_write(&w, out, NULL, NULL, &err) < 0);
	getrusage(RUSAGE_SELF, &after);
	fclose(out);
	assert_non_null(strstr(err.text, row->why));
	if (strstr(row->name, "before it takes memory")) /* a sanitizer keeps what is freed for a while */
		assert_true(after.ru_maxrss - before.ru_maxrss < 24 << 10); /* KiB */
	keeper_window_fini(&w);
	bench_fini(&b);
}

static void count_records(void *context, const struct scan_record *r)
{
	*(int *)context += r->service || r->dependency;
}

static void a_window_is_written_as_it_is_read(void **state)
{
	struct bench b = bench_new();
	struct keeper_window w;
	struct fl_error err;
	char *text = NULL, *again = NULL;
	size_t size, size_again;
	int records = 0;
	(void)state;
	window_of(&b.k, head, service, 1, dependency);
	assert_true(keeper_take(&b.k, 5, 7, &w, &err));
	assert_string_equal(w.head->point, "host"); /* the keeper's word */
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(keeper_window_write(&w, out, count_records, &records, &err), 0);
	fclose(out);
	assert_int_equal(records, 2);
	struct fl_scan *scan = keeper_window_scan(&w, &err);
	assert_non_null(scan);
	assert_int_equal(scan->dependency_count, 1);
	assert_int_equal(scan->start_ns, 5);
	out = open_memstream(&again, &size_again);
	fl_scan_write(out, scan);
	fclose(out);
	assert_string_equal(text, again);
	fl_scan_free(scan);
	free(text);
	free(again);
	bench_fini(&b);
}

static void a_window_whose_lists_are_spoilt_keeps_its_head(void **state)
{
	struct bench b = bench_new();
	struct keeper_window w;
	struct fl_error err;
	(void)state;
	window_of(&b.k, head, "x", 1, "");
	assert_true(keeper_take(&b.k, 5, 7, &w, &err));
	keeper_window_spoilt(&w);
	struct fl_scan *scan = keeper_window_scan(&w, &err);
	assert_non_null(scan);
	assert_int_equal(scan->service_count, 0);
	assert_string_equal(scan->coverage.blind_spots[0].kind, "parser-crash");
	fl_scan_free(scan);
	bench_fini(&b);
}

static void a_record_of_an_owner_is_unpacked_as_it_was(void **state)
{
	struct fl_owner_record r = { .since_ns = 7, .local_port = 80, .service = "nginx", .command = "/usr/sbin/nginx" }, again;
	char packed[sizeof(r)] = "";
	(void)state;
	size_t size = parser_pack_owner(&r, packed);
	assert_in_range(size, 1, sizeof(r) / 2);
	assert_true(parser_unpack_owner(&again, packed, size));
	assert_memory_equal(&r, &again, sizeof(r));
	memset(r.service, 's', sizeof(r.service) - 1);
	memset(r.command, 'c', sizeof(r.command) - 1);
	size = parser_pack_owner(&r, packed);
	assert_true(parser_unpack_owner(&again, packed, size));
	assert_memory_equal(&r, &again, sizeof(r));
	assert_false(parser_unpack_owner(&again, packed, offsetof(struct fl_owner_record, service) + 3)); /* its text has no end */
	assert_false(parser_unpack_owner(&again, packed, 3));
	memset(packed + offsetof(struct fl_owner_record, service), 's', sizeof(r.service));
	assert_false(parser_unpack_owner(&again, packed, sizeof(packed))); /* too long */
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
		cmocka_unit_test(a_window_is_written_as_it_is_read),
		cmocka_unit_test(a_window_whose_lists_are_spoilt_keeps_its_head),
		cmocka_unit_test(a_record_of_an_owner_is_unpacked_as_it_was),
		cmocka_unit_test(what_a_parser_says_is_shown_in_harmless_lines),
		cmocka_unit_test(a_parser_that_never_stops_talking_is_read_and_not_shown),
	};
	struct CMUnitTest rows[FL_ARRAY_LEN(refusals)] = { 0 };
	for (size_t i = 0; i < FL_ARRAY_LEN(refusals); i++)
		rows[i] = (struct CMUnitTest){ .name = refusals[i].name, .test_func = what_is_no_window_is_refused,
					       .initial_state = (void *)(uintptr_t)&refusals[i] };
	signal(SIGPIPE, SIG_IGN);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("refusals", rows, NULL, NULL);
}
