/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vertex_cut.c - minimal vertex cuts, smallest first, by maximum flows
 *
 * By Menger's theorem a smallest cut is as large as a maximum flow with one unit a vertex. The next ones come
 * from a best-first search in the manner of Lawler (Management Science 18(7), 1972): every minimal cut other
 * than C misses some member of C, so the rest falls into disjoint parts, "misses c1", "has c1, misses c2",
 * "has c1 and c2, misses c3", ... each again a question for a smallest cut, with some vertices forced in
 * (deleted from the network) and some kept out (capacity infinite). What differs from the network of the
 * whole is small, so each question starts from the whole's flow, takes back the units of the deleted vertices
 * and augments.
 *
 * A smallest cut of a part need not be minimal, since a forced member can be useless beside the others. Then
 * it is not told, but the minimal cut inside it parts the rest just as well. Parts in which a forced member
 * can never be of use are dropped at once: no way leads to it but through vertices that must be cut anyway,
 * because from them only vertices that are kept out lead to the end.
 *
 * The flow runs from the network's sink to its source: in practice few roots carry many leaves, and what
 * is searched after a change is then near the roots.
 */
#include "vertex_cut.h"

#include <stdlib.h>
#include <string.h>

#include "faultline/status.h"
#include "max_flow.h"

#define NONE UINT32_MAX

struct part {
	uint32_t parent; /* NONE: the whole */
	uint32_t index;  /* which of the parent's branches is missed; those before it are forced */
	uint32_t *cut, cut_count;
	uint32_t *branch, branch_count; /* members of the minimal cut inside, without the forced ones */
	bool minimal;
};

struct open {
	uint32_t size; /* of the smallest cut, or of the parent's for parts that were not looked at yet */
	uint32_t part, next; /* next: NONE, or the first of part's branches that was not looked at */
};

struct cutting {
	const struct fl_network *n;
	struct fl_flow flow;
	uint32_t *enter;  /* by vertex: node of the flow where paths from the flow's source come in */
	size_t *gate_arc; /* by vertex: the arc that is cut; SIZE_MAX */
	uint32_t *vertex; /* by node of the flow */
	uint8_t *role;    /* by vertex */
	uint32_t *forced, forced_count, *kept, kept_count;
	uint32_t *seen_up, *seen_down; /* by vertex, of this search's number */
	uint32_t *stack;
	uint32_t searches;
	uint32_t *been, ways; /* by vertex, of this way's number */
	size_t *first_up;     /* the network's arcs the other way */
	uint32_t *up;
	struct part *parts;
	size_t part_count, part_capacity;
	struct open *heap;
	size_t heap_count, heap_capacity;
	uint64_t memory_used;
};

enum { FREE = 0, FORCED = 1, KEPT = 2, CUT = 4 }; /* roles; CUT beside another */

/* ---- the flow network ---- */

static void build_flow(struct cutting *c)
{
	const struct fl_network *n = c->n;
	size_t arcs = n->first[n->vertex_count], count = 0;
	struct fl_flow_arc *list = fl_alloc_array(arcs + n->vertex_count, sizeof(*list));
	uint32_t nodes = 0;
	for (uint32_t v = 0; v < n->vertex_count; v++) {
		c->enter[v] = nodes;
		nodes += n->event[v] != FL_NODE_NONE ? 2 : 1;
	}
	for (uint32_t v = 0; v < n->vertex_count; v++) {
		if (n->event[v] != FL_NODE_NONE)
			list[count++] = (struct fl_flow_arc){
				.from = c->enter[v], .to = c->enter[v] + 1, .capacity = 1
			};
		for (size_t i = n->first[v]; i < n->first[v + 1]; i++) {
			uint32_t w = n->to[i];
			list[count++] = (struct fl_flow_arc){ .from = c->enter[w] +
								      (n->event[w] != FL_NODE_NONE ? 1 : 0),
				.to = c->enter[v],
				.capacity = FL_FLOW_INFINITE };
		}
	}
	uint32_t end = c->enter[n->source] + (n->event[n->source] != FL_NODE_NONE ? 1 : 0);
	fl_flow_init(&c->flow, nodes, list, count, c->enter[n->sink], end);
	free(list);
	c->vertex = fl_alloc_array(nodes, sizeof(*c->vertex));
	for (uint32_t v = 0; v < n->vertex_count; v++) {
		uint32_t at = c->enter[v];
		c->gate_arc[v] = SIZE_MAX;
		c->vertex[at] = v;
		if (n->event[v] == FL_NODE_NONE)
			continue;
		c->vertex[at + 1] = v;
		for (size_t arc = c->flow.first[at]; arc < c->flow.first[at + 1]; arc++)
			if (c->flow.own[arc] && c->flow.to[arc] == at + 1)
				c->gate_arc[v] = arc;
	}
}

static void index_up(struct cutting *c)
{
	const struct fl_network *n = c->n;
	c->first_up = fl_alloc_array((size_t)n->vertex_count + 2, sizeof(*c->first_up));
	c->up = fl_alloc_array(n->first[n->vertex_count], sizeof(*c->up));
	for (size_t i = 0; i < n->first[n->vertex_count]; i++)
		c->first_up[n->to[i] + 2]++;
	for (uint32_t v = 0; v < n->vertex_count; v++)
		c->first_up[v + 2] += c->first_up[v + 1];
	for (uint32_t v = 0; v < n->vertex_count; v++)
		for (size_t i = n->first[v]; i < n->first[v + 1]; i++)
			c->up[c->first_up[n->to[i] + 1]++] = v;
}

/* ---- which vertices a walk comes by ---- */

struct direction {
	const size_t *first;
	const uint32_t *to;
	uint32_t *seen;
};

static struct direction downwards(const struct cutting *c)
{
	return (struct direction){ .first = c->n->first, .to = c->n->to, .seen = c->seen_down };
}

static struct direction upwards(const struct cutting *c)
{
	return (struct direction){ .first = c->first_up, .to = c->up, .seen = c->seen_up };
}

/* Marks all that is come by from @start; walks on through what is not an event or has a role in @through. */
static void walk(struct cutting *c, struct direction d, uint32_t start, unsigned through)
{
	uint32_t open = 0;
	c->stack[open++] = start;
	d.seen[start] = c->searches;
	while (open > 0) {
		uint32_t v = c->stack[--open];
		if (c->n->event[v] != FL_NODE_NONE && !(through >> c->role[v] & 1))
			continue;
		c->flow.work += d.first[v + 1] - d.first[v];
		for (size_t i = d.first[v]; i < d.first[v + 1]; i++) {
			if (d.seen[d.to[i]] == c->searches)
				continue;
			d.seen[d.to[i]] = c->searches;
			c->stack[open++] = d.to[i];
		}
	}
}

static void new_search(struct cutting *c)
{
	if (++c->searches == 0) { /* the numbers have gone round */
		memset(c->seen_up, 0, c->n->vertex_count * sizeof(*c->seen_up));
		memset(c->seen_down, 0, c->n->vertex_count * sizeof(*c->seen_down));
		c->searches = 1;
	}
}

/*
 * A forced vertex is of use when a way from the source comes to it without passing vertices that lead to the
 * sink over kept ones alone, or other forced ones; and the same the other way round. First all that must be
 * cut or unreachable on one side is marked, then each forced one looks for its way.
 */
static bool finds_way(struct cutting *c, uint32_t from, struct direction d, uint32_t goal,
	const uint32_t *barred, uint32_t barred_mark)
{
	uint32_t open = 0;
	if (++c->ways == 0) {
		memset(c->been, 0, c->n->vertex_count * sizeof(*c->been));
		c->ways = 1;
	}
	c->stack[open++] = from;
	while (open > 0) {
		uint32_t v = c->stack[--open];
		c->flow.work += d.first[v + 1] - d.first[v];
		for (size_t i = d.first[v]; i < d.first[v + 1]; i++) {
			uint32_t w = d.to[i];
			if (w == goal)
				return true;
			if (c->been[w] == c->ways || barred[w] == barred_mark || c->role[w] == FORCED)
				continue;
			c->been[w] = c->ways;
			c->stack[open++] = w;
		}
	}
	return false;
}

static bool forced_are_of_use(struct cutting *c)
{
	const struct fl_network *n = c->n;
	new_search(c);
	uint32_t mark = c->searches;
	walk(c, upwards(c), n->sink, 1u << KEPT);     /* seen_up: leads to the sink over kept vertices */
	walk(c, downwards(c), n->source, 1u << KEPT); /* seen_down: the source leads to it so */
	bool cuttable = n->event[n->source] != FL_NODE_NONE && c->role[n->source] != KEPT;
	if (c->seen_up[n->source] == mark && !cuttable)
		return false;
	for (uint32_t i = 0; i < c->forced_count; i++) {
		uint32_t x = c->forced[i];
		if (!finds_way(c, x, upwards(c), n->source, c->seen_up, mark))
			return false;
		if (!finds_way(c, x, downwards(c), n->sink, c->seen_down, mark))
			return false;
	}
	return true;
}

/* ---- one part ---- */

static void set_roles(struct cutting *c, const struct part *p)
{
	uint32_t index = p->index;
	for (uint32_t up = p->parent; up != NONE; up = c->parts[up].parent) {
		const struct part *above = &c->parts[up];
		for (uint32_t i = 0; i < index; i++) {
			c->role[above->branch[i]] = FORCED;
			c->forced[c->forced_count++] = above->branch[i];
		}
		c->role[above->branch[index]] = KEPT;
		c->kept[c->kept_count++] = above->branch[index];
		index = above->index;
	}
}

static void clear_roles(struct cutting *c)
{
	for (uint32_t i = 0; i < c->forced_count; i++)
		c->role[c->forced[i]] = FREE;
	for (uint32_t i = 0; i < c->kept_count; i++)
		c->role[c->kept[i]] = FREE;
	c->forced_count = c->kept_count = 0;
}

static void change_network(struct cutting *c)
{
	struct fl_flow *f = &c->flow;
	for (uint32_t i = 0; i < c->kept_count; i++) {
		size_t arc = c->gate_arc[c->kept[i]];
		fl_flow_set(f, arc, FL_FLOW_INFINITE - f->capacity[f->reverse[arc]]);
	}
	for (uint32_t i = 0; i < c->forced_count; i++) {
		size_t arc = c->gate_arc[c->forced[i]];
		if (f->capacity[f->reverse[arc]] > 0)
			fl_flow_cancel(f, arc);
		fl_flow_set(f, arc, 0);
	}
}

static int compare_vertices(const void *va, const void *vb)
{
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;
	return (a > b) - (a < b);
}

/* The forced ones and the arcs at which what the source of the flow reaches ends; CUT is their role. */
static void read_cut(struct cutting *c, struct part *p)
{
	const struct fl_flow *f = &c->flow;
	p->cut = c->stack; /* for now */
	p->cut_count = 0;
	for (uint32_t i = 0; i < c->forced_count; i++)
		p->cut[p->cut_count++] = c->forced[i];
	for (uint32_t i = 0; i < f->queued; i++) {
		uint32_t at = f->queue[i], v = c->vertex[at];
		if (at == c->enter[v] && c->n->event[v] != FL_NODE_NONE && c->role[v] == FREE &&
			f->level[at + 1] == 0)
			p->cut[p->cut_count++] = v;
	}
	uint32_t *list = fl_alloc_array(p->cut_count, sizeof(*list));
	memcpy(list, p->cut, p->cut_count * sizeof(*list));
	p->cut = list;
	if (p->cut_count > 1)
		qsort(list, p->cut_count, sizeof(*list), compare_vertices);
}

/* Members that a way from the source comes by without another, and of those the ones that lead to the sink
 * so: a minimal cut. What of it is not forced is where the rest parts. */
static void read_branches(struct cutting *c, struct part *p)
{
	uint32_t inside = 0;
	for (uint32_t i = 0; i < p->cut_count; i++)
		c->role[p->cut[i]] |= CUT;
	new_search(c);
	walk(c, downwards(c), c->n->source, 1u << FREE | 1u << KEPT);
	for (uint32_t i = 0; i < p->cut_count; i++)
		if (c->seen_down[p->cut[i]] != c->searches)
			c->role[p->cut[i]] &= (uint8_t)~CUT; /* behind others: may be passed */
	walk(c, upwards(c), c->n->sink, 1u << FREE | 1u << KEPT | 1u << FORCED);
	p->branch = fl_alloc_array(p->cut_count, sizeof(*p->branch));
	for (uint32_t i = 0; i < p->cut_count; i++) {
		uint32_t v = p->cut[i];
		bool member = (c->role[v] & CUT) != 0 && c->seen_up[v] == c->searches;
		inside += member;
		c->role[v] &= (uint8_t)~CUT;
		if (member && c->role[v] == FREE)
			p->branch[p->branch_count++] = v;
	}
	p->minimal = inside == p->cut_count;
}

/* The smallest cut of @p; false when it has none. */
static bool solve(struct cutting *c, struct part *p)
{
	size_t mark = c->flow.log_count;
	bool found = false;
	set_roles(c, p);
	c->flow.work += (uint64_t)c->forced_count + c->kept_count;
	if (forced_are_of_use(c)) {
		change_network(c);
		found = fl_flow_augment(&c->flow) < FL_FLOW_INFINITE / 2;
		if (found) {
			read_cut(c, p);
			read_branches(c, p);
		}
		fl_flow_undo(&c->flow, mark);
	}
	clear_roles(c);
	return found;
}

/* ---- the search ---- */

/* Smaller first; among equals what is known before what is not looked at, then in the order of finding. */
static bool before(const struct open *a, const struct open *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	if ((a->next == NONE) != (b->next == NONE))
		return a->next == NONE;
	return a->part < b->part;
}

static void push_open(struct cutting *c, struct open o)
{
	if (c->heap_count == c->heap_capacity) {
		c->heap_capacity = fl_grown(c->heap_capacity, c->heap_count + 1);
		c->heap = fl_grow_array(c->heap, c->heap_capacity, sizeof(*c->heap));
	}
	size_t at = c->heap_count++;
	while (at > 0 && before(&o, &c->heap[(at - 1) / 2])) {
		c->heap[at] = c->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	c->heap[at] = o;
}

static struct open pop_open(struct cutting *c)
{
	struct open first = c->heap[0], last = c->heap[--c->heap_count];
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= c->heap_count)
			break;
		if (child + 1 < c->heap_count && before(&c->heap[child + 1], &c->heap[child]))
			child++;
		if (!before(&c->heap[child], &last))
			break;
		c->heap[at] = c->heap[child];
		at = child;
	}
	c->heap[at] = last;
	return first;
}

static void add_part(struct cutting *c, struct part p)
{
	if (!solve(c, &p))
		return;
	if (c->part_count == c->part_capacity) {
		c->part_capacity = fl_grown(c->part_capacity, c->part_count + 1);
		c->parts = fl_grow_array(c->parts, c->part_capacity, sizeof(*c->parts));
	}
	c->parts[c->part_count] = p;
	c->memory_used += sizeof(p) + ((uint64_t)p.cut_count + p.branch_count) * sizeof(*p.cut);
	push_open(c, (struct open){ .size = p.cut_count, .part = (uint32_t)c->part_count++, .next = NONE });
}

static bool tell(const struct cutting *c, const struct part *p, fl_vertex_cut_found *found, void *context)
{
	fl_node_id *members = fl_alloc_array(p->cut_count, sizeof(*members));
	for (uint32_t i = 0; i < p->cut_count; i++)
		members[i] = c->n->event[p->cut[i]];
	bool more = found(context, members, p->cut_count);
	free(members);
	return more;
}

static bool search(
	struct cutting *c, uint64_t most_work, uint64_t memory, fl_vertex_cut_found *found, void *context)
{
	c->flow.logging = false;
	if (fl_flow_augment(&c->flow) >= FL_FLOW_INFINITE / 2)
		return true; /* nothing cuts it */
	c->flow.logging = true;
	add_part(c, (struct part){ .parent = NONE });
	while (c->heap_count > 0) {
		struct open o = pop_open(c);
		if (c->flow.work > most_work || c->memory_used > memory)
			return false;
		if (o.next == NONE) {
			if (c->parts[o.part].minimal && !tell(c, &c->parts[o.part], found, context))
				return true;
			o.next = 0;
		} else {
			add_part(c, (struct part){ .parent = o.part, .index = o.next++ });
		}
		if (o.next < c->parts[o.part].branch_count)
			push_open(c, o);
	}
	return true;
}

static void cutting_init(struct cutting *c)
{
	size_t count = c->n->vertex_count;
	c->enter = fl_alloc_array(count, sizeof(*c->enter));
	c->gate_arc = fl_alloc_array(count, sizeof(*c->gate_arc));
	c->role = fl_alloc_array(count, sizeof(*c->role));
	c->forced = fl_alloc_array(count, sizeof(*c->forced));
	c->kept = fl_alloc_array(count, sizeof(*c->kept));
	c->seen_up = fl_alloc_array(count, sizeof(*c->seen_up));
	c->seen_down = fl_alloc_array(count, sizeof(*c->seen_down));
	c->been = fl_alloc_array(count, sizeof(*c->been));
	c->stack = fl_alloc_array(count + 1, sizeof(*c->stack));
	build_flow(c);
	index_up(c);
}

static void cutting_fini(struct cutting *c)
{
	for (size_t i = 0; i < c->part_count; i++) {
		free(c->parts[i].cut);
		free(c->parts[i].branch);
	}
	fl_flow_fini(&c->flow);
	free(c->parts);
	free(c->heap);
	free(c->enter);
	free(c->gate_arc);
	free(c->vertex);
	free(c->role);
	free(c->forced);
	free(c->kept);
	free(c->seen_up);
	free(c->seen_down);
	free(c->been);
	free(c->stack);
	free(c->first_up);
	free(c->up);
}

bool fl_vertex_cuts(const struct fl_network *n, uint64_t most_work, uint64_t memory,
	fl_vertex_cut_found *found, void *context)
{
	struct cutting c = { .n = n };
	cutting_init(&c);
	bool whole = search(&c, most_work, memory, found, context);
	cutting_fini(&c);
	return whole;
}
