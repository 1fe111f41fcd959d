/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join_records.c - records of one dependency from several scans, added up
 *
 * A dependency is (host, service, name or address, port, transport). Counts and histograms add.
 * Shares need care: coupling is "of the service's inbound exchanges", so a scan in which the service
 * worked without this dependency dilutes it, and a scan in which the share is unknown says nothing;
 * both are weighted by the exchanges the service had in that scan. What is a statement and no
 * count (chain, provider, application) is taken from the scan that saw it last. All choices are by content,
 * never by place, so the order of scans does not matter. A far end can have two records in one scan, by name
 * and by bare address (join_fold.c): those are parts of the same work, their shares add.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"
#include "analyze/model_internal.h"

#include "faultline/sort.h"

uint64_t fl_join_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t fl_join_calls(const struct fl_scan_dependency *d)
{
	uint64_t connections = fl_join_add(d->connections.established, d->connections.midstream);

	return d->exchanges > 0 ? d->exchanges : connections;
}

/* The name, or the bare address as it stands before ":PORT". */
static const char *identity_of(struct join *j, const struct fl_scan_dependency *d)
{
	char text[FL_ADDR_TEXT];
	struct fl_addr a;

	if (d->name && !fl_addr_parse(d->name, &a))
		return d->name;
	if (!d->name && d->address_count == 0)
		return "unknown";
	if (!d->name)
		a = d->addresses[0];
	fl_addr_format(&a, text);
	return fl_arena_printf(j->arena, fl_addr_is_v4(&a) ? "%s" : "[%s]", text);
}

static int by_identity(const void *a, const void *b)
{
	const struct join_record *x = a, *y = b;
	int order = (x->service > y->service) - (x->service < y->service);

	order = order ? order : strcmp(x->identity, y->identity);
	order = order ? order : (x->d->port > y->d->port) - (x->d->port < y->d->port);
	return order ? order : strcmp(x->d->transport, y->d->transport);
}

static int by_identity_and_place(const void *a, const void *b)
{
	const struct join_record *x = a, *y = b;
	int order = by_identity(a, b);

	order = order ? order : (x->scan > y->scan) - (x->scan < y->scan);
	return order ? order : (x->d > y->d) - (x->d < y->d); /* place in one array, which is sorted */
}

static struct join_record *collect_records(struct join *j, size_t *count)
{
	const struct fl_scan_set *set = &j->system->scans;
	size_t n = 0;

	for (size_t i = 0; i < set->count; i++)
		n += set->list[i]->dependency_count;
	struct join_record *list = fl_alloc_array(n, sizeof(*list));
	n = 0;
	for (size_t i = 0; i < set->count; i++) {
		for (size_t k = 0; k < set->list[i]->dependency_count; k++) {
			const struct fl_scan_dependency *d = &set->list[i]->dependencies[k];
			list[n++] = (struct join_record){ fl_join_find_service(j, d->host, d->service),
				identity_of(j, d), d, i };
		}
	}
	fl_join_fold(list, n);
	if (n > 1)
		qsort(list, n, sizeof(*list), by_identity_and_place);
	*count = n;
	return list;
}

/* Inbound exchanges of @s in scan @scan. */
static double service_exchanges(const struct join_service *s, size_t scan)
{
	size_t low = 0, high = s->sighting_count;
	double sum = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->sightings[middle].scan < scan)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < s->sighting_count && s->sightings[low].scan == scan; low++)
		if (s->sightings[low].record)
			sum += (double)s->sightings[low].record->exchanges;
	return sum;
}

struct share {
	double weighted, weight; /* over scans with inbound exchanges */
	double plain;            /* over all that know it */
	size_t known;
};

static void add_share(struct share *share, double value, double weight)
{
	if (isnan(value))
		return;
	share->weighted += value * weight;
	share->weight += weight;
	share->plain += value;
	share->known++;
}

static double share_value(const struct share *share, double silent_weight)
{
	if (share->known == 0)
		return NAN;
	if (share->weight > 0)
		return share->weighted / (share->weight + silent_weight);
	return share->plain / (double)share->known;
}

/* Of two parts of the same work: their sum, as far as they are known. */
static double add_part(double sum, double part)
{
	if (isnan(sum) || isnan(part))
		return isnan(sum) ? part : sum;
	return sum + part;
}

static void merge_shares(const struct join_service *s, const struct join_record *list, size_t count,
	struct fl_scan_dependency *into)
{
	struct share coupling = { 0 }, fan_out = { 0 };
	double silent = (double)s->exchanges; /* where no record is */

	for (size_t i = 0, end; i < count; i = end) {
		double weight = service_exchanges(s, list[i].scan), used = NAN, made = NAN;
		for (end = i; end < count && list[end].scan == list[i].scan; end++) {
			used = add_part(used, list[end].d->coupling);
			made = add_part(made, list[end].d->fan_out);
		}
		silent -= weight;
		add_share(&coupling, used, weight);
		add_share(&fan_out, made, weight);
	}
	silent = silent > 0 ? silent : 0;
	into->coupling = fmin(share_value(&coupling, silent), 1);
	if (coupling.known == 0)
		into->coupling = NAN;
	into->fan_out = share_value(&fan_out, silent);
}

/* Name resolution is told by what is said, the rest by when: it wins, then what is most like a request. */
static enum fl_class stronger_class(enum fl_class a, enum fl_class b)
{
	if (a == FL_CLASS_NAME_RESOLUTION || b == FL_CLASS_NAME_RESOLUTION)
		return FL_CLASS_NAME_RESOLUTION;
	return a < b ? a : b;
}

static void add_counts(struct fl_scan_dependency *into, const struct fl_scan_dependency *d)
{
	struct fl_connections *c = &into->connections;

	c->tried = fl_join_add(c->tried, d->connections.tried);
	c->established = fl_join_add(c->established, d->connections.established);
	c->refused = fl_join_add(c->refused, d->connections.refused);
	c->timed_out = fl_join_add(c->timed_out, d->connections.timed_out);
	c->reset = fl_join_add(c->reset, d->connections.reset);
	c->midstream = fl_join_add(c->midstream, d->connections.midstream);
	c->syn_retransmits = fl_join_add(c->syn_retransmits, d->connections.syn_retransmits);
	c->carried = d->connections.carried > c->carried ? d->connections.carried : c->carried;
	into->exchanges = fl_join_add(into->exchanges, d->exchanges);
	into->failures = fl_join_add(into->failures, d->failures);
	into->bytes_out = fl_join_add(into->bytes_out, d->bytes_out);
	into->bytes_in = fl_join_add(into->bytes_in, d->bytes_in);
	into->exchanges_lower_bound |= d->exchanges_lower_bound;
}

static void add_statements(struct fl_scan_dependency *into, const struct fl_scan_dependency *d)
{
	into->class = stronger_class(into->class, d->class);
	into->attribution = d->attribution < into->attribution ? d->attribution : into->attribution;
	into->name_source = d->name_source < into->name_source ? d->name_source : into->name_source;
	into->scope = d->scope < into->scope ? d->scope : into->scope;
	into->answered |= d->answered;
	into->failover_seen |= fl_scan_failover(d);
	into->period_s = fmin(into->period_s, d->period_s); /* NaN gives way */
	into->first_seen_ns = d->first_seen_ns < into->first_seen_ns ? d->first_seen_ns : into->first_seen_ns;
	into->last_seen_ns = d->last_seen_ns > into->last_seen_ns ? d->last_seen_ns : into->last_seen_ns;
}

static int compare_chains(const struct fl_scan_dependency *a, const struct fl_scan_dependency *b)
{
	for (size_t i = 0; i < a->cname_count && i < b->cname_count; i++) {
		int order = strcmp(a->cname_chain[i], b->cname_chain[i]);
		if (order != 0)
			return order;
	}
	return (a->cname_count > b->cname_count) - (a->cname_count < b->cname_count);
}

/* Was @d seen later than @best (NULL: nothing yet)? At the same time @tie decides, by content. */
static bool is_later(const struct fl_scan_dependency *d, const struct fl_scan_dependency *best,
	int (*tie)(const struct fl_scan_dependency *, const struct fl_scan_dependency *))
{
	if (!best || d->last_seen_ns != best->last_seen_ns)
		return !best || d->last_seen_ns > best->last_seen_ns;
	return tie(d, best) < 0;
}

static int compare_applications(const struct fl_scan_dependency *a, const struct fl_scan_dependency *b)
{
	return strcmp(a->application, b->application);
}

static int compare_providers(const struct fl_scan_dependency *a, const struct fl_scan_dependency *b)
{
	return strcmp(a->provider, b->provider);
}

/* Chain, provider and application as seen last. */
static void take_latest(const struct join_record *list, size_t count, struct fl_scan_dependency *into)
{
	const struct fl_scan_dependency *chain = NULL, *provider = NULL, *application = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct fl_scan_dependency *d = list[i].d;
		if (d->cname_count > 0 && is_later(d, chain, compare_chains))
			chain = d;
		if (d->provider && is_later(d, provider, compare_providers))
			provider = d;
		if (d->application && is_later(d, application, compare_applications))
			application = d;
	}
	into->cname_chain = chain ? chain->cname_chain : NULL;
	into->cname_count = chain ? chain->cname_count : 0;
	into->provider = provider ? provider->provider : NULL;
	into->application = application ? application->application : NULL;
}

static int by_address(const void *a, const void *b)
{
	return fl_addr_compare(a, b);
}

static bool contains(const struct fl_addr *list, size_t count, const struct fl_addr *a)
{
	return count > 0 && bsearch(a, list, count, sizeof(*a), by_address) != NULL;
}

/* Addresses united; one failed only when no scan saw it answer. */
static void unite_lists(
	struct join *j, const struct join_record *list, size_t count, struct fl_scan_dependency *into)
{
	size_t n = 0, asked = 0, answered_count = 0;

	for (size_t i = 0; i < count; i++) {
		n += list[i].d->address_count;
		asked += list[i].d->host_asked_count;
	}
	into->addresses = fl_arena_array(j->arena, n, sizeof(*into->addresses));
	into->hosts_asked = fl_arena_array(j->arena, asked, sizeof(*into->hosts_asked));
	into->address_count = into->host_asked_count = 0;
	struct fl_addr *answered = fl_arena_array(j->arena, n, sizeof(*answered));
	for (size_t i = 0; i < count; i++) {
		const struct fl_scan_dependency *d = list[i].d;
		for (size_t k = 0; k < d->address_count; k++) {
			into->addresses[into->address_count++] = d->addresses[k];
			if (!contains(d->failed_addresses, d->failed_address_count, &d->addresses[k]))
				answered[answered_count++] = d->addresses[k];
		}
		for (size_t k = 0; k < d->host_asked_count; k++)
			into->hosts_asked[into->host_asked_count++] = d->hosts_asked[k];
	}
	into->address_count = fl_sort_distinct_addresses(into->addresses, into->address_count);
	into->host_asked_count = fl_sort_distinct_texts(into->hosts_asked, into->host_asked_count);
	answered_count = fl_sort_distinct_addresses(answered, answered_count);
	into->failed_addresses = fl_arena_array(j->arena, into->address_count, sizeof(*into->addresses));
	into->failed_address_count = 0;
	for (size_t i = 0; i < into->address_count; i++)
		if (!contains(answered, answered_count, &into->addresses[i]))
			into->failed_addresses[into->failed_address_count++] = into->addresses[i];
}

static struct fl_scan_dependency *merge(struct join *j, const struct join_record *list, size_t count)
{
	struct fl_scan_dependency *into = fl_arena_alloc(j->arena, sizeof(*into));

	*into = *list[0].d;
	into->failover_seen = fl_scan_failover(into);
	if (count > 1) /* a scan's own measures are never added to */
		into->measures = NULL, into->behaviour = NULL;
	for (size_t i = 0; i < count && count > 1; i++) {
		fl_measures_merge(j->arena, &into->measures, list[i].d->measures);
		fl_behaviour_merge(j->arena, &into->behaviour, list[i].d->behaviour);
	}
	for (size_t i = 1; i < count; i++) {
		add_counts(into, list[i].d);
		add_statements(into, list[i].d);
		into->name = into->name ? into->name : list[i].d->name;
	}
	merge_shares(&j->services[list[0].service], list, count, into);
	take_latest(list, count, into);
	unite_lists(j, list, count, into);
	return into;
}

static const struct fl_dependency_record *keep_records(struct join *j, const struct join_record *list, size_t count)
{
	struct fl_dependency_record *records = fl_arena_array(j->arena, count, sizeof(*records));

	for (size_t i = 0; i < count; i++)
		records[i] = (struct fl_dependency_record){ list[i].scan, list[i].d };
	return records;
}

/* Seen from all scans: an address of a scanned host is not external, one of the same host is local. */
static void widen_scope(const struct join *j, struct fl_scan_dependency *d)
{
	bool scanned = d->address_count > 0, local = d->address_count > 0;

	for (size_t i = 0; i < d->address_count; i++) {
		bool own = fl_join_owns(j, d->host, &d->addresses[i]);
		size_t count;
		fl_join_owners(j, &d->addresses[i], &count);
		local = local && own;
		scanned = scanned && (own || count > 0);
	}
	if (local)
		d->scope = FL_SCOPE_LOCAL;
	else if (scanned && d->scope == FL_SCOPE_EXTERNAL)
		d->scope = FL_SCOPE_INTERNAL;
	if (d->scope != FL_SCOPE_EXTERNAL)
		d->provider = NULL;
}

/* What never answered may be a stray; a model can say that it is none. */
static bool belongs_to_graph(const struct join *j, const char *identity, const struct fl_scan_dependency *d)
{
	if (d->class == FL_CLASS_PROBE || d->answered)
		return d->class != FL_CLASS_PROBE;
	return j->model && fl_model_confirms(j->model, fl_arena_printf(j->arena, "endpoint:%s:%u/%s", identity,
							       (unsigned)d->port, d->transport));
}

void fl_join_records(struct join *j)
{
	size_t count;
	struct join_record *list = collect_records(j, &count);

	j->dependencies = fl_arena_array(j->arena, count, sizeof(*j->dependencies));
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && by_identity(&list[i], &list[end]) == 0;)
			end++;
		struct join_service *s = &j->services[list[i].service];
		struct join_dependency *d = &j->dependencies[j->dependency_count];
		size_t host = fl_join_host(j, s->host);
		d->service = list[i].service;
		d->identity = list[i].identity;
		d->merged = merge(j, &list[i], end - i);
		d->records = keep_records(j, &list[i], end - i);
		d->record_count = end - i;
		widen_scope(j, d->merged);
		d->in_graph = belongs_to_graph(j, d->identity, d->merged);
		d->target = JOIN_NONE;
		s->own_count += d->in_graph && d->merged->class != FL_CLASS_NAME_RESOLUTION;
		d->window_s = host == JOIN_NONE ? 0 : j->host_window_s[host];
		if (s->dependency_count++ == 0)
			s->first_dependency = j->dependency_count;
		j->dependency_count++;
	}
	free(list);
}
