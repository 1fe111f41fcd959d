/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feed.c - the plain bytes of a file, whatever it is compressed with
 *
 * Compression is told by the first bytes, not by the name, and nothing is rewound: a pipe is as
 * good as a file. gzip (RFC 1952) and zstd (RFC 8878) both may consist of several members or
 * frames one after the other. What was inflated before damage is handed out before the
 * damage is told. A zstd frame says how much memory it needs; WINDOW_LOG bounds that.
 */
#include "source_internal.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "config.h"

#if FL_HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

enum { WINDOW_LOG = 25 }; /* 32 MiB: zstd -20; only --ultra -21 and --long need more */

enum format { PLAIN, GZIP, ZSTD };

struct feed {
	int fd;
	enum format format;
	bool member_open; /* inside a gzip member or zstd frame */
	bool cut;
	const char *damage, *remedy;
	size_t head, head_at; /* plain: bytes of @in read before that was known */
	z_stream z;
#if FL_HAVE_ZSTD
	ZSTD_DStream *zstd;
	ZSTD_inBuffer zin;
#endif
	unsigned char in[65536];
};

static ssize_t read_again(int fd, void *to, size_t size)
{
	ssize_t n;
	do {
		n = read(fd, to, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* What was inflated before the damage is still good; the error comes with the next read. */
static ssize_t damaged(struct feed *f, size_t good, const char *why, const char *remedy)
{
	f->damage = why;
	f->remedy = remedy;
	errno = EIO;
	return good > 0 ? (ssize_t)good : -1;
}

/* --- gzip ---------------------------------------------------------------------------------------- */

/* RFC 1952 section 2.2: members follow each other; what stands behind the last is ignored. */
static bool next_member(struct feed *f)
{
	if (f->member_open)
		return true;
	if (f->z.next_in[0] != 0x1f)
		return false;
	f->member_open = true;
	return inflateReset(&f->z) == Z_OK;
}

static ssize_t read_gzip(struct feed *f, void *to, size_t size)
{
	f->z.next_out = to;
	f->z.avail_out = (uInt)size;
	while (f->z.avail_out == size) {
		if (f->z.avail_in == 0) {
			ssize_t n = read_again(f->fd, f->in, sizeof(f->in));
			if (n <= 0) {
				f->cut = n == 0 && f->member_open;
				return n;
			}
			f->z.next_in = f->in;
			f->z.avail_in = (uInt)n;
		}
		if (!next_member(f))
			return 0;
		int result = inflate(&f->z, Z_NO_FLUSH);
		if (result == Z_STREAM_END)
			f->member_open = false;
		else if (result != Z_OK && result != Z_BUF_ERROR)
			return damaged(f, size - f->z.avail_out, "the gzip data are damaged",
				"copy the file again, or keep what \"gzip -dc FILE\" gives before its error");
	}
	return (ssize_t)(size - f->z.avail_out);
}

static int open_gzip(struct feed *f)
{
	f->z.next_in = f->in;
	f->z.avail_in = (uInt)f->head;
	if (inflateInit2(&f->z, 16 + MAX_WBITS) != Z_OK)
		return -ENOMEM;
	f->format = GZIP;
	f->member_open = true;
	return 0;
}

/* --- zstd ---------------------------------------------------------------------------------------- */

#if FL_HAVE_ZSTD

static ssize_t zstd_damaged(struct feed *f, size_t good, size_t code)
{
	if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
		return damaged(f, good, "its zstd window is larger than 32 MiB",
			"inflate it outside: zstd -dc --long=31 FILE | faultline scan -r -");
	return damaged(f, good, "the zstd data are damaged",
		"copy the file again, or keep what \"zstd -dc FILE\" gives before its error");
}

/* The decoder may still hold output when its input is used up, so it is asked before the file is. */
static ssize_t read_zstd(struct feed *f, void *to, size_t size)
{
	ZSTD_outBuffer out = { to, size, 0 };
	for (;;) {
		size_t before = f->zin.pos;
		size_t left = ZSTD_decompressStream(f->zstd, &out, &f->zin);
		if (ZSTD_isError(left))
			return zstd_damaged(f, out.pos, left);
		if (f->zin.pos > before || out.pos > 0)
			f->member_open = left != 0;
		if (out.pos > 0)
			return (ssize_t)out.pos;
		if (f->zin.pos < f->zin.size)
			continue;
		ssize_t n = read_again(f->fd, f->in, sizeof(f->in));
		if (n <= 0) {
			f->cut = n == 0 && f->member_open;
			return n;
		}
		f->zin = (ZSTD_inBuffer){ f->in, (size_t)n, 0 };
	}
}

static int open_zstd(struct feed *f)
{
	f->zstd = ZSTD_createDStream();
	if (!f->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(f->zstd, ZSTD_d_windowLogMax, WINDOW_LOG)))
		return -ENOMEM;
	f->zin = (ZSTD_inBuffer){ f->in, f->head, 0 };
	f->format = ZSTD;
	return 0;
}

static void close_zstd(struct feed *f)
{
	ZSTD_freeDStream(f->zstd);
}

#else

static ssize_t read_zstd(struct feed *f, void *to, size_t size)
{
	(void)f;
	(void)to;
	(void)size;
	return 0;
}

static int open_zstd(struct feed *f)
{
	(void)f;
	return -ENOTSUP;
}

static void close_zstd(struct feed *f)
{
	(void)f;
}

#endif

/* --- any ----------------------------------------------------------------------------------------- */

ssize_t feed_read(struct feed *f, void *to, size_t size)
{
	if (f->damage)
		return damaged(f, 0, f->damage, f->remedy);
	if (f->format == GZIP)
		return read_gzip(f, to, size);
	if (f->format == ZSTD)
		return read_zstd(f, to, size);
	if (f->head_at == f->head)
		return read_again(f->fd, to, size);
	size_t n = f->head - f->head_at;
	n = n < size ? n : size;
	memcpy(to, f->in + f->head_at, n);
	f->head_at += n;
	return (ssize_t)n;
}

/* Reads until it is known what it is. */
static int feed_begin(struct feed *f)
{
	enum { MAGIC = 4 };
	while (f->head < MAGIC) {
		ssize_t n = read_again(f->fd, f->in + f->head, sizeof(f->in) - f->head);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		f->head += (size_t)n;
	}
	if (f->head >= 2 && f->in[0] == 0x1f && f->in[1] == 0x8b)
		return open_gzip(f);
	struct fl_reader r = fl_reader_over(f->in, f->head);
	uint32_t magic = fl_read_le32(&r);
	if (magic == 0xfd2fb528 || magic >> 4 == 0x184d2a5) /* a frame, a skippable frame */
		return open_zstd(f);
	return 0;
}

int feed_open(struct feed **feed, int fd)
{
	struct feed *f = fl_alloc(sizeof(*f));
	f->fd = fd;
	int code = feed_begin(f);
	if (code < 0)
		feed_close(f);
	else
		*feed = f;
	return code;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	if (f->format == GZIP)
		inflateEnd(&f->z);
	close_zstd(f);
	if (f->fd != STDIN_FILENO)
		close(f->fd);
	free(f);
}

bool feed_cut(const struct feed *f)
{
	return f->cut;
}

const char *feed_damage(const struct feed *f)
{
	return f->damage;
}

const char *feed_remedy(const struct feed *f)
{
	return f->remedy;
}
