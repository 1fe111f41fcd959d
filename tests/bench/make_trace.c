/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_trace.c - a large capture with known names, the same bytes each time
 *
 *   make_trace TRACE.pcap NAMES.tsv [FLOWS]
 *
 * Every flow is a client that asks its resolver for a name (with a CNAME), gets one address, connects to it
 * and says a TLS ClientHello with that name; then data in both directions, and both FINs: 14 packets, for the
 * 100 000 flows by default 1.4 million. 500 names share 40 addresses, so an address says nothing about the
 * name: only the hello, or the answer that this client got last before, does. One flow in ten carries no SNI
 * and can be named by DNS alone; a client asks 25 times, so it often got the same address under another name
 * before. Flows overlap: those under way stand in a heap by the time of their next packet.
 *
 * NAMES.tsv: client, port, server, name, source ("tls-sni" or "dns"), sorted by time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAMES = 500,
	ADDRESSES = 40,
	CLIENTS = 4000,
	STEPS = 14,
	IN_FLIGHT = 2000,
	FRAME_MAX = 1600,
	FLOW_GAP_US = 900,
};

/* What is sent, in this order. */
enum step { QUERY, ANSWER, SYN, SYN_ACK, ACK, HELLO, HELLO_ACK, SERVER_HELLO, REQUEST, DATA, MORE_DATA, FIN, FIN_ACK,
	    LAST_ACK };
_Static_assert(LAST_ACK + 1 == STEPS, "steps");

struct flow {
	uint64_t time_us;
	uint32_t number, client, server;
	uint16_t port, dns_port, dns_id;
	uint32_t seq[2]; /* next sequence number of the client and of the server */
	int name, step;
	int sni;         /* whether the hello says the name */
};

struct packet {
	uint8_t bytes[FRAME_MAX];
	size_t size;
};

static uint64_t random_state = 0x243f6a8885a308d3u;

/* xorshift64*: fast, and the same everywhere. */
static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1du) >> 33) % limit;
}

static void put8(struct packet *p, unsigned v)
{
	p->bytes[p->size++] = (uint8_t)v;
}

static void put16(struct packet *p, unsigned v)
{
	put8(p, v >> 8);
	put8(p, v);
}

static void put32(struct packet *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p, v & 0xffff);
}

static void put_bytes(struct packet *p, const void *data, size_t size)
{
	memcpy(p->bytes + p->size, data, size);
	p->size += size;
}

static void set16(struct packet *p, size_t at, size_t v)
{
	p->bytes[at] = (uint8_t)(v >> 8);
	p->bytes[at + 1] = (uint8_t)v;
}

static void put_fill(struct packet *p, size_t size)
{
	memset(p->bytes + p->size, 0x5a, size);
	p->size += size;
}

static uint32_t address_of_name(int name)
{
	return 0xcb007100u + 10 + (uint32_t)(name % ADDRESSES); /* 203.0.113.10 and up */
}

static void name_text(int name, char *text, size_t size)
{
	snprintf(text, size, "api-%03d.vendor-%02d.example", name, name % 97);
}

static void ethernet_and_ip(struct packet *p, uint32_t src, uint32_t dst, uint8_t protocol)
{
	p->size = 0;
	put_bytes(p, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00", 14);
	put_bytes(p, "\x45\x00\x00\x00\x00\x01\x40\x00\x40", 9);
	put8(p, protocol);
	put16(p, 0);
	put32(p, src);
	put32(p, dst);
}

static void set_ip_length(struct packet *p)
{
	set16(p, 16, p->size - 14);
}

static void put_dns_name(struct packet *p, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, ".");
		put8(p, (unsigned)length);
		put_bytes(p, text, length);
		text += length + (text[length] == '.');
	}
	put8(p, 0);
}

/* Query, or answer: a CNAME to an edge name and its address. */
static void dns_packet(struct packet *p, const struct flow *f, int answer)
{
	char name[64], edge[64];
	uint32_t resolver = 0x0a320035u;
	name_text(f->name, name, sizeof(name));
	ethernet_and_ip(p, answer ? resolver : f->client, answer ? f->client : resolver, 17);
	put16(p, answer ? 53 : f->dns_port);
	put16(p, answer ? f->dns_port : 53);
	size_t udp_length = p->size;
	put32(p, 0);
	put16(p, f->dns_id);
	put_bytes(p, answer ? "\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00" : "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10);
	put_dns_name(p, name);
	put32(p, 0x00010001u);
	if (answer) {
		snprintf(edge, sizeof(edge), "n%d.edge-%d.example", f->name % 7, f->name % ADDRESSES);
		put_bytes(p, "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x1e", 10);
		size_t length = p->size;
		put16(p, 0);
		size_t target = p->size - 42;
		put_dns_name(p, edge);
		set16(p, length, p->size - length - 2);
		put16(p, 0xc000u | (unsigned)target);
		put_bytes(p, "\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04", 10);
		put32(p, f->server);
	}
	set16(p, udp_length, p->size - udp_length + 4);
	set_ip_length(p);
}

static void tcp_header(struct packet *p, struct flow *f, int side, unsigned flags)
{
	ethernet_and_ip(p, side ? f->server : f->client, side ? f->client : f->server, 6);
	put16(p, side ? 443 : f->port);
	put16(p, side ? f->port : 443);
	put32(p, f->seq[side]);
	put32(p, flags & 0x10 ? f->seq[!side] : 0);
	put8(p, 0x50);
	put8(p, flags);
	put16(p, 64000);
	put32(p, 0);
}

/* A ClientHello of about 500 bytes, as browsers and libraries send it. */
static void put_hello(struct packet *p, const struct flow *f)
{
	size_t record = p->size;
	put_bytes(p, "\x16\x03\x01\x00\x00\x01\x00\x00\x00\x03\x03", 11);
	put_fill(p, 32);
	put8(p, 32);
	put_fill(p, 32);
	put16(p, 34);
	for (unsigned i = 0; i < 17; i++)
		put16(p, 0xc02bu + i);
	put16(p, 0x0100);
	size_t extensions = p->size;
	put16(p, 0);
	if (f->sni) {
		char name[64];
		name_text(f->name, name, sizeof(name));
		size_t length = strlen(name);
		put16(p, 0);
		put16(p, (unsigned)length + 5);
		put16(p, (unsigned)length + 3);
		put8(p, 0);
		put16(p, (unsigned)length);
		put_bytes(p, name, length);
	}
	put_bytes(p, "\x00\x2b\x00\x05\x04\x03\x04\x03\x03", 9); /* supported versions */
	put16(p, 21);                                            /* padding */
	put16(p, 300);
	put_fill(p, 300);
	set16(p, extensions, p->size - extensions - 2);
	set16(p, record + 3, p->size - record - 5);
	set16(p, record + 7, p->size - record - 9);
}

static void tcp_packet(struct packet *p, struct flow *f)
{
	static const struct {
		int side;
		unsigned flags;
		size_t data;
	} shape[STEPS] = {
		[SYN] = {0, 0x02, 0},         [SYN_ACK] = {1, 0x12, 0},        [ACK] = {0, 0x10, 0},
		[HELLO] = {0, 0x18, 0},       [HELLO_ACK] = {1, 0x10, 0},      [SERVER_HELLO] = {1, 0x18, 1300},
		[REQUEST] = {0, 0x18, 400},   [DATA] = {1, 0x18, 1400},        [MORE_DATA] = {1, 0x18, 700},
		[FIN] = {0, 0x11, 0},         [FIN_ACK] = {1, 0x11, 0},        [LAST_ACK] = {0, 0x10, 0},
	};
	int side = shape[f->step].side;
	tcp_header(p, f, side, shape[f->step].flags);
	size_t headers = p->size;
	if (f->step == HELLO) {
		put_hello(p, f);
	} else if (shape[f->step].data) {
		put_bytes(p, f->step == SERVER_HELLO ? "\x16\x03\x03" : "\x17\x03\x03", 3);
		put16(p, (unsigned)shape[f->step].data);
		put_fill(p, shape[f->step].data);
	}
	f->seq[side] += (uint32_t)(p->size - headers) + ((shape[f->step].flags & 3) != 0);
	set_ip_length(p);
}

static void write_le32(FILE *out, uint64_t v)
{
	uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
	fwrite(b, 1, sizeof(b), out);
}

static void write_packet(FILE *out, uint64_t time_us, const struct packet *p)
{
	write_le32(out, 1700000000u + time_us / 1000000);
	write_le32(out, time_us % 1000000);
	write_le32(out, p->size);
	write_le32(out, p->size);
	fwrite(p->bytes, 1, p->size, out);
}

/* The next flow. Client and port together are new each time within some hundred seconds. */
static void begin(struct flow *f, uint32_t number, FILE *names)
{
	char name[64];
	f->number = number;
	f->time_us = (uint64_t)number * FLOW_GAP_US + random_below(FLOW_GAP_US);
	f->client = 0x0a320000u + 0x100 + number % CLIENTS;
	f->port = (uint16_t)(20000 + number / CLIENTS * 2 + number % 2);
	f->dns_port = (uint16_t)(40000 + random_below(20000));
	f->dns_id = (uint16_t)random_below(65536);
	f->name = (int)random_below(NAMES);
	f->server = address_of_name(f->name);
	f->seq[0] = random_below(1u << 30);
	f->seq[1] = random_below(1u << 30);
	f->sni = random_below(10) != 0;
	f->step = 0;
	name_text(f->name, name, sizeof(name));
	fprintf(names, "%u.%u.%u.%u\t%u\t%u.%u.%u.%u\t%s\t%s\n", f->client >> 24, f->client >> 16 & 255,
		f->client >> 8 & 255, f->client & 255, f->port, f->server >> 24, f->server >> 16 & 255,
		f->server >> 8 & 255, f->server & 255, name, f->sni ? "tls-sni" : "dns");
}

/* Restore the heap (least time first) below the slot. */
static void sift(struct flow *heap, size_t count, size_t i)
{
	for (;;) {
		size_t least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
			if (heap[child].time_us < heap[least].time_us)
				least = child;
		if (least == i)
			return;
		struct flow swap = heap[i];
		heap[i] = heap[least];
		heap[least] = swap;
		i = least;
	}
}

static void emit(FILE *out, FILE *names, uint32_t flows)
{
	static struct flow heap[IN_FLIGHT];
	static struct packet p;
	uint32_t begun = 0;
	size_t count = 0;
	for (; count < IN_FLIGHT && begun < flows; count++) /* ascending times are a heap */
		begin(&heap[count], begun++, names);
	while (count > 0) {
		struct flow *f = &heap[0];
		if (f->step <= ANSWER)
			dns_packet(&p, f, f->step == ANSWER);
		else
			tcp_packet(&p, f);
		write_packet(out, f->time_us, &p);
		f->time_us += 500 + random_below(40000);
		if (++f->step == STEPS) {
			if (begun < flows)
				begin(f, begun++, names);
			else
				*f = heap[--count];
		}
		sift(heap, count, 0);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: make_trace TRACE.pcap NAMES.tsv [FLOWS]\n", stderr);
		return 2;
	}
	uint32_t flows = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 100000;
	FILE *out = fopen(argv[1], "wb"), *names = fopen(argv[2], "w");
	if (!out || !names) {
		perror(out ? argv[2] : argv[1]);
		return 2;
	}
	write_le32(out, 0xa1b2c3d4u);
	write_le32(out, 2 | 4 << 16);
	write_le32(out, 0);
	write_le32(out, 0);
	write_le32(out, 65535);
	write_le32(out, 1);
	emit(out, names, flows);
	return fclose(out) != 0 || fclose(names) != 0;
}
