/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_blast.c - the least fixed point, step by step, and what it takes along
 */
#include "unit.h"

#include <stdio.h>

#include "faultline/blast.h"
#include "faultline/rank.h"
#include "graph_text.h"

struct blast_row {
	const char *name, *graph, *failed; /* failed: ids separated by spaces */
	const char *steps;                 /* "0 c; 1 b; 2 a" */
	uint32_t services, entries;
};

static struct blast_row blast_rows[] = {
	{ "failure runs up a chain", "a 1 b; b 1 c", "c", "0 c;1 b;2 a;", 0, 0 },
	{ "what nothing requires takes nothing along", "a 1 b", "a", "0 a;", 0, 0 },
	{ "one of two is enough", "a 1 b c", "b", "0 b;", 0, 0 },
	{ "both of two are not", "a 1 b c", "b c", "0 b;0 c;1 a;", 0, 0 },
	{ "two of three survive one failure", "a 2 b c d", "b", "0 b;", 0, 0 },
	{ "two of three do not survive two", "a 2 b c d", "b d", "0 b;0 d;1 a;", 0, 0 },
	{ "needs all breaks with one", "a 3 b c d", "c", "0 c;1 a;", 0, 0 },
	{ "needs nothing never breaks", "a 0 b", "b", "0 b;", 0, 0 },
	{ "any broken group is enough", "a 1 b c; a 1 d", "d", "0 d;1 a;", 0, 0 },
	{ "a cycle does not fail by itself", "a 1 b; b 1 a; c 1 d", "d", "0 d;1 c;", 0, 0 },
	{ "a cycle that is hit fails once", "a 1 b; b 1 a; b 1 d", "d", "0 d;1 b;2 a;", 0, 0 },
	{ "replicas that share a host fall together", "a 1 b c; b 1 h; c 1 h", "h", "0 h;1 b;1 c;2 a;", 0,
		0 },
	{ "a node that requires itself is no trouble", "a 1 a; b 1 a", "a", "0 a;1 b;", 0, 0 },
	{ "a failure named twice is one", "a 1 b", "b b", "0 b;1 a;", 0, 0 },
	{ "the shortest way counts", "a 1 b; a 1 c; b 1 c", "c", "0 c;1 a;1 b;", 0, 0 },
	{ "services are counted without the cause",
		"service:a 1 service:b; service:b 1 host:h; entry service:a", "service:b",
		"0 service:b;1 service:a;", 1, 1 },
	{ "an entry point that is the cause is lost too", "service:a 1 host:h; entry service:a", "service:a",
		"0 service:a;", 0, 1 },
	{ "one of two entry points stands", "a 1 b; c 1 d; entry a; entry c", "d", "0 d;1 c;", 0, 1 },
};

static void blasts(void **state)
{
	const struct blast_row *row = *state;
	struct fl_graph *g = graph_of_text(row->graph);
	struct fl_arena *a = fl_arena_new();
	fl_node_id failed[8];
	size_t count = 0, used = 0;
	char *words = fl_copy_string(row->failed), *rest = NULL, text[512] = "";
	for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest))
		failed[count++] = fl_graph_find(g, w);
	struct fl_blast *blast = fl_blast(g, failed, count, a);
	for (size_t i = 0; i < blast->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %s;", blast->steps[i].depth,
			fl_graph_node(g, blast->steps[i].node)->id);
	assert_string_equal(text, row->steps);
	assert_int_equal(blast->services_lost, row->services);
	assert_int_equal(blast->entry_points_lost, row->entries);
	free(words);
	fl_arena_free(a);
	fl_graph_free(g);
}

static void steps_name_the_group_and_the_last_straw(void **state)
{
	struct fl_graph *g = graph_of_text("a 2 b c d; a 1 x; entry a 1; entry x 3");
	struct fl_arena *a = fl_arena_new();
	fl_node_id failed[] = { fl_graph_find(g, "d"), fl_graph_find(g, "b") };
	(void)state;
	struct fl_blast *blast = fl_blast(g, failed, 2, a);
	assert_int_equal(blast->count, 3);
	assert_int_equal(blast->steps[0].group, FL_GROUP_NONE);
	assert_int_equal(blast->steps[0].because, FL_NODE_NONE);
	const struct fl_blast_step *last = &blast->steps[2];
	assert_int_equal(fl_graph_group(g, last->group)->member_count, 3);
	assert_true(last->because == failed[0] || last->because == failed[1]);
	assert_true(blast->entry_weight_lost > 0.2499 && blast->entry_weight_lost < 0.2501);
	fl_arena_free(a);
	fl_graph_free(g);
}

static void all_at_once_agrees_with_one_by_one(void **state)
{
	struct fl_graph *g =
		graph_of_text("service:a 1 service:b service:c; service:b 1 h; service:c 1 h; h 1 p;"
			      "service:d 1 service:a; service:a 1 service:d; entry service:d; service:x 0 p");
	struct fl_blast_row rows[16];
	(void)state;
	fl_blast_all(g, rows);
	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		struct fl_arena *a = fl_arena_new();
		struct fl_blast *blast = fl_blast(g, &v, 1, a);
		assert_int_equal(rows[v].nodes_lost, blast->nodes_lost);
		assert_int_equal(rows[v].services_lost, blast->services_lost);
		assert_int_equal(rows[v].entry_points_lost, blast->entry_points_lost);
		fl_arena_free(a);
	}
	assert_int_equal(rows[fl_graph_find(g, "p")].services_lost, 4);
	fl_graph_free(g);
}

static void a_long_chain_needs_no_stack(void **state)
{
	enum { LENGTH = 300000 };
	struct fl_graph_builder *b = fl_graph_builder_new();
	struct fl_arena *a = fl_arena_new();
	char id[16];
	(void)state;
	for (uint32_t i = 0; i < LENGTH; i++) {
		snprintf(id, sizeof(id), "n%07u", i);
		fl_graph_builder_node(b, id, "service");
		if (i > 0)
			fl_graph_builder_group(b, i - 1, 1, &i, 1, 1, FL_REDUNDANCY_NONE, NULL);
	}
	struct fl_graph *g = fl_graph_freeze(&b);
	fl_node_id last = LENGTH - 1;
	struct fl_blast *blast = fl_blast(g, &last, 1, a);
	assert_int_equal(blast->nodes_lost, LENGTH - 1);
	assert_int_equal(blast->steps[LENGTH - 1].depth, LENGTH - 1);
	fl_arena_free(a);
	fl_graph_free(g);
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(steps_name_the_group_and_the_last_straw),
		cmocka_unit_test(all_at_once_agrees_with_one_by_one),
		cmocka_unit_test(a_long_chain_needs_no_stack),
	};
	struct CMUnitTest rows[FL_ARRAY_LEN(blast_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = blast_rows[i].name, .test_func = blasts, .initial_state = &blast_rows[i]
		};
	int failed = cmocka_run_group_tests_name("blast steps", rows, NULL, NULL);
	return failed + cmocka_run_group_tests_name("blast", plain, NULL, NULL);
}
