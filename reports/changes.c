/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * changes.c - what a comparison found, for the command, the reports and pull requests
 *
 * In JSON "before" and "after" are numbers for what was measured (calls per request, calls/s, seconds, share), with the text
 * beside them, and text for the rest. A number that was not observed is null.
 */
#include "reports/changes.h"

#include <math.h>

#include "faultline/escape.h"
#include "reports/digest_internal.h"
#include "reports/inputs.h"
#include "reports/sarif.h"

enum { COMMENT_ROWS_MAX = 60 };

/* ---- words ---- */

const char *fl_say_difference(struct fl_arena *a, const struct fl_change *c)
{
	if (c->before != NULL && c->after != NULL)
		return fl_arena_printf(
			a, "%s -> %s", fl_say_sentence(a, c->before), fl_say_sentence(a, c->after));
	return fl_say_sentence(a, c->before != NULL ? c->before : c->after);
}

const char *fl_say_load(struct fl_arena *a, const struct fl_diff *d)
{
	if (isnan(d->load_before) || isnan(d->load_after))
		return NULL;
	return fl_arena_printf(a, "%.3g requests/s at the entry points, then %.3g", d->load_before, d->load_after);
}

const char *fl_say_tests(struct fl_arena *a, const struct fl_diff *d)
{
	if (d->tests == 0 && d->too_few == 0)
		return NULL;
	return fl_arena_printf(a, "%s compared, %llu more not: too little was seen of them",
		fl_say_count(a, d->tests, "measured quantity", "measured quantities"), (unsigned long long)d->too_few);
}

/* ---- JSON ---- */

static void add_change(cJSON *list, const struct fl_change *c)
{
	cJSON *o = fl_document_append(list);
	fl_json_add_string(o, "kind", fl_change_name(c->kind));
	fl_json_add_string(o, "from", c->from);
	fl_json_add_string(o, "to", c->to);
	if (c->quantity == NULL) {
		fl_json_add_string(o, "before", c->before);
		fl_json_add_string(o, "after", c->after);
	} else {
		fl_json_add_double(o, "before", c->before_value);
		fl_json_add_double(o, "after", c->after_value);
		fl_json_add_string(o, "quantity", c->quantity);
		fl_json_add_string(o, "before_text", c->before);
		fl_json_add_string(o, "after_text", c->after);
	}
	fl_json_add_double(o, "p", c->p);
	fl_json_add_double(o, "q", c->quantity == NULL ? NAN : c->q);
	fl_json_add_double(o, "expected", c->expected);
	fl_json_add_string(o, "why", c->why);
}

void fl_changes_add_json(cJSON *root, const struct fl_diff *d)
{
	cJSON *list = cJSON_AddArrayToObject(root, "changes");
	for (size_t i = 0; i < d->count; i++)
		add_change(list, &d->list[i]);
	fl_json_add_u64(root, "unchanged", d->unchanged);
	fl_json_add_u64(root, "address_only", d->address_only);
	fl_json_add_u64(root, "renamed_services", d->renamed_services);
	fl_json_add_u64(root, "tested", d->tests);
	fl_json_add_u64(root, "too_few", d->too_few);
	cJSON *load = cJSON_AddObjectToObject(root, "load");
	fl_json_add_double(load, "before", d->load_before);
	fl_json_add_double(load, "after", d->load_after);
}

/* ---- Markdown ---- */

void fl_changes_write_markdown(FILE *out, struct fl_arena *a, const struct fl_diff *d, size_t most)
{
	if (d->count > 0)
		fputs("\n| Change | From | To | Before | After | Why |\n| --- | --- | --- | --- | --- | --- |\n", out);
	for (size_t i = 0; i < d->count && i < most; i++) {
		const struct fl_change *c = &d->list[i];
		fputs("|", out);
		fl_markdown_cell(out, fl_say_change(c));
		fl_markdown_cell(out, fl_say_id(a, c->from));
		fl_markdown_cell(out, fl_say_id(a, c->to));
		fl_markdown_cell(out, fl_say_name(a, c->before));
		fl_markdown_cell(out, fl_say_name(a, c->after));
		fl_markdown_cell(out, fl_say_sentence(a, c->why));
		fputc('\n', out);
	}
	if (d->count > most)
		fprintf(out, "\n%zu more; `faultline diff` lists all.\n", d->count - most);
}

static void write_count(FILE *out, struct fl_arena *a, const char *what, uint64_t old, uint64_t new)
{
	fprintf(out, "| %s | %s | %s |\n", what, fl_arena_count(a, old), fl_arena_count(a, new));
}

static void write_window(FILE *out, struct fl_arena *a, const struct fl_system *s)
{
	fl_markdown_cell(out, s->scans.count == 0 ? "a graph file" : fl_say_span(a, s->start_ns, s->end_ns));
}

static void write_coverage(FILE *out, struct fl_arena *a, const struct fl_system *old, const struct fl_system *new)
{
	const struct fl_coverage *b = &old->coverage, *n = &new->coverage;
	fputs("\n| Seen | Older | Newer |\n| --- | ---: | ---: |\n| Window |", out);
	write_window(out, a, old);
	write_window(out, a, new);
	fputc('\n', out);
	write_count(out, a, "Scans", old->scans.count, new->scans.count);
	write_count(out, a, "Packets", b->packets, n->packets);
	write_count(out, a, "Packets dropped", b->dropped_kernel + b->dropped_interface,
		n->dropped_kernel + n->dropped_interface);
	write_count(out, a, "Flows", b->flows, n->flows);
	write_count(out, a, "Flows without a name", b->flows - b->flows_named, n->flows - n->flows_named);
	write_count(out, a, "Flows of no known service", b->flows_unattributed, n->flows_unattributed);
	write_count(out, a, "Limits met", b->limit_count, n->limit_count);
	write_count(out, a, "Blind spots", b->blind_spot_count, n->blind_spot_count);
}

void fl_diff_write_markdown(
	FILE *out, const struct fl_system *old, const struct fl_system *new, const struct fl_diff *d)
{
	struct fl_arena *a = fl_arena_new();
	const char *load = fl_say_load(a, d), *tests = fl_say_tests(a, d);
	fprintf(out, "## faultline: %s\n\n%s unchanged, %llu of them but for addresses.",
		fl_say_count(a, d->count, "change", "changes"),
		fl_say_count(a, d->unchanged, "dependency", "dependencies"), (unsigned long long)d->address_only);
	if (load != NULL)
		fprintf(out, " Load: %s.", load);
	if (tests != NULL)
		fprintf(out, " %s.", tests);
	fputc('\n', out);
	fl_changes_write_markdown(out, a, d, COMMENT_ROWS_MAX);
	write_coverage(out, a, old, new);
	fl_arena_free(a);
}

/* ---- SARIF ---- */

static const struct fl_sarif_rule rules[] = {
	[FL_CHANGE_ADDED] = { "added", "A service uses something that it did not use before.", "warning" },
	[FL_CHANGE_GONE] = { "gone", "A service no longer uses something.", "note" },
	[FL_CHANGE_NOT_SEEN_YET] = { "not-seen-yet",
		"Seen on one side only, and the other was too short to have seen it for sure.", "note" },
	[FL_CHANGE_MOVED] = { "moved", "A service uses another name of the same domain.", "note" },
	[FL_CHANGE_PROVIDER] = { "provider", "Another provider answers for the same name.", "warning" },
	[FL_CHANGE_FAN_OUT] = { "fan-out", "The number of calls per inbound request differs.", "warning" },
	[FL_CHANGE_RATE] = { "rate", "The rate of calls that no request causes differs.", "warning" },
	[FL_CHANGE_LATENCY] = { "latency", "The time to the first byte of answers differs.", "warning" },
	[FL_CHANGE_FAILURES] = { "failures", "The share of calls that fail differs.", "warning" },
	[FL_CHANGE_RETRY] = { "retry", "A caller tries again in another way.", "warning" },
	[FL_CHANGE_TIMEOUT] = { "timeout", "A caller gives up after another time.", "warning" },
	[FL_CHANGE_SPOF_NEW] = { "spof-new", "Something has become a single point of failure.", "error" },
	[FL_CHANGE_SPOF_LOST] = { "spof-lost", "Something has ceased to be a single point of failure.", "note" },
	[FL_CHANGE_SHARED_FATE_NEW] = { "shared-fate-new", "What should be independent fails together.", "error" },
	[FL_CHANGE_SHARED_FATE_LOST] = { "shared-fate-lost", "What failed together no longer does.", "note" },
};
_Static_assert(FL_ARRAY_LEN(rules) == FL_CHANGE_COUNT, "one rule a kind");

void fl_diff_write_sarif(FILE *out, const struct fl_diff *d, const char *file)
{
	struct fl_arena *a = fl_arena_new();
	struct fl_sarif *s = fl_sarif_new(rules, FL_ARRAY_LEN(rules));
	for (size_t i = 0; i < d->count; i++) {
		const struct fl_change *c = &d->list[i];
		const char *difference = fl_say_difference(a, c);
		const char *message = fl_arena_printf(a, "%s: %s > %s: %s%s%s", fl_say_change(c), fl_say_id(a, c->from),
			fl_say_id(a, c->to), difference == NULL ? "" : difference, difference == NULL ? "" : "; ",
			fl_say_sentence(a, c->why));
		cJSON *more = fl_sarif_add(s, &(struct fl_sarif_result){ .rule = (size_t)c->kind, .message = message,
						      .from = c->from, .to = c->to, .file = file });
		fl_json_add_double(more, "p", c->p);
		fl_json_add_double(more, "expected", c->expected);
	}
	fl_sarif_end(s, out);
	fl_arena_free(a);
}
