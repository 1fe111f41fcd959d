/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared_fall.c - the least fixed point for one failed node, with nodes that are held up
 *
 * "Does x bring the replicas down, or only through their database, which is on the same machine?" is
 * answered by holding the database up and failing x again. A counter of failed members a group, told apart from
 * those of the run before by an epoch; a run costs what it reaches and allocates nothing.
 */
#include <stdlib.h>

#include "shared_internal.h"

struct fl_fall {
	const struct fl_graph *graph;
	uint32_t run, hold;
	uint64_t work;
	uint32_t *lost;       /* of a node: run that lost it */
	uint32_t *held;       /* of a node: hold it belongs to */
	uint32_t *counted_in; /* of a group: run its counter is of */
	uint32_t *down;       /* of a group: members lost */
	fl_node_id *list;
};

struct fl_fall *fl_fall_new(const struct fl_graph *g)
{
	struct fl_fall *f = fl_alloc(sizeof(*f));
	uint32_t order = fl_graph_order(g), groups = fl_graph_group_count(g);

	f->graph = g;
	f->hold = 1;
	f->lost = fl_alloc_array(order, sizeof(*f->lost));
	f->held = fl_alloc_array(order, sizeof(*f->held));
	f->counted_in = fl_alloc_array(groups, sizeof(*f->counted_in));
	f->down = fl_alloc_array(groups, sizeof(*f->down));
	f->list = fl_alloc_array(order, sizeof(*f->list));
	return f;
}

void fl_fall_free(struct fl_fall *f)
{
	if (f == NULL)
		return;
	free(f->lost);
	free(f->held);
	free(f->counted_in);
	free(f->down);
	free(f->list);
	free(f);
}

void fl_fall_hold(struct fl_fall *f, fl_node_id v)
{
	f->held[v] = f->hold;
}

void fl_fall_let_go(struct fl_fall *f)
{
	f->hold++;
}

bool fl_fall_lost(const struct fl_fall *f, fl_node_id v)
{
	return f->lost[v] == f->run;
}

uint64_t fl_fall_work(const struct fl_fall *f)
{
	return f->work;
}

/* One more member of @i is down: does the group break now? */
static bool breaks(struct fl_fall *f, fl_group_id i, const struct fl_group *group)
{
	if (f->counted_in[i] != f->run) {
		f->counted_in[i] = f->run;
		f->down[i] = 0;
	}
	f->down[i]++;
	return group->member_count - f->down[i] < group->needs;
}

const fl_node_id *fl_fall_run(struct fl_fall *f, fl_node_id v, uint32_t *count)
{
	uint32_t n = 0;

	f->run++;
	f->lost[v] = f->run;
	f->list[n++] = v;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t memberships;
		const fl_group_id *in = fl_graph_memberships(f->graph, f->list[i], &memberships);
		f->work += memberships;
		for (uint32_t k = 0; k < memberships; k++) {
			const struct fl_group *group = fl_graph_group(f->graph, in[k]);
			if (!breaks(f, in[k], group) || f->lost[group->of] == f->run ||
				f->held[group->of] == f->hold)
				continue;
			f->lost[group->of] = f->run;
			f->list[n++] = group->of;
		}
	}
	*count = n;
	return f->list;
}
