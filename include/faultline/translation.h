/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * translation.h - connections whose addresses this machine translates, and ports it publishes
 *
 * One connection through address translation is two flows: as the initiator sends it, and as the responder gets it. The first
 * is what was meant and counts; the second is left out where the first was captured, too. A listener that is reached by
 * a translated destination is the one behind it.
 *
 * Bounded: the oldest make room.
 */
#ifndef FAULTLINE_TRANSLATION_H
#define FAULTLINE_TRANSLATION_H

#include "faultline/owner.h"

/* One direction of a flow: client first. */
struct fl_tuple {
	struct fl_addr client, server;
	uint16_t client_port, server_port;
	uint8_t transport;
};

struct fl_translations;
struct fl_translations *fl_translations_new(uint32_t limit);
void fl_translations_free(struct fl_translations *t);
bool fl_translations_empty(const struct fl_translations *t);

/* A record of kind FL_OWNER_TRANSLATION. Expected O(1). */
void fl_translations_add(struct fl_translations *t, const struct fl_owner_record *r);
/* @seen is how the responder gets it: how did the initiator send it? */
bool fl_translations_origin(const struct fl_translations *t, const struct fl_tuple *seen, struct fl_tuple *origin);
/* Who is behind this address and port, when its connections are translated? The latest. */
bool fl_translations_behind(const struct fl_translations *t, uint8_t transport, struct fl_addr *address, uint16_t *port);

#endif
