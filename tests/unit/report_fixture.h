/* SPDX-License-Identifier: BSD-2-Clause */
/* report_fixture.h - systems and reports for the tests of reports/: JSON text in, report text out */
#ifndef FAULTLINE_TEST_REPORT_FIXTURE_H
#define FAULTLINE_TEST_REPORT_FIXTURE_H

#include <stdio.h>
#include <unistd.h>

#include "faultline/json.h"
#include "faultline/report.h"

/* What a report is made of, from the text of one graph or scan file. */
struct report_fixture {
	struct fl_system *system;
	struct fl_ranking *ranking;
	struct fl_reach *reach;
	struct fl_report report;
};

static inline void fixture_path(char path[static 64], const char *ending)
{
	snprintf(path, 64, "/tmp/faultline-test-XXXXXX%s", ending);
	int fd = mkstemps(path, (int)strlen(ending));
	assert_true(fd >= 0);
	close(fd);
}

static inline void fixture_open(struct report_fixture *f, const char *json)
{
	char path[64];
	const char *inputs[] = { path };
	struct fl_error err = { "" };
	fixture_path(path, ".json");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(json, file);
	assert_int_equal(fclose(file), 0);
	int rc = fl_system_load(&f->system, inputs, 1, &err);
	unlink(path);
	assert_string_equal(err.text, "");
	assert_int_equal(rc, 0);
	f->ranking = fl_rank(f->system);
	f->reach = fl_reach(f->system, FL_NODE_NONE);
	f->report = (struct fl_report){ .system = f->system, .ranking = f->ranking, .reach = f->reach, .top = 3 };
}

static inline void fixture_close(struct report_fixture *f)
{
	fl_reach_free(f->reach);
	fl_ranking_free(f->ranking);
	fl_system_free(f->system);
}

/* The report as text; free() it. */
static inline char *fixture_write(const struct report_fixture *f, enum fl_report_format format, size_t *size)
{
	char path[64];
	struct fl_error err = { "" };
	fixture_path(path, ".out");
	int rc = fl_report_write(&f->report, format, path, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(rc, 0);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	long length = ftell(file);
	assert_true(length >= 0);
	rewind(file);
	char *text = calloc(1, (size_t)length + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)length, file), (size_t)length);
	fclose(file);
	unlink(path);
	if (size != NULL)
		*size = (size_t)length;
	return text;
}

/* Two services, an external endpoint and their boxes; @name is the name of everything that
 * the wire can name. JSON text; free() it. */
static inline char *fixture_named_everywhere(const char *name)
{
	const char *const kinds[] = { "service", "host", "endpoint", "address", "provider" };
	cJSON *root = cJSON_CreateObject();
	fl_json_add_string(root, "schema", "faultline.graph/1");
	cJSON *nodes = cJSON_AddArrayToObject(root, "nodes");
	cJSON *requirements = cJSON_AddArrayToObject(root, "requirements");
	char *ids[FL_ARRAY_LEN(kinds)];
	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++) {
		size_t size = 2 * strlen(name) + 64;
		ids[i] = fl_alloc(size);
		if (i == 0)
			snprintf(ids[i], size, "service:%s/%s", name, name);
		else if (i == 2)
			snprintf(ids[i], size, "endpoint:%s.example:443/tcp", name);
		else
			snprintf(ids[i], size, "%s:%s", kinds[i], name);
		cJSON *node = cJSON_CreateObject();
		fl_json_add_string(node, "id", ids[i]);
		fl_json_add_string(node, "kind", kinds[i]);
		cJSON_AddItemToArray(nodes, node);
	}
	static const size_t arrows[][2] = { { 0, 1 }, { 0, 2 }, { 2, 3 }, { 3, 4 } };
	for (size_t i = 0; i < FL_ARRAY_LEN(arrows); i++) {
		cJSON *r = cJSON_CreateObject();
		fl_json_add_string(r, "of", ids[arrows[i][0]]);
		fl_json_add_u64(r, "needs", 1);
		const char *member = ids[arrows[i][1]];
		fl_json_add_strings(r, "members", &member, 1);
		cJSON_AddItemToArray(requirements, r);
	}
	const char *entry = ids[0];
	fl_json_add_strings(root, "entry_points", &entry, 1);
	char *text = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++)
		free(ids[i]);
	return text;
}

/* Names that would do harm in one language or another. Valid UTF-8, since JSON files must be. */
static const char *const hostile_names[] = {
	"\"><script>alert(1)</script>",
	"back\\slash\\",
	"two\nlines\tand\x1b[31mred\x7f",
	"\xe2\x80\xaegnp.exe\xe2\x81\xa6",
	"&amp;&#60;b&gt;&",
	"\\N\\G\\E\\L\\\"",
	"a|b`c`[d](javascript:alert(1))![e](f)*g*_h_#i",
	"<!-- --> ]]> <?x ?> --!>",
	"=1+1",
	"{a|<b>c}",
	"%s%n%d",
};

#endif
