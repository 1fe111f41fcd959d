/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * html.c - the report as one HTML file
 *
 * Everything is in the file: style, pictures as inline SVG, no script, nothing loaded. The policy in its head
 * forbids the browser anything else, so that a name that slipped through an escape could still do nothing.
 * Sections in the order of a review: the answer, how far to trust it, the picture, the details.
 */
#include <ctype.h>
#include <string.h>

#include "faultline/escape.h"
#include "reports/behave_internal.h"
#include "reports/cycles.h"
#include "reports/html_internal.h"
#include "reports/shared.h"

void fl_html_text(FILE *out, const char *text)
{
	fl_escape_write(out, FL_LANGUAGE_HTML, text);
}

void fl_html_element(FILE *out, const char *tag, const char *text)
{
	if (text == NULL)
		return;
	fprintf(out, "<%s>", tag);
	fl_html_text(out, text);
	fprintf(out, "</%.*s>", (int)strcspn(tag, " "), tag);
}

void fl_html_table_open(FILE *out, const char *class, const char *caption, const char *const *headings,
	size_t count)
{
	fprintf(out, "<div class=\"scroll\"><table class=\"%s\">\n", class);
	fl_html_element(out, "caption", caption);
	fputs("<thead><tr>", out);
	for (size_t i = 0; i < count; i++) {
		bool number = headings[i][0] == '#';
		fl_html_element(out, number ? "th scope=\"col\" class=\"n\"" : "th scope=\"col\"",
			headings[i] + number);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
}

void fl_html_table_close(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

static void write_head(FILE *out, const struct fl_digest *d)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; img-src data:\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"referrer\" content=\"no-referrer\">\n<title>faultline report: ",
		out);
	fl_html_text(out, d->title);
	fprintf(out, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n", fl_html_screen_style, fl_html_print_style);
}

static void write_title(FILE *out, const struct fl_digest *d)
{
	fputs("<header>\n<p class=\"sub\">faultline: what breaks when one thing breaks</p>\n", out);
	fl_html_element(out, "h1", d->title);
	fputs("\n<p class=\"sub\">", out);
	if (d->window != NULL) {
		fputs("Watched from ", out);
		fl_html_text(out, d->window);
		fputs(". ", out);
	} else {
		fputs("Made from a failure graph, not from scans. ", out);
	}
	fprintf(out, "Hosts: %zu, services: %zu, entry points: %zu, external endpoints: %zu.</p>\n</header>\n",
		d->hosts, d->services, d->entry_points, d->external_names);
}

static void write_navigation(FILE *out, const struct fl_digest *d)
{
	fputs("<nav aria-label=\"Sections\"><ul>"
	      "<li><a href=\"#coverage\">Coverage</a></li><li><a href=\"#system\">Picture</a></li>"
	      "<li><a href=\"#spofs\">Single points of failure</a></li>", out);
	if (d->sections > 0)
		fputs("<li><a href=\"#finding-1\">Blast radius</a></li>", out);
	if (d->report->shared != NULL && d->report->shared->count > 0)
		fputs("<li><a href=\"#shared\">Shared fate</a></li>", out);
	if (d->scanned && d->report->behave != NULL)
		fputs("<li><a href=\"#behaviour\">Behaviour</a></li>", out);
	fputs("<li><a href=\"#externals\">External dependencies</a></li>"
	      "<li><a href=\"#listed\">Listed, not ranked</a></li>", out);
	if (d->report->diff != NULL)
		fputs("<li><a href=\"#changes\">Changes</a></li>", out);
	fputs("<li><a href=\"#words\">How to read this</a></li></ul></nav>\n", out);
}

static void write_short(FILE *out, const struct fl_digest *d)
{
	fputs("<section class=\"short\" aria-labelledby=\"short\">\n<h2 id=\"short\">In short</h2>\n<ol>\n", out);
	for (size_t i = 0; i < d->sentence_count; i++) {
		fl_html_element(out, "li", d->sentences[i]);
		fputc('\n', out);
	}
	fputs("</ol>\n</section>\n", out);
}

static void write_coverage(FILE *out, const struct fl_digest *d)
{
	fputs("<section class=\"box\" aria-labelledby=\"coverage\">\n"
	      "<h2 id=\"coverage\">Coverage: what was seen, and what was not</h2>\n", out);
	if (!d->scanned)
		fputs("<p>The input is a failure graph. It says nothing of how much of the system was seen, so "
		      "nothing here can tell whether a dependency is missing.</p>\n", out);
	fputs("<dl class=\"facts\">\n", out);
	for (size_t i = 0; i < d->coverage_count; i++) {
		fputs("<div>", out);
		fl_html_element(out, "dt", d->coverage[i].name);
		fl_html_element(out, "dd", d->coverage[i].value);
		fputs("</div>\n", out);
	}
	fputs("</dl>\n", out);
	if (d->caveat_count > 0)
		fputs("<ul>\n", out);
	for (size_t i = 0; i < d->caveat_count; i++) {
		fl_html_element(out, "li", d->caveats[i]);
		fputc('\n', out);
	}
	if (d->caveat_count > 0)
		fputs("</ul>\n", out);
	else if (d->scanned)
		fputs("<p>No limit was met and no blind spot was noticed. What nothing used in the window is "
		      "missing all the same.</p>\n", out);
	fputs("</section>\n", out);
}

static void write_words(FILE *out)
{
	fputs("<section aria-labelledby=\"words\">\n<h2 id=\"words\">How to read this</h2>\n<dl class=\"words\">\n",
		out);
	for (size_t i = 0; i < fl_definition_count; i++) {
		fl_html_element(out, "dt", fl_definitions[i].name);
		fputs("<dd>", out);
		fputc(toupper((unsigned char)fl_definitions[i].value[0]), out);
		fl_html_text(out, fl_definitions[i].value + 1);
		fputs("</dd>\n", out);
	}
	fputs("</dl>\n</section>\n", out);
}

void fl_html_write(FILE *out, const struct fl_digest *d)
{
	write_head(out, d);
	write_title(out, d);
	write_navigation(out, d);
	fputs("<main>\n", out);
	write_short(out, d);
	write_coverage(out, d);
	fl_html_system_picture(out, d);
	fl_html_spofs(out, d);
	fl_html_findings(out, d);
	fl_shared_write_html(out, d);
	fl_cycles_write_html(out, d);
	fl_behave_write_html(out, d);
	fl_html_externals(out, d);
	fl_html_listed(out, d);
	fl_html_changes(out, d);
	write_words(out);
	fputs("</main>\n<footer>Written by faultline from passive observation. Names are shown as they were seen on "
	      "the wire.</footer>\n</body>\n</html>\n", out);
}
