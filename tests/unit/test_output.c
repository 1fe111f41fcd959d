/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultline/output.h"

/* Each test works in a directory of its own and must leave only what it names. */
struct place {
	char directory[32];
	char path[64]; /* directory/out */
};

static int make_place(void **state)
{
	struct place *p = fl_alloc(sizeof(*p));

	strcpy(p->directory, "/tmp/fl-output-XXXXXX");
	assert_non_null(mkdtemp(p->directory));
	snprintf(p->path, sizeof(p->path), "%s/out", p->directory);
	*state = p;
	return 0;
}

static int count_files(const char *directory)
{
	DIR *d = opendir(directory);
	int n = -2; /* "." and ".." */

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	unlink(p->path);
	int left = rmdir(p->directory);
	free(p);
	return left;
}

static void check_content(const char *path, const char *expected)
{
	char text[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	assert_int_equal(n, strlen(expected));
	assert_string_equal(text, expected);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_file_appears_whole_by_commit(void **state)
{
	struct place *p = *state;
	struct fl_output *o = NULL;
	struct fl_error err;
	struct stat st;

	mode_t mask = umask(027);
	assert_int_equal(fl_output_open(&o, p->path, &err), 0);
	fputs("new", fl_output_file(o));
	assert_int_not_equal(access(p->path, F_OK), 0);
	assert_int_equal(fl_output_commit(&o, &err), 0);
	umask(mask);
	assert_null(o);
	check_content(p->path, "new");
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(count_files(p->directory), 1);
}

static void the_old_file_stays_until_commit(void **state)
{
	struct place *p = *state;
	struct fl_output *o;
	struct fl_error err;

	write_file(p->path, "old");
	assert_int_equal(fl_output_open(&o, p->path, &err), 0);
	fputs("new", fl_output_file(o));
	fflush(fl_output_file(o));
	check_content(p->path, "old");
	fl_output_abort(&o);
	assert_null(o);
	fl_output_abort(&o);
	check_content(p->path, "old");
	assert_int_equal(count_files(p->directory), 1);
	assert_int_equal(fl_output_open(&o, p->path, &err), 0);
	fputs("new", fl_output_file(o));
	assert_int_equal(fl_output_commit(&o, &err), 0);
	check_content(p->path, "new");
}

static void a_link_is_replaced_and_not_followed(void **state)
{
	struct place *p = *state;
	struct fl_output *o;
	struct fl_error err;
	struct stat st;
	char other[64];

	snprintf(other, sizeof(other), "%s/other", p->directory);
	write_file(other, "keep");
	assert_int_equal(symlink(other, p->path), 0);
	assert_int_equal(fl_output_open(&o, p->path, &err), 0);
	fputs("new", fl_output_file(o));
	assert_int_equal(fl_output_commit(&o, &err), 0);
	check_content(other, "keep");
	check_content(p->path, "new");
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(other);
}

static void refused(const char *path, int code, const char *part)
{
	struct fl_output *o = NULL;
	struct fl_error err = { "" };

	assert_int_equal(fl_output_open(&o, path, &err), code);
	assert_null(o);
	assert_non_null(strstr(err.text, part));
	assert_non_null(strstr(err.text, "cannot write "));
	assert_null(strchr(err.text, '\n'));
}

static void impossible_targets_are_refused_with_a_remedy(void **state)
{
	struct place *p = *state;
	char path[512];

	refused(p->directory, -EISDIR, "name a file in it");
	snprintf(path, sizeof(path), "%s/none/out", p->directory);
	refused(path, -ENOENT, "make its directory first");
	snprintf(path, sizeof(path), "%s/none/", p->directory);
	refused(path, -ENOENT, "make its directory first");
	refused("", -ENOENT, "empty name");
	write_file(p->path, "");
	snprintf(path, sizeof(path), "%s/x", p->path);
	refused(path, -ENOTDIR, "make its directory first");
	refused("/proc/self/nothing", -ENOENT, "/proc/self/nothing");
	assert_int_equal(count_files(p->directory), 1);
}

static void an_unwritable_directory_is_refused(void **state)
{
	struct place *p = *state;

	if (geteuid() == 0 && seteuid(65534) != 0)
		skip();
	refused(p->path, -EACCES, "choose a place that may be written");
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

/* From a name as long as names can be, no longer one is made. */
static void the_longest_name_is_possible(void **state)
{
	struct place *p = *state;
	struct fl_output *o;
	struct fl_error err;
	char path[320];

	snprintf(path, sizeof(path), "%s/%0255d", p->directory, 7);
	assert_int_equal(fl_output_open(&o, path, &err), 0);
	assert_int_equal(fl_output_commit(&o, &err), 0);
	assert_int_equal(unlink(path), 0);
}

static void a_full_disk_is_an_error_of_commit(void **state)
{
	struct fl_output *o;
	struct fl_error err;
	struct stat before, after;

	(void)state;
	assert_int_equal(stat("/dev/full", &before), 0);
	assert_int_equal(fl_output_open(&o, "/dev/full", &err), 0);
	fputs("x", fl_output_file(o));
	assert_int_equal(fl_output_commit(&o, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "/dev/full: No space left"));
	assert_null(o);
	/* More than a buffer: the write fails before commit, and is not forgotten. */
	assert_int_equal(fl_output_open(&o, "/dev/full", &err), 0);
	for (int i = 0; i < 100000; i++)
		fputs("0123456789", fl_output_file(o));
	assert_int_equal(fl_output_commit(&o, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "free some space"));
	assert_int_equal(stat("/dev/full", &after), 0);
	assert_true(S_ISCHR(after.st_mode) && before.st_ino == after.st_ino);
}

static void a_device_is_written_not_replaced(void **state)
{
	struct fl_output *o;
	struct fl_error err;
	struct stat st;

	(void)state;
	assert_int_equal(fl_output_open(&o, "/dev/null", &err), 0);
	fputs("x", fl_output_file(o));
	assert_int_equal(fl_output_commit(&o, &err), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void a_pipe_whose_reader_ended_is_an_error(void **state)
{
	struct place *p = *state;
	struct fl_output *o;
	struct fl_error err;

	assert_int_equal(mkfifo(p->path, 0600), 0);
	int reader = open(p->path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_int_equal(fl_output_open(&o, p->path, &err), 0);
	close(reader);
	fputs("x", fl_output_file(o));
	assert_int_equal(fl_output_commit(&o, &err), -EPIPE);
	assert_non_null(strstr(err.text, "its reader ended early"));
}

static void standard_output_can_fail_and_stays_open(void **state)
{
	struct fl_output *o;
	struct fl_error err;

	(void)state;
	fflush(stdout);
	int kept = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY);
	assert_true(kept >= 0 && full >= 0);
	assert_int_equal(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(fl_output_open(&o, "-", &err), 0);
	assert_ptr_equal(fl_output_file(o), stdout);
	fputs("x", fl_output_file(o));
	int r = fl_output_commit(&o, &err);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	close(full);
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(err.text, "cannot write standard output: "));
	assert_int_equal(fl_output_open(&o, "-", &err), 0);
	assert_int_equal(fl_output_commit(&o, &err), 0);
}

/* The file is removed and a directory put in its place before commit. */
static void a_failed_rename_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct fl_output *o;
	struct fl_error err;

	assert_int_equal(fl_output_open(&o, p->path, &err), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
	assert_int_equal(fl_output_commit(&o, &err), -EISDIR);
	assert_int_equal(count_files(p->directory), 1);
	assert_int_equal(rmdir(p->path), 0);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(a_file_appears_whole_by_commit),
		ROW(the_old_file_stays_until_commit),
		ROW(a_link_is_replaced_and_not_followed),
		ROW(impossible_targets_are_refused_with_a_remedy),
		ROW(an_unwritable_directory_is_refused),
		ROW(the_longest_name_is_possible),
		ROW(a_full_disk_is_an_error_of_commit),
		ROW(a_device_is_written_not_replaced),
		ROW(a_pipe_whose_reader_ended_is_an_error),
		ROW(standard_output_can_fail_and_stays_open),
		ROW(a_failed_rename_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
