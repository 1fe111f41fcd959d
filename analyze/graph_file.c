/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_file.c - faultline.graph/1: reading and writing
 *
 * Anyone may write such a file by hand, so every member is checked and an error names
 * its place as a path into the document: requirements[17].members[2]. The document:
 *
 *   { "schema": "faultline.graph/1",
 *     "nodes": [{"id", "kind"?, "failure_probability"?}],
 *     "requirements": [{"of", "needs", "members": [id...], "coupling"?, "redundancy"?, "evidence"?}],
 *     "entry_points": [{"node", "weight"?} or id] }
 *
 * Reading leans on one property of the builder: handles are dense in the order of creation.
 * A handle that is not below the number of nodes read so far is a node nobody
 * declared, so dangling ids and duplicates need no table of our own and reading stays linear.
 * Whether a member was named twice in one requirement is told by a stamp per
 * node, the number of the requirement that named it last.
 *
 * A large document is never a tree as a whole: its text is checked in one pass, and each item of its lists is a
 * small document of its own for the same functions.
 *
 * Writing goes object by object, one to a line: a tree of the whole graph would cost
 * many times the graph, and lines can be read by diff and grep.
 */
#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/graph.h"
#include "faultline/json.h"

struct reading {
	const char *name; /* of the document */
	struct fl_error *err;
	struct fl_graph_builder *builder;
	uint32_t node_count;
	uint32_t *stamps;  /* of every node: requirement that named it last, + 1 */
	uint32_t *members; /* scratch */
	size_t member_capacity;
};

static const struct {
	const char *word;
	enum fl_redundancy value;
} redundancy_words[] = {
	{ "none", FL_REDUNDANCY_NONE },
	{ "assumed", FL_REDUNDANCY_ASSUMED },
	{ "confirmed", FL_REDUNDANCY_CONFIRMED },
};

/* ---- reading ---- */

/* A number in 0..1, or absent, null: *@value unchanged. */
static int read_share(struct reading *r, const cJSON *object, const char *list, size_t index, const char *key,
	double *value)
{
	const cJSON *item = fl_json_get(object, key);
	if (item == NULL || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= 1))
		return fl_fail(r->err, -EINVAL, "%s: %s[%zu].%s must be a number from 0 to 1", r->name, list,
			index, key);
	*value = item->valuedouble;
	return 0;
}

/* A string or absent, null: *@text is NULL. */
static int read_text(struct reading *r, const cJSON *object, const char *list, size_t index, const char *key,
	const char **text)
{
	const cJSON *item = fl_json_get(object, key);
	*text = NULL;
	if (item == NULL || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsString(item))
		return fl_fail(r->err, -EINVAL, "%s: %s[%zu].%s must be a string", r->name, list, index, key);
	*text = item->valuestring;
	return 0;
}

static int read_node(struct reading *r, const cJSON *object, size_t index)
{
	const char *id, *kind;
	double p = NAN;
	if (!cJSON_IsObject(object))
		return fl_fail(r->err, -EINVAL, "%s: nodes[%zu] must be an object", r->name, index);
	if (read_text(r, object, "nodes", index, "id", &id) < 0 ||
		read_text(r, object, "nodes", index, "kind", &kind) < 0 ||
		read_share(r, object, "nodes", index, "failure_probability", &p) < 0)
		return -EINVAL;
	if (id == NULL || id[0] == '\0')
		return fl_fail(r->err, -EINVAL, "%s: nodes[%zu].id must be a string that is not empty",
			r->name, index);
	if (r->node_count == FL_NODE_NONE - 2)
		return fl_fail(r->err, -EINVAL, "%s: nodes[%zu]: too many nodes", r->name, index);
	uint32_t handle = fl_graph_builder_node(r->builder, id, kind);
	if (handle != r->node_count)
		return fl_fail(r->err, -EINVAL, "%s: nodes[%zu].id: '%.200s' is there already as nodes[%u]; give each node an id of its own",
			r->name, index, id, (unsigned)handle);
	r->node_count++;
	fl_graph_builder_probability(r->builder, handle, p);
	return 0;
}

/* Handle of a declared node; FL_NODE_NONE for others (the builder then holds a stray one, and
 * dies with the error that follows). */
static uint32_t find_node(struct reading *r, const char *id)
{
	if (id == NULL || id[0] == '\0')
		return FL_NODE_NONE;
	uint32_t handle = fl_graph_builder_node(r->builder, id, NULL);
	return handle < r->node_count ? handle : FL_NODE_NONE;
}

static int read_members(struct reading *r, const cJSON *list, size_t index, size_t *count, uint32_t *distinct)
{
	const cJSON *item;
	*count = 0;
	*distinct = 0;
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item))
			return fl_fail(r->err, -EINVAL, "%s: requirements[%zu].members[%zu] must be a string",
				r->name, index, *count);
		uint32_t handle = find_node(r, item->valuestring);
		if (handle == FL_NODE_NONE)
			return fl_fail(r->err, -EINVAL,
				"%s: requirements[%zu].members[%zu]: no node has the id '%.200s'; see \"nodes\"", r->name,
				index, *count, item->valuestring);
		if (*count == r->member_capacity) {
			r->member_capacity = fl_grown(r->member_capacity, *count + 1);
			r->members = fl_grow_array(r->members, r->member_capacity, sizeof(*r->members));
		}
		*distinct += r->stamps[handle] != index + 1;
		r->stamps[handle] = (uint32_t)index + 1;
		r->members[(*count)++] = handle;
	}
	return 0;
}

static int read_needs(
	struct reading *r, const cJSON *object, size_t index, uint32_t distinct, uint32_t *needs)
{
	const cJSON *item = fl_json_get(object, "needs");
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) ||
		item->valuedouble != floor(item->valuedouble))
		return fl_fail(r->err, -EINVAL,
			"%s: requirements[%zu].needs must be a whole number, 0 or more", r->name, index);
	if (item->valuedouble > distinct)
		return fl_fail(r->err, -EINVAL,
			"%s: requirements[%zu].needs is %.0f, but there are only %u different members",
			r->name, index, item->valuedouble, (unsigned)distinct);
	*needs = (uint32_t)item->valuedouble;
	return 0;
}

static int read_redundancy(
	struct reading *r, const cJSON *object, size_t index, enum fl_redundancy *redundancy)
{
	const char *word;
	if (read_text(r, object, "requirements", index, "redundancy", &word) < 0)
		return -EINVAL;
	*redundancy = FL_REDUNDANCY_ASSUMED;
	if (word == NULL)
		return 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(redundancy_words); i++) {
		if (strcmp(word, redundancy_words[i].word) == 0) {
			*redundancy = redundancy_words[i].value;
			return 0;
		}
	}
	return fl_fail(r->err, -EINVAL,
		"%s: requirements[%zu].redundancy must be \"none\", \"assumed\" or \"confirmed\"", r->name,
		index);
}

static int read_requirement(struct reading *r, const cJSON *object, size_t index)
{
	const char *of, *evidence;
	size_t count = 0;
	uint32_t distinct = 0, needs = 0;
	double coupling = 1;
	enum fl_redundancy redundancy = FL_REDUNDANCY_ASSUMED;
	if (!cJSON_IsObject(object))
		return fl_fail(r->err, -EINVAL, "%s: requirements[%zu] must be an object", r->name, index);
	if (index >= FL_GROUP_NONE - 2)
		return fl_fail(
			r->err, -EINVAL, "%s: requirements[%zu]: too many requirements", r->name, index);
	if (read_text(r, object, "requirements", index, "of", &of) < 0 ||
		read_text(r, object, "requirements", index, "evidence", &evidence) < 0 ||
		read_share(r, object, "requirements", index, "coupling", &coupling) < 0 ||
		read_redundancy(r, object, index, &redundancy) < 0)
		return -EINVAL;
	uint32_t handle = find_node(r, of);
	if (handle == FL_NODE_NONE)
		return fl_fail(r->err, -EINVAL, "%s: requirements[%zu].of: no node has the id '%.200s'; see \"nodes\"",
			r->name, index, of == NULL ? "" : of);
	const cJSON *members = fl_json_get(object, "members");
	if (!cJSON_IsArray(members))
		return fl_fail(r->err, -EINVAL, "%s: requirements[%zu].members must be an array of node ids",
			r->name, index);
	if (read_members(r, members, index, &count, &distinct) < 0 ||
		read_needs(r, object, index, distinct, &needs) < 0)
		return -EINVAL;
	fl_graph_builder_group(r->builder, handle, needs, r->members, count, coupling, redundancy, evidence);
	return 0;
}

static int read_entry_point(struct reading *r, const cJSON *item, size_t index)
{
	const char *id = cJSON_IsString(item) ? item->valuestring : NULL;
	double weight = 1;
	if (cJSON_IsObject(item)) {
		if (read_text(r, item, "entry_points", index, "node", &id) < 0)
			return -EINVAL;
		const cJSON *number = fl_json_get(item, "weight");
		if (number != NULL && !cJSON_IsNull(number)) {
			if (!cJSON_IsNumber(number) || !(number->valuedouble >= 0) ||
				!isfinite(number->valuedouble))
				return fl_fail(r->err, -EINVAL,
					"%s: entry_points[%zu].weight must be a number, 0 or more", r->name,
					index);
			weight = number->valuedouble;
		}
	}
	if (id == NULL)
		return fl_fail(r->err, -EINVAL,
			"%s: entry_points[%zu] must be a node id or an object with \"node\"", r->name, index);
	uint32_t handle = find_node(r, id);
	if (handle == FL_NODE_NONE)
		return fl_fail(r->err, -EINVAL, "%s: entry_points[%zu]: no node has the id '%.200s'; see \"nodes\"", r->name,
			index, id);
	fl_graph_builder_entry_point(r->builder, handle, weight);
	return 0;
}

typedef int read_item(struct reading *r, const cJSON *item, size_t index);

/* Every item of the array @key through @read; an absent list is an empty one. */
static int read_list(struct reading *r, const cJSON *root, const char *key, read_item *read)
{
	const cJSON *list = fl_json_get(root, key), *item;
	size_t index = 0;
	if (list == NULL || cJSON_IsNull(list))
		return 0;
	if (!cJSON_IsArray(list))
		return fl_fail(r->err, -EINVAL, "%s: %s must be an array", r->name, key);
	cJSON_ArrayForEach(item, list)
	{
		if (read(r, item, index) < 0)
			return -EINVAL;
		index++;
	}
	return 0;
}

static int read_document(struct reading *r, const cJSON *root)
{
	if (fl_json_check_schema(r->name, root, "graph", 1, r->err) < 0)
		return -EINVAL;
	if (!cJSON_IsArray(fl_json_get(root, "nodes")))
		return fl_fail(r->err, -EINVAL, "%s: nodes must be an array", r->name);
	if (read_list(r, root, "nodes", read_node) < 0)
		return -EINVAL;
	r->stamps = fl_alloc_array(r->node_count, sizeof(*r->stamps));
	if (read_list(r, root, "requirements", read_requirement) < 0)
		return -EINVAL;
	return read_list(r, root, "entry_points", read_entry_point);
}

static int finish(struct reading *r, int result, struct fl_graph **g)
{
	if (result == 0)
		*g = fl_graph_freeze(&r->builder);
	fl_graph_builder_free(r->builder);
	free(r->stamps);
	free(r->members);
	return result;
}

int fl_graph_from_json(struct fl_graph **g, const char *name, const cJSON *root, struct fl_error *err)
{
	struct reading r = { .name = name, .err = err, .builder = fl_graph_builder_new() };
	return finish(&r, read_document(&r, root), g);
}

/* ---- reading large documents: the same, item by item ---- */

static int read_piece(struct reading *r, const struct fl_json_text *text, const char *key,
	struct fl_json_piece piece, size_t index, read_item *read)
{
	cJSON *item = NULL;
	if (piece.size > FL_JSON_PIECE_MAX)
		return fl_fail(r->err, -EFBIG, "%s: %s[%zu] takes more than %d MiB; split it", r->name, key,
			index, FL_JSON_PIECE_MAX >> 20);
	int result = fl_json_text_tree(text, piece, &item, r->err);
	if (result == 0)
		result = read(r, item, index);
	cJSON_Delete(item);
	return result;
}

static int read_pieces(struct reading *r, const struct fl_json_text *text, const char *key,
	struct fl_json_piece list, read_item *read)
{
	struct fl_json_piece rest, piece;
	size_t index = 0;
	int result = 0;
	if (list.at == NULL || *list.at == 'n') /* null */
		return 0;
	if (!fl_json_text_array(list, &rest))
		return fl_fail(r->err, -EINVAL, "%s: %s must be an array", r->name, key);
	while (result == 0 && fl_json_text_next(&rest, &piece))
		result = read_piece(r, text, key, piece, index++, read);
	return result;
}

/* The document's object with its schema alone, as fl_json_check_schema() wants it. */
static int check_schema(
	struct reading *r, const struct fl_json_text *text, struct fl_json_piece schema)
{
	cJSON *root = cJSON_CreateObject(), *word = NULL;
	bool known = schema.at != NULL && *schema.at == '"';
	int result = known ? fl_json_text_tree(text, schema, &word, r->err) : 0;
	if (result == 0 && word != NULL)
		cJSON_AddItemToObject(root, "schema", word);
	if (result == 0)
		result = fl_json_check_schema(r->name, root, "graph", 1, r->err);
	cJSON_Delete(root);
	return result;
}

static int read_text_document(struct reading *r, const struct fl_json_text *text)
{
	enum { SCHEMA, NODES, REQUIREMENTS, ENTRY_POINTS, KEYS };
	static const char *const keys[KEYS] = { "schema", "nodes", "requirements", "entry_points" };
	struct fl_json_piece found[KEYS];
	if (fl_json_text_members(text, keys, KEYS, found, r->err) < 0 ||
		check_schema(r, text, found[SCHEMA]) < 0)
		return -EINVAL;
	if (found[NODES].at == NULL || *found[NODES].at != '[')
		return fl_fail(r->err, -EINVAL, "%s: nodes must be an array", r->name);
	int result = read_pieces(r, text, keys[NODES], found[NODES], read_node);
	if (result < 0)
		return result;
	r->stamps = fl_alloc_array(r->node_count, sizeof(*r->stamps));
	result = read_pieces(r, text, keys[REQUIREMENTS], found[REQUIREMENTS], read_requirement);
	if (result < 0)
		return result;
	return read_pieces(r, text, keys[ENTRY_POINTS], found[ENTRY_POINTS], read_entry_point);
}

int fl_graph_from_text(struct fl_graph **g, const struct fl_json_text *text, struct fl_error *err)
{
	struct reading r = { .name = text->name, .err = err, .builder = fl_graph_builder_new() };
	return finish(&r, read_text_document(&r, text), g);
}

/* ---- writing ---- */

/* One object on a line of its own, behind a comma unless it is the list's first. Takes @object. */
static void write_item(FILE *out, bool first, cJSON *object)
{
	fputs(first ? "\n    " : ",\n    ", out);
	fl_json_write_compact(out, object);
	cJSON_Delete(object);
}

static cJSON *node_object(const struct fl_node *node)
{
	cJSON *object = cJSON_CreateObject();
	fl_json_add_string(object, "id", node->id);
	fl_json_add_string(object, "kind", node->kind);
	if (!isnan(node->failure_probability))
		fl_json_add_double(object, "failure_probability", node->failure_probability);
	return object;
}

static cJSON *requirement_object(const struct fl_graph *g, const struct fl_group *group)
{
	cJSON *object = cJSON_CreateObject();
	const char **members = fl_alloc_array(group->member_count, sizeof(*members));
	for (uint32_t i = 0; i < group->member_count; i++)
		members[i] = fl_graph_node(g, group->members[i])->id;
	fl_json_add_string(object, "of", fl_graph_node(g, group->of)->id);
	fl_json_add_u64(object, "needs", group->needs);
	fl_json_add_strings(object, "members", members, group->member_count);
	fl_json_add_double(object, "coupling", group->coupling);
	if (group->redundancy != FL_REDUNDANCY_NONE && group->needs > 0)
		fl_json_add_string(object, "redundancy", redundancy_words[group->redundancy].word);
	if (group->evidence != NULL)
		fl_json_add_string(object, "evidence", group->evidence);
	free(members);
	return object;
}

static cJSON *entry_object(const struct fl_graph *g, const struct fl_entry_point *entry)
{
	cJSON *object = cJSON_CreateObject();
	fl_json_add_string(object, "node", fl_graph_node(g, entry->node)->id);
	fl_json_add_double(object, "weight", entry->weight);
	return object;
}

void fl_graph_write(FILE *out, const struct fl_graph *g, const cJSON *more)
{
	uint32_t entries;
	const struct fl_entry_point *list = fl_graph_entry_points(g, &entries);
	fputs("{\n  \"schema\": \"faultline.graph/1\",\n  \"nodes\": [", out);
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		write_item(out, v == 0, node_object(fl_graph_node(g, v)));
	fputs("\n  ],\n  \"requirements\": [", out);
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++)
		write_item(out, i == 0, requirement_object(g, fl_graph_group(g, i)));
	fputs("\n  ],\n  \"entry_points\": [", out);
	for (uint32_t i = 0; i < entries; i++)
		write_item(out, i == 0, entry_object(g, &list[i]));
	fputs("\n  ]", out);
	for (const cJSON *m = more == NULL ? NULL : more->child; m != NULL; m = m->next) {
		cJSON *key = cJSON_CreateStringReference(m->string);
		fputs(",\n  ", out);
		fl_json_write_compact(out, key);
		fputs(": ", out);
		cJSON_Delete(key);
		fl_json_write_compact(out, m);
	}
	fputs("\n}\n", out);
}
