/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared.h - shared fate in words, JSON and sections of a report
 */
#ifndef FAULTLINE_REPORTS_SHARED_H
#define FAULTLINE_REPORTS_SHARED_H

#include <stdio.h>

#include "faultline/json.h"
#include "faultline/shared.h"
#include "reports/digest_internal.h"

/* "api1, api2 and 3 more"; the group's name; "assumed", "confirmed" or NULL */
const char *fl_say_shared_members(struct fl_arena *a, const struct fl_shared_fate *f);
const char *fl_say_shared_group(struct fl_arena *a, const struct fl_shared_fate *f);
const char *fl_say_fail_over(const struct fl_shared_fate *f);
/* What separating the members would bring: of one whose loss_after is known. */
const char *fl_say_separation(struct fl_arena *a, const struct fl_system *s, const struct fl_shared_fate *f);

/* Lists "shared_fate", "separate_first", "common", "inherent", and "dropped": see cmd_shared.c */
void fl_shared_add_json(cJSON *root, const struct fl_graph *g, const struct fl_shared *r);
/* "shared": an object of these; nothing where it was not looked for. */
void fl_shared_add_report_json(cJSON *root, const struct fl_digest *d);
/* A section of a report; nothing when there is none. */
void fl_shared_write_html(FILE *out, const struct fl_digest *d);
void fl_shared_write_markdown(FILE *out, const struct fl_digest *d);
/* For "In short"; NULL when no group breaks. */
const char *fl_shared_sentence(const struct fl_digest *d);

#endif
