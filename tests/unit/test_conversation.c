/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conversation.c - conversations in bounded memory, fail-over, work in flight */
#include "unit.h"

#include "faultline/inflight.h"

#include "traffic.h"

static struct fl_conversation *at(struct fl_conversations *c, const char *server, fl_str name, int64_t now)
{
	struct fl_conversation_key key = { .client = ip("10.0.0.1"), .server = ip(server), .name = name,
					   .port = 443, .transport = FL_TRANSPORT_TCP };
	return fl_conversation_at(c, &key, now);
}

static void a_key_finds_its_conversation_again(void **state)
{
	struct fl_conversations *c = fl_conversations_new(64, 4);
	at(c, "203.0.113.1", 1, T0)->exchanges = 7;
	at(c, "203.0.113.2", 1, T0)->exchanges = 8;
	assert_int_equal(at(c, "203.0.113.1", 1, T0)->exchanges, 7);
	assert_int_equal(at(c, "203.0.113.2", 1, T0)->exchanges, 8);
	assert_int_equal(at(c, "203.0.113.2", 2, T0)->exchanges, 0);
	assert_int_equal(fl_conversation_count(c), 3);
	fl_conversations_free(c);
	(void)state;
}

static void a_place_finds_its_conversation_until_another_takes_it(void **state)
{
	struct fl_conversations *c = fl_conversations_new(16, 4);
	struct fl_conversation *v = at(c, "203.0.113.1", 1, T0);
	struct fl_conversation_place place = fl_conversation_place(c, v);
	assert_ptr_equal(fl_conversation_there(c, place), v);
	assert_null(fl_conversation_there(c, (struct fl_conversation_place){ 0 }));
	assert_null(fl_conversation_there(c, (struct fl_conversation_place){ 2, place.generation }));
	for (int i = 0; i < 256; i++) {
		char server[32];
		snprintf(server, sizeof(server), "198.51.100.%d", i);
		at(c, server, 0, T0 + (i + 1) * SECOND);
	}
	assert_null(fl_conversation_there(c, place));
	fl_conversations_free(c);
	(void)state;
}

static void a_flood_pushes_out_attempts_before_what_answered(void **state)
{
	struct fl_conversations *c = fl_conversations_new(64, 4);
	for (int i = 0; i < 8; i++) {
		char server[32];
		snprintf(server, sizeof(server), "203.0.113.%d", i);
		at(c, server, 1, T0)->connections.established = 1;
	}
	for (int i = 0; i < 5000; i++) {
		char server[32];
		snprintf(server, sizeof(server), "198.51.%d.%d", i / 250, i % 250);
		at(c, server, 0, T0 + i * SECOND);
	}
	for (int i = 0; i < 8; i++) {
		char server[32];
		snprintf(server, sizeof(server), "203.0.113.%d", i);
		assert_int_equal(at(c, server, 1, T0)->connections.established, 1);
	}
	assert_int_equal(fl_conversation_count(c), 64);
	assert_true(fl_conversations_evicted(c) >= 5000 - 64);
	fl_conversations_free(c);
	(void)state;
}

static void success_elsewhere_soon_after_a_failure_is_a_fail_over(void **state)
{
	struct fl_conversations *c = fl_conversations_new(64, 4);
	at(c, "203.0.113.1", 1, T0);
	fl_conversation_unreached(c, at(c, "203.0.113.1", 1, T0), T0, T0 + SECOND);
	fl_conversation_success(c, at(c, "203.0.113.2", 1, T0), T0 + 2 * SECOND);
	assert_int_equal(at(c, "203.0.113.2", 1, T0)->failovers, 1);
	assert_true(fl_conversation_failover(c, at(c, "203.0.113.2", 1, T0)));
	assert_false(fl_conversation_failover(c, at(c, "203.0.113.1", 1, T0)));
	fl_conversation_success(c, at(c, "203.0.113.2", 1, T0), T0 + 2 * SECOND + SECOND / 2);
	assert_int_equal(at(c, "203.0.113.2", 1, T0)->failovers, 1);
	fl_conversations_free(c);
	(void)state;
}

static void success_elsewhere_after_another_success_is_none(void **state)
{
	struct fl_conversations *c = fl_conversations_new(64, 4);
	fl_conversation_unreached(c, at(c, "203.0.113.1", 1, T0), T0, T0 + SECOND);
	fl_conversation_success(c, at(c, "203.0.113.3", 1, T0), T0 + SECOND / 2);
	fl_conversation_success(c, at(c, "203.0.113.2", 1, T0), T0 + SECOND + SECOND / 2);
	assert_int_equal(at(c, "203.0.113.2", 1, T0)->failovers, 0);
	fl_conversations_free(c);
	(void)state;
}

/* 20 calls a second, every other one refused: the next comes soon, as it always does. */
static void taking_addresses_in_turn_is_none(void **state)
{
	struct fl_conversations *c = fl_conversations_new(64, 4);
	for (int i = 0; i < 100; i++) {
		int64_t now = T0 + i * SECOND / 20;
		struct fl_conversation *v = at(c, i % 2 ? "203.0.113.2" : "203.0.113.1", 1, now);
		fl_conversation_start(c, v, now);
		if (i % 2)
			fl_conversation_success(c, v, now + SECOND / 1000);
		else
			fl_conversation_unreached(c, v, now, now + SECOND / 1000);
	}
	assert_false(fl_conversation_failover(c, at(c, "203.0.113.2", 1, T0)));
	fl_conversations_free(c);
	(void)state;
}

static void success_long_after_or_under_another_name_is_none(void **state)
{
	struct fl_conversations *c = fl_conversations_new(64, 4);
	fl_conversation_unreached(c, at(c, "203.0.113.1", 1, T0), T0, T0);
	fl_conversation_success(c, at(c, "203.0.113.2", 1, T0), T0 + 2 * SECOND);
	fl_conversation_success(c, at(c, "203.0.113.3", 2, T0), T0 + SECOND);
	assert_int_equal(at(c, "203.0.113.2", 1, T0)->failovers, 0);
	assert_int_equal(at(c, "203.0.113.3", 2, T0)->failovers, 0);
	fl_conversations_free(c);
	(void)state;
}

static void a_failure_that_is_known_late_still_finds_the_success_after_it(void **state)
{
	struct fl_conversations *c = fl_conversations_new(64, 4);
	at(c, "203.0.113.1", 1, T0);
	fl_conversation_success(c, at(c, "203.0.113.2", 1, T0), T0 + 2 * SECOND);
	fl_conversation_unreached(c, at(c, "203.0.113.1", 1, T0), T0, T0 + SECOND);
	assert_int_equal(at(c, "203.0.113.2", 1, T0)->failovers, 1);
	fl_conversations_free(c);
	(void)state;
}

static void gaps_between_starts_give_mean_and_spread(void **state)
{
	struct fl_conversations *c = fl_conversations_new(64, 4);
	for (int i = 0; i < 10; i++)
		fl_conversation_start(c, at(c, "203.0.113.1", 1, T0), T0 + i * 15 * SECOND);
	const struct fl_conversation *v = at(c, "203.0.113.1", 1, T0);
	assert_int_equal(v->starts, 10);
	assert_true(v->gap_mean_s > 14.999 && v->gap_mean_s < 15.001);
	assert_true(v->gap_m2 < 1e-6);
	fl_conversations_free(c);
	(void)state;
}

static void measures_come_from_a_bounded_pool_and_return_to_it(void **state)
{
	struct fl_conversations *c = fl_conversations_new(16, 2);
	uint32_t none = 0;
	for (int i = 0; i < 40; i++) {
		char server[32];
		snprintf(server, sizeof(server), "203.0.113.%d", i);
		struct fl_conversation *v = at(c, server, 1, T0 + i);
		v->answered = 1;
		fl_conversation_start(c, v, T0 + i);
	}
	assert_true(fl_conversations_without_detail(c) > 0);
	assert_null(fl_conversation_detail(c, &none));
	assert_int_equal(fl_conversations_detail_limit(c), 2);
	fl_conversations_free(c);
	(void)state;
}

static void one_client_that_dials_everybody_costs_no_more_than_many(void **state)
{
	struct fl_conversations *c = fl_conversations_new(4096, 4);
	for (uint32_t i = 0; i < 400000; i++) {
		struct fl_conversation_key key = { .client = ip("10.0.0.1"), .port = 443, .transport = FL_TRANSPORT_TCP };
		memcpy(key.server.bytes, &i, sizeof(i));
		key.server.bytes[15] = 1;
		fl_conversation_at(c, &key, T0 + i);
	}
	assert_int_equal(fl_conversation_count(c), 4096); /* and it ends: a walk along the ring for each would take minutes */
	fl_conversations_free(c);
	(void)state;
}

static void names_that_clients_make_up_are_folded_past_a_limit(void **state)
{
	struct fl_conversations *c = fl_conversations_new(8192, 4);
	struct fl_conversation_key key = { .client = ip("192.0.2.1"), .server = ip("10.0.0.1"), .port = 80,
					   .transport = FL_TRANSPORT_TCP, .name_source = FL_NAME_HTTP_HOST };
	for (fl_str name = 1; name <= 3000; name++) {
		key.name = name;
		fl_conversation_at(c, &key, T0)->exchanges++;
	}
	assert_int_equal(fl_conversation_count(c), FL_NAMES_OF_LISTENER + 1);
	assert_int_equal(fl_conversations_folded(c), 3000 - FL_NAMES_OF_LISTENER);
	key.name = FL_STR_NONE;
	key.name_source = FL_NAME_NONE;
	assert_int_equal(fl_conversation_at(c, &key, T0)->exchanges, 3000 - FL_NAMES_OF_LISTENER);
	fl_conversations_free(c);
	(void)state;
}

static void one_name_asked_by_many_clients_is_one_name(void **state)
{
	struct fl_conversations *c = fl_conversations_new(8192, 4);
	struct fl_conversation_key key = { .client = ip("192.0.2.1"), .server = ip("10.0.0.1"), .port = 443,
					   .transport = FL_TRANSPORT_TCP, .name_source = FL_NAME_TLS_SNI };
	for (unsigned i = 0; i < 3000; i++) {
		key.client.bytes[14] = (uint8_t)(i >> 8);
		key.client.bytes[15] = (uint8_t)i;
		key.name = 1 + i % 7;
		fl_conversation_at(c, &key, T0);
	}
	assert_int_equal(fl_conversation_count(c), 3000);
	assert_int_equal(fl_conversations_folded(c), 0);
	fl_conversations_free(c);
	(void)state;
}

static void starts_inside_open_work_are_nested(void **state)
{
	struct fl_inflight *f = fl_inflight_new(16);
	struct fl_addr web = ip("10.0.0.1"), db = ip("10.0.0.2");
	uint32_t nested[FL_NESTED_SLOTS] = { 0 };
	uint32_t first = fl_inflight_listener(f, &web, 80, FL_TRANSPORT_TCP);
	uint32_t second = fl_inflight_listener(f, &web, 9100, FL_TRANSPORT_TCP);
	fl_inflight_nest(f, &web, nested);
	fl_inflight_open(f, first, T0);
	fl_inflight_nest(f, &web, nested);
	fl_inflight_nest(f, &db, nested);
	fl_inflight_open(f, second, T0 + SECOND);
	fl_inflight_close(f, first, T0 + 2 * SECOND);
	fl_inflight_nest(f, &web, nested);
	assert_int_equal(nested[0], 1);
	assert_int_equal(nested[1], 1);
	assert_true(fl_inflight_find(f, &web, 80, FL_TRANSPORT_TCP)->busy_ns == 2 * SECOND);
	assert_null(fl_inflight_find(f, &db, 80, FL_TRANSPORT_TCP));
	fl_inflight_free(f);
	(void)state;
}

static void many_ports_of_one_address_stay_cheap_and_bounded(void **state)
{
	struct fl_inflight *f = fl_inflight_new(8);
	struct fl_addr web = ip("10.0.0.1");
	uint32_t nested[FL_NESTED_SLOTS] = { 0 };
	for (uint16_t port = 1; port <= 20; port++) {
		uint32_t l = fl_inflight_listener(f, &web, port, FL_TRANSPORT_TCP);
		fl_inflight_open(f, l, T0); /* 0 is taken, too */
	}
	fl_inflight_nest(f, &web, nested);
	for (int i = 0; i < FL_NESTED_SLOTS; i++)
		assert_int_equal(nested[i], 1);
	assert_int_equal(fl_inflight_count(f), 8);
	assert_int_equal(fl_inflight_refused(f), 12);
	fl_inflight_free(f);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_finds_its_conversation_again),
		cmocka_unit_test(a_place_finds_its_conversation_until_another_takes_it),
		cmocka_unit_test(a_flood_pushes_out_attempts_before_what_answered),
		cmocka_unit_test(success_elsewhere_soon_after_a_failure_is_a_fail_over),
		cmocka_unit_test(success_elsewhere_after_another_success_is_none),
		cmocka_unit_test(taking_addresses_in_turn_is_none),
		cmocka_unit_test(success_long_after_or_under_another_name_is_none),
		cmocka_unit_test(a_failure_that_is_known_late_still_finds_the_success_after_it),
		cmocka_unit_test(gaps_between_starts_give_mean_and_spread),
		cmocka_unit_test(measures_come_from_a_bounded_pool_and_return_to_it),
		cmocka_unit_test(one_client_that_dials_everybody_costs_no_more_than_many),
		cmocka_unit_test(names_that_clients_make_up_are_folded_past_a_limit),
		cmocka_unit_test(one_name_asked_by_many_clients_is_one_name),
		cmocka_unit_test(starts_inside_open_work_are_nested),
		cmocka_unit_test(many_ports_of_one_address_stay_cheap_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
