/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records.c - the buffer that files are read through, and pcap's own format
 *
 * pcap (draft-ietf-opsawg-pcap) is by far the most common format, and its records are handed out in
 * place in one large buffer: libpcap copies every packet twice on the way, which costs more than
 * decoding it. The magic number tells the byte order and the unit of time: 0xa1b2c3d4 microseconds,
 * 0xa1b23c4d nanoseconds, 0xa1b2cd34 the "modified" format of old Linux distributions with eight
 * more bytes before each packet. Before version 2.3 the two lengths stood the other way
 * round, and 2.3 itself was written both ways.
 */
#include "source_internal.h"

#include <stdlib.h>

enum { FILE_HEADER = 24, MODIFIED_HEADER = 24, MAGIC_PCAPNG = 0x0a0d0d0a, LINE = 64, BUFFER_ROOM = FILE_BUFFER + LINE };

static const uint32_t MAGIC_US = 0xa1b2c3d4, MAGIC_NS = 0xa1b23c4d, MAGIC_MODIFIED = 0xa1b2cd34;

/* What is left moves to the front, as far as what is read behind it begins on a cache line: the kernel copies faster to there. */
static void make_room(struct records *r)
{
	size_t left = r->end - r->at, end = (left + LINE - 1) / LINE * LINE;
	memmove(r->buffer + end - left, r->buffer + r->at, left);
	r->at = end - left;
	r->end = end;
}

int records_refill(struct records *r, size_t size)
{
	if (r->at > 0)
		make_room(r);
	while (r->end - r->at < size) {
		size_t room = BUFFER_ROOM - r->end;
		ssize_t n = feed_read(r->feed, r->buffer + r->end, room < FILE_PIECE ? room : FILE_PIECE);
		if (n <= 0)
			return (int)n;
		r->end += (size_t)n;
	}
	return 1;
}

/* Return: 0; -EBADMSG when it is no pcap file. The header is used up. */
static int pcap_open(struct records *r)
{
	struct fl_reader h = fl_reader_over(r->buffer, FILE_HEADER);
	r->little_endian = (fl_read_be32(&h) & 0xff) == 0xa1;
	h = fl_reader_over(r->buffer, FILE_HEADER);
	uint32_t magic = read_word(r, &h);
	if (magic != MAGIC_US && magic != MAGIC_NS && magic != MAGIC_MODIFIED)
		return -EBADMSG;
	r->fraction_ns = magic == MAGIC_NS ? 1 : 1000;
	r->header = magic == MAGIC_MODIFIED ? MODIFIED_HEADER : RECORD_HEADER;
	uint16_t major = read_half(r, &h), minor = read_half(r, &h);
	if (major != 2)
		return -EBADMSG;
	r->minor = minor < 4 ? (uint8_t)minor : 4;
	fl_read_skip(&h, 12);
	r->link_type = (int)(read_word(r, &h) & 0xffff); /* above: length of the frame check sequence */
	r->at = FILE_HEADER;
	return 0;
}

static int begin(struct records *r, const char **why)
{
	if (records_want(r, FILE_HEADER) != 1) {
		*why = feed_damage(r->feed) ? feed_damage(r->feed) : "the file ends before its header does";
		return -EBADMSG;
	}
	struct fl_reader h = fl_reader_over(r->buffer, FILE_HEADER);
	int code = fl_read_be32(&h) == MAGIC_PCAPNG ? pcapng_open(r) : pcap_open(r);
	if (code < 0)
		*why = r->why ? r->why : "it is no capture file";
	return code;
}

int records_open(struct records **records, struct feed *feed, const char **why)
{
	struct records *r = fl_alloc(sizeof(*r));
	r->memory = fl_alloc(BUFFER_ROOM + LINE);
	r->buffer = (uint8_t *)(((uintptr_t)r->memory + LINE - 1) & ~(uintptr_t)(LINE - 1));
	r->feed = feed;
	int code = begin(r, why);
	if (code < 0)
		records_close(r);
	else
		*records = r;
	return code;
}

void records_close(struct records *r)
{
	if (!r)
		return;
	pcapng_close(r->blocks);
	free(r->memory);
	free(r);
}

bool records_cut(const struct records *r)
{
	return r->cut || r->at < r->end || feed_cut(r->feed);
}

static void swap_lengths(const struct records *r, struct record *record)
{
	if (r->minor == 3 && record->caplen <= record->len)
		return;
	uint32_t len = record->caplen;
	record->caplen = record->len;
	record->len = len;
}

/* A record that the file ends in is no record. */
int records_next(struct records *r, struct record *record)
{
	if (r->blocks)
		return pcapng_next(r, record);
	if (records_next_here(r, record))
		return 1;
	int got = records_want(r, r->header);
	if (got != 1)
		return got < 0 ? -1 : RECORDS_END;
	struct fl_reader h = fl_reader_over(r->buffer + r->at, RECORD_HEADER);
	uint64_t seconds = read_word(r, &h), fraction = read_word(r, &h);
	record->time_ns = (int64_t)(seconds * 1000000000u + fraction * r->fraction_ns);
	record->caplen = read_word(r, &h);
	record->len = read_word(r, &h);
	if (__builtin_expect(r->minor < 4, 0))
		swap_lengths(r, record);
	if (record->caplen > RECORD_MAX)
		return records_damaged(r, "its length is impossible");
	got = records_want(r, r->header + record->caplen);
	if (got != 1)
		return got < 0 ? -1 : RECORDS_END;
	record->link_type = r->link_type;
	record->interface = 0;
	record->data = r->buffer + r->at + r->header;
	r->at += r->header + record->caplen;
	return 1;
}
