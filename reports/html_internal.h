/* SPDX-License-Identifier: BSD-2-Clause */
/* html_internal.h - the sections of the HTML report; html.c puts them in order */
#ifndef FAULTLINE_REPORTS_HTML_INTERNAL_H
#define FAULTLINE_REPORTS_HTML_INTERNAL_H

#include "reports/digest_internal.h"

/* Text from anywhere, escaped. */
void fl_html_text(FILE *out, const char *text);
/* <tag>text</tag>; @tag may carry attributes of ours ("td class=\"n\""). Nothing for NULL text. */
void fl_html_element(FILE *out, const char *tag, const char *text);
/* The head of a table; headings that begin with '#' are right-aligned numbers. @class names the widths of
 * its columns in the style. */
void fl_html_table_open(FILE *out, const char *class, const char *caption, const char *const *headings,
			size_t count);
void fl_html_table_close(FILE *out);

void fl_html_system_picture(FILE *out, const struct fl_digest *d);
void fl_html_spofs(FILE *out, const struct fl_digest *d);
void fl_html_findings(FILE *out, const struct fl_digest *d);
void fl_html_externals(FILE *out, const struct fl_digest *d);
void fl_html_listed(FILE *out, const struct fl_digest *d);
void fl_html_changes(FILE *out, const struct fl_digest *d);

#endif
