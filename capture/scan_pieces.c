/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_pieces.c - a scan read record by record
 *
 * A record is made a tree, read into an arena, shown, and forgotten. Lists come in the order of the document; what
 * comes in another is refused, since it would be written in no place.
 */
#include "capture/scan_pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/scan_reading.h"

enum { TREE_PER_TEXT = 8 };
static const char letters[] = "hsdn"; /* in the order in which they come */

static int fail_bytes(const struct scan_pieces *p, int code, struct fl_error *err)
{
	if (code == -EFBIG)
		return fl_fail(err, code, "%s: a record of it, or all of them, take too much memory; scan shorter windows (--every), or "
			       "with less --memory", p->name);
	return fl_fail(err, code, "%s: damaged, or cut short", p->name);
}

/* A piece into its letter and its tree. 1; 0 after the last. */
static int next_tree(const struct scan_pieces *p, struct unpacking *u, char *letter, cJSON **tree, struct fl_error *err)
{
	const char *text;
	size_t size;
	int status = unpacking_next(u, &text, &size);
	if (status == 1 && size == 0)
		status = -EBADMSG;
	if (status < 0)
		return fail_bytes(p, status, err);
	if (status == 0)
		return 0;
	*letter = *text;
	size_t room = p->piece_max < SIZE_MAX / TREE_PER_TEXT ? p->piece_max * TREE_PER_TEXT : SIZE_MAX;
	status = fl_json_parse_bounded(p->name, text + 1, size - 1, room, tree, err);
	return status ? status : 1;
}

static struct unpacking *open_pieces(const struct scan_pieces *p)
{
	return unpacking_new(p->data, p->size, p->piece_max, p->text_max);
}

struct fl_scan *scan_pieces_head(const struct scan_pieces *p, struct fl_error *err)
{
	struct unpacking *u = open_pieces(p);
	struct fl_scan *head = fl_scan_new();
	struct reading r = { .name = p->name, .err = err };
	cJSON *tree = NULL;
	char letter = 0;
	int got = next_tree(p, u, &letter, &tree, err);
	if (got == 0 || (got == 1 && letter != letters[0]))
		got = fail_bytes(p, -EBADMSG, err);
	if (got == 1)
		scan_read_head(&r, tree, head);
	cJSON_Delete(tree);
	unpacking_free(u);
	if (got == 1 && !r.code)
		return head;
	fl_scan_free(head);
	return NULL;
}

static int read_record(struct reading *r, char letter, const cJSON *tree, scan_record_seen *seen, void *context)
{
	struct fl_scan_service service = { 0 };
	struct fl_scan_dependency dependency = { 0 };
	struct fl_scan_name name = { 0 };
	struct scan_record record = { 0 };
	if (!cJSON_IsObject(tree)) {
		reading_fail(r, "record", "not an object");
	} else if (letter == 's') {
		scan_read_service(r, tree, &service);
		record.service = &service;
	} else if (letter == 'd') {
		scan_read_dependency(r, tree, &dependency);
		record.dependency = &dependency;
	} else {
		scan_read_name(r, tree, &name);
		record.seen_name = &name;
	}
	if (!r->code)
		seen(context, &record);
	return r->code;
}

/* @keep: what the records are read into; NULL: nothing is kept. */
static int each(const struct scan_pieces *p, const struct fl_scan *head, struct fl_arena *keep, scan_record_seen *seen, void *context,
		struct fl_error *err)
{
	struct unpacking *u = open_pieces(p);
	const char *at = letters;
	int status = 1;
	for (bool first = true; status == 1; first = false) {
		cJSON *tree = NULL;
		char letter = 0;
		status = next_tree(p, u, &letter, &tree, err);
		const char *place = status == 1 ? memchr(at, letter, strlen(at)) : NULL;
		if (status == 1 && (!place || first != (place == letters)))
			status = fail_bytes(p, -EBADMSG, err);
		if (status == 1 && !first) {
			struct fl_arena *own = keep ? NULL : fl_arena_new();
			struct reading r = { .name = p->name, .err = err, .arena = keep ? keep : own, .scan = head };
			int code = read_record(&r, letter, tree, seen, context);
			status = code ? code : 1;
			fl_arena_free(own);
		}
		at = place && !first ? place : letters + 1;
		cJSON_Delete(tree);
	}
	unpacking_free(u);
	return status;
}

int scan_pieces_each(const struct scan_pieces *p, const struct fl_scan *head, scan_record_seen *seen, void *context,
		     struct fl_error *err)
{
	return each(p, head, NULL, seen, context, err);
}

/* ---- all of it ---- */

static void *room_for(void *list, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return list;
	*capacity = fl_grown(*capacity, count + 1);
	return fl_grow_array(list, *capacity, size);
}

struct filling {
	struct fl_scan *scan;
	size_t services, dependencies, names; /* room for them */
};

static void keep_record(void *context, const struct scan_record *r)
{
	struct filling *f = context;
	struct fl_scan *s = f->scan;
	if (r->service) {
		s->services = room_for(s->services, s->service_count, &f->services, sizeof(*s->services));
		s->services[s->service_count++] = *r->service;
	} else if (r->dependency) {
		s->dependencies = room_for(s->dependencies, s->dependency_count, &f->dependencies, sizeof(*s->dependencies));
		s->dependencies[s->dependency_count++] = *r->dependency;
	} else {
		s->names = room_for(s->names, s->name_count, &f->names, sizeof(*s->names));
		s->names[s->name_count++] = *r->seen_name;
	}
}

static void *into_arena(struct fl_arena *a, void *list, size_t count, size_t size)
{
	void *copy = fl_arena_array(a, count ? count : 1, size);
	if (count)
		memcpy(copy, list, count * size);
	free(list);
	return copy;
}

int scan_pieces_fill(const struct scan_pieces *p, struct fl_scan *head, struct fl_error *err)
{
	struct filling f = { .scan = head };
	int status = each(p, head, head->arena, keep_record, &f, err);
	head->services = into_arena(head->arena, head->services, head->service_count, sizeof(*head->services));
	head->dependencies = into_arena(head->arena, head->dependencies, head->dependency_count, sizeof(*head->dependencies));
	head->names = into_arena(head->arena, head->names, head->name_count, sizeof(*head->names));
	if (status == 0)
		fl_scan_sort(head);
	return status;
}
