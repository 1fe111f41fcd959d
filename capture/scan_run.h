/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_run.h - what the options of a scan ask for, and the capture points that come of it
 */
#ifndef FAULTLINE_SCAN_RUN_H
#define FAULTLINE_SCAN_RUN_H

#include "faultline/attribution.h"
#include "faultline/options.h"
#include "faultline/output.h"
#include "faultline/scanner.h"
#include "faultline/store.h"

struct scan_options {
	struct fl_strings interfaces, files, internal, hosts, host_addresses;
	int64_t for_ns;
	const char *filter, *flows, *out, *store, *attribution;
	int64_t keep_ns;    /* windows in the store that are older are forgotten; 0: none */
	uint64_t keep_size; /* and the oldest when it is larger; 0: any size */
	uint64_t memory, buffer; /* buffer 0: a part of the memory */
	int64_t snaplen;
	int64_t nice;                  /* of the parsing process, at least */
	bool json, light, no_behaviour;
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
	struct fl_attributor *owners; /* live: who opens connections; NULL for files */
	bool blind;              /* live, but no packets could be had */
};

/*
 * Where --memory goes. Of the process that reads packets it is all: rings that the kernel fills, tables, what a window takes while it is
 * written up, and the pages of the program that were touched. The keeper beside it takes up to 16 MiB.
 */
struct scan_shares {
	uint64_t buffer;    /* of the ring of one interface; 0 for files */
	uint64_t fragments; /* of one interface; 0: as many as usual */
	uint64_t tables;
};
struct scan_shares scan_shares(const struct scan_options *o);
/* -EINVAL: the rings leave too little for the tables. */
int scan_check_memory(const struct scan_options *o, struct fl_error *err);

/* --internal: into networks and domains. */
int scan_read_internal(struct scan_run *run, struct fl_error *err);
void scan_run_fini(struct scan_run *run);

/* Name of the capture point that a file belongs to; free() it. */
char *scan_point_of(const struct scan_options *o, size_t file);

/* Files or interfaces into run->scans. A stopped run keeps what it has. */
int scan_files(struct scan_run *run, struct fl_error *err);
int scan_live(struct scan_run *run, struct fl_error *err);
/* ... of one who may see no packets; run->owners is open. */
int scan_sockets(struct scan_run *run, const char *point, struct fl_error *err);
void scan_stop(void);   /* async-signal-safe */
int scan_stopped(void); /* how often that was called, up to 2: the second time nothing is waited for */

/* A scanner for @point as the options say; @point and @source must outlive it. */
struct fl_scanner *scan_scanner_new(struct scan_run *run, const char *point, const char *source);
/* --host-addr entries that are for @point. */
int scan_declare_given(const struct scan_options *o, struct fl_locality *l, const char *point, struct fl_error *err);
/* "auto", "bpf" ... as given with --attribution; -1 for others. */
int scan_attribution_way(const char *word);

#endif
