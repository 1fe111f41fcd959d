/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_internal.h - findings about behaviour as the command and the reports write them
 */
#ifndef FAULTLINE_REPORTS_BEHAVE_INTERNAL_H
#define FAULTLINE_REPORTS_BEHAVE_INTERNAL_H

#include "faultline/behave.h"
#include "faultline/json.h"
#include "reports/digest_internal.h"

void fl_behave_json_finding(cJSON *list, const struct fl_behave_finding *f);
void fl_behave_json_edge(cJSON *list, const struct fl_behave_edge *e);

/* "work piled up", "retries without backoff": what a person on call would say; of two words at most. */
const char *fl_behave_headline(const struct fl_behave_finding *f);
/* "api1 > db1/postgres"; "(clients outside) > edge1/nginx"; replicas as a number. */
const char *fl_behave_where(struct fl_arena *a, const struct fl_behave_finding *f);
/* "11:41:44 to 11:42:14", "throughout": within the time of the scans. */
const char *fl_behave_when(struct fl_arena *a, const struct fl_behave_finding *f);
/* "from the scans of api1, api2; 40 attempts, 12 failed; confidence high" */
const char *fl_behave_evidence(struct fl_arena *a, const struct fl_behave_finding *f);
/* What to say where there is no finding: that nothing happened, or that nothing is known. */
const char *fl_behave_nothing(const struct fl_behave *b);
/* "retries: not observed for 12 of 30 calls ..." : what cannot be said and why. One sentence each; NULL ends. */
const char **fl_behave_not_observed(struct fl_arena *a, const struct fl_behave *b);

/* The section "Behaviour" of a report; nothing for a graph file. */
void fl_behave_write_html(FILE *out, const struct fl_digest *d);
void fl_behave_write_markdown(FILE *out, const struct fl_digest *d);
/* "behaviour": { findings[], dependencies[] } as in faultline.behave/1; NULL: null. */
void fl_behave_add_json(cJSON *root, const struct fl_behave *b);
/* One sentence for "In short"; NULL when there is nothing to say. */
const char *fl_behave_sentence(struct fl_digest *d);

#endif
