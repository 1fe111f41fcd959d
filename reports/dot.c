/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dot.c - a drawing as DOT text
 *
 * Written without Graphviz, so the text can be had on any host and drawn elsewhere. Names in the text
 * are ours alone (n0, cluster0); what came from the wire stands in labels only, escaped line by line
 * and cut: Graphviz reads behind the end of some odd labels and draws nothing for very long ones.
 * No record shapes, no URLs, no HTML-like labels, for the same reason.
 *
 * Meaning is never in colour alone: single points of failure have a double, thick border and say "SPOF
 * 1", failed nodes say their step, so the pictures survive a black-and-white printer.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/escape.h"
#include "reports/drawing_internal.h"

enum { LINE_MAX_CHARACTERS = 44, TITLE_MAX_CHARACTERS = 120 };
enum { LABELLED_EDGES_MAX = 60 }; /* on more arrows figures are clutter */
enum { LAYER_MAX = 7 }; /* arrows to the right-hand side are stretched over at most so many columns */

struct look {
	const char *fill, *border, *text;
	const char *style;
	const char *pen;
	const char *extra; /* more attributes */
};

static const struct look looks[] = {
	[FL_DRAWN_USERS] = { "#ffffff", "#ffffff", "#111827", "filled", "1", ", shape=plain, fontsize=13" },
	[FL_DRAWN_SERVICE] = { "#ffffff", "#334155", "#0f172a", "rounded,filled", "1.2", "" },
	[FL_DRAWN_EXTERNAL] = { "#e8eefc", "#1d4ed8", "#0f172a", "filled", "1.2", "" },
	[FL_DRAWN_INTERNAL] = { "#f4f4f5", "#52525b", "#27272a", "filled,dashed", "1", "" },
	[FL_DRAWN_RESOLVER] = { "#fafafa", "#a1a1aa", "#52525b", "rounded,filled", "0.8", ", fontsize=9" },
	[FL_DRAWN_CHOICE] = { "#ffffff", "#334155", "#0f172a", "filled", "1",
			      ", shape=ellipse, fontsize=9, margin=\"0.02,0.02\"" },
	[FL_DRAWN_OTHER] = { "#ffffff", "#334155", "#0f172a", "rounded,filled", "1.2", "" },
};

/* The worst three shout, the other marked ones speak. */
enum { LOUD_RANKS = 3 };
static const struct look look_worst = { "#fbd5d5", "#9b1c1c", "#450a0a", "filled", "2.4", ", peripheries=2" };
static const struct look look_ranked = { "#fff5f5", "#9b1c1c", "#450a0a", "rounded,filled", "2", "" };
static const struct look look_cause = { "#7f1d1d", "#000000", "#ffffff", "filled", "3", ", peripheries=2" };
static const struct look look_survives = { "#ffffff", "#b4b4bb", "#63636b", "rounded,filled", "0.8", "" };

/* By step, the last for all later ones. */
static const char *const step_fill[] = { "#ee8a80", "#f5aca4", "#facac5", "#fde3e0" };
static const struct look look_failed = { NULL, "#9b1c1c", "#1c0a0a", "filled", "1.6", "" };

static void write_text(FILE *out, const char *text, size_t most)
{
	char *escaped = fl_escape_string(FL_LANGUAGE_DOT, text, most);
	fputs(escaped, out);
	free(escaped);
}

/* What stands above the name: "SPOF 1", "CAUSE", "step 2". @separator is written behind it. */
static void write_badge(FILE *out, uint32_t rank, int step, const char *separator)
{
	if (step == FL_STEP_CAUSE)
		fprintf(out, "CAUSE%s", separator);
	else if (step > FL_STEP_CAUSE)
		fprintf(out, "step %d%s", step, separator);
	else if (rank != 0)
		fprintf(out, "SPOF %u%s", rank, separator);
}

static struct look look_of(const struct fl_drawn_node *n)
{
	struct look look = looks[n->kind];
	const struct look *by_state = NULL;
	if (n->step == FL_STEP_CAUSE)
		by_state = &look_cause;
	else if (n->step > FL_STEP_CAUSE)
		by_state = &look_failed;
	else if (n->step == FL_STEP_SURVIVES && n->kind != FL_DRAWN_USERS)
		by_state = &look_survives;
	else if (n->rank != 0)
		by_state = n->rank <= LOUD_RANKS ? &look_worst : &look_ranked;
	if (by_state == NULL)
		return look;
	const char *shape = n->kind == FL_DRAWN_CHOICE || n->kind == FL_DRAWN_RESOLVER ? look.extra : "";
	look = *by_state;
	if (shape[0] != '\0')
		look.extra = shape;
	if (n->step > FL_STEP_CAUSE) {
		size_t last = FL_ARRAY_LEN(step_fill) - 1, at = (size_t)n->step - 1;
		look.fill = step_fill[at < last ? at : last];
	}
	return look;
}

static void write_node(FILE *out, size_t id, const struct fl_drawn_node *n, const char *indent)
{
	struct look look = look_of(n);
	fprintf(out, "%sn%zu [label=\"", indent, id);
	write_badge(out, n->rank, n->step, "\\n");
	for (size_t i = 0; i < n->line_count; i++) {
		fputs(i == 0 ? "" : "\\n", out);
		write_text(out, n->lines[i], LINE_MAX_CHARACTERS);
	}
	fprintf(out, "\", style=\"%s\", fillcolor=\"%s\", color=\"%s\", fontcolor=\"%s\", penwidth=%s%s];\n",
		look.style, look.fill, look.border, look.text, look.pen, look.extra);
}

static void write_cluster_head(FILE *out, size_t id, const struct fl_drawn_cluster *c)
{
	const char *border = c->provider ? "#1d4ed8" : "#94a3b8";
	const char *pen = "1", *text = "#334155";
	bool failed = c->step >= FL_STEP_CAUSE;
	if (c->step == FL_STEP_SURVIVES) {
		border = look_survives.border;
		text = look_survives.text;
	}
	if (failed || c->rank != 0) {
		border = "#9b1c1c";
		text = "#7f1d1d";
		pen = c->step > FL_STEP_CAUSE ? "1.6" : "3";
	}
	fprintf(out, "\tsubgraph cluster%zu {\n\t\tlabel=\"", id);
	/* The steps of boxes are not counted: what stands in them tells the order. */
	write_badge(out, c->rank, c->step > FL_STEP_CAUSE ? FL_STEP_SURVIVES : c->step, ": ");
	fputs(c->provider ? "provider " : "host ", out);
	write_text(out, c->title, LINE_MAX_CHARACTERS);
	fprintf(out, "\"; labelloc=t; labeljust=l; style=\"%s\"; color=\"%s\"; fontcolor=\"%s\"; penwidth=%s; bgcolor=\"%s\";\n",
		c->provider ? "dashed,rounded" : "rounded", border, text, pen,
		c->provider ? "#f7f9ff" : "#f8fafc");
}

/* Boxes whose nodes have all been left out are left out, too: Graphviz would draw them empty. */
static void write_clusters(FILE *out, const struct fl_drawing *d)
{
	for (size_t c = 0; c < d->cluster_count; c++) {
		bool open = false;
		for (size_t i = 0; i < d->node_count; i++) {
			if (d->nodes[i].cluster != c)
				continue;
			if (!open)
				write_cluster_head(out, c, &d->clusters[c]);
			open = true;
			write_node(out, i, &d->nodes[i], "\t\t");
		}
		if (open)
			fputs("\t}\n", out);
	}
}

/* Columns from the left as longest paths, cycles cut off by the cap; so that what is outside stands in one
 * column at the right. */
static unsigned *layers_of(const struct fl_drawing *d)
{
	unsigned *layer = fl_alloc_array(d->node_count + 1, sizeof(*layer));
	bool changed = true;
	for (unsigned round = 0; changed && round < LAYER_MAX; round++) {
		changed = false;
		for (size_t i = 0; i < d->edge_count; i++) {
			const struct fl_drawn_edge *e = &d->edges[i];
			if (layer[e->from] + 1 > layer[e->to] && layer[e->from] + 1 <= LAYER_MAX) {
				layer[e->to] = layer[e->from] + 1;
				changed = true;
			}
		}
	}
	return layer;
}

static unsigned rightmost(const struct fl_drawing *d, const unsigned *layer)
{
	unsigned most = 1;
	for (size_t i = 0; i < d->node_count; i++)
		if (layer[i] > most)
			most = layer[i];
	return most;
}

/* "40 %", "x3.2", ":5432" as far as they say something. */
static void write_edge_label(FILE *out, const struct fl_drawn_edge *e)
{
	char share[24] = "", calls[24] = "";
	if (e->background)
		snprintf(share, sizeof(share), "background");
	else if (e->coupling < 0.995)
		snprintf(share, sizeof(share), e->coupling >= 0.01 ? "%.0f %%" : "< 1 %%", e->coupling * 100.0);
	if (!e->background && e->fan_out >= 1.5)
		snprintf(calls, sizeof(calls), "x%.1f", fmin(e->fan_out, 1e9));
	const char *const parts[] = { e->port, share, calls };
	bool any = false;
	for (size_t i = 0; i < FL_ARRAY_LEN(parts); i++) {
		if (parts[i] == NULL || parts[i][0] == '\0')
			continue;
		fputs(any ? ", " : ", label=\"", out);
		write_text(out, parts[i], LINE_MAX_CHARACTERS);
		any = true;
	}
	fputs(any ? "\"" : "", out);
}

static const char *edge_colour(const struct fl_drawing *d, const struct fl_drawn_edge *e)
{
	int to = d->nodes[e->to].step, from = d->nodes[e->from].step;
	if (e->resolving)
		return to >= FL_STEP_CAUSE && from >= FL_STEP_CAUSE ? "#c98a8a" : "#d4d4d8";
	if (to == FL_STEP_UNKNOWN)
		return e->optional ? "#71717a" : "#1f2937";
	return to >= FL_STEP_CAUSE && from >= FL_STEP_CAUSE ? "#9b1c1c" : "#c4c4cb";
}

static void write_edge(FILE *out, const struct fl_drawing *d, const struct fl_drawn_edge *e,
	const unsigned *layer, unsigned last)
{
	bool failing = d->nodes[e->to].step >= FL_STEP_CAUSE && d->nodes[e->from].step >= FL_STEP_CAUSE;
	fprintf(out, "\tn%u -> n%u [color=\"%s\"", e->from, e->to, edge_colour(d, e));
	if (e->resolving)
		fputs(", penwidth=0.7, arrowsize=0.5, weight=0", out);
	else
		fprintf(out, ", penwidth=%s", failing ? "2" : e->optional ? "1" : "1.3");
	if (e->optional)
		fputs(", style=dashed", out);
	bool outside = d->nodes[e->to].kind == FL_DRAWN_EXTERNAL || d->nodes[e->to].kind == FL_DRAWN_RESOLVER;
	if (outside && last > layer[e->from] + 1)
		fprintf(out, ", minlen=%u", last - layer[e->from]);
	if (d->edge_count <= LABELLED_EDGES_MAX && !e->resolving && d->nodes[e->to].step == FL_STEP_UNKNOWN)
		write_edge_label(out, e);
	fputs("];\n", out);
}

/* What lies outside and has lost its arrows (see drawing_edges.c) would float to the left: it is held at
 * the right by invisible ones. */
static void write_anchors(FILE *out, const struct fl_drawing *d, unsigned last)
{
	bool *reached = fl_alloc_array(d->node_count + 1, sizeof(*reached));
	size_t users = d->node_count;
	for (size_t i = 0; i < d->edge_count; i++)
		reached[d->edges[i].to] = true;
	for (size_t i = 0; i < d->node_count; i++)
		if (d->nodes[i].kind == FL_DRAWN_USERS)
			users = i;
	for (size_t i = 0; users < d->node_count && i < d->node_count; i++) {
		enum fl_drawn_kind kind = d->nodes[i].kind;
		if (!reached[i] && (kind == FL_DRAWN_EXTERNAL || kind == FL_DRAWN_RESOLVER))
			fprintf(out, "\tn%zu -> n%zu [style=invis, weight=0, minlen=%u];\n", users, i, last);
	}
	free(reached);
}

static void write_legend(FILE *out, const struct fl_drawing *d, const char *title)
{
	char marks[FL_MARKS_TEXT];
	fputs("\tlabelloc=b; labeljust=l; fontsize=11; label=\"", out);
	write_text(out, title, TITLE_MAX_CHARACTERS);
	if (d->omitted != 0)
		fprintf(out, "\\lOnly what matters most is drawn: %zu of %zu nodes.", d->node_count,
			d->node_count + d->omitted);
	if (d->node_count > 0 && d->nodes[0].step != FL_STEP_UNKNOWN)
		fputs("\\lCAUSE: what fails first. step 1, 2 ...: fails next, in this order. Pale: goes on.\\l", out);
	else
		fprintf(out, "\\lSPOF: single point of failure, 1 is the worst, double border for the first three.%s Dashed arrow: fewer than "
		      "half of the requests, or background.\\lPercent: share of the caller's requests that use "
		      "it. x2.0: calls per request. 1 of 2: so many must work.\\l", fl_marks_text(d->ranks, marks));
	fputs("\";\n", out);
}

void fl_drawing_write_dot(FILE *out, const struct fl_drawing *d, const char *title)
{
	fputs("digraph faultline {\n"
	      "\tgraph [rankdir=LR, fontname=\"DejaVu Sans\", fontsize=10, nodesep=0.22, ranksep=0.55, "
	      "pad=0.15, bgcolor=\"#ffffff\"];\n"
	      "\tnode [shape=box, fontname=\"DejaVu Sans\", fontsize=11, height=0.35, "
	      "margin=\"0.11,0.06\"];\n"
	      "\tedge [fontname=\"DejaVu Sans\", fontsize=9, fontcolor=\"#27272a\", arrowsize=0.7];\n",
		out);
	if (title != NULL)
		write_legend(out, d, title);
	write_clusters(out, d);
	for (size_t i = 0; i < d->node_count; i++)
		if (d->nodes[i].cluster == FL_DRAWN_NONE)
			write_node(out, i, &d->nodes[i], "\t");
	unsigned *layer = layers_of(d);
	unsigned last = rightmost(d, layer);
	for (size_t i = 0; i < d->edge_count; i++)
		write_edge(out, d, &d->edges[i], layer, last);
	free(layer);
	write_anchors(out, d, last);
	fputs("}\n", out);
}

void fl_dot_write(FILE *out, const struct fl_picture *p)
{
	struct fl_drawing *d = fl_drawing_new(p);
	fl_drawing_write_dot(out, d, p->title);
	fl_drawing_free(d);
}
