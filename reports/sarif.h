/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sarif.h - findings in the format that code hosts show beside a change
 *
 * Static Analysis Results Interchange Format 2.1.0 (OASIS, with errata 01). One run; a result points at a place in a file and at the
 * two nodes it is about. The fingerprint is of rule and nodes alone, so a finding is the same one when its numbers change.
 */
#ifndef FAULTLINE_REPORTS_SARIF_H
#define FAULTLINE_REPORTS_SARIF_H

#include <stdint.h>
#include <stdio.h>

#include "faultline/json.h"

struct fl_sarif;

/* @level: "error", "warning", "note". */
struct fl_sarif_rule { const char *id, *text, *level; };

/* @rules: borrowed until the end; of each the results name the index. */
struct fl_sarif *fl_sarif_new(const struct fl_sarif_rule *rules, size_t count);

struct fl_sarif_result {
	size_t rule;
	const char *level;      /* NULL: the rule's */
	const char *message;
	const char *from, *to;  /* node ids; NULL: none */
	const char *file;       /* path; NULL: no place */
	uint32_t line, column;  /* from 1; 0: the whole file */
};
/* The result's "properties", for more. Valid until the next call. */
cJSON *fl_sarif_add(struct fl_sarif *s, const struct fl_sarif_result *r);

/* Write and free. */
void fl_sarif_end(struct fl_sarif *s, FILE *out);

#endif
