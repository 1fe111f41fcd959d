/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c - INPUTs of the command line become a system
 *
 * Either scans, from any number of files, directories, stores and standard input, or one graph file; a graph has
 * no evidence that scans could be added to, so both together are refused. What a file is is told by its
 * "schema", never by its name.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyze/join_internal.h"
#include "analyze/model_internal.h"
#include "faultline/json.h"
#include "faultline/store.h"

enum { ASSUMED_WORD_MAX = 64 /* bytes */ };

struct loading {
	struct fl_scan_set set;
	struct fl_graph *graph;
	const char *graph_name; /* owned */
	bool entry_points_assumed, requirements_assumed; /* of the graph */
	size_t files;
	struct fl_error *err;
};

/* Schema of a document; a tree of the whole is made only where it says that it is ours. @assumed: what a graph has under that name. */
static int read_schema(const struct fl_json_text *t, cJSON **schema, struct fl_json_piece *assumed, struct fl_error *err)
{
	enum { SCHEMA, ASSUMED, KEYS };
	static const char *const keys[KEYS] = { "schema", "assumed" };
	struct fl_json_piece found[KEYS];
	int code = fl_json_text_members(t, keys, KEYS, found, err);

	*schema = NULL;
	if (code == 0 && found[SCHEMA].at != NULL && *found[SCHEMA].at == '"' && found[SCHEMA].size <= FL_ERROR_MAX)
		code = fl_json_text_tree(t, found[SCHEMA], schema, err);
	*assumed = found[ASSUMED];
	return code;
}

static bool schema_begins(const cJSON *schema, const char *with)
{
	return schema != NULL && strncmp(schema->valuestring, with, strlen(with)) == 0;
}

static int load_scans(struct loading *l, const struct fl_json_text *t, const cJSON *schema)
{
	struct fl_json_piece whole = { t->at, schema_begins(schema, "faultline.scan") ? t->size : 0 };
	cJSON *root = NULL;
	int code = 0;

	if (whole.size > 0) {
		code = fl_json_text_tree(t, whole, &root, l->err);
	} else { /* another document, or none: what is wrong with it its schema tells */
		root = cJSON_CreateObject();
		if (schema != NULL)
			fl_json_add_string(root, "schema", schema->valuestring);
	}
	if (code == 0)
		code = fl_scan_set_from_json(&l->set, t->name, root, l->err);
	cJSON_Delete(root);
	return code;
}

static int load_store(struct loading *l, const char *path, const char *range_text)
{
	struct fl_store_range range;
	struct fl_store *store = NULL;
	size_t before = l->set.count;
	int code = l->graph ? fl_fail(l->err, -EINVAL, "%s: a graph file stands alone; give either one graph file or scans, not both",
				      l->graph_name)
			    : fl_store_range_parse(&range, range_text, l->err);
	if (code == 0)
		code = fl_store_open(&store, path, FL_STORE_READ, l->err);
	if (code == 0)
		code = fl_store_read(store, &range, &l->set, l->err);
	if (code == 0 && l->set.count == before)
		code = fl_fail(l->err, -ENOENT, "%s: no window%s%s; 'faultline scans %s' lists what is there", path,
			       *range_text ? " in " : " in it", range_text, path);
	fl_store_close(store);
	l->files++;
	return code;
}

/* What of a graph was taken when it was made of scans; other words are those of a later faultline. */
static int read_assumed(struct loading *l, const struct fl_json_text *t, struct fl_json_piece assumed)
{
	struct fl_json_piece rest, piece;
	int code = 0;

	if (assumed.at == NULL || !fl_json_text_array(assumed, &rest))
		return 0;
	while (code == 0 && fl_json_text_next(&rest, &piece)) {
		cJSON *word = NULL;
		if (piece.size > ASSUMED_WORD_MAX || *piece.at != '"')
			continue;
		code = fl_json_text_tree(t, piece, &word, l->err);
		l->entry_points_assumed |= code == 0 && strcmp(word->valuestring, FL_GRAPH_ASSUMED_ENTRY_POINTS) == 0;
		l->requirements_assumed |= code == 0 && strcmp(word->valuestring, FL_GRAPH_ASSUMED_REQUIREMENTS) == 0;
		cJSON_Delete(word);
	}
	return code;
}

static int load_file(struct loading *l, const char *path)
{
	struct fl_json_text text;
	struct fl_json_piece assumed;
	cJSON *schema = NULL;
	int code;

	code = fl_json_read_text(path, &text, l->err);
	if (code < 0)
		return code;
	code = read_schema(&text, &schema, &assumed, l->err);
	bool graph = schema_begins(schema, "faultline.graph/");
	if (code == 0 && (graph ? l->files > 0 : l->graph != NULL))
		code = fl_fail(l->err, -EINVAL,
			"%s: a graph file stands alone; give either one graph "
			"file or scans, not both",
			l->graph ? l->graph_name : text.name);
	else if (code == 0 && graph)
		code = read_assumed(l, &text, assumed);
	if (code == 0 && graph)
		code = fl_graph_from_text(&l->graph, &text, l->err);
	else if (code == 0)
		code = load_scans(l, &text, schema);
	if (code == 0 && l->graph && !l->graph_name)
		l->graph_name = fl_copy_string(text.name);
	cJSON_Delete(schema);
	fl_json_text_fini(&text);
	l->files++;
	return code;
}

/* "*.json", none that a shell would hide. */
static int is_json_name(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static char *path_in(const char *directory, const char *name)
{
	size_t length = strlen(directory), size = length + strlen(name) + 2;
	char *path = fl_alloc(size);

	snprintf(
		path, size, "%s%s%s", directory, length > 0 && directory[length - 1] == '/' ? "" : "/", name);
	return path;
}

static int load_directory(struct loading *l, const char *directory)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_json_name, by_name), code = 0;

	if (count < 0)
		return fl_fail(
			l->err, -errno, "%s: %s; is the directory readable?", directory, strerror(errno));
	if (count == 0)
		code = fl_fail(l->err, -ENOENT,
			"%s: no *.json file in this directory; write scans into it with "
			"'faultline scan -o %s/NAME.json'",
			directory, directory);
	for (int i = 0; i < count; i++) {
		char *path = path_in(directory, entries[i]->d_name);
		if (code == 0)
			code = load_file(l, path);
		free(path);
		free(entries[i]);
	}
	free(entries);
	return code;
}

static int load_input(struct loading *l, const char *input)
{
	struct stat status;
	const char *range;
	char *store;

	if (fl_store_is_input(input, &store, &range)) {
		int code = load_store(l, store, range);
		free(store);
		return code;
	}
	if (strcmp(input, "-") != 0 && stat(input, &status) == 0 && S_ISDIR(status.st_mode))
		return load_directory(l, input);
	return load_file(l, input);
}

/* "shop.json" of "/a/shop.json" is titled "shop". */
static const char *title_of_graph(struct fl_system *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;
	size_t length = strlen(name);

	if (length > 5 && strcmp(name + length - 5, ".json") == 0)
		length -= 5;
	return fl_arena_string_n(s->arena, name, length);
}

static struct fl_system *system_of_graph(const struct loading *l, struct fl_model *m)
{
	struct fl_system *s = fl_system_new();

	s->requirements_assumed = l->requirements_assumed;
	s->entry_points_assumed = l->entry_points_assumed && (!m || m->entry_count == 0);
	s->graph = fl_model_apply(m, l->graph, true);
	s->coverage.unseen_dependencies = NAN;
	s->coverage.window_for_95_s = NAN;
	s->title = title_of_graph(s, l->graph_name);
	fl_system_describe_nodes(s);
	fl_model_finish(m, s);
	return s;
}

int fl_system_load(struct fl_system **system, const char *const *inputs, size_t count, struct fl_error *err)
{
	return fl_system_load_model(system, inputs, count, NULL, err);
}

int fl_system_load_model(struct fl_system **system, const char *const *inputs, size_t count, const char *model,
	struct fl_error *err)
{
	struct loading l = { .err = err };
	struct fl_model *m = NULL;
	int code = model ? fl_model_read(&m, model, err) : 0;

	if (code == 0 && count == 0)
		code = fl_fail(err, -EINVAL,
			"no input; give scan files, a directory of them, a store, a graph file, or "
			"- for standard input");
	for (size_t i = 0; i < count && code == 0; i++)
		code = load_input(&l, inputs[i]);
	if (code == 0 && !l.graph && l.set.count == 0)
		code = fl_fail(err, -EINVAL, "%s: no scan in it; was anything scanned?", inputs[0]);
	if (code == 0)
		*system = l.graph ? system_of_graph(&l, m) : fl_system_join_model(&l.set, m);
	else
		fl_graph_free(l.graph);
	fl_model_free(m);
	fl_scan_set_fini(&l.set);
	free((char *)(uintptr_t)l.graph_name);
	return code;
}
