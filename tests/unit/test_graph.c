/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_graph.c - builder, freezing, and the node a person means
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "graph_text.h"

static void order_of_input_does_not_matter(void **state)
{
	struct fl_graph *g = graph_of_text("c 1 b a; a 1 d; a 1 c; entry c 1; entry a 3");
	struct fl_graph *h = graph_of_text("entry a 3; a 1 c; a 1 d; entry c 1; c 1 a b");
	(void)state;
	assert_int_equal(fl_graph_order(g), 4);
	assert_int_equal(fl_graph_group_count(g), 3);
	for (fl_node_id v = 0; v < 4; v++) {
		assert_string_equal(fl_graph_node(g, v)->id, fl_graph_node(h, v)->id);
		assert_int_equal(fl_graph_find(g, fl_graph_node(h, v)->id), v);
	}
	for (fl_group_id i = 0; i < 3; i++) {
		const struct fl_group *x = fl_graph_group(g, i), *y = fl_graph_group(h, i);
		assert_int_equal(x->of, y->of);
		assert_int_equal(x->member_count, y->member_count);
		assert_memory_equal(x->members, y->members, x->member_count * sizeof(*x->members));
	}
	fl_graph_free(g);
	fl_graph_free(h);
}

static void adjacency_goes_both_ways(void **state)
{
	struct fl_graph *g = graph_of_text("a 1 b c; a 0 d; b 2 c d; c 1 a");
	uint32_t count;
	(void)state;
	assert_int_equal(fl_graph_groups_of(g, 0, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(fl_graph_group(g, 0)->members[0], 1);
	assert_int_equal(fl_graph_group(g, 1)->needs, 0);
	assert_int_equal(fl_graph_groups_of(g, 3, &count), fl_graph_group_count(g));
	assert_int_equal(count, 0);
	const fl_group_id *in = fl_graph_memberships(g, 2, &count);
	assert_int_equal(count, 2);
	assert_int_equal(fl_graph_group(g, in[0])->of, 0);
	assert_int_equal(fl_graph_group(g, in[1])->of, 1);
	fl_graph_free(g);
}

static void what_callers_get_wrong_is_put_right(void **state)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint32_t a = fl_graph_builder_node(b, "a", NULL), c = fl_graph_builder_node(b, "c", "host");
	(void)state;
	assert_int_equal(fl_graph_builder_node(b, "a", "service"), a);
	fl_graph_builder_group(
		b, a, 3, (const uint32_t[]){ c, c, c }, 3, NAN, FL_REDUNDANCY_CONFIRMED, "why");
	fl_graph_builder_entry_point(b, a, 1e308);
	fl_graph_builder_entry_point(b, a, 1e308);
	fl_graph_builder_entry_point(b, c, -1);
	struct fl_graph *g = fl_graph_freeze(&b);
	const struct fl_group *group = fl_graph_group(g, 0);
	uint32_t count;
	assert_null(b);
	assert_string_equal(fl_graph_node(g, 0)->kind, "other");
	assert_int_equal(group->member_count, 1);
	assert_int_equal(group->needs, 1);
	assert_int_equal(group->redundancy, FL_REDUNDANCY_NONE);
	assert_true(group->coupling == 1);
	assert_string_equal(group->evidence, "why");
	const struct fl_entry_point *entries = fl_graph_entry_points(g, &count);
	assert_int_equal(count, 2);
	assert_true(isfinite(entries[0].weight) && entries[1].weight == 0);
	fl_graph_free(g);
}

static void weights_become_shares(void **state)
{
	struct fl_graph *g = graph_of_text("entry a 1; entry b 2; entry a 1");
	struct fl_graph *none = graph_of_text("entry a 0; entry b 0");
	uint32_t count;
	(void)state;
	const struct fl_entry_point *list = fl_graph_entry_points(g, &count);
	assert_int_equal(count, 2);
	assert_true(fabs(list[0].weight - 0.5) < 1e-12 && fabs(list[1].weight - 0.5) < 1e-12);
	list = fl_graph_entry_points(none, &count);
	assert_true(fabs(list[0].weight - 0.5) < 1e-12 && fabs(list[1].weight - 0.5) < 1e-12);
	fl_graph_free(g);
	fl_graph_free(none);
}

static void a_graph_may_be_empty(void **state)
{
	struct fl_graph *g = graph_of_text("");
	uint32_t count;
	(void)state;
	assert_int_equal(fl_graph_order(g), 0);
	assert_int_equal(fl_graph_find(g, "a"), FL_NODE_NONE);
	fl_graph_entry_points(g, &count);
	assert_int_equal(count, 0);
	fl_graph_free(g);
	fl_graph_free(NULL);
	fl_graph_builder_free(NULL);
}

/* ---- resolving ---- */

static const char people[] =
	"service:db1/port-5432 1 host:db1; endpoint:db.corp:5432/tcp 1 service:db1/port-5432;"
	"service:api1/port-8080 1 host:api1; service:api1/port-8081 1 host:api1;"
	"service:api10/port-80 1 host:api10; endpoint:api.vendor.example:443/tcp 1 address:10.0.0.5;"
	"endpoint:10.0.0.5:5432/tcp 1 address:10.0.0.5; node provider:vendor.example; endpoint:kv1:6379/tcp "
	"1 "
	"service:kv1/port-6379; service:kv1/port-6379 1 host:kv1";

struct resolve_row {
	const char *name, *text, *id; /* id NULL: an error that says @says */
	const char *says;
};

static struct resolve_row resolve_rows[] = {
	{ "an id is itself", "host:db1", "host:db1", NULL },
	{ "a host's name means its only service", "db1", "service:db1/port-5432", NULL },
	{ "a name that leads to the service gives way to it", "kv1", "service:kv1/port-6379", NULL },
	{ "a host with two services is not guessed", "api1", NULL, "service:api1/port-8081" },
	{ "a word of one node beats being a part of others", "api10", "service:api10/port-80", NULL },
	{ "a label without its kind is enough", "api1/port-8080", "service:api1/port-8080", NULL },
	{ "the address itself beats the endpoint on it", "10.0.0.5", "address:10.0.0.5", NULL },
	{ "an endpoint by name and port", "api.vendor.example:443", "endpoint:api.vendor.example:443/tcp",
		NULL },
	{ "a whole name beats being the end of another", "vendor.example", "provider:vendor.example", NULL },
	{ "any part that only one node has will do", "rovider", "provider:vendor.example", NULL },
	{ "a whole word of one node beats being a part of several", "port-80", "service:api10/port-80",
		NULL },
	{ "a part of several is ambiguous and says how many", "port-8", NULL, "any of 3 nodes" },
	{ "an unknown name proposes what is near", "dv1", NULL, "db1" },
	{ "two wrong letters in a word of a name are a typing error", "vandar", NULL, "api.vendor.example" },
	{ "an unknown name far from all says where to look", "zebra", NULL, "faultline graph" },
	{ "an empty name is refused", "", NULL, "empty" },
	{ "control characters do not reach the message", "a\x1b[2Jb", NULL, "a?[2Jb" },
};

static void resolves(void **state)
{
	const struct resolve_row *row = *state;
	struct fl_graph *g = graph_of_text(people);
	struct fl_error err = { "" };
	fl_node_id v = fl_graph_resolve(g, row->text, &err);
	if (row->id != NULL) {
		assert_int_not_equal(v, FL_NODE_NONE);
		assert_string_equal(fl_graph_node(g, v)->id, row->id);
	} else {
		assert_int_equal(v, FL_NODE_NONE);
		if (strstr(err.text, row->says) == NULL)
			fail_msg("no '%s' in: %s", row->says, err.text);
	}
	fl_graph_free(g);
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(order_of_input_does_not_matter),
		cmocka_unit_test(adjacency_goes_both_ways),
		cmocka_unit_test(what_callers_get_wrong_is_put_right),
		cmocka_unit_test(weights_become_shares),
		cmocka_unit_test(a_graph_may_be_empty),
	};
	struct CMUnitTest rows[FL_ARRAY_LEN(resolve_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = resolve_rows[i].name, .test_func = resolves, .initial_state = &resolve_rows[i]
		};
	int failed = cmocka_run_group_tests_name("graph", plain, NULL, NULL);
	return failed + cmocka_run_group_tests_name("resolve", rows, NULL, NULL);
}
