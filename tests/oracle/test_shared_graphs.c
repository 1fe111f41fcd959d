/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_shared_graphs.c - real and random systems whose answers others have computed
 *
 * real/: dependency graphs of public microservice systems with, for every node, what fails with it and
 * what it has as single points of failure. blast/ and fat/: large graphs with the number of nodes
 * that fail when one does (itself counted). The folder is FAULTLINE_SHARED, else ../shared beside the
 * source; without it the tests are skipped.
 */
#include "../unit/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <zlib.h>

#include "faultline/blast.h"
#include "faultline/json.h"
#include "faultline/rank.h"

enum { PATH_SIZE = 512, TEXT_MAX = 1 << 28 };

static void shared_path(char *path, const char *rest)
{
	const char *root = getenv("FAULTLINE_SHARED");
	snprintf(path, PATH_SIZE, "%s/%s", root != NULL && root[0] != '\0' ? root : FAULTLINE_SHARED_DEFAULT,
		rest);
}

/* A file, plain or gzip, as text; NULL when there is none. */
static char *read_text(const char *path, size_t *size)
{
	gzFile file = gzopen(path, "rb");
	char *text = NULL;
	size_t capacity = 0;
	int got = 1;
	*size = 0;
	if (file == NULL)
		return NULL;
	while (got > 0 && *size < TEXT_MAX) {
		capacity = fl_grown(capacity, *size + (1 << 16) + 1);
		text = fl_grow_array(text, capacity, 1);
		got = gzread(file, text + *size, 1 << 16);
		*size += got > 0 ? (size_t)got : 0;
	}
	gzclose(file);
	assert_int_equal(got, 0);
	text[*size] = '\0';
	return text;
}

static cJSON *read_json(const char *path)
{
	size_t size;
	char *text = read_text(path, &size);
	cJSON *root = NULL;
	struct fl_error err;
	assert_non_null(text);
	if (fl_json_parse(path, text, size, &root, &err) < 0)
		fail_msg("%s", err.text);
	free(text);
	return root;
}

static struct fl_graph *read_graph(const char *path)
{
	struct fl_graph *g = NULL;
	struct fl_error err;
	cJSON *root = read_json(path);
	if (fl_graph_from_json(&g, path, root, &err) < 0)
		fail_msg("%s", err.text);
	cJSON_Delete(root);
	return g;
}

static bool in_list(const cJSON *list, const char *id)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list) if (strcmp(item->valuestring, id) == 0) return true;
	return false;
}

/* truth: blast {node: [nodes that fail]}, spofs {node: [nodes whose lone failure fails it]} */
static void check_truth(const struct fl_graph *g, const cJSON *truth)
{
	const cJSON *blasts = fl_json_get(truth, "blast"), *spofs = fl_json_get(truth, "spofs");
	for (fl_node_id v = 0; v < fl_graph_order(g); v++) {
		const char *id = fl_graph_node(g, v)->id;
		const cJSON *want = fl_json_array(blasts, id);
		struct fl_arena *a = fl_arena_new();
		struct fl_blast *blast = fl_blast(g, &v, 1, a);
		assert_non_null(want);
		assert_int_equal(blast->count, cJSON_GetArraySize(want));
		for (size_t i = 0; i < blast->count; i++) {
			const char *lost = fl_graph_node(g, blast->steps[i].node)->id;
			assert_true(in_list(want, lost));
			assert_true(in_list(fl_json_array(spofs, lost), id));
		}
		fl_arena_free(a);
	}
}

static void real_systems(void **state)
{
	char folder[PATH_SIZE], path[PATH_SIZE * 2], truth_path[PATH_SIZE * 2];
	unsigned checked = 0;
	(void)state;
	shared_path(folder, "graphs/real");
	DIR *dir = opendir(folder);
	if (dir == NULL) {
		print_message("SKIP: no %s\n", folder);
		skip();
	}
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		const char *end = strstr(entry->d_name, ".graph.json");
		if (end == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		snprintf(truth_path, sizeof(truth_path), "%s/%.*s.truth.json", folder,
			(int)(end - entry->d_name), entry->d_name);
		struct fl_graph *g = read_graph(path);
		cJSON *truth = read_json(truth_path);
		check_truth(g, truth);
		cJSON_Delete(truth);
		fl_graph_free(g);
		checked++;
	}
	closedir(dir);
	print_message("%u systems agree\n", checked);
	assert_true(checked > 0);
}

/* Lines "node <tab> count". */
static void check_counts(const struct fl_graph *g, const struct fl_blast_row *rows, char *text)
{
	uint32_t lines = 0;
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char *tab = strchr(line, '\t');
		assert_non_null(tab);
		*tab = '\0';
		fl_node_id v = fl_graph_find(g, line);
		assert_int_not_equal(v, FL_NODE_NONE);
		if (rows[v].nodes_lost + 1 != strtoul(tab + 1, NULL, 10))
			fail_msg("%s: %u nodes lost, not %s", line, rows[v].nodes_lost + 1, tab + 1);
		lines++;
	}
	assert_true(lines > 0);
}

static void counted_blasts(void **state)
{
	const char *name = *state;
	char path[PATH_SIZE], rest[PATH_SIZE / 2];
	size_t size;
	snprintf(rest, sizeof(rest), "graphs/%s.blast.tsv.gz", name);
	shared_path(path, rest);
	char *counts = read_text(path, &size);
	if (counts == NULL) {
		print_message("SKIP: no %s\n", path);
		skip();
	}
	snprintf(rest, sizeof(rest), "graphs/%s.graph.json.gz", name);
	shared_path(path, rest);
	struct fl_graph *g = read_graph(path);
	struct fl_blast_row *rows = fl_alloc_array(fl_graph_order(g), sizeof(*rows));
	fl_blast_all(g, rows);
	check_counts(g, rows, counts);
	free(rows);
	free(counts);
	fl_graph_free(g);
}

static char small[] = "blast/l1000", large[] = "blast/l10000", redundant[] = "blast/r-l1000",
	    large_redundant[] = "blast/r-l10000", fat[] = "fat/A.rich.all.s200";

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "published systems have the blast radii and single points of failure that are known",
			real_systems, NULL, NULL, NULL },
		{ "1,000 nodes without redundancy", counted_blasts, NULL, NULL, small },
		{ "10,000 nodes without redundancy", counted_blasts, NULL, NULL, large },
		{ "1,000 nodes with redundancy", counted_blasts, NULL, NULL, redundant },
		{ "10,000 nodes with redundancy", counted_blasts, NULL, NULL, large_redundant },
		{ "a fat tree of 1,344 devices, richly modelled", counted_blasts, NULL, NULL, fat },
	};
	return cmocka_run_group_tests_name("shared graphs", tests, NULL, NULL);
}
