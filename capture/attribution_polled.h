/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_polled.h - looking at the table of sockets again and again
 *
 * What sock_diag and /proc/net have in common: what was seen is compared with what was there at the last look, new sockets are
 * asked whose they are, and the time that all this takes decides how often it is done.
 */
#ifndef FAULTLINE_ATTRIBUTION_POLLED_H
#define FAULTLINE_ATTRIBUTION_POLLED_H

#include "capture/attribution_internal.h"

/* A socket as a table shows it. */
struct found_socket {
	struct fl_addr local, remote; /* none: any, no peer */
	uint64_t id;             /* cookie or inode: the same socket has the same at each look */
	uint64_t inode;          /* of its file; 0: no process has it */
	uint64_t cgroup;         /* 0: not told */
	uint32_t uid;
	uint16_t local_port, remote_port;
	uint8_t transport;
	uint8_t state;           /* TCP: 1 established ... 10 listens */
};

struct polled;

/* One look: each socket is given to polled_see(). False: the table could not be read. */
typedef bool polled_look(void *context, struct polled *p);

struct polled *polled_new(struct fl_namer *namer, polled_look *look, void *context);
void polled_free(struct polled *p);
void polled_see(struct polled *p, const struct found_socket *s);

/* Look when it is time to, or @now. */
void polled_poll(struct polled *p, const struct owner_sink *sink, bool now);
int polled_timer(const struct polled *p); /* readable when it is time */
uint64_t polled_late(const struct polled *p); /* looks that failed */

#endif
