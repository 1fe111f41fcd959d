/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bit_rows.h - rows of bits, a column each for one cause, and what is asked of many at once
 *
 * A row is `units` times 512 bits, aligned to a unit. The functions come for what the processor
 * can do (AVX-512, AVX2, anything); results are the same.
 */
#ifndef FAULTLINE_ANALYZE_BIT_ROWS_H
#define FAULTLINE_ANALYZE_BIT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t fl_bits __attribute__((vector_size(64))); /* a unit */
enum { FL_UNIT_BITS = 512, FL_UNIT_WORDS = 8 };

/* What a row became. */
struct fl_bit_change {
	bool changed, any, full;
};

struct fl_bit_rows {
	/* row |= all of @list */
	void (*add)(fl_bits *row, const fl_bits *const *list, size_t count, size_t units,
		struct fl_bit_change *change);
	/* row |= columns set in at least @wanted (1..@count) of @list */
	void (*add_at_least)(fl_bits *row, const fl_bits *const *list, size_t count, size_t wanted,
		size_t units, struct fl_bit_change *change);
	/* sum, carry = the bits of sum + a + b; carry may be @b */
	void (*add_up)(fl_bits *sum, const fl_bits *a, const fl_bits *b, fl_bits *carry, size_t units);
};

const struct fl_bit_rows *fl_bit_rows(void);

#endif
