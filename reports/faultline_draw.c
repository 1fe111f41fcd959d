/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faultline_draw.c - the program that draws: FORMAT, DOT text on standard input, picture on standard output
 *
 * The only one that is linked with Graphviz, so that no command pays for a drawing library at its start, and what
 * draws text from the wire shares no memory with what found it. draw.c starts it and has set its limits on time and memory.
 * Standard output is kept for the picture: whatever a library prints goes nowhere.
 *
 * Graphviz keeps some things in the order of their addresses. In a process of its own they depend on the
 * text alone: the same text gives the same picture.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <graphviz/gvc.h>

#include "faultline/status.h"

enum { READ_SIZE = 64 << 10 };

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

/* All of standard input, terminated; NULL. */
static char *read_all(void)
{
	char *text = NULL;
	size_t size = 0, capacity = 0;
	for (;;) {
		if (capacity - size < READ_SIZE + 1) {
			capacity = fl_grown(capacity, size + READ_SIZE + 1);
			text = fl_grow_array(text, capacity, 1);
		}
		ssize_t n = read(STDIN_FILENO, text + size, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			text[size] = '\0';
			if (n == 0)
				return text;
			free(text);
			return NULL;
		}
		size += (size_t)n;
	}
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

int main(int argc, char **argv)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (argc != 2 || out < 0 || nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
		return 1;
	char *dot = read_all();
	_exit(dot == NULL ? 1 : render(dot, argv[1], out)); /* what Graphviz leaks ends here, too */
}
