/* SPDX-License-Identifier: BSD-2-Clause */
/* test_translation.c - connections through address translation: which half is which, who is behind a port */
#include "unit.h"

#include "faultline/translation.h"

#include "traffic.h"

static struct fl_owner_record translation(const char *from, uint16_t from_port, const char *to, uint16_t to_port,
					  const char *far_from, uint16_t far_from_port, const char *far_to, uint16_t far_to_port)
{
	return (struct fl_owner_record){ .kind = FL_OWNER_TRANSLATION, .transport = FL_TRANSPORT_TCP, .local = ip(from),
					 .local_port = from_port, .remote = ip(to), .remote_port = to_port,
					 .far_local = ip(far_from), .far_local_port = far_from_port, .far_remote = ip(far_to),
					 .far_remote_port = far_to_port };
}

static struct fl_tuple tuple(const char *from, uint16_t from_port, const char *to, uint16_t to_port)
{
	return (struct fl_tuple){ ip(from), ip(to), from_port, to_port, FL_TRANSPORT_TCP };
}

static void what_leaves_the_host_leads_to_the_container(void **state)
{
	struct fl_translations *t = fl_translations_new(16);
	struct fl_owner_record r = translation("172.17.0.2", 4000, "203.0.113.1", 443, "10.0.0.1", 50000, "203.0.113.1", 443);
	struct fl_tuple seen = tuple("10.0.0.1", 50000, "203.0.113.1", 443), origin;
	struct fl_addr address = ip("203.0.113.1");
	uint16_t port = 443;
	assert_false(fl_translations_origin(t, &seen, &origin));
	fl_translations_add(t, &r);
	assert_true(fl_translations_origin(t, &seen, &origin));
	assert_int_equal(origin.client_port, 4000);
	assert_true(fl_addr_equal(&origin.client, &r.local));
	assert_false(fl_translations_origin(t, &origin, &origin));
	assert_false(fl_translations_behind(t, FL_TRANSPORT_TCP, &address, &port));
	fl_translations_free(t);
	(void)state;
}

static void a_published_port_leads_to_who_is_behind_it(void **state)
{
	struct fl_translations *t = fl_translations_new(16);
	struct fl_owner_record r = translation("192.0.2.7", 4000, "10.0.0.1", 8080, "192.0.2.7", 4000, "172.17.0.2", 80);
	struct fl_addr address = ip("10.0.0.1"), behind = ip("172.17.0.2"), other = ip("172.17.0.3");
	uint16_t port = 8080;
	fl_translations_add(t, &r);
	assert_true(fl_translations_behind(t, FL_TRANSPORT_TCP, &address, &port));
	assert_true(fl_addr_equal(&address, &behind) && port == 80);
	r = translation("192.0.2.8", 4000, "10.0.0.1", 8080, "192.0.2.8", 4000, "172.17.0.3", 81);
	fl_translations_add(t, &r);
	address = ip("10.0.0.1");
	port = 8080;
	assert_true(fl_translations_behind(t, FL_TRANSPORT_TCP, &address, &port));
	assert_true(fl_addr_equal(&address, &other) && port == 81);
	port = 8080;
	assert_false(fl_translations_behind(t, FL_TRANSPORT_UDP, &address, &port));
	fl_translations_free(t);
	(void)state;
}

static void the_oldest_make_room(void **state)
{
	struct fl_translations *t = fl_translations_new(8);
	struct fl_tuple origin;
	for (uint16_t i = 1; i <= 1000; i++) {
		struct fl_owner_record r = translation("172.17.0.2", i, "10.0.0.1", i % 3, "10.0.0.1", i, "203.0.113.1", 443);
		fl_translations_add(t, &r);
		fl_translations_add(t, &r);
	}
	struct fl_tuple old = tuple("10.0.0.1", 992, "203.0.113.1", 443), new = tuple("10.0.0.1", 993, "203.0.113.1", 443);
	assert_false(fl_translations_origin(t, &old, &origin));
	assert_true(fl_translations_origin(t, &new, &origin));
	fl_translations_free(t);
	(void)state;
}

static void both_halves_of_a_connection_count_once(void **state)
{
	struct fl_scanner_options o = { .point = "host", .source = "live", .memory = 16 << 20 };
	struct net n = { fl_scanner_new(&o), T0 };
	struct fl_addr host = ip("10.0.0.1"), container = ip("172.17.0.2");
	fl_locality_declare(fl_scanner_locality(n.scanner), &host, "interface");
	fl_locality_declare(fl_scanner_locality(n.scanner), &container, "interface");
	struct conn inside = tcp_conn("172.17.0.2", 4000, "203.0.113.1", 443), outside = tcp_conn("10.0.0.1", 50000, "203.0.113.1", 443);
	struct fl_owner_record owner = { .kind = FL_OWNER_CONNECTION, .transport = FL_TRANSPORT_TCP, .local = inside.addr[0],
					 .local_port = 4000, .remote = inside.addr[1], .remote_port = 443, .since_ns = T0,
					 .netns = 5, .service = "shop" };
	struct fl_owner_record r = translation("172.17.0.2", 4000, "203.0.113.1", 443, "10.0.0.1", 50000, "203.0.113.1", 443);
	fl_scanner_owner(n.scanner, &owner);
	fl_scanner_owner(n.scanner, &r);
	tcp_open(&n, &inside);
	tcp_open(&n, &outside);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 1);
	assert_int_equal(s->dependencies[0].connections.tried, 1);
	assert_string_equal(s->dependencies[0].service, "shop");
	fl_scan_free(s);
	(void)state;
}

static void the_outer_half_alone_belongs_to_the_container(void **state)
{
	struct fl_scanner_options o = { .point = "host", .source = "live", .memory = 16 << 20 };
	struct net n = { fl_scanner_new(&o), T0 };
	struct fl_addr host = ip("10.0.0.1");
	fl_locality_declare(fl_scanner_locality(n.scanner), &host, "interface");
	struct conn outside = tcp_conn("10.0.0.1", 50000, "203.0.113.1", 443);
	struct fl_owner_record owner = { .kind = FL_OWNER_CONNECTION, .transport = FL_TRANSPORT_TCP, .local = ip("172.17.0.2"),
					 .local_port = 4000, .remote = outside.addr[1], .remote_port = 443, .since_ns = T0,
					 .netns = 5, .service = "shop" };
	struct fl_owner_record r = translation("172.17.0.2", 4000, "203.0.113.1", 443, "10.0.0.1", 50000, "203.0.113.1", 443);
	fl_scanner_owner(n.scanner, &owner);
	fl_scanner_owner(n.scanner, &r);
	tcp_open(&n, &outside);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 1);
	assert_string_equal(s->dependencies[0].service, "shop");
	assert_int_equal(s->dependencies[0].attribution, FL_ATTRIBUTION_EXACT);
	fl_scan_free(s);
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_leaves_the_host_leads_to_the_container),
		cmocka_unit_test(a_published_port_leads_to_who_is_behind_it),
		cmocka_unit_test(the_oldest_make_room),
		cmocka_unit_test(both_halves_of_a_connection_count_once),
		cmocka_unit_test(the_outer_half_alone_belongs_to_the_container),
	};
	return cmocka_run_group_tests_name("translation", tests, NULL, NULL);
}
