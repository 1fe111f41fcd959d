/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph_copy.h - a frozen graph opened again, to be changed
 */
#ifndef FAULTLINE_ANALYZE_GRAPH_COPY_H
#define FAULTLINE_ANALYZE_GRAPH_COPY_H

#include "faultline/graph.h"

/* A builder with the nodes of @g (handles are its ids), its entry points and all groups but those marked
 * in @without (by group; NULL: none). */
struct fl_graph_builder *fl_graph_reopen(const struct fl_graph *g, const bool *without);

#endif
