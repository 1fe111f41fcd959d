/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_services.c - services by name and by number
 *
 * Names are what programs, units and containers are called, so whoever may run a program on the host chooses some. A table that never
 * forgot would be full for good after 4096 of them. At the end of a window nothing is left that speaks of most numbers but sockets
 * and flows; a number that neither of them uses is free for another service. Within a window each party that is not the system has a
 * share, and all of them together leave a quarter to the system.
 */
#include "capture/owner_services.h"

#include <stdlib.h>
#include <string.h>

void owner_services_init(struct owner_services *t)
{
	*t = (struct owner_services){ .count = 1, .room = 8 };
	fl_index_init(&t->by_name, FL_OWNER_SERVICES_MAX);
	t->list = fl_alloc_array(t->room, sizeof(*t->list));
	t->free = fl_alloc_array(FL_OWNER_SERVICES_MAX, sizeof(*t->free));
}

void owner_services_fini(struct owner_services *t)
{
	fl_index_fini(&t->by_name);
	free(t->list);
	free(t->free);
}

/* Into @room bytes: zero-terminated, printable ASCII. What produces records escapes; this is the net below it. */
static void keep_text(char *into, const char *from, size_t room)
{
	size_t n = 0;
	for (; n + 1 < room && from[n]; n++) {
		unsigned char c = (unsigned char)from[n];
		into[n] = c > 0x20 && c < 0x7f ? (char)c : '?';
	}
	memset(into + n, 0, room - n);
}

/* "host" and "port-80" are what the scan calls those that nobody knows. */
static void avoid_own_words(char name[static FL_SERVICE_NAME_MAX])
{
	static const char suffix[] = "-program";
	size_t size = strlen(name);
	if (strcmp(name, "host") != 0 && strncmp(name, "port-", 5) != 0)
		return;
	if (size > FL_SERVICE_NAME_MAX - sizeof(suffix))
		size = FL_SERVICE_NAME_MAX - sizeof(suffix);
	memcpy(name + size, suffix, sizeof(suffix));
}

static uint32_t hash_name(const char name[static FL_SERVICE_NAME_MAX])
{
	return (uint32_t)(fl_hash_bytes(name, FL_SERVICE_NAME_MAX, fl_hash_seed()) >> 16);
}

/* 0: there is none. */
static uint32_t take_number(struct owner_services *t)
{
	if (t->free_count)
		return t->free[--t->free_count];
	if (t->count == FL_OWNER_SERVICES_MAX)
		return 0;
	if (t->count == t->room) {
		t->room *= 2;
		t->list = fl_grow_array(t->list, t->room, sizeof(*t->list));
	}
	return t->count++;
}

/* Whether there is room for one more of @party. */
static bool has_share(struct owner_services *t, uint32_t party)
{
	uint32_t of_one = 0, of_all = 0;
	for (uint32_t i = 1; party && i < t->count; i++) {
		of_one += t->list[i].party == party;
		of_all += t->list[i].party != 0;
	}
	bool one = of_one >= FL_OWNER_SERVICES_OF_ONE;
	bool all = of_all >= FL_OWNER_SERVICES_MAX - FL_OWNER_SERVICES_OF_SYSTEM;
	t->refused_to_one += one;
	t->refused += all && !one;
	return !one && !all;
}

uint32_t owner_services_number(struct owner_services *t, const struct fl_owner_record *r)
{
	char name[FL_SERVICE_NAME_MAX];
	keep_text(name, r->service, sizeof(name));
	if (!*name)
		return 0;
	avoid_own_words(name);
	uint32_t hash = hash_name(name), at = fl_index_home(&t->by_name, hash), i;
	while ((i = fl_index_next(&t->by_name, hash, &at)) != UINT32_MAX)
		if (strcmp(t->list[i].name, name) == 0)
			return i;
	if (!has_share(t, r->party))
		return 0;
	i = take_number(t);
	if (!i) {
		t->refused++;
		return 0;
	}
	struct fl_owner_service *s = &t->list[i];
	memcpy(s->name, name, sizeof(name));
	keep_text(s->command, r->command, sizeof(s->command));
	s->uid = r->uid;
	s->party = r->party;
	fl_index_add(&t->by_name, hash, i);
	return i;
}

bool owner_services_crowded(const struct owner_services *t)
{
	return t->count - t->free_count > FL_OWNER_SERVICES_MAX / 2;
}

/* From the highest number down, so that the lowest is given out first. */
void owner_services_sweep(struct owner_services *t, const bool used[static FL_OWNER_SERVICES_MAX])
{
	for (uint32_t i = t->count - 1; i > 0; i--) {
		if (used[i] || !t->list[i].name[0])
			continue;
		fl_index_remove(&t->by_name, hash_name(t->list[i].name), i);
		t->list[i] = (struct fl_owner_service){ 0 };
		t->free[t->free_count++] = (uint16_t)i;
	}
}
