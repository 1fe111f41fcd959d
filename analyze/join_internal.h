/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * join_internal.h - what the steps of the join share
 *
 * The join runs in steps, each over sorted arrays: services over all scans, who owns an address,
 * records added up, targets (endpoints and resolvers) and where they lead, then groups. See join.c.
 */
#ifndef FAULTLINE_JOIN_INTERNAL_H
#define FAULTLINE_JOIN_INTERNAL_H

#include "faultline/system.h"

#define JOIN_NONE SIZE_MAX
#define JOIN_NO_NODE UINT32_MAX /* of a service that is no part of the graph */
/* What is looked at where a file claims absurdly many owners of an address, or services at one port of
 * one host: real ones have a handful, and the join must not become quadratic by a hostile scan. */
enum { JOIN_OWNERS_MAX = 64, JOIN_LISTENERS_MAX = 64 };

/* A service in one scan. */
struct join_sighting {
	const char *host, *name;
	const struct fl_scan_service *record; /* NULL: only a dependency names it */
	size_t scan;                          /* index in the set */
};

/* A service over all scans. */
struct join_service {
	const char *host, *name, *id;
	const struct join_sighting *sightings; /* by scan */
	size_t sighting_count;
	struct fl_addr *addresses; /* sorted, distinct */
	size_t address_count;
	uint64_t exchanges, connections;
	int64_t last_seen_ns;
	uint32_t node; /* builder's handle; JOIN_NO_NODE */
	bool called;   /* a service with a name has a target that leads to it */
	bool called_by_host; /* ... a host of which no service is known */
	bool depends;  /* it has a requirement besides its host */
	size_t first_dependency, dependency_count;
	size_t own_count; /* of these in the graph and no name resolution */
};

/* An address of a scanned host. */
struct join_owner {
	struct fl_addr address;
	const char *host;
};

/* A port that a service answered on. */
struct join_listener {
	const char *host, *transport;
	uint16_t port;
	int64_t last_seen_ns; /* of the service */
	size_t service;
};

/* A dependency as one scan tells it. */
struct join_record {
	size_t service;
	const char *identity; /* as below */
	const struct fl_scan_dependency *d;
	size_t scan;
};

/* All records of one service and one far end, added up. */
struct join_dependency {
	size_t service;
	const char *identity; /* name or bare address, IPv6 in brackets */
	struct fl_scan_dependency *merged;
	const struct fl_dependency_record *records; /* by scan */
	size_t record_count;
	double window_s;
	bool in_graph;
	size_t target; /* endpoint, or first resolver */
};

/* What a service connects to: an endpoint, or an address it resolves names at. */
struct join_target {
	bool resolver;
	struct fl_addr address; /* of a resolver */
	const char *identity;
	const char *near_host; /* where it only exists on that host (loopback); NULL */
	const char *id;
	const size_t *dependencies; /* that have it as a target, also those not in the graph */
	size_t dependency_count;
	bool in_graph;
	bool failover_seen;
	enum fl_scope scope;
	const char *provider;
	/* where it leads */
	uint32_t *members; /* builder's handles, distinct */
	size_t member_count;
	size_t service;          /* the only member, when that is a service; JOIN_NONE */
	struct fl_addr *outside; /* addresses that belong to no scanned host */
	size_t outside_count;
	uint32_t node;
};

struct join {
	struct fl_system *system;
	struct fl_arena *arena;
	struct fl_graph_builder *builder;
	const struct fl_model *model; /* NULL without one */
	struct join_service *services; /* sorted by host, name */
	size_t service_count;
	struct join_owner *owners; /* sorted by address, host */
	size_t owner_count;
	struct join_listener *listeners; /* sorted by host, transport, port, latest first */
	size_t listener_count;
	const char **hosts;    /* sorted, distinct */
	double *host_window_s; /* time each was watched */
	size_t host_count;
	struct join_dependency *dependencies; /* sorted by service, identity, port, transport */
	size_t dependency_count;
	struct join_target *targets; /* sorted by kind, identity, port, transport, near host */
	size_t target_count;
};

/* join_services.c */
void fl_join_services(struct join *j);
size_t fl_join_find_service(const struct join *j, const char *host, const char *name);
/* Does this host have the address (or is it loopback)? */
bool fl_join_owns(const struct join *j, const char *host, const struct fl_addr *a);
/* Owners of @a: index of the first, and how many, at most JOIN_OWNERS_MAX. */
size_t fl_join_owners(const struct join *j, const struct fl_addr *a, size_t *count);
/* The service of @host that answers on @address and port; JOIN_NONE. */
size_t fl_join_listener(const struct join *j, const char *host, const struct fl_addr *address, uint16_t port,
	const char *transport);
bool fl_join_answers_at(const struct join_service *s, const struct fl_addr *a);
size_t fl_join_host(const struct join *j, const char *host);

/* join_records.c */
void fl_join_records(struct join *j);
uint64_t fl_join_add(uint64_t a, uint64_t b); /* saturating */
/* Calls in the order of magnitude that spreading is judged by. */
uint64_t fl_join_calls(const struct fl_scan_dependency *d);

/* join_fold.c: bare records of a far end that the service also knows by one name get that name's identity. */
void fl_join_fold(struct join_record *list, size_t count);

/* join_targets.c */
void fl_join_targets(struct join *j);

/* join_groups.c */
void fl_join_groups(struct join *j);

/* join_backends.c: for each dependency of @service (from 0) the number of its set of interchangeable
 * backends, or JOIN_NONE; returns the number of sets. */
size_t fl_join_backends(const struct join *j, const struct join_service *service, size_t *set_of);

/* coverage.c */
void fl_coverage_add_up(struct fl_system *s);

/* system.c: labels, scopes and hosts of all nodes, once the graph stands. */
struct fl_system *fl_system_new(void);
void fl_system_describe_nodes(struct fl_system *s);
void fl_system_set_scope(struct fl_system *s, fl_node_id v, enum fl_scope scope);

#endif
