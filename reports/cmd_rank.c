/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_rank.c - faultline rank: single points of failure, worst first
 */
#include <stdio.h>
#include <stdlib.h>

#include "faultline/model.h"
#include "faultline/report.h"
#include "reports/cycles.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

enum { TOP_ON_SCREEN = 20, TOP_MAX = 1000000, ALSO_NAMED = 6 };

struct rank_options {
	const char *model;
	int64_t top;
	bool json;
};

static const struct fl_option options[] = {
	{ "top", 0, FL_OPTION_INTEGER, offsetof(struct rank_options, top), 0, TOP_MAX, "N",
		"only the N worst (default 20, with --json all; 0: all)" },
	FL_JSON_OPTION(rank_options),
	FL_MODEL_OPTION(rank_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "rank",
	.synopsis = "INPUT... [--model FILE] [--top N] [--json]",
	.about = "Rank the single points of failure, worst first",
	.options = options,
	.notes = FL_INPUT_NOTE
		 "What fails together as one thing (a database, its name, its machine) has one rank.\n",
};

/* ---- JSON ---- */

static cJSON *spof_object(const struct fl_system *s, const struct fl_spof *spof)
{
	const struct fl_node *node = fl_graph_node(s->graph, spof->node);
	cJSON *o = cJSON_CreateObject();
	fl_json_add_u64(o, "rank", spof->rank);
	fl_json_add_string(o, "node", node->id);
	fl_json_add_string(o, "kind", node->kind);
	fl_document_add_nodes(
		o, "entry_points_lost", s->graph, spof->entry_points_lost, spof->entry_point_count);
	fl_json_add_u64(o, "services_lost", spof->services_lost);
	fl_json_add_u64(o, "nodes_lost", spof->nodes_lost);
	fl_json_add_double(o, "expected_loss", spof->expected_loss);
	fl_json_add_string(o, "redundancy", spof->redundancy);
	fl_json_add_string(o, "why", spof->why);
	if (s->model != NULL)
		fl_json_add_string(o, "owner", fl_model_owner_of(s->model, spof->node));
	fl_json_add_string(o, "same_as", fl_graph_node(s->graph, spof->same_as)->id);
	return o;
}

static cJSON *tail_object(const struct fl_system *s, const struct fl_ranking *r)
{
	uint32_t entries;
	const struct fl_entry_point *points = fl_graph_entry_points(s->graph, &entries);
	cJSON *tail = cJSON_CreateObject();
	fl_node_id *nodes = fl_alloc_array(entries, sizeof(*nodes));
	for (uint32_t i = 0; i < entries; i++)
		nodes[i] = points[i].node;
	fl_document_add_nodes(tail, "entry_points", s->graph, nodes, entries);
	free(nodes);
	cJSON_AddBoolToObject(tail, "entry_points_assumed", s->entry_points_assumed);
	fl_json_add_u64(tail, "ranks", r->count > 0 ? r->list[r->count - 1].rank : 0);
	fl_json_add_u64(tail, "dropped", r->dropped);
	struct fl_cycles *cycles = fl_cycles(s->graph);
	fl_cycles_add_json(tail, s, cycles);
	fl_cycles_free(cycles);
	fl_document_add_coverage(tail, "coverage", s);
	return tail;
}

/* Row by row: each lists the entry points it takes, and a tree of them all would not be bounded. */
static void print_json(const struct fl_system *s, const struct fl_ranking *r, uint32_t top)
{
	cJSON *head = fl_document_new("faultline.rank/1"), *tail = tail_object(s, r);
	struct fl_json_stream stream;
	fl_json_stream_begin(&stream, stdout, 0);
	fl_json_stream_members(&stream, head);
	(void)fl_json_stream_list(&stream, "spofs");
	for (size_t i = 0; i < r->count && r->list[i].rank <= top; i++)
		fl_json_stream_item(&stream, spof_object(s, &r->list[i]));
	fl_json_stream_list_end(&stream);
	fl_json_stream_members(&stream, tail);
	fl_json_stream_end(&stream);
	fputc('\n', stdout);
	cJSON_Delete(head);
	cJSON_Delete(tail);
}

/* ---- terminal ---- */

/* "also host db1, endpoint db:5432/tcp": what is folded into the row at @leader; NULL. */
static const char *also_text(
	struct fl_arena *a, const struct fl_system *s, const struct fl_ranking *r, size_t leader)
{
	const char *names[ALSO_NAMED];
	size_t count = 0;
	for (size_t i = leader + 1; i < r->count && r->list[i].same_as == r->list[leader].node; i++, count++)
		if (count < ALSO_NAMED)
			names[count] = fl_say_node(a, s, r->list[i].node);
	return count == 0 ? NULL : fl_arena_printf(a, "  also: %s", fl_say_list(a, names, count, ALSO_NAMED));
}

static void add_row(struct fl_table *t, struct fl_arena *a, const struct fl_system *s,
	const struct fl_ranking *r, size_t i)
{
	const struct fl_spof *spof = &r->list[i];
	uint32_t entries;
	(void)fl_graph_entry_points(s->graph, &entries);
	fl_table_row(t,
		(const char *[]){ fl_arena_printf(a, "%u", spof->rank), fl_say_node(a, s, spof->node),
			entries == 0 ? NULL
				     : fl_arena_printf(a, "%u of %u", spof->entry_point_count, entries),
			fl_say_share(a, spof->expected_loss), fl_arena_printf(a, "%u", spof->services_lost),
			spof->redundancy, fl_say_sentence(a, spof->why) });
	const char *also = also_text(a, s, r, i);
	if (also != NULL)
		fl_table_row(t, (const char *[]){ "", also, "", "", "", "", "" });
}

static void print_table(const struct fl_system *s, const struct fl_ranking *r, uint32_t top)
{
	static const char *const headings[] = { "rank", "if this fails", "entry points lost", "requests lost",
		"services lost", "redundancy", "why" };
	uint32_t entries;
	(void)fl_graph_entry_points(s->graph, &entries);
	struct fl_arena *a = fl_arena_new();
	uint32_t ranks = r->count > 0 ? r->list[r->count - 1].rank : 0;
	fl_heading_write(
		s, fl_arena_printf(a, "%s%s",
			   fl_say_count(a, ranks, "single point of failure", "single points of failure"),
			   s->entry_points_assumed ? ", entry points assumed" : ""));
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < r->count && r->list[i].rank <= top; i++)
		if (r->list[i].same_as == r->list[i].node)
			add_row(t, a, s, r, i);
	if (ranks > 0)
		fl_table_write(t, stdout, 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4, fl_terminal_width(stdout));
	if (ranks > 0 && entries > 0)
		fl_line_write("lost: whoever needs it for any of their requests; how many of the entry points' requests fail is under requests lost");
	if (ranks > top)
		fl_line_write(fl_arena_printf(a, "... and %u more; --top 0 shows all", ranks - top));
	if (r->dropped > 0)
		fl_line_write(fl_arena_printf(a,
			"%llu more were only counted, those that take least: all would take too long; see blast --all",
			(unsigned long long)r->dropped));
	if (entries == 0)
		fl_line_write("no entry point is known: ranked is whatever takes another node down, and "
			      "requests lost "
			      "are the mean over all other nodes");
	if (s->entry_points_assumed)
		fl_line_write(FL_ENTRY_POINTS_ASSUMED);
	struct fl_cycles *cycles = fl_cycles(s->graph);
	fl_cycles_print(s, cycles);
	fl_cycles_free(cycles);
	fl_assumption_write(s);
	fl_coverage_write(s);
	fl_arena_free(a);
}

static int work(const struct fl_system *s, const struct fl_strings *arguments, const void *wanted,
	struct fl_error *err)
{
	const struct rank_options *o = wanted;
	struct fl_ranking *r = fl_rank(s);
	int64_t shown = o->top >= 0 ? o->top : o->json ? 0 : TOP_ON_SCREEN;
	uint32_t top = shown == 0 ? UINT32_MAX : (uint32_t)shown;
	if (o->json)
		print_json(s, r, top);
	else
		print_table(s, r, top);
	fl_ranking_free(r);
	(void)arguments;
	(void)err;
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct fl_findings_command command = { &usage, 0, work };
	struct rank_options o = { .top = -1 };
	return fl_findings_run(&command, argc, argv, &o, &o.model);
}

const struct fl_command fl_command_rank = { "rank", run, &usage };
