/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_event.h - what the programs in the kernel tell, the same on both sides
 *
 * Everything in it but the numbers is text that the process chose: hostile.
 */
#ifndef FAULTLINE_ATTRIBUTION_EVENT_H
#define FAULTLINE_ATTRIBUTION_EVENT_H

enum { EVENT_COMM = 16, EVENT_EXE = 64, EVENT_ARGS = 192 };

enum event_kind { EVENT_CONNECTION = 0, EVENT_SOCKET = 1 };

struct socket_event {
	unsigned long long time_ns;  /* CLOCK_MONOTONIC */
	unsigned long long cgroup;   /* id in the cgroup2 hierarchy */
	unsigned int netns, pid, uid;
	unsigned short local_port, remote_port; /* host order */
	unsigned char family;        /* AF_INET or AF_INET6 */
	unsigned char transport;
	unsigned char kind;          /* enum event_kind */
	unsigned char state;         /* TCP_ESTABLISHED ... */
	unsigned char local[16], remote[16]; /* AF_INET: the first four bytes */
	char comm[EVENT_COMM];
	char exe[EVENT_EXE];         /* last component, zero-terminated */
	unsigned int args_size;
	char args[EVENT_ARGS];       /* the beginning of argv, zeros between */
};

#endif
