/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.h - the wanted part of a TCP byte stream, in order, in fixed memory
 *
 * One struct fl_stream per direction of a flow. Segments that arrive in order while
 * nothing is stored cost no copy: the caller sees the packet's own bytes. Only
 * when a consumer asks for more, or a segment is out of order, are bytes kept,
 * in blocks of a pool that all flows share. Retransmitted and overlapping bytes
 * are given once. While bytes are kept, a copy of them that differs ends the stream: which of the two the receiver
 * took depends on its system (Novak and Sturges, Target-based TCP stream reassembly, 2007), and nobody here can tell. A zero byte alone may
 * differ: that of keep-alives (RFC 9293 section 3.8.4) means nothing. Bytes that were consumed are gone: the first copy counted.
 */
#ifndef FAULTLINE_STREAM_H
#define FAULTLINE_STREAM_H

#include "faultline/reader.h"
#include "faultline/status.h"

struct fl_stream_pool;

enum { FL_STREAM_BLOCK = 2048,        /* bytes of a pool block */
       FL_STREAM_WINDOW = 131072 };   /* a stream holds at most this many bytes */

/* @limit_bytes: memory for stored bytes of all streams together. */
struct fl_stream_pool *fl_stream_pool_new(size_t limit_bytes);
void fl_stream_pool_free(struct fl_stream_pool *pool);
/* Streams given up because the pool or their window was full. */
uint64_t fl_stream_pool_refused(const struct fl_stream_pool *pool);
uint64_t fl_stream_pool_contradicted(const struct fl_stream_pool *pool); /* streams ended by a copy that differs */
size_t fl_stream_pool_used(const struct fl_stream_pool *pool); /* bytes now */

struct fl_stream {
	uint32_t next_seq;     /* of the first byte not yet consumed */
	uint32_t store : 30;   /* index into the pool + 1; 0 = nothing stored */
	uint32_t started : 1;  /* next_seq is valid */
	uint32_t closed : 1;   /* given up or not wanted any more: bytes are ignored */
};

/* The first byte to come has sequence number @seq (SYN's plus one). */
void fl_stream_start(struct fl_stream *s, uint32_t seq);

/**
 * fl_stream_add() - Offer one segment
 * @s, @pool: the stream and where it may store
 * @seq:      sequence number of data[0]; a stream that was not started starts here
 * @data, @size: captured bytes
 * @missing:  bytes of the segment that the snap length cut off behind @data
 * @out:      the contiguous bytes from next_seq on that are there now; borrowed until
 *            the next call on the same pool; empty when this segment brought nothing new
 *
 * The caller parses @out and then calls fl_stream_consume() with the number of bytes it is done
 * with (0: wants to see them again, with more); what is not consumed is kept.
 * A hole that is not filled after FL_STREAM_WINDOW bytes, cut bytes (@missing > 0) and a
 * full pool close the stream.
 *
 * Return: OK; MORE when bytes were stored behind a hole and @out is empty;
 * TRUNCATED when the stream was closed by this call; with cut bytes @out still has what
 * came in order before the cut; MALFORMED when it was closed by a copy that differs, @out is empty.
 */
enum fl_parse fl_stream_add(struct fl_stream *s, struct fl_stream_pool *pool, uint32_t seq,
			    const uint8_t *data, size_t size, size_t missing, struct fl_slice *out);
/* Must follow every fl_stream_add() that gave bytes, before the packet's bytes
 * go away. Closes the stream when what is left cannot be stored. */
void fl_stream_consume(struct fl_stream *s, struct fl_stream_pool *pool, size_t n);

/* In place of fl_stream_consume(): the next @n bytes, 2^31 - 1 at most, are not wanted, whether they have come or not. Return: what is
 * contiguous behind them now; borrowed, and to be consumed like what fl_stream_add() gives. */
struct fl_slice fl_stream_skip(struct fl_stream *s, struct fl_stream_pool *pool, size_t n);

/* A number of the reader's, which is kept until bytes are consumed or skipped and is 0 at first: how far it has looked into them. */
size_t fl_stream_looked(const struct fl_stream *s, const struct fl_stream_pool *pool);
void fl_stream_look(struct fl_stream *s, struct fl_stream_pool *pool, size_t looked);

/* Bytes from the stream's next one on that have come and wait. */
size_t fl_stream_waiting(const struct fl_stream *s, const struct fl_stream_pool *pool);

/* Bytes that are missing at the stream's next one while others are stored behind them; 0: none are. */
size_t fl_stream_hole(const struct fl_stream *s, const struct fl_stream_pool *pool);

/* At @seq, in a segment that was stored behind a hole, a reader can begin who knows nothing of what comes before. A few
 * of the first such places are remembered, one for each piece without holes. */
void fl_stream_mark(struct fl_stream *s, struct fl_stream_pool *pool, uint32_t seq);

/**
 * fl_stream_resume() - The far side has all bytes below @ack: what is missing of them will not come any more
 * @out: from the first mark behind the hole on, what is contiguous; borrowed, and to be consumed like what
 *       fl_stream_add() gives. Empty when there is no mark: then the stream was closed
 *
 * Return: whether a hole was given up; false: there is none, or not all of it is below @ack.
 */
bool fl_stream_resume(struct fl_stream *s, struct fl_stream_pool *pool, uint32_t ack, struct fl_slice *out);

/* Nothing more is wanted: free the store, ignore what comes. */
void fl_stream_close(struct fl_stream *s, struct fl_stream_pool *pool);

#endif
