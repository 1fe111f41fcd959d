/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blast.c - what fails when these fail, with the step that took each node down
 *
 * The fixed point itself is sweep.c; here it is told as a story: initial nodes, then
 * one row for every further node with the group that broke and the member whose failure broke it.
 * The sweep goes breadth-first, so `because` is on a shortest way from a cause, and rows
 * are put into the order depth, id for people.
 *
 * `because` is the last straw, not the only one: a group of three that needs two names the
 * second member that failed.
 */
#include "faultline/blast.h"

#include <stdlib.h>

#include "loss.h"
#include "sweep.h"

static int compare_steps(const void *va, const void *vb)
{
	const struct fl_blast_step *a = va, *b = vb;
	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

static void tell_steps(
	struct fl_blast *blast, const struct fl_sweep *sweep, const fl_node_id *lost, uint32_t order)
{
	uint32_t *depth = fl_alloc_array(order, sizeof(*depth));
	for (size_t i = 0; i < blast->count; i++) {
		struct fl_blast_step *step = &blast->steps[i];
		step->node = lost[i];
		step->because = fl_sweep_because(sweep, lost[i], &step->group);
		step->depth = step->because == FL_NODE_NONE ? 0 : depth[step->because] + 1;
		depth[lost[i]] = step->depth;
	}
	free(depth);
	if (blast->count > 1)
		qsort(blast->steps, blast->count, sizeof(*blast->steps), compare_steps);
}

static void count_losses(struct fl_blast *blast, const struct fl_graph *g, const struct fl_sweep *sweep)
{
	uint32_t entries;
	const struct fl_entry_point *list = fl_graph_entry_points(g, &entries);
	for (size_t i = 0; i < blast->count; i++) {
		if (blast->steps[i].depth == 0)
			continue;
		blast->nodes_lost++;
		blast->services_lost += fl_graph_is_kind(g, blast->steps[i].node, "service");
	}
	for (uint32_t i = 0; i < entries; i++) {
		if (!fl_sweep_lost(sweep, list[i].node))
			continue;
		blast->entry_points_lost++;
		blast->entry_weight_lost += list[i].weight;
	}
	if (blast->entry_points_lost == entries && entries > 0)
		blast->entry_weight_lost = 1; /* whatever rounding did to the sum */
}

struct fl_blast *fl_blast(
	const struct fl_graph *g, const fl_node_id *failed, size_t count, struct fl_arena *a)
{
	struct fl_blast *blast = fl_arena_alloc(a, sizeof(*blast));
	struct fl_sweep *sweep = fl_sweep_new(g);
	uint32_t lost, initial = 0;
	const fl_node_id *list = fl_sweep_run(sweep, failed, count, &lost);
	blast->count = lost;
	blast->steps = fl_arena_array(a, lost, sizeof(*blast->steps));
	tell_steps(blast, sweep, list, fl_graph_order(g));
	count_losses(blast, g, sweep);
	initial = lost - blast->nodes_lost;
	blast->loss = fl_arena_array(a, fl_graph_order(g), sizeof(*blast->loss));
	fl_expected_loss(g, list, initial, blast->loss); /* the sweep has folded repeated ones */
	blast->expected_loss = fl_loss_overall(g, blast->loss, list, initial);
	fl_sweep_free(sweep);
	return blast;
}
