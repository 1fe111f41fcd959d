/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * components.c - strongly connected components of a digraph in flat arrays
 *
 * Tarjan's algorithm as a loop: `path` is what would be the call stack, and where each node on it goes on
 * is kept beside it, so a chain of a million nodes costs memory but no stack. Nodes wait on `open`
 * until the root of their component is left.
 */
#include "components.h"

#include <stdlib.h>

#include "faultline/status.h"

#define NOT_YET UINT32_MAX

struct search {
	const size_t *first;
	const uint32_t *to;
	uint32_t *component, *post;
	uint32_t *number; /* 1.. in the order of discovery; 0: not found yet */
	uint32_t *low;    /* smallest number known to be reached inside the component */
	size_t *next;     /* edge to go on with, by place on the path */
	uint32_t *path, *open;
	uint32_t path_size, open_size, found, left, components;
};

static void enter(struct search *s, uint32_t v)
{
	s->number[v] = s->low[v] = ++s->found;
	s->open[s->open_size++] = v;
	s->next[s->path_size] = s->first[v];
	s->path[s->path_size++] = v;
}

static void close_component(struct search *s, uint32_t root)
{
	uint32_t v;
	do {
		v = s->open[--s->open_size];
		s->component[v] = s->components;
	} while (v != root);
	s->components++;
}

static void leave(struct search *s)
{
	uint32_t v = s->path[--s->path_size];
	if (s->post != NULL)
		s->post[v] = s->left;
	s->left++;
	if (s->low[v] == s->number[v])
		close_component(s, v);
	if (s->path_size > 0) {
		uint32_t above = s->path[s->path_size - 1];
		if (s->low[v] < s->low[above])
			s->low[above] = s->low[v];
	}
}

static void search_from(struct search *s, uint32_t root)
{
	enter(s, root);
	while (s->path_size > 0) {
		uint32_t v = s->path[s->path_size - 1];
		size_t *next = &s->next[s->path_size - 1];
		if (*next == s->first[v + 1]) {
			leave(s);
			continue;
		}
		uint32_t w = s->to[(*next)++];
		if (s->number[w] == 0)
			enter(s, w);
		else if (s->component[w] == NOT_YET && s->number[w] < s->low[v])
			s->low[v] = s->number[w];
	}
}

uint32_t fl_components(
	uint32_t order, const size_t *first, const uint32_t *to, uint32_t *component, uint32_t *post)
{
	struct search s = { .first = first, .to = to, .component = component, .post = post };
	s.number = fl_alloc_array(order, sizeof(*s.number));
	s.low = fl_alloc_array(order, sizeof(*s.low));
	s.next = fl_alloc_array(order, sizeof(*s.next));
	s.path = fl_alloc_array(order, sizeof(*s.path));
	s.open = fl_alloc_array(order, sizeof(*s.open));
	for (uint32_t v = 0; v < order; v++)
		component[v] = NOT_YET;
	for (uint32_t v = 0; v < order; v++)
		if (s.number[v] == 0)
			search_from(&s, v);
	free(s.number);
	free(s.low);
	free(s.next);
	free(s.path);
	free(s.open);
	return s.components;
}
