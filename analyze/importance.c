/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * importance.c - probability of the top and what each event matters for it
 *
 * Exact, on BDDs: P(f) = (1 - p) P(low) + p P(high) from the ends up (Rauzy 1993); all terms are
 * positive, so nothing cancels. Birnbaum's measure is the derivative of P by p, and one pass from the top
 * down gives it for all events at once: the weight of a node is how probable it is to come there (for a
 * module, times the derivative by the module), and each node of x adds weight * (P(high) - P(low)).
 *
 * From cut sets, where no BDD fits: sums of products on the ZBDD instead, S(f) = S(low) + p S(high). The
 * min-cut upper bound 1 - prod(1 - P(C)) needs no list either: its logarithm is - sum over k of S_k / k,
 * where S_k is the same sum with p^k for p.
 *
 * The usual ratios follow: see cutset.h.
 */
#include <math.h>
#include <stdlib.h>

#include "cutset_internal.h"
#include "faultline/status.h"

enum { POWERS_MAX = 400 };

struct measure {
	const struct fl_scopes *s;
	const struct fl_dd_store *store;
	const double *p;  /* by gate */
	bool exact;       /* BDDs; else ZBDDs */
	double *variable; /* by level: P of the event or module */
	double *value;    /* by node of the store */
	double *weight;   /* by node */
	bool *reached;
	double *birnbaum; /* by gate */
};

static fl_dd root_of(const struct measure *m, const struct fl_scope *scope)
{
	return m->exact ? scope->bdd : scope->zbdd;
}

static void reach(struct measure *m, const struct fl_scope *scope)
{
	fl_dd root = root_of(m, scope);
	m->reached[root] = true;
	for (fl_dd f = root; f >= scope->first_node && f > FL_DD_1; f--)
		if (m->reached[f]) {
			m->reached[m->store->nodes[f].low] = true;
			m->reached[m->store->nodes[f].high] = true;
		}
}

/* Values of one scope, with @power for the events' probabilities. */
static double evaluate(struct measure *m, const struct fl_scope *scope, double power)
{
	fl_dd root = root_of(m, scope);
	for (uint32_t i = 0; i < scope->variable_count; i++) {
		uint32_t level = scope->first_variable + i;
		fl_gate_id x = m->s->variables[level];
		uint32_t inner = m->s->scope_of[x];
		if (inner == UINT32_MAX)
			m->variable[level] = power > 1 ? pow(m->p[x], power) : m->p[x];
		else
			m->variable[level] = m->value[root_of(m, &m->s->list[inner])];
	}
	for (fl_dd f = scope->first_node; f <= root; f++) {
		if (!m->reached[f])
			continue;
		const struct fl_dd_node *n = &m->store->nodes[f];
		double p = m->variable[n->level];
		m->value[f] = (m->exact ? 1 - p : 1) * m->value[n->low] + p * m->value[n->high];
	}
	return m->value[root];
}

static double evaluate_all(struct measure *m, double power)
{
	double top = 0;
	for (uint32_t i = 0; i < m->s->count; i++)
		top = evaluate(m, &m->s->list[i], power);
	return top;
}

/* Derivatives by each event; the weights of inner modules are set by the scopes above them. */
static void derive(struct measure *m, const struct fl_scope *scope)
{
	for (fl_dd f = root_of(m, scope); f >= scope->first_node && f > FL_DD_1; f--) {
		if (!m->reached[f])
			continue;
		const struct fl_dd_node *n = &m->store->nodes[f];
		double p = m->variable[n->level], w = m->weight[f];
		double slope = m->value[n->high] - (m->exact ? m->value[n->low] : 0);
		m->birnbaum[m->s->variables[n->level]] += w * slope;
		m->weight[n->low] += w * (m->exact ? 1 - p : 1);
		m->weight[n->high] += w * p;
	}
}

static void derive_all(struct measure *m)
{
	for (uint32_t i = m->s->count; i-- > 0;) {
		const struct fl_scope *scope = &m->s->list[i];
		bool top = scope->root == m->s->tree->top;
		m->weight[root_of(m, scope)] = top ? 1 : m->birnbaum[scope->root];
		derive(m, scope);
	}
}

static double min_cut_upper_bound(struct measure *m)
{
	double sum = 0;
	for (uint32_t k = 1; k <= POWERS_MAX; k++) {
		double term = evaluate_all(m, k) / k;
		sum += term;
		if (!(term > sum * 1e-17) || sum > 700)
			break;
	}
	return -expm1(-sum);
}

static int compare_importance(const void *va, const void *vb)
{
	const struct fl_importance *a = va, *b = vb;
	if (a->fussell_vesely > b->fussell_vesely || a->fussell_vesely < b->fussell_vesely)
		return a->fussell_vesely > b->fussell_vesely ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

void fl_cutset_sort_importance(struct fl_cutsets *out)
{
	if (out->importance_count > 1)
		qsort(out->importance, out->importance_count, sizeof(*out->importance), compare_importance);
}

static struct fl_importance *find_event(struct fl_importance *list, uint32_t count, fl_node_id node)
{
	uint32_t low = 0, high = count;
	while (low + 1 < high) {
		uint32_t middle = low + (high - low) / 2;
		if (list[middle].node <= node)
			low = middle;
		else
			high = middle;
	}
	return &list[low];
}

static void fill_importance(struct fl_cutsets *out, const struct measure *m, double top)
{
	const struct fl_fault_tree *t = m->s->tree;
	out->importance = fl_arena_array(out->arena, t->event_count, sizeof(*out->importance));
	out->importance_count = t->event_count;
	for (uint32_t i = 0; i < t->event_count; i++) /* what is in no cut set does not matter */
		out->importance[i] = (struct fl_importance){
			.node = t->events[i], .fussell_vesely = top > 0 ? 0 : NAN, .raw = top > 0 ? 1 : NAN
		};
	for (fl_gate_id x = 0; x < t->gate_count; x++) {
		double b = m->birnbaum[x], p = m->p[x];
		if (t->gates[x].kind != FL_GATE_BASIC)
			continue;
		struct fl_importance *i = find_event(out->importance, t->event_count, t->gates[x].node);
		i->birnbaum = b;
		i->fussell_vesely = top > 0 ? p * b / top : NAN;
		i->raw = top > 0 ? 1 + (1 - p) * b / top : NAN;
	}
	fl_cutset_sort_importance(out);
}

void fl_cutset_measure(struct fl_cutsets *out, const struct fl_scopes *s, const struct fl_dd_store *store,
	const double *p, bool exact)
{
	struct measure m = { .s = s, .store = store, .p = p };
	m.variable = fl_alloc_array(s->variable_count, sizeof(*m.variable));
	m.value = fl_alloc_array(store->count, sizeof(*m.value));
	m.weight = fl_alloc_array(store->count, sizeof(*m.weight));
	m.reached = fl_alloc_array(store->count, sizeof(*m.reached));
	m.birnbaum = fl_alloc_array(s->tree->gate_count, sizeof(*m.birnbaum));
	m.value[FL_DD_1] = 1;
	for (uint32_t i = 0; i < s->count; i++) {
		reach(&m, &s->list[i]);
		m.exact = exact;
		reach(&m, &s->list[i]);
		m.exact = false;
	}
	if (!exact)
		out->probability = min_cut_upper_bound(&m);
	out->rare_event = evaluate_all(&m, 1);
	m.exact = exact;
	double top = evaluate_all(&m, 1);
	if (exact)
		out->probability = top;
	derive_all(&m);
	fill_importance(out, &m, top);
	free(m.variable);
	free(m.value);
	free(m.weight);
	free(m.reached);
	free(m.birnbaum);
}
