/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - what a program that runs for months says: one line an event, in logfmt
 *
 *   time=2026-11-21T10:00:00Z level=info event=window-stored start=... packets=120
 *
 * Values are quoted where they need it; control characters and bytes beyond ASCII are written as \xNN, so that no name
 * from a packet or a file can begin a line of its own.
 */
#ifndef FAULTLINE_LOG_H
#define FAULTLINE_LOG_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct fl_log {
	FILE *out;
	uint64_t lost, lost_told; /* lines that nobody took */
};

/* log_begin(), then any number of log_..., then log_end(), which writes the line at once, or loses it when nobody takes it within a tenth of
 * a second. One line at a time. */
struct log_line {
	struct fl_log *log;
	char text[2048];
	size_t used;
	bool full; /* the rest is cut */
};

struct log_line log_begin(struct fl_log *log, const char *level, const char *event);
void log_text(struct log_line *l, const char *key, const char *value); /* NULL: left out */
void log_number(struct log_line *l, const char *key, uint64_t value);
void log_seconds(struct log_line *l, const char *key, int64_t ns);
void log_time(struct log_line *l, const char *key, int64_t time_ns);
void log_end(struct log_line *l);

#endif
