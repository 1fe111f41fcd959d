/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application_lines.c - signatures of protocols of text lines, of routers, screens and tunnels
 *
 * See application.c.
 */
#include "application_internal.h"

/* The first line without its end; false when the end is not there, or it is no text. */
static bool first_line(const uint8_t *data, size_t size, struct fl_slice *line)
{
	const uint8_t *end = memchr(data, '\n', size);
	*line = (struct fl_slice){ data, end ? (size_t)(end - data) : 0 };
	if (line->size > 0 && data[line->size - 1] == '\r')
		line->size--;
	return end && is_printable_text(data, line->size);
}

static bool ends_with(struct fl_slice line, const char *text)
{
	size_t length = strlen(text);
	return line.size >= length && memcmp(line.data + line.size - length, text, length) == 0;
}

/* RFC 2326, RFC 7826: a request or status line of that version. */
bool signature_rtsp(const uint8_t *data, size_t size)
{
	struct fl_slice line;
	if (starts_with(data, size, "RTSP/1.0 ") || starts_with(data, size, "RTSP/2.0 "))
		return true;
	return first_line(data, size, &line) && line.size > 0 && data[0] >= 'A' && data[0] <= 'Z' &&
	       (ends_with(line, " RTSP/1.0") || ends_with(line, " RTSP/2.0"));
}

/* RFC 2812 section 3.1: what registers; the server's line has a prefix, then NOTICE or the number 001. */
bool signature_irc(const uint8_t *data, size_t size)
{
	struct fl_slice line;
	if (!first_line(data, size, &line))
		return false;
	if (starts_with(data, size, "NICK ") || starts_with(data, size, "CAP LS"))
		return true;
	const uint8_t *blank = data[0] == ':' ? memchr(data, ' ', line.size) : NULL;
	size_t left = blank ? line.size - (size_t)(blank - data) : 0;
	return blank && (starts_with(blank, left, " NOTICE ") || starts_with(blank, left, " 001 "));
}

/* RFC 6143 section 7.1.1: "RFB 003.008\n" */
bool signature_vnc(const uint8_t *data, size_t size)
{
	return size == 12 && memcmp(data, "RFB 00", 6) == 0 && data[7] == '.' && data[11] == '\n';
}

/* RFC 4271 section 4.1: sixteen octets of ones, length, type. */
bool signature_bgp(const uint8_t *data, size_t size)
{
	static const char marker[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	struct fl_reader r = fl_reader_over(data, size);
	fl_read_skip(&r, sizeof(marker) - 1);
	uint16_t length = fl_read_be16(&r);
	uint8_t type = fl_read_u8(&r);
	return !r.failed && memcmp(data, marker, sizeof(marker) - 1) == 0 && length >= 19 && length <= 4096 && type >= 1 && type <= 5;
}

/* RFC 3977: MODE READER; a greeting that says what it is. */
bool signature_nntp(const uint8_t *data, size_t size)
{
	struct fl_slice line;
	if (!first_line(data, size, &line))
		return false;
	bool greeting = starts_with(data, size, "200 ") || starts_with(data, size, "201 ");
	bool says = memmem(line.data, line.size, "NNTP", 4) || memmem(line.data, line.size, "InterNetNews", 12);
	return starts_with(data, size, "MODE READER\r\n") || (greeting && says);
}

static bool is_path_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("._-/:;=%", c));
}

static size_t number_size(const uint8_t *data, size_t size)
{
	size_t n = 0;
	while (n < size && ((data[n] >= '0' && data[n] <= '9') || data[n] == '.' || data[n] == '-' || data[n] == 'e'))
		n++;
	return n;
}

/* "a.path value time", the time of ten digits: since 2001. */
bool signature_graphite(const uint8_t *data, size_t size)
{
	struct fl_slice line;
	size_t path = 0;
	if (!first_line(data, size, &line))
		return false;
	while (path < line.size && is_path_byte(data[path]))
		path++;
	if (path < 3 || path == line.size || data[path] != ' ' || !memchr(data, '.', path))
		return false;
	size_t value = number_size(data + path + 1, line.size - path - 1), time = path + 1 + value + 1;
	return value > 0 && line.size == time + 10 && data[time - 1] == ' ' && number_size(data + time, 10) == 10;
}

/* Line protocol: "measurement,tag=value field=value time": a tag, a field and the time in nanoseconds. */
bool signature_influx(const uint8_t *data, size_t size)
{
	struct fl_slice line = { data, size };
	const uint8_t *end = memchr(data, '\n', size);
	if (end)
		line.size = (size_t)(end - data);
	const uint8_t *comma = memchr(data, ',', line.size), *blank = memchr(data, ' ', line.size);
	const uint8_t *last = memrchr(data, ' ', line.size);
	if (!comma || comma == data || !blank || comma > blank || last == blank || !is_printable_text(data, line.size))
		return false;
	size_t time = line.size - (size_t)(last + 1 - data);
	return memchr(comma, '=', (size_t)(blank - comma)) && memchr(blank, '=', (size_t)(last - blank)) && time >= 10 && time <= 20 &&
	       number_size(last + 1, time) == time;
}

/* WireGuard's white paper, section 5.4: types 1 and 2 have one length each; data (4) come in blocks of 16. */
bool signature_wireguard(const uint8_t *data, size_t size)
{
	if (size < 32 || data[1] || data[2] || data[3])
		return false;
	return (data[0] == 1 && size == 148) || (data[0] == 2 && size == 92);
}

/* OpenVPN's "Network protocol": a client's reset of version 2 or 3: session, (digest, number, time), no acknowledgements, packet 0. */
bool signature_openvpn(const uint8_t *data, size_t size)
{
	enum { PLAIN = 14, SHA1 = 42, SHA256 = 54 };
	if ((size != PLAIN && size != SHA1 && size != SHA256) || (data[0] != 7 << 3 && data[0] != 10 << 3))
		return false;
	bool first = size == PLAIN || memcmp(data + size - 13, "\0\0\0\1", 4) == 0;
	return first && memcmp(data + size - 5, "\0\0\0\0\0", 5) == 0;
}

/* RFC 1350 section 5: RRQ or WRQ, name, mode. */
bool signature_tftp(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint16_t opcode = fl_read_be16(&r);
	struct fl_slice rest = fl_reader_rest(&r);
	const uint8_t *end = rest.size ? memchr(rest.data, 0, rest.size) : NULL;
	if (r.failed || (opcode != 1 && opcode != 2) || !end || end == rest.data ||
	    !is_printable_text(rest.data, (size_t)(end - rest.data)))
		return false;
	size_t left = rest.size - (size_t)(end + 1 - rest.data);
	return (left >= 6 && memcmp(end + 1, "octet", 6) == 0) || (left >= 9 && memcmp(end + 1, "netascii", 9) == 0);
}
