/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff.c - what changed between two sets of scans, honestly
 *
 * Both sides become lists of uses, "this caller uses that", each with stable identities
 * (diff_identity.c). They are matched in rounds, from certain to weak; what is left over is
 * added or missing:
 *   1. the same caller and target identity;
 *   2. the same caller, and both lead to the same scanned service and port (one side knew its name);
 *   3. the same caller and, for internal names, the same name but for a replica number that either side has.
 *   4. the same caller and address, where a side knows no more than that (diff_address.c).
 * One identity may stand for several uses (replicas, pods): they are one group, present or not.
 * An attempt that was never answered, and a probe, are no dependency, so they are never added or
 * gone; but they show that the caller still wants the thing, so they count as presence, and their share of failures is compared.
 *
 * Then, of what is left over, one added and one gone thing of a caller with the same
 * registrable domain, port and transport are one "moved". Two of either are not paired:
 * which went where cannot be known.
 *
 * Missing is not gone. Had the older rate gone on, the newer window would hold
 * expected = exchanges / older window * newer window of them; the probability of none is exp(-expected)
 * (Poisson). Below 0.01 it is gone, else not seen yet. Calls that come together are one event: expected is divided by
 * their dispersion (diff_amounts.c) first. Uses at start-up come once a start, so
 * there the start is the event; look-ups once in as long as answers are remembered. What requests cause is expected by their number, when
 * the newer window had fewer. Nothing at all can be said when the caller's host is not among the
 * newer scans: then the newer window is 0. The same is asked of what only the newer side has: was the older window long
 * enough to have seen it?
 *
 * Graph files carry no evidence; where one side is such a file, both sides are compared as
 * graphs, and what is missing from a statement is gone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"

#include "faultline/sort.h"

#define GONE_BELOW 0.01 /* DESIGN, section 5 */

static const char *const change_names[] = { "added", "gone", "not-seen-yet", "moved", "provider", "fan-out", "rate",
	"latency", "failures", "retry", "timeout", "spof-new", "spof-lost", "shared-fate-new", "shared-fate-lost" };
_Static_assert(FL_ARRAY_LEN(change_names) == FL_CHANGE_COUNT, "one name a kind");

const char *fl_change_name(enum fl_change_kind k)
{
	return change_names[k];
}

bool fl_diff_differs(const struct fl_diff *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->list[i].kind != FL_CHANGE_NOT_SEEN_YET)
			return true;
	return false;
}

struct fl_change *fl_diff_add(struct fl_diff *d, size_t *capacity, const struct fl_change *change)
{
	if (d->count == *capacity) {
		*capacity = fl_grown(*capacity, d->count + 1);
		d->list = fl_grow_array(d->list, *capacity, sizeof(*d->list));
	}
	struct fl_change *added = &d->list[d->count++];
	*added = *change;
	if (added->quantity == NULL)
		added->before_value = added->after_value = added->q = NAN;
	return added;
}

void fl_diff_unsure(struct fl_diffing *w, const struct fl_use_group *g, int side)
{
	struct fl_identities *list = &w->sides[side].unsure;
	for (size_t i = 0; i < g->counts[side]; i++) {
		if (list->count == w->unsure_capacity[side]) {
			w->unsure_capacity[side] = fl_grown(w->unsure_capacity[side], list->count + 1);
			list->list = fl_grow_array(list->list, w->unsure_capacity[side], sizeof(*list->list));
		}
		list->list[list->count++] = g->uses[side][i]->to;
	}
}

/* ---- requirements that are not certain to differ ---- */

static fl_group_id requirement(const struct fl_diffing *w, int side, const struct fl_use *use)
{
	const struct fl_graph *g = w->sides[side].system->graph;
	if (use->evidence == NULL || use->evidence->group == FL_GROUP_NONE)
		return FL_GROUP_NONE;
	return fl_graph_group(g, use->evidence->group)->needs > 0 ? use->evidence->group : FL_GROUP_NONE;
}

static bool is_required(const struct fl_diffing *w, int side, const struct fl_use_group *g)
{
	for (size_t i = 0; i < g->counts[side]; i++)
		if (requirement(w, side, g->uses[side][i]) != FL_GROUP_NONE)
			return true;
	return false;
}

/* Of a choice between several, one that is not certain changes nothing. */
static void unsettle(struct fl_diffing *w, const struct fl_use_group *g, int side)
{
	for (size_t i = 0; i < g->counts[side]; i++) {
		fl_group_id id = requirement(w, side, g->uses[side][i]);
		if (id != FL_GROUP_NONE && fl_graph_group(w->sides[side].system->graph, id)->member_count == 1)
			w->unsettled[side][id] = true;
	}
}

/* The choice that a side takes its uses for; FL_GROUP_NONE: none of them is one. */
static fl_group_id choice_of(const struct fl_diffing *w, int side, const struct fl_use_group *g)
{
	for (size_t i = 0; i < g->counts[side]; i++) {
		fl_group_id id = requirement(w, side, g->uses[side][i]);
		if (id != FL_GROUP_NONE && fl_graph_group(w->sides[side].system->graph, id)->redundancy != FL_REDUNDANCY_NONE)
			return id;
	}
	return FL_GROUP_NONE;
}

/* Backends that are taken for interchangeable on one side and not on the other, and all of them are there on both. */
static void settle_choice(struct fl_diffing *w, int side, const struct fl_use_group *here, const struct fl_use_group *there)
{
	fl_group_id id = choice_of(w, side, here);
	if (id == FL_GROUP_NONE || w->one_sided[side][id] || choice_of(w, !side, there) != FL_GROUP_NONE)
		return;
	w->unsettled[side][id] = true;
	unsettle(w, there, !side);
}

static void find_one_sided(struct fl_diffing *w)
{
	for (size_t i = 0; i < w->group_count; i++) {
		const struct fl_use_group *g = &w->groups[i];
		for (int side = 0; side < 2; side++)
			for (size_t k = 0; k < g->counts[side] && !g->present[!side] && !g->matched; k++) {
				fl_group_id id = requirement(w, side, g->uses[side][k]);
				if (id != FL_GROUP_NONE)
					w->one_sided[side][id] = true;
			}
	}
}

/* One thing on both sides, required on one only: how a use is classed hangs on how much of it was seen. */
static void settle_pair(struct fl_diffing *w, const struct fl_use_group *old, const struct fl_use_group *new)
{
	bool before = is_required(w, 0, old), after = is_required(w, 1, new);
	if (before && !after)
		unsettle(w, old, 0);
	if (after && !before)
		unsettle(w, new, 1);
	settle_choice(w, 0, old, new);
	settle_choice(w, 1, new, old);
}

/* ---- findings ---- */

static const char *describe(const struct fl_diffing *w, const struct fl_use *use)
{
	if (use->evidence == NULL)
		return use->label;
	const struct fl_scan_dependency *m = use->evidence->merged;
	const char *counted = m->exchanges > 0 ? "exchanges" : "connections";
	uint64_t count = m->exchanges > 0 ? m->exchanges : m->connections.established;
	return fl_arena_printf(w->a, "%s, %s, %s %s%s%s", use->label, fl_class_name(m->class),
		fl_arena_count(w->a, count), counted, m->provider == NULL ? "" : ", provider ",
		m->provider == NULL ? "" : m->provider);
}

static const char *say_chance(struct fl_arena *a, double p)
{
	return p < 1e-6 ? "below 0.000001" : fl_arena_printf(a, "%.2g", p);
}

/* That @side has these and the other may have them as well. */
static void leave_open(struct fl_diffing *w, const struct fl_use_group *g, int side)
{
	fl_diff_unsure(w, g, side);
	unsettle(w, g, side);
}

static void add_added(struct fl_diffing *w, const struct fl_use_group *g)
{
	const struct fl_use *use = g->uses[1][0];
	bool stated = use->evidence == NULL, watched_before = stated || fl_diff_watched_s(w, 0, use->host) > 0;
	struct fl_silence before = g->silence;
	bool open = watched_before && !stated && before.p >= GONE_BELOW;
	const char *why = "stated in the newer graph only";
	if (open)
		why = fl_arena_printf(w->a,
			"seen in the newer scans only, but too seldom to say that it is new: %.1f expected in the older "
			"window, and none has probability %s", before.expected, say_chance(w->a, before.p));
	else if (!watched_before)
		why = fl_arena_printf(w->a, "host %s was not watched in the older scans: it may be older", use->host);
	else if (!stated)
		why = "seen in the newer scans only";
	if (open || !watched_before)
		leave_open(w, g, 1);
	fl_diff_add(w->d, &w->capacity,
		&(struct fl_change){ .kind = open ? FL_CHANGE_NOT_SEEN_YET : FL_CHANGE_ADDED,
			.from = use->from,
			.to = use->to,
			.after = describe(w, use),
			.p = watched_before ? before.p : NAN,
			.expected = watched_before ? before.expected : NAN,
			.why = why });
}

static const char *why_missing(const struct fl_diffing *w, const struct fl_use *use, struct fl_silence s)
{
	if (use->evidence == NULL)
		return "stated in the older graph only";
	if (fl_diff_watched_s(w, 1, use->host) == 0)
		return fl_arena_printf(
			w->a, "host %s was not watched in the newer scans: nothing can be said", use->host);
	return fl_arena_printf(w->a,
		s.expected < 10
			? "%.1f expected in the newer window, none seen: at the older rate that has "
			  "probability %s"
			: "about %.0f expected in the newer window, none seen: at the older rate that has "
			  "probability %s",
		s.expected, say_chance(w->a, s.p));
}

static void add_missing(struct fl_diffing *w, const struct fl_use_group *g)
{
	const struct fl_use *use = g->uses[0][0];
	struct fl_silence s = g->silence;
	bool gone = use->evidence == NULL || s.p < GONE_BELOW;
	if (!gone)
		leave_open(w, g, 0);
	fl_diff_add(w->d, &w->capacity,
		&(struct fl_change){ .kind = gone ? FL_CHANGE_GONE : FL_CHANGE_NOT_SEEN_YET,
			.from = use->from,
			.to = use->to,
			.before = describe(w, use),
			.p = s.p,
			.expected = s.expected,
			.why = why_missing(w, use, s) });
}

static void add_moved(struct fl_diffing *w, struct fl_use_group *missing, struct fl_use_group *added)
{
	const struct fl_use *old = missing->uses[0][0], *new = added->uses[1][0];
	missing->matched = added->matched = true;
	fl_diff_pair(missing, added);
	fl_diff_unsure(w, missing, 0);
	fl_diff_unsure(w, added, 1);
	fl_diff_add(w->d, &w->capacity,
		&(struct fl_change){ .kind = FL_CHANGE_MOVED,
			.from = new->from,
			.to = new->to,
			.before = old->label,
			.after = new->label,
			.p = missing->silence.p,
			.expected = missing->silence.expected,
			.why = "the one went and the other came: same caller, registrable domain and port" });
}

/* One added and one gone thing under one key are one that moved. */
static void see_moved(struct fl_diffing *w, struct fl_use_group *missing, struct fl_use_group *added)
{
	if (missing->uses[0][0]->evidence == NULL || missing->silence.p < GONE_BELOW)
		add_moved(w, missing, added);
}

/* ---- what stayed ---- */

static const char *provider_of(const struct fl_use_group *g, int side)
{
	for (size_t i = 0; i < g->counts[side]; i++) {
		const struct fl_use *use = g->uses[side][i];
		if (use->counts && use->evidence != NULL && use->evidence->merged->provider != NULL)
			return use->evidence->merged->provider;
	}
	return NULL;
}

static bool was_answered(const struct fl_scan *scan, const char *name)
{
	for (size_t i = 0; i < scan->name_count; i++)
		if (scan->names[i].address_count > 0 && strcmp(scan->names[i].name, name) == 0)
			return true;
	return false;
}

/* Whether this side saw where the name leads. A connection older than the scan has its name's own domain for a
 * provider, whatever its chain would have said. */
static bool resolved(const struct fl_diffing *w, int side, const struct fl_use_group *g)
{
	const struct fl_scan_set *scans = &w->sides[side].system->scans;
	for (size_t i = 0; i < g->counts[side]; i++) {
		const struct fl_dependency *d = g->uses[side][i]->evidence;
		if (d == NULL || d->merged->cname_count > 0 || d->merged->name == NULL)
			return true;
		const char *provider = d->merged->provider;
		if (provider != NULL && strcmp(provider, fl_identity_domain(w->a, d->merged->name, NULL)) != 0)
			return true;
		for (size_t k = 0; k < d->record_count; k++)
			if (was_answered(scans->list[d->records[k].scan], d->merged->name))
				return true;
	}
	return false;
}

static bool knows_address(const struct fl_use_group *g, int side, const struct fl_addr *addr)
{
	for (size_t i = 0; i < g->counts[side]; i++) {
		const struct fl_dependency *d = g->uses[side][i]->evidence;
		for (size_t k = 0; d != NULL && k < d->merged->address_count; k++)
			if (fl_addr_equal(&d->merged->addresses[k], addr))
				return true;
	}
	return false;
}

static bool addresses_differ(const struct fl_use_group *g)
{
	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < g->counts[side]; i++) {
			const struct fl_dependency *d = g->uses[side][i]->evidence;
			for (size_t k = 0; d != NULL && k < d->merged->address_count; k++)
				if (!knows_address(g, !side, &d->merged->addresses[k]))
					return true;
		}
	return false;
}

static void compare_both(struct fl_diffing *w, const struct fl_use_group *g)
{
	const char *before = provider_of(g, 0), *after = provider_of(g, 1);
	const struct fl_use *use = g->uses[1][0];
	if (before != NULL && after != NULL && strcmp(before, after) != 0 && resolved(w, 0, g) && resolved(w, 1, g)) {
		fl_diff_add(w->d, &w->capacity,
			&(struct fl_change){ .kind = FL_CHANGE_PROVIDER,
				.from = use->from,
				.to = use->to,
				.before = before,
				.after = after,
				.p = NAN,
				.expected = NAN,
				.why = "the name is the same, who answers for it is not" });
		return;
	}
	w->d->unchanged++;
	w->d->address_only += addresses_differ(g);
	settle_pair(w, g, g);
}

static void find_changes(struct fl_diffing *w)
{
	find_one_sided(w);
	for (size_t i = 0; i < w->group_count; i++) {
		const struct fl_use_group *g = &w->groups[i];
		if (fl_is_added(g))
			add_added(w, g);
		else if (fl_is_missing(g))
			add_missing(w, g);
		else if (g->present[0] && g->present[1] && (g->real[0] || g->real[1]))
			compare_both(w, g);
		else if (g->other != NULL)
			settle_pair(w, g, g->other);
	}
}

/* ---- the whole ---- */

static int compare_text(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare_changes(const void *va, const void *vb)
{
	const struct fl_change *a = va, *b = vb;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	int order = compare_text(a->from, b->from);
	if (order == 0)
		order = compare_text(a->to, b->to);
	return order != 0 ? order : compare_text(a->before, b->before);
}

static void sort_identities(struct fl_identities *list)
{
	fl_sort_texts(list->list, list->count);
}

/* What is left once the two graphs agree but for what is certain. */
static void compare_settled(struct fl_diffing *w)
{
	struct fl_diff_side sides[2] = { w->sides[0], w->sides[1] };
	struct fl_system *settled[2];
	for (int side = 0; side < 2; side++) {
		sort_identities(&sides[side].unsure);
		sides[side].system = settled[side] = fl_diff_settled(w->sides[side].system, w->unsettled[side]);
	}
	fl_diff_spofs(w->d, &w->capacity, sides);
	fl_diff_fates(w->d, &w->capacity, sides);
	for (int side = 0; side < 2; side++)
		fl_diff_settled_free(settled[side]);
}

struct fl_diff *fl_diff(const struct fl_system *old, const struct fl_system *new, const struct fl_diff_options *o)
{
	static const struct fl_diff_options defaults = { FL_DIFF_THRESHOLD, FL_DIFF_DISCOVERY_RATE };
	struct fl_diff *d = fl_alloc(sizeof(*d));
	d->arena = fl_arena_new();
	struct fl_diffing w = { .d = d, .a = d->arena, .options = o == NULL ? &defaults : o,
		.sides = { { .system = old }, { .system = new } } };
	for (int side = 0; side < 2; side++) {
		fl_watched_init(&w.sides[side].watched, w.a, w.sides[side].system);
		w.unsettled[side] = fl_alloc_array(fl_graph_group_count(w.sides[side].system->graph) + 1, sizeof(bool));
		w.one_sided[side] = fl_alloc_array(fl_graph_group_count(w.sides[side].system->graph) + 1, sizeof(bool));
	}
	fl_diff_match(&w);
	fl_diff_silences(&w);
	fl_diff_moves(&w, see_moved);
	find_changes(&w);
	fl_diff_measured(&w);
	compare_settled(&w);
	fl_diff_load(&w);
	if (d->count > 1)
		qsort(d->list, d->count, sizeof(*d->list), compare_changes);
	for (int side = 0; side < 2; side++) {
		free(w.sides[side].unsure.list);
		free(w.unsettled[side]);
		free(w.one_sided[side]);
	}
	return d;
}

void fl_diff_free(struct fl_diff *d)
{
	if (d == NULL)
		return;
	fl_arena_free(d->arena);
	free(d->list);
	free(d);
}
