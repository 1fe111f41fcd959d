/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_services.h - the services that sockets belong to, once each, under small numbers
 *
 * Part of owner.h. A number names one service for as long as anybody uses it; what nobody uses makes room at the end of a window.
 */
#ifndef FAULTLINE_OWNER_SERVICES_H
#define FAULTLINE_OWNER_SERVICES_H

#include "faultline/index.h"
#include "faultline/owner.h"

struct owner_services {
	struct fl_owner_service *list; /* [0] is nobody; a name of "": the place is free */
	uint32_t count, room;          /* places that were ever used; that there is memory for */
	uint16_t *free;                /* numbers that were given back, the last one first out */
	uint32_t free_count;
	struct fl_index by_name;
	uint64_t refused, refused_to_one;
};

void owner_services_init(struct owner_services *t);
void owner_services_fini(struct owner_services *t);

/* Number of the service of @r, a new one when it was not known; 0 when it has no name, or when there is no place for it or for more of its
 * party (counted). Expected O(1), a new one of a party O(services). */
uint32_t owner_services_number(struct owner_services *t, const struct fl_owner_record *r);

/* More than half of the places are taken: the time to sweep. */
bool owner_services_crowded(const struct owner_services *t);
/* All that are not @used, by number, are forgotten; their numbers are given to others. O(FL_OWNER_SERVICES_MAX). */
void owner_services_sweep(struct owner_services *t, const bool used[static FL_OWNER_SERVICES_MAX]);

#endif
