/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_request.c - any bytes as a request and as an answer of any protocol; the first byte names it */
#include "fuzz.h"

#include "faultline/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	enum fl_application a = (enum fl_application)(data[0] % FL_APP_COUNT);
	data++;
	size--;
	enum fl_request_kind kind = fl_request_kind(a, data, size);
	fuzz_check(kind == FL_REQUEST_WORK || kind == FL_REQUEST_SESSION || kind == FL_REQUEST_WAITS || kind == FL_REQUEST_SENDS);
	for (int udp = 0; udp < 2; udp++) {
		uint32_t print = fl_request_fingerprint(a, udp, data, size);
		fuzz_check(print == fl_request_fingerprint(a, udp, data, size));
		(void)fl_answer_failed(a, udp, data, size);
	}
	fuzz_check(fl_answer_tickets(data, size) <= 4);
	(void)fl_request_tls_size(data, size);
	return 0;
}
