/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_deps.c - faultline deps: what services depend on, transitively, with paths
 */
#include <errno.h>
#include <stdio.h>

#include "reports/deps.h"
#include "reports/inputs.h"

struct deps_options {
	const char *model;
	const char *of;
	bool all, json;
};

static const struct fl_option options[] = {
	{ "of", 0, FL_OPTION_STRING, offsetof(struct deps_options, of), 0, 0, "NODE",
		"only what this node depends on, any unambiguous part of its id; who uses it, where it is no service" },
	{ "all", 0, FL_OPTION_FLAG, offsetof(struct deps_options, all), 0, 0, NULL,
		"also list probes and attempts of scans one by one" },
	FL_JSON_OPTION(deps_options),
	FL_MODEL_OPTION(deps_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "deps",
	.synopsis = "[--of NODE] INPUT... [--all] [--model FILE] [--json]",
	.about = "List what services depend on, directly and through others, with the path",
	.options = options,
	.notes = FL_INPUT_NOTE
		 "NODE " FL_NODE_NOTE
		 "Probes and attempts that nobody answered are no part of the graph; scans of them are one line.\n",
};

static int print_deps(const struct fl_system *s, const struct deps_options *o, struct fl_error *err)
{
	fl_node_id of = FL_NODE_NONE;
	if (o->of != NULL) {
		of = fl_graph_resolve(s->graph, o->of, err);
		if (of == FL_NODE_NONE)
			return -ENOENT;
	}
	struct fl_deps *d = fl_deps_new(s, of);
	if (d->reach->dropped > 0)
		fl_command_warn(usage.command, "%llu more rows are left out; ask for one service with --of",
			(unsigned long long)d->reach->dropped);
	if (o->json)
		fl_deps_print_json(s, d);
	else
		fl_deps_print_table(s, d, o->all);
	fl_deps_free(d);
	return 0;
}

static int work(const struct fl_system *s, const struct fl_strings *arguments, const void *wanted,
	struct fl_error *err)
{
	const struct deps_options *o = wanted;
	(void)arguments;
	return print_deps(s, o, err);
}

static int run(int argc, char **argv)
{
	static const struct fl_findings_command command = { &usage, 0, work };
	struct deps_options o = { 0 };
	return fl_findings_run(&command, argc, argv, &o, &o.model);
}

const struct fl_command fl_command_deps = { "deps", run, &usage };
