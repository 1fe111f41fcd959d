/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cutset_count.c - how many minimal cut sets of which order, without listing any
 *
 * A ZBDD node (x, low, high) holds the sets of low and those of high with x added, so as polynomials in the
 * order: N = N(low) + N(x) N(high), where N(x) is z for an event and the module's own polynomial for a
 * module. One pass from the ends up; trees with 10^10 cut sets take a millisecond.
 */
#include <stdlib.h>

#include "cutset_internal.h"
#include "faultline/status.h"

enum { BLOCK_TERMS = 1 << 14 };

struct fl_counts_block {
	struct fl_counts_block *next;
	size_t used, size;
	fl_count terms[];
};

static const fl_count count_one = 1;

static fl_count *new_terms(struct fl_counts *c, size_t count)
{
	struct fl_counts_block *b = c->blocks;
	if (b == NULL || b->size - b->used < count) {
		size_t size = count > BLOCK_TERMS ? count : BLOCK_TERMS;
		b = fl_alloc(sizeof(*b) + size * sizeof(*b->terms));
		b->size = size;
		b->next = c->blocks;
		c->blocks = b;
	}
	fl_count *terms = b->terms + b->used;
	b->used += count;
	c->terms += count;
	return terms;
}

static void add_to(struct fl_counts *c, fl_count *sum, fl_count add)
{
	if (*sum > ~(fl_count)0 - add) {
		*sum = ~(fl_count)0;
		c->saturated = true;
	} else {
		*sum += add;
	}
}

static fl_count times(struct fl_counts *c, fl_count a, fl_count b)
{
	if (a != 0 && b > ~(fl_count)0 / a) {
		c->saturated = true;
		return ~(fl_count)0;
	}
	return a * b;
}

static uint32_t cut_terms(const struct fl_counts *c, uint64_t least, uint64_t end)
{
	uint64_t most = (uint64_t)c->order + 1;
	end = end < most ? end : most;
	return least < end ? (uint32_t)(end - least) : 0;
}

/* N(low) + N(x) N(high) */
static struct fl_order_counts combine(struct fl_counts *c, const struct fl_order_counts *low,
	const struct fl_order_counts *x, const struct fl_order_counts *high)
{
	uint64_t least = UINT64_MAX, end = 0;
	if (low->terms > 0) {
		least = low->least;
		end = (uint64_t)low->least + low->terms;
	}
	if (x->terms > 0 && high->terms > 0) {
		uint64_t from = (uint64_t)x->least + high->least, to = from + x->terms + high->terms - 1;
		least = from < least ? from : least;
		end = to > end ? to : end;
	}
	struct fl_order_counts sum = { .terms = cut_terms(c, least, end) };
	if (sum.terms == 0)
		return sum;
	fl_count *terms = new_terms(c, sum.terms);
	sum.least = (uint32_t)least;
	sum.count = terms;
	for (uint32_t i = 0; i < low->terms; i++)
		if (low->least + i - sum.least < sum.terms)
			terms[low->least + i - sum.least] = low->count[i];
	for (uint32_t i = 0; i < x->terms; i++)
		for (uint32_t j = 0; j < high->terms && x->count[i] != 0; j++) {
			uint64_t at = (uint64_t)x->least + i + high->least + j - sum.least;
			if (at >= sum.terms)
				break;
			add_to(c, &terms[at], times(c, x->count[i], high->count[j]));
		}
	return sum;
}

static void count_scope(struct fl_counts *c, const struct fl_scopes *s, const struct fl_dd_store *store,
	const struct fl_scope *scope, bool *reached)
{
	static const struct fl_order_counts event = { .count = &count_one, .least = 1, .terms = 1 };
	if (scope->zbdd <= FL_DD_1)
		return;
	reached[scope->zbdd] = true;
	for (fl_dd f = scope->zbdd; f >= scope->first_node; f--)
		if (reached[f]) {
			reached[store->nodes[f].low] = true;
			reached[store->nodes[f].high] = true;
		}
	for (fl_dd f = scope->first_node; f <= scope->zbdd && c->terms <= c->term_limit; f++) {
		const struct fl_dd_node *n = &store->nodes[f];
		if (!reached[f])
			continue;
		uint32_t inner = s->scope_of[s->variables[n->level]];
		const struct fl_order_counts *x = inner == UINT32_MAX ? &event : &c->of[s->list[inner].zbdd];
		c->of[f] = combine(c, &c->of[n->low], x, &c->of[n->high]);
	}
}

static bool count_all(struct fl_counts *c, const struct fl_scopes *s, const struct fl_dd_store *store)
{
	bool *reached = fl_alloc_array(store->count, sizeof(*reached));
	c->of = fl_alloc_array(store->count, sizeof(*c->of));
	c->of[FL_DD_1] = (struct fl_order_counts){ .count = &count_one, .least = 0, .terms = 1 };
	for (uint32_t i = 0; i < s->count && c->terms <= c->term_limit; i++)
		count_scope(c, s, store, &s->list[i], reached);
	free(reached);
	return c->terms <= c->term_limit;
}

void fl_counts_init(struct fl_counts *c, const struct fl_scopes *s, const struct fl_dd_store *store,
	uint32_t order, size_t term_limit)
{
	if (order > s->tree->basic_count)
		order = s->tree->basic_count;
	for (;; order /= 2) {
		*c = (struct fl_counts){ .order = order, .term_limit = term_limit };
		if (count_all(c, s, store) || order <= 1)
			return;
		fl_counts_fini(c);
	}
}

void fl_counts_fini(struct fl_counts *c)
{
	while (c->blocks != NULL) {
		struct fl_counts_block *next = c->blocks->next;
		free(c->blocks);
		c->blocks = next;
	}
	free(c->of);
	c->of = NULL;
}

bool fl_counts_has(const struct fl_counts *c, fl_dd f, uint32_t order)
{
	const struct fl_order_counts *of = &c->of[f];
	return order >= of->least && order - of->least < of->terms && of->count[order - of->least] != 0;
}
