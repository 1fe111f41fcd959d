/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addr.c - one address type for both families, prefixes, well-known ranges
 *
 * Ranges are prefixes in the v4-mapped space, so each list is one table and
 * one loop. Text goes through inet_pton and inet_ntop, which need neither
 * locale nor state.
 *
 * The hash folds 128-bit products, 16 bytes a step. What is multiplied is first
 * mixed with words that only the seed determines: with public constants in
 * their place, an input could be made that zeroes the product and so collides
 * under every seed.
 */
#include "faultline/addr.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/auxv.h>

#include "faultline/status.h"

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

#define MAPPED(a, b, c, d) { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d } }

static const struct fl_prefix loopback[] = {
	{ MAPPED(127, 0, 0, 0), 96 + 8 },
	{ { { [15] = 1 } }, 128 },
};
static const struct fl_prefix link_local[] = {
	{ MAPPED(169, 254, 0, 0), 96 + 16 },
	{ { { 0xfe, 0x80 } }, 10 },
};
static const struct fl_prefix multicast[] = {
	{ MAPPED(224, 0, 0, 0), 96 + 4 },
	{ MAPPED(255, 255, 255, 255), 128 },
	{ MAPPED(0, 0, 0, 0), 128 },
	{ { { 0xff } }, 8 },
	{ { { 0 } }, 128 },
};
static const struct fl_prefix private_use[] = {
	{ MAPPED(10, 0, 0, 0), 96 + 8 },    /* RFC 1918 */
	{ MAPPED(172, 16, 0, 0), 96 + 12 },
	{ MAPPED(192, 168, 0, 0), 96 + 16 },
	{ MAPPED(100, 64, 0, 0), 96 + 10 }, /* RFC 6598 */
	{ { { 0xfc } }, 7 },                /* RFC 4193 */
};

static bool in_any(const struct fl_prefix *list, size_t n, const struct fl_addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (fl_prefix_contains(&list[i], a))
			return true;
	return false;
}

struct fl_addr fl_addr_v4(const uint8_t bytes[static 4])
{
	struct fl_addr a;

	memcpy(a.bytes, mapped, sizeof(mapped));
	memcpy(a.bytes + sizeof(mapped), bytes, 4);
	return a;
}

struct fl_addr fl_addr_v6(const uint8_t bytes[static 16])
{
	struct fl_addr a;

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return a;
}

bool fl_addr_is_v4(const struct fl_addr *a)
{
	return memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

bool fl_addr_is_none(const struct fl_addr *a)
{
	static const struct fl_addr none;

	return fl_addr_equal(a, &none);
}

int fl_addr_compare(const struct fl_addr *a, const struct fl_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static char *put_byte(char *at, unsigned byte)
{
	if (byte >= 100)
		*at++ = (char)('0' + byte / 100);
	if (byte >= 10)
		*at++ = (char)('0' + byte / 10 % 10);
	*at++ = (char)('0' + byte % 10);
	return at;
}

const char *fl_addr_format(const struct fl_addr *a, char text[static FL_ADDR_TEXT])
{
	if (fl_addr_is_v4(a)) { /* inet_ntop() would use printf, and scans hold a hundred thousand */
		char *at = text;
		for (size_t i = sizeof(mapped); i < sizeof(a->bytes); i++) {
			at = put_byte(at, a->bytes[i]);
			*at++ = '.';
		}
		at[-1] = '\0';
	} else {
		inet_ntop(AF_INET6, a->bytes, text, FL_ADDR_TEXT);
	}
	return text;
}

bool fl_addr_parse(const char *text, struct fl_addr *a)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*a = fl_addr_v4(bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*a = fl_addr_v6(bytes);
	else
		return false;
	return true;
}

bool fl_addr_is_loopback(const struct fl_addr *a)
{
	return in_any(loopback, FL_ARRAY_LEN(loopback), a);
}

bool fl_addr_is_link_local(const struct fl_addr *a)
{
	return in_any(link_local, FL_ARRAY_LEN(link_local), a);
}

bool fl_addr_is_multicast(const struct fl_addr *a)
{
	return in_any(multicast, FL_ARRAY_LEN(multicast), a);
}

bool fl_addr_is_internal(const struct fl_addr *a)
{
	return in_any(private_use, FL_ARRAY_LEN(private_use), a) || fl_addr_is_link_local(a);
}

/* One to three digits, at most @max, nothing else. */
static bool parse_bits(const char *text, unsigned max, unsigned *bits)
{
	unsigned value = 0;
	size_t size = strlen(text);

	if (size < 1 || size > 3)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
	}
	*bits = value;
	return value <= max;
}

bool fl_prefix_parse(const char *text, struct fl_prefix *p)
{
	char address[FL_ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	struct fl_addr a;

	if (size >= sizeof(address))
		return false;
	memcpy(address, text, size);
	address[size] = '\0';
	if (!fl_addr_parse(address, &a))
		return false;
	/* "::ffff:10.0.0.0/104" is written in the mapped form and counts from its start. */
	unsigned base = fl_addr_is_v4(&a) && !strchr(address, ':') ? 96 : 0;
	unsigned bits = 128 - base;
	if (slash && !parse_bits(slash + 1, 128 - base, &bits))
		return false;
	*p = (struct fl_prefix){ .addr = a, .bits = (uint8_t)(base + bits) };
	return true;
}

bool fl_prefix_contains(const struct fl_prefix *p, const struct fl_addr *a)
{
	size_t whole = p->bits / 8;
	unsigned rest = p->bits % 8;

	if (memcmp(p->addr.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || (p->addr.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

/* Odd and without pattern: digits of the square roots of 2, 3 and 5. */
#define MIX_A UINT64_C(0x6a09e667f3bcc909)
#define MIX_B UINT64_C(0xbb67ae8584caa73b)
#define MIX_C UINT64_C(0x3c6ef372fe94f82b)

__extension__ typedef unsigned __int128 wide;

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t load8(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t load4(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t fl_hash_seed(void)
{
	/* 16 bytes the kernel drew for this process: no state of ours, no system call. They also guard
	 * the stack, so they are folded before use. */
	static uint64_t seed; /* 0: not folded yet; every fold gives the same */
	if (seed)
		return seed;
	const uint8_t *drawn = (const uint8_t *)getauxval(AT_RANDOM);

	return seed = drawn ? fold(load8(drawn) ^ MIX_A, load8(drawn + 8) ^ MIX_B) | 1 : MIX_C;
}

uint64_t fl_hash_bytes(const void *data, size_t size, uint64_t seed)
{
	const uint8_t *p = data;
	uint64_t secret = fold(seed ^ MIX_A, MIX_B), h = seed ^ MIX_C, a = 0, b = 0;
	size_t left = size;

	for (; left > 16; left -= 16, p += 16)
		h = fold(load8(p) ^ secret, load8(p + 8) ^ h);
	if (left >= 8) { /* the two words overlap where fewer than 16 bytes are left */
		a = load8(p);
		b = load8(p + left - 8);
	} else if (left >= 4) {
		a = load4(p);
		b = load4(p + left - 4);
	} else if (left > 0) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
	}
	h = fold(a ^ secret, b ^ h);
	return fold(h ^ secret, size ^ MIX_C);
}
