/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * summary_internal.h - what the files of the summary share
 */
#ifndef FAULTLINE_SUMMARY_INTERNAL_H
#define FAULTLINE_SUMMARY_INTERNAL_H

#include "scanner_internal.h"

/* A service under construction: the owner of sockets, or where that is not known a port; what it becomes in the scan. */
struct service_row {
	uint32_t host;
	uint32_t owner;          /* owner.h; 0: known by its port alone */
	struct fl_scan_service *service;
	uint64_t requests;       /* inbound exchanges that are no health checks */
	int64_t busy_ns;         /* time with work open */
	bool candidate;          /* may be what outbound traffic is for: it got real requests */
};

/* Who answers on a port of a host. */
struct port_row {
	uint32_t host, service;  /* index of a service_row */
	uint16_t port;
};

struct summary {
	struct fl_scanner *scanner;
	struct fl_scan *scan;
	struct fl_arena *arena;
	struct service_row *services; /* sorted by host; those with an owner by name, then the others by port */
	size_t service_count;
	struct port_row *ports;       /* sorted by host, port */
	size_t port_count;
	fl_str **inbound_names;       /* per host, sorted ids */
	size_t *inbound_name_count;
	double window_s;
	struct host_memo *memo;       /* what summary_host_of() was asked for lately */
	const char **strings;         /* by fl_str: copies in the arena, each made once */
	const char ***chains;
	const char **providers;       /* by chain, else by name: scanner_provider() of it */
	uint32_t *dependency_of, *service_of;    /* by conversation: index in the scan's list + 1; 0: none. Until the scan is sorted */
	uint32_t *service_of_dependency;         /* by dependency: index in services + 1; 0: none, or not known */
	struct behaviour *behaviour;             /* behaviour.c's own */
	uint64_t not_described;                  /* dependencies whose behaviour was left out */
};

#define NO_HOST UINT32_MAX
/* Index of the local host with this address, or NO_HOST. */
uint32_t summary_host_of(const struct summary *m, const struct fl_addr *a);
/* The service at a port of the host, or NULL. */
struct service_row *summary_service(const struct summary *m, uint32_t host, uint16_t port);
/* The service that this owner is on this host, or NULL. */
struct service_row *summary_owned(const struct summary *m, uint32_t host, uint32_t owner);
/* Index of the host's first service, or where it would stand. */
size_t summary_first_service(const struct summary *m, uint32_t host);
const char *summary_transport(uint8_t transport);
/* NULL for FL_STR_NONE. */
const char *summary_string(const struct summary *m, fl_str id);
/* A chain as interned, as a list of strings in the arena. */
const char **summary_chain(const struct summary *m, fl_str chain, size_t *count);
struct fl_addr *summary_addresses(const struct summary *m, struct fl_addr *list, size_t *count); /* sorts, folds, copies */

/* What is counted late, since only now it is known how it went, was not seen before the window. */
void summary_seen(const struct summary *m, int64_t from_ns, int64_t to_ns, int64_t *first_ns, int64_t *last_ns);

/* True when all it did was to see whether somebody is there: empty connections or health pages. */
bool summary_is_probe(const struct fl_conversation *v);

void summary_services(struct summary *m);      /* summary_services.c */
void summary_dependencies(struct summary *m);  /* summary_dependencies.c */
void summary_behaviour(struct summary *m);     /* behaviour.c, after both */

/* behaviour.c: once services are known */
void behaviour_begin(struct summary *m);
/**
 * behaviour_attribute() - Which service made the calls of some conversations?
 * @services: indices of the host's services that may have, by index
 * @service:  out: position in @services; @service_count when none made most of them
 *
 * Return: false when there are too few calls to tell.
 */
bool behaviour_attribute(struct summary *m, const uint32_t *conversations, size_t n, const uint32_t *services, size_t service_count,
			 size_t *service);
/* Share of the calls of @conversation that fell into open work of @service (its index), whatever the addresses; NaN: too few to tell. */
double behaviour_nested_share(const struct summary *m, uint32_t conversation, uint32_t service);
void summary_coverage(struct summary *m);      /* summary_coverage.c */

#endif
