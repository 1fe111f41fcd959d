/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_scanner.c - the whole packet path: frames in, scans out, and each scan reads back as itself
 *
 * Input: a byte of switches (enum switches), then records behind three bytes: kind and length, and how far the clock moves (in units of
 * 10 ms; the high bit: 10 s). A kind below LINKS is a frame of that link type; the others end a window, look into one, or
 * tell the owner of a socket. What a record holds beyond the end of the input is missing.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/fragment.h"
#include "faultline/json.h"
#include "faultline/scanner.h"
#include "faultline/source.h"

enum { RECORDS_MAX = 4096, WINDOWS_MAX = 8 };
enum switches { NO_BEHAVIOUR = 1, LIGHT = 2, LARGE = 4, ONE_BY_ONE = 8, CUT_SHORT = 16, UNSEEN = 32 };
enum record_kind { OWNER = 13, LOOK = 14, WINDOW = 15 };

static const int links[] = { 1, 101, 113, 276, 105, 127, 9, 0, 12, 104, 50, 107, 239 };
enum { LINKS = sizeof(links) / sizeof(links[0]) };
_Static_assert((int)LINKS == (int)OWNER, "every kind means something");

struct feed {
	struct fl_scanner *scanner;
	struct fl_fragments *fragments;
	struct fl_packet packets[FL_SOURCE_BATCH];
	const struct fl_packet *list[FL_SOURCE_BATCH];
	size_t count;
	uint8_t switches;
	unsigned windows;
	int64_t start_ns, now_ns;
};

static char *text_of(const struct fl_scan *scan, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	fuzz_check(out != NULL);
	fl_scan_write(out, scan);
	fclose(out);
	return text;
}

static void check_round_trip(struct fl_scan *scan)
{
	size_t size = 0, again_size = 0;
	char *text = text_of(scan, &size);
	struct fl_scan_set set = { 0 };
	struct fl_error err;
	cJSON *root = NULL;
	if (fl_json_parse("scan", text, size, &root, &err) || fl_scan_set_from_json(&set, "scan", root, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	cJSON_Delete(root);
	char *again = text_of(set.list[0], &again_size);
	fuzz_check(again_size == size && memcmp(text, again, size) == 0);
	free(text);
	free(again);
	fl_scan_set_fini(&set);
	fl_scan_free(scan);
}

/* Packets point into the input and into the fragments' store, which is valid until the next fragment. */
static void flush(struct feed *f)
{
	if (f->switches & ONE_BY_ONE)
		for (size_t i = 0; i < f->count; i++)
			fl_scanner_packet(f->scanner, f->list[i]);
	else
		fl_scanner_packets(f->scanner, f->list, f->count);
	f->count = 0;
}

static void add_packet(struct feed *f)
{
	f->list[f->count] = &f->packets[f->count];
	f->count++;
	if (f->count == FL_SOURCE_BATCH)
		flush(f);
}

/* What the fragments' store hands out is valid until the next piece: alone in its batch. */
static void add_piece(struct feed *f, struct fl_packet piece)
{
	struct fl_packet *p = &f->packets[0];
	flush(f);
	while (fl_fragments_give_up(f->fragments, piece.time_ns, false, p))
		if (fl_decode_datagram(p) == FL_PARSE_OK) {
			add_packet(f);
			flush(f);
		}
	*p = piece;
	if (fl_fragments_add(f->fragments, p) == FL_PARSE_OK && fl_decode_datagram(p) == FL_PARSE_OK) {
		add_packet(f);
		flush(f);
	}
}

static void add_frame(struct feed *f, int link, const uint8_t *data, uint32_t size)
{
	struct fl_packet *p = &f->packets[f->count];
	uint32_t kept = f->switches & CUT_SHORT && size > 96 ? 96 : size;
	*p = (struct fl_packet){ .time_ns = f->now_ns, .len = size };
	enum fl_parse parse = fl_decode(link, data, kept, p);
	if (parse == FL_PARSE_OK)
		add_packet(f);
	else if (parse == FL_PARSE_MORE)
		add_piece(f, *p);
}

/* Any bytes, but for what the header wants of whoever writes records. */
static void add_owner(struct feed *f, const uint8_t *data, size_t size)
{
	struct fl_owner_record r = { 0 };
	memcpy(&r, data, size < sizeof(r) ? size : sizeof(r));
	r.kind %= FL_OWNER_TRANSLATION + 1;
	r.attribution = r.attribution & 1 ? FL_ATTRIBUTION_EXACT : FL_ATTRIBUTION_POLLED;
	r.service[sizeof(r.service) - 1] = r.command[sizeof(r.command) - 1] = '\0';
	flush(f);
	fl_scanner_owner(f->scanner, &r);
}

static void add_record(struct feed *f, unsigned kind, const uint8_t *data, uint32_t size)
{
	if (kind < LINKS)
		add_frame(f, links[kind], data, size);
	else if (kind == OWNER)
		add_owner(f, data, size);
	else if (f->windows < WINDOWS_MAX && f->now_ns > f->start_ns) {
		flush(f);
		f->windows++;
		check_round_trip(kind == LOOK ? fl_scanner_so_far(f->scanner, f->now_ns)
					      : fl_scanner_cut(f->scanner, f->now_ns));
		if (kind == WINDOW)
			f->start_ns = f->now_ns;
	}
}

static void feed(struct feed *f, struct fl_reader *r)
{
	for (int i = 0; i < RECORDS_MAX && fl_reader_left(r) > 3; i++) {
		uint16_t head = fl_read_be16(r);
		uint8_t step = fl_read_u8(r);
		uint32_t size = head & 0xfff;
		if (size > fl_reader_left(r))
			size = (uint32_t)fl_reader_left(r);
		f->now_ns += (step & 0x80 ? INT64_C(10000000000) : INT64_C(10000000)) * (step & 0x7f);
		add_record(f, head >> 12, fl_read_bytes(r, size), size);
	}
	flush(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	struct feed f = { .switches = fl_read_u8(&r), .now_ns = INT64_C(1795000000) * 1000000000 };
	FILE *flows = fopen("/dev/null", "w");
	struct fl_scanner_options o = { .point = "fuzz",
		.source = f.switches & UNSEEN ? "live" : "file",
		.memory = f.switches & LARGE ? 16 << 20 : 4 << 20,
		.flows = flows,
		.no_behaviour = f.switches & NO_BEHAVIOUR,
		.light = f.switches & LIGHT,
		.unseen = f.switches & UNSEEN ? FL_UNSEEN_ALL : FL_UNSEEN_LEFT_OUT };
	fuzz_check(flows != NULL);
	f.start_ns = f.now_ns;
	f.scanner = fl_scanner_new(&o);
	f.fragments = fl_fragments_new(256 << 10);
	feed(&f, &r);
	check_round_trip(fl_scanner_finish(f.scanner));
	fl_fragments_free(f.fragments);
	fl_scanner_free(f.scanner);
	fclose(flows);
	return 0;
}
