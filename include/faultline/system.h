/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * system.h - scans joined: the failure graph and the evidence behind each edge
 *
 * How scans join (DESIGN 6): a service requires its endpoints, one group each; an
 * endpoint requires one of what it resolves to: the service where address and port belong to a
 * scanned host, else the address; a service requires its host; addresses hang on their
 * provider; services on one of the resolvers they ask. Interchangeable backends reached by bare address are one
 * group. Background, rare and start-up uses are groups with needs 0; probes, multicast and
 * endpoints that never answered are listed but are no part of the graph; nor are services that only probes talked to.
 */
#ifndef FAULTLINE_SYSTEM_H
#define FAULTLINE_SYSTEM_H

#include "faultline/graph.h"
#include "faultline/scan.h"

/* A record as one scan has it. */
struct fl_dependency_record {
	size_t scan;                         /* index in the system's scans */
	const struct fl_scan_dependency *d;
};
struct fl_service_record {
	size_t scan;
	const struct fl_scan_service *s;
};

/* A direct dependency: all scans' records of one (service, endpoint), added up. */
struct fl_dependency {
	fl_node_id from;        /* service; FL_NODE_NONE when not in the graph */
	fl_node_id to;          /* endpoint or resolver; FL_NODE_NONE when not in the graph */
	const char *from_id, *to_id; /* ids, also when not in the graph */
	fl_group_id group;      /* the requirement it became; FL_GROUP_NONE */
	const struct fl_scan_dependency *merged; /* the added-up record */
	const struct fl_dependency_record *records; /* what it was added up from, by scan */
	size_t record_count;
	double window_s;        /* time watched for it, over all scans */
};

/* A service over all scans. */
struct fl_system_service {
	fl_node_id node;        /* FL_NODE_NONE when not in the graph */
	const char *id, *host, *name;
	const struct fl_service_record *records; /* by scan; none where only dependencies name it */
	size_t record_count;
};

struct fl_entry_client_summary { fl_node_id service; uint64_t clients, exchanges; };
struct fl_system_node;
struct fl_model;
struct fl_model_outcome;

struct fl_system {
	struct fl_graph *graph;
	struct fl_dependency *dependencies; /* sorted by from_id, to_id; none for a graph file */
	size_t dependency_count;
	struct fl_system_service *services; /* sorted by id; none for a graph file */
	size_t service_count;
	struct fl_scan_set scans;           /* what it was made of; empty for a graph file */
	struct fl_arena *arena;
	int64_t start_ns, end_ns;           /* over all scans */
	double watched_s;                   /* sum of windows */
	struct fl_coverage coverage;        /* added up */
	bool entry_points_assumed;          /* no outside client was seen, nor does a model state entry points */
	bool requirements_assumed;          /* from traffic: that a service fails with whatever its requests use is taken, not stated */
	size_t probed_services;             /* left out of the graph: only probes talked to them, they use nothing */
	const char *title;                  /* names of the hosts, for headings */
	const struct fl_model_outcome *model; /* see model.h; NULL without one */
	struct fl_system_node *nodes;       /* of the graph; private: label, scope and host */
};

/**
 * fl_system_load() - Read INPUTs and join them
 * @inputs: scan files, scan sets, directories of such files (*.json, not recursive), stores with or without a
 *          range (store.h), one graph file, or "-"
 * @err:    names the input, the place and the remedy. A graph file beside other inputs is an error
 */
int fl_system_load(struct fl_system **system, const char *const *inputs, size_t count,
		   struct fl_error *err);
/* The same, corrected by the model file @model (NULL: none). */
int fl_system_load_model(struct fl_system **system, const char *const *inputs, size_t count, const char *model,
			 struct fl_error *err);
/* The join alone; takes the scans out of @set. */
struct fl_system *fl_system_join(struct fl_scan_set *set);
/* With @m applied, which is used up by it: what became of it is in the system's model. NULL is fine. */
struct fl_system *fl_system_join_model(struct fl_scan_set *set, struct fl_model *m);
void fl_system_free(struct fl_system *s);

/* Display name of a node without its kind: "api1/port-8080", "api.vendor.example:443" (other transports
 * than TCP are told: "ntp.example:123/udp"). Valid until fl_system_free(). */
const char *fl_system_label(const struct fl_system *s, fl_node_id v);
/* "service:HOST/host": what a host does that belongs to none of its known services. Labelled "HOST (no known
 * service)". */
bool fl_is_host_service(const char *id);
/* Scope of an endpoint, address, resolver or provider; LOCAL for hosts and services. */
enum fl_scope fl_system_scope(const struct fl_system *s, fl_node_id v);
/* When each host was watched, by name, begin and end: one entry for each host of each scan whose window is not empty. free() it. */
struct fl_watch { const char *host; int64_t start_ns, end_ns; };
struct fl_watch *fl_system_watches(const struct fl_system *s, size_t *count);
/* Host node a service runs on; FL_NODE_NONE. */
fl_node_id fl_system_host_of(const struct fl_system *s, fl_node_id service);

#endif
