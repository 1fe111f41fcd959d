/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.h - what every fuzz target is made of
 *
 * A target hands arbitrary bytes to one module and checks what the module's header
 * promises for any input. Sanitizers find what is out of bounds; fuzz_check()
 * finds what is merely wrong.
 */
#ifndef FAULTLINE_TEST_FUZZ_H
#define FAULTLINE_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): a target is of no use when that is compiled out. */
static inline void fuzz_check(bool holds)
{
	if (!holds)
		abort();
}

/* A zero-terminated string of printable ASCII that ends within @size bytes. */
static inline void fuzz_check_text(const char *text, size_t size)
{
	size_t n = 0;
	while (n < size && text[n] > ' ' && text[n] < 0x7f)
		n++;
	fuzz_check(n < size && text[n] == 0);
}

#endif
