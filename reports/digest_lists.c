/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * digest_lists.c - external dependencies, what has no rank, and the coverage
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/units.h"
#include "reports/digest_internal.h"
#include "reports/spared.h"
#include "reports/unanswered.h"

/* ---- external dependencies ---- */

const char *fl_say_path(struct fl_digest *d, const struct fl_reached *r, size_t most)
{
	const struct fl_system *s = d->report->system;
	const char **names = fl_alloc_array(r->path_length + 1, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; i < r->path_length; i++) {
		bool end = i == 0 || i + 1 == r->path_length;
		if (end || !fl_graph_is_kind(s->graph, r->path[i], "endpoint"))
			names[count++] = fl_say_label(d->arena, s, r->path[i]);
	}
	size_t head = most / 2, tail = most - head;
	if (most != 0 && count > most) {
		names[head] = "...";
		memmove(&names[head + 1], &names[count - tail], tail * sizeof(*names));
		count = head + 1 + tail;
	}
	const char *text = fl_say_strings(d->arena, names, count, " > ");
	free(names);
	return text;
}

static const char *use_text(struct fl_digest *d, const struct fl_reached *r)
{
	const struct fl_scan_dependency *m = r->last == NULL ? NULL : r->last->merged;
	if (r->background)
		return m != NULL && m->class != FL_CLASS_ON_REQUEST ? fl_class_name(m->class) : "background";
	if (isnan(r->coupling))
		return "share unknown";
	if (!r->direct && r->coupling <= 0)
		return "others stand in";
	if (r->coupling >= 0.995)
		return "every request";
	return fl_arena_printf(d->arena, "%s of requests", fl_say_share(d->arena, r->coupling));
}

/* RFC 1034 sets no limit to chains; more than a handful is a loop or an attack. */
static const char *chain_text(struct fl_arena *a, const struct fl_scan_dependency *m)
{
	enum { CHAIN_NAMED = 8 };
	const char *names[CHAIN_NAMED];
	size_t count = m->cname_count < CHAIN_NAMED ? m->cname_count : CHAIN_NAMED;
	for (size_t i = 0; i < count; i++)
		names[i] = fl_say_name(a, m->cname_chain[i]);
	return count == 0 ? NULL : fl_say_strings(a, names, count, " > ");
}

static void add_external(struct fl_digest *d, const struct fl_reached *r, bool entry_point)
{
	struct fl_arena *a = d->arena;
	const struct fl_scan_dependency *m = r->last == NULL ? NULL : r->last->merged;
	struct fl_external *e = &d->externals[d->external_count++];
	e->reached = r;
	e->entry_point = entry_point;
	e->service = fl_say_label(a, d->report->system, r->from);
	bool resolver = fl_graph_is_kind(d->report->system->graph, r->to, "resolver");
	e->endpoint = resolver ? fl_say_node(a, d->report->system, r->to) : fl_say_label(a, d->report->system, r->to);
	e->path = fl_say_path(d, r, 0);
	e->use = use_text(d, r);
	if (m == NULL)
		return;
	e->provider = fl_say_name(a, m->provider);
	e->chain = chain_text(a, m);
	e->evidence = r->direct || r->exchanges == 0 ? fl_say_evidence(a, m) :
		fl_arena_printf(a, "%s%s, over all callers on the way", fl_say_count(a, r->exchanges, "exchange", "exchanges"),
			r->failures > 0 ? fl_arena_printf(a, ", %s failed", fl_arena_count(a, r->failures)) : "");
	e->seen = fl_say_span(a, m->first_seen_ns, m->last_seen_ns);
	e->name_source = fl_name_source_name(m->name_source);
}

/* Which nodes are entry points, by node; free(). */
static bool *mark_entry_points(const struct fl_graph *g)
{
	bool *is = fl_alloc_array((size_t)fl_graph_order(g) + 1, sizeof(*is));
	uint32_t count;
	const struct fl_entry_point *e = fl_graph_entry_points(g, &count);
	for (uint32_t i = 0; i < count; i++)
		is[e[i].node] = true;
	return is;
}

static void count_externals(struct fl_digest *d, const bool *is_entry)
{
	size_t order = fl_graph_order(d->report->system->graph);
	bool *seen = fl_alloc_array(order + 1, sizeof(*seen));
	bool *plain = fl_alloc_array(order + 1, sizeof(*plain)); /* an entry point uses it itself */
	for (size_t i = 0; i < d->external_count; i++) {
		const struct fl_reached *r = d->externals[i].reached;
		seen[r->to] = true;
		plain[r->to] = plain[r->to] || (r->direct && is_entry[r->from]);
	}
	for (size_t v = 0; v < order; v++) {
		d->external_names += seen[v];
		d->hidden_externals += seen[v] && !plain[v];
	}
	free(seen);
	free(plain);
}

void fl_digest_externals(struct fl_digest *d)
{
	const struct fl_reach *r = d->report->reach;
	const struct fl_system *s = d->report->system;
	if (r == NULL)
		return;
	bool *is_entry = mark_entry_points(s->graph);
	d->externals = fl_arena_array(d->arena, r->count + 1, sizeof(*d->externals));
	for (int entries = 1; entries >= 0; entries--)
		for (size_t i = 0; i < r->count; i++)
			if (is_entry[r->list[i].from] == (entries == 1) &&
				fl_system_scope(s, r->list[i].to) == FL_SCOPE_EXTERNAL)
				add_external(d, &r->list[i], entries == 1);
	count_externals(d, is_entry);
	free(is_entry);
}

/* ---- what has no rank ---- */

/* Why a dependency has no rank; NULL when it has one. */
static const char *unranked_why(struct fl_digest *d, const struct fl_dependency *dep)
{
	const struct fl_scan_dependency *m = dep->merged;
	if (!m->answered)
		return "never answered in the window: broken or a stray, one scan cannot tell";
	if (m->class == FL_CLASS_PROBE)
		return "probe: the same exchange to many or at a fixed beat";
	if (m->class == FL_CLASS_ON_REQUEST || m->class == FL_CLASS_NAME_RESOLUTION)
		return dep->group == FL_GROUP_NONE ? "not in the failure graph" : NULL;
	if (m->period_s > 0 && isfinite(m->period_s)) {
		char period[FL_TIME_TEXT];
		fl_duration_format(fl_ns_of_seconds(m->period_s), period);
		return fl_arena_printf(d->arena, "%s, about every %s", fl_class_name(m->class), period);
	}
	return fl_class_name(m->class);
}

void fl_digest_listed(struct fl_digest *d)
{
	const struct fl_system *s = d->report->system;
	d->listed = fl_arena_array(d->arena, s->dependency_count + 1, sizeof(*d->listed));
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_dependency *dep = &s->dependencies[i];
		const char *why = dep->merged == NULL ? NULL : unranked_why(d, dep);
		if (why == NULL)
			continue;
		d->listed[d->listed_count++] = (struct fl_listed){
			.from = fl_say_id(d->arena, dep->from_id),
			.to = fl_say_id(d->arena, dep->to_id),
			.why = why,
			.evidence = fl_say_evidence(d->arena, dep->merged),
		};
	}
}

/* ---- coverage ---- */

enum { FACTS_MAX = 16 };

static void add_fact(struct fl_digest *d, const char *name, const char *value)
{
	if (d->coverage_count < FACTS_MAX)
		d->coverage[d->coverage_count++] = (struct fl_fact){ name, value };
}

static void add_count(struct fl_digest *d, const char *name, uint64_t n, uint64_t of)
{
	const char *value = fl_say_number(d->arena, n);
	if (of > 0 && n > 0)
		value = fl_arena_printf(d->arena, "%s (%s)", value,
			fl_say_share(d->arena, (double)n / (double)of));
	add_fact(d, name, value);
}

static void add_caveat(struct fl_digest *d, const char *text)
{
	d->caveats[d->caveat_count++] = fl_say_sentence(d->arena, text);
}

/* "cooked, none" in words. */
static const char *detection_text(struct fl_arena *a, const char *ways)
{
	static const struct { const char *word, *text; } known[] = {
		{ "given", "--host-addr" },
		{ "cooked", "packet direction" },
		{ "mac", "MAC addresses" },
		{ "none", "nothing (each is a host)" },
	};
	const char *texts[FL_ARRAY_LEN(known)];
	size_t count = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(known); i++)
		if (strstr(ways, known[i].word) != NULL)
			texts[count++] = known[i].text;
	return count == 0 ? fl_say_name(a, ways) : fl_say_strings(a, texts, count, ", or ");
}

static void list_facts(struct fl_digest *d, const struct fl_coverage *c)
{
	char size[FL_TIME_TEXT];
	uint64_t dropped = c->dropped_kernel + c->dropped_interface;
	add_fact(d, "Scans joined", fl_arena_printf(d->arena, "%zu", d->report->system->scans.count));
	add_fact(d, "Packets read", fl_arena_printf(d->arena, "%s (%s)", fl_say_number(d->arena, c->packets),
		fl_size_format(c->bytes, size)));
	add_count(d, "Packets dropped before they were read", dropped, dropped + c->packets);
	add_count(d, "Flows", c->flows, 0);
	add_count(d, "Flows with a name", c->flows_named, c->flows);
	add_count(d, "Flows of an unknown service", c->flows_unattributed, c->flows);
	add_count(d, "DNS answers read", c->name_answers, 0);
	add_count(d, "Packets cut short by the capture", c->truncated, c->packets);
	add_count(d, "Malformed packets", c->malformed, c->packets);
	add_count(d, "Parse errors in DNS, TLS, HTTP", c->parse_errors, 0);
	add_count(d, "Packets seen twice, counted once", c->duplicates, c->packets);
	add_count(d, "Packets that are not IP", c->not_ip, c->packets);
	if (d->report->system->probed_services > 0)
		add_count(d, "Services that only probes talked to, left out", d->report->system->probed_services, 0);
	if (c->host_detection != NULL)
		add_fact(d, "Local addresses told by", detection_text(d->arena, c->host_detection));
}

static void list_estimate(struct fl_digest *d, const struct fl_coverage *c)
{
	if (isnan(c->unseen_dependencies) || !fl_estimate_holds(d->report->system))
		return;
	add_fact(d, "Dependencies that exist but were not used, estimated",
		c->unseen_dependencies < 0.5 ? "hardly any"
					     : fl_arena_printf(d->arena, "about %.0f", c->unseen_dependencies));
	if (c->unseen_dependencies < 0.5 || !isfinite(c->window_for_95_s) || c->window_for_95_s > 1e9) /* 30 years */
		return;
	char text[FL_TIME_TEXT];
	fl_duration_format(fl_ns_of_seconds(c->window_for_95_s), text);
	add_fact(d, "Scan length that would see 95 % of them", fl_arena_string(d->arena, text));
}

static void list_caveats(struct fl_digest *d, const struct fl_coverage *c)
{
	const char *absent = fl_say_not_scanned(d->arena, d->report->system);
	const char *unanswered = fl_say_unanswered(d->arena, d->report->system);
	d->caveats = fl_arena_array(d->arena, c->limit_count + c->blind_spot_count + 5, sizeof(*d->caveats));
	if (absent != NULL)
		add_caveat(d, fl_arena_printf(d->arena, "Not scanned: %s. What they depend on is not known.", absent));
	const char *failover = fl_say_assumed_failover(d->arena, d->report->system);
	if (failover != NULL)
		add_caveat(d, fl_arena_printf(d->arena, "Not seen, and assumed: %s. Whoever is there stays up in all findings when one of the others fails.", failover));
	if (unanswered != NULL)
		add_caveat(d, fl_arena_printf(d->arena, "Left out: %s.", unanswered));
	if (c->dropped_kernel + c->dropped_interface > 0)
		add_caveat(d, "Packets were dropped before faultline could read them: what they carried is missing "
			"from every count.");
	for (size_t i = 0; i < c->limit_count; i++)
		if (c->limits[i].hits > 0)
			add_caveat(d, fl_arena_printf(d->arena, "Limit met: %s (%s), %s %s: %s.", c->limits[i].name,
				fl_arena_count(d->arena, c->limits[i].limit), fl_arena_count(d->arena, c->limits[i].hits),
				c->limits[i].what == NULL ? "lost" : c->limits[i].what, fl_scan_limit_means(c->limits[i].name)));
	for (size_t i = 0; i < c->blind_spot_count; i++) {
		const struct fl_scan_blind_spot *b = &c->blind_spots[i];
		const char *text = b->text == NULL ? "no more is known" : b->text;
		add_caveat(d, fl_scan_blind_spot_counts(b->kind)
				      ? fl_arena_printf(d->arena, "Blind spot %s (%s): %s", b->kind,
						fl_arena_count(d->arena, b->count), text)
				      : fl_arena_printf(d->arena, "Blind spot %s: %s", b->kind, text));
	}
}

void fl_digest_coverage(struct fl_digest *d)
{
	const struct fl_coverage *c = &d->report->system->coverage;
	d->coverage = fl_arena_array(d->arena, FACTS_MAX, sizeof(*d->coverage));
	if (!d->scanned)
		return;
	list_facts(d, c);
	list_estimate(d, c);
	list_caveats(d, c);
}
