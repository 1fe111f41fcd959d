/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cutset.c - minimal cut sets: which method, how far, and what was left out
 *
 * The fault tree of the top is made small and cut into modules; diagrams are tried; where they do not fit and
 * only paths matter, vertex cuts are; else cut sets up to an order. No clock decides, only counts of
 * nodes and steps, so that the same question has the same answer on every machine.
 */
#include "faultline/cutset.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cutset_internal.h"
#include "faultline/status.h"
#include "vertex_cut.h"

enum {
	BDD_NODES_MAX = 2 << 20, /* in each order of variables */
	ZBDD_NODES_MAX = 16 << 20,
	PATH_BDD_NODES = 1 << 15,  /* where flows could answer too, diagrams must be small */
	SORTED_ORDER_MAX = 200000, /* an order that is listed in part is sorted before it is cut */
};
#define ZBDD_STEPS_MAX (UINT64_C(200) << 20)
#define FLOW_WORK_MAX (UINT64_C(6) << 30)
#define DEFAULT_MEMORY (UINT64_C(2) << 30)

struct search {
	const struct fl_graph *g;
	const struct fl_cutset_options *o;
	struct fl_fault_tree *tree;
	struct fl_scopes *scopes;
	struct fl_dd_store store;
	struct fl_evaluation evaluation;
	struct fl_cutsets *out;
	double *p; /* by gate */
	uint64_t memory;
	size_t limit_capacity;
};

static void add_limit(struct search *s, const char *text)
{
	struct fl_cutsets *out = s->out;
	if (out->limit_count == s->limit_capacity) {
		size_t capacity = fl_grown(s->limit_capacity, out->limit_count + 1);
		const char **limits = fl_arena_array(out->arena, capacity, sizeof(*limits));
		for (size_t i = 0; i < out->limit_count; i++)
			limits[i] = out->limits[i];
		out->limits = limits;
		s->limit_capacity = capacity;
	}
	out->limits[out->limit_count++] = text;
}

/* ---- probabilities of events ---- */

static double probability_of(const struct search *s, fl_node_id v)
{
	double p = fl_graph_node(s->g, v)->failure_probability;
	return isnan(p) ? s->o->probability : p;
}

static void read_probabilities(struct search *s)
{
	s->p = fl_alloc_array(s->tree->gate_count, sizeof(*s->p));
	for (fl_gate_id x = 0; x < s->tree->gate_count; x++) {
		if (s->tree->gates[x].kind != FL_GATE_BASIC)
			continue;
		s->p[x] = probability_of(s, s->tree->gates[x].node);
		s->out->unknown_probabilities += isnan(s->p[x]) ? 1 : 0;
	}
}

static void fill_set_probabilities(struct search *s)
{
	for (size_t i = 0; i < s->out->set_count; i++) {
		struct fl_cut_set *set = &s->out->sets[i];
		set->probability = 1;
		for (uint32_t m = 0; m < set->order; m++)
			set->probability *= probability_of(s, set->members[m]);
	}
}

/* ---- diagrams ---- */

static uint32_t bounded(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

static void evaluate(struct search *s, uint32_t bdd_nodes, bool exact_only)
{
	uint64_t nodes = s->memory / 2 / FL_DD_NODE_BYTES;
	struct fl_effort effort = {
		.bdd_nodes = bounded(nodes, bdd_nodes),
		.zbdd_nodes = bounded(nodes, ZBDD_NODES_MAX),
		.zbdd_steps = ZBDD_STEPS_MAX,
		.exact_only = exact_only,
		.order = s->o->order == 0 ? FL_DD_NO_ORDER : s->o->order,
	};
	fl_dd_init(&s->store, bounded(nodes, UINT32_MAX - 2));
	s->scopes = fl_scopes_new(s->tree);
	fl_scopes_evaluate(s->scopes, &s->store, &effort, &s->evaluation);
}

static void take_counts(struct search *s, struct fl_counts *c)
{
	struct fl_cutsets *out = s->out;
	const struct fl_order_counts *of = &c->of[s->scopes->list[s->scopes->count - 1].zbdd];
	if (of->terms == 0)
		return;
	out->largest_order = of->least + of->terms - 1;
	out->by_order = fl_arena_array(out->arena, (size_t)out->largest_order + 1, sizeof(*out->by_order));
	for (uint32_t i = 0; i < of->terms; i++) {
		out->by_order[of->least + i] = of->count[i];
		out->total =
			out->total > ~(fl_count)0 - of->count[i] ? ~(fl_count)0 : out->total + of->count[i];
	}
}

/* Lists orders until as many as wanted, or as memory allows, are there. */
static void list_sets(struct search *s, const struct fl_counts *c)
{
	struct fl_cutsets *out = s->out;
	uint64_t wanted = s->o->smallest == 0 ? UINT64_MAX : s->o->smallest;
	for (uint32_t order = 1; order <= out->largest_order && out->set_count < wanted; order++) {
		size_t first = out->set_count;
		uint64_t left = wanted - first, room;
		uint64_t used = fl_arena_used(out->arena);
		uint64_t each = sizeof(fl_node_id) * (uint64_t)order + 2 * sizeof(struct fl_cut_set) + 48;
		room = used < s->memory / 4 ? (s->memory / 4 - used) / each : 0;
		if (out->by_order[order] > left && out->by_order[order] <= SORTED_ORDER_MAX)
			left = SORTED_ORDER_MAX;
		fl_cutset_list(out, c, s->scopes, &s->store, order, left < room ? left : room);
		fl_cutset_sort(out, first, out->set_count);
		if (out->set_count > wanted)
			out->set_count = (size_t)wanted;
		if (out->set_count - first < out->by_order[order] && out->set_count < wanted) {
			add_limit(s, fl_arena_printf(out->arena,
					     "memory: the list ends inside order %u; the counts are complete",
					     order));
			return;
		}
	}
}

static void tell_diagram_limits(struct search *s, const struct fl_counts *c)
{
	struct fl_arena *a = s->out->arena;
	uint32_t complete = s->evaluation.complete;
	bool cut = complete != FL_DD_NO_ORDER;
	if (s->evaluation.truncated > 0)
		add_limit(s, fl_arena_printf(a,
				     "nodes: no BDD of %u of %u modules fits in any of %u orders of the variables; "
				     "the probability is a bound",
				     s->evaluation.truncated, s->scopes->count, (unsigned)FL_ORDER_COUNT));
	if (cut && (s->o->order == 0 || complete < s->o->order))
		add_limit(s, fl_arena_printf(a,
				     "nodes: minimal cut sets are complete up to order %u; larger ones were "
				     "not looked for",
				     complete));
	else if (s->o->order > 0 && s->o->order < s->tree->basic_count)
		add_limit(s, fl_arena_printf(a, "order: only cut sets up to order %u were looked for",
				     s->o->order));
	if (c->order < s->tree->basic_count && c->order < complete &&
		(s->o->order == 0 || c->order < s->o->order))
		add_limit(s, fl_arena_printf(a, "memory: cut sets are counted up to order %u", c->order));
	if (c->saturated)
		add_limit(s, "count: a count above 2^128 - 1 is shown as that");
}

static void use_diagrams(struct search *s)
{
	struct fl_counts c;
	struct fl_cutsets *out = s->out;
	out->method = s->evaluation.exact ? "bdd+zbdd" : "zbdd";
	fl_counts_init(
		&c, s->scopes, &s->store, s->evaluation.complete, (size_t)(s->memory / 4 / sizeof(fl_count)));
	take_counts(s, &c);
	tell_diagram_limits(s, &c);
	list_sets(s, &c);
	if (out->unknown_probabilities == 0) {
		fl_cutset_measure(out, s->scopes, &s->store, s->p, s->evaluation.exact);
		out->probability_kind = s->evaluation.exact ? FL_PROBABILITY_EXACT
					: s->evaluation.complete == FL_DD_NO_ORDER
						? FL_PROBABILITY_UPPER_BOUND
						: FL_PROBABILITY_PARTIAL;
	}
	fl_counts_fini(&c);
}

static void forget_diagrams(struct search *s)
{
	fl_scopes_free(s->scopes);
	fl_dd_fini(&s->store);
}

/* ---- flows ---- */

static bool add_cut(void *context, const fl_node_id *members, uint32_t count)
{
	struct search *s = context;
	struct fl_cutsets *out = s->out;
	uint64_t wanted = s->o->smallest == 0 ? UINT64_MAX : s->o->smallest;
	if (s->o->order > 0 && count > s->o->order)
		return false;
	if (out->set_count == wanted || fl_arena_used(out->arena) > s->memory / 4) {
		add_limit(
			s, fl_arena_printf(out->arena,
				   "%s: the smallest %zu cut sets were looked for; there are more, of order "
				   "%u or above",
				   out->set_count == wanted ? "count" : "memory", out->set_count, count));
		return false;
	}
	fl_cutset_add(out, members, count);
	return true;
}

static void count_listed(struct search *s)
{
	struct fl_cutsets *out = s->out;
	size_t first = 0;
	if (out->set_count == 0)
		return;
	out->total = out->set_count;
	out->largest_order = out->sets[out->set_count - 1].order;
	out->by_order = fl_arena_array(out->arena, (size_t)out->largest_order + 1, sizeof(*out->by_order));
	for (size_t i = 0; i < out->set_count; i++)
		out->by_order[out->sets[i].order]++;
	for (size_t i = 1; i <= out->set_count; i++)
		if (i == out->set_count || out->sets[i].order != out->sets[first].order) {
			fl_cutset_sort(out, first, i);
			first = i;
		}
}

/* Bounds from the cut sets that are listed. */
static void measure_listed(struct search *s)
{
	struct fl_cutsets *out = s->out;
	double survives = 0; /* its logarithm */
	out->rare_event = 0;
	for (size_t i = 0; i < out->set_count; i++) {
		double p = 1;
		for (uint32_t m = 0; m < out->sets[i].order; m++)
			p *= probability_of(s, out->sets[i].members[m]);
		out->rare_event += p;
		survives += log1p(-p);
	}
	out->probability = survives < 0 ? -expm1(survives) : 0;
	out->probability_kind = out->limit_count == 0 ? FL_PROBABILITY_UPPER_BOUND : FL_PROBABILITY_PARTIAL;
}

static void use_flows(struct search *s, const struct fl_network *n)
{
	struct fl_cutsets *out = s->out;
	out->method = "vertex-cut";
	if (!fl_vertex_cuts(n, FLOW_WORK_MAX, s->memory / 2, add_cut, s))
		add_limit(s, "work: the search for vertex cuts ended before all wanted ones were found");
	if (s->o->order > 0)
		add_limit(
			s, fl_arena_printf(out->arena,
				   "order: only cut sets up to order %u were looked for", s->o->order));
	count_listed(s);
	if (out->unknown_probabilities == 0)
		measure_listed(s);
}

/* ---- the question ---- */

static void answer(struct search *s)
{
	struct fl_network *n = fl_network_new(s->tree);
	evaluate(s, n == NULL ? BDD_NODES_MAX : PATH_BDD_NODES, n != NULL);
	if (n != NULL && !s->evaluation.exact)
		use_flows(s, n);
	else
		use_diagrams(s);
	forget_diagrams(s);
	fl_network_free(n);
}

static void count_own_probabilities(struct search *s, fl_node_id top)
{
	for (fl_node_id v = 0; v < fl_graph_order(s->g); v++)
		s->out->own_probabilities +=
			!isnan(fl_graph_node(s->g, v)->failure_probability) && !fl_is_basic(s->g, v);
	(void)top;
}

static void answer_nothing(struct search *s)
{
	s->out->method = "none";
	s->out->probability = 0;
	s->out->rare_event = 0;
	s->out->probability_kind = FL_PROBABILITY_EXACT;
}

struct fl_cutsets *fl_cutsets(const struct fl_graph *g, fl_node_id top, const struct fl_cutset_options *o)
{
	struct search s = { .g = g, .o = o };
	struct fl_arena *a = fl_arena_new();
	s.out = fl_arena_alloc(a, sizeof(*s.out));
	*s.out = (struct fl_cutsets){ .arena = a, .probability = NAN, .rare_event = NAN };
	s.memory = o->memory == 0 ? DEFAULT_MEMORY : o->memory;
	s.tree = fl_fault_tree_new(g, top);
	s.out->basic_events = s.tree->event_count;
	count_own_probabilities(&s, top);
	read_probabilities(&s);
	if (s.tree->gate_count == 0) {
		answer_nothing(&s);
	} else {
		answer(&s);
	}
	fill_set_probabilities(&s);
	free(s.p);
	fl_fault_tree_free(s.tree);
	return s.out;
}

void fl_cutsets_free(struct fl_cutsets *c)
{
	if (c != NULL)
		fl_arena_free(c->arena);
}
