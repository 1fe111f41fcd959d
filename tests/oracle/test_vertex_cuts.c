/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_vertex_cuts.c - cut sets by flows against cut sets by diagrams, on random networks
 *
 * Two methods that share nothing but the fault tree must list the same sets, each once, the flows in order
 * of size. The seed of a network that fails is printed.
 */
#include "../unit/unit.h"

#include "analyze/vertex_cut.h"
#include "faultline/cutset.h"
#include "naive.h"

enum { NETWORKS = 3000, DEVICES = 14, CUTS_MAX = 20000 };

/* Devices in layers; a way up needs its device and one way through devices before it, roots only the device.
 */
static struct fl_graph *random_network(uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 7;
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint32_t devices = 2 + naive_below(&state, DEVICES - 1), roots = 1 + naive_below(&state, devices);
	uint32_t device[DEVICES], way[DEVICES], below[DEVICES], tops[DEVICES];
	char id[16];
	for (uint32_t i = 0; i < devices; i++) {
		snprintf(id, sizeof(id), "d%02u", i);
		device[i] = fl_graph_builder_node(b, id, "device");
		snprintf(id, sizeof(id), "up%02u", i);
		way[i] = fl_graph_builder_node(b, id, "path");
		fl_graph_builder_group(b, way[i], 1, &device[i], 1, 1, FL_REDUNDANCY_ASSUMED, NULL);
		if (i < roots)
			continue;
		uint32_t count = 1 + naive_below(&state, 3);
		for (uint32_t m = 0; m < count; m++)
			below[m] = way[naive_below(&state, i)];
		fl_graph_builder_group(b, way[i], 1, below, count, 1, FL_REDUNDANCY_ASSUMED, NULL);
	}
	uint32_t top = fl_graph_builder_node(b, "top", "service"), count = 1 + naive_below(&state, 4);
	for (uint32_t m = 0; m < count; m++)
		tops[m] = way[devices - 1 - naive_below(&state, devices > 5 ? 5 : devices)];
	fl_graph_builder_group(b, top, 1, tops, count, 1, FL_REDUNDANCY_ASSUMED, NULL);
	return fl_graph_freeze(&b);
}

struct found {
	const struct fl_cutsets *truth;
	bool seen[CUTS_MAX];
	size_t count;
	uint32_t last;
	uint64_t seed;
};

static bool check_cut(void *context, const fl_node_id *members, uint32_t count)
{
	struct found *f = context;
	const struct fl_cutsets *c = f->truth;
	size_t match = c->set_count;
	for (size_t i = 0; i < c->set_count; i++) {
		uint32_t same = 0;
		for (uint32_t m = 0; m < count && c->sets[i].order == count; m++)
			for (uint32_t k = 0; k < count; k++)
				same += members[m] == c->sets[i].members[k];
		if (same == count && c->sets[i].order == count)
			match = i;
	}
	if (match == c->set_count || f->seen[match] || count < f->last)
		fail_msg("seed %llu: cut %zu is wrong, known or out of order", (unsigned long long)f->seed,
			f->count);
	f->seen[match] = true;
	f->last = count;
	f->count++;
	return true;
}

static void flows_and_diagrams_agree(void **state)
{
	uint64_t cuts = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
		struct fl_graph *g = random_network(seed);
		fl_node_id top = fl_graph_find(g, "top");
		struct fl_cutset_options o = { .probability = 0.1 };
		struct found *f = fl_alloc(sizeof(*f));
		struct fl_cutsets *c = fl_cutsets(g, top, &o);
		struct fl_fault_tree *t = fl_fault_tree_new(g, top);
		struct fl_network *n = fl_network_new(t);
		f->truth = c;
		f->seed = seed;
		assert_int_equal(c->probability_kind, FL_PROBABILITY_EXACT);
		assert_true(c->set_count < CUTS_MAX);
		if (n == NULL)
			fail_msg("seed %llu: a network is not seen as one", (unsigned long long)seed);
		assert_true(fl_vertex_cuts(n, UINT64_MAX, UINT64_MAX, check_cut, f));
		if (f->count != c->set_count)
			fail_msg("seed %llu: %zu cuts, not %zu", (unsigned long long)seed, f->count,
				c->set_count);
		cuts += f->count;
		fl_network_free(n);
		fl_fault_tree_free(t);
		fl_cutsets_free(c);
		fl_graph_free(g);
		free(f);
	}
	print_message("%llu cuts agree\n", (unsigned long long)cuts);
	assert_true(cuts > NETWORKS * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_and_diagrams_agree),
	};
	return cmocka_run_group_tests_name("vertex cuts", tests, NULL, NULL);
}
