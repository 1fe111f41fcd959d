/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * max_flow.h - maximum flow that is changed a little and asked again
 *
 * Dinic's algorithm (Soviet Math. Doklady 11, 1970) on a residual network whose changes are logged,
 * so that a state is left as fast as it was made.
 */
#ifndef FAULTLINE_ANALYZE_MAX_FLOW_H
#define FAULTLINE_ANALYZE_MAX_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FL_FLOW_INFINITE (UINT32_C(1) << 30)

struct fl_flow_change {
	size_t arc;
	uint32_t capacity;
};

struct fl_flow {
	uint32_t count, source, sink;
	size_t *first;      /* arcs of v are first[v] .. first[v + 1] - 1 */
	uint32_t *to;
	size_t *reverse;    /* the same arc the other way */
	uint32_t *capacity; /* that is left; of a reverse arc: the flow */
	bool *own;          /* not the reverse of one */
	uint32_t *level;    /* of the last search, + 1; 0: not reached */
	size_t *next;       /* arc to go on with */
	uint32_t *queue, queued;
	size_t *path;
	struct fl_flow_change *log;
	size_t log_count, log_capacity;
	bool logging;
	uint64_t work;      /* arcs looked at */
};

struct fl_flow_arc {
	uint32_t from, to, capacity;
};

void fl_flow_init(struct fl_flow *f, uint32_t count, const struct fl_flow_arc *arcs, size_t arc_count,
	uint32_t source, uint32_t sink);
void fl_flow_fini(struct fl_flow *f);
void fl_flow_set(struct fl_flow *f, size_t arc, uint32_t capacity);
/* Take back all changes since @mark of log_count. */
void fl_flow_undo(struct fl_flow *f, size_t mark);
/* More flow until there is none: how much came, or FL_FLOW_INFINITE. Afterwards level tells what the source still
 * reaches, and queue[0 .. queued - 1] lists it. */
uint32_t fl_flow_augment(struct fl_flow *f);
/* Take one unit off a path of flow through @arc, which carries some. */
void fl_flow_cancel(struct fl_flow *f, size_t arc);

#endif
