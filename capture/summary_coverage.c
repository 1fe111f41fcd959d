/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * summary_coverage.c - what was not seen, in numbers
 *
 * Every table that met its limit, every kind of traffic that could not be read, and an estimate of
 * the dependencies that the window was too short for: Chao1 in its bias-corrected form (Chao 1987; Chao et
 * al. 2009 for the effort that would reach a share g of all), over how many
 * exchanges each dependency was seen with.
 */
#include "summary_internal.h"

#include <math.h>
#include <string.h>

#include "calls.h"

enum { LIMITS_MAX = 24, BLIND_SPOTS_MAX = 32 };

static void add_limit(struct summary *m, const char *name, uint64_t limit, uint64_t hits, const char *what)
{
	struct fl_coverage *c = &m->scan->coverage;
	if (hits)
		c->limits[c->limit_count++] = (struct fl_scan_limit){ name, limit, hits, what };
}

static void add_blind_spot(struct summary *m, const char *kind, uint64_t count, const char *text)
{
	struct fl_coverage *c = &m->scan->coverage;
	if (count)
		c->blind_spots[c->blind_spot_count++] = (struct fl_scan_blind_spot){ kind, count, text };
}

static void add_limits(struct summary *m)
{
	const struct fl_scanner *s = m->scanner;
	const struct fl_names_counters *names = fl_names_counters(s->names);
	const struct scanner_before *b = &s->before;
	m->scan->coverage.limits = fl_arena_array(m->arena, LIMITS_MAX, sizeof(struct fl_scan_limit));
	add_limit(m, "flow table", s->flow_capacity, fl_flow_table_counters(s->flows)->ended[FL_END_EVICTED] - b->flows.ended[FL_END_EVICTED],
		  "flows ended early");
	add_limit(m, "conversations", fl_conversations_limit(s->conversations),
		  fl_conversations_evicted(s->conversations), "conversations forgotten");
	add_limit(m, "names of a listener", FL_NAMES_OF_LISTENER, fl_conversations_folded(s->conversations),
		  "requests counted without their name");
	add_limit(m, "histograms", fl_conversations_detail_limit(s->conversations),
		  fl_conversations_without_detail(s->conversations), "measurements not kept");
	add_limit(m, "names", fl_strpool_bytes(s->strings), fl_strpool_refused(s->strings) - b->strings_refused, "names not kept");
	add_limit(m, "name bindings", s->binding_limit, names->bindings_evicted - b->names.bindings_evicted, "recent DNS answers forgotten");
	add_limit(m, "DNS answers", fl_names_answer_count(s->names), names->answers_dropped - b->names.answers_dropped, "answers not listed");
	add_limit(m, "names of a flow", s->flow_name_limit, s->counters.flow_names_dropped, "names not kept");
	add_limit(m, "stream store", fl_stream_pool_used(s->streams), fl_stream_pool_refused(s->streams) - b->streams_refused,
		  "streams not reassembled");
	add_limit(m, "hellos over datagrams", fl_hello_pool_places(s->hellos), fl_hello_pool_given_up(s->hellos) - b->hellos_given_up,
		  "QUIC or DTLS names not read");
	add_limit(m, "request heads", FL_HTTP_HEAD_MAX, s->counters.long_heads,
		  "HTTP/1 requests whose fields were not read to their end; a Host behind the limit is not known");
	add_limit(m, "HTTP/2 connections", calls_pool_limit(s->calls), calls_pool_refused(s->calls) - b->calls_refused,
		  "HTTP/2 or pipelined connections not followed to their end");
	add_limit(m, "HTTP/2 calls", CALLS_MAX, calls_pool_crowded(s->calls) - b->calls_crowded,
		  "requests of crowded connections without their answer");
	add_limit(m, "local addresses", 4096, fl_locality_refused(s->locality) - b->locality_refused, "packets of hosts beyond it");
	const struct fl_owner_counters *owners = fl_owners_counters(s->owners);
	add_limit(m, "sockets", fl_owners_limit(s->owners), owners->evicted - b->owners.evicted,
		  "sockets forgotten before a packet asked for them");
	add_limit(m, "services", FL_OWNER_SERVICES_MAX, owners->services_refused - b->owners.services_refused,
		  "sockets of services beyond it");
	add_limit(m, "services of a user or container", FL_OWNER_SERVICES_OF_ONE, owners->services_of_one - b->owners.services_of_one,
		  "sockets of services beyond it");
	add_limit(m, "exchange log", fl_exchange_log_limit(s->attempts), fl_exchange_log_thinned(s->attempts),
		  "answered exchanges told by their neighbours; counts hold");
	add_limit(m, "exchange log lost", fl_exchange_log_limit(s->attempts), fl_exchange_log_lost(s->attempts),
		  "exchanges forgotten");
	add_limit(m, "behaviours", 1024, m->not_described, "dependencies without retries, timeouts and stalls");
	add_limit(m, "listeners", fl_inflight_count(s->inflight), fl_inflight_refused(s->inflight),
		  "listeners without in-flight count");
}

static uint64_t count_encrypted_dns(const struct summary *m)
{
	uint64_t n = m->scanner->counters.encrypted_dns;
	for (size_t i = 0; i < m->scan->dependency_count; i++)
		if (m->scan->dependencies[i].port == 853 && m->scan->dependencies[i].answered)
			n += m->scan->dependencies[i].connections.established;
	return n;
}

static uint64_t count_without_names(const struct summary *m)
{
	uint64_t n = 0;
	for (size_t i = 0; i < m->scan->dependency_count; i++) {
		const struct fl_scan_dependency *d = &m->scan->dependencies[i];
		n += d->scope == FL_SCOPE_EXTERNAL && !d->name && d->answered && d->class != FL_CLASS_NAME_RESOLUTION &&
		     d->class != FL_CLASS_PROBE;
	}
	return n;
}

/* Without the ciphers no QUIC name can be read, and each connection of it is one that was not. */
static uint64_t count_unread_quic(const struct summary *m)
{
	uint64_t n = 0;
	const char *quic = fl_application_name(FL_APP_QUIC);
	if (fl_quic_able(m->scanner->quic))
		return 0;
	for (size_t i = 0; i < m->scan->dependency_count; i++) {
		const struct fl_scan_dependency *d = &m->scan->dependencies[i];
		if (d->application && strcmp(d->application, quic) == 0)
			n += d->connections.tried + d->connections.midstream;
	}
	return n;
}

/* Where owners were asked for: connections that nobody told of, and why the best way was not open. */
static void add_attribution(struct summary *m)
{
	const struct fl_attribution_state *a = &m->scanner->attribution;
	uint64_t not_told = 0;
	if (!*a->way)
		return;
	for (size_t i = 0; i < m->scan->dependency_count; i++) {
		const struct fl_scan_dependency *d = &m->scan->dependencies[i];
		if (d->attribution == FL_ATTRIBUTION_INFERRED || d->attribution == FL_ATTRIBUTION_HOST)
			not_told += d->connections.tried + d->connections.midstream;
	}
	add_blind_spot(m, "not-attributed", not_told,
		       "connections whose service nobody told: it was inferred from what was open at the time, or is the host");
	add_blind_spot(m, "attribution", *a->why != 0,
		       fl_arena_printf(m->arena, "who opens connections was told by '%s' and by nothing better: %s",
				       a->way, a->why));
	add_blind_spot(m, "translation", *a->translation != 0,
		       fl_arena_printf(m->arena, "which connections are translated could not be told (%s): seen on both sides of it "
				       "they count twice, and published ports are those of the host", a->translation));
	add_blind_spot(m, "attribution-lost", a->lost, "reports of the kernel on who opens connections were lost");
	add_blind_spot(m, "namespaces", fl_owners_counters(m->scanner->owners)->ambiguous - m->scanner->before.owners.ambiguous,
		       "look-ups found the same socket in several network namespaces and named nobody");
}

static void add_unseen_sockets(struct summary *m)
{
	const struct fl_scanner *s = m->scanner;
	bool all = s->options.unseen == FL_UNSEEN_ALL;
	add_blind_spot(m, "no-packets", all,
		       "no packets were captured: dependencies are sockets that were open when somebody looked, in this network namespace; "
		       "names, exchanges, times, failures, what closed in between and what other namespaces (containers) have are unknown");
	add_blind_spot(m, "silent-connections", all ? 0 : s->counters.unseen,
		       "connections were open before the scan and carried nothing during it; they are known from the socket table alone");
}

static void add_blind_spots(struct summary *m)
{
	const struct scanner_counters *c = &m->scanner->counters;
	m->scan->coverage.blind_spots = fl_arena_array(m->arena, BLIND_SPOTS_MAX, sizeof(struct fl_scan_blind_spot));
	add_blind_spot(m, "dropped", c->dropped_kernel + c->dropped_interface,
		       "packets were dropped before they could be read; raise --buffer or filter");
	add_blind_spot(m, "not-captured", c->answers_unseen,
		       "answers were acknowledged and not captured: packets are missing, or one direction is; how these exchanges went "
		       "is unknown, and others that seem to have failed may have been answered");
	add_blind_spot(m, "holes", m->scanner->options.light ? 0 : c->holes,
		       "times that bytes of requests or answers that were read in the clear were acknowledged and not captured; requests in "
		       "them are not counted, nor are the names that they asked for known");
	add_attribution(m);
	add_unseen_sockets(m);
	add_blind_spot(m, "light", m->scanner->options.light,
		       "capture passed only what names and states need: exchanges, bytes and times are not complete");
	add_blind_spot(m, "cut-short", c->cut_short, "capture files end inside a packet");
	add_blind_spot(m, "interrupted", c->interrupted, "reading of files was interrupted; what came after is missing");
	add_blind_spot(m, "interface-lost", c->lost_interface, "interfaces went away during the capture");
	add_blind_spot(m, "snaplen", c->truncated + c->cut_payload,
		       "packets or streams were cut by the snap length; names in them may be missing");
	add_blind_spot(m, "not-decoded", c->unsupported, "frames that are not IP, or nest too many headers, were not looked into");
	add_blind_spot(m, "fragments", c->datagrams_lost,
		       "fragmented packets were not captured completely; what the missing parts said is not known");
	add_blind_spot(m, "contradictory", c->contradicted + fl_stream_pool_contradicted(m->scanner->streams) - m->scanner->before.streams_contradicted,
		       "streams and fragmented packets came in copies that differ; what they said is not known, no name was taken from them");
	add_blind_spot(m, "answers-unasked", c->answers_unasked,
		       "DNS answers came to ports that had asked something else: forged, late, or the question was not captured; they name nothing");
	add_blind_spot(m, "filtered", c->filtered, "packets were left out by the filter");
	add_blind_spot(m, "ech", c->ech + c->esni,
		       "connections offered Encrypted ClientHello; the name shown may be the public one of a shared front");
	add_blind_spot(m, "ipsec", c->sealed, "packets were encrypted by IPsec (ESP); who talks to whom inside is not known");
	add_blind_spot(m, "quic", count_unread_quic(m),
		       "QUIC connections could not be looked into: the cryptographic library offers no AES-128-GCM or HKDF");
	add_blind_spot(m, "encrypted-dns", count_encrypted_dns(m),
		       "connections carried encrypted DNS; the names asked there are unknown");
	add_blind_spot(m, "unnamed-external", count_without_names(m),
		       "external dependencies are known by address only: their name was resolved before the capture began, elsewhere, or never");
}

static void add_unseen(struct summary *m)
{
	struct fl_coverage *c = &m->scan->coverage;
	double once = 0, twice = 0, seen = 0, uses = 0;
	for (size_t i = 0; i < m->scan->dependency_count; i++) {
		const struct fl_scan_dependency *d = &m->scan->dependencies[i];
		uint64_t n = d->exchanges ? d->exchanges : d->connections.tried + d->connections.midstream;
		if (!d->answered || d->class == FL_CLASS_PROBE)
			continue;
		seen++;
		uses += (double)n;
		once += n == 1;
		twice += n == 2;
	}
	c->unseen_dependencies = c->window_for_95_s = NAN;
	if (seen == 0)
		return;
	double unseen = once * (once - 1) / (2 * (twice + 1));
	c->unseen_dependencies = unseen;
	c->window_for_95_s = m->window_s;
	double missing_allowed = 0.05 * (seen + unseen);
	if (unseen <= missing_allowed)
		return;
	/* Uses still to come until the unseen fall to what 95 % allows, at today's rate. */
	double step = log(missing_allowed / unseen) / log1p(-once / (uses * unseen + once));
	c->window_for_95_s = m->window_s * (1 + step / uses);
}

void summary_coverage(struct summary *m)
{
	const struct fl_scanner *s = m->scanner;
	struct fl_coverage *c = &m->scan->coverage;
	c->packets = s->counters.packets + s->counters.truncated + s->counters.malformed + s->counters.unsupported +
		     s->counters.fragments;
	c->bytes = s->counters.bytes;
	c->dropped_kernel = s->counters.dropped_kernel;
	c->dropped_interface = s->counters.dropped_interface;
	c->not_ip = s->counters.unsupported;
	c->truncated = s->counters.truncated;
	c->malformed = s->counters.malformed;
	c->duplicates = fl_flow_table_counters(s->flows)->duplicates - s->before.flows.duplicates;
	c->parse_errors = s->counters.parse_errors;
	c->flows = s->counters.flows;
	/* Connections that are known from the table of sockets alone are in the dependencies and are no flows. */
	uint64_t unnamed = 0;
	for (size_t i = 0; i < m->scan->dependency_count; i++) {
		const struct fl_scan_dependency *d = &m->scan->dependencies[i];
		uint64_t flows = d->connections.tried + d->connections.midstream;
		if (d->attribution == FL_ATTRIBUTION_HOST)
			c->flows_unattributed += flows;
		if (!d->name && d->class != FL_CLASS_NAME_RESOLUTION && d->class != FL_CLASS_PROBE)
			unnamed += flows;
	}
	c->flows_named = unnamed < c->flows ? c->flows - unnamed : 0;
	c->name_answers = fl_names_counters(s->names)->answers - s->before.names.answers;
	c->attribution = *s->attribution.way ? fl_arena_string(m->arena, s->attribution.way) : NULL;
	c->host_detection = fl_locality_how(s->locality);
	add_limits(m);
	add_blind_spots(m);
	add_unseen(m);
}
