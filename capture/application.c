/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application.c - signatures of application protocols
 *
 * One small predicate per protocol and side over the first bytes of a stream, in one
 * table; the first that fits wins, so the strict ones stand first. A signature must hold at
 * least three bytes that random data would not have; where a protocol has less, the port
 * is asked too (datagrams only).
 */
#include "faultline/application.h"

#include <string.h>

#include "faultline/quic.h"

const char *fl_application_name(enum fl_application a)
{
	static const char *const names[] = {
		[FL_APP_UNKNOWN] = NULL,      [FL_APP_TLS] = "tls",         [FL_APP_HTTP] = "http",
		[FL_APP_HTTP2] = "http2",     [FL_APP_DNS] = "dns",         [FL_APP_QUIC] = "quic",
		[FL_APP_POSTGRESQL] = "postgresql", [FL_APP_MYSQL] = "mysql", [FL_APP_REDIS] = "redis",
		[FL_APP_MONGODB] = "mongodb", [FL_APP_AMQP] = "amqp",       [FL_APP_MQTT] = "mqtt",
		[FL_APP_SSH] = "ssh",         [FL_APP_SMTP] = "smtp",       [FL_APP_IMAP] = "imap",
		[FL_APP_LDAP] = "ldap",       [FL_APP_MEMCACHED] = "memcached", [FL_APP_NATS] = "nats",
		[FL_APP_NTP] = "ntp",         [FL_APP_SYSLOG] = "syslog",   [FL_APP_STATSD] = "statsd",
		[FL_APP_DHCP] = "dhcp",       [FL_APP_SNMP] = "snmp",
	};
	_Static_assert(FL_ARRAY_LEN(names) == FL_APP_COUNT, "a name for every application");
	return names[a];
}

static bool starts(const uint8_t *data, size_t size, const char *text)
{
	size_t length = strlen(text);
	return size >= length && memcmp(data, text, length) == 0;
}

/* Start-up or cancel message: length, then protocol 3.x or a request code (PostgreSQL docs 55.7). */
static bool is_postgresql(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint32_t length = fl_read_be32(&r), code = fl_read_be32(&r);
	if (r.failed || length < 8 || length > 10000)
		return false;
	return code >> 16 == 3 || (code >= 80877102 && code <= 80877104);
}

/* RESP: an array of bulk strings. */
static bool is_redis(const uint8_t *data, size_t size)
{
	size_t i = 1;
	if (size < 6 || data[0] != '*')
		return false;
	while (i < size && i < 8 && data[i] >= '0' && data[i] <= '9')
		i++;
	return i > 1 && size >= i + 3 && data[i] == '\r' && data[i + 1] == '\n' && data[i + 2] == '$';
}

/* Wire header: length, request id, response to (0 in requests), opcode OP_MSG or OP_QUERY. */
static bool is_mongodb(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint32_t length = fl_read_le32(&r);
	fl_read_skip(&r, 8);
	uint32_t opcode = fl_read_le32(&r);
	return !r.failed && length >= 16 && length <= 48000000 && (opcode == 2013 || opcode == 2004 || opcode == 2012);
}

static bool is_amqp(const uint8_t *data, size_t size)
{
	return starts(data, size, "AMQP");
}

/* CONNECT: fixed header 0x10, remaining length, protocol name of four or six characters. */
static bool is_mqtt(const uint8_t *data, size_t size)
{
	if (size < 10 || data[0] != 0x10)
		return false;
	size_t at = 1;
	while (at < 5 && at < size && data[at] & 0x80)
		at++;
	at++;
	return size >= at + 6 && data[at] == 0 &&
	       (memcmp(data + at + 1, "\4MQTT", 5) == 0 || memcmp(data + at + 1, "\6MQIs", 5) == 0);
}

/* BindRequest, StartTLS or search: a SEQUENCE, a short message id, then an application tag. */
static bool is_ldap(const uint8_t *data, size_t size)
{
	if (size < 9 || data[0] != 0x30)
		return false;
	size_t at = data[1] < 0x80 ? 2 : 2 + (size_t)(data[1] & 0x7f);
	if (at > 6 || size < at + 4 || data[at] != 2 || data[at + 1] < 1 || data[at + 1] > 4)
		return false;
	at += 2 + (size_t)data[at + 1];
	return at < size && (data[at] == 0x60 || data[at] == 0x63 || data[at] == 0x77);
}

static bool is_memcached(const uint8_t *data, size_t size)
{
	static const char *const commands[] = { "get ", "gets ", "set ", "add ", "delete ", "incr ", "stats\r\n",
						"version\r\n" };
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++)
		if (starts(data, size, commands[i]))
			return memchr(data, '\n', size) != NULL;
	return false;
}

static bool is_ssh(const uint8_t *data, size_t size)
{
	return starts(data, size, "SSH-2.0-") || starts(data, size, "SSH-1.");
}

static bool is_nats_client(const uint8_t *data, size_t size)
{
	return starts(data, size, "CONNECT {");
}

static bool is_http2(const uint8_t *data, size_t size)
{
	return starts(data, size, "PRI * HTTP/2.0\r\n");
}

/* Initial handshake packet: three bytes of length, sequence 0, protocol version 10, a digit. */
static bool is_mysql(const uint8_t *data, size_t size)
{
	return size > 8 && data[3] == 0 && data[4] == 10 && data[5] >= '3' && data[5] <= '9' && data[6] == '.' &&
	       (size_t)(data[0] | data[1] << 8 | data[2] << 16) < 1024;
}

static bool is_smtp(const uint8_t *data, size_t size)
{
	if (!starts(data, size, "220 ") && !starts(data, size, "220-"))
		return false;
	const void *end = memchr(data, '\n', size);
	size_t line = end ? (size_t)((const uint8_t *)end - data) : size;
	return memmem(data, line, "SMTP", 4) != NULL || memmem(data, line, "smtp", 4) != NULL;
}

static bool is_imap(const uint8_t *data, size_t size)
{
	return starts(data, size, "* OK ") || starts(data, size, "* PREAUTH ");
}

static bool is_nats_server(const uint8_t *data, size_t size)
{
	return starts(data, size, "INFO {");
}

static const struct {
	enum fl_side side;
	enum fl_application application;
	bool (*fits)(const uint8_t *data, size_t size);
} signatures[] = {
	{ FL_INITIATOR, FL_APP_HTTP2, is_http2 },       { FL_INITIATOR, FL_APP_SSH, is_ssh },
	{ FL_INITIATOR, FL_APP_POSTGRESQL, is_postgresql }, { FL_INITIATOR, FL_APP_REDIS, is_redis },
	{ FL_INITIATOR, FL_APP_MONGODB, is_mongodb },   { FL_INITIATOR, FL_APP_AMQP, is_amqp },
	{ FL_INITIATOR, FL_APP_MQTT, is_mqtt },         { FL_INITIATOR, FL_APP_NATS, is_nats_client },
	{ FL_INITIATOR, FL_APP_LDAP, is_ldap },         { FL_INITIATOR, FL_APP_MEMCACHED, is_memcached },
	{ FL_RESPONDER, FL_APP_SSH, is_ssh },           { FL_RESPONDER, FL_APP_MYSQL, is_mysql },
	{ FL_RESPONDER, FL_APP_SMTP, is_smtp },         { FL_RESPONDER, FL_APP_IMAP, is_imap },
	{ FL_RESPONDER, FL_APP_NATS, is_nats_server },
};

enum fl_application fl_application_tcp(enum fl_side side, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(signatures); i++)
		if (signatures[i].side == side && signatures[i].fits(data, size))
			return signatures[i].application;
	return FL_APP_UNKNOWN;
}

enum fl_application fl_application_udp(uint16_t port, const uint8_t *data, size_t size)
{
	switch (port) {
	case 123: /* RFC 5905: version 1 to 4, mode 1 to 5, 48 bytes and more */
		if (size >= 48 && (data[0] >> 3 & 7) >= 1 && (data[0] >> 3 & 7) <= 4 && (data[0] & 7) >= 1 &&
		    (data[0] & 7) <= 5)
			return FL_APP_NTP;
		break;
	case 514:
		if (size > 3 && data[0] == '<' && data[1] >= '0' && data[1] <= '9')
			return FL_APP_SYSLOG;
		break;
	case 67:
	case 68:
		if (size >= 240 && (data[0] == 1 || data[0] == 2) && memcmp(data + 236, "\x63\x82\x53\x63", 4) == 0)
			return FL_APP_DHCP;
		break;
	case 8125:
		if (size > 3 && memchr(data, ':', size) && memchr(data, '|', size))
			return FL_APP_STATSD;
		break;
	case 161:
	case 162:
		if (size > 8 && data[0] == 0x30)
			return FL_APP_SNMP;
		break;
	default:
		break;
	}
	return fl_quic_probe(data, size) ? FL_APP_QUIC : FL_APP_UNKNOWN;
}
