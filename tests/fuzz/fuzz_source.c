/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_source.c - any bytes as a capture file */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faultline/source.h"

enum { PACKETS_MAX = 10000 }; /* a small gzip file may hold a great many */

static void check_error(const struct fl_error *err)
{
	size_t size = strnlen(err->text, sizeof err->text);
	fuzz_check(size > 0 && size < sizeof err->text);
	for (size_t i = 0; i < size; i++)
		fuzz_check((unsigned char)err->text[i] >= ' ' && err->text[i] != 0x7f);
}

static void read_all(struct fl_source *s)
{
	struct fl_error err = { "" };
	struct fl_packet p;
	uint64_t packets = 0;
	int code;
	while ((code = fl_source_next(s, &p, &err)) == 1 && packets < PACKETS_MAX) {
		packets++;
		fuzz_check(p.payload.size <= p.payload_len);
	}
	fuzz_check(code == 1 || code == FL_SOURCE_END || code < 0);
	if (code < 0)
		check_error(&err);
	else if (code == FL_SOURCE_END)
		fuzz_check(fl_source_counters(s)->packets == packets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32];
	int fd = memfd_create("capture", MFD_CLOEXEC);
	fuzz_check(fd >= 0);
	fuzz_check(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct fl_source *s = NULL;
	struct fl_error err = { "" };
	if (fl_source_open_file(&s, path, NULL, &err) == 0)
		read_all(s);
	else
		check_error(&err);
	fl_source_close(s);
	close(fd);
	return 0;
}
