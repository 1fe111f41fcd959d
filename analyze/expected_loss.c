/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * expected_loss.c - the share of its work each node loses when others are down
 *
 * The fixed point of blast.c says whether a node fails; this says how much of what it does
 * fails: a catalogue that is asked in 70 % of the requests takes 70 % of them down.
 *
 *   node    1 - prod over groups (1 - coupling * loss(group))
 *   group   one member: its loss
 *           needs < members: the probability that fewer than `needs` members serve, each being
 *           down with the probability of its loss, independently (Poisson binomial; for
 *           needs = 1 that is the product)
 *           needs = members: the mean, the work being spread over them
 *           needs = 0: 0
 *
 * Every formula is monotone in its inputs and bounded by 1, so iterating from 0
 * climbs to the least solution also where nodes require each other in a cycle.
 * Instead of rounds over the whole graph a list of nodes is kept whose inputs moved; a graph
 * with couplings of 1 and no spare members then costs one visit a node and edge. A
 * generation of that list is a round in the sense of the limit.
 *
 * Poisson binomial: members with loss 0 or 1 are only counted, the others go through the
 * textbook recursion over the number that serve (or that are down, whichever is the
 * shorter table). Past EXACT_MAX uncertain members of one group the normal
 * approximation with continuity correction is used; its error there is below 1e-2.
 */
#include "loss.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "faultline/blast.h"

enum { ROUNDS_MAX = 1000, EXACT_MAX = 4096 };
#define STILL 1e-9 /* a smaller step is none */

struct fl_loss {
	const struct fl_graph *g;
	double *loss;
	bool *pinned;          /* failed from the start */
	bool *queued;
	bool *touched;
	fl_node_id *touched_list;
	uint32_t touched_count;
	fl_node_id *now, *next; /* this generation and the following */
	double *table;         /* scratch of the recursion */
};

struct fl_loss *fl_loss_new(const struct fl_graph *g)
{
	struct fl_loss *l = fl_alloc(sizeof(*l));
	uint32_t order = fl_graph_order(g);
	l->g = g;
	l->loss = fl_alloc_array(order, sizeof(*l->loss));
	l->pinned = fl_alloc_array(order, sizeof(*l->pinned));
	l->queued = fl_alloc_array(order, sizeof(*l->queued));
	l->touched = fl_alloc_array(order, sizeof(*l->touched));
	l->touched_list = fl_alloc_array(order, sizeof(*l->touched_list));
	l->now = fl_alloc_array(order, sizeof(*l->now));
	l->next = fl_alloc_array(order, sizeof(*l->next));
	l->table = fl_alloc_array(EXACT_MAX + 1, sizeof(*l->table));
	return l;
}

void fl_loss_free(struct fl_loss *l)
{
	if (l == NULL)
		return;
	free(l->loss);
	free(l->pinned);
	free(l->queued);
	free(l->touched);
	free(l->touched_list);
	free(l->now);
	free(l->next);
	free(l->table);
	free(l);
}

/* ---- a group ---- */

static bool is_uncertain(double loss)
{
	return loss > 0 && loss < 1;
}

/* Probability that at most @limit of the uncertain members are in a state (up or down, as
 * @count_up says); exact. */
static double at_most(const struct fl_loss *l, const struct fl_group *group, uint32_t limit, bool count_up)
{
	double sum = 0;
	l->table[0] = 1;
	for (uint32_t j = 1; j <= limit; j++)
		l->table[j] = 0;
	for (uint32_t i = 0; i < group->member_count; i++) {
		double loss = l->loss[group->members[i]];
		if (!is_uncertain(loss))
			continue;
		double p = count_up ? 1 - loss : loss;
		for (uint32_t j = limit; j > 0; j--)
			l->table[j] = l->table[j] * (1 - p) + l->table[j - 1] * p;
		l->table[0] *= 1 - p;
	}
	for (uint32_t j = 0; j <= limit; j++)
		sum += l->table[j];
	return sum;
}

static double fewer_than_by_normal(const struct fl_loss *l, const struct fl_group *group, uint32_t needed)
{
	double mean = 0, variance = 0;
	for (uint32_t i = 0; i < group->member_count; i++) {
		double loss = l->loss[group->members[i]];
		if (!is_uncertain(loss))
			continue;
		mean += 1 - loss;
		variance += loss * (1 - loss);
	}
	return 0.5 * erfc((mean + 0.5 - needed) / sqrt(2 * variance));
}

/* Probability that fewer than needs members serve. */
static double spare_group_loss(const struct fl_loss *l, const struct fl_group *group)
{
	uint32_t up = 0, uncertain = 0;
	for (uint32_t i = 0; i < group->member_count; i++) {
		double loss = l->loss[group->members[i]];
		up += !(loss > 0);
		uncertain += is_uncertain(loss);
	}
	if (up >= group->needs)
		return 0;
	uint32_t needed = group->needs - up;
	if (needed > uncertain)
		return 1;
	if (uncertain > EXACT_MAX)
		return fewer_than_by_normal(l, group, needed);
	if (needed <= uncertain - needed + 1)
		return at_most(l, group, needed - 1, true);
	return 1 - at_most(l, group, uncertain - needed, false);
}

static double group_loss(const struct fl_loss *l, const struct fl_group *group)
{
	double sum = 0;
	if (group->needs == 0)
		return 0;
	if (group->needs < group->member_count)
		return spare_group_loss(l, group);
	for (uint32_t i = 0; i < group->member_count; i++)
		sum += l->loss[group->members[i]];
	return sum / group->member_count;
}

static double node_loss(const struct fl_loss *l, fl_node_id v)
{
	double kept = 1;
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(l->g, v, &count);
	for (uint32_t i = 0; i < count && kept > 0; i++) {
		const struct fl_group *group = fl_graph_group(l->g, first + i);
		kept *= 1 - group->coupling * group_loss(l, group);
	}
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
	uint32_t count;
	const fl_group_id *in = fl_graph_memberships(l->g, v, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(l->g, in[i]);
		if (group->needs == 0 || l->queued[group->of] || !(l->loss[group->of] < 1))
			continue;
		l->queued[group->of] = true;
		l->next[queued++] = group->of;
	}
	return queued;
}

static void begin(struct fl_loss *l)
{
	for (uint32_t i = 0; i < l->touched_count; i++) {
		l->loss[l->touched_list[i]] = 0;
		l->pinned[l->touched_list[i]] = false;
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
	for (size_t i = 0; i < count; i++) {
		touch(l, failed[i], 1);
		l->pinned[failed[i]] = true;
	}
	for (size_t i = 0; i < count; i++)
		queued = queue_dependants(l, failed[i], queued);
	for (unsigned round = 0; round < ROUNDS_MAX && queued > 0; round++) {
		uint32_t now = swap_generations(l, queued);
		queued = 0;
		for (uint32_t i = 0; i < now; i++) {
			fl_node_id v = l->now[i];
			double loss = l->pinned[v] ? 1 : node_loss(l, v);
			if (!(loss - l->loss[v] > STILL))
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
