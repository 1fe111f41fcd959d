/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_scanner.c - the whole packet path: frames in, scan out, and the scan reads back as itself
 *
 * Input: frames of Ethernet, each behind two bytes: how long it is (up to 255), and how far the clock moves
 * (in units of 10 ms; the high bit: 10 s).
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/json.h"
#include "faultline/scanner.h"

enum { ETHERNET = 1, FRAMES_MAX = 4096 };

static void check_round_trip(const struct fl_scan *scan)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct fl_scan_set set = { 0 };
	struct fl_error err;
	cJSON *root = NULL;
	if (!out)
		abort();
	fl_scan_write(out, scan);
	fclose(out);
	if (fl_json_parse("scan", text, size, &root, &err) || fl_scan_set_from_json(&set, "scan", root, &err))
		abort();
	cJSON_Delete(root);
	char *again = NULL;
	size_t again_size = 0;
	out = open_memstream(&again, &again_size);
	if (!out)
		abort();
	fl_scan_write(out, set.list[0]);
	fclose(out);
	if (again_size != size || memcmp(text, again, size) != 0)
		abort();
	free(text);
	free(again);
	fl_scan_set_fini(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *flows = fopen("/dev/null", "w");
	struct fl_scanner_options o = { .point = "fuzz", .source = "file", .memory = 4 << 20, .flows = flows };
	struct fl_scanner *scanner = fl_scanner_new(&o);
	struct fl_reader r = fl_reader_over(data, size);
	int64_t now = INT64_C(1795000000) * 1000000000;
	if (!flows)
		abort();
	for (int i = 0; i < FRAMES_MAX && fl_reader_left(&r) > 2; i++) {
		uint8_t length = fl_read_u8(&r), step = fl_read_u8(&r);
		if (length > fl_reader_left(&r))
			length = (uint8_t)fl_reader_left(&r);
		const uint8_t *frame = fl_read_bytes(&r, length);
		struct fl_packet p = { 0 };
		now += (step & 0x80 ? INT64_C(10000000000) : INT64_C(10000000)) * (step & 0x7f);
		p.time_ns = now;
		p.len = length;
		if (fl_decode(ETHERNET, frame, length, &p) == FL_PARSE_OK)
			fl_scanner_packet(scanner, &p);
	}
	struct fl_scan *scan = fl_scanner_finish(scanner);
	check_round_trip(scan);
	fl_scan_free(scan);
	fl_scanner_free(scanner);
	fclose(flows);
	return 0;
}
