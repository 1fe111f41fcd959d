/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic.h - made packets for tests of the scanner: connections, datagrams, DNS answers, hellos */
#ifndef FAULTLINE_TEST_TRAFFIC_H
#define FAULTLINE_TEST_TRAFFIC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/scanner.h"

#define SECOND INT64_C(1000000000)
#define T0 (INT64_C(1795000000) * SECOND)

struct net {
	struct fl_scanner *scanner;
	int64_t now; /* of the next packet; each takes 1 ms */
};

struct conn {
	struct fl_addr addr[2];
	uint16_t port[2];
	uint32_t seq[2];
};

static inline struct fl_addr ip(const char *text)
{
	struct fl_addr a = { { 0 } };
	if (!fl_addr_parse(text, &a))
		abort();
	return a;
}

static inline void mac_of(const struct fl_addr *a, uint8_t mac[6])
{
	memcpy(mac, "\x02\x00", 2);
	memcpy(mac + 2, a->bytes + 12, 4);
}

static inline void net_send(struct net *n, const struct conn *c, int side, uint8_t transport, uint8_t flags,
			    const void *data, size_t size)
{
	struct fl_packet p = { .time_ns = n->now, .len = (uint32_t)(54 + size), .transport = transport,
			       .has_mac = true, .tcp_flags = flags, .tcp_seq = c->seq[side],
			       .tcp_ack = flags & FL_TCP_ACK ? c->seq[!side] : 0, .tcp_window = 1000 };
	p.src = c->addr[side];
	p.dst = c->addr[!side];
	p.src_port = c->port[side];
	p.dst_port = c->port[!side];
	p.payload = (struct fl_slice){ data, size };
	p.payload_len = (uint32_t)size;
	mac_of(&p.src, p.src_mac);
	mac_of(&p.dst, p.dst_mac);
	n->now += SECOND / 1000;
	fl_scanner_packet(n->scanner, &p);
}

static inline struct conn tcp_conn(const char *client, uint16_t port, const char *server, uint16_t to)
{
	return (struct conn){ { ip(client), ip(server) }, { port, to }, { 1000, 5000 } };
}

static inline void tcp_syn(struct net *n, struct conn *c)
{
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_SYN, NULL, 0);
}

static inline void tcp_open(struct net *n, struct conn *c)
{
	tcp_syn(n, c);
	c->seq[0]++;
	net_send(n, c, 1, FL_TRANSPORT_TCP, FL_TCP_SYN | FL_TCP_ACK, NULL, 0);
	c->seq[1]++;
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_ACK, NULL, 0);
}

static inline void tcp_refuse(struct net *n, struct conn *c)
{
	tcp_syn(n, c);
	struct conn r = *c;
	r.seq[0]++;
	r.seq[1] = 0;
	net_send(n, &r, 1, FL_TRANSPORT_TCP, FL_TCP_RST | FL_TCP_ACK, NULL, 0);
}

static inline void tcp_say(struct net *n, struct conn *c, int side, const void *data, size_t size)
{
	net_send(n, c, side, FL_TRANSPORT_TCP, FL_TCP_ACK | FL_TCP_PSH, data, size);
	c->seq[side] += (uint32_t)size;
}

static inline void tcp_text(struct net *n, struct conn *c, int side, const char *text)
{
	tcp_say(n, c, side, text, strlen(text));
}

static inline void tcp_close(struct net *n, struct conn *c)
{
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_FIN | FL_TCP_ACK, NULL, 0);
	c->seq[0]++;
	net_send(n, c, 1, FL_TRANSPORT_TCP, FL_TCP_FIN | FL_TCP_ACK, NULL, 0);
	c->seq[1]++;
	net_send(n, c, 0, FL_TRANSPORT_TCP, FL_TCP_ACK, NULL, 0);
}

static inline size_t put_name(uint8_t *at, const char *name)
{
	size_t size = 0;
	while (*name) {
		size_t label = strcspn(name, ".");
		at[size++] = (uint8_t)label;
		memcpy(at + size, name, label);
		size += label;
		name += label + (name[label] == '.');
	}
	at[size++] = 0;
	return size;
}

/* The client asks its resolver for A of @name and gets @alias (or NULL) and @address. */
static inline void dns_lookup(struct net *n, const char *client, const char *resolver, const char *name,
			      const char *alias, const char *address)
{
	static uint16_t port = 30000;
	struct conn c = tcp_conn(client, ++port, resolver, 53);
	uint8_t m[512] = { 0x12, 0x34, 0x01, 0x00, 0, 1 };
	size_t size = 12, owner = 12;
	size += put_name(m + size, name);
	memcpy(m + size, "\0\1\0\1", 4);
	size += 4;
	net_send(n, &c, 0, FL_TRANSPORT_UDP, 0, m, size);
	m[2] = 0x81;
	m[3] = 0x80;
	if (alias) {
		m[7]++;
		memcpy(m + size, "\xc0\x0c\0\5\0\1\0\0\0\x3c", 10);
		size_t length = put_name(m + size + 12, alias);
		m[size + 10] = 0;
		m[size + 11] = (uint8_t)length;
		owner = size + 12;
		size += 12 + length;
	}
	if (address) {
		struct fl_addr a = ip(address);
		m[7]++;
		m[size++] = (uint8_t)(0xc0 | owner >> 8);
		m[size++] = (uint8_t)owner;
		memcpy(m + size, "\0\1\0\1\0\0\0\x3c\0\4", 10);
		memcpy(m + size + 10, a.bytes + 12, 4);
		size += 14;
	} else {
		m[3] = 0x83;
	}
	net_send(n, &c, 1, FL_TRANSPORT_UDP, 0, m, size);
}

/* A ClientHello with this SNI in one record; returns its size (below 256). */
static inline size_t put_hello(uint8_t *at, const char *sni)
{
	size_t name = strlen(sni), body = 2 + 32 + 1 + 4 + 2 + 2 + 4 + 5 + name;
	uint8_t *p = at;
	*p++ = 22, *p++ = 3, *p++ = 1, *p++ = 0, *p++ = (uint8_t)(body + 4);
	*p++ = 1, *p++ = 0, *p++ = 0, *p++ = (uint8_t)body;
	*p++ = 3, *p++ = 3;
	memset(p, 7, 32);
	p += 32;
	*p++ = 0;                                    /* session id */
	*p++ = 0, *p++ = 2, *p++ = 0x13, *p++ = 1;   /* cipher suites */
	*p++ = 1, *p++ = 0;                          /* compression */
	*p++ = 0, *p++ = (uint8_t)(4 + 5 + name);    /* extensions */
	*p++ = 0, *p++ = 0, *p++ = 0, *p++ = (uint8_t)(5 + name);
	*p++ = 0, *p++ = (uint8_t)(3 + name), *p++ = 0, *p++ = 0, *p++ = (uint8_t)name;
	memcpy(p, sni, name);
	return (size_t)(p - at) + name;
}

static inline void tls_record(struct net *n, struct conn *c, int side, uint8_t type, uint16_t size)
{
	uint8_t record[4096] = { type, 3, 3, (uint8_t)(size >> 8), (uint8_t)size };
	tcp_say(n, c, side, record, (size_t)size + 5);
}

static inline struct net net_new(const char *host, const char *const *internal_domains, FILE *flows)
{
	struct fl_scanner_options o = { .point = host, .source = "file", .memory = 16 << 20, .flows = flows };
	(void)internal_domains;
	return (struct net){ fl_scanner_new(&o), T0 };
}

static inline struct fl_scan *net_scan(struct net *n)
{
	struct fl_scan *scan = fl_scanner_finish(n->scanner);
	fl_scanner_free(n->scanner);
	n->scanner = NULL;
	return scan;
}

#endif
