/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - run a fuzz target over its corpus, as an ordinary test
 *
 * Stands where libFuzzer's main() stands, so that what fuzzing once found stays
 * found in every build and with every compiler. Arguments are files and folders; a
 * folder means the files in it, by name. Nothing to run is a failure: a test that
 * lost its corpus would pass forever.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_MAX = 1 << 24, PATH_SIZE = 4096 };

static bool run_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	uint8_t *whole = malloc(INPUT_MAX);
	if (!in || !whole) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size_t size = fread(whole, 1, INPUT_MAX, in);
	fclose(in);
	/* A block of just this size, so that a sanitizer sees one byte too many. */
	uint8_t *exact = malloc(size > 0 ? size : 1);
	memcpy(exact, whole, size);
	free(whole);
	fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return true;
}

static unsigned run_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	unsigned run = 0;
	for (int i = 0; i < n; i++) {
		char file[PATH_SIZE];
		snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && run_file(file))
			run++;
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return run;
}

int main(int argc, char **argv)
{
	unsigned run = 0;
	for (int i = 1; i < argc; i++) {
		struct stat s;
		if (stat(argv[i], &s) == 0 && S_ISDIR(s.st_mode))
			run += run_folder(argv[i]);
		else
			run += run_file(argv[i]);
	}
	printf("%u inputs\n", run);
	return run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
