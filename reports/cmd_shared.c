/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_shared.c - faultline shared: replicas and vendors that fail together
 *
 * JSON, faultline.shared/1: shared_fate[] (group, members[], shares, kind, also[], needs, group_size, breaks,
 * redundancy, expected_loss, common_names[], why), common[] and inherent[] of the same form (see
 * shared.h for what belongs where), separate_first[] (shares, group, members[], loss_before, loss_after, drop),
 * dropped, coverage.
 */
#include <math.h>
#include <stdio.h>

#include "faultline/report.h"
#include "faultline/shared.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"
#include "reports/shared.h"

enum { MEMBERS_NAMED = 4, SEPARATE_SHOWN = 5 };

struct shared_options {
	const char *model;
	bool json;
};

static const struct fl_option options[] = {
	FL_JSON_OPTION(shared_options),
	FL_MODEL_OPTION(shared_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "shared",
	.synopsis = "INPUT... [--model FILE] [--json]",
	.about = "List replicas and vendors that fail together, and what to separate first",
	.options = options,
	.notes = FL_INPUT_NOTE
		 "A group that is meant to be redundant shares the fate of a host, address, provider, resolver, zone\n"
		 "or requirement when that alone takes several of its members down.\n",
};

/* ---- JSON ---- */

static void print_json(const struct fl_system *s, const struct fl_shared *r)
{
	cJSON *root = fl_document_new("faultline.shared/1");
	fl_shared_add_json(root, s->graph, r);
	fl_document_add_coverage(root, "coverage", s);
	fl_document_write(root);
}

/* ---- terminal ---- */

static const char *also_text(struct fl_arena *a, const struct fl_system *s, const struct fl_shared_fate *f)
{
	const char *names[MEMBERS_NAMED];
	for (size_t i = 0; i < f->also_count && i < MEMBERS_NAMED; i++)
		names[i] = fl_say_node(a, s, f->also[i]);
	return f->also_count == 0 ? NULL
				  : fl_arena_printf(a, "  also: %s",
					    fl_say_list(a, names, f->also_count, MEMBERS_NAMED));
}

static void print_fates(
	struct fl_arena *a, const struct fl_system *s, const struct fl_shared_fate *list, size_t count)
{
	static const char *const headings[] = { "group", "members", "share", "requests lost with it",
		"fail-over", "why" };
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < count; i++) {
		const struct fl_shared_fate *f = &list[i];
		const char *also = also_text(a, s, f);
		fl_table_row(t, (const char *[]){ fl_say_shared_group(a, f), fl_say_shared_members(a, f),
					fl_say_node(a, s, f->shares), fl_say_share(a, f->expected_loss),
					fl_say_fail_over(f), fl_say_sentence(a, f->why) });
		if (also != NULL)
			fl_table_row(t, (const char *[]){ "", "", also, "", "", "" });
	}
	fl_table_write(t, stdout, 1u << 3, fl_terminal_width(stdout));
}

static void print_separations(struct fl_arena *a, const struct fl_system *s, const struct fl_shared *r)
{
	if (r->separate_count == 0)
		return;
	fputc('\n', stdout);
	fl_line_write("separate first:");
	for (size_t i = 0; i < r->separate_count && i < SEPARATE_SHOWN; i++) {
		const char *text = fl_say_separation(a, s, &r->list[r->separate[i]]);
		fl_line_write(fl_arena_printf(a, "  %zu. %s", i + 1, text));
	}
	if (r->separate_count > SEPARATE_SHOWN)
		fl_line_write(fl_arena_printf(a, "  ... and %zu more; --json has all",
			r->separate_count - SEPARATE_SHOWN));
}

static void print_table(const struct fl_system *s, const struct fl_shared *r)
{
	struct fl_arena *a = fl_arena_new();
	fl_heading_write(s, fl_say_count(a, r->count, "shared fate", "shared fates"));
	if (r->count > 0)
		print_fates(a, s, r->list, r->count);
	print_separations(a, s, r);
	if (r->common_count > 0) {
		fputc('\n', stdout);
		fl_line_write("replicas that call the same thing, which is what replicas do:");
		print_fates(a, s, r->common, r->common_count);
	}
	fl_coverage_write(s);
	fl_arena_free(a);
}

static int work(const struct fl_system *s, const struct fl_strings *arguments, const void *wanted,
	struct fl_error *err)
{
	const struct shared_options *o = wanted;
	struct fl_shared *r = fl_shared(s);
	if (r->dropped > 0)
		fl_command_warn(usage.command, "%llu more nodes, and pairs of group and node, were not looked at: the graph is too large",
			(unsigned long long)r->dropped);
	if (o->json)
		print_json(s, r);
	else
		print_table(s, r);
	fl_shared_free(r);
	(void)arguments;
	(void)err;
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct fl_findings_command command = { &usage, 0, work };
	struct shared_options o = { 0 };
	return fl_findings_run(&command, argc, argv, &o, &o.model);
}

const struct fl_command fl_command_shared = { "shared", run, &usage };
