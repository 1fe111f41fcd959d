/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_settled.c - a side of the comparison without what is not certain to differ
 *
 * Whether a thing is a single point of failure hangs on requirements, and of these some differ between any two windows
 * of one system: a use so rare that it is not seen in one of them, or that is on-request here and rare there because
 * six calls were seen instead of four. Ranked as they stand, the two sides would differ in everything behind such a use.
 * So a requirement that only one side knows for not certain is left out of that side, and then both are ranked.
 */
#include <stdlib.h>

#include "diff_internal.h"
#include "graph_copy.h"

static void renumber(const struct fl_system *from, struct fl_system *to, const bool *without)
{
	uint32_t count = fl_graph_group_count(from->graph), next = 0;
	fl_group_id *number = fl_alloc_array(count + 1, sizeof(*number));
	for (uint32_t i = 0; i < count; i++)
		number[i] = without[i] ? FL_GROUP_NONE : next++;
	to->dependencies = fl_alloc_array(from->dependency_count + 1, sizeof(*to->dependencies));
	for (size_t i = 0; i < from->dependency_count; i++) {
		to->dependencies[i] = from->dependencies[i];
		if (from->dependencies[i].group != FL_GROUP_NONE)
			to->dependencies[i].group = number[from->dependencies[i].group];
	}
	free(number);
}

struct fl_system *fl_diff_settled(const struct fl_system *s, const bool *without)
{
	struct fl_system *copy = fl_alloc(sizeof(*copy));
	struct fl_graph_builder *b = fl_graph_reopen(s->graph, without);
	*copy = *s; /* nodes keep their ids, so what is known by them stays true */
	copy->graph = fl_graph_freeze(&b);
	renumber(s, copy, without);
	return copy;
}

void fl_diff_settled_free(struct fl_system *s)
{
	fl_graph_free(s->graph);
	free(s->dependencies);
	free(s);
}
