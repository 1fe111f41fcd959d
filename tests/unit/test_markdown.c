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

/* Two replicas, named @name, of a group that needs one, on one host. JSON text; free() it. */
static char *twins(const char *name)
{
	char ids[3][512];
	const char *pair[] = { ids[0], ids[1] }, *host = ids[2], *edge = "service:edge/web";
	cJSON *root = cJSON_CreateObject();
	snprintf(ids[0], sizeof(ids[0]), "service:%.200s/a", name);
	snprintf(ids[1], sizeof(ids[1]), "service:%.200s/b", name);
	snprintf(ids[2], sizeof(ids[2]), "host:%.200s", name);
	fl_json_add_string(root, "schema", "faultline.graph/1");
	cJSON *nodes = cJSON_AddArrayToObject(root, "nodes"), *list = cJSON_AddArrayToObject(root, "requirements");
	const char *const all[] = { edge, ids[0], ids[1], ids[2] };
	for (size_t i = 0; i < FL_ARRAY_LEN(all); i++) {
		cJSON *node = cJSON_CreateObject(), *requirement = cJSON_CreateObject();
		fl_json_add_string(node, "id", all[i]);
		fl_json_add_string(node, "kind", i == 3 ? "host" : "service");
		cJSON_AddItemToArray(nodes, node);
		fl_json_add_string(requirement, "of", all[i]);
		fl_json_add_u64(requirement, "needs", i == 3 ? 0 : 1);
		fl_json_add_strings(requirement, "members", i == 0 ? pair : &host, i == 0 ? 2 : 1);
		cJSON_AddItemToArray(list, requirement);
	}
	fl_json_add_strings(root, "entry_points", &edge, 1);
	char *text = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	return text;
}

static void test_shared_fate(void **state)
{
	static const enum fl_report_format formats[] = { FL_REPORT_MARKDOWN, FL_REPORT_HTML, FL_REPORT_JSON };
	static const char *const headings[] = { "## Shared fate", "id=\"shared\"", "\"shared_fate\": [" };
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(hostile_names); i++) {
		struct report_fixture f;
		char *json = twins(hostile_names[i]);
		fixture_open(&f, json);
		struct fl_shared *shared = fl_shared(f.system);
		assert_int_equal(shared->count, 1);
		f.report.shared = shared;
		for (size_t k = 0; k < FL_ARRAY_LEN(formats); k++) {
			char *text = fixture_write(&f, formats[k], NULL);
			if (k == 0)
				check_markdown(text);
			assert_non_null(strstr(text, headings[k]));
			assert_true(k == 2 || strstr(text, "failing together in 1 case") != NULL);
			free(text);
		}
		fl_shared_free(shared);
		free(json);
		fixture_close(&f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ .name = "no hostile name breaks a table or becomes a tag", .test_func = test_hostile_names },
		{ .name = "it says the same things as the page", .test_func = test_what_it_says },
		{ .name = "shared fate has a section in every document", .test_func = test_shared_fate },
		{ .name = "an older set without changes says so", .test_func = test_no_changes },
		{ .name = "the JSON report parses whatever the names, members in their order", .test_func = test_json },
	};
	return _cmocka_run_group_tests("markdown", tests, FL_ARRAY_LEN(tests), NULL, NULL);
}
