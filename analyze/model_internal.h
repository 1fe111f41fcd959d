/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_internal.h - statements of a model, and the steps in which they are applied
 *
 *   model_text.c    comments out, places of values        model_read.c   statements
 *   model_scans.c   renames and confirmed endpoints, before the join; checks against what was seen, after it
 *   model_apply.c   everything about the graph            model_select.c nodes meant, remarks
 */
#ifndef FAULTLINE_ANALYZE_MODEL_INTERNAL_H
#define FAULTLINE_ANALYZE_MODEL_INTERNAL_H

#include <math.h>

#include "faultline/arena.h"
#include "faultline/json.h"
#include "faultline/model.h"
#include "faultline/system.h"

struct model_place { uint32_t line, column; };

struct model_word {
	const char *text;
	struct model_place at;
	const char *statement; /* "zones[0].members[2]" */
};

struct model_words {
	struct model_word *list;
	size_t count;
};

struct model_group {
	struct model_word self;   /* text: its name, or NULL */
	struct model_word of;     /* text NULL: whoever uses a member */
	struct model_words members;
	uint32_t needs;           /* 0: not stated */
	bool failover;
};
struct model_link {
	struct model_word self, from, to;
	bool required, says_required;
	struct fl_model_call call; /* nodes not filled in */
};
struct model_limit { struct model_word node; double in_flight, requests_per_s; };
struct model_probability { struct model_word node; bool is_kind; double p; };
struct model_owner { struct model_word node; const char *owner; };
struct model_zone { struct model_word name; struct model_words members; };
struct model_entry { struct model_word node; double weight; }; /* NaN: as measured */
struct model_rename { struct model_word from, to; bool used; };

struct model_remark {
	struct model_place at;
	const char *statement, *text;
	bool contradicts;
	size_t order;             /* of remarks at one place */
};

struct fl_model {
	struct fl_arena *arena;
	const char *name;
	struct model_group *groups;
	struct model_link *links;
	struct model_limit *limits;
	struct model_probability *probabilities;
	struct model_owner *owners;
	struct model_zone *zones;
	struct model_entry *entries;
	struct model_rename *renames;
	size_t group_count, link_count, limit_count, probability_count, owner_count, zone_count, entry_count,
		rename_count;
	struct model_words confirm, failover;
	struct model_remark *remarks;
	size_t remark_count, remark_capacity;
};

/* ---- model_text.c ---- */

/* All of a file of at most @most bytes, without zero bytes; free(*text), also on failure. @wants: the remedy. */
int fl_model_load(const char *path, const char *wants, size_t most, char **text, size_t *size, struct fl_error *err);
/* Comments and trailing commas become spaces, so every place stays; -EINVAL for a comment without an end. */
int fl_model_plain(const char *name, char *text, size_t size, struct fl_error *err);
struct model_places;
/* Where each value of @root stands in @plain, which it was made from; columns are counted in @text, what that was
 * made from. */
struct model_places *fl_model_places_new(const char *plain, const char *text, size_t size, const cJSON *root);
void fl_model_places_free(struct model_places *p);
struct model_place fl_model_place(const struct model_places *p, const cJSON *item);
/* Tree and places of text with comments and trailing commas; the caller's (cJSON_Delete, fl_model_places_free). @kind: "policy", "model";
 * a text that does not begin like an object is none. */
int fl_model_tree(const char *name, const char *kind, const char *text, size_t size, cJSON **root, struct model_places **places,
		  struct fl_error *err);

/* ---- model_select.c ---- */

void fl_model_remark(struct fl_model *m, const struct model_word *about, bool contradicts, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* '*' stands for any text. */
bool fl_model_matches(const char *pattern, const char *text);
struct model_nodes { fl_node_id *list; size_t count; };
/* Nodes meant by @w, sorted; free(list). With a remark when there are none, unless @m is NULL. */
struct model_nodes fl_model_select(struct fl_model *m, const struct fl_graph *g, const struct model_word *w);
bool fl_model_has(const struct model_nodes *n, fl_node_id v);
/* The node that an endpoint or resolver stands for, where it leads to one only; else @v. */
fl_node_id fl_model_face(const struct fl_graph *g, fl_node_id v);
const char *fl_model_where(struct fl_model *m, struct model_place at); /* "file:12:7" */

/* ---- applying ---- */

/* NULL for @m is a model without statements, in all of these. */
void fl_model_rename_scans(struct fl_model *m, struct fl_scan_set *set);
/* What a node is called from now on; NULL: as it was. */
const char *fl_model_new_name(struct fl_model *m, const char *id);
bool fl_model_confirms(const struct fl_model *m, const char *endpoint_id);
/* Takes @g, returns another. */
struct fl_graph *fl_model_apply(struct fl_model *m, struct fl_graph *g, bool rename);
/* ---- model_calls.c ---- */

enum { FL_MODEL_RETRIES_MAX = 15 };
#define FL_MODEL_CALL_UNSTATED                                                                               \
	((struct fl_model_call){ FL_NODE_NONE, FL_NODE_NONE, NAN, NAN, NAN, NAN, NAN })
bool fl_model_call_states(const struct fl_model_call *c); /* anything at all */
void fl_model_keep_calls(struct fl_model *m, struct fl_system *s, struct fl_model_outcome *o);

/* Once the graph and the dependencies of @s stand: compare, and leave the outcome in @s. */
void fl_model_finish(struct fl_model *m, struct fl_system *s);

#endif
