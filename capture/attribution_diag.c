/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_diag.c - the table of sockets by netlink
 *
 * sock_diag(7), NETLINK_SOCK_DIAG: one dump for each of TCP and UDP, IPv4 and IPv6. Dumps need no privilege and tell the control group
 * of each socket, so services that are units or containers are told without looking into processes. What the kernel says
 * when sockets are destroyed (SKNLGRP_INET_TCP_DESTROY) is of no use: neither inode nor user nor control group are in it.
 *
 * Where messages of a dump were lost (ENOBUFS) the rest of it still comes, before the answer to the next question, whose numbers then do
 * not fit. So a dump that fails is counted, the socket is given up with all that waits in it, and the question is put once more to a new one.
 */
#include "capture/attribution_polled.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef INET_DIAG_CGROUP_ID
#define INET_DIAG_CGROUP_ID 21
#endif

enum { TIME_WAIT = 6, NEW_SYN_RECEIVED = 12, ANSWER_S = 2 };

struct diag {
	struct polled *polled;
	struct mnl_socket *table;
	uint8_t protocol;        /* of the dump that is read */
	uint32_t sequence;
	uint64_t failed;         /* dumps */
	_Alignas(struct nlmsghdr) char buffer[1 << 15];
};

static struct fl_addr address_of(uint8_t family, const uint32_t words[static 4])
{
	uint8_t bytes[16];
	static const uint8_t nothing[16];
	memcpy(bytes, words, sizeof(bytes));
	struct fl_addr a = family == AF_INET ? fl_addr_v4(bytes) : fl_addr_v6(bytes);
	bool any = memcmp(bytes, nothing, family == AF_INET ? 4 : 16) == 0;
	bool mapped_any = !any && fl_addr_is_v4(&a) && memcmp(a.bytes + 12, nothing, 4) == 0;
	return any || mapped_any ? (struct fl_addr){ { 0 } } : a;
}

/* Attributes of a message behind its fixed part; the control group is the one that is wanted. */
static int see_attribute(const struct nlattr *a, void *found)
{
	struct found_socket *s = found;
	if (mnl_attr_get_type(a) == INET_DIAG_CGROUP_ID && mnl_attr_validate(a, MNL_TYPE_U64) == 0)
		s->cgroup = mnl_attr_get_u64(a);
	return MNL_CB_OK;
}

static bool read_socket(const struct nlmsghdr *h, uint8_t protocol, struct found_socket *s)
{
	struct inet_diag_msg m;
	if (mnl_nlmsg_get_payload_len(h) < sizeof(m))
		return false;
	memcpy(&m, mnl_nlmsg_get_payload(h), sizeof(m));
	if (m.idiag_family != AF_INET && m.idiag_family != AF_INET6)
		return false;
	*s = (struct found_socket){
		.local = address_of(m.idiag_family, m.id.idiag_src), .remote = address_of(m.idiag_family, m.id.idiag_dst),
		.local_port = ntohs(m.id.idiag_sport), .remote_port = ntohs(m.id.idiag_dport), .uid = m.idiag_uid,
		.id = (uint64_t)m.id.idiag_cookie[1] << 32 | m.id.idiag_cookie[0], .inode = m.idiag_inode,
		.transport = protocol, .state = m.idiag_state,
	};
	(void)mnl_attr_parse(h, sizeof(m), see_attribute, s);
	return true;
}

static int on_socket(const struct nlmsghdr *h, void *context)
{
	struct diag *d = context;
	struct found_socket s;
	if (read_socket(h, d->protocol, &s))
		polled_see(d->polled, &s);
	return MNL_CB_OK;
}

static bool open_table(struct diag *d)
{
	struct timeval wait = { .tv_sec = ANSWER_S };
	if (d->table)
		mnl_socket_close(d->table);
	d->table = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!d->table || mnl_socket_bind(d->table, 0, MNL_SOCKET_AUTOPID) < 0)
		return false;
	/* The end of a dump may be what was lost. */
	(void)setsockopt(mnl_socket_get_fd(d->table), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return true;
}

static bool dump(struct diag *d, uint8_t family, uint8_t protocol)
{
	struct inet_diag_req_v2 r = { .sdiag_family = family, .sdiag_protocol = protocol,
				      .idiag_states = ~(1u << TIME_WAIT | 1u << NEW_SYN_RECEIVED) };
	struct nlmsghdr *h = mnl_nlmsg_put_header(d->buffer);
	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++d->sequence;
	memcpy(mnl_nlmsg_put_extra_header(h, sizeof(r)), &r, sizeof(r));
	d->protocol = protocol;
	if (!d->table || mnl_socket_sendto(d->table, h, h->nlmsg_len) < 0)
		return false;
	int status = MNL_CB_OK;
	while (status > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(d->table, d->buffer, sizeof(d->buffer));
		if (n <= 0)
			return false;
		status = mnl_cb_run(d->buffer, (size_t)n, d->sequence, mnl_socket_get_portid(d->table), on_socket, d);
	}
	return status == MNL_CB_STOP;
}

static bool dump_surely(struct diag *d, uint8_t family, uint8_t protocol)
{
	if (dump(d, family, protocol))
		return true;
	d->failed++;
	return open_table(d) && dump(d, family, protocol);
}

static bool look(void *context, struct polled *p)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 }, protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	bool worked = true;
	(void)p;
	for (size_t f = 0; f < FL_ARRAY_LEN(families); f++)
		for (size_t i = 0; i < FL_ARRAY_LEN(protocols); i++)
			worked = dump_surely(context, families[f], protocols[i]) && worked;
	return worked;
}

/* ---- the way ---- */

static void diag_close(void *self)
{
	struct diag *d = self;
	if (!d)
		return;
	if (d->table)
		mnl_socket_close(d->table);
	polled_free(d->polled);
	free(d);
}

static void *diag_open(struct fl_namer *namer, char why[static 192])
{
	struct diag *d = fl_alloc(sizeof(*d));
	if (!open_table(d)) {
		snprintf(why, 192, "the table of sockets cannot be asked by netlink: %s", strerror(errno));
		diag_close(d);
		return NULL;
	}
	d->polled = polled_new(namer, look, d);
	return d;
}

static int diag_fd(const void *self)
{
	return polled_timer(((const struct diag *)self)->polled);
}

static void diag_poll(void *self, const struct owner_sink *sink)
{
	polled_poll(((struct diag *)self)->polled, sink, false);
}

static void diag_finish(void *self, const struct owner_sink *sink)
{
	polled_poll(((struct diag *)self)->polled, sink, true);
}

static uint64_t diag_lost(const void *self)
{
	const struct diag *d = self;
	return polled_late(d->polled) + d->failed;
}

const struct attribution_way attribution_diag = { "sock-diag", diag_open, diag_close, diag_fd, diag_poll, diag_finish, diag_lost };
