/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "faultline/addr.h"
#include "faultline/status.h"

enum { BAD, LOOPBACK = 1, LINK_LOCAL = 2, MULTICAST = 4, INTERNAL = 8, V4 = 16, NONE = 32 };

static const struct row {
	const char *text;
	const char *formatted; /* NULL: no address */
	int is;
} addresses[] = {
	{ "192.0.2.1", "192.0.2.1", V4 },
	{ "::ffff:192.0.2.1", "192.0.2.1", V4 },
	{ "::ffff:c000:201", "192.0.2.1", V4 },
	{ "127.0.0.1", "127.0.0.1", V4 | LOOPBACK },
	{ "127.255.255.255", "127.255.255.255", V4 | LOOPBACK },
	{ "128.0.0.0", "128.0.0.0", V4 },
	{ "::1", "::1", LOOPBACK },
	{ "::2", "::2", 0 },
	{ "::", "::", NONE | MULTICAST },
	{ "0.0.0.0", "0.0.0.0", V4 | MULTICAST },
	{ "0.0.0.1", "0.0.0.1", V4 },
	{ "10.0.0.0", "10.0.0.0", V4 | INTERNAL },
	{ "10.255.255.255", "10.255.255.255", V4 | INTERNAL },
	{ "11.0.0.0", "11.0.0.0", V4 },
	{ "172.15.255.255", "172.15.255.255", V4 },
	{ "172.16.0.0", "172.16.0.0", V4 | INTERNAL },
	{ "172.31.255.255", "172.31.255.255", V4 | INTERNAL },
	{ "172.32.0.0", "172.32.0.0", V4 },
	{ "192.168.1.1", "192.168.1.1", V4 | INTERNAL },
	{ "100.63.255.255", "100.63.255.255", V4 },
	{ "100.64.0.0", "100.64.0.0", V4 | INTERNAL },
	{ "100.127.255.255", "100.127.255.255", V4 | INTERNAL },
	{ "100.128.0.0", "100.128.0.0", V4 },
	{ "169.254.1.1", "169.254.1.1", V4 | INTERNAL | LINK_LOCAL },
	{ "fe80::1", "fe80::1", INTERNAL | LINK_LOCAL },
	{ "febf::1", "febf::1", INTERNAL | LINK_LOCAL },
	{ "fec0::1", "fec0::1", 0 },
	{ "fc00::1", "fc00::1", INTERNAL },
	{ "fdff::1", "fdff::1", INTERNAL },
	{ "fe00::1", "fe00::1", 0 },
	{ "224.0.0.251", "224.0.0.251", V4 | MULTICAST },
	{ "239.255.255.255", "239.255.255.255", V4 | MULTICAST },
	{ "240.0.0.1", "240.0.0.1", V4 },
	{ "255.255.255.255", "255.255.255.255", V4 | MULTICAST },
	{ "ff02::fb", "ff02::fb", MULTICAST },
	/* RFC 5952 section 4 */
	{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", 0 },
	{ "2001:0DB8:0:0:0:0:2:1", "2001:db8::2:1", 0 },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 0 },
	{ "2001:db8::0:0:1:0:0", "2001:db8::1:0:0", 0 },
	{ "", NULL, BAD },
	{ "1.2.3", NULL, BAD },
	{ "1.2.3.4.5", NULL, BAD },
	{ "1.2.3.256", NULL, BAD },
	{ "01.2.3.4", NULL, BAD },
	{ "1.2.3.4 ", NULL, BAD },
	{ " 1.2.3.4", NULL, BAD },
	{ "::g", NULL, BAD },
	{ "1::2::3", NULL, BAD },
	{ "fe80::1%eth0", NULL, BAD },
	{ "api.example", NULL, BAD },
};

static void run_address(void **state)
{
	const struct row *row = *state;
	struct fl_addr a = { { 1, 2, 3 } }, before = a;
	char text[FL_ADDR_TEXT];

	assert_int_equal(fl_addr_parse(row->text, &a), row->formatted != NULL);
	if (!row->formatted) {
		assert_true(fl_addr_equal(&a, &before));
		return;
	}
	assert_string_equal(fl_addr_format(&a, text), row->formatted);
	assert_int_equal(fl_addr_is_v4(&a) ? V4 : 0, row->is & V4);
	assert_int_equal(fl_addr_is_none(&a) ? NONE : 0, row->is & NONE);
	assert_int_equal(fl_addr_is_loopback(&a) ? LOOPBACK : 0, row->is & LOOPBACK);
	assert_int_equal(fl_addr_is_link_local(&a) ? LINK_LOCAL : 0, row->is & LINK_LOCAL);
	assert_int_equal(fl_addr_is_multicast(&a) ? MULTICAST : 0, row->is & MULTICAST);
	assert_int_equal(fl_addr_is_internal(&a) ? INTERNAL : 0, row->is & INTERNAL);
}

static const struct prefix_row {
	const char *name;
	const char *prefix;
	const char *address;
	enum { NO_PREFIX, IN, OUT } result;
} prefixes[] = {
	{ "10/8 holds its last address", "10.0.0.0/8", "10.255.255.255", IN },
	{ "10/8 does not hold the next one", "10.0.0.0/8", "11.0.0.0", OUT },
	{ "bits of the host part do not matter", "10.1.2.3/8", "10.200.0.1", IN },
	{ "a prefix that ends inside a byte", "172.16.0.0/12", "172.31.0.1", IN },
	{ "a prefix that ends inside a byte excludes", "172.16.0.0/12", "172.32.0.1", OUT },
	{ "0/0 of IPv4 holds all of IPv4", "0.0.0.0/0", "203.0.113.9", IN },
	{ "0/0 of IPv4 holds no IPv6", "0.0.0.0/0", "2001:db8::1", OUT },
	{ "::/0 holds everything", "::/0", "203.0.113.9", IN },
	{ "a bare address is itself", "192.0.2.7", "192.0.2.7", IN },
	{ "a bare address is no other", "192.0.2.7", "192.0.2.6", OUT },
	{ "/32 is one address", "192.0.2.7/32", "192.0.2.6", OUT },
	{ "an IPv6 prefix holds its own", "fd00::/8", "fdab::1", IN },
	{ "an IPv6 prefix excludes others", "fd00::/8", "fc00::1", OUT },
	{ "/128 is one address", "2001:db8::1/128", "2001:db8::1", IN },
	{ "a mapped prefix counts from its start", "::ffff:10.0.0.0/104", "10.9.9.9", IN },
	{ "/33 of IPv4 is none", "10.0.0.0/33", "", NO_PREFIX },
	{ "/129 of IPv6 is none", "fd00::/129", "", NO_PREFIX },
	{ "a slash without bits is none", "10.0.0.0/", "", NO_PREFIX },
	{ "a sign is none", "10.0.0.0/+8", "", NO_PREFIX },
	{ "a blank is none", "10.0.0.0/ 8", "", NO_PREFIX },
	{ "two slashes are none", "10.0.0.0/8/8", "", NO_PREFIX },
	{ "a domain is none", "corp.example", "", NO_PREFIX },
	{ "a very long text is none", "10.0.0.00000000000000000000000000000000000000000000000000/8", "", NO_PREFIX },
	{ "a huge number of bits is none", "10.0.0.0/4294967304", "", NO_PREFIX },
};

static void run_prefix(void **state)
{
	const struct prefix_row *row = *state;
	struct fl_prefix p = { .bits = 77 };
	struct fl_addr a;

	assert_int_equal(fl_prefix_parse(row->prefix, &p), row->result != NO_PREFIX);
	if (row->result == NO_PREFIX) {
		assert_int_equal(p.bits, 77);
		return;
	}
	assert_true(fl_addr_parse(row->address, &a));
	assert_int_equal(fl_prefix_contains(&p, &a), row->result == IN);
}

static void order_is_by_bytes(void **state)
{
	struct fl_addr a, b;

	(void)state;
	assert_true(fl_addr_parse("10.0.0.9", &a) && fl_addr_parse("10.0.0.10", &b));
	assert_true(fl_addr_compare(&a, &b) < 0);
	assert_true(fl_addr_compare(&b, &a) > 0);
	assert_int_equal(fl_addr_compare(&a, &a), 0);
}

int main(void)
{
	enum { A = FL_ARRAY_LEN(addresses), P = FL_ARRAY_LEN(prefixes) };
	struct CMUnitTest tests[A + P + 1] = { 0 };

	for (size_t i = 0; i < A; i++)
		tests[i] = (struct CMUnitTest){ .name = addresses[i].text, .test_func = run_address,
						.initial_state = (void *)(uintptr_t)&addresses[i] };
	for (size_t i = 0; i < P; i++)
		tests[A + i] = (struct CMUnitTest){ .name = prefixes[i].name, .test_func = run_prefix,
						    .initial_state = (void *)(uintptr_t)&prefixes[i] };
	tests[A + P] = (struct CMUnitTest)cmocka_unit_test(order_is_by_bytes);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
