/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree_diagram.c - the diagrams of a fault tree, module by module
 *
 * A BDD is tried first, since it gives everything exactly: the probability, the importance of every event,
 * and by its minimal solutions the cut sets. order_search.c finds an order of variables in which it fits.
 *
 * What fits in no order gets its minimal cut sets bottom up; where not all of them fit, they are cut off by
 * order: 1, 2, 3, ... until the limits stop it. The last complete order is kept.
 *
 * Circles: gates of one component are evaluated in turn, from nothing failed, until none changes. Equal
 * functions have equal ids, so "changes" is exact, and monotone functions reach their least fixed point.
 */
#include "tree_diagram_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"

enum { PART_OF_LIMITS = 8 };

/* ---- scopes ---- */

struct gathering {
	struct fl_scopes *s;
	uint32_t gate_count;
	uint32_t *seen_in; /* by gate: the scope that has it, + 1 */
	fl_gate_id *open;
};

static int compare_gates(const void *va, const void *vb)
{
	fl_gate_id a = *(const fl_gate_id *)va, b = *(const fl_gate_id *)vb;
	return (a > b) - (a < b);
}

static void gather(struct gathering *w, const bool *modules, fl_gate_id root)
{
	struct fl_scopes *s = w->s;
	struct fl_scope *scope = &s->list[s->count];
	uint32_t depth = 0, mark = ++s->count;
	*scope = (struct fl_scope){ .root = root,
		.first_gate = w->gate_count,
		.first_variable = s->variable_count,
		.bdd = FL_DD_FULL,
		.zbdd = FL_DD_FULL };
	if (s->tree->gates[root].kind !=
		FL_GATE_BASIC) /* a top that is an event is the scope's only variable */
		s->scope_of[root] = mark - 1;
	w->seen_in[root] = mark;
	w->open[depth++] = root;
	while (depth > 0) {
		fl_gate_id x = w->open[--depth];
		const struct fl_gate *gate = &s->tree->gates[x];
		if (gate->kind == FL_GATE_BASIC || (modules[x] && x != root)) {
			s->level_of[x] = s->variable_count;
			s->variables[s->variable_count++] = x;
			continue;
		}
		s->gates[w->gate_count++] = x;
		for (uint32_t i = 0; i < gate->count; i++) {
			fl_gate_id child = s->tree->children[gate->first + i];
			if (w->seen_in[child] == mark)
				continue;
			w->seen_in[child] = mark;
			w->open[depth++] = child;
		}
	}
	scope->gate_count = w->gate_count - scope->first_gate;
	scope->variable_count = s->variable_count - scope->first_variable;
	if (scope->gate_count > 1)
		qsort(s->gates + scope->first_gate, scope->gate_count, sizeof(*s->gates), compare_gates);
}

struct fl_scopes *fl_scopes_new(const struct fl_fault_tree *t)
{
	struct fl_scopes *s = fl_alloc(sizeof(*s));
	struct gathering w = { .s = s };
	bool *modules = fl_fault_tree_modules(t);
	uint32_t scopes = 0;
	s->tree = t;
	for (fl_gate_id x = 0; x < t->gate_count; x++)
		scopes += modules[x];
	s->list = fl_alloc_array(scopes, sizeof(*s->list));
	s->gates = fl_alloc_array(t->gate_count, sizeof(*s->gates));
	s->variables = fl_alloc_array((size_t)t->gate_count + 1, sizeof(*s->variables));
	s->weight = fl_alloc_array((size_t)t->gate_count + 1, sizeof(*s->weight));
	s->level_of = fl_alloc_array(t->gate_count, sizeof(*s->level_of));
	s->scope_of = fl_alloc_array(t->gate_count, sizeof(*s->scope_of));
	w.seen_in = fl_alloc_array(t->gate_count, sizeof(*w.seen_in));
	w.open = fl_alloc_array(t->gate_count, sizeof(*w.open));
	memset(s->level_of, 0xff, t->gate_count * sizeof(*s->level_of));
	memset(s->scope_of, 0xff, t->gate_count * sizeof(*s->scope_of));
	for (fl_gate_id x = 0; x < t->gate_count; x++)
		if (modules[x])
			gather(&w, modules, x);
	free(modules);
	free(w.seen_in);
	free(w.open);
	return s;
}

void fl_scopes_free(struct fl_scopes *s)
{
	if (s == NULL)
		return;
	free(s->list);
	free(s->gates);
	free(s->variables);
	free(s->weight);
	free(s->level_of);
	free(s->scope_of);
	free(s);
}

/* ---- gates ---- */

static fl_dd both(struct fl_diagram_builder *b, fl_dd f, fl_dd g)
{
	fl_dd result = b->sets ? fl_zbdd_product(b->store, f, g, b->order) : fl_bdd_and(b->store, f, g);
	b->joined += result != FL_DD_FULL;
	return result;
}

static fl_dd either(struct fl_diagram_builder *b, fl_dd f, fl_dd g)
{
	fl_dd result = b->sets ? fl_zbdd_union(b->store, f, g) : fl_bdd_or(b->store, f, g);
	b->joined += result != FL_DD_FULL;
	return result;
}

struct ranked {
	uint32_t level;
	fl_dd f;
};

static int deepest_first(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;
	if (a->level != b->level)
		return a->level > b->level ? -1 : 1;
	return (a->f > b->f) - (a->f < b->f);
}

/* Values of the children, those that decide late first: each step then adds on top of what is there. */
static void gather_values(struct fl_diagram_builder *b, const struct fl_gate *gate)
{
	struct ranked *ranked = fl_alloc_array(gate->count, sizeof(*ranked));
	if (gate->count > b->list_capacity) {
		b->list_capacity = fl_grown(b->list_capacity, gate->count);
		b->list = fl_grow_array(b->list, b->list_capacity, sizeof(*b->list));
	}
	for (uint32_t i = 0; i < gate->count; i++) {
		fl_dd f = b->value[b->s->tree->children[gate->first + i]];
		ranked[i] =
			(struct ranked){ .f = f, .level = f == FL_DD_FULL ? 0 : b->store->nodes[f].level };
	}
	if (gate->count > 1)
		qsort(ranked, gate->count, sizeof(*ranked), deepest_first);
	for (uint32_t i = 0; i < gate->count; i++)
		b->list[i] = ranked[i].f;
	free(ranked);
}

static bool is_variable(const struct fl_diagram_builder *b, fl_dd f)
{
	if (f <= FL_DD_1 || f == FL_DD_FULL)
		return false;
	const struct fl_dd_node *n = &b->store->nodes[f];
	return n->low == FL_DD_0 && n->high == FL_DD_1;
}

/* k of n different variables have a diagram of k (n - k + 1) nodes: known before it is built. The list is
 * sorted. */
static bool is_too_large(const struct fl_diagram_builder *b, const struct fl_gate *gate)
{
	uint64_t room = b->store->limit - b->store->count;
	for (uint32_t i = 0; i < gate->count; i++)
		if (!is_variable(b, b->list[i]) || (i > 0 && b->list[i] == b->list[i - 1]))
			return false;
	return (uint64_t)gate->threshold * (gate->count - gate->threshold + 1) > room;
}

/* At least k of the first i children: row[k] = row[k] or (child i and row[k - 1]). */
static fl_dd at_least(struct fl_diagram_builder *b, const struct fl_gate *gate)
{
	if (is_too_large(b, gate)) {
		b->store->full = true;
		return FL_DD_FULL;
	}
	fl_dd *row = fl_alloc_array((size_t)gate->threshold + 1, sizeof(*row));
	row[0] = FL_DD_1;
	for (uint32_t i = 0; i < gate->count && !b->store->full; i++) {
		uint32_t most = i + 1 < gate->threshold ? i + 1 : gate->threshold;
		uint32_t left = gate->count - i - 1; /* what k of all can still be missing */
		uint32_t least = gate->threshold > left ? gate->threshold - left : 1;
		for (uint32_t k = most; k >= least && k > 0 && !b->store->full; k--)
			row[k] = either(b, row[k], both(b, b->list[i], row[k - 1]));
	}
	fl_dd result = b->store->full ? FL_DD_FULL : row[gate->threshold];
	free(row);
	return result;
}

static fl_dd join(struct fl_diagram_builder *b, enum fl_gate_kind kind, fl_dd f, fl_dd g)
{
	return kind == FL_GATE_OR ? either(b, f, g) : both(b, f, g);
}

/* Variables that stand together in the list become one: each is put on top of those before. Returns what is
 * left. */
static uint32_t join_variables(struct fl_diagram_builder *b, enum fl_gate_kind kind, uint32_t count)
{
	uint32_t kept = 0;
	bool open = false; /* the last one kept is of variables */
	for (uint32_t i = 0; i < count && !b->store->full; i++) {
		bool variable = is_variable(b, b->list[i]);
		if (variable && open)
			b->list[kept - 1] = join(b, kind, b->list[kept - 1], b->list[i]);
		else
			b->list[kept++] = b->list[i];
		open = variable;
	}
	return kept;
}

/*
 * All of the list in one, pair by pair and those in pairs again: neighbours in the list decide at
 * neighbouring levels, and what is large is taken up log(count) times instead of count times.
 */
static void combine(struct fl_diagram_builder *b, enum fl_gate_kind kind, uint32_t count)
{
	count = join_variables(b, kind, count);
	while (count > 1 && !b->store->full) {
		uint32_t kept = 0;
		for (uint32_t i = 0; i + 1 < count && !b->store->full; i += 2)
			b->list[kept++] = join(b, kind, b->list[i], b->list[i + 1]);
		if (count % 2 == 1)
			b->list[kept++] = b->list[count - 1];
		count = kept;
	}
}

static fl_dd evaluate_gate(struct fl_diagram_builder *b, fl_gate_id x)
{
	const struct fl_gate *gate = &b->s->tree->gates[x];
	gather_values(b, gate);
	if (gate->kind == FL_GATE_ATLEAST)
		return at_least(b, gate);
	combine(b, gate->kind, gate->count);
	return b->store->full ? FL_DD_FULL : b->list[0];
}

/* Gates @first .. @end - 1 of the scope: one component. */
static void evaluate_circle(struct fl_diagram_builder *b, const fl_gate_id *gates, uint32_t first, uint32_t end)
{
	bool changed = true;
	while (changed && !b->store->full) {
		changed = false;
		for (uint32_t i = first; i < end && !b->store->full; i++) {
			fl_dd f = evaluate_gate(b, gates[i]);
			changed = changed || f != b->value[gates[i]];
			b->value[gates[i]] = f;
		}
	}
}

static fl_dd evaluate_scope(struct fl_diagram_builder *b)
{
	const struct fl_scopes *s = b->s;
	const fl_gate_id *gates = s->gates + b->scope->first_gate;
	for (uint32_t i = 0; i < b->scope->variable_count; i++) {
		uint32_t level = b->scope->first_variable + i;
		bool out = b->sets && b->order != FL_DD_NO_ORDER && s->weight[level] > b->order;
		b->value[s->variables[level]] = out ? FL_DD_0 : fl_dd_node(b->store, level, FL_DD_0, FL_DD_1);
	}
	/* From nothing failed: a gate may be its own child, and x = f(x) is f(nothing) then. */
	for (uint32_t i = 0; i < b->scope->gate_count; i++)
		b->value[gates[i]] = FL_DD_0;
	for (uint32_t i = 0; i < b->scope->gate_count && !b->store->full;) {
		uint32_t end = i + 1, component = s->tree->gates[gates[i]].component;
		while (end < b->scope->gate_count && s->tree->gates[gates[end]].component == component)
			end++;
		if (end == i + 1)
			b->value[gates[i]] = evaluate_gate(b, gates[i]);
		else
			evaluate_circle(b, gates, i, end);
		i = end;
	}
	return b->store->full ? FL_DD_FULL : b->value[b->scope->root];
}

/* ---- limits ---- */

fl_dd fl_diagram_within(struct fl_diagram_builder *b, uint32_t mark, uint32_t nodes, uint64_t steps)
{
	uint32_t whole = b->store->limit;
	b->store->limit = fl_sum32(mark, nodes) < whole ? fl_sum32(mark, nodes) : whole;
	b->store->step_limit = b->store->steps + steps;
	fl_dd f = evaluate_scope(b);
	b->store->limit = whole;
	b->store->step_limit = UINT64_MAX;
	return f;
}

/* Minimal cut sets up to @order, bottom up; the store is as before when they do not fit. */
static fl_dd sets_within(struct fl_diagram_builder *b, uint32_t order, uint32_t nodes, uint64_t steps)
{
	uint32_t mark = b->store->count;
	b->sets = true;
	b->order = order;
	fl_dd f = fl_diagram_within(b, mark, nodes, steps);
	if (f == FL_DD_FULL)
		fl_dd_cut(b->store, mark);
	return f;
}

/* Without a BDD: all of the cut sets where they fit in a part of the limits, else those up to the largest
 * order that the limits allow. */
static void find_sets(struct fl_diagram_builder *b, const struct fl_effort *effort)
{
	struct fl_scope *scope = b->scope;
	uint32_t mark = b->store->count, most = b->s->tree->basic_count,
		 least = fl_scope_least_order(b->s, scope);
	most = most < effort->order ? most : effort->order;
	scope->zbdd = sets_within(
		b, effort->order, effort->zbdd_nodes / PART_OF_LIMITS, effort->zbdd_steps / PART_OF_LIMITS);
	scope->complete = effort->order;
	if (scope->zbdd != FL_DD_FULL)
		return;
	scope->complete = least == 0 ? 0 : least - 1 < most ? least - 1 : most; /* there are none */
	for (uint32_t order = scope->complete + 1; order <= most; order++) {
		if (sets_within(b, order, effort->zbdd_nodes, effort->zbdd_steps) == FL_DD_FULL)
			break;
		fl_dd_cut(b->store, mark);
		scope->complete = order;
	}
	scope->zbdd = FL_DD_0;
	if (scope->complete < least || scope->complete == 0)
		return;
	scope->zbdd = sets_within(b, scope->complete, effort->zbdd_nodes, effort->zbdd_steps);
	if (scope->complete == b->s->tree->basic_count)
		scope->complete = FL_DD_NO_ORDER;
}

/* Order of the smallest set: a pass from the ends up. */
static uint32_t shortest(
	const struct fl_scopes *s, const struct fl_dd_store *store, uint32_t mark, fl_dd root)
{
	if (root <= FL_DD_1)
		return root == FL_DD_1 ? 0 : UINT32_MAX / 2;
	uint32_t *least = fl_alloc_array((size_t)root + 1 - mark, sizeof(*least)), result;
	for (fl_dd f = mark; f <= root; f++) {
		const struct fl_dd_node *n = &store->nodes[f];
		uint32_t low =
			n->low <= FL_DD_1 ? (n->low == FL_DD_1 ? 0 : UINT32_MAX / 2) : least[n->low - mark];
		uint32_t high = n->high <= FL_DD_1 ? (n->high == FL_DD_1 ? 0 : UINT32_MAX / 2)
						   : least[n->high - mark];
		high = fl_sum32(high, s->weight[n->level]);
		high = high > UINT32_MAX / 2 ? UINT32_MAX / 2 : high;
		least[f - mark] = low < high ? low : high;
	}
	result = least[root - mark];
	free(least);
	return result;
}

/*
 * The minimal cut sets of a scope that has its BDD. From the gates, where that is quick, as it is where they
 * are few; else from the BDD.
 */
static fl_dd minimal_sets(struct fl_diagram_builder *b, const struct fl_effort *effort)
{
	uint32_t mark = b->store->count, nodes = mark - b->scope->first_node;
	fl_dd f = FL_DD_FULL;
	if (b->scope->gate_count > 1)
		f = sets_within(b, effort->order, nodes, nodes);
	if (f != FL_DD_FULL)
		return f;
	b->store->step_limit = b->store->steps + effort->zbdd_steps;
	f = fl_zbdd_minimal(b->store, b->scope->bdd, effort->order);
	b->store->step_limit = UINT64_MAX;
	return f;
}

static void evaluate_module(struct fl_diagram_builder *b, const struct fl_effort *effort, struct fl_evaluation *result)
{
	struct fl_scope *scope = b->scope;
	uint32_t mark = b->store->count;
	scope->first_node = mark;
	scope->complete = effort->order;
	if (fl_diagram_search(b, effort, result))
		scope->zbdd = minimal_sets(b, effort);
	if (scope->zbdd == FL_DD_FULL)
		fl_dd_cut(b->store, mark);
	if (scope->zbdd == FL_DD_FULL) {
		scope->bdd = FL_DD_FULL;
		result->exact = false;
		result->truncated++;
		if (effort->exact_only) {
			scope->zbdd = FL_DD_0;
			scope->complete = 0;
		} else {
			find_sets(b, effort);
		}
	}
	scope->shortest = shortest(b->s, b->store, mark, scope->zbdd);
	if (scope->zbdd == FL_DD_0 && scope->complete < UINT32_MAX / 2)
		scope->shortest = scope->complete + 1; /* all that is known */
	if (scope->complete < result->complete)
		result->complete = scope->complete;
}

void fl_scopes_evaluate(struct fl_scopes *s, struct fl_dd_store *store, const struct fl_effort *effort,
	struct fl_evaluation *result)
{
	struct fl_diagram_builder b = { .s = s, .store = store };
	b.value = fl_alloc_array(s->tree->gate_count, sizeof(*b.value));
	store->weight = s->weight;
	*result = (struct fl_evaluation){ .exact = true, .complete = FL_DD_NO_ORDER };
	for (uint32_t i = 0; i < s->count && (result->exact || !effort->exact_only); i++) {
		b.scope = &s->list[i];
		evaluate_module(&b, effort, result);
	}
	free(b.value);
	free(b.list);
}
