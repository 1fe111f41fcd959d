/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_habits.c - how a caller calls where nothing fails
 *
 * On a service that works on request, a call follows its own inbound request at once: which kinds of requests cause calls,
 * how many, and after how long, is taken from calls whose predecessor did not fail. An attempt that a fresh
 * inbound request explains in this way is no retry.
 *
 * Where nothing ever succeeds there is no such call. Then the first attempt that begins after each inbound request tells the
 * delay: most of these are its own, and lie at one place, far below the time that chance would leave between a request and
 * somebody's retry. Where they do not, nothing is learnt.
 */
#include "behaviour_calls.h"

#include <math.h>
#include <stdlib.h>

enum { HABIT_LEAST = 5, HABIT_ENOUGH = 1000 };
static const double by_chance_part = 0.25; /* of the median time from any moment to the next attempt */
static const int64_t slack_ns = 200000; /* two packets that were captured in the other order */

/* ---- which requests cause calls ---- */

struct shape {
	uint32_t shape;
	size_t requests, followed; /* ... by a call, as the newest inbound request before it */
};

static int compare_shapes(const void *pa, const void *pb)
{
	const struct shape *a = pa, *b = pb;
	return (a->shape > b->shape) - (a->shape < b->shape);
}

static struct shape *shapes_of(const struct attempt_group *g, size_t *count)
{
	struct shape *list = fl_alloc_array(g->count + 1, sizeof(*list));
	size_t kept = 0;
	for (size_t i = 0; i < g->count; i++)
		list[i].shape = g->list[i]->fingerprint >> 16;
	qsort(list, g->count, sizeof(*list), compare_shapes);
	for (size_t i = 0; i < g->count; i++) {
		if (kept == 0 || list[kept - 1].shape != list[i].shape)
			list[kept++] = (struct shape){ .shape = list[i].shape };
		list[kept - 1].requests++;
	}
	*count = kept;
	return list;
}

static struct shape *shape_of(struct shape *list, size_t count, const struct attempt *inbound)
{
	struct shape key = { .shape = inbound->fingerprint >> 16 };
	return bsearch(&key, list, count, sizeof(key), compare_shapes);
}

/* Inbound requests of the kinds (method and path) after which calls come: those that are followed at least half as often as
 * inbound requests are on the whole. The list is *@into's own. */
void calls_choose_inbound(const struct attempt_group *g, const struct inbound_work *in, struct inbound_work *into)
{
	size_t count, followed = 0;
	struct shape *shapes = shapes_of(&in->all, &count);
	for (size_t i = 0; i < g->count; i++) {
		size_t at = inbound_before(in, g->list[i]->begin_ns);
		if (!at || (i && attempt_failed(g->list[i - 1])))
			continue;
		shape_of(shapes, count, in->all.list[at - 1])->followed++;
		followed++;
	}
	into->all.list = fl_alloc_array(in->all.count + 1, sizeof(struct attempt *));
	into->all.count = 0;
	double usual = (double)followed / (double)in->all.count;
	for (size_t i = 0; i < in->all.count; i++) {
		const struct shape *s = shape_of(shapes, count, in->all.list[i]);
		if (followed < HABIT_LEAST || (double)s->followed >= usual / 2 * (double)s->requests)
			into->all.list[into->all.count++] = in->all.list[i];
	}
	free(shapes);
	inbound_reach(into);
}
/* ---- how soon, how often ---- */

/* From inbound requests to the first attempt after each, when that is sooner than chance. */
static void learn_from_failing(struct calls *c, struct sample *delays)
{
	const struct attempt_group *in = &c->context->inbound->all, *g = c->g;
	double rate = (double)(g->count - 1) / ((double)(g->list[g->count - 1]->start_ns - g->list[0]->start_ns) / 1e9 + 1e-9);
	for (size_t i = 0, next = 0; i < in->count; i++) {
		while (next < g->count && g->list[next]->begin_ns < in->list[i]->start_ns)
			next++;
		if (next == g->count)
			break;
		if (i + 1 == in->count || g->list[next]->begin_ns < in->list[i + 1]->start_ns)
			sample_add(delays, (double)(g->list[next]->begin_ns - in->list[i]->start_ns) / 1e9);
	}
	if (delays->count && sample_spread(delays).p50 > by_chance_part * M_LN2 / rate)
		delays->count = 0;
}

void calls_learn_habits(struct calls *c)
{
	const struct inbound_work *in = c->context->inbound;
	struct sample delays = { 0 }, paces = { 0 }, uses = { 0 };
	for (size_t i = 0; i < c->g->count; i++) {
		const struct attempt *a = c->g->list[i], *before = i ? c->g->list[i - 1] : NULL;
		if (before && attempt_failed(before))
			continue;
		size_t at = in ? inbound_before(in, a->begin_ns) : 0;
		if (at) {
			sample_add(&delays, (double)(a->begin_ns - in->all.list[at - 1]->start_ns) / 1e9);
			c->used[at - 1] = (uint16_t)(c->used[at - 1] + (c->used[at - 1] < UINT16_MAX));
		}
		if (before)
			sample_add(&paces, (double)(a->begin_ns - before->begin_ns) / 1e9);
	}
	/* A handful among very many that failed are calls that were saved at the last try. */
	c->habits_seen = delays.count >= HABIT_LEAST && (delays.count >= HABIT_ENOUGH || delays.count * 10 >= c->g->count);
	if (in && !c->habits_seen) {
		delays.count = 0;
		learn_from_failing(c, &delays);
	}
	c->delay_s = delays.count >= 5 ? sample_spread(&delays).p50 : NAN;
	c->fresh_s = c->delay_s * 1.5 + 0.001;
	if (delays.count >= 5 && delays.list[delays.count * 3 / 4] < 2 * c->fresh_s)
		c->fresh_s = delays.list[delays.count * 3 / 4] * 1.5 + 0.001;
	c->pace_s = paces.count >= 3 ? sample_spread(&paces).p50 : NAN;
	for (size_t i = 0; in && i < in->all.count; i++)
		if (c->used[i])
			sample_add(&uses, c->used[i]);
	c->quota = uses.count ? (uint16_t)sample_spread(&uses).p50 : 1;
	sample_fini(&delays);
	sample_fini(&paces);
	sample_fini(&uses);
}

/* ---- which request a call is of ---- */

/* The inbound request that @b is a new call of: fresh, without all the calls it usually has, and of these the one with the most
 * usual age. Index + 1; 0: none. */
size_t calls_explained_by(const struct calls *c, const struct attempt *b)
{
	const struct inbound_work *in = c->context->inbound;
	size_t at = in ? inbound_before(in, b->begin_ns) : 0;
	size_t best = 0;
	double nearest = INFINITY;
	if (at && isnan(c->fresh_s))
		return c->used[at - 1] < c->quota ? at : 0;
	for (; at > 0; at--) {
		double age = (double)(b->begin_ns - in->all.list[at - 1]->start_ns) / 1e9;
		if (age > c->fresh_s)
			break;
		if (c->used[at - 1] >= c->quota || fabs(age - c->delay_s) >= nearest)
			continue;
		nearest = fabs(age - c->delay_s);
		best = at;
	}
	return best;
}

bool calls_inbound_over(const struct attempt *inbound, int64_t when_ns)
{
	return inbound && inbound->outcome != FL_OUTCOME_RESPONSE_TIMEOUT && inbound->end_ns + slack_ns < when_ns;
}

/* Of a new call that no fresh inbound request explains: the newest that is open. */
const struct attempt *calls_newest_open(const struct calls *c, const struct attempt *b)
{
	const struct inbound_work *in = c->context->inbound;
	for (size_t at = in ? inbound_before(in, b->begin_ns) : 0; at > 0 && in->reach_ns[at - 1] >= b->begin_ns; at--)
		if (!calls_inbound_over(in->all.list[at - 1], b->begin_ns))
			return in->all.list[at - 1];
	return NULL;
}
