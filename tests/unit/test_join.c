/* SPDX-License-Identifier: BSD-2-Clause */
/* test_join.c - scans in, failure graph out: each row is one rule of how scans join */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/json.h"
#include "faultline/system.h"

/* Scans are written as they would be by hand; everything left out takes its documented default. */
#define SCAN(host, addresses, rest)                                                                          \
	"{\"schema\":\"faultline.scan/1\",\"point\":\"" host                                                 \
	"\",\"window\":{\"start\":\"2026-11-21T12:00:00Z\","                                                 \
	"\"end\":\"2026-11-21T12:02:00Z\"},\"hosts\":[{\"name\":\"" host "\",\"addresses\":[" addresses      \
	"]}]," rest "}"
#define SERVICES(list) "\"services\":[" list "]"
#define DEPENDENCIES(list) "\"dependencies\":[" list "]"
#define SERVICE(host, name, port, more)                                                                      \
	"{\"host\":\"" host "\",\"name\":\"" name "\",\"ports\":[{\"port\":" port                            \
	",\"transport\":\"tcp\"}]" more "}"
#define USES(host, service, far, more)                                                                       \
	"{\"host\":\"" host "\",\"service\":\"" service "\",\"transport\":\"tcp\"," far more "}"
#define CALLS(n) ",\"exchanges\":" n
#define CLIENT(address, n) "{\"address\":\"" address "\",\"connections\":1,\"exchanges\":" n "}"

static void add_scan(struct fl_scan_set *set, const char *text)
{
	cJSON *root = NULL;
	struct fl_error err = { "" };

	if (fl_json_parse("row", text, strlen(text), &root, &err) != 0 ||
		fl_scan_set_from_json(set, "row", root, &err) != 0)
		fail_msg("%s", err.text);
	cJSON_Delete(root);
}

enum { SCANS_MAX = 6 };

static struct fl_system *join(const char *const *scans)
{
	struct fl_scan_set set = { 0 };

	for (size_t i = 0; i < SCANS_MAX && scans[i]; i++)
		add_scan(&set, scans[i]);
	return fl_system_join(&set);
}

/* One line a group: "service:a/x -> 1 of endpoint:y:1/tcp [0.5]" with the redundancy's letter. */
static void print_groups(FILE *out, const struct fl_graph *g)
{
	for (fl_group_id i = 0; i < fl_graph_group_count(g); i++) {
		const struct fl_group *group = fl_graph_group(g, i);
		fprintf(out, "%s -> %u of", fl_graph_node(g, group->of)->id, group->needs);
		for (uint32_t k = 0; k < group->member_count; k++)
			fprintf(out, " %s", fl_graph_node(g, group->members[k])->id);
		if (group->coupling < 1)
			fprintf(out, " x%g", group->coupling);
		if (group->needs > 0 && group->redundancy == FL_REDUNDANCY_ASSUMED)
			fputs(" assumed", out);
		if (group->redundancy == FL_REDUNDANCY_CONFIRMED)
			fputs(" confirmed", out);
		fputc('\n', out);
	}
	uint32_t count;
	const struct fl_entry_point *entries = fl_graph_entry_points(g, &count);
	for (uint32_t i = 0; i < count; i++)
		fprintf(out, "entry %s %.3g\n", fl_graph_node(g, entries[i].node)->id, entries[i].weight);
}

static char *groups_of(const struct fl_system *s)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print_groups(out, s->graph);
	fclose(out);
	return text;
}

struct row {
	const char *name;
	const char *scans[SCANS_MAX];
	const char *groups;
};

#define WEB_HOST "service:web/app -> 1 of host:web\n"
#define DB_SCAN SCAN("db", "\"10.0.0.9\"", SERVICES(SERVICE("db", "postgres", "5432", "")))
#define TO_DB "\"name\":\"db.int\",\"addresses\":[\"10.0.0.9\"],\"port\":5432"

#define PROBED ",\"clients\":[{\"address\":\"192.0.2.9\",\"connections\":5,\"probe\":true}]"

static const struct row rows[] = {
	{ "an endpoint leads to the service that owns address and port",
		{ SCAN("web", "\"10.0.0.1\"", DEPENDENCIES(USES("web", "app", TO_DB, ",\"coupling\":0.5"))),
			DB_SCAN },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp x0.5\n" WEB_HOST
		"entry service:web/app 1\n" },
	{ "where the host was scanned and the port is unknown there it leads to the host",
		{ SCAN("web", "\"10.0.0.1\"",
			  DEPENDENCIES(USES("web", "app",
				  "\"name\":\"db.int\",\"addresses\":[\"10.0.0.9\"],\"port\":6379", ""))),
			DB_SCAN },
		"endpoint:db.int:6379/tcp -> 1 of host:db\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:6379/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "several addresses are one group of which one is needed, and address leads to provider",
		{ SCAN("web", "\"10.0.0.1\"",
			DEPENDENCIES(USES("web", "app",
				"\"name\":\"api.v.example\",\"addresses\":[\"192.0.2.2\",\"192.0.2.1\"],"
				"\"port\":443",
				",\"provider\":\"v.example\""))) },
		"address:192.0.2.1 -> 1 of provider:v.example\n"
		"address:192.0.2.2 -> 1 of provider:v.example\n"
		"endpoint:api.v.example:443/tcp -> 1 of address:192.0.2.1 address:192.0.2.2 assumed\n"
		"service:web/app -> 1 of endpoint:api.v.example:443/tcp\n" WEB_HOST
		"entry service:web/app 1\n" },
	{ "fail-over that was seen confirms the group, in whichever scan",
		{ SCAN("web", "\"10.0.0.1\"",
			  DEPENDENCIES(USES("web", "app",
				  "\"name\":\"api\",\"addresses\":[\"192.0.2.2\",\"192.0.2.1\"],\"port\":443",
				  ""))),
			SCAN("web2", "\"10.0.0.2\"",
				DEPENDENCIES(USES("web2", "app",
					"\"name\":\"api\",\"addresses\":[\"192.0.2.2\"],\"port\":443",
					",\"failover_seen\":true"))) },
		"endpoint:api:443/tcp -> 1 of address:192.0.2.1 address:192.0.2.2 confirmed\n"
		"service:web/app -> 1 of endpoint:api:443/tcp\n" WEB_HOST
		"service:web2/app -> 1 of endpoint:api:443/tcp\n"
		"service:web2/app -> 1 of host:web2\n"
		"entry service:web/app 0.5\nentry service:web2/app 0.5\n" },
	{ "an address that never answered is no redundancy",
		{ SCAN("web", "\"10.0.0.1\"",
			DEPENDENCIES(USES("web", "app",
				"\"name\":\"api\",\"addresses\":[\"192.0.2.2\",\"192.0.2.1\"],\"port\":443",
				",\"failed_addresses\":[\"192.0.2.1\"],\"failover_seen\":true"))) },
		"endpoint:api:443/tcp -> 1 of address:192.0.2.2\n"
		"service:web/app -> 1 of endpoint:api:443/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "an address that failed is a member where a scanned service answers there",
		{ SCAN("web", "\"10.0.0.1\"",
			  DEPENDENCIES(USES("web", "app",
				  "\"name\":\"db.int\",\"addresses\":[\"10.0.0.8\",\"10.0.0.9\"],\"port\":"
				  "5432",
				  ",\"failed_addresses\":[\"10.0.0.9\"],\"failover_seen\":true"))),
			DB_SCAN },
		"endpoint:db.int:5432/tcp -> 1 of address:10.0.0.8 service:db/postgres confirmed\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "two addresses of one service are one member and no redundancy",
		{ SCAN("web", "\"10.0.0.1\"",
			  DEPENDENCIES(USES("web", "app",
				  "\"name\":\"db.int\",\"addresses\":[\"10.0.0.9\",\"fd00::9\"],\"port\":"
				  "5432",
				  ""))),
			SCAN("db", "\"10.0.0.9\",\"fd00::9\"",
				SERVICES(SERVICE("db", "postgres", "5432", ""))) },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "background, start-up and rare uses break nothing, probes and silent ends are no part",
		{ SCAN("web", "\"10.0.0.1\"",
			DEPENDENCIES(USES("web", "app", "\"name\":\"b\",\"port\":1",
				",\"class\":\"background\",\"coupling\":0") "," USES("web", "app",
				"\"name\":\"p\",\"port\":1", ",\"class\":\"probe\"") "," USES("web", "app",
				"\"name\":\"r\",\"port\":1", ",\"class\":\"rare\"") "," USES("web", "app",
				"\"name\":\"s\",\"port\":1", ",\"class\":\"start-up\"") "," USES("web", "app",
				"\"name\":\"silent\",\"port\":1", ",\"answered\":false"))) },
		"service:web/app -> 0 of endpoint:b:1/tcp x0\n"
		"service:web/app -> 0 of endpoint:r:1/tcp\n"
		"service:web/app -> 0 of endpoint:s:1/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "an endpoint that answered in another scan joins the graph",
		{ SCAN("web", "\"10.0.0.1\"",
			  DEPENDENCIES(
				  USES("web", "app", "\"name\":\"x\",\"port\":1", ",\"answered\":false"))),
			SCAN("web", "\"10.0.0.1\"",
				DEPENDENCIES(USES("web", "app", "\"name\":\"x\",\"port\":1", ""))) },
		"service:web/app -> 1 of endpoint:x:1/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "resolvers of one service are one group, one of them a scanned service",
		{ SCAN("web", "\"10.0.0.1\"",
			  DEPENDENCIES(
				  "{\"host\":\"web\",\"service\":\"app\",\"transport\":\"udp\",\"port\":53,"
				  "\"addresses\":[\"10.0.0.53\"],\"class\":\"name-resolution\"},"
				  "{\"host\":\"web\",\"service\":\"app\",\"transport\":\"tcp\",\"port\":53,"
				  "\"addresses\":[\"10.0.0.53\"],\"class\":\"name-resolution\"},"
				  "{\"host\":\"web\",\"service\":\"app\",\"transport\":\"udp\",\"port\":53,"
				  "\"addresses\":[\"192.0.2.53\"],\"class\":\"name-resolution\",\"failover_"
				  "seen\":true}")),
			SCAN("ns", "\"10.0.0.53\"",
				SERVICES("{\"host\":\"ns\",\"name\":\"unbound\",\"ports\":[{\"port\":53,"
					 "\"transport\":\"udp\"}]}")) },
		"resolver:10.0.0.53 -> 1 of service:ns/unbound\n"
		"resolver:192.0.2.53 -> 1 of address:192.0.2.53\n"
		"service:ns/unbound -> 1 of host:ns\n" WEB_HOST
		"service:web/app -> 1 of resolver:10.0.0.53 resolver:192.0.2.53 confirmed\n"
		"entry service:web/app 1\n" },
	{ "an address of several providers leaves the provider to the endpoint",
		{ SCAN("web", "\"10.0.0.1\"",
			DEPENDENCIES(USES("web", "app",
				"\"name\":\"a.x.example\",\"addresses\":[\"192.0.2.1\"],\"port\":443",
				",\"provider\":\"x.example\"") "," USES("web", "app",
				"\"name\":\"a.y.example\",\"addresses\":[\"192.0.2.1\"],\"port\":443",
				",\"provider\":\"y.example\""))) },
		"endpoint:a.x.example:443/tcp -> 1 of address:192.0.2.1\n"
		"endpoint:a.x.example:443/tcp -> 1 of provider:x.example\n"
		"endpoint:a.y.example:443/tcp -> 1 of address:192.0.2.1\n"
		"endpoint:a.y.example:443/tcp -> 1 of provider:y.example\n"
		"service:web/app -> 1 of endpoint:a.x.example:443/tcp\n"
		"service:web/app -> 1 of endpoint:a.y.example:443/tcp\n" WEB_HOST
		"entry service:web/app 1\n" },
	{ "a bare IPv6 address stands in brackets",
		{ SCAN("web", "\"10.0.0.1\"",
			DEPENDENCIES(
				USES("web", "app", "\"addresses\":[\"2001:db8::1\"],\"port\":80", ""))) },
		"endpoint:[2001:db8::1]:80/tcp -> 1 of address:2001:db8::1\n"
		"service:web/app -> 1 of endpoint:[2001:db8::1]:80/tcp\n" WEB_HOST
		"entry service:web/app 1\n" },
	{ "loopback is another thing on every host",
		{ SCAN("a", "\"10.0.0.1\"",
			  SERVICES(SERVICE("a", "redis", "6379", "")) "," DEPENDENCIES(
				  USES("a", "app", "\"addresses\":[\"127.0.0.1\"],\"port\":6379", ""))),
			SCAN("b", "\"10.0.0.2\"",
				DEPENDENCIES(USES(
					"b", "app", "\"addresses\":[\"127.0.0.1\"],\"port\":6379", ""))) },
		"endpoint:127.0.0.1:6379/tcp@a -> 1 of service:a/redis\n"
		"endpoint:127.0.0.1:6379/tcp@b -> 1 of host:b\n"
		"service:a/app -> 1 of endpoint:127.0.0.1:6379/tcp@a\n"
		"service:a/app -> 1 of host:a\n"
		"service:a/redis -> 1 of host:a\n"
		"service:b/app -> 1 of endpoint:127.0.0.1:6379/tcp@b\n"
		"service:b/app -> 1 of host:b\n"
		"entry service:a/app 0.5\nentry service:b/app 0.5\n" },
	{ "an entry point is who outside clients use, weighted by their exchanges",
		{ SCAN("web", "\"10.0.0.1\"",
			  SERVICES(SERVICE("web", "app", "80",
				  CALLS("90") ",\"clients\":[" CLIENT("192.0.2.7", "30") "," CLIENT(
					  "10.0.0.9", "60") "]") "," SERVICE("web", "health", "81",
				  CALLS("5") ",\"clients\":[{\"address\":\"192.0.2.7\",\"exchanges\":5,"
					     "\"connections\":5,\"probe\":true}]") "," SERVICE("web", "ssh",
				  "22", ",\"clients\":[{\"address\":\"192.0.2.8\",\"connections\":10}]"))),
			DB_SCAN },
		"service:db/postgres -> 1 of host:db\n" WEB_HOST "service:web/ssh -> 1 of host:web\n"
		"entry service:web/app 0.75\nentry service:web/ssh 0.25\n" },
	{ "without outside clients who is not called is an entry point",
		{ SCAN("web", "\"10.0.0.1\"", DEPENDENCIES(USES("web", "app", TO_DB, ""))),
			SCAN("db", "\"10.0.0.9\"",
				SERVICES(SERVICE("db", "postgres", "5432",
					",\"clients\":[" CLIENT(
						"10.0.0.1", "9") "]")) "," DEPENDENCIES(USES("db", "postgres",
					"\"name\":\"disk\",\"port\":1", ""))) },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres\n"
		"service:db/postgres -> 1 of endpoint:disk:1/tcp\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "a service that only probes talked to and that uses nothing is no part",
		{ SCAN("web", "\"10.0.0.1\"",
			SERVICES(SERVICE("web", "exporter", "9100", PROBED) "," SERVICE("web", "app", "80", PROBED)
			) "," DEPENDENCIES(USES("web", "app", TO_DB, ""))), DB_SCAN },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST
		"entry service:web/app 1\n" },
	{ "a probed service that somebody depends on is a part",
		{ SCAN("web", "\"10.0.0.1\"", DEPENDENCIES(USES("web", "app", TO_DB, ""))),
			SCAN("db", "\"10.0.0.9\"", SERVICES(SERVICE("db", "postgres", "5432", PROBED))) },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST
		"entry service:web/app 1\n" },
	{ "who is called by hosts without known services alone is an entry point, not they",
		{ SCAN("pc", "\"10.0.0.1\"", DEPENDENCIES(USES("pc", "host", TO_DB, ""))), DB_SCAN },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:pc/host -> 1 of endpoint:db.int:5432/tcp\n"
		"service:pc/host -> 1 of host:pc\n"
		"entry service:db/postgres 1\n" },
	{ "dependencies of a host without known services belong to its host service",
		{ SCAN("pc", "\"10.0.0.1\"",
			DEPENDENCIES(USES("pc", "host", "\"name\":\"x\",\"port\":1", ""))) },
		"service:pc/host -> 1 of endpoint:x:1/tcp\nservice:pc/host -> 1 of host:pc\n"
		"entry service:pc/host 1\n" },
	{ "of two names for one port the one seen last answers",
		{ SCAN("web", "\"10.0.0.1\"", DEPENDENCIES(USES("web", "app", TO_DB, ""))),
			SCAN("db", "\"10.0.0.9\"",
				SERVICES(SERVICE("db", "port-5432", "5432",
					",\"last_seen\":\"2026-11-21T12:01:00Z\"") "," SERVICE("db",
					"postgres", "5432", ""))) },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres\n"
		"service:db/port-5432 -> 1 of host:db\nservice:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "an address that floats between two hosts leads to both services that answer there",
		{ SCAN("web", "\"10.0.0.1\"", DEPENDENCIES(USES("web", "app", TO_DB, ""))), DB_SCAN,
			SCAN("db2", "\"10.0.0.9\"", SERVICES(SERVICE("db2", "postgres", "5432", ""))) },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres service:db2/postgres assumed\n"
		"service:db/postgres -> 1 of host:db\nservice:db2/postgres -> 1 of host:db2\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "a host that claims an address where another host's service answers is not believed",
		{ SCAN("web", "\"10.0.0.1\"", DEPENDENCIES(USES("web", "app", TO_DB, ""))), DB_SCAN,
			SCAN("odd", "\"10.0.0.9\"", SERVICES("")) },
		"endpoint:db.int:5432/tcp -> 1 of service:db/postgres\n"
		"service:db/postgres -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "a service seen at the address wins over one on the same port elsewhere",
		{ SCAN("web", "\"10.0.0.1\"", DEPENDENCIES(USES("web", "app", TO_DB, ""))),
			SCAN("db", "\"10.0.0.9\",\"10.0.0.10\"",
				SERVICES(SERVICE("db", "one", "5432",
					",\"addresses\":[\"10.0.0.10\"]") "," SERVICE("db", "two", "5432",
					",\"addresses\":[\"10.0.0.9\"],"
					"\"last_seen\":\"2026-11-21T12:01:00Z\""))) },
		"endpoint:db.int:5432/tcp -> 1 of service:db/two\n"
		"service:db/one -> 1 of host:db\nservice:db/two -> 1 of host:db\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "of two owners of an address the one counts whose service was seen to answer there",
		{ SCAN("web", "\"10.0.0.1\"",
			  DEPENDENCIES(USES("web", "app",
				  "\"name\":\"db.int\",\"addresses\":[\"10.0.0.9\"],\"port\":5432", ""))),
			SCAN("db1", "\"10.0.0.7\",\"10.0.0.9\"",
				SERVICES(SERVICE("db1", "pg", "5432", ",\"addresses\":[\"10.0.0.7\"]"))),
			SCAN("db2", "\"10.0.0.8\",\"10.0.0.9\"",
				SERVICES(SERVICE("db2", "pg", "5432", ",\"addresses\":[\"10.0.0.9\"]"))) },
		"endpoint:db.int:5432/tcp -> 1 of service:db2/pg\n"
		"service:db1/pg -> 1 of host:db1\n"
		"service:db2/pg -> 1 of host:db2\n"
		"service:web/app -> 1 of endpoint:db.int:5432/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "a bare address folds into the one name that its service knows the address by",
		{ SCAN("web", "\"10.0.0.1\"",
			DEPENDENCIES(USES("web", "app", "\"addresses\":[\"192.0.2.1\"],\"port\":443",
				",\"coupling\":0.25") "," USES("web", "app",
				"\"name\":\"api\",\"addresses\":[\"192.0.2.1\"],\"port\":443",
				",\"coupling\":0.5"))) },
		"endpoint:api:443/tcp -> 1 of address:192.0.2.1\n"
		"service:web/app -> 1 of endpoint:api:443/tcp x0.75\n" WEB_HOST "entry service:web/app 1\n" },
	{ "a bare address folds into the name that another window of its service has",
		{ SCAN("web", "\"10.0.0.1\"",
			  DEPENDENCIES(USES("web", "app", "\"addresses\":[\"192.0.2.1\"],\"port\":443", ""))),
			SCAN("web", "\"10.0.0.1\"",
				DEPENDENCIES(USES("web", "app",
					"\"name\":\"api\",\"addresses\":[\"192.0.2.1\"],\"port\":443",
					""))) },
		"endpoint:api:443/tcp -> 1 of address:192.0.2.1\n"
		"service:web/app -> 1 of endpoint:api:443/tcp\n" WEB_HOST "entry service:web/app 1\n" },
	{ "a bare address with two names, with another port or of another service stays bare",
		{ SCAN("web", "\"10.0.0.1\"",
			DEPENDENCIES(USES("web", "app", "\"addresses\":[\"192.0.2.1\"],\"port\":443",
				"") "," USES("web", "app",
				"\"name\":\"api\",\"addresses\":[\"192.0.2.1\"],\"port\":443",
				"") "," USES("web", "app",
				"\"name\":\"img\",\"addresses\":[\"192.0.2.1\"],\"port\":443",
				"") "," USES("web", "app", "\"addresses\":[\"192.0.2.1\"],\"port\":80",
				"") "," USES("web", "job", "\"addresses\":[\"192.0.2.1\"],\"port\":443",
				""))) },
		"endpoint:192.0.2.1:443/tcp -> 1 of address:192.0.2.1\n"
		"endpoint:192.0.2.1:80/tcp -> 1 of address:192.0.2.1\n"
		"endpoint:api:443/tcp -> 1 of address:192.0.2.1\n"
		"endpoint:img:443/tcp -> 1 of address:192.0.2.1\n"
		"service:web/app -> 1 of endpoint:192.0.2.1:443/tcp\n"
		"service:web/app -> 1 of endpoint:192.0.2.1:80/tcp\n"
		"service:web/app -> 1 of endpoint:api:443/tcp\n"
		"service:web/app -> 1 of endpoint:img:443/tcp\n" WEB_HOST
		"service:web/job -> 1 of endpoint:192.0.2.1:443/tcp\n"
		"service:web/job -> 1 of host:web\n"
		"entry service:web/app 0.5\nentry service:web/job 0.5\n" },
};

static void join_row(void **state)
{
	const struct row *row = *state;
	struct fl_system *s = join(row->scans);
	char *text = groups_of(s);

	assert_string_equal(text, row->groups);
	free(text);
	fl_system_free(s);
}

/* The same rows backwards and each scan twice: nothing may change. */
static void join_row_again(void **state)
{
	const struct row *row = *state;
	struct fl_scan_set set = { 0 };

	for (size_t i = 2 * SCANS_MAX; i-- > 0;)
		if (row->scans[i % SCANS_MAX])
			add_scan(&set, row->scans[i % SCANS_MAX]);
	struct fl_system *s = fl_system_join(&set);
	assert_int_equal(set.count, 0);
	char *text = groups_of(s);
	assert_string_equal(text, row->groups);
	free(text);
	fl_system_free(s);
}

/* --- interchangeable backends: a proxy and two services behind it --- */

#define PROXY(n1, n2, app2)                                                                                  \
	SCAN("lb", "\"10.0.0.1\"",                                                                           \
		DEPENDENCIES(USES("lb", "haproxy",                                                           \
			"\"addresses\":[\"10.0.1.1\"],\"port\":8080,\"application\":\"http\"",               \
			CALLS(n1) ",\"coupling\":0.5") "," USES("lb", "haproxy",                             \
			"\"addresses\":[\"10.0.1.2\"],\"port\":8080,\"application\":\"" app2 "\"",           \
			CALLS(n2) ",\"coupling\":0.4")))
#define POOL(n1, n2, host2)                                                                                  \
	SCAN("lb", "\"10.0.0.1\"",                                                                           \
		DEPENDENCIES(USES("lb", "haproxy",                                                           \
			"\"addresses\":[\"10.0.1.1\"],\"port\":8080,\"application\":\"http\"",               \
			CALLS(n1) ",\"coupling\":0.5,\"hosts_asked\":[\"pool\"]") "," USES("lb", "haproxy",  \
			"\"addresses\":[\"10.0.1.2\"],\"port\":8080,\"application\":\"http\"",               \
			CALLS(n2) ",\"coupling\":0.4,\"hosts_asked\":[\"" host2 "\"]")))
#define API(number, far, more)                                                                               \
	SCAN("api" number, "\"10.0.1." number "\"",                                                          \
		SERVICES(SERVICE("api" number, "api", "8080", "")) more far)
#define ON(number, name) USES("api" number, "api", "\"name\":\"" name "\",\"port\":1", "")

struct backend_row {
	const char *name;
	const char *scans[SCANS_MAX];
	bool one_group;
};

static const struct backend_row backend_rows[] = {
	{ "two replicas with the same dependencies are one group",
		{ PROXY("60", "50", "http"), API("1", DEPENDENCIES(ON("1", "db")), ","),
			API("2", DEPENDENCIES(ON("2", "db")), ",") },
		true },
	{ "replicas without dependencies are not taken as one",
		{ PROXY("60", "50", "http"), API("1", "", ""), API("2", "", "") }, false },
	{ "services with other dependencies are not taken as one",
		{ PROXY("60", "50", "http"), API("1", DEPENDENCIES(ON("1", "db")), ","),
			API("2", DEPENDENCIES(ON("2", "cache")), ",") },
		false },
	{ "a backend with under a tenth of the calls is not one of them",
		{ PROXY("60", "5", "http"), API("1", DEPENDENCIES(ON("1", "db")), ","),
			API("2", DEPENDENCIES(ON("2", "db")), ",") },
		false },
	{ "another application is no replica",
		{ PROXY("60", "50", "redis"), API("1", DEPENDENCIES(ON("1", "db")), ","),
			API("2", DEPENDENCIES(ON("2", "db")), ",") },
		false },
	{ "four of five common dependencies suffice",
		{ PROXY("60", "50", "http"),
			API("1",
				DEPENDENCIES(ON("1", "a") "," ON("1", "b") "," ON("1", "c") "," ON(
					"1", "d") "," ON("1", "e")),
				","),
			API("2",
				DEPENDENCIES(ON("2", "a") "," ON("2", "b") "," ON("2", "c") "," ON("2", "d")),
				",") },
		true },
	{ "three of four do not",
		{ PROXY("60", "50", "http"),
			API("1",
				DEPENDENCIES(ON("1", "a") "," ON("1", "b") "," ON("1", "c") "," ON("1", "d")),
				","),
			API("2", DEPENDENCIES(ON("2", "a") "," ON("2", "b") "," ON("2", "c")), ",") },
		false },
	{ "backends that were not scanned are not taken as one", { PROXY("60", "50", "http") }, false },
	{ "addresses that were not scanned and are asked for the same Host are one group",
		{ POOL("60", "15", "pool") }, true },
	{ "addresses asked for different Hosts are not", { POOL("60", "50", "other") }, false },
	{ "nor is one of them with under a quarter of the calls", { POOL("60", "14", "pool") }, false },
	{ "nor where one of them was scanned", { POOL("60", "50", "pool"), API("1", "", "") }, false },
};

static void backend_row(void **state)
{
	const struct backend_row *row = *state;
	struct fl_system *s = join(row->scans);
	char *text = groups_of(s);
	const char *one = "service:lb/haproxy -> 1 of endpoint:10.0.1.1:8080/tcp endpoint:10.0.1.2:8080/tcp "
			  "x0.9 assumed\n";
	const char *apart = "service:lb/haproxy -> 1 of endpoint:10.0.1.1:8080/tcp x0.5\n"
			    "service:lb/haproxy -> 1 of endpoint:10.0.1.2:8080/tcp x0.4\n";

	if (!strstr(text, row->one_group ? one : apart))
		fail_msg("%s", text);
	fl_system_free(s);
	free(text);
}

/* --- adding up --- */

#define HALF(minute, calls, far)                                                                             \
	"{\"schema\":\"faultline.scan/1\",\"point\":\"web\",\"window\":{\"start\":\"2026-11-21T12:0" minute  \
	":00Z\","                                                                                            \
	"\"end\":\"2026-11-21T12:0" minute                                                                   \
	":30Z\"},\"hosts\":[{\"name\":\"web\",\"addresses\":[\"10.0.0.1\"]}],"                               \
	"\"coverage\":{\"packets\":7,\"limits\":[{\"name\":\"flow "                                          \
	"table\",\"limit\":10,\"hits\":2}],\"blind_spots\":"                                                 \
	"[{\"kind\":\"ech\",\"count\":1,\"text\":\"t\"}],\"host_detection\":\"mac\",\"unseen_"               \
	"dependencies\":" minute "},\"services\":[{\"host\":\"web\",\"name\":\"app\",\"exchanges\":" calls   \
	"}]," DEPENDENCIES(far) "}"
#define CDN(address, members)                                                                                \
	USES("web", "app", "\"name\":\"cdn\",\"port\":443,\"addresses\":[\"" address "\"]", members)

static const char *const halves[SCANS_MAX] = {
	HALF("1", "300",
		CDN("192.0.2.1", ",\"class\":\"rare\",\"coupling\":1,\"fan_out\":2,\"exchanges\":600,"
				 "\"connections\":{\"tried\":3,\"established\":2},\"cname_chain\":[\"old\"],"
				 "\"failed_addresses\":[\"192.0.2.1\"],"
				 "\"name_source\":\"dns\",\"connect_s\":{\"count\":1,\"buckets\":[[9,1]]},"
				 "\"last_seen\":\"2026-11-21T12:01:01Z\"")),
	HALF("2", "100",
		CDN("192.0.2.2", ",\"class\":\"on-request\",\"coupling\":0.2,\"fan_out\":1,\"exchanges\":"
				 "\"18446744073709551615\","
				 "\"connections\":{\"tried\":1,\"established\":1},\"cname_chain\":[\"new\"],"
				 "\"name_source\":\"tls-sni\","
				 "\"connect_s\":{\"count\":2,\"buckets\":[[9,2]]}") "," CDN("192.0.2.1",
			",\"coupling\":null,\"class\":\"probe\"")),
	HALF("3", "600", ""),
};

static void records_add_up(void **state)
{
	/* The second record of scan 2 is the same dependency, of another address. */
	struct fl_system *s = join(halves);
	const struct fl_dependency *d = &s->dependencies[0];
	const struct fl_scan_dependency *m = d->merged;

	(void)state;
	assert_int_equal(s->dependency_count, 1);
	assert_string_equal(d->from_id, "service:web/app");
	assert_string_equal(d->to_id, "endpoint:cdn:443/tcp");
	assert_int_equal(d->from, fl_graph_find(s->graph, d->from_id));
	assert_int_equal(d->to, fl_graph_find(s->graph, d->to_id));
	assert_int_equal(fl_graph_group(s->graph, d->group)->of, d->from);
	assert_int_equal(fl_graph_group(s->graph, d->group)->members[0], d->to);
	assert_true(fabs(d->window_s - 90) < 1e-9);
	assert_true(m->exchanges == UINT64_MAX); /* saturated */
	assert_int_equal(m->connections.tried, 4);
	assert_int_equal(m->class, FL_CLASS_ON_REQUEST);
	assert_int_equal(m->name_source, FL_NAME_TLS_SNI);
	assert_string_equal(m->cname_chain[0], "new");
	assert_int_equal(m->measures->connect.bucket[9], 3);
	assert_int_equal(m->address_count, 2);
	assert_int_equal(m->failed_address_count, 0); /* it answered in scan 2 */
	/* (300 * 1 + 100 * 0.2 + 600 * 0) / 1000: the third scan had exchanges and no use of it */
	assert_true(fabs(m->coupling - 0.32) < 1e-9);
	assert_true(fabs(m->fan_out - 0.7) < 1e-9);
	fl_system_free(s);
}

static void coverage_adds_up(void **state)
{
	struct fl_system *s = join(halves);

	(void)state;
	assert_int_equal(s->coverage.packets, 21);
	assert_int_equal(s->coverage.limit_count, 1);
	assert_int_equal(s->coverage.limits[0].hits, 6);
	assert_int_equal(s->coverage.limits[0].limit, 10);
	assert_int_equal(s->coverage.blind_spot_count, 1);
	assert_int_equal(s->coverage.blind_spots[0].count, 3);
	assert_string_equal(s->coverage.host_detection, "mac");
	assert_true(fabs(s->coverage.unseen_dependencies - 6) < 1e-9);
	assert_true(isnan(s->coverage.window_for_95_s));
	assert_true(fabs(s->watched_s - 90) < 1e-9);
	assert_string_equal(s->title, "web");
	fl_system_free(s);
}

/* Of the three the second is watched again in another file, as a longer scan of the same time would. */
static void the_same_time_twice_is_said(void **state)
{
	const char *twice[SCANS_MAX] = { halves[0], halves[1], HALF("2", "101", "") };
	struct fl_system *s = join(twice);

	(void)state;
	assert_int_equal(s->coverage.blind_spot_count, 2);
	assert_string_equal(s->coverage.blind_spots[1].kind, "overlap");
	assert_int_equal(s->coverage.blind_spots[1].count, 1);
	fl_system_free(s);
}

static void evidence_is_one_line(void **state)
{
	static const char *const scans[SCANS_MAX] = { SCAN("web", "\"10.0.0.1\"",
		DEPENDENCIES(USES("web", "app", "\"name\":\"x\",\"port\":1",
			",\"name_source\":\"tls-sni\",\"exchanges\":412,\"connections\":"
			"{\"tried\":13,\"established\":12},\"first_seen\":\"2026-11-21T12:00:00.75Z\""))) };
	struct fl_system *s = join(scans);

	(void)state;
	assert_string_equal(fl_graph_group(s->graph, s->dependencies[0].group)->evidence,
		"412 exchanges, 12 connections, 2026-11-21T12:00:00Z to 2026-11-21T12:02:00Z, name from "
		"tls-sni");
	fl_system_free(s);
}

static void labels_scopes_and_hosts(void **state)
{
	static const char *const scans[SCANS_MAX] = {
		SCAN("web", "\"10.0.0.1\"",
			DEPENDENCIES(USES("web", "app",
				"\"name\":\"db.example\",\"addresses\":[\"203.0.113.9\"],\"port\":5432",
				",\"provider\":\"db.example\",\"scope\":\"external\"") "," USES("web", "app",
				"\"addresses\":[\"192.0.2.1\"],\"port\":80",
				"") ","
				    "{\"host\":\"web\",\"service\":\"app\",\"transport\":\"udp\",\"port\":"
				    "123,\"name\":\"ntp\","
				    "\"addresses\":[\"10.0.0.5\"],\"scope\":\"internal\"}")),
		SCAN("db", "\"203.0.113.9\"", SERVICES(SERVICE("db", "postgres", "5432", ""))),
	};
	struct fl_system *s = join(scans);
	const struct fl_graph *g = s->graph;
	fl_node_id db = fl_graph_find(g, "endpoint:db.example:5432/tcp");
	fl_node_id web = fl_graph_find(g, "service:web/app");

	(void)state;
	assert_string_equal(fl_system_label(s, db), "db.example:5432");
	assert_string_equal(fl_system_label(s, web), "web/app");
	assert_string_equal(fl_system_label(s, fl_graph_find(g, "endpoint:ntp:123/udp")), "ntp:123/udp");
	assert_int_equal(fl_system_scope(s, db), FL_SCOPE_INTERNAL); /* a scanned host owns the address */
	assert_int_equal(fl_graph_find(g, "provider:db.example"), FL_NODE_NONE);
	assert_int_equal(fl_system_scope(s, web), FL_SCOPE_LOCAL);
	assert_int_equal(
		fl_system_scope(s, fl_graph_find(g, "endpoint:192.0.2.1:80/tcp")), FL_SCOPE_EXTERNAL);
	assert_int_equal(fl_system_scope(s, fl_graph_find(g, "address:192.0.2.1")), FL_SCOPE_EXTERNAL);
	assert_int_equal(fl_system_scope(s, fl_graph_find(g, "address:10.0.0.5")), FL_SCOPE_INTERNAL);
	assert_int_equal(fl_system_host_of(s, web), fl_graph_find(g, "host:web"));
	assert_int_equal(fl_system_host_of(s, db), FL_NODE_NONE);
	assert_string_equal(s->title, "db, web");
	fl_system_free(s);
}

static void what_is_not_in_the_graph_is_listed(void **state)
{
	const char *const *scans = rows[7].scans;
	struct fl_system *s = join(scans);
	size_t outside = 0;

	(void)state;
	assert_int_equal(s->dependency_count, 5);
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_dependency *d = &s->dependencies[i];
		if (i > 0)
			assert_true(strcmp(s->dependencies[i - 1].to_id, d->to_id) < 0);
		if (d->group != FL_GROUP_NONE)
			continue;
		outside++;
		assert_int_equal(d->to, FL_NODE_NONE);
		assert_true(d->merged->class == FL_CLASS_PROBE || !d->merged->answered);
	}
	assert_int_equal(outside, 2);
	fl_system_free(s);
}

static void no_scans_make_an_empty_system(void **state)
{
	struct fl_scan_set set = { 0 };
	struct fl_system *s = fl_system_join(&set);

	(void)state;
	assert_int_equal(fl_graph_order(s->graph), 0);
	assert_int_equal(s->dependency_count, 0);
	fl_system_free(s);
}

int main(void)
{
	static const struct CMUnitTest plain[] = {
		{ "records of one dependency add up over scans", records_add_up, NULL, NULL, NULL },
		{ "coverage adds up over scans", coverage_adds_up, NULL, NULL, NULL },
		{ "scans of a host at the same time are told", the_same_time_twice_is_said, NULL, NULL, NULL },
		{ "evidence is one line", evidence_is_one_line, NULL, NULL, NULL },
		{ "labels, scopes and hosts of nodes", labels_scopes_and_hosts, NULL, NULL, NULL },
		{ "what is not in the graph is listed", what_is_not_in_the_graph_is_listed, NULL, NULL,
			NULL },
		{ "no scans make an empty system", no_scans_make_an_empty_system, NULL, NULL, NULL },
	};
	enum {
		PLAIN = FL_ARRAY_LEN(plain),
		ROWS = FL_ARRAY_LEN(rows),
		BACKENDS = FL_ARRAY_LEN(backend_rows)
	};
	struct CMUnitTest tests[PLAIN + 2 * ROWS + BACKENDS];
	size_t n = PLAIN;

	memcpy(tests, plain, sizeof(plain));
	for (size_t i = 0; i < ROWS; i++) {
		void *row = (void *)(uintptr_t)&rows[i];
		tests[n++] = (struct CMUnitTest){ rows[i].name, join_row, NULL, NULL, row };
		tests[n++] = (struct CMUnitTest){ rows[i].name, join_row_again, NULL, NULL, row };
	}
	for (size_t i = 0; i < BACKENDS; i++)
		tests[n++] = (struct CMUnitTest){ backend_rows[i].name, backend_row, NULL, NULL,
			(void *)(uintptr_t)&backend_rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
