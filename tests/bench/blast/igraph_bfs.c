/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * igraph_bfs.c - EDGES NODES SAMPLES: how long igraph takes for the same question, one search per node
 *
 * EDGES is what write_graph prints. Searches from every (NODES / SAMPLES)-th node; one line: mean number of
 * nodes reached (its own counted), CPU seconds of the searches, and these times NODES / SAMPLES. A program of its own, so that
 * nothing of igraph is linked to faultline.
 */
#include <igraph/igraph.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void read_graph(igraph_t *graph, const char *path, igraph_integer_t order)
{
	igraph_vector_int_t edges;
	FILE *in = fopen(path, "r");
	long from, to;
	if (in == NULL)
		exit(2);
	igraph_vector_int_init(&edges, 0);
	while (fscanf(in, "%ld %ld", &from, &to) == 2) {
		igraph_vector_int_push_back(&edges, from);
		igraph_vector_int_push_back(&edges, to);
	}
	fclose(in);
	igraph_create(graph, &edges, order, IGRAPH_DIRECTED);
	igraph_vector_int_destroy(&edges);
}

int main(int argc, char **argv)
{
	igraph_t graph;
	igraph_vector_int_t reached;
	double total = 0;
	if (argc != 4)
		return 2;
	long order = strtol(argv[2], NULL, 10), samples = strtol(argv[3], NULL, 10);
	if (order <= 0 || samples <= 0)
		return 2;
	samples = samples < order ? samples : order;
	read_graph(&graph, argv[1], order);
	igraph_vector_int_init(&reached, 0);
	double begin = cpu_seconds();
	for (long i = 0; i < samples; i++) {
		igraph_subcomponent(&graph, &reached, order / samples * i, IGRAPH_OUT);
		total += (double)igraph_vector_int_size(&reached);
	}
	double spent = cpu_seconds() - begin;
	printf("%.1f %.3f %.1f\n", total / (double)samples, spent, spent * (double)order / (double)samples);
	igraph_vector_int_destroy(&reached);
	igraph_destroy(&graph);
	return 0;
}
