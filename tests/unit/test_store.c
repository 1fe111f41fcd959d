/* SPDX-License-Identifier: BSD-2-Clause */
/* test_store.c - windows in a store: once, whole, found by time, forgotten in order; and what is no store */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#if FL_HAVE_STORE
#include <sqlite3.h>
#endif
#include "faultline/store.h"
#include "faultline/units.h"

#define T0 (INT64_C(1793527200) * FL_NS_PER_S) /* 2026-11-01T10:00:00Z */
#define MINUTE (60 * FL_NS_PER_S)

static char directory[64];
static char path[96];

static int make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/fl-store-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a.db", directory);
	return 0;
}

static int remove_directory(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(endings); i++) {
		char name[128];
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
	return rmdir(directory);
}

static struct fl_scan *window_of(const char *point, int64_t start_ns, uint64_t packets)
{
	struct fl_scan *s = fl_scan_new();
	s->point = fl_arena_string(s->arena, point);
	s->source = "live";
	s->start_ns = start_ns;
	s->end_ns = start_ns + 5 * MINUTE;
	s->coverage.packets = packets;
	s->hosts = fl_arena_alloc(s->arena, sizeof(*s->hosts));
	s->hosts[0].name = s->point;
	s->host_count = 1;
	return s;
}

static int add(struct fl_store *store, const char *point, int64_t start_ns, uint64_t packets)
{
	struct fl_error err = { "" };
	struct fl_scan *s = window_of(point, start_ns, packets);
	int status = fl_store_add(store, s, &err);
	if (status < 0)
		print_message("%s\n", err.text);
	fl_scan_free(s);
	return status;
}

static struct fl_store *open_store(enum fl_store_mode mode)
{
	struct fl_error err = { "" };
	struct fl_store *store = NULL;
	if (fl_store_open(&store, path, mode, &err))
		print_message("%s\n", err.text);
	assert_non_null(store);
	return store;
}

static size_t count_in(struct fl_store *store, const char *text)
{
	struct fl_error err;
	struct fl_store_range range;
	struct fl_scan_set set = { 0 };
	assert_int_equal(fl_store_range_parse(&range, text, &err), 0);
	assert_int_equal(fl_store_read(store, &range, &set, &err), 0);
	size_t count = set.count;
	fl_scan_set_fini(&set);
	return count;
}

static void a_window_is_stored_once(void **state)
{
	(void)state;
	struct fl_store *store = open_store(FL_STORE_WRITE);
	assert_int_equal(add(store, "web", T0, 7), 0);
	assert_int_equal(add(store, "web", T0, 8), FL_STORE_KNOWN);
	assert_int_equal(add(store, "db", T0, 9), 0);
	fl_store_close(store);
	store = open_store(FL_STORE_READ);
	struct fl_scan_set set = { 0 };
	struct fl_store_range all;
	struct fl_error err;
	assert_int_equal(fl_store_range_parse(&all, "", &err), 0);
	assert_int_equal(fl_store_read(store, &all, &set, &err), 0);
	assert_int_equal(set.count, 2);
	assert_string_equal(set.list[1]->point, "web");
	assert_int_equal(set.list[1]->coverage.packets, 7);
	fl_scan_set_fini(&set);
	fl_store_close(store);
}

static void windows_are_found_by_time(void **state)
{
	static const struct { const char *range; size_t windows; } rows[] = {
		{ "", 12 }, { "latest", 1 }, { "2026-11-01T10:00Z/1h", 12 }, { "2026-11-01T10:00Z/10m", 2 },
		{ "2026-11-01T10:02Z/5m", 2 }, { "2026-11-01T10:07Z", 1 }, { "2026-11-01T10:05", 1 },
		{ "2026-11-01T10:50:00Z/2026-11-01T11:30:00Z", 2 }, { "2026-11-01/1d", 12 }, { "2026-11-02/1d", 0 },
		{ "2026-11-01T11:00+01:00/5m", 1 },
	};
	(void)state;
	struct fl_store *store = open_store(FL_STORE_WRITE);
	for (int i = 0; i < 12; i++)
		assert_int_equal(add(store, "web", T0 + i * 5 * MINUTE, 1), 0);
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		if (count_in(store, rows[i].range) != rows[i].windows)
			fail_msg("%s: %zu windows", rows[i].range, count_in(store, rows[i].range));
	fl_store_close(store);
}

static void ranges_that_mean_nothing_are_refused(void **state)
{
	static const char *const rows[] = { "yesterday", "2026-11-01T10:00Z/", "2026-11-01T10:00Z/x", "2026-13-01", "latest/1h",
		"2026-11-01T10:00Z/2026-11-01T09:00Z", "2026-11-01T10:00Z/0s", "2026-11-01T1", "/1h", "2026-11-01T10:00Z/1h/1h" };
	struct fl_store_range range;
	struct fl_error err;
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		if (fl_store_range_parse(&range, rows[i], &err) == 0)
			fail_msg("%s", rows[i]);
}

static void the_oldest_windows_are_forgotten_and_the_newest_of_each_point_stays(void **state)
{
	struct fl_error err;
	uint64_t gone = 0;
	(void)state;
	struct fl_store *store = open_store(FL_STORE_WRITE);
	assert_int_equal(add(store, "db", T0 - 60 * MINUTE, 1), 0);
	for (int i = 0; i < 400; i++)
		assert_int_equal(add(store, "web", T0 + i * 5 * MINUTE, 1), 0);
	assert_int_equal(fl_store_expire(store, T0 + 12 * 5 * MINUTE, 0, &gone, &err), 0);
	assert_int_equal(gone, 12); /* 11 of web that ended before, and db */
	assert_int_equal(add(store, "db", T0, 1), 0);
	uint64_t before = fl_store_bytes(store);
	assert_int_equal(fl_store_expire(store, INT64_MIN, before / 2, &gone, &err), 0);
	assert_true(gone > 0 && fl_store_bytes(store) <= before / 2);
	assert_int_equal(fl_store_expire(store, INT64_MIN, 1, &gone, &err), 0);
	assert_int_equal(count_in(store, ""), 2);
	assert_int_equal(count_in(store, "latest"), 2);
	fl_store_close(store);
}

/* A store is copied while it is open, and not the log beside it. */
static void the_file_alone_has_all_windows(void **state)
{
	struct fl_store *store = open_store(FL_STORE_WRITE), *copy = NULL;
	struct fl_error err = { "" };
	char name[128], command[300];
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(store, "h", T0 + i * 5 * MINUTE, 1), 0);
	assert_false(fl_store_has_moved(store));
	snprintf(name, sizeof(name), "%s-copy.db", path);
	snprintf(command, sizeof(command), "cp %s %s", path, name);
	assert_int_equal(system(command), 0);
	assert_int_equal(fl_store_open(&copy, name, FL_STORE_READ, &err), 0);
	assert_int_equal(count_in(copy, ""), 3);
	fl_store_close(copy);
	assert_int_equal(rename(name, path), 0);
	assert_true(fl_store_has_moved(store));
	fl_store_close(store);
	snprintf(command, sizeof(command), "rm -f %s-*", name);
	assert_int_equal(system(command), 0);
}

static void who_may_only_read_reads_a_store_that_nobody_writes(void **state)
{
	const uid_t nobody = 65534, user = geteuid();
	struct fl_store *store = open_store(FL_STORE_WRITE);
	struct fl_error err = { "" };
	(void)state;
	assert_int_equal(add(store, "h", T0, 1), 0);
	fl_store_close(store);
	store = NULL;
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(directory, 0555), 0);
	assert_int_equal(user == 0 ? seteuid(nobody) : 0, 0);
	int status = fl_store_open(&store, path, FL_STORE_READ, &err);
	size_t count = status == 0 ? count_in(store, "") : 0;
	fl_store_close(store);
	assert_int_equal(user == 0 ? seteuid(user) : 0, 0);
	assert_int_equal(chmod(directory, 0700), 0);
	if (status)
		fail_msg("%s", err.text);
	assert_int_equal(count, 1);
}

static void write_at(long offset, const void *bytes, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, offset), (ssize_t)size);
	close(fd);
}

static void assert_refused(enum fl_store_mode mode, int code, const char *says)
{
	struct fl_error err = { "" };
	struct fl_store *store = NULL;
	int status = fl_store_open(&store, path, mode, &err);
	if (status == 0) { /* damage may show only when it is read */
		struct fl_store_range all = { INT64_MIN, INT64_MAX, false };
		struct fl_scan_set set = { 0 };
		status = fl_store_read(store, &all, &set, &err);
		fl_scan_set_fini(&set);
		fl_store_close(store);
	}
	assert_int_equal(status, code);
	if (!strstr(err.text, says) || !strstr(err.text, path))
		fail_msg("%s", err.text);
}

static void what_is_no_store_is_told_in_one_line(void **state)
{
	(void)state;
	char page[4096];
	assert_refused(FL_STORE_READ, -ENOENT, "No such file");
	write_at(0, "{\"schema\": \"faultline.scan/1\"}, and much more text than a header has", 60);
	assert_refused(FL_STORE_READ, -EBADMSG, "is no store");
	assert_refused(FL_STORE_WRITE, -EBADMSG, "is no store");
	unlink(path);
	struct fl_store *store = open_store(FL_STORE_WRITE);
	for (int i = 0; i < 40; i++)
		add(store, "web", T0 + i * MINUTE, 1);
	fl_store_close(store);
	memset(page, 0x5a, sizeof(page));
	for (long at = 4096; at < 12 * 4096; at += 4096)
		write_at(at, page, sizeof(page));
	assert_refused(FL_STORE_READ, -EBADMSG, "damaged");
}

static void a_store_of_a_newer_version_is_refused(void **state)
{
	(void)state;
	fl_store_close(open_store(FL_STORE_WRITE));
	write_at(60, "\0\0\0\2", 4); /* user_version in the header, SQLite file format 1.3.11 */
	assert_refused(FL_STORE_READ, -EPROTO, "has version 2");
	assert_refused(FL_STORE_WRITE, -EPROTO, "has version 2");
}

/* As another process would, while the store is open here. */
static void set_version(int version)
{
#if FL_HAVE_STORE
	char sql[64];
	sqlite3 *db = NULL;
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
#else
	(void)version;
#endif
}

static void one_process_at_a_time_writes_for_a_name(void **state)
{
	struct fl_error err = { "" };
	struct fl_store *one = open_store(FL_STORE_WRITE), *two = open_store(FL_STORE_WRITE);
	(void)state;
	assert_int_equal(fl_store_claim(one, "edge1", &err), 0);
	assert_int_equal(fl_store_claim(one, "edge1", &err), 0);
	assert_int_equal(fl_store_claim(two, "edge1", &err), -EBUSY);
	assert_non_null(strstr(err.text, "another watch writes windows of edge1"));
	assert_int_equal(fl_store_claim(two, "db1", &err), 0);
	assert_int_equal(add(one, "edge1", T0, 1), 0);
	assert_int_equal(add(two, "db1", T0, 1), 0);
	/* another name gives the first one up */
	assert_int_equal(fl_store_claim(one, "edge2", &err), 0);
	assert_int_equal(fl_store_claim(two, "edge1", &err), 0);
	assert_int_equal(fl_store_claim(one, "edge1", &err), -EBUSY);
	fl_store_close(two);
	assert_int_equal(fl_store_claim(one, "edge1", &err), 0);
	fl_store_close(one);
}

static void who_is_killed_leaves_no_claim(void **state)
{
	struct fl_error err = { "" };
	int pipes[2];
	char byte;
	(void)state;
	fl_store_close(open_store(FL_STORE_WRITE));
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		struct fl_store *theirs = open_store(FL_STORE_WRITE);
		if (fl_store_claim(theirs, "edge1", &err) == 0 && write(pipes[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	struct fl_store *ours = open_store(FL_STORE_WRITE);
	assert_int_equal(fl_store_claim(ours, "edge1", &err), -EBUSY);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(fl_store_claim(ours, "edge1", &err), 0);
	fl_store_close(ours);
	close(pipes[0]);
}

static void a_store_that_became_newer_is_not_written(void **state)
{
	struct fl_error err = { "" };
	struct fl_store *store = open_store(FL_STORE_WRITE);
	uint64_t gone;
	(void)state;
	assert_int_equal(add(store, "h", T0, 1), 0);
	set_version(99);
	assert_int_equal(add(store, "h", T0 + MINUTE, 1), -EPROTO);
	assert_int_equal(fl_store_expire(store, INT64_MAX, 0, &gone, &err), -EPROTO);
	assert_non_null(strstr(err.text, "version 99"));
	assert_int_equal(gone, 0);
	set_version(FL_STORE_VERSION);
	assert_int_equal(add(store, "h", T0 + MINUTE, 1), 0);
	assert_int_equal(count_in(store, ""), 2);
	fl_store_close(store);
}

static void inputs_are_told_by_their_first_bytes(void **state)
{
	char *name, input[160];
	const char *range;
	(void)state;
	fl_store_close(open_store(FL_STORE_WRITE));
	snprintf(input, sizeof(input), "%s@latest", path);
	assert_true(fl_store_is_input(input, &name, &range));
	assert_string_equal(name, path);
	assert_string_equal(range, "latest");
	free(name);
	assert_true(fl_store_is_input(path, &name, &range));
	assert_string_equal(range, "");
	free(name);
	assert_false(fl_store_is_input("-", &name, &range));
	assert_false(fl_store_is_input("/dev/null", &name, &range));
	assert_false(fl_store_is_input("user@host.json", &name, &range));
	assert_true(fl_store_is_input("/nowhere/shop.db@latest", &name, &range));
	free(name);
}

#define ROW(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(a_window_is_stored_once),
		ROW(windows_are_found_by_time),
		cmocka_unit_test(ranges_that_mean_nothing_are_refused),
		ROW(the_file_alone_has_all_windows),
		ROW(who_may_only_read_reads_a_store_that_nobody_writes),
		ROW(the_oldest_windows_are_forgotten_and_the_newest_of_each_point_stays),
		ROW(what_is_no_store_is_told_in_one_line),
		ROW(a_store_of_a_newer_version_is_refused),
		ROW(a_store_that_became_newer_is_not_written),
		ROW(one_process_at_a_time_writes_for_a_name),
		ROW(who_is_killed_leaves_no_claim),
		ROW(inputs_are_told_by_their_first_bytes),
	};
	return FL_HAVE_STORE ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
