/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.h - faultline watch: what it is told to do, and doing it
 */
#ifndef FAULTLINE_WATCH_H
#define FAULTLINE_WATCH_H

#include "capture/log.h"
#include "capture/scan_run.h"

struct watch_options {
	struct scan_options scan; /* of which files, flows, out and times are not used */
	int64_t every_ns, keep_ns;
	uint64_t keep_size;
	const char *metrics, *config;
};

/* Options as they came of the command line and the configuration file, with the texts that they point into. */
struct watch_config {
	struct watch_options options;
	struct watch_options of_file; /* of the file alone, the rest by default */
	char **texts;             /* lines of the file, as arguments */
	size_t text_count;
	uint64_t stated;          /* a bit for each option that the file states, in the order of watch_usage */
};

extern const struct fl_usage watch_usage;

/* The file's options first, then those of the command line, which win. Errors of the file name it and the line. Return: as
 * fl_options_parse(). */
int watch_config_read(struct watch_config **config, int argc, char **argv, struct fl_error *err);
void watch_config_free(struct watch_config *c); /* NULL is fine */
/* What the file states and the command line states otherwise. Lists add up, so none of them is. Return: how many are. */
size_t watch_config_overridden(const struct watch_config *c,
			       void (*tell)(void *context, const char *name, const char *of_file, const char *used), void *context);
/* What differs, option by option. Return: how many do. */
size_t watch_config_differences(const struct watch_config *old, const struct watch_config *new,
				void (*differs)(void *context, const char *name, const char *old, const char *new), void *context);

/* Until SIGTERM or SIGINT. @config may be replaced (SIGHUP) and is freed. */
int watch_run(struct watch_config *config, int argc, char **argv, struct fl_error *err);

#endif
