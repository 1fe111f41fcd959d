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
};
enum { FL_APP_COUNT = FL_APP_SNMP + 1 };

/* "http", "postgresql" ...; NULL for UNKNOWN. */
const char *fl_application_name(enum fl_application a);

/* By the first payload that one side sent. UNKNOWN when it fits no signature, or not enough of
 * it is there. TLS, HTTP and DNS have parsers of their own and are not told here. */
enum fl_application fl_application_tcp(enum fl_side side, const uint8_t *data, size_t size);
/* Datagrams need their ports too: many protocols have no magic. @port: the responder's. */
enum fl_application fl_application_udp(uint16_t port, const uint8_t *data, size_t size);

#endif
