/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channel.c - messages between the keeper and the parser
 *
 * The buffer for what comes grows with what has come, not with what was announced.
 */
#include "capture/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faultline/status.h"

enum { READ_STEP = 256 << 10, READ_MAX = 4 << 20, TYPES = 32, KEEP_CAPACITY = 1 << 20, MOVED_PART = 8 };

struct header {
	uint32_t type, size;
};

void channel_init(struct channel *c, int fd, size_t out_max, uint32_t documents)
{
	*c = (struct channel){ .fd = fd, .out_max = out_max, .documents = documents };
}

void channel_fini(struct channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	free(c->out);
	*c = (struct channel){ .fd = -1 };
}

static void append(char **buffer, size_t *used, size_t *capacity, const void *data, size_t size)
{
	if (size > *capacity - *used) {
		*capacity = fl_grown(*capacity, *used + size);
		*buffer = fl_grow_array(*buffer, *capacity, 1);
	}
	if (size)
		memcpy(*buffer + *used, data, size);
	*used += size;
}

bool channel_send(struct channel *c, uint32_t type, const void *data, size_t size)
{
	struct header h = { type, (uint32_t)size };
	if (size > CHANNEL_DOCUMENT_MAX || c->out_used - c->out_at + sizeof(h) + size > c->out_max)
		return false;
	/* A queue that never gets empty grows by what waits in it, not by all that went through it. */
	bool grows = sizeof(h) + size > c->out_capacity - c->out_used;
	if (c->out_at && (c->out_at >= c->out_used - c->out_at || (grows && c->out_at >= c->out_used / MOVED_PART))) {
		c->out_used -= c->out_at;
		memmove(c->out, c->out + c->out_at, c->out_used);
		c->out_at = 0;
	}
	append(&c->out, &c->out_used, &c->out_capacity, &h, sizeof(h));
	append(&c->out, &c->out_used, &c->out_capacity, data, size);
	return true;
}

static void shrink(char **buffer, size_t *capacity)
{
	if (*capacity <= KEEP_CAPACITY)
		return;
	free(*buffer);
	*buffer = NULL;
	*capacity = 0;
}

int channel_flush(struct channel *c)
{
	while (c->out_at < c->out_used) {
		ssize_t n = write(c->fd, c->out + c->out_at, c->out_used - c->out_at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		c->out_at += (size_t)n;
	}
	c->out_at = c->out_used = 0;
	shrink(&c->out, &c->out_capacity);
	return 0;
}

bool channel_waits(const struct channel *c)
{
	return c->out_at < c->out_used;
}

size_t channel_queued(const struct channel *c)
{
	return c->out_used - c->out_at;
}

static void forget_taken(struct channel *c)
{
	if (!c->in_taken)
		return;
	memmove(c->in, c->in + c->in_taken, c->in_used - c->in_taken);
	c->in_used -= c->in_taken;
	c->in_taken = 0;
	if (c->in_used == 0)
		shrink(&c->in, &c->in_capacity);
}

int channel_fill(struct channel *c)
{
	forget_taken(c);
	for (size_t all = 0; all < READ_MAX;) {
		if (c->in_capacity - c->in_used < READ_STEP) {
			c->in_capacity = fl_grown(c->in_capacity, c->in_used + READ_STEP);
			c->in = fl_grow_array(c->in, c->in_capacity, 1);
		}
		ssize_t n = read(c->fd, c->in + c->in_used, READ_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return -EPIPE;
		c->in_used += (size_t)n;
		all += (size_t)n;
	}
	return 0;
}

int channel_next(struct channel *c, uint32_t *type, const void **data, size_t *size)
{
	struct header h;
	size_t left = c->in_used - c->in_taken;
	if (left < sizeof(h))
		return 0;
	memcpy(&h, c->in + c->in_taken, sizeof(h));
	bool document = h.type < TYPES && (c->documents >> h.type & 1);
	if (h.type >= TYPES || h.size > (document ? CHANNEL_DOCUMENT_MAX : CHANNEL_SMALL_MAX))
		return -EBADMSG;
	if (left - sizeof(h) < h.size)
		return 0;
	*type = h.type;
	*data = c->in + c->in_taken + sizeof(h);
	*size = h.size;
	c->in_taken += sizeof(h) + h.size;
	return 1;
}
