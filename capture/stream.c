/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c - TCP bytes in order, stored only when they must be
 *
 * A stream that gets its bytes in order and whose consumer takes them all never
 * touches the pool. Otherwise it owns a store: one contiguous piece of the pool's
 * memory that begins at next_seq, and the ranges of it that are filled, as
 * offsets from next_seq, sorted, with holes between them. Contiguous, because the
 * consumer wants one slice and must not pay for a copy each time it looks.
 *
 * Pieces are 2^k blocks, k = 0 to 6, from a buddy allocator (Knuth, volume 1, section
 * 2.5): neighbours that are free again are joined, so streams that come and go leave
 * room for a large one. Its lists lie beside the memory, not in it: a slice given
 * out stays readable when its store is freed by the same call.
 *
 * Limits, all of which close the stream and count it as refused: FL_STREAM_WINDOW bytes
 * past next_seq, MAX_RANGES pieces with holes between, the pool's memory. So what a
 * segment costs is bounded: one copy of itself, at times one move of the window.
 *
 * A hole may never be filled: the capture lost a segment that the far side got. What it acknowledges tells so. The reader then goes
 * on at a mark, the start of a segment that it knew for a beginning; segments themselves are not remembered.
 *
 * Sequence numbers are compared by the sign of their difference (RFC 9293 section 3.4).
 */
#include "faultline/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_RANGES = 64,
	MAX_MARKS = 8,
	MAX_STORE = (1 << 30) - 1, /* width of fl_stream.store */
	ORDERS = 7,                /* FL_STREAM_BLOCK << 6 is FL_STREAM_WINDOW */
	LARGEST = 1 << (ORDERS - 1)
};
_Static_assert(FL_STREAM_BLOCK << (ORDERS - 1) == FL_STREAM_WINDOW, "the largest piece holds a window");

static const uint32_t NO_BLOCK = UINT32_MAX;
static const uint8_t NOT_FREE = UINT8_MAX;

/* Filled bytes [begin, end), offsets from next_seq. */
struct range {
	uint32_t begin, end;
};

struct store {
	uint32_t block;     /* first of the piece */
	uint32_t start;     /* where next_seq lies in the piece */
	uint32_t looked;    /* the reader's own */
	uint32_t next_free; /* while unused: next unused store, index + 1 */
	uint8_t order;
	uint8_t count;
	uint8_t mark_count;
	struct range ranges[MAX_RANGES];
	uint32_t marks[MAX_MARKS]; /* offsets from next_seq, sorted */
};

struct fl_stream_pool {
	uint8_t *memory;
	uint32_t blocks;
	uint32_t used;         /* blocks */
	uint32_t free[ORDERS]; /* first free piece of each order */
	uint32_t *next, *prev; /* by first block, while free */
	uint8_t *order;        /* by first block; NOT_FREE unless a free piece begins here */
	struct store *stores;  /* as many as blocks: each owns at least one */
	uint32_t stores_used;  /* never used from here on */
	uint32_t store_free;   /* index + 1 */
	uint64_t refused, contradicted;
	struct fl_slice given; /* what the last fl_stream_add() gave from the packet itself */
};

/* --- pieces ------------------------------------------------------------------------------------- */

static void push_piece(struct fl_stream_pool *pool, uint32_t block, unsigned order)
{
	uint32_t first = pool->free[order];
	pool->next[block] = first;
	pool->prev[block] = NO_BLOCK;
	pool->order[block] = (uint8_t)order;
	if (first != NO_BLOCK)
		pool->prev[first] = block;
	pool->free[order] = block;
}

static void remove_piece(struct fl_stream_pool *pool, uint32_t block)
{
	uint32_t next = pool->next[block], prev = pool->prev[block];
	if (prev != NO_BLOCK)
		pool->next[prev] = next;
	else
		pool->free[pool->order[block]] = next;
	if (next != NO_BLOCK)
		pool->prev[next] = prev;
	pool->order[block] = NOT_FREE;
}

/* First block of a piece, NO_BLOCK when none is that large. */
static uint32_t take_piece(struct fl_stream_pool *pool, unsigned order)
{
	unsigned from = order;
	while (from < ORDERS && pool->free[from] == NO_BLOCK)
		from++;
	if (from == ORDERS)
		return NO_BLOCK;
	uint32_t block = pool->free[from];
	remove_piece(pool, block);
	while (from > order) {
		from--;
		push_piece(pool, block + (UINT32_C(1) << from), from);
	}
	pool->used += UINT32_C(1) << order;
	return block;
}

static void give_piece(struct fl_stream_pool *pool, uint32_t block, unsigned order)
{
	pool->used -= UINT32_C(1) << order;
	for (; order + 1 < ORDERS; order++) {
		uint32_t buddy = block ^ UINT32_C(1) << order;
		if (buddy >= pool->blocks || pool->order[buddy] != order)
			break;
		remove_piece(pool, buddy);
		block &= ~(UINT32_C(1) << order);
	}
	push_piece(pool, block, order);
}

/* --- stores ------------------------------------------------------------------------------------- */

static inline struct store *store_of(const struct fl_stream *s, const struct fl_stream_pool *pool)
{
	return s->store ? &pool->stores[s->store - 1] : NULL;
}

static inline size_t capacity_of(const struct store *st)
{
	return (size_t)FL_STREAM_BLOCK << st->order;
}

/* Where next_seq lies. */
static inline uint8_t *bytes_of(const struct fl_stream_pool *pool, const struct store *st)
{
	return pool->memory + (size_t)st->block * FL_STREAM_BLOCK + st->start;
}

static unsigned order_for(size_t size)
{
	unsigned order = 0;
	while (((size_t)FL_STREAM_BLOCK << order) < size)
		order++;
	return order;
}

static struct store *new_store(struct fl_stream *s, struct fl_stream_pool *pool, size_t size)
{
	unsigned order = order_for(size);
	uint32_t block = take_piece(pool, order);
	if (block == NO_BLOCK)
		return NULL;
	uint32_t id = pool->store_free;
	if (id)
		pool->store_free = pool->stores[id - 1].next_free;
	else
		id = ++pool->stores_used;
	s->store = id & MAX_STORE;
	struct store *st = &pool->stores[id - 1];
	st->block = block;
	st->order = (uint8_t)order;
	st->start = 0;
	st->looked = 0;
	st->count = st->mark_count = 0;
	return st;
}

static void free_store(struct fl_stream *s, struct fl_stream_pool *pool)
{
	struct store *st = store_of(s, pool);
	if (!st)
		return;
	give_piece(pool, st->block, st->order);
	st->next_free = pool->store_free;
	pool->store_free = s->store;
	s->store = 0;
}

/* Bytes from next_seq to the end of the last range. */
static inline uint32_t extent_of(const struct store *st)
{
	return st->count ? st->ranges[st->count - 1].end : 0;
}

/* Makes room for @size bytes from next_seq on: move to the front, else to a larger piece. */
static bool reserve(struct fl_stream_pool *pool, struct store *st, size_t size)
{
	if (st->start + size <= capacity_of(st))
		return true;
	const uint8_t *from = bytes_of(pool, st);
	if (size > capacity_of(st)) {
		unsigned order = order_for(size);
		uint32_t block = take_piece(pool, order);
		if (block == NO_BLOCK)
			return false;
		memcpy(pool->memory + (size_t)block * FL_STREAM_BLOCK, from, extent_of(st));
		give_piece(pool, st->block, st->order);
		st->block = block;
		st->order = (uint8_t)order;
	} else {
		memmove(pool->memory + (size_t)st->block * FL_STREAM_BLOCK, from, extent_of(st));
	}
	st->start = 0;
	return true;
}

/* Copies what no range has yet of [begin, end). Return: whether the rest is the same. */
static bool copy_missing(struct store *st, uint8_t *to, const uint8_t *data, uint32_t begin, uint32_t end)
{
	uint32_t at = begin;
	bool same = true;
	for (unsigned i = 0; i < st->count && at < end; i++) {
		struct range r = st->ranges[i];
		if (r.end <= at)
			continue;
		uint32_t stop = r.begin < end ? r.begin : end;
		if (at < stop)
			memcpy(to + at, data + (at - begin), stop - at);
		uint32_t from = r.begin > at ? r.begin : at, until = r.end < end ? r.end : end;
		if (from < until)
			same = same && memcmp(to + from, data + (from - begin), until - from) == 0;
		at = r.end;
	}
	if (at < end)
		memcpy(to + at, data + (at - begin), end - at);
	return same;
}

/* Joins [begin, end) with all ranges it touches; false when that makes one too many. */
static bool join_range(struct store *st, uint32_t begin, uint32_t end)
{
	unsigned first = 0;
	while (first < st->count && st->ranges[first].end < begin)
		first++;
	unsigned last = first;
	while (last < st->count && st->ranges[last].begin <= end) {
		if (st->ranges[last].begin < begin)
			begin = st->ranges[last].begin;
		if (st->ranges[last].end > end)
			end = st->ranges[last].end;
		last++;
	}
	if (first == last && st->count == MAX_RANGES)
		return false;
	memmove(&st->ranges[first + 1], &st->ranges[last], (st->count - last) * sizeof(struct range));
	st->ranges[first] = (struct range){ begin, end };
	st->count = (uint8_t)(st->count + 1 - (last - first));
	return true;
}

/* What some systems send to see whether the other is there: the last byte again, as zero. */
static bool is_keep_alive(const uint8_t *data, size_t size)
{
	return size == 1 && data[0] == 0;
}

/* Stores data for offset @begin from next_seq on; the caller has checked the window. Return: OK; TRUNCATED: there is no room;
 * MALFORMED: what is there already differs. */
static enum fl_parse keep(
	struct fl_stream *s, struct fl_stream_pool *pool, uint32_t begin, const uint8_t *data, size_t size)
{
	uint32_t end = begin + (uint32_t)size;
	struct store *st = store_of(s, pool);
	if (!st)
		st = new_store(s, pool, end);
	if (!st || !reserve(pool, st, end))
		return FL_PARSE_TRUNCATED;
	/* Before the ranges change; a refusal closes the stream and with it what was copied. */
	if (!copy_missing(st, bytes_of(pool, st), data, begin, end) && !is_keep_alive(data, size))
		return FL_PARSE_MALFORMED;
	return join_range(st, begin, end) ? FL_PARSE_OK : FL_PARSE_TRUNCATED;
}

/* Bytes that lie in order at next_seq. */
static uint32_t ready(const struct store *st)
{
	return st && st->count && st->ranges[0].begin == 0 ? st->ranges[0].end : 0;
}

static enum fl_parse give_up(struct fl_stream *s, struct fl_stream_pool *pool)
{
	pool->refused++;
	fl_stream_close(s, pool);
	return FL_PARSE_TRUNCATED;
}

static enum fl_parse contradict(struct fl_stream *s, struct fl_stream_pool *pool)
{
	pool->contradicted++;
	fl_stream_close(s, pool);
	return FL_PARSE_MALFORMED;
}

/* --- public ------------------------------------------------------------------------------------- */

struct fl_stream_pool *fl_stream_pool_new(size_t limit_bytes)
{
	struct fl_stream_pool *pool = fl_alloc(sizeof(*pool));
	size_t blocks = limit_bytes / FL_STREAM_BLOCK;
	if (blocks > MAX_STORE)
		blocks = MAX_STORE;
	pool->blocks = (uint32_t)blocks;
	pool->memory = fl_alloc_array(blocks + 1, FL_STREAM_BLOCK);
	pool->next = fl_alloc_array(blocks + 1, sizeof(*pool->next));
	pool->prev = fl_alloc_array(blocks + 1, sizeof(*pool->prev));
	pool->order = fl_alloc_array(blocks + 1, sizeof(*pool->order));
	pool->stores = fl_alloc_array(blocks + 1, sizeof(*pool->stores));
	memset(pool->order, NOT_FREE, blocks + 1);
	for (unsigned i = 0; i < ORDERS; i++)
		pool->free[i] = NO_BLOCK;
	/* The blocks past the last whole window become pieces of every smaller order once at most;
	 * from the back, so that the lowest memory is handed out first. */
	uint32_t whole = pool->blocks & ~(uint32_t)(LARGEST - 1);
	uint32_t at = whole;
	for (unsigned order = ORDERS - 1; order-- > 0;) {
		if (pool->blocks & UINT32_C(1) << order) {
			push_piece(pool, at, order);
			at += UINT32_C(1) << order;
		}
	}
	for (at = whole; at > 0; at -= LARGEST)
		push_piece(pool, at - LARGEST, ORDERS - 1);
	return pool;
}

void fl_stream_pool_free(struct fl_stream_pool *pool)
{
	if (!pool)
		return;
	free(pool->memory);
	free(pool->next);
	free(pool->prev);
	free(pool->order);
	free(pool->stores);
	free(pool);
}

uint64_t fl_stream_pool_refused(const struct fl_stream_pool *pool)
{
	return pool->refused;
}

uint64_t fl_stream_pool_contradicted(const struct fl_stream_pool *pool)
{
	return pool->contradicted;
}

size_t fl_stream_pool_used(const struct fl_stream_pool *pool)
{
	return (size_t)pool->used * FL_STREAM_BLOCK;
}

void fl_stream_start(struct fl_stream *s, uint32_t seq)
{
	assert(!s->store);
	s->next_seq = seq;
	s->started = true;
}

/* Out of order, or behind bytes that the consumer left. */
static enum fl_parse add_stored(struct fl_stream *s, struct fl_stream_pool *pool, uint32_t offset,
	const uint8_t *data, size_t size, struct fl_slice *out)
{
	uint32_t had = ready(store_of(s, pool));
	if (size > FL_STREAM_WINDOW || offset > FL_STREAM_WINDOW - size)
		return give_up(s, pool);
	enum fl_parse kept = keep(s, pool, offset, data, size);
	if (kept == FL_PARSE_MALFORMED)
		return contradict(s, pool);
	if (kept != FL_PARSE_OK)
		return give_up(s, pool);
	const struct store *st = store_of(s, pool);
	uint32_t have = ready(st);
	if (have > had)
		*out = (struct fl_slice){ bytes_of(pool, st), have };
	return have > had || offset <= had ? FL_PARSE_OK : FL_PARSE_MORE;
}

enum fl_parse fl_stream_add(struct fl_stream *s, struct fl_stream_pool *pool, uint32_t seq,
	const uint8_t *data, size_t size, size_t missing, struct fl_slice *out)
{
	*out = (struct fl_slice){ NULL, 0 };
	pool->given = *out;
	if (s->closed || (size == 0 && missing == 0))
		return FL_PARSE_OK;
	if (!s->started)
		fl_stream_start(s, seq);

	int32_t offset = (int32_t)(seq - s->next_seq);
	if (offset < 0) {
		size_t old = s->next_seq - seq;
		if (old >= size + missing)
			return FL_PARSE_OK;
		size_t skip = old < size ? old : size;
		if (old > size) /* the hole begins before next_seq: only cut bytes are new */
			missing -= old - size;
		data = skip ? data + skip : data;
		size -= skip;
		offset = 0;
	}
	enum fl_parse parse = FL_PARSE_OK;
	if (size > 0 && offset == 0 && !s->store) {
		*out = pool->given = (struct fl_slice){ data, size };
	} else if (size > 0) {
		parse = add_stored(s, pool, (uint32_t)offset, data, size, out);
	}
	if (missing == 0 || s->closed)
		return parse;
	fl_stream_close(s, pool);
	return FL_PARSE_TRUNCATED;
}

/* Marks behind the first @n bytes stay. */
static void drop_marks(struct store *st, uint32_t n)
{
	uint8_t kept = 0;
	for (unsigned i = 0; i < st->mark_count; i++)
		if (st->marks[i] > n)
			st->marks[kept++] = st->marks[i] - n;
	st->mark_count = kept;
}

/* Forget the first @n bytes of the store. */
static void drop_front(struct fl_stream *s, struct fl_stream_pool *pool, uint32_t n)
{
	struct store *st = store_of(s, pool);
	s->next_seq += n;
	st->start += n;
	st->looked = 0;
	unsigned kept = 0;
	for (unsigned i = 0; i < st->count; i++) {
		struct range r = st->ranges[i];
		if (r.end > n)
			st->ranges[kept++] = (struct range){ r.begin > n ? r.begin - n : 0, r.end - n };
	}
	st->count = (uint8_t)kept;
	if (st->mark_count)
		drop_marks(st, n);
	if (kept == 0)
		free_store(s, pool);
}

void fl_stream_consume(struct fl_stream *s, struct fl_stream_pool *pool, size_t n)
{
	struct fl_slice given = pool->given;
	pool->given = (struct fl_slice){ NULL, 0 };
	if (s->closed)
		return;
	if (s->store) {
		uint32_t have = ready(store_of(s, pool));
		if (n > have)
			n = have;
		if (n > 0)
			drop_front(s, pool, (uint32_t)n);
		return;
	}
	if (n > given.size)
		n = given.size;
	s->next_seq += (uint32_t)n;
	size_t left = given.size - n;
	if (left > FL_STREAM_WINDOW || (left > 0 && keep(s, pool, 0, given.data + n, left) != FL_PARSE_OK))
		(void)give_up(s, pool);
}

struct fl_slice fl_stream_skip(struct fl_stream *s, struct fl_stream_pool *pool, size_t n)
{
	struct fl_slice none = { NULL, 0 }, given = pool->given;
	pool->given = none;
	if (s->closed)
		return none;
	assert(n <= INT32_MAX);
	if (!s->store) {
		s->next_seq += (uint32_t)n;
		if (n < given.size)
			pool->given = (struct fl_slice){ given.data + n, given.size - n };
		return pool->given;
	}
	drop_front(s, pool, (uint32_t)n);
	const struct store *st = store_of(s, pool);
	uint32_t have = ready(st);
	return have ? (struct fl_slice){ bytes_of(pool, st), have } : none;
}

size_t fl_stream_looked(const struct fl_stream *s, const struct fl_stream_pool *pool)
{
	const struct store *st = store_of(s, pool);
	return st ? st->looked : 0;
}

void fl_stream_look(struct fl_stream *s, struct fl_stream_pool *pool, size_t looked)
{
	struct store *st = store_of(s, pool);
	assert(looked <= FL_STREAM_WINDOW);
	if (st)
		st->looked = (uint32_t)looked;
}

size_t fl_stream_waiting(const struct fl_stream *s, const struct fl_stream_pool *pool)
{
	return ready(store_of(s, pool));
}

size_t fl_stream_hole(const struct fl_stream *s, const struct fl_stream_pool *pool)
{
	const struct store *st = store_of(s, pool);
	return st && st->count ? st->ranges[0].begin : 0;
}

/* The piece without holes that has the byte at @offset; NULL: none has. */
static const struct range *range_with(const struct store *st, uint32_t offset)
{
	for (unsigned i = 0; i < st->count; i++)
		if (st->ranges[i].begin <= offset && offset < st->ranges[i].end)
			return &st->ranges[i];
	return NULL;
}

void fl_stream_mark(struct fl_stream *s, struct fl_stream_pool *pool, uint32_t seq)
{
	struct store *st = store_of(s, pool);
	uint32_t offset = seq - s->next_seq;
	const struct range *r = st ? range_with(st, offset) : NULL;
	unsigned at = 0;
	if (!r || st->mark_count == MAX_MARKS)
		return;
	for (; at < st->mark_count && st->marks[at] <= offset; at++)
		if (st->marks[at] >= r->begin)
			return; /* who begins there comes by here */
	memmove(&st->marks[at + 1], &st->marks[at], (st->mark_count - at) * sizeof(st->marks[0]));
	st->marks[at] = offset;
	st->mark_count++;
}

bool fl_stream_resume(struct fl_stream *s, struct fl_stream_pool *pool, uint32_t ack, struct fl_slice *out)
{
	*out = pool->given = (struct fl_slice){ NULL, 0 };
	struct store *st = store_of(s, pool);
	unsigned behind = ready(st) > 0; /* the first piece behind the hole */
	int32_t acked = (int32_t)(ack - s->next_seq);
	if (!st || behind >= st->count || acked < (int32_t)st->ranges[behind].begin)
		return false;
	unsigned at = 0;
	while (at < st->mark_count && st->marks[at] < st->ranges[behind].begin)
		at++;
	if (at == st->mark_count) {
		fl_stream_close(s, pool);
		return true;
	}
	if ((int32_t)st->marks[at] > acked)
		return false;
	drop_front(s, pool, st->marks[at]);
	*out = (struct fl_slice){ bytes_of(pool, st), ready(st) };
	return true;
}

void fl_stream_close(struct fl_stream *s, struct fl_stream_pool *pool)
{
	free_store(s, pool);
	s->closed = true;
}
