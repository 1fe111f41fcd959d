/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_read.c - faultline.scan/1 and faultline.scan-set/1, checked field by field
 *
 * A scan file comes from another machine and may be damaged, edited by hand, or made to harm. What
 * is wrong in it is found here, so that everything above can trust a scan: types, ranges,
 * words, addresses, counts that do not add up. Failure is sticky as in reader.h: the first
 * thing that is wrong is kept with its place ("dependencies[3].port"), later reads do
 * nothing, and the code reads like the schema. Members that are missing take the default
 * that the schema documents; only what identifies a thing must be there.
 *
 * Everything read is copied into the scan's arena. Lists are as long as they are in the file,
 * whose size json.c limits; nothing recurses.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "capture/scan_reading.h"
#include "faultline/units.h"

/* A number 1..2^32-1, 0 for anything else. */
static uint32_t bucket_count(const cJSON *item)
{
	double value = cJSON_IsNumber(item) ? item->valuedouble : 0;

	if (!(value >= 1 && value <= UINT32_MAX) || floor(value) < value)
		return 0;
	return (uint32_t)value;
}

static void read_buckets(struct reading *r, const cJSON *object, struct fl_histogram *h)
{
	const cJSON *array = reading_member(object, "buckets");
	double last = -1;

	if (array && !cJSON_IsArray(array))
		reading_fail(r, "buckets", "not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next) {
		const cJSON *index = cJSON_IsArray(e) ? e->child : NULL;
		const cJSON *count = index ? index->next : NULL;
		double i = cJSON_IsNumber(index) ? index->valuedouble : -1;
		if (!count || count->next || !(i > last && i < FL_HISTOGRAM_BUCKETS) || floor(i) < i ||
			bucket_count(count) == 0) {
			reading_fail(r, "buckets", "not pairs [bucket 0..257, count] in ascending order");
			return;
		}
		h->bucket[(size_t)i] = bucket_count(count);
		last = i;
	}
}

static void read_histogram(struct reading *r, const cJSON *object, const char *key, struct fl_histogram *h)
{
	const cJSON *item = scan_read_object(r, object, key);
	uint64_t sum = 0;
	bool saturated = false;

	if (r->code || !item)
		return;
	size_t before = reading_enter(r, key, -1);
	h->count = scan_read_count(r, item, "count");
	read_buckets(r, item, h);
	for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		sum += h->bucket[i];
		saturated = saturated || h->bucket[i] == UINT32_MAX;
	}
	if (sum > h->count || (sum < h->count && !saturated))
		reading_fail(r, "count", "not the sum of the buckets");
	reading_leave(r, before);
}

/* A width that time lines have, in ns; 0 otherwise. */
static int64_t timeline_width(double width_s)
{
	for (int64_t s = 1; s <= FL_TIMELINE_WIDTH_MAX_S; s *= 2)
		if (width_s >= (double)s && width_s <= (double)s)
			return s * FL_NS_PER_S;
	return 0;
}

static void read_timeline_buckets(struct reading *r, const cJSON *object, struct fl_timeline *t)
{
	const cJSON *array = reading_member(object, "buckets");
	size_t i = 0;

	if (array && !cJSON_IsArray(array))
		reading_fail(r, "buckets", "not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++) {
		double value = cJSON_IsNumber(e) ? e->valuedouble : -1;
		if (i >= FL_TIMELINE_BUCKETS || !(value >= 0 && value <= UINT32_MAX) || floor(value) < value)
			reading_fail(r, "buckets", "not at most 120 counts below 2^32");
		else if (value > 0 && (int64_t)i > (FL_TIMELINE_TIME_MAX - t->start_ns) / t->width_ns)
			reading_fail(r, "buckets", "later than any time");
		else
			t->bucket[i] = (uint32_t)value;
	}
}

static void read_timeline(struct reading *r, const cJSON *object, const char *key, struct fl_timeline *t)
{
	const cJSON *item = scan_read_object(r, object, key);
	struct fl_timeline raw = { 0 };

	if (r->code || !item)
		return;
	size_t before = reading_enter(r, key, -1);
	if (reading_member(item, "start") || reading_member(item, "width_s")) {
		raw.start_ns = scan_read_time(r, item, "start");
		raw.width_ns = timeline_width(scan_read_double(r, item, "width_s", INFINITY));
		if (raw.width_ns == 0)
			reading_fail(r, "width_s", "not a power of two of seconds");
		else if (raw.start_ns % raw.width_ns != 0 || raw.start_ns > FL_TIMELINE_TIME_MAX ||
			 raw.start_ns < -FL_TIMELINE_TIME_MAX - raw.width_ns)
			reading_fail(r, "start", "not a multiple of width_s since the epoch");
		else
			read_timeline_buckets(r, item, &raw);
	} else if (reading_member(item, "buckets") && cJSON_GetArraySize(reading_member(item, "buckets")) > 0) {
		reading_fail(r, "start", "missing");
	}
	reading_leave(r, before);
	if (!r->code)
		fl_timeline_merge(t, &raw); /* leading zeros go */
}

static void keep_measures(struct reading *r, struct fl_measures **into, const struct fl_measures *m)
{
	if (m->connect.count || m->first_byte.count || m->duration.count || m->timeline.width_ns)
		*fl_measures_of(r->arena, into) = *m;
}

/* The name of a host of this scan; hosts are sorted by now. */
static const char *read_host_name(struct reading *r, const cJSON *object, const char *key)
{
	const char *name = scan_read_required_string(r, object, key);
	size_t low = 0, high = r->scan->host_count;

	while (low < high && !r->code) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, r->scan->hosts[middle].name);
		if (order == 0)
			return r->scan->hosts[middle].name;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	reading_fail(r, key, "no host of that name in hosts");
	return name;
}

static void read_host(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_host *h = into;

	h->name = scan_read_required_string(r, item, "name");
	scan_read_addresses(r, item, "addresses", &h->addresses, &h->address_count);
}

static void read_service_port(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_port *p = into;

	p->port = scan_read_port(r, item, "port");
	p->transport = scan_read_transport(r, item, "transport");
	p->application = scan_read_string(r, item, "application");
}

static void read_client(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_client *c = into;

	if (!reading_member(item, "address"))
		reading_fail(r, "address", "missing");
	c->address = scan_read_address(r, item, "address");
	c->connections = scan_read_count(r, item, "connections");
	c->exchanges = scan_read_count(r, item, "exchanges");
	c->probe = scan_read_bool(r, item, "probe", false);
}

static void read_seen(struct reading *r, const cJSON *item, int64_t *first_ns, int64_t *last_ns)
{
	*first_ns = reading_member(item, "first_seen") ? scan_read_time(r, item, "first_seen") : r->scan->start_ns;
	*last_ns = reading_member(item, "last_seen") ? scan_read_time(r, item, "last_seen") : r->scan->end_ns;
	if (*last_ns < *first_ns)
		reading_fail(r, "last_seen", "before first_seen");
}

void scan_read_service(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_service *s = into;

	s->host = read_host_name(r, item, "host");
	s->name = scan_read_required_string(r, item, "name");
	s->command = scan_read_string(r, item, "command");
	uint64_t uid = scan_read_count(r, item, "uid");
	if (uid > UINT32_MAX)
		reading_fail(r, "uid", "not a user's number");
	s->uid = reading_member(item, "uid") ? (int64_t)uid : -1;
	scan_read_objects(r, item, "ports", sizeof(*s->ports), read_service_port, &s->port_count, &s->ports);
	scan_read_addresses(r, item, "addresses", &s->addresses, &s->address_count);
	scan_read_strings(r, item, "virtual_hosts", &s->virtual_hosts, &s->virtual_host_count);
	scan_read_counts(r, item, &fl_scan_service_counts, s);
	scan_read_objects(r, item, "clients", sizeof(*s->clients), read_client, &s->client_count, &s->clients);
	read_seen(r, item, &s->first_seen_ns, &s->last_seen_ns);
	struct fl_measures m = { 0 };
	read_histogram(r, item, "service_time_s", &m.first_byte);
	read_timeline(r, item, "timeline", &m.timeline);
	keep_measures(r, &s->measures, &m);
	s->behaviour = scan_read_behaviour(r, item, "behaviour");
}

static void read_far_end(struct reading *r, const cJSON *item, struct fl_scan_dependency *d)
{
	d->name = scan_read_string(r, item, "name");
	if (d->name && *d->name == '\0')
		d->name = NULL;
	d->name_source =
		(enum fl_name_source)scan_read_word(r, item, "name_source", fl_name_source_parse, FL_NAME_NONE);
	d->port = scan_read_port(r, item, "port");
	d->transport = scan_read_transport(r, item, "transport");
	scan_read_addresses(r, item, "addresses", &d->addresses, &d->address_count);
	if (!d->name && d->address_count == 0)
		reading_fail(r, "addresses", "neither a name nor an address");
	scan_read_addresses(r, item, "failed_addresses", &d->failed_addresses, &d->failed_address_count);
	scan_read_strings(r, item, "cname_chain", &d->cname_chain, &d->cname_count);
	d->provider = scan_read_string(r, item, "provider");
	d->scope = (enum fl_scope)scan_read_word(r, item, "scope", fl_scope_parse, FL_SCOPE_EXTERNAL);
	d->application = scan_read_string(r, item, "application");
	scan_read_strings(r, item, "hosts_asked", &d->hosts_asked, &d->host_asked_count);
}

void scan_read_dependency(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_dependency *d = into;

	d->host = read_host_name(r, item, "host");
	d->service = scan_read_required_string(r, item, "service");
	d->attribution = (enum fl_attribution)scan_read_word(
		r, item, "attribution", fl_attribution_parse, FL_ATTRIBUTION_HOST);
	read_far_end(r, item, d);
	d->class = (enum fl_class)scan_read_word(r, item, "class", fl_class_parse, FL_CLASS_ON_REQUEST);
	d->answered = scan_read_bool(r, item, "answered", true);
	d->failover_seen = scan_read_bool(r, item, "failover_seen", false);
	d->coupling = scan_read_double(r, item, "coupling", 1);
	d->fan_out = scan_read_double(r, item, "fan_out", INFINITY);
	d->period_s = scan_read_double(r, item, "period_s", INFINITY);
	size_t before = reading_enter(r, "connections", -1);
	scan_read_counts(r, reading_member(item, "connections"), &fl_scan_connection_counts, &d->connections);
	d->connections.carried = scan_read_count(r, reading_member(item, "connections"), "carried");
	reading_leave(r, before);
	scan_read_object(r, item, "connections");
	scan_read_counts(r, item, &fl_scan_dependency_counts, d);
	d->exchanges_lower_bound = scan_read_bool(r, item, "exchanges_lower_bound", false);
	read_seen(r, item, &d->first_seen_ns, &d->last_seen_ns);
	struct fl_measures m = { 0 };
	read_histogram(r, item, "connect_s", &m.connect);
	read_histogram(r, item, "first_byte_s", &m.first_byte);
	read_histogram(r, item, "duration_s", &m.duration);
	read_timeline(r, item, "timeline", &m.timeline);
	keep_measures(r, &d->measures, &m);
	d->behaviour = scan_read_behaviour(r, item, "behaviour");
}

void scan_read_name(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_name *n = into;

	n->client = scan_read_address(r, item, "client");
	n->resolver = scan_read_address(r, item, "resolver");
	n->transport = scan_read_transport(r, item, "transport");
	n->name = scan_read_string(r, item, "name");
	if (!n->name)
		reading_fail(r, "name", "missing");
	n->type = scan_read_string(r, item, "type");
	n->rcode = scan_read_string(r, item, "rcode");
	scan_read_strings(r, item, "cname_chain", &n->cname_chain, &n->cname_count);
	scan_read_addresses(r, item, "addresses", &n->addresses, &n->address_count);
	n->count = scan_read_count(r, item, "count");
	read_seen(r, item, &n->first_seen_ns, &n->last_seen_ns);
}

static void read_limit(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_limit *l = into;

	l->name = scan_read_required_string(r, item, "name");
	l->limit = scan_read_count(r, item, "limit");
	l->hits = scan_read_count(r, item, "hits");
	l->what = scan_read_string(r, item, "what");
}

static void read_blind_spot(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_blind_spot *b = into;

	b->kind = scan_read_required_string(r, item, "kind");
	b->count = scan_read_count(r, item, "count");
	b->text = scan_read_string(r, item, "text");
}

static void read_coverage(struct reading *r, const cJSON *root, struct fl_coverage *c)
{
	const cJSON *item = scan_read_object(r, root, "coverage");
	size_t before = reading_enter(r, "coverage", -1);

	if (item) {
		scan_read_counts(r, item, &fl_scan_coverage_counts, c);
		c->host_detection = scan_read_string(r, item, "host_detection");
		c->attribution = scan_read_string(r, item, "attribution");
		scan_read_objects(r, item, "limits", sizeof(*c->limits), read_limit, &c->limit_count, &c->limits);
		scan_read_objects(r, item, "blind_spots", sizeof(*c->blind_spots), read_blind_spot,
			&c->blind_spot_count, &c->blind_spots);
		c->unseen_dependencies = scan_read_double(r, item, "unseen_dependencies", INFINITY);
		c->window_for_95_s = scan_read_double(r, item, "window_for_95_s", INFINITY);
	}
	reading_leave(r, before);
}

static void read_hosts(struct reading *r, const cJSON *root, struct fl_scan *s)
{
	scan_read_objects(r, root, "hosts", sizeof(*s->hosts), read_host, &s->host_count, &s->hosts);
	const cJSON *first = scan_read_object(r, root, "host");
	if (s->host_count == 0 && first) {
		size_t before = reading_enter(r, "host", -1);
		s->hosts = fl_arena_array(r->arena, 1, sizeof(*s->hosts));
		s->host_count = 1;
		read_host(r, first, &s->hosts[0]);
		reading_leave(r, before);
	}
}

static void read_window(struct reading *r, const cJSON *root, struct fl_scan *s)
{
	const cJSON *window = scan_read_object(r, root, "window");

	if (!window)
		reading_fail(r, "window", "missing");
	size_t before = reading_enter(r, "window", -1);
	if (window && (!reading_member(window, "start") || !reading_member(window, "end")))
		reading_fail(r, reading_member(window, "start") ? "end" : "start", "missing");
	s->start_ns = scan_read_time(r, window, "start");
	s->end_ns = scan_read_time(r, window, "end");
	if (s->end_ns < s->start_ns)
		reading_fail(r, "end", "before start");
	reading_leave(r, before);
}

void scan_read_head(struct reading *r, const cJSON *root, struct fl_scan *s)
{
	r->arena = s->arena;
	r->scan = s;
	if (!r->code)
		r->code = fl_json_check_schema(r->name, root, "scan", 1, r->err);
	s->point = scan_read_required_string(r, root, "point");
	s->source = scan_read_string(r, root, "source");
	read_window(r, root, s);
	read_coverage(r, root, &s->coverage);
	read_hosts(r, root, s);
	if (!r->code)
		fl_scan_sort(s); /* the lists look hosts up */
}

static void read_scan(struct reading *r, const cJSON *root, struct fl_scan *s)
{
	scan_read_head(r, root, s);
	scan_read_objects(
		r, root, "services", sizeof(*s->services), scan_read_service, &s->service_count, &s->services);
	scan_read_objects(r, root, "dependencies", sizeof(*s->dependencies), scan_read_dependency, &s->dependency_count,
		&s->dependencies);
	scan_read_objects(r, root, "names", sizeof(*s->names), scan_read_name, &s->name_count, &s->names);
	if (!r->code)
		fl_scan_sort(s);
}

static void add_scan(struct reading *r, const cJSON *root, struct fl_scan_set *set)
{
	struct fl_scan *s = fl_scan_new();

	if (!r->code)
		read_scan(r, root, s);
	if (r->code)
		fl_scan_free(s);
	else
		fl_scan_set_add(set, s);
}

static void add_scans(struct reading *r, const cJSON *root, struct fl_scan_set *set)
{
	const cJSON *array = fl_json_array(root, "scans");
	long i = 0;

	r->code = fl_json_check_schema(r->name, root, "scan-set", 1, r->err);
	if (!array)
		reading_fail(r, "scans", "missing or not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++) {
		size_t before = reading_enter(r, "scans", i);
		if (cJSON_IsObject(e))
			add_scan(r, e, set);
		else
			reading_fail(r, "", "not an object");
		reading_leave(r, before);
	}
}

int fl_scan_set_from_json(
	struct fl_scan_set *set, const char *name, const struct cJSON *root, struct fl_error *err)
{
	struct reading r = { .name = name, .err = err };
	const char *schema = fl_json_string(root, "schema");
	size_t before = set->count;

	if (schema && strncmp(schema, "faultline.scan-set/", strlen("faultline.scan-set/")) == 0)
		add_scans(&r, root, set);
	else
		add_scan(&r, root, set);
	while (r.code && set->count > before)
		fl_scan_free(set->list[--set->count]);
	return r.code;
}
