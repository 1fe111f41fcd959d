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

enum { ADDRESS_MAX = 4096, MAC_ADDRESSES = 16, ASKERS_MAX = 256, ROUTER_ADDRESSES = 4, MACS = 8, ENDS = 8 };
enum { RECENT_BITS = 8, RECENT = 1 << RECENT_BITS };

/* Share of flows that must have an end in common: frames that a switch floods are no other host. */
static const double nearly_all = 0.98;

/* Logarithm of how many times sooner the near end answers in the mean; below it both may be one machine's. */
static const double clear_handshake = 0.7;

/* One of the first few MACs of unicast flows; the host's is soon among them. */
struct mac {
	uint8_t bytes[6];
	uint64_t flows;
	struct fl_addr address[MAC_ADDRESSES]; /* sources behind it */
	unsigned address_count;                /* may be MAC_ADDRESSES + 1: more */
	uint64_t serves;                       /* ways of connections older than the capture, at whose lower port it is */
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
	/* Most flows have an address that a recent one had: number + 1 of the last that was asked for, by a cheap hash. */
	uint16_t recent[RECENT];
};

struct fl_locality {
	const char *declared;        /* how */
	struct address_list given;   /* declared */
	struct address_list cooked;  /* receives or sends by the cooked header */
	struct address_list foreign; /* sent in, or was sent out to: not ours, when both, it was forwarded */
	struct address_list loopback;
	struct address_list internal; /* internal addresses that sent */
	struct mac mac[MACS];
	unsigned mac_count;
	uint64_t mac_flows;          /* unicast flows with MACs */
	struct { struct fl_addr address; uint64_t flows; } end[ENDS]; /* of flows without MACs */
	unsigned end_count;
	uint64_t plain_flows;
	struct asker asker[ASKERS_MAX];
	unsigned asker_count;
	double handshake[2];         /* how much each of end_of[] waited less than the other; sum of logarithms */
	struct fl_addr end_of[2];
	unsigned handshake_count;
	uint64_t cooked_flows;

	const struct fl_prefix *inside; /* --internal */
	size_t inside_count;
	uint64_t refused;            /* addresses that found no place */

	struct address_list chosen;
	const char *how;
	bool single;
};

static uint32_t hash_of(const struct fl_addr *a)
{
	return (uint32_t)(fl_hash_bytes(a, sizeof(*a), fl_hash_seed()) >> 16);
}

/* Where @a is remembered, when it was asked for lately. Whoever collides is only looked up. */
static uint16_t *recent_of(struct address_list *l, const struct fl_addr *a)
{
	uint64_t words[2];
	memcpy(words, a->bytes, sizeof(words));
	return &l->recent[((words[0] ^ words[1]) * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - RECENT_BITS)];
}

static bool is_recent(const struct address_list *l, const struct fl_addr *a, uint16_t recent)
{
	return recent && fl_addr_equal(&l->list[recent - 1], a);
}

/* The number of @a, or ADDRESS_MAX. */
static uint32_t number_of(const struct address_list *l, const struct fl_addr *a)
{
	if (!l->index.places)
		return ADDRESS_MAX;
	uint32_t hash = hash_of(a), at = fl_index_home(&l->index, hash), i;
	while ((i = fl_index_next(&l->index, hash, &at)) != UINT32_MAX)
		if (fl_addr_equal(&l->list[i], a))
			return i;
	return ADDRESS_MAX;
}

/* Return: whether it is in the set now. */
static bool add(struct address_list *l, const struct fl_addr *a)
{
	uint16_t *recent = recent_of(l, a);
	if (is_recent(l, a, *recent))
		return true;
	uint32_t known = number_of(l, a);
	if (known != ADDRESS_MAX)
		*recent = (uint16_t)(known + 1);
	if (known != ADDRESS_MAX || l->count == ADDRESS_MAX)
		return known != ADDRESS_MAX;
	if (!l->index.places)
		fl_index_init(&l->index, ADDRESS_MAX);
	if (l->count == l->capacity) {
		l->capacity = fl_grown(l->capacity, l->count + 1);
		l->list = fl_grow_array(l->list, l->capacity, sizeof(*l->list));
	}
	fl_index_add(&l->index, hash_of(a), (uint32_t)l->count);
	l->list[l->count++] = *a;
	*recent = (uint16_t)l->count;
	return true;
}

static bool has(const struct address_list *l, const struct fl_addr *a)
{
	return number_of(l, a) != ADDRESS_MAX;
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
	list_fini(&l->foreign);
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

static struct mac *mac_of(struct fl_locality *l, const uint8_t bytes[6])
{
	for (unsigned i = 0; i < l->mac_count; i++)
		if (memcmp(l->mac[i].bytes, bytes, 6) == 0)
			return &l->mac[i];
	if (l->mac_count == MACS)
		return NULL;
	struct mac *m = &l->mac[l->mac_count++];
	memcpy(m->bytes, bytes, 6);
	return m;
}

static bool is_old(const struct fl_packet *p)
{
	return p->transport == FL_TRANSPORT_TCP && !(p->tcp_flags & FL_TCP_SYN);
}

static void see_macs(struct fl_locality *l, const struct fl_packet *p)
{
	struct mac *from = mac_of(l, p->src_mac), *to = mac_of(l, p->dst_mac);
	l->mac_flows++;
	if (from) {
		from->flows++;
		from->serves += is_old(p) && p->src_port < p->dst_port;
		see_behind(from, &p->src);
	}
	if (to && to != from) {
		to->flows++;
		to->serves += is_old(p) && p->dst_port < p->src_port;
	}
}

static void see_end(struct fl_locality *l, const struct fl_addr *a)
{
	unsigned i = 0;
	while (i < l->end_count && !fl_addr_equal(&l->end[i].address, a))
		i++;
	if (i == ENDS)
		return;
	if (i == l->end_count)
		l->end[l->end_count++].address = *a;
	l->end[i].flows++;
}

static void see_ends(struct fl_locality *l, const struct fl_packet *p)
{
	l->plain_flows++;
	see_end(l, &p->src);
	see_end(l, &p->dst);
}

static bool is_inside(const struct fl_locality *l, const struct fl_addr *a)
{
	if (fl_addr_is_internal(a))
		return true;
	for (size_t i = 0; i < l->inside_count; i++)
		if (fl_prefix_contains(&l->inside[i], a))
			return true;
	return false;
}

void fl_locality_inside(struct fl_locality *l, const struct fl_prefix *nets, size_t count)
{
	l->inside = nets;
	l->inside_count = count;
}

static void try_add(struct fl_locality *l, struct address_list *list, const struct fl_addr *a)
{
	l->refused += !add(list, a);
}

/* Anybody far off can put any address behind a route through this host. */
void fl_locality_see(struct fl_locality *l, const struct fl_packet *p)
{
	if (p->routed || fl_addr_is_multicast(&p->dst) || fl_addr_is_multicast(&p->src) ||
	    (p->has_mac && (p->dst_mac[0] & 1)) || p->way == FL_WAY_OTHER || p->way == FL_WAY_GROUP)
		return;
	if (fl_addr_is_loopback(&p->src)) {
		add(&l->loopback, &p->src);
		return;
	}
	if (is_inside(l, &p->src))
		try_add(l, &l->internal, &p->src);
	if (p->way == FL_WAY_OUT || p->way == FL_WAY_IN) {
		bool out = p->way == FL_WAY_OUT;
		l->cooked_flows++;
		try_add(l, &l->cooked, out ? &p->src : &p->dst);
		try_add(l, &l->foreign, out ? &p->dst : &p->src);
	} else if (p->has_mac) {
		see_macs(l, p);
	} else {
		see_ends(l, p);
	}
}

uint64_t fl_locality_refused(const struct fl_locality *l)
{
	return l->refused;
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

/* Of two MACs that are in nearly every flow, the host's; see locality.h. */
static const struct mac *nearer_mac(const struct fl_locality *l, const struct mac *a, const struct mac *b)
{
	long a_unanswered = unanswered(l, a), b_unanswered = unanswered(l, b);
	if (a_unanswered != b_unanswered)
		return a_unanswered < b_unanswered ? a : b;
	if (a->address_count >= b->address_count + ROUTER_ADDRESSES)
		return b;
	if (b->address_count >= a->address_count + ROUTER_ADDRESSES)
		return a;
	double nearer = nearness(l, a) - nearness(l, b);
	if (l->handshake_count > 0 && fabs(nearer) >= 2 * clear_handshake * l->handshake_count)
		return nearer > 0 ? a : b;
	if (a->address_count != b->address_count)
		return a->address_count < b->address_count ? a : b;
	if (internal_behind(a) != internal_behind(b))
		return internal_behind(b) > internal_behind(a) ? b : a;
	/* Old connections to one neighbour and nothing else: a client would ask a resolver, too. */
	if (a->serves != b->serves)
		return b->serves > a->serves ? b : a;
	return nearer < 0 ? b : a;
}

/* The MAC that is the host's, or NULL. */
static const struct mac *host_mac(const struct fl_locality *l)
{
	const struct mac *host = NULL;
	for (unsigned i = 0; i < l->mac_count; i++) {
		const struct mac *m = &l->mac[i];
		if (m->address_count == 0 || (double)m->flows < nearly_all * (double)l->mac_flows)
			continue;
		if (!host || m->flows > host->flows)
			host = m;
		else if (m->flows == host->flows)
			host = nearer_mac(l, host, m);
	}
	return host && host->address_count <= MAC_ADDRESSES ? host : NULL;
}

bool fl_locality_is_own(const struct fl_locality *l, const struct fl_addr *a)
{
	if (fl_addr_is_loopback(a) || (l->given.count && has(&l->given, a)))
		return true;
	return !l->given.count && l->cooked_flows && has(&l->cooked, a) && !has(&l->foreign, a);
}

const struct fl_addr *fl_locality_same_host(const struct fl_locality *l, const struct fl_addr *a, size_t *count)
{
	const struct mac *host = l->given.count || l->cooked_flows ? NULL : host_mac(l);
	*count = 0;
	for (unsigned i = 0; host && i < host->address_count; i++) {
		if (!fl_addr_equal(&host->address[i], a))
			continue;
		*count = host->address_count;
		return host->address;
	}
	return NULL;
}

static bool decide_by_mac(struct fl_locality *l)
{
	const struct mac *host = host_mac(l);
	for (unsigned k = 0; host && k < host->address_count; k++)
		add(&l->chosen, &host->address[k]);
	if (host)
		l->how = "mac";
	return host != NULL;
}

static bool decide_by_end(struct fl_locality *l)
{
	int best = -1;
	for (unsigned i = 0; i < l->end_count; i++) {
		if (!l->plain_flows || (double)l->end[i].flows < nearly_all * (double)l->plain_flows)
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
		for (size_t i = 0; i < l->cooked.count; i++)
			if (!has(&l->foreign, &l->cooked.list[i]))
				add(&l->chosen, &l->cooked.list[i]);
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
