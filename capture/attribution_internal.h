/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_internal.h - what the ways of attribution share
 *
 *   attribution.c       which way; the state
 *   attribution_bpf.c   programs in the kernel (attribution.bpf.c)
 *   attribution_diag.c  sock_diag by netlink
 *   attribution_proc.c  /proc/net
 *   attribution_polled.c  what both of these do from look to look; which process holds which socket
 *   namer.c             processes to services
 *   netns_addresses.c   which addresses a network namespace has
 */
#ifndef FAULTLINE_ATTRIBUTION_INTERNAL_H
#define FAULTLINE_ATTRIBUTION_INTERNAL_H

#include "capture/namer.h"
#include "faultline/attribution.h"

/* Where records go. */
struct owner_sink {
	fl_owner_found *found;
	void *context;
};

struct attribution_way {
	const char *name;
	/* NULL with a half-sentence in @why when this way is closed. */
	void *(*open)(struct fl_namer *namer, char why[static 192]);
	void (*close)(void *self);
	int (*fd)(const void *self);
	void (*poll)(void *self, const struct owner_sink *sink);
	void (*finish)(void *self, const struct owner_sink *sink);
	uint64_t (*lost)(const void *self);
};

extern const struct attribution_way attribution_bpf;
extern const struct attribution_way attribution_diag;
extern const struct attribution_way attribution_proc;

int64_t attribution_now(void); /* realtime, ns */
/* Inode of a process' network namespace, 0 when it cannot be read. */
uint32_t attribution_netns(uint32_t pid, bool self);

/* Tells the addresses of a namespace, once for each namespace: bounded. */
struct netns_addresses;
struct netns_addresses *netns_addresses_new(void);
void netns_addresses_free(struct netns_addresses *n);
/* By a process that lives there. */
void netns_addresses_see(struct netns_addresses *n, uint32_t netns, uint32_t pid, const struct owner_sink *sink);

#endif
