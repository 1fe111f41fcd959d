/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_text.h - failure graphs written in a row of a table
 *
 * "a 1 b c *0.5; entry a 3; node d": a needs 1 of b and c, with coupling 0.5; a is an entry point of
 * weight 3; d is there. The kind of a node is what stands before ':', else "other"; "!" after the
 * number: fail-over was confirmed.
 */
#ifndef FAULTLINE_TEST_GRAPH_TEXT_H
#define FAULTLINE_TEST_GRAPH_TEXT_H

#include "faultline/graph.h"

enum { GRAPH_TEXT_MEMBERS = 16 };

static inline uint32_t graph_text_node(struct fl_graph_builder *b, const char *id)
{
	char kind[64];
	const char *colon = strchr(id, ':');
	snprintf(kind, sizeof(kind), "%.*s", colon == NULL ? 0 : (int)(colon - id), id);
	return fl_graph_builder_node(b, id, colon == NULL ? NULL : kind);
}

static inline void graph_text_statement(struct fl_graph_builder *b, char *statement)
{
	uint32_t members[GRAPH_TEXT_MEMBERS];
	size_t count = 0;
	double coupling = 1;
	char *rest = NULL, *of = strtok_r(statement, " ", &rest);
	if (of == NULL)
		return;
	if (strcmp(of, "entry") == 0 || strcmp(of, "node") == 0) {
		uint32_t node = graph_text_node(b, strtok_r(NULL, " ", &rest));
		char *weight = strtok_r(NULL, " ", &rest);
		if (strcmp(of, "entry") == 0)
			fl_graph_builder_entry_point(b, node, weight == NULL ? 1 : atof(weight));
		return;
	}
	char *needs = strtok_r(NULL, " ", &rest);
	for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		if (word[0] == '*')
			coupling = atof(word + 1);
		else
			members[count++] = graph_text_node(b, word);
	}
	fl_graph_builder_group(b, graph_text_node(b, of), (uint32_t)atoi(needs), members, count, coupling,
		strchr(needs, '!') == NULL ? FL_REDUNDANCY_ASSUMED : FL_REDUNDANCY_CONFIRMED, NULL);
}

static inline struct fl_graph *graph_of_text(const char *text)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	char *copy = fl_copy_string(text), *rest = NULL;
	for (char *s = strtok_r(copy, ";", &rest); s != NULL; s = strtok_r(NULL, ";", &rest))
		graph_text_statement(b, s);
	free(copy);
	return fl_graph_freeze(&b);
}

/* Ids in order, separated by spaces, into @text. */
static inline void graph_text_list(
	const struct fl_graph *g, const fl_node_id *list, size_t count, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(
			text + used, size - used, "%s%s", i == 0 ? "" : " ", fl_graph_node(g, list[i])->id);
}

#endif
