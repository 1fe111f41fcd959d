/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_shared.c - shared fate, circular dependencies and paths against slow, obvious versions
 *
 * Shared fate: every node is failed in turn, and the members that each group with spares loses are counted. What
 * must be told is what breaks a group through two members or more, and what only shares a place. The findings and
 * what stands behind them, all three lists together, must be exactly that. The seed of a graph that fails is printed.
 */
#include "../unit/unit.h"

#include <math.h>

#include "faultline/cycles.h"
#include "faultline/path.h"
#include "faultline/shared.h"
#include "naive.h"

enum { GRAPHS = 4000, TRIPLES_MAX = NAIVE_GROUPS * NAIVE_NODES };

static void expect(const struct naive_graph *n, bool ok, const char *what)
{
	if (!ok)
		print_error("seed %llu: %s\n", (unsigned long long)n->seed, what);
	assert_true(ok);
}

/* One (group, node, which members fall). */
struct triple {
	uint32_t of, needs, size, node;
	uint32_t members; /* bits of node numbers in the frozen graph */
};

struct triples {
	struct triple list[TRIPLES_MAX];
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct triple));
}

static bool is_place(const struct fl_graph *g, fl_node_id v)
{
	return fl_graph_is_kind(g, v, "host") || fl_graph_is_kind(g, v, "address") ||
	       fl_graph_is_kind(g, v, "provider") || fl_graph_is_kind(g, v, "resolver");
}

static void want(const struct naive_graph *n, const struct fl_graph *g, struct triples *t)
{
	for (uint32_t x = 0; x < n->order; x++) {
		bool failed[NAIVE_NODES] = { false }, lost[NAIVE_NODES], frozen[NAIVE_NODES] = { false };
		failed[x] = true;
		naive_fixed_point(n, failed, lost);
		for (uint32_t v = 0; v < n->order; v++)
			frozen[n->id[v]] = lost[v];
		for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
			const struct fl_group *group = fl_graph_group(g, i);
			uint32_t down = 0, bits = 0;
			for (uint32_t m = 0; m < group->member_count; m++) {
				down += frozen[group->members[m]];
				bits |= frozen[group->members[m]] ? 1u << group->members[m] : 0;
			}
			if (group->needs == 0 || group->needs == group->member_count || down < 2)
				continue;
			if (group->member_count - down < group->needs || is_place(g, n->id[x]))
				t->list[t->count++] = (struct triple){
					group->of, group->needs, group->member_count, n->id[x], bits };
		}
	}
	qsort(t->list, t->count, sizeof(*t->list), compare);
}

static void add(const struct fl_graph *g, struct triples *t, const struct fl_shared_fate *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct fl_shared_fate *f = &list[i];
		struct triple x = { fl_graph_find(g, f->group), f->needs, (uint32_t)f->group_size, f->shares, 0 };
		for (size_t m = 0; m < f->member_count; m++)
			x.members |= 1u << fl_graph_find(g, f->members[m]);
		t->list[t->count++] = x;
		for (size_t k = 0; k < f->also_count; k++) {
			x.node = f->also[k];
			t->list[t->count++] = x;
		}
	}
}

/* What is told to stand behind a node must take that node down. */
static void check_behind(const struct naive_graph *n, const struct fl_shared_fate *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < list[i].also_count; k++) {
			bool failed[NAIVE_NODES] = { false }, lost[NAIVE_NODES], taken = false;
			for (uint32_t v = 0; v < n->order; v++)
				failed[v] = n->id[v] == list[i].also[k];
			naive_fixed_point(n, failed, lost);
			for (uint32_t v = 0; v < n->order; v++)
				taken = taken || (lost[v] && n->id[v] == list[i].shares);
			expect(n, taken, "what stands behind a node does not take it down");
		}
}

static void check_losses(const struct naive_graph *n, const struct fl_shared *r)
{
	for (size_t i = 0; i < r->count; i++) {
		bool failed[NAIVE_NODES] = { false };
		double loss[NAIVE_NODES], all = 0;
		for (uint32_t v = 0; v < n->order; v++)
			failed[v] = n->id[v] == r->list[i].shares;
		/* A cycle may creep towards its limit; the library says after how many rounds it stops. */
		double below = naive_loss(n, failed, loss) < 900 ? 1e-5 : 1;
		for (uint32_t v = 0; v < n->order; v++)
			all += n->weight[v] * loss[v];
		expect(n, n->entry_count == 0 || fabs(all - r->list[i].expected_loss) < below, "expected loss");
		expect(n, isnan(r->list[i].loss_after) || r->list[i].loss_after <= r->list[i].expected_loss + 1e-9,
			"a separation makes it worse");
	}
}

static void shared(void **state)
{
	static struct triples wanted, found;
	(void)state;
	for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
		struct naive_graph n;
		naive_random(&n, seed);
		struct fl_system s = { .graph = naive_freeze(&n) };
		struct fl_shared *r = fl_shared(&s);
		wanted.count = found.count = 0;
		want(&n, s.graph, &wanted);
		add(s.graph, &found, r->list, r->count);
		add(s.graph, &found, r->common, r->common_count);
		add(s.graph, &found, r->inherent, r->inherent_count);
		qsort(found.list, found.count, sizeof(*found.list), compare);
		expect(&n, wanted.count == found.count, "number of shared fates");
		expect(&n, memcmp(wanted.list, found.list, wanted.count * sizeof(*wanted.list)) == 0, "shared fates");
		check_behind(&n, r->list, r->count);
		check_behind(&n, r->common, r->common_count);
		check_losses(&n, r);
		fl_shared_free(r);
		fl_graph_free(s.graph);
	}
}

/* ---- cycles ---- */

/* reach[a][b]: a requires b, over one link or more. */
static void close_over(const struct naive_graph *n, bool reach[NAIVE_NODES][NAIVE_NODES])
{
	memset(reach, 0, sizeof(bool[NAIVE_NODES][NAIVE_NODES]));
	for (uint32_t i = 0; i < n->group_count; i++)
		for (uint32_t m = 0; m < n->groups[i].count && n->groups[i].needs > 0; m++)
			reach[n->groups[i].of][n->groups[i].members[m]] = true;
	for (uint32_t k = 0; k < n->order; k++)
		for (uint32_t a = 0; a < n->order; a++)
			for (uint32_t b = 0; b < n->order; b++)
				reach[a][b] = reach[a][b] || (reach[a][k] && reach[k][b]);
}

/* Does everything in the component of @v come up, with all else up? Tries until nothing changes. */
static bool stuck(const struct naive_graph *n, bool reach[NAIVE_NODES][NAIVE_NODES], uint32_t v)
{
	bool up[NAIVE_NODES], changed = true, all = true;
	for (uint32_t w = 0; w < n->order; w++)
		up[w] = !(reach[v][w] && reach[w][v]);
	while (changed) {
		changed = false;
		for (uint32_t w = 0; w < n->order; w++) {
			bool can = !up[w];
			for (uint32_t i = 0; i < n->group_count; i++) {
				uint32_t have = 0;
				for (uint32_t m = 0; m < n->groups[i].count; m++)
					have += up[n->groups[i].members[m]];
				can = can && (n->groups[i].of != w || have >= n->groups[i].needs);
			}
			changed = changed || can;
			up[w] = up[w] || can;
		}
	}
	for (uint32_t w = 0; w < n->order; w++)
		all = all && up[w];
	return !all;
}

static const struct fl_cycle *cycle_of(const struct fl_cycles *c, fl_node_id v)
{
	for (size_t i = 0; i < c->count; i++)
		for (size_t k = 0; k < c->list[i].node_count; k++)
			if (c->list[i].nodes[k] == v)
				return &c->list[i];
	return NULL;
}

static void cycles(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
		static bool reach[NAIVE_NODES][NAIVE_NODES];
		struct naive_graph n;
		naive_random(&n, seed);
		struct fl_graph *g = naive_freeze(&n);
		struct fl_cycles *c = fl_cycles(g);
		close_over(&n, reach);
		for (uint32_t v = 0; v < n.order; v++) {
			const struct fl_cycle *own = cycle_of(c, n.id[v]);
			expect(&n, (own != NULL) == reach[v][v], "on a cycle");
			if (own == NULL)
				continue;
			for (uint32_t w = 0; w < n.order; w++)
				expect(&n, (cycle_of(c, n.id[w]) == own) == (reach[v][w] && reach[w][v]), "one component");
			expect(&n, own->deadlock == stuck(&n, reach, v), "deadlock");
		}
		fl_cycles_free(c);
		fl_graph_free(g);
	}
}

/* ---- paths ---- */

static void paths(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= GRAPHS / 4; seed++) {
		static double strong[NAIVE_NODES][NAIVE_NODES], far[NAIVE_NODES][NAIVE_NODES];
		struct naive_graph n;
		naive_random(&n, seed);
		struct fl_system s = { .graph = naive_freeze(&n) };
		for (uint32_t a = 0; a < n.order; a++)
			for (uint32_t b = 0; b < n.order; b++) {
				strong[a][b] = a == b;
				far[a][b] = a == b ? 0 : HUGE_VAL;
			}
		for (uint32_t i = 0; i < n.group_count; i++)
			for (uint32_t m = 0; m < n.groups[i].count && n.groups[i].needs > 0; m++) {
				uint32_t a = n.groups[i].of, b = n.groups[i].members[m];
				strong[a][b] = fmax(strong[a][b], n.groups[i].coupling);
				far[a][b] = fmin(far[a][b], 1);
			}
		for (uint32_t k = 0; k < n.order; k++)
			for (uint32_t a = 0; a < n.order; a++)
				for (uint32_t b = 0; b < n.order; b++) {
					strong[a][b] = fmax(strong[a][b], strong[a][k] * strong[k][b]);
					far[a][b] = fmin(far[a][b], far[a][k] + far[k][b]);
				}
		for (uint32_t a = 0; a < n.order; a++)
			for (uint32_t b = 0; b < n.order; b++) {
				struct fl_paths *p = fl_paths(&s, n.id[a], n.id[b]);
				if (far[a][b] < HUGE_VAL && strong[a][b] > 0) {
					expect(&n, p->found && !p->strongest.background, "a way that is waited for");
					expect(&n, fabs(p->strongest.coupling - strong[a][b]) < 1e-9, "strength");
					expect(&n, (double)p->shortest.count <= far[a][b], "length");
				}
				fl_paths_free(p);
			}
		fl_graph_free(s.graph);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "shared fates are all the nodes that take two members down", shared, NULL, NULL, NULL },
		{ "cycles are the nodes that require themselves, deadlocks those that cannot start", cycles, NULL, NULL, NULL },
		{ "no way is stronger or shorter than the one told", paths, NULL, NULL, NULL },
	};
	return cmocka_run_group_tests_name("shared fate, cycles, paths", tests, NULL, NULL);
}
