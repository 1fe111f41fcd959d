/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_internal.h - what reading and writing a scan share
 *
 * Members that are plain counts are listed once, with their place in the struct, so that neither
 * side can forget one.
 */
#ifndef FAULTLINE_SCAN_INTERNAL_H
#define FAULTLINE_SCAN_INTERNAL_H

#include "faultline/json_emit.h"
#include "faultline/scan.h"

struct fl_scan_count_field {
	struct fl_json_key key;
	size_t offset; /* of a uint64_t */
};

struct fl_scan_count_fields {
	const struct fl_scan_count_field *list;
	size_t count;
};

extern const struct fl_scan_count_fields fl_scan_coverage_counts;
extern const struct fl_scan_count_fields fl_scan_connection_counts;
extern const struct fl_scan_count_fields fl_scan_service_counts;
extern const struct fl_scan_count_fields fl_scan_dependency_counts;

/* Longest width of a time line's buckets: 2^27 s times 120 covers every int64_t time. */
#define FL_TIMELINE_WIDTH_MAX_S (INT64_C(1) << 27)
/* Times of a time line stay in +- this (the year 2111), so that no difference of edges overflows. */
#define FL_TIMELINE_TIME_MAX (INT64_MAX / 2 - FL_TIMELINE_WIDTH_MAX_S * 1000000000)

#endif
