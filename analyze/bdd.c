/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bdd.c - AND and OR of binary decision diagrams
 *
 * Bryant's apply (IEEE ToC 35(8), 1986) as a loop: a frame waits for the result of its low half, then
 * of its high half.
 */
#include "diagram.h"

/* A result that needs no descent. */
static bool at_once(const struct fl_dd_store *s, struct fl_dd_frame *f, fl_dd *result)
{
	fl_dd weak = f->operation == FL_DD_AND ? FL_DD_1 : FL_DD_0, strong = !weak;
	if (f->a == strong || f->b == strong)
		*result = strong;
	else if (f->a == weak || f->a == f->b)
		*result = f->b;
	else if (f->b == weak)
		*result = f->a;
	else {
		if (f->a > f->b) {
			fl_dd swap = f->a;
			f->a = f->b;
			f->b = swap;
		}
		return fl_dd_look_up(s, f, result);
	}
	return true;
}

/* The half of @f that a decision of @level leaves. */
static fl_dd half(const struct fl_dd_store *s, fl_dd f, uint32_t level, bool high)
{
	const struct fl_dd_node *n = &s->nodes[f];
	if (n->level != level)
		return f;
	return high ? n->high : n->low;
}

static uint32_t top_level(const struct fl_dd_store *s, fl_dd a, fl_dd b)
{
	uint32_t la = s->nodes[a].level, lb = s->nodes[b].level;
	return la < lb ? la : lb;
}

static fl_dd apply(struct fl_dd_store *s, enum fl_dd_operation operation, fl_dd a, fl_dd b)
{
	struct fl_dd_frame call = { .operation = operation, .a = a, .b = b };
	size_t base = s->frame_count;
	fl_dd result = FL_DD_FULL;
	bool calling = true;
	if (a == FL_DD_FULL || b == FL_DD_FULL || s->full)
		return FL_DD_FULL;
	while (calling || s->frame_count > base) {
		if (calling) {
			if (++s->steps > s->step_limit)
				s->full = true;
			calling = false;
			if (s->full || at_once(s, &call, &result))
				continue;
			call.level = top_level(s, call.a, call.b);
			call.state = 0;
			*fl_dd_push(s) = call;
			result = FL_DD_0; /* none yet */
		}
		if (s->full) {
			s->frame_count = base;
			return FL_DD_FULL;
		}
		struct fl_dd_frame *f = &s->frames[s->frame_count - 1];
		if (f->state == 1)
			f->low = result;
		if (f->state < 2) {
			call = (struct fl_dd_frame){ .operation = operation,
				.a = half(s, f->a, f->level, f->state == 1),
				.b = half(s, f->b, f->level, f->state == 1) };
			f->state++;
			calling = true;
			continue;
		}
		fl_dd node = fl_bdd_node(s, f->level, f->low, result);
		if (node != FL_DD_FULL)
			fl_dd_remember(s, f, node);
		result = node;
		s->frame_count--;
	}
	return s->full ? FL_DD_FULL : result;
}

fl_dd fl_bdd_and(struct fl_dd_store *s, fl_dd f, fl_dd g)
{
	return apply(s, FL_DD_AND, f, g);
}

fl_dd fl_bdd_or(struct fl_dd_store *s, fl_dd f, fl_dd g)
{
	return apply(s, FL_DD_OR, f, g);
}
