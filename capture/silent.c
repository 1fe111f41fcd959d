/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * silent.c - names of connections that are silent for longer than the flow table waits
 *
 * A pooled connection may say nothing for hours and then go on. Its flow has ended by then, and the new one begins in the
 * middle: its ClientHello will not be said again. So what named a flow that ended in silence is kept for a
 * while: a table with one place a hash, where the newest stays. What is pushed out by another costs a name, no more.
 * Only connections over TLS, and what DNS called them: requests in the clear say their Host again. Tunnels are left out, since
 * what is behind a proxy is told by more than a name.
 */
#include "scanner_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 1024 }; /* a power of two; 64 bytes each */

/* What a flow that goes on still is. */
static const uint32_t lasting = FLOW_APPLICATION_MASK | FLOW_TLS | FLOW_TLS_HELLO | FLOW_TLS_FINISHED | FLOW_TLS_OLD |
				FLOW_MULTIPLEXED | FLOW_ECH;

struct silent {
	struct fl_addr addr[2];
	uint16_t port[2];
	fl_str name, dns_name, dns_chain;
	uint32_t state; /* 0: free */
};

struct silent *silent_new(void)
{
	return fl_alloc_array(PLACES, sizeof(struct silent));
}

static struct silent *place_of(struct silent *list, const struct fl_flow *f)
{
	uint64_t hash = fl_hash_bytes(f->addr, sizeof(f->addr), fl_hash_seed());
	hash = fl_hash_bytes(f->port, sizeof(f->port), hash);
	return &list[hash % PLACES];
}

static bool is_of(const struct silent *k, const struct fl_flow *f)
{
	return memcmp(k->addr, f->addr, sizeof(k->addr)) == 0 && memcmp(k->port, f->port, sizeof(k->port)) == 0;
}

static fl_str sni_of(const struct fl_scanner *s, const struct fl_flow *f)
{
	for (uint32_t at = f->user[FLOW_NAMES]; at; at = s->flow_names[at - 1].next)
		if (s->flow_names[at - 1].source == FL_NAME_TLS_SNI)
			return s->flow_names[at - 1].name;
	return FL_STR_NONE;
}

void silent_keep(struct fl_scanner *s, const struct fl_flow *f)
{
	if (f->transport != FL_TRANSPORT_TCP || !flow_has(f, FLOW_TLS) || flow_has(f, FLOW_TUNNEL) || flow_has(f, FLOW_GROUP))
		return;
	struct silent *k = place_of(s->silent, f);
	memcpy(k->addr, f->addr, sizeof(k->addr));
	memcpy(k->port, f->port, sizeof(k->port));
	k->name = sni_of(s, f);
	k->dns_name = f->user[FLOW_DNS_NAME];
	k->dns_chain = f->user[FLOW_DNS_CHAIN];
	k->state = f->user[FLOW_STATE] & lasting;
}

void silent_recall(struct fl_scanner *s, struct fl_flow *f)
{
	struct silent *k = place_of(s->silent, f);
	if (!k->state || !is_of(k, f))
		return;
	f->user[FLOW_STATE] |= k->state;
	f->user[FLOW_DNS_NAME] = k->dns_name;
	f->user[FLOW_DNS_CHAIN] = k->dns_chain;
	if (k->name)
		scanner_note_name(s, f, FL_NAME_TLS_SNI, fl_strpool_get(s->strings, k->name), 0);
	k->state = 0;
}

void silent_move_strings(struct fl_scanner *s, struct fl_strpool *to)
{
	for (struct silent *k = s->silent; k < s->silent + PLACES; k++) {
		if (!k->state)
			continue;
		k->name = fl_strpool_move(to, s->strings, k->name);
		k->dns_name = fl_strpool_move(to, s->strings, k->dns_name);
		k->dns_chain = fl_strpool_move(to, s->strings, k->dns_chain);
	}
}
