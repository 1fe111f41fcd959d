/* SPDX-License-Identifier: BSD-2-Clause */
/* test_fragment.c - fragments in every order, twice, over each other, and more than there is room for */
#include "unit.h"

#include "faultline/fragment.h"

enum { SECOND = 1000000000, DATA_MAX = 65536 };

static uint8_t data[DATA_MAX + 256]; /* byte i is a mix of i */

static int make_data(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i ^ i >> 8 ^ 0x5a);
	return 0;
}

struct fixture {
	struct fl_fragments *f;
	struct fl_packet p;
	int64_t now_ns;
	unsigned given_up;  /* beginnings */
	uint32_t last_size; /* of the last of them */
};

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	x->f = fl_fragments_new(0);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;
	fl_fragments_free(x->f);
	free(x);
	return 0;
}

struct piece {
	uint32_t id, offset, end;
	bool last, v6;
	uint32_t captured;    /* 0: all */
	const uint8_t *bytes; /* NULL: as in @data */
};

static enum fl_parse add(struct fixture *x, struct piece piece)
{
	uint32_t size = piece.end - piece.offset;
	struct fl_packet early;
	while (fl_fragments_give_up(x->f, x->now_ns, false, &early)) {
		assert_true(early.fragment_more);
		x->given_up++;
		x->last_size = early.payload_len;
	}
	/* The first IPv6 fragment alone tells the protocol. */
	uint8_t protocol = piece.v6 && piece.offset > 0 ? 99 : FL_TRANSPORT_UDP;
	x->p = (struct fl_packet){ .time_ns = x->now_ns,
		.len = 100,
		.transport = protocol,
		.fragment_v6 = piece.v6,
		.fragment_more = !piece.last,
		.fragment_offset = (uint16_t)piece.offset,
		.fragment_id = piece.id,
		.payload = { piece.bytes ? piece.bytes : data + piece.offset,
			piece.captured ? piece.captured : size },
		.payload_len = size };
	x->p.src.bytes[15] = 1;
	x->p.dst.bytes[15] = 2;
	return fl_fragments_add(x->f, &x->p);
}

static void expect_whole(const struct fixture *x, uint32_t size)
{
	assert_int_equal(x->p.payload_len, size);
	assert_int_equal(x->p.payload.size, size);
	assert_memory_equal(x->p.payload.data, data, size);
	assert_int_equal(x->p.transport, FL_TRANSPORT_UDP);
	assert_false(x->p.fragment_more);
}

static void every_order_of_four_pieces(void **state)
{
	struct fixture *x = *state;
	static const uint32_t ends[5] = { 0, 8, 1480, 2960, 2965 };
	for (unsigned order = 0; order < 256; order++) {
		unsigned piece[4] = { order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3 };
		if ((1u << piece[0] | 1u << piece[1] | 1u << piece[2] | 1u << piece[3]) != 15)
			continue;
		for (unsigned i = 0; i < 4; i++) {
			unsigned n = piece[i];
			enum fl_parse parse = add(
				x, (struct piece){ order, ends[n], ends[n + 1], n == 3, order & 1, 0, NULL });
			assert_int_equal(parse, i == 3 ? FL_PARSE_OK : FL_PARSE_MORE);
		}
		expect_whole(x, 2965);
		assert_int_equal(x->p.len, 400);
	}
	assert_int_equal(fl_fragments_counters(x->f)->whole, 24);
	assert_int_equal(fl_fragments_counters(x->f)->fragments, 96);
}

static void the_longest_datagram_in_the_shortest_pieces(void **state)
{
	struct fixture *x = *state;
	for (uint32_t at = 65528; at > 0; at -= 8)
		assert_int_equal(add(x, (struct piece){ 1, at, at == 65528 ? 65535 : at + 8, at == 65528,
						false, 0, NULL }),
			FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 0, 8, false, false, 0, NULL }), FL_PARSE_OK);
	expect_whole(x, 65535);
}

static void impossible_pieces_are_malformed(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(add(x, (struct piece){ 1, 0, 9, false, false, 0, NULL }), FL_PARSE_MALFORMED);
	assert_int_equal(add(x, (struct piece){ 1, 8, 8, true, false, 0, NULL }), FL_PARSE_MALFORMED);
	assert_int_equal(add(x, (struct piece){ 1, 65528, 65536, true, false, 0, NULL }), FL_PARSE_MALFORMED);
	assert_int_equal(add(x, (struct piece){ 1, 65528, 65600, true, true, 0, NULL }), FL_PARSE_MALFORMED);
	assert_int_equal(fl_fragments_counters(x->f)->malformed, 4);
}

static void copies_change_nothing_even_after_the_end(void **state)
{
	struct fixture *x = *state;
	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(add(x, (struct piece){ 1, 0, 16, false, v6, 0, NULL }), FL_PARSE_MORE);
		assert_int_equal(add(x, (struct piece){ 1, 0, 16, false, v6, 0, NULL }), FL_PARSE_MORE);
		assert_int_equal(add(x, (struct piece){ 1, 16, 20, true, v6, 0, NULL }), FL_PARSE_OK);
		expect_whole(x, 20);
		assert_int_equal(x->p.len, 200);
		assert_int_equal(add(x, (struct piece){ 1, 16, 20, true, v6, 0, NULL }), FL_PARSE_MORE);
	}
	assert_int_equal(fl_fragments_counters(x->f)->duplicates, 4);
	assert_int_equal(fl_fragments_counters(x->f)->overlaps, 0);
}

static void an_identification_used_again_is_a_new_datagram(void **state)
{
	struct fixture *x = *state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(add(x, (struct piece){ 1, 0, 16, false, false, 0, NULL }), FL_PARSE_MORE);
		assert_int_equal(add(x, (struct piece){ 1, 16, 20, true, false, 0, NULL }), FL_PARSE_OK);
		x->now_ns += SECOND;
	}
	assert_int_equal(fl_fragments_counters(x->f)->whole, 3);
}

static void in_ipv4_pieces_may_overlap_where_they_agree(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(add(x, (struct piece){ 1, 8, 24, false, false, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 16, 30, true, false, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 0, 16, false, false, 0, NULL }), FL_PARSE_OK);
	expect_whole(x, 30);
	assert_int_equal(fl_fragments_counters(x->f)->overlaps, 2);
	assert_int_equal(fl_fragments_counters(x->f)->refused, 0);
}

/* Whatever comes first, the datagram is dropped; later its number is another one's. */
static void in_ipv4_pieces_that_differ_drop_all_of_it(void **state)
{
	struct fixture *x = *state;
	static const uint8_t other[40];
	static const struct piece differing[][4] = {
		{ { 1, 0, 16, false, false, 0, NULL }, { 1, 0, 16, false, false, 0, other }, { 1, 16, 20, true, false, 0, NULL } },
		{ { 1, 0, 16, false, false, 0, other }, { 1, 0, 16, false, false, 0, NULL }, { 1, 16, 20, true, false, 0, NULL } },
		{ { 1, 8, 24, false, false, 0, NULL }, { 1, 16, 24, false, false, 0, other }, { 1, 0, 8, false, false, 0, NULL } },
		{ { 1, 16, 24, true, false, 0, NULL }, { 1, 16, 23, true, false, 0, NULL }, { 1, 0, 16, false, false, 0, NULL } },
		{ { 1, 16, 24, true, false, 0, NULL }, { 1, 24, 32, false, false, 0, NULL }, { 1, 0, 16, false, false, 0, NULL } },
	};
	struct fl_packet p;
	for (size_t i = 0; i < FL_ARRAY_LEN(differing); i++) {
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(add(x, differing[i][k]), FL_PARSE_MORE);
		assert_int_equal(fl_fragments_counters(x->f)->refused, i + 1);
		assert_false(fl_fragments_give_up(x->f, x->now_ns, true, &p));
		x->now_ns += SECOND;
	}
	assert_int_equal(add(x, (struct piece){ 1, 0, 16, false, false, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 16, 20, true, false, 0, NULL }), FL_PARSE_OK);
	expect_whole(x, 20);
}

static void in_ipv6_an_overlap_drops_all_of_it(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(add(x, (struct piece){ 1, 0, 16, false, true, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 8, 24, false, true, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 16, 20, true, true, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 0, 16, false, true, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(fl_fragments_counters(x->f)->refused, 1);
	assert_int_equal(fl_fragments_counters(x->f)->whole, 0);
	/* Nothing of it is handed out at the end. */
	struct fl_packet p;
	assert_false(fl_fragments_give_up(x->f, 0, true, &p));
	assert_int_equal(fl_fragments_counters(x->f)->late, 0);
}

static void datagrams_are_told_apart(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(add(x, (struct piece){ 1, 0, 16, false, false, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 2, 16, 20, true, false, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 16, 20, true, true, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 16, 20, true, false, 0, NULL }), FL_PARSE_OK);
	expect_whole(x, 20);
}

static void the_old_are_given_up_with_their_beginning(void **state)
{
	struct fixture *x = *state;
	(void)add(x, (struct piece){ 1, 0, 16, false, false, 0, NULL });
	(void)add(x, (struct piece){ 1, 16, 32, false, false, 0, NULL });
	(void)add(x, (struct piece){ 1, 40, 48, false, false, 0, NULL });
	(void)add(x, (struct piece){ 2, 16, 24, false, false, 0, NULL });
	x->now_ns += (int64_t)FL_FRAGMENT_TIMEOUT_S * SECOND;
	(void)add(x, (struct piece){ 3, 0, 16, false, false, 0, NULL });
	assert_int_equal(x->given_up, 0);
	x->now_ns++;
	assert_int_equal(add(x, (struct piece){ 1, 32, 40, true, false, 0, NULL }), FL_PARSE_MORE);
	assert_int_equal(x->given_up, 1);
	assert_int_equal(x->last_size, 32);
	assert_int_equal(fl_fragments_counters(x->f)->late, 2);
	struct fl_packet p;
	assert_true(fl_fragments_give_up(x->f, 0, true, &p));
	assert_int_equal(p.fragment_id, 3);
	assert_int_equal(p.payload.size, 16);
	assert_memory_equal(p.payload.data, data, 16);
	assert_false(fl_fragments_give_up(x->f, 0, true, &p));
}

static void clocks_may_jump(void **state)
{
	struct fixture *x = *state;
	static const int64_t times[] = { INT64_MAX, INT64_MIN, 0, -1, INT64_MAX };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		x->now_ns = times[i];
		(void)add(x, (struct piece){ (uint32_t)i, 0, 16, false, false, 0, NULL });
	}
	assert_int_equal(x->given_up, 4); /* 0 and -1 lie close together, until the last */
}

/* Memory is bounded: what does not fit pushes the oldest out, and the newest still get whole. */
static void a_flood_pushes_out_the_oldest(void **state)
{
	struct fixture *x = *state;
	enum { FLOOD = 5000 };
	for (uint32_t i = 0; i < FLOOD; i++)
		assert_int_equal(add(x, (struct piece){ i, 0, 1480, false, i & 1, 0, NULL }), FL_PARSE_MORE);
	assert_true(x->given_up > FLOOD / 2);
	assert_int_equal(fl_fragments_counters(x->f)->crowded, x->given_up);
	assert_int_equal(x->last_size, 1480);
	assert_int_equal(
		add(x, (struct piece){ FLOOD - 1, 1480, 1500, true, (FLOOD - 1) & 1, 0, NULL }), FL_PARSE_OK);
	expect_whole(x, 1500);
	struct fl_packet p;
	unsigned rest = 0;
	while (fl_fragments_give_up(x->f, 0, true, &p))
		rest++;
	assert_int_equal(x->given_up + rest + 1, FLOOD);
}

static void tiny_floods_run_out_of_slots_first(void **state)
{
	struct fixture *x = *state;
	fl_fragments_free(x->f);
	x->f = fl_fragments_new(16 << 20);
	for (uint32_t i = 0; i < 3000; i++)
		(void)add(x, (struct piece){ i, 8, 16, false, false, 0, NULL });
	assert_int_equal(x->given_up, 0); /* no beginnings */
	assert_in_range(fl_fragments_counters(x->f)->crowded, 1, 3000);
}

static void pieces_that_were_cut_end_the_datagram_there(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(add(x, (struct piece){ 1, 0, 1480, false, false, 60, NULL }), FL_PARSE_MORE);
	assert_int_equal(add(x, (struct piece){ 1, 1480, 2000, true, false, 60, NULL }), FL_PARSE_OK);
	assert_int_equal(x->p.payload_len, 2000);
	assert_int_equal(x->p.payload.size, 60);
	assert_memory_equal(x->p.payload.data, data, 60);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(every_order_of_four_pieces),
		ROW(the_longest_datagram_in_the_shortest_pieces),
		ROW(impossible_pieces_are_malformed),
		ROW(copies_change_nothing_even_after_the_end),
		ROW(an_identification_used_again_is_a_new_datagram),
		ROW(in_ipv4_pieces_may_overlap_where_they_agree),
		ROW(in_ipv4_pieces_that_differ_drop_all_of_it),
		ROW(in_ipv6_an_overlap_drops_all_of_it),
		ROW(datagrams_are_told_apart),
		ROW(the_old_are_given_up_with_their_beginning),
		ROW(clocks_may_jump),
		ROW(a_flood_pushes_out_the_oldest),
		ROW(tiny_floods_run_out_of_slots_first),
		ROW(pieces_that_were_cut_end_the_datagram_there),
	};
	return cmocka_run_group_tests(tests, make_data, NULL);
}
