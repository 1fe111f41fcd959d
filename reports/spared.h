/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spared.h - what stays up beside a failure only because something else may stand in
 */
#ifndef FAULTLINE_REPORTS_SPARED_H
#define FAULTLINE_REPORTS_SPARED_H

#include "faultline/arena.h"
#include "faultline/json.h"
#include "faultline/system.h"

/* @lost: of each node, whether it failed. Sorted by who is spared.
 * JSON, "spared"[]: node, needs, members[], failed (of them), redundancy (assumed, confirmed). */
void fl_spared_add(cJSON *root, const struct fl_system *s, const bool *lost);
/* A line for each; nothing when no group that holds a failed node still stands. */
void fl_spared_write(const struct fl_system *s, const bool *lost);
/* "fail-over at 3 of 5 groups with a spare: web1/nginx, ..."; NULL: each was seen or stated. */
const char *fl_say_assumed_failover(struct fl_arena *a, const struct fl_system *s);

#endif
