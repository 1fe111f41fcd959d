/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * changes.h - what a comparison found, for the command, the reports and pull requests
 */
#ifndef FAULTLINE_REPORTS_CHANGES_H
#define FAULTLINE_REPORTS_CHANGES_H

#include "faultline/diff.h"
#include "faultline/json.h"

/* "gone" and its like: "before -> after", or the one there is; NULL. */
const char *fl_say_difference(struct fl_arena *a, const struct fl_change *c);
/* "39.1 requests/s at the entry points, then 40.2"; NULL where no side knows. */
const char *fl_say_load(struct fl_arena *a, const struct fl_diff *d);
/* What was compared, and what could not be. */
const char *fl_say_tests(struct fl_arena *a, const struct fl_diff *d);

/* changes[], unchanged, address_only, renamed_services, tested, too_few, load{}. */
void fl_changes_add_json(cJSON *root, const struct fl_diff *d);
/* A table with at most @most rows, without a heading. */
void fl_changes_write_markdown(FILE *out, struct fl_arena *a, const struct fl_diff *d, size_t most);
/* A whole comment for a pull request. */
void fl_diff_write_markdown(
	FILE *out, const struct fl_system *old, const struct fl_system *new, const struct fl_diff *d);
/* SARIF 2.1.0; @file: what the results point at, the newer scans. */
void fl_diff_write_sarif(FILE *out, const struct fl_diff *d, const char *file);

#endif
