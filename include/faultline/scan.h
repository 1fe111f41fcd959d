/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan.h - the seam: what one capture point claims to have seen, and how sure
 *
 * Everything above works from this and knows no packet. In a file it is
 * faultline.scan/1 (schema: analyze/faultline.scan.schema.json). All strings and
 * arrays of a scan live in its arena. Unknown numbers are NaN (null in JSON), unknown strings
 * NULL. Times are nanoseconds since the epoch.
 */
#ifndef FAULTLINE_SCAN_H
#define FAULTLINE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "faultline/addr.h"
#include "faultline/arena.h"
#include "faultline/behaviour.h"
#include "faultline/histogram.h"
#include "faultline/status.h"

enum fl_scope { FL_SCOPE_LOCAL, FL_SCOPE_INTERNAL, FL_SCOPE_EXTERNAL };
enum fl_class { FL_CLASS_ON_REQUEST, FL_CLASS_BACKGROUND, FL_CLASS_START_UP, FL_CLASS_RARE,
		FL_CLASS_NAME_RESOLUTION, FL_CLASS_PROBE };
/* Best first. */
enum fl_name_source { FL_NAME_TLS_SNI, FL_NAME_QUIC_SNI, FL_NAME_HTTP_HOST, FL_NAME_DNS,
		      FL_NAME_DNS_LATER, FL_NAME_HOSTS_FILE, FL_NAME_NONE };
/* How the service at the near end is known, best first. */
enum fl_attribution { FL_ATTRIBUTION_EXACT, FL_ATTRIBUTION_POLLED, FL_ATTRIBUTION_INFERRED,
		      FL_ATTRIBUTION_HOST };

/* Words of DESIGN ("on-request", "tls-sni", "inferred"...); NONE gives NULL.
 * The _parse functions return -1 for unknown words. */
const char *fl_scope_name(enum fl_scope s);
const char *fl_class_name(enum fl_class c);
const char *fl_name_source_name(enum fl_name_source s);
const char *fl_attribution_name(enum fl_attribution a);
int fl_scope_parse(const char *word);
int fl_class_parse(const char *word);
int fl_name_source_parse(const char *word);
int fl_attribution_parse(const char *word);

struct fl_connections {
	uint64_t tried;         /* attempts: SYN folded, or first datagram */
	uint64_t established;   /* answered */
	uint64_t refused;       /* RST or ICMP error to the attempt */
	uint64_t timed_out;     /* no answer */
	uint64_t reset;         /* established, ended by RST of the far end */
	uint64_t midstream;     /* older than the capture; not among tried */
	uint64_t syn_retransmits;
	uint64_t carried;       /* counted by an earlier window of the same watch, seen again in this; not among tried.
				 * Merging windows takes the largest: it says how many were open, not how many more */
};

enum { FL_TIMELINE_BUCKETS = 120 };
/* Starts of exchanges (connections where none is visible) over time. The width is a power of two
 * seconds and bucket edges are multiples of it since the epoch, so time lines merge exactly. */
struct fl_timeline {
	int64_t start_ns;       /* edge of bucket[0] */
	int64_t width_ns;       /* 0 = empty */
	uint32_t bucket[FL_TIMELINE_BUCKETS];
};
void fl_timeline_add(struct fl_timeline *t, int64_t time_ns, uint32_t n); /* widens as needed */
void fl_timeline_merge(struct fl_timeline *into, const struct fl_timeline *from);

/* What was measured of a dependency, or of a service from its own side. Large, so held by pointer; NULL is
 * the same as empty. */
struct fl_measures {
	struct fl_histogram connect;    /* SYN to SYN-ACK; empty for services */
	struct fl_histogram first_byte; /* start of a request to the first byte of its answer */
	struct fl_histogram duration;   /* ... to the last; empty for services */
	struct fl_timeline timeline;
};

/* A machine at this capture point. */
struct fl_scan_host {
	const char *name;
	struct fl_addr *addresses;
	size_t address_count;
};

struct fl_scan_port {
	uint16_t port;
	const char *transport;  /* "tcp", "udp" */
	const char *application; /* "http" ... or NULL */
};

/* Who connected to a service. */
struct fl_scan_client {
	struct fl_addr address;
	uint64_t connections;   /* answered ones */
	uint64_t exchanges;
	bool probe;             /* only empty or health-check exchanges */
};

/* A service that was seen to accept, or that dependencies belong to. */
struct fl_scan_service {
	const char *host;       /* a name in hosts */
	const char *name;       /* "port-8080" where only the port is known; "host" */
	const char *command;    /* executable; NULL: not known */
	int64_t uid;            /* of its first socket; -1: not known */
	struct fl_scan_port *ports;
	size_t port_count;
	struct fl_addr *addresses;      /* it answered on */
	size_t address_count;
	const char **virtual_hosts;     /* names that clients asked it for (SNI, Host) */
	size_t virtual_host_count;
	uint64_t connections, exchanges; /* inbound, answered */
	uint64_t failures;              /* 5xx it gave */
	struct fl_scan_client *clients; /* by address; at most FL_SCAN_CLIENTS_MAX */
	size_t client_count;
	uint64_t clients_dropped;       /* distinct clients not listed, at least */
	int64_t first_seen_ns, last_seen_ns;
	struct fl_measures *measures;
	struct fl_behaviour *behaviour; /* of what its clients asked of it; NULL: too little, or not kept */
};
enum { FL_SCAN_CLIENTS_MAX = 1024 };

struct fl_scan_dependency {
	const char *host;       /* near end: a name in hosts */
	const char *service;    /* name of a service of that host */
	enum fl_attribution attribution;

	/* far end */
	const char *name;       /* NULL: bare address */
	enum fl_name_source name_source;
	uint16_t port;
	const char *transport;
	struct fl_addr *addresses;      /* sorted, those connected to */
	size_t address_count;
	struct fl_addr *failed_addresses; /* among them: tried, never answered */
	size_t failed_address_count;
	const char **cname_chain;       /* latest, from the name's first CNAME on */
	size_t cname_count;
	const char *provider;   /* registrable domain of the chain's end; NULL if bare or internal */
	enum fl_scope scope;
	const char *application;
	const char **hosts_asked;       /* Host fields that are not the name (pools, passed through) */
	size_t host_asked_count;

	enum fl_class class;
	bool answered;          /* it answered at least once */
	bool failover_seen;     /* a call that failed at one address succeeded at another; see fl_scan_failover() */
	double coupling;        /* share of the service's inbound exchanges that use it, 0..1 */
	double fan_out;         /* outbound per inbound exchange */
	double period_s;        /* beat of background traffic */

	struct fl_connections connections;
	uint64_t exchanges;
	bool exchanges_lower_bound;     /* multiplexed or cut */
	uint64_t failures;      /* exchanges that failed: 5xx, SERVFAIL, no answer */
	uint64_t bytes_out, bytes_in;
	int64_t first_seen_ns, last_seen_ns;
	struct fl_measures *measures;
	struct fl_behaviour *behaviour; /* of its service towards it; NULL: too little, or not kept */
};

/* Does the record confirm fail-over? What it says counts, unless its own calls speak against it: of several addresses, calls that
 * failed at one never went to another. (Who takes addresses in turn succeeds at the next one after each failure, and its failed
 * calls are lost all the same.) */
bool fl_scan_failover(const struct fl_scan_dependency *d);

/* One DNS client, question and answer. */
struct fl_scan_name {
	struct fl_addr client, resolver;
	const char *transport;
	const char *name, *type, *rcode;
	const char **cname_chain;
	size_t cname_count;
	struct fl_addr *addresses;
	size_t address_count;
	uint64_t count;
	int64_t first_seen_ns, last_seen_ns;
};

/* A named limit that was met, e.g. "flow table". */
struct fl_scan_limit {
	const char *name;
	uint64_t limit;
	uint64_t hits;          /* what was lost by it, in units of @what */
	const char *what;       /* "flows evicted" */
};

struct fl_scan_blind_spot {
	const char *kind;       /* "encrypted-dns", "ech", "snaplen", "file-cut-short" ... */
	uint64_t count;
	const char *text;       /* a sentence for the report; it goes before the count */
};

/* What is not in the answers since a limit of this name was met, and the option that moves it: half a sentence, without a full stop. */
const char *fl_scan_limit_means(const char *name);
/* Whether the count of this kind says how many; else the kind is a statement about a whole scan ("light"). */
bool fl_scan_blind_spot_counts(const char *kind);

struct fl_coverage {
	uint64_t packets, bytes;
	uint64_t dropped_kernel, dropped_interface;
	uint64_t not_ip, truncated, malformed, duplicates, fragments;
	uint64_t parse_errors;          /* in DNS, TLS, HTTP */
	uint64_t flows;
	uint64_t flows_named;           /* all but those to endpoints known by address only; inbound flows,
					 * resolvers and probes need no name and count as named */
	uint64_t flows_unattributed;    /* outbound, of no known service */
	uint64_t name_answers;          /* DNS answers read */
	const char *attribution;        /* how owners of connections were told: "bpf", "sock-diag", "proc"; NULL: not asked */
	const char *host_detection;     /* how local addresses were told: "given", "cooked", "mac"... */
	struct fl_scan_limit *limits;
	size_t limit_count;
	struct fl_scan_blind_spot *blind_spots;
	size_t blind_spot_count;
	/* Chao1 over how often each dependency was seen; NaN when nothing was seen. */
	double unseen_dependencies;
	double window_for_95_s;         /* scan length that would see 95 % of them */
};

struct fl_scan {
	struct fl_arena *arena;         /* owns everything below */
	const char *point;              /* capture point: host name, file or interface */
	const char *source;             /* "file" or "live" */
	struct fl_scan_host *hosts;     /* sorted by name */
	size_t host_count;
	int64_t start_ns, end_ns;       /* window: first and last packet, live: begin and end */
	struct fl_coverage coverage;
	struct fl_scan_service *services;       /* sorted by host, name */
	size_t service_count;
	struct fl_scan_dependency *dependencies; /* sorted by host, service, name or address, port, transport */
	size_t dependency_count;
	struct fl_scan_name *names;     /* sorted by client, name, type, resolver, answer */
	size_t name_count;
};

/* *@m, made in the arena when it is NULL. */
struct fl_measures *fl_measures_of(struct fl_arena *a, struct fl_measures **m);
/* Either may be NULL; *@into is made when there is something to merge. */
void fl_measures_merge(struct fl_arena *a, struct fl_measures **into, const struct fl_measures *from);

struct fl_scan *fl_scan_new(void);
void fl_scan_free(struct fl_scan *s);

/**
 * fl_scan_sort() - Put every list into its documented order
 * Call before writing; same content, same bytes.
 */
void fl_scan_sort(struct fl_scan *s);

/* A set of scans: sorted by point, start, content; equal scans once. Union is
 * associative, commutative and idempotent. Owns its scans. */
struct fl_scan_set {
	struct fl_scan **list;
	size_t count;
};
void fl_scan_set_add(struct fl_scan_set *set, struct fl_scan *s); /* takes @s */
void fl_scan_set_normalise(struct fl_scan_set *set);
void fl_scan_set_fini(struct fl_scan_set *set);

/* One scan as faultline.scan/1; several as faultline.scan-set/1 {"scans": [...]}. */
void fl_scan_write(FILE *out, const struct fl_scan *s);
void fl_scan_set_write(FILE *out, const struct fl_scan_set *set);

/* Parsed JSON of either form into @set (appended). Every field is checked: wrong types and
 * values out of range are errors that name @name and the member's path. Unknown members are ignored. */
struct cJSON;
int fl_scan_set_from_json(struct fl_scan_set *set, const char *name, const struct cJSON *root,
			  struct fl_error *err);

#endif
