/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * time_blast.c - FAMILY NODES plain|redundant [THREADS [UNITS [EDGES]]]: every node's blast radius of a made graph
 *
 * One line: family, nodes, edges, groups, mean number of nodes lost (the failed one counted), a sum over
 * all counts for comparing, seconds of wall clock and CPU for the question alone, and the peak of memory in MiB of the
 * whole program.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "analyze/blast_all.h"
#include "families.h"

static double seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct fl_graph *make_graph(struct family *f, bool redundant, uint64_t *edges)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	char id[16];
	*edges = 0;
	for (uint32_t i = 0; i < f->order; i++) {
		snprintf(id, sizeof(id), "n%08u", i);
		fl_graph_builder_node(b, id, "service");
	}
	for (uint32_t i = 0; i < f->order; i++) {
		uint32_t required[REQUIRED_MAX], sizes[REQUIRED_MAX], needs[REQUIRED_MAX], at = 0;
		uint32_t count = family_next(f, i, required);
		uint32_t groups = family_groups(redundant, count, sizes, needs);
		for (uint32_t k = 0; k < groups; at += sizes[k++])
			fl_graph_builder_group(b, i, needs[k], required + at, sizes[k], 1,
				FL_REDUNDANCY_ASSUMED, NULL);
		*edges += count;
	}
	return fl_graph_freeze(&b);
}

static unsigned argument(char **argv, int argc, int i)
{
	return argc > i ? (unsigned)strtoul(argv[i], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
	struct family f;
	uint64_t edges, total = 0, sum = 0;
	struct rusage usage;
	if (argc < 4 || !family_init(&f, argv[1], argument(argv, argc, 2))) {
		fputs("usage: time_blast tree|uniform|layered NODES plain|redundant [THREADS [UNITS [EDGES]]]\n", stderr);
		return 2;
	}
	struct fl_graph *g = make_graph(&f, strcmp(argv[3], "redundant") == 0, &edges);
	struct fl_blast_settings settings = { .threads = argument(argv, argc, 4),
		.units = argument(argv, argc, 5), .edges_max = argument(argv, argc, 6) };
	struct fl_blast_row *rows = fl_alloc_array(f.order, sizeof(*rows));
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	fl_blast_all_with(g, &settings, rows);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	for (uint32_t v = 0; v < f.order; v++) {
		total += rows[v].nodes_lost + UINT64_C(1);
		sum = sum * UINT64_C(1099511628211) + rows[v].nodes_lost;
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("%s %u %" PRIu64 " %u %.1f %016" PRIx64 " %.3f %.3f %ld\n", f.name, f.order, edges,
		fl_graph_group_count(g), f.order > 0 ? (double)total / f.order : 0, sum, wall, cpu,
		usage.ru_maxrss / 1024);
	free(rows);
	fl_graph_free(g);
	family_fini(&f);
	return 0;
}
