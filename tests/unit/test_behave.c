/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_behave.c - made-up facts in, findings out
 *
 * The policies are drawn as samples, with the noise of timers. The system is a chain: edge1 > api1, api2
 * (replicas) > db1 and two vendors; job1 > db1. Each test fills in what its hosts would have seen.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "faultline/behave.h"
#include "faultline/json.h"
#include "faultline/statistics.h"
#include "faultline/units.h"

/* ---- chance ---- */

static double uniform(uint64_t *seed) /* 0..1 */
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(*seed >> 11) / 9007199254740992.0;
}

static uint32_t poisson(uint64_t *seed, double mean)
{
	uint32_t n = 0;
	for (double left = exp(-mean), p = uniform(seed); p > left; p *= uniform(seed))
		n++;
	return n;
}

static struct fl_spread spread_of(const double *values, size_t count)
{
	return (struct fl_spread){ count, fl_quantile(values, count, 0), fl_quantile(values, count, 0.1),
		fl_quantile(values, count, 0.5), fl_quantile(values, count, 0.9),
		fl_quantile(values, count, 1) };
}

/* ---- policies ---- */

struct policy {
	const char *name;
	double pause[6]; /* NAN ends */
	double jitter;   /* pauses are drawn between (1 - jitter) of them and them */
	uint64_t calls, retried;
	const char *class;
	unsigned attempts;
};

#define END NAN, NAN
static struct policy policies[] = {
	{ "nothing failed, nothing is known", { END }, 0, 0, 0, "not observed", 0 },
	{ "two failures are too few to say that nobody retries", { END }, 0, 2, 0, "not observed", 0 },
	{ "twenty failures, none tried again", { END }, 0, 20, 0, "none", 1 },
	{ "at once, three times", { 0.0002, 0.0002, 0.0002, END }, 0, 40, 40, "immediate", 4 },
	{ "at once, over a new connection", { 0.006, 0.007, END }, 0.3, 40, 40, "immediate", 3 },
	{ "one retry after half a second", { 0.5, END }, 0, 30, 30, "fixed", 2 },
	{ "two hundred milliseconds each", { 0.2, 0.2, 0.2, END }, 0, 12, 12, "fixed", 4 },
	{ "a second each, half of it at random", { 1, 1, 1, END }, 0.5, 60, 60, "fixed-jitter", 4 },
	{ "a hundred milliseconds more each time", { 0.1, 0.2, 0.3, 0.4, END }, 0, 15, 15, "linear", 5 },
	{ "linear with jitter", { 0.2, 0.4, 0.6, 0.8, END }, 0.3, 200, 200, "linear-jitter", 5 },
	{ "doubling", { 0.05, 0.1, 0.2, 0.4, END }, 0, 15, 15, "exponential", 5 },
	{ "doubling, seen three times", { 1, 2, 4, END }, 0, 3, 3, "exponential", 4 },
	{ "half as long again each time", { 0.4, 0.6, 0.9, 1.35, END }, 0, 25, 25, "exponential", 5 },
	{ "doubling with jitter", { 0.1, 0.2, 0.4, END }, 0.5, 70, 70, "exponential-jitter", 4 },
	{ "doubling with full jitter", { 0.1, 0.2, 0.4, 0.8, END }, 1, 300, 300, "exponential-jitter", 5 },
	{ "doubling up to a cap", { 0.5, 1, 2, 2, END }, 0, 10, 10, "exponential", 5 },
	{ "half of the failures are of a kind that is tried again", { 0.3, END }, 0, 40, 20, "fixed", 2 },
	{ "one of two hundred may be another call for the same thing", { 0.3, END }, 0, 200, 1, "none", 1 },
};

static struct fl_retries retries_of(const struct policy *p)
{
	uint64_t seed = 42;
	struct fl_retries r = { .calls = p->calls, .retried = p->retried };
	size_t count = 0;
	while (count < 6 && !isnan(p->pause[count]))
		count++;
	for (size_t i = 0; i < FL_GAPS_MAX; i++) {
		double sample[400] = { 0 };
		for (size_t k = 0; i < count && k < p->retried; k++)
			sample[k] = p->pause[i] * (1 - p->jitter * uniform(&seed)) + 0.0015 * uniform(&seed);
		r.gap[i] = spread_of(sample, i < count ? p->retried : 0);
	}
	r.gave_up[count] = p->retried;
	r.gave_up[0] += p->calls - p->retried;
	r.first_ns = p->retried > 0 ? 1 : 0;
	r.last_ns = p->retried > 0 ? 2 : 0;
	return r;
}

static void test_policy(void **state)
{
	const struct policy *p = *state;
	struct fl_retries r = retries_of(p);
	struct fl_retry_schedule s = fl_retry_schedule(&r);
	assert_string_equal(s.name, p->class);
	assert_int_equal(s.attempts, p->attempts);
	for (size_t i = 0; i < s.gap_count; i++)
		assert_true(
			fabs(s.gaps_s[i] - p->pause[i] * (1 - p->jitter / 2)) < 0.1 * p->pause[i] + 0.003);
}

static void calls_that_may_be_put_together_wrongly_tell_no_class(void **state)
{
	struct fl_retries r = retries_of(&policies[6]);
	(void)state;
	r.unexplained = 0.4;
	assert_int_equal(fl_retry_schedule(&r).class, FL_RETRY_FIXED);
	assert_false(fl_retry_schedule(&r).unclear);
	r.unexplained = 0.6;
	struct fl_retry_schedule s = fl_retry_schedule(&r);
	assert_string_equal(s.name, "unknown");
	assert_int_equal(s.class, FL_RETRY_UNKNOWN);
	assert_int_equal(s.confidence, FL_CONFIDENCE_LOW);
	assert_int_equal(s.attempts, 0);
	assert_int_equal(s.gap_count, 0);
	assert_true(s.attempts_per_failed_call > 1);
}

static void what_recovers_tells_no_limit_of_attempts(void **state)
{
	struct fl_retries r = retries_of(&policies[6]);
	(void)state;
	r.gave_up[3] = 0;
	r.recovered[1] = 8;
	r.recovered[2] = 4;
	struct fl_retry_schedule s = fl_retry_schedule(&r);
	assert_int_equal(s.attempts, 3);
	assert_true(s.attempts_at_least);
	assert_true(isnan(s.attempts_per_failed_call));
}

static void timeouts_are_where_waits_gather_at_the_end(void **state)
{
	struct fl_spread sharp = { 20, 0.8, 0.8, 0.801, 0.803, 0.81 };
	struct fl_spread cut_short = { 30, 0.1, 0.3, 1.2, 1.49, 1.501 }; /* callers gave up on some callers */
	struct fl_spread anyhow = { 30, 0.1, 0.3, 0.9, 2, 7 }, one = { 1, 5, 5, 5, 5, 5 }, none = { 0 };
	(void)state;
	assert_true(fabs(fl_timeout_of(&sharp).seconds - 0.801) < 1e-9 && fl_timeout_of(&sharp).sharp);
	assert_true(fabs(fl_timeout_of(&cut_short).seconds - 1.49) < 1e-9 && fl_timeout_of(&cut_short).sharp);
	assert_false(fl_timeout_of(&anyhow).sharp);
	assert_int_equal(fl_timeout_of(&one).confidence, FL_CONFIDENCE_LOW);
	assert_true(isnan(fl_timeout_of(&none).seconds));
}

/* ---- the system ---- */

#define SCAN(host, address, rest)                                                                            \
	"{\"schema\":\"faultline.scan/1\",\"point\":\"" host                                                 \
	"\",\"window\":{\"start\":\"2026-11-21T12:00:00Z\","                                                 \
	"\"end\":\"2026-11-21T12:02:00Z\"},\"hosts\":[{\"name\":\"" host "\",\"addresses\":[\"" address      \
	"\"]}]," rest "}"
#define SERVICE(host, name, port)                                                                            \
	"\"services\":[{\"host\":\"" host "\",\"name\":\"" name "\",\"ports\":[{\"port\":" port              \
	",\"transport\":\"tcp\"}],\"exchanges\":2400}]"
#define USES(host, service, far)                                                                             \
	"{\"host\":\"" host "\",\"service\":\"" service                                                      \
	"\",\"transport\":\"tcp\",\"class\":\"on-request\",\"answered\":true,\"exchanges\":2400," far "}"
#define API(host, address)                                                                                    \
	SCAN(host, address,                                                                                   \
		SERVICE(host, "app", "8000") ",\"dependencies\":[" USES(host, "app",                          \
			"\"name\":\"db.int\",\"addresses\":[\"10.0.0.9\"],\"port\":5432") "," USES(host,      \
			"app",                                                                                \
			"\"name\":\"ads.example\",\"addresses\":[\"192.0.2.7\"],\"port\":443") "," USES(host, \
			"app", "\"name\":\"pay.example\",\"addresses\":[\"192.0.2.8\"],\"port\":443") "]")

static const char *const texts[] = {
	SCAN("edge1", "10.0.0.1",
		SERVICE("edge1", "nginx", "80") ",\"dependencies\":[" USES("edge1", "nginx",
			"\"name\":\"api.int\",\"addresses\":[\"10.0.0.2\",\"10.0.0.3\"],\"port\":8000") "]"),
	API("api1", "10.0.0.2"),
	API("api2", "10.0.0.3"),
	SCAN("db1", "10.0.0.9", SERVICE("db1", "postgres", "5432")),
	SCAN("job1", "10.0.0.5",
		SERVICE("job1", "job", "9000") ",\"dependencies\":[" USES(
			"job1", "job", "\"name\":\"db.int\",\"addresses\":[\"10.0.0.9\"],\"port\":5432") "]"),
};

/* Joined when it is looked at: facts come before. */
struct world {
	struct fl_scan_set scans;
	struct fl_arena *arena;
	struct fl_system *system;
	struct fl_behave *behave;
	uint64_t seed;
	int64_t start_ns;
};

static int make_world(void **state)
{
	struct world *w = fl_alloc(sizeof(*w));
	struct fl_error err = { "" };
	for (size_t i = 0; i < FL_ARRAY_LEN(texts); i++) {
		cJSON *root = NULL;
		if (fl_json_parse("scan", texts[i], strlen(texts[i]), &root, &err) != 0 ||
			fl_scan_set_from_json(&w->scans, "scan", root, &err) != 0)
			fail_msg("%s", err.text);
		cJSON_Delete(root);
	}
	w->arena = fl_arena_new();
	w->seed = 4711;
	w->start_ns = w->scans.list[0]->start_ns;
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;
	fl_behave_free(w->behave);
	fl_system_free(w->system);
	fl_arena_free(w->arena);
	free(w);
	return 0;
}

enum { SECONDS = 120 };

/* @rate calls a second that are answered after @latency_s. */
static struct fl_behaviour *calm(struct world *w, double rate, double latency_s)
{
	struct fl_arena *a = w->arena;
	struct fl_behaviour *b = fl_arena_alloc(a, sizeof(*b));
	b->series = (struct fl_series){ w->start_ns, FL_NS_PER_S, SECONDS,
		fl_arena_array(a, SECONDS, sizeof(*b->series.bucket)) };
	for (size_t i = 0; i < SECONDS; i++) {
		struct fl_series_bucket *k = &b->series.bucket[i];
		k->started = k->answered = poisson(&w->seed, rate);
		k->answer_s = k->answered * latency_s * (0.9 + 0.2 * uniform(&w->seed));
		k->in_flight_s = k->answer_s;
		k->in_flight_max = (uint32_t)ceil(k->in_flight_s) + (k->started > 0);
		b->outcome[FL_OUTCOME_ANSWERED] += k->answered;
	}
	b->calls_per_inbound = 1;
	b->nested_share = 1;
	b->coupling_p = 0.001;
	return b;
}

static void add_interval(struct world *w, struct fl_behaviour *b, enum fl_interval_kind kind, size_t from,
	size_t to, uint64_t attempts, uint64_t failures)
{
	b->intervals = fl_arena_alloc(w->arena, sizeof(*b->intervals));
	b->interval_count = 1;
	*b->intervals = (struct fl_interval){ kind, w->start_ns + (int64_t)from * FL_NS_PER_S,
		w->start_ns + (int64_t)to * FL_NS_PER_S, attempts, failures, 0 };
}

/* A share of what was asked between two seconds fails, at once. */
static void break_down(
	struct world *w, struct fl_behaviour *b, size_t from, size_t to, double share, bool told)
{
	uint64_t failed = 0, attempts = 0;
	for (size_t i = from; i < to; i++) {
		struct fl_series_bucket *k = &b->series.bucket[i];
		k->failed = (uint32_t)lround(k->started * share);
		k->answered = k->started - k->failed;
		k->answer_s *= 1 - share;
		failed += k->failed;
		attempts += k->started;
	}
	b->outcome[FL_OUTCOME_ERROR] += failed;
	b->outcome[FL_OUTCOME_ANSWERED] -= failed;
	if (told)
		add_interval(w, b, FL_INTERVAL_OUTAGE, from, to, attempts, failed);
}

/* Between two seconds nothing is answered; what waits grows up to @limit, and is answered after it. */
static void stall(struct world *w, struct fl_behaviour *b, size_t from, size_t to, double limit)
{
	double waiting = 0;
	uint64_t attempts = 0;
	for (size_t i = from; i < to; i++) {
		struct fl_series_bucket *k = &b->series.bucket[i];
		waiting = fmin(limit, waiting + k->started);
		attempts += k->started;
		k->answered = 0;
		k->answer_s = 0;
		k->in_flight_s = waiting;
		k->in_flight_max = (uint32_t)waiting;
	}
	b->series.bucket[to].answered += (uint32_t)waiting;
	b->series.bucket[to].answer_s += waiting * (double)(to - from) / 2;
	b->in_flight_max = (uint32_t)waiting;
	b->in_flight_plateau_s = waiting >= limit ? 5 : 0;
	add_interval(w, b, FL_INTERVAL_STALL, from, to, attempts, 0);
}

/* Latency rises by @slope_s each second from @from on. */
static void slow_down(struct fl_behaviour *b, size_t from, double slope_s)
{
	for (size_t i = from; i < SECONDS; i++) {
		struct fl_series_bucket *k = &b->series.bucket[i];
		double more = slope_s * (double)(i - from);
		k->answer_s += k->answered * more;
		k->in_flight_s += k->answered * more;
	}
}

static struct fl_scan *scan_of(struct world *w, const char *host)
{
	for (size_t i = 0; i < w->scans.count; i++)
		if (strcmp(w->scans.list[i]->point, host) == 0)
			return w->scans.list[i];
	return NULL;
}

static void put_inbound(struct world *w, const char *host, struct fl_behaviour *b)
{
	scan_of(w, host)->services[0].behaviour = b;
}

static void say_failover(struct world *w, const char *host, const char *name)
{
	struct fl_scan *s = scan_of(w, host);
	for (size_t i = 0; i < s->dependency_count; i++)
		if (strcmp(s->dependencies[i].name, name) == 0)
			s->dependencies[i].failover_seen = true;
}

static void put_calls(struct world *w, const char *host, const char *name, struct fl_behaviour *b)
{
	struct fl_scan *s = scan_of(w, host);
	for (size_t i = 0; i < s->dependency_count; i++)
		if (strcmp(s->dependencies[i].name, name) == 0)
			s->dependencies[i].behaviour = b;
}

static const char *const callers[] = { "api1", "api2" };

/* Everybody at work, nothing wrong. */
static void all_calm(struct world *w)
{
	put_inbound(w, "edge1", calm(w, 20, 0.05));
	put_calls(w, "edge1", "api.int", calm(w, 20, 0.05));
	for (size_t i = 0; i < 2; i++) {
		put_inbound(w, callers[i], calm(w, 10, 0.05));
		put_calls(w, callers[i], "db.int", calm(w, 10, 0.005));
		put_calls(w, callers[i], "ads.example", calm(w, 4, 0.03));
		put_calls(w, callers[i], "pay.example", calm(w, 6, 0.03));
	}
	put_inbound(w, "db1", calm(w, 25, 0.005));
	put_inbound(w, "job1", calm(w, 2, 0.1));
	put_calls(w, "job1", "db.int", calm(w, 5, 0.005));
}

static const struct fl_behave *look(struct world *w)
{
	w->system = fl_system_join(&w->scans);
	w->behave = fl_behave(w->system);
	return w->behave;
}

static const struct fl_behave_finding *find(
	const struct fl_behave *b, enum fl_behave_kind kind, const char *to)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->list[i].kind == kind && strstr(b->list[i].to, to) != NULL)
			return &b->list[i];
	return NULL;
}

static size_t count_of(const struct fl_behave *b, enum fl_behave_kind kind)
{
	size_t n = 0;
	for (size_t i = 0; i < b->count; i++)
		n += b->list[i].kind == kind;
	return n;
}

static void a_calm_system_has_no_findings(void **state)
{
	struct world *w = *state;
	all_calm(w);
	const struct fl_behave *b = look(w);
	for (size_t i = 0; i < b->count; i++)
		print_error("%s\n", b->list[i].why);
	assert_int_equal(b->count, 0);
	assert_int_equal(b->edge_count, 5); /* edge > api; api > db, ads, pay; job > db */
	assert_int_equal(b->edges[0].replica_count, 2);
}

static void no_facts_no_findings(void **state)
{
	const struct fl_behave *b = look(*state);
	assert_int_equal(b->count, 0);
	assert_int_equal(b->without_facts, b->edge_count);
	assert_string_equal(b->edges[0].retry.name, "not observed");
}

static void retries_multiply_along_the_chain(void **state)
{
	struct world *w = *state;
	struct policy outer = { "", { 0.001, END }, 0, 30, 30, "", 2 };
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *pay = calm(w, 6, 0.03);
		pay->retries = retries_of(&policies[3]);
		break_down(w, pay, 40, 70, 1, true);
		put_calls(w, callers[i], "pay.example", pay);
	}
	struct fl_behaviour *front = calm(w, 20, 0.05);
	front->retries = retries_of(&outer);
	put_calls(w, "edge1", "api.int", front);
	const struct fl_behave_finding *f = find(look(w), FL_BEHAVE_RETRY, "pay.example");
	assert_non_null(f);
	assert_string_equal(f->retry.name, "immediate");
	assert_int_equal(f->replica_count, 2);
	assert_int_equal(f->calls, 80);
	assert_true(fabs(f->amplification - 8) < 0.01);
	f = find(w->behave, FL_BEHAVE_RETRY, "api.int");
	assert_true(f != NULL && fabs(f->amplification - 2) < 0.01);
}

static void a_stall_climbs_from_the_database_to_the_edge(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *host;
		double limit;
	} tiers[] = { { "api1", 30 }, { "api2", 30 } };
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *in = calm(w, 10, 0.05), *db = calm(w, 10, 0.005);
		stall(w, in, 40, 60, tiers[i].limit);
		stall(w, db, 40, 60, 8);
		put_inbound(w, tiers[i].host, in);
		put_calls(w, tiers[i].host, "db.int", db);
	}
	struct fl_behaviour *front = calm(w, 20, 0.05), *users = calm(w, 20, 0.05);
	stall(w, front, 41, 60, 1000);
	stall(w, users, 41, 60, 1000);
	put_calls(w, "edge1", "api.int", front);
	put_inbound(w, "edge1", users);
	const struct fl_behave *b = look(w);
	assert_int_equal(count_of(b, FL_BEHAVE_STALL), 1);
	const struct fl_behave_finding *f = &b->list[0];
	assert_string_equal(f->from, "service:api1/app");
	assert_string_equal(f->to, "endpoint:db.int:5432/tcp");
	assert_int_equal(f->order_count, 4);
	assert_string_equal(f->order[0].id, "service:db1/postgres");
	assert_string_equal(f->order[1].id, "service:api1/app");
	assert_string_equal(f->order[2].id, "service:api2/app");
	assert_string_equal(f->order[3].id, "service:edge1/nginx");
	assert_true(f->order[1].at_limit && !f->order[3].at_limit);
	assert_true(f->in_flight_peak > 300 && f->in_flight_peak < 460);
	assert_int_equal(f->answered_other_count, 1);
	assert_string_equal(f->answered_others[0], "service:job1/job");
	assert_int_equal((f->end_ns - f->start_ns) / FL_NS_PER_S, 20);
	assert_int_equal(count_of(b, FL_BEHAVE_TREND), 0);
}

static void one_slow_answer_is_no_stall(void **state)
{
	struct world *w = *state;
	all_calm(w);
	struct fl_behaviour *job = calm(w, 0.2, 0.005);
	job->series.bucket[50].in_flight_s = 1;
	add_interval(w, job, FL_INTERVAL_STALL, 50, 53, 1, 0);
	put_calls(w, "job1", "db.int", job);
	assert_int_equal(look(w)->count, 0);
}

/* ads fails and is swallowed; pay fails in part of the same time and is not. */
static void of_two_failures_the_silent_one_is_told_from_the_other(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *ads = calm(w, 4, 0.03), *pay = calm(w, 6, 0.03), *in = calm(w, 10, 0.05);
		break_down(w, ads, 40, 80, 1, true);
		break_down(w, pay, 40, 60, 1, true);
		for (size_t k = 40; k < 60; k++) {
			uint32_t bad = pay->series.bucket[k].failed;
			bad = bad < in->series.bucket[k].answered ? bad : in->series.bucket[k].answered;
			in->series.bucket[k].failed = bad;
			in->series.bucket[k].answered -= bad;
		}
		put_calls(w, callers[i], "ads.example", ads);
		put_calls(w, callers[i], "pay.example", pay);
		put_inbound(w, callers[i], in);
	}
	const struct fl_behave *b = look(w);
	assert_int_equal(count_of(b, FL_BEHAVE_SILENT_FAILURE), 1);
	assert_int_equal(count_of(b, FL_BEHAVE_OUTAGE), 1);
	const struct fl_behave_finding *silent = find(b, FL_BEHAVE_SILENT_FAILURE, "ads.example");
	assert_non_null(silent);
	assert_int_equal((silent->end_ns - silent->start_ns) / FL_NS_PER_S, 40);
	assert_true(find(b, FL_BEHAVE_OUTAGE, "pay.example")->surfaced > 0.7);
}

/* First a few attempts fail and are made good by the next one, then all fail; what became of the failed calls is known of the window. */
static void what_retries_made_good_does_not_surface_with_what_they_did_not(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *pay = calm(w, 20, 0.03), *in = calm(w, 20, 0.05);
		break_down(w, pay, 20, 40, 0.05, true);
		break_down(w, pay, 60, 80, 1, true);
		break_down(w, in, 60, 80, 1, false);
		pay->retries = retries_of(&policies[3]);
		pay->surfacing = (struct fl_surfacing){ .failed_calls = 100, .surfaced_calls = 100, .others = 1000,
			.certainty = 1 };
		put_calls(w, callers[i], "pay.example", pay);
		put_inbound(w, callers[i], in);
	}
	const struct fl_behave *b = look(w);
	const struct fl_behave_finding *good = find(b, FL_BEHAVE_SILENT_FAILURE, "pay.example");
	const struct fl_behave_finding *bad = find(b, FL_BEHAVE_OUTAGE, "pay.example");
	assert_non_null(good);
	assert_true(good->masked_by_retries);
	assert_non_null(bad);
	assert_true(bad->surfaced > 0.7);
	assert_true(good->end_ns <= bad->start_ns);
}

static void a_delay_surfaces_as_well(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *ads = calm(w, 4, 0.03), *in = calm(w, 10, 0.05);
		break_down(w, ads, 40, 80, 1, true);
		for (size_t k = 40; k < 80; k++)
			in->series.bucket[k].answer_s *= 4;
		put_calls(w, callers[i], "ads.example", ads);
		put_inbound(w, callers[i], in);
	}
	const struct fl_behave *b = look(w);
	assert_int_equal(count_of(b, FL_BEHAVE_SILENT_FAILURE), 0);
	assert_true(find(b, FL_BEHAVE_OUTAGE, "ads.example")->delay_ratio > 3);
}

static void failures_now_and_then_are_silent_too(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *ads = calm(w, 10, 0.03);
		break_down(w, ads, 1, 119, 0.06, false);
		put_calls(w, callers[i], "ads.example", ads);
	}
	const struct fl_behave *b = look(w);
	assert_int_equal(b->count, 1);
	assert_non_null(find(b, FL_BEHAVE_SILENT_FAILURE, "ads.example"));
}

/* The vendor gets slower; api and edge wait for it and inherit that. */
static void growth_is_blamed_on_the_deepest_that_grows(void **state)
{
	struct world *w = *state;
	all_calm(w);
	struct fl_behaviour *front = calm(w, 20, 0.05), *users = calm(w, 20, 0.05);
	slow_down(front, 5, 0.0028);
	slow_down(users, 5, 0.0028);
	put_calls(w, "edge1", "api.int", front);
	put_inbound(w, "edge1", users);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *pay = calm(w, 6, 0.06), *in = calm(w, 10, 0.05);
		slow_down(pay, 5, 0.00933);
		slow_down(in, 5, 0.0056);
		put_calls(w, callers[i], "pay.example", pay);
		put_inbound(w, callers[i], in);
	}
	const struct fl_behave *b = look(w);
	assert_int_equal(count_of(b, FL_BEHAVE_TREND), 2);
	for (size_t i = 0; i < b->count; i++) {
		const struct fl_behave_finding *f = &b->list[i];
		double slope = f->quantity == FL_QUANTITY_LATENCY ? 0.00933 : 12 * 0.00933;
		assert_string_equal(f->to, "endpoint:pay.example:443/tcp");
		assert_true(fabs(f->slope_per_s - slope) < 0.1 * slope);
		assert_true(f->p < 1e-6 && isnan(f->limit_in_s));
		assert_int_equal(f->inherited_count, 2);
		assert_string_equal(f->inherited_by[1], "service:edge1/nginx");
	}
}

static void a_plateau_that_was_seen_is_what_growth_runs_into(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *pay = calm(w, 6, 0.06);
		slow_down(pay, 5, 0.00933);
		pay->in_flight_max = 30;
		pay->in_flight_plateau_s = i == 0 ? 2 : 0;
		put_calls(w, callers[i], "pay.example", pay);
	}
	const struct fl_behave *b = look(w);
	for (size_t i = 0; i < b->count; i++) {
		const struct fl_behave_finding *f = &b->list[i];
		if (f->quantity != FL_QUANTITY_IN_FLIGHT)
			continue;
		assert_string_equal(f->limit_kind, "observed plateau");
		assert_true(fabs(f->limit_in_s - (30 - f->to_value) / f->slope_per_s) < 1e-6);
		return;
	}
	fail_msg("no trend of work in flight");
}

/* Of what waits, in seconds 40 to 80: what keeps it near where it began, so that it only rises late. */
static void hold_back(struct fl_behaviour *b, double share)
{
	for (size_t i = SECONDS / 3; i < 2 * SECONDS / 3; i++)
		b->series.bucket[i].in_flight_s *= share;
}

/* What waits sways about a drift of the time to answer: it is a finding of its own beside it. */
static void what_waits_may_sway_where_answers_get_slower(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *pay = calm(w, 30, 0.06);
		slow_down(pay, 5, 0.00933);
		hold_back(pay, 0.45);
		put_calls(w, callers[i], "pay.example", pay);
	}
	const struct fl_behave *b = look(w);
	assert_int_equal(count_of(b, FL_BEHAVE_TREND), 2);
	assert_int_not_equal(b->list[0].quantity, b->list[1].quantity);
	for (size_t i = 0; i < b->count; i++)
		assert_string_equal(b->list[i].to, "endpoint:pay.example:443/tcp");
}

/* The same of what waits alone is none: a jump is no drift. */
static void what_waits_alone_has_to_rise_steadily(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *pay = calm(w, 30, 0.06), *slower = calm(w, 30, 0.06);
		slow_down(slower, 5, 0.00933);
		hold_back(slower, 0.45);
		for (size_t k = 0; k < SECONDS; k++)
			pay->series.bucket[k].in_flight_s = slower->series.bucket[k].in_flight_s;
		put_calls(w, callers[i], "pay.example", pay);
	}
	assert_int_equal(count_of(look(w), FL_BEHAVE_TREND), 0);
}

/* A caller that takes addresses in turn succeeds at another one after each failure; its failed calls were lost all the same. */
static void taking_turns_is_no_fail_over(void **state)
{
	struct world *w = *state;
	all_calm(w);
	struct fl_behaviour *front = calm(w, 20, 0.05);
	front->outcome[FL_OUTCOME_REFUSED] = 40;
	front->retries.calls = front->retries.gave_up[0] = 40;
	put_calls(w, "edge1", "api.int", front);
	say_failover(w, "edge1", "api.int");
	const struct fl_behave *b = look(w);
	for (size_t i = 0; i < b->count; i++)
		assert_false(b->list[i].kind == FL_BEHAVE_FAILOVER && b->list[i].confirmed &&
			     strstr(b->list[i].to, "api.int") != NULL);
}

/* Where the scan lacks packets, failures of about that share are no finding to rely on; an outage still is. */
static void failures_that_loss_can_make_are_of_low_confidence(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *ads = calm(w, 10, 0.03), *pay = calm(w, 10, 0.03);
		break_down(w, ads, 1, 119, 0.06, false);
		break_down(w, pay, 40, 70, 1, true);
		put_calls(w, callers[i], "ads.example", ads);
		put_calls(w, callers[i], "pay.example", pay);
		struct fl_coverage *c = &scan_of(w, callers[i])->coverage;
		c->packets = 96000;
		c->dropped_kernel = 4000;
	}
	const struct fl_behave *b = look(w);
	const struct fl_behave_finding *made = find(b, FL_BEHAVE_SILENT_FAILURE, "ads.example"), *real = NULL;
	for (size_t i = 0; i < b->count && real == NULL; i++)
		real = strstr(b->list[i].to, "pay.example") != NULL ? &b->list[i] : NULL;
	assert_true(made != NULL && made->uncaptured && made->confidence == FL_CONFIDENCE_LOW);
	assert_non_null(strstr(made->why, "4 000 dropped"));
	assert_true(real != NULL && !real->uncaptured && real->confidence != FL_CONFIDENCE_LOW);
}

/* Arrivals go up at the front: everything below follows, and the front is named. */
static void more_traffic_is_told_where_it_comes_in(void **state)
{
	struct world *w = *state;
	all_calm(w);
	struct fl_behaviour *front = calm(w, 20, 0.05), *users = calm(w, 20, 0.05);
	for (size_t i = 0; i < SECONDS; i++) {
		front->series.bucket[i].started = users->series.bucket[i].started =
			poisson(&w->seed, 10 + (double)i / 3);
	}
	put_calls(w, "edge1", "api.int", front);
	put_inbound(w, "edge1", users);
	const struct fl_behave *b = look(w);
	assert_int_equal(count_of(b, FL_BEHAVE_TREND), 1);
	assert_int_equal(b->list[0].quantity, FL_QUANTITY_RATE);
	assert_null(b->list[0].from);
	assert_string_equal(b->list[0].to, "service:edge1/nginx");
}

static void many_calls_per_request_are_a_finding(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *db = calm(w, 40, 0.005);
		db->calls_per_inbound = 4;
		put_calls(w, callers[i], "db.int", db);
	}
	const struct fl_behave *b = look(w);
	assert_int_equal(b->count, 1);
	assert_int_equal(b->list[0].kind, FL_BEHAVE_FAN_OUT);
	assert_true(fabs(b->list[0].ratio - 4) < 1e-9 && isnan(b->list[0].ratio_before));
}

static void a_ratio_that_changes_while_watched_is_a_finding(void **state)
{
	struct world *w = *state;
	all_calm(w);
	for (size_t i = 0; i < 2; i++) {
		struct fl_behaviour *db = calm(w, 10, 0.005), *more = calm(w, 20, 0.005);
		memcpy(&db->series.bucket[60], &more->series.bucket[60], 60 * sizeof(*db->series.bucket));
		put_calls(w, callers[i], "db.int", db);
	}
	const struct fl_behave_finding *f = find(look(w), FL_BEHAVE_FAN_OUT, "db.int");
	assert_non_null(f);
	assert_true(f->ratio > 1.8 && f->ratio_before < 1.2);
}

static void what_callers_do_is_told_with_its_numbers(void **state)
{
	struct world *w = *state;
	all_calm(w);
	struct fl_behaviour *front = calm(w, 20, 0.05);
	front->retries = retries_of(&policies[5]);
	front->outcome[FL_OUTCOME_CONNECT_TIMEOUT] = 28;
	front->retries.other_address = 20;
	say_failover(w, "edge1", "api.int");
	front->retries.recovered[1] = 28;
	front->retries.gave_up[1] = 2;
	front->connect_timeout = (struct fl_spread){ 25, 0.4, 0.4, 0.4008, 0.402, 0.403 };
	front->response_timeout = (struct fl_spread){ 3, 1.5, 1.5, 1.5009, 1.501, 1.501 };
	put_calls(w, "edge1", "api.int", front);
	const struct fl_behave *b = look(w);
	assert_int_equal(b->count, 4);
	assert_true(find(b, FL_BEHAVE_FAILOVER, "api.int")->confirmed);
	assert_int_equal(count_of(b, FL_BEHAVE_TIMEOUT), 2);
	const struct fl_behave_finding *t = find(b, FL_BEHAVE_TIMEOUT, "api.int");
	assert_true(fabs(t->seconds - (t->connect ? 0.4008 : 1.5009)) < 1e-6);
	assert_string_equal(find(b, FL_BEHAVE_RETRY, "api.int")->retry.name, "fixed");
	const struct fl_behave_edge *e = NULL;
	for (size_t i = 0; i < b->edge_count; i++)
		e = strstr(b->edges[i].to, "api.int") != NULL ? &b->edges[i] : e;
	assert_true(e != NULL && e->retry.attempts == 2);
}

/* Three windows of two minutes; the vendor fails from the middle of the first to the middle of the second, and for
 * itself at the end of the third. */
static void an_outage_over_the_end_of_a_window_is_one(void **state)
{
	static const struct { size_t from, to; } failing[] = { { 60, SECONDS }, { 0, 60 }, { 80, 100 } };
	struct fl_scan_set set = { 0 };
	struct world w = { .arena = fl_arena_new(), .seed = 21 };
	for (int i = 0; i < 3; i++) {
		char text[1024];
		struct fl_error err = { "" };
		cJSON *root = NULL;
		snprintf(text, sizeof(text),
			"{\"schema\":\"faultline.scan/"
			"1\",\"point\":\"api1\",\"window\":{\"start\":\"2026-11-21T10:%02d:00Z\","
			"\"end\":\"2026-11-21T10:%02d:00Z\"},\"hosts\":[{\"name\":\"api1\",\"addresses\":["
			"\"10.0.0.2\"]}],"
			"\"dependencies\":[" USES("api1", "app",
				"\"name\":\"pay.example\",\"addresses\":[\"192.0.2.8\"],\"port\":443") "]}",
			2 * i, 2 * i + 2);
		assert_int_equal(fl_json_parse("scan", text, strlen(text), &root, &err), 0);
		assert_int_equal(fl_scan_set_from_json(&set, "scan", root, &err), 0);
		cJSON_Delete(root);
		w.start_ns = set.list[i]->start_ns;
		struct fl_behaviour *pay = calm(&w, 6, 0.05);
		break_down(&w, pay, failing[i].from, failing[i].to, 1, true);
		set.list[i]->dependencies[0].behaviour = pay;
	}
	w.system = fl_system_join(&set);
	w.behave = fl_behave(w.system);
	assert_int_equal(w.behave->windows, 3);
	assert_int_equal(count_of(w.behave, FL_BEHAVE_OUTAGE), 2);
	int64_t longest = 0, others = 0;
	for (size_t i = 0; i < w.behave->count; i++) {
		const struct fl_behave_finding *f = &w.behave->list[i];
		int64_t lasts = f->kind == FL_BEHAVE_OUTAGE ? (f->end_ns - f->start_ns) / FL_NS_PER_S : 0;
		others += lasts == 20;
		longest = lasts > longest ? lasts : longest;
	}
	assert_int_equal(longest, 120);
	assert_int_equal(others, 1);
	fl_behave_free(w.behave);
	fl_system_free(w.system);
	fl_arena_free(w.arena);
	(void)state;
}

/* Eight windows of an hour, in each of which nothing grows; the vendor is slower in each than in the one
 * before. */
static void growth_over_stored_windows_is_told(void **state)
{
	struct fl_scan_set set = { 0 };
	struct world w = { .arena = fl_arena_new(), .seed = 12 };
	for (int i = 0; i < 8; i++) {
		char text[1024];
		struct fl_error err = { "" };
		cJSON *root = NULL;
		snprintf(text, sizeof(text),
			"{\"schema\":\"faultline.scan/"
			"1\",\"point\":\"api1\",\"window\":{\"start\":\"2026-11-21T%02d:00:00Z\","
			"\"end\":\"2026-11-21T%02d:00:00Z\"},\"hosts\":[{\"name\":\"api1\",\"addresses\":["
			"\"10.0.0.2\"]}],"
			"\"dependencies\":[" USES("api1", "app",
				"\"name\":\"pay.example\",\"addresses\":[\"192.0.2.8\"],\"port\":443") "]}",
			10 + i, 11 + i);
		assert_int_equal(fl_json_parse("scan", text, strlen(text), &root, &err), 0);
		assert_int_equal(fl_scan_set_from_json(&set, "scan", root, &err), 0);
		cJSON_Delete(root);
		w.start_ns = set.list[i]->start_ns;
		set.list[i]->dependencies[0].behaviour = calm(&w, 6, 0.05 + 0.01 * i);
	}
	w.system = fl_system_join(&set);
	w.behave = fl_behave(w.system);
	assert_int_equal(w.behave->windows, 8);
	const struct fl_behave_finding *f = NULL;
	for (size_t i = 0; i < w.behave->count; i++)
		f = w.behave->list[i].quantity == FL_QUANTITY_LATENCY ? &w.behave->list[i] : f;
	assert_true(f != NULL && f->kind == FL_BEHAVE_TREND && f->over_windows);
	assert_true(fabs(f->slope_per_s - 0.01 / 3600) < 0.15 * 0.01 / 3600);
	fl_behave_free(w.behave);
	fl_system_free(w.system);
	fl_arena_free(w.arena);
	(void)state;
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} systems[] = {
#define IN_A_SYSTEM(name) { #name, name }
		IN_A_SYSTEM(a_calm_system_has_no_findings),
		IN_A_SYSTEM(no_facts_no_findings),
		IN_A_SYSTEM(retries_multiply_along_the_chain),
		IN_A_SYSTEM(a_stall_climbs_from_the_database_to_the_edge),
		IN_A_SYSTEM(one_slow_answer_is_no_stall),
		IN_A_SYSTEM(of_two_failures_the_silent_one_is_told_from_the_other),
		IN_A_SYSTEM(what_retries_made_good_does_not_surface_with_what_they_did_not),
		IN_A_SYSTEM(a_delay_surfaces_as_well),
		IN_A_SYSTEM(failures_now_and_then_are_silent_too),
		IN_A_SYSTEM(growth_is_blamed_on_the_deepest_that_grows),
		IN_A_SYSTEM(a_plateau_that_was_seen_is_what_growth_runs_into),
		IN_A_SYSTEM(what_waits_may_sway_where_answers_get_slower),
		IN_A_SYSTEM(what_waits_alone_has_to_rise_steadily),
		IN_A_SYSTEM(failures_that_loss_can_make_are_of_low_confidence),
		IN_A_SYSTEM(taking_turns_is_no_fail_over),
		IN_A_SYSTEM(more_traffic_is_told_where_it_comes_in),
		IN_A_SYSTEM(many_calls_per_request_are_a_finding),
		IN_A_SYSTEM(a_ratio_that_changes_while_watched_is_a_finding),
		IN_A_SYSTEM(what_callers_do_is_told_with_its_numbers),
	};
	struct CMUnitTest tests[FL_ARRAY_LEN(policies) + FL_ARRAY_LEN(systems) + 5] = {
		cmocka_unit_test(calls_that_may_be_put_together_wrongly_tell_no_class),
		cmocka_unit_test(what_recovers_tells_no_limit_of_attempts),
		cmocka_unit_test(timeouts_are_where_waits_gather_at_the_end),
		cmocka_unit_test(growth_over_stored_windows_is_told),
		cmocka_unit_test(an_outage_over_the_end_of_a_window_is_one),
	};
	size_t count = 5;
	for (size_t i = 0; i < FL_ARRAY_LEN(policies); i++)
		tests[count++] =
			(struct CMUnitTest){ policies[i].name, test_policy, NULL, NULL, &policies[i] };
	for (size_t i = 0; i < FL_ARRAY_LEN(systems); i++)
		tests[count++] =
			(struct CMUnitTest){ systems[i].name, systems[i].run, make_world, end_world, NULL };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
