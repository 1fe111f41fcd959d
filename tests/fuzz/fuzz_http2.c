/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_http2.c - any bytes behind the preface of HTTP/2, and without it */
#include "fuzz.h"

#include <string.h>

#include "faultline/http2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	static uint8_t stream[1 << 17];
	struct fl_http_request q;
	(void)fl_http2_request(data, size, &q);
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
