/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netns_addresses.c - which addresses a network namespace has
 *
 * A socket that is bound to no address belongs to one namespace, and packets carry addresses alone; so each new namespace that a record
 * comes from is asked once for its addresses, and again after a while, since addresses come later than processes. The files of
 * /proc/PID/net show the namespace of the process: no need to enter it.
 */
#include "capture/attribution_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMESPACES_MAX = 1024, FILE_MAX = 1 << 20 };
static const int64_t ask_again_ns = INT64_C(5) * 1000000000;

struct asked {
	uint32_t netns;
	int64_t when_ns;
};

struct netns_addresses {
	struct asked list[NAMESPACES_MAX];
	uint32_t count, hand;
};

struct netns_addresses *netns_addresses_new(void)
{
	return fl_alloc(sizeof(struct netns_addresses));
}

void netns_addresses_free(struct netns_addresses *n)
{
	free(n);
}

static bool is_due(struct netns_addresses *n, uint32_t netns)
{
	int64_t now = attribution_now();
	for (uint32_t i = 0; i < n->count; i++) {
		if (n->list[i].netns != netns)
			continue;
		/* The clock may have been set back. */
		if (now - n->list[i].when_ns < ask_again_ns && now >= n->list[i].when_ns)
			return false;
		n->list[i].when_ns = now;
		return true;
	}
	uint32_t at = n->count < NAMESPACES_MAX ? n->count++ : n->hand++ % NAMESPACES_MAX;
	n->list[at] = (struct asked){ netns, now };
	return true;
}

static void tell(const struct owner_sink *sink, uint32_t netns, const struct fl_addr *a)
{
	struct fl_owner_record r = { .local = *a, .netns = netns, .since_ns = attribution_now(), .kind = FL_OWNER_ADDRESS };
	sink->found(sink->context, &r);
}

/* "   |-- 10.0.0.5" followed by "      /32 host LOCAL" in the trie of routes. */
static void tell_v4(char *text, uint32_t netns, const struct owner_sink *sink)
{
	struct fl_addr last = { { 0 } };
	bool known = false;
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *leaf = strstr(line, "|-- ");
		if (leaf) {
			known = fl_addr_parse(leaf + 4, &last);
		} else if (known && strstr(line, "/32 host LOCAL")) {
			tell(sink, netns, &last);
			known = false;
		}
	}
}

/* "fe80000000000000... 02 40 20 80 eth0" */
static void tell_v6(char *text, uint32_t netns, const struct owner_sink *sink)
{
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		uint8_t bytes[16];
		size_t n = 0;
		while (n < 16 && sscanf(line + 2 * n, "%2hhx", &bytes[n]) == 1)
			n++;
		struct fl_addr a;
		if (n < 16 || strlen(line) < 32)
			continue;
		a = fl_addr_v6(bytes);
		tell(sink, netns, &a);
	}
}

void netns_addresses_see(struct netns_addresses *n, uint32_t netns, uint32_t pid, const struct owner_sink *sink)
{
	char path[64], *text;
	if (!netns || !is_due(n, netns))
		return;
	/* The process may be gone, and its number somebody else's. */
	if (attribution_netns(pid, false) != netns)
		return;
	text = fl_alloc(FILE_MAX);
	snprintf(path, sizeof(path), "/proc/%u/net/fib_trie", pid);
	if (fl_read_text(path, text, FILE_MAX) > 0)
		tell_v4(text, netns, sink);
	snprintf(path, sizeof(path), "/proc/%u/net/if_inet6", pid);
	if (fl_read_text(path, text, FILE_MAX) > 0)
		tell_v6(text, netns, sink);
	free(text);
}
