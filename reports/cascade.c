/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cascade.c - what a slow or flaky node does, in words and JSON
 *
 * A step says what happened, and why in numbers that can be checked by hand: rate x time held, against a
 * limit. What was assumed stands in JSON at each step that hangs on it; in text it is said once, for all
 * steps.
 */
#include "reports/cascade.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "faultline/units.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"

struct telling {
	const struct fl_system *s;
	const struct fl_what_if *what;
	const struct fl_cascade_network *n;
	struct fl_cascade_trigger trigger;
	const struct fl_cascade *course;
	fl_node_id node, caller;
	struct fl_arena *a;
};

#define DELAY_TOLD 1.1 /* x the time before: from there on a delay is told */

static const char *const event_names[] = { "trigger", "pool-full", "station-full", "times-out", "stalls",
	"fails" };

/* ---- pieces ---- */

static const char *say_seconds(const struct telling *t, double seconds)
{
	char text[FL_TIME_TEXT];

	if (!isfinite(seconds) || seconds > 1e9)
		return "for ever";
	/* three figures are more than is known */
	double unit = seconds > 0 ? pow(10, floor(log10(seconds)) - 2) : 1;
	return fl_arena_string(
		t->a, fl_duration_format((int64_t)(round(round(seconds / unit) * unit * 1e6) * 1e3), text));
}

static const char *say_amount(const struct telling *t, double x)
{
	return fl_arena_printf(t->a, x >= 100 || x == floor(x) ? "%.0f" : x >= 10 ? "%.1f" : "%.2g", x);
}

static const char *station_label(const struct telling *t, uint32_t i)
{
	return fl_say_label(t->a, t->s, t->n->stations[i].node);
}

static fl_node_id callee(const struct telling *t, uint32_t c)
{
	const struct fl_cascade_call *call = &t->n->calls[c];

	return call->endpoint != FL_NODE_NONE ? call->endpoint : t->n->stations[call->to].node;
}

static const char *callee_label(const struct telling *t, uint32_t c)
{
	return fl_say_label(t->a, t->s, callee(t, c));
}

static const char *say_trigger(const struct telling *t)
{
	return t->what->mode == FL_CASCADE_SLOW
		       ? fl_arena_printf(t->a, "answers %s later", say_seconds(t, t->what->slow_s))
		       : fl_arena_printf(
				 t->a, "fails %s of its requests", fl_say_share(t->a, t->what->flaky));
}

/* ---- a step in words ---- */

static const char *say_retries(const struct telling *t, const struct fl_cascade_step *step)
{
	const struct fl_cascade_call *call = &t->n->calls[step->call];

	if (call->attempts == 1)
		return "and fails";
	return fl_arena_printf(t->a, "and tries again, %s in all: up to %s attempts/s",
		fl_say_count(t->a, call->attempts, "attempt", "attempts"), say_amount(t, step->rate_per_s));
}

static const char *why_of(const struct telling *t, const struct fl_cascade_step *step)
{
	const char *rate = say_amount(t, step->rate_per_s), *held = say_seconds(t, step->held_s);
	const char *limit = say_amount(t, step->limit);

	switch (step->event) {
	case FL_CASCADE_TRIGGER:
		if (step->call == FL_CASCADE_CALL_NONE)
			return fl_arena_printf(t->a, "%s; it gets %s requests/s", say_trigger(t), rate);
		return fl_arena_printf(t->a, "%s %s; it is called %s times/s", callee_label(t, step->call),
			say_trigger(t), rate);
	case FL_CASCADE_POOL_FULL:
		return fl_arena_printf(t->a,
			"all %s calls to %s that it can make at once are waiting (%s/s, each held %s); what "
			"needs another waits",
			limit, callee_label(t, step->call), rate, held);
	case FL_CASCADE_STATION_FULL:
		return fl_arena_printf(t->a,
			"all %s requests that it works on at once are waiting; further ones queue, whatever "
			"they need (%s/s)",
			limit, rate);
	case FL_CASCADE_TIMES_OUT:
		return fl_arena_printf(t->a, "gives up on %s after %s, %s", callee_label(t, step->call), held,
			say_retries(t, step));
	case FL_CASCADE_STALLS:
		return fl_arena_printf(
			t->a, "nearly all of its %s requests/s wait in a queue, whatever they need", rate);
	case FL_CASCADE_FAILS:
		return "at least half of its requests fail";
	}
	return "";
}

static const char *waiting_for(const struct telling *t, uint32_t station)
{
	return fl_say_node(t->a, t->s, t->n->stations[station].node);
}

static void print_steps(const struct telling *t)
{
	static const char *const headings[] = { "after", "node", "what happens" };
	struct fl_table *table = fl_table_new(headings, FL_ARRAY_LEN(headings));

	for (size_t i = 0; i < t->course->step_count; i++) {
		const struct fl_cascade_step *step = &t->course->steps[i];
		fl_table_row(table, (const char *[]){ say_seconds(t, step->at_s),
					    waiting_for(t, step->station), why_of(t, step) });
	}
	fl_table_write(table, stdout, 1, fl_terminal_width(stdout));
}

/* ---- work in flight ---- */

/* Changed so much that a person would see it. */
static bool worth_telling(const struct fl_cascade_work *w)
{
	return w->peak > w->before * 1.1 + 0.5 || w->failing > 0.001 || w->unanswered > 0.001 ||
	       w->rate_at_end > w->rate_before * 1.01 + 1e-6;
}

static void add_work(
	const struct telling *t, struct fl_table *table, const char *name, const struct fl_cascade_work *w)
{
	if (!worth_telling(w))
		return;
	fl_table_row(table,
		(const char *[]){ name, say_amount(t, w->before), say_amount(t, w->at_end),
			w->growth_per_s > 1e-3 ? fl_arena_printf(t->a, "+%s", say_amount(t, w->growth_per_s))
					       : "-",
			say_amount(t, w->rate_before), say_amount(t, w->rate_at_end),
			w->failing > 0 ? fl_say_share(t->a, w->failing) : "-",
			w->unanswered > 0 ? fl_say_share(t->a, w->unanswered) : "-" });
}

static void print_work(const struct telling *t)
{
	static const char *const headings[] = { "in flight", "before", "then", "growth/s", "rate/s before",
		"then", "failing", "unanswered" };
	struct fl_table *table = fl_table_new(headings, FL_ARRAY_LEN(headings));

	for (uint32_t i = 0; i < t->n->station_count; i++)
		add_work(t, table, station_label(t, i), &t->course->stations[i]);
	for (uint32_t c = 0; c < t->n->call_count; c++)
		add_work(t, table,
			fl_arena_printf(
				t->a, "%s > %s", station_label(t, t->n->calls[c].from), callee_label(t, c)),
			&t->course->calls[c]);
	fputc('\n', stdout);
	fl_table_write(table, stdout, 0x7e | 0x80, fl_terminal_width(stdout));
}

/* ---- the end of the story ---- */

static const char *say_margin(const struct telling *t)
{
	const struct fl_cascade_margin *m = &t->course->margin;

	if (m->station == UINT32_MAX)
		return "metastable margin: none found; with the limits, timeouts and retries that are known, "
		       "an overload ends "
		       "with its cause";
	return fl_arena_printf(t->a,
		"metastable margin: %s x the load of now; %s from there on retries alone (%s x its requests) "
		"keep %s above "
		"its %s requests/s after the cause is gone",
		say_amount(t, m->load), m->load <= 1 ? "it is below 1:" : "", say_amount(t, m->amplification),
		station_label(t, m->station), say_amount(t, m->capacity_per_s));
}

/* By Little's law: work in flight over its rate. Nothing where there is none. */
static double held_s(double in_flight, double rate_per_s)
{
	return rate_per_s > 0 ? in_flight / rate_per_s : NAN;
}

/* Nobody fails, and everybody waits: of an entry point that is what its clients see. */
static void print_delay(const struct telling *t, uint32_t i)
{
	const struct fl_cascade_work *w = &t->course->stations[i];
	double before = held_s(w->before, w->rate_before), then = held_s(w->at_end, w->rate_at_end);

	if (!(t->n->stations[i].entry_weight > 0) || !(then > before * DELAY_TOLD))
		return;
	fl_line_write(fl_arena_printf(t->a, "slower at %s: a request takes %s on average, %s before%s", station_label(t, i),
		say_seconds(t, then), say_seconds(t, before), w->growth_per_s > 1e-3 ? ", and longer as work piles up" : ""));
}

static void print_losses(const struct telling *t)
{
	uint32_t entries = 0, lost = 0;

	for (uint32_t i = 0; i < t->n->station_count; i++) {
		entries += t->n->stations[i].entry_weight > 0;
		lost += t->n->stations[i].entry_weight > 0 && t->course->loss[i] >= FL_CASCADE_LOST;
	}
	fputc('\n', stdout);
	fl_line_write(fl_arena_printf(t->a, "at least half of the requests fail or are not answered: at %u of %s",
		lost, fl_say_count(t->a, entries, "entry point", "entry points")));
	for (uint32_t i = 0; i < t->n->station_count; i++)
		if (t->n->stations[i].entry_weight > 0 && t->course->loss[i] > 0)
			fl_line_write(fl_arena_printf(t->a,
				"expected at %s: %s of its requests fail or are not answered",
				station_label(t, i), fl_say_share(t->a, t->course->loss[i])));
	for (uint32_t i = 0; i < t->n->station_count; i++)
		print_delay(t, i);
	fl_line_write(t->course->steady ? fl_arena_printf(t->a, "steady: nothing grows any more")
					: "not steady: work still piles up at the end");
	fl_line_write(say_margin(t));
}

static void print_assumed(const struct telling *t)
{
	uint32_t assumed = t->course->assumed | t->course->margin.assumed;

	for (unsigned bit = 0; bit < FL_ASSUMED_COUNT; bit++) {
		uint32_t stations = 0, calls = 0;
		for (uint32_t i = 0; i < t->n->station_count; i++)
			stations += (t->n->stations[i].assumed >> bit & 1) != 0;
		for (uint32_t c = 0; c < t->n->call_count; c++)
			calls += (t->n->calls[c].assumed >> bit & 1) != 0;
		if (assumed & 1u << bit)
			fl_line_write(fl_arena_printf(t->a, "assumed: %s (%s)",
				fl_assumed_text((enum fl_assumed)(1u << bit)),
				stations > 0 ? fl_say_count(t->a, stations, "node", "nodes")
					     : fl_say_count(t->a, calls, "dependency", "dependencies")));
	}
	if (t->course->rounds_cut > 0)
		fl_line_write("warning: calls go round in a circle that amplifies itself; the numbers are "
			      "lower bounds");
	if (isfinite(t->course->cut_at_s))
		fl_line_write(fl_arena_printf(t->a,
			"warning: too much happens at once to follow it; after %s only what grew goes on",
			say_seconds(t, t->course->cut_at_s)));
}

static void print_text(const struct telling *t)
{
	const char *whose = t->caller == FL_NODE_NONE
				    ? ""
				    : fl_arena_printf(t->a, " for %s", fl_say_label(t->a, t->s, t->caller));

	fl_heading_write(t->s, fl_arena_printf(t->a, "When %s %s%s, for %s", fl_say_node(t->a, t->s, t->node),
				       say_trigger(t), whose, say_seconds(t, t->what->lasts_s)));
	print_steps(t);
	print_work(t);
	print_losses(t);
	print_assumed(t);
	if (t->s->entry_points_assumed)
		fl_line_write(FL_ENTRY_POINTS_ASSUMED);
	fl_coverage_write(t->s);
}

/* ---- JSON ---- */

static void add_assumed(cJSON *object, uint32_t assumed)
{
	const char *list[FL_ASSUMED_COUNT];
	size_t count = 0;

	for (unsigned bit = 0; bit < FL_ASSUMED_COUNT; bit++)
		if (assumed & 1u << bit)
			list[count++] = fl_assumed_text((enum fl_assumed)(1u << bit));
	fl_json_add_strings(object, "assumed", list, count);
}

static const char *station_id(const struct telling *t, uint32_t i)
{
	return fl_graph_node(t->s->graph, t->n->stations[i].node)->id;
}

static void add_steps(cJSON *root, const struct telling *t)
{
	cJSON *steps = cJSON_AddArrayToObject(root, "steps");

	for (size_t i = 0; i < t->course->step_count; i++) {
		const struct fl_cascade_step *step = &t->course->steps[i];
		cJSON *o = fl_document_append(steps);
		fl_json_add_double(o, "at_s", step->at_s);
		fl_json_add_string(o, "node", station_id(t, step->station));
		fl_json_add_string(o, "event", event_names[step->event]);
		fl_json_add_string(o, "to",
			step->call == FL_CASCADE_CALL_NONE
				? NULL
				: fl_graph_node(t->s->graph, callee(t, step->call))->id);
		fl_json_add_double(o, "rate_per_s", step->rate_per_s);
		fl_json_add_double(o, "held_s", step->held_s);
		fl_json_add_double(o, "limit", step->limit);
		fl_json_add_string(o, "why", why_of(t, step));
		add_assumed(o, step->assumed);
	}
}

static void add_work_json(
	cJSON *list, const char *from, const char *to, double limit, const struct fl_cascade_work *w)
{
	cJSON *o = fl_document_append(list);

	fl_json_add_string(o, "node", from);
	fl_json_add_string(o, "to", to);
	fl_json_add_double(o, "before", w->before);
	fl_json_add_double(o, "at_end", w->at_end);
	fl_json_add_double(o, "peak", w->peak);
	fl_json_add_double(o, "growth_per_s", w->growth_per_s);
	fl_json_add_double(o, "rate_before", w->rate_before);
	fl_json_add_double(o, "rate_at_end", w->rate_at_end);
	fl_json_add_double(o, "held_s_before", held_s(w->before, w->rate_before));
	fl_json_add_double(o, "held_s_at_end", held_s(w->at_end, w->rate_at_end));
	fl_json_add_double(o, "limit", limit);
	fl_json_add_double(o, "full_at_s", w->full_at_s);
	fl_json_add_double(o, "failing", w->failing);
	fl_json_add_double(o, "unanswered", w->unanswered);
}

static void add_in_flight(cJSON *root, const struct telling *t)
{
	cJSON *list = cJSON_AddArrayToObject(root, "in_flight");

	for (uint32_t i = 0; i < t->n->station_count; i++)
		add_work_json(list, station_id(t, i), NULL, t->n->stations[i].limit, &t->course->stations[i]);
	for (uint32_t c = 0; c < t->n->call_count; c++)
		add_work_json(list, station_id(t, t->n->calls[c].from),
			fl_graph_node(t->s->graph, callee(t, c))->id, t->n->calls[c].limit,
			&t->course->calls[c]);
}

static void add_margin(cJSON *root, const struct telling *t)
{
	const struct fl_cascade_margin *m = &t->course->margin;
	cJSON *o = cJSON_AddObjectToObject(root, "metastable_margin");

	fl_json_add_double(o, "load", m->load);
	fl_json_add_string(o, "node", m->station == UINT32_MAX ? NULL : station_id(t, m->station));
	fl_json_add_double(o, "capacity_per_s", m->capacity_per_s);
	fl_json_add_double(o, "amplification", m->amplification);
	fl_json_add_string(o, "why", say_margin(t));
	add_assumed(o, m->assumed);
}

static void add_losses(cJSON *root, const struct telling *t)
{
	fl_node_id *nodes = fl_alloc_array(t->n->station_count, sizeof(*nodes));
	uint32_t failed = 0, lost = 0;

	for (uint32_t i = 0; i < t->n->station_count; i++)
		if (t->course->loss[i] >= FL_CASCADE_LOST && !(t->trigger.station[i] > 0))
			nodes[failed++] = t->n->stations[i].node;
	fl_document_add_nodes(root, "failed", t->s->graph, nodes, failed);
	for (uint32_t i = 0; i < t->n->station_count; i++)
		if (t->course->loss[i] >= FL_CASCADE_LOST && t->n->stations[i].entry_weight > 0)
			nodes[lost++] = t->n->stations[i].node;
	fl_document_add_nodes(root, "entry_points_lost", t->s->graph, nodes, lost);
	free(nodes);
	cJSON *losses = cJSON_AddObjectToObject(root, "expected_loss");
	for (uint32_t i = 0; i < t->n->station_count; i++)
		if (t->n->stations[i].entry_weight > 0)
			fl_json_add_double(losses, station_id(t, i), t->course->loss[i]);
	fl_json_add_double(root, "expected_loss_overall", t->course->expected_loss);
}

static void print_json(const struct telling *t)
{
	cJSON *root = fl_document_new("faultline.blast/1");
	bool slow = t->what->mode == FL_CASCADE_SLOW;

	fl_json_add_string(root, "node", fl_graph_node(t->s->graph, t->node)->id);
	fl_json_add_string(root, "mode", slow ? "slow" : "flaky");
	fl_json_add_double(root, slow ? "slow_s" : "flaky", slow ? t->what->slow_s : t->what->flaky);
	fl_json_add_double(root, "lasts_s", t->what->lasts_s);
	fl_json_add_string(
		root, "caller", t->caller == FL_NODE_NONE ? NULL : fl_graph_node(t->s->graph, t->caller)->id);
	add_losses(root, t);
	add_steps(root, t);
	add_in_flight(root, t);
	cJSON_AddBoolToObject(root, "steady", t->course->steady);
	fl_json_add_double(root, "settles_s", t->course->settles_s);
	add_margin(root, t);
	add_assumed(root, t->course->assumed | t->course->margin.assumed);
	fl_json_add_u64(root, "rounds_cut", t->course->rounds_cut);
	fl_json_add_double(root, "cut_at_s", t->course->cut_at_s);
	fl_document_add_coverage(root, "coverage", t->s);
	fl_document_write(root);
}

/* ---- the question ---- */

int fl_cascade_print(const struct fl_system *s, const char *text, const struct fl_what_if *what, bool json,
	struct fl_error *err)
{
	fl_node_id v = fl_graph_resolve(s->graph, text, err), caller = FL_NODE_NONE;

	if (v == FL_NODE_NONE)
		return -ENOENT;
	if (what->caller != NULL && (caller = fl_graph_resolve(s->graph, what->caller, err)) == FL_NODE_NONE)
		return -ENOENT;
	struct fl_arena *a = fl_arena_new();
	struct telling t = {
		.s = s, .what = what, .n = fl_cascade_network(s, a), .node = v, .caller = caller, .a = a
	};
	int rc = 0;
	t.trigger.mode = what->mode;
	t.trigger.slow_s = what->slow_s;
	t.trigger.flaky = what->flaky;
	t.trigger.lasts_s = what->lasts_s;
	if (fl_cascade_concern(s, t.n, v, caller, &t.trigger, a) == 0) {
		rc = fl_fail(err, -ENOENT,
			"%s: nothing that calls it was measured%s%s; try 'faultline deps' for who uses what",
			fl_graph_node(s->graph, v)->id, caller == FL_NODE_NONE ? "" : " from ",
			caller == FL_NODE_NONE ? "" : fl_graph_node(s->graph, caller)->id);
	} else {
		t.course = fl_cascade(t.n, &t.trigger, a);
		if (json)
			print_json(&t);
		else
			print_text(&t);
	}
	fl_arena_free(a);
	return rc;
}
