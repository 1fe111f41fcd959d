/* SPDX-License-Identifier: BSD-2-Clause */
/* test_scan.c - the seam: exact round trips, errors that name the place, sets, time lines */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/json.h"
#include "faultline/scan.h"
#include "faultline/units.h"

#define T0 INT64_C(1795262400000000000) /* 2026-11-21T12:00:00Z */

static char *render(const struct fl_scan *s)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fl_scan_write(out, s);
	fclose(out);
	return text;
}

static char *render_set(const struct fl_scan_set *set)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fl_scan_set_write(out, set);
	fclose(out);
	return text;
}

static int read_text(const char *text, struct fl_scan_set *set, struct fl_error *err)
{
	cJSON *root = NULL;
	int code = fl_json_parse("web.json", text, strlen(text), &root, err);

	if (code == 0)
		code = fl_scan_set_from_json(set, "web.json", root, err);
	cJSON_Delete(root);
	return code;
}

static struct fl_addr address(const char *text)
{
	struct fl_addr a;

	assert_true(fl_addr_parse(text, &a));
	return a;
}

static struct fl_addr *addresses(struct fl_arena *a, const char *first, const char *second)
{
	struct fl_addr *list = fl_arena_array(a, 2, sizeof(*list));

	list[0] = address(first);
	list[1] = address(second);
	return list;
}

static const char **strings(struct fl_arena *a, const char *first, const char *second)
{
	const char **list = fl_arena_array(a, 2, sizeof(*list));

	list[0] = first;
	list[1] = second;
	return list;
}

static struct fl_behaviour *some_behaviour(struct fl_arena *a)
{
	struct fl_behaviour *b = fl_arena_alloc(a, sizeof(*b));

	*b = (struct fl_behaviour){ .outcome = { 100, 7, 0, 0, 2, 1, 3 },
		.connect_timeout = { 0, NAN, NAN, NAN, NAN, NAN },
		.response_timeout = { 2, 0.5, 0.5, 0.5005, 0.501, 0.501 },
		.in_flight_max = 9,
		.in_flight_plateau_s = 1.25,
		.calls_per_inbound = 2.96,
		.nested_share = 1,
		.coupling_p = NAN,
		.surfacing = { 6, 2, 1, 40, 9, 4, 0.75 } };
	b->retries = (struct fl_retries){ .calls = 10, .retried = 9, .recovered = { 0, 4 }, .gave_up = { 1, 0, 5 },
		.other_address = 2, .unexplained = 0.25, .first_ns = T0 + 1, .last_ns = T0 + 2 };
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		b->retries.gap[i] = (struct fl_spread){ 0, NAN, NAN, NAN, NAN, NAN };
	b->retries.gap[1] = (struct fl_spread){ 3, 0.1, 0.1, 0.2, 0.3, 0.3 };
	b->series = (struct fl_series){ .start_ns = T0, .width_ns = FL_NS_PER_S / 8, .count = 3 };
	b->series.bucket = fl_arena_array(a, 3, sizeof(*b->series.bucket));
	b->series.bucket[1] = (struct fl_series_bucket){ 5, 4, 1, 3, 0.25, 0.1 };
	b->intervals = fl_arena_array(a, 2, sizeof(*b->intervals));
	b->intervals[0] = (struct fl_interval){ FL_INTERVAL_STALL, T0, T0 + 7, 8, 0, 5 };
	b->intervals[1] = (struct fl_interval){ FL_INTERVAL_OUTAGE, T0 + 3, T0 + 9, 8, 8, 2 };
	b->interval_count = 2;
	return b;
}

static void fill_service(struct fl_scan *s)
{
	struct fl_scan_service *v = fl_arena_array(s->arena, 2, sizeof(*v));

	v[0] = (struct fl_scan_service){ .host = "web1",
		.name = "nginx",
		.connections = UINT64_MAX,
		.exchanges = (UINT64_C(1) << 53) + 1,
		.failures = 3,
		.clients_dropped = 1,
		.first_seen_ns = T0 + 1,
		.last_seen_ns = T0 + 5 };
	v[0].ports = fl_arena_array(s->arena, 2, sizeof(*v[0].ports));
	v[0].ports[0] = (struct fl_scan_port){ 443, "tcp", NULL };
	v[0].ports[1] = (struct fl_scan_port){ 80, "tcp", "http" };
	v[0].port_count = 2;
	v[0].addresses = addresses(s->arena, "fd00::1", "10.0.0.1");
	v[0].address_count = 2;
	v[0].virtual_hosts = strings(s->arena, "www.example", "a\"<b>\xc3\xa4");
	v[0].virtual_host_count = 2;
	v[0].clients = fl_arena_array(s->arena, 1, sizeof(*v[0].clients));
	v[0].clients[0] = (struct fl_scan_client){ address("192.0.2.7"), 4, 9, true };
	v[0].client_count = 1;
	struct fl_measures *m = fl_measures_of(s->arena, &v[0].measures);
	fl_histogram_add(&m->first_byte, 1500000);
	fl_histogram_add(&m->first_byte, 0);
	fl_timeline_add(&m->timeline, T0, 7);
	fl_timeline_add(&m->timeline, T0 + 500 * FL_NS_PER_S, 1);
	v[0].behaviour = some_behaviour(s->arena);
	v[1] = (struct fl_scan_service){ .host = "web1", .name = "app" };
	s->services = v;
	s->service_count = 2;
}

static void fill_dependency(struct fl_scan *s)
{
	struct fl_scan_dependency *d = fl_arena_array(s->arena, 2, sizeof(*d));

	d[0] = (struct fl_scan_dependency){ .host = "web1",
		.service = "nginx",
		.attribution = FL_ATTRIBUTION_INFERRED,
		.name = "api.vendor.example",
		.name_source = FL_NAME_TLS_SNI,
		.port = 443,
		.transport = "tcp",
		.provider = "vendor.example",
		.scope = FL_SCOPE_EXTERNAL,
		.application = "tls",
		.class = FL_CLASS_BACKGROUND,
		.answered = true,
		.failover_seen = true,
		.coupling = 1.0 / 3,
		.fan_out = 0.1 + 0.2,
		.period_s = NAN,
		.connections = { 1, 2, 3, 4, 5, 6, 7, 0 },
		.exchanges = 8,
		.exchanges_lower_bound = true,
		.failures = 9,
		.bytes_out = 10,
		.bytes_in = 11,
		.first_seen_ns = T0,
		.last_seen_ns = T0 + 123456789 };
	d[0].addresses = addresses(s->arena, "198.51.100.9", "198.51.100.1");
	d[0].address_count = 2;
	d[0].failed_addresses = addresses(s->arena, "198.51.100.9", "198.51.100.9");
	d[0].failed_address_count = 2;
	d[0].cname_chain = strings(s->arena, "z.vendor.example", "a.cdn.example");
	d[0].cname_count = 2;
	d[0].hosts_asked = strings(s->arena, "z", "a");
	d[0].host_asked_count = 2;
	fl_histogram_add(&fl_measures_of(s->arena, &d[0].measures)->connect, 250000);
	d[1] = (struct fl_scan_dependency){ .host = "web1",
		.service = "app",
		.attribution = FL_ATTRIBUTION_HOST,
		.name_source = FL_NAME_NONE,
		.transport = "udp",
		.scope = FL_SCOPE_LOCAL,
		.class = FL_CLASS_PROBE,
		.coupling = NAN,
		.fan_out = NAN,
		.period_s = 30 };
	d[1].addresses = addresses(s->arena, "::1", "::1");
	d[1].address_count = 1;
	d[0].behaviour = some_behaviour(s->arena);
	s->dependencies = d;
	s->dependency_count = 2;
}

static void fill_rest(struct fl_scan *s)
{
	s->coverage.packets = 12;
	s->coverage.name_answers = 13;
	s->coverage.host_detection = "cooked";
	s->coverage.unseen_dependencies = 0.7;
	s->coverage.limits = fl_arena_array(s->arena, 1, sizeof(*s->coverage.limits));
	s->coverage.limits[0] = (struct fl_scan_limit){ "flow table", 65536, 5, "flows evicted" };
	s->coverage.limit_count = 1;
	s->coverage.blind_spots = fl_arena_array(s->arena, 1, sizeof(*s->coverage.blind_spots));
	s->coverage.blind_spots[0] = (struct fl_scan_blind_spot){ "ech", 2, "2 names are hidden." };
	s->coverage.blind_spot_count = 1;
	s->names = fl_arena_array(s->arena, 1, sizeof(*s->names));
	s->names[0] = (struct fl_scan_name){ .client = address("10.0.0.1"),
		.resolver = address("10.0.0.53"),
		.transport = "udp",
		.name = "api.vendor.example",
		.type = "A",
		.rcode = "NOERROR",
		.cname_chain = strings(s->arena, "z.vendor.example", "a.cdn.example"),
		.cname_count = 2,
		.addresses = addresses(s->arena, "198.51.100.1", "198.51.100.9"),
		.address_count = 2,
		.count = 3,
		.first_seen_ns = T0,
		.last_seen_ns = T0 };
	s->name_count = 1;
}

static struct fl_scan *full_scan(void)
{
	struct fl_scan *s = fl_scan_new();

	s->point = "web1";
	s->source = "live";
	s->start_ns = T0;
	s->end_ns = T0 + 120 * FL_NS_PER_S;
	s->hosts = fl_arena_array(s->arena, 2, sizeof(*s->hosts));
	s->hosts[0] = (struct fl_scan_host){ "web2", NULL, 0 };
	s->hosts[1] = (struct fl_scan_host){ "web1", addresses(s->arena, "fd00::1", "10.0.0.1"), 2 };
	s->host_count = 2;
	fill_service(s);
	fill_dependency(s);
	fill_rest(s);
	fl_scan_sort(s);
	return s;
}

static void round_trip_is_exact(void **state)
{
	struct fl_scan *s = full_scan();
	struct fl_scan_set set = { 0 };
	struct fl_error err;
	char *first = render(s), *second;

	(void)state;
	assert_int_equal(strncmp(first, "{\n  \"schema\": \"faultline.scan/1\"", 31), 0);
	if (read_text(first, &set, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(set.count, 1);
	const struct fl_scan *back = set.list[0];
	assert_true(back->services[1].exchanges == (UINT64_C(1) << 53) + 1);
	assert_true(back->services[1].connections == UINT64_MAX);
	assert_true(back->dependencies[1].fan_out == 0.1 + 0.2);
	assert_true(isnan(back->dependencies[0].coupling));
	assert_int_equal(back->dependencies[1].failed_address_count, 1);
	assert_string_equal(back->dependencies[1].cname_chain[0], "z.vendor.example");
	assert_string_equal(back->dependencies[1].hosts_asked[0], "a");
	assert_memory_equal(back->services[1].measures, s->services[1].measures, sizeof(struct fl_measures));
	second = render(back);
	assert_string_equal(first, second);
	free(first);
	free(second);
	fl_scan_set_fini(&set);
	fl_scan_free(s);
}

static void an_empty_scan_comes_back(void **state)
{
	struct fl_scan *s = fl_scan_new();
	struct fl_scan_set set = { 0 };
	struct fl_error err;
	char *first, *second;

	(void)state;
	s->point = "idle";
	first = render(s);
	assert_int_equal(read_text(first, &set, &err), 0);
	second = render(set.list[0]);
	assert_string_equal(first, second);
	free(first);
	free(second);
	fl_scan_set_fini(&set);
	fl_scan_free(s);
}

/* A set of scans that differ in @points. */
static struct fl_scan_set set_of(const char *points)
{
	struct fl_scan_set set = { 0 };

	for (; *points; points++) {
		struct fl_scan *s = full_scan();
		s->point = fl_arena_string_n(s->arena, points, 1);
		fl_scan_set_add(&set, s);
	}
	return set;
}

static void union_ignores_order_and_repetition(void **state)
{
	struct fl_scan_set a = set_of("cabca"), b = set_of("abc");

	(void)state;
	fl_scan_set_normalise(&a);
	fl_scan_set_normalise(&b);
	assert_int_equal(a.count, 3);
	char *x = render_set(&a), *y = render_set(&b);
	assert_string_equal(x, y);
	assert_int_equal(strncmp(x, "{\n  \"schema\": \"faultline.scan-set/1\"", 35), 0);
	struct fl_scan_set back = { 0 };
	struct fl_error err;
	assert_int_equal(read_text(x, &back, &err), 0);
	assert_int_equal(back.count, 3);
	fl_scan_set_add(&back, full_scan());
	fl_scan_set_normalise(&back);
	assert_int_equal(back.count, 4);
	fl_scan_set_fini(&back);
	fl_scan_set_fini(&a);
	fl_scan_set_fini(&b);
	free(x);
	free(y);
}

static void a_set_with_one_bad_scan_adds_none(void **state)
{
	struct fl_scan_set set = set_of("a");
	struct fl_error err;

	(void)state;
	assert_true(
		read_text("{\"schema\":\"faultline.scan-set/1\",\"scans\":[{\"schema\":\"faultline.scan/1\","
			  "\"point\":\"p\",\"window\":{\"start\":\"2026-11-21T12:00:00Z\",\"end\":"
			  "\"2026-11-21T12:00:00Z\"}},{\"schema\":\"faultline.scan/1\",\"point\":1}]}",
			&set, &err) < 0);
	assert_int_equal(set.count, 1);
	assert_non_null(strstr(err.text, "scans[1].point"));
	fl_scan_set_fini(&set);
}

#define HEAD                                                                                                 \
	"{\"schema\":\"faultline.scan/1\",\"point\":\"p\",\"window\":{\"start\":\"2026-11-21T12:00:00Z\","   \
	"\"end\":\"2026-11-21T12:02:00Z\"},\"hosts\":[{\"name\":\"h\",\"addresses\":[\"10.0.0.1\"]}]"
#define DEPENDENCY(members) HEAD ",\"dependencies\":[{\"host\":\"h\",\"service\":\"s\"," members "}]}"
#define SOUND "\"name\":\"n\",\"port\":1,\"transport\":\"tcp\""
#define BEHAVIOUR(members) DEPENDENCY(SOUND ",\"behaviour\":{" members "}")
#define SERIES(width, buckets, more)                                                                         \
	"\"series\":{\"start\":\"2026-11-21T12:00:00Z\",\"width_s\":" width ",\"buckets\":" buckets more "}"
#define SERVICE(members) HEAD ",\"services\":[{\"host\":\"h\",\"name\":\"s\"," members "}]}"

struct row {
	const char *name, *text;
	const char *error; /* part of it; NULL: readable */
};

static const struct row rows[] = {
	{ "the smallest scan is readable", HEAD "}", NULL },
	{ "unknown members are ignored", DEPENDENCY(SOUND ",\"colour\":{\"a\":[1]}"), NULL },
	{ "null stands for absent", DEPENDENCY(SOUND ",\"coupling\":null,\"addresses\":null"), NULL },
	{ "counts may be digits in a string", DEPENDENCY(SOUND ",\"exchanges\":\"18446744073709551615\""),
		NULL },
	{ "an empty behaviour is nothing observed", DEPENDENCY(SOUND ",\"behaviour\":{}"), NULL },
	{ "a behaviour is an object", DEPENDENCY(SOUND ",\"behaviour\":[]"), "dependencies[0].behaviour: not an object" },
	{ "a spread ascends", BEHAVIOUR("\"response_timeout_s\":{\"count\":1,\"min\":1,\"p10\":1,\"p50\":3,\"p90\":2,\"max\":3}"),
		"dependencies[0].behaviour.response_timeout_s.max" },
	{ "a spread with a count has its numbers", BEHAVIOUR("\"connect_timeout_s\":{\"count\":1}"), "connect_timeout_s.max" },
	{ "more are not tried again than failed", BEHAVIOUR("\"retries\":{\"calls\":1,\"retried\":2}"), "retries.retried" },
	{ "attempts are at most sixteen", BEHAVIOUR("\"retries\":{\"gave_up\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1]}"), "gave_up" },
	{ "pauses are at most eight", BEHAVIOUR("\"retries\":{\"gaps_s\":[{},{},{},{},{},{},{},{},{}]}"), "gaps_s" },
	{ "an interval has a kind", BEHAVIOUR("\"intervals\":[{\"start\":null}]"), "intervals[0].kind" },
	{ "of the known ones", BEHAVIOUR("\"intervals\":[{\"kind\":\"nap\"}]"), "intervals[0].kind" },
	{ "and does not end before it begins",
		BEHAVIOUR("\"intervals\":[{\"kind\":\"stall\",\"start\":\"2026-11-21T12:00:01Z\",\"end\":\"2026-11-21T12:00:00Z\"}]"),
		"intervals[0].end" },
	{ "intervals stand in order",
		BEHAVIOUR("\"intervals\":[{\"kind\":\"stall\",\"start\":\"2026-11-21T12:00:01Z\",\"end\":\"2026-11-21T12:00:01Z\"},"
			  "{\"kind\":\"stall\"}]"),
		"intervals: not in the order" },
	{ "a series has a width", BEHAVIOUR("\"series\":{\"start\":\"2026-11-21T12:00:00Z\",\"buckets\":1}"), "series.width_s" },
	{ "of the grid", BEHAVIOUR(SERIES("0.3", "1", "")), "series.width_s" },
	{ "and at most 128 buckets", BEHAVIOUR(SERIES("0.125", "129", "")), "series.buckets" },
	{ "that hold what it says", BEHAVIOUR(SERIES("0.125", "1", ",\"started\":[1,2]")), "series.started" },
	{ "in whole numbers", BEHAVIOUR(SERIES("0.125", "2", ",\"failed\":[1.5]")), "series.failed" },
	{ "of 32 bits", BEHAVIOUR(SERIES("0.125", "2", ",\"failed\":[4294967296]")), "series.failed" },
	{ "and no time below nothing", BEHAVIOUR(SERIES("0.125", "2", ",\"answer_s\":[-1]")), "series.answer_s" },
	{ "a share is at most one", BEHAVIOUR("\"nested_share\":1.5"), "nested_share" },
	{ "of the failed calls", BEHAVIOUR("\"surfacing\":{\"failed_calls\":1,\"surfaced_calls\":2}"), "surfaced_calls" },
	{ "at most all can be late", BEHAVIOUR("\"surfacing\":{\"failed_calls\":1,\"late_calls\":2}"), "late_calls" },
	{ "nor fail more than there are", BEHAVIOUR("\"surfacing\":{\"others\":1,\"other_failures\":2}"), "others" },
	{ "an unknown major is refused", "{\"schema\":\"faultline.scan/2\"}", "faultline.scan/2" },
	{ "another kind is refused", "{\"schema\":\"faultline.graph/1\"}", "faultline.graph" },
	{ "no schema is refused", "{}", "schema" },
	{ "a list is refused", "[]", "web.json" },
	{ "a missing point is named", "{\"schema\":\"faultline.scan/1\"}", "web.json: point: missing" },
	{ "a window that runs backwards is named",
		"{\"schema\":\"faultline.scan/"
		"1\",\"point\":\"p\",\"window\":{\"start\":\"2026-11-21T12:00:01Z\","
		"\"end\":\"2026-11-21T12:00:00Z\"}}",
		"window.end: before start" },
	{ "a port above 65535 is named", DEPENDENCY("\"name\":\"n\",\"port\":65536,\"transport\":\"tcp\""),
		"web.json: dependencies[0].port: not a port number 0..65535; was the file edited by hand?" },
	{ "a port with a fraction is named", DEPENDENCY("\"name\":\"n\",\"port\":1.5,\"transport\":\"tcp\""),
		"dependencies[0].port" },
	{ "a negative port is named", DEPENDENCY("\"name\":\"n\",\"port\":-1,\"transport\":\"tcp\""),
		"dependencies[0].port" },
	{ "a port as text is named", DEPENDENCY("\"name\":\"n\",\"port\":\"80\",\"transport\":\"tcp\""),
		"dependencies[0].port" },
	{ "an unknown transport is named", DEPENDENCY("\"name\":\"n\",\"port\":1,\"transport\":\"sctp\""),
		"dependencies[0].transport" },
	{ "a far end without name and address is named", DEPENDENCY("\"port\":1,\"transport\":\"tcp\""),
		"dependencies[0].addresses" },
	{ "a broken address is named", DEPENDENCY(SOUND ",\"addresses\":[\"10.0.0.1\",\"10.0.0.256\"]"),
		"dependencies[0].addresses[1]: not an IP address" },
	{ "addresses that are no list are named", DEPENDENCY(SOUND ",\"addresses\":\"10.0.0.1\""),
		"dependencies[0].addresses: not a list" },
	{ "coupling above one is named", DEPENDENCY(SOUND ",\"coupling\":1.01"),
		"dependencies[0].coupling: not a number 0..1" },
	{ "negative fan-out is named", DEPENDENCY(SOUND ",\"fan_out\":-1"), "dependencies[0].fan_out" },
	{ "infinite fan-out is named", DEPENDENCY(SOUND ",\"fan_out\":1e999"), "fan_out" },
	{ "an unknown class is named", DEPENDENCY(SOUND ",\"class\":\"often\""), "dependencies[0].class" },
	{ "a class that is a number is named", DEPENDENCY(SOUND ",\"class\":1"), "dependencies[0].class" },
	{ "an unknown name source is named", DEPENDENCY(SOUND ",\"name_source\":\"guess\""), "name_source" },
	{ "a negative count is named", DEPENDENCY(SOUND ",\"exchanges\":-1"), "dependencies[0].exchanges" },
	{ "a count with a fraction is named", DEPENDENCY(SOUND ",\"exchanges\":0.5"),
		"dependencies[0].exchanges" },
	{ "a count above 2^64 is named", DEPENDENCY(SOUND ",\"exchanges\":\"18446744073709551616\""),
		"dependencies[0].exchanges" },
	{ "a nested count is named", DEPENDENCY(SOUND ",\"connections\":{\"tried\":\"x\"}"),
		"dependencies[0].connections.tried" },
	{ "connections that are no object are named", DEPENDENCY(SOUND ",\"connections\":[]"),
		"dependencies[0].connections: not an object" },
	{ "answered must be true or false", DEPENDENCY(SOUND ",\"answered\":1"), "dependencies[0].answered" },
	{ "a time without zone is named", DEPENDENCY(SOUND ",\"first_seen\":\"2026-11-21\""),
		"dependencies[0].first_seen" },
	{ "seen last before first is named",
		DEPENDENCY(SOUND ",\"first_seen\":\"2026-11-21T12:01:00Z\","
				 "\"last_seen\":\"2026-11-21T12:00:00Z\""),
		"dependencies[0].last_seen" },
	{ "a host that is not listed is named", HEAD ",\"services\":[{\"host\":\"x\",\"name\":\"s\"}]}",
		"services[0].host: no host of that name in hosts" },
	{ "a nameless service is named", HEAD ",\"services\":[{\"host\":\"h\"}]}",
		"services[0].name: missing" },
	{ "a service that is no object is named", HEAD ",\"services\":[7]}", "services[0]: not an object" },
	{ "services that are no list are named", HEAD ",\"services\":{}}", "services: not a list" },
	{ "a port of a service is named", SERVICE("\"ports\":[{\"port\":70000,\"transport\":\"tcp\"}]"),
		"services[0].ports[0].port" },
	{ "a client without address is named", SERVICE("\"clients\":[{}]"),
		"services[0].clients[0].address" },
	{ "a bucket beyond the histogram is named",
		SERVICE("\"service_time_s\":{\"count\":1,\"buckets\":[[258,1]]}"),
		"services[0].service_time_s.buckets" },
	{ "buckets out of order are named",
		SERVICE("\"service_time_s\":{\"count\":2,\"buckets\":[[5,1],[4,1]]}"),
		"service_time_s.buckets" },
	{ "a bucket that is no pair is named", SERVICE("\"service_time_s\":{\"count\":1,\"buckets\":[[5]]}"),
		"service_time_s.buckets" },
	{ "a count that does not add up is named",
		SERVICE("\"service_time_s\":{\"count\":3,\"buckets\":[[5,1]]}"), "service_time_s.count" },
	{ "a width that is no power of two is named",
		SERVICE("\"timeline\":{\"start\":\"2026-11-21T12:00:00Z\",\"width_s\":3,\"buckets\":[1]}"),
		"services[0].timeline.width_s" },
	{ "a start off the grid is named",
		SERVICE("\"timeline\":{\"start\":\"2026-11-21T12:00:01Z\",\"width_s\":2,\"buckets\":[1]}"),
		"services[0].timeline.start" },
	{ "buckets without start are named", SERVICE("\"timeline\":{\"buckets\":[1]}"),
		"services[0].timeline.start" },
	{ "a resolver that is no address is named",
		HEAD ",\"names\":[{\"client\":\"10.0.0.1\",\"resolver\":\"dns\",\"transport\":\"udp\","
		     "\"name\":\"n\"}]}",
		"names[0].resolver" },
	{ "a limit without name is named", HEAD ",\"coverage\":{\"limits\":[{}]}}",
		"coverage.limits[0].name" },
	{ "a scan in a set that is no object is named", "{\"schema\":\"faultline.scan-set/1\",\"scans\":[3]}",
		"scans[0]: not an object" },
	{ "a set without scans is named", "{\"schema\":\"faultline.scan-set/1\"}", "scans: missing" },
};

static void read_row(void **state)
{
	const struct row *row = *state;
	struct fl_scan_set set = { 0 };
	struct fl_error err = { "" };
	int code = read_text(row->text, &set, &err);

	if (row->error) {
		assert_true(code < 0);
		assert_int_equal(set.count, 0);
		if (!strstr(err.text, row->error))
			fail_msg("\"%s\" is not in \"%s\"", row->error, err.text);
	} else {
		if (code != 0)
			fail_msg("%s", err.text);
		assert_int_equal(set.count, 1);
	}
	fl_scan_set_fini(&set);
}

static uint64_t sum(const struct fl_timeline *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < FL_TIMELINE_BUCKETS; i++)
		n += t->bucket[i];
	return n;
}

/* Texts that part late, or where the other ends, and none at all: as by comparing them whole, from any order. */
static void records_are_in_one_order_however_they_came(void **state)
{
	static const char *const texts[] = {
		"", "a", "a.example.net", "a.example.net.b", "a.long.name.of.a.host.example", "a.long.name.of.a.host.example.net",
		"a.long.name.of.a.host.exampld", "\xc3\xa4.example", "host-1", "host-10", "host-2", "long.nam", "long.name", "long.name.b",
	};
	enum { TEXTS = FL_ARRAY_LEN(texts), RECORDS = (TEXTS + 1) * TEXTS };

	(void)state;
	for (size_t step = 1; step < RECORDS; step += 2) {
		struct fl_scan *s = fl_scan_new();
		size_t n = 0;
		s->dependencies = fl_arena_array(s->arena, RECORDS, sizeof(*s->dependencies));
		for (size_t at = 0; at < RECORDS * step; at += step, n++)
			s->dependencies[n] = (struct fl_scan_dependency){
				.host = texts[at % RECORDS % TEXTS], .service = "host", .transport = "tcp",
				.name = at % RECORDS / TEXTS ? texts[at % RECORDS / TEXTS - 1] : NULL, .port = (uint16_t)(n % 3),
			};
		s->dependency_count = n;
		fl_scan_sort(s);
		for (size_t i = 1; i < n; i++) {
			const struct fl_scan_dependency *a = &s->dependencies[i - 1], *b = &s->dependencies[i];
			int order = strcmp(a->host, b->host);
			order = order ? order : !a->name || !b->name ? (a->name != NULL) - (b->name != NULL) : strcmp(a->name, b->name);
			assert_true(order < 0 || (order == 0 && a->port <= b->port));
		}
		fl_scan_free(s);
	}
}

static void timeline_order_does_not_matter(void **state)
{
	static const int64_t at_s[] = { 5, 100000, 3, -7, 130, 99999999, 42, 5 };
	struct fl_timeline up = { 0 }, down = { 0 }, left = { 0 }, right = { 0 }, other = { 0 };
	size_t n = FL_ARRAY_LEN(at_s);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		fl_timeline_add(&up, T0 + at_s[i] * FL_NS_PER_S, 1);
		fl_timeline_add(&down, T0 + at_s[n - 1 - i] * FL_NS_PER_S, 1);
		fl_timeline_add(i < 4 ? &left : &right, T0 + at_s[i] * FL_NS_PER_S, 1);
	}
	assert_memory_equal(&up, &down, sizeof(up));
	assert_int_equal(sum(&up), n);
	fl_timeline_merge(&other, &right);
	fl_timeline_merge(&other, &left);
	fl_timeline_merge(&left, &right);
	assert_memory_equal(&left, &up, sizeof(up));
	assert_memory_equal(&other, &up, sizeof(up));
	assert_true(up.start_ns % up.width_ns == 0);
	assert_true(up.bucket[0] > 0);
}

static void timeline_survives_any_time(void **state)
{
	struct fl_timeline t = { 0 };

	(void)state;
	fl_timeline_add(&t, INT64_MIN, 1);
	fl_timeline_add(&t, INT64_MAX, UINT32_MAX);
	fl_timeline_add(&t, INT64_MAX, 5);
	fl_timeline_add(&t, 0, 0);
	assert_true(sum(&t) == (uint64_t)UINT32_MAX + 1);
}

static void words_are_those_of_the_design(void **state)
{
	(void)state;
	assert_string_equal(fl_class_name(FL_CLASS_NAME_RESOLUTION), "name-resolution");
	assert_string_equal(fl_class_name(FL_CLASS_START_UP), "start-up");
	assert_string_equal(fl_name_source_name(FL_NAME_DNS_LATER), "dns-later");
	assert_null(fl_name_source_name(FL_NAME_NONE));
	assert_int_equal(fl_scope_parse("external"), FL_SCOPE_EXTERNAL);
	assert_int_equal(fl_attribution_parse("host"), FL_ATTRIBUTION_HOST);
	assert_int_equal(fl_name_source_parse("hosts-file"), FL_NAME_HOSTS_FILE);
	assert_int_equal(fl_class_parse("On-Request"), -1);
	for (int i = FL_CLASS_ON_REQUEST; i <= FL_CLASS_PROBE; i++)
		assert_int_equal(fl_class_parse(fl_class_name((enum fl_class)i)), i);
}

/* Names stand where tables are counted, and their meaning apart: none may be without. */
static void every_limit_has_a_meaning(void **state)
{
	static const char begin[] = "add_limit(m, \"";
	static char source[1 << 20];
	const char *unknown = fl_scan_limit_means("no such limit");
	size_t count = 0;
	FILE *f = fopen(FL_SOURCE_ROOT "/capture/summary_coverage.c", "r");

	(void)state;
	assert_non_null(f);
	source[fread(source, 1, sizeof(source) - 1, f)] = '\0';
	fclose(f);
	for (char *at = source; (at = strstr(at, begin)) != NULL; count++) {
		at += strlen(begin);
		char *end = strchr(at, '"');
		assert_non_null(end);
		*end = '\0';
		if (strcmp(fl_scan_limit_means(at), unknown) == 0)
			fail_msg("scan_limits.c does not say what the limit '%s' means", at);
		at = end + 1;
	}
	assert_true(count >= 20);
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		{ "every limit has a meaning", every_limit_has_a_meaning, NULL, NULL, NULL },
		{ "a full scan is the same bytes after reading", round_trip_is_exact, NULL, NULL, NULL },
		{ "an empty scan comes back", an_empty_scan_comes_back, NULL, NULL, NULL },
		{ "union ignores order and repetition", union_ignores_order_and_repetition, NULL, NULL,
			NULL },
		{ "records are in one order however they came", records_are_in_one_order_however_they_came, NULL, NULL, NULL },
		{ "a set with one bad scan adds none", a_set_with_one_bad_scan_adds_none, NULL, NULL, NULL },
		{ "a time line does not know its order", timeline_order_does_not_matter, NULL, NULL, NULL },
		{ "a time line survives any time", timeline_survives_any_time, NULL, NULL, NULL },
		{ "words are those of the design", words_are_those_of_the_design, NULL, NULL, NULL },
	};
	enum { PLAIN = FL_ARRAY_LEN(plain), ROWS = FL_ARRAY_LEN(rows) };
	struct CMUnitTest tests[PLAIN + ROWS];

	memcpy(tests, plain, sizeof(plain));
	for (size_t i = 0; i < ROWS; i++)
		tests[PLAIN + i] = (struct CMUnitTest){ .name = rows[i].name,
			.test_func = read_row,
			.initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
