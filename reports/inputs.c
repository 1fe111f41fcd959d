/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inputs.c - what the commands over findings share: INPUTs, the frame of their output, coverage
 *
 * Every command prints the same frame: one line that says what this is and over which
 * hosts and time, the findings, then what was seen to find them. Coverage is no footnote: a
 * finding over a scan that dropped half its packets reads differently.
 */
#include "reports/inputs.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultline/escape.h"
#include "faultline/model.h"
#include "faultline/report.h"
#include "faultline/store.h"
#include "faultline/units.h"
#include "reports/digest_internal.h"
#include "reports/unanswered.h"

enum { TITLE_MAX_CHARACTERS = 160, HOSTS_NAMED = 6 };

static void warn_of(const char *command, const char *what, const struct fl_model_remark *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fl_command_warn(command, "%s: %s: %s%s", list[i].place, list[i].statement, what, list[i].text);
}

void fl_model_warn(const struct fl_system *s, const char *command)
{
	if (s->model == NULL)
		return;
	warn_of(command, "", s->model->unsupported, s->model->unsupported_count);
	warn_of(command, "contradicted: ", s->model->contradicted, s->model->contradicted_count);
}

/* Scans of before and after a release, given together, make a system that never was. */
static void warn_of_two_times(const struct fl_system *s, const char *command)
{
	size_t count;
	struct fl_watch *list = fl_system_watches(s, &count);
	for (size_t i = 1; i < count; i++) {
		const struct fl_watch *a = &list[i - 1], *b = &list[i];
		if (strcmp(a->host, b->host) != 0 || b->start_ns <= a->end_ns ||
			(double)b->start_ns - (double)a->end_ns <= (double)a->end_ns - (double)a->start_ns)
			continue;
		struct fl_arena *arena = fl_arena_new();
		fl_command_warn(command, "host %s was scanned at two times far apart (%s and %s), taken as one system; "
			"'faultline diff BEFORE AFTER' tells what changed between them",
			fl_say_name(arena, a->host), fl_say_time(arena, a->start_ns), fl_say_time(arena, b->start_ns));
		fl_arena_free(arena);
		break;
	}
	free(list);
}

static bool has_option(const struct fl_option *o, const char *name)
{
	while (o != NULL && o->name != NULL && strcmp(o->name, name) != 0)
		o++;
	return o != NULL && o->name != NULL;
}

static bool is_there(const char *input)
{
	struct stat status;
	const char *range;
	char *path = NULL;
	bool store = fl_store_is_input(input, &path, &range);
	free(path);
	return store || strcmp(input, "-") == 0 || stat(input, &status) == 0 || errno != ENOENT;
}

/* The commonest slips are a node where files are wanted, and files where a node is. */
static int check_order(const struct fl_usage *usage, const struct fl_strings *arguments, size_t first, struct fl_error *err)
{
	for (size_t i = first; i < arguments->count; i++) {
		const char *missing = arguments->list[i];
		if (is_there(missing))
			continue;
		if (first > 0 && strcmp(arguments->list[0], "-") != 0 && is_there(arguments->list[0]))
			return fl_fail(err, -ENOENT, "%.200s is a file and stands where a node is wanted, '%.100s' is no file and stands where "
				       "an INPUT is; the order is 'faultline %s %s...'", arguments->list[0], missing, usage->command,
				       first == 1 ? "NODE INPUT" : "A B INPUT");
		if (has_option(usage->options, "of"))
			return fl_fail(err, -ENOENT, "'%.200s' is no file, and an INPUT is wanted: scans, a directory of them, a store or a graph "
				       "file; of one node asks '--of %.100s'", missing, missing);
		return fl_fail(err, -ENOENT, "'%.200s' is no file, and an INPUT is wanted: scans, a directory of them, a store or a graph file; "
			       "'faultline %s --help' shows how", missing, usage->command);
	}
	return 0;
}

int fl_inputs_load_model(struct fl_system **s, const struct fl_strings *arguments, size_t first, const char *model,
	const struct fl_usage *usage, struct fl_error *err)
{
	const char *command = usage->command;
	struct stat status;
	if (first > 0 && arguments->count > 0 && arguments->count <= first &&
		stat(arguments->list[arguments->count - 1], &status) == 0)
		return fl_fail(err, -EINVAL,
			"NODE is missing before %s: give what is asked about first, then scans or a graph; 'faultline "
			"%s --help' shows how",
			arguments->list[arguments->count - 1], command);
	if (arguments->count <= first)
		return fl_fail(err, -EINVAL,
			"no input: give scan files, a directory of them, a store or a graph file; 'faultline %s "
			"--help' shows how",
			command);
	int code = check_order(usage, arguments, first, err);
	if (code == 0)
		code = fl_system_load_model(s, arguments->list + first, arguments->count - first, model, err);
	if (code == 0)
		fl_model_warn(*s, command);
	if (code == 0 && arguments->count - first > 1)
		warn_of_two_times(*s, command);
	return code;
}

/* ---- JSON ---- */

cJSON *fl_document_new(const char *schema)
{
	cJSON *root = cJSON_CreateObject();
	fl_json_add_string(root, "schema", schema);
	return root;
}

cJSON *fl_document_append(cJSON *array)
{
	cJSON *object = cJSON_CreateObject();
	cJSON_AddItemToArray(array, object);
	return object;
}

void fl_document_write(cJSON *root)
{
	fl_json_write(stdout, root);
	cJSON_Delete(root);
}

void fl_document_add_nodes(
	cJSON *object, const char *key, const struct fl_graph *g, const fl_node_id *nodes, size_t count)
{
	const char **ids = fl_alloc_array(count, sizeof(*ids));
	for (size_t i = 0; i < count; i++)
		ids[i] = fl_graph_node(g, nodes[i])->id;
	fl_json_add_strings(object, key, ids, count);
	free(ids);
}

void fl_document_add_assumed(cJSON *root, const struct fl_system *s)
{
	const char *words[2];
	size_t count = 0;
	if (s->entry_points_assumed)
		words[count++] = FL_GRAPH_ASSUMED_ENTRY_POINTS;
	if (s->requirements_assumed)
		words[count++] = FL_GRAPH_ASSUMED_REQUIREMENTS;
	if (count > 0)
		fl_json_add_strings(root, "assumed", words, count);
}

static const struct {
	const char *key;
	size_t offset;
} coverage_counts[] = {
	{ "packets", offsetof(struct fl_coverage, packets) },
	{ "bytes", offsetof(struct fl_coverage, bytes) },
	{ "dropped_kernel", offsetof(struct fl_coverage, dropped_kernel) },
	{ "dropped_interface", offsetof(struct fl_coverage, dropped_interface) },
	{ "not_ip", offsetof(struct fl_coverage, not_ip) },
	{ "truncated", offsetof(struct fl_coverage, truncated) },
	{ "malformed", offsetof(struct fl_coverage, malformed) },
	{ "duplicates", offsetof(struct fl_coverage, duplicates) },
	{ "fragments", offsetof(struct fl_coverage, fragments) },
	{ "parse_errors", offsetof(struct fl_coverage, parse_errors) },
	{ "flows", offsetof(struct fl_coverage, flows) },
	{ "flows_named", offsetof(struct fl_coverage, flows_named) },
	{ "flows_unattributed", offsetof(struct fl_coverage, flows_unattributed) },
	{ "name_answers", offsetof(struct fl_coverage, name_answers) },
};

static uint64_t unnamed_flows(const struct fl_coverage *c)
{
	return c->flows > c->flows_named ? c->flows - c->flows_named : 0;
}

static void add_hosts(cJSON *object, const struct fl_system *s)
{
	const struct fl_graph *g = s->graph;
	size_t count = 0;
	fl_node_id *hosts = fl_alloc_array(fl_graph_order(g), sizeof(*hosts));
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		if (fl_graph_is_kind(g, v, "host"))
			hosts[count++] = v;
	const char **names = fl_alloc_array(count, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = fl_system_label(s, hosts[i]);
	fl_json_add_strings(object, "hosts", names, count);
	free(names);
	free(hosts);
}

static void add_lists(cJSON *object, const struct fl_coverage *c)
{
	cJSON *limits = cJSON_AddArrayToObject(object, "limits");
	for (size_t i = 0; i < c->limit_count; i++) {
		cJSON *limit = fl_document_append(limits);
		fl_json_add_string(limit, "name", c->limits[i].name);
		fl_json_add_u64(limit, "limit", c->limits[i].limit);
		fl_json_add_u64(limit, "hits", c->limits[i].hits);
		fl_json_add_string(limit, "what", c->limits[i].what);
	}
	cJSON *spots = cJSON_AddArrayToObject(object, "blind_spots");
	for (size_t i = 0; i < c->blind_spot_count; i++) {
		cJSON *spot = fl_document_append(spots);
		fl_json_add_string(spot, "kind", c->blind_spots[i].kind);
		fl_json_add_u64(spot, "count", c->blind_spots[i].count);
		fl_json_add_string(spot, "text", c->blind_spots[i].text);
	}
}

static void add_remarks(cJSON *object, const char *key, const struct fl_model_remark *list, size_t count)
{
	cJSON *array = cJSON_AddArrayToObject(object, key);
	for (size_t i = 0; i < count; i++) {
		cJSON *o = fl_document_append(array);
		fl_json_add_string(o, "place", list[i].place);
		fl_json_add_string(o, "statement", list[i].statement);
		fl_json_add_string(o, "text", list[i].text);
	}
}

void fl_document_add_model(cJSON *root, const struct fl_model_outcome *m)
{
	if (m == NULL)
		return;
	cJSON *object = cJSON_AddObjectToObject(root, "model");
	fl_json_add_string(object, "file", m->file);
	fl_json_add_u64(object, "statements", m->statements);
	add_remarks(object, "unsupported", m->unsupported, m->unsupported_count);
	add_remarks(object, "contradicted", m->contradicted, m->contradicted_count);
}

void fl_document_add_coverage(cJSON *root, const char *key, const struct fl_system *s)
{
	const struct fl_coverage *c = &s->coverage;
	fl_document_add_model(root, s->model);
	cJSON *object = cJSON_AddObjectToObject(root, key);
	fl_json_add_u64(object, "scans", s->scans.count);
	if (s->scans.count == 0) {
		fl_json_add_string(object, "note", "a graph file: stated, not seen");
		return;
	}
	fl_json_add_time(object, "start", s->start_ns);
	fl_json_add_time(object, "end", s->end_ns);
	fl_json_add_double(object, "watched_s", s->watched_s);
	add_hosts(object, s);
	for (size_t i = 0; i < FL_ARRAY_LEN(coverage_counts); i++)
		fl_json_add_u64(object, coverage_counts[i].key,
			*(const uint64_t *)((const char *)c + coverage_counts[i].offset));
	fl_json_add_u64(object, "services_only_probed", s->probed_services);
	fl_unanswered_add(object, s);
	fl_json_add_u64(object, "flows_unnamed", unnamed_flows(c));
	fl_json_add_string(object, "host_detection", c->host_detection);
	fl_json_add_double(object, "unseen_dependencies", c->unseen_dependencies);
	fl_json_add_double(object, "window_for_95_s", c->window_for_95_s);
	add_lists(object, c);
}

/* ---- terminal ---- */

void fl_line_write(const char *text)
{
	fl_escape_write(stdout, FL_LANGUAGE_TERMINAL, text);
	fputc('\n', stdout);
}

void fl_assumption_write(const struct fl_system *s)
{
	if (s->requirements_assumed)
		fl_line_write(
			"assumed: a service fails with whatever its requests use; what it can do without, "
			"packets do not tell");
}

void fl_heading_write(const struct fl_system *s, const char *text)
{
	bool colour = fl_terminal_colour(stdout);
	char duration[FL_TIME_TEXT];
	struct fl_arena *a = fl_arena_new();
	const char *where = "stated in a graph file";
	if (s->scans.count > 0) {
		char *title = fl_escape_string(FL_LANGUAGE_TERMINAL, s->title, TITLE_MAX_CHARACTERS);
		where = fl_arena_printf(a, "seen at %s; %s, %s", title == NULL ? "" : title,
			fl_say_time(a, s->start_ns), fl_duration_format(fl_time_span(s->start_ns, s->end_ns), duration));
		free(title);
	}
	fputs(colour ? "\033[1m" : "", stdout);
	fl_escape_write(stdout, FL_LANGUAGE_TERMINAL, text);
	fputs(colour ? "\033[0m" : "", stdout);
	fl_escape_write(stdout, FL_LANGUAGE_TERMINAL, fl_arena_printf(a, " (%s)", where));
	fputs("\n\n", stdout);
	fl_arena_free(a);
}

static void write_unseen(struct fl_arena *a, const struct fl_system *s)
{
	const struct fl_coverage *c = &s->coverage;
	char duration[FL_TIME_TEXT];
	for (size_t i = 0; i < c->limit_count; i++)
		if (c->limits[i].hits > 0)
			fl_line_write(fl_arena_printf(a, "not seen: %s %s (limit of the %s: %s): %s", fl_arena_count(a, c->limits[i].hits),
				c->limits[i].what == NULL ? "lost" : c->limits[i].what, c->limits[i].name, fl_arena_count(a, c->limits[i].limit),
				fl_scan_limit_means(c->limits[i].name)));
	for (size_t i = 0; i < c->blind_spot_count; i++) {
		const struct fl_scan_blind_spot *b = &c->blind_spots[i];
		const char *text = b->text == NULL ? b->kind : b->text;
		fl_line_write(fl_scan_blind_spot_counts(b->kind)
				      ? fl_arena_printf(a, "not seen: %s (%s)", text, fl_arena_count(a, b->count))
				      : fl_arena_printf(a, "less sure: %s", text));
	}
	if (!fl_estimate_holds(s))
		return;
	if (c->unseen_dependencies >= 0.5 && isfinite(c->window_for_95_s) && c->window_for_95_s < 1e9)
		fl_line_write(fl_arena_printf(a,
			"not seen yet: about %.0f more dependencies; %s of scanning would see 95 %% of them",
			c->unseen_dependencies,
			fl_duration_format(fl_ns_of_seconds(c->window_for_95_s), duration)));
	else if (c->unseen_dependencies >= 0.5)
		fl_line_write(fl_arena_printf(
			a, "not seen yet: about %.0f more dependencies", c->unseen_dependencies));
}

void fl_coverage_write(const struct fl_system *s)
{
	const struct fl_coverage *c = &s->coverage;
	struct fl_arena *a = fl_arena_new();
	fputc('\n', stdout);
	if (s->scans.count == 0) {
		fl_line_write("seen: nothing, a graph file states what it states");
	} else {
		uint64_t unnamed = unnamed_flows(c);
		fl_line_write(fl_arena_printf(a,
			"seen: %s, %s packets, %s dropped; %s unnamed, %s unattributed",
			fl_say_count(a, s->scans.count, "scan", "scans"), fl_say_number(a, c->packets),
			fl_say_number(a, c->dropped_kernel + c->dropped_interface),
			fl_say_count(a, unnamed, "flow", "flows"), fl_say_number(a, c->flows_unattributed)));
		const char *absent = fl_say_not_scanned(a, s);
		if (absent != NULL)
			fl_line_write(fl_arena_printf(a, "not scanned: %s", absent));
		const char *unanswered = fl_say_unanswered(a, s);
		if (unanswered != NULL)
			fl_line_write(fl_arena_printf(a, "left out: %s", unanswered));
		if (s->probed_services > 0)
			fl_line_write(fl_arena_printf(a, "left out: %s that only probes talked to",
				fl_say_count(a, s->probed_services, "service", "services")));
		write_unseen(a, s);
	}
	fl_arena_free(a);
}

/* Whoever read standard output went away: nobody is left to tell. */
static bool has_no_reader(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

int fl_results_end(const char *command, int code)
{
	struct fl_error err;
	if ((fflush(stdout) == 0 && !ferror(stdout)) || has_no_reader())
		return code;
	fl_fail(&err, -EIO, "standard output could not be written: %s; see whether the disk is full or the pipe was closed",
		strerror(errno));
	return fl_command_fail(command, &err);
}

const char *fl_path_between(
	struct fl_arena *a, const struct fl_system *s, const fl_node_id *path, size_t length)
{
	const char *text = NULL;
	size_t named = 0;
	for (size_t i = 1; i + 1 < length; i++) {
		if (fl_graph_is_kind(s->graph, path[i], "endpoint") ||
			fl_graph_is_kind(s->graph, path[i], "resolver"))
			continue;
		if (++named > HOSTS_NAMED)
			return fl_arena_printf(a, "%s > ...", text);
		const char *label = fl_say_label(a, s, path[i]);
		text = text == NULL ? label : fl_arena_printf(a, "%s > %s", text, label);
	}
	return text;
}

int fl_findings_run(
	const struct fl_findings_command *c, int argc, char **argv, void *options, const char *const *model)
{
	struct fl_strings arguments = { 0 };
	struct fl_system *system = NULL;
	struct fl_error err;
	int rc = fl_options_parse(c->usage, argc, argv, options, &arguments, &err);
	bool help = rc == FL_OPTIONS_HELP;
	if (rc == FL_OPTIONS_OK)
		rc = fl_inputs_load_model(&system, &arguments, c->first, *model, c->usage, &err);
	if (rc == 0)
		rc = c->work(system, &arguments, options, &err);
	if (rc == 0)
		rc = fl_results_end(c->usage->command, FL_EXIT_OK);
	fl_system_free(system);
	fl_strings_fini(&arguments);
	if (rc < 0)
		return fl_command_fail(c->usage->command, &err);
	return help ? FL_EXIT_OK : rc;
}
