/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bit_rows.c - rows of bits, a column each for one cause, and what is asked of many at once
 *
 * Written once with the compiler's vectors and compiled three times, since a distribution's
 * packages are built for the oldest processor of their architecture. "At least k of n" in every column at
 * once: for small k, k rows hold "at least 1", "at least 2", ...; for large k a binary
 * counter lies across rows, one row a digit, and is compared with k digit by digit.
 */
#include "bit_rows.h"

#include <string.h>

enum {
	UNARY_MAX = 6,   /* up to here k rows cost less than digits */
	DIGITS_MAX = 33, /* of a count below 2^32 */
};

/* With use-after-return checks, gcc's AddressSanitizer puts locals on a stack of its own that gives them less than the 64 bytes of
 * alignment that vectors are moved with; these few functions do without. */
#define UNCHECKED __attribute__((no_sanitize_address))
#define INLINE static inline __attribute__((always_inline)) UNCHECKED

struct flags {
	fl_bits changed, any, all;
};

INLINE void flags_begin(struct flags *f)
{
	memset(&f->changed, 0, sizeof(f->changed));
	memset(&f->any, 0, sizeof(f->any));
	memset(&f->all, 0xff, sizeof(f->all));
}

INLINE void store(struct flags *f, fl_bits *at, const fl_bits *value)
{
	f->changed |= *value ^ *at;
	f->any |= *value;
	f->all &= *value;
	*at = *value;
}

INLINE void flags_end(const struct flags *f, struct fl_bit_change *change)
{
	uint64_t changed = 0, any = 0, all = ~UINT64_C(0);
	for (int i = 0; i < FL_UNIT_WORDS; i++) {
		changed |= f->changed[i];
		any |= f->any[i];
		all &= f->all[i];
	}
	change->changed = changed != 0;
	change->any = any != 0;
	change->full = all == ~UINT64_C(0);
}

INLINE void add(
	fl_bits *row, const fl_bits *const *list, size_t count, size_t units, struct fl_bit_change *change)
{
	struct flags flags;
	flags_begin(&flags);
	for (size_t u = 0; u < units; u++) {
		fl_bits value = row[u];
		for (size_t i = 0; i < count; i++)
			value |= list[i][u];
		store(&flags, &row[u], &value);
	}
	flags_end(&flags, change);
}

/* The columns of unit @u in which at least @wanted of @list are set are added to @value. */
INLINE void few_of(fl_bits *value, const fl_bits *const *list, size_t count, size_t wanted, size_t u)
{
	fl_bits at_least[UNARY_MAX];
	memset(at_least, 0, sizeof(at_least));
	for (size_t i = 0; i < count; i++) {
		for (size_t k = wanted - 1; k > 0; k--)
			at_least[k] |= at_least[k - 1] & list[i][u];
		at_least[0] |= list[i][u];
	}
	*value |= at_least[wanted - 1];
}

INLINE void many_of(fl_bits *value, const fl_bits *const *list, size_t count, size_t wanted, size_t u)
{
	fl_bits digits[DIGITS_MAX], enough;
	size_t used = 1;
	while (used < DIGITS_MAX && count >> used != 0)
		used++;
	memset(digits, 0, sizeof(digits));
	memset(&enough, 0xff, sizeof(enough));
	for (size_t i = 0; i < count; i++) {
		fl_bits carry = list[i][u];
		for (size_t d = 0; d < used && i + 1 >= (size_t)1 << d; d++) {
			fl_bits both = digits[d] & carry;
			digits[d] ^= carry;
			carry = both;
		}
	}
	for (size_t d = 0; d < used; d++) /* the highest digit that differs decides */
		enough = wanted >> d & 1 ? enough & digits[d] : enough | digits[d];
	*value |= enough;
}

INLINE void add_at_least(fl_bits *row, const fl_bits *const *list, size_t count, size_t wanted, size_t units,
	struct fl_bit_change *change)
{
	struct flags flags;
	flags_begin(&flags);
	for (size_t u = 0; u < units; u++) {
		fl_bits value = row[u];
		if (wanted <= UNARY_MAX)
			few_of(&value, list, count, wanted, u);
		else
			many_of(&value, list, count, wanted, u);
		store(&flags, &row[u], &value);
	}
	flags_end(&flags, change);
}

INLINE void add_up(fl_bits *sum, const fl_bits *a, const fl_bits *b, fl_bits *carry, size_t units)
{
	for (size_t u = 0; u < units; u++) {
		fl_bits x = a[u], y = b[u], z = sum[u], odd = x ^ y;
		sum[u] = odd ^ z;
		carry[u] = (x & y) | (odd & z);
	}
}

#define VARIANT(name, target)                                                                                \
	target UNCHECKED static void add_##name(fl_bits *row, const fl_bits *const *list, size_t count, size_t units,  \
		struct fl_bit_change *change)                                                                \
	{                                                                                                    \
		add(row, list, count, units, change);                                                        \
	}                                                                                                    \
	target UNCHECKED static void add_at_least_##name(fl_bits *row, const fl_bits *const *list, size_t count,       \
		size_t wanted, size_t units, struct fl_bit_change *change)                                   \
	{                                                                                                    \
		add_at_least(row, list, count, wanted, units, change);                                       \
	}                                                                                                    \
	target UNCHECKED static void add_up_##name(                                                                    \
		fl_bits *sum, const fl_bits *a, const fl_bits *b, fl_bits *carry, size_t units)              \
	{                                                                                                    \
		add_up(sum, a, b, carry, units);                                                             \
	}                                                                                                    \
	static const struct fl_bit_rows name = { add_##name, add_at_least_##name, add_up_##name };

VARIANT(plain, )
#if defined(__x86_64__)
VARIANT(avx2, __attribute__((target("avx2"))))
VARIANT(avx512, __attribute__((target("avx512f"))))
#endif

const struct fl_bit_rows *fl_bit_rows(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f"))
		return &avx512;
	if (__builtin_cpu_supports("avx2"))
		return &avx2;
#endif
	return &plain;
}
