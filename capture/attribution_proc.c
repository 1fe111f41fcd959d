/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attribution_proc.c - the table of sockets by /proc/net
 *
 * For kernels and builds without sock_diag. The files tell ends, user and inode, but no control group: every service is
 * found by the process, and processes of other users need privileges.
 *
 * proc_net_tcp: "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...", addresses as
 * hexadecimal words of the machine's byte order.
 */
#include "capture/attribution_polled.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
	const char *path;
	uint8_t transport;
};

static const struct table tables[] = {
	{ "/proc/net/tcp", IPPROTO_TCP }, { "/proc/net/tcp6", IPPROTO_TCP }, { "/proc/net/udp", IPPROTO_UDP },
	{ "/proc/net/udp6", IPPROTO_UDP },
};

/* 8 or 32 digits: words as they are in memory. */
static bool parse_address(const char *text, struct fl_addr *a)
{
	size_t n = strlen(text) / 8;
	uint32_t words[4];
	static const uint32_t nothing[4];
	if ((n != 1 && n != 4) || strlen(text) % 8)
		return false;
	for (size_t i = 0; i < n; i++)
		if (sscanf(text + 8 * i, "%8x", &words[i]) != 1)
			return false;
	uint8_t bytes[16];
	memcpy(bytes, words, n * sizeof(*words));
	bool any = memcmp(words, nothing, n * sizeof(*words)) == 0;
	*a = any ? (struct fl_addr){ { 0 } } : n == 1 ? fl_addr_v4(bytes) : fl_addr_v6(bytes);
	return true;
}

static bool parse_line(const char *line, uint8_t transport, struct found_socket *s)
{
	char local[33], remote[33];
	unsigned local_port, remote_port, state, uid;
	unsigned long long inode;
	int n = sscanf(line, " %*[0-9]: %32[0-9A-F]:%4x %32[0-9A-F]:%4x %2x %*s %*s %*s %u %*u %llu", local, &local_port,
		       remote, &remote_port, &state, &uid, &inode);
	*s = (struct found_socket){ .transport = transport };
	if (n != 7 || !parse_address(local, &s->local) || !parse_address(remote, &s->remote))
		return false;
	s->local_port = (uint16_t)local_port;
	s->remote_port = (uint16_t)remote_port;
	s->state = (uint8_t)state;
	s->uid = uid;
	s->inode = s->id = inode;
	return true;
}

static bool look(void *context, struct polled *p)
{
	bool worked = false;
	(void)context;
	for (size_t i = 0; i < FL_ARRAY_LEN(tables); i++) {
		char line[512];
		struct found_socket s;
		FILE *f = fopen(tables[i].path, "re");
		worked = worked || f;
		while (f && fgets(line, sizeof(line), f))
			if (parse_line(line, tables[i].transport, &s))
				polled_see(p, &s);
		if (f)
			fclose(f);
	}
	return worked;
}

static void *proc_open(struct fl_namer *namer, char why[static 192])
{
	FILE *f = fopen(tables[0].path, "re");
	if (!f) {
		snprintf(why, 192, "%s cannot be read: %s", tables[0].path, strerror(errno));
		return NULL;
	}
	fclose(f);
	return polled_new(namer, look, NULL);
}

static void proc_close(void *self)
{
	polled_free(self);
}

static int proc_fd(const void *self)
{
	return polled_timer(self);
}

static void proc_poll(void *self, const struct owner_sink *sink)
{
	polled_poll(self, sink, false);
}

static void proc_finish(void *self, const struct owner_sink *sink)
{
	polled_poll(self, sink, true);
}

static uint64_t proc_lost(const void *self)
{
	return polled_late(self);
}

const struct attribution_way attribution_proc = { "proc", proc_open, proc_close, proc_fd, proc_poll, proc_finish, proc_lost };
