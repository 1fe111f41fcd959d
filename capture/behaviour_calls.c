/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_calls.c - attempts put together to calls: which attempt retries which, and who gave up when
 *
 * A retry asks for the same thing after a failure. What makes two attempts the same thing, strongest first: the text of
 * the request, where it is readable and rare; their place inside one inbound request that is still open when the second begins; the
 * pause between them, once clear cases have told which pauses this caller makes.
 *
 * A new call looks like a retry when requests are all alike. On a service that works on request, a new call follows
 * its own inbound request at once: the usual delay is measured over calls whose predecessor did not fail, and an
 * attempt that a fresh inbound request explains is no retry, unless its pause is one that this caller makes. Callers
 * without inbound work are judged by their pace: a retry comes sooner than half the time between calls.
 *
 * Rounds over the attempts in the order of their start. Before the first, pauses that come up more often than chance are looked for
 * in the times between each failure and everything that began after it (a correlogram): among many calls at once that is
 * all there is to go by. Each round takes the pauses from the links of the one before, until the links stay. SYNs that the kernel repeats are one attempt from the start (flow.h), so they never show here.
 *
 * When a caller gave up a connection attempt is not in its packets. What it did next is: another attempt, or its own
 * answer. These are upper bounds, its last SYN is a lower one; the true time-out is where upper bounds crowd.
 */
#include "behaviour_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/units.h"

enum { PEAKS_MAX = 16, LAG_BINS = 1940, LOOK_AHEAD = 400, LOOKED_AT_MAX = 4000, AROUND = 40, FEW_PENDING = 2, ROUNDS = 8, MODE_LEAST = 4, MODE_PART = 4, HABIT_LEAST = 5, CROWD_PART = 5, CROWD_LEAST = 2, PENDING_MAX = 256, TIDY_BELOW = 32, TIDY_EVERY = 64, RARE = 16, RARE_SHARE = 50 };
static const int64_t slack_ns = 200000;                    /* two packets that were captured in the other order */
static const int64_t horizon_ns = INT64_C(90) * FL_NS_PER_S;
static const double pause_tolerance = 0.15;
static const double close_tolerance = 0.03, firm_tolerance = 0.06, end_tolerance = 0.05;
static const double pause_floor_s = 0.001;
static const double seldom = 0.25, firm_least_s = 0.02;
static const double peak_tolerance = 0.03, peak_floor_s = 0.1, peak_height = 1.3, peak_sigmas = 6, peak_share = 0.1;
static const double lag_first_s = 0.002, lag_step = 1.005;

struct calls {
	const struct attempt_group *g;
	const struct call_context *context;
	struct attempt *pending[PENDING_MAX];   /* failed, not followed yet */
	size_t pending_count;
	double delay_s;                         /* from an inbound request to its call, median; NaN */
	double fresh_s;                         /* an inbound request this young explains a new call; NaN: nobody knows */
	double pace_s;                          /* time between calls, median; NaN */
	double pause_s[FL_GAPS_MAX];            /* learnt; NaN */
	double shortest_s[FL_GAPS_MAX], longest_s[FL_GAPS_MAX]; /* of clear cases, with some room; NaN */
	double peaks_s[PEAKS_MAX];              /* pauses that come up more often than chance, before any is learnt */
	size_t peak_count;
	bool learnt;
	double goes_on[FL_GAPS_MAX];            /* share of failures of this number that were followed; NaN */
	bool firm[FL_GAPS_MAX];                 /* the pause of this number is nearly always the same */
	bool exact;                             /* retries repeat the text of the request */
	uint16_t *used;                         /* by inbound request: calls that it explains so far */
	uint16_t quota;                         /* ... and may explain */
};

/* ---- same thing? ---- */

static bool is_readable(const struct attempt *a)
{
	return a->flags & FL_ATTEMPT_READABLE;
}

static bool is_rare(const struct calls *c, const struct attempt *a)
{
	return a->same <= RARE || a->same <= c->g->count / RARE_SHARE;
}

static int compare_prints(const void *pa, const void *pb)
{
	const struct attempt *a = *(struct attempt *const *)pa, *b = *(struct attempt *const *)pb;
	if (a->fingerprint != b->fingerprint)
		return a->fingerprint < b->fingerprint ? -1 : 1;
	return (a > b) - (a < b); /* in one array, by start */
}

/* How often each text occurs, and whether texts come again after they failed. */
static void count_same(struct calls *c)
{
	const struct attempt_group *g = c->g;
	size_t failed = 0, again = 0;
	struct attempt **by_print = fl_alloc_array(g->count + 1, sizeof(struct attempt *));
	memcpy(by_print, g->list, g->count * sizeof(struct attempt *));
	qsort(by_print, g->count, sizeof(struct attempt *), compare_prints);
	for (size_t i = 0, from = 0; i < g->count; i++) {
		if (i + 1 < g->count && by_print[i + 1]->fingerprint == by_print[i]->fingerprint)
			continue;
		uint32_t same = (uint32_t)(i + 1 - from);
		for (; from <= i; from++) {
			by_print[from]->same = same;
			if (!is_readable(by_print[from]) || !attempt_failed(by_print[from]) || !is_rare(c, by_print[from]))
				continue;
			failed++;
			again += from < i && by_print[from + 1]->start_ns - by_print[from]->end_ns < horizon_ns;
		}
	}
	c->exact = failed && again * 3 >= failed;
	free(by_print);
}

/* May @b ask for what @a asked for? */
static bool may_be_same(const struct calls *c, const struct attempt *a, const struct attempt *b)
{
	if ((a->flags | b->flags) & FL_ATTEMPT_CONNECT)
		return true;
	if (is_readable(a) && is_readable(b))
		return c->exact || c->quota > 1 ? a->fingerprint == b->fingerprint : a->fingerprint >> 16 == b->fingerprint >> 16;
	uint32_t less = a->request_size < b->request_size ? a->request_size : b->request_size;
	uint32_t more = a->request_size < b->request_size ? b->request_size : a->request_size;
	return !is_readable(a) && !is_readable(b) && more - less <= 8;
}

/* Do the texts alone show it? */
static bool is_clearly_same(const struct calls *c, const struct attempt *a, const struct attempt *b)
{
	if ((a->flags | b->flags) & FL_ATTEMPT_CONNECT || !is_readable(a) || !is_readable(b))
		return false;
	return a->fingerprint == b->fingerprint && is_rare(c, a);
}

/* ---- pauses ---- */

/* From the failure of @a to the begin of @b: of its connection when that was opened for it. */
static double pause_between(const struct attempt *a, const struct attempt *b)
{
	int64_t begin = b->begin_ns + slack_ns >= a->end_ns ? b->begin_ns : b->start_ns;
	double s = (double)(begin - a->end_ns) / 1e9;
	return s < 0 ? 0 : s;
}

/* Relative distance to the nearest peak. */
static double off_peak(const struct calls *c, double pause_s)
{
	double least = INFINITY;
	for (size_t i = 0; i < c->peak_count; i++)
		least = fmin(least, fabs(pause_s - c->peaks_s[i]) / (c->peaks_s[i] + peak_floor_s));
	return least;
}

static bool pause_fits(const struct calls *c, const struct attempt *a, double pause_s, double tolerance)
{
	if (!c->learnt)
		return off_peak(c, pause_s) < peak_tolerance;
	size_t i = a->number < FL_GAPS_MAX ? a->number : FL_GAPS_MAX - 1;
	double known = c->pause_s[i], guessed = a->end_known ? 0 : end_tolerance * (double)(a->end_ns - a->start_ns) / 1e9;
	return !isnan(known) && fabs(pause_s - known) <= pause_floor_s + guessed + tolerance * known;
}

/* The inbound request that @b is a new call of: fresh, without all the calls it usually has, and of these the one with the most
 * usual age. Index + 1; 0: none. */
static size_t explained_by(const struct calls *c, const struct attempt *b)
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

static bool is_over(const struct attempt *inbound, int64_t when_ns)
{
	return inbound && inbound->outcome != FL_OUTCOME_RESPONSE_TIMEOUT && inbound->end_ns + slack_ns < when_ns;
}

/* Of a new call that no fresh inbound request explains: the newest that is open. */
static const struct attempt *newest_open(const struct calls *c, const struct attempt *b)
{
	const struct inbound_work *in = c->context->inbound;
	for (size_t at = in ? inbound_before(in, b->begin_ns) : 0; at > 0 && in->reach_ns[at - 1] >= b->begin_ns; at--)
		if (!is_over(in->all.list[at - 1], b->begin_ns))
			return in->all.list[at - 1];
	return NULL;
}

/* Could @b be the next attempt of @a's call? Higher is likelier; 0: no. */
static int likelihood(const struct calls *c, const struct attempt *a, const struct attempt *b, bool explained)
{
	const struct inbound_work *in = c->context->inbound;
	if (b->start_ns + slack_ns < a->end_ns || b->start_ns - a->end_ns > horizon_ns || !may_be_same(c, a, b))
		return 0;
	bool nested = in && inbound_open(in, a->begin_ns, a->begin_ns);
	if (nested && !inbound_open(in, a->begin_ns, b->begin_ns))
		return 0;
	if (is_clearly_same(c, a, b))
		return 3;
	size_t i = a->number < FL_GAPS_MAX ? a->number : FL_GAPS_MAX - 1;
	if (c->learnt && c->goes_on[i] < seldom)
		return 0;
	double pause = pause_between(a, b);
	if (c->learnt && (pause < c->shortest_s[i] || pause > c->longest_s[i]))
		return 0;
	bool fits = pause_fits(c, a, pause, explained ? close_tolerance : c->firm[i] ? firm_tolerance : pause_tolerance);
	if (!fits && (c->learnt ? c->firm[i] : c->peak_count > 0))
		return 0;
	if (nested)
		return explained && c->pending_count > FEW_PENDING ? 0 : fits ? 2 : explained || is_over(a->parent, b->begin_ns) ? 0 : 1;
	if (!isnan(c->context->period_s) && pause > c->context->period_s / 2)
		return 0;
	return fits ? 2 : !isnan(c->pace_s) && pause < c->pace_s / 2 ? 1 : 0;
}

/* How far the pause is from the one that is usual at this place; NaN: none is known. */
static double deviation(const struct calls *c, const struct attempt *a, const struct attempt *b)
{
	double known = c->pause_s[a->number < FL_GAPS_MAX ? a->number : FL_GAPS_MAX - 1];
	double pause = pause_between(a, b);
	return c->learnt ? fabs(pause - known) / (known + pause_floor_s) : c->peak_count ? off_peak(c, pause) : NAN;
}

static bool is_better(const struct calls *c, const struct attempt *a, const struct attempt *than, const struct attempt *b)
{
	bool fits = pause_fits(c, a, pause_between(a, b), pause_tolerance);
	bool other = pause_fits(c, than, pause_between(than, b), pause_tolerance);
	if (fits != other)
		return fits;
	double here = deviation(c, a, b), there = deviation(c, than, b);
	if ((!fits || !c->learnt) && !isnan(here) && !isnan(there) && (here < there || there < here))
		return here < there;
	bool same_way = a->client_port == b->client_port, other_way = than->client_port == b->client_port;
	if (same_way != other_way)
		return same_way;
	/* Who failed first tries first; but what failed long ago outside of any request will not be tried again. */
	bool queue = !a->end_known || !than->end_known || (a->parent && than->parent);
	return queue ? a->start_ns < than->start_ns : a->end_ns > than->end_ns;
}

/* ---- rounds ---- */

static void forget_old(struct calls *c, const struct attempt *now)
{
	const struct inbound_work *in = c->context->inbound;
	size_t kept = 0;
	for (size_t i = 0; i < c->pending_count; i++) {
		struct attempt *a = c->pending[i];
		bool over = now->start_ns - a->end_ns > horizon_ns ||
			    (in && inbound_open(in, a->begin_ns, a->begin_ns) && !inbound_open(in, a->begin_ns, now->begin_ns));
		if (!over)
			c->pending[kept++] = a;
	}
	c->pending_count = kept;
}

static void add_pending(struct calls *c, struct attempt *a)
{
	if (c->pending_count == PENDING_MAX) {
		memmove(c->pending, c->pending + 1, (PENDING_MAX - 1) * sizeof(struct attempt *));
		c->pending_count--;
	}
	c->pending[c->pending_count++] = a;
}

static void follow(struct calls *c, struct attempt *b)
{
	size_t best = SIZE_MAX, by = explained_by(c, b), candidates = 0;
	int most = 0;
	for (size_t i = 0; i < c->pending_count; i++) {
		int likely = likelihood(c, c->pending[i], b, by != 0);
		candidates += likely > 0;
		if (likely == 0 || likely < most || (likely == most && !is_better(c, c->pending[i], c->pending[best], b)))
			continue;
		most = likely;
		best = i;
	}
	if (best == SIZE_MAX) {
		b->orphan = !by && c->context->inbound && inbound_open(c->context->inbound, b->begin_ns, b->begin_ns);
		b->parent = by ? c->context->inbound->all.list[by - 1] : newest_open(c, b);
		if (by)
			c->used[by - 1]++;
		return;
	}
	b->parent = c->pending[best]->parent;
	c->pending[best]->retry = b;
	c->pending[best]->clear = most == 3 || (candidates == 1 && !by);
	b->number = c->pending[best]->number + 1;
	memmove(c->pending + best, c->pending + best + 1, (c->pending_count - best - 1) * sizeof(struct attempt *));
	c->pending_count--;
}

static void round_of(struct calls *c)
{
	c->pending_count = 0;
	if (c->used)
		memset(c->used, 0, c->context->inbound->all.count * sizeof(*c->used));
	for (size_t i = 0; i < c->g->count; i++) {
		c->g->list[i]->retry = NULL;
		c->g->list[i]->clear = c->g->list[i]->orphan = false;
		c->g->list[i]->number = 0;
		c->g->list[i]->parent = NULL;
	}
	for (size_t i = 0; i < c->g->count; i++) {
		struct attempt *a = c->g->list[i];
		if (a->flags & (FL_ATTEMPT_MULTIPLEXED | FL_ATTEMPT_HEALTH))
			continue;
		if (c->pending_count <= TIDY_BELOW || i % TIDY_EVERY == 0 || c->pending_count == PENDING_MAX)
			forget_old(c, a);
		follow(c, a);
		if (attempt_failed(a))
			add_pending(c, a);
	}
}

/* Centre of the tenth-wide window that holds most of a sorted sample, when that is a good part of it; NaN. */
static double mode_of(const struct sample *s, bool *firm)
{
	size_t most = 0, first = 0;
	for (size_t i = 0, to = 0; i < s->count; i++) {
		while (to < s->count && s->list[to] <= s->list[i] * 1.1 + pause_floor_s)
			to++;
		if (to - i > most) {
			most = to - i;
			first = i;
		}
	}
	*firm = most >= MODE_LEAST && most * 5 >= s->count * 3;
	return most >= MODE_LEAST && most * MODE_PART >= s->count ? s->list[first + most / 2] : NAN;
}

static void learn_from(struct calls *c, bool clear, double modes[static FL_GAPS_MAX])
{
	struct sample gaps[FL_GAPS_MAX] = { 0 };
	size_t failed[FL_GAPS_MAX] = { 0 }, followed[FL_GAPS_MAX] = { 0 };
	for (size_t i = 0; i < c->g->count; i++) {
		const struct attempt *a = c->g->list[i];
		size_t n = a->number < FL_GAPS_MAX ? a->number : FL_GAPS_MAX - 1;
		failed[n] += attempt_failed(a);
		followed[n] += a->retry != NULL;
		if (a->retry && (a->clear || !clear))
			sample_add(&gaps[n], pause_between(a, a->retry));
	}
	for (size_t i = 0; i < FL_GAPS_MAX; i++) {
		struct fl_spread spread = sample_spread(&gaps[i]);
		if (spread.count >= 3)
			c->pause_s[i] = spread.p50;
		if (clear && spread.count >= HABIT_LEAST) {
			c->shortest_s[i] = spread.p10 * 0.7 - pause_floor_s;
			c->longest_s[i] = spread.p90 * 1.4 + pause_floor_s;
		}
		bool firm;
		double mode = mode_of(&gaps[i], &firm);
		if (!clear) {
			modes[i] = mode;
			c->firm[i] = firm && mode > firm_least_s;
		}
		if (clear && !isnan(modes[i])) {
			c->pause_s[i] = modes[i];
			c->shortest_s[i] = fmin(c->shortest_s[i], modes[i] * 0.8 - pause_floor_s);
			c->longest_s[i] = fmax(c->longest_s[i], modes[i] * 1.25 + pause_floor_s);
		}
		c->goes_on[i] = failed[i] >= 5 ? (double)followed[i] / (double)failed[i] : NAN;
		sample_fini(&gaps[i]);
	}
}

/* Where pauses crowd, else from those links that nothing else explains, else from all. */
static void learn_pauses(struct calls *c)
{
	double modes[FL_GAPS_MAX];
	learn_from(c, false, modes);
	learn_from(c, true, modes);
	c->learnt = true;
}

/* How soon a call follows its inbound request, and how often calls come, where nothing fails. */
static void learn_habits(struct calls *c)
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

/* ---- pauses that come up more often than chance ---- */

/* A lag of bin i is from edge(i) to edge(i + 1); bin 0 is below the first edge. */
static double lag_edge(size_t i)
{
	return i == 0 ? 0 : lag_first_s * pow(lag_step, (double)(i - 1));
}

static size_t lag_bin(double lag_s)
{
	return lag_s < lag_first_s ? 0 : 1 + (size_t)(log(lag_s / lag_first_s) / log(lag_step));
}

/* Times from failures to all later begins inside the same open inbound work: retries pile up, other calls spread evenly. */
static size_t count_lags(const struct calls *c, double lags[static LAG_BINS])
{
	const struct inbound_work *in = c->context->inbound;
	size_t failed = 0, step = c->g->count / LOOKED_AT_MAX + 1;
	for (size_t i = 0; i < c->g->count; i += step) {
		const struct attempt *a = c->g->list[i];
		if (!attempt_failed(a) || !a->end_known || !inbound_open(in, a->begin_ns, a->begin_ns))
			continue;
		failed++;
		for (size_t k = i + 1; k < c->g->count && k - i < LOOK_AHEAD; k++) {
			const struct attempt *b = c->g->list[k];
			if (!inbound_open(in, a->begin_ns, b->begin_ns))
				break;
			size_t bin = lag_bin(pause_between(a, b));
			if (b->start_ns + slack_ns >= a->end_ns && bin < LAG_BINS && may_be_same(c, a, b))
				lags[bin]++;
		}
	}
	return failed;
}

/* Per second, over the bins around, without those of a peak itself. */
static double usual_density(const double lags[static LAG_BINS], size_t at)
{
	double count = 0, width = 0;
	for (size_t i = at > AROUND ? at - AROUND : 0; i < at + AROUND + 2 && i < LAG_BINS; i++) {
		if (i + 4 >= at && i <= at + 5)
			continue;
		count += lags[i];
		width += lag_edge(i + 1) - lag_edge(i);
	}
	return width > 0 ? count / width : 0;
}

static void find_peaks(struct calls *c)
{
	double lags[LAG_BINS] = { 0 };
	if (!c->context->inbound)
		return;
	size_t failed = count_lags(c, lags);
	for (size_t i = 0; i + 1 < LAG_BINS && c->peak_count < PEAKS_MAX; i++) {
		double count = lags[i] + lags[i + 1], width = lag_edge(i + 2) - lag_edge(i), usual = usual_density(lags, i) * width;
		bool top = (i == 0 || count >= lags[i - 1] + lags[i]) && (i + 2 >= LAG_BINS || count > lags[i + 1] + lags[i + 2]);
		if (top && count >= MODE_LEAST && count >= peak_share * (double)failed &&
		    count >= peak_height * usual + peak_sigmas * sqrt(usual))
			c->peaks_s[c->peak_count++] = i == 0 ? 0 : (lag_edge(i) * lags[i] + lag_edge(i + 1) * lags[i + 1]) / count * sqrt(lag_step);
	}
}

/* ---- whose calls these are ---- */

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
static void choose_inbound(const struct attempt_group *g, const struct inbound_work *in, struct inbound_work *into)
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

/* ---- when callers gave up ---- */

static double least_wait(const struct attempt *a)
{
	return (double)(a->end_ns - a->start_ns) / 1e9;
}

/* The next that the caller did, in seconds from the start of @a: tried again, asked somebody else, or answered. */
static double next_sign(const struct attempt *a)
{
	if (a->retry) /* a connection that is older was not opened for it */
		return (double)((a->retry->begin_ns > a->end_ns ? a->retry->begin_ns : a->retry->start_ns) - a->start_ns) / 1e9;
	if (a->parent && a->parent->end_known && a->parent->end_ns >= a->end_ns)
		return (double)(a->parent->end_ns - a->start_ns) / 1e9;
	return NAN;
}

static int compare_doubles(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;
	return (a > b) - (a < b);
}

/* Where the values crowd: the lower edge of the first window, a tenth wide, that holds a good part of them: the time-out itself,
 * while tries that followed after a pause crowd further up. */
static double crowd(struct sample *s)
{
	qsort(s->list, s->count, sizeof(double), compare_doubles);
	for (size_t i = 0, to = 0; i < s->count; i++) {
		while (to < s->count && s->list[to] <= s->list[i] * 1.1 + 0.002)
			to++;
		if (to - i >= CROWD_LEAST && (to - i) * CROWD_PART >= s->count)
			return s->list[i];
	}
	return NAN;
}

static bool end_is_hidden(const struct attempt *a)
{
	return !a->end_known && (a->outcome == FL_OUTCOME_CONNECT_TIMEOUT || a->outcome == FL_OUTCOME_RESPONSE_TIMEOUT);
}

static struct fl_spread find_timeout(struct calls *c, enum fl_outcome outcome)
{
	struct sample signs = { 0 }, waits = { 0 };
	for (size_t i = 0; i < c->g->count; i++) {
		const struct attempt *a = c->g->list[i];
		double sign = a->outcome == outcome && end_is_hidden(a) ? next_sign(a) : NAN;
		if (!isnan(sign) && sign >= least_wait(a))
			sample_add(&signs, sign);
	}
	double edge = signs.count ? crowd(&signs) : NAN;
	for (size_t i = 0; i < c->g->count; i++) {
		struct attempt *a = c->g->list[i];
		if (a->outcome == outcome && a->end_known)
			sample_add(&waits, least_wait(a));
		if (a->outcome != outcome || !end_is_hidden(a) || isnan(edge))
			continue;
		double sign = next_sign(a);
		if (sign >= edge && sign <= edge * 1.1 + 0.002)
			sample_add(&waits, sign);
		if (least_wait(a) < edge)
			a->end_ns = a->start_ns + (int64_t)(edge * 1e9);
	}
	struct fl_spread spread = sample_spread(&waits);
	sample_fini(&signs);
	sample_fini(&waits);
	return spread;
}

/* ---- what came of the calls ---- */

/* Was there time to see whether the caller would go on? */
static bool is_in_view(const struct calls *c, const struct attempt *last)
{
	double longest = 0.2;
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		if (!isnan(c->pause_s[i]) && 2 * c->pause_s[i] > longest)
			longest = 2 * c->pause_s[i];
	return (double)(c->context->window_end_ns - last->end_ns) / 1e9 > longest;
}

static void count_call(const struct calls *c, struct fl_retries *r, struct attempt *first, struct sample *gaps)
{
	const struct attempt *last = first;
	while (last->retry)
		last = last->retry;
	/* Where the pause is always the same, a lone failure that nothing explains is the rest of a call that was put together wrongly. */
	if (first == last && first->orphan && c->firm[0] && !c->exact)
		return;
	if (last->outcome == FL_OUTCOME_UNDECIDED || (attempt_failed(last) && !is_in_view(c, last)))
		return;
	size_t i = last->number < FL_ATTEMPTS_MAX ? last->number : FL_ATTEMPTS_MAX - 1;
	r->calls++;
	r->retried += last != first;
	first->failed_for_good = attempt_failed(last);
	if (attempt_failed(last))
		r->gave_up[i]++;
	else
		r->recovered[i]++;
	for (const struct attempt *a = first; a->retry; a = a->retry) {
		const struct fl_conversation *from = fl_conversation_get(c->context->conversations, a->conversation);
		const struct fl_conversation *to = fl_conversation_get(c->context->conversations, a->retry->conversation);
		r->other_address += !fl_addr_equal(&from->key.server, &to->key.server);
		if (a->number < FL_GAPS_MAX && (a->end_known || a->end_ns > a->start_ns))
			sample_add(&gaps[a->number], pause_between(a, a->retry));
		if (!r->first_ns || a->retry->begin_ns < r->first_ns)
			r->first_ns = a->retry->begin_ns;
		if (a->retry->begin_ns > r->last_ns)
			r->last_ns = a->retry->begin_ns;
	}
}

static void count_calls(const struct calls *c, struct fl_retries *r)
{
	struct sample gaps[FL_GAPS_MAX] = { 0 };
	*r = (struct fl_retries){ 0 };
	for (size_t i = 0; i < c->g->count; i++) {
		struct attempt *a = c->g->list[i];
		if (a->number == 0 && attempt_failed(a) && !(a->flags & (FL_ATTEMPT_MULTIPLEXED | FL_ATTEMPT_HEALTH)))
			count_call(c, r, a, gaps);
	}
	for (size_t i = 0; i < FL_GAPS_MAX; i++) {
		r->gap[i] = sample_spread(&gaps[i]);
		sample_fini(&gaps[i]);
	}
}

/* Changes with every link, so rounds can end when nothing does. */
static uint64_t links_of(const struct calls *c)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < c->g->count; i++)
		if (c->g->list[i]->retry)
			sum = sum * 31 + (uint64_t)(c->g->list[i]->retry - c->g->list[i]);
	return sum;
}

static bool any_failed(const struct attempt_group *g)
{
	for (size_t i = 0; i < g->count; i++)
		if (attempt_failed(g->list[i]))
			return true;
	return false;
}

static void nothing_observed(struct fl_behaviour *b)
{
	struct sample none = { 0 };
	b->connect_timeout = b->response_timeout = sample_spread(&none);
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		b->retries.gap[i] = sample_spread(&none);
}

void behaviour_calls(struct fl_behaviour *b, const struct attempt_group *g, const struct call_context *context)
{
	struct inbound_work inbound = { 0 };
	struct call_context own = *context;
	struct calls c = { .g = g, .context = &own, .delay_s = NAN, .fresh_s = NAN, .pace_s = NAN };
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		c.pause_s[i] = c.goes_on[i] = c.shortest_s[i] = c.longest_s[i] = NAN;
	nothing_observed(b);
	if (!any_failed(g))
		return;
	if (context->inbound) {
		choose_inbound(g, context->inbound, &inbound);
		own.inbound = &inbound;
		c.used = fl_alloc_array(inbound.all.count + 1, sizeof(*c.used));
	}
	count_same(&c);
	learn_habits(&c);
	find_peaks(&c);
	round_of(&c);
	(void)find_timeout(&c, FL_OUTCOME_CONNECT_TIMEOUT);
	(void)find_timeout(&c, FL_OUTCOME_RESPONSE_TIMEOUT);
	uint64_t links = links_of(&c), before = links + 1;
	for (int i = 0; i < ROUNDS && links != before; i++) {
		learn_pauses(&c);
		round_of(&c);
		before = links;
		links = links_of(&c);
	}
	b->connect_timeout = find_timeout(&c, FL_OUTCOME_CONNECT_TIMEOUT);
	b->response_timeout = find_timeout(&c, FL_OUTCOME_RESPONSE_TIMEOUT);
	learn_pauses(&c);
	count_calls(&c, &b->retries);
	free(c.used);
	free(inbound.all.list);
	free(inbound.reach_ns);
}
