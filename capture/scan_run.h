/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_run.h - what the options of a scan ask for, and the capture points that come of it
 */
#ifndef FAULTLINE_SCAN_RUN_H
#define FAULTLINE_SCAN_RUN_H

#include "faultline/options.h"
#include "faultline/output.h"
#include "faultline/scanner.h"
#include "faultline/store.h"

struct scan_options {
	struct fl_strings interfaces, files, internal, hosts, host_addresses;
	int64_t for_ns;
	const char *filter, *flows, *out, *store;
	uint64_t memory, buffer;
	int64_t snaplen;
	bool json, light;
};

/* What all capture points of one run share. */
struct scan_run {
	const struct scan_options *options;
	struct fl_prefix *internal;
	const char **domains;
	size_t internal_count, domain_count;
	struct fl_output *flows;
	struct fl_store *store;
	struct fl_scan_set scans;
};

/* Name of the capture point that a file belongs to; free() it. */
char *scan_point_of(const struct scan_options *o, size_t file);

/* Files or interfaces into run->scans. A stopped run keeps what it has. */
int scan_files(struct scan_run *run, struct fl_error *err);
int scan_live(struct scan_run *run, struct fl_error *err);
void scan_stop(void); /* async-signal-safe */

#endif
