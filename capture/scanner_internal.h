/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scanner_internal.h - what the files of the scanner share
 *
 *   scanner.c   packets to flows, flows to conversations, the end of flows
 *   dissect.c   payload to names, application, exchange boundaries (dissect_internal.h)
 *   flow_names.c  names that a flow carried, and which one counts
 *   calls.c     requests of one connection that are open at the same time
 *   attempts.c  what happens to a flow to the log of attempts
 *   account.c   connections to conversations, at the end of flows or of a window
 *   window.c    one window ends, the next begins
 *   silent.c    names of connections that go on after their flow ended
 *   flow_log.c  one JSON line per flow
 *   summary.c   conversations to the scan
 *   endpoint.c  which name a conversation's far end goes by, scope, provider
 */
#ifndef FAULTLINE_SCANNER_INTERNAL_H
#define FAULTLINE_SCANNER_INTERNAL_H

#include <stdio.h>

#include "faultline/application.h"
#include "faultline/conversation.h"
#include "faultline/dtls.h"
#include "faultline/exchange.h"
#include "faultline/http.h"
#include "faultline/http2.h"
#include "faultline/inflight.h"
#include "faultline/names.h"
#include "faultline/owner.h"
#include "faultline/quic.h"
#include "faultline/scanner.h"
#include "faultline/socks.h"
#include "faultline/tls.h"
#include "faultline/translation.h"

/* Use of fl_flow.user[]. */
enum flow_word {
	FLOW_NAMES,        /* first flow_name + 1 */
	FLOW_REQUEST_NAME, /* newest flow_name + 1; 0: the request named nobody */
	FLOW_STATE,        /* see below */
	FLOW_ENDS,         /* low half: the listener of the responder, in the inflight table; high: owner of the initiator */
	FLOW_DNS_NAME,     /* what the client's last answer called the responder at creation */
	FLOW_DNS_CHAIN,
	FLOW_SPAN,         /* us from the start of the exchange to the answer's last payload; before that, while FLOW_ANSWER_DUE,
			    * the handle of the waiting attempt */
	FLOW_SEGMENTS,     /* payload packets of the initiator looked at so far */
	FLOW_CONVERSATION, /* of the newest request, with user_half (fl_conversation_place); 0: look it up */
	FLOW_CALLS_PLACE = FLOW_SEGMENTS, /* ... of HTTP/2: with FLOW_CALLS where in their pool, later from CALLS_OVER on */
	FLOW_HELLO = FLOW_SEGMENTS, /* ... of datagrams: an fl_hello_word, which counts them, too */
};

/* As a count of segments: nothing is looked for any more. From CALLS_LOST on nobody knows what is a call and whose: they went to several
 * names, or the connection left HTTP. */
enum { CALLS_OVER = 1 << 28, CALLS_LOST = 1 << 29 };

/* fl_flow.user_bits: where the initiator's stream stands in HTTP/1; else at the begin of a head. */
enum flow_stands { FLOW_IN_HEAD = 1 /* it was noted, its end is to come */, FLOW_IN_CHUNKS = 2, FLOW_AT_BODY = 3 /* behind a head */ };

/* fl_flow.user_flag: since the responder spoke last, a head of HTTP/1 was noted: the open exchange has its name. */

/* FLOW_STATE: application in the low byte, then flags. */
enum flow_flag {
	FLOW_APPLICATION_MASK = 0xff,
	FLOW_GROUP = 1 << 8,          /* multicast, broadcast: no dependency */
	FLOW_TLS = 1 << 9,            /* a ClientHello was seen or begun */
	FLOW_TLS_HELLO = 1 << 10,     /* ... and is complete, or given up */
	FLOW_TLS_FINISHED = 1 << 11,  /* the client's Finished has passed */
	FLOW_TLS_OLD = 1 << 12,       /* up to 1.2: handshake records in the clear */
	FLOW_HTTP = 1 << 13,
	FLOW_ANSWER_DUE = 1 << 14,    /* exchange open, no payload of the responder yet */
	FLOW_HEALTH = 1 << 15,        /* the open request asks for a health page */
	FLOW_COUNTED_OPEN = 1 << 16,   /* its listener counts an open exchange */
	FLOW_ANSWERED = 1 << 17,      /* the responder sent payload */
	FLOW_MULTIPLEXED = 1 << 18,
	FLOW_ECH = 1 << 20,
	FLOW_STARTED = 1 << 21,       /* its first exchange, or the flow itself, was counted as a start */
	FLOW_TUNNEL = 1 << 19,        /* the responder is a proxy; it was asked for a target */
	FLOW_TUNNEL_OPEN = 1 << 22,   /* ... and has reached it: what comes is the target's; not with FLOW_PROXIED */
	FLOW_TUNNEL_FAILED = FLOW_TUNNEL_OPEN, /* with FLOW_PROXIED: ... and has not, for the newest request */
	FLOW_PROXIED = 1 << 28,       /* ... one request at a time: the proxy passes answers on, and may go elsewhere next */
	FLOW_UPGRADE = 1 << 29,       /* the open HTTP request offers to go on in another protocol */
	FLOW_CALLS = 1 << 30,         /* exchanges are read and counted call by call (calls.h) */
	FLOW_BOTH_WAYS = 1 << 23,     /* locality has seen the answer's direction */
	FLOW_TICKET_DUE = 1 << 24,    /* TLS 1.3: the responder's next records may be session tickets */
	FLOW_MAYBE_ANSWERED = 1 << 25, /* they came while an exchange was open */
	FLOW_BODY = 1 << 26,          /* the open HTTP request has a body */
	FLOW_OWNER_POLLED = 1 << 27,  /* its owner was found later */
	FLOW_ANSWER_UNSEEN = INT32_MIN, /* the last bit: the client acknowledged bytes after the open request that were not captured */
};

/* A name that a flow carried; a list per flow, in the order of first appearance. */
struct flow_name {
	fl_str name;
	uint32_t next;                /* + 1 */
	uint8_t source;               /* enum fl_name_source */
	bool inner;                   /* of what is behind the proxy: CONNECT target, SNI in the tunnel */
	uint16_t port;                /* inner: which */
};

struct scanner_counters {
	uint64_t packets, bytes;
	uint64_t parse_errors;        /* DNS, TLS, HTTP */
	uint64_t flows;
	uint64_t flow_names_dropped;
	uint64_t ech, esni, encrypted_dns, cut_payload, icmp_errors;
	uint64_t truncated, malformed, unsupported, dropped_kernel, dropped_interface, filtered, cut_short;
	uint64_t lost_interface, interrupted;
	uint64_t fragments;           /* frames that were a piece of a packet */
	uint64_t translated;          /* flows left out: the far half of one that counts */
	uint64_t unseen;              /* connections known from the socket table alone */
	uint64_t datagrams_lost;      /* that stayed incomplete */
	uint64_t contradicted;        /* datagrams and hellos whose pieces differ where they overlap */
	uint64_t answers_unseen;      /* acknowledged, not captured */
	uint64_t long_heads;          /* of requests, not read to their end */
	uint64_t holes;               /* in requests or answers that were read: as above */
	uint64_t sealed;              /* packets of IPsec, encrypted with all that is inside */
	uint64_t answers_unasked;     /* of DNS, to no question that went out */
};

/* What windows before this one have counted of a flow; of flows that began since all zero. */
struct flow_carry {
	uint64_t bytes[2];
	uint32_t packets;             /* of both sides */
	uint32_t window;              /* that counted it last */
	uint32_t syn_retransmits;
	uint8_t done;                 /* enum carry_done */
};
enum carry_done {
	CARRY_ATTEMPT = 1,            /* among tried or midstream */
	CARRY_OUTCOME = 2,            /* how the attempt went */
	CARRY_RESET = 4,
	CARRY_INNER = 8,              /* the connection behind the proxy: its attempt */
	CARRY_INNER_OUTCOME = 16,
	CARRY_LOGGED = 64,            /* in the log of attempts */
	CARRY_START = 32,             /* the connection counted as a start: its first exchange is none */
};

/* Counters that go on over windows, as they stood when this one began. */
struct scanner_before {
	struct fl_names_counters names;
	struct fl_flow_counters flows;
	uint64_t strings_refused, streams_refused, streams_contradicted, hellos_given_up, locality_refused, calls_refused, calls_crowded;
	struct fl_owner_counters owners;
};

struct fl_scanner {
	struct fl_scanner_options options;
	struct fl_strpool *strings;
	size_t string_limit;
	struct fl_flow_table *flows;
	struct fl_stream_pool *streams;
	struct fl_hello_pool *hellos; /* in the making, over datagrams */
	struct fl_quic *quic;
	struct fl_names *names;
	struct fl_conversations *conversations;
	struct fl_inflight *inflight;
	struct fl_exchange_log *attempts;
	struct calls_pool *calls;
	struct fl_locality *locality;
	struct fl_owners *owners;
	struct fl_attribution_state attribution;
	struct fl_translations *translations;
	bool unseen_counted;
	struct fl_hosts *hosts;

	struct flow_name *flow_names;
	uint32_t flow_name_count, flow_name_limit, flow_name_free; /* free list: + 1 */

	struct scanner_counters counters;
	struct scanner_before before;
	struct flow_carry *carry;     /* by fl_flow_number(); NULL until a window was written up */
	uint32_t window;              /* the one that is filled, from 0 */
	bool timed;                   /* first_ns and last_ns are set */
	int64_t first_ns, last_ns;    /* packets */
	int64_t odd_ns;               /* last stamp far from the others */
	int64_t start_ns, end_ns;     /* declared window; 0 = none */
	uint32_t flow_capacity, binding_limit;

	struct silent *silent;        /* names of flows that ended in silence */

	/* scratch of the parsers */
	uint8_t *tls_scratch;
	struct fl_dns_message dns;
	bool resolver_failed;         /* said so in the packet that was dissected last */
	struct fl_tls_hello hello;
	struct fl_http_request request;
	struct fl_socks_request socks;
};

static inline enum fl_application flow_application(const struct fl_flow *f)
{
	return (enum fl_application)(f->user[FLOW_STATE] & FLOW_APPLICATION_MASK);
}

static inline bool flow_has(const struct fl_flow *f, enum flow_flag flag)
{
	return (f->user[FLOW_STATE] & (uint32_t)flag) != 0;
}

static inline void flow_set(struct fl_flow *f, enum flow_flag flag)
{
	f->user[FLOW_STATE] |= (uint32_t)flag;
}

static inline void flow_clear(struct fl_flow *f, enum flow_flag flag)
{
	f->user[FLOW_STATE] &= ~(uint32_t)flag;
}

static inline uint32_t flow_listener(const struct fl_flow *f)
{
	return f->user[FLOW_ENDS] & 0xffff;
}

static inline void flow_set_listener(struct fl_flow *f, uint32_t listener)
{
	f->user[FLOW_ENDS] = (f->user[FLOW_ENDS] & 0xffff0000) | listener;
}

static inline uint32_t flow_owner(const struct fl_flow *f)
{
	return f->user[FLOW_ENDS] >> 16;
}

static inline void flow_set_application(struct fl_flow *f, enum fl_application a)
{
	if (flow_application(f) == FL_APP_UNKNOWN)
		f->user[FLOW_STATE] |= (uint32_t)a;
}

static inline void flow_replace_application(struct fl_flow *f, enum fl_application a)
{
	f->user[FLOW_STATE] = (f->user[FLOW_STATE] & ~(uint32_t)FLOW_APPLICATION_MASK) | (uint32_t)a;
}

/* Datagrams have no streams: in their place a flow of them keeps four marks of 16 bits, the newest lowest, zero at first. */
static inline uint64_t flow_marks(const struct fl_flow *f)
{
	return (uint64_t)f->stream[1].next_seq << 32 | f->stream[0].next_seq;
}

static inline void flow_set_marks(struct fl_flow *f, uint64_t marks)
{
	f->stream[0].next_seq = (uint32_t)marks;
	f->stream[1].next_seq = (uint32_t)(marks >> 32);
}

static inline bool flow_lost_calls(const struct fl_flow *f)
{
	return f->transport == FL_TRANSPORT_TCP && f->user[FLOW_CALLS_PLACE] >= CALLS_LOST;
}

struct best_name {
	fl_str name, chain;
	enum fl_name_source source;
};

/* scanner.c: what counts anew in every window, empty */
void scanner_new_window_tables(struct fl_scanner *s);
/* scanner_conversations.c: the conversation of a flow under @name, of its newest request, with the target behind a proxy, with the
 * proxy */
struct fl_conversation *scanner_conversation(struct fl_scanner *s, const struct fl_flow *f,
					     const struct best_name *name, int64_t now_ns);
struct fl_conversation *scanner_request_conversation(struct fl_scanner *s, struct fl_flow *f, int64_t now_ns);
struct fl_conversation *scanner_inner_conversation(struct fl_scanner *s, const struct fl_flow *f, int64_t now_ns);
struct fl_conversation *scanner_proxy_conversation(struct fl_scanner *s, const struct fl_flow *f, int64_t now_ns);

/* scanner_exchanges.c */

/* Is the missing answer to what began at @start_ns a failure? */
bool scanner_went_unanswered(const struct fl_scanner *s, const struct fl_flow *f, int64_t start_ns, enum fl_flow_end how);
/* An exchange as it was counted when it began. */
struct counted_exchange {
	struct fl_conversation_place place;
	bool health, tunnel;
};
/* The open exchange was @counted before it was known whom its request names, which is what the flow says now: who was asked, and whether
 * for its health. @size: of the segment that told. */
void scanner_rename_exchange(struct fl_scanner *s, struct fl_flow *f, const struct counted_exchange *counted, uint32_t size);
/* With @p, of datagrams, another connection begins between the same ends: the flow ends without it, and is a new one then. */
void scanner_begin_again(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p);
void scanner_note_start(struct fl_scanner *s, struct fl_conversation *v, struct fl_flow *f, int64_t now_ns);
/* Payload of @side, of which @retransmit came before. */
void scanner_see_payload(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, bool retransmit, const struct fl_packet *p);
/* Settles the exchange that is open, if any. */
void scanner_close_exchange(struct fl_scanner *s, struct fl_flow *f, int64_t now_ns, enum fl_flow_end how);
void scanner_count_unanswered_queries(struct fl_scanner *s, struct fl_flow *f);
/* A flow that was met in its middle: do its first words tell that the sides are the other way round? Then they are turned. */
bool scanner_turn_around(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p);

/* account.c */
void account_end(struct fl_scanner *s, struct fl_flow *f);    /* the flow ends */
void account_so_far(struct fl_scanner *s, struct fl_flow *f); /* a window is written up, the flow may go on */
/* The proxy has no connection to the target, @v: the attempt is over, though the flow may go on. */
void account_refused(struct fl_scanner *s, const struct fl_flow *f, struct fl_conversation *v);
/* Was the exchange that begins counted as a start when its connection began, in an earlier window? Once. */
bool account_start_is_old(struct fl_scanner *s, const struct fl_flow *f);

/* dissect.c */

/* Payload of one packet that brings something new: names and application are
 * noted at the flow. Return: whether the bytes count for exchanges (they are no TLS handshake). */
bool scanner_dissect(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p);
/* A copy of a segment within microseconds, while the stream keeps bytes: does it say the same? */
void scanner_compare_copy(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p);
/* A segment of an answer in HTTP/1 that has too few bytes to tell its status, or follows such. Return: more must come; else @bytes are what
 * there is of the answer, borrowed until the next segment. */
bool scanner_awaits_status(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p, struct fl_slice *bytes);
/* Does one side of a connection say what only the other would? */
bool scanner_speaks_for_other(enum fl_side side, const struct fl_slice *payload);
/* A path by which load balancers and monitors ask whether a service lives. */
bool scanner_is_health_path(const char *path);
void scanner_forget_names(struct fl_scanner *s, struct fl_flow *f);
/* The flow's name with the best source; false when it has none (bare address). */
bool scanner_best_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best);
/* The newest Host of an HTTP flow, else the best name: what the open request is for. */
bool scanner_request_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best);

/* Of a tunnel: what the proxy itself is called, and the newest name of the target. */
/* Whether the names that @f carried may be its responder's: not while a SYN is all that came of its client. */
bool scanner_believes(const struct fl_flow *f);
bool scanner_outer_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best);
const struct flow_name *scanner_inner_name(const struct fl_scanner *s, const struct fl_flow *f);

/* A host asks its resolver from one address, or through a stub on loopback, and connects from another: what it learnt under any of
 * them is kept under this key, too. */
extern const struct fl_addr scanner_own_host;
/* What the client, or another address of its host, last called the responder. */
bool scanner_last_binding(const struct fl_scanner *s, const struct fl_flow *f, struct fl_binding *binding);

/* attempts.c: call them while FLOW_ANSWER_DUE is as it was before the packet, but begin, which leaves it to the caller. */
void scanner_attempt_begin(struct fl_scanner *s, struct fl_flow *f, const struct fl_conversation *v, const struct fl_packet *p);
/* More of the request; the same once more by the kernel; a datagram that asks again; FIN or RST of @side. */
void scanner_attempt_more(struct fl_scanner *s, const struct fl_flow *f, const struct fl_packet *p);
void scanner_attempt_repeated(struct fl_scanner *s, const struct fl_flow *f);
/* Its answer was acknowledged by the client and not captured: it ended, nobody knows how. */
void scanner_attempt_unseen(struct fl_scanner *s, const struct fl_flow *f, const struct fl_packet *p);
void scanner_attempt_again(struct fl_scanner *s, struct fl_flow *f, const struct fl_conversation *v, const struct fl_packet *p);
void scanner_attempt_goodbye(struct fl_scanner *s, const struct fl_flow *f, enum fl_side side, const struct fl_packet *p);
void scanner_attempt_answer(struct fl_scanner *s, struct fl_flow *f, const struct fl_conversation *v, const struct fl_packet *p,
			    bool failed);
/* A window is written up while it waits: under the conversation that the window knows. */
void scanner_attempt_so_far(struct fl_scanner *s, const struct fl_flow *f);
/* The exchange is closed and no answer came. @failed: that is a failure, as far as the flow tells. */
void scanner_attempt_end(struct fl_scanner *s, struct fl_flow *f, const struct fl_conversation *v, enum fl_flow_end how, bool failed);
/* One of several calls at once: begins (handle, or 0), ends; @wait_us: to the answer or failure, or FL_NO_TIME. */
uint32_t scanner_attempt_call(struct fl_scanner *s, const struct fl_flow *f, const struct fl_conversation *v, int64_t start_ns,
			      uint32_t size, uint32_t fingerprint, bool health);
void scanner_attempt_call_end(struct fl_scanner *s, uint32_t handle, const struct fl_conversation *v, enum fl_outcome outcome,
			      uint32_t wait_us);
/* The flow ended; nothing is done when it carried exchanges. */
void scanner_attempt_connection(struct fl_scanner *s, const struct fl_flow *f, const struct fl_conversation *v, bool established);

/* scanner_owner.c: who opened the flow, while nobody is known; connections without packets, at the end */
void scanner_own_flow(struct fl_scanner *s, struct fl_flow *f);
/* The exchanges of a flow were none of its conversation's. O(1): packets can bring it about. */
void scanner_take_back_exchanges(struct fl_scanner *s, struct fl_flow *f);
/* Is it the far half of a translated connection of which the near half is a flow, too? */
bool scanner_is_translated_twin(struct fl_scanner *s, const struct fl_flow *f);
/* Who listens there, or behind it where connections to it are translated. */
bool scanner_listener(struct fl_scanner *s, uint8_t transport, struct fl_addr address, uint16_t port, struct fl_owned *owned);
void scanner_count_unseen(struct fl_scanner *s);

/* A name that the flow carried. @port: of the target, when the name begins a tunnel; else 0. */
void scanner_note_name(struct fl_scanner *s, struct fl_flow *f, enum fl_name_source source, const char *text, uint16_t port);
/* It carried none of this source after all. */
void scanner_drop_names(struct fl_scanner *s, struct fl_flow *f, enum fl_name_source source);
/* Did it carry this name? */
bool scanner_carries_name(const struct fl_scanner *s, const struct fl_flow *f, enum fl_name_source source, const char *text);

/* silent.c */
struct silent *silent_new(void);
void silent_free(struct silent *list);
/* @f ended in silence; a flow in the middle begins: it may be the same connection. */
void silent_keep(struct fl_scanner *s, const struct fl_flow *f);
void silent_recall(struct fl_scanner *s, struct fl_flow *f);
void silent_move_strings(struct fl_scanner *s, struct fl_strpool *to);

/* flow_log.c */
void scanner_log_flow(struct fl_scanner *s, const struct fl_flow *f);

/* encrypted_dns.c: a public resolver over HTTPS, by the name that it is asked for */
bool scanner_is_resolver_name(const char *name);

/* endpoint.c */

/* Final name of a conversation's far end. @inbound_names: names that the caller's own services were asked
 * for (sorted ids): a Host field among them is passed through and names no backend. */
struct endpoint_name {
	fl_str name, chain;
	enum fl_name_source source;
	fl_str asked;           /* Host field that was set aside, or NONE */
};
struct endpoint_name scanner_endpoint_name(const struct fl_scanner *s, const struct fl_conversation *v,
					   const fl_str *inbound_names, size_t inbound_count);
enum fl_scope scanner_scope(const struct fl_scanner *s, const struct fl_addr *a, const char *name);
/* Of a target behind a proxy, whose address nobody here knows: by its name alone. */
enum fl_scope scanner_inner_scope(const struct fl_scanner *s, const char *name);
/* Registrable domain of @name by the Public Suffix List, or NULL; into the arena. */
const char *scanner_provider(struct fl_arena *a, const char *name);
/* A name that DNS could hold and that is no address: letters, digits, '-', '.'. */
bool scanner_is_host_name(const char *name);

/* summary.c */
struct fl_scan *scanner_summarise(struct fl_scanner *s);

#endif
