/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cycles.h - circular dependencies in every form of output
 */
#ifndef FAULTLINE_REPORTS_CYCLES_H
#define FAULTLINE_REPORTS_CYCLES_H

#include <stdio.h>

#include "faultline/cycles.h"
#include "faultline/json.h"
#include "reports/digest_internal.h"

/* "cycles": [{nodes[], way[], deadlock, why}] */
void fl_cycles_add_json(cJSON *root, const struct fl_system *s, const struct fl_cycles *c);
/* Lines for a terminal; nothing when there are none. */
void fl_cycles_print(const struct fl_system *s, const struct fl_cycles *c);
/* A section of a report; nothing when there are none. */
void fl_cycles_write_html(FILE *out, const struct fl_digest *d);
void fl_cycles_write_markdown(FILE *out, const struct fl_digest *d);

#endif
