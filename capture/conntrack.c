/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conntrack.c - which connections this machine translates
 *
 * The kernel's table of tracked connections has two tuples for each: as the initiator sends, and as the responder answers
 * (nfnetlink_conntrack). Where the second is not the mirror of the first an address or port was translated. Only those are
 * told: the dump filters here, the events are of all new connections. Where events were lost the table is asked again: what they told of
 * is in it, but for what has ended since.
 *
 * The table may be long. It is read in pieces, for at most a fraction of a second at a time: the kernel makes the next piece when one is
 * taken, so nothing is lost by leaving it for the next poll. What was not read to its end is said to be incomplete.
 */
#include "capture/conntrack.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 4096, ANSWER_US = 200000 };
static const int64_t ask_again_ns = INT64_C(5) * 1000000000, answer_ns = INT64_C(2) * 1000000000;
static const int64_t first_part_ns = INT64_C(200) * 1000000, part_ns = INT64_C(20) * 1000000;
static const uint8_t families[] = { AF_INET, AF_INET6 };

struct conntrack {
	struct mnl_socket *table, *events;
	const struct owner_sink *sink; /* while messages are read */
	uint32_t netns, sequence;
	uint64_t lost;
	int64_t asked_ns, heard_ns; /* monotonic; 0: never */
	size_t reading;          /* place in families of the part that is being read; FL_ARRAY_LEN(families): none is */
	unsigned failures;       /* since it was read to its end */
	bool incomplete;         /* what is known is not all that the table has */
	int epoll;               /* of both */
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

static int64_t monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int send_request(struct conntrack *c, uint16_t message, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(c->buffer);
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message);
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++c->sequence;
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return mnl_socket_sendto(c->table, h, h->nlmsg_len) < 0 ? -errno : 0;
}

/* One message of what was asked. 1: there is more, 0: that was all; -EAGAIN: nothing has come yet. */
static int read_piece(struct conntrack *c, mnl_cb_t take)
{
	ssize_t n = mnl_socket_recvfrom(c->table, c->buffer, sizeof(c->buffer));
	if (n < 0)
		return -errno;
	c->heard_ns = monotonic();
	errno = 0;
	int status = mnl_cb_run(c->buffer, (size_t)n, c->sequence, mnl_socket_get_portid(c->table), take, c);
	if (status < 0)
		return errno && errno != EAGAIN ? -errno : -EPROTO;
	return status > MNL_CB_STOP;
}

static int ignore(const struct nlmsghdr *h, void *context)
{
	(void)h;
	(void)context;
	return MNL_CB_OK;
}

/* Anew, without what may wait in the old one. */
static int open_table(struct conntrack *c)
{
	struct epoll_event e = { .events = EPOLLIN };
	if (c->table)
		mnl_socket_close(c->table);
	c->table = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!c->table || mnl_socket_bind(c->table, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, mnl_socket_get_fd(c->table), &e) != 0)
		return -errno;
	return 0;
}

/* Whether there is such a table at all shows when it is asked; how many entries it has is a short answer. */
static int try_table(struct conntrack *c)
{
	struct pollfd fd = { mnl_socket_get_fd(c->table), POLLIN, 0 };
	int status = send_request(c, IPCTNL_MSG_CT_GET_STATS, 0, AF_UNSPEC);
	if (status)
		return status;
	int64_t until = monotonic() + answer_ns;
	while ((status = read_piece(c, ignore)) == -EAGAIN && monotonic() < until)
		(void)poll(&fd, 1, ANSWER_US / 1000);
	return status < 0 ? status : 0;
}

static int open_sockets(struct conntrack *c)
{
	int size = 2 << 20;
	struct epoll_event e = { .events = EPOLLIN };
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	int status = c->epoll < 0 ? -errno : open_table(c);
	if (status)
		return status;
	c->events = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!c->events || mnl_socket_bind(c->events, NF_NETLINK_CONNTRACK_NEW, MNL_SOCKET_AUTOPID) < 0 ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, mnl_socket_get_fd(c->events), &e) != 0)
		return -errno;
	(void)setsockopt(mnl_socket_get_fd(c->events), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return try_table(c);
}

int conntrack_open(struct conntrack **out)
{
	struct conntrack *c = fl_alloc(sizeof(*c));
	c->reading = FL_ARRAY_LEN(families);
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
	if (c->epoll >= 0)
		close(c->epoll);
	free(c);
}

int conntrack_fd(const struct conntrack *c)
{
	return c->epoll;
}

/* Messages were lost, late, or of another question; not that there is no such table. */
static bool may_pass(int status)
{
	return status == -ENOBUFS || status == -EAGAIN || status == -EINTR || status == -EPROTO || status == -ENOMEM;
}

/* The first time it is tried again at once. */
static void give_up(struct conntrack *c, int status)
{
	c->lost++;
	c->failures++;
	c->reading = FL_ARRAY_LEN(families);
	c->incomplete = may_pass(status);
	if (c->failures == 1)
		c->asked_ns = 0;
	if (open_table(c) != 0)
		c->incomplete = true;
}

static void ask_for(struct conntrack *c, size_t part)
{
	c->reading = part;
	c->heard_ns = monotonic();
	int status = c->table ? send_request(c, IPCTNL_MSG_CT_GET, NLM_F_DUMP, families[part]) : -EPROTO;
	if (status)
		give_up(c, status);
}

/* Some of what is being read. */
static void read_on(struct conntrack *c, int64_t until_ns)
{
	int status = 1;
	while (c->reading < FL_ARRAY_LEN(families) && status >= 0 && monotonic() < until_ns) {
		status = read_piece(c, on_connection);
		if (status == 0 && c->reading + 1 < FL_ARRAY_LEN(families)) {
			ask_for(c, c->reading + 1);
		} else if (status == 0) {
			c->reading = FL_ARRAY_LEN(families);
			c->failures = 0;
		} else if (status < 0 && (status != -EAGAIN || monotonic() - c->heard_ns > answer_ns)) {
			give_up(c, status);
		}
	}
}

/* The table, when something is missing and it has rested. */
static void complete(struct conntrack *c)
{
	int64_t now = monotonic();
	bool first = !c->asked_ns;
	if (c->reading == FL_ARRAY_LEN(families) && c->incomplete && (!c->asked_ns || now - c->asked_ns >= ask_again_ns)) {
		c->incomplete = false;
		c->asked_ns = now;
		ask_for(c, 0);
	}
	read_on(c, now + (first ? first_part_ns : part_ns));
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

bool conntrack_complete(const struct conntrack *c)
{
	return !c->incomplete && c->reading == FL_ARRAY_LEN(families);
}
