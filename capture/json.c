/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.c - cJSON, with the care its defaults lack: reading and members
 *
 * Three passes over a file: json_check.c says whether the text is JSON and
 * where not, cJSON builds the tree, and the tree is searched for members of
 * one name. The check costs a fifth of what building the tree does. What
 * cJSON then refuses can only be for lack of memory.
 *
 * Getters never fail: a file from another version or another tool may lack
 * anything, and what must be there is for the reader of that document to say.
 */
#include "json_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultline/units.h"
#include "faultline/utf8.h"


enum { READ_STEP = 64 * 1024 };

/* Behind the mark that some editors put first; RFC 8259 section 8.1. */
static const char *skip_mark(const char *text, size_t *size)
{
	if (*size < 3 || memcmp(text, "\xef\xbb\xbf", 3) != 0)
		return text;
	*size -= 3;
	return text + 3;
}

static const char *name_of(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

int fl_json_parse_bounded(
	const char *name, const char *text, size_t size, size_t tree_max, cJSON **root, struct fl_error *err)
{
	text = skip_mark(text, &size);
	int r = fl_json_check_text(name, text, size, tree_max, err);
	if (r < 0)
		return r;
	cJSON *tree = cJSON_ParseWithLength(text, size);
	if (!tree)
		fl_out_of_memory();
	r = fl_json_check_members(name, text, size, tree, err);
	if (r < 0)
		cJSON_Delete(tree);
	else
		*root = tree;
	return r;
}

int fl_json_parse(const char *name, const char *text, size_t size, cJSON **root, struct fl_error *err)
{
	return fl_json_parse_bounded(name, text, size, SIZE_MAX, root, err);
}

static int fail_open(const char *path, int error, struct fl_error *err)
{
	const char *remedy = error == ENOENT   ? "check the name and the order of what is given"
			     : error == EACCES ? "read permission is wanted"
			     : error == EISDIR ? "name a file in it"
					       : "";
	return fl_fail(err, -error, "%s: %s%s%s", path, strerror(error), *remedy ? "; " : "", remedy);
}

static int open_input(const char *path, int *fd, struct fl_error *err)
{
	struct stat st;
	bool standard = strcmp(path, "-") == 0;

	*fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0)
		return fail_open(path, errno, err);
	if (fstat(*fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (!standard)
			close(*fd);
		return fail_open(path, EISDIR, err);
	}
	return 0;
}

/* All of @fd. A zero byte ends it at once, or a device would be read up to the limit. */
static int read_all(const char *name, int fd, char **text, size_t *size, struct fl_error *err)
{
	size_t capacity = 0;

	for (;;) {
		if (*size == capacity) {
			capacity = fl_grown(capacity, *size + READ_STEP);
			*text = fl_grow_array(*text, capacity, 1);
		}
		ssize_t n = read(fd, *text + *size, capacity - *size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_open(name, errno, err);
		if (n == 0)
			return 0;
		if (memchr(*text + *size, 0, (size_t)n))
			return fl_fail(err, -EINVAL,
				"%s: not JSON, it holds zero bytes; is it a capture file?", name);
		*size += (size_t)n;
		if (*size > FL_JSON_FILE_MAX)
			return fl_fail(err, -EFBIG, "%s: larger than 2 GiB; split it", name);
	}
}

static int add_remedy(int code, struct fl_error *err)
{
	static const char remedy[] = "; no faultline file, or not whole? Several documents are given as several files";
	size_t size = code < 0 && err ? strlen(err->text) : sizeof(err->text);
	if (size + sizeof(remedy) <= sizeof(err->text))
		memcpy(err->text + size, remedy, sizeof(remedy));
	return code;
}

/* All of @path, for the caller to free. */
static int read_path(const char *path, char **text, size_t *size, struct fl_error *err)
{
	int fd;

	int r = open_input(path, &fd, err);
	if (r < 0)
		return r;
	r = read_all(name_of(path), fd, text, size, err);
	if (fd != STDIN_FILENO)
		close(fd);
	return r;
}

int fl_json_read_text(const char *path, struct fl_json_text *t, struct fl_error *err)
{
	*t = (struct fl_json_text){ .name = name_of(path) };
	int r = read_path(path, &t->owned, &t->size, err);
	t->at = skip_mark(t->owned, &t->size);
	if (r == 0)
		r = add_remedy(fl_json_check_text(t->name, t->at, t->size, SIZE_MAX, err), err);
	if (r < 0)
		fl_json_text_fini(t);
	return r;
}

/* "faultline.scan/1": the kind up to the slash, then digits alone. */
static bool schema_is(const char *schema, const char *kind, long *major)
{
	size_t size = strlen(kind);
	char *end;

	if (strncmp(schema, "faultline.", 10) != 0 || strncmp(schema + 10, kind, size) != 0 ||
		schema[10 + size] != '/')
		return false;
	const char *number = schema + 10 + size + 1;
	if (*number < '0' || *number > '9')
		return false;
	*major = strtol(number, &end, 10);
	return *end == '\0';
}

const char *fl_json_kind_remedy(const char *kind)
{
	if (strcmp(kind, "policy") == 0)
		return "; 'faultline check INPUT... --init' writes one";
	return strcmp(kind, "model") == 0 ? "; MODEL FILE in 'man faultline' has an example" : "";
}

int fl_json_check_schema(
	const char *name, const cJSON *root, const char *kind, int major, struct fl_error *err)
{
	const char *schema = fl_json_string(root, "schema"), *remedy = fl_json_kind_remedy(kind);
	long found;

	if (!cJSON_IsObject(root))
		return fl_fail(err, -EINVAL, "%s: an object with \"schema\": \"faultline.%s/%d\" is wanted; was it written by faultline?", name,
			kind, major);
	if (!schema)
		return fl_fail(err, -EINVAL, "%s: no \"schema\" in it; \"faultline.%s/%d\" is wanted%s", name,
			kind, major, remedy);
	if (!schema_is(schema, kind, &found))
		return fl_fail(err, -EINVAL, "%s: schema is \"%.64s\"; \"faultline.%s/%d\" is wanted%s", name,
			schema, kind, major, remedy);
	if (found != major)
		return fl_fail(err, -EINVAL,
			"%s: schema is \"%.64s\", this faultline reads version %d; use a %s one", name,
			schema, major, found > major ? "newer" : "older");
	return 0;
}

/* ---- members ---- */

const cJSON *fl_json_get(const cJSON *object, const char *key)
{
	/* By hand: the library's search takes arrays for objects and runs into members without name. */
	if (!cJSON_IsObject(object))
		return NULL;
	for (const cJSON *m = object->child; m; m = m->next)
		if (m->string && strcmp(m->string, key) == 0)
			return m;
	return NULL;
}

const cJSON *fl_json_array(const cJSON *object, const char *key)
{
	const cJSON *m = fl_json_get(object, key);

	return m && cJSON_IsArray(m) ? m : NULL;
}

const char *fl_json_string(const cJSON *object, const char *key)
{
	const cJSON *m = fl_json_get(object, key);

	return m && cJSON_IsString(m) ? m->valuestring : NULL;
}

/* Digits alone, below 2^64. */
static bool parse_digits(const char *text, uint64_t *value)
{
	uint64_t v = 0;

	if (!*text)
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(v, 10u, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return false;
	*value = v;
	return true;
}

uint64_t fl_json_u64(const cJSON *object, const char *key, uint64_t otherwise)
{
	const cJSON *m = fl_json_get(object, key);
	uint64_t value;

	if (m && cJSON_IsString(m))
		return parse_digits(m->valuestring, &value) ? value : otherwise;
	if (!m || !cJSON_IsNumber(m) || !(m->valuedouble >= 0) || m->valuedouble >= 0x1p64 ||
		trunc(m->valuedouble) != m->valuedouble)
		return otherwise;
	return (uint64_t)m->valuedouble;
}

/* ---- building ---- */

static cJSON *need(cJSON *item)
{
	if (!item)
		fl_out_of_memory();
	return item;
}

static void add(cJSON *object, const char *key, cJSON *item)
{
	if (!cJSON_AddItemToObject(object, key, need(item)))
		fl_out_of_memory();
}

static bool is_utf8(const char *text, size_t size)
{
	uint32_t c = 0;

	for (size_t at = 0; at < size && c != FL_UTF8_BAD;)
		at += fl_utf8_decode(text + at, size - at, &c);
	return c != FL_UTF8_BAD;
}

/* Bad bytes as U+FFFD, which takes three; to be freed. Control characters stay: the writer escapes
 * them. */
static char *repair(const char *text, size_t size)
{
	char *to = fl_alloc_array(size + 1, 3), *end = to;

	for (size_t at = 0, length; at < size; at += length) {
		uint32_t c;

		length = fl_utf8_decode(text + at, size - at, &c);
		if (c == FL_UTF8_BAD)
			end = stpcpy(end, FL_UTF8_REPLACEMENT);
		else
			end = mempcpy(end, text + at, length);
	}
	return to;
}

static cJSON *new_string(const char *text)
{
	if (!text)
		return cJSON_CreateNull();
	size_t size = strlen(text);
	if (is_utf8(text, size))
		return cJSON_CreateString(text);
	char *repaired = repair(text, size);
	cJSON *item = cJSON_CreateString(repaired);
	free(repaired);
	return item;
}

void fl_json_add_u64(cJSON *object, const char *key, uint64_t value)
{
	char digits[24];

	if (value <= FL_JSON_EXACT_MAX) {
		add(object, key, cJSON_CreateNumber((double)value));
		return;
	}
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	add(object, key, cJSON_CreateString(digits));
}

void fl_json_add_double(cJSON *object, const char *key, double value)
{
	add(object, key, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

void fl_json_add_string(cJSON *object, const char *key, const char *value)
{
	add(object, key, new_string(value));
}

void fl_json_add_time(cJSON *object, const char *key, int64_t time_ns)
{
	char text[FL_TIME_TEXT];

	add(object, key, cJSON_CreateString(fl_time_format(time_ns, text)));
}

void fl_json_add_strings(cJSON *object, const char *key, const char *const *list, size_t n)
{
	cJSON *array = need(cJSON_CreateArray());

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(array, need(new_string(list[i])));
	add(object, key, array);
}

void fl_json_add_addresses(cJSON *object, const char *key, const struct fl_addr *list, size_t n)
{
	cJSON *array = need(cJSON_CreateArray());
	char text[FL_ADDR_TEXT];

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(array, need(cJSON_CreateString(fl_addr_format(&list[i], text))));
	add(object, key, array);
}
