/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_internal.h - what the files of diff share: stable identities
 */
#ifndef FAULTLINE_ANALYZE_DIFF_INTERNAL_H
#define FAULTLINE_ANALYZE_DIFF_INTERNAL_H

#include "faultline/diff.h"

/* One use of one thing, on one side of the comparison. Strings live in the diff's arena or
 * in the system. */
struct fl_use {
	const char *from_key, *to_key;        /* stable identities; equal = the same dependency */
	const char *replica_key;              /* to_key with the replica number left out; NULL without one */
	const char *target_key;               /* the scanned service it leads to; NULL */
	const char *moved_key;                /* registrable domain, port, transport; NULL: cannot move */
	const char *from, *to;                /* node ids */
	const char *label;                    /* of `to`, for people */
	const char *host;                     /* of the caller, NULL for graph files */
	const struct fl_dependency *evidence; /* NULL for graph files */
	bool counts;                          /* a dependency; else it was only tried, or probed */
	bool newer;                           /* side */
	size_t group;                         /* matching's own */
};

/* A host name with what is ephemeral in it replaced by '*'; see diff_identity.c for the rule. */
char *fl_identity_name(struct fl_arena *a, const char *name);
char *fl_identity_service(struct fl_arena *a, const char *id); /* "service:HOST/NAME" with both normalised */
/* Identity of any node: rotated addresses and ephemeral labels left out. NULL: it has none that
 * lasts (an address). */
char *fl_identity_node(struct fl_arena *a, const struct fl_system *s, fl_node_id v);
/* "eu-west.api.vendor.example" -> "vendor.example"; @provider: when the name ends in it, it is right. */
const char *fl_identity_domain(struct fl_arena *a, const char *name, const char *provider);

/* Uses of a system: its dependencies, or the links of a graph file. */
struct fl_use *fl_uses(
	struct fl_arena *a, const struct fl_system *s, bool graphs_only, bool newer, size_t *count);

/* How long the hosts of a system were watched. */
struct fl_watched_host {
	const char *name;
	double seconds;
	size_t scan; /* the last that was added */
};
struct fl_watched {
	struct fl_watched_host *hosts, *stable; /* sorted by name; by the stable part of it */
	size_t host_count, stable_count;
};
void fl_watched_init(struct fl_watched *w, struct fl_arena *a, const struct fl_system *s);
/* @host by its name, else by the stable part of it; 0: not among the scans. */
double fl_watched_s(const struct fl_watched *w, struct fl_arena *a, const char *host);

/* Known by its address alone? */
static inline bool fl_use_is_bare(const struct fl_use *use)
{
	return use->evidence != NULL && use->evidence->merged->name == NULL;
}
/* same[i] is set where the other side has a use of the same caller at the same address, one of them
 * bare. Groups of the uses are known. */
void fl_diff_addresses(struct fl_use *const *uses, size_t count, bool *same);

/* Appends to d->list. */
struct fl_change *fl_diff_add(struct fl_diff *d, size_t *capacity, const struct fl_change *change);
/* What single points are left out, by the ids of their side: things of which it was not seen that they
 * came or went (only unseen, moved, known under another name), and services and hosts that the other side did
 * not watch. */
struct fl_identities {
	const char **list; /* sorted */
	size_t count;
};
struct fl_diff_side {
	const struct fl_system *system;
	struct fl_watched watched;   /* empty for graph files */
	struct fl_identities unsure; /* node ids */
};

/* ---- the comparison under way ---- */

/* What the side without these uses would have seen of them, had all gone on as on the side with them. */
struct fl_silence {
	double expected; /* exchanges */
	double p;        /* of none: calls that come together are one event */
};

struct fl_use_group { /* uses of one identity */
	struct fl_use **uses[2]; /* [newer] */
	size_t counts[2];
	bool present[2]; /* some use of that side, even a mere attempt */
	bool real[2];    /* some use of that side counts */
	bool matched;    /* by a weaker identity, or moved */
	bool partial;    /* one side has some of its calls under a bare address */
	struct fl_silence silence; /* of what only one side has; NaN */
	struct fl_use_group *other; /* what the newer side has instead; on the older one's group */
};

struct fl_diffing {
	struct fl_diff *d;
	struct fl_arena *a;
	struct fl_arena *scratch; /* until the comparison is done */
	const struct fl_diff_options *options;
	size_t capacity;
	struct fl_diff_side sides[2];
	size_t unsure_capacity[2];
	bool *one_sided[2]; /* requirements of which the other side lacks a use, by group of the graph */
	bool *unsettled[2]; /* requirements that the other side may have as well, by group of the graph */
	struct fl_use **uses; /* both sides, sorted by keys */
	size_t use_count;
	struct fl_use_group *groups;
	size_t group_count;
};

static inline struct fl_use *fl_first_use(const struct fl_use_group *g)
{
	return g->present[1] ? g->uses[1][0] : g->uses[0][0];
}

/* A dependency that one side does not know at all. */
static inline bool fl_is_added(const struct fl_use_group *g)
{
	return !g->matched && g->real[1] && !g->present[0];
}

static inline bool fl_is_missing(const struct fl_use_group *g)
{
	return !g->matched && g->real[0] && !g->present[1];
}

/* That the group's things came or went on this side is not certain: their single points are no finding. */
void fl_diff_unsure(struct fl_diffing *w, const struct fl_use_group *g, int side);

/* ---- diff_match.c: which is which ---- */

void fl_diff_match(struct fl_diffing *w); /* fills uses and groups */
/* What one is to the older side, the other is to the newer: their measures are compared. */
void fl_diff_pair(struct fl_use_group *a, struct fl_use_group *b);
/* Called for each caller's only missing and only added thing of one registrable domain, port and transport. */
typedef void fl_diff_moved(struct fl_diffing *w, struct fl_use_group *missing, struct fl_use_group *added);
void fl_diff_moves(struct fl_diffing *w, fl_diff_moved *moved);

/* ---- diff_silence.c: how probable it is that nothing shows ---- */

void fl_diff_silences(struct fl_diffing *w); /* of every group that is added or missing */
double fl_diff_watched_s(const struct fl_diffing *w, int side, const char *host);

/* ---- diff_amounts.c: what was measured ---- */

struct fl_span { double start, end; }; /* seconds since the epoch */

/* Of one side of a pair of groups, added up. */
struct fl_amounts {
	uint64_t calls;              /* exchanges; connections where none is visible */
	uint64_t inbound;            /* exchanges of the callers */
	uint64_t attempts, failures; /* of calls, those that did not connect counted */
	double window_s;
	bool lower_bound;            /* calls are one */
	bool on_request, timed;      /* some use is; background or start-up */
	const struct fl_histogram *first_byte, *connect;   /* NULL: empty */
	const struct fl_timeline *calls_line, *inbound_line; /* NULL: none */
	const struct fl_behaviour *behaviour;              /* NULL: none */
	struct fl_span *spans;       /* when it was watched */
	size_t span_count;
};
void fl_amounts_of_uses(struct fl_amounts *m, struct fl_diffing *w, int side, const struct fl_use_group *g);

const struct fl_system_service *fl_diff_find_service(const struct fl_system *s, const char *id); /* NULL: no record */

/* Variance over mean of how calls fall into the blocks of the window, beside what is expected of each; at least 1, raised by
 * what so few blocks cannot tell. Blocks are joined to longer ones as well: work that comes and goes over minutes is not
 * seen in seconds. */
double fl_dispersion_of_rate(const struct fl_amounts *m);
double fl_dispersion_of_fan_out(const struct fl_amounts *m);
double fl_dispersion_of_failures(const struct fl_amounts *m);
double fl_dispersion_of_latency(const struct fl_amounts *m);
/* The same as the rate's, but 1 where nothing is known: how many calls come together. */
double fl_burst_of(const struct fl_amounts *m);

/* ---- diff_measured.c: fan-out, rate, latency, failures ---- */
void fl_diff_measured(struct fl_diffing *w);
/* The load of the entry points that both sides know. */
void fl_diff_load(struct fl_diffing *w);

/* ---- diff_reactions.c: timeouts and retries; NULL: not seen there ---- */
void fl_diff_reactions(struct fl_diffing *w, const struct fl_use *use, const struct fl_amounts *before,
	const struct fl_amounts *after);

/* ---- diff_settled.c: the two graphs, but for what is not certain to differ ---- */

/* A copy of @s without the requirements marked in @without (by group); for ranking, shares everything else with it. */
struct fl_system *fl_diff_settled(const struct fl_system *s, const bool *without);
void fl_diff_settled_free(struct fl_system *s);

/* SPOF_NEW and SPOF_LOST; of settled systems. */
void fl_diff_spofs(struct fl_diff *d, size_t *capacity, const struct fl_diff_side sides[static 2]);
/* SHARED_FATE_NEW and SHARED_FATE_LOST; likewise. */
void fl_diff_fates(struct fl_diff *d, size_t *capacity, const struct fl_diff_side sides[static 2]);
bool fl_identities_hold(const struct fl_identities *list, const char *key);
/* Nothing can be said of a machine, or a service of it, that the other side did not watch. */
bool fl_is_unwatched(struct fl_arena *a, const struct fl_system *s, fl_node_id v, const struct fl_watched *other);

/* diff_services.c: uses of a newer service that is an older one under another name get that one's identity. */
void fl_diff_services(struct fl_diffing *w);

#endif
