/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic.c - datagrams to packets to frames to the ClientHello
 *
 * A datagram holds packets one behind the other (RFC 9000 section 12.2); those of type Initial
 * hold CRYPTO frames, and these the hello, in pieces of any order. Chrome cuts and
 * shuffles them on purpose, and post-quantum key shares need two datagrams anyway.
 *
 * Keys follow from the Destination Connection ID of the client's *first* Initial. The client
 * changes that id when the server has answered, but not the keys; after Retry, with the id that
 * the server chose, it changes both (RFC 9001 section 5.2). So the keys at hand are tried first, then those
 * that the packet's own id gives; AES-GCM tells which are right. No packet of the server is
 * needed, and a capture that has only the client's half is read all the same. A place in the pool is
 * taken only for packets that proved authentic, so that noise pushes nothing out.
 *
 * Google's versions up to Q048 hold their own CHLO message in the clear, Q050 behind the same
 * encryption. It fits one packet (it is padded to fill one), and is looked for by its tag.
 */
#include "faultline/quic.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/hash.h"
#include "quic_internal.h"
#include "wire_text.h"

enum {
	LONG_HEADER = 0x80, FIXED_BIT = 0x40,
	TYPE_INITIAL = 0, TYPE_RETRY = 3,     /* as version 1 numbers them */
	FRAME_PADDING = 0, FRAME_PING = 1, FRAME_ACK = 2, FRAME_ACK_ECN = 3, FRAME_CRYPTO = 6, FRAME_CLOSE = 0x1c,
	GOOGLE_ENCRYPTED = 0x51303530,        /* "Q050" */
	CHLO_TAGS_MAX = 128,
};

struct fl_quic {
	struct fl_hello_pool *pool;
	struct quic_crypto *crypto;
	uint8_t *frames; /* QUIC_DATAGRAM_MAX bytes */
};

/* What is kept with a hello in the making. */
struct note {
	uint32_t version;
	uint8_t dcid_size, dcid[QUIC_CID_MAX];
	struct quic_keys keys;
};
_Static_assert(sizeof(struct note) <= FL_HELLO_NOTE, "fits the place");

struct packet {
	uint32_t version;
	struct fl_slice dcid;
	struct fl_slice bytes;   /* from the first byte to the end of the payload */
	size_t number_at;
	bool initial;
};

struct fl_quic *fl_quic_new(struct fl_hello_pool *pool)
{
	struct fl_quic *q = fl_alloc(sizeof(*q));
	q->pool = pool;
	q->crypto = quic_crypto_new();
	q->frames = fl_alloc(QUIC_DATAGRAM_MAX);
	return q;
}

void fl_quic_free(struct fl_quic *q)
{
	if (!q)
		return;
	quic_crypto_free(q->crypto);
	free(q->frames);
	free(q);
}

bool fl_quic_able(const struct fl_quic *q)
{
	return q->crypto != NULL;
}

/* ---- versions ---- */

/* "Q043": Google's, three digits. */
static bool is_google(uint32_t version)
{
	uint8_t d1 = (uint8_t)(version >> 16), d2 = (uint8_t)(version >> 8), d3 = (uint8_t)version;
	return version >> 24 == 'Q' && d1 == '0' && d2 >= '2' && d2 <= '5' && d3 >= '0' && d3 <= '9';
}

/* RFC 9000 section 15: reserved to make servers negotiate. */
static bool is_reserved(uint32_t version)
{
	return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

static bool is_version(uint32_t version)
{
	return quic_version(version) || version >> 8 == 0xff0000 || is_reserved(version) || is_google(version);
}

/* Version Negotiation ends in a list of versions, of which we know some. */
static bool lists_versions(struct fl_reader *r)
{
	bool known = false;
	if (fl_reader_left(r) == 0 || fl_reader_left(r) % 4)
		return false;
	while (fl_reader_left(r) > 0)
		known |= is_version(fl_read_be32(r));
	return known;
}

/* Up to Q043: flags with a version and an id of eight bytes, the id, the version. */
static bool is_old_google(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t flags = fl_read_u8(&r);
	fl_read_skip(&r, 8);
	uint32_t version = fl_read_be32(&r);
	return !r.failed && (flags & 0xcb) == 0x09 && is_google(version);
}

bool fl_quic_probe(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t first = fl_read_u8(&r);
	if (!(first & LONG_HEADER))
		return is_old_google(data, size);
	uint32_t version = fl_read_be32(&r);
	if (!r.failed && is_google(version) && version != GOOGLE_ENCRYPTED)
		return true;
	uint8_t dcid = fl_read_u8(&r);
	fl_read_skip(&r, dcid);
	uint8_t scid = fl_read_u8(&r);
	fl_read_skip(&r, scid);
	if (r.failed || dcid > QUIC_CID_MAX || scid > QUIC_CID_MAX)
		return false;
	if (version == 0)
		return dcid + scid > 0 && lists_versions(&r);
	return (first & FIXED_BIT) && is_version(version);
}

static uint16_t hash_id(const uint8_t *id, size_t size)
{
	return (uint16_t)(fl_hash_bytes(id, size, size) >> 40 | 1);
}

uint16_t fl_quic_id(const uint8_t *data, size_t size, bool from)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t first = fl_read_u8(&r);
	if (!from && is_old_google(data, size))
		return hash_id(data + 1, 8);
	uint32_t version = fl_read_be32(&r);
	const struct quic_version *v = quic_version(version);
	bool google = !v && is_google(version);
	if (r.failed || !(first & LONG_HEADER) || (from ? google : !v && !google))
		return 0;
	if (!from && v && (((first >> 4 & 3u) - v->second) & 3) != TYPE_INITIAL)
		return 0;
	uint8_t length = fl_read_u8(&r);
	if (google) /* both lengths in one byte, as counts above three */
		length = length >> 4 ? (uint8_t)((length >> 4) + 3) : 0;
	const uint8_t *id = fl_read_bytes(&r, length);
	if (from) {
		length = fl_read_u8(&r);
		id = fl_read_bytes(&r, length);
	}
	return r.failed || length > QUIC_CID_MAX ? 0 : hash_id(id, length);
}

/* ---- packets ---- */

/* Variable-length integer, RFC 9000 section 16. */
static uint64_t read_varint(struct fl_reader *r)
{
	uint8_t first = fl_read_u8(r);
	uint64_t value = first & 0x3f;
	for (unsigned more = (1u << (first >> 6)) - 1; more; more--)
		value = value << 8 | fl_read_u8(r);
	return value;
}

static void skip_varint_bytes(struct fl_reader *r)
{
	uint64_t size = read_varint(r);
	if (size > fl_reader_left(r))
		r->failed = true;
	else
		fl_read_skip(r, (size_t)size);
}

/* The next packet of a datagram. False when the rest of it cannot be told apart. */
static bool read_packet(struct fl_reader *r, struct packet *p)
{
	const uint8_t *start = r->at;
	uint8_t first = fl_read_u8(r);
	if ((first & (LONG_HEADER | FIXED_BIT)) != (LONG_HEADER | FIXED_BIT))
		return false;
	p->version = fl_read_be32(r);
	const struct quic_version *v = quic_version(p->version);
	if (!v)
		return false;
	uint8_t dcid = fl_read_u8(r);
	p->dcid = (struct fl_slice){ fl_read_bytes(r, dcid), dcid };
	fl_read_skip(r, fl_read_u8(r));
	unsigned type = ((first >> 4 & 3u) - v->second) & 3;
	if (r->failed || dcid > QUIC_CID_MAX || type == TYPE_RETRY)
		return false;
	p->initial = type == TYPE_INITIAL;
	if (p->initial)
		skip_varint_bytes(r); /* token */
	uint64_t length = read_varint(r);
	if (r->failed || length > fl_reader_left(r))
		return false;
	p->number_at = (size_t)(r->at - start);
	p->bytes = (struct fl_slice){ start, p->number_at + (size_t)length };
	fl_read_skip(r, (size_t)length);
	return true;
}

/* ---- frames ---- */

static void skip_ack(struct fl_reader *r, bool ecn)
{
	read_varint(r); /* largest */
	read_varint(r); /* delay */
	uint64_t ranges = read_varint(r);
	read_varint(r); /* first range */
	while (ranges-- > 0 && !r->failed) {
		read_varint(r); /* gap */
		read_varint(r); /* range */
	}
	for (int i = 0; ecn && i < 3; i++)
		read_varint(r);
}

static void skip_close(struct fl_reader *r)
{
	read_varint(r); /* error */
	read_varint(r); /* frame type */
	skip_varint_bytes(r);
}

static void read_crypto(struct fl_reader *r, struct fl_hello_parts *parts, bool *too_long)
{
	uint64_t offset = read_varint(r), size = read_varint(r);
	if (size > fl_reader_left(r)) {
		r->failed = true;
		return;
	}
	const uint8_t *data = fl_read_bytes(r, (size_t)size);
	if (!r->failed && !fl_hello_add(parts, offset, data, (size_t)size))
		*too_long = true;
}

/* Clients pad to 1200 bytes: most of many packets. */
static void skip_padding(struct fl_reader *r)
{
	struct fl_slice rest = fl_reader_rest(r);
	size_t zeros = 0;
	uint64_t word = 0;
	for (; rest.size - zeros >= sizeof(word); zeros += sizeof(word)) {
		memcpy(&word, rest.data + zeros, sizeof(word));
		if (word)
			break;
	}
	while (zeros < rest.size && rest.data[zeros] == FRAME_PADDING)
		zeros++;
	fl_read_skip(r, zeros);
}

/* False when a frame may not stand in an Initial packet, or is cut. */
static bool read_frames(struct fl_slice frames, struct fl_hello_parts *parts, bool *too_long)
{
	struct fl_reader r = fl_reader_over(frames.data, frames.size);
	while (fl_reader_left(&r) > 0 && !r.failed) {
		switch (fl_read_u8(&r)) {
		case FRAME_PADDING:
			skip_padding(&r);
			break;
		case FRAME_PING:
			break;
		case FRAME_ACK:
			skip_ack(&r, false);
			break;
		case FRAME_ACK_ECN:
			skip_ack(&r, true);
			break;
		case FRAME_CRYPTO:
			read_crypto(&r, parts, too_long);
			break;
		case FRAME_CLOSE:
			skip_close(&r);
			break;
		default:
			return false;
		}
	}
	return !r.failed;
}

/* ---- Google's CHLO ---- */

/* Tag, number of entries; entries of tag and end of value; values. */
static enum fl_parse read_google_hello(struct fl_slice bytes, struct fl_tls_hello *hello)
{
	const uint8_t *at = bytes.size ? memmem(bytes.data, bytes.size, "CHLO", 4) : NULL;
	if (!at)
		return FL_PARSE_MORE;
	struct fl_reader r = fl_reader_over(at + 4, bytes.size - (size_t)(at + 4 - bytes.data));
	uint16_t count = fl_read_le16(&r);
	fl_read_skip(&r, 2);
	struct fl_reader entries = fl_read_sub(&r, 8 * (size_t)count);
	if (r.failed || count > CHLO_TAGS_MAX)
		return FL_PARSE_MALFORMED;
	for (uint32_t i = 0, begin = 0; i < count && !hello->has_sni; i++) {
		uint32_t tag = fl_read_be32(&entries), end = fl_read_le32(&entries);
		if (end < begin)
			return FL_PARSE_MALFORMED;
		struct fl_reader value = fl_read_sub(&r, end - begin);
		begin = end;
		if (tag != 0x534e4900 || value.failed) /* "SNI" */
			continue;
		hello->has_sni = fl_reader_left(&value) > 0 &&
				 wire_copy_host(fl_reader_rest(&value), hello->sni, sizeof(hello->sni));
	}
	return FL_PARSE_OK;
}

/* ---- one Initial ---- */

static bool same_id(const struct note *n, struct fl_slice dcid)
{
	return n->dcid_size == dcid.size && memcmp(n->dcid, dcid.data, dcid.size) == 0;
}

static bool derive(struct fl_quic *q, uint32_t version, struct fl_slice dcid, struct note *n)
{
	n->version = version;
	n->dcid_size = (uint8_t)dcid.size;
	memcpy(n->dcid, dcid.data, dcid.size);
	return quic_crypto_keys(q->crypto, quic_version(version), &dcid, &n->keys);
}

static bool open_with(struct fl_quic *q, const struct note *n, const struct packet *p, struct fl_slice *frames)
{
	return quic_crypto_open(q->crypto, &n->keys, p->bytes.data, p->bytes.size, p->number_at, q->frames, frames);
}

/* The hello that the packet belongs to, and its frames; NULL when it does not open. */
static struct fl_hello_parts *open_packet(struct fl_quic *q, fl_hello_word *word, const struct packet *p,
					  struct fl_slice *frames)
{
	struct fl_hello_parts *parts = fl_hello_get(q->pool, *word);
	struct note n = { 0 };
	bool tried_own_id = false;
	if (parts) {
		memcpy(&n, parts->note, sizeof(n));
		tried_own_id = same_id(&n, p->dcid);
		if (n.version != p->version) { /* compatible negotiation (RFC 9368): new version, same id */
			struct note other = n;
			if (!derive(q, p->version, (struct fl_slice){ n.dcid, n.dcid_size }, &other))
				return NULL;
			n = other;
		}
		if (open_with(q, &n, p, frames)) {
			memcpy(parts->note, &n, sizeof(n));
			return parts;
		}
	}
	if (tried_own_id || !derive(q, p->version, p->dcid, &n) || !open_with(q, &n, p, frames))
		return NULL;
	parts = fl_hello_take(q->pool, word);
	memcpy(parts->note, &n, sizeof(n));
	return parts;
}

static enum fl_parse read_initial(struct fl_quic *q, fl_hello_word *word, const struct packet *p,
				  struct fl_tls_hello *hello)
{
	struct fl_slice frames;
	struct fl_hello_parts *parts = open_packet(q, word, p, &frames);
	if (!parts) {
		fl_hello_add_count(word, FL_QUIC_MISS);
		return FL_PARSE_MORE;
	}
	if (p->version == GOOGLE_ENCRYPTED)
		return read_google_hello(frames, hello);
	size_t before = fl_hello_ready(parts).size;
	bool too_long = false;
	if (!read_frames(frames, parts, &too_long))
		return FL_PARSE_MALFORMED;
	struct fl_slice ready = fl_hello_ready(parts);
	if ((hello->contradicted = parts->contradicted))
		return FL_PARSE_MALFORMED;
	if (ready.size == before && !too_long)
		return FL_PARSE_MORE;
	struct fl_reader r = fl_reader_over(ready.data, ready.size);
	enum fl_parse result = fl_tls_hello_message(&r, hello);
	return result == FL_PARSE_MORE && too_long ? FL_PARSE_UNSUPPORTED : result;
}

static enum fl_parse read_datagram(struct fl_quic *q, fl_hello_word *word, const uint8_t *data, size_t size,
				   struct fl_tls_hello *hello)
{
	struct fl_reader r = fl_reader_over(data, size);
	struct packet p;
	if (is_old_google(data, size) ||
	    (size > 5 && (data[0] & LONG_HEADER) && data[1] == 'Q' && data[2] == '0' && data[3] == '4'))
		return read_google_hello((struct fl_slice){ data, size }, hello);
	while (fl_reader_left(&r) > 0 && read_packet(&r, &p)) {
		if (!p.initial)
			continue;
		enum fl_parse result = read_initial(q, word, &p, hello);
		if (result != FL_PARSE_MORE)
			return result;
	}
	return FL_PARSE_MORE;
}

enum fl_parse fl_quic_client(struct fl_quic *q, fl_hello_word *word, const uint8_t *data, size_t size,
			     struct fl_tls_hello *hello)
{
	hello->has_sni = hello->ech = hello->esni = hello->contradicted = false;
	hello->sni[0] = hello->alpn[0] = 0;
	hello->version = 0;
	if (!q->crypto)
		return FL_PARSE_UNSUPPORTED;
	enum fl_parse result = read_datagram(q, word, data, size, hello);
	fl_hello_add_count(word, 1);
	if (result == FL_PARSE_MORE && fl_hello_count(*word) >= FL_QUIC_DATAGRAMS)
		result = FL_PARSE_UNSUPPORTED;
	if (result != FL_PARSE_MORE)
		fl_hello_drop(q->pool, word);
	return result;
}
