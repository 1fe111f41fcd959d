/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loss.h - expected loss for one set of failed nodes after the other
 *
 * Shared by blast.c and rank.c; see fl_expected_loss() in blast.h for what is computed.
 * Made once for a graph; a run costs what it reaches and allocates nothing.
 */
#ifndef FAULTLINE_ANALYZE_LOSS_H
#define FAULTLINE_ANALYZE_LOSS_H

#include "faultline/graph.h"

struct fl_loss;
struct fl_loss *fl_loss_new(const struct fl_graph *g);
void fl_loss_free(struct fl_loss *l); /* NULL is fine */

/* Loss of every node, valid until the next run. */
const double *fl_loss_run(struct fl_loss *l, const fl_node_id *failed, size_t count);

/* Share of all entry-point exchanges that @loss takes. Where a graph has no entry point: the mean over
 * all nodes but the @failed ones. */
double fl_loss_overall(const struct fl_graph *g, const double *loss, const fl_node_id *failed, size_t count);

#endif
