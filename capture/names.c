/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.c - DNS answers bound to (client, address, time)
 *
 * Two tables answer the two questions of the packet path: which
 * answer named this address last (client, address), and which chain led away from
 * this name (client, name). Each is a ring of fixed size in the order keys were first
 * seen, behind an index; a full ring gives up its oldest key. A binding outlives its TTL: a
 * connection pool dials for hours with what it resolved once.
 *
 * Before either, one bit per hash of an address tells whether any answer ever named it (a Bloom filter with one
 * function; CACM 13(7), 1970): servers that nobody resolves cost no look-up. Bits are taken back only where a
 * new window begins.
 *
 * The list of distinct answers is an append-only array behind an open-addressed
 * index; at its limit further answers are counted, not kept.
 */
#include "faultline/names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/index.h"

static const int64_t young_ns = INT64_C(600) * 1000000000;

struct key {
	struct fl_addr client;
	struct fl_addr other; /* address, or name id in the first four bytes */
};

struct place {
	struct key key;
	struct fl_binding binding; /* time_ns 0 and name NONE: free */
};

struct bindings {
	struct place *places;
	uint32_t limit, count, hand;
	struct fl_index index;
};

struct fl_names {
	struct fl_strpool *pool;
	struct bindings by_address, by_name;
	uint64_t *named;          /* a bit per hash of an address that was ever bound */
	uint64_t named_mask;
	struct fl_answer *answers;
	size_t answer_count, answer_capacity, answer_limit, text_limit;
	struct fl_index index;
	struct fl_addr *addresses;
	size_t address_count, address_capacity;
	struct fl_names_counters counters;
};

static void bindings_init(struct bindings *b, uint32_t limit)
{
	b->limit = limit ? limit : 1;
	b->places = fl_alloc_table(b->limit, sizeof(*b->places));
	fl_index_init(&b->index, b->limit);
}

static void bindings_fini(struct bindings *b)
{
	free(b->places);
	fl_index_fini(&b->index);
}

static uint32_t key_hash(const struct key *k)
{
	return (uint32_t)(fl_hash_bytes(k, sizeof(*k), fl_hash_seed()) >> 20);
}

/* A look-up is about to come, and where the next new key will go. */
static void bindings_expect(const struct bindings *b, const struct key *k)
{
	fl_index_expect(&b->index, key_hash(k));
	__builtin_prefetch(&b->places[b->hand]);
}

static struct place *bindings_find_hashed(const struct bindings *b, const struct key *k, uint32_t hash)
{
	uint32_t at = fl_index_home(&b->index, hash), i;
	while ((i = fl_index_next(&b->index, hash, &at)) != UINT32_MAX)
		if (memcmp(&b->places[i].key, k, sizeof(*k)) == 0)
			return &b->places[i];
	return NULL;
}

static struct place *bindings_find(const struct bindings *b, const struct key *k)
{
	return bindings_find_hashed(b, k, key_hash(k));
}

static uint32_t oldest_place(struct bindings *b, int64_t now_ns, struct fl_names_counters *counters)
{
	uint32_t i = b->hand;
	b->hand = (b->hand + 1) % b->limit;
	if (now_ns - b->places[i].binding.time_ns < young_ns)
		counters->bindings_evicted++;
	fl_index_remove(&b->index, key_hash(&b->places[i].key), i);
	/* The one after it goes next. */
	if (b->count == b->limit)
		fl_index_expect(&b->index, key_hash(&b->places[b->hand].key));
	return i;
}

static void bindings_put(struct bindings *b, const struct key *k, struct fl_binding binding,
			 struct fl_names_counters *counters)
{
	uint32_t hash = key_hash(k);
	struct place *known = bindings_find_hashed(b, k, hash);
	if (known) {
		known->binding = binding;
		return;
	}
	uint32_t i = b->count < b->limit ? b->count++ : oldest_place(b, binding.time_ns, counters);
	b->places[i] = (struct place){ *k, binding };
	fl_index_add(&b->index, hash, i);
}

static struct key address_key(const struct fl_addr *client, const struct fl_addr *server)
{
	return (struct key){ .client = *client, .other = *server };
}

static struct key name_key(const struct fl_addr *client, fl_str name)
{
	struct key k = { .client = *client };
	memcpy(k.other.bytes, &name, sizeof(name));
	return k;
}

static uint64_t *named_word(const struct fl_names *n, const struct fl_addr *a, uint64_t *bit)
{
	uint64_t hash = fl_hash_bytes(a, sizeof(*a), fl_hash_seed()) & n->named_mask;
	*bit = UINT64_C(1) << (hash & 63);
	return &n->named[hash >> 6];
}

static void bind_address(struct fl_names *n, const struct fl_addr *client, const struct fl_addr *server,
			 struct fl_binding binding)
{
	uint64_t bit, *word = named_word(n, server, &bit);
	*word |= bit;
	struct key k = address_key(client, server);
	bindings_put(&n->by_address, &k, binding, &n->counters);
}

struct fl_names *fl_names_new(struct fl_strpool *pool, const struct fl_names_options *options)
{
	struct fl_names *n = fl_alloc(sizeof(*n));
	n->pool = pool;
	bindings_init(&n->by_address, options->bindings);
	bindings_init(&n->by_name, options->bindings);
	uint64_t bits = 1024;
	while (bits < 4 * (uint64_t)options->bindings)
		bits *= 2;
	n->named = fl_alloc_array(bits / 64, sizeof(*n->named));
	n->named_mask = bits - 1;
	n->answer_limit = options->answers;
	n->text_limit = options->text;
	fl_index_init(&n->index, options->answers);
	return n;
}

void fl_names_free(struct fl_names *n)
{
	if (!n)
		return;
	bindings_fini(&n->by_address);
	bindings_fini(&n->by_name);
	free(n->named);
	fl_index_fini(&n->index);
	free(n->answers);
	free(n->addresses);
	free(n);
}

static fl_str keep_text(struct fl_names *n, const char *text, size_t size)
{
	if (fl_strpool_bytes(n->pool) < n->text_limit)
		return fl_strpool_add(n->pool, text, size);
	return fl_strpool_find(n->pool, text, size);
}

static fl_str intern_chain(struct fl_names *n, const struct fl_dns_message *m)
{
	char text[FL_DNS_CHAIN_MAX * FL_DNS_NAME_MAX];
	size_t size = 0;
	for (unsigned i = 0; i < m->chain_count; i++) {
		size_t length = strlen(m->chain[i]);
		if (i)
			text[size++] = FL_CHAIN_SEPARATOR;
		memcpy(text + size, m->chain[i], length);
		size += length;
	}
	return keep_text(n, text, size);
}

static int compare_addresses(const void *a, const void *b)
{
	return fl_addr_compare(a, b);
}

static size_t sorted_addresses(const struct fl_dns_message *m, struct fl_addr *list)
{
	size_t count = 0;
	memcpy(list, m->address, m->address_count * sizeof(*list));
	if (m->address_count > 1)
		qsort(list, m->address_count, sizeof(*list), compare_addresses);
	for (size_t i = 0; i < m->address_count; i++)
		if (count == 0 || !fl_addr_equal(&list[count - 1], &list[i]))
			list[count++] = list[i];
	return count;
}

static bool same_answer(const struct fl_names *n, const struct fl_answer *a, const struct fl_answer *b,
			const struct fl_addr *b_addresses)
{
	return a->name == b->name && a->type == b->type && a->rcode == b->rcode && a->chain == b->chain &&
	       a->transport == b->transport && a->address_count == b->address_count &&
	       fl_addr_equal(&a->client, &b->client) && fl_addr_equal(&a->resolver, &b->resolver) &&
	       (b->address_count == 0 || memcmp(n->addresses + a->addresses, b_addresses,
						b->address_count * sizeof(*b_addresses)) == 0);
}

static uint64_t answer_hash(const struct fl_answer *a, const struct fl_addr *addresses)
{
	uint32_t words[] = { a->name, a->chain, (uint32_t)a->type << 16 | (uint32_t)a->rcode << 8 | a->transport };
	uint64_t h = fl_hash_bytes(words, sizeof(words), fl_hash_seed());
	h = fl_hash_bytes(&a->client, sizeof(a->client), h);
	h = fl_hash_bytes(&a->resolver, sizeof(a->resolver), h);
	return fl_hash_bytes(addresses, a->address_count * sizeof(*addresses), h);
}

static void append_answer(struct fl_names *n, struct fl_answer *a, const struct fl_addr *addresses,
			  uint32_t hash)
{
	if (n->answer_count == n->answer_limit) {
		n->counters.answers_dropped++;
		return;
	}
	if (n->answer_count == n->answer_capacity) {
		n->answer_capacity = fl_grown(n->answer_capacity, n->answer_count + 1);
		n->answers = fl_grow_array(n->answers, n->answer_capacity, sizeof(*n->answers));
	}
	if (n->address_count + a->address_count > n->address_capacity) {
		n->address_capacity = fl_grown(n->address_capacity, n->address_count + a->address_count);
		n->addresses = fl_grow_array(n->addresses, n->address_capacity, sizeof(*n->addresses));
	}
	a->addresses = (uint32_t)n->address_count;
	if (a->address_count)
		memcpy(n->addresses + n->address_count, addresses, a->address_count * sizeof(*addresses));
	n->address_count += a->address_count;
	fl_index_add(&n->index, hash, (uint32_t)n->answer_count);
	n->answers[n->answer_count++] = *a;
}

static void note_answer(struct fl_names *n, struct fl_answer *a, const struct fl_addr *addresses, uint32_t hash)
{
	uint32_t at = fl_index_home(&n->index, hash), i;
	while ((i = fl_index_next(&n->index, hash, &at)) != UINT32_MAX) {
		struct fl_answer *known = &n->answers[i];
		if (!same_answer(n, known, a, addresses))
			continue;
		known->count++;
		if (a->first_ns < known->first_ns)
			known->first_ns = a->first_ns;
		if (a->last_ns > known->last_ns)
			known->last_ns = a->last_ns;
		return;
	}
	append_answer(n, a, addresses, hash);
}

static fl_str question(struct fl_names *n, const struct fl_dns_message *m)
{
	const char *qname = m->qname[0] ? m->qname : ".";
	return keep_text(n, qname, strlen(qname));
}

static void bind_answer(struct fl_names *n, const struct fl_addr *client, int64_t time_ns, const struct fl_dns_message *m,
			fl_str name, fl_str chain)
{
	struct fl_binding binding = { name, chain, time_ns };
	if (m->named_count + m->hint_count == 0)
		return;
	struct key by_name = name_key(client, name);
	bindings_expect(&n->by_name, &by_name);
	for (size_t i = 0; i < m->named_count; i++)
		bind_address(n, client, &m->address[i], binding);
	for (size_t i = 0; i < m->hint_count; i++)
		bind_address(n, client, &m->hint[i], binding);
	bindings_put(&n->by_name, &by_name, binding, &n->counters);
}

void fl_names_bind(struct fl_names *n, const struct fl_addr *client, int64_t time_ns, const struct fl_dns_message *m)
{
	fl_str name = question(n, m);
	if (name != FL_STR_NONE)
		bind_answer(n, client, time_ns, m, name, m->chain_count ? intern_chain(n, m) : FL_STR_NONE);
}

void fl_names_add(struct fl_names *n, const struct fl_addr *client, const struct fl_addr *resolver,
		  uint8_t transport, int64_t time_ns, const struct fl_dns_message *m, enum fl_asked asked)
{
	assert(m->response);
	n->counters.answers++;
	if (m->address_count) {
		struct key by_address = address_key(client, &m->address[0]);
		bindings_expect(&n->by_address, &by_address);
	}
	fl_str name = question(n, m);
	if (name == FL_STR_NONE) {
		n->counters.answers_dropped++;
		return;
	}
	struct fl_addr addresses[FL_DNS_ADDRESSES_MAX];
	struct fl_answer answer = {
		.client = *client, .resolver = *resolver, .transport = transport, .rcode = m->rcode,
		.type = m->qtype, .name = name, .chain = m->chain_count ? intern_chain(n, m) : FL_STR_NONE,
		.address_count = (uint32_t)sorted_addresses(m, addresses),
		.count = 1, .first_ns = time_ns, .last_ns = time_ns,
	};
	uint32_t hash = (uint32_t)(answer_hash(&answer, addresses) >> 20);
	fl_index_expect(&n->index, hash);
	if (asked == FL_ASKED)
		bind_answer(n, client, time_ns, m, name, answer.chain);
	note_answer(n, &answer, addresses, hash);
}

bool fl_names_last(const struct fl_names *n, const struct fl_addr *client, const struct fl_addr *server,
		   struct fl_binding *binding)
{
	struct key k = address_key(client, server);
	const struct place *p = bindings_find(&n->by_address, &k);
	if (p)
		*binding = p->binding;
	return p != NULL;
}

bool fl_names_may_know(const struct fl_names *n, const struct fl_addr *server)
{
	uint64_t bit;
	return *named_word(n, server, &bit) & bit;
}

fl_str fl_names_chain(const struct fl_names *n, const struct fl_addr *client, fl_str name)
{
	struct key k = name_key(client, name);
	const struct place *p = bindings_find(&n->by_name, &k);
	return p ? p->binding.chain : FL_STR_NONE;
}

static void move_binding(struct fl_binding *b, struct fl_strpool *to, const struct fl_strpool *from)
{
	b->name = fl_strpool_move(to, from, b->name);
	b->chain = fl_strpool_move(to, from, b->chain);
}

/* Keys of the second table hold ids, so its index is made anew. */
static void move_texts(struct fl_names *n, struct fl_strpool *to)
{
	for (uint32_t i = 0; i < n->by_address.count; i++)
		move_binding(&n->by_address.places[i].binding, to, n->pool);
	fl_index_fini(&n->by_name.index);
	fl_index_init(&n->by_name.index, n->by_name.limit);
	for (uint32_t i = 0; i < n->by_name.count; i++) {
		struct place *p = &n->by_name.places[i];
		move_binding(&p->binding, to, n->pool);
		p->key = name_key(&p->key.client, p->binding.name);
		fl_index_add(&n->by_name.index, key_hash(&p->key), i);
	}
	n->pool = to;
}

static void renew_named(struct fl_names *n)
{
	memset(n->named, 0, (n->named_mask + 1) / 8);
	for (uint32_t i = 0; i < n->by_address.count; i++) {
		uint64_t bit, *word = named_word(n, &n->by_address.places[i].key.other, &bit);
		*word |= bit;
	}
}

void fl_names_restart(struct fl_names *n, struct fl_strpool *pool)
{
	renew_named(n);
	n->answer_count = n->address_count = 0;
	fl_index_fini(&n->index);
	fl_index_init(&n->index, (uint32_t)n->answer_limit);
	if (pool != n->pool)
		move_texts(n, pool);
}

size_t fl_names_answer_count(const struct fl_names *n)
{
	return n->answer_count;
}

const struct fl_answer *fl_names_answer(const struct fl_names *n, size_t i)
{
	assert(i < n->answer_count);
	return &n->answers[i];
}

const struct fl_addr *fl_names_addresses(const struct fl_names *n)
{
	return n->addresses;
}

const struct fl_names_counters *fl_names_counters(const struct fl_names *n)
{
	return &n->counters;
}
