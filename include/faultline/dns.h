/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.h - DNS messages (RFC 1035; A, AAAA of RFC 3596; CNAME chains; SVCB and HTTPS of RFC 9460)
 *
 * Pure parser into a caller's struct of fixed size. Names are kept in
 * presentation form, lower case, without the final dot ("." is the root); blanks, bytes other than
 * printable ASCII, and '.' and '\\' inside a label, are written as \DDD
 * (RFC 1035 section 5.1).
 */
#ifndef FAULTLINE_DNS_H
#define FAULTLINE_DNS_H

#include "faultline/addr.h"
#include "faultline/reader.h"
#include "faultline/status.h"

enum {
	FL_DNS_NAME_MAX = 1024,     /* 255 octets (RFC 1035 section 2.3.4), all escaped, and the zero */
	FL_DNS_CHAIN_MAX = 16,      /* CNAMEs followed from the question; as many more are counted */
	FL_DNS_ADDRESSES_MAX = 64,  /* A and AAAA records kept; more are counted */
	FL_DNS_RECORDS_MAX = 512,   /* records read in one message */
	FL_DNS_HINTS_MAX = 16,      /* addresses kept from SVCB and HTTPS records */
};

enum fl_dns_type { FL_DNS_A = 1, FL_DNS_NS = 2, FL_DNS_CNAME = 5, FL_DNS_SOA = 6, FL_DNS_PTR = 12,
		   FL_DNS_MX = 15, FL_DNS_TXT = 16, FL_DNS_AAAA = 28, FL_DNS_SRV = 33, FL_DNS_SVCB = 64,
		   FL_DNS_HTTPS = 65, FL_DNS_IXFR = 251, FL_DNS_AXFR = 252 };

struct fl_dns_message {
	uint16_t id;
	bool response;          /* QR */
	bool truncated;         /* TC */
	uint8_t opcode, rcode;
	uint16_t question_count;
	uint16_t qtype;
	char qname[FL_DNS_NAME_MAX]; /* first question; "" without one */
	/* From the answer section: the CNAME (and DNAME-synthesised) targets followed
	 * from qname, in order; the addresses at the end of that chain first (others
	 * in the answer section behind them), wire order. */
	uint16_t chain_count, chain_dropped;
	char chain[FL_DNS_CHAIN_MAX][FL_DNS_NAME_MAX];
	uint16_t address_count;
	uint16_t named_count;     /* of those, what the question leads to; none of a zone transfer */
	uint16_t address_dropped; /* with records beyond FL_DNS_RECORDS_MAX, of whatever type */
	struct fl_addr address[FL_DNS_ADDRESSES_MAX];
	/* What SVCB and HTTPS records hint at: clients connect there without asking for A and AAAA. None for
	 * questions whose first label is no host's ("_dns"). */
	uint16_t hint_count;
	struct fl_addr hint[FL_DNS_HINTS_MAX];
	uint32_t ttl_s;         /* smallest TTL along the chain; 0 without answers */
};

/**
 * fl_dns_parse() - Read one message
 * @r: the message (over TCP without its length prefix); consumed
 * @m: out; what was read before trouble stays valid
 *
 * A compression pointer must point strictly backwards from where its name
 * began (RFC 1035 section 4.1.4), so no loop is possible. The cost is linear in
 * the message for any input: names are read at most once a record.
 *
 * Return: OK, MALFORMED (what had been read is in @m), UNSUPPORTED (opcode that
 * has no question: only the header is filled), TRUNCATED never.
 */
enum fl_parse fl_dns_parse(struct fl_reader *r, struct fl_dns_message *m);

/* "A", "HTTPS" ...; "TYPE123" (RFC 3597) into @text when there is no name. */
const char *fl_dns_type_name(uint16_t type, char text[static 12]);
const char *fl_dns_rcode_name(uint8_t rcode, char text[static 12]);

#endif
