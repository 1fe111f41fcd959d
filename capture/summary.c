/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * summary.c - conversations written up as a scan
 *
 * Only now is it asked which addresses are the capture point's own. Conversations to them are
 * what services received, conversations from them are dependencies; both for traffic
 * between two local ends. Everything is sorted by text before it is written, so the
 * order in which tables were filled shows nowhere.
 */
#include "summary_internal.h"

#include "faultline/sort.h"

#include <stdlib.h>
#include <string.h>

enum { MEMO_BITS = 9 };

/* Of some hundred addresses that were asked for last, each in the place that its hash has: one address is asked for with every
 * conversation and every attempt that it is part of. */
struct host_memo {
	struct fl_addr address;
	uint32_t host;
	bool known;
};

static uint32_t find_host(const struct summary *m, const struct fl_addr *a)
{
	if (!fl_locality_is_local(m->scanner->locality, a))
		return NO_HOST;
	if (fl_locality_single_host(m->scanner->locality))
		return 0;
	/* One host an address, in the order of addresses. */
	size_t low = 0, high = m->scan->host_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = fl_addr_compare(&m->scan->hosts[mid].addresses[0], a);
		if (order == 0)
			return (uint32_t)mid;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NO_HOST;
}

uint32_t summary_host_of(const struct summary *m, const struct fl_addr *a)
{
	uint64_t half[2];
	memcpy(half, a->bytes, sizeof(half));
	struct host_memo *memo = &m->memo[((half[0] ^ half[1]) * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - MEMO_BITS)];
	if (!memo->known || !fl_addr_equal(&memo->address, a))
		*memo = (struct host_memo){ *a, find_host(m, a), true };
	return memo->host;
}

const char *summary_transport(uint8_t transport)
{
	return transport == FL_TRANSPORT_TCP ? "tcp" : "udp";
}

const char *summary_string(const struct summary *m, fl_str id)
{
	if (id == FL_STR_NONE)
		return NULL;
	if (!m->strings[id])
		m->strings[id] = fl_arena_string(m->arena, fl_strpool_get(m->scanner->strings, id));
	return m->strings[id];
}

const char **summary_chain(const struct summary *m, fl_str chain, size_t *count)
{
	const char *text = fl_strpool_get(m->scanner->strings, chain), *end;
	*count = 0;
	if (!text)
		return NULL;
	for (const char *at = text; at; at = strchr(at + 1, FL_CHAIN_SEPARATOR))
		++*count;
	if (m->chains[chain])
		return m->chains[chain];
	const char **list = m->chains[chain] = fl_arena_array(m->arena, *count, sizeof(*list));
	for (size_t i = 0; i < *count; i++, text = end + (*end != 0)) {
		end = strchrnul(text, FL_CHAIN_SEPARATOR);
		list[i] = fl_arena_string_n(m->arena, text, (size_t)(end - text));
	}
	return list;
}

struct fl_addr *summary_addresses(const struct summary *m, struct fl_addr *list, size_t *count)
{
	if (*count == 0)
		return NULL;
	size_t kept = fl_sort_distinct_addresses(list, *count);
	struct fl_addr *copy = fl_arena_array(m->arena, kept, sizeof(*copy));
	memcpy(copy, list, kept * sizeof(*copy));
	*count = kept;
	return copy;
}

void summary_seen(const struct summary *m, int64_t from_ns, int64_t to_ns, int64_t *first_ns, int64_t *last_ns)
{
	int64_t floor_ns = m->scanner->window ? m->scan->start_ns : INT64_MIN;
	*first_ns = from_ns < floor_ns ? floor_ns : from_ns;
	*last_ns = to_ns < *first_ns ? *first_ns : to_ns;
}

bool summary_is_probe(const struct fl_conversation *v)
{
	if (v->exchanges)
		return v->health == v->exchanges;
	return v->connections.midstream == 0 && v->connections.carried == 0 && v->bytes_out == 0 &&
	       v->empty == v->connections.established;
}

static void add_hosts(struct summary *m)
{
	struct fl_locality *l = m->scanner->locality;
	size_t count;
	const struct fl_addr *list = fl_locality_addresses(l, &count);
	if (fl_locality_single_host(l)) {
		struct fl_scan_host *h = m->scan->hosts = fl_arena_alloc(m->arena, sizeof(*h));
		m->scan->host_count = 1;
		h->name = m->scan->point;
		h->addresses = fl_arena_array(m->arena, count ? count : 1, sizeof(*list));
		h->address_count = count;
		if (count)
			memcpy(h->addresses, list, count * sizeof(*list));
		return;
	}
	m->scan->hosts = fl_arena_array(m->arena, count ? count : 1, sizeof(*m->scan->hosts));
	m->scan->host_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (fl_addr_is_loopback(&list[i]))
			continue;
		struct fl_scan_host *h = &m->scan->hosts[m->scan->host_count++];
		char text[FL_ADDR_TEXT];
		h->name = fl_arena_string(m->arena, fl_addr_format(&list[i], text));
		h->addresses = fl_arena_alloc(m->arena, sizeof(*list));
		h->addresses[0] = list[i];
		h->address_count = 1;
	}
}

/* Names that each host's services were asked for. */
static void collect_inbound_names(struct summary *m)
{
	const struct fl_conversations *table = m->scanner->conversations;
	size_t hosts = m->scan->host_count, n = fl_conversation_count(table);
	size_t *capacity = fl_alloc_array(hosts + 1, sizeof(*capacity));
	m->inbound_names = fl_alloc_array(hosts + 1, sizeof(*m->inbound_names));
	m->inbound_name_count = fl_alloc_array(hosts + 1, sizeof(*m->inbound_name_count));
	for (size_t i = 0; i < n; i++) {
		const struct fl_conversation *v = fl_conversation_get(table, i);
		uint32_t h = summary_host_of(m, &v->key.server);
		if (h == NO_HOST || v->key.name_source > FL_NAME_HTTP_HOST || !v->key.name || v->inner)
			continue;
		size_t *count = &m->inbound_name_count[h];
		if (*count == capacity[h]) {
			capacity[h] = fl_grown(capacity[h], *count + 1);
			m->inbound_names[h] = fl_grow_array(m->inbound_names[h], capacity[h], sizeof(fl_str));
		}
		m->inbound_names[h][(*count)++] = v->key.name;
	}
	for (size_t h = 0; h < hosts; h++)
		fl_sort_u32(m->inbound_names[h], m->inbound_name_count[h]);
	free(capacity);
}

/* Known types have constant names; others were written into @text. */
static const char *keep_word(const struct summary *m, const char *word, const char *text)
{
	return word == text ? fl_arena_string(m->arena, word) : word;
}

static void add_names(struct summary *m)
{
	const struct fl_names *names = m->scanner->names;
	struct fl_scan *scan = m->scan;
	scan->name_count = fl_names_answer_count(names);
	scan->names = fl_arena_array(m->arena, scan->name_count ? scan->name_count : 1, sizeof(*scan->names));
	for (size_t i = 0; i < scan->name_count; i++) {
		const struct fl_answer *a = fl_names_answer(names, i);
		struct fl_scan_name *n = &scan->names[i];
		char text[12];
		n->client = a->client;
		n->resolver = a->resolver;
		n->transport = summary_transport(a->transport);
		n->name = summary_string(m, a->name);
		n->type = keep_word(m, fl_dns_type_name(a->type, text), text);
		n->rcode = keep_word(m, fl_dns_rcode_name(a->rcode, text), text);
		n->cname_chain = summary_chain(m, a->chain, &n->cname_count);
		n->address_count = a->address_count;
		if (a->address_count) {
			n->addresses = fl_arena_array(m->arena, a->address_count, sizeof(struct fl_addr));
			memcpy(n->addresses, fl_names_addresses(names) + a->addresses,
			       a->address_count * sizeof(struct fl_addr));
		}
		n->count = a->count;
		n->first_seen_ns = a->first_ns;
		n->last_seen_ns = a->last_ns;
	}
}

/* Names out of the hosts file, before anything counts the strings. */
static void intern_hosts(struct fl_scanner *s)
{
	for (size_t i = 0; s->hosts && i < fl_conversation_count(s->conversations); i++) {
		const char *name = fl_hosts_name(s->hosts, &fl_conversation_get(s->conversations, i)->key.server);
		if (name)
			(void)fl_strpool_add(s->strings, name, strlen(name));
	}
}

struct fl_scan *scanner_summarise(struct fl_scanner *s)
{
	intern_hosts(s);
	struct fl_scan *scan = fl_scan_new();
	struct summary m = { .scanner = s, .scan = scan, .arena = scan->arena };
	m.strings = fl_alloc_array((size_t)fl_strpool_count(s->strings) + 1, sizeof(*m.strings));
	m.chains = fl_alloc_array((size_t)fl_strpool_count(s->strings) + 1, sizeof(*m.chains));
	m.providers = fl_alloc_array((size_t)fl_strpool_count(s->strings) + 1, sizeof(*m.providers));
	scan->point = fl_arena_string(scan->arena, s->options.point);
	scan->source = fl_arena_string(scan->arena, s->options.source);
	scan->start_ns = s->start_ns ? s->start_ns : s->first_ns;
	scan->end_ns = s->end_ns ? s->end_ns : s->last_ns;
	if (scan->end_ns < scan->start_ns) /* nothing came after a cut; the clock was set back */
		scan->end_ns = scan->start_ns;
	m.window_s = (double)(scan->end_ns - scan->start_ns) / 1e9;
	add_hosts(&m);
	m.memo = fl_alloc_array((size_t)1 << MEMO_BITS, sizeof(*m.memo));
	collect_inbound_names(&m);
	size_t conversations = fl_conversation_count(s->conversations);
	m.dependency_of = fl_alloc_array(conversations + 1, sizeof(*m.dependency_of));
	m.service_of = fl_alloc_array(conversations + 1, sizeof(*m.service_of));
	summary_services(&m);
	behaviour_begin(&m);
	summary_dependencies(&m);
	summary_behaviour(&m);
	add_names(&m);
	summary_coverage(&m);
	for (size_t h = 0; h < scan->host_count; h++)
		free(m.inbound_names[h]);
	free(m.inbound_names);
	free(m.inbound_name_count);
	free(m.memo);
	free(m.services);
	free(m.ports);
	free(m.dependency_of);
	free(m.service_of);
	free(m.service_of_dependency);
	free(m.strings);
	free(m.chains);
	free(m.providers);
	fl_scan_sort(scan);
	return scan;
}
