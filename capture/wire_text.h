/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire_text.h - what the protocol parsers share to make text of octets from the wire
 *
 * Names leave the parsers in lower case, and what is no octet of a name as
 * \DDD (RFC 1035 section 5.1), so whoever compares or stores them meets one form only.
 */
#ifndef FAULTLINE_CAPTURE_WIRE_TEXT_H
#define FAULTLINE_CAPTURE_WIRE_TEXT_H

#include "faultline/reader.h"

enum { WIRE_ESCAPE_SIZE = 4 };

/* Without a branch: loops over it become vector code. */
static inline uint8_t wire_lower(uint8_t c)
{
	return (uint8_t)(c | ((uint8_t)(c - 'A') < 26 ? 0x20 : 0));
}

/* Octets of a host name in lower case, or of an address as text. */
static inline bool wire_is_host(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
	       c == ':';
}

/* "\DDD" at @to; returns what is behind it. */
static inline char *wire_escape(char *to, uint8_t c)
{
	*to++ = '\\';
	*to++ = (char)('0' + c / 100);
	*to++ = (char)('0' + c / 10 % 10);
	*to++ = (char)('0' + c % 10);
	return to;
}

/* @host as text without the final dot of a fully qualified name. False, with "",
 * when it does not fit into @size bytes, which no name of a host exceeds. */
static inline bool wire_copy_host(struct fl_slice host, char *text, size_t size)
{
	char *to = text, *end = text + size;
	if (host.size > 1 && host.data[host.size - 1] == '.')
		host.size--;
	for (size_t i = 0; i < host.size; i++) {
		uint8_t c = wire_lower(host.data[i]);
		bool plain = wire_is_host(c);
		if (end - to <= (plain ? 1 : WIRE_ESCAPE_SIZE)) {
			text[0] = 0;
			return false;
		}
		if (plain)
			*to++ = (char)c;
		else
			to = wire_escape(to, c);
	}
	*to = 0;
	return true;
}

#endif
