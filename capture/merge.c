/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * merge.c - k sources, earliest stamp first
 *
 * A linear look over at most FL_MERGE_MAX waiting packets: a handful in practice, and one source alone costs one
 * comparison. Packets are not copied: each source keeps its own bytes until it is asked again, which happens only at the
 * beginning of a call and when all that it had were given out before.
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
		if (s->at == s->count && !s->ended) {
			s->at = s->count = 0;
			int status = fl_source_batch(s->source, s->packets, FL_SOURCE_BATCH, &s->count, err);
			if (status < 0)
				return status;
			s->ended = status == FL_SOURCE_END;
			for (size_t k = 0; k < s->count; k++)
				s->packets[k].interface = (uint32_t)i;
		}
		*open = *open || !s->ended || s->at < s->count;
		*lacking = *lacking || (s->at == s->count && !s->ended);
	}
	return 0;
}

/* A stamp that is far ahead is no reason to wait: the clock was set back, and others would wait until it is there again. */
static bool is_held(const struct fl_packet *p, int64_t settled_ns)
{
	static const int64_t ahead_ns = INT64_C(5) * 1000000000;
	return p->time_ns > settled_ns && p->time_ns - ahead_ns <= settled_ns;
}

static bool waits(const struct fl_merge *m, const struct fl_packet *p)
{
	return m->last_ns && p->time_ns > m->last_ns;
}

static struct fl_merge_source *earliest(struct fl_merge *m)
{
	struct fl_merge_source *first = NULL;
	for (size_t i = 0; i < m->count; i++) {
		struct fl_merge_source *s = &m->list[i];
		if (s->at < s->count && (!first || s->packets[s->at].time_ns < first->packets[first->at].time_ns))
			first = s;
	}
	return first;
}

int fl_merge_batch(struct fl_merge *m, int64_t settled_ns, const struct fl_packet *list[static FL_SOURCE_BATCH],
		   size_t *count, struct fl_error *err)
{
	bool lacking, open;
	*count = 0;
	int status = refill(m, &lacking, &open, err);
	if (status < 0)
		return status;
	if (!open)
		return FL_SOURCE_END;
	if (m->count == 1) {
		struct fl_merge_source *only = &m->list[0];
		for (; only->at < only->count && !waits(m, &only->packets[only->at]); only->at++)
			list[(*count)++] = &only->packets[only->at];
		return *count > 0;
	}
	while (*count < FL_SOURCE_BATCH) {
		struct fl_merge_source *first = earliest(m);
		if (!first || waits(m, &first->packets[first->at]) || (lacking && m->count > 1 && is_held(&first->packets[first->at], settled_ns)))
			break;
		list[(*count)++] = &first->packets[first->at++];
		if (first->at == first->count && !first->ended) /* it may go on with the very next */
			break;
	}
	return *count > 0;
}
