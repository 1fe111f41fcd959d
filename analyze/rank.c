/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rank.c - single points of failure, worst first
 *
 * Every node is failed once and the fixed point says what it takes along; those that take
 * an entry point are single points of failure. While the sweep of a node is there, everything that
 * needs it is read off: the entry points, the counts, the path to the worst entry point, and
 * the one node it carries, if there is just one.
 *
 * Folding. A database, the name it is reached by and the machine under it are one worry, not
 * three. Two rules tie a node to another, both only when they lose the same entry points:
 *   a carrier (host, address, provider) goes with the node above it when, over carriers alone, it takes
 *     down exactly one node that is no carrier, and no more services than that one. A host of two
 *     services or a provider behind two vendors is shared fate and stays a row of its own;
 *   a face (endpoint, resolver) goes with the scanned service that it leads to alone.
 * A service is never tied to what it uses: "db fails, so does api" is the finding, not a
 * duplicate of it. Kinds we do not know (files from elsewhere) are never tied.
 * Of those tied together the one a person would act on stands for all: service, resolver, endpoint,
 * host, provider, address, in this order.
 *
 * Expected losses are compared in steps of 1e-9, so that the last bit of a sum does not
 * decide the order.
 */
#include "faultline/rank.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loss.h"
#include "rank_why.h"
#include "sweep.h"

/* In the order in which one stands for the others. */
enum kind { KIND_SERVICE, KIND_RESOLVER, KIND_ENDPOINT, KIND_HOST, KIND_PROVIDER, KIND_ADDRESS, KIND_OTHER };
enum { LOSS_ROUNDS = 6 }; /* what a loss costs, in sweeps, about */
static const char *const kind_words[] = { "service", "resolver", "endpoint", "host", "provider", "address" };

struct work {
	const struct fl_system *system;
	const struct fl_graph *g;
	struct fl_ranking *ranking;
	struct fl_sweep *sweep;
	struct fl_loss *loss;
	bool all_or_nothing;
	uint8_t *kinds; /* of every node, enum kind */
	uint8_t *is_entry;
	bool *carried;       /* scratch: reached over carriers alone */
	uint32_t *spof_of;   /* node -> index in ranking->list, or UINT32_MAX */
	fl_node_id *carries; /* spof -> the node it goes with, or FL_NODE_NONE */
	fl_node_id *under;   /* spof -> the carrier it takes down first, or FL_NODE_NONE */
	uint32_t *leader;    /* spof -> spof, union-find */
	size_t capacity;
};

static uint8_t kind_of(const struct fl_graph *g, fl_node_id v)
{
	uint8_t kind = 0;
	while (kind < KIND_OTHER && !fl_graph_is_kind(g, v, kind_words[kind]))
		kind++;
	return kind;
}

static bool is_carrier(const struct work *w, fl_node_id v)
{
	return w->kinds[v] == KIND_HOST || w->kinds[v] == KIND_PROVIDER || w->kinds[v] == KIND_ADDRESS;
}

static int descending(uint32_t a, uint32_t b)
{
	return (a < b) - (a > b);
}

/* ---- one node's failure ---- */

/* Every node loses all it does or nothing: whoever uses something always uses it, and no group spreads its
 * work over members that it all needs. Then what is lost is what fails, and need not be worked out again. */
static bool is_all_or_nothing(const struct fl_graph *g)
{
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		bool spread = group->member_count > 1 && group->needs == group->member_count;
		if (group->needs > 0 && (group->coupling < 1 || spread))
			return false;
	}
	return true;
}

/* fl_loss_overall() where the losses are those of the last sweep, of one node, @count of them 1 and all
 * others 0. */
static double lost_share(const struct work *w, uint32_t count)
{
	uint32_t entries, order = fl_graph_order(w->g);
	const struct fl_entry_point *list = fl_graph_entry_points(w->g, &entries);
	double sum = 0;
	for (uint32_t i = 0; i < entries; i++)
		sum += fl_sweep_lost(w->sweep, list[i].node) ? list[i].weight : 0;
	if (entries > 0)
		return fmin(sum, 1);
	return order > 1 ? (double)(count - 1) / (double)(order - 1) : 0;
}

static void read_losses(struct work *w, struct fl_spof *spof, const fl_node_id *lost, uint32_t count)
{
	uint32_t entries = 0;
	for (uint32_t i = 0; i < count; i++)
		entries += w->is_entry[lost[i]];
	spof->entry_points_lost =
		fl_arena_array(w->ranking->arena, entries, sizeof(*spof->entry_points_lost));
	uint32_t total;
	const struct fl_entry_point *list = fl_graph_entry_points(w->g, &total);
	for (uint32_t i = 0; entries > 0 && i < total; i++)
		if (fl_sweep_lost(w->sweep, list[i].node))
			spof->entry_points_lost[spof->entry_point_count++] = list[i].node;
	for (uint32_t i = 1; i < count; i++)
		spof->services_lost += w->kinds[lost[i]] == KIND_SERVICE;
	spof->nodes_lost = count - 1;
	if (w->all_or_nothing)
		spof->expected_loss = lost_share(w, count);
	else
		spof->expected_loss = fl_loss_overall(w->g, fl_loss_run(w->loss, &spof->node, 1), &spof->node, 1);
}

/* The only node that is no carrier and is taken down over carriers alone; FL_NODE_NONE. */
static fl_node_id only_carried(struct work *w, const fl_node_id *lost, uint32_t count)
{
	fl_node_id found = FL_NODE_NONE;
	uint32_t several = 0;
	w->carried[lost[0]] = true;
	for (uint32_t i = 1; i < count; i++) {
		fl_group_id group;
		bool carried = w->carried[fl_sweep_because(w->sweep, lost[i], &group)];
		w->carried[lost[i]] = carried && is_carrier(w, lost[i]);
		if (carried && !is_carrier(w, lost[i])) {
			several += found != FL_NODE_NONE;
			found = lost[i];
		}
	}
	for (uint32_t i = 0; i < count; i++)
		w->carried[lost[i]] = false;
	return several == 0 ? found : FL_NODE_NONE;
}

/* The service that an endpoint or resolver leads to alone; FL_NODE_NONE. */
static fl_node_id only_service_behind(const struct work *w, fl_node_id face)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(w->g, face, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(w->g, first + i);
		if (group->needs == 1 && group->member_count == 1 &&
			w->kinds[group->members[0]] == KIND_SERVICE)
			return group->members[0];
	}
	return FL_NODE_NONE;
}

/* Of the groups a lone failure of @v weakens, the least safe. */
static const char *redundancy_of(const struct work *w, fl_node_id v)
{
	uint32_t count;
	const fl_group_id *in = fl_graph_memberships(w->g, v, &count);
	const char *found = "none";
	bool any = false;
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(w->g, in[i]);
		if (group->needs == 0)
			continue;
		if (group->needs == group->member_count)
			return "none";
		if (group->redundancy != FL_REDUNDANCY_CONFIRMED)
			found = "assumed";
		else if (!any)
			found = "confirmed";
		any = true;
	}
	return found;
}

static void add_spof(struct work *w, fl_node_id v, const fl_node_id *lost, uint32_t count)
{
	struct fl_ranking *r = w->ranking;
	if (r->count == w->capacity) {
		w->capacity = fl_grown(w->capacity, r->count + 1);
		r->list = fl_grow_array(r->list, w->capacity, sizeof(*r->list));
		w->carries = fl_grow_array(w->carries, w->capacity, sizeof(*w->carries));
		w->under = fl_grow_array(w->under, w->capacity, sizeof(*w->under));
	}
	struct fl_spof *spof = &r->list[r->count];
	*spof = (struct fl_spof){ .node = v, .same_as = v, .redundancy = redundancy_of(w, v) };
	read_losses(w, spof, lost, count);
	spof->why = fl_rank_why(w->system, w->sweep, spof, lost, count, r->arena);
	w->carries[r->count] = w->under[r->count] = FL_NODE_NONE;
	if (is_carrier(w, v)) {
		w->carries[r->count] = only_carried(w, lost, count);
		if (count > 1 && is_carrier(w, lost[1]))
			w->under[r->count] = lost[1];
	} else if (w->kinds[v] == KIND_ENDPOINT || w->kinds[v] == KIND_RESOLVER)
		w->carries[r->count] = only_service_behind(w, v);
	w->spof_of[v] = (uint32_t)r->count++;
}

/* Only what an entry point requires, over any number of links, can take it down: marks these.
 * Without entry points every node. */
static bool *mark_required(const struct work *w)
{
	uint32_t entries, tail = 0, order = fl_graph_order(w->g);
	const struct fl_entry_point *list = fl_graph_entry_points(w->g, &entries);
	bool *required = fl_alloc_array(order, sizeof(*required));
	fl_node_id *queue = fl_alloc_array(order, sizeof(*queue));
	for (fl_node_id v = 0; v < order; v++)
		required[v] = entries == 0;
	for (uint32_t i = 0; i < entries; i++) {
		required[list[i].node] = true;
		queue[tail++] = list[i].node;
	}
	for (uint32_t head = 0; head < tail; head++) {
		uint32_t count;
		fl_group_id first = fl_graph_groups_of(w->g, queue[head], &count);
		for (uint32_t i = 0; i < count; i++) {
			const struct fl_group *group = fl_graph_group(w->g, first + i);
			for (uint32_t m = 0; m < group->member_count && group->needs > 0; m++) {
				if (required[group->members[m]])
					continue;
				required[group->members[m]] = true;
				queue[tail++] = group->members[m];
			}
		}
	}
	free(queue);
	return required;
}

/* ---- which to look at ---- */

/* Requirements looked at for each node that is lost, about. */
static uint64_t work_of_a_node(const struct work *w)
{
	uint64_t members = 0, order = fl_graph_order(w->g);
	for (fl_group_id i = 0; i < fl_graph_group_count(w->g); i++)
		members += fl_graph_group(w->g, i)->member_count;
	return (1 + members / order) * (w->all_or_nothing ? 1 : LOSS_ROUNDS);
}

struct candidate {
	struct fl_blast_row row;
	fl_node_id node;
};

static int worst_first(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;
	int order = descending(a->row.entry_points_lost, b->row.entry_points_lost);
	if (order == 0)
		order = descending(a->row.services_lost, b->row.services_lost);
	if (order == 0)
		order = descending(a->row.nodes_lost, b->row.nodes_lost);
	return order != 0 ? order : (a->node > b->node) - (a->node < b->node);
}

static size_t list_candidates(const struct work *w, struct candidate *list)
{
	uint32_t entries, order = fl_graph_order(w->g);
	struct fl_blast_row *rows = fl_alloc_array(order, sizeof(*rows));
	size_t count = 0;
	(void)fl_graph_entry_points(w->g, &entries);
	fl_blast_all(w->g, rows);
	for (fl_node_id v = 0; v < order; v++)
		if (entries == 0 ? rows[v].nodes_lost > 0 : rows[v].entry_points_lost > 0)
			list[count++] = (struct candidate){ .row = rows[v], .node = v };
	free(rows);
	return count;
}

/* Takes the mark from those of @required that are no single points of failure or past the limits. */
static void choose_worst(struct work *w, uint64_t limit, bool *required)
{
	uint32_t order = fl_graph_order(w->g);
	uint64_t spent = 0, listed = 0, each = order == 0 ? 0 : work_of_a_node(w);
	if (order == 0 || each * order <= limit / order)
		return;
	struct candidate *list = fl_alloc_array(order, sizeof(*list));
	size_t count = list_candidates(w, list), kept = 0;
	if (count > 1)
		qsort(list, count, sizeof(*list), worst_first);
	for (; kept < count; kept++) {
		spent += each * ((uint64_t)list[kept].row.nodes_lost + 1);
		listed += list[kept].row.entry_points_lost;
		if (kept > 0 && (spent > limit || listed > FL_RANK_ENTRY_POINTS))
			break;
	}
	memset(required, 0, order * sizeof(*required));
	for (size_t i = 0; i < kept; i++)
		required[list[i].node] = true;
	w->ranking->dropped = count - kept;
	free(list);
}

static void find_spofs(struct work *w, uint64_t limit)
{
	uint32_t entries;
	(void)fl_graph_entry_points(w->g, &entries);
	bool *required = mark_required(w);
	choose_worst(w, limit, required);
	for (fl_node_id v = 0; v < fl_graph_order(w->g); v++) {
		uint32_t count;
		w->spof_of[v] = UINT32_MAX;
		if (!required[v])
			continue;
		const fl_node_id *lost = fl_sweep_run(w->sweep, &v, 1, &count);
		bool is_spof = entries == 0 && count > 1;
		for (uint32_t i = 0; i < count && !is_spof; i++)
			is_spof = w->is_entry[lost[i]];
		if (is_spof)
			add_spof(w, v, lost, count);
	}
	free(required);
}

/* ---- folding ---- */

static uint32_t find_leader(struct work *w, uint32_t i)
{
	while (w->leader[i] != i) {
		w->leader[i] = w->leader[w->leader[i]];
		i = w->leader[i];
	}
	return i;
}

static bool same_entry_points(const struct fl_spof *a, const struct fl_spof *b)
{
	if (a->entry_point_count != b->entry_point_count)
		return false;
	for (uint32_t i = 0; i < a->entry_point_count; i++)
		if (a->entry_points_lost[i] != b->entry_points_lost[i])
			return false;
	return true;
}

/* @lower carries @upper, or is a face of it. */
static bool is_one_thing(const struct work *w, const struct fl_spof *lower, const struct fl_spof *upper)
{
	uint32_t services = upper->services_lost + (w->kinds[upper->node] == KIND_SERVICE);
	if (!same_entry_points(lower, upper))
		return false;
	if (is_carrier(w, lower->node))
		return lower->services_lost == services;
	return lower->entry_point_count > 0 || lower->services_lost == upper->services_lost;
}

static bool stands_before(const struct work *w, uint32_t a, uint32_t b)
{
	const struct fl_spof *x = &w->ranking->list[a], *y = &w->ranking->list[b];
	if (w->kinds[x->node] != w->kinds[y->node])
		return w->kinds[x->node] < w->kinds[y->node];
	if (x->nodes_lost != y->nodes_lost)
		return x->nodes_lost > y->nodes_lost;
	return x->node < y->node;
}

static void unite(struct work *w, uint32_t i, uint32_t j)
{
	uint32_t a = find_leader(w, i), b = find_leader(w, j);
	if (a != b && stands_before(w, a, b))
		w->leader[b] = a;
	else
		w->leader[a] = b;
}

static void unite_with_upper(struct work *w, uint32_t i)
{
	const struct fl_spof *list = w->ranking->list;
	uint32_t upper = w->carries[i] == FL_NODE_NONE ? UINT32_MAX : w->spof_of[w->carries[i]];
	uint32_t under = w->under[i] == FL_NODE_NONE ? UINT32_MAX : w->spof_of[w->under[i]];
	if (upper != UINT32_MAX && is_one_thing(w, &list[i], &list[upper]))
		unite(w, i, upper);
	/* What the upper takes down, the lower does: equal but for one, it is the same and itself. */
	if (under != UINT32_MAX && list[i].nodes_lost == list[under].nodes_lost + 1)
		unite(w, i, under);
}

static void fold(struct work *w)
{
	struct fl_ranking *r = w->ranking;
	w->leader = fl_alloc_array(r->count, sizeof(*w->leader));
	for (uint32_t i = 0; i < r->count; i++)
		w->leader[i] = i;
	for (uint32_t i = 0; i < r->count; i++)
		unite_with_upper(w, i);
	for (uint32_t i = 0; i < r->count; i++) {
		r->list[i].same_as = r->list[find_leader(w, i)].node;
		if (r->list[i].same_as != r->list[i].node)
			r->list[i].why = fl_rank_why_same(w->system, r->list[i].same_as, r->arena);
	}
}

/* ---- order ---- */

struct place {
	struct fl_spof spof, of; /* of: its representative */
	uint8_t kind;
};

static int compare_worth(const struct fl_spof *a, const struct fl_spof *b)
{
	int order = descending(a->entry_point_count, b->entry_point_count);
	if (order == 0)
		order = descending(
			(uint32_t)lround(a->expected_loss * 1e9), (uint32_t)lround(b->expected_loss * 1e9));
	if (order == 0)
		order = descending(a->services_lost, b->services_lost);
	if (order == 0)
		order = descending(a->nodes_lost, b->nodes_lost);
	return order != 0 ? order : (a->node > b->node) - (a->node < b->node);
}

static int compare_places(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;
	if (a->of.node != b->of.node)
		return compare_worth(&a->of, &b->of);
	bool a_leads = a->spof.node == a->of.node, b_leads = b->spof.node == b->of.node;
	if (a_leads != b_leads)
		return a_leads ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->spof.node > b->spof.node) - (a->spof.node < b->spof.node);
}

static void put_in_order(struct work *w)
{
	struct fl_ranking *r = w->ranking;
	struct place *places = fl_alloc_array(r->count, sizeof(*places));
	for (size_t i = 0; i < r->count; i++)
		places[i] = (struct place){ .spof = r->list[i],
			.of = r->list[w->spof_of[r->list[i].same_as]],
			.kind = w->kinds[r->list[i].node] };
	if (r->count > 1)
		qsort(places, r->count, sizeof(*places), compare_places);
	free(r->list);
	r->list = fl_arena_array(r->arena, r->count, sizeof(*r->list));
	uint32_t rank = 0;
	for (size_t i = 0; i < r->count; i++) {
		rank += places[i].spof.same_as == places[i].spof.node;
		r->list[i] = places[i].spof;
		r->list[i].rank = rank;
	}
	free(places);
}

struct fl_ranking *fl_rank_within(const struct fl_system *s, uint64_t work)
{
	struct fl_arena *arena = fl_arena_new();
	struct fl_ranking *ranking = fl_arena_alloc(arena, sizeof(*ranking));
	struct work w = { .system = s, .g = s->graph, .ranking = ranking };
	uint32_t order = fl_graph_order(s->graph), entries;
	const struct fl_entry_point *list = fl_graph_entry_points(s->graph, &entries);
	ranking->arena = arena;
	w.sweep = fl_sweep_new(s->graph);
	w.loss = fl_loss_new(s->graph);
	w.all_or_nothing = is_all_or_nothing(s->graph);
	w.kinds = fl_alloc_array(order, sizeof(*w.kinds));
	w.is_entry = fl_alloc_array(order, sizeof(*w.is_entry));
	w.carried = fl_alloc_array(order, sizeof(*w.carried));
	w.spof_of = fl_alloc_array(order, sizeof(*w.spof_of));
	for (fl_node_id v = 0; v < order; v++)
		w.kinds[v] = kind_of(s->graph, v);
	for (uint32_t i = 0; i < entries; i++)
		w.is_entry[list[i].node] = 1;
	find_spofs(&w, work);
	fold(&w);
	put_in_order(&w);
	fl_sweep_free(w.sweep);
	fl_loss_free(w.loss);
	free(w.kinds);
	free(w.is_entry);
	free(w.carried);
	free(w.spof_of);
	free(w.carries);
	free(w.under);
	free(w.leader);
	return ranking;
}

struct fl_ranking *fl_rank(const struct fl_system *s)
{
	return fl_rank_within(s, FL_RANK_WORK);
}

void fl_ranking_free(struct fl_ranking *r)
{
	if (r != NULL)
		fl_arena_free(r->arena);
}
