/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_select.c - which nodes a statement means, and remarks about statements
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_internal.h"

void fl_model_remark(struct fl_model *m, const struct model_word *about, bool contradicts, const char *format, ...)
{
	char text[FL_ERROR_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (m->remark_count == m->remark_capacity) {
		m->remark_capacity = fl_grown(m->remark_capacity, m->remark_count + 1);
		m->remarks = fl_grow_array(m->remarks, m->remark_capacity, sizeof(*m->remarks));
	}
	m->remarks[m->remark_count] = (struct model_remark){ about->at, about->statement,
		fl_arena_string(m->arena, text), contradicts, m->remark_count };
	m->remark_count++;
}

/* Greedy with one point to return to: a later '*' makes the earlier ones settled. */
bool fl_model_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static struct model_nodes select_pattern(struct fl_model *m, const struct fl_graph *g, const struct model_word *w)
{
	struct model_nodes n = { 0 };
	size_t capacity = 0;

	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		if (!fl_model_matches(w->text, fl_graph_node(g, v)->id))
			continue;
		if (n.count == capacity) {
			capacity = fl_grown(capacity, n.count + 1);
			n.list = fl_grow_array(n.list, capacity, sizeof(*n.list));
		}
		n.list[n.count++] = v;
	}
	if (n.count == 0 && m != NULL)
		fl_model_remark(m, w, false, "no node fits '%.200s'; 'faultline graph' lists the nodes", w->text);
	return n;
}

struct model_nodes fl_model_select(struct fl_model *m, const struct fl_graph *g, const struct model_word *w)
{
	struct model_nodes n = { 0 };
	struct fl_error err;

	if (strchr(w->text, '*') != NULL)
		return select_pattern(m, g, w);
	fl_node_id v = fl_graph_resolve(g, w->text, &err);
	if (v == FL_NODE_NONE && m != NULL)
		fl_model_remark(m, w, false, "%s", err.text);
	if (v == FL_NODE_NONE)
		return n;
	n.list = fl_alloc(sizeof(*n.list));
	n.list[n.count++] = v;
	return n;
}

bool fl_model_has(const struct model_nodes *n, fl_node_id v)
{
	size_t low = 0, high = n->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (n->list[middle] == v)
			return true;
		if (n->list[middle] < v)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

fl_node_id fl_model_face(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;

	if (!fl_graph_is_kind(g, v, "endpoint") && !fl_graph_is_kind(g, v, "resolver"))
		return v;
	fl_group_id first = fl_graph_groups_of(g, v, &count);
	const struct fl_group *group = count == 1 ? fl_graph_group(g, first) : NULL;
	return group != NULL && group->member_count == 1 ? group->members[0] : v;
}

const char *fl_model_where(struct fl_model *m, struct model_place at)
{
	return fl_arena_printf(m->arena, "%s:%u:%u", m->name, at.line, at.column);
}
