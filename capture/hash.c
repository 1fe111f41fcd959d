/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.c - the seed of all hash tables of a process
 *
 * 16 bytes that the kernel drew for this process: no state of ours to be filled, no system call. They also guard the stack,
 * so they are folded before use.
 */
#include "faultline/hash.h"

#include <sys/auxv.h>

uint64_t fl_hash_seed(void)
{
	static uint64_t seed; /* 0: not folded yet; every fold gives the same */
	if (seed)
		return seed;
	const uint8_t *drawn = (const uint8_t *)getauxval(AT_RANDOM);

	return seed = drawn ? fl_hash_fold(fl_hash_load8(drawn) ^ FL_HASH_A, fl_hash_load8(drawn + 8) ^ FL_HASH_B) | 1 : FL_HASH_C;
}
