/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hosts_file.c - names that a host's own file gives to addresses
 *
 * Entries are sorted by address and position, so that of several for one address the first in the file is found, as
 * resolvers do.
 */
#include "faultline/hosts_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"

enum { NAME_MAX_BYTES = 253, FILE_MAX = 4 << 20 };

struct entry {
	struct fl_addr address;
	uint32_t position;
	char *name;
};

struct fl_hosts {
	struct entry *list;
	size_t count, room;
};

static int compare_entries(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int order = fl_addr_compare(&a->address, &b->address);
	return order ? order : (a->position > b->position) - (a->position < b->position);
}

/* Up to the next blank, as a string; false when there is none or it is too long. */
static bool next_word(const char **at, const char *end, char *word, size_t room)
{
	while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
		++*at;
	const char *from = *at;
	while (*at < end && !isspace((unsigned char)**at) && **at != '#' && **at != 0)
		++*at;
	size_t size = (size_t)(*at - from);
	if (size == 0 || size >= room)
		return false;
	memcpy(word, from, size);
	word[size] = 0;
	return true;
}

/* Letters, digits, '-', '_' and '.'; made small. */
static bool clean_name(char *name)
{
	for (char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_' && *c != '.')
			return false;
		*c = (char)tolower((unsigned char)*c);
	}
	return name[0] != '.' && name[0] != '-';
}

static void take_line(struct fl_hosts *h, const char *at, const char *end)
{
	char address[FL_ADDR_TEXT], name[NAME_MAX_BYTES + 1];
	struct fl_addr a;
	if (!next_word(&at, end, address, sizeof(address)) || !fl_addr_parse(address, &a))
		return;
	if (fl_addr_is_loopback(&a) || fl_addr_is_multicast(&a) || !next_word(&at, end, name, sizeof(name)) || !clean_name(name))
		return;
	if (h->count == FL_HOSTS_MAX)
		return;
	if (h->count == h->room) {
		h->room = fl_grown(h->room, h->count + 1);
		h->list = fl_grow_array(h->list, h->room, sizeof(*h->list));
	}
	h->list[h->count] = (struct entry){ a, (uint32_t)h->count, fl_copy_string(name) };
	h->count++;
}

struct fl_hosts *fl_hosts_parse(const char *text, size_t size)
{
	struct fl_hosts *h = fl_alloc(sizeof(*h));
	const char *end = text + size;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		take_line(h, text, newline ? newline : end);
		text = newline ? newline + 1 : end;
	}
	if (h->count)
		qsort(h->list, h->count, sizeof(*h->list), compare_entries);
	return h;
}

struct fl_hosts *fl_hosts_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = fl_alloc(FILE_MAX);
	size_t size = f ? fread(text, 1, FILE_MAX, f) : 0;
	if (f)
		fclose(f);
	struct fl_hosts *h = fl_hosts_parse(text, size);
	free(text);
	return h;
}

void fl_hosts_free(struct fl_hosts *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->count; i++)
		free(h->list[i].name);
	free(h->list);
	free(h);
}

const char *fl_hosts_name(const struct fl_hosts *h, const struct fl_addr *a)
{
	size_t low = 0, high = h ? h->count : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (fl_addr_compare(&h->list[mid].address, a) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return h && low < h->count && fl_addr_equal(&h->list[low].address, a) ? h->list[low].name : NULL;
}
