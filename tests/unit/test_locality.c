/* SPDX-License-Identifier: BSD-2-Clause */
/* test_locality.c - telling whose machine captured */
#include "unit.h"

#include "faultline/locality.h"

#include "traffic.h"

static void see(struct fl_locality *l, const char *src, const char *dst, const char *src_mac, const char *dst_mac)
{
	struct fl_packet p = { .src = ip(src), .dst = ip(dst), .transport = FL_TRANSPORT_TCP };
	if (src_mac) {
		p.has_mac = true;
		memcpy(p.src_mac, src_mac, 6);
		memcpy(p.dst_mac, dst_mac, 6);
	}
	fl_locality_see(l, &p);
}

static void arp(struct fl_locality *l, int operation, const char *src, const char *dst, const char *src_mac,
		const char *dst_mac)
{
	struct fl_packet p = { .src = ip(src), .dst = ip(dst), .arp = (uint8_t)operation, .has_mac = true };
	memcpy(p.src_mac, src_mac, 6);
	memcpy(p.dst_mac, dst_mac, 6);
	fl_locality_see_arp(l, &p);
}

static bool local(const struct fl_locality *l, const char *address)
{
	struct fl_addr a = ip(address);
	return fl_locality_is_local(l, &a);
}

#define HOST "HHHHHH"
#define PEER "PPPPPP"
#define GATE "FFFFFF"

static void the_mac_in_every_flow_is_the_host_with_all_its_addresses(void **state)
{
	struct fl_locality *l = fl_locality_new();
	see(l, "10.0.0.9", "10.0.0.1", PEER, HOST);
	see(l, "10.0.0.1", "10.0.0.9", HOST, PEER);
	see(l, "10.0.0.2", "203.0.113.5", HOST, GATE);
	fl_locality_decide(l);
	assert_string_equal(fl_locality_how(l), "mac");
	assert_true(fl_locality_single_host(l));
	assert_true(local(l, "10.0.0.1") && local(l, "10.0.0.2"));
	assert_false(local(l, "10.0.0.9") || local(l, "203.0.113.5"));
	fl_locality_free(l);
	(void)state;
}

static void behind_a_router_the_host_has_fewer_addresses(void **state)
{
	struct fl_locality *l = fl_locality_new();
	for (int i = 0; i < 100; i++) {
		char client[32];
		snprintf(client, sizeof(client), "192.0.2.%d", i);
		see(l, client, "10.0.0.1", GATE, HOST);
		see(l, "10.0.0.1", client, HOST, GATE);
	}
	fl_locality_decide(l);
	assert_true(local(l, "10.0.0.1"));
	assert_false(local(l, "192.0.2.5"));
	fl_locality_free(l);
	(void)state;
}

static void of_two_hosts_the_far_one_asks_others_by_arp_unanswered(void **state)
{
	for (int host_is_client = 0; host_is_client < 2; host_is_client++) {
		struct fl_locality *l = fl_locality_new();
		arp(l, 1, "10.0.0.2", "10.0.0.7", PEER, "\xff\xff\xff\xff\xff\xff");
		arp(l, 1, "10.0.0.1", "10.0.0.2", HOST, "\xff\xff\xff\xff\xff\xff");
		arp(l, 2, "10.0.0.2", "10.0.0.1", PEER, HOST);
		if (host_is_client)
			see(l, "10.0.0.1", "10.0.0.2", HOST, PEER);
		see(l, "10.0.0.2", "10.0.0.1", PEER, HOST);
		see(l, "10.0.0.1", "10.0.0.2", HOST, PEER);
		fl_locality_decide(l);
		assert_true(local(l, "10.0.0.1"));
		assert_false(local(l, "10.0.0.2"));
		fl_locality_free(l);
	}
	(void)state;
}

static void of_two_hosts_the_near_one_answers_handshakes_sooner(void **state)
{
	struct fl_addr client = ip("10.0.0.2"), server = ip("10.0.0.1");
	for (int near_server = 0; near_server < 2; near_server++) {
		struct fl_locality *l = fl_locality_new();
		see(l, "10.0.0.2", "10.0.0.1", PEER, HOST);
		see(l, "10.0.0.1", "10.0.0.2", HOST, PEER);
		for (int i = 0; i < 5; i++)
			fl_locality_see_handshake(l, &client, &server, near_server ? 20000 : 300000,
						  near_server ? 300000 : 20000);
		fl_locality_decide(l);
		assert_true(local(l, near_server ? "10.0.0.1" : "10.0.0.2"));
		assert_false(local(l, near_server ? "10.0.0.2" : "10.0.0.1"));
		fl_locality_free(l);
	}
	(void)state;
}

static void of_two_hosts_with_one_old_connection_the_server_is_the_host(void **state)
{
	for (int server_first = 0; server_first < 2; server_first++) {
		struct fl_locality *l = fl_locality_new();
		struct fl_packet ways[2] = {
			{ .src = ip("10.0.0.2"), .dst = ip("10.0.0.1"), .src_port = 40000, .dst_port = 5432, .transport = FL_TRANSPORT_TCP, .has_mac = true,
				.src_mac = PEER, .dst_mac = HOST },
			{ .src = ip("10.0.0.1"), .dst = ip("10.0.0.2"), .src_port = 5432, .dst_port = 40000, .transport = FL_TRANSPORT_TCP, .has_mac = true,
				.src_mac = HOST, .dst_mac = PEER },
		};
		fl_locality_see(l, &ways[server_first]);
		fl_locality_see(l, &ways[!server_first]);
		fl_locality_decide(l);
		assert_true(local(l, "10.0.0.1"));
		assert_false(local(l, "10.0.0.2"));
		fl_locality_free(l);
	}
	(void)state;
}

static void cooked_headers_say_it(void **state)
{
	struct fl_locality *l = fl_locality_new();
	struct fl_packet out = { .src = ip("198.51.100.1"), .dst = ip("203.0.113.1"), .way = FL_WAY_OUT };
	struct fl_packet in = { .src = ip("203.0.113.1"), .dst = ip("198.51.100.2"), .way = FL_WAY_IN };
	fl_locality_see(l, &out);
	fl_locality_see(l, &in);
	fl_locality_decide(l);
	assert_string_equal(fl_locality_how(l), "cooked");
	assert_true(local(l, "198.51.100.1") && local(l, "198.51.100.2"));
	assert_false(local(l, "203.0.113.1"));
	fl_locality_free(l);
	(void)state;
}

static void what_is_given_overrules_what_is_seen(void **state)
{
	struct fl_locality *l = fl_locality_new();
	struct fl_addr given = ip("10.0.0.9");
	fl_locality_declare(l, &given, "given");
	see(l, "10.0.0.1", "10.0.0.9", HOST, PEER);
	see(l, "10.0.0.1", "10.0.0.8", HOST, GATE);
	fl_locality_decide(l);
	assert_string_equal(fl_locality_how(l), "given");
	assert_true(local(l, "10.0.0.9"));
	assert_false(local(l, "10.0.0.1"));
	fl_locality_free(l);
	(void)state;
}

static void a_mirror_port_has_a_host_per_internal_address(void **state)
{
	struct fl_locality *l = fl_locality_new();
	size_t count;
	see(l, "10.0.0.1", "10.0.0.2", "BBBBBB", "DDDDDD");
	see(l, "10.0.0.3", "10.0.0.4", "FFFFFF", "HHHHHH");
	see(l, "203.0.113.1", "10.0.0.4", "JJJJJJ", "HHHHHH");
	fl_locality_decide(l);
	assert_string_equal(fl_locality_how(l), "all-internal");
	assert_false(fl_locality_single_host(l));
	(void)fl_locality_addresses(l, &count);
	assert_int_equal(count, 2);
	assert_true(local(l, "10.0.0.1") && local(l, "10.0.0.3"));
	fl_locality_free(l);
	(void)state;
}

static void without_link_addresses_the_address_in_every_flow_is_the_host(void **state)
{
	struct fl_locality *l = fl_locality_new();
	see(l, "10.0.0.1", "203.0.113.2", NULL, NULL);
	see(l, "203.0.113.3", "10.0.0.1", NULL, NULL);
	fl_locality_decide(l);
	assert_string_equal(fl_locality_how(l), "address");
	assert_true(local(l, "10.0.0.1"));
	assert_false(local(l, "203.0.113.2"));
	fl_locality_free(l);
	(void)state;
}

static void multicast_and_broadcast_say_nothing(void **state)
{
	struct fl_locality *l = fl_locality_new();
	see(l, "10.0.0.7", "224.0.0.251", "XXXXXX", "\x01\x00\x5e\x00\x00\xfb");
	see(l, "10.0.0.8", "10.0.0.255", "YYYYYY", "\xff\xff\xff\xff\xff\xff");
	see(l, "10.0.0.1", "10.0.0.2", HOST, PEER);
	see(l, "10.0.0.1", "10.0.0.3", HOST, GATE);
	fl_locality_decide(l);
	assert_string_equal(fl_locality_how(l), "mac");
	assert_true(local(l, "10.0.0.1"));
	assert_false(local(l, "10.0.0.7"));
	fl_locality_free(l);
	(void)state;
}

static void nothing_seen_is_one_host_without_address(void **state)
{
	struct fl_locality *l = fl_locality_new();
	size_t count;
	fl_locality_decide(l);
	(void)fl_locality_addresses(l, &count);
	assert_int_equal(count, 0);
	assert_true(fl_locality_single_host(l));
	assert_true(local(l, "127.0.0.1"));
	fl_locality_free(l);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mac_in_every_flow_is_the_host_with_all_its_addresses),
		cmocka_unit_test(behind_a_router_the_host_has_fewer_addresses),
		cmocka_unit_test(of_two_hosts_the_far_one_asks_others_by_arp_unanswered),
		cmocka_unit_test(of_two_hosts_the_near_one_answers_handshakes_sooner),
		cmocka_unit_test(of_two_hosts_with_one_old_connection_the_server_is_the_host),
		cmocka_unit_test(cooked_headers_say_it),
		cmocka_unit_test(what_is_given_overrules_what_is_seen),
		cmocka_unit_test(a_mirror_port_has_a_host_per_internal_address),
		cmocka_unit_test(without_link_addresses_the_address_in_every_flow_is_the_host),
		cmocka_unit_test(multicast_and_broadcast_say_nothing),
		cmocka_unit_test(nothing_seen_is_one_host_without_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
