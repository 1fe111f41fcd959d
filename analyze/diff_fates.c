/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_fates.c - what began and what ceased to fail together
 *
 * A shared fate is the same on both sides when the same group shares the same thing; who its members are
 * may change with every deployment. Like single points of failure they are looked for in the settled systems, and what
 * stands on something that is not certain to differ, or on a host that one side did not watch, is no finding.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"
#include "faultline/shared.h"
#include "faultline/sort.h"

/* NULL: it has none that lasts. */
static const char *key_of(struct fl_arena *a, const struct fl_system *s, const struct fl_shared_fate *f)
{
	fl_node_id group = fl_graph_find(s->graph, f->group);
	const char *of = group == FL_NODE_NONE ? f->group : fl_identity_node(a, s, group);
	const char *shares = fl_identity_node(a, s, f->shares);
	if (of == NULL || (shares == NULL && strcmp(f->kind, "address") != 0))
		return NULL;
	return fl_arena_printf(a, "%s\n%s\n%s", of, f->kind, shares == NULL ? "" : shares);
}

static struct fl_identities keys_of(struct fl_arena *a, const struct fl_system *s, const struct fl_shared *r,
	const char **keys)
{
	struct fl_identities sorted = { fl_arena_array(a, r->count, sizeof(*sorted.list)), 0 };
	for (size_t i = 0; i < r->count; i++) {
		keys[i] = key_of(a, s, &r->list[i]);
		if (keys[i] != NULL)
			sorted.list[sorted.count++] = keys[i];
	}
	fl_sort_texts(sorted.list, sorted.count);
	return sorted;
}

static bool is_unsure(const struct fl_diff_side *of, const struct fl_shared_fate *f)
{
	const struct fl_graph *g = of->system->graph;
	if (fl_identities_hold(&of->unsure, f->group) || fl_identities_hold(&of->unsure, fl_graph_node(g, f->shares)->id))
		return true;
	for (size_t i = 0; i < f->member_count; i++)
		if (fl_identities_hold(&of->unsure, f->members[i]))
			return true;
	return false;
}

/* A member or the host they share that the other side did not watch. */
static bool is_unwatched(struct fl_arena *a, const struct fl_system *s, const struct fl_shared_fate *f,
	const struct fl_diff_side *other)
{
	if (fl_is_unwatched(a, s, f->shares, &other->watched))
		return true;
	for (size_t i = 0; i < f->member_count; i++) {
		fl_node_id v = fl_graph_find(s->graph, f->members[i]);
		if (v != FL_NODE_NONE && fl_is_unwatched(a, s, v, &other->watched))
			return true;
	}
	return false;
}

static void compare(struct fl_diff *d, size_t *capacity, const struct fl_diff_side *of, const struct fl_shared *r,
	const char *const *keys, const struct fl_identities *there, const struct fl_diff_side *other,
	enum fl_change_kind kind)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_shared_fate *f = &r->list[i];
		if (keys[i] == NULL || fl_identities_hold(there, keys[i]) || is_unsure(of, f) ||
			is_unwatched(d->arena, of->system, f, other))
			continue;
		const char *text = fl_arena_printf(d->arena, "%zu of %zu share it, %.1f %% of requests lost", f->member_count,
			f->group_size, f->expected_loss * 100);
		bool new = kind == FL_CHANGE_SHARED_FATE_NEW;
		fl_diff_add(d, capacity,
			&(struct fl_change){ .kind = kind,
				.from = fl_arena_string(d->arena, f->group),
				.to = fl_arena_string(d->arena, fl_graph_node(of->system->graph, f->shares)->id),
				.before = new ? NULL : text,
				.after = new ? text : NULL,
				.p = NAN,
				.expected = NAN,
				.why = fl_arena_string(d->arena, f->why) });
	}
}

void fl_diff_fates(struct fl_diff *d, size_t *capacity, const struct fl_diff_side sides[static 2])
{
	struct fl_shared *found[2];
	const char **keys[2];
	struct fl_identities sorted[2];
	for (int i = 0; i < 2; i++) {
		found[i] = fl_shared(sides[i].system);
		keys[i] = fl_arena_array(d->arena, found[i]->count, sizeof(*keys[i]));
		sorted[i] = keys_of(d->arena, sides[i].system, found[i], keys[i]);
	}
	compare(d, capacity, &sides[1], found[1], keys[1], &sorted[0], &sides[0], FL_CHANGE_SHARED_FATE_NEW);
	compare(d, capacity, &sides[0], found[0], keys[0], &sorted[1], &sides[1], FL_CHANGE_SHARED_FATE_LOST);
	for (int i = 0; i < 2; i++)
		fl_shared_free(found[i]);
}
