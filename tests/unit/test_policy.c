/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_policy.c - what a policy file may say, and what breaks it
 *
 * One system for all rows: api on host a, watched for 100 s until 2026-11-21, that clients outside ask. It uses a vendor by name and
 * one by its address, tries again at once (three attempts, 10 calls), and gives up on the vendor after 2 s.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "faultline/policy.h"
#include "faultline/units.h"

static struct fl_behaviour *failing(struct fl_arena *a)
{
	const struct fl_spread at_once = { 10, 0.001, 0.001, 0.001, 0.002, 0.002 }, two = { 10, 2, 2, 2, 2.01, 2.02 };
	struct fl_behaviour *b = fl_arena_alloc(a, sizeof(*b));
	b->outcome[FL_OUTCOME_ANSWERED] = 500;
	b->outcome[FL_OUTCOME_RESPONSE_TIMEOUT] = 30;
	b->retries.calls = b->retries.retried = b->retries.gave_up[2] = 10;
	b->retries.gap[0] = b->retries.gap[1] = at_once;
	b->retries.first_ns = b->retries.last_ns = 1;
	b->response_timeout = two;
	b->connect_timeout = (struct fl_spread){ 0, NAN, NAN, NAN, NAN, NAN };
	b->calls_per_inbound = 1;
	b->coupling_p = b->nested_share = NAN;
	return b;
}

static void add_dependency(struct fl_scan *s, const char *name, const char *address, const char *provider)
{
	struct fl_scan_dependency *d = &s->dependencies[s->dependency_count++];
	*d = (struct fl_scan_dependency){ .host = "a", .service = "api", .name = name, .port = 443, .transport = "tcp",
		.provider = provider, .scope = FL_SCOPE_EXTERNAL, .answered = true, .exchanges = 500, .coupling = 1, .fan_out = 1,
		.connections = { .tried = 9, .established = 9 }, .first_seen_ns = s->start_ns, .last_seen_ns = s->end_ns,
		.name_source = name == NULL ? FL_NAME_NONE : FL_NAME_TLS_SNI, .period_s = NAN };
	d->addresses = fl_arena_alloc(s->arena, sizeof(*d->addresses));
	d->address_count = 1;
	assert_true(fl_addr_parse(address, d->addresses));
}

static struct fl_system *system_of_rows(bool vendor)
{
	static struct fl_scan_blind_spot not_captured = { "not-captured", 4, "t" }; /* of 500 exchanges and more */
	struct fl_scan *s = fl_scan_new();
	struct fl_scan_set set = { 0 };
	s->point = "a";
	s->source = "file";
	assert_true(fl_time_parse("2026-11-21T12:00:00Z", &s->end_ns));
	s->start_ns = s->end_ns - 100 * FL_NS_PER_S;
	s->coverage = (struct fl_coverage){ .packets = 990, .dropped_kernel = 10, .flows = 100, .flows_named = 80,
		.flows_unattributed = 30, .blind_spots = &not_captured, .blind_spot_count = 1, .unseen_dependencies = NAN, .window_for_95_s = NAN };
	s->hosts = fl_arena_alloc(s->arena, sizeof(*s->hosts));
	s->hosts[0].name = "a";
	s->host_count = 1;
	s->services = fl_arena_alloc(s->arena, sizeof(*s->services));
	s->services[0] = (struct fl_scan_service){ .host = "a", .name = "api", .connections = 9, .exchanges = 500,
		.first_seen_ns = s->start_ns, .last_seen_ns = s->end_ns };
	s->services[0].clients = fl_arena_alloc(s->arena, sizeof(struct fl_scan_client));
	s->services[0].client_count = 1;
	s->services[0].clients[0] = (struct fl_scan_client){ .connections = 9, .exchanges = 500 };
	assert_true(fl_addr_parse("198.51.100.7", &s->services[0].clients[0].address));
	s->service_count = 1;
	s->dependencies = fl_arena_array(s->arena, 2, sizeof(*s->dependencies));
	if (vendor) {
		add_dependency(s, "api.vendor.example", "192.0.2.1", "cdn.example");
		s->dependencies[0].behaviour = failing(s->arena);
	}
	add_dependency(s, NULL, "203.0.113.9", NULL);
	fl_scan_sort(s);
	fl_scan_set_add(&set, s);
	return fl_system_join(&set);
}

/* ---- what is refused ---- */

struct refused_row { const char *name, *text, *error; };

static struct refused_row refused_rows[] = {
	{ "a rule nobody knows is refused with its place", "{\"schema\": \"faultline.policy/1\",\n  \"retrys\": []}",
		"p:2:13: 'retrys' is no rule; there are external, retries, timeouts, single_points, coverage" },
	{ "a member nobody knows is refused", "{\"schema\": \"faultline.policy/1\", \"retries\": [{\"pauses\": true}]}",
		"p:1:57: retries[0].pauses is not known; there are from, to, pause, growing, jitter, max_attempts" },
	{ "an allowance without an owner is refused",
		"{\"schema\": \"faultline.policy/1\", \"external\": {\"allow\": [{\"name\": \"x\", \"reason\": \"y\"}]}}",
		"p:1:57: external.allow[0] has no \"owner\"" },
	{ "an allowance of nothing is refused",
		"{\"schema\": \"faultline.policy/1\", \"external\": {\"allow\": [{\"owner\": \"x\", \"reason\": \"y\"}]}}",
		"p:1:57: external.allow[0] allows nothing; give \"name\" or \"provider\"" },
	{ "a day that does not exist is refused",
		"{\"schema\": \"faultline.policy/1\", \"external\": {\"allow\": [{\"name\": \"x\", \"owner\": \"o\", \"reason\": "
		"\"y\",\n\"expires\": \"2027-02-30\"}]}}",
		"p:2:12: external.allow[0].expires must be a day, as 2027-06-30" },
	{ "an external rule without a list is refused", "{\"schema\": \"faultline.policy/1\", \"external\": {}}",
		"p:1:46: external must have a list \"allow\"" },
	{ "a share above one is refused",
		"{\"schema\": \"faultline.policy/1\", \"coverage\": {\"min_named_share\": 95}}",
		"p:1:66: coverage.min_named_share must be a number from 0 to 1" },
	{ "bounds the wrong way round are refused",
		"{\"schema\": \"faultline.policy/1\", \"timeouts\": [{\"min_s\": 2, \"max_s\": 1}]}",
		"p:1:69: timeouts[0].max_s is below its min_s" },
	{ "a phase nobody knows is refused",
		"{\"schema\": \"faultline.policy/1\", \"timeouts\": [{\"phase\": \"dns\"}]}",
		"p:1:57: timeouts[0].phase must be \"connect\" or \"response\"" },
	{ "another schema is refused", "{\"schema\": \"faultline.model/1\"}", NULL },
	{ "no JSON is refused", "{", NULL },
};

static void is_refused(void **state)
{
	const struct refused_row *row = *state;
	struct fl_policy *p = NULL;
	struct fl_error err = { "" };
	assert_true(fl_policy_parse(&p, "p", row->text, strlen(row->text), &err) < 0);
	assert_null(p);
	assert_string_not_equal(err.text, "");
	if (row->error != NULL)
		assert_string_equal(err.text, row->error);
}

/* ---- what is violated ---- */

struct row {
	const char *name, *rules; /* without "schema" */
	const char *violations;   /* "rule from > to line:column;" */
	unsigned unused;
};

#define BOTH "{\"name\": \"api.vendor.example\", \"owner\": \"o\", \"reason\": \"r\"}, "                    \
	     "{\"name\": \"203.0.113.0/24\", \"owner\": \"o\", \"reason\": \"r\"}"
#define VENDOR " service:a/api > endpoint:api.vendor.example:443/tcp"
#define BARE " service:a/api > endpoint:203.0.113.9:443/tcp"

static struct row rows[] = {
	{ "a policy without rules holds", "", "", 0 },
	{ "names and networks are allowed", "\"external\": {\"allow\": [" BOTH "]}", "", 0 },
	{ "what nothing allows is a violation of the list", "\"external\": {\"allow\": []}",
		"external-not-allowed" BARE " 2:13;external-not-allowed" VENDOR " 2:13;", 0 },
	{ "a pattern allows", "\"external\": {\"allow\": [{\"name\": \"*\", \"owner\": \"o\", \"reason\": \"r\"}]}", "", 0 },
	{ "a pattern of a domain is not that of another",
		"\"external\": {\"allow\": [" BOTH ", {\"name\": \"*.other.example\", \"owner\": \"o\", \"reason\": \"r\"}]}", "", 1 },
	{ "a provider allows what it serves",
		"\"external\": {\"allow\": [{\"provider\": \"cdn.example\", \"owner\": \"o\", \"reason\": \"r\"}]}",
		"external-not-allowed" BARE " 2:13;", 0 },
	{ "another port is not allowed",
		"\"external\": {\"allow\": [{\"name\": \"*\", \"port\": 80, \"owner\": \"o\", \"reason\": \"r\"}]}",
		"external-not-allowed" BARE " 2:13;external-not-allowed" VENDOR " 2:13;", 1 },
	{ "another caller is not allowed",
		"\"external\": {\"allow\": [{\"name\": \"*\", \"from\": \"b/*\", \"owner\": \"o\", \"reason\": \"r\"}]}",
		"external-not-allowed" BARE " 2:13;external-not-allowed" VENDOR " 2:13;", 1 },
	{ "an allowance holds on its last day",
		"\"external\": {\"allow\": [{\"name\": \"*\", \"owner\": \"o\", \"reason\": \"r\", \"expires\": \"2026-11-21\"}]}", "",
		0 },
	{ "and not the day after",
		"\"external\": {\"allow\": [\n{\"name\": \"*\", \"owner\": \"o\", \"reason\": \"r\", \"expires\": \"2026-11-20\"}]}",
		"external-expired" BARE " 3:1;external-expired" VENDOR " 3:1;", 0 },
	{ "one that has not expired is enough",
		"\"external\": {\"allow\": [{\"name\": \"*\", \"owner\": \"o\", \"reason\": \"r\", \"expires\": \"2026-11-20\"}, " BOTH
		"]}", "", 0 },
	{ "retries without a pause are a violation", "\"retries\": [{\"pause\": true}]",
		"retry-without-pause" VENDOR " 2:13;", 0 },
	{ "retries that must grow grow", "\"retries\": [{\"growing\": true}]", "retry-not-growing" VENDOR " 2:13;", 0 },
	{ "too many attempts are a violation", "\"retries\": [{\"max_attempts\": 2}]", "retry-attempts" VENDOR " 2:13;", 0 },
	{ "as many as allowed are none", "\"retries\": [{\"max_attempts\": 3}]", "", 0 },
	{ "the first statement that fits counts",
		"\"retries\": [{\"to\": \"api.vendor.example\"}, {\"pause\": true}]", "", 0 },
	{ "a statement about others does not",
		"\"retries\": [{\"to\": \"api.other.example\"}, {\"pause\": true}]", "retry-without-pause" VENDOR " 2:42;", 0 },
	{ "a timeout within bounds holds", "\"timeouts\": [{\"min_s\": 1, \"max_s\": 3}]", "", 0 },
	{ "a timeout that is too short is a violation", "\"timeouts\": [{\"min_s\": 3}]",
		"timeout-too-short" VENDOR " 2:14;", 0 },
	{ "a timeout that is too long is one", "\"timeouts\": [{\"max_s\": 1}]", "timeout-too-long" VENDOR " 2:14;", 0 },
	{ "a timeout of another phase says nothing", "\"timeouts\": [{\"phase\": \"connect\", \"max_s\": 1}]", "", 0 },
	{ "coverage within bounds holds",
		"\"coverage\": {\"max_drop_share\": 0.01, \"min_named_share\": 0.8, \"min_attributed_share\": 0.7, "
		"\"min_window_s\": 100}", "", 0 },
	{ "what was not captured, dropped or not, is missing", "\"coverage\": {\"max_drop_share\": 0}",
		"coverage-drops - > - 2:32;coverage-drops - > - 2:32;", 0 },
	{ "coverage out of bounds is a violation each",
		"\"coverage\": {\"max_drop_share\": 0.001, \"min_named_share\": 0.9, \"min_attributed_share\": 0.9, "
		"\"min_window_s\": 200}",
		"coverage-drops - > - 2:32;coverage-drops - > - 2:32;coverage-names - > - 2:58;coverage-services - > - 2:87;"
		"coverage-window host:a > - 2:108;", 0 },
	{ "single points of failure are violations unless allowed",
		"\"single_points\": {\"allow\": [\"*203.0.113.9*\", \"a/api\"]}",
		"single-point service:a/api > endpoint:api.vendor.example:443/tcp 2:18;", 0 },
	{ "an allowed one that is none is told",
		"\"single_points\": {\"allow\": [\"*203.0.113.9*\", \"a/api\", \"api.vendor.example\", \"gone.example\"]}", "", 1 },
};

static struct fl_policy *policy_of(const char *rules)
{
	struct fl_policy *p = NULL;
	struct fl_error err = { "" };
	char *text = NULL;
	assert_true(asprintf(&text, "{\"schema\": \"faultline.policy/1\",\n%s}", rules) > 0);
	if (fl_policy_parse(&p, "p", text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
	free(text);
	return p;
}

static void say(const struct fl_policy_result *r, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_violation *v = &r->list[i];
		assert_non_null(v->why);
		used += (size_t)snprintf(text + used, size - used, "%s %s > %s %u:%u;", fl_policy_rule_name(v->rule),
			v->from == NULL ? "-" : v->from, v->to == NULL ? "-" : v->to, v->line, v->column);
	}
}

static void is_checked(void **state)
{
	const struct row *row = *state;
	struct fl_policy *p = policy_of(row->rules);
	struct fl_system *s = system_of_rows(true);
	struct fl_policy_result *r = fl_policy_check(p, s, NULL);
	char text[1024];
	say(r, text, sizeof(text));
	assert_string_equal(text, row->violations);
	assert_int_equal(r->unused_count, row->unused);
	fl_policy_result_free(r);
	fl_system_free(s);
	fl_policy_free(p);
}

static void only_new_single_points_are_violations_since_older_scans(void **state)
{
	struct fl_policy *p = policy_of("\"single_points\": {\"allow\": []}");
	struct fl_system *old = system_of_rows(false), *new = system_of_rows(true);
	struct fl_policy_result *r = fl_policy_check(p, new, old);
	char text[1024];
	say(r, text, sizeof(text));
	assert_string_equal(text, "single-point service:a/api > endpoint:api.vendor.example:443/tcp 2:18;");
	fl_policy_result_free(r);
	r = fl_policy_check(p, new, new);
	assert_int_equal(r->count, 0);
	fl_policy_result_free(r);
	fl_system_free(old);
	fl_system_free(new);
	fl_policy_free(p);
	(void)state;
}

static void the_policy_that_is_written_holds(void **state)
{
	struct fl_system *s = system_of_rows(true);
	char *text[2] = { NULL, NULL };
	size_t size[2] = { 0, 0 };
	for (int i = 0; i < 2; i++) {
		FILE *out = open_memstream(&text[i], &size[i]);
		fl_policy_write(out, s);
		fclose(out);
	}
	assert_string_equal(text[0], text[1]);
	assert_non_null(strstr(text[0], "\"expires\": \"2027-05-20\""));
	assert_non_null(strstr(text[0], "to be mended"));
	struct fl_policy *p = NULL;
	struct fl_error err = { "" };
	if (fl_policy_parse(&p, "p", text[0], size[0], &err) < 0)
		fail_msg("%s", err.text);
	struct fl_policy_result *r = fl_policy_check(p, s, NULL);
	assert_int_equal(r->count, 0);
	assert_int_equal(r->unused_count, 0);
	assert_int_equal(r->externals, 2);
	fl_policy_result_free(r);
	fl_policy_free(p);
	fl_system_free(s);
	free(text[0]);
	free(text[1]);
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		cmocka_unit_test(only_new_single_points_are_violations_since_older_scans),
		cmocka_unit_test(the_policy_that_is_written_holds),
	};
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + FL_ARRAY_LEN(refused_rows)];
	size_t count = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(refused_rows); i++)
		tests[count++] = (struct CMUnitTest){ .name = refused_rows[i].name, .test_func = is_refused,
			.initial_state = &refused_rows[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[count++] = (struct CMUnitTest){ .name = rows[i].name, .test_func = is_checked, .initial_state = &rows[i] };
	int failed = cmocka_run_group_tests_name("policy", plain, NULL, NULL);
	return failed + cmocka_run_group_tests_name("policy rows", tests, NULL, NULL);
}
