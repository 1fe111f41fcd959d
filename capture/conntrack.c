/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conntrack.c - which connections this machine translates
 *
 * The kernel's table of tracked connections has two tuples for each: as the initiator sends, and as the responder answers
 * (nfnetlink_conntrack). Where the second is not the mirror of the first an address or port was translated. Only those are
 * told: the dump filters here, the events are of all new connections. Where events were lost the table is asked again: what they told of
 * is in it, but for what has ended since.
 */
#include "capture/conntrack.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { EVENTS_MAX = 4096, ANSWER_S = 2 };
static const int64_t ask_again_ns = INT64_C(5) * 1000000000;

struct conntrack {
	struct mnl_socket *table, *events;
	const struct owner_sink *sink; /* while messages are read */
	uint32_t netns, sequence;
	uint64_t lost;
	int64_t asked_ns;        /* monotonic; 0: never */
	bool incomplete;         /* what is known is not all that the table has */
	_Alignas(struct nlmsghdr) char buffer[1 << 15];
};

struct tuple {
	struct fl_addr src, dst;
	uint16_t src_port, dst_port;
	uint8_t transport;
};

static int see_address(const struct nlattr *a, void *into)
{
	struct tuple *t = into;
	uint16_t type = mnl_attr_get_type(a), size = mnl_attr_get_payload_len(a);
	uint8_t bytes[16];
	bool v4 = type == CTA_IP_V4_SRC || type == CTA_IP_V4_DST, v6 = type == CTA_IP_V6_SRC || type == CTA_IP_V6_DST;
	if (!(v4 && size == 4) && !(v6 && size == 16))
		return MNL_CB_OK;
	memcpy(bytes, mnl_attr_get_payload(a), size);
	struct fl_addr address = v4 ? fl_addr_v4(bytes) : fl_addr_v6(bytes);
	if (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC)
		t->src = address;
	else
		t->dst = address;
	return MNL_CB_OK;
}

static int see_protocol(const struct nlattr *a, void *into)
{
	struct tuple *t = into;
	uint16_t type = mnl_attr_get_type(a), size = mnl_attr_get_payload_len(a);
	if (type == CTA_PROTO_NUM && size == 1)
		t->transport = mnl_attr_get_u8(a);
	else if (type == CTA_PROTO_SRC_PORT && size == 2)
		t->src_port = ntohs(mnl_attr_get_u16(a));
	else if (type == CTA_PROTO_DST_PORT && size == 2)
		t->dst_port = ntohs(mnl_attr_get_u16(a));
	return MNL_CB_OK;
}

static int see_part(const struct nlattr *a, void *into)
{
	uint16_t type = mnl_attr_get_type(a);
	if (type == CTA_TUPLE_IP)
		(void)mnl_attr_parse_nested(a, see_address, into);
	else if (type == CTA_TUPLE_PROTO)
		(void)mnl_attr_parse_nested(a, see_protocol, into);
	return MNL_CB_OK;
}

struct ways {
	struct tuple there, back;
};

static int see_tuple(const struct nlattr *a, void *into)
{
	struct ways *w = into;
	uint16_t type = mnl_attr_get_type(a);
	if (type == CTA_TUPLE_ORIG)
		(void)mnl_attr_parse_nested(a, see_part, &w->there);
	else if (type == CTA_TUPLE_REPLY)
		(void)mnl_attr_parse_nested(a, see_part, &w->back);
	return MNL_CB_OK;
}

static bool is_translated(const struct ways *w)
{
	const struct tuple *t = &w->there, *b = &w->back;
	bool ports = (t->transport == IPPROTO_TCP || t->transport == IPPROTO_UDP) && t->src_port && b->src_port;
	return ports && !(fl_addr_equal(&t->src, &b->dst) && fl_addr_equal(&t->dst, &b->src) && t->src_port == b->dst_port &&
			  t->dst_port == b->src_port);
}

static int on_connection(const struct nlmsghdr *h, void *context)
{
	struct conntrack *c = context;
	struct ways w = { .there = { .transport = 0 } };
	if (mnl_nlmsg_get_payload_len(h) < sizeof(struct nfgenmsg))
		return MNL_CB_OK;
	(void)mnl_attr_parse(h, sizeof(struct nfgenmsg), see_tuple, &w);
	if (!is_translated(&w))
		return MNL_CB_OK;
	struct fl_owner_record r = {
		.kind = FL_OWNER_TRANSLATION, .netns = c->netns, .transport = w.there.transport, .since_ns = attribution_now(),
		.local = w.there.src, .remote = w.there.dst, .local_port = w.there.src_port, .remote_port = w.there.dst_port,
		.far_local = w.back.dst, .far_remote = w.back.src, .far_local_port = w.back.dst_port,
		.far_remote_port = w.back.src_port,
	};
	c->sink->found(c->sink->context, &r);
	return MNL_CB_OK;
}

static int ask(struct conntrack *c, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(c->buffer);
	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++c->sequence;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return mnl_socket_sendto(c->table, h, h->nlmsg_len) < 0 ? -errno : 0;
}

static int ignore(const struct nlmsghdr *h, void *context)
{
	(void)h;
	(void)context;
	return MNL_CB_OK;
}

/* Whole answer of ask(); @take for each entry. */
static int read_table(struct conntrack *c, mnl_cb_t take)
{
	int status = MNL_CB_OK;
	while (status > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(c->table, c->buffer, sizeof(c->buffer));
		if (n < 0)
			return -errno;
		errno = 0;
		status = mnl_cb_run(c->buffer, (size_t)n, c->sequence, mnl_socket_get_portid(c->table), take, c);
	}
	return status == MNL_CB_STOP ? 0 : errno ? -errno : -EPROTO;
}

/* Anew, without what may wait in the old one. */
static int open_table(struct conntrack *c)
{
	struct timeval wait = { .tv_sec = ANSWER_S };
	if (c->table)
		mnl_socket_close(c->table);
	c->table = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!c->table || mnl_socket_bind(c->table, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	(void)setsockopt(mnl_socket_get_fd(c->table), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return 0;
}

static int open_sockets(struct conntrack *c)
{
	int size = 2 << 20, status = open_table(c);
	if (status)
		return status;
	c->events = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!c->events ||
	    mnl_socket_bind(c->events, NF_NETLINK_CONNTRACK_NEW, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	(void)setsockopt(mnl_socket_get_fd(c->events), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* Whether there is such a table at all shows only now. */
	status = ask(c, AF_INET);
	return status ? status : read_table(c, ignore);
}

int conntrack_open(struct conntrack **out)
{
	struct conntrack *c = fl_alloc(sizeof(*c));
	int status = open_sockets(c);
	c->netns = attribution_netns(0, true);
	c->incomplete = true;
	*out = NULL;
	if (status) {
		conntrack_close(c);
		return status == -EPROTONOSUPPORT || status == -EINVAL || status == -EOPNOTSUPP ? -ENOENT : status;
	}
	*out = c;
	return 0;
}

void conntrack_close(struct conntrack *c)
{
	if (!c)
		return;
	if (c->table)
		mnl_socket_close(c->table);
	if (c->events)
		mnl_socket_close(c->events);
	free(c);
}

int conntrack_fd(const struct conntrack *c)
{
	return mnl_socket_get_fd(c->events);
}

static int64_t monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int dump(struct conntrack *c, uint8_t family)
{
	int status = c->table ? ask(c, family) : -EPROTO;
	return status ? status : read_table(c, on_connection);
}

/* Messages were lost, late, or of another question; not that there is no such table. */
static bool may_pass(int status)
{
	return status == -ENOBUFS || status == -EAGAIN || status == -EINTR || status == -EPROTO || status == -ENOMEM;
}

/* The table, when something is missing and it has rested. */
static void complete(struct conntrack *c)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	if (!c->incomplete || (c->asked_ns && monotonic() - c->asked_ns < ask_again_ns))
		return;
	c->incomplete = false;
	for (size_t i = 0; i < FL_ARRAY_LEN(families); i++) {
		int status = dump(c, families[i]);
		c->lost += status != 0;
		if (may_pass(status))
			status = open_table(c) == 0 ? dump(c, families[i]) : -EPROTO;
		c->incomplete |= may_pass(status);
	}
	c->asked_ns = monotonic();
}

void conntrack_poll(struct conntrack *c, const struct owner_sink *sink)
{
	c->sink = sink;
	for (int i = 0; i < EVENTS_MAX; i++) {
		ssize_t n = mnl_socket_recvfrom(c->events, c->buffer, sizeof(c->buffer));
		if (n < 0 && errno == ENOBUFS) {
			c->lost++;
			c->incomplete = true;
		} else if (n <= 0) {
			break;
		} else {
			(void)mnl_cb_run(c->buffer, (size_t)n, 0, 0, on_connection, c);
		}
	}
	complete(c);
	c->sink = NULL;
}

uint64_t conntrack_lost(const struct conntrack *c)
{
	return c->lost;
}
