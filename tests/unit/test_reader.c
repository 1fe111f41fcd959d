/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "faultline/reader.h"
#include "faultline/status.h"

static const uint8_t five[] = { 0x81, 0x82, 0x83, 0x84, 0x85 };

enum what { U8, BE16, BE24, BE32, LE16, LE32 };

static const struct row {
	const char *name;
	enum what what;
	size_t size;
	uint32_t value;
	bool failed;
	size_t left;
} rows[] = {
	{ "u8 of one byte is that byte", U8, 1, 0x81, false, 0 },
	{ "u8 of nothing fails and yields zero", U8, 0, 0, true, 0 },
	{ "be16 reads the high byte first", BE16, 3, 0x8182, false, 1 },
	{ "be16 of one byte fails, yields zero and moves to the end", BE16, 1, 0, true, 0 },
	{ "be24 reads the high byte first", BE24, 3, 0x818283, false, 0 },
	{ "be24 of two bytes fails and yields zero", BE24, 2, 0, true, 0 },
	{ "be32 with the top bit set does not overflow", BE32, 5, 0x81828384, false, 1 },
	{ "be32 of three bytes fails and yields zero", BE32, 3, 0, true, 0 },
	{ "le16 reads the low byte first", LE16, 2, 0x8281, false, 0 },
	{ "le16 of one byte fails and yields zero", LE16, 1, 0, true, 0 },
	{ "le32 with the top bit set does not overflow", LE32, 4, 0x84838281, false, 0 },
	{ "le32 of nothing fails and yields zero", LE32, 0, 0, true, 0 },
};

static uint32_t read_one(enum what what, struct fl_reader *r)
{
	switch (what) {
	case U8:
		return fl_read_u8(r);
	case BE16:
		return fl_read_be16(r);
	case BE24:
		return fl_read_be24(r);
	case BE32:
		return fl_read_be32(r);
	case LE16:
		return fl_read_le16(r);
	case LE32:
		return fl_read_le32(r);
	}
	return 0;
}

static void run_row(void **state)
{
	const struct row *row = *state;
	struct fl_reader r = fl_reader_over(five, row->size);

	assert_int_equal(read_one(row->what, &r), row->value);
	assert_int_equal(r.failed, row->failed);
	assert_int_equal(fl_reader_left(&r), row->left);
}

static void failure_is_sticky(void **state)
{
	struct fl_reader r = fl_reader_over(five, 3);

	(void)state;
	assert_int_equal(fl_read_be32(&r), 0);
	assert_int_equal(fl_read_u8(&r), 0);
	assert_null(fl_read_bytes(&r, 0));
	assert_true(r.failed);
}

static void no_bytes_can_be_read_at_the_end(void **state)
{
	struct fl_reader r = fl_reader_over(five, 5);

	(void)state;
	fl_read_skip(&r, 5);
	assert_non_null(fl_read_bytes(&r, 0));
	assert_false(r.failed);
}

static void a_length_near_the_largest_does_not_wrap(void **state)
{
	struct fl_reader r = fl_reader_over(five, 5);

	(void)state;
	fl_read_u8(&r);
	assert_null(fl_read_bytes(&r, SIZE_MAX));
	assert_true(r.failed);
}

static void a_sub_reader_ends_where_its_length_says(void **state)
{
	struct fl_reader r = fl_reader_over(five, 5);
	struct fl_reader sub = fl_read_sub(&r, 2);

	(void)state;
	assert_int_equal(fl_reader_left(&r), 3);
	assert_int_equal(fl_read_be16(&sub), 0x8182);
	assert_int_equal(fl_read_u8(&sub), 0);
	assert_true(sub.failed);
	assert_false(r.failed);
	assert_int_equal(fl_read_u8(&r), 0x83);
}

static void a_sub_reader_past_the_end_is_empty_and_failed(void **state)
{
	struct fl_reader r = fl_reader_over(five, 5);
	struct fl_reader sub = fl_read_sub(&r, 6);

	(void)state;
	assert_true(r.failed && sub.failed);
	assert_int_equal(fl_reader_left(&sub), 0);
	assert_int_equal(fl_read_u8(&sub), 0);
}

static void a_reader_over_nothing_is_empty(void **state)
{
	struct fl_reader r = fl_reader_over(NULL, 7);

	(void)state;
	assert_int_equal(fl_reader_left(&r), 0);
	assert_int_equal(fl_read_u8(&r), 0);
	assert_true(r.failed);
}

static void the_rest_does_not_move(void **state)
{
	struct fl_reader r = fl_reader_over(five, 5);

	(void)state;
	fl_read_be16(&r);
	struct fl_slice rest = fl_reader_rest(&r);
	assert_ptr_equal(rest.data, five + 2);
	assert_int_equal(rest.size, 3);
	assert_int_equal(fl_reader_left(&r), 3);
}

int main(void)
{
	enum { OTHERS = 7 };
	struct CMUnitTest tests[FL_ARRAY_LEN(rows) + OTHERS] = {
		cmocka_unit_test(failure_is_sticky),
		cmocka_unit_test(no_bytes_can_be_read_at_the_end),
		cmocka_unit_test(a_length_near_the_largest_does_not_wrap),
		cmocka_unit_test(a_sub_reader_ends_where_its_length_says),
		cmocka_unit_test(a_sub_reader_past_the_end_is_empty_and_failed),
		cmocka_unit_test(a_reader_over_nothing_is_empty),
		cmocka_unit_test(the_rest_does_not_move),
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(rows); i++)
		tests[i + OTHERS] = (struct CMUnitTest){ .name = rows[i].name, .test_func = run_row,
							 .initial_state = (void *)(uintptr_t)&rows[i] };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
