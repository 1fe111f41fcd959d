/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blast_sparse.c - one failure followed through the condensed graph, given up when it goes far
 *
 * The queue of sweep.c over things instead of nodes, without what explanations need. Most failures in most
 * systems take down a handful of things, and then nothing is faster than to look at just these.
 */
#include <stdlib.h>

#include "blast_all.h"

struct weakened {
	uint32_t epoch, left;
};

struct fl_sparse {
	const struct fl_condensed *c;
	uint32_t epoch, lost;
	uint32_t *lost_epoch; /* of a thing */
	struct weakened *weakened;
	uint32_t *queue;
};

struct fl_sparse *fl_sparse_new(const struct fl_condensed *c)
{
	struct fl_sparse *s = fl_alloc(sizeof(*s));
	s->c = c;
	s->lost_epoch = fl_alloc_array(c->order, sizeof(*s->lost_epoch));
	s->weakened = fl_alloc_array(c->first_soft[c->order], sizeof(*s->weakened));
	s->queue = fl_alloc_array(c->order, sizeof(*s->queue));
	return s;
}

void fl_sparse_free(struct fl_sparse *s)
{
	if (s == NULL)
		return;
	free(s->lost_epoch);
	free(s->weakened);
	free(s->queue);
	free(s);
}

static void lose(struct fl_sparse *s, uint32_t thing)
{
	if (s->lost_epoch[thing] == s->epoch)
		return;
	s->lost_epoch[thing] = s->epoch;
	s->queue[s->lost++] = thing;
}

static void weaken(struct fl_sparse *s, const struct fl_weakening *edge)
{
	struct weakened *w = &s->weakened[edge->group];
	if (w->epoch != s->epoch) {
		w->epoch = s->epoch;
		w->left = s->c->soft[edge->group].breaks_at;
	}
	if (w->left > 0 && --w->left == 0)
		lose(s, edge->of);
}

bool fl_sparse_run(struct fl_sparse *s, uint32_t thing, size_t edges_max, struct fl_class_counts *counts)
{
	const struct fl_condensed *c = s->c;
	size_t edges = 0;
	s->epoch++; /* one a run, at most two runs a thing */
	s->lost = 0;
	*counts = (struct fl_class_counts){ { 0 } };
	lose(s, thing);
	for (uint32_t next = 0; next < s->lost; next++) {
		uint32_t t = s->queue[next];
		edges += c->first_fails[t + 1] - c->first_fails[t] + c->first_weakens[t + 1] -
			 c->first_weakens[t];
		if (edges > edges_max)
			return false;
		for (unsigned k = 0; k < FL_CLASSES; k++)
			counts->of[k] += c->weight[t][k];
		for (size_t i = c->first_fails[t]; i < c->first_fails[t + 1]; i++)
			lose(s, c->fails[i]);
		for (size_t i = c->first_weakens[t]; i < c->first_weakens[t + 1]; i++)
			weaken(s, &c->weakens[i]);
	}
	return true;
}
