/* SPDX-License-Identifier: BSD-2-Clause */
/* drawing_build.h - what drawing.c and drawing_edges.c share while a drawing is made */
#ifndef FAULTLINE_REPORTS_DRAWING_BUILD_H
#define FAULTLINE_REPORTS_DRAWING_BUILD_H

#include "reports/drawing_internal.h"

enum fl_role {
	FL_ROLE_NODE,   /* drawn */
	FL_ROLE_FOLDED, /* stands for the one service behind it */
	FL_ROLE_TEXT,   /* a line in other nodes */
	FL_ROLE_BOX,    /* a cluster */
};

struct fl_building {
	const struct fl_picture *picture;
	const struct fl_graph *graph;
	struct fl_drawing *drawing;
	enum fl_role *role;   /* by node of the graph, as the three below */
	uint32_t *index_of;   /* in drawing->nodes, for boxes in drawing->clusters; FL_DRAWN_NONE */
	uint32_t *rank_of;
	int *step_of;
};

/* " (assumed)", "": what is known of a group's fail-over. */
const char *fl_redundancy_remark(const struct fl_group *g);
/* The arrows, the choices and the users; drawing->nodes has room for them. */
void fl_building_add_edges(struct fl_building *b);

#endif
