/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect.c - what a flow's payload says: names, application, exchange boundaries
 *
 * The initiator's stream is reassembled only while something is still to be learnt from its
 * beginning: the first ClientHello or the first request head, wherever the segment borders
 * are. Afterwards nothing is stored: later HTTP requests are recognised where a segment
 * begins with one (the stream is restarted there, so a head that spans segments is still read whole), and a
 * ClientHello where a segment begins with one, which finds STARTTLS, SSLRequest, CONNECT and SOCKS
 * without knowing them. Bulk data thus costs a look at its first bytes at most.
 *
 * DNS over TCP keeps its stream: every message counts. So does HTTP/2 in the clear, in both directions (calls.c).
 */
#include "scanner_internal.h"

#include <string.h>

#include "calls.h"
#include "faultline/request.h"

enum {
	IDENTIFY_SEGMENTS = 8,     /* payload packets of the initiator that may still identify */
	HELLO_SEGMENTS = 64,       /* ... in which a late ClientHello is looked for */
	HANDSHAKE_SEGMENTS = 12,   /* ... that a client's handshake may take before its Finished must have come */
	NAMES_PER_FLOW = 64,
	DNS_PORT = 53,
	DOT_PORT = 853,
	RCODE_SERVFAIL = 2, RCODE_REFUSED = 5,
	STATUS_LEAST = 13,         /* bytes that tell a status line */
	BODY_MAX = 1 << 30,        /* longer ones are not passed over: sequence numbers come round */
};

/* A SYN has a number of its own in front of what it carries (RFC 7413). */
static inline uint32_t payload_seq(const struct fl_packet *p)
{
	return p->tcp_seq + (p->tcp_flags & FL_TCP_SYN ? 1 : 0);
}

/* ---- names of a flow ---- */

static struct flow_name *take_flow_name(struct fl_scanner *s, uint32_t *handle)
{
	if (s->flow_name_free) {
		*handle = s->flow_name_free;
		s->flow_name_free = s->flow_names[*handle - 1].next;
	} else if (s->flow_name_count < s->flow_name_limit) {
		*handle = ++s->flow_name_count;
	} else {
		s->counters.flow_names_dropped++;
		return NULL;
	}
	return &s->flow_names[*handle - 1];
}

/* Port of the tunnel's target; the names in a tunnel are the target's. */
static uint16_t inner_port(const struct fl_scanner *s, const struct fl_flow *f)
{
	const struct flow_name *target = scanner_inner_name(s, f);
	return target ? target->port : 0;
}

void scanner_note_name(struct fl_scanner *s, struct fl_flow *f, enum fl_name_source source, const char *text, uint16_t port)
{
	bool inner = port || flow_has(f, FLOW_TUNNEL);
	size_t size = strlen(text);
	if (size > 1 && text[size - 1] == '.')
		size--;
	fl_str name = fl_strpool_add(s->strings, text, size);
	if (name == FL_STR_NONE)
		return;
	uint32_t *link = &f->user[FLOW_NAMES];
	for (int i = 0; *link; i++) {
		struct flow_name *n = &s->flow_names[*link - 1];
		if (n->name == name && n->source == source && n->inner == inner) {
			f->user[FLOW_REQUEST_NAME] = *link;
			return;
		}
		if (i == NAMES_PER_FLOW) {
			s->counters.flow_names_dropped++;
			return;
		}
		link = &n->next;
	}
	uint32_t handle;
	struct flow_name *n = take_flow_name(s, &handle);
	if (!n)
		return;
	*n = (struct flow_name){ .name = name, .source = (uint8_t)source, .inner = inner,
				  .port = port || !inner ? port : inner_port(s, f) };
	*link = handle;
	f->user[FLOW_REQUEST_NAME] = handle;
}

void scanner_forget_names(struct fl_scanner *s, struct fl_flow *f)
{
	while (f->user[FLOW_NAMES]) {
		uint32_t handle = f->user[FLOW_NAMES];
		f->user[FLOW_NAMES] = s->flow_names[handle - 1].next;
		s->flow_names[handle - 1].next = s->flow_name_free;
		s->flow_name_free = handle;
	}
}

/* A host asks its resolver from one address, or through a stub on loopback, and connects from another: what it learnt under any of
 * them is kept under this key, too. */
static const struct fl_addr own_host;

/* The other addresses that the client may have asked from, one after the other; NULL at the end. */
static const struct fl_addr *other_client(const struct fl_scanner *s, const struct fl_addr *client, size_t i)
{
	size_t count;
	if (fl_locality_is_own(s->locality, client))
		return i == 0 ? &own_host : NULL;
	const struct fl_addr *list = fl_locality_same_host(s->locality, client, &count);
	return i < count ? &list[i] : NULL;
}

bool scanner_last_binding(const struct fl_scanner *s, const struct fl_flow *f, struct fl_binding *binding)
{
	const struct fl_addr *client = &f->addr[FL_INITIATOR], *server = &f->addr[FL_RESPONDER], *other;
	if (!fl_names_may_know(s->names, server))
		return false;
	if (fl_names_last(s->names, client, server, binding))
		return true;
	for (size_t i = 0; (other = other_client(s, client, i)); i++)
		if (fl_names_last(s->names, other, server, binding))
			return true;
	return false;
}

static fl_str chain_of(const struct fl_scanner *s, const struct fl_flow *f, fl_str name)
{
	const struct fl_addr *client = &f->addr[FL_INITIATOR], *other;
	if (name == f->user[FLOW_DNS_NAME])
		return f->user[FLOW_DNS_CHAIN];
	fl_str chain = fl_names_chain(s->names, client, name);
	for (size_t i = 0; !chain && (other = other_client(s, client, i)); i++)
		chain = fl_names_chain(s->names, other, name);
	return chain;
}

static bool name_from_dns(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best)
{
	if (f->user[FLOW_DNS_NAME]) {
		*best = (struct best_name){ f->user[FLOW_DNS_NAME], f->user[FLOW_DNS_CHAIN], FL_NAME_DNS };
		return true;
	}
	/* Older than the capture, or than the answer in the client's cache: a later answer is the best there is. */
	struct fl_binding later;
	if (!scanner_last_binding(s, f, &later))
		return false;
	*best = (struct best_name){ later.name, later.chain, FL_NAME_DNS_LATER };
	return true;
}

bool scanner_best_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best)
{
	const struct flow_name *found = NULL;
	for (uint32_t at = f->user[FLOW_NAMES]; at; at = s->flow_names[at - 1].next)
		if (!found || s->flow_names[at - 1].source < found->source)
			found = &s->flow_names[at - 1];
	if (!found)
		return name_from_dns(s, f, best);
	*best = (struct best_name){ found->name, chain_of(s, f, found->name), found->source };
	return true;
}

bool scanner_outer_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best)
{
	const struct flow_name *found = NULL;
	for (uint32_t at = f->user[FLOW_NAMES]; at; at = s->flow_names[at - 1].next) {
		const struct flow_name *n = &s->flow_names[at - 1];
		if (!n->inner && (!found || n->source < found->source))
			found = n;
	}
	if (!found)
		return name_from_dns(s, f, best);
	*best = (struct best_name){ found->name, chain_of(s, f, found->name), found->source };
	return true;
}

const struct flow_name *scanner_inner_name(const struct fl_scanner *s, const struct fl_flow *f)
{
	const struct flow_name *newest = NULL;
	uint32_t asked = f->user[FLOW_REQUEST_NAME];
	if (asked && s->flow_names[asked - 1].inner)
		return &s->flow_names[asked - 1];
	for (uint32_t at = f->user[FLOW_NAMES]; at; at = s->flow_names[at - 1].next)
		if (s->flow_names[at - 1].inner)
			newest = &s->flow_names[at - 1];
	return newest;
}

bool scanner_request_name(const struct fl_scanner *s, const struct fl_flow *f, struct best_name *best)
{
	uint32_t newest = f->user[FLOW_REQUEST_NAME];
	if (!newest)
		return scanner_best_name(s, f, best);
	const struct flow_name *n = &s->flow_names[newest - 1];
	*best = (struct best_name){ n->name, chain_of(s, f, n->name), n->source };
	return true;
}

/* ---- DNS ---- */

static void read_dns(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, int64_t time_ns,
		     const uint8_t *data, size_t size)
{
	struct fl_reader r = fl_reader_over(data, size);
	enum fl_parse result = fl_dns_parse(&r, &s->dns);
	if (result == FL_PARSE_MALFORMED)
		s->counters.parse_errors++;
	if (result == FL_PARSE_MALFORMED && s->dns.address_count == 0 && s->dns.question_count == 0)
		return;
	flow_set_application(f, FL_APP_DNS);
	if (!s->dns.response || s->dns.opcode != 0)
		return;
	s->resolver_failed |= s->dns.rcode == RCODE_SERVFAIL || s->dns.rcode == RCODE_REFUSED;
	enum fl_asked asked = f->packets[!side] ? FL_ASKED : FL_NOT_ASKED;
	fl_names_add(s->names, &f->addr[!side], &f->addr[side], f->transport, time_ns, &s->dns, asked);
	if (asked == FL_ASKED && fl_locality_is_own(s->locality, &f->addr[!side]))
		fl_names_bind(s->names, &own_host, time_ns, &s->dns);
}

/* Return: whether a message has come to its end, or nobody can tell any more. */
static bool dissect_dns_stream(struct fl_scanner *s, struct fl_flow *f, enum fl_side side,
			       const struct fl_packet *p)
{
	struct fl_slice bytes;
	struct fl_stream *stream = &f->stream[side];
	if (stream->closed)
		return true;
	enum fl_parse state = fl_stream_add(stream, s->streams, payload_seq(p), p->payload.data, p->payload.size,
					    p->payload_len - p->payload.size, &bytes);
	size_t used = 0;
	while (state == FL_PARSE_OK && bytes.size - used >= 2) {
		struct fl_reader r = fl_reader_over(bytes.data + used, bytes.size - used);
		size_t length = fl_read_be16(&r);
		if (fl_reader_left(&r) < length)
			break;
		read_dns(s, f, side, p->time_ns, bytes.data + used + 2, length);
		used += 2 + length;
	}
	if (state == FL_PARSE_OK && bytes.size)
		fl_stream_consume(stream, s->streams, used);
	return used > 0 || stream->closed;
}

/* ---- TLS ---- */

static void note_hello(struct fl_scanner *s, struct fl_flow *f, enum fl_name_source source)
{
	if (s->hello.has_sni)
		scanner_note_name(s, f, source, s->hello.sni, 0);
	if (s->hello.ech && !flow_has(f, FLOW_ECH)) {
		s->counters.ech++;
		flow_set(f, FLOW_ECH);
	}
	s->counters.esni += s->hello.esni;
	const char *alpn = s->hello.alpn;
	bool http = strcmp(alpn, "h2") == 0 || strncmp(alpn, "h3", 2) == 0;
	if (http)
		flow_set(f, FLOW_MULTIPLEXED);
	/* RFC 7858, RFC 9250; what goes to their port is counted when the scan is written */
	bool dns = strcmp(alpn, "dot") == 0 || strcmp(alpn, "doq") == 0 ||
		   (http && s->hello.has_sni && scanner_is_resolver_name(s->hello.sni));
	s->counters.encrypted_dns += dns && f->port[FL_RESPONDER] != DOT_PORT;
}

static void read_hello(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	enum fl_parse result = fl_tls_client_hello(bytes->data, bytes->size, s->tls_scratch, &s->hello, NULL);
	flow_set(f, FLOW_TLS);
	flow_set_application(f, FL_APP_TLS);
	if (result == FL_PARSE_MORE) {
		fl_stream_consume(stream, s->streams, 0);
		return;
	}
	if (result == FL_PARSE_OK)
		note_hello(s, f, FL_NAME_TLS_SNI);
	else if (result == FL_PARSE_MALFORMED)
		s->counters.parse_errors++;
	flow_set(f, FLOW_TLS_HELLO);
	fl_stream_close(stream, s->streams);
}

enum { RECORD_CHANGE_CIPHER = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };
/* Length of a TLS 1.3 alert (close_notify): alert, content type, tag (RFC 8446 sections 5.2 and 6). */
enum { PROTECTED_ALERT = 2 + 1 + 16 };

/* Lengths of a protected Finished: verify data, header, content type, tag (RFC 8446 section 4.4.4). */
static bool finished_length(uint16_t length)
{
	return length == 4 + 32 + 1 + 16 || length == 4 + 48 + 1 + 16;
}

/* Does the segment hold application data, not only handshake? A segment that begins inside a record
 * continues what came before and changes nothing. */
static bool tls_has_data(struct fl_flow *f, enum fl_side side, const struct fl_slice *payload)
{
	struct fl_reader r = fl_reader_over(payload->data, payload->size);
	while (fl_reader_left(&r) >= 5) {
		uint8_t type = fl_read_u8(&r);
		uint8_t major = fl_read_u8(&r);
		fl_read_skip(&r, 1);
		uint16_t length = fl_read_be16(&r);
		if (type < RECORD_CHANGE_CIPHER || type > RECORD_DATA || major != 3)
			return f->last_payload_side == side;
		if (type == RECORD_HANDSHAKE && side == FL_INITIATOR)
			flow_set(f, FLOW_TLS_OLD);
		if (type == RECORD_DATA && length != PROTECTED_ALERT) {
			bool finished = side == FL_INITIATOR && !flow_has(f, FLOW_TLS_OLD) &&
					!flow_has(f, FLOW_TLS_FINISHED) && finished_length(length);
			/* TLS 1.3: certificates of the client come before its Finished */
			bool handshake = side == FL_INITIATOR && !flow_has(f, FLOW_TLS_OLD) &&
					 !flow_has(f, FLOW_TLS_FINISHED) &&
					 f->user[FLOW_SEGMENTS] < HANDSHAKE_SEGMENTS;
			if (!finished && !handshake)
				return true;
			if (finished)
				{
				flow_set(f, FLOW_TLS_FINISHED);
				flow_set(f, FLOW_TICKET_DUE);
			}
		}
		fl_read_skip(&r, length);
	}
	return false;
}

/* ---- HTTP ---- */

bool scanner_is_health_path(const char *path)
{
	static const char *const words[] = { "/health", "/healthz", "/healthcheck", "/health-check", "/livez",
					     "/readyz", "/metrics", "/-/healthy", "/-/ready", "/_health",
					     "/actuator/health", "/actuator/prometheus", "/api/health",
					     "/health/live", "/health/ready" };
	for (size_t i = 0; i < FL_ARRAY_LEN(words); i++)
		if (strcmp(path, words[i]) == 0)
			return true;
	return false;
}

/* @port: of the target behind a proxy; 0: the name is the responder's. */
static void note_target(struct fl_scanner *s, struct fl_flow *f, const char *host, uint16_t port)
{
	scanner_note_name(s, f, FL_NAME_HTTP_HOST, host, port);
	if (port && scanner_inner_name(s, f))
		flow_set(f, FLOW_TUNNEL);
}

/* Is the request for somebody behind the responder? An origin must take a whole URI, too: it is one when the client looked up just
 * that name or connected to that very address, or, where no look-up was seen, when the URI's port is the responder's. */
static bool asks_proxy(const struct fl_scanner *s, const struct fl_flow *f)
{
	const struct fl_http_request *q = &s->request;
	struct fl_addr address;
	if (q->connect || !q->absolute)
		return q->connect;
	if (fl_addr_parse(q->host, &address) && fl_addr_equal(&address, &f->addr[FL_RESPONDER]))
		return false;
	const char *resolved = fl_strpool_get(s->strings, f->user[FLOW_DNS_NAME]);
	return resolved ? strcmp(resolved, q->host) != 0 : f->port[FL_RESPONDER] != q->port;
}

/* The answer that takes it up is read from its first byte on. */
static void offer_upgrade(struct fl_scanner *s, struct fl_flow *f)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	fl_stream_close(stream, s->streams);
	*stream = (struct fl_stream){ 0 };
	flow_set(f, FLOW_UPGRADE);
}

static void note_body(const struct fl_scanner *s, struct fl_flow *f)
{
	if (s->request.content_length || s->request.chunked)
		flow_set(f, FLOW_BODY);
	else
		flow_clear(f, FLOW_BODY);
}

static void note_request(struct fl_scanner *s, struct fl_flow *f)
{
	bool proxy = asks_proxy(s, f);
	flow_set(f, FLOW_HTTP);
	flow_set_application(f, FL_APP_HTTP);
	f->user[FLOW_REQUEST_NAME] = 0; /* a request without Host is for the address */
	if (s->request.host[0])
		note_target(s, f, s->request.host, proxy ? s->request.port : 0);
	if (proxy && !s->request.connect && flow_has(f, FLOW_TUNNEL))
		flow_set(f, FLOW_PROXIED);
	else if (s->request.connect)
		flow_clear(f, FLOW_PROXIED);
	note_body(s, f);
	if (scanner_is_health_path(s->request.path))
		flow_set(f, FLOW_HEALTH);
	else
		flow_clear(f, FLOW_HEALTH);
	if (s->request.upgrade_h2c && !flow_has(f, FLOW_CALLS))
		offer_upgrade(s, f);
	else
		flow_clear(f, FLOW_UPGRADE);
}

/* The segment with which requests came. */
struct request_run {
	int64_t time_ns;
	uint32_t size;
	bool begun;  /* the first head began in an earlier one */
	bool unseen; /* it acknowledges an answer that was not captured */
	struct fl_slice last; /* text of the newest head so far, with what is there of its body */
};

static void add_call(struct fl_scanner *s, struct fl_flow *f, const struct request_run *run)
{
	static const char head[] = "HEAD ";
	bool bare = run->last.size >= sizeof(head) && memcmp(run->last.data, head, sizeof(head) - 1) == 0;
	uint32_t fingerprint = fl_request_fingerprint(FL_APP_HTTP, false, run->last.data, run->last.size);
	calls_add(s, f, run->size, fingerprint, bare, run->time_ns);
}

/* A whole head was read, @text. Another request that is not answered yet stands before it: the open exchange, unless that began with
 * the first bytes of this very head (@known), or the @before heads of the same segment. */
static void take_request(struct fl_scanner *s, struct fl_flow *f, struct request_run *run, size_t before, struct fl_slice text)
{
	bool waits = flow_has(f, FLOW_ANSWER_DUE) && f->exchange_start_ns && flow_has(f, FLOW_HTTP) && !(run->begun && before == 0);
	bool apart = s->request.connect || s->request.absolute || flow_has(f, FLOW_TUNNEL | FLOW_CALLS | FLOW_ANSWER_UNSEEN);
	if ((waits || before) && !apart && !run->unseen && f->packets[FL_RESPONDER]) {
		bool begun = calls_begin_pipeline(s, f);
		if (begun && !waits)
			add_call(s, f, run);
	}
	note_request(s, f);
	run->last = text;
	if (flow_has(f, FLOW_CALLS))
		add_call(s, f, run);
}

static void restart_stream(struct fl_scanner *s, struct fl_stream *stream, uint32_t seq)
{
	fl_stream_close(stream, s->streams);
	*stream = (struct fl_stream){ 0 };
	fl_stream_start(stream, seq);
}

/* The body behind the head that was read last ends at a byte to come: the stream goes on there. *@at is behind the head. Return:
 * it ends in @size. */
static bool pass_body(struct fl_scanner *s, struct fl_flow *f, size_t size, size_t *at)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	uint64_t length = s->request.content_length;
	if (length <= size - *at) {
		*at += (size_t)length;
		return true;
	}
	if (length < BODY_MAX)
		restart_stream(s, stream, stream->next_seq + (uint32_t)(*at + length));
	else
		fl_stream_close(stream, s->streams);
	return false;
}

/* Chunks of a body from @at on. Return: it ends in @bytes, or what is there is none. */
static bool pass_chunks(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, size_t *at)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	size_t used;
	uint64_t skip;
	enum fl_parse result = fl_http_chunks(bytes->data + *at, bytes->size - *at, &used, &skip);
	*at += used;
	f->user_bits = result == FL_PARSE_MORE && skip < BODY_MAX ? FLOW_IN_CHUNKS : 0;
	if (result != FL_PARSE_MORE)
		return true;
	if (skip == 0)
		fl_stream_consume(stream, s->streams, *at);
	else if (f->user_bits)
		restart_stream(s, stream, stream->next_seq + (uint32_t)(*at + skip));
	else
		fl_stream_close(stream, s->streams);
	return false;
}

/* Read all heads in @bytes; bodies in between are passed over. */
static void read_requests(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, struct request_run *run)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	size_t at = 0, heads = 0;
	if (f->user_bits == FLOW_IN_CHUNKS && !pass_chunks(s, f, bytes, &at))
		return;
	while (at < bytes->size && fl_http_probe(bytes->data + at, bytes->size - at) == FL_PARSE_OK) {
		struct fl_slice text = { bytes->data + at, bytes->size - at };
		enum fl_parse result = fl_http_request(text.data, text.size, &s->request);
		if (result == FL_PARSE_MORE && !flow_has(f, FLOW_HTTP))
			flow_set_application(f, FL_APP_HTTP);
		if (result == FL_PARSE_MORE) {
			if (s->request.host[0] && !f->user_bits) {
				take_request(s, f, run, heads, text); /* now, as the exchange begins under its name */
				f->user_bits = FLOW_IN_HEAD;
			}
			fl_stream_consume(stream, s->streams, at);
			return;
		}
		if (result != FL_PARSE_OK) {
			s->counters.parse_errors++;
			break;
		}
		size_t body = text.size - s->request.head_size;
		if (!s->request.chunked && s->request.content_length < body)
			text.size = s->request.head_size + (size_t)s->request.content_length;
		if (f->user_bits)
			note_body(s, f);
		else
			take_request(s, f, run, heads, text);
		f->user_bits = 0;
		heads++;
		at += s->request.head_size;
		if (s->request.connect)
			break;
		if (s->request.chunked ? !pass_chunks(s, f, bytes, &at) : !pass_body(s, f, bytes->size, &at))
			return;
	}
	/* Of requests in a row the next head comes at once, in pieces of any size. */
	bool goes_on = at < bytes->size ? fl_http_probe(bytes->data + at, bytes->size - at) == FL_PARSE_MORE : flow_has(f, FLOW_CALLS);
	if (goes_on)
		fl_stream_consume(stream, s->streams, at);
	else
		fl_stream_close(stream, s->streams);
}

/* There is no room to follow the connection: its first request stands for all. */
static void read_first_call(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	flow_set(f, FLOW_MULTIPLEXED);
	enum fl_parse result = fl_http2_request(bytes->data, bytes->size, &s->request);
	if (result == FL_PARSE_MORE) {
		fl_stream_consume(stream, s->streams, 0);
		return;
	}
	if (result == FL_PARSE_OK && s->request.host[0])
		note_target(s, f, s->request.host, 0); /* CONNECT here opens one stream of many */
	if (scanner_is_health_path(s->request.path))
		flow_set(f, FLOW_HEALTH);
	s->counters.parse_errors += result == FL_PARSE_MALFORMED;
	fl_stream_close(stream, s->streams);
}

static void read_http2(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, int64_t time_ns)
{
	bool first = !flow_has(f, FLOW_MULTIPLEXED);
	flow_set_application(f, FL_APP_HTTP2);
	if (!first || !calls_begin(s, f)) {
		read_first_call(s, f, bytes);
		return;
	}
	if (f->synack_ns && !f->bytes[FL_RESPONDER])
		fl_stream_start(&f->stream[FL_RESPONDER], f->synack_seq + 1);
	struct fl_slice behind = { bytes->data + FL_HTTP2_PREFACE, bytes->size - FL_HTTP2_PREFACE };
	size_t used = calls_read(s, f, FL_INITIATOR, &behind, time_ns);
	fl_stream_consume(&f->stream[FL_INITIATOR], s->streams, FL_HTTP2_PREFACE + used);
}

/* A segment of either side, of a connection that is followed. */
static void dissect_calls(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[side];
	struct fl_slice bytes;
	enum fl_parse state = fl_stream_add(stream, s->streams, payload_seq(p), p->payload.data, p->payload.size,
					    p->payload_len - p->payload.size, &bytes);
	if (bytes.size) {
		size_t used = calls_read(s, f, side, &bytes, p->time_ns);
		fl_stream_consume(stream, s->streams, used);
	}
	s->counters.cut_payload += p->payload.size < p->payload_len && state == FL_PARSE_TRUNCATED;
	if (flow_has(f, FLOW_CALLS) && stream->closed)
		calls_lose(s, f);
}

/* ---- the initiator's stream ---- */

/* A closed stream is opened again where a segment begins like something we read. */
static void reopen_stream(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	const struct fl_slice *d = &p->payload;
	if (d->size < 6)
		return;
	bool hello = f->user[FLOW_SEGMENTS] < HELLO_SEGMENTS && d->data[0] == RECORD_HANDSHAKE &&
		     d->data[5] == 1 && fl_tls_probe(d->data, d->size) == FL_PARSE_OK;
	/* A body may hold what looks like a request: while one is being sent, nothing in it is believed. */
	bool in_body = flow_has(f, FLOW_BODY) && f->last_payload_side == FL_INITIATOR;
	bool request = !hello && !in_body && (!flow_has(f, FLOW_TLS)) && d->data[0] >= 'A' && d->data[0] <= 'Z' &&
		       fl_http_probe(d->data, d->size) == FL_PARSE_OK;
	if (!hello && !request)
		return;
	f->user_bits = 0;
	restart_stream(s, stream, payload_seq(p));
}

/* Does the client say something new where the rest of a body was expected? It was answered before it had sent all. */
static bool leaves_body(const struct fl_flow *f, const struct fl_packet *p)
{
	const struct fl_stream *stream = &f->stream[FL_INITIATOR];
	return flow_has(f, FLOW_BODY) && f->last_payload_side == FL_RESPONDER && !stream->store &&
	       (int32_t)(p->tcp_seq - stream->next_seq) < 0 && p->tcp_seq + p->payload_len == f->payload_end_seq[FL_INITIATOR];
}

/* What a load balancer says of its client before it passes on what that said (HAProxy's PROXY protocol, sections 2.1 and 2.2). Return:
 * bytes; 0: there is no such thing. */
static size_t proxy_header(const struct fl_slice *bytes)
{
	static const char line[] = "PROXY ", binary[] = "\r\n\r\n\0\r\nQUIT\n";
	enum { LINE_MAX = 107, BINARY_SIZE = 16 };
	if (bytes->size > sizeof(line) && memcmp(bytes->data, line, sizeof(line) - 1) == 0) {
		const uint8_t *end = memchr(bytes->data, '\n', bytes->size < LINE_MAX ? bytes->size : LINE_MAX);
		return end ? (size_t)(end - bytes->data) + 1 : 0;
	}
	if (bytes->size < BINARY_SIZE || memcmp(bytes->data, binary, sizeof(binary) - 1) != 0)
		return 0;
	struct fl_reader r = fl_reader_over(bytes->data + BINARY_SIZE - 2, 2);
	return BINARY_SIZE + (size_t)fl_read_be16(&r);
}

/* The stream begins behind it. *@bytes are those of the packet. */
static void pass_proxy_header(struct fl_scanner *s, struct fl_stream *stream, struct fl_slice *bytes)
{
	size_t size = stream->store ? 0 : proxy_header(bytes);
	if (size == 0)
		return;
	restart_stream(s, stream, stream->next_seq + (uint32_t)size);
	*bytes = size < bytes->size ? (struct fl_slice){ bytes->data + size, bytes->size - size } : (struct fl_slice){ bytes->data, 0 };
	if (bytes->size)
		(void)fl_stream_add(stream, s->streams, stream->next_seq, bytes->data, bytes->size, 0, bytes);
}

static void identify(struct fl_scanner *s, struct fl_flow *f, struct fl_slice *bytes, struct request_run *run)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	if (f->user_bits) {
		read_requests(s, f, bytes, run);
		return;
	}
	pass_proxy_header(s, stream, bytes);
	if (!bytes->size)
		return;
	enum fl_parse tls = fl_tls_probe(bytes->data, bytes->size);
	if (tls == FL_PARSE_OK) {
		read_hello(s, f, bytes);
		return;
	}
	enum fl_parse http2 = fl_http2_probe(bytes->data, bytes->size);
	if (http2 == FL_PARSE_OK) {
		read_http2(s, f, bytes, run->time_ns);
		return;
	}
	enum fl_parse http = fl_http_probe(bytes->data, bytes->size);
	if (http == FL_PARSE_OK) {
		read_requests(s, f, bytes, run);
		return;
	}
	enum fl_parse socks = fl_socks_request(bytes->data, bytes->size, &s->socks);
	if (socks == FL_PARSE_OK) {
		flow_set_application(f, FL_APP_SOCKS);
		note_target(s, f, s->socks.host, s->socks.port);
		fl_stream_close(stream, s->streams);
		return;
	}
	bool more = socks == FL_PARSE_MORE || tls == FL_PARSE_MORE || http == FL_PARSE_MORE || http2 == FL_PARSE_MORE;
	bool begun = http == FL_PARSE_MORE && flow_has(f, FLOW_HTTP);
	if (begun || (more && f->user[FLOW_SEGMENTS] < IDENTIFY_SEGMENTS)) {
		fl_stream_consume(stream, s->streams, 0);
		return;
	}
	flow_set_application(f, fl_application_tcp(FL_INITIATOR, bytes->data, bytes->size));
	if (flow_application(f) == FL_APP_HTTP2)
		flow_set(f, FLOW_MULTIPLEXED);
	fl_stream_close(stream, s->streams);
}

static void dissect_initiator(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	if (!flow_has(f, FLOW_CALLS))
		f->user[FLOW_SEGMENTS]++;
	if (stream->closed || leaves_body(f, p))
		reopen_stream(s, f, p);
	if (stream->closed) {
		/* A connection older than the capture may begin in the middle of a request. */
		if (flow_application(f) == FL_APP_UNKNOWN && f->user[FLOW_SEGMENTS] <= IDENTIFY_SEGMENTS)
			flow_set_application(f, fl_application_tcp(FL_INITIATOR, p->payload.data, p->payload.size));
		return;
	}
	struct fl_slice bytes;
	enum fl_parse state = fl_stream_add(stream, s->streams, payload_seq(p), p->payload.data, p->payload.size,
					    p->payload_len - p->payload.size, &bytes);
	if (state == FL_PARSE_TRUNCATED)
		s->counters.cut_payload++;
	struct request_run run = { p->time_ns, p->payload_len, bytes.size > p->payload.size, fl_flow_acks_unseen(f, p), { NULL, 0 } };
	if (bytes.size)
		identify(s, f, &bytes, &run);
}

/* Of requests in a row. When bytes are missing, an answer is found where a segment begins with one. */
static void dissect_answers(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	struct fl_slice bytes = { NULL, 0 };
	if (!stream->closed)
		(void)fl_stream_add(stream, s->streams, payload_seq(p), p->payload.data, p->payload.size,
				    p->payload_len - p->payload.size, &bytes);
	if (bytes.size)
		fl_stream_consume(stream, s->streams, calls_read_answers(s, f, &bytes, true, p->time_ns));
	else if (stream->closed && p->payload.size)
		(void)calls_read_answers(s, f, &p->payload, false, p->time_ns);
}

/* HTTP/1, where requests come before the answers to others. */
static void dissect_pipeline(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (side == FL_INITIATOR && fl_flow_acks_unseen(f, p))
		calls_skip_answers(s, f);
	if (side == FL_INITIATOR)
		dissect_initiator(s, f, p);
	else
		dissect_answers(s, f, p);
	f->last_payload_side = (uint8_t)side;
}

/* Both sides speak HTTP/2 behind the @head bytes of the answer. */
static void upgrade(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, size_t head, int64_t time_ns)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	if (!calls_begin_upgraded(s, f)) {
		flow_set(f, FLOW_MULTIPLEXED);
		fl_stream_close(stream, s->streams);
		return;
	}
	restart_stream(s, &f->stream[FL_INITIATOR], f->payload_end_seq[FL_INITIATOR]);
	struct fl_slice behind = { bytes->data + head, bytes->size - head };
	size_t used = calls_read(s, f, FL_RESPONDER, &behind, time_ns);
	fl_stream_consume(stream, s->streams, head + used);
}

/* The answer to an offer of HTTP/2: 101 takes it up (RFC 7540 section 3.2). */
static void dissect_upgrade(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	struct fl_stream *stream = &f->stream[FL_RESPONDER];
	struct fl_slice bytes;
	(void)fl_stream_add(stream, s->streams, payload_seq(p), p->payload.data, p->payload.size, p->payload_len - p->payload.size, &bytes);
	if (!bytes.size && !stream->closed)
		return;
	unsigned status = fl_http_status(bytes.data, bytes.size);
	size_t head = status && status < 200 ? fl_http_answer_body(bytes.data, bytes.size).head_size : 0;
	bool waits = status ? status < 200 && !head : bytes.size < STATUS_LEAST;
	bool interim = head && status != 101;
	if ((waits || interim) && bytes.size < FL_HTTP_HEAD_MAX && !stream->closed) {
		fl_stream_consume(stream, s->streams, head);
		return;
	}
	flow_clear(f, FLOW_UPGRADE);
	if (head && status == 101)
		upgrade(s, f, &bytes, head, p->time_ns);
	else
		fl_stream_close(stream, s->streams);
}

static bool dissect_tcp(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (f->port[FL_RESPONDER] == DNS_PORT) {
		s->resolver_failed = false;
		return dissect_dns_stream(s, f, side, p);
	}
	if (flow_has(f, FLOW_CALLS)) {
		if (calls_are_pipelined(s, f))
			dissect_pipeline(s, f, side, p);
		else
			dissect_calls(s, f, side, p);
		return false;
	}
	bool before_hello = !flow_has(f, FLOW_TLS_HELLO);
	if (side == FL_INITIATOR)
		dissect_initiator(s, f, p);
	else if (flow_has(f, FLOW_UPGRADE))
		dissect_upgrade(s, f, p);
	else if (flow_application(f) == FL_APP_UNKNOWN && !flow_has(f, FLOW_ANSWERED))
		flow_set_application(f, fl_application_tcp(side, p->payload.data, p->payload.size));
	if (!flow_has(f, FLOW_TLS))
		return !flow_has(f, FLOW_CALLS) && !flow_lost_calls(f);
	return !(before_hello && side == FL_INITIATOR) && tls_has_data(f, side, &p->payload);
}

/* ---- datagrams ---- */

/* Return: whether the datagram counts for exchanges: not while the hello still comes in. */
static bool dissect_quic(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	if (p->payload.size < p->payload_len)
		s->counters.cut_payload++;
	enum fl_parse result =
		fl_quic_client(s->quic, &f->user[FLOW_HELLO], p->payload.data, p->payload.size, &s->hello);
	if (result == FL_PARSE_MORE) {
		if (s->hello.has_sni)
			scanner_note_name(s, f, FL_NAME_QUIC_SNI, s->hello.sni, 0);
		return flow_has(f, FLOW_ANSWERED);
	}
	note_hello(s, f, FL_NAME_QUIC_SNI);
	s->counters.parse_errors += result == FL_PARSE_MALFORMED;
	flow_set(f, FLOW_TLS_HELLO);
	return true;
}

static bool dissect_dtls(struct fl_scanner *s, struct fl_flow *f, const struct fl_packet *p)
{
	flow_set(f, FLOW_TLS);
	enum fl_parse result = fl_dtls_client(s->hellos, &f->user[FLOW_HELLO], p->payload.data, p->payload.size,
					      s->tls_scratch, &s->hello);
	if (result == FL_PARSE_MORE)
		return flow_has(f, FLOW_ANSWERED);
	if (result == FL_PARSE_OK)
		note_hello(s, f, FL_NAME_TLS_SNI);
	s->counters.parse_errors += result == FL_PARSE_MALFORMED;
	flow_set(f, FLOW_TLS_HELLO);
	return true;
}

static bool dissect_udp(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (f->port[FL_RESPONDER] == DNS_PORT) {
		s->resolver_failed = false;
		read_dns(s, f, side, p->time_ns, p->payload.data, p->payload.size);
		return true;
	}
	if (flow_application(f) == FL_APP_UNKNOWN && fl_hello_count(f->user[FLOW_HELLO]) < IDENTIFY_SEGMENTS) {
		fl_hello_add_count(&f->user[FLOW_HELLO], 1);
		flow_set_application(f, fl_application_udp(f->port[FL_RESPONDER], p->payload.data, p->payload.size));
	}
	if (side == FL_INITIATOR && !flow_has(f, FLOW_TLS_HELLO) &&
	    (flow_has(f, FLOW_TLS) || fl_dtls_probe(p->payload.data, p->payload.size)))
		return dissect_dtls(s, f, p);
	if (flow_application(f) != FL_APP_QUIC)
		return true;
	flow_set(f, FLOW_MULTIPLEXED);
	if (side == FL_INITIATOR && !flow_has(f, FLOW_TLS_HELLO))
		return dissect_quic(s, f, p);
	return true;
}

bool scanner_dissect(struct fl_scanner *s, struct fl_flow *f, enum fl_side side, const struct fl_packet *p)
{
	if (f->transport == FL_TRANSPORT_TCP)
		return dissect_tcp(s, f, side, p);
	return dissect_udp(s, f, side, p);
}
