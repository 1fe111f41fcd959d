/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * path.h - how one node depends on another: the shortest and the strongest way, with evidence
 *
 * Links are those of reach.h: v uses m when m is a member of a group of v, whatever its needs. The strength of a
 * way is the product of the couplings of its links, the share of requests that go all of it; a coupling that is unknown
 * counts as 1, as in the graph. Ways over background uses come after all others. Among equals the one with fewer
 * links, then what is nearest in the order of ids.
 */
#ifndef FAULTLINE_PATH_H
#define FAULTLINE_PATH_H

#include "faultline/system.h"

struct fl_path_link {
	fl_node_id from, to;
	fl_group_id group;                   /* the requirement that holds @to */
	double coupling;
	const struct fl_dependency *evidence; /* NULL: graph files, and links that no packet makes (host, address) */
};

struct fl_path {
	const struct fl_path_link *links;    /* from A to B; none when A is B */
	size_t count;
	double coupling;                     /* product */
	bool background;                     /* a link is a group with needs 0: nothing waits for it */
};

struct fl_paths {
	struct fl_arena *arena;
	bool found;
	struct fl_path shortest, strongest;
};

/* O(E log V). */
struct fl_paths *fl_paths(const struct fl_system *s, fl_node_id from, fl_node_id to);
void fl_paths_free(struct fl_paths *p);

#endif
