/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_decode.c - any bytes as a frame; the first byte chooses the link type */
#include "fuzz.h"

#include "faultline/decode.h"

static void check(enum fl_parse parse, const uint8_t *begin, const uint8_t *end, const struct fl_packet *p)
{
	if (parse != FL_PARSE_OK && parse != FL_PARSE_MORE) {
		fuzz_check(p->transport == 0 && p->payload.size == 0 && p->payload_len == 0 && !p->quotes);
		fuzz_check(!p->too_deep || parse == FL_PARSE_UNSUPPORTED);
		return;
	}
	if (p->arp) { /* two addresses and nothing else */
		fuzz_check(parse == FL_PARSE_OK && p->transport == 0 && p->payload.size == 0 && p->payload_len == 0);
		return;
	}
	fuzz_check(p->payload.size <= p->payload_len);
	fuzz_check(p->payload.data >= begin && p->payload.data + p->payload.size <= end);
	fuzz_check(p->tunnels <= FL_TUNNELS_MAX && p->tunnel < FL_TUNNEL_COUNT &&
		   (p->tunnel > 0) == (p->tunnels > 0));
	bool ports = p->transport == FL_TRANSPORT_TCP || p->transport == FL_TRANSPORT_UDP;
	fuzz_check((ports && parse == FL_PARSE_OK) ||
		   (p->src_port == 0 && p->dst_port == 0 && p->tcp_flags == 0));
	fuzz_check(!p->quotes || p->quoted_transport == FL_TRANSPORT_TCP ||
		   p->quoted_transport == FL_TRANSPORT_UDP);
	bool piece = p->fragment_more || p->fragment_offset > 0;
	fuzz_check(piece == (parse == FL_PARSE_MORE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int links[] = { 0, 1, 12, 101, 108, 113, 127, 228, 229, 276, 9, 50, 51, 104, 105, 119,
		163, 166, 192, 204, 147 };
	if (size == 0)
		return 0;
	int link = links[data[0] % (sizeof links / sizeof links[0])];
	const uint8_t *frame = data + 1;
	struct fl_packet p;
	enum fl_parse parse = fl_decode(link, frame, (uint32_t)(size - 1), &p);
	check(parse, frame, data + size, &p);
	fuzz_check(parse != FL_PARSE_OK || fl_decode_knows(link));
	/* As if the first piece were the whole datagram, again and again: a tower of fragments. */
	while (parse == FL_PARSE_MORE) {
		size_t left = p.payload.size;
		p.fragment_more = data[0] & 0x80;
		parse = fl_decode_datagram(&p);
		check(parse, frame, data + size, &p);
		fuzz_check(parse != FL_PARSE_MORE || p.payload.size < left || left == 0);
		if (left == 0)
			break;
	}
	return 0;
}
