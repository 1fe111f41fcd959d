/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cutset.c - minimal cut sets of systems small enough to know by heart
 */
#include "unit.h"

#include <math.h>

#include "faultline/cutset.h"

enum { GROUPS_MAX = 6, MEMBERS_MAX = 4 };

struct row {
	const char *name;
	struct {
		const char *of;
		uint32_t needs;
		const char *members[MEMBERS_MAX];
	} groups[GROUPS_MAX];
	const char *top, *method;
	uint32_t by_order[4]; /* orders 1 .. 4 */
	double probability;   /* every event fails with 0.1 */
};

static const struct row rows[] = {
	{ "a node without requirements is its own cut set", { { NULL } }, "x", "bdd+zbdd", { 1 }, 0.1 },
	{ "what it needs brings it down", { { "x", 1, { "a" } } }, "x", "bdd+zbdd", { 1 }, 0.1 },
	{ "one of two must both fail", { { "x", 1, { "a", "b" } } }, "x", "bdd+zbdd", { 0, 1 }, 0.01 },
	{ "two of three: any two", { { "x", 2, { "a", "b", "c" } } }, "x", "bdd+zbdd", { 0, 3 }, 0.028 },
	{ "replicas on one host share its fate",
		{ { "x", 1, { "r1", "r2" } }, { "r1", 1, { "host" } }, { "r2", 1, { "host" } } }, "x",
		"bdd+zbdd", { 1 }, 0.1 },
	{ "a cut set inside another hides it", { { "x", 1, { "a", "y" } }, { "y", 1, { "a", "b" } } }, "x",
		"bdd+zbdd", { 0, 1 }, 0.01 },
	{ "needs 0 waits for nothing", { { "x", 0, { "a" } }, { "x", 1, { "b" } } }, "x", "bdd+zbdd", { 1 },
		0.1 },
	{ "a node that only uses in the background is an event", { { "x", 0, { "a" } } }, "x", "bdd+zbdd",
		{ 1 }, 0.1 },
	{ "two that need each other do not fail by themselves", { { "x", 1, { "y" } }, { "y", 1, { "x" } } },
		"x", "none", { 0 }, 0 },
	{ "a circle fails with what one of it needs",
		{ { "x", 1, { "y" } }, { "y", 1, { "x" } }, { "y", 1, { "a" } } }, "x", "bdd+zbdd", { 1 },
		0.1 },
	{ "a circle through replicas needs what stands outside",
		{ { "x", 1, { "y", "a" } }, { "y", 1, { "x", "b" } }, { "y", 1, { "c" } } }, "x", "bdd+zbdd",
		{ 0, 1 }, 0.01 },
};

static struct fl_graph *build(const struct row *row)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	fl_graph_builder_node(b, row->top, "service");
	for (size_t i = 0; i < GROUPS_MAX && row->groups[i].of != NULL; i++) {
		uint32_t members[MEMBERS_MAX], count = 0;
		uint32_t of = fl_graph_builder_node(b, row->groups[i].of, "service");
		for (; count < MEMBERS_MAX && row->groups[i].members[count] != NULL; count++)
			members[count] = fl_graph_builder_node(b, row->groups[i].members[count], "service");
		fl_graph_builder_group(
			b, of, row->groups[i].needs, members, count, 1, FL_REDUNDANCY_ASSUMED, NULL);
	}
	return fl_graph_freeze(&b);
}

static void cut_sets(void **state)
{
	const struct row *row = *state;
	struct fl_cutset_options o = { .probability = 0.1 };
	struct fl_graph *g = build(row);
	struct fl_cutsets *c = fl_cutsets(g, fl_graph_find(g, row->top), &o);
	assert_string_equal(c->method, row->method);
	for (uint32_t n = 1; n <= 4; n++)
		assert_int_equal(n <= c->largest_order ? (uint32_t)c->by_order[n] : 0, row->by_order[n - 1]);
	assert_int_equal(c->probability_kind, FL_PROBABILITY_EXACT);
	assert_true(fabs(c->probability - row->probability) < 1e-12);
	assert_int_equal(c->limit_count, 0);
	fl_cutsets_free(c);
	fl_graph_free(g);
}

/* @pairs rows, each down with one of two events; the top is down with all rows: 2^pairs cut sets. */
static struct fl_graph *rows_of_pairs(uint32_t pairs)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint32_t top = fl_graph_builder_node(b, "top", "service");
	uint32_t *rows_list = fl_alloc_array(pairs, sizeof(*rows_list));
	char id[24];
	for (uint32_t i = 0; i < pairs; i++) {
		snprintf(id, sizeof(id), "row%u", i);
		rows_list[i] = fl_graph_builder_node(b, id, "service");
		for (uint32_t m = 0; m < 2; m++) {
			snprintf(id, sizeof(id), "event%u.%u", i, m);
			uint32_t event = fl_graph_builder_node(b, id, "host");
			fl_graph_builder_group(b, rows_list[i], 1, &event, 1, 1, FL_REDUNDANCY_NONE, NULL);
		}
	}
	fl_graph_builder_group(b, top, 1, rows_list, pairs, 1, FL_REDUNDANCY_ASSUMED, NULL);
	free(rows_list);
	return fl_graph_freeze(&b);
}

static void counts_beyond_64_bits(void **state)
{
	struct fl_cutset_options o = { .probability = 0.5, .smallest = 3 };
	struct fl_graph *g = rows_of_pairs(100);
	struct fl_cutsets *c = fl_cutsets(g, fl_graph_find(g, "top"), &o);
	(void)state;
	assert_int_equal(c->largest_order, 100);
	assert_true(c->total == (fl_count)1 << 100);
	assert_int_equal(c->set_count, 3);
	assert_true(fabs(c->probability / pow(0.75, 100) - 1) < 1e-9);
	fl_cutsets_free(c);
	fl_graph_free(g);
}

static void counts_beyond_128_bits_are_told(void **state)
{
	struct fl_cutset_options o = { .probability = 0.5, .smallest = 3 };
	struct fl_graph *g = rows_of_pairs(200);
	struct fl_cutsets *c = fl_cutsets(g, fl_graph_find(g, "top"), &o);
	(void)state;
	assert_true(c->total == ~(fl_count)0);
	assert_int_equal(c->limit_count, 1);
	fl_cutsets_free(c);
	fl_graph_free(g);
}

static void unknown_probabilities(void **state)
{
	struct fl_cutset_options o = { .probability = NAN };
	struct fl_graph *g = rows_of_pairs(2);
	struct fl_cutsets *c = fl_cutsets(g, fl_graph_find(g, "top"), &o);
	(void)state;
	assert_int_equal(c->probability_kind, FL_PROBABILITY_UNKNOWN);
	assert_true(isnan(c->probability) && isnan(c->sets[0].probability));
	assert_int_equal(c->unknown_probabilities, 4);
	assert_int_equal(c->importance_count, 0);
	fl_cutsets_free(c);
	fl_graph_free(g);
}

static void an_order_is_a_limit_that_is_told(void **state)
{
	struct fl_cutset_options o = { .probability = NAN, .order = 1 };
	struct fl_graph *g = rows_of_pairs(2);
	struct fl_cutsets *c = fl_cutsets(g, fl_graph_find(g, "top"), &o);
	(void)state;
	assert_int_equal(c->set_count, 0);
	assert_int_equal(c->limit_count, 1);
	fl_cutsets_free(c);
	fl_graph_free(g);
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + 4] = { { NULL } };
	size_t n = 0;
	for (; n < FL_ARRAY_LEN(rows); n++)
		tests[n] = (struct CMUnitTest){ .name = rows[n].name,
			.test_func = cut_sets,
			.initial_state = (void *)(uintptr_t)&rows[n] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(counts_beyond_64_bits);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(counts_beyond_128_bits_are_told);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(unknown_probabilities);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(an_order_is_a_limit_that_is_told);
	return cmocka_run_group_tests_name("cutset", tests, NULL, NULL);
}
