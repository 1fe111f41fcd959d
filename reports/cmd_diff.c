/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_diff.c - faultline diff: what changed between two releases
 *
 * The exit code is for pipelines: 1 when something differs. "Not seen yet" alone is no difference:
 * the newer scans may just have been too short to see it.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/report.h"
#include "faultline/units.h"
#include "reports/changes.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

/* Of windows of one host: less of the shorter one than a part of this, or shorter, is no more than a border. */
enum { OVERLAP_PART = 10 };
static const int64_t overlap_least_ns = FL_NS_PER_S;

struct diff_options {
	const char *model;
	double threshold;
	bool json, markdown, sarif;
};

static const struct fl_option options[] = {
	{ "threshold", 0, FL_OPTION_DOUBLE, offsetof(struct diff_options, threshold), 1, 1000, "RATIO",
		"tell a measured change from this ratio of after to before on, either way (1.5)" },
	{ "markdown", 0, FL_OPTION_FLAG, offsetof(struct diff_options, markdown), 0, 0, NULL,
		"print Markdown, for a pull request" },
	{ "sarif", 0, FL_OPTION_FLAG, offsetof(struct diff_options, sarif), 0, 0, NULL,
		"print SARIF 2.1.0, for code hosts" },
	FL_JSON_OPTION(diff_options),
	FL_MODEL_OPTION(diff_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "diff",
	.synopsis = "OLD NEW [--threshold RATIO] [--model FILE] [--markdown | --sarif | --json]",
	.about = "Compare two sets of scans; exit 0 same, 1 differs, 2 error",
	.options = options,
	.notes = "OLD and NEW are one INPUT each: a scan file, a directory of them, a store with its\n"
		 "range (shop.db@latest), or a graph file.\n"
		 "Rotated addresses and ephemeral host names are no change. What one side was too "
		 "short to\n"
		 "see is listed as not seen, and is no difference by itself. Calls per request, rates, failures\n"
		 "and latencies are changes when chance is rejected (false discovery rate 0.05) and the ratio is\n"
		 "large enough; timeouts when both sides show one, or one was outwaited on the other.\n",
};

static void print_json(const struct fl_system *old, const struct fl_system *new, const struct fl_diff *d)
{
	cJSON *root = fl_document_new("faultline.diff/1");
	fl_changes_add_json(root, d);
	fl_document_add_coverage(root, "coverage", new);
	fl_document_add_coverage(root, "coverage_old", old);
	fl_document_write(root);
}

static void print_changes(struct fl_arena *a, const struct fl_diff *d)
{
	static const char *const headings[] = { "change", "of", "to", "why" };
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < d->count; i++) {
		const struct fl_change *c = &d->list[i];
		const char *what = fl_say_difference(a, c), *why = fl_say_sentence(a, c->why);
		fl_table_row(t, (const char *[]){ fl_say_change(c), fl_say_id(a, c->from), fl_say_id(a, c->to),
					what == NULL ? why : fl_arena_printf(a, "%s; %s", what, why) });
	}
	fl_table_write(t, stdout, 0, fl_terminal_width(stdout));
}

static void print_line(const char *text)
{
	if (text != NULL)
		fl_line_write(text);
}

static void print_table(const struct fl_system *old, const struct fl_system *new, const struct fl_diff *d)
{
	struct fl_arena *a = fl_arena_new();
	const char *rotated = d->address_only == 0 ? ""
						   : fl_arena_printf(a, ", %llu of them but for addresses",
							     (unsigned long long)d->address_only);
	fl_heading_write(new, fl_arena_printf(a, "%s; %s unchanged%s",
				      fl_say_count(a, d->count, "change", "changes"),
				      fl_say_count(a, d->unchanged, "dependency", "dependencies"), rotated));
	if (d->count > 0) {
		print_changes(a, d);
		fputc('\n', stdout);
	}
	print_line(fl_say_load(a, d));
	print_line(fl_say_tests(a, d));
	if (d->renamed_services > 0)
		print_line(fl_arena_printf(a, "%s under another name",
			fl_say_count(a, d->renamed_services, "service goes", "services go")));
	fputs("\nolder:", stdout);
	fl_coverage_write(old);
	fputs("\nnewer:", stdout);
	fl_coverage_write(new);
	fl_arena_free(a);
}

static void print(const struct diff_options *o, const char *newer, struct fl_system *const *sides,
	const struct fl_diff *d)
{
	if (o->json)
		print_json(sides[0], sides[1], d);
	else if (o->markdown)
		fl_diff_write_markdown(stdout, sides[0], sides[1], d);
	else if (o->sarif)
		fl_diff_write_sarif(stdout, d, newer);
	else
		print_table(sides[0], sides[1], d);
}

/* What two scans of one host both saw would count twice, and tests take counts for independent. */
static int check_overlap(const struct fl_system *s, const char *input, struct fl_error *err)
{
	size_t count;
	struct fl_watch *w = fl_system_watches(s, &count);
	int rc = 0;
	for (size_t i = 1, last = 0; i < count && rc == 0; i++) {
		bool same = strcmp(w[i].host, w[last].host) == 0;
		int64_t both_ns = same ? (w[i].end_ns < w[last].end_ns ? w[i].end_ns : w[last].end_ns) - w[i].start_ns : 0;
		int64_t a_ns = w[i].end_ns - w[i].start_ns, b_ns = w[last].end_ns - w[last].start_ns;
		if (both_ns > overlap_least_ns && both_ns > (a_ns < b_ns ? a_ns : b_ns) / OVERLAP_PART) {
			char duration[FL_TIME_TEXT], start[FL_TIME_TEXT];
			fl_time_format(w[i].start_ns, start);
			rc = fl_fail(err, -EINVAL, "%s: two scans of host '%s' overlap by %s from %s on, and what both saw would count "
				"twice; leave one of them out", input, w[i].host, fl_duration_format(both_ns, duration), start);
		}
		last = !same || w[i].end_ns > w[last].end_ns ? i : last;
	}
	free(w);
	return rc;
}

static int compare(const struct fl_strings *inputs, const struct diff_options *o, struct fl_error *err)
{
	const struct fl_diff_options how = { o->threshold, FL_DIFF_DISCOVERY_RATE };
	struct fl_system *sides[2] = { NULL, NULL };
	int rc = 0;
	if (inputs->count != 2)
		rc = fl_fail(err, -EINVAL, "two inputs are needed, OLD and NEW, not %zu; each is "
					   "a scan file, a directory of them, a store or a graph file", inputs->count);
	else if (o->json + o->markdown + o->sarif > 1)
		rc = fl_fail(err, -EINVAL, "only one of --json, --markdown and --sarif can be printed");
	for (size_t i = 0; i < 2 && rc == 0; i++)
		rc = fl_system_load_model(&sides[i], &inputs->list[i], 1, o->model, err);
	for (size_t i = 0; i < 2 && rc == 0; i++)
		rc = check_overlap(sides[i], inputs->list[i], err);
	if (rc == 0) {
		fl_model_warn(sides[1], usage.command);
		struct fl_diff *d = fl_diff(sides[0], sides[1], &how);
		print(o, inputs->list[1], sides, d);
		rc = fl_results_end(usage.command, fl_diff_differs(d) ? FL_EXIT_FOUND : FL_EXIT_OK);
		fl_diff_free(d);
	}
	fl_system_free(sides[0]);
	fl_system_free(sides[1]);
	return rc;
}

static int run(int argc, char **argv)
{
	struct diff_options o = { .threshold = FL_DIFF_THRESHOLD };
	struct fl_strings inputs = { 0 };
	struct fl_error err;
	int rc = fl_options_parse(&usage, argc, argv, &o, &inputs, &err);
	bool help = rc == FL_OPTIONS_HELP;
	if (rc == FL_OPTIONS_OK)
		rc = compare(&inputs, &o, &err);
	fl_strings_fini(&inputs);
	if (rc < 0)
		return fl_command_fail(usage.command, &err);
	return help ? FL_EXIT_OK : rc;
}

const struct fl_command fl_command_diff = { "diff", run, &usage };
