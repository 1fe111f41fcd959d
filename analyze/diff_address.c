/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * diff_address.c - uses that are one because they go to one address
 *
 * What stands with a bare address on one side can have a better identity on the other: the machine behind it
 * was scanned there, or a look-up was seen that told its name. Neither is a change of the system. Two uses of
 * a caller are the same when address, port and transport are, and one of them at least is bare. Where several
 * names share the address nobody can tell which of them the bare one was, so nothing is said.
 */
#include <stdlib.h>
#include <string.h>

#include "diff_internal.h"

struct place {
	const struct fl_use *use;
	const struct fl_addr *address;
	size_t index; /* of the use */
};

static int by_place(const struct place *a, const struct place *b)
{
	const struct fl_scan_dependency *x = a->use->evidence->merged, *y = b->use->evidence->merged;
	int order = strcmp(a->use->from_key, b->use->from_key);
	if (order == 0)
		order = fl_addr_compare(a->address, b->address);
	if (order == 0)
		order = (x->port > y->port) - (x->port < y->port);
	return order != 0 ? order : strcmp(x->transport, y->transport);
}

static int by_place_and_use(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;
	int order = by_place(a, b);
	return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static struct place *list_places(struct fl_use *const *uses, size_t count, size_t *found)
{
	size_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += uses[i]->evidence == NULL ? 0 : uses[i]->evidence->merged->address_count;
	struct place *list = fl_alloc_array(total, sizeof(*list));
	*found = 0;
	for (size_t i = 0; i < count; i++) {
		const struct fl_dependency *d = uses[i]->evidence;
		for (size_t k = 0; d != NULL && k < d->merged->address_count; k++)
			list[(*found)++] = (struct place){ uses[i], &d->merged->addresses[k], i };
	}
	if (*found > 1)
		qsort(list, *found, sizeof(*list), by_place_and_use);
	return list;
}

/* Of one place: both sides go there, at least one of them by bare address, and one name at most is known. */
static bool is_one(const struct place *list, size_t count)
{
	bool sides[2] = { false, false }, bare = false, several = false;
	const struct fl_use *named = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct fl_use *use = list[i].use;
		sides[use->newer] = true;
		if (fl_use_is_bare(use)) {
			bare = true;
			continue;
		}
		several |= named != NULL && named->group != use->group;
		named = use;
	}
	return sides[0] && sides[1] && bare && !several;
}

void fl_diff_addresses(struct fl_use *const *uses, size_t count, bool *same)
{
	size_t found;
	struct place *list = list_places(uses, count, &found);
	for (size_t i = 0, end; i < found; i = end) {
		for (end = i + 1; end < found && by_place(&list[i], &list[end]) == 0;)
			end++;
		if (is_one(list + i, end - i))
			for (size_t j = i; j < end; j++)
				same[list[j].index] = true;
	}
	free(list);
}
