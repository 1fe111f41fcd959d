/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h - what a person knows and packets cannot tell: the model file of --model
 *
 * faultline.model/1 (schema: analyze/faultline.model.schema.json), JSON with comments and trailing commas:
 * groups, required and optional dependencies, how they are called (timeouts, retries), limits, failure probabilities,
 * owners, zones, entry points, renames, confirmed endpoints, declared fail-over. A node in it is an id, any part of one that only one node has, or a
 * pattern with '*'.
 *
 * Every statement is compared with the scans. What no scan supports and what scans contradict is kept with its
 * place, for people to see: a model is written once and the system goes on changing. A statement about an
 * unknown node has no effect; one that scans contradict is followed all the same: the person may know better.
 */
#ifndef FAULTLINE_MODEL_H
#define FAULTLINE_MODEL_H

#include "faultline/graph.h"

/* ---- what became of a model; in fl_system.model, owned by the system ---- */

struct fl_model_remark {
	const char *place;      /* "shop.model.json:12:7" */
	const char *statement;  /* "groups[2]" */
	const char *text;
};
struct fl_model_owner { fl_node_id node; const char *owner; };
/* NaN: not stated. Kept for what-if questions. */
struct fl_model_limit { fl_node_id node; double in_flight, requests_per_s; };
/* How @from calls @to. NaN: not stated. */
struct fl_model_call {
	fl_node_id from, to;
	double in_flight;       /* attempts at once: the size of the pool */
	double timeout_s;       /* of an attempt */
	double retries;         /* attempts after the first */
	double backoff_s;       /* wait before the first retry ... */
	double backoff_factor;  /* ... and by how much each further wait is longer */
};

struct fl_model_outcome {
	const char *file;
	size_t statements;
	struct fl_model_remark *unsupported, *contradicted; /* in the order of the file */
	size_t unsupported_count, contradicted_count;
	struct fl_model_owner *owners; /* sorted by node; the last statement counts */
	size_t owner_count;
	struct fl_model_limit *limits; /* sorted by node */
	size_t limit_count;
	struct fl_model_call *calls;   /* sorted by from, to; the last statement counts, member by member */
	size_t call_count;
};

/* NULL when nobody is known. */
const char *fl_model_owner_of(const struct fl_model_outcome *o, fl_node_id v);

/* ---- the file ---- */

struct fl_model;
enum { FL_MODEL_FILE_MAX = 64 << 20 };

/* The error names file, line and column, and the remedy. */
int fl_model_read(struct fl_model **m, const char *path, struct fl_error *err);
/* The same for text in memory. */
int fl_model_parse(struct fl_model **m, const char *name, const char *text, size_t size, struct fl_error *err);
void fl_model_free(struct fl_model *m); /* NULL is fine */

#endif
