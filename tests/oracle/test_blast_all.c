/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_blast_all.c - every lone failure at once, each way of working it out, against one after the other
 *
 * The small graphs of naive.c say that one failure after the other is right; here are graphs large enough for
 * several blocks, wide groups, rings and threads. All ways must give the same counts.
 */
#include "../unit/unit.h"

#include "analyze/blast_all.h"
#include "analyze/sweep.h"
#include "naive.h"

enum { GRAPHS = 60, NODES_MAX = 1500, WIDE = 40 };

struct way {
	const char *name;
	struct fl_blast_settings settings;
};

static struct way ways[] = {
	{ "as the graph suggests", { 0 } },
	{ "each failure followed alone", { .edges_max = SIZE_MAX } },
	{ "each failure followed alone, by three threads", { .edges_max = SIZE_MAX, .threads = 3 } },
	{ "blocks of 512", { .edges_max = 1, .units = 1, .threads = 1 } },
	{ "blocks of 1,536", { .edges_max = 1, .units = 3, .threads = 1 } },
	{ "blocks of 512 by four threads", { .edges_max = 1, .units = 1, .threads = 4 } },
	{ "some alone, some in blocks, by two threads", { .edges_max = 6, .units = 1, .threads = 2 } },
};

static uint32_t draw_group(uint64_t *state, uint32_t order, uint32_t of, bool near, uint32_t *members)
{
	uint32_t kind = naive_below(state, 20);
	uint32_t count = kind < 12 ? 1 : kind < 19 ? 2 + naive_below(state, 4) : 1 + naive_below(state, WIDE);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t behind = 1 + naive_below(state, 30);
		members[i] = near && of >= behind ? of - behind : naive_below(state, order);
	}
	return count;
}

/* Three shapes: anything goes (one large ring), mostly backwards, and long with few ways back. */
static struct fl_graph *draw_graph(uint64_t seed)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 7;
	uint32_t order = 1 + naive_below(&state, NODES_MAX), members[WIDE];
	char id[16];
	for (uint32_t v = 0; v < order; v++) {
		snprintf(id, sizeof(id), "n%u", naive_below(&state, 1000) * 2000 + v);
		uint32_t node = fl_graph_builder_node(b, id, naive_below(&state, 3) > 0 ? "service" : "host");
		if (naive_below(&state, 10) == 0)
			fl_graph_builder_entry_point(b, node, 1);
	}
	for (uint32_t v = 0; v < order; v++) {
		for (uint32_t groups = naive_below(&state, 3); groups > 0; groups--) {
			bool near = seed % 3 == 1 ? naive_below(&state, 50) > 0 : seed % 3 == 2;
			uint32_t count = draw_group(&state, order, v, near, members);
			uint32_t needs = naive_below(&state, 12) == 0 ? 0 : 1 + naive_below(&state, count);
			fl_graph_builder_group(
				b, v, needs, members, count, 1, FL_REDUNDANCY_ASSUMED, NULL);
		}
	}
	return fl_graph_freeze(&b);
}

static void one_after_the_other(const struct fl_graph *g, struct fl_blast_row *rows)
{
	uint32_t entries, lost;
	const struct fl_entry_point *list = fl_graph_entry_points(g, &entries);
	struct fl_sweep *s = fl_sweep_new(g);
	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		const fl_node_id *failed = fl_sweep_run(s, &v, 1, &lost);
		rows[v] = (struct fl_blast_row){ .nodes_lost = lost - 1 };
		for (uint32_t i = 1; i < lost; i++)
			rows[v].services_lost += fl_graph_is_kind(g, failed[i], "service");
		for (uint32_t i = 0; i < entries; i++)
			rows[v].entry_points_lost += fl_sweep_lost(s, list[i].node);
	}
	fl_sweep_free(s);
}

static void agrees(void **state)
{
	const struct way *way = *state;
	static struct fl_blast_row want[NODES_MAX], got[NODES_MAX];
	for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
		struct fl_graph *g = draw_graph(seed);
		one_after_the_other(g, want);
		fl_blast_all_with(g, &way->settings, got);
		for (fl_node_id v = 0; v < fl_graph_order(g); v++)
			if (memcmp(&want[v], &got[v], sizeof(want[v])) != 0)
				fail_msg("seed %llu, node %u of %u: %u nodes, %u services, %u entry points lost, "
					 "not %u, %u, %u",
					(unsigned long long)seed, v, fl_graph_order(g), got[v].nodes_lost,
					got[v].services_lost, got[v].entry_points_lost, want[v].nodes_lost,
					want[v].services_lost, want[v].entry_points_lost);
		fl_graph_free(g);
	}
}

/* The shapes that recursion, or a step for every pair, would not survive. */
static void chains(void **state)
{
	enum { LENGTH = 300000 };
	struct fl_blast_row *rows = fl_alloc_array(LENGTH, sizeof(*rows));
	(void)state;
	for (uint32_t width = 1; width <= 2; width++) {
		struct fl_graph_builder *b = fl_graph_builder_new();
		char id[16];
		for (uint32_t i = 0; i < LENGTH; i++) {
			snprintf(id, sizeof(id), "n%07u", i);
			fl_graph_builder_node(b, id, "service");
		}
		for (uint32_t i = 1; i < LENGTH; i++)
			for (uint32_t k = 1; k <= width && k <= i; k++)
				fl_graph_builder_group(
					b, i, 1, &(uint32_t){ i - k }, 1, 1, FL_REDUNDANCY_NONE, NULL);
		struct fl_graph *g = fl_graph_freeze(&b);
		fl_blast_all(g, rows);
		for (uint32_t i = 0; i < LENGTH; i++)
			assert_int_equal(rows[i].nodes_lost, LENGTH - 1 - i);
		fl_graph_free(g);
	}
	free(rows);
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(ways) + 1];
	for (size_t i = 0; i < FL_ARRAY_LEN(ways); i++)
		tests[i] = (struct CMUnitTest){ .name = ways[i].name, .test_func = agrees, .initial_state = &ways[i] };
	tests[FL_ARRAY_LEN(ways)] = (struct CMUnitTest)cmocka_unit_test(chains);
	return cmocka_run_group_tests_name("all blasts", tests, NULL, NULL);
}
