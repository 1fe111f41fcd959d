/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rank_why.h - the sentence that says why a node is a single point of failure
 */
#ifndef FAULTLINE_ANALYZE_RANK_WHY_H
#define FAULTLINE_ANALYZE_RANK_WHY_H

#include "faultline/rank.h"
#include "sweep.h"

/* @lost, @count: what the last run of @sweep, of spof->node, took down. Owned by @a. */
const char *fl_rank_why(const struct fl_system *s, const struct fl_sweep *sweep, const struct fl_spof *spof,
	const fl_node_id *lost, uint32_t count, struct fl_arena *a);
/* For a node that only stands or falls with its representative. */
const char *fl_rank_why_same(const struct fl_system *s, fl_node_id representative, struct fl_arena *a);

#endif
