/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * write_graph.c - FAMILY NODES plain|redundant|edges: a made graph on standard output
 *
 * plain, redundant: as faultline.graph/1. edges: "MEMBER OF" a line, by number: along an edge a failure spreads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"

static void write_requirements(struct family *f, bool redundant)
{
	const char *comma = "";
	for (uint32_t i = 0; i < f->order; i++) {
		uint32_t required[REQUIRED_MAX], sizes[REQUIRED_MAX], needs[REQUIRED_MAX], at = 0;
		uint32_t count = family_next(f, i, required);
		uint32_t groups = family_groups(redundant, count, sizes, needs);
		for (uint32_t k = 0; k < groups; at += sizes[k++]) {
			printf("%s\n{\"of\":\"service:host%08u/name\",\"needs\":%u,\"members\":[", comma, i, needs[k]);
			for (uint32_t m = 0; m < sizes[k]; m++)
				printf("%s\"service:host%08u/name\"", m > 0 ? "," : "", required[at + m]);
			fputs("]}", stdout);
			comma = ",";
		}
	}
}

static void write_edges(struct family *f)
{
	for (uint32_t i = 0; i < f->order; i++) {
		uint32_t required[REQUIRED_MAX], count = family_next(f, i, required);
		for (uint32_t k = 0; k < count; k++)
			printf("%u %u\n", required[k], i);
	}
}

int main(int argc, char **argv)
{
	struct family f;
	if (argc != 4 || !family_init(&f, argv[1], (uint32_t)strtoul(argv[2], NULL, 10))) {
		fputs("usage: write_graph tree|uniform|layered NODES plain|redundant|edges\n", stderr);
		return 2;
	}
	if (strcmp(argv[3], "edges") == 0) {
		write_edges(&f);
	} else {
		fputs("{\"schema\":\"faultline.graph/1\",\n\"nodes\":[", stdout);
		for (uint32_t i = 0; i < f.order; i++)
			printf("%s\n{\"id\":\"service:host%08u/name\",\"kind\":\"service\"}", i > 0 ? "," : "", i);
		fputs("],\n\"requirements\":[", stdout);
		write_requirements(&f, strcmp(argv[3], "redundant") == 0);
		fputs("]}\n", stdout);
	}
	family_fini(&f);
	return ferror(stdout) ? 1 : 0;
}
