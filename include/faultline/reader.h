/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader.h - bounded cursor over bytes that nobody vouches for
 *
 * The only place that turns (pointer, length) into values. Failure is sticky:
 * a read past the end yields 0, sets @failed and moves to the end, so a parse
 * reads like the format's diagram and is checked once per record. A field with
 * a length prefix becomes a smaller reader. Nothing is allocated or copied.
 */
#ifndef FAULTLINE_READER_H
#define FAULTLINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

/* Bytes of a packet or stream that somebody else owns. */
struct fl_slice {
	const uint8_t *data;
	size_t size;
};

static inline struct fl_reader fl_reader_over(const void *data, size_t size)
{
	const uint8_t *at = data;
	return (struct fl_reader){ .at = at, .end = at ? at + size : at };
}

static inline size_t fl_reader_left(const struct fl_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* @n bytes, borrowed, or NULL with failed set. n == 0 succeeds when the reader
 * has not failed. */
static inline const uint8_t *fl_read_bytes(struct fl_reader *r, size_t n)
{
	if (r->failed || n > fl_reader_left(r)) {
		r->failed = true;
		r->at = r->end;
		return NULL;
	}
	const uint8_t *p = r->at;
	r->at += n;
	return p;
}

static inline void fl_read_skip(struct fl_reader *r, size_t n)
{
	(void)fl_read_bytes(r, n);
}

/* Reader over the next @n bytes; empty and failed when they are not there. */
static inline struct fl_reader fl_read_sub(struct fl_reader *r, size_t n)
{
	const uint8_t *p = fl_read_bytes(r, n);
	struct fl_reader sub = { .at = p, .end = p ? p + n : p, .failed = !p };
	return sub;
}

static inline uint8_t fl_read_u8(struct fl_reader *r)
{
	const uint8_t *p = fl_read_bytes(r, 1);
	return p ? p[0] : 0;
}

static inline uint16_t fl_read_be16(struct fl_reader *r)
{
	const uint8_t *p = fl_read_bytes(r, 2);
	return (uint16_t)(p ? p[0] << 8 | p[1] : 0);
}

static inline uint32_t fl_read_be24(struct fl_reader *r)
{
	const uint8_t *p = fl_read_bytes(r, 3);
	return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t fl_read_be32(struct fl_reader *r)
{
	const uint8_t *p = fl_read_bytes(r, 4);
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
			   (uint32_t)p[2] << 8 | p[3]
		 : 0;
}

static inline uint16_t fl_read_le16(struct fl_reader *r)
{
	const uint8_t *p = fl_read_bytes(r, 2);
	return (uint16_t)(p ? p[1] << 8 | p[0] : 0);
}

static inline uint32_t fl_read_le32(struct fl_reader *r)
{
	const uint8_t *p = fl_read_bytes(r, 4);
	return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
			   (uint32_t)p[1] << 8 | p[0]
		 : 0;
}

/* The bytes not read yet, without moving. */
static inline struct fl_slice fl_reader_rest(const struct fl_reader *r)
{
	return (struct fl_slice){ r->at, fl_reader_left(r) };
}

#endif
