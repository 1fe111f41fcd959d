/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_internal.h - what the three files of json.h share
 */
#ifndef FAULTLINE_JSON_INTERNAL_H
#define FAULTLINE_JSON_INTERNAL_H

#include "faultline/json.h"

/* What the allocator takes for a value, and for a text besides its bytes. */
enum { FL_JSON_NODE_BYTES = sizeof(cJSON) + 16, FL_JSON_TEXT_BYTES = 32 };

/* 0 when the text is one JSON value that cJSON will take as it is; -EINVAL with file, line, column; -EFBIG when its tree would take more
 * than @tree_max bytes. */
int fl_json_check_text(const char *name, const char *text, size_t size, size_t tree_max, struct fl_error *err);

/* 0 when no object of the tree made from @text has two members of one name. */
int fl_json_check_members(const char *name, const char *text, size_t size, const cJSON *root,
			  struct fl_error *err);

/* The same for a piece, @text, of @whole: places count from the begin of @whole. */
int fl_json_check_members_of(const char *name, const char *whole, const char *text, size_t size,
			     const cJSON *root, struct fl_error *err);

/* One value as json_write.c prints it. */
void fl_json_put_string(FILE *out, const char *text);
enum { FL_JSON_NUMBER_TEXT = 40 };
size_t fl_json_number_text(double value, char text[static FL_JSON_NUMBER_TEXT]); /* its length, without the final zero */

#endif
