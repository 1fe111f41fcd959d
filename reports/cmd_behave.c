/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_behave.c - faultline behave: retries, timeouts, stalls, silent failures, trends
 *
 * JSON, faultline.behave/1: findings[] (kind, from, to, replicas[], start, end, confidence, uncaptured, attempts_seen,
 * failures, hosts[], why, and by kind: retry: class, jitter, attempts, attempts_at_least, gaps_s[], factor,
 * calls, retried, attempts_per_failed_call, amplification, load_ratio, syn_retransmits; timeout: phase,
 * seconds, sharp, spread{}; failover: confirmed; stall: order[], spread[] (node, after_s, in_flight_peak,
 * at_limit), in_flight_peak, answered_others[], duration_s, drained_s; outage, silent-failure: surfaced,
 * surfaced_share, delay_ratio, masked_by_retries, passed_on; trend: quantity, over, slope_per_s, p,
 * from_value, to_value, limit, limit_kind, limit_in_s, inherited_by[]; fan-out: ratio, ratio_before, p),
 * dependencies[] (from, to, replicas[], class, fan_out, retry{}, connect_timeout, response_timeout,
 * longest_answer_s, outcomes{}), windows, trends_tested, coverage.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "faultline/behave.h"
#include "faultline/report.h"
#include "reports/behave_internal.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

struct behave_options {
	const char *of, *model;
	bool json;
};

static const struct fl_option options[] = {
	{ "of", 0, FL_OPTION_STRING, offsetof(struct behave_options, of), 0, 0, "NODE",
		"only what this node calls, and who calls it" },
	FL_JSON_OPTION(behave_options),
	FL_MODEL_OPTION(behave_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "behave",
	.synopsis = "INPUT... [--of NODE] [--model FILE] [--json]",
	.about = "Tell how the system behaves when something fails or grows: retries, timeouts, stalls, "
		 "silent failures, trends",
	.options = options,
	.notes = FL_INPUT_NOTE
		 "A graph file states no behaviour.\n"
		 "What no failure showed (a retry policy, a timeout) is said to be not observed, and is not guessed.\n"
		 "NODE " FL_NODE_NOTE,
};

/* ---- of one node ---- */

struct filter {
	const char *id;
}; /* NULL: everything */

static bool is_of(
	const struct filter *w, const char *from, const char *to, const char *const *replicas, size_t count)
{
	if (w->id == NULL || (from != NULL && strcmp(from, w->id) == 0) || strcmp(to, w->id) == 0)
		return true;
	for (size_t i = 0; i < count; i++)
		if (strcmp(replicas[i], w->id) == 0)
			return true;
	return false;
}

static bool concerns(const struct filter *w, const struct fl_behave_finding *f)
{
	if (is_of(w, f->from, f->to, f->replicas, f->replica_count))
		return true;
	for (size_t i = 0; i < f->order_count; i++)
		if (strcmp(f->order[i].id, w->id) == 0)
			return true;
	return false;
}

/* ---- JSON ---- */

static void print_json(const struct fl_system *s, const struct fl_behave *b, const struct filter *w)
{
	cJSON *root = fl_document_new("faultline.behave/1");
	cJSON *findings = cJSON_AddArrayToObject(root, "findings");
	for (size_t i = 0; i < b->count; i++)
		if (concerns(w, &b->list[i]))
			fl_behave_json_finding(findings, &b->list[i]);
	cJSON *edges = cJSON_AddArrayToObject(root, "dependencies");
	for (size_t i = 0; i < b->edge_count; i++)
		if (is_of(w, b->edges[i].from, b->edges[i].to, b->edges[i].replicas,
			    b->edges[i].replica_count))
			fl_behave_json_edge(edges, &b->edges[i]);
	fl_json_add_u64(root, "windows", b->windows);
	fl_json_add_u64(root, "trends_tested", b->trends_tested);
	fl_document_add_coverage(root, "coverage", s);
	fl_document_write(root);
}

/* ---- terminal ---- */

static void print_finding(struct fl_arena *a, size_t number, const struct fl_behave_finding *f)
{
	if (number > 1)
		fputc('\n', stdout);
	fl_line_write(
		fl_arena_printf(a, "%zu. %s: %s", number, fl_behave_headline(f), fl_behave_where(a, f)));
	fl_line_write(fl_arena_printf(a, "   %s", fl_say_sentence(a, f->why)));
	fl_line_write(fl_arena_printf(a, "   %s", fl_behave_evidence(a, f)));
}

static void print_text(const struct fl_system *s, const struct fl_behave *b, const struct filter *w)
{
	struct fl_arena *a = fl_arena_new();
	size_t shown = 0;
	for (size_t i = 0; i < b->count; i++)
		shown += concerns(w, &b->list[i]);
	fl_heading_write(s, shown > 0 ? fl_say_count(a, shown, "finding", "findings") : fl_behave_nothing(b));
	for (size_t i = 0, number = 0; i < b->count; i++)
		if (concerns(w, &b->list[i]))
			print_finding(a, ++number, &b->list[i]);
	const char **unknown = fl_behave_not_observed(a, b);
	if (unknown[0] != NULL && shown > 0)
		fputc('\n', stdout);
	if (unknown[0] == NULL && shown == 0)
		fl_line_write(b->edge_count == 0 ? "no dependency is known"
						 : "retries and timeouts: observed for all dependencies");
	for (size_t i = 0; unknown[i] != NULL; i++)
		fl_line_write(unknown[i]);
	fl_coverage_write(s);
	fl_arena_free(a);
}

static int work(const struct fl_system *s, const struct fl_strings *arguments, const void *wanted,
	struct fl_error *err)
{
	const struct behave_options *o = wanted;
	struct filter w = { NULL };
	(void)arguments;
	if (o->of != NULL) {
		fl_node_id v = fl_graph_resolve(s->graph, o->of, err);
		if (v == FL_NODE_NONE)
			return -ENOENT;
		w.id = fl_graph_node(s->graph, v)->id;
	}
	struct fl_behave *b = fl_behave(s);
	if (o->json)
		print_json(s, b, &w);
	else
		print_text(s, b, &w);
	fl_behave_free(b);
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct fl_findings_command command = { &usage, 0, work };
	struct behave_options o = { 0 };
	return fl_findings_run(&command, argc, argv, &o, &o.model);
}

const struct fl_command fl_command_behave = { "behave", run, &usage };
