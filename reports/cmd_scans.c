/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_scans.c - faultline scans: the windows of a store
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/arena.h"
#include "faultline/report.h"
#include "faultline/store.h"
#include "faultline/units.h"
#include "reports/inputs.h"

struct scans_options {
	bool json;
};

static const struct fl_option options[] = {
	FL_JSON_OPTION(scans_options),
	{ 0 },
};

static const struct fl_usage usage = {
	.command = "scans",
	.synopsis = "STORE[@RANGE]... [--json]",
	.about = "List the windows of a store: when, where, how much was seen, how much was not",
	.options = options,
	.notes = "RANGE is latest, TIME/DURATION or TIME/TIME, e.g. shop.db@2026-11-01T10:00Z/2h. Every command that takes\n"
		 "INPUT takes a store in the same words.\n",
};

enum { NS_PER_MS = 1000000 };

struct listing {
	struct fl_arena *arena;
	struct fl_store_window *list;
	size_t count, capacity;
	struct fl_strings empty; /* a sentence for each input without a window */
};

/* What a store holds instead of the windows that were asked for. */
struct instead {
	const struct fl_store_range *range;
	size_t windows;
	struct fl_store_window nearest; /* its texts are gone */
};

static void keep(void *context, const struct fl_store_window *w)
{
	struct listing *l = context;
	if (l->count == l->capacity) {
		l->capacity = fl_grown(l->capacity, l->count + 1);
		l->list = fl_grow_array(l->list, l->capacity, sizeof(*l->list));
	}
	l->list[l->count] = *w;
	l->list[l->count].point = fl_arena_string(l->arena, w->point);
	l->list[l->count++].source = fl_arena_string(l->arena, w->source);
}

static int64_t distance(const struct fl_store_range *range, const struct fl_store_window *w)
{
	return w->start_ns >= range->to_ns ? fl_time_span(range->to_ns, w->start_ns) : fl_time_span(w->end_ns, range->from_ns);
}

static void see_instead(void *context, const struct fl_store_window *w)
{
	struct instead *in = context;
	if (in->windows++ == 0 || distance(in->range, w) < distance(in->range, &in->nearest))
		in->nearest = *w;
}

/* A moment of the window that is short to write: STORE@ with it means this window, not the one before. */
static const char *moment_in(const struct fl_store_window *w, char text[static FL_TIME_TEXT])
{
	int64_t part = w->start_ns % NS_PER_MS, up = w->start_ns;
	if (part > 0 && w->end_ns - w->start_ns > NS_PER_MS)
		up += NS_PER_MS - part;
	fl_time_format(up, text);
	char *dot = strchr(text, '.'), *zeros = dot ? strstr(dot, "000Z") : NULL;
	if (zeros)
		memcpy(zeros, "Z", 2);
	return text;
}

/* Nothing was listed of the store: what there is, and how it is asked for. */
static int say_instead(struct listing *l, struct fl_store *store, const char *path, const struct fl_store_range *range,
	const char *text, struct fl_error *err)
{
	struct fl_store_range all;
	struct instead in = { .range = range };
	char moment[FL_TIME_TEXT];
	int code = fl_store_range_parse(&all, "", err);
	if (code == 0)
		code = fl_store_list(store, &all, see_instead, &in, err);
	if (code < 0)
		return code;
	const char *sentence = fl_arena_printf(l->arena, "%s: no window is in it; 'faultline watch --store %s' and 'faultline scan --store %s' put them there",
		path, path, path);
	if (in.windows > 0)
		sentence = fl_arena_printf(l->arena, "%s: no window in %s, of %s in the store; the nearest is %s@%s, and %s alone lists all", path,
			text, fl_arena_count(l->arena, in.windows), path, moment_in(&in.nearest, moment), path);
	fl_strings_add(&l->empty, sentence);
	return 0;
}

static int read_store(struct listing *l, const char *input, struct fl_error *err)
{
	struct fl_store_range range;
	struct fl_store *store = NULL;
	const char *text;
	char *path;
	size_t before = l->count;
	if (!fl_store_is_input(input, &path, &text))
		return fl_fail(err, -EINVAL, "%s: is no store; 'faultline watch' and 'faultline scan --store' make them", input);
	int code = fl_store_range_parse(&range, text, err);
	if (code == 0)
		code = fl_store_open(&store, path, FL_STORE_READ, err);
	if (code == 0)
		code = fl_store_list(store, &range, keep, l, err);
	if (code == 0 && l->count == before)
		code = say_instead(l, store, path, &range, text, err);
	fl_store_close(store);
	free(path);
	return code;
}

static void write_json(const struct listing *l)
{
	cJSON *root = fl_document_new("faultline.scans/1"), *array = cJSON_AddArrayToObject(root, "scans");
	for (size_t i = 0; i < l->count; i++) {
		const struct fl_store_window *w = &l->list[i];
		cJSON *o = fl_document_append(array);
		fl_json_add_string(o, "point", w->point);
		fl_json_add_string(o, "source", w->source);
		fl_json_add_time(o, "start", w->start_ns);
		fl_json_add_time(o, "end", w->end_ns);
		fl_json_add_u64(o, "packets", w->packets);
		fl_json_add_u64(o, "bytes", w->bytes);
		fl_json_add_u64(o, "dropped", w->dropped);
		fl_json_add_u64(o, "flows", w->flows);
		fl_json_add_u64(o, "flows_unattributed", w->flows_unattributed);
		fl_json_add_u64(o, "services", w->services);
		fl_json_add_u64(o, "dependencies", w->dependencies);
		fl_json_add_u64(o, "blind_spots", w->blind_spots);
		fl_json_add_u64(o, "size", w->size);
	}
	fl_document_write(root);
}

static void write_table(const struct listing *l)
{
	static const char *const headings[] = { "start", "length", "point", "packets", "dropped", "flows", "unattributed",
						"dependencies", "blind spots" };
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < l->count; i++) {
		const struct fl_store_window *w = &l->list[i];
		char start[FL_TIME_TEXT], length[FL_TIME_TEXT];
		const uint64_t counts[] = { w->packets, w->dropped, w->flows, w->flows_unattributed, w->dependencies,
					    w->blind_spots };
		const char *cells[FL_ARRAY_LEN(headings)] = { moment_in(w, start),
							      fl_duration_format(fl_time_span(w->start_ns, w->end_ns), length), w->point };
		for (size_t k = 0; k < FL_ARRAY_LEN(counts); k++)
			cells[3 + k] = fl_arena_count(l->arena, counts[k]);
		fl_table_row(t, cells);
	}
	fl_table_write(t, stdout, 0x1f8, fl_terminal_width(stdout));
}

static void write_text(const struct listing *l)
{
	if (l->count > 0)
		write_table(l);
	for (size_t i = 0; i < l->empty.count; i++)
		fl_line_write(l->empty.list[i]);
}

static int run(int argc, char **argv)
{
	struct scans_options o = { 0 };
	struct fl_strings arguments = { 0 };
	struct listing l = { .arena = fl_arena_new() };
	struct fl_error err;
	int rc = fl_options_parse(&usage, argc, argv, &o, &arguments, &err);
	bool help = rc == FL_OPTIONS_HELP;
	if (rc == FL_OPTIONS_OK && arguments.count == 0)
		rc = fl_fail(&err, -EINVAL, "no store; give the file that 'faultline watch --store' writes");
	for (size_t i = 0; i < arguments.count && rc == 0 && !help; i++)
		rc = read_store(&l, arguments.list[i], &err);
	if (rc == 0 && !help) {
		if (o.json)
			write_json(&l);
		else
			write_text(&l);
		rc = fl_results_end("scans", FL_EXIT_OK);
	}
	fl_arena_free(l.arena);
	free(l.list);
	fl_strings_fini(&l.empty);
	fl_strings_fini(&arguments);
	if (rc < 0)
		return fl_command_fail("scans", &err);
	return help ? FL_EXIT_OK : rc;
}

const struct fl_command fl_command_scans = { "scans", run, &usage };
