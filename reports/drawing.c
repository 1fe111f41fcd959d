/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drawing.c - the failure graph as a person would sketch it: the nodes and boxes
 *
 * What becomes of each kind of node:
 *   service    always drawn, in the box of its host
 *   endpoint   not drawn when exactly one scanned service is behind it: the arrow goes from service
 *              to service. Else drawn; outside ones in the box of their provider
 *   address    text in the endpoints that resolve to it
 *   provider   a box around the endpoints whose addresses hang on it
 *   host       a box around its services
 *   resolver   a small node; not drawn when one scanned service is behind it
 *   the rest   drawn as it is (graph files may call their nodes anything)
 * An address, provider or host that something else requires, too, is drawn like the rest: nothing that
 * can fail may vanish. For the same reason the cause of a blast and a marked single point of
 * failure are never folded away.
 *
 * Nodes are made in the graph's order, which is the order of ids, so the same graph always gives the same
 * drawing. The arrows are made in drawing_edges.c.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/drawing_build.h"

enum { ADDRESSES_NAMED = 1 }; /* more are only counted */

static bool kind_is(const struct fl_building *b, fl_node_id v, const char *kind)
{
	return fl_graph_is_kind(b->graph, v, kind);
}

/* Every group that @v is a member of belongs to a node of kind @a or @b2. */
static bool used_only_by(const struct fl_building *b, fl_node_id v, const char *one, const char *other)
{
	uint32_t count;
	const fl_group_id *groups = fl_graph_memberships(b->graph, v, &count);
	for (uint32_t i = 0; i < count; i++) {
		fl_node_id of = fl_graph_group(b->graph, groups[i])->of;
		if (!kind_is(b, of, one) && !kind_is(b, of, other))
			return false;
	}
	return count > 0;
}

/* The only service behind an endpoint or resolver, through chains of them; FL_NODE_NONE. */
static fl_node_id service_behind(const struct fl_building *b, fl_node_id v)
{
	enum { CHAIN_MAX = 8 }; /* an endpoint may lead to a resolver, and that to its service */
	for (int hop = 0; hop < CHAIN_MAX; hop++) {
		uint32_t count;
		fl_group_id first = fl_graph_groups_of(b->graph, v, &count);
		if (count != 1 || fl_graph_group(b->graph, first)->member_count != 1)
			return FL_NODE_NONE;
		v = fl_graph_group(b->graph, first)->members[0];
		if (kind_is(b, v, "service"))
			return v;
		if (!kind_is(b, v, "endpoint") && !kind_is(b, v, "resolver"))
			return FL_NODE_NONE;
	}
	return FL_NODE_NONE;
}

static bool is_cause(const struct fl_building *b, fl_node_id v)
{
	return b->picture->blast != NULL && b->picture->cause == v;
}

/* A host is a box when all that hangs on it are services that stand in it, or things that are text. */
static bool host_is_box(const struct fl_building *b, fl_node_id host)
{
	uint32_t count, services = 0, own;
	const fl_group_id *groups = fl_graph_memberships(b->graph, host, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *g = fl_graph_group(b->graph, groups[i]);
		if (kind_is(b, g->of, "service") && g->member_count == 1 &&
		    fl_system_host_of(b->picture->system, g->of) == host)
			services++;
		else if (!kind_is(b, g->of, "address"))
			return false;
	}
	fl_graph_groups_of(b->graph, host, &own);
	return services > 0 && own == 0;
}

static enum fl_role role_of(const struct fl_building *b, fl_node_id v)
{
	if (kind_is(b, v, "service"))
		return FL_ROLE_NODE;
	if (kind_is(b, v, "endpoint") || kind_is(b, v, "resolver")) {
		bool folds = service_behind(b, v) != FL_NODE_NONE && !is_cause(b, v) && b->rank_of[v] == 0;
		return folds ? FL_ROLE_FOLDED : FL_ROLE_NODE;
	}
	if (kind_is(b, v, "address"))
		return used_only_by(b, v, "endpoint", "resolver") ? FL_ROLE_TEXT : FL_ROLE_NODE;
	if (kind_is(b, v, "provider"))
		return used_only_by(b, v, "address", "endpoint") ? FL_ROLE_BOX : FL_ROLE_NODE;
	if (kind_is(b, v, "host"))
		return host_is_box(b, v) ? FL_ROLE_BOX : FL_ROLE_NODE;
	return FL_ROLE_NODE;
}

uint32_t fl_picture_ranks(const struct fl_picture *p)
{
	const struct fl_ranking *r = p->ranking;
	return r == NULL || p->blast != NULL || r->count == 0 ? 0 : r->list[r->count - 1].rank;
}

const char *fl_marks_text(uint32_t ranks, char text[static FL_MARKS_TEXT])
{
	text[0] = '\0';
	if (ranks > FL_DRAWING_MARKED)
		snprintf(text, FL_MARKS_TEXT, " The first %d of %u are marked, 'faultline rank' lists all.", FL_DRAWING_MARKED, ranks);
	return text;
}

/* Ranks of the worst, by node: of representatives only, so that no rank is on the paper twice. */
static void note_ranks(struct fl_building *b)
{
	const struct fl_ranking *r = b->picture->ranking;
	if (r == NULL || b->picture->blast != NULL)
		return;
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_spof *s = &r->list[i];
		if (s->same_as == s->node && s->rank <= FL_DRAWING_MARKED)
			b->rank_of[s->node] = s->rank;
	}
}

static void note_steps(struct fl_building *b)
{
	const struct fl_blast *blast = b->picture->blast;
	uint32_t order = fl_graph_order(b->graph);
	for (uint32_t v = 0; v < order; v++)
		b->step_of[v] = blast == NULL ? FL_STEP_UNKNOWN : FL_STEP_SURVIVES;
	for (size_t i = 0; blast != NULL && i < blast->count; i++)
		b->step_of[blast->steps[i].node] = (int)blast->steps[i].depth;
}

/* ---- boxes ---- */

static void add_cluster(struct fl_building *b, fl_node_id v)
{
	struct fl_drawing *d = b->drawing;
	b->index_of[v] = (uint32_t)d->cluster_count;
	d->clusters[d->cluster_count++] = (struct fl_drawn_cluster){
		.node = v,
		.title = fl_system_label(b->picture->system, v),
		.provider = kind_is(b, v, "provider"),
		.rank = b->rank_of[v],
		.step = b->step_of[v],
	};
}

/* The provider that all addresses of an endpoint hang on; FL_NODE_NONE when there are several or none. */
static fl_node_id provider_of(const struct fl_building *b, fl_node_id endpoint)
{
	fl_node_id found = FL_NODE_NONE;
	uint32_t groups, below;
	fl_group_id first = fl_graph_groups_of(b->graph, endpoint, &groups);
	for (fl_group_id i = first; i < first + groups; i++) {
		const struct fl_group *g = fl_graph_group(b->graph, i);
		for (uint32_t m = 0; m < g->member_count; m++) {
			fl_node_id v = g->members[m];
			fl_group_id f = fl_graph_groups_of(b->graph, v, &below);
			for (fl_group_id k = f; k < f + below && kind_is(b, v, "address"); k++)
				if (kind_is(b, fl_graph_group(b->graph, k)->members[0], "provider"))
					v = fl_graph_group(b->graph, k)->members[0];
			if (!kind_is(b, v, "provider"))
				continue;
			if (found != FL_NODE_NONE && found != v)
				return FL_NODE_NONE;
			found = v;
		}
	}
	return found;
}

static uint32_t cluster_of(const struct fl_building *b, fl_node_id v)
{
	fl_node_id box = FL_NODE_NONE;
	if (kind_is(b, v, "service"))
		box = fl_system_host_of(b->picture->system, v);
	else if (kind_is(b, v, "endpoint"))
		box = provider_of(b, v);
	return box != FL_NODE_NONE && b->role[box] == FL_ROLE_BOX ? b->index_of[box] : FL_DRAWN_NONE;
}

/* ---- text ---- */

static void add_line(struct fl_drawn_node *n, const char *line)
{
	if (line != NULL && n->line_count < FL_DRAWN_LINES)
		n->lines[n->line_count++] = line;
}

/* "203.0.113.17", or "1 of 2 addresses (assumed)". */
static const char *addresses_text(const struct fl_building *b, const struct fl_group *g)
{
	uint32_t addresses = 0;
	fl_node_id last = FL_NODE_NONE;
	for (uint32_t m = 0; m < g->member_count; m++) {
		if (!kind_is(b, g->members[m], "address"))
			continue;
		addresses++;
		last = g->members[m];
	}
	if (addresses == 0)
		return NULL;
	if (addresses <= ADDRESSES_NAMED && g->member_count == addresses)
		return fl_system_label(b->picture->system, last);
	return fl_arena_printf(b->drawing->arena, "%u of %u addresses%s", g->needs, g->member_count,
		fl_redundancy_remark(g));
}

static void describe_endpoint(struct fl_building *b, struct fl_drawn_node *n)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(b->graph, n->node, &count);
	if (count == 0 && n->kind == FL_DRAWN_INTERNAL)
		add_line(n, "not scanned");
	for (fl_group_id i = first; i < first + count; i++) {
		const struct fl_group *g = fl_graph_group(b->graph, i);
		const char *text = addresses_text(b, g);
		if (text == NULL && g->member_count > 1 && g->needs < g->member_count)
			text = fl_arena_printf(b->drawing->arena, "%u of %u%s", g->needs, g->member_count,
				fl_redundancy_remark(g));
		else if (text != NULL && n->kind == FL_DRAWN_INTERNAL)
			add_line(n, "not scanned");
		if (text != NULL && strstr(n->lines[0], text) != n->lines[0])
			add_line(n, text);
	}
	fl_node_id provider = provider_of(b, n->node);
	if (n->kind == FL_DRAWN_EXTERNAL && provider != FL_NODE_NONE && n->cluster == FL_DRAWN_NONE)
		add_line(n, fl_arena_printf(b->drawing->arena, "via %s",
			fl_system_label(b->picture->system, provider)));
}

static enum fl_drawn_kind drawn_kind(const struct fl_building *b, fl_node_id v)
{
	if (kind_is(b, v, "service"))
		return FL_DRAWN_SERVICE;
	if (kind_is(b, v, "resolver"))
		return FL_DRAWN_RESOLVER;
	if (!kind_is(b, v, "endpoint"))
		return FL_DRAWN_OTHER;
	return fl_system_scope(b->picture->system, v) == FL_SCOPE_EXTERNAL ? FL_DRAWN_EXTERNAL :
									     FL_DRAWN_INTERNAL;
}

/* In its host's box a service needs its own name only. */
static const char *name_of(const struct fl_building *b, fl_node_id v, uint32_t cluster)
{
	const char *label = fl_system_label(b->picture->system, v);
	const char *slash = strchr(label, '/');
	if (cluster != FL_DRAWN_NONE && kind_is(b, v, "service") && slash != NULL && slash[1] != '\0')
		return slash + 1;
	if (kind_is(b, v, "resolver") || kind_is(b, v, "provider") || kind_is(b, v, "host"))
		return fl_arena_printf(b->drawing->arena, "%s %s", fl_graph_node(b->graph, v)->kind, label);
	return label;
}

static void add_node(struct fl_building *b, fl_node_id v)
{
	struct fl_drawing *d = b->drawing;
	struct fl_drawn_node *n = &d->nodes[d->node_count];
	b->index_of[v] = (uint32_t)d->node_count++;
	n->kind = drawn_kind(b, v);
	n->node = v;
	n->cluster = cluster_of(b, v);
	n->rank = b->rank_of[v];
	n->step = b->step_of[v];
	add_line(n, name_of(b, v, n->cluster));
	if (kind_is(b, v, "endpoint"))
		describe_endpoint(b, n);
}

/* Folded nodes stand for the service behind them, in arrows as in ranks. */
static void place_folded(struct fl_building *b, fl_node_id v)
{
	fl_node_id service = service_behind(b, v);
	b->index_of[v] = service == FL_NODE_NONE ? FL_DRAWN_NONE : b->index_of[service];
}

/* What is text or box has no arrow; a marked address marks the first endpoint that names it, and the cause
 * of a blast is named in every one. */
static void place_text(struct fl_building *b, fl_node_id v)
{
	uint32_t count;
	const fl_group_id *groups = fl_graph_memberships(b->graph, v, &count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = b->index_of[fl_graph_group(b->graph, groups[i])->of];
		if (at == FL_DRAWN_NONE)
			continue;
		struct fl_drawn_node *n = &b->drawing->nodes[at];
		if (is_cause(b, v))
			add_line(n, fl_arena_printf(b->drawing->arena, "cause: address %s",
				fl_system_label(b->picture->system, v)));
		if (b->rank_of[v] != 0 && n->rank == 0) {
			n->rank = b->rank_of[v];
			b->rank_of[v] = 0;
		}
	}
}

static void add_nodes(struct fl_building *b)
{
	uint32_t order = fl_graph_order(b->graph);
	for (fl_node_id v = 0; v < order; v++)
		b->role[v] = role_of(b, v);
	for (fl_node_id v = 0; v < order; v++) /* boxes first: nodes refer to them */
		if (b->role[v] == FL_ROLE_BOX)
			add_cluster(b, v);
	for (fl_node_id v = 0; v < order; v++)
		if (b->role[v] == FL_ROLE_NODE)
			add_node(b, v);
	for (fl_node_id v = 0; v < order; v++)
		if (b->role[v] == FL_ROLE_FOLDED)
			place_folded(b, v);
	for (fl_node_id v = 0; v < order; v++)
		if (b->role[v] == FL_ROLE_TEXT)
			place_text(b, v);
}

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return (x > y) - (x < y);
}

/* Depths count hidden nodes, too; on paper the steps are 1, 2, 3 without gaps. */
static void number_steps(struct fl_drawing *d)
{
	size_t count = 0, distinct = 0;
	int *depths = fl_alloc_array(d->node_count + 1, sizeof(*depths));
	for (size_t i = 0; i < d->node_count; i++)
		if (d->nodes[i].step > FL_STEP_CAUSE)
			depths[count++] = d->nodes[i].step;
	qsort(depths, count, sizeof(*depths), compare_ints);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || depths[i] != depths[i - 1])
			depths[distinct++] = depths[i];
	for (size_t i = 0; i < d->node_count && distinct > 0; i++) {
		int *step = &d->nodes[i].step;
		if (*step <= FL_STEP_CAUSE)
			continue;
		const int *at = bsearch(step, depths, distinct, sizeof(*depths), compare_ints);
		*step = at == NULL ? *step : (int)(at - depths) + 1;
	}
	free(depths);
}

struct fl_drawing *fl_drawing_new(const struct fl_picture *p)
{
	const struct fl_graph *g = p->system->graph;
	size_t order = fl_graph_order(g);
	struct fl_arena *a = fl_arena_new();
	struct fl_drawing *d = fl_arena_alloc(a, sizeof(*d));
	d->arena = a;
	/* every node once, a choice for every group at most, and the users */
	d->nodes = fl_arena_array(a, order + fl_graph_group_count(g) + 1, sizeof(*d->nodes));
	d->clusters = fl_arena_array(a, order + 1, sizeof(*d->clusters));
	struct fl_building b = {
		.picture = p,
		.graph = g,
		.drawing = d,
		.role = fl_alloc_array(order + 1, sizeof(*b.role)),
		.index_of = fl_alloc_array(order + 1, sizeof(*b.index_of)),
		.rank_of = fl_alloc_array(order + 1, sizeof(*b.rank_of)),
		.step_of = fl_alloc_array(order + 1, sizeof(*b.step_of)),
	};
	for (size_t v = 0; v < order; v++)
		b.index_of[v] = FL_DRAWN_NONE;
	d->ranks = fl_picture_ranks(p);
	note_ranks(&b);
	note_steps(&b);
	add_nodes(&b);
	fl_building_add_edges(&b);
	number_steps(d);
	free(b.role);
	free(b.index_of);
	free(b.rank_of);
	free(b.step_of);
	return d;
}

void fl_drawing_free(struct fl_drawing *d)
{
	if (d != NULL)
		fl_arena_free(d->arena);
}
