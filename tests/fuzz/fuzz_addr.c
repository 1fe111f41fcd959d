/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_addr.c - any text as an address and as a prefix, any bytes as an address */
#include "fuzz.h"

#include <string.h>

#include "faultline/addr.h"

enum { TEXT_MAX = 256 };

/* Text of an address reads back as the same. */
static void check_text(const struct fl_addr *a)
{
	char text[FL_ADDR_TEXT];
	struct fl_addr again;
	fuzz_check_text(fl_addr_format(a, text), sizeof text);
	fuzz_check(fl_addr_parse(text, &again) && fl_addr_equal(a, &again));
	fuzz_check(fl_addr_compare(a, &again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX] = "";
	memcpy(text, data, size < TEXT_MAX - 1 ? size : TEXT_MAX - 1);
	struct fl_addr a;
	if (fl_addr_parse(text, &a))
		check_text(&a);
	struct fl_prefix p;
	if (fl_prefix_parse(text, &p)) {
		fuzz_check(p.bits <= 128 && fl_prefix_contains(&p, &p.addr));
		check_text(&p.addr);
	}
	if (size >= 16) {
		a = fl_addr_v6(data);
		check_text(&a);
	}
	(void)fl_hash_bytes(data, size, fl_hash_seed());
	return 0;
}
