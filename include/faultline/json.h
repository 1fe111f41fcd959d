/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h - cJSON, with the care its defaults lack
 *
 * Whole files with a size limit; keys compared with case; UTF-8 checked;
 * duplicate keys refused; 64-bit counts exact: above 2^53 - 1 they are written as a
 * string of digits, and both forms are read. Doubles that are not finite are
 * written as null, which reads back as @otherwise.
 */
#ifndef FAULTLINE_JSON_H
#define FAULTLINE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "faultline/addr.h"
#include "faultline/status.h"

enum { FL_JSON_DEPTH_MAX = 64 };           /* nesting; ours needs 8 */
#define FL_JSON_EXACT_MAX ((UINT64_C(1) << 53) - 1) /* above it a double skips integers */
#define FL_JSON_FILE_MAX (UINT64_C(2) << 30) /* bytes */

/* Parse a text; @name stands for the file in errors, which name line and column. *@root is owned by the caller
 * (cJSON_Delete). */
int fl_json_parse(const char *name, const char *text, size_t size, cJSON **root,
		  struct fl_error *err);
/* The same for a text of somebody who is not trusted. A value of one byte takes eighty in the tree: -EFBIG, before there is one, when it
 * would take more than @tree_max bytes. O(size), without memory, until that is known. */
int fl_json_parse_bounded(const char *name, const char *text, size_t size, size_t tree_max, cJSON **root,
			  struct fl_error *err);

/* Large documents, read one piece at a time: a tree takes eight times the text. The text is all there
 * and was checked; what is a tree is for the caller to say.
 */
struct fl_json_text {
	const char *name;  /* of the file, in errors; the caller's */
	const char *at;
	size_t size;
	char *owned;       /* NULL: @at is the caller's */
};
struct fl_json_piece { /* one value; at NULL: there is none */
	const char *at;
	size_t size;
};
enum { FL_JSON_MEMBERS_MAX = 1000 };              /* of the object of a whole document */
enum { FL_JSON_PIECE_MAX = 128 * 1024 * 1024 };   /* bytes that are made a tree at once */
/* All of @path ("-": standard input), checked. The error names file, line, column and remedy. */
int fl_json_read_text(const char *path, struct fl_json_text *t, struct fl_error *err);
void fl_json_text_fini(struct fl_json_text *t);
/* Members of the document's object by @keys; absent, or no object: none. -EINVAL: one is there twice. */
int fl_json_text_members(const struct fl_json_text *t, const char *const *keys, size_t count,
			 struct fl_json_piece *values, struct fl_error *err);
/* Tree of a piece, for cJSON_Delete(). -EINVAL: an object in it has a member twice. */
int fl_json_text_tree(const struct fl_json_text *t, struct fl_json_piece piece, cJSON **tree,
		      struct fl_error *err);
/* Items of an array, one after the other: @rest is what is left of it. False: it is none; it ended. */
bool fl_json_text_array(struct fl_json_piece array, struct fl_json_piece *rest);
bool fl_json_text_next(struct fl_json_piece *rest, struct fl_json_piece *item);

/* Where one gets a document of this kind from, as the end of an error: "; 'faultline check ...' writes one"; "" for what faultline reads as INPUT. */
const char *fl_json_kind_remedy(const char *kind);
/* 0 when @root is an object whose "schema" is "faultline.@kind/N" with N equal to
 * @major; -EINVAL with what was found instead otherwise. */
int fl_json_check_schema(const char *name, const cJSON *root, const char *kind, int major,
			 struct fl_error *err);

/* Members of an object; absent, null or of another type: NULL, @otherwise. */
const cJSON *fl_json_get(const cJSON *object, const char *key);
const cJSON *fl_json_array(const cJSON *object, const char *key);
const char *fl_json_string(const cJSON *object, const char *key);
uint64_t fl_json_u64(const cJSON *object, const char *key, uint64_t otherwise);

void fl_json_add_u64(cJSON *object, const char *key, uint64_t value);
void fl_json_add_double(cJSON *object, const char *key, double value);
void fl_json_add_string(cJSON *object, const char *key, const char *value); /* NULL: null */
void fl_json_add_time(cJSON *object, const char *key, int64_t time_ns);
void fl_json_add_strings(cJSON *object, const char *key, const char *const *list, size_t n);
void fl_json_add_addresses(cJSON *object, const char *key, const struct fl_addr *list, size_t n);

/* Pretty text with two spaces, one final newline. Strings that are not UTF-8
 * are repaired with U+FFFD before they are added. */
void fl_json_write(FILE *out, const cJSON *root);
/* One line, no spaces, no newline. */
void fl_json_write_compact(FILE *out, const cJSON *root);

/* Large documents, one piece at a time: an object whose lists are too long to be a tree.
 *
 *   begin, then members (all of @object's, which stays the caller's) and lists in the order wanted, then
 *   end. In a list: item (frees it), then list_end. The bytes are those of fl_json_write() without its newline.
 */
struct fl_json_stream {
	FILE *out;
	unsigned indent;
	uint64_t members, items;
};
void fl_json_stream_begin(struct fl_json_stream *s, FILE *out, unsigned indent);
void fl_json_stream_members(struct fl_json_stream *s, const cJSON *object);
void fl_json_stream_list(struct fl_json_stream *s, const char *key);
void fl_json_stream_item(struct fl_json_stream *s, cJSON *item);
void fl_json_stream_list_end(struct fl_json_stream *s);
void fl_json_stream_end(struct fl_json_stream *s);

#endif
