/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - findings on paper: HTML, pictures, Markdown, DOT, JSON
 *
 * Reports compute nothing; they are handed what was found and write it.
 */
#ifndef FAULTLINE_REPORT_H
#define FAULTLINE_REPORT_H

#include "faultline/behave.h"
#include "faultline/cycles.h"
#include "faultline/diff.h"
#include "faultline/rank.h"
#include "faultline/reach.h"
#include "faultline/shared.h"

struct fl_report {
	const struct fl_system *system;
	const struct fl_ranking *ranking;
	const struct fl_reach *reach;
	const struct fl_diff *diff;      /* NULL without --since */
	const struct fl_cycles *cycles;  /* NULL: not looked for */
	const struct fl_behave *behave;  /* NULL: not looked for */
	const struct fl_shared *shared;  /* NULL: not looked for */
	size_t top;                      /* findings that get a picture of their own */
};

enum fl_report_format { FL_REPORT_HTML, FL_REPORT_SVG, FL_REPORT_PNG, FL_REPORT_PDF, FL_REPORT_DOT,
			FL_REPORT_MARKDOWN, FL_REPORT_JSON };
/* By the file name's ending; -1 unknown. */
int fl_report_format_of(const char *path);

/* Write the report to @path (temporary name, then renamed). */
int fl_report_write(const struct fl_report *r, enum fl_report_format format, const char *path,
		    struct fl_error *err);

/* What a picture shows. */
struct fl_picture {
	const struct fl_system *system;
	const struct fl_ranking *ranking;  /* marks the worst; may be NULL */
	const struct fl_blast *blast;      /* NULL: the whole system; else what fails is coloured */
	fl_node_id cause;                  /* of the blast; FL_NODE_NONE */
	const char *title;
};

/* DOT text, made without Graphviz: ids n0, n1 ...; labels escaped; deterministic. */
void fl_dot_write(FILE *out, const struct fl_picture *p);

/* Lay out and render DOT text by gvc into memory, in a child process that is killed after
 * @timeout_s. @format: "svg", "png", "pdf". free(*data). -ENOTSUP when built without reports. */
int fl_draw(const char *dot, const char *format, unsigned timeout_s, char **data, size_t *size,
	    struct fl_error *err);

/* ---- terminal tables ---- */

struct fl_table;
struct fl_table *fl_table_new(const char *const *headings, size_t columns);
/* One cell each; escaped for the terminal when written. NULL: "-". */
void fl_table_row(struct fl_table *t, const char *const *cells);
/* Columns in @numeric_mask are right-aligned; the widest text column is cut with an ellipsis to
 * fit @width characters (0: never). Frees the table. */
void fl_table_write(struct fl_table *t, FILE *out, uint64_t numeric_mask, unsigned width);
unsigned fl_terminal_width(FILE *out); /* 0 when it is no terminal */
bool fl_terminal_colour(FILE *out);    /* terminal, and NO_COLOR is not set */

#endif
