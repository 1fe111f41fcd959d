/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * markdown.c - the report for a pull request or a wiki
 *
 * The same as the HTML report without pictures, and shorter: what does not fit into a comment is counted. CommonMark
 * with tables; every name is escaped, so that it can be neither markup nor HTML nor a mention.
 */
#include <math.h>

#include "faultline/escape.h"
#include "reports/changes.h"
#include "reports/behave_internal.h"
#include "reports/cycles.h"
#include "reports/digest_internal.h"
#include "reports/shared.h"

enum { SPOF_ROWS_MAX = 20, FAILING_ROWS_MAX = 15, EXTERNAL_ROWS_MAX = 60, LISTED_ROWS_MAX = 30,
       CHANGE_ROWS_MAX = 60 };

static void write_text(FILE *out, const char *text)
{
	fl_escape_write(out, FL_LANGUAGE_MARKDOWN, text);
}

void fl_markdown_cell(FILE *out, const char *text)
{
	fputs(" ", out);
	write_text(out, text == NULL || text[0] == '\0' ? "-" : text);
	fputs(" |", out);
}

static void write_rest(FILE *out, size_t count, size_t shown, const char *command)
{
	if (count > shown)
		fprintf(out, "\n%zu more; `faultline %s` lists all.\n", count - shown, command);
}

static void write_head(FILE *out, const struct fl_digest *d)
{
	fputs("# faultline: ", out);
	write_text(out, d->title);
	fputs("\n\n", out);
	if (d->window != NULL) {
		fputs("Watched from ", out);
		write_text(out, d->window);
		fputs(". ", out);
	}
	fprintf(out, "Hosts: %zu, services: %zu, entry points: %zu, external endpoints: %zu.\n\n## In short\n\n",
		d->hosts, d->services, d->entry_points, d->external_names);
	for (size_t i = 0; i < d->sentence_count; i++) {
		fprintf(out, "%zu. ", i + 1);
		write_text(out, d->sentences[i]);
		fputc('\n', out);
	}
}

static void write_coverage(FILE *out, const struct fl_digest *d)
{
	fputs("\n## Coverage\n\n", out);
	if (!d->scanned)
		fputs("The input is a failure graph: nothing is known of how much of the system was seen.\n", out);
	else
		fputs("| What | Value |\n| --- | ---: |\n", out);
	for (size_t i = 0; i < d->coverage_count; i++) {
		fputs("|", out);
		fl_markdown_cell(out, d->coverage[i].name);
		fl_markdown_cell(out, d->coverage[i].value);
		fputc('\n', out);
	}
	if (d->caveat_count > 0)
		fputc('\n', out);
	for (size_t i = 0; i < d->caveat_count; i++) {
		fputs("- ", out);
		write_text(out, d->caveats[i]);
		fputc('\n', out);
	}
}

static void write_spofs(FILE *out, const struct fl_digest *d)
{
	fputs("\n## Single points of failure\n\n", out);
	if (d->finding_count == 0) {
		fputs("None was found in what was seen.\n", out);
		return;
	}
	fputs("| Rank | What | Entry points lost | Requests lost | Services lost | Redundancy | Why |\n"
	      "| ---: | --- | ---: | ---: | ---: | --- | --- |\n", out);
	for (size_t i = 0; i < d->finding_count && i < SPOF_ROWS_MAX; i++) {
		const struct fl_finding *f = &d->findings[i];
		fprintf(out, "| %u |", f->spof->rank);
		fl_markdown_cell(out, fl_arena_printf(d->arena, "%s %s", f->kind, f->label));
		fprintf(out, " %u |", f->spof->entry_point_count);
		fl_markdown_cell(out, fl_say_share(d->arena, f->spof->expected_loss));
		fprintf(out, " %u |", f->spof->services_lost);
		fl_markdown_cell(out, f->spof->redundancy == NULL ? "none" : f->spof->redundancy);
		fl_markdown_cell(out, f->why);
		fputc('\n', out);
	}
	write_rest(out, d->finding_count, SPOF_ROWS_MAX, "rank");
}

static void write_finding(FILE *out, const struct fl_digest *d, const struct fl_finding *f)
{
	fprintf(out, "\n### SPOF %u: ", f->spof->rank);
	write_text(out, fl_arena_printf(d->arena, "%s %s", f->kind, f->label));
	fputs("\n\n", out);
	if (f->also != NULL) {
		fputs("Fails together with it: ", out);
		write_text(out, f->also);
		fputs(".\n\n", out);
	}
	if (f->failing_count == 0)
		return;
	fputs("| Step | Fails | Because |\n| ---: | --- | --- |\n", out);
	for (size_t i = 0; i < f->failing_count && i < FAILING_ROWS_MAX; i++) {
		const struct fl_failing *x = &f->failing[i];
		fprintf(out, "| %d |", x->step);
		fl_markdown_cell(out, fl_arena_printf(d->arena, "%s %s%s", x->kind, x->label,
			x->entry_point ? " (entry point)" : ""));
		fl_markdown_cell(out, x->because);
		fputc('\n', out);
	}
	write_rest(out, f->failing_count, FAILING_ROWS_MAX, "blast");
}

static void write_externals(FILE *out, const struct fl_digest *d)
{
	fputs("\n## External dependencies\n\n", out);
	if (d->external_count == 0) {
		fputs("None was seen.\n", out);
		return;
	}
	fputs("| Service | External endpoint | Provider | Way | Used by | Evidence |\n"
	      "| --- | --- | --- | --- | --- | --- |\n", out);
	for (size_t i = 0; i < d->external_count && i < EXTERNAL_ROWS_MAX; i++) {
		const struct fl_external *e = &d->externals[i];
		fputs("|", out);
		fl_markdown_cell(out, e->service);
		fl_markdown_cell(out, e->chain == NULL ? e->endpoint :
						   fl_arena_printf(d->arena, "%s, alias of %s", e->endpoint, e->chain));
		fl_markdown_cell(out, e->provider);
		fl_markdown_cell(out, e->reached->direct ? "direct" : e->path);
		fl_markdown_cell(out, e->use);
		fl_markdown_cell(out, e->evidence == NULL ? NULL :
			fl_arena_printf(d->arena, e->name_source == NULL ? "%s; known by address only%s" : "%s; name from %s",
				e->evidence, e->name_source == NULL ? "" : e->name_source));
		fputc('\n', out);
	}
	write_rest(out, d->external_count, EXTERNAL_ROWS_MAX, "deps");
}

static void write_listed(FILE *out, const struct fl_digest *d)
{
	if (d->listed_count == 0)
		return;
	fputs("\n## Listed, but not ranked\n\n| From | To | Why | Evidence |\n| --- | --- | --- | --- |\n", out);
	for (size_t i = 0; i < d->listed_count && i < LISTED_ROWS_MAX; i++) {
		fputs("|", out);
		fl_markdown_cell(out, d->listed[i].from);
		fl_markdown_cell(out, d->listed[i].to);
		fl_markdown_cell(out, d->listed[i].why);
		fl_markdown_cell(out, d->listed[i].evidence);
		fputc('\n', out);
	}
	write_rest(out, d->listed_count, LISTED_ROWS_MAX, "deps");
}

static void write_changes(FILE *out, const struct fl_digest *d)
{
	const struct fl_diff *diff = d->report->diff;
	if (diff == NULL)
		return;
	fprintf(out, "\n## Changes since the older scans\n\nUnchanged: %llu, of which %llu only at other addresses.\n",
		(unsigned long long)diff->unchanged, (unsigned long long)diff->address_only);
	fl_changes_write_markdown(out, d->arena, diff, CHANGE_ROWS_MAX);
}

void fl_markdown_write(FILE *out, const struct fl_digest *d)
{
	write_head(out, d);
	write_coverage(out, d);
	write_spofs(out, d);
	for (size_t i = 0; i < d->finding_count; i++)
		if (d->findings[i].section != 0)
			write_finding(out, d, &d->findings[i]);
	fl_shared_write_markdown(out, d);
	fl_cycles_write_markdown(out, d);
	fl_behave_write_markdown(out, d);
	write_externals(out, d);
	write_listed(out, d);
	write_changes(out, d);
	fputs("\n## How to read this\n\n", out);
	for (size_t i = 0; i < fl_definition_count; i++) {
		fprintf(out, "- **%s**: ", fl_definitions[i].name);
		write_text(out, fl_definitions[i].value);
		fputc('\n', out);
	}
}
