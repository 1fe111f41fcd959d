/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.c - lines out of the pipe of a process that is not trusted
 *
 * The pipe is always read, or a process that talks too much would stop at a full one and look as if it hung.
 */
#include "capture/words.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READS_MAX = 128 };
static const char no_more[] = "(it says more, which is not shown)";

void words_init(struct words *w, int fd)
{
	*w = (struct words){ .fd = fd };
}

void words_fini(struct words *w)
{
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct words){ .fd = -1 };
}

/* False when nothing is there now; a pipe that ended is closed. */
static bool read_some(struct words *w)
{
	ssize_t n;
	if (w->fd < 0)
		return false;
	do
		n = read(w->fd, w->in, sizeof(w->in));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	w->in_at = 0;
	w->in_used = n > 0 ? (size_t)n : 0;
	if (n > 0)
		return true;
	close(w->fd);
	w->fd = -1;
	return false;
}

static bool end_line(struct words *w, char text[static WORDS_LINE_MAX])
{
	size_t used = w->used;
	w->used = 0;
	if (used == 0 || w->lines > WORDS_LINES_MAX)
		return false;
	if (++w->lines > WORDS_LINES_MAX) {
		memcpy(text, no_more, sizeof(no_more));
		return true;
	}
	memcpy(text, w->line, used);
	text[used] = 0;
	return true;
}

/* What is there up to the end of a line. What does not fit into one is dropped. */
static bool take_line(struct words *w, char text[static WORDS_LINE_MAX])
{
	while (w->in_at < w->in_used) {
		unsigned char c = (unsigned char)w->in[w->in_at++];
		if (c == '\n' && end_line(w, text))
			return true;
		if (c != '\n' && w->used < WORDS_LINE_MAX - 1)
			w->line[w->used++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	return false;
}

bool words_next(struct words *w, char text[static WORDS_LINE_MAX])
{
	for (int i = 0; i < READS_MAX; i++) {
		if (take_line(w, text))
			return true;
		if (!read_some(w))
			return w->fd < 0 && end_line(w, text); /* the last one has no end */
	}
	return false;
}
