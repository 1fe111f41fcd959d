/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution.h - asking the kernel who opened which socket
 *
 * Four ways, the best first that this kernel and these privileges allow:
 *   bpf        programs at the kernel's own events: every connection, also of processes that live for milliseconds, in every network
 *              namespace; needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and kernel BTF
 *   sock-diag  the table of sockets by netlink, again and again, in the own namespace only: connections that come and go between two
 *              looks (20 ms, more when there are many sockets) are missed
 *   proc       the same from /proc/net; slower
 *   none       nobody is named
 * Without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH the processes of other users cannot be told by the latter two; their control
 * group can, by sock-diag.
 *
 * This side may hold privileges and reads no packet. What it finds are owner records (owner.h): plain data.
 */
#ifndef FAULTLINE_ATTRIBUTION_H
#define FAULTLINE_ATTRIBUTION_H

#include "faultline/owner.h"

enum fl_attribution_way { FL_ATTRIBUTE_AUTO, FL_ATTRIBUTE_BPF, FL_ATTRIBUTE_POLLED, FL_ATTRIBUTE_NONE };

/* What the coverage says. Fixed size, no pointers. */
struct fl_attribution_state {
	char way[16];            /* "bpf", "sock-diag", "proc", "none" */
	char why[192];           /* why nothing better, a half-sentence; "" when nothing is missing */
	char translation[64];    /* why translated connections cannot be told; "" */
	uint64_t lost;           /* events that found no room, attempts forgotten before their port was known, looks that failed */
	uint32_t netns;          /* namespace of this process */
	bool all_namespaces;     /* sockets of all namespaces are told */
	bool ends_told;          /* of connections that were there before it is told when they end */
};

struct fl_attributor;

typedef void fl_owner_found(void *context, const struct fl_owner_record *record);

/**
 * fl_attributor_open() - The best way, or the one that @way asks for
 * @out: closed by fl_attributor_close(); also set when the way is "none"
 *
 * With FL_ATTRIBUTE_AUTO this cannot fail: each way that does not work leaves its reason in the state. A way that
 * was asked for and does not work is an error. What exists already is told by the first poll.
 */
int fl_attributor_open(struct fl_attributor **out, enum fl_attribution_way way, struct fl_error *err);
void fl_attributor_close(struct fl_attributor *a); /* NULL is fine */

/* Readable when there is something to poll for; -1 when there never is. */
int fl_attributor_fd(const struct fl_attributor *a);
/* Hand over what there is, without waiting. The record is valid during the call. */
void fl_attributor_poll(struct fl_attributor *a, fl_owner_found *found, void *context);
/* One more look before the end: what was opened since the last. */
void fl_attributor_finish(struct fl_attributor *a, fl_owner_found *found, void *context);
const struct fl_attribution_state *fl_attributor_state(const struct fl_attributor *a);

#endif
