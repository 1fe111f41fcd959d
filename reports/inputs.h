/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inputs.h - what the commands over findings share: INPUTs, the frame of their output, coverage
 */
#ifndef FAULTLINE_REPORTS_INPUTS_H
#define FAULTLINE_REPORTS_INPUTS_H

#include "faultline/command.h"
#include "faultline/json.h"
#include "faultline/system.h"

#define FL_JSON_OPTION(type)                                                                                 \
	{                                                                                                    \
		"json", 0, FL_OPTION_FLAG, offsetof(struct type, json), 0, 0, NULL,                          \
			"print JSON for programs"                                                            \
	}

#define FL_MODEL_OPTION(type)                                                                                \
	{                                                                                                    \
		"model", 0, FL_OPTION_STRING, offsetof(struct type, model), 0, 0, "FILE",                    \
			"what packets cannot tell: groups, zones, owners, entry points, renames"             \
	}

/* For notes of usages: what may be given as INPUT. */
#define FL_INPUT_NOTE                                                                                        \
	"INPUT is scan files, a directory of them, a store (shop.db, shop.db@latest, shop.db@TIME/DURATION),\n" \
	"a graph file, or - for standard input.\n"

/* For notes of usages: "NODE " and how one is given. */
#define FL_NODE_NOTE                                                                                         \
	"is an id of the graph, or any part of one that only one node has: db1, vendor.example.\n"           \
	"Whole words win over parts of words, a service over its host and its names; what is not unique is\n" \
	"refused, with the candidates.\n"

/* fl_system_load_model() of the arguments from @first on; an error when there are none. @model: the model file, NULL: none;
 * what of it no scan supports, and what scans contradict, is said on standard error. */
int fl_inputs_load_model(struct fl_system **s, const struct fl_strings *arguments, size_t first, const char *model,
	const struct fl_usage *usage, struct fl_error *err);
void fl_model_warn(const struct fl_system *s, const char *command);

/* A command over findings: read the options, load the INPUTs behind the first arguments, do its work, end its output. */
struct fl_findings_command {
	const struct fl_usage *usage;
	size_t first; /* arguments before the INPUTs */
	/* Prints; 0 or a negative errno value with @err filled. @options: the command's own struct. */
	int (*work)(const struct fl_system *s, const struct fl_strings *arguments, const void *options,
		struct fl_error *err);
};
/* @options holds the defaults; @model is its member of that name. Return: an exit code. */
int fl_findings_run(const struct fl_findings_command *c, int argc, char **argv, void *options,
	const char *const *model);

/* An object with "schema" first; @schema: "faultline.deps/1". */
cJSON *fl_document_new(const char *schema);
/* "model": file, statements, unsupported[] and contradicted[] (place, statement, text); nothing for NULL. */
void fl_document_add_model(cJSON *root, const struct fl_model_outcome *m);
/* "assumed"[] of a graph file: what of it no packet and no person told; nothing where all was stated. */
void fl_document_add_assumed(cJSON *root, const struct fl_system *s);
/* @key: { scans, watched_s, start, end, hosts[], packets ... limits[], blind_spots[] }; for a graph file
 * only scans (0) and a note: nothing was seen. With a model "model" is added, too. */
void fl_document_add_coverage(cJSON *root, const char *key, const struct fl_system *s);
/* Node ids as an array. */
void fl_document_add_nodes(
	cJSON *object, const char *key, const struct fl_graph *g, const fl_node_id *nodes, size_t count);
cJSON *fl_document_append(cJSON *array);
/* Print and free. */
void fl_document_write(cJSON *root);

/* "TEXT" and, on the same line, over which hosts and window. Bold on a terminal. */
void fl_heading_write(const struct fl_system *s, const char *text);
/* "seen: 12 scans, 104 233 packets, 0 dropped; 3 flows unnamed", then a line for each thing that
 * was not seen. */
void fl_coverage_write(const struct fl_system *s);
/* What a result says that rests on them. */
#define FL_ENTRY_POINTS_ASSUMED \
	"entry points assumed: nobody from outside was seen to call a service; taken are those that nobody calls, a model file can state others"
/* What failing means where only traffic was seen; nothing for a graph that is stated. */
void fl_assumption_write(const struct fl_system *s);
/* One line of text, escaped. */
void fl_line_write(const char *text);

/* Flush standard output: @code, also where its reader ended early, or FL_EXIT_ERROR with a message when it could not be
 * written. */
int fl_results_end(const char *command, int code);

/* Services between the ends of a path, "a > b"; NULL when there are none. */
const char *fl_path_between(
	struct fl_arena *a, const struct fl_system *s, const fl_node_id *path, size_t length);

#endif
