/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_reading.h - fields of a scan file, read with a sticky error
 *
 * The first thing that is wrong is kept with its place ("dependencies[3].port"); later reads do nothing and give
 * defaults. What is absent or null gives the default that each function names.
 */
#ifndef FAULTLINE_SCAN_READING_H
#define FAULTLINE_SCAN_READING_H

#include "capture/scan_internal.h"
#include "faultline/json.h"

enum { PATH_MAX_BYTES = 128 };

struct reading {
	const char *name;
	struct fl_error *err;
	int code;
	struct fl_arena *arena;
	const struct fl_scan *scan; /* hosts are complete before the lists that name them */
	char path[PATH_MAX_BYTES];  /* of the object being read, with a dot at its end */
	size_t path_length;
};

void reading_fail(struct reading *r, const char *key, const char *what);
/* Go down into member @key (or its element @index, when not negative); returns what leave wants. */
size_t reading_enter(struct reading *r, const char *key, long index);
void reading_leave(struct reading *r, size_t before);
const cJSON *reading_member(const cJSON *object, const char *key); /* NULL when absent or null */

const char *scan_read_string(struct reading *r, const cJSON *object, const char *key);
const char *scan_read_required_string(struct reading *r, const cJSON *object, const char *key);
uint64_t scan_read_count(struct reading *r, const cJSON *object, const char *key);
void scan_read_counts(struct reading *r, const cJSON *object, const struct fl_scan_count_fields *fields, void *into);
double scan_read_double(struct reading *r, const cJSON *object, const char *key, double max); /* NaN; else 0..max */
bool scan_read_bool(struct reading *r, const cJSON *object, const char *key, bool otherwise);
int64_t scan_read_time(struct reading *r, const cJSON *object, const char *key);
uint16_t scan_read_port(struct reading *r, const cJSON *object, const char *key);
const char *scan_read_transport(struct reading *r, const cJSON *object, const char *key);
/* One of the words that @parse knows. */
int scan_read_word(struct reading *r, const cJSON *object, const char *key, int (*parse)(const char *), int otherwise);
struct fl_addr scan_read_address(struct reading *r, const cJSON *object, const char *key);
void scan_read_addresses(struct reading *r, const cJSON *object, const char *key, struct fl_addr **list, size_t *count);
void scan_read_strings(struct reading *r, const cJSON *object, const char *key, const char ***list, size_t *count);

typedef void read_item(struct reading *r, const cJSON *item, void *into);
/* A list of objects, each read by @read into @size bytes; @list is a pointer to the list's pointer. */
void scan_read_objects(struct reading *r, const cJSON *object, const char *key, size_t size, read_item *read, size_t *count,
		       void *list);
const cJSON *scan_read_object(struct reading *r, const cJSON *object, const char *key); /* NULL when absent */

/* scan_read.c: a scan without its lists, sorted; records of the lists, for which @r->scan has the hosts */
void scan_read_head(struct reading *r, const cJSON *root, struct fl_scan *s);
read_item scan_read_service, scan_read_dependency, scan_read_name;

/* scan_behaviour.c: NULL when absent */
struct fl_behaviour *scan_read_behaviour(struct reading *r, const cJSON *object, const char *key);

#endif
