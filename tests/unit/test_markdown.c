/* SPDX-License-Identifier: BSD-2-Clause */
/* test_markdown.c - tables keep their columns whatever the names; the JSON report is JSON */
#include "unit.h"

#include <ctype.h>

#include "report_fixture.h"

/* Bars that are not escaped. */
static size_t bars(const char *line, size_t size)
{
	size_t count = 0;
	for (size_t i = 0; i < size; i++) {
		if (line[i] == '\\' && i + 1 < size)
			i++;
		else if (line[i] == '|')
			count++;
	}
	return count;
}

/* Every run of lines that begin with '|' has the same number of cells; no line holds a tag or a control
 * character. */
static void check_markdown(const char *text)
{
	size_t columns = 0;
	for (const char *line = text; *line != '\0';) {
		size_t size = strcspn(line, "\n");
		if (*line == '|') {
			size_t here = bars(line, size);
			if (columns != 0 && here != columns)
				fail_msg("%zu cells, not %zu: %.*s", here, columns, (int)size, line);
			columns = here;
		} else {
			columns = 0;
		}
		for (size_t i = 0; i < size; i++) {
			assert_false((unsigned char)line[i] < 0x20);
			assert_false(line[i] == '<' && (i == 0 || line[i - 1] != '\\') && isalpha(line[i + 1]));
		}
		line += size + (line[size] == '\n');
	}
}

static void test_hostile_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(hostile_names); i++) {
		struct report_fixture f;
		char *json = fixture_named_everywhere(hostile_names[i]);
		fixture_open(&f, json);
		char *text = fixture_write(&f, FL_REPORT_MARKDOWN, NULL);
		check_markdown(text);
		assert_null(strstr(text, "[d]("));
		free(text);
		free(json);
		fixture_close(&f);
	}
}

static void test_what_it_says(void **state)
{
	static const char *const present[] = { "# faultline: ", "## In short", "## Coverage", "nothing is known",
					       "## Single points of failure", "### SPOF 1: ", "| Step | Fails |",
					       "## External dependencies", "## How to read this" };
	(void)state;
	struct report_fixture f;
	char *json = fixture_named_everywhere("shop");
	fixture_open(&f, json);
	char *text = fixture_write(&f, FL_REPORT_MARKDOWN, NULL);
	check_markdown(text);
	for (size_t i = 0; i < FL_ARRAY_LEN(present); i++)
		if (strstr(text, present[i]) == NULL)
			fail_msg("no '%s' in\n%s", present[i], text);
	assert_null(strstr(text, "## Changes"));
	free(text);
	free(json);
	fixture_close(&f);
}

static void test_no_changes(void **state)
{
	(void)state;
	struct fl_diff diff = { .unchanged = 3, .address_only = 1 };
	struct report_fixture f;
	char *json = fixture_named_everywhere("shop");
	fixture_open(&f, json);
	f.report.diff = &diff;
	char *text = fixture_write(&f, FL_REPORT_MARKDOWN, NULL);
	assert_non_null(strstr(text, "Unchanged: 3, of which 1 only at other addresses."));
	assert_non_null(strstr(text, "Nothing has changed since the older scans"));
	free(text);
	free(json);
	fixture_close(&f);
}

static void test_json(void **state)
{
	static const char *const members[] = { "schema", "summary", "spofs", "dependencies", "coverage", "listed",
					       "cycles", "behaviour", "diff" };
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(hostile_names); i++) {
		struct report_fixture f;
		struct fl_error err = { "" };
		cJSON *root = NULL;
		size_t size;
		char *json = fixture_named_everywhere(hostile_names[i]);
		fixture_open(&f, json);
		char *text = fixture_write(&f, FL_REPORT_JSON, &size);
		assert_int_equal(fl_json_parse("report", text, size, &root, &err), 0);
		assert_int_equal(fl_json_check_schema("report", root, "report", 1, &err), 0);
		const cJSON *member = root->child;
		for (size_t m = 0; m < FL_ARRAY_LEN(members); m++, member = member->next)
			assert_string_equal(member->string, members[m]);
		assert_null(member);
		const cJSON *worst = cJSON_GetArrayItem(fl_json_array(root, "spofs"), 0);
		assert_int_equal(fl_json_u64(worst, "rank", 0), 1);
		assert_true(fl_graph_find(f.system->graph, fl_json_string(worst, "node")) != FL_NODE_NONE);
		cJSON_Delete(root);
		free(text);
		free(json);
		fixture_close(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ .name = "no hostile name breaks a table or becomes a tag", .test_func = test_hostile_names },
		{ .name = "it says the same things as the page", .test_func = test_what_it_says },
		{ .name = "an older set without changes says so", .test_func = test_no_changes },
		{ .name = "the JSON report parses whatever the names, members in their order", .test_func = test_json },
	};
	return _cmocka_run_group_tests("markdown", tests, FL_ARRAY_LEN(tests), NULL, NULL);
}
