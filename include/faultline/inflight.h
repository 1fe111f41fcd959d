/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inflight.h - work in flight at each listener, as its answers are awaited
 *
 * A listener is an (address, port, transport) that exchanges go to. When an exchange starts
 * whose client address has listeners with work open, it may be part of that work: this is the
 * raw material for coupling and attribution (nesting, as in NSDMiner, Natarajan et al., 2012).
 */
#ifndef FAULTLINE_INFLIGHT_H
#define FAULTLINE_INFLIGHT_H

#include "faultline/conversation.h"

struct fl_listener {
	struct fl_addr address;
	uint16_t port;
	uint8_t transport;
	uint8_t slot;           /* among the listeners of its address; FL_NESTED_SLOTS: one too many, not nested */
	uint32_t open;          /* exchanges waiting for their first byte */
	int64_t busy_since_ns, busy_ns; /* time with at least one open */
	uint64_t exchanges;
	uint32_t next;          /* listener of the same address + 1 */
};

struct fl_inflight;
struct fl_inflight *fl_inflight_new(uint32_t limit);
void fl_inflight_free(struct fl_inflight *f);

/* Handle of the listener, made when new; 0 when the table is full. */
uint32_t fl_inflight_listener(struct fl_inflight *f, const struct fl_addr *address, uint16_t port,
			      uint8_t transport);
void fl_inflight_open(struct fl_inflight *f, uint32_t listener, int64_t now_ns);
void fl_inflight_close(struct fl_inflight *f, uint32_t listener, int64_t now_ns);
/* Time that is spent with work open counts up to @now_ns. */
void fl_inflight_settle(struct fl_inflight *f, int64_t now_ns);
/* Add one to nested[slot] for each listener of @client that has work open now. */
void fl_inflight_nest(const struct fl_inflight *f, const struct fl_addr *client,
		      uint32_t nested[static FL_NESTED_SLOTS]);

/* The listener, or NULL. */
const struct fl_listener *fl_inflight_find(const struct fl_inflight *f, const struct fl_addr *address,
					   uint16_t port, uint8_t transport);

size_t fl_inflight_count(const struct fl_inflight *f);
const struct fl_listener *fl_inflight_get(const struct fl_inflight *f, size_t i);
uint64_t fl_inflight_refused(const struct fl_inflight *f);

#endif
