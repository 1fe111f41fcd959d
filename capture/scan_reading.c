/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_reading.c - fields of a scan file: types, ranges, words, addresses, with the place of what is wrong
 */
#include "capture/scan_reading.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/units.h"

void reading_fail(struct reading *r, const char *key, const char *what)
{
	size_t length = r->path_length;

	if (r->code)
		return;
	if (*key == '\0' && length > 0) /* the object itself */
		length--;
	r->code = fl_fail(r->err, -EINVAL, "%s: %.*s%s: %s; was the file edited by hand?", r->name,
		(int)length, r->path, key, what);
}

/* Go down into member @key (or its element @index, when not negative); returns what reading_leave() wants. */
size_t reading_enter(struct reading *r, const char *key, long index)
{
	size_t before = r->path_length, room = sizeof(r->path) - before;
	int n = index < 0 ? snprintf(r->path + before, room, "%s.", key)
			  : snprintf(r->path + before, room, "%s[%ld].", key, index);

	if (n > 0)
		r->path_length += (size_t)n < room ? (size_t)n : room - 1;
	return before;
}

void reading_leave(struct reading *r, size_t before)
{
	r->path_length = before;
}

/* NULL when absent or null. */
const cJSON *reading_member(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNull(item) ? NULL : item;
}

const char *scan_read_string(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = reading_member(object, key);

	if (r->code || !item)
		return NULL;
	if (!cJSON_IsString(item)) {
		reading_fail(r, key, "not a string");
		return NULL;
	}
	return fl_arena_string(r->arena, item->valuestring);
}

const char *scan_read_required_string(struct reading *r, const cJSON *object, const char *key)
{
	const char *text = scan_read_string(r, object, key);

	if (!text || *text == '\0') {
		reading_fail(r, key, "missing or empty");
		return "";
	}
	return text;
}

uint64_t scan_read_count(struct reading *r, const cJSON *object, const char *key)
{
	if (r->code || !reading_member(object, key))
		return 0;
	/* What is no count gives the other value. */
	uint64_t value = fl_json_u64(object, key, 0);
	if (value == 0 && fl_json_u64(object, key, 1) != 0)
		reading_fail(r, key, "not a whole number 0..2^64-1");
	return value;
}

void scan_read_counts(
	struct reading *r, const cJSON *object, const struct fl_scan_count_fields *fields, void *into)
{
	for (size_t i = 0; i < fields->count; i++) {
		uint64_t value = scan_read_count(r, object, fields->list[i].key.text);
		memcpy((char *)into + fields->list[i].offset, &value, sizeof(value));
	}
}

/* NaN when absent; else from 0 to @max. */
double scan_read_double(struct reading *r, const cJSON *object, const char *key, double max)
{
	const cJSON *item = reading_member(object, key);

	if (r->code || !item)
		return NAN;
	double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
	if (!isfinite(value) || value < 0 || value > max) {
		reading_fail(r, key, max <= 1 ? "not a number 0..1" : "not a number from 0 up");
		return NAN;
	}
	return value == 0 ? 0 : value; /* no -0 */
}

bool scan_read_bool(struct reading *r, const cJSON *object, const char *key, bool otherwise)
{
	const cJSON *item = reading_member(object, key);

	if (item && !cJSON_IsBool(item))
		reading_fail(r, key, "neither true nor false");
	return item ? cJSON_IsTrue(item) : otherwise;
}

int64_t scan_read_time(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = reading_member(object, key);
	int64_t time_ns = 0;

	if (item && (!cJSON_IsString(item) || !fl_time_parse(item->valuestring, &time_ns)))
		reading_fail(r, key, "not an RFC 3339 UTC time like 2026-11-21T12:00:00Z");
	return time_ns;
}

uint16_t scan_read_port(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = reading_member(object, key);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;

	if (!(value >= 0 && value <= UINT16_MAX) || floor(value) < value) {
		reading_fail(r, key, "not a port number 0..65535");
		return 0;
	}
	return (uint16_t)value;
}

const char *scan_read_transport(struct reading *r, const cJSON *object, const char *key)
{
	const char *text = scan_read_string(r, object, key);

	if (text && strcmp(text, "tcp") == 0)
		return "tcp";
	if (!text || strcmp(text, "udp") != 0)
		reading_fail(r, key, "neither tcp nor udp");
	return "udp";
}

/* One of the words that @parse knows; @otherwise when absent. */
int scan_read_word(
	struct reading *r, const cJSON *object, const char *key, int (*parse)(const char *), int otherwise)
{
	const cJSON *item = reading_member(object, key);

	if (r->code || !item)
		return otherwise;
	int value = cJSON_IsString(item) ? parse(item->valuestring) : -1;
	if (value < 0) {
		reading_fail(r, key, "not a word that stands there");
		return otherwise;
	}
	return value;
}

struct fl_addr scan_read_address(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = reading_member(object, key);
	struct fl_addr a = { { 0 } };

	if (item && (!cJSON_IsString(item) || !fl_addr_parse(item->valuestring, &a)))
		reading_fail(r, key, "not an IP address");
	return a;
}

/* The array at @key, NULL when absent or on failure; *@count and room for its elements. */
static const cJSON *read_array(
	struct reading *r, const cJSON *object, const char *key, size_t size, size_t *count, void *list)
{
	const cJSON *array = reading_member(object, key);
	size_t n = 0;
	void *room = NULL;

	if (array && !cJSON_IsArray(array))
		reading_fail(r, key, "not a list");
	if (r->code)
		array = NULL;
	for (const cJSON *e = array ? array->child : NULL; e; e = e->next)
		n++;
	if (n > 0)
		room = fl_arena_array(r->arena, n, size);
	memcpy(list, &room, sizeof(room));
	*count = n;
	return n > 0 ? array : NULL;
}

static void fail_element(struct reading *r, const char *key, size_t index, const char *what)
{
	size_t before = reading_enter(r, key, (long)index);

	reading_fail(r, "", what);
	reading_leave(r, before);
}

void scan_read_addresses(
	struct reading *r, const cJSON *object, const char *key, struct fl_addr **list, size_t *count)
{
	const cJSON *array = read_array(r, object, key, sizeof(**list), count, list);
	size_t i = 0;

	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++)
		if (!cJSON_IsString(e) || !fl_addr_parse(e->valuestring, &(*list)[i]))
			fail_element(r, key, i, "not an IP address");
}

void scan_read_strings(
	struct reading *r, const cJSON *object, const char *key, const char ***list, size_t *count)
{
	const cJSON *array = read_array(r, object, key, sizeof(**list), count, list);
	size_t i = 0;

	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, i++) {
		if (!cJSON_IsString(e))
			fail_element(r, key, i, "not a string");
		else
			(*list)[i] = fl_arena_string(r->arena, e->valuestring);
	}
}

/* A list of objects, each read by @read into @size bytes; @list is a pointer to the list's pointer.
 * Grown as elements prove valid: a damaged file costs no more memory than its sound part. */
void scan_read_objects(struct reading *r, const cJSON *object, const char *key, size_t size,
	read_item *read, size_t *count, void *list)
{
	const cJSON *array = reading_member(object, key);
	size_t n = 0, room = 0;
	char *items = NULL;

	if (array && !cJSON_IsArray(array))
		reading_fail(r, key, "not a list");
	for (const cJSON *e = array ? array->child : NULL; e && !r->code; e = e->next, n++) {
		size_t before = reading_enter(r, key, (long)n);
		if (n == room) {
			room = fl_grown(room, n + 1);
			items = fl_grow_array(items, room, size);
		}
		memset(items + n * size, 0, size);
		if (cJSON_IsObject(e))
			read(r, e, items + n * size);
		else
			reading_fail(r, "", "not an object");
		reading_leave(r, before);
	}
	*count = r->code ? 0 : n;
	if (*count > 0) {
		void *copy = fl_arena_array(r->arena, n, size);
		memcpy(copy, items, n * size);
		memcpy(list, &copy, sizeof(copy));
	}
	free(items);
}

/* The object at @key, NULL when absent. */
const cJSON *scan_read_object(struct reading *r, const cJSON *object, const char *key)
{
	const cJSON *item = reading_member(object, key);

	if (item && !cJSON_IsObject(item)) {
		reading_fail(r, key, "not an object");
		return NULL;
	}
	return item;
}
