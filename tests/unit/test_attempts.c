/* SPDX-License-Identifier: BSD-2-Clause */
/* test_attempts.c - made traffic of callers with known policies, and the facts that come out */
#include "unit.h"

#include <math.h>

#include "traffic.h"

#define WEB "10.0.0.1"
#define API "10.0.0.2"
#define SPARE "10.0.0.3"
#define USER "192.0.2.7"
#define MS (SECOND / 1000)

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BROKEN "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

static const struct fl_scan_dependency *api_of(const struct fl_scan *s)
{
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].port == 8080 || s->dependencies[i].port == 443 || s->dependencies[i].port == 5432)
			return &s->dependencies[i];
	fail_msg("no dependency");
	return NULL;
}

static bool near(double value, double wanted)
{
	return fabs(value - wanted) <= 0.1 * wanted + 0.002;
}

/* ---- a caller with a policy ---- */

enum failure { SAYS_503, REFUSES, RESETS, HANGS, SILENT };

struct policy {
	const char *sentence;
	enum failure failure;
	bool tls, pooled;
	int64_t wait_ms;                /* until it gives up */
	int64_t pause_ms[4];
	size_t retries;
	size_t recovers_at;             /* attempt that works in every call; 0: none */
};

struct caller {
	struct net n;
	struct conn user, backend;
	uint16_t port;
	bool open;
};

static void tls_open(struct net *n, struct conn *c)
{
	uint8_t hello[256];
	tcp_say(n, c, 0, hello, put_hello(hello, "api.vendor.example"));
	tls_record(n, c, 1, 22, 120);
	tls_record(n, c, 1, 23, 900);
	tls_record(n, c, 0, 20, 1);
	tls_record(n, c, 0, 23, 53);
}

static void ask(struct caller *k, const struct policy *p, const char *text)
{
	if (p->tls)
		tls_record(&k->n, &k->backend, 0, 23, 180);
	else
		tcp_text(&k->n, &k->backend, 0, text);
}

static void reply(struct caller *k, const struct policy *p, bool well)
{
	if (!p->tls) {
		tcp_text(&k->n, &k->backend, 1, well ? OK : BROKEN);
		return;
	}
	tls_record(&k->n, &k->backend, 1, 23, 300);
	tls_record(&k->n, &k->backend, 1, 23, 17);
}

static void give_up(struct caller *k)
{
	net_send(&k->n, &k->backend, 0, FL_TRANSPORT_TCP, FL_TCP_FIN | FL_TCP_ACK, NULL, 0);
	k->backend.seq[0]++;
	k->open = false;
}

/* The connection for the next attempt; false when the attempt ends with it. */
static bool get_connection(struct caller *k, const struct policy *p, bool well)
{
	if (k->open && p->pooled)
		return true;
	k->backend = tcp_conn(WEB, ++k->port, API, p->tls ? 443 : 8080);
	if (!well && p->failure == REFUSES) {
		tcp_refuse(&k->n, &k->backend);
		return false;
	}
	if (!well && p->failure == SILENT) {
		int64_t begin = k->n.now;
		tcp_syn(&k->n, &k->backend);
		for (int64_t again = 1000; again < p->wait_ms; again = 2 * again + 1000) {
			k->n.now = begin + again * MS;
			tcp_syn(&k->n, &k->backend);
		}
		k->n.now = begin + p->wait_ms * MS;
		return false;
	}
	tcp_open(&k->n, &k->backend);
	if (p->tls)
		tls_open(&k->n, &k->backend);
	k->open = true;
	return true;
}

static void attempt(struct caller *k, const struct policy *p, bool well, const char *text)
{
	if (!get_connection(k, p, well))
		return;
	ask(k, p, text);
	k->n.now += 4 * MS;
	if (well || p->failure == SAYS_503) {
		reply(k, p, well);
	} else if (p->failure == RESETS) {
		net_send(&k->n, &k->backend, 1, FL_TRANSPORT_TCP, FL_TCP_RST | FL_TCP_ACK, NULL, 0);
		k->open = false;
	} else {
		k->n.now += (p->wait_ms - 5) * MS;
		give_up(k);
	}
	if (!p->pooled && k->open) {
		tcp_close(&k->n, &k->backend);
		k->open = false;
	}
}

/* One inbound request and the call it needs. */
static void request(struct caller *k, const struct policy *p, int i, bool ill)
{
	char inbound[80], outbound[80];
	snprintf(inbound, sizeof(inbound), "GET /shop/%d HTTP/1.1\r\nHost: www\r\n\r\n", i);
	snprintf(outbound, sizeof(outbound), "GET /rates/%d HTTP/1.1\r\nHost: api.vendor.example\r\n\r\n", i);
	tcp_text(&k->n, &k->user, 0, inbound);
	k->n.now += 2 * MS;
	for (size_t a = 0; a <= p->retries; a++) {
		bool well = !ill || (p->recovers_at && a + 1 == p->recovers_at);
		attempt(k, p, well, outbound);
		if (well)
			break;
		if (a < p->retries)
			k->n.now += p->pause_ms[a] * MS;
	}
	tcp_text(&k->n, &k->user, 1, ill ? BROKEN : OK);
}

static struct fl_scan *run(const struct policy *p)
{
	struct caller k = { .n = net_new("web", NULL, NULL), .port = 40000 };
	dns_lookup(&k.n, WEB, "10.0.0.53", "api.vendor.example", NULL, API);
	k.user = tcp_conn(USER, 30000, WEB, 80);
	tcp_open(&k.n, &k.user);
	int64_t begin = k.n.now;
	for (int i = 0; i < 60; i++) {
		int64_t due = begin + (int64_t)i * 400 * MS + (i * 7919 % 100) * MS;
		k.n.now = k.n.now > due ? k.n.now + 20 * MS : due;
		request(&k, p, i, i >= 20 && i < 40);
	}
	k.n.now += 30 * SECOND;
	tcp_close(&k.n, &k.user);
	return net_scan(&k.n);
}

static const struct policy policies[] = {
	{ "a caller that does not try again", SAYS_503, .pooled = true, .retries = 0 },
	{ "one that tries again at once", SAYS_503, .pooled = true, .retries = 2, .pause_ms = { 0, 0 } },
	{ "one that waits as long each time", SAYS_503, .pooled = true, .retries = 3, .pause_ms = { 200, 200, 200 } },
	{ "one that waits longer by steps", SAYS_503, .pooled = true, .retries = 3, .pause_ms = { 100, 200, 300 } },
	{ "one that doubles", SAYS_503, .pooled = true, .retries = 4, .pause_ms = { 50, 100, 200, 400 } },
	{ "one that succeeds at the third attempt", SAYS_503, .pooled = true, .retries = 4, .pause_ms = { 50, 100, 200, 400 },
	  .recovers_at = 3 },
	{ "a connection for each request", SAYS_503, .retries = 2, .pause_ms = { 150, 150 } },
	{ "refused connections", REFUSES, .retries = 2, .pause_ms = { 300, 300 } },
	{ "resets behind TLS, with doubling", RESETS, .tls = true, .retries = 3, .pause_ms = { 100, 200, 400 } },
	{ "a response timeout", HANGS, .pooled = true, .wait_ms = 500, .retries = 0 },
	{ "a response timeout behind TLS, and another try", HANGS, .tls = true, .wait_ms = 400, .retries = 2,
	  .pause_ms = { 250, 250 } },
	{ "nobody at home, the next try at once", SILENT, .wait_ms = 350, .retries = 1, .pause_ms = { 0 } },
	{ "a connect timeout beyond the first SYN of the kernel's own", SILENT, .wait_ms = 2500, .retries = 0 },
};

static void check_gaps(const struct policy *p, const struct fl_retries *r)
{
	size_t pauses = p->recovers_at ? p->recovers_at - 1 : p->retries;
	for (size_t i = 0; i < pauses; i++) {
		if (r->gap[i].count != 20 || !near(r->gap[i].p50, (double)p->pause_ms[i] / 1e3))
			fail_msg("%s: pause %zu is %g, %g .. %g, %d times", p->sentence, i, r->gap[i].p50, r->gap[i].min, r->gap[i].max,
				 (int)r->gap[i].count);
	}
	if (r->gap[pauses].count)
		fail_msg("%s: one pause too many", p->sentence);
}

static void check_outcomes(const struct policy *p, const struct fl_behaviour *b)
{
	static const enum fl_outcome outcomes[] = { [SAYS_503] = FL_OUTCOME_ERROR, [REFUSES] = FL_OUTCOME_REFUSED,
						    [RESETS] = FL_OUTCOME_RESET, [HANGS] = FL_OUTCOME_RESPONSE_TIMEOUT,
						    [SILENT] = FL_OUTCOME_CONNECT_TIMEOUT };
	uint64_t failing = 20 * (p->recovers_at ? p->recovers_at - 1 : p->retries + 1);
	if (b->outcome[outcomes[p->failure]] != failing)
		fail_msg("%s: %d failures, not %d", p->sentence, (int)b->outcome[outcomes[p->failure]], (int)failing);
	const struct fl_spread *wait = p->failure == SILENT ? &b->connect_timeout : &b->response_timeout;
	if (p->wait_ms && (!wait->count || !near(wait->p50, (double)p->wait_ms / 1e3)))
		fail_msg("%s: gives up after %g", p->sentence, wait->p50);
	const struct fl_spread *other = p->failure == SILENT ? &b->response_timeout : &b->connect_timeout;
	if (other->count || !isnan(other->p50))
		fail_msg("%s: a timeout that nobody observed", p->sentence);
}

static void callers_are_known_by_what_they_do_when_it_fails(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(policies); i++) {
		const struct policy *p = &policies[i];
		struct fl_scan *s = run(p);
		const struct fl_behaviour *b = api_of(s)->behaviour;
		const struct fl_retries *r = &b->retries;
		assert_non_null(b);
		check_outcomes(p, b);
		if (r->calls != 20 || r->retried != (p->retries ? 20 : 0))
			fail_msg("%s: %d calls failed, %d were tried again", p->sentence, (int)r->calls, (int)r->retried);
		if (p->recovers_at ? r->recovered[p->recovers_at - 1] != 20 : r->gave_up[p->retries] != 20)
			fail_msg("%s: ends elsewhere", p->sentence);
		check_gaps(p, r);
		fl_scan_free(s);
	}
	(void)state;
}

static void an_outage_has_its_begin_and_its_end(void **state)
{
	struct fl_scan *s = run(&policies[1]);
	const struct fl_behaviour *b = api_of(s)->behaviour;
	assert_int_equal(b->interval_count, 1);
	assert_int_equal(b->intervals[0].kind, FL_INTERVAL_OUTAGE);
	assert_int_equal(b->intervals[0].failures, 60);
	double lasts = (double)(b->intervals[0].end_ns - b->intervals[0].start_ns) / 1e9;
	assert_true(lasts > 7.8 && lasts < 8.2);
	assert_true(near(b->calls_per_inbound, 1));
	assert_true(near(b->nested_share, 1));
	assert_true(b->coupling_p < 0.02);
	uint64_t started = 0, failed = 0;
	for (size_t i = 0; i < b->series.count; i++) {
		started += b->series.bucket[i].started;
		failed += b->series.bucket[i].failed;
	}
	assert_int_equal(started, 100);
	assert_int_equal(failed, 60);
	assert_int_equal(b->series.start_ns % b->series.width_ns, 0);
	fl_scan_free(s);
	(void)state;
}

/* ---- single cases ---- */

static struct fl_scan *one_call(void (*act)(struct net *n, struct conn *c))
{
	struct net n = net_new("web", NULL, NULL);
	struct conn user = tcp_conn(USER, 30000, WEB, 80), c = tcp_conn(WEB, 40000, API, 8080);
	tcp_open(&n, &user);
	tcp_text(&n, &user, 0, "GET / HTTP/1.1\r\nHost: www\r\n\r\n");
	act(&n, &c);
	tcp_text(&n, &user, 1, OK);
	n.now += 20 * SECOND;
	tcp_close(&n, &user);
	return net_scan(&n);
}

static void say_goodbye(struct net *n, struct conn *c)
{
	tcp_open(n, c);
	tcp_text(n, c, 0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	n->now -= MS / 2;
	tcp_close(n, c);
}

static void last_words_are_no_timeout(void **state)
{
	struct fl_scan *s = one_call(say_goodbye);
	assert_null(api_of(s)->behaviour); /* nothing failed, and there is too little */
	fl_scan_free(s);
	(void)state;
}

static void answer_too_late(struct net *n, struct conn *c)
{
	tcp_open(n, c);
	tcp_text(n, c, 0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	n->now += 700 * MS;
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_FIN | FL_TCP_ACK, NULL, 0);
	c->seq[0]++;
	n->now += 900 * MS;
	tcp_text(n, c, 1, OK);
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_RST, NULL, 0);
}

static void an_answer_to_nobody_changes_nothing(void **state)
{
	struct fl_scan *s = one_call(answer_too_late);
	const struct fl_behaviour *b = api_of(s)->behaviour;
	assert_non_null(b);
	assert_int_equal(b->outcome[FL_OUTCOME_RESPONSE_TIMEOUT], 1);
	assert_int_equal(b->outcome[FL_OUTCOME_ANSWERED], 0);
	assert_true(near(b->response_timeout.p50, 0.701));
	fl_scan_free(s);
	(void)state;
}

/* The answer is not in the capture, though the client acknowledges it; it says goodbye when it has the next pause. */
static void lose_the_answer(struct net *n, struct conn *c)
{
	*c = tcp_conn(WEB, 40001, API, 8080);
	tcp_open(n, c);
	tcp_text(n, c, 0, "GET /x HTTP/1.1\r\nHost: api\r\n\r\n");
	c->seq[1] += 300;
	n->now += 5 * MS;
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_ACK, NULL, 0);
	n->now += 700 * MS;
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_FIN | FL_TCP_ACK, NULL, 0);
}

/* Nothing at all of the far end is in the capture. */
static void see_one_direction(struct net *n, struct conn *c)
{
	*c = tcp_conn(WEB, 40001, API, 8080);
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_SYN, NULL, 0);
	c->seq[0]++;
	c->seq[1]++;
	tcp_text(n, c, 0, "GET /x HTTP/1.1\r\nHost: api\r\n\r\n");
	c->seq[1] += 300;
	n->now += 700 * MS;
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_FIN | FL_TCP_ACK, NULL, 0);
}

static void what_was_acknowledged_and_not_captured_is_no_failure(void **state)
{
	static void (*const call[])(struct net *, struct conn *) = { lose_the_answer, see_one_direction };
	for (size_t i = 0; i < FL_ARRAY_LEN(call); i++) {
		struct fl_scan *s = one_call(call[i]);
		const struct fl_scan_dependency *d = api_of(s);
		assert_int_equal(d->failures, 0);
		assert_true(d->behaviour == NULL || d->behaviour->outcome[FL_OUTCOME_RESPONSE_TIMEOUT] == 0);
		assert_int_equal(s->coverage.blind_spot_count, 1);
		assert_string_equal(s->coverage.blind_spots[0].kind, "not-captured");
		assert_int_equal(s->coverage.blind_spots[0].count, 1);
		fl_scan_free(s);
	}
	(void)state;
}

static void send_tickets_and_hang(struct net *n, struct conn *c)
{
	uint8_t tickets[510] = { 23, 3, 3, 0, 250 };
	memcpy(tickets + 255, "\x17\3\3\0\xfa", 5);
	*c = tcp_conn(WEB, 40001, API, 443);
	tcp_open(n, c);
	tls_open(n, c);
	tls_record(n, c, 0, 23, 180);
	tcp_say(n, c, 1, tickets, sizeof(tickets));
	n->now += 600 * MS;
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_FIN | FL_TCP_ACK, NULL, 0);
}

static void session_tickets_are_no_answer(void **state)
{
	struct fl_scan *s = one_call(send_tickets_and_hang);
	const struct fl_behaviour *b = api_of(s)->behaviour;
	assert_non_null(b);
	assert_int_equal(b->outcome[FL_OUTCOME_RESPONSE_TIMEOUT], 1);
	assert_true(near(b->response_timeout.p50, 0.602));
	fl_scan_free(s);
	(void)state;
}

/* ---- stalls, limits, fail-over ---- */

/* Twenty calls answered in 2 ms each; then @stuck are asked and answered together after @ns; then twenty more. */
static struct fl_scan *stall(int stuck, int64_t ns)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c[32];
	for (int i = 0; i < stuck; i++) {
		c[i] = tcp_conn(WEB, (uint16_t)(41000 + i), API, 5432);
		tcp_open(&n, &c[i]);
		tcp_say(&n, &c[i], 0, "\0\0\0\x16\0\3\0\0user\0me\0\0", 18);
		tcp_say(&n, &c[i], 1, "R\0\0\0\x08\0\0\0\0", 9);
	}
	for (int i = 0; i < 20; i++, n.now += 500 * MS) {
		tcp_say(&n, &c[i % stuck], 0, "Q\0\0\0\x0dSELECT 1\0", 14);
		tcp_say(&n, &c[i % stuck], 1, "C\0\0\0\x0dSELECT 1\0", 14);
	}
	for (int i = 0; i < stuck; i++, n.now += 50 * MS)
		tcp_say(&n, &c[i], 0, "Q\0\0\0\x0dSELECT 1\0", 14);
	n.now += ns;
	for (int i = 0; i < stuck; i++)
		tcp_say(&n, &c[i], 1, "C\0\0\0\x0dSELECT 1\0", 14);
	for (int i = 0; i < 20; i++, n.now += 500 * MS) {
		tcp_say(&n, &c[i % stuck], 0, "Q\0\0\0\x0dSELECT 1\0", 14);
		tcp_say(&n, &c[i % stuck], 1, "C\0\0\0\x0dSELECT 1\0", 14);
	}
	return net_scan(&n);
}

static void work_that_waits_and_no_answer_is_a_stall(void **state)
{
	struct fl_scan *s = stall(8, 20 * SECOND);
	const struct fl_behaviour *b = api_of(s)->behaviour;
	assert_int_equal(b->outcome[FL_OUTCOME_ANSWERED], 48); /* log-ins are none */
	assert_int_equal(b->interval_count, 1);
	assert_int_equal(b->intervals[0].kind, FL_INTERVAL_STALL);
	assert_int_equal(b->intervals[0].in_flight_max, 8);
	double lasts = (double)(b->intervals[0].end_ns - b->intervals[0].start_ns) / 1e9;
	assert_true(lasts > 20.3 && lasts < 20.5);
	assert_int_equal(b->in_flight_max, 8);
	fl_scan_free(s);
	(void)state;
}

/* Two paths in turn, four connections each; one hangs for @ns from the middle on, the other is answered all the time. */
static struct fl_scan *stall_of_a_path(int64_t ns)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c[8];
	bool asked[8] = { false };
	int64_t until = T0 + 15 * SECOND + ns;
	for (int i = 0; i < 8; i++) {
		c[i] = tcp_conn(WEB, (uint16_t)(41000 + i), API, 8080);
		tcp_open(&n, &c[i]);
	}
	for (int i = 0; n.now < T0 + 40 * SECOND; i++, n.now += 100 * MS) {
		char text[80];
		int k = i % 8;
		bool hangs = k % 2 && n.now > T0 + 15 * SECOND && n.now < until;
		if (asked[k] && !hangs)
			tcp_text(&n, &c[k], 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		snprintf(text, sizeof(text), "GET /%s/%d HTTP/1.1\r\nHost: api\r\n\r\n", k % 2 ? "reports" : "prices", i);
		if (!hangs || !asked[k])
			tcp_text(&n, &c[k], 0, text);
		asked[k] = hangs;
		if (!hangs)
			tcp_text(&n, &c[k], 1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	}
	return net_scan(&n);
}

static void a_path_that_hangs_among_others_is_a_stall(void **state)
{
	struct fl_scan *s = stall_of_a_path(10 * SECOND);
	const struct fl_behaviour *b = api_of(s)->behaviour;
	assert_int_equal(b->interval_count, 1);
	assert_int_equal(b->intervals[0].kind, FL_INTERVAL_STALL);
	double lasts = (double)(b->intervals[0].end_ns - b->intervals[0].start_ns) / 1e9;
	assert_true(lasts > 9 && lasts < 11);
	fl_scan_free(s);
	s = stall_of_a_path(0);
	assert_int_equal(api_of(s)->behaviour->interval_count, 0);
	fl_scan_free(s);
	(void)state;
}

static void one_slow_answer_is_no_stall(void **state)
{
	struct fl_scan *s = stall(1, 1200 * MS);
	const struct fl_behaviour *b = api_of(s)->behaviour;
	assert_int_equal(b->interval_count, 0);
	fl_scan_free(s);
	(void)state;
}

static void a_try_at_another_address_of_the_name_is_a_fail_over(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn user = tcp_conn(USER, 30000, WEB, 80);
	tcp_open(&n, &user);
	for (int i = 0; i < 10; i++, n.now += SECOND) {
		tcp_text(&n, &user, 0, "GET / HTTP/1.1\r\nHost: www\r\n\r\n");
		dns_lookup(&n, WEB, "10.0.0.53", "api.internal", NULL, API);
		struct conn dead = tcp_conn(WEB, (uint16_t)(40000 + i), API, 8080), live = tcp_conn(WEB, (uint16_t)(42000 + i), SPARE, 8080);
		tcp_refuse(&n, &dead);
		dns_lookup(&n, WEB, "10.0.0.53", "api.internal", NULL, SPARE);
		tcp_open(&n, &live);
		tcp_text(&n, &live, 0, "GET / HTTP/1.1\r\nHost: api.internal\r\n\r\n");
		tcp_text(&n, &live, 1, OK);
		tcp_close(&n, &live);
		tcp_text(&n, &user, 1, OK);
	}
	struct fl_scan *s = net_scan(&n);
	const struct fl_behaviour *b = api_of(s)->behaviour;
	assert_non_null(b);
	assert_int_equal(b->retries.calls, 10);
	assert_int_equal(b->retries.other_address, 10);
	assert_int_equal(b->retries.recovered[1], 10);
	assert_true(api_of(s)->failover_seen);
	fl_scan_free(s);
	(void)state;
}

/* Users get an error for every other request, and the next request goes to the address that works. */
static void addresses_taken_in_turn_are_no_fail_over(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn user = tcp_conn(USER, 30000, WEB, 80);
	tcp_open(&n, &user);
	dns_lookup(&n, WEB, "10.0.0.53", "api.internal", NULL, API);
	dns_lookup(&n, WEB, "10.0.0.53", "api.internal", NULL, SPARE);
	for (int i = 0; i < 40; i++) {
		n.now = T0 + SECOND + i * SECOND / 2;
		tcp_text(&n, &user, 0, "GET / HTTP/1.1\r\nHost: www\r\n\r\n");
		struct conn c = tcp_conn(WEB, (uint16_t)(40000 + i), i % 2 ? SPARE : API, 8080);
		if (i % 2 == 0) {
			tcp_refuse(&n, &c);
			tcp_text(&n, &user, 1, BROKEN);
			continue;
		}
		tcp_open(&n, &c);
		tcp_text(&n, &c, 0, "GET / HTTP/1.1\r\nHost: api.internal\r\n\r\n");
		tcp_text(&n, &c, 1, OK);
		tcp_close(&n, &c);
		tcp_text(&n, &user, 1, OK);
	}
	struct fl_scan *s = net_scan(&n);
	const struct fl_scan_dependency *d = api_of(s);
	assert_int_equal(d->address_count, 2);
	assert_int_equal(d->behaviour->retries.gave_up[0], 20);
	assert_int_equal(d->behaviour->retries.other_address, 0);
	assert_false(d->failover_seen);
	fl_scan_free(s);
	(void)state;
}

static void a_beat_that_fails_is_no_retry(void **state)
{
	struct net n = net_new("web", NULL, NULL);
	struct conn c = tcp_conn(WEB, 40000, API, 8080);
	tcp_open(&n, &c);
	for (int i = 0; i < 20; i++) {
		n.now = T0 + (int64_t)i * 10 * SECOND + SECOND;
		tcp_text(&n, &c, 0, "GET /beat HTTP/1.1\r\nHost: a\r\n\r\n");
		tcp_text(&n, &c, 1, i % 3 ? OK : BROKEN);
	}
	struct fl_scan *s = net_scan(&n);
	const struct fl_behaviour *b = api_of(s)->behaviour;
	assert_non_null(b);
	assert_int_equal(b->retries.retried, 0);
	assert_int_equal(b->retries.calls, 7);
	assert_int_equal(b->retries.gave_up[0], 7);
	assert_true(isnan(b->calls_per_inbound) && isnan(b->nested_share) && isnan(b->coupling_p));
	fl_scan_free(s);
	(void)state;
}

static void the_same_packets_give_the_same_facts(void **state)
{
	char *text[2];
	size_t size[2];
	for (int i = 0; i < 2; i++) {
		FILE *out = open_memstream(&text[i], &size[i]);
		struct fl_scan *s = run(&policies[4]);
		fl_scan_write(out, s);
		fclose(out);
		fl_scan_free(s);
	}
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(text[0], text[1], size[0]);
	free(text[0]);
	free(text[1]);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callers_are_known_by_what_they_do_when_it_fails),
		cmocka_unit_test(an_outage_has_its_begin_and_its_end),
		cmocka_unit_test(last_words_are_no_timeout),
		cmocka_unit_test(an_answer_to_nobody_changes_nothing),
		cmocka_unit_test(session_tickets_are_no_answer),
		cmocka_unit_test(what_was_acknowledged_and_not_captured_is_no_failure),
		cmocka_unit_test(work_that_waits_and_no_answer_is_a_stall),
		cmocka_unit_test(a_path_that_hangs_among_others_is_a_stall),
		cmocka_unit_test(one_slow_answer_is_no_stall),
		cmocka_unit_test(a_try_at_another_address_of_the_name_is_a_fail_over),
		cmocka_unit_test(addresses_taken_in_turn_are_no_fail_over),
		cmocka_unit_test(a_beat_that_fails_is_no_retry),
		cmocka_unit_test(the_same_packets_give_the_same_facts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
