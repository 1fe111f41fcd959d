/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rank_why.c - the sentence that says why a node is a single point of failure
 *
 * The sentence is a path from the worst entry point down to the node, and what makes
 * the path unavoidable: each link being the only one, or a group of several that falls as
 * a whole ("all ways lead there"; the busiest is on the path). Names of scanned services are left
 * out where the service itself follows: "edge > api1/port-8080", not "edge > api:8080 > api1".
 * Long paths keep both ends.
 */
#include "rank_why.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 4, TAIL = 3 }; /* nodes shown of a path that is longer than both */

/* Worst: the entry point with the largest weight, then the first by id. Without entry
 * points the node that fails last, which is the farthest. */
static fl_node_id worst_end(
	const struct fl_system *s, const struct fl_spof *spof, const fl_node_id *lost, uint32_t count)
{
	uint32_t entries, next = 0;
	const struct fl_entry_point *list = fl_graph_entry_points(s->graph, &entries);
	fl_node_id worst = lost[count - 1];
	double weight = -1;
	for (uint32_t i = 0; i < entries && next < spof->entry_point_count; i++) {
		if (list[i].node != spof->entry_points_lost[next])
			continue;
		next++;
		if (list[i].weight > weight) {
			weight = list[i].weight;
			worst = list[i].node;
		}
	}
	return worst;
}

/* Exchanges that @from had with @to, as a power of two: replicas with about as many count as the same. */
static int exchanges_class(const struct fl_system *s, fl_node_id from, fl_node_id to)
{
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_dependency *d = &s->dependencies[i];
		if (d->from == from && d->to == to)
			return ilogb((double)d->merged->exchanges + 1);
	}
	return 0;
}

/* All members of a group of which one suffices fell before it broke: the busiest is told, the first of those alike. */
static fl_node_id member_to_tell(const struct fl_system *s, const struct fl_group *group, fl_node_id because)
{
	if (group->member_count < 2 || group->needs != 1)
		return because;
	fl_node_id told = group->members[0];
	int most = exchanges_class(s, group->of, told);
	for (uint32_t i = 1; i < group->member_count; i++) {
		int exchanges = exchanges_class(s, group->of, group->members[i]);
		if (exchanges <= most)
			continue;
		most = exchanges;
		told = group->members[i];
	}
	return told;
}

/* The nodes from @end to the cause, names of services left out; *spare: a group of
 * several members that broke on the way, FL_GROUP_NONE. */
static size_t read_path(const struct fl_system *s, const struct fl_sweep *sweep, fl_node_id end,
	fl_node_id *path, fl_group_id *spare)
{
	const struct fl_graph *g = s->graph;
	size_t length = 0;
	*spare = FL_GROUP_NONE;
	for (fl_node_id v = end; v != FL_NODE_NONE;) {
		fl_group_id group;
		fl_node_id below = fl_sweep_because(sweep, v, &group);
		if (below != FL_NODE_NONE)
			below = member_to_tell(s, fl_graph_group(g, group), below);
		bool face = length > 0 && below != FL_NODE_NONE && fl_graph_is_kind(g, below, "service") &&
			    (fl_graph_is_kind(g, v, "endpoint") || fl_graph_is_kind(g, v, "resolver"));
		if (!face)
			path[length++] = v;
		if (below != FL_NODE_NONE && fl_graph_group(g, group)->member_count > 1)
			*spare = group;
		v = below;
	}
	return length;
}

static const char *write_path(
	const struct fl_system *s, const fl_node_id *path, size_t length, struct fl_arena *a)
{
	bool cut = length > HEAD + TAIL;
	size_t size = 1;
	for (size_t i = 0; i < length; i++)
		if (!cut || i < HEAD || i >= length - TAIL)
			size += strlen(fl_system_label(s, path[i])) + strlen(" > ");
	size += cut ? strlen("... > ") : 0;
	char *text = fl_arena_alloc(a, size), *at = text;
	for (size_t i = 0; i < length; i++) {
		if (cut && i >= HEAD && i < length - TAIL) {
			at = i == HEAD ? stpcpy(at, " > ...") : at;
			continue;
		}
		at = i > 0 ? stpcpy(at, " > ") : at;
		at = stpcpy(at, fl_system_label(s, path[i]));
	}
	assert((size_t)(at - text) < size);
	return text;
}

static const char *write_reason(
	const struct fl_system *s, const struct fl_sweep *sweep, fl_group_id spare, struct fl_arena *a)
{
	uint32_t lost = 0;
	if (spare == FL_GROUP_NONE)
		return "no other way";
	const struct fl_group *group = fl_graph_group(s->graph, spare);
	for (uint32_t i = 0; i < group->member_count; i++)
		lost += fl_sweep_lost(sweep, group->members[i]);
	const char *of = fl_system_label(s, group->of);
	if (lost == group->member_count)
		return "all ways lead there";
	return fl_arena_printf(a, "leaves %s %u of %u, and it needs %u", of,
		group->member_count - lost, group->member_count, group->needs);
}

const char *fl_rank_why(const struct fl_system *s, const struct fl_sweep *sweep, const struct fl_spof *spof,
	const fl_node_id *lost, uint32_t count, struct fl_arena *a)
{
	fl_group_id spare;
	fl_node_id end = worst_end(s, spof, lost, count);
	if (end == spof->node)
		return fl_arena_printf(a, "%s is itself an entry point", fl_system_label(s, end));
	fl_node_id *path = fl_alloc_array(count, sizeof(*path));
	size_t length = read_path(s, sweep, end, path, &spare);
	const char *why = fl_arena_printf(
		a, "%s: %s", write_path(s, path, length, a), write_reason(s, sweep, spare, a));
	free(path);
	return why;
}

const char *fl_rank_why_same(const struct fl_system *s, fl_node_id representative, struct fl_arena *a)
{
	return fl_arena_printf(a, "stands or falls with %s", fl_graph_node(s->graph, representative)->id);
}
