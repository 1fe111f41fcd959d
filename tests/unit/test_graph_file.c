/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_graph_file.c - faultline.graph/1: what is read, what is refused and where, what is written
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/graph.h"
#include "faultline/json.h"

#define GRAPH(rest) "{\"schema\":\"faultline.graph/1\"," rest "}"
#define NODES "\"nodes\":[{\"id\":\"a\",\"kind\":\"service\"},{\"id\":\"b\"},{\"id\":\"c\",\"kind\":null}]"
#define REQUIRES(requirement)                                                                                \
	GRAPH(NODES ",\"requirements\":[{\"of\":\"a\",\"needs\":1,\"members\":[\"b\"]}," requirement "]")

struct refused_row {
	const char *name, *text, *says;
};

static struct refused_row refused_rows[] = {
	{ "another schema is refused", "{\"schema\":\"faultline.scan/1\"}", "faultline.scan/1" },
	{ "a newer major version is refused", "{\"schema\":\"faultline.graph/2\"}", "2" },
	{ "no nodes is an error", GRAPH("\"requirements\":[]"), "nodes must be an array" },
	{ "a node must be an object", GRAPH("\"nodes\":[7]"), "nodes[0]" },
	{ "a node must not be an array", GRAPH("\"nodes\":[{\"id\":\"a\"},[1,[2]],[3]]"), "nodes[1] must be" },
	{ "requirements before their nodes are read after them",
		GRAPH("\"requirements\":[{\"of\":\"a\",\"needs\":1,\"members\":[\"x]},{\\\"\"]}]," NODES),
		"members[0]: no node has the id 'x]},{" },
	{ "a node must have an id", GRAPH("\"nodes\":[{\"id\":\"a\"},{}]"), "nodes[1].id" },
	{ "an id must not be empty", GRAPH("\"nodes\":[{\"id\":\"\"}]"), "nodes[0].id" },
	{ "an id twice names both places", GRAPH("\"nodes\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"a\"}]"),
		"nodes[2].id: 'a' is there already as nodes[0]" },
	{ "a kind must be a string", GRAPH("\"nodes\":[{\"id\":\"a\",\"kind\":1}]"), "nodes[0].kind" },
	{ "a probability is at most 1", GRAPH("\"nodes\":[{\"id\":\"a\",\"failure_probability\":1.5}]"),
		"nodes[0].failure_probability" },
	{ "requirements must be an array", GRAPH(NODES ",\"requirements\":{}"), "requirements must be" },
	{ "a requirement must be an object", REQUIRES("1"), "requirements[1]" },
	{ "a dangling owner is named", REQUIRES("{\"of\":\"x\",\"needs\":1,\"members\":[\"b\"]}"),
		"requirements[1].of: no node has the id 'x'" },
	{ "a missing owner is an error", REQUIRES("{\"needs\":1,\"members\":[\"b\"]}"),
		"requirements[1].of" },
	{ "a dangling member is named with its place",
		REQUIRES("{\"of\":\"a\",\"needs\":1,\"members\":[\"b\",\"c\",\"d\"]}"),
		"requirements[1].members[2]: no node has the id 'd'" },
	{ "a member must be a string", REQUIRES("{\"of\":\"a\",\"needs\":1,\"members\":[1]}"),
		"requirements[1].members[0]" },
	{ "members must be an array", REQUIRES("{\"of\":\"a\",\"needs\":1}"), "requirements[1].members" },
	{ "needs above the members is an error",
		REQUIRES("{\"of\":\"a\",\"needs\":3,\"members\":[\"b\",\"c\"]}"),
		"requirements[1].needs is 3, but there are only 2" },
	{ "a member named twice counts once",
		REQUIRES("{\"of\":\"a\",\"needs\":2,\"members\":[\"b\",\"b\"]}"), "only 1 different" },
	{ "needs must be there", REQUIRES("{\"of\":\"a\",\"members\":[\"b\"]}"), "requirements[1].needs" },
	{ "needs must be whole", REQUIRES("{\"of\":\"a\",\"needs\":0.5,\"members\":[\"b\"]}"),
		"requirements[1].needs" },
	{ "needs must not be negative", REQUIRES("{\"of\":\"a\",\"needs\":-1,\"members\":[\"b\"]}"),
		"requirements[1].needs" },
	{ "needs without members is an error", REQUIRES("{\"of\":\"a\",\"needs\":1,\"members\":[]}"),
		"only 0" },
	{ "a coupling is a share",
		REQUIRES("{\"of\":\"a\",\"needs\":1,\"members\":[\"b\"],\"coupling\":-0.1}"),
		"requirements[1].coupling" },
	{ "redundancy is one of three words",
		REQUIRES("{\"of\":\"a\",\"needs\":1,\"members\":[\"b\"],\"redundancy\":\"some\"}"),
		"requirements[1].redundancy" },
	{ "evidence is a string", REQUIRES("{\"of\":\"a\",\"needs\":1,\"members\":[\"b\"],\"evidence\":[]}"),
		"requirements[1].evidence" },
	{ "a dangling entry point is named", GRAPH(NODES ",\"entry_points\":[\"a\",\"z\"]"),
		"entry_points[1]" },
	{ "an entry point's weight is not negative",
		GRAPH(NODES ",\"entry_points\":[{\"node\":\"a\",\"weight\":-2}]"), "entry_points[0].weight" },
	{ "an entry point must name a node", GRAPH(NODES ",\"entry_points\":[{}]"), "entry_points[0]" },
};

/* Item by item the answer is the same, and so is the error. */
static void read_by_pieces(const char *text, bool good, const struct fl_error *err)
{
	struct fl_json_text pieces = { .name = "test.json", .at = text, .size = strlen(text) };
	struct fl_graph *g = NULL;
	struct fl_error other = { "" };
	assert_int_equal(fl_graph_from_text(&g, &pieces, &other) == 0, good);
	assert_int_equal(g != NULL, good);
	if (!good)
		assert_string_equal(other.text, err->text);
	fl_graph_free(g);
}

static struct fl_graph *read_graph(const char *text, struct fl_error *err)
{
	struct fl_graph *g = NULL;
	cJSON *root = NULL;
	struct fl_error parse;
	if (fl_json_parse("test.json", text, strlen(text), &root, &parse) < 0)
		fail_msg("%s", parse.text);
	int rc = fl_graph_from_json(&g, "test.json", root, err);
	assert_int_equal(rc < 0, g == NULL);
	cJSON_Delete(root);
	read_by_pieces(text, g != NULL, err);
	return g;
}

static void refuses(void **state)
{
	const struct refused_row *row = *state;
	struct fl_error err = { "" };
	assert_null(read_graph(row->text, &err));
	assert_non_null(strstr(err.text, "test.json"));
	if (strstr(err.text, row->says) == NULL)
		fail_msg("no '%s' in: %s", row->says, err.text);
}

static const char whole[] =
	GRAPH("\"nodes\":[{\"id\":\"b\",\"kind\":\"host\",\"failure_probability\":0.25,\"owner\":\"ops\"},{"
	      "\"id\":\"a\"},"
	      "{\"id\":\"c\"},{\"id\":\"q\\\"<\\u001b\"}],"
	      "\"requirements\":[{\"of\":\"a\",\"needs\":1,\"members\":[\"c\",\"b\"],\"coupling\":0.5,"
	      "\"redundancy\":\"confirmed\",\"evidence\":\"two "
	      "seen\"},{\"of\":\"a\",\"needs\":0,\"members\":[\"c\"]}],"
	      "\"entry_points\":[\"a\",{\"node\":\"c\",\"weight\":3}]");

static void check_whole(const struct fl_graph *g)
{
	uint32_t count;
	const struct fl_entry_point *entries = fl_graph_entry_points(g, &count);
	assert_int_equal(fl_graph_order(g), 4);
	assert_string_equal(fl_graph_node(g, 0)->kind, "other");
	assert_true(isnan(fl_graph_node(g, 0)->failure_probability));
	assert_true(fl_graph_node(g, 1)->failure_probability == 0.25);
	assert_int_equal(fl_graph_group_count(g), 2);
	assert_int_equal(fl_graph_group(g, 0)->member_count, 2);
	assert_int_equal(fl_graph_group(g, 0)->redundancy, FL_REDUNDANCY_CONFIRMED);
	assert_true(fl_graph_group(g, 0)->coupling == 0.5);
	assert_string_equal(fl_graph_group(g, 0)->evidence, "two seen");
	assert_int_equal(fl_graph_group(g, 1)->needs, 0);
	assert_null(fl_graph_group(g, 1)->evidence);
	assert_int_equal(count, 2);
	assert_true(entries[0].weight == 0.25 && entries[1].weight == 0.75);
}

static void what_was_written_reads_the_same(void **state)
{
	struct fl_error err;
	char *first = NULL, *second = NULL;
	size_t sizes[2];
	(void)state;
	struct fl_graph *g = read_graph(whole, &err);
	check_whole(g);
	FILE *out = open_memstream(&first, &sizes[0]);
	fl_graph_write(out, g, NULL);
	fclose(out);
	fl_graph_free(g);
	assert_null(strchr(first, '\x1b'));
	g = read_graph(first, &err);
	check_whole(g);
	out = open_memstream(&second, &sizes[1]);
	fl_graph_write(out, g, NULL);
	fclose(out);
	fl_graph_free(g);
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void ids_cannot_turn_a_terminal_around(void **state)
{
	struct fl_error err;
	char *text = NULL;
	size_t size;
	(void)state;
	struct fl_graph *g = read_graph(GRAPH("\"nodes\":[{\"id\":\"a\xc2\x9b\xe2\x80\xae\"}]"), &err);
	FILE *out = open_memstream(&text, &size);
	fl_graph_write(out, g, NULL);
	fclose(out);
	assert_non_null(strstr(text, "\"a\\u009b\\u202e\""));
	fl_graph_free(g);
	free(text);
}

static void lists_may_be_absent_and_empty(void **state)
{
	struct fl_error err;
	char *text = NULL;
	size_t size;
	(void)state;
	struct fl_graph *g = read_graph(GRAPH("\"nodes\":[]"), &err);
	assert_int_equal(fl_graph_order(g), 0);
	FILE *out = open_memstream(&text, &size);
	fl_graph_write(out, g, NULL);
	fclose(out);
	fl_graph_free(g);
	g = read_graph(text, &err);
	assert_int_equal(fl_graph_order(g), 0);
	fl_graph_free(g);
	free(text);
}

/* Only item by item: where in the whole text a member stands twice. */
static void a_member_twice_is_placed_in_the_whole_text(void **state)
{
	static const char *const texts[] = {
		GRAPH("\"nodes\":[{\"id\":\"a\"},\n {\"id\":\"b\",\"id\":\"c\"}]"),
		GRAPH("\"nodes\":[{\"id\":\"a\"},\n {\"id\":\"b\",\"x\":{\"y\":1,\"\\u0079\":2}}]"),
		"{\"nodes\":[],\n\"schema\":\"faultline.graph/1\",\"\\u006eodes\":[]}",
	};
	static const char *const places[] = { "line 2, column 2:", "line 2, column 16:", "line 1, column 1:" };
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(texts); i++) {
		struct fl_json_text t = { .name = "test.json", .at = texts[i], .size = strlen(texts[i]) };
		struct fl_graph *g = NULL;
		struct fl_error err = { "" };
		assert_true(fl_graph_from_text(&g, &t, &err) < 0);
		if (strstr(err.text, places[i]) == NULL || strstr(err.text, "two members") == NULL)
			fail_msg("no '%s' in: %s", places[i], err.text);
	}
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(a_member_twice_is_placed_in_the_whole_text),
		cmocka_unit_test(what_was_written_reads_the_same),
		cmocka_unit_test(ids_cannot_turn_a_terminal_around),
		cmocka_unit_test(lists_may_be_absent_and_empty),
	};
	struct CMUnitTest rows[FL_ARRAY_LEN(refused_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = refused_rows[i].name, .test_func = refuses, .initial_state = &refused_rows[i]
		};
	int failed = cmocka_run_group_tests_name("graph file", plain, NULL, NULL);
	return failed + cmocka_run_group_tests_name("graph file, refused", rows, NULL, NULL);
}
