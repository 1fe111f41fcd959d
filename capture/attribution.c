/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution.c - the best way to tell who opens connections
 *
 * The ways are tried in order; each that is closed leaves its reason, and the first reason is the one that is told, since it is
 * about the best way. A namespace that is not the one of process 1 is taken for a machine of its own (a laboratory, a container that
 * scans itself): then only its own addresses are the host's, and others' sockets merely name their side.
 */
#include "capture/attribution_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/conntrack.h"
#include "config.h"

struct fl_attributor {
	const struct attribution_way *way;
	void *self;
	struct fl_namer *namer;
	struct conntrack *conntrack; /* NULL: not asked */
	int epoll;                   /* of both */
	struct fl_attribution_state state;
};

int64_t attribution_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint32_t attribution_netns(uint32_t pid, bool self)
{
	char path[64];
	struct stat st;
	if (self)
		snprintf(path, sizeof(path), "/proc/self/ns/net");
	else
		snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	return stat(path, &st) == 0 ? (uint32_t)st.st_ino : 0;
}

/* Best first. */
static const struct attribution_way *const ways[] = {
#if FL_HAVE_BPF
	&attribution_bpf,
#endif
#if FL_HAVE_SOCK_DIAG
	&attribution_diag,
#endif
	&attribution_proc,
};

static bool is_wanted(const struct attribution_way *way, enum fl_attribution_way wanted)
{
	bool bpf = strcmp(way->name, "bpf") == 0;
	return wanted == FL_ATTRIBUTE_AUTO || (wanted == FL_ATTRIBUTE_BPF && bpf) || (wanted == FL_ATTRIBUTE_POLLED && !bpf);
}

static void try_ways(struct fl_attributor *a, enum fl_attribution_way wanted)
{
	char first[sizeof(a->state.why)] = "";
	if (!FL_HAVE_BPF && wanted != FL_ATTRIBUTE_POLLED)
		snprintf(first, sizeof(first), "this program was built without BPF");
	if (wanted == FL_ATTRIBUTE_POLLED)
		snprintf(first, sizeof(first), "--attribution polled was asked for");
	for (size_t i = 0; i < FL_ARRAY_LEN(ways) && !a->self; i++) {
		char why[sizeof(a->state.why)] = "";
		if (!is_wanted(ways[i], wanted))
			continue;
		a->self = ways[i]->open(a->namer, why);
		a->way = a->self ? ways[i] : NULL;
		if (*why && !*first)
			memcpy(first, why, sizeof(first));
	}
	memcpy(a->state.why, first, sizeof(first));
	snprintf(a->state.way, sizeof(a->state.way), "%s", a->self ? a->way->name : "none");
}

#if FL_HAVE_SOCK_DIAG
static void open_conntrack(struct fl_attributor *a)
{
	int status = conntrack_open(&a->conntrack);
	if (status && status != -ENOENT)
		snprintf(a->state.translation, sizeof(a->state.translation), "%s", strerror(-status));
}
#else
static void open_conntrack(struct fl_attributor *a)
{
	snprintf(a->state.translation, sizeof(a->state.translation), "this program was built without libmnl");
}
#endif

static void wait_for_both(struct fl_attributor *a)
{
	struct epoll_event e = { .events = EPOLLIN };
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll < 0)
		return;
	if (a->self)
		(void)epoll_ctl(a->epoll, EPOLL_CTL_ADD, a->way->fd(a->self), &e);
#if FL_HAVE_SOCK_DIAG
	if (a->conntrack)
		(void)epoll_ctl(a->epoll, EPOLL_CTL_ADD, conntrack_fd(a->conntrack), &e);
#endif
}

static void poll_conntrack(struct fl_attributor *a, const struct owner_sink *sink)
{
#if FL_HAVE_SOCK_DIAG
	if (a->conntrack) {
		conntrack_poll(a->conntrack, sink);
		bool complete = conntrack_complete(a->conntrack);
		snprintf(a->state.translation, sizeof(a->state.translation), "%s",
			 complete ? "" : "the kernel's table was not read to its end");
	}
	a->state.lost = a->way->lost(a->self) + (a->conntrack ? conntrack_lost(a->conntrack) : 0);
#else
	(void)sink;
	a->state.lost = a->way->lost(a->self);
#endif
}

int fl_attributor_open(struct fl_attributor **out, enum fl_attribution_way wanted, struct fl_error *err)
{
	struct fl_attributor *a = fl_alloc(sizeof(*a));
	uint32_t of_init = attribution_netns(1, false);
	a->namer = fl_namer_new("");
	a->epoll = -1;
	a->state.netns = attribution_netns(0, true);
	if (wanted == FL_ATTRIBUTE_NONE) {
		snprintf(a->state.way, sizeof(a->state.way), "none");
		snprintf(a->state.why, sizeof(a->state.why), "--attribution none was asked for");
	} else {
		try_ways(a, wanted);
		open_conntrack(a);
		wait_for_both(a);
	}
	bool bpf = a->self && strcmp(a->way->name, "bpf") == 0;
	a->state.ends_told = bpf;
	a->state.all_namespaces = bpf && of_init && of_init == a->state.netns;
	if (!a->self && (wanted == FL_ATTRIBUTE_BPF || wanted == FL_ATTRIBUTE_POLLED)) {
		int status = fl_fail(err, -EPERM, "--attribution: %s; leave it out for the best that works", a->state.why);
		fl_attributor_close(a);
		return status;
	}
	*out = a;
	return 0;
}

void fl_attributor_close(struct fl_attributor *a)
{
	if (!a)
		return;
	if (a->self)
		a->way->close(a->self);
#if FL_HAVE_SOCK_DIAG
	conntrack_close(a->conntrack);
#endif
	if (a->epoll >= 0)
		close(a->epoll);
	fl_namer_free(a->namer);
	free(a);
}

int fl_attributor_fd(const struct fl_attributor *a)
{
	return a->self ? a->epoll : -1;
}

void fl_attributor_poll(struct fl_attributor *a, fl_owner_found *found, void *context)
{
	struct owner_sink sink = { found, context };
	if (!a->self)
		return;
	poll_conntrack(a, &sink);
	a->way->poll(a->self, &sink);
}

void fl_attributor_finish(struct fl_attributor *a, fl_owner_found *found, void *context)
{
	struct owner_sink sink = { found, context };
	if (!a->self)
		return;
	poll_conntrack(a, &sink);
	a->way->finish(a->self, &sink);
}

const struct fl_attribution_state *fl_attributor_state(const struct fl_attributor *a)
{
	return &a->state;
}
