/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deps_users.c - who uses a node: the question of `faultline deps --of` turned round
 *
 * Asked of an endpoint, an address or a provider, "what does it depend on" is not what anybody means. A service
 * uses a node directly when no other service is on the way to it; the others use it through the service that
 * the way to it goes by. What each loses when the node is down says how much it matters to them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "faultline/blast.h"
#include "faultline/report.h"
#include "reports/deps.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

struct users {
	const struct fl_graph *g;
	fl_node_id *list; /* nodes that use it, nearest first; the node itself is the first */
	size_t count;
	fl_node_id *by; /* of each node: the service nearest to it on the way, FL_NODE_NONE: none */
	bool *seen;
	double *loss;
};

static struct users find_users(const struct fl_graph *g, fl_node_id of)
{
	struct users u = { .g = g };
	size_t order = fl_graph_order(g);
	u.list = fl_alloc_array(order, sizeof(*u.list));
	u.by = fl_alloc_array(order, sizeof(*u.by));
	u.seen = fl_alloc_array(order, sizeof(*u.seen));
	u.loss = fl_alloc_array(order, sizeof(*u.loss));
	u.list[u.count++] = of;
	u.seen[of] = true;
	u.by[of] = FL_NODE_NONE;
	for (size_t head = 0; head < u.count; head++) {
		fl_node_id v = u.list[head];
		uint32_t memberships;
		const fl_group_id *in = fl_graph_memberships(g, v, &memberships);
		for (uint32_t i = 0; i < memberships; i++) {
			fl_node_id user = fl_graph_group(g, in[i])->of;
			if (u.seen[user])
				continue;
			u.seen[user] = true;
			u.by[user] = v != of && fl_graph_is_kind(g, v, "service") ? v : u.by[v];
			u.list[u.count++] = user;
		}
	}
	fl_expected_loss(g, &of, 1, u.loss);
	return u;
}

static void end_users(struct users *u)
{
	free(u->list);
	free(u->by);
	free(u->seen);
	free(u->loss);
}

static bool is_user(const struct users *u, size_t i)
{
	return i > 0 && fl_graph_is_kind(u->g, u->list[i], "service");
}

/* Provider, addresses and other nodes it hangs on: "address 192.0.2.1, provider v.example". */
static const char *what_text(struct fl_arena *a, const struct fl_system *s, fl_node_id of)
{
	enum { NAMED = 6 };
	const char *names[NAMED];
	size_t count = 0;
	uint32_t groups;
	fl_group_id first = fl_graph_groups_of(s->graph, of, &groups);
	for (uint32_t i = 0; i < groups; i++) {
		const struct fl_group *g = fl_graph_group(s->graph, first + i);
		for (uint32_t m = 0; m < g->member_count; m++, count++)
			if (count < NAMED)
				names[count] = fl_say_node(a, s, g->members[m]);
	}
	return count == 0 ? "" : fl_arena_printf(a, ", leads to %s", fl_say_list(a, names, count, NAMED));
}

void fl_deps_print_users(const struct fl_system *s, fl_node_id of)
{
	static const char *const headings[] = { "used by", "requests lost if it fails", "how" };
	struct fl_arena *a = fl_arena_new();
	struct users u = find_users(s->graph, of);
	size_t users = 0, direct = 0;
	for (size_t i = 0; i < u.count; i++) {
		users += is_user(&u, i);
		direct += is_user(&u, i) && u.by[u.list[i]] == FL_NODE_NONE;
	}
	fl_heading_write(s, fl_arena_printf(a, "%s, %s%s: used by %s, %zu of them directly", fl_say_node(a, s, of),
		fl_scope_name(fl_system_scope(s, of)), what_text(a, s, of),
		fl_say_count(a, users, "service", "services"), direct));
	struct fl_table *t = fl_table_new(headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < u.count; i++) {
		fl_node_id v = u.list[i];
		if (is_user(&u, i))
			fl_table_row(t, (const char *[]){ fl_say_label(a, s, v), fl_say_share(a, u.loss[v]),
				u.by[v] == FL_NODE_NONE ? "direct"
							: fl_arena_printf(a, "via %s", fl_say_label(a, s, u.by[v])) });
	}
	fl_table_write(t, stdout, 1u << 1, fl_terminal_width(stdout));
	end_users(&u);
	fl_arena_free(a);
}

void fl_deps_add_users(cJSON *root, const struct fl_system *s, fl_node_id of)
{
	struct users u = find_users(s->graph, of);
	fl_json_add_string(root, "of", fl_graph_node(s->graph, of)->id);
	cJSON *list = cJSON_AddArrayToObject(root, "used_by");
	for (size_t i = 0; i < u.count; i++) {
		fl_node_id v = u.list[i];
		if (!is_user(&u, i))
			continue;
		cJSON *o = fl_document_append(list);
		fl_json_add_string(o, "service", fl_graph_node(s->graph, v)->id);
		cJSON_AddBoolToObject(o, "direct", u.by[v] == FL_NODE_NONE);
		fl_json_add_string(o, "via", u.by[v] == FL_NODE_NONE ? NULL : fl_graph_node(s->graph, u.by[v])->id);
		fl_json_add_double(o, "loss", u.loss[v]);
	}
	end_users(&u);
}
