/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * naive.c - random failure graphs, and slow, obvious answers about them
 */
#include "naive.h"

#include <math.h>
#include <string.h>

static uint64_t next_random(uint64_t *state) /* xorshift64*, seeded by hand */
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

uint32_t naive_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((next_random(state) >> 33) % bound);
}

static void random_group(struct naive_graph *n, struct naive_group *group, uint64_t *state)
{
	uint32_t wanted = naive_below(state, 3) > 0 ? 1 : 1 + naive_below(state, NAIVE_MEMBERS);
	*group = (struct naive_group){ .of = naive_below(state, n->order), .coupling = 1 };
	for (uint32_t i = 0; i < wanted; i++) {
		uint32_t member = naive_below(state, n->order);
		bool known = false;
		for (uint32_t m = 0; m < group->count; m++)
			known = known || group->members[m] == member;
		if (!known)
			group->members[group->count++] = member;
	}
	group->needs = naive_below(state, 8) == 0 ? 0 : 1 + naive_below(state, group->count);
	if (naive_below(state, 2) == 0)
		group->coupling = naive_below(state, 101) / 100.0;
}

void naive_random(struct naive_graph *n, uint64_t seed)
{
	static const char *const kinds[] = { "service", "endpoint", "host", "address", "provider",
		"resolver" };
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	double total = 0;
	memset(n, 0, sizeof(*n));
	n->seed = seed;
	n->order = 1 + naive_below(&state, NAIVE_NODES);
	n->group_count = naive_below(&state, NAIVE_GROUPS < 2 * n->order ? NAIVE_GROUPS : 2 * n->order);
	for (uint32_t i = 0; i < n->group_count; i++)
		random_group(n, &n->groups[i], &state);
	for (uint32_t v = 0; v < n->order; v++)
		n->kind[v] = kinds[naive_below(&state, 2) == 0 ? 0 : naive_below(&state, 6)];
	uint32_t entries = naive_below(&state, 4);
	for (uint32_t i = 0; i < entries; i++) {
		uint32_t v = naive_below(&state, n->order);
		n->entry_count += !n->entry[v];
		n->entry[v] = true;
		n->weight[v] = 1 + naive_below(&state, 9);
	}
	for (uint32_t v = 0; v < n->order; v++)
		total += n->weight[v];
	for (uint32_t v = 0; v < n->order && total > 0; v++)
		n->weight[v] /= total;
}

struct fl_graph *naive_freeze(struct naive_graph *n)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	char id[16];
	for (uint32_t v = 0; v < n->order; v++) {
		snprintf(id, sizeof(id), "n%u", v); /* n10 sorts before n2: ids are not handles */
		fl_graph_builder_node(b, id, n->kind[v]);
	}
	for (uint32_t i = 0; i < n->group_count; i++) {
		const struct naive_group *group = &n->groups[i];
		fl_graph_builder_group(b, group->of, group->needs, group->members, group->count,
			group->coupling, FL_REDUNDANCY_ASSUMED, NULL);
	}
	for (uint32_t v = 0; v < n->order; v++)
		if (n->entry[v])
			fl_graph_builder_entry_point(b, v, n->weight[v] * 1000);
	struct fl_graph *g = fl_graph_freeze(&b);
	for (uint32_t v = 0; v < n->order; v++) {
		snprintf(id, sizeof(id), "n%u", v);
		n->id[v] = fl_graph_find(g, id);
	}
	return g;
}

void naive_fixed_point(const struct naive_graph *n, const bool *failed, bool *lost)
{
	bool changed = true;
	memcpy(lost, failed, n->order * sizeof(*lost));
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < n->group_count; i++) {
			const struct naive_group *group = &n->groups[i];
			uint32_t up = 0;
			for (uint32_t m = 0; m < group->count; m++)
				up += !lost[group->members[m]];
			if (up < group->needs && !lost[group->of]) {
				lost[group->of] = true;
				changed = true;
			}
		}
	}
}

static double group_loss(const struct naive_group *group, const double *loss)
{
	double sum = 0;
	if (group->needs == 0)
		return 0;
	if (group->needs == group->count) {
		for (uint32_t m = 0; m < group->count; m++)
			sum += loss[group->members[m]];
		return sum / group->count;
	}
	/* The least x such that at least `needs` members lose no more than x. */
	double found = 1;
	for (uint32_t m = 0; m < group->count; m++) {
		uint32_t no_worse = 0;
		for (uint32_t k = 0; k < group->count; k++)
			no_worse += loss[group->members[k]] <= loss[group->members[m]];
		if (no_worse >= group->needs)
			found = fmin(found, loss[group->members[m]]);
	}
	return found;
}

unsigned naive_loss(const struct naive_graph *n, const bool *failed, double *loss)
{
	double before[NAIVE_NODES], moved = 1;
	unsigned round = 0;
	for (uint32_t v = 0; v < n->order; v++)
		loss[v] = failed[v];
	for (; round < 20000 && moved > 1e-13; round++) {
		moved = 0;
		memcpy(before, loss, sizeof(before));
		for (uint32_t v = 0; v < n->order; v++) {
			double kept = 1;
			for (uint32_t i = 0; i < n->group_count; i++)
				if (n->groups[i].of == v)
					kept *= 1 - n->groups[i].coupling * group_loss(&n->groups[i], before);
			loss[v] = failed[v] ? 1 : 1 - kept;
			moved = fmax(moved, loss[v] - before[v]);
		}
	}
	return round;
}
