/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_rank.c - single points of failure: which, in which order, folded how, and why
 */
#include "unit.h"

#include <stdio.h>

#include "faultline/rank.h"
#include "graph_text.h"

struct rank_row {
	const char *name, *graph;
	const char *ranking; /* "1 node=representative ..." */
};

#define EDGE "entry service:edge; service:edge 1 endpoint:api; endpoint:api 1 service:api;"

static struct rank_row rank_rows[] = {
	{ "no graph, no ranks", "", "" },
	{ "an entry point is one of its own single points", "entry service:a; node service:b",
		"1 service:a;" },
	{ "redundant members are none", "entry service:a; service:a 1 service:b service:c", "1 service:a;" },
	{ "background is none", "entry service:a; service:a 0 service:b", "1 service:a;" },
	{ "what no entry point needs is none", "entry service:a; service:b 1 service:c", "1 service:a;" },
	{ "without entry points whatever takes others down ranks",
		"service:a 1 service:b; service:b 1 service:c", "1 service:c;2 service:b;" },
	{ "a service, its name and its machine are one", EDGE "service:api 1 host:api",
		"1 service:api;1 endpoint:api=service:api;1 host:api=service:api;2 service:edge;" },
	{ "a host of two services stays apart",
		"entry service:a; service:a 1 service:b; service:a 1 service:c; service:b 1 host:h; "
		"service:c 1 host:h",
		"1 host:h;2 service:b;3 service:c;4 service:a;" },
	{ "an endpoint, its only address and its provider are one",
		"entry service:a; service:a 1 endpoint:v; endpoint:v 1 address:1; address:1 1 provider:p",
		"1 endpoint:v;1 provider:p=endpoint:v;1 address:1=endpoint:v;2 service:a;" },
	{ "a provider behind all addresses of a name is that name",
		"entry service:a; service:a 1 endpoint:v; endpoint:v 1 address:1 address:2; address:1 1 "
		"provider:p;"
		"address:2 1 provider:p",
		"1 endpoint:v;1 provider:p=endpoint:v;2 service:a;" },
	{ "a provider of two vendors and its one address are a row of their own",
		"entry service:a; service:a 1 endpoint:v; service:a 1 endpoint:w; endpoint:v 1 address:1;"
		"endpoint:w 1 address:1; address:1 1 provider:p",
		"1 provider:p;1 address:1=provider:p;2 endpoint:v;3 endpoint:w;4 service:a;" },
	{ "two names of one service are that service",
		"entry service:a; service:a 1 endpoint:v; service:a 1 endpoint:w; endpoint:v 1 service:s; "
		"endpoint:w 1 service:s",
		"1 service:s;1 endpoint:v=service:s;1 endpoint:w=service:s;2 service:a;" },
	{ "a resolver that was scanned is its service",
		"entry service:a; service:a 1 resolver:r; resolver:r 1 service:dns",
		"1 service:dns;1 resolver:r=service:dns;2 service:a;" },
	{ "a service is never folded into what it uses", "entry service:a; service:a 1 service:b",
		"1 service:b;2 service:a;" },
	{ "more entry points lost come first",
		"entry service:a; entry service:b; service:a 1 x; service:b 1 x; service:b 1 y",
		"1 x;2 y;3 service:a;4 service:b;" },
	{ "of equal entry points the larger expected loss comes first",
		"entry service:a; service:a 1 x *0.2; service:a 1 y *0.8", "1 service:a;2 y;3 x;" },
	{ "then more services lost, then the id",
		"entry service:a; service:a 1 service:b; service:b 1 y; service:b 1 x; "
		"service:a 1 z",
		"1 x;2 y;3 service:b;4 z;5 service:a;" },
};

struct work_row {
	const char *name, *graph, *ranking;
	uint64_t work, dropped;
};

static struct work_row work_rows[] = {
	{ "within less work only the worst are looked at, and the others counted",
		"entry service:a; entry service:b; service:a 1 x; service:b 1 x; service:b 1 y", "1 x;2 y;", 5, 2 },
	{ "the worst is always looked at",
		"entry service:a; entry service:b; service:a 1 x; service:b 1 x; service:b 1 y", "1 x;", 1, 3 },
	{ "work for all that are single points drops none",
		"entry service:a; entry service:b; service:a 1 x; service:b 1 x; service:b 1 y; service:c 1 z",
		"1 x;2 y;3 service:a;4 service:b;", 7, 0 },
};

static void expect_ranking(const struct fl_system *s, const struct fl_ranking *r, const char *expected)
{
	char text[1024] = "";
	size_t used = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_spof *spof = &r->list[i];
		bool leads = spof->same_as == spof->node;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %s%s%s;", spof->rank,
			fl_graph_node(s->graph, spof->node)->id, leads ? "" : "=",
			leads ? "" : fl_graph_node(s->graph, spof->same_as)->id);
	}
	assert_string_equal(text, expected);
}

static void ranks(void **state)
{
	const struct rank_row *row = *state;
	struct fl_system s = { .graph = graph_of_text(row->graph) };
	struct fl_ranking *r = fl_rank(&s);
	expect_ranking(&s, r, row->ranking);
	assert_int_equal(r->dropped, 0);
	fl_ranking_free(r);
	fl_graph_free(s.graph);
}

static void ranks_within(void **state)
{
	const struct work_row *row = *state;
	struct fl_system s = { .graph = graph_of_text(row->graph) };
	struct fl_ranking *r = fl_rank_within(&s, row->work);
	expect_ranking(&s, r, row->ranking);
	assert_int_equal(r->dropped, row->dropped);
	fl_ranking_free(r);
	fl_graph_free(s.graph);
}

struct why_row {
	const char *name, *graph, *node, *why;
	const char *redundancy;
};

static struct why_row why_rows[] = {
	{ "an entry point says so", "entry service:a", "service:a", "a is itself an entry point", "none" },
	{ "the path leaves out names of scanned services", EDGE "service:api 1 endpoint:v:443",
		"endpoint:v:443", "edge > api > v:443: no other way", "none" },
	{ "a group that falls as a whole is told",
		"entry service:a; service:a 1 service:b service:c; service:b 1 host:h;"
		"service:c 1 host:h",
		"host:h", "a > b > h: all ways lead there", "none" },
	{ "the worst entry point is named",
		"entry service:a 1; entry service:b 2; service:a 1 x; service:b 1 x", "x",
		"b > x: no other way", "none" },
	{ "a long path keeps both ends", "entry a; a 1 b; b 1 c; c 1 d; d 1 e; e 1 f; f 1 g; g 1 h; h 1 i",
		"i", "a > b > c > d > ... > g > h > i: no other way", "none" },
	{ "a replica of which another stands is assumed to be redundant",
		"entry service:a; x 1 service:a service:c", "service:a", "a is itself an entry point",
		"assumed" },
	{ "fail-over that was seen is confirmed", "entry service:a; x 1! service:a service:c", "service:a",
		"a is itself an entry point", "confirmed" },
	{ "the least safe group counts", "entry service:a; x 1! service:a service:c; y 1 service:a service:d",
		"service:a", "a is itself an entry point", "assumed" },
	{ "a folded node points at its representative", EDGE, "endpoint:api",
		"stands or falls with service:api", "none" },
};

static void explains(void **state)
{
	const struct why_row *row = *state;
	struct fl_system s = { .graph = graph_of_text(row->graph) };
	struct fl_ranking *r = fl_rank(&s);
	fl_node_id v = fl_graph_find(s.graph, row->node);
	const struct fl_spof *found = NULL;
	for (size_t i = 0; i < r->count; i++)
		found = r->list[i].node == v ? &r->list[i] : found;
	assert_non_null(found);
	assert_string_equal(found->why, row->why);
	assert_string_equal(found->redundancy, row->redundancy);
	fl_ranking_free(r);
	fl_graph_free(s.graph);
}

int main(void)
{
	struct CMUnitTest rows[FL_ARRAY_LEN(rank_rows)], whys[FL_ARRAY_LEN(why_rows)];
	struct CMUnitTest limits[FL_ARRAY_LEN(work_rows)];
	for (size_t i = 0; i < FL_ARRAY_LEN(limits); i++)
		limits[i] = (struct CMUnitTest){
			.name = work_rows[i].name, .test_func = ranks_within, .initial_state = &work_rows[i]
		};
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		rows[i] = (struct CMUnitTest){
			.name = rank_rows[i].name, .test_func = ranks, .initial_state = &rank_rows[i]
		};
	for (size_t i = 0; i < FL_ARRAY_LEN(whys); i++)
		whys[i] = (struct CMUnitTest){
			.name = why_rows[i].name, .test_func = explains, .initial_state = &why_rows[i]
		};
	int failed = cmocka_run_group_tests_name("rank", rows, NULL, NULL);
	failed += cmocka_run_group_tests_name("limits", limits, NULL, NULL);
	return failed + cmocka_run_group_tests_name("why", whys, NULL, NULL);
}
