/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_dns.c - any bytes as a DNS message */
#include "fuzz.h"

#include <string.h>

#include "faultline/dns.h"

static void check_no_repeats(const struct fl_dns_message *m)
{
	for (size_t i = 0; i < m->chain_count; i++) {
		fuzz_check(strcmp(m->chain[i], m->qname) != 0);
		for (size_t j = 0; j < i; j++)
			fuzz_check(strcmp(m->chain[i], m->chain[j]) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fl_dns_message m;
	memset(&m, 0xa5, sizeof m);
	struct fl_reader r = fl_reader_over(data, size);
	enum fl_parse result = fl_dns_parse(&r, &m);
	fuzz_check(result == FL_PARSE_OK || result == FL_PARSE_MALFORMED || result == FL_PARSE_UNSUPPORTED);
	fuzz_check(fl_reader_left(&r) == 0);
	fuzz_check_text(m.qname, sizeof m.qname);
	fuzz_check(m.chain_count <= FL_DNS_CHAIN_MAX && m.address_count <= FL_DNS_ADDRESSES_MAX &&
		   m.hint_count <= FL_DNS_HINTS_MAX);
	for (size_t i = 0; i < m.chain_count; i++)
		fuzz_check_text(m.chain[i], sizeof m.chain[i]);
	check_no_repeats(&m);
	fuzz_check(m.ttl_s <= INT32_MAX);

	char text[12];
	fuzz_check_text(fl_dns_type_name(m.qtype, text), 12);
	fuzz_check_text(fl_dns_rcode_name(m.rcode, text), 12);
	return 0;
}
