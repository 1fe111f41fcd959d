/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behaviour_calls.c - attempts put together to calls: which attempt retries which
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
 * Rounds over the attempts in the order of their start; each takes the pauses (behaviour_pauses.c) from the links of the one
 * before, until the links stay. SYNs that the kernel repeats are one attempt from the start (flow.h), so they never
 * show here.
 */
#include "behaviour_calls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faultline/units.h"

enum { FEW_PENDING = 2, ROUNDS = 8, LOOKED_AT_MAX = 80000, TIDY_BELOW = 32, TIDY_EVERY = 64, RARE = 16, RARE_SHARE = 50,
       FAILURES_MAX = 6000, FAILURES_MORE = 4, CALLS_ENOUGH = 100 };
static const int64_t slack_ns = 200000; /* two packets that were captured in the other order */
static const int64_t horizon_ns = INT64_C(90) * FL_NS_PER_S;
static const int64_t outage_apart_ns = INT64_C(10) * FL_NS_PER_S;
static const double pause_tolerance = 0.15;
static const double close_tolerance = 0.03, firm_tolerance = 0.06;
static const double pause_floor_s = 0.001;
static const double seldom = 0.25;
static const double torn_most = 0.2;
static const double room_for_retries = 1.2; /* attempts per inbound request */

/* ---- same thing? ---- */

static bool is_one_at_a_time(const struct attempt *a)
{
	return !(a->flags & (FL_ATTEMPT_MULTIPLEXED | FL_ATTEMPT_HEALTH));
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
	if (g->count)
		qsort(by_print, g->count, sizeof(struct attempt *), compare_prints);
	for (size_t i = 0, from = 0; i < g->count; i++) {
		if (i + 1 < g->count && by_print[i + 1]->fingerprint == by_print[i]->fingerprint)
			continue;
		uint32_t same = (uint32_t)(i + 1 - from);
		for (; from <= i; from++) {
			by_print[from]->same = same;
			if (!calls_readable(by_print[from]) || !attempt_failed(by_print[from]) || !is_rare(c, by_print[from]))
				continue;
			failed++;
			again += from < i && by_print[from + 1]->start_ns - by_print[from]->end_ns < horizon_ns;
		}
	}
	c->exact = failed && again * 3 >= failed;
	free(by_print);
}

/* May @b ask for what @a asked for? */
bool calls_may_be_same(const struct calls *c, const struct attempt *a, const struct attempt *b)
{
	if ((a->flags | b->flags) & FL_ATTEMPT_CONNECT)
		return true;
	if (calls_readable(a) && calls_readable(b))
		return c->exact || c->quota > 1 ? a->fingerprint == b->fingerprint : a->fingerprint >> 16 == b->fingerprint >> 16;
	uint32_t less = a->request_size < b->request_size ? a->request_size : b->request_size;
	uint32_t more = a->request_size < b->request_size ? b->request_size : a->request_size;
	return !calls_readable(a) && !calls_readable(b) && more - less <= 8;
}

/* Do the texts alone show it? */
static bool is_clearly_same(const struct calls *c, const struct attempt *a, const struct attempt *b)
{
	if ((a->flags | b->flags) & FL_ATTEMPT_CONNECT || !calls_readable(a) || !calls_readable(b))
		return false;
	return a->fingerprint == b->fingerprint && is_rare(c, a);
}
/* ---- the next attempt? ---- */

/* Could @b be the next attempt of @a's call? Higher is likelier; 0: no. */
static int likelihood(const struct calls *c, const struct attempt *a, const struct attempt *b, bool explained)
{
	if (b->start_ns + slack_ns < a->end_ns || b->start_ns - a->end_ns > horizon_ns || !calls_may_be_same(c, a, b))
		return 0;
	bool nested = calls_inside(a, a->begin_ns);
	if (nested && !calls_inside(a, b->begin_ns))
		return 0;
	if (is_clearly_same(c, a, b))
		return 3;
	size_t i = calls_place(a);
	if (c->learnt && c->goes_on[i] < seldom)
		return 0;
	double pause = calls_pause(a, b);
	if (c->learnt && (pause < c->shortest_s[i] || pause > c->longest_s[i]))
		return 0;
	bool fits = calls_pause_fits(c, a, pause, explained ? close_tolerance : c->firm[i] ? firm_tolerance : pause_tolerance);
	if (!fits && (c->learnt ? c->firm[i] : c->peak_count > 0))
		return 0;
	if (nested)
		return explained && c->pending_count > FEW_PENDING ? 0 : fits ? 2 : explained || calls_inbound_over(a->parent, b->begin_ns) ? 0 : 1;
	if (!isnan(c->context->period_s) && pause > c->context->period_s / 2)
		return 0;
	return fits ? 2 : !isnan(c->pace_s) && pause < c->pace_s / 2 ? 1 : 0;
}

/* How far the pause is from the one that is usual at this place; NaN: none is known. */
static double deviation(const struct calls *c, const struct attempt *a, const struct attempt *b)
{
	double known = c->pause_s[calls_place(a)];
	double pause = calls_pause(a, b);
	return c->learnt ? fabs(pause - known) / (known + pause_floor_s) : c->peak_count ? calls_off_peak(c, pause) : NAN;
}

static bool is_better(const struct calls *c, const struct attempt *a, const struct attempt *than, const struct attempt *b)
{
	bool fits = calls_pause_fits(c, a, calls_pause(a, b), pause_tolerance);
	bool other = calls_pause_fits(c, than, calls_pause(than, b), pause_tolerance);
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

/* To the front those that are left; @now: without those that are over by then; NULL: all. */
static void tidy(struct calls *c, const struct attempt *now)
{
	size_t kept = 0;
	for (size_t i = c->first_pending; i < c->end_pending; i++) {
		const struct attempt *a = c->pending[i].attempt;
		bool over = !a || (now && (now->start_ns - a->end_ns > horizon_ns ||
					   (calls_inside(a, a->begin_ns) && !calls_inside(a, now->begin_ns))));
		if (!over)
			c->pending[kept++] = c->pending[i];
	}
	c->first_pending = 0;
	c->end_pending = c->pending_count = kept;
}

static void take_out(struct calls *c, size_t i)
{
	c->pending[i] = (struct pending){ .text_from_ns = INT64_MAX, .text_to_ns = INT64_MIN };
	c->pending_count--;
	while (c->first_pending < c->end_pending && !c->pending[c->first_pending].attempt)
		c->first_pending++;
}

static int64_t after(const struct attempt *a, double pause_s, int64_t more_ns)
{
	return pause_s < 1e9 ? a->end_ns + (int64_t)(pause_s * 1e9) + more_ns : INT64_MAX;
}

/* When its next attempt may begin: never later than this, nor, by learnt pauses, sooner or later than those. What likelihood() says
 * no to may lie within; what it says yes to does. */
static struct pending pending_of(const struct calls *c, struct attempt *a)
{
	size_t i = calls_place(a);
	bool text = calls_readable(a) && !(a->flags & FL_ATTEMPT_CONNECT);
	struct pending p = { .attempt = a, .text_from_ns = a->end_ns - slack_ns, .from_ns = a->end_ns - slack_ns };
	p.text = text ? a->fingerprint : 0;
	p.to_ns = a->end_ns + horizon_ns;
	if (calls_inside(a, a->begin_ns) && a->open_until_ns < p.to_ns)
		p.to_ns = a->open_until_ns;
	p.text_to_ns = p.to_ns;
	if (c->learnt && c->goes_on[i] < seldom)
		p.from_ns = INT64_MAX;
	else if (c->learnt && !isnan(c->shortest_s[i]) && after(a, c->shortest_s[i], -slack_ns) > p.from_ns)
		p.from_ns = after(a, c->shortest_s[i], -slack_ns);
	if (c->learnt && !isnan(c->longest_s[i]) && after(a, c->longest_s[i], slack_ns) < p.to_ns)
		p.to_ns = after(a, c->longest_s[i], slack_ns);
	return p;
}

/* Is it worth a closer look whether @b follows? */
static bool may_follow(const struct pending *p, const struct attempt *b, bool whole_text)
{
	if (b->begin_ns > p->text_to_ns || b->start_ns < p->text_from_ns)
		return false;
	bool text = p->text && calls_readable(b) && !(b->flags & FL_ATTEMPT_CONNECT);
	if (text && p->text == b->fingerprint)
		return true;
	if (text && (whole_text || p->text >> 16 != b->fingerprint >> 16))
		return false;
	return b->begin_ns <= p->to_ns && b->start_ns >= p->from_ns;
}

static void add_pending(struct calls *c, struct attempt *a)
{
	if (c->pending_count == PENDING_MAX)
		take_out(c, c->first_pending);
	if (c->end_pending == 2 * PENDING_MAX)
		tidy(c, NULL);
	c->pending[c->end_pending++] = pending_of(c, a);
	c->pending_count++;
}

static void follow(struct calls *c, struct attempt *b)
{
	size_t best = SIZE_MAX, by = calls_explained_by(c, b), candidates = 0;
	bool whole_text = c->exact || c->quota > 1;
	int most = 0;
	for (size_t i = c->first_pending; i < c->end_pending; i++) {
		struct attempt *a = c->pending[i].attempt;
		int likely = may_follow(&c->pending[i], b, whole_text) ? likelihood(c, a, b, by != 0) : 0;
		candidates += likely > 0;
		if (likely == 0 || likely < most || (likely == most && !is_better(c, a, c->pending[best].attempt, b)))
			continue;
		most = likely;
		best = i;
	}
	if (best == SIZE_MAX) {
		b->orphan = !by && calls_inside(b, b->begin_ns);
		b->parent = by ? c->context->inbound->all.list[by - 1] : calls_newest_open(c, b);
		if (by)
			c->used[by - 1]++;
		return;
	}
	struct attempt *a = c->pending[best].attempt;
	b->parent = a->parent;
	a->retry = b;
	a->clear = most == 3 || (candidates == 1 && !by);
	b->number = a->number + 1;
	take_out(c, best);
}

static void round_of(struct calls *c)
{
	c->first_pending = c->end_pending = c->pending_count = 0;
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
		if (i == c->first_part)
			c->first_pending = c->end_pending = c->pending_count = 0;
		if (!is_one_at_a_time(a))
			continue;
		if (c->pending_count <= TIDY_BELOW || i % TIDY_EVERY == 0 || c->pending_count == PENDING_MAX)
			tidy(c, a);
		follow(c, a);
		if (attempt_failed(a))
			add_pending(c, a);
	}
}
/* ---- what came of the calls ---- */

/* Was there time to see whether the caller would go on? */
static bool is_in_view(const struct calls *c, const struct attempt *last)
{
	double longest = 0.2;
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		if (!isnan(c->pause_s[i]) && 2 * c->pause_s[i] > longest)
			longest = 2 * c->pause_s[i];
	int64_t end_ns = c->part_end_ns[last->start_ns >= c->part_end_ns[0]];
	return (double)(end_ns - last->end_ns) / 1e9 > longest;
}

/* Calls that show what the caller does when an address fails. */
struct call_counts {
	uint64_t went_on;       /* succeeded at another address than one at which they failed */
	uint64_t stayed;        /* given up where nobody could be reached, no other address tried */
	uint64_t cut;           /* failed attempts of calls that were not over when the time looked at was */
};

static void count_failover(struct call_counts *count, const struct attempt *last, uint64_t hops)
{
	bool unreached = last->outcome == FL_OUTCOME_REFUSED || last->outcome == FL_OUTCOME_CONNECT_TIMEOUT;
	count->went_on += hops > 0 && !attempt_failed(last);
	count->stayed += hops == 0 && unreached;
}

static void count_call(const struct calls *c, struct fl_retries *r, struct attempt *first, struct sample *gaps,
		       struct call_counts *counts)
{
	const struct attempt *last = first;
	while (last->retry)
		last = last->retry;
	/* Where the pause is always the same, a lone failure that nothing explains is the rest of a call that was put together wrongly. */
	if (first == last && first->orphan && c->firm[0] && !c->exact)
		return;
	if (last->outcome == FL_OUTCOME_UNDECIDED || (attempt_failed(last) && !is_in_view(c, last))) {
		counts->cut += last->number + UINT64_C(1);
		return;
	}
	size_t i = last->number < FL_ATTEMPTS_MAX ? last->number : FL_ATTEMPTS_MAX - 1;
	r->calls++;
	r->retried += last != first;
	first->failed_for_good = attempt_failed(last);
	if (attempt_failed(last))
		r->gave_up[i]++;
	else
		r->recovered[i]++;
	uint64_t other_address = r->other_address;
	for (const struct attempt *a = first; a->retry; a = a->retry) {
		const struct fl_conversation *from = fl_conversation_get(c->context->conversations, a->conversation);
		const struct fl_conversation *to = fl_conversation_get(c->context->conversations, a->retry->conversation);
		r->other_address += !fl_addr_equal(&from->key.server, &to->key.server);
		if (a->number < FL_GAPS_MAX && (a->end_known || a->end_ns > a->start_ns))
			sample_add(&gaps[a->number], calls_pause(a, a->retry));
		if (!r->first_ns || a->retry->begin_ns < r->first_ns)
			r->first_ns = a->retry->begin_ns;
		if (a->retry->begin_ns > r->last_ns)
			r->last_ns = a->retry->begin_ns;
	}
	count_failover(counts, last, r->other_address - other_address);
}

static struct call_counts count_calls(const struct calls *c, struct fl_retries *r)
{
	struct call_counts counts = { 0 };
	struct sample gaps[FL_GAPS_MAX] = { 0 };
	*r = (struct fl_retries){ 0 };
	for (size_t i = 0; i < c->g->count; i++) {
		struct attempt *a = c->g->list[i];
		if (a->number == 0 && attempt_failed(a) && !(a->flags & (FL_ATTEMPT_MULTIPLEXED | FL_ATTEMPT_HEALTH)))
			count_call(c, r, a, gaps, &counts);
	}
	for (size_t i = 0; i < FL_GAPS_MAX; i++) {
		r->gap[i] = sample_spread(&gaps[i]);
		sample_fini(&gaps[i]);
	}
	return counts;
}

/*
 * That nothing was tried again is only told by how the caller calls where nothing fails, and there being no more calls than it makes then;
 * or by there being no more attempts than inbound requests. Without either it is not known.
 */
static bool is_undecided(const struct calls *c, const struct attempt_group *all, const struct fl_retries *r, double torn)
{
	const struct inbound_work *in = c->context->inbound;
	bool habits = in ? c->habits_seen && torn <= torn_most : !isnan(c->pace_s) || !isnan(c->context->period_s);
	if (habits || c->exact || (double)r->retried >= seldom * (double)r->calls)
		return false;
	return !in || (double)all->count > room_for_retries * (double)in->all.count;
}

static void find_open_work(const struct calls *c)
{
	const struct inbound_work *in = c->context->inbound;
	for (size_t i = 0; i < c->g->count; i++) {
		struct attempt *a = c->g->list[i];
		size_t at = in ? inbound_before(in, a->begin_ns) : 0;
		a->open_until_ns = at ? in->reach_ns[at - 1] : INT64_MIN;
	}
}

/* Changes with every link, so rounds can end when nothing does. */
/* ---- what is looked at ---- */

/* Index behind the @most-th failure at or after @from. */
static size_t behind_failures(const struct attempt_group *g, size_t from, size_t most)
{
	size_t at = from;
	for (size_t failed = 0; at < g->count && failed < most; at++)
		failed += attempt_failed(g->list[at]) && is_one_at_a_time(g->list[at]);
	return at;
}

/* Where the longest time without a failure begins, at or after @from, when it is long enough that no call is under way at its end. */
static size_t behind_outage(const struct attempt_group *g, size_t from)
{
	int64_t longest_ns = outage_apart_ns;
	size_t found = g->count, begins = from;
	for (size_t i = from; i < g->count; i++) {
		if (!attempt_failed(g->list[i]))
			continue;
		int64_t without_ns = g->list[i]->start_ns - g->list[begins ? begins - 1 : 0]->end_ns;
		if (without_ns > longest_ns) {
			longest_ns = without_ns;
			found = begins;
		}
		begins = i + 1;
	}
	return found;
}

/*
 * In a storm the calls of its first seconds tell what those of its last do. Looked at is all up to the @most-th failure, and of
 * another outage behind it as many; more when too few calls end in that time. The list is *@into's own.
 */
static void look_at(const struct attempt_group *g, size_t most, struct calls *c, struct attempt_group *into)
{
	size_t first = behind_failures(g, 0, most), again = behind_outage(g, first), last = behind_failures(g, again, most);
	into->count = first + (last - again);
	into->list = fl_alloc_array(into->count + 1, sizeof(struct attempt *));
	memcpy(into->list, g->list, first * sizeof(struct attempt *));
	if (last > again)
		memcpy(into->list + first, g->list + again, (last - again) * sizeof(struct attempt *));
	for (size_t i = 0; i < into->count; i++)
		into->list[i]->looked_at = true;
	c->first_part = first;
	c->part_end_ns[0] = first < g->count ? g->list[first]->start_ns : c->context->window_end_ns;
	c->part_end_ns[1] = last < g->count ? g->list[last]->start_ns : c->context->window_end_ns;
}

static uint64_t failures_in(const struct attempt_group *g)
{
	uint64_t failed = 0;
	for (size_t i = 0; i < g->count; i++)
		failed += attempt_failed(g->list[i]) && is_one_at_a_time(g->list[i]);
	return failed;
}

/* What was not looked at is in the same part retries as what was: of attempts behind a failure. */
static void number_the_rest(const struct attempt_group *g, const struct attempt_group *looked)
{
	size_t behind = 0, firsts = 0;
	for (size_t i = 1; i < looked->count; i++)
		if (attempt_failed(looked->list[i - 1])) {
			behind++;
			firsts += looked->list[i]->number == 0;
		}
	double share = behind ? (double)firsts / (double)behind : 1, due = 0;
	for (size_t i = 1; i < g->count; i++) {
		struct attempt *a = g->list[i];
		if (a->looked_at || !attempt_failed(g->list[i - 1]))
			continue;
		due += share;
		a->number = due < 1;
		due -= a->number ? 0 : 1;
	}
}

/* From those that were looked at to all, by failed attempts; @cut of them were of calls that are not counted. */
static void scale(struct fl_retries *r, const struct attempt_group *g, const struct attempt_group *looked, uint64_t cut)
{
	double times = (double)failures_in(g) / fmax(1, (double)failures_in(looked) - (double)cut);
	if (looked->count == g->count)
		return;
	number_the_rest(g, looked);
	r->calls = r->retried = 0;
	for (size_t i = 0; i < FL_ATTEMPTS_MAX; i++) {
		r->recovered[i] = (uint64_t)llround(times * (double)r->recovered[i]);
		r->gave_up[i] = (uint64_t)llround(times * (double)r->gave_up[i]);
		r->calls += r->recovered[i] + r->gave_up[i];
		r->retried += i ? r->recovered[i] + r->gave_up[i] : 0;
	}
	r->other_address = (uint64_t)llround(times * (double)r->other_address);
	for (size_t i = g->count; i > 0 && r->last_ns; i--)
		if (attempt_failed(g->list[i - 1])) {
			r->last_ns = g->list[i - 1]->start_ns > r->last_ns ? g->list[i - 1]->start_ns : r->last_ns;
			break;
		}
}

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

static void retries_not_observed(struct fl_retries *r)
{
	struct sample none = { 0 };
	*r = (struct fl_retries){ 0 };
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		r->gap[i] = sample_spread(&none);
}

static void nothing_observed(struct fl_behaviour *b)
{
	struct sample none = { 0 };
	b->connect_timeout = b->response_timeout = sample_spread(&none);
	retries_not_observed(&b->retries);
}

/* Rounds until the links stay, and the other way when it leaves less over. */
static void link_attempts(struct calls *c)
{
	for (size_t i = 0; i < FL_GAPS_MAX; i++)
		c->pause_s[i] = c->goes_on[i] = c->shortest_s[i] = c->longest_s[i] = NAN;
	find_open_work(c);
	count_same(c);
	calls_learn_habits(c);
	calls_find_peaks(c);
	round_of(c);
	(void)calls_find_timeout(c, FL_OUTCOME_CONNECT_TIMEOUT);
	(void)calls_find_timeout(c, FL_OUTCOME_RESPONSE_TIMEOUT);
	uint64_t links = links_of(c), before = links + 1;
	size_t rounds = c->g->count < LOOKED_AT_MAX / ROUNDS ? ROUNDS : LOOKED_AT_MAX / c->g->count + 2;
	for (size_t i = 0; i < rounds && links != before; i++) {
		calls_learn_pauses(c);
		round_of(c);
		before = links;
		links = links_of(c);
	}
	(void)calls_put_together(c);
}

/* Of @looked, the part of all attempts @g whose calls are put together. Return: was fail-over seen? */
static bool find_calls(struct fl_behaviour *b, const struct attempt_group *g, struct calls *c)
{
	link_attempts(c);
	const struct attempt_group *looked = c->g;
	c->g = g;
	b->connect_timeout = calls_find_timeout(c, FL_OUTCOME_CONNECT_TIMEOUT);
	b->response_timeout = calls_find_timeout(c, FL_OUTCOME_RESPONSE_TIMEOUT);
	c->g = looked;
	calls_learn_pauses(c);
	struct call_counts counts = count_calls(c, &b->retries);
	c->calls_seen = b->retries.calls;
	double of_attempts, torn = calls_torn(c, &of_attempts);
	b->retries.unexplained = b->retries.calls ? rounded(fmin(1, calls_unexplained(c) + of_attempts)) : 0;
	scale(&b->retries, g, looked, counts.cut);
	if (is_undecided(c, g, &b->retries, torn))
		retries_not_observed(&b->retries);
	/* Now and then two calls are taken for one and its retry: those that went on must outnumber those that were lost where nobody could be
	 * reached. */
	return counts.went_on > counts.stayed;
}

bool behaviour_calls(struct fl_behaviour *b, const struct attempt_group *g, const struct call_context *context)
{
	struct inbound_work inbound = { 0 };
	struct call_context own = *context;
	bool failover_seen = false;
	nothing_observed(b);
	if (!any_failed(g))
		return false;
	if (context->inbound) {
		calls_choose_inbound(g, context->inbound, &inbound);
		own.inbound = &inbound;
	}
	for (size_t most = FAILURES_MAX;; most *= FAILURES_MORE) {
		struct attempt_group looked = { NULL, 0 };
		struct calls c = { .g = &looked, .context = &own, .delay_s = NAN, .fresh_s = NAN, .pace_s = NAN };
		c.used = own.inbound ? fl_alloc_array(inbound.all.count + 1, sizeof(*c.used)) : NULL;
		look_at(g, most, &c, &looked);
		failover_seen = find_calls(b, g, &c);
		bool enough = c.calls_seen >= CALLS_ENOUGH || looked.count == g->count;
		free(looked.list);
		free(c.used);
		if (enough)
			break;
	}
	free(inbound.all.list);
	free(inbound.reach_ns);
	return failover_seen;
}
