/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.h - the commands of the front door
 *
 * A command takes the arguments behind its name, prints results to standard
 * output, progress and warnings to standard error, and returns an exit code of
 * status.h. It prints exactly one line on failure ("faultline scan: ...").
 */
#ifndef FAULTLINE_COMMAND_H
#define FAULTLINE_COMMAND_H

#include "faultline/options.h"

struct fl_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const struct fl_usage *usage;
};

/* One per file cmd_NAME.c. */
extern const struct fl_command fl_command_scan;   /* capture/ */
extern const struct fl_command fl_command_watch;
extern const struct fl_command fl_command_graph;  /* reports/, as all below */
extern const struct fl_command fl_command_deps;
extern const struct fl_command fl_command_rank;
extern const struct fl_command fl_command_blast;
extern const struct fl_command fl_command_risk;
extern const struct fl_command fl_command_shared;
extern const struct fl_command fl_command_behave;
extern const struct fl_command fl_command_path;
extern const struct fl_command fl_command_diff;
extern const struct fl_command fl_command_check;
extern const struct fl_command fl_command_report;
extern const struct fl_command fl_command_scans;

/* Print "faultline NAME: TEXT" on standard error, return FL_EXIT_ERROR. */
int fl_command_fail(const char *name, const struct fl_error *err);

/* Warning line on standard error, as "faultline NAME: warning: ...". */
void fl_command_warn(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
