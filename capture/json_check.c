/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_check.c - is this JSON, and if not, where not?
 *
 * cJSON is lenient (control characters as white space, invalid UTF-8, numbers
 * like "01"), recurses on the input's depth and reports no place. So the text
 * is first checked against RFC 8259 in one pass without allocation or
 * recursion: one bit a level says whether it is an object. What passes is a
 * text on which cJSON has nothing left to fail but memory.
 *
 * Beyond the RFC, and wanted: depth at most FL_JSON_DEPTH_MAX, numbers at most
 * NUMBER_MAX long (cJSON cuts longer ones), no \u0000 (it would end a C
 * string), and no second member of the same name. The last is looked for in
 * the tree, where escapes are resolved: neighbours after sorting, so that a
 * huge hostile object costs n log n.
 */
#include "json_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/utf8.h"

enum { NUMBER_MAX = 62 }; /* cJSON 1.7 copies numbers into 64 bytes */
static const char too_large[] = "too large";
_Static_assert(FL_JSON_DEPTH_MAX <= 64, "one bit a level");

struct checker {
	const char *at, *end;
	const char *problem; /* first one; NULL while all is well */
	unsigned depth;
	uint64_t is_object; /* bit i: level i is an object, else an array */
	size_t tree, tree_max; /* bytes that the tree of what was read takes; that it may take */
};

static bool fail(struct checker *c, const char *problem)
{
	if (!c->problem)
		c->problem = problem;
	return false;
}

static int peek(const struct checker *c)
{
	return c->at < c->end ? (unsigned char)*c->at : -1;
}

static bool take(struct checker *c, char wanted)
{
	if (c->at >= c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static void skip_space(struct checker *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
		c->at++;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(int c)
{
	return is_digit(c)            ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* The four digits behind "\u", or -1. */
static int take_hex4(struct checker *c)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_value(peek(c));
		if (digit < 0)
			return -1;
		value = value << 4 | digit;
		c->at++;
	}
	return value;
}

static bool check_unicode_escape(struct checker *c)
{
	int first = take_hex4(c);

	if (first < 0)
		return fail(c, "four hexadecimal digits are wanted behind \\u");
	if (first == 0)
		return fail(c, "\\u0000 cannot stand in a string");
	if (first >= 0xdc00 && first <= 0xdfff)
		return fail(c, "the second half of a surrogate pair stands alone");
	if (first < 0xd800 || first > 0xdbff)
		return true;
	int second = take(c, '\\') && take(c, 'u') ? take_hex4(c) : -1;
	if (second < 0xdc00 || second > 0xdfff)
		return fail(c, "the first half of a surrogate pair stands alone");
	return true;
}

static bool check_escape(struct checker *c)
{
	int kind = peek(c);

	if (kind < 0)
		return fail(c, "a string does not end; write the file again, it may be cut short");
	if (!strchr("\"\\/bfnrtu", kind) || kind == 0)
		return fail(c, "no such escape in a string");
	c->at++;
	return kind != 'u' || check_unicode_escape(c);
}

static bool add_to_tree(struct checker *c, size_t bytes)
{
	c->tree += bytes;
	return c->tree <= c->tree_max || fail(c, too_large);
}

/* Behind the opening quote. */
static bool check_string(struct checker *c)
{
	const char *begin = c->at;

	while (c->at < c->end) {
		uint32_t character;
		size_t length = fl_utf8_decode(c->at, (size_t)(c->end - c->at), &character);

		if (character == FL_UTF8_BAD)
			return fail(c, "a string is not valid UTF-8");
		if (character < 0x20)
			return fail(c, "a control character or line end inside a string");
		c->at += length;
		if (character == '"')
			return add_to_tree(c, FL_JSON_TEXT_BYTES + (size_t)(c->at - begin));
		if (character == '\\' && !check_escape(c))
			return false;
	}
	return fail(c, "a string does not end; write the file again, it may be cut short");
}

static bool check_digits(struct checker *c)
{
	if (!is_digit(peek(c)))
		return fail(c, "a digit is wanted in the number");
	while (is_digit(peek(c)))
		c->at++;
	return true;
}

static bool check_number(struct checker *c)
{
	const char *begin = c->at;

	(void)take(c, '-');
	if (take(c, '0')) {
		if (is_digit(peek(c)))
			return fail(c, "a number begins with a needless zero");
	} else if (!check_digits(c)) {
		return false;
	}
	if (take(c, '.') && !check_digits(c))
		return false;
	if (take(c, 'e') || take(c, 'E')) {
		if (!take(c, '+'))
			(void)take(c, '-');
		if (!check_digits(c))
			return false;
	}
	if (c->at - begin <= NUMBER_MAX)
		return true;
	c->at = begin;
	return fail(c, "a number has too many digits");
}

static bool check_word(struct checker *c, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0)
		return fail(c, "a value is wanted (text in double quotes, number, true, false, null)");
	c->at += size;
	return true;
}

static bool fail_end(struct checker *c)
{
	return fail(c, "the text ends too early; is the file complete?");
}

static bool in_object(const struct checker *c)
{
	return c->depth > 0 && c->is_object >> (c->depth - 1) & 1;
}

static bool check_name(struct checker *c)
{
	if (c->at == c->end)
		return fail_end(c);
	if (!take(c, '"'))
		return fail(c, "a member name in double quotes is wanted");
	if (!check_string(c))
		return false;
	skip_space(c);
	if (!take(c, ':'))
		return fail(c, "':' is wanted behind the member name");
	skip_space(c);
	return true;
}

static bool check_open(struct checker *c, bool object)
{
	if (c->depth == FL_JSON_DEPTH_MAX)
		return fail(c, "nested deeper than 64 levels; was it written by faultline?");
	c->at++;
	c->is_object &= ~(UINT64_C(1) << c->depth);
	c->is_object |= (uint64_t)object << c->depth;
	c->depth++;
	return true;
}

/* A scalar, or the begin of a container. *@opened: a level was entered. */
static bool check_value(struct checker *c, bool *opened)
{
	int first = peek(c);

	if (first >= 0 && !add_to_tree(c, FL_JSON_NODE_BYTES))
		return false;
	*opened = first == '{' || first == '[';
	if (*opened)
		return check_open(c, first == '{');
	if (first < 0)
		return fail_end(c);
	if (take(c, '"'))
		return check_string(c);
	if (first == '-' || is_digit(first))
		return check_number(c);
	return check_word(c, first == 't' ? "true" : first == 'f' ? "false" : "null");
}

/* Behind a value: leave what ends here. *@more: a comma, and another value follows. */
static bool check_after(struct checker *c, bool *more)
{
	*more = false;
	while (c->depth > 0) {
		skip_space(c);
		if (take(c, ',')) {
			*more = true;
			skip_space(c);
			return true;
		}
		if (c->at == c->end)
			return fail_end(c);
		if (!take(c, in_object(c) ? '}' : ']'))
			return fail(c, in_object(c) ? "',' or '}' is wanted" : "',' or ']' is wanted");
		c->depth--;
	}
	return true;
}

static bool check_all(struct checker *c)
{
	bool opened, more = true;

	skip_space(c);
	while (more) {
		if (in_object(c) && !check_name(c))
			return false;
		if (!check_value(c, &opened))
			return false;
		skip_space(c);
		if (opened && peek(c) != (in_object(c) ? '}' : ']'))
			continue;
		if (!check_after(c, &more))
			return false;
	}
	skip_space(c);
	return c->at == c->end || fail(c, "something follows the end of the JSON text");
}

/* Columns count characters, as editors do. */
static int fail_at(
	const char *name, const char *text, const char *at, const char *problem, struct fl_error *err)
{
	size_t line = 1, column = 1;

	for (const char *p = text; p < at; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*p & 0xc0) != 0x80) {
			column++;
		}
	}
	return fl_fail(err, -EINVAL, "%s: line %zu, column %zu: %s", name, line, column, problem);
}

static int fail_large(const char *name, const struct checker *c, struct fl_error *err)
{
	return fl_fail(err, -EFBIG, "%s: its values would take more than %zu MiB of memory; scan shorter windows (--every), or with "
		       "less --memory", name, c->tree_max >> 20);
}

int fl_json_check_text(const char *name, const char *text, size_t size, size_t tree_max, struct fl_error *err)
{
	struct checker c = { .at = text, .end = text + size, .tree_max = tree_max };

	skip_space(&c);
	if (c.at == c.end)
		return fl_fail(err, -EINVAL,
			"%s: empty, no JSON in it; was the scan that writes it cut short?", name);
	if (check_all(&c))
		return 0;
	return c.problem == too_large ? fail_large(name, &c, err) : fail_at(name, text, c.at, c.problem, err);
}

/* ---- members of one name ---- */

struct names {
	const char **list;
	size_t capacity;
};

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* A name that @object has twice, or NULL. */
static const char *find_twice(const cJSON *object, struct names *names)
{
	size_t n = 0;

	for (const cJSON *member = object->child; member; member = member->next) {
		if (n == names->capacity) {
			names->capacity = fl_grown(names->capacity, n + 1);
			names->list = fl_grow_array(names->list, names->capacity, sizeof(*names->list));
		}
		names->list[n++] = member->string;
	}
	if (n > 1)
		qsort(names->list, n, sizeof(*names->list), compare_names);
	for (size_t i = 1; i < n; i++)
		if (strcmp(names->list[i - 1], names->list[i]) == 0)
			return names->list[i];
	return NULL;
}

/* Place of the @n-th '{' (from 0) outside strings; the text was checked. */
static const char *nth_object(const char *text, size_t size, size_t n)
{
	bool in_string = false;

	for (const char *p = text; p < text + size; p++) {
		if (*p == '"')
			in_string = !in_string;
		else if (in_string && *p == '\\')
			p++;
		else if (!in_string && *p == '{' && n-- == 0)
			return p;
	}
	return text;
}

static int fail_twice(const char *name, const char *whole, const char *text, size_t size, size_t object,
	const char *member, struct fl_error *err)
{
	char problem[FL_ERROR_MAX];

	snprintf(problem, sizeof(problem),
		"the object that begins here has two members \"%.64s\"; remove one", member);
	return fail_at(name, whole, nth_object(text, size, object), problem, err);
}

int fl_json_check_members_of(const char *name, const char *whole, const char *text, size_t size,
	const cJSON *root, struct fl_error *err)
{
	const cJSON *path[FL_JSON_DEPTH_MAX + 1]; /* where to go on, a level each */
	struct names names = { 0 };
	const char *twice = NULL;
	size_t depth = 0, objects = 0;

	path[depth++] = root;
	while (depth > 0 && !twice) {
		const cJSON *item = path[depth - 1];
		if (!item) {
			depth--;
			continue;
		}
		path[depth - 1] = item == root ? NULL : item->next;
		if (cJSON_IsObject(item)) {
			twice = find_twice(item, &names);
			objects++;
		}
		if (item->child)
			path[depth++] = item->child;
	}
	free(names.list);
	return twice ? fail_twice(name, whole, text, size, objects - 1, twice, err) : 0;
}

int fl_json_check_members(
	const char *name, const char *text, size_t size, const cJSON *root, struct fl_error *err)
{
	return fl_json_check_members_of(name, text, text, size, root, err);
}
