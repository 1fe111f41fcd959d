/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_http.c - any bytes as heads of HTTP requests, as chunks, and as an answer */
#include "fuzz.h"

#include <string.h>

#include "faultline/http.h"

static void check_request(const struct fl_http_request *q)
{
	fuzz_check_text(q->method, sizeof q->method);
	fuzz_check_text(q->host, sizeof q->host);
	fuzz_check_text(q->path, sizeof q->path);
	fuzz_check(!q->chunked || q->content_length == 0 || q->head_size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_http_request q;
	memset(&q, 0xa5, sizeof q);
	enum fl_parse result = fl_http_request(data, size, &q);
	fuzz_check(result == FL_PARSE_OK || result == FL_PARSE_MORE || result == FL_PARSE_MALFORMED || result == FL_PARSE_UNSUPPORTED);
	check_request(&q);
	if (result == FL_PARSE_OK) {
		fuzz_check(q.head_size > 0 && q.head_size <= size && q.method[0] != 0);
		fuzz_check(fl_http_probe(data, size) == FL_PARSE_OK);
		struct fl_http_request part;
		fuzz_check(fl_http_request(data, q.head_size / 2, &part) == FL_PARSE_MORE);
		fuzz_check(fl_http_request(data, q.head_size, &part) == FL_PARSE_OK);
		fuzz_check(strcmp(part.host, q.host) == 0);
	}
	if (result == FL_PARSE_OK) {
		size_t half = q.head_size / 2, looked = half;
		while (looked > 0 && data[looked - 1] != '\n')
			looked--;
		fuzz_check(!fl_http_head_goes_on(data, q.head_size, &looked, q.host_read) && looked <= q.head_size);
	}
	size_t used;
	uint64_t skip;
	result = fl_http_chunks(data, size, &used, &skip);
	fuzz_check(used <= size && (skip == 0 || (result == FL_PARSE_MORE && used == size)));
	struct fl_http_body body = fl_http_answer_body(data, size);
	fuzz_check(body.head_size <= size && (!body.chunked || body.length == UINT64_MAX));
	unsigned status = fl_http_status(data, size);
	fuzz_check(status == 0 || (status >= 100 && status <= 599));
	return 0;
}
