/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_trends.c - what grows, since when, from where, and what it runs into
 *
 * Quantities of an edge: work in flight, rate and latency; of a team that is called from outside, the same of
 * its answers. A trend is told within a window when it rises steadily (each third of the window above the one
 * before), by at least half over the window, and a test rejects chance after correction for the number of
 * series that were looked at. Work in flight that sways need only rise where the time to answer of the same calls
 * rises steadily. Buckets in the time of stalls and outages are left out: what goes up and comes
 * down again is not a trend. Over stored windows the same is asked of the windows' means.
 *
 * Latency and work in flight climb from callee to caller like a stall does, so the finding is the edge that
 * has no growing edge below it, and those above inherit it. A rate comes from above: its finding is where
 * nobody above grows.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/behave_internal.h"
#include "faultline/model.h"
#include "faultline/statistics.h"
#include "faultline/units.h"

#define DISCOVERY_RATE 0.01
#define GROWTH_MIN 1.5 /* over the window */
enum { POINTS_MIN = 18, WINDOWS_MIN = 6, QUANTITIES = 3 };

/* A series that was looked at: of an edge, or of the inbound work of a team. */
struct candidate {
	bool inbound;
	size_t index;
	enum fl_quantity quantity;
	bool over_windows;
	size_t window;
	bool steady; /* see rises() */
	struct fl_trend_test test;
	double p, q, first_s, last_s; /* time of the first and the last point */
	double from_value, to_value;
	int64_t start_ns, end_ns;
	uint64_t attempts;
};

struct trends {
	struct behave *b;
	struct candidate *list; /* those that rise at all */
	size_t count, capacity;
	uint64_t tested; /* all */
	struct period *periods;
	size_t period_count;
};

struct points {
	double x[FL_TREND_POINTS_MAX], y[FL_TREND_POINTS_MAX];
	size_t count;
	uint64_t attempts;
};

/* ---- points within a window ---- */

/* Times of what goes up and comes down again, sorted and apart. */
struct period {
	int64_t start_ns, end_ns;
};

static int by_start(const void *a, const void *b)
{
	const struct period *x = a, *y = b;
	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static void list_periods(struct trends *t)
{
	const struct fl_behave *r = t->b->result;
	size_t count = 0;
	t->periods = fl_alloc_array(r->count + 1, sizeof(*t->periods));
	for (size_t k = 0; k < r->count; k++) {
		const struct fl_behave_finding *f = &r->list[k];
		int64_t drained_ns = fl_ns_of_seconds(f->drained_s);
		if (f->kind == FL_BEHAVE_STALL || f->kind == FL_BEHAVE_OUTAGE ||
			f->kind == FL_BEHAVE_SILENT_FAILURE)
			t->periods[count++] =
				(struct period){ f->start_ns, fl_behave_after(f->end_ns, drained_ns) };
	}
	qsort(t->periods, count, sizeof(*t->periods), by_start);
	for (size_t i = 0; i < count; i++) {
		struct period *last = t->period_count > 0 ? &t->periods[t->period_count - 1] : NULL;
		if (last == NULL || t->periods[i].start_ns > last->end_ns)
			t->periods[t->period_count++] = t->periods[i];
		else if (t->periods[i].end_ns > last->end_ns)
			last->end_ns = t->periods[i].end_ns;
	}
}

static bool is_disturbed(const struct trends *t, const struct fl_series *s, size_t i)
{
	size_t low = 0, high = t->period_count; /* the first that ends in or after the bucket */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->periods[middle].end_ns < fl_behave_edge_of(s, i))
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->period_count &&
	       fl_behave_overlaps(s, i, t->periods[low].start_ns, t->periods[low].end_ns);
}

static void add_point(
	struct points *p, double x, const struct fl_series_bucket *k, double width, enum fl_quantity q)
{
	if (q == FL_QUANTITY_LATENCY && k->answered == 0)
		return;
	p->x[p->count] = x;
	p->y[p->count] = q == FL_QUANTITY_LATENCY ? k->answer_s / k->answered
			 : q == FL_QUANTITY_RATE  ? k->started / width
						  : k->in_flight_s / width;
	p->attempts += k->started;
	p->count++;
}

/* The first and last bucket of a window are cut by it, and work begins and ends with what is watched. */
static void points_of(const struct trends *t, const struct fl_series *s, enum fl_quantity q, struct points *p)
{
	size_t first = 0, last = s->count;
	p->count = p->attempts = 0;
	while (first < last && s->bucket[first].started == 0)
		first++;
	while (last > first && s->bucket[last - 1].started == 0)
		last--;
	for (size_t i = first + 1; i + 1 < last; i++)
		if (!is_disturbed(t, s, i))
			add_point(p, ((double)i + 0.5) * fl_behave_width(s), &s->bucket[i],
				fl_behave_width(s), q);
}

/* ---- the test ---- */

/* Each third above the one before: cheap, and what makes a drift a drift. @steady: all by a good part. */
static bool rises(const struct points *p, bool *steady)
{
	size_t third = p->count / 3;
	double a = fl_median(p->y, third), m = fl_median(p->y + third, third);
	double z = fl_median(p->y + p->count - third, third);
	*steady = m - a > 0.15 * (z - a) && z - m > 0.15 * (z - a);
	return z > 0 && m > a && z > m && z >= 1.3 * a;
}

static void consider(struct trends *t, struct candidate c, const struct points *p)
{
	t->tested++;
	if (!rises(p, &c.steady) || (!c.steady && c.quantity != FL_QUANTITY_IN_FLIGHT))
		return;
	c.test = fl_trend_test(p->x, p->y, p->count);
	c.p = c.test.p;
	c.first_s = p->x[0];
	c.last_s = p->x[p->count - 1];
	c.from_value = fmax(0, c.test.intercept + c.test.slope * c.first_s);
	c.to_value = c.test.intercept + c.test.slope * c.last_s;
	c.attempts = p->attempts;
	if (!(c.test.slope_low > 0) || c.to_value < GROWTH_MIN * c.from_value)
		return;
	if (t->count == t->capacity) {
		t->capacity = fl_grown(t->capacity, t->count + 1);
		t->list = fl_grow_array(t->list, t->capacity, sizeof(*t->list));
	}
	t->list[t->count++] = c;
}

static void look_within(
	struct trends *t, struct points *p, bool inbound, size_t index, struct fl_behaviour *const *windows)
{
	for (size_t w = 0; w < t->b->window_count; w++) {
		const struct fl_series *s = windows[w] != NULL ? &windows[w]->series : NULL;
		for (int q = 0; s != NULL && s->count > 0 && q < QUANTITIES; q++) {
			points_of(t, s, (enum fl_quantity)q, p);
			if (p->count < POINTS_MIN)
				continue;
			struct candidate c = { inbound, index, (enum fl_quantity)q, false, w,
				.start_ns = s->start_ns, .end_ns = fl_behave_edge_of(s, s->count) };
			consider(t, c, p);
		}
	}
}

/* ---- points of whole windows ---- */

static void look_over(
	struct trends *t, struct points *p, bool inbound, size_t index, struct fl_behaviour *const *windows)
{
	const struct behave *b = t->b;
	size_t run = b->window_count / FL_TREND_POINTS_MAX + 1; /* more windows than points: every so many */
	for (int q = 0; q < QUANTITIES; q++) {
		p->count = p->attempts = 0;
		for (size_t w = 0; w < b->window_count && p->count < FL_TREND_POINTS_MAX; w += run) {
			struct fl_series_bucket k = { 0 };
			struct behave_sum sum = { 0 };
			if (windows[w] != NULL)
				sum = fl_behave_sum(&windows[w]->series, INT64_MAX, INT64_MIN, true);
			if (sum.seconds <= 0 || sum.answered > UINT32_MAX || sum.started > UINT32_MAX)
				continue;
			k.started = (uint32_t)sum.started, k.answered = (uint32_t)sum.answered;
			k.answer_s = sum.answer_s, k.in_flight_s = sum.in_flight_s;
			add_point(p, fl_behave_between(b->windows[0].start_ns, b->windows[w].start_ns), &k,
				sum.seconds, (enum fl_quantity)q);
		}
		struct candidate c = { inbound, index, (enum fl_quantity)q, true, 0,
			.start_ns = b->windows[0].start_ns,
			.end_ns = b->windows[b->window_count - 1].end_ns };
		if (p->count >= WINDOWS_MIN)
			consider(t, c, p);
	}
}

/* ---- where it comes from ---- */

/* Work in flight is the rate times the time to answer (Little), so it sways with arrivals about a drift of the
 * time to answer, which by itself is steadier: there the thirds of the time say that it is a drift. */
static bool is_trend(const struct trends *t, const struct candidate *c)
{
	bool drift = c->steady;
	for (size_t i = 0; !drift && i < t->count; i++) {
		const struct candidate *l = &t->list[i];
		drift = l->quantity == FL_QUANTITY_LATENCY && l->inbound == c->inbound &&
			l->index == c->index && l->over_windows == c->over_windows &&
			l->window == c->window && l->q <= DISCOVERY_RATE;
	}
	return drift && c->q <= DISCOVERY_RATE;
}

static const struct candidate *find(
	const struct trends *t, const struct candidate *like, bool inbound, size_t index, bool either)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct candidate *c = &t->list[i];
		bool same = c->quantity == like->quantity ||
			    (either && c->quantity != FL_QUANTITY_RATE && like->quantity != FL_QUANTITY_RATE);
		if (c->inbound == inbound && c->index == index && same &&
			c->over_windows == like->over_windows && c->window == like->window && is_trend(t, c))
			return c;
	}
	return NULL;
}

/* Teams whose own calls may be what makes @c grow, or for a rate the team that makes the calls. */
static bool is_inherited(const struct trends *t, const struct candidate *c)
{
	const struct behave *b = t->b;
	if (c->quantity == FL_QUANTITY_RATE) {
		if (c->inbound)
			return false;
		const struct behave_team *from = &b->teams[b->edges[c->index].from];
		for (size_t i = 0; i < from->caller_count; i++)
			if (find(t, c, false, from->callers[i], false) != NULL)
				return true;
		return find(t, c, true, b->edges[c->index].from, false) != NULL;
	}
	size_t team = c->inbound ? c->index : b->edges[c->index].to;
	for (size_t i = 0; team != BEHAVE_NONE && i < b->teams[team].call_count; i++)
		if (find(t, c, false, b->teams[team].calls[i], true) != NULL)
			return true;
	return false;
}

/* More work in flight because more is asked, though no answer takes longer: the rate is the finding. */
static bool is_of_rate(const struct trends *t, const struct candidate *c)
{
	struct candidate rate = *c, latency = *c;
	rate.quantity = FL_QUANTITY_RATE;
	latency.quantity = FL_QUANTITY_LATENCY;
	return c->quantity == FL_QUANTITY_IN_FLIGHT && find(t, &rate, c->inbound, c->index, false) != NULL &&
	       find(t, &latency, c->inbound, c->index, false) == NULL;
}

/* Teams above that show it, nearest first: along callers whose edges grow. */
static void list_heirs(const struct trends *t, const struct candidate *c, struct fl_behave_finding *f)
{
	struct behave *b = t->b;
	bool *seen = fl_alloc_array(b->team_count + 1, sizeof(*seen));
	size_t *queue = fl_alloc_array(b->team_count + 1, sizeof(*queue)), head = 0, tail = 0;
	f->inherited_by = fl_arena_array(b->arena, b->team_count + 1, sizeof(*f->inherited_by));
	queue[tail++] = c->inbound ? c->index : b->edges[c->index].from;
	seen[queue[0]] = true;
	while (c->quantity != FL_QUANTITY_RATE && !c->inbound && head < tail) {
		const struct behave_team *team = &b->teams[queue[head++]];
		for (size_t i = 0; i < team->caller_count; i++) {
			size_t from = b->edges[team->callers[i]].from;
			if (seen[from] || find(t, c, false, team->callers[i], true) == NULL)
				continue;
			seen[from] = true;
			queue[tail++] = from;
		}
	}
	for (size_t i = 0; i < tail && c->quantity != FL_QUANTITY_RATE && !c->inbound; i++)
		f->inherited_by[f->inherited_count++] = b->teams[queue[i]].ids[0];
	free(seen);
	free(queue);
}

/* ---- what it runs into ---- */

static void declared_limit(const struct behave *b, const struct candidate *c, struct fl_behave_finding *f)
{
	const struct fl_model_outcome *m = b->system->model;
	const struct behave_edge *e = c->inbound ? NULL : &b->edges[c->index];
	fl_node_id to = fl_graph_find(b->system->graph, f->to),
		   from = e != NULL ? e->dependencies[0]->from : FL_NODE_NONE;
	double least = INFINITY;
	for (size_t i = 0; m != NULL && i < m->limit_count; i++) {
		if (m->limits[i].node != to && m->limits[i].node != from)
			continue;
		if (c->quantity == FL_QUANTITY_IN_FLIGHT)
			least = fmin(least, m->limits[i].in_flight); /* NaN gives way */
		if (c->quantity == FL_QUANTITY_RATE && m->limits[i].node == to)
			least = fmin(least, m->limits[i].requests_per_s);
	}
	for (size_t i = 0; m != NULL && i < m->call_count; i++) {
		if (m->calls[i].from != from || m->calls[i].to != to)
			continue;
		least = c->quantity == FL_QUANTITY_IN_FLIGHT ? fmin(least, m->calls[i].in_flight)
			: c->quantity == FL_QUANTITY_LATENCY ? fmin(least, m->calls[i].timeout_s)
							     : least;
	}
	if (isfinite(least))
		f->limit = least, f->limit_kind = "declared limit";
}

static void observed_limit(const struct behave *b, const struct candidate *c, struct fl_behave_finding *f)
{
	const struct fl_behaviour *all = c->inbound ? b->teams[c->index].all : b->edges[c->index].all;
	struct fl_timeout t = fl_timeout_of(&all->response_timeout);
	if (c->quantity == FL_QUANTITY_IN_FLIGHT && all->in_flight_plateau_s > 0)
		f->limit = all->in_flight_max, f->limit_kind = "observed plateau";
	if (c->quantity == FL_QUANTITY_LATENCY && t.sharp)
		f->limit = t.seconds, f->limit_kind = "timeout";
}

/* ---- the finding ---- */

static const char *value_text(struct behave *b, enum fl_quantity q, double v)
{
	if (q == FL_QUANTITY_LATENCY)
		return fl_behave_seconds(b, v);
	return fl_arena_printf(b->arena, q == FL_QUANTITY_RATE ? "%.3g/s" : "%.3g", v);
}

static const char *why(struct behave *b, const struct candidate *c, const struct fl_behave_finding *f)
{
	static const char *const what[] = { "work in flight", "rate", "time to answer" };
	const char *at = c->inbound ? fl_arena_printf(b->arena, "of requests from outside to %s",
					      fl_behave_say(b, f->to))
				    : fl_arena_printf(b->arena, "of calls of %s to %s",
					      fl_behave_say(b, f->from), fl_behave_say(b, f->to));
	const char *slope = c->quantity == FL_QUANTITY_LATENCY
				    ? fl_arena_printf(b->arena, "%.3g ms per second", 1000 * f->slope_per_s)
				    : fl_arena_printf(b->arena, "%.3g per second", f->slope_per_s);
	const char *text = fl_arena_printf(b->arena, "%s %s grows by %s, from %s to %s over %s%s (%s)",
		what[c->quantity], at, slope, value_text(b, c->quantity, f->from_value),
		value_text(b, c->quantity, f->to_value), fl_behave_seconds(b, c->last_s - c->first_s),
		c->over_windows ? ", window by window" : "", fl_behave_chance(b, f->p));
	if (f->limit_in_s <= 0)
		text = fl_arena_printf(b->arena, "%s; it is at the %s of %s", text, f->limit_kind,
			value_text(b, c->quantity, f->limit));
	else if (!isnan(f->limit_in_s))
		text = fl_arena_printf(b->arena, "%s; at this pace it meets the %s of %s in %s", text,
			f->limit_kind, value_text(b, c->quantity, f->limit),
			fl_behave_seconds(b, f->limit_in_s));
	else
		text = fl_arena_printf(b->arena, "%s; no limit is known", text);
	for (size_t i = 0; i < f->inherited_count && i < 4; i++)
		text = fl_arena_printf(b->arena, "%s%s%s", text,
			i == 0 ? ". It comes from there; inherited by " : ", ",
			fl_behave_say(b, f->inherited_by[i]));
	return text;
}

static void report(struct trends *t, const struct candidate *c)
{
	struct behave *b = t->b;
	struct fl_behave_finding *f = c->inbound ? fl_behave_add_inbound(b, FL_BEHAVE_TREND, c->index)
						 : fl_behave_add(b, FL_BEHAVE_TREND, &b->edges[c->index]);
	f->quantity = c->quantity;
	f->over_windows = c->over_windows;
	f->slope_per_s = c->test.slope;
	f->p = c->p;
	f->from_value = c->from_value;
	f->to_value = c->to_value;
	f->start_ns = c->start_ns;
	f->end_ns = c->end_ns;
	f->attempts = c->attempts;
	f->confidence = c->q < DISCOVERY_RATE / 100 && c->test.points >= 2 * POINTS_MIN
				? FL_CONFIDENCE_HIGH
				: FL_CONFIDENCE_MEDIUM;
	observed_limit(b, c, f);
	declared_limit(b, c, f);
	if (!isnan(f->limit))
		f->limit_in_s = (f->limit - f->to_value) / f->slope_per_s;
	list_heirs(t, c, f);
	bool soon = !isnan(f->limit_in_s) && f->limit_in_s < 4 * (c->last_s - c->first_s);
	f->severity = (soon ? 70 : 45) + fmin(9, f->to_value / fmax(f->from_value, f->to_value / 9));
	f->why = why(b, c, f);
}

static bool is_called(const struct behave *b, size_t team)
{
	for (size_t i = 0; i < b->teams[team].caller_count; i++)
		if (b->edges[b->teams[team].callers[i]].all != NULL)
			return true;
	return false;
}

static void correct(struct trends *t)
{
	double *p = fl_alloc_array(t->tested + 1, sizeof(*p)), *q = fl_alloc_array(t->tested + 1, sizeof(*q));
	for (size_t i = 0; i < t->tested; i++)
		p[i] = i < t->count ? t->list[i].p : 1;
	fl_benjamini_hochberg(p, t->tested, q);
	for (size_t i = 0; i < t->count; i++)
		t->list[i].q = q[i];
	free(p);
	free(q);
}

void fl_behave_trends(struct behave *b)
{
	struct trends t = { .b = b };
	struct points *p = fl_alloc(sizeof(*p));
	list_periods(&t);
	for (size_t i = 0; i < b->edge_count; i++) {
		if (b->edges[i].all == NULL || b->edges[i].merged->class == FL_CLASS_PROBE)
			continue;
		look_within(&t, p, false, i, b->edges[i].window);
		look_over(&t, p, false, i, b->edges[i].window);
	}
	for (size_t i = 0; i < b->team_count; i++) {
		if (b->teams[i].all == NULL || is_called(b, i))
			continue;
		look_within(&t, p, true, i, b->teams[i].window);
		look_over(&t, p, true, i, b->teams[i].window);
	}
	correct(&t);
	b->result->trends_tested = t.tested;
	for (size_t i = 0; i < t.count; i++)
		if (is_trend(&t, &t.list[i]) && !is_inherited(&t, &t.list[i]) &&
			!is_of_rate(&t, &t.list[i]))
			report(&t, &t.list[i]);
	free(p);
	free(t.list);
	free(t.periods);
}
