/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep.h - the least fixed point for one failed node after the other
 *
 * Shared by blast.c and rank.c. Made once for a graph; a run costs what it reaches and
 * allocates nothing: counters of the run before are told apart by an epoch.
 */
#ifndef FAULTLINE_ANALYZE_SWEEP_H
#define FAULTLINE_ANALYZE_SWEEP_H

#include "faultline/graph.h"

struct fl_sweep;
struct fl_sweep *fl_sweep_new(const struct fl_graph *g);
void fl_sweep_free(struct fl_sweep *s); /* NULL is fine */

/* Everything that fails with @failed, those first (each once), then breadth-first: a node that
 * needs fewer steps stands earlier. Valid until the next run. */
const fl_node_id *fl_sweep_run(struct fl_sweep *s, const fl_node_id *failed, size_t count, uint32_t *lost);

/* About a node of the last run; false for others. */
bool fl_sweep_lost(const struct fl_sweep *s, fl_node_id v);
/* The failed node that took @v down, FL_NODE_NONE for initial ones; *group: the group that broke. */
fl_node_id fl_sweep_because(const struct fl_sweep *s, fl_node_id v, fl_group_id *group);

#endif
