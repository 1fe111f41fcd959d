/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - one report, written as a whole or not at all
 *
 * The document is made before the output is touched: a picture that cannot be drawn must leave the last
 * report where it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "faultline/output.h"
#include "reports/digest_internal.h"

static const struct { const char *ending; enum fl_report_format format; } endings[] = {
	{ ".html", FL_REPORT_HTML }, { ".htm", FL_REPORT_HTML },
	{ ".svg", FL_REPORT_SVG },   { ".png", FL_REPORT_PNG },
	{ ".pdf", FL_REPORT_PDF },   { ".dot", FL_REPORT_DOT },
	{ ".gv", FL_REPORT_DOT },    { ".md", FL_REPORT_MARKDOWN },
	{ ".json", FL_REPORT_JSON },
};

int fl_report_format_of(const char *path)
{
	size_t size = strlen(path);
	for (size_t i = 0; i < FL_ARRAY_LEN(endings); i++) {
		size_t n = strlen(endings[i].ending);
		if (size > n && strcasecmp(path + size - n, endings[i].ending) == 0)
			return (int)endings[i].format;
	}
	return -1;
}

static struct fl_picture system_picture(const struct fl_report *r)
{
	return (struct fl_picture){
		.system = r->system,
		.ranking = r->ranking,
		.cause = FL_NODE_NONE,
		.title = r->system->title == NULL ? "unnamed system" : r->system->title,
	};
}

static const char *graphviz_name(enum fl_report_format format)
{
	switch (format) {
	case FL_REPORT_SVG:
		return "svg";
	case FL_REPORT_PNG:
		return "png";
	case FL_REPORT_PDF:
		return "pdf";
	default:
		return NULL;
	}
}

static int write_picture(FILE *out, const struct fl_report *r, const char *format, struct fl_error *err)
{
	struct fl_picture p = system_picture(r);
	struct fl_figure f;
	int rc = fl_figure_draw(&f, &p, format, 0, true, err);
	if (rc != 0)
		return rc;
	fwrite(f.data, 1, f.size, out); /* a failed write shows when @out is closed */
	free(f.data);
	return 0;
}

static void write_document(FILE *out, const struct fl_report *r, enum fl_report_format format)
{
	struct fl_digest *d = fl_digest_new(r);
	if (format == FL_REPORT_HTML)
		fl_html_write(out, d);
	else if (format == FL_REPORT_MARKDOWN)
		fl_markdown_write(out, d);
	else
		fl_report_json_write(out, d);
	fl_digest_free(d);
}

static int write_any(FILE *out, const struct fl_report *r, enum fl_report_format format, struct fl_error *err)
{
	if (graphviz_name(format) != NULL)
		return write_picture(out, r, graphviz_name(format), err);
	if (format == FL_REPORT_DOT) {
		struct fl_picture p = system_picture(r);
		fl_dot_write(out, &p);
	} else {
		write_document(out, r, format);
	}
	return 0;
}

int fl_report_write(const struct fl_report *r, enum fl_report_format format, const char *path,
	struct fl_error *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	if (memory == NULL)
		return fl_fail(err, -ENOMEM, "no memory for the report");
	int rc = write_any(memory, r, format, err);
	if (fclose(memory) != 0 && rc == 0)
		rc = fl_fail(err, -ENOMEM, "no memory for the report");
	struct fl_output *output = NULL;
	if (rc == 0)
		rc = fl_output_open(&output, path, err);
	if (rc == 0) {
		fwrite(text, 1, size, fl_output_file(output));
		rc = fl_output_commit(&output, err);
	}
	free(text);
	return rc;
}
