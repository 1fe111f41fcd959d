/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_graph.c - any text as a graph file; what is accepted survives being written and read */
#include "mutate_json.h"

#include <stdio.h>
#include <string.h>

#include "faultline/graph.h"
#include "faultline/json.h"

/* Item by item, as files are: the same answer. (A damaged text never comes that far.) */
static void read_by_pieces(const char *text, size_t size, bool good, const struct fl_error *err)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t skipped = size >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
	struct fl_json_text pieces = { .name = "input", .at = text + skipped, .size = size - skipped };
	struct fl_error other = { "" };
	struct fl_graph *g = NULL;
	bool also = fl_graph_from_text(&g, &pieces, &other) == 0;
	if (strstr(other.text, "members at the top") != NULL)
		return; /* its own limit */
	fuzz_check(also == good && also == (g != NULL));
	fuzz_check(good || other.text[0] == err->text[0]);
	fl_graph_free(g);
}

static struct fl_graph *read_graph(const char *text, size_t size)
{
	struct fl_error err = { "" };
	struct fl_graph *g = NULL;
	cJSON *root = NULL;
	bool good = fl_json_parse("input", text, size, &root, &err) == 0 &&
		    fl_graph_from_json(&g, "input", root, &err) == 0;
	if (root != NULL)
		read_by_pieces(text, size, good, &err);
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
	fl_graph_write(out, g, NULL);
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
