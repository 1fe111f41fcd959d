/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unanswered.c - who was called and never answered, beside the failure graph
 *
 * What never answered is a broken dependency or a stray, and one scan cannot tell (DESIGN 2), so it is no part of the graph and fails
 * nothing. An answer over the graph that is silent on it reads as if all were well: it is counted and named beside each. Of who
 * looks for open ports there may be tens of thousands, so a few are named and the others counted; probes are left out, they are
 * meant to ask who is there.
 */
#include "reports/unanswered.h"

#include <stdlib.h>

#include "faultline/sort.h"
#include "reports/digest_internal.h"

enum { NAMED = 4 };

struct unanswered {
	const char **ids; /* sorted, distinct */
	size_t count, refused;
};

static bool is_unanswered(const struct fl_dependency *d)
{
	return d->group == FL_GROUP_NONE && !d->merged->answered && d->merged->class != FL_CLASS_PROBE;
}

static void unanswered_init(struct unanswered *u, const struct fl_system *s)
{
	const char **refused = fl_alloc_array(s->dependency_count, sizeof(*refused));
	*u = (struct unanswered){ .ids = fl_alloc_array(s->dependency_count, sizeof(*u->ids)) };
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_dependency *d = &s->dependencies[i];
		if (!is_unanswered(d))
			continue;
		u->ids[u->count++] = d->to_id;
		if (d->merged->connections.refused > 0)
			refused[u->refused++] = d->to_id;
	}
	u->count = fl_sort_distinct_texts(u->ids, u->count);
	u->refused = fl_sort_distinct_texts(refused, u->refused);
	free(refused);
}

const char *fl_say_unanswered(struct fl_arena *a, const struct fl_system *s)
{
	struct unanswered u;
	const char *names[NAMED], *text = NULL;
	unanswered_init(&u, s);
	for (size_t i = 0; i < u.count && i < NAMED; i++)
		names[i] = fl_say_id(a, u.ids[i]);
	if (u.count > 0)
		text = fl_arena_printf(a, "%s never answered who called %s%s: %s; not in the graph, since one scan cannot tell a broken "
			"dependency from a stray ('faultline deps --all' lists each, \"confirm\" in a model takes it in)",
			fl_say_count(a, u.count, "endpoint", "endpoints"), u.count == 1 ? "it" : "them",
			u.refused > 0 ? fl_arena_printf(a, ", %s refused", fl_arena_count(a, u.refused)) : "",
			fl_say_list(a, names, u.count, NAMED));
	free(u.ids);
	return text;
}

void fl_unanswered_add(cJSON *object, const struct fl_system *s)
{
	struct unanswered u;
	unanswered_init(&u, s);
	cJSON *o = cJSON_AddObjectToObject(object, "never_answered");
	fl_json_add_u64(o, "count", u.count);
	fl_json_add_u64(o, "refused", u.refused);
	fl_json_add_strings(o, "endpoints", u.ids, u.count < FL_UNANSWERED_LISTED ? u.count : FL_UNANSWERED_LISTED);
	free(u.ids);
}
