/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drawing_internal.h - what stands on the paper, before any language for pictures
 *
 * A failure graph has a node for every endpoint, address, provider and host; on paper most of them are
 * noise. A drawing is the graph as a person would sketch it: services in boxes of their host,
 * external endpoints in boxes of their provider, users at the left. See drawing.c for the rules.
 */
#ifndef FAULTLINE_REPORTS_DRAWING_INTERNAL_H
#define FAULTLINE_REPORTS_DRAWING_INTERNAL_H

#include "faultline/report.h"

#define FL_DRAWN_NONE UINT32_MAX

enum fl_drawn_kind {
	FL_DRAWN_USERS,    /* whoever connects from outside: one node, no node of the graph */
	FL_DRAWN_SERVICE,
	FL_DRAWN_EXTERNAL, /* endpoint outside */
	FL_DRAWN_INTERNAL, /* endpoint inside that no scan has looked into, or with several services behind */
	FL_DRAWN_RESOLVER,
	FL_DRAWN_CHOICE,   /* "1 of 2": a group that needs fewer than it has */
	FL_DRAWN_OTHER,    /* any other kind, as in graph files */
};

enum { FL_DRAWN_LINES = 5 };

/* How a node fared in a blast. */
enum { FL_STEP_UNKNOWN = -2, /* no blast in this picture */
       FL_STEP_SURVIVES = -1, FL_STEP_CAUSE = 0 /* then 1, 2 ... in order */ };

struct fl_drawn_node {
	enum fl_drawn_kind kind;
	fl_node_id node;                   /* FL_NODE_NONE: users, choices */
	const char *lines[FL_DRAWN_LINES]; /* raw text, not escaped; the first is the name */
	size_t line_count;
	uint32_t cluster;                  /* FL_DRAWN_NONE */
	uint32_t rank;                     /* among the single points of failure; 0 = not marked */
	int step;
};

struct fl_drawn_edge {
	uint32_t from, to;
	bool optional;                     /* coupling below one half, or background */
	bool background;
	bool resolving;                    /* a question to a resolver */
	double coupling;                   /* NaN: not known */
	double fan_out;                    /* NaN */
	const char *port;                  /* ":5432", or NULL when the name behind the arrow says it */
};

struct fl_drawn_cluster {
	fl_node_id node;                   /* host or provider */
	const char *title;
	bool provider;
	uint32_t rank;
	int step;
};

struct fl_drawing {
	struct fl_arena *arena;            /* owns all of it */
	struct fl_drawn_node *nodes;
	struct fl_drawn_edge *edges;       /* sorted by from, to; one a pair */
	struct fl_drawn_cluster *clusters;
	size_t node_count, edge_count, cluster_count;
	size_t omitted;                    /* nodes taken out by fl_drawing_condense() */
	uint32_t ranks;                    /* of single points of failure, marked or not; 0: none is marked */
};

/* Ranks up to this are marked: a picture on which everything is red shows nothing. What is beyond is told below it. */
enum { FL_DRAWING_MARKED = 9 };
/* " The first 9 of 14 are marked, \"faultline rank\" lists all." in @text; "" where none is without a mark. */
enum { FL_MARKS_TEXT = 96 };
const char *fl_marks_text(uint32_t ranks, char text[static FL_MARKS_TEXT]);
/* How many ranks a picture has to mark; 0 for one of a blast. */
uint32_t fl_picture_ranks(const struct fl_picture *p);

struct fl_drawing *fl_drawing_new(const struct fl_picture *p);
void fl_drawing_free(struct fl_drawing *d);

/**
 * fl_drawing_condense() - Take out what matters least until @most nodes are left
 * Kept, in this order: the cause and what fails (by step), marked single points of failure, entry
 * points, what lies on the shortest way from the users to those; neighbours of all these only where the
 * picture would be nearly empty.
 */
void fl_drawing_condense(struct fl_drawing *d, size_t most);

/* DOT text of a drawing. @title: written below the picture with the legend; NULL: neither. */
void fl_drawing_write_dot(FILE *out, const struct fl_drawing *d, const char *title);

/* ---- drawn by Graphviz, with a way out when it takes too long ---- */

struct fl_figure {
	char *data;        /* free() */
	size_t size;
	size_t shown, omitted; /* nodes */
	bool slow;         /* the full picture took too long */
};

enum { FL_FIGURE_TIMEOUT_S = 20,
       FL_FIGURE_EDGES_MAX = 1200, /* more takes Graphviz too long to try */
       FL_FIGURE_NODES_MAX = 60 }; /* more cannot be read on one page */

/**
 * fl_figure_draw() - Render @p as @format, condensed to @most nodes (0: as many as can be drawn)
 * @title_below: write title and legend into the picture
 */
int fl_figure_draw(struct fl_figure *f, const struct fl_picture *p, const char *format, size_t most,
		   bool title_below, struct fl_error *err);

#endif
