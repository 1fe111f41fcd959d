/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.c - the failure graph: builder, freezing, read-only access
 *
 * The builder only appends. Node ids live in a string pool, whose dense ids double as the
 * handles callers hold, so "create when new" needs no second table. Groups point into one
 * long list of member handles by offset, because that list moves while it grows.
 *
 * Freezing sorts: nodes by id text, groups by their node and then by their members. From
 * there on a node is its place in byte order, so every list of node ids that is sorted by
 * number is sorted by name too, and nothing that is printed depends on the order of the
 * input or on a hash. Adjacency is two flat arrays with offsets, one from a node to its groups (a
 * range of group ids, since groups are sorted by node) and one from a node to the groups it
 * is a member of.
 *
 * Invariants of a frozen graph, relied upon by every algorithm:
 *   members are sorted and distinct; needs <= member_count;
 *   redundancy is NONE exactly when needs == member_count;
 *   entry point weights are >= 0 and sum to 1.
 * The graph owns the pools its strings live in.
 */
#include "faultline/graph.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/sort.h"
#include "faultline/strpool.h"

struct raw_group {
	uint32_t of, needs, member_count;
	size_t first_member;
	double coupling;
	enum fl_redundancy redundancy;
	fl_str evidence;
};

struct fl_graph_builder {
	struct fl_strpool *ids, *words; /* words: kinds and evidence */
	struct fl_node *nodes;
	size_t node_count, node_capacity;
	struct raw_group *groups;
	size_t group_count, group_capacity;
	uint32_t *members;
	size_t member_count, member_capacity;
	struct fl_entry_point *entries;
	size_t entry_count, entry_capacity;
};

struct fl_graph {
	struct fl_strpool *ids, *words;
	struct fl_node *nodes;
	uint32_t node_count, group_count, entry_count;
	struct fl_group *groups;
	fl_node_id *members;      /* of all groups, end to end */
	fl_group_id *first_group; /* node_count + 1 */
	size_t *first_membership; /* node_count + 1, into memberships */
	fl_group_id *memberships;
	struct fl_entry_point *entries;
};

/* ---- builder ---- */

struct fl_graph_builder *fl_graph_builder_new(void)
{
	struct fl_graph_builder *b = fl_alloc(sizeof(*b));
	b->ids = fl_strpool_new(0);
	b->words = fl_strpool_new(0);
	return b;
}

void fl_graph_builder_free(struct fl_graph_builder *b)
{
	if (b == NULL)
		return;
	fl_strpool_free(b->ids);
	fl_strpool_free(b->words);
	free(b->nodes);
	free(b->groups);
	free(b->members);
	free(b->entries);
	free(b);
}

static fl_str add_word(struct fl_graph_builder *b, const char *word)
{
	return word == NULL ? FL_STR_NONE : fl_strpool_add(b->words, word, strlen(word));
}

uint32_t fl_graph_builder_node(struct fl_graph_builder *b, const char *id, const char *kind)
{
	assert(id != NULL && id[0] != '\0');
	fl_str name = fl_strpool_add(b->ids, id, strlen(id));
	assert(name != FL_STR_NONE);
	if (name <= b->node_count)
		return name - 1;
	assert(b->node_count < FL_NODE_NONE - 1);
	if (b->node_count == b->node_capacity) {
		b->node_capacity = fl_grown(b->node_capacity, b->node_count + 1);
		b->nodes = fl_grow_array(b->nodes, b->node_capacity, sizeof(*b->nodes));
	}
	fl_str word = add_word(b, kind == NULL || kind[0] == '\0' ? "other" : kind);
	b->nodes[b->node_count++] = (struct fl_node){
		.id = fl_strpool_get(b->ids, name),
		.kind = fl_strpool_get(b->words, word),
		.failure_probability = NAN,
	};
	return name - 1;
}

void fl_graph_builder_probability(struct fl_graph_builder *b, uint32_t node, double p)
{
	assert(node < b->node_count);
	b->nodes[node].failure_probability = p;
}

static double clamp_share(double share)
{
	if (!(share < 1))
		return 1; /* unknown counts as certain */
	return share > 0 ? share : 0;
}

void fl_graph_builder_group(struct fl_graph_builder *b, uint32_t of, uint32_t needs, const uint32_t *members,
	size_t count, double coupling, enum fl_redundancy redundancy, const char *evidence)
{
	assert(of < b->node_count);
	assert(count < FL_NODE_NONE && b->group_count < FL_GROUP_NONE - 1);
	if (b->group_count == b->group_capacity) {
		b->group_capacity = fl_grown(b->group_capacity, b->group_count + 1);
		b->groups = fl_grow_array(b->groups, b->group_capacity, sizeof(*b->groups));
	}
	if (b->member_count + count > b->member_capacity) {
		b->member_capacity = fl_grown(b->member_capacity, b->member_count + count);
		b->members = fl_grow_array(b->members, b->member_capacity, sizeof(*b->members));
	}
	for (size_t i = 0; i < count; i++) {
		assert(members[i] < b->node_count);
		b->members[b->member_count + i] = members[i];
	}
	b->groups[b->group_count++] = (struct raw_group){
		.of = of,
		.needs = needs,
		.member_count = (uint32_t)count,
		.first_member = b->member_count,
		.coupling = clamp_share(coupling),
		.redundancy = redundancy,
		.evidence = add_word(b, evidence),
	};
	b->member_count += count;
}

void fl_graph_builder_entry_point(struct fl_graph_builder *b, uint32_t node, double weight)
{
	assert(node < b->node_count);
	if (b->entry_count == b->entry_capacity) {
		b->entry_capacity = fl_grown(b->entry_capacity, b->entry_count + 1);
		b->entries = fl_grow_array(b->entries, b->entry_capacity, sizeof(*b->entries));
	}
	b->entries[b->entry_count++] = (struct fl_entry_point){ .node = node,
		.weight = weight > 0 && isfinite(weight) ? weight : 0 };
}

/* ---- freezing ---- */

struct named {
	const char *id;
	uint32_t handle;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

/* Moves the nodes into @g in the order of their ids; returns handle -> node id. */
static fl_node_id *freeze_nodes(struct fl_graph *g, const struct fl_graph_builder *b)
{
	struct named *order = fl_alloc_array(b->node_count, sizeof(*order));
	for (uint32_t i = 0; i < b->node_count; i++)
		order[i] = (struct named){ .id = b->nodes[i].id, .handle = i };
	qsort(order, b->node_count, sizeof(*order), compare_named);
	fl_node_id *place = fl_alloc_array(b->node_count, sizeof(*place));
	g->nodes = fl_alloc_array(b->node_count, sizeof(*g->nodes));
	for (uint32_t i = 0; i < b->node_count; i++) {
		g->nodes[i] = b->nodes[order[i].handle];
		place[order[i].handle] = i;
	}
	g->node_count = (uint32_t)b->node_count;
	free(order);
	return place;
}

static int compare_u32(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_members(const struct fl_group *a, const struct fl_group *b)
{
	uint32_t shared = a->member_count < b->member_count ? a->member_count : b->member_count;
	for (uint32_t i = 0; i < shared; i++)
		if (a->members[i] != b->members[i])
			return compare_u32(a->members[i], b->members[i]);
	return compare_u32(a->member_count, b->member_count);
}

static int compare_groups(const void *va, const void *vb)
{
	const struct fl_group *a = va, *b = vb;
	if (a->of != b->of)
		return compare_u32(a->of, b->of);
	int order = compare_members(a, b);
	if (order == 0)
		order = compare_u32(a->needs, b->needs);
	if (order == 0)
		order = (a->coupling > b->coupling) - (a->coupling < b->coupling);
	if (order == 0)
		order = compare_u32(a->redundancy, b->redundancy);
	if (order == 0)
		order = strcmp(
			a->evidence == NULL ? "" : a->evidence, b->evidence == NULL ? "" : b->evidence);
	return order;
}

static void freeze_groups(struct fl_graph *g, const struct fl_graph_builder *b, const fl_node_id *place)
{
	g->groups = fl_alloc_array(b->group_count, sizeof(*g->groups));
	g->members = fl_alloc_array(b->member_count, sizeof(*g->members));
	g->group_count = (uint32_t)b->group_count;
	for (size_t i = 0; i < b->member_count; i++)
		g->members[i] = place[b->members[i]];
	for (size_t i = 0; i < b->group_count; i++) {
		const struct raw_group *raw = &b->groups[i];
		fl_node_id *members = g->members + raw->first_member;
		uint32_t count = (uint32_t)fl_sort_distinct_u32(members, raw->member_count);
		uint32_t needs = raw->needs < count ? raw->needs : count;
		enum fl_redundancy redundancy = raw->redundancy;
		if (needs == count)
			redundancy = FL_REDUNDANCY_NONE;
		else if (redundancy == FL_REDUNDANCY_NONE)
			redundancy = FL_REDUNDANCY_ASSUMED;
		g->groups[i] = (struct fl_group){
			.of = place[raw->of],
			.needs = needs,
			.members = members,
			.member_count = count,
			.coupling = raw->coupling,
			.redundancy = redundancy,
			.evidence = fl_strpool_get(g->words, raw->evidence),
		};
	}
	if (g->group_count > 1)
		qsort(g->groups, g->group_count, sizeof(*g->groups), compare_groups);
}

static void index_groups(struct fl_graph *g)
{
	size_t total = 0;
	g->first_group = fl_alloc_array((size_t)g->node_count + 1, sizeof(*g->first_group));
	g->first_membership = fl_alloc_array((size_t)g->node_count + 2, sizeof(*g->first_membership));
	for (fl_group_id i = 0; i < g->group_count; i++) {
		const struct fl_group *group = &g->groups[i];
		g->first_group[group->of + 1]++;
		for (uint32_t m = 0; m < group->member_count; m++)
			g->first_membership[group->members[m] + 2]++;
		total += group->member_count;
	}
	for (uint32_t v = 0; v < g->node_count; v++) {
		g->first_group[v + 1] += g->first_group[v];
		g->first_membership[v + 2] += g->first_membership[v + 1];
	}
	/* Offsets stand one place further on and move into place while filling. */
	g->memberships = fl_alloc_array(total, sizeof(*g->memberships));
	for (fl_group_id i = 0; i < g->group_count; i++)
		for (uint32_t m = 0; m < g->groups[i].member_count; m++)
			g->memberships[g->first_membership[g->groups[i].members[m] + 1]++] = i;
}

static int compare_entries(const void *a, const void *b)
{
	const struct fl_entry_point *x = a, *y = b;
	if (x->node != y->node)
		return compare_u32(x->node, y->node);
	return (x->weight > y->weight) - (x->weight < y->weight); /* sums do not depend on input order */
}

/* But for rounding: a graph that is written and read again keeps its weights to the last digit. */
static bool are_shares(const struct fl_entry_point *list, size_t count)
{
	double total = 0;
	for (size_t i = 0; i < count; i++)
		total += list[i].weight;
	return fabs(total - 1) <= (double)count * DBL_EPSILON;
}

/* Weights are brought down by the largest before they are added, so that no sum overflows. */
static void scale_weights(struct fl_entry_point *list, size_t count)
{
	double largest = 0;
	for (size_t i = 0; i < count; i++)
		largest = fmax(largest, list[i].weight);
	for (size_t i = 0; i < count; i++)
		list[i].weight = largest > 0 ? list[i].weight / largest : 1;
}

static void normalise_weights(struct fl_entry_point *list, uint32_t count)
{
	double total = 0;
	for (uint32_t i = 0; i < count; i++)
		total += list[i].weight;
	for (uint32_t i = 0; i < count; i++)
		list[i].weight /= total;
}

static void freeze_entries(struct fl_graph *g, const struct fl_graph_builder *b, const fl_node_id *place)
{
	g->entries = fl_alloc_array(b->entry_count, sizeof(*g->entries));
	for (size_t i = 0; i < b->entry_count; i++)
		g->entries[i] = (struct fl_entry_point){ .node = place[b->entries[i].node],
			.weight = b->entries[i].weight };
	bool shares = are_shares(g->entries, b->entry_count);
	if (!shares)
		scale_weights(g->entries, b->entry_count);
	if (b->entry_count > 1)
		qsort(g->entries, b->entry_count, sizeof(*g->entries), compare_entries);
	for (size_t i = 0; i < b->entry_count; i++) {
		if (g->entry_count > 0 && g->entries[g->entry_count - 1].node == g->entries[i].node)
			g->entries[g->entry_count - 1].weight += g->entries[i].weight;
		else
			g->entries[g->entry_count++] = g->entries[i];
	}
	if (!shares)
		normalise_weights(g->entries, g->entry_count);
}

struct fl_graph *fl_graph_freeze(struct fl_graph_builder **builder)
{
	struct fl_graph_builder *b = *builder;
	struct fl_graph *g = fl_alloc(sizeof(*g));
	g->ids = b->ids;
	g->words = b->words;
	b->ids = b->words = NULL;
	fl_node_id *place = freeze_nodes(g, b);
	freeze_groups(g, b, place);
	index_groups(g);
	freeze_entries(g, b, place);
	free(place);
	fl_graph_builder_free(b);
	*builder = NULL;
	return g;
}

void fl_graph_free(struct fl_graph *g)
{
	if (g == NULL)
		return;
	fl_strpool_free(g->ids);
	fl_strpool_free(g->words);
	free(g->nodes);
	free(g->groups);
	free(g->members);
	free(g->first_group);
	free(g->first_membership);
	free(g->memberships);
	free(g->entries);
	free(g);
}

/* ---- access ---- */

uint32_t fl_graph_order(const struct fl_graph *g)
{
	return g->node_count;
}

uint32_t fl_graph_group_count(const struct fl_graph *g)
{
	return g->group_count;
}

const struct fl_node *fl_graph_node(const struct fl_graph *g, fl_node_id v)
{
	assert(v < g->node_count);
	return &g->nodes[v];
}

const struct fl_group *fl_graph_group(const struct fl_graph *g, fl_group_id i)
{
	assert(i < g->group_count);
	return &g->groups[i];
}

fl_group_id fl_graph_groups_of(const struct fl_graph *g, fl_node_id v, uint32_t *count)
{
	assert(v < g->node_count);
	*count = g->first_group[v + 1] - g->first_group[v];
	return g->first_group[v];
}

const fl_group_id *fl_graph_memberships(const struct fl_graph *g, fl_node_id v, uint32_t *count)
{
	assert(v < g->node_count);
	*count = (uint32_t)(g->first_membership[v + 1] - g->first_membership[v]);
	return g->memberships + g->first_membership[v];
}

const struct fl_entry_point *fl_graph_entry_points(const struct fl_graph *g, uint32_t *count)
{
	*count = g->entry_count;
	return g->entries;
}

bool fl_graph_is_kind(const struct fl_graph *g, fl_node_id v, const char *kind)
{
	return strcmp(fl_graph_node(g, v)->kind, kind) == 0;
}

fl_node_id fl_graph_find(const struct fl_graph *g, const char *id)
{
	uint32_t low = 0, high = g->node_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(g->nodes[middle].id, id);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return FL_NODE_NONE;
}
