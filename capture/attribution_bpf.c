/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_bpf.c - the programs of attribution.bpf.c, loaded and listened to
 *
 * The programs are attached first and the files of all tasks walked afterwards, so nothing falls between; what both tell is told
 * by the walk first, and what the programs say replaces it. Three programs are a luxury: two at the root of the cgroup2
 * hierarchy (they need CAP_NET_ADMIN), of which sockops tells of a connection before the SYN leaves instead of when the answer comes, and
 * sock_release that a UDP socket ends; and the one for datagrams, which needs Linux 6.3.
 *
 * Most events refer to a program that was told before. Those are kept in sets of four, the one that was used the longest ago
 * makes room; what is not found there is read from /proc, if it still runs.
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

enum { READ_EVERY_NS = 40000000, SETS = 512, SET = 4, LOOKS = 8, NEAR_NS = 2000 };
enum { STATE_ESTABLISHED = 1, STATE_SYN_SENT = 2, STATE_SYN_RECV = 3, STATE_TIME_WAIT = 6, STATE_CLOSED = 7,
       STATE_LISTEN = 10 };

/* A few times the ring: what comes in faster than it is read does not keep the reader for ever. */
enum { EVENTS_MAX = 65536 };

/* 20, 40, 80 ms. */
enum { TRIES = 4, FIRST_NAP_NS = 20000000 };

/* A program that runs, or did. */
struct told {
	struct program_key key;
	uint64_t used;           /* 0: none is here */
	struct fl_process process;
};

struct bpf_way {
	struct attribution_bpf *programs;
	struct told *told;       /* SETS of SET */
	uint64_t used;
	struct ring_buffer *ring;
	struct fl_namer *namer;
	struct netns_addresses *addresses;
	const struct owner_sink *sink; /* while events are read */
	int64_t to_realtime_ns;        /* realtime - monotonic */
	uint32_t events;               /* read at this poll */
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

static struct fl_addr address_of(unsigned char family, const unsigned int words[static 4])
{
	static const uint8_t nothing[16];
	uint8_t bytes[16];
	memcpy(bytes, words, sizeof(bytes));
	if (memcmp(bytes, nothing, sizeof(nothing)) == 0)
		return (struct fl_addr){ { 0 } };
	struct fl_addr a = family == AF_INET ? fl_addr_v4(bytes) : fl_addr_v6(bytes);
	/* A socket of both families without an address: ::ffff:0.0.0.0. */
	bool any = fl_addr_is_v4(&a) && memcmp(a.bytes + 12, nothing, 4) == 0;
	return any ? (struct fl_addr){ { 0 } } : a;
}

static struct fl_process process_of(const struct program_event *e)
{
	struct fl_process p = { .pid = e->socket.program.pid };
	memcpy(p.comm, e->comm, sizeof(e->comm));
	memcpy(p.exe, e->exe, sizeof(p.exe) - 1);
	p.args_size = e->args_size < sizeof(p.args) ? e->args_size : sizeof(p.args);
	memcpy(p.args, e->args, p.args_size);
	return p;
}

/* The place of this program, or the one in its set that was used the longest ago. */
static struct told *place_of(struct bpf_way *w, const struct program_key *key)
{
	struct told *set = w->told + (size_t)(fl_hash_bytes(key, sizeof(*key), fl_hash_seed()) % SETS) * SET, *oldest = set;
	for (size_t i = 0; i < SET; i++) {
		if (set[i].used && memcmp(&set[i].key, key, sizeof(*key)) == 0)
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	return oldest;
}

static const struct fl_process *keep_program(struct bpf_way *w, struct told *t, const struct program_key *key,
					     const struct fl_process *p)
{
	*t = (struct told){ .key = *key, .used = ++w->used, .process = *p };
	return &t->process;
}

static const struct fl_process *program_of(struct bpf_way *w, const struct program_key *key)
{
	struct fl_process living = { .pid = key->pid };
	struct told *t = place_of(w, key);
	if (t->used && memcmp(&t->key, key, sizeof(*key)) == 0) {
		t->used = ++w->used;
		return &t->process;
	}
	(void)fl_process_read("", key->pid, &living);
	return keep_program(w, t, key, &living);
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
		.kind = e->kind == EVENT_SOCKET ? FL_OWNER_SOCKET : FL_OWNER_CONNECTION, .closed = e->closed != 0,
	};
	if (r.kind == FL_OWNER_CONNECTION) {
		r.remote = address_of(e->family, e->remote);
		r.remote_port = e->remote_port;
	}
	return r;
}

static void tell(struct bpf_way *w, const struct socket_event *e, const struct fl_process *program, bool before, bool again)
{
	struct fl_owner_record r = record_of(w, e);
	struct fl_process p = *program;
	p.cgroup = e->cgroup;
	p.uid = e->uid;
	netns_addresses_see(w->addresses, e->netns, p.pid, w->sink);
	fl_namer_name(w->namer, &p, &r);
	r.before = before;
	r.again = again;
	w->sink->found(w->sink->context, &r);
}

static void tell_closed(struct bpf_way *w, const struct socket_event *e)
{
	struct fl_owner_record r = record_of(w, e);
	w->sink->found(w->sink->context, &r);
}

static void take_event(struct bpf_way *w, const void *data, size_t size)
{
	struct program_event e;
	const struct fl_process *p;
	if (size < sizeof(e.socket))
		return;
	memcpy(&e, data, size < sizeof(e) ? sizeof(e.socket) : sizeof(e));
	const struct program_key *key = &e.socket.program;
	if (e.socket.closed) {
		tell_closed(w, &e.socket);
		return;
	}
	if (size < sizeof(e)) {
		p = program_of(w, key);
	} else {
		struct fl_process new = process_of(&e);
		p = keep_program(w, place_of(w, key), key, &new);
	}
	/* An attempt whose port is told later. */
	if (e.socket.local_port)
		tell(w, &e.socket, p, false, false);
}

static int on_event(void *context, void *data, size_t size)
{
	struct bpf_way *w = context;
	take_event(w, data, size);
	return ++w->events < EVENTS_MAX ? 0 : -ECANCELED; /* the rest at the next poll */
}

/* One of those that were there before. The arguments are in the memory of another process; the file system has them. @living: the
 * latest that was read, since all sockets of a process come together. Its number may be another's by now, or in
 * the namespace that /proc shows: then the names differ. */
static void tell_found(struct bpf_way *w, const struct program_event *e, struct fl_process *living, bool again)
{
	struct fl_process p = process_of(e);
	if (p.pid != living->pid) {
		*living = (struct fl_process){ .pid = 0 };
		(void)fl_process_read("", p.pid, living);
		living->pid = p.pid;
	}
	if (strcmp(living->comm, p.comm) == 0) {
		memcpy(p.args, living->args, sizeof(p.args));
		p.args_size = living->args_size;
	}
	tell(w, &e->socket, &p, !again, again);
}

/* What is there already; @again: what may have been told before. */
static void walk(struct bpf_way *w, bool again)
{
	struct program_event e;
	struct fl_process living = { .pid = 0 };
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
			tell_found(w, &e, &living, again);
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
	free(w->told);
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
	snprintf(why, 192, "%s: %s, errno %d%s", what, strerror(code), code,
		 code == EPERM || code == EACCES ? " (CAP_BPF and CAP_PERFMON are needed)" : "");
	bpf_close(w);
	return NULL;
}

/* Those at the root of the control groups. False when one of them is not there. */
static bool attach_to_groups(struct bpf_way *w)
{
	char path[PATH_MAX];
	if (!bpf_program__autoload(w->programs->progs.connection_begins) || !fl_namer_mount(w->namer, path))
		return false;
	w->cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->cgroup < 0)
		return false;
	w->programs->links.connection_begins =
		bpf_program__attach_cgroup(w->programs->progs.connection_begins, w->cgroup);
	w->programs->links.socket_ends = bpf_program__attach_cgroup(w->programs->progs.socket_ends, w->cgroup);
	w->programs->bss->begins_told = w->programs->links.connection_begins != NULL;
	w->programs->bss->ends_told = w->programs->links.socket_ends != NULL;
	return w->programs->links.connection_begins && w->programs->links.socket_ends;
}

/* Connections wake nobody before much waits. Packets come after 100 ms and are held for 250 (parser.c), so owners still come first. */
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

/* NULL with errno when the kernel does not take them. */
static struct attribution_bpf *load(bool datagrams, bool groups)
{
	struct attribution_bpf *programs = attribution_bpf__open();
	if (!programs)
		return NULL;
	bpf_program__set_autoload(programs->progs.socket_send, datagrams);
	bpf_program__set_autoload(programs->progs.connection_begins, groups);
	bpf_program__set_autoload(programs->progs.socket_ends, groups);
	int status = attribution_bpf__load(programs);
	if (status == 0)
		return programs;
	attribution_bpf__destroy(programs);
	errno = -status;
	return NULL;
}

/* A kernel that is short of memory, or whose verifier was interrupted more often than libbpf tries (five times), takes them a moment later. */
static bool may_pass(int code)
{
	return code == EAGAIN || code == ENOMEM || code == EINTR || code == EBUSY || code == ENOBUFS;
}

static struct attribution_bpf *load_patiently(bool datagrams, bool groups)
{
	struct timespec nap = { .tv_nsec = FIRST_NAP_NS };
	struct attribution_bpf *programs = load(datagrams, groups);
	for (int i = 1; i < TRIES && !programs && may_pass(errno); i++, nap.tv_nsec *= 2) {
		(void)nanosleep(&nap, NULL);
		programs = load(datagrams, groups);
	}
	return programs;
}

/* Without CAP_NET_ADMIN those of control groups are refused; Linux before 6.3 has no event for datagrams. @refusal: why not all were taken,
 * errno. */
static struct attribution_bpf *load_most(int *refusal)
{
	struct attribution_bpf *programs = NULL;
	*refusal = 0;
	for (unsigned without = 0; without < 4 && !programs; without++) {
		programs = load_patiently(!(without & 2), !(without & 1));
		if (!programs && !*refusal)
			*refusal = errno;
	}
	return programs;
}

static void *bpf_open(struct fl_namer *namer, char why[static 192])
{
	struct bpf_way *w = fl_alloc(sizeof(*w));
	int refusal;
	w->namer = namer;
	w->cgroup = w->timer = w->epoll = -1;
	w->addresses = netns_addresses_new();
	w->told = fl_alloc_array((size_t)SETS * SET, sizeof(*w->told));
	libbpf_set_print(say_nothing);
	w->programs = load_most(&refusal);
	if (!w->programs)
		return refuse(w, why, errno, "the kernel did not take the BPF programs");
	if (!bpf_program__autoload(w->programs->progs.socket_send))
		snprintf(why, 192, "this kernel tells nobody who sends datagrams (Linux 6.3 does), and of UDP only old sockets are known: %s, errno %d",
			 strerror(refusal), refusal);
	w->programs->links.socket_state = bpf_program__attach(w->programs->progs.socket_state);
	if (!w->programs->links.socket_state)
		return refuse(w, why, errno, "the BPF program cannot be attached");
	if (bpf_program__autoload(w->programs->progs.socket_send))
		w->programs->links.socket_send = bpf_program__attach(w->programs->progs.socket_send);
	errno = 0;
	if (!attach_to_groups(w) && !*why) {
		refusal = refusal ? refusal : errno;
		snprintf(why, 192, "source ports of connections are told late, ends of datagram sockets not: no cgroup2, or CAP_NET_ADMIN is "
			 "missing (%s)", refusal ? strerror(refusal) : "there is none");
	}
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

static int64_t monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Events are compared with the times of packets; between two looks at clocks the process may have been put aside. The closest look of
 * several counts. */
static int64_t to_realtime(void)
{
	int64_t best = 0, closest = INT64_MAX;
	for (int i = 0; i < LOOKS && closest > NEAR_NS; i++) {
		int64_t before = monotonic(), now = attribution_now(), width = monotonic() - before;
		if (width < closest) {
			closest = width;
			best = now - before - width / 2;
		}
	}
	return best;
}

static void begin_reading(struct bpf_way *w, const struct owner_sink *sink)
{
	w->to_realtime_ns = to_realtime();
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
	w->programs->bss->walked = 1;
	w->events = 0;
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
