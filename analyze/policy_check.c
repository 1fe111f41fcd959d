/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_check.c - where a system breaks its policy: externals, single points of failure, coverage
 *
 * An external dependency is allowed when one statement that has not expired fits it. When only expired ones do,
 * the violation stands at the one that expired last: that is the line to look at again. What never answered is checked, too: who tries to
 * reach a vendor will reach it one day.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/units.h"
#include "policy_internal.h"

static const struct { const char *name, *text; } rules[] = {
	[FL_RULE_EXTERNAL_NOT_ALLOWED] = { "external-not-allowed", "An external dependency is not in the policy." },
	[FL_RULE_EXTERNAL_EXPIRED] = { "external-expired", "What allowed an external dependency has expired." },
	[FL_RULE_RETRY_WITHOUT_PAUSE] = { "retry-without-pause", "Failed calls are tried again at once." },
	[FL_RULE_RETRY_NOT_GROWING] = { "retry-not-growing", "The pauses between retries do not grow." },
	[FL_RULE_RETRY_WITHOUT_JITTER] = { "retry-without-jitter", "The pauses between retries are not drawn at random." },
	[FL_RULE_RETRY_ATTEMPTS] = { "retry-attempts", "Failed calls are tried too often." },
	[FL_RULE_TIMEOUT_TOO_SHORT] = { "timeout-too-short", "A caller gives up too soon." },
	[FL_RULE_TIMEOUT_TOO_LONG] = { "timeout-too-long", "A caller waits too long." },
	[FL_RULE_SINGLE_POINT] = { "single-point", "A single point of failure is not in the policy." },
	[FL_RULE_COVERAGE_DROPS] = { "coverage-drops", "The scans lost too many packets." },
	[FL_RULE_COVERAGE_NAMES] = { "coverage-names", "Too many flows have no name." },
	[FL_RULE_COVERAGE_SERVICES] = { "coverage-services", "Too many flows are of no known service." },
	[FL_RULE_COVERAGE_WINDOW] = { "coverage-window", "A host was watched for too short a time." },
};
_Static_assert(FL_ARRAY_LEN(rules) == FL_RULE_COUNT, "one text a rule");

const char *fl_policy_rule_name(enum fl_policy_rule r)
{
	return rules[r].name;
}

const char *fl_policy_rule_text(enum fl_policy_rule r)
{
	return rules[r].text;
}

void fl_policy_violate(struct policy_checking *c, enum fl_policy_rule rule, const char *from, const char *to,
	struct model_place at, const char *why)
{
	struct fl_policy_result *r = c->r;
	if (r->count == c->capacity) {
		c->capacity = fl_grown(c->capacity, r->count + 1);
		r->list = fl_grow_array(r->list, c->capacity, sizeof(*r->list));
	}
	r->list[r->count++] = (struct fl_violation){ rule, fl_arena_string(r->arena, from),
		fl_arena_string(r->arena, to), why, at.line, at.column };
}

static void note_unused(struct policy_checking *c, struct model_place at, const char *why)
{
	struct fl_policy_result *r = c->r;
	if (r->unused_count == c->unused_capacity) {
		c->unused_capacity = fl_grown(c->unused_capacity, r->unused_count + 1);
		r->unused = fl_grow_array(r->unused, c->unused_capacity, sizeof(*r->unused));
	}
	r->unused[r->unused_count++] = (struct fl_policy_note){ why, at.line, at.column };
}

/* Also without ":PORT/TRANSPORT" of an endpoint. */
bool fl_policy_fits(const char *pattern, const char *id)
{
	if (pattern == NULL || fl_model_matches(pattern, id))
		return true;
	const char *colon = strchr(id, ':');
	const char *label = colon == NULL ? id : colon + 1, *port = strrchr(label, ':');
	if (fl_model_matches(pattern, label))
		return true;
	if (strncmp(id, "endpoint:", 9) != 0 || port == NULL)
		return false;
	char *name = fl_copy_string(label);
	name[port - label] = '\0';
	bool fits = fl_model_matches(pattern, name);
	free(name);
	return fits;
}

/* ---- externals ---- */

static bool is_within(const struct fl_prefix *net, const struct fl_scan_dependency *d)
{
	for (size_t i = 0; i < d->address_count; i++)
		if (!fl_prefix_contains(net, &d->addresses[i]))
			return false;
	return d->address_count > 0;
}

static bool name_fits(const char *pattern, const struct fl_dependency *d)
{
	struct fl_prefix net;
	if (d->merged->name == NULL && fl_prefix_parse(pattern, &net))
		return is_within(&net, d->merged);
	return d->merged->name != NULL ? fl_model_matches(pattern, d->merged->name) : fl_policy_fits(pattern, d->to_id);
}

static bool allows(const struct policy_external *e, const struct fl_dependency *d)
{
	const struct fl_scan_dependency *m = d->merged;
	return (e->name == NULL || name_fits(e->name, d)) &&
	       (e->provider == NULL || (m->provider != NULL && fl_model_matches(e->provider, m->provider))) &&
	       (isnan(e->port) || m->port == (unsigned)e->port) && fl_policy_fits(e->from, d->from_id);
}

static const char *say_use(struct fl_arena *a, const struct fl_scan_dependency *m)
{
	if (!m->answered)
		return fl_arena_printf(a, "%s connections tried, none answered", fl_arena_count(a, m->connections.tried));
	if (m->exchanges > 0)
		return fl_arena_printf(a, "%s, %s exchanges", fl_class_name(m->class), fl_arena_count(a, m->exchanges));
	return fl_arena_printf(a, "%s, %s connections", fl_class_name(m->class),
		fl_arena_count(a, m->connections.established));
}

static void check_external(struct policy_checking *c, const struct fl_dependency *d, bool *used)
{
	const struct policy_external *expired = NULL;
	bool allowed = false;
	for (size_t i = 0; i < c->p->external_count; i++) {
		const struct policy_external *e = &c->p->externals[i];
		if (!allows(e, d))
			continue;
		used[i] = true;
		if (e->expires_ns >= c->s->end_ns)
			allowed = true;
		else if (expired == NULL || e->expires_ns > expired->expires_ns)
			expired = e;
	}
	if (allowed)
		return;
	const char *use = say_use(c->r->arena, d->merged), *provider = d->merged->provider;
	if (expired != NULL)
		fl_policy_violate(c, FL_RULE_EXTERNAL_EXPIRED, d->from_id, d->to_id, expired->at,
			fl_arena_printf(c->r->arena, "allowed until %s, owner %s; %s", expired->expires, expired->owner, use));
	else
		fl_policy_violate(c, FL_RULE_EXTERNAL_NOT_ALLOWED, d->from_id, d->to_id, c->p->external_at,
			fl_arena_printf(c->r->arena, "nothing in the policy allows it; %s%s%s", use,
				provider == NULL ? "" : ", provider ", provider == NULL ? "" : provider));
}

static void check_externals(struct policy_checking *c)
{
	bool *used = fl_alloc_array(c->p->external_count + 1, sizeof(*used));
	for (size_t i = 0; c->p->has_external && i < c->s->dependency_count; i++) {
		const struct fl_dependency *d = &c->s->dependencies[i];
		if (d->merged->scope != FL_SCOPE_EXTERNAL)
			continue;
		c->r->externals++;
		check_external(c, d, used);
	}
	for (size_t i = 0; i < c->p->external_count; i++) {
		const struct policy_external *e = &c->p->externals[i];
		if (!used[i])
			note_unused(c, e->at, fl_arena_printf(c->r->arena, "allowed and not seen: %s",
				e->name != NULL ? e->name : e->provider));
	}
	free(used);
}

/* ---- single points of failure ---- */

static bool is_allowed(struct policy_checking *c, const char *id, bool *used)
{
	bool allowed = false;
	for (size_t i = 0; i < c->p->single_point_count; i++)
		if (fl_policy_fits(c->p->single_points[i], id))
			allowed = used[i] = true;
	return allowed;
}

/* A row stands for all that fail together with it: allowing one of them allows them. */
static void check_ranking(struct policy_checking *c, bool *used)
{
	struct fl_ranking *ranking = fl_rank(c->s);
	const struct fl_graph *g = c->s->graph;
	for (size_t i = 0, end; i < ranking->count; i = end) {
		const struct fl_spof *spof = &ranking->list[i];
		bool allowed = false;
		for (end = i; end < ranking->count && ranking->list[end].same_as == spof->same_as; end++)
			allowed |= is_allowed(c, fl_graph_node(g, ranking->list[end].node)->id, used);
		c->r->single_points++;
		if (!allowed)
			fl_policy_violate(c, FL_RULE_SINGLE_POINT,
				spof->entry_point_count == 0 ? NULL : fl_graph_node(g, spof->entry_points_lost[0])->id,
				fl_graph_node(g, spof->node)->id, c->p->single_points_at,
				fl_arena_printf(c->r->arena, "%u entry point%s and %.1f %% of requests lost: %s",
					spof->entry_point_count, spof->entry_point_count == 1 ? "" : "s",
					spof->expected_loss * 100, spof->why));
	}
	fl_ranking_free(ranking);
}

static void check_new_ones(struct policy_checking *c, const struct fl_system *old, bool *used)
{
	struct fl_diff *d = fl_diff(old, c->s, NULL);
	for (size_t i = 0; i < d->count; i++) {
		const struct fl_change *change = &d->list[i];
		if (change->kind != FL_CHANGE_SPOF_NEW)
			continue;
		c->r->single_points++;
		if (!is_allowed(c, change->to, used))
			fl_policy_violate(c, FL_RULE_SINGLE_POINT, change->from, change->to, c->p->single_points_at,
				fl_arena_printf(c->r->arena, "not one in the older scans; %s: %s", change->after, change->why));
	}
	fl_diff_free(d);
}

static void check_single_points(struct policy_checking *c, const struct fl_system *old)
{
	bool *used = fl_alloc_array(c->p->single_point_count + 1, sizeof(*used));
	if (old != NULL)
		check_new_ones(c, old, used);
	else if (c->p->has_single_points)
		check_ranking(c, used);
	for (size_t i = 0; old == NULL && i < c->p->single_point_count; i++)
		if (!used[i])
			note_unused(c, c->p->single_point_places[i],
				fl_arena_printf(c->r->arena, "allowed, and no single point of failure: %s",
					c->p->single_points[i]));
	free(used);
}

/* ---- coverage ---- */

static void check_share(struct policy_checking *c, enum fl_policy_rule rule, struct model_place at, double share,
	double bound, bool least, const char *what)
{
	if (isnan(bound) || isnan(share) || (least ? share >= bound : share <= bound))
		return;
	fl_policy_violate(c, rule, NULL, NULL, at, fl_arena_printf(c->r->arena, "%.4g %% of the %s, and %s %.4g %% must be",
		share * 100, what, least ? "at least" : "at most", bound * 100));
}

static double share_of(double part, double whole)
{
	return whole > 0 ? part / whole : NAN;
}

/* Nobody need count what is lost before the capture (a mirror of one direction): clients acknowledged it. */
static double share_of_uncaptured(const struct fl_system *s)
{
	double lost = 0, exchanges = 0;
	for (size_t i = 0; i < s->coverage.blind_spot_count; i++)
		if (strcmp(s->coverage.blind_spots[i].kind, "not-captured") == 0)
			lost += (double)s->coverage.blind_spots[i].count;
	for (size_t i = 0; i < s->dependency_count; i++)
		exchanges += (double)s->dependencies[i].merged->exchanges;
	return share_of(lost, fmax(lost, exchanges));
}

struct watch { const char *host; double seconds; };

static int by_host(const void *a, const void *b)
{
	return strcmp(((const struct watch *)a)->host, ((const struct watch *)b)->host);
}

static void check_windows(struct policy_checking *c)
{
	double least = c->p->coverage.min_window_s;
	size_t count = 0;
	for (size_t i = 0; i < c->s->scans.count; i++)
		count += c->s->scans.list[i]->host_count;
	struct watch *list = fl_alloc_array(count, sizeof(*list));
	count = 0;
	for (size_t i = 0; i < c->s->scans.count; i++) {
		const struct fl_scan *scan = c->s->scans.list[i];
		for (size_t k = 0; k < scan->host_count; k++)
			list[count++] = (struct watch){ scan->hosts[k].name,
				((double)scan->end_ns - (double)scan->start_ns) / (double)FL_NS_PER_S };
	}
	if (count > 1)
		qsort(list, count, sizeof(*list), by_host);
	for (size_t i = 0, end; i < count && !isnan(least); i = end) {
		double seconds = 0;
		for (end = i; end < count && strcmp(list[i].host, list[end].host) == 0; end++)
			seconds += list[end].seconds;
		if (seconds < least)
			fl_policy_violate(c, FL_RULE_COVERAGE_WINDOW,
				fl_arena_printf(c->r->arena, "host:%s", list[i].host), NULL, c->p->coverage.min_window_at,
				fl_arena_printf(c->r->arena, "watched for %.4g s, and it must be at least %.4g s", seconds, least));
	}
	free(list);
}

static void check_coverage(struct policy_checking *c)
{
	const struct policy_coverage *wanted = &c->p->coverage;
	const struct fl_coverage *seen = &c->s->coverage;
	double dropped = (double)seen->dropped_kernel + (double)seen->dropped_interface, flows = (double)seen->flows;
	if (c->s->scans.count == 0)
		return;
	check_share(c, FL_RULE_COVERAGE_DROPS, wanted->max_drop_at, share_of(dropped, dropped + (double)seen->packets),
		wanted->max_drop_share, false, "packets were dropped");
	check_share(c, FL_RULE_COVERAGE_DROPS, wanted->max_drop_at, share_of_uncaptured(c->s), wanted->max_drop_share,
		false, "answers were acknowledged and not captured");
	check_share(c, FL_RULE_COVERAGE_NAMES, wanted->min_named_at, share_of((double)seen->flows_named, flows),
		wanted->min_named_share, true, "flows have a name");
	check_share(c, FL_RULE_COVERAGE_SERVICES, wanted->min_attributed_at,
		share_of(flows - (double)seen->flows_unattributed, flows), wanted->min_attributed_share, true,
		"flows are of a known service");
	check_windows(c);
}

/* ---- the whole ---- */

static int compare_text(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare_violations(const void *va, const void *vb)
{
	const struct fl_violation *a = va, *b = vb;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	int order = compare_text(a->from, b->from);
	order = order != 0 ? order : compare_text(a->to, b->to);
	if (order != 0)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return compare_text(a->why, b->why);
}

struct fl_policy_result *fl_policy_check(const struct fl_policy *p, const struct fl_system *s,
	const struct fl_system *old)
{
	struct fl_policy_result *r = fl_alloc(sizeof(*r));
	struct policy_checking c = { .p = p, .s = s, .r = r };
	r->arena = fl_arena_new();
	r->file = fl_arena_string(r->arena, p->name);
	check_externals(&c);
	fl_policy_check_calls(&c);
	check_single_points(&c, old);
	check_coverage(&c);
	if (r->count > 1)
		qsort(r->list, r->count, sizeof(*r->list), compare_violations);
	return r;
}

void fl_policy_result_free(struct fl_policy_result *r)
{
	if (r == NULL)
		return;
	fl_arena_free(r->arena);
	free(r->list);
	free(r->unused);
	free(r);
}
