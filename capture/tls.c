/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls.c - records, and the ClientHello in them
 *
 * Two layers. The *record* layer (RFC 8446 section 5.1) cuts the stream into
 * pieces of at most 2^14 bytes; nothing says that a cut respects the handshake message
 * inside, and some stacks cut after every byte. The *message* (section 4.1.2) is
 * what is read.
 *
 * Nearly every hello lies whole in the first record: it is read where it
 * stands. Only one that spans records is joined in the caller's scratch. No state is kept
 * between calls: with each new segment the hello is joined and read again from its
 * start, which costs less than the state machine that would save it, since a hello
 * seldom takes more than two segments.
 *
 * A hello that is not whole yet is read like a whole one; the reader's sticky
 * failure then only means that the rest has not come, and whatever was found before
 * that point (the SNI mostly stands before the large key shares) is already in
 * the result. The declared length bounds what the message may use, so bytes that
 * follow it in the same record are never taken for its own.
 */
#include "faultline/tls.h"

#include <string.h>

#include "capture/wire_text.h"

enum {
	RECORD_HEADER = 5,
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 1 << 14,       /* RFC 8446 section 5.1 */
	MESSAGE_HEADER = 4,
	CLIENT_HELLO = 1,
	RANDOM_SIZE = 32,
	SESSION_ID_MAX = 32,
	/* Every vector of RFC 8446 section 4.1.2 at its longest. */
	HELLO_LONGEST = 2 + RANDOM_SIZE + 1 + SESSION_ID_MAX + 2 + 65534 + 1 + 255 + 2 + 65535,
	NAME_TYPE_HOST = 0,         /* RFC 6066 section 3 */
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,        /* RFC 7301 */
	EXTENSION_VERSIONS = 43,    /* RFC 8446 section 4.2.1 */
	EXTENSION_ECH_FIRST = 0xfe08, /* drafts 8 to 12 of RFC 9849 counted up to */
	EXTENSION_ECH = 0xfe0d,
	EXTENSION_ESNI = 0xffce,    /* draft-ietf-tls-esni-00 to -06 */
	DRAFT_VERSIONS = 0x7f,      /* upper byte of the drafts of TLS 1.3 */
};

enum fl_parse fl_tls_probe(const uint8_t *data, size_t size)
{
	if ((size > 0 && data[0] != RECORD_HANDSHAKE) || (size > 1 && data[1] != 3) ||
	    (size > 2 && data[2] > 4))
		return FL_PARSE_MALFORMED;
	if (size < RECORD_HEADER)
		return FL_PARSE_MORE;
	unsigned length = (unsigned)data[3] << 8 | data[4];
	if (length == 0 || length > RECORD_MAX)
		return FL_PARSE_MALFORMED;
	return size > RECORD_HEADER ? FL_PARSE_OK : FL_PARSE_MORE;
}

/* RFC 8701: values that clients strew in to keep servers tolerant. */
static bool is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* Order of versions: drafts of TLS 1.3 between 1.2 and 1.3. */
static uint32_t version_rank(uint16_t version)
{
	return version >> 8 == DRAFT_VERSIONS ? UINT32_C(0x03030000) | version : (uint32_t)version << 16;
}

/* The first host_name of the list; entries of other types are passed over. */
static bool read_server_name(struct fl_reader *r, struct fl_tls_hello *hello)
{
	struct fl_reader list = fl_read_sub(r, fl_read_be16(r));
	while (fl_reader_left(&list) > 0) {
		uint8_t type = fl_read_u8(&list);
		struct fl_reader entry = fl_read_sub(&list, fl_read_be16(&list));
		struct fl_slice name = fl_reader_rest(&entry);
		if (list.failed)
			return false;
		if (type != NAME_TYPE_HOST || hello->has_sni)
			continue;
		if (!wire_copy_host(name, hello->sni, sizeof hello->sni))
			return false;
		hello->has_sni = name.size > 0;
	}
	return !list.failed;
}

static bool is_printable(struct fl_slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
			return false;
	}
	return true;
}

static bool is_grease_protocol(struct fl_slice protocol)
{
	return protocol.size == 2 && is_grease((uint16_t)(protocol.data[0] << 8 | protocol.data[1]));
}

static bool read_alpn(struct fl_reader *r, struct fl_tls_hello *hello)
{
	struct fl_reader list = fl_read_sub(r, fl_read_be16(r));
	struct fl_slice protocol;
	do {
		struct fl_reader entry = fl_read_sub(&list, fl_read_u8(&list));
		protocol = fl_reader_rest(&entry);
	} while (is_grease_protocol(protocol));
	if (!list.failed && protocol.size < FL_TLS_ALPN_MAX && is_printable(protocol)) {
		memcpy(hello->alpn, protocol.data, protocol.size);
		hello->alpn[protocol.size] = 0;
	}
	return !list.failed;
}

static bool read_versions(struct fl_reader *r, struct fl_tls_hello *hello)
{
	struct fl_reader list = fl_read_sub(r, fl_read_u8(r));
	uint16_t highest = 0;
	while (fl_reader_left(&list) > 0) {
		uint16_t version = fl_read_be16(&list);
		if (!is_grease(version) && version_rank(version) > version_rank(highest))
			highest = version;
	}
	if (highest && !list.failed)
		hello->version = highest;
	return !list.failed;
}

/* False when the extension's own content is odd. */
static bool read_extension(uint16_t type, struct fl_reader *body, struct fl_tls_hello *hello)
{
	switch (type) {
	case EXTENSION_SERVER_NAME:
		return read_server_name(body, hello);
	case EXTENSION_ALPN:
		return read_alpn(body, hello);
	case EXTENSION_VERSIONS:
		return read_versions(body, hello);
	case EXTENSION_ESNI:
		hello->esni = true;
		return true;
	default:
		hello->ech |= type >= EXTENSION_ECH_FIRST && type <= EXTENSION_ECH;
		return true;
	}
}

/* All extensions that are there. @r: what came of the block. */
static bool read_extensions(struct fl_reader *r, struct fl_tls_hello *hello)
{
	bool sound = true;
	while (fl_reader_left(r) > 0) {
		uint16_t type = fl_read_be16(r);
		struct fl_reader body = fl_read_sub(r, fl_read_be16(r));
		if (!r->failed)
			sound &= read_extension(type, &body, hello);
	}
	return sound;
}

/* Fields up to the extensions. False when one contradicts RFC 8446. */
static bool read_fixed_part(struct fl_reader *r, struct fl_tls_hello *hello)
{
	hello->version = fl_read_be16(r);
	if (!r->failed && hello->version >> 8 != 3)
		return false;
	fl_read_skip(r, RANDOM_SIZE);
	uint8_t session_id = fl_read_u8(r);
	fl_read_skip(r, session_id);
	uint16_t suites = fl_read_be16(r);
	fl_read_skip(r, suites);
	uint8_t methods = fl_read_u8(r);
	bool reached = !r->failed;
	fl_read_skip(r, methods);
	return session_id <= SESSION_ID_MAX && suites % 2 == 0 && !(reached && (suites == 0 || methods == 0));
}

/**
 * read_body() - Read what there is of a hello's body
 * @r:        its bytes so far
 * @declared: its length by its header
 */
static enum fl_parse read_body(struct fl_reader *r, size_t declared, struct fl_tls_hello *hello)
{
	size_t missing = declared - fl_reader_left(r);
	enum fl_parse short_of_bytes = missing > 0 ? FL_PARSE_MORE : FL_PARSE_MALFORMED;
	if (!read_fixed_part(r, hello))
		return FL_PARSE_MALFORMED;
	if (r->failed)
		return short_of_bytes;
	if (fl_reader_left(r) + missing == 0)
		return FL_PARSE_OK; /* no extensions: allowed before TLS 1.3 */
	uint16_t extensions = fl_read_be16(r);
	if (r->failed)
		return short_of_bytes;
	if (extensions != fl_reader_left(r) + missing || !read_extensions(r, hello))
		return FL_PARSE_MALFORMED;
	if (missing > 0)
		return FL_PARSE_MORE;
	return r->failed ? FL_PARSE_MALFORMED : FL_PARSE_OK;
}

static void clear(struct fl_tls_hello *hello)
{
	hello->has_sni = hello->ech = hello->esni = false;
	hello->sni[0] = hello->alpn[0] = 0;
	hello->version = 0;
}

enum fl_parse fl_tls_hello_message(struct fl_reader *r, struct fl_tls_hello *hello)
{
	clear(hello);
	if (fl_reader_left(r) == 0)
		return FL_PARSE_MORE;
	if (fl_read_u8(r) != CLIENT_HELLO)
		return FL_PARSE_UNSUPPORTED;
	size_t declared = fl_read_be24(r);
	if (r->failed)
		return FL_PARSE_MORE;
	if (declared > HELLO_LONGEST)
		return FL_PARSE_MALFORMED;
	size_t have = fl_reader_left(r) < declared ? fl_reader_left(r) : declared;
	struct fl_reader body = fl_read_sub(r, have);
	enum fl_parse result = read_body(&body, declared, hello);
	if (result == FL_PARSE_MORE && declared > FL_TLS_HELLO_MAX - MESSAGE_HEADER)
		return FL_PARSE_UNSUPPORTED; /* nobody waits for that much */
	return result;
}

/* A record's header at @r. OK, MORE or MALFORMED; *@length is its payload. */
static enum fl_parse read_record_header(struct fl_reader *r, size_t *length)
{
	struct fl_slice rest = fl_reader_rest(r);
	if (rest.size < RECORD_HEADER) {
		enum fl_parse probe = fl_tls_probe(rest.data, rest.size);
		r->at = r->end;
		return probe;
	}
	*length = (size_t)rest.data[3] << 8 | rest.data[4];
	fl_read_skip(r, RECORD_HEADER);
	/* An empty record may not stand inside a handshake (RFC 8446 section 5.1). */
	return fl_tls_probe(rest.data, RECORD_HEADER) == FL_PARSE_MALFORMED ? FL_PARSE_MALFORMED : FL_PARSE_OK;
}

/* Length of the whole message, header included, once @size of its bytes tell; else 0. */
static size_t message_size(const uint8_t *message, size_t size)
{
	struct fl_reader r = fl_reader_over(message, size);
	fl_read_skip(&r, 1);
	size_t length = fl_read_be24(&r);
	return r.failed ? 0 : MESSAGE_HEADER + length;
}

/* What was joined so far; when that is the whole message, .done. */
struct joined {
	size_t size;
	bool done;
	enum fl_parse trouble; /* of the record where joining stopped */
};

static struct joined join_records(struct fl_reader *r, uint8_t *scratch)
{
	struct joined j = { .trouble = FL_PARSE_OK };
	while (!j.done && j.size < FL_TLS_HELLO_MAX) {
		size_t length = 0;
		j.trouble = read_record_header(r, &length);
		if (j.trouble != FL_PARSE_OK)
			return j;
		size_t have = fl_reader_left(r) < length ? fl_reader_left(r) : length;
		size_t room = FL_TLS_HELLO_MAX - j.size;
		size_t take = have < room ? have : room;
		struct fl_reader payload = fl_read_sub(r, have);
		struct fl_slice bytes = fl_reader_rest(&payload);
		memcpy(scratch + j.size, bytes.data, take);
		j.size += take;
		size_t whole = message_size(scratch, j.size);
		j.done = whole > 0 && j.size >= whole && have == length;
		if (have < length)
			return j;
	}
	return j;
}

static enum fl_parse join_and_read(const uint8_t *data, size_t size, uint8_t *scratch,
				   struct fl_tls_hello *hello, size_t *used)
{
	struct fl_reader r = fl_reader_over(data, size);
	struct joined j = join_records(&r, scratch);
	struct fl_reader message = fl_reader_over(scratch, j.size);
	enum fl_parse result = fl_tls_hello_message(&message, hello);
	if (result == FL_PARSE_MORE && j.trouble == FL_PARSE_MALFORMED)
		return FL_PARSE_MALFORMED; /* the rest cannot come */
	if (result == FL_PARSE_OK && !j.done)
		return FL_PARSE_MORE; /* until the record around it is complete, *used is unknown */
	if (result == FL_PARSE_OK && used)
		*used = (size_t)(r.at - data);
	return result;
}

/* RFC 5246 appendix E.2: a hello in SSLv2's frame, two bytes of length with the upper
 * bit set, type, version. */
static enum fl_parse refuse_first_byte(const uint8_t *data, size_t size)
{
	if (!(data[0] & 0x80))
		return FL_PARSE_MALFORMED;
	if (size > 2 && data[2] != CLIENT_HELLO)
		return FL_PARSE_MALFORMED;
	if (size < 5)
		return FL_PARSE_MORE;
	bool version_2 = data[3] == 0 && data[4] == 2;
	return version_2 || data[3] == 3 ? FL_PARSE_UNSUPPORTED : FL_PARSE_MALFORMED;
}

enum fl_parse fl_tls_client_hello(const uint8_t *data, size_t size, uint8_t *scratch,
				  struct fl_tls_hello *hello, size_t *used)
{
	clear(hello);
	if (size == 0)
		return FL_PARSE_MORE;
	if (data[0] != RECORD_HANDSHAKE)
		return refuse_first_byte(data, size);

	struct fl_reader r = fl_reader_over(data, size);
	size_t length = 0;
	enum fl_parse header = read_record_header(&r, &length);
	if (header != FL_PARSE_OK)
		return header;
	size_t have = fl_reader_left(&r) < length ? fl_reader_left(&r) : length;
	size_t whole = message_size(r.at, have);
	if (have == length && (whole == 0 || whole > length))
		return join_and_read(data, size, scratch, hello, used);

	struct fl_reader message = fl_read_sub(&r, have);
	enum fl_parse result = fl_tls_hello_message(&message, hello);
	if (result == FL_PARSE_OK && have < length)
		return FL_PARSE_MORE;
	if (result == FL_PARSE_OK && used)
		*used = RECORD_HEADER + length;
	return result;
}
