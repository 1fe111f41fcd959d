/* SPDX-License-Identifier: BSD-2-Clause */
/* test_channel.c - messages between two processes that do not trust each other's sizes */
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/channel.h"
#include "faultline/status.h"

enum { SMALL = 3, DOCUMENT = 5 };

struct pair {
	struct channel a, b;
};

static struct pair pair_new(size_t out_max)
{
	int fds[2];
	struct pair p;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	channel_init(&p.a, fds[0], out_max, 0);
	channel_init(&p.b, fds[1], out_max, 1u << DOCUMENT);
	return p;
}

static void pair_fini(struct pair *p)
{
	channel_fini(&p->a);
	channel_fini(&p->b);
}

/* Passes on until one message has come. */
static int pump(struct pair *p, uint32_t *type, const void **data, size_t *size)
{
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(channel_flush(&p->a), 0);
		assert_int_equal(channel_fill(&p->b), 0);
		int got = channel_next(&p->b, type, data, size);
		if (got)
			return got;
	}
	return 0;
}

static void messages_come_whole_and_in_order(void **state)
{
	struct pair p = pair_new(1 << 20);
	uint32_t type;
	const void *data;
	size_t size;
	(void)state;
	assert_true(channel_send(&p.a, SMALL, "one", 3));
	assert_true(channel_send(&p.a, DOCUMENT, "", 0));
	assert_true(channel_send(&p.a, SMALL, "three", 5));
	assert_int_equal(pump(&p, &type, &data, &size), 1);
	assert_true(type == SMALL && size == 3 && memcmp(data, "one", 3) == 0);
	assert_int_equal(channel_next(&p.b, &type, &data, &size), 1);
	assert_true(type == DOCUMENT && size == 0);
	assert_int_equal(channel_next(&p.b, &type, &data, &size), 1);
	assert_true(size == 5 && memcmp(data, "three", 5) == 0);
	assert_int_equal(channel_next(&p.b, &type, &data, &size), 0);
	pair_fini(&p);
}

static void a_document_larger_than_the_socket_takes_its_time(void **state)
{
	enum { SIZE = 5 << 20 };
	struct pair p = pair_new(SIZE + 64);
	char *text = fl_alloc(SIZE);
	uint32_t type;
	const void *data;
	size_t size;
	(void)state;
	memset(text, 'x', SIZE);
	text[SIZE - 1] = 'y';
	assert_true(channel_send(&p.a, DOCUMENT, text, SIZE));
	assert_int_equal(pump(&p, &type, &data, &size), 1);
	assert_true(size == SIZE && memcmp(data, text, SIZE) == 0);
	assert_false(channel_waits(&p.a));
	free(text);
	pair_fini(&p);
}

static void a_queue_that_is_full_refuses_and_keeps_what_it_has(void **state)
{
	struct pair p = pair_new(64);
	uint32_t type;
	const void *data;
	size_t size;
	char block[40] = { 'a' };
	(void)state;
	assert_true(channel_send(&p.a, SMALL, block, sizeof(block)));
	assert_false(channel_send(&p.a, SMALL, block, sizeof(block)));
	assert_int_equal(pump(&p, &type, &data, &size), 1);
	assert_int_equal(size, sizeof(block));
	assert_true(channel_send(&p.a, SMALL, block, sizeof(block)));
	pair_fini(&p);
}

static void a_queue_that_never_gets_empty_does_not_grow(void **state)
{
	enum { OUT_MAX = 1 << 20 };
	struct pair p = pair_new(OUT_MAX);
	static const char block[4000];
	char sink[1 << 16];
	(void)state;
	while (channel_send(&p.a, SMALL, block, sizeof(block)))
		continue;
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(channel_flush(&p.a), 0);
		assert_true(channel_waits(&p.a));
		while (channel_send(&p.a, SMALL, block, sizeof(block)))
			continue;
		assert_true(channel_queued(&p.a) <= OUT_MAX);
		assert_true(read(p.b.fd, sink, sizeof(sink)) > 0);
	}
	assert_true(p.a.out_capacity <= 4 * OUT_MAX);
	pair_fini(&p);
}

static void assert_refused(uint32_t type, uint32_t size)
{
	struct pair p = pair_new(64);
	const void *data;
	size_t got_size;
	uint32_t header[2] = { type, size }, got;
	assert_int_equal(write(p.a.fd, header, sizeof(header)), sizeof(header));
	assert_int_equal(channel_fill(&p.b), 0);
	assert_int_equal(channel_next(&p.b, &got, &data, &got_size), -EBADMSG);
	assert_true(p.b.in_capacity < 1 << 20); /* nothing was taken on its word */
	pair_fini(&p);
}

static void sizes_and_types_that_cannot_be_are_refused(void **state)
{
	(void)state;
	assert_refused(SMALL, CHANNEL_SMALL_MAX + 1);
	assert_refused(DOCUMENT, CHANNEL_DOCUMENT_MAX + 1);
	assert_refused(DOCUMENT, UINT32_MAX);
	assert_refused(32, 0);
	assert_refused(UINT32_MAX, UINT32_MAX);
}

static void the_end_of_the_other_side_is_told(void **state)
{
	struct pair p = pair_new(64);
	(void)state;
	close(p.a.fd);
	p.a.fd = -1;
	assert_int_equal(channel_fill(&p.b), -EPIPE);
	pair_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_whole_and_in_order),
		cmocka_unit_test(a_document_larger_than_the_socket_takes_its_time),
		cmocka_unit_test(a_queue_that_is_full_refuses_and_keeps_what_it_has),
		cmocka_unit_test(a_queue_that_never_gets_empty_does_not_grow),
		cmocka_unit_test(sizes_and_types_that_cannot_be_are_refused),
		cmocka_unit_test(the_end_of_the_other_side_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
