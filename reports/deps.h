/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deps.h - the rows of `faultline deps`
 */
#ifndef FAULTLINE_REPORTS_DEPS_H
#define FAULTLINE_REPORTS_DEPS_H

#include "faultline/reach.h"

/* One service and one thing it depends on, directly or through others. */
struct fl_deps_row {
	const char *from, *to; /* node ids, also of nodes that are not in the graph */
	fl_node_id to_node;    /* FL_NODE_NONE: not in the graph */
	bool direct;
	enum fl_scope scope;
	const struct fl_reached *reached; /* NULL: not in the graph */
	const struct fl_dependency *last; /* evidence of the last link; NULL for graph files */
};

struct fl_deps {
	struct fl_arena *arena;
	struct fl_reach *reach;
	fl_node_id of;           /* FL_NODE_NONE: of all services */
	struct fl_deps_row *list; /* sorted by from, direct first, external first, to */
	size_t count;
};

/* @of: only what this node depends on; FL_NODE_NONE: every service. */
struct fl_deps *fl_deps_new(const struct fl_system *s, fl_node_id of);
void fl_deps_free(struct fl_deps *d);

/* Coupling of the row, see fl_reached; NaN unknown. */
double fl_deps_coupling(const struct fl_deps_row *row);
/* Name, port and transport of an "endpoint:NAME:PORT/TRANSPORT" without evidence, owned by @a. */
const char *fl_deps_parse_id(struct fl_arena *a, const char *id, unsigned *port, const char **transport);

void fl_deps_print_json(const struct fl_system *s, const struct fl_deps *d);
/* @all: also probes and attempts of a scan, which are folded into a line otherwise. */
void fl_deps_print_table(const struct fl_system *s, const struct fl_deps *d, bool all);

/* Who uses a node that is no service: a table and, in JSON, the member "used_by". */
void fl_deps_print_users(const struct fl_system *s, fl_node_id of);
struct cJSON;
void fl_deps_add_users(struct cJSON *root, const struct fl_system *s, fl_node_id of);

#endif
