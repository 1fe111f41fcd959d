/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_pieces.h - a scan on its way from the parser to the keeper, a record at a time
 *
 * Texts one behind the other (packed.h), each a letter and a JSON value: first the scan without its lists ('h'), then the
 * records of these lists as they stand in faultline.scan/1 ('s', 'd', 'n'). Who reads it has one record at a time in memory, and
 * checks it like one from a file.
 */
#ifndef FAULTLINE_SCAN_PIECES_H
#define FAULTLINE_SCAN_PIECES_H

#include "capture/packed.h"
#include "faultline/scan.h"

void scan_pieces_write(FILE *out, const struct fl_scan *s);

struct scan_pieces {
	const char *name;        /* in errors */
	const void *data;        /* packed; borrowed */
	size_t size;
	size_t piece_max;        /* bytes of a record; its tree may take eight times as much */
	uint64_t text_max;       /* of all of them */
};

/* One record; the others are NULL. */
struct scan_record {
	const struct fl_scan_service *service;
	const struct fl_scan_dependency *dependency;
	const struct fl_scan_name *seen_name;
};
typedef void scan_record_seen(void *context, const struct scan_record *r); /* @r is borrowed until it returns */

/* The scan without its lists. NULL: it is none, see @err. */
struct fl_scan *scan_pieces_head(const struct scan_pieces *p, struct fl_error *err);
/* Every record, in the order services, dependencies, names. @head: what scan_pieces_head() gave. 0, or what is wrong. */
int scan_pieces_each(const struct scan_pieces *p, const struct fl_scan *head, scan_record_seen *seen, void *context,
		     struct fl_error *err);
/* The records into the lists of @head. */
int scan_pieces_fill(const struct scan_pieces *p, struct fl_scan *head, struct fl_error *err);

/* A faultline.scan/1 of which the records come one by one: the same bytes as of fl_scan_write(). */
struct scan_writer;
struct scan_writer *scan_writer_new(FILE *out, const struct fl_scan *head);
void scan_writer_record(void *writer, const struct scan_record *r); /* in the order of scan_pieces_each() */
void scan_writer_end(struct scan_writer *w);

#endif
