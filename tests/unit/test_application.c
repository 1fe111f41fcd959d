/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_application.c - what protocols say first, and what only looks like it
 *
 * A row without application is a near miss of the row before it. Random bytes, and TLS records, must fit nothing.
 */
#include "unit.h"

#include <stdio.h>

#include "faultline/application.h"

#define BYTES(text) text, sizeof(text) - 1
#define TWENTY "01234567890123456789"

struct row {
	const char *name;
	enum fl_side side;
	const char *bytes;
	size_t size;
	enum fl_application application; /* UNKNOWN: none */
};

static const struct row streams[] = {
	{ "SSH", FL_INITIATOR, BYTES("SSH-2.0-OpenSSH_9\r\n"), FL_APP_SSH },
	{ "SSH of version 3 does not exist", FL_INITIATOR, BYTES("SSH-3.0-x\r\n"), FL_APP_UNKNOWN },
	{ "HTTP/2", FL_INITIATOR, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), FL_APP_HTTP2 },
	{ "PostgreSQL's start-up", FL_INITIATOR, BYTES("\0\0\0\x0d\0\3\0\0user\0"), FL_APP_POSTGRESQL },
	{ "PostgreSQL's SSLRequest", FL_INITIATOR, BYTES("\0\0\0\x08\4\xd2\x16\x2f"), FL_APP_POSTGRESQL },
	{ "protocol 4 of PostgreSQL does not exist", FL_INITIATOR, BYTES("\0\0\0\x0d\0\4\0\0user\0"), FL_APP_UNKNOWN },
	{ "PostgreSQL's Query in midstream", FL_INITIATOR, BYTES("Q\0\0\0\x0dselect 1\0"), FL_APP_POSTGRESQL },
	{ "a Q without SQL", FL_INITIATOR, BYTES("Q\0\0\0\x0dselected\0"), FL_APP_UNKNOWN },
	{ "PostgreSQL's Parse in midstream", FL_INITIATOR, BYTES("P\0\0\0\x14s1\0SELECT $1\0\0\0"), FL_APP_POSTGRESQL },
	{ "a Parse whose name does not end", FL_INITIATOR, BYTES("P\0\0\0\x14s1SELECT $1"), FL_APP_UNKNOWN },
	{ "PostgreSQL's answer", FL_RESPONDER, BYTES("R\0\0\0\x08\0\0\0\0S\0"), FL_APP_POSTGRESQL },
	{ "an R longer than its kind", FL_RESPONDER, BYTES("R\0\0\0\x10\0\0\0\0S\0"), FL_APP_UNKNOWN },
	{ "RTSP", FL_INITIATOR, BYTES("DESCRIBE rtsp://cam.example/1 RTSP/1.0\r\nCSeq: 1\r\n"), FL_APP_RTSP },
	{ "RTSP's answer", FL_RESPONDER, BYTES("RTSP/1.0 200 OK\r\n"), FL_APP_RTSP },
	{ "IRC", FL_INITIATOR, BYTES("NICK me\r\nUSER me 0 * :Me\r\n"), FL_APP_IRC },
	{ "IRC's server", FL_RESPONDER, BYTES(":irc.example NOTICE * :*** Looking up\r\n"), FL_APP_IRC },
	{ "a line with a colon in front", FL_RESPONDER, BYTES(":irc.example HELLO * :***\r\n"), FL_APP_UNKNOWN },
	{ "VNC", FL_RESPONDER, BYTES("RFB 003.008\n"), FL_APP_VNC },
	{ "BGP's KEEPALIVE", FL_INITIATOR, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x13\4"), FL_APP_BGP },
	{ "BGP's KEEPALIVE of 18 octets", FL_INITIATOR, BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x12\4"),
	  FL_APP_UNKNOWN },
	{ "NNTP's greeting", FL_RESPONDER, BYTES("200 news.example NNTP service ready\r\n"), FL_APP_NNTP },
	{ "NNTP's reader", FL_INITIATOR, BYTES("MODE READER\r\n"), FL_APP_NNTP },
	{ "Graphite", FL_INITIATOR, BYTES("shop.orders 12.5 1700000000\nshop.x 1 1700000000\n"), FL_APP_GRAPHITE },
	{ "Graphite without a time", FL_INITIATOR, BYTES("shop.orders 12.5\n"), FL_APP_UNKNOWN },
	{ "OpenVPN over TCP", FL_INITIATOR, BYTES("\0\x0e\x38" "01234567" "\0\0\0\0\0"), FL_APP_OPENVPN },
	{ "an R of unknown kind", FL_RESPONDER, BYTES("R\0\0\0\x08\0\0\1\0S\0"), FL_APP_UNKNOWN },
	{ "MySQL's greeting", FL_RESPONDER, BYTES("\x4a\0\0\0\x0a" "8.0.33\0"), FL_APP_MYSQL },
	{ "MariaDB's greeting", FL_RESPONDER, BYTES("\x4a\0\0\0\x0a" "11.2.2-MariaDB\0"), FL_APP_MYSQL },
	{ "a greeting of sequence 1", FL_RESPONDER, BYTES("\x4a\0\0\1\x0a" "8.0.33\0"), FL_APP_UNKNOWN },
	{ "MySQL's query in midstream", FL_INITIATOR, BYTES("\x09\0\0\0\3SELECT 1"), FL_APP_MYSQL },
	{ "MySQL's ping", FL_INITIATOR, BYTES("\1\0\0\0\x0e"), FL_APP_MYSQL },
	{ "a query that is longer than its packet", FL_INITIATOR, BYTES("\3\0\0\0\3SELECT 1"), FL_APP_UNKNOWN },
	{ "Redis", FL_INITIATOR, BYTES("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), FL_APP_REDIS },
	{ "an array of integers", FL_INITIATOR, BYTES("*2\r\n:3\r\n:1\r\n"), FL_APP_UNKNOWN },
	{ "MongoDB's message", FL_INITIATOR, BYTES("\x20\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0"), FL_APP_MONGODB },
	{ "a message shorter than its header", FL_INITIATOR, BYTES("\x0f\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0"),
	  FL_APP_UNKNOWN },
	{ "Cassandra's OPTIONS", FL_INITIATOR, BYTES("\4\0\0\0\5\0\0\0\0"), FL_APP_CASSANDRA },
	{ "Cassandra's QUERY", FL_INITIATOR, BYTES("\5\0\0\1\7\0\0\0\4\0\0\0\0"), FL_APP_CASSANDRA },
	{ "an opcode of Cassandra's answers", FL_INITIATOR, BYTES("\4\0\0\0\2\0\0\0\0"), FL_APP_UNKNOWN },
	{ "more than Cassandra's length", FL_INITIATOR, BYTES("\5\0\0\1\7\0\0\0\3\0\0\0\0"), FL_APP_UNKNOWN },
	{ "Kafka's ApiVersions", FL_INITIATOR, BYTES("\0\0\0\x12\0\x12\0\3\0\0\0\1\0\x08producer"), FL_APP_KAFKA },
	{ "Kafka's Fetch in midstream", FL_INITIATOR, BYTES("\0\0\0\x30\0\1\0\x0b\0\0\x10\1\0\3rdk" TWENTY TWENTY), FL_APP_KAFKA },
	{ "Kafka without client id", FL_INITIATOR, BYTES("\0\0\0\x0a\0\3\0\0\0\0\0\1\xff\xff"), FL_APP_KAFKA },
	{ "a key beyond Kafka's", FL_INITIATOR, BYTES("\0\0\0\x12\1\x12\0\3\0\0\0\1\0\x08producer"), FL_APP_UNKNOWN },
	{ "a client id that is no text", FL_INITIATOR, BYTES("\0\0\0\x12\0\x12\0\3\0\0\0\1\0\x08produ\1er"), FL_APP_UNKNOWN },
	{ "ZooKeeper", FL_INITIATOR, BYTES("\0\0\0\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30\0\0\0\0\0\0\0\0\0\0\0\x10" TWENTY), FL_APP_ZOOKEEPER },
	{ "memcached's get", FL_INITIATOR, BYTES("get key\r\n"), FL_APP_MEMCACHED },
	{ "get without an end", FL_INITIATOR, BYTES("get key"), FL_APP_UNKNOWN },
	{ "memcached's binary get", FL_INITIATOR, BYTES("\x80\0\0\3\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0key"), FL_APP_MEMCACHED },
	{ "a binary get whose key is longer than its body", FL_INITIATOR,
	  BYTES("\x80\0\0\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0key"), FL_APP_UNKNOWN },
	{ "two binary gets", FL_INITIATOR, BYTES("\x80\x0c\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0k\x80\x0a"), FL_APP_MEMCACHED },
	{ "memcached's binary set", FL_INITIATOR,
	  BYTES("\x80\1\0\1\x08\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0" "01234567kv"), FL_APP_MEMCACHED },
	{ "a binary set without extras", FL_INITIATOR,
	  BYTES("\x80\2\0\2\0\0\0\x53\0\0\0\x0d\0\0\x62\x60\xc7\x30\x88\xc5\xd0\xcc\xc8\x8c" "0123456789abc"), FL_APP_UNKNOWN },
	{ "AMQP", FL_INITIATOR, BYTES("AMQP\0\0\x09\1"), FL_APP_AMQP },
	{ "AMQP's method in midstream", FL_INITIATOR, BYTES("\1\0\1\0\0\0\5\0\x3c\0\x28\0\xce"), FL_APP_AMQP },
	{ "AMQP's heartbeat", FL_INITIATOR, BYTES("\x08\0\0\0\0\0\0\xce"), FL_APP_AMQP },
	{ "AMQP 1.0's transfer in midstream", FL_INITIATOR, BYTES("\0\0\0\x20\2\0\0\0\0\x53\x14\xc0"), FL_APP_AMQP },
	{ "a method without frame end", FL_INITIATOR, BYTES("\1\0\1\0\0\0\5\0\x3c\0\x28\0\xcd"), FL_APP_UNKNOWN },
	{ "MQTT's CONNECT", FL_INITIATOR, BYTES("\x10\x0e\0\4MQTT\4\2\0\x3c\0\2ab"), FL_APP_MQTT },
	{ "MQTT 3.1's CONNECT", FL_INITIATOR, BYTES("\x10\x10\0\6MQIsdp\3\2\0\x3c\0\2ab"), FL_APP_MQTT },
	{ "MQTT's PUBLISH in midstream", FL_INITIATOR, BYTES("\x30\x07\0\3a/bxy"), FL_APP_MQTT },
	{ "a PUBLISH that is longer than its segment", FL_INITIATOR, BYTES("\x30\x09\0\3a/bxy"), FL_APP_UNKNOWN },
	{ "MQTT's SUBSCRIBE", FL_INITIATOR, BYTES("\x82\x08\0\1\0\3a/b\0"), FL_APP_MQTT },
	{ "NATS", FL_INITIATOR, BYTES("CONNECT {\"verbose\":false}\r\n"), FL_APP_NATS },
	{ "NATS's server", FL_RESPONDER, BYTES("INFO {\"server_id\":\"x\"}\r\n"), FL_APP_NATS },
	{ "LDAP's bind", FL_INITIATOR, BYTES("\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"), FL_APP_LDAP },
	{ "LDAP's search with a long length", FL_INITIATOR, BYTES("\x30\x84\0\0\0\x0c\2\1\1\x63\7\2\1\3"), FL_APP_LDAP },
	{ "an LDAP answer from the client", FL_INITIATOR, BYTES("\x30\x0c\2\1\1\x61\7\2\1\3\4\0\x80\0"), FL_APP_UNKNOWN },
	{ "Kerberos", FL_INITIATOR, BYTES("\0\0\0\x20\x6a\x1e\x30\x1c\xa1\3\2\1\5\xa2\3\2\1\x0a" TWENTY), FL_APP_KERBEROS },
	{ "Kerberos of version 4", FL_INITIATOR, BYTES("\0\0\0\x20\x6a\x1e\x30\x1c\xa1\3\2\1\4\xa2\3\2\1\x0a" TWENTY), FL_APP_UNKNOWN },
	{ "SMTP's server", FL_RESPONDER, BYTES("220 mail.example ESMTP\r\n"), FL_APP_SMTP },
	{ "SMTP's client", FL_INITIATOR, BYTES("EHLO a.example\r\n"), FL_APP_SMTP },
	{ "FTP", FL_RESPONDER, BYTES("220 (vsFTPd 3.0.3)\r\n"), FL_APP_FTP },
	{ "a greeting of nobody", FL_RESPONDER, BYTES("220 welcome\r\nFTP\r\n"), FL_APP_UNKNOWN },
	{ "IMAP", FL_RESPONDER, BYTES("* OK IMAP4rev1 ready\r\n"), FL_APP_IMAP },
	{ "IMAP's client", FL_INITIATOR, BYTES("a001 LOGIN me secret\r\n"), FL_APP_IMAP },
	{ "a word of IMAP's without tag", FL_INITIATOR, BYTES(" LOGIN me secret\r\n"), FL_APP_UNKNOWN },
	{ "POP3", FL_RESPONDER, BYTES("+OK Dovecot ready.\r\n"), FL_APP_POP3 },
	{ "Redis's +OK is not POP3", FL_RESPONDER, BYTES("+OK\r\n"), FL_APP_UNKNOWN },
	{ "NFS", FL_INITIATOR, BYTES("\x80\0\0\x28\0\0\0\1\0\0\0\0\0\0\0\2\0\1\x86\xa3\0\0\0\3\0\0\0\0"), FL_APP_NFS },
	{ "portmapper", FL_INITIATOR, BYTES("\x80\0\0\x28\0\0\0\1\0\0\0\0\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0\3"), FL_APP_RPC },
	{ "an RPC answer", FL_INITIATOR, BYTES("\x80\0\0\x28\0\0\0\1\0\0\0\1\0\0\0\2\0\1\x86\xa0\0\0\0\2\0\0\0\3"), FL_APP_UNKNOWN },
	{ "RDP", FL_INITIATOR, BYTES("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"), FL_APP_RDP },
	{ "another protocol over TPKT", FL_INITIATOR, BYTES("\3\0\0\x13\x0e\xe0\0\0\0\1\0\xc1\2\1\0\xc2\2\1\2"), FL_APP_UNKNOWN },
	{ "SIP", FL_INITIATOR, BYTES("INVITE sip:bob@b.example SIP/2.0\r\n"), FL_APP_SIP },
	{ "an INVITE to nobody", FL_INITIATOR, BYTES("INVITE bob SIP/2.0\r\n"), FL_APP_UNKNOWN },
	{ "SMB", FL_INITIATOR, BYTES("\0\0\0\x45\xfeSMB\x40\0"), FL_APP_SMB },
	{ "XMPP", FL_INITIATOR, BYTES("<?xml version='1.0'?><stream:stream to='b.example'>"), FL_APP_XMPP },
	{ "XML", FL_INITIATOR, BYTES("<?xml version='1.0'?><steam:steam to='b.example'>"), FL_APP_UNKNOWN },
	{ "telnet", FL_RESPONDER, BYTES("\xff\xfd\x18\xff\xfd\x20"), FL_APP_TELNET },
	{ "telnet with an unknown option", FL_RESPONDER, BYTES("\xff\xfd\x18\xff\xfd\x60"), FL_APP_UNKNOWN },
	{ "SQL Server", FL_INITIATOR, BYTES("\x12\1\0\x0e\0\0\0\0\0\0\x1a\0\6\1"), FL_APP_MSSQL },
	{ "Oracle", FL_INITIATOR,
	  BYTES("\0\x60\0\0\1\0\0\0\1\x36\1\x2c(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=x)))"), FL_APP_ORACLE },
	{ "nothing", FL_INITIATOR, BYTES(""), FL_APP_UNKNOWN },
	{ "a TLS hello", FL_INITIATOR, BYTES("\x16\3\1\2\0\1\0\1\xfc\3\3" TWENTY), FL_APP_UNKNOWN },
	{ "TLS data", FL_INITIATOR, BYTES("\x17\3\3\0\x14" TWENTY), FL_APP_UNKNOWN },
};

struct datagram_row {
	const char *name;
	uint16_t port;
	const char *bytes;
	size_t size;
	enum fl_application application;
};

static const struct datagram_row datagrams[] = {
	{ "NTP", 123, BYTES("\x23\0\0\0" TWENTY TWENTY "0123"), FL_APP_NTP },
	{ "NTP on another port is not told", 124, BYTES("\x23\0\0\0" TWENTY TWENTY "0123"), FL_APP_UNKNOWN },
	{ "NTP of version 7", 123, BYTES("\x3b\0\0\0" TWENTY TWENTY "0123"), FL_APP_UNKNOWN },
	{ "STUN on any port", 19302, BYTES("\0\1\0\0\x21\x12\xa4\x42" "0123456789ab"), FL_APP_STUN },
	{ "STUN with another cookie", 3478, BYTES("\0\1\0\0\x21\x12\xa4\x43" "0123456789ab"), FL_APP_UNKNOWN },
	{ "STUN with a wrong length", 3478, BYTES("\0\1\0\4\x21\x12\xa4\x42" "0123456789ab"), FL_APP_UNKNOWN },
	{ "RADIUS", 1812, BYTES("\1\7\0\x1a" "0123456789abcdef" "\1\6user"), FL_APP_RADIUS },
	{ "RADIUS with an attribute that ends elsewhere", 1812, BYTES("\1\7\0\x1a" "0123456789abcdef" "\1\7user"), FL_APP_UNKNOWN },
	{ "SNMP of version 2", 161, BYTES("\x30\x1a\2\1\1\4\6public\xa0\x0d" "0123456789abc"), FL_APP_SNMP },
	{ "SNMP of version 3", 161, BYTES("\x30\x0e\2\1\3\x30\7\2\5" "01234" "\4\0"), FL_APP_SNMP },
	{ "SNMP with a community that is no text", 161, BYTES("\x30\x1a\2\1\1\4\6publi\1\xa0\x0d" "0123456789abc"),
	  FL_APP_UNKNOWN },
	{ "syslog", 514, BYTES("<34>1 2003-10-11T22:14:15Z host su"), FL_APP_SYSLOG },
	{ "a priority beyond syslog's", 514, BYTES("<192>1 2003-10-11T22:14:15Z host su"), FL_APP_UNKNOWN },
	{ "statsd", 8125, BYTES("shop.orders:1|c"), FL_APP_STATSD },
	{ "statsd without a number", 8125, BYTES("shop.orders:|c"), FL_APP_UNKNOWN },
	{ "SSDP", 1900, BYTES("M-SEARCH * HTTP/1.1\r\nHost: x\r\n"), FL_APP_SSDP },
	{ "SIP", 5060, BYTES("OPTIONS sip:b.example SIP/2.0\r\n"), FL_APP_SIP },
	{ "Kerberos", 88, BYTES("\x6a\x1e\x30\x1c\xa1\3\2\1\5\xa2\3\2\1\x0a" TWENTY), FL_APP_KERBEROS },
	{ "Kerberos with another type than its tag", 88, BYTES("\x6a\x1e\x30\x1c\xa1\3\2\1\5\xa2\3\2\1\x0b" TWENTY),
	  FL_APP_UNKNOWN },
	{ "NFS", 2049, BYTES("\0\0\0\1\0\0\0\0\0\0\0\2\0\1\x86\xa3\0\0\0\3\0\0\0\0"), FL_APP_NFS },
	{ "DTLS", 4433, BYTES("\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x0c\1\0\0\0\0\0\0\0\0\0\0\0"), FL_APP_DTLS },
	{ "DTLS of another epoch", 4433, BYTES("\x16\xfe\xfd\0\1\0\0\0\0\0\0\0\x0c\1\0\0\0\0\0\0\0\0\0\0\0"), FL_APP_UNKNOWN },
	{ "WireGuard's first message", 51820, BYTES("\1\0\0\0" TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY "0123"), FL_APP_WIREGUARD },
	{ "WireGuard's first message, one byte short", 51820, BYTES("\1\0\0\0" TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY "012"),
	  FL_APP_UNKNOWN },
	{ "OpenVPN", 1194, BYTES("\x38" "01234567" "\0\0\0\0\0"), FL_APP_OPENVPN },
	{ "OpenVPN with a digest", 1194, BYTES("\x38" "01234567" TWENTY "\0\0\0\1" "time" "\0\0\0\0\0"), FL_APP_OPENVPN },
	{ "OpenVPN of another packet", 1194, BYTES("\x38" "01234567" "\0\0\0\0\1"), FL_APP_UNKNOWN },
	{ "TFTP", 69, BYTES("\0\1boot.img\0octet\0"), FL_APP_TFTP },
	{ "TFTP of an unknown mode", 69, BYTES("\0\1boot.img\0octal\0"), FL_APP_UNKNOWN },
	{ "Graphite over UDP", 2003, BYTES("shop.orders 12.5 1700000000\n"), FL_APP_GRAPHITE },
	{ "InfluxDB's line protocol", 8089, BYTES("cpu,host=a usage=0.5,idle=3i 1700000000000000000\n"), FL_APP_INFLUXDB },
	{ "a line without fields", 8089, BYTES("cpu,host=a usage 1700000000000000000\n"), FL_APP_UNKNOWN },
	{ "QUIC's version negotiation", 443, BYTES("\x80\0\0\0\0\1x\0\0\0\0\1"), FL_APP_QUIC },
	{ "a list of versions that nobody speaks", 443, BYTES("\x80\0\0\0\0\1x\0\0\0\0\0"), FL_APP_UNKNOWN },
	{ "QUIC", 443, BYTES("\xc0\0\0\0\1\1x\0\0\0"), FL_APP_QUIC },
	{ "nothing", 123, BYTES(""), FL_APP_UNKNOWN },
};

/* In memory of just this size, so that sanitizers see a byte too many. */
static enum fl_application told(bool stream, enum fl_side side, uint16_t port, const char *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	memcpy(copy, bytes, size);
	enum fl_application a = stream ? fl_application_tcp(side, copy, size) : fl_application_udp(port, copy, size);
	free(copy);
	return a;
}

static void stream_is_told(void **state)
{
	const struct row *row = *state;
	assert_int_equal(told(true, row->side, 0, row->bytes, row->size), row->application);
	for (size_t size = 0; size < row->size; size++)
		(void)told(true, row->side, 0, row->bytes, size);
}

static void datagram_is_told(void **state)
{
	const struct datagram_row *row = *state;
	assert_int_equal(told(false, FL_INITIATOR, row->port, row->bytes, row->size), row->application);
	for (size_t size = 0; size < row->size; size++)
		(void)told(false, FL_INITIATOR, row->port, row->bytes, size);
}

/* What one protocol says on one side or transport is no other's on another. */
static void no_protocol_is_taken_for_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(streams); i++) {
		const struct row *row = &streams[i];
		if (row->application == FL_APP_UNKNOWN)
			continue;
		for (int way = 0; way < 3; way++) {
			enum fl_application a = told(way < 2, way ? FL_RESPONDER : FL_INITIATOR, 4444, row->bytes, row->size);
			if (a != FL_APP_UNKNOWN && a != row->application)
				fail_msg("%s is %s", row->name, fl_application_name(a));
		}
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(datagrams); i++) {
		const struct datagram_row *row = &datagrams[i];
		for (int way = 0; way < 2 && row->application != FL_APP_UNKNOWN; way++) {
			enum fl_application a = told(true, way ? FL_RESPONDER : FL_INITIATOR, 0, row->bytes, row->size);
			if (a != FL_APP_UNKNOWN && a != row->application)
				fail_msg("%s is %s", row->name, fl_application_name(a));
		}
	}
}

static uint64_t random_state = 0x9e3779b97f4a7c15; /* xorshift64, Marsaglia 2003 */

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	return random_state ^= random_state << 17;
}

static void check_fits_nothing(const uint8_t *data, size_t size)
{
	assert_int_equal(fl_application_tcp(FL_INITIATOR, data, size), FL_APP_UNKNOWN);
	assert_int_equal(fl_application_tcp(FL_RESPONDER, data, size), FL_APP_UNKNOWN);
	assert_int_equal(fl_application_udp(4444, data, size), FL_APP_UNKNOWN);
}

static void random_bytes_fit_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 300000; i++) {
		uint64_t data[64];
		for (size_t k = 0; k < FL_ARRAY_LEN(data); k++)
			data[k] = next_random();
		check_fits_nothing((const uint8_t *)data, next_random() % (sizeof(data) + 1));
	}
}

static void encrypted_records_fit_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t data[32];
		for (size_t k = 0; k < FL_ARRAY_LEN(data); k++)
			data[k] = next_random();
		uint8_t *bytes = (uint8_t *)data;
		bytes[0] = (uint8_t)(20 + next_random() % 4);
		bytes[1] = 3;
		bytes[2] = (uint8_t)(next_random() % 4);
		bytes[3] = 0;
		check_fits_nothing(bytes, sizeof(data));
	}
}

static void every_application_has_a_name(void **state)
{
	(void)state;
	assert_null(fl_application_name(FL_APP_UNKNOWN));
	for (int a = FL_APP_UNKNOWN + 1; a < FL_APP_COUNT; a++)
		assert_non_null(fl_application_name((enum fl_application)a));
}

int main(void)
{
	static struct CMUnitTest tests[FL_ARRAY_LEN(streams) + FL_ARRAY_LEN(datagrams) + 4];
	size_t n = 0;
	for (size_t i = 0; i < FL_ARRAY_LEN(streams); i++)
		tests[n++] = (struct CMUnitTest){ .name = streams[i].name, .test_func = stream_is_told,
						  .initial_state = (void *)(uintptr_t)&streams[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(datagrams); i++)
		tests[n++] = (struct CMUnitTest){ .name = datagrams[i].name, .test_func = datagram_is_told,
						  .initial_state = (void *)(uintptr_t)&datagrams[i] };
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(no_protocol_is_taken_for_another);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(random_bytes_fit_nothing);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(encrypted_records_fit_nothing);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_application_has_a_name);
	return cmocka_run_group_tests_name("application", tests, NULL, NULL);
}
