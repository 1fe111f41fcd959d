/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_dns.c - messages written octet by octet, and what must be read out of them
 *
 * Every message asks for "www.example.com" unless the row says otherwise. Offsets for pointers:
 * the question's name is at 12 ("example" at 16, "com" at 24), the first record at 33.
 */
#include "unit.h"

#include <stdio.h>

#include "faultline/dns.h"

#define HEADER(flags, questions, answers) "\x12\x34" flags "\0" questions "\0" answers "\0\0\0\0"
#define ANSWER_FLAGS "\x81\x80"
#define WWW "\3www\7example\3com\0"
#define ASK WWW "\0\1\0\1"
#define TO_ASKED "\xc0\x0c"
#define RR(type, ttl, length) "\0" type "\0\1\0\0\0" ttl "\0" length
#define A(ttl, last) RR("\1", ttl, "\4") "\xc0\0\2" last
#define BYTES(text) text, sizeof(text) - 1

struct row {
	const char *name;
	const char *bytes;
	size_t size;
	enum fl_parse result;
	const char *qname;
	const char *chain;     /* joined by commas */
	const char *addresses; /* joined by commas */
	uint32_t ttl_s;
};

static const struct row rows[] = {
	{ "a query has a name and no answer", BYTES(HEADER("\1\0", "\1", "\0") ASK), FL_PARSE_OK,
	  "www.example.com", "", "", 0 },
	{ "an address belongs to the question", BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK TO_ASKED A("\x3c", "\1")),
	  FL_PARSE_OK, "www.example.com", "", "192.0.2.1", 60 },
	{ "an IPv6 address is read",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK TO_ASKED RR("\x1c", "\5", "\x10") "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
	  FL_PARSE_OK, "www.example.com", "", "2001:db8::1", 5 },
	{ "a chain is followed and the smallest TTL on it counts",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\3") ASK TO_ASKED RR("\5", "\7", "\3") "\1a\0"
		"\1a\0" RR("\5", "\3", "\3") "\1b\0" "\1b\0" A("\x3c", "\2")),
	  FL_PARSE_OK, "www.example.com", "a,b", "192.0.2.2", 3 },
	{ "a chain out of order is followed just so",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\3") ASK "\1b\0" A("\x3c", "\2") "\1a\0" RR("\5", "\3", "\3") "\1b\0"
		TO_ASKED RR("\5", "\7", "\3") "\1a\0"),
	  FL_PARSE_OK, "www.example.com", "a,b", "192.0.2.2", 3 },
	{ "case makes no difference and does not come out",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") "\3WwW\7eXample\3COM\0" "\0\1\0\1" WWW RR("\5", "\7", "\3") "\1A\0"
		"\1a\0" A("\x3c", "\2")),
	  FL_PARSE_OK, "www.example.com", "a", "192.0.2.2", 7 },
	{ "addresses at the end of the chain come before strays",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\4") ASK "\1x\0" A("\1", "\x09") TO_ASKED RR("\5", "\7", "\3") "\1a\0"
		"\1a\0" A("\x3c", "\2") "\1a\0" A("\x3c", "\3")),
	  FL_PARSE_OK, "www.example.com", "a", "192.0.2.2,192.0.2.3,192.0.2.9", 7 },
	{ "a loop of CNAMEs ends where it began",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK TO_ASKED RR("\5", "\7", "\3") "\1a\0"
		"\1a\0" RR("\5", "\3", "\2") TO_ASKED),
	  FL_PARSE_OK, "www.example.com", "a", "", 3 },
	{ "a CNAME to itself leads nowhere",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK TO_ASKED RR("\5", "\7", "\2") TO_ASKED), FL_PARSE_OK,
	  "www.example.com", "", "", 7 },
	{ "a DNAME above the question stands for its CNAME",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK "\xc0\x10" RR("\x27", "\7", "\3") "\1o\0"
		"\3www\1o\0" A("\x3c", "\2")),
	  FL_PARSE_OK, "www.example.com", "www.o", "192.0.2.2", 7 },
	{ "a DNAME at the question itself does not rename it",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK TO_ASKED RR("\x27", "\7", "\3") "\1o\0"), FL_PARSE_OK,
	  "www.example.com", "", "", 0 },
	{ "a CNAME beside its DNAME is taken once",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK "\xc0\x10" RR("\x27", "\7", "\3") "\1o\0"
		TO_ASKED RR("\5", "\7", "\7") "\3www\1o\0"),
	  FL_PARSE_OK, "www.example.com", "www.o", "", 7 },
	{ "an EDNS record in the additional section is no answer",
	  BYTES("\x12\x34\x81\x80\0\1\0\1\0\0\0\1" ASK TO_ASKED A("\x3c", "\1") "\0\0\x29\x04\xd0\0\0\0\0\0\0"),
	  FL_PARSE_OK, "www.example.com", "", "192.0.2.1", 60 },
	{ "a TTL with the upper bit means zero",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK TO_ASKED "\0\1\0\1\xff\xff\xff\xff\0\4\xc0\0\2\1"), FL_PARSE_OK,
	  "www.example.com", "", "192.0.2.1", 0 },
	{ "another class is no address",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK TO_ASKED "\0\1\0\3\0\0\0\1\0\4\xc0\0\2\1"), FL_PARSE_OK,
	  "www.example.com", "", "", 0 },
	{ "dots, backslashes and binary in labels are escaped",
	  BYTES(HEADER("\1\0", "\1", "\0") "\4a.\\\xff\3\0 \x7f\0" "\0\1\0\1"), FL_PARSE_OK,
	  "a\\046\\092\\255.\\000\\032\\127", "", "", 0 },
	{ "a label with a dot is not two labels",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK "\x0bwww.example\3com\0" A("\1", "\1")), FL_PARSE_OK,
	  "www.example.com", "", "192.0.2.1", 0 },
	{ "the root is a dot", BYTES(HEADER("\1\0", "\1", "\0") "\0" "\0\2\0\1"), FL_PARSE_OK, ".", "", "", 0 },
	{ "an answer without question gives its addresses", BYTES(HEADER(ANSWER_FLAGS, "\0", "\1") "\1a\0" A("\1", "\1")),
	  FL_PARSE_OK, "", "", "192.0.2.1", 0 },
	{ "of two questions the first counts", BYTES(HEADER("\1\0", "\2", "\0") ASK "\1b\0" "\0\1\0\1"), FL_PARSE_OK,
	  "www.example.com", "", "", 0 },
	{ "an update has no question", BYTES(HEADER("\x28\0", "\1", "\0") ASK), FL_PARSE_UNSUPPORTED, "", "", "", 0 },
	{ "a notification has one", BYTES(HEADER("\x20\0", "\1", "\0") ASK), FL_PARSE_OK, "www.example.com", "", "",
	  0 },

	{ "no octet at all is malformed", BYTES(""), FL_PARSE_MALFORMED, "", "", "", 0 },
	{ "eleven octets are no header", BYTES("\x12\x34\1\0\0\1\0\0\0\0\0"), FL_PARSE_MALFORMED, "", "", "", 0 },
	{ "a question that is cut is malformed", BYTES(HEADER("\1\0", "\1", "\0") "\3www\7exa"), FL_PARSE_MALFORMED, "",
	  "", "", 0 },
	{ "a label of type 01 is malformed", BYTES(HEADER("\1\0", "\1", "\0") "\x41" "a\0" "\0\1\0\1"),
	  FL_PARSE_MALFORMED, "", "", "", 0 },
	{ "a pointer into the header is malformed", BYTES(HEADER("\1\0", "\1", "\0") "\xc0\x04" "\0\1\0\1"),
	  FL_PARSE_MALFORMED, "", "", "", 0 },
	{ "a pointer to itself is malformed and keeps the question",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK "\xc0\x21" A("\1", "\1")), FL_PARSE_MALFORMED, "www.example.com",
	  "", "", 0 },
	{ "a pointer forwards is malformed, the record behind it stays",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK "\xc0\x31" A("\1", "\1") TO_ASKED A("\2", "\2")),
	  FL_PARSE_MALFORMED, "www.example.com", "", "192.0.2.2", 2 },
	{ "an address of five octets is malformed, the others stay",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK TO_ASKED RR("\1", "\1", "\5") "\xc0\0\2\1\1" TO_ASKED A("\2", "\2")),
	  FL_PARSE_MALFORMED, "www.example.com", "", "192.0.2.2", 2 },
	{ "a record that is cut is malformed, those before stay",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK TO_ASKED A("\2", "\2") TO_ASKED "\0\1\0\1\0"), FL_PARSE_MALFORMED,
	  "www.example.com", "", "192.0.2.2", 2 },
	{ "more answers promised than sent is malformed",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK TO_ASKED A("\2", "\2")), FL_PARSE_MALFORMED, "www.example.com", "",
	  "192.0.2.2", 2 },
	{ "a CNAME with a broken target is malformed, the chain ends before it",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK TO_ASKED RR("\5", "\7", "\2") "\xc0\xff" TO_ASKED A("\2", "\2")),
	  FL_PARSE_MALFORMED, "www.example.com", "", "192.0.2.2", 2 },
};

static void join(char *to, size_t size, const char *text)
{
	size_t used = strlen(to);
	snprintf(to + used, size - used, "%s%s", used ? "," : "", text);
}

static struct fl_dns_message message; /* large; dirty from the row before, as in use */

static enum fl_parse parse(const void *bytes, size_t size)
{
	struct fl_reader r = fl_reader_over(bytes, size);
	return fl_dns_parse(&r, &message);
}

static void check_row(void **state)
{
	const struct row *row = *state;
	char chain[4096] = "", addresses[4096] = "", text[FL_ADDR_TEXT];
	assert_int_equal(parse(row->bytes, row->size), row->result);
	for (size_t i = 0; i < message.chain_count; i++)
		join(chain, sizeof chain, message.chain[i]);
	for (size_t i = 0; i < message.address_count; i++)
		join(addresses, sizeof addresses, fl_addr_format(&message.address[i], text));
	assert_string_equal(message.qname, row->qname);
	assert_string_equal(chain, row->chain);
	assert_string_equal(addresses, row->addresses);
	assert_int_equal(message.ttl_s, row->ttl_s);
}

#define ASK_HTTPS WWW "\0\x41\0\1"
#define HTTPS(length) RR("\x41", "\7", length)
#define HINT_4 "\0\4\0\x08\xc0\0\2\1\xc0\0\2\2"
#define HINT_6 "\0\6\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"

struct service_row {
	const char *name;
	const char *bytes;
	size_t size;
	enum fl_parse result;
	const char *chain, *hints;
};

static const struct service_row service_rows[] = {
	{ "a service hints at addresses of both families",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK_HTTPS TO_ASKED HTTPS("\x2a") "\0\1\0" "\0\1\0\3\2h2" HINT_4 HINT_6),
	  FL_PARSE_OK, "", "192.0.2.1,192.0.2.2,2001:db8::1" },
	{ "a service without parameters hints at nothing",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK_HTTPS TO_ASKED HTTPS("\3") "\0\1\0"), FL_PARSE_OK, "", "" },
	{ "an alias of the service is no CNAME",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK_HTTPS TO_ASKED HTTPS("\5") "\0\0\1a\0"
		"\1a\0" HTTPS("\x0f") "\0\1\0" HINT_4),
	  FL_PARSE_OK, "", "192.0.2.1,192.0.2.2" },
	{ "an alias of the root says that there is no service",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK_HTTPS TO_ASKED HTTPS("\3") "\0\0\0"), FL_PARSE_OK, "", "" },
	{ "hints behind a CNAME are kept",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK_HTTPS TO_ASKED RR("\5", "\7", "\3") "\1a\0"
		"\1a\0" HTTPS("\x0f") "\0\1\0" HINT_4),
	  FL_PARSE_OK, "a", "192.0.2.1,192.0.2.2" },
	{ "hints for what is no host are not kept",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") "\4_dns\0" "\0\x40\0\1" TO_ASKED RR("\x40", "\7", "\x0f") "\0\1\0" HINT_4),
	  FL_PARSE_OK, "", "" },
	{ "a hint of seven octets is malformed",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK_HTTPS TO_ASKED HTTPS("\x0e") "\0\1\0" "\0\4\0\7\xc0\0\2\1\xc0\0\2"),
	  FL_PARSE_MALFORMED, "", "" },
	{ "a parameter that is longer than the record is malformed, what was read stays",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK_HTTPS TO_ASKED HTTPS("\x13") "\0\1\0" HINT_4 "\0\x09\0\1"),
	  FL_PARSE_MALFORMED, "", "192.0.2.1,192.0.2.2" },
	{ "a record without target is malformed",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\1") ASK_HTTPS TO_ASKED HTTPS("\2") "\0\1"), FL_PARSE_MALFORMED, "", "" },
};

static void check_service(void **state)
{
	const struct service_row *row = *state;
	char chain[256] = "", hints[4096] = "", text[FL_ADDR_TEXT];
	assert_int_equal(parse(row->bytes, row->size), row->result);
	for (size_t i = 0; i < message.chain_count; i++)
		join(chain, sizeof chain, message.chain[i]);
	for (size_t i = 0; i < message.hint_count; i++)
		join(hints, sizeof hints, fl_addr_format(&message.hint[i], text));
	assert_string_equal(chain, row->chain);
	assert_string_equal(hints, row->hints);
	assert_int_equal(message.address_count, 0);
}

struct named_row {
	const char *name;
	const char *bytes;
	size_t size;
	uint16_t named, addresses, hints;
};

static const struct named_row named_rows[] = {
	{ "what the question leads to is named", BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK TO_ASKED A("\1", "\1") TO_ASKED A("\1", "\2")), 2, 2, 0 },
	{ "an address of another owner is there and not named",
	  BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") ASK "\1a\0" A("\1", "\1") TO_ASKED A("\1", "\2")), 1, 2, 0 },
	{ "without a question nothing is named", BYTES(HEADER(ANSWER_FLAGS, "\0", "\1") "\0" A("\1", "\1")), 0, 1, 0 },
	{ "a zone transfer names nothing", BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") WWW "\0\xfc\0\1" TO_ASKED A("\1", "\1") "\1a\0" A("\1", "\2")), 0, 2, 0 },
	{ "an incremental one neither", BYTES(HEADER(ANSWER_FLAGS, "\1", "\2") WWW "\0\xfb\0\1" TO_ASKED A("\1", "\1") TO_ASKED HTTPS("\x0f") "\0\1\0" HINT_4),
	  0, 1, 0 },
};

static void check_named(void **state)
{
	const struct named_row *row = *state;
	assert_int_equal(parse(row->bytes, row->size), FL_PARSE_OK);
	assert_int_equal(message.named_count, row->named);
	assert_int_equal(message.address_count, row->addresses);
	assert_int_equal(message.hint_count, row->hints);
}

static void header_fields(void **state)
{
	(void)state;
	const char bytes[] = HEADER("\x83\x83", "\1", "\0") ASK;
	assert_int_equal(parse(bytes, sizeof bytes - 1), FL_PARSE_OK);
	assert_int_equal(message.id, 0x1234);
	assert_true(message.response);
	assert_true(message.truncated);
	assert_int_equal(message.opcode, 0);
	assert_int_equal(message.rcode, 3);
	assert_int_equal(message.question_count, 1);
	assert_int_equal(message.qtype, FL_DNS_A);
	const char query[] = HEADER("\1\0", "\1", "\0") ASK;
	assert_int_equal(parse(query, sizeof query - 1), FL_PARSE_OK);
	assert_false(message.response || message.truncated);
}

/* A message of its own making: header and question, then what is appended. */
struct writer {
	uint8_t bytes[65536];
	size_t size;
};

static void put(struct writer *w, const void *bytes, size_t size)
{
	memcpy(w->bytes + w->size, bytes, size);
	w->size += size;
}

static void begin(struct writer *w, uint16_t answers)
{
	w->size = 0;
	put(w, HEADER(ANSWER_FLAGS, "\1", "\0"), 12);
	put(w, BYTES("\2n0\1e\0\0\1\0\1"));
	w->bytes[6] = (uint8_t)(answers >> 8);
	w->bytes[7] = (uint8_t)answers;
}

static void put_name(struct writer *w, unsigned number)
{
	char label[16];
	int size = snprintf(label + 1, sizeof label - 1, "n%u", number);
	label[0] = (char)size;
	put(w, label, (size_t)size + 1);
	put(w, BYTES("\1e\0"));
}

static struct writer w;

static void long_chain(void **state)
{
	(void)state;
	begin(&w, 20);
	for (unsigned i = 0; i < 20; i++) {
		put_name(&w, i);
		put(&w, RR("\5", "\1", "\0"), 10);
		size_t start = w.size;
		put_name(&w, i + 1);
		w.bytes[start - 1] = (uint8_t)(w.size - start);
	}
	assert_int_equal(parse(w.bytes, w.size), FL_PARSE_OK);
	assert_int_equal(message.chain_count, FL_DNS_CHAIN_MAX);
	assert_int_equal(message.chain_dropped, 20 - FL_DNS_CHAIN_MAX);
	assert_string_equal(message.chain[0], "n1.e");
	assert_string_equal(message.chain[FL_DNS_CHAIN_MAX - 1], "n16.e");
}

static void put_addresses(struct writer *to, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put(to, BYTES("\xc0\x0c" A("\1", "\1")));
}

static void many_addresses(void **state)
{
	(void)state;
	begin(&w, 70);
	put_addresses(&w, 70);
	assert_int_equal(parse(w.bytes, w.size), FL_PARSE_OK);
	assert_int_equal(message.address_count, FL_DNS_ADDRESSES_MAX);
	assert_int_equal(message.address_dropped, 70 - FL_DNS_ADDRESSES_MAX);
}

static void many_records(void **state)
{
	(void)state;
	begin(&w, FL_DNS_RECORDS_MAX + 10);
	put_addresses(&w, FL_DNS_RECORDS_MAX + 10);
	assert_int_equal(parse(w.bytes, w.size), FL_PARSE_OK);
	assert_int_equal(message.address_count, FL_DNS_ADDRESSES_MAX);
	assert_int_equal(message.address_dropped, FL_DNS_RECORDS_MAX + 10 - FL_DNS_ADDRESSES_MAX);
}

static enum fl_parse ask_for(unsigned labels, uint8_t last)
{
	static const char label[64] = "\x3f" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	w.size = 0;
	put(&w, HEADER("\1\0", "\1", "\0"), 12);
	for (unsigned i = 0; i < labels; i++)
		put(&w, label, 64);
	put(&w, &last, 1);
	put(&w, label + 1, last);
	put(&w, BYTES("\0\0\1\0\1"));
	return parse(w.bytes, w.size);
}

static void longest_name(void **state)
{
	(void)state;
	assert_int_equal(ask_for(3, 61), FL_PARSE_OK); /* 3 * 64 + 62 + 1 = 255 octets */
	assert_int_equal(strlen(message.qname), 253);
	assert_int_equal(ask_for(3, 62), FL_PARSE_MALFORMED);
	assert_string_equal(message.qname, "");
}

/* Pointers to pointers, each strictly backwards: @count of them behind the question. */
static enum fl_parse tower(unsigned count)
{
	begin(&w, 2);
	put(&w, BYTES("\0" RR("\x10", "\1", "\0")));
	size_t start = w.size;
	w.bytes[start - 2] = (uint8_t)(2 * count >> 8);
	w.bytes[start - 1] = (uint8_t)(2 * count);
	for (unsigned i = 0; i <= count; i++) {
		size_t target = i == 0 ? 12 : start + 2 * (size_t)(i - 1);
		uint8_t pointer[2] = { (uint8_t)(0xc0 | target >> 8), (uint8_t)target };
		put(&w, pointer, 2);
	}
	put(&w, BYTES(A("\1", "\1")));
	return parse(w.bytes, w.size);
}

static void pointer_towers(void **state)
{
	(void)state;
	assert_int_equal(tower(3), FL_PARSE_OK);
	assert_int_equal(message.ttl_s, 1); /* belongs to the question */
	assert_int_equal(tower(120), FL_PARSE_OK);
	assert_int_equal(tower(4000), FL_PARSE_MALFORMED);
	assert_int_equal(message.address_count, 0);
}

/* A tower of 120 pieces, each a label and a pointer to the piece below; every record climbs it. */
static void many_towers(void **state)
{
	(void)state;
	enum { PIECES = 120, CLIMBERS = 500 };
	begin(&w, 1 + CLIMBERS);
	put(&w, BYTES("\0\0\x10\0\1\0\0\0\1\1\xe0")); /* 4 * 120 octets of text */
	size_t piece = 12;
	for (unsigned i = 0; i < PIECES; i++) {
		uint8_t bytes[4] = { 1, 'b', (uint8_t)(0xc0 | piece >> 8), (uint8_t)piece };
		piece = w.size;
		put(&w, bytes, 4);
	}
	for (unsigned i = 0; i < CLIMBERS; i++) {
		uint8_t owner[4] = { 1, (uint8_t)('a' + i % 26), (uint8_t)(0xc0 | piece >> 8), (uint8_t)piece };
		put(&w, owner, 4);
		put(&w, BYTES(A("\1", "\1")));
	}
	assert_int_equal(parse(w.bytes, w.size), FL_PARSE_MALFORMED);
	assert_in_range(message.address_count, 1, FL_DNS_ADDRESSES_MAX);
	assert_true(message.address_dropped + message.address_count < CLIMBERS / 2);
}

static void names_of_numbers(void **state)
{
	(void)state;
	char text[12];
	assert_string_equal(fl_dns_type_name(FL_DNS_AAAA, text), "AAAA");
	assert_string_equal(fl_dns_type_name(65, text), "HTTPS");
	assert_string_equal(fl_dns_type_name(65535, text), "TYPE65535");
	assert_string_equal(fl_dns_rcode_name(0, text), "NOERROR");
	assert_string_equal(fl_dns_rcode_name(3, text), "NXDOMAIN");
	assert_string_equal(fl_dns_rcode_name(255, text), "RCODE255");
}

int main(void)
{
	static struct CMUnitTest tests[FL_ARRAY_LEN(rows) + FL_ARRAY_LEN(service_rows) + FL_ARRAY_LEN(named_rows) + 8];
	size_t n = 0;
	for (; n < FL_ARRAY_LEN(rows); n++)
		tests[n] = (struct CMUnitTest){ .name = rows[n].name, .test_func = check_row,
						.initial_state = (void *)(uintptr_t)&rows[n] };
	for (size_t i = 0; i < FL_ARRAY_LEN(service_rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = service_rows[i].name, .test_func = check_service,
						  .initial_state = (void *)(uintptr_t)&service_rows[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(named_rows); i++)
		tests[n++] = (struct CMUnitTest){ .name = named_rows[i].name, .test_func = check_named,
						  .initial_state = (void *)(uintptr_t)&named_rows[i] };
	tests[n++] = (struct CMUnitTest){ .name = "flags of the header", .test_func = header_fields };
	tests[n++] = (struct CMUnitTest){ .name = "a chain of twenty keeps sixteen and counts four",
					  .test_func = long_chain };
	tests[n++] = (struct CMUnitTest){ .name = "seventy addresses keep sixty-four and count six",
					  .test_func = many_addresses };
	tests[n++] = (struct CMUnitTest){ .name = "records beyond the limit are counted", .test_func = many_records };
	tests[n++] = (struct CMUnitTest){ .name = "a name has at most 255 octets", .test_func = longest_name };
	tests[n++] = (struct CMUnitTest){ .name = "a tower of pointers is climbed only so far",
					  .test_func = pointer_towers };
	tests[n++] = (struct CMUnitTest){ .name = "records that all climb a tower are read only so far",
					  .test_func = many_towers };
	tests[n++] = (struct CMUnitTest){ .name = "types and rcodes have names", .test_func = names_of_numbers };
	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
