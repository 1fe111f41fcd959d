/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_model.c - a model file of any bytes is refused with a place, or applied to a small graph
 */
#include "mutate_json.h"

#include "analyze/model_internal.h"

static struct fl_graph *small_graph(void)
{
	static const char *const ids[] = { "service:a/x", "service:b/x", "endpoint:v.example:443/tcp", "address:192.0.2.1",
		"address:192.0.2.2", "host:a", "host:b" };
	struct fl_graph_builder *b = fl_graph_builder_new();
	uint32_t two[] = { 3, 4 };
	for (uint32_t i = 0; i < FL_ARRAY_LEN(ids); i++) {
		char kind[16] = "";
		for (size_t k = 0; ids[i][k] != ':'; k++)
			kind[k] = ids[i][k];
		(void)fl_graph_builder_node(b, ids[i], kind);
	}
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t endpoint = 2, host = 5 + i;
		fl_graph_builder_group(b, i, 1, &endpoint, 1, 0.5, FL_REDUNDANCY_NONE, NULL);
		fl_graph_builder_group(b, i, 1, &host, 1, 1, FL_REDUNDANCY_NONE, "runs on it");
		fl_graph_builder_entry_point(b, i, 1);
	}
	fl_graph_builder_group(b, 2, 1, two, 2, 1, FL_REDUNDANCY_ASSUMED, NULL);
	return fl_graph_freeze(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_model *m = NULL;
	struct fl_error err = { "" };
	if (fl_model_parse(&m, "model", (const char *)data, size, &err) < 0) {
		fuzz_check(m == NULL && err.text[0] != '\0');
		return 0;
	}
	struct fl_system s = { .arena = fl_arena_new() };
	s.graph = fl_model_apply(m, small_graph(), true);
	fl_model_finish(m, &s);
	fl_model_free(m);
	for (fl_group_id i = 0; i < fl_graph_group_count(s.graph); i++)
		fuzz_check(fl_graph_group(s.graph, i)->needs <= fl_graph_group(s.graph, i)->member_count);
	for (size_t i = 0; i < s.model->unsupported_count; i++)
		fuzz_check(s.model->unsupported[i].place != NULL && s.model->unsupported[i].text[0] != '\0');
	fl_graph_free(s.graph);
	fl_arena_free(s.arena);
	return 0;
}
