/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_store_range.c - any text as the windows of a store that are wanted */
#include "fuzz.h"

#include <string.h>

#include "faultline/store.h"

enum { TEXT_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX] = "";
	struct fl_store_range range = { 0 };
	struct fl_error err = { 0 };
	memcpy(text, data, size < TEXT_MAX - 1 ? size : TEXT_MAX - 1);
	if (fl_store_range_parse(&range, text, &err)) {
		fuzz_check(err.text[0] != '\0' && memchr(err.text, 0, sizeof(err.text)) != NULL);
		fuzz_check(strchr(err.text, '\n') == NULL);
	} else
		fuzz_check(range.latest || range.from_ns <= range.to_ns);
	return 0;
}
