/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * digest_internal.h - what a report says, before any language for documents
 *
 * HTML, Markdown and JSON tell the same things in the same order. The digest picks and words them once; all text
 * in it is raw (names as they came from the wire) and is escaped by the writer.
 */
#ifndef FAULTLINE_REPORTS_DIGEST_INTERNAL_H
#define FAULTLINE_REPORTS_DIGEST_INTERNAL_H

#include "reports/drawing_internal.h"

struct fl_fact { const char *name, *value; };

/* One thing that fails in a finding's blast, as drawn. */
struct fl_failing { int step; fl_node_id node; const char *label, *kind, *because; bool entry_point; };

/* A single point of failure that has a rank of its own. */
struct fl_finding {
	const struct fl_spof *spof;
	const char *label, *kind;
	const char *why;
	const char *also;             /* others that fail together with it: "host db1, ..."; NULL */
	const char *entry_points;     /* names of those lost */
	bool is_entry_point;          /* itself */
	bool said;                    /* in a sentence of its own */
	size_t section;               /* its section's number from 1; 0: none */
	struct fl_blast *blast;       /* with a section */
	struct fl_failing *failing;   /* in order; with a section */
	size_t failing_count;
};

/* An external endpoint that a service depends on, directly or through others. */
struct fl_external {
	const struct fl_reached *reached;
	const char *service, *endpoint;
	const char *path;             /* "a > b > c" */
	const char *provider, *chain; /* NULL when there is none */
	const char *evidence;         /* counts; NULL for graph files */
	const char *seen;             /* first to last; NULL */
	const char *name_source;      /* NULL: bare address */
	const char *use;              /* "every request", "40 % of requests", "background" ... */
	bool entry_point;             /* the service is one */
};

/* A dependency that was seen and has no rank. */
struct fl_listed { const char *from, *to, *why, *evidence; };

struct fl_digest {
	struct fl_arena *arena;
	const struct fl_report *report;
	const char *title;            /* "faultline report: HOSTS" without the first two words */
	const char *window;           /* NULL for graph files */
	bool scanned;                 /* made of scans */
	size_t services, hosts, entry_points;
	size_t external_names, hidden_externals; /* distinct; hidden: no entry point uses them directly */
	const char **sentences;       /* "In short" */
	size_t sentence_count;
	struct fl_finding *findings;
	size_t finding_count;
	size_t sections;              /* of them with a section: the first report->top that fail something else */
	struct fl_external *externals; /* entry points first */
	size_t external_count;
	struct fl_listed *listed;
	size_t listed_count;
	struct fl_fact *coverage;
	size_t coverage_count;
	const char **caveats;         /* what was not seen, as sentences */
	size_t caveat_count;
};

struct fl_digest *fl_digest_new(const struct fl_report *r);
void fl_digest_free(struct fl_digest *d);

/* ---- its parts, one file each ---- */

void fl_digest_findings(struct fl_digest *d);
void fl_digest_externals(struct fl_digest *d);
void fl_digest_listed(struct fl_digest *d);
void fl_digest_coverage(struct fl_digest *d);
void fl_digest_sentences(struct fl_digest *d); /* last: speaks of the others */

/* "a > b > c": services on the way and the endpoint at its end; endpoints in between only repeat a service's
 * name. When there are more than @most names (0: never) the middle is left out. */
const char *fl_say_path(struct fl_digest *d, const struct fl_reached *r, size_t most);

/* ---- wording ---- */

/* "12 %", "0.4 %", "< 0.1 %"; "unknown" for NaN. */
const char *fl_say_share(struct fl_arena *a, double share);
const char *fl_say_number(struct fl_arena *a, uint64_t n); /* "104 233" */
/* "1 service", "3 services": @one and @many are the nouns. */
const char *fl_say_count(struct fl_arena *a, uint64_t n, const char *one, const char *many);
/* To the second, UTC. */
const char *fl_say_time(struct fl_arena *a, int64_t time_ns);
/* "2026-11-21 11:41:44 to 11:43:28 UTC"; the second date only when it is another one. */
const char *fl_say_span(struct fl_arena *a, int64_t start_ns, int64_t end_ns);
/* "a, b, c and 4 more"; at most @most are named. */
const char *fl_say_list(struct fl_arena *a, const char *const *items, size_t count, size_t most);
const char *fl_say_strings(struct fl_arena *a, const char *const *items, size_t count,
			   const char *separator);
/* "service db1/postgres": kind and label. */
const char *fl_say_node(struct fl_arena *a, const struct fl_system *s, fl_node_id v);
/* "12 connections, 40 exchanges, 2 failed" */
const char *fl_say_evidence(struct fl_arena *a, const struct fl_scan_dependency *m);
/* Names come from the wire and may be of any length: cut to what a table can hold, made one line. NULL stays
 * NULL. */
const char *fl_say_name(struct fl_arena *a, const char *name);
/* The same for a sentence made elsewhere that holds names. */
const char *fl_say_sentence(struct fl_arena *a, const char *text);
/* The label of a node, as a name. */
const char *fl_say_label(struct fl_arena *a, const struct fl_system *s, fl_node_id v);
/* A node id of a scan or diff without its kind, as a name. */
const char *fl_say_id(struct fl_arena *a, const char *id);
/* "10.0.0.5, 10.0.0.6 and 3 more (5 hosts inside that others depend on)": addresses inside that services use and
 * that belong to no scanned host. NULL: none. */
const char *fl_say_not_scanned(struct fl_arena *a, const struct fl_system *s);
/* Below this loss an entry point is said to be degraded, not taken down. */
#define FL_WHOLE_LOSS 0.995
/* Whether enough exchanges were seen for the estimate of what was not. */
bool fl_estimate_holds(const struct fl_system *s);
/* What a kind of change means, for people. */
const char *fl_say_change(const struct fl_change *c);

/* Lines that explain the words, for every document alike: term and meaning. */
extern const struct fl_fact fl_definitions[];
extern const size_t fl_definition_count;

/* ---- writers ---- */

void fl_html_write(FILE *out, const struct fl_digest *d);
void fl_markdown_write(FILE *out, const struct fl_digest *d);
void fl_report_json_write(FILE *out, const struct fl_digest *d);

extern const char fl_html_screen_style[], fl_html_print_style[];

/* An SVG document of Graphviz as an element for the middle of an HTML page: no prolog, comments, titles or links;
 * ids prefixed by @prefix; @label read aloud. */
void fl_svg_write_inline(FILE *out, const char *svg, size_t size, const char *prefix, const char *label);

/* A cell of a Markdown table, escaped; nothing is "-". markdown.c */
void fl_markdown_cell(FILE *out, const char *text);

#endif
