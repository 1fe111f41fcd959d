/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sarif.c - findings in the format that code hosts show beside a change
 *
 * Made as a tree, as all small documents are. Paths become URI references (RFC 3986): what is not unreserved or a slash is
 * percent-encoded, so that a file name can be no other URI. Messages may hold links in the way of Markdown (SARIF 2.1.0, 3.11.6),
 * and names come from strangers: what would make one is pulled apart.
 */
#include "reports/sarif.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "faultline/status.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

struct fl_sarif {
	const struct fl_sarif_rule *rules;
	cJSON *root, *results;
};

static void add_text(cJSON *object, const char *key, const char *text)
{
	fl_json_add_string(cJSON_AddObjectToObject(object, key), "text", text);
}

/* "[text](target)" is no link with a space in it. */
static void add_message(cJSON *object, const char *text)
{
	char *plain = fl_alloc(2 * strlen(text) + 1), *out = plain;
	for (const char *c = text; *c != '\0'; c++) {
		*out++ = *c;
		if (c[0] == ']' && c[1] == '(')
			*out++ = ' ';
	}
	*out = '\0';
	add_text(object, "message", plain);
	free(plain);
}

static cJSON *append(cJSON *array)
{
	cJSON *object = cJSON_CreateObject();
	cJSON_AddItemToArray(array, object);
	return object;
}

static void add_rule(cJSON *rules, const struct fl_sarif_rule *rule)
{
	cJSON *o = append(rules);
	fl_json_add_string(o, "id", rule->id);
	add_text(o, "shortDescription", rule->text);
	fl_json_add_string(cJSON_AddObjectToObject(o, "defaultConfiguration"), "level", rule->level);
}

struct fl_sarif *fl_sarif_new(const struct fl_sarif_rule *rules, size_t count)
{
	struct fl_sarif *s = fl_alloc(sizeof(*s));
	s->rules = rules;
	s->root = cJSON_CreateObject();
	fl_json_add_string(s->root, "$schema", SCHEMA);
	fl_json_add_string(s->root, "version", "2.1.0");
	cJSON *run = append(cJSON_AddArrayToObject(s->root, "runs"));
	cJSON *driver = cJSON_AddObjectToObject(cJSON_AddObjectToObject(run, "tool"), "driver");
	fl_json_add_string(driver, "name", "faultline");
	fl_json_add_string(driver, "version", FL_VERSION);
	cJSON *list = cJSON_AddArrayToObject(driver, "rules");
	for (size_t i = 0; i < count; i++)
		add_rule(list, &rules[i]);
	fl_json_add_string(run, "columnKind", "unicodeCodePoints");
	s->results = cJSON_AddArrayToObject(run, "results");
	return s;
}

static char *uri_of(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	char *uri = fl_alloc(3 * strlen(path) + 1), *out = uri;
	for (const char *c = path; *c != '\0'; c++) {
		if (strchr(plain, *c) != NULL)
			*out++ = *c;
		else
			out += sprintf(out, "%%%02X", (unsigned)(unsigned char)*c);
	}
	*out = '\0';
	return uri;
}

static void add_place(cJSON *location, const struct fl_sarif_result *r)
{
	cJSON *place = cJSON_AddObjectToObject(location, "physicalLocation");
	char *uri = uri_of(r->file);
	fl_json_add_string(cJSON_AddObjectToObject(place, "artifactLocation"), "uri", uri);
	free(uri);
	if (r->line == 0)
		return;
	cJSON *region = cJSON_AddObjectToObject(place, "region");
	fl_json_add_u64(region, "startLine", r->line);
	fl_json_add_u64(region, "startColumn", r->column == 0 ? 1 : r->column);
}

static void add_node(cJSON *list, const char *id)
{
	if (id == NULL)
		return;
	cJSON *o = append(list);
	const char *colon = strchr(id, ':');
	fl_json_add_string(o, "fullyQualifiedName", id);
	if (colon == NULL)
		return;
	char *kind = fl_copy_string(id);
	kind[colon - id] = '\0';
	fl_json_add_string(o, "kind", kind);
	free(kind);
}

/* FNV-1a, 64 bits: Fowler, Noll & Vo. */
static uint64_t fingerprint(uint64_t hash, const char *text)
{
	for (const char *c = text == NULL ? "" : text;; c++) {
		hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
		if (*c == '\0')
			return hash;
	}
}

cJSON *fl_sarif_add(struct fl_sarif *s, const struct fl_sarif_result *r)
{
	const struct fl_sarif_rule *rule = &s->rules[r->rule];
	cJSON *o = append(s->results);
	char text[32];
	fl_json_add_string(o, "ruleId", rule->id);
	fl_json_add_u64(o, "ruleIndex", r->rule);
	fl_json_add_string(o, "level", r->level == NULL ? rule->level : r->level);
	add_message(o, r->message);
	cJSON *location = append(cJSON_AddArrayToObject(o, "locations"));
	if (r->file != NULL)
		add_place(location, r);
	cJSON *nodes = cJSON_AddArrayToObject(location, "logicalLocations");
	add_node(nodes, r->from);
	add_node(nodes, r->to);
	uint64_t hash = fingerprint(UINT64_C(0xcbf29ce484222325), rule->id);
	hash = fingerprint(fingerprint(hash, r->from), r->to);
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	fl_json_add_string(cJSON_AddObjectToObject(o, "partialFingerprints"), "nodes/v1", text);
	return cJSON_AddObjectToObject(o, "properties");
}

void fl_sarif_end(struct fl_sarif *s, FILE *out)
{
	fl_json_write(out, s->root);
	cJSON_Delete(s->root);
	free(s);
}
