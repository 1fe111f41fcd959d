/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deps_print.c - the rows of `faultline deps` as JSON and as a table
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "faultline/report.h"
#include "reports/deps.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

/* ---- JSON ---- */

static void add_connections(cJSON *row, const struct fl_connections *c)
{
	cJSON *o = cJSON_AddObjectToObject(row, "connections");
	fl_json_add_u64(o, "tried", c->tried);
	fl_json_add_u64(o, "established", c->established);
	fl_json_add_u64(o, "refused", c->refused);
	fl_json_add_u64(o, "timed_out", c->timed_out);
	fl_json_add_u64(o, "reset", c->reset);
	fl_json_add_u64(o, "midstream", c->midstream);
	fl_json_add_u64(o, "syn_retransmits", c->syn_retransmits);
}

/* Exchanges and failures: of all services on the way, where the row is not direct. */
static uint64_t exchanges_of(const struct fl_deps_row *row)
{
	bool summed = row->reached != NULL && !row->direct && row->reached->exchanges > 0;
	return summed ? row->reached->exchanges : row->last->merged->exchanges;
}

static uint64_t failures_of(const struct fl_deps_row *row)
{
	bool summed = row->reached != NULL && !row->direct && row->reached->exchanges > 0;
	return summed ? row->reached->failures : row->last->merged->failures;
}

static void add_evidence(cJSON *o, const struct fl_deps_row *row)
{
	const struct fl_dependency *d = row->last;
	const struct fl_scan_dependency *m = d->merged;
	fl_json_add_string(o, "name", m->name);
	fl_json_add_string(o, "name_source", fl_name_source_name(m->name_source));
	fl_json_add_u64(o, "port", m->port);
	fl_json_add_string(o, "transport", m->transport);
	fl_json_add_addresses(o, "addresses", m->addresses, m->address_count);
	fl_json_add_strings(o, "cname_chain", m->cname_chain, m->cname_count);
	fl_json_add_string(o, "provider", m->provider);
	fl_json_add_string(o, "application", m->application);
	fl_json_add_string(o, "attribution", fl_attribution_name(m->attribution));
	fl_json_add_string(o, "class", fl_class_name(m->class));
	cJSON_AddBoolToObject(o, "answered", m->answered);
	fl_json_add_double(o, "fan_out", m->fan_out);
	fl_json_add_double(o, "period_s", m->period_s);
	fl_json_add_u64(o, "exchanges", exchanges_of(row));
	cJSON_AddBoolToObject(o, "exchanges_lower_bound", m->exchanges_lower_bound);
	fl_json_add_u64(o, "failures", failures_of(row));
	cJSON_AddBoolToObject(o, "failover_seen", m->failover_seen);
	fl_json_add_u64(o, "bytes_out", m->bytes_out);
	fl_json_add_u64(o, "bytes_in", m->bytes_in);
	fl_json_add_time(o, "first_seen", m->first_seen_ns);
	fl_json_add_time(o, "last_seen", m->last_seen_ns);
	fl_json_add_double(o, "window_s", d->window_s);
	add_connections(o, &m->connections);
}

/* A graph file says nothing but the id. */
static void add_stated(cJSON *o, struct fl_arena *a, const struct fl_deps_row *row)
{
	static const char *const unknown[] = { "name_source", "provider", "application", "attribution",
		"class", "answered", "fan_out" };
	unsigned port;
	const char *transport;
	fl_json_add_string(o, "name", fl_deps_parse_id(a, row->to, &port, &transport));
	if (port > 0)
		fl_json_add_u64(o, "port", port);
	else
		cJSON_AddNullToObject(o, "port");
	fl_json_add_string(o, "transport", transport);
	cJSON_AddArrayToObject(o, "addresses");
	cJSON_AddArrayToObject(o, "cname_chain");
	for (size_t i = 0; i < FL_ARRAY_LEN(unknown); i++)
		cJSON_AddNullToObject(o, unknown[i]);
	cJSON_AddObjectToObject(o, "connections");
}

static void add_row(cJSON *list, struct fl_arena *a, const struct fl_system *s, const struct fl_deps_row *row)
{
	cJSON *o = fl_document_append(list);
	fl_json_add_string(o, "from", row->from);
	fl_json_add_string(o, "to", row->to);
	cJSON_AddBoolToObject(o, "direct", row->direct);
	if (row->reached != NULL)
		fl_document_add_nodes(o, "path", s->graph, row->reached->path, row->reached->path_length);
	else
		fl_json_add_strings(o, "path", (const char *const[]){ row->from, row->to }, 2);
	fl_json_add_string(o, "scope", fl_scope_name(row->scope));
	fl_json_add_double(o, "coupling", fl_deps_coupling(row));
	cJSON_AddBoolToObject(o, "background", row->reached != NULL && row->reached->background);
	cJSON_AddBoolToObject(o, "in_graph", row->reached != NULL);
	fl_json_add_u64(o, "other_ways", row->reached == NULL || row->direct ? 0 : row->reached->other_ways);
	if (row->last != NULL)
		add_evidence(o, row);
	else
		add_stated(o, a, row);
}

void fl_deps_print_json(const struct fl_system *s, const struct fl_deps *d)
{
	cJSON *root = fl_document_new("faultline.deps/1");
	cJSON *list = cJSON_AddArrayToObject(root, "dependencies");
	for (size_t i = 0; i < d->count; i++)
		add_row(list, d->arena, s, &d->list[i]);
	fl_json_add_u64(root, "dropped", d->reach->dropped);
	cJSON_AddBoolToObject(root, "coupling_is_product", d->reach->products);
	fl_document_add_coverage(root, "coverage", s);
	fl_document_write(root);
}

/* ---- terminal ---- */

static const char *scope_text(struct fl_arena *a, const struct fl_deps_row *row)
{
	const char *provider = row->last == NULL ? NULL : row->last->merged->provider;
	if (row->scope != FL_SCOPE_EXTERNAL)
		return fl_scope_name(row->scope);
	return provider == NULL ? "EXTERNAL" : fl_arena_printf(a, "EXTERNAL (%s)", fl_say_name(a, provider));
}

/* How much of the service's work uses it, or what else it is. */
static const char *use_text(struct fl_arena *a, const struct fl_deps_row *row)
{
	double coupling = fl_deps_coupling(row);
	if (row->last != NULL && row->direct && !row->last->merged->answered)
		return "never answered";
	if (row->last != NULL && row->last->merged->class != FL_CLASS_ON_REQUEST &&
		(row->direct || row->last->merged->class != FL_CLASS_NAME_RESOLUTION))
		return fl_class_name(row->last->merged->class);
	if (row->reached != NULL && row->reached->background)
		return "background";
	if (isnan(coupling))
		return "share unknown";
	if (!row->direct && coupling <= 0)
		return "others stand in";
	return row->last == NULL && coupling >= 1
		       ? "stated"
		       : fl_arena_printf(a, "%s of requests", fl_say_share(a, coupling));
}

static const char *count_text(struct fl_arena *a, const struct fl_deps_row *row, bool failed)
{
	if (row->last == NULL)
		return NULL;
	uint64_t count = failed ? failures_of(row) : exchanges_of(row);
	return fl_arena_printf(a, "%llu", (unsigned long long)count);
}

static const char *how_text(struct fl_arena *a, const struct fl_system *s, const struct fl_deps_row *row)
{
	const char *via =
		row->direct ? NULL : fl_path_between(a, s, row->reached->path, row->reached->path_length);
	uint32_t others = row->direct ? 0 : row->reached->other_ways;
	if (via == NULL)
		return "direct";
	if (others == 0)
		return fl_arena_printf(a, "via %s", via);
	return fl_arena_printf(a, "via %s +%u%s %s", via, others, others + 1 == FL_REACH_WAYS_MAX ? " or more" : "",
		others == 1 ? "other way" : "other ways");
}

static const char *target_text(struct fl_arena *a, const struct fl_system *s, const struct fl_deps_row *row)
{
	if (row->to_node == FL_NODE_NONE)
		return fl_say_id(a, row->to);
	const char *label = fl_say_label(a, s, row->to_node);
	return fl_graph_is_kind(s->graph, row->to_node, "resolver")
		       ? fl_arena_printf(a, "%s (resolver)", label)
		       : label;
}

static void print_row(struct fl_table *t, struct fl_arena *a, const struct fl_system *s,
	const struct fl_deps_row *row, bool first)
{
	fl_table_row(t, (const char *[]){ first ? fl_say_id(a, row->from) : "", target_text(a, s, row),
				scope_text(a, row), use_text(a, row),
				count_text(a, row, false), count_text(a, row, true), how_text(a, s, row) });
}

void fl_deps_print_table(const struct fl_system *s, const struct fl_deps *d)
{
	static const char *const headings[] = { "service", "depends on", "scope", "use", "exchanges",
		"failed", "how" };
	struct fl_arena *a = d->arena;
	size_t external = 0;
	for (size_t i = 0; i < d->count; i++)
		external += d->list[i].scope == FL_SCOPE_EXTERNAL;
	fl_heading_write(s, fl_arena_printf(a, "%s, %zu of them external",
				    fl_say_count(a, d->count, "dependency", "dependencies"), external));
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < d->count; i++)
		print_row(t, a, s, &d->list[i], i == 0 || strcmp(d->list[i - 1].from, d->list[i].from) != 0);
	fl_table_write(t, stdout, 1u << 4 | 1u << 5, fl_terminal_width(stdout));
	if (d->reach->products)
		fl_line_write("the system is large: shares of what is reached through others are products along one way");
	fl_coverage_write(s);
}
