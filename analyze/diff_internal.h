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
/* SPOF_NEW and SPOF_LOST. Left out are, by the ids of their side, things of which it was not seen that they
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
void fl_diff_spofs(struct fl_diff *d, size_t *capacity, const struct fl_diff_side sides[static 2]);

#endif
