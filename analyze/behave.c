/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave.c - findings about behaviour: the order they are looked for and told in
 *
 * What people should look at first is what hurts those who use the system: work that piles up, then failures
 * that reach them, then what makes the next failure worse (retries without a pause), then what nobody
 * noticed, what grows, and last what is just good to know. Within a kind the larger comes first. Everything
 * that is compared is a number of a finding or an id, so the order is the same for the same scans.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/behave_internal.h"

const char *fl_behave_kind_name(enum fl_behave_kind k)
{
	static const char *const names[] = { "stall", "outage", "retry", "silent-failure", "trend", "fan-out",
		"timeout", "failover" };
	_Static_assert(FL_ARRAY_LEN(names) == FL_BEHAVE_COUNT, "one name a kind");
	return names[k];
}

const char *fl_confidence_name(enum fl_confidence c)
{
	static const char *const names[] = { "high", "medium", "low" };
	return names[c];
}

const char *fl_quantity_name(enum fl_quantity q)
{
	static const char *const names[] = { "in-flight", "rate", "latency" };
	return names[q];
}

/* ---- words ---- */

const char *fl_behave_say(const struct behave *b, const char *id)
{
	const char *colon = strchr(id, ':');
	size_t size;
	if (colon == NULL || colon[1] == '\0')
		return id;
	size = strlen(colon + 1);
	if (fl_is_host_service(id))
		return fl_arena_string_n(b->arena, colon + 1, size - strlen("/host"));
	bool tcp = size > 4 && strcmp(colon + 1 + size - 4, "/tcp") == 0;
	return fl_arena_string_n(b->arena, colon + 1, tcp ? size - 4 : size);
}

const char *fl_behave_seconds(struct behave *b, double s)
{
	if (!isfinite(s))
		return "unknown";
	if (s > 0 && s < 0.00005)
		return "under 0.1 ms";
	if (s < 0.0005)
		return fl_arena_printf(b->arena, s == 0 ? "0 ms" : "%.1f ms", s * 1e3);
	if (s < 0.9995)
		return fl_arena_printf(b->arena, s < 0.00995 ? "%.1f ms" : "%.0f ms", s * 1e3);
	if (s < 120)
		return fl_arena_printf(b->arena, s < 9.95 ? "%.2g s" : "%.0f s", s);
	return s < 7200 ? fl_arena_printf(b->arena, "%.0f min", s / 60)
			: fl_arena_printf(b->arena, "%.1f h", s / 3600);
}

const char *fl_behave_chance(struct behave *b, double p)
{
	return p < 1e-6 ? "p < 0.000001" : fl_arena_printf(b->arena, "p %.1g", p);
}

/* ---- findings ---- */

static struct fl_behave_finding *add(struct behave *b, enum fl_behave_kind kind)
{
	struct fl_behave *r = b->result;
	if (r->count == b->capacity) {
		b->capacity = fl_grown(b->capacity, r->count + 1);
		r->list = fl_grow_array(r->list, b->capacity, sizeof(*r->list));
	}
	struct fl_behave_finding *f = &r->list[r->count++];
	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->why = "";
	f->edge = BEHAVE_NONE;
	f->amplification = f->load_ratio = f->seconds = f->in_flight_peak = f->drained_s = f->surfaced = NAN;
	f->delay_ratio = f->slope_per_s = f->p = f->from_value = f->to_value = f->limit = f->limit_in_s = NAN;
	f->ratio = f->ratio_before = NAN;
	return f;
}

static void place(struct behave *b, struct fl_behave_finding *f, size_t caller)
{
	const struct behave_team *t = &b->teams[caller];
	f->replicas = t->ids;
	f->replica_count = t->count;
	f->hosts = t->hosts;
	f->host_count = t->host_count;
}

struct fl_behave_finding *fl_behave_add(
	struct behave *b, enum fl_behave_kind kind, const struct behave_edge *e)
{
	struct fl_behave_finding *f = add(b, kind);
	place(b, f, e->from);
	f->from = f->replicas[0];
	f->to = e->to_id;
	f->edge = (size_t)(e - b->edges);
	return f;
}

struct fl_behave_finding *fl_behave_add_inbound(struct behave *b, enum fl_behave_kind kind, size_t team)
{
	struct fl_behave_finding *f = add(b, kind);
	place(b, f, team);
	f->to = f->replicas[0];
	return f;
}

static int worst_first(const void *a, const void *b)
{
	const struct fl_behave_finding *x = a, *y = b;
	if (x->severity > y->severity || x->severity < y->severity)
		return x->severity > y->severity ? -1 : 1;
	int order = (x->kind > y->kind) - (x->kind < y->kind);
	order = order != 0 ? order : strcmp(x->from != NULL ? x->from : "", y->from != NULL ? y->from : "");
	order = order != 0 ? order : strcmp(x->to, y->to);
	order = order != 0 ? order : (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
	order = order != 0 ? order : (int)x->connect - (int)y->connect;
	return order != 0 ? order : (int)x->quantity - (int)y->quantity;
}

/* ---- series ---- */

struct behave_sum fl_behave_sum(const struct fl_series *s, int64_t start_ns, int64_t end_ns, bool outside)
{
	struct behave_sum sum = { 0 };
	for (size_t i = 0; i < s->count; i++) {
		const struct fl_series_bucket *k = &s->bucket[i];
		if (fl_behave_overlaps(s, i, start_ns, end_ns) == outside)
			continue;
		sum.started += k->started;
		sum.answered += k->answered;
		sum.failed += k->failed;
		sum.in_flight_s += k->in_flight_s;
		sum.answer_s += k->answer_s;
		sum.seconds += fl_behave_width(s);
		sum.in_flight_max =
			k->in_flight_max > sum.in_flight_max ? k->in_flight_max : sum.in_flight_max;
		sum.buckets++;
	}
	return sum;
}

/* ---- what is known of each edge ---- */

static void list_edges(struct behave *b)
{
	static const struct fl_retries no_retries = { .calls = 0 };
	static const struct fl_spread none = { 0, NAN, NAN, NAN, NAN, NAN };
	struct fl_behave *r = b->result;
	r->edges = fl_arena_array(b->arena, b->edge_count, sizeof(*r->edges));
	for (size_t i = 0; i < b->edge_count; i++) {
		const struct behave_edge *e = &b->edges[i];
		const struct fl_behaviour *all = e->all;
		if (e->merged->class == FL_CLASS_PROBE)
			continue;
		struct fl_behave_edge *out = &r->edges[r->edge_count++];
		out->from = b->teams[e->from].ids[0];
		out->to = e->to_id;
		out->replicas = b->teams[e->from].ids;
		out->replica_count = b->teams[e->from].count;
		out->dependency = e->merged;
		out->behaviour = all;
		out->retry = fl_retry_schedule(all != NULL ? &all->retries : &no_retries);
		out->connect_timeout = fl_timeout_of(all != NULL ? &all->connect_timeout : &none);
		out->response_timeout = fl_timeout_of(all != NULL ? &all->response_timeout : &none);
		out->fan_out = fl_behave_ratio(b, e);
		out->longest_answer_s = e->first_byte != NULL ? fl_histogram_quantile(e->first_byte, 1) : NAN;
		r->without_facts += all == NULL;
	}
}

struct fl_behave *fl_behave(const struct fl_system *s)
{
	struct fl_behave *r = fl_alloc(sizeof(*r));
	struct behave b = { .result = r, .system = s };
	r->arena = b.arena = fl_arena_new();
	fl_behave_edges(&b);
	r->windows = b.window_count;
	list_edges(&b);
	fl_behave_stalls(&b);
	fl_behave_outages(&b);
	fl_behave_trends(&b);
	fl_behave_retries(&b);
	fl_behave_fan_outs(&b);
	fl_behave_loss(&b);
	if (r->count > 1)
		qsort(r->list, r->count, sizeof(*r->list), worst_first);
	return r;
}

void fl_behave_free(struct fl_behave *b)
{
	if (b == NULL)
		return;
	free(b->list);
	fl_arena_free(b->arena);
	free(b);
}
