/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared.c - what is meant to be redundant and falls together all the same: sorting it out
 *
 *   groups of the graph                     shared_groups.c
 *   several addresses of one host, vendors  shared_places.c
 *   the loss, the order, what to separate   here
 *
 * How much a finding matters is the expected loss with the shared node down: the group is there to
 * prevent that loss and does not. What a separation is worth is the part of it that goes away: the
 * node is down again, but the group holds, or, for vendors, only the worst of them is lost. That is worked
 * out on a copy of the graph, for the findings with the largest loss only.
 *
 * Replicas call the same database because they do the same work. Listing that as a surprise for
 * every group would bury the surprises, so a requirement that is an endpoint which every member calls itself goes
 * to the list of common dependencies; the same node reached by different endpoints, or as a resolver,
 * does not.
 */
#include "faultline/shared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph_copy.h"
#include "loss.h"
#include "shared_internal.h"

struct fl_shared_fate *fl_shared_add(struct fl_shared_work *w)
{
	if (w->count == w->capacity) {
		w->capacity = fl_grown(w->capacity, w->count + 1);
		w->list = fl_grow_array(w->list, w->capacity, sizeof(*w->list));
	}
	w->list[w->count] = (struct fl_shared_fate){ .loss_after = NAN };
	return &w->list[w->count++];
}

/* ---- which list ---- */

/* The service an endpoint stands for: the end of links to a single node. */
static fl_node_id core_of(const struct fl_graph *g, fl_node_id v)
{
	for (unsigned steps = 0; steps < 4 && fl_graph_is_kind(g, v, "endpoint"); steps++) {
		uint32_t count;
		fl_group_id first = fl_graph_groups_of(g, v, &count);
		const struct fl_group *group = count == 1 ? fl_graph_group(g, first) : NULL;
		if (group == NULL || group->member_count != 1)
			break;
		v = group->members[0];
	}
	return v;
}

static bool calls(const struct fl_graph *g, fl_node_id service, fl_node_id endpoint)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, service, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		if (group->needs == 1 && group->member_count == 1 && group->members[0] == endpoint)
			return true;
	}
	return false;
}

static bool is_common(const struct fl_graph *g, const struct fl_shared_fate *f)
{
	if (strcmp(f->kind, "requirement") != 0 || !fl_graph_is_kind(g, f->shares, "endpoint"))
		return false;
	for (size_t i = 0; i < f->member_count; i++) {
		fl_node_id core = core_of(g, fl_graph_find(g, f->members[i]));
		if (!fl_graph_is_kind(g, core, "service") || !calls(g, core, f->shares))
			return false;
	}
	return true;
}

static bool is_inherent(const struct fl_graph *g, const struct fl_shared_fate *f)
{
	fl_node_id of = fl_graph_find(g, f->group);

	return strcmp(f->kind, "provider") == 0 && of != FL_NODE_NONE && fl_graph_is_kind(g, of, "endpoint");
}

/* ---- what it costs ---- */

static double loss_without(const struct fl_shared_work *w, const struct fl_shared_fate *f)
{
	const struct fl_graph *g = w->system->graph;
	bool *without = fl_alloc_array(fl_graph_group_count(g), sizeof(*without));

	for (size_t i = 0; i < f->group_count; i++)
		without[f->groups[i]] = true;
	struct fl_graph_builder *b = fl_graph_reopen(g, without);
	struct fl_graph *held = fl_graph_freeze(&b);
	struct fl_loss *l = fl_loss_new(held);
	double loss = fl_loss_overall(held, fl_loss_run(l, &f->shares, 1), &f->shares, 1);
	fl_loss_free(l);
	fl_graph_free(held);
	free(without);
	return loss;
}

static double worst_alone(const struct fl_shared_work *w, struct fl_loss *l, const struct fl_shared_fate *f)
{
	const struct fl_graph *g = w->system->graph;
	double worst = 0;

	for (size_t i = 0; i < f->member_count; i++) {
		fl_node_id v = fl_graph_find(g, f->members[i]);
		worst = fmax(worst, fl_loss_overall(g, fl_loss_run(l, &v, 1), &v, 1));
	}
	return worst;
}

/* Once a node, however many groups share it. */
static void work_out_losses(struct fl_shared_work *w, struct fl_loss *l)
{
	const struct fl_graph *g = w->system->graph;
	double *known = fl_alloc_array(fl_graph_order(g), sizeof(*known));

	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		known[v] = NAN;
	for (size_t i = 0; i < w->count; i++) {
		struct fl_shared_fate *f = &w->list[i];
		if (isnan(known[f->shares]))
			known[f->shares] = fl_loss_overall(g, fl_loss_run(l, &f->shares, 1), &f->shares, 1);
		f->expected_loss = known[f->shares];
	}
	free(known);
}

static int compare_fates(const void *va, const void *vb)
{
	const struct fl_shared_fate *a = va, *b = vb;

	if (a->breaks != b->breaks)
		return a->breaks ? -1 : 1;
	if (a->expected_loss < b->expected_loss || a->expected_loss > b->expected_loss)
		return a->expected_loss > b->expected_loss ? -1 : 1;
	int order = strcmp(a->group, b->group);
	order = order != 0 ? order : (a->shares > b->shares) - (a->shares < b->shares);
	order = order != 0 ? order : (a->member_count < b->member_count) - (a->member_count > b->member_count);
	for (size_t i = 0; order == 0 && i < a->member_count; i++)
		order = strcmp(a->members[i], b->members[i]);
	return order;
}

/* ---- words ---- */

static const char *without_kind(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon != NULL && colon[1] != '\0' ? colon + 1 : id;
}

static const char *explain(struct fl_shared_work *w, const struct fl_shared_fate *f)
{
	const struct fl_node *n = fl_graph_node(w->system->graph, f->shares);
	const char *label = fl_system_label(w->system, f->shares);
	const char *group = without_kind(f->group);

	if (strcmp(f->group, FL_SHARED_VENDORS) == 0)
		return fl_arena_printf(w->arena, "%zu names of different vendors end at %s %s: %s",
			f->member_count, n->kind, label, f->breaks ? "they fail together" : "it serves all of them");
	if (!f->breaks)
		return fl_arena_printf(w->arena, "%zu of the %zu that %s can choose from fall with %s %s",
			f->member_count, f->group_size, group, n->kind, label);
	if (strcmp(f->kind, "member") == 0)
		return fl_arena_printf(w->arena, "%s needs %u of %zu, but the others need %s %s", group, f->needs,
			f->group_size, n->kind, label);
	if (f->member_count < f->group_size || f->needs > 1)
		return fl_arena_printf(w->arena, "%s needs %u of %zu, but %zu fall with %s %s", group, f->needs,
			f->group_size, f->member_count, n->kind, label);
	if (f->group_size == 2)
		return fl_arena_printf(
			w->arena, "both that %s can choose from fall with %s %s", group, n->kind, label);
	return fl_arena_printf(w->arena, "all %zu that %s can choose from fall with %s %s", f->group_size, group,
		n->kind, label);
}

/* ---- the result ---- */

static void add_to(struct fl_arena *a, struct fl_shared_fate **list, size_t *count, size_t room,
	const struct fl_shared_fate *f)
{
	if (*list == NULL)
		*list = fl_arena_array(a, room, sizeof(**list));
	(*list)[(*count)++] = *f;
}

static void sort_out(struct fl_shared_work *w, struct fl_shared *r)
{
	const struct fl_graph *g = w->system->graph;

	for (size_t i = 0; i < w->count; i++) {
		struct fl_shared_fate *f = &w->list[i];
		f->why = explain(w, f);
		if (is_common(g, f))
			add_to(r->arena, &r->common, &r->common_count, w->count, f);
		else if (is_inherent(g, f))
			add_to(r->arena, &r->inherent, &r->inherent_count, w->count, f);
		else
			add_to(r->arena, &r->list, &r->count, w->count, f);
	}
}

struct gain {
	size_t index;
	double drop;
};

static int by_gain(const void *va, const void *vb)
{
	const struct gain *a = va, *b = vb;

	if (a->drop < b->drop || a->drop > b->drop)
		return a->drop > b->drop ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/* Where every shared node has a stated probability, the drop of one that fails often counts more. */
static double weight_of(const struct fl_graph *g, const struct fl_shared *r, size_t i)
{
	for (size_t k = 0; k < r->count; k++)
		if (isnan(fl_graph_node(g, r->list[k].shares)->failure_probability))
			return 1;
	return fl_graph_node(g, r->list[i].shares)->failure_probability;
}

static void rank_separations(struct fl_shared_work *w, struct fl_loss *l, struct fl_shared *r)
{
	size_t looked_at = r->count < FL_SHARED_SEPARATED ? r->count : FL_SHARED_SEPARATED;
	struct gain *gains = fl_alloc_array(looked_at, sizeof(*gains));

	for (size_t i = 0; i < looked_at; i++) {
		struct fl_shared_fate *f = &r->list[i];
		if (!f->breaks)
			continue;
		f->loss_after = f->group_count > 0 ? loss_without(w, f) : worst_alone(w, l, f);
		double drop = f->expected_loss - f->loss_after;
		if (drop > 1e-12)
			gains[r->separate_count++] =
				(struct gain){ i, drop * weight_of(w->system->graph, r, i) };
	}
	if (r->separate_count > 1)
		qsort(gains, r->separate_count, sizeof(*gains), by_gain);
	r->separate = fl_arena_array(r->arena, r->separate_count, sizeof(*r->separate));
	for (size_t i = 0; i < r->separate_count; i++)
		r->separate[i] = gains[i].index;
	free(gains);
}

struct fl_shared *fl_shared(const struct fl_system *s)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_shared *r = fl_arena_alloc(a, sizeof(*r));
	struct fl_shared_work w = { .system = s, .arena = a, .fall = fl_fall_new(s->graph) };
	struct fl_loss *l = fl_loss_new(s->graph);

	r->arena = a;
	fl_shared_groups(&w);
	fl_shared_hosts(&w);
	fl_shared_vendors(&w);
	work_out_losses(&w, l);
	if (w.count > 1)
		qsort(w.list, w.count, sizeof(*w.list), compare_fates);
	sort_out(&w, r);
	rank_separations(&w, l, r);
	r->dropped = w.dropped;
	fl_loss_free(l);
	fl_fall_free(w.fall);
	free(w.list);
	return r;
}

void fl_shared_free(struct fl_shared *r)
{
	if (r != NULL)
		fl_arena_free(r->arena);
}
