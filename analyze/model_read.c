/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_read.c - faultline.model/1: from text to statements
 *
 * Written by hand, so what is wrong is refused with its place and what is wanted there: half a model applied would
 * be worse than none. Only a member nobody knows is let through with a remark, since a later
 * version may know it; a misspelt one is told by the same remark.
 *
 * One function a kind of statement; a list of them is read through read_list(), which makes room and keeps the
 * name of the statement ("zones[2]") for messages.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_internal.h"

struct reading {
	struct fl_model *m;
	struct fl_error *err;
	const struct model_places *places;
};

__attribute__((format(printf, 4, 5))) static int refuse(
	struct reading *r, const cJSON *item, const char *what, const char *format, ...)
{
	char text[FL_ERROR_MAX];
	struct model_place at = fl_model_place(r->places, item);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return fl_fail(r->err, -EINVAL, "%s:%u:%u: %s %s", r->m->name, at.line, at.column, what, text);
}

static const char *member_of(struct reading *r, const char *statement, const char *key)
{
	return fl_arena_printf(r->m->arena, "%s.%s", statement, key);
}

static struct model_word word_at(struct reading *r, const cJSON *item, const char *statement)
{
	return (struct model_word){ fl_arena_string(r->m->arena, item == NULL ? NULL : item->valuestring),
		fl_model_place(r->places, item), statement };
}

/* ---- pieces ---- */

static int check_word(struct reading *r, const cJSON *item, const char *statement)
{
	if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
		return refuse(r, item, statement, "must be a string that is not empty");
	return 0;
}

/* Absent: text NULL, unless it is wanted. */
static int read_word(struct reading *r, const cJSON *object, const char *statement, const char *key, bool wanted,
	struct model_word *word)
{
	const cJSON *item = fl_json_get(object, key);

	*word = (struct model_word){ NULL, fl_model_place(r->places, object), statement };
	if (item == NULL && !wanted)
		return 0;
	if (item == NULL)
		return refuse(r, object, statement, "has no \"%s\", which must be a string", key);
	if (check_word(r, item, member_of(r, statement, key)) < 0)
		return -EINVAL;
	word->text = fl_arena_string(r->m->arena, item->valuestring);
	word->at = fl_model_place(r->places, item);
	return 0;
}

static int read_number(struct reading *r, const cJSON *object, const char *statement, const char *key,
	double most, double *value)
{
	const cJSON *item = fl_json_get(object, key);

	if (item == NULL)
		return 0;
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= most) ||
		!isfinite(item->valuedouble))
		return most <= 1 ? refuse(r, item, member_of(r, statement, key), "must be a number from 0 to 1")
				 : refuse(r, item, member_of(r, statement, key), "must be a number, 0 or more");
	*value = item->valuedouble;
	return 0;
}

static int read_flag(struct reading *r, const cJSON *object, const char *statement, const char *key, bool *value)
{
	const cJSON *item = fl_json_get(object, key);

	if (item == NULL)
		return 0;
	if (!cJSON_IsBool(item))
		return refuse(r, item, member_of(r, statement, key), "must be true or false");
	*value = cJSON_IsTrue(item);
	return 0;
}

static int read_words(struct reading *r, const cJSON *object, const char *statement, const char *key, bool wanted,
	struct model_words *words)
{
	const cJSON *list = fl_json_get(object, key), *item;
	const char *name = statement[0] == '\0' ? key : member_of(r, statement, key);

	if (list == NULL && !wanted)
		return 0;
	if (!cJSON_IsArray(list))
		return refuse(r, list == NULL ? object : list, name, "must be an array of nodes");
	words->list = fl_arena_array(r->m->arena, (size_t)cJSON_GetArraySize(list), sizeof(*words->list));
	cJSON_ArrayForEach(item, list)
	{
		const char *place = fl_arena_printf(r->m->arena, "%s[%zu]", name, words->count);
		if (check_word(r, item, place) < 0)
			return -EINVAL;
		words->list[words->count++] = word_at(r, item, place);
	}
	return 0;
}

/* @known: names of members, NULL at the end. */
static int check_object(struct reading *r, const cJSON *object, const char *statement, const char *const *known)
{
	const cJSON *item;

	if (!cJSON_IsObject(object))
		return refuse(r, object, statement, "must be an object");
	cJSON_ArrayForEach(item, object)
	{
		size_t k = 0;
		while (known[k] != NULL && strcmp(known[k], item->string) != 0)
			k++;
		if (known[k] != NULL)
			continue;
		struct model_word about = { NULL, fl_model_place(r->places, item), statement };
		fl_model_remark(r->m, &about, false, "'%.60s' is not known here and has no effect", item->string);
	}
	return 0;
}

/* ---- statements ---- */

static int read_group(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const char *const known[] = { "name", "of", "members", "needs", "failover", NULL };
	struct model_group *g = into;
	double needs = 0;

	if (check_object(r, o, statement, known) < 0 || read_word(r, o, statement, "name", false, &g->self) < 0 ||
		read_word(r, o, statement, "of", false, &g->of) < 0 ||
		read_words(r, o, statement, "members", false, &g->members) < 0 ||
		read_number(r, o, statement, "needs", 1e9, &needs) < 0 ||
		read_flag(r, o, statement, "failover", &g->failover) < 0)
		return -EINVAL;
	g->self.at = fl_model_place(r->places, o);
	if (fl_json_get(o, "needs") != NULL && (needs < 1 || needs != floor(needs)))
		return refuse(r, fl_json_get(o, "needs"), member_of(r, statement, "needs"),
			"must be a whole number, 1 or more");
	if (g->members.count == 0 && g->of.text == NULL)
		return refuse(r, o, statement, "needs \"members\", or \"of\" to say whose group is meant");
	g->needs = (uint32_t)needs;
	return 0;
}

/* How the calls of a dependency are made. */
static int read_call(struct reading *r, const cJSON *o, const char *statement, struct fl_model_call *c)
{
	const cJSON *retries = fl_json_get(o, "retries"), *factor = fl_json_get(o, "backoff_factor");

	*c = FL_MODEL_CALL_UNSTATED;
	if (read_number(r, o, statement, "in_flight", HUGE_VAL, &c->in_flight) < 0 ||
		read_number(r, o, statement, "timeout_s", HUGE_VAL, &c->timeout_s) < 0 ||
		read_number(r, o, statement, "retries", HUGE_VAL, &c->retries) < 0 ||
		read_number(r, o, statement, "backoff_s", HUGE_VAL, &c->backoff_s) < 0 ||
		read_number(r, o, statement, "backoff_factor", HUGE_VAL, &c->backoff_factor) < 0)
		return -EINVAL;
	if (retries != NULL && (c->retries > FL_MODEL_RETRIES_MAX || c->retries != floor(c->retries)))
		return refuse(r, retries, member_of(r, statement, "retries"), "must be a whole number from 0 to %d",
			FL_MODEL_RETRIES_MAX);
	if (factor != NULL && c->backoff_factor < 1)
		return refuse(r, factor, member_of(r, statement, "backoff_factor"), "must be a number, 1 or more");
	return 0;
}

static int read_link(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const char *const known[] = { "from", "to", "required", "in_flight", "timeout_s", "retries",
		"backoff_s", "backoff_factor", NULL };
	struct model_link *l = into;

	if (check_object(r, o, statement, known) < 0 || read_word(r, o, statement, "from", true, &l->from) < 0 ||
		read_word(r, o, statement, "to", true, &l->to) < 0 ||
		read_flag(r, o, statement, "required", &l->required) < 0 || read_call(r, o, statement, &l->call) < 0)
		return -EINVAL;
	l->says_required = fl_json_get(o, "required") != NULL;
	if (!l->says_required && !fl_model_call_states(&l->call))
		return refuse(r, o, statement,
			"states nothing; give \"required\" (true or false), or how the calls are made (\"timeout_s\" ...)");
	l->self = (struct model_word){ NULL, fl_model_place(r->places, o), statement };
	return 0;
}

static int read_limit(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const char *const known[] = { "node", "in_flight", "requests_per_s", NULL };
	struct model_limit *l = into;

	l->in_flight = l->requests_per_s = NAN;
	if (check_object(r, o, statement, known) < 0 || read_word(r, o, statement, "node", true, &l->node) < 0 ||
		read_number(r, o, statement, "in_flight", HUGE_VAL, &l->in_flight) < 0 ||
		read_number(r, o, statement, "requests_per_s", HUGE_VAL, &l->requests_per_s) < 0)
		return -EINVAL;
	if (isnan(l->in_flight) && isnan(l->requests_per_s))
		return refuse(r, o, statement, "states no limit; give \"in_flight\" or \"requests_per_s\"");
	return 0;
}

static int read_probability(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const char *const known[] = { "node", "kind", "probability", NULL };
	struct model_probability *p = into;
	struct model_word kind;

	p->p = NAN;
	if (check_object(r, o, statement, known) < 0 || read_word(r, o, statement, "node", false, &p->node) < 0 ||
		read_word(r, o, statement, "kind", false, &kind) < 0 ||
		read_number(r, o, statement, "probability", 1, &p->p) < 0)
		return -EINVAL;
	if ((p->node.text == NULL) == (kind.text == NULL))
		return refuse(r, o, statement, "must have either \"node\" or \"kind\"");
	if (isnan(p->p))
		return refuse(r, o, statement, "has no \"probability\", which must be a number from 0 to 1");
	p->is_kind = kind.text != NULL;
	if (p->is_kind)
		p->node = kind;
	return 0;
}

static int read_owner(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const char *const known[] = { "node", "owner", NULL };
	struct model_owner *owner = into;
	struct model_word name;

	if (check_object(r, o, statement, known) < 0 || read_word(r, o, statement, "node", true, &owner->node) < 0 ||
		read_word(r, o, statement, "owner", true, &name) < 0)
		return -EINVAL;
	owner->owner = name.text;
	return 0;
}

static int read_zone(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const char *const known[] = { "name", "members", NULL };
	struct model_zone *z = into;

	if (check_object(r, o, statement, known) < 0 || read_word(r, o, statement, "name", true, &z->name) < 0 ||
		read_words(r, o, statement, "members", true, &z->members) < 0)
		return -EINVAL;
	if (strncmp(z->name.text, "zone:", 5) != 0)
		z->name.text = fl_arena_printf(r->m->arena, "zone:%s", z->name.text);
	return 0;
}

static int read_entry(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const char *const known[] = { "node", "weight", NULL };
	struct model_entry *e = into;

	e->weight = NAN;
	if (cJSON_IsString(o)) {
		e->node = word_at(r, o, statement);
		return check_word(r, o, statement);
	}
	if (check_object(r, o, statement, known) < 0)
		return -EINVAL;
	return read_word(r, o, statement, "node", true, &e->node) < 0
		       ? -EINVAL
		       : read_number(r, o, statement, "weight", HUGE_VAL, &e->weight);
}

static bool is_service(const char *text)
{
	const char *slash = strchr(text, '/');

	return strncmp(text, "service:", 8) == 0 && slash != NULL && slash > text + 8 && slash[1] != '\0';
}

static bool is_host(const char *text)
{
	return strncmp(text, "host:", 5) == 0 && text[5] != '\0';
}

static int read_rename(struct reading *r, const cJSON *o, const char *statement, void *into)
{
	static const char *const known[] = { "from", "to", NULL };
	struct model_rename *n = into;

	if (check_object(r, o, statement, known) < 0 || read_word(r, o, statement, "from", true, &n->from) < 0 ||
		read_word(r, o, statement, "to", true, &n->to) < 0)
		return -EINVAL;
	if (!(is_service(n->from.text) && is_service(n->to.text)) && !(is_host(n->from.text) && is_host(n->to.text)))
		return refuse(r, fl_json_get(o, "to"), statement,
			"must rename service:HOST/NAME to service:HOST/NAME, or host:NAME to host:NAME");
	const char *star = strchr(n->to.text, '*');
	if (star != NULL && (strchr(star + 1, '*') != NULL || strchr(n->from.text, '*') == NULL))
		return refuse(r, fl_json_get(o, "to"), statement,
			"may have one '*', which takes what the first '*' of \"from\" stood for");
	return 0;
}

/* ---- the document ---- */

typedef int read_one(struct reading *r, const cJSON *o, const char *statement, void *into);

static int read_list(
	struct reading *r, const cJSON *root, const char *key, size_t size, read_one *read, void **into, size_t *count)
{
	const cJSON *list = fl_json_get(root, key), *item;

	if (list == NULL)
		return 0;
	if (!cJSON_IsArray(list))
		return refuse(r, list, key, "must be an array");
	char *room = fl_arena_array(r->m->arena, (size_t)cJSON_GetArraySize(list), size);
	*into = room;
	cJSON_ArrayForEach(item, list)
	{
		const char *statement = fl_arena_printf(r->m->arena, "%s[%zu]", key, *count);
		if (read(r, item, statement, room + *count * size) < 0)
			return -EINVAL;
		++*count;
	}
	return 0;
}

static int read_statements(struct reading *r, const cJSON *root)
{
	struct fl_model *m = r->m;
	void *groups = NULL, *links = NULL, *limits = NULL, *probabilities = NULL, *owners = NULL, *zones = NULL,
	     *entries = NULL, *renames = NULL;

	if (read_list(r, root, "renames", sizeof(*m->renames), read_rename, &renames, &m->rename_count) < 0 ||
		read_words(r, root, "", "confirm", false, &m->confirm) < 0 ||
		read_list(r, root, "zones", sizeof(*m->zones), read_zone, &zones, &m->zone_count) < 0 ||
		read_list(r, root, "groups", sizeof(*m->groups), read_group, &groups, &m->group_count) < 0 ||
		read_list(r, root, "dependencies", sizeof(*m->links), read_link, &links, &m->link_count) < 0 ||
		read_words(r, root, "", "failover", false, &m->failover) < 0 ||
		read_list(r, root, "entry_points", sizeof(*m->entries), read_entry, &entries, &m->entry_count) < 0 ||
		read_list(r, root, "failure_probability", sizeof(*m->probabilities), read_probability, &probabilities,
			&m->probability_count) < 0 ||
		read_list(r, root, "limits", sizeof(*m->limits), read_limit, &limits, &m->limit_count) < 0 ||
		read_list(r, root, "owners", sizeof(*m->owners), read_owner, &owners, &m->owner_count) < 0)
		return -EINVAL;
	m->groups = groups;
	m->links = links;
	m->limits = limits;
	m->probabilities = probabilities;
	m->owners = owners;
	m->zones = zones;
	m->entries = entries;
	m->renames = renames;
	return 0;
}

static int read_document(struct reading *r, const cJSON *root)
{
	static const char *const known[] = { "schema", "description", "renames", "confirm", "zones", "groups",
		"dependencies", "failover", "entry_points", "failure_probability", "limits", "owners", NULL };

	if (fl_json_check_schema(r->m->name, root, "model", 1, r->err) < 0)
		return -EINVAL;
	if (check_object(r, root, "model", known) < 0)
		return -EINVAL;
	return read_statements(r, root);
}

int fl_model_parse(struct fl_model **out, const char *name, const char *text, size_t size, struct fl_error *err)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_model *m = fl_arena_alloc(a, sizeof(*m));
	struct reading r = { .m = m, .err = err };
	struct model_places *places = NULL;
	cJSON *root = NULL;

	m->arena = a;
	m->name = fl_arena_string(a, name);
	int code = fl_model_tree(name, "model", text, size, &root, &places, err);
	r.places = places;
	if (code == 0)
		code = read_document(&r, root);
	fl_model_places_free(places);
	cJSON_Delete(root);
	if (code == 0)
		*out = m;
	else
		fl_model_free(m);
	return code;
}

int fl_model_read(struct fl_model **m, const char *path, struct fl_error *err)
{
	char *text = NULL;
	size_t size = 0;
	int code = fl_model_load(path, "--model wants a file with a faultline.model/1 object", FL_MODEL_FILE_MAX, &text, &size, err);

	if (code == 0)
		code = fl_model_parse(m, path, text, size, err);
	free(text);
	return code;
}

void fl_model_free(struct fl_model *m)
{
	if (m == NULL)
		return;
	free(m->remarks);
	fl_arena_free(m->arena);
}
