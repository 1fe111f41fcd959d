/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared_internal.h - what the files of shared fate have in common
 */
#ifndef FAULTLINE_ANALYZE_SHARED_INTERNAL_H
#define FAULTLINE_ANALYZE_SHARED_INTERNAL_H

#include "faultline/shared.h"

/* ---- shared_fall.c: the least fixed point, with nodes that are held up ---- */

struct fl_fall;
struct fl_fall *fl_fall_new(const struct fl_graph *g);
void fl_fall_free(struct fl_fall *f); /* NULL is fine */
/* From now on @v never fails (again) until all are let go. */
void fl_fall_hold(struct fl_fall *f, fl_node_id v);
void fl_fall_let_go(struct fl_fall *f);
/* Everything that fails with @v, itself first; valid until the next run. */
const fl_node_id *fl_fall_run(struct fl_fall *f, fl_node_id v, uint32_t *count);
/* Links followed in all runs so far. */
uint64_t fl_fall_work(const struct fl_fall *f);
bool fl_fall_lost(const struct fl_fall *f, fl_node_id v); /* in the last run */

/* ---- findings while they are gathered ---- */

struct fl_shared_work {
	const struct fl_system *system;
	struct fl_arena *arena;
	struct fl_fall *fall;
	struct fl_shared_fate *list;
	size_t count, capacity;
	uint64_t dropped;
};

/* A new finding, zeroed. Valid until the next one. */
struct fl_shared_fate *fl_shared_add(struct fl_shared_work *w);

/* shared_groups.c: groups of the graph */
void fl_shared_groups(struct fl_shared_work *w);
/* shared_places.c: several addresses of one host behind one name; different vendors at one place */
void fl_shared_hosts(struct fl_shared_work *w);
void fl_shared_vendors(struct fl_shared_work *w);

#endif
