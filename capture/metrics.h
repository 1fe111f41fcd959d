/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics.h - a small server of Prometheus' text format
 *
 * It answers GET /metrics and nothing else; bound to loopback, only for Host names of loopback. Connections, request size and time are
 * bounded, nothing blocks; it lives in the keeper, so that whatever a client does, no packet waits for it.
 *
 * Dependencies are counted over windows as they are finished; FL_METRICS_SERIES_MAX of them have a series of their own, what
 * comes later is added up under service="other".
 */
#ifndef FAULTLINE_METRICS_H
#define FAULTLINE_METRICS_H

#include <poll.h>
#include <stdio.h>

#include "faultline/scan.h"

enum { METRICS_CLIENTS_MAX = 8, METRICS_SERIES_MAX = 256 };

struct metrics;
/* Writes all values but those of dependencies. */
typedef void metrics_write(void *context, FILE *out);

/* @address: "127.0.0.1:9464", "[::1]:9464", ":9464" (loopback). */
int metrics_open(struct metrics **m, const char *address, metrics_write *write, void *context, struct fl_error *err);
void metrics_close(struct metrics *m); /* NULL is fine */
bool metrics_is_public(const struct metrics *m); /* not bound to loopback */
void metrics_count(struct metrics *m, const struct fl_scan_dependency *d); /* of a window that is over */

/* Descriptors to poll for; at most METRICS_CLIENTS_MAX + 1. */
size_t metrics_poll(const struct metrics *m, struct pollfd *list);
void metrics_step(struct metrics *m, int64_t monotonic_ns);

/* For metrics_write: "# HELP", "# TYPE" and the value; @labels: "a=\"b\"" or NULL. */
void metrics_family(FILE *out, const char *name, const char *type, const char *help);
void metrics_value(FILE *out, const char *name, const char *labels, double value);
/* Cost of a process: cpu seconds, resident bytes, open descriptors (-1: not known). */
struct process_cost { double cpu_s, resident_bytes, descriptors; };
struct process_cost process_cost(long pid);

#endif
