/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blast_all.c - the blast radius of every node, exactly
 *
 * Three ways, from the cheapest:
 *   derived  a thing that fails just one other, and nothing else: what that one takes down, and itself
 *   sparse   followed alone while that stays below a number of edges; how many are worth
 *            trying is found out for each stretch of the order from a few of it
 *   block    what goes farther, hundreds at a time
 * Which way a thing takes depends on the graph alone, and every count is written by one thread, so the
 * number of threads changes nothing but the time.
 */
#include "blast_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "bit_rows.h"

enum {
	THREADS_MAX = 16,
	SMALL = 4096,     /* things; below, threads cost more than they bring */
	STRETCH = 256,    /* things that sparse runs are tried on together */
	SAMPLES = 8,      /* of a stretch */
	EDGES_FEW = 64,   /* given to every failure */
	EDGES_MANY = 1024 /* given to all of a stretch where most samples stayed below */
};
#define ROW_MEMORY_MAX (UINT64_C(2) << 30) /* bytes, all threads, were all rows there at once */
#define NOBODY UINT32_MAX

enum way { WAY_BLOCK, WAY_DONE, WAY_DERIVED };

struct work {
	const struct fl_condensed *c;
	struct fl_class_counts *counts; /* of every thing */
	uint8_t *way;
	uint32_t *upper; /* of derived things: whom it fails */
	size_t edges_max;
	const struct fl_block_plan *plan;
	size_t units;
	uint32_t *causes; /* for blocks */
	size_t cause_count;
	atomic_size_t next; /* stretch, or block */
};

/* ---- threads ---- */

/* @run in @threads threads, this one included; it shares out the work itself. */
static void run_threads(unsigned threads, void *(*run)(void *), struct work *w)
{
	pthread_t list[THREADS_MAX];
	unsigned started = 0;
	atomic_store(&w->next, 0);
	while (started + 1 < threads && pthread_create(&list[started], NULL, run, w) == 0)
		started++;
	run(w);
	for (unsigned i = 0; i < started; i++)
		pthread_join(list[i], NULL);
}

static unsigned choose_threads(const struct fl_condensed *c, unsigned wanted)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (wanted == 0 && c->order < SMALL)
		return 1;
	if (wanted == 0)
		wanted = processors > 0 ? (unsigned)processors : 1;
	return wanted < THREADS_MAX ? wanted : THREADS_MAX;
}

/* ---- derived ---- */

/* The only thing that the failure of @thing reaches directly, and surely; NOBODY. Not inside a ring, where
 * @thing may be among what the other takes down. */
static uint32_t only_upper(const struct fl_condensed *c, uint32_t thing)
{
	size_t first = c->first_fails[thing];
	if (c->first_fails[thing + 1] != first + 1 ||
		c->ring_first[c->fails[first]] == c->ring_first[thing])
		return NOBODY;
	for (size_t i = c->first_weakens[thing]; i < c->first_weakens[thing + 1]; i++)
		if (c->weakens[i].of != c->fails[first])
			return NOBODY;
	return c->fails[first];
}

static void choose_derived(struct work *w)
{
	const struct fl_condensed *c = w->c;
	for (uint32_t t = 0; t < c->order; t++) {
		w->upper[t] = only_upper(c, t);
		w->way[t] = w->upper[t] == NOBODY ? WAY_BLOCK : WAY_DERIVED;
	}
}

static void add_own(const struct work *w, uint32_t thing, const struct fl_class_counts *upper)
{
	for (unsigned k = 0; k < FL_CLASSES; k++)
		w->counts[thing].of[k] = upper->of[k] + w->c->weight[thing][k];
}

/* Up to a thing that is known, and down again; never in a circle, since the upper stands later. */
static void fill_derived(struct work *w)
{
	uint32_t *path = fl_alloc_array(w->c->order, sizeof(*path));
	for (uint32_t t = 0; t < w->c->order; t++) {
		size_t length = 0;
		for (uint32_t at = t; w->way[at] == WAY_DERIVED; at = w->upper[at])
			path[length++] = at;
		while (length-- > 0) {
			add_own(w, path[length], &w->counts[w->upper[path[length]]]);
			w->way[path[length]] = WAY_DONE;
		}
	}
	free(path);
}

/* ---- sparse ---- */

static bool try_sparse(struct work *w, struct fl_sparse *s, uint32_t thing, size_t edges_max)
{
	if (w->way[thing] == WAY_BLOCK && fl_sparse_run(s, thing, edges_max, &w->counts[thing]))
		w->way[thing] = WAY_DONE;
	return w->way[thing] != WAY_BLOCK;
}

static size_t choose_edges(struct work *w, struct fl_sparse *s, uint32_t first, uint32_t end)
{
	uint32_t stayed = 0;
	if (w->edges_max != 0)
		return w->edges_max;
	for (uint32_t i = 0; i < SAMPLES; i++)
		stayed += try_sparse(w, s, first + (end - first) / SAMPLES * i, EDGES_MANY);
	return stayed > SAMPLES / 2 ? EDGES_MANY : EDGES_FEW;
}

static void *run_sparse(void *argument)
{
	struct work *w = argument;
	struct fl_sparse *s = fl_sparse_new(w->c);
	size_t stretches = ((size_t)w->c->order + STRETCH - 1) / STRETCH;
	for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < stretches;) {
		uint32_t first = (uint32_t)(i * STRETCH);
		uint32_t end = w->c->order - first > STRETCH ? first + STRETCH : w->c->order;
		size_t edges_max = choose_edges(w, s, first, end);
		for (uint32_t t = first; t < end; t++)
			(void)try_sparse(w, s, t, edges_max);
	}
	fl_sparse_free(s);
	return NULL;
}

/* ---- blocks ---- */

/* Wide blocks look at each edge less often; narrow ones fit the cache and are more often empty or full. */
static size_t choose_units(const struct work *w, unsigned threads, size_t wanted)
{
	size_t units = wanted > 0 ? wanted : 16;
	while (units > 1 && wanted == 0 && (units / 2) * FL_UNIT_BITS * threads >= w->cause_count)
		units /= 2;
	while (units > 1 && (uint64_t)w->c->order * units * sizeof(fl_bits) * threads > ROW_MEMORY_MAX)
		units /= 2;
	return units;
}

static void *run_blocks(void *argument)
{
	struct work *w = argument;
	struct fl_block *b = fl_block_new(w->plan);
	size_t width = w->units * FL_UNIT_BITS, blocks = (w->cause_count + width - 1) / width;
	for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < blocks;) {
		size_t first = i * width, left = w->cause_count - first;
		fl_block_run(b, w->causes + first, left < width ? left : width, w->counts);
	}
	fl_block_free(b);
	return NULL;
}

static void list_causes(struct work *w)
{
	w->causes = fl_alloc_array(w->c->order, sizeof(*w->causes));
	for (uint32_t t = 0; t < w->c->order; t++)
		if (w->way[t] == WAY_BLOCK)
			w->causes[w->cause_count++] = t;
}

/* ---- all ---- */

static struct fl_blast_row row_of(const struct work *w, const struct fl_graph *g, fl_node_id v)
{
	const uint32_t *n = w->counts[w->c->thing_of[v]].of;
	uint32_t services = n[FL_CLASS_SERVICE] + n[FL_CLASS_SERVICE + FL_CLASS_ENTRY];
	uint32_t entries = n[FL_CLASS_ENTRY] + n[FL_CLASS_SERVICE + FL_CLASS_ENTRY];
	return (struct fl_blast_row){
		.nodes_lost = services + n[0] + n[FL_CLASS_ENTRY] - 1,
		.services_lost = services - fl_graph_is_kind(g, v, "service"),
		.entry_points_lost = entries,
	};
}

void fl_blast_all_with(
	const struct fl_graph *g, const struct fl_blast_settings *settings, struct fl_blast_row *rows)
{
	struct fl_condensed *c = fl_condense(g);
	struct work w = { .c = c, .edges_max = settings->edges_max };
	unsigned threads = choose_threads(c, settings->threads);
	w.counts = fl_alloc_array(c->order, sizeof(*w.counts));
	w.way = fl_alloc_array(c->order, sizeof(*w.way));
	w.upper = fl_alloc_array(c->order, sizeof(*w.upper));
	choose_derived(&w);
	run_threads(threads, run_sparse, &w);
	list_causes(&w);
	if (w.cause_count > 0) {
		w.units = choose_units(&w, threads, settings->units);
		struct fl_block_plan *plan = fl_block_plan_new(c, w.units);
		w.plan = plan;
		run_threads(threads, run_blocks, &w);
		fl_block_plan_free(plan);
	}
	fill_derived(&w);
	for (fl_node_id v = 0; v < fl_graph_order(g); v++)
		rows[v] = row_of(&w, g, v);
	free(w.counts);
	free(w.way);
	free(w.upper);
	free(w.causes);
	fl_condensed_free(c);
}

void fl_blast_all(const struct fl_graph *g, struct fl_blast_row *rows)
{
	fl_blast_all_with(g, &(struct fl_blast_settings){ 0 }, rows);
}
