/* SPDX-License-Identifier: BSD-2-Clause */
/* test_scanner.c - made traffic of one host, and what the scan says of it */
#include "unit.h"

#include <math.h>

#include "traffic.h"

#define WEB "10.0.0.1"
#define DNS "10.0.0.53"
#define USER "192.0.2.7"

static const struct fl_scan_dependency *dependency(const struct fl_scan *s, const char *name, const char *address,
						   uint16_t port)
{
	struct fl_addr a = { { 0 } };
	if (address)
		a = ip(address);
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct fl_scan_dependency *d = &s->dependencies[i];
		bool same_name = name ? d->name && strcmp(d->name, name) == 0 : !d->name;
		if (same_name && d->port == port && (!address || fl_addr_equal(&d->addresses[0], &a)))
			return d;
	}
	return NULL;
}

static const struct fl_scan_service *service(const struct fl_scan *s, const char *name)
{
	for (size_t i = 0; i < s->service_count; i++)
		if (strcmp(s->services[i].name, name) == 0)
			return &s->services[i];
	return NULL;
}

/* A user asks; while that is open the host asks @backend; then both are answered. */
static void request(struct net *n, struct conn *user, struct conn *backend, const char *inbound, const char *outbound,
		    const char *answer)
{
	tcp_text(n, user, 0, inbound);
	tcp_text(n, backend, 0, outbound);
	tcp_text(n, backend, 1, answer);
	tcp_text(n, user, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

#define GET(host) "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BROKEN "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

static void a_backend_called_inside_requests_is_on_request_with_its_fan_out(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn user = tcp_conn(USER, 40000, WEB, 80), api = tcp_conn(WEB, 41000, "10.0.0.2", 8080);
	dns_lookup(&n, WEB, DNS, "api.internal", NULL, "10.0.0.2");
	tcp_open(&n, &user);
	tcp_open(&n, &api);
	for (int i = 0; i < 20; i++) {
		request(&n, &user, &api, GET("www.example"), GET("api.internal"), i % 4 ? OK : BROKEN);
		n.now += SECOND;
	}
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "api.internal", "10.0.0.2", 8080);
	assert_non_null(d);
	assert_int_equal(d->class, FL_CLASS_ON_REQUEST);
	assert_int_equal(d->name_source, FL_NAME_HTTP_HOST);
	assert_string_equal(d->service, "port-80");
	assert_int_equal(d->attribution, FL_ATTRIBUTION_INFERRED);
	assert_int_equal(d->scope, FL_SCOPE_INTERNAL);
	assert_int_equal(d->exchanges, 20);
	assert_int_equal(d->failures, 5);
	assert_true(d->answered && fabs(d->fan_out - 1) < 1e-9 && fabs(d->coupling - 1) < 1e-9);
	assert_int_equal(d->connections.tried, 1);
	assert_int_equal(d->connections.established, 1);
	const struct fl_scan_service *v = service(s, "port-80");
	assert_int_equal(v->exchanges, 20);
	assert_int_equal(v->client_count, 1);
	assert_string_equal(v->virtual_hosts[0], "www.example");
	fl_scan_free(s);
	(void)state;
}

static void a_host_that_is_passed_through_names_no_backend(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn user = tcp_conn(USER, 40000, WEB, 80), api = tcp_conn(WEB, 41000, "10.0.0.2", 8080);
	tcp_open(&n, &user);
	tcp_open(&n, &api);
	for (int i = 0; i < 10; i++)
		request(&n, &user, &api, GET("www.example"), GET("www.example"), OK);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, NULL, "10.0.0.2", 8080);
	assert_non_null(d);
	assert_int_equal(d->name_source, FL_NAME_NONE);
	assert_int_equal(d->host_asked_count, 1);
	assert_string_equal(d->hosts_asked[0], "www.example");
	assert_null(dependency(s, "www.example", NULL, 8080));
	fl_scan_free(s);
	(void)state;
}

static void a_pool_name_that_dns_could_not_hold_gives_way_to_the_address(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn api = tcp_conn(WEB, 41000, "10.0.0.2", 8080);
	tcp_open(&n, &api);
	tcp_text(&n, &api, 0, GET("api_pool"));
	tcp_text(&n, &api, 1, OK);
	struct fl_scan *s = net_scan(&n);
	assert_non_null(dependency(s, NULL, "10.0.0.2", 8080));
	fl_scan_free(s);
	(void)state;
}

static void two_names_on_one_address_are_two_dependencies(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	dns_lookup(&n, WEB, DNS, "one.example", "cdn.example", "203.0.113.9");
	struct conn one = tcp_conn(WEB, 41000, "203.0.113.9", 5000);
	tcp_open(&n, &one);
	tcp_text(&n, &one, 0, "hello");
	tcp_text(&n, &one, 1, "hello");
	dns_lookup(&n, WEB, DNS, "two.example", NULL, "203.0.113.9");
	struct conn two = tcp_conn(WEB, 41001, "203.0.113.9", 5000);
	tcp_open(&n, &two);
	tcp_text(&n, &two, 0, "hello");
	tcp_text(&n, &two, 1, "hello");
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "one.example", "203.0.113.9", 5000);
	assert_non_null(d);
	assert_int_equal(d->name_source, FL_NAME_DNS);
	assert_int_equal(d->cname_count, 1);
	assert_string_equal(d->cname_chain[0], "cdn.example");
	assert_string_equal(d->provider, "cdn.example");
	assert_non_null(dependency(s, "two.example", "203.0.113.9", 5000));
	assert_null(dependency(s, NULL, "203.0.113.9", 5000));
	fl_scan_free(s);
	(void)state;
}

static void queries_that_leave_one_socket_together_are_two_exchanges(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 30000, DNS, 53);
	uint8_t m[64] = { 1, 2, 1, 0, 0, 1 };
	size_t size = 12 + put_name(m + 12, "api.example");
	memcpy(m + size, "\0\1\0\1", 4);
	size += 4;
	net_send(&n, &c, 0, FL_TRANSPORT_UDP, 0, m, size);
	m[size - 3] = 28;
	net_send(&n, &c, 0, FL_TRANSPORT_UDP, 0, m, size);
	m[2] = 0x81, m[3] = 0x82; /* SERVFAIL */
	net_send(&n, &c, 1, FL_TRANSPORT_UDP, 0, m, size);
	net_send(&n, &c, 1, FL_TRANSPORT_UDP, 0, m, size);
	m[2] = 1, m[3] = 0;
	net_send(&n, &c, 0, FL_TRANSPORT_UDP, 0, m, size);
	n.now += SECOND; /* or it were a copy */
	net_send(&n, &c, 0, FL_TRANSPORT_UDP, 0, m, size);
	n.now += 20 * SECOND;
	dns_lookup(&n, WEB, DNS, "later.example", NULL, "203.0.113.1");
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependencies[0].exchanges, 5);
	assert_int_equal(s->dependencies[0].failures, 4); /* two errors, two without an answer */
	fl_scan_free(s);
	(void)state;
}

static void what_is_under_way_at_the_end_has_not_failed(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "203.0.113.8", 80);
	tcp_open(&n, &c);
	tcp_text(&n, &c, 0, GET("one.example"));
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "one.example", NULL, 80);
	assert_int_equal(d->exchanges, 1);
	assert_int_equal(d->failures, 0);
	fl_scan_free(s);
	(void)state;
}

static void a_sender_of_logs_that_nobody_answers_has_no_failures(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "10.0.0.9", 24224), u = tcp_conn(WEB, 41001, "10.0.0.9", 514);
	tcp_open(&n, &c);
	for (int i = 0; i < 5; i++) {
		tcp_text(&n, &c, 0, "line\n");
		net_send(&n, &c, 1, FL_TRANSPORT_TCP, FL_TCP_ACK, NULL, 0);
		net_send(&n, &u, 0, FL_TRANSPORT_UDP, 0, "<13>line", 8);
	}
	tcp_close(&n, &c);
	n.now += 20 * SECOND;
	dns_lookup(&n, WEB, DNS, "later.example", NULL, NULL);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(dependency(s, NULL, "10.0.0.9", 24224)->failures, 0);
	const struct fl_scan_dependency *d = dependency(s, NULL, "10.0.0.9", 514);
	assert_int_equal(d->failures, 0);
	assert_int_equal(d->connections.timed_out, 0);
	assert_false(d->answered);
	fl_scan_free(s);
	(void)state;
}

static void packets_of_connections_that_nobody_has_are_none(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn scan = tcp_conn("198.51.100.9", 40000, WEB, 22), forged = tcp_conn(WEB, 41000, "203.0.113.66", 443);
	net_send(&n, &scan, 0, FL_TRANSPORT_TCP, FL_TCP_ACK, NULL, 0);
	net_send(&n, &scan, 1, FL_TRANSPORT_TCP, FL_TCP_RST, NULL, 0);
	net_send(&n, &forged, 1, FL_TRANSPORT_TCP, FL_TCP_SYN | FL_TCP_ACK, NULL, 0);
	net_send(&n, &forged, 0, FL_TRANSPORT_TCP, FL_TCP_RST, NULL, 0);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 0);
	assert_int_equal(s->service_count, 0);
	fl_scan_free(s);
	(void)state;
}

static void session_tickets_are_no_answer(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	uint16_t port = 41000;
	for (int i = 0; i < 40; i++) {
		struct conn user = tcp_conn(USER, ++port, WEB, 443), db = tcp_conn(WEB, ++port, "10.0.0.9", 7000);
		uint8_t hello[256];
		tcp_open(&n, &user);
		tcp_say(&n, &user, 0, hello, put_hello(hello, "www.example"));
		tls_record(&n, &user, 1, 22, 120);
		tls_record(&n, &user, 1, 23, 900);
		tls_record(&n, &user, 0, 23, 2000); /* the client's certificate */
		tls_record(&n, &user, 0, 23, 53);   /* Finished */
		tls_record(&n, &user, 0, 23, 300);  /* request */
		tls_record(&n, &user, 1, 23, 250);  /* ticket */
		tcp_open(&n, &db);
		tcp_text(&n, &db, 0, "query");
		tcp_text(&n, &db, 1, "rows");
		tcp_close(&n, &db);
		tls_record(&n, &user, 1, 23, 500);  /* answer */
		tcp_close(&n, &user);
		n.now += SECOND;
	}
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(service(s, "port-443")->exchanges, 40);
	assert_int_equal(service(s, "port-443")->failures, 0);
	assert_int_equal(dependency(s, NULL, "10.0.0.9", 7000)->class, FL_CLASS_ON_REQUEST);
	fl_scan_free(s);
	(void)state;
}

static void a_body_that_looks_like_a_request_names_nobody(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "203.0.113.8", 80);
	tcp_open(&n, &c);
	tcp_text(&n, &c, 0, "POST / HTTP/1.1\r\nHost: real.example\r\nContent-Length: 60\r\nExpect: 100-continue\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 100 Continue\r\n\r\n");
	tcp_text(&n, &c, 0, GET("injected.evil"));
	tcp_text(&n, &c, 1, BROKEN);
	struct fl_scan *s = net_scan(&n);
	assert_null(dependency(s, "injected.evil", NULL, 80));
	const struct fl_scan_dependency *d = dependency(s, "real.example", NULL, 80);
	assert_int_equal(d->exchanges, 1);
	assert_int_equal(d->failures, 1);
	fl_scan_free(s);
	(void)state;
}

/* RFC 6455: frames go both ways when they like; one that looks like a request is none. */
static void what_follows_a_switch_of_protocols_is_no_exchange(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "203.0.113.8", 80);
	tcp_open(&n, &c);
	tcp_text(&n, &c, 0, GET("chat.example"));
	tcp_text(&n, &c, 1, OK);
	tcp_text(&n, &c, 0, "GET /chat HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
	for (int i = 0; i < 20; i++) {
		tcp_text(&n, &c, 0, "\x81\x85mask?????");
		n.now += SECOND;
		tcp_text(&n, &c, 1, "\x81\x05hello");
	}
	tcp_text(&n, &c, 0, GET("injected.evil"));
	tcp_text(&n, &c, 1, BROKEN);
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	assert_null(dependency(s, "injected.evil", NULL, 80));
	const struct fl_scan_dependency *d = dependency(s, "chat.example", NULL, 80);
	assert_int_equal(d->exchanges, 2);
	assert_int_equal(d->failures, 0);
	fl_scan_free(s);
	(void)state;
}

static void a_stamp_of_another_age_moves_no_window(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "203.0.113.8", 80);
	tcp_open(&n, &c);
	int64_t now = n.now;
	n.now = INT64_C(4294967295) * SECOND;
	tcp_text(&n, &c, 0, "x");
	n.now = now;
	tcp_text(&n, &c, 0, "y");
	struct fl_scan *s = net_scan(&n);
	assert_true(s->start_ns == T0 && s->end_ns < T0 + SECOND);
	fl_scan_free(s);
	(void)state;
}

static void a_lookup_that_no_connection_follows_is_no_dependency(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	dns_lookup(&n, WEB, DNS, "unused.example", NULL, "203.0.113.9");
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 1);
	assert_int_equal(s->dependencies[0].class, FL_CLASS_NAME_RESOLUTION);
	assert_int_equal(s->dependencies[0].port, 53);
	assert_int_equal(s->name_count, 1);
	assert_string_equal(s->names[0].name, "unused.example");
	fl_scan_free(s);
	(void)state;
}

static void a_connection_older_than_the_capture_is_named_by_a_later_answer(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn old = tcp_conn(WEB, 41000, "203.0.113.9", 5432);
	tcp_text(&n, &old, 0, "query");
	tcp_text(&n, &old, 1, "rows");
	dns_lookup(&n, WEB, DNS, "db.example", NULL, "203.0.113.9");
	tcp_text(&n, &old, 0, "query");
	tcp_text(&n, &old, 1, "rows");
	struct fl_scan *s = net_scan(&n);
	bool found = false;
	for (size_t i = 0; i < s->dependency_count; i++)
		found = found || (s->dependencies[i].name && strcmp(s->dependencies[i].name, "db.example") == 0 &&
				  s->dependencies[i].name_source == FL_NAME_DNS_LATER);
	assert_true(found);
	fl_scan_free(s);
	(void)state;
}

static void sni_over_two_segments_out_of_order_is_read(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "203.0.113.9", 443);
	uint8_t hello[256];
	size_t size = put_hello(hello, "api.vendor.example");
	tcp_open(&n, &c);
	struct conn later = c;
	later.seq[0] += 20;
	net_send(&n, &later, 0, FL_TRANSPORT_TCP, FL_TCP_ACK, hello + 20, size - 20);
	net_send(&n, &c, 0, FL_TRANSPORT_TCP, FL_TCP_ACK, hello, 20);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "api.vendor.example", "203.0.113.9", 443);
	assert_non_null(d);
	assert_int_equal(d->name_source, FL_NAME_TLS_SNI);
	assert_string_equal(d->application, "tls");
	assert_string_equal(d->provider, "vendor.example");
	fl_scan_free(s);
	(void)state;
}

static void tls_handshakes_and_alerts_are_no_exchanges(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "203.0.113.9", 443);
	uint8_t hello[256];
	tcp_open(&n, &c);
	tcp_say(&n, &c, 0, hello, put_hello(hello, "api.vendor.example"));
	tls_record(&n, &c, 1, 22, 120);  /* ServerHello */
	tls_record(&n, &c, 1, 23, 900);  /* rest of the server's handshake, protected */
	tls_record(&n, &c, 0, 20, 1);
	tls_record(&n, &c, 0, 23, 53);   /* Finished */
	tls_record(&n, &c, 1, 23, 250);  /* session ticket */
	for (int i = 0; i < 3; i++) {
		tls_record(&n, &c, 0, 23, 200);
		tls_record(&n, &c, 1, 23, 400);
	}
	tls_record(&n, &c, 0, 23, 19);   /* close_notify */
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "api.vendor.example", "203.0.113.9", 443);
	assert_int_equal(d->exchanges, 3);
	assert_int_equal(d->failures, 0);
	fl_scan_free(s);
	(void)state;
}

static void refused_unanswered_and_established_are_told_apart(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn refused = tcp_conn(WEB, 41000, "10.0.0.2", 81), silent = tcp_conn(WEB, 41001, "10.0.0.2", 82);
	struct conn good = tcp_conn(WEB, 41002, "10.0.0.2", 83);
	tcp_refuse(&n, &refused);
	tcp_syn(&n, &silent);
	n.now += SECOND;
	tcp_syn(&n, &silent);
	n.now += 2 * SECOND;
	tcp_syn(&n, &silent);
	tcp_open(&n, &good);
	tcp_text(&n, &good, 0, "x");
	tcp_text(&n, &good, 1, "y");
	n.now += 10 * SECOND;
	dns_lookup(&n, WEB, DNS, "late.example", NULL, NULL);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, NULL, "10.0.0.2", 81);
	assert_int_equal(d->connections.refused, 1);
	assert_false(d->answered);
	d = dependency(s, NULL, "10.0.0.2", 82);
	assert_int_equal(d->connections.tried, 1);
	assert_int_equal(d->connections.timed_out, 1);
	assert_int_equal(d->connections.syn_retransmits, 2);
	assert_false(d->answered);
	assert_int_equal(d->failed_address_count, 1);
	d = dependency(s, NULL, "10.0.0.2", 83);
	assert_int_equal(d->connections.established, 1);
	assert_true(d->answered);
	fl_scan_free(s);
	(void)state;
}

static void success_on_the_second_address_after_refusal_is_a_fail_over(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	dns_lookup(&n, WEB, DNS, "pay.example", NULL, "203.0.113.1");
	dns_lookup(&n, WEB, DNS, "pay.example", NULL, "203.0.113.2");
	struct conn first = tcp_conn(WEB, 41000, "203.0.113.1", 9000), second = tcp_conn(WEB, 41001, "203.0.113.2", 9000);
	tcp_refuse(&n, &first);
	tcp_open(&n, &second);
	tcp_text(&n, &second, 0, "pay");
	tcp_text(&n, &second, 1, "paid");
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "pay.example", NULL, 9000);
	assert_true(d->failover_seen);
	assert_int_equal(d->address_count, 2);
	assert_int_equal(d->failed_address_count, 1);
	fl_scan_free(s);
	(void)state;
}

static void connections_that_say_nothing_are_probes(void **state)
{
	struct net n = net_new("scanner", NULL, NULL);
	for (uint16_t i = 0; i < 3; i++) {
		struct conn c = tcp_conn(WEB, (uint16_t)(41000 + i), "10.0.0.2", 22);
		tcp_open(&n, &c);
		tcp_close(&n, &c);
	}
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, NULL, "10.0.0.2", 22);
	assert_int_equal(d->class, FL_CLASS_PROBE);
	assert_true(d->answered);
	fl_scan_free(s);
	(void)state;
}

static void the_same_question_to_many_at_a_beat_is_a_scrape(void **state)
{
	struct net n = net_new("monitor", NULL, NULL);
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 4; i++) {
			char target[32];
			snprintf(target, sizeof(target), "10.0.0.%d", 20 + i);
			struct conn c = tcp_conn(WEB, (uint16_t)(41000 + round * 10 + i), target, 9256);
			tcp_open(&n, &c);
			tcp_text(&n, &c, 0, "GET /stats HTTP/1.1\r\n\r\n");
			tcp_text(&n, &c, 1, OK);
			tcp_close(&n, &c);
		}
		n.now = T0 + (round + 1) * 15 * SECOND;
	}
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 4);
	for (size_t i = 0; i < s->dependency_count; i++)
		assert_int_equal(s->dependencies[i].class, FL_CLASS_PROBE);
	fl_scan_free(s);
	(void)state;
}

static void a_beat_that_ignores_requests_is_background_with_its_period(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn user = tcp_conn(USER, 40000, WEB, 80);
	tcp_open(&n, &user);
	for (int i = 0; i < 300; i++) {
		n.now = T0 + i * SECOND / 2;
		tcp_text(&n, &user, 0, GET("www.example"));
		tcp_text(&n, &user, 1, OK);
		if (i % 30 == 7) {
			struct conn c = tcp_conn(WEB, (uint16_t)(42000 + i), "203.0.113.4", 80);
			tcp_open(&n, &c);
			tcp_text(&n, &c, 0, GET("feed.example"));
			tcp_text(&n, &c, 1, OK);
			tcp_close(&n, &c);
		}
	}
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "feed.example", "203.0.113.4", 80);
	assert_int_equal(d->class, FL_CLASS_BACKGROUND);
	assert_true(d->period_s > 14.9 && d->period_s < 15.1);
	assert_true(d->coupling >= 0 && d->coupling <= 0);
	fl_scan_free(s);
	(void)state;
}

static void multicast_is_no_dependency(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 5353, "224.0.0.251", 5353);
	net_send(&n, &c, 0, FL_TRANSPORT_UDP, 0, "mdns", 4);
	struct fl_scan *s = net_scan(&n);
	assert_int_equal(s->dependency_count, 0);
	assert_int_equal(s->coverage.flows, 1);
	fl_scan_free(s);
	(void)state;
}

static void hosts_behind_one_request_stream_are_told_apart(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "203.0.113.8", 80);
	tcp_open(&n, &c);
	for (int i = 0; i < 3; i++) {
		tcp_text(&n, &c, 0, GET("one.example"));
		tcp_text(&n, &c, 1, OK);
		tcp_text(&n, &c, 0, GET("two.example"));
		tcp_text(&n, &c, 1, OK);
	}
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *one = dependency(s, "one.example", NULL, 80);
	const struct fl_scan_dependency *two = dependency(s, "two.example", NULL, 80);
	assert_int_equal(one->exchanges, 3);
	assert_int_equal(two->exchanges, 3);
	assert_int_equal(one->connections.tried + two->connections.tried, 1);
	fl_scan_free(s);
	(void)state;
}

static void a_host_with_two_addresses_is_one_client(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	/* both addresses behind one MAC: made by hand, traffic.h has one MAC an address */
	uint8_t query[64] = { 1, 2, 1, 0, 0, 1 };
	size_t size = 12 + put_name(query + 12, "api.example");
	memcpy(query + size, "\0\1\0\1", 4);
	size += 4;
	uint8_t answer[128];
	memcpy(answer, query, size);
	answer[2] = 0x81, answer[3] = 0x80, answer[7] = 1;
	memcpy(answer + size, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x09", 16);
	struct fl_packet p = { .has_mac = true, .transport = FL_TRANSPORT_UDP, .len = 100, .src = ip(WEB),
			       .dst = ip(DNS), .src_port = 3000, .dst_port = 53, .payload = { query, size },
			       .payload_len = (uint32_t)size, .time_ns = T0, .src_mac = "HHHHH", .dst_mac = "DDDDD" };
	fl_scanner_packet(n.scanner, &p);
	struct fl_packet r = { .has_mac = true, .transport = FL_TRANSPORT_UDP, .len = 100, .src = ip(DNS),
			       .dst = ip(WEB), .src_port = 53, .dst_port = 3000, .payload = { answer, size + 16 },
			       .payload_len = (uint32_t)size + 16, .time_ns = T0 + 1, .src_mac = "DDDDD",
			       .dst_mac = "HHHHH" };
	fl_scanner_packet(n.scanner, &r);
	struct fl_packet other = { .has_mac = true, .transport = FL_TRANSPORT_UDP, .len = 100, .src = ip("10.0.0.77"),
				   .dst = ip("10.0.0.8"), .src_port = 9, .dst_port = 9, .time_ns = T0 + 2,
				   .src_mac = "HHHHH", .dst_mac = "JJJJJ", .payload = { query, 3 },
				   .payload_len = 3 };
	fl_scanner_packet(n.scanner, &other);
	struct fl_packet syn = { .has_mac = true, .transport = FL_TRANSPORT_TCP, .len = 60, .src = ip("10.0.0.77"),
				 .dst = ip("203.0.113.9"), .src_port = 4000, .dst_port = 4001,
				 .tcp_flags = FL_TCP_SYN, .tcp_seq = 7, .time_ns = T0 + 3, .src_mac = "HHHHH",
				 .dst_mac = "FFFFF" };
	fl_scanner_packet(n.scanner, &syn);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "api.example", NULL, 4001);
	assert_non_null(d);
	assert_int_equal(d->name_source, FL_NAME_DNS);
	assert_int_equal(s->hosts[0].address_count, 2);
	fl_scan_free(s);
	(void)state;
}

#define PROXY "10.0.0.3"

static void say_hello(struct net *n, struct conn *c, const char *sni)
{
	uint8_t hello[512];
	tcp_say(n, c, 0, hello, put_hello(hello, sni));
}

static void a_connection_keeps_its_name_over_hours_of_silence(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "203.0.113.9", 443), other = tcp_conn(WEB, 41001, "203.0.113.9", 443);
	tcp_open(&n, &c);
	say_hello(&n, &c, "pool.example");
	tcp_text(&n, &c, 1, "some bytes");
	n.now += 3 * 3600 * SECOND;
	tcp_open(&n, &other); /* time goes on, and the silent flow ends */
	tcp_text(&n, &c, 0, "\x17\x03\x03 more");
	tcp_text(&n, &c, 1, "\x17\x03\x03 answer");
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, "pool.example", "203.0.113.9", 443);
	assert_non_null(d);
	assert_int_equal(d->connections.tried, 1);
	assert_int_equal(d->connections.midstream, 1);
	assert_int_equal(d->name_source, FL_NAME_TLS_SNI);
	fl_scan_free(s);
	(void)state;
}

static void of_a_thousand_silent_connections_each_keeps_its_name(void **state)
{
	enum { COUNT = 1000 };
	struct net n = net_new("web", NULL, NULL);
	static struct conn c[COUNT];
	char name[32];
	for (unsigned i = 0; i < COUNT; i++) {
		c[i] = tcp_conn(WEB, (uint16_t)(41000 + i), "203.0.113.9", 443);
		snprintf(name, sizeof(name), "n%u.example", i % 10);
		tcp_open(&n, &c[i]);
		say_hello(&n, &c[i], name);
		tcp_text(&n, &c[i], 1, "some bytes");
	}
	n.now += 3 * 3600 * SECOND;
	for (unsigned i = 0; i < COUNT; i++)
		tcp_text(&n, &c[i], 0, "\x17\x03\x03 more");
	struct fl_scan *s = net_scan(&n);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		const struct fl_scan_dependency *d = dependency(s, name, "203.0.113.9", 443);
		assert_non_null(d);
		assert_int_equal(d->connections.midstream, COUNT / 10);
	}
	fl_scan_free(s);
	(void)state;
}

static void a_target_behind_a_proxy_and_the_proxy_are_two_dependencies(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, PROXY, 3128);
	dns_lookup(&n, WEB, DNS, "proxy.internal", NULL, PROXY);
	tcp_open(&n, &c);
	tcp_text(&n, &c, 0, "CONNECT api.pay.example:443 HTTP/1.1\r\nHost: api.pay.example:443\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 200 Connection established\r\n\r\n");
	say_hello(&n, &c, "api.pay.example");
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *proxy = dependency(s, "proxy.internal", PROXY, 3128);
	const struct fl_scan_dependency *target = dependency(s, "api.pay.example", PROXY, 443);
	assert_non_null(proxy);
	assert_non_null(target);
	assert_null(dependency(s, "api.pay.example", NULL, 3128));
	assert_string_equal(proxy->application, "http");
	assert_int_equal(proxy->name_source, FL_NAME_DNS);
	assert_int_equal(proxy->connections.tried, 1);
	assert_int_equal(proxy->connections.established, 1);
	assert_int_equal(proxy->failures, 0);
	assert_string_equal(target->application, "tls");
	assert_int_equal(proxy->scope, FL_SCOPE_INTERNAL);
	assert_int_equal(target->scope, FL_SCOPE_EXTERNAL);
	assert_string_equal(target->provider, "pay.example");
	assert_int_equal(target->name_source, FL_NAME_TLS_SNI);
	assert_int_equal(target->connections.established, 1);
	assert_true(target->answered && target->exchanges == 1 && proxy->exchanges == 1);
	fl_scan_free(s);
	(void)state;
}

static void what_a_plain_proxy_is_asked_for_is_put_down_to_each_target(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, PROXY, 3128);
	dns_lookup(&n, WEB, DNS, "proxy.internal", NULL, PROXY);
	tcp_open(&n, &c);
	tcp_text(&n, &c, 0, "GET http://one.example/ HTTP/1.1\r\nHost: one.example\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	tcp_text(&n, &c, 0, "GET http://two.example:8080/ HTTP/1.1\r\nHost: two.example:8080\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n");
	tcp_text(&n, &c, 0, "GET http://one.example/again HTTP/1.1\r\nHost: one.example\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *proxy = dependency(s, "proxy.internal", PROXY, 3128);
	const struct fl_scan_dependency *one = dependency(s, "one.example", PROXY, 80);
	const struct fl_scan_dependency *two = dependency(s, "two.example", PROXY, 8080);
	assert_non_null(proxy);
	assert_non_null(one);
	assert_non_null(two);
	assert_int_equal(proxy->exchanges, 3);
	assert_int_equal(proxy->failures, 0);
	assert_int_equal(one->exchanges, 2);
	assert_int_equal(one->failures, 1);
	assert_int_equal(two->exchanges, 1);
	assert_int_equal(two->failures, 1);
	fl_scan_free(s);
	(void)state;
}

static void a_whole_uri_for_the_name_that_was_looked_up_asks_no_proxy(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, PROXY, 8000);
	dns_lookup(&n, WEB, DNS, "one.example", NULL, PROXY);
	tcp_open(&n, &c);
	tcp_text(&n, &c, 0, "GET http://one.example/ HTTP/1.1\r\nHost: one.example\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	assert_non_null(dependency(s, "one.example", PROXY, 8000));
	assert_null(dependency(s, "one.example", PROXY, 80));
	fl_scan_free(s);
	(void)state;
}

static void a_target_that_the_proxy_does_not_reach_fails_and_the_proxy_does_not(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, PROXY, 3128);
	tcp_open(&n, &c);
	tcp_text(&n, &c, 0, "CONNECT gone.example:443 HTTP/1.1\r\nHost: gone.example\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *proxy = dependency(s, NULL, PROXY, 3128);
	const struct fl_scan_dependency *target = dependency(s, "gone.example", PROXY, 443);
	assert_non_null(proxy);
	assert_non_null(target);
	assert_int_equal(proxy->failures, 0);
	assert_int_equal(target->failures, 1);
	assert_int_equal(target->connections.refused, 1);
	assert_int_equal(target->connections.established, 0);
	fl_scan_free(s);
	(void)state;
}

static void a_target_behind_socks_is_named_by_the_request(void **state)
{
	static const char greeting[] = "\5\1\0", accepted[] = "\5\0", ok[] = "\5\0\0\1\0\0\0\0\0\0";
	static const char request[] = "\5\1\0\3\x0a" "db.example\x15\x38";
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, PROXY, 1080);
	tcp_open(&n, &c);
	tcp_say(&n, &c, 0, greeting, 3);
	tcp_say(&n, &c, 1, accepted, 2);
	tcp_say(&n, &c, 0, request, sizeof(request) - 1);
	tcp_say(&n, &c, 1, ok, 10);
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *proxy = dependency(s, NULL, PROXY, 1080);
	const struct fl_scan_dependency *target = dependency(s, "db.example", PROXY, 5432);
	assert_non_null(proxy);
	assert_non_null(target);
	assert_string_equal(proxy->application, "socks");
	assert_int_equal(target->connections.established, 1);
	assert_int_equal(target->failures, 0);
	fl_scan_free(s);
	(void)state;
}

static void a_target_by_address_is_an_address(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, PROXY, 3128);
	tcp_open(&n, &c);
	tcp_text(&n, &c, 0, "CONNECT 192.0.2.80:8443 HTTP/1.1\r\n\r\n");
	tcp_text(&n, &c, 1, "HTTP/1.1 200 OK\r\n\r\n");
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	assert_non_null(dependency(s, NULL, "192.0.2.80", 8443));
	assert_non_null(dependency(s, NULL, PROXY, 3128));
	fl_scan_free(s);
	(void)state;
}

static void a_resolver_that_fails_over_tcp_fails(void **state)
{
	static const char query[] = "\0\x13\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1";
	static const char answer[] = "\0\x13\x12\x34\x81\x82\0\1\0\0\0\0\0\0\1a\0\0\1\0\1";
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, DNS, 53);
	tcp_open(&n, &c);
	tcp_say(&n, &c, 0, query, 21);
	tcp_say(&n, &c, 1, answer, 2); /* the length in a segment of its own */
	tcp_say(&n, &c, 1, answer + 2, 19);
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = dependency(s, NULL, DNS, 53);
	assert_non_null(d);
	assert_int_equal(d->exchanges, 1);
	assert_int_equal(d->failures, 1);
	fl_scan_free(s);
	(void)state;
}

/* A ClientHello that offers HTTP/2. */
static void say_http2_hello(struct net *n, struct conn *c, const char *sni)
{
	static const uint8_t alpn[] = { 0, 16, 0, 5, 0, 3, 2, 'h', '2' };
	uint8_t hello[512];
	size_t size = put_hello(hello, sni), extensions = 5 + 4 + 2 + 32 + 1 + 4 + 2;
	memcpy(hello + size, alpn, sizeof(alpn));
	hello[4] = (uint8_t)(hello[4] + sizeof(alpn));
	hello[8] = (uint8_t)(hello[8] + sizeof(alpn));
	hello[extensions + 1] = (uint8_t)(hello[extensions + 1] + sizeof(alpn));
	tcp_say(n, c, 0, hello, size + sizeof(alpn));
}

static uint64_t encrypted_dns_of(const char *sni)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 41000, "192.0.2.53", 443);
	tcp_open(&n, &c);
	say_http2_hello(&n, &c, sni);
	tcp_close(&n, &c);
	struct fl_scan *s = net_scan(&n);
	assert_non_null(dependency(s, sni, "192.0.2.53", 443));
	uint64_t count = 0;
	for (size_t i = 0; i < s->coverage.blind_spot_count; i++)
		if (strcmp(s->coverage.blind_spots[i].kind, "encrypted-dns") == 0)
			count = s->coverage.blind_spots[i].count;
	fl_scan_free(s);
	return count;
}

static void public_resolvers_over_https_are_a_blind_spot(void **state)
{
	assert_int_equal(encrypted_dns_of("dns.google"), 1);
	assert_int_equal(encrypted_dns_of("mozilla.cloudflare-dns.com"), 1);
	assert_int_equal(encrypted_dns_of("notdns.google"), 0);
	assert_int_equal(encrypted_dns_of("www.google"), 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_resolvers_over_https_are_a_blind_spot),
		cmocka_unit_test(a_connection_keeps_its_name_over_hours_of_silence),
		cmocka_unit_test(of_a_thousand_silent_connections_each_keeps_its_name),
		cmocka_unit_test(a_target_behind_a_proxy_and_the_proxy_are_two_dependencies),
		cmocka_unit_test(what_a_plain_proxy_is_asked_for_is_put_down_to_each_target),
		cmocka_unit_test(a_whole_uri_for_the_name_that_was_looked_up_asks_no_proxy),
		cmocka_unit_test(a_target_that_the_proxy_does_not_reach_fails_and_the_proxy_does_not),
		cmocka_unit_test(a_target_behind_socks_is_named_by_the_request),
		cmocka_unit_test(a_target_by_address_is_an_address),
		cmocka_unit_test(a_resolver_that_fails_over_tcp_fails),
		cmocka_unit_test(a_backend_called_inside_requests_is_on_request_with_its_fan_out),
		cmocka_unit_test(a_host_that_is_passed_through_names_no_backend),
		cmocka_unit_test(a_pool_name_that_dns_could_not_hold_gives_way_to_the_address),
		cmocka_unit_test(two_names_on_one_address_are_two_dependencies),
		cmocka_unit_test(queries_that_leave_one_socket_together_are_two_exchanges),
		cmocka_unit_test(what_is_under_way_at_the_end_has_not_failed),
		cmocka_unit_test(a_sender_of_logs_that_nobody_answers_has_no_failures),
		cmocka_unit_test(packets_of_connections_that_nobody_has_are_none),
		cmocka_unit_test(session_tickets_are_no_answer),
		cmocka_unit_test(a_body_that_looks_like_a_request_names_nobody),
		cmocka_unit_test(what_follows_a_switch_of_protocols_is_no_exchange),
		cmocka_unit_test(a_stamp_of_another_age_moves_no_window),
		cmocka_unit_test(a_lookup_that_no_connection_follows_is_no_dependency),
		cmocka_unit_test(a_connection_older_than_the_capture_is_named_by_a_later_answer),
		cmocka_unit_test(sni_over_two_segments_out_of_order_is_read),
		cmocka_unit_test(tls_handshakes_and_alerts_are_no_exchanges),
		cmocka_unit_test(refused_unanswered_and_established_are_told_apart),
		cmocka_unit_test(success_on_the_second_address_after_refusal_is_a_fail_over),
		cmocka_unit_test(connections_that_say_nothing_are_probes),
		cmocka_unit_test(the_same_question_to_many_at_a_beat_is_a_scrape),
		cmocka_unit_test(a_beat_that_ignores_requests_is_background_with_its_period),
		cmocka_unit_test(multicast_is_no_dependency),
		cmocka_unit_test(hosts_behind_one_request_stream_are_told_apart),
		cmocka_unit_test(a_host_with_two_addresses_is_one_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
