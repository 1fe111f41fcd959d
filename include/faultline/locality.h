/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * locality.h - which addresses are the capturing host's own
 *
 * Told, best first, by: what the user says; the interfaces of this machine (live); the direction in
 * the cooked header (what is forwarded is not ours); loopback; the one MAC address that nearly every unicast flow has at one end;
 * the one address that nearly every flow has. Where the host spoke to one neighbour only, both
 * ends are in every flow. Then the far one is told, in this order, by: its ARP
 * requests for others, whose answers do not come past here; being a router, with many addresses
 * behind its MAC; the handshake, which it answers later than the near one; having more addresses;
 * having none that is internal; being the one that asks over connections older than the capture: who is seen with one
 * neighbour only is more often what that uses than a client that uses nothing else. When none of these
 * holds (a mirror port, a router), every internal address that sent is a host of its own.
 */
#ifndef FAULTLINE_LOCALITY_H
#define FAULTLINE_LOCALITY_H

#include "faultline/decode.h"

struct fl_locality;

struct fl_locality *fl_locality_new(void);
void fl_locality_free(struct fl_locality *l);
/* @name: "given", "interface". */
void fl_locality_declare(struct fl_locality *l, const struct fl_addr *address, const char *how);
/* The first packet of each flow and direction; cheap enough for that, bounded memory. */
void fl_locality_see(struct fl_locality *l, const struct fl_packet *p);

/* An ARP packet; any number. */
void fl_locality_see_arp(struct fl_locality *l, const struct fl_packet *p);
/* Times of one TCP handshake: SYN to SYN-ACK, SYN-ACK to ACK. */
void fl_locality_see_handshake(struct fl_locality *l, const struct fl_addr *client, const struct fl_addr *server,
			       int64_t to_synack_ns, int64_t to_ack_ns);

/* While packets still come: is @a one of the host's own for certain: declared, ours by the cooked header, or loopback? */
bool fl_locality_is_own(const struct fl_locality *l, const struct fl_addr *a);
/* Where only MACs tell: the addresses behind the one that is the host's by now, if @a is among them. Borrowed until the next call of
 * this module; at most 16. */
const struct fl_addr *fl_locality_same_host(const struct fl_locality *l, const struct fl_addr *a, size_t *count);
/* Networks that count as internal besides the private ranges; borrowed. */
void fl_locality_inside(struct fl_locality *l, const struct fl_prefix *nets, size_t count);
/* Addresses that found no place in the tables. */
uint64_t fl_locality_refused(const struct fl_locality *l);

/* Decide. Idempotent, until more is seen. */
void fl_locality_decide(struct fl_locality *l);
const char *fl_locality_how(const struct fl_locality *l);
/* True: one host with all local addresses; false: each local address is a host of its own. */
bool fl_locality_single_host(const struct fl_locality *l);
/* Local addresses, sorted. */
const struct fl_addr *fl_locality_addresses(const struct fl_locality *l, size_t *count);
bool fl_locality_is_local(const struct fl_locality *l, const struct fl_addr *a);

#endif
