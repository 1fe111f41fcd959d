/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.h - seeded 64-bit mix for hash tables that hostile traffic fills
 *
 * Folds 128-bit products, 16 bytes a step. What is multiplied is first mixed with words that only the seed
 * determines: with public constants in their place, an input could be made that zeroes the product and so
 * collides under every seed. A hash never reaches any output or its order.
 *
 * Here and not in a .c: keys have sizes that the compiler knows, and then a hash is a dozen instructions.
 */
#ifndef FAULTLINE_HASH_H
#define FAULTLINE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Drawn once a process; a table that is asked often keeps it. */
uint64_t fl_hash_seed(void);

/* Odd and without pattern: digits of the square roots of 2, 3 and 5. */
#define FL_HASH_A UINT64_C(0x6a09e667f3bcc909)
#define FL_HASH_B UINT64_C(0xbb67ae8584caa73b)
#define FL_HASH_C UINT64_C(0x3c6ef372fe94f82b)

__extension__ typedef unsigned __int128 fl_hash_wide;

static inline uint64_t fl_hash_fold(uint64_t a, uint64_t b)
{
	fl_hash_wide product = (fl_hash_wide)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t fl_hash_load8(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t fl_hash_load4(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/* Hash of @size bytes. O(@size). */
static inline __attribute__((always_inline)) uint64_t fl_hash_bytes(const void *data, size_t size, uint64_t seed)
{
	const uint8_t *p = data;
	uint64_t secret = fl_hash_fold(seed ^ FL_HASH_A, FL_HASH_B), h = seed ^ FL_HASH_C, a = 0, b = 0;
	size_t left = size;

	for (; left > 16; left -= 16, p += 16)
		h = fl_hash_fold(fl_hash_load8(p) ^ secret, fl_hash_load8(p + 8) ^ h);
	if (left >= 8) { /* the two words overlap where fewer than 16 bytes are left */
		a = fl_hash_load8(p);
		b = fl_hash_load8(p + left - 8);
	} else if (left >= 4) {
		a = fl_hash_load4(p);
		b = fl_hash_load4(p + left - 4);
	} else if (left > 0) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
	}
	h = fl_hash_fold(a ^ secret, b ^ h);
	return fl_hash_fold(h ^ secret, size ^ FL_HASH_C);
}

#endif
