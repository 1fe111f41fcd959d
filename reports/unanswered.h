/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unanswered.h - who was called and never answered, beside the failure graph
 */
#ifndef FAULTLINE_REPORTS_UNANSWERED_H
#define FAULTLINE_REPORTS_UNANSWERED_H

#include "faultline/arena.h"
#include "faultline/json.h"
#include "faultline/system.h"

/* "2 endpoints never answered who called them, 1 refused: 10.0.0.9:6379, x.example:443; not in the graph, ..."; NULL: none. */
const char *fl_say_unanswered(struct fl_arena *a, const struct fl_system *s);
/* "never_answered": count, refused, endpoints[], the first FL_UNANSWERED_LISTED ids of them. */
enum { FL_UNANSWERED_LISTED = 100 };
void fl_unanswered_add(cJSON *object, const struct fl_system *s);

#endif
