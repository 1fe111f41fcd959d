/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.c - files that exist whole or not at all
 *
 * A target is one of three things:
 *   a regular file, or nothing yet   written beside it, renamed by commit
 *   a device, pipe, or a link below /dev or /proc ("/dev/stdout")
 *                                    opened and written; renaming over it
 *                                    would put a file in the device's place
 *   "-"                              standard output
 * A symbolic link elsewhere is replaced by the file, as by rename(1): following
 * it would let whoever owns the directory choose what root overwrites.
 *
 * The temporary name is random and does not contain the target's, which may be
 * as long as names can be. An ignored SIGPIPE is what turns a reader that went
 * away into a failed write, and that into a sentence.
 */
#include "faultline/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fl_output {
	FILE *file;
	char *path;
	char *temporary; /* NULL when written in place */
};

static const char *remedy_for(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case EROFS:
		return "; choose a place that may be written";
	case ENOENT:
	case ENOTDIR:
		return "; make its directory first";
	case EISDIR:
		return "; name a file in it";
	case ENOSPC:
	case EDQUOT:
		return "; nothing was kept, free some space";
	case EPIPE:
		return "; its reader ended early";
	case EIO:
		return "; see whether its disk is in order";
	default:
		return "";
	}
}

static int fail(const char *path, int error, struct fl_error *err)
{
	return fl_fail(err, -error, "cannot write %s: %s%s",
		strcmp(path, "-") == 0 ? "standard output" : path, strerror(error), remedy_for(error));
}

static bool is_written_in_place(const char *path)
{
	struct stat st, link;

	if (stat(path, &st) != 0)
		return false;
	if (!S_ISREG(st.st_mode))
		return true;
	bool system = strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
	return system && lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
}

/* What rename() would find out too late, or not mind at all. */
static int check_target(const char *path)
{
	struct stat st;
	size_t size = strlen(path);

	if (size == 0)
		return ENOENT;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return EISDIR;
	if (path[size - 1] == '/')
		return ENOENT;
	if (access(path, F_OK) == 0 && access(path, W_OK) != 0)
		return errno;
	return 0;
}

/* "dir/.faultline-XXXXXX" beside @path. */
static char *temporary_beside(const char *path)
{
	static const char name[] = ".faultline-XXXXXX";
	const char *slash = strrchr(path, '/');
	size_t directory = slash ? (size_t)(slash - path) + 1 : 0;
	char *text = fl_alloc(directory + sizeof(name));

	memcpy(text, path, directory);
	memcpy(text + directory, name, sizeof(name));
	return text;
}

/* A descriptor to write to, or -1 with errno. */
static int open_target(struct fl_output *o)
{
	if (is_written_in_place(o->path))
		return open(o->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
	o->temporary = temporary_beside(o->path);
	int fd = mkostemp(o->temporary, O_CLOEXEC); /* O_EXCL, mode 0600 */
	if (fd < 0) {
		free(o->temporary);
		o->temporary = NULL;
	}
	return fd;
}

static void release(struct fl_output **o)
{
	free((*o)->temporary);
	free((*o)->path);
	free(*o);
	*o = NULL;
}

/* Only where nobody has chosen: a program that handles SIGPIPE keeps its handler. */
static void ignore_closed_pipes(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

int fl_output_open(struct fl_output **out, const char *path, struct fl_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	int error = standard ? 0 : check_target(path);

	if (error)
		return fail(*path ? path : "a file with an empty name", error, err);
	ignore_closed_pipes();
	struct fl_output *o = fl_alloc(sizeof(*o));
	o->path = fl_copy_string(path);
	int fd = standard ? -1 : open_target(o);
	if (!standard && fd < 0) {
		error = errno;
		release(&o);
		return fail(path, error, err);
	}
	o->file = standard ? stdout : fdopen(fd, "w");
	if (!o->file)
		fl_out_of_memory();
	*out = o;
	return 0;
}

FILE *fl_output_file(struct fl_output *o)
{
	return o->file;
}

/* The reason went by with the write that failed: one byte more is refused for the same. */
static int why_it_failed(FILE *file)
{
	clearerr(file);
	errno = 0;
	bool refused = fputc('\n', file) == EOF || fflush(file) != 0;
	return refused && errno != 0 ? errno : EIO;
}

/* All bytes on their way: 0, or what stopped them. */
static int flush(struct fl_output *o)
{
	bool failed_before = ferror(o->file) != 0;

	errno = 0;
	if (fflush(o->file) != 0)
		return errno ? errno : EIO;
	if (failed_before || ferror(o->file))
		return why_it_failed(o->file);
	if (o->temporary && fsync(fileno(o->file)) != 0 && errno != EINVAL)
		return errno;
	return 0;
}

static int publish(struct fl_output *o)
{
	mode_t mask = umask(0);

	umask(mask);
	if (fchmod(fileno(o->file), 0666 & ~mask) != 0 || rename(o->temporary, o->path) != 0)
		return errno;
	free(o->temporary);
	o->temporary = NULL;
	return 0;
}

/* Network file systems report a full disk as late as here. */
static int close_file(struct fl_output *o)
{
	if (o->file == stdout) {
		clearerr(stdout);
		return 0;
	}
	return fclose(o->file) == 0 ? 0 : errno;
}

int fl_output_commit(struct fl_output **out, struct fl_error *err)
{
	struct fl_output *o = *out;
	int error = flush(o);

	if (!error && o->temporary)
		error = publish(o);
	int late = close_file(o);
	if (!error)
		error = late;
	if (o->temporary)
		unlink(o->temporary);
	int r = error ? fail(o->path, error, err) : 0;
	release(out);
	return r;
}

void fl_output_abort(struct fl_output **out)
{
	if (!*out)
		return;
	(void)close_file(*out);
	if ((*out)->temporary)
		unlink((*out)->temporary);
	release(out);
}
