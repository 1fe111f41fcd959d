/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addr.h - one address type for both families, prefixes, well-known ranges
 *
 * IPv4 is stored v4-mapped (RFC 4291 section 2.5.5.2), so nothing is written
 * twice. The all-zero address (::) doubles as "none".
 */
#ifndef FAULTLINE_ADDR_H
#define FAULTLINE_ADDR_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "faultline/hash.h"

struct fl_addr {
	uint8_t bytes[16]; /* network order */
};

enum { FL_ADDR_TEXT = 46 }; /* longest text form with its zero */

static inline int fl_addr_compare(const struct fl_addr *a, const struct fl_addr *b)
{
	for (size_t half = 0; half < sizeof(a->bytes); half += 8) {
		uint64_t x, y;
		memcpy(&x, a->bytes + half, sizeof(x));
		memcpy(&y, b->bytes + half, sizeof(y));
		if (x != y)
			return be64toh(x) < be64toh(y) ? -1 : 1;
	}
	return 0;
}

static inline bool fl_addr_equal(const struct fl_addr *a, const struct fl_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static inline struct fl_addr fl_addr_v4(const uint8_t bytes[static 4])
{
	struct fl_addr a = { { [10] = 0xff, 0xff, bytes[0], bytes[1], bytes[2], bytes[3] } };
	return a;
}

static inline struct fl_addr fl_addr_v6(const uint8_t bytes[static 16])
{
	struct fl_addr a;
	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return a;
}

static inline bool fl_addr_is_v4(const struct fl_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	return memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

static inline bool fl_addr_is_none(const struct fl_addr *a)
{
	static const struct fl_addr none;
	return fl_addr_equal(a, &none);
}

/* Text as in RFC 5952; IPv4 dotted. Returns @text. */
const char *fl_addr_format(const struct fl_addr *a, char text[static FL_ADDR_TEXT]);
/* The whole string must be an address; on failure *@a is unchanged. */
bool fl_addr_parse(const char *text, struct fl_addr *a);

/* The four bytes of an IPv4 address as a number. */
static inline uint32_t fl_addr_v4_word(const struct fl_addr *a)
{
	return (uint32_t)a->bytes[12] << 24 | (uint32_t)a->bytes[13] << 16 | (uint32_t)a->bytes[14] << 8 | a->bytes[15];
}

/* 127/8, ::1 */
static inline bool fl_addr_is_loopback(const struct fl_addr *a)
{
	static const struct fl_addr one = { { [15] = 1 } };
	return fl_addr_is_v4(a) ? a->bytes[12] == 127 : fl_addr_equal(a, &one);
}

/* 169.254/16, fe80::/10 */
static inline bool fl_addr_is_link_local(const struct fl_addr *a)
{
	if (fl_addr_is_v4(a))
		return fl_addr_v4_word(a) >> 16 == 0xa9fe;
	return a->bytes[0] == 0xfe && a->bytes[1] >> 6 == 2;
}

/* 224/4, ff00::/8, 255.255.255.255, unspecified; a directed broadcast cannot be
 * told without the netmask. */
static inline bool fl_addr_is_multicast(const struct fl_addr *a)
{
	if (!fl_addr_is_v4(a))
		return a->bytes[0] == 0xff || fl_addr_is_none(a);
	uint32_t word = fl_addr_v4_word(a);
	return word >> 28 == 14 || word == 0 || word == UINT32_MAX;
}

/* RFC 1918, RFC 4193, RFC 6598, link-local. Loopback is not internal. */
static inline bool fl_addr_is_internal(const struct fl_addr *a)
{
	if (fl_addr_is_link_local(a))
		return true;
	if (!fl_addr_is_v4(a))
		return a->bytes[0] >> 1 == 0xfc >> 1;
	uint32_t word = fl_addr_v4_word(a);
	return word >> 24 == 10 || word >> 20 == 0xac1 || word >> 16 == 0xc0a8 || word >> 22 == 0x6440 >> 6;
}

struct fl_prefix {
	struct fl_addr addr;
	uint8_t bits; /* 0..128, IPv4 prefixes count from 96 */
};

/* "10.0.0.0/8", "fd00::/8", or a bare address; false leaves *@p unchanged. */
bool fl_prefix_parse(const char *text, struct fl_prefix *p);
bool fl_prefix_contains(const struct fl_prefix *p, const struct fl_addr *a);

#endif
