/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cycles.c - circular dependencies in every form of output
 *
 * Stands below the ranking: no single failure shows a cycle, a start from cold does. The sentence names one way
 * round, the shortest; the whole component is in the JSON.
 */
#include "reports/cycles.h"

#include <stdlib.h>

#include "faultline/escape.h"
#include "reports/html_internal.h"
#include "reports/inputs.h"

enum { SHOWN_MAX = 10, WAY_NAMED = 8 };

/* "a > b > a: none of them can start before the others; 5 nodes in all" */
static const char *say_cycle(struct fl_arena *a, const struct fl_system *s, const struct fl_cycle *c)
{
	const char *way = fl_say_label(a, s, c->way[0]);

	for (size_t i = 1; i < c->way_length; i++)
		if (i < WAY_NAMED || i + 1 == c->way_length)
			way = fl_arena_printf(a, "%s > %s%s", way,
				i >= WAY_NAMED && c->way_length > WAY_NAMED + 1 ? "... > " : "",
				fl_say_label(a, s, c->way[i]));
	const char *all = c->node_count + 1 > c->way_length
				  ? fl_arena_printf(a, "; %zu nodes require each other in all", c->node_count)
				  : "";
	return fl_arena_printf(a, "%s: %s%s", way,
		c->deadlock ? "once all of it is down, nothing of it can start first"
			    : "something outside it can start it",
		all);
}

void fl_cycles_add_json(cJSON *root, const struct fl_system *s, const struct fl_cycles *c)
{
	cJSON *list = cJSON_AddArrayToObject(root, "cycles");
	struct fl_arena *a = fl_arena_new();

	for (size_t i = 0; c != NULL && i < c->count; i++) {
		cJSON *o = fl_document_append(list);
		fl_document_add_nodes(o, "nodes", s->graph, c->list[i].nodes, c->list[i].node_count);
		fl_document_add_nodes(o, "way", s->graph, c->list[i].way, c->list[i].way_length);
		cJSON_AddBoolToObject(o, "deadlock", c->list[i].deadlock);
		fl_json_add_string(o, "why", say_cycle(a, s, &c->list[i]));
	}
	fl_arena_free(a);
}

void fl_cycles_print(const struct fl_system *s, const struct fl_cycles *c)
{
	struct fl_arena *a = fl_arena_new();

	if (c->count > 0) {
		fputc('\n', stdout);
		fl_line_write(fl_arena_printf(a, "%s:",
			fl_say_count(a, c->count, "circular dependency", "circular dependencies")));
	}
	for (size_t i = 0; i < c->count && i < SHOWN_MAX; i++)
		fl_line_write(fl_arena_printf(a, "  %s", say_cycle(a, s, &c->list[i])));
	if (c->count > SHOWN_MAX)
		fl_line_write(fl_arena_printf(a, "  ... and %zu more; --json has all", c->count - SHOWN_MAX));
	fl_arena_free(a);
}

static const struct fl_cycles *cycles_of(const struct fl_digest *d)
{
	return d->report->cycles != NULL && d->report->cycles->count > 0 ? d->report->cycles : NULL;
}

void fl_cycles_write_html(FILE *out, const struct fl_digest *d)
{
	const struct fl_cycles *c = cycles_of(d);

	if (c == NULL)
		return;
	fputs("<section aria-labelledby=\"cycles\">\n<h2 id=\"cycles\">Circular dependencies</h2>\n<ul>\n", out);
	for (size_t i = 0; i < c->count && i < SHOWN_MAX; i++) {
		fl_html_element(out, "li", say_cycle(d->arena, d->report->system, &c->list[i]));
		fputc('\n', out);
	}
	fputs("</ul>\n", out);
	if (c->count > SHOWN_MAX)
		fprintf(out, "<p>%zu more; \"faultline rank --json\" lists all.</p>\n", c->count - SHOWN_MAX);
	fputs("</section>\n", out);
}

void fl_cycles_write_markdown(FILE *out, const struct fl_digest *d)
{
	const struct fl_cycles *c = cycles_of(d);

	if (c == NULL)
		return;
	fputs("\n## Circular dependencies\n\n", out);
	for (size_t i = 0; i < c->count && i < SHOWN_MAX; i++) {
		fputs("- ", out);
		fl_escape_write(out, FL_LANGUAGE_MARKDOWN, say_cycle(d->arena, d->report->system, &c->list[i]));
		fputc('\n', out);
	}
	if (c->count > SHOWN_MAX)
		fprintf(out, "\n%zu more; `faultline rank --json` lists all.\n", c->count - SHOWN_MAX);
}
