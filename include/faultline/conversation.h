/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conversation.h - flows added up by who talks to whom under which name
 *
 * A conversation is all flows of one client address to one server address, port and
 * transport under one name. Flows come and go; conversations stay until the scan
 * is written. Whether the client or the server is one of ours is decided at the
 * end (locality.h), so a conversation is neither inbound nor outbound yet.
 *
 * The table is bounded. When it is full, the least useful of a few neighbours goes
 * (never answered before answered, then the one silent longest), and is counted.
 */
#ifndef FAULTLINE_CONVERSATION_H
#define FAULTLINE_CONVERSATION_H

#include "faultline/application.h"
#include "faultline/scan.h"
#include "faultline/strpool.h"

enum { FL_NESTED_SLOTS = 4 };

/* Clients choose the names they ask a listener for. Past this many distinct ones at one (server, port), further requests
 * are kept without their name, and counted. */
enum { FL_NAMES_OF_LISTENER = 1024 };

struct fl_conversation_key {
	struct fl_addr client, server;
	fl_str name;              /* FL_STR_NONE: bare address */
	uint16_t port;
	uint8_t transport;        /* IP protocol number */
	uint8_t name_source;      /* enum fl_name_source */
	uint32_t owner;           /* service of the client side, see owner.h; 0: not known */
};

/* Five cache lines. The second is all that eviction looks at; an exchange touches the first four. */
struct fl_conversation {
	struct fl_conversation_key key;
	uint32_t serial;          /* from 1 in the order of first use, never used twice */
	fl_str chain;             /* latest CNAME chain of the name */
	fl_str dns_name;          /* what the client's last answer called the address; may differ from the name */
	fl_str dns_chain;
	uint32_t detail;          /* index in the pool + 1 */

	int64_t last_ns;
	uint64_t answered;        /* of the exchanges */
	struct fl_connections connections;
	uint32_t sibling, sibling_before; /* ring of conversations of the same client, name, port, transport */
	uint8_t application;      /* enum fl_application */
	bool unseen;              /* known from the socket table alone: no packet came */
	bool polled;              /* the owner of one of its flows was not told when it was opened */
	bool multiplexed, broken;
	bool inner;               /* with what is behind a proxy; the server is the proxy, the port is the target's */
	uint16_t generation;      /* of its place: one more each time that another conversation takes it */
	uint64_t exchanges;       /* seen to start */
	/* starts of exchanges (of connections where none is visible) */
	uint64_t starts;
	int64_t last_start_ns;
	uint32_t request_min, request_max; /* bytes of the first segment of a request */

	double gap_mean_s, gap_m2;      /* Welford, TOMS 1962: mean and sum of squares of the gaps */
	uint32_t nested[FL_NESTED_SLOTS];  /* starts while listener slot i of the client had work open */
	int64_t last_success_ns, before_success_ns;
	uint64_t health;          /* of the exchanges, health checks by their path */
	uint64_t failures;        /* of them, 5xx, server failure, or no answer */

	uint64_t empty;           /* answered connections without any payload */
	uint64_t unreached;       /* connections that came to nothing */
	uint64_t failovers;       /* connections that failed elsewhere and were followed by success here, at once */
	uint64_t bytes_out, bytes_in;
	int64_t first_ns;
	int64_t unreached_from_ns, unreached_ns; /* latest connection that failed; 0: none, or it was followed */
};

/* What one takes in its table: itself and its places in the indexes. */
enum { FL_CONVERSATION_COST = sizeof(struct fl_conversation) + 24 };

struct fl_conversations;

struct fl_conversations *fl_conversations_new(uint32_t limit, uint32_t details);
void fl_conversations_free(struct fl_conversations *c);

/* The conversation of @key, made when new. Valid until the next call. */
struct fl_conversation *fl_conversation_at(struct fl_conversations *c, const struct fl_conversation_key *key,
					   int64_t now_ns);
/* Where it is, for somebody who will want it again: number from 1, and generation. */
struct fl_conversation_place {
	uint32_t number;
	uint16_t generation;
};
struct fl_conversation_place fl_conversation_place(const struct fl_conversations *c, const struct fl_conversation *v);
/* What is there; NULL when that went meanwhile (was evicted), or number is 0. A generation comes again after 65536 evictions from
 * one place: whoever may wait that long compares what he knows of the key. */
struct fl_conversation *fl_conversation_there(const struct fl_conversations *c, struct fl_conversation_place place);
/* Fetches the conversation with that number (0: none), which is going to be asked for soon; any number is fine. */
void fl_conversation_expect(const struct fl_conversations *c, uint32_t number);
/* An exchange (or bare connection) began. Measures are kept from the first answer on, so that attempts that nobody answers use
 * none of the pool. */
void fl_conversation_start(struct fl_conversations *c, struct fl_conversation *v, int64_t now_ns);
/* An exchange was answered well at @when_ns; or a connection begun at @from_ns came to nothing, its last packet at @until_ns (which is
 * known late, when it ends by time-out). The first success of any sibling from @from_ns on, when it comes within 1 s after @until_ns and an
 * eighth of the usual time between starts, is a fail-over to that sibling. For queries to resolvers it is 5.1 s. */
void fl_conversation_success(struct fl_conversations *c, struct fl_conversation *v, int64_t when_ns);
void fl_conversation_unreached(struct fl_conversations *c, struct fl_conversation *v, int64_t from_ns, int64_t until_ns);
/* Was there fail-over to @v, and after at least half of the failures at any sibling? At fewer, chance may have done it. */
bool fl_conversation_failover(const struct fl_conversations *c, const struct fl_conversation *v);
/* NULL when the pool is used up (counted). */
struct fl_measures *fl_conversation_detail(struct fl_conversations *c, uint32_t *detail);

size_t fl_conversation_count(const struct fl_conversations *c);
const struct fl_conversation *fl_conversation_get(const struct fl_conversations *c, size_t i);
const struct fl_measures *fl_conversation_get_detail(const struct fl_conversations *c, uint32_t detail);
uint64_t fl_conversations_folded(const struct fl_conversations *c); /* see FL_NAMES_OF_LISTENER */
uint64_t fl_conversations_evicted(const struct fl_conversations *c);
uint64_t fl_conversations_without_detail(const struct fl_conversations *c);
uint32_t fl_conversations_limit(const struct fl_conversations *c);
uint32_t fl_conversations_detail_limit(const struct fl_conversations *c);

#endif
