/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_match.c - which use of the older side is which of the newer
 *
 * Both sides' uses become groups, one for each identity: the first round. What only one side has is looked for on the other
 * in the rounds 2 to 4 of diff.c, from certain to weak. A group that a weaker round finds is matched: it is
 * neither added nor missing, and where one stands for one, each is the other's `other` and their measures are compared.
 * A caller's bare addresses make the names that may stand behind them partial.
 */
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"

/* ---- groups ---- */

static int compare_keys(const void *va, const void *vb)
{
	const struct fl_use *a = *(struct fl_use *const *)va, *b = *(struct fl_use *const *)vb;
	int order = strcmp(a->from_key, b->from_key);
	if (order == 0)
		order = strcmp(a->to_key, b->to_key);
	if (order == 0)
		order = a->newer - b->newer;
	if (order == 0)
		order = strcmp(a->from, b->from);
	return order != 0 ? order : strcmp(a->to, b->to);
}

static void collect_uses(struct fl_diffing *w)
{
	bool graphs = w->sides[0].system->scans.count == 0 || w->sides[1].system->scans.count == 0;
	size_t counts[2];
	struct fl_use *sides[2];
	for (int newer = 0; newer < 2; newer++)
		sides[newer] = fl_uses(w->a, w->sides[newer].system, graphs, newer != 0, &counts[newer]);
	w->use_count = counts[0] + counts[1];
	w->uses = fl_arena_array(w->a, w->use_count, sizeof(struct fl_use *));
	for (size_t i = 0; i < w->use_count; i++)
		w->uses[i] = i < counts[0] ? &sides[0][i] : &sides[1][i - counts[0]];
	fl_diff_services(w);
	if (w->use_count > 1)
		qsort(w->uses, w->use_count, sizeof(struct fl_use *), compare_keys);
}

static bool same_group(const struct fl_use *a, const struct fl_use *b)
{
	return strcmp(a->from_key, b->from_key) == 0 && strcmp(a->to_key, b->to_key) == 0;
}

static void make_groups(struct fl_diffing *w)
{
	w->groups = fl_arena_array(w->a, w->use_count, sizeof(*w->groups));
	for (size_t i = 0; i < w->use_count; i++) {
		struct fl_use *use = w->uses[i];
		if (i == 0 || !same_group(w->uses[i - 1], use))
			w->group_count++;
		use->group = w->group_count - 1;
		struct fl_use_group *group = &w->groups[use->group];
		if (group->counts[use->newer]++ == 0)
			group->uses[use->newer] = &w->uses[i]; /* sorted by side within a group */
		group->present[use->newer] = true;
		group->real[use->newer] |= use->counts;
	}
}

/* ---- weaker identities ---- */

struct weak {
	const char *from_key, *key;
	size_t group;
};

typedef const char *weak_key(const struct fl_use *use);

static const char *weak_target(const struct fl_use *use)
{
	return use->target_key;
}

static const char *weak_replica(const struct fl_use *use)
{
	return use->replica_key;
}

static const char *weak_moved(const struct fl_use *use)
{
	return use->moved_key;
}

static int compare_weak(const void *va, const void *vb)
{
	const struct weak *a = va, *b = vb;
	int order = strcmp(a->from_key, b->from_key);
	if (order == 0)
		order = strcmp(a->key, b->key);
	return order != 0 ? order : (a->group > b->group) - (a->group < b->group);
}

/* One entry a group that has such a key, sorted; free() it. */
static struct weak *list_weak(const struct fl_diffing *w, weak_key *key_of, size_t *count)
{
	struct weak *list = fl_alloc_array(w->group_count, sizeof(*list));
	*count = 0;
	for (size_t i = 0; i < w->group_count; i++) {
		const struct fl_use *use = fl_first_use(&w->groups[i]);
		if (key_of(use) != NULL)
			list[(*count)++] =
				(struct weak){ .from_key = use->from_key, .key = key_of(use), .group = i };
	}
	if (*count > 1)
		qsort(list, *count, sizeof(*list), compare_weak);
	return list;
}

/* The end of the run of equal keys that begins at @first. */
static size_t run_end(const struct weak *list, size_t count, size_t first)
{
	size_t end = first + 1;
	while (end < count && strcmp(list[first].from_key, list[end].from_key) == 0 &&
		strcmp(list[first].key, list[end].key) == 0)
		end++;
	return end;
}

void fl_diff_pair(struct fl_use_group *a, struct fl_use_group *b)
{
	struct fl_use_group *old = a->present[0] ? a : b, *new = a->present[0] ? b : a;
	if (old->present[0] && !old->present[1] && new->present[1] && !new->present[0] && old->other == NULL)
		old->other = new;
}

/* Where both sides know the weaker identity, nothing under it is added or missing. */
static void match_weakly(struct fl_diffing *w, weak_key *key_of)
{
	size_t count;
	struct weak *list = list_weak(w, key_of, &count);
	for (size_t i = 0, end; i < count; i = end) {
		bool present[2] = { false, false };
		end = run_end(list, count, i);
		for (size_t j = i; j < end; j++)
			for (int side = 0; side < 2; side++)
				present[side] |= w->groups[list[j].group].present[side];
		if (end - i == 2)
			fl_diff_pair(&w->groups[list[i].group], &w->groups[list[i + 1].group]);
		for (size_t j = i; j < end && present[0] && present[1]; j++) {
			struct fl_use_group *group = &w->groups[list[j].group];
			if (fl_is_added(group) || fl_is_missing(group)) {
				group->matched = true;
				w->d->unchanged += group->counts[1];
				w->d->address_only += group->counts[1];
			}
		}
	}
	free(list);
}

/* ---- one address ---- */

/* All of a bare group must be there on the other side, of a name one address is enough. */
static bool is_same_place(const struct fl_diffing *w, const struct fl_use_group *g, const bool *same)
{
	int side = g->present[1];
	size_t known = 0;
	for (size_t i = 0; i < g->counts[side]; i++)
		known += same[g->uses[side] - w->uses + (ptrdiff_t)i];
	return fl_use_is_bare(g->uses[side][0]) ? known == g->counts[side] : known > 0;
}

static void match_addresses(struct fl_diffing *w)
{
	bool *same = fl_alloc_array(w->use_count, sizeof(*same));
	fl_diff_addresses(w->uses, w->use_count, same);
	for (size_t i = 0; i < w->group_count; i++) {
		struct fl_use_group *g = &w->groups[i];
		if ((!fl_is_added(g) && !fl_is_missing(g)) || !is_same_place(w, g, same))
			continue;
		g->matched = true;
		w->d->unchanged += g->counts[1];
		fl_diff_unsure(w, g, g->present[1]);
	}
	free(same);
}

/* The end of the groups of one caller that begin at @first. */
static size_t caller_end(const struct fl_diffing *w, size_t first)
{
	size_t end = first + 1;
	while (end < w->group_count &&
		strcmp(fl_first_use(&w->groups[first])->from_key, fl_first_use(&w->groups[end])->from_key) == 0)
		end++;
	return end;
}

static bool has_address(const struct fl_use_group *g, int side, const struct fl_scan_dependency *bare)
{
	for (size_t i = 0; i < g->counts[side]; i++) {
		const struct fl_dependency *d = g->uses[side][i]->evidence;
		for (size_t k = 0; d != NULL && d->merged->port == bare->port && k < d->merged->address_count; k++)
			for (size_t b = 0; b < bare->address_count; b++)
				if (fl_addr_equal(&d->merged->addresses[k], &bare->addresses[b]))
					return true;
	}
	return false;
}

enum { BARE_MAX = 64 }; /* of one caller and one side only, that are looked at; with more all its names are partial */

/* A connection older than the scan is known by its address alone, beside later ones that have the name: what is counted under
 * the name is not all then. */
static void mark_partial(struct fl_diffing *w, size_t first, size_t end)
{
	size_t found = 0;
	for (size_t i = first; i < end; i++) {
		const struct fl_use_group *bare = &w->groups[i];
		int side = bare->present[1];
		if ((bare->present[0] && bare->present[1]) || !fl_use_is_bare(bare->uses[side][0]))
			continue;
		found++;
		for (size_t k = first; k < end && found <= BARE_MAX + 1; k++) {
			struct fl_use_group *g = &w->groups[k];
			if (g->present[0] && g->present[1])
				g->partial |= found > BARE_MAX ||
					      has_address(g, !side, bare->uses[side][0]->evidence->merged);
		}
	}
}

/* An answer on one side, none on the other to the same caller at the same address: who answered is gone and cannot be told by what stood
 * behind the address any more. One thing, then, whose failures are to be compared; not its calls, of which there are none. */
static void pair_unanswered(struct fl_diffing *w, size_t first, size_t end)
{
	size_t found = 0;
	for (size_t i = first; i < end && found <= BARE_MAX; i++) {
		struct fl_use_group *tried = &w->groups[i], *one = NULL;
		int side = tried->present[1];
		if ((tried->present[0] && tried->present[1]) || tried->real[side] || tried->uses[side][0]->evidence == NULL)
			continue;
		size_t several = 0;
		found++;
		for (size_t k = first; k < end; k++) {
			struct fl_use_group *g = &w->groups[k];
			if (g->real[!side] && !g->present[side] &&
				has_address(g, !side, tried->uses[side][0]->evidence->merged))
				one = g, several++;
		}
		if (several == 1) {
			fl_diff_pair(tried, one);
			tried->partial = one->partial = true;
		}
	}
}

/* ---- all rounds ---- */

void fl_diff_match(struct fl_diffing *w)
{
	collect_uses(w);
	make_groups(w);
	match_weakly(w, weak_target);
	match_weakly(w, weak_replica);
	match_addresses(w);
	for (size_t i = 0, end; i < w->group_count; i = end) {
		end = caller_end(w, i);
		mark_partial(w, i, end);
		pair_unanswered(w, i, end);
	}
}

void fl_diff_moves(struct fl_diffing *w, fl_diff_moved *moved)
{
	size_t count;
	struct weak *list = list_weak(w, weak_moved, &count);
	for (size_t i = 0, end; i < count; i = end) {
		struct fl_use_group *added = NULL, *missing = NULL;
		size_t several = 0;
		end = run_end(list, count, i);
		for (size_t j = i; j < end; j++) {
			struct fl_use_group *group = &w->groups[list[j].group];
			several += fl_is_added(group) ? added != NULL : fl_is_missing(group) && missing != NULL;
			added = fl_is_added(group) ? group : added;
			missing = fl_is_missing(group) ? group : missing;
		}
		if (added != NULL && missing != NULL && several == 0)
			moved(w, missing, added);
	}
	free(list);
}
