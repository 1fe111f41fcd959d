/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_read.c - faultline.policy/1: from text to statements
 *
 * A statement is an object with a table of its members: what each is, and where it goes. One function reads any of them, refuses
 * what is unknown or of another kind, and says where. Nothing is let through: a misspelt rule would be one that
 * is never broken.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/units.h"
#include "policy_internal.h"

enum member_kind { WORD, NUMBER, FLAG, DATE };

struct member {
	const char *key;
	enum member_kind kind;
	size_t offset;           /* DATE: of the word, the time comes from it */
	double least, most;      /* NUMBER */
	bool wanted;
};

struct reading {
	const char *name;
	struct fl_arena *arena;
	struct fl_error *err;
	const struct model_places *places;
};

__attribute__((format(printf, 3, 4))) static int refuse(
	struct reading *r, const cJSON *item, const char *format, ...)
{
	char text[FL_ERROR_MAX];
	struct model_place at = fl_model_place(r->places, item);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return fl_fail(r->err, -EINVAL, "%s:%u:%u: %s", r->name, at.line, at.column, text);
}

/* ---- members ---- */

/* "2027-06-30" */
static bool parse_date(const char *text, int64_t *end_ns)
{
	char day[32];
	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return false;
	snprintf(day, sizeof(day), "%sT23:59:59Z", text);
	return fl_time_parse(day, end_ns);
}

static int read_number(struct reading *r, const cJSON *item, const struct member *m, const char *statement, void *into)
{
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= m->least && item->valuedouble <= m->most))
		return isinf(m->most) ? refuse(r, item, "%s.%s must be a number, %g or more", statement, m->key, m->least)
				      : refuse(r, item, "%s.%s must be a number from %g to %g", statement, m->key,
						m->least, m->most);
	*(double *)into = item->valuedouble;
	return 0;
}

static int read_member(struct reading *r, const cJSON *item, const struct member *m, const char *statement, void *into)
{
	int64_t unused;
	if (m->kind == NUMBER)
		return read_number(r, item, m, statement, into);
	if (m->kind == FLAG) {
		if (!cJSON_IsBool(item))
			return refuse(r, item, "%s.%s must be true or false", statement, m->key);
		*(bool *)into = cJSON_IsTrue(item);
		return 0;
	}
	if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
		return refuse(r, item, "%s.%s must be a string that is not empty", statement, m->key);
	if (m->kind == DATE && !parse_date(item->valuestring, &unused))
		return refuse(r, item, "%s.%s must be a day, as 2027-06-30", statement, m->key);
	*(const char **)into = fl_arena_string(r->arena, item->valuestring);
	return 0;
}

static const struct member *find(const struct member *members, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(members[i].key, key) == 0)
			return &members[i];
	return NULL;
}

static const char *names_of(struct reading *r, const struct member *members, size_t count)
{
	const char *text = "";
	for (size_t i = 0; i < count; i++)
		text = fl_arena_printf(r->arena, "%s%s%s", text, i == 0 ? "" : ", ", members[i].key);
	return text;
}

static int read_members(struct reading *r, const cJSON *object, const char *statement, const struct member *members,
	size_t count, void *into)
{
	const cJSON *item;
	if (!cJSON_IsObject(object))
		return refuse(r, object, "%s must be an object", statement);
	cJSON_ArrayForEach(item, object)
	{
		const struct member *m = find(members, count, item->string);
		if (m == NULL)
			return refuse(r, item, "%s.%.60s is not known; there are %s", statement, item->string,
				names_of(r, members, count));
		if (read_member(r, item, m, statement, (char *)into + m->offset) < 0)
			return -EINVAL;
	}
	for (size_t i = 0; i < count; i++)
		if (members[i].wanted && fl_json_get(object, members[i].key) == NULL)
			return refuse(r, object, "%s has no \"%s\"", statement, members[i].key);
	return 0;
}

/* ---- statements ---- */

static int read_external(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const struct member members[] = {
		{ "name", WORD, offsetof(struct policy_external, name), 0, 0, false },
		{ "provider", WORD, offsetof(struct policy_external, provider), 0, 0, false },
		{ "port", NUMBER, offsetof(struct policy_external, port), 0, 65535, false },
		{ "from", WORD, offsetof(struct policy_external, from), 0, 0, false },
		{ "owner", WORD, offsetof(struct policy_external, owner), 0, 0, true },
		{ "reason", WORD, offsetof(struct policy_external, reason), 0, 0, true },
		{ "expires", DATE, offsetof(struct policy_external, expires), 0, 0, false },
	};
	struct policy_external *e = into;
	*e = (struct policy_external){ .port = NAN, .expires_ns = INT64_MAX };
	if (read_members(r, o, statement, members, FL_ARRAY_LEN(members), e) < 0)
		return -EINVAL;
	e->at = fl_model_place(r->places, o);
	if (e->expires != NULL)
		(void)parse_date(e->expires, &e->expires_ns);
	if (e->name == NULL && e->provider == NULL)
		return refuse(r, o, "%s allows nothing; give \"name\" or \"provider\"", statement);
	return 0;
}

static int read_retries(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const struct member members[] = {
		{ "from", WORD, offsetof(struct policy_retries, of.from), 0, 0, false },
		{ "to", WORD, offsetof(struct policy_retries, of.to), 0, 0, false },
		{ "pause", FLAG, offsetof(struct policy_retries, pause), 0, 0, false },
		{ "growing", FLAG, offsetof(struct policy_retries, growing), 0, 0, false },
		{ "jitter", FLAG, offsetof(struct policy_retries, jitter), 0, 0, false },
		{ "max_attempts", NUMBER, offsetof(struct policy_retries, max_attempts), 1, INFINITY, false },
	};
	struct policy_retries *retries = into;
	*retries = (struct policy_retries){ .max_attempts = NAN };
	retries->of.at = fl_model_place(r->places, o);
	return read_members(r, o, statement, members, FL_ARRAY_LEN(members), retries);
}

static int read_timeouts(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const struct member members[] = {
		{ "from", WORD, offsetof(struct policy_timeouts, of.from), 0, 0, false },
		{ "to", WORD, offsetof(struct policy_timeouts, of.to), 0, 0, false },
		{ "phase", WORD, offsetof(struct policy_timeouts, phase), 0, 0, false },
		{ "min_s", NUMBER, offsetof(struct policy_timeouts, min_s), 0, INFINITY, false },
		{ "max_s", NUMBER, offsetof(struct policy_timeouts, max_s), 0, INFINITY, false },
	};
	struct policy_timeouts *t = into;
	*t = (struct policy_timeouts){ .min_s = NAN, .max_s = NAN };
	t->of.at = fl_model_place(r->places, o);
	if (read_members(r, o, statement, members, FL_ARRAY_LEN(members), t) < 0)
		return -EINVAL;
	if (t->phase != NULL && strcmp(t->phase, "connect") != 0 && strcmp(t->phase, "response") != 0)
		return refuse(r, fl_json_get(o, "phase"), "%s.phase must be \"connect\" or \"response\"", statement);
	if (t->min_s > t->max_s)
		return refuse(r, fl_json_get(o, "max_s"), "%s.max_s is below its min_s", statement);
	return 0;
}

static int read_coverage(struct reading *r, const cJSON *o, struct fl_policy *p)
{
	static const struct member members[] = {
		{ "max_drop_share", NUMBER, offsetof(struct policy_coverage, max_drop_share), 0, 1, false },
		{ "min_named_share", NUMBER, offsetof(struct policy_coverage, min_named_share), 0, 1, false },
		{ "min_attributed_share", NUMBER, offsetof(struct policy_coverage, min_attributed_share), 0, 1, false },
		{ "min_window_s", NUMBER, offsetof(struct policy_coverage, min_window_s), 0, INFINITY, false },
	};
	struct policy_coverage *c = &p->coverage;
	if (o == NULL)
		return 0;
	if (read_members(r, o, "coverage", members, FL_ARRAY_LEN(members), c) < 0)
		return -EINVAL;
	c->max_drop_at = fl_model_place(r->places, fl_json_get(o, "max_drop_share"));
	c->min_named_at = fl_model_place(r->places, fl_json_get(o, "min_named_share"));
	c->min_attributed_at = fl_model_place(r->places, fl_json_get(o, "min_attributed_share"));
	c->min_window_at = fl_model_place(r->places, fl_json_get(o, "min_window_s"));
	return 0;
}

/* ---- the document ---- */

typedef int read_one(struct reading *r, const cJSON *o, const char *statement, void *into);

static int read_list(
	struct reading *r, const cJSON *list, const char *key, size_t size, read_one *read, void **into, size_t *count)
{
	const cJSON *item;
	if (list == NULL)
		return 0;
	if (!cJSON_IsArray(list))
		return refuse(r, list, "%s must be an array", key);
	char *room = fl_arena_array(r->arena, (size_t)cJSON_GetArraySize(list), size);
	*into = room;
	cJSON_ArrayForEach(item, list)
	{
		const char *statement = fl_arena_printf(r->arena, "%s[%zu]", key, *count);
		if (read(r, item, statement, room + *count * size) < 0)
			return -EINVAL;
		++*count;
	}
	return 0;
}

/* An object whose only member is the list "allow". */
static int read_allowed(struct reading *r, const cJSON *object, const char *key, const cJSON **list)
{
	const cJSON *item;
	*list = NULL;
	if (object == NULL)
		return 0;
	if (!cJSON_IsObject(object))
		return refuse(r, object, "%s must be an object", key);
	cJSON_ArrayForEach(item, object)
		if (strcmp(item->string, "allow") != 0)
			return refuse(r, item, "%s.%.60s is not known; there is allow", key, item->string);
	*list = fl_json_get(object, "allow");
	return *list != NULL && cJSON_IsArray(*list) ? 0 : refuse(r, object, "%s must have a list \"allow\"", key);
}

static int read_single_points(struct reading *r, const cJSON *list, struct fl_policy *p)
{
	const cJSON *item;
	size_t total = list == NULL ? 0 : (size_t)cJSON_GetArraySize(list);
	p->single_points = fl_arena_array(r->arena, total, sizeof(*p->single_points));
	p->single_point_places = fl_arena_array(r->arena, total, sizeof(*p->single_point_places));
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
			return refuse(r, item, "single_points.allow[%zu] must be a node, or a pattern with '*'",
				p->single_point_count);
		p->single_point_places[p->single_point_count] = fl_model_place(r->places, item);
		p->single_points[p->single_point_count++] = fl_arena_string(r->arena, item->valuestring);
	}
	return 0;
}

static int check_rules(struct reading *r, const cJSON *root)
{
	static const char *const known[] = { "schema", "description", "external", "retries", "timeouts",
		"single_points", "coverage" };
	const cJSON *item;
	cJSON_ArrayForEach(item, root)
	{
		size_t k = 0;
		while (k < FL_ARRAY_LEN(known) && strcmp(known[k], item->string) != 0)
			k++;
		if (k == FL_ARRAY_LEN(known))
			return refuse(r, item, "'%.60s' is no rule; there are external, retries, timeouts, single_points, "
					       "coverage", item->string);
	}
	return 0;
}

static int read_document(struct reading *r, const cJSON *root, struct fl_policy *p)
{
	const cJSON *external = fl_json_get(root, "external"), *points = fl_json_get(root, "single_points"), *list;
	void *externals = NULL, *retries = NULL, *timeouts = NULL;
	if (fl_json_check_schema(r->name, root, "policy", 1, r->err) < 0 || check_rules(r, root) < 0 ||
		read_allowed(r, external, "external", &list) < 0 ||
		read_list(r, list, "external.allow", sizeof(*p->externals), read_external, &externals,
			&p->external_count) < 0 ||
		read_allowed(r, points, "single_points", &list) < 0 || read_single_points(r, list, p) < 0 ||
		read_list(r, fl_json_get(root, "retries"), "retries", sizeof(*p->retries), read_retries, &retries,
			&p->retry_count) < 0 ||
		read_list(r, fl_json_get(root, "timeouts"), "timeouts", sizeof(*p->timeouts), read_timeouts, &timeouts,
			&p->timeout_count) < 0)
		return -EINVAL;
	p->externals = externals;
	p->retries = retries;
	p->timeouts = timeouts;
	p->has_external = external != NULL;
	p->has_single_points = points != NULL;
	p->external_at = fl_model_place(r->places, external);
	p->single_points_at = fl_model_place(r->places, points);
	return read_coverage(r, fl_json_get(root, "coverage"), p);
}

int fl_policy_parse(struct fl_policy **out, const char *name, const char *text, size_t size, struct fl_error *err)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_policy *p = fl_arena_alloc(a, sizeof(*p));
	struct reading r = { .name = name, .arena = a, .err = err };
	struct model_places *places = NULL;
	cJSON *root = NULL;

	*p = (struct fl_policy){ .arena = a, .name = fl_arena_string(a, name),
		.coverage = { .max_drop_share = NAN, .min_named_share = NAN, .min_attributed_share = NAN, .min_window_s = NAN } };
	int code = fl_model_tree(name, "policy", text, size, &root, &places, err);
	r.places = places;
	if (code == 0)
		code = read_document(&r, root, p);
	fl_model_places_free(places);
	cJSON_Delete(root);
	if (code == 0)
		*out = p;
	else
		fl_arena_free(a);
	return code;
}

int fl_policy_read(struct fl_policy **p, const char *path, struct fl_error *err)
{
	char *text = NULL;
	size_t size = 0;
	int code = fl_model_load(path, "--policy wants a file with a faultline.policy/1 object", FL_POLICY_FILE_MAX, &text, &size, err);
	if (code == 0)
		code = fl_policy_parse(p, path, text, size, err);
	free(text);
	return code;
}

void fl_policy_free(struct fl_policy *p)
{
	if (p != NULL)
		fl_arena_free(p->arena);
}
