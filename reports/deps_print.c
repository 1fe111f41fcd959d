/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deps_print.c - the rows of `faultline deps` as JSON and as a table
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/report.h"
#include "faultline/sort.h"
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
	if (d->of != FL_NODE_NONE && !fl_graph_is_kind(s->graph, d->of, "service"))
		fl_deps_add_users(root, s, d->of);
	fl_json_add_u64(root, "dropped", d->reach->dropped);
	cJSON_AddBoolToObject(root, "coupling_is_product", d->reach->products);
	fl_document_add_coverage(root, "coverage", s);
	fl_document_write(root);
}

/* ---- terminal ---- */

/* More attempts of one service that nobody answered than this are a scan, not broken dependencies. */
enum { STRAYS_MAX = 8 };

static const char *scope_text(struct fl_arena *a, const struct fl_deps_row *row)
{
	const char *provider = row->last == NULL ? NULL : row->last->merged->provider;
	if (row->scope != FL_SCOPE_EXTERNAL)
		return fl_scope_name(row->scope);
	return provider == NULL ? "EXTERNAL" : fl_arena_printf(a, "EXTERNAL (%s)", fl_say_name(a, provider));
}

static bool is_unanswered(const struct fl_deps_row *row)
{
	return row->last != NULL && row->direct && !row->last->merged->answered;
}

/* How much of the service's work uses it, or what else it is. */
static const char *use_text(struct fl_arena *a, const struct fl_deps_row *row)
{
	double coupling = fl_deps_coupling(row);
	if (is_unanswered(row))
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
	return fl_arena_count(a, count);
}

static const char *tries_text(struct fl_arena *a, const struct fl_scan_dependency *m)
{
	const struct fl_connections *c = &m->connections;
	uint64_t tries = c->tried > 0 ? c->tried : m->exchanges;
	return c->refused > 0 ? fl_arena_printf(a, "refused %s", fl_arena_count(a, c->refused))
			      : fl_arena_printf(a, "no answer, %s", fl_say_count(a, tries, "try", "tries"));
}

/* Calls that never became an exchange. */
static const char *direct_text(struct fl_arena *a, const struct fl_deps_row *row, const char *scope)
{
	const struct fl_connections *c = row->last == NULL ? NULL : &row->last->merged->connections;
	if (c == NULL || (c->refused == 0 && c->timed_out == 0))
		return fl_arena_printf(a, "direct, %s", scope);
	uint64_t failed = c->refused < UINT64_MAX - c->timed_out ? c->refused + c->timed_out : UINT64_MAX;
	return fl_arena_printf(a, "direct, %s (%s refused or timed out)", scope,
		fl_say_count(a, failed, "connection", "connections"));
}

static const char *how_text(struct fl_arena *a, const struct fl_system *s, const struct fl_deps_row *row)
{
	const char *via =
		row->direct ? NULL : fl_path_between(a, s, row->reached->path, row->reached->path_length);
	uint32_t others = row->direct ? 0 : row->reached->other_ways;
	const char *scope = scope_text(a, row);
	if (is_unanswered(row))
		return fl_arena_printf(a, "direct, %s (%s)", scope, tries_text(a, row->last->merged));
	if (via == NULL)
		return direct_text(a, row, scope);
	if (others == 0)
		return fl_arena_printf(a, "%s via %s", scope, via);
	return fl_arena_printf(a, "%s via %s +%u%s %s", scope, via, others,
		others + 1 == FL_REACH_WAYS_MAX ? " or more" : "", others == 1 ? "other way" : "other ways");
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
	const struct fl_deps_row *row)
{
	fl_table_row(t, (const char *[]){ fl_arena_printf(a, "  %s", target_text(a, s, row)), use_text(a, row),
				count_text(a, row, false), count_text(a, row, true), how_text(a, s, row) });
}

/* Rows of one service; which of them a line stands for. */
struct caller {
	const struct fl_deps_row *rows;
	size_t count, folded;
	bool scans; /* so many attempts went unanswered that they look for something */
};

static bool is_probe(const struct fl_deps_row *row)
{
	return row->reached == NULL && row->last != NULL && row->last->merged->class == FL_CLASS_PROBE;
}

static bool is_folded(const struct caller *c, const struct fl_deps_row *row)
{
	return is_probe(row) || (c->scans && row->reached == NULL && is_unanswered(row));
}

static struct caller next_caller(const struct fl_deps *d, size_t first, bool all)
{
	struct caller c = { .rows = &d->list[first] };
	size_t strays = 0;
	for (; first + c.count < d->count && strcmp(c.rows[c.count].from, c.rows[0].from) == 0; c.count++)
		strays += c.rows[c.count].reached == NULL && is_unanswered(&c.rows[c.count]) &&
			  !is_probe(&c.rows[c.count]);
	c.scans = strays > STRAYS_MAX;
	for (size_t i = 0; i < c.count && !all; i++)
		c.folded += is_folded(&c, &c.rows[i]);
	return c;
}

/* "endpoint:10.0.0.5:80/tcp" and "endpoint:10.0.0.5:443/tcp" are one host. */
static size_t count_hosts(const struct caller *c, struct fl_arena *a)
{
	const char **names = fl_alloc_array(c->count, sizeof(*names));
	size_t count = 0, distinct = 0;
	for (size_t i = 0; i < c->count; i++) {
		unsigned port;
		const char *transport, *name;
		if (!is_folded(c, &c->rows[i]))
			continue;
		name = fl_deps_parse_id(a, c->rows[i].to, &port, &transport);
		names[count++] = name != NULL ? name : c->rows[i].to;
	}
	fl_sort_texts(names, count);
	for (size_t i = 0; i < count; i++)
		distinct += i == 0 || strcmp(names[i - 1], names[i]) != 0;
	free(names);
	return distinct;
}

static void write_folded(const struct fl_deps *d)
{
	struct caller c;
	for (size_t i = 0; i < d->count; i += c.count) {
		c = next_caller(d, i, false);
		if (c.folded == 0)
			continue;
		fl_line_write(fl_arena_printf(d->arena, "%s: %s to %s; --all lists them",
			fl_say_id(d->arena, c.rows[0].from),
			fl_say_count(d->arena, c.folded, "probe or unanswered attempt",
				"probes and unanswered attempts"),
			fl_say_count(d->arena, count_hosts(&c, d->arena), "host", "hosts")));
	}
}

static void write_counts(const struct fl_system *s, const struct fl_deps *d, bool all)
{
	size_t shown = 0, external = 0;
	struct caller c;
	for (size_t i = 0; i < d->count; i += c.count) {
		c = next_caller(d, i, all);
		for (size_t k = 0; k < c.count; k++) {
			bool counts = all || !is_folded(&c, &c.rows[k]);
			shown += counts;
			external += counts && c.rows[k].scope == FL_SCOPE_EXTERNAL;
		}
	}
	fl_heading_write(s, fl_arena_printf(d->arena, "%s, %zu of them external",
				    fl_say_count(d->arena, shown, "dependency", "dependencies"), external));
}

void fl_deps_print_table(const struct fl_system *s, const struct fl_deps *d, bool all)
{
	static const char *const headings[] = { "service and what it uses", "use", "exchanges", "failed", "how" };
	struct fl_arena *a = d->arena;
	struct caller c;
	bool users = d->of != FL_NODE_NONE && !fl_graph_is_kind(s->graph, d->of, "service");
	if (users)
		fl_deps_print_users(s, d->of);
	if (!users || d->count > 0)
		write_counts(s, d, all);
	if (d->count > 0) {
		struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
		for (size_t i = 0; i < d->count; i += c.count) {
			c = next_caller(d, i, all);
			if (c.folded == c.count)
				continue;
			fl_table_row(t, (const char *[]){ fl_say_id(a, c.rows[0].from), "", "", "", "" });
			for (size_t k = 0; k < c.count; k++)
				if (all || !is_folded(&c, &c.rows[k]))
					print_row(t, a, s, &c.rows[k]);
		}
		fl_table_write(t, stdout, 1u << 2 | 1u << 3, fl_terminal_width(stdout));
	}
	if (!all)
		write_folded(d);
	if (d->reach->products)
		fl_line_write("the system is large: shares of what is reached through others are products along one way");
	fl_coverage_write(s);
}
