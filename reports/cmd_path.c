/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_path.c - faultline path: how one node depends on another, link by link, with the evidence
 *
 * JSON, faultline.path/1: from, to, shortest, strongest (each null or length, coupling, background, nodes[], links[]:
 * from, to, needs, members, coupling, redundancy, statement, and where packets were seen: name, name_source, class,
 * attribution, connections, exchanges, failures, first_seen, last_seen), reverse (whether B depends on A), coverage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "faultline/path.h"
#include "faultline/report.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

struct path_options {
	const char *model;
	bool json;
};

static const struct fl_option options[] = {
	FL_JSON_OPTION(path_options),
	FL_MODEL_OPTION(path_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "path",
	.synopsis = "A B INPUT... [--model FILE] [--json]",
	.about = "Show how A depends on B: the shortest and the strongest way, with the evidence of each link",
	.options = options,
	.notes = "Each of A and B " FL_NODE_NOTE
		 FL_INPUT_NOTE
		 "The strength of a way is the share of requests that go all of it.\n",
};

static const char *const redundancy_words[] = { "none", "assumed", "confirmed" };

/* ---- JSON ---- */

static void add_evidence(cJSON *o, const struct fl_scan_dependency *m)
{
	fl_json_add_string(o, "name", m->name);
	fl_json_add_string(o, "name_source", fl_name_source_name(m->name_source));
	fl_json_add_string(o, "class", fl_class_name(m->class));
	fl_json_add_string(o, "attribution", fl_attribution_name(m->attribution));
	fl_json_add_u64(o, "connections", m->connections.tried + m->connections.midstream);
	fl_json_add_u64(o, "exchanges", m->exchanges);
	fl_json_add_u64(o, "failures", m->failures);
	fl_json_add_time(o, "first_seen", m->first_seen_ns);
	fl_json_add_time(o, "last_seen", m->last_seen_ns);
}

static void add_link(cJSON *list, const struct fl_graph *g, const struct fl_path_link *link)
{
	const struct fl_group *group = fl_graph_group(g, link->group);
	cJSON *o = fl_document_append(list);
	fl_json_add_string(o, "from", fl_graph_node(g, link->from)->id);
	fl_json_add_string(o, "to", fl_graph_node(g, link->to)->id);
	fl_json_add_u64(o, "needs", group->needs);
	fl_json_add_u64(o, "members", group->member_count);
	fl_json_add_double(o, "coupling", link->coupling);
	fl_json_add_string(o, "redundancy", redundancy_words[group->redundancy]);
	fl_json_add_string(o, "statement", group->evidence);
	if (link->evidence != NULL)
		add_evidence(o, link->evidence->merged);
}

static void add_path(cJSON *root, const char *key, const struct fl_graph *g, fl_node_id from,
	const struct fl_path *p, bool found)
{
	if (!found) {
		cJSON_AddNullToObject(root, key);
		return;
	}
	cJSON *o = cJSON_AddObjectToObject(root, key);
	fl_json_add_u64(o, "length", p->count);
	fl_json_add_double(o, "coupling", p->coupling);
	cJSON_AddBoolToObject(o, "background", p->background);
	fl_node_id *nodes = fl_alloc_array(p->count + 1, sizeof(*nodes));
	nodes[0] = from;
	for (size_t i = 0; i < p->count; i++)
		nodes[i + 1] = p->links[i].to;
	fl_document_add_nodes(o, "nodes", g, nodes, p->count + 1);
	free(nodes);
	cJSON *list = cJSON_AddArrayToObject(o, "links");
	for (size_t i = 0; i < p->count; i++)
		add_link(list, g, &p->links[i]);
}

static void print_json(
	const struct fl_system *s, fl_node_id from, fl_node_id to, const struct fl_paths *p, bool reverse)
{
	cJSON *root = fl_document_new("faultline.path/1");
	fl_json_add_string(root, "from", fl_graph_node(s->graph, from)->id);
	fl_json_add_string(root, "to", fl_graph_node(s->graph, to)->id);
	add_path(root, "shortest", s->graph, from, &p->shortest, p->found);
	add_path(root, "strongest", s->graph, from, &p->strongest, p->found);
	cJSON_AddBoolToObject(root, "reverse", reverse);
	fl_document_add_coverage(root, "coverage", s);
	fl_document_write(root);
}

/* ---- terminal ---- */

/* "12 connections, 40 exchanges, 11:36:43 to 11:38:02, name from tls-sni, exact" */
static const char *say_link(struct fl_arena *a, const struct fl_graph *g, const struct fl_path_link *link)
{
	const struct fl_group *group = fl_graph_group(g, link->group);
	if (link->evidence == NULL)
		return group->evidence == NULL ? "stated" : fl_say_sentence(a, group->evidence);
	const struct fl_scan_dependency *m = link->evidence->merged;
	const char *source = fl_name_source_name(m->name_source);
	return fl_arena_printf(a, "%s, %s, %s%s, attribution %s", fl_say_evidence(a, m),
		fl_say_span(a, m->first_seen_ns, m->last_seen_ns), source == NULL ? "bare address" : "name from ",
		source == NULL ? "" : source, fl_attribution_name(m->attribution));
}

static const char *say_group(struct fl_arena *a, const struct fl_group *group)
{
	if (group->needs == 0)
		return "background";
	if (group->member_count == 1)
		return "required";
	return fl_arena_printf(a, "%u of %u%s%s", group->needs, group->member_count,
		group->redundancy == FL_REDUNDANCY_NONE ? "" : ", ",
		group->redundancy == FL_REDUNDANCY_NONE ? "" : redundancy_words[group->redundancy]);
}

static bool same(const struct fl_path *x, const struct fl_path *y)
{
	for (size_t i = 0; x->count == y->count && i < x->count; i++)
		if (x->links[i].to != y->links[i].to || x->links[i].group != y->links[i].group)
			return false;
	return x->count == y->count;
}

static void print_path(struct fl_arena *a, const struct fl_system *s, const char *title, const struct fl_path *p)
{
	static const char *const headings[] = { "from", "needs", "share", "how", "evidence" };
	fl_line_write(fl_arena_printf(a, "%s: %s, %s of the requests%s", title,
		fl_say_count(a, p->count, "link", "links"), fl_say_share(a, p->coupling),
		p->background ? ", partly in the background" : ""));
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < p->count; i++) {
		const struct fl_path_link *link = &p->links[i];
		fl_table_row(t, (const char *[]){ fl_say_node(a, s, link->from), fl_say_node(a, s, link->to),
					fl_say_share(a, link->coupling),
					say_group(a, fl_graph_group(s->graph, link->group)),
					say_link(a, s->graph, link) });
	}
	fl_table_write(t, stdout, 1u << 2, fl_terminal_width(stdout));
}

static void print_table(
	const struct fl_system *s, fl_node_id from, fl_node_id to, const struct fl_paths *p, bool reverse)
{
	struct fl_arena *a = fl_arena_new();
	fl_heading_write(s, fl_arena_printf(a, "How %s depends on %s", fl_say_node(a, s, from), fl_say_node(a, s, to)));
	if (from == to)
		fl_line_write("both names mean this one node; name another as A or B");
	else if (!p->found)
		fl_line_write(fl_arena_printf(a, "no way was seen; %s", reverse ? "it is the other way round, ask for the nodes in the other order"
			: fl_arena_printf(a, "'faultline deps --of %s' lists what it was seen to depend on", fl_say_label(a, s, from))));
	else if (same(&p->shortest, &p->strongest))
		print_path(a, s, "the shortest way, and the strongest", &p->shortest);
	else {
		print_path(a, s, "the shortest way", &p->shortest);
		fputc('\n', stdout);
		print_path(a, s, "the strongest way", &p->strongest);
	}
	fl_coverage_write(s);
	fl_arena_free(a);
}

static int print_paths(const struct fl_system *s, const char *const *ends, bool json, struct fl_error *err)
{
	fl_node_id from = fl_graph_resolve(s->graph, ends[0], err);
	fl_node_id to = from == FL_NODE_NONE ? FL_NODE_NONE : fl_graph_resolve(s->graph, ends[1], err);
	if (to == FL_NODE_NONE)
		return -ENOENT;
	struct fl_paths *p = fl_paths(s, from, to), *back = p->found ? NULL : fl_paths(s, to, from);
	bool reverse = back != NULL && back->found;
	if (json)
		print_json(s, from, to, p, reverse);
	else
		print_table(s, from, to, p, reverse);
	fl_paths_free(p);
	fl_paths_free(back);
	return 0;
}

static int work(const struct fl_system *s, const struct fl_strings *arguments, const void *wanted,
	struct fl_error *err)
{
	const struct path_options *o = wanted;
	return print_paths(s, arguments->list, o->json, err);
}

static int run(int argc, char **argv)
{
	static const struct fl_findings_command command = { &usage, 2, work };
	struct path_options o = { 0 };
	return fl_findings_run(&command, argc, argv, &o, &o.model);
}

const struct fl_command fl_command_path = { "path", run, &usage };
