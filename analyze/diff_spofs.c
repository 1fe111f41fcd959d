/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_spofs.c - single points of failure that came and went
 *
 * Both sides are ranked; a representative whose identity is no single point of failure of the other
 * side is new, or lost. Kept out is what says the same thing
 * twice or says more than was seen: a dependency that moved is the same single point
 * under another name, one that was not seen yet has not ceased to be one, and of a machine that only
 * one side watched nobody knows what it was on the other. Where a side knows no entry
 * point, everything that anything needs is a single point, and comparing would repeat the
 * list of dependencies; so it is not done. Nor where a ranking has a limit of work: what is not listed is
 * a single point of failure all the same.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"

#include "faultline/sort.h"

bool fl_identities_hold(const struct fl_identities *list, const char *key)
{
	return list->count > 0 &&
	       bsearch(&key, list->list, list->count, sizeof(*list->list), fl_compare_texts) != NULL;
}

struct side {
	const struct fl_system *system;
	const struct fl_watched *watched;
	const struct fl_identities *unsure;
	struct fl_ranking *ranking;
	const char **keys;           /* of every row; NULL where none lasts */
	struct fl_identities sorted; /* those there are */
};

static struct side make_side(struct fl_arena *a, const struct fl_diff_side *of)
{
	const struct fl_system *s = of->system;
	struct side side = {
		.system = s, .watched = &of->watched, .unsure = &of->unsure, .ranking = fl_rank(s)
	};
	size_t count = side.ranking->count;
	side.keys = fl_arena_array(a, count, sizeof(*side.keys));
	side.sorted.list = fl_arena_array(a, count, sizeof(*side.sorted.list));
	for (size_t i = 0; i < count; i++) {
		side.keys[i] = fl_identity_node(a, s, side.ranking->list[i].node);
		if (side.keys[i] != NULL)
			side.sorted.list[side.sorted.count++] = side.keys[i];
	}
	fl_sort_texts(side.sorted.list, side.sorted.count);
	return side;
}

/* Whether the representative at @leader or a row folded into it (they follow it) is a single point there too.
 */
static bool is_known(const struct side *s, size_t leader, const struct side *other)
{
	const struct fl_ranking *r = s->ranking;
	for (size_t i = leader; i < r->count && r->list[i].same_as == r->list[leader].node; i++)
		if (s->keys[i] != NULL && fl_identities_hold(&other->sorted, s->keys[i]))
			return true;
	return false;
}

static bool is_unsure(const struct side *s, size_t leader)
{
	const struct fl_ranking *r = s->ranking;
	for (size_t i = leader; i < r->count && r->list[i].same_as == r->list[leader].node; i++)
		if (fl_identities_hold(s->unsure, fl_graph_node(s->system->graph, r->list[i].node)->id))
			return true;
	return false;
}

/* The machine that a service or host is; NULL. */
static const char *host_name(const struct fl_system *s, fl_node_id v)
{
	if (fl_graph_is_kind(s->graph, v, "service"))
		v = fl_system_host_of(s, v);
	if (v == FL_NODE_NONE || !fl_graph_is_kind(s->graph, v, "host"))
		return NULL;
	return fl_system_label(s, v);
}

bool fl_is_unwatched(struct fl_arena *a, const struct fl_system *s, fl_node_id v, const struct fl_watched *other)
{
	const char *host = other->host_count == 0 ? NULL : host_name(s, v);
	return host != NULL && fl_watched_s(other, a, host) <= 0;
}

static const char *describe(struct fl_arena *a, const struct fl_spof *spof)
{
	return fl_arena_printf(a, "rank %u, %u entry point%s and %.1f %% of requests lost", spof->rank,
		spof->entry_point_count, spof->entry_point_count == 1 ? "" : "s", spof->expected_loss * 100);
}

static void compare(struct fl_diff *d, size_t *capacity, const struct side *of, const struct side *other,
	enum fl_change_kind kind)
{
	for (size_t i = 0; i < of->ranking->count; i++) {
		const struct fl_spof *spof = &of->ranking->list[i];
		if (spof->same_as != spof->node || of->keys[i] == NULL)
			continue;
		if (is_known(of, i, other) || is_unsure(of, i) ||
			fl_is_unwatched(d->arena, of->system, spof->node, other->watched))
			continue;
		fl_node_id entry = spof->entry_points_lost[0];
		const char *text = describe(d->arena, spof);
		fl_diff_add(d, capacity,
			&(struct fl_change){ .kind = kind,
				.from = fl_arena_string(d->arena, fl_graph_node(of->system->graph, entry)->id),
				.to = fl_arena_string(d->arena, fl_graph_node(of->system->graph, spof->node)->id),
				.before = kind == FL_CHANGE_SPOF_LOST ? text : NULL,
				.after = kind == FL_CHANGE_SPOF_NEW ? text : NULL,
				.p = NAN,
				.expected = NAN,
				.why = fl_arena_string(d->arena, spof->why) });
	}
}

void fl_diff_spofs(struct fl_diff *d, size_t *capacity, const struct fl_diff_side sides[static 2])
{
	uint32_t entries[2];
	for (int i = 0; i < 2; i++)
		(void)fl_graph_entry_points(sides[i].system->graph, &entries[i]);
	if (entries[0] == 0 || entries[1] == 0)
		return;
	struct side before = make_side(d->arena, &sides[0]), after = make_side(d->arena, &sides[1]);
	if (before.ranking->dropped == 0)
		compare(d, capacity, &after, &before, FL_CHANGE_SPOF_NEW);
	if (after.ranking->dropped == 0)
		compare(d, capacity, &before, &after, FL_CHANGE_SPOF_LOST);
	fl_ranking_free(before.ranking);
	fl_ranking_free(after.ranking);
}
