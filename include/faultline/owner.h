/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.h - which service a socket belongs to
 *
 * Whoever can ask the kernel (attribution.h) writes records: this socket, in this network namespace, belongs to this service.
 * The scanner keeps them in a bounded table and asks it for the client side of flows and for the listeners behind ports. A
 * record is plain data of fixed size without pointers, so that it can cross a pipe between a process that may ask and one
 * that parses packets.
 *
 * Two kinds of sockets: with a peer (a connection), and without (a TCP listener; a UDP socket that was not connected). Packets
 * carry no namespace. One with an address that only one namespace has belongs there; else the scanner's own comes first, and
 * where several others fit and do not agree, nobody is named (counted).
 */
#ifndef FAULTLINE_OWNER_H
#define FAULTLINE_OWNER_H

#include "faultline/addr.h"
#include "faultline/scan.h"

enum {
	FL_SERVICE_NAME_MAX = 128, /* bytes, with the final zero */
	FL_OWNER_COMMAND_MAX = 64,
	FL_OWNER_SERVICES_MAX = 4096, /* distinct services kept at a time; a host has hundreds */
	FL_OWNER_SERVICES_OF_ONE = 512, /* of one party */
	FL_OWNER_SERVICES_OF_SYSTEM = 1024, /* of those, kept for names that the system chose */
	FL_OWNER_ADDRESSES_MAX = 4096, /* local addresses whose namespace is kept */
};

enum fl_owner_kind {
	FL_OWNER_CONNECTION, /* has a peer; which side opened it is told by the listeners */
	FL_OWNER_SOCKET,     /* has none: TCP listener, unconnected UDP; remote is none, local may be (any address) */
	FL_OWNER_ADDRESS,    /* no socket: @local is an address of @netns */
	FL_OWNER_TRANSLATION, /* no socket: what the initiator sends from @local to @remote reaches @far_remote from @far_local, see
			      * translation.h */
};

/* Fixed size, no pointers; unused bytes are zero. */
struct fl_owner_record {
	struct fl_addr local, remote;
	struct fl_addr far_local, far_remote; /* FL_OWNER_TRANSLATION only */
	int64_t since_ns;        /* when it was opened; of sockets that were only found: when they were found; of closed ones: when it was closed */
	uint32_t netns;          /* inode of the network namespace */
	uint32_t uid;
	uint32_t party;          /* who chose the name of the service: 0 the system, else a user or a container, in a number of the writer's */
	uint16_t local_port, remote_port, far_local_port, far_remote_port;
	uint8_t transport;       /* IP protocol number */
	uint8_t kind;            /* enum fl_owner_kind */
	uint8_t attribution;     /* FL_ATTRIBUTION_EXACT: told when it was opened; _POLLED: found in a table later */
	uint8_t before;          /* it was there before the watching began */
	uint8_t established;     /* known to have been answered */
	uint8_t again;           /* told before, perhaps; what is known already stays */
	uint8_t closed;          /* a socket that was told is not there any more; nothing but its ends and namespace counts */
	uint8_t reserved[5];
	char service[FL_SERVICE_NAME_MAX]; /* zero-terminated; "" = nobody knows */
	char command[FL_OWNER_COMMAND_MAX]; /* executable, for people; may be "" */
};

/* What a look-up gives. */
struct fl_owned {
	uint32_t service;        /* see fl_owners_service(); 0 = unknown; < FL_OWNER_SERVICES_MAX */
	enum fl_attribution attribution;
	bool before;
};

struct fl_owner_service {
	char name[FL_SERVICE_NAME_MAX];
	char command[FL_OWNER_COMMAND_MAX]; /* of its first socket */
	uint32_t uid, party;
};

/* One side of a flow. */
struct fl_owner_question {
	struct fl_addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t transport;
	bool midstream;          /* its beginning was not seen */
	int64_t began_ns;
};

/* A connection of which no packet asked. */
struct fl_owner_unseen {
	struct fl_addr client, server;
	uint16_t client_port, server_port;
	uint8_t transport;
	bool inbound;            /* the local side is the server */
	bool established;
	bool seen;               /* a flow asked for it at some time, perhaps before this window */
	struct fl_owned owned;   /* of the local side */
	int64_t since_ns;
};

struct fl_owner_counters {
	uint64_t records;
	uint64_t evicted;        /* sockets that made room for others before a packet asked for them */
	uint64_t services_refused; /* records of services beyond FL_OWNER_SERVICES_MAX, or beyond what is not kept for the system */
	uint64_t services_of_one;  /* records of services beyond FL_OWNER_SERVICES_OF_ONE */
	uint64_t ambiguous;      /* look-ups to which several namespaces gave different answers */
};

struct fl_owners;

/* @limit: sockets kept, half of them for new connections (oldest out first), a quarter for what was there before, a quarter for listeners. @netns:
 * the namespace that the packets come from, 0 when it is not known. */
struct fl_owners *fl_owners_new(uint32_t limit, uint32_t netns);
void fl_owners_free(struct fl_owners *o);

/* Expected O(1). Names are cut and made printable here, whoever wrote the record. A record without a service tells that
 * there is such a socket, and no more. A socket that was closed is found for ten seconds more, by flows that began before. */
void fl_owners_add(struct fl_owners *o, const struct fl_owner_record *r);
bool fl_owners_empty(const struct fl_owners *o);

/**
 * fl_owners_find() - Whose is this side of a flow?
 * @q:     near side as local
 * @owned: out, when true is returned
 *
 * The connection with these ends, else a socket without peer at this address and port, else at this port of any
 * address. A TCP connection that was opened a second and more before the flow began is another one that had the same
 * port; so is a socket that was closed before the flow began, and of several that had the port in turn it is the
 * first one that was closed later. What is found counts as seen, see fl_owners_unseen(); a TCP connection that was opened while we watch is found
 * once. Expected O(1).
 */
bool fl_owners_find(struct fl_owners *o, const struct fl_owner_question *q, struct fl_owned *owned);
/* Who listens at this address and port? */
bool fl_owners_listener(struct fl_owners *o, uint8_t transport, const struct fl_addr *address, uint16_t port,
			struct fl_owned *owned);

/* Connections that nobody asked for, and all TCP ones that were there before; not those that were closed, nor those of another namespace
 * over its loopback or from an address that is the scanner's, too. In the order they came: begin with *@at = 0. False at the end. */
bool fl_owners_unseen(const struct fl_owners *o, uint32_t *at, struct fl_owner_unseen *unseen);
/* Valid until the next fl_owners_add(). @service: as a look-up gave it, not forgotten since. */
const struct fl_owner_service *fl_owners_service(const struct fl_owners *o, uint32_t service);
uint32_t fl_owners_service_count(const struct fl_owners *o);

/* More than half of the places for services are taken: time to forget those that nobody uses. */
bool fl_owners_crowded(const struct fl_owners *o);
/* Services that no socket has and that are not @used by the caller, by number, are forgotten, and their numbers are given to others;
 * @used is set for those that stay. O(sockets kept + FL_OWNER_SERVICES_MAX). */
void fl_owners_forget(struct fl_owners *o, bool used[static FL_OWNER_SERVICES_MAX]);

const struct fl_owner_counters *fl_owners_counters(const struct fl_owners *o);
uint32_t fl_owners_limit(const struct fl_owners *o);

#endif
