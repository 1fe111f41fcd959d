/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * merge.c - k sources, earliest stamp first
 *
 * A linear look over at most FL_MERGE_MAX waiting packets: a handful in practice, and one source alone costs one
 * comparison. Packets are not copied: each source keeps its own bytes until it is asked again, which happens only after
 * its packet was given out.
 */
#include "faultline/merge.h"

#include <assert.h>

void fl_merge_add(struct fl_merge *m, struct fl_source *source)
{
	assert(m->count < FL_MERGE_MAX);
	m->list[m->count++] = (struct fl_merge_source){ .source = source };
}

/* Have every source wait with a packet that has one now. */
static int refill(struct fl_merge *m, bool *lacking, bool *open, struct fl_error *err)
{
	*lacking = *open = false;
	for (size_t i = 0; i < m->count; i++) {
		struct fl_merge_source *s = &m->list[i];
		if (!s->waits && !s->ended) {
			int status = fl_source_next(s->source, &s->packet, err);
			if (status < 0)
				return status;
			s->waits = status == 1;
			s->ended = status == FL_SOURCE_END;
			s->packet.interface = (uint32_t)i;
		}
		*open = *open || !s->ended || s->waits;
		*lacking = *lacking || (!s->waits && !s->ended);
	}
	return 0;
}

int fl_merge_next(struct fl_merge *m, int64_t settled_ns, const struct fl_packet **p, struct fl_error *err)
{
	bool lacking, open;
	if (m->given)
		m->list[m->last].waits = false;
	m->given = false;
	int status = refill(m, &lacking, &open, err);
	if (status < 0)
		return status;
	if (!open)
		return FL_SOURCE_END;
	struct fl_merge_source *first = NULL;
	for (size_t i = 0; i < m->count; i++)
		if (m->list[i].waits && (!first || m->list[i].packet.time_ns < first->packet.time_ns))
			first = &m->list[i];
	if (!first || (lacking && m->count > 1 && first->packet.time_ns > settled_ns))
		return 0;
	m->last = (size_t)(first - m->list);
	m->given = true;
	*p = &first->packet;
	return 1;
}
