/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_units.c - any text as a time, a duration and a size */
#include "fuzz.h"

#include <string.h>

#include "faultline/units.h"

enum { TEXT_MAX = 256 };

static void check_ends(const char *text)
{
	fuzz_check(memchr(text, 0, FL_TIME_TEXT) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX] = "", shown[FL_TIME_TEXT];
	memcpy(text, data, size < TEXT_MAX - 1 ? size : TEXT_MAX - 1);

	int64_t time_ns = 0, again_ns = 0, duration_ns = 0;
	if (fl_time_parse(text, &time_ns)) {
		check_ends(fl_time_format(time_ns, shown));
		fuzz_check(fl_time_parse(shown, &again_ns) && again_ns == time_ns);
	}
	if (fl_duration_parse(text, &duration_ns))
		check_ends(fl_duration_format(duration_ns, shown));
	uint64_t bytes;
	if (fl_size_parse(text, &bytes))
		check_ends(fl_size_format(bytes, shown));
	if (size >= sizeof time_ns) {
		memcpy(&time_ns, data, sizeof time_ns);
		check_ends(fl_time_format(time_ns, shown));
		check_ends(fl_duration_format(time_ns, shown));
		check_ends(fl_size_format((uint64_t)time_ns, shown));
	}
	return 0;
}
