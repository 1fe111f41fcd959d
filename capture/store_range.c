/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store_range.c - which windows of a store an INPUT means: "shop.db", "shop.db@latest", "shop.db@2026-11-01T10:00Z/2h"
 *
 * What a file is is told by its first bytes, never by its name; only a file that is not there is believed to be a store
 * by its ending, so that the error speaks of one.
 */
#include "faultline/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faultline/units.h"

enum { TIME_MAX = 48 };

/* RFC 3339, of which seconds, zone (UTC) and time of day may be left out. */
static bool parse_time(const char *text, size_t size, int64_t *ns)
{
	char full[TIME_MAX + 16];
	if (size > TIME_MAX || size < 10)
		return false;
	bool day = size == 10, clock = size > 15 && (text[10] == 'T' || text[10] == 't') && text[13] == ':';
	bool minutes = clock && text[16] != ':';
	size_t head = day ? 10 : minutes ? 16 : size;
	snprintf(full, sizeof(full), "%.*s%s%.*s", (int)head, text, day ? "T00:00:00" : minutes ? ":00" : "",
		 (int)(size - head), text + head);
	size_t length = strlen(full);
	if (length <= 19 || !strpbrk(full + 19, "Zz+-"))
		memcpy(full + length, "Z", 2);
	return fl_time_parse(full, ns);
}

static int bad_range(const char *text, struct fl_error *err)
{
	return fl_fail(err, -EINVAL, "@%s: no range of a store; give latest, or TIME/DURATION, e.g. 2026-11-01T10:00Z/2h", text);
}

int fl_store_range_parse(struct fl_store_range *range, const char *text, struct fl_error *err)
{
	struct fl_store_range r = { INT64_MIN, INT64_MAX, false };
	const char *slash = strchr(text, '/');
	int64_t duration;
	if (strcmp(text, "latest") == 0) {
		r.latest = true;
	} else if (*text) {
		size_t size = slash ? (size_t)(slash - text) : strlen(text);
		if (!parse_time(text, size, &r.from_ns))
			return bad_range(text, err);
		if (!slash)
			r.to_ns = r.from_ns + 1;
		else if (fl_duration_parse(slash + 1, &duration))
			r.to_ns = r.from_ns > 0 && duration > INT64_MAX - r.from_ns ? INT64_MAX : r.from_ns + duration;
		else if (!parse_time(slash + 1, strlen(slash + 1), &r.to_ns))
			return bad_range(text, err);
		if (r.to_ns <= r.from_ns)
			return fl_fail(err, -EINVAL, "@%s: the range ends before it begins; give TIME/DURATION", text);
	}
	*range = r;
	return 0;
}

static bool begins_like_store(const char *path)
{
	char head[16];
	FILE *f = fopen(path, "rbe");
	bool is = f && fread(head, 1, sizeof(head), f) == sizeof(head) && memcmp(head, "SQLite format 3", 16) == 0;
	if (f)
		fclose(f);
	return is;
}

static bool is_named_store(const char *path)
{
	size_t length = strlen(path);
	return length > 3 && strcmp(path + length - 3, ".db") == 0;
}

bool fl_store_is_input(const char *input, char **path, const char **range)
{
	const char *at = strrchr(input, '@');
	bool whole = access(input, F_OK) == 0;
	size_t size = at && !whole ? (size_t)(at - input) : strlen(input);
	char *name = fl_copy_string(input);
	name[size] = 0;
	/* A damaged first page is a store's all the same, when its name says so. */
	if (strcmp(input, "-") == 0 || (!begins_like_store(name) && !is_named_store(name))) {
		free(name);
		return false;
	}
	*path = name;
	*range = at && !whole ? at + 1 : "";
	return true;
}
