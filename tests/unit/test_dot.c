/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dot.c - what is drawn, what is folded, and that no name can break out of its label */
#include "unit.h"

#include "reports/drawing_internal.h"
#include "report_fixture.h"

#define GRAPH(nodes, requirements, entries)                                                                            \
	"{\"schema\":\"faultline.graph/1\",\"nodes\":[" nodes "],\"requirements\":[" requirements                       \
	"],\"entry_points\":[" entries "]}"
#define NODE(id, kind) "{\"id\":\"" id "\",\"kind\":\"" kind "\"}"
#define NEEDS(of, n, members) "{\"of\":\"" of "\",\"needs\":" #n ",\"members\":[" members "]}"

/* a/web uses b/db under its name; db's host is a box */
#define TWO_SERVICES                                                                                                   \
	GRAPH(NODE("service:a/web", "service") "," NODE("service:b/db", "service") ","                                 \
	      NODE("host:a", "host") "," NODE("host:b", "host") ","                                                    \
	      NODE("endpoint:db.internal:5432/tcp", "endpoint"),                                                       \
	      NEEDS("service:a/web", 1, "\"host:a\"") "," NEEDS("service:b/db", 1, "\"host:b\"") ","                   \
	      NEEDS("service:a/web", 1, "\"endpoint:db.internal:5432/tcp\"") ","                                       \
	      NEEDS("endpoint:db.internal:5432/tcp", 1, "\"service:b/db\""), "\"service:a/web\"")

#define ONE_EXTERNAL                                                                                                   \
	GRAPH(NODE("service:a/web", "service") "," NODE("endpoint:api.vendor.example:443/tcp", "endpoint") ","         \
	      NODE("address:203.0.113.7", "address") "," NODE("provider:cdn.example", "provider"),                     \
	      NEEDS("service:a/web", 1, "\"endpoint:api.vendor.example:443/tcp\"") ","                                 \
	      NEEDS("endpoint:api.vendor.example:443/tcp", 1, "\"address:203.0.113.7\"") ","                           \
	      NEEDS("address:203.0.113.7", 1, "\"provider:cdn.example\""), "\"service:a/web\"")

#define TWO_ADDRESSES                                                                                                  \
	GRAPH(NODE("service:a/web", "service") "," NODE("endpoint:api.vendor.example:443/tcp", "endpoint") ","         \
	      NODE("address:203.0.113.7", "address") "," NODE("address:203.0.113.8", "address"),                       \
	      NEEDS("service:a/web", 1, "\"endpoint:api.vendor.example:443/tcp\"") ","                                 \
	      "{\"of\":\"endpoint:api.vendor.example:443/tcp\",\"needs\":1,\"redundancy\":\"assumed\",\"members\":["   \
	      "\"address:203.0.113.7\",\"address:203.0.113.8\"]}", "\"service:a/web\"")

#define BACKENDS                                                                                                       \
	GRAPH(NODE("service:a/web", "service") "," NODE("service:b/api", "service") "," NODE("service:c/api", "service"), \
	      "{\"of\":\"service:a/web\",\"needs\":1,\"redundancy\":\"confirmed\",\"members\":[\"service:b/api\","     \
	      "\"service:c/api\"]}", "\"service:a/web\"")

#define BACKGROUND                                                                                                     \
	GRAPH(NODE("service:a/web", "service") "," NODE("service:b/log", "service"),                                   \
	      NEEDS("service:a/web", 0, "\"service:b/log\""), "\"service:a/web\"")

/* The address is required by a service, too: it may not vanish into a label. */
#define ADDRESS_OF_ITS_OWN                                                                                             \
	GRAPH(NODE("service:a/web", "service") "," NODE("endpoint:x.example:1/tcp", "endpoint") ","                    \
	      NODE("address:203.0.113.9", "address"),                                                                  \
	      NEEDS("service:a/web", 1, "\"endpoint:x.example:1/tcp\"") ","                                            \
	      NEEDS("service:a/web", 1, "\"address:203.0.113.9\"") ","                                                 \
	      NEEDS("endpoint:x.example:1/tcp", 1, "\"address:203.0.113.9\""), "")

#define OTHER_KINDS                                                                                                    \
	GRAPH(NODE("core", "switch") "," NODE("rack", "power"), NEEDS("core", 1, "\"rack\""), "")

struct dot_row {
	const char *name, *json;
	const char *cause;       /* draw its blast; NULL: the system */
	const char *present[4], *absent[4];
};

static const struct dot_row rows[] = {
	{ "an endpoint with one scanned service behind it is an arrow from service to service", TWO_SERVICES, NULL,
	  { "\\nweb\"", "\\ndb\"", "n0 -> n1", "host b" }, { "db.internal", "-> n2" } },
	{ "the port stands at the arrow only when a scan knows it", TWO_SERVICES, NULL, { "digraph" }, { ":5432" } },
	{ "users point at the entry point", TWO_SERVICES, NULL, { "label=\"users\"", "n2 -> n0" }, { NULL } },
	{ "an outside endpoint names its only address and stands in its provider's box", ONE_EXTERNAL, NULL,
	  { "api.vendor.example:443\\n203.0.113.7", "provider cdn.example", "subgraph cluster0" },
	  { "n3", "label=\"address" } },
	{ "two addresses read 1 of 2 and that fail-over was never seen", TWO_ADDRESSES, NULL,
	  { "1 of 2 addresses (assumed)" }, { "203.0.113.7" } },
	{ "interchangeable backends have a choice between", BACKENDS, NULL,
	  { "1 of 2 (confirmed)", "n0 -> n3", "n3 -> n1", "n3 -> n2" }, { "n0 -> n1" } },
	{ "the worst single point of failure says so in words", TWO_SERVICES, NULL,
	  { "SPOF 1\\n", "SPOF 2\\n", "peripheries=2" }, { "CAUSE", "step 1" } },
	{ "a background use is dashed and says so", BACKGROUND, NULL, { "style=dashed", "label=\"background\"" },
	  { "SPOF 2" } },
	{ "an address that a service requires itself is drawn", ADDRESS_OF_ITS_OWN, NULL,
	  { "label=\"SPOF 1\\n203.0.113.9\"" }, { NULL } },
	{ "kinds that nobody knows are drawn as they are", OTHER_KINDS, NULL, { "n0 -> n1", "core", "rack" },
	  { "users", "cluster" } },
	{ "a blast names its cause and the steps", TWO_SERVICES, "service:b/db",
	  { "CAUSE\\ndb", "step 1\\nweb", "fails next, in this order" }, { "SPOF" } },
	{ "what survives a blast is pale", TWO_SERVICES, "service:a/web", { "CAUSE\\nweb", "#b4b4bb" }, { "step 1\\n" } },
	{ "an endpoint that is the cause is not folded away", TWO_SERVICES, "endpoint:db.internal:5432/tcp",
	  { "CAUSE\\ndb.internal:5432", "step 1\\nweb" }, { NULL } },
	{ "an address that is the cause is named where it is text", ONE_EXTERNAL, "address:203.0.113.7",
	  { "cause: address 203.0.113.7", "step 1\\napi.vendor.example" }, { NULL } },
	{ "a provider that is the cause says so on its box", ONE_EXTERNAL, "provider:cdn.example",
	  { "CAUSE: provider cdn.example", "step 2\\na/web" }, { NULL } },
	{ "a host that is the cause says so on its box", TWO_SERVICES, "host:b",
	  { "CAUSE: host b", "step 1\\ndb", "step 2\\nweb" }, { NULL } },
};

static char *draw(const struct report_fixture *f, const char *cause)
{
	char *text = NULL;
	size_t size = 0;
	struct fl_arena *a = fl_arena_new();
	struct fl_picture p = { .system = f->system, .ranking = f->ranking, .cause = FL_NODE_NONE, .title = "test" };
	if (cause != NULL) {
		p.cause = fl_graph_find(f->system->graph, cause);
		assert_true(p.cause != FL_NODE_NONE);
		p.blast = fl_blast(f->system->graph, &p.cause, 1, a);
	}
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	fl_dot_write(out, &p);
	fclose(out);
	fl_arena_free(a);
	return text;
}

static void test_row(void **state)
{
	const struct dot_row *row = *state;
	struct report_fixture f;
	fixture_open(&f, row->json);
	char *text = draw(&f, row->cause);
	char *again = draw(&f, row->cause);
	assert_string_equal(text, again);
	for (size_t i = 0; i < FL_ARRAY_LEN(row->present) && row->present[i] != NULL; i++)
		if (strstr(text, row->present[i]) == NULL)
			fail_msg("no '%s' in\n%s", row->present[i], text);
	for (size_t i = 0; i < FL_ARRAY_LEN(row->absent) && row->absent[i] != NULL; i++)
		if (strstr(text, row->absent[i]) != NULL)
			fail_msg("'%s' in\n%s", row->absent[i], text);
	free(text);
	free(again);
	fixture_close(&f);
}

/* DOT as we write it: every line ends in ';', '{', '}' or is a list of attributes; strings close on the line they
 * began in; a backslash in a string is followed by one of n, l, \, ". */
static void check_strings(const char *text)
{
	bool inside = false;
	for (const char *c = text; *c != '\0'; c++) {
		if (inside && *c == '\\') {
			c++;
			assert_true(*c == 'n' || *c == 'l' || *c == '\\' || *c == '"');
			continue;
		}
		if (*c == '"')
			inside = !inside;
		assert_false(inside && (*c == '\n' || *c == '<' || *c == '\x1b' || *c == '\x7f'));
	}
	assert_false(inside);
}

static void test_hostile_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(hostile_names); i++) {
		struct report_fixture f;
		char *json = fixture_named_everywhere(hostile_names[i]);
		fixture_open(&f, json);
		char *text = draw(&f, NULL);
		check_strings(text);
		assert_null(strstr(text, "\xe2\x80\xae"));
		assert_non_null(strstr(text, "n1 -> n0")); /* service to endpoint */
		free(text);
		free(json);
		fixture_close(&f);
	}
}

static void test_long_names_are_cut(void **state)
{
	(void)state;
	struct report_fixture f;
	char *name = fl_alloc(10001);
	memset(name, 'x', 10000);
	char *json = fixture_named_everywhere(name);
	fixture_open(&f, json);
	char *text = draw(&f, NULL);
	assert_true(strlen(text) < 4000);
	assert_non_null(strstr(text, "\xe2\x80\xa6"));
	free(text);
	free(json);
	free(name);
	fixture_close(&f);
}

/* A chain of services that all ask one resolver; the first two each need a vendor, and both vendors hang on one
 * provider, which is the worst. JSON text; free() it. */
static char *chain_of_services(int length)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	fputs("{\"schema\":\"faultline.graph/1\",\"nodes\":[", out);
	for (int i = 0; i < length; i++)
		fprintf(out, "{\"id\":\"service:h/s%03d\",\"kind\":\"service\"},", i);
	fputs("{\"id\":\"resolver:10.0.0.2\",\"kind\":\"resolver\"},"
	      "{\"id\":\"endpoint:v.example:443/tcp\",\"kind\":\"endpoint\"},"
	      "{\"id\":\"endpoint:w.example:443/tcp\",\"kind\":\"endpoint\"},"
	      "{\"id\":\"provider:cdn.example\",\"kind\":\"provider\"}],\"requirements\":[", out);
	for (int i = 0; i < length; i++) {
		fprintf(out, "{\"of\":\"service:h/s%03d\",\"needs\":0,\"members\":[\"resolver:10.0.0.2\"]},", i);
		if (i + 1 < length)
			fprintf(out, "{\"of\":\"service:h/s%03d\",\"needs\":%d,\"members\":[\"service:h/s%03d\"]},", i,
				i == 0, i + 1);
	}
	fputs("{\"of\":\"service:h/s000\",\"needs\":1,\"members\":[\"endpoint:v.example:443/tcp\"]},"
	      "{\"of\":\"service:h/s001\",\"needs\":1,\"members\":[\"endpoint:w.example:443/tcp\"]},"
	      "{\"of\":\"endpoint:v.example:443/tcp\",\"needs\":1,\"members\":[\"provider:cdn.example\"]},"
	      "{\"of\":\"endpoint:w.example:443/tcp\",\"needs\":1,\"members\":[\"provider:cdn.example\"]}],"
	      "\"entry_points\":[\"service:h/s000\"]}", out);
	fclose(out);
	return text;
}

static void test_resolver_of_many(void **state)
{
	(void)state;
	struct report_fixture f;
	char *json = chain_of_services(9);
	fixture_open(&f, json);
	char *text = draw(&f, NULL);
	assert_non_null(strstr(text, "resolver 10.0.0.2\\nresolver of 9 nodes"));
	assert_null(strstr(text, "#d4d4d8"));
	free(text);
	free(json);
	fixture_close(&f);
	json = chain_of_services(8);
	fixture_open(&f, json);
	text = draw(&f, NULL);
	assert_null(strstr(text, "resolver of"));
	assert_non_null(strstr(text, "#d4d4d8"));
	free(text);
	free(json);
	fixture_close(&f);
}

/* Whether a drawn node has this name. */
static bool is_drawn(const struct fl_drawing *d, const char *name)
{
	for (size_t i = 0; i < d->node_count; i++)
		if (strcmp(d->nodes[i].lines[0], name) == 0)
			return true;
	return false;
}

static void test_condensed(void **state)
{
	(void)state;
	struct report_fixture f;
	char *json = chain_of_services(200);
	fixture_open(&f, json);
	struct fl_picture p = { .system = f.system, .ranking = f.ranking, .cause = FL_NODE_NONE };
	struct fl_drawing *d = fl_drawing_new(&p);
	assert_int_equal(d->node_count, 204); /* services, resolver, two endpoints, users */
	fl_drawing_condense(d, 1000);
	assert_int_equal(d->node_count, 204);
	fl_drawing_condense(d, 20);
	assert_true(d->node_count <= 20);
	assert_int_equal(d->node_count + d->omitted, 204);
	assert_true(is_drawn(d, "users") && is_drawn(d, "h/s000") && is_drawn(d, "h/s001"));
	assert_true(is_drawn(d, "v.example:443") && is_drawn(d, "w.example:443"));
	assert_false(is_drawn(d, "h/s150"));
	for (size_t i = 0; i < d->edge_count; i++)
		assert_true(d->edges[i].from < d->node_count && d->edges[i].to < d->node_count);
	fl_drawing_free(d);
	free(json);
	fixture_close(&f);
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + 4] = { 0 };
	size_t count = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = test_row,
						      .initial_state = (void *)(uintptr_t)&rows[i] };
	tests[count++] = (struct CMUnitTest){ .name = "no hostile name leaves its label",
					      .test_func = test_hostile_names };
	tests[count++] = (struct CMUnitTest){ .name = "a name of 10000 characters is cut and says so",
					      .test_func = test_long_names_are_cut };
	tests[count++] = (struct CMUnitTest){ .name = "a resolver that nine ask says so instead of nine arrows",
					      .test_func = test_resolver_of_many };
	tests[count++] = (struct CMUnitTest){ .name = "a condensed drawing keeps the worst and the way to it",
					      .test_func = test_condensed };
	return _cmocka_run_group_tests("dot", tests, count, NULL, NULL);
}
