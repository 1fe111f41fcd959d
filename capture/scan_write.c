/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_write.c - faultline.scan/1 and faultline.scan-set/1, the seam as a file
 *
 * The long lists are written item by item, each a small tree of its own, so that a scan needs little
 * more memory to be written than to be made. Members have a fixed order, lists are
 * in the order that fl_scan_sort() gives, doubles are printed so that they read back as themselves:
 * what was read and is written again is the same bytes. Histograms are sparse pairs
 * [bucket, count]; the quantiles beside them are for people and are not read back. Time lines leave out
 * their trailing zeros. What is empty is null.
 */
#include <math.h>
#include <string.h>

#include "capture/scan_internal.h"
#include "config.h"
#include "faultline/json.h"
#include "faultline/units.h"

static const struct fl_measures nothing_measured;

static cJSON *checked(cJSON *item)
{
	if (!item)
		cJSON_Delete(fl_alloc_array(SIZE_MAX, sizeof(cJSON))); /* out of memory: does not return */
	return item;
}

static cJSON *add_object(cJSON *into, const char *key)
{
	cJSON *item = checked(cJSON_CreateObject());

	cJSON_AddItemToObject(into, key, item);
	return item;
}

static cJSON *add_array(cJSON *into, const char *key)
{
	cJSON *item = checked(cJSON_CreateArray());

	cJSON_AddItemToObject(into, key, item);
	return item;
}

static cJSON *append_object(cJSON *array)
{
	cJSON *item = checked(cJSON_CreateObject());

	cJSON_AddItemToArray(array, item);
	return item;
}

static void append_number(cJSON *array, double value)
{
	cJSON_AddItemToArray(array, checked(cJSON_CreateNumber(value)));
}

static void add_bool(cJSON *object, const char *key, bool value)
{
	cJSON_AddItemToObject(object, key, checked(cJSON_CreateBool(value)));
}

static void add_counts(cJSON *object, const struct fl_scan_count_fields *fields, const void *from)
{
	for (size_t i = 0; i < fields->count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)from + fields->list[i].offset, sizeof(value));
		fl_json_add_u64(object, fields->list[i].key, value);
	}
}

static void add_address(cJSON *object, const char *key, const struct fl_addr *a)
{
	char text[FL_ADDR_TEXT];

	fl_json_add_string(object, key, fl_addr_is_none(a) ? NULL : fl_addr_format(a, text));
}

static void add_histogram(cJSON *object, const char *key, const struct fl_histogram *h)
{
	if (h->count == 0) {
		fl_json_add_string(object, key, NULL);
		return;
	}
	cJSON *item = add_object(object, key);
	fl_json_add_u64(item, "count", h->count);
	fl_json_add_double(item, "p50", fl_histogram_quantile(h, 0.5));
	fl_json_add_double(item, "p95", fl_histogram_quantile(h, 0.95));
	cJSON *buckets = add_array(item, "buckets");
	for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		if (h->bucket[i] == 0)
			continue;
		cJSON *pair = checked(cJSON_CreateArray());
		cJSON_AddItemToArray(buckets, pair);
		append_number(pair, (double)i);
		append_number(pair, (double)h->bucket[i]);
	}
}

static void add_timeline(cJSON *object, const char *key, const struct fl_timeline *t)
{
	size_t used = FL_TIMELINE_BUCKETS;

	while (used > 0 && (t->width_ns == 0 || t->bucket[used - 1] == 0))
		used--;
	if (used == 0) {
		fl_json_add_string(object, key, NULL);
		return;
	}
	cJSON *item = add_object(object, key);
	fl_json_add_time(item, "start", t->start_ns);
	fl_json_add_double(item, "width_s", (double)(t->width_ns / FL_NS_PER_S));
	cJSON *buckets = add_array(item, "buckets");
	for (size_t i = 0; i < used; i++)
		append_number(buckets, (double)t->bucket[i]);
}

static void add_host(cJSON *item, const struct fl_scan_host *h)
{
	fl_json_add_string(item, "name", h->name);
	fl_json_add_addresses(item, "addresses", h->addresses, h->address_count);
}

static void add_coverage(cJSON *root, const struct fl_coverage *c)
{
	cJSON *item = add_object(root, "coverage");

	add_counts(item, &fl_scan_coverage_counts, c);
	fl_json_add_string(item, "host_detection", c->host_detection);
	cJSON *limits = add_array(item, "limits");
	for (size_t i = 0; i < c->limit_count; i++) {
		cJSON *limit = append_object(limits);
		fl_json_add_string(limit, "name", c->limits[i].name);
		fl_json_add_u64(limit, "limit", c->limits[i].limit);
		fl_json_add_u64(limit, "hits", c->limits[i].hits);
		fl_json_add_string(limit, "what", c->limits[i].what);
	}
	cJSON *spots = add_array(item, "blind_spots");
	for (size_t i = 0; i < c->blind_spot_count; i++) {
		cJSON *spot = append_object(spots);
		fl_json_add_string(spot, "kind", c->blind_spots[i].kind);
		fl_json_add_u64(spot, "count", c->blind_spots[i].count);
		fl_json_add_string(spot, "text", c->blind_spots[i].text);
	}
	fl_json_add_double(item, "unseen_dependencies", c->unseen_dependencies);
	fl_json_add_double(item, "window_for_95_s", c->window_for_95_s);
}

static cJSON *service_tree(const struct fl_scan_service *s)
{
	cJSON *item = checked(cJSON_CreateObject());

	fl_json_add_string(item, "host", s->host);
	fl_json_add_string(item, "name", s->name);
	cJSON *ports = add_array(item, "ports");
	for (size_t i = 0; i < s->port_count; i++) {
		cJSON *port = append_object(ports);
		fl_json_add_u64(port, "port", s->ports[i].port);
		fl_json_add_string(port, "transport", s->ports[i].transport);
		fl_json_add_string(port, "application", s->ports[i].application);
	}
	fl_json_add_addresses(item, "addresses", s->addresses, s->address_count);
	fl_json_add_strings(item, "virtual_hosts", s->virtual_hosts, s->virtual_host_count);
	add_counts(item, &fl_scan_service_counts, s);
	cJSON *clients = add_array(item, "clients");
	for (size_t i = 0; i < s->client_count; i++) {
		cJSON *client = append_object(clients);
		add_address(client, "address", &s->clients[i].address);
		fl_json_add_u64(client, "connections", s->clients[i].connections);
		fl_json_add_u64(client, "exchanges", s->clients[i].exchanges);
		add_bool(client, "probe", s->clients[i].probe);
	}
	fl_json_add_time(item, "first_seen", s->first_seen_ns);
	fl_json_add_time(item, "last_seen", s->last_seen_ns);
	const struct fl_measures *m = s->measures ? s->measures : &nothing_measured;
	add_histogram(item, "service_time_s", &m->first_byte);
	add_timeline(item, "timeline", &m->timeline);
	return item;
}

static void add_far_end(cJSON *item, const struct fl_scan_dependency *d)
{
	fl_json_add_string(item, "name", d->name);
	fl_json_add_string(item, "name_source", fl_name_source_name(d->name_source));
	fl_json_add_u64(item, "port", d->port);
	fl_json_add_string(item, "transport", d->transport);
	fl_json_add_addresses(item, "addresses", d->addresses, d->address_count);
	fl_json_add_addresses(item, "failed_addresses", d->failed_addresses, d->failed_address_count);
	fl_json_add_strings(item, "cname_chain", d->cname_chain, d->cname_count);
	fl_json_add_string(item, "provider", d->provider);
	fl_json_add_string(item, "scope", fl_scope_name(d->scope));
	fl_json_add_string(item, "application", d->application);
	fl_json_add_strings(item, "hosts_asked", d->hosts_asked, d->host_asked_count);
}

static cJSON *dependency_tree(const struct fl_scan_dependency *d)
{
	cJSON *item = checked(cJSON_CreateObject());

	fl_json_add_string(item, "host", d->host);
	fl_json_add_string(item, "service", d->service);
	fl_json_add_string(item, "attribution", fl_attribution_name(d->attribution));
	add_far_end(item, d);
	fl_json_add_string(item, "class", fl_class_name(d->class));
	add_bool(item, "answered", d->answered);
	add_bool(item, "failover_seen", d->failover_seen);
	fl_json_add_double(item, "coupling", d->coupling);
	fl_json_add_double(item, "fan_out", d->fan_out);
	fl_json_add_double(item, "period_s", d->period_s);
	add_counts(add_object(item, "connections"), &fl_scan_connection_counts, &d->connections);
	add_counts(item, &fl_scan_dependency_counts, d);
	add_bool(item, "exchanges_lower_bound", d->exchanges_lower_bound);
	fl_json_add_time(item, "first_seen", d->first_seen_ns);
	fl_json_add_time(item, "last_seen", d->last_seen_ns);
	const struct fl_measures *m = d->measures ? d->measures : &nothing_measured;
	add_histogram(item, "connect_s", &m->connect);
	add_histogram(item, "first_byte_s", &m->first_byte);
	add_histogram(item, "duration_s", &m->duration);
	add_timeline(item, "timeline", &m->timeline);
	return item;
}

static cJSON *name_tree(const struct fl_scan_name *n)
{
	cJSON *item = checked(cJSON_CreateObject());

	add_address(item, "client", &n->client);
	add_address(item, "resolver", &n->resolver);
	fl_json_add_string(item, "transport", n->transport);
	fl_json_add_string(item, "name", n->name);
	fl_json_add_string(item, "type", n->type);
	fl_json_add_string(item, "rcode", n->rcode);
	fl_json_add_strings(item, "cname_chain", n->cname_chain, n->cname_count);
	fl_json_add_addresses(item, "addresses", n->addresses, n->address_count);
	fl_json_add_u64(item, "count", n->count);
	fl_json_add_time(item, "first_seen", n->first_seen_ns);
	fl_json_add_time(item, "last_seen", n->last_seen_ns);
	return item;
}

/* Everything but the long lists. */
static cJSON *head_tree(const struct fl_scan *s)
{
	cJSON *root = checked(cJSON_CreateObject());

	fl_json_add_string(root, "schema", "faultline.scan/1");
	fl_json_add_string(root, "point", s->point);
	fl_json_add_string(root, "source", s->source);
	cJSON *tool = add_object(root, "tool");
	fl_json_add_string(tool, "name", "faultline");
	fl_json_add_string(tool, "version", FL_VERSION);
	if (s->host_count > 0)
		add_host(add_object(root, "host"), &s->hosts[0]);
	else
		fl_json_add_string(root, "host", NULL);
	cJSON *hosts = add_array(root, "hosts");
	for (size_t i = 0; i < s->host_count; i++)
		add_host(append_object(hosts), &s->hosts[i]);
	cJSON *window = add_object(root, "window");
	fl_json_add_time(window, "start", s->start_ns);
	fl_json_add_time(window, "end", s->end_ns);
	add_coverage(root, &s->coverage);
	return root;
}

static void write_scan(FILE *out, const struct fl_scan *s, unsigned indent)
{
	struct fl_json_stream stream;
	cJSON *head = head_tree(s);

	fl_json_stream_begin(&stream, out, indent);
	fl_json_stream_members(&stream, head);
	cJSON_Delete(head);
	fl_json_stream_list(&stream, "services");
	for (size_t i = 0; i < s->service_count; i++)
		fl_json_stream_item(&stream, service_tree(&s->services[i]));
	fl_json_stream_list_end(&stream);
	fl_json_stream_list(&stream, "dependencies");
	for (size_t i = 0; i < s->dependency_count; i++)
		fl_json_stream_item(&stream, dependency_tree(&s->dependencies[i]));
	fl_json_stream_list_end(&stream);
	fl_json_stream_list(&stream, "names");
	for (size_t i = 0; i < s->name_count; i++)
		fl_json_stream_item(&stream, name_tree(&s->names[i]));
	fl_json_stream_list_end(&stream);
	fl_json_stream_end(&stream);
}

void fl_scan_write(FILE *out, const struct fl_scan *s)
{
	write_scan(out, s, 0);
	fputc('\n', out);
}

void fl_scan_set_write(FILE *out, const struct fl_scan_set *set)
{
	struct fl_json_stream stream;
	cJSON *head;

	if (set->count == 1) {
		fl_scan_write(out, set->list[0]);
		return;
	}
	head = checked(cJSON_CreateObject());
	fl_json_add_string(head, "schema", "faultline.scan-set/1");
	fl_json_stream_begin(&stream, out, 0);
	fl_json_stream_members(&stream, head);
	cJSON_Delete(head);
	unsigned indent = fl_json_stream_list(&stream, "scans");
	for (size_t i = 0; i < set->count; i++) {
		fl_json_stream_next(&stream);
		write_scan(out, set->list[i], indent);
	}
	fl_json_stream_list_end(&stream);
	fl_json_stream_end(&stream);
	fputc('\n', out);
}
