/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c - requests and answers in the clear, one segment at a time
 *
 * Nothing is reassembled: the first segment of a request holds what tells it from others, the first segment of an answer
 * its status. Where a protocol puts other messages in front of an error (PostgreSQL's ParseComplete, notices),
 * they are stepped over by their lengths.
 *
 * Whose fault an error is decides whether it is a failure: a unique key that is violated or a table that is not there
 * would be so on every healthy server, too few connections or a cancelled statement would not.
 */
#include "faultline/request.h"

#include <string.h>
#include <strings.h>

#include "faultline/addr.h"
#include "faultline/http.h"

enum { PRINT_MAX = 512, SHAPE_MAX = 160, LINE_MAX = 1024, MESSAGES_MAX = 16, NAME_MAX_SIZE = 256 };

static bool begins(const uint8_t *data, size_t size, const char *text)
{
	size_t length = strlen(text);
	return size >= length && memcmp(data, text, length) == 0;
}

/* ---- kinds ---- */

static enum fl_request_kind kind_of_postgresql(const uint8_t *data, size_t size)
{
	if (size == 0 || data[0] == 0 || data[0] == 'p' || data[0] == 'X')
		return FL_REQUEST_SESSION;
	return FL_REQUEST_WORK;
}

/* Commands have sequence number 0, what belongs to the handshake has others. */
static enum fl_request_kind kind_of_mysql(const uint8_t *data, size_t size)
{
	enum { QUIT = 0x01, INIT_DB = 0x02, CHANGE_USER = 0x11, BINLOG_DUMP = 0x12, STMT_CLOSE = 0x19, RESET = 0x1f };
	if (size < 5 || data[3] != 0)
		return FL_REQUEST_SESSION;
	switch (data[4]) {
	case QUIT: case INIT_DB: case CHANGE_USER: case STMT_CLOSE: case RESET:
		return FL_REQUEST_SESSION;
	case BINLOG_DUMP:
		return FL_REQUEST_WAITS;
	default:
		return FL_REQUEST_WORK;
	}
}

/* The command's name in "*2\r\n$4\r\nPING\r\n"; empty when it is not there. */
static struct fl_slice redis_command(const uint8_t *data, size_t size)
{
	const uint8_t *line = size && data[0] == '*' ? memchr(data, '\n', size) : NULL;
	const uint8_t *end = data + size;
	line = line && line + 1 < end && line[1] == '$' ? memchr(line + 1, '\n', (size_t)(end - line - 1)) : NULL;
	if (!line)
		return (struct fl_slice){ data, 0 };
	const uint8_t *word = line + 1, *stop = memchr(word, '\r', (size_t)(end - word));
	return (struct fl_slice){ word, stop ? (size_t)(stop - word) : (size_t)(end - word) };
}

static bool is_one_of(struct fl_slice word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (word.size == strlen(list[i]) && strncasecmp((const char *)word.data, list[i], word.size) == 0)
			return true;
	return false;
}

static enum fl_request_kind kind_of_redis(const uint8_t *data, size_t size)
{
	static const char *const session[] = { "AUTH", "HELLO", "CLIENT", "SELECT", "QUIT", "RESET", "READONLY", "COMMAND" };
	static const char *const waits[] = { "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "MONITOR", "PSYNC", "SYNC",
					     "REPLCONF", "BLPOP", "BRPOP", "BLMOVE", "BLMPOP", "BRPOPLPUSH", "BZPOPMIN",
					     "BZPOPMAX", "BZMPOP", "XREAD", "XREADGROUP", "WAIT", "WAITAOF" };
	struct fl_slice word = redis_command(data, size);
	if (is_one_of(word, session, FL_ARRAY_LEN(session)))
		return FL_REQUEST_SESSION;
	return is_one_of(word, waits, FL_ARRAY_LEN(waits)) ? FL_REQUEST_WAITS : FL_REQUEST_WORK;
}

enum fl_request_kind fl_request_kind(enum fl_application a, const uint8_t *data, size_t size)
{
	switch (a) {
	case FL_APP_POSTGRESQL:
		return kind_of_postgresql(data, size);
	case FL_APP_MYSQL:
		return kind_of_mysql(data, size);
	case FL_APP_REDIS:
		return kind_of_redis(data, size);
	case FL_APP_AMQP: case FL_APP_MQTT: case FL_APP_NATS: case FL_APP_XMPP: case FL_APP_SSH: case FL_APP_TELNET:
	case FL_APP_RDP: case FL_APP_SYSLOG: case FL_APP_STATSD: case FL_APP_SSDP: case FL_APP_DHCP: case FL_APP_STUN:
	case FL_APP_SIP: case FL_APP_KAFKA: case FL_APP_ZOOKEEPER: case FL_APP_IRC: case FL_APP_VNC: case FL_APP_BGP: case FL_APP_GRAPHITE:
	case FL_APP_INFLUXDB: case FL_APP_WIREGUARD: case FL_APP_OPENVPN:
		return FL_REQUEST_SENDS;
	default:
		return FL_REQUEST_WORK;
	}
}

/* ---- fingerprints ---- */

static uint32_t half(const void *data, size_t size, uint64_t seed)
{
	return (uint32_t)(fl_hash_bytes(data, size, seed) >> 32 & 0xffff);
}

static uint32_t halves(uint32_t shape, uint32_t all)
{
	uint32_t both = shape << 16 | all;
	return both ? both : 1;
}

static size_t at_most(size_t size, size_t limit)
{
	return size < limit ? size : limit;
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.' ||
	       c == '%' || c == '$' || c >= 0x80;
}

/* Of a text without what differs from one use to the next: words with a digit in them and what is quoted. Ends at @stop. */
static uint32_t shape_of(const uint8_t *data, size_t size, uint8_t stop)
{
	uint8_t shape[SHAPE_MAX];
	size_t used = 0, word = 0;
	bool digit = false;
	for (size_t i = 0; i < size && used < sizeof(shape) && data[i] != stop; i++) {
		if (is_word(data[i])) {
			digit = digit || (data[i] >= '0' && data[i] <= '9');
			shape[used++] = data[i];
			if (digit)
				used = word;
			continue;
		}
		if (data[i] == '\'') {
			const uint8_t *end = memchr(data + i + 1, '\'', size - i - 1);
			i = end ? (size_t)(end - data) : size - 1;
		}
		shape[used++] = digit ? '#' : data[i];
		word = used;
		digit = false;
	}
	return half(shape, used, 1);
}

/* Where the body begins, behind the first empty line; @size: nowhere. By lines, of which there are few: memmem() goes by bytes. */
static size_t body_of(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size, *at = data;
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		if (at > data && at[-1] == '\r' && end - at > 2 && at[1] == '\r' && at[2] == '\n')
			return (size_t)(at - data) + 3;
		at++;
	}
	return size;
}

/* Method and path, and the body as far as it is in the segment. */
static uint32_t print_of_http(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', at_most(size, LINE_MAX));
	size_t line = end ? (size_t)(end - data) : at_most(size, LINE_MAX);
	size_t skipped = body_of(data, size);
	uint32_t all = half(data, line, 1) ^ half(data + skipped, at_most(size - skipped, PRINT_MAX), 2);
	return halves(shape_of(data, line, '?'), all);
}

uint32_t fl_request_field_fingerprint(const uint8_t *data, size_t size)
{
	return halves(shape_of(data, size, '?'), half(data, size, 2));
}

static uint32_t print_of_text(const uint8_t *data, size_t size)
{
	return halves(shape_of(data, at_most(size, PRINT_MAX), 0xff), half(data, at_most(size, PRINT_MAX), 2));
}

/* The question's name alone: its id differs from try to try, A and AAAA are asked for together. In lower case, as some
 * resolvers mix the cases at random. */
static uint32_t print_of_dns(const uint8_t *data, size_t size)
{
	uint8_t name[NAME_MAX_SIZE];
	size_t used = 0;
	if (size < 13)
		return 0;
	for (size_t i = 12; i < size && data[i] && used < sizeof(name); i++)
		name[used++] = data[i] >= 'A' && data[i] <= 'Z' ? (uint8_t)(data[i] | 0x20) : data[i];
	return halves(half(name, used, 1), half(name, used, 2));
}

uint32_t fl_request_fingerprint(enum fl_application a, bool udp, const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (a) {
	case FL_APP_HTTP:
		return print_of_http(data, size);
	case FL_APP_POSTGRESQL: case FL_APP_MYSQL: case FL_APP_REDIS: case FL_APP_MEMCACHED:
		return print_of_text(data, size);
	case FL_APP_DNS:
		return udp ? print_of_dns(data, size) : size > 2 ? print_of_dns(data + 2, size - 2) : 0;
	default:
		return 0;
	}
}

/* ---- TLS ---- */

enum { RECORD_HEAD = 5, RECORD_CHANGE_CIPHER = 20, RECORD_HANDSHAKE = 22, RECORD_DATA = 23, RECORDS_MAX = 64,
       TICKETS_MAX = 4, TICKET_LEAST = 48 };

struct record {
	uint8_t type;
	uint16_t length;
};

static bool next_record(struct fl_reader *r, struct record *record)
{
	if (fl_reader_left(r) < RECORD_HEAD)
		return false;
	record->type = fl_read_u8(r);
	uint8_t major = fl_read_u8(r);
	fl_read_skip(r, 1);
	record->length = fl_read_be16(r);
	if (record->type < RECORD_CHANGE_CIPHER || record->type > RECORD_DATA || major != 3)
		return false;
	fl_read_skip(r, at_most(record->length, fl_reader_left(r)));
	return true;
}

uint32_t fl_request_tls_size(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	struct record record;
	uint32_t total = 0;
	bool handshake = false;
	for (int i = 0; i < RECORDS_MAX && next_record(&r, &record); i++) {
		if (record.type != RECORD_DATA) {
			handshake = true;
			continue;
		}
		/* Finished behind ChangeCipherSpec: verify data, header, type, tag (RFC 8446 section 4.4.4) */
		bool finished = handshake && total == 0 && (record.length == 53 || record.length == 69);
		total += finished ? 0 : record.length;
		handshake = handshake && !finished;
	}
	return total;
}

unsigned fl_answer_tickets(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	struct record record;
	uint16_t length = 0;
	unsigned count = 0;
	while (next_record(&r, &record)) {
		if (record.type != RECORD_DATA || record.length < TICKET_LEAST || (count && record.length != length))
			return 0;
		length = record.length;
		if (++count > TICKETS_MAX)
			return 0;
	}
	return fl_reader_left(&r) == 0 ? count : 0;
}

/* ---- answers ---- */

static bool is_server_state(const uint8_t state[static 5])
{
	static const char *const classes[] = { "08", "53", "57", "58", "XX" };
	for (size_t i = 0; i < FL_ARRAY_LEN(classes); i++)
		if (memcmp(state, classes[i], 2) == 0)
			return true;
	return false;
}

/* Field C of an ErrorResponse. */
static bool error_of_server(struct fl_reader r)
{
	while (!r.failed) {
		uint8_t field = fl_read_u8(&r);
		struct fl_slice rest = fl_reader_rest(&r);
		const uint8_t *end = field ? memchr(rest.data, 0, rest.size) : NULL;
		if (field == 'C' && rest.size >= 5)
			return is_server_state(rest.data);
		if (!end)
			return false;
		fl_read_skip(&r, (size_t)(end - rest.data) + 1);
	}
	return false;
}

static bool postgresql_failed(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	for (int i = 0; i < MESSAGES_MAX && fl_reader_left(&r) >= 5; i++) {
		uint8_t type = fl_read_u8(&r);
		uint32_t length = fl_read_be32(&r);
		if (length < 4)
			return false;
		size_t body = at_most(length - 4, fl_reader_left(&r));
		struct fl_reader message = fl_read_sub(&r, body);
		if (type == 'E')
			return error_of_server(message);
		if (type != 'N' && type != 'S' && (type < '1' || type > '3'))
			return false; /* rows: it works */
	}
	return false;
}

/* ERR packet: 0xff, number, '#' and SQLSTATE. Most numbers share the state HY000, so the number tells. */
static bool mysql_failed(const uint8_t *data, size_t size)
{
	static const uint16_t numbers[] = { 1021, 1030, 1037, 1038, 1040, 1041, 1053, 1135, 1194, 1195, 1203, 1205, 1226, 1290,
					    1317, 1836, 2006, 2013, 3024, 3032, 3100, 3101, 3168 };
	struct fl_reader r = fl_reader_over(data, size);
	fl_read_skip(&r, 4);
	uint8_t mark = fl_read_u8(&r);
	uint16_t number = fl_read_le16(&r);
	if (r.failed || mark != 0xff)
		return false;
	for (size_t i = 0; i < FL_ARRAY_LEN(numbers); i++)
		if (numbers[i] == number)
			return true;
	const uint8_t *state = fl_read_u8(&r) == '#' ? fl_read_bytes(&r, 5) : NULL;
	return state && is_server_state(state);
}

static bool redis_failed(const uint8_t *data, size_t size)
{
	static const char *const server[] = { "-LOADING ", "-BUSY ", "-OOM ", "-MISCONF ", "-MASTERDOWN ", "-CLUSTERDOWN ",
					      "-TRYAGAIN ", "-NOREPLICAS ", "-READONLY ", "-ERR " };
	static const char *const caller[] = { "-ERR unknown", "-ERR wrong number", "-ERR syntax", "-ERR value is not",
					      "-ERR invalid", "-ERR no such", "-ERR index", "-ERR DB index", "-ERR bit ",
					      "-ERR offset", "-ERR increment", "-ERR EXEC without", "-ERR min or max", "-ERR hash value" };
	bool failed = false;
	for (size_t i = 0; i < FL_ARRAY_LEN(server); i++)
		failed = failed || begins(data, size, server[i]);
	for (size_t i = 0; i < FL_ARRAY_LEN(caller); i++)
		failed = failed && !begins(data, size, caller[i]);
	return failed;
}

static bool dns_failed(const uint8_t *data, size_t size)
{
	enum { SERVFAIL = 2, REFUSED = 5 };
	if (size < 4)
		return false;
	uint8_t rcode = data[3] & 0x0f;
	return rcode == SERVFAIL || rcode == REFUSED;
}

bool fl_answer_failed(enum fl_application a, bool udp, const uint8_t *data, size_t size)
{
	switch (a) {
	case FL_APP_HTTP:
		return fl_http_status(data, size) >= 500;
	case FL_APP_POSTGRESQL:
		return postgresql_failed(data, size);
	case FL_APP_MYSQL:
		return mysql_failed(data, size);
	case FL_APP_REDIS:
		return redis_failed(data, size);
	case FL_APP_DNS:
		return udp ? dns_failed(data, size) : size > 2 && dns_failed(data + 2, size - 2);
	default:
		return false;
	}
}
