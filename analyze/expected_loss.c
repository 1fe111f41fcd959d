/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * expected_loss.c - the share of its work each node loses when others are down
 *
 * The fixed point of blast.c says whether a node fails; this says how much of what it does
 * fails: a catalogue that is asked in 70 % of the requests takes 70 % of them down.
 *
 *   node    1 - prod over groups (1 - coupling * loss(group))
 *   group   one member: its loss
 *           needs < members: the needs-th smallest loss of its members
 *           needs = members: the mean, the work being spread over them
 *           needs = 0: 0
 *
 * Why the needs-th smallest, for needs = 1 the smallest, and not the product? Two replicas of a service
 * that lost their database both lose the same requests, those that ask the database: who fails over
 * from one to the other fails again. All losses here have one cause, so members fail
 * together, not independently; the product would square every share on its way through a
 * replicated tier, and recordings where things were really broken show that it does not.
 * For members that are wholly up or down, both are the same.
 *
 * Every formula is monotone in its inputs and bounded by 1, so iterating from 0
 * climbs to the least solution also where nodes require each other in a cycle.
 * Instead of rounds over the whole graph a list of nodes is kept whose inputs moved; a graph
 * with couplings of 1 and no spare members then costs one visit a node and edge. A
 * generation of that list is a round in the sense of the limit. Groups are copied into flat
 * arrays first: a ranking runs this once a node, and then it is memory that costs.
 */
#include "loss.h"

#include <math.h>
#include <stdlib.h>

#include "faultline/blast.h"

enum { ROUNDS_MAX = 1000 };
#define STILL 1e-9 /* a smaller step is none */

struct loss_group {
	fl_node_id of;
	uint32_t needs, count;
	size_t first; /* member */
	double coupling;
};

/* Some node requires this one. certain: what it loses wholly, that node does. */
struct dependant {
	fl_node_id of;
	bool certain;
};

struct fl_loss {
	uint32_t order;
	struct loss_group *groups; /* those with needs > 0, by node */
	fl_node_id *members;
	uint32_t *first_group;   /* of a node; order + 1 */
	size_t *first_dependant; /* order + 1 */
	struct dependant *dependants;
	double *loss;
	bool *queued;
	bool *touched;
	fl_node_id *touched_list;
	uint32_t touched_count;
	fl_node_id *now, *next; /* this generation and the following */
	double *smallest;       /* scratch: a heap of losses */
};

static void copy_groups(struct fl_loss *l, const struct fl_graph *g)
{
	uint32_t kept = 0, widest = 0;
	size_t members = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		members += group->member_count;
		widest = group->needs > widest ? group->needs : widest;
	}
	l->groups = fl_alloc_array(fl_graph_group_count(g), sizeof(*l->groups));
	l->members = fl_alloc_array(members, sizeof(*l->members));
	l->first_group = fl_alloc_array((size_t)l->order + 1, sizeof(*l->first_group));
	l->smallest = fl_alloc_array(widest, sizeof(*l->smallest));
	members = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		if (group->needs == 0)
			continue;
		l->groups[kept++] = (struct loss_group){ .of = group->of,
			.needs = group->needs,
			.count = group->member_count,
			.first = members,
			.coupling = group->coupling };
		l->first_group[group->of + 1] = kept;
		for (uint32_t m = 0; m < group->member_count; m++)
			l->members[members++] = group->members[m];
	}
	for (uint32_t v = 0; v < l->order; v++) /* nodes without groups begin where the last ended */
		if (l->first_group[v + 1] < l->first_group[v])
			l->first_group[v + 1] = l->first_group[v];
}

static void copy_dependants(struct fl_loss *l, const struct fl_graph *g)
{
	size_t total = 0;
	l->first_dependant = fl_alloc_array((size_t)l->order + 1, sizeof(*l->first_dependant));
	for (int fill = 0; fill < 2; fill++) {
		if (fill)
			l->dependants = fl_alloc_array(total, sizeof(*l->dependants));
		total = 0;
		for (fl_node_id v = 0; v < l->order; v++) {
			uint32_t count;
			const fl_group_id *in = fl_graph_memberships(g, v, &count);
			for (uint32_t i = 0; i < count; i++) {
				const struct fl_group *group = fl_graph_group(g, in[i]);
				if (group->needs > 0 && fill)
					l->dependants[total] = (struct dependant){ .of = group->of,
						.certain = group->member_count == 1 && group->coupling >= 1 };
				total += group->needs > 0;
			}
			l->first_dependant[v + 1] = total;
		}
	}
}

struct fl_loss *fl_loss_new(const struct fl_graph *g)
{
	struct fl_loss *l = fl_alloc(sizeof(*l));
	l->order = fl_graph_order(g);
	copy_groups(l, g);
	copy_dependants(l, g);
	l->loss = fl_alloc_array(l->order, sizeof(*l->loss));
	l->queued = fl_alloc_array(l->order, sizeof(*l->queued));
	l->touched = fl_alloc_array(l->order, sizeof(*l->touched));
	l->touched_list = fl_alloc_array(l->order, sizeof(*l->touched_list));
	l->now = fl_alloc_array(l->order, sizeof(*l->now));
	l->next = fl_alloc_array(l->order, sizeof(*l->next));
	return l;
}

void fl_loss_free(struct fl_loss *l)
{
	if (l == NULL)
		return;
	free(l->groups);
	free(l->members);
	free(l->first_group);
	free(l->first_dependant);
	free(l->dependants);
	free(l->loss);
	free(l->queued);
	free(l->touched);
	free(l->touched_list);
	free(l->now);
	free(l->next);
	free(l->smallest);
	free(l);
}

/* ---- a group ---- */

/* Let the heap's largest, at its root, sink to its place. */
static void sink(double *heap, uint32_t count)
{
	for (uint32_t at = 0, child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && heap[child + 1] > heap[child])
			child++;
		if (heap[at] >= heap[child])
			return;
		double larger = heap[child];
		heap[child] = heap[at];
		heap[at] = larger;
	}
}

static void rise(double *heap, uint32_t at)
{
	while (at > 0 && heap[at] > heap[(at - 1) / 2]) {
		double smaller = heap[(at - 1) / 2];
		heap[(at - 1) / 2] = heap[at];
		heap[at] = smaller;
		at = (at - 1) / 2;
	}
}

/* The needs-th smallest loss: the root of a heap of the `needs` smallest. */
static double spare_group_loss(const struct fl_loss *l, const struct loss_group *group)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < group->count; i++) {
		double loss = l->loss[l->members[group->first + i]];
		if (kept < group->needs) {
			l->smallest[kept] = loss;
			rise(l->smallest, kept++);
		} else if (loss < l->smallest[0]) {
			l->smallest[0] = loss;
			sink(l->smallest, kept);
		}
	}
	return l->smallest[0];
}

static double group_loss(const struct fl_loss *l, const struct loss_group *group)
{
	double sum = 0;
	if (group->needs < group->count)
		return spare_group_loss(l, group);
	for (uint32_t i = 0; i < group->count; i++)
		sum += l->loss[l->members[group->first + i]];
	return sum / group->count;
}

static double node_loss(const struct fl_loss *l, fl_node_id v)
{
	double kept = 1;
	for (uint32_t i = l->first_group[v]; i < l->first_group[v + 1] && kept > 0; i++)
		kept *= 1 - l->groups[i].coupling * group_loss(l, &l->groups[i]);
	return fmin(1, fmax(0, 1 - kept));
}

/* ---- iteration ---- */

static void touch(struct fl_loss *l, fl_node_id v, double loss)
{
	l->loss[v] = loss;
	if (!l->touched[v])
		l->touched_list[l->touched_count++] = v;
	l->touched[v] = true;
}

/* Those that require @v are looked at in the next generation. */
static uint32_t queue_dependants(struct fl_loss *l, fl_node_id v, uint32_t queued)
{
	for (size_t i = l->first_dependant[v]; i < l->first_dependant[v + 1]; i++) {
		fl_node_id of = l->dependants[i].of;
		if (!(l->loss[of] < 1))
			continue;
		if (l->dependants[i].certain && l->loss[v] >= 1)
			touch(l, of, 1); /* nothing to work out; it still has to be passed on */
		if (l->queued[of])
			continue;
		l->queued[of] = true;
		l->next[queued++] = of;
	}
	return queued;
}

static void begin(struct fl_loss *l)
{
	for (uint32_t i = 0; i < l->touched_count; i++) {
		l->loss[l->touched_list[i]] = 0;
		l->touched[l->touched_list[i]] = false;
	}
	l->touched_count = 0;
}

static uint32_t swap_generations(struct fl_loss *l, uint32_t queued)
{
	fl_node_id *done = l->now;
	l->now = l->next;
	l->next = done;
	for (uint32_t i = 0; i < queued; i++)
		l->queued[l->now[i]] = false;
	return queued;
}

const double *fl_loss_run(struct fl_loss *l, const fl_node_id *failed, size_t count)
{
	uint32_t queued = 0;
	begin(l);
	for (size_t i = 0; i < count; i++)
		touch(l, failed[i], 1); /* never queued, so never worked out again */
	for (size_t i = 0; i < count; i++)
		queued = queue_dependants(l, failed[i], queued);
	for (unsigned round = 0; round < ROUNDS_MAX && queued > 0; round++) {
		uint32_t now = swap_generations(l, queued);
		queued = 0;
		for (uint32_t i = 0; i < now; i++) {
			fl_node_id v = l->now[i];
			double loss = l->loss[v] < 1 ? node_loss(l, v) : 1;
			if (l->loss[v] < 1 && !(loss - l->loss[v] > STILL))
				continue;
			touch(l, v, loss);
			queued = queue_dependants(l, v, queued);
		}
	}
	for (uint32_t i = 0; i < queued; i++)
		l->queued[l->next[i]] = false; /* the limit cut it off: the next run starts clean */
	return l->loss;
}

double fl_loss_overall(const struct fl_graph *g, const double *loss, const fl_node_id *failed, size_t count)
{
	uint32_t entries, order = fl_graph_order(g);
	const struct fl_entry_point *list = fl_graph_entry_points(g, &entries);
	double sum = 0;
	for (uint32_t i = 0; i < entries; i++)
		sum += list[i].weight * loss[list[i].node];
	if (entries > 0)
		return fmin(sum, 1);
	for (fl_node_id v = 0; v < order; v++)
		sum += loss[v];
	for (size_t i = 0; i < count; i++)
		sum -= loss[failed[i]];
	return order > count ? fmin(1, fmax(0, sum / (double)(order - count))) : 0;
}

void fl_expected_loss(const struct fl_graph *g, const fl_node_id *failed, size_t count, double *loss)
{
	struct fl_loss *l = fl_loss_new(g);
	const double *found = fl_loss_run(l, failed, count);
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		loss[v] = found[v];
	fl_loss_free(l);
}
