/* SPDX-License-Identifier: BSD-2-Clause */
/* test_attribution_diag.c - the table of sockets by netlink, where messages of it are lost */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/attribution_internal.h"
#include "config.h"

/* The library's own, which the linker puts behind ours. */
ssize_t __real_mnl_socket_recvfrom(const void *socket, void *buffer, size_t size);
ssize_t __wrap_mnl_socket_recvfrom(const void *socket, void *buffer, size_t size);

static int reads, fails_at; /* of the n-th; 0: of none */

/* What was not read stays in the socket, as after a real loss. */
ssize_t __wrap_mnl_socket_recvfrom(const void *socket, void *buffer, size_t size)
{
	if (++reads == fails_at) {
		errno = ENOBUFS;
		return -1;
	}
	return __real_mnl_socket_recvfrom(socket, buffer, size);
}

struct wanted {
	uint16_t port;
	int found;
};

static void see(void *context, const struct fl_owner_record *r)
{
	struct wanted *w = context;
	w->found += r->local_port == w->port && r->kind == FL_OWNER_SOCKET && r->transport == IPPROTO_TCP;
}

static int listen_somewhere(struct wanted *w)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	w->port = ntohs(a.sin_port);
	w->found = 0;
	return fd;
}

static void a_listener_is_told_and_told_once_also_where_messages_are_lost(void **state)
{
	const struct attribution_way *way = &attribution_diag;
	/* A look is four questions of one answer or more each. */
	for (int at = 0; at <= 8; at++) {
		char why[192] = "";
		struct wanted w;
		struct owner_sink sink = { see, &w };
		struct fl_namer *namer = fl_namer_new("");
		reads = 0;
		fails_at = at;
		void *self = way->open(namer, why);
		if (!self) {
			print_message("%s\n", why);
			skip();
		}
		int fd = listen_somewhere(&w);
		for (int look = 0; look < 3; look++)
			way->finish(self, &sink);
		assert_int_equal(w.found, 1);
		assert_int_equal(way->lost(self), at != 0);
		assert_true(reads > 8);
		close(fd);
		way->close(self);
		fl_namer_free(namer);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_listener_is_told_and_told_once_also_where_messages_are_lost) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
