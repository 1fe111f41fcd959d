/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_graph.c - faultline graph: scans to failure graph
 */
#include <stdio.h>
#include <string.h>

#include "faultline/output.h"
#include "reports/inputs.h"

struct graph_options {
	const char *model;
	const char *out;
	bool json;
};

static const struct fl_option options[] = {
	{ "out", 'o', FL_OPTION_STRING, offsetof(struct graph_options, out), 0, 0, "FILE",
		"where to write; - is standard output, the default" },
	{ "json", 0, FL_OPTION_FLAG, offsetof(struct graph_options, json), 0, 0, NULL,
		"print JSON, which a graph always is" },
	FL_MODEL_OPTION(graph_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "graph",
	.synopsis = "INPUT... [--model FILE] [-o GRAPH.json]",
	.about = "Join scans to the failure graph, as faultline.graph/1",
	.options = options,
	.notes = FL_INPUT_NOTE
		 "Every analysis command takes the graph in place of the scans, without their evidence.\n",
};

/* On standard output whoever reads may leave early; a file is there whole or not at all. */
static int work(const struct fl_system *s, const struct fl_strings *arguments, const void *wanted,
	struct fl_error *err)
{
	const struct graph_options *o = wanted;
	struct fl_output *out = NULL;
	bool standard = strcmp(o->out, "-") == 0;
	int rc = standard ? 0 : fl_output_open(&out, o->out, err);
	if (rc < 0)
		return rc;
	cJSON *more = cJSON_CreateObject();
	fl_document_add_assumed(more, s);
	fl_document_add_model(more, s->model);
	fl_graph_write(standard ? stdout : fl_output_file(out), s->graph, more);
	cJSON_Delete(more);
	(void)arguments;
	return standard ? 0 : fl_output_commit(&out, err);
}

static int run(int argc, char **argv)
{
	static const struct fl_findings_command command = { &usage, 0, work };
	struct graph_options o = { .out = "-" };
	return fl_findings_run(&command, argc, argv, &o, &o.model);
}

const struct fl_command fl_command_graph = { "graph", run, &usage };
