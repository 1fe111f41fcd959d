/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dissect_http.c - requests of HTTP/1: whom they name, and where the next one is
 *
 * A request is noted as soon as its Host is known, for the exchange begins under that name. Its body is passed over: by its
 * length, by going on reading where it ends; by chunks, from the head of one to that of the next. So a body that looks
 * like a request names nobody, and a request behind a body is found wherever segments end. What is left of a body that the server
 * refused never comes: the next request is then found where a segment begins with one.
 */
#include "dissect_internal.h"

#include <string.h>

#include "calls.h"
#include "faultline/request.h"

enum { BODY_MAX = 1 << 30 }; /* longer ones are not passed over: sequence numbers come round */

bool scanner_is_health_path(const char *path)
{
	static const char *const words[] = { "/health", "/healthz", "/healthcheck", "/health-check", "/livez",
					     "/readyz", "/metrics", "/-/healthy", "/-/ready", "/_health",
					     "/actuator/health", "/actuator/prometheus", "/api/health",
					     "/health/live", "/health/ready" };
	if (path[0] != '/' || !path[1] || !strchr("-_ahlmr", path[1])) /* most are none */
		return false;
	for (size_t i = 0; i < FL_ARRAY_LEN(words); i++)
		if (strcmp(path, words[i]) == 0)
			return true;
	return false;
}

/* @port: of the target behind a proxy; 0: the name is the responder's. */
void dissect_note_target(struct fl_scanner *s, struct fl_flow *f, const char *host, uint16_t port)
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
static void note_upgrade(struct fl_scanner *s, struct fl_flow *f)
{
	flow_clear(f, FLOW_UPGRADE);
	if (!s->request.upgrade || flow_has(f, FLOW_CALLS))
		return;
	dissect_answers_from_here(s, f);
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
		dissect_note_target(s, f, s->request.host, proxy ? s->request.port : 0);
	if (proxy && !s->request.connect && flow_has(f, FLOW_TUNNEL))
		flow_set(f, FLOW_PROXIED);
	else if (s->request.connect)
		flow_clear(f, FLOW_PROXIED | FLOW_TUNNEL_OPEN);
	note_body(s, f);
	if (scanner_is_health_path(s->request.path))
		flow_set(f, FLOW_HEALTH);
	else
		flow_clear(f, FLOW_HEALTH);
	note_upgrade(s, f);
}

static void add_call(struct fl_scanner *s, struct fl_flow *f, const struct request_run *run)
{
	static const char head[] = "HEAD ";
	bool bare = run->last.size >= sizeof(head) && memcmp(run->last.data, head, sizeof(head) - 1) == 0;
	uint32_t fingerprint = fl_request_fingerprint(FL_APP_HTTP, false, run->last.data, run->last.size);
	struct calls_request request = { run->time_ns, run->size, fingerprint, bare, run->late };
	calls_add(s, f, &request);
}

/* A whole head was read, @text. Another request that is not answered yet stands before it: the open exchange, unless that began with
 * the first bytes of this very head (@known), or heads of the same segment. */
static void take_request(struct fl_scanner *s, struct fl_flow *f, struct request_run *run, struct fl_slice text)
{
	bool open = flow_has(f, FLOW_ANSWER_DUE) && f->exchange_start_ns;
	bool known = run->begun && run->heads == 0 && !f->user_flag;
	bool waits = open && flow_has(f, FLOW_HTTP) && !known;
	bool tunnel = s->request.connect || ((s->request.absolute || flow_has(f, FLOW_TUNNEL)) && !flow_has(f, FLOW_PROXIED));
	bool apart = tunnel || flow_has(f, FLOW_CALLS | FLOW_ANSWER_UNSEEN);
	if ((waits || run->heads) && !apart && !run->unseen && f->packets[FL_RESPONDER]) {
		bool begun = calls_begin_pipeline(s, f);
		if (begun && !waits)
			add_call(s, f, run);
	}
	struct counted_exchange counted = { { f->user[FLOW_CONVERSATION], f->user_half }, flow_has(f, FLOW_HEALTH), flow_has(f, FLOW_TUNNEL) };
	note_request(s, f);
	f->user_flag = true;
	if (open && known && !flow_has(f, FLOW_CALLS))
		scanner_rename_exchange(s, f, &counted, run->size);
	run->last = text;
	if (flow_has(f, FLOW_CALLS))
		add_call(s, f, run);
}

/* The stream goes on at @to bytes behind its next one. Return: what lies there already. */
static struct fl_slice go_on_at(struct fl_scanner *s, struct fl_flow *f, uint64_t to)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	if (to < BODY_MAX)
		return fl_stream_skip(stream, s->streams, (size_t)to);
	fl_stream_close(stream, s->streams);
	return (struct fl_slice){ NULL, 0 };
}

/* The body behind the head that was read last. Return: it ends in @size; else @behind is what lies there already. */
static bool pass_body(struct fl_scanner *s, struct fl_flow *f, size_t size, size_t *at, struct fl_slice *behind)
{
	uint64_t length = s->request.content_length;
	if (length <= size - *at) {
		*at += (size_t)length;
		return true;
	}
	*behind = go_on_at(s, f, length < BODY_MAX ? *at + length : BODY_MAX);
	f->user_bits = *at == size && !behind->size ? FLOW_AT_BODY : 0;
	return false;
}

/* Chunks of a body from @at on. Return: it ends in @bytes, or what is there is none; else @behind as above. */
static bool pass_chunks(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, size_t *at, struct fl_slice *behind)
{
	size_t used;
	uint64_t skip;
	enum fl_parse result = fl_http_chunks(bytes->data + *at, bytes->size - *at, &used, &skip);
	*at += used;
	f->user_bits = result == FL_PARSE_MORE && skip < BODY_MAX ? FLOW_IN_CHUNKS : 0;
	if (result != FL_PARSE_MORE)
		return true;
	if (skip == 0)
		fl_stream_consume(&f->stream[FL_INITIATOR], s->streams, *at);
	else
		*behind = go_on_at(s, f, skip < BODY_MAX ? *at + skip : BODY_MAX);
	return false;
}

/* A head of which the end is to come, @at bytes from the stream's next one. The exchange begins under the Host as soon as that is there. */
static void wait_for_head(struct fl_scanner *s, struct fl_flow *f, struct request_run *run, struct fl_slice text, size_t at)
{
	if (!f->user_bits && !flow_has(f, FLOW_HTTP))
		flow_set_application(f, FL_APP_HTTP);
	/* An empty field may go on in the next line, but not for ever. */
	bool named = s->request.host[0] || (s->request.host_read && text.size >= FL_HTTP_ANSWER_MAX);
	if (named && !f->user_bits) {
		take_request(s, f, run, text);
		f->user_bits = FLOW_IN_HEAD;
	}
	const uint8_t *line = memrchr(text.data, '\n', text.size);
	size_t looked = line ? (size_t)(line + 1 - text.data) : 0;
	fl_stream_consume(&f->stream[FL_INITIATOR], s->streams, at);
	fl_stream_look(&f->stream[FL_INITIATOR], s->streams, looked);
}

/* The head was looked at before: does what has come since change nothing? Then that waits, too. */
static bool head_goes_on(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	size_t looked = fl_stream_looked(stream, s->streams);
	if (!looked || !fl_http_head_goes_on(bytes->data, bytes->size, &looked, f->user_bits == FLOW_IN_HEAD))
		return false;
	fl_stream_consume(stream, s->streams, 0);
	fl_stream_look(stream, s->streams, looked);
	return true;
}

/* A whole head; @text goes on to the segment's end. */
static void end_head(struct fl_scanner *s, struct fl_flow *f, struct request_run *run, struct fl_slice text)
{
	size_t body = text.size - s->request.head_size;
	if (!s->request.chunked && s->request.content_length < body)
		text.size = s->request.head_size + (size_t)s->request.content_length;
	if (!f->user_bits) {
		take_request(s, f, run, text);
	} else { /* it was noted when its Host came */
		note_body(s, f);
		note_upgrade(s, f);
	}
	f->user_bits = 0;
}

/* Behind the last of what was read the next head comes, in segments of any size and order; where something else comes the
 * connection speaks another protocol from here on. */
static void leave_requests(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, size_t at)
{
	struct fl_stream *stream = &f->stream[FL_INITIATOR];
	bool goes_on = at == bytes->size || fl_http_probe(bytes->data + at, bytes->size - at) == FL_PARSE_MORE;
	if (goes_on)
		fl_stream_consume(stream, s->streams, at);
	else
		fl_stream_close(stream, s->streams);
}

/* All heads in @bytes. Return: what lies ready behind a body that is not all there; nothing: that is to come. */
static struct fl_slice read_requests(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, struct request_run *run)
{
	struct fl_slice behind = { NULL, 0 };
	size_t at = 0;
	if (f->user_bits == FLOW_IN_CHUNKS && !pass_chunks(s, f, bytes, &at, &behind))
		return behind;
	for (; at < bytes->size; run->heads++) {
		struct fl_slice text = { bytes->data + at, bytes->size - at };
		enum fl_parse result = fl_http_request(text.data, text.size, &s->request);
		if (result != FL_PARSE_OK && fl_http_probe(text.data, text.size) != FL_PARSE_OK)
			break;
		if (result == FL_PARSE_MORE) {
			wait_for_head(s, f, run, text, at);
			return behind;
		}
		if (result != FL_PARSE_OK) {
			s->counters.parse_errors += result == FL_PARSE_MALFORMED;
			s->counters.long_heads += result == FL_PARSE_UNSUPPORTED;
			fl_stream_close(&f->stream[FL_INITIATOR], s->streams);
			return behind;
		}
		end_head(s, f, run, text);
		at += s->request.head_size;
		if (s->request.connect)
			return fl_stream_skip(&f->stream[FL_INITIATOR], s->streams, at);
		if (s->request.chunked ? !pass_chunks(s, f, bytes, &at, &behind) : !pass_body(s, f, bytes->size, &at, &behind))
			return behind;
	}
	leave_requests(s, f, bytes, at);
	return behind;
}

void dissect_requests(struct fl_scanner *s, struct fl_flow *f, const struct fl_slice *bytes, struct request_run *run)
{
	struct fl_slice rest = *bytes;
	s->request.connect = false;
	if (f->stream[FL_INITIATOR].store && head_goes_on(s, f, bytes))
		return;
	while (rest.size && !s->request.connect)
		rest = read_requests(s, f, &rest, run);
	if (!rest.size)
		return;
	/* In a tunnel that was not waited for. */
	if (fl_tls_probe(rest.data, rest.size) == FL_PARSE_OK)
		dissect_hello(s, f, &rest);
	else
		fl_stream_close(&f->stream[FL_INITIATOR], s->streams);
}
