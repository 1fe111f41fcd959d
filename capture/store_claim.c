/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_claim.c - one writer of a name at a time
 *
 * Hosts may share a store, but of one host two watches would write everything twice. Who writes for a name locks a byte far behind the end of
 * the database, chosen by the name: no file is left lying, nothing needs to be cleaned up, and the kernel gives the lock back when
 * the process ends, however it does. The lock belongs to the open file (fcntl(2), "Open file description locks"), so it is apart from
 * those that SQLite takes and a child that closes its copy does not give it up; flock(2) would meet SQLite's locks where a file system
 * makes one of the other. Two names share a byte once in 2^40.
 */
#include "capture/store_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "faultline/hash.h"

#define FIRST_BYTE (INT64_C(1) << 42) /* SQLite's own are at 1 GiB */
#define BYTES (INT64_C(1) << 40)

static int set_lock(int fd, short type, int64_t at)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)at, .l_len = 1 };
	return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

int store_claim(struct store_claim *c, const char *path, const char *writer)
{
	int64_t at = FIRST_BYTE + (int64_t)(fl_hash_bytes(writer, strlen(writer), 0) % (uint64_t)BYTES);
	bool first = c->fd < 0;
	if (first)
		c->fd = open(path, O_RDWR | O_CLOEXEC);
	if (c->fd < 0 || (!first && at == c->at))
		return 0;
	int status = set_lock(c->fd, F_WRLCK, at);
	if (status == -EAGAIN || status == -EACCES)
		return -EBUSY;
	if (!first && c->at)
		(void)set_lock(c->fd, F_UNLCK, c->at);
	c->at = status == 0 ? at : 0;
	return 0;
}

void store_claim_fini(struct store_claim *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
