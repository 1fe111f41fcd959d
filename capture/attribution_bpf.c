/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_bpf.c - the programs of attribution.bpf.c, loaded and listened to
 *
 * The programs are attached first and the files of all tasks walked afterwards, so nothing falls between; what both tell is told
 * by the walk first, and what the programs say replaces it. Two programs are a luxury: sockops (needs CAP_NET_ADMIN and a cgroup2
 * hierarchy) gives the port before the SYN leaves instead of when the answer comes, and the one for datagrams needs Linux 6.3.
 *
 * libbpf prints by itself; here it does not, a refusal becomes a reason in the state.
 */
#include "capture/attribution_internal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "capture/attribution_event.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "capture/attribution.skel.h"
#pragma GCC diagnostic pop

enum { READ_EVERY_NS = 10000000 };
enum { STATE_ESTABLISHED = 1, STATE_SYN_SENT = 2, STATE_SYN_RECV = 3, STATE_TIME_WAIT = 6, STATE_CLOSED = 7,
       STATE_LISTEN = 10 };

struct bpf_way {
	struct attribution_bpf *programs;
	struct ring_buffer *ring;
	struct fl_namer *namer;
	struct netns_addresses *addresses;
	const struct owner_sink *sink; /* while events are read */
	int64_t to_realtime_ns;        /* realtime - monotonic */
	bool walked;
	int cgroup, timer, epoll;
};

static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* ---- events to records ---- */

static struct fl_addr address_of(unsigned char family, const unsigned char bytes[static 16])
{
	static const uint8_t nothing[16];
	if (memcmp(bytes, nothing, sizeof(nothing)) == 0)
		return (struct fl_addr){ { 0 } };
	struct fl_addr a = family == AF_INET ? fl_addr_v4(bytes) : fl_addr_v6(bytes);
	/* A socket of both families without an address: ::ffff:0.0.0.0. */
	bool any = fl_addr_is_v4(&a) && memcmp(a.bytes + 12, nothing, 4) == 0;
	return any ? (struct fl_addr){ { 0 } } : a;
}

static struct fl_process process_of(const struct socket_event *e)
{
	struct fl_process p = { .pid = e->pid, .uid = e->uid, .cgroup = e->cgroup };
	memcpy(p.comm, e->comm, sizeof(e->comm));
	memcpy(p.exe, e->exe, sizeof(p.exe) - 1);
	p.args_size = e->args_size < sizeof(p.args) ? e->args_size : sizeof(p.args);
	memcpy(p.args, e->args, p.args_size);
	return p;
}

static bool was_answered(const struct socket_event *e)
{
	return e->transport == IPPROTO_TCP && e->state != STATE_SYN_SENT && e->state != STATE_SYN_RECV &&
	       e->state != STATE_CLOSED && e->state != STATE_LISTEN && e->state != 0;
}

static struct fl_owner_record record_of(const struct bpf_way *w, const struct socket_event *e)
{
	struct fl_owner_record r = {
		.local = address_of(e->family, e->local), .local_port = e->local_port, .netns = e->netns, .uid = e->uid,
		.since_ns = (int64_t)e->time_ns + w->to_realtime_ns, .transport = e->transport,
		.attribution = FL_ATTRIBUTION_EXACT, .established = was_answered(e),
		.kind = e->kind == EVENT_SOCKET ? FL_OWNER_SOCKET : FL_OWNER_CONNECTION,
	};
	if (r.kind == FL_OWNER_CONNECTION) {
		r.remote = address_of(e->family, e->remote);
		r.remote_port = e->remote_port;
	}
	return r;
}

static void tell(struct bpf_way *w, const struct socket_event *e, const struct fl_process *p, bool before, bool again)
{
	struct fl_owner_record r = record_of(w, e);
	netns_addresses_see(w->addresses, e->netns, e->pid, w->sink);
	fl_namer_name(w->namer, p, &r);
	r.before = before;
	r.again = again;
	w->sink->found(w->sink->context, &r);
}

static int on_event(void *context, void *data, size_t size)
{
	struct bpf_way *w = context;
	struct socket_event e;
	if (size < sizeof(e))
		return 0;
	memcpy(&e, data, sizeof(e));
	struct fl_process p = process_of(&e);
	tell(w, &e, &p, false, false);
	return 0;
}

/* What is there already; @again: what may have been told before. */
static void walk(struct bpf_way *w, bool again)
{
	struct socket_event e;
	char buffer[16 * sizeof(e)];
	size_t have = 0;
	ssize_t n;
	struct bpf_link *link = bpf_program__attach_iter(w->programs->progs.sockets, NULL);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	while (fd >= 0 && ((n = read(fd, buffer + have, sizeof(buffer) - have)) > 0 || (n < 0 && errno == EAGAIN))) {
		have += n > 0 ? (size_t)n : 0;
		size_t at = 0;
		for (; have - at >= sizeof(e); at += sizeof(e)) {
			memcpy(&e, buffer + at, sizeof(e));
			struct fl_process p = process_of(&e), living;
			/* The arguments are in the memory of another process; the file system has them. */
			if (fl_process_read("", e.pid, &living)) {
				memcpy(p.args, living.args, sizeof(p.args));
				p.args_size = living.args_size;
			}
			tell(w, &e, &p, !again, again);
		}
		memmove(buffer, buffer + at, have - at);
		have -= at;
	}
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
}

/* ---- the way ---- */

static void bpf_close(void *self)
{
	struct bpf_way *w = self;
	if (!w)
		return;
	ring_buffer__free(w->ring);
	attribution_bpf__destroy(w->programs);
	netns_addresses_free(w->addresses);
	if (w->cgroup >= 0)
		close(w->cgroup);
	if (w->timer >= 0)
		close(w->timer);
	if (w->epoll >= 0)
		close(w->epoll);
	free(w);
}

static void *refuse(struct bpf_way *w, char why[static 192], int code, const char *what)
{
	snprintf(why, 192, "%s: %s%s", what, strerror(code),
		 code == EPERM || code == EACCES ? " (CAP_BPF and CAP_PERFMON are needed)" : "");
	bpf_close(w);
	return NULL;
}

static bool attach_begin(struct bpf_way *w)
{
	char path[PATH_MAX];
	if (!fl_namer_mount(w->namer, path))
		return false;
	w->cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->cgroup < 0)
		return false;
	w->programs->links.connection_begins =
		bpf_program__attach_cgroup(w->programs->progs.connection_begins, w->cgroup);
	return w->programs->links.connection_begins != NULL;
}

/* Connections wake nobody before much waits; packets come every 100 ms. */
static bool wait_for_events(struct bpf_way *w)
{
	struct itimerspec every = { { 0, READ_EVERY_NS }, { 0, READ_EVERY_NS } };
	struct epoll_event e = { .events = EPOLLIN };
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	return w->timer >= 0 && w->epoll >= 0 && timerfd_settime(w->timer, 0, &every, NULL) == 0 &&
	       epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->timer, &e) == 0 &&
	       epoll_ctl(w->epoll, EPOLL_CTL_ADD, ring_buffer__epoll_fd(w->ring), &e) == 0;
}

static void *bpf_open(struct fl_namer *namer, char why[static 192])
{
	struct bpf_way *w = fl_alloc(sizeof(*w));
	w->namer = namer;
	w->cgroup = w->timer = w->epoll = -1;
	w->addresses = netns_addresses_new();
	libbpf_set_print(say_nothing);
	w->programs = attribution_bpf__open_and_load();
	if (!w->programs) {
		/* Linux before 6.3 has no event for datagrams. */
		int code = errno;
		w->programs = attribution_bpf__open();
		if (w->programs)
			bpf_program__set_autoload(w->programs->progs.socket_send, false);
		if (!w->programs || attribution_bpf__load(w->programs) != 0)
			return refuse(w, why, code, "the kernel did not take the BPF programs");
		snprintf(why, 192, "this kernel tells nobody who sends datagrams (Linux 6.3 does); of UDP only old sockets are known");
	}
	w->programs->links.socket_state = bpf_program__attach(w->programs->progs.socket_state);
	if (!w->programs->links.socket_state)
		return refuse(w, why, errno, "the BPF program cannot be attached");
	if (bpf_program__autoload(w->programs->progs.socket_send))
		w->programs->links.socket_send = bpf_program__attach(w->programs->progs.socket_send);
	if (!attach_begin(w) && !*why)
		snprintf(why, 192, "source ports of connections are told late: no cgroup2, or CAP_NET_ADMIN is missing");
	w->ring = ring_buffer__new(bpf_map__fd(w->programs->maps.events), on_event, w, NULL);
	if (!w->ring)
		return refuse(w, why, errno, "the ring of BPF events cannot be mapped");
	return wait_for_events(w) ? w : refuse(w, why, errno, "no timer");
}

static int bpf_fd(const void *self)
{
	const struct bpf_way *w = self;
	return w->epoll;
}

static void begin_reading(struct bpf_way *w, const struct owner_sink *sink)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	w->to_realtime_ns = attribution_now() - ((int64_t)t.tv_sec * 1000000000 + t.tv_nsec);
	w->sink = sink;
}

static void bpf_poll(void *self, const struct owner_sink *sink)
{
	struct bpf_way *w = self;
	uint64_t fired;
	(void)!read(w->timer, &fired, sizeof(fired));
	begin_reading(w, sink);
	if (!w->walked)
		walk(w, false);
	w->walked = true;
	ring_buffer__consume(w->ring);
	w->sink = NULL;
}

static void bpf_finish(void *self, const struct owner_sink *sink)
{
	struct bpf_way *w = self;
	bpf_poll(self, sink);
	begin_reading(w, sink);
	walk(w, true);
	w->sink = NULL;
}

static uint64_t bpf_lost(const void *self)
{
	const struct bpf_way *w = self;
	return w->programs->bss ? w->programs->bss->lost : 0;
}

const struct attribution_way attribution_bpf = { "bpf", bpf_open, bpf_close, bpf_fd, bpf_poll, bpf_finish, bpf_lost };
