/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blast_block.c - hundreds of lone failures carried through the graph together
 *
 * Every thing gets a row of bits, a column for each failure (cause) of the block: set when that failure takes the
 * thing down. The row of a thing is its own column, the rows of what it requires without slack, and
 * those columns that enough members of a group have: 512 fixed points at the price of a few. Things are visited
 * in the order of the condensation, and only those that something changed below (`dirty`).
 *
 * Memory is what this costs, so rows are avoided: nothing is stored for a row that is empty or full (where
 * failures go far, most rows soon are), and a row goes back as soon as the last thing that looks at it was
 * visited, so that the same few stay in the cache.
 *
 * In a ring (things that require each other over groups with slack) rows only grow: going around until
 * nothing is dirty climbs to the least fixed point.
 *
 * How many rows have a bit set in each column is counted with rows too: a binary number lies across
 * them, and rows are added three at a time (carry-save), so adding one costs about one step.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bit_rows.h"
#include "blast_all.h"

enum { LEVELS = 33 };                                      /* digits of a count of nodes, with carries */
enum { CHUNK_BYTES = 2 << 20, CHUNK_ALIGNMENT = 2 << 20 }; /* of rows; a huge page */
#define NOWHERE UINT32_MAX

enum state {
	EMPTY,
	FULL,     /* every column */
	MIXED,    /* has a row */
	SEEDED,   /* has a row nobody was told of: of a cause that was not visited yet */
	RELEASED, /* had a row that nobody needs any more */
};

struct fl_block_plan {
	const struct fl_condensed *c;
	const struct fl_bit_rows *ops;
	size_t units, widest;  /* widest: most rows looked at together */
	size_t *first_release; /* order + 1 */
	uint32_t *releases;    /* things that nobody looks at after this one */
};

/* Counts of one class, a digit a level: what is set in `sum`, and in `pending` where there is one. */
struct column_counter {
	fl_bits *sum[LEVELS], *pending[LEVELS];
	uint64_t has_pending;
	unsigned levels;
	uint32_t in_all_columns;
};

struct fl_block {
	const struct fl_block_plan *plan;
	uint8_t *state;
	fl_bits **row;
	uint64_t *dirty;
	const fl_bits **list; /* scratch: rows looked at together */
	size_t listed;
	fl_bits **spare; /* rows to hand out */
	size_t spare_count, spare_capacity;
	void **chunks;
	size_t chunk_count, chunk_capacity;
	struct column_counter counters[FL_CLASSES];
	/* in a ring: */
	uint32_t ring_last, at; /* ring_last is 0 outside */
	uint32_t ahead, behind, lowest_behind; /* dirty ones in it */
};

/* ---- plan ---- */

static bool in_ring(const struct fl_condensed *c, uint32_t thing)
{
	return c->ring_first[thing] != c->ring_last[thing];
}

/* The last thing that looks at the row of @thing, which may be itself; NOWHERE: no single one. */
static uint32_t last_reader(const struct fl_condensed *c, uint32_t thing)
{
	uint32_t last = thing;
	for (size_t i = c->first_fails[thing]; i < c->first_fails[thing + 1]; i++)
		last = c->fails[i] > last ? c->fails[i] : last;
	for (size_t i = c->first_weakens[thing]; i < c->first_weakens[thing + 1]; i++)
		last = c->weakens[i].of > last ? c->weakens[i].of : last;
	return in_ring(c, last) || in_ring(c, thing) ? NOWHERE : last;
}

static void plan_releases(struct fl_block_plan *p)
{
	const struct fl_condensed *c = p->c;
	uint32_t *last = fl_alloc_array(c->order, sizeof(*last));
	p->first_release = fl_alloc_array((size_t)c->order + 2, sizeof(*p->first_release));
	p->releases = fl_alloc_array(c->order, sizeof(*p->releases));
	for (uint32_t t = 0; t < c->order; t++) {
		last[t] = last_reader(c, t);
		if (last[t] != NOWHERE)
			p->first_release[last[t] + 2]++;
	}
	for (uint32_t t = 0; t < c->order; t++)
		p->first_release[t + 2] += p->first_release[t + 1];
	for (uint32_t t = 0; t < c->order; t++)
		if (last[t] != NOWHERE)
			p->releases[p->first_release[last[t] + 1]++] = t;
	free(last);
}

struct fl_block_plan *fl_block_plan_new(const struct fl_condensed *c, size_t units)
{
	struct fl_block_plan *p = fl_alloc(sizeof(*p));
	p->c = c;
	p->ops = fl_bit_rows();
	p->units = units;
	for (uint32_t t = 0; t < c->order; t++)
		if (c->first_hard[t + 1] - c->first_hard[t] > p->widest)
			p->widest = c->first_hard[t + 1] - c->first_hard[t];
	for (size_t i = 0; i < c->first_soft[c->order]; i++)
		if (c->soft[i].count > p->widest)
			p->widest = c->soft[i].count;
	plan_releases(p);
	return p;
}

void fl_block_plan_free(struct fl_block_plan *p)
{
	if (p == NULL)
		return;
	free(p->first_release);
	free(p->releases);
	free(p);
}

struct fl_block *fl_block_new(const struct fl_block_plan *p)
{
	struct fl_block *b = fl_alloc(sizeof(*b));
	b->plan = p;
	b->state = fl_alloc_array((size_t)p->c->order + 8, sizeof(*b->state));
	b->row = fl_alloc_array(p->c->order, sizeof(*b->row));
	b->dirty = fl_alloc_array((size_t)p->c->order / 64 + 1, sizeof(*b->dirty));
	b->list = fl_alloc_array(p->widest, sizeof(*b->list));
	return b;
}

void fl_block_free(struct fl_block *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->chunk_count; i++)
		free(b->chunks[i]);
	for (unsigned k = 0; k < FL_CLASSES; k++)
		for (unsigned l = 0; l < b->counters[k].levels; l++)
			free(b->counters[k].sum[l]);
	free(b->state);
	free(b->row);
	free(b->dirty);
	free(b->list);
	free(b->spare);
	free(b->chunks);
	free(b);
}

/* ---- rows ---- */

static void *allocate_aligned(size_t alignment, size_t size)
{
	void *memory = NULL;
	if (posix_memalign(&memory, alignment, size) != 0)
		fl_out_of_memory();
	return memory;
}

static void add_chunk(struct fl_block *b)
{
	size_t units = b->plan->units, bytes = units * sizeof(fl_bits), rows = CHUNK_BYTES / bytes;
	if (b->chunk_count == b->chunk_capacity) {
		b->chunk_capacity = fl_grown(b->chunk_capacity, b->chunk_count + 1);
		b->chunks = fl_grow_array(b->chunks, b->chunk_capacity, sizeof(*b->chunks));
	}
	fl_bits *chunk = allocate_aligned(CHUNK_ALIGNMENT, CHUNK_BYTES);
	(void)madvise(chunk, CHUNK_BYTES, MADV_HUGEPAGE); /* only faster where it works */
	b->chunks[b->chunk_count++] = chunk;
	size_t most = b->chunk_count * rows; /* all rows there are may come back */
	if (most > b->spare_capacity) {
		b->spare_capacity = fl_grown(b->spare_capacity, most);
		b->spare = fl_grow_array(b->spare, b->spare_capacity, sizeof(*b->spare));
	}
	for (size_t i = rows; i-- > 0;)
		b->spare[b->spare_count++] = chunk + i * units;
}

static fl_bits *take_row(struct fl_block *b)
{
	if (b->spare_count == 0)
		add_chunk(b);
	fl_bits *row = b->spare[--b->spare_count];
	memset(row, 0, b->plan->units * sizeof(*row));
	return row;
}

/* Last given, first taken: it is still in the cache. */
static void give_back(struct fl_block *b, fl_bits *row)
{
	b->spare[b->spare_count++] = row;
}

/* ---- dirty things ---- */

static void mark_dirty(struct fl_block *b, uint32_t thing)
{
	uint64_t bit = UINT64_C(1) << (thing & 63), *word = &b->dirty[thing >> 6];
	if (*word & bit || b->state[thing] == FULL)
		return;
	*word |= bit;
	if (thing > b->ring_last)
		return;
	if (thing > b->at) {
		b->ahead++;
		return;
	}
	b->behind++;
	if (thing < b->lowest_behind)
		b->lowest_behind = thing;
}

/* The first dirty thing from @thing on, clean from now on; NOWHERE. */
static uint32_t take_dirty(struct fl_block *b, uint32_t thing)
{
	uint32_t order = b->plan->c->order;
	if (thing >= order)
		return NOWHERE;
	size_t at = thing >> 6, last = (order - 1) >> 6;
	uint64_t word = b->dirty[at] & ~UINT64_C(0) << (thing & 63);
	while (word == 0) {
		if (at == last)
			return NOWHERE;
		word = b->dirty[++at];
	}
	b->dirty[at] &= ~(word & (~word + 1));
	return (uint32_t)(at << 6) + (uint32_t)__builtin_ctzll(word);
}

static uint32_t count_dirty(const struct fl_block *b, uint32_t first, uint32_t last)
{
	uint32_t count = 0;
	for (size_t at = first >> 6; at <= last >> 6; at++) {
		uint64_t word = b->dirty[at];
		if (at == first >> 6)
			word &= ~UINT64_C(0) << (first & 63);
		if (at == last >> 6)
			word &= ~UINT64_C(0) >> (63 - (last & 63));
		count += (uint32_t)__builtin_popcountll(word);
	}
	return count;
}

static void tell_dependants(struct fl_block *b, uint32_t thing)
{
	const struct fl_condensed *c = b->plan->c;
	for (size_t i = c->first_fails[thing]; i < c->first_fails[thing + 1]; i++)
		mark_dirty(b, c->fails[i]);
	for (size_t i = c->first_weakens[thing]; i < c->first_weakens[thing + 1]; i++)
		mark_dirty(b, c->weakens[i].of);
}

/* ---- one thing ---- */

/* Rows of the @count things in b->list; returns how many of them are full. With @any_full the first full one
 * settles it. */
static size_t list_rows(struct fl_block *b, const uint32_t *things, size_t count, bool any_full)
{
	size_t full = 0;
	b->listed = 0;
	for (size_t i = 0; i < count; i++) {
		uint8_t state = b->state[things[i]];
		if (state == EMPTY)
			continue;
		if (state == FULL) {
			full++;
			if (any_full)
				return full;
			continue;
		}
		const fl_bits *row = b->row[things[i]];
		__builtin_prefetch(row);
		b->list[b->listed++] = row;
	}
	return full;
}

static void become_full(struct fl_block *b, uint32_t thing)
{
	if (b->state[thing] != EMPTY)
		give_back(b, b->row[thing]);
	b->state[thing] = FULL;
	tell_dependants(b, thing);
}

static fl_bits *row_of(struct fl_block *b, uint32_t thing, fl_bits **fresh)
{
	if (b->state[thing] != EMPTY)
		return b->row[thing];
	if (*fresh == NULL)
		*fresh = take_row(b);
	return *fresh;
}

static void add_change(struct fl_bit_change *sum, const struct fl_bit_change *change)
{
	sum->changed |= change->changed;
	sum->any |= change->any;
	sum->full |= change->full;
}

/* Its row once more from all it requires. */
static void collect(struct fl_block *b, uint32_t thing, fl_bits **fresh, struct fl_bit_change *sum)
{
	const struct fl_block_plan *p = b->plan;
	const struct fl_condensed *c = p->c;
	struct fl_bit_change change;
	size_t first = c->first_hard[thing];
	sum->full = list_rows(b, c->hard + first, c->first_hard[thing + 1] - first, true) > 0;
	if (!sum->full && b->listed > 0) {
		p->ops->add(row_of(b, thing, fresh), b->list, b->listed, p->units, &change);
		add_change(sum, &change);
	}
	for (size_t i = c->first_soft[thing]; i < c->first_soft[thing + 1] && !sum->full; i++) {
		const struct fl_soft_group *group = &c->soft[i];
		size_t full = list_rows(b, c->soft_members + group->first, group->count, false);
		sum->full = full >= group->breaks_at;
		if (sum->full || full + b->listed < group->breaks_at)
			continue;
		p->ops->add_at_least(row_of(b, thing, fresh), b->list, b->listed, group->breaks_at - full,
			p->units, &change);
		add_change(sum, &change);
	}
}

static void visit(struct fl_block *b, uint32_t thing)
{
	struct fl_bit_change sum = { false, false, false };
	fl_bits *fresh = NULL;
	if (b->state[thing] == FULL)
		return;
	collect(b, thing, &fresh, &sum);
	if (fresh != NULL && (sum.full || !sum.any)) {
		give_back(b, fresh);
		fresh = NULL;
	}
	if (sum.full) {
		become_full(b, thing);
		return;
	}
	if (fresh != NULL)
		b->row[thing] = fresh;
	if (sum.changed || b->state[thing] == SEEDED) {
		b->state[thing] = MIXED;
		tell_dependants(b, thing);
	}
}

/* ---- counting ---- */

static void add_level(struct fl_block *b, struct column_counter *n)
{
	size_t units = b->plan->units;
	fl_bits *both = allocate_aligned(sizeof(fl_bits), 2 * units * sizeof(fl_bits));
	memset(both, 0, units * sizeof(fl_bits));
	n->sum[n->levels] = both;
	n->pending[n->levels++] = both + units;
}

static void add_row(struct fl_block *b, struct column_counter *n, const fl_bits *row, unsigned level)
{
	size_t units = b->plan->units;
	for (;; level++) {
		while (n->levels <= level)
			add_level(b, n);
		if (!(n->has_pending >> level & 1))
			break;
		b->plan->ops->add_up(n->sum[level], row, n->pending[level], n->pending[level], units);
		n->has_pending &= ~(UINT64_C(1) << level);
		row = n->pending[level];
	}
	memcpy(n->pending[level], row, units * sizeof(*row));
	n->has_pending |= UINT64_C(1) << level;
}

static void count_thing(struct fl_block *b, uint32_t thing)
{
	if (b->state[thing] == EMPTY)
		return;
	for (unsigned k = 0; k < FL_CLASSES; k++) {
		uint32_t weight = b->plan->c->weight[thing][k];
		if (b->state[thing] == FULL) {
			b->counters[k].in_all_columns += weight;
			continue;
		}
		for (; weight != 0; weight &= weight - 1)
			add_row(b, &b->counters[k], b->row[thing], (unsigned)__builtin_ctz(weight));
	}
}

static void read_counter(
	const struct column_counter *n, const uint32_t *causes, size_t count, unsigned class,
	struct fl_class_counts *counts)
{
	for (size_t i = 0; i < count; i++)
		counts[causes[i]].of[class] = n->in_all_columns;
	for (unsigned l = 0; l < n->levels; l++) {
		const uint64_t *sum = (const uint64_t *)n->sum[l], *pending = (const uint64_t *)n->pending[l];
		bool also = n->has_pending >> l & 1;
		for (size_t i = 0; i < count; i++) {
			uint64_t set = sum[i / 64] >> i % 64 & 1;
			set += also ? pending[i / 64] >> i % 64 & 1 : 0;
			counts[causes[i]].of[class] += (uint32_t)(set << l);
		}
	}
}

static void reset_counter(struct column_counter *n, size_t units)
{
	for (unsigned l = 0; l < n->levels; l++)
		memset(n->sum[l], 0, units * sizeof(fl_bits));
	n->has_pending = 0;
	n->in_all_columns = 0;
}

/* ---- the walk ---- */

static void release_rows(struct fl_block *b, uint32_t thing)
{
	const struct fl_block_plan *p = b->plan;
	for (size_t i = p->first_release[thing]; i < p->first_release[thing + 1]; i++) {
		uint32_t t = p->releases[i];
		if (b->state[t] != MIXED)
			continue;
		give_back(b, b->row[t]);
		b->state[t] = RELEASED;
	}
}

/* Around the ring, upwards and again from the lowest dirty one, until nothing changes. */
static void visit_ring(struct fl_block *b, uint32_t thing)
{
	const struct fl_condensed *c = b->plan->c;
	uint32_t first = c->ring_first[thing], last = c->ring_last[thing];
	b->ring_last = last;
	b->ahead = count_dirty(b, first, last); /* those before @thing are clean */
	b->behind = 0;
	b->lowest_behind = NOWHERE;
	for (uint32_t t = thing;;) {
		b->at = t;
		visit(b, t);
		if (b->ahead == 0) {
			if (b->behind == 0)
				break;
			b->ahead = b->behind;
			t = b->lowest_behind;
			b->behind = 0;
			b->lowest_behind = NOWHERE;
			t = take_dirty(b, t);
		} else {
			t = take_dirty(b, t + 1);
		}
		b->ahead--;
	}
	b->ring_last = 0;
	for (uint32_t t = first; t <= last; t++)
		count_thing(b, t);
}

/* One column for each cause. Columns that are left over repeat the first, so that a row can be full. */
static void sow(struct fl_block *b, const uint32_t *causes, size_t count)
{
	size_t columns = b->plan->units * FL_UNIT_BITS;
	for (size_t i = 0; i < columns; i++) {
		uint32_t thing = causes[i < count ? i : 0];
		if (b->state[thing] == EMPTY) {
			b->row[thing] = take_row(b);
			b->state[thing] = SEEDED;
			mark_dirty(b, thing);
		}
		((uint64_t *)b->row[thing])[i / 64] |= UINT64_C(1) << i % 64;
	}
}

static void clear(struct fl_block *b)
{
	for (uint32_t t = 0; t < b->plan->c->order; t++)
		if (b->state[t] == MIXED)
			give_back(b, b->row[t]);
	memset(b->state, EMPTY, b->plan->c->order);
	for (unsigned k = 0; k < FL_CLASSES; k++)
		reset_counter(&b->counters[k], b->plan->units);
}

void fl_block_run(
	struct fl_block *b, const uint32_t *causes, size_t count, struct fl_class_counts *counts)
{
	const struct fl_condensed *c = b->plan->c;
	if (count == 0)
		return;
	sow(b, causes, count);
	for (uint32_t t = take_dirty(b, c->ring_first[causes[0]]); t != NOWHERE; t = take_dirty(b, t + 1)) {
		if (in_ring(c, t)) {
			visit_ring(b, t);
			t = c->ring_last[t];
			continue;
		}
		visit(b, t);
		count_thing(b, t);
		release_rows(b, t);
	}
	for (unsigned k = 0; k < FL_CLASSES; k++)
		read_counter(&b->counters[k], causes, count, k, counts);
	clear(b);
}
