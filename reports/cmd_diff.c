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

#include "faultline/report.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

struct diff_options {
	bool json;
};

static const struct fl_option options[] = {
	FL_JSON_OPTION(diff_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "diff",
	.synopsis = "OLD NEW [--json]",
	.about = "Compare two sets of scans; exit 0 same, 1 differs, 2 error",
	.options = options,
	.notes = "OLD and NEW are one INPUT each: a scan file, a directory of them, or a graph file.\n"
		 "Rotated addresses and ephemeral host names are no change. What the newer scans were too "
		 "short to\n"
		 "see is listed as not seen yet, and is no difference by itself.\n",
};

static void add_change(cJSON *list, const struct fl_change *c)
{
	cJSON *o = fl_document_append(list);
	fl_json_add_string(o, "kind", fl_change_name(c->kind));
	fl_json_add_string(o, "from", c->from);
	fl_json_add_string(o, "to", c->to);
	fl_json_add_string(o, "before", c->before);
	fl_json_add_string(o, "after", c->after);
	fl_json_add_double(o, "p", c->p);
	fl_json_add_double(o, "expected", c->expected);
	fl_json_add_string(o, "why", c->why);
}

static void print_json(const struct fl_system *old, const struct fl_system *new, const struct fl_diff *d)
{
	cJSON *root = fl_document_new("faultline.diff/1");
	cJSON *list = cJSON_AddArrayToObject(root, "changes");
	for (size_t i = 0; i < d->count; i++)
		add_change(list, &d->list[i]);
	fl_json_add_u64(root, "unchanged", d->unchanged);
	fl_json_add_u64(root, "address_only", d->address_only);
	fl_document_add_coverage(root, "coverage", new);
	fl_document_add_coverage(root, "coverage_old", old);
	fl_document_write(root);
}

/* "gone" and its like, "before -> after", why. */
static const char *difference(struct fl_arena *a, const struct fl_change *c)
{
	if (c->before != NULL && c->after != NULL)
		return fl_arena_printf(
			a, "%s -> %s", fl_say_sentence(a, c->before), fl_say_sentence(a, c->after));
	return fl_say_sentence(a, c->before != NULL ? c->before : c->after);
}

static void print_changes(struct fl_arena *a, const struct fl_diff *d)
{
	static const char *const headings[] = { "change", "of", "to", "why" };
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < d->count; i++) {
		const struct fl_change *c = &d->list[i];
		const char *what = difference(a, c), *why = fl_say_sentence(a, c->why);
		fl_table_row(t, (const char *[]){ fl_say_change(c->kind), fl_say_id(a, c->from),
					fl_say_id(a, c->to),
					what == NULL ? why : fl_arena_printf(a, "%s; %s", what, why) });
	}
	fl_table_write(t, stdout, 0, fl_terminal_width(stdout));
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
	if (d->count > 0)
		print_changes(a, d);
	fputs("\nolder:", stdout);
	fl_coverage_write(old);
	fputs("\nnewer:", stdout);
	fl_coverage_write(new);
	fl_arena_free(a);
}

static int compare(const struct fl_strings *inputs, bool json, struct fl_error *err)
{
	struct fl_system *sides[2] = { NULL, NULL };
	int rc = inputs->count == 2 ? 0
				    : fl_fail(err, -EINVAL,
					      "two inputs are needed, OLD and NEW, not %zu; each is "
					      "a scan file, a directory of them or a graph file",
					      inputs->count);
	for (size_t i = 0; i < 2 && rc == 0; i++)
		rc = fl_system_load(&sides[i], &inputs->list[i], 1, err);
	if (rc == 0) {
		struct fl_diff *d = fl_diff(sides[0], sides[1], NULL);
		if (json)
			print_json(sides[0], sides[1], d);
		else
			print_table(sides[0], sides[1], d);
		rc = fl_results_end(usage.command, fl_diff_differs(d) ? FL_EXIT_FOUND : FL_EXIT_OK);
		fl_diff_free(d);
	}
	fl_system_free(sides[0]);
	fl_system_free(sides[1]);
	return rc;
}

static int run(int argc, char **argv)
{
	struct diff_options o = { 0 };
	struct fl_strings inputs = { 0 };
	struct fl_error err;
	int rc = fl_options_parse(&usage, argc, argv, &o, &inputs, &err);
	bool help = rc == FL_OPTIONS_HELP;
	if (rc == FL_OPTIONS_OK)
		rc = compare(&inputs, o.json, &err);
	fl_strings_fini(&inputs);
	if (rc < 0)
		return fl_command_fail(usage.command, &err);
	return help ? FL_EXIT_OK : rc;
}

const struct fl_command fl_command_diff = { "diff", run, &usage };
