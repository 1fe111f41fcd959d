/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_window.c - the windows of a capture add up to the scan of the whole
 *
 * Recordings are cut at every so many packets; each window is also written up half-way, which must not change it. Sums are compared
 * exactly. Exchanges of services are no more than in the whole: a window lists who answered in it. Recordings in which the host cannot be
 * told are left out: which addresses are its own is decided window by window there.
 */
#include "unit.h"

#include <glob.h>

#include "traffic.h"
#include "faultline/source.h"

#define WEB "10.0.0.1"
#define API "10.0.0.2"
#define DNS "10.0.0.53"

enum { CELLS = 16, CELLS_OF_USE = 11, ROWS = 8192 };

struct row {
	char key[320];
	uint64_t cell[CELLS];
};

struct sums {
	struct row *rows;
	size_t count;
	uint64_t packets, bytes, flows, answers, looked_up, service_exchanges, service_connections;
};

static struct sums sums_new(void)
{
	return (struct sums){ .rows = fl_alloc_array(ROWS, sizeof(struct row)) };
}

static struct row *row_of(struct sums *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->rows[i].key, key) == 0)
			return &s->rows[i];
	assert_true(s->count < ROWS);
	struct row *r = &s->rows[s->count++];
	snprintf(r->key, sizeof(r->key), "%s", key);
	return r;
}

static void add_dependency(struct sums *s, const struct fl_scan_dependency *d)
{
	char key[320], address[FL_ADDR_TEXT];
	snprintf(key, sizeof(key), "%s:%u/%s", d->name ? d->name : fl_addr_format(&d->addresses[0], address), d->port,
		 d->transport);
	struct row *r = row_of(s, key);
	const struct fl_connections *c = &d->connections;
	const uint64_t values[CELLS] = {
		c->tried, c->established, c->refused, c->timed_out, c->reset, c->midstream, c->syn_retransmits,
		d->exchanges, d->failures, d->bytes_out, d->bytes_in,
		d->measures ? d->measures->connect.count : 0, d->measures ? d->measures->first_byte.count : 0,
		d->measures ? d->measures->duration.count : 0,
	};
	uint64_t seen = 0;
	for (size_t i = 0; i < CELLS; i++) {
		r->cell[i] += values[i];
		seen += i < CELLS_OF_USE ? values[i] : 0;
	}
	assert_true(d->answered || seen > 0); /* nothing is called unanswered that was not tried in this window */
}

static void add_scan(struct sums *s, const struct fl_scan *scan)
{
	s->packets += scan->coverage.packets;
	s->bytes += scan->coverage.bytes;
	s->flows += scan->coverage.flows;
	s->answers += scan->coverage.name_answers;
	for (size_t i = 0; i < scan->name_count; i++)
		s->looked_up += scan->names[i].count;
	for (size_t i = 0; i < scan->service_count; i++) {
		s->service_exchanges += scan->services[i].exchanges;
		s->service_connections += scan->services[i].connections;
	}
	for (size_t i = 0; i < scan->dependency_count; i++)
		add_dependency(s, &scan->dependencies[i]);
}

static struct fl_scanner *scanner_of(const struct fl_scan *whole)
{
	struct fl_scanner_options o = { .point = "x", .source = "file", .memory = 16 << 20 };
	struct fl_scanner *s = fl_scanner_new(&o);
	for (size_t i = 0; whole && i < whole->host_count; i++)
		for (size_t k = 0; k < whole->hosts[i].address_count; k++)
			fl_locality_declare(fl_scanner_locality(s), &whole->hosts[i].addresses[k], "given");
	return s;
}

/* The scan of @path in windows of @packets; all are added to @sums, the last is returned. */
static struct fl_scan *scan_in_windows(const char *path, const struct fl_scan *whole, size_t packets, struct sums *sums)
{
	struct fl_error err;
	struct fl_source *source;
	struct fl_packet p;
	int64_t latest = 0;
	struct fl_scanner *s = scanner_of(whole);
	assert_int_equal(fl_source_open_file(&source, path, NULL, &err), 0);
	for (size_t n = 1; fl_source_next(source, &p, &err) == 1; n++) {
		if (p.time_ns > latest)
			latest = p.time_ns;
		fl_scanner_packet(s, &p);
		if (packets && n % packets == packets / 2)
			fl_scan_free(fl_scanner_so_far(s, latest));
		if (packets && n % packets == 0) {
			struct fl_scan *window = fl_scanner_cut(s, latest);
			add_scan(sums, window);
			fl_scan_free(window);
		}
	}
	fl_scanner_counters(s, fl_source_counters(source));
	fl_source_close(source);
	struct fl_scan *last = fl_scanner_finish(s);
	add_scan(sums, last);
	fl_scanner_free(s);
	return last;
}

static uint64_t total(const struct sums *s, size_t cell)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->count; i++)
		n += s->rows[i].cell[cell];
	return n;
}

static const char *const cell_names[CELLS] = { "tried", "established", "refused", "timed out", "reset", "midstream",
	"SYN retransmits", "exchanges", "failures", "bytes out", "bytes in", "connect times", "first bytes", "durations",
	"", "" };

static void assert_sums(const char *path, size_t packets, const struct sums *a, const struct sums *b)
{
	bool same = a->packets == b->packets && a->bytes == b->bytes && a->flows == b->flows &&
		    a->answers == b->answers && a->looked_up == b->looked_up &&
		    a->service_exchanges >= b->service_exchanges && a->service_connections == b->service_connections;
	if (!same)
		print_message("%s/%zu: packets %zu %zu, bytes %zu %zu, flows %zu %zu, answers %zu %zu, %zu %zu, services %zu %zu, %zu %zu\n", path, packets, a->packets,
			      b->packets, a->bytes, b->bytes, a->flows, b->flows, a->answers, b->answers, a->looked_up,
			      b->looked_up, a->service_exchanges, b->service_exchanges, a->service_connections,
			      b->service_connections);
	for (size_t i = 0; i < CELLS; i++) {
		if (total(a, i) == total(b, i))
			continue;
		same = false;
		print_message("%s in windows of %zu packets: %s %zu, whole %zu\n", path, packets, cell_names[i],
			      (size_t)total(b, i), (size_t)total(a, i));
	}
	assert_true(same);
}

static void check_recording(const char *path)
{
	static const size_t sizes[] = { 7, 100, 1500, 40000 };
	struct sums none = sums_new();
	struct fl_scan *first = scan_in_windows(path, NULL, 0, &none);
	struct sums whole = sums_new();
	bool known = first->host_count == 1 && first->hosts[0].address_count > 0;
	fl_scan_free(scan_in_windows(path, first, 0, &whole));
	for (size_t i = 0; known && i < FL_ARRAY_LEN(sizes); i++) {
		if (whole.packets / sizes[i] > 12)
			continue;
		struct sums parts = sums_new();
		fl_scan_free(scan_in_windows(path, first, sizes[i], &parts));
		assert_sums(path, sizes[i], &whole, &parts);
		free(parts.rows);
	}
	fl_scan_free(first);
	free(none.rows);
	free(whole.rows);
}

static void windows_of_recordings_add_up_to_the_whole(void **state)
{
	const char *pattern = *state;
	glob_t found;
	if (glob(pattern, 0, NULL, &found) != 0)
		skip();
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_recording(found.gl_pathv[i]);
	globfree(&found);
}

static const struct fl_scan_dependency *dependency_on(const struct fl_scan *s, uint16_t port)
{
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].port == port)
			return &s->dependencies[i];
	return NULL;
}

static struct net own_net(void)
{
	struct net n = net_new("web", NULL, NULL);
	struct fl_addr web = ip(WEB);
	fl_locality_declare(fl_scanner_locality(n.scanner), &web, "given");
	return n;
}

static void ask(struct net *n, struct conn *c)
{
	tcp_text(n, c, 0, "GET / HTTP/1.1\r\nHost: api.internal\r\n\r\n");
	tcp_text(n, c, 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void a_connection_counts_once_and_keeps_its_name(void **state)
{
	(void)state;
	struct net n = own_net();
	struct conn c = tcp_conn(WEB, 40000, API, 8080);
	dns_lookup(&n, WEB, DNS, "api.internal", NULL, API);
	tcp_open(&n, &c);
	ask(&n, &c);
	struct fl_scan *first = fl_scanner_cut(n.scanner, n.now);
	n.now += 200 * SECOND;
	ask(&n, &c);
	struct fl_scan *second = fl_scanner_cut(n.scanner, n.now);
	n.now += 200 * SECOND;
	struct fl_scan *third = fl_scanner_cut(n.scanner, n.now);
	const struct fl_scan_dependency *a = dependency_on(first, 8080), *b = dependency_on(second, 8080);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(dependency_on(third, 8080));
	assert_int_equal(a->connections.tried + a->connections.established, 2);
	assert_int_equal(a->connections.carried, 0);
	assert_int_equal(b->connections.tried + b->connections.established, 0);
	assert_int_equal(b->connections.carried, 1);
	assert_int_equal(b->exchanges, 1);
	assert_true(b->answered);
	assert_string_equal(b->name, "api.internal");
	assert_true(second->start_ns == first->end_ns && third->start_ns == second->end_ns);
	assert_true(b->first_seen_ns >= second->start_ns && b->last_seen_ns <= second->end_ns);
	assert_int_equal(third->name_count, 0);
	fl_scan_free(first);
	fl_scan_free(second);
	fl_scan_free(third);
	fl_scan_free(net_scan(&n));
}

static void names_last_though_their_texts_move(void **state)
{
	(void)state;
	struct net n = own_net();
	struct conn c = tcp_conn(WEB, 40000, API, 8080), later = tcp_conn(WEB, 40001, API, 8080);
	dns_lookup(&n, WEB, DNS, "api.internal", NULL, API);
	tcp_open(&n, &c);
	ask(&n, &c);
	for (int i = 0; i < 20000; i++) { /* more than half of the pool */
		char name[64];
		snprintf(name, sizeof(name), "host-%d.a-domain-with-a-long-name.example", i);
		dns_lookup(&n, WEB, DNS, name, NULL, "192.0.2.1");
		if (i % 2000 == 0)
			fl_scan_free(fl_scanner_cut(n.scanner, n.now));
	}
	fl_scan_free(fl_scanner_cut(n.scanner, n.now));
	ask(&n, &c);
	tcp_open(&n, &later);
	tcp_text(&n, &later, 0, "\x01");
	tcp_text(&n, &later, 1, "\x02");
	struct fl_scan *scan = net_scan(&n);
	const struct fl_scan_dependency *d = dependency_on(scan, 8080);
	assert_non_null(d);
	assert_string_equal(d->name, "api.internal");
	assert_int_equal(d->connections.carried, 1);
	assert_int_equal(d->connections.tried, 1);
	for (size_t i = 0; i < scan->coverage.limit_count; i++)
		assert_string_not_equal(scan->coverage.limits[i].name, "names");
	fl_scan_free(scan);
}

static void an_attempt_that_is_under_way_counts_once_and_fails_later(void **state)
{
	(void)state;
	struct net n = own_net();
	struct conn c = tcp_conn(WEB, 40000, API, 8080), other = tcp_conn(WEB, 40001, API, 9090);
	tcp_syn(&n, &c);
	tcp_open(&n, &other);
	n.now += 10 * SECOND;
	tcp_text(&n, &other, 0, "x");
	struct fl_scan *first = fl_scanner_cut(n.scanner, n.now);
	n.now += 200 * SECOND;
	tcp_text(&n, &other, 1, "y");
	struct fl_scan *second = net_scan(&n);
	assert_int_equal(dependency_on(first, 8080)->connections.tried, 1);
	assert_int_equal(dependency_on(first, 8080)->connections.timed_out, 0);
	assert_int_equal(dependency_on(second, 8080)->connections.tried, 0);
	assert_int_equal(dependency_on(second, 8080)->connections.timed_out, 1);
	assert_int_equal(first->coverage.flows + second->coverage.flows, 2);
	fl_scan_free(first);
	fl_scan_free(second);
}

static uint64_t outcomes(const struct fl_behaviour *b)
{
	uint64_t all = 0;
	for (size_t i = 0; b && i < FL_OUTCOME_COUNT; i++)
		all += b->outcome[i];
	return all;
}

static void work_that_waits_when_a_window_is_cut_is_a_stall_of_it_and_counts_in_the_next(void **state)
{
	enum { AT_ONCE = 4, BEFORE = 40 };
	(void)state;
	struct net n = own_net();
	struct conn c[AT_ONCE];
	for (int i = 0; i < AT_ONCE; i++) {
		c[i] = tcp_conn(WEB, (uint16_t)(40000 + i), API, 8080);
		tcp_open(&n, &c[i]);
	}
	for (int i = 0; i < BEFORE; i++, n.now += SECOND / 4) {
		tcp_text(&n, &c[i % AT_ONCE], 0, "GET / HTTP/1.1\r\nHost: api\r\n\r\n");
		tcp_text(&n, &c[i % AT_ONCE], 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	}
	for (int i = 0; i < AT_ONCE; i++)
		tcp_text(&n, &c[i], 0, "GET / HTTP/1.1\r\nHost: api\r\n\r\n");
	n.now += 20 * SECOND;
	struct fl_scan *so_far = fl_scanner_so_far(n.scanner, n.now), *first = fl_scanner_cut(n.scanner, n.now);
	for (int i = 0; i < AT_ONCE; i++)
		tcp_text(&n, &c[i], 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	n.now += SECOND;
	struct fl_scan *second = net_scan(&n);
	const struct fl_scan *cut[] = { so_far, first };
	for (size_t i = 0; i < FL_ARRAY_LEN(cut); i++) {
		const struct fl_behaviour *b = dependency_on(cut[i], 8080)->behaviour;
		assert_non_null(b);
		assert_int_equal(b->in_flight_max, AT_ONCE);
		assert_int_equal(b->interval_count, 1);
		assert_int_equal(b->intervals[0].kind, FL_INTERVAL_STALL);
		assert_int_equal(outcomes(b), BEFORE);
	}
	const struct fl_scan_dependency *later = dependency_on(second, 8080);
	assert_true(!later->behaviour || outcomes(later->behaviour) == AT_ONCE);
	fl_scan_free(so_far);
	fl_scan_free(first);
	fl_scan_free(second);
}

int main(void)
{
	static char demo[] = FL_SOURCE_ROOT "/tests/demo/captures/*.pcap.gz", shared[] = FL_SOURCE_ROOT "/../shared/corpus/*.pcap*";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_counts_once_and_keeps_its_name),
		cmocka_unit_test(names_last_though_their_texts_move),
		cmocka_unit_test(an_attempt_that_is_under_way_counts_once_and_fails_later),
		cmocka_unit_test(work_that_waits_when_a_window_is_cut_is_a_stall_of_it_and_counts_in_the_next),
		{ .name = "windows of the demo's recordings add up to the whole",
		  .test_func = windows_of_recordings_add_up_to_the_whole,
		  .initial_state = demo },
		{ .name = "windows of the shared recordings add up to the whole",
		  .test_func = windows_of_recordings_add_up_to_the_whole,
		  .initial_state = shared },
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
