/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_risk.c - faultline risk: what must fail together for a node to fail, and how probable that is
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "faultline/cutset.h"
#include "faultline/report.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

enum {
	SETS_ON_SCREEN = 20,
	SETS_IN_JSON = 1000,
	EVENTS_ON_SCREEN = 20,
	MEMBERS_NAMED = 8,
	COUNT_DIGITS = 40
};
#define SMALLEST_MAX INT64_C(1000000000)
#define ORDER_MAX INT64_C(1000000000)
#define MEMORY_MIN (INT64_C(16) << 20)
#define MEMORY_MAX (INT64_C(1) << 40)

struct risk_options {
	const char *model;
	int64_t order, smallest;
	uint64_t memory;
	double probability;
	bool json;
};

static const struct fl_option options[] = {
	{ "order", 0, FL_OPTION_INTEGER, offsetof(struct risk_options, order), 1, ORDER_MAX, "N",
		"only minimal cut sets of at most N nodes; with --json all of them are listed" },
	{ "smallest", 0, FL_OPTION_INTEGER, offsetof(struct risk_options, smallest), 0, SMALLEST_MAX, "K",
		"list the K smallest minimal cut sets (default 20, with --json 1000; 0: all)" },
	{ "probability", 0, FL_OPTION_DOUBLE, offsetof(struct risk_options, probability), 0, 1, "P",
		"failure probability of nodes that state none" },
	{ "memory", 0, FL_OPTION_SIZE, offsetof(struct risk_options, memory), MEMORY_MIN, MEMORY_MAX, "SIZE",
		"limit for diagrams, counts and lists (default 2GiB)" },
	FL_JSON_OPTION(risk_options),
	FL_MODEL_OPTION(risk_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "risk",
	.synopsis = "NODE INPUT... [--model FILE] [--order N] [--smallest K] [--probability P] [--memory "
		    "SIZE] [--json]",
	.about = "List what must fail together for a node to fail: minimal cut sets, probability, importance",
	.options = options,
	.notes = "NODE " FL_NODE_NOTE
		 FL_INPUT_NOTE
		 "Cut sets are made of nodes without requirements. They are counted exactly, also where\n"
		 "they are too many to list; every limit that was met is said.\n",
};

/* ---- numbers ---- */

static const char *count_text(struct fl_arena *a, fl_count n)
{
	char text[COUNT_DIGITS + 1];
	size_t at = COUNT_DIGITS;
	text[at] = '\0';
	do {
		text[--at] = (char)('0' + (int)(n % 10));
		n /= 10;
	} while (n > 0);
	return fl_arena_string(a, text + at);
}

static void add_count(cJSON *object, struct fl_arena *a, const char *key, fl_count n)
{
	if (n <= UINT64_MAX)
		fl_json_add_u64(object, key, (uint64_t)n);
	else
		fl_json_add_string(object, key, count_text(a, n));
}

static const char *kind_text(enum fl_probability_kind kind)
{
	static const char *const texts[] = {
		[FL_PROBABILITY_UNKNOWN] = "unknown",
		[FL_PROBABILITY_EXACT] = "exact",
		[FL_PROBABILITY_UPPER_BOUND] = "min-cut-upper-bound",
		[FL_PROBABILITY_PARTIAL] = "min-cut-upper-bound-of-known-sets",
	};
	return texts[kind];
}

/* ---- JSON ---- */

static cJSON *set_object(const struct fl_graph *g, const struct fl_cut_set *set)
{
	cJSON *o = cJSON_CreateObject();
	fl_json_add_u64(o, "order", set->order);
	fl_document_add_nodes(o, "members", g, set->members, set->order);
	fl_json_add_double(o, "probability", set->probability);
	return o;
}

static cJSON *importance_object(const struct fl_graph *g, const struct fl_importance *i)
{
	cJSON *o = cJSON_CreateObject();
	fl_json_add_string(o, "node", fl_graph_node(g, i->node)->id);
	fl_json_add_double(o, "birnbaum", i->birnbaum);
	fl_json_add_double(o, "fussell_vesely", i->fussell_vesely);
	fl_json_add_double(o, "raw", i->raw);
	return o;
}

static void add_summary(cJSON *root, struct fl_arena *a, const struct fl_cutsets *c)
{
	cJSON *orders;
	fl_json_add_string(root, "method", c->method);
	fl_json_add_double(root, "probability", c->probability);
	fl_json_add_string(root, "probability_kind", kind_text(c->probability_kind));
	fl_json_add_double(root, "rare_event_probability", c->rare_event);
	fl_json_add_u64(root, "basic_events", c->basic_events);
	fl_json_add_u64(root, "unknown_probabilities", c->unknown_probabilities);
	fl_json_add_u64(root, "own_probabilities_not_used", c->own_probabilities);
	add_count(root, a, "cut_set_count", c->total);
	orders = cJSON_AddObjectToObject(root, "by_order");
	for (uint32_t n = 1; n <= c->largest_order; n++)
		if (c->by_order[n] > 0)
			add_count(orders, a, fl_arena_printf(a, "%u", n), c->by_order[n]);
	fl_json_add_strings(root, "limits_hit", c->limits, c->limit_count);
}

static void print_json(const struct fl_system *s, fl_node_id top, const struct fl_cutsets *c)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_json_stream out;
	cJSON *head = fl_document_new("faultline.risk/1"), *tail = cJSON_CreateObject();
	fl_json_add_string(head, "top", fl_graph_node(s->graph, top)->id);
	add_summary(head, a, c);
	fl_json_stream_begin(&out, stdout, 0);
	fl_json_stream_members(&out, head);
	fl_json_stream_list(&out, "cut_sets");
	for (size_t i = 0; i < c->set_count; i++)
		fl_json_stream_item(&out, set_object(s->graph, &c->sets[i]));
	fl_json_stream_list_end(&out);
	fl_json_stream_list(&out, "importance");
	for (size_t i = 0; i < c->importance_count; i++)
		fl_json_stream_item(&out, importance_object(s->graph, &c->importance[i]));
	fl_json_stream_list_end(&out);
	fl_document_add_coverage(tail, "coverage", s);
	fl_json_stream_members(&out, tail);
	fl_json_stream_end(&out);
	fputc('\n', stdout);
	cJSON_Delete(head);
	cJSON_Delete(tail);
	fl_arena_free(a);
}

/* ---- terminal ---- */

static const char *members_text(struct fl_arena *a, const struct fl_system *s, const struct fl_cut_set *set)
{
	const char *names[MEMBERS_NAMED];
	for (uint32_t i = 0; i < set->order && i < MEMBERS_NAMED; i++)
		names[i] = fl_say_node(a, s, set->members[i]);
	return fl_say_list(a, names, set->order, MEMBERS_NAMED);
}

static const char *number_text(struct fl_arena *a, double x)
{
	return isnan(x) ? "?" : fl_arena_printf(a, "%.4g", x);
}

static void print_sets(struct fl_arena *a, const struct fl_system *s, const struct fl_cutsets *c)
{
	static const char *const headings[] = { "order", "probability", "these fail together" };
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < c->set_count; i++)
		fl_table_row(
			t, (const char *[]){ fl_arena_printf(a, "%u", c->sets[i].order),
				   number_text(a, c->sets[i].probability), members_text(a, s, &c->sets[i]) });
	fl_table_write(t, stdout, 1u << 0 | 1u << 1, fl_terminal_width(stdout));
	if (c->total > c->set_count)
		fl_line_write(fl_arena_printf(a, "... and %s more; --smallest K lists more",
			count_text(a, c->total - c->set_count)));
}

static void print_orders(struct fl_arena *a, const struct fl_cutsets *c)
{
	static const char *const headings[] = { "order", "minimal cut sets" };
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (uint32_t n = 1; n <= c->largest_order; n++)
		if (c->by_order[n] > 0)
			fl_table_row(t, (const char *[]){
						fl_arena_printf(a, "%u", n), count_text(a, c->by_order[n]) });
	fputc('\n', stdout);
	fl_table_write(t, stdout, 1u << 0 | 1u << 1, fl_terminal_width(stdout));
}

static void print_importance(struct fl_arena *a, const struct fl_system *s, const struct fl_cutsets *c)
{
	static const char *const headings[] = { "node", "Birnbaum", "Fussell-Vesely", "RAW" };
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < c->importance_count && i < EVENTS_ON_SCREEN; i++) {
		const struct fl_importance *x = &c->importance[i];
		fl_table_row(t, (const char *[]){ fl_say_node(a, s, x->node), number_text(a, x->birnbaum),
					number_text(a, x->fussell_vesely), number_text(a, x->raw) });
	}
	fputc('\n', stdout);
	fl_table_write(t, stdout, 1u << 1 | 1u << 2 | 1u << 3, fl_terminal_width(stdout));
	if (c->importance_count > EVENTS_ON_SCREEN)
		fl_line_write(fl_arena_printf(
			a, "... and %zu more; --json lists all", c->importance_count - EVENTS_ON_SCREEN));
}

static void print_probability(struct fl_arena *a, const struct fl_cutsets *c)
{
	static const char *const said[] = {
		[FL_PROBABILITY_EXACT] = "exact",
		[FL_PROBABILITY_UPPER_BOUND] = "at most: the min-cut upper bound",
		[FL_PROBABILITY_PARTIAL] =
			"the min-cut upper bound of the known cut sets; larger ones are missing",
	};
	fputc('\n', stdout);
	if (c->probability_kind == FL_PROBABILITY_UNKNOWN)
		fl_line_write(fl_arena_printf(a,
			"probability: unknown, since %s no failure_probability; --probability P assumes one",
			c->unknown_probabilities == 1
				? "1 node states"
				: fl_arena_printf(a, "%u nodes state", c->unknown_probabilities)));
	else
		fl_line_write(fl_arena_printf(
			a, "probability: %.10g (%s)", c->probability, said[c->probability_kind]));
	if (c->own_probabilities > 0)
		fl_line_write(fl_arena_printf(a,
			"%s a failure_probability that is not used: with requirements it fails through them",
			c->own_probabilities == 1
				? "1 node has"
				: fl_arena_printf(a, "%u nodes have", c->own_probabilities)));
}

static void print_text(const struct fl_system *s, fl_node_id top, const struct fl_cutsets *c)
{
	struct fl_arena *a = fl_arena_new();
	fl_heading_write(
		s, fl_arena_printf(a, "What must fail together for %s to fail", fl_say_node(a, s, top)));
	if (c->set_count == 0 && c->limit_count == 0) {
		fl_line_write("nothing can: no failure of nodes without requirements reaches it");
	} else {
		print_sets(a, s, c);
		print_orders(a, c);
	}
	print_probability(a, c);
	if (c->importance_count > 0)
		print_importance(a, s, c);
	fl_line_write(fl_arena_printf(a, "method: %s, %s", c->method,
		fl_say_count(a, c->basic_events, "node without requirements", "nodes without requirements")));
	for (size_t i = 0; i < c->limit_count; i++)
		fl_line_write(fl_arena_printf(a, "limit: %s", c->limits[i]));
	fl_coverage_write(s);
	fl_arena_free(a);
}

/* ---- the command ---- */

static uint64_t wanted_sets(const struct risk_options *o)
{
	if (o->smallest >= 0)
		return (uint64_t)o->smallest;
	if (o->json)
		return o->order > 0 ? 0 : SETS_IN_JSON;
	return SETS_ON_SCREEN;
}

static int risk(
	const struct fl_system *s, const char *text, const struct risk_options *o, struct fl_error *err)
{
	struct fl_cutset_options how = { .order = (uint32_t)o->order,
		.smallest = wanted_sets(o),
		.memory = o->memory,
		.probability = o->probability };
	fl_node_id top = fl_graph_resolve(s->graph, text, err);
	if (top == FL_NODE_NONE)
		return -ENOENT;
	struct fl_cutsets *c = fl_cutsets(s->graph, top, &how);
	if (o->json)
		print_json(s, top, c);
	else
		print_text(s, top, c);
	fl_cutsets_free(c);
	return 0;
}

static int work(const struct fl_system *s, const struct fl_strings *arguments, const void *wanted,
	struct fl_error *err)
{
	const struct risk_options *o = wanted;
	return risk(s, arguments->list[0], o, err);
}

static int run(int argc, char **argv)
{
	static const struct fl_findings_command command = { &usage, 1, work };
	struct risk_options o = { .smallest = -1, .probability = NAN };
	return fl_findings_run(&command, argc, argv, &o, &o.model);
}

const struct fl_command fl_command_risk = { "risk", run, &usage };
