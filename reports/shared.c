/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared.c - shared fate in words, JSON and sections of a report
 *
 * A report shows the findings and what to separate first. Replicas that call the same thing, as replicas do, stand
 * among its single points of failure already and are only counted.
 */
#include "reports/shared.h"

#include "faultline/escape.h"
#include "reports/html_internal.h"
#include "reports/inputs.h"

enum { MEMBERS_NAMED = 4, ROWS_MAX = 100, SEPARATE_SHOWN = 5 };

/* ---- words ---- */

const char *fl_say_shared_members(struct fl_arena *a, const struct fl_shared_fate *f)
{
	const char *names[MEMBERS_NAMED];
	for (size_t i = 0; i < f->member_count && i < MEMBERS_NAMED; i++)
		names[i] = fl_say_id(a, f->members[i]);
	return fl_say_list(a, names, f->member_count, MEMBERS_NAMED);
}

const char *fl_say_shared_group(struct fl_arena *a, const struct fl_shared_fate *f)
{
	return f->needs == 0 ? f->group : fl_say_id(a, f->group);
}

const char *fl_say_fail_over(const struct fl_shared_fate *f)
{
	static const char *const redundancy[] = { NULL, "assumed", "confirmed" };
	return redundancy[f->redundancy];
}

const char *fl_say_separation(struct fl_arena *a, const struct fl_system *s, const struct fl_shared_fate *f)
{
	return fl_arena_printf(a, "%s, which share %s: once they do not, its failure would lose %s of the requests instead of %s",
		fl_say_shared_members(a, f), fl_say_node(a, s, f->shares), fl_say_share(a, f->loss_after),
		fl_say_share(a, f->expected_loss));
}

static const struct fl_shared *shared_of(const struct fl_digest *d)
{
	const struct fl_shared *r = d->report->shared;
	return r != NULL && r->count + r->dropped > 0 ? r : NULL;
}

const char *fl_shared_sentence(const struct fl_digest *d)
{
	const struct fl_shared *r = d->report->shared;
	size_t breaking = 0;
	while (r != NULL && breaking < r->count && r->list[breaking].breaks)
		breaking++; /* they stand first */
	if (breaking == 0)
		return NULL;
	const struct fl_shared_fate *f = &r->list[0];
	return fl_arena_printf(d->arena, "Meant to be redundant, but failing together in %s: %s of %s, which share %s%s.",
		fl_say_count(d->arena, breaking, "case", "cases"), fl_say_shared_members(d->arena, f),
		fl_say_shared_group(d->arena, f), fl_say_node(d->arena, d->report->system, f->shares),
		breaking > 1 ? ", is the worst" : "");
}

/* ---- JSON ---- */

static void add_fate(cJSON *list, const struct fl_graph *g, const struct fl_shared_fate *f)
{
	static const char *const redundancy[] = { "none", "assumed", "confirmed" };
	cJSON *o = fl_document_append(list);
	fl_json_add_string(o, "group", f->group);
	fl_json_add_strings(o, "members", f->members, f->member_count);
	fl_json_add_string(o, "shares", fl_graph_node(g, f->shares)->id);
	fl_json_add_string(o, "kind", f->kind);
	fl_document_add_nodes(o, "also", g, f->also, f->also_count);
	fl_json_add_u64(o, "needs", f->needs);
	fl_json_add_u64(o, "group_size", f->group_size);
	cJSON_AddBoolToObject(o, "breaks", f->breaks);
	fl_json_add_string(o, "redundancy", redundancy[f->redundancy]);
	fl_json_add_double(o, "expected_loss", f->expected_loss);
	fl_json_add_strings(o, "common_names", f->common_names, f->common_name_count);
	fl_json_add_string(o, "why", f->why);
}

static void add_fates(
	cJSON *root, const char *key, const struct fl_graph *g, const struct fl_shared_fate *list, size_t count)
{
	cJSON *array = cJSON_AddArrayToObject(root, key);
	for (size_t i = 0; i < count; i++)
		add_fate(array, g, &list[i]);
}

static void add_separations(cJSON *root, const struct fl_graph *g, const struct fl_shared *r)
{
	cJSON *list = cJSON_AddArrayToObject(root, "separate_first");
	for (size_t i = 0; i < r->separate_count; i++) {
		const struct fl_shared_fate *f = &r->list[r->separate[i]];
		cJSON *o = fl_document_append(list);
		fl_json_add_string(o, "shares", fl_graph_node(g, f->shares)->id);
		fl_json_add_string(o, "group", f->group);
		fl_json_add_strings(o, "members", f->members, f->member_count);
		fl_json_add_double(o, "loss_before", f->expected_loss);
		fl_json_add_double(o, "loss_after", f->loss_after);
		fl_json_add_double(o, "drop", f->expected_loss - f->loss_after);
	}
}

void fl_shared_add_json(cJSON *root, const struct fl_graph *g, const struct fl_shared *r)
{
	add_fates(root, "shared_fate", g, r->list, r->count);
	add_separations(root, g, r);
	add_fates(root, "common", g, r->common, r->common_count);
	add_fates(root, "inherent", g, r->inherent, r->inherent_count);
	fl_json_add_u64(root, "dropped", r->dropped);
}

void fl_shared_add_report_json(cJSON *root, const struct fl_digest *d)
{
	const struct fl_shared *r = d->report->shared;
	if (r == NULL)
		return;
	fl_shared_add_json(cJSON_AddObjectToObject(root, "shared"), d->report->system->graph, r);
}

/* ---- sections ---- */

static const char *say_rest(const struct fl_digest *d, const struct fl_shared *r)
{
	struct fl_arena *a = d->arena;
	const char *parts[3];
	size_t count = 0;
	if (r->count > ROWS_MAX)
		parts[count++] = fl_arena_printf(a, "%d of %zu are shown", ROWS_MAX, r->count);
	if (r->common_count > 0)
		parts[count++] = fl_arena_printf(a, "%zu more %s of replicas that call the same thing, which is what replicas do",
			r->common_count, r->common_count == 1 ? "is" : "are");
	if (r->dropped > 0)
		parts[count++] = fl_arena_printf(a, "%llu nodes and pairs were not looked at: the graph is too large",
			(unsigned long long)r->dropped);
	return count == 0 ? NULL : fl_say_strings(a, parts, count, "; ");
}

static void write_html_row(FILE *out, const struct fl_digest *d, const struct fl_shared_fate *f)
{
	struct fl_arena *a = d->arena;
	const char *fail_over = fl_say_fail_over(f);
	fputs("<tr>", out);
	fl_html_element(out, "th scope=\"row\"", fl_say_shared_group(a, f));
	fl_html_element(out, "td", fl_say_shared_members(a, f));
	fl_html_element(out, "td", fl_say_node(a, d->report->system, f->shares));
	fl_html_element(out, "td class=\"n\"", fl_say_share(a, f->expected_loss));
	fl_html_element(out, "td", fail_over == NULL ? "-" : fail_over);
	fl_html_element(out, "td", fl_say_sentence(a, f->why));
	fputs("</tr>\n", out);
}

static void write_html_separations(FILE *out, const struct fl_digest *d, const struct fl_shared *r)
{
	if (r->separate_count == 0)
		return;
	fputs("<p>To separate first:</p>\n<ol>\n", out);
	for (size_t i = 0; i < r->separate_count && i < SEPARATE_SHOWN; i++) {
		fl_html_element(out, "li", fl_say_separation(d->arena, d->report->system, &r->list[r->separate[i]]));
		fputc('\n', out);
	}
	fputs("</ol>\n", out);
}

void fl_shared_write_html(FILE *out, const struct fl_digest *d)
{
	static const char *const headings[] = { "Group", "Members", "Share", "#Requests lost with it", "Fail-over", "Why" };
	const struct fl_shared *r = shared_of(d);
	if (r == NULL)
		return;
	fputs("<section aria-labelledby=\"shared\">\n<h2 id=\"shared\">Shared fate</h2>\n", out);
	if (r->count > 0)
		fl_html_table_open(out, "shared", "Meant to be redundant, or from different vendors, and failing together",
			headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < r->count && i < ROWS_MAX; i++)
		write_html_row(out, d, &r->list[i]);
	if (r->count > 0)
		fl_html_table_close(out);
	write_html_separations(out, d, r);
	const char *rest = say_rest(d, r);
	if (rest != NULL)
		fl_html_element(out, "p", fl_arena_printf(d->arena, "%s. \"faultline shared\" has more.", rest));
	fputs("</section>\n", out);
}

void fl_shared_write_markdown(FILE *out, const struct fl_digest *d)
{
	const struct fl_shared *r = shared_of(d);
	struct fl_arena *a = d->arena;
	if (r == NULL)
		return;
	fputs("\n## Shared fate\n\n", out);
	if (r->count > 0)
		fputs("| Group | Members | Share | Requests lost with it | Fail-over | Why |\n"
		      "| --- | --- | --- | ---: | --- | --- |\n", out);
	for (size_t i = 0; i < r->count && i < ROWS_MAX; i++) {
		const struct fl_shared_fate *f = &r->list[i];
		fputc('|', out);
		fl_markdown_cell(out, fl_say_shared_group(a, f));
		fl_markdown_cell(out, fl_say_shared_members(a, f));
		fl_markdown_cell(out, fl_say_node(a, d->report->system, f->shares));
		fl_markdown_cell(out, fl_say_share(a, f->expected_loss));
		fl_markdown_cell(out, fl_say_fail_over(f));
		fl_markdown_cell(out, fl_say_sentence(a, f->why));
		fputc('\n', out);
	}
	if (r->separate_count > 0)
		fputs("\nTo separate first:\n\n", out);
	for (size_t i = 0; i < r->separate_count && i < SEPARATE_SHOWN; i++) {
		fprintf(out, "%zu. ", i + 1);
		fl_escape_write(out, FL_LANGUAGE_MARKDOWN, fl_say_separation(a, d->report->system, &r->list[r->separate[i]]));
		fputc('\n', out);
	}
	const char *rest = say_rest(d, r);
	if (rest != NULL)
		fprintf(out, "\n%s. `faultline shared` has more.\n", rest);
}
