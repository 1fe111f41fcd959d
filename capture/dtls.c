/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dtls.c - records of a datagram to fragments to the ClientHello
 *
 * A DTLS hello is a TLS hello with three differences (RFC 6347 section 4.2): records number themselves, a
 * message may be cut into fragments that say where they belong, and the body has a
 * cookie behind the session id. Fragments are joined by the pool; then the cookie is cut out and the
 * version rewritten, and the rest is read as TLS.
 *
 * The client sends its hello twice when the server wants the cookie. The first is good enough; when pieces
 * of it were lost, the second has the next message number and begins anew.
 */
#include "faultline/dtls.h"

#include <string.h>

enum {
	RECORD_HANDSHAKE = 22, RECORD_HEADER = 13, MESSAGE_HEADER = 12, TLS_HEADER = 4,
	VERSION_MAJOR = 0xfe, VERSION_1_0 = 0xfeff, VERSION_1_2 = 0xfefd,
	CLIENT_HELLO = 1, RANDOM_SIZE = 32,
	MESSAGES_MAX = 8, /* numbers that a hello may have */
};

/* What is kept with a hello in the making. */
struct note {
	uint32_t length;
	uint16_t number;
};
_Static_assert(sizeof(struct note) <= FL_HELLO_NOTE, "fits the place");

bool fl_dtls_probe(const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	uint8_t type = fl_read_u8(&r);
	uint16_t version = fl_read_be16(&r), epoch = fl_read_be16(&r);
	fl_read_skip(&r, 6);
	uint16_t length = fl_read_be16(&r);
	return type == RECORD_HANDSHAKE && (version == VERSION_1_0 || version == VERSION_1_2) && epoch == 0 &&
	       length >= MESSAGE_HEADER && length <= fl_reader_left(&r) && r.at[0] <= 25 /* a HandshakeType */;
}

/* The body as TLS would have sent it. */
static enum fl_parse read_body(struct fl_slice body, uint8_t *scratch, struct fl_tls_hello *hello)
{
	struct fl_reader r = fl_reader_over(body.data, body.size);
	uint16_t version = fl_read_be16(&r);
	fl_read_skip(&r, RANDOM_SIZE);
	fl_read_skip(&r, fl_read_u8(&r));
	size_t before = body.size - fl_reader_left(&r);
	fl_read_skip(&r, fl_read_u8(&r));
	if (r.failed || version >> 8 != VERSION_MAJOR)
		return FL_PARSE_MALFORMED;
	struct fl_slice rest = fl_reader_rest(&r);
	size_t length = before + rest.size;
	const uint8_t header[] = { CLIENT_HELLO, (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length };
	memcpy(scratch, header, TLS_HEADER);
	memcpy(scratch + TLS_HEADER, body.data, before);
	memcpy(scratch + TLS_HEADER + before, rest.data, rest.size);
	scratch[TLS_HEADER] = 3;
	scratch[TLS_HEADER + 1] = version == VERSION_1_0 ? 2 : 3; /* DTLS 1.0 is TLS 1.1 */
	struct fl_reader message = fl_reader_over(scratch, TLS_HEADER + length);
	return fl_tls_hello_message(&message, hello);
}

/* The hello that a fragment belongs to. */
static struct fl_hello_parts *parts_of(struct fl_hello_pool *pool, fl_hello_word *word, const struct note *n)
{
	struct fl_hello_parts *parts = fl_hello_get(pool, *word);
	struct note kept;
	if (parts) {
		memcpy(&kept, parts->note, sizeof(kept));
		if (kept.length == n->length && kept.number == n->number)
			return parts;
	}
	parts = fl_hello_take(pool, word);
	memcpy(parts->note, n, sizeof(*n));
	return parts;
}

/* One handshake message or fragment of a record. */
static enum fl_parse read_fragment(struct fl_hello_pool *pool, fl_hello_word *word, struct fl_reader *record,
				   uint8_t *scratch, struct fl_tls_hello *hello)
{
	uint8_t type = fl_read_u8(record);
	struct note n = { .length = fl_read_be24(record) };
	n.number = fl_read_be16(record);
	uint32_t offset = fl_read_be24(record), size = fl_read_be24(record);
	const uint8_t *data = fl_read_bytes(record, size);
	if (record->failed || type != CLIENT_HELLO)
		return record->failed ? FL_PARSE_MALFORMED : FL_PARSE_UNSUPPORTED;
	if (n.number >= MESSAGES_MAX || offset > n.length || size > n.length - offset)
		return FL_PARSE_MALFORMED;
	if (n.length > FL_HELLO_BYTES - TLS_HEADER)
		return FL_PARSE_UNSUPPORTED;
	if (size == n.length)
		return read_body((struct fl_slice){ data, size }, scratch, hello);
	struct fl_hello_parts *parts = parts_of(pool, word, &n);
	fl_hello_add(parts, offset, data, size);
	if ((hello->contradicted = parts->contradicted))
		return FL_PARSE_MALFORMED;
	struct fl_slice ready = fl_hello_ready(parts);
	return ready.size == n.length ? read_body(ready, scratch, hello) : FL_PARSE_MORE;
}

static enum fl_parse read_records(struct fl_hello_pool *pool, fl_hello_word *word, const uint8_t *data, size_t size,
				  uint8_t *scratch, struct fl_tls_hello *hello)
{
	struct fl_reader r = fl_reader_over(data, size);
	enum fl_parse result = FL_PARSE_MORE;
	while (result == FL_PARSE_MORE) {
		struct fl_slice rest = fl_reader_rest(&r);
		if (!fl_dtls_probe(rest.data, rest.size))
			return FL_PARSE_MORE;
		fl_read_skip(&r, RECORD_HEADER - 2);
		struct fl_reader record = fl_read_sub(&r, fl_read_be16(&r));
		while (result == FL_PARSE_MORE && fl_reader_left(&record) > 0)
			result = read_fragment(pool, word, &record, scratch, hello);
	}
	return result;
}

enum fl_parse fl_dtls_client(struct fl_hello_pool *pool, fl_hello_word *word, const uint8_t *data, size_t size,
			     uint8_t *scratch, struct fl_tls_hello *hello)
{
	*hello = (struct fl_tls_hello){ .has_sni = false };
	enum fl_parse result = read_records(pool, word, data, size, scratch, hello);
	fl_hello_add_count(word, 1);
	if (result == FL_PARSE_MORE && fl_hello_count(*word) >= FL_DTLS_DATAGRAMS)
		result = FL_PARSE_UNSUPPORTED;
	if (result != FL_PARSE_MORE)
		fl_hello_drop(pool, word);
	return result;
}
