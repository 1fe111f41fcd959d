/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resolve.c - the node a person means
 *
 * People type "db1", "api1/port-8080" or "vendor.example", not "service:db1/port-5432". The
 * nodes that hold the text as whole words are the candidates; only when there are
 * none is any substring good enough. A word ends at ':', '/' or '@' or at an end of the
 * id; not at '.', or "example" would be a word of every name, nor at '-', or "api" one of
 * "api-gateway".
 *
 * Among several whole-word candidates two things are decided for the person, because the
 * other reading is what nobody means: a host gives way to the one service that runs on it and a name to the
 * one service it leads to (all are called after the host), and a node whose whole label is the text beats
 * nodes that hold it as one word among others ("10.0.0.5" is the address, not the endpoint on it). Everything
 * else is ambiguous and said so: a wrong guess here is a wrong answer about what breaks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/graph.h"
#include "faultline/nearest.h"

enum {
	SHOWN_MAX = 5,          /* candidates named in an error */
	NEAREST_MAX = 3,        /* ids proposed for an unknown one */
};

struct matches {
	fl_node_id list[SHOWN_MAX];
	size_t count; /* all of them; those past SHOWN_MAX are only counted */
};

static void add_match(struct matches *m, fl_node_id v)
{
	if (m->count < SHOWN_MAX)
		m->list[m->count] = v;
	m->count++;
}

static bool is_border(char c)
{
	return c == '\0' || c == ':' || c == '/' || c == '@';
}

static bool has_word(const char *id, const char *text)
{
	size_t size = strlen(text);
	for (const char *at = strstr(id, text); at != NULL; at = strstr(at + 1, text))
		if ((at == id || is_border(at[-1])) && is_border(at[size]))
			return true;
	return false;
}

/* The id behind "kind:", when it begins with the node's own kind. */
static const char *label_of(const struct fl_node *node)
{
	size_t size = strlen(node->kind);
	return strncmp(node->id, node->kind, size) == 0 && node->id[size] == ':' ? node->id + size + 1
										 : node->id;
}

static bool requires(const struct fl_graph *g, fl_node_id v, fl_node_id member)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, v, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		for (uint32_t m = 0; m < group->member_count; m++)
			if (group->members[m] == member)
				return true;
	}
	return false;
}

/* Whether @v is only another face of @service: what it runs on, or the name it is reached by. */
static bool is_face(const struct fl_graph *g, fl_node_id service, fl_node_id v)
{
	if (fl_graph_is_kind(g, v, "host"))
	return requires(g, service, v);
	if (fl_graph_is_kind(g, v, "endpoint") || fl_graph_is_kind(g, v, "resolver"))
	return requires(g, v, service);
	return false;
}

/* The only service among the matches, when all others are faces of it. */
static fl_node_id service_with_faces(const struct fl_graph *g, const struct matches *m)
{
	fl_node_id service = FL_NODE_NONE;
	for (size_t i = 0; i < m->count; i++) {
		if (!fl_graph_is_kind(g, m->list[i], "service"))
			continue;
		if (service != FL_NODE_NONE)
			return FL_NODE_NONE;
		service = m->list[i];
	}
	for (size_t i = 0; service != FL_NODE_NONE && i < m->count; i++)
		if (m->list[i] != service && !is_face(g, service, m->list[i]))
			return FL_NODE_NONE;
	return service;
}

/* What stands when the whole-word matches are several; FL_NODE_NONE: ambiguous. */
static fl_node_id settle(const struct fl_graph *g, const char *text, const struct matches *words)
{
	fl_node_id exact = FL_NODE_NONE;
	if (words->count <= SHOWN_MAX) {
		fl_node_id service = service_with_faces(g, words);
		if (service != FL_NODE_NONE)
			return service;
	}
	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		if (strcmp(label_of(fl_graph_node(g, v)), text) != 0)
			continue;
		if (exact != FL_NODE_NONE)
			return FL_NODE_NONE;
		exact = v;
	}
	/* A host that shares its name with several services: which one is not ours to say. */
	if (exact != FL_NODE_NONE && fl_graph_is_kind(g, exact, "host"))
		return FL_NODE_NONE;
	return exact;
}

/* ---- errors ---- */

static fl_node_id fail_ambiguous(
	const struct fl_graph *g, const char *text, const struct matches *m, struct fl_error *err)
{
	char list[FL_ERROR_MAX] = "";
	size_t used = 0;
	for (size_t i = 0; i < m->count && i < SHOWN_MAX && used < sizeof(list); i++) {
		int n = snprintf(list + used, sizeof(list) - used, "%s%.70s", i == 0 ? "" : ", ",
			fl_graph_node(g, m->list[i])->id);
		used += n > 0 ? (size_t)n : 0;
	}
	fl_fail(err, -EINVAL, "'%.60s' could be any of %zu nodes: %s%s; give more of the id", text, m->count,
		list, m->count > SHOWN_MAX ? ", ..." : "");
	return FL_NODE_NONE;
}

/* The smallest distance to any word of the label, or to the label. */
static unsigned nearness(const struct fl_node *node, const char *text)
{
	const char *label = label_of(node);
	size_t whole = strlen(label), length = strlen(text);
	unsigned best = whole <= 2 * length ? fl_typing_distance(text, length, label, whole) : UINT32_MAX;
	for (const char *word = label; *word != '\0';) {
		size_t size = strcspn(word, ":/@.-");
		if (size <= 2 * length) {
			unsigned d = fl_typing_distance(text, length, word, size);
			best = d < best ? d : best;
		}
		word += size;
		word += *word != '\0';
	}
	return best;
}

static fl_node_id fail_unknown(const struct fl_graph *g, const char *text, struct fl_error *err)
{
	fl_node_id near[NEAREST_MAX];
	unsigned far[NEAREST_MAX];
	size_t count = 0, length = strlen(text);
	unsigned limit = fl_typing_limit(length);
	for (fl_node_id v = 0; length <= FL_TYPED_MAX && v < fl_graph_order(g); v++) {
		unsigned d = nearness(fl_graph_node(g, v), text);
		size_t place = count;
		if (d > limit)
			continue;
		while (place > 0 && far[place - 1] > d)
			place--;
		if (place == NEAREST_MAX)
			continue;
		count += count < NEAREST_MAX;
		for (size_t i = count - 1; i > place; i--) {
			near[i] = near[i - 1];
			far[i] = far[i - 1];
		}
		near[place] = v;
		far[place] = d;
	}
	if (count == 0)
		fl_fail(err, -ENOENT, "no node has '%.200s' in its id; 'faultline graph' lists the nodes",
			text);
	else
		fl_fail(err, -ENOENT, "no node has '%.60s' in its id; near it: %.100s%s%.100s%s%.100s", text,
			fl_graph_node(g, near[0])->id, count > 1 ? ", " : "",
			count > 1 ? fl_graph_node(g, near[1])->id : "", count > 2 ? ", " : "",
			count > 2 ? fl_graph_node(g, near[2])->id : "");
	return FL_NODE_NONE;
}

fl_node_id fl_graph_resolve(const struct fl_graph *g, const char *text, struct fl_error *err)
{
	struct matches words = { .count = 0 }, parts = { .count = 0 };
	fl_node_id exact = fl_graph_find(g, text);
	if (exact != FL_NODE_NONE)
		return exact;
	if (text[0] == '\0') {
		fl_fail(err, -EINVAL, "the name of a node must not be empty");
		return FL_NODE_NONE;
	}
	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		const char *id = fl_graph_node(g, v)->id;
		if (strstr(id, text) == NULL)
			continue;
		add_match(&parts, v);
		if (has_word(id, text))
			add_match(&words, v);
	}
	if (words.count == 1)
		return words.list[0];
	if (words.count > 1) {
		fl_node_id v = settle(g, text, &words);
		return v != FL_NODE_NONE ? v : fail_ambiguous(g, text, &words, err);
	}
	if (parts.count == 1)
		return parts.list[0];
	return parts.count > 1 ? fail_ambiguous(g, text, &parts, err) : fail_unknown(g, text, err);
}
