/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preamble.c - what a client says before its ClientHello without waiting for an answer
 *
 * Most protocols that turn to TLS wait for the server's consent, so the hello begins a segment. These do not, or wrap what follows:
 *   a load balancer tells whom it speaks for (HAProxy's PROXY protocol, sections 2.1 and 2.2)
 *   MySQL: SSLRequest ("Client/Server Protocol"), PostgreSQL: SSLRequest (manual, section 55.2.10), from clients that hope for the best
 *   TDS: packets of type PRELOGIN, the first with options, later ones with the records of the handshake (MS-TDS section 2.2.6.5)
 * Whoever reads the stream goes on behind it.
 */
#include "dissect_internal.h"

#include <string.h>

enum {
	PROXY_LINE_MAX = 107, PROXY_HEAD = 16,
	POSTGRESQL_SIZE = 8,
	MYSQL_SIZE = 36, MYSQL_FILLER = 13, MYSQL_SSL = 0x0800,
	TDS_HEAD = 8, TDS_LEAST = 16,
};

/* Does @data begin with @text? MORE while it is a prefix of it. */
static enum fl_parse begins(const uint8_t *data, size_t size, const char *text, size_t length)
{
	if (memcmp(data, text, size < length ? size : length) != 0)
		return FL_PARSE_MALFORMED;
	return size < length ? FL_PARSE_MORE : FL_PARSE_OK;
}

static enum fl_parse proxy_line(const uint8_t *data, size_t size, size_t *used)
{
	enum fl_parse result = begins(data, size, "PROXY ", 6);
	if (result != FL_PARSE_OK)
		return result;
	const uint8_t *end = memchr(data, '\n', size < PROXY_LINE_MAX ? size : PROXY_LINE_MAX);
	*used = end ? (size_t)(end - data) + 1 : 0;
	return end ? FL_PARSE_OK : size < PROXY_LINE_MAX ? FL_PARSE_MORE : FL_PARSE_MALFORMED;
}

static enum fl_parse proxy_binary(const uint8_t *data, size_t size, size_t *used)
{
	enum fl_parse result = begins(data, size, "\r\n\r\n\0\r\nQUIT\n", 12);
	if (result != FL_PARSE_OK || size < PROXY_HEAD)
		return result == FL_PARSE_OK ? FL_PARSE_MORE : result;
	struct fl_reader r = fl_reader_over(data + PROXY_HEAD - 2, 2);
	*used = PROXY_HEAD + (size_t)fl_read_be16(&r);
	return FL_PARSE_OK;
}

/* Requests for TLS and for GSS encryption, numbers 80877103 and 80877104. */
static enum fl_parse postgresql(const uint8_t *data, size_t size, size_t *used)
{
	enum fl_parse result = begins(data, size, "\0\0\0\x08\x04\xd2\x16", 7);
	if (result != FL_PARSE_OK || size < POSTGRESQL_SIZE)
		return result == FL_PARSE_OK ? FL_PARSE_MORE : result;
	*used = POSTGRESQL_SIZE;
	return data[7] == 0x2f || data[7] == 0x30 ? FL_PARSE_OK : FL_PARSE_MALFORMED;
}

/* Packet 1 of 32 bytes: capabilities, largest packet, character set, 23 bytes of zero. */
static enum fl_parse mysql(const uint8_t *data, size_t size, size_t *used)
{
	static const uint8_t zero[MYSQL_SIZE - MYSQL_FILLER];
	enum fl_parse result = begins(data, size, "\x20\0\0\1", 4);
	if (result != FL_PARSE_OK || size < MYSQL_SIZE)
		return result == FL_PARSE_OK ? FL_PARSE_MORE : result;
	struct fl_reader r = fl_reader_over(data + 4, 4);
	*used = MYSQL_SIZE;
	bool asks = (fl_read_le32(&r) & MYSQL_SSL) && memcmp(data + MYSQL_FILLER, zero, sizeof(zero)) == 0;
	return asks ? FL_PARSE_OK : FL_PARSE_MALFORMED;
}

/* Options are passed over with their packet, records without. */
static enum fl_parse tds(const uint8_t *data, size_t size, size_t *used)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t type = fl_read_u8(&r), status = fl_read_u8(&r);
	uint16_t length = fl_read_be16(&r), process = fl_read_be16(&r);
	fl_read_skip(&r, 2);
	uint16_t content = fl_read_be16(&r);
	if (type != 0x12 || (size > 1 && status > 1))
		return FL_PARSE_MALFORMED;
	if (r.failed)
		return FL_PARSE_MORE;
	bool record = content == 0x1603, options = content >> 8 == 0;
	*used = record ? TDS_HEAD : length;
	return length >= TDS_LEAST && process == 0 && (record || options) ? FL_PARSE_OK : FL_PARSE_MALFORMED;
}

enum fl_parse preamble_parse(const uint8_t *data, size_t size, size_t *used)
{
	static enum fl_parse (*const kinds[])(const uint8_t *data, size_t size, size_t *used) = { proxy_line, proxy_binary, postgresql,
												  mysql, tds };
	if (size == 0)
		return FL_PARSE_MORE;
	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++) {
		enum fl_parse result = kinds[i](data, size, used);
		if (result != FL_PARSE_MALFORMED)
			return result;
	}
	return FL_PARSE_MALFORMED;
}
