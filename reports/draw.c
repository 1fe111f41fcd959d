/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * draw.c - DOT text laid out and rendered by Graphviz, in a child that may be killed
 *
 * A layout cannot be cancelled, may take minutes for a thousand nodes, leaks a little, and works on text
 * that came from the wire. So it runs in a forked child with limits on time, memory and
 * output; what comes back through a pipe is bytes or nothing. The child's standard streams lead
 * nowhere: Graphviz warns there.
 *
 * PDF files carry the time at which they were made; it is overwritten by a fixed one of the same length, so
 * that the same input gives the same bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "reports/drawing_internal.h"

#if FL_HAVE_GRAPHVIZ
#include <graphviz/gvc.h>

enum { OUTPUT_MAX = 256 << 20, /* bytes; a picture of 1000 nodes has 4 MB */
       READ_SIZE = 64 << 10 };
#define MEMORY_MAX ((rlim_t)4 << 30) /* bytes; 5000 nodes took 0.6 GB */

/* ---- in the child ---- */

static bool write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

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
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; nowhere >= 0 && fd <= 2; fd++)
		(void)dup2(nowhere, fd);
}

static int render(const char *dot, const char *format, int fd)
{
	GVC_t *context = gvContext();
	Agraph_t *g = context == NULL ? NULL : agmemread(dot);
	char *data = NULL;
	unsigned size = 0;
	if (g == NULL || gvLayout(context, g, "dot") != 0 ||
		gvRenderData(context, g, format, &data, &size) != 0 || data == NULL || size == 0)
		return 1;
	return write_all(fd, data, size) ? 0 : 1;
}

struct drawing_job {
	const char *dot, *format;
	int fd, status;
};

static void *run_job(void *argument)
{
	struct drawing_job *job = argument;
	job->status = render(job->dot, job->format, job->fd);
	return NULL;
}

/* Graphviz keeps some things in the order of their addresses, and those depend on what this process allocated and freed
 * before. A thread of its own gets an empty heap of its own: the same text gives the same picture. */
static int render_afresh(const char *dot, const char *format, int fd)
{
	struct drawing_job job = { dot, format, fd, 1 };
	pthread_t thread;
	if (pthread_create(&thread, NULL, run_job, &job) != 0)
		return render(dot, format, fd);
	pthread_join(thread, NULL);
	return job.status;
}

/* ---- in the parent ---- */

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

int fl_draw(const char *dot, const char *format, unsigned timeout_s, char **data, size_t *size,
	struct fl_error *err)
{
	int pipe_ends[2];
	if (pipe2(pipe_ends, O_CLOEXEC) != 0)
		return explain(-errno, timeout_s, err);
	pid_t child = fork();
	if (child == 0) {
		confine(timeout_s);
		_exit(render_afresh(dot, format, pipe_ends[1]));
	}
	int rc = child < 0 ? -errno : 0;
	struct collected c = { 0 };
	close(pipe_ends[1]);
	if (rc == 0)
		rc = collect(&c, pipe_ends[0], timeout_s);
	close(pipe_ends[0]);
	if (child > 0) {
		if (rc != 0)
			kill(child, SIGKILL);
		int ended = reap(child);
		rc = rc != 0 ? rc : ended;
	}
	if (rc == 0 && c.size == 0)
		rc = -EIO;
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
