/* SPDX-License-Identifier: BSD-2-Clause */
/* test_crowded_retries.c - many calls at once, no two tries with the same text: policies are found all the same */
#include "unit.h"

#include <math.h>

#include "traffic.h"

#define WEB "10.0.0.1"
#define API "10.0.0.2"
#define MS (SECOND / 1000)
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BROKEN "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

enum { REQUESTS = 600, ATTEMPTS = 5, EVENTS_MAX = REQUESTS * (4 + 4 * ATTEMPTS) };
enum kind { INBOUND, OUTBOUND, ANSWER, FAILURE, REPLY, ERROR };

struct event {
	int64_t at;
	enum kind kind;
	int request, attempt;
};

struct policy {
	const char *sentence;
	bool tls;
	double per_s, jitter;           /* pauses are cut by up to this share */
	int64_t pause_ms[ATTEMPTS];
	int attempts;
	unsigned whole;                 /* per cent of the calls that must be found with all of them */
	bool unasked;                   /* the calls are of no inbound request that the capture has */
	bool ill_throughout;            /* nothing succeeds from the first packet to the last */
};

struct plan {
	struct event list[EVENTS_MAX];
	size_t count;
	uint64_t random;
};

static double dice(struct plan *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return (double)(p->random * UINT64_C(0x2545f4914f6cdd1d) >> 11) / (double)(UINT64_C(1) << 53);
}

static void add(struct plan *p, int64_t at, enum kind kind, int request, int attempt)
{
	p->list[p->count++] = (struct event){ at, kind, request, attempt };
}

static void plan_request(struct plan *p, const struct policy *policy, int64_t at, int i, bool ill)
{
	add(p, at, INBOUND, i, 0);
	at += 2 * MS + (int64_t)(dice(p) * 2 * MS);
	for (int a = 0;; a++) {
		add(p, at, OUTBOUND, i, a);
		at += 3 * MS + (int64_t)(dice(p) * 6 * MS);
		add(p, at, ill ? FAILURE : ANSWER, i, a);
		if (!ill || a + 1 == policy->attempts)
			break;
		double pause = (double)policy->pause_ms[a] * (1 - policy->jitter * dice(p));
		at += (int64_t)(pause * MS) + (int64_t)(dice(p) * MS);
	}
	add(p, at + MS, ill ? ERROR : REPLY, i, 0);
}

static int compare(const void *pa, const void *pb)
{
	const struct event *a = pa, *b = pb;
	return a->at != b->at ? (a->at > b->at) - (a->at < b->at) : (int)a->kind - (int)b->kind;
}

static void speak(struct net *n, const struct policy *p, struct conn *user, struct conn *api, const struct event *e)
{
	char text[96];
	switch (e->kind) {
	case INBOUND:
		snprintf(text, sizeof(text), "GET /shop/%d HTTP/1.1\r\nHost: www\r\n\r\n", e->request);
		tcp_text(n, user, 0, text);
		break;
	case OUTBOUND:
		snprintf(text, sizeof(text), "GET /rates?key=%04d HTTP/1.1\r\nHost: api\r\n\r\n", (e->request * 7 + e->attempt * 1237) % 10000);
		if (p->tls)
			tls_record(n, api, 0, 23, 180);
		else
			tcp_text(n, api, 0, text);
		break;
	case ANSWER: case FAILURE:
		if (p->tls && e->kind == FAILURE)
			net_send(n, api, 1, FL_TRANSPORT_TCP, FL_TCP_RST | FL_TCP_ACK, NULL, 0);
		else if (p->tls)
			tls_record(n, api, 1, 23, 400);
		else
			tcp_text(n, api, 1, e->kind == ANSWER ? OK : BROKEN);
		break;
	case REPLY: case ERROR:
		tcp_text(n, user, 1, e->kind == REPLY ? OK : BROKEN);
	}
}

/* Without a handshake's records: a connection of which the capture missed the beginning would not be timed. */
static void open_tls(struct net *n, struct conn *c)
{
	uint8_t hello[256];
	tcp_say(n, c, 0, hello, put_hello(hello, "api.vendor.example"));
	tls_record(n, c, 1, 22, 120);
	tls_record(n, c, 0, 20, 1);
	tls_record(n, c, 0, 23, 53);
}

/* Each attempt has a connection of its own, each request, too. */
static struct fl_scan *run(const struct policy *policy)
{
	static struct plan p;
	static struct conn users[REQUESTS], apis[REQUESTS];
	struct net n = net_new("web", NULL, NULL);
	p = (struct plan){ .random = 88172645463325252 };
	double at = 1;
	for (int i = 0; i < REQUESTS; i++) {
		plan_request(&p, policy, T0 + (int64_t)(at * 1e9), i,
			     policy->ill_throughout || (i >= REQUESTS / 3 && i < REQUESTS * 2 / 3));
		at -= log(1 - dice(&p)) / policy->per_s;
		users[i] = tcp_conn("192.0.2.7", (uint16_t)(20000 + i), WEB, 80);
	}
	qsort(p.list, p.count, sizeof(p.list[0]), compare);
	for (size_t i = 0; i < p.count; i++) {
		const struct event *e = &p.list[i];
		if (policy->unasked && (e->kind == INBOUND || e->kind == REPLY || e->kind == ERROR))
			continue;
		n.now = e->at - (e->kind == INBOUND ? 4 * MS : e->kind == OUTBOUND ? (policy->tls ? 2 : 1) * MS : 0);
		if (e->kind == INBOUND)
			tcp_open(&n, &users[e->request]);
		if (e->kind == OUTBOUND) {
			apis[e->request] = tcp_conn(WEB, (uint16_t)(30000 + e->request * ATTEMPTS + e->attempt), API, policy->tls ? 443 : 8080);
			n.now = e->at - MS / 2;
			tcp_open(&n, &apis[e->request]);
			if (policy->tls)
				open_tls(&n, &apis[e->request]);
		}
		speak(&n, policy, &users[e->request], &apis[e->request], e);
	}
	n.now += 20 * SECOND;
	struct conn last = tcp_conn("192.0.2.7", 19999, WEB, 80);
	tcp_open(&n, &last);
	return net_scan(&n);
}

static const struct policy policies[] = {
	{ "none", false, 15, 0, { 0 }, 1, 95, false, false },
	{ "immediate", false, 15, 0, { 0, 0 }, 3, 90, false, false },
	{ "fixed", false, 10, 0, { 200, 200, 200 }, 4, 95, false, false },
	{ "linear", false, 10, 0, { 100, 200, 300 }, 4, 90, false, false },
	{ "doubling", false, 10, 0, { 100, 200, 400 }, 4, 90, false, false },
	{ "jittered", false, 2, 0.5, { 100, 200, 400 }, 4, 85, false, false },
	{ "doubling behind TLS", true, 4, 0, { 100, 200, 400 }, 4, 85, false, false },
	{ "fixed behind TLS", true, 8, 0, { 250, 250 }, 3, 95, false, false },
	{ "none, while nothing succeeds", false, 6, 0, { 0 }, 1, 95, false, true },
	{ "fixed, while nothing succeeds", false, 6, 0, { 200, 200, 200 }, 4, 90, false, true },
	{ "doubling, while nothing succeeds", false, 6, 0, { 100, 200, 400 }, 4, 90, false, true },
	{ "doubling behind TLS, while nothing succeeds", true, 4, 0, { 100, 200, 400 }, 4, 80, false, true },
};

static void crowds_of_calls_show_their_policy(void **state)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(policies); i++) {
		const struct policy *p = &policies[i];
		struct fl_scan *s = run(p);
		const struct fl_behaviour *b = NULL;
		for (size_t k = 0; k < s->dependency_count; k++)
			if (s->dependencies[k].port == (p->tls ? 443 : 8080))
				b = s->dependencies[k].behaviour;
		assert_non_null(b);
		const struct fl_retries *r = &b->retries;
		uint64_t whole = r->gave_up[p->attempts - 1];
		if (getenv("FL_SHOW")) {
			printf("%s: %d calls, %d retried, gave up", p->sentence, (int)r->calls, (int)r->retried);
			for (int k = 0; k < 10; k++)
				printf(" %d", (int)r->gave_up[k]);
			for (int k = 0; k < 5; k++)
				printf(" | %.4f %.4f %.4f", r->gap[k].p10, r->gap[k].p50, r->gap[k].p90);
			printf("\n");
			fl_scan_free(s);
			continue;
		}
		if (whole * 100 < (p->ill_throughout ? REQUESTS : 200u) * p->whole)
			fail_msg("%s: of %d calls %d have all attempts", p->sentence, (int)r->calls, (int)whole);
		for (int k = 0; k + 1 < p->attempts; k++) {
			double wanted = (double)p->pause_ms[k] / 1e3 * (1 - p->jitter / 2);
			if (fabs(r->gap[k].p50 - wanted) > 0.1 * wanted + 0.002)
				fail_msg("%s: pause %d is %g, not %g", p->sentence, k, r->gap[k].p50, wanted);
		}
		fl_scan_free(s);
	}
	(void)state;
}

/* Retries and calls look alike: neither "retries" nor "does not retry" may be said. */
static void calls_that_nothing_explains_and_that_never_succeed_are_left_undecided(void **state)
{
	static const struct policy policy = { "undecided", true, 6, 0.5, { 400, 400, 400 }, 4, 0, true, true };
	struct fl_scan *s = run(&policy);
	size_t seen = 0;
	for (size_t k = 0; k < s->dependency_count; k++) {
		const struct fl_scan_dependency *d = &s->dependencies[k];
		if (d->port != 443)
			continue;
		seen++;
		assert_non_null(d->behaviour);
		assert_int_equal(fl_outcomes_failed(d->behaviour), fl_outcomes_decided(d->behaviour));
		assert_int_equal(d->behaviour->retries.calls, 0);
	}
	assert_int_equal(seen, 1);
	fl_scan_free(s);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crowds_of_calls_show_their_policy),
		cmocka_unit_test(calls_that_nothing_explains_and_that_never_succeed_are_left_undecided),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
