/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application_tcp.c - signatures of what streams say first, and of requests in their middle
 *
 * See application.c. Protocols that frame their messages are known by any request: where the frame says how long it is, the
 * length must fit; where it holds SQL, it must begin with a word of SQL.
 */
#include "application_internal.h"

#include <strings.h>

/* ---- databases ---- */

static bool starts_sql(const uint8_t *data, size_t size)
{
	static const char *const words[] = { "select", "insert", "update", "delete", "begin", "commit", "rollback",
					     "set", "show", "with", "create", "alter", "drop", "start", "call",
					     "replace", "truncate", "explain", "copy", "listen", "use", "discard" };
	for (size_t i = 0; i < FL_ARRAY_LEN(words); i++) {
		size_t length = strlen(words[i]);
		if (size > length && strncasecmp((const char *)data, words[i], length) == 0 &&
		    (data[length] == ' ' || data[length] == ';' || data[length] == '\n' || data[length] == 0))
			return true;
	}
	return false;
}

/* PostgreSQL 15 manual section 55.7: start-up or cancel message: length, then protocol 3.x or a request code. Later
 * Query ('Q') and Parse ('P'): length, for Parse a name, then SQL. */
static bool is_postgresql(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	if (size && (data[0] == 'Q' || data[0] == 'P')) {
		fl_read_skip(&r, 1);
		uint32_t length = fl_read_be32(&r);
		if (length < 6 || length >> 24)
			return false;
		while (data[0] == 'P' && !r.failed && fl_read_u8(&r))
			;
		struct fl_slice text = fl_reader_rest(&r);
		return !r.failed && (starts_sql(text.data, text.size) || (length == 6 && text.size == 2 && !text.data[1]));
	}
	uint32_t length = fl_read_be32(&r), code = fl_read_be32(&r);
	if (r.failed || length < 8 || length > 10000)
		return false;
	uint8_t parameter = fl_read_u8(&r); /* the first one's name: "user" */
	return (code >> 16 == 3 && parameter >= 'A' && parameter <= 'z') || (code >= 80877102 && code <= 80877104);
}

/* AuthenticationOk, or a request for a password of a known kind. */
static bool is_postgresql_server(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t type = fl_read_u8(&r);
	uint32_t length = fl_read_be32(&r), kind = fl_read_be32(&r);
	bool exact = (kind == 5 && length == 12) || (kind >= 10 && kind <= 12 && length > 8 && length < 256) ||
		     (kind <= 9 && kind != 5 && length == 8);
	return !r.failed && type == 'R' && exact;
}

/* MySQL, "Protocol::HandshakeV10": length, sequence 0, protocol version 10, the server's version. */
static bool is_mysql_server(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint16_t length = fl_read_le16(&r);
	fl_read_skip(&r, 1);
	uint16_t start = fl_read_be16(&r);
	uint8_t digit = fl_read_u8(&r), next = fl_read_u8(&r);
	if (next >= '0' && next <= '9')
		next = fl_read_u8(&r);
	return !r.failed && data[2] == 0 && length < 1024 && start == 10 && digit >= '1' && digit <= '9' && next == '.';
}

/* "COM_QUERY" and "COM_STMT_PREPARE" with SQL, "COM_PING", "COM_QUIT": a packet of its own, sequence 0. "SSLRequest": the first one, with
 * 23 bytes of zero. */
static bool is_mysql_client(const uint8_t *data, size_t size)
{
	static const uint8_t filler[23];
	if (size >= 36 && memcmp(data, "\x20\0\0\1", 4) == 0 && (data[5] & 0x08) && memcmp(data + 13, filler, sizeof(filler)) == 0)
		return true;
	if (size < 5 || data[3] != 0)
		return false;
	size_t length = (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;
	if (length == 1)
		return size == 5 && (data[4] == 0x0e || data[4] == 0x01);
	return (data[4] == 0x03 || data[4] == 0x16) && size <= 4 + length && starts_sql(data + 5, size - 5);
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

/* Wire header: length, request id, response to, opcode: OP_MSG, OP_COMPRESSED, OP_QUERY and its kin. */
static bool is_mongodb(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint32_t length = fl_read_le32(&r);
	fl_read_skip(&r, 8);
	uint32_t opcode = fl_read_le32(&r);
	return !r.failed && length >= 16 && length <= 48000000 &&
	       (opcode == 2013 || opcode == 2012 || (opcode >= 2001 && opcode <= 2007));
}

/* CQL binary protocol 3 to 5: version, flags, stream, opcode of a request, length. */
static bool is_cassandra(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t version = fl_read_u8(&r), flags = fl_read_u8(&r);
	uint16_t stream = fl_read_be16(&r);
	uint8_t opcode = fl_read_u8(&r);
	uint32_t length = fl_read_be32(&r);
	if (r.failed || version < 3 || version > 5 || flags > 0x1f || stream >> 15 || length > 0xffff || opcode > 15)
		return false;
	const unsigned requests = 1u << 1 | 1u << 5 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 11 | 1u << 13 | 1u << 15;
	bool startup = opcode == 1 && fl_reader_left(&r) < 4;
	return (requests >> opcode & 1) && !startup && fl_reader_left(&r) <= length;
}

/* Protocol guide "Request Header": length, key, version, correlation, a client id (or null). */
static bool is_kafka(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint32_t length = fl_read_be32(&r);
	uint16_t key = fl_read_be16(&r), version = fl_read_be16(&r);
	fl_read_skip(&r, 4);
	uint16_t id = fl_read_be16(&r);
	if (r.failed || length < 10 || length > 104857600 || key > 92 || version > 20)
		return false;
	if (id == 0xffff)
		return fl_reader_left(&r) <= length && length < 4096;
	const uint8_t *text = fl_read_bytes(&r, id);
	return id >= 1 && id <= 255 && text && id + 10u <= length && is_printable_text(text, id);
}

/* ConnectRequest: length 44 or 45, version 0, zxid, time-out, session, a password of 16 bytes. */
static bool is_zookeeper(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint32_t length = fl_read_be32(&r), version = fl_read_be32(&r);
	fl_read_skip(&r, 20);
	uint32_t password = fl_read_be32(&r);
	return !r.failed && (length == 44 || length == 45) && version == 0 && password == 16;
}

static bool is_memcached(const uint8_t *data, size_t size)
{
	static const char *const commands[] = { "get ", "gets ", "set ", "add ", "delete ", "incr ", "decr ", "touch ",
						"replace ", "append ", "cas ", "stats\r\n", "version\r\n", "mg ", "ms " };
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++)
		if (starts_with(data, size, commands[i])) {
			const uint8_t *end = memchr(data, '\r', size);
			return end && is_printable_text(data, (size_t)(end - data));
		}
	return false;
}

/* Length of the extras that a request of the binary protocol has; -1: no request we know. */
static int memcached_extras(uint8_t opcode)
{
	switch (opcode & 0x0f) {
	case 1: case 2: case 3:
		return opcode < 0x20 ? 8 : 0;  /* set, add, replace; 0x21: SASL */
	case 5: case 6:
		return opcode < 0x20 ? 20 : -1; /* increment, decrement */
	default:
		return opcode <= 0x22 && (opcode & 0x0f) != 8 ? 0 : -1;
	}
}

/* Binary protocol: magic, opcode, key length, extras length, data type 0, vbucket, body length. Get and delete are
 * only a key; all else must at least hold key and extras, and a whole request must end with its segment. */
static bool is_memcached_binary(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t magic = fl_read_u8(&r), opcode = fl_read_u8(&r);
	uint16_t key = fl_read_be16(&r);
	uint8_t extras = fl_read_u8(&r), type = fl_read_u8(&r);
	fl_read_skip(&r, 2);
	uint32_t body = fl_read_be32(&r);
	fl_read_skip(&r, 12);
	if (r.failed || magic != 0x80 || type != 0 || key > 250 || extras != memcached_extras(opcode))
		return false;
	uint32_t least = (uint32_t)key + extras;
	bool only_key = opcode == 0 || opcode == 4 || opcode == 9 || opcode == 0x0c || opcode == 0x0d;
	if (body < least || body > 0x100000 || (only_key && (body != least || key == 0)))
		return false;
	size_t left = fl_reader_left(&r);
	return left <= body || r.at[body] == 0x80; /* the next request */
}

/* MS-TDS section 2.2.6.5: a packet of type PRELOGIN, its length, the option VERSION first. */
static bool is_mssql(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint16_t head = fl_read_be16(&r), length = fl_read_be16(&r), process = fl_read_be16(&r);
	fl_read_skip(&r, 2);
	uint8_t option = fl_read_u8(&r);
	return !r.failed && head == 0x1201 && length == size && process == 0 && option == 0;
}

/* TNS connect packet with a description in it. */
static bool is_oracle(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint16_t length = fl_read_be16(&r), check = fl_read_be16(&r), type = fl_read_be16(&r);
	return !r.failed && length >= 58 && check == 0 && type == 0x0100 && memmem(data, size, "(CONNECT_DATA=", 14);
}

/* ---- messages ---- */

/* AMQP 0-9-1 section 2.3.5: type, channel, size, payload, 0xce; of methods the class. AMQP 1.0 section 2.3.1:
 * size, offset 2, type 0, channel, a described performative. */
static bool is_amqp(const uint8_t *data, size_t size)
{
	if (starts_with(data, size, "AMQP"))
		return true;
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t type = fl_read_u8(&r);
	fl_read_skip(&r, 2);
	uint32_t length = fl_read_be32(&r);
	if (type == 8 && size == 8 && length == 0)
		return data[7] == 0xce;
	uint16_t class = fl_read_be16(&r), method = fl_read_be16(&r);
	if (!r.failed && type == 1 && length >= 4 && length < 131072 && size >= 7 + (size_t)length + 1)
		return class >= 10 && class <= 90 && class % 5 == 0 && method <= 120 && data[7 + length] == 0xce;
	return size >= 11 && data[0] == 0 && data[4] == 2 && data[5] == 0 && data[8] == 0 && data[9] == 0x53 &&
	       data[10] >= 0x10 && data[10] <= 0x18;
}

/* A topic that is text and has a level. */
static bool is_topic(struct fl_reader *r)
{
	uint16_t length = fl_read_be16(r);
	const uint8_t *topic = fl_read_bytes(r, length);
	return topic && length >= 3 && length <= 1024 && is_printable_text(topic, length) && memchr(topic, '/', length);
}

/* MQTT 3.1.1 sections 3.1, 3.3, 3.8: CONNECT with the protocol's name; PUBLISH and SUBSCRIBE alone in their segment. */
static bool is_mqtt(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t type = fl_read_u8(&r), byte;
	size_t left = 0;
	unsigned shift = 0;
	do {
		byte = fl_read_u8(&r);
		left |= (size_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 28);
	if (r.failed)
		return false;
	struct fl_slice rest = fl_reader_rest(&r);
	if (type == 0x10)
		return rest.size >= 8 &&
		       (memcmp(rest.data, "\0\4MQTT", 6) == 0 || memcmp(rest.data, "\0\6MQIsdp", 8) == 0);
	if (left != rest.size)
		return false;
	if (type == 0x82)
		fl_read_skip(&r, 2);
	else if (type >> 4 != 3 || (type & 6) == 6)
		return false;
	return is_topic(&r);
}

static bool is_nats_client(const uint8_t *data, size_t size)
{
	return starts_with(data, size, "CONNECT {");
}

static bool is_nats_server(const uint8_t *data, size_t size)
{
	return starts_with(data, size, "INFO {");
}

/* RFC 6120 section 4.2 */
static bool is_xmpp(const uint8_t *data, size_t size)
{
	size_t window = size < 128 ? size : 128;
	return size > 14 && data[0] == '<' && memmem(data, window, "<stream:stream", 14);
}

/* ---- mail and files ---- */

/* Is there @word in the first line? */
static bool line_has(const uint8_t *data, size_t size, const char *word)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t line = end ? (size_t)(end - data) : size, length = strlen(word);
	for (size_t i = 0; i + length <= line; i++)
		if (strncasecmp((const char *)data + i, word, length) == 0)
			return true;
	return false;
}

static bool is_greeting(const uint8_t *data, size_t size)
{
	return starts_with(data, size, "220 ") || starts_with(data, size, "220-");
}

static bool is_smtp_server(const uint8_t *data, size_t size)
{
	return is_greeting(data, size) && line_has(data, size, "smtp");
}

static bool is_ftp_server(const uint8_t *data, size_t size)
{
	return is_greeting(data, size) && line_has(data, size, "ftp");
}

static bool is_smtp_client(const uint8_t *data, size_t size)
{
	return starts_with(data, size, "EHLO ") || starts_with(data, size, "HELO ") || starts_with(data, size, "MAIL FROM:") ||
	       starts_with(data, size, "RCPT TO:");
}

static bool is_imap_server(const uint8_t *data, size_t size)
{
	return starts_with(data, size, "* OK ") || starts_with(data, size, "* PREAUTH ");
}

/* RFC 9051 section 2.2.1: a tag and a command. */
static bool is_imap_client(const uint8_t *data, size_t size)
{
	static const char *const commands[] = { "CAPABILITY\r\n", "LOGIN ", "AUTHENTICATE ", "SELECT ", "EXAMINE ",
						"UID ", "STARTTLS\r\n", "NOOP\r\n", "IDLE\r\n", "LIST ", "LOGOUT\r\n" };
	size_t i = 0;
	while (i < size && i < 12 && ((data[i] >= '0' && data[i] <= '9') || (data[i] | 0x20) >= 'a') && data[i] < 0x7f)
		i++;
	if (i < 1 || i >= size || data[i] != ' ')
		return false;
	for (size_t k = 0; k < FL_ARRAY_LEN(commands); k++) {
		size_t length = strlen(commands[k]);
		if (size - i - 1 >= length && strncasecmp((const char *)data + i + 1, commands[k], length) == 0)
			return true;
	}
	return false;
}

/* RFC 1939 section 4. Redis answers "+OK" as well, but with nothing behind. */
static bool is_pop3_server(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\r', size);
	return starts_with(data, size, "+OK ") && end && is_printable_text(data, (size_t)(end - data));
}

/* MS-CIFS, MS-SMB2: NetBIOS length, then 0xff or 0xfe and "SMB". */
static bool is_smb(const uint8_t *data, size_t size)
{
	return size >= 8 && data[0] == 0 && data[4] >= 0xfe && memcmp(data + 5, "SMB", 3) == 0;
}

/* Record mark, then a call. */
static enum fl_application rpc_record(const uint8_t *data, size_t size)
{
	bool last = size > 4 && data[0] == 0x80;
	return last ? signature_rpc(data + 4, size - 4) : FL_APP_UNKNOWN;
}

static bool is_nfs(const uint8_t *data, size_t size)
{
	return rpc_record(data, size) == FL_APP_NFS;
}

static bool is_rpc(const uint8_t *data, size_t size)
{
	return rpc_record(data, size) == FL_APP_RPC;
}

/* ---- directories, terminals, the rest ---- */

/* RFC 4511 section 4.1.1: a SEQUENCE, a message id, then BindRequest, SearchRequest or ExtendedRequest. */
static bool is_ldap(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t sequence = fl_read_u8(&r), first = fl_read_u8(&r);
	if (first >= 0x80)
		fl_read_skip(&r, first & 0x7fu);
	uint8_t integer = fl_read_u8(&r), length = fl_read_u8(&r);
	fl_read_skip(&r, length);
	uint8_t tag = fl_read_u8(&r);
	return !r.failed && sequence == 0x30 && first <= 0x84 && integer == 2 && length >= 1 && length <= 4 &&
	       (tag == 0x60 || tag == 0x63 || tag == 0x77);
}

/* RFC 4120 section 7.2.2: a message behind its length. */
static bool is_kerberos_record(const uint8_t *data, size_t size)
{
	return size > 4 && data[0] == 0 && signature_kerberos(data + 4, size - 4);
}

static bool is_ssh(const uint8_t *data, size_t size)
{
	return starts_with(data, size, "SSH-2.0-") || starts_with(data, size, "SSH-1.");
}

static bool is_http2(const uint8_t *data, size_t size)
{
	return starts_with(data, size, "PRI * HTTP/2.0\r\n");
}

/* MS-RDPBCGR section 2.2.1.1: TPKT, X.224 connection request, then a cookie or the negotiation request. */
static bool is_rdp(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint16_t version = fl_read_be16(&r), length = fl_read_be16(&r);
	fl_read_skip(&r, 1);
	uint8_t request = fl_read_u8(&r);
	uint32_t references = fl_read_be32(&r);
	fl_read_skip(&r, 1);
	struct fl_slice rest = fl_reader_rest(&r);
	if (r.failed || version != 0x0300 || length != size || request != 0xe0 || references != 0)
		return false;
	return starts_with(rest.data, rest.size, "Cookie: ") ||
	       (rest.size >= 8 && memcmp(rest.data, "\1\0\x08\0", 4) == 0);
}

/* RFC 854: two commands that negotiate known options. */
static bool is_telnet(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < 6; i += 3)
		if (size < 6 || data[i] != 0xff || data[i + 1] < 0xfb || data[i + 1] == 0xff || data[i + 2] > 49)
			return false;
	return true;
}

static bool is_openvpn(const uint8_t *data, size_t size)
{
	return size > 2 && ((size_t)data[0] << 8 | data[1]) == size - 2 && signature_openvpn(data + 2, size - 2);
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
	{ FL_INITIATOR, FL_APP_LDAP, is_ldap },         { FL_INITIATOR, FL_APP_KERBEROS, is_kerberos_record },
	{ FL_INITIATOR, FL_APP_MYSQL, is_mysql_client }, { FL_INITIATOR, FL_APP_SMB, is_smb },
	{ FL_INITIATOR, FL_APP_RDP, is_rdp },           { FL_INITIATOR, FL_APP_MSSQL, is_mssql },
	{ FL_INITIATOR, FL_APP_NFS, is_nfs },           { FL_INITIATOR, FL_APP_RPC, is_rpc },
	{ FL_INITIATOR, FL_APP_ORACLE, is_oracle },     { FL_INITIATOR, FL_APP_ZOOKEEPER, is_zookeeper },
	{ FL_INITIATOR, FL_APP_KAFKA, is_kafka },       { FL_INITIATOR, FL_APP_CASSANDRA, is_cassandra },
	{ FL_INITIATOR, FL_APP_MEMCACHED, is_memcached_binary }, { FL_INITIATOR, FL_APP_MEMCACHED, is_memcached },
	{ FL_INITIATOR, FL_APP_SIP, signature_sip },    { FL_INITIATOR, FL_APP_XMPP, is_xmpp },
	{ FL_INITIATOR, FL_APP_SMTP, is_smtp_client },  { FL_INITIATOR, FL_APP_IMAP, is_imap_client },
	{ FL_INITIATOR, FL_APP_TELNET, is_telnet },     { FL_INITIATOR, FL_APP_RTSP, signature_rtsp },
	{ FL_INITIATOR, FL_APP_IRC, signature_irc },    { FL_INITIATOR, FL_APP_VNC, signature_vnc },
	{ FL_INITIATOR, FL_APP_BGP, signature_bgp },    { FL_INITIATOR, FL_APP_NNTP, signature_nntp },
	{ FL_INITIATOR, FL_APP_GRAPHITE, signature_graphite }, { FL_INITIATOR, FL_APP_INFLUXDB, signature_influx },
	{ FL_INITIATOR, FL_APP_OPENVPN, is_openvpn },
	{ FL_RESPONDER, FL_APP_SSH, is_ssh },           { FL_RESPONDER, FL_APP_MYSQL, is_mysql_server },
	{ FL_RESPONDER, FL_APP_SMTP, is_smtp_server },  { FL_RESPONDER, FL_APP_FTP, is_ftp_server },
	{ FL_RESPONDER, FL_APP_IMAP, is_imap_server },  { FL_RESPONDER, FL_APP_POP3, is_pop3_server },
	{ FL_RESPONDER, FL_APP_NATS, is_nats_server },  { FL_RESPONDER, FL_APP_POSTGRESQL, is_postgresql_server },
	{ FL_RESPONDER, FL_APP_TELNET, is_telnet },     { FL_RESPONDER, FL_APP_XMPP, is_xmpp },
	{ FL_RESPONDER, FL_APP_RTSP, signature_rtsp },  { FL_RESPONDER, FL_APP_IRC, signature_irc },
	{ FL_RESPONDER, FL_APP_VNC, signature_vnc },    { FL_RESPONDER, FL_APP_BGP, signature_bgp },
	{ FL_RESPONDER, FL_APP_NNTP, signature_nntp },
};

enum fl_application signature_of_stream(enum fl_side side, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(signatures); i++)
		if (signatures[i].side == side && signatures[i].fits(data, size))
			return signatures[i].application;
	return FL_APP_UNKNOWN;
}
