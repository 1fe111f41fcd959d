/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addr.h - one address type for both families, prefixes, well-known ranges
 *
 * IPv4 is stored v4-mapped (RFC 4291 section 2.5.5.2), so nothing is written
 * twice. The all-zero address (::) doubles as "none".
 */
#ifndef FAULTLINE_ADDR_H
#define FAULTLINE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct fl_addr {
	uint8_t bytes[16]; /* network order */
};

enum { FL_ADDR_TEXT = 46 }; /* longest text form with its zero */

struct fl_addr fl_addr_v4(const uint8_t bytes[static 4]);
struct fl_addr fl_addr_v6(const uint8_t bytes[static 16]);
bool fl_addr_is_v4(const struct fl_addr *a);
bool fl_addr_is_none(const struct fl_addr *a);
int fl_addr_compare(const struct fl_addr *a, const struct fl_addr *b);
static inline bool fl_addr_equal(const struct fl_addr *a, const struct fl_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Text as in RFC 5952; IPv4 dotted. Returns @text. */
const char *fl_addr_format(const struct fl_addr *a, char text[static FL_ADDR_TEXT]);
/* The whole string must be an address; on failure *@a is unchanged. */
bool fl_addr_parse(const char *text, struct fl_addr *a);

bool fl_addr_is_loopback(const struct fl_addr *a);  /* 127/8, ::1 */
bool fl_addr_is_link_local(const struct fl_addr *a); /* 169.254/16, fe80::/10 */
/* 224/4, ff00::/8, 255.255.255.255, unspecified; a directed broadcast cannot be
 * told without the netmask. */
bool fl_addr_is_multicast(const struct fl_addr *a);
/* RFC 1918, RFC 4193, RFC 6598, link-local. Loopback is not internal. */
bool fl_addr_is_internal(const struct fl_addr *a);

struct fl_prefix {
	struct fl_addr addr;
	uint8_t bits; /* 0..128, IPv4 prefixes count from 96 */
};

/* "10.0.0.0/8", "fd00::/8", or a bare address; false leaves *@p unchanged. */
bool fl_prefix_parse(const char *text, struct fl_prefix *p);
bool fl_prefix_contains(const struct fl_prefix *p, const struct fl_addr *a);

/* Seeded 64-bit mix for hash tables that hostile traffic fills; the seed is
 * drawn once a process. Never reaches any output order. */
uint64_t fl_hash_seed(void);
uint64_t fl_hash_bytes(const void *data, size_t size, uint64_t seed);

#endif
