/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locality.c - telling the capturing host's own addresses
 *
 * Seen once per flow and direction, so the counting may be simple: a small table of MACs (how
 * many unicast flows touch each, and the addresses behind it as source), the addresses that the
 * cooked header calls ours, and how many flows each of a few candidate addresses
 * is part of. All tables are bounded; what does not fit makes the answer "all
 * internal addresses", never a wrong single host: a MAC or address that covers
 * every flow is among the two of the first flow.
 */
#include "faultline/locality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/index.h"

enum { ADDRESS_MAX = 4096, MAC_ADDRESSES = 16, ASKERS_MAX = 256, ROUTER_ADDRESSES = 4 };

/* One end of the first unicast flow; only these two can be in every flow. */
struct mac {
	uint8_t bytes[6];
	uint64_t flows;
	struct fl_addr address[MAC_ADDRESSES]; /* sources behind it */
	unsigned address_count;                /* may be MAC_ADDRESSES + 1: more */
};

/* Who asked for others by ARP, and how often an answer was seen. */
struct asker {
	uint8_t mac[6];
	uint32_t asked, answered;
};

/* A set: in the order of arrival behind an index; sorted once the host is decided. */
struct address_list {
	struct fl_addr *list;
	size_t count, capacity;
	struct fl_index index;
};

struct fl_locality {
	const char *declared;        /* how */
	struct address_list given;   /* declared */
	struct address_list cooked;  /* ours by the cooked header */
	struct address_list loopback;
	struct address_list internal; /* internal addresses that sent */
	struct mac mac[2];
	unsigned mac_count;
	uint64_t mac_flows;          /* unicast flows with MACs */
	struct { struct fl_addr address; uint64_t flows; } end[2]; /* of the first flow without MACs */
	unsigned end_count;
	uint64_t plain_flows;
	struct asker asker[ASKERS_MAX];
	unsigned asker_count;
	double handshake[2];         /* how much each of end_of[] waited less than the other; sum of logarithms */
	struct fl_addr end_of[2];
	unsigned handshake_count;
	uint64_t cooked_flows;

	struct address_list chosen;
	const char *how;
	bool single;
};

static uint32_t hash_of(const struct fl_addr *a)
{
	return (uint32_t)(fl_hash_bytes(a, sizeof(*a), fl_hash_seed()) >> 16);
}

static bool has(const struct address_list *l, const struct fl_addr *a)
{
	if (!l->index.places)
		return false;
	uint32_t hash = hash_of(a), at = fl_index_home(&l->index, hash), i;
	while ((i = fl_index_next(&l->index, hash, &at)) != UINT32_MAX)
		if (fl_addr_equal(&l->list[i], a))
			return true;
	return false;
}

static void add(struct address_list *l, const struct fl_addr *a)
{
	if (l->count == ADDRESS_MAX || has(l, a))
		return;
	if (!l->index.places)
		fl_index_init(&l->index, ADDRESS_MAX);
	if (l->count == l->capacity) {
		l->capacity = fl_grown(l->capacity, l->count + 1);
		l->list = fl_grow_array(l->list, l->capacity, sizeof(*l->list));
	}
	fl_index_add(&l->index, hash_of(a), (uint32_t)l->count);
	l->list[l->count++] = *a;
}

static void list_fini(struct address_list *l)
{
	free(l->list);
	fl_index_fini(&l->index);
	*l = (struct address_list){ .list = NULL };
}

static int compare_addresses(const void *a, const void *b)
{
	return fl_addr_compare(a, b);
}

/* Afterwards the index is of no use any more; what is looked up then is rebuilt in order. */
static void sort_list(struct address_list *l)
{
	struct address_list sorted = { .list = NULL };
	if (l->count)
		qsort(l->list, l->count, sizeof(*l->list), compare_addresses);
	for (size_t i = 0; i < l->count; i++)
		add(&sorted, &l->list[i]);
	list_fini(l);
	*l = sorted;
}

struct fl_locality *fl_locality_new(void)
{
	return fl_alloc(sizeof(struct fl_locality));
}

void fl_locality_free(struct fl_locality *l)
{
	if (!l)
		return;
	list_fini(&l->given);
	list_fini(&l->cooked);
	list_fini(&l->loopback);
	list_fini(&l->internal);
	list_fini(&l->chosen);
	free(l);
}

void fl_locality_declare(struct fl_locality *l, const struct fl_addr *address, const char *how)
{
	l->declared = how;
	add(&l->given, address);
}

static void see_behind(struct mac *m, const struct fl_addr *source)
{
	if (m->address_count > MAC_ADDRESSES)
		return;
	for (unsigned i = 0; i < m->address_count; i++)
		if (fl_addr_equal(&m->address[i], source))
			return;
	if (m->address_count < MAC_ADDRESSES)
		m->address[m->address_count] = *source;
	m->address_count++;
}

static void see_macs(struct fl_locality *l, const struct fl_packet *p)
{
	if (l->mac_count == 0) {
		memcpy(l->mac[0].bytes, p->src_mac, 6);
		memcpy(l->mac[1].bytes, p->dst_mac, 6);
		l->mac_count = 2;
	}
	l->mac_flows++;
	for (unsigned i = 0; i < 2; i++) {
		struct mac *m = &l->mac[i];
		bool source = memcmp(m->bytes, p->src_mac, 6) == 0;
		if (source || memcmp(m->bytes, p->dst_mac, 6) == 0)
			m->flows++;
		if (source)
			see_behind(m, &p->src);
	}
}

static void see_ends(struct fl_locality *l, const struct fl_packet *p)
{
	if (l->end_count == 0) {
		l->end[0].address = p->src;
		l->end[1].address = p->dst;
		l->end_count = 2;
	}
	l->plain_flows++;
	for (unsigned i = 0; i < 2; i++)
		if (fl_addr_equal(&l->end[i].address, &p->src) || fl_addr_equal(&l->end[i].address, &p->dst))
			l->end[i].flows++;
}

void fl_locality_see(struct fl_locality *l, const struct fl_packet *p)
{
	if (fl_addr_is_multicast(&p->dst) || fl_addr_is_multicast(&p->src) ||
	    (p->has_mac && (p->dst_mac[0] & 1)))
		return;
	if (fl_addr_is_loopback(&p->src)) {
		add(&l->loopback, &p->src);
		return;
	}
	if (fl_addr_is_internal(&p->src))
		add(&l->internal, &p->src);
	if (p->way == FL_WAY_OUT || p->way == FL_WAY_IN) {
		l->cooked_flows++;
		add(&l->cooked, p->way == FL_WAY_OUT ? &p->src : &p->dst);
	} else if (p->has_mac) {
		see_macs(l, p);
	} else {
		see_ends(l, p);
	}
}

static struct asker *asker_of(struct fl_locality *l, const uint8_t mac[6])
{
	for (unsigned i = 0; i < l->asker_count; i++)
		if (memcmp(l->asker[i].mac, mac, 6) == 0)
			return &l->asker[i];
	if (l->asker_count == ASKERS_MAX)
		return NULL;
	struct asker *a = &l->asker[l->asker_count++];
	memcpy(a->mac, mac, 6);
	return a;
}

void fl_locality_see_arp(struct fl_locality *l, const struct fl_packet *p)
{
	if (!p->has_mac || fl_addr_equal(&p->src, &p->dst) || fl_addr_is_none(&p->src))
		return; /* announcements and probes ask nobody */
	struct asker *a = asker_of(l, p->arp == 1 ? p->src_mac : p->dst_mac);
	if (!a)
		return;
	if (p->arp == 1)
		a->asked++;
	else
		a->answered++;
}

void fl_locality_see_handshake(struct fl_locality *l, const struct fl_addr *client, const struct fl_addr *server,
			       int64_t to_synack_ns, int64_t to_ack_ns)
{
	if (to_synack_ns <= 0 || to_ack_ns <= 0)
		return;
	if (l->handshake_count == 0) {
		l->end_of[0] = *client;
		l->end_of[1] = *server;
	}
	l->handshake_count++;
	/* Near the client its ACK follows at once; near the server its SYN-ACK does. */
	double near_client = log((double)to_synack_ns / (double)to_ack_ns);
	for (unsigned i = 0; i < 2; i++) {
		if (fl_addr_equal(&l->end_of[i], client))
			l->handshake[i] += near_client;
		else if (fl_addr_equal(&l->end_of[i], server))
			l->handshake[i] -= near_client;
	}
}

static unsigned internal_behind(const struct mac *m)
{
	unsigned n = 0;
	for (unsigned i = 0; i < m->address_count && i < MAC_ADDRESSES; i++)
		n += fl_addr_is_internal(&m->address[i]);
	return n;
}

static long unanswered(const struct fl_locality *l, const struct mac *m)
{
	for (unsigned i = 0; i < l->asker_count; i++)
		if (memcmp(l->asker[i].mac, m->bytes, 6) == 0)
			return (long)l->asker[i].asked - (long)l->asker[i].answered;
	return 0;
}

static double nearness(const struct fl_locality *l, const struct mac *m)
{
	double sum = 0;
	for (unsigned i = 0; i < m->address_count && i < MAC_ADDRESSES; i++)
		for (unsigned k = 0; k < 2 && l->handshake_count; k++)
			if (fl_addr_equal(&m->address[i], &l->end_of[k]))
				sum += l->handshake[k];
	return sum;
}

/* Of two MACs that are in every flow, the host's; see locality.h. */
static int nearer_mac(const struct fl_locality *l)
{
	const struct mac *a = &l->mac[0], *b = &l->mac[1];
	long a_unanswered = unanswered(l, a), b_unanswered = unanswered(l, b);
	if (a_unanswered != b_unanswered)
		return a_unanswered < b_unanswered ? 0 : 1;
	if (a->address_count >= b->address_count + ROUTER_ADDRESSES)
		return 1;
	if (b->address_count >= a->address_count + ROUTER_ADDRESSES)
		return 0;
	double a_near = nearness(l, a), b_near = nearness(l, b);
	if (a_near < b_near || a_near > b_near)
		return a_near > b_near ? 0 : 1;
	if (a->address_count != b->address_count)
		return a->address_count < b->address_count ? 0 : 1;
	return internal_behind(b) > internal_behind(a) ? 1 : 0;
}

/* Index of the MAC that is the host, or -1. */
static int host_mac(const struct fl_locality *l)
{
	bool covers[2] = { false, false };
	for (unsigned i = 0; i < l->mac_count; i++)
		covers[i] = l->mac_flows && l->mac[i].flows == l->mac_flows && l->mac[i].address_count > 0;
	if (covers[0] && covers[1]) {
		int i = nearer_mac(l);
		return l->mac[i].address_count <= MAC_ADDRESSES ? i : -1;
	}
	for (int i = 0; i < 2; i++)
		if (covers[i] && l->mac[i].address_count <= MAC_ADDRESSES)
			return i;
	return -1;
}

const struct fl_addr *fl_locality_same_host(const struct fl_locality *l, const struct fl_addr *a, size_t *count)
{
	const struct address_list *known = l->given.count ? &l->given : &l->cooked;
	*count = 0;
	if (has(known, a) && known->count <= MAC_ADDRESSES) {
		*count = known->count;
		return known->list;
	}
	int i = known->count || !l->mac_flows ? -1 : host_mac(l);
	for (unsigned k = 0; i >= 0 && k < l->mac[i].address_count; k++) {
		if (!fl_addr_equal(&l->mac[i].address[k], a))
			continue;
		*count = l->mac[i].address_count;
		return l->mac[i].address;
	}
	return NULL;
}

static bool decide_by_mac(struct fl_locality *l)
{
	int i = host_mac(l);
	if (i < 0)
		return false;
	for (unsigned k = 0; k < l->mac[i].address_count; k++)
		add(&l->chosen, &l->mac[i].address[k]);
	l->how = "mac";
	return true;
}

static bool decide_by_end(struct fl_locality *l)
{
	int best = -1;
	for (unsigned i = 0; i < l->end_count; i++) {
		if (!l->plain_flows || l->end[i].flows != l->plain_flows)
			continue;
		if (best < 0 || (fl_addr_is_internal(&l->end[i].address) &&
				 !fl_addr_is_internal(&l->end[best].address)))
			best = (int)i;
	}
	if (best < 0)
		return false;
	add(&l->chosen, &l->end[best].address);
	l->how = "address";
	return true;
}

static void add_all(struct address_list *to, const struct address_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		add(to, &from->list[i]);
}

void fl_locality_decide(struct fl_locality *l)
{
	list_fini(&l->chosen);
	l->single = true;
	if (l->given.count) {
		add_all(&l->chosen, &l->given);
		l->how = l->declared;
	} else if (l->cooked_flows) {
		add_all(&l->chosen, &l->cooked);
		l->how = "cooked";
	} else if (!(l->mac_flows && !l->plain_flows && decide_by_mac(l)) &&
		   !(l->plain_flows && !l->mac_flows && decide_by_end(l))) {
		if (l->loopback.count && !l->mac_flows && !l->plain_flows) {
			l->how = "loopback";
		} else {
			add_all(&l->chosen, &l->internal);
			l->single = l->internal.count == 0;
			l->how = l->single ? "none" : "all-internal";
		}
	}
	add_all(&l->chosen, &l->loopback);
	sort_list(&l->chosen);
}

const char *fl_locality_how(const struct fl_locality *l)
{
	return l->how ? l->how : "none";
}

bool fl_locality_single_host(const struct fl_locality *l)
{
	return l->single;
}

const struct fl_addr *fl_locality_addresses(const struct fl_locality *l, size_t *count)
{
	*count = l->chosen.count;
	return l->chosen.list;
}

bool fl_locality_is_local(const struct fl_locality *l, const struct fl_addr *a)
{
	return has(&l->chosen, a) || fl_addr_is_loopback(a);
}
