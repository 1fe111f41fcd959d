/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_tree.c - why one node fails, as a formula: built from the graph, then made small
 *
 * What is done, in this order, each in linear time but for sorting members:
 *
 *   cone      only what the top requires
 *   merge     nodes that require each other without slack fail together: one gate for a strongly connected
 *             component of such requirements. Its own members inside a group of its own are dropped: the
 *             least fixed point of x = f(x) is f(nothing)
 *   prune     what cannot fail, even when all basic events do, is left out
 *   alias     gates of one child are that child
 *   single    events that alone fail the top stand beside it in an OR, and nowhere else: x + f(x, ...) is
 *             x + f(nothing, ...). The rest is pruned again and is often much smaller
 *   flatten   an OR inside an OR that nothing else uses is its parent's, so is an AND in an AND; this turns
 *             long chains into one gate
 *   number    components first to last, children before parents
 *   gather    children of a gate that nothing else uses, modules and events, become a gate of their own, a
 *             module: fewer variables for the gates that share
 *
 * Circles that go through redundancy stay; whoever evaluates the gates iterates there, from nothing failed.
 */
#include "fault_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "components.h"
#include "faultline/sort.h"
#include "faultline/status.h"

#define UNKNOWN UINT32_MAX
#define SINGLES_WORK (UINT64_C(50) << 20) /* looks at parents */

/* Gates under construction; the first class_count are classes of nodes, then come groups with slack. */
struct draft {
	const struct fl_graph *g;
	fl_node_id *cone; /* nodes, in the order in which they were found */
	uint32_t cone_count;
	uint32_t *place;    /* of a node in cone; UNKNOWN */
	uint32_t *class_of; /* of a place */
	uint32_t class_count;
	struct fl_gate *gates;
	size_t gate_count, gate_capacity;
	uint32_t *children;
	size_t child_count, child_capacity;
	bool *can_fail;
	bool *single; /* events taken out, since they alone fail the top */
};

bool fl_is_basic(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(g, v, &count);
	for (uint32_t i = 0; i < count; i++)
		if (fl_graph_group(g, first + i)->needs > 0)
			return false;
	return true;
}

/* ---- lists ---- */

static void push_child(struct draft *d, uint32_t child)
{
	if (d->child_count == d->child_capacity) {
		d->child_capacity = fl_grown(d->child_capacity, d->child_count + 1);
		d->children = fl_grow_array(d->children, d->child_capacity, sizeof(*d->children));
	}
	d->children[d->child_count++] = child;
}

static uint32_t push_gate(struct draft *d, struct fl_gate gate)
{
	if (d->gate_count == d->gate_capacity) {
		d->gate_capacity = fl_grown(d->gate_capacity, d->gate_count + 1);
		d->gates = fl_grow_array(d->gates, d->gate_capacity, sizeof(*d->gates));
	}
	assert(d->gate_count < UNKNOWN);
	d->gates[d->gate_count] = gate;
	return (uint32_t)d->gate_count++;
}

/* OR and AND are sets; a count that leaves no choice makes them of ATLEAST. */
static void settle_kind(struct fl_gate *gate, uint32_t *list)
{
	if (gate->kind == FL_GATE_ATLEAST && gate->threshold == 1)
		gate->kind = FL_GATE_OR;
	if (gate->kind == FL_GATE_ATLEAST && gate->threshold >= gate->count)
		gate->kind = FL_GATE_AND;
	if (gate->kind == FL_GATE_OR || gate->kind == FL_GATE_AND)
		gate->count = (uint32_t)fl_sort_distinct_u32(list, gate->count);
	else
		fl_sort_u32(list, gate->count);
}

/* ---- cone and classes ---- */

static void find(struct draft *d, fl_node_id v)
{
	if (d->place[v] != UNKNOWN)
		return;
	d->place[v] = d->cone_count;
	d->cone[d->cone_count++] = v;
}

static void find_cone(struct draft *d, fl_node_id top)
{
	uint32_t order = fl_graph_order(d->g), count;
	d->cone = fl_alloc_array(order, sizeof(*d->cone));
	d->place = fl_alloc_array(order, sizeof(*d->place));
	memset(d->place, 0xff, order * sizeof(*d->place));
	find(d, top);
	for (uint32_t next = 0; next < d->cone_count; next++) {
		fl_group_id first = fl_graph_groups_of(d->g, d->cone[next], &count);
		for (uint32_t i = 0; i < count; i++) {
			const struct fl_group *group = fl_graph_group(d->g, first + i);
			for (uint32_t m = 0; group->needs > 0 && m < group->member_count; m++)
				find(d, group->members[m]);
		}
	}
}

/* Nodes that fail together have one class: components of the requirements without slack. */
static void merge_classes(struct draft *d)
{
	size_t *first = fl_alloc_array((size_t)d->cone_count + 1, sizeof(*first)), capacity = 0, edges = 0;
	uint32_t *to = NULL, count;
	for (uint32_t v = 0; v < d->cone_count; v++) {
		fl_group_id start = fl_graph_groups_of(d->g, d->cone[v], &count);
		for (uint32_t i = 0; i < count; i++) {
			const struct fl_group *group = fl_graph_group(d->g, start + i);
			if (group->needs == 0 || group->needs < group->member_count)
				continue;
			if (edges + group->member_count > capacity) {
				capacity = fl_grown(capacity, edges + group->member_count);
				to = fl_grow_array(to, capacity, sizeof(*to));
			}
			for (uint32_t m = 0; m < group->member_count; m++)
				to[edges++] = d->place[group->members[m]];
		}
		first[v + 1] = edges;
	}
	d->class_of = fl_alloc_array(d->cone_count, sizeof(*d->class_of));
	d->class_count = fl_components(d->cone_count, first, to, d->class_of, NULL);
	free(first);
	free(to);
}

/* ---- gates ---- */

/* Children of a group without those of class @self; returns how many. */
static uint32_t push_members(struct draft *d, const struct fl_group *group, uint32_t self)
{
	uint32_t count = 0;
	for (uint32_t m = 0; m < group->member_count; m++) {
		uint32_t class = d->class_of[d->place[group->members[m]]];
		if (class == self)
			continue;
		push_child(d, class);
		count++;
	}
	return count;
}

/* The gate of a group with slack; UNKNOWN when it cannot break. */
static uint32_t make_group(struct draft *d, const struct fl_group *group, uint32_t self)
{
	struct fl_gate gate = { .kind = FL_GATE_ATLEAST,
		.threshold = group->member_count - group->needs + 1,
		.first = d->child_count,
		.node = FL_NODE_NONE };
	gate.count = push_members(d, group, self);
	if (gate.count < gate.threshold) {
		d->child_count = gate.first;
		return UNKNOWN;
	}
	settle_kind(&gate, d->children + gate.first);
	d->child_count = gate.first + gate.count;
	return push_gate(d, gate);
}

struct list {
	uint32_t *items;
	size_t count, capacity;
};

static void append(struct list *l, uint32_t item)
{
	if (l->count == l->capacity) {
		l->capacity = fl_grown(l->capacity, l->count + 1);
		l->items = fl_grow_array(l->items, l->capacity, sizeof(*l->items));
	}
	l->items[l->count++] = item;
}

static void gather_groups(struct draft *d, fl_node_id v, uint32_t self, struct list *any)
{
	uint32_t count;
	fl_group_id first = fl_graph_groups_of(d->g, v, &count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fl_group *group = fl_graph_group(d->g, first + i);
		if (group->needs == group->member_count) {
			size_t start = d->child_count;
			push_members(d, group, self);
			while (d->child_count > start)
				append(any, d->children[--d->child_count]);
		} else if (group->needs > 0) {
			uint32_t gate = make_group(d, group, self);
			if (gate != UNKNOWN)
				append(any, gate);
		}
	}
}

/* Places sorted by class: members of class c are [first[c], first[c + 1]). */
static uint32_t *bucket_classes(const struct draft *d, uint32_t **first)
{
	uint32_t *at = fl_alloc_array((size_t)d->class_count + 2, sizeof(*at));
	uint32_t *places = fl_alloc_array(d->cone_count, sizeof(*places));
	for (uint32_t v = 0; v < d->cone_count; v++)
		at[d->class_of[v] + 2]++;
	for (uint32_t c = 0; c < d->class_count; c++)
		at[c + 2] += at[c + 1];
	for (uint32_t v = 0; v < d->cone_count; v++)
		places[at[d->class_of[v] + 1]++] = v;
	*first = at;
	return places;
}

static void make_gates(struct draft *d)
{
	uint32_t *first, *places = bucket_classes(d, &first);
	struct list any = { 0 };
	d->gate_count = d->gate_capacity = d->class_count;
	d->gates = fl_alloc_array(d->class_count, sizeof(*d->gates));
	for (uint32_t c = 0; c < d->class_count; c++) {
		fl_node_id v = d->cone[places[first[c]]];
		struct fl_gate gate = { .kind = FL_GATE_OR, .node = FL_NODE_NONE };
		any.count = 0;
		if (first[c + 1] - first[c] == 1 && fl_is_basic(d->g, v)) {
			gate.kind = FL_GATE_BASIC;
			gate.node = v;
		}
		for (uint32_t i = first[c]; i < first[c + 1]; i++)
			gather_groups(d, d->cone[places[i]], c, &any);
		gate.count = (uint32_t)fl_sort_distinct_u32(any.items, any.count);
		gate.first = d->child_count;
		for (uint32_t i = 0; i < gate.count; i++)
			push_child(d, any.items[i]);
		d->gates[c] = gate;
	}
	free(any.items);
	free(first);
	free(places);
}

/* ---- prune and alias ---- */

static uint32_t wanted(const struct fl_gate *gate)
{
	if (gate->kind == FL_GATE_OR)
		return 1;
	return gate->kind == FL_GATE_AND ? gate->count : gate->threshold;
}

/* Parents of x are parents[first[x]] .. parents[first[x + 1] - 1]; @first has gate_count + 2 zeros. */
static void find_parents(const struct draft *d, size_t *first, uint32_t *parents)
{
	for (size_t x = 0; x < d->gate_count; x++)
		for (uint32_t i = 0; i < d->gates[x].count; i++)
			first[d->children[d->gates[x].first + i] + 2]++;
	for (size_t x = 0; x < d->gate_count; x++)
		first[x + 2] += first[x + 1];
	for (uint32_t x = 0; x < d->gate_count; x++)
		for (uint32_t i = 0; i < d->gates[x].count; i++)
			parents[first[d->children[d->gates[x].first + i] + 1]++] = x;
}

/* The least fixed point when every basic event has failed, but for singles that were taken out. */
static void find_failing(struct draft *d)
{
	size_t *first = fl_alloc_array(d->gate_count + 2, sizeof(*first));
	uint32_t *parents = fl_alloc_array(d->child_count, sizeof(*parents));
	uint32_t *lost = fl_alloc_array(d->gate_count, sizeof(*lost));
	uint32_t *queue = fl_alloc_array(d->gate_count, sizeof(*queue));
	size_t queued = 0;
	find_parents(d, first, parents);
	memset(d->can_fail, 0, d->gate_count * sizeof(*d->can_fail));
	for (uint32_t x = 0; x < d->gate_count; x++)
		if (d->gates[x].kind == FL_GATE_BASIC && !d->single[x]) {
			d->can_fail[x] = true;
			queue[queued++] = x;
		}
	for (size_t next = 0; next < queued; next++)
		for (size_t i = first[queue[next]]; i < first[queue[next] + 1]; i++) {
			uint32_t x = parents[i];
			if (d->can_fail[x] || ++lost[x] < wanted(&d->gates[x]))
				continue;
			d->can_fail[x] = true;
			queue[queued++] = x;
		}
	free(first);
	free(parents);
	free(lost);
	free(queue);
}

/* ---- events that alone fail the top ---- */

struct alone {
	struct draft *d;
	size_t *first;
	uint32_t *parents, *lost, *lost_in, *failed_in, *queue;
	uint64_t work;
};

/* Whether the failure of @event alone reaches @top; gates are counted anew for each event. */
static bool fails_alone(struct alone *a, uint32_t event, uint32_t top)
{
	size_t queued = 1;
	uint32_t run = event + 1;
	a->queue[0] = event;
	a->failed_in[event] = run;
	for (size_t next = 0; next < queued && a->failed_in[top] != run; next++)
		for (size_t i = a->first[a->queue[next]]; i < a->first[a->queue[next] + 1]; i++) {
			uint32_t x = a->parents[i];
			a->work++;
			if (a->failed_in[x] == run || !a->d->can_fail[x])
				continue;
			if (a->lost_in[x] != run)
				a->lost[x] = 0;
			a->lost_in[x] = run;
			if (++a->lost[x] < wanted(&a->d->gates[x]))
				continue;
			a->failed_in[x] = run;
			a->queue[queued++] = x;
		}
	return a->failed_in[top] == run;
}

/* Marks them; how many. Stops early in large trees, which costs nothing but the advantage. */
static uint32_t find_singles(struct draft *d, uint32_t top)
{
	struct alone a = { .d = d };
	uint32_t found = 0;
	a.first = fl_alloc_array(d->gate_count + 2, sizeof(*a.first));
	a.parents = fl_alloc_array(d->child_count, sizeof(*a.parents));
	a.lost = fl_alloc_array(d->gate_count, sizeof(*a.lost));
	a.lost_in = fl_alloc_array(d->gate_count, sizeof(*a.lost_in));
	a.failed_in = fl_alloc_array(d->gate_count, sizeof(*a.failed_in));
	a.queue = fl_alloc_array(d->gate_count, sizeof(*a.queue));
	find_parents(d, a.first, a.parents);
	for (uint32_t x = 0; x < d->gate_count && a.work < SINGLES_WORK; x++)
		if (x != top && d->gates[x].kind == FL_GATE_BASIC && fails_alone(&a, x, top)) {
			d->single[x] = true;
			found++;
		}
	free(a.first);
	free(a.parents);
	free(a.lost);
	free(a.lost_in);
	free(a.failed_in);
	free(a.queue);
	return found;
}

static void prune(struct draft *d)
{
	for (size_t x = 0; x < d->gate_count; x++) {
		struct fl_gate *gate = &d->gates[x];
		uint32_t *list = gate->count == 0 ? NULL : d->children + gate->first, kept = 0;
		if (!d->can_fail[x] || gate->kind == FL_GATE_BASIC)
			continue;
		for (uint32_t i = 0; i < gate->count; i++)
			if (d->can_fail[list[i]])
				list[kept++] = list[i];
		gate->count = kept;
		settle_kind(gate, list);
	}
}

/* The gate that @x is another name of. A circle of such names cannot fail and was pruned. */
static uint32_t resolve(const struct draft *d, uint32_t *alias, uint32_t x)
{
	uint32_t end = x;
	while (alias[end] != end)
		end = alias[end];
	while (alias[x] != end) {
		uint32_t next = alias[x];
		alias[x] = end;
		x = next;
	}
	assert(d->can_fail[end]);
	return end;
}

static void resolve_aliases(struct draft *d)
{
	uint32_t *alias = fl_alloc_array(d->gate_count, sizeof(*alias));
	for (uint32_t x = 0; x < d->gate_count; x++) {
		const struct fl_gate *gate = &d->gates[x];
		bool single = d->can_fail[x] && gate->kind != FL_GATE_BASIC && gate->count == 1;
		alias[x] = single ? d->children[gate->first] : x;
	}
	for (size_t x = 0; x < d->gate_count; x++) {
		struct fl_gate *gate = &d->gates[x];
		if (!d->can_fail[x] || gate->kind == FL_GATE_BASIC)
			continue;
		for (uint32_t i = 0; i < gate->count; i++) {
			uint32_t *child = &d->children[gate->first + i];
			*child = resolve(d, alias, *child);
		}
		settle_kind(gate, d->children + gate->first);
	}
	free(alias);
}

/* ---- flatten and number ---- */

/* What the final tree is made of: gates that are reached and not folded into their parent. */
struct emission {
	uint32_t *uses;        /* by gates that are reached */
	bool *reached, *alone; /* alone: in no circle */
	size_t *first;         /* children after flattening, by place in kept */
	uint32_t *kept, *place;
	uint32_t kept_count;
	struct list to;
};

static void count_uses(const struct draft *d, uint32_t top, struct emission *e)
{
	uint32_t *queue = fl_alloc_array(d->gate_count, sizeof(*queue));
	size_t queued = 1;
	queue[0] = top;
	e->reached[top] = true;
	e->uses[top] = 2; /* never folded */
	for (size_t next = 0; next < queued; next++) {
		const struct fl_gate *gate = &d->gates[queue[next]];
		for (uint32_t i = 0; i < gate->count; i++) {
			uint32_t child = d->children[gate->first + i];
			e->uses[child] += e->uses[child] < 2;
			if (e->reached[child])
				continue;
			e->reached[child] = true;
			queue[queued++] = child;
		}
	}
	free(queue);
}

static void find_circles(const struct draft *d, struct emission *e)
{
	size_t *first = fl_alloc_array(d->gate_count + 1, sizeof(*first));
	uint32_t *to = fl_alloc_array(d->child_count, sizeof(*to));
	uint32_t *component = fl_alloc_array(d->gate_count, sizeof(*component));
	uint32_t *size = fl_alloc_array(d->gate_count, sizeof(*size));
	for (size_t x = 0; x < d->gate_count; x++) {
		first[x + 1] = first[x];
		for (uint32_t i = 0; e->reached[x] && i < d->gates[x].count; i++)
			to[first[x + 1]++] = d->children[d->gates[x].first + i];
	}
	fl_components((uint32_t)d->gate_count, first, to, component, NULL);
	for (size_t x = 0; x < d->gate_count; x++)
		size[component[x]]++;
	for (size_t x = 0; x < d->gate_count; x++)
		e->alone[x] = size[component[x]] == 1;
	free(first);
	free(to);
	free(component);
	free(size);
}

static bool folds(const struct draft *d, const struct emission *e, enum fl_gate_kind kind, uint32_t child)
{
	return (kind == FL_GATE_OR || kind == FL_GATE_AND) && d->gates[child].kind == kind &&
	       e->uses[child] == 1 && e->alone[child];
}

static void keep(struct emission *e, uint32_t x)
{
	if (e->place[x] != UNKNOWN)
		return;
	e->place[x] = e->kept_count;
	e->kept[e->kept_count++] = x;
}

/* Children of gate @x, those of folded gates in their place, as places. */
static void emit_children(const struct draft *d, struct emission *e, uint32_t x, struct list *open)
{
	const struct fl_gate *gate = &d->gates[x];
	size_t start = e->to.count;
	open->count = 0;
	append(open, x);
	while (open->count > 0) {
		const struct fl_gate *from = &d->gates[open->items[--open->count]];
		for (uint32_t i = 0; i < from->count; i++) {
			uint32_t child = d->children[from->first + i];
			if (folds(d, e, gate->kind, child)) {
				append(open, child);
				continue;
			}
			keep(e, child);
			append(&e->to, e->place[child]);
		}
	}
	struct fl_gate flat = *gate;
	flat.count = (uint32_t)(e->to.count - start);
	settle_kind(&flat, flat.count == 0 ? NULL : e->to.items + start);
	e->to.count = start + flat.count;
}

static void emit(const struct draft *d, uint32_t top, struct emission *e)
{
	struct list open = { 0 };
	e->uses = fl_alloc_array(d->gate_count, sizeof(*e->uses));
	e->reached = fl_alloc_array(d->gate_count, sizeof(*e->reached));
	e->alone = fl_alloc_array(d->gate_count, sizeof(*e->alone));
	e->first = fl_alloc_array(d->gate_count + 1, sizeof(*e->first));
	e->kept = fl_alloc_array(d->gate_count, sizeof(*e->kept));
	e->place = fl_alloc_array(d->gate_count, sizeof(*e->place));
	memset(e->place, 0xff, d->gate_count * sizeof(*e->place));
	count_uses(d, top, e);
	find_circles(d, e);
	keep(e, top);
	for (uint32_t next = 0; next < e->kept_count; next++) {
		emit_children(d, e, e->kept[next], &open);
		e->first[next + 1] = e->to.count;
	}
	free(open.items);
}

static void emission_fini(struct emission *e)
{
	free(e->uses);
	free(e->reached);
	free(e->alone);
	free(e->first);
	free(e->kept);
	free(e->place);
	free(e->to.items);
}

/* Places in the order of their components; returns place -> gate id and fills first_gate. */
static uint32_t *number_gates(struct fl_fault_tree *t, const struct emission *e, uint32_t *component)
{
	uint32_t *id = fl_alloc_array(e->kept_count, sizeof(*id));
	t->component_count = fl_components(e->kept_count, e->first, e->to.items, component, NULL);
	uint32_t *at = fl_alloc_array((size_t)t->component_count + 2, sizeof(*at));
	for (uint32_t i = 0; i < e->kept_count; i++)
		at[component[i] + 2]++;
	for (uint32_t c = 0; c < t->component_count; c++)
		at[c + 2] += at[c + 1];
	for (uint32_t i = 0; i < e->kept_count; i++)
		id[i] = at[component[i] + 1]++;
	t->first_gate = at;
	return id;
}

static void build_tree(struct fl_fault_tree *t, const struct draft *d, const struct emission *e)
{
	uint32_t *component = fl_alloc_array(e->kept_count, sizeof(*component));
	uint32_t *id = number_gates(t, e, component);
	t->gate_count = e->kept_count;
	t->top = id[0];
	t->gates = fl_alloc_array(t->gate_count, sizeof(*t->gates));
	t->children = fl_alloc_array(e->to.count, sizeof(*t->children));
	t->child_count = e->to.count;
	t->circular = t->component_count < t->gate_count;
	for (uint32_t i = 0; i < e->kept_count; i++) {
		struct fl_gate gate = d->gates[e->kept[i]];
		gate.first = e->first[i];
		gate.count = (uint32_t)(e->first[i + 1] - e->first[i]);
		gate.component = component[i];
		for (uint32_t c = 0; c < gate.count; c++)
			t->children[gate.first + c] = id[e->to.items[gate.first + c]];
		t->basic_count += gate.kind == FL_GATE_BASIC;
		t->gates[id[i]] = gate;
	}
	free(component);
	free(id);
}

static void draft_fini(struct draft *d)
{
	free(d->cone);
	free(d->place);
	free(d->class_of);
	free(d->gates);
	free(d->children);
	free(d->can_fail);
	free(d->single);
}

static void list_events(struct fl_fault_tree *t, const struct draft *d)
{
	t->events = fl_alloc_array(d->class_count, sizeof(*t->events));
	for (uint32_t c = 0; c < d->class_count; c++)
		if (d->gates[c].kind == FL_GATE_BASIC)
			t->events[t->event_count++] = d->gates[c].node;
	fl_sort_u32(t->events, t->event_count);
}

/* What can fail, without detours; the gate that now is @top, UNKNOWN when it cannot fail. */
static uint32_t simplify(struct draft *d, uint32_t top)
{
	find_failing(d);
	if (!d->can_fail[top])
		return UNKNOWN;
	prune(d);
	resolve_aliases(d);
	while (d->gates[top].kind != FL_GATE_BASIC && d->gates[top].count == 1)
		top = d->children[d->gates[top].first];
	return top;
}

/* A new top: any of the singles, or what is left of the old top without them. */
static uint32_t set_apart(struct draft *d, uint32_t top)
{
	uint32_t rest = simplify(d, top);
	struct fl_gate gate = { .kind = FL_GATE_OR, .first = d->child_count, .node = FL_NODE_NONE };
	for (uint32_t x = 0; x < d->gate_count; x++)
		if (d->single[x])
			push_child(d, x);
	if (rest != UNKNOWN)
		push_child(d, rest);
	gate.count = (uint32_t)(d->child_count - gate.first);
	if (gate.count == 1)
		return d->children[gate.first];
	return push_gate(d, gate);
}

struct fl_fault_tree *fl_fault_tree_new(const struct fl_graph *g, fl_node_id top)
{
	struct fl_fault_tree *t = fl_alloc(sizeof(*t));
	struct draft d = { .g = g };
	find_cone(&d, top);
	merge_classes(&d);
	make_gates(&d);
	list_events(t, &d);
	d.can_fail = fl_alloc_array(d.gate_count, sizeof(*d.can_fail));
	d.single = fl_alloc_array(d.gate_count, sizeof(*d.single));
	uint32_t root = simplify(&d, d.class_of[d.place[top]]);
	if (root != UNKNOWN && find_singles(&d, root) > 0)
		root = set_apart(&d, root);
	if (root != UNKNOWN) {
		struct emission e = { 0 };
		emit(&d, root, &e);
		build_tree(t, &d, &e);
		emission_fini(&e);
	}
	draft_fini(&d);
	return fl_fault_tree_gather(t);
}

void fl_fault_tree_free(struct fl_fault_tree *t)
{
	if (t == NULL)
		return;
	free(t->gates);
	free(t->children);
	free(t->first_gate);
	free(t->events);
	free(t);
}
