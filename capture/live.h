/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live.h - the interfaces of a live capture, and the scanner that their packets go to
 */
#ifndef FAULTLINE_LIVE_H
#define FAULTLINE_LIVE_H

#include <poll.h>
#include <time.h>

#include "capture/scan_run.h"
#include "faultline/merge.h"

struct live {
	struct fl_merge merge;
	struct pollfd poll[FL_MERGE_MAX + 1]; /* the last is the caller's */
	struct fl_source_counters before[FL_MERGE_MAX]; /* as they were handed to the scanner */
	int64_t until_ns; /* packets after it are not handed to the scanner; 0: all are */
};

int live_open(const struct scan_options *o, struct live **live, struct fl_error *err);
void live_close(struct live *live); /* NULL is fine */

/* Addresses of this machine's interfaces as they are now. */
void live_addresses(void (*found)(void *context, const struct fl_addr *a), void *context);
/* The addresses of this machine, or those that --host-addr says; what its hosts file names. */
int live_declare(const struct scan_options *o, struct fl_scanner *scanner, const char *point, struct fl_error *err);
/* What is there now, a bounded part of it. @settled_ns as for fl_merge_batch(). Return: as that. */
int live_drain(struct live *live, struct fl_scanner *scanner, int64_t settled_ns, struct fl_error *err);
/* No more packets are taken: what comes until FL_SOURCE_END are beginnings of datagrams whose other fragments never came. */
void live_stop(struct live *live);
/* What the sources counted since the last call. */
void live_count(struct live *live, struct fl_scanner *scanner);
uint64_t live_dropped(struct live *live); /* by the kernel, in all */
/* Sum of what the drivers of these interfaces dropped, as /sys tells. */
uint64_t live_interface_drops(const struct scan_options *o);

int64_t live_now(clockid_t clock);

#endif
