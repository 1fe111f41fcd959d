/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socks.c - greeting, password, request
 *
 * The greeting has little that other protocols could not say, so only the request behind it, which must follow
 * at once, makes it SOCKS.
 */
#include "faultline/socks.h"

#include <stdio.h>
#include <string.h>

#include "faultline/addr.h"
#include "wire_text.h"

enum { METHODS_MAX = 9, CONNECT = 1, TYPE_IPV4 = 1, TYPE_NAME = 3, TYPE_IPV6 = 4, AUTHENTICATION = 1 };

static enum fl_parse short_of(const struct fl_reader *r)
{
	return r->failed ? FL_PARSE_MORE : FL_PARSE_MALFORMED;
}

static bool take_name(struct fl_slice name, struct fl_socks_request *q)
{
	return name.size > 0 && wire_copy_host(name, q->host, sizeof(q->host));
}

static void take_address(const struct fl_addr *a, struct fl_socks_request *q)
{
	char text[FL_ADDR_TEXT];
	snprintf(q->host, sizeof(q->host), "%s", fl_addr_format(a, text));
}

/* RFC 1928 section 4, behind the version. */
static enum fl_parse read_target(struct fl_reader *r, struct fl_socks_request *q)
{
	uint8_t command = fl_read_u8(r), reserved = fl_read_u8(r), type = fl_read_u8(r);
	if (r->failed)
		return FL_PARSE_MORE;
	if (command != CONNECT || reserved != 0 || (type != TYPE_IPV4 && type != TYPE_NAME && type != TYPE_IPV6))
		return FL_PARSE_MALFORMED;
	size_t size = type == TYPE_IPV4 ? 4 : type == TYPE_IPV6 ? 16 : fl_read_u8(r);
	const uint8_t *bytes = fl_read_bytes(r, size);
	q->port = fl_read_be16(r);
	if (r->failed)
		return FL_PARSE_MORE;
	if (type == TYPE_NAME)
		return take_name((struct fl_slice){ bytes, size }, q) ? FL_PARSE_OK : FL_PARSE_MALFORMED;
	struct fl_addr a = type == TYPE_IPV4 ? fl_addr_v4(bytes) : fl_addr_v6(bytes);
	take_address(&a, q);
	return FL_PARSE_OK;
}

static enum fl_parse read_5(struct fl_reader *r, struct fl_socks_request *q)
{
	uint8_t methods = fl_read_u8(r);
	if (!r->failed && (methods == 0 || methods > METHODS_MAX))
		return FL_PARSE_MALFORMED;
	for (unsigned i = 0; i < methods && !r->failed; i++) {
		uint8_t method = fl_read_u8(r);
		if (method > 9 && method < 0x80) /* not assigned */
			return FL_PARSE_MALFORMED;
	}
	uint8_t next = fl_read_u8(r);
	if (!r->failed && next == AUTHENTICATION) { /* RFC 1929 section 2 */
		fl_read_skip(r, fl_read_u8(r));
		fl_read_skip(r, fl_read_u8(r));
		next = fl_read_u8(r);
	}
	if (r->failed || next != 5)
		return short_of(r);
	return read_target(r, q);
}

/* Text up to a zero. */
static bool read_text(struct fl_reader *r, struct fl_slice *text)
{
	struct fl_slice rest = fl_reader_rest(r);
	const uint8_t *end = rest.size ? memchr(rest.data, 0, rest.size) : NULL;
	*text = (struct fl_slice){ rest.data, end ? (size_t)(end - rest.data) : rest.size };
	fl_read_skip(r, text->size + 1);
	for (size_t i = 0; i < text->size; i++)
		if (text->data[i] <= ' ' || text->data[i] >= 0x7f)
			return false;
	return text->size < FL_SOCKS_HOST_MAX;
}

static enum fl_parse read_4(struct fl_reader *r, struct fl_socks_request *q)
{
	struct fl_slice user, name;
	uint8_t command = fl_read_u8(r);
	q->port = fl_read_be16(r);
	const uint8_t *ip = fl_read_bytes(r, 4);
	if (r->failed)
		return FL_PARSE_MORE;
	if (command != CONNECT || q->port == 0 || !read_text(r, &user))
		return FL_PARSE_MALFORMED;
	bool by_name = ip[0] == 0 && ip[1] == 0 && ip[2] == 0 && ip[3] != 0; /* 4a */
	if (by_name && !r->failed && !read_text(r, &name))
		return FL_PARSE_MALFORMED;
	if (r->failed)
		return FL_PARSE_MORE;
	if (fl_reader_left(r) > 0)
		return FL_PARSE_MALFORMED; /* a client waits for the answer */
	if (by_name)
		return take_name(name, q) ? FL_PARSE_OK : FL_PARSE_MALFORMED;
	struct fl_addr a = fl_addr_v4(ip);
	take_address(&a, q);
	return FL_PARSE_OK;
}

enum fl_parse fl_socks_request(const uint8_t *data, size_t size, struct fl_socks_request *q)
{
	struct fl_reader r = fl_reader_over(data, size);
	*q = (struct fl_socks_request){ .port = 0 };
	uint8_t version = fl_read_u8(&r);
	if (r.failed)
		return FL_PARSE_MORE;
	enum fl_parse result = version == 5 ? read_5(&r, q) : version == 4 ? read_4(&r, q) : FL_PARSE_MALFORMED;
	if (result != FL_PARSE_OK)
		*q = (struct fl_socks_request){ .port = 0 };
	return result;
}
