/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - scans of many windows in one SQLite database
 *
 * A window is stored whole, as its faultline.scan/1 document (compressed), with the figures beside it that it is found
 * and listed by. One transaction a window, in write-ahead mode: a reader never waits, a process that is killed or a disk
 * that is full loses the window that was being written and no other. A window is known by its capture point and its
 * start; it is never stored twice.
 *
 * PRAGMA user_version is the version of the schema, application_id says that a database is one of these. Older
 * versions are brought up to date when opened for writing, newer ones are refused.
 */
#ifndef FAULTLINE_STORE_H
#define FAULTLINE_STORE_H

#include "faultline/scan.h"
#include "faultline/status.h"

enum { FL_STORE_VERSION = 1 };
enum { FL_STORE_TREE_MAX = 1 << 30 }; /* bytes that a window may take while it is read, see fl_json_parse_bounded() */

struct fl_store;
enum fl_store_mode { FL_STORE_READ, FL_STORE_WRITE }; /* WRITE makes the file when there is none */

/* @path: a file. -ENOTSUP when built without SQLite, -EPROTO for a newer version, -EBADMSG for no store or a damaged
 * one, -EROFS, -EACCES ...; @err names the file and the remedy. */
int fl_store_open(struct fl_store **store, const char *path, enum fl_store_mode mode, struct fl_error *err);
void fl_store_close(struct fl_store *s); /* NULL is fine */
/* What stands at @path is another file by now, or none: what is added would go where nobody looks for it. What was added before is whole
 * in the file that was moved away. */
bool fl_store_has_moved(struct fl_store *s);

/* From now on until it is closed this process alone writes for @writer, a capture point, into this store; an earlier claim is given up. A process that
 * ends in any way gives it up. -EBUSY with @err when another has it. What is added without a claim is not refused. */
int fl_store_claim(struct fl_store *s, const char *writer, struct fl_error *err);

/* Return: 0; FL_STORE_KNOWN when a window of this point with this start is there already (nothing is changed); -ENOSPC, -EIO ...,
 * -EPROTO when a newer faultline has changed the store meanwhile, after which the store is as it was. */
enum { FL_STORE_KNOWN = 1 };
int fl_store_add(struct fl_store *s, const struct fl_scan *scan, struct fl_error *err);

/* The same of a scan that is there as a document alone. @head: the scan without its lists. */
struct packed;
struct fl_store_document {
	const struct packed *text;      /* as fl_scan_write() writes it */
	uint64_t services, dependencies;
};
int fl_store_add_document(struct fl_store *s, const struct fl_scan *head, const struct fl_store_document *d, struct fl_error *err);

/* Forget windows that ended before @before_ns, then the oldest until the database is no larger than @max_bytes (0: any size; the newest
 * window of each point stays). @gone: windows forgotten; may be NULL. */
int fl_store_expire(struct fl_store *s, int64_t before_ns, uint64_t max_bytes, uint64_t *gone, struct fl_error *err);
uint64_t fl_store_bytes(struct fl_store *s); /* of the database, free pages left out */

/* Which windows: all that overlap [from, to), or the newest of each point. */
struct fl_store_range {
	int64_t from_ns, to_ns;
	bool latest;
};
/* "latest", "TIME/DURATION", "TIME/TIME" or "TIME" (the windows in which it lies); "" is all. @text is what stands behind the '@'
 * of an INPUT. Times are RFC 3339, seconds may be left out; a day alone is its first moment. */
int fl_store_range_parse(struct fl_store_range *range, const char *text, struct fl_error *err);

/* An INPUT "PATH" or "PATH@RANGE" that is a store. @path: to be freed; a file whose own name has the '@' wins. False when the
 * file is none (or is not there, and no RANGE of a name that ends in ".db"). */
bool fl_store_is_input(const char *input, char **path, const char **range);

/* A line of the list. */
struct fl_store_window {
	const char *point, *source;     /* borrowed, valid inside the call */
	int64_t start_ns, end_ns;
	uint64_t packets, bytes, dropped, flows, flows_unattributed;
	uint64_t services, dependencies, blind_spots;
	uint64_t size;                  /* of the document, in bytes */
};
typedef void fl_store_seen(void *context, const struct fl_store_window *w);
/* In the order of start and point. */
int fl_store_list(struct fl_store *s, const struct fl_store_range *range, fl_store_seen *seen, void *context,
		  struct fl_error *err);
/* The scans themselves into @set. Every document is checked like one from a file. */
int fl_store_read(struct fl_store *s, const struct fl_store_range *range, struct fl_scan_set *set,
		  struct fl_error *err);

#endif
