/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application.c - signatures of application protocols: names, and what datagrams say
 *
 * One small predicate per protocol over the first bytes; the first that fits wins, so the strict ones
 * stand first. A signature must hold at least three bytes that random data would not
 * have, so that one datagram or stream in many millions is misread; where a protocol has less, the port is asked, too.
 * The sources are cited at each predicate.
 */
#include "application_internal.h"

#include "faultline/dtls.h"
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
		[FL_APP_DHCP] = "dhcp",       [FL_APP_SNMP] = "snmp",       [FL_APP_KAFKA] = "kafka",
		[FL_APP_CASSANDRA] = "cassandra", [FL_APP_KERBEROS] = "kerberos", [FL_APP_POP3] = "pop3",
		[FL_APP_FTP] = "ftp",         [FL_APP_RPC] = "rpc",         [FL_APP_NFS] = "nfs",
		[FL_APP_RDP] = "rdp",         [FL_APP_SIP] = "sip",         [FL_APP_SSDP] = "ssdp",
		[FL_APP_RADIUS] = "radius",   [FL_APP_STUN] = "stun",       [FL_APP_DTLS] = "dtls",
		[FL_APP_ZOOKEEPER] = "zookeeper", [FL_APP_SMB] = "smb",     [FL_APP_XMPP] = "xmpp",
		[FL_APP_TELNET] = "telnet",   [FL_APP_MSSQL] = "mssql",     [FL_APP_ORACLE] = "oracle",
		[FL_APP_SOCKS] = "socks",     [FL_APP_RTSP] = "rtsp",       [FL_APP_IRC] = "irc",
		[FL_APP_VNC] = "vnc",         [FL_APP_BGP] = "bgp",         [FL_APP_NNTP] = "nntp",
		[FL_APP_GRAPHITE] = "graphite", [FL_APP_INFLUXDB] = "influxdb", [FL_APP_WIREGUARD] = "wireguard",
		[FL_APP_OPENVPN] = "openvpn", [FL_APP_TFTP] = "tftp",
	};
	_Static_assert(FL_ARRAY_LEN(names) == FL_APP_COUNT, "a name for every application");
	return names[a];
}

/* ---- told of streams, too ---- */

/* RFC 4120 section 5.4: an application tag, a SEQUENCE, then [0] or [1] the version, 5, then the message type,
 * which repeats the tag. */
bool signature_kerberos(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t tag = fl_read_u8(&r);
	read_der_length(&r);
	uint8_t sequence = fl_read_u8(&r);
	read_der_length(&r);
	uint8_t version_tag = fl_read_u8(&r);
	uint32_t version = fl_read_be32(&r);
	fl_read_skip(&r, 1);
	uint32_t type = fl_read_be32(&r);
	return !r.failed && (tag & 0xe0) == 0x60 && sequence == 0x30 && (version_tag == 0xa0 || version_tag == 0xa1) &&
	       version == 0x03020105 && type == (0x03020100u | (tag & 0x1f));
}

/* RFC 3261 section 7: a method and a SIP URI, or a status line. */
bool signature_sip(const uint8_t *data, size_t size)
{
	static const char *const methods[] = { "INVITE ", "REGISTER ", "OPTIONS ", "ACK ", "BYE ", "CANCEL ",
					       "SUBSCRIBE ", "NOTIFY ", "MESSAGE ", "INFO ", "PRACK ", "UPDATE ",
					       "REFER ", "PUBLISH " };
	if (starts_with(data, size, "SIP/2.0 "))
		return true;
	for (size_t i = 0; i < FL_ARRAY_LEN(methods); i++) {
		size_t length = strlen(methods[i]);
		if (!starts_with(data, size, methods[i]))
			continue;
		return starts_with(data + length, size - length, "sip:") || starts_with(data + length, size - length, "sips:") ||
		       starts_with(data + length, size - length, "tel:");
	}
	return false;
}

/* RFC 5531 section 9: transaction, CALL, version 2, program. */
enum fl_application signature_rpc(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	fl_read_skip(&r, 4);
	uint32_t call = fl_read_be32(&r), version = fl_read_be32(&r), program = fl_read_be32(&r);
	uint32_t program_version = fl_read_be32(&r), procedure = fl_read_be32(&r);
	if (r.failed || call != 0 || version != 2 || program < 100000 || program >= 0x60000000 || program_version > 255 || procedure > 4095)
		return FL_APP_UNKNOWN;
	/* nfs, mountd, nlockmgr */
	return program == 100003 || program == 100005 || program == 100021 ? FL_APP_NFS : FL_APP_RPC;
}

/* ---- datagrams ---- */

/* RFC 8489 section 5: the cookie, and a length that fits. */
static bool is_stun(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint16_t type = fl_read_be16(&r), length = fl_read_be16(&r);
	return fl_read_be32(&r) == 0x2112a442 && type >> 14 == 0 && length % 4 == 0 && size == 20u + length;
}

/* RFC 2131 section 3: the cookie behind the fixed fields. */
static bool is_dhcp(const uint8_t *data, size_t size)
{
	return size >= 240 && (data[0] == 1 || data[0] == 2) && memcmp(data + 236, "\x63\x82\x53\x63", 4) == 0;
}

static bool is_ssdp(const uint8_t *data, size_t size)
{
	return starts_with(data, size, "M-SEARCH * HTTP/1.1\r\n") || starts_with(data, size, "NOTIFY * HTTP/1.1\r\n");
}

/* RFC 2865 section 3: a length that is the datagram's, and attributes that fill it. */
static bool is_radius(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t code = fl_read_u8(&r);
	fl_read_skip(&r, 1);
	uint16_t length = fl_read_be16(&r);
	fl_read_skip(&r, 16);
	if (r.failed || length != size || fl_reader_left(&r) < 6)
		return false;
	if (!((code >= 1 && code <= 5) || code == 11 || code == 12 || (code >= 40 && code <= 45)))
		return false;
	while (fl_reader_left(&r) > 0) {
		uint8_t type = fl_read_u8(&r), attribute = fl_read_u8(&r);
		if (type == 0 || attribute < 3)
			return false;
		fl_read_skip(&r, attribute - 2u);
	}
	return !r.failed;
}

/* RFC 3416, RFC 3412: SEQUENCE, version, then the community and a PDU, or for version 3 the header with a
 * four-octet or shorter message id. */
static bool is_snmp(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t tag = fl_read_u8(&r);
	size_t length = read_der_length(&r);
	if (tag != 0x30 || length != fl_reader_left(&r))
		return false;
	uint16_t integer = fl_read_be16(&r);
	uint8_t version = fl_read_u8(&r), next = fl_read_u8(&r);
	struct fl_reader part = fl_read_sub(&r, read_der_length(&r));
	if (integer != 0x0201 || r.failed)
		return false;
	if (version == 3)
		return next == 0x30 && fl_read_u8(&part) == 0x02;
	struct fl_slice community = fl_reader_rest(&part);
	uint8_t pdu = fl_read_u8(&r);
	return version <= 1 && next == 0x04 && is_printable_text(community.data, community.size) && !r.failed &&
	       pdu >= 0xa0 && pdu <= 0xa8;
}

/* RFC 5424 section 6, RFC 3164: a priority of at most 191 in brackets, then text. */
static bool is_syslog(const uint8_t *data, size_t size)
{
	unsigned priority = 0;
	size_t i = 1;
	if (size < 16 || data[0] != '<')
		return false;
	for (; i < 4 && data[i] >= '0' && data[i] <= '9'; i++)
		priority = priority * 10 + (unsigned)(data[i] - '0');
	return i > 1 && priority <= 191 && data[i] == '>' && is_printable_text(data + i + 1, 8);
}

static bool is_metric_name(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-' || c == '/';
}

/* "name:1|c" */
static bool is_statsd(const uint8_t *data, size_t size)
{
	size_t i = 0;
	while (i < size && is_metric_name(data[i]))
		i++;
	if (i < 3 || i + 4 > size || data[i] != ':')
		return false;
	size_t number = ++i;
	while (i < size && ((data[i] >= '0' && data[i] <= '9') || data[i] == '.' || data[i] == '-' || data[i] == '+'))
		i++;
	return i > number && i + 1 < size && data[i] == '|' && memchr("cgmhsd", data[i + 1], 6);
}

/* RFC 5905 section 7.3: version 1 to 4, mode 1 to 5, 48 octets and more. Too little to go without the port. */
static bool is_ntp(const uint8_t *data, size_t size)
{
	unsigned version = size ? data[0] >> 3 & 7u : 0, mode = size ? data[0] & 7u : 0;
	return size >= 48 && version >= 1 && version <= 4 && mode >= 1 && mode <= 5;
}

enum fl_application fl_application_udp(uint16_t port, const uint8_t *data, size_t size)
{
	static const struct {
		enum fl_application application;
		bool (*fits)(const uint8_t *data, size_t size);
	} signatures[] = {
		{ FL_APP_QUIC, fl_quic_probe },   { FL_APP_DTLS, fl_dtls_probe },   { FL_APP_STUN, is_stun },
		{ FL_APP_DHCP, is_dhcp },         { FL_APP_SSDP, is_ssdp },         { FL_APP_SIP, signature_sip },
		{ FL_APP_KERBEROS, signature_kerberos }, { FL_APP_SNMP, is_snmp },  { FL_APP_RADIUS, is_radius },
		{ FL_APP_SYSLOG, is_syslog },     { FL_APP_STATSD, is_statsd },     { FL_APP_RTSP, signature_rtsp },
		{ FL_APP_GRAPHITE, signature_graphite }, { FL_APP_INFLUXDB, signature_influx },
		{ FL_APP_WIREGUARD, signature_wireguard }, { FL_APP_OPENVPN, signature_openvpn }, { FL_APP_TFTP, signature_tftp },
	};
	if (port == 123 && is_ntp(data, size))
		return FL_APP_NTP;
	for (size_t i = 0; i < FL_ARRAY_LEN(signatures); i++)
		if (signatures[i].fits(data, size))
			return signatures[i].application;
	return signature_rpc(data, size);
}

enum fl_application fl_application_tcp(enum fl_side side, const uint8_t *data, size_t size)
{
	return size ? signature_of_stream(side, data, size) : FL_APP_UNKNOWN;
}
