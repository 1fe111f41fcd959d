/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_write.c - faultline.scan/1 and faultline.scan-set/1, the seam as a file
 *
 * Written as it is walked, without a tree, so that a scan needs no more memory to be written than to be
 * made. Members have a fixed order, lists are in the order that fl_scan_sort() gives, doubles are printed so
 * that they read back as themselves: what was read and is written again is the same bytes. Histograms are
 * sparse pairs [bucket, count]; the quantiles beside them are for people and are not read back. Time lines
 * leave out their trailing zeros. What is empty is null.
 */
#include <stdlib.h>
#include <string.h>

#include "capture/scan_behaviour.h"
#include "capture/scan_internal.h"
#include "capture/scan_pieces.h"
#include "config.h"
#include "faultline/json_emit.h"
#include "faultline/units.h"

static const struct fl_measures nothing_measured;

static void emit_counts(struct fl_json_emit *e, const struct fl_scan_count_fields *fields, const void *from)
{
	for (size_t i = 0; i < fields->count; i++) {
		uint64_t value;
		memcpy(&value, (const char *)from + fields->list[i].offset, sizeof(value));
		fl_json_emit_u64_of(e, fields->list[i].key, value);
	}
}

static void emit_histogram(struct fl_json_emit *e, const char *key, const struct fl_histogram *h)
{
	if (h->count == 0) {
		fl_json_emit_string(e, key, NULL);
		return;
	}
	fl_json_emit_object(e, key);
	fl_json_emit_u64(e, "count", h->count);
	fl_json_emit_double(e, "p50", fl_histogram_quantile(h, 0.5));
	fl_json_emit_double(e, "p95", fl_histogram_quantile(h, 0.95));
	fl_json_emit_array(e, "buckets", false);
	for (size_t i = 0; i < FL_HISTOGRAM_BUCKETS; i++) {
		if (h->bucket[i] == 0)
			continue;
		fl_json_emit_array(e, NULL, true);
		fl_json_emit_u64(e, NULL, i);
		fl_json_emit_u64(e, NULL, h->bucket[i]);
		fl_json_emit_close(e);
	}
	fl_json_emit_close(e);
	fl_json_emit_close(e);
}

static void emit_timeline(struct fl_json_emit *e, const char *key, const struct fl_timeline *t)
{
	size_t used = FL_TIMELINE_BUCKETS;

	while (used > 0 && (t->width_ns == 0 || t->bucket[used - 1] == 0))
		used--;
	if (used == 0) {
		fl_json_emit_string(e, key, NULL);
		return;
	}
	fl_json_emit_object(e, key);
	fl_json_emit_time(e, "start", t->start_ns);
	fl_json_emit_double(e, "width_s", (double)(t->width_ns / FL_NS_PER_S));
	fl_json_emit_array(e, "buckets", true);
	for (size_t i = 0; i < used; i++)
		fl_json_emit_u64(e, NULL, t->bucket[i]);
	fl_json_emit_close(e);
	fl_json_emit_close(e);
}

static void emit_host(struct fl_json_emit *e, const char *key, const struct fl_scan_host *h)
{
	fl_json_emit_object(e, key);
	fl_json_emit_string(e, "name", h->name);
	fl_json_emit_addresses(e, "addresses", h->addresses, h->address_count);
	fl_json_emit_close(e);
}

static void emit_limits(struct fl_json_emit *e, const struct fl_coverage *c)
{
	fl_json_emit_array(e, "limits", false);
	for (size_t i = 0; i < c->limit_count; i++) {
		fl_json_emit_object(e, NULL);
		fl_json_emit_string(e, "name", c->limits[i].name);
		fl_json_emit_u64(e, "limit", c->limits[i].limit);
		fl_json_emit_u64(e, "hits", c->limits[i].hits);
		fl_json_emit_string(e, "what", c->limits[i].what);
		fl_json_emit_close(e);
	}
	fl_json_emit_close(e);
}

static void emit_coverage(struct fl_json_emit *e, const struct fl_coverage *c)
{
	fl_json_emit_object(e, "coverage");
	emit_counts(e, &fl_scan_coverage_counts, c);
	fl_json_emit_string(e, "host_detection", c->host_detection);
	if (c->attribution)
		fl_json_emit_string(e, "attribution", c->attribution);
	emit_limits(e, c);
	fl_json_emit_array(e, "blind_spots", false);
	for (size_t i = 0; i < c->blind_spot_count; i++) {
		fl_json_emit_object(e, NULL);
		fl_json_emit_string(e, "kind", c->blind_spots[i].kind);
		fl_json_emit_u64(e, "count", c->blind_spots[i].count);
		fl_json_emit_string(e, "text", c->blind_spots[i].text);
		fl_json_emit_close(e);
	}
	fl_json_emit_close(e);
	fl_json_emit_double(e, "unseen_dependencies", c->unseen_dependencies);
	fl_json_emit_double(e, "window_for_95_s", c->window_for_95_s);
	fl_json_emit_close(e);
}

static void emit_ports(struct fl_json_emit *e, const struct fl_scan_service *s)
{
	fl_json_emit_array(e, "ports", false);
	for (size_t i = 0; i < s->port_count; i++) {
		fl_json_emit_object(e, NULL);
		fl_json_emit_u64(e, "port", s->ports[i].port);
		fl_json_emit_string(e, "transport", s->ports[i].transport);
		fl_json_emit_string(e, "application", s->ports[i].application);
		fl_json_emit_close(e);
	}
	fl_json_emit_close(e);
}

static void emit_clients(struct fl_json_emit *e, const struct fl_scan_service *s)
{
	fl_json_emit_array(e, "clients", false);
	for (size_t i = 0; i < s->client_count; i++) {
		fl_json_emit_object(e, NULL);
		fl_json_emit_address(e, "address", &s->clients[i].address);
		fl_json_emit_u64(e, "connections", s->clients[i].connections);
		fl_json_emit_u64(e, "exchanges", s->clients[i].exchanges);
		fl_json_emit_bool(e, "probe", s->clients[i].probe);
		fl_json_emit_close(e);
	}
	fl_json_emit_close(e);
}

static void emit_service(struct fl_json_emit *e, const struct fl_scan_service *s)
{
	const struct fl_measures *m = s->measures ? s->measures : &nothing_measured;

	fl_json_emit_object(e, NULL);
	fl_json_emit_string(e, "host", s->host);
	fl_json_emit_string(e, "name", s->name);
	if (s->command)
		fl_json_emit_string(e, "command", s->command);
	if (s->uid >= 0)
		fl_json_emit_u64(e, "uid", (uint64_t)s->uid);
	emit_ports(e, s);
	fl_json_emit_addresses(e, "addresses", s->addresses, s->address_count);
	fl_json_emit_strings(e, "virtual_hosts", s->virtual_hosts, s->virtual_host_count);
	emit_counts(e, &fl_scan_service_counts, s);
	emit_clients(e, s);
	fl_json_emit_time(e, "first_seen", s->first_seen_ns);
	fl_json_emit_time(e, "last_seen", s->last_seen_ns);
	emit_histogram(e, "service_time_s", &m->first_byte);
	emit_timeline(e, "timeline", &m->timeline);
	scan_emit_behaviour(e, "behaviour", s->behaviour);
	fl_json_emit_close(e);
}

static void emit_far_end(struct fl_json_emit *e, const struct fl_scan_dependency *d)
{
	fl_json_emit_string(e, "name", d->name);
	fl_json_emit_string(e, "name_source", fl_name_source_name(d->name_source));
	fl_json_emit_u64(e, "port", d->port);
	fl_json_emit_string(e, "transport", d->transport);
	fl_json_emit_addresses(e, "addresses", d->addresses, d->address_count);
	fl_json_emit_addresses(e, "failed_addresses", d->failed_addresses, d->failed_address_count);
	fl_json_emit_strings(e, "cname_chain", d->cname_chain, d->cname_count);
	fl_json_emit_string(e, "provider", d->provider);
	fl_json_emit_string(e, "scope", fl_scope_name(d->scope));
	fl_json_emit_string(e, "application", d->application);
	fl_json_emit_strings(e, "hosts_asked", d->hosts_asked, d->host_asked_count);
}

static void emit_dependency(struct fl_json_emit *e, const struct fl_scan_dependency *d)
{
	const struct fl_measures *m = d->measures ? d->measures : &nothing_measured;

	fl_json_emit_object(e, NULL);
	fl_json_emit_string(e, "host", d->host);
	fl_json_emit_string(e, "service", d->service);
	fl_json_emit_string(e, "attribution", fl_attribution_name(d->attribution));
	emit_far_end(e, d);
	fl_json_emit_string(e, "class", fl_class_name(d->class));
	fl_json_emit_bool(e, "answered", d->answered);
	fl_json_emit_bool(e, "failover_seen", d->failover_seen);
	fl_json_emit_double(e, "coupling", d->coupling);
	fl_json_emit_double(e, "fan_out", d->fan_out);
	fl_json_emit_double(e, "period_s", d->period_s);
	fl_json_emit_object(e, "connections");
	emit_counts(e, &fl_scan_connection_counts, &d->connections);
	if (d->connections.carried > 0)
		fl_json_emit_u64(e, "carried", d->connections.carried);
	fl_json_emit_close(e);
	emit_counts(e, &fl_scan_dependency_counts, d);
	fl_json_emit_bool(e, "exchanges_lower_bound", d->exchanges_lower_bound);
	fl_json_emit_time(e, "first_seen", d->first_seen_ns);
	fl_json_emit_time(e, "last_seen", d->last_seen_ns);
	emit_histogram(e, "connect_s", &m->connect);
	emit_histogram(e, "first_byte_s", &m->first_byte);
	emit_histogram(e, "duration_s", &m->duration);
	emit_timeline(e, "timeline", &m->timeline);
	scan_emit_behaviour(e, "behaviour", d->behaviour);
	fl_json_emit_close(e);
}

static void emit_name(struct fl_json_emit *e, const struct fl_scan_name *n)
{
	fl_json_emit_object(e, NULL);
	fl_json_emit_address(e, "client", &n->client);
	fl_json_emit_address(e, "resolver", &n->resolver);
	fl_json_emit_string(e, "transport", n->transport);
	fl_json_emit_string(e, "name", n->name);
	fl_json_emit_string(e, "type", n->type);
	fl_json_emit_string(e, "rcode", n->rcode);
	fl_json_emit_strings(e, "cname_chain", n->cname_chain, n->cname_count);
	fl_json_emit_addresses(e, "addresses", n->addresses, n->address_count);
	fl_json_emit_u64(e, "count", n->count);
	fl_json_emit_time(e, "first_seen", n->first_seen_ns);
	fl_json_emit_time(e, "last_seen", n->last_seen_ns);
	fl_json_emit_close(e);
}

static void emit_head(struct fl_json_emit *e, const struct fl_scan *s)
{
	fl_json_emit_string(e, "schema", "faultline.scan/1");
	fl_json_emit_string(e, "point", s->point);
	fl_json_emit_string(e, "source", s->source);
	fl_json_emit_object(e, "tool");
	fl_json_emit_string(e, "name", "faultline");
	fl_json_emit_string(e, "version", FL_VERSION);
	fl_json_emit_close(e);
	if (s->host_count > 0)
		emit_host(e, "host", &s->hosts[0]);
	else
		fl_json_emit_string(e, "host", NULL);
	fl_json_emit_array(e, "hosts", false);
	for (size_t i = 0; i < s->host_count; i++)
		emit_host(e, NULL, &s->hosts[i]);
	fl_json_emit_close(e);
	fl_json_emit_object(e, "window");
	fl_json_emit_time(e, "start", s->start_ns);
	fl_json_emit_time(e, "end", s->end_ns);
	fl_json_emit_close(e);
}

/* ---- the document ---- */

enum list { LIST_NONE, LIST_SERVICES, LIST_DEPENDENCIES, LIST_NAMES, LIST_COUNT };

/* Lists follow each other; one that nothing came for is empty. */
static void enter_list(struct fl_json_emit *e, enum list *at, enum list wanted)
{
	static const char *const keys[LIST_COUNT] = { NULL, "services", "dependencies", "names" };

	while (*at < wanted) {
		if (*at != LIST_NONE)
			fl_json_emit_close(e);
		fl_json_emit_array(e, keys[++*at], false);
	}
}

static void begin_scan(struct fl_json_emit *e, const struct fl_scan *s)
{
	fl_json_emit_object(e, NULL);
	emit_head(e, s);
	emit_coverage(e, &s->coverage);
}

static void end_scan(struct fl_json_emit *e, enum list *at)
{
	enter_list(e, at, LIST_NAMES);
	fl_json_emit_close(e);
	fl_json_emit_close(e);
}

static void emit_scan(struct fl_json_emit *e, const struct fl_scan *s)
{
	enum list at = LIST_NONE;

	begin_scan(e, s);
	enter_list(e, &at, LIST_SERVICES);
	for (size_t i = 0; i < s->service_count; i++)
		emit_service(e, &s->services[i]);
	enter_list(e, &at, LIST_DEPENDENCIES);
	for (size_t i = 0; i < s->dependency_count; i++)
		emit_dependency(e, &s->dependencies[i]);
	enter_list(e, &at, LIST_NAMES);
	for (size_t i = 0; i < s->name_count; i++)
		emit_name(e, &s->names[i]);
	end_scan(e, &at);
}

void fl_scan_write(FILE *out, const struct fl_scan *s)
{
	struct fl_json_emit e;

	fl_json_emit_begin(&e, out);
	emit_scan(&e, s);
	fl_json_emit_end(&e);
}

/* ---- record by record ---- */

struct scan_writer {
	struct fl_json_emit e;
	enum list at;
};

struct scan_writer *scan_writer_new(FILE *out, const struct fl_scan *head)
{
	struct scan_writer *w = fl_alloc(sizeof(*w));

	fl_json_emit_begin(&w->e, out);
	begin_scan(&w->e, head);
	return w;
}

void scan_writer_record(void *writer, const struct scan_record *r)
{
	struct scan_writer *w = writer;

	enter_list(&w->e, &w->at, r->service ? LIST_SERVICES : r->dependency ? LIST_DEPENDENCIES : LIST_NAMES);
	if (r->service)
		emit_service(&w->e, r->service);
	else if (r->dependency)
		emit_dependency(&w->e, r->dependency);
	else
		emit_name(&w->e, r->seen_name);
}

void scan_writer_end(struct scan_writer *w)
{
	end_scan(&w->e, &w->at);
	fl_json_emit_end(&w->e);
	free(w);
}

static void begin_piece(struct fl_json_emit *e, FILE *out, char letter)
{
	putc(letter, out);
	fl_json_emit_begin(e, out);
}

static void end_piece(struct fl_json_emit *e, FILE *out)
{
	fl_json_emit_end(e);
	putc(PACKED_SEPARATOR, out);
}

void scan_pieces_write(FILE *out, const struct fl_scan *s)
{
	struct fl_json_emit e;

	begin_piece(&e, out, 'h');
	begin_scan(&e, s);
	fl_json_emit_close(&e);
	end_piece(&e, out);
	for (size_t i = 0; i < s->service_count; i++) {
		begin_piece(&e, out, 's');
		emit_service(&e, &s->services[i]);
		end_piece(&e, out);
	}
	for (size_t i = 0; i < s->dependency_count; i++) {
		begin_piece(&e, out, 'd');
		emit_dependency(&e, &s->dependencies[i]);
		end_piece(&e, out);
	}
	for (size_t i = 0; i < s->name_count; i++) {
		begin_piece(&e, out, 'n');
		emit_name(&e, &s->names[i]);
		end_piece(&e, out);
	}
}

void fl_scan_set_write(FILE *out, const struct fl_scan_set *set)
{
	struct fl_json_emit e;

	if (set->count == 1) {
		fl_scan_write(out, set->list[0]);
		return;
	}
	fl_json_emit_begin(&e, out);
	fl_json_emit_object(&e, NULL);
	fl_json_emit_string(&e, "schema", "faultline.scan-set/1");
	fl_json_emit_array(&e, "scans", false);
	for (size_t i = 0; i < set->count; i++)
		emit_scan(&e, set->list[i]);
	fl_json_emit_close(&e);
	fl_json_emit_close(&e);
	fl_json_emit_end(&e);
}
