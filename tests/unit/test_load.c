/* SPDX-License-Identifier: BSD-2-Clause */
/* test_load.c - files, directories and graph files become a system; what cannot is told in one line */
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultline/system.h"

#define SCAN(point)                                                                                          \
	"{\"schema\":\"faultline.scan/1\",\"point\":\"" point                                                \
	"\",\"window\":{\"start\":\"2026-11-21T12:00:00Z\","                                                 \
	"\"end\":\"2026-11-21T12:02:00Z\"},\"hosts\":[{\"name\":\"" point "\"}]}"
#define GRAPH                                                                                                \
	"{\"schema\":\"faultline.graph/1\",\"nodes\":[{\"id\":\"service:a/x\",\"kind\":\"service\"},"        \
	"{\"id\":\"host:a\",\"kind\":\"host\"},{\"id\":\"endpoint:db.int.example:5432/"                      \
	"tcp\",\"kind\":\"endpoint\"},"                                                                      \
	"{\"id\":\"endpoint:[2001:db8::1]:80/tcp\",\"kind\":\"endpoint\"},"                                  \
	"{\"id\":\"endpoint:10.1.2.3:80/"                                                                    \
	"udp\",\"kind\":\"endpoint\"},{\"id\":\"power\",\"kind\":\"supply\"}],"                              \
	"\"requirements\":[{\"of\":\"service:a/x\",\"needs\":1,\"members\":[\"host:a\"]},"                   \
	"{\"of\":\"endpoint:db.int.example:5432/tcp\",\"needs\":1,\"members\":[\"service:a/x\"]}],"          \
	"\"entry_points\":[\"service:a/x\"]}"

struct file {
	const char *name, *text; /* text NULL: a directory */
};

enum { FILES_MAX = 5, INPUTS_MAX = 3 };

struct row {
	const char *name;
	struct file files[FILES_MAX];
	const char *inputs[INPUTS_MAX]; /* below the directory of the test; "" the directory itself */
	const char *title;              /* of the system; NULL: it fails */
	const char *error;              /* part of it */
};

static const struct row rows[] = {
	{ "one scan file", { { "a.json", SCAN("a") } }, { "/a.json" }, "a", NULL },
	{ "two scan files", { { "a.json", SCAN("a") }, { "b.json", SCAN("b") } }, { "/b.json", "/a.json" },
		"a, b", NULL },
	{ "the same file twice counts once", { { "a.json", SCAN("a") } }, { "/a.json", "/a.json" }, "a",
		NULL },
	{ "a directory: *.json in it, nothing hidden, nothing below",
		{ { "a.json", SCAN("a") }, { "b.json", SCAN("b") }, { "notes.txt", "x" }, { ".c.json", "x" },
			{ "sub", NULL } },
		{ "" }, "a, b", NULL },
	{ "a scan set",
		{ { "s.json",
			"{\"schema\":\"faultline.scan-set/1\",\"scans\":[" SCAN("a") "," SCAN("b") "]}" } },
		{ "/s.json" }, "a, b", NULL },
	{ "a graph file alone", { { "shop.json", GRAPH } }, { "/shop.json" }, "shop", NULL },
	{ "a directory with one graph file", { { "shop.json", GRAPH } }, { "" }, "shop", NULL },
	{ "a graph beside a scan is refused", { { "a.json", SCAN("a") }, { "g.json", GRAPH } },
		{ "/a.json", "/g.json" }, NULL, "g.json: a graph file stands alone" },
	{ "a scan beside a graph is refused", { { "a.json", SCAN("a") }, { "g.json", GRAPH } },
		{ "/g.json", "/a.json" }, NULL, "g.json: a graph file stands alone" },
	{ "two graphs are refused", { { "g.json", GRAPH } }, { "/g.json", "/g.json" }, NULL,
		"a graph file stands alone" },
	{ "an empty directory is refused with the remedy", { { "notes.txt", "" } }, { "" }, NULL,
		"faultline scan -o" },
	{ "a missing file is named", { { "a.json", SCAN("a") } }, { "/b.json" }, NULL, "/b.json" },
	{ "an empty set is refused", { { "s.json", "{\"schema\":\"faultline.scan-set/1\",\"scans\":[]}" } },
		{ "/s.json" }, NULL, "no scan in it" },
	{ "a broken file in a directory is named", { { "a.json", SCAN("a") }, { "b.json", "{" } }, { "" },
		NULL, "/b.json" },
	{ "another document is refused", { { "a.json", "{\"schema\":\"faultline.rank/1\"}" } }, { "/a.json" },
		NULL, "/a.json" },
	{ "no input is refused", { { NULL, NULL } }, { NULL }, NULL, "no input" },
};

static void path_of(char path[static 256], const char *directory, const char *name)
{
	snprintf(path, 256, "%s/%s", directory, name);
}

static void make_files(const struct row *row, const char *directory)
{
	for (size_t i = 0; i < FILES_MAX && row->files[i].name; i++) {
		char path[256];
		path_of(path, directory, row->files[i].name);
		if (!row->files[i].text) {
			assert_int_equal(mkdir(path, 0700), 0);
			continue;
		}
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fputs(row->files[i].text, f);
		assert_int_equal(fclose(f), 0);
	}
}

static void remove_files(const struct row *row, const char *directory)
{
	for (size_t i = 0; i < FILES_MAX && row->files[i].name; i++) {
		char path[256];
		path_of(path, directory, row->files[i].name);
		remove(path);
	}
	rmdir(directory);
}

static void load_row(void **state)
{
	const struct row *row = *state;
	char directory[] = "/tmp/faultline-load-XXXXXX", paths[INPUTS_MAX][256];
	const char *inputs[INPUTS_MAX];
	size_t count = 0;
	struct fl_system *s = NULL;
	struct fl_error err = { "" };

	assert_non_null(mkdtemp(directory));
	make_files(row, directory);
	for (; count < INPUTS_MAX && row->inputs[count]; count++) {
		snprintf(paths[count], sizeof(paths[count]), "%s%s", directory, row->inputs[count]);
		inputs[count] = paths[count];
	}
	int code = fl_system_load(&s, inputs, count, &err);
	remove_files(row, directory);
	if (!row->title) {
		assert_true(code < 0);
		assert_null(s);
		if (!strstr(err.text, row->error))
			fail_msg("\"%s\" is not in \"%s\"", row->error, err.text);
		return;
	}
	if (code != 0)
		fail_msg("%s", err.text);
	assert_string_equal(s->title, row->title);
	fl_system_free(s);
}

static void a_graph_file_tells_labels_and_scopes(void **state)
{
	char path[] = "/tmp/faultline-load-XXXXXX";
	const char *inputs[] = { path };
	int fd = mkstemp(path);
	struct fl_system *s = NULL;
	struct fl_error err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, GRAPH, strlen(GRAPH)), strlen(GRAPH));
	close(fd);
	assert_int_equal(fl_system_load(&s, inputs, 1, &err), 0);
	unlink(path);
	const struct fl_graph *g = s->graph;
	fl_node_id db = fl_graph_find(g, "endpoint:db.int.example:5432/tcp");
	fl_node_id service = fl_graph_find(g, "service:a/x"), power = fl_graph_find(g, "power");
	assert_int_equal(s->dependency_count, 0);
	assert_int_equal(s->scans.count, 0);
	assert_string_equal(fl_system_label(s, db), "db.int.example:5432");
	assert_string_equal(fl_system_label(s, power), "power");
	assert_int_equal(fl_system_scope(s, db), FL_SCOPE_INTERNAL);
	assert_int_equal(fl_system_scope(s, power), FL_SCOPE_LOCAL);
	assert_int_equal(fl_system_scope(s, fl_graph_find(g, "endpoint:10.1.2.3:80/udp")), FL_SCOPE_INTERNAL);
	assert_int_equal(
		fl_system_scope(s, fl_graph_find(g, "endpoint:[2001:db8::1]:80/tcp")), FL_SCOPE_EXTERNAL);
	assert_int_equal(fl_system_host_of(s, service), fl_graph_find(g, "host:a"));
	fl_system_free(s);
}

int main(void)
{
	enum { ROWS = FL_ARRAY_LEN(rows) };
	struct CMUnitTest tests[ROWS + 1] = {
		{ "a graph file tells labels and scopes", a_graph_file_tells_labels_and_scopes, NULL, NULL,
			NULL },
	};

	for (size_t i = 0; i < ROWS; i++)
		tests[1 + i] = (struct CMUnitTest){ rows[i].name, load_row, NULL, NULL,
			(void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
