/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.h - the data model: the failure graph
 *
 * Nodes, and requirement groups: group g belongs to node `of` and has members;
 * it holds while at least `needs` of them are up. Given failed nodes F, the failed
 * set is the least fixed point of: v fails if v is in F, or some group of v has fewer
 * than `needs` members up. A cycle does not fail by itself. needs = 0 never breaks:
 * such groups record a use that nothing waits for (background).
 *
 * Two stages: a builder takes nodes and groups in any order; freezing gives
 * the read-only graph with nodes sorted by id (so ids are stable and output does not depend
 * on the order of input) and adjacency in both directions as flat arrays.
 */
#ifndef FAULTLINE_GRAPH_H
#define FAULTLINE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "faultline/status.h"

typedef uint32_t fl_node_id; /* dense, 0 .. order-1, in byte order of the node's id text */
#define FL_NODE_NONE UINT32_MAX
typedef uint32_t fl_group_id;
#define FL_GROUP_NONE UINT32_MAX

struct fl_node {
	const char *id;             /* "service:HOST/NAME" ... */
	const char *kind;           /* "service", "endpoint", "address", "host", "provider", "resolver", ... */
	double failure_probability; /* NaN: not stated */
};

enum fl_redundancy { /* of a group with needs < members */
	FL_REDUNDANCY_NONE,      /* needs all members */
	FL_REDUNDANCY_ASSUMED,
	FL_REDUNDANCY_CONFIRMED, /* fail-over was seen, or declared in a model */
};

struct fl_group {
	fl_node_id of;
	uint32_t needs;
	const fl_node_id *members;  /* sorted, distinct; owned by the graph */
	uint32_t member_count;
	double coupling;            /* 0..1; 1 where nothing is known */
	enum fl_redundancy redundancy;
	const char *evidence;       /* one line for people, or NULL */
};

struct fl_entry_point {
	fl_node_id node;
	double weight;              /* its share of all entry-point exchanges, sums to 1 */
};

struct fl_graph;
struct fl_graph_builder;

struct fl_graph_builder *fl_graph_builder_new(void);
void fl_graph_builder_free(struct fl_graph_builder *b);
/* Handle of the node with this id (not empty), created when new (then @kind counts; NULL: "other").
 * Handles are dense from 0 in the order of creation. */
uint32_t fl_graph_builder_node(struct fl_graph_builder *b, const char *id, const char *kind);
void fl_graph_builder_probability(struct fl_graph_builder *b, uint32_t node, double p);
/* Members are handles; repeated ones are folded, @needs stays (above the number of distinct members it
 * means all of them). @coupling outside 0..1 or NaN counts as the nearer end or 1; @redundancy NONE beside
 * spare members counts as ASSUMED. */
void fl_graph_builder_group(struct fl_graph_builder *b, uint32_t of, uint32_t needs,
			    const uint32_t *members, size_t count, double coupling,
			    enum fl_redundancy redundancy, const char *evidence);
/* @weight: any non-negative amount (exchanges); normalised by freezing. */
void fl_graph_builder_entry_point(struct fl_graph_builder *b, uint32_t node, double weight);
/* Consumes *@b and nulls it. O(N log N + M). */
struct fl_graph *fl_graph_freeze(struct fl_graph_builder **b);
void fl_graph_free(struct fl_graph *g);

uint32_t fl_graph_order(const struct fl_graph *g);       /* nodes */
uint32_t fl_graph_group_count(const struct fl_graph *g);
const struct fl_node *fl_graph_node(const struct fl_graph *g, fl_node_id v);
const struct fl_group *fl_graph_group(const struct fl_graph *g, fl_group_id i);
/* Groups of @v are [first, first + *count), in order of their first member. */
fl_group_id fl_graph_groups_of(const struct fl_graph *g, fl_node_id v, uint32_t *count);
/* Groups that @v is a member of. */
const fl_group_id *fl_graph_memberships(const struct fl_graph *g, fl_node_id v, uint32_t *count);
const struct fl_entry_point *fl_graph_entry_points(const struct fl_graph *g, uint32_t *count);
bool fl_graph_is_kind(const struct fl_graph *g, fl_node_id v, const char *kind);

/* Exact id; FL_NODE_NONE. O(log N). */
fl_node_id fl_graph_find(const struct fl_graph *g, const char *id);
/**
 * fl_graph_resolve() - The node a person means
 * @text: an id, or any part of one that only one node has. A part that is a whole word of one node
 *        (between ':', '/', '@') wins over being a substring of others; a service wins over its host
 * @err:  unknown: the nearest ids; ambiguous: up to five of the candidates
 * Return: the node, or FL_NODE_NONE with @err filled.
 */
fl_node_id fl_graph_resolve(const struct fl_graph *g, const char *text, struct fl_error *err);

/* Words of the file's "assumed"[]: what was taken since nobody told it. fl_system_load() reads them; of fail-over each requirement
 * tells by itself. */
#define FL_GRAPH_ASSUMED_ENTRY_POINTS "entry-points"
#define FL_GRAPH_ASSUMED_REQUIREMENTS "requirements"

/* faultline.graph/1. Reading checks dangling and duplicate ids, needs above the member count,
 * types; the error names @name and the place ("requirements[17].members[2]"). */
struct cJSON;
/* @more: an object whose members come after the graph's; NULL. */
void fl_graph_write(FILE *out, const struct fl_graph *g, const struct cJSON *more);
int fl_graph_from_json(struct fl_graph **g, const char *name, const struct cJSON *root,
		       struct fl_error *err);
/* The same from checked text, item by item: memory is the text and the graph. */
struct fl_json_text;
int fl_graph_from_text(struct fl_graph **g, const struct fl_json_text *text, struct fl_error *err);

#endif
