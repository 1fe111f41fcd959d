/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blast_all.h - every lone failure at once: the parts of fl_blast_all()
 *
 * blast_all.c shares out the work, blast_sparse.c follows one failure as far as it goes when that is not
 * far, blast_block.c carries hundreds of failures through the graph together, a bit each.
 */
#ifndef FAULTLINE_ANALYZE_BLAST_ALL_H
#define FAULTLINE_ANALYZE_BLAST_ALL_H

#include "condensed.h"
#include "faultline/rank.h"

/* Nodes that fail with a thing, its own counted. */
struct fl_class_counts {
	uint32_t of[FL_CLASSES];
};

/* How to go about it; 0 anywhere: chosen by what the graph and the machine are like. Results are the
 * same with all of them. */
struct fl_blast_settings {
	unsigned threads;
	size_t units;     /* of 512 failures in a block */
	size_t edges_max; /* edges that one failure is followed over alone; SIZE_MAX: all, 1: none */
};
void fl_blast_all_with(
	const struct fl_graph *g, const struct fl_blast_settings *settings, struct fl_blast_row *rows);

/* One failure after the other, each with counters of its own. */
struct fl_sparse;
struct fl_sparse *fl_sparse_new(const struct fl_condensed *c);
void fl_sparse_free(struct fl_sparse *s);
/* False when more than @edges_max edges would have to be looked at. */
bool fl_sparse_run(struct fl_sparse *s, uint32_t thing, size_t edges_max, struct fl_class_counts *counts);

/* What all blocks need and none changes. */
struct fl_block_plan;
struct fl_block_plan *fl_block_plan_new(const struct fl_condensed *c, size_t units);
void fl_block_plan_free(struct fl_block_plan *p);
/* At most units * 512 failures at once. A worker belongs to one thread. */
struct fl_block;
struct fl_block *fl_block_new(const struct fl_block_plan *p);
void fl_block_free(struct fl_block *b);
/* @causes: ascending; @counts: of every thing, those of @causes are filled in. */
void fl_block_run(
	struct fl_block *b, const uint32_t *causes, size_t count, struct fl_class_counts *counts);

#endif
