/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng.c - files of blocks (draft-ietf-opsawg-pcapng)
 *
 * libpcap 1.10 refuses files whose interfaces differ in link type or snap length, which is what
 * a capture on several interfaces makes; so blocks are read here.
 *
 * A section header says the byte order and forgets all interfaces. Interfaces have their own link
 * type, snap length, resolution (a power of ten or of two) and offset of time. Packets come
 * in three kinds: enhanced, simple (of the first interface, without time: they get that of
 * the packet before), and the obsolete one. Interface statistics tell what was lost. All
 * other blocks are stepped over, whatever their size: only a packet's own bytes need to fit the
 * buffer.
 *
 * The length behind each block says the same as the one before it; where it does not, the file is
 * damaged and nothing behind can be trusted.
 */
#include "source_internal.h"

#include <stdlib.h>

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE = 3,
	BLOCK_STATISTICS = 5,
	BLOCK_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* the same in either byte order */
	ORDER_MAGIC = 0x1a2b3c4d,
	HEAD = 8,   /* type and length */
	FRAME = 12, /* with the length behind */
	INTERFACES_MAX = 65536,
};

enum {
	OPTION_END = 0,
	OPTION_RESOLUTION = 9,
	OPTION_OFFSET = 14,
	OPTION_LOST_INTERFACE = 5,
	OPTION_LOST_SYSTEM = 7,
};

struct interface {
	int link_type;
	uint32_t snaplen;   /* 0: no limit */
	uint8_t resolution; /* as in the file */
	uint64_t offset_s;  /* wraps */
	uint64_t lost_interface, lost_system;
};

struct pcapng {
	struct interface *interfaces;
	size_t count, capacity;
	uint32_t size, left;                  /* of the block at hand; what is not stepped over yet */
	int64_t time_ns;                      /* of the packet before */
	bool any_link, known_link;            /* of the interfaces so far; known: one that is read */
	int unknown_link;                     /* the last that is not */
	uint64_t lost_interface, lost_system; /* in sections before */
};

/* --- options ------------------------------------------------------------------------------------- */

static uint64_t read_long(const struct records *r, struct fl_reader *from)
{
	uint64_t first = read_word(r, from), second = read_word(r, from);
	return r->little_endian ? second << 32 | first : first << 32 | second;
}

/* The next option, or OPTION_END; the value is padded to four bytes. */
static uint16_t next_option(const struct records *r, struct fl_reader *options, struct fl_reader *value)
{
	if (fl_reader_left(options) < 4)
		return OPTION_END;
	uint16_t code = read_half(r, options), size = read_half(r, options);
	*value = fl_read_sub(options, size);
	fl_read_skip(options, -size & 3);
	return value->failed ? OPTION_END : code;
}

/* --- time ---------------------------------------------------------------------------------------- */

static uint64_t power_of_ten(unsigned exponent)
{
	uint64_t power = 1;
	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* Nanoseconds of @stamp; a resolution of 2^-n keeps the 34 most significant bits of the fraction, for
 * more do not change the nanosecond. Times past 2^64 ns wrap, as those of a file with such times may. */
static int64_t time_of(const struct interface *i, uint64_t stamp)
{
	unsigned exponent = i->resolution & 0x7f;
	uint64_t ns;
	if (i->resolution & 0x80) {
		uint64_t seconds = exponent < 64 ? stamp >> exponent : 0;
		uint64_t fraction = exponent < 64 ? stamp & ((UINT64_C(1) << exponent) - 1) : stamp;
		unsigned bits = exponent < 34 ? exponent : 34;
		fraction = exponent - bits < 64 ? fraction >> (exponent - bits) : 0;
		ns = seconds * 1000000000u + (fraction * 1000000000u >> bits);
	} else if (exponent <= 9) {
		ns = stamp * power_of_ten(9 - exponent);
	} else {
		ns = exponent - 9 <= 19 ? stamp / power_of_ten(exponent - 9) : 0;
	}
	return (int64_t)(ns + i->offset_s * 1000000000u);
}

/* --- blocks -------------------------------------------------------------------------------------- */

static void forget_interfaces(struct pcapng *g)
{
	for (size_t i = 0; i < g->count; i++) {
		g->lost_interface += g->interfaces[i].lost_interface;
		g->lost_system += g->interfaces[i].lost_system;
	}
	g->count = 0;
}

/* @body: behind the byte order */
static int begin_section(struct records *r, struct fl_reader body)
{
	uint16_t major = read_half(r, &body);
	if (body.failed || major != 1)
		return records_damaged(r, "a section of an unknown version");
	forget_interfaces(r->blocks);
	return 1;
}

static int add_interface(struct records *r, struct fl_reader body)
{
	struct pcapng *g = r->blocks;
	struct interface i = { .resolution = 6 };
	i.link_type = read_half(r, &body);
	fl_read_skip(&body, 2);
	i.snaplen = read_word(r, &body);
	if (body.failed || g->count == INTERFACES_MAX)
		return records_damaged(r,
			body.failed ? "an interface block that is too short" : "more than 65536 interfaces");
	struct fl_reader value;
	for (uint16_t code; (code = next_option(r, &body, &value)) != OPTION_END;) {
		if (code == OPTION_RESOLUTION && fl_reader_left(&value) >= 1)
			i.resolution = fl_read_u8(&value);
		else if (code == OPTION_OFFSET && fl_reader_left(&value) >= 8)
			i.offset_s = read_long(r, &value);
	}
	if (fl_decode_knows(i.link_type))
		g->known_link = true;
	else
		g->unknown_link = i.link_type;
	g->any_link = true;
	if (g->count == g->capacity) {
		g->capacity = fl_grown(g->capacity, g->count + 1);
		g->interfaces = fl_grow_array(g->interfaces, g->capacity, sizeof(*g->interfaces));
	}
	g->interfaces[g->count++] = i;
	return 1;
}

/* The counts are running totals: the last ones count. */
static void read_statistics(const struct records *r, struct fl_reader body)
{
	uint32_t number = read_word(r, &body);
	fl_read_skip(&body, 8);
	if (body.failed || number >= r->blocks->count)
		return;
	struct interface *i = &r->blocks->interfaces[number];
	struct fl_reader value;
	for (uint16_t code; (code = next_option(r, &body, &value)) != OPTION_END;) {
		if (fl_reader_left(&value) < 8)
			continue;
		if (code == OPTION_LOST_INTERFACE)
			i->lost_interface = read_long(r, &value);
		else if (code == OPTION_LOST_SYSTEM)
			i->lost_system = read_long(r, &value);
	}
}

/* Fills all but the data; the time as it stands there. */
static void read_packet_head(const struct records *r, uint32_t type, struct fl_reader *h, struct record *p)
{
	if (type == BLOCK_SIMPLE) {
		p->interface = 0;
		p->len = read_word(r, h);
		return;
	}
	p->interface = type == BLOCK_PACKET ? read_half(r, h) : read_word(r, h);
	if (type == BLOCK_PACKET)
		fl_read_skip(h, 2); /* drops since the packet before: also in the statistics */
	uint64_t high = read_word(r, h);
	p->time_ns = (int64_t)(high << 32 | read_word(r, h));
	p->caplen = read_word(r, h);
	p->len = read_word(r, h);
}

/* The packet's bytes are in memory when this returns 1; the rest of the block is still to be stepped over. */
static int read_packet(struct records *r, uint32_t type, uint32_t size, struct record *p)
{
	struct pcapng *g = r->blocks;
	uint32_t head = type == BLOCK_SIMPLE ? HEAD + 4 : HEAD + 20;
	if (size < head + 4)
		return records_damaged(r, "a packet block that is too short");
	int got = records_want(r, head);
	if (got != 1)
		return got;
	struct fl_reader h = fl_reader_over(r->buffer + r->at + HEAD, head - HEAD);
	read_packet_head(r, type, &h, p);
	if (p->interface >= g->count)
		return records_damaged(r, "a packet of an interface that is not described");
	const struct interface *i = &g->interfaces[p->interface];
	uint32_t room = size - head - 4;
	if (type == BLOCK_SIMPLE) {
		uint32_t cut = i->snaplen && i->snaplen < room ? i->snaplen : room;
		p->caplen = p->len < cut ? p->len : cut;
		p->time_ns = g->time_ns;
	} else {
		p->time_ns = time_of(i, (uint64_t)p->time_ns);
	}
	if (p->caplen > room || p->caplen > RECORD_MAX)
		return records_damaged(r, "its length is impossible");
	g->time_ns = p->time_ns;
	p->link_type = i->link_type;
	got = records_want(r, head + p->caplen);
	p->data = r->buffer + r->at + head;
	return got;
}

/* Small blocks whole in memory, as a reader over what is inside. */
static int read_body(struct records *r, uint32_t size, struct fl_reader *body)
{
	if (size > FILE_BUFFER)
		return records_damaged(r, "a block of impossible length");
	int got = records_want(r, size);
	*body = fl_reader_over(r->buffer + r->at + HEAD, got == 1 ? size - FRAME : 0);
	return got;
}

static int read_other(struct records *r, uint32_t type, uint32_t size)
{
	if (type != BLOCK_INTERFACE && type != BLOCK_STATISTICS && type != BLOCK_SECTION)
		return 1;
	struct fl_reader body;
	int got = read_body(r, size, &body);
	if (got != 1)
		return got;
	if (type == BLOCK_INTERFACE)
		return add_interface(r, body);
	if (type == BLOCK_STATISTICS) {
		read_statistics(r, body);
		return 1;
	}
	fl_read_skip(&body, 4);
	return begin_section(r, body);
}

/* Type and length of the next block; a section's byte order comes first of all. */
static int read_head(struct records *r, uint32_t *type, uint32_t *size)
{
	int got = records_want(r, FRAME);
	if (got != 1)
		return got;
	struct fl_reader h = fl_reader_over(r->buffer + r->at, FRAME);
	struct fl_reader again = h;
	if (fl_read_be32(&h) == BLOCK_SECTION) {
		fl_read_skip(&h, 4);
		uint32_t order = fl_read_be32(&h);
		r->little_endian = order != ORDER_MAGIC;
		if (r->little_endian && order != 0x4d3c2b1a)
			return records_damaged(r, "a section of no byte order");
	}
	*type = read_word(r, &again);
	*size = read_word(r, &again);
	if (*size < FRAME || *size % 4)
		return records_damaged(r, "a block of impossible length");
	return 1;
}

/* Over what is left of a block, then the length behind it. Done before the next block is read, not after
 * this one: until then its packet stays where it is. */
static int finish_block(struct records *r)
{
	struct pcapng *g = r->blocks;
	int got = 1;
	while (g->left > 4 && got == 1) {
		size_t here = r->end - r->at;
		here = here < g->left - 4 ? here : g->left - 4;
		r->at += here;
		g->left -= (uint32_t)here;
		got = records_want(r, g->left > 4 ? 1 : 4);
	}
	if (got != 1) {
		r->cut |= got == 0;
		return got;
	}
	struct fl_reader h = fl_reader_over(r->buffer + r->at, 4);
	if (read_word(r, &h) != g->size)
		return records_damaged(r, "the lengths before and behind it differ");
	r->at += 4;
	g->left = 0;
	return 1;
}

static bool is_packet(uint32_t type)
{
	return type == BLOCK_ENHANCED || type == BLOCK_SIMPLE || type == BLOCK_PACKET;
}

int pcapng_next(struct records *r, struct record *record)
{
	struct pcapng *g = r->blocks;
	for (;;) {
		uint32_t type = 0;
		int got = g->left ? finish_block(r) : 1;
		if (got == 1)
			got = read_head(r, &type, &g->size);
		if (got == 1)
			got = is_packet(type) ? read_packet(r, type, g->size, record)
					      : read_other(r, type, g->size);
		if (got != 1)
			return got < 0 ? -1 : RECORDS_END;
		g->left = g->size;
		if (is_packet(type))
			return 1;
	}
}

/* Only packets follow each other without anything moving: other blocks may be of any size. */
bool pcapng_ready(const struct records *r)
{
	size_t here = r->end - r->at, left = r->blocks->left;
	if (here < left || here - left < FRAME)
		return false;
	struct fl_reader h = fl_reader_over(r->buffer + r->at + left, HEAD);
	return is_packet(read_word(r, &h)) && here - left >= read_word(r, &h);
}

int pcapng_open(struct records *r)
{
	r->blocks = fl_alloc(sizeof(*r->blocks));
	uint32_t type, size;
	return read_head(r, &type, &size) == 1 ? 0 : -EBADMSG;
}

void pcapng_close(struct pcapng *g)
{
	if (!g)
		return;
	free(g->interfaces);
	free(g);
}

void pcapng_dropped(const struct pcapng *g, uint64_t *kernel, uint64_t *interface)
{
	*kernel = g->lost_system;
	*interface = g->lost_interface;
	for (size_t i = 0; i < g->count; i++) {
		*kernel += g->interfaces[i].lost_system;
		*interface += g->interfaces[i].lost_interface;
	}
}

int pcapng_unknown_link(const struct pcapng *g)
{
	return g->known_link || !g->any_link ? -1 : g->unknown_link;
}
