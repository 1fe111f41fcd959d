/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_expected_loss.c - the share of its work a node loses
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/blast.h"
#include "graph_text.h"

struct loss_row {
	const char *name, *graph, *failed, *node;
	double loss;
};

static struct loss_row loss_rows[] = {
	{ "what failed loses all", "a 1 b", "b", "b", 1 },
	{ "what is not touched loses nothing", "a 1 b; c 1 d", "b", "c", 0 },
	{ "a dependency used in a third of the requests costs a third", "a 1 b *0.3", "b", "a", 0.3 },
	{ "shares multiply along a path", "a 1 b *0.5; b 1 c *0.4", "c", "a", 0.2 },
	{ "two groups lose as independent events", "a 1 b *0.5; a 1 c *0.5", "b c", "a", 0.75 },
	{ "one of two replicas down costs nothing", "a 1 b c", "b", "a", 0 },
	{ "both replicas down cost all", "a 1 b c", "b c", "a", 1 },
	{ "replicas that lose a third to one cause lose the same third", "a 1 b c; b 1 d *0.3; c 1 d *0.3",
		"d", "a", 0.3 },
	{ "of unequal replicas the better one serves", "a 1 b c; b 1 d *0.3; c 1 d *0.6", "d", "a", 0.3 },
	{ "two of three lose what the second best loses", "a 2 b c d; b 1 x *0.1; c 1 x *0.2; d 1 x *0.7",
		"x", "a", 0.2 },
	{ "two of three with one down lose what the worse of the others loses",
		"a 2 b c d; c 1 b *0.2; d 1 b *0.4", "b", "a", 0.4 },
	{ "work spread over members that are all needed loses the mean", "a 2 b c", "b", "a", 0.5 },
	{ "background costs nothing", "a 0 b", "b", "a", 0 },
	{ "a cycle settles", "a 1 b *0.5; b 1 a *0.5; b 1 c *0.4", "c", "b", 1 - 0.6 * (1 - 0.5 * 4.0 / 17) },
	{ "a cycle that nothing hits loses nothing", "a 1 b; b 1 a; c 1 d", "d", "a", 0 },
};

static void loses(void **state)
{
	const struct loss_row *row = *state;
	struct fl_graph *g = graph_of_text(row->graph);
	fl_node_id failed[8];
	size_t count = 0;
	char *words = fl_copy_string(row->failed), *rest = NULL;
	for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest))
		failed[count++] = fl_graph_find(g, w);
	double *loss = fl_alloc_array(fl_graph_order(g), sizeof(*loss));
	fl_expected_loss(g, failed, count, loss);
	double got = loss[fl_graph_find(g, row->node)];
	if (!(fabs(got - row->loss) < 1e-6))
		fail_msg("%.9f, not %.9f", got, row->loss);
	free(loss);
	free(words);
	fl_graph_free(g);
}

static double overall(const char *text, const char *failed)
{
	struct fl_graph *g = graph_of_text(text);
	struct fl_arena *a = fl_arena_new();
	fl_node_id v = fl_graph_find(g, failed);
	double loss = fl_blast(g, &v, 1, a)->expected_loss;
	fl_arena_free(a);
	fl_graph_free(g);
	return loss;
}

static void entry_points_weigh_by_their_share(void **state)
{
	(void)state;
	assert_true(fabs(overall("a 1 x *0.5; b 1 x; entry a 3; entry b 1", "x") - 0.625) < 1e-9);
	assert_true(fabs(overall("a 1 x; entry b", "x")) < 1e-9);
}

static void without_entry_points_all_other_nodes_count(void **state)
{
	(void)state;
	assert_true(fabs(overall("a 1 x; b 1 x *0.5; node c; node d", "x") - 1.5 / 4) < 1e-9);
	assert_true(overall("node x", "x") == 0);
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(entry_points_weigh_by_their_share),
		cmocka_unit_test(without_entry_points_all_other_nodes_count),
	};
	struct CMUnitTest rows[FL_ARRAY_LEN(loss_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = loss_rows[i].name, .test_func = loses, .initial_state = &loss_rows[i]
		};
	int failed = cmocka_run_group_tests_name("expected loss", rows, NULL, NULL);
	return failed + cmocka_run_group_tests_name("expected loss overall", plain, NULL, NULL);
}
