/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zbdd.c - families of minimal cut sets as zero-suppressed decision diagrams
 *
 * Minato (DAC 1993) for the form; Rauzy (Reliability Engineering and System Safety 40, 1993) for the minimal
 * solutions of a monotone BDD: those of f = x f1 + f0 are those of f0 and, with x, those of f1 that
 * do not fail f0. Union and product keep families minimal as they go, and the product leaves out sets above
 * an order, which makes them fit for functions whose BDD does not fit (Jung, Han and Ha, RESS 83, 2004).
 *
 * All operations are one loop over frames, since they call each other. Each is a small machine:
 * step() does what its state says and either asks for a further result or has its own.
 */
#include "diagram.h"

#include "faultline/status.h"

/* What a step wants next. */
struct turn {
	bool done;
	fl_dd result;            /* done */
	struct fl_dd_frame call; /* else */
};

static struct turn answer(fl_dd result)
{
	return (struct turn){ .done = true, .result = result };
}

static struct turn ask(enum fl_dd_operation operation, fl_dd a, fl_dd b, uint32_t order)
{
	return (struct turn){ .call = { .operation = operation, .a = a, .b = b, .order = order } };
}

static uint32_t level_of(const struct fl_dd_store *s, fl_dd f)
{
	return s->nodes[f].level;
}

static fl_dd low_of(const struct fl_dd_store *s, fl_dd f, uint32_t level)
{
	return s->nodes[f].level == level ? s->nodes[f].low : f;
}

static fl_dd high_of(const struct fl_dd_store *s, fl_dd f, uint32_t level)
{
	return s->nodes[f].level == level ? s->nodes[f].high : FL_DD_0;
}

static uint32_t weight_of(const struct fl_dd_store *s, uint32_t level)
{
	return s->weight == NULL ? 1 : s->weight[level];
}

/* Order left below a member; false: none may be added. */
static bool take(const struct fl_dd_store *s, uint32_t level, uint32_t order, uint32_t *left)
{
	uint32_t weight = weight_of(s, level);
	*left = order == FL_DD_NO_ORDER ? order : order - weight;
	return order == FL_DD_NO_ORDER || weight <= order;
}

/* ---- results that need no descent; else the level to descend at ---- */

static bool simple(const struct fl_dd_frame *f, fl_dd *result)
{
	fl_dd a = f->a, b = f->b, found = FL_DD_FULL;
	switch (f->operation) {
	case FL_DD_MINIMAL:
	case FL_DD_SHORT:
		if (a <= FL_DD_1)
			found = a;
		break;
	case FL_DD_OUTSIDE:
		if (a == FL_DD_0 || b == FL_DD_1)
			found = FL_DD_0;
		else if (b == FL_DD_0 || a == FL_DD_1)
			found = a;
		break;
	case FL_DD_WITHOUT:
		if (a == FL_DD_0 || b == FL_DD_1 || a == b)
			found = FL_DD_0;
		else if (b == FL_DD_0 || a == FL_DD_1)
			found = a;
		break;
	case FL_DD_UNION:
		if (a == FL_DD_1 || b == FL_DD_1)
			found = FL_DD_1;
		else if (a == FL_DD_0 || a == b)
			found = b;
		else if (b == FL_DD_0)
			found = a;
		break;
	case FL_DD_PRODUCT:
		if (a == FL_DD_0 || b == FL_DD_0)
			found = FL_DD_0;
		else if (f->order == FL_DD_NO_ORDER && (a == FL_DD_1 || a == b))
			found = b;
		else if (f->order == FL_DD_NO_ORDER && b == FL_DD_1)
			found = a;
		break;
	default:
		break;
	}
	if (found == FL_DD_FULL)
		return false;
	*result = found;
	return true;
}

/*
 * One key for what gives the same. f op g is g op f; a product with itself or with nothing but the empty set
 * is only short. What b says about events above the first of a does not matter where sets of a are left out:
 * none has them.
 */
static void normalise(const struct fl_dd_store *s, struct fl_dd_frame *f)
{
	if (f->operation == FL_DD_OUTSIDE || f->operation == FL_DD_WITHOUT)
		while (level_of(s, f->b) < level_of(s, f->a))
			f->b = s->nodes[f->b].low;
	if (f->operation != FL_DD_UNION && f->operation != FL_DD_PRODUCT)
		return;
	if (f->a > f->b) {
		fl_dd found = f->a;
		f->a = f->b;
		f->b = found;
	}
	if (f->operation == FL_DD_PRODUCT && (f->a == FL_DD_1 || f->a == f->b)) {
		f->operation = FL_DD_SHORT;
		f->a = f->b;
		f->b = 0;
	}
}

static uint32_t descent_level(const struct fl_dd_store *s, const struct fl_dd_frame *f)
{
	uint32_t a = level_of(s, f->a), b = level_of(s, f->b);
	if (f->operation == FL_DD_UNION || f->operation == FL_DD_PRODUCT)
		return a < b ? a : b;
	return a;
}

/* ---- the machines; @last is what the call before gave ---- */

static struct turn minimal(struct fl_dd_store *s, struct fl_dd_frame *f, fl_dd last)
{
	const struct fl_dd_node n = s->nodes[f->a];
	uint32_t left;
	switch (f->state++) {
	case 0:
		return ask(FL_DD_MINIMAL, n.low, 0, f->order);
	case 1:
		f->low = last;
		if (!take(s, f->level, f->order, &left))
			return answer(f->low);
		return ask(FL_DD_MINIMAL, n.high, 0, left);
	case 2:
		return ask(FL_DD_OUTSIDE, last, n.low, 0);
	default:
		return answer(fl_zbdd_node(s, f->level, f->low, last));
	}
}

static struct turn shorten(struct fl_dd_store *s, struct fl_dd_frame *f, fl_dd last)
{
	const struct fl_dd_node n = s->nodes[f->a];
	uint32_t left;
	switch (f->state++) {
	case 0:
		return ask(FL_DD_SHORT, n.low, 0, f->order);
	case 1:
		f->low = last;
		if (!take(s, f->level, f->order, &left))
			return answer(f->low);
		return ask(FL_DD_SHORT, n.high, 0, left);
	default:
		return answer(fl_zbdd_node(s, f->level, f->low, last));
	}
}

static struct turn outside(struct fl_dd_store *s, struct fl_dd_frame *f, fl_dd last)
{
	fl_dd b_high = s->nodes[f->b].level == f->level ? s->nodes[f->b].high : f->b;
	switch (f->state++) {
	case 0:
		return ask(FL_DD_OUTSIDE, s->nodes[f->a].low, low_of(s, f->b, f->level), 0);
	case 1:
		f->low = last;
		return ask(FL_DD_OUTSIDE, s->nodes[f->a].high, b_high, 0);
	default:
		return answer(fl_zbdd_node(s, f->level, f->low, last));
	}
}

static struct turn without(struct fl_dd_store *s, struct fl_dd_frame *f, fl_dd last)
{
	fl_dd b_low = low_of(s, f->b, f->level);
	switch (f->state++) {
	case 0:
		return ask(FL_DD_WITHOUT, s->nodes[f->a].low, b_low, 0);
	case 1:
		f->low = last;
		return ask(FL_DD_WITHOUT, s->nodes[f->a].high, b_low, 0);
	case 2:
		return ask(FL_DD_WITHOUT, last, high_of(s, f->b, f->level), 0);
	default:
		return answer(fl_zbdd_node(s, f->level, f->low, last));
	}
}

static struct turn unite(struct fl_dd_store *s, struct fl_dd_frame *f, fl_dd last)
{
	switch (f->state++) {
	case 0:
		return ask(FL_DD_UNION, low_of(s, f->a, f->level), low_of(s, f->b, f->level), 0);
	case 1:
		f->low = last;
		return ask(FL_DD_UNION, high_of(s, f->a, f->level), high_of(s, f->b, f->level), 0);
	case 2:
		return ask(FL_DD_WITHOUT, last, f->low, 0);
	default:
		return answer(fl_zbdd_node(s, f->level, f->low, last));
	}
}

/* x a1 + a0 times x b1 + b0: without x a0 b0, with x a1 (b1 + b0) + a0 b1 */
static struct turn multiply(struct fl_dd_store *s, struct fl_dd_frame *f, fl_dd last)
{
	fl_dd a0 = low_of(s, f->a, f->level), a1 = high_of(s, f->a, f->level);
	fl_dd b0 = low_of(s, f->b, f->level), b1 = high_of(s, f->b, f->level);
	uint32_t left;
	bool room = take(s, f->level, f->order, &left);
	switch (f->state++) {
	case 0:
		return ask(FL_DD_PRODUCT, a0, b0, f->order);
	case 1:
		f->low = last;
		return room ? ask(FL_DD_UNION, b1, b0, 0) : answer(f->low);
	case 2:
		return ask(FL_DD_PRODUCT, a1, last, left);
	case 3:
		f->high = last;
		return ask(FL_DD_PRODUCT, a0, b1, left);
	case 4:
		return ask(FL_DD_UNION, f->high, last, 0);
	case 5:
		return ask(FL_DD_WITHOUT, last, f->low, 0);
	default:
		return answer(fl_zbdd_node(s, f->level, f->low, last));
	}
}

static struct turn step(struct fl_dd_store *s, struct fl_dd_frame *f, fl_dd last)
{
	switch (f->operation) {
	case FL_DD_MINIMAL:
		return minimal(s, f, last);
	case FL_DD_OUTSIDE:
		return outside(s, f, last);
	case FL_DD_UNION:
		return unite(s, f, last);
	case FL_DD_PRODUCT:
		return multiply(s, f, last);
	case FL_DD_WITHOUT:
		return without(s, f, last);
	default:
		return shorten(s, f, last);
	}
}

/* A result at once or a new frame on the stack. */
static bool enter(struct fl_dd_store *s, struct fl_dd_frame call, fl_dd *result)
{
	if (++s->steps > s->step_limit)
		s->full = true;
	if (s->full || simple(&call, result))
		return false;
	normalise(s, &call);
	if (simple(&call, result) || fl_dd_look_up(s, &call, result))
		return false;
	call.level = descent_level(s, &call);
	*fl_dd_push(s) = call;
	return true;
}

static fl_dd run(struct fl_dd_store *s, struct turn first)
{
	size_t base = s->frame_count;
	fl_dd last = FL_DD_0;
	if (s->full || first.call.a == FL_DD_FULL || first.call.b == FL_DD_FULL)
		return FL_DD_FULL;
	enter(s, first.call, &last);
	while (s->frame_count > base && !s->full) {
		struct fl_dd_frame *f = &s->frames[s->frame_count - 1];
		struct turn turn = step(s, f, last);
		if (!turn.done) {
			enter(s, turn.call, &last);
			continue;
		}
		last = turn.result;
		if (last != FL_DD_FULL)
			fl_dd_remember(s, f, last);
		s->frame_count--;
	}
	s->frame_count = base;
	return s->full ? FL_DD_FULL : last;
}

fl_dd fl_zbdd_union(struct fl_dd_store *s, fl_dd f, fl_dd g)
{
	return run(s, ask(FL_DD_UNION, f, g, 0));
}

static uint32_t limit_of(uint32_t order)
{
	return order > FL_DD_ORDER_MAX ? FL_DD_NO_ORDER : order;
}

fl_dd fl_zbdd_product(struct fl_dd_store *s, fl_dd f, fl_dd g, uint32_t order)
{
	return run(s, ask(FL_DD_PRODUCT, f, g, limit_of(order)));
}

fl_dd fl_zbdd_minimal(struct fl_dd_store *s, fl_dd bdd, uint32_t order)
{
	return run(s, ask(FL_DD_MINIMAL, bdd, 0, limit_of(order)));
}
