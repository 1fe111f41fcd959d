/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behave_report.c - the section "Behaviour" of reports: what happened while it was watched, worst first
 *
 * A table, since most of it is read by looking for one's own service. What was not observed stands below: a
 * report that is silent about retries would be read as "there are none".
 */
#include "faultline/escape.h"
#include "reports/behave_internal.h"
#include "reports/html_internal.h"
#include "reports/inputs.h"

enum { ROWS_MAX = 200 };

static const struct fl_behave *behave_of(const struct fl_digest *d)
{
	return d->scanned ? d->report->behave : NULL;
}

const char *fl_behave_sentence(struct fl_digest *d)
{
	static const struct {
		enum fl_behave_kind kind;
		const char *one, *many;
	} kinds[] = {
		{ FL_BEHAVE_STALL, "stall", "stalls" },
		{ FL_BEHAVE_OUTAGE, "failing dependency that shows further up",
			"failing dependencies that show further up" },
		{ FL_BEHAVE_SILENT_FAILURE, "silent failure", "silent failures" },
		{ FL_BEHAVE_TREND, "trend", "trends" },
	};
	const struct fl_behave *b = behave_of(d);
	const char *parts[FL_ARRAY_LEN(kinds) + 1];
	size_t count = 0, steady = 0;
	for (size_t k = 0; b != NULL && k < FL_ARRAY_LEN(kinds); k++) {
		size_t n = 0;
		for (size_t i = 0; i < b->count; i++)
			n += b->list[i].kind == kinds[k].kind && b->list[i].passed_on == NULL;
		if (n > 0)
			parts[count++] = fl_say_count(d->arena, n, kinds[k].one, kinds[k].many);
	}
	for (size_t i = 0; b != NULL && i < b->count; i++)
		steady += b->list[i].kind == FL_BEHAVE_RETRY && b->list[i].retry.class == FL_RETRY_IMMEDIATE;
	if (steady > 0)
		parts[count++] = fl_say_count(d->arena, steady, "caller that retries without backoff",
			"callers that retry without backoff");
	if (count == 0)
		return NULL;
	return fl_arena_printf(d->arena, "While it was watched: %s; the first is %s.",
		fl_say_strings(d->arena, parts, count, ", "), fl_behave_where(d->arena, &b->list[0]));
}

/* ---- HTML ---- */

static void write_row(FILE *out, const struct fl_digest *d, const struct fl_behave_finding *f)
{
	fputs("<tr>", out);
	fl_html_element(out, "th scope=\"row\"", fl_behave_headline(f));
	fl_html_element(out, "td", fl_behave_where(d->arena, f));
	fputs("<td>", out);
	fl_html_text(out, fl_say_sentence(d->arena, f->why));
	fputs("</td>", out);
	fl_html_element(out, "td", fl_behave_evidence(d->arena, f));
	fputs("</tr>\n", out);
}

void fl_behave_write_html(FILE *out, const struct fl_digest *d)
{
	static const char *const headings[] = { "What", "Where", "Numbers", "Evidence" };
	const struct fl_behave *b = behave_of(d);
	if (b == NULL)
		return;
	fputs("<section aria-labelledby=\"behaviour\">\n<h2 id=\"behaviour\">Behaviour</h2>\n", out);
	if (b->count == 0)
		fprintf(out, "<p>While it was watched: %s.</p>\n", fl_behave_nothing(b));
	else
		fl_html_table_open(out, "behaviour",
			"What happened when something failed or grew, worst first", headings,
			FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < b->count && i < ROWS_MAX; i++)
		write_row(out, d, &b->list[i]);
	if (b->count > 0)
		fl_html_table_close(out);
	if (b->count > ROWS_MAX)
		fprintf(out, "<p>%d of %zu are shown; \"faultline behave\" lists all.</p>\n", ROWS_MAX,
			b->count);
	const char **unknown = fl_behave_not_observed(d->arena, b);
	if (unknown[0] != NULL)
		fputs("<ul>\n", out);
	for (size_t i = 0; unknown[i] != NULL; i++)
		fl_html_element(out, "li", unknown[i]);
	if (unknown[0] != NULL)
		fputs("</ul>\n", out);
	fputs("</section>\n", out);
}

/* ---- Markdown ---- */

void fl_behave_write_markdown(FILE *out, const struct fl_digest *d)
{
	const struct fl_behave *b = behave_of(d);
	if (b == NULL)
		return;
	fputs("\n## Behaviour\n\n", out);
	if (b->count == 0)
		fprintf(out, "While it was watched: %s.\n", fl_behave_nothing(b));
	else
		fputs("| What | Where | Numbers | Evidence |\n| --- | --- | --- | --- |\n", out);
	for (size_t i = 0; i < b->count && i < ROWS_MAX; i++) {
		const struct fl_behave_finding *f = &b->list[i];
		fputs("|", out);
		fl_markdown_cell(out, fl_behave_headline(f));
		fl_markdown_cell(out, fl_behave_where(d->arena, f));
		fl_markdown_cell(out, fl_say_sentence(d->arena, f->why));
		fl_markdown_cell(out, fl_behave_evidence(d->arena, f));
		fputc('\n', out);
	}
	if (b->count > ROWS_MAX)
		fprintf(out, "\n%d of %zu are shown; `faultline behave` lists all.\n", ROWS_MAX, b->count);
	const char **unknown = fl_behave_not_observed(d->arena, b);
	for (size_t i = 0; unknown[i] != NULL; i++) {
		fputs(i == 0 ? "\n- " : "- ", out);
		fl_escape_write(out, FL_LANGUAGE_MARKDOWN, unknown[i]);
		fputc('\n', out);
	}
}

/* ---- JSON ---- */

void fl_behave_add_json(cJSON *root, const struct fl_behave *b)
{
	if (b == NULL) {
		cJSON_AddNullToObject(root, "behaviour");
		return;
	}
	cJSON *o = cJSON_AddObjectToObject(root, "behaviour");
	cJSON *findings = cJSON_AddArrayToObject(o, "findings");
	for (size_t i = 0; i < b->count; i++)
		fl_behave_json_finding(findings, &b->list[i]);
	cJSON *edges = cJSON_AddArrayToObject(o, "dependencies");
	for (size_t i = 0; i < b->edge_count; i++)
		fl_behave_json_edge(edges, &b->edges[i]);
}
