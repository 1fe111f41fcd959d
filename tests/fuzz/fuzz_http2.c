/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_http2.c - any bytes behind the preface of HTTP/2, and without it; as one direction, in pieces, with little memory */
#include "fuzz.h"

#include <string.h>

#include "faultline/http2.h"

static unsigned read_direction(const uint8_t *data, size_t size, size_t step, size_t limit)
{
	struct fl_http2_budget budget = { .limit = limit };
	struct fl_http2_reader *h = fl_http2_reader_new(&budget);
	struct fl_http2_event e;
	enum fl_parse result = h ? FL_PARSE_OK : FL_PARSE_UNSUPPORTED;
	unsigned events = 0;
	for (size_t at = 0, end = 0, used; result == FL_PARSE_OK || (result == FL_PARSE_MORE && end < size);) {
		if (result == FL_PARSE_MORE || end == 0)
			end = size - end < step ? size : end + step;
		result = fl_http2_next(h, data + at, end - at, &used, &e);
		fuzz_check(used <= end - at && budget.used <= limit);
		at += used;
		if (result != FL_PARSE_OK)
			continue;
		events++;
		fuzz_check(e.status < 600 && e.grpc_status >= -1 && e.grpc_status < 1000);
		fuzz_check_text(e.request.host, sizeof e.request.host);
		fuzz_check_text(e.request.path, sizeof e.request.path);
		fuzz_check_text(e.request.method, sizeof e.request.method);
	}
	fl_http2_reader_free(h);
	fuzz_check(budget.used == 0);
	return events;
}

static void read_in_pieces(const uint8_t *data, size_t size)
{
	unsigned whole = read_direction(data, size, size ? size : 1, SIZE_MAX / 2);
	fuzz_check(read_direction(data, size, size ? 1u + data[0] % 16u : 1, SIZE_MAX / 2) == whole);
	fuzz_check(read_direction(data, size, 64, size ? data[size - 1] * 64u : 0) <= whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	static uint8_t stream[1 << 17];
	struct fl_http_request q;
	(void)fl_http2_request(data, size, &q);
	read_in_pieces(data, size);
	if (size > sizeof stream - sizeof preface)
		return 0;
	memcpy(stream, preface, sizeof preface - 1);
	if (size)
		memcpy(stream + sizeof preface - 1, data, size);
	memset(&q, 0xa5, sizeof q);
	enum fl_parse result = fl_http2_request(stream, sizeof preface - 1 + size, &q);
	fuzz_check(result != FL_PARSE_TRUNCATED);
	fuzz_check(result == FL_PARSE_OK || q.host[0] == 0);
	fuzz_check_text(q.host, sizeof q.host);
	fuzz_check_text(q.path, sizeof q.path);
	fuzz_check_text(q.method, sizeof q.method);
	return 0;
}
