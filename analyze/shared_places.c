/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared_places.c - sharing that the graph itself does not show as a group
 *
 * Several addresses, one host. A name that resolves to two addresses looks redundant to everybody who looks
 * it up; when both are of one scanned host the join leads it to one service, and the group is gone. The addresses
 * tell: two of one family that one host owns. One of each family is dual stack, no redundancy.
 * The same with backends that a caller reaches by bare address at one port.
 *
 * Different vendors, one place. Two names of different registrable domains that end at one address, or at
 * addresses of one provider, fail together; whoever chose two vendors did not mean that. Names of one domain are one
 * vendor.
 */
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"
#include "shared_internal.h"

/* An address that a dependency reached, with the scanned host it belongs to. */
struct reached {
	fl_node_id target;  /* endpoint; bare addresses: caller */
	fl_node_id host;
	struct fl_addr address;
	fl_node_id endpoint;
	fl_node_id leads_to; /* bare addresses: the service */
	uint16_t port;
	const char *transport;
};

struct reached_list {
	struct reached *list;
	size_t count, capacity;
};

static void add_reached(struct reached_list *r, struct reached x)
{
	if (r->count == r->capacity) {
		r->capacity = fl_grown(r->capacity, r->count + 1);
		r->list = fl_grow_array(r->list, r->capacity, sizeof(*r->list));
	}
	r->list[r->count++] = x;
}

/* ---- who owns an address ---- */

struct owner {
	struct fl_addr address;
	const char *host;
	fl_node_id node; /* FL_NODE_NONE: several hosts claim it */
};

struct owners {
	struct owner *list;
	size_t count;
};

static int by_owner(const void *va, const void *vb)
{
	const struct owner *a = va, *b = vb;
	int order = fl_addr_compare(&a->address, &b->address);

	return order != 0 ? order : strcmp(a->host, b->host);
}

static fl_node_id find_host(const struct fl_system *s, const char *name)
{
	size_t size = strlen(name) + 6;
	char *id = fl_alloc(size);

	snprintf(id, size, "host:%s", name);
	fl_node_id v = fl_graph_find(s->graph, id);
	free(id);
	return v;
}

static struct owners collect_owners(const struct fl_system *s)
{
	struct owners o = { 0 };
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < s->scans.count; i++)
		for (size_t k = 0; k < s->scans.list[i]->host_count; k++)
			n += s->scans.list[i]->hosts[k].address_count;
	o.list = fl_alloc_array(n, sizeof(*o.list));
	for (size_t i = 0; i < s->scans.count; i++)
		for (size_t k = 0; k < s->scans.list[i]->host_count; k++) {
			const struct fl_scan_host *h = &s->scans.list[i]->hosts[k];
			for (size_t a = 0; a < h->address_count; a++)
				o.list[o.count++] = (struct owner){ h->addresses[a], h->name, FL_NODE_NONE };
		}
	if (o.count > 1)
		qsort(o.list, o.count, sizeof(*o.list), by_owner);
	for (size_t i = 0, end; i < o.count; i = end) {
		bool one = true;
		for (end = i + 1; end < o.count && fl_addr_equal(&o.list[i].address, &o.list[end].address); end++)
			one = one && strcmp(o.list[i].host, o.list[end].host) == 0;
		o.list[kept] = o.list[i];
		o.list[kept].node = one ? find_host(s, o.list[i].host) : FL_NODE_NONE;
		kept++;
	}
	o.count = kept;
	return o;
}

static fl_node_id owner_of(const struct owners *o, const struct fl_addr *a)
{
	size_t low = 0, high = o->count;

	if (fl_addr_is_loopback(a))
		return FL_NODE_NONE;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = fl_addr_compare(a, &o->list[middle].address);
		if (order == 0)
			return o->list[middle].node;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return FL_NODE_NONE;
}

/* ---- several addresses, one host ---- */

/* The only node that @v leads to; FL_NODE_NONE. */
static fl_node_id only_member(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, v, &count);
	const struct fl_group *group = count == 1 ? fl_graph_group(g, first) : NULL;

	return group != NULL && group->member_count == 1 ? group->members[0] : FL_NODE_NONE;
}

static bool failed_at(const struct fl_scan_dependency *d, const struct fl_addr *a)
{
	for (size_t i = 0; i < d->failed_address_count; i++)
		if (fl_addr_equal(&d->failed_addresses[i], a))
			return true;
	return false;
}

static void collect_reached(const struct fl_system *s, struct reached_list *named, struct reached_list *bare)
{
	struct owners o = collect_owners(s);

	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_dependency *d = &s->dependencies[i];
		const struct fl_scan_dependency *m = d->merged;
		if (d->group == FL_GROUP_NONE || !fl_graph_is_kind(s->graph, d->to, "endpoint"))
			continue;
		for (size_t k = 0; k < m->address_count; k++) {
			struct reached r = { .target = m->name != NULL ? d->to : d->from,
				.host = owner_of(&o, &m->addresses[k]),
				.address = m->addresses[k],
				.endpoint = d->to,
				.leads_to = m->name != NULL ? FL_NODE_NONE : only_member(s->graph, d->to),
				.port = m->port,
				.transport = m->transport };
			bool used = m->name != NULL || m->class == FL_CLASS_ON_REQUEST;
			if (used && (r.host != FL_NODE_NONE || m->name != NULL) &&
				!failed_at(m, &m->addresses[k]))
				add_reached(m->name != NULL ? named : bare, r);
		}
	}
	free(o.list);
}

static int by_place(const void *va, const void *vb)
{
	const struct reached *a = va, *b = vb;
	int order = (a->target > b->target) - (a->target < b->target);

	order = order != 0 ? order : (a->leads_to > b->leads_to) - (a->leads_to < b->leads_to);
	order = order != 0 ? order : (a->port > b->port) - (a->port < b->port);
	order = order != 0 ? order : strcmp(a->transport, b->transport);
	order = order != 0 ? order : (a->host > b->host) - (a->host < b->host);
	return order;
}

static int by_place_and_address(const void *va, const void *vb)
{
	const struct reached *a = va, *b = vb;
	int order = by_place(va, vb);

	return order != 0 ? order : fl_addr_compare(&a->address, &b->address);
}

/* The graph says it already. */
static bool is_known(const struct fl_shared_work *w, const char *group, fl_node_id shares)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->list[i].shares == shares && strcmp(w->list[i].group, group) == 0)
			return true;
	return false;
}

static const fl_group_id *groups_to(
	struct fl_shared_work *w, const struct reached *list, size_t count, bool named, size_t *found)
{
	const struct fl_graph *g = w->system->graph;
	fl_group_id *groups = fl_arena_array(w->arena, count, sizeof(*groups));
	uint32_t own;
	fl_group_id first = fl_graph_groups_of(g, list[0].target, &own);

	*found = 0;
	for (uint32_t i = 0; i < own && *found < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		bool wanted = named;
		for (size_t k = 0; !wanted && k < count && group->member_count == 1; k++)
			wanted = group->members[0] == list[k].endpoint;
		if (wanted)
			groups[(*found)++] = first + i;
	}
	return groups;
}

/* @list: distinct addresses of one host and one family; @of: addresses that are to choose from; @all: the host
 * has every one of them. */
static void report_addresses(struct fl_shared_work *w, const struct reached *list, size_t count, bool named,
	size_t of, bool all)
{
	const struct fl_graph *g = w->system->graph;
	const char *group = fl_graph_node(g, list[0].target)->id;

	if (is_known(w, group, list[0].host))
		return;
	struct fl_shared_fate *f = fl_shared_add(w);
	f->group = group;
	f->shares = list[0].host;
	f->kind = "host";
	f->group_size = of;
	f->needs = 1;
	f->breaks = all;
	f->redundancy = FL_REDUNDANCY_ASSUMED;
	f->members = fl_arena_array(w->arena, count, sizeof(*f->members));
	for (size_t i = 0; i < count; i++) {
		char text[FL_ADDR_TEXT];
		f->members[f->member_count++] =
			named ? fl_arena_printf(w->arena, "address:%s", fl_addr_format(&list[i].address, text))
			      : fl_graph_node(g, list[i].endpoint)->id;
	}
	if (f->breaks)
		f->groups = groups_to(w, list, count, named, &f->group_count);
}

static size_t unique_addresses(struct reached *list, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || by_place_and_address(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	return kept;
}

/* Addresses of one target, one caller for bare ones, that one host owns. */
static void look_at_host(struct fl_shared_work *w, const struct reached *list, size_t count, bool named, size_t of)
{
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count &&
				  fl_addr_is_v4(&list[i].address) == fl_addr_is_v4(&list[end].address);)
			end++;
		if (end - i > 1)
			report_addresses(w, &list[i], end - i, named, named ? of : end - i,
				!named || of == count);
	}
}

static void look_for_hosts(struct fl_shared_work *w, struct reached_list *r, bool named)
{
	size_t target_end = 0, of = 0;

	if (r->count > 1)
		qsort(r->list, r->count, sizeof(*r->list), by_place_and_address);
	r->count = unique_addresses(r->list, r->count);
	for (size_t i = 0, end; i < r->count; i = end) {
		if (i == target_end) {
			while (target_end < r->count && r->list[target_end].target == r->list[i].target)
				target_end++;
			of = target_end - i;
		}
		for (end = i + 1; end < r->count && by_place(&r->list[i], &r->list[end]) == 0;)
			end++;
		if (r->list[i].host != FL_NODE_NONE)
			look_at_host(w, &r->list[i], end - i, named, of);
	}
}

void fl_shared_hosts(struct fl_shared_work *w)
{
	struct reached_list named = { 0 }, bare = { 0 };

	collect_reached(w->system, &named, &bare);
	look_for_hosts(w, &named, true);
	look_for_hosts(w, &bare, false);
	free(named.list);
	free(bare.list);
}

/* ---- different vendors, one place ---- */

struct vendor {
	fl_node_id endpoint;
	const char *domain;
};

/* The host name of "endpoint:NAME:PORT/TRANSPORT"; NULL for bare addresses. */
static const char *name_of(struct fl_arena *a, const char *id)
{
	const char *name = strncmp(id, "endpoint:", 9) == 0 ? id + 9 : id;
	const char *colon = strrchr(name, ':');
	struct fl_addr address;

	if (name[0] == '[')
		return NULL;
	char *text = fl_arena_string_n(a, name, colon != NULL ? (size_t)(colon - name) : strlen(name));
	return fl_addr_parse(text, &address) || strchr(text, '.') == NULL ? NULL : text;
}

static int by_endpoint(const void *va, const void *vb)
{
	const struct vendor *a = va, *b = vb;

	return (a->endpoint > b->endpoint) - (a->endpoint < b->endpoint);
}

static void add_vendor(struct fl_shared_work *w, struct vendor *list, size_t *count, fl_node_id v, fl_node_id place)
{
	const struct fl_graph *g = w->system->graph;
	const char *name;

	if (!fl_graph_is_kind(g, v, "endpoint") || fl_system_scope(w->system, v) != FL_SCOPE_EXTERNAL)
		return;
	name = name_of(w->arena, fl_graph_node(g, v)->id);
	if (name == NULL)
		return;
	const char *provider = fl_graph_is_kind(g, place, "provider") ? fl_system_label(w->system, place) : NULL;
	list[(*count)++] = (struct vendor){ v, fl_identity_domain(w->arena, name, provider) };
}

/* Endpoints that lead to @place, directly or by an address of theirs. */
static struct vendor *vendors_at(struct fl_shared_work *w, fl_node_id place, size_t *count)
{
	const struct fl_graph *g = w->system->graph;
	uint32_t n, further;
	const fl_group_id *in = fl_graph_memberships(g, place, &n), *behind;
	size_t room = n;

	*count = 0;
	for (uint32_t i = 0; i < n; i++) {
		(void)fl_graph_memberships(g, fl_graph_group(g, in[i])->of, &further);
		room += further;
	}
	struct vendor *list = fl_alloc_array(room, sizeof(*list));
	for (uint32_t i = 0; i < n; i++) {
		fl_node_id user = fl_graph_group(g, in[i])->of;
		add_vendor(w, list, count, user, place);
		if (!fl_graph_is_kind(g, user, "address"))
			continue;
		behind = fl_graph_memberships(g, user, &further);
		for (uint32_t k = 0; k < further; k++)
			add_vendor(w, list, count, fl_graph_group(g, behind[k])->of, place);
	}
	if (*count > 1)
		qsort(list, *count, sizeof(*list), by_endpoint);
	size_t kept = 0;
	for (size_t i = 0; i < *count; i++)
		if (kept == 0 || list[kept - 1].endpoint != list[i].endpoint)
			list[kept++] = list[i];
	*count = kept;
	return list;
}

static bool differ(const struct vendor *list, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(list[i].domain, list[0].domain) != 0)
			return true;
	return false;
}

static const struct fl_scan_dependency *record_of(const struct fl_system *s, fl_node_id endpoint)
{
	const struct fl_scan_dependency *latest = NULL;

	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].to == endpoint &&
			(latest == NULL || s->dependencies[i].merged->last_seen_ns > latest->last_seen_ns))
			latest = s->dependencies[i].merged;
	return latest;
}

static bool has_name(const struct fl_scan_dependency *m, const char *name)
{
	for (size_t i = 0; m != NULL && i < m->cname_count; i++)
		if (strcmp(m->cname_chain[i], name) == 0)
			return true;
	return false;
}

static void find_common_names(struct fl_shared_work *w, struct fl_shared_fate *f, const struct vendor *list, size_t n)
{
	const struct fl_scan_dependency *first = record_of(w->system, list[0].endpoint);

	if (first == NULL)
		return;
	f->common_names = fl_arena_array(w->arena, first->cname_count, sizeof(*f->common_names));
	for (size_t c = 0; c < first->cname_count; c++) {
		bool all = true;
		for (size_t i = 1; i < n && all; i++)
			all = has_name(record_of(w->system, list[i].endpoint), first->cname_chain[c]);
		if (all)
			f->common_names[f->common_name_count++] = first->cname_chain[c];
	}
}

/* A place that the same vendors share already: one row for both. */
static bool fold_place(struct fl_shared_work *w, size_t first, fl_node_id place, const struct vendor *list, size_t n)
{
	for (size_t i = first; i < w->count; i++) {
		struct fl_shared_fate *f = &w->list[i];
		bool same = f->member_count == n;
		for (size_t k = 0; same && k < n; k++)
			same = strcmp(f->members[k], fl_graph_node(w->system->graph, list[k].endpoint)->id) == 0;
		if (!same)
			continue;
		fl_node_id *also = fl_arena_array(w->arena, f->also_count + 1, sizeof(*also));
		for (size_t k = 0; k < f->also_count; k++)
			also[k] = f->also[k];
		also[f->also_count++] = place;
		f->also = also;
		return true;
	}
	return false;
}

static bool all_fall(struct fl_shared_work *w, fl_node_id place, const struct vendor *list, size_t n)
{
	uint32_t lost;

	(void)fl_fall_run(w->fall, place, &lost);
	for (size_t i = 0; i < n; i++)
		if (!fl_fall_lost(w->fall, list[i].endpoint))
			return false;
	return true;
}

static void look_at_place(struct fl_shared_work *w, size_t first, fl_node_id place)
{
	size_t n;
	struct vendor *list = vendors_at(w, place, &n);

	if (n > 1 && differ(list, n) && !fold_place(w, first, place, list, n)) {
		struct fl_shared_fate *f = fl_shared_add(w);
		f->group = FL_SHARED_VENDORS;
		f->shares = place;
		f->kind = fl_graph_is_kind(w->system->graph, place, "address") ? "address" : "provider";
		f->group_size = n;
		f->redundancy = FL_REDUNDANCY_NONE;
		f->breaks = all_fall(w, place, list, n);
		f->members = fl_arena_array(w->arena, n, sizeof(*f->members));
		for (size_t i = 0; i < n; i++)
			f->members[f->member_count++] = fl_graph_node(w->system->graph, list[i].endpoint)->id;
		find_common_names(w, f, list, n);
	}
	free(list);
}

void fl_shared_vendors(struct fl_shared_work *w)
{
	const struct fl_graph *g = w->system->graph;
	size_t first = w->count;

	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		if (fl_graph_is_kind(g, v, "address"))
			look_at_place(w, first, v);
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		if (fl_graph_is_kind(g, v, "provider"))
			look_at_place(w, first, v);
}
