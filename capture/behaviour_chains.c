/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_chains.c - calls put together one attempt after the other, all calls at a time
 *
 * Rounds in the order of time (behaviour_calls.c) need a pause that is plain from the start. Where attempts look alike, calls overlap
 * and pauses vary by some milliseconds, nothing is plain at first, and what was put together wrongly hides the
 * pauses for good. Here, first attempts are known by their fresh inbound request, which says where the whole call must lie: it
 * ends when the request does. Then all second attempts are looked for at once, then all third ones: of the times
 * from each failure to whatever begins later within its own request, a stretch is taken in which far more calls
 * have something than chance would put there (of equals the earliest, as later attempts follow at a lag of their own), and calls
 * and attempts that lie in it are matched: nearest to the middle first, then along augmenting paths (Berge, 1957), so that
 * an attempt that two calls could own goes to the one that has no other.
 *
 * Which of the two ways is right is told by what is left over: failed calls with another number of attempts than
 * most, and attempts that stand alone for no reason.
 */
#include "behaviour_calls.h"

#include <math.h>
#include <stdlib.h>

enum { CANDIDATES_MAX = 48, LOOK_AHEAD = 400, LOOKED_AT_MAX = 500, PATHS_MAX = 64, LEVEL_LEAST = 5,
       WIDTHS = 3, EARLIER_MAX = 8, LEFT_OVER_LEAST = 3, RATIO_LEAST = 20 };
static const int64_t slack_ns = 200000; /* two packets that were captured in the other order */
static const double widths[WIDTHS] = { 0.04, 0.12, 0.8 }; /* a timer, a busy host, a pause that is drawn by lot */
static const double width_floor_s = 0.004;
static const double lead_s = 0.5; /* a connection may have been opened this long before its request */
static const double followed_least = 0.25, score_least = 8, nearly_as_good = 0.6, clearly_better = 0.75, overlap_least = 0.25;

struct pair {
	double lag_s;
	uint32_t from, to;      /* of the level; of the group */
};

struct stretch {
	double from_s, to_s, score;
	size_t followed;        /* calls that have something in it */
};

struct chains {
	struct calls *c;
	struct attempt **level; /* failed; their calls go on or end */
	size_t level_count, looked_at;
	struct pair *pairs;     /* by lag */
	size_t pair_count, pair_capacity;
	bool *taken;            /* by place in the group */
	bool *left_over;        /* ... when first attempts were those with a fresh request alone */
	uint32_t *owner;        /* by place in the group: of the level + 1 */
	uint32_t *match;        /* by place in the level: of the group + 1 */
};

/* ---- first attempts ---- */

static bool counts(const struct attempt *a)
{
	return !(a->flags & (FL_ATTEMPT_MULTIPLEXED | FL_ATTEMPT_HEALTH));
}

/* The newest request that was open then and has not had its calls; index + 1; 0: none. */
static size_t without_calls(const struct calls *c, const struct attempt *a)
{
	const struct inbound_work *in = c->context->inbound;
	size_t at = inbound_before(in, a->begin_ns), looked = 0;
	for (; at > 0 && in->reach_ns[at - 1] >= a->begin_ns && looked < LOOK_AHEAD; at--, looked++)
		if (c->used[at - 1] < c->quota && !calls_inbound_over(in->all.list[at - 1], a->end_ns))
			return at;
	return 0;
}

static void take_first(struct chains *s, struct attempt *a, size_t by)
{
	a->parent = s->c->context->inbound->all.list[by - 1];
	s->c->used[by - 1]++;
	if (attempt_failed(a))
		s->level[s->level_count++] = a;
}

/* Those that a fresh request explains; of those that @left_over names, also such as came late after theirs. */
static void find_firsts(struct chains *s, const bool *left_over)
{
	struct calls *c = s->c;
	s->level_count = 0;
	for (size_t i = 0; i < c->context->inbound->all.count; i++)
		c->used[i] = 0;
	for (size_t i = 0; i < c->g->count; i++) {
		struct attempt *a = c->g->list[i];
		size_t by = counts(a) && !(left_over && left_over[i]) ? calls_explained_by(c, a) : 0;
		a->retry = NULL;
		a->number = 0;
		a->clear = a->orphan = false;
		a->parent = NULL;
		s->taken[i] = by || !counts(a);
		if (by)
			take_first(s, a, by);
	}
	for (size_t i = 0; left_over && i < c->g->count; i++) {
		size_t by = left_over[i] ? without_calls(c, c->g->list[i]) : 0;
		if (!by)
			continue;
		s->taken[i] = c->g->list[i]->orphan = true;
		take_first(s, c->g->list[i], by);
	}
}

/* ---- candidates ---- */

static size_t first_after(const struct attempt_group *g, int64_t when_ns)
{
	size_t low = 0, high = g->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (g->list[mid]->start_ns < when_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int compare_pairs(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;
	if (a->lag_s < b->lag_s || b->lag_s < a->lag_s)
		return a->lag_s < b->lag_s ? -1 : 1;
	return a->from != b->from ? (a->from > b->from) - (a->from < b->from) : (a->to > b->to) - (a->to < b->to);
}

static void add_pair(struct chains *s, size_t from, size_t to, double lag_s)
{
	if (s->pair_count == s->pair_capacity) {
		s->pair_capacity = fl_grown(s->pair_capacity, s->pair_count + 1);
		s->pairs = fl_grow_array(s->pairs, s->pair_capacity, sizeof(*s->pairs));
	}
	s->pairs[s->pair_count++] = (struct pair){ lag_s, (uint32_t)from, (uint32_t)to };
}

/* What begins within @w after the failure of each @step-th call of the level. */
static void find_pairs(struct chains *s, size_t step, const struct stretch *w)
{
	const struct attempt_group *g = s->c->g;
	s->pair_count = 0;
	s->looked_at = (s->level_count + step - 1) / step;
	for (size_t i = 0; i < s->level_count; i += step) {
		const struct attempt *a = s->level[i];
		size_t at = first_after(g, a->end_ns - slack_ns + (int64_t)(w->from_s * 1e9)), stop = at + LOOK_AHEAD, found = 0;
		for (; at < g->count && at < stop && found < CANDIDATES_MAX; at++) {
			const struct attempt *b = g->list[at];
			double lag_s = calls_pause(a, b);
			if (calls_inbound_over(a->parent, b->begin_ns) || lag_s > w->to_s + lead_s)
				break;
			if (s->taken[at] || b == a || lag_s < w->from_s || lag_s > w->to_s ||
			    calls_inbound_over(a->parent, b->end_ns) || !calls_may_be_same(s->c, a, b))
				continue;
			add_pair(s, i, at, lag_s);
			found++;
		}
	}
	if (s->pair_count)
		qsort(s->pairs, s->pair_count, sizeof(*s->pairs), compare_pairs);
}

/* ---- the pause ---- */

/* How little chance would have @followed of @all in a stretch in which it has @chance each, in nats (Chernoff, 1952). */
static double surprise(size_t followed, size_t all, double chance)
{
	double share = (double)followed / (double)all, rest = 1 - share;
	if (share <= chance)
		return 0;
	return (double)all * (share * log(share / chance) + (rest > 0 ? rest * log(rest / (1 - chance)) : 0));
}

/* By how many others lie around, from half its begin to twice its end. */
static double chance_of(const struct chains *s, size_t within, size_t around, double from_s, double to_s)
{
	double others = (double)(around - within) + 1, room = 2 * to_s - from_s / 2 - (to_s - from_s);
	double mean = others / room * (to_s - from_s) / (double)s->looked_at;
	return 1 - exp(-mean);
}

/* The best stretch of this width that ends before @before_s. @inside is all 0, by call, and so again afterwards. */
static void try_width(const struct chains *s, double width, double before_s, uint32_t *inside, struct stretch *best)
{
	size_t to = 0, followed = 0, low = 0, high = 0;
	for (size_t from = 0; from < s->pair_count; from++) {
		double begin = s->pairs[from].lag_s, end = begin * (1 + width) + width_floor_s;
		for (; to < s->pair_count && s->pairs[to].lag_s <= end; to++)
			followed += inside[s->pairs[to].from]++ == 0;
		while (s->pairs[low].lag_s < begin / 2)
			low++;
		while (high < s->pair_count && s->pairs[high].lag_s < 2 * end)
			high++;
		double score = surprise(followed, s->looked_at, chance_of(s, to - from, high - low, begin, end));
		if (end < before_s && score > best->score)
			*best = (struct stretch){ begin, end, score, followed };
		followed -= --inside[s->pairs[from].from] == 0;
	}
}

static struct stretch find_stretch(const struct chains *s)
{
	struct stretch found = { 0, INFINITY, 0, 0 };
	uint32_t *inside = fl_alloc_array(s->level_count + 1, sizeof(*inside));
	for (size_t round = 0; round < EARLIER_MAX; round++) {
		struct stretch best = { 0, 0, 0, 0 };
		for (size_t i = 0; i < WIDTHS; i++)
			try_width(s, widths[i], round ? found.from_s : INFINITY, inside, &best);
		if (best.score < fmax(score_least, nearly_as_good * found.score) ||
		    (double)best.followed < followed_least * (double)s->looked_at)
			break;
		found = best;
	}
	free(inside);
	return found;
}

/* ---- matching ---- */

struct search {
	const struct pair *by_call;
	const size_t *first;    /* pairs of a call are at [first[call], first[call + 1]) */
	uint32_t *queue;        /* calls that were reached, in that order */
	uint32_t *came_from;    /* by call: the one it was reached from, + 1; 0: not reached */
};

/* Gives @place to @at, what that had to the call before it on the path, and so on to the first. */
static void hand_back(struct chains *s, const struct search *x, uint32_t at, uint32_t place)
{
	for (;;) {
		uint32_t before = s->match[at];
		s->match[at] = place + 1;
		s->owner[place] = at + 1;
		if (!before)
			return;
		place = before - 1;
		at = x->came_from[at] - 1;
	}
}

/* Takes a free attempt of @call; else those that hold its attempts are asked next. */
static bool look_at(struct chains *s, const struct search *x, uint32_t call, size_t *tail)
{
	for (size_t k = x->first[call]; k < x->first[call + 1]; k++) {
		uint32_t to = x->by_call[k].to, holder = s->owner[to];
		if (!holder) {
			hand_back(s, x, call, to);
			return true;
		}
		if (!x->came_from[holder - 1]) {
			x->came_from[holder - 1] = call + 1;
			x->queue[(*tail)++] = holder - 1;
		}
	}
	return false;
}

/* An attempt for @call, freed by others that have another one, breadth first. */
static void augment(struct chains *s, const struct search *x, uint32_t call)
{
	size_t tail = 0;
	x->queue[tail++] = call;
	x->came_from[call] = UINT32_MAX;
	for (size_t head = 0; head < tail && head < PATHS_MAX; head++)
		if (look_at(s, x, x->queue[head], &tail))
			break;
	for (size_t i = 0; i < tail; i++)
		x->came_from[x->queue[i]] = 0;
}

static int compare_callers(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;
	return a->from != b->from ? (a->from > b->from) - (a->from < b->from) : compare_pairs(pa, pb);
}

static void augment_all(struct chains *s, const struct pair *by_call, size_t count)
{
	size_t *first = fl_alloc_array(s->level_count + 2, sizeof(*first));
	struct search x = { .by_call = by_call, .first = first };
	x.queue = fl_alloc_array(s->level_count + 1, sizeof(*x.queue));
	x.came_from = fl_alloc_array(s->level_count + 1, sizeof(*x.came_from));
	for (size_t i = 0; i < count; i++)
		first[by_call[i].from + 1] = i + 1;
	for (size_t i = 1; i <= s->level_count; i++)
		first[i] = first[i] ? first[i] : first[i - 1];
	for (uint32_t i = 0; i < s->level_count; i++)
		if (!s->match[i] && first[i + 1] > first[i])
			augment(s, &x, i);
	free(first);
	free(x.queue);
	free(x.came_from);
}

/* Those nearest to the middle first. */
static void match_pairs(struct chains *s)
{
	double middle = s->pair_count ? s->pairs[s->pair_count / 2].lag_s : 0;
	for (size_t i = 0; i < s->pair_count; i++)
		s->pairs[i].lag_s = fabs(s->pairs[i].lag_s - middle);
	qsort(s->pairs, s->pair_count, sizeof(*s->pairs), compare_pairs);
	for (size_t i = 0; i < s->pair_count; i++) {
		const struct pair *p = &s->pairs[i];
		if (s->match[p->from] || s->owner[p->to])
			continue;
		s->match[p->from] = p->to + 1;
		s->owner[p->to] = p->from + 1;
	}
	qsort(s->pairs, s->pair_count, sizeof(*s->pairs), compare_callers);
	augment_all(s, s->pairs, s->pair_count);
}

/* What was matched becomes the next level. */
static void go_on(struct chains *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->level_count; i++) {
		struct attempt *a = s->level[i];
		uint32_t place = s->match[i];
		s->match[i] = 0;
		if (!place)
			continue;
		struct attempt *b = s->c->g->list[place - 1];
		s->owner[place - 1] = 0;
		s->taken[place - 1] = true;
		a->retry = b;
		a->clear = true;
		b->number = a->number + 1;
		b->parent = a->parent;
		if (attempt_failed(b))
			s->level[kept++] = b;
	}
	s->level_count = kept;
}

static void put_together(struct chains *s, const bool *left_over)
{
	static const struct stretch anywhere = { .to_s = INFINITY };
	find_firsts(s, left_over);
	for (size_t k = 0; k < FL_ATTEMPTS_MAX && s->level_count >= LEVEL_LEAST; k++) {
		find_pairs(s, s->level_count / LOOKED_AT_MAX + 1, &anywhere);
		struct stretch w = find_stretch(s);
		if (w.score <= 0)
			break;
		find_pairs(s, 1, &w);
		match_pairs(s);
		go_on(s);
	}
	for (size_t i = 0; i < s->c->g->count; i++) {
		struct attempt *a = s->c->g->list[i];
		if (s->taken[i])
			continue;
		a->orphan = calls_inside(a, a->begin_ns);
		a->parent = calls_newest_open(s->c, a);
	}
}

/* ---- which way is right ---- */

/* Failed calls with another number of attempts than most have; where most have one, those that no request explains. */
static size_t left_over(const struct calls *c)
{
	size_t orphans = 0, ended[FL_ATTEMPTS_MAX] = { 0 }, all = 0, most = 0;
	for (size_t i = 0; i < c->g->count; i++) {
		const struct attempt *a = c->g->list[i];
		if (!counts(a) || !attempt_failed(a) || a->retry)
			continue;
		orphans += a->orphan;
		ended[a->number < FL_ATTEMPTS_MAX ? a->number : FL_ATTEMPTS_MAX - 1]++;
		all++;
	}
	for (size_t i = 0; i < FL_ATTEMPTS_MAX; i++)
		most = ended[i] > ended[most] ? i : most;
	return all - ended[most] + (most == 0 ? orphans : 0);
}

/* Were failed calls open at once, so that one may have got an attempt of another? By the work that they are part of. */
static bool calls_overlap(const struct calls *c)
{
	int64_t open_until_ns = INT64_MIN;
	size_t calls = 0, overlapping = 0;
	for (size_t i = 0; i < c->g->count; i++) {
		const struct attempt *a = c->g->list[i];
		if (!counts(a) || !attempt_failed(a) || a->number || !a->parent)
			continue;
		calls++;
		overlapping += a->begin_ns < open_until_ns;
		open_until_ns = a->parent->end_ns > open_until_ns ? a->parent->end_ns : open_until_ns;
	}
	return (double)overlapping > overlap_least * (double)calls;
}

/* First attempts and inbound requests, each by whether the attempt before it failed. */
struct ratio {
	size_t firsts[2], all[2], requests[2];
};

static struct ratio ratio_of(const struct calls *c)
{
	const struct attempt_group *g = c->g, *in = &c->context->inbound->all;
	struct ratio r = { { 0 }, { 0 }, { 0 } };
	for (size_t i = 1; i < g->count; i++) {
		bool behind = attempt_failed(g->list[i - 1]);
		r.firsts[behind] += g->list[i]->number == 0;
		r.all[behind]++;
	}
	for (size_t i = 0, next = 0; i < in->count; i++) {
		while (next < g->count && g->list[next]->begin_ns < in->list[i]->start_ns)
			next++;
		if (next > 0 && next < g->count && in->list[i]->start_ns < c->part_end_ns[next >= c->first_part])
			r.requests[attempt_failed(g->list[next - 1])]++;
	}
	return r;
}

/* A call that was torn apart counts as several: while calls fail there are more than there are requests for, by how many
 * a request makes while none does. 0 where that is not known. */
double calls_torn(const struct calls *c, double *of_attempts)
{
	*of_attempts = 0;
	if (c->exact || !c->context->inbound)
		return 0;
	struct ratio r = ratio_of(c);
	if (r.requests[1] < RATIO_LEAST || !r.firsts[1])
		return 0;
	if (r.requests[0] < RATIO_LEAST || !r.firsts[0]) /* ill throughout: one call a request, with no more than that to go by */
		return *of_attempts = fmax(0, 1 - (double)r.requests[1] / (double)r.firsts[1]);
	double due = (double)r.requests[1] * (double)r.firsts[0] / (double)r.requests[0];
	double more = fmax(0, (double)r.firsts[1] - due);
	*of_attempts = more / (double)(r.all[1] ? r.all[1] : 1);
	return r.firsts[1] ? more / (double)r.firsts[1] : 0;
}

/* By attempts: a long call tells more than what is left of one. */
double calls_unexplained(const struct calls *c)
{
	size_t ended[FL_ATTEMPTS_MAX] = { 0 }, all = 0, most = 0;
	if (c->exact || left_over(c) < LEFT_OVER_LEAST || !calls_overlap(c))
		return 0;
	for (size_t i = 0; i < c->g->count; i++) {
		const struct attempt *a = c->g->list[i];
		if (!counts(a) || !attempt_failed(a) || a->retry)
			continue;
		ended[a->number < FL_ATTEMPTS_MAX ? a->number : FL_ATTEMPTS_MAX - 1] += a->number + 1;
		all += a->number + 1;
	}
	for (size_t i = 0; i < FL_ATTEMPTS_MAX; i++)
		most = ended[i] > ended[most] ? i : most;
	return all ? (double)(all - ended[most]) / (double)all : 0;
}

struct link {
	struct attempt *retry;
	const struct attempt *parent;
	uint32_t number;
	bool orphan, clear;
};

static void keep_links(const struct attempt_group *g, struct link *links)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct attempt *a = g->list[i];
		links[i] = (struct link){ a->retry, a->parent, a->number, a->orphan, a->clear };
	}
}

static void restore_links(const struct attempt_group *g, const struct link *links)
{
	for (size_t i = 0; i < g->count; i++) {
		struct attempt *a = g->list[i];
		a->retry = links[i].retry;
		a->parent = links[i].parent;
		a->number = links[i].number;
		a->orphan = links[i].orphan;
		a->clear = links[i].clear;
	}
}

bool calls_put_together(struct calls *c)
{
	size_t n = c->g->count, before = left_over(c);
	if (!c->context->inbound || isnan(c->fresh_s) || before < LEFT_OVER_LEAST)
		return false;
	struct chains s = { .c = c };
	struct link *links = fl_alloc_array(n + 1, sizeof(*links));
	s.level = fl_alloc_array(n + 1, sizeof(struct attempt *));
	s.taken = fl_alloc_array(n + 1, sizeof(*s.taken));
	s.owner = fl_alloc_array(n + 1, sizeof(*s.owner));
	s.match = fl_alloc_array(n + 1, sizeof(*s.match));
	keep_links(c->g, links);
	s.left_over = fl_alloc_array(n + 1, sizeof(*s.left_over));
	put_together(&s, NULL);
	for (size_t i = 0; i < n; i++)
		s.left_over[i] = !s.taken[i];
	put_together(&s, s.left_over);
	size_t now = left_over(c);
	bool better = (double)now <= clearly_better * (double)before;
	if (!better)
		restore_links(c->g, links);
	free(links);
	free(s.level);
	free(s.taken);
	free(s.left_over);
	free(s.owner);
	free(s.match);
	free(s.pairs);
	return better;
}
