/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_copy.c - a frozen graph opened again, to be changed
 *
 * A frozen graph never changes, so that everything that holds one may rely on it. Who asks "and what if this
 * group were not there", or corrects what packets could not tell, builds another. Nodes are created in the order
 * of their ids, so handles of the builder are ids of the graph until it is frozen again.
 */
#include "graph_copy.h"

#include <math.h>

struct fl_graph_builder *fl_graph_reopen(const struct fl_graph *g, const bool *without)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint32_t entries;
	const struct fl_entry_point *points = fl_graph_entry_points(g, &entries);

	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		const struct fl_node *n = fl_graph_node(g, v);
		fl_graph_builder_node(b, n->id, n->kind);
		if (!isnan(n->failure_probability))
			fl_graph_builder_probability(b, v, n->failure_probability);
	}
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		if (without == NULL || !without[i])
			fl_graph_builder_group(b, group->of, group->needs, group->members, group->member_count,
				group->coupling, group->redundancy, group->evidence);
	}
	for (uint32_t i = 0; i < entries; i++)
		fl_graph_builder_entry_point(b, points[i].node, points[i].weight);
	return b;
}
