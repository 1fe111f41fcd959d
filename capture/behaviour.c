/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour.c - the log of attempts joined with what the scan lists, and its facts hung on it
 *
 * The log knows conversations; the summary has put each down to a dependency of a local service, to a local service that
 * was asked, or to both. Attempts are sorted by start once, so every group of them is, and everything below
 * works on one group at a time: dependencies first within their service, whose inbound work tells calls from retries.
 *
 * Facts are large, so only the busiest and the failing get them; how many did not is in the coverage. Health checks are
 * nobody's work and are in no group.
 */
#include "behaviour_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/hash.h"
#include "faultline/index.h"
#include "faultline/sort.h"
#include "faultline/units.h"

enum { CALLS_LEAST = 10, ATTEMPTS_LEAST = 20, DESCRIBED_MAX = 1024 };
/* An inbound request that its client gave up is worked on for some time still. */
static const int64_t given_up_ns = INT64_C(10) * FL_NS_PER_S;
/* Of a dependency's calls, to be put down to one service. */
static const double share_least = 0.6;
static const int64_t lead_max_ns = INT64_C(10) * FL_NS_PER_S;

/* ---- samples ---- */

void sample_add(struct sample *s, double value)
{
	if (s->count == s->capacity) {
		s->capacity = fl_grown(s->capacity, s->count + 1);
		s->list = fl_grow_array(s->list, s->capacity, sizeof(double));
	}
	s->list[s->count++] = value;
}

void sample_fini(struct sample *s)
{
	free(s->list);
	*s = (struct sample){ 0 };
}

double sorted_quantile(const double *sorted, size_t count, double q)
{
	if (count == 0)
		return NAN;
	double at = q * (double)(count - 1);
	size_t below = (size_t)at;
	if (below + 1 >= count)
		return sorted[count - 1];
	return rounded(sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]));
}

double rounded(double seconds)
{
	return seconds < 1e9 ? round(seconds * 1e6) / 1e6 : seconds;
}

struct fl_spread sample_spread(struct sample *s)
{
	struct fl_spread spread = { .count = s->count };
	for (size_t i = 0; i < s->count; i++)
		s->list[i] = rounded(s->list[i]);
	fl_sort_seconds(s->list, s->count);
	spread.min = sorted_quantile(s->list, s->count, 0);
	spread.p10 = sorted_quantile(s->list, s->count, 0.1);
	spread.p50 = sorted_quantile(s->list, s->count, 0.5);
	spread.p90 = sorted_quantile(s->list, s->count, 0.9);
	spread.max = sorted_quantile(s->list, s->count, 1);
	return spread;
}

/* ---- inbound work ---- */

size_t inbound_before(const struct inbound_work *in, int64_t when_ns)
{
	size_t low = 0, high = in->all.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (in->all.list[mid]->start_ns <= when_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool inbound_open(const struct inbound_work *in, int64_t from_ns, int64_t to_ns)
{
	size_t before = inbound_before(in, from_ns);
	return before && in->reach_ns[before - 1] >= to_ns;
}

void inbound_reach(struct inbound_work *in)
{
	in->reach_ns = fl_alloc_array(in->all.count + 1, sizeof(*in->reach_ns));
	for (size_t i = 0; i < in->all.count; i++) {
		const struct attempt *a = in->all.list[i];
		int64_t end = a->end_ns + (a->outcome == FL_OUTCOME_RESPONSE_TIMEOUT ? given_up_ns : 0);
		in->reach_ns[i] = i && in->reach_ns[i - 1] > end ? in->reach_ns[i - 1] : end;
	}
}

/* ---- the log joined ---- */

struct behaviour {
	struct summary *m;
	struct attempt *attempts;
	size_t count;
	struct attempt_group *outbound; /* by dependency */
	struct inbound_work *inbound;   /* by service */
	struct attempt **inbound_places, **outbound_places; /* the groups' lists */
	struct attempt **by_conversation; /* attempts of a local caller */
	size_t *first_of;               /* by conversation: where its begin; one more at the end */
	struct fl_series window;
	size_t dependency_count, service_count;
};

/* Mixes without losing anything (the last steps of MurmurHash3): equal hashes are equal serials. */
static uint32_t hash_serial(uint32_t serial)
{
	uint32_t h = serial ^ (uint32_t)fl_hash_seed();
	h = (h ^ h >> 16) * 0x85ebca6b;
	h = (h ^ h >> 13) * 0xc2b2ae35;
	return h ^ h >> 16;
}

static void index_serials(struct fl_index *serials, const struct fl_conversations *table)
{
	size_t n = fl_conversation_count(table);
	fl_index_init(serials, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		fl_index_add(serials, hash_serial(fl_conversation_get(table, i)->serial), (uint32_t)i);
}

static int64_t end_of(const struct summary *m, const struct fl_attempt *r)
{
	if (r->wait_us != FL_NO_TIME)
		return r->start_ns + (int64_t)r->wait_us * 1000;
	if (r->outcome == FL_OUTCOME_UNDECIDED)
		return m->scan->end_ns > r->start_ns ? m->scan->end_ns : r->start_ns;
	return r->flags & FL_ATTEMPT_CONNECT ? r->start_ns + (int64_t)r->last_us * 1000 : r->start_ns;
}

static void expand(const struct summary *m, struct attempt *a, const struct fl_attempt *r, uint32_t conversation)
{
	bool led = r->flags & FL_ATTEMPT_FIRST && !(r->flags & FL_ATTEMPT_CONNECT) && (int64_t)r->last_us * 1000 <= lead_max_ns;
	*a = (struct attempt){
		.start_ns = r->start_ns, .begin_ns = r->start_ns - (led ? (int64_t)r->last_us * 1000 : 0),
		.end_ns = end_of(m, r), .conversation = conversation,
		.service = m->service_of[conversation], .fingerprint = r->fingerprint, .request_size = r->request_size,
		.client_port = r->client_port,
		.outcome = r->outcome, .flags = r->flags, .end_known = r->wait_us != FL_NO_TIME,
		.waiting = r->outcome == FL_OUTCOME_UNDECIDED && r->wait_us == FL_NO_TIME,
	};
}

static int compare_starts(const void *pa, const void *pb)
{
	const struct attempt *a = pa, *b = pb;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	if (a->conversation != b->conversation)
		return a->conversation < b->conversation ? -1 : 1;
	if (a->end_ns != b->end_ns)
		return a->end_ns < b->end_ns ? -1 : 1;
	return (a->fingerprint > b->fingerprint) - (a->fingerprint < b->fingerprint);
}

static bool is_work(const struct fl_attempt *r)
{
	bool cancelled = r->flags & FL_ATTEMPT_CONNECT && r->outcome == FL_OUTCOME_UNDECIDED;
	return !(r->flags & FL_ATTEMPT_HEALTH) && !cancelled;
}

static bool still_waits(const struct fl_attempt *r)
{
	return r->outcome == FL_OUTCOME_UNDECIDED && r->wait_us == FL_NO_TIME;
}

/* What has ended, behind it what is under way when a window is cut. */
static const struct fl_attempt **records_of(const struct fl_exchange_log *log, size_t *ended, size_t *count)
{
	size_t waiting = 0;
	const struct fl_attempt *list = fl_exchange_log_list(log, ended), *r;
	for (uint32_t at = 0; fl_exchange_log_next_waiting(log, &at) != NULL;)
		waiting++;
	const struct fl_attempt **records = fl_alloc_array(*ended + waiting + 1, sizeof(*records));
	for (*count = 0; *count < *ended; ++*count)
		records[*count] = &list[*count];
	for (uint32_t at = 0; (r = fl_exchange_log_next_waiting(log, &at)) != NULL;)
		if (still_waits(r))
			records[(*count)++] = r;
	return records;
}

static void join_record(struct behaviour *b, const struct fl_index *serials, const struct fl_attempt *r, bool goes_on)
{
	const struct fl_conversations *table = b->m->scanner->conversations;
	uint32_t hash = hash_serial(r->conversation), at = fl_index_home(serials, hash), i = fl_index_next(serials, hash, &at);
	if (i == UINT32_MAX || !is_work(r))
		return;
	struct attempt *a = &b->attempts[b->count];
	expand(b->m, a, r, i);
	if (goes_on)
		a->begin_ns = a->start_ns; /* when its connection began is noted at its end */
	a->goes_on = goes_on;
	b->count += a->service || summary_host_of(b->m, &fl_conversation_get(table, i)->key.client) != NO_HOST;
}

/* They are in the order of their starts. */
static void settle_equals(struct attempt *list, size_t count)
{
	for (size_t i = 0, from = 0; i < count; i++) {
		if (i + 1 < count && list[i + 1].start_ns == list[i].start_ns)
			continue;
		if (i > from)
			qsort(list + from, i + 1 - from, sizeof(*list), compare_starts);
		from = i + 1;
	}
}

/* Records are small and attempts large: the former are put in order. */
static void join(struct behaviour *b)
{
	struct fl_index serials;
	size_t ended, count;
	const struct fl_attempt **records = records_of(b->m->scanner->attempts, &ended, &count);
	struct fl_stamp *order = fl_alloc_array(count + 1, sizeof(*order));
	for (size_t i = 0; i < count; i++)
		order[i] = (struct fl_stamp){ records[i]->start_ns, (uint32_t)i };
	fl_sort_stamps(order, count);
	index_serials(&serials, b->m->scanner->conversations);
	b->attempts = fl_alloc_table(count + 1, sizeof(*b->attempts));
	for (size_t i = 0; i < count; i++)
		join_record(b, &serials, records[order[i].number], order[i].number >= ended);
	settle_equals(b->attempts, b->count);
	fl_index_fini(&serials);
	free(order);
	free(records);
}

static void index_conversations(struct behaviour *b)
{
	size_t n = fl_conversation_count(b->m->scanner->conversations);
	b->first_of = fl_alloc_array(n + 2, sizeof(*b->first_of));
	b->by_conversation = fl_alloc_array(b->count + 1, sizeof(struct attempt *));
	for (size_t i = 0; i < b->count; i++)
		b->first_of[b->attempts[i].conversation + 2]++;
	for (size_t i = 2; i <= n + 1; i++)
		b->first_of[i] += b->first_of[i - 1];
	for (size_t i = 0; i < b->count; i++)
		b->by_conversation[b->first_of[b->attempts[i].conversation + 1]++] = &b->attempts[i];
}

/* ---- groups ---- */

/* Service that the dependency belongs to: index + 1; 0: none that got requests. */
static uint32_t service_of_dependency(const struct behaviour *b, uint32_t dependency)
{
	return b->m->service_of_dependency[dependency];
}

static struct attempt **place_group(struct attempt_group *g, struct attempt **at)
{
	g->list = at;
	at += g->count;
	g->count = 0;
	return at;
}

static void count_or_put(struct attempt_group *g, struct attempt *a, bool put)
{
	if (put)
		g->list[g->count] = a;
	g->count++;
}

static void group_inbound(struct behaviour *b)
{
	b->inbound = fl_alloc_array(b->service_count + 1, sizeof(*b->inbound));
	b->inbound_places = fl_alloc_array(b->count + 1, sizeof(struct attempt *));
	struct attempt **at = b->inbound_places;
	for (size_t i = 0; i < b->count; i++)
		if (b->attempts[i].service)
			b->inbound[b->attempts[i].service - 1].all.count++;
	for (size_t i = 0; i < b->service_count; i++)
		at = place_group(&b->inbound[i].all, at);
	for (size_t i = 0; i < b->count; i++)
		if (b->attempts[i].service)
			count_or_put(&b->inbound[b->attempts[i].service - 1].all, &b->attempts[i], true);
	for (size_t i = 0; i < b->service_count; i++)
		inbound_reach(&b->inbound[i]);
}

static void group_outbound(struct behaviour *b)
{
	b->outbound = fl_alloc_array(b->dependency_count + 1, sizeof(*b->outbound));
	b->outbound_places = fl_alloc_array(b->count + 1, sizeof(struct attempt *));
	struct attempt **at = b->outbound_places;
	for (int put = 0; put < 2; put++) {
		for (size_t i = 0; i < b->count; i++)
			if (b->attempts[i].dependency)
				count_or_put(&b->outbound[b->attempts[i].dependency - 1], &b->attempts[i], put);
		for (size_t i = 0; i < b->dependency_count && !put; i++)
			at = place_group(&b->outbound[i], at);
	}
}

/* The narrowest buckets on a grid of their own width that hold the window. */
static void set_window(struct behaviour *b)
{
	int64_t start = b->m->scan->start_ns, end = b->m->scan->end_ns;
	int64_t width = FL_NS_PER_S / 8;
	for (;;) {
		int64_t edge = start / width * width;
		edge -= edge > start ? width : 0;
		if (end < edge || (end - edge) / width < FL_SERIES_BUCKETS) {
			b->window = (struct fl_series){ .start_ns = edge, .width_ns = width };
			b->window.count = end < edge ? 1 : (size_t)((end - edge) / width) + 1;
			return;
		}
		width *= 2;
	}
}

/* ---- who gets facts ---- */

struct weighed {
	uint64_t failures, attempts;
	size_t index;
};

static int compare_weighed(const void *pa, const void *pb)
{
	const struct weighed *a = pa, *b = pb;
	if (a->failures != b->failures)
		return a->failures > b->failures ? -1 : 1;
	if (a->attempts != b->attempts)
		return a->attempts > b->attempts ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static struct weighed weigh(const struct attempt_group *g, size_t index)
{
	struct weighed w = { .index = index };
	for (size_t i = 0; i < g->count; i++) {
		w.attempts += g->list[i]->goes_on ? 0 : attempt_weight(g->list[i]);
		w.failures += attempt_failed(g->list[i]);
	}
	return w;
}

/* Which of the dependencies are described, half of the places by failures, half by attempts; how many are not, though there was
 * enough of them. */
static uint64_t choose(const struct behaviour *b, bool *chosen)
{
	struct weighed *list = fl_alloc_array(b->dependency_count + 1, sizeof(*list));
	size_t n = 0;
	for (size_t i = 0; i < b->dependency_count; i++) {
		struct weighed w = weigh(&b->outbound[i], i);
		if ((w.attempts >= ATTEMPTS_LEAST || w.failures) && b->m->scan->dependencies[i].class != FL_CLASS_PROBE)
			list[n++] = w;
	}
	qsort(list, n, sizeof(*list), compare_weighed);
	size_t first = n < DESCRIBED_MAX ? n : DESCRIBED_MAX / 2;
	for (size_t i = 0; i < first; i++)
		chosen[list[i].index] = true;
	for (size_t i = first; i < n; i++)
		list[i].failures = 0;
	if (n > first)
		qsort(list + first, n - first, sizeof(*list), compare_weighed);
	for (size_t i = first; i < n && i < DESCRIBED_MAX; i++)
		chosen[list[i].index] = true;
	free(list);
	return n > DESCRIBED_MAX ? n - DESCRIBED_MAX : 0;
}

/* ---- facts ---- */

static struct fl_behaviour *new_behaviour(struct fl_arena *arena, const struct attempt_group *g)
{
	struct fl_behaviour *b = fl_arena_alloc(arena, sizeof(*b));
	for (size_t i = 0; i < g->count; i++)
		b->outcome[g->list[i]->outcome] += g->list[i]->goes_on ? 0 : attempt_weight(g->list[i]);
	b->calls_per_inbound = b->nested_share = b->coupling_p = b->surfacing.certainty = NAN;
	return b;
}

/* Regression over the services of one host that got requests. */
static double calls_per_inbound(struct behaviour *b, size_t dependency, uint32_t service)
{
	struct summary *m = b->m;
	uint32_t host = m->services[service].host;
	struct coupling_model model = { .buckets = b->window.count };
	double **requests = fl_alloc_array(b->service_count + 1, sizeof(double *));
	size_t own = 0;
	for (size_t i = 0; i < b->service_count; i++) {
		if (m->services[i].host != host || !b->inbound[i].all.count)
			continue;
		own = i == service ? model.services : own;
		requests[model.services++] = coupling_requests(&b->inbound[i].all, &b->window);
	}
	model.requests = requests;
	double *coefficients = fl_alloc_array(model.services + 1, sizeof(double)), result = NAN;
	coupling_prepare(&model);
	if (model.services) {
		coupling_solve(&model, &b->outbound[dependency], &b->window, &b->inbound[service], coefficients);
		result = coefficients[own];
	}
	for (size_t i = 0; i < model.services; i++)
		free(requests[i]);
	free(requests);
	free(model.matrix);
	free(coefficients);
	return result;
}

static void describe_coupling(struct behaviour *b, size_t i, uint32_t service)
{
	struct fl_behaviour *facts = b->m->scan->dependencies[i].behaviour;
	const struct inbound_work *in = &b->inbound[service];
	facts->nested_share = coupling_nested_share(&b->outbound[i], in);
	facts->coupling_p = coupling_p(&b->outbound[i], in, b->m->scan->start_ns, b->m->scan->end_ns);
	facts->calls_per_inbound = rounded(calls_per_inbound(b, i, service));
}

static void describe_dependency(struct behaviour *b, size_t i)
{
	struct summary *m = b->m;
	struct fl_scan_dependency *d = &m->scan->dependencies[i];
	const struct attempt_group *g = &b->outbound[i];
	uint32_t service = service_of_dependency(b, (uint32_t)i);
	const struct inbound_work *in = service && b->inbound[service - 1].all.count ? &b->inbound[service - 1] : NULL;
	struct call_context context = {
		.inbound = in, .window_end_ns = m->scan->end_ns,
		.period_s = d->class == FL_CLASS_BACKGROUND ? d->period_s : NAN, .conversations = m->scanner->conversations,
	};
	d->behaviour = new_behaviour(m->arena, g);
	bool failover_seen = behaviour_calls(d->behaviour, g, &context);
	if (d->behaviour->retries.calls && d->address_count > 1)
		d->failover_seen = failover_seen;
	behaviour_series(d->behaviour, m->arena, g, &b->window, in ? &in->all : NULL);
	behaviour_intervals(d->behaviour, m->arena, g, m->scanner->conversations, m->scan->end_ns);
	if (in) {
		describe_coupling(b, i, service - 1);
		behaviour_surfacing(&d->behaviour->surfacing, g, in);
	}
}

static void describe_service(struct behaviour *b, size_t i)
{
	struct summary *m = b->m;
	struct fl_scan_service *s = &m->scan->services[i];
	const struct attempt_group *g = &b->inbound[i].all;
	struct weighed w = weigh(g, i);
	if (w.attempts < ATTEMPTS_LEAST && !w.failures)
		return;
	s->behaviour = new_behaviour(m->arena, g);
	behaviour_series(s->behaviour, m->arena, g, &b->window, NULL);
	behaviour_intervals(s->behaviour, m->arena, g, m->scanner->conversations, m->scan->end_ns);
}

void behaviour_begin(struct summary *m)
{
	struct behaviour *b = m->behaviour = fl_alloc(sizeof(*b));
	b->m = m;
	b->service_count = m->service_count;
	join(b);
	index_conversations(b);
	group_inbound(b);
}

static int compare_places(const void *pa, const void *pb)
{
	const struct attempt *a = *(struct attempt *const *)pa, *b = *(struct attempt *const *)pb;
	return (a > b) - (a < b); /* in one array, by start */
}

static struct attempt_group attempts_of(const struct behaviour *b, const uint32_t *conversations, size_t n)
{
	struct attempt_group g = { NULL, 0 };
	for (size_t i = 0; i < n; i++)
		g.count += b->first_of[conversations[i] + 1] - b->first_of[conversations[i]];
	g.list = fl_alloc_array(g.count + 1, sizeof(struct attempt *));
	size_t at = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = b->first_of[conversations[i]]; k < b->first_of[conversations[i] + 1]; k++)
			g.list[at++] = b->by_conversation[k];
	qsort(g.list, g.count, sizeof(struct attempt *), compare_places);
	return g;
}

bool behaviour_attribute(struct summary *m, const uint32_t *conversations, size_t n, const uint32_t *services, size_t service_count,
			 size_t *service)
{
	const struct behaviour *b = m->behaviour;
	struct attempt_group g = attempts_of(b, conversations, n);
	const struct inbound_work **works = fl_alloc_array(service_count + 1, sizeof(struct inbound_work *));
	double *shares = fl_alloc_array(service_count + 1, sizeof(*shares));
	size_t best = 0, calls = 0;
	for (size_t i = 0; i < service_count; i++)
		works[i] = &b->inbound[services[i]];
	if (g.count >= CALLS_LEAST)
		calls = attribution_shares(&g, works, service_count, m->window_s, shares);
	for (size_t i = 1; i < service_count; i++)
		if (shares[i] > shares[best])
			best = i;
	*service = calls && shares[best] >= share_least ? best : service_count;
	free(g.list);
	free(works);
	free(shares);
	return calls > 0;
}

double behaviour_nested_share(const struct summary *m, uint32_t conversation, uint32_t service)
{
	const struct behaviour *b = m->behaviour;
	struct attempt_group g = attempts_of(b, &conversation, 1);
	double share = g.count >= CALLS_LEAST ? coupling_nested_share(&g, &b->inbound[service]) : NAN;
	free(g.list);
	return share;
}

static void free_behaviour(struct behaviour *b)
{
	for (size_t i = 0; i < b->service_count; i++)
		free(b->inbound[i].reach_ns);
	free(b->attempts);
	free(b->outbound);
	free(b->inbound);
	free(b->inbound_places);
	free(b->outbound_places);
	free(b->by_conversation);
	free(b->first_of);
	free(b);
}

void summary_behaviour(struct summary *m)
{
	struct behaviour *b = m->behaviour;
	b->dependency_count = m->scan->dependency_count;
	bool *chosen = fl_alloc_array(b->dependency_count + 1, sizeof(*chosen));
	for (size_t i = 0; i < b->count; i++)
		b->attempts[i].dependency = m->dependency_of[b->attempts[i].conversation];
	group_outbound(b);
	set_window(b);
	m->not_described = choose(b, chosen);
	for (size_t i = 0; i < b->dependency_count; i++)
		if (chosen[i])
			describe_dependency(b, i);
	for (size_t i = 0; i < b->service_count; i++)
		describe_service(b, i);
	free(chosen);
	free_behaviour(b);
}
