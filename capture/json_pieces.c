/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_pieces.c - a large document as text, of which small parts are made trees
 *
 * The whole text was checked by json_check.c, so here ends are found by looking at quotes and brackets alone.
 * A piece is made a tree by cJSON like a document of its own, and whoever reads it sees no
 * difference; memory is the text and one piece.
 */
#include "json_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void fl_json_text_fini(struct fl_json_text *t)
{
	free(t->owned);
	*t = (struct fl_json_text){ .name = t->name };
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* Behind the string that begins at @at. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		at += *at == '\\';
	return at < end ? at + 1 : end;
}

/* Behind the value that begins at @at. */
static const char *skip_value(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
		} else if (*at == '{' || *at == '[') {
			depth++;
			at++;
		} else if (depth == 0 && strchr(",:]} \n\t\r", *at)) {
			return at;
		} else {
			depth -= *at == '}' || *at == ']';
			at++;
			if (depth > 0 || (at[-1] != '}' && at[-1] != ']'))
				continue;
		}
		if (depth == 0)
			return at;
	}
	return end;
}

static bool skip_open(struct fl_json_piece *rest, char bracket)
{
	const char *end = rest->at + rest->size, *at = skip_space(rest->at, end);

	if (at == end || *at != bracket)
		return false;
	rest->at = at + 1;
	rest->size = (size_t)(end - rest->at);
	return true;
}

/* The value that comes next, and what is behind it and its comma or colon. False: nothing but the end. */
static bool take_value(struct fl_json_piece *rest, struct fl_json_piece *value)
{
	const char *end = rest->at + rest->size, *at = skip_space(rest->at, end);

	if (at == end || *at == ']' || *at == '}')
		return false;
	const char *behind = skip_value(at, end);
	*value = (struct fl_json_piece){ at, (size_t)(behind - at) };
	behind = skip_space(behind, end);
	behind += behind < end && (*behind == ',' || *behind == ':');
	*rest = (struct fl_json_piece){ behind, (size_t)(end - behind) };
	return true;
}

bool fl_json_text_array(struct fl_json_piece array, struct fl_json_piece *rest)
{
	*rest = array;
	return array.size > 0 && skip_open(rest, '[');
}

bool fl_json_text_next(struct fl_json_piece *rest, struct fl_json_piece *item)
{
	return take_value(rest, item);
}

int fl_json_text_tree(
	const struct fl_json_text *t, struct fl_json_piece piece, cJSON **tree, struct fl_error *err)
{
	cJSON *made = cJSON_ParseWithLength(piece.at, piece.size);

	if (!made)
		fl_out_of_memory();
	int r = fl_json_check_members_of(t->name, t->at, piece.at, piece.size, made, err);
	if (r < 0)
		cJSON_Delete(made);
	else
		*tree = made;
	return r;
}

/* Name of a member, escapes resolved. */
static cJSON *parse_key(struct fl_json_piece key)
{
	cJSON *made = cJSON_ParseWithLength(key.at, key.size);

	if (!made)
		fl_out_of_memory();
	return made;
}

int fl_json_text_members(const struct fl_json_text *t, const char *const *keys, size_t count,
	struct fl_json_piece *values, struct fl_error *err)
{
	struct fl_json_piece rest = { t->at, t->size }, key, value;
	cJSON *names = cJSON_CreateObject();
	size_t members = 0;
	int r = 0;

	memset(values, 0, count * sizeof(*values));
	if (!skip_open(&rest, '{')) {
		cJSON_Delete(names);
		return 0;
	}
	while (r == 0 && take_value(&rest, &key) && take_value(&rest, &value)) {
		cJSON *name = parse_key(key);
		for (size_t i = 0; i < count; i++)
			if (strcmp(name->valuestring, keys[i]) == 0)
				values[i] = value;
		cJSON_AddNullToObject(names, name->valuestring);
		cJSON_Delete(name);
		if (++members > FL_JSON_MEMBERS_MAX)
			r = fl_fail(err, -EINVAL,
				"%s: more than %d members at the top; was it written by faultline?", t->name,
				FL_JSON_MEMBERS_MAX);
	}
	if (r == 0)
		r = fl_json_check_members_of(t->name, t->at, t->at, t->size, names, err);
	cJSON_Delete(names);
	return r;
}
