/* SPDX-License-Identifier: BSD-2-Clause */
/* test_scanner_owner.c - made traffic of a host whose sockets have owners, and what the scan says of them */
#include "unit.h"

#include "capture/scanner_internal.h"
#include "traffic.h"

#define HOST "10.0.0.1"
#define USER "192.0.2.7"
#define GET "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
enum { HERE = 7 };

static struct net live(enum fl_scanner_unseen unseen)
{
	struct fl_scanner_options o = { .point = "host", .source = "live", .memory = 16 << 20, .unseen = unseen, .netns = HERE };
	struct net n = { fl_scanner_new(&o), T0 };
	struct fl_addr a = ip(HOST);
	struct fl_attribution_state state = { .way = "bpf", .netns = HERE };
	fl_locality_declare(fl_scanner_locality(n.scanner), &a, "interface");
	fl_scanner_attribution(n.scanner, &state);
	return n;
}

static struct fl_owner_record made(const struct net *n, const char *service)
{
	struct fl_owner_record r = { .netns = HERE, .since_ns = n->now, .transport = FL_TRANSPORT_TCP, .uid = 33 };
	snprintf(r.service, sizeof(r.service), "%s", service);
	snprintf(r.command, sizeof(r.command), "%s", service);
	return r;
}

static void listens(struct net *n, const char *service, uint16_t port)
{
	struct fl_owner_record r = made(n, service);
	r.kind = FL_OWNER_SOCKET;
	r.local_port = port;
	fl_scanner_owner(n->scanner, &r);
}

static struct fl_owner_record connection(struct net *n, const char *service, const struct conn *c)
{
	struct fl_owner_record r = made(n, service);
	r.local = c->addr[0];
	r.remote = c->addr[1];
	r.local_port = c->port[0];
	r.remote_port = c->port[1];
	return r;
}

static void opens(struct net *n, const char *service, const struct conn *c)
{
	struct fl_owner_record r = connection(n, service, c);
	fl_scanner_owner(n->scanner, &r);
}

static void exchange(struct net *n, struct conn *c)
{
	tcp_open(n, c);
	tcp_text(n, c, 0, GET);
	tcp_text(n, c, 1, OK);
	tcp_close(n, c);
}

static const struct fl_scan_service *service(const struct fl_scan *s, const char *name)
{
	for (size_t i = 0; i < s->service_count; i++)
		if (strcmp(s->services[i].name, name) == 0)
			return &s->services[i];
	return NULL;
}

static const struct fl_scan_dependency *dependency(const struct fl_scan *s, const char *of, uint16_t port)
{
	for (size_t i = 0; i < s->dependency_count; i++)
		if (strcmp(s->dependencies[i].service, of) == 0 && s->dependencies[i].port == port)
			return &s->dependencies[i];
	return NULL;
}

static bool is_blind(const struct fl_scan *s, const char *kind)
{
	for (size_t i = 0; i < s->coverage.blind_spot_count; i++)
		if (strcmp(s->coverage.blind_spots[i].kind, kind) == 0)
			return true;
	return false;
}

static void ports_of_one_owner_are_one_service(void **state)
{
	struct net n = live(FL_UNSEEN_BEFORE);
	struct conn a = tcp_conn(USER, 40000, HOST, 80), b = tcp_conn(USER, 40001, HOST, 8443), c = tcp_conn(USER, 40002, HOST, 9000);
	listens(&n, "nginx", 80);
	listens(&n, "nginx", 8443);
	exchange(&n, &a);
	exchange(&n, &b);
	exchange(&n, &c);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->service_count, 2);
	const struct fl_scan_service *nginx = service(s, "nginx");
	assert_non_null(nginx);
	assert_int_equal(nginx->port_count, 2);
	assert_int_equal(nginx->ports[1].port, 8443);
	assert_int_equal(nginx->connections, 2);
	assert_int_equal(nginx->client_count, 1);
	assert_int_equal(nginx->uid, 33);
	assert_string_equal(nginx->command, "nginx");
	assert_non_null(service(s, "port-9000"));
	assert_int_equal(service(s, "port-9000")->uid, -1);
	fl_scan_free(s);
	(void)state;
}

static void two_services_that_use_one_endpoint_are_two_dependencies(void **state)
{
	struct net n = live(FL_UNSEEN_BEFORE);
	for (uint16_t i = 0; i < 6; i++) {
		struct conn c = tcp_conn(HOST, (uint16_t)(41000 + i), "10.0.0.9", 5432);
		opens(&n, i < 4 ? "shop" : "cron", &c);
		exchange(&n, &c);
	}
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 2);
	assert_int_equal(dependency(s, "shop", 5432)->connections.tried, 4);
	assert_int_equal(dependency(s, "cron", 5432)->connections.tried, 2);
	assert_int_equal(dependency(s, "cron", 5432)->attribution, FL_ATTRIBUTION_EXACT);
	assert_non_null(service(s, "cron"));
	assert_int_equal(service(s, "cron")->port_count, 0);
	assert_true(service(s, "cron")->first_seen_ns >= T0);
	assert_string_equal(s->coverage.attribution, "bpf");
	assert_false(is_blind(s, "not-attributed"));
	fl_scan_free(s);
	(void)state;
}

/* A proxy passes requests on over loopback; the application listens there and calls its database from the host's address. */
static void requests_that_come_to_another_address_count(void **state)
{
	struct net n = live(FL_UNSEEN_BEFORE);
	listens(&n, "nginx", 80);
	listens(&n, "shop", 8080);
	for (uint16_t i = 0; i < 30; i++) {
		struct conn user = tcp_conn(USER, (uint16_t)(40000 + i), HOST, 80), in = tcp_conn("127.0.0.1", (uint16_t)(41000 + i), "127.0.0.1", 8080);
		struct conn db = tcp_conn(HOST, (uint16_t)(42000 + i), "10.0.0.9", 5432), other = tcp_conn(HOST, (uint16_t)(43000 + i), "10.0.0.8", 25);
		opens(&n, "nginx", &in);
		opens(&n, "shop", &db);
		tcp_open(&n, &user);
		tcp_text(&n, &user, 0, GET);
		tcp_open(&n, &in);
		tcp_text(&n, &in, 0, GET);
		if (i % 2)
			exchange(&n, &db);
		tcp_text(&n, &in, 1, OK);
		tcp_close(&n, &in);
		tcp_text(&n, &user, 1, OK);
		tcp_close(&n, &user);
		n.now += SECOND;
		opens(&n, "shop", &other);
		exchange(&n, &other);
		n.now += SECOND * (1 + i % 3);
	}
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(dependency(s, "nginx", 8080)->class, FL_CLASS_ON_REQUEST);
	assert_true(dependency(s, "nginx", 8080)->coupling == 1);
	assert_int_equal(dependency(s, "shop", 5432)->class, FL_CLASS_ON_REQUEST);
	assert_true(dependency(s, "shop", 5432)->coupling == 0.5);
	assert_int_equal(dependency(s, "shop", 25)->class, FL_CLASS_BACKGROUND);
	fl_scan_free(s);
	(void)state;
}

static void an_unknown_opener_is_the_one_that_is_known_to_use_the_endpoint(void **state)
{
	struct net n = live(FL_UNSEEN_BEFORE);
	for (uint16_t i = 0; i < 3; i++) {
		struct conn c = tcp_conn(HOST, (uint16_t)(41000 + i), "10.0.0.9", 5432), d = tcp_conn(HOST, (uint16_t)(42000 + i), "10.0.0.8", 25);
		if (i)
			opens(&n, "shop", &c);
		exchange(&n, &c);
		exchange(&n, &d);
	}
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 2);
	assert_int_equal(dependency(s, "shop", 5432)->connections.tried, 3);
	assert_int_equal(dependency(s, "shop", 5432)->attribution, FL_ATTRIBUTION_EXACT);
	assert_int_equal(dependency(s, "host", 25)->attribution, FL_ATTRIBUTION_HOST);
	assert_true(is_blind(s, "not-attributed"));
	fl_scan_free(s);
	(void)state;
}

static void an_owner_that_is_told_late_still_counts(void **state)
{
	struct net n = live(FL_UNSEEN_BEFORE);
	struct conn c = tcp_conn(HOST, 41000, "10.0.0.9", 5432);
	struct fl_owner_record r = connection(&n, "shop", &c);
	r.attribution = FL_ATTRIBUTION_POLLED;
	exchange(&n, &c);
	fl_scanner_owner(n.scanner, &r);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 1);
	assert_int_equal(dependency(s, "shop", 5432)->attribution, FL_ATTRIBUTION_POLLED);
	assert_int_equal(dependency(s, "shop", 5432)->exchanges, 1);
	fl_scan_free(s);
	(void)state;
}

static void silent_connections_of_before_are_dependencies_with_the_name_of_the_hosts_file(void **state)
{
	static const char file[] = "10.0.0.9 db.internal\n";
	struct net n = live(FL_UNSEEN_BEFORE);
	struct conn pool = tcp_conn(HOST, 41000, "10.0.0.9", 5432), user = tcp_conn(HOST, 80, USER, 40000);
	struct conn late = tcp_conn(HOST, 41001, "10.0.0.8", 25);
	struct fl_owner_record r = connection(&n, "shop", &pool);
	fl_scanner_hosts(n.scanner, fl_hosts_parse(file, sizeof(file) - 1));
	listens(&n, "nginx", 80);
	r.before = r.established = 1;
	fl_scanner_owner(n.scanner, &r);
	r = connection(&n, "nginx", &user);
	r.before = r.established = 1;
	fl_scanner_owner(n.scanner, &r);
	opens(&n, "mail", &late);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 1);
	const struct fl_scan_dependency *d = dependency(s, "shop", 5432);
	assert_non_null(d);
	assert_string_equal(d->name, "db.internal");
	assert_int_equal(d->name_source, FL_NAME_HOSTS_FILE);
	assert_int_equal(d->connections.midstream, 1);
	assert_int_equal(d->connections.tried, 0);
	assert_true(d->answered && d->exchanges_lower_bound);
	assert_int_equal(service(s, "nginx")->connections, 1);
	assert_true(is_blind(s, "silent-connections"));
	fl_scan_free(s);
	(void)state;
}

static const struct fl_scan_dependency *in_next_window(struct net *n, struct fl_scan **s, const char *service, uint16_t port)
{
	n->now += 60 * SECOND;
	fl_scan_free(*s);
	*s = fl_scanner_cut(n->scanner, n->now);
	return dependency(*s, service, port);
}

static void a_pool_of_before_is_in_every_window_until_it_is_closed(void **state)
{
	struct net n = live(FL_UNSEEN_BEFORE);
	struct fl_attribution_state told = { .way = "bpf", .netns = HERE, .ends_told = true };
	struct conn silent = tcp_conn(HOST, 41000, "10.0.0.9", 5432), used = tcp_conn(HOST, 41001, "10.0.0.8", 25);
	struct fl_owner_record pool = connection(&n, "shop", &silent), other = connection(&n, "mail", &used);
	const struct fl_scan_dependency *d;
	struct fl_scan *s = NULL;
	fl_scanner_attribution(n.scanner, &told);
	pool.before = pool.established = other.before = other.established = 1;
	fl_scanner_owner(n.scanner, &pool);
	fl_scanner_owner(n.scanner, &other);
	tcp_text(&n, &used, 0, GET);
	for (int i = 0; i < 3; i++) {
		assert_non_null(d = in_next_window(&n, &s, "shop", 5432));
		assert_int_equal(d->connections.midstream, 1);
		assert_non_null(d = in_next_window(&n, &s, "mail", 25));
		assert_int_equal(d->connections.midstream, 1);
	}
	pool.closed = 1;
	pool.since_ns = n.now;
	fl_scanner_owner(n.scanner, &pool);
	assert_null(in_next_window(&n, &s, "shop", 5432));
	assert_non_null(dependency(s, "mail", 25));
	fl_scan_free(s);
	fl_scanner_free(n.scanner);
	(void)state;
}

static void a_pool_of_before_is_in_the_first_window_alone_where_nobody_tells_its_end(void **state)
{
	struct net n = live(FL_UNSEEN_BEFORE);
	struct conn silent = tcp_conn(HOST, 41000, "10.0.0.9", 5432);
	struct fl_owner_record pool = connection(&n, "shop", &silent);
	struct fl_scan *s = NULL;
	pool.before = pool.established = 1;
	fl_scanner_owner(n.scanner, &pool);
	assert_non_null(in_next_window(&n, &s, "shop", 5432));
	assert_null(in_next_window(&n, &s, "shop", 5432));
	fl_scan_free(s);
	fl_scanner_free(n.scanner);
	(void)state;
}

static void without_packets_all_connections_of_the_table_count(void **state)
{
	struct net n = live(FL_UNSEEN_ALL);
	struct conn open = tcp_conn(HOST, 41000, "10.0.0.9", 5432), tried = tcp_conn(HOST, 41001, "10.0.0.8", 25);
	struct fl_owner_record r = connection(&n, "shop", &open);
	r.established = 1;
	fl_scanner_owner(n.scanner, &r);
	opens(&n, "", &tried);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 2);
	assert_true(dependency(s, "shop", 5432)->answered);
	assert_int_equal(dependency(s, "shop", 5432)->connections.established, 1);
	assert_false(dependency(s, "host", 25)->answered);
	assert_int_equal(dependency(s, "host", 25)->connections.tried, 1);
	assert_true(is_blind(s, "no-packets"));
	assert_int_equal(s->coverage.flows, 0);
	assert_int_equal(s->coverage.flows_named, 0);
	fl_scan_free(s);
	(void)state;
}

static bool is_limited(const struct fl_scan *s, const char *what)
{
	for (size_t i = 0; i < s->coverage.limit_count; i++)
		if (strcmp(s->coverage.limits[i].name, what) == 0)
			return s->coverage.limits[i].hits > 0;
	return false;
}

/* A box behind the host's address, and what the kernel tells of it. */
static struct fl_owner_record translation(const struct net *n, const struct conn *near, const struct conn *far)
{
	struct fl_owner_record r = made(n, "");
	r.kind = FL_OWNER_TRANSLATION;
	r.local = near->addr[0];
	r.local_port = near->port[0];
	r.far_local = far->addr[0];
	r.far_local_port = far->port[0];
	r.remote = r.far_remote = near->addr[1];
	r.remote_port = r.far_remote_port = near->port[1];
	return r;
}

static void a_translated_connection_counts_once_when_its_translation_is_told_late(void **state)
{
	for (int late = 0; late < 4; late++) {
		struct net n = live(FL_UNSEEN_BEFORE);
		struct conn near = tcp_conn("172.16.0.2", 40000, "10.9.0.9", 80), far = tcp_conn(HOST, 40000, "10.9.0.9", 80);
		struct fl_addr box = ip("172.16.0.2");
		struct fl_owner_record r = translation(&n, &near, &far);
		fl_locality_declare(fl_scanner_locality(n.scanner), &box, "interface");
		struct conn *both[] = { &near, &far };
		for (int step = 0; step < 4; step++) {
			if (step == late)
				fl_scanner_owner(n.scanner, &r);
			for (int i = 0; i < 2; i++) {
				if (step == 0)
					tcp_open(&n, both[i]);
				if (step == 1)
					tcp_text(&n, both[i], 0, GET);
				if (step == 2)
					tcp_text(&n, both[i], 1, OK);
				if (step == 3)
					tcp_close(&n, both[i]);
			}
		}
		struct fl_scan *s = net_scan(&n);
		assert_int_equal(s->dependency_count, 1);
		assert_int_equal(s->dependencies[0].connections.tried, 1);
		assert_int_equal(s->dependencies[0].connections.established, 1);
		assert_int_equal(s->dependencies[0].exchanges, 1);
		fl_scan_free(s);
	}
	(void)state;
}

/* A probe of a box: its far side was counted until its translation was told. */
static void what_a_late_translation_takes_back_is_taken_back_whole(void **state)
{
	static const char probe[] = "GET /health HTTP/1.1\r\nHost: shop.example\r\n\r\n";
	struct net n = live(FL_UNSEEN_BEFORE);
	struct conn near = tcp_conn(USER, 40000, HOST, 80), far = tcp_conn("172.16.0.1", 50000, "172.16.0.2", 8080);
	struct conn *both[] = { &near, &far };
	struct fl_addr box = ip("172.16.0.2");
	struct fl_owner_record r = translation(&n, &near, &far);
	r.far_remote = far.addr[1];
	r.far_remote_port = far.port[1];
	fl_locality_declare(fl_scanner_locality(n.scanner), &box, "interface");
	for (int i = 0; i < 2; i++) {
		tcp_open(&n, both[i]);
		for (int k = 0; k < 3; k++) {
			tcp_text(&n, both[i], 0, probe);
			tcp_text(&n, both[i], 1, "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n");
		}
		tcp_text(&n, both[i], 0, GET);
	}
	fl_scanner_owner(n.scanner, &r);
	const struct fl_conversations *table = n.scanner->conversations;
	for (size_t i = 0; i < fl_conversation_count(table); i++) {
		const struct fl_conversation *v = fl_conversation_get(table, i);
		bool twin = fl_addr_equal(&v->key.server, &box);
		assert_int_equal(v->exchanges, twin ? 0 : 4);
		assert_int_equal(v->answered, twin ? 0 : 3);
		assert_int_equal(v->failures, twin ? 0 : 3);
		assert_int_equal(v->health, twin ? 0 : 3);
	}
	size_t attempts, of_near = 0;
	const struct fl_attempt *list = fl_exchange_log_list(n.scanner->attempts, &attempts);
	for (size_t i = 0; i < attempts; i++)
		of_near += list[i].client_port == near.port[0];
	assert_int_equal(attempts, 3);
	assert_int_equal(of_near, 3);
	uint32_t at = 0;
	const struct fl_attempt *waits = fl_exchange_log_next_waiting(n.scanner->attempts, &at);
	assert_true(waits && waits->client_port == near.port[0]);
	assert_null(fl_exchange_log_next_waiting(n.scanner->attempts, &at));
	/* What was open at the far side is not open for ever: a window later its place is empty. */
	tcp_text(&n, &near, 1, OK);
	fl_scan_free(fl_scanner_cut(n.scanner, n.now));
	for (size_t i = 0; i < fl_inflight_count(n.scanner->inflight); i++)
		assert_int_equal(fl_inflight_get(n.scanner->inflight, i)->open, 0);
	fl_scan_free(net_scan(&n));
	(void)state;
}

static void connections_of_other_namespaces_over_loopback_or_our_address_are_not_ours(void **state)
{
	struct net n = live(FL_UNSEEN_BEFORE);
	struct conn loop = tcp_conn("127.0.0.1", 41000, "127.0.0.1", 5432), same = tcp_conn(HOST, 41001, "10.0.0.9", 25),
		    ours = tcp_conn(HOST, 41002, "10.0.0.9", 6379);
	struct fl_owner_record own = made(&n, ""), r[] = { connection(&n, "elsewhere", &loop), connection(&n, "elsewhere", &same),
							     connection(&n, "shop", &ours) };
	own.kind = FL_OWNER_ADDRESS;
	own.local = ip(HOST);
	fl_scanner_owner(n.scanner, &own);
	for (size_t i = 0; i < FL_ARRAY_LEN(r); i++) {
		r[i].before = r[i].established = 1;
		r[i].netns = i < 2 ? HERE + 1 : HERE;
		fl_scanner_owner(n.scanner, &r[i]);
	}
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 1);
	assert_non_null(dependency(s, "shop", 6379));
	fl_scan_free(s);
	(void)state;
}

/* Whoever may run programs chooses their names. A connection stays open all the time. */
static void names_of_programs_that_are_gone_do_not_use_up_the_places_of_services(void **state)
{
	enum { WINDOWS = 6, PROGRAMS = 1500 };
	struct net n = live(FL_UNSEEN_BEFORE);
	struct conn stays = tcp_conn(HOST, 60000, "10.0.0.8", 5432);
	char name[32];
	opens(&n, "shop", &stays);
	tcp_open(&n, &stays);
	for (unsigned w = 0; w < WINDOWS; w++) {
		for (unsigned i = 0; i < PROGRAMS; i++) {
			struct conn c = tcp_conn(HOST, (uint16_t)(2000 + i), "10.0.0.9", 443);
			snprintf(name, sizeof(name), "program-%u-%u", w, i);
			opens(&n, name, &c);
			exchange(&n, &c);
		}
		n.now += 60 * SECOND;
		tcp_text(&n, &stays, 0, GET);
		tcp_text(&n, &stays, 1, OK);
		struct fl_scan *s = fl_scanner_cut(n.scanner, n.now);
		assert_false(is_limited(s, "services"));
		assert_non_null(dependency(s, name, 443));
		assert_non_null(dependency(s, "shop", 5432));
		assert_int_equal(dependency(s, "shop", 5432)->exchanges, 1);
		fl_scan_free(s);
	}
	fl_scan_free(net_scan(&n));
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_of_one_owner_are_one_service),
		cmocka_unit_test(two_services_that_use_one_endpoint_are_two_dependencies),
		cmocka_unit_test(requests_that_come_to_another_address_count),
		cmocka_unit_test(an_unknown_opener_is_the_one_that_is_known_to_use_the_endpoint),
		cmocka_unit_test(an_owner_that_is_told_late_still_counts),
		cmocka_unit_test(silent_connections_of_before_are_dependencies_with_the_name_of_the_hosts_file),
		cmocka_unit_test(a_pool_of_before_is_in_every_window_until_it_is_closed),
		cmocka_unit_test(a_pool_of_before_is_in_the_first_window_alone_where_nobody_tells_its_end),
		cmocka_unit_test(a_translated_connection_counts_once_when_its_translation_is_told_late),
		cmocka_unit_test(what_a_late_translation_takes_back_is_taken_back_whole),
		cmocka_unit_test(connections_of_other_namespaces_over_loopback_or_our_address_are_not_ours),
		cmocka_unit_test(without_packets_all_connections_of_the_table_count),
		cmocka_unit_test(names_of_programs_that_are_gone_do_not_use_up_the_places_of_services),
	};
	return cmocka_run_group_tests_name("scanner_owner", tests, NULL, NULL);
}
