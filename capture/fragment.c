/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fragment.c - IP fragments put together, in fixed memory
 *
 * A datagram's payload is at most 64 KiB. It lies in pages of 1 KiB, taken from a pool when the first
 * byte of a page arrives, so that neither tiny nor huge fragments cost more than their
 * place. Fragments begin at multiples of eight bytes; a bit for each such unit says whether
 * it is there. Hence no list of pieces, no limit on their number, and every fragment
 * costs time in proportion to its own size, whatever came before.
 *
 * A datagram that is whole is copied into one buffer and gives its pages back; its slot remembers
 * for DONE_NS that further pieces are copies of the same (mirrored traffic), not a new datagram that
 * never gets whole; so it is with an IPv4 datagram that contradicts itself. IPv6 datagrams with overlaps keep their slot until they are
 * too old, so that the rest of their pieces is refused, too.
 *
 * Two lists, oldest first: datagrams that collect (or refuse), and those that are done. A slot is
 * taken from the free ones, else from the done, else the oldest that collects is given up. The key is
 * hashed with the process's seed, so nobody can aim at one chain.
 */
#include "faultline/fragment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	UNIT = 8, /* RFC 791 section 3.1, RFC 8200 section 4.5 */
	PAGE_UNITS = 128,
	PAGE_SIZE = PAGE_UNITS * UNIT,
	DATAGRAM_MAX = 65535,
	DATAGRAM_PAGES = 64,
	SLOTS = 1024,
	BUCKETS = 2048,
	LIMIT_MIN = 256 * 1024,
	PAGES_LIMIT = 65535, /* page numbers have 16 bits; 0 is none */
};

static const uint64_t SECOND_NS = 1000000000, DONE_NS = 100000000;

struct page {
	uint8_t bytes[PAGE_SIZE];
	uint64_t have[PAGE_UNITS / 64];
	uint16_t next_free;
};

struct key {
	struct fl_addr src, dst;
	uint32_t id;
	uint8_t v6, protocol;
	uint16_t zero;
};

enum state { FREE, COLLECTING, REFUSING, DONE };

struct slot {
	struct key key;
	uint8_t state;
	uint16_t chain;        /* next in the bucket */
	uint16_t older, newer; /* in the list of its state */
	int64_t time_ns;       /* first piece; of a done one: the last */
	uint32_t total;        /* bytes, once the last piece is there; else 0 */
	uint32_t end;          /* behind the highest byte that is there */
	uint32_t units;        /* that are there */
	uint32_t captured;     /* where the snap length cut; else DATAGRAM_MAX */
	uint32_t len;          /* of the pieces' frames */
	bool begun;            /* @first is there */
	struct fl_packet first;
	uint16_t page[DATAGRAM_PAGES];
};

struct list {
	uint16_t oldest, newest;
};

struct fl_fragments {
	struct slot *slot; /* from 1 */
	struct page *page; /* from 1 */
	uint16_t pages, pages_used, page_free;
	uint16_t slots_used, slot_free;
	uint32_t pages_left, slots_left; /* neither used nor ever touched, and given back */
	struct list collecting, done;
	uint16_t bucket[BUCKETS];
	struct fl_fragment_counters counters;
	/* Apart, since a datagram may hold a fragment that pushes another out. */
	uint8_t whole[DATAGRAM_PAGES * PAGE_SIZE], beginning[DATAGRAM_PAGES * PAGE_SIZE];
};

struct fl_fragments *fl_fragments_new(size_t limit)
{
	struct fl_fragments *f = fl_alloc(sizeof(*f));
	size_t pages = (limit < LIMIT_MIN ? LIMIT_MIN : limit) / sizeof(struct page);
	f->pages = (uint16_t)(pages < PAGES_LIMIT ? pages : PAGES_LIMIT);
	f->page = fl_alloc_array((size_t)f->pages + 1, sizeof(*f->page));
	f->slot = fl_alloc_array(SLOTS + 1, sizeof(*f->slot));
	f->pages_left = f->pages;
	f->slots_left = SLOTS;
	return f;
}

void fl_fragments_free(struct fl_fragments *f)
{
	if (!f)
		return;
	free(f->page);
	free(f->slot);
	free(f);
}

const struct fl_fragment_counters *fl_fragments_counters(const struct fl_fragments *f)
{
	return &f->counters;
}

/* --- pages -------------------------------------------------------------------------------------- */

/* Those never used come last: memory that no fragment needs is not touched. */
static uint16_t take_page(struct fl_fragments *f)
{
	uint16_t n = f->page_free;
	if (n)
		f->page_free = f->page[n].next_free;
	else
		n = ++f->pages_used;
	assert(n <= f->pages);
	f->pages_left--;
	memset(f->page[n].have, 0, sizeof(f->page[n].have));
	return n;
}

static void free_pages(struct fl_fragments *f, struct slot *s)
{
	for (unsigned i = 0; i < DATAGRAM_PAGES; i++) {
		uint16_t n = s->page[i];
		if (!n)
			continue;
		f->page[n].next_free = f->page_free;
		f->page_free = n;
		f->pages_left++;
		s->page[i] = 0;
	}
}

static bool has_unit(const struct fl_fragments *f, const struct slot *s, uint32_t unit)
{
	uint16_t n = s->page[unit / PAGE_UNITS];
	return n && (f->page[n].have[unit % PAGE_UNITS / 64] >> (unit % 64) & 1);
}

static uint8_t *unit_bytes(struct fl_fragments *f, const struct slot *s, uint32_t unit)
{
	return f->page[s->page[unit / PAGE_UNITS]].bytes + unit % PAGE_UNITS * UNIT;
}

static void set_unit(struct fl_fragments *f, struct slot *s, uint32_t unit)
{
	struct page *page = &f->page[s->page[unit / PAGE_UNITS]];
	page->have[unit % PAGE_UNITS / 64] |= UINT64_C(1) << unit % 64;
	s->units++;
}

/* --- slots -------------------------------------------------------------------------------------- */

static struct list *list_of(struct fl_fragments *f, const struct slot *s)
{
	return s->state == DONE ? &f->done : &f->collecting;
}

static void list_append(struct fl_fragments *f, uint16_t n)
{
	struct slot *s = &f->slot[n];
	struct list *list = list_of(f, s);
	s->older = list->newest;
	s->newer = 0;
	if (list->newest)
		f->slot[list->newest].newer = n;
	else
		list->oldest = n;
	list->newest = n;
}

static void list_remove(struct fl_fragments *f, uint16_t n)
{
	struct slot *s = &f->slot[n];
	struct list *list = list_of(f, s);
	if (s->older)
		f->slot[s->older].newer = s->newer;
	else
		list->oldest = s->newer;
	if (s->newer)
		f->slot[s->newer].older = s->older;
	else
		list->newest = s->older;
}

static uint16_t *bucket_of(struct fl_fragments *f, const struct key *key)
{
	return &f->bucket[fl_hash_bytes(key, sizeof(*key), fl_hash_seed()) % BUCKETS];
}

static uint16_t find_slot(struct fl_fragments *f, const struct key *key)
{
	uint16_t n = *bucket_of(f, key);
	while (n && memcmp(&f->slot[n].key, key, sizeof(*key)) != 0)
		n = f->slot[n].chain;
	return n;
}

static void free_slot(struct fl_fragments *f, uint16_t n)
{
	struct slot *s = &f->slot[n];
	uint16_t *at = bucket_of(f, &s->key);
	while (*at != n)
		at = &f->slot[*at].chain;
	*at = s->chain;
	list_remove(f, n);
	free_pages(f, s);
	s->state = FREE;
	s->chain = f->slot_free;
	f->slot_free = n;
	f->slots_left++;
}

static uint16_t new_slot(struct fl_fragments *f, const struct key *key, int64_t time_ns)
{
	if (!f->slots_left)
		free_slot(f, f->done.oldest);
	uint16_t n = f->slot_free;
	if (n)
		f->slot_free = f->slot[n].chain;
	else
		n = ++f->slots_used;
	f->slots_left--;
	uint16_t *bucket = bucket_of(f, key);
	f->slot[n] = (struct slot){ .key = *key,
		.state = COLLECTING,
		.chain = *bucket,
		.time_ns = time_ns,
		.captured = DATAGRAM_MAX };
	*bucket = n;
	list_append(f, n);
	return n;
}

/* Keeps the slot, to know further pieces by. */
static void retire(struct fl_fragments *f, uint16_t n, enum state state, int64_t time_ns)
{
	struct slot *s = &f->slot[n];
	free_pages(f, s);
	list_remove(f, n);
	s->state = (uint8_t)state;
	if (state == DONE)
		s->time_ns = time_ns;
	list_append(f, n);
}

/* Further apart than @ns, in either direction: clocks are set, and files hold any time. */
static bool apart(int64_t a_ns, int64_t b_ns, uint64_t ns)
{
	uint64_t gap = a_ns > b_ns ? (uint64_t)a_ns - (uint64_t)b_ns : (uint64_t)b_ns - (uint64_t)a_ns;
	return gap > ns;
}

/* --- giving up ---------------------------------------------------------------------------------- */

/* Copies what is there from the beginning without a gap. */
static uint32_t copy_beginning(struct fl_fragments *f, const struct slot *s, uint8_t *to)
{
	uint32_t units = 0;
	while (units < (s->end + UNIT - 1) / UNIT && has_unit(f, s, units)) {
		memcpy(to + (size_t)units * UNIT, unit_bytes(f, s, units), UNIT);
		units++;
	}
	return units * UNIT < s->end ? units * UNIT : s->end;
}

static void set_payload(struct fl_fragments *f, const struct slot *s, uint8_t *to, struct fl_packet *p)
{
	uint32_t size = copy_beginning(f, s, to);
	p->payload = (struct fl_slice){ to, size < s->captured ? size : s->captured };
	p->payload_len = size;
}

static bool take_beginning(struct fl_fragments *f, uint16_t n, struct fl_packet *p)
{
	struct slot *s = &f->slot[n];
	bool begun = s->begun && s->state == COLLECTING;
	if (begun) {
		*p = s->first;
		p->fragment_more = true;
		p->len = s->len;
		set_payload(f, s, f->beginning, p);
	}
	free_slot(f, n);
	return begun;
}

bool fl_fragments_give_up(struct fl_fragments *f, int64_t now_ns, bool all, struct fl_packet *p)
{
	uint16_t n;
	while ((n = f->collecting.oldest) != 0) {
		bool old = all || apart(now_ns, f->slot[n].time_ns, FL_FRAGMENT_TIMEOUT_S * SECOND_NS);
		bool crowded = f->pages_left < DATAGRAM_PAGES || (!f->slots_left && !f->done.oldest);
		if (!old && !crowded)
			return false;
		if (f->slot[n].state == COLLECTING)
			(*(old ? &f->counters.late : &f->counters.crowded))++;
		if (take_beginning(f, n, p))
			return true;
	}
	return false;
}

/* --- pieces ------------------------------------------------------------------------------------- */

struct piece {
	const uint8_t *data;
	uint32_t offset, end; /* as the header says */
	uint32_t captured;    /* bytes of @data */
	bool last;
};

enum fit { FITS, DUPLICATE, OVERLAPS, DIFFERS };

/* Captured bytes of the piece's unit at @from. */
static uint32_t bytes_at(const struct piece *piece, uint32_t from)
{
	uint32_t skipped = from - piece->offset;
	uint32_t left = skipped < piece->captured ? piece->captured - skipped : 0;
	return left < UNIT ? left : UNIT;
}

/* The last piece says where the datagram ends; nothing may lie behind, and it cannot say so twice. */
static bool ends_fit(const struct slot *s, const struct piece *piece)
{
	if (s->total)
		return piece->end <= s->total && (!piece->last || piece->end == s->total);
	return !piece->last || piece->end >= s->end;
}

static enum fit compare(struct fl_fragments *f, const struct slot *s, const struct piece *piece)
{
	if (!ends_fit(s, piece))
		return DIFFERS;
	uint32_t had = 0, units = 0;
	bool same = true;
	for (uint32_t at = piece->offset; at < piece->end; at += UNIT, units++) {
		if (!has_unit(f, s, at / UNIT))
			continue;
		had++;
		uint32_t n = bytes_at(piece, at);
		same = same && (!n || memcmp(unit_bytes(f, s, at / UNIT), piece->data + (at - piece->offset),
					      n) == 0);
	}
	if (!had)
		return FITS;
	return !same ? DIFFERS : had == units ? DUPLICATE : OVERLAPS;
}

/* What is there already stays. */
static void store(struct fl_fragments *f, struct slot *s, const struct piece *piece)
{
	for (uint32_t at = piece->offset; at < piece->end; at += UNIT) {
		uint16_t *page = &s->page[at / PAGE_SIZE];
		if (!*page)
			*page = take_page(f);
		if (has_unit(f, s, at / UNIT))
			continue;
		uint32_t n = bytes_at(piece, at);
		if (n)
			memcpy(unit_bytes(f, s, at / UNIT), piece->data + (at - piece->offset), n);
		set_unit(f, s, at / UNIT);
	}
	if (piece->end > s->end)
		s->end = piece->end;
	if (piece->last)
		s->total = piece->end;
	uint32_t cut = piece->offset + piece->captured;
	if (cut < piece->end && cut < s->captured)
		s->captured = cut;
}

/* Everything there: @p becomes the datagram. */
static void finish(struct fl_fragments *f, uint16_t n, struct fl_packet *p)
{
	struct slot *s = &f->slot[n];
	set_payload(f, s, f->whole, p);
	p->transport = s->first.transport;
	p->len = s->len;
	p->fragment_more = false;
	p->fragment_offset = 0;
	f->counters.whole++;
	retire(f, n, DONE, p->time_ns);
}

static enum fl_parse add_piece(
	struct fl_fragments *f, uint16_t n, const struct piece *piece, struct fl_packet *p)
{
	struct slot *s = &f->slot[n];
	enum fit fit = compare(f, s, piece);
	if (fit == DUPLICATE) {
		f->counters.duplicates++;
		return FL_PARSE_MORE;
	}
	f->counters.overlaps += fit != FITS;
	if (fit == DIFFERS || (fit == OVERLAPS && p->fragment_v6)) {
		f->counters.refused++;
		retire(f, n, p->fragment_v6 ? REFUSING : DONE, p->time_ns);
		return FL_PARSE_MORE;
	}
	store(f, s, piece);
	s->len = s->len + p->len < s->len ? UINT32_MAX : s->len + p->len;
	if (piece->offset == 0 && !s->begun) {
		s->begun = true;
		s->first = *p;
		s->first.payload = (struct fl_slice){ NULL, 0 };
	}
	if (!s->total || s->units < (s->total + UNIT - 1) / UNIT)
		return FL_PARSE_MORE;
	finish(f, n, p);
	return FL_PARSE_OK;
}

static struct key key_of(const struct fl_packet *p)
{
	/* RFC 8200 section 4.5: the protocol is no part of it, and only the first fragment's is true. */
	return (struct key){ .src = p->src,
		.dst = p->dst,
		.id = p->fragment_id,
		.v6 = p->fragment_v6,
		.protocol = p->fragment_v6 ? 0 : p->transport };
}

static bool possible(const struct piece *piece)
{
	return piece->end > piece->offset && piece->end <= DATAGRAM_MAX &&
	       (piece->last || (piece->end - piece->offset) % UNIT == 0);
}

enum fl_parse fl_fragments_add(struct fl_fragments *f, struct fl_packet *p)
{
	f->counters.fragments++;
	if (p->payload_len > DATAGRAM_MAX) {
		f->counters.malformed++;
		return FL_PARSE_MALFORMED;
	}
	struct piece piece = { p->payload.data, p->fragment_offset, p->fragment_offset + p->payload_len,
		(uint32_t)p->payload.size, !p->fragment_more };
	if (!possible(&piece)) {
		f->counters.malformed++;
		return FL_PARSE_MALFORMED;
	}
	struct key key = key_of(p);
	uint16_t n = find_slot(f, &key);
	if (n && f->slot[n].state == DONE && apart(p->time_ns, f->slot[n].time_ns, DONE_NS)) {
		free_slot(f, n);
		n = 0;
	}
	if (!n)
		n = new_slot(f, &key, p->time_ns);
	switch (f->slot[n].state) {
	case COLLECTING:
		return add_piece(f, n, &piece, p);
	case DONE:
		f->counters.duplicates++;
		return FL_PARSE_MORE;
	default:
		return FL_PARSE_MORE;
	}
}
