/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * silent.c - names of connections that are silent for longer than the flow table waits
 *
 * A pooled connection may say nothing for hours and then go on. Its flow has ended by then, and the new one begins in the
 * middle: its ClientHello will not be said again. So what named a flow that ended in silence is kept for a while: a ring of
 * places in the order in which flows ended, behind an index. When all are taken the one that has been silent longest goes, which costs
 * its name, no more. Only connections over TLS, and what DNS called them: requests in the clear say their Host again. Tunnels
 * are left out, since what is behind a proxy is told by more than a name.
 */
#include "scanner_internal.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/index.h"

enum { PLACES = 1024 };

/* What a flow that goes on still is. */
static const uint32_t lasting = FLOW_APPLICATION_MASK | FLOW_TLS | FLOW_TLS_HELLO | FLOW_TLS_FINISHED | FLOW_TLS_OLD |
				FLOW_MULTIPLEXED | FLOW_ECH;

struct place {
	struct fl_addr addr[2];
	uint16_t port[2];
	fl_str name, dns_name, dns_chain;
	uint32_t state; /* 0: free */
	uint32_t hash;
};

struct silent {
	struct place places[PLACES];
	uint32_t next; /* to be filled, or to go */
	struct fl_index index;
};

struct silent *silent_new(void)
{
	struct silent *list = fl_alloc(sizeof(*list));
	fl_index_init(&list->index, PLACES);
	return list;
}

void silent_free(struct silent *list)
{
	if (list)
		fl_index_fini(&list->index);
	free(list);
}

static uint32_t hash_of(const struct fl_flow *f)
{
	uint64_t hash = fl_hash_bytes(f->addr, sizeof(f->addr), fl_hash_seed());
	return (uint32_t)(fl_hash_bytes(f->port, sizeof(f->port), hash) >> 16);
}

static bool is_of(const struct place *k, const struct fl_flow *f)
{
	return memcmp(k->addr, f->addr, sizeof(k->addr)) == 0 && memcmp(k->port, f->port, sizeof(k->port)) == 0;
}

static struct place *find(struct silent *list, const struct fl_flow *f, uint32_t hash)
{
	uint32_t at = fl_index_home(&list->index, hash), i;
	while ((i = fl_index_next(&list->index, hash, &at)) != UINT32_MAX)
		if (is_of(&list->places[i], f))
			return &list->places[i];
	return NULL;
}

static void forget(struct silent *list, struct place *k)
{
	if (k->state)
		fl_index_remove(&list->index, k->hash, (uint32_t)(k - list->places));
	k->state = 0;
}

static struct place *new_place(struct silent *list, uint32_t hash)
{
	struct place *k = &list->places[list->next];
	forget(list, k);
	k->hash = hash;
	fl_index_add(&list->index, hash, list->next);
	list->next = (list->next + 1) % PLACES;
	return k;
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
	if (f->transport != FL_TRANSPORT_TCP || !flow_has(f, FLOW_TLS) || flow_has(f, FLOW_TUNNEL) || flow_has(f, FLOW_GROUP) ||
	    !scanner_believes(f))
		return;
	uint32_t hash = hash_of(f);
	struct place *k = find(s->silent, f, hash);
	if (k)
		forget(s->silent, k);
	k = new_place(s->silent, hash);
	memcpy(k->addr, f->addr, sizeof(k->addr));
	memcpy(k->port, f->port, sizeof(k->port));
	k->name = sni_of(s, f);
	k->dns_name = f->user[FLOW_DNS_NAME];
	k->dns_chain = f->user[FLOW_DNS_CHAIN];
	k->state = f->user[FLOW_STATE] & lasting;
}

void silent_recall(struct fl_scanner *s, struct fl_flow *f)
{
	struct place *k = find(s->silent, f, hash_of(f));
	if (!k)
		return;
	f->user[FLOW_STATE] |= k->state;
	f->user[FLOW_DNS_NAME] = k->dns_name;
	f->user[FLOW_DNS_CHAIN] = k->dns_chain;
	if (k->name)
		scanner_note_name(s, f, FL_NAME_TLS_SNI, fl_strpool_get(s->strings, k->name), 0);
	forget(s->silent, k);
}

void silent_move_strings(struct fl_scanner *s, struct fl_strpool *to)
{
	for (struct place *k = s->silent->places; k < s->silent->places + PLACES; k++) {
		if (!k->state)
			continue;
		k->name = fl_strpool_move(to, s->strings, k->name);
		k->dns_name = fl_strpool_move(to, s->strings, k->dns_name);
		k->dns_chain = fl_strpool_move(to, s->strings, k->dns_chain);
	}
}
