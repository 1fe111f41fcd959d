/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_blast.c - faultline blast: what fails when this fails
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "faultline/rank.h"
#include "faultline/report.h"
#include "faultline/units.h"
#include "reports/cascade.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"
#include "reports/spared.h"

enum { MEMBERS_NAMED = 4 };

struct blast_options {
	const char *model, *caller;
	bool down, all, json;
	int64_t slow_ns, lasts_ns; /* 0: not stated */
	double flaky;              /* below 0: not stated */
};

static const struct fl_option options[] = {
	{ "down", 0, FL_OPTION_FLAG, offsetof(struct blast_options, down), 0, 0, NULL,
		"the node is down, which is the default" },
	{ "all", 0, FL_OPTION_FLAG, offsetof(struct blast_options, all), 0, 0, NULL,
		"for every node by itself; all arguments are INPUTs" },
	{ "slow", 0, FL_OPTION_DURATION, offsetof(struct blast_options, slow_ns), 1, 86400 * FL_NS_PER_S, "DURATION",
		"each answer of the node comes this much later" },
	{ "flaky", 0, FL_OPTION_DOUBLE, offsetof(struct blast_options, flaky), 0, 1, "SHARE",
		"this share of the node's answers is a failure" },
	{ "for", 0, FL_OPTION_DURATION, offsetof(struct blast_options, lasts_ns), 1, 30 * 86400 * FL_NS_PER_S, "DURATION",
		"how long it is slow or flaky; default 60s, or three times --slow" },
	{ "caller", 0, FL_OPTION_STRING, offsetof(struct blast_options, caller), 0, 0, "NODE",
		"slow or flaky for the calls of this node only" },
	FL_JSON_OPTION(blast_options),
	FL_MODEL_OPTION(blast_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "blast",
	.synopsis = "NODE INPUT... [--down | --slow DURATION | --flaky SHARE] [--for DURATION] [--caller NODE] "
		    "[--model FILE] [--json]\n"
		    "--all INPUT... [--model FILE] [--json]",
	.about = "Tell what fails when a node fails, gets slow or flaky, in order, and why",
	.options = options,
	.notes = "NODE " FL_NODE_NOTE
		 "Lost: what is down takes whoever needs it for any of their requests, and the share that fails is told beside; with --slow and\n"
		 "--flaky an entry point counts as lost when at least half of its requests fail or are not answered.\n"
		 "With --slow and --flaky, work in flight is rate x time held; limits, timeouts and retries are those that were seen\n"
		 "or that the model file declares; what is neither is assumed, and said.\n"
		 FL_INPUT_NOTE,
};

enum { LASTS_S = 60, LASTS_TIMES_SLOW = 3 };

/* ---- words ---- */

/* "needs db:5432/tcp, which failed"; "needs 1 of a, b: 0 of 2 up". */
static const char *why_of(
	struct fl_arena *a, const struct fl_system *s, const bool *lost, const struct fl_blast_step *step)
{
	if (step->group == FL_GROUP_NONE)
		return "is down";
	const struct fl_group *group = fl_graph_group(s->graph, step->group);
	if (group->member_count == 1)
		return fl_arena_printf(a, "needs %s, which failed", fl_say_label(a, s, group->members[0]));
	const char *names[MEMBERS_NAMED];
	uint32_t up = 0;
	for (uint32_t i = 0; i < group->member_count; i++) {
		up += !lost[group->members[i]];
		if (i < MEMBERS_NAMED)
			names[i] = fl_say_label(a, s, group->members[i]);
	}
	return fl_arena_printf(a, "needs %u of %s: %u of %u up", group->needs,
		fl_say_list(a, names, group->member_count, MEMBERS_NAMED), up, group->member_count);
}

static bool *lost_nodes(const struct fl_system *s, const struct fl_blast *blast)
{
	bool *lost = fl_alloc_array(fl_graph_order(s->graph), sizeof(*lost));
	for (size_t i = 0; i < blast->count; i++)
		lost[blast->steps[i].node] = true;
	return lost;
}

/* ---- one node, JSON ---- */

static void add_steps(cJSON *root, struct fl_arena *a, const struct fl_system *s,
	const struct fl_blast *blast, const bool *lost)
{
	cJSON *steps = cJSON_AddArrayToObject(root, "steps");
	for (size_t i = 0; i < blast->count; i++) {
		const struct fl_blast_step *step = &blast->steps[i];
		cJSON *o = fl_document_append(steps);
		fl_json_add_double(o, "at_s", 0); /* a node that is down is down at once */
		fl_json_add_string(o, "node", fl_graph_node(s->graph, step->node)->id);
		fl_json_add_u64(o, "step", step->depth);
		fl_json_add_string(o, "because",
			step->because == FL_NODE_NONE ? NULL : fl_graph_node(s->graph, step->because)->id);
		fl_json_add_string(o, "why", why_of(a, s, lost, step));
		cJSON_AddArrayToObject(o, "assumed");
	}
}

static void add_losses(cJSON *root, const struct fl_system *s, const struct fl_blast *blast, const bool *lost)
{
	uint32_t entries, count = 0;
	const struct fl_entry_point *points = fl_graph_entry_points(s->graph, &entries);
	fl_node_id *nodes = fl_alloc_array((size_t)entries + blast->count, sizeof(*nodes));
	for (uint32_t i = 0; i < entries; i++)
		if (lost[points[i].node])
			nodes[count++] = points[i].node;
	fl_document_add_nodes(root, "entry_points_lost", s->graph, nodes, count);
	count = 0;
	for (size_t i = 0; i < blast->count; i++)
		if (blast->steps[i].depth > 0)
			nodes[count++] = blast->steps[i].node;
	fl_document_add_nodes(root, "failed", s->graph, nodes, count);
	free(nodes);
	cJSON *losses = cJSON_AddObjectToObject(root, "expected_loss");
	for (uint32_t i = 0; i < entries; i++)
		fl_json_add_double(
			losses, fl_graph_node(s->graph, points[i].node)->id, blast->loss[points[i].node]);
	fl_json_add_double(root, "expected_loss_overall", blast->expected_loss);
	fl_json_add_double(root, "entry_weight_lost", blast->entry_weight_lost);
	fl_json_add_u64(root, "nodes_lost", blast->nodes_lost);
	fl_json_add_u64(root, "services_lost", blast->services_lost);
}

static void print_json(const struct fl_system *s, fl_node_id v, const struct fl_blast *blast)
{
	struct fl_arena *a = fl_arena_new();
	bool *lost = lost_nodes(s, blast);
	cJSON *root = fl_document_new("faultline.blast/1");
	fl_json_add_string(root, "node", fl_graph_node(s->graph, v)->id);
	fl_json_add_string(root, "mode", "down");
	add_losses(root, s, blast, lost);
	add_steps(root, a, s, blast, lost);
	fl_spared_add(root, s, lost);
	cJSON_AddBoolToObject(root, "entry_points_assumed", s->entry_points_assumed);
	fl_document_add_coverage(root, "coverage", s);
	fl_document_write(root);
	free(lost);
	fl_arena_free(a);
}

/* ---- one node, terminal ---- */

static void print_summary(struct fl_arena *a, const struct fl_system *s, const struct fl_blast *blast)
{
	uint32_t entries;
	const struct fl_entry_point *points = fl_graph_entry_points(s->graph, &entries);
	fputc('\n', stdout);
	fl_line_write(fl_arena_printf(a, "lost, for some of their requests or for all: %s, %s, %u of %s",
		fl_say_count(a, blast->nodes_lost, "node", "nodes"),
		fl_say_count(a, blast->services_lost, "service", "services"), blast->entry_points_lost,
		fl_say_count(a, entries, "entry point", "entry points")));
	for (uint32_t i = 0; i < entries; i++)
		if (blast->loss[points[i].node] > 0)
			fl_line_write(fl_arena_printf(a, "expected at %s: %s of its requests fail",
				fl_say_label(a, s, points[i].node),
				fl_say_share(a, blast->loss[points[i].node])));
}

static void print_steps(const struct fl_system *s, fl_node_id v, const struct fl_blast *blast)
{
	static const char *const headings[] = { "step", "fails", "why" };
	struct fl_arena *a = fl_arena_new();
	bool *lost = lost_nodes(s, blast);
	fl_heading_write(s, fl_arena_printf(a, "When %s is down", fl_say_node(a, s, v)));
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < blast->count; i++) {
		const struct fl_blast_step *step = &blast->steps[i];
		fl_table_row(t, (const char *[]){ fl_arena_printf(a, "%u", step->depth),
					fl_say_node(a, s, step->node), why_of(a, s, lost, step) });
	}
	fl_table_write(t, stdout, 1, fl_terminal_width(stdout));
	print_summary(a, s, blast);
	fl_spared_write(s, lost);
	fl_assumption_write(s);
	if (s->entry_points_assumed)
		fl_line_write(FL_ENTRY_POINTS_ASSUMED);
	fl_coverage_write(s);
	free(lost);
	fl_arena_free(a);
}

static int blast_one(const struct fl_system *s, const char *text, bool json, struct fl_error *err)
{
	fl_node_id v = fl_graph_resolve(s->graph, text, err);
	if (v == FL_NODE_NONE)
		return -ENOENT;
	struct fl_arena *a = fl_arena_new();
	const struct fl_blast *blast = fl_blast(s->graph, &v, 1, a);
	if (json)
		print_json(s, v, blast);
	else
		print_steps(s, v, blast);
	fl_arena_free(a);
	return 0;
}

/* ---- every node ---- */

static cJSON *row_object(const struct fl_system *s, fl_node_id v, const struct fl_blast_row *row)
{
	cJSON *o = cJSON_CreateObject();
	fl_json_add_string(o, "node", fl_graph_node(s->graph, v)->id);
	fl_json_add_u64(o, "nodes_lost", row->nodes_lost);
	fl_json_add_u64(o, "services_lost", row->services_lost);
	fl_json_add_u64(o, "entry_points_lost", row->entry_points_lost);
	return o;
}

/* Row by row: a tree of a million rows would be larger than the graph. */
static void print_all_json(const struct fl_system *s, const struct fl_blast_row *rows)
{
	cJSON *head = fl_document_new("faultline.blast/1"), *tail = cJSON_CreateObject();
	struct fl_json_stream stream;
	fl_json_add_string(head, "mode", "down");
	fl_document_add_coverage(tail, "coverage", s);
	fl_json_stream_begin(&stream, stdout, 0);
	fl_json_stream_members(&stream, head);
	(void)fl_json_stream_list(&stream, "blasts");
	for (fl_node_id v = 0; v < fl_graph_order(s->graph); v++)
		fl_json_stream_item(&stream, row_object(s, v, &rows[v]));
	fl_json_stream_list_end(&stream);
	fl_json_stream_members(&stream, tail);
	fl_json_stream_end(&stream);
	fputc('\n', stdout);
	cJSON_Delete(head);
	cJSON_Delete(tail);
}

struct sized {
	fl_node_id node;
	struct fl_blast_row row;
};

static int compare_sized(const void *va, const void *vb)
{
	const struct sized *a = va, *b = vb;
	if (a->row.entry_points_lost != b->row.entry_points_lost)
		return a->row.entry_points_lost > b->row.entry_points_lost ? -1 : 1;
	if (a->row.services_lost != b->row.services_lost)
		return a->row.services_lost > b->row.services_lost ? -1 : 1;
	if (a->row.nodes_lost != b->row.nodes_lost)
		return a->row.nodes_lost > b->row.nodes_lost ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

static void print_all(const struct fl_system *s, const struct fl_blast_row *rows)
{
	static const char *const headings[] = { "node", "entry points lost", "services lost", "nodes lost" };
	uint32_t order = fl_graph_order(s->graph);
	struct sized *sized = fl_alloc_array(order, sizeof(*sized));
	struct fl_arena *a = fl_arena_new();
	for (fl_node_id v = 0; v < order; v++)
		sized[v] = (struct sized){ .node = v, .row = rows[v] };
	if (order > 1)
		qsort(sized, order, sizeof(*sized), compare_sized);
	fl_heading_write(s, fl_arena_printf(a, "Blast radius of %s, each down alone",
				    fl_say_count(a, order, "node", "nodes")));
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (uint32_t i = 0; i < order; i++)
		fl_table_row(t, (const char *[]){ fl_say_node(a, s, sized[i].node),
					fl_arena_printf(a, "%u", sized[i].row.entry_points_lost),
					fl_arena_printf(a, "%u", sized[i].row.services_lost),
					fl_arena_printf(a, "%u", sized[i].row.nodes_lost) });
	fl_table_write(t, stdout, 1u << 1 | 1u << 2 | 1u << 3, fl_terminal_width(stdout));
	const char *failover = fl_say_assumed_failover(a, s);
	if (failover != NULL)
		fl_line_write(fl_arena_printf(a, "assumed: %s; of one NODE, blast names those that its answer rests on", failover));
	fl_assumption_write(s);
	if (s->entry_points_assumed)
		fl_line_write(FL_ENTRY_POINTS_ASSUMED);
	fl_coverage_write(s);
	fl_arena_free(a);
	free(sized);
}

static void blast_all(const struct fl_system *s, bool json)
{
	struct fl_blast_row *rows = fl_alloc_array(fl_graph_order(s->graph), sizeof(*rows));
	fl_blast_all(s->graph, rows);
	if (json)
		print_all_json(s, rows);
	else
		print_all(s, rows);
	free(rows);
}

/* ---- slow and flaky ---- */

static int check_modes(const struct blast_options *o, struct fl_error *err)
{
	bool what_if = o->slow_ns > 0 || o->flaky >= 0;

	if (o->down + (o->slow_ns > 0) + (o->flaky >= 0) > 1)
		return fl_fail(err, -EINVAL, "--down, --slow and --flaky are different questions; ask one at a time");
	if (o->all && what_if)
		return fl_fail(err, -EINVAL, "--all is for nodes that are down; leave out --slow and --flaky, or name a node");
	if (!what_if && (o->lasts_ns > 0 || o->caller != NULL))
		return fl_fail(err, -EINVAL, "--for and --caller belong to --slow or --flaky; add one of these");
	return 0;
}

static int blast_what_if(const struct fl_system *s, const char *text, const struct blast_options *o, struct fl_error *err)
{
	double slow_s = (double)o->slow_ns / FL_NS_PER_S;
	struct fl_what_if what = { .mode = o->slow_ns > 0 ? FL_CASCADE_SLOW : FL_CASCADE_FLAKY, .slow_s = slow_s,
		.flaky = o->flaky, .lasts_s = (double)o->lasts_ns / FL_NS_PER_S, .caller = o->caller };

	if (o->lasts_ns == 0)
		what.lasts_s = slow_s * LASTS_TIMES_SLOW > LASTS_S ? slow_s * LASTS_TIMES_SLOW : LASTS_S;
	return fl_cascade_print(s, text, &what, o->json, err);
}

static int run(int argc, char **argv)
{
	struct blast_options o = { .flaky = -1 };
	struct fl_strings inputs = { 0 };
	struct fl_system *system = NULL;
	struct fl_error err;
	int rc = fl_options_parse(&usage, argc, argv, &o, &inputs, &err);
	bool help = rc == FL_OPTIONS_HELP;
	if (rc == FL_OPTIONS_OK)
		rc = check_modes(&o, &err);
	if (rc == 0)
		rc = fl_inputs_load_model(&system, &inputs, o.all ? 0 : 1, o.model, &usage, &err);
	if (rc == 0 && o.all)
		blast_all(system, o.json);
	else if (rc == 0 && (o.slow_ns > 0 || o.flaky >= 0))
		rc = blast_what_if(system, inputs.list[0], &o, &err);
	else if (rc == 0)
		rc = blast_one(system, inputs.list[0], o.json, &err);
	if (rc == 0)
		rc = fl_results_end(usage.command, FL_EXIT_OK);
	fl_system_free(system);
	fl_strings_fini(&inputs);
	if (rc < 0)
		return fl_command_fail(usage.command, &err);
	return help ? FL_EXIT_OK : rc;
}

const struct fl_command fl_command_blast = { "blast", run, &usage };
