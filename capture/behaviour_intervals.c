/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_intervals.c - when nothing was answered, and when nearly all failed
 *
 * A stall is a silence with work waiting: between two answers lies far more time than an answer usually takes and in which
 * several usually come, and attempts that are overdue are open at its end. Usual is the median, which a stall does not move: while it
 * lasts, callers' pools are full and little is asked. It began with the first attempt that was still waiting when
 * it ended, which is before the silence when only a part of the work was held up first.
 *
 * An outage is a run of attempts whose score is high: each failure scores the logarithm of how much likelier it is
 * in an outage than usually, each success of how much less likely it is, and the run ends where the score
 * has fallen far from its top (sequential test, Page, Biometrika 1954). What is usual is the lower quartile of the failure share
 * over sixteenths of the attempts.
 */
#include "behaviour_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/hash.h"
#include "faultline/index.h"
#include "faultline/sort.h"
#include "faultline/units.h"

enum { LEAST = 20, MISSED_LEAST = 8, SIXTEENTHS = 16, PARTS_MAX = 32, OVERDUE_LEAST = 3, FAILURES_LEAST = 5, FEW_FAILURES = 3 };
static const double overdue_factor = 20, overdue_floor_s = 0.5;
static const double score_least = 9, score_drop = 7;
static const double usual_floor = 0.01, usual_cap = 0.25, outage_share = 0.5;
static const int64_t few_failures_ns = INT64_C(5) * FL_NS_PER_S;

static int64_t wait_of(const struct attempt *a)
{
	return a->end_ns - a->start_ns;
}

static bool is_exchange(const struct attempt *a)
{
	return !(a->flags & FL_ATTEMPT_CONNECT);
}

struct intervals {
	struct fl_interval list[FL_INTERVALS_MAX];
	size_t count;
};

/* Overlapping ones of a kind become one. */
static void add_interval(struct intervals *all, const struct fl_interval *i)
{
	for (size_t k = 0; k < all->count; k++) {
		struct fl_interval *o = &all->list[k];
		if (o->kind != i->kind || o->end_ns < i->start_ns || i->end_ns < o->start_ns)
			continue;
		o->start_ns = i->start_ns < o->start_ns ? i->start_ns : o->start_ns;
		o->end_ns = i->end_ns > o->end_ns ? i->end_ns : o->end_ns;
		return;
	}
	if (all->count < FL_INTERVALS_MAX)
		all->list[all->count++] = *i;
}

/* ---- stalls ---- */

/* Times of good answers, in order, and half of them came within *@usual_s. */
static size_t answers_of(const struct attempt_group *g, int64_t *ends, double *usual_s)
{
	struct sample waits = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < g->count; i++) {
		const struct attempt *a = g->list[i];
		if (a->outcome != FL_OUTCOME_ANSWERED || !is_exchange(a))
			continue;
		ends[n++] = a->end_ns;
		sample_add(&waits, (double)wait_of(a) / 1e9);
	}
	fl_sort_times(ends, n);
	*usual_s = n >= LEAST ? sample_spread(&waits).p50 : NAN;
	sample_fini(&waits);
	return n;
}

/* Would answers at their usual pace have come in this time? */
static bool is_silence(const struct attempt_group *g, size_t answers, int64_t silence_ns, int64_t window_end_ns)
{
	double seen_s = (double)(window_end_ns - g->list[0]->start_ns) / 1e9;
	return seen_s > 0 && (double)answers / seen_s * (double)silence_ns / 1e9 >= MISSED_LEAST;
}

static int64_t overdue_after(double usual_s)
{
	double usual = usual_s * overdue_factor;
	return (int64_t)((usual > overdue_floor_s ? usual : overdue_floor_s) * 1e9);
}

/* Attempts of @g that are open at @end_ns and overdue then; *@first_ns is the start of the first of them. @reach_ns: the latest
 * end of those up to each. */
static size_t overdue_at(const struct attempt_group *g, const int64_t *reach_ns, int64_t end_ns, int64_t overdue_ns, int64_t *first_ns)
{
	size_t count = 0, low = 0, high = g->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (g->list[mid]->start_ns + overdue_ns <= end_ns)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i > 0 && reach_ns[i - 1] >= end_ns; i--) {
		const struct attempt *a = g->list[i - 1];
		if (!is_exchange(a) || a->end_ns < end_ns)
			continue;
		count++;
		*first_ns = a->start_ns;
	}
	return count;
}

static void find_stalls(struct intervals *all, const struct attempt_group *g, uint32_t in_flight_max, int64_t window_end_ns)
{
	int64_t *answers = fl_alloc_array(g->count + 1, sizeof(*answers));
	int64_t *reach_ns = fl_alloc_array(g->count + 1, sizeof(*reach_ns));
	double usual_s;
	size_t n = answers_of(g, answers, &usual_s);
	size_t least = in_flight_max < OVERDUE_LEAST ? in_flight_max : OVERDUE_LEAST;
	int64_t overdue_ns = n >= LEAST ? overdue_after(usual_s) : 0;
	if (least < OVERDUE_LEAST)
		overdue_ns *= 4;
	for (size_t i = 0; i < g->count; i++)
		reach_ns[i] = i && reach_ns[i - 1] > g->list[i]->end_ns ? reach_ns[i - 1] : g->list[i]->end_ns;
	for (size_t i = 0; i < n && n >= LEAST; i++) {
		int64_t from = answers[i], to = i + 1 < n ? answers[i + 1] : window_end_ns, first = 0;
		if (to - from < overdue_ns || !is_silence(g, n, to - from, window_end_ns))
			continue;
		size_t overdue = overdue_at(g, reach_ns, to, overdue_ns, &first);
		if (overdue >= least && overdue > 0)
			add_interval(all, &(struct fl_interval){ .kind = FL_INTERVAL_STALL, .start_ns = first, .end_ns = to });
	}
	free(reach_ns);
	free(answers);
}

/* ---- one client, one path at a time ---- */

/* Attempts that belong together: of one client, or for one kind of thing (method and path, statement). */
struct member {
	struct attempt *attempt;
	const struct fl_addr *client;
	uint32_t shape;
};

static int compare_members(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;
	int order = a->client ? fl_addr_compare(a->client, b->client) : (a->shape > b->shape) - (a->shape < b->shape);
	if (order)
		return order;
	return (a->attempt > b->attempt) - (a->attempt < b->attempt); /* in one array, by start */
}

static bool is_same_part(const struct member *a, const struct member *b)
{
	return a->client ? fl_addr_equal(a->client, b->client) : a->shape == b->shape;
}

/* All members of one client or for one kind of thing. */
struct part {
	struct member first;
	size_t count;
	bool chosen;
};

struct parts {
	struct part *list;
	size_t count, capacity;
	uint32_t *part_of;      /* by member */
	struct fl_index index;
	uint64_t seed;
};

static uint32_t part_hash(const struct parts *p, const struct member *m)
{
	return m->client ? (uint32_t)fl_hash_bytes(m->client, sizeof(*m->client), p->seed)
			 : (uint32_t)fl_hash_bytes(&m->shape, sizeof(m->shape), p->seed);
}

/* Parts are few beside their members, and take no more room than that. */
static void grow_parts(struct parts *p)
{
	p->capacity = fl_grown(p->capacity, p->count + 1);
	p->list = fl_grow_array(p->list, p->capacity, sizeof(*p->list));
	fl_index_fini(&p->index);
	fl_index_init(&p->index, (uint32_t)p->capacity);
	for (size_t i = 0; i < p->count; i++)
		fl_index_add(&p->index, part_hash(p, &p->list[i].first), (uint32_t)i);
}

static uint32_t part_of(struct parts *p, const struct member *m)
{
	if (p->count == p->capacity)
		grow_parts(p);
	uint32_t hash = part_hash(p, m), at = fl_index_home(&p->index, hash), i;
	while ((i = fl_index_next(&p->index, hash, &at)) != UINT32_MAX)
		if (is_same_part(&p->list[i].first, m))
			return i;
	fl_index_add(&p->index, hash, (uint32_t)p->count);
	p->list[p->count] = (struct part){ .first = *m };
	return (uint32_t)p->count++;
}

static int compare_parts(const void *pa, const void *pb)
{
	const struct part *a = *(struct part *const *)pa, *b = *(struct part *const *)pb;
	return compare_members(&a->first, &b->first);
}

/* The first PARTS_MAX that are large enough to tell something and are not all there is. */
static void choose_parts(struct parts *p, size_t members)
{
	struct part **order = fl_alloc_array(p->count + 1, sizeof(struct part *));
	size_t large = 0;
	for (size_t i = 0; i < p->count; i++)
		if (p->list[i].count >= LEAST && p->list[i].count < members)
			order[large++] = &p->list[i];
	qsort(order, large, sizeof(struct part *), compare_parts);
	for (size_t i = 0; i < large && i < PARTS_MAX; i++)
		order[i]->chosen = true;
	free(order);
}

/* Leaves out members of parts that will not be looked at, so that few are left to be sorted. Return: how many, in the same order. */
static size_t leave_out(struct member *members, size_t count)
{
	struct parts p = { .part_of = fl_alloc_array(count + 1, sizeof(*p.part_of)), .seed = fl_hash_seed() };
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		p.part_of[i] = part_of(&p, &members[i]);
		p.list[p.part_of[i]].count++;
	}
	choose_parts(&p, count);
	for (size_t i = 0; i < count; i++)
		if (p.list[p.part_of[i]].chosen)
			members[kept++] = members[i];
	fl_index_fini(&p.index);
	free(p.list);
	free(p.part_of);
	return kept;
}

/* Of one client they are. */
static bool members_in_order(const struct member *members, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_members(&members[i - 1], &members[i]) > 0)
			return false;
	return true;
}

static void find_stalls_of_parts(struct intervals *all, struct member *members, size_t count, uint32_t in_flight_max,
				 int64_t window_end_ns)
{
	struct attempt **list = fl_alloc_array(count + 1, sizeof(struct attempt *));
	size_t parts = 0, left = count;
	if (!members_in_order(members, count)) {
		left = leave_out(members, count);
		qsort(members, left, sizeof(*members), compare_members);
	}
	for (size_t i = 0, from = 0; i < left && parts < PARTS_MAX; i++) {
		list[i] = members[i].attempt;
		if (i + 1 < left && is_same_part(&members[i], &members[i + 1]))
			continue;
		struct attempt_group one = { list + from, i + 1 - from };
		if (one.count >= LEAST && one.count < count) {
			find_stalls(all, &one, in_flight_max, window_end_ns);
			parts++;
		}
		from = i + 1;
	}
	free(list);
}

static void find_stalls_of_clients(struct intervals *all, const struct attempt_group *g,
				   const struct fl_conversations *conversations, uint32_t in_flight_max, int64_t window_end_ns)
{
	struct member *members = fl_alloc_array(g->count + 1, sizeof(*members));
	for (size_t i = 0; i < g->count; i++)
		members[i] = (struct member){ g->list[i], &fl_conversation_get(conversations, g->list[i]->conversation)->key.client, 0 };
	find_stalls_of_parts(all, members, g->count, in_flight_max, window_end_ns);
	free(members);
}

static bool is_apart(const struct intervals *all, const struct fl_interval *i)
{
	for (size_t k = 0; k < all->count; k++)
		if (all->list[k].kind == i->kind && all->list[k].start_ns <= i->end_ns && i->start_ns <= all->list[k].end_ns)
			return false;
	return true;
}

/* Where requests can be read: one path may hang while the others are answered. What cannot be read is no part, and of a stall of
 * the whole the paths add nothing. */
static void find_stalls_of_paths(struct intervals *all, const struct attempt_group *g, uint32_t in_flight_max, int64_t window_end_ns)
{
	struct intervals own = { .count = 0 };
	struct member *members = fl_alloc_array(g->count + 1, sizeof(*members));
	size_t count = 0;
	for (size_t i = 0; i < g->count; i++)
		if (g->list[i]->flags & FL_ATTEMPT_READABLE)
			members[count++] = (struct member){ g->list[i], NULL, g->list[i]->fingerprint >> 16 };
	find_stalls_of_parts(&own, members, count, in_flight_max, window_end_ns);
	const struct intervals whole = *all;
	for (size_t i = 0; i < own.count; i++)
		if (is_apart(&whole, &own.list[i]))
			add_interval(all, &own.list[i]);
	free(members);
}

/* ---- outages ---- */

static int compare_doubles(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;
	return (a > b) - (a < b);
}

static double usual_failure_share(const struct attempt_group *g)
{
	double shares[SIXTEENTHS];
	for (size_t k = 0; k < SIXTEENTHS; k++) {
		double failed = 0, all = 0;
		for (size_t i = g->count * k / SIXTEENTHS; i < g->count * (k + 1) / SIXTEENTHS; i++) {
			all += attempt_weight(g->list[i]);
			failed += attempt_failed(g->list[i]) ? attempt_weight(g->list[i]) : 0;
		}
		shares[k] = all > 0 ? failed / all : 0;
	}
	qsort(shares, SIXTEENTHS, sizeof(double), compare_doubles);
	double usual = shares[SIXTEENTHS / 4];
	return usual < usual_floor ? usual_floor : usual > usual_cap ? usual_cap : usual;
}

struct run {
	size_t from, to;        /* first and last failure */
	size_t failures;
	double score, top;
};

static int64_t good_answer_after(const struct attempt_group *g, size_t last, int64_t window_end_ns)
{
	for (size_t i = last + 1; i < g->count; i++)
		if (g->list[i]->outcome == FL_OUTCOME_ANSWERED)
			return g->list[i]->end_ns;
	return window_end_ns;
}

static void end_run(struct intervals *all, const struct attempt_group *g, const struct run *r, int64_t window_end_ns)
{
	if (r->top < score_least)
		return;
	size_t failures = 0;
	for (size_t i = r->from; i <= r->to; i++)
		failures += attempt_failed(g->list[i]);
	const struct attempt *first = g->list[r->from], *last = g->list[r->to];
	bool few_but_long = failures >= FEW_FAILURES && failures == r->to - r->from + 1 &&
			    last->start_ns - first->start_ns >= few_failures_ns;
	if (failures >= FAILURES_LEAST || few_but_long)
		add_interval(all, &(struct fl_interval){ .kind = FL_INTERVAL_OUTAGE, .start_ns = first->start_ns,
							 .end_ns = good_answer_after(g, r->to, window_end_ns) });
}

static void find_outages(struct intervals *all, const struct attempt_group *g, int64_t window_end_ns)
{
	bool ever = false;
	for (size_t i = 0; i < g->count && !ever; i++)
		ever = g->list[i]->outcome == FL_OUTCOME_ANSWERED;
	if (!ever) /* nothing says that it was ever otherwise */
		return;
	double usual = usual_failure_share(g), outage = usual < outage_share / 2 ? outage_share : (1 + usual) / 2;
	double failure = log(outage / usual), success = log((1 - outage) / (1 - usual));
	struct run r = { 0 };
	for (size_t i = 0; i < g->count; i++) {
		const struct attempt *a = g->list[i];
		if (a->outcome == FL_OUTCOME_UNDECIDED)
			continue;
		bool failed = attempt_failed(a);
		r.score += failed ? failure : success * attempt_weight(a);
		if (r.score <= 0 || r.score < r.top - score_drop) {
			end_run(all, g, &r, window_end_ns);
			r = (struct run){ 0 };
			continue;
		}
		if (failed && r.failures++ == 0)
			r.from = i;
		if (failed && r.score > r.top) {
			r.top = r.score;
			r.to = i;
		}
	}
	end_run(all, g, &r, window_end_ns);
}

/* ---- both ---- */

static void describe(struct fl_interval *o, const struct attempt_group *g)
{
	int64_t *ends = fl_alloc_array(g->count + 1, sizeof(*ends));
	uint32_t begun = 0;
	size_t n = 0, ended = 0;
	o->attempts = o->failures = 0;
	o->in_flight_max = 0;
	for (size_t i = 0; i < g->count; i++)
		if (g->list[i]->end_ns > g->list[i]->start_ns)
			ends[n++] = g->list[i]->end_ns;
	fl_sort_times(ends, n);
	for (size_t i = 0; i < g->count; i++) {
		const struct attempt *a = g->list[i];
		bool within = a->start_ns >= o->start_ns && a->start_ns <= o->end_ns;
		o->attempts += within && !a->goes_on ? attempt_weight(a) : 0;
		o->failures += attempt_failed(a) && a->end_ns >= o->start_ns && a->end_ns <= o->end_ns ? attempt_weight(a) : 0;
		if (a->end_ns <= a->start_ns)
			continue;
		begun++;
		while (ended < n && ends[ended] <= a->start_ns)
			ended++;
		uint32_t open = begun - (uint32_t)ended;
		if (within && open > o->in_flight_max)
			o->in_flight_max = open;
	}
	free(ends);
}

static int compare_intervals(const void *pa, const void *pb)
{
	const struct fl_interval *a = pa, *b = pb;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return (int)a->kind - (int)b->kind;
}

void behaviour_intervals(struct fl_behaviour *b, struct fl_arena *arena, const struct attempt_group *g,
			 const struct fl_conversations *conversations, int64_t window_end_ns)
{
	struct intervals all = { .count = 0 };
	if (g->count == 0)
		return;
	find_outages(&all, g, window_end_ns);
	find_stalls(&all, g, b->in_flight_max, window_end_ns);
	find_stalls_of_clients(&all, g, conversations, b->in_flight_max, window_end_ns);
	find_stalls_of_paths(&all, g, b->in_flight_max, window_end_ns);
	b->interval_count = all.count;
	if (!all.count)
		return;
	for (size_t i = 0; i < all.count; i++)
		describe(&all.list[i], g);
	qsort(all.list, all.count, sizeof(all.list[0]), compare_intervals);
	b->intervals = fl_arena_array(arena, all.count, sizeof(*b->intervals));
	memcpy(b->intervals, all.list, all.count * sizeof(*b->intervals));
}
