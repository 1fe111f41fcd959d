/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * units.h - times, durations and sizes as people and files write them
 *
 * Inside the program times are int64_t nanoseconds since the epoch (UTC).
 * Parsers take the whole string; on failure the output is unchanged.
 */
#ifndef FAULTLINE_UNITS_H
#define FAULTLINE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define FL_NS_PER_S INT64_C(1000000000)

enum { FL_TIME_TEXT = 40 };

/* RFC 3339 UTC: "2026-11-21T13:05:45.123456Z"; six digits of fraction, nine
 * when the time has nanoseconds, none when it is a whole second. */
const char *fl_time_format(int64_t time_ns, char text[static FL_TIME_TEXT]);
/* What stands behind "hh:mm:" in it, for nanoseconds of a minute; at most 14 bytes with the NUL. Return: where that is. */
char *fl_time_put_seconds(char *at, uint64_t ns);
bool fl_time_parse(const char *text, int64_t *time_ns);
/* From @start_ns to @end_ns; as long as can be where files claim more than fits (292 years). */
int64_t fl_time_span(int64_t start_ns, int64_t end_ns);
/* The whole nanoseconds of seconds that a file states; what does not fit is the nearest that does, NaN 0. */
int64_t fl_ns_of_seconds(double seconds);

/* "250us", "250ms", "1.5s", "5m", "2h", "7d"; a bare number is seconds. */
bool fl_duration_parse(const char *text, int64_t *duration_ns);
/* For people: "1.5 s", "250 ms", "2 h 5 m". */
const char *fl_duration_format(int64_t duration_ns, char text[static FL_TIME_TEXT]);

/* "4096", "64KiB", "64MiB", "2GiB", "10MB"; bytes. */
bool fl_size_parse(const char *text, uint64_t *bytes);
/* For people: "876 MB". */
const char *fl_size_format(uint64_t bytes, char text[static FL_TIME_TEXT]);

#endif
