/* SPDX-License-Identifier: BSD-2-Clause */
/* test_html.c - the page is well-formed whatever the names, loads nothing, and says what it must */
#include "unit.h"

#include "reports/digest_internal.h"
#include "report_fixture.h"

/* ---- a small checker of tags: nesting, attributes, ids ---- */

enum { NESTING_MAX = 64, NAME_SIZE = 24, IDS_MAX = 4096 };

struct checker {
	char open[NESTING_MAX][NAME_SIZE];
	size_t depth;
	const char *ids[IDS_MAX];
	size_t id_sizes[IDS_MAX];
	size_t id_count;
};

static bool is_void(const char *name)
{
	return strcmp(name, "meta") == 0 || strcmp(name, "!DOCTYPE") == 0;
}

static const char *check_attribute(struct checker *c, const char *at)
{
	const char *name = at;
	at += strcspn(at, "= \t\n/>");
	size_t name_size = (size_t)(at - name);
	assert_true(name_size > 0);
	if (*at != '=') {
		assert_true(name_size == 4 && memcmp(name, "html", 4) == 0); /* <!DOCTYPE html> */
		return at;
	}
	assert_int_equal(at[1], '"');
	const char *value = at + 2;
	at = strchr(value, '"');
	assert_non_null(at);
	assert_null(memchr(value, '<', (size_t)(at - value)));
	assert_false(name_size > 1 && memcmp(name, "on", 2) == 0);
	assert_false(name_size >= 3 && memcmp(name, "src", 3) == 0);
	if (name_size >= 4 && memcmp(name + name_size - 4, "href", 4) == 0)
		assert_int_equal(*value, '#');
	if (name_size == 2 && memcmp(name, "id", 2) == 0) {
		assert_true(c->id_count < IDS_MAX);
		for (size_t i = 0; i < c->id_count; i++)
			if (c->id_sizes[i] == (size_t)(at - value) && memcmp(c->ids[i], value, c->id_sizes[i]) == 0)
				fail_msg("id '%.*s' is there twice", (int)(at - value), value);
		c->ids[c->id_count] = value;
		c->id_sizes[c->id_count++] = (size_t)(at - value);
	}
	return at + 1;
}

static const char *check_tag(struct checker *c, const char *at)
{
	char name[NAME_SIZE];
	bool closing = *at == '/';
	at += closing;
	size_t size = strcspn(at, " \t\n/>");
	assert_true(size > 0 && size < NAME_SIZE);
	memcpy(name, at, size);
	name[size] = '\0';
	assert_string_not_equal(name, "script");
	at += size;
	while (*(at += strspn(at, " \t\n")) != '>' && *at != '/' && *at != '\0')
		at = check_attribute(c, at);
	bool self_closing = *at == '/';
	at += self_closing;
	assert_int_equal(*at, '>');
	if (closing) {
		assert_true(c->depth > 0);
		if (strcmp(c->open[--c->depth], name) != 0)
			fail_msg("</%s> closes <%s> near '%.60s'", name, c->open[c->depth], at);
	} else if (!self_closing && !is_void(name)) {
		assert_true(c->depth < NESTING_MAX);
		memcpy(c->open[c->depth++], name, size + 1);
	}
	return at + 1;
}

static void check_page(const char *text)
{
	struct checker *c = calloc(1, sizeof(*c));
	assert_non_null(c);
	for (const char *at = text; *at != '\0';) {
		if (strncmp(at, "<style>", 7) == 0) { /* ours, holds '>' */
			at = strstr(at, "</style>") + 8;
			continue;
		}
		if (*at == '<') {
			at = check_tag(c, at + 1);
			continue;
		}
		assert_false((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t');
		if (*at == '&')
			assert_true(strcspn(at, ";") <= 7);
		at++;
	}
	assert_int_equal(c->depth, 0);
	free(c);
}

static void test_hostile_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(hostile_names); i++) {
		struct report_fixture f;
		char *json = fixture_named_everywhere(hostile_names[i]);
		fixture_open(&f, json);
		char *text = fixture_write(&f, FL_REPORT_HTML, NULL);
		check_page(text);
		assert_null(strstr(text, "\xe2\x80\xae"));
		free(text);
		free(json);
		fixture_close(&f);
	}
}

static void test_sections_in_order(void **state)
{
	static const char *const order[] = { "default-src 'none'", "<h1>", "id=\"short\"", "id=\"coverage\"",
					     "id=\"system\"", "id=\"spofs\"", "id=\"finding-1\"", "id=\"externals\"",
					     "id=\"listed\"", "id=\"words\"", "</html>" };
	(void)state;
	struct report_fixture f;
	char *json = fixture_named_everywhere("shop");
	fixture_open(&f, json);
	char *text = fixture_write(&f, FL_REPORT_HTML, NULL);
	const char *at = text;
	for (size_t i = 0; i < FL_ARRAY_LEN(order); i++) {
		at = strstr(at, order[i]);
		if (at == NULL)
			fail_msg("'%s' is not where it belongs", order[i]);
	}
	assert_null(strstr(text, "id=\"changes\"")); /* without --since */
	free(text);
	free(json);
	fixture_close(&f);
}

static void test_same_bytes(void **state)
{
	(void)state;
	struct report_fixture f;
	char *json = fixture_named_everywhere("shop");
	fixture_open(&f, json);
	char *one = fixture_write(&f, FL_REPORT_HTML, NULL);
	char *two = fixture_write(&f, FL_REPORT_HTML, NULL);
	assert_string_equal(one, two);
	free(one);
	free(two);
	free(json);
	fixture_close(&f);
}

static void test_changes(void **state)
{
	(void)state;
	struct fl_change changes[] = {
		{ .kind = FL_CHANGE_ADDED, .from = "service:a/<b>", .to = "endpoint:new.example:443/tcp", .p = 0.0 / 1,
		  .expected = 0.0, .why = "seen <now>" },
		{ .kind = FL_CHANGE_GONE, .from = "service:a/b", .to = "endpoint:old.example:80/tcp", .before = "x",
		  .p = 0.001, .expected = 12.5 },
	};
	struct fl_diff diff = { .list = changes, .count = 2, .unchanged = 7, .address_only = 2 };
	struct report_fixture f;
	char *json = fixture_named_everywhere("shop");
	fixture_open(&f, json);
	f.report.diff = &diff;
	char *text = fixture_write(&f, FL_REPORT_HTML, NULL);
	check_page(text);
	assert_non_null(strstr(text, "id=\"changes\""));
	assert_non_null(strstr(text, "new.example:443<"));
	assert_non_null(strstr(text, "seen &lt;now&gt;"));
	assert_non_null(strstr(text, "expected 12.5 exchanges"));
	assert_non_null(strstr(text, "7 dependencies without a change"));
	free(text);
	free(json);
	fixture_close(&f);
}

struct svg_row { const char *name, *svg, *inlined; };

static const struct svg_row svgs[] = {
	{ "prolog, comments and titles go, ids get a prefix",
	  "<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n<!-- x -->\n<svg viewBox=\"0 0 1 1\">\n<g id=\"a\" class=\"b\"><title>n0"
	  "</title><text>T</text></g></svg>",
	  "<svg role=\"img\" aria-label=\"L\" viewBox=\"0 0 1 1\">\n<g id=\"p-a\"><text>T</text></g></svg>" },
	{ "links and handlers go", "<svg><a xlink:href=\"http://x\"><rect onload=\"y\" xlink:href=\"z\" x=\"1\"/></a></svg>",
	  "<svg role=\"img\" aria-label=\"L\"><rect x=\"1\"/></svg>" },
	{ "a width becomes a style that can shrink", "<svg width=\"800pt\" height=\"9pt\"/>",
	  "<svg role=\"img\" aria-label=\"L\" style=\"width:800pt;min-width:480pt\"/>" },
	{ "what is no svg is nothing", "hello", "" },
	{ "nothing is nothing", "", "" },
	{ "text that ends inside a tag ends", "<svg><g id=\"a", "<svg role=\"img\" aria-label=\"L\"><g" },
	{ "text that ends inside a comment ends", "<svg><!-- a", "<svg role=\"img\" aria-label=\"L\">" },
};

static void test_svg(void **state)
{
	const struct svg_row *row = *state;
	char *text = NULL;
	size_t size = 0, length = strlen(row->svg);
	char *exact = malloc(length + 1); /* one byte behind the end is found by the sanitizer */
	assert_non_null(exact);
	memcpy(exact, row->svg, length);
	exact = realloc(exact, length > 0 ? length : 1);
	FILE *out = open_memstream(&text, &size);
	fl_svg_write_inline(out, exact, length, "p", "L");
	fclose(out);
	assert_string_equal(text, row->inlined);
	free(text);
	free(exact);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		{ .name = "no hostile name breaks the page", .test_func = test_hostile_names },
		{ .name = "sections stand in the order of a review", .test_func = test_sections_in_order },
		{ .name = "the same system gives the same bytes", .test_func = test_same_bytes },
		{ .name = "changes are told when there is an older set", .test_func = test_changes },
	};
	struct CMUnitTest tests[FL_ARRAY_LEN(fixed) + FL_ARRAY_LEN(svgs)] = { 0 };
	size_t count = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(fixed); i++)
		tests[count++] = fixed[i];
	for (size_t i = 0; i < FL_ARRAY_LEN(svgs); i++)
		tests[count++] = (struct CMUnitTest){ .name = svgs[i].name, .test_func = test_svg,
						      .initial_state = (void *)(uintptr_t)&svgs[i] };
	return _cmocka_run_group_tests("html", tests, count, NULL, NULL);
}
