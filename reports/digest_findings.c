/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * digest_findings.c - single points of failure with what fails behind each
 *
 * One finding for each representative of the ranking; what shares its fate is named in it. What fails is
 * told in the steps of the drawing, so that the list and the picture beside it speak of the same
 * things with the same numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "faultline/blast.h"
#include "reports/digest_internal.h"

enum { ENTRY_POINTS_NAMED = 4, ALSO_NAMED = 6 };

static bool is_entry_point(const struct fl_graph *g, fl_node_id v)
{
	uint32_t count;
	const struct fl_entry_point *e = fl_graph_entry_points(g, &count);
	for (uint32_t i = 0; i < count; i++)
		if (e[i].node == v)
			return true;
	return false;
}

static const char *entry_points_text(struct fl_digest *d, const struct fl_spof *s)
{
	const char **names = fl_alloc_array((size_t)s->entry_point_count + 1, sizeof(*names));
	for (uint32_t i = 0; i < s->entry_point_count; i++)
		names[i] = fl_say_label(d->arena, d->report->system, s->entry_points_lost[i]);
	const char *text = fl_say_list(d->arena, names, s->entry_point_count, ENTRY_POINTS_NAMED);
	free(names);
	return text;
}

/* Names of those that share the rank of @s; NULL when there are none. */
static const char *also_text(struct fl_digest *d, const struct fl_spof *s)
{
	const struct fl_ranking *r = d->report->ranking;
	const char *names[ALSO_NAMED];
	size_t count = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_spof *other = &r->list[i];
		if (other->same_as != s->node || other->node == s->node)
			continue;
		if (count < ALSO_NAMED)
			names[count] = fl_say_node(d->arena, d->report->system, other->node);
		count++;
	}
	if (count == 0)
		return NULL;
	size_t named = count < ALSO_NAMED ? count : ALSO_NAMED;
	const char *text = fl_say_strings(d->arena, names, named, ", ");
	return count == named ? text : fl_arena_printf(d->arena, "%s and %zu more", text, count - named);
}

static const struct fl_blast_step *step_of(const struct fl_blast *b, fl_node_id v)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->steps[i].node == v)
			return &b->steps[i];
	return NULL;
}

/* Why it fails, as `faultline blast` says it. */
static const char *because_text(struct fl_digest *d, const struct fl_blast *b, const struct fl_blast_step *step)
{
	enum { MEMBERS_NAMED = 4 };
	const struct fl_system *s = d->report->system;
	const char *names[MEMBERS_NAMED];
	uint32_t up = 0;
	if (step == NULL || step->group == FL_GROUP_NONE)
		return "";
	const struct fl_group *g = fl_graph_group(s->graph, step->group);
	if (g->member_count == 1)
		return fl_arena_printf(d->arena, "needs %s, which failed", fl_say_label(d->arena, s, g->members[0]));
	for (uint32_t i = 0; i < g->member_count; i++) {
		up += step_of(b, g->members[i]) == NULL;
		if (i < MEMBERS_NAMED)
			names[i] = fl_say_label(d->arena, s, g->members[i]);
	}
	return fl_arena_printf(d->arena, "needs %u of %s: %u of %u up", g->needs,
		fl_say_list(d->arena, names, g->member_count, MEMBERS_NAMED), up, g->member_count);
}

static int compare_failing(const void *left, const void *right)
{
	const struct fl_failing *a = left, *b = right;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

static void list_failing(struct fl_digest *d, struct fl_finding *f)
{
	const struct fl_system *s = d->report->system;
	struct fl_picture p = { .system = s, .blast = f->blast, .cause = f->spof->node };
	struct fl_drawing *drawing = fl_drawing_new(&p);
	f->failing = fl_arena_array(d->arena, drawing->node_count + 1, sizeof(*f->failing));
	for (size_t i = 0; i < drawing->node_count; i++) {
		const struct fl_drawn_node *n = &drawing->nodes[i];
		if (n->step <= FL_STEP_CAUSE || n->node == FL_NODE_NONE)
			continue;
		const struct fl_blast_step *step = step_of(f->blast, n->node);
		f->failing[f->failing_count++] = (struct fl_failing){
			.step = n->step,
			.node = n->node,
			.label = fl_say_label(d->arena, s, n->node),
			.kind = fl_say_name(d->arena, fl_graph_node(s->graph, n->node)->kind),
			.because = because_text(d, f->blast, step),
			.entry_point = is_entry_point(s->graph, n->node),
		};
	}
	if (f->failing_count > 0)
		qsort(f->failing, f->failing_count, sizeof(*f->failing), compare_failing);
	fl_drawing_free(drawing);
}

void fl_digest_findings(struct fl_digest *d)
{
	const struct fl_ranking *r = d->report->ranking;
	const struct fl_system *s = d->report->system;
	if (r == NULL)
		return;
	d->findings = fl_arena_array(d->arena, r->count + 1, sizeof(*d->findings));
	for (size_t i = 0; i < r->count; i++) {
		const struct fl_spof *spof = &r->list[i];
		if (spof->same_as != spof->node)
			continue;
		struct fl_finding *f = &d->findings[d->finding_count++];
		f->spof = spof;
		f->label = fl_say_label(d->arena, s, spof->node);
		f->kind = fl_say_name(d->arena, fl_graph_node(s->graph, spof->node)->kind);
		f->why = fl_say_sentence(d->arena, spof->why);
		f->also = also_text(d, spof);
		f->entry_points = entry_points_text(d, spof);
		f->is_entry_point = is_entry_point(s->graph, spof->node);
		if (d->sections == d->report->top || spof->nodes_lost == 0)
			continue;
		f->blast = fl_blast(s->graph, &spof->node, 1, d->arena);
		list_failing(d, f);
		f->section = ++d->sections;
	}
}
