/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_scans.c - a model and the scans: names before the join, checks after it
 *
 * Renames go into the scans themselves, so that everything above sees one name only, and two names of one service
 * (before and after an agent learnt better) join as one. A service stays on its host: which machine it runs
 * on is in the capture and nobody's to state.
 *
 * What scans can say against a statement: that something optional is used by every request and its failures reached the
 * callers; that something required failed and nobody noticed, or that nothing waits for it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_internal.h"

enum { NOTICED_MIN = 3 }; /* failures that are no accident */
#define ALWAYS 0.995      /* coupling that is every request, but for the edges of the window */

/* ---- renames ---- */

const char *fl_model_new_name(struct fl_model *m, const char *id)
{
	for (size_t i = 0; i < m->rename_count; i++) {
		struct model_rename *r = &m->renames[i];
		if (!fl_model_matches(r->from.text, id))
			continue;
		r->used = true;
		const char *star = strchr(r->to.text, '*'), *before = strchr(r->from.text, '*');
		if (star == NULL)
			return r->to.text;
		/* What the first '*' of `from` stood for: up to the text behind it, shortest. */
		const char *from = id + (before - r->from.text);
		size_t size = 0;
		while (from[size] != '\0' && !fl_model_matches(before + 1, from + size))
			size++;
		return fl_arena_printf(m->arena, "%.*s%.*s%s", (int)(star - r->to.text), r->to.text, (int)size, from,
			star + 1);
	}
	return NULL;
}

static const char *new_host(struct fl_model *m, const char *host)
{
	const char *name = fl_model_new_name(m, fl_arena_printf(m->arena, "host:%s", host));

	return name != NULL ? name + strlen("host:") : NULL;
}

/* The new name of a service; NULL. */
static const char *new_service(struct fl_model *m, const char *host, const char *service)
{
	const char *id = fl_model_new_name(m, fl_arena_printf(m->arena, "service:%s/%s", host, service));
	size_t size = strlen(host);

	if (id == NULL)
		return NULL;
	id += strlen("service:");
	return strncmp(id, host, size) == 0 && id[size] == '/' && id[size + 1] != '\0' ? id + size + 1 : NULL;
}

/* Both names of one record; the service is looked up under the old name of its host. */
static void rename_record(struct fl_model *m, struct fl_scan *s, const char **host, const char **service)
{
	const char *name = new_service(m, *host, *service), *machine = new_host(m, *host);

	if (name != NULL)
		*service = fl_arena_string(s->arena, name);
	if (machine != NULL)
		*host = fl_arena_string(s->arena, machine);
}

void fl_model_rename_scans(struct fl_model *m, struct fl_scan_set *set)
{
	if (m == NULL || m->rename_count == 0)
		return;
	for (size_t i = 0; i < set->count; i++) {
		struct fl_scan *s = set->list[i];
		for (size_t k = 0; k < s->service_count; k++)
			rename_record(m, s, &s->services[k].host, &s->services[k].name);
		for (size_t k = 0; k < s->dependency_count; k++)
			rename_record(m, s, &s->dependencies[k].host, &s->dependencies[k].service);
		for (size_t k = 0; k < s->host_count; k++) {
			const char *machine = new_host(m, s->hosts[k].name);
			if (machine != NULL)
				s->hosts[k].name = fl_arena_string(s->arena, machine);
		}
		fl_scan_sort(s);
	}
}

/* ---- confirmed endpoints ---- */

/* @text: the id, the same without its kind, the name alone, or a pattern. */
static bool means_endpoint(const char *text, const char *id)
{
	const char *name = strncmp(id, "endpoint:", 9) == 0 ? id + 9 : id;
	const char *port = strrchr(name, ':');
	size_t size = port != NULL ? (size_t)(port - name) : strlen(name);
	size_t length = strlen(text);

	if (fl_model_matches(text, id) || strcmp(text, name) == 0)
		return true;
	if (length >= size && strncmp(text, name, size) == 0) /* "NAME" or "NAME:PORT" */
		return text[size] == '\0' || (strncmp(name, text, length) == 0 && name[length] == '/');
	return false;
}

bool fl_model_confirms(const struct fl_model *m, const char *endpoint_id)
{
	for (size_t i = 0; m != NULL && i < m->confirm.count; i++)
		if (means_endpoint(m->confirm.list[i].text, endpoint_id))
			return true;
	return false;
}

static void check_confirmed(struct fl_model *m, const struct fl_system *s)
{
	for (size_t i = 0; i < m->confirm.count; i++) {
		const struct model_word *w = &m->confirm.list[i];
		bool seen = false;
		for (size_t k = 0; k < s->dependency_count && !seen; k++)
			seen = means_endpoint(w->text, s->dependencies[k].to_id);
		if (!seen)
			fl_model_remark(m, w, false, "no scan shows anybody trying to reach %.200s", w->text);
	}
}

/* ---- checks ---- */

static void check_renames(struct fl_model *m)
{
	for (size_t i = 0; i < m->rename_count; i++)
		if (!m->renames[i].used)
			fl_model_remark(m, &m->renames[i].from, false, "nothing seen is called %.200s",
				m->renames[i].from.text);
}

/* Failures that service @v gave its own callers. */
static uint64_t surfaced(const struct fl_system *s, fl_node_id v)
{
	const char *id = fl_graph_node(s->graph, v)->id;
	uint64_t sum = 0;

	for (size_t i = 0; i < s->scans.count; i++) {
		const struct fl_scan *scan = s->scans.list[i];
		for (size_t k = 0; k < scan->service_count; k++) {
			const struct fl_scan_service *x = &scan->services[k];
			size_t host = strlen(x->host);
			if (strncmp(id, "service:", 8) == 0 && strncmp(id + 8, x->host, host) == 0 &&
				id[8 + host] == '/' && strcmp(id + 9 + host, x->name) == 0 &&
				sum <= UINT64_MAX - x->failures)
				sum += x->failures;
		}
	}
	return sum;
}

static uint64_t failures_of(const struct fl_scan_dependency *d)
{
	uint64_t unanswered = d->connections.refused + d->connections.timed_out;

	return d->failures > unanswered ? d->failures : unanswered;
}

static void check_optional(
	struct fl_model *m, const struct fl_system *s, const struct model_link *l, const struct fl_dependency *d)
{
	const struct fl_scan_dependency *x = d->merged;
	uint64_t failed = failures_of(x), reached = surfaced(s, d->from);

	if (x->coupling >= ALWAYS && failed > 0 && reached >= (failed + 1) / 2)
		fl_model_remark(m, &l->self, true,
			"stated as optional, but every request of %.100s uses %.100s, and with %llu failures of it went %llu of its own",
			d->from_id, d->to_id, (unsigned long long)failed, (unsigned long long)reached);
}

static void check_required(
	struct fl_model *m, const struct fl_system *s, const struct model_link *l, const struct fl_dependency *d)
{
	const struct fl_scan_dependency *x = d->merged;
	uint64_t failed = failures_of(x);

	if (x->class != FL_CLASS_ON_REQUEST && x->class != FL_CLASS_NAME_RESOLUTION)
		fl_model_remark(m, &l->self, true, "stated as required, but no request of %.100s waited for %.100s: %s",
			d->from_id, d->to_id, fl_class_name(x->class));
	else if (failed >= NOTICED_MIN && surfaced(s, d->from) == 0)
		fl_model_remark(m, &l->self, true,
			"stated as required, but %llu failures of %.100s did not show in the answers of %.100s",
			(unsigned long long)failed, d->to_id, d->from_id);
}

static void check_link(struct fl_model *m, const struct fl_system *s, const struct model_link *l)
{
	if (!l->says_required)
		return;
	struct model_nodes from = fl_model_select(NULL, s->graph, &l->from),
			   to = fl_model_select(NULL, s->graph, &l->to);

	for (size_t k = 0; k < s->dependency_count; k++) {
		const struct fl_dependency *d = &s->dependencies[k];
		if (d->group == FL_GROUP_NONE || !fl_model_has(&from, d->from) ||
			!(fl_model_has(&to, d->to) || fl_model_has(&to, fl_model_face(s->graph, d->to))))
			continue;
		if (l->required)
			check_required(m, s, l, d);
		else
			check_optional(m, s, l, d);
	}
	free(from.list);
	free(to.list);
}

/* ---- the outcome ---- */

static int by_owned(const void *va, const void *vb)
{
	const struct fl_model_owner *a = va, *b = vb;

	return (a->node > b->node) - (a->node < b->node);
}

static void keep_owners(struct fl_model *m, struct fl_system *s, struct fl_model_outcome *o)
{
	const char **owner = fl_alloc_array(fl_graph_order(s->graph), sizeof(*owner));

	for (size_t i = 0; i < m->owner_count; i++) {
		struct model_nodes n = fl_model_select(m, s->graph, &m->owners[i].node);
		for (size_t k = 0; k < n.count; k++)
			owner[n.list[k]] = m->owners[i].owner;
		free(n.list);
	}
	for (fl_node_id v = 0; v < fl_graph_order(s->graph); v++)
		o->owner_count += owner[v] != NULL;
	o->owners = fl_arena_array(s->arena, o->owner_count, sizeof(*o->owners));
	size_t kept = 0;
	for (fl_node_id v = 0; v < fl_graph_order(s->graph); v++)
		if (owner[v] != NULL)
			o->owners[kept++] = (struct fl_model_owner){ v, fl_arena_string(s->arena, owner[v]) };
	free(owner);
}

static void keep_limits(struct fl_model *m, struct fl_system *s, struct fl_model_outcome *o)
{
	struct model_limit **limit = fl_alloc_array(fl_graph_order(s->graph), sizeof(struct model_limit *));

	for (size_t i = 0; i < m->limit_count; i++) {
		struct model_nodes n = fl_model_select(m, s->graph, &m->limits[i].node);
		for (size_t k = 0; k < n.count; k++)
			limit[n.list[k]] = &m->limits[i];
		free(n.list);
	}
	for (fl_node_id v = 0; v < fl_graph_order(s->graph); v++)
		o->limit_count += limit[v] != NULL;
	o->limits = fl_arena_array(s->arena, o->limit_count, sizeof(*o->limits));
	size_t kept = 0;
	for (fl_node_id v = 0; v < fl_graph_order(s->graph); v++)
		if (limit[v] != NULL)
			o->limits[kept++] = (struct fl_model_limit){ v, limit[v]->in_flight, limit[v]->requests_per_s };
	free(limit);
}

static int by_place(const void *va, const void *vb)
{
	const struct model_remark *a = va, *b = vb;

	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.column != b->at.column)
		return a->at.column < b->at.column ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static bool repeats(const struct model_remark *a, const struct model_remark *b)
{
	return a->at.line == b->at.line && a->at.column == b->at.column && strcmp(a->text, b->text) == 0;
}

static void keep_remarks(struct fl_model *m, struct fl_system *s, struct fl_model_outcome *o)
{
	if (m->remark_count > 1)
		qsort(m->remarks, m->remark_count, sizeof(*m->remarks), by_place);
	o->unsupported = fl_arena_array(s->arena, m->remark_count, sizeof(*o->unsupported));
	o->contradicted = fl_arena_array(s->arena, m->remark_count, sizeof(*o->contradicted));
	for (size_t i = 0; i < m->remark_count; i++) {
		const struct model_remark *r = &m->remarks[i];
		struct fl_model_remark kept = { fl_arena_string(s->arena, fl_model_where(m, r->at)),
			fl_arena_string(s->arena, r->statement), fl_arena_string(s->arena, r->text) };
		if (i > 0 && repeats(&m->remarks[i - 1], r))
			continue;
		if (r->contradicts)
			o->contradicted[o->contradicted_count++] = kept;
		else
			o->unsupported[o->unsupported_count++] = kept;
	}
}

void fl_model_finish(struct fl_model *m, struct fl_system *s)
{
	if (m == NULL)
		return;
	struct fl_model_outcome *o = fl_arena_alloc(s->arena, sizeof(*o));
	o->file = fl_arena_string(s->arena, m->name);
	o->statements = m->group_count + m->link_count + m->limit_count + m->probability_count + m->owner_count +
			m->zone_count + m->entry_count + m->rename_count + m->confirm.count + m->failover.count;
	check_renames(m);
	check_confirmed(m, s);
	for (size_t i = 0; i < m->link_count; i++)
		check_link(m, s, &m->links[i]);
	keep_owners(m, s, o);
	keep_limits(m, s, o);
	fl_model_keep_calls(m, s, o);
	keep_remarks(m, s, o);
	s->model = o;
}

const char *fl_model_owner_of(const struct fl_model_outcome *o, fl_node_id v)
{
	struct fl_model_owner key = { .node = v };
	const struct fl_model_owner *found =
		o == NULL || o->owner_count == 0
			? NULL
			: bsearch(&key, o->owners, o->owner_count, sizeof(key), by_owned);

	return found != NULL ? found->owner : NULL;
}
