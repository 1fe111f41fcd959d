/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_stream.c - any bytes as the segments of three streams
 *
 * Six bytes a segment: which stream and what is taken, offset from the next byte, size,
 * what is missing. The content follows from the sequence number, so every
 * byte that comes out can be checked; the pool is too small for three windows.
 */
#include "fuzz.h"

#include <string.h>

#include "faultline/stream.h"

enum { STREAMS = 3, POOL = 80 * FL_STREAM_BLOCK, SEGMENT_MAX = 65535 };

static uint8_t content(uint32_t seq)
{
	return (uint8_t)((seq * 2654435761u) >> 24);
}

static void check_out(const struct fl_stream *s, struct fl_slice out)
{
	fuzz_check(out.size <= FL_STREAM_WINDOW || !s->store);
	for (size_t i = 0; i < out.size; i++)
		fuzz_check(out.data[i] == content(s->next_seq + (uint32_t)i));
}

static void offer(struct fl_stream *s, struct fl_stream_pool *pool, struct fl_reader *r, unsigned how)
{
	static uint8_t segment[SEGMENT_MAX];
	/* Mostly near the next byte, before or behind it. */
	uint32_t at = s->next_seq + (uint32_t)fl_read_be16(r) * (how & 4 ? 4 : 1) - (how & 8 ? 1000 : 0);
	size_t size = fl_read_be16(r);
	size_t missing = how & 0xe0 ? 0 : fl_read_u8(r);
	if (r->failed)
		return;
	for (size_t i = 0; i < size; i++)
		segment[i] = content(at + (uint32_t)i);
	struct fl_slice out;
	enum fl_parse parse = fl_stream_add(s, pool, at, segment, size, missing, &out);
	fuzz_check(parse == FL_PARSE_OK || parse == FL_PARSE_MORE || parse == FL_PARSE_TRUNCATED);
	fuzz_check(parse != FL_PARSE_MORE || out.size == 0);
	fuzz_check((parse == FL_PARSE_TRUNCATED) <= s->closed);
	check_out(s, out);
	if (out.size > 0)
		fl_stream_consume(s, pool, how & 16 ? out.size : out.size / 3);
	memset(segment, 0xee, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_stream_pool *pool = fl_stream_pool_new(POOL);
	struct fl_stream s[STREAMS] = { { 0 } };
	struct fl_reader r = fl_reader_over(data, size);
	for (unsigned i = 0; i < STREAMS; i++)
		fl_stream_start(&s[i], 0u - 5000u * i);
	while (fl_reader_left(&r) > 0) {
		unsigned how = fl_read_u8(&r);
		offer(&s[(how & 3) % STREAMS], pool, &r, how);
		fuzz_check(fl_stream_pool_used(pool) <= POOL);
	}
	for (unsigned i = 0; i < STREAMS; i++)
		fl_stream_close(&s[i], pool);
	fuzz_check(fl_stream_pool_used(pool) == 0);
	fl_stream_pool_free(pool);
	return 0;
}
