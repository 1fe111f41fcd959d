/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * html_tables.c - HTML report: external dependencies, what has no rank, changes
 */
#include <math.h>
#include <string.h>

#include "reports/html_internal.h"

/* A report is read by people; the lists in full are for "faultline deps". */
enum { EXTERNAL_ROWS_MAX = 600, LISTED_ROWS_MAX = 200, CHANGE_ROWS_MAX = 300 };

static void write_external_row(FILE *out, const struct fl_digest *d, const struct fl_external *e)
{
	fputs("<tr><th scope=\"row\">", out);
	fl_html_text(out, e->endpoint);
	if (e->chain != NULL)
		fl_html_element(out, "small", fl_arena_printf(d->arena, "alias of %s", e->chain));
	fputs("</th><td>", out);
	fl_html_text(out, e->provider == NULL ? "-" : e->provider);
	fputs("</td><td>", out);
	fl_html_text(out, e->reached->direct ? "direct" : e->path);
	fputs("</td><td>", out);
	fl_html_text(out, e->use);
	fputs("</td><td>", out);
	fl_html_text(out, e->evidence == NULL ? "-" : e->evidence);
	fl_html_element(out, "small", e->seen);
	if (e->evidence != NULL)
		fl_html_element(out, "small", e->name_source == NULL ?
			"bare address, no name was seen" :
			fl_arena_printf(d->arena, "name from %s", e->name_source));
	fputs("</td></tr>\n", out);
}

static void write_group_row(FILE *out, const struct fl_external *e, size_t columns)
{
	fprintf(out, "<tr class=\"group\"><th scope=\"colgroup\" colspan=\"%zu\">", columns);
	fl_html_text(out, e->service);
	fputs(e->entry_point ? " <span class=\"tag\">entry point</span></th></tr>\n" : "</th></tr>\n", out);
}

void fl_html_externals(FILE *out, const struct fl_digest *d)
{
	static const char *const headings[] = { "External endpoint", "Provider", "Way", "Used by", "Evidence" };
	fputs("<section aria-labelledby=\"externals\">\n<h2 id=\"externals\">External dependencies</h2>\n", out);
	if (d->external_count == 0) {
		fputs("<p>None was seen.</p>\n</section>\n", out);
		return;
	}
	fl_html_table_open(out, "externals", fl_arena_printf(d->arena, "By service, entry points first, with those that are only "
		"reached through others. Distinct external endpoints: %zu; %zu of them are used by no entry point "
		"itself. The evidence is that of the last link of the way.", d->external_names,
		d->hidden_externals), headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < d->external_count && i < EXTERNAL_ROWS_MAX; i++) {
		const struct fl_external *e = &d->externals[i];
		if (i == 0 || e->reached->from != d->externals[i - 1].reached->from)
			write_group_row(out, e, FL_ARRAY_LEN(headings));
		write_external_row(out, d, e);
	}
	fl_html_table_close(out);
	if (d->external_count > EXTERNAL_ROWS_MAX)
		fprintf(out, "<p>%d of %zu are shown; \"faultline deps\" lists all.</p>\n", EXTERNAL_ROWS_MAX,
			d->external_count);
	fputs("</section>\n", out);
}

void fl_html_listed(FILE *out, const struct fl_digest *d)
{
	static const char *const headings[] = { "From", "To", "Why it has no rank", "Evidence" };
	fputs("<section aria-labelledby=\"listed\">\n<h2 id=\"listed\">Listed, but not ranked</h2>\n", out);
	if (d->listed_count == 0) {
		fputs("<p>Nothing: no probes, no unanswered attempts, no background traffic were seen.</p>\n"
		      "</section>\n", out);
		return;
	}
	fl_html_table_open(out, "listed", "Seen, but nothing that requests wait for, as far as one can tell",
		headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < d->listed_count && i < LISTED_ROWS_MAX; i++) {
		const struct fl_listed *l = &d->listed[i];
		fputs("<tr>", out);
		fl_html_element(out, "th scope=\"row\"", l->from);
		fl_html_element(out, "td", l->to);
		fl_html_element(out, "td", l->why);
		fl_html_element(out, "td", l->evidence);
		fputs("</tr>\n", out);
	}
	fl_html_table_close(out);
	if (d->listed_count > LISTED_ROWS_MAX)
		fprintf(out, "<p>%d of %zu are shown; \"faultline deps\" lists all.</p>\n", LISTED_ROWS_MAX,
			d->listed_count);
	fputs("</section>\n", out);
}

static void write_change(FILE *out, const struct fl_digest *d, const struct fl_change *c)
{
	struct fl_arena *a = d->arena;
	fputs("<tr>", out);
	fl_html_element(out, "th scope=\"row\"", fl_say_change(c));
	fl_html_element(out, "td", fl_say_id(a, c->from));
	fl_html_element(out, "td", fl_say_id(a, c->to));
	fputs("<td>", out);
	fl_html_text(out, fl_say_sentence(a, c->why));
	if (c->before != NULL || c->after != NULL)
		fl_html_element(out, "small", fl_arena_printf(a, "before: %s; after: %s",
			c->before == NULL ? "-" : fl_say_name(a, c->before),
			c->after == NULL ? "-" : fl_say_name(a, c->after)));
	if (!isnan(c->expected))
		fl_html_element(out, "small", fl_arena_printf(a, "expected %.1f exchanges in the %s window, "
			"p = %.2g", c->expected, c->before == NULL ? "older" : "newer", c->p));
	fputs("</td></tr>\n", out);
}

void fl_html_changes(FILE *out, const struct fl_digest *d)
{
	static const char *const headings[] = { "Change", "From", "To", "Why" };
	const struct fl_diff *diff = d->report->diff;
	if (diff == NULL)
		return;
	fputs("<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">Changes since the older scans</h2>\n", out);
	fl_html_element(out, "p", fl_arena_printf(d->arena, "%s without a change, of which %llu only at other "
		"addresses.", fl_say_count(d->arena, diff->unchanged, "dependency", "dependencies"),
		(unsigned long long)diff->address_only));
	if (diff->count == 0)
		fputs("<p>No change was found.</p>\n", out);
	else
		fl_html_table_open(out, "changes", NULL, headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < diff->count && i < CHANGE_ROWS_MAX; i++)
		write_change(out, d, &diff->list[i]);
	if (diff->count > 0)
		fl_html_table_close(out);
	if (diff->count > CHANGE_ROWS_MAX)
		fprintf(out, "<p>%d of %zu are shown; \"faultline diff\" lists all.</p>\n", CHANGE_ROWS_MAX,
			diff->count);
	fputs("</section>\n", out);
}
