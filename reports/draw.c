/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * draw.c - DOT text laid out and rendered by Graphviz, in a program of its own that may be killed
 *
 * A layout cannot be cancelled, may take minutes for a thousand nodes, leaks a little, and works on text
 * that came from the wire. So faultline-draw does it, with limits on time, memory and
 * output; what comes back through a pipe is bytes or nothing. Its standard error leads
 * nowhere: Graphviz warns there. Its environment is empty: Graphviz and fontconfig take places of plugins and
 * fonts from theirs.
 *
 * It is run from where it was installed, an absolute path that was fixed when this was built. Where this program itself lies in the tree in
 * which it was built, tests for example, it is the one of that tree. Nothing else is looked at: neither the
 * current directory nor the environment, nor where the program lies, which may be a link that somebody else
 * made.
 *
 * PDF files carry the time at which they were made; it is overwritten by a fixed one of the same length, so
 * that the same input gives the same bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "reports/drawing_internal.h"

#if FL_HAVE_GRAPHVIZ
enum { OUTPUT_MAX = 256 << 20, /* bytes; a picture of 1000 nodes has 4 MB */
       READ_SIZE = 64 << 10 };
#define MEMORY_MAX ((rlim_t)4 << 30) /* bytes; 5000 nodes took 0.6 GB */

/* ---- in the child ---- */

static void limit(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit r = { .rlim_cur = most, .rlim_max = most };
	(void)setrlimit(what, &r); /* a lower limit that already holds is as good */
}

static void confine(unsigned timeout_s)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, timeout_s + 1);
#if !defined(__SANITIZE_ADDRESS__) /* which reserves terabytes */
	limit(RLIMIT_AS, MEMORY_MAX);
#endif
}

/* @text and @picture: where it reads and writes. */
static _Noreturn void become_drawer(char *const *argv, int text, int picture, unsigned timeout_s)
{
	char *const environment[] = { NULL };
	confine(timeout_s);
	text = fcntl(text, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); /* clear of the standard streams, were those closed */
	picture = fcntl(picture, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int nowhere = open("/dev/null", O_RDWR);
	if (dup2(nowhere, STDERR_FILENO) >= 0 && dup2(text, STDIN_FILENO) >= 0 && dup2(picture, STDOUT_FILENO) >= 0)
		execve(argv[0], argv, environment);
	_exit(1);
}

/* ---- in the parent ---- */

/* Whether this program lies in the tree in which it was built. */
static bool is_in_build_tree(void)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self));
	size_t root = sizeof(FL_BUILD_ROOT "/") - 1;
	return root > 1 && length > (ssize_t)root && memcmp(self, FL_BUILD_ROOT "/", root) == 0;
}

static const char *drawer_path(void)
{
	return is_in_build_tree() ? FL_BUILD_ROOT "/reports/faultline-draw" : FL_DRAWER;
}

/* The text as a file without a name, to be read from its start; negative errno. */
static int text_file(const char *dot)
{
	int fd = memfd_create("faultline-draw", MFD_CLOEXEC);
	size_t size = strlen(dot), at = 0;
	while (fd >= 0 && at < size) {
		ssize_t n = write(fd, dot + at, size - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int rc = n < 0 ? -errno : -EIO;
			close(fd);
			return rc;
		}
		at += (size_t)n;
	}
	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return -errno;
	return fd;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct collected {
	char *data;
	size_t size, capacity;
};

/* One read; 1 more to come, 0 end, negative errno. */
static int collect_some(struct collected *c, int fd)
{
	if (c->capacity - c->size < READ_SIZE) {
		c->capacity = fl_grown(c->capacity, c->size + READ_SIZE + 1);
		c->data = fl_grow_array(c->data, c->capacity, 1);
	}
	ssize_t n = read(fd, c->data + c->size, READ_SIZE);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	c->size += (size_t)n;
	if (c->size > OUTPUT_MAX)
		return -EFBIG;
	return n > 0;
}

static int collect(struct collected *c, int fd, unsigned timeout_s)
{
	int64_t end = now_ms() + (int64_t)timeout_s * 1000;
	for (;;) {
		int64_t left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ready = poll(&p, 1, left > 1000 ? 1000 : (int)left);
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready <= 0)
			continue;
		int rc = collect_some(c, fd);
		if (rc <= 0)
			return rc;
	}
}

static int reap(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* "/CreationDate (D:20261121132500Z..." -> all digits behind "D:" become those of the year 2000. */
static void fix_dates(char *data, size_t size)
{
	static const char key[] = "/CreationDate (D:";
	static const char fixed[] = "20000101000000";
	size_t length = sizeof(key) - 1;
	char *end = data + size;
	for (char *at = data; (at = memmem(at, (size_t)(end - at), key, length)) != NULL;) {
		at += length;
		for (size_t i = 0; i < sizeof(fixed) - 1 && at < end && *at >= '0' && *at <= '9'; i++)
			*at++ = fixed[i];
		while (at < end && *at != ')') { /* the time zone: "+01'00" */
			if (*at >= '0' && *at <= '9')
				*at = '0';
			else if (*at == '-')
				*at = '+';
			at++;
		}
	}
}

static int explain(int rc, unsigned timeout_s, struct fl_error *err)
{
	switch (rc) {
	case -ETIMEDOUT:
		return fl_fail(err, rc, "drawing the picture took longer than %u s and was stopped; a .dot, "
			".md or .json report needs no drawing", timeout_s);
	case -EFBIG:
		return fl_fail(err, rc, "the picture is larger than %d MiB and was stopped; a .dot report needs "
			"no drawing", OUTPUT_MAX >> 20);
	default:
		return fl_fail(err, rc, "Graphviz could not draw the picture (%s); check that its plugins are "
			"installed (dot -c), or write a .dot report", strerror(-rc));
	}
}

/* A picture, or what went wrong: negative errno. */
static int run_drawer(char *const *argv, int text, unsigned timeout_s, struct collected *c)
{
	int pipe_ends[2];
	if (pipe2(pipe_ends, O_CLOEXEC) != 0)
		return -errno;
	pid_t child = fork();
	if (child == 0)
		become_drawer(argv, text, pipe_ends[1], timeout_s);
	int rc = child < 0 ? -errno : 0;
	close(pipe_ends[1]);
	if (rc == 0)
		rc = collect(c, pipe_ends[0], timeout_s);
	close(pipe_ends[0]);
	if (child > 0) {
		if (rc != 0)
			kill(child, SIGKILL);
		int ended = reap(child);
		rc = rc != 0 ? rc : ended;
	}
	return rc == 0 && c->size == 0 ? -EIO : rc;
}

int fl_draw(const char *dot, const char *format, unsigned timeout_s, char **data, size_t *size,
	struct fl_error *err)
{
	const char *path = drawer_path();
	if (access(path, X_OK) != 0)
		return fl_fail(err, -errno, "%s, which draws pictures, cannot be run (%s); install faultline in full, or "
			"write a .dot report", path, strerror(errno));
	char *argv[] = { fl_copy_string(path), fl_copy_string(format), NULL };
	struct collected c = { 0 };
	int text = text_file(dot);
	int rc = text < 0 ? text : run_drawer(argv, text, timeout_s, &c);
	if (text >= 0)
		close(text);
	free(argv[0]);
	free(argv[1]);
	if (rc != 0) {
		free(c.data);
		return explain(rc, timeout_s, err);
	}
	if (strcmp(format, "pdf") == 0)
		fix_dates(c.data, c.size);
	c.data[c.size] = '\0'; /* collect_some() left room */
	*data = c.data;
	*size = c.size;
	return 0;
}

#else

int fl_draw(const char *dot, const char *format, unsigned timeout_s, char **data, size_t *size,
	struct fl_error *err)
{
	(void)dot, (void)timeout_s, (void)data, (void)size;
	return fl_fail(err, -ENOTSUP, "this faultline was built without Graphviz and cannot draw %s; write a .dot "
		"report and draw it elsewhere (dot -T%s)", format, format);
}

#endif

/* ---- figures ---- */

static int draw_once(struct fl_figure *f, const struct fl_picture *p, const char *format, size_t most,
	bool title_below, struct fl_error *err)
{
	struct fl_drawing *d = fl_drawing_new(p);
	if (most != 0)
		fl_drawing_condense(d, most);
	else if (d->edge_count > FL_FIGURE_EDGES_MAX)
		fl_drawing_condense(d, FL_FIGURE_NODES_MAX);
	f->shown = d->node_count;
	f->omitted = d->omitted;
	char *dot = NULL;
	size_t dot_size = 0;
	FILE *out = open_memstream(&dot, &dot_size);
	if (out == NULL) {
		fl_drawing_free(d);
		return fl_fail(err, -errno, "no memory for the picture's text");
	}
	fl_drawing_write_dot(out, d, title_below ? p->title : NULL);
	fl_drawing_free(d);
	int rc = fclose(out) == 0 ? 0 : fl_fail(err, -errno, "no memory for the picture's text");
	if (rc == 0)
		rc = fl_draw(dot, format, FL_FIGURE_TIMEOUT_S, &f->data, &f->size, err);
	free(dot);
	return rc;
}

int fl_figure_draw(struct fl_figure *f, const struct fl_picture *p, const char *format, size_t most,
	bool title_below, struct fl_error *err)
{
	memset(f, 0, sizeof(*f));
	int rc = draw_once(f, p, format, most, title_below, err);
	if (rc == -ETIMEDOUT && (most == 0 || most > FL_FIGURE_NODES_MAX)) {
		rc = draw_once(f, p, format, FL_FIGURE_NODES_MAX, title_below, err);
		f->slow = true;
	}
	return rc;
}
