/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * condensed.c - the failure graph with what always fails together folded into one
 *
 * Two kinds of cycles. One of requirements without slack fails as a whole whichever node goes first: folded
 * into one thing, exactly. One over groups with slack may stop in the middle, and has to be iterated:
 * its things stay apart and are only marked as a ring.
 *
 * Folding changes groups. Members that are part of the group's own thing never matter: when they fail, so
 * has it. Several members that became one thing fail at once; when that is more than the slack, the thing is
 * a requirement without slack. What is left of a group may be too small to break at all.
 *
 * The order is by level (one more than the highest of what is required), not just any topological one: things of
 * the same level take down similar sets, and a block of neighbours then meets rows that are all
 * empty or all full, which cost nothing.
 */
#include "condensed.h"

#include <stdlib.h>
#include <string.h>

#include "components.h"

/* Folded things before they are put in order, numbered as their components are. */
struct folding {
	const struct fl_graph *g;
	uint32_t things;
	uint32_t *thing_of;
	uint32_t *first_node, *nodes; /* of each thing */
	size_t *first_hard, *first_soft;
	uint32_t *hard;
	size_t hard_count, hard_capacity;
	struct fl_soft_group *soft;
	size_t soft_count, soft_capacity;
	uint32_t *members;
	size_t member_count, member_capacity;
	uint32_t *required;           /* stamp: thing + 1 that has this one in `hard` */
	uint32_t *times, *touched;    /* scratch of one group */
	uint32_t *ring, *post;        /* component over all edges; place in depth-first order */
	uint32_t rings;
	bool hardened; /* folding took the slack from a group: there may be new cycles, left as rings */
};

static bool is_hard(const struct fl_group *group)
{
	return group->needs > 0 && group->needs == group->member_count;
}

/* ---- folding cycles without slack ---- */

static void fold_hard_cycles(struct folding *f)
{
	uint32_t order = fl_graph_order(f->g);
	size_t *first = fl_alloc_array((size_t)order + 1, sizeof(*first)), total = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(f->g); i++) {
		const struct fl_group *group = fl_graph_group(f->g, i);
		total += is_hard(group) ? group->member_count : 0;
		first[group->of + 1] = total;
	}
	for (uint32_t v = 0; v < order; v++)
		if (first[v + 1] < first[v])
			first[v + 1] = first[v];
	uint32_t *to = fl_alloc_array(total, sizeof(*to));
	total = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(f->g); i++) {
		const struct fl_group *group = fl_graph_group(f->g, i);
		for (uint32_t m = 0; is_hard(group) && m < group->member_count; m++)
			to[total++] = group->members[m];
	}
	f->thing_of = fl_alloc_array(order, sizeof(*f->thing_of));
	f->things = fl_components(order, first, to, f->thing_of, NULL);
	free(first);
	free(to);
}

/* Stable: what has equal keys stays in the order of @list (NULL: 0, 1, ...). */
static uint32_t *sort_by_key(const uint32_t *list, uint32_t count, const uint32_t *key, uint32_t keys)
{
	uint32_t *place = fl_alloc_array((size_t)keys + 1, sizeof(*place));
	uint32_t *sorted = fl_alloc_array(count, sizeof(*sorted));
	for (uint32_t i = 0; i < count; i++)
		place[key[i] + 1]++;
	for (uint32_t k = 0; k < keys; k++)
		place[k + 1] += place[k];
	for (uint32_t i = 0; i < count; i++) {
		uint32_t item = list == NULL ? i : list[i];
		sorted[place[key[item]]++] = item;
	}
	free(place);
	return sorted;
}

static void list_nodes(struct folding *f)
{
	uint32_t order = fl_graph_order(f->g);
	f->nodes = sort_by_key(NULL, order, f->thing_of, f->things);
	f->first_node = fl_alloc_array((size_t)f->things + 1, sizeof(*f->first_node));
	for (uint32_t v = 0; v < order; v++)
		f->first_node[f->thing_of[v] + 1]++;
	for (uint32_t t = 0; t < f->things; t++)
		f->first_node[t + 1] += f->first_node[t];
}

/* ---- groups between things ---- */

static void require(struct folding *f, uint32_t thing, uint32_t member)
{
	if (member == thing || f->required[member] == thing + 1)
		return;
	f->required[member] = thing + 1;
	if (f->hard_count == f->hard_capacity) {
		f->hard_capacity = fl_grown(f->hard_capacity, f->hard_count + 1);
		f->hard = fl_grow_array(f->hard, f->hard_capacity, sizeof(*f->hard));
	}
	f->hard[f->hard_count++] = member;
}

static void add_soft(struct folding *f, uint32_t thing, uint32_t touched, uint32_t left, uint32_t slack)
{
	if (f->soft_count == f->soft_capacity) {
		f->soft_capacity = fl_grown(f->soft_capacity, f->soft_count + 1);
		f->soft = fl_grow_array(f->soft, f->soft_capacity, sizeof(*f->soft));
	}
	if (f->member_count + left > f->member_capacity) {
		f->member_capacity = fl_grown(f->member_capacity, f->member_count + left);
		f->members = fl_grow_array(f->members, f->member_capacity, sizeof(*f->members));
	}
	f->soft[f->soft_count++] = (struct fl_soft_group){
		.first = f->member_count, .of = thing, .count = left, .breaks_at = slack + 1
	};
	for (uint32_t i = 0; i < touched; i++)
		for (uint32_t n = 0; n < f->times[f->touched[i]]; n++)
			f->members[f->member_count++] = f->touched[i];
}

static void fold_soft_group(struct folding *f, uint32_t thing, const struct fl_group *group)
{
	uint32_t slack = group->member_count - group->needs, touched = 0, left = 0;
	for (uint32_t m = 0; m < group->member_count; m++) {
		uint32_t member = f->thing_of[group->members[m]];
		if (member == thing)
			continue;
		if (f->times[member]++ == 0)
			f->touched[touched++] = member;
	}
	for (uint32_t i = 0; i < touched; i++) {
		uint32_t member = f->touched[i];
		if (f->times[member] > slack) {
			require(f, thing, member);
			f->hardened = true;
		}
		if (f->required[member] == thing + 1)
			f->times[member] = 0; /* as hard as that it fails the owner anyway */
		left += f->times[member];
	}
	if (left > slack)
		add_soft(f, thing, touched, left, slack);
	for (uint32_t i = 0; i < touched; i++)
		f->times[f->touched[i]] = 0;
}

/* Groups without slack first: what they require need not be counted in the others. */
static void fold_groups_of(struct folding *f, uint32_t thing)
{
	for (int soft = 0; soft < 2; soft++) {
		for (uint32_t i = f->first_node[thing]; i < f->first_node[thing + 1]; i++) {
			uint32_t count;
			fl_group_id first = fl_graph_groups_of(f->g, f->nodes[i], &count);
			for (uint32_t k = 0; k < count; k++) {
				const struct fl_group *group = fl_graph_group(f->g, first + k);
				if (soft && group->needs > 0 && !is_hard(group))
					fold_soft_group(f, thing, group);
				for (uint32_t m = 0; !soft && is_hard(group) && m < group->member_count; m++)
					require(f, thing, f->thing_of[group->members[m]]);
			}
		}
	}
}

static void fold_groups(struct folding *f)
{
	f->first_hard = fl_alloc_array((size_t)f->things + 1, sizeof(*f->first_hard));
	f->first_soft = fl_alloc_array((size_t)f->things + 1, sizeof(*f->first_soft));
	f->required = fl_alloc_array(f->things, sizeof(*f->required));
	f->times = fl_alloc_array(f->things, sizeof(*f->times));
	f->touched = fl_alloc_array(f->things, sizeof(*f->touched));
	for (uint32_t t = 0; t < f->things; t++) {
		fold_groups_of(f, t);
		f->first_hard[t + 1] = f->hard_count;
		f->first_soft[t + 1] = f->soft_count;
	}
	free(f->required);
	free(f->times);
	free(f->touched);
}

/* ---- rings and order ---- */

/* Components over all requirements. Without groups that had slack no cycle is left, and things are in order
 * as they are. */
static void find_rings(struct folding *f)
{
	f->ring = fl_alloc_array(f->things, sizeof(*f->ring));
	f->post = fl_alloc_array(f->things, sizeof(*f->post));
	if (f->soft_count == 0 && !f->hardened) {
		for (uint32_t t = 0; t < f->things; t++)
			f->ring[t] = f->post[t] = t;
		f->rings = f->things;
		return;
	}
	size_t *first = fl_alloc_array((size_t)f->things + 1, sizeof(*first)), total = 0;
	uint32_t *to = fl_alloc_array(f->hard_count + f->member_count, sizeof(*to));
	for (uint32_t t = 0; t < f->things; t++) {
		for (size_t i = f->first_hard[t]; i < f->first_hard[t + 1]; i++)
			to[total++] = f->hard[i];
		for (size_t i = f->first_soft[t]; i < f->first_soft[t + 1]; i++)
			for (uint32_t m = 0; m < f->soft[i].count; m++)
				to[total++] = f->members[f->soft[i].first + m];
		first[t + 1] = total;
	}
	f->rings = fl_components(f->things, first, to, f->ring, f->post);
	free(first);
	free(to);
}

static void raise_level(const struct folding *f, uint32_t *level, uint32_t thing, uint32_t member)
{
	uint32_t ring = f->ring[thing], below = f->ring[member];
	if (below != ring && level[ring] <= level[below])
		level[ring] = level[below] + 1;
}

/* Level of each ring; @by_ring: things, those of a ring after those of all rings it requires. */
static uint32_t *find_levels(const struct folding *f, const uint32_t *by_ring, uint32_t *levels)
{
	uint32_t *level = fl_alloc_array(f->rings, sizeof(*level));
	*levels = 1;
	for (uint32_t n = 0; n < f->things; n++) {
		uint32_t t = by_ring[n];
		for (size_t i = f->first_hard[t]; i < f->first_hard[t + 1]; i++)
			raise_level(f, level, t, f->hard[i]);
		for (size_t i = f->first_soft[t]; i < f->first_soft[t + 1]; i++)
			for (uint32_t m = 0; m < f->soft[i].count; m++)
				raise_level(f, level, t, f->members[f->soft[i].first + m]);
		if (level[f->ring[t]] >= *levels)
			*levels = level[f->ring[t]] + 1;
	}
	return level;
}

/* Things in the order to work in: by level, then ring, then depth-first. */
static uint32_t *put_in_order(const struct folding *f)
{
	uint32_t levels, *by_post = fl_alloc_array(f->things, sizeof(*by_post));
	for (uint32_t t = 0; t < f->things; t++)
		by_post[f->post[t]] = t;
	uint32_t *by_ring = sort_by_key(by_post, f->things, f->ring, f->rings);
	uint32_t *level = find_levels(f, by_ring, &levels);
	uint32_t *key = by_post; /* used up: of each thing its level */
	for (uint32_t t = 0; t < f->things; t++)
		key[t] = level[f->ring[t]];
	uint32_t *sorted = sort_by_key(by_ring, f->things, key, levels);
	free(by_post);
	free(by_ring);
	free(level);
	return sorted;
}

/* ---- the result ---- */

static void count_weights(struct fl_condensed *c, const struct fl_graph *g)
{
	uint32_t entries;
	const struct fl_entry_point *list = fl_graph_entry_points(g, &entries);
	c->weight = fl_alloc_array(c->order, sizeof(*c->weight));
	for (fl_node_id v = 0, next = 0; v < c->nodes; v++) {
		bool entry = next < entries && list[next].node == v;
		next += entry;
		c->weight[c->thing_of[v]][fl_graph_is_kind(g, v, "service") * FL_CLASS_SERVICE +
					  entry * FL_CLASS_ENTRY]++;
	}
}

static void copy_requirements(struct fl_condensed *c, const struct folding *f, const uint32_t *sorted,
	const uint32_t *place)
{
	size_t hard = 0, soft = 0, members = 0;
	c->first_hard = fl_alloc_array((size_t)c->order + 1, sizeof(*c->first_hard));
	c->first_soft = fl_alloc_array((size_t)c->order + 1, sizeof(*c->first_soft));
	c->hard = fl_alloc_array(f->hard_count, sizeof(*c->hard));
	c->soft = fl_alloc_array(f->soft_count, sizeof(*c->soft));
	c->soft_members = fl_alloc_array(f->member_count, sizeof(*c->soft_members));
	for (uint32_t p = 0; p < c->order; p++) {
		uint32_t t = sorted[p];
		for (size_t i = f->first_hard[t]; i < f->first_hard[t + 1]; i++)
			c->hard[hard++] = place[f->hard[i]];
		for (size_t i = f->first_soft[t]; i < f->first_soft[t + 1]; i++) {
			c->soft[soft] = f->soft[i];
			c->soft[soft].of = p;
			c->soft[soft++].first = members;
			for (uint32_t m = 0; m < f->soft[i].count; m++)
				c->soft_members[members++] = place[f->members[f->soft[i].first + m]];
		}
		c->first_hard[p + 1] = hard;
		c->first_soft[p + 1] = soft;
	}
}

/* Counts stand one place further on and move into place while filling. */
static void turn_around(struct fl_condensed *c)
{
	size_t hard = c->first_hard[c->order], groups = c->first_soft[c->order];
	size_t weak = groups == 0 ? 0 : c->soft[groups - 1].first + c->soft[groups - 1].count;
	c->first_fails = fl_alloc_array((size_t)c->order + 2, sizeof(*c->first_fails));
	c->first_weakens = fl_alloc_array((size_t)c->order + 2, sizeof(*c->first_weakens));
	c->fails = fl_alloc_array(hard, sizeof(*c->fails));
	c->weakens = fl_alloc_array(weak, sizeof(*c->weakens));
	for (size_t i = 0; i < hard; i++)
		c->first_fails[c->hard[i] + 2]++;
	for (size_t i = 0; i < weak; i++)
		c->first_weakens[c->soft_members[i] + 2]++;
	for (uint32_t p = 0; p < c->order; p++) {
		c->first_fails[p + 2] += c->first_fails[p + 1];
		c->first_weakens[p + 2] += c->first_weakens[p + 1];
	}
	for (uint32_t p = 0; p < c->order; p++)
		for (size_t i = c->first_hard[p]; i < c->first_hard[p + 1]; i++)
			c->fails[c->first_fails[c->hard[i] + 1]++] = p;
	for (uint32_t i = 0; i < groups; i++)
		for (uint32_t m = 0; m < c->soft[i].count; m++) {
			uint32_t member = c->soft_members[c->soft[i].first + m];
			c->weakens[c->first_weakens[member + 1]++] =
				(struct fl_weakening){ .group = i, .of = c->soft[i].of };
		}
}

static void mark_rings(struct fl_condensed *c, const struct folding *f, const uint32_t *sorted)
{
	c->ring_first = fl_alloc_array(c->order, sizeof(*c->ring_first));
	c->ring_last = fl_alloc_array(c->order, sizeof(*c->ring_last));
	for (uint32_t p = 0; p < c->order; p++) {
		bool same = p > 0 && f->ring[sorted[p]] == f->ring[sorted[p - 1]];
		c->ring_first[p] = same ? c->ring_first[p - 1] : p;
	}
	for (uint32_t p = c->order; p-- > 0;) {
		bool same = p + 1 < c->order && c->ring_first[p + 1] == c->ring_first[p];
		c->ring_last[p] = same ? c->ring_last[p + 1] : p;
	}
}

static void folding_fini(struct folding *f)
{
	free(f->first_node);
	free(f->nodes);
	free(f->first_hard);
	free(f->first_soft);
	free(f->hard);
	free(f->soft);
	free(f->members);
	free(f->ring);
	free(f->post);
}

struct fl_condensed *fl_condense(const struct fl_graph *g)
{
	struct folding f = { .g = g };
	struct fl_condensed *c = fl_alloc(sizeof(*c));
	fold_hard_cycles(&f);
	list_nodes(&f);
	fold_groups(&f);
	find_rings(&f);
	uint32_t *sorted = put_in_order(&f);
	uint32_t *place = fl_alloc_array(f.things, sizeof(*place));
	for (uint32_t p = 0; p < f.things; p++)
		place[sorted[p]] = p;
	c->order = f.things;
	c->nodes = fl_graph_order(g);
	copy_requirements(c, &f, sorted, place);
	mark_rings(c, &f, sorted);
	c->thing_of = f.thing_of;
	for (fl_node_id v = 0; v < c->nodes; v++)
		c->thing_of[v] = place[c->thing_of[v]];
	folding_fini(&f);
	free(sorted);
	free(place);
	count_weights(c, g);
	turn_around(c);
	return c;
}

void fl_condensed_free(struct fl_condensed *c)
{
	if (c == NULL)
		return;
	free(c->thing_of);
	free(c->weight);
	free(c->first_hard);
	free(c->first_fails);
	free(c->hard);
	free(c->fails);
	free(c->first_soft);
	free(c->first_weakens);
	free(c->soft);
	free(c->soft_members);
	free(c->weakens);
	free(c->ring_first);
	free(c->ring_last);
	free(c);
}
