/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.h - which name a client meant by an address, from the DNS answers it got
 *
 * A name belongs to (client, server address, time): the binding is the last answer
 * this client got for this address before it connected. Also keeps what every
 * answer said, for the scan's `names`. Tables have a fixed number of places;
 * what is pushed out is counted.
 */
#ifndef FAULTLINE_NAMES_H
#define FAULTLINE_NAMES_H

#include "faultline/addr.h"
#include "faultline/dns.h"
#include "faultline/strpool.h"

enum { FL_CHAIN_SEPARATOR = '\n' }; /* between names of an interned CNAME chain */

struct fl_binding {
	fl_str name;        /* the question */
	fl_str chain;       /* CNAME chain, names joined by FL_CHAIN_SEPARATOR; NONE without */
	int64_t time_ns;    /* of the answer */
};

/* One distinct (client, resolver, transport, question, answer). */
struct fl_answer {
	struct fl_addr client, resolver;
	uint8_t transport;  /* IP protocol number */
	uint8_t rcode;
	uint16_t type;
	fl_str name, chain;
	uint32_t addresses; /* index of the first in fl_names_addresses() */
	uint32_t address_count; /* sorted, distinct */
	uint64_t count;
	int64_t first_ns, last_ns;
};

struct fl_names_options {
	uint32_t bindings;  /* (client, address) and (client, name) places, each */
	uint32_t answers;   /* distinct answers kept */
	size_t text;        /* bytes of the pool that names out of DNS may fill; the rest is for SNI and Host */
};

struct fl_names_counters {
	uint64_t answers;          /* messages read */
	uint64_t bindings_evicted; /* younger than 10 min when pushed out */
	uint64_t answers_dropped;  /* not kept for the list, bindings were made all the same */
};

struct fl_names;
/* @pool is borrowed and must outlive the table. */
struct fl_names *fl_names_new(struct fl_strpool *pool, const struct fl_names_options *options);
void fl_names_free(struct fl_names *n);

/* Did the question that a response answers go out before it on the same flow? Anybody can send a response; only one that was asked
 * for names anything. */
enum fl_asked { FL_NOT_ASKED, FL_ASKED };

/* A response that @client got from @resolver: listed, and bound when it was asked for. Expected O(size of the message). */
void fl_names_add(struct fl_names *n, const struct fl_addr *client, const struct fl_addr *resolver,
		  uint8_t transport, int64_t time_ns, const struct fl_dns_message *m, enum fl_asked asked);

/* Only bind: the same answer under another client's address. */
void fl_names_bind(struct fl_names *n, const struct fl_addr *client, int64_t time_ns, const struct fl_dns_message *m);

/* The last answer @client got that had @server among its addresses. */
bool fl_names_last(const struct fl_names *n, const struct fl_addr *client, const struct fl_addr *server,
		   struct fl_binding *binding);
/* False: no answer that was bound has named @server, so fl_names_last() knows nothing of it. True tells nothing. Cheaper than
 * that; most resolvers and inner addresses are named by no answer. */
bool fl_names_may_know(const struct fl_names *n, const struct fl_addr *server);
/* CNAME chain of the last answer @client got to a question for @name that had addresses. */
fl_str fl_names_chain(const struct fl_names *n, const struct fl_addr *client, fl_str name);

/* A new window: the list of answers begins anew. What clients call addresses stays, with its texts moved to @pool when that is another
 * one; the old pool may go then. O(places). */
void fl_names_restart(struct fl_names *n, struct fl_strpool *pool);

/* Distinct answers, in the order they were first seen. */
size_t fl_names_answer_count(const struct fl_names *n);
const struct fl_answer *fl_names_answer(const struct fl_names *n, size_t i);
const struct fl_addr *fl_names_addresses(const struct fl_names *n);
const struct fl_names_counters *fl_names_counters(const struct fl_names *n);

#endif
