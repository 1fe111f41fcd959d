/* SPDX-License-Identifier: BSD-2-Clause */
/* test_names.c - a name belongs to client, address and time */
#include "unit.h"

#include "faultline/names.h"

#include "traffic.h"

static struct fl_dns_message answer(const char *name, const char *alias, const char *address)
{
	static struct fl_dns_message m;
	memset(&m, 0, sizeof(m));
	m.response = true;
	m.question_count = 1;
	m.qtype = FL_DNS_A;
	strcpy(m.qname, name);
	if (alias) {
		strcpy(m.chain[0], alias);
		m.chain_count = 1;
	}
	if (address) {
		m.address[0] = ip(address);
		m.address_count = m.named_count = 1;
	}
	return m;
}

struct fixture {
	struct fl_strpool *pool;
	struct fl_names *names;
	struct fl_addr alice, bob, resolver, cdn;
};

static struct fixture setup(uint32_t bindings, uint32_t answers)
{
	struct fixture f = { .pool = fl_strpool_new(0), .alice = ip("10.0.0.1"), .bob = ip("10.0.0.2"),
			     .resolver = ip("10.0.0.53"), .cdn = ip("203.0.113.9") };
	f.names = fl_names_new(f.pool, &(struct fl_names_options){ bindings, answers, 1 << 20 });
	return f;
}

static void teardown(struct fixture *f)
{
	fl_names_free(f->names);
	fl_strpool_free(f->pool);
}

static void tell(struct fixture *f, const struct fl_addr *client, int64_t time, const char *name, const char *alias,
		 const char *address)
{
	struct fl_dns_message m = answer(name, alias, address);
	fl_names_add(f->names, client, &f->resolver, FL_TRANSPORT_UDP, time, &m, FL_ASKED);
}

static const char *last_name(struct fixture *f, const struct fl_addr *client, const struct fl_addr *server)
{
	struct fl_binding b;
	return fl_names_last(f->names, client, server, &b) ? fl_strpool_get(f->pool, b.name) : NULL;
}

static void the_last_answer_before_the_connection_names_it(void **state)
{
	struct fixture f = setup(64, 64);
	tell(&f, &f.alice, T0, "one.example", NULL, "203.0.113.9");
	assert_string_equal(last_name(&f, &f.alice, &f.cdn), "one.example");
	tell(&f, &f.alice, T0 + SECOND, "two.example", NULL, "203.0.113.9");
	assert_string_equal(last_name(&f, &f.alice, &f.cdn), "two.example");
	teardown(&f);
	(void)state;
}

static void what_one_client_asked_names_nothing_for_another(void **state)
{
	struct fixture f = setup(64, 64);
	tell(&f, &f.alice, T0, "one.example", NULL, "203.0.113.9");
	assert_null(last_name(&f, &f.bob, &f.cdn));
	teardown(&f);
	(void)state;
}

static void an_address_that_no_answer_named_is_not_known(void **state)
{
	struct fixture f = setup(64, 64);
	assert_false(fl_names_may_know(f.names, &f.cdn));
	tell(&f, &f.alice, T0, "one.example", NULL, "203.0.113.9");
	assert_true(fl_names_may_know(f.names, &f.cdn));
	teardown(&f);
	(void)state;
}

static void the_chain_belongs_to_the_name_that_was_asked(void **state)
{
	struct fixture f = setup(64, 64);
	tell(&f, &f.alice, T0, "one.example", "edge.cdn.example", "203.0.113.9");
	tell(&f, &f.alice, T0, "two.example", NULL, "203.0.113.9");
	fl_str one = fl_strpool_find(f.pool, "one.example", 11), two = fl_strpool_find(f.pool, "two.example", 11);
	assert_string_equal(fl_strpool_get(f.pool, fl_names_chain(f.names, &f.alice, one)), "edge.cdn.example");
	assert_int_equal(fl_names_chain(f.names, &f.alice, two), FL_STR_NONE);
	assert_int_equal(fl_names_chain(f.names, &f.bob, one), FL_STR_NONE);
	teardown(&f);
	(void)state;
}

static void the_same_answer_in_another_order_is_one_answer(void **state)
{
	struct fixture f = setup(64, 64);
	struct fl_dns_message m = answer("one.example", NULL, "203.0.113.9");
	m.address[1] = ip("203.0.113.8");
	m.address_count = m.named_count = 2;
	fl_names_add(f.names, &f.alice, &f.resolver, FL_TRANSPORT_UDP, T0, &m, FL_ASKED);
	struct fl_addr swap = m.address[0];
	m.address[0] = m.address[1];
	m.address[1] = swap;
	fl_names_add(f.names, &f.alice, &f.resolver, FL_TRANSPORT_UDP, T0 + SECOND, &m, FL_ASKED);
	assert_int_equal(fl_names_answer_count(f.names), 1);
	const struct fl_answer *a = fl_names_answer(f.names, 0);
	assert_int_equal(a->count, 2);
	assert_int_equal(a->address_count, 2);
	assert_true(a->first_ns == T0 && a->last_ns == T0 + SECOND);
	teardown(&f);
	(void)state;
}

static void a_full_table_gives_up_its_oldest_and_counts(void **state)
{
	struct fixture f = setup(8, 4);
	for (int i = 0; i < 20; i++) {
		char address[32];
		snprintf(address, sizeof(address), "203.0.113.%d", i);
		tell(&f, &f.alice, T0 + i * SECOND, "one.example", NULL, address);
	}
	struct fl_addr first = ip("203.0.113.0"), last = ip("203.0.113.19");
	assert_null(last_name(&f, &f.alice, &first));
	assert_string_equal(last_name(&f, &f.alice, &last), "one.example");
	const struct fl_names_counters *c = fl_names_counters(f.names);
	assert_int_equal(c->answers, 20);
	assert_int_equal(c->bindings_evicted, 12);
	assert_int_equal(fl_names_answer_count(f.names), 4);
	assert_int_equal(c->answers_dropped, 16);
	teardown(&f);
	(void)state;
}

static void a_response_that_nobody_asked_for_binds_nothing(void **state)
{
	struct fixture f = setup(64, 64);
	struct fl_dns_message m = answer("evil.example", NULL, "203.0.113.9");
	fl_names_add(f.names, &f.alice, &f.resolver, FL_TRANSPORT_UDP, T0, &m, FL_NOT_ASKED);
	assert_null(last_name(&f, &f.alice, &f.cdn));
	assert_int_equal(fl_names_answer_count(f.names), 1);
	teardown(&f);
	(void)state;
}

static void names_out_of_dns_leave_room_for_others(void **state)
{
	struct fixture f = { .pool = fl_strpool_new(65536), .alice = ip("10.0.0.1"), .resolver = ip("10.0.0.53"),
			     .cdn = ip("203.0.113.9") };
	f.names = fl_names_new(f.pool, &(struct fl_names_options){ 64, 64, 32768 });
	for (int i = 0; i < 20000; i++) {
		char name[64];
		snprintf(name, sizeof(name), "tunnel-%d.example", i);
		tell(&f, &f.alice, T0 + i, name, NULL, "203.0.113.9");
	}
	assert_true(fl_strpool_add(f.pool, "host.example", 12) != FL_STR_NONE);
	assert_true(fl_names_counters(f.names)->answers_dropped > 0);
	teardown(&f);
	(void)state;
}

static void an_answer_without_addresses_is_listed_and_binds_nothing(void **state)
{
	struct fixture f = setup(64, 64);
	tell(&f, &f.alice, T0, "gone.example", NULL, NULL);
	assert_int_equal(fl_names_answer_count(f.names), 1);
	assert_null(last_name(&f, &f.alice, &f.cdn));
	teardown(&f);
	(void)state;
}

static void hints_bind_like_addresses_but_are_not_listed(void **state)
{
	(void)state;
	struct fixture f = setup(64, 64);
	struct fl_dns_message m = answer("shop.example", "edge.example", NULL);
	m.qtype = FL_DNS_HTTPS;
	m.hint[0] = f.cdn;
	m.hint_count = 1;
	fl_names_add(f.names, &f.alice, &f.resolver, FL_TRANSPORT_UDP, 1, &m, FL_ASKED);
	assert_string_equal(last_name(&f, &f.alice, &f.cdn), "shop.example");
	assert_null(last_name(&f, &f.bob, &f.cdn));
	assert_int_equal(fl_names_answer(f.names, 0)->address_count, 0);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints_bind_like_addresses_but_are_not_listed),
		cmocka_unit_test(the_last_answer_before_the_connection_names_it),
		cmocka_unit_test(what_one_client_asked_names_nothing_for_another),
		cmocka_unit_test(an_address_that_no_answer_named_is_not_known),
		cmocka_unit_test(the_chain_belongs_to_the_name_that_was_asked),
		cmocka_unit_test(the_same_answer_in_another_order_is_one_answer),
		cmocka_unit_test(a_full_table_gives_up_its_oldest_and_counts),
		cmocka_unit_test(a_response_that_nobody_asked_for_binds_nothing),
		cmocka_unit_test(names_out_of_dns_leave_room_for_others),
		cmocka_unit_test(an_answer_without_addresses_is_listed_and_binds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
