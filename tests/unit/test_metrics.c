/* SPDX-License-Identifier: BSD-2-Clause */
/* test_metrics.c - the page of metrics: who may ask, slow clients, clients that do not read */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/metrics.h"
#include "faultline/units.h"

/* More than the kernel keeps for a client that does not read. */
enum { LONG_ANSWER = 32 << 20, PIECE = 64 << 10 };

struct page {
	struct metrics *m;
	uint16_t port;
	int64_t now_ns;
	bool is_long;
};

static void write_page(void *context, FILE *out)
{
	const struct page *p = context;
	fprintf(out, "page_begins 1\n");
	for (int i = 0; p->is_long && i < LONG_ANSWER / PIECE; i++)
		fprintf(out, "%*s\n", PIECE - 1, "x");
}

/* At the first free port. */
static void open_page(struct page *p, const char *host)
{
	struct fl_error err;
	*p = (struct page){ .port = (uint16_t)(20000 + getpid() % 20000), .now_ns = FL_NS_PER_S };
	for (int i = 0; i < 1000 && !p->m; i++) {
		char address[64];
		snprintf(address, sizeof(address), "%s%s%u", host, *host ? ":" : "", ++p->port);
		(void)metrics_open(&p->m, address, write_page, p, &err);
	}
	assert_non_null(p->m);
}

static int connect_to(const struct page *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(p->port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), flags = fcntl(fd, F_GETFL);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What was sent over loopback is there after a moment, mostly at once. */
static void wait_for(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	(void)poll(&p, 1, 10);
}

/* Everything up to the end of the connection; "" where it was cut off. */
static const char *hear(struct page *p, int fd, char text[static 4096])
{
	size_t used = 0;
	for (int i = 0; i < 1000 && used < 4095; i++) {
		metrics_step(p->m, p->now_ns);
		wait_for(fd);
		ssize_t n = recv(fd, text + used, 4095 - used, 0);
		used += n > 0 ? (size_t)n : 0;
		if (n == 0)
			break;
	}
	text[used] = 0;
	return text;
}

struct row {
	const char *name, *host, *request, *expected;
};

#define OK "HTTP/1.1 200 OK"
#define NO "HTTP/1.1 403"
#define GET "GET /metrics HTTP/1.1\r\n"
static const struct row rows[] = {
	{ "an address of loopback may be asked for", "127.0.0.1", GET "Host: 127.0.0.1:9464\r\n\r\n", OK },
	{ "localhost may be asked for", "127.0.0.1", GET "Host: LocalHost:9464\r\n\r\n", OK },
	{ "without a port", "127.0.0.1", GET "hOST:localhost\r\n\r\n", OK },
	{ "the address of IPv6", "127.0.0.1", GET "Host: [::1]:9464\r\n\r\n", OK },
	{ "another address of loopback", "127.0.0.1", GET "Host: 127.9.9.9\r\n\r\n", OK },
	{ "a client of HTTP/1.0 names nobody", "127.0.0.1", "GET /metrics HTTP/1.0\r\n\r\n", OK },
	{ "a name of another that resolves to loopback is refused", "127.0.0.1", GET "Host: evil.example:9464\r\n\r\n", NO },
	{ "also where it begins like a good one", "127.0.0.1", GET "Host: 127.0.0.1.evil.example\r\n\r\n", NO },
	{ "also with a port that is none", "127.0.0.1", GET "Host: localhost:9464.evil.example\r\n\r\n", NO },
	{ "also as the second of two", "127.0.0.1", GET "Host: localhost\r\nHost: evil.example\r\n\r\n", NO },
	{ "also behind other fields", "127.0.0.1", GET "Accept: */*\nhost:\tevil.example\n\n", NO },
	{ "an address that is not of loopback is refused", "127.0.0.1", GET "Host: 10.0.0.1:9464\r\n\r\n", NO },
	{ "an empty name is refused", "127.0.0.1", GET "Host:\r\n\r\n", NO },
	{ "a bracket without its end is refused", "127.0.0.1", GET "Host: [::1\r\n\r\n", NO },
	{ "a port alone is one on loopback", "", GET "Host: 127.0.0.1:9464\r\n\r\n", OK },
	{ "and answers only loopback's names", "", GET "Host: agent.example:9464\r\n\r\n", NO },
	{ "a page for others answers for any name", "0.0.0.0", GET "Host: agent.example:9464\r\n\r\n", OK },
	{ "another path is not there", "127.0.0.1", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404" },
	{ "nothing is changed from outside", "127.0.0.1", "POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405" },
};

static void ask(void **state)
{
	const struct row *row = *state;
	char text[4096];
	struct page p;
	open_page(&p, row->host);
	int fd = connect_to(&p);
	say(fd, row->request);
	hear(&p, fd, text);
	if (strncmp(text, row->expected, strlen(row->expected)) != 0)
		fail_msg("%s", text);
	assert_int_equal(strstr(text, "page_begins") != NULL, strcmp(row->expected, OK) == 0);
	close(fd);
	metrics_close(p.m);
}

static void refuse(void **state)
{
	static const char *const bad[] = { "", ":", "0", "65536", "99999999999999999999", "9464x", "-1", "localhost:9464", "127.0.0.1", "::1",
					   "127.0.0.1:", "[::1]", "10.0.0.256:1", "127.0.0.1: 9464" };
	struct fl_error err;
	struct metrics *m = NULL;
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++)
		assert_int_equal(metrics_open(&m, bad[i], write_page, NULL, &err), -EINVAL);
}

static bool was_cut_off(int fd)
{
	char byte;
	ssize_t n;
	while ((n = recv(fd, &byte, 1, 0)) > 0)
		;
	return n == 0 || errno != EAGAIN;
}

/* Connected, and in a place. */
static int take_place(struct page *p)
{
	struct pollfd list[METRICS_CLIENTS_MAX + 1];
	int fd = connect_to(p);
	for (int i = 0; i < 1000 && metrics_poll(p->m, list) < 2; i++) {
		metrics_step(p->m, p->now_ns);
		wait_for(fd);
	}
	return fd;
}

static void a_request_of_a_byte_a_second_is_cut_off(void **state)
{
	struct page p;
	open_page(&p, "127.0.0.1");
	int fd = take_place(&p), seconds = 0;
	for (; seconds < 60 && !was_cut_off(fd); seconds++) {
		(void)send(fd, "G", 1, MSG_NOSIGNAL);
		metrics_step(p.m, p.now_ns += FL_NS_PER_S);
		wait_for(fd);
	}
	assert_in_range(seconds, 1, 10);
	close(fd);
	metrics_close(p.m);
	(void)state;
}

static void who_does_not_read_the_answer_is_cut_off(void **state)
{
	struct page p;
	struct pollfd list[METRICS_CLIENTS_MAX + 1];
	open_page(&p, "127.0.0.1");
	p.is_long = true;
	int fd = take_place(&p), seconds = 0;
	say(fd, GET "\r\n");
	for (; seconds < 60 && (seconds < 2 || metrics_poll(p.m, list) > 1); seconds++)
		metrics_step(p.m, p.now_ns += FL_NS_PER_S);
	assert_in_range(seconds, 3, 10);
	close(fd);
	metrics_close(p.m);
	(void)state;
}

/* Many who hold their places: who asks and reads is answered at once, and the places stay as many. */
static void slow_clients_do_not_keep_others_out(void **state)
{
	enum { SLOW = 100 };
	struct page p;
	struct pollfd list[METRICS_CLIENTS_MAX + 1];
	char text[4096];
	int slow[SLOW];
	open_page(&p, "127.0.0.1");
	for (int i = 0; i < SLOW; i++) {
		slow[i] = connect_to(&p);
		say(slow[i], "GET /met");
		metrics_step(p.m, p.now_ns += 1000);
		assert_in_range(metrics_poll(p.m, list), 1, METRICS_CLIENTS_MAX + 1);
	}
	int fd = connect_to(&p);
	say(fd, GET "Host: localhost\r\n\r\n");
	hear(&p, fd, text);
	assert_non_null(strstr(text, OK));
	assert_non_null(strstr(text, "faultline_metrics_clients_dropped_total 9"));
	for (int i = 0; i < SLOW; i++)
		close(slow[i]);
	close(fd);
	metrics_close(p.m);
	(void)state;
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + 4];
	size_t n = 0;
	for (; n < FL_ARRAY_LEN(rows); n++)
		tests[n] = (struct CMUnitTest){ rows[n].name, ask, NULL, NULL, (void *)(uintptr_t)&rows[n] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_request_of_a_byte_a_second_is_cut_off);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(who_does_not_read_the_answer_is_cut_off);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(slow_clients_do_not_keep_others_out);
	tests[n++] = (struct CMUnitTest){ "what is no address and port is refused", refuse, NULL, NULL, NULL };
	return _cmocka_run_group_tests("metrics", tests, n, NULL, NULL);
}
