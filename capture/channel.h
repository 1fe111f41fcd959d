/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channel.h - messages between the keeper and the parser, over a pair of sockets
 *
 * A message is a type, a size and bytes. Neither side trusts the other's sizes, neither ever blocks: what cannot be written
 * now waits in a queue of bounded size; what does not fit there is refused, and whoever sent it knows. The types and what
 * stands in them: parser.h.
 */
#ifndef FAULTLINE_CHANNEL_H
#define FAULTLINE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANNEL_SMALL_MAX = 4096 };          /* of a message that is no document */
#define CHANNEL_DOCUMENT_MAX (UINT32_C(256) << 20)

struct channel {
	int fd;
	char *in, *out;
	size_t in_used, in_capacity, in_taken;
	size_t out_at, out_used, out_capacity;
	size_t out_max;     /* bytes that may wait */
	uint32_t documents; /* bit per type that may be as large as a document */
};

void channel_init(struct channel *c, int fd, size_t out_max, uint32_t documents);
void channel_fini(struct channel *c); /* closes */

/* False when the queue is full: nothing is sent. */
bool channel_send(struct channel *c, uint32_t type, const void *data, size_t size);
/* Write what can be written now. 0; -EPIPE when the other side is gone, and other errors of write(). */
int channel_flush(struct channel *c);
bool channel_waits(const struct channel *c); /* there is something to write */
size_t channel_queued(const struct channel *c); /* bytes of it */

/* Read what is there (a bounded part of it). 0; -EPIPE at the end; -errno. */
int channel_fill(struct channel *c);
/* The next whole message: 1, with @data borrowed until the next call of this module; 0 none; -EBADMSG: too large, or of no type. */
int channel_next(struct channel *c, uint32_t *type, const void **data, size_t *size);

#endif
