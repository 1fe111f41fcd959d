/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.c - DNS messages, as far as names and addresses need them
 *
 * One pass reads the header, the questions and the answer section; the
 * sections behind it (authority, additional with EDNS) say nothing about who is
 * reached under which name and are not read. The pass keeps an index of the
 * answers that matter (A, AAAA, CNAME; few DNAME) on the stack, 16 bytes each,
 * of which only what is used is ever written. A second, short step follows
 * the chain from the question through that index.
 *
 * SVCB and HTTPS records (RFC 9460) may hint at addresses. One of priority 0 is an alias of the service alone, which the client
 * asks for next: no part of the chain that A and AAAA have.
 *
 * Three forms of a name occur. A *place* is its offset in the message. A *wire
 * name* is what stands there without compression, in lower case: names are
 * compared in this form, so a dot inside a label is not mistaken for a
 * boundary. The *presentation form* is made only of names that are handed out.
 *
 * Owners are compared by a hash of their wire name, taken once a record. A false
 * match needs a collision in 64 bits: nobody meets one by chance, and who writes
 * the answer can make it claim any chain without one.
 *
 * Cost. A compression pointer points strictly backwards from the beginning of
 * the piece that it ends, so following it ends; a name is given up after
 * 255 octets (RFC 1035 section 2.3.4) or NAME_HOPS_MAX pointers. Hundreds of records whose
 * owners all climb the same long tower would still cost far more than their octets, so
 * a message has a purse of label and pointer steps, about one for each octet; a record of an
 * address has 16 octets, and no host has 16 labels. Following the chain looks at each record
 * at most CHAIN_STEPS_MAX times. All of it is linear in the message.
 *
 * A record that is odd in itself (an A of five octets, a CNAME whose name is
 * broken) is passed over and the message counted as malformed; the records around
 * it stay. Only when the framing is lost does reading stop.
 */
#include "faultline/dns.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "capture/wire_text.h"

enum {
	HEADER_SIZE = 12,            /* RFC 1035 section 4.1.1 */
	WIRE_NAME_MAX = 255,         /* RFC 1035 section 2.3.4, with the root's octet */
	LABEL_MAX = 63,              /* the upper two bits set mean a pointer */
	POINTER_BITS = 0xc0,
	NAME_HOPS_MAX = 128,         /* a name has at most 127 labels, each may be pointed to */
	NAME_STEPS_BASE = 512,       /* per message, and one for each of its octets */
	CHAIN_STEPS_MAX = 2 * FL_DNS_CHAIN_MAX, /* twice what resolvers follow at all */
	DNAMES_MAX = 8,              /* in one answer; servers send one */
	CLASS_IN = 1,
	CLASS_MASK = 0x7fff,         /* RFC 6762 section 10.2 takes the upper bit for cache flush */
	TYPE_DNAME = 39,             /* RFC 6672 */
	SERVICE_IPV4_HINT = 4, SERVICE_IPV6_HINT = 6, /* RFC 9460 section 14.3.2 */
	WORD = 8,                    /* octets that names are read by */
	OPCODE_QUERY = 0,
	OPCODE_NOTIFY = 4,           /* RFC 1996: has a question, too */
};

struct message {
	struct fl_slice bytes;
	size_t steps_left; /* labels and pointers that may still be read in names */
};

/* Uncompressed, lower case, without the root's octet. */
struct wire_name {
	size_t size;
	uint8_t bytes[WIRE_NAME_MAX + WORD]; /* whole words are read and written; what is behind @size means nothing */
};

/* An answer that matters. Messages over TCP have 65535 octets, so places fit. */
struct answer {
	uint64_t owner_hash;
	uint32_t ttl_s;
	uint16_t data;  /* place of the RDATA */
	uint8_t type;   /* A, AAAA, CNAME; 0 once it was followed */
	bool at_end;    /* an address that belongs to the end of the chain */
};

/* An alias of everything below its owner (RFC 6672). */
struct dname {
	uint32_t ttl_s;
	uint16_t owner, data; /* places */
};

/* Addresses in a row. */
struct hints {
	const uint8_t *at;
	uint16_t count;
	bool v6;
};

struct answers {
	bool sound;          /* no odd record so far */
	size_t hint_count;
	struct hints hints[FL_DNS_HINTS_MAX];
	uint16_t last_owner; /* memo: most records repeat the owner of the one before */
	uint64_t last_hash;  /* of last_owner */
	size_t count, dname_count;
	struct dname dname[DNAMES_MAX];
	struct answer list[FL_DNS_RECORDS_MAX];
};

static bool take_step(struct message *message)
{
	if (message->steps_left == 0)
		return false;
	message->steps_left--;
	return true;
}

/* wire_lower() of eight octets: those of seven bits that a sum carries past 'A' and not past 'Z'. */
static inline void lower_word(uint8_t *to, const uint8_t *from)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	uint64_t word;
	memcpy(&word, from, sizeof(word));
	uint64_t seven = word & ~high, from_a = seven + ones * (0x80 - 'A'), past_z = seven + ones * (0x80 - 'Z' - 1);
	word |= (from_a & ~past_z & ~word & high) >> 2;
	memcpy(to, &word, sizeof(word));
}

static bool append_label(struct wire_name *name, struct fl_reader *r, uint8_t length)
{
	const uint8_t *label = fl_read_bytes(r, length);
	if (!label || name->size + 1 + length > WIRE_NAME_MAX - 1)
		return false;
	uint8_t *to = name->bytes + name->size;
	*to++ = length;
	if (fl_reader_left(r) >= WORD) {
		for (size_t i = 0; i < length; i += WORD)
			lower_word(to + i, label + i);
	} else {
		for (size_t i = 0; i < length; i++)
			to[i] = wire_lower(label[i]);
	}
	name->size += 1 + (size_t)length;
	return true;
}

/* Places that were not met while reading have nothing behind them. */
static struct fl_reader reader_at(const struct message *message, size_t place)
{
	size_t from = place < message->bytes.size ? place : message->bytes.size;
	return fl_reader_over(message->bytes.data + from, message->bytes.size - from);
}

/* The name at @place; false when there is none that RFC 1035 allows. */
static bool read_name(struct message *message, size_t place, struct wire_name *name)
{
	name->size = 0;
	for (unsigned hops = 0; hops <= NAME_HOPS_MAX && take_step(message); hops++) {
		struct fl_reader r = reader_at(message, place);
		uint8_t length;
		while ((length = fl_read_u8(&r)) > 0 && length <= LABEL_MAX) {
			if (!take_step(message) || !append_label(name, &r, length))
				return false;
		}
		if (length == 0)
			return !r.failed;
		size_t target = (size_t)(length & ~POINTER_BITS) << 8 | fl_read_u8(&r);
		if (length < POINTER_BITS || r.failed || target >= place || target < HEADER_SIZE)
			return false;
		place = target;
	}
	return false;
}

/* Behind the name at @r. */
static void skip_name(struct fl_reader *r)
{
	uint8_t length;
	while ((length = fl_read_u8(r)) > 0 && length <= LABEL_MAX)
		fl_read_skip(r, length);
	if (length >= POINTER_BITS)
		fl_read_skip(r, 1);
	else if (length > 0)
		r->failed = true; /* label types 01 and 10 were never used (RFC 6891 section 5) */
}

static uint64_t name_hash(const struct wire_name *name)
{
	return fl_hash_bytes(name->bytes, name->size, 0);
}

static bool is_plain(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '.' && c != '\\';
}

/* is_plain() of the first @count (or all) of eight octets, the first lowest: not zero when one is none. What an odd octet carries or
 * borrows changes only those behind it. */
static inline uint64_t odd_octets(uint64_t word, size_t count)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
	uint64_t dot = word ^ ones * '.', backslash = word ^ ones * '\\';
	uint64_t odd = word | (word + ones) | (word - ones * ('!')) | (dot - ones) | (backslash - ones);
	return odd & high & (count < WORD ? ~UINT64_C(0) >> 8 * (WORD - count) : ~UINT64_C(0));
}

/* Copies a label to @to, where whole words may be written; false when an octet wants an escape. */
static inline bool copy_plain(char *to, const uint8_t *label, size_t length)
{
	uint64_t odd = 0;
	for (size_t i = 0; i < length; i += WORD) {
		uint64_t word;
		memcpy(&word, label + i, sizeof(word));
		memcpy(to + i, &word, sizeof(word));
		odd |= odd_octets(le64toh(word), length - i);
	}
	return !odd;
}

static void present_name(const struct wire_name *name, char text[static FL_DNS_NAME_MAX])
{
	/* Each of the at most 254 octets gives at most four characters. */
	static_assert(WIRE_ESCAPE_SIZE * (WIRE_NAME_MAX - 1) + WORD <= FL_DNS_NAME_MAX, "any name fits");
	char *to = text;
	if (name->size == 0)
		*to++ = '.';
	for (size_t i = 0; i < name->size;) {
		const uint8_t *label = name->bytes + i + 1;
		size_t length = name->bytes[i];
		if (i > 0)
			*to++ = '.';
		i += 1 + length;
		if (copy_plain(to, label, length)) {
			to += length;
			continue;
		}
		for (size_t k = 0; k < length; k++) {
			if (is_plain(label[k]))
				*to++ = (char)label[k];
			else
				to = wire_escape(to, label[k]);
		}
	}
	*to = 0;
}

static void read_header(struct fl_reader *r, struct fl_dns_message *m, uint16_t *answer_count)
{
	m->id = fl_read_be16(r);
	uint16_t flags = fl_read_be16(r);
	m->response = flags >> 15;
	m->opcode = flags >> 11 & 15;
	m->truncated = flags >> 9 & 1;
	m->rcode = flags & 15;
	m->question_count = fl_read_be16(r);
	*answer_count = fl_read_be16(r);
	fl_read_skip(r, 4); /* counts of the sections that are not read */

	m->qtype = 0;
	m->qname[0] = 0;
	m->chain_count = m->chain_dropped = 0;
	m->address_count = m->address_dropped = m->named_count = m->hint_count = 0;
	m->ttl_s = 0;
}

/* Several questions were never defined; the first counts. @name is its wire name. */
static bool read_questions(struct message *message, struct fl_reader *r, struct fl_dns_message *m,
			   struct wire_name *name)
{
	name->size = 0;
	for (unsigned i = 0; i < m->question_count && !r->failed; i++) {
		size_t place = (size_t)(r->at - message->bytes.data);
		skip_name(r);
		uint16_t type = fl_read_be16(r);
		fl_read_skip(r, 2);
		if (i > 0 || r->failed)
			continue;
		if (!read_name(message, place, name))
			return false;
		present_name(name, m->qname);
		m->qtype = type;
	}
	return !r->failed;
}

static bool owner_hash(struct message *message, size_t place, struct answers *a, uint64_t *hash)
{
	/* A bare pointer, the usual owner, is known by its target. */
	struct fl_reader r = reader_at(message, place);
	uint16_t pointer = fl_read_be16(&r);
	bool bare = pointer >= POINTER_BITS << 8;
	if (bare && pointer == a->last_owner) {
		*hash = a->last_hash;
		return true;
	}
	struct wire_name name;
	if (!read_name(message, place, &name))
		return false;
	*hash = name_hash(&name);
	if (bare) {
		a->last_owner = pointer;
		a->last_hash = *hash;
	}
	return true;
}

/* Does the record's data have the length that its type wants? For names: some. */
static bool data_fits(uint16_t type, uint16_t length)
{
	switch (type) {
	case FL_DNS_A:
		return length == 4;
	case FL_DNS_AAAA:
		return length == 16;
	default:
		return length > 0;
	}
}

static bool is_followed(uint16_t type)
{
	return type == FL_DNS_A || type == FL_DNS_AAAA || type == FL_DNS_CNAME || type == TYPE_DNAME ||
	       type == FL_DNS_SVCB || type == FL_DNS_HTTPS;
}

/* RFC 2181 section 8: a TTL with the upper bit set means zero. */
static uint32_t usable_ttl(uint32_t ttl_s)
{
	return ttl_s >> 31 ? 0 : ttl_s;
}

static bool keep_alias_below(struct answers *a, size_t owner, size_t data, uint32_t ttl_s)
{
	if (a->dname_count == DNAMES_MAX)
		return false;
	a->dname[a->dname_count++] = (struct dname){ ttl_s, (uint16_t)owner, (uint16_t)data };
	return true;
}

static bool keep_answer(struct message *message, struct answers *a, size_t owner, struct answer answer)
{
	if (!owner_hash(message, owner, a, &answer.owner_hash))
		return false;
	a->list[a->count++] = answer;
	return true;
}

/* The parameters of a service that hold addresses. */
static bool read_hints(struct fl_reader *r, struct answers *a)
{
	while (fl_reader_left(r) > 0) {
		uint16_t key = fl_read_be16(r);
		struct fl_reader value = fl_read_sub(r, fl_read_be16(r));
		size_t each = key == SERVICE_IPV4_HINT ? 4 : 16, size = fl_reader_left(&value);
		if (r->failed)
			return false;
		if (key != SERVICE_IPV4_HINT && key != SERVICE_IPV6_HINT)
			continue;
		if (size == 0 || size % each)
			return false;
		if (a->hint_count < FL_DNS_HINTS_MAX)
			a->hints[a->hint_count++] = (struct hints){ value.at, (uint16_t)(size / each), each == 16 };
	}
	return true;
}

/* SVCB, HTTPS (RFC 9460 section 2.2): priority, target, parameters. */
static bool read_service(const struct message *message, struct answers *a, size_t data, uint16_t length)
{
	struct fl_reader all = reader_at(message, data), r = fl_read_sub(&all, length);
	uint16_t priority = fl_read_be16(&r);
	skip_name(&r);
	return !r.failed && (priority == 0 || read_hints(&r, a));
}

/* One record: kept, passed over, or (false) odd. */
static bool read_answer(struct message *message, struct fl_reader *r, struct answers *a)
{
	size_t owner = (size_t)(r->at - message->bytes.data);
	skip_name(r);
	uint16_t type = fl_read_be16(r);
	uint16_t class = fl_read_be16(r);
	uint32_t ttl_s = usable_ttl(fl_read_be32(r));
	uint16_t length = fl_read_be16(r);
	size_t data = (size_t)(r->at - message->bytes.data);
	fl_read_skip(r, length);
	if (r->failed)
		return false;
	if (!is_followed(type) || (class & CLASS_MASK) != CLASS_IN)
		return true;
	if (!data_fits(type, length) || data > UINT16_MAX)
		return false;
	if (type == TYPE_DNAME)
		return keep_alias_below(a, owner, data, ttl_s);
	if (type == FL_DNS_SVCB || type == FL_DNS_HTTPS)
		return read_service(message, a, data, length);
	struct answer answer = { .ttl_s = ttl_s, .data = (uint16_t)data, .type = (uint8_t)type };
	return keep_answer(message, a, owner, answer);
}

/* @question: the first one's name, which stands at HEADER_SIZE and is what most records belong to; NULL when there is none. */
static void read_answers(struct message *message, struct fl_reader *r, const struct wire_name *question, unsigned count,
			 struct answers *a)
{
	a->sound = true;
	a->count = a->dname_count = a->hint_count = 0;
	a->last_owner = question ? POINTER_BITS << 8 | HEADER_SIZE : 0; /* 0: no pointer */
	a->last_hash = question && count ? name_hash(question) : 0;
	for (unsigned i = 0; i < count && !r->failed; i++)
		a->sound &= read_answer(message, r, a);
}

/* The next answer of @type that belongs to @hash, cyclically from @*from: servers
 * nearly always write the chain in order. */
static struct answer *find_answer(struct answers *a, uint16_t type, uint64_t hash, size_t *from)
{
	for (size_t i = 0; i < a->count; i++) {
		size_t at = *from + i < a->count ? *from + i : *from + i - a->count;
		struct answer *candidate = &a->list[at];
		if (candidate->type == type && candidate->owner_hash == hash) {
			*from = at;
			return candidate;
		}
	}
	return NULL;
}

/* Octets of @name in front of @suffix, 0 when it does not end so or is the same. */
static size_t octets_before(const struct wire_name *name, const struct wire_name *suffix)
{
	size_t at = 0;
	while (name->size - at > suffix->size)
		at += 1 + (size_t)name->bytes[at];
	bool ends_so = name->size - at == suffix->size &&
		       memcmp(name->bytes + at, suffix->bytes, suffix->size) == 0;
	return ends_so ? at : 0;
}

/* The DNAME that stands above @name; @prefix: octets of @name that stay. */
static const struct dname *find_dname(struct message *message, const struct answers *a,
				      const struct wire_name *name, size_t *prefix)
{
	struct wire_name owner;
	for (size_t i = 0; i < a->dname_count; i++) {
		if (!read_name(message, a->dname[i].owner, &owner))
			continue;
		*prefix = octets_before(name, &owner);
		if (*prefix > 0)
			return &a->dname[i];
	}
	return NULL;
}

/* RFC 6672 section 2.2: the suffix is replaced, the labels before it stay. */
static bool substitute(struct message *message, size_t place, struct wire_name *name, size_t prefix)
{
	struct wire_name target;
	if (!read_name(message, place, &target) || prefix + target.size > WIRE_NAME_MAX - 1)
		return false;
	memcpy(name->bytes + prefix, target.bytes, target.size);
	name->size = prefix + target.size;
	return true;
}

/* @name becomes what it is an alias of. False at the end of the chain. A CNAME
 * leads on once, so that a loop ends. */
static bool follow(struct message *message, struct answers *a, struct wire_name *name, size_t *from,
		   uint32_t *ttl_s)
{
	size_t place, prefix = 0;
	uint32_t own_ttl_s;
	const struct dname *above = NULL;
	struct answer *alias = find_answer(a, FL_DNS_CNAME, name_hash(name), from);
	if (alias) {
		alias->type = 0;
		place = alias->data;
		own_ttl_s = alias->ttl_s;
	} else if ((above = find_dname(message, a, name, &prefix))) {
		place = above->data;
		own_ttl_s = above->ttl_s;
	} else {
		return false;
	}
	if (!substitute(message, place, name, prefix))
		return a->sound = false;
	if (own_ttl_s < *ttl_s)
		*ttl_s = own_ttl_s;
	return true;
}

/* Was @text met before, as the question or on the chain? */
static bool on_chain(const struct fl_dns_message *m, const char *text)
{
	bool met = strcmp(m->qname, text) == 0;
	for (size_t i = 0; i < m->chain_count && !met; i++)
		met = strcmp(m->chain[i], text) == 0;
	return met;
}

/* Fill m->chain from the question's @name on, which ends as the chain's end. */
static void follow_chain(struct message *message, struct answers *a, struct wire_name *name,
			 struct fl_dns_message *m, uint32_t *ttl_s)
{
	size_t from = 0;
	for (unsigned i = 0; i < CHAIN_STEPS_MAX && follow(message, a, name, &from, ttl_s); i++) {
		if (m->chain_count == FL_DNS_CHAIN_MAX) {
			m->chain_dropped++;
			continue;
		}
		char *text = m->chain[m->chain_count];
		present_name(name, text);
		if (on_chain(m, text))
			return;
		m->chain_count++;
	}
}

static void keep_address(struct message *message, const struct answer *from, struct fl_dns_message *m)
{
	if (m->address_count == FL_DNS_ADDRESSES_MAX) {
		m->address_dropped++;
		return;
	}
	struct fl_reader r = reader_at(message, from->data);
	struct fl_addr *to = &m->address[m->address_count++];
	if (from->type == FL_DNS_A) {
		const uint8_t *bytes = fl_read_bytes(&r, 4);
		*to = fl_addr_v4(bytes);
	} else {
		const uint8_t *bytes = fl_read_bytes(&r, 16);
		*to = fl_addr_v6(bytes);
	}
}

/* Addresses of the chain's end first, then the others. */
static void keep_addresses(struct message *message, struct answers *a, uint64_t end_hash,
			   struct fl_dns_message *m, uint32_t *ttl_s)
{
	size_t others = 0;
	for (size_t i = 0; i < a->count; i++) {
		struct answer *each = &a->list[i];
		if (each->type != FL_DNS_A && each->type != FL_DNS_AAAA)
			continue;
		each->at_end = each->owner_hash == end_hash;
		if (!each->at_end) {
			others++;
			continue;
		}
		keep_address(message, each, m);
		if (each->ttl_s < *ttl_s)
			*ttl_s = each->ttl_s;
	}
	m->named_count = m->address_count;
	for (size_t i = 0; i < a->count && others > 0; i++) {
		const struct answer *each = &a->list[i];
		if ((each->type == FL_DNS_A || each->type == FL_DNS_AAAA) && !each->at_end) {
			keep_address(message, each, m);
			others--;
		}
	}
}

static void keep_hints(const struct answers *a, struct fl_dns_message *m)
{
	if (m->qname[0] == '_')
		return;
	for (size_t i = 0; i < a->hint_count; i++) {
		const struct hints *h = &a->hints[i];
		for (size_t k = 0; k < h->count && m->hint_count < FL_DNS_HINTS_MAX; k++)
			m->hint[m->hint_count++] = h->v6 ? fl_addr_v6(h->at + 16 * k) : fl_addr_v4(h->at + 4 * k);
	}
}

/* RFC 5936, RFC 1995: the records of a zone, of any owner. */
static bool is_transfer(uint16_t type)
{
	return type == FL_DNS_AXFR || type == FL_DNS_IXFR;
}

static void resolve(struct message *message, struct answers *a, struct wire_name *name,
		    struct fl_dns_message *m)
{
	bool leads = m->qname[0] && !is_transfer(m->qtype);
	if (leads)
		keep_hints(a, m);
	if (a->count == 0)
		return;
	uint32_t ttl_s = UINT32_MAX; /* above any real one, which has 31 bits */
	if (leads)
		follow_chain(message, a, name, m, &ttl_s);
	keep_addresses(message, a, name_hash(name), m, &ttl_s);
	if (!leads)
		m->named_count = 0;
	m->ttl_s = ttl_s == UINT32_MAX ? 0 : ttl_s;
}

enum fl_parse fl_dns_parse(struct fl_reader *r, struct fl_dns_message *m)
{
	struct fl_slice bytes = fl_reader_rest(r);
	struct message message = { bytes, bytes.size + NAME_STEPS_BASE };
	uint16_t answer_count;
	read_header(r, m, &answer_count);
	if (r->failed)
		return FL_PARSE_MALFORMED;
	if (m->opcode != OPCODE_QUERY && m->opcode != OPCODE_NOTIFY) {
		r->at = r->end;
		return FL_PARSE_UNSUPPORTED;
	}

	struct wire_name name;
	if (!read_questions(&message, r, m, &name)) {
		r->at = r->end;
		return FL_PARSE_MALFORMED;
	}
	unsigned count = answer_count < FL_DNS_RECORDS_MAX ? answer_count : FL_DNS_RECORDS_MAX;
	m->address_dropped = (uint16_t)(answer_count - count);
	struct answers answers;
	read_answers(&message, r, m->question_count ? &name : NULL, count, &answers);
	resolve(&message, &answers, &name, m);
	r->at = r->end;
	return answers.sound ? FL_PARSE_OK : FL_PARSE_MALFORMED;
}

static const struct {
	uint16_t type;
	const char *name;
} type_names[] = {
	{ FL_DNS_A, "A" }, { FL_DNS_NS, "NS" }, { FL_DNS_CNAME, "CNAME" }, { FL_DNS_SOA, "SOA" },
	{ FL_DNS_PTR, "PTR" }, { FL_DNS_MX, "MX" }, { FL_DNS_TXT, "TXT" }, { FL_DNS_AAAA, "AAAA" },
	{ FL_DNS_SRV, "SRV" }, { 35, "NAPTR" }, { TYPE_DNAME, "DNAME" }, { 41, "OPT" }, { 43, "DS" },
	{ 46, "RRSIG" }, { 47, "NSEC" }, { 48, "DNSKEY" }, { 50, "NSEC3" }, { 52, "TLSA" },
	{ FL_DNS_SVCB, "SVCB" }, { FL_DNS_HTTPS, "HTTPS" }, { 99, "SPF" }, { FL_DNS_IXFR, "IXFR" }, { FL_DNS_AXFR, "AXFR" },
	{ 255, "ANY" }, { 257, "CAA" },
};

const char *fl_dns_type_name(uint16_t type, char text[static 12])
{
	for (size_t i = 0; i < FL_ARRAY_LEN(type_names); i++) {
		if (type_names[i].type == type)
			return type_names[i].name;
	}
	snprintf(text, 12, "TYPE%u", type);
	return text;
}

const char *fl_dns_rcode_name(uint8_t rcode, char text[static 12])
{
	/* RFC 1035 section 4.1.1, RFC 2136 section 2.2, RFC 8490 section 10.3 */
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
					     "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
					     "DSOTYPENI" };
	if (rcode < FL_ARRAY_LEN(names))
		return names[rcode];
	snprintf(text, 12, "RCODE%u", rcode);
	return text;
}
