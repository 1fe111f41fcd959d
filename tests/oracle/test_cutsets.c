/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cutsets.c - minimal cut sets, probability and importance against trying every subset
 *
 * Random graphs with cycles, groups of k of n and background uses, with at most EVENTS nodes without
 * requirements: every subset of those fails once, the fixed point is found by repetition. The
 * seed of a graph that fails is printed. The same for what is left where no BDD fits: sets up to an order.
 */
#include "../unit/unit.h"

#include <math.h>

#include "analyze/cutset_internal.h"
#include "faultline/cutset.h"
#include "naive.h"

enum { GRAPHS = 6000, EVENTS = 9, SUBSETS = 1 << EVENTS };

struct truth {
	uint32_t top, events, event[NAIVE_NODES];
	double p[NAIVE_NODES]; /* by event */
	bool fails[SUBSETS];
	bool minimal[SUBSETS];
	uint32_t by_order[EVENTS + 1], sets;
};

static void expect(const struct naive_graph *n, bool ok, const char *what)
{
	if (!ok)
		print_error("seed %llu: %s\n", (unsigned long long)n->seed, what);
	assert_true(ok);
}

/* Events below the top: reached over groups that can break. */
static void find_events(const struct naive_graph *n, struct truth *t)
{
	bool reached[NAIVE_NODES] = { false }, changed = true;
	reached[t->top] = true;
	while (changed) {
		changed = false;
		for (uint32_t i = 0; i < n->group_count; i++)
			for (uint32_t m = 0;
				reached[n->groups[i].of] && n->groups[i].needs > 0 && m < n->groups[i].count;
				m++) {
				changed = changed || !reached[n->groups[i].members[m]];
				reached[n->groups[i].members[m]] = true;
			}
	}
	t->events = 0;
	for (uint32_t v = 0; v < n->order; v++) {
		bool basic = reached[v];
		for (uint32_t i = 0; i < n->group_count; i++)
			basic = basic && !(n->groups[i].of == v && n->groups[i].needs > 0);
		if (basic)
			t->event[t->events++] = v;
	}
}

static void try_subsets(const struct naive_graph *n, struct truth *t)
{
	t->sets = 0;
	memset(t->by_order, 0, sizeof(t->by_order));
	for (uint32_t set = 0; set < 1u << t->events; set++) {
		bool failed[NAIVE_NODES] = { false }, lost[NAIVE_NODES];
		for (uint32_t i = 0; i < t->events; i++)
			failed[t->event[i]] = set >> i & 1;
		naive_fixed_point(n, failed, lost);
		t->fails[set] = lost[t->top];
		t->minimal[set] = t->fails[set];
		for (uint32_t i = 0; i < t->events; i++)
			if (set >> i & 1 && t->fails[set & ~(1u << i)])
				t->minimal[set] = false;
		t->sets += t->minimal[set];
		if (t->minimal[set])
			t->by_order[__builtin_popcount(set)]++;
	}
}

/* P(top), with event @fixed (if any) failed or up. */
static double probability(const struct truth *t, uint32_t fixed, bool down)
{
	double sum = 0;
	for (uint32_t set = 0; set < 1u << t->events; set++) {
		double product = t->fails[set];
		for (uint32_t i = 0; i < t->events; i++) {
			double p = i == fixed ? (double)down : t->p[i];
			product *= set >> i & 1 ? p : 1 - p;
		}
		sum += product;
	}
	return sum;
}

static struct fl_graph *freeze_with(const struct naive_graph *n, const struct truth *t)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	char id[16];
	for (uint32_t v = 0; v < n->order; v++) {
		snprintf(id, sizeof(id), "n%02u", v); /* ids in the order of numbers */
		fl_graph_builder_node(b, id, n->kind[v]);
	}
	for (uint32_t i = 0; i < t->events; i++)
		fl_graph_builder_probability(b, t->event[i], t->p[i]);
	for (uint32_t i = 0; i < n->group_count; i++) {
		const struct naive_group *group = &n->groups[i];
		fl_graph_builder_group(b, group->of, group->needs, group->members, group->count, 1,
			FL_REDUNDANCY_ASSUMED, NULL);
	}
	return fl_graph_freeze(&b);
}

static uint32_t as_subset(const struct truth *t, const struct fl_cut_set *set)
{
	uint32_t subset = 0;
	for (uint32_t m = 0; m < set->order; m++)
		for (uint32_t i = 0; i < t->events; i++)
			if (t->event[i] == set->members[m])
				subset |= 1u << i;
	return subset;
}

static bool close_to(double a, double b)
{
	return fabs(a - b) <= 1e-11 + 1e-9 * fabs(b);
}

static void check_sets(const struct naive_graph *n, const struct truth *t, const struct fl_cutsets *c,
	uint32_t order, uint32_t smallest)
{
	bool seen[SUBSETS] = { false };
	uint32_t wanted = 0;
	for (uint32_t k = 1; k <= EVENTS; k++) {
		fl_count have = k <= c->largest_order ? c->by_order[k] : 0;
		expect(n, have == (order == 0 || k <= order ? t->by_order[k] : 0), "sets by order");
		wanted += (uint32_t)have;
	}
	expect(n, c->total == wanted, "total");
	expect(n, c->set_count == (smallest > 0 && smallest < wanted ? smallest : wanted), "sets listed");
	for (size_t i = 0; i < c->set_count; i++) {
		const struct fl_cut_set *set = &c->sets[i];
		uint32_t subset = as_subset(t, set);
		expect(n, set->order == (uint32_t)__builtin_popcount(subset), "members");
		expect(n, t->minimal[subset] && !seen[subset], "a minimal cut set, once");
		seen[subset] = true;
		expect(n, i == 0 || set[-1].order <= set->order, "order of sets");
		for (uint32_t m = 0; i > 0 && set[-1].order == set->order && m < set->order; m++) {
			if (set[-1].members[m] == set->members[m])
				continue;
			expect(n, set[-1].members[m] < set->members[m], "order inside an order");
			break;
		}
	}
}

static void check_measures(const struct naive_graph *n, const struct truth *t, const struct fl_cutsets *c)
{
	double p = probability(t, EVENTS, false);
	expect(n, c->probability_kind == FL_PROBABILITY_EXACT && close_to(c->probability, p), "probability");
	expect(n, c->limit_count > 0 || c->rare_event >= p - 1e-9, "rare event sum is a bound");
	for (size_t k = 0; k < c->importance_count; k++) {
		const struct fl_importance *x = &c->importance[k];
		uint32_t i = 0;
		while (i < t->events && t->event[i] != x->node)
			i++;
		expect(n, i < t->events, "importance of an event");
		double down = probability(t, i, true), up = probability(t, i, false);
		expect(n, close_to(x->birnbaum, down - up), "Birnbaum");
		if (p < 1e-9)
			continue;
		expect(n, fabs(x->fussell_vesely - (1 - up / p)) < 1e-6, "Fussell-Vesely");
		expect(n, fabs(x->raw - down / p) < 1e-6 * (1 + down / p), "RAW");
	}
	for (uint32_t i = 0; i < t->events; i++) {
		bool listed = false;
		for (size_t k = 0; k < c->importance_count; k++)
			listed = listed || c->importance[k].node == t->event[i];
		expect(n, listed || close_to(probability(t, i, true), probability(t, i, false)),
			"an event that matters is listed");
	}
}

/* Few events, many nodes over them that share a lot; every other graph has requirements in circles. */
static void random_dense(struct naive_graph *n, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 3;
	uint32_t events = EVENTS - naive_below(&state, 4), inner = 2 + naive_below(&state, 6);
	memset(n, 0, sizeof(*n));
	n->seed = seed;
	n->order = events + inner;
	for (uint32_t v = 0; v < n->order; v++)
		n->kind[v] = "service";
	for (uint32_t v = events; v < n->order; v++)
		for (uint32_t left = 1 + naive_below(&state, 3) / 2;
			left > 0 && n->group_count < NAIVE_GROUPS; left--) {
			struct naive_group *group = &n->groups[n->group_count++];
			*group = (struct naive_group){ .of = v, .coupling = 1 };
			for (uint32_t m = naive_below(&state, 9) == 0 ? 1 : 2 + naive_below(&state, 4); m > 0;
				m--) {
				bool upwards = seed % 2 == 1 && naive_below(&state, 8) == 0;
				uint32_t below = naive_below(&state, 2) == 0 ? events : v;
				uint32_t member = naive_below(&state, upwards ? n->order : below);
				bool known = false;
				for (uint32_t k = 0; k < group->count; k++)
					known = known || group->members[k] == member;
				if (!known)
					group->members[group->count++] = member;
			}
			group->needs = 1 + naive_below(&state, group->count);
		}
}

static void cut_sets_agree(void **state)
{
	struct naive_graph n;
	struct truth t;
	uint32_t checked = 0, several = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
		uint64_t choice = seed + 77;
		if (seed % 4 == 0)
			naive_random(&n, seed);
		else
			random_dense(&n, seed);
		t.top = seed % 4 == 0 ? naive_below(&choice, n.order) : n.order - 1;
		find_events(&n, &t);
		if (t.events > EVENTS)
			continue;
		for (uint32_t i = 0; i < t.events; i++)
			t.p[i] = (1 + naive_below(&choice, 999)) / 1000.0;
		try_subsets(&n, &t);
		struct fl_graph *g = freeze_with(&n, &t);
		struct fl_cutset_options o = { .probability = NAN,
			.order = seed % 3 == 0 ? 1 + naive_below(&choice, 4) : 0,
			.smallest = seed % 5 == 0 ? 1 + naive_below(&choice, 6) : 0 };
		struct fl_cutsets *c = fl_cutsets(g, t.top, &o);
		check_sets(&n, &t, c, o.order, (uint32_t)o.smallest);
		check_measures(&n, &t, c);
		fl_cutsets_free(c);
		fl_graph_free(g);
		checked++;
		several += t.sets > 2;
	}
	print_message("%u graphs, %u with more than two cut sets\n", checked, several);
	assert_true(checked > GRAPHS / 2 && several > GRAPHS / 3);
}

/* ---- without BDDs, and cut off by order ---- */

struct cut_off {
	struct fl_fault_tree *tree;
	struct fl_scopes *scopes;
	struct fl_dd_store store;
	struct fl_evaluation evaluation;
};

static void cut_off_init(struct cut_off *c, const struct fl_graph *g, uint32_t top, uint32_t zbdd_nodes)
{
	struct fl_effort effort = { .bdd_nodes = 0,
		.zbdd_nodes = zbdd_nodes,
		.zbdd_steps = UINT64_MAX / 2,
		.order = FL_DD_NO_ORDER };
	c->tree = fl_fault_tree_new(g, top);
	if (c->tree->gate_count == 0)
		return;
	fl_dd_init(&c->store, UINT32_MAX - 2);
	c->scopes = fl_scopes_new(c->tree);
	fl_scopes_evaluate(c->scopes, &c->store, &effort, &c->evaluation);
}

static void cut_off_fini(struct cut_off *c)
{
	if (c->tree->gate_count > 0) {
		fl_scopes_free(c->scopes);
		fl_dd_fini(&c->store);
	}
	fl_fault_tree_free(c->tree);
}

/* All sets up to the order that is said to be complete, each once and minimal. */
static void check_cut_off(const struct naive_graph *n, const struct truth *t, const struct cut_off *c)
{
	uint32_t complete = c->evaluation.complete < EVENTS ? c->evaluation.complete : EVENTS;
	struct fl_counts counts;
	struct fl_cutsets out = { .arena = fl_arena_new() };
	bool seen[SUBSETS] = { false };
	fl_counts_init(&counts, c->scopes, &c->store, complete, SIZE_MAX);
	for (uint32_t order = 1; order <= complete; order++) {
		size_t first = out.set_count;
		fl_cutset_list(&out, &counts, c->scopes, &c->store, order, SUBSETS);
		expect(n, out.set_count - first == t->by_order[order], "sets of a complete order");
	}
	for (size_t i = 0; i < out.set_count; i++) {
		uint32_t subset = as_subset(t, &out.sets[i]);
		expect(n, t->minimal[subset] && !seen[subset], "a minimal cut set, once");
		seen[subset] = true;
	}
	fl_counts_fini(&counts);
	fl_arena_free(out.arena);
}

static void cut_sets_up_to_an_order_agree(void **state)
{
	struct naive_graph n;
	struct truth t;
	uint32_t cut = 0, whole = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
		random_dense(&n, seed);
		t.top = n.order - 1;
		find_events(&n, &t);
		for (uint32_t i = 0; i < t.events; i++)
			t.p[i] = 0.5;
		try_subsets(&n, &t);
		struct fl_graph *g = freeze_with(&n, &t);
		struct cut_off c = { 0 };
		cut_off_init(&c, g, t.top, (uint32_t)(4 + seed % 16));
		if (c.tree->gate_count > 0) {
			check_cut_off(&n, &t, &c);
			cut += c.evaluation.complete < EVENTS;
			whole += c.evaluation.complete >= EVENTS;
		}
		cut_off_fini(&c);
		fl_graph_free(g);
	}
	print_message("%u graphs cut off, %u whole\n", cut, whole);
	assert_true(cut > GRAPHS / 10 && whole > GRAPHS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_sets_agree),
		cmocka_unit_test(cut_sets_up_to_an_order_agree),
	};
	return cmocka_run_group_tests_name("cut sets", tests, NULL, NULL);
}
