/* SPDX-License-Identifier: BSD-2-Clause */
/* test_owner.c - sockets to services: namespaces, port reuse, floods, hostile names */
#include "unit.h"

#include "faultline/owner.h"

#include "traffic.h"

enum { HERE = 100, THERE = 200, ELSEWHERE = 300 };

struct given {
	const char *local, *remote; /* NULL: none */
	uint16_t local_port, remote_port;
	uint8_t transport;
	uint32_t netns;
	int64_t since_ns;
	const char *service; /* @ended: the socket was closed */
};

static const char ended[] = "";

static struct fl_addr address(const char *text)
{
	return text ? ip(text) : (struct fl_addr){ 0 };
}

static struct fl_owner_record record(const struct given *g)
{
	struct fl_owner_record r = { .local = address(g->local), .remote = address(g->remote), .local_port = g->local_port,
				     .remote_port = g->remote_port, .transport = g->transport, .netns = g->netns,
				     .since_ns = g->since_ns, .closed = g->service == ended,
				     .kind = (uint8_t)(!g->service ? FL_OWNER_ADDRESS
						       : g->remote ? FL_OWNER_CONNECTION
								   : FL_OWNER_SOCKET) };
	if (g->service)
		snprintf(r.service, sizeof(r.service), "%s", g->service);
	return r;
}

struct row {
	const char *name;
	struct given given[3];
	struct given asked; /* since_ns: when the flow began */
	bool midstream;
	const char *expected; /* NULL: nobody */
};

static const struct row rows[] = {
	{ "a connection belongs to who opened it",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0, "web" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 6, 0, T0, NULL }, false, "web" },
	{ "another port is another connection",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0, "web" } },
	  { "10.0.0.1", "10.0.0.9", 4001, 80, 6, 0, T0, NULL }, false, NULL },
	{ "UDP and TCP ports are different ports",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0, "web" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 17, 0, T0, NULL }, false, NULL },
	{ "a port that was reused belongs to who has it now",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0, "web" },
	    { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0 + 60 * SECOND, "mail" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 6, 0, T0 + 60 * SECOND, NULL }, false, "mail" },
	{ "a flow does not belong to who had its port a minute ago",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0, "web" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 6, 0, T0 + 60 * SECOND, NULL }, false, NULL },
	{ "a flow whose beginning was not seen may be as old as it likes",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0, "web" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 6, 0, T0 + 60 * SECOND, NULL }, true, "web" },
	{ "an unconnected UDP socket owns what leaves its port",
	  { { NULL, NULL, 4000, 0, 17, HERE, T0, "resolver" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 53, 17, 0, T0 + 60 * SECOND, NULL }, false, "resolver" },
	{ "a datagram that was sent before its socket was closed belongs to it, whoever has the port now",
	  { { NULL, NULL, 4000, 0, 17, HERE, T0, "first" }, { NULL, NULL, 4000, 0, 17, HERE, T0 + SECOND, ended },
	    { NULL, NULL, 4000, 0, 17, HERE, T0 + SECOND + 2, "second" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 53, 17, 0, T0 + SECOND - 1, NULL }, false, "first" },
	{ "a datagram that was sent after that belongs to who has the port now",
	  { { NULL, NULL, 4000, 0, 17, HERE, T0, "first" }, { NULL, NULL, 4000, 0, 17, HERE, T0 + SECOND, ended },
	    { NULL, NULL, 4000, 0, 17, HERE, T0 + SECOND + 2, "second" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 53, 17, 0, T0 + SECOND + 1, NULL }, false, "second" },
	{ "a datagram from a port that was closed belongs to nobody that is known",
	  { { NULL, NULL, 4000, 0, 17, HERE, T0, "first" }, { NULL, NULL, 4000, 0, 17, HERE, T0 + SECOND, ended } },
	  { "10.0.0.1", "10.0.0.9", 4000, 53, 17, 0, T0 + SECOND + 1, NULL }, false, NULL },
	{ "a datagram that was sent long before the port was somebody's is not its",
	  { { NULL, NULL, 4000, 0, 17, HERE, T0 + 60 * SECOND, "later" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 53, 17, 0, T0, NULL }, false, NULL },
	{ "the end of a socket in another namespace ends nothing here",
	  { { NULL, NULL, 4000, 0, 17, HERE, T0, "first" }, { NULL, NULL, 4000, 0, 17, THERE, T0 + SECOND, ended } },
	  { "10.0.0.1", "10.0.0.9", 4000, 53, 17, 0, T0 + 2 * SECOND, NULL }, false, "first" },
	{ "in a foreign namespace, too, the time decides who had the port",
	  { { NULL, NULL, 4000, 0, 17, THERE, T0, "first" }, { NULL, NULL, 4000, 0, 17, THERE, T0 + SECOND, ended },
	    { NULL, NULL, 4000, 0, 17, THERE, T0 + SECOND + 2, "second" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 53, 17, 0, T0 + 2 * SECOND, NULL }, false, "second" },
	{ "a listener owns what its port answers",
	  { { NULL, NULL, 80, 0, 6, HERE, T0, "nginx" } },
	  { "10.0.0.1", "10.0.0.9", 80, 51000, 6, 0, T0 + 60 * SECOND, NULL }, false, "nginx" },
	{ "the listener of an address goes before the one of all addresses",
	  { { NULL, NULL, 80, 0, 6, HERE, T0, "all" }, { "10.0.0.1", NULL, 80, 0, 6, HERE, T0, "one" } },
	  { "10.0.0.1", "10.0.0.9", 80, 51000, 6, 0, T0, NULL }, false, "one" },
	{ "the same connection in two namespaces is the one of the scanner's",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0, "web" },
	    { "10.0.0.1", "10.0.0.9", 4000, 80, 6, THERE, T0, "other" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 6, 0, T0, NULL }, false, "web" },
	{ "two foreign namespaces that do not agree name nobody",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, THERE, T0, "web" },
	    { "10.0.0.1", "10.0.0.9", 4000, 80, 6, ELSEWHERE, T0, "other" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 6, 0, T0, NULL }, false, NULL },
	{ "a socket of any address belongs to the namespace that has the address",
	  { { NULL, NULL, 4000, 0, 17, THERE, T0, "there" }, { NULL, NULL, 4000, 0, 17, ELSEWHERE, T0, "elsewhere" },
	    { "10.0.0.1", NULL, 0, 0, 0, THERE, T0, NULL } },
	  { "10.0.0.1", "10.0.0.9", 4000, 53, 17, 0, T0, NULL }, false, "there" },
	{ "loopback is the scanner's own",
	  { { "127.0.0.1", "127.0.0.1", 4000, 80, 6, THERE, T0, "there" } },
	  { "127.0.0.1", "127.0.0.1", 4000, 80, 6, 0, T0, NULL }, false, NULL },
	{ "IPv4 within IPv6 is IPv4",
	  { { "::ffff:10.0.0.1", "::ffff:10.0.0.9", 4000, 80, 6, HERE, T0, "web" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 6, 0, T0, NULL }, false, "web" },
	{ "control characters in a name become harmless",
	  { { "10.0.0.1", "10.0.0.9", 4000, 80, 6, HERE, T0, "a\x1b[31m\nb\xff" } },
	  { "10.0.0.1", "10.0.0.9", 4000, 80, 6, 0, T0, NULL }, false, "a?[31m?b?" },
};

static void find(void **state)
{
	const struct row *row = *state;
	struct fl_owners *o = fl_owners_new(64, HERE);
	for (size_t i = 0; i < FL_ARRAY_LEN(row->given) && row->given[i].local_port + row->given[i].netns; i++) {
		struct fl_owner_record r = record(&row->given[i]);
		fl_owners_add(o, &r);
	}
	struct fl_owner_question q = { .local = address(row->asked.local), .remote = address(row->asked.remote),
				       .local_port = row->asked.local_port, .remote_port = row->asked.remote_port,
				       .transport = row->asked.transport, .midstream = row->midstream,
				       .began_ns = row->asked.since_ns };
	struct fl_owned owned;
	bool found = fl_owners_find(o, &q, &owned);
	assert_int_equal(found, row->expected != NULL);
	if (found)
		assert_string_equal(fl_owners_service(o, owned.service)->name, row->expected);
	fl_owners_free(o);
}

static void a_flood_of_connections_leaves_the_listeners(void **state)
{
	struct fl_owners *o = fl_owners_new(64, HERE);
	struct given g = { NULL, NULL, 80, 0, 6, HERE, T0, "nginx" };
	struct fl_owner_record r = record(&g);
	struct fl_owned owned;
	struct fl_addr any = ip("10.0.0.1");
	fl_owners_add(o, &r);
	for (uint16_t i = 1; i < 5000; i++) {
		g = (struct given){ "10.0.0.1", "10.0.0.9", i, 443, 6, HERE, T0, "flood" };
		r = record(&g);
		fl_owners_add(o, &r);
	}
	assert_true(fl_owners_listener(o, 6, &any, 80, &owned));
	assert_string_equal(fl_owners_service(o, owned.service)->name, "nginx");
	assert_int_equal(fl_owners_counters(o)->evicted, 4999 - 32);
	fl_owners_free(o);
	(void)state;
}

static void a_flood_of_pools_leaves_the_listeners_and_a_flood_of_listeners_the_pools(void **state)
{
	struct fl_owners *o = fl_owners_new(64, HERE);
	struct given g = { NULL, NULL, 80, 0, 6, HERE, T0, "nginx" };
	struct fl_owner_record r = record(&g);
	struct fl_owned owned;
	struct fl_addr any = ip("10.0.0.1");
	fl_owners_add(o, &r);
	for (uint16_t i = 1; i < 500; i++) {
		g = (struct given){ "10.0.0.1", "10.0.0.9", i, 443, 6, HERE, T0, "pool" };
		r = record(&g);
		r.before = 1;
		fl_owners_add(o, &r);
	}
	assert_true(fl_owners_listener(o, 6, &any, 80, &owned));
	for (uint16_t i = 1; i < 500; i++) {
		g = (struct given){ NULL, NULL, (uint16_t)(1000 + i), 0, 17, HERE, T0, "crowd" };
		r = record(&g);
		fl_owners_add(o, &r);
	}
	struct fl_owner_question q = { .local = ip("10.0.0.1"), .remote = ip("10.0.0.9"), .local_port = 499, .remote_port = 443,
				       .transport = 6, .began_ns = T0, .midstream = true };
	assert_true(fl_owners_find(o, &q, &owned));
	assert_int_equal(fl_owners_limit(o), 64);
	fl_owners_free(o);
	(void)state;
}

static void what_its_flow_has_found_makes_room(void **state)
{
	struct fl_owners *o = fl_owners_new(64, HERE);
	struct fl_owned owned;
	for (uint16_t i = 1; i < 5000; i++) {
		struct given g = { "10.0.0.1", "10.0.0.9", i, 443, 6, HERE, T0, "web" };
		struct fl_owner_record r = record(&g);
		struct fl_owner_question q = { .local = r.local, .remote = r.remote, .local_port = i, .remote_port = 443,
					       .transport = 6, .began_ns = T0 };
		fl_owners_add(o, &r);
		assert_true(fl_owners_find(o, &q, &owned));
		assert_false(fl_owners_find(o, &q, &owned));
	}
	struct fl_owner_unseen u;
	uint32_t at = 0;
	assert_int_equal(fl_owners_counters(o)->evicted, 0);
	assert_false(fl_owners_unseen(o, &at, &u));
	fl_owners_free(o);
	(void)state;
}

static void a_program_cannot_take_the_names_of_what_nobody_knows(void **state)
{
	static const char *const names[][2] = { { "host", "host-program" }, { "port-80", "port-80-program" },
						{ "hostd", "hostd" } };
	for (size_t i = 0; i < FL_ARRAY_LEN(names); i++) {
		struct fl_owners *o = fl_owners_new(64, HERE);
		struct given g = { NULL, NULL, 80, 0, 6, HERE, T0, names[i][0] };
		struct fl_owner_record r = record(&g);
		fl_owners_add(o, &r);
		assert_string_equal(fl_owners_service(o, 1)->name, names[i][1]);
		fl_owners_free(o);
	}
	(void)state;
}

static void services_beyond_the_limit_are_counted(void **state)
{
	struct fl_owners *o = fl_owners_new(64, HERE);
	for (unsigned i = 0; i < FL_OWNER_SERVICES_MAX + 10; i++) {
		struct given g = { "10.0.0.1", "10.0.0.9", (uint16_t)(i + 1), 443, 6, HERE, T0, "x" };
		struct fl_owner_record r = record(&g);
		snprintf(r.service, sizeof(r.service), "service-%u", i);
		fl_owners_add(o, &r);
	}
	assert_int_equal(fl_owners_service_count(o), FL_OWNER_SERVICES_MAX - 1);
	assert_int_equal(fl_owners_counters(o)->services_refused, 11);
	fl_owners_free(o);
	(void)state;
}

static void add_of_party(struct fl_owners *o, uint32_t party, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct given g = { "10.0.0.1", "10.0.0.9", (uint16_t)(i + 1), 443, 6, HERE, T0, "x" };
		struct fl_owner_record r = record(&g);
		r.party = party;
		snprintf(r.service, sizeof(r.service), "%u-%u", party, i);
		fl_owners_add(o, &r);
	}
}

static void one_party_has_a_share_of_the_services_and_all_leave_room_for_the_system(void **state)
{
	struct fl_owners *o = fl_owners_new(64, HERE);
	add_of_party(o, 1000, 5000);
	assert_int_equal(fl_owners_service_count(o), FL_OWNER_SERVICES_OF_ONE);
	assert_int_equal(fl_owners_counters(o)->services_of_one, 5000 - FL_OWNER_SERVICES_OF_ONE);
	add_of_party(o, 1001, 10);
	assert_int_equal(fl_owners_service_count(o), FL_OWNER_SERVICES_OF_ONE + 10);
	assert_int_equal(fl_owners_counters(o)->services_refused, 0);
	for (unsigned user = 1002; user < 1010; user++)
		add_of_party(o, user, FL_OWNER_SERVICES_OF_ONE);
	assert_int_equal(fl_owners_service_count(o), FL_OWNER_SERVICES_MAX - FL_OWNER_SERVICES_OF_SYSTEM);
	assert_true(fl_owners_counters(o)->services_refused > 0);
	uint64_t refused = fl_owners_counters(o)->services_refused;
	add_of_party(o, 0, FL_OWNER_SERVICES_OF_SYSTEM - 1);
	assert_int_equal(fl_owners_service_count(o), FL_OWNER_SERVICES_MAX - 1);
	assert_int_equal(fl_owners_counters(o)->services_refused, refused);
	/* A name that is known needs no room, whoever has it. */
	add_of_party(o, 1000, FL_OWNER_SERVICES_OF_ONE);
	assert_int_equal(fl_owners_counters(o)->services_of_one, 5000 - FL_OWNER_SERVICES_OF_ONE);
	fl_owners_free(o);
	(void)state;
}

static void add_service(struct fl_owners *o, const char *service, unsigned n, uint16_t port)
{
	struct given g = { "10.0.0.1", "10.0.0.9", port, 443, 6, HERE, T0, "x" };
	struct fl_owner_record r = record(&g);
	snprintf(r.service, sizeof(r.service), "%s-%u", service, n);
	fl_owners_add(o, &r);
}

static uint32_t service_at(struct fl_owners *o, uint16_t port)
{
	struct fl_owner_question q = { .local = ip("10.0.0.1"), .remote = ip("10.0.0.9"), .local_port = port, .remote_port = 443,
				       .transport = 6, .began_ns = T0 };
	struct fl_owned owned;
	return fl_owners_find(o, &q, &owned) ? owned.service : 0;
}

static void a_service_that_nobody_uses_makes_room(void **state)
{
	struct fl_owners *o = fl_owners_new(64, HERE);
	bool *used = fl_alloc_array(FL_OWNER_SERVICES_MAX, sizeof(*used));
	struct given listener = { NULL, NULL, 80, 0, 6, HERE, T0, "nginx" };
	struct fl_owner_record r = record(&listener);
	add_service(o, "flow", 0, 1);
	uint32_t flow = service_at(o, 1); /* its socket is given back; the flow goes on */
	for (unsigned i = 0; i < FL_OWNER_SERVICES_MAX; i++)
		add_service(o, "flood", i, (uint16_t)(i + 2));
	fl_owners_add(o, &r); /* too late for a name */
	assert_true(fl_owners_crowded(o));
	assert_int_equal(fl_owners_counters(o)->services_refused, 3);
	used[flow] = true;
	fl_owners_forget(o, used);
	assert_false(fl_owners_crowded(o));
	assert_in_range(fl_owners_service_count(o), 2, 65); /* the flow's and those of sockets */
	assert_string_equal(fl_owners_service(o, flow)->name, "flow-0");
	r.again = 1;
	fl_owners_add(o, &r);
	add_service(o, "late", 0, 65000);
	assert_string_equal(fl_owners_service(o, service_at(o, 65000))->name, "late-0");
	assert_string_equal(fl_owners_service(o, service_at(o, 80))->name, "nginx");
	assert_int_equal(fl_owners_counters(o)->services_refused, 3);
	free(used);
	fl_owners_free(o);
	(void)state;
}

static void connections_that_nobody_asked_for_are_listed_with_their_direction(void **state)
{
	static const struct given given[] = {
		{ NULL, NULL, 80, 0, 6, HERE, T0, "nginx" },
		{ "10.0.0.1", "10.0.0.7", 80, 51000, 6, HERE, T0, "nginx" },
		{ "10.0.0.1", "10.0.0.8", 4000, 5432, 6, HERE, T0, "nginx" },
		{ "10.0.0.1", "10.0.0.9", 4001, 6379, 6, HERE, T0, "nginx" },
	};
	struct fl_owners *o = fl_owners_new(64, HERE);
	for (size_t i = 0; i < FL_ARRAY_LEN(given); i++) {
		struct fl_owner_record r = record(&given[i]);
		r.before = 1;
		fl_owners_add(o, &r);
	}
	struct fl_owner_question q = { .local = ip("10.0.0.1"), .remote = ip("10.0.0.9"), .local_port = 4001,
				       .remote_port = 6379, .transport = 6, .midstream = true };
	struct fl_owned owned;
	struct fl_owner_unseen u;
	uint32_t at = 0;
	assert_true(fl_owners_find(o, &q, &owned) && owned.before);
	assert_true(fl_owners_unseen(o, &at, &u));
	assert_true(u.inbound && u.server_port == 80 && u.client_port == 51000);
	assert_true(fl_owners_unseen(o, &at, &u));
	assert_true(!u.inbound && u.server_port == 5432 && u.client_port == 4000 && u.owned.before && !u.seen);
	assert_true(fl_owners_unseen(o, &at, &u) && u.seen && u.server_port == 6379);
	assert_false(fl_owners_unseen(o, &at, &u));
	struct given end = given[2];
	end.service = ended;
	struct fl_owner_record r = record(&end);
	fl_owners_add(o, &r);
	at = 0;
	assert_true(fl_owners_unseen(o, &at, &u) && u.inbound);
	assert_true(fl_owners_unseen(o, &at, &u) && u.seen);
	assert_false(fl_owners_unseen(o, &at, &u));
	fl_owners_free(o);
	(void)state;
}

/* Ten a second for an hour: closed ones make room before open ones have to. */
/* What answers on port 8080 of 10.0.0.2. */
static const char *listener(struct fl_owners *o)
{
	struct fl_addr a = address("10.0.0.2");
	struct fl_owned owned;
	return fl_owners_listener(o, 6, &a, 8080, &owned) ? fl_owners_service(o, owned.service)->name : "";
}

static void an_address_that_is_given_out_again_is_that_of_the_living(void **state)
{
	enum { OLD = 77, NEW = 78 };
	static const struct given given[] = {
		{ "10.0.0.2", NULL, 0, 0, 0, OLD, T0, NULL }, { NULL, NULL, 8080, 0, 6, OLD, T0, "old" },
		{ "10.0.0.2", NULL, 0, 0, 0, NEW, T0 + 60 * SECOND, NULL }, { NULL, NULL, 8080, 0, 6, NEW, T0 + 60 * SECOND, "new" },
		{ "10.0.0.2", NULL, 0, 0, 0, NEW, T0 + 1200 * SECOND, NULL },
	};
	static const char *const expected[] = { "", "old", "", "", "new" };
	struct fl_owners *o = fl_owners_new(64, HERE);
	for (size_t i = 0; i < FL_ARRAY_LEN(given); i++) {
		struct fl_owner_record r = record(&given[i]);
		fl_owners_add(o, &r);
		if (i != 2) /* of two that may have it only one listens yet */
			assert_string_equal(listener(o), expected[i]);
	}
	fl_owners_free(o);
	(void)state;
}

static void addresses_without_end_push_out_the_oldest(void **state)
{
	struct fl_owners *o = fl_owners_new(64, HERE);
	struct given old = { "10.0.0.2", NULL, 0, 0, 0, 77, T0, NULL }, socket = { NULL, NULL, 8080, 0, 6, 77, T0, "web" };
	struct given other = { NULL, NULL, 8080, 0, 6, 78, T0, "other" };
	struct fl_owner_record r;
	for (unsigned i = 0; i < 3 * FL_OWNER_ADDRESSES_MAX; i++) {
		struct given g = { "10.1.0.0", NULL, 0, 0, 0, 99, T0, NULL };
		r = record(&g);
		r.local.bytes[13] = (uint8_t)(i >> 16);
		r.local.bytes[14] = (uint8_t)(i >> 8);
		r.local.bytes[15] = (uint8_t)i;
		fl_owners_add(o, &r);
	}
	const struct given *const given[] = { &old, &socket, &other };
	for (size_t i = 0; i < FL_ARRAY_LEN(given); i++) {
		r = record(given[i]);
		fl_owners_add(o, &r);
	}
	assert_string_equal(listener(o), "web");
	fl_owners_free(o);
	(void)state;
}

static void closed_sockets_make_room_after_a_while(void **state)
{
	struct fl_owners *o = fl_owners_new(1024, HERE);
	struct given server = { NULL, NULL, 53, 0, 17, HERE, T0, "dns" }, g;
	struct fl_owner_record r = record(&server);
	fl_owners_add(o, &r);
	for (unsigned i = 0; i < 36000; i++) {
		g = (struct given){ NULL, NULL, (uint16_t)(1000 + i % 60000), 0, 17, HERE, T0 + i * (SECOND / 10), "short" };
		r = record(&g);
		fl_owners_add(o, &r);
		r.since_ns += SECOND / 20;
		r.closed = true;
		fl_owners_add(o, &r);
	}
	struct fl_owner_question q = { .local = ip("10.0.0.1"), .remote = ip("10.0.0.9"), .local_port = 53, .remote_port = 9,
				       .transport = 17, .began_ns = T0 + 7200 * SECOND };
	struct fl_owned owned;
	assert_int_equal(fl_owners_counters(o)->evicted, 0);
	assert_true(fl_owners_find(o, &q, &owned));
	fl_owners_free(o);
	(void)state;
}

int main(void)
{
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + 11];
	size_t n = 0;
	for (; n < FL_ARRAY_LEN(rows); n++)
		tests[n] = (struct CMUnitTest){ rows[n].name, find, NULL, NULL, (void *)(uintptr_t)&rows[n] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_flood_of_connections_leaves_the_listeners);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_flood_of_pools_leaves_the_listeners_and_a_flood_of_listeners_the_pools);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(what_its_flow_has_found_makes_room);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_program_cannot_take_the_names_of_what_nobody_knows);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(services_beyond_the_limit_are_counted);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(one_party_has_a_share_of_the_services_and_all_leave_room_for_the_system);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_service_that_nobody_uses_makes_room);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(connections_that_nobody_asked_for_are_listed_with_their_direction);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(an_address_that_is_given_out_again_is_that_of_the_living);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(addresses_without_end_push_out_the_oldest);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(closed_sockets_make_room_after_a_while);
	return _cmocka_run_group_tests("owner", tests, n, NULL, NULL);
}
