/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * html_findings.c - HTML report: the picture, the single points of failure and the blast of each
 */
#include <errno.h>
#include <stdlib.h>

#include "reports/html_internal.h"

enum { FAILING_ROWS_MAX = 40, SPOF_ROWS_MAX = 60, BLAST_NODES_MAX = 45 };

static const char system_legend[] =
	"Arrows point from a service to what it needs. \"SPOF 1\" is the worst single point of failure, the first "
	"three have a double border. Dashed: used by fewer than half of the requests, or background. Percent: share of the caller's "
	"requests that use it; x2.0: calls per request; 1 of 2: so many must work. Boxes are hosts, dashed boxes "
	"providers.";

static void write_caption(FILE *out, const struct fl_figure *f, const struct fl_picture *p, const char *legend)
{
	char marks[FL_MARKS_TEXT];
	fputs("<figcaption>", out);
	if (f->omitted > 0)
		fprintf(out, "Only what matters most is drawn: %zu of %zu nodes%s. ", f->shown,
			f->shown + f->omitted, f->slow ? ", since drawing all took too long" : "");
	fl_html_text(out, legend);
	fl_html_text(out, fl_marks_text(fl_picture_ranks(p), marks));
	fputs("</figcaption>\n", out);
}

/* A picture, or the reason why there is none. @most as in fl_figure_draw(). Returns how many nodes were left
 * out. */
static size_t write_figure(FILE *out, const struct fl_picture *p, size_t most, const char *prefix,
	const char *legend)
{
	struct fl_figure f;
	struct fl_error err;
	if (fl_figure_draw(&f, p, "svg", most, false, &err) != 0) {
		fputs("<p><strong>No picture:</strong> ", out);
		fl_html_text(out, err.text);
		fputs(".</p>\n", out);
		return 0;
	}
	fputs("<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Picture\">\n", out);
	fl_svg_write_inline(out, f.data, f.size, prefix, p->title);
	fputs("</div>\n", out);
	write_caption(out, &f, p, legend);
	fputs("</figure>\n", out);
	free(f.data);
	return f.omitted;
}

void fl_html_system_picture(FILE *out, const struct fl_digest *d)
{
	struct fl_picture p = {
		.system = d->report->system,
		.ranking = d->report->ranking,
		.cause = FL_NODE_NONE,
		.title = fl_arena_printf(d->arena, "The system: %zu services, %zu entry points, %zu external "
			"endpoints; the tables below say the same in words", d->services, d->entry_points,
			d->external_names),
	};
	fputs("<section class=\"whole\" aria-labelledby=\"system\">\n<h2 id=\"system\">The system</h2>\n", out);
	size_t omitted = write_figure(out, &p, FL_FIGURE_NODES_MAX, "system", system_legend);
	fputs("</section>\n", out);
	if (omitted == 0)
		return;
	fputs("<details class=\"screen\"><summary>The whole picture, with everything in it</summary>\n", out);
	write_figure(out, &p, 0, "whole", system_legend);
	fputs("</details>\n", out);
}

static void write_spof_row(FILE *out, const struct fl_digest *d, const struct fl_finding *f)
{
	const struct fl_spof *s = f->spof;
	fprintf(out, "<tr><td class=\"n\">%u</td><th scope=\"row\">", s->rank);
	if (f->section != 0)
		fprintf(out, "<a href=\"#finding-%zu\">", f->section);
	fl_html_text(out, f->label);
	fputs(f->section != 0 ? "</a> " : " ", out);
	fl_html_element(out, "small", f->kind);
	fprintf(out, "</th><td class=\"n\">%u</td><td class=\"n\">", s->entry_point_count);
	fl_html_text(out, fl_say_share(d->arena, s->expected_loss));
	fprintf(out, "</td><td class=\"n\">%u</td><td>", s->services_lost);
	fl_html_text(out, s->redundancy == NULL ? "none" : s->redundancy);
	fputs("</td><td>", out);
	fl_html_text(out, f->why);
	if (f->also != NULL)
		fl_html_element(out, "small", fl_arena_printf(d->arena, "Fails together with it: %s", f->also));
	fputs("</td></tr>\n", out);
}

void fl_html_spofs(FILE *out, const struct fl_digest *d)
{
	static const char *const headings[] = { "#Rank", "What", "#Entry points lost", "#Requests lost",
						"#Services lost", "Redundancy", "Why" };
	fputs("<section aria-labelledby=\"spofs\">\n<h2 id=\"spofs\">Single points of failure</h2>\n", out);
	if (d->finding_count == 0) {
		fputs("<p>None was found in what was seen.</p>\n</section>\n", out);
		return;
	}
	fl_html_table_open(out, "spofs", fl_arena_printf(d->arena, "%zu found, worst first. Entry points in all: %zu.",
		d->finding_count, d->entry_points), headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < d->finding_count && i < SPOF_ROWS_MAX; i++)
		write_spof_row(out, d, &d->findings[i]);
	fl_html_table_close(out);
	if (d->finding_count > SPOF_ROWS_MAX)
		fprintf(out, "<p>%d of %zu are shown; \"faultline rank\" lists all.</p>\n", SPOF_ROWS_MAX,
			d->finding_count);
	fputs("</section>\n", out);
}

static void write_failing(FILE *out, const struct fl_finding *f)
{
	static const char *const headings[] = { "#Step", "Fails", "Because" };
	if (f->failing_count == 0)
		return;
	fl_html_table_open(out, "failing", "What fails, in order", headings, FL_ARRAY_LEN(headings));
	for (size_t i = 0; i < f->failing_count && i < FAILING_ROWS_MAX; i++) {
		const struct fl_failing *x = &f->failing[i];
		fprintf(out, "<tr><td class=\"n\">%d</td><th scope=\"row\">", x->step);
		fl_html_text(out, x->kind);
		fputc(' ', out);
		fl_html_text(out, x->label);
		fputs(x->entry_point ? " <span class=\"tag bad\">entry point</span></th><td>" : "</th><td>", out);
		fl_html_text(out, x->because);
		fputs("</td></tr>\n", out);
	}
	fl_html_table_close(out);
	if (f->failing_count > FAILING_ROWS_MAX)
		fprintf(out, "<p>%d of %zu are shown; \"faultline blast\" lists all.</p>\n", FAILING_ROWS_MAX,
			f->failing_count);
}

static void write_finding(FILE *out, const struct fl_digest *d, const struct fl_finding *f)
{
	struct fl_arena *a = d->arena;
	const struct fl_spof *s = f->spof;
	fprintf(out, "<section class=\"finding\" aria-labelledby=\"finding-%zu\">\n<h3 id=\"finding-%zu\">SPOF %u: ",
		f->section, f->section, s->rank);
	fl_html_text(out, f->kind);
	fputc(' ', out);
	fl_html_text(out, f->label);
	fputs("</h3>\n", out);
	if (d->entry_points > 0)
		fl_html_element(out, "p", fl_arena_printf(a, "%s %s (%s) and affects %s besides itself; %s of the requests "
			"from outside are lost. Redundancy: %s.",
			s->expected_loss < FL_WHOLE_LOSS ? "Degrades" : "Takes down", fl_say_count(a, s->entry_point_count, "entry point",
			"entry points"), f->entry_points, fl_say_count(a, s->services_lost, "service", "services"),
			fl_say_share(a, s->expected_loss), s->redundancy == NULL ? "none" : s->redundancy));
	fl_html_element(out, "p", f->why);
	if (f->also != NULL)
		fl_html_element(out, "p", fl_arena_printf(a, "Fails together with it: %s.", f->also));
	struct fl_picture p = {
		.system = d->report->system,
		.ranking = d->report->ranking,
		.blast = f->blast,
		.cause = s->node,
		.title = fl_arena_printf(a, "What fails when %s %s fails; the table below lists it", f->kind,
			f->label),
	};
	char prefix[32];
	snprintf(prefix, sizeof(prefix), "finding%zu", f->section);
	write_figure(out, &p, BLAST_NODES_MAX, prefix,
		"CAUSE, white on dark: what fails first. Step 1, 2 ...: what fails next, in this order, paler by step. "
		"Grey border: goes on.");
	write_failing(out, f);
	fputs("</section>\n", out);
}

void fl_html_findings(FILE *out, const struct fl_digest *d)
{
	if (d->sections == 0)
		return;
	fputs("<section class=\"blasts\" aria-labelledby=\"blasts\">\n<h2 id=\"blasts\">Blast radius of the worst</h2>\n", out);
	for (size_t i = 0; i < d->finding_count; i++)
		if (d->findings[i].section != 0)
			write_finding(out, d, &d->findings[i]);
	fputs("</section>\n", out);
}
