/* SPDX-License-Identifier: BSD-2-Clause */
/* watch_internal.h - what the files of the watch share */
#ifndef FAULTLINE_WATCH_INTERNAL_H
#define FAULTLINE_WATCH_INTERNAL_H

#include "capture/keeper.h"
#include "capture/metrics.h"
#include "capture/watch.h"

enum { WATCH_CUTS = 8, WATCH_PENDING = 12, WATCH_NAME = 256 };

struct watch_span {
	int64_t start_ns, end_ns;
};

/* One that could not be stored yet. */
struct watch_window {
	struct keeper_window window;
	struct packed document;             /* as it goes into the store; data NULL: to be made */
	uint64_t services, dependencies;
};

struct watch_counters {
	uint64_t stored, lost, invalid, crashes, hung, gone, jumps, reloads, refused;
	struct parser_progress past; /* of parsers before this one: packets, bytes, dropped */
};

struct watch {
	struct watch_config *config;
	int argc;
	char **argv;
	struct fl_log log;
	struct scan_run run;
	struct fl_store *store;
	struct metrics *metrics;
	char host[WATCH_NAME];              /* this machine's name */
	char point[WATCH_NAME];
	int signals;                        /* signalfd */

	struct keeper keeper;
	bool running, told_ready;
	int64_t began_ns, crash_wait_ns;    /* monotonic, of the parser; after it the next waits, the longer the more have crashed soon */
	bool stopping;
	uint64_t gone_told;
	int64_t retry_open_ns;              /* monotonic */
	char open_why[FL_ERROR_MAX];

	int64_t start_ns, start_mono_ns;    /* of the window that is filled */
	struct watch_span cuts[WATCH_CUTS]; /* told to the parser, not yet here */
	size_t cut_count;
	int64_t watched_until_ns;           /* end of the last window; 0 = none yet */
	int64_t gap_ns;                     /* not watched before this window */
	uint64_t interface_drops;           /* as of its begin */

	struct watch_window pending[WATCH_PENDING];
	size_t pending_count;
	int64_t retry_store_ns;
	int64_t doubt_until_ns;             /* monotonic; the clock may be wrong until then */
	char store_why[FL_ERROR_MAX];

	struct watch_counters counters;
	int64_t watchdog_ns, watchdog_due_ns;
};

/* The time by the clock that was valid when the window began: a jump that nobody has looked at yet is not in it. */
int64_t watch_now(const struct watch *w);

/* The capture point that a configuration makes of this machine: --host, else its name. */
const char *watch_point(const struct watch *w, const struct watch_config *c);

/* watch_store.c */

/* A window is there: into the store, or to those that wait for it. Takes @window. */
void watch_keep(struct watch *w, struct keeper_window *window);
void watch_store_pending(struct watch *w);
void watch_forget_pending(struct watch *w); /* all of them */

/* How far the clock may be ahead at once and still be believed, and how long it is not. */
int64_t watch_doubt_ns(const struct watch *w);
/* After a store was opened: is the clock to be believed? */
void watch_doubt_clock(struct watch *w);

/* watch_metrics.c: context is a struct watch */
void watch_write_metrics(void *context, FILE *out);

#endif
