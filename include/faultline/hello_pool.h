/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hello_pool.h - ClientHellos that come in pieces over datagrams, in fixed memory
 *
 * QUIC and DTLS number the bytes of a handshake message, so pieces may overtake, overlap and
 * repeat. A hello has a place in the pool from its first piece until it was read. When all places are
 * taken, the one that was longest without a piece is given up and counted.
 */
#ifndef FAULTLINE_HELLO_POOL_H
#define FAULTLINE_HELLO_POOL_H

#include "faultline/reader.h"
#include "faultline/status.h"

enum { FL_HELLO_PLACES_MAX = 254, FL_HELLO_BYTES = 16384 };

/* One word per flow, owned by this module and by the parser that uses it; zero at first. */
typedef uint32_t fl_hello_word;

enum { FL_HELLO_NOTE = 96 };
struct fl_hello_parts {
	uint8_t note[FL_HELLO_NOTE]; /* what the parser wants to keep (copied in and out); zero when taken */

	uint32_t have, end;          /* the pool's: bytes from the start without a hole; end of the last piece */
	uint32_t generation;
	uint64_t touched;            /* 0: free */
	bool contradicted;           /* pieces of it differ where they overlap */
	uint8_t present[FL_HELLO_BYTES / 8];
	uint8_t data[FL_HELLO_BYTES];
};

struct fl_hello_pool;

/* @places: hellos in the making at one time, at most FL_HELLO_PLACES_MAX. */
struct fl_hello_pool *fl_hello_pool_new(uint32_t places);
void fl_hello_pool_free(struct fl_hello_pool *pool);

/* The flow's hello; NULL when it has none, or had to give it up. */
struct fl_hello_parts *fl_hello_get(struct fl_hello_pool *pool, fl_hello_word word);
/* A new, empty place for the flow; an old one of it is freed. */
struct fl_hello_parts *fl_hello_take(struct fl_hello_pool *pool, fl_hello_word *word);
/* The flow needs its place no more. */
void fl_hello_drop(struct fl_hello_pool *pool, fl_hello_word *word);

/* Datagrams of the flow that were looked at; the word keeps count up to 255. */
uint32_t fl_hello_count(fl_hello_word word);
void fl_hello_add_count(fl_hello_word *word, uint32_t n);

/* Put a piece where it belongs; of bytes that come twice the first copy stays, and where the second differs that is noted. False when it reaches beyond FL_HELLO_BYTES;
 * what fits is kept. */
bool fl_hello_add(struct fl_hello_parts *parts, uint64_t offset, const uint8_t *data, size_t size);
/* The bytes from the start up to the first hole; valid until the next call on the pool. */
struct fl_slice fl_hello_ready(const struct fl_hello_parts *parts);

uint32_t fl_hello_pool_places(const struct fl_hello_pool *pool);
uint64_t fl_hello_pool_given_up(const struct fl_hello_pool *pool);

#endif
