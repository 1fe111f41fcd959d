/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * digest.c - what a report says: the frame and "In short"
 *
 * The sentences answer, in this order, what a review board asks first: what is the worst that can
 * happen, what do we hang on outside our walls, what has changed, and how much of it was seen at all.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/units.h"
#include "reports/behave_internal.h"
#include "reports/shared.h"

enum { SENTENCES_MAX = 12 /* all that are said below */, SPOFS_IN_SHORT = 2, NAMED = 3, WAY_NAMED = 6 };

static void say(struct fl_digest *d, const char *sentence)
{
	if (sentence != NULL && d->sentence_count < SENTENCES_MAX)
		d->sentences[d->sentence_count++] = sentence;
}

static const char *say_finding(struct fl_digest *d, const struct fl_finding *f)
{
	struct fl_arena *a = d->arena;
	const struct fl_spof *s = f->spof;
	if (d->entry_points == 0)
		return fl_arena_printf(a, "If %s %s fails, %s with it.", f->kind, f->label,
			s->nodes_lost == 1 ? "1 thing fails" : fl_arena_printf(a, "%u things fail", s->nodes_lost));
	const char *redundancy = s->redundancy == NULL ? "none" : s->redundancy;
	const char *loss = fl_arena_printf(a, "%s of the requests from outside would be lost (redundancy: %s)",
		fl_say_share(a, s->expected_loss), redundancy);
	return fl_arena_printf(a, "If %s %s fails, it %s %u of %s (%s) and affects %s besides itself; %s.", f->kind, f->label,
		s->expected_loss < FL_WHOLE_LOSS ? "degrades" : "takes down", s->entry_point_count,
		fl_say_count(a, d->entry_points, "entry point", "entry points"), f->entry_points,
		fl_say_count(a, s->services_lost, "service", "services"), loss);
}

/* Where nobody from outside was seen, what is said of requests from outside is of those of who is taken for an entry point. */
static const char *say_assumed(const struct fl_digest *d)
{
	if (!d->report->system->entry_points_assumed)
		return NULL;
	return fl_arena_printf(d->arena, "Nobody from outside was seen to call a service. What no scanned service calls counts as "
		"%s, and its requests as those from outside; a model file can state others.",
		d->entry_points == 1 ? "the entry point" :
			fl_say_count(d->arena, d->entry_points, "entry point", "entry points"));
}

/* That an entry point is a single point of failure of itself is no news, and one sentence for all of them. */
static const char *say_entry_points(struct fl_digest *d)
{
	const char *names[NAMED];
	size_t count = 0;
	struct fl_finding *first = NULL;
	for (size_t i = 0; i < d->finding_count && d->entry_points > 0; i++) {
		struct fl_finding *f = &d->findings[i];
		if (!f->is_entry_point)
			continue;
		first = first == NULL ? f : first;
		f->said = true;
		if (count < NAMED)
			names[count] = f->label;
		count++;
	}
	if (count == 0)
		return NULL;
	if (count == 1)
		return fl_arena_printf(d->arena, "The entry point %s is a single point of failure itself (SPOF %u): %s of "
			"the requests from outside go through it.", first->label, first->spof->rank,
			fl_say_share(d->arena, first->spof->expected_loss));
	return fl_arena_printf(d->arena, "%zu entry points are single points of failure themselves (the worst is SPOF %u): %s.",
		count, first->spof->rank, fl_say_list(d->arena, names, count, NAMED));
}

static void say_worst(struct fl_digest *d)
{
	size_t said = 0;
	say(d, say_entry_points(d));
	for (size_t i = 0; i < d->finding_count && said < SPOFS_IN_SHORT; i++) {
		if (d->findings[i].said)
			continue;
		say(d, say_finding(d, &d->findings[i]));
		d->findings[i].said = true;
		said++;
	}
}

static const char *say_spof_count(struct fl_digest *d)
{
	if (d->finding_count == 0)
		return d->entry_points == 0 ?
			       "No single point of failure was found; but no entry point is known, either." :
			       "No single point of failure was found for any entry point, in what was seen.";
	const char *names[NAMED];
	size_t named = 0, rest = 0;
	for (size_t i = 0; i < d->finding_count; i++) {
		if (d->findings[i].said)
			continue;
		rest++;
		if (named < NAMED)
			names[named++] = d->findings[i].label;
	}
	rest += d->report->ranking->dropped;
	if (rest == 0)
		return NULL;
	return fl_arena_printf(d->arena, "There %s beyond these: %s%s.",
		rest == 1 ? "is 1 more single point of failure" :
			    fl_arena_printf(d->arena, "are %zu more single points of failure", rest),
		fl_say_strings(d->arena, names, named, ", "), rest > named ? " and others" : "");
}

/* A vendor rather than a resolver, needed by requests, with the longest way to it from an entry point. */
static unsigned worth_telling(const struct fl_external *e)
{
	bool vendor = strncmp(e->endpoint, "resolver", strlen("resolver")) != 0;
	return 2u * vendor + !e->reached->background;
}

static const struct fl_external *most_hidden(const struct fl_digest *d)
{
	const struct fl_external *best = NULL;
	for (size_t i = 0; i < d->external_count; i++) {
		const struct fl_external *e = &d->externals[i];
		if (!e->entry_point || e->reached->direct)
			continue;
		if (best == NULL || worth_telling(e) > worth_telling(best) ||
			(worth_telling(e) == worth_telling(best) && e->reached->path_length > best->reached->path_length))
			best = e;
	}
	return best;
}

static const char *say_externals(struct fl_digest *d)
{
	struct fl_arena *a = d->arena;
	if (d->external_names == 0)
		return d->scanned ? "No external dependency was seen." : NULL;
	const char *count = fl_say_count(a, d->external_names, "external endpoint is", "external endpoints are");
	const struct fl_external *e = most_hidden(d);
	if (d->hidden_externals == 0 || e == NULL)
		return fl_arena_printf(a, "%s used.", count);
	const char *which = d->external_names == 1 ? "only" : "all of them only";
	if (d->hidden_externals < d->external_names)
		which = fl_arena_printf(a, "%zu of them only", d->hidden_externals);
	return fl_arena_printf(a, "%s used, %s behind other services%s %s%s%s by way of %s.", count, which,
		d->external_names == 1 ? ":" : ", for example", e->endpoint, e->provider == NULL ? "" : " at ",
		e->provider == NULL ? "" : e->provider, fl_say_path(d, e->reached, WAY_NAMED));
}

static const char *say_changes(struct fl_digest *d)
{
	static const struct { enum fl_change_kind kind; const char *one, *many; } kinds[] = {
		{ FL_CHANGE_SPOF_NEW, "new single point of failure", "new single points of failure" },
		{ FL_CHANGE_SPOF_LOST, "single point of failure less", "single points of failure less" },
		{ FL_CHANGE_ADDED, "new dependency", "new dependencies" },
		{ FL_CHANGE_GONE, "dependency gone", "dependencies gone" },
		{ FL_CHANGE_MOVED, "dependency moved", "dependencies moved" },
		{ FL_CHANGE_PROVIDER, "dependency at another provider", "dependencies at another provider" },
		{ FL_CHANGE_FAN_OUT, "other number of calls per request", "other numbers of calls per request" },
		{ FL_CHANGE_RATE, "other rate", "other rates" },
		{ FL_CHANGE_LATENCY, "other latency", "other latencies" },
		{ FL_CHANGE_FAILURES, "other share of failures", "other shares of failures" },
		{ FL_CHANGE_RETRY, "other retry policy", "other retry policies" },
		{ FL_CHANGE_TIMEOUT, "other timeout", "other timeouts" },
		{ FL_CHANGE_SHARED_FATE_NEW, "new shared fate", "new shared fates" },
		{ FL_CHANGE_SHARED_FATE_LOST, "shared fate less", "shared fates less" },
		{ FL_CHANGE_NOT_SEEN_YET, "dependency not seen yet", "dependencies not seen yet" },
	};
	const struct fl_diff *diff = d->report->diff;
	const char *parts[FL_ARRAY_LEN(kinds)];
	size_t part_count = 0;
	if (diff == NULL)
		return NULL;
	for (size_t k = 0; k < FL_ARRAY_LEN(kinds); k++) {
		size_t n = 0;
		for (size_t i = 0; i < diff->count; i++)
			n += diff->list[i].kind == kinds[k].kind;
		if (n > 0)
			parts[part_count++] = fl_say_count(d->arena, n, kinds[k].one, kinds[k].many);
	}
	if (part_count == 0)
		return "Nothing has changed since the older scans, as far as was seen.";
	return fl_arena_printf(d->arena, "Since the older scans: %s.",
		fl_say_strings(d->arena, parts, part_count, ", "));
}

static const char *say_coverage(struct fl_digest *d)
{
	struct fl_arena *a = d->arena;
	const struct fl_coverage *c = &d->report->system->coverage;
	if (!d->scanned)
		return NULL;
	uint64_t dropped = c->dropped_kernel + c->dropped_interface;
	const char *drops = "no packet was dropped";
	if (dropped > 0)
		drops = fl_arena_printf(a, "%s dropped (%s)",
			fl_say_count(a, dropped, "packet was", "packets were"),
			fl_say_share(a, (double)dropped / ((double)dropped + (double)c->packets)));
	const char *unseen = "how much was not seen is unknown";
	if (!fl_estimate_holds(d->report->system))
		unseen = "too little was seen to estimate what is missing";
	else if (c->unseen_dependencies < 0.5)
		unseen = "probably few dependencies were missed, but for those used more rarely than this time shows";
	else if (!isnan(c->unseen_dependencies))
		unseen = fl_arena_printf(a, "probably about %.0f more exist that were not used in this time",
			c->unseen_dependencies);
	char watched[FL_TIME_TEXT];
	fl_duration_format(fl_ns_of_seconds(d->report->system->watched_s), watched);
	return fl_arena_printf(a, "Seen: %s %s in %s of watching, added over all scans; %s; %s.",
		fl_say_number(a, c->packets), c->packets == 1 ? "packet" : "packets", watched, drops, unseen);
}

void fl_digest_sentences(struct fl_digest *d)
{
	d->sentences = fl_arena_array(d->arena, SENTENCES_MAX, sizeof(*d->sentences));
	say(d, say_assumed(d));
	say_worst(d);
	say(d, say_spof_count(d));
	say(d, fl_shared_sentence(d));
	say(d, say_externals(d));
	say(d, fl_behave_sentence(d));
	say(d, say_changes(d));
	say(d, say_coverage(d));
}

static void count_nodes(struct fl_digest *d)
{
	const struct fl_graph *g = d->report->system->graph;
	uint32_t entries;
	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		d->services += fl_graph_is_kind(g, v, "service");
		d->hosts += fl_graph_is_kind(g, v, "host");
	}
	fl_graph_entry_points(g, &entries);
	d->entry_points = entries;
}

struct fl_digest *fl_digest_new(const struct fl_report *r)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_digest *d = fl_arena_alloc(a, sizeof(*d));
	const struct fl_system *s = r->system;
	d->arena = a;
	d->report = r;
	d->title = s->title == NULL || s->title[0] == '\0' ? "unnamed system" : fl_say_sentence(a, s->title);
	d->scanned = s->scans.count > 0;
	if (d->scanned && s->end_ns >= s->start_ns)
		d->window = fl_say_span(a, s->start_ns, s->end_ns);
	count_nodes(d);
	fl_digest_findings(d);
	fl_digest_externals(d);
	fl_digest_listed(d);
	fl_digest_coverage(d);
	fl_digest_sentences(d);
	return d;
}

void fl_digest_free(struct fl_digest *d)
{
	if (d != NULL)
		fl_arena_free(d->arena);
}
