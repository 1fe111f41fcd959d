/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_log.c - the per-flow log: one JSON object a line, in the order flows end
 *
 * Written by hand instead of through a tree: a busy host ends thousands of flows a second. Names are
 * printable ASCII by construction (the parsers write other bytes as \DDD); quotes and
 * backslashes are escaped here all the same.
 */
#include "scanner_internal.h"

#include <inttypes.h>

#include "faultline/units.h"

static void write_string(FILE *out, const char *text)
{
	if (!text) {
		fputs("null", out);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			putc('\\', out);
		if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void write_chain(FILE *out, const char *chain)
{
	putc('[', out);
	while (chain && *chain) {
		char name[FL_DNS_NAME_MAX];
		size_t size = 0;
		for (; *chain && *chain != FL_CHAIN_SEPARATOR; chain++)
			if (size + 1 < sizeof(name))
				name[size++] = *chain;
		name[size] = 0;
		write_string(out, name);
		if (*chain == FL_CHAIN_SEPARATOR && *++chain)
			putc(',', out);
	}
	putc(']', out);
}

static void write_names(const struct fl_scanner *s, const struct fl_flow *f, FILE *out)
{
	fputs(",\"names\":[", out);
	for (uint32_t at = f->user[FLOW_NAMES]; at; at = s->flow_names[at - 1].next) {
		const struct flow_name *n = &s->flow_names[at - 1];
		fputs(at == f->user[FLOW_NAMES] ? "{\"name\":" : ",{\"name\":", out);
		write_string(out, fl_strpool_get(s->strings, n->name));
		fprintf(out, ",\"source\":\"%s\"}", fl_name_source_name((enum fl_name_source)n->source));
	}
	putc(']', out);
}

static void write_span(FILE *out, const char *key, int64_t from_ns, int64_t to_ns)
{
	if (from_ns && to_ns && to_ns >= from_ns)
		fprintf(out, ",\"%s\":%.9g", key, (double)(to_ns - from_ns) / 1e9);
	else
		fprintf(out, ",\"%s\":null", key);
}


static void write_identity(const struct fl_flow *f, FILE *out)
{
	char start[FL_TIME_TEXT], end[FL_TIME_TEXT], src[FL_ADDR_TEXT], dst[FL_ADDR_TEXT];
	fprintf(out, "{\"start\":\"%s\",\"end\":\"%s\",\"src\":\"%s\",\"src_port\":%u,\"dst\":\"%s\",\"dst_port\":%u,"
		"\"transport\":\"%s\",\"conn_state\":",
		fl_time_format(f->first_ns, start), fl_time_format(f->last_ns, end),
		fl_addr_format(&f->addr[FL_INITIATOR], src), f->port[FL_INITIATOR],
		fl_addr_format(&f->addr[FL_RESPONDER], dst), f->port[FL_RESPONDER],
		f->transport == FL_TRANSPORT_TCP ? "tcp" : "udp");
	if (f->transport == FL_TRANSPORT_TCP)
		fprintf(out, "\"%s\"", fl_conn_state_name(fl_flow_state(f)));
	else
		fputs(f->packets[FL_RESPONDER] ? "\"SF\"" : "\"S0\"", out);
}

void scanner_log_flow(struct fl_scanner *s, const struct fl_flow *f)
{
	FILE *out = s->options.flows;
	struct best_name best = { .source = FL_NAME_NONE };
	if (!scanner_best_name(s, f, &best))
		best = (struct best_name){ .source = FL_NAME_NONE };
	const char *name = fl_strpool_get(s->strings, best.name), *by_file = NULL;
	if (!name)
		name = by_file = fl_hosts_name(s->hosts, &f->addr[FL_RESPONDER]);
	write_identity(f, out);
	fputs(",\"name\":", out);
	write_string(out, name);
	fputs(",\"name_source\":", out);
	write_string(out, fl_name_source_name(by_file ? FL_NAME_HOSTS_FILE : best.source));
	fputs(",\"cname_chain\":", out);
	write_chain(out, fl_strpool_get(s->strings, best.chain));
	write_names(s, f, out);
	fputs(",\"application\":", out);
	write_string(out, fl_application_name(flow_application(f)));
	fprintf(out, ",\"bytes_out\":%" PRIu64 ",\"bytes_in\":%" PRIu64 ",\"packets\":%" PRIu64
		",\"syn_retransmits\":%u",
		f->bytes[FL_INITIATOR], f->bytes[FL_RESPONDER], (uint64_t)f->packets[0] + f->packets[1],
		(unsigned)fl_flow_syn_retransmits(f));
	write_span(out, "connect_s", f->syn_ns, f->synack_ns);
	write_span(out, "first_byte_s", f->first_payload_ns[FL_INITIATOR], f->first_payload_ns[FL_RESPONDER]);
	fprintf(out, ",\"exchanges\":%" PRIu32 ",\"midstream\":%s,\"service\":", f->exchanges,
		f->midstream ? "true" : "false");
	write_string(out, flow_owner(f) ? fl_owners_service(s->owners, flow_owner(f))->name : NULL);
	fputs("}\n", out);
}
