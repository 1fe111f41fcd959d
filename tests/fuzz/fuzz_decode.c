/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_decode.c - any bytes as a frame; the first byte chooses the link type */
#include "fuzz.h"

#include "faultline/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int links[] = { 0, 1, 12, 101, 108, 113, 127, 228, 229, 276 };
	if (size == 0)
		return 0;
	int link = links[data[0] % (sizeof links / sizeof links[0])];
	const uint8_t *frame = data + 1;
	struct fl_packet p;
	enum fl_parse parse = fl_decode(link, frame, (uint32_t)(size - 1), &p);
	fuzz_check(parse != FL_PARSE_MORE);
	if (parse != FL_PARSE_OK) {
		fuzz_check(p.transport == 0 && p.payload.size == 0 && p.payload_len == 0 && !p.quotes);
		return 0;
	}
	fuzz_check(fl_decode_knows(link));
	fuzz_check(p.payload.size <= p.payload_len);
	fuzz_check(p.payload.data >= frame && p.payload.data + p.payload.size <= data + size);
	fuzz_check(!p.quotes || p.quoted_transport == FL_TRANSPORT_TCP ||
		   p.quoted_transport == FL_TRANSPORT_UDP);
	bool ports = p.transport == FL_TRANSPORT_TCP || p.transport == FL_TRANSPORT_UDP;
	fuzz_check(ports || (p.src_port == 0 && p.dst_port == 0 && p.tcp_flags == 0));
	return 0;
}
