/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_event.h - what the programs in the kernel tell, the same on both sides
 *
 * What a program is called is told with its first socket; its further ones refer to it. Everything in it but the numbers is text that
 * the process chose: hostile.
 */
#ifndef FAULTLINE_ATTRIBUTION_EVENT_H
#define FAULTLINE_ATTRIBUTION_EVENT_H

enum { EVENT_COMM = 16, EVENT_EXE = 64, EVENT_ARGS = 192 };

enum event_kind { EVENT_CONNECTION = 0, EVENT_SOCKET = 1 };

/* One run of a program: a process from its exec to its end or to the next exec. No padding: it is a key in the kernel, too. */
struct program_key {
	unsigned long long start_ns; /* of the process, since boot */
	unsigned int pid;
	unsigned int exec;           /* how many times it became another program */
};

struct socket_event {
	unsigned long long time_ns;  /* CLOCK_MONOTONIC */
	unsigned long long cgroup;   /* id in the cgroup2 hierarchy */
	struct program_key program;
	unsigned int netns, uid;
	unsigned short local_port, remote_port; /* host order */
	unsigned char family;        /* AF_INET or AF_INET6 */
	unsigned char transport;
	unsigned char kind;          /* enum event_kind */
	unsigned char state;         /* TCP_ESTABLISHED ... */
	unsigned char closed;        /* it is not told that it begins, but that it ends */
	unsigned char shared;        /* others may have the same port at the same time: its end is not told */
	unsigned char reserved[6];
	unsigned int local[4], remote[4]; /* network order; AF_INET: the first */
};

struct program_event {
	struct socket_event socket;
	char comm[EVENT_COMM];
	char exe[EVENT_EXE];         /* last component, zero-terminated */
	unsigned int args_size;
	char args[EVENT_ARGS];       /* the beginning of argv, zeros between */
	unsigned int reserved;
};

#endif
