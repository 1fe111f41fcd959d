/* SPDX-License-Identifier: BSD-2-Clause */
/* test_surfacing.c - of two dependencies that fail at the same time it is known which of them its callers notice */
#include "unit.h"

#include "traffic.h"

#define WEB "10.0.0.1"
#define NEEDED "10.0.0.2"
#define OPTIONAL "10.0.0.3"
#define MS (SECOND / 1000)
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BROKEN "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

enum { REQUESTS = 480, STEPS = 6, EVENTS = REQUESTS * STEPS };
enum step { ASKED, CALLS, IS_TOLD, GOES_ON, IS_TOLD_MORE, SAYS };

/* Requests look alike and overlap. Half of them call what they need, the others what is optional; then all work on. */
struct plan {
	struct event {
		int64_t at;
		int request;
		enum step step;
	} list[EVENTS];
	uint64_t random;
};

static int64_t dice_ms(struct plan *p, int64_t from, int64_t to)
{
	p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return from * MS + (int64_t)((p->random >> 33) % (uint64_t)((to - from) * MS));
}

static int compare(const void *pa, const void *pb)
{
	const struct event *a = pa, *b = pb;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->request != b->request ? a->request - b->request : (int)a->step - (int)b->step;
}

static bool is_optional(int request)
{
	return request % 7 % 2 == 0;
}

static bool is_ill(int request)
{
	return request >= REQUESTS / 3 && request < REQUESTS * 2 / 3;
}

static void make_plan(struct plan *p, int64_t work_ms)
{
	size_t n = 0;
	p->random = 7;
	int64_t begin = T0 + SECOND;
	for (int i = 0; i < REQUESTS; i++) {
		int64_t at = begin += dice_ms(p, 1, 60);
		for (enum step s = ASKED; s <= SAYS; s++) {
			p->list[n++] = (struct event){ at, i, s };
			at += s == ASKED ? dice_ms(p, 6, 8) : s == GOES_ON ? dice_ms(p, work_ms, 3 * work_ms) : dice_ms(p, 2, 12);
		}
	}
	qsort(p->list, EVENTS, sizeof(p->list[0]), compare);
}

static struct fl_scan *run(int64_t work_ms)
{
	static struct plan p;
	static struct conn users[REQUESTS], calls[REQUESTS];
	struct net n = net_new("web", NULL, NULL);
	make_plan(&p, work_ms);
	for (int i = 0; i < REQUESTS; i++) {
		users[i] = tcp_conn("192.0.2.7", (uint16_t)(20000 + i), WEB, 80);
		calls[i] = tcp_conn(WEB, (uint16_t)(30000 + i), is_optional(i) ? OPTIONAL : NEEDED, 8080);
	}
	for (size_t i = 0; i < EVENTS; i++) {
		const struct event *e = &p.list[i];
		char text[96];
		bool broken = is_ill(e->request) && (e->step == IS_TOLD || !is_optional(e->request));
		n.now = e->at - (e->step == ASKED || e->step == CALLS ? 4 * MS : 0); /* to connect */
		if (e->step == ASKED || e->step == CALLS) {
			struct conn *c = e->step == ASKED ? &users[e->request] : &calls[e->request];
			snprintf(text, sizeof(text), "GET /shop/%d HTTP/1.1\r\nHost: www\r\n\r\n", e->request);
			tcp_open(&n, c);
			tcp_text(&n, c, 0, text);
		} else if (e->step == IS_TOLD || e->step == SAYS) {
			tcp_text(&n, e->step == SAYS ? &users[e->request] : &calls[e->request], 1, broken ? BROKEN : OK);
		}
	}
	n.now += 20 * SECOND;
	struct conn last = tcp_conn("192.0.2.7", 19999, WEB, 80);
	tcp_open(&n, &last);
	return net_scan(&n);
}

static const struct fl_surfacing *of(const struct fl_scan *s, const char *address)
{
	struct fl_addr a;
	assert_true(fl_addr_parse(address, &a));
	for (size_t i = 0; i < s->dependency_count; i++)
		for (size_t k = 0; k < s->dependencies[i].address_count; k++)
			if (fl_addr_equal(&s->dependencies[i].addresses[k], &a))
				return &s->dependencies[i].behaviour->surfacing;
	fail_msg("nothing at %s", address);
	return NULL;
}

static void check(int64_t work_ms)
{
	struct fl_scan *s = run(work_ms);
	const struct fl_surfacing *needed = of(s, NEEDED), *optional = of(s, OPTIONAL);
	assert_in_range(needed->failed_calls, 60, 80);
	assert_true(needed->surfaced_calls * 10 >= needed->failed_calls * 9);
	assert_in_range(optional->failed_calls, 80, 100);
	assert_true(optional->surfaced_calls * 10 <= optional->failed_calls);
	assert_true(optional->late_calls * 3 <= optional->failed_calls);
	assert_true(needed->certainty > 0.5 && optional->certainty > 0.5);
	/* By chance about half of the requests fail. */
	assert_true(optional->others && optional->other_failures * 3 > optional->others);
	fl_scan_free(s);
}

static void a_failure_that_its_caller_swallows_is_told_from_one_that_it_passes_on(void **state)
{
	check(5);
	(void)state;
}

static void also_where_many_requests_are_open_at_a_time(void **state)
{
	check(80);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_that_its_caller_swallows_is_told_from_one_that_it_passes_on),
		cmocka_unit_test(also_where_many_requests_are_open_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
