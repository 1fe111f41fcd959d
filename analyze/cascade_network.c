/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade_network.c - a network of calls from what was measured, declared, and else assumed
 *
 * Stations are services, and what dependencies lead to outside of them: an endpoint behind which no service
 * was scanned is a station itself. A dependency becomes one call for each station behind its endpoint, spread
 * evenly where there are several.
 *
 * Rates are those of inbound exchanges; what known calls do not explain comes from outside: users, and work that no
 * request causes (cron, polling).
 *
 * Calls per request are the exchanges of the dependency, retries left out, over the inbound exchanges of its service.
 *
 * Time is the mean to the first byte; a service's own time is what its calls leave of it.
 *
 * Limits are declared (limits and dependencies of the model), else the plateau at which attempts stopped growing while
 * work waited. Timeouts and retries are declared, else what was seen of those who gave up and tried again, else none.
 *
 * In a graph file nothing was measured: each node is a station, each requirement a call.
 */
#include <string.h>

#include "cascade_internal.h"
#include "faultline/model.h"
#include "faultline/system.h"
#include "faultline/units.h"

/* Work seen to stop growing for less than this says nothing about a limit, nor does a single attempt. */
#define PLATEAU_MIN_S 0.5
enum { PLATEAU_MIN = 2 };
/* Inbound work that calls do not explain, as a share; below it is taken for the edges of windows. */
#define UNEXPLAINED_MIN 0.05

struct network {
	const struct fl_system *s;
	struct fl_arena *a;
	struct fl_cascade_network *n;
	uint32_t *station_of; /* of a node; UINT32_MAX */
	double *inbound;     /* of a station: requests per second while there were any, measured at it; NAN */
	double *over_window; /* ... over the whole windows, as dependencies are counted */
	double *called;      /* ... by dependencies, measured at the callers */
	double *time, *weight; /* sum of times and exchanges of calls to it */
	bool *timed;           /* measured at it */
	size_t call_capacity;
};

/* ---- measures ---- */

/* Middle of each bucket; the last has none. */
static double histogram_mean(const struct fl_histogram *h)
{
	double sum = 0, count = 0;

	for (unsigned i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		double high = fl_histogram_upper(i), low = fl_histogram_lower(i);
		sum += h->bucket[i] * (isfinite(high) ? (low + high) / 2 : low);
		count += h->bucket[i];
	}
	return count > 0 ? sum / count : NAN;
}

static double mean_time(const struct fl_measures *m)
{
	return m == NULL ? NAN : histogram_mean(&m->first_byte);
}

static double window_of(const struct fl_system *s, size_t scan)
{
	const struct fl_scan *x = s->scans.list[scan];

	return (double)fl_time_span(x->start_ns, x->end_ns) / 1e9;
}

/* Exchanges of a service that came or went within the window are spread over the time in which there were
 * any; so few that their ends say nothing about that are not. */
enum { SPAN_EXCHANGES_MIN = 20 };
#define SPAN_MIN 0.25 /* of the window */

static double busy_time(const struct fl_scan_service *x, double window_s)
{
	double span = (double)(x->last_seen_ns - x->first_seen_ns) / 1e9;

	if (x->exchanges < SPAN_EXCHANGES_MIN || span < SPAN_MIN * window_s)
		return window_s;
	return fmin(window_s, span * (double)x->exchanges / (double)(x->exchanges - 1));
}

/* Inbound exchanges per second and the mean time of answers, over the scans that know the service. */
static void measure_service(struct network *w, const struct fl_system_service *service)
{
	uint32_t i = w->station_of[service->node];
	double exchanges = 0, watched = 0, busy = 0, time = 0, timed = 0;

	for (size_t k = 0; k < service->record_count; k++) {
		const struct fl_scan_service *x = service->records[k].s;
		double mean = mean_time(x->measures), n = (double)x->exchanges;
		exchanges += n;
		watched += window_of(w->s, service->records[k].scan);
		busy += busy_time(x, window_of(w->s, service->records[k].scan));
		if (!isnan(mean)) {
			time += n * mean;
			timed += n;
		}
	}
	if (watched > 0)
		w->over_window[i] = exchanges / watched;
	if (busy > 0)
		w->inbound[i] = exchanges / busy;
	if (timed > 0) {
		w->n->stations[i].own_s = time / timed;
		w->timed[i] = true;
	}
}

static double dependency_rate(const struct fl_dependency *d)
{
	return d->window_s > 0 ? (double)d->merged->exchanges / d->window_s : 0;
}

/* Share of the exchanges that are no retries: those come by themselves when calls fail. */
static double first_attempts(const struct fl_dependency *d)
{
	const struct fl_behaviour *b = d->merged->behaviour;
	double retries = 0, exchanges = (double)d->merged->exchanges;

	for (uint32_t i = 0; b != NULL && i < FL_ATTEMPTS_MAX; i++)
		retries += i * (double)(b->retries.recovered[i] + b->retries.gave_up[i]);
	return exchanges > 0 ? fmax(1.0 / FL_CASCADE_ATTEMPTS_MAX, 1 - retries / exchanges) : 1;
}

/* ---- stations ---- */

static uint32_t add_station(struct network *w, fl_node_id v)
{
	if (w->station_of[v] == UINT32_MAX) {
		w->station_of[v] = w->n->station_count++;
		w->n->stations[w->station_of[v]] = (struct fl_cascade_station){
			.node = v, .limit = INFINITY, .assumed = FL_ASSUMED_LIMIT
		};
	}
	return w->station_of[v];
}

/* Services behind an endpoint, in @list; how many places there are in all in *@places. */
static uint32_t services_behind(
	const struct fl_graph *g, fl_node_id v, fl_node_id *list, uint32_t room, uint32_t *places)
{
	uint32_t groups, count = 0;
	fl_group_id first = fl_graph_groups_of(g, v, &groups);

	*places = 0;
	for (fl_group_id i = first; i < first + groups; i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		for (uint32_t k = 0; k < group->member_count; k++) {
			bool service = fl_graph_is_kind(g, group->members[k], "service");
			*places += service || fl_graph_is_kind(g, group->members[k], "address");
			if (service && count < room)
				list[count++] = group->members[k];
		}
	}
	return count;
}

enum { PLACES_MAX = 256 }; /* behind one endpoint; the others are taken to be outside */

static bool is_used(const struct fl_dependency *d)
{
	return d->from != FL_NODE_NONE && d->to != FL_NODE_NONE && d->merged->exchanges > 0 &&
	       (d->merged->class == FL_CLASS_ON_REQUEST || d->merged->class == FL_CLASS_NAME_RESOLUTION);
}

static void add_stations(struct network *w)
{
	const struct fl_graph *g = w->s->graph;

	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		if (fl_graph_is_kind(g, v, "service"))
			add_station(w, v);
	for (size_t i = 0; i < w->s->dependency_count; i++) {
		fl_node_id list[PLACES_MAX];
		uint32_t places;
		const struct fl_dependency *d = &w->s->dependencies[i];
		if (d->to == FL_NODE_NONE || w->station_of[d->to] != UINT32_MAX)
			continue;
		uint32_t services = services_behind(g, d->to, list, PLACES_MAX, &places);
		if (services == 0 || services < places)
			add_station(w, d->to);
	}
}

/* ---- calls ---- */

static void grow_calls(struct network *w)
{
	struct fl_cascade_network *n = w->n;
	if (n->call_count < w->call_capacity)
		return;
	struct fl_cascade_call *old = n->calls;
	w->call_capacity = fl_grown(w->call_capacity, (size_t)n->call_count + 1);
	n->calls = fl_arena_array(w->a, w->call_capacity, sizeof(*n->calls));
	for (uint32_t c = 0; c < n->call_count; c++)
		n->calls[c] = old[c];
}

static const struct fl_model_call *stated_call(const struct fl_system *s, fl_node_id from, fl_node_id to)
{
	size_t low = 0, high = s->model == NULL ? 0 : s->model->call_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct fl_model_call *c = &s->model->calls[middle];
		if (c->from == from && c->to == to)
			return c;
		if (c->from < from || (c->from == from && c->to < to))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* How often callers were seen to try: the most attempts of a call, whether it came through or not. */
static uint32_t attempts_seen(const struct fl_retries *r)
{
	uint32_t most = 1;

	for (uint32_t i = 0; i < FL_ATTEMPTS_MAX; i++)
		if (r->recovered[i] + r->gave_up[i] > 0)
			most = i + 1;
	return most < FL_CASCADE_ATTEMPTS_MAX ? most : FL_CASCADE_ATTEMPTS_MAX;
}

static void take_seen(struct fl_cascade_call *c, const struct fl_behaviour *b)
{
	if (b == NULL)
		return;
	if (b->response_timeout.count > 0 && b->response_timeout.p50 > 0) {
		c->timeout_s = b->response_timeout.p50;
		c->assumed &= ~(uint32_t)FL_ASSUMED_TIMEOUT;
	}
	if (b->retries.calls > 0) {
		c->attempts = attempts_seen(&b->retries);
		c->assumed &= ~(uint32_t)(FL_ASSUMED_RETRIES | FL_ASSUMED_BACKOFF);
	}
	if (b->retries.gap[0].count > 0) {
		c->backoff_s = fmax(0, b->retries.gap[0].p50);
		if (b->retries.gap[1].count > 0 && c->backoff_s > 0)
			c->backoff_factor = fmax(1, b->retries.gap[1].p50 / c->backoff_s);
	}
	if (b->in_flight_plateau_s >= PLATEAU_MIN_S && b->in_flight_max >= PLATEAU_MIN) {
		c->limit = b->in_flight_max;
		c->assumed = (c->assumed & ~(uint32_t)FL_ASSUMED_POOL) | FL_ASSUMED_PLATEAU;
	}
}

static void take_stated(struct fl_cascade_call *c, const struct fl_model_call *m)
{
	if (m == NULL)
		return;
	if (!isnan(m->in_flight)) {
		c->limit = fmax(1, m->in_flight);
		c->assumed &= ~(uint32_t)(FL_ASSUMED_POOL | FL_ASSUMED_PLATEAU);
	}
	if (m->timeout_s > 0) {
		c->timeout_s = m->timeout_s;
		c->assumed &= ~(uint32_t)FL_ASSUMED_TIMEOUT;
	}
	if (!isnan(m->retries)) {
		c->attempts = 1 + (uint32_t)fmin(m->retries, FL_CASCADE_ATTEMPTS_MAX - 1);
		c->assumed &= ~(uint32_t)FL_ASSUMED_RETRIES;
	}
	if (!isnan(m->backoff_s)) {
		c->backoff_s = m->backoff_s;
		c->assumed &= ~(uint32_t)FL_ASSUMED_BACKOFF;
	}
	if (m->backoff_factor >= 1)
		c->backoff_factor = m->backoff_factor;
}

static struct fl_cascade_call unknown_call(uint32_t from, uint32_t to, fl_node_id endpoint)
{
	return (struct fl_cascade_call){ .from = from,
		.to = to,
		.endpoint = endpoint,
		.use = 1,
		.calls = 1,
		.limit = INFINITY,
		.timeout_s = INFINITY,
		.attempts = 1,
		.backoff_factor = 1,
		.required = true,
		.choice = FL_CASCADE_NO_CHOICE,
		.assumed = FL_ASSUMED_POOL | FL_ASSUMED_TIMEOUT | FL_ASSUMED_RETRIES | FL_ASSUMED_BACKOFF |
			   FL_ASSUMED_ORDER };
}

/* Where a call without retries is certain, waits before them are no matter. */
static void settle(struct fl_cascade_call *c)
{
	if (c->attempts == 1)
		c->assumed &= ~(uint32_t)FL_ASSUMED_BACKOFF;
}

static void set_use(struct fl_cascade_call *c, double per_request, double coupling)
{
	double use = coupling > 0 && coupling <= 1 ? coupling : 1;

	c->use = fmin(use, per_request);
	c->calls = c->use > 0 ? fmax(1, per_request / c->use) : 1;
}

/* One of @parts places that the calls of @d are spread over. */
static void add_call(
	struct network *w, const struct fl_dependency *d, uint32_t to, double part, double exchanges)
{
	uint32_t from = w->station_of[d->from];
	double rate = dependency_rate(d) * first_attempts(d) * part, inbound = w->over_window[from],
	       time = mean_time(d->merged->measures);
	bool caused = is_used(d) && inbound > 0;

	w->called[to] += caused ? rate * w->inbound[from] / inbound : rate;
	if (!isnan(time)) {
		w->time[to] += exchanges * time;
		w->weight[to] += exchanges;
	}
	if (!caused)
		return; /* no request causes it: it comes to the callee from outside the network */
	struct fl_cascade_call c = unknown_call(from, to, d->to);
	set_use(&c, rate / inbound, d->merged->coupling * part);
	const struct fl_group *group =
		d->group == FL_GROUP_NONE ? NULL : fl_graph_group(w->s->graph, d->group);
	c.required = group != NULL && group->needs > 0;
	if (group != NULL && group->needs <= 1)
		c.choice = d->group; /* one of its members, or of the places behind one */
	c.assumed |= part < 1 ? FL_ASSUMED_SPREAD : 0;
	take_seen(&c, d->merged->behaviour);
	take_stated(&c, stated_call(w->s, d->from, d->to));
	c.limit = fmax(1, c.limit * part);
	settle(&c);
	grow_calls(w);
	w->n->calls[w->n->call_count++] = c;
}

static void add_calls(struct network *w)
{
	for (size_t i = 0; i < w->s->dependency_count; i++) {
		fl_node_id list[PLACES_MAX];
		uint32_t places;
		const struct fl_dependency *d = &w->s->dependencies[i];
		if (d->from == FL_NODE_NONE || d->to == FL_NODE_NONE || w->station_of[d->from] == UINT32_MAX)
			continue;
		uint32_t services = services_behind(w->s->graph, d->to, list, PLACES_MAX, &places);
		double exchanges = (double)d->merged->exchanges, each = places > 0 ? 1.0 / places : 1;
		for (uint32_t k = 0; k < services; k++)
			add_call(w, d, w->station_of[list[k]], each, exchanges * each);
		if (services < places || places == 0)
			add_call(w, d, w->station_of[d->to], 1 - each * services,
				exchanges * (1 - each * services));
	}
}

/* ---- what rates and times leave over ---- */

static void settle_rates(struct network *w)
{
	struct fl_cascade_network *n = w->n;
	double *explained = fl_arena_array(w->a, n->station_count, sizeof(*explained));

	for (uint32_t c = 0; c < n->call_count; c++)
		explained[n->calls[c].to] +=
			w->inbound[n->calls[c].from] * n->calls[c].use * n->calls[c].calls;
	for (uint32_t i = 0; i < n->station_count; i++) {
		double inbound = isnan(w->inbound[i]) ? w->called[i] : fmax(w->inbound[i], w->called[i]);
		double left = inbound - explained[i];
		n->stations[i].arrivals_per_s =
			left > UNEXPLAINED_MIN * inbound || explained[i] <= 0 ? fmax(0, left) : 0;
	}
}

static void settle_times(struct network *w)
{
	struct fl_cascade_network *n = w->n;
	double *time = fl_arena_array(w->a, n->station_count, sizeof(*time));

	for (uint32_t i = 0; i < n->station_count; i++) {
		if (!w->timed[i] && w->weight[i] > 0)
			n->stations[i].own_s = w->time[i] / w->weight[i];
		else if (!w->timed[i])
			n->stations[i].assumed |= FL_ASSUMED_TIME;
		time[i] = n->stations[i].own_s;
	}
	for (uint32_t c = 0; c < n->call_count; c++) {
		struct fl_cascade_station *from = &n->stations[n->calls[c].from];
		from->own_s =
			fmax(0, from->own_s - n->calls[c].use * n->calls[c].calls * time[n->calls[c].to]);
	}
}

static void take_entries(struct network *w)
{
	uint32_t count;
	const struct fl_entry_point *list = fl_graph_entry_points(w->s->graph, &count);

	for (uint32_t i = 0; i < count; i++)
		if (w->station_of[list[i].node] != UINT32_MAX)
			w->n->stations[w->station_of[list[i].node]].entry_weight = list[i].weight;
}

static void take_limits(struct network *w)
{
	for (size_t i = 0; w->s->model != NULL && i < w->s->model->limit_count; i++) {
		const struct fl_model_limit *l = &w->s->model->limits[i];
		fl_node_id list[PLACES_MAX], v = l->node;
		uint32_t places;
		if (w->station_of[v] == UINT32_MAX &&
			services_behind(w->s->graph, v, list, PLACES_MAX, &places) == 1)
			v = list[0];
		if (w->station_of[v] == UINT32_MAX || isnan(l->in_flight))
			continue;
		w->n->stations[w->station_of[v]].limit = fmax(1, l->in_flight);
		w->n->stations[w->station_of[v]].assumed &= ~(uint32_t)FL_ASSUMED_LIMIT;
	}
}

/* ---- a graph alone ---- */

static void add_graph_calls(struct network *w)
{
	const struct fl_graph *g = w->s->graph;

	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		for (uint32_t k = 0; group->needs > 0 && k < group->member_count; k++) {
			struct fl_cascade_call c =
				unknown_call(group->of, group->members[k], group->members[k]);
			c.use = group->coupling * group->needs / group->member_count;
			c.choice = group->needs == 1 && group->member_count > 1 ? i : FL_CASCADE_NO_CHOICE;
			c.assumed |= FL_ASSUMED_SHARE |
				     (group->member_count > group->needs ? FL_ASSUMED_SPREAD : 0);
			take_stated(&c, stated_call(w->s, group->of, group->members[k]));
			settle(&c);
			grow_calls(w);
			w->n->calls[w->n->call_count++] = c;
		}
	}
}

/* One request per second over the entry points; without any, over what nothing requires. */
static void assume_rates(struct network *w)
{
	const struct fl_graph *g = w->s->graph;
	uint32_t entries, tops = 0, used;

	fl_graph_entry_points(g, &entries);
	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		fl_graph_memberships(g, v, &used);
		tops += used == 0;
	}
	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		struct fl_cascade_station *x = &w->n->stations[v];
		fl_graph_memberships(g, v, &used);
		x->arrivals_per_s = entries > 0 ? x->entry_weight : used == 0 ? 1.0 / tops : 0;
		x->assumed |= FL_ASSUMED_RATE | FL_ASSUMED_TIME;
	}
}

/* ---- all of it ---- */

static int by_from(const void *va, const void *vb)
{
	const struct fl_cascade_call *a = va, *b = vb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->choice != b->choice)
		return a->choice < b->choice ? -1 : 1;
	if (a->endpoint != b->endpoint)
		return a->endpoint < b->endpoint ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

static void from_scans(struct network *w)
{
	add_stations(w);
	for (size_t i = 0; i < w->s->service_count; i++)
		if (w->s->services[i].node != FL_NODE_NONE &&
			w->station_of[w->s->services[i].node] != UINT32_MAX)
			measure_service(w, &w->s->services[i]);
	add_calls(w);
	settle_rates(w);
	settle_times(w);
	take_entries(w);
}

struct fl_cascade_network *fl_cascade_network(const struct fl_system *s, struct fl_arena *a)
{
	uint32_t order = fl_graph_order(s->graph);
	struct network w = { .s = s, .a = a, .n = fl_arena_alloc(a, sizeof(*w.n)) };

	w.n->stations = fl_arena_array(a, order, sizeof(*w.n->stations));
	w.station_of = fl_arena_array(a, order, sizeof(*w.station_of));
	w.inbound = fl_arena_array(a, order, sizeof(double));
	w.over_window = fl_arena_array(a, order, sizeof(double));
	w.called = fl_arena_array(a, order, sizeof(double));
	w.time = fl_arena_array(a, order, sizeof(double));
	w.weight = fl_arena_array(a, order, sizeof(double));
	w.timed = fl_arena_array(a, order, sizeof(bool));
	for (fl_node_id v = 0; v < order; v++) {
		w.station_of[v] = UINT32_MAX;
		w.inbound[v] = NAN;
	}
	if (s->scans.count > 0) {
		from_scans(&w);
	} else {
		for (fl_node_id v = 0; v < order; v++)
			add_station(&w, v);
		add_graph_calls(&w);
		take_entries(&w);
		assume_rates(&w);
	}
	take_limits(&w);
	if (w.n->call_count > 1)
		qsort(w.n->calls, w.n->call_count, sizeof(*w.n->calls), by_from);
	return w.n;
}

/* ---- what a trigger concerns ---- */

struct concern {
	const struct fl_system *s;
	double *hit; /* of nodes */
};

/* What a node needs for itself, other than the calls it makes. */
static bool is_ground(const struct concern *k, fl_node_id v)
{
	const struct fl_graph *g = k->s->graph;

	return !fl_graph_is_kind(g, v, "service") && !fl_graph_is_kind(g, v, "endpoint") &&
	       !fl_graph_is_kind(g, v, "resolver");
}

/* From @v up to the stations that stand on it. A graph alone has calls only. */
static void stand_on(struct concern *k, fl_node_id v)
{
	const struct fl_graph *g = k->s->graph;
	bool moved = k->s->scans.count > 0 && is_ground(k, v);

	k->hit[v] = 1;
	for (unsigned round = 0; round < FL_CASCADE_ROUNDS && moved; round++) {
		moved = false;
		for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
			const struct fl_group *group = fl_graph_group(g, i);
			double sum = 0;
			for (uint32_t m = 0; m < group->member_count; m++)
				sum += is_ground(k, group->members[m]) ? k->hit[group->members[m]] : 0;
			double mean = group->member_count > 0 ? sum / group->member_count : 0;
			if (mean > k->hit[group->of] + FL_CASCADE_EPSILON) {
				k->hit[group->of] = mean;
				moved = true;
			}
		}
	}
}

uint32_t fl_cascade_concern(const struct fl_system *s, const struct fl_cascade_network *n, fl_node_id v,
	fl_node_id caller, struct fl_cascade_trigger *t, struct fl_arena *a)
{
	double *station = fl_arena_array(a, n->station_count, sizeof(*station)),
	       *call = fl_arena_array(a, n->call_count, sizeof(*call));
	struct concern k = { s, fl_arena_array(a, fl_graph_order(s->graph), sizeof(double)) };
	uint32_t count = 0;

	stand_on(&k, v);
	for (uint32_t i = 0; i < n->station_count && caller == FL_NODE_NONE; i++)
		count += (station[i] = k.hit[n->stations[i].node]) > 0;
	for (uint32_t c = 0; c < n->call_count; c++) {
		const struct fl_cascade_call *x = &n->calls[c];
		double there = fmax(
			k.hit[n->stations[x->to].node], x->endpoint != FL_NODE_NONE ? k.hit[x->endpoint] : 0);
		/* what is slow where it is worked on is not slow on its way, too */
		bool meant =
			caller == FL_NODE_NONE ? station[x->to] <= 0 : n->stations[x->from].node == caller;
		call[c] = meant ? there : 0;
		count += call[c] > 0;
	}
	t->station = station;
	t->call = call;
	return count;
}
