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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/scan_internal.h"
#include "faultline/json.h"
#include "faultline/units.h"

enum { PATH_MAX_BYTES = 128 };

struct reading {
	const char *name;
	struct fl_error *err;
	int code;
	struct fl_arena *arena;
	const struct fl_scan *scan; /* hosts are complete before the lists that name them */
	char path[PATH_MAX_BYTES];  /* of the object being read, with a dot at its end */
	size_t path_length;
};

static void fail(struct reading *r, const char *key, const char *what)
{
	size_t length = r->path_length;

	if (r->code)
		return;
	if (*key == '\0' && length > 0) /* the object itself */
		length--;
	r->code = fl_fail(r->err, -EINVAL, "%s: %.*s%s: %s; was the file edited by hand?", r->name,
		(int)length, r->path, key, what);
}

/* Go down into member @key (or its element @index, when not negative); returns what leave() wants. */
static size_t enter(struct reading *r, const char *key, long index)
{
	size_t before = r->path_length, room = sizeof(r->path) - before;
	int n = index < 0 ? snprintf(r->path + before, room, "%s.", key)
			  : snprintf(r->path + before, room, "%s[%ld].", key, index);

	if (n > 0)
		r->path_length += (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

static void leave(struct reading *r, size_t before)
{
	r->path_length = before;
}

/* NULL when absent or null. */
static const cJSON *member(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNull(item) ? NULL : item;
}

static const char *read_string(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = member(object, key);

	if (r->code || !item)
		return NULL;
	if (!cJSON_IsString(item)) {
		fail(r, key, "not a string");
		return NULL;
	}
	return fl_arena_string(r->arena, item->valuestring);
}

static const char *read_required_string(struct reading *r, const cJSON *object, const char *key)
{
	const char *text = read_string(r, object, key);

	if (!text || *text == '\0') {
		fail(r, key, "missing or empty");
		return "";
	}
	return text;
}

static uint64_t read_count(struct reading *r, const cJSON *object, const char *key)
{
	if (r->code || !member(object, key))
		return 0;
	/* What is no count gives the other value. */
	uint64_t value = fl_json_u64(object, key, 0);
	if (value == 0 && fl_json_u64(object, key, 1) != 0)
		fail(r, key, "not a whole number 0..2^64-1");
	return value;
}

static void read_counts(
	struct reading *r, const cJSON *object, const struct fl_scan_count_fields *fields, void *into)
{
	for (size_t i = 0; i < fields->count; i++) {
		uint64_t value = read_count(r, object, fields->list[i].key);
		memcpy((char *)into + fields->list[i].offset, &value, sizeof(value));
	}
}

/* NaN when absent; else from 0 to @max. */
static double read_double(struct reading *r, const cJSON *object, const char *key, double max)
{
	const cJSON *item = member(object, key);

	if (r->code || !item)
		return NAN;
	double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
	if (!isfinite(value) || value < 0 || value > max) {
		fail(r, key, max <= 1 ? "not a number 0..1" : "not a number from 0 up");
		return NAN;
	}
	return value == 0 ? 0 : value; /* no -0 */
}

static bool read_bool(struct reading *r, const cJSON *object, const char *key, bool otherwise)
{
	const cJSON *item = member(object, key);

	if (item && !cJSON_IsBool(item))
		fail(r, key, "neither true nor false");
	return item ? cJSON_IsTrue(item) : otherwise;
}

static int64_t read_time(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = member(object, key);
	int64_t time_ns = 0;

	if (item && (!cJSON_IsString(item) || !fl_time_parse(item->valuestring, &time_ns)))
		fail(r, key, "not an RFC 3339 UTC time like 2026-11-21T12:00:00Z");
	return time_ns;
}

static uint16_t read_port(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = member(object, key);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;

	if (!(value >= 0 && value <= UINT16_MAX) || floor(value) < value) {
		fail(r, key, "not a port number 0..65535");
		return 0;
	}
	return (uint16_t)value;
}

static const char *read_transport(struct reading *r, const cJSON *object, const char *key)
{
	const char *text = read_string(r, object, key);

	if (text && strcmp(text, "tcp") == 0)
		return "tcp";
	if (!text || strcmp(text, "udp") != 0)
		fail(r, key, "neither tcp nor udp");
	return "udp";
}

/* One of the words that @parse knows; @otherwise when absent. */
static int read_word(
	struct reading *r, const cJSON *object, const char *key, int (*parse)(const char *), int otherwise)
{
	const cJSON *item = member(object, key);

	if (r->code || !item)
		return otherwise;
	int value = cJSON_IsString(item) ? parse(item->valuestring) : -1;
	if (value < 0) {
		fail(r, key, "not a word that stands there");
		return otherwise;
	}
	return value;
}

static struct fl_addr read_address(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = member(object, key);
	struct fl_addr a = { { 0 } };

	if (item && (!cJSON_IsString(item) || !fl_addr_parse(item->valuestring, &a)))
		fail(r, key, "not an IP address");
	return a;
}

/* The array at @key, NULL when absent or on failure; *@count and room for its elements. */
static const cJSON *read_array(
	struct reading *r, const cJSON *object, const char *key, size_t size, size_t *count, void *list)
{
	const cJSON *array = member(object, key);
	size_t n = 0;
	void *room = NULL;

	if (array && !cJSON_IsArray(array))
		fail(r, key, "not a list");
	if (r->code)
		array = NULL;
	for (const cJSON *e = array ? array->child : NULL; e; e = e->next)
		n++;
	if (n > 0)
		room = fl_arena_array(r->arena, n, size);
	memcpy(list, &room, sizeof(room));
	*count = n;
	return n > 0 ? array : NULL;
}

static void fail_element(struct reading *r, const char *key, size_t index, const char *what)
{
	size_t before = enter(r, key, (long)index);

	fail(r, "", what);
	leave(r, before);
}

static void read_addresses(
	struct reading *r, const cJSON *object, const char *key, struct fl_addr **list, size_t *count)
{
	const cJSON *array = read_array(r, object, key, sizeof(**list), count, list);
	size_t i = 0;

	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++)
		if (!cJSON_IsString(e) || !fl_addr_parse(e->valuestring, &(*list)[i]))
			fail_element(r, key, i, "not an IP address");
}

static void read_strings(
	struct reading *r, const cJSON *object, const char *key, const char ***list, size_t *count)
{
	const cJSON *array = read_array(r, object, key, sizeof(**list), count, list);
	size_t i = 0;

	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++) {
		if (!cJSON_IsString(e))
			fail_element(r, key, i, "not a string");
		else
			(*list)[i] = fl_arena_string(r->arena, e->valuestring);
	}
}

typedef void read_item(struct reading *r, const cJSON *item, void *into);

/* A list of objects, each read by @read into @size bytes; @list is a pointer to the list's pointer.
 * Grown as elements prove valid: a damaged file costs no more memory than its sound part. */
static void read_objects(struct reading *r, const cJSON *object, const char *key, size_t size,
	read_item *read, size_t *count, void *list)
{
	const cJSON *array = member(object, key);
	size_t n = 0, room = 0;
	char *items = NULL;

	if (array && !cJSON_IsArray(array))
		fail(r, key, "not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, n++) {
		size_t before = enter(r, key, (long)n);
		if (n == room) {
			room = fl_grown(room, n + 1);
			items = fl_grow_array(items, room, size);
		}
		memset(items + n * size, 0, size);
		if (cJSON_IsObject(e))
			read(r, e, items + n * size);
		else
			fail(r, "", "not an object");
		leave(r, before);
	}
	*count = r->code ? 0 : n;
	if (*count > 0) {
		void *copy = fl_arena_array(r->arena, n, size);
		memcpy(copy, items, n * size);
		memcpy(list, &copy, sizeof(copy));
	}
	free(items);
}

/* The object at @key, NULL when absent. */
static const cJSON *read_object(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = member(object, key);

	if (item && !cJSON_IsObject(item)) {
		fail(r, key, "not an object");
		return NULL;
	}
	return item;
}

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
	const cJSON *array = member(object, "buckets");
	double last = -1;

	if (array && !cJSON_IsArray(array))
		fail(r, "buckets", "not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next) {
		const cJSON *index = cJSON_IsArray(e) ? e->child : NULL;
		const cJSON *count = index ? index->next : NULL;
		double i = cJSON_IsNumber(index) ? index->valuedouble : -1;
		if (!count || count->next || !(i > last && i < FL_HISTOGRAM_BUCKETS) || floor(i) < i ||
			bucket_count(count) == 0) {
			fail(r, "buckets", "not pairs [bucket 0..257, count] in ascending order");
			return;
		}
		h->bucket[(size_t)i] = bucket_count(count);
		last = i;
	}
}

static void read_histogram(struct reading *r, const cJSON *object, const char *key, struct fl_histogram *h)
{
	const cJSON *item = read_object(r, object, key);
	uint64_t sum = 0;
	bool saturated = false;

	if (r->code || !item)
		return;
	size_t before = enter(r, key, -1);
	h->count = read_count(r, item, "count");
	read_buckets(r, item, h);
	for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		sum += h->bucket[i];
		saturated = saturated || h->bucket[i] == UINT32_MAX;
	}
	if (sum > h->count || (sum < h->count && !saturated))
		fail(r, "count", "not the sum of the buckets");
	leave(r, before);
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
	const cJSON *array = member(object, "buckets");
	size_t i = 0;

	if (array && !cJSON_IsArray(array))
		fail(r, "buckets", "not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++) {
		double value = cJSON_IsNumber(e) ? e->valuedouble : -1;
		if (i >= FL_TIMELINE_BUCKETS || !(value >= 0 && value <= UINT32_MAX) || floor(value) < value)
			fail(r, "buckets", "not at most 120 counts below 2^32");
		else if (value > 0 && (int64_t)i > (FL_TIMELINE_TIME_MAX - t->start_ns) / t->width_ns)
			fail(r, "buckets", "later than any time");
		else
			t->bucket[i] = (uint32_t)value;
	}
}

static void read_timeline(struct reading *r, const cJSON *object, const char *key, struct fl_timeline *t)
{
	const cJSON *item = read_object(r, object, key);
	struct fl_timeline raw = { 0 };

	if (r->code || !item)
		return;
	size_t before = enter(r, key, -1);
	if (member(item, "start") || member(item, "width_s")) {
		raw.start_ns = read_time(r, item, "start");
		raw.width_ns = timeline_width(read_double(r, item, "width_s", INFINITY));
		if (raw.width_ns == 0)
			fail(r, "width_s", "not a power of two of seconds");
		else if (raw.start_ns % raw.width_ns != 0 || raw.start_ns > FL_TIMELINE_TIME_MAX ||
			 raw.start_ns < -FL_TIMELINE_TIME_MAX - raw.width_ns)
			fail(r, "start", "not a multiple of width_s since the epoch");
		else
			read_timeline_buckets(r, item, &raw);
	} else if (member(item, "buckets") && cJSON_GetArraySize(member(item, "buckets")) > 0) {
		fail(r, "start", "missing");
	}
	leave(r, before);
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
	const char *name = read_required_string(r, object, key);
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
	fail(r, key, "no host of that name in hosts");
	return name;
}

static void read_host(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_host *h = into;

	h->name = read_required_string(r, item, "name");
	read_addresses(r, item, "addresses", &h->addresses, &h->address_count);
}

static void read_service_port(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_port *p = into;

	p->port = read_port(r, item, "port");
	p->transport = read_transport(r, item, "transport");
	p->application = read_string(r, item, "application");
}

static void read_client(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_client *c = into;

	if (!member(item, "address"))
		fail(r, "address", "missing");
	c->address = read_address(r, item, "address");
	c->connections = read_count(r, item, "connections");
	c->exchanges = read_count(r, item, "exchanges");
	c->probe = read_bool(r, item, "probe", false);
}

static void read_seen(struct reading *r, const cJSON *item, int64_t *first_ns, int64_t *last_ns)
{
	*first_ns = member(item, "first_seen") ? read_time(r, item, "first_seen") : r->scan->start_ns;
	*last_ns = member(item, "last_seen") ? read_time(r, item, "last_seen") : r->scan->end_ns;
	if (*last_ns < *first_ns)
		fail(r, "last_seen", "before first_seen");
}

static void read_service(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_service *s = into;

	s->host = read_host_name(r, item, "host");
	s->name = read_required_string(r, item, "name");
	s->command = read_string(r, item, "command");
	uint64_t uid = read_count(r, item, "uid");
	if (uid > UINT32_MAX)
		fail(r, "uid", "not a user's number");
	s->uid = member(item, "uid") ? (int64_t)uid : -1;
	read_objects(r, item, "ports", sizeof(*s->ports), read_service_port, &s->port_count, &s->ports);
	read_addresses(r, item, "addresses", &s->addresses, &s->address_count);
	read_strings(r, item, "virtual_hosts", &s->virtual_hosts, &s->virtual_host_count);
	read_counts(r, item, &fl_scan_service_counts, s);
	read_objects(r, item, "clients", sizeof(*s->clients), read_client, &s->client_count, &s->clients);
	read_seen(r, item, &s->first_seen_ns, &s->last_seen_ns);
	struct fl_measures m = { 0 };
	read_histogram(r, item, "service_time_s", &m.first_byte);
	read_timeline(r, item, "timeline", &m.timeline);
	keep_measures(r, &s->measures, &m);
}

static void read_far_end(struct reading *r, const cJSON *item, struct fl_scan_dependency *d)
{
	d->name = read_string(r, item, "name");
	if (d->name && *d->name == '\0')
		d->name = NULL;
	d->name_source =
		(enum fl_name_source)read_word(r, item, "name_source", fl_name_source_parse, FL_NAME_NONE);
	d->port = read_port(r, item, "port");
	d->transport = read_transport(r, item, "transport");
	read_addresses(r, item, "addresses", &d->addresses, &d->address_count);
	if (!d->name && d->address_count == 0)
		fail(r, "addresses", "neither a name nor an address");
	read_addresses(r, item, "failed_addresses", &d->failed_addresses, &d->failed_address_count);
	read_strings(r, item, "cname_chain", &d->cname_chain, &d->cname_count);
	d->provider = read_string(r, item, "provider");
	d->scope = (enum fl_scope)read_word(r, item, "scope", fl_scope_parse, FL_SCOPE_EXTERNAL);
	d->application = read_string(r, item, "application");
	read_strings(r, item, "hosts_asked", &d->hosts_asked, &d->host_asked_count);
}

static void read_dependency(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_dependency *d = into;

	d->host = read_host_name(r, item, "host");
	d->service = read_required_string(r, item, "service");
	d->attribution = (enum fl_attribution)read_word(
		r, item, "attribution", fl_attribution_parse, FL_ATTRIBUTION_HOST);
	read_far_end(r, item, d);
	d->class = (enum fl_class)read_word(r, item, "class", fl_class_parse, FL_CLASS_ON_REQUEST);
	d->answered = read_bool(r, item, "answered", true);
	d->failover_seen = read_bool(r, item, "failover_seen", false);
	d->coupling = read_double(r, item, "coupling", 1);
	d->fan_out = read_double(r, item, "fan_out", INFINITY);
	d->period_s = read_double(r, item, "period_s", INFINITY);
	size_t before = enter(r, "connections", -1);
	read_counts(r, member(item, "connections"), &fl_scan_connection_counts, &d->connections);
	d->connections.carried = read_count(r, member(item, "connections"), "carried");
	leave(r, before);
	read_object(r, item, "connections");
	read_counts(r, item, &fl_scan_dependency_counts, d);
	d->exchanges_lower_bound = read_bool(r, item, "exchanges_lower_bound", false);
	read_seen(r, item, &d->first_seen_ns, &d->last_seen_ns);
	struct fl_measures m = { 0 };
	read_histogram(r, item, "connect_s", &m.connect);
	read_histogram(r, item, "first_byte_s", &m.first_byte);
	read_histogram(r, item, "duration_s", &m.duration);
	read_timeline(r, item, "timeline", &m.timeline);
	keep_measures(r, &d->measures, &m);
}

static void read_name(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_name *n = into;

	n->client = read_address(r, item, "client");
	n->resolver = read_address(r, item, "resolver");
	n->transport = read_transport(r, item, "transport");
	n->name = read_string(r, item, "name");
	if (!n->name)
		fail(r, "name", "missing");
	n->type = read_string(r, item, "type");
	n->rcode = read_string(r, item, "rcode");
	read_strings(r, item, "cname_chain", &n->cname_chain, &n->cname_count);
	read_addresses(r, item, "addresses", &n->addresses, &n->address_count);
	n->count = read_count(r, item, "count");
	read_seen(r, item, &n->first_seen_ns, &n->last_seen_ns);
}

static void read_limit(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_limit *l = into;

	l->name = read_required_string(r, item, "name");
	l->limit = read_count(r, item, "limit");
	l->hits = read_count(r, item, "hits");
	l->what = read_string(r, item, "what");
}

static void read_blind_spot(struct reading *r, const cJSON *item, void *into)
{
	struct fl_scan_blind_spot *b = into;

	b->kind = read_required_string(r, item, "kind");
	b->count = read_count(r, item, "count");
	b->text = read_string(r, item, "text");
}

static void read_coverage(struct reading *r, const cJSON *root, struct fl_coverage *c)
{
	const cJSON *item = read_object(r, root, "coverage");
	size_t before = enter(r, "coverage", -1);

	if (item) {
		read_counts(r, item, &fl_scan_coverage_counts, c);
		c->host_detection = read_string(r, item, "host_detection");
		c->attribution = read_string(r, item, "attribution");
		read_objects(r, item, "limits", sizeof(*c->limits), read_limit, &c->limit_count, &c->limits);
		read_objects(r, item, "blind_spots", sizeof(*c->blind_spots), read_blind_spot,
			&c->blind_spot_count, &c->blind_spots);
		c->unseen_dependencies = read_double(r, item, "unseen_dependencies", INFINITY);
		c->window_for_95_s = read_double(r, item, "window_for_95_s", INFINITY);
	}
	leave(r, before);
}

static void read_hosts(struct reading *r, const cJSON *root, struct fl_scan *s)
{
	read_objects(r, root, "hosts", sizeof(*s->hosts), read_host, &s->host_count, &s->hosts);
	const cJSON *first = read_object(r, root, "host");
	if (s->host_count == 0 && first) {
		size_t before = enter(r, "host", -1);
		s->hosts = fl_arena_array(r->arena, 1, sizeof(*s->hosts));
		s->host_count = 1;
		read_host(r, first, &s->hosts[0]);
		leave(r, before);
	}
}

static void read_window(struct reading *r, const cJSON *root, struct fl_scan *s)
{
	const cJSON *window = read_object(r, root, "window");

	if (!window)
		fail(r, "window", "missing");
	size_t before = enter(r, "window", -1);
	if (window && (!member(window, "start") || !member(window, "end")))
		fail(r, member(window, "start") ? "end" : "start", "missing");
	s->start_ns = read_time(r, window, "start");
	s->end_ns = read_time(r, window, "end");
	if (s->end_ns < s->start_ns)
		fail(r, "end", "before start");
	leave(r, before);
}

static void read_scan(struct reading *r, const cJSON *root, struct fl_scan *s)
{
	r->arena = s->arena;
	r->scan = s;
	s->point = read_required_string(r, root, "point");
	s->source = read_string(r, root, "source");
	read_window(r, root, s);
	read_coverage(r, root, &s->coverage);
	read_hosts(r, root, s);
	if (!r->code)
		fl_scan_sort(s); /* the lists below look hosts up */
	read_objects(
		r, root, "services", sizeof(*s->services), read_service, &s->service_count, &s->services);
	read_objects(r, root, "dependencies", sizeof(*s->dependencies), read_dependency, &s->dependency_count,
		&s->dependencies);
	read_objects(r, root, "names", sizeof(*s->names), read_name, &s->name_count, &s->names);
	if (!r->code)
		fl_scan_sort(s);
}

static void add_scan(struct reading *r, const cJSON *root, struct fl_scan_set *set)
{
	struct fl_scan *s = fl_scan_new();

	if (!r->code)
		r->code = fl_json_check_schema(r->name, root, "scan", 1, r->err);
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
		fail(r, "scans", "missing or not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++) {
		size_t before = enter(r, "scans", i);
		if (cJSON_IsObject(e))
			add_scan(r, e, set);
		else
			fail(r, "", "not an object");
		leave(r, before);
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
