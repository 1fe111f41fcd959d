/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_diff.c - what counts as a change, and what does not
 *
 * Each row writes both sides as the dependencies of scans: "HOST/SERVICE > TARGET:PORT COUNT [words]",
 * joined by the library itself. The window is 100 s unless "window=SECONDS;" stands first; "host=NAME;"
 * adds a host that was watched and used nothing.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "analyze/diff_internal.h"
#include "graph_text.h"

/* ---- identities ---- */

struct identity_row {
	const char *name, *stable;
};

static struct identity_row identity_rows[] = {
	{ "api-7d9f8c6b5-x2x4q", "api-*-*" },
	{ "api-7d9f8c6b5-zxcvb", "api-*-*" },
	{ "api-gateway", "api-gateway" },
	{ "eu-west.api.vendor.example", "eu-west.api.vendor.example" },
	{ "us-east-1.api.vendor.example", "us-east-1.api.vendor.example" },
	{ "api1", "api1" },
	{ "s3-2", "s3-2" },
	{ "web-12", "web-12" },
	{ "prod-db01a", "prod-db01a" },
	{ "decade-facade", "decade-facade" },
	{ "ip-10-1-2-3.eu-west-1.compute.internal", "ip-*-*-*-*.eu-west-1.compute.internal" },
	{ "ip-10-1-2-300", "ip-10-1-2-300" },
	{ "12.pool.example", "*.pool.example" },
	{ "12", "12" },
	{ "10.0.0.5", "10.0.0.5" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "3f2a9c1b7d4e", "*" },
	{ "d2f1b3a4e5c6.cdn.example", "*.cdn.example" },
	{ "run-550e8400-e29b-41d4-a716-446655440000", "run-*-*-*-*-*" },
	{ "-", "-" },
	{ "a..b", "a..b" },
	{ "1-2-3-4-5-6-7-8-9-0-1-2-3-4-5-6-7-8-9-0-1-2-3-4-5-6-7-8-9-0-1-2-3-4",
		"1-2-3-4-5-6-7-8-9-0-1-2-3-4-5-6-7-8-9-0-1-2-3-4-5-6-7-8-9-0-1-2-3-4" },
};

static void has_identity(void **state)
{
	const struct identity_row *row = *state;
	struct fl_arena *a = fl_arena_new();
	assert_string_equal(fl_identity_name(a, row->name), row->stable);
	fl_arena_free(a);
}

static void domains(void **state)
{
	struct fl_arena *a = fl_arena_new();
	(void)state;
	assert_string_equal(fl_identity_domain(a, "eu.api.vendor.example", NULL), "vendor.example");
	assert_string_equal(
		fl_identity_domain(a, "eu.api.vendor.example", "api.vendor.example"), "api.vendor.example");
	assert_string_equal(fl_identity_domain(a, "eu.api.vendor.example", "cdn.example"), "vendor.example");
	assert_string_equal(
		fl_identity_domain(a, "notvendor.example", "vendor.example"), "notvendor.example");
	assert_string_equal(fl_identity_domain(a, "www.shop.co.uk", NULL), "shop.co.uk");
	assert_string_equal(fl_identity_domain(a, "www.shop.de", NULL), "shop.de");
	assert_string_equal(fl_identity_domain(a, "localhost", NULL), "localhost");
	assert_string_equal(fl_identity_domain(a, "", NULL), "");
	fl_arena_free(a);
}

/* ---- systems from text ---- */

static struct fl_scan_host *host_of(struct fl_scan *s, const char *name)
{
	for (size_t i = 0; i < s->host_count; i++)
		if (strcmp(s->hosts[i].name, name) == 0)
			return &s->hosts[i];
	s->hosts[s->host_count] = (struct fl_scan_host){ .name = fl_arena_string(s->arena, name) };
	return &s->hosts[s->host_count++];
}

static void read_words(struct fl_scan *s, struct fl_scan_dependency *d, char *words)
{
	char *rest = NULL;
	for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
		if (strncmp(w, "provider=", 9) == 0)
			d->provider = fl_arena_string(s->arena, w + 9);
		else if (strncmp(w, "at=", 3) == 0)
			assert_true(fl_addr_parse(w + 3, d->addresses));
		else if (strcmp(w, "internal") == 0)
			d->scope = FL_SCOPE_INTERNAL;
		else if (strcmp(w, "silent") == 0)
			d->answered = false;
		else
			d->class = (enum fl_class)fl_class_parse(w);
	}
}

/* "HOST/SERVICE > TARGET:PORT COUNT words" */
static void read_dependency(struct fl_scan *s, char *text)
{
	char host[64], service[64], target[128], words[128] = "";
	unsigned port, count;
	int fields = sscanf(
		text, " %63[^/]/%63s > %127[^:]:%u %u %127[^;]", host, service, target, &port, &count, words);
	assert_true(fields >= 5);
	struct fl_scan_dependency *d = &s->dependencies[s->dependency_count++];
	host_of(s, host);
	*d = (struct fl_scan_dependency){ .host = fl_arena_string(s->arena, host),
		.service = fl_arena_string(s->arena, service),
		.port = (uint16_t)port,
		.transport = "tcp",
		.name_source = FL_NAME_TLS_SNI,
		.scope = FL_SCOPE_EXTERNAL,
		.answered = true,
		.coupling = 0.5,
		.fan_out = 1,
		.exchanges = count,
		.connections = { .tried = count, .established = count },
		.first_seen_ns = s->start_ns,
		.last_seen_ns = s->end_ns,
		.period_s = NAN };
	d->addresses = fl_arena_array(s->arena, 1, sizeof(*d->addresses));
	d->address_count = 1;
	unsigned sum = 0; /* every name has an address of its own */
	for (const char *c = target; *c != '\0'; c++)
		sum = sum * 31 + (unsigned char)*c;
	assert_true(fl_addr_parse(fl_arena_printf(s->arena, "203.0.%u.%u", sum / 256 % 256, sum % 256), d->addresses));
	if (fl_addr_parse(target, d->addresses))
		d->name_source = FL_NAME_NONE;
	else
		d->name = fl_arena_string(s->arena, target);
	read_words(s, d, words);
}

static struct fl_system *system_of(const char *text)
{
	enum { MOST = 16 };
	struct fl_scan *s = fl_scan_new();
	struct fl_scan_set set = { 0 };
	char *copy = fl_copy_string(text), *rest = NULL;
	s->point = "test";
	s->source = "file";
	s->end_ns = 100 * INT64_C(1000000000);
	s->hosts = fl_arena_array(s->arena, MOST, sizeof(*s->hosts));
	s->dependencies = fl_arena_array(s->arena, MOST, sizeof(*s->dependencies));
	for (char *line = strtok_r(copy, ";", &rest); line != NULL; line = strtok_r(NULL, ";", &rest)) {
		if (strncmp(line, "window=", 7) == 0)
			s->end_ns = atoi(line + 7) * INT64_C(1000000000);
		else if (strncmp(line, "host=", 5) == 0)
			host_of(s, line + 5);
		else
			read_dependency(s, line);
	}
	free(copy);
	fl_scan_sort(s);
	fl_scan_set_add(&set, s);
	return fl_system_join(&set);
}

/* ---- changes ---- */

struct diff_row {
	const char *name, *old, *new;
	const char *changes; /* "kind from > to;" without single points of failure */
};

static struct diff_row diff_rows[] = {
	{ "the same is the same", "a/app > x.example:443 50", "a/app > x.example:443 50", "" },
	{ "a rotated address is no change", "a/app > x.example:443 50 at=192.0.2.7",
		"a/app > x.example:443 50 at=192.0.2.9", "" },
	{ "a new name is added", "a/app > x.example:443 50",
		"a/app > x.example:443 50;a/app > y.example:443 9",
		"added service:a/app > endpoint:y.example:443/tcp;" },
	{ "a new name that was seen once may be older", "a/app > x.example:443 50",
		"a/app > x.example:443 50;a/app > y.example:443 1",
		"not-seen-yet service:a/app > endpoint:y.example:443/tcp;" },
	{ "a new name that two replicas called too seldom each is new",
		"a/app > x.example:443 50;b/app > x.example:443 50",
		"a/app > x.example:443 50;b/app > x.example:443 50;a/app > y.example:443 3;b/app > y.example:443 3",
		"added service:a/app > endpoint:y.example:443/tcp;added service:b/app > endpoint:y.example:443/tcp;" },
	{ "a name that one always called is not new for another's single call",
		"a/app > x.example:443 50;b/app > y.example:443 50;b/app > x.example:443 50",
		"a/app > x.example:443 50;b/app > y.example:443 50;b/app > x.example:443 50;a/app > y.example:443 3",
		"not-seen-yet service:a/app > endpoint:y.example:443/tcp;" },
	{ "a new name in a longer window may be older", "window=10;a/app > x.example:443 5",
		"a/app > x.example:443 50;a/app > y.example:443 9",
		"not-seen-yet service:a/app > endpoint:y.example:443/tcp;" },
	{ "a new port is a new dependency", "a/app > x.example:443 50;a/app > x.example:80 90",
		"a/app > x.example:443 50;a/app > x.example:8443 50;a/app > x.example:80 90",
		"added service:a/app > endpoint:x.example:8443/tcp;" },
	{ "a new caller is a new dependency", "a/app > x.example:443 50;a/cron > z.example:443 9",
		"a/app > x.example:443 50;a/cron > z.example:443 9;a/cron > x.example:443 9",
		"added service:a/cron > endpoint:x.example:443/tcp;" },
	{ "what was frequent and is missing is gone", "a/app > x.example:443 50;a/app > y.example:443 50",
		"a/app > x.example:443 50", "gone service:a/app > endpoint:y.example:443/tcp;" },
	{ "what was rare and is missing is not seen yet", "a/app > x.example:443 50;a/app > y.example:443 4",
		"a/app > x.example:443 50", "not-seen-yet service:a/app > endpoint:y.example:443/tcp;" },
	{ "five expected and none seen is gone", "a/app > x.example:443 50;a/app > y.example:443 5",
		"a/app > x.example:443 50", "gone service:a/app > endpoint:y.example:443/tcp;" },
	{ "a shorter newer window expects less", "a/app > x.example:443 50;a/app > y.example:443 50",
		"window=8;a/app > x.example:443 4",
		"not-seen-yet service:a/app > endpoint:y.example:443/tcp;" },
	{ "a longer newer window expects more", "a/app > x.example:443 50;a/app > y.example:443 2",
		"window=1000;a/app > x.example:443 500", "gone service:a/app > endpoint:y.example:443/tcp;" },
	{ "start-up is one event however many exchanges",
		"a/app > x.example:443 50;a/app > y.example:443 50 start-up", "a/app > x.example:443 50",
		"not-seen-yet service:a/app > endpoint:y.example:443/tcp;" },
	{ "a host that was not watched says nothing", "a/app > x.example:443 50;b/app > x.example:443 50",
		"a/app > x.example:443 50", "not-seen-yet service:b/app > endpoint:x.example:443/tcp;" },
	{ "a host that was watched does", "a/app > x.example:443 50;b/app > x.example:443 50",
		"host=b;a/app > x.example:443 50", "gone service:b/app > endpoint:x.example:443/tcp;" },
	{ "a bare address that the newer side knows by name is no change", "a/app > 192.0.2.9:443 50",
		"a/app > x.example:443 50 at=192.0.2.9", "" },
	{ "a name that the newer side knows by its address only is no change",
		"a/app > x.example:443 50 at=192.0.2.9", "a/app > 192.0.2.9:443 50", "" },
	{ "a bare address that is inside on one side and outside on the other is no change",
		"a/app > 10.0.0.5:443 50", "a/app > 10.0.0.5:443 50 internal", "" },
	{ "a bare address that could be either of two names is none of them", "a/app > 192.0.2.9:443 50",
		"a/app > x.one.example:443 50 at=192.0.2.9;a/app > y.two.example:443 50 at=192.0.2.9",
		"added service:a/app > endpoint:x.one.example:443/tcp;"
		"added service:a/app > endpoint:y.two.example:443/tcp;"
		"gone service:a/app > endpoint:192.0.2.9:443/tcp;"
		"shared-fate-new external endpoints > address:192.0.2.9;" },
	{ "two bare addresses of which one has a name are not all there",
		"a/app > 192.0.2.9:443 50;a/app > 192.0.2.10:443 50", "a/app > x.example:443 50 at=192.0.2.9",
		"gone service:a/app > endpoint:192.0.2.10:443/tcp;" },
	{ "another region of one vendor is moved", "a/app > eu-west.api.vendor.example:443 50",
		"a/app > eu-north.api.vendor.example:443 50",
		"moved service:a/app > endpoint:eu-north.api.vendor.example:443/tcp;" },
	{ "another vendor is no move", "a/app > api.one.example:443 50", "a/app > api.two.example:443 50",
		"added service:a/app > endpoint:api.two.example:443/tcp;"
		"gone service:a/app > endpoint:api.one.example:443/tcp;" },
	{ "another port is no move", "a/app > eu.vendor.example:443 50", "a/app > us.vendor.example:8443 50",
		"added service:a/app > endpoint:us.vendor.example:8443/tcp;"
		"gone service:a/app > endpoint:eu.vendor.example:443/tcp;" },
	{ "two that came for one that went are not paired", "a/app > eu.vendor.example:443 50",
		"a/app > us.vendor.example:443 50;a/app > ap.vendor.example:443 50",
		"added service:a/app > endpoint:ap.vendor.example:443/tcp;"
		"added service:a/app > endpoint:us.vendor.example:443/tcp;"
		"gone service:a/app > endpoint:eu.vendor.example:443/tcp;" },
	{ "what may still be used has not moved", "a/app > eu.vendor.example:443 2",
		"a/app > us.vendor.example:443 50",
		"added service:a/app > endpoint:us.vendor.example:443/tcp;"
		"not-seen-yet service:a/app > endpoint:eu.vendor.example:443/tcp;" },
	{ "two internal services of one domain are two", "a/app > limits.corp.internal:80 50 internal",
		"a/app > scores.corp.internal:80 50 internal",
		"added service:a/app > endpoint:scores.corp.internal:80/tcp;"
		"gone service:a/app > endpoint:limits.corp.internal:80/tcp;" },
	{ "an ephemeral host name is no change", "api-7d9f8c6b5-x2x4q/app > x.example:443 50",
		"api-5c4d7b9f6-k8w2p/app > x.example:443 50", "" },
	{ "an ephemeral target name is no change", "a/app > job-7d9f8c6b5-x2x4q.corp.internal:80 50 internal",
		"a/app > job-5c4d7b9f6-k8w2p.corp.internal:80 50 internal", "" },
	{ "an internal replica number is no change", "a/app > cache-0.corp.internal:6379 50 internal",
		"a/app > cache-1.corp.internal:6379 50 internal;a/app > cache-2.corp.internal:6379 50 "
		"internal",
		"" },
	{ "a number at the end of a vendor's name is a name",
		"a/app > s3-1.vendor.example:443 50;a/app > s3.vendor.example:443 9",
		"a/app > s3-2.vendor.example:443 50;a/app > s3.vendor.example:443 9",
		"moved service:a/app > endpoint:s3-2.vendor.example:443/tcp;" },
	{ "bare addresses are known by port", "a/app > 198.51.100.7:5432 50", "a/app > 198.51.100.99:5432 50",
		"" },
	{ "another provider behind the same name is told", "a/app > x.example:443 50 provider=one.example",
		"a/app > x.example:443 50 provider=two.example",
		"provider service:a/app > endpoint:x.example:443/tcp;" },
	{ "what is tried and does not answer is not gone", "a/app > x.example:443 50",
		"a/app > x.example:443 50 silent", "" },
	{ "what is tried and does not answer is not added", "host=a", "a/app > x.example:443 50 silent", "" },
	{ "a probe is not added", "host=a", "a/app > x.example:443 50 probe", "" },
};

static void differs(void **state)
{
	const struct diff_row *row = *state;
	struct fl_system *old = system_of(row->old), *new = system_of(row->new);
	struct fl_diff *d = fl_diff(old, new, NULL);
	char text[1024] = "";
	size_t used = 0;
	for (size_t i = 0; i < d->count; i++) {
		const struct fl_change *c = &d->list[i];
		assert_non_null(c->why);
		if (c->kind != FL_CHANGE_SPOF_NEW && c->kind != FL_CHANGE_SPOF_LOST)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s > %s;",
				fl_change_name(c->kind), c->from, c->to);
	}
	assert_string_equal(text, row->changes);
	fl_diff_free(d);
	fl_system_free(old);
	fl_system_free(new);
}

static void silence_has_a_probability(void **state)
{
	struct fl_system *old = system_of("a/app > x.example:443 50;a/app > y.example:443 3");
	struct fl_system *new = system_of("window=200;a/app > x.example:443 50");
	struct fl_diff *d = fl_diff(old, new, NULL);
	(void)state;
	assert_int_equal(d->list[0].kind, FL_CHANGE_GONE);
	assert_true(fabs(d->list[0].expected - 6) < 1e-6);
	assert_true(fabs(d->list[0].p - exp(-6)) < 1e-9);
	assert_int_equal(d->unchanged, 1);
	fl_diff_free(d);
	fl_system_free(old);
	fl_system_free(new);
}

static void a_host_of_one_side_only_is_no_finding(void **state)
{
	struct fl_system *one = system_of("a/app > x.example:443 50");
	struct fl_system *both = system_of("a/app > x.example:443 50;b/app > y.example:443 50");
	struct fl_diff *d = fl_diff(one, both, NULL);
	(void)state;
	assert_int_equal(d->count, 1); /* and no new single point of failure */
	assert_int_equal(d->list[0].kind, FL_CHANGE_ADDED);
	assert_string_equal(d->list[0].why, "host b was not watched in the older scans: it may be older");
	fl_diff_free(d);
	d = fl_diff(both, one, NULL);
	assert_int_equal(d->count, 1);
	assert_int_equal(d->list[0].kind, FL_CHANGE_NOT_SEEN_YET);
	fl_diff_free(d);
	fl_system_free(one);
	fl_system_free(both);
}

/* ---- graph files ---- */

struct graph_diff_row {
	const char *name, *old, *new, *changes;
};

static struct graph_diff_row graph_rows[] = {
	{ "a stated link that is new is added", "service:a 1 endpoint:x:1/tcp",
		"service:a 1 endpoint:x:1/tcp; service:a 1 service:b", "added service:a > service:b;" },
	{ "a stated link that is missing is gone", "service:a 1 service:b; node service:c",
		"node service:a; node service:b; node service:c", "gone service:a > service:b;" },
	{ "addresses and hosts behind things are no dependencies",
		"service:a 1 endpoint:x:1/tcp; endpoint:x:1/tcp 1 address:192.0.2.1; service:a 1 host:h",
		"service:a 1 endpoint:x:1/tcp; endpoint:x:1/tcp 1 address:192.0.2.2; service:a 1 host:i",
		"" },
	{ "a single point of failure that comes is told",
		"entry service:a; service:a 1 service:b service:c; service:b 1 d; service:c 1 e",
		"entry service:a; service:a 1 service:b service:c; service:b 1 d; service:c 1 d",
		"added service:c > d;gone service:c > e;spof-new service:a > d;"
		"shared-fate-new service:a > d;" },
	{ "a single point of failure that goes is told",
		"entry service:a; service:a 1 service:b; service:a 0 service:c",
		"entry service:a; service:a 1 service:b service:c", "spof-lost service:a > service:b;" },
};

static void graphs_differ(void **state)
{
	const struct graph_diff_row *row = *state;
	struct fl_system old = { .graph = graph_of_text(row->old) },
			 new = { .graph = graph_of_text(row->new) };
	struct fl_diff *d = fl_diff(&old, &new, NULL);
	char text[1024] = "";
	size_t used = 0;
	for (size_t i = 0; i < d->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s > %s;",
			fl_change_name(d->list[i].kind), d->list[i].from, d->list[i].to);
	assert_string_equal(text, row->changes);
	fl_diff_free(d);
	fl_graph_free(old.graph);
	fl_graph_free(new.graph);
}

int main(void)
{
	static const struct CMUnitTest plain[] = { cmocka_unit_test(domains),
		cmocka_unit_test(silence_has_a_probability),
		cmocka_unit_test(a_host_of_one_side_only_is_no_finding) };
	struct CMUnitTest
		rows[FL_ARRAY_LEN(diff_rows) + FL_ARRAY_LEN(graph_rows) + FL_ARRAY_LEN(identity_rows)];
	size_t count = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(identity_rows); i++)
		rows[count++] = (struct CMUnitTest){ .name = identity_rows[i].name,
			.test_func = has_identity,
			.initial_state = &identity_rows[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(diff_rows); i++)
		rows[count++] = (struct CMUnitTest){
			.name = diff_rows[i].name, .test_func = differs, .initial_state = &diff_rows[i]
		};
	for (size_t i = 0; i < FL_ARRAY_LEN(graph_rows); i++)
		rows[count++] = (struct CMUnitTest){ .name = graph_rows[i].name,
			.test_func = graphs_differ,
			.initial_state = &graph_rows[i] };
	int failed = cmocka_run_group_tests_name("diff", plain, NULL, NULL);
	return failed + cmocka_run_group_tests_name("diff rows", rows, NULL, NULL);
}
