/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_identity.c - names that survive a restart
 *
 * What changes with every deployment must not count as a change; what merely looks like it
 * must. eu-west and eu-north, api1 and api2, s3 and s3-2 are different things. So only
 * these are taken for ephemeral, and replaced by '*':
 *
 *   a hash-like part: between dashes (or a dash and the label's end), 5 characters or more,
 *     only hexadecimal digits or only the letters and digits Kubernetes makes suffixes of (no
 *     vowels, none of 0 1 3), and digits and letters alternate: at least 3 changes, or 2 where it
 *     has 8 characters or begins with a digit. api-7d9f8c6b5-x2x4q -> api-*-*
 *   beside such a part: 4 hexadecimal digits or more with a digit among them (the middle of a
 *     UUID), or 5 characters of that alphabet at the end of the label (a pod's suffix without digits)
 *   a whole label of 12 hexadecimal digits or more, with 3 changes: a container's id
 *   an IPv4 address in a name: four numbers up to 255 between dashes. ip-10-1-2-3 -> ip-*
 *   a label of digits alone, in a name that has other labels: 12.pool.example -> *.pool.example
 *
 * Replica numbers (cache-0, cache-1) are not in this rule: us-east-1 has the same form. They
 * get a second, weaker identity that only internal names have; see diff.c.
 *
 * A bare address is known by the scanned service it leads to, else by its port and
 * what is spoken there; resolvers by being resolvers.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"

enum { PARTS_MAX = 32 }; /* of a label: it has at most 63 characters; more are left as they are */

struct part {
	const char *text;
	size_t size;
	bool ephemeral;
};

static bool all_of(const struct part *p, const char *alphabet)
{
	return strspn(p->text, alphabet) >= p->size;
}

static const char hexadecimal[] = "0123456789abcdef";
static const char suffix_letters[] = "bcdfghjklmnpqrstvwxz2456789"; /* k8s.io/apimachinery rand.String */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t count_changes(const struct part *p)
{
	size_t changes = 0;
	for (size_t i = 1; i < p->size; i++)
		changes += is_digit(p->text[i]) != is_digit(p->text[i - 1]);
	return changes;
}

static bool is_hash_like(const struct part *p)
{
	if (p->size < 5 || !(all_of(p, hexadecimal) || all_of(p, suffix_letters)))
		return false;
	size_t changes = count_changes(p);
	return changes >= 3 || (changes == 2 && (p->size >= 8 || is_digit(p->text[0])));
}

static bool has_digit(const struct part *p)
{
	for (size_t i = 0; i < p->size; i++)
		if (is_digit(p->text[i]))
			return true;
	return false;
}

static bool is_octet(const struct part *p)
{
	if (p->size == 0 || p->size > 3 || !all_of(p, "0123456789"))
		return false;
	unsigned value = 0;
	for (size_t i = 0; i < p->size; i++)
		value = value * 10 + (unsigned)(p->text[i] - '0');
	return value <= 255;
}

static size_t split_label(const char *label, size_t size, struct part *parts)
{
	size_t count = 0;
	const char *end = label + size;
	for (const char *at = label; count < PARTS_MAX; at++) {
		const char *dash = memchr(at, '-', (size_t)(end - at));
		const char *stop = dash == NULL ? end : dash;
		parts[count++] = (struct part){ .text = at, .size = (size_t)(stop - at) };
		if (dash == NULL)
			return count;
		at = dash;
	}
	return 0; /* too many: not a host's label */
}

static void mark_parts(struct part *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		parts[i].ephemeral = count > 1 ? is_hash_like(&parts[i])
					       : parts[i].size >= 12 && all_of(&parts[i], hexadecimal) &&
							 count_changes(&parts[i]) >= 3;
	for (size_t i = 1; i < count; i++) {
		bool uuid = parts[i].size >= 4 && all_of(&parts[i], hexadecimal) && has_digit(&parts[i]);
		bool pod = i == count - 1 && parts[i].size == 5 && all_of(&parts[i], suffix_letters);
		if (parts[i - 1].ephemeral && (uuid || pod))
			parts[i].ephemeral = true;
	}
	for (size_t i = 0; i + 4 <= count; i++)
		if (is_octet(&parts[i]) && is_octet(&parts[i + 1]) && is_octet(&parts[i + 2]) &&
			is_octet(&parts[i + 3]))
			for (size_t j = i; j < i + 4; j++)
				parts[j].ephemeral = true;
}

static char *write_label(char *out, const char *label, size_t size, bool alone)
{
	struct part parts[PARTS_MAX];
	size_t count = split_label(label, size, parts);
	if (count == 0)
		return mempcpy(out, label, size);
	mark_parts(parts, count);
	if (!alone && count == 1 && size > 0 && all_of(&parts[0], "0123456789"))
		parts[0].ephemeral = true;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*out++ = '-';
		if (parts[i].ephemeral)
			*out++ = '*';
		else
			out = mempcpy(out, parts[i].text, parts[i].size);
	}
	return out;
}

char *fl_identity_name(struct fl_arena *a, const char *name)
{
	struct fl_addr addr;
	char *text = fl_arena_string(a, name), *out = text;
	if (fl_addr_parse(name, &addr))
		return text;
	bool alone = strchr(name, '.') == NULL;
	for (const char *label = name;;) {
		size_t size = strcspn(label, ".");
		out = write_label(out, label, size, alone); /* never longer than it was */
		if (label[size] == '\0')
			break;
		*out++ = '.';
		label += size + 1;
	}
	*out = '\0';
	return text;
}

const char *fl_identity_domain(struct fl_arena *a, const char *name, const char *provider)
{
	size_t size = strlen(name), labels = 0, wanted = 2;
	size_t end = provider == NULL ? 0 : strlen(provider);
	if (end > 0 && end <= size && strcmp(name + size - end, provider) == 0 &&
		(end == size || name[size - end - 1] == '.'))
		return provider;
	/* Without the Public Suffix List: two labels, three under a two-letter country whose second
	 * level is short, as in co.uk. */
	const char *last = strrchr(name, '.');
	if (last != NULL && strlen(last + 1) == 2) {
		const char *second = memrchr(name, '.', (size_t)(last - name));
		wanted += (size_t)(last - (second == NULL ? name : second + 1)) <= 3;
	}
	for (const char *at = name + size; at > name; at--)
		if (at[-1] == '.' && ++labels == wanted)
			return fl_arena_string(a, at);
	return name;
}

/* ---- nodes ---- */

char *fl_identity_service(struct fl_arena *a, const char *id)
{
	const char *rest = strncmp(id, "service:", 8) == 0 ? id + 8 : id;
	const char *slash = strchr(rest, '/');
	if (slash == NULL)
		return fl_arena_printf(a, "service:%s", fl_identity_name(a, rest));
	const char *host = fl_arena_string_n(a, rest, (size_t)(slash - rest));
	return fl_arena_printf(a, "service:%s/%s", fl_identity_name(a, host), fl_identity_name(a, slash + 1));
}

/* The scanned service that @v leads to alone; FL_NODE_NONE. */
static fl_node_id service_behind(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	fl_node_id found = FL_NODE_NONE;
	fl_group_id first = fl_graph_groups_of(g, v, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		for (uint32_t m = 0; m < group->member_count; m++) {
			if (!fl_graph_is_kind(g, group->members[m], "service"))
				continue;
			if (found != FL_NODE_NONE && found != group->members[m])
				return FL_NODE_NONE;
			found = group->members[m];
		}
	}
	return found;
}

/* "endpoint:NAME:PORT/TRANSPORT" in its parts; NAME may be an address, in brackets or not. */
static char *endpoint_name(struct fl_arena *a, const char *id, const char **rest)
{
	const char *name = strncmp(id, "endpoint:", 9) == 0 ? id + 9 : id;
	const char *colon = strrchr(name, ':');
	size_t size = colon == NULL ? strlen(name) : (size_t)(colon - name);
	*rest = colon == NULL ? "" : colon + 1;
	if (size >= 2 && name[0] == '[' && name[size - 1] == ']')
		return fl_arena_string_n(a, name + 1, size - 2);
	return fl_arena_string_n(a, name, size);
}

/* @application: what is spoken at a bare address, NULL. */
static char *endpoint_identity(struct fl_arena *a, const struct fl_system *s, fl_node_id v, const char *id,
	const char *scope, const char *application)
{
	struct fl_addr addr;
	const char *rest;
	const char *name = endpoint_name(a, id, &rest);
	if (!fl_addr_parse(name, &addr))
		return fl_arena_printf(a, "endpoint:%s:%s", fl_identity_name(a, name), rest);
	fl_node_id service = v == FL_NODE_NONE ? FL_NODE_NONE : service_behind(s->graph, v);
	if (service != FL_NODE_NONE)
		return fl_arena_printf(
			a, "at:%s:%s", fl_identity_service(a, fl_graph_node(s->graph, service)->id), rest);
	return fl_arena_printf(a, "bare:%s:%s:%s", scope, rest, application == NULL ? "" : application);
}

static char *resolver_identity(struct fl_arena *a, const struct fl_system *s, fl_node_id v, const char *scope)
{
	fl_node_id service = v == FL_NODE_NONE ? FL_NODE_NONE : service_behind(s->graph, v);
	if (service != FL_NODE_NONE)
		return fl_arena_printf(
			a, "resolver:%s", fl_identity_service(a, fl_graph_node(s->graph, service)->id));
	return fl_arena_printf(a, "resolver:%s", scope);
}

char *fl_identity_node(struct fl_arena *a, const struct fl_system *s, fl_node_id v)
{
	const struct fl_node *node = fl_graph_node(s->graph, v);
	const char *scope = fl_scope_name(fl_system_scope(s, v));
	if (strcmp(node->kind, "service") == 0)
		return fl_identity_service(a, node->id);
	if (strcmp(node->kind, "endpoint") == 0)
		return endpoint_identity(a, s, v, node->id, scope, NULL);
	if (strcmp(node->kind, "resolver") == 0)
		return resolver_identity(a, s, v, scope);
	if (strcmp(node->kind, "address") == 0)
		return NULL;
	return fl_identity_name(a, node->id);
}

/* ---- uses ---- */

/* "cache-3" -> "cache-#"; NULL when the first label ends otherwise. */
static const char *replica_key(struct fl_arena *a, const char *name, const char *rest)
{
	size_t size = strcspn(name, "."), end = size;
	while (end > 0 && is_digit(name[end - 1]))
		end--;
	if (end == size || end < 2 || name[end - 1] != '-')
		return NULL;
	return fl_arena_printf(a, "endpoint:%.*s#%s:%s", (int)end, name, name + size, rest);
}

/* A vendor's name moves within its registrable domain; an internal one only when its first
 * label stays: two services of one domain are two services. */
static const char *moved_key(
	struct fl_arena *a, const char *name, const char *provider, bool external, const char *rest)
{
	const char *domain = fl_identity_domain(a, name, provider);
	if (external)
		return fl_arena_printf(a, "%s:%s", domain, rest);
	return fl_arena_printf(a, "%.*s %s:%s", (int)strcspn(name, "."), name, domain, rest);
}

static void name_target(struct fl_arena *a, const struct fl_system *s, struct fl_use *use, fl_node_id v,
	enum fl_scope scope, const char *provider, const char *application)
{
	struct fl_addr addr;
	const char *rest, *name = endpoint_name(a, use->to, &rest);
	use->to_key = endpoint_identity(a, s, v, use->to, fl_scope_name(scope), application);
	use->label = strncmp(use->to, "endpoint:", 9) == 0 ? use->to + 9 : use->to;
	fl_node_id service = v == FL_NODE_NONE ? FL_NODE_NONE : service_behind(s->graph, v);
	if (service != FL_NODE_NONE)
		use->target_key = fl_arena_printf(
			a, "%s:%s", fl_identity_service(a, fl_graph_node(s->graph, service)->id), rest);
	if (fl_addr_parse(name, &addr))
		return;
	use->moved_key = moved_key(a, name, provider, scope == FL_SCOPE_EXTERNAL, rest);
	if (scope != FL_SCOPE_EXTERNAL)
		use->replica_key = replica_key(a, fl_identity_name(a, name), rest);
}

static void use_of_dependency(
	struct fl_arena *a, const struct fl_system *s, const struct fl_dependency *d, struct fl_use *use)
{
	const struct fl_scan_dependency *m = d->merged;
	use->from = d->from_id;
	use->to = d->to_id;
	use->host = m->host;
	use->from_key = fl_identity_service(a, d->from_id);
	use->evidence = d;
	use->counts = m->class != FL_CLASS_PROBE && m->answered;
	name_target(a, s, use, d->to, m->scope, m->provider, m->application);
	if (m->class == FL_CLASS_NAME_RESOLUTION || strncmp(d->to_id, "resolver:", 9) == 0) {
		use->to_key = resolver_identity(a, s, d->to, fl_scope_name(m->scope));
		use->moved_key = use->replica_key = use->target_key = NULL;
	}
}

/* What hangs below endpoints and services is where things are, not what is used. */
static bool is_use(const struct fl_graph *g, fl_node_id from, fl_node_id to)
{
	static const char *const places[] = { "host", "address", "provider" };
	for (size_t i = 0; i < FL_ARRAY_LEN(places); i++)
		if (fl_graph_is_kind(g, from, places[i]) || fl_graph_is_kind(g, to, places[i]))
			return false;
	return !fl_graph_is_kind(g, from, "endpoint") && !fl_graph_is_kind(g, from, "resolver");
}

static void use_of_link(
	struct fl_arena *a, const struct fl_system *s, fl_node_id from, fl_node_id to, struct fl_use *use)
{
	use->from = fl_graph_node(s->graph, from)->id;
	use->to = fl_graph_node(s->graph, to)->id;
	use->from_key = fl_identity_node(a, s, from);
	use->counts = true;
	if (fl_graph_is_kind(s->graph, to, "endpoint")) {
		name_target(a, s, use, to, fl_system_scope(s, to), NULL, NULL);
		return;
	}
	use->to_key = fl_identity_node(a, s, to);
	use->label = fl_system_label(s, to);
}

static struct fl_use *uses_of_graph(struct fl_arena *a, const struct fl_system *s, bool newer, size_t *count)
{
	const struct fl_graph *g = s->graph;
	size_t total = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++)
		total += fl_graph_group(g, i)->member_count;
	struct fl_use *uses = fl_arena_array(a, total, sizeof(*uses));
	*count = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		for (uint32_t m = 0; m < group->member_count; m++) {
			if (!is_use(g, group->of, group->members[m]))
				continue;
			uses[*count].newer = newer;
			use_of_link(a, s, group->of, group->members[m], &uses[(*count)++]);
		}
	}
	return uses;
}

struct fl_use *fl_uses(
	struct fl_arena *a, const struct fl_system *s, bool graphs_only, bool newer, size_t *count)
{
	if (graphs_only)
		return uses_of_graph(a, s, newer, count);
	struct fl_use *uses = fl_arena_array(a, s->dependency_count, sizeof(*uses));
	for (size_t i = 0; i < s->dependency_count; i++) {
		uses[i].newer = newer;
		use_of_dependency(a, s, &s->dependencies[i], &uses[i]);
	}
	*count = s->dependency_count;
	return uses;
}
