/* SPDX-License-Identifier: BSD-2-Clause */
/* test_attribution_polled.c - made tables of sockets, and what is told of them */
#include "unit.h"

#include <netinet/in.h>
#include <string.h>

#include "capture/attribution_polled.h"

struct table {
	struct found_socket sockets[4];
	size_t count;
	bool fails;
	struct fl_owner_record told[8];
	size_t told_count;
};

static bool look(void *context, struct polled *p)
{
	const struct table *t = context;
	for (size_t i = 0; i < t->count; i++)
		polled_see(p, &t->sockets[i]);
	return !t->fails;
}

static void found(void *context, const struct fl_owner_record *r)
{
	struct table *t = context;
	assert_true(t->told_count < FL_ARRAY_LEN(t->told));
	t->told[t->told_count++] = *r;
}

static struct found_socket datagram(uint64_t id, uint16_t port, uint16_t peer)
{
	/* No process has such an inode. */
	return (struct found_socket){ .id = id, .inode = UINT64_MAX - id, .local_port = port, .remote_port = peer,
				      .transport = IPPROTO_UDP, .state = 7 };
}

static void the_end_of_a_datagram_socket_without_peer_is_told_as_of_when_it_was_there(void **state)
{
	struct table t = { .sockets = { datagram(1, 4000, 0), datagram(2, 4001, 53) }, .count = 2 };
	struct fl_namer *namer = fl_namer_new("");
	struct polled *p = polled_new(namer, look, &t);
	struct owner_sink sink = { found, &t };
	polled_poll(p, &sink, true);
	assert_int_equal(t.told_count, 2);
	int64_t after_first = attribution_now();
	t.fails = true;
	t.count = 0;
	polled_poll(p, &sink, true); /* nobody knows what is there */
	assert_int_equal(t.told_count, 2);
	t.fails = false;
	polled_poll(p, &sink, true);
	assert_int_equal(t.told_count, 3);
	assert_true(t.told[2].closed && t.told[2].kind == FL_OWNER_SOCKET && t.told[2].local_port == 4000);
	assert_int_equal(t.told[2].transport, IPPROTO_UDP);
	assert_true(t.told[2].since_ns > 0 && t.told[2].since_ns <= after_first);
	polled_poll(p, &sink, true);
	assert_int_equal(t.told_count, 3);
	polled_free(p);
	fl_namer_free(namer);
	(void)state;
}

static void a_datagram_socket_that_stays_is_told_once(void **state)
{
	struct table t = { .sockets = { datagram(1, 53, 0) }, .count = 1 };
	struct fl_namer *namer = fl_namer_new("");
	struct polled *p = polled_new(namer, look, &t);
	struct owner_sink sink = { found, &t };
	for (int i = 0; i < 5; i++)
		polled_poll(p, &sink, true);
	assert_int_equal(t.told_count, 1);
	assert_false(t.told[0].closed);
	polled_free(p);
	fl_namer_free(namer);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_datagram_socket_without_peer_is_told_as_of_when_it_was_there),
		cmocka_unit_test(a_datagram_socket_that_stays_is_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
