/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scanner.h - packets in, scan out: the pipeline of one capture point
 *
 * decode -> flow table -> payload (names, application, exchanges) -> conversations -> scan.
 * One pass, one thread, time from the packets, memory fixed at creation.
 *
 * Exchange rules. A change of payload direction to the initiator's side starts an exchange; the
 * first payload of the responder after that answers it. TLS handshake records do not count. Each
 * HTTP/1 exchange belongs to the Host of its own request; where requests come before the answers to others (pipelining), each is an
 * exchange and answers are taken in order. Server-first greetings start nothing. In DNS over UDP every query
 * is an exchange, also when two leave one socket together (A and AAAA). In HTTP/2 in the clear (prior knowledge, or by Upgrade; from the
 * connection's begin on) every stream is one, under its own :authority: answered by its final :status, failed by 5xx, by
 * a grpc-status that is the server's fault, or by a reset before the answer.
 */
#ifndef FAULTLINE_SCANNER_H
#define FAULTLINE_SCANNER_H

#include "faultline/decode.h"
#include "faultline/attribution.h"
#include "faultline/hosts_file.h"
#include "faultline/locality.h"
#include "faultline/scan.h"
#include "faultline/source.h"

struct fl_scanner;

/* Connections of which the socket table tells and no packet. */
enum fl_scanner_unseen {
	FL_UNSEEN_LEFT_OUT, /* a filter decides what is looked at */
	FL_UNSEEN_BEFORE,   /* those that were there before the scan count: pools */
	FL_UNSEEN_ALL,      /* there are no packets: the table is all that is known */
};

struct fl_scanner_options {
	const char *point;             /* name of the capture point and of its host */
	const char *source;            /* "file", "live" */
	uint64_t memory;               /* bytes for all tables together */
	FILE *flows;                   /* per-flow log, one JSON object a line; NULL: none */
	bool no_behaviour;             /* keep no log of attempts */
	bool light;                    /* the source passes only what names and states need */
	const struct fl_prefix *internal; /* --internal nets */
	size_t internal_count;
	const char *const *internal_domains; /* --internal domains, without leading dot */
	size_t internal_domain_count;
	enum fl_scanner_unseen unseen;
	uint32_t netns;                /* network namespace of the packets, 0: not known; see owner.h */
};

struct fl_scanner *fl_scanner_new(const struct fl_scanner_options *options);
void fl_scanner_free(struct fl_scanner *s);
/* For declaring addresses before the first packet. */
struct fl_locality *fl_scanner_locality(struct fl_scanner *s);

void fl_scanner_packet(struct fl_scanner *s, const struct fl_packet *p);
/* The same for @count (at most FL_SOURCE_BATCH) in order: what the later ones need of the tables is fetched ahead. */
void fl_scanner_packets(struct fl_scanner *s, const struct fl_packet *const *list, size_t count);
/* Names for addresses that nothing else names: the file of the scanned host. Taken over by the scanner. */
void fl_scanner_hosts(struct fl_scanner *s, struct fl_hosts *hosts);
/* Who owns a socket; best before its first packet, at any time before the flow ends. */
void fl_scanner_owner(struct fl_scanner *s, const struct fl_owner_record *r);
/* How owners were told; without it there are none. The last call counts. */
void fl_scanner_attribution(struct fl_scanner *s, const struct fl_attribution_state *state);
/* Live: nothing arrived, but time went on. */
void fl_scanner_window(struct fl_scanner *s, int64_t start_ns, int64_t end_ns);
/* Add what a source counted; call once per source at its end. */
void fl_scanner_counters(struct fl_scanner *s, const struct fl_source_counters *c);

/* A file was not read to its end because the user said so. */
void fl_scanner_interrupted(struct fl_scanner *s);

/* For a progress line. */
struct fl_scanner_progress { uint64_t packets; uint32_t flows; size_t conversations; };
struct fl_scanner_progress fl_scanner_progress(const struct fl_scanner *s);

/**
 * fl_scanner_cut() - End a window without ending the capture
 * @end_ns: end of this window and begin of the next; later than the begin of this one. Packets with older stamps that
 *          come later count in the next
 *
 * Flows that go on, their names, the DNS answers clients still use and the host's addresses are kept; conversations,
 * listeners, look-ups and counters begin anew. What happened counts in the window it happened in: bytes, exchanges, an attempt
 * to connect. A connection counts once, in the first window that ends when it was over three seconds old or had begun an
 * exchange; how an attempt went, in the window in which that is known. A later window that sees packets of it has it as
 * `carried`. So the windows add up to the scan of the whole, apart from what follows from a window's own view: which
 * service asked, classes, ratios, and time lines, which begin with an endpoint's first answer.
 *
 * Return: the window's scan, owned by the caller. O(flows + conversations).
 */
struct fl_scan *fl_scanner_cut(struct fl_scanner *s, int64_t end_ns);
/* The window as far as it has come; it goes on. For when what follows might be lost. */
struct fl_scan *fl_scanner_so_far(struct fl_scanner *s, int64_t end_ns);

/* End every flow and write up what was seen. Owned by the caller. Once. */
struct fl_scan *fl_scanner_finish(struct fl_scanner *s);

#endif
