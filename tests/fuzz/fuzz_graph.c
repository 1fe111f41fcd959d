/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_graph.c - any text as a graph file; what is accepted survives being written and read */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "faultline/graph.h"
#include "faultline/json.h"

static struct fl_graph *read_graph(const char *text, size_t size)
{
	struct fl_error err = { "" };
	struct fl_graph *g = NULL;
	cJSON *root = NULL;
	bool good = fl_json_parse("input", text, size, &root, &err) == 0 &&
		    fl_graph_from_json(&g, "input", root, &err) == 0;
	cJSON_Delete(root);
	fuzz_check(good == (g != NULL));
	fuzz_check(good || (err.text[0] && !strpbrk(err.text, "\n\r\033")));
	return g;
}

static char *write_graph(const struct fl_graph *g, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	fuzz_check(out != NULL);
	fl_graph_write(out, g);
	fclose(out);
	return text;
}

/* What analyses rely on without asking. */
static void check_graph(const struct fl_graph *g)
{
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		fuzz_check(group->of < fl_graph_order(g) && group->needs <= group->member_count);
		for (uint32_t k = 0; k < group->member_count; k++) {
			fuzz_check(group->members[k] < fl_graph_order(g));
			fuzz_check(k == 0 || group->members[k - 1] < group->members[k]);
		}
	}
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		fuzz_check(fl_graph_find(g, fl_graph_node(g, v)->id) == v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_graph *g = read_graph((const char *)data, size);
	if (!g)
		return 0;
	check_graph(g);
	size_t first_size, second_size;
	char *first = write_graph(g, &first_size);
	struct fl_graph *again = read_graph(first, first_size);
	fuzz_check(again != NULL);
	char *second = write_graph(again, &second_size);
	fuzz_check(strcmp(first, second) == 0);
	free(first);
	free(second);
	fl_graph_free(g);
	fl_graph_free(again);
	return 0;
}
