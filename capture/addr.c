/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addr.c - text forms of addresses and prefixes
 *
 * Text goes through inet_pton and inet_ntop, which need neither locale nor state.
 */
#include "faultline/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "faultline/status.h"

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
		for (size_t i = 12; i < sizeof(a->bytes); i++) {
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
