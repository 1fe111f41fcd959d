/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_check.c - faultline check: does the system keep to what was agreed?
 *
 * For a pipeline: 0 holds, 1 violated, 2 error. The clock is not asked: a policy that expires does so by
 * the end of the window that was watched.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "faultline/output.h"
#include "faultline/policy.h"
#include "faultline/report.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"
#include "reports/sarif.h"

struct check_options {
	const char *policy, *since, *model, *out;
	bool init, json, sarif;
};

static const struct fl_option options[] = {
	{ "policy", 0, FL_OPTION_STRING, offsetof(struct check_options, policy), 0, 0, "FILE",
		"what was agreed: faultline.policy/1, JSON with comments" },
	{ "since", 0, FL_OPTION_STRING, offsetof(struct check_options, since), 0, 0, "OLD",
		"older scans: only single points of failure that they do not have are violations" },
	{ "init", 0, FL_OPTION_FLAG, offsetof(struct check_options, init), 0, 0, NULL,
		"write a policy that holds for these scans; with --json without comments" },
	{ "out", 'o', FL_OPTION_STRING, offsetof(struct check_options, out), 0, 0, "FILE",
		"with --init: write it here (default: standard output)" },
	{ "sarif", 0, FL_OPTION_FLAG, offsetof(struct check_options, sarif), 0, 0, NULL,
		"print SARIF 2.1.0, for code hosts" },
	FL_JSON_OPTION(check_options),
	FL_MODEL_OPTION(check_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "check",
	.synopsis = "INPUT... (--policy FILE [--since OLD] [--sarif | --json] | --init [--json] [-o FILE]) [--model FILE]",
	.about = "Hold scans against a policy; exit 0 holds, 1 violated, 2 error",
	.options = options,
	.notes = FL_INPUT_NOTE
		 "A policy states which external dependencies are allowed (with owner, reason and the day on which that\n"
		 "ends), how callers may retry, when they may give up, which single points of failure are accepted and\n"
		 "how much the scans must have seen. Begin with --init and take out what should not be.\n",
};

/* ---- JSON ---- */

static const char *place_of(struct fl_arena *a, const struct fl_policy_result *r, uint32_t line, uint32_t column)
{
	return fl_arena_printf(a, "%s:%u:%u", r->file, line, column);
}

static void print_json(struct fl_arena *a, const struct fl_system *s, const struct fl_policy_result *r)
{
	cJSON *root = fl_document_new("faultline.check/1");
	cJSON *list = cJSON_AddArrayToObject(root, "violations");
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_violation *v = &r->list[i];
		cJSON *o = fl_document_append(list);
		fl_json_add_string(o, "rule", fl_policy_rule_name(v->rule));
		fl_json_add_string(o, "from", v->from);
		fl_json_add_string(o, "to", v->to);
		fl_json_add_string(o, "why", v->why);
		fl_json_add_string(o, "place", place_of(a, r, v->line, v->column));
		fl_json_add_u64(o, "line", v->line);
		fl_json_add_u64(o, "column", v->column);
	}
	list = cJSON_AddArrayToObject(root, "unused");
	for (size_t i = 0; i < r->unused_count; i++) {
		cJSON *o = fl_document_append(list);
		fl_json_add_string(o, "why", r->unused[i].why);
		fl_json_add_string(o, "place", place_of(a, r, r->unused[i].line, r->unused[i].column));
	}
	cJSON *checked = cJSON_AddObjectToObject(root, "checked");
	fl_json_add_u64(checked, "external_dependencies", r->externals);
	fl_json_add_u64(checked, "single_points", r->single_points);
	fl_json_add_u64(checked, "dependencies", r->edges);
	fl_json_add_u64(checked, "retries_observed", r->retries_observed);
	fl_json_add_u64(checked, "timeouts_observed", r->timeouts_observed);
	fl_document_add_coverage(root, "coverage", s);
	fl_document_write(root);
}

/* ---- SARIF ---- */

static void print_sarif(struct fl_arena *a, const struct fl_policy_result *r)
{
	struct fl_sarif_rule rules[FL_RULE_COUNT];
	for (size_t i = 0; i < FL_RULE_COUNT; i++)
		rules[i] = (struct fl_sarif_rule){ fl_policy_rule_name((enum fl_policy_rule)i),
			fl_policy_rule_text((enum fl_policy_rule)i), "error" };
	struct fl_sarif *s = fl_sarif_new(rules, FL_RULE_COUNT);
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_violation *v = &r->list[i];
		const char *message = fl_arena_printf(a, "%s%s%s%s%s", v->from == NULL ? "" : fl_say_id(a, v->from),
			v->to == NULL ? "" : " > ", v->to == NULL ? "" : fl_say_id(a, v->to),
			v->from == NULL && v->to == NULL ? "" : ": ", fl_say_sentence(a, v->why));
		(void)fl_sarif_add(s, &(struct fl_sarif_result){ .rule = (size_t)v->rule, .message = message,
					      .from = v->from, .to = v->to, .file = r->file, .line = v->line,
					      .column = v->column });
	}
	fl_sarif_end(s, stdout);
}

/* ---- terminal ---- */

static void print_violations(struct fl_arena *a, const struct fl_policy_result *r)
{
	static const char *const headings[] = { "rule", "of", "to", "why", "place" };
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_violation *v = &r->list[i];
		fl_table_row(t, (const char *[]){ fl_policy_rule_name(v->rule),
					v->from == NULL ? NULL : fl_say_id(a, v->from),
					v->to == NULL ? NULL : fl_say_id(a, v->to), fl_say_sentence(a, v->why),
					place_of(a, r, v->line, v->column) });
	}
	fl_table_write(t, stdout, 0, fl_terminal_width(stdout));
}

static void print_table(struct fl_arena *a, const struct fl_system *s, const struct fl_policy_result *r)
{
	fl_heading_write(s, r->count == 0 ? "the policy holds" : fl_say_count(a, r->count, "violation", "violations"));
	if (r->count > 0) {
		print_violations(a, r);
		fputc('\n', stdout);
	}
	fl_line_write(fl_arena_printf(a, "looked at: %s, %s",
		fl_say_count(a, r->externals, "external dependency", "external dependencies"),
		fl_say_count(a, r->single_points, "single point of failure", "single points of failure")));
	if (r->edges > 0)
		fl_line_write(fl_arena_printf(a, "of %s, %llu showed how they retry; %s seen: what did not fail shows neither",
			fl_say_count(a, r->edges, "dependency", "dependencies"), (unsigned long long)r->retries_observed,
			fl_say_count(a, r->timeouts_observed, "timeout was", "timeouts were")));
	for (size_t i = 0; i < r->unused_count; i++)
		fl_line_write(fl_arena_printf(a, "%s: %s", place_of(a, r, r->unused[i].line, r->unused[i].column),
			fl_say_sentence(a, r->unused[i].why)));
	fl_coverage_write(s);
}

/* ---- the command ---- */

/* People edit policies, so what stands in one is not written over. */
static bool is_taken(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static int write_policy(const struct check_options *o, const struct fl_system *s, struct fl_error *err)
{
	struct fl_output *out;
	if (s->scans.count == 0)
		return fl_fail(err, -EINVAL, "--init needs scans: a graph file does not tell what was used, and how");
	if (o->out != NULL && is_taken(o->out))
		return fl_fail(err, -EEXIST, "%s: there is a file already, perhaps with somebody's changes; give another name, or "
			       "remove it", o->out);
	int rc = fl_output_open(&out, o->out == NULL ? "-" : o->out, err);
	if (rc < 0)
		return rc;
	if (o->json)
		rc = fl_policy_write_plain(fl_output_file(out), s, err);
	else
		fl_policy_write(fl_output_file(out), s);
	if (rc == 0)
		return fl_output_commit(&out, err);
	fl_output_abort(&out);
	return rc;
}

static int hold(const struct check_options *o, const struct fl_system *s, struct fl_error *err)
{
	struct fl_policy *p = NULL;
	struct fl_system *old = NULL;
	int rc = fl_policy_read(&p, o->policy, err);
	if (rc == 0 && o->since != NULL)
		rc = fl_system_load_model(&old, &o->since, 1, o->model, err);
	if (rc == 0) {
		struct fl_arena *a = fl_arena_new();
		struct fl_policy_result *r = fl_policy_check(p, s, old);
		if (s->scans.count == 0)
			fl_command_warn(usage.command, "a graph file: only single points of failure are checked");
		if (o->json)
			print_json(a, s, r);
		else if (o->sarif)
			print_sarif(a, r);
		else
			print_table(a, s, r);
		rc = fl_results_end(usage.command, r->count == 0 ? FL_EXIT_OK : FL_EXIT_FOUND);
		fl_policy_result_free(r);
		fl_arena_free(a);
	}
	fl_system_free(old);
	fl_policy_free(p);
	return rc;
}

static int check_options(const struct check_options *o, struct fl_error *err)
{
	if (o->init == (o->policy != NULL))
		return fl_fail(err, -EINVAL, "give --policy FILE to check against, or --init to write one");
	if (o->out != NULL && !o->init)
		return fl_fail(err, -EINVAL, "-o goes with --init only; the result is printed");
	if (o->init && (o->sarif || o->since != NULL))
		return fl_fail(err, -EINVAL, "--%s goes with --policy FILE: --init writes a policy and checks nothing", o->sarif ? "sarif" : "since");
	if (o->json && o->sarif)
		return fl_fail(err, -EINVAL, "only one of --json and --sarif can be printed");
	return 0;
}

static int work(const struct check_options *o, const struct fl_strings *inputs, struct fl_error *err)
{
	struct fl_system *s = NULL;
	int rc = check_options(o, err);
	if (rc == 0)
		rc = fl_inputs_load_model(&s, inputs, 0, o->model, &usage, err);
	if (rc == 0)
		rc = o->init ? write_policy(o, s, err) : hold(o, s, err);
	fl_system_free(s);
	return rc;
}

static int run(int argc, char **argv)
{
	struct check_options o = { 0 };
	struct fl_strings inputs = { 0 };
	struct fl_error err;
	int rc = fl_options_parse(&usage, argc, argv, &o, &inputs, &err);
	bool help = rc == FL_OPTIONS_HELP;
	if (rc == FL_OPTIONS_OK)
		rc = work(&o, &inputs, &err);
	fl_strings_fini(&inputs);
	if (rc < 0)
		return fl_command_fail(usage.command, &err);
	return help ? FL_EXIT_OK : rc;
}

const struct fl_command fl_command_check = { "check", run, &usage };
