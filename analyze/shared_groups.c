/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared_groups.c - groups of the graph whose members fall together
 *
 * Every node below a group with spare members is failed by itself; a group of which it takes two members or
 * more gives a hit (group, node). A hit that leaves enough members up is kept for places alone (host, address,
 * zone, provider): two of three replicas on one machine are worth telling, two of three
 * that ask one more service are not.
 *
 * In a dense graph a node takes thousands of groups with it, and there are more hits than anybody reads. What may be kept
 * is then filled with those of the nodes that take most entry points with them, most nodes, and the first
 * by id: the list is read from the worst on. Of the others it is said how many were not looked at.
 *
 * Hits of one group that bring the same members down are mostly one thing seen at several depths:
 * endpoint, service, host, zone. Hit x stands behind the others when the members no longer fall by x
 * while the others that fall by x are held up. This asks what the chain of cause and effect is; that y falls
 * when x does would not do: a machine that carries both replicas and their database takes the database down,
 * too, but that is not how it takes the replicas. Of two that take each other down the first by id stands
 * in front.
 *
 * Members of a set are compared by a sum of mixed ids; two different sets with one sum
 * would only fold two rows into one, and 64 bits make that a thing that does not happen.
 */
#include <stdlib.h>
#include <string.h>

#include "faultline/rank.h"
#include "shared_internal.h"

enum {
	SET_MAX = 2000,       /* hits compared all with all; where there are absurdly many, each stands for itself */
	KNOWN_MAX = 64 << 20, /* bytes of struct known_falls */
};

struct hit {
	fl_group_id group;
	fl_node_id node;
	uint32_t count; /* members that fall */
	uint64_t set;   /* which */
	size_t behind;  /* the hit it stands behind; itself: in front */
};

/* What falls with a node, for nodes of many hits; made when first asked for. */
struct known_falls {
	uint64_t **lost; /* of a node: a bit a node; NULL */
	size_t words, bytes;
};

struct hits {
	struct fl_shared_work *w;
	struct hit *list;
	size_t count, capacity;
	struct known_falls known;
	uint32_t *down; /* of a group, in this run */
	uint64_t *set;
	fl_group_id *touched;
};

static const char *const places[] = { "host", "address", "provider", "resolver", "zone" };

static const char *place_of(const struct fl_graph *g, fl_node_id v)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(places); i++)
		if (fl_graph_is_kind(g, v, places[i]))
			return places[i];
	return NULL;
}

static bool has_spare(const struct fl_group *group)
{
	return group->needs > 0 && group->needs < group->member_count;
}

/* splitmix64's finaliser */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* ---- which nodes stand below a group with spare members ---- */

static bool *below_groups(const struct fl_graph *g)
{
	bool *below = fl_alloc_array(fl_graph_order(g), sizeof(*below));
	fl_node_id *queue = fl_alloc_array(fl_graph_order(g), sizeof(*queue));
	uint32_t n = 0, count;

	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		for (uint32_t k = 0; has_spare(group) && k < group->member_count; k++) {
			if (!below[group->members[k]])
				queue[n++] = group->members[k];
			below[group->members[k]] = true;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		fl_group_id first = fl_graph_groups_of(g, queue[i], &count);
		for (uint32_t k = 0; k < count; k++) {
			const struct fl_group *group = fl_graph_group(g, first + k);
			for (uint32_t m = 0; group->needs > 0 && m < group->member_count; m++) {
				if (!below[group->members[m]])
					queue[n++] = group->members[m];
				below[group->members[m]] = true;
			}
		}
	}
	free(queue);
	return below;
}

/* ---- hits ---- */

static void add_hit(struct hits *h, fl_group_id group, fl_node_id x)
{
	if (h->count == FL_SHARED_MAX) {
		h->w->dropped++;
		return;
	}
	if (h->count == h->capacity) {
		h->capacity = fl_grown(h->capacity, h->count + 1);
		h->list = fl_grow_array(h->list, h->capacity, sizeof(*h->list));
	}
	h->list[h->count++] = (struct hit){ group, x, h->down[group], h->set[group], 0 };
}

static void fail_one(struct hits *h, fl_node_id x)
{
	const struct fl_graph *g = h->w->system->graph;
	uint32_t lost, memberships;
	size_t touched = 0;
	const fl_node_id *list = fl_fall_run(h->w->fall, x, &lost);

	for (uint32_t i = 0; i < lost; i++) {
		const fl_group_id *in = fl_graph_memberships(g, list[i], &memberships);
		for (uint32_t k = 0; k < memberships; k++) {
			if (!has_spare(fl_graph_group(g, in[k])))
				continue;
			if (h->down[in[k]] == 0)
				h->touched[touched++] = in[k];
			h->down[in[k]]++;
			h->set[in[k]] += mix(list[i]);
		}
	}
	for (size_t i = 0; i < touched; i++) {
		const struct fl_group *group = fl_graph_group(g, h->touched[i]);
		uint32_t down = h->down[h->touched[i]];
		if (down >= 2 && (group->member_count - down < group->needs || place_of(g, x) != NULL))
			add_hit(h, h->touched[i], x);
		h->down[h->touched[i]] = 0;
		h->set[h->touched[i]] = 0;
	}
}

static int by_group_and_set(const void *va, const void *vb)
{
	const struct hit *a = va, *b = vb;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->set != b->set)
		return a->set < b->set ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

struct suspect {
	fl_node_id node;
	struct fl_blast_row takes;
};

static int by_harm(const void *va, const void *vb)
{
	const struct suspect *a = va, *b = vb;

	if (a->takes.entry_points_lost != b->takes.entry_points_lost)
		return a->takes.entry_points_lost > b->takes.entry_points_lost ? -1 : 1;
	if (a->takes.nodes_lost != b->takes.nodes_lost)
		return a->takes.nodes_lost > b->takes.nodes_lost ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

/* Nodes that may be behind a hit, the most harmful first. One that takes nobody with it is behind none. */
static struct suspect *list_suspects(const struct fl_graph *g, size_t *count)
{
	struct suspect *list = fl_alloc_array(fl_graph_order(g), sizeof(*list));
	struct fl_blast_row *rows = fl_alloc_array(fl_graph_order(g), sizeof(*rows));
	bool *below = below_groups(g);

	*count = 0;
	fl_blast_all(g, rows);
	for (fl_node_id x = 0; x < fl_graph_order(g); x++)
		if (below[x] && rows[x].nodes_lost > 0)
			list[(*count)++] = (struct suspect){ x, rows[x] };
	if (*count > 1)
		qsort(list, *count, sizeof(*list), by_harm);
	free(below);
	free(rows);
	return list;
}

static void collect_hits(struct hits *h)
{
	const struct fl_graph *g = h->w->system->graph;
	uint32_t groups = fl_graph_group_count(g);
	size_t suspects;
	struct suspect *list = list_suspects(g, &suspects);

	h->down = fl_alloc_array(groups, sizeof(*h->down));
	h->set = fl_alloc_array(groups, sizeof(*h->set));
	h->touched = fl_alloc_array(groups, sizeof(*h->touched));
	for (size_t i = 0; i < suspects; i++) {
		if (h->count < FL_SHARED_MAX && fl_fall_work(h->w->fall) < FL_SHARED_WORK)
			fail_one(h, list[i].node);
		else
			h->w->dropped++;
	}
	if (h->count > 1)
		qsort(h->list, h->count, sizeof(*h->list), by_group_and_set);
	free(list);
	free(h->down);
	free(h->set);
	free(h->touched);
}

/* ---- what falls with a node, asked often ---- */

static void remember(struct hits *h, fl_node_id x)
{
	uint32_t lost;
	const fl_node_id *list = fl_fall_run(h->w->fall, x, &lost);

	h->known.lost[x] = fl_alloc_array(h->known.words, sizeof(**h->known.lost));
	h->known.bytes += h->known.words * sizeof(**h->known.lost);
	for (uint32_t i = 0; i < lost; i++)
		h->known.lost[x][list[i] / 64] |= UINT64_C(1) << list[i] % 64;
}

/* For fells(), until it is called for another node or something is held up. */
static void fell(struct hits *h, fl_node_id x)
{
	uint32_t lost;

	if (h->known.lost[x] == NULL && h->known.bytes < KNOWN_MAX)
		remember(h, x);
	else if (h->known.lost[x] == NULL)
		(void)fl_fall_run(h->w->fall, x, &lost);
}

static bool fells(const struct hits *h, fl_node_id x, fl_node_id y)
{
	const uint64_t *lost = h->known.lost[x];

	return lost != NULL ? lost[y / 64] >> y % 64 & 1 : fl_fall_lost(h->w->fall, y);
}

/* ---- what stands behind what ---- */

/* Do the members of this hit's set still fall by it? */
static bool still_falls(const struct hits *h, const struct hit *x)
{
	const struct fl_group *group = fl_graph_group(h->w->system->graph, x->group);
	uint32_t lost, down = 0;

	(void)fl_fall_run(h->w->fall, x->node, &lost);
	for (uint32_t k = 0; k < group->member_count; k++)
		down += fl_fall_lost(h->w->fall, group->members[k]);
	return down == x->count;
}

/* takes[i * n + j]: hit i takes node of hit j down */
static bool *relations(struct hits *h, const struct hit *list, size_t n)
{
	bool *takes = fl_alloc_array(n * n, sizeof(*takes));

	for (size_t i = 0; i < n; i++) {
		fell(h, list[i].node);
		for (size_t j = 0; j < n; j++)
			takes[i * n + j] = fells(h, list[i].node, list[j].node);
	}
	return takes;
}

static void order_set(struct hits *h, struct hit *list, size_t n)
{
	if (n == 1) {
		list[0].behind = 0;
		return;
	}
	bool *takes = relations(h, list, n);
	bool *stands_behind = fl_alloc_array(n, sizeof(*stands_behind));

	for (size_t i = 0; i < n; i++) {
		size_t held = 0;
		for (size_t j = 0; j < n; j++) {
			if (i == j || !takes[i * n + j] || (takes[j * n + i] && i < j))
				continue;
			fl_fall_hold(h->w->fall, list[j].node);
			held++;
		}
		stands_behind[i] = held > 0 && !still_falls(h, &list[i]);
		fl_fall_let_go(h->w->fall);
	}
	for (size_t i = 0; i < n; i++) {
		list[i].behind = i;
		for (size_t j = 0; stands_behind[i] && j < n && list[i].behind == i; j++)
			if (takes[i * n + j] && !stands_behind[j])
				list[i].behind = j;
	}
	free(takes);
	free(stands_behind);
}

/* ---- findings ---- */

static const char *kind_of(const struct fl_graph *g, const struct fl_group *group, fl_node_id x)
{
	const char *place = place_of(g, x);

	for (uint32_t k = 0; k < group->member_count; k++)
		if (group->members[k] == x)
			return "member";
	return place != NULL ? place : "requirement";
}

static void name_members(struct hits *h, struct fl_shared_fate *f, const struct hit *x)
{
	const struct fl_graph *g = h->w->system->graph;
	const struct fl_group *group = fl_graph_group(g, x->group);

	f->members = fl_arena_array(h->w->arena, x->count, sizeof(*f->members));
	fell(h, x->node);
	for (uint32_t k = 0; k < group->member_count; k++)
		if (fells(h, x->node, group->members[k]))
			f->members[f->member_count++] = fl_graph_node(g, group->members[k])->id;
}

/* ---- what a separation would cut ---- */

struct cuts {
	const struct fl_graph *graph;
	fl_node_id x;
	fl_group_id *list;
	size_t count, capacity;
};

/* Groups of @v that @x is a member of. */
static void cut_at(struct cuts *c, fl_node_id v)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(c->graph, v, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(c->graph, first + i);
		for (uint32_t m = 0; group->needs > 0 && m < group->member_count; m++) {
			if (group->members[m] != c->x)
				continue;
			if (c->count == c->capacity) {
				c->capacity = fl_grown(c->capacity, c->count + 1);
				c->list = fl_grow_array(c->list, c->capacity, sizeof(*c->list));
			}
			c->list[c->count++] = first + i;
		}
	}
}

/* @v, the service it stands for, and what that calls. */
static void cut_below(struct cuts *c, fl_node_id v)
{
	uint32_t count;
	fl_group_id first;

	for (unsigned steps = 0; steps < 4; steps++) {
		cut_at(c, v);
		first = fl_graph_groups_of(c->graph, v, &count);
		if (!fl_graph_is_kind(c->graph, v, "endpoint") || count != 1 ||
			fl_graph_group(c->graph, first)->member_count != 1 ||
			fl_graph_group(c->graph, first)->members[0] == c->x)
			break;
		v = fl_graph_group(c->graph, first)->members[0];
	}
	first = fl_graph_groups_of(c->graph, v, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(c->graph, first + i);
		for (uint32_t m = 0; group->needs > 0 && m < group->member_count; m++)
			if (fl_graph_is_kind(c->graph, group->members[m], "endpoint"))
				cut_at(c, group->members[m]);
	}
}

/* All members that fall but the first get a node of their own. Where none hangs on it in a way that could be cut
 * one by one, the group as a whole is taken to hold. */
static void find_cuts(struct hits *h, struct fl_shared_fate *f, fl_group_id group)
{
	struct cuts c = { .graph = h->w->system->graph, .x = f->shares };

	for (size_t i = 1; i < f->member_count; i++)
		cut_below(&c, fl_graph_find(c.graph, f->members[i]));
	f->group_count = c.count > 0 ? c.count : 1;
	fl_group_id *groups = fl_arena_array(h->w->arena, f->group_count, sizeof(*groups));
	groups[0] = group;
	for (size_t i = 0; i < c.count; i++)
		groups[i] = c.list[i];
	f->groups = groups;
	free(c.list);
}

static int by_node(const void *va, const void *vb)
{
	const fl_node_id *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

static void report(struct hits *h, const struct hit *list, size_t n, size_t leader)
{
	const struct fl_graph *g = h->w->system->graph;
	const struct hit *x = &list[leader];
	const struct fl_group *group = fl_graph_group(g, x->group);
	struct fl_shared_fate *f = fl_shared_add(h->w);

	f->group = fl_graph_node(g, group->of)->id;
	f->group_size = group->member_count;
	f->needs = group->needs;
	f->shares = x->node;
	f->kind = kind_of(g, group, x->node);
	f->breaks = group->member_count - x->count < group->needs;
	f->redundancy = group->redundancy;
	f->also = fl_arena_array(h->w->arena, n, sizeof(*f->also));
	for (size_t i = 0; i < n; i++)
		if (i != leader && list[i].behind == leader)
			f->also[f->also_count++] = list[i].node;
	if (f->also_count > 1)
		qsort(f->also, f->also_count, sizeof(*f->also), by_node);
	name_members(h, f, x);
	find_cuts(h, f, x->group);
}

void fl_shared_groups(struct fl_shared_work *w)
{
	uint32_t order = fl_graph_order(w->system->graph);
	struct hits h = { .w = w, .known.words = (size_t)order / 64 + 1 };

	h.known.lost = fl_alloc_array(order, sizeof(*h.known.lost));
	collect_hits(&h);
	uint64_t limit = fl_fall_work(w->fall) + FL_SHARED_WORK;
	for (size_t i = 0, end; i < h.count; i = end) {
		struct hit *set = &h.list[i];
		for (end = i + 1; end < h.count && h.list[end].group == set->group &&
				  h.list[end].set == set->set && end - i < SET_MAX;)
			end++;
		if (fl_fall_work(w->fall) > limit) {
			w->dropped += end - i;
			continue;
		}
		order_set(&h, set, end - i);
		for (size_t k = 0; k < end - i; k++)
			if (set[k].behind == k)
				report(&h, set, end - i, k);
	}
	for (fl_node_id v = 0; v < order; v++)
		free(h.known.lost[v]);
	free(h.known.lost);
	free(h.list);
}
