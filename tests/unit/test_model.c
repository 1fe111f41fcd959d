/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_model.c - the model file: what is refused where, what each statement does, what scans say against it
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "analyze/model_internal.h"
#include "graph_text.h"

#define MODEL(members) "{\"schema\": \"faultline.model/1\"" members "}"

/* ---- refused ---- */

struct refused_row {
	const char *name, *text, *error;
};

static struct refused_row refused_rows[] = {
	{ "another schema", "{\"schema\": \"faultline.graph/1\"}", "faultline.model/1" },
	{ "an error behind comments has its own line and column", "{ // one\n/* two\n */ \"schema\" 1}", "line 3, column 14" },
	{ "a comment without an end", "{\n  /* for ever", "m:2:3: this comment has no end" },
	{ "a list that is none", MODEL(",\n\"groups\": 3"), "m:2:11: groups must be an array" },
	{ "a statement that is no object", MODEL(",\n \"zones\": [3]"), "m:2:12: zones[0] must be an object" },
	{ "needs of nothing", MODEL(",\"groups\":[\n{\"members\":[\"a\"],\n \"needs\": 0}]"),
		"m:3:11: groups[0].needs must be a whole number, 1 or more" },
	{ "a group of nobody", MODEL(",\"groups\":[\n {\"needs\": 1}]"), "m:2:2: groups[0] needs \"members\"" },
	{ "a member that is no string", MODEL(",\"groups\":[{\"members\":[\"a\",\n7]}]"),
		"m:2:1: groups[0].members[1] must be a string" },
	{ "neither required nor optional nor how", MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"b\"}]"),
		"dependencies[0] states nothing; give \"required\"" },
	{ "a timeout below zero", MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"b\",\"timeout_s\":-1}]"),
		"dependencies[0].timeout_s must be a number, 0 or more" },
	{ "half a retry", MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"b\",\"retries\":1.5}]"),
		"dependencies[0].retries must be a whole number from 0 to 15" },
	{ "retries without end", MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"b\",\"retries\":16}]"),
		"dependencies[0].retries must be a whole number from 0 to 15" },
	{ "a wait that shrinks", MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"b\",\"backoff_factor\":0.5}]"),
		"dependencies[0].backoff_factor must be a number, 1 or more" },
	{ "a probability above 1", MODEL(",\"failure_probability\":[{\"node\":\"a\",\"probability\":1.5}]"),
		"failure_probability[0].probability must be a number from 0 to 1" },
	{ "node and kind at once",
		MODEL(",\"failure_probability\":[{\"node\":\"a\",\"kind\":\"host\",\"probability\":0.5}]"),
		"must have either \"node\" or \"kind\"" },
	{ "a limit of nothing", MODEL(",\"limits\":[{\"node\":\"a\"}]"), "states no limit" },
	{ "an endpoint renamed", MODEL(",\"renames\":[{\"from\":\"endpoint:a\",\"to\":\"endpoint:b\"}]"),
		"must rename service:HOST/NAME" },
	{ "two stars to fill", MODEL(",\"renames\":[{\"from\":\"host:*\",\"to\":\"host:*-*\"}]"), "may have one '*'" },
	{ "a negative weight", MODEL(",\"entry_points\":[{\"node\":\"a\",\"weight\":-1}]"),
		"entry_points[0].weight must be a number, 0 or more" },
	{ "an empty node", MODEL(",\"failover\":[\"\"]"), "failover[0] must be a string that is not empty" },
	{ "columns count characters, not bytes", MODEL(",\n/* \xc3\xa4\xc3\xb6 */ \"groups\": 3"), "m:2:20:" },
};

static void refuses(void **state)
{
	const struct refused_row *row = *state;
	struct fl_model *m = NULL;
	struct fl_error err = { "" };
	assert_true(fl_model_parse(&m, "m", row->text, strlen(row->text), &err) < 0);
	assert_null(m);
	if (strstr(err.text, row->error) == NULL)
		fail_msg("'%s' is not in: %s", row->error, err.text);
}

/* ---- applied to a graph ---- */

struct applied_row {
	const char *name, *graph, *model;
	const char *of, *groups;  /* groups of the node @of: "1 a b !;" (! confirmed, ? assumed) */
	const char *remarks;      /* "groups[0]: no scan shows;" and "contradicted groups[0]: ...": beginnings */
};

static struct applied_row applied_rows[] = {
	{ "comments and a last comma are fine", "a 1 b", MODEL(", // x\n /* y */ \"groups\": [],"), "a", "1 b;", "" },
	{ "a slash in a string is no comment", "a 1 b//c", MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"b//c\",\"required\":false}]"),
		"a", "0 b//c;", "" },
	{ "optional", "a 1 b", MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"b\",\"required\":false}]"), "a", "0 b;", "" },
	{ "required", "a 0 b", MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"b\",\"required\":true}]"), "a", "1 b;", "" },
	{ "a service is what its endpoint leads to", "service:a 1 endpoint:x; endpoint:x 1 service:b",
		MODEL(",\"dependencies\":[{\"from\":\"service:a\",\"to\":\"service:b\",\"required\":false}]"), "service:a",
		"0 endpoint:x;", "" },
	{ "required, but never seen", "a 1 b; node c",
		MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"c\",\"required\":true}]"), "a", "1 b;1 c;",
		"dependencies[0]: no scan shows a using c;" },
	{ "optional, but never seen", "a 1 b; node c",
		MODEL(",\"dependencies\":[{\"from\":\"a\",\"to\":\"c\",\"required\":false}]"), "a", "1 b;",
		"dependencies[0]: no scan shows a using c;" },
	{ "a group of what was required one by one", "a 1 b; a 1 c; a 1 d",
		MODEL(",\"groups\":[{\"members\":[\"b\",\"c\"]}]"), "a", "1 b c ?;1 d;", "" },
	{ "all members needed", "a 1 b c", MODEL(",\"groups\":[{\"members\":[\"b\",\"c\"],\"needs\":2}]"), "a",
		"2 b c;", "" },
	{ "a standby that no packet went to", "a 1 b; node c",
		MODEL(",\"groups\":[{\"members\":[\"b\",\"c\"],\"failover\":true}]"), "a", "1 b c !;",
		"groups[0]: no scan shows c in use;" },
	{ "members by the endpoints that lead to them",
		"service:a 1 endpoint:x; service:a 1 endpoint:y; endpoint:x 1 service:b; endpoint:y 1 service:c",
		MODEL(",\"groups\":[{\"members\":[\"service:b\",\"service:c\"]}]"), "service:a",
		"1 endpoint:x endpoint:y ?;", "" },
	{ "the name of a member does not choose",
		"service:a 1 endpoint:x; endpoint:x 1 service:b; node service:c",
		MODEL(",\"groups\":[{\"members\":[\"service:b\",\"service:c\"]}]"), "endpoint:x", "1 service:b;",
		"groups[0]: no scan shows service:c in use;" },
	{ "only for one of those who use it", "a 1 b; a 1 c; z 1 b; z 1 c",
		MODEL(",\"groups\":[{\"of\":\"z\",\"members\":[\"b\",\"c\"]}]"), "a", "1 b;1 c;", "" },
	{ "without members, the group that is there", "a 1 b c; a 1 d",
		MODEL(",\"groups\":[{\"of\":\"a\",\"needs\":2}]"), "a", "2 b c;1 d;", "" },
	{ "needs above the members is contradicted", "a 1 b; a 1 c",
		MODEL(",\"groups\":[{\"members\":[\"b\",\"c\"],\"needs\":3}]"), "a", "2 b c;",
		"contradicted groups[0]: needs 3, but has 2 members;" },
	{ "nobody uses any", "a 1 b; node c; node d", MODEL(",\"groups\":[{\"members\":[\"c\",\"d\"]}]"), "a", "1 b;",
		"groups[0]: no scan shows anything using any;" },
	{ "scans show more to choose from", "a 1 b c d", MODEL(",\"groups\":[{\"members\":[\"b\",\"c\"]}]"), "a",
		"1 b c d ?;", "contradicted groups[0]: scans show a choosing among 1 more;" },
	{ "an unknown member is left out, and the nearest named", "service:app 1 service:bill; service:app 1 service:mail",
		MODEL(",\"groups\":[{\"members\":[\"service:bill\",\"service:mial\"]}]"), "service:app",
		"1 service:bill;1 service:mail;", "groups[0].members[1]: no node has 'service:mial';" },
	{ "declared fail-over", "a 1 b c", MODEL(",\"failover\":[\"a\"]"), "a", "1 b c !;", "" },
	{ "fail-over of a single one", "a 1 b", MODEL(",\"failover\":[\"a\"]"), "a", "1 b;",
		"failover[0]: no scan shows a choosing among several;" },
	{ "a zone is required", "service:a 1 host:h", MODEL(",\"zones\":[{\"name\":\"r\",\"members\":[\"host:*\"]}]"),
		"host:h", "1 zone:r;", "" },
	{ "in two zones", "service:a 1 host:h",
		MODEL(",\"zones\":[{\"name\":\"r\",\"members\":[\"host:h\"]},{\"name\":\"s\",\"members\":[\"host:h\"]}]"), "host:h",
		"1 zone:r;1 zone:s;", "contradicted zones[1].members[0]: host:h is in zone:r already;" },
	{ "a pattern that fits nothing", "a 1 b", MODEL(",\"owners\":[{\"node\":\"x*\",\"owner\":\"o\"}]"), "a", "1 b;",
		"owners[0]: no node fits 'x*';" },
	{ "a renamed node takes its requirements along", "service:w/port-80 1 b",
		MODEL(",\"renames\":[{\"from\":\"service:*/port-80\",\"to\":\"service:*/web\"}]"), "service:w/web", "1 b;", "" },
	{ "nothing to rename", "a 1 b", MODEL(",\"renames\":[{\"from\":\"host:x\",\"to\":\"host:y\"}]"), "a", "1 b;",
		"renames[0]: nothing seen is called host:x;" },
	{ "a misspelt member is told", "a 1 b", MODEL(",\"gruops\":[]"), "a", "1 b;",
		"model: 'gruops' is not known here;" },
	{ "an endpoint nobody tried", "a 1 b", MODEL(",\"confirm\":[\"x.example\"]"), "a", "1 b;",
		"confirm[0]: no scan shows anybody trying;" },
	{ "two statements about one group: the later corrects", "a 1 b; a 1 c",
		MODEL(",\"groups\":[{\"members\":[\"b\",\"c\"]}],\"dependencies\":[{\"from\":\"a\",\"to\":\"b\",\"required\":false}]"), "a",
		"0 b c;", "" },
};

static struct fl_system apply(const char *graph, const char *text)
{
	struct fl_system s = { .graph = graph_of_text(graph), .arena = fl_arena_new() };
	struct fl_model *m = NULL;
	struct fl_error err = { "" };
	if (fl_model_parse(&m, "m", text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
	s.graph = fl_model_apply(m, s.graph, true);
	fl_model_finish(m, &s);
	fl_model_free(m);
	return s;
}

static void drop(struct fl_system *s)
{
	fl_graph_free(s->graph);
	fl_arena_free(s->arena);
}

static void groups_text(const struct fl_graph *g, fl_node_id v, char *text, size_t size)
{
	static const char *const marks[] = { "", " ?", " !" };
	uint32_t count;
	size_t used = 0;
	fl_group_id first = fl_graph_groups_of(g, v, &count);
	text[0] = '\0';
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(g, first + i);
		char members[128];
		graph_text_list(g, group->members, group->member_count, members, sizeof(members));
		used += (size_t)snprintf(
			text + used, size - used, "%u %s%s;", group->needs, members,
			group->needs > 0 ? marks[group->redundancy] : "");
	}
}

/* Each remark begins as wanted, and there are no more. */
static void check_remarks(const struct fl_model_outcome *o, const char *wanted)
{
	size_t seen = 0;
	char *copy = fl_copy_string(wanted), *rest = NULL;
	for (char *want = strtok_r(copy, ";", &rest); want != NULL; want = strtok_r(NULL, ";", &rest), seen++) {
		bool against = strncmp(want, "contradicted ", 13) == 0, found = false;
		const struct fl_model_remark *list = against ? o->contradicted : o->unsupported;
		size_t count = against ? o->contradicted_count : o->unsupported_count;
		want += against ? 13 : 0;
		for (size_t i = 0; i < count; i++) {
			char text[FL_ERROR_MAX + 64];
			snprintf(text, sizeof(text), "%s: %s", list[i].statement, list[i].text);
			found = found || strncmp(text, want, strlen(want)) == 0;
		}
		if (!found)
			fail_msg("no remark begins '%s'; there is '%s'", want, count > 0 ? list[0].text : "none");
	}
	assert_int_equal(o->unsupported_count + o->contradicted_count, seen);
	free(copy);
}

static void applies(void **state)
{
	const struct applied_row *row = *state;
	struct fl_system s = apply(row->graph, row->model);
	fl_node_id v = fl_graph_find(s.graph, row->of);
	char text[512];
	assert_int_not_equal(v, FL_NODE_NONE);
	groups_text(s.graph, v, text, sizeof(text));
	assert_string_equal(text, row->groups);
	check_remarks(s.model, row->remarks);
	drop(&s);
}

/* ---- numbers ---- */

static void numbers(void **state)
{
	struct fl_system s = apply("service:a 1 host:h; entry service:a 3; entry service:b 1; node service:c",
		MODEL(",\"zones\":[{\"name\":\"z\",\"members\":[\"host:h\"]}],"
		      "\"failure_probability\":[{\"kind\":\"host\",\"probability\":0.25},{\"kind\":\"zone\",\"probability\":0.125},"
		      "{\"node\":\"service:*\",\"probability\":0.5},{\"node\":\"service:c\",\"probability\":0}],"
		      "\"owners\":[{\"node\":\"service:*\",\"owner\":\"all\"},{\"node\":\"service:b\",\"owner\":\"team b\"}],"
		      "\"limits\":[{\"node\":\"service:a\",\"in_flight\":20}],"
		      "\"entry_points\":[\"service:a\",{\"node\":\"service:c\",\"weight\":0.25}]"));
	uint32_t count;
	(void)state;
	assert_true(fl_graph_node(s.graph, fl_graph_find(s.graph, "host:h"))->failure_probability == 0.25);
	assert_true(fl_graph_node(s.graph, fl_graph_find(s.graph, "zone:z"))->failure_probability == 0.125);
	assert_true(fl_graph_node(s.graph, fl_graph_find(s.graph, "service:a"))->failure_probability == 0.5);
	assert_true(fl_graph_node(s.graph, fl_graph_find(s.graph, "service:c"))->failure_probability == 0);
	assert_string_equal(fl_model_owner_of(s.model, fl_graph_find(s.graph, "service:a")), "all");
	assert_string_equal(fl_model_owner_of(s.model, fl_graph_find(s.graph, "service:b")), "team b");
	assert_null(fl_model_owner_of(s.model, fl_graph_find(s.graph, "host:h")));
	assert_int_equal(s.model->limit_count, 1);
	assert_true(s.model->limits[0].in_flight == 20 && isnan(s.model->limits[0].requests_per_s));
	const struct fl_entry_point *points = fl_graph_entry_points(s.graph, &count);
	assert_int_equal(count, 2); /* measured 0.75 of a, stated 0.25 of c */
	assert_true(fabs(points[0].weight - 0.75) < 1e-12 && fabs(points[1].weight - 0.25) < 1e-12);
	check_remarks(s.model, "entry_points[1]: no scan shows an outside client of service:c;"
			       "contradicted entry_points[0]: scans show outside clients of service:b");
	drop(&s);
}

static void calls(void **state)
{
	struct fl_system s = apply("service:a 1 endpoint:b; service:a 1 c; endpoint:b 1 service:b; service:d 0 c",
		MODEL(",\"dependencies\":[{\"from\":\"service:*\",\"to\":\"*\",\"timeout_s\":5},"
		      "{\"from\":\"service:a\",\"to\":\"service:b\",\"timeout_s\":2,\"retries\":3,\"in_flight\":8},"
		      "{\"from\":\"service:a\",\"to\":\"c\",\"required\":false},"
		      "{\"from\":\"service:d\",\"to\":\"service:b\",\"retries\":1}]"));
	const struct fl_model_call *c = s.model->calls;
	(void)state;
	assert_int_equal(s.model->call_count, 3);
	assert_string_equal(fl_graph_node(s.graph, c[0].to)->id, "c");
	assert_true(c[0].timeout_s == 5 && isnan(c[0].retries) && isnan(c[0].in_flight));
	assert_string_equal(fl_graph_node(s.graph, c[1].to)->id, "endpoint:b");
	assert_true(c[1].timeout_s == 2 && c[1].retries == 3 && c[1].in_flight == 8 && isnan(c[1].backoff_s));
	assert_string_equal(fl_graph_node(s.graph, c[2].from)->id, "service:d");
	check_remarks(s.model, "dependencies[3]: no scan shows service:d calling service:b");
	drop(&s);
}

static void places(void **state)
{
	struct fl_system s = apply("a 1 b", MODEL(",\n  \"owners\": [\n    {\"owner\": \"o\", \"node\": \"nobody\"}]"));
	(void)state;
	assert_int_equal(s.model->unsupported_count, 1);
	assert_string_equal(s.model->unsupported[0].place, "m:3:28");
	assert_int_equal(s.model->statements, 1);
	drop(&s);
}

/* ---- with scans ---- */

#define SCAN(coupling, answered, failures, own)                                                                      \
	"{\"schema\":\"faultline.scan/1\",\"point\":\"w\",\"source\":\"file\",\"hosts\":[{\"name\":\"w\",\"addresses\":"         \
	"[\"10.0.0.1\"]}],\"window\":{\"start\":\"2026-11-21T12:00:00Z\",\"end\":\"2026-11-21T12:01:00Z\"},\"coverage\":{},"     \
	"\"services\":[{\"host\":\"w\",\"name\":\"port-80\",\"ports\":[{\"port\":80,\"transport\":\"tcp\"}],\"addresses\":"      \
	"[\"10.0.0.1\"],\"connections\":100,\"exchanges\":100,\"failures\":" own ",\"clients\":[{\"address\":\"10.9.9.9\","   \
	"\"connections\":100,\"exchanges\":100}]}],\"dependencies\":[{\"host\":\"w\",\"service\":\"port-80\",\"attribution\":"   \
	"\"exact\",\"name\":\"x.example\",\"name_source\":\"dns\",\"port\":443,\"transport\":\"tcp\",\"addresses\":"            \
	"[\"203.0.113.9\"],\"scope\":\"external\",\"class\":\"on-request\",\"answered\":" answered ",\"coupling\":" coupling    \
	",\"exchanges\":100,\"failures\":" failures "}],\"names\":[]}"

struct scanned_row {
	const char *name, *scan, *model;
	const char *of, *groups, *remarks;
};

static struct scanned_row scanned_rows[] = {
	{ "a renamed service in scans", SCAN("0.5", "true", "0", "0"),
		MODEL(",\"renames\":[{\"from\":\"service:w/port-80\",\"to\":\"service:w/nginx\"}]"), "service:w/nginx",
		"1 endpoint:x.example:443/tcp;1 host:w;", "" },
	{ "a service stays on its host", SCAN("0.5", "true", "0", "0"),
		MODEL(",\"renames\":[{\"from\":\"service:w/port-80\",\"to\":\"service:v/nginx\"}]"), "service:w/port-80",
		"1 endpoint:x.example:443/tcp;1 host:w;", "" },
	{ "a renamed host takes its services along", SCAN("0.5", "true", "0", "0"),
		MODEL(",\"renames\":[{\"from\":\"host:w\",\"to\":\"host:web\"}]"), "service:web/port-80",
		"1 endpoint:x.example:443/tcp;1 host:web;", "" },
	{ "what never answered is no requirement", SCAN("0.5", "false", "0", "0"), MODEL(""), "service:w/port-80",
		"1 host:w;", "" },
	{ "unless somebody knows better", SCAN("0.5", "false", "0", "0"), MODEL(",\"confirm\":[\"x.example:443\"]"),
		"service:w/port-80", "1 endpoint:x.example:443/tcp;1 host:w;", "" },
	{ "stated as optional, and nothing against it", SCAN("0.5", "true", "9", "9"),
		MODEL(",\"dependencies\":[{\"from\":\"port-80\",\"to\":\"x.example\",\"required\":false}]"),
		"service:w/port-80", "0 endpoint:x.example:443/tcp;1 host:w;", "" },
	{ "optional, but every request uses it and its failures surfaced", SCAN("1", "true", "9", "8"),
		MODEL(",\"dependencies\":[{\"from\":\"port-80\",\"to\":\"x.example\",\"required\":false}]"),
		"service:w/port-80", "0 endpoint:x.example:443/tcp;1 host:w;",
		"contradicted dependencies[0]: stated as optional, but every request;" },
	{ "required, but its failures did not show", SCAN("1", "true", "9", "0"),
		MODEL(",\"dependencies\":[{\"from\":\"port-80\",\"to\":\"x.example\",\"required\":true}]"),
		"service:w/port-80", "1 endpoint:x.example:443/tcp;1 host:w;",
		"contradicted dependencies[0]: stated as required, but 9 failures;" },
};

static void meets_scans(void **state)
{
	const struct scanned_row *row = *state;
	struct fl_scan_set set = { 0 };
	struct fl_model *m = NULL;
	struct fl_error err = { "" };
	cJSON *root = NULL;
	char text[512];
	if (fl_json_parse("scan", row->scan, strlen(row->scan), &root, &err) < 0 ||
		fl_scan_set_from_json(&set, "scan", root, &err) < 0 ||
		fl_model_parse(&m, "m", row->model, strlen(row->model), &err) < 0)
		fail_msg("%s", err.text);
	cJSON_Delete(root);
	struct fl_system *s = fl_system_join_model(&set, m);
	fl_model_free(m);
	fl_node_id v = fl_graph_find(s->graph, row->of);
	assert_int_not_equal(v, FL_NODE_NONE);
	groups_text(s->graph, v, text, sizeof(text));
	assert_string_equal(text, row->groups);
	check_remarks(s->model, row->remarks);
	fl_system_free(s);
}

int main(void)
{
	struct CMUnitTest refused[FL_ARRAY_LEN(refused_rows)], applied[FL_ARRAY_LEN(applied_rows)],
		scanned[FL_ARRAY_LEN(scanned_rows)];
	const struct CMUnitTest others[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(calls), cmocka_unit_test(places),
	};
	for (size_t i = 0; i < FL_ARRAY_LEN(refused); i++)
		refused[i] = (struct CMUnitTest){
			.name = refused_rows[i].name, .test_func = refuses, .initial_state = &refused_rows[i]
		};
	for (size_t i = 0; i < FL_ARRAY_LEN(applied); i++)
		applied[i] = (struct CMUnitTest){
			.name = applied_rows[i].name, .test_func = applies, .initial_state = &applied_rows[i]
		};
	for (size_t i = 0; i < FL_ARRAY_LEN(scanned); i++)
		scanned[i] = (struct CMUnitTest){
			.name = scanned_rows[i].name, .test_func = meets_scans, .initial_state = &scanned_rows[i]
		};
	int failed = cmocka_run_group_tests_name("refused", refused, NULL, NULL);
	failed += cmocka_run_group_tests_name("applied", applied, NULL, NULL);
	failed += cmocka_run_group_tests_name("scanned", scanned, NULL, NULL);
	return failed + cmocka_run_group_tests_name("numbers", others, NULL, NULL);
}
