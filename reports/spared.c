/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spared.c - what stays up beside a failure only because something else may stand in
 *
 * A list of what fails is silent on what does not, and why. A group that lost a member and still has what it needs
 * rests on a fail-over; where none was seen to happen that is a guess, and whoever reads "nothing else fails" must
 * know that it hangs on it. Of a node that fails by another group there is nothing to say: it was not spared.
 */
#include "reports/spared.h"

#include <stdio.h>

#include "faultline/report.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

enum { MEMBERS_NAMED = 4, LINES_MAX = 12 };

static uint32_t lost_members(const struct fl_group *group, const bool *lost)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < group->member_count; i++)
		count += lost[group->members[i]];
	return count;
}

static bool is_spared(const struct fl_group *group, const bool *lost)
{
	return group->needs > 0 && !lost[group->of] && lost_members(group, lost) > 0;
}

static const char *redundancy_word(const struct fl_group *group)
{
	return group->redundancy == FL_REDUNDANCY_CONFIRMED ? "confirmed" : "assumed";
}

void fl_spared_add(cJSON *root, const struct fl_system *s, const bool *lost)
{
	const struct fl_graph *g = s->graph;
	cJSON *list = cJSON_AddArrayToObject(root, "spared");
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		if (!is_spared(group, lost))
			continue;
		cJSON *o = fl_document_append(list);
		fl_json_add_string(o, "node", fl_graph_node(g, group->of)->id);
		fl_json_add_u64(o, "needs", group->needs);
		fl_document_add_nodes(o, "members", g, group->members, group->member_count);
		fl_json_add_u64(o, "failed", lost_members(group, lost));
		fl_json_add_string(o, "redundancy", redundancy_word(group));
	}
}

static const char *say_spared(struct fl_arena *a, const struct fl_system *s, const struct fl_group *group, const bool *lost)
{
	const char *names[MEMBERS_NAMED];
	bool seen = group->redundancy == FL_REDUNDANCY_CONFIRMED;
	for (uint32_t i = 0; i < group->member_count && i < MEMBERS_NAMED; i++)
		names[i] = fl_say_label(a, s, group->members[i]);
	return fl_arena_printf(a, "%s: %s stays up, it needs %u of %s, %u of %u up; fail-over between them %s", redundancy_word(group),
		fl_say_label(a, s, group->of), group->needs, fl_say_list(a, names, group->member_count, MEMBERS_NAMED),
		group->member_count - lost_members(group, lost), group->member_count, seen ? "was seen or is stated" : "was not seen");
}

void fl_spared_write(const struct fl_system *s, const bool *lost)
{
	struct fl_arena *a = fl_arena_new();
	size_t count = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(s->graph); i++) {
		const struct fl_group *group = fl_graph_group(s->graph, i);
		if (is_spared(group, lost) && count++ < LINES_MAX)
			fl_line_write(say_spared(a, s, group, lost));
	}
	if (count > LINES_MAX)
		fl_line_write(fl_arena_printf(a, "and %s more of these; --json lists all", fl_arena_count(a, count - LINES_MAX)));
	fl_arena_free(a);
}

const char *fl_say_assumed_failover(struct fl_arena *a, const struct fl_system *s)
{
	const char *names[MEMBERS_NAMED];
	size_t spare = 0, assumed = 0;
	for (fl_group_id i = 0; i < fl_graph_group_count(s->graph); i++) {
		const struct fl_group *group = fl_graph_group(s->graph, i);
		if (group->needs == 0 || group->needs == group->member_count)
			continue;
		spare++;
		if (group->redundancy == FL_REDUNDANCY_CONFIRMED)
			continue;
		if (assumed < MEMBERS_NAMED)
			names[assumed] = fl_say_label(a, s, group->of);
		assumed++;
	}
	if (assumed == 0)
		return NULL;
	return fl_arena_printf(a, "fail-over at %s of %s with a spare: %s", fl_arena_count(a, assumed),
		fl_say_count(a, spare, "group", "groups"), fl_say_list(a, names, assumed, MEMBERS_NAMED));
}
