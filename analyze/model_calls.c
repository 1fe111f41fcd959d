/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_calls.c - how dependencies are called, as a model states it
 *
 * Pools, timeouts and retries change nothing in the failure graph; they wait in the outcome for what-if
 * questions. A statement may mean several callers and several callees; each pair of them that the graph holds
 * gets it. Later statements count more, member by member, so one line with patterns can give what the next
 * ones correct.
 */
#include <math.h>
#include <stdlib.h>

#include "model_internal.h"

bool fl_model_call_states(const struct fl_model_call *c)
{
	return !(isnan(c->in_flight) && isnan(c->timeout_s) && isnan(c->retries) && isnan(c->backoff_s) &&
		 isnan(c->backoff_factor));
}

static void override(double *into, double stated)
{
	if (!isnan(stated))
		*into = stated;
}

static int by_ends(const void *va, const void *vb)
{
	const struct fl_model_call *a = va, *b = vb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

/* One for each pair of a node and a member of its groups, by from, to. */
static struct fl_model_call *all_pairs(const struct fl_graph *g, size_t *count)
{
	size_t room = 0, kept = 0;

	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++)
		room += fl_graph_group(g, i)->member_count;
	struct fl_model_call *pairs = fl_alloc_array(room, sizeof(*pairs));
	size_t n = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		for (uint32_t k = 0; k < group->member_count; k++) {
			pairs[n] = FL_MODEL_CALL_UNSTATED;
			pairs[n].from = group->of;
			pairs[n++].to = group->members[k];
		}
	}
	if (n > 1)
		qsort(pairs, n, sizeof(*pairs), by_ends);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || by_ends(&pairs[kept - 1], &pairs[i]) != 0)
			pairs[kept++] = pairs[i];
	*count = kept;
	return pairs;
}

static void state_call(struct fl_model *m, const struct fl_graph *g, const struct model_link *l,
	struct fl_model_call *pairs, size_t count)
{
	struct model_nodes from = fl_model_select(m, g, &l->from), to = fl_model_select(m, g, &l->to);
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct fl_model_call *p = &pairs[i];
		if (!fl_model_has(&from, p->from) ||
			!(fl_model_has(&to, p->to) || fl_model_has(&to, fl_model_face(g, p->to))))
			continue;
		found++;
		override(&p->in_flight, l->call.in_flight);
		override(&p->timeout_s, l->call.timeout_s);
		override(&p->retries, l->call.retries);
		override(&p->backoff_s, l->call.backoff_s);
		override(&p->backoff_factor, l->call.backoff_factor);
	}
	if (found == 0 && from.count > 0 && to.count > 0)
		fl_model_remark(
			m, &l->self, false, "no scan shows %.120s calling %.120s", l->from.text, l->to.text);
	free(from.list);
	free(to.list);
}

void fl_model_keep_calls(struct fl_model *m, struct fl_system *s, struct fl_model_outcome *o)
{
	size_t count = 0, stated = 0;
	struct fl_model_call *pairs;

	for (size_t i = 0; i < m->link_count; i++)
		stated += fl_model_call_states(&m->links[i].call);
	if (stated == 0)
		return;
	pairs = all_pairs(s->graph, &count);
	for (size_t i = 0; i < m->link_count; i++)
		if (fl_model_call_states(&m->links[i].call))
			state_call(m, s->graph, &m->links[i], pairs, count);
	o->calls = fl_arena_array(s->arena, count, sizeof(*o->calls));
	for (size_t i = 0; i < count; i++)
		if (fl_model_call_states(&pairs[i]))
			o->calls[o->call_count++] = pairs[i];
	free(pairs);
}
