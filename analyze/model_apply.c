/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_apply.c - the statements of a model put into a failure graph
 *
 * All groups are copied into a list that can be edited, statement after statement, and frozen again at the end.
 * Nodes are looked up in the graph as it was, so no statement sees the effect of another but through the groups: zones
 * first, then groups, then single dependencies, which may correct them, then fail-over.
 *
 * A declared group is found where it is used. Whoever requires one of its members requires, from now on, `needs` of all of
 * them: that a standby exists that no packet went to is what a person has to tell. A member may be reached by
 * an endpoint that leads to it alone; then the endpoint takes its place in the caller's group, since the name is
 * what the caller depends on.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_internal.h"

struct edited {
	fl_node_id of;
	uint32_t needs;
	uint32_t *members; /* malloc'd */
	size_t count;
	double coupling;
	enum fl_redundancy redundancy;
	const char *evidence;
	bool dropped;
};

struct edit {
	struct fl_model *m;
	const struct fl_graph *g;
	struct edited *groups; /* those of the graph first, by their ids */
	size_t count, capacity;
	const char **zones;    /* nodes behind those of the graph */
	size_t zone_count;
	double *probability;
	struct model_zone **zone_of; /* of a node */
};

static struct edited *add_group(struct edit *e, fl_node_id of, uint32_t needs, const uint32_t *members, size_t count)
{
	if (e->count == e->capacity) {
		e->capacity = fl_grown(e->capacity, e->count + 1);
		e->groups = fl_grow_array(e->groups, e->capacity, sizeof(*e->groups));
	}
	struct edited *x = &e->groups[e->count++];
	*x = (struct edited){ .of = of, .needs = needs, .count = count, .coupling = 1 };
	x->redundancy = FL_REDUNDANCY_ASSUMED;
	x->members = fl_alloc_array(count, sizeof(*x->members));
	for (size_t i = 0; i < count; i++)
		x->members[i] = members[i];
	return x;
}

static void open_graph(struct edit *e)
{
	uint32_t order = fl_graph_order(e->g);

	for (fl_group_id i = 0; i < fl_graph_group_count(e->g); i++) {
		const struct fl_group *group = fl_graph_group(e->g, i);
		struct edited *x = add_group(e, group->of, group->needs, group->members, group->member_count);
		x->coupling = group->coupling;
		x->redundancy = group->redundancy;
		x->evidence = group->evidence;
	}
	e->probability = fl_alloc_array(order, sizeof(*e->probability));
	e->zone_of = fl_alloc_array(order, sizeof(struct model_zone *));
	for (fl_node_id v = 0; v < order; v++)
		e->probability[v] = fl_graph_node(e->g, v)->failure_probability;
}

/* The first group of @v from @i on: those of the graph stand together, those that were added at the end. */
static size_t next_group(const struct edit *e, fl_node_id v, size_t i)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(e->g, v, &count);

	if (i < first)
		i = first;
	if (i >= first + count && i < fl_graph_group_count(e->g))
		i = fl_graph_group_count(e->g);
	while (i < e->count && e->groups[i].of != v)
		i++;
	return i;
}

static const char *label(const struct edit *e, fl_node_id v)
{
	return fl_graph_node(e->g, v)->id;
}

/* ---- zones ---- */

static uint32_t zone_node(struct edit *e, const char *id)
{
	fl_node_id v = fl_graph_find(e->g, id);

	if (v != FL_NODE_NONE)
		return v;
	for (size_t i = 0; i < e->zone_count; i++)
		if (strcmp(e->zones[i], id) == 0)
			return fl_graph_order(e->g) + (uint32_t)i;
	e->zones[e->zone_count++] = id;
	return fl_graph_order(e->g) + (uint32_t)e->zone_count - 1;
}

static void put_into_zone(struct edit *e, struct model_zone *z, const struct model_word *w)
{
	struct model_nodes nodes = fl_model_select(e->m, e->g, w);

	for (size_t i = 0; i < nodes.count; i++) {
		fl_node_id v = nodes.list[i];
		if (e->zone_of[v] != NULL) {
			if (strcmp(e->zone_of[v]->name.text, z->name.text) != 0)
				fl_model_remark(e->m, w, true, "%.120s is in %.60s already; it is taken to need both",
					label(e, v), e->zone_of[v]->name.text);
			else
				continue;
		}
		e->zone_of[v] = z;
		uint32_t zone = zone_node(e, z->name.text);
		add_group(e, v, 1, &zone, 1)->evidence = fl_arena_printf(
			e->m->arena, "in this zone, stated at %s", fl_model_where(e->m, w->at));
	}
	free(nodes.list);
}

/* ---- declared groups ---- */

struct declared {
	struct edit *e;
	struct model_group *statement;
	struct model_nodes members;
	bool *used; /* of a member: somebody uses it */
	size_t users;
};

/* Which member of the declared group node @u is, or leads to; SIZE_MAX. */
static size_t member_meant(const struct declared *d, fl_node_id u)
{
	for (int face = 0; face <= 1; face++) {
		fl_node_id v = face ? fl_model_face(d->e->g, u) : u;
		for (size_t i = 0; i < d->members.count; i++)
			if (d->members.list[i] == v)
				return i;
	}
	return SIZE_MAX;
}

static bool touches(const struct declared *d, const struct edited *x)
{
	if (x->dropped || x->needs == 0)
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (x->members[i] < fl_graph_order(d->e->g) && member_meant(d, x->members[i]) != SIZE_MAX)
			return true;
	return false;
}

static bool holds(const uint32_t *list, size_t count, uint32_t v)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == v)
			return true;
	return false;
}

static void check_needs(const struct declared *d, size_t count)
{
	if (d->statement->needs > count)
		fl_model_remark(d->e->m, &d->statement->self, true,
			"needs %u, but has %zu members; all of them are taken to be needed", d->statement->needs,
			count);
}

/* All groups of @v that touch the declared one become one. */
static void fold_groups(struct declared *d, fl_node_id v)
{
	struct edit *e = d->e;
	size_t first = SIZE_MAX, room = d->members.count, count = 0, strangers = 0;
	double coupling = 0;
	bool confirmed = false;

	for (size_t i = next_group(e, v, 0); i < e->count; i = next_group(e, v, i + 1))
		if (touches(d, &e->groups[i]))
			room += e->groups[i].count;
	uint32_t *members = fl_alloc_array(room, sizeof(*members));
	bool *have = fl_alloc_array(d->members.count, sizeof(*have));
	for (size_t i = next_group(e, v, 0); i < e->count; i = next_group(e, v, i + 1)) {
		struct edited *x = &e->groups[i];
		if (!touches(d, x))
			continue;
		for (size_t k = 0; k < x->count; k++) {
			size_t meant = x->members[k] < fl_graph_order(e->g) ? member_meant(d, x->members[k])
									   : SIZE_MAX;
			if (meant != SIZE_MAX)
				have[meant] = d->used[meant] = true;
			strangers += meant == SIZE_MAX;
			if (!holds(members, count, x->members[k]))
				members[count++] = x->members[k];
		}
		coupling += x->coupling;
		confirmed = confirmed || x->redundancy == FL_REDUNDANCY_CONFIRMED;
		first = first == SIZE_MAX ? i : first;
		x->dropped = true;
	}
	for (size_t i = 0; i < d->members.count; i++)
		if (!have[i])
			members[count++] = d->members.list[i];
	if (strangers > 0)
		fl_model_remark(e->m, &d->statement->self, true,
			"scans show %.120s choosing among %zu more; they stay in the group", label(e, v), strangers);
	check_needs(d, count);
	const char *seen = e->groups[first].evidence;
	struct edited *x = add_group(e, v, d->statement->needs > 0 ? d->statement->needs : 1, members, count);
	x->coupling = fmin(1, coupling);
	x->redundancy = confirmed || d->statement->failover ? FL_REDUNDANCY_CONFIRMED : FL_REDUNDANCY_ASSUMED;
	x->evidence = fl_arena_printf(e->m->arena, "%s%sgroup stated at %s", seen != NULL ? seen : "",
		seen != NULL ? "; " : "", fl_model_where(e->m, d->statement->self.at));
	d->users++;
	free(members);
	free(have);
}

/* A name of one member does not choose, and members are not users of each other. */
static bool may_use(const struct declared *d, fl_node_id v)
{
	return fl_model_face(d->e->g, v) == v && !fl_model_has(&d->members, v);
}

static void declare_members(struct declared *d)
{
	struct edit *e = d->e;
	struct model_group *s = d->statement;
	struct model_nodes of = { 0 };
	uint32_t order = fl_graph_order(e->g);
	bool *done = fl_alloc_array(order, sizeof(*done));

	if (s->of.text != NULL)
		of = fl_model_select(e->m, e->g, &s->of);
	for (size_t i = 0, all = e->count; i < all; i++) {
		fl_node_id v = e->groups[i].of;
		bool meant = s->of.text != NULL ? fl_model_has(&of, v) : may_use(d, v);
		if (done[v] || !meant || !touches(d, &e->groups[i]))
			continue;
		done[v] = true;
		fold_groups(d, v);
	}
	if (d->users == 0 && (s->of.text == NULL || of.count > 0))
		fl_model_remark(e->m, &s->self, false, "no scan shows %s using any of these members",
			s->of.text != NULL ? s->of.text : "anything");
	for (size_t i = 0; i < d->members.count && d->users > 0; i++)
		if (!d->used[i])
			fl_model_remark(e->m, &s->self, false, "no scan shows %.120s in use by those who use the others",
				label(e, d->members.list[i]));
	free(done);
	free(of.list);
}

/* Without members: the groups of a node that have spare members already. */
static void change_groups(struct declared *d)
{
	struct edit *e = d->e;
	struct model_group *s = d->statement;
	struct model_nodes of = fl_model_select(e->m, e->g, &s->of);

	for (size_t i = 0; i < e->count; i++) {
		struct edited *x = &e->groups[i];
		if (x->dropped || x->count < 2 || x->needs == 0 || !fl_model_has(&of, x->of))
			continue;
		check_needs(d, x->count);
		x->needs = s->needs > 0 ? s->needs : x->needs;
		x->redundancy = s->failover ? FL_REDUNDANCY_CONFIRMED : x->redundancy;
		d->users++;
	}
	if (d->users == 0 && of.count > 0)
		fl_model_remark(e->m, &s->self, false, "no scan shows %s choosing among several", s->of.text);
	free(of.list);
}

static int by_node(const void *va, const void *vb)
{
	const fl_node_id *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

static void declare_group(struct edit *e, struct model_group *s)
{
	struct declared d = { .e = e, .statement = s };

	for (size_t i = 0; i < s->members.count; i++) {
		struct model_nodes n = fl_model_select(e->m, e->g, &s->members.list[i]);
		d.members.list = fl_grow_array(d.members.list, d.members.count + n.count + 1, sizeof(*n.list));
		for (size_t k = 0; k < n.count; k++)
			d.members.list[d.members.count++] = n.list[k];
		free(n.list);
	}
	if (d.members.count > 1)
		qsort(d.members.list, d.members.count, sizeof(*d.members.list), by_node);
	size_t kept = 0;
	for (size_t i = 0; i < d.members.count; i++)
		if (kept == 0 || d.members.list[kept - 1] != d.members.list[i])
			d.members.list[kept++] = d.members.list[i];
	d.members.count = kept;
	d.used = fl_alloc_array(kept, sizeof(*d.used));
	if (kept > 0)
		declare_members(&d);
	else if (s->members.count == 0)
		change_groups(&d);
	free(d.used);
	free(d.members.list);
}

/* ---- required and optional ---- */

static bool leads_to(const struct edit *e, const struct edited *x, const struct model_nodes *to)
{
	for (size_t i = 0; i < x->count; i++)
		if (x->members[i] < fl_graph_order(e->g) &&
			(fl_model_has(to, x->members[i]) || fl_model_has(to, fl_model_face(e->g, x->members[i]))))
			return true;
	return false;
}

static void state_link(struct edit *e, struct model_link *l)
{
	struct model_nodes from = fl_model_select(e->m, e->g, &l->from), to = fl_model_select(e->m, e->g, &l->to);
	size_t found = 0;

	for (size_t i = 0; i < e->count && l->says_required; i++) {
		struct edited *x = &e->groups[i];
		if (x->dropped || !fl_model_has(&from, x->of) || !leads_to(e, x, &to))
			continue;
		found++;
		if ((x->needs > 0) == l->required)
			continue;
		x->needs = l->required ? 1 : 0;
		x->evidence = fl_arena_printf(e->m->arena, "%s%s%s, stated at %s",
			x->evidence != NULL ? x->evidence : "", x->evidence != NULL ? "; " : "",
			l->required ? "required" : "optional", fl_model_where(e->m, l->self.at));
	}
	if (found == 0 && l->says_required && from.count > 0 && to.count > 0)
		fl_model_remark(e->m, &l->self, false, "no scan shows %.120s using %.120s%s", l->from.text, l->to.text,
			l->required ? "; taken as required all the same" : "");
	if (found == 0 && l->required && to.count == 1)
		for (size_t i = 0; i < from.count; i++)
			if (from.list[i] != to.list[0])
				add_group(e, from.list[i], 1, to.list, 1)->evidence = fl_arena_printf(
					e->m->arena, "required, stated at %s", fl_model_where(e->m, l->self.at));
	free(from.list);
	free(to.list);
}

static void state_failover(struct edit *e, const struct model_word *w)
{
	struct model_nodes nodes = fl_model_select(e->m, e->g, w);
	size_t found = 0;

	for (size_t i = 0; i < e->count; i++) {
		struct edited *x = &e->groups[i];
		if (x->dropped || x->needs == 0 || x->needs >= x->count || !fl_model_has(&nodes, x->of))
			continue;
		x->redundancy = FL_REDUNDANCY_CONFIRMED;
		found++;
	}
	if (found == 0 && nodes.count > 0)
		fl_model_remark(e->m, w, false, "no scan shows %.120s choosing among several, so there is nothing to fail over to",
			w->text);
	free(nodes.list);
}

/* ---- numbers ---- */

static void state_probability(struct edit *e, const struct model_probability *p)
{
	size_t found = 0;

	for (size_t i = 0; i < e->m->zone_count; i++)
		if (strcmp(e->m->zones[i].name.text, p->node.text) == 0)
			return; /* see zone_probability() */
	if (!p->is_kind) {
		struct model_nodes nodes = fl_model_select(e->m, e->g, &p->node);
		for (size_t i = 0; i < nodes.count; i++)
			e->probability[nodes.list[i]] = p->p;
		free(nodes.list);
		return;
	}
	for (fl_node_id v = 0; v < fl_graph_order(e->g); v++) {
		if (!fl_graph_is_kind(e->g, v, p->node.text))
			continue;
		e->probability[v] = p->p;
		found++;
	}
	if (found == 0 && strcmp(p->node.text, "zone") != 0)
		fl_model_remark(e->m, &p->node, false, "no node is of the kind '%.60s'", p->node.text);
}

/* Stated kinds reach zones, which are not in the graph yet. */
static double zone_probability(const struct edit *e, const char *id)
{
	double p = NAN;

	for (size_t i = 0; i < e->m->probability_count; i++) {
		const struct model_probability *x = &e->m->probabilities[i];
		if (x->is_kind ? strcmp(x->node.text, "zone") == 0 : strcmp(x->node.text, id) == 0)
			p = x->p;
	}
	return p;
}

/* ---- entry points ---- */

static double measured_weight(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	const struct fl_entry_point *list = fl_graph_entry_points(g, &count);

	for (uint32_t i = 0; i < count; i++)
		if (list[i].node == v)
			return list[i].weight;
	return NAN;
}

static void state_entry(struct edit *e, struct fl_graph_builder *b, const struct model_entry *x, bool *stated)
{
	struct model_nodes nodes = fl_model_select(e->m, e->g, &x->node);

	for (size_t i = 0; i < nodes.count; i++) {
		fl_node_id v = nodes.list[i];
		double measured = measured_weight(e->g, v);
		if (isnan(measured))
			fl_model_remark(e->m, &x->node, false, "no scan shows an outside client of %.120s", label(e, v));
		if (!stated[v])
			fl_graph_builder_entry_point(
				b, v, !isnan(x->weight) ? x->weight : isnan(measured) ? 1 : measured);
		stated[v] = true;
	}
	free(nodes.list);
}

static void state_entries(struct edit *e, struct fl_graph_builder *b)
{
	uint32_t count;
	const struct fl_entry_point *seen = fl_graph_entry_points(e->g, &count);
	bool *stated = fl_alloc_array(fl_graph_order(e->g), sizeof(*stated));
	size_t known = 0;

	for (size_t i = 0; i < e->m->entry_count; i++)
		state_entry(e, b, &e->m->entries[i], stated);
	for (fl_node_id v = 0; v < fl_graph_order(e->g); v++)
		known += stated[v];
	for (uint32_t i = 0; i < count; i++) {
		if (stated[seen[i].node])
			continue;
		if (known == 0) /* none was stated, or none that exists */
			fl_graph_builder_entry_point(b, seen[i].node, seen[i].weight);
		else
			fl_model_remark(e->m, &e->m->entries[0].node, true,
				"scans show outside clients of %.120s, which is not listed: %.1f %% of their exchanges",
				label(e, seen[i].node), 100 * seen[i].weight);
	}
	free(stated);
}

/* ---- the new graph ---- */

static struct fl_graph *close_graph(struct edit *e)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint32_t order = fl_graph_order(e->g);

	for (fl_node_id v = 0; v < order; v++) {
		fl_graph_builder_node(b, label(e, v), fl_graph_node(e->g, v)->kind);
		if (!isnan(e->probability[v]))
			fl_graph_builder_probability(b, v, e->probability[v]);
	}
	for (size_t i = 0; i < e->zone_count; i++) {
		uint32_t zone = fl_graph_builder_node(b, e->zones[i], "zone");
		double p = zone_probability(e, e->zones[i]);
		if (!isnan(p))
			fl_graph_builder_probability(b, zone, p);
	}
	for (size_t i = 0; i < e->count; i++) {
		const struct edited *x = &e->groups[i];
		if (!x->dropped)
			fl_graph_builder_group(b, x->of, x->needs, x->members, x->count, x->coupling, x->redundancy,
				x->evidence);
		free(x->members);
	}
	state_entries(e, b);
	free(e->groups);
	free(e->zones);
	free(e->probability);
	free(e->zone_of);
	return fl_graph_freeze(&b);
}

/* ---- renaming in a graph file ---- */


static struct fl_graph *rename_nodes(struct fl_model *m, const struct fl_graph *g)
{
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint32_t order = fl_graph_order(g), entries, *handle = fl_alloc_array(order, sizeof(*handle));
	const struct fl_entry_point *points = fl_graph_entry_points(g, &entries);

	for (fl_node_id v = 0; v < order; v++) {
		const struct fl_node *n = fl_graph_node(g, v);
		const char *name = fl_model_new_name(m, n->id);
		handle[v] = fl_graph_builder_node(b, name != NULL ? name : n->id, n->kind);
		if (!isnan(n->failure_probability))
			fl_graph_builder_probability(b, handle[v], n->failure_probability);
	}
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		uint32_t *members = fl_alloc_array(group->member_count, sizeof(*members));
		for (uint32_t k = 0; k < group->member_count; k++)
			members[k] = handle[group->members[k]];
		fl_graph_builder_group(b, handle[group->of], group->needs, members, group->member_count,
			group->coupling, group->redundancy, group->evidence);
		free(members);
	}
	for (uint32_t i = 0; i < entries; i++)
		fl_graph_builder_entry_point(b, handle[points[i].node], points[i].weight);
	free(handle);
	return fl_graph_freeze(&b);
}

struct fl_graph *fl_model_apply(struct fl_model *m, struct fl_graph *g, bool rename)
{
	if (m == NULL)
		return g;
	if (rename && m->rename_count > 0) {
		struct fl_graph *renamed = rename_nodes(m, g);
		fl_graph_free(g);
		g = renamed;
	}
	struct edit e = { .m = m, .g = g };
	open_graph(&e);
	e.zones = fl_alloc_array(m->zone_count, sizeof(*e.zones));
	for (size_t i = 0; i < m->zone_count; i++)
		for (size_t k = 0; k < m->zones[i].members.count; k++)
			put_into_zone(&e, &m->zones[i], &m->zones[i].members.list[k]);
	for (size_t i = 0; i < m->group_count; i++)
		declare_group(&e, &m->groups[i]);
	for (size_t i = 0; i < m->link_count; i++)
		state_link(&e, &m->links[i]);
	for (size_t i = 0; i < m->failover.count; i++)
		state_failover(&e, &m->failover.list[i]);
	for (size_t i = 0; i < m->probability_count; i++)
		state_probability(&e, &m->probabilities[i]);
	struct fl_graph *applied = close_graph(&e);
	fl_graph_free(g);
	return applied;
}
