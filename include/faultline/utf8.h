/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * utf8.h - one character after the other out of bytes that may not be UTF-8
 *
 * Strict: overlong forms, surrogates, values above U+10FFFF and cut sequences
 * are bad. A bad sequence is taken away in the pieces Unicode recommends
 * (chapter 3, "maximal subpart"), so every reader of a text counts alike.
 */
#ifndef FAULTLINE_UTF8_H
#define FAULTLINE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FL_UTF8_BAD UINT32_MAX
#define FL_UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Character at @s, of which @size > 0 bytes may be read; FL_UTF8_BAD where they are not UTF-8.
 * Returns the bytes it takes, 1..4, never more than @size. */
static inline size_t fl_utf8_decode(const char *s, size_t size, uint32_t *character)
{
	const uint8_t *p = (const uint8_t *)s;
	uint8_t first = p[0], low = 0x80, high = 0xbf;
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	uint32_t c = first & (0x7fu >> length);

	*character = first < 0x80 ? first : FL_UTF8_BAD;
	if (first < 0xc2 || first > 0xf4)
		return 1;
	if (first == 0xe0 || first == 0xf0)
		low = first == 0xe0 ? 0xa0 : 0x90; /* overlong below */
	if (first == 0xed || first == 0xf4)
		high = first == 0xed ? 0x9f : 0x8f; /* surrogates, above U+10FFFF */
	for (size_t i = 1; i < length; i++) {
		if (i >= size || p[i] < low || p[i] > high)
			return i;
		c = c << 6 | (p[i] & 0x3fu);
		low = 0x80;
		high = 0xbf;
	}
	*character = c;
	return length;
}

/* Must not reach a reader as it is: bad bytes, control characters (C0, DEL, C1), bidirectional
 * overrides and isolates, line separators, and what XML 1.0 forbids. */
static inline bool fl_utf8_is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfffe || c == 0xffff || c == FL_UTF8_BAD;
}

#endif
