/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_fragment.c - any fragments in any order and at any time
 *
 * The input is a row of fragments: five bytes and what they hold. Few hosts and identifications, so
 * that they meet. What the fragments put together are true to: bytes of the datagram are bytes that
 * were sent for that place.
 */
#include "fuzz.h"

#include <string.h>

#include "faultline/fragment.h"
#include "faultline/reader.h"

enum { PLACES = 4096 }; /* bytes of a datagram that are checked */

/* Which byte values were ever sent for a place, of all datagrams together. */
struct sent {
	uint8_t values[PLACES][256 / 8];
};

static void note(struct sent *sent, size_t offset, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && offset + i < PLACES; i++)
		sent->values[offset + i][data[i] / 8] |= (uint8_t)(1u << data[i] % 8);
}

static void check(const struct sent *sent, const struct fl_packet *p)
{
	fuzz_check(p->payload.size <= p->payload_len && p->payload_len <= 65535 && p->payload_len > 0);
	for (size_t i = 0; i < p->payload.size && i < PLACES; i++) {
		uint8_t value = p->payload.data[i];
		fuzz_check(sent->values[i][value / 8] >> value % 8 & 1);
	}
}

static void read_piece(struct fl_reader *r, struct fl_packet *p)
{
	*p = (struct fl_packet){ .len = 100, .transport = FL_TRANSPORT_UDP };
	uint8_t who = fl_read_u8(r), place = fl_read_u8(r), size = fl_read_u8(r), more = fl_read_u8(r);
	p->time_ns = (int64_t)fl_read_u8(r) * 500000000;
	p->src.bytes[15] = who & 1;
	p->fragment_v6 = who & 2;
	p->fragment_id = who >> 4;
	p->fragment_offset = (uint16_t)(place * (who & 4 ? 256 : 8));
	p->fragment_more = more & 1;
	uint32_t kept = size;
	if (kept > fl_reader_left(r))
		kept = (uint32_t)fl_reader_left(r);
	p->payload = (struct fl_slice){ fl_read_bytes(r, kept), kept };
	p->payload_len = size;
	if (more & 2) /* cut by the snap length */
		p->payload.size /= 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sent sent;
	memset(&sent, 0, sizeof sent);
	struct fl_fragments *f = fl_fragments_new(0);
	struct fl_reader r = fl_reader_over(data, size);
	struct fl_packet p, out;
	uint64_t whole = 0, pieces = 0;
	for (; fl_reader_left(&r) >= 5; pieces++) {
		read_piece(&r, &p);
		note(&sent, p.fragment_offset, p.payload.data, p.payload.size);
		while (fl_fragments_give_up(f, p.time_ns, false, &out)) {
			fuzz_check(out.fragment_more);
			check(&sent, &out);
		}
		enum fl_parse parse = fl_fragments_add(f, &p);
		fuzz_check(parse == FL_PARSE_OK || parse == FL_PARSE_MORE || parse == FL_PARSE_MALFORMED);
		if (parse != FL_PARSE_OK)
			continue;
		whole++;
		fuzz_check(!p.fragment_more);
		check(&sent, &p);
	}
	while (fl_fragments_give_up(f, 0, true, &out))
		check(&sent, &out);
	const struct fl_fragment_counters *c = fl_fragments_counters(f);
	fuzz_check(c->whole == whole && c->fragments == pieces);
	fuzz_check(c->duplicates + c->overlaps + c->malformed <= c->fragments);
	fl_fragments_free(f);
	return 0;
}
