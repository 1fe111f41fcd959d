/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_shared_trees.c - published fault trees and fat trees whose cut sets others have computed
 *
 * graphs/aralia: minimal cut sets by order, probability and importance by SCRAM and a second method;
 * graphs/fat: networks of data centres. The folder is FAULTLINE_SHARED, else ../shared beside the source;
 * without it the tests are skipped. Trees that take long are left to tests/bench/risk.
 */
#include "../unit/unit.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <zlib.h>

#include "faultline/cutset.h"
#include "faultline/json.h"

enum { PATH_SIZE = 512, TEXT_MAX = 1 << 28 };

static void shared_path(char *path, const char *rest)
{
	const char *root = getenv("FAULTLINE_SHARED");
	snprintf(path, PATH_SIZE, "%s/%s", root != NULL && root[0] != '\0' ? root : FAULTLINE_SHARED_DEFAULT,
		rest);
}

/* A file, plain or gzip, as JSON; NULL when there is none. */
static cJSON *read_json(const char *path)
{
	gzFile file = gzopen(path, "rb");
	char *text = NULL;
	size_t capacity = 0, size = 0;
	int got = 1;
	cJSON *root = NULL;
	struct fl_error err;
	if (file == NULL)
		return NULL;
	while (got > 0 && size < TEXT_MAX) {
		capacity = fl_grown(capacity, size + (1 << 16) + 1);
		text = fl_grow_array(text, capacity, 1);
		got = gzread(file, text + size, 1 << 16);
		size += got > 0 ? (size_t)got : 0;
	}
	gzclose(file);
	if (fl_json_parse(path, text, size, &root, &err) < 0)
		fail_msg("%s", err.text);
	free(text);
	return root;
}

static void check_counts(const char *name, const struct fl_cutsets *c, const cJSON *list)
{
	uint32_t order = 0;
	const cJSON *item;
	cJSON_ArrayForEach(item, list)
	{
		fl_count have = ++order <= c->largest_order ? c->by_order[order] : 0;
		if (have != (fl_count)item->valuedouble)
			fail_msg("%s: order %u: %llu cut sets, not %.0f", name, order,
				(unsigned long long)have, item->valuedouble);
	}
}

static void check_close(const char *name, const char *what, double have, double want, double tolerance)
{
	if (!(fabs(have - want) <= tolerance * fabs(want) + 1e-15))
		fail_msg("%s: %s is %.17g, not %.17g", name, what, have, want);
}

static double number(const cJSON *object, const char *key, double otherwise)
{
	const cJSON *m = fl_json_get(object, key);
	return cJSON_IsNumber(m) ? m->valuedouble : otherwise;
}

static void check_importance(
	const char *name, const struct fl_graph *g, const struct fl_cutsets *c, const cJSON *truth)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, truth)
	{
		size_t i = 0;
		while (i < c->importance_count &&
			strcmp(fl_graph_node(g, c->importance[i].node)->id, item->string) != 0)
			i++;
		if (i == c->importance_count)
			fail_msg("%s: no importance of %s", name, item->string);
		check_close(name, "Birnbaum", c->importance[i].birnbaum,
			number(item, "birnbaum", NAN), 1e-6);
		check_close(name, "Fussell-Vesely", c->importance[i].fussell_vesely,
			number(item, "fv_1_minus_P0_over_P", NAN), 1e-6);
		check_close(name, "RAW", c->importance[i].raw, number(item, "raw", NAN), 1e-6);
	}
}

static void check_tree(const char *name, const struct fl_graph *g, const cJSON *truth)
{
	const cJSON *inner = fl_json_get(truth, "truth");
	struct fl_cutset_options o = { .smallest = 100, .probability = NAN };
	fl_node_id top = fl_graph_find(g, fl_json_string(truth, "top"));
	assert_int_not_equal(top, FL_NODE_NONE);
	struct fl_cutsets *c = fl_cutsets(g, top, &o);
	if (inner == NULL)
		inner = truth;
	check_counts(name, c, fl_json_array(inner, "mcs_by_order_1_4"));
	check_counts(name, c, fl_json_array(inner, "mcs_by_order_full"));
	if (c->limit_count == 0 && fl_json_get(inner, "mcs_total_full") != NULL)
		assert_true(c->total == (fl_count)number(inner, "mcs_total_full", -1));
	if (fl_json_get(inner, "probability") != NULL) {
		assert_int_equal(c->probability_kind, FL_PROBABILITY_EXACT);
		check_close(
			name, "probability", c->probability, number(inner, "probability", NAN), 1e-9);
	}
	check_importance(name, g, c, fl_json_get(truth, "importance"));
	fl_cutsets_free(c);
}

static cJSON *read_either(const char *folder, const char *name, const char *ending)
{
	char path[PATH_SIZE * 2];
	snprintf(path, sizeof(path), "%s/%s.%s.json", folder, name, ending);
	cJSON *root = read_json(path);
	if (root != NULL)
		return root;
	snprintf(path, sizeof(path), "%s/%s.%s.json.gz", folder, name, ending);
	return read_json(path);
}

static void check_folder(void **state)
{
	char folder[PATH_SIZE];
	unsigned checked = 0;
	shared_path(folder, *state);
	DIR *dir = opendir(folder);
	if (dir == NULL) {
		print_message("SKIP: no %s\n", folder);
		skip();
	}
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		const char *end = strstr(entry->d_name, ".truth.json");
		struct fl_graph *g = NULL;
		struct fl_error err;
		char name[PATH_SIZE];
		if (end == NULL)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(end - entry->d_name), entry->d_name);
		cJSON *truth = read_either(folder, name, "truth"), *root = read_either(folder, name, "graph");
		if (fl_graph_from_json(&g, name, root, &err) < 0)
			fail_msg("%s", err.text);
		check_tree(name, g, truth);
		fl_graph_free(g);
		cJSON_Delete(root);
		cJSON_Delete(truth);
		checked++;
	}
	closedir(dir);
	print_message("%u trees agree\n", checked);
	assert_true(checked > 0);
}

static char aralia[] = "graphs/aralia", fat[] = "graphs/fat";

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "published fault trees have the cut sets, probabilities and importances that are known",
			check_folder, NULL, NULL, aralia },
		{ "replicas in fat trees have the cut sets and probabilities that are known", check_folder,
			NULL, NULL, fat },
	};
	return cmocka_run_group_tests_name("shared trees", tests, NULL, NULL);
}
