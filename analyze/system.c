/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * system.c - what nodes are called, where they are, and the end of a system
 *
 * Worked out once for all nodes, since every report asks for every node. The scope of an endpoint
 * is known from scans (the join sets it); for a graph file it is guessed from what the graph says: an
 * address tells itself, a name that leads to a service or a host is internal, so is one
 * without a dot.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/join_internal.h"

struct fl_system_node {
	const char *label;
	enum fl_scope scope;
	fl_node_id host;
};

struct fl_system *fl_system_new(void)
{
	struct fl_system *s = fl_alloc(sizeof(*s));

	s->arena = fl_arena_new();
	s->title = "";
	return s;
}

void fl_system_free(struct fl_system *s)
{
	if (!s)
		return;
	fl_graph_free(s->graph);
	fl_scan_set_fini(&s->scans);
	fl_arena_free(s->arena);
	free(s);
}

/* The id without "KIND:". */
static const char *without_kind(const struct fl_node *n)
{
	size_t length = strlen(n->kind);

	return strncmp(n->id, n->kind, length) == 0 && n->id[length] == ':' && n->id[length + 1] != '\0'
		       ? n->id + length + 1
		       : n->id;
}

static const char *find_last(const char *text, const char *part)
{
	const char *last = NULL;

	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		last = at;
	return last;
}

bool fl_is_host_service(const char *id)
{
	size_t length = strlen(id), end = strlen("/host"), begin = strlen("service:");

	return length > begin + end && strncmp(id, "service:", begin) == 0 &&
	       strcmp(id + length - end, "/host") == 0;
}

static const char *label_of(struct fl_system *s, const struct fl_node *n)
{
	const char *text = without_kind(n);
	const char *tcp = strcmp(n->kind, "endpoint") == 0 ? find_last(text, "/tcp") : NULL;

	if (fl_is_host_service(n->id))
		return fl_arena_printf(s->arena, "%.*s (no known service)",
			(int)(strlen(text) - strlen("/host")), text);
	if (!tcp || tcp == text || (tcp[4] != '\0' && tcp[4] != '@'))
		return text;
	return fl_arena_printf(s->arena, "%.*s%s", (int)(tcp - text), text, tcp + 4);
}

/* The name of "NAME:PORT/TRANSPORT@HOST" or "IP@HOST", with no brackets, in @name; false when too long. */
static bool bare_name(const char *text, bool port, char *name, size_t size)
{
	const char *end = text + strcspn(text, "@");

	if (port)
		for (const char *at = text; (at = strchr(at, ':')) != NULL && at < text + strcspn(text, "@");
			at++)
			end = at;
	if (*text == '[' && end > text + 1 && end[-1] == ']') {
		text++;
		end--;
	}
	if ((size_t)(end - text) >= size)
		return false;
	memcpy(name, text, (size_t)(end - text));
	name[end - text] = '\0';
	return true;
}

static enum fl_scope address_scope(const struct fl_addr *a)
{
	if (fl_addr_is_loopback(a))
		return FL_SCOPE_LOCAL;
	return fl_addr_is_internal(a) ? FL_SCOPE_INTERNAL : FL_SCOPE_EXTERNAL;
}

/* Does @v lead straight to a scanned service or host? */
static bool leads_inside(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, v, &count);

	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		for (uint32_t k = 0; k < group->member_count; k++)
			if (fl_graph_is_kind(g, group->members[k], "service") ||
				fl_graph_is_kind(g, group->members[k], "host"))
				return true;
	}
	return false;
}

static enum fl_scope guess_scope(const struct fl_graph *g, fl_node_id v)
{
	const struct fl_node *n = fl_graph_node(g, v);
	bool endpoint = strcmp(n->kind, "endpoint") == 0;
	char name[256];
	struct fl_addr a;

	if (strcmp(n->kind, "provider") == 0)
		return FL_SCOPE_EXTERNAL;
	if (!endpoint && strcmp(n->kind, "address") != 0 && strcmp(n->kind, "resolver") != 0)
		return FL_SCOPE_LOCAL;
	bool known = bare_name(without_kind(n), endpoint, name, sizeof(name));
	bool literal = known && fl_addr_parse(name, &a);
	if (literal && address_scope(&a) != FL_SCOPE_EXTERNAL)
		return address_scope(&a);
	if (leads_inside(g, v))
		return FL_SCOPE_INTERNAL;
	return literal || !known || strchr(name, '.') ? FL_SCOPE_EXTERNAL : FL_SCOPE_INTERNAL;
}

static fl_node_id find_host(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, v, &count);

	if (!fl_graph_is_kind(g, v, "service"))
		return FL_NODE_NONE;
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		for (uint32_t k = 0; k < group->member_count; k++)
			if (fl_graph_is_kind(g, group->members[k], "host"))
				return group->members[k];
	}
	return FL_NODE_NONE;
}

void fl_system_describe_nodes(struct fl_system *s)
{
	uint32_t order = fl_graph_order(s->graph);

	s->nodes = fl_arena_array(s->arena, order, sizeof(*s->nodes));
	for (fl_node_id v = 0; v < order; v++) {
		s->nodes[v].label = label_of(s, fl_graph_node(s->graph, v));
		s->nodes[v].scope = guess_scope(s->graph, v);
		s->nodes[v].host = find_host(s->graph, v);
	}
}

void fl_system_set_scope(struct fl_system *s, fl_node_id v, enum fl_scope scope)
{
	s->nodes[v].scope = scope;
}

/* A system that was put together around a graph alone has no table. */
const char *fl_system_label(const struct fl_system *s, fl_node_id v)
{
	return s->nodes ? s->nodes[v].label : without_kind(fl_graph_node(s->graph, v));
}

enum fl_scope fl_system_scope(const struct fl_system *s, fl_node_id v)
{
	return s->nodes ? s->nodes[v].scope : guess_scope(s->graph, v);
}

fl_node_id fl_system_host_of(const struct fl_system *s, fl_node_id service)
{
	return s->nodes ? s->nodes[service].host : find_host(s->graph, service);
}
