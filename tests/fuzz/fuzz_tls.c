/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_tls.c - any bytes as the start of a TLS stream, whole and cut in the middle */
#include "fuzz.h"

#include <string.h>

#include "faultline/tls.h"

static uint8_t scratch[FL_TLS_HELLO_MAX];

static void check_hello(const struct fl_tls_hello *h)
{
	fuzz_check_text(h->sni, sizeof h->sni);
	fuzz_check_text(h->alpn, sizeof h->alpn);
	fuzz_check(h->has_sni == (h->sni[0] != 0));
}

/* A start of a good stream is never refused, and what it said stays. */
static void check_prefix(const uint8_t *data, size_t size, const struct fl_tls_hello *whole)
{
	struct fl_tls_hello part;
	enum fl_parse result = fl_tls_client_hello(data, size, scratch, &part, NULL);
	fuzz_check(result == FL_PARSE_MORE || result == FL_PARSE_OK);
	fuzz_check(!part.has_sni || strcmp(part.sni, whole->sni) == 0);
	enum fl_parse probe = fl_tls_probe(data, size);
	fuzz_check(probe == FL_PARSE_MORE || probe == FL_PARSE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_tls_hello hello;
	size_t used = 0;
	memset(&hello, 0xa5, sizeof hello);
	enum fl_parse result = fl_tls_client_hello(data, size, scratch, &hello, &used);
	fuzz_check(result != FL_PARSE_TRUNCATED);
	check_hello(&hello);
	if (result == FL_PARSE_OK) {
		fuzz_check(used > 0 && used <= size);
		check_prefix(data, used / 2, &hello);
		check_prefix(data, used - 1, &hello);
		fuzz_check(fl_tls_client_hello(data, used, scratch, &hello, NULL) == FL_PARSE_OK);
	}

	memset(&hello, 0xa5, sizeof hello);
	struct fl_reader r = fl_reader_over(data, size);
	(void)fl_tls_hello_message(&r, &hello);
	check_hello(&hello);
	return 0;
}
