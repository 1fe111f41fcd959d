/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * application.h - the protocol a flow speaks, told by what is said
 */
#ifndef FAULTLINE_APPLICATION_H
#define FAULTLINE_APPLICATION_H

#include "faultline/flow.h"

enum fl_application {
	FL_APP_UNKNOWN,
	FL_APP_TLS, FL_APP_HTTP, FL_APP_HTTP2, FL_APP_DNS, FL_APP_QUIC, FL_APP_POSTGRESQL, FL_APP_MYSQL,
	FL_APP_REDIS, FL_APP_MONGODB, FL_APP_AMQP, FL_APP_MQTT, FL_APP_SSH, FL_APP_SMTP, FL_APP_IMAP, FL_APP_LDAP,
	FL_APP_MEMCACHED, FL_APP_NATS, FL_APP_NTP, FL_APP_SYSLOG, FL_APP_STATSD, FL_APP_DHCP, FL_APP_SNMP,
	FL_APP_KAFKA, FL_APP_CASSANDRA, FL_APP_KERBEROS, FL_APP_POP3, FL_APP_FTP, FL_APP_RPC, FL_APP_NFS, FL_APP_RDP,
	FL_APP_SIP, FL_APP_SSDP, FL_APP_RADIUS, FL_APP_STUN, FL_APP_DTLS, FL_APP_ZOOKEEPER, FL_APP_SMB, FL_APP_XMPP,
	FL_APP_TELNET, FL_APP_MSSQL, FL_APP_ORACLE, FL_APP_SOCKS, FL_APP_RTSP, FL_APP_IRC, FL_APP_VNC, FL_APP_BGP, FL_APP_NNTP,
	FL_APP_GRAPHITE, FL_APP_INFLUXDB, FL_APP_WIREGUARD, FL_APP_OPENVPN, FL_APP_TFTP,
};
enum { FL_APP_COUNT = FL_APP_TFTP + 1 };

/* "http", "postgresql" ...; NULL for UNKNOWN. */
const char *fl_application_name(enum fl_application a);

/* By the first payload that one side sent, or the first that was captured: requests in the middle of a connection
 * are known, too, where the protocol marks them. UNKNOWN when it fits no signature, or not enough of
 * it is there. TLS, HTTP and DNS have parsers of their own and are not told here. */
enum fl_application fl_application_tcp(enum fl_side side, const uint8_t *data, size_t size);
/* @port: the responder's; asked only for protocols that have no mark of their own (NTP). */
enum fl_application fl_application_udp(uint16_t port, const uint8_t *data, size_t size);

#endif
