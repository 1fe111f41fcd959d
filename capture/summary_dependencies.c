/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * summary_dependencies.c - what the local hosts used
 *
 * A row is one conversation whose client is local, with its final name and the service it is
 * put down to. Rows of one service, endpoint, port and transport are one dependency.
 *
 * Whose it is. Where the owner of the connection is known, that service (exact, polled). Else: a host with one service that got real requests: that one (inferred). With several:
 * the one whose open work the dependency's starts fall into, if that is clear. Else
 * the host itself.
 *
 * Its class. Nesting is what tells: starts inside the service's open work, beyond what the share of
 * time with open work explains by chance, are on request. What asks many hosts the
 * same thing at a fixed beat, or only looks whether somebody is there, is a probe. coupling is the
 * fan-out capped at 1: an upper bound, exact where a request uses the endpoint at most once.
 */
#include "summary_internal.h"

#include "faultline/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	SCRAPE_TARGETS = 3,      /* hosts asked the same at a beat before it is a scrape */
	SCAN_TARGETS = 20,       /* endpoints that never spoke before a host is a scanner */
	BEAT_STARTS = 4,         /* starts before a beat can be told */
	START_UP_S = 10,
};
static const double beat_variation = 0.15;    /* coefficient of variation of the gaps */
static const double nested_mostly = 0.9;
static const double nested_excess = 0.5;      /* of what chance leaves open */
static const double often = 0.05;              /* starts per request */
static const double clear_share = 0.7, clear_lead = 2.0;

struct row {
	uint32_t host;
	struct service_row *service;    /* NULL: the host itself */
	const struct fl_conversation *v;
	uint32_t conversation;          /* its index */
	const char *name;               /* NULL: bare */
	struct endpoint_name endpoint;
	enum fl_attribution attribution;
	bool scrape, scan;
};

static bool v_answered(const struct fl_conversation *v)
{
	return v->connections.established || v->connections.midstream || v->connections.carried || v->answered;
}

/*
 * Of a connection that an earlier window counted and that ended in this one without another packet: how long its
 * last exchange took is measured here. That one was answered, and nothing else was tried.
 */
static bool is_leftover(const struct fl_conversation *v)
{
	return v->detail != 0 && v->connections.tried == 0 && v->exchanges == 0 && v->failures == 0;
}

static int compare_targets(const struct row *a, const struct row *b)
{
	if (!a->name != !b->name)
		return a->name ? 1 : -1;
	return a->name ? strcmp(a->name, b->name) : fl_addr_compare(&a->v->key.server, &b->v->key.server);
}

static int compare_groups(const struct row *a, const struct row *b)
{
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	int order = compare_targets(a, b);
	if (order)
		return order;
	if (a->v->key.port != b->v->key.port)
		return a->v->key.port < b->v->key.port ? -1 : 1;
	return a->v->key.transport - b->v->key.transport;
}

static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int order = compare_groups(a, b);
	if (order)
		return order;
	order = fl_addr_compare(&a->v->key.server, &b->v->key.server);
	return order ? order : fl_addr_compare(&a->v->key.client, &b->v->key.client);
}

/* ---- beats, scrapes and scans ---- */

static double variation(const struct fl_conversation *v)
{
	if (v->starts < BEAT_STARTS || v->gap_mean_s <= 0)
		return INFINITY;
	return sqrt(v->gap_m2 / (double)(v->starts - 1)) / v->gap_mean_s;
}

static bool has_beat(const struct fl_conversation *v)
{
	return variation(v) < beat_variation;
}

static int compare_ports(const void *pa, const void *pb)
{
	const struct row *a = *(const struct row *const *)pa, *b = *(const struct row *const *)pb;
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	if (a->v->key.port != b->v->key.port)
		return a->v->key.port < b->v->key.port ? -1 : 1;
	return fl_addr_compare(&a->v->key.server, &b->v->key.server);
}

static bool looks_like_scrape(const struct row *r)
{
	return v_answered(r->v) && has_beat(r->v) && r->v->request_min == r->v->request_max;
}

static void mark_scrapes(struct row **alike, size_t from, size_t to)
{
	size_t targets = 0;
	for (size_t i = from; i < to; i++)
		targets += i == from || !fl_addr_equal(&alike[i - 1]->v->key.server, &alike[i]->v->key.server);
	for (size_t i = from; i < to && targets >= SCRAPE_TARGETS; i++)
		alike[i]->scrape = true;
}

static bool never_spoke(const struct row *r)
{
	return r->v->exchanges == r->v->health && r->v->bytes_in == 0 && r->v->connections.midstream == 0;
}

/* Of hosts that are mostly busy few rows look like scrapes: those alone are put in order. */
static void mark_patterns(struct row *rows, size_t n, size_t hosts)
{
	struct row **alike = fl_alloc_array(n + 1, sizeof(*alike));
	uint32_t *silent = fl_alloc_array(hosts + 1, sizeof(*silent));
	size_t count = 0;
	for (size_t i = 0; i < n; i++) {
		silent[rows[i].host] += never_spoke(&rows[i]);
		if (looks_like_scrape(&rows[i]))
			alike[count++] = &rows[i];
	}
	if (count)
		qsort(alike, count, sizeof(*alike), compare_ports);
	for (size_t i = 0, from = 0; i < count; i++) {
		if (i + 1 < count && alike[i + 1]->host == alike[i]->host && alike[i + 1]->v->key.port == alike[i]->v->key.port)
			continue;
		mark_scrapes(alike, from, i + 1);
		from = i + 1;
	}
	for (size_t i = 0; i < n; i++)
		rows[i].scan = silent[rows[i].host] >= SCAN_TARGETS && never_spoke(&rows[i]);
	free(alike);
	free(silent);
}

/* ---- attribution ---- */

/* The listener at @port of the client's own address whose open work was counted; NULL: none, or it is one too many there. */
static const struct fl_listener *counted_at(const struct summary *m, const struct fl_conversation *v, const struct fl_scan_port *port)
{
	uint8_t transport = strcmp(port->transport, "tcp") == 0 ? FL_TRANSPORT_TCP : FL_TRANSPORT_UDP;
	const struct fl_listener *l = fl_inflight_find(m->scanner->inflight, &v->key.client, port->port, transport);
	return l && l->slot < FL_NESTED_SLOTS ? l : NULL;
}

/* Starts of @v that fell into open work at a port of @service. */
static uint64_t nested_at(const struct summary *m, const struct fl_conversation *v, const struct fl_scan_port *port)
{
	const struct fl_listener *l = counted_at(m, v, port);
	return l ? v->nested[l->slot] : 0;
}

/* ... of @service: at several ports the sum, at one port the larger of TCP and UDP. */
static uint64_t nested_in(const struct summary *m, const struct fl_conversation *v, const struct service_row *service)
{
	const struct fl_scan_service *s = service->service;
	uint64_t sum = 0, before = 0;
	for (size_t i = 0; i < s->port_count; i++) {
		uint64_t n = nested_at(m, v, &s->ports[i]);
		bool same = i > 0 && s->ports[i - 1].port == s->ports[i].port;
		sum += !same ? n : n > before ? n - before : 0;
		before = n;
	}
	return sum < v->starts ? sum : v->starts;
}

static bool is_counted(const struct summary *m, const struct fl_conversation *v, const struct service_row *service)
{
	for (size_t i = 0; i < service->service->port_count; i++)
		if (counted_at(m, v, &service->service->ports[i]))
			return true;
	return false;
}

/* Starts that fell into open work of the row's service. Requests that came to another address of the host than calls leave from
 * (a proxy that passes them on over loopback, two networks, IPv6 beside IPv4) are in the log of attempts only. */
static uint64_t nested_of(const struct summary *m, const struct row *r)
{
	if (r->service->service->port_count == 0 || is_counted(m, r->v, r->service))
		return nested_in(m, r->v, r->service);
	double share = behaviour_nested_share(m, r->conversation, (uint32_t)(r->service - m->services));
	return share > 0 ? (uint64_t)(share * (double)r->v->starts + 0.5) : 0;
}

/* What is sent to a service of the same host does not come from that service. */
static bool is_itself(const struct summary *m, const struct service_row *s, const struct row *r)
{
	return summary_host_of(m, &r->v->key.server) == s->host &&
	       summary_service(m, s->host, r->v->key.port) == s;
}

static void attribute(const struct summary *m, struct row *r)
{
	struct service_row *best = NULL;
	double best_share = 0, second = 0;
	size_t candidates = 0;
	r->attribution = FL_ATTRIBUTION_HOST;
	if (r->v->key.owner) {
		r->service = summary_owned(m, r->host, r->v->key.owner);
		r->attribution = r->v->polled ? FL_ATTRIBUTION_POLLED : FL_ATTRIBUTION_EXACT;
		return;
	}
	for (size_t i = summary_first_service(m, r->host); i < m->service_count; i++) {
		struct service_row *s = &m->services[i];
		if (s->host != r->host)
			break;
		if (!s->candidate || is_itself(m, s, r))
			continue;
		double share = r->v->starts ? (double)nested_in(m, r->v, s) / (double)r->v->starts : 0;
		if (!best || share > best_share) {
			second = best ? best_share : 0;
			best = s;
			best_share = share;
		} else if (share > second) {
			second = share;
		}
		candidates++;
	}
	if (candidates == 1 || (candidates > 1 && best_share >= clear_share && best_share >= clear_lead * second)) {
		r->service = best;
		r->attribution = FL_ATTRIBUTION_INFERRED;
	}
}

/* ---- one dependency ---- */

struct sums {
	uint64_t starts, nested, health;
	const struct fl_conversation *busiest;
	bool probe, scrape, scan;
	int64_t first_ns, last_ns;
};

static void add_counts(struct summary *m, struct fl_scan_dependency *d, const struct fl_conversation *v)
{
	struct fl_connections *c = &d->connections;
	const struct fl_connections *o = &v->connections;
	c->tried += o->tried;
	c->established += o->established;
	c->refused += o->refused;
	c->timed_out += o->timed_out;
	c->reset += o->reset;
	c->midstream += o->midstream;
	c->syn_retransmits += o->syn_retransmits;
	c->carried += o->carried;
	d->exchanges += v->exchanges;
	d->exchanges_lower_bound = d->exchanges_lower_bound || v->multiplexed || v->broken;
	d->failures += v->failures;
	d->bytes_out += v->bytes_out;
	d->bytes_in += v->bytes_in;
	d->answered = d->answered || v_answered(v) || is_leftover(v);
	/* Where the log of attempts has calls that failed, it has the last word (behaviour.c). */
	d->failover_seen = d->failover_seen || fl_conversation_failover(m->scanner->conversations, v);
	fl_measures_merge(m->arena, &d->measures,
			  fl_conversation_get_detail(m->scanner->conversations, v->detail));
}

static void add_sums(const struct summary *m, struct sums *sum, const struct row *r)
{
	const struct fl_conversation *v = r->v;
	bool first = !sum->busiest;
	sum->starts += v->starts;
	sum->health += v->health;
	if (r->service)
		sum->nested += nested_of(m, r);
	sum->probe = (first || sum->probe) && summary_is_probe(v) && v_answered(v);
	sum->scrape = (first || sum->scrape) && r->scrape;
	sum->scan = (first || sum->scan) && r->scan;
	if (first || v->starts > sum->busiest->starts)
		sum->busiest = v;
	if (first || v->first_ns < sum->first_ns)
		sum->first_ns = v->first_ns;
	if (first || v->last_ns > sum->last_ns)
		sum->last_ns = v->last_ns;
}

static enum fl_class class_without_requests(const struct summary *m, const struct sums *sum)
{
	if (!sum->starts) /* a connection from before the window */
		return FL_CLASS_BACKGROUND;
	double last_start_s = (double)(sum->busiest->last_start_ns - m->scan->start_ns) / 1e9;
	if (m->window_s >= 6 * START_UP_S && last_start_s <= START_UP_S && !has_beat(sum->busiest))
		return FL_CLASS_START_UP;
	return sum->starts <= 2 ? FL_CLASS_RARE : FL_CLASS_BACKGROUND;
}

/* Are @k of @n starts inside open work more than the share @busy of the time explains? One-sided at 5 %: exact
 * when all are inside, else by the normal approximation of the binomial. */
static bool beyond_chance(double k, double n, double busy)
{
	if (busy <= 0)
		return k > 0;
	if (k >= n)
		return n * log(busy) < log(0.05);
	return busy < 1 && (k - n * busy) / sqrt(n * busy * (1 - busy)) > 1.645;
}

static double busy_share(const struct summary *m, const struct service_row *s)
{
	double busy = m->window_s > 0 ? (double)s->busy_ns / 1e9 / m->window_s : 1;
	return busy > 1 ? 1 : busy;
}

static enum fl_class classify(const struct summary *m, const struct row *r, const struct sums *sum)
{
	if (sum->probe || sum->scrape || sum->scan)
		return FL_CLASS_PROBE;
	if (r->v->key.port == 53)
		return FL_CLASS_NAME_RESOLUTION;
	if (!r->service || !sum->starts)
		return class_without_requests(m, sum);
	double k = (double)sum->nested, n = (double)sum->starts, busy = busy_share(m, r->service);
	bool excess = (k / n - busy) >= nested_excess * (1 - busy);
	if (excess && busy < 1 && beyond_chance(k, n, busy))
		return FL_CLASS_ON_REQUEST;
	/* Always busy: nesting tells nothing. What keeps no beat and comes often is most likely asked for. */
	double requests = (double)r->service->requests;
	if (k / n >= nested_mostly && !has_beat(sum->busiest) && n >= often * requests)
		return FL_CLASS_ON_REQUEST;
	return class_without_requests(m, sum);
}

static void set_ratios(struct fl_scan_dependency *d, const struct row *r, const struct sums *sum)
{
	uint64_t requests = r->service ? r->service->requests : 0;
	double uses = (double)(sum->starts - (sum->starts < sum->health ? sum->starts : sum->health));
	d->fan_out = requests ? uses / (double)requests : NAN;
	d->coupling = NAN;
	if (d->class == FL_CLASS_ON_REQUEST || d->class == FL_CLASS_NAME_RESOLUTION)
		d->coupling = d->fan_out > 1 ? 1 : d->fan_out;
	else if (r->service)
		d->coupling = 0;
	d->period_s = has_beat(sum->busiest) ? sum->busiest->gap_mean_s : NAN;
}

static void set_hosts_asked(struct summary *m, struct fl_scan_dependency *d, const struct row *rows, size_t n)
{
	size_t asked = 0, count = 0;
	for (size_t i = 0; i < n; i++)
		asked += rows[i].endpoint.asked != FL_STR_NONE;
	if (!asked)
		return;
	const char **names = fl_arena_array(m->arena, asked, sizeof(*names));
	for (size_t i = 0; i < n; i++)
		if (rows[i].endpoint.asked)
			names[count++] = summary_string(m, rows[i].endpoint.asked);
	d->hosts_asked = names;
	d->host_asked_count = fl_sort_distinct_texts(names, count);
}

static void set_addresses(struct summary *m, struct fl_scan_dependency *d, const struct row *rows, size_t n)
{
	struct fl_addr *all = fl_alloc_array(n, sizeof(*all)), *failed = fl_alloc_array(n, sizeof(*failed));
	size_t failed_count = 0;
	for (size_t i = 0, from = 0; i < n; i++) {
		all[i] = rows[i].v->key.server;
		if (i + 1 < n && fl_addr_equal(&rows[i + 1].v->key.server, &all[i]))
			continue;
		bool spoke = false;
		for (; from <= i; from++)
			spoke = spoke || v_answered(rows[from].v);
		if (!spoke)
			failed[failed_count++] = all[i];
	}
	d->address_count = n;
	d->addresses = summary_addresses(m, all, &d->address_count);
	d->failed_address_count = failed_count;
	d->failed_addresses = summary_addresses(m, failed, &d->failed_address_count);
	free(all);
	free(failed);
}

/* Of the last name in the chain, else of the name. The list is asked once for each. */
static const char *provider_of(const struct summary *m, const struct fl_scan_dependency *d, const struct endpoint_name *e)
{
	static const char nobody[] = "";
	const char **known = &m->providers[d->cname_count ? e->chain : e->name];
	if (!*known)
		*known = scanner_provider(m->arena, d->cname_count ? d->cname_chain[d->cname_count - 1] : d->name);
	if (!*known)
		*known = nobody;
	return *known == nobody ? NULL : *known;
}

/* The chain and source of the latest conversation; the best source of all. */
static void set_name(struct summary *m, struct fl_scan_dependency *d, const struct row *rows, size_t n)
{
	const struct row *latest = &rows[0];
	d->name_source = rows[0].endpoint.source;
	for (size_t i = 1; i < n; i++) {
		if (rows[i].endpoint.source < d->name_source)
			d->name_source = rows[i].endpoint.source;
		bool better = !latest->endpoint.chain && rows[i].endpoint.chain;
		if (better || (rows[i].endpoint.chain && rows[i].v->last_ns > latest->v->last_ns))
			latest = &rows[i];
	}
	d->name = rows[0].name;
	d->cname_chain = summary_chain(m, latest->endpoint.chain, &d->cname_count);
	d->scope = rows[0].v->inner && d->name ? scanner_inner_scope(m->scanner, d->name)
					       : scanner_scope(m->scanner, &rows[0].v->key.server, d->name);
	if (d->scope == FL_SCOPE_EXTERNAL)
		d->provider = provider_of(m, d, d->cname_count ? &latest->endpoint : &rows[0].endpoint);
}

static void set_application(struct fl_scan_dependency *d, const struct row *rows, size_t n)
{
	enum fl_application best = FL_APP_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		enum fl_application a = (enum fl_application)rows[i].v->application;
		if (a != FL_APP_UNKNOWN && (best == FL_APP_UNKNOWN || best == FL_APP_TLS))
			best = a;
	}
	const char *name = fl_application_name(best);
	d->application = name;
}

/* How most of its connections were told; of equals the weaker. */
static enum fl_attribution attribution_of(const struct row *rows, size_t n)
{
	uint64_t weight[FL_ATTRIBUTION_HOST + 1] = { 0 };
	enum fl_attribution most = FL_ATTRIBUTION_HOST;
	for (size_t i = 0; i < n; i++)
		weight[rows[i].attribution] += rows[i].v->connections.tried + rows[i].v->connections.midstream + 1;
	for (size_t a = FL_ATTRIBUTION_HOST; a-- > 0;)
		if (weight[a] > weight[most])
			most = (enum fl_attribution)a;
	return most;
}

static const struct fl_scan_dependency *write_dependency(struct summary *m, const struct row *rows, size_t n)
{
	struct fl_scan_dependency *d = &m->scan->dependencies[m->scan->dependency_count++];
	struct sums sum = { 0 };
	d->host = m->scan->hosts[rows[0].host].name;
	d->service = rows[0].service ? rows[0].service->service->name : "host";
	d->attribution = attribution_of(rows, n);
	d->port = rows[0].v->key.port;
	d->transport = summary_transport(rows[0].v->key.transport);
	if (rows[0].service)
		m->service_of_dependency[m->scan->dependency_count - 1] = (uint32_t)(rows[0].service - m->services) + 1;
	for (size_t i = 0; i < n; i++) {
		m->dependency_of[rows[i].conversation] = (uint32_t)m->scan->dependency_count;
		add_counts(m, d, rows[i].v);
		add_sums(m, &sum, &rows[i]);
	}
	set_name(m, d, rows, n);
	set_addresses(m, d, rows, n);
	set_hosts_asked(m, d, rows, n);
	set_application(d, rows, n);
	d->class = classify(m, &rows[0], &sum);
	set_ratios(d, &rows[0], &sum);
	summary_seen(m, sum.first_ns, sum.last_ns, &d->first_seen_ns, &d->last_seen_ns);
	return d;
}

/* The one owner that is known to use the endpoint; NULL when none is or several are. */
static struct service_row *only_owner(const struct row *rows, size_t n)
{
	struct service_row *owner = NULL;
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].v->key.owner)
			continue;
		if (owner && rows[i].service != owner)
			return NULL;
		owner = rows[i].service;
	}
	return owner;
}

/* The service, or nobody, that most starts of the rows without an owner are put down to. */
static struct service_row *most_likely(const struct row *rows, size_t n)
{
	uint64_t most = 0;
	struct service_row *chosen = NULL;
	for (size_t i = 0; i < n; i++) {
		uint64_t starts = 0;
		if (rows[i].v->key.owner)
			continue;
		for (size_t k = 0; k < n; k++)
			starts += !rows[k].v->key.owner && rows[k].service == rows[i].service ? rows[k].v->starts + 1 : 0;
		if (starts > most) {
			most = starts;
			chosen = rows[i].service;
		}
	}
	return chosen;
}

/* Rows of one endpoint whose owner is not known go to one service: the only one that is known to use it, else the
 * most likely one. */
static void agree_on_service(struct row *rows, size_t n)
{
	struct service_row *chosen = only_owner(rows, n);
	if (!chosen)
		chosen = most_likely(rows, n);
	for (size_t i = 0; i < n; i++)
		if (!rows[i].v->key.owner) {
			rows[i].service = chosen;
			rows[i].attribution = chosen ? FL_ATTRIBUTION_INFERRED : FL_ATTRIBUTION_HOST;
		}
}

/* Within one endpoint: by service, those of nobody last. */
static int compare_within_endpoint(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	if (a->service != b->service)
		return !a->service ? 1 : !b->service ? -1 : a->service < b->service ? -1 : 1;
	return compare_rows(pa, pb);
}

/* Of a connection that an earlier window counted, too, when not even a length is left to tell. */
static bool is_empty(const struct fl_conversation *v)
{
	const struct fl_connections *c = &v->connections;
	return v->detail == 0 && v->exchanges == 0 && v->failures == 0 && v->answered == 0 && v->bytes_out == 0 &&
	       v->bytes_in == 0 && c->tried == 0 && c->established == 0 && c->refused == 0 && c->timed_out == 0 &&
	       c->reset == 0 && c->midstream == 0 && c->carried == 0 && c->syn_retransmits == 0;
}

static size_t collect(struct summary *m, struct row **list)
{
	const struct fl_conversations *table = m->scanner->conversations;
	size_t n = fl_conversation_count(table), count = 0;
	*list = fl_alloc_array(n + 1, sizeof(**list));
	for (size_t i = 0; i < n; i++) {
		const struct fl_conversation *v = fl_conversation_get(table, i);
		uint32_t host = summary_host_of(m, &v->key.client);
		if (host == NO_HOST || is_empty(v))
			continue;
		struct row *r = &(*list)[count++];
		*r = (struct row){ .host = host, .v = v, .conversation = (uint32_t)i };
		r->endpoint = scanner_endpoint_name(m->scanner, v, m->inbound_names[host], m->inbound_name_count[host]);
		/* A resolver is known by its address: a name for it is no better. */
		if (v->key.port != 53)
			r->name = summary_string(m, r->endpoint.name);
		else
			r->endpoint = (struct endpoint_name){ .source = FL_NAME_NONE };
		attribute(m, r);
	}
	return count;
}

static void add_host_services(struct summary *m, const bool *wanted)
{
	struct fl_scan *scan = m->scan;
	for (size_t h = 0; h < scan->host_count; h++) {
		if (!wanted[h])
			continue;
		struct fl_scan_service *s = &scan->services[scan->service_count++];
		*s = (struct fl_scan_service){ .host = scan->hosts[h].name, .name = "host", .uid = -1,
					       .first_seen_ns = scan->start_ns, .last_seen_ns = scan->end_ns };
	}
}

static bool same_dependency(const struct row *a, const struct row *b)
{
	return a->service == b->service && compare_groups(a, b) == 0;
}

/* Services of the row's host that may have made its calls: *@first is the first of the host, *@end behind its last. */
static size_t likely_callers(const struct summary *m, const struct row *r, size_t *first, size_t *end)
{
	size_t count = 0, i = *first = summary_first_service(m, r->host);
	for (; i < m->service_count && m->services[i].host == r->host; i++)
		count += m->services[i].candidate && !is_itself(m, &m->services[i], r);
	*end = i;
	return count;
}

/* Of an endpoint whose caller nobody named, on a host with several services: the log of attempts knows better than
 * counters of nested starts, when there are enough of them. */
static void attribute_by_log(struct summary *m, struct row *rows, size_t n)
{
	size_t first, end, service, known = 0, count = likely_callers(m, &rows[0], &first, &end);
	for (size_t i = 0; i < n; i++)
		known += rows[i].v->key.owner != 0;
	if (count < 2 || known)
		return;
	uint32_t *services = fl_alloc_array(count, sizeof(*services));
	uint32_t *conversations = fl_alloc_array(n, sizeof(*conversations));
	count = 0;
	for (size_t i = first; i < end; i++)
		if (m->services[i].candidate && !is_itself(m, &m->services[i], &rows[0]))
			services[count++] = (uint32_t)i;
	for (size_t i = 0; i < n; i++)
		conversations[i] = rows[i].conversation;
	if (behaviour_attribute(m, conversations, n, services, count, &service))
		for (size_t i = 0; i < n; i++) {
			rows[i].service = service < count ? &m->services[services[service]] : NULL;
			rows[i].attribution = service < count ? FL_ATTRIBUTION_INFERRED : FL_ATTRIBUTION_HOST;
		}
	free(services);
	free(conversations);
}

/* By host, those of each in the order in which they stood: then little is left to be compared. Return: where each host's begin, to be freed. */
static size_t *place_by_host(struct row **rows, size_t n, size_t hosts)
{
	size_t *begin = fl_alloc_array(hosts + 2, sizeof(*begin));
	struct row *placed = fl_alloc_table(n + 1, sizeof(*placed));
	for (size_t i = 0; i < n; i++)
		begin[(*rows)[i].host + 2]++;
	for (size_t h = 2; h < hosts + 2; h++)
		begin[h] += begin[h - 1];
	for (size_t i = 0; i < n; i++)
		placed[begin[(*rows)[i].host + 1]++] = (*rows)[i];
	free(*rows);
	*rows = placed;
	return begin;
}

static void sort_rows(struct row **rows, size_t n, size_t hosts)
{
	size_t *begin = place_by_host(rows, n, hosts);
	for (size_t h = 0; h < hosts; h++)
		if (begin[h + 1] - begin[h] > 1)
			qsort(*rows + begin[h], begin[h + 1] - begin[h], sizeof(**rows), compare_rows);
	free(begin);
}

/* Rows are in another order than their conversations, which fill more than the caches: what one of the next will be asked for is fetched. */
static void fetch_ahead(const struct summary *m, const struct row *rows, size_t n, size_t i)
{
	enum { AHEAD = 8, LINE = 64 };
	if (i + AHEAD >= n)
		return;
	const struct fl_conversation *v = rows[i + AHEAD].v;
	for (size_t at = 0; at < sizeof(*v); at += LINE)
		__builtin_prefetch((const char *)v + at);
	__builtin_prefetch(fl_conversation_get_detail(m->scanner->conversations, v->detail));
}

/* Rows of one endpoint settle whose they are, then those of one service stand together. */
static void settle_endpoints(struct summary *m, struct row *rows, size_t n)
{
	for (size_t i = 0, from = 0; i < n; i++) {
		if (i + 1 < n && compare_groups(&rows[i], &rows[i + 1]) == 0)
			continue;
		attribute_by_log(m, rows + from, i + 1 - from);
		agree_on_service(rows + from, i + 1 - from);
		if (i > from)
			qsort(rows + from, i + 1 - from, sizeof(*rows), compare_within_endpoint);
		from = i + 1;
	}
}

void summary_dependencies(struct summary *m)
{
	struct row *rows;
	size_t n = collect(m, &rows), groups = 0;
	bool *by_host = fl_alloc_array(m->scan->host_count + 1, sizeof(*by_host)); /* has what no service was found for */
	mark_patterns(rows, n, m->scan->host_count);
	sort_rows(&rows, n, m->scan->host_count);
	settle_endpoints(m, rows, n);
	for (size_t i = 0; i < n; i++)
		groups += i == 0 || !same_dependency(&rows[i - 1], &rows[i]);
	m->scan->dependencies = fl_arena_array(m->arena, groups + 1, sizeof(*m->scan->dependencies));
	m->service_of_dependency = fl_alloc_array(groups + 1, sizeof(*m->service_of_dependency));
	for (size_t i = 0, from = 0; i < n; i++) {
		fetch_ahead(m, rows, n, i);
		if (i + 1 < n && same_dependency(&rows[i], &rows[i + 1]))
			continue;
		const struct fl_scan_dependency *d = write_dependency(m, rows + from, i + 1 - from);
		by_host[rows[from].host] |= d->attribution == FL_ATTRIBUTION_HOST;
		from = i + 1;
	}
	add_host_services(m, by_host);
	free(by_host);
	free(rows);
}
