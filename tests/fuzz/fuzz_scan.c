/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_scan.c - any text as a scan file
 *
 * What is accepted is written, read and written again: the two texts must agree, or a
 * fleet's scans would change each time they are merged.
 */
#include "mutate_json.h"

#include <stdio.h>
#include <string.h>

#include "faultline/json.h"
#include "faultline/scan.h"

static bool read_set(const char *text, size_t size, struct fl_scan_set *set)
{
	struct fl_error err = { "" };
	cJSON *root = NULL;
	bool good = fl_json_parse("input", text, size, &root, &err) == 0 &&
		    fl_scan_set_from_json(set, "input", root, &err) == 0;
	cJSON_Delete(root);
	fuzz_check(good || (err.text[0] && !strpbrk(err.text, "\n\r\033")));
	return good;
}

static char *write_set(struct fl_scan_set *set, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	fuzz_check(out != NULL);
	fl_scan_set_normalise(set);
	fl_scan_set_write(out, set);
	fclose(out);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_scan_set set = { 0 }, again = { 0 };
	if (read_set((const char *)data, size, &set)) {
		size_t first_size, second_size;
		char *first = write_set(&set, &first_size);
		fuzz_check(read_set(first, first_size, &again));
		char *second = write_set(&again, &second_size);
		fuzz_check(strcmp(first, second) == 0);
		free(first);
		free(second);
	}
	fl_scan_set_fini(&set);
	fl_scan_set_fini(&again);
	return 0;
}
