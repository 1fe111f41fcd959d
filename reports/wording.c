/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wording.c - numbers, times, names and lists as all documents write them
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/escape.h"
#include "faultline/units.h"
#include "reports/digest_internal.h"

/* A DNS name has 253 octets at most; real ones end long before. */
enum { NAME_MAX_CHARACTERS = 120, SENTENCE_MAX_CHARACTERS = 700, NOT_SCANNED_NAMED = 4 };
enum { EXCHANGES_LEAST = 20 }; /* below, an estimate of what is missing is a guess */

const char *fl_say_share(struct fl_arena *a, double share)
{
	double percent = share * 100.0;
	if (isnan(share))
		return "unknown";
	if (percent > 0 && percent < 0.1)
		return "< 0.1 %";
	if (percent > 99.9 && percent < 100)
		return "> 99.9 %";
	bool whole = percent >= 10 || percent <= 0; /* 10 and more need no fraction */
	return fl_arena_printf(a, whole ? "%.0f %%" : "%.1f %%", percent);
}

const char *fl_say_count(struct fl_arena *a, uint64_t n, const char *one, const char *many)
{
	return fl_arena_printf(a, "%s %s", fl_arena_count(a, n), n == 1 ? one : many);
}

const char *fl_say_number(struct fl_arena *a, uint64_t n)
{
	return fl_arena_count(a, n);
}

const char *fl_say_time(struct fl_arena *a, int64_t time_ns)
{
	char text[FL_TIME_TEXT];
	fl_time_format(time_ns - time_ns % FL_NS_PER_S, text);
	char *t = strchr(text, 'T'), *z = strchr(text, 'Z');
	if (t != NULL)
		*t = ' ';
	if (z != NULL)
		*z = '\0';
	return fl_arena_printf(a, "%s UTC", text);
}

const char *fl_say_span(struct fl_arena *a, int64_t start_ns, int64_t end_ns)
{
	const char *start = fl_say_time(a, start_ns), *end = fl_say_time(a, end_ns);
	size_t date = strcspn(start, " ");
	if (strncmp(start, end, date + 1) != 0)
		return fl_arena_printf(a, "%s to %s", start, end);
	size_t zone = strlen(" UTC");
	return fl_arena_printf(a, "%.*s to %s", (int)(strlen(start) - zone), start, end + date + 1);
}

const char *fl_say_strings(struct fl_arena *a, const char *const *items, size_t count, const char *separator)
{
	size_t size = 1;
	for (size_t i = 0; i < count; i++)
		size += strlen(items[i]) + strlen(separator);
	char *text = fl_arena_alloc(a, size);
	char *at = text;
	for (size_t i = 0; i < count; i++) {
		at = stpcpy(at, i == 0 ? "" : separator);
		at = stpcpy(at, items[i]);
	}
	return text;
}

const char *fl_say_list(struct fl_arena *a, const char *const *items, size_t count, size_t most)
{
	if (count <= most)
		return fl_say_strings(a, items, count, ", ");
	return fl_arena_printf(a, "%s and %zu more", fl_say_strings(a, items, most, ", "), count - most);
}

const char *fl_say_node(struct fl_arena *a, const struct fl_system *s, fl_node_id v)
{
	return fl_arena_printf(a, "%s %s", fl_say_name(a, fl_graph_node(s->graph, v)->kind), fl_say_label(a, s, v));
}

static const char *cut(struct fl_arena *a, const char *text, size_t most)
{
	if (text == NULL)
		return NULL;
	char *one_line = fl_escape_string(FL_LANGUAGE_TERMINAL, text, most);
	const char *kept = fl_arena_string(a, one_line);
	free(one_line);
	return kept;
}

const char *fl_say_name(struct fl_arena *a, const char *name)
{
	return cut(a, name, NAME_MAX_CHARACTERS);
}

const char *fl_say_sentence(struct fl_arena *a, const char *text)
{
	return cut(a, text, SENTENCE_MAX_CHARACTERS);
}

const char *fl_say_label(struct fl_arena *a, const struct fl_system *s, fl_node_id v)
{
	return fl_say_name(a, fl_system_label(s, v));
}

const char *fl_say_evidence(struct fl_arena *a, const struct fl_scan_dependency *m)
{
	const struct fl_connections *c = &m->connections;
	uint64_t connections = c->tried + c->midstream;
	uint64_t bad = c->refused + c->timed_out;
	const char *text = fl_arena_printf(a, "%s, %s%s%s",
		fl_say_count(a, connections, "connection", "connections"), m->exchanges_lower_bound ? "at least " : "",
		fl_say_count(a, m->exchanges, "exchange", "exchanges"),
		m->failures > 0 ? fl_arena_printf(a, ", %llu failed", (unsigned long long)m->failures) : "");
	if (connections == 0 && c->carried > 0)
		text = fl_arena_printf(a, "%s from before, %s%s",
			fl_say_count(a, c->carried, "connection", "connections"), m->exchanges_lower_bound ? "at least " : "",
			fl_say_count(a, m->exchanges, "exchange", "exchanges"));
	if (bad > 0)
		text = fl_arena_printf(a, "%s; %llu refused or timed out", text, (unsigned long long)bad);
	if (c->reset > 0)
		text = fl_arena_printf(a, "%s; %llu reset", text, (unsigned long long)c->reset);
	return text;
}

const char *fl_say_id(struct fl_arena *a, const char *id)
{
	const char *colon = id == NULL ? NULL : strchr(id, ':');
	if (colon == NULL || colon[1] == '\0')
		return fl_say_name(a, id == NULL ? "" : id);
	size_t size = strlen(colon + 1);
	if (fl_is_host_service(id))
		return fl_say_name(a, fl_arena_printf(a, "%.*s (no known service)", (int)(size - strlen("/host")), colon + 1));
	bool tcp = size > 4 && strcmp(colon + 1 + size - 4, "/tcp") == 0; /* as in labels: only others say theirs */
	return fl_say_name(a, fl_arena_string_n(a, colon + 1, tcp ? size - 4 : size));
}

bool fl_estimate_holds(const struct fl_system *s)
{
	uint64_t exchanges = 0;
	for (size_t i = 0; i < s->dependency_count && exchanges < EXCHANGES_LEAST; i++) {
		uint64_t more = s->dependencies[i].merged->exchanges;
		exchanges += more < EXCHANGES_LEAST ? more : EXCHANGES_LEAST;
	}
	return exchanges >= EXCHANGES_LEAST;
}

const char *fl_say_not_scanned(struct fl_arena *a, const struct fl_system *s)
{
	const struct fl_graph *g = s->graph;
	const char *names[NOT_SCANNED_NAMED];
	size_t count = 0;
	for (fl_node_id v = 0; s->scans.count > 0 && v < fl_graph_order(g); v++) {
		if (!fl_graph_is_kind(g, v, "address") || fl_system_scope(s, v) == FL_SCOPE_EXTERNAL)
			continue;
		if (count < NOT_SCANNED_NAMED)
			names[count] = fl_say_label(a, s, v);
		count++;
	}
	if (count == 0)
		return NULL;
	return fl_arena_printf(a, "%s (%s inside that others depend on)",
		fl_say_list(a, names, count, NOT_SCANNED_NAMED), fl_say_count(a, count, "host", "hosts"));
}

const char *fl_say_change(const struct fl_change *c)
{
	switch (c->kind) {
	case FL_CHANGE_ADDED:
		return "new dependency";
	case FL_CHANGE_GONE:
		return "gone";
	case FL_CHANGE_NOT_SEEN_YET:
		return c->before == NULL ? "new, or not seen before" : "not seen yet";
	case FL_CHANGE_MOVED:
		return "moved";
	case FL_CHANGE_PROVIDER:
		return "other provider";
	case FL_CHANGE_FAN_OUT:
		return "other number of calls per request";
	case FL_CHANGE_RATE:
		return "other rate";
	case FL_CHANGE_LATENCY:
		return "other latency";
	case FL_CHANGE_FAILURES:
		return "other share of failures";
	case FL_CHANGE_RETRY:
		return "other retries";
	case FL_CHANGE_TIMEOUT:
		return "other timeout";
	case FL_CHANGE_SPOF_NEW:
		return "new single point of failure";
	case FL_CHANGE_SPOF_LOST:
		return "no single point of failure any more";
	case FL_CHANGE_SHARED_FATE_NEW:
		return "new shared fate";
	case FL_CHANGE_SHARED_FATE_LOST:
		return "no shared fate any more";
	case FL_CHANGE_COUNT:
		break;
	}
	return fl_change_name(c->kind);
}

const struct fl_fact fl_definitions[] = {
	{ "Single point of failure (SPOF)",
	  "something whose failure alone takes down at least one entry point. SPOF 1 is the worst." },
	{ "Entry point", "a service that clients outside the scanned hosts connect to." },
	{ "Blast radius", "everything that fails when one thing fails, as the least fixed point over what requires what; "
			  "the thing itself left out." },
	{ "Step", "counts what the picture shows; the command blast counts the names and addresses in between as well." },
	{ "Fails", "a service is taken to fail with whatever its requests use, unless something can stand in for it. What "
		   "it can do without, packets do not tell." },
	{ "Requests lost (expected loss)", "the share of entry-point requests lost while it is down, weighted by how many requests "
			   "use it (coupling)." },
	{ "Redundancy", "\"confirmed\" when a failure followed by success on another member was seen or a model says "
			"so; \"assumed\" when there are several members but no fail-over was seen; else \"none\"." },
	{ "Not seen is not absent", "a dependency that nothing used in the window, or that the capture point cannot see, "
				    "is missing here. The coverage says how much that may be." },
};
const size_t fl_definition_count = FL_ARRAY_LEN(fl_definitions);
