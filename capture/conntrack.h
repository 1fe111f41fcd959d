/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conntrack.h - which connections this machine translates, asked by netlink
 *
 * Of the own network namespace. Needs CAP_NET_ADMIN.
 */
#ifndef FAULTLINE_CONNTRACK_H
#define FAULTLINE_CONNTRACK_H

#include "capture/attribution_internal.h"

struct conntrack;

/* 0; -EPERM or another reason when it cannot be asked; -ENOENT when this kernel tracks no connections: then it translates none. */
int conntrack_open(struct conntrack **out);
void conntrack_close(struct conntrack *c); /* NULL is fine */
int conntrack_fd(const struct conntrack *c);
/* Translations that there are and new ones, as records of kind FL_OWNER_TRANSLATION. A long table takes several calls, each a fraction of a
 * second. */
void conntrack_poll(struct conntrack *c, const struct owner_sink *sink);
uint64_t conntrack_lost(const struct conntrack *c);
/* Whether all that the table had was told. */
bool conntrack_complete(const struct conntrack *c);

#endif
