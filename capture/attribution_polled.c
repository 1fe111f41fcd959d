/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_polled.c - looking at the table of sockets again and again
 *
 * Which process has a socket is told by no table: the links in /proc/PID/fd are, and reading all of them is the expensive
 * part. So it is done only when there is a socket whose control group names no service, for all such sockets together, and
 * rests twenty times as long as it took. The looks themselves come every 20 ms or rest as long, too: at most a twentieth
 * of the time goes into either. Where a look shows more new sockets than are told at a time the next one comes soon, with others: those that
 * were told are known.
 *
 * Sockets are remembered by their id from look to look; one that was not there at the latest is forgotten. The end of a datagram socket
 * without peer is told, too, as of the latest look that showed it: such a one is found by its port alone, and another may have that next.
 */
#include "capture/attribution_polled.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "faultline/index.h"

enum { KNOWN_MAX = 262144, NEW_MAX = 65536, REST = 20, LISTENS = 10 };
enum { SYN_SENT = 2, SYN_RECEIVED = 3, CLOSED = 7 };
static const int64_t shortest_ns = INT64_C(20) * 1000000;

struct known {
	uint64_t id;
	uint32_t look;           /* the latest that showed it */
};

/* A datagram socket without peer that somebody was told to have. */
struct peerless {
	uint64_t id;
	struct fl_addr local;
	uint16_t local_port;
};

struct polled {
	struct fl_namer *namer;
	polled_look *look_at;
	void *context;
	struct known *known;
	uint32_t known_count, known_room;
	struct fl_index by_id;
	struct found_socket *fresh; /* new at this look, or whose process is not known yet */
	uint32_t *pids;             /* of fresh; 0: not known */
	uint32_t fresh_count, fresh_room;
	struct peerless *peerless;
	uint32_t peerless_count, peerless_room;
	uint32_t look;
	int64_t shown_ns; /* when the latest look that succeeded was */
	uint32_t netns;
	int64_t processes_due_ns;
	uint64_t late;
	uint64_t unknown;            /* beyond KNOWN_MAX: most of a look */
	uint64_t untold;             /* beyond either at the latest look */
	uint64_t unknown_now, untold_now; /* of the look that is under way */
	bool first, crowded;         /* what was there before is still being told; this look had more than NEW_MAX */
	int timer;
};

static int64_t monotonic(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void set_timer(const struct polled *p, int64_t in_ns)
{
	struct itimerspec t = { .it_value = { in_ns / 1000000000, in_ns % 1000000000 } };
	(void)timerfd_settime(p->timer, 0, &t, NULL);
}

struct polled *polled_new(struct fl_namer *namer, polled_look *look, void *context)
{
	struct polled *p = fl_alloc(sizeof(*p));
	p->namer = namer;
	p->look_at = look;
	p->context = context;
	p->netns = attribution_netns(0, true);
	p->first = true;
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	fl_index_init(&p->by_id, KNOWN_MAX);
	set_timer(p, 1);
	return p;
}

void polled_free(struct polled *p)
{
	if (!p)
		return;
	if (p->timer >= 0)
		close(p->timer);
	fl_index_fini(&p->by_id);
	free(p->known);
	free(p->fresh);
	free(p->pids);
	free(p->peerless);
	free(p);
}

int polled_timer(const struct polled *p)
{
	return p->timer;
}

uint64_t polled_late(const struct polled *p)
{
	return p->late + (p->untold > p->unknown ? p->untold : p->unknown);
}

/* ---- sockets ---- */

static uint32_t hash_id(uint64_t id)
{
	return (uint32_t)(fl_hash_bytes(&id, sizeof(id), fl_hash_seed()) >> 16);
}

static struct known *find_known(const struct polled *p, uint64_t id)
{
	uint32_t hash = hash_id(id), at = fl_index_home(&p->by_id, hash), i;
	while ((i = fl_index_next(&p->by_id, hash, &at)) != UINT32_MAX)
		if (p->known[i].id == id)
			return &p->known[i];
	return NULL;
}

/* False when it was known, or there is no room. */
static bool remember(struct polled *p, uint64_t id)
{
	struct known *k = find_known(p, id);
	if (k)
		k->look = p->look;
	p->unknown_now += !k && p->known_count == KNOWN_MAX;
	if (k || p->known_count == KNOWN_MAX)
		return false;
	/* More than is told at a time: the next look shows it again. */
	if (p->fresh_count == NEW_MAX) {
		p->crowded = true;
		p->untold_now++;
		return false;
	}
	if (p->known_count == p->known_room) {
		p->known_room = (uint32_t)fl_grown(p->known_room, p->known_count + 1);
		p->known = fl_grow_array(p->known, p->known_room, sizeof(*p->known));
	}
	p->known[p->known_count] = (struct known){ id, p->look };
	fl_index_add(&p->by_id, hash_id(id), p->known_count++);
	return true;
}

/* What was not shown any more makes room: the last takes its place. */
static void forget_gone(struct polled *p)
{
	for (uint32_t i = 0; i < p->known_count;) {
		if (p->known[i].look == p->look) {
			i++;
			continue;
		}
		uint32_t last = --p->known_count;
		fl_index_remove(&p->by_id, hash_id(p->known[i].id), i);
		if (i == last)
			continue;
		fl_index_remove(&p->by_id, hash_id(p->known[last].id), last);
		p->known[i] = p->known[last];
		fl_index_add(&p->by_id, hash_id(p->known[i].id), i);
	}
}

void polled_see(struct polled *p, const struct found_socket *s)
{
	if (!s->inode || !s->local_port || !remember(p, s->id))
		return;
	if (p->fresh_count == p->fresh_room) {
		p->fresh_room = (uint32_t)fl_grown(p->fresh_room, p->fresh_count + 1);
		p->fresh = fl_grow_array(p->fresh, p->fresh_room, sizeof(*p->fresh));
		p->pids = fl_grow_array(p->pids, p->fresh_room, sizeof(*p->pids));
	}
	p->pids[p->fresh_count] = 0;
	p->fresh[p->fresh_count++] = *s;
}

/* ---- processes ---- */

static int compare_inodes(const void *a, const void *b)
{
	const struct found_socket *x = a, *y = b;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

/* @p->fresh is sorted by inode. */
static void see_link(struct polled *p, const char *target, uint32_t pid)
{
	unsigned long long inode;
	if (sscanf(target, "socket:[%llu]", &inode) != 1)
		return;
	struct found_socket wanted = { .inode = inode };
	struct found_socket *s = bsearch(&wanted, p->fresh, p->fresh_count, sizeof(*p->fresh), compare_inodes);
	if (s)
		p->pids[s - p->fresh] = pid;
}

static void see_process(struct polled *p, uint32_t pid)
{
	char path[64], target[64];
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	DIR *directory = opendir(path);
	const struct dirent *e;
	while (directory && (e = readdir(directory))) {
		ssize_t n = readlinkat(dirfd(directory), e->d_name, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = 0;
		see_link(p, target, pid);
	}
	if (directory)
		closedir(directory);
}

/* Of several that share a socket the one that came last: a manager that passes its sockets on came first. */
static void find_processes(struct polled *p)
{
	int64_t begin = monotonic();
	DIR *directory = opendir("/proc");
	const struct dirent *e;
	if (!directory)
		return;
	while ((e = readdir(directory)))
		if (isdigit((unsigned char)e->d_name[0]))
			see_process(p, (uint32_t)strtoul(e->d_name, NULL, 10));
	closedir(directory);
	int64_t cost = monotonic() - begin;
	p->processes_due_ns = begin + cost * REST;
}

/* ---- records ---- */

static struct fl_owner_record record_of(const struct polled *p, const struct found_socket *s)
{
	struct fl_owner_record r = {
		.local = s->local, .local_port = s->local_port, .since_ns = attribution_now(), .netns = p->netns, .uid = s->uid,
		.transport = s->transport, .kind = FL_OWNER_SOCKET, .attribution = FL_ATTRIBUTION_POLLED,
		.before = p->first,
	};
	if (s->remote_port && s->state != LISTENS) {
		r.kind = FL_OWNER_CONNECTION;
		r.remote = s->remote;
		r.remote_port = s->remote_port;
		r.established = s->transport == IPPROTO_TCP && s->state != SYN_SENT && s->state != SYN_RECEIVED &&
				s->state != CLOSED;
	}
	return r;
}

static bool is_peerless(const struct found_socket *s)
{
	return s->transport == IPPROTO_UDP && !s->remote_port;
}

/* Beyond the room there are as many as sockets are known: their ends are not told then. */
static void remember_peerless(struct polled *p, const struct found_socket *s)
{
	if (p->peerless_count == KNOWN_MAX)
		return;
	if (p->peerless_count == p->peerless_room) {
		p->peerless_room = (uint32_t)fl_grown(p->peerless_room, p->peerless_count + 1);
		p->peerless = fl_grow_array(p->peerless, p->peerless_room, sizeof(*p->peerless));
	}
	p->peerless[p->peerless_count++] = (struct peerless){ s->id, s->local, s->local_port };
}

/* After forget_gone(). */
static void tell_ends(struct polled *p, const struct owner_sink *sink)
{
	uint32_t left = 0;
	for (uint32_t i = 0; i < p->peerless_count; i++) {
		const struct peerless *s = &p->peerless[i];
		if (find_known(p, s->id)) {
			p->peerless[left++] = *s;
			continue;
		}
		struct fl_owner_record r = { .local = s->local, .local_port = s->local_port, .transport = IPPROTO_UDP, .netns = p->netns,
					     .kind = FL_OWNER_SOCKET, .attribution = FL_ATTRIBUTION_POLLED, .closed = true,
					     .since_ns = p->shown_ns };
		sink->found(sink->context, &r);
	}
	p->peerless_count = left;
}

static bool name_by_process(struct polled *p, uint32_t pid, uint64_t cgroup, struct fl_owner_record *r)
{
	struct fl_process process = { .cgroup = cgroup };
	if (!pid || !fl_process_read("", pid, &process))
		return false;
	process.uid = r->uid;
	fl_namer_name(p->namer, &process, r);
	return true;
}

static bool is_named_by_group(struct polled *p, const struct found_socket *s)
{
	struct fl_owner_record r = { .uid = 0 };
	return fl_namer_group(p->namer, s->cgroup, &r);
}

static void tell(struct polled *p, uint32_t i, const struct owner_sink *sink)
{
	struct fl_owner_record r = record_of(p, &p->fresh[i]);
	if (!name_by_process(p, p->pids[i], p->fresh[i].cgroup, &r))
		(void)fl_namer_group(p->namer, p->fresh[i].cgroup, &r);
	sink->found(sink->context, &r);
	if (is_peerless(&p->fresh[i]))
		remember_peerless(p, &p->fresh[i]);
}

/* Those that only a process can name wait until the processes are read again. */
static void tell_fresh(struct polled *p, const struct owner_sink *sink, bool now)
{
	uint32_t waiting = 0;
	bool read = now || monotonic() >= p->processes_due_ns, wanted = false;
	if (p->fresh_count)
		qsort(p->fresh, p->fresh_count, sizeof(*p->fresh), compare_inodes);
	for (uint32_t i = 0; i < p->fresh_count; i++) {
		p->pids[i] = 0;
		wanted = wanted || !is_named_by_group(p, &p->fresh[i]);
	}
	if (wanted && read)
		find_processes(p);
	for (uint32_t i = 0; i < p->fresh_count; i++) {
		if (read || is_named_by_group(p, &p->fresh[i]))
			tell(p, i, sink);
		else
			p->fresh[waiting++] = p->fresh[i];
	}
	p->fresh_count = waiting;
}

void polled_poll(struct polled *p, const struct owner_sink *sink, bool now)
{
	uint64_t fired;
	bool due = read(p->timer, &fired, sizeof(fired)) == (ssize_t)sizeof(fired);
	if (!due && !now)
		return;
	int64_t begin = monotonic();
	p->look++;
	p->unknown_now = p->untold_now = 0;
	p->crowded = false;
	int64_t now_ns = attribution_now();
	if (p->look_at(p->context, p)) {
		forget_gone(p);
		tell_ends(p, sink);
		p->shown_ns = now_ns;
	} else {
		p->late++;
	}
	p->unknown = p->unknown > p->unknown_now ? p->unknown : p->unknown_now;
	p->untold = p->unknown_now + p->untold_now;
	tell_fresh(p, sink, now);
	p->first = p->first && p->crowded;
	if (p->crowded)
		p->processes_due_ns = 0;
	int64_t rest = (monotonic() - begin) * (p->crowded ? 1 : REST);
	set_timer(p, rest > shortest_ns ? rest : shortest_ns);
}
