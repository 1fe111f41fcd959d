/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_reach.c - what is reached, by which path, with which coupling
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/reach.h"
#include "graph_text.h"

struct reach_row {
	const char *name, *graph, *from; /* from NULL: everything */
	const char *rows;                /* "path coupling[ background];" */
};

static struct reach_row reach_rows[] = {
	{ "an endpoint used is direct", "service:a 1 endpoint:x *0.5", NULL,
		"service:a endpoint:x 0.5 direct;" },
	{ "a service's endpoint is reached through it",
		"service:a 1 endpoint:b *0.5; endpoint:b 1 service:b;"
		"service:b 1 endpoint:x *0.5",
		"service:a",
		"service:a endpoint:b 0.5 direct;service:a endpoint:b service:b endpoint:x 0.25;" },
	{ "hosts and addresses are ways, not dependencies",
		"service:a 1 endpoint:x; endpoint:x 1 address:1; address:1 1 provider:p; service:a 1 host:h",
		NULL, "service:a endpoint:x 1 direct;" },
	{ "resolvers count", "service:a 1 resolver:r *0.1; service:a 1 endpoint:x", NULL,
		"service:a endpoint:x 1 direct;service:a resolver:r 0.1 direct;" },
	{ "background is followed and said",
		"service:a 0 endpoint:x; endpoint:x 1 service:b; service:b 1 endpoint:y", "service:a",
		"service:a endpoint:x 1 background direct;"
		"service:a endpoint:x service:b endpoint:y 0 background;" },
	{ "the shortest path is given", "a 1 b; b 1 c; c 1 d; a 1 d", "a",
		"a b 1 direct;a b c 1;a d 1 direct;" },
	{ "of equal paths the first by id is given", "a 1 c; a 1 b; b 1 d; c 1 d; d 1 e", "a",
		"a b 1 direct;a c 1 direct;a b d 1;a b d e 1;" },
	{ "the first by id is told by the path, not by the group",
		"a 1 c z; a 1 b y; y 1 e; z 1 d; b 1 d; c 1 e", "a",
		"a b 1 direct;a c 1 direct;a b d 0;a c e 0;a y 1 direct;a z 1 direct;" },
	{ "several ways to one end lose together, as the fixed point has it",
		"a 1 b *0.5; a 1 c *0.5; b 1 d; c 1 d", "a",
		"a b 0.5 direct;a c 0.5 direct;a b d 0.75;" },
	{ "of two groups with one pair the one that is waited for counts", "a 0 b; a 1 b *0.5", "a",
		"a b 0.5 direct;" },
	{ "a cycle ends", "a 1 b; b 1 c; c 1 a", "a", "a b 1 direct;a b c 1;" },
	{ "without services every node is a start", "a 1 b; b 1 c", NULL,
		"a b 1 direct;a b c 1;b c 1 direct;" },
	{ "with services only they are starts", "service:a 1 b; b 1 c", NULL,
		"service:a b 1 direct;service:a b c 1;" },
	{ "external ones come first",
		"service:a 1 endpoint:10.0.0.1:1/tcp; service:a 1 endpoint:z.example:1/tcp", NULL,
		"service:a endpoint:z.example:1/tcp 1 direct;service:a endpoint:10.0.0.1:1/tcp 1 direct;" },
	{ "nothing is reached from nothing", "", NULL, "" },
};

static void reaches(void **state)
{
	const struct reach_row *row = *state;
	struct fl_system s = { .graph = graph_of_text(row->graph) };
	fl_node_id from = row->from == NULL ? FL_NODE_NONE : fl_graph_find(s.graph, row->from);
	struct fl_reach *reach = fl_reach(&s, from);
	char text[1024] = "", path[256];
	size_t used = 0;
	for (size_t i = 0; i < reach->count; i++) {
		const struct fl_reached *r = &reach->list[i];
		graph_text_list(s.graph, r->path, r->path_length, path, sizeof(path));
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %g%s%s;", path, r->coupling,
			r->background ? " background" : "", r->direct ? " direct" : "");
		assert_int_equal(r->path[0], r->from);
		assert_int_equal(r->path[r->path_length - 1], r->to);
	}
	assert_string_equal(text, row->rows);
	assert_int_equal(reach->dropped, 0);
	fl_reach_free(reach);
	fl_graph_free(s.graph);
}

static void evidence_is_that_of_the_last_link(void **state)
{
	struct fl_scan_dependency unknown = { .coupling = NAN }, known = { .coupling = 0.25 };
	struct fl_system s = {
		.graph = graph_of_text(
			"service:a 1 endpoint:b *0.25; endpoint:b 1 service:b;"
			"service:b 1 endpoint:c *0.25; service:b 1 endpoint:d; service:x 1 endpoint:b")
	};
	fl_node_id a = fl_graph_find(s.graph, "service:a"), b = fl_graph_find(s.graph, "service:b");
	struct fl_dependency list[] = {
		{ .from = FL_NODE_NONE, .to = FL_NODE_NONE, .merged = &known },
		{ .from = b, .to = fl_graph_find(s.graph, "endpoint:d"), .merged = &unknown },
		{ .from = b, .to = fl_graph_find(s.graph, "endpoint:c"), .merged = &known },
		{ .from = a, .to = fl_graph_find(s.graph, "endpoint:b"), .merged = &known },
	};
	(void)state;
	s.dependencies = list;
	s.dependency_count = FL_ARRAY_LEN(list);
	struct fl_reach *reach = fl_reach(&s, a);
	assert_int_equal(reach->count, 3);
	assert_ptr_equal(reach->list[0].last, &list[3]);
	assert_ptr_equal(reach->list[1].last, &list[2]);
	assert_true(reach->list[1].coupling == 0.0625);
	assert_ptr_equal(reach->list[2].last, &list[1]);
	assert_true(reach->list[2].coupling == 0.25); /* the graph takes what is unknown for 1 */
	fl_reach_free(reach);
	fl_graph_free(s.graph);
}

/* Two services reach the store: the way is the busier one, the counts are of both. */
static void the_way_is_the_one_with_the_most_exchanges(void **state)
{
	struct fl_scan_dependency few = { .coupling = 1, .exchanges = 3, .failures = 1 },
				  many = { .coupling = 1, .exchanges = 40, .failures = 2 };
	struct fl_system s = { .graph = graph_of_text("service:a 1 endpoint:b; endpoint:b 1 service:b; service:a 1 "
						      "endpoint:c; endpoint:c 1 service:c; service:b 1 endpoint:x; "
						      "service:c 1 endpoint:x") };
	struct fl_dependency list[] = {
		{ .from = fl_graph_find(s.graph, "service:a"), .to = fl_graph_find(s.graph, "endpoint:b"), .merged = &few },
		{ .from = fl_graph_find(s.graph, "service:a"), .to = fl_graph_find(s.graph, "endpoint:c"), .merged = &many },
		{ .from = fl_graph_find(s.graph, "service:b"), .to = fl_graph_find(s.graph, "endpoint:x"), .merged = &many },
		{ .from = fl_graph_find(s.graph, "service:c"), .to = fl_graph_find(s.graph, "endpoint:x"), .merged = &many },
	};
	char path[256];
	(void)state;
	s.dependencies = list;
	s.dependency_count = FL_ARRAY_LEN(list);
	struct fl_reach *reach = fl_reach(&s, list[0].from);
	assert_int_equal(reach->count, 3);
	graph_text_list(s.graph, reach->list[2].path, reach->list[2].path_length, path, sizeof(path));
	assert_string_equal(path, "service:a endpoint:c service:c endpoint:x");
	assert_int_equal(reach->list[2].other_ways, 1);
	assert_int_equal(reach->list[2].exchanges, 80);
	assert_int_equal(reach->list[2].failures, 4);
	assert_int_equal(reach->list[0].other_ways, 0);
	assert_int_equal(reach->list[0].failures, 1);
	fl_reach_free(reach);
	fl_graph_free(s.graph);
}

static void rows_past_the_limit_are_counted(void **state)
{
	enum { LENGTH = 1500 }; /* a chain: about LENGTH * LENGTH / 2 pairs */
	struct fl_graph_builder *b = fl_graph_builder_new();
	char id[16];
	(void)state;
	for (uint32_t i = 0; i < LENGTH; i++) {
		uint32_t others[LENGTH];
		snprintf(id, sizeof(id), "n%05u", i);
		fl_graph_builder_node(b, id, "other");
		for (uint32_t j = 0; j < i; j++)
			others[j] = j;
		if (i > 0) /* everybody uses everybody before: short paths */
			fl_graph_builder_group(b, i, 1, others, i, 1, FL_REDUNDANCY_ASSUMED, NULL);
	}
	struct fl_system s = { .graph = fl_graph_freeze(&b) };
	struct fl_reach *reach = fl_reach(&s, FL_NODE_NONE);
	uint64_t pairs = (uint64_t)LENGTH * (LENGTH - 1) / 2;
	assert_int_equal(reach->count, FL_REACH_MAX);
	assert_int_equal(reach->dropped, pairs - FL_REACH_MAX);
	fl_reach_free(reach);
	fl_graph_free(s.graph);
}

/* service:0001 -> service:0002 -> ...: as many rows as pairs, but paths as long as the chain. */
static void long_paths_past_the_limit_are_counted(void **state)
{
	enum { LENGTH = 600 };
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint64_t nodes = 0, pairs = (uint64_t)LENGTH * (LENGTH - 1) / 2;
	(void)state;
	for (uint32_t i = 0; i < LENGTH; i++) {
		char id[32];
		snprintf(id, sizeof(id), "service:%04u", i);
		assert_int_equal(fl_graph_builder_node(b, id, "service"), i);
		if (i > 0)
			fl_graph_builder_group(b, i - 1, 1, &i, 1, 1, FL_REDUNDANCY_NONE, NULL);
	}
	struct fl_system s = { .graph = fl_graph_freeze(&b) };
	struct fl_reach *reach = fl_reach(&s, FL_NODE_NONE);
	for (size_t i = 0; i < reach->count; i++)
		nodes += reach->list[i].path_length;
	assert_true(nodes <= FL_REACH_PATHS_MAX);
	assert_true(reach->dropped > 0);
	assert_int_equal(reach->count + reach->dropped, pairs);
	fl_reach_free(reach);
	fl_graph_free(s.graph);
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(evidence_is_that_of_the_last_link),
		cmocka_unit_test(the_way_is_the_one_with_the_most_exchanges),
		cmocka_unit_test(rows_past_the_limit_are_counted),
		cmocka_unit_test(long_paths_past_the_limit_are_counted),
	};
	struct CMUnitTest rows[FL_ARRAY_LEN(reach_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = reach_rows[i].name, .test_func = reaches, .initial_state = &reach_rows[i]
		};
	int failed = cmocka_run_group_tests_name("reach paths", rows, NULL, NULL);
	return failed + cmocka_run_group_tests_name("reach", plain, NULL, NULL);
}
