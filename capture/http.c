/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.c - heads of HTTP/1 requests and answers, and where bodies end
 *
 * A head is lines: the request line, fields, an empty line (RFC 9112 section 2.1).
 * Lines end in CR LF; a bare LF is taken too (section 2.2). A field goes on in the next line when
 * that begins with a blank (obs-fold, section 5.2), so a field is a *logical line* of one
 * or more lines.
 *
 * The probe decides what is HTTP at all, on any port, so it errs on the side of no. Other
 * protocols of text begin alike: "MAIL FROM:<a@b>", "RETR /file", "OPTIONS rtsp://cam/ RTSP/1.0",
 * "CONNECT {...}" (NATS), "GET key" (Redis). Hence method and target must have the
 * forms of RFC 9112 section 3.2, and where the end of the line is in sight it must
 * be "HTTP/1.x". That also refuses the preface of HTTP/2, "PRI * HTTP/2.0".
 *
 * Beyond that an observer is more tolerant than a server must be: a field that is
 * odd is passed over, since the server may have taken it. What it must not do is
 * to let odd bytes out: hosts carry only bytes of hosts, the rest is escaped.
 */
#include "faultline/http.h"

#include <string.h>
#include <strings.h>

#include "capture/wire_text.h"

enum {
	METHOD_MAX = 15,      /* VERSION-CONTROL; the one longer, UPDATEREDIRECTREF, has no users */
	SCHEME_MAX = 8,       /* of an absolute target: "https", "ws", "ftp" */
	PROBE_SIZE = 16,      /* of CONNECT's target, when its end is not in sight */
	PROBE_LINE_MAX = 512, /* how far the probe looks for the line's end */
	EMPTY_LINES_MAX = 2,  /* before the request line: RFC 9112 section 2.2 wants one forgiven */
	VERSION_SIZE = 8,     /* "HTTP/1.1" */
	CHUNK_DIGITS_MAX = 12, /* no chunk is as long as that */
};

/* ---- bytes ------------------------------------------------------------- */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(uint8_t c)
{
	return is_digit(c) || (wire_lower(c) >= 'a' && wire_lower(c) <= 'z');
}

static bool is_method_byte(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static bool is_scheme_byte(uint8_t c)
{
	return is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static bool is_authority_byte(uint8_t c)
{
	return wire_is_host(wire_lower(c)) || c == '[' || c == ']';
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(uint8_t c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static struct fl_slice cut(struct fl_slice s, size_t from, size_t to)
{
	return (struct fl_slice){ s.data + from, to - from };
}

static struct fl_slice trim(struct fl_slice s)
{
	while (s.size > 0 && is_space(s.data[s.size - 1]))
		s.size--;
	size_t from = 0;
	while (from < s.size && is_space(s.data[from]))
		from++;
	return cut(s, from, s.size);
}

/* Place of @c, or the size. */
static size_t find(struct fl_slice s, uint8_t c)
{
	const uint8_t *at = s.size > 0 ? memchr(s.data, c, s.size) : NULL;
	return at ? (size_t)(at - s.data) : s.size;
}

static bool equals(struct fl_slice s, const char *word)
{
	return s.size == strlen(word) && strncasecmp((const char *)s.data, word, s.size) == 0;
}

/* ---- lines ------------------------------------------------------------- */

/* The line at the start of @s without its end; *@next is behind it, 0 when the
 * end is not there. */
static struct fl_slice first_line(struct fl_slice s, size_t *next)
{
	size_t end = find(s, '\n');
	*next = end < s.size ? end + 1 : 0;
	if (*next && end > 0 && s.data[end - 1] == '\r')
		end--;
	return cut(s, 0, end);
}

/* A field with the lines that continue it. */
static struct fl_slice logical_line(struct fl_slice s, size_t *next)
{
	struct fl_slice line = first_line(s, next);
	while (*next && line.size > 0 && *next < s.size && is_blank(s.data[*next])) {
		size_t more;
		struct fl_slice rest = cut(s, *next, s.size);
		struct fl_slice continued = first_line(rest, &more);
		line.size = *next + continued.size;
		*next = more ? *next + more : 0;
	}
	return line;
}

/* Bytes of the empty lines in front. */
static size_t empty_lines(struct fl_slice s)
{
	size_t at = 0;
	for (unsigned i = 0; i < EMPTY_LINES_MAX; i++) {
		if (at + 1 < s.size && s.data[at] == '\r' && s.data[at + 1] == '\n')
			at += 2;
		else if (at < s.size && s.data[at] == '\n')
			at++;
	}
	return at;
}

/* ---- is it HTTP -------------------------------------------------------- */

static enum fl_parse yes_or_no(bool yes)
{
	return yes ? FL_PARSE_OK : FL_PARSE_MALFORMED;
}

/* Does @s begin with @word? MORE while it is a prefix of it. */
static enum fl_parse begins_with(struct fl_slice s, const char *word)
{
	size_t length = strlen(word);
	size_t n = s.size < length ? s.size : length;
	if (n > 0 && memcmp(s.data, word, n) != 0)
		return FL_PARSE_MALFORMED;
	return s.size < length ? FL_PARSE_MORE : FL_PARSE_OK;
}

/* CONNECT's target: host and port, or so much of it that nothing else is likely. */
static enum fl_parse probe_authority(struct fl_slice s)
{
	size_t n = 0;
	while (n < s.size && (is_authority_byte(s.data[n])))
		n++;
	if (n == s.size)
		return n < PROBE_SIZE ? FL_PARSE_MORE : FL_PARSE_OK;
	return yes_or_no(s.data[n] == ' ' && n >= 3 && is_digit(s.data[n - 1]));
}

/* "scheme://": RFC 3986 section 3.1. */
static enum fl_parse probe_absolute(struct fl_slice s)
{
	size_t n = 0;
	while (n < s.size && n <= SCHEME_MAX && is_scheme_byte(s.data[n]))
		n++;
	if (n == s.size)
		return FL_PARSE_MORE;
	struct fl_slice scheme = cut(s, 0, n);
	if (n == 0 || n > SCHEME_MAX || equals(scheme, "rtsp") || equals(scheme, "rtspu") || equals(scheme, "rtsps"))
		return FL_PARSE_MALFORMED;
	return begins_with(cut(s, n, s.size), "://");
}

static enum fl_parse probe_target(struct fl_slice s, bool connect)
{
	if (s.size == 0)
		return FL_PARSE_MORE;
	if (connect)
		return probe_authority(s);
	if (s.data[0] == '/')
		return FL_PARSE_OK;
	return s.data[0] == '*' ? begins_with(s, "* HTTP/1.") : probe_absolute(s);
}

static size_t method_size(struct fl_slice s)
{
	size_t n = 0;
	while (n < s.size && n <= METHOD_MAX && is_method_byte(s.data[n]))
		n++;
	return n;
}

/* "HTTP/1.x" behind a blank at the end of a request line. */
static bool ends_in_version(struct fl_slice line)
{
	if (line.size <= VERSION_SIZE)
		return false;
	const uint8_t *at = line.data + line.size - VERSION_SIZE;
	return at[-1] == ' ' && memcmp(at, "HTTP/1.", VERSION_SIZE - 1) == 0 && is_digit(at[VERSION_SIZE - 1]);
}

/* Some programs leave out the slash of "GET index.html HTTP/1.1". */
static bool is_common(struct fl_slice method)
{
	return equals(method, "GET") || equals(method, "POST") || equals(method, "HEAD") || equals(method, "PUT");
}

/* A line without its end. */
static bool is_request_line(struct fl_slice line)
{
	size_t method = method_size(line);
	if (method == 0 || method > METHOD_MAX || method == line.size || line.data[method] != ' ' || !ends_in_version(line))
		return false;
	struct fl_slice word = cut(line, 0, method), target = cut(line, method + 1, line.size);
	return (is_common(word) && target.data[0] != ' ') || probe_target(target, equals(word, "CONNECT")) != FL_PARSE_MALFORMED;
}

enum fl_parse fl_http_probe(const uint8_t *data, size_t size)
{
	if (size == 0)
		return FL_PARSE_MORE;
	struct fl_slice s = { data, size };
	s = cut(s, empty_lines(s), size);
	if (s.size > 0 && s.size < 2 && s.data[0] == '\r')
		return FL_PARSE_MORE;
	size_t method = method_size(s);
	if (method == s.size)
		return method > METHOD_MAX ? FL_PARSE_MALFORMED : FL_PARSE_MORE;
	if (method == 0 || method > METHOD_MAX || s.data[method] != ' ')
		return FL_PARSE_MALFORMED;

	bool connect = equals(cut(s, 0, method), "CONNECT");
	struct fl_slice target = cut(s, method + 1, s.size);
	enum fl_parse form = probe_target(target, connect);
	if (form == FL_PARSE_MALFORMED && !is_common(cut(s, 0, method)))
		return form;
	size_t next;
	struct fl_slice seen = cut(s, 0, s.size < PROBE_LINE_MAX ? s.size : PROBE_LINE_MAX);
	struct fl_slice line = first_line(seen, &next);
	if (next)
		return yes_or_no(is_request_line(line));
	return form == FL_PARSE_MALFORMED && seen.size < PROBE_LINE_MAX ? FL_PARSE_MORE : form;
}

/* ---- the request ------------------------------------------------------- */

/* 1 .. 65535, else 0. */
static uint16_t read_port(struct fl_slice s)
{
	uint32_t port = 0;
	for (size_t i = 0; i < s.size; i++) {
		if (!is_digit(s.data[i]) || port > UINT16_MAX)
			return 0;
		port = port * 10 + (uint32_t)(s.data[i] - '0');
	}
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* [userinfo@]host[:port], RFC 3986 section 3.2. */
static void read_authority(struct fl_slice s, struct fl_http_request *q)
{
	for (size_t at = find(s, '@'); at < s.size; at = find(s, '@'))
		s = cut(s, at + 1, s.size);
	size_t host_from = 0, host_to, port;
	if (s.size > 0 && s.data[0] == '[') {
		host_from = 1;
		host_to = find(s, ']');
		port = host_to + 1 < s.size && s.data[host_to + 1] == ':' ? host_to + 2 : s.size;
	} else {
		host_to = find(s, ':');
		port = host_to < s.size ? host_to + 1 : s.size;
		/* A second colon: an IPv6 address that lacks its brackets. */
		if (find(cut(s, port, s.size), ':') < s.size - port)
			host_to = port = s.size;
	}
	(void)wire_copy_host(cut(s, host_from, host_to), q->host, sizeof q->host); /* else: none */
	q->port = read_port(cut(s, port, s.size));
}

/* Without query and fragment; "/" for none. */
static void copy_path(struct fl_slice s, struct fl_http_request *q)
{
	size_t used = 0;
	for (size_t i = 0; i < s.size && used + 1 < FL_HTTP_PATH_MAX; i++) {
		uint8_t c = s.data[i];
		if (c == '?' || c == '#')
			break;
		q->path[used++] = c > ' ' && c < 0x7f ? (char)c : '?';
	}
	if (used == 0)
		q->path[used++] = '/';
	q->path[used] = 0;
}

static uint16_t port_of_scheme(struct fl_slice scheme)
{
	if (equals(scheme, "https") || equals(scheme, "wss"))
		return 443;
	return equals(scheme, "ftp") ? 21 : 80;
}

static void read_target(struct fl_slice target, struct fl_http_request *q)
{
	if (q->connect) {
		read_authority(target, q);
		return;
	}
	size_t colon = find(target, ':');
	bool absolute = target.size > 0 && target.data[0] != '/' && target.data[0] != '*' &&
			begins_with(cut(target, colon, target.size), "://") == FL_PARSE_OK;
	if (!absolute) {
		copy_path(target, q);
		return;
	}
	struct fl_slice rest = cut(target, colon + 3, target.size);
	size_t end = 0;
	while (end < rest.size && rest.data[end] != '/' && rest.data[end] != '?' && rest.data[end] != '#')
		end++;
	read_authority(cut(rest, 0, end), q);
	q->absolute = true;
	if (q->port == 0)
		q->port = port_of_scheme(cut(target, 0, colon));
	copy_path(cut(rest, end, rest.size), q);
}

static bool read_request_line(struct fl_slice line, struct fl_http_request *q)
{
	size_t method = method_size(line);
	if (!is_request_line(line) || method + 1 + 1 + VERSION_SIZE >= line.size)
		return false;
	memcpy(q->method, line.data, method);
	q->method[method] = 0;
	q->connect = strcmp(q->method, "CONNECT") == 0;
	read_target(cut(line, method + 1, line.size - VERSION_SIZE - 1), q);
	return true;
}

/* False when it is no number: then nobody knows where the body ends. */
static bool read_content_length(struct fl_slice value, struct fl_http_request *q)
{
	uint64_t length = 0;
	size_t i;
	for (i = 0; i < value.size && is_digit(value.data[i]); i++) {
		unsigned digit = value.data[i] - (unsigned)'0';
		if (length > (UINT64_MAX - digit) / 10)
			return false;
		length = length * 10 + digit;
	}
	q->content_length = length;
	/* "5, 5": a proxy joined two fields, RFC 9110 section 8.6. */
	return i > 0 && (i == value.size || value.data[i] == ',');
}

/* The last coding decides (RFC 9112 section 6.3). */
static bool is_chunked(struct fl_slice value)
{
	static const size_t length = sizeof "chunked" - 1;
	return value.size >= length && equals(cut(value, value.size - length, value.size), "chunked");
}

/* The best known to us of a list (RFC 9110 section 5.6.1). */
static enum fl_http_upgrade read_upgrade(struct fl_slice list)
{
	enum fl_http_upgrade best = FL_HTTP_UPGRADE_NONE;
	while (list.size > 0) {
		size_t comma = find(list, ',');
		struct fl_slice word = trim(cut(list, 0, comma));
		enum fl_http_upgrade one = word.size ? FL_HTTP_UPGRADE_OTHER : FL_HTTP_UPGRADE_NONE;
		if (equals(cut(word, 0, find(word, '/')), "tls"))
			one = FL_HTTP_UPGRADE_TLS;
		else if (equals(word, "h2c"))
			one = FL_HTTP_UPGRADE_H2C;
		best = one > best ? one : best;
		list = cut(list, comma < list.size ? comma + 1 : comma, list.size);
	}
	return best;
}

static bool read_field(struct fl_slice line, struct fl_http_request *q)
{
	size_t colon = find(line, ':');
	if (colon == line.size)
		return true;
	struct fl_slice name = cut(line, 0, colon);
	struct fl_slice value = trim(cut(line, colon + 1, line.size));
	if (equals(name, "host") && !q->host_read) {
		read_authority(value, q);
		q->host_read = true;
	} else if (equals(name, "content-length")) {
		return read_content_length(value, q);
	} else if (equals(name, "transfer-encoding")) {
		q->chunked = is_chunked(value);
	} else if (equals(name, "upgrade")) {
		q->upgrade = read_upgrade(value);
	}
	return true;
}

static void clear(struct fl_http_request *q)
{
	q->method[0] = q->host[0] = q->path[0] = 0;
	q->port = 0;
	q->connect = q->absolute = q->chunked = q->host_read = false;
	q->upgrade = FL_HTTP_UPGRADE_NONE;
	q->head_size = 0;
	q->content_length = 0;
}

/* Fields from @at on, up to the empty line. */
static enum fl_parse read_fields(struct fl_slice head, size_t at, struct fl_http_request *q)
{
	q->host_read = q->host[0] != 0; /* the target's host wins (RFC 9112 section 3.2.2) */
	while (at < head.size) {
		size_t next;
		struct fl_slice line = logical_line(cut(head, at, head.size), &next);
		if (next == 0)
			return FL_PARSE_MORE;
		at += next;
		if (line.size == 0) {
			q->head_size = at;
			if (q->chunked)
				q->content_length = 0;
			return FL_PARSE_OK;
		}
		if (!read_field(line, q)) /* at the cut: a value may go on in the next line (RFC 9112 section 5.2) */
			return at == head.size ? FL_PARSE_MORE : FL_PARSE_MALFORMED;
	}
	return FL_PARSE_MORE;
}

enum fl_parse fl_http_request(const uint8_t *data, size_t size, struct fl_http_request *q)
{
	clear(q);
	enum fl_parse result = fl_http_probe(data, size);
	if (result == FL_PARSE_MALFORMED || size == 0)
		return result;
	struct fl_slice head = { data, size < FL_HTTP_HEAD_MAX ? size : FL_HTTP_HEAD_MAX };
	size_t start = empty_lines(head), next;
	struct fl_slice line = first_line(cut(head, start, head.size), &next);
	if (next && !read_request_line(line, q))
		return FL_PARSE_MALFORMED;
	result = next ? read_fields(head, start + next, q) : FL_PARSE_MORE;
	return result == FL_PARSE_MORE && size >= FL_HTTP_HEAD_MAX ? FL_PARSE_UNSUPPORTED : result;
}

bool fl_http_head_goes_on(const uint8_t *data, size_t size, size_t *looked, bool host_read)
{
	static const char host[] = "host:";
	if (size >= FL_HTTP_HEAD_MAX)
		return false;
	while (*looked < size) {
		size_t next;
		struct fl_slice line = first_line((struct fl_slice){ data + *looked, size - *looked }, &next);
		if (next == 0)
			return *looked > 0;
		bool named = line.size >= sizeof(host) - 1 && equals(cut(line, 0, sizeof(host) - 1), host);
		if (*looked == 0 || line.size == 0 || (named && !host_read))
			return false;
		*looked += next;
	}
	return true;
}

unsigned fl_http_status(const uint8_t *data, size_t size)
{
	if (size < VERSION_SIZE + 4 || memcmp(data, "HTTP/1.", VERSION_SIZE - 1) != 0 ||
	    !is_digit(data[VERSION_SIZE - 1]) || data[VERSION_SIZE] != ' ')
		return 0;
	const uint8_t *at = data + VERSION_SIZE + 1;
	bool ends = size == VERSION_SIZE + 4 || is_space(at[3]);
	if (at[0] < '1' || at[0] > '5' || !is_digit(at[1]) || !is_digit(at[2]) || !ends)
		return 0;
	return (at[0] - (unsigned)'0') * 100 + (at[1] - (unsigned)'0') * 10 + (at[2] - (unsigned)'0');
}

/* An empty line somewhere behind the first: quicker told than read, for a head that comes in many pieces is looked at with each. */
static bool may_end(struct fl_slice head)
{
	return memmem(head.data, head.size, "\n\r\n", 3) || memmem(head.data, head.size, "\n\n", 2);
}

struct fl_http_body fl_http_answer_body(const uint8_t *data, size_t size)
{
	struct fl_http_request q;
	struct fl_slice head = { data, size < FL_HTTP_ANSWER_MAX ? size : FL_HTTP_ANSWER_MAX };
	size_t next;
	clear(&q);
	(void)first_line(head, &next);
	q.content_length = UINT64_MAX;
	if (!next || !may_end(head) || read_fields(head, next, &q) != FL_PARSE_OK)
		return (struct fl_http_body){ 0, UINT64_MAX, false, FL_HTTP_UPGRADE_NONE };
	return (struct fl_http_body){ q.head_size, q.chunked ? UINT64_MAX : q.content_length, q.chunked, q.upgrade };
}

/* ---- chunks ---- */

/* -1: it is no digit. */
static int hex_digit(uint8_t c)
{
	if (is_digit(c))
		return c - '0';
	c = wire_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a; extension" of the chunk's head. False: it is none. */
static bool chunk_size(struct fl_slice line, uint64_t *length)
{
	size_t i = 0;
	*length = 0;
	for (; i < line.size && i < CHUNK_DIGITS_MAX && hex_digit(line.data[i]) >= 0; i++)
		*length = *length << 4 | (uint64_t)hex_digit(line.data[i]);
	return i > 0 && (i == line.size || line.data[i] == ';' || is_blank(line.data[i]));
}

/* Bytes of the trailers at the start of @s with the empty line behind; 0: it is not there yet. */
static size_t trailers(struct fl_slice s)
{
	for (size_t at = 0, next; at < s.size; at += next) {
		struct fl_slice line = first_line(cut(s, at, s.size), &next);
		if (next == 0)
			return 0;
		if (line.size == 0)
			return at + next;
	}
	return 0;
}

static enum fl_parse more_unless_too_long(size_t size)
{
	return size < FL_HTTP_ANSWER_MAX ? FL_PARSE_MORE : FL_PARSE_MALFORMED;
}

enum fl_parse fl_http_chunks(const uint8_t *data, size_t size, size_t *used, uint64_t *skip)
{
	struct fl_slice s = { data, size };
	*skip = 0;
	for (*used = 0; *used < size;) {
		struct fl_slice rest = cut(s, *used, size);
		size_t next;
		uint64_t length;
		struct fl_slice line = first_line(rest, &next);
		if (next == 0) /* as far as it is there it must be one, too */
			return hex_digit(rest.data[0]) < 0 ? FL_PARSE_MALFORMED : more_unless_too_long(rest.size);
		if (!chunk_size(line, &length))
			return FL_PARSE_MALFORMED;
		if (length == 0) {
			size_t end = trailers(cut(rest, next, rest.size));
			*used += end ? next + end : 0;
			return end ? FL_PARSE_OK : more_unless_too_long(rest.size);
		}
		uint64_t behind = length + 2; /* CR LF */
		*skip = behind > rest.size - next ? behind - (rest.size - next) : 0;
		*used += *skip ? rest.size : next + (size_t)behind;
	}
	return FL_PARSE_MORE;
}
