/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cycles.c - circular dependencies, and which of them cannot start
 */
#include "unit.h"

#include <stdio.h>

#include "faultline/cycles.h"
#include "graph_text.h"

struct cycle_row {
	const char *name, *graph;
	const char *cycles; /* "node node (way) deadlock;" */
};

static struct cycle_row cycle_rows[] = {
	{ "no graph, no cycle", "", "" },
	{ "a chain is none", "a 1 b; b 1 c; a 1 c", "" },
	{ "two that need each other", "a 1 b; b 1 a", "a b (a b a) deadlock;" },
	{ "one that needs itself", "a 1 a", "a (a a) deadlock;" },
	{ "a replica outside breaks it", "a 1 b c; b 1 a", "a b (a b a);" },
	{ "a replica inside does not", "a 1 b c; b 1 a; c 1 a", "a b c (a b a) deadlock;" },
	{ "two of three must be up, one of them is outside", "a 2 b c d; b 1 a; c 1 a", "a b c (a b a) deadlock;" },
	{ "background closes no cycle", "a 1 b; b 0 a", "" },
	{ "the shortest way round is shown", "a 1 b; b 1 c; c 1 a; c 1 d; d 1 a; b 1 a",
		"a b c d (a b a) deadlock;" },
	{ "deadlocks first, then the larger", "a 1 b z; b 1 a; c 1 d; d 1 c; e 1 f; f 1 g; g 1 e",
		"e f g (e f g e) deadlock;c d (c d c) deadlock;a b (a b a);" },
	{ "what only needs a deadlock is not part of it", "a 1 b; b 1 a; c 1 a", "a b (a b a) deadlock;" },
	{ "a cycle above a deadlock is judged by itself", "a 1 b; b 1 a; c 1 d a; d 1 c", 
		"a b (a b a) deadlock;c d (c d c);" },
};

static void finds(void **state)
{
	const struct cycle_row *row = *state;
	struct fl_graph *g = graph_of_text(row->graph);
	struct fl_cycles *c = fl_cycles(g);
	char text[512] = "", nodes[128], way[128];
	size_t used = 0;
	for (size_t i = 0; i < c->count; i++) {
		graph_text_list(g, c->list[i].nodes, c->list[i].node_count, nodes, sizeof(nodes));
		graph_text_list(g, c->list[i].way, c->list[i].way_length, way, sizeof(way));
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s (%s)%s;", nodes, way,
			c->list[i].deadlock ? " deadlock" : "");
	}
	assert_string_equal(text, row->cycles);
	fl_cycles_free(c);
	fl_graph_free(g);
}

static void long_round(void **state)
{
	enum { LENGTH = 1000000 };
	struct fl_graph_builder *b = fl_graph_builder_new();
	(void)state;
	for (uint32_t i = 0; i < LENGTH; i++) {
		char id[16];
		snprintf(id, sizeof(id), "n%07u", i);
		assert_int_equal(fl_graph_builder_node(b, id, NULL), i);
	}
	for (uint32_t i = 0; i < LENGTH; i++) {
		uint32_t next = (i + 1) % LENGTH;
		fl_graph_builder_group(b, i, 1, &next, 1, 1, FL_REDUNDANCY_NONE, NULL);
	}
	struct fl_graph *g = fl_graph_freeze(&b);
	struct fl_cycles *c = fl_cycles(g);
	assert_int_equal(c->count, 1);
	assert_int_equal(c->list[0].node_count, LENGTH);
	assert_int_equal(c->list[0].way_length, LENGTH + 1);
	assert_true(c->list[0].deadlock);
	fl_cycles_free(c);
	fl_graph_free(g);
}

int main(void)
{
	struct CMUnitTest rows[FL_ARRAY_LEN(cycle_rows) + 1];
	for (size_t i = 0; i < FL_ARRAY_LEN(cycle_rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = cycle_rows[i].name, .test_func = finds, .initial_state = &cycle_rows[i]
		};
	rows[FL_ARRAY_LEN(cycle_rows)] =
		(struct CMUnitTest){ .name = "a round of a million needs no deep stack", .test_func = long_round };
	return cmocka_run_group_tests_name("cycles", rows, NULL, NULL);
}
