/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_internal.h - how the bytes of a file become records
 *
 *   feed.c     a descriptor, inflated
 *   records.c  the buffer, and pcap's own format
 *   pcapng.c   blocks of pcapng
 *   source.c   interfaces; filter, fragments and counters for all of them
 */
#ifndef FAULTLINE_SOURCE_INTERNAL_H
#define FAULTLINE_SOURCE_INTERNAL_H

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "faultline/source.h"

enum {
	RECORD_MAX = 262144,          /* captured bytes; libpcap's MAXIMUM_SNAPLEN */
	RECORD_HEADER = 16,           /* of pcap, before each packet */
	FILE_BUFFER = 2 * RECORD_MAX,
	FILE_PIECE = 65536,           /* read(2) at a time: what is read next is written over it, and the caches are left to the tables */
};

/* --- feed: plain bytes from a descriptor --------------------------------------------------------- */

struct feed;

/* Reads so much that it knows the compression. Takes @fd over, also when it fails: negative errno,
 * -ENOTSUP for a compression that was not built in. */
int feed_open(struct feed **feed, int fd);
void feed_close(struct feed *f); /* NULL is fine; standard input stays open */
/* Like read(2); @size is at most FILE_BUFFER. -1 with feed_damage() set for damaged data. */
ssize_t feed_read(struct feed *f, void *to, size_t size);
bool feed_cut(const struct feed *f);           /* the compressed data end too early */
const char *feed_damage(const struct feed *f); /* what is wrong with the compressed data, or NULL */
const char *feed_remedy(const struct feed *f);

/* --- records ------------------------------------------------------------------------------------- */

struct record {
	const uint8_t *data; /* borrowed until the next one */
	uint32_t caplen, len;
	int link_type;
	uint32_t interface;
	int64_t time_ns;
};

struct pcapng;

struct records {
	struct feed *feed;
	uint8_t *buffer; /* FILE_BUFFER bytes and a cache line, aligned inside @memory */
	void *memory;
	size_t at, end;  /* not used up yet */
	const char *why; /* the record at hand is damaged */
	bool cut;        /* the file ends inside a block that was stepped over */
	bool little_endian;

	struct pcapng *blocks; /* pcapng; NULL for pcap: */
	int link_type;
	uint32_t header;      /* bytes before each record */
	uint32_t fraction_ns; /* what the second word of a time stamp counts */
	uint8_t minor;        /* version; before 2.3 the lengths were swapped */
};

enum { RECORDS_END = 2 };

/* @feed stays the caller's. Return: 0; -EBADMSG with @why set, or negative errno. */
int records_open(struct records **records, struct feed *feed, const char **why);
void records_close(struct records *r);
/* Return: 1, RECORDS_END, or -1: damaged with @r->why, else feed_damage() or errno say why. */
int records_next(struct records *r, struct record *record);
/* Past the end, whether all of the file was whole. */
bool records_cut(const struct records *r);

int pcapng_open(struct records *r);
void pcapng_close(struct pcapng *g);
int pcapng_next(struct records *r, struct record *record);
bool pcapng_ready(const struct records *r);
/* Packets lost while capturing, as the file tells. */
void pcapng_dropped(const struct pcapng *g, uint64_t *kernel, uint64_t *interface);
/* A link type that nobody here reads when all interfaces so far have such, else -1. */
int pcapng_unknown_link(const struct pcapng *g);

int records_refill(struct records *r, size_t size);

/* Whether @size bytes are in memory: 1; 0 when the file ends before, -1 with errno. */
static inline int records_want(struct records *r, size_t size)
{
	return r->end - r->at >= size ? 1 : records_refill(r, size);
}

static inline int records_damaged(struct records *r, const char *why)
{
	r->why = why;
	return -1;
}

static inline uint32_t read_word(const struct records *r, struct fl_reader *from)
{
	return r->little_endian ? fl_read_le32(from) : fl_read_be32(from);
}

static inline uint16_t read_half(const struct records *r, struct fl_reader *from)
{
	return r->little_endian ? fl_read_le16(from) : fl_read_be16(from);
}

/* records_next() when the record is whole in memory and nothing needs to be moved for it; else 0. What is odd is left to
 * records_next(). Nearly every packet of a file comes through here. */
static inline int records_next_here(struct records *r, struct record *record)
{
	if (__builtin_expect(r->blocks != NULL, 0))
		return pcapng_ready(r) ? pcapng_next(r, record) == 1 : 0;
	size_t here = r->end - r->at;
	if (here < r->header || r->minor < 4)
		return 0;
	struct fl_reader h = fl_reader_over(r->buffer + r->at, RECORD_HEADER);
	uint64_t seconds = read_word(r, &h), fraction = read_word(r, &h);
	uint32_t caplen = read_word(r, &h), len = read_word(r, &h);
	if (caplen > RECORD_MAX || caplen > here - r->header)
		return 0;
	*record = (struct record){ .data = r->buffer + r->at + r->header, .caplen = caplen, .len = len, .link_type = r->link_type,
				   .time_ns = (int64_t)(seconds * 1000000000u + fraction * r->fraction_ns) };
	r->at += r->header + caplen;
	return 1;
}

#endif
