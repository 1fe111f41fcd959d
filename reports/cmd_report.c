/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_report.c - faultline report: the findings as a document or a picture
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "faultline/command.h"
#include "faultline/escape.h"
#include "faultline/report.h"
#include "reports/inputs.h"

struct report_options {
	const char *out, *since, *model, *title;
	int64_t top;
};

enum { TOP_DEFAULT = 5, TOP_MAX = 50 };

static const struct fl_option options[] = {
	{ "out", 'o', FL_OPTION_STRING, offsetof(struct report_options, out), 0, 0, "FILE",
	  "where to write; its ending chooses the form" },
	{ "since", 0, FL_OPTION_STRING, offsetof(struct report_options, since), 0, 0, "OLD",
	  "older scans: also tell what has changed since" },
	{ "title", 0, FL_OPTION_STRING, offsetof(struct report_options, title), 0, 0, "TEXT",
	  "title of the report (the names of the hosts)" },
	{ "top", 0, FL_OPTION_INTEGER, offsetof(struct report_options, top), 0, TOP_MAX, "N",
	  "findings that get a section of their own (5)" },
	FL_MODEL_OPTION(report_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "report",
	.synopsis = "INPUT... -o FILE.{html,svg,pdf,png,dot,md,json} [--since OLD] [--top N] [--title TEXT] [--model FILE]",
	.about = "Write the findings as a document or a picture",
	.options = options,
	.notes = FL_INPUT_NOTE
		 "html: everything in one file, for screen and paper; md: for a pull request or wiki;\n"
		 "json: for programs; svg, pdf, png: the picture of the system; dot: its text, needs no Graphviz.\n",
};

/* What a report is made of; freed as a whole. */
struct material {
	struct fl_system *system, *old;
	struct fl_ranking *ranking;
	struct fl_reach *reach;
	struct fl_cycles *cycles;
	struct fl_behave *behave;
	struct fl_shared *shared;
	struct fl_diff *diff;
};

static void free_material(struct material *m)
{
	fl_diff_free(m->diff);
	fl_reach_free(m->reach);
	fl_cycles_free(m->cycles);
	fl_behave_free(m->behave);
	fl_shared_free(m->shared);
	fl_ranking_free(m->ranking);
	fl_system_free(m->old);
	fl_system_free(m->system);
}

/* Pictures need no list of what is reached, which is the longest to make. */
static bool is_document(enum fl_report_format format)
{
	return format == FL_REPORT_HTML || format == FL_REPORT_MARKDOWN || format == FL_REPORT_JSON;
}

static int gather(struct material *m, const struct fl_strings *inputs, const char *since, const char *model,
	enum fl_report_format format, struct fl_error *err)
{
	int rc = fl_inputs_load_model(&m->system, inputs, 0, model, &usage, err);
	if (rc == 0 && since != NULL)
		rc = fl_system_load(&m->old, &since, 1, err);
	if (rc != 0)
		return rc;
	m->ranking = fl_rank(m->system);
	if (is_document(format)) {
		m->reach = fl_reach(m->system, FL_NODE_NONE);
		m->cycles = fl_cycles(m->system->graph);
		m->shared = fl_shared(m->system);
		m->behave = fl_behave(m->system);
	}
	if (m->old != NULL)
		m->diff = fl_diff(m->old, m->system, NULL);
	return 0;
}

static int write_report(const struct report_options *o, enum fl_report_format format,
	const struct fl_strings *inputs, struct fl_error *err)
{
	struct material m = { 0 };
	int rc = gather(&m, inputs, o->since, o->model, format, err);
	if (rc == 0) {
		if (o->title != NULL)
			m.system->title = o->title;
		struct fl_report r = { .system = m.system, .ranking = m.ranking, .reach = m.reach,
				       .diff = m.diff, .cycles = m.cycles, .behave = m.behave, .shared = m.shared, .top = (size_t)o->top };
		rc = fl_report_write(&r, format, o->out, err);
	}
	free_material(&m);
	return rc;
}

static int check_arguments(const struct report_options *o, const struct fl_strings *inputs, int *format,
	struct fl_error *err)
{
	if (inputs->count == 0)
		return fl_fail(err, -EINVAL, "nothing to report on: give scan files, a directory of them or a graph "
			"file; 'faultline report --help' shows how");
	if (o->out == NULL)
		return fl_fail(err, -EINVAL, "no -o FILE: its ending (.html, .svg, .pdf, .png, .dot, .md or .json) "
			"chooses the form of the report");
	*format = fl_report_format_of(o->out);
	if (*format < 0)
		return fl_fail(err, -EINVAL, "%s: unknown ending; use .html, .svg, .pdf, .png, .dot, .md or .json",
			o->out);
	return 0;
}

static int run(int argc, char **argv)
{
	struct report_options o = { .top = TOP_DEFAULT };
	struct fl_strings inputs = { 0 };
	struct fl_error err;
	int format = -1;
	int rc = fl_options_parse(&usage, argc, argv, &o, &inputs, &err);
	if (rc == FL_OPTIONS_HELP) {
		fl_strings_fini(&inputs);
		return FL_EXIT_OK;
	}
	if (rc == FL_OPTIONS_OK)
		rc = check_arguments(&o, &inputs, &format, &err);
	if (rc == 0)
		rc = write_report(&o, (enum fl_report_format)format, &inputs, &err);
	fl_strings_fini(&inputs);
	if (rc != 0)
		return fl_command_fail("report", &err);
	fl_escape_write(stdout, FL_LANGUAGE_TERMINAL, o.out);
	putchar('\n');
	return fflush(stdout) == 0 ? FL_EXIT_OK : FL_EXIT_ERROR;
}

const struct fl_command fl_command_report = { "report", run, &usage };
