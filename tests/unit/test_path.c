/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_path.c - the shortest and the strongest way between two nodes
 */
#include "unit.h"

#include <stdio.h>

#include "faultline/path.h"
#include "graph_text.h"

struct path_row {
	const char *name, *graph, *from, *to;
	const char *shortest, *strongest; /* "a b c 0.50"; NULL: no way */
};

static struct path_row path_rows[] = {
	{ "one link", "a 1 b *0.5", "a", "b", "a b 0.50", "a b 0.50" },
	{ "a node needs no way to itself", "a 1 b", "a", "a", "a 1.00", "a 1.00" },
	{ "no way", "a 1 b; node c", "b", "a", NULL, NULL },
	{ "fewer links against more requests", "a 1 x *0.1; x 1 b; a 1 c; c 1 d *0.9; d 1 b", "a", "b", "a x b 0.10",
		"a c d b 0.90" },
	{ "of equally strong ways the shorter", "a 1 x; x 1 y; y 1 b; a 1 z; z 1 b", "a", "b", "a z b 1.00",
		"a z b 1.00" },
	{ "of equal ways the first by id", "a 1 z; z 1 b; a 1 y; y 1 b", "a", "b", "a y b 1.00", "a y b 1.00" },
	{ "a way that is waited for wins over background", "a 0 x; x 1 b; a 1 z *0.2; z 1 b", "a", "b", "a z b 0.20",
		"a z b 0.20" },
	{ "background is a way when there is no other", "a 0 b", "a", "b", "a b 1.00 background",
		"a b 1.00 background" },
	{ "a coupling of nothing is still a way", "a 1 b *0; b 1 c", "a", "c", "a b c 0.00", "a b c 0.00" },
	{ "cycles end", "a 1 b; b 1 a; b 1 c *0.5; c 1 b", "a", "c", "a b c 0.50", "a b c 0.50" },
	{ "of two links between the same nodes the stronger", "a 1 b *0.3; a 1 b c *0.6", "a", "b", NULL, "a b 0.60" },
};

static void path_text(const struct fl_graph *g, fl_node_id from, const struct fl_path *p, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s", fl_graph_node(g, from)->id);
	for (size_t i = 0; i < p->count; i++) {
		assert_int_equal(p->links[i].from, i == 0 ? from : p->links[i - 1].to);
		used += (size_t)snprintf(text + used, size - used, " %s", fl_graph_node(g, p->links[i].to)->id);
	}
	snprintf(text + used, size - used, " %.2f%s", p->coupling, p->background ? " background" : "");
}

static void leads(void **state)
{
	const struct path_row *row = *state;
	struct fl_system s = { .graph = graph_of_text(row->graph) };
	fl_node_id from = fl_graph_find(s.graph, row->from);
	struct fl_paths *p = fl_paths(&s, from, fl_graph_find(s.graph, row->to));
	char text[256];
	assert_int_equal(p->found, row->strongest != NULL);
	if (row->shortest != NULL) {
		path_text(s.graph, from, &p->shortest, text, sizeof(text));
		assert_string_equal(text, row->shortest);
	}
	if (row->strongest != NULL) {
		path_text(s.graph, from, &p->strongest, text, sizeof(text));
		assert_string_equal(text, row->strongest);
	}
	fl_paths_free(p);
	fl_graph_free(s.graph);
}

int main(void)
{
	struct CMUnitTest rows[FL_ARRAY_LEN(path_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = path_rows[i].name, .test_func = leads, .initial_state = &path_rows[i]
		};
	return cmocka_run_group_tests_name("path", rows, NULL, NULL);
}
