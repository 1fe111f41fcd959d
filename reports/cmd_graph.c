/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_graph.c - faultline graph: scans to failure graph
 */
#include <stdio.h>

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
	.notes = "INPUT is scan files, a directory of them, a graph file, or -.\n"
		 "Every analysis command takes the graph in place of the scans, without their evidence.\n",
};

static int write_graph(const struct fl_system *s, const char *path, struct fl_error *err)
{
	struct fl_output *out = NULL;
	int rc = fl_output_open(&out, path, err);
	if (rc < 0)
		return rc;
	fl_graph_write(fl_output_file(out), s->graph);
	return fl_output_commit(&out, err);
}

static int run(int argc, char **argv)
{
	struct graph_options o = { .out = "-" };
	struct fl_strings inputs = { 0 };
	struct fl_system *system = NULL;
	struct fl_error err;
	int rc = fl_options_parse(&usage, argc, argv, &o, &inputs, &err);
	if (rc == FL_OPTIONS_OK)
		rc = fl_inputs_load_model(&system, &inputs, 0, o.model, usage.command, &err);
	if (rc == 0)
		rc = write_graph(system, o.out, &err);
	fl_system_free(system);
	fl_strings_fini(&inputs);
	return rc < 0 ? fl_command_fail(usage.command, &err) : FL_EXIT_OK;
}

const struct fl_command fl_command_graph = { "graph", run, &usage };
