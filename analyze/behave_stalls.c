/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_stalls.c - where work began to pile up, and whom it reached
 *
 * Sites are stalls that one capture point saw: at an edge (calls that got no answer) or at a team (requests
 * it did not answer). Who waits for a call cannot answer, so a stall climbs from callee to caller, and sites
 * that are next to each other in that sense and overlap in time are one stall. It began at the edge that has
 * no stalled edge below it; neither the caller, which waits, nor the callee as a whole is to blame, and when
 * the callee went on answering others that is said.
 *
 * The order is that of the climb. Requests that wait at the front arrived within milliseconds of those that
 * wait at the back, so times of first waiting tell nothing; callers above each other are ordered by who calls
 * whom, those of one height by when their work in flight exceeded what was usual.
 *
 * A stall that is worth a word is more than one slow answer: several attempts waited, and the work in flight
 * stands out from all that was usual before. Where answers get slower bit by bit nothing stands out; that is
 * a trend.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/behave_internal.h"

#define TIMES_USUAL 2.0
#define WAITING_LEAST 0.5 /* attempts, in the mean over a bucket: one connection that waits half the time */
enum { WAITING_MIN = 3, NAMED = 4 };

struct site {
	bool inbound; /* at a team; else at an edge */
	size_t index; /* of the team or edge */
	const struct fl_interval *interval;
	const struct fl_behaviour *facts;
	size_t cluster; /* parent while clusters are made */
};

struct stalls {
	struct behave *b;
	size_t window;
	struct site *sites;
	size_t count;
	size_t *first_of_edge, *first_of_team; /* sites of one stand together; SIZE_MAX: none */
};

/* ---- sites ---- */

/* Mean work in flight: peaks of single moments say little, a bucket that is full throughout says all. */
static double mean_in(const struct fl_series *s, size_t i)
{
	return s->bucket[i].in_flight_s / fl_behave_width(s);
}

/* Does the work in flight stand out from all that was before (or, at the start of a window, outside of) it?
 */
static bool stands_out(const struct fl_behaviour *f, int64_t start_ns, int64_t end_ns)
{
	const struct fl_series *s = &f->series;
	double before = 0, outside = 0, during = 0;
	size_t buckets = 0;
	for (size_t i = 0; i < s->count; i++) {
		if (fl_behave_overlaps(s, i, start_ns, end_ns)) {
			during = fmax(during, mean_in(s, i));
			continue;
		}
		outside = fmax(outside, mean_in(s, i));
		if (fl_behave_edge_of(s, i) < start_ns)
			before = fmax(before, mean_in(s, i)), buckets++;
	}
	double usual = buckets >= 3 ? before : outside;
	return during > TIMES_USUAL * usual && during > usual + WAITING_LEAST;
}

static void add_sites(struct stalls *s, bool inbound, size_t index, const struct fl_behaviour *f)
{
	size_t *first = inbound ? &s->first_of_team[index] : &s->first_of_edge[index];
	*first = BEHAVE_NONE;
	for (size_t i = 0; f != NULL && i < f->interval_count; i++) {
		if (f->intervals[i].kind != FL_INTERVAL_STALL ||
			!stands_out(f, f->intervals[i].start_ns, f->intervals[i].end_ns))
			continue;
		*first = *first == BEHAVE_NONE ? s->count : *first;
		s->sites[s->count] = (struct site){ inbound, index, &f->intervals[i], f, s->count };
		s->count++;
	}
}

static void collect(struct stalls *s)
{
	struct behave *b = s->b;
	size_t most = 0;
	for (size_t i = 0; i < b->edge_count; i++)
		most += b->edges[i].window[s->window] != NULL ? b->edges[i].window[s->window]->interval_count
							      : 0;
	for (size_t i = 0; i < b->team_count; i++)
		most += b->teams[i].window[s->window] != NULL ? b->teams[i].window[s->window]->interval_count
							      : 0;
	s->sites = fl_alloc_array(most + 1, sizeof(*s->sites));
	s->count = 0;
	for (size_t i = 0; i < b->edge_count; i++)
		add_sites(s, false, i,
			b->edges[i].merged->class == FL_CLASS_PROBE ? NULL : b->edges[i].window[s->window]);
	for (size_t i = 0; i < b->team_count; i++)
		add_sites(s, true, i, b->teams[i].window[s->window]);
}

/* ---- clusters ---- */

static size_t root_of(struct stalls *s, size_t i)
{
	while (s->sites[i].cluster != i)
		i = s->sites[i].cluster = s->sites[s->sites[i].cluster].cluster;
	return i;
}

static bool overlap(const struct fl_interval *a, const struct fl_interval *b)
{
	return a->start_ns <= b->end_ns && b->start_ns <= a->end_ns;
}

/* Unite @site with those of the team or edge whose first is @other. */
static void unite(struct stalls *s, size_t site, size_t other)
{
	if (other == BEHAVE_NONE)
		return;
	for (size_t k = other; k < s->count && s->sites[k].inbound == s->sites[other].inbound &&
			       s->sites[k].index == s->sites[other].index;
		k++) {
		size_t x = root_of(s, site), y = root_of(s, k);
		if (overlap(s->sites[site].interval, s->sites[k].interval))
			s->sites[x > y ? x : y].cluster = x > y ? y : x;
	}
}

static void cluster(struct stalls *s)
{
	const struct behave *b = s->b;
	for (size_t i = 0; i < s->count; i++) {
		if (s->sites[i].inbound)
			continue;
		const struct behave_edge *e = &b->edges[s->sites[i].index];
		const struct behave_team *from = &b->teams[e->from];
		unite(s, i, s->first_of_team[e->from]);
		if (e->to != BEHAVE_NONE)
			unite(s, i, s->first_of_team[e->to]);
		for (size_t k = 0; k < from->caller_count; k++)
			unite(s, i, s->first_of_edge[from->callers[k]]);
	}
}

/* ---- one stall ---- */

struct stall {
	struct stalls *all;
	size_t root; /* its cluster */
	const struct site *origin;
	int64_t start_ns, end_ns;
	size_t *height; /* by team: 1 + position in the climb; 0: not reached */
	struct fl_reached_by_stall *order;
	size_t *order_height;
	size_t order_count;
};

static bool has_site(const struct stall *t, size_t first)
{
	struct stalls *s = t->all;
	for (size_t k = first;
		first != BEHAVE_NONE && k < s->count && s->sites[k].inbound == s->sites[first].inbound &&
		s->sites[k].index == s->sites[first].index;
		k++)
		if (root_of(s, k) == t->root)
			return true;
	return false;
}

/* Does an edge of the same stall leave the team that this edge leads to? */
static bool has_deeper(const struct stall *t, const struct behave_edge *e)
{
	const struct behave *b = t->all->b;
	if (e->to == BEHAVE_NONE || e->to == e->from)
		return false;
	for (size_t i = 0; i < b->teams[e->to].call_count; i++)
		if (has_site(t, t->all->first_of_edge[b->teams[e->to].calls[i]]))
			return true;
	return false;
}

/* Of edges without a deeper one the one with the most attempts; a team where no edge is stalled. */
static const struct site *origin_of(const struct stall *t)
{
	struct stalls *s = t->all;
	const struct site *best = NULL;
	for (size_t i = 0; i < s->count; i++) {
		const struct site *site = &s->sites[i];
		if (root_of(s, i) != t->root)
			continue;
		bool deep = !site->inbound && !has_deeper(t, &s->b->edges[site->index]);
		bool best_deep = best != NULL && !best->inbound && !has_deeper(t, &s->b->edges[best->index]);
		if (best == NULL || (deep && !best_deep) ||
			(deep == best_deep && site->interval->attempts > best->interval->attempts))
			best = site;
	}
	return best;
}

/* Attempts of the site that has the most. */
static uint64_t waiting_in(const struct stall *t)
{
	uint64_t most = 0;
	for (size_t i = 0; i < t->all->count; i++)
		if (root_of(t->all, i) == t->root && t->all->sites[i].interval->attempts > most)
			most = t->all->sites[i].interval->attempts;
	return most;
}

/* ---- work in flight ---- */

struct pile {
	double usual, peak, after_s;
	bool at_limit;
	int64_t drained_ns;
};

static double in_bucket(const struct fl_series *s, size_t i)
{
	return fmax(s->bucket[i].in_flight_max, s->bucket[i].in_flight_s / fl_behave_width(s));
}

/* Most that was in flight before the stall; where the window begins with it, outside of it. */
static double usual_in_flight(const struct fl_series *s, int64_t start_ns, int64_t end_ns)
{
	double before = 0, outside = 0;
	size_t buckets = 0;
	for (size_t i = 0; i < s->count; i++) {
		if (fl_behave_overlaps(s, i, start_ns, end_ns))
			continue;
		outside = fmax(outside, in_bucket(s, i));
		if (fl_behave_edge_of(s, i) < start_ns)
			before = fmax(before, in_bucket(s, i)), buckets++;
	}
	return buckets >= 3 ? before : outside;
}

static struct pile pile_of(const struct fl_behaviour *f, int64_t start_ns, int64_t end_ns)
{
	const struct fl_series *s = &f->series;
	struct pile p = { usual_in_flight(s, start_ns, end_ns), 0, NAN, false, INT64_MIN };
	for (size_t i = 0; i < s->count; i++) {
		double now = in_bucket(s, i);
		if (fl_behave_overlaps(s, i, start_ns, end_ns)) {
			p.peak = fmax(p.peak, now);
			if (isnan(p.after_s) && now > p.usual)
				p.after_s = fmax(0, fl_behave_between(start_ns, fl_behave_edge_of(s, i)));
		} else if (p.drained_ns == INT64_MIN && fl_behave_edge_of(s, i) > end_ns && now <= p.usual) {
			p.drained_ns = fl_behave_edge_of(s, i);
		}
	}
	p.at_limit = f->in_flight_plateau_s > 0 && p.peak >= f->in_flight_max;
	return p;
}

/* A tier whose own stall was not told, for part of its work went on. */
static bool is_piled_up(const struct stall *t, const struct fl_behaviour *f)
{
	return f != NULL && stands_out(f, t->start_ns, t->end_ns);
}

/* ---- the climb ---- */

static void climb(struct stall *t, size_t target)
{
	struct behave *b = t->all->b;
	size_t *queue = fl_alloc_array(b->team_count + 1, sizeof(*queue)), head = 0, tail = 0;
	if (t->origin->inbound) {
		t->height[t->origin->index] = 1;
		queue[tail++] = t->origin->index;
	} else {
		size_t from = b->edges[t->origin->index].from;
		if (target != BEHAVE_NONE)
			t->height[target] = 1;
		if (t->height[from] == 0)
			t->height[from] = 2;
		queue[tail++] = from;
	}
	while (head < tail) {
		const struct behave_team *team = &b->teams[queue[head++]];
		for (size_t i = 0; i < team->caller_count; i++) {
			const struct behave_edge *e = &b->edges[team->callers[i]];
			bool reached = has_site(t, t->all->first_of_edge[team->callers[i]]) ||
				       has_site(t, t->all->first_of_team[e->from]) ||
				       (e->merged->class != FL_CLASS_PROBE &&
					       is_piled_up(t, e->window[t->all->window]));
			if (t->height[e->from] != 0 || !reached)
				continue;
			t->height[e->from] = t->height[queue[head - 1]] + 1;
			queue[tail++] = e->from;
		}
	}
	free(queue);
}

static void put(struct stall *t, const char *id, size_t height, const struct pile *p)
{
	t->order_height[t->order_count] = height;
	t->order[t->order_count++] =
		(struct fl_reached_by_stall){ id, isnan(p->after_s) ? 0 : p->after_s, p->peak, p->at_limit };
}

static struct fl_behaviour *facts_of_member(const struct stall *t, size_t service)
{
	struct behave *b = t->all->b;
	const struct fl_system_service *s = &b->system->services[service];
	struct fl_behaviour *sum = NULL;
	for (size_t i = 0; i < s->record_count; i++)
		if (b->window_of[s->records[i].scan] == t->all->window)
			fl_behaviour_merge(b->arena, &sum, s->records[i].s->behaviour);
	return sum;
}

/* The most that callers had waiting for @team, when it was not scanned itself. */
static struct pile pile_of_callers(const struct stall *t, size_t team)
{
	const struct behave *b = t->all->b;
	struct pile most = { 0, 0, NAN, false, INT64_MIN };
	for (size_t i = 0; i < b->teams[team].caller_count; i++) {
		const struct fl_behaviour *f = b->edges[b->teams[team].callers[i]].window[t->all->window];
		struct pile p = f != NULL ? pile_of(f, t->start_ns, t->end_ns) : most;
		most = p.peak > most.peak ? p : most;
	}
	return most;
}

static int back_to_front(const void *a, const void *b)
{
	const struct fl_reached_by_stall *x = a, *y = b;
	if (x->after_s < y->after_s || x->after_s > y->after_s)
		return x->after_s < y->after_s ? -1 : 1;
	return strcmp(x->id, y->id);
}

static void list_members(struct stall *t, size_t team, size_t height)
{
	const struct behave_team *m = &t->all->b->teams[team];
	size_t first = t->order_count;
	for (size_t i = 0; i < m->count; i++) {
		const struct fl_behaviour *f = facts_of_member(t, m->services[i]);
		struct pile p = f != NULL ? pile_of(f, t->start_ns, t->end_ns) : pile_of_callers(t, team);
		if (f != NULL || m->count == 1)
			put(t, m->ids[i], height, &p);
	}
	if (t->order_count > first + 1)
		qsort(&t->order[first], t->order_count - first, sizeof(*t->order), back_to_front);
}

/* By height; within one height by the time of the first member. */
static void list_order(struct stall *t, const char *outside)
{
	struct behave *b = t->all->b;
	size_t room = 1, highest = 1;
	for (size_t i = 0; i < b->team_count; i++) {
		room += t->height[i] != 0 ? b->teams[i].count : 0;
		highest = t->height[i] > highest ? t->height[i] : highest;
	}
	t->order = fl_arena_array(b->arena, room, sizeof(*t->order));
	t->order_height = fl_arena_array(b->arena, room, sizeof(*t->order_height));
	if (outside != NULL) {
		struct pile p = pile_of(t->origin->facts, t->start_ns, t->end_ns);
		put(t, outside, 1, &p);
	}
	for (size_t h = 1; h <= highest; h++) {
		size_t first = t->order_count, teams = 0;
		for (size_t i = 0; i < b->team_count; i++) {
			if (t->height[i] != h)
				continue;
			list_members(t, i, h);
			teams++;
		}
		if (teams > 1)
			qsort(&t->order[first], t->order_count - first, sizeof(*t->order), back_to_front);
	}
}

/* ---- the finding ---- */

static void tell_others(struct stall *t, struct fl_behave_finding *f, const struct behave_edge *origin)
{
	struct behave *b = t->all->b;
	f->answered_others = fl_arena_array(b->arena, b->edge_count, sizeof(*f->answered_others));
	for (size_t i = 0; i < b->edge_count; i++) {
		const struct behave_edge *e = &b->edges[i];
		const struct fl_behaviour *facts = e->window[t->all->window];
		bool same = origin->to != BEHAVE_NONE ? e->to == origin->to
						      : strcmp(e->to_id, origin->to_id) == 0;
		if (!same || e->from == origin->from || facts == NULL || e->merged->class == FL_CLASS_PROBE ||
			has_site(t, t->all->first_of_edge[i]) || is_piled_up(t, facts))
			continue;
		if (fl_behave_sum(&facts->series, t->start_ns, t->end_ns, false).answered > 1)
			f->answered_others[f->answered_other_count++] = b->teams[e->from].ids[0];
	}
}

static const char *say_ids(struct behave *b, const char *const *ids, size_t count)
{
	const char *text = "";
	for (size_t i = 0; i < count && i < NAMED; i++)
		text = fl_arena_printf(b->arena, "%s%s%s", text, i > 0 ? ", " : "", fl_behave_say(b, ids[i]));
	return count > NAMED ? fl_arena_printf(b->arena, "%s and %zu more", text, count - NAMED) : text;
}

static const char *why(struct stall *t, const struct fl_behave_finding *f)
{
	struct behave *b = t->all->b;
	const char *text =
		f->from == NULL
			? fl_arena_printf(b->arena, "%s did not answer for %s", fl_behave_say(b, f->to),
				  fl_behave_seconds(b, fl_behave_between(f->start_ns, f->end_ns)))
			: fl_arena_printf(b->arena, "calls of %s to %s got no answer for %s",
				  fl_behave_say(b, f->from), fl_behave_say(b, f->to),
				  fl_behave_seconds(b, fl_behave_between(f->start_ns, f->end_ns)));
	if (f->answered_other_count > 0)
		text = fl_arena_printf(b->arena, "%s, while calls of %s were answered: it was not down", text,
			say_ids(b, f->answered_others, f->answered_other_count));
	text = fl_arena_printf(b->arena, "%s. Work piled up:", text);
	for (size_t i = 0; i < f->order_count; i++)
		text = fl_arena_printf(b->arena, "%s%s %s (%.0f in flight%s)", text, i > 0 ? ", then" : "",
			fl_behave_say(b, f->order[i].id), f->order[i].in_flight_peak,
			f->order[i].at_limit ? ", at its limit" : "");
	if (isnan(f->drained_s))
		return fl_arena_printf(b->arena, "%s; it had not drained when the window ended", text);
	return fl_arena_printf(b->arena, "%s; drained %s after the answers came back", text,
		fl_behave_seconds(b, f->drained_s));
}

static double drained(struct stall *t)
{
	const struct behave *b = t->all->b;
	double most = 0;
	for (size_t i = 0; i < b->team_count; i++) {
		const struct fl_behaviour *f = b->teams[i].window[t->all->window];
		if (t->height[i] == 0 || f == NULL)
			continue;
		struct pile p = pile_of(f, t->start_ns, t->end_ns);
		if (p.peak > p.usual)
			most = p.drained_ns == INT64_MIN || isnan(most)
				       ? NAN
				       : fmax(most, fl_behave_between(t->end_ns, p.drained_ns));
	}
	return most;
}

static void report(struct stall *t)
{
	struct behave *b = t->all->b;
	const struct behave_edge *e = t->origin->inbound ? NULL : &b->edges[t->origin->index];
	t->start_ns = t->origin->interval->start_ns;
	t->end_ns = t->origin->interval->end_ns;
	t->height = fl_alloc_array(b->team_count + 1, sizeof(*t->height));
	climb(t, e != NULL ? e->to : BEHAVE_NONE);
	struct fl_behave_finding *f = e != NULL ? fl_behave_add(b, FL_BEHAVE_STALL, e)
						: fl_behave_add_inbound(b, FL_BEHAVE_STALL, t->origin->index);
	list_order(t, e != NULL && e->to == BEHAVE_NONE ? e->to_id : NULL);
	f->order = t->order;
	f->order_count = t->order_count;
	f->start_ns = t->start_ns;
	f->end_ns = t->end_ns;
	f->attempts = t->origin->interval->attempts;
	f->failures = t->origin->interval->failures;
	f->in_flight_peak = 0;
	for (size_t i = 0; i < f->order_count; i++)
		f->in_flight_peak = fmax(f->in_flight_peak, f->order[i].in_flight_peak);
	if (e != NULL)
		tell_others(t, f, e);
	f->drained_s = drained(t);
	f->severity = 100 + fmin(9, log10(1 + f->in_flight_peak));
	f->confidence = f->order_count > 2 ? FL_CONFIDENCE_HIGH : FL_CONFIDENCE_MEDIUM;
	f->why = why(t, f);
	free(t->height);
}

void fl_behave_stalls(struct behave *b)
{
	struct stalls s = { .b = b };
	s.first_of_edge = fl_alloc_array(b->edge_count + 1, sizeof(*s.first_of_edge));
	s.first_of_team = fl_alloc_array(b->team_count + 1, sizeof(*s.first_of_team));
	for (s.window = 0; s.window < b->window_count; s.window++) {
		collect(&s);
		cluster(&s);
		for (size_t i = 0; i < s.count; i++) {
			struct stall t = { .all = &s, .root = i };
			if (root_of(&s, i) != i)
				continue;
			t.origin = origin_of(&t);
			if (t.origin != NULL && waiting_in(&t) >= WAITING_MIN)
				report(&t);
		}
		free(s.sites);
	}
	free(s.first_of_edge);
	free(s.first_of_team);
}
