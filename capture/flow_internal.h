/* SPDX-License-Identifier: BSD-2-Clause */
/* flow_internal.h - what flow.c (the table), flow_packet.c (one packet more) and flow_state.c (what packets mean together) share */
#ifndef FAULTLINE_CAPTURE_FLOW_INTERNAL_H
#define FAULTLINE_CAPTURE_FLOW_INTERNAL_H

#include "faultline/flow.h"

/* Time-out classes: fl_flow.list */
enum list_class { LIST_ATTEMPT, LIST_IDLE, LIST_CLOSED, LIST_UDP, LIST_COUNT };

/* fl_flow.state_bits */
enum state_bits {
	SYN_SEEN = 1,    /* of the initiator */
	SYNACK_SEEN = 2, /* of the responder; its bare SYN in a simultaneous open too */
	RST_SEEN = 4,
	RST_BEHIND_FIN = 8, /* who sent the first RST had sent FIN */
	END_KNOWN = 16, /* payload_end_seq[0] is valid; times 2 for [1] */
};

/* Whether a packet with SYN and without RST from @side belongs to a new connection on the ports of @f. */
bool fl_flow_begins_anew(const struct fl_flow *f, const struct fl_packet *p, unsigned side);

/* What a packet from @side did to its flow, which it began when @created: nothing when it is a copy; else the time-out class that the
 * flow belongs to now, and whether its payload had all been there before. */
struct flow_news {
	bool duplicate, retransmit;
	enum list_class list;
};
struct flow_news flow_see_packet(struct fl_flow *f, const struct fl_packet *p, unsigned side, bool created);

/* How long after @from @to is; negative when before. */
static inline int64_t flow_elapsed(int64_t from, int64_t to)
{
	int64_t ns;
	if (__builtin_sub_overflow(to, from, &ns))
		return to > from ? INT64_MAX : INT64_MIN;
	return ns;
}

#endif
