/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drawing_condense.c - what stays on the paper when not everything can
 *
 * Every node gets a worth (less is better), the best stay. Paths are kept by walking back from
 * what matters to the users over a breadth-first tree, so that the picture that remains hangs together.
 */
#include <stdlib.h>
#include <string.h>

#include "reports/drawing_internal.h"

enum { WORTH_USERS, WORTH_CAUSE, WORTH_FAILED, WORTH_RANKED = 10000, WORTH_ENTRY = 20000,
       WORTH_ON_THE_WAY = 30000, WORTH_NEIGHBOUR = 40000, WORTH_REST = 50000 };

struct ranked_node {
	uint32_t node, worth;
};

/* A box cannot be drawn without what stands in it, so that is worth as much. */
static uint32_t own_worth(const struct fl_drawing *d, const struct fl_drawn_node *n)
{
	uint32_t rank = n->rank, box = n->cluster == FL_DRAWN_NONE ? 0 : d->clusters[n->cluster].rank;
	if (n->kind == FL_DRAWN_USERS)
		return WORTH_USERS;
	if (n->step == FL_STEP_CAUSE)
		return WORTH_CAUSE;
	if (n->step > FL_STEP_CAUSE)
		return WORTH_FAILED + (uint32_t)(n->step < 9000 ? n->step : 9000);
	if (rank == 0 || (box != 0 && box < rank))
		rank = box;
	return rank != 0 ? WORTH_RANKED + rank : WORTH_REST;
}

/* Edges are sorted by their start: first[i] .. first[i + 1] leave node i. */
static uint32_t *index_edges(const struct fl_drawing *d)
{
	uint32_t *first = fl_alloc_array(d->node_count + 2, sizeof(*first));
	for (size_t i = 0; i < d->edge_count; i++)
		first[d->edges[i].from + 1]++;
	for (size_t i = 0; i < d->node_count; i++)
		first[i + 1] += first[i];
	return first;
}

/* Breadth first from the users, else from every node that nothing points to. */
static uint32_t *parents_from_users(const struct fl_drawing *d, const uint32_t *first)
{
	uint32_t *parent = fl_alloc_array(d->node_count + 1, sizeof(*parent));
	uint32_t *queue = fl_alloc_array(d->node_count + 1, sizeof(*queue));
	size_t head = 0, tail = 0;
	for (size_t i = 0; i < d->node_count; i++) {
		parent[i] = FL_DRAWN_NONE;
		if (d->nodes[i].kind == FL_DRAWN_USERS) {
			parent[i] = (uint32_t)i;
			queue[tail++] = (uint32_t)i;
		}
	}
	while (head < tail) {
		uint32_t at = queue[head++];
		for (uint32_t e = first[at]; e < first[at + 1]; e++) {
			uint32_t to = d->edges[e].to;
			if (parent[to] != FL_DRAWN_NONE)
				continue;
			parent[to] = at;
			queue[tail++] = to;
		}
	}
	free(queue);
	return parent;
}

static void lower(uint32_t *worth, uint32_t to)
{
	if (*worth > to)
		*worth = to;
}

/* Every node is walked over once: a way that is already marked ends the walk. */
static void mark_ways(const struct fl_drawing *d, const uint32_t *parent, uint32_t *worth)
{
	for (size_t i = 0; i < d->node_count; i++) {
		if (worth[i] >= WORTH_ON_THE_WAY || parent[i] == FL_DRAWN_NONE)
			continue;
		uint32_t at = parent[i];
		while (worth[at] > WORTH_ON_THE_WAY) {
			worth[at] = WORTH_ON_THE_WAY;
			at = parent[at];
		}
	}
}

static uint32_t *worth_of_nodes(const struct fl_drawing *d)
{
	uint32_t *worth = fl_alloc_array(d->node_count + 1, sizeof(*worth));
	uint32_t *first = index_edges(d);
	uint32_t *parent = parents_from_users(d, first);
	for (size_t i = 0; i < d->node_count; i++)
		worth[i] = own_worth(d, &d->nodes[i]);
	for (size_t i = 0; i < d->edge_count; i++)
		if (d->nodes[d->edges[i].from].kind == FL_DRAWN_USERS)
			lower(&worth[d->edges[i].to], WORTH_ENTRY);
	mark_ways(d, parent, worth);
	for (size_t i = 0; i < d->edge_count; i++) {
		const struct fl_drawn_edge *e = &d->edges[i];
		if (worth[e->from] < WORTH_ON_THE_WAY)
			lower(&worth[e->to], WORTH_NEIGHBOUR);
		if (worth[e->to] < WORTH_ON_THE_WAY)
			lower(&worth[e->from], WORTH_NEIGHBOUR);
	}
	free(first);
	free(parent);
	return worth;
}

static int compare_worth(const void *left, const void *right)
{
	const struct ranked_node *a = left, *b = right;
	if (a->worth != b->worth)
		return a->worth < b->worth ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

/* When something must go, neighbours of what matters are noise, too, unless little else would be left. */
static size_t stop_at_noise(const struct ranked_node *list, size_t most)
{
	enum { PICTURE_MIN = 12 };
	size_t kept = most < PICTURE_MIN ? most : PICTURE_MIN;
	while (kept < most && list[kept].worth <= WORTH_ON_THE_WAY)
		kept++;
	return kept;
}

/* new_index[i] is FL_DRAWN_NONE for nodes that go. */
static uint32_t *choose(const struct fl_drawing *d, size_t most)
{
	uint32_t *worth = worth_of_nodes(d);
	struct ranked_node *list = fl_alloc_array(d->node_count + 1, sizeof(*list));
	uint32_t *new_index = fl_alloc_array(d->node_count + 1, sizeof(*new_index));
	for (size_t i = 0; i < d->node_count; i++) {
		list[i] = (struct ranked_node){ .node = (uint32_t)i, .worth = worth[i] };
		new_index[i] = FL_DRAWN_NONE;
	}
	qsort(list, d->node_count, sizeof(*list), compare_worth);
	most = stop_at_noise(list, most);
	for (size_t i = 0; i < most; i++)
		new_index[list[i].node] = 0;
	uint32_t next = 0;
	for (size_t i = 0; i < d->node_count; i++)
		if (new_index[i] != FL_DRAWN_NONE)
			new_index[i] = next++;
	free(worth);
	free(list);
	return new_index;
}

void fl_drawing_condense(struct fl_drawing *d, size_t most)
{
	if (d->node_count <= most)
		return;
	uint32_t *new_index = choose(d, most);
	size_t nodes = 0, edges = 0;
	for (size_t i = 0; i < d->node_count; i++)
		if (new_index[i] != FL_DRAWN_NONE)
			d->nodes[nodes++] = d->nodes[i];
	for (size_t i = 0; i < d->edge_count; i++) {
		struct fl_drawn_edge e = d->edges[i];
		e.from = new_index[e.from];
		e.to = new_index[e.to];
		if (e.from != FL_DRAWN_NONE && e.to != FL_DRAWN_NONE)
			d->edges[edges++] = e;
	}
	d->omitted += d->node_count - nodes;
	d->node_count = nodes;
	d->edge_count = edges;
	free(new_index);
}
