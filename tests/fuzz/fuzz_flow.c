/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_flow.c - any bytes as packets of a flow table
 *
 * A packet is a length byte, eight bytes of time (a step in the lower half, seldom a time
 * of its own) and a raw IP frame. The table is so small that it evicts all the time.
 */
#include "fuzz.h"

#include <string.h>

#include "faultline/flow.h"

struct tally {
	uint64_t ended, packets;
};

static void note_end(void *context, struct fl_flow *f, enum fl_flow_end how)
{
	struct tally *tally = context;
	tally->ended++;
	tally->packets += f->packets[0] + f->packets[1];
	fuzz_check(f->packets[0] + f->packets[1] > 0);
	fuzz_check(f->first_ns <= f->last_ns);
	fuzz_check(fl_conn_state_name(fl_flow_state(f)) != NULL);
	fuzz_check(how <= FL_END_CAPTURE);
	fuzz_check(f->transport == FL_TRANSPORT_TCP || f->transport == FL_TRANSPORT_UDP);
	fuzz_check(fl_flow_syn_retransmits(f) <= f->syn_packets);
	fuzz_check(!f->established_ns || f->synack_ns);
}

static int64_t next_time(int64_t now, const uint8_t bytes[8])
{
	int64_t ns;
	memcpy(&ns, bytes, sizeof ns);
	if (bytes[7] & 0x80) /* any time at all */
		return (int64_t)((uint64_t)ns << 1);
	int64_t step = ns & 0xfffffffff; /* 68 s */
	return now > INT64_MAX - step ? now : now + step;
}

static uint64_t feed(struct fl_flow_table *t, struct fl_reader r)
{
	int64_t now = 0;
	uint64_t counted = 0;
	while (fl_reader_left(&r) > 0) {
		size_t length = fl_read_u8(&r);
		const uint8_t *time = fl_read_bytes(&r, 8);
		struct fl_reader frame = fl_read_sub(&r, length);
		if (r.failed)
			break;
		now = next_time(now, time);
		struct fl_packet p = { .time_ns = now };
		if (fl_decode(12, frame.at, (uint32_t)fl_reader_left(&frame), &p) != FL_PARSE_OK)
			continue;
		fl_flow_table_unreachable(t, &p);
		if (p.transport != FL_TRANSPORT_TCP && p.transport != FL_TRANSPORT_UDP)
			continue;
		struct fl_flow_packet result = fl_flow_table_add(t, &p);
		fuzz_check(result.flow->port[result.side] == p.src_port);
		fuzz_check(fl_addr_equal(&result.flow->addr[!result.side], &p.dst));
		fuzz_check(!(result.created && result.duplicate));
		counted += !result.duplicate;
	}
	return counted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_flow_options o = fl_flow_defaults;
	o.capacity = 5;
	struct tally tally = { 0, 0 };
	struct fl_flow_table *t = fl_flow_table_new(&o, note_end, &tally);
	uint64_t counted = feed(t, fl_reader_over(data, size));
	const struct fl_flow_counters *c = fl_flow_table_counters(t);
	fuzz_check(fl_flow_table_count(t) <= o.capacity);
	fuzz_check(c->created == tally.ended + fl_flow_table_count(t));
	fl_flow_table_flush(t);
	fuzz_check(fl_flow_table_count(t) == 0);
	fuzz_check(c->created == tally.ended);
	fuzz_check(c->created == c->ended[0] + c->ended[1] + c->ended[2] + c->ended[3]);
	fuzz_check(tally.packets == counted);
	fl_flow_table_free(t);
	return 0;
}
