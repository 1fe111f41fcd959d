/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared.h - what is meant to be redundant and falls together all the same
 *
 * A group with spare members shares the fate of node x when x alone takes at least two of its members
 * down: their host, address, provider, resolver or zone, or something all of them require in the end.
 * Where several such nodes stand behind one another (a host and the zone it is in), the one that is
 * nearest to the members is the finding and the others are in @also. Different vendors whose names end at
 * one address or provider share it likewise, though nobody calls them a group.
 *
 * Three lists, because they mean different things to a reader:
 *   list      the findings
 *   common    replicas that call the same endpoint by the same name, as replicas do: a single point of
 *             failure behind the group (see rank.h), but nobody was misled
 *   inherent  the addresses of one name have the provider of that name in common
 */
#ifndef FAULTLINE_SHARED_H
#define FAULTLINE_SHARED_H

#include "faultline/system.h"

struct fl_shared_fate {
	const char *group;          /* id of the node whose group it is; FL_SHARED_VENDORS */
	const char **members;       /* ids of those that share, sorted: nodes, or addresses of one host */
	size_t member_count;
	size_t group_size;          /* members that the group has in all */
	uint32_t needs;             /* how many of them must be up; 0 for vendors */
	fl_node_id shares;
	const char *kind;           /* "host", "address", "provider", "resolver", "zone"; "member": one of them
				     * takes the others along; "requirement": anything else */
	fl_node_id *also;           /* what brings the same members down through @shares, by id */
	size_t also_count;
	bool breaks;                /* the group has fewer than @needs left; vendors: all of them fall */
	enum fl_redundancy redundancy; /* what was known of the group's fail-over */
	double expected_loss;       /* of entry-point exchanges, with @shares down */
	double loss_after;          /* the same, once the members no longer share it; NaN: not worked out */
	const char **common_names;  /* vendors: names that all their CNAME chains have */
	size_t common_name_count;
	const char *why;            /* a sentence */
	const fl_group_id *groups;  /* what a separation would cut; private */
	size_t group_count;
};

#define FL_SHARED_WORK UINT64_C(300000000) /* links followed; twice, for finding and for sorting out */
#define FL_SHARED_VENDORS "external endpoints"
enum {
	FL_SHARED_MAX = 20000,      /* (group, node) pairs that are kept, of the nodes that take most with them */
	FL_SHARED_SEPARATED = 100,  /* findings whose separation is worked out */
};

struct fl_shared {
	struct fl_arena *arena;
	struct fl_shared_fate *list;     /* those that break first, by expected loss, then group and node */
	size_t count;
	struct fl_shared_fate *common, *inherent; /* in the same order */
	size_t common_count, inherent_count;
	size_t *separate;                /* indices of list: largest drop of expected loss first */
	size_t separate_count;           /* those with a drop */
	uint64_t dropped;                /* nodes and pairs past FL_SHARED_MAX or FL_SHARED_WORK, not looked at */
};

/* Exact for single nodes, with cycles and k of n. O(V (V + E)) in the worst case; only what stands below a
 * group with spare members is failed. Where a limit ends it, @dropped says so. */
struct fl_shared *fl_shared(const struct fl_system *s);
void fl_shared_free(struct fl_shared *r);

#endif
