/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_hosts_file.c - any text as the host's own file of names: what it names is a name that DNS could hold */
#include "fuzz.h"

#include <string.h>

#include "faultline/hosts_file.h"

enum { NAME_MAX_TEXT = 254 };

static void check_name(const struct fl_hosts *h, const struct fl_addr *a)
{
	const char *name = fl_hosts_name(h, a);
	if (!name)
		return;
	fuzz_check(name[0] != '\0');
	fuzz_check_text(name, NAME_MAX_TEXT);
	for (const char *c = name; *c; c++)
		fuzz_check(*c < 'A' || *c > 'Z');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_hosts *h = fl_hosts_parse((const char *)data, size);
	static const uint8_t usual[][4] = { { 10, 0, 0, 1 }, { 192, 0, 2, 10 }, { 127, 0, 0, 1 }, { 0, 0, 0, 0 } };
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		struct fl_addr a = fl_addr_v4(usual[i]);
		check_name(h, &a);
		fuzz_check(i < 2 || fl_hosts_name(h, &a) == NULL);
	}
	for (size_t at = 0; at + 16 <= size && at < 256; at += 16) {
		struct fl_addr a = fl_addr_v6(data + at);
		check_name(h, &a);
	}
	fl_hosts_free(h);
	return 0;
}
