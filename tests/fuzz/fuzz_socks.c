/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_socks.c - any bytes as what a client says to a SOCKS proxy
 *
 * What is known does not change with more bytes: the answer to the whole is MORE as long as a beginning's is, and once
 * a beginning is decided, so is the whole, in the same way; but a SOCKS 4 client says nothing behind its request.
 */
#include "fuzz.h"

#include <string.h>

#include "faultline/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_socks_request whole = { 0 }, part = { 0 };
	enum fl_parse all = fl_socks_request(data, size, &whole);
	if (all == FL_PARSE_OK)
		fuzz_check_text(whole.host, sizeof(whole.host));
	for (size_t n = 0; n < size && n < 600; n++) {
		enum fl_parse some = fl_socks_request(data, n, &part);
		if (some == FL_PARSE_MORE)
			continue;
		bool more = data[0] == 4 && some == FL_PARSE_OK && all == FL_PARSE_MALFORMED;
		fuzz_check(more || some == all);
		fuzz_check(more || some != FL_PARSE_OK || (part.port == whole.port && strcmp(part.host, whole.host) == 0));
		break;
	}
	return 0;
}
