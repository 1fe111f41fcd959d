/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep.c - the least fixed point for one failed node after the other
 *
 * The failed set grows by a queue. A group may lose `slack` = members - needs of its members;
 * the one after breaks it and fails its node. Each member leaves the queue once, so
 * each counter is touched once a membership and a run is O(V + E) of what it reaches.
 *
 * A sweep over all nodes does V such runs, and then memory is what it costs. Most groups
 * have no slack (one endpoint, one host): for them no counter is needed and the edge is stored as the
 * node it fails, so that a run over them reads edges in a row and one small array of epochs. Groups
 * with slack share a row with their counter and its epoch, one cache line. Groups with
 * needs = 0 never break and are not stored. Edges of a node are sorted by the
 * node they fail, which makes the breadth-first order, and with it every explanation,
 * the same on every machine.
 *
 * Not done here: condensing strongly connected components or bit-parallel sweeps. They
 * would help graphs of a million nodes; ten thousand take a second without.
 */
#include "sweep.h"

#include <assert.h>
#include <stdlib.h>

/* What fails a node: a broken group. target: the node of a group without slack. */
struct edge {
	fl_node_id target;
	fl_group_id group;
};

struct counter {
	fl_node_id target;
	uint32_t slack, epoch, left;
};

struct mark {
	fl_node_id because;
	fl_group_id group;
};

struct fl_sweep {
	uint32_t order, epoch, lost;
	size_t *first_hard, *first_soft; /* order + 1 */
	struct edge *hard;               /* groups without slack */
	fl_group_id *soft;               /* groups with slack */
	struct counter *counters;        /* one a group of the graph */
	uint32_t *lost_epoch;            /* a node */
	struct mark *marks;              /* a node */
	fl_node_id *queue;
};

static bool is_hard(const struct fl_group *group)
{
	return group->needs > 0 && group->needs == group->member_count;
}

static bool is_soft(const struct fl_group *group)
{
	return group->needs > 0 && group->needs < group->member_count;
}

struct fl_sweep *fl_sweep_new(const struct fl_graph *g)
{
	struct fl_sweep *s = fl_alloc(sizeof(*s));
	uint32_t groups = fl_graph_group_count(g);
	s->order = fl_graph_order(g);
	s->first_hard = fl_alloc_array((size_t)s->order + 1, sizeof(*s->first_hard));
	s->first_soft = fl_alloc_array((size_t)s->order + 1, sizeof(*s->first_soft));
	s->counters = fl_alloc_array(groups, sizeof(*s->counters));
	s->lost_epoch = fl_alloc_array(s->order, sizeof(*s->lost_epoch));
	s->marks = fl_alloc_array(s->order, sizeof(*s->marks));
	s->queue = fl_alloc_array(s->order, sizeof(*s->queue));
	size_t hard = 0, soft = 0;
	for (fl_group_id i = 0; i < groups; i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		s->counters[i] =
			(struct counter){ .target = group->of, .slack = group->member_count - group->needs };
		hard += is_hard(group) ? group->member_count : 0;
		soft += is_soft(group) ? group->member_count : 0;
	}
	s->hard = fl_alloc_array(hard, sizeof(*s->hard));
	s->soft = fl_alloc_array(soft, sizeof(*s->soft));
	hard = soft = 0;
	for (fl_node_id v = 0; v < s->order; v++) {
		uint32_t count;
		const fl_group_id *in = fl_graph_memberships(g, v, &count);
		for (uint32_t i = 0; i < count; i++) {
			/* Memberships ascend by group, groups by node: edges are sorted. */
			const struct fl_group *group = fl_graph_group(g, in[i]);
			if (is_hard(group))
				s->hard[hard++] = (struct edge){ .target = group->of, .group = in[i] };
			else if (is_soft(group))
				s->soft[soft++] = in[i];
		}
		s->first_hard[v + 1] = hard;
		s->first_soft[v + 1] = soft;
	}
	return s;
}

void fl_sweep_free(struct fl_sweep *s)
{
	if (s == NULL)
		return;
	free(s->first_hard);
	free(s->first_soft);
	free(s->hard);
	free(s->soft);
	free(s->counters);
	free(s->lost_epoch);
	free(s->marks);
	free(s->queue);
	free(s);
}

static inline void lose(struct fl_sweep *s, fl_node_id v, fl_node_id because, fl_group_id group)
{
	if (s->lost_epoch[v] == s->epoch)
		return;
	s->lost_epoch[v] = s->epoch;
	s->marks[v] = (struct mark){ .because = because, .group = group };
	s->queue[s->lost++] = v;
}

static void fail_dependants(struct fl_sweep *s, fl_node_id v)
{
	for (size_t i = s->first_hard[v]; i < s->first_hard[v + 1]; i++)
		lose(s, s->hard[i].target, v, s->hard[i].group);
	for (size_t i = s->first_soft[v]; i < s->first_soft[v + 1]; i++) {
		struct counter *c = &s->counters[s->soft[i]];
		if (c->epoch != s->epoch) {
			c->epoch = s->epoch;
			c->left = c->slack;
		}
		if (c->left == 0)
			lose(s, c->target, v, s->soft[i]);
		else
			c->left--;
	}
}

const fl_node_id *fl_sweep_run(struct fl_sweep *s, const fl_node_id *failed, size_t count, uint32_t *lost)
{
	s->epoch++; /* one a run, and there are fewer than 2^32 nodes: never wraps in a sweep */
	assert(s->epoch > 0);
	s->lost = 0;
	for (size_t i = 0; i < count; i++) {
		assert(failed[i] < s->order);
		lose(s, failed[i], FL_NODE_NONE, FL_GROUP_NONE);
	}
	for (uint32_t next = 0; next < s->lost; next++)
		fail_dependants(s, s->queue[next]);
	*lost = s->lost;
	return s->queue;
}

bool fl_sweep_lost(const struct fl_sweep *s, fl_node_id v)
{
	assert(v < s->order);
	return s->epoch > 0 && s->lost_epoch[v] == s->epoch;
}

fl_node_id fl_sweep_because(const struct fl_sweep *s, fl_node_id v, fl_group_id *group)
{
	assert(fl_sweep_lost(s, v));
	*group = s->marks[v].group;
	return s->marks[v].because;
}
